//! A dataset as the contract's options describe it, made ready for row work once at start: columns with their checks,
//! code tables resolved, headers looked up. Everything a row is checked for stands in the proto options.

use std::collections::HashMap;

use minqing_kit::flat::Wire;
use minqing_proto::{
    contract,
    minqing::options::v1::{ColumnFormat, Dataset, Mask, PersonalClass, Subject, Unit},
};
use prost_reflect::{FieldDescriptor, Kind, MessageDescriptor};

use super::{
    Cell,
    text::{self, Scale},
};
use crate::bureau::Bureau;

const DEFAULT_MAX_LENGTH: usize = 200;

/// How a column's text is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    Text,
    IdNumber,
    Name,
    /// Past or present.
    Date,
    AnyDate,
    Month,
    Division,
    Code,
    Number,
    Truth,
}

/// What a column's field holds in the row message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scalar {
    Text,
    Int32,
    Int64,
    Truth,
}

/// One column.
pub struct Column {
    pub field: FieldDescriptor,
    /// The field's name and number, and what it holds: asking the descriptor for each row costs more than the row.
    pub name: String,
    pub number: u32,
    pub scalar: Scalar,
    optional: bool,
    /// As the contract writes it.
    pub header: String,
    pub form: Form,
    pub required: bool,
    pub key: bool,
    pub min: Option<i64>,
    pub max: Option<i64>,
    pub max_length: usize,
    /// Local and standard codes with the standard ones.
    pub codes: HashMap<String, String>,
    /// Left out of what goes to monitoring: names, ID numbers, and what no purpose of the core opens.
    pub cleared: bool,
    /// Money: the header may say yuan instead of fen.
    pub money: bool,
}

impl Column {
    /// Declared `optional`: the row message can say that the value is not known.
    pub fn may_be_unknown(&self) -> bool {
        self.optional
    }

    /// What a row holds that leaves the field out.
    pub fn left_out(&self) -> Cell {
        match self.scalar {
            _ if self.optional => Cell::Empty,
            Scalar::Text => Cell::Text(String::new()),
            Scalar::Int32 | Scalar::Int64 => Cell::Whole(0),
            Scalar::Truth => Cell::Truth(false),
        }
    }

    /// Reads the field's value; `None` when it is of another type.
    pub fn cell(&self, value: Wire<'_>) -> Option<Cell> {
        Some(match self.scalar {
            Scalar::Text => Cell::Text(value.text()?.to_owned()),
            Scalar::Int32 => Cell::Whole(i64::from(value.int32()?)),
            Scalar::Int64 => Cell::Whole(value.int64()?),
            Scalar::Truth => Cell::Truth(value.truth()?),
        })
    }
}

/// Whom or what a dataset's rows are about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum About {
    /// A person, or the household of one. `name` is the place of the name's column.
    Person { name: usize },
    /// The county that is the row's division; nobody is named.
    County,
    /// The township that is the row's division; nobody is named.
    Township,
}

impl About {
    /// Whether rows may be about this division of twelve digits.
    pub fn fits(self, division: u64) -> bool {
        let county = division.is_multiple_of(1_000_000);
        match self {
            About::Person { .. } => true,
            About::County => county && !(division / 1_000_000).is_multiple_of(100),
            About::Township => !county && division.is_multiple_of(1_000),
        }
    }
}

/// A dataset of one bureau.
pub struct Schema {
    pub dataset: Dataset,
    pub message: MessageDescriptor,
    /// In order of their fields' numbers, in which a row is encoded too.
    pub columns: Vec<Column>,
    /// Whom or what a row is about.
    pub about: About,
    pub(crate) bureau: Bureau,
    headers: HashMap<String, (usize, Scale)>,
}

impl Schema {
    /// Reads a dataset off the contract. The error names what the contract or the adapter lacks.
    pub fn of(bureau: Bureau, dataset: &str) -> Result<Schema, String> {
        let message = contract::dataset_message(bureau.name, dataset)
            .ok_or_else(|| format!("the contract has no dataset {}.{dataset}", bureau.name))?;
        let columns = message.fields().map(|f| column(&bureau, f)).collect::<Result<Vec<_>, _>>()?;
        let dataset = contract::dataset(&message).ok_or("not a dataset")?;
        let about = about(dataset.subject(), &columns).map_err(|wrong| format!("{} {wrong}", message.full_name()))?;
        let headers = headers(&bureau, &columns);
        Ok(Schema { dataset, message, columns, about, bureau, headers })
    }

    /// Every dataset of a bureau; the error lists everything that is wrong.
    pub fn all(bureau: Bureau) -> Result<Vec<Schema>, Vec<String>> {
        let (mut good, mut bad) = (Vec::new(), Vec::new());
        for dataset in bureau.datasets {
            match Schema::of(bureau, dataset) {
                Ok(schema) => good.push(schema),
                Err(fault) => bad.push(fault),
            }
        }
        if bureau.number().is_none() {
            bad.push(format!("the contract has no bureau {}", bureau.name));
        }
        if bad.is_empty() { Ok(good) } else { Err(bad) }
    }

    pub fn name(&self) -> &str {
        &self.dataset.name
    }

    /// The column a file's header names, with the unit it names.
    pub fn header(&self, header: &str) -> Option<(usize, Scale)> {
        self.headers.get(&header_key(header)).copied()
    }

    pub fn place(&self, field: &str) -> Option<usize> {
        self.columns.iter().position(|c| c.name == field)
    }

    /// Place of the column whose field has this number.
    pub fn numbered(&self, number: u32) -> Option<usize> {
        self.columns.binary_search_by_key(&number, |c| c.number).ok()
    }
}

/// What the rows are about; what the columns lack for it, or have beside it, otherwise.
fn about(subject: Subject, columns: &[Column]) -> Result<About, String> {
    let place = |form: Form| columns.iter().position(|c| c.form == form);
    let needed = |form: Form| place(form).ok_or_else(|| format!("has no column of form {form:?}"));
    let division = needed(Form::Division)?;
    let level = match subject {
        Subject::Unspecified => return Err("does not say what a row is about".to_owned()),
        Subject::Person | Subject::Household => {
            needed(Form::IdNumber)?;
            return Ok(About::Person { name: needed(Form::Name)? });
        }
        Subject::County => About::County,
        Subject::Township => About::Township,
    };
    if let Some(form) = [Form::IdNumber, Form::Name].into_iter().find(|form| place(*form).is_some()) {
        return Err(format!("is about a division and has a column of form {form:?}"));
    }
    match columns.get(division) {
        Some(column) if column.key && column.required => Ok(level),
        _ => Err("is about a division that is no required part of its key".to_owned()),
    }
}

fn column(bureau: &Bureau, field: FieldDescriptor) -> Result<Column, String> {
    let at = field.full_name().to_owned();
    let column = contract::column(&field).ok_or_else(|| format!("{at} is no column"))?;
    let label = contract::label(&field).ok_or_else(|| format!("{at} has no label"))?;
    let form = form(&field, column.format(), !column.code_table.is_empty())
        .ok_or_else(|| format!("{at} has a kind no column can have"))?;
    let codes = if form == Form::Code { codes(bureau, &column.code_table)? } else { HashMap::new() };
    let identity = label.personal() == PersonalClass::Identity;
    let scalar = match field.kind() {
        Kind::Int32 => Scalar::Int32,
        Kind::Int64 => Scalar::Int64,
        Kind::Bool => Scalar::Truth,
        _ => Scalar::Text,
    };
    Ok(Column {
        name: field.name().to_owned(),
        number: field.number(),
        scalar,
        optional: field.supports_presence(),
        header: column.header.clone(),
        form,
        required: column.required,
        key: column.key,
        min: column.min,
        max: column.max,
        max_length: usize::try_from(column.max_length).ok().filter(|n| *n > 0).unwrap_or(DEFAULT_MAX_LENGTH),
        codes,
        cleared: identity || label.mask() == Mask::Omit,
        money: matches!(label.unit(), Unit::Fen | Unit::FenPerMonth | Unit::FenPerYear),
        field,
    })
}

fn form(field: &FieldDescriptor, format: ColumnFormat, coded: bool) -> Option<Form> {
    if field.is_list() || field.is_map() {
        return None;
    }
    match field.kind() {
        Kind::Int32 | Kind::Int64 => Some(Form::Number),
        Kind::Bool => Some(Form::Truth),
        Kind::String if coded => Some(Form::Code),
        Kind::String => Some(match format {
            ColumnFormat::Unspecified => Form::Text,
            ColumnFormat::IdNumber => Form::IdNumber,
            ColumnFormat::Name => Form::Name,
            ColumnFormat::Date => Form::Date,
            ColumnFormat::AnyDate => Form::AnyDate,
            ColumnFormat::Month => Form::Month,
            ColumnFormat::Division => Form::Division,
        }),
        _ => None,
    }
}

/// Local codes and the standard ones, all in the spelling codes are compared in.
fn codes(bureau: &Bureau, table: &str) -> Result<HashMap<String, String>, String> {
    let mine = bureau.code_tables.iter().find(|t| t.name == table);
    let mine = mine.ok_or_else(|| format!("{} has no code table {table}", bureau.name))?;
    let mut codes = HashMap::new();
    for (standard, local) in mine.entries {
        for text in local.iter().chain([standard]) {
            if let Some(before) = codes.insert(code_key(text), (*standard).to_owned()).filter(|b| b != standard) {
                return Err(format!("code {text} of {table} means both {before} and {standard}"));
            }
        }
    }
    Ok(codes)
}

/// Spelling in which codes are compared.
pub fn code_key(text: &str) -> String {
    text::narrow(text).trim().to_lowercase()
}

/// Spelling in which headers are compared: no blanks, half-width, and without the star many templates put on
/// required columns.
fn header_key(text: &str) -> String {
    let text = text::narrow(&text::trim(text)).to_lowercase();
    text.chars().filter(|c| !c.is_whitespace() && *c != '*').collect()
}

fn headers(bureau: &Bureau, columns: &[Column]) -> HashMap<String, (usize, Scale)> {
    let mut all = HashMap::new();
    for (place, column) in columns.iter().enumerate() {
        all.insert(header_key(&column.header), (place, Scale::One));
        all.insert(header_key(column.field.name()), (place, Scale::One));
        if column.money {
            // 学费分 is the contract's; bureaus also write 学费(分), 学费元, 学费(元).
            let base = column.header.strip_suffix('分').unwrap_or(&column.header);
            all.insert(header_key(&format!("{base}(分)")), (place, Scale::One));
            for yuan in ["元", "(元)"] {
                all.insert(header_key(&format!("{base}{yuan}")), (place, Scale::Yuan));
            }
        }
    }
    for (header, field) in bureau.headers {
        if let Some(place) = columns.iter().position(|c| c.field.name() == *field) {
            let yuan = columns[place].money && header_key(header).trim_end_matches(')').ends_with('元');
            all.entry(header_key(header)).or_insert((place, if yuan { Scale::Yuan } else { Scale::One }));
        }
    }
    all
}
