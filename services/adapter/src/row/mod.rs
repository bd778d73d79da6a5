//! One row of a dataset, from what a bureau sent to what goes to monitoring. A typed message (gRPC) and a line of
//! texts (file) become the same [`RawRow`] and pass the same checks, so both get the same answer for the same fault.
//! Pure: the register is asked later, for the whole batch.

pub mod doubt;
mod fault;
pub mod schema;
pub mod text;
mod wire;

use chrono::{Months, NaiveDate};
use minqing_kit::{
    flat,
    keys::{IdFault, IdNumber, Keyring, Secret},
};
use minqing_proto::minqing::types::v1::RowReason;
use prost::encoding;
use uuid::Uuid;

pub use self::{
    doubt::Doubtful,
    fault::{Fault, Review},
};
use self::{
    schema::{About, Column, Form, Scalar, Schema},
    text::Scale,
};

/// Longest encoded row; the contract's columns cannot fill it.
const MAX_ROW_BYTES: usize = 64 * 1024;
/// From this on a double no longer holds every whole number.
const MAX_EXACT: f64 = 9_007_199_254_740_992.0;
/// ID numbers of the second generation, which a spreadsheet's number cannot hold.
const EXACT_DIGITS: f64 = 1e15;

/// A whole number of years that nobody has reached: whose ID number says so is dead or somebody else.
const OLDEST: u32 = 121;

/// What one cell holds.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Cell {
    #[default]
    Empty,
    Text(String),
    /// A spreadsheet's number.
    Number(f64),
    Date(NaiveDate),
    Truth(bool),
    /// A typed whole number.
    Whole(i64),
    /// Bytes that are no text.
    Unreadable,
}

impl Cell {
    fn is_empty(&self) -> bool {
        match self {
            Cell::Empty => true,
            Cell::Text(text) => text::is_blank_throughout(text),
            _ => false,
        }
    }

    fn into_text(self) -> Plain {
        match self {
            Cell::Empty => Plain::Text(String::new()),
            Cell::Text(text) => Plain::Text(text),
            Cell::Date(date) => Plain::Text(date.to_string()),
            Cell::Truth(truth) => Plain::Text(if truth { "1" } else { "0" }.to_owned()),
            Cell::Whole(whole) => Plain::Text(whole.to_string()),
            Cell::Number(number) => Plain::Number(number),
            Cell::Unreadable => Plain::Unreadable,
        }
    }
}

/// A cell with the spellings taken out that mean the same.
enum Plain {
    Text(String),
    Number(f64),
    Unreadable,
}

/// A row as it came: one cell a column of the dataset, blanks around texts trimmed.
pub struct RawRow<'a> {
    schema: &'a Schema,
    cells: Vec<Cell>,
    scales: &'a [Scale],
    /// The bureau's quirk was applied.
    plain: bool,
}

impl<'a> RawRow<'a> {
    /// `scales` holds the unit each column's header named; empty for typed rows.
    pub fn new(schema: &'a Schema, cells: Vec<Cell>, scales: &'a [Scale]) -> RawRow<'a> {
        RawRow { schema, cells, scales, plain: false }
    }

    /// Row `row`, typed; the fault when it is no message of the dataset, or holds more than the dataset has: what
    /// nobody would keep must not look as if it had been taken in.
    pub fn of_any(schema: &'a Schema, row: u32, any: &prost_types::Any) -> Result<RawRow<'a>, Fault> {
        let name = any.type_url.rsplit('/').next().unwrap_or_default();
        let unreadable = |place| Fault::new(row, place, RowReason::RowUnreadable);
        if name != schema.message.full_name() || any.value.len() > MAX_ROW_BYTES {
            return Err(unreadable(None));
        }
        let mut cells: Vec<Cell> = schema.columns.iter().map(Column::left_out).collect();
        let mut unknown: Option<u32> = None;
        for field in flat::fields(&any.value) {
            let broken = || unreadable(wire::broken_column(schema, &any.value));
            let (number, value) = field.map_err(|_| broken())?;
            match schema.numbered(number) {
                Some(place) => cells[place] = schema.columns[place].cell(value).ok_or_else(broken)?,
                None => unknown = Some(unknown.map_or(number, |before| before.min(number))),
            }
        }
        if let Some(other) = unknown {
            return Err(Fault { other, ..Fault::new(row, None, RowReason::UnknownColumn) });
        }
        Ok(RawRow::new(schema, cells, &[]))
    }

    pub fn dataset(&self) -> &str {
        self.schema.name()
    }

    /// The text in a field; empty when it holds none.
    pub fn get(&self, field: &str) -> &str {
        match self.schema.place(field).and_then(|p| self.cells.get(p)) {
            Some(Cell::Text(text)) => text.trim(),
            _ => "",
        }
    }

    /// Puts another text into a field that holds one; numbers and dates of a spreadsheet stay as they are.
    pub fn edit(&mut self, field: &str, edit: impl FnOnce(&str) -> String) {
        let text = self.get(field);
        if !text.is_empty() {
            let text = edit(text);
            self.set(field, text);
        }
    }

    /// Replaces the text of a field, if the dataset has it.
    pub fn set(&mut self, field: &str, text: impl Into<String>) {
        if let Some(cell) = self.schema.place(field).and_then(|p| self.cells.get_mut(p)) {
            *cell = Cell::Text(text.into());
        }
    }

    /// Places of the columns that hold nothing once the bureau's quirk is undone.
    pub fn empty_columns(&mut self) -> impl Iterator<Item = usize> + '_ {
        self.make_plain();
        self.cells.iter().enumerate().filter(|(_, cell)| cell.is_empty()).map(|(place, _)| place)
    }

    /// A quirk need not bear being applied twice.
    fn make_plain(&mut self) {
        if let Some(quirk) = self.schema.bureau.quirk.filter(|_| !self.plain) {
            self.plain = true;
            quirk(self);
        }
    }

    /// Checks every column and makes the row that goes to monitoring; the first fault in column order otherwise.
    pub fn check(self, row: u32, cx: &Checks<'_>) -> Result<CleanRow, Fault> {
        match self.judge(row, cx) {
            Outcome::Clean(clean) => Ok(clean),
            Outcome::Doubtful(doubtful) => Err(doubtful.fault),
            Outcome::Refused(fault) => Err(fault),
        }
    }

    /// As [`RawRow::check`]; a row that is good but for its number, and may be meant for somebody, says so.
    pub fn judge(mut self, row: u32, cx: &Checks<'_>) -> Outcome {
        self.make_plain();
        let mut read = Read::default();
        let mut doubt = None;
        for (place, column) in self.schema.columns.iter().enumerate() {
            let cell = self.cells.get_mut(place).map(std::mem::take).unwrap_or_default();
            let scale = self.scales.get(place).copied().unwrap_or(Scale::One);
            match read_cell((self.schema.about, column), cell, scale, cx, &mut read) {
                Ok(text) => read.standard.push(text),
                Err(reason) => {
                    let fault = Fault::new(row, Some(place), reason);
                    // The rest is read only to know whether the number is all that is wrong.
                    if doubt.is_some() || read.faulty_number.is_none() {
                        return Outcome::Refused(doubt.unwrap_or(fault));
                    }
                    doubt = Some(fault);
                    read.standard.push(String::new());
                }
            }
        }
        read.finish(self.schema, row, cx, doubt)
    }
}

/// What became of a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    Clean(CleanRow),
    /// Refused for its number, unless the person it means is known.
    Doubtful(Box<Doubtful>),
    Refused(Fault),
}

/// What checks need beside the row.
pub struct Checks<'a> {
    pub keys: &'a Keyring,
    pub today: NaiveDate,
    /// Whether a division of twelve digits is known.
    pub knows: &'a (dyn Fn(u64) -> bool + Sync),
    /// County of the batch, twelve digits; rows of another county contradict it. 0: any.
    pub county: u64,
    /// Whether it is searched for whom a faulty number may mean. That takes some tenths of a millisecond a number.
    pub searches: bool,
}

/// A good row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CleanRow {
    /// Keyed hash of the natural key.
    pub record_key: Uuid,
    /// Nil in a row about a division, as is the name's.
    pub person_key: Uuid,
    pub name_key: Uuid,
    /// The name as it came, for whoever has to decide about it.
    pub name: Secret,
    /// Twelve digits.
    pub division: u64,
    /// The dataset's message without identity and what is left out.
    pub body: Vec<u8>,
}

/// A row whose columns all passed, in the contract's spelling.
pub struct Standard<'a> {
    schema: &'a Schema,
    values: &'a [String],
    id: &'a str,
}

impl Standard<'_> {
    pub fn dataset(&self) -> &str {
        self.schema.name()
    }

    /// A field's value as canonical text; empty when it holds none.
    pub fn get(&self, field: &str) -> &str {
        self.schema.place(field).and_then(|p| self.values.get(p)).map_or("", String::as_str)
    }

    /// A field's whole number.
    pub fn whole(&self, field: &str) -> i64 {
        self.get(field).parse().unwrap_or_default()
    }

    /// Whether the row is about the holder of this ID number, whatever way it is written.
    pub fn is_about(&self, id_number: &str) -> bool {
        IdNumber::parse(id_number).is_ok_and(|other| other.expose() == self.id)
    }
}

/// A row under reading: canonical texts in column order and what was made of the ID number and the name.
struct Read {
    standard: Vec<String>,
    person_key: Uuid,
    name_key: Uuid,
    name: Secret,
    division: u64,
    id: String,
    /// A number that is none, with those it may be meant for.
    faulty_number: Option<(Secret, Vec<doubt::Likely>)>,
}

impl Default for Read {
    fn default() -> Read {
        Read {
            standard: Vec::new(),
            person_key: Uuid::nil(),
            name_key: Uuid::nil(),
            name: Secret::new(String::new()),
            division: 0,
            id: String::new(),
            faulty_number: None,
        }
    }
}

fn read_cell(
    (about, column): (About, &Column),
    cell: Cell,
    scale: Scale,
    cx: &Checks<'_>,
    read: &mut Read,
) -> Result<String, RowReason> {
    if let (Cell::Whole(number), Form::Number, Scale::One) = (&cell, column.form, scale) {
        return within(column, *number);
    }
    let text = match cell.into_text() {
        Plain::Unreadable => return Err(RowReason::RowUnreadable),
        Plain::Number(number) => number_as_text(column, number, scale)?,
        Plain::Text(text) => text::trimmed(text),
    };
    if text::has_unreadable(&text) {
        return Err(RowReason::RowUnreadable);
    }
    if text.is_empty() {
        // A whole number or a yes/no that is not `optional` has no "unknown" in the row message: empty must not become
        // 0 or no.
        let stated = matches!(column.form, Form::Number | Form::Truth) && !column.may_be_unknown();
        return if column.required || stated { Err(RowReason::RequiredValueMissing) } else { Ok(text) };
    }
    match column.form {
        Form::Text => bounded(column, text::narrow_letters(text)),
        Form::Name => {
            read.name_key = cx.keys.name_key(&text);
            read.name = Secret::new(text.as_str());
            bounded(column, text)
        }
        Form::IdNumber => id_number(&text, cx, read),
        Form::Date => match text::date(&text) {
            None => Err(RowReason::DateMalformed),
            Some(date) if date > cx.today => Err(RowReason::DateInFuture),
            Some(date) => Ok(date.to_string()),
        },
        Form::AnyDate => text::date(&text).map(|date| date.to_string()).ok_or(RowReason::DateMalformed),
        Form::Month => text::month(&text).ok_or(RowReason::DateMalformed),
        Form::Division => division(&text, about, cx, read),
        Form::Code => column.codes.get(&schema::code_key(&text)).cloned().ok_or(RowReason::CodeUnknown),
        Form::Number => number(column, &text, scale),
        Form::Truth => text::truth(&text).map(|t| u8::from(t).to_string()).ok_or(RowReason::CodeUnknown),
    }
}

/// A spreadsheet's number as the text a person would have typed. Where a text was needed and digits may be lost, it
/// is refused.
fn number_as_text(column: &Column, number: f64, scale: Scale) -> Result<String, RowReason> {
    match column.form {
        Form::IdNumber => return Err(RowReason::NumericIdCell),
        Form::Text | Form::Code | Form::Name if number.abs() >= EXACT_DIGITS => return Err(RowReason::NumericIdCell),
        _ => (),
    }
    if !number.is_finite() || number.abs() > MAX_EXACT {
        return Err(RowReason::NumberMalformed);
    }
    // A double prints 1234.56 as 1234.56, but sums made in the sheet come as 1234.5600000001: cents are rounded.
    let cents = (number * 100.0).round() / 100.0;
    let near = (number - cents).abs() < 1e-6;
    Ok(if scale == Scale::Yuan && near { format!("{cents}") } else { format!("{number}") })
}

fn bounded(column: &Column, text: String) -> Result<String, RowReason> {
    if text.chars().count() > column.max_length { Err(RowReason::TextTooLong) } else { Ok(text) }
}

fn id_number(text: &str, cx: &Checks<'_>, read: &mut Read) -> Result<String, RowReason> {
    if text::is_scientific(text) {
        return Err(RowReason::NumericIdCell);
    }
    let oldest = cx.today.checked_sub_months(Months::new(OLDEST * 12)).unwrap_or(NaiveDate::MIN);
    let lives = |id: &IdNumber| id.birth_on() <= cx.today && id.birth_on() > oldest;
    let reason = match IdNumber::parse(text) {
        Ok(id) if lives(&id) => return Ok(good_number(&id, cx, read)),
        Ok(_) => RowReason::AgeImplausible,
        Err(IdFault::Malformed) => RowReason::IdNumberMalformed,
        Err(IdFault::CheckDigit) => RowReason::IdNumberCheckDigit,
    };
    let likely = if cx.searches { doubt::likely(text, cx.keys, lives) } else { Vec::new() };
    read.faulty_number = (!likely.is_empty()).then(|| (Secret::new(text), likely));
    Err(reason)
}

fn good_number(id: &IdNumber, cx: &Checks<'_>, read: &mut Read) -> String {
    read.person_key = cx.keys.person_key(id);
    id.expose().clone_into(&mut read.id);
    // In the natural key the person stands for the number, so that 15 and 18 digits are one.
    read.person_key.to_string()
}

fn division(text: &str, about: About, cx: &Checks<'_>, read: &mut Read) -> Result<String, RowReason> {
    let code = text::division(text).filter(|code| (cx.knows)(*code)).ok_or(RowReason::DivisionUnknown)?;
    if cx.county != 0 && code / 1_000_000 != cx.county / 1_000_000 {
        return Err(RowReason::Inconsistent);
    }
    if !about.fits(code) {
        return Err(RowReason::DivisionLevel);
    }
    read.division = code;
    Ok(format!("{code:012}"))
}

fn number(column: &Column, text: &str, scale: Scale) -> Result<String, RowReason> {
    within(column, text::number(text, scale).ok_or(RowReason::NumberMalformed)?)
}

fn within(column: &Column, number: i64) -> Result<String, RowReason> {
    let low = column.min.is_some_and(|min| number < min);
    let high = column.max.is_some_and(|max| number > max);
    let wide = column.scalar == Scalar::Int32 && i32::try_from(number).is_err();
    if low || high || wide { Err(RowReason::OutOfRange) } else { Ok(number.to_string()) }
}

impl Read {
    fn finish(self, schema: &Schema, row: u32, cx: &Checks<'_>, doubt: Option<Fault>) -> Outcome {
        if let Some(check) = schema.bureau.check {
            let standard = Standard { schema, values: &self.standard, id: &self.id };
            if let Some(field) = check(&standard) {
                let fault = Fault::new(row, schema.place(field), RowReason::Inconsistent);
                return Outcome::Refused(doubt.unwrap_or(fault));
            }
        }
        let body = body(schema, &self.standard);
        let keyed = schema.columns.iter().zip(self.standard).filter(|(c, _)| c.key);
        let key_texts: Vec<String> = keyed.map(|(_, text)| text).collect();
        let Read { person_key, name_key, name, division, .. } = self;
        match (doubt, self.faulty_number) {
            (None, _) => {
                let record_key = doubt::record_key(schema, cx.keys, &key_texts, person_key);
                Outcome::Clean(CleanRow { record_key, person_key, name_key, name, division, body })
            }
            (Some(fault), Some((number, candidates))) if !name_key.is_nil() => {
                let number_key = cx.keys.faulty_number_key(number.expose());
                Outcome::Doubtful(Box::new(Doubtful {
                    fault,
                    number_key,
                    name_key,
                    candidates,
                    number,
                    name,
                    key_texts,
                    division,
                    body,
                }))
            }
            (Some(fault), _) => Outcome::Refused(fault),
        }
    }
}

/// The message that goes on, made anew from the checked texts: nothing unknown to the contract comes through. Encoded as
/// `prost` does, so equal rows have equal bytes.
fn body(schema: &Schema, standard: &[String]) -> Vec<u8> {
    let mut body = Vec::new();
    for (column, text) in schema.columns.iter().zip(standard).filter(|(c, _)| !c.cleared) {
        let told = column.may_be_unknown();
        if text.is_empty() {
            continue;
        }
        match column.scalar {
            Scalar::Text => encoding::string::encode(column.number, text, &mut body),
            Scalar::Truth if told || text == "1" => encoding::bool::encode(column.number, &(text == "1"), &mut body),
            Scalar::Int64 if told || text != "0" => {
                encoding::int64::encode(column.number, &text.parse().unwrap_or_default(), &mut body);
            }
            Scalar::Int32 if told || text != "0" => {
                encoding::int32::encode(column.number, &text.parse().unwrap_or_default(), &mut body);
            }
            Scalar::Truth | Scalar::Int32 | Scalar::Int64 => {}
        }
    }
    body
}
