//! Rows of the bureaus' datasets as typed columns. The layout of a dataset comes from the policy crate's catalogue and
//! through it from the message's descriptor, so a new dataset needs no code here.

use std::collections::HashSet;

use chrono::NaiveDate;
use minqing_kit::flat::{self, Wire};
use minqing_policy::catalogue::{self, RecordSet};
use minqing_proto::{
    contract,
    minqing::{monitoring::v1::Record, options::v1::Rhythm as Due},
};
use prost_reflect::FieldDescriptor;
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::{error::Fault, feed::Rhythm};

/// Most rows in one part.
pub const MAX_ROWS: usize = 2_000;
/// Bytes kept of a row's digest: enough that two versions of one row never meet.
const HASH_BYTES: usize = 16;

/// Type of a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Type {
    Text,
    Date,
    BigInt,
    Int,
    Bool,
}

impl Type {
    fn of(sql_type: &str) -> Option<Type> {
        Some(match sql_type {
            "text" => Type::Text,
            "date" => Type::Date,
            "bigint" => Type::BigInt,
            "integer" => Type::Int,
            "boolean" => Type::Bool,
            _ => return None,
        })
    }
}

/// A column of a record set.
#[derive(Clone, Debug)]
pub struct Column {
    /// Name in the table.
    pub name: String,
    pub sql_type: &'static str,
    kind: Type,
    /// The field may be left out, which is not its default.
    optional: bool,
}

/// A bureau's dataset.
#[derive(Clone, Debug)]
pub struct Dataset {
    pub bureau: String,
    pub name: String,
    /// Chinese title.
    pub title: String,
    /// Name of the record set's table, without its schema.
    pub table: String,
    /// Columns of its primary key.
    pub primary_key: &'static str,
    pub rhythm: Rhythm,
    pub fresh_days: u32,
    /// Rows are about a county or a township and hold no person.
    pub of_divisions: bool,
    pub columns: Vec<Column>,
    /// Every field of the contract in its order, also those that never reach monitoring.
    pub fields: Vec<Field>,
    /// Place of a field's column by the field's number.
    places: Vec<Option<usize>>,
}

/// A field as bureaus fill it in.
#[derive(Clone, Debug)]
pub struct Field {
    pub name: String,
    pub header: String,
    /// Largest share of empty values, permille; `None`: may be empty as often as it likes.
    pub null_limit: Option<i32>,
}

/// Of required columns whose contract names no limit.
const NULL_LIMIT: i32 = 50;

/// Every dataset of the contracts.
pub fn datasets() -> Result<Vec<Dataset>, Fault> {
    catalogue::record_sets().iter().map(Dataset::read).collect()
}

impl Dataset {
    /// Its name in policy packs, `hr.unemployment`.
    pub fn source(&self) -> String {
        format!("{}.{}", self.bureau, self.name)
    }

    fn read(set: &RecordSet) -> Result<Dataset, Fault> {
        let unusable = || Fault::DatasetUnusable { dataset: set.name() };
        let message = contract::dataset_message(&set.bureau, &set.dataset).ok_or_else(unusable)?;
        let rhythm = match set.contract.rhythm() {
            Due::Daily => Rhythm::Daily,
            Due::TenDays => Rhythm::TenDays,
            Due::Monthly => Rhythm::Monthly(u32::try_from(set.contract.due_day).map_err(|_| unusable())?),
            Due::OnEvent => Rhythm::OnEvent,
            Due::Unspecified => return Err(unusable()),
        };
        let (mut columns, mut places) = (Vec::new(), Vec::new());
        for (place, column) in set.columns.iter().enumerate() {
            let field = message.get_field_by_name(&column.field).ok_or_else(unusable)?;
            let number = usize::try_from(field.number()).map_err(|_| unusable())?;
            places.resize(places.len().max(number + 1), None);
            places[number] = Some(place);
            columns.push(Column {
                name: column.column.clone(),
                sql_type: column.sql_type,
                kind: Type::of(column.sql_type).ok_or_else(unusable)?,
                optional: field.supports_presence(),
            });
        }
        Ok(Dataset {
            bureau: set.bureau.clone(),
            name: set.dataset.clone(),
            title: set.title.clone(),
            table: set.table.clone(),
            primary_key: set.primary_key,
            rhythm,
            fresh_days: u32::try_from(set.contract.fresh_days).map_err(|_| unusable())?,
            of_divisions: set.division.is_some(),
            columns,
            fields: message.fields().filter_map(|field| of_contract(&field)).collect(),
            places,
        })
    }

    /// Reads what a message holds of the columns; `None` when it is no message.
    fn read_body<'a>(&self, body: &'a [u8], found: &mut [Option<Wire<'a>>]) -> Option<()> {
        found.fill(None);
        for field in flat::fields(body) {
            let (number, value) = field.ok()?;
            let place = usize::try_from(number).ok().and_then(|number| self.places.get(number).copied().flatten());
            if let Some(place) = place {
                found[place] = Some(value);
            }
        }
        Some(())
    }

    /// A field of the contract by its name.
    pub fn field(&self, name: &str) -> Option<&Field> {
        self.fields.iter().find(|field| field.name == name)
    }
}

fn of_contract(field: &FieldDescriptor) -> Option<Field> {
    let column = contract::column(field)?;
    let null_limit = column.null_limit_permille.or(column.required.then_some(NULL_LIMIT));
    Some(Field { name: field.name().to_owned(), header: column.header, null_limit })
}

/// One column's values, row by row.
#[derive(Clone, Debug, PartialEq)]
pub enum Values {
    Text(Vec<Option<String>>),
    Date(Vec<Option<NaiveDate>>),
    BigInt(Vec<Option<i64>>),
    Int(Vec<Option<i32>>),
    Bool(Vec<Option<bool>>),
}

impl Values {
    fn of(kind: Type, capacity: usize) -> Values {
        match kind {
            Type::Text => Values::Text(Vec::with_capacity(capacity)),
            Type::Date => Values::Date(Vec::with_capacity(capacity)),
            Type::BigInt => Values::BigInt(Vec::with_capacity(capacity)),
            Type::Int => Values::Int(Vec::with_capacity(capacity)),
            Type::Bool => Values::Bool(Vec::with_capacity(capacity)),
        }
    }

    /// Takes a value; empty text is no value, and a number or truth left out is its default unless it may be unknown.
    /// `None` when it is not of the column's type.
    fn push(&mut self, value: Option<Wire<'_>>, optional: bool) -> Option<()> {
        let text = |value: Option<Wire<'_>>| match value {
            Some(value) => value.text().map(|text| (!text.is_empty()).then(|| text.to_owned())),
            None => Some(None),
        };
        let absent = value.is_none() && optional;
        let value_or = |zero| value.unwrap_or(Wire::Number(zero));
        match self {
            Values::Text(all) => all.push(text(value)?),
            Values::Date(all) => all.push(match text(value)? {
                Some(text) => Some(date(&text)?),
                None => None,
            }),
            Values::BigInt(all) => all.push(if absent { None } else { Some(value_or(0).int64()?) }),
            Values::Int(all) => all.push(if absent { None } else { Some(value_or(0).int32()?) }),
            Values::Bool(all) => all.push(if absent { None } else { Some(value_or(0).truth()?) }),
        }
        Some(())
    }

    /// Those of some rows.
    fn at(&self, places: &[usize]) -> Values {
        fn some<T: Clone>(all: &[T], places: &[usize]) -> Vec<T> {
            places.iter().map(|at| all[*at].clone()).collect()
        }
        match self {
            Values::Text(all) => Values::Text(some(all, places)),
            Values::Date(all) => Values::Date(some(all, places)),
            Values::BigInt(all) => Values::BigInt(some(all, places)),
            Values::Int(all) => Values::Int(some(all, places)),
            Values::Bool(all) => Values::Bool(some(all, places)),
        }
    }
}

/// Reads a date as adapters write it, YYYY-MM-DD.
fn date(text: &str) -> Option<NaiveDate> {
    let bytes = text.as_bytes();
    if bytes.len() != 10 || bytes[4] != b'-' || bytes[7] != b'-' {
        return None;
    }
    let number = |digits: &[u8]| {
        let digit = |sum: u32, byte: &u8| byte.is_ascii_digit().then(|| sum * 10 + u32::from(byte - b'0'));
        digits.iter().try_fold(0, digit)
    };
    let (year, month, day) = (number(&bytes[..4])?, number(&bytes[5..7])?, number(&bytes[8..])?);
    NaiveDate::from_ymd_opt(i32::try_from(year).ok()?, month, day)
}

/// The rows of one part, column by column.
#[derive(Clone, Debug)]
pub struct Rows {
    pub record_keys: Vec<Uuid>,
    /// None in rows about a division.
    pub person_keys: Vec<Option<Uuid>>,
    pub division_codes: Vec<String>,
    pub hashes: Vec<Vec<u8>>,
    /// In the order of the dataset's columns.
    pub columns: Vec<Values>,
}

impl Rows {
    /// How many.
    pub fn count(&self) -> usize {
        self.record_keys.len()
    }

    /// Those at some places.
    pub fn at(&self, places: &[usize]) -> Rows {
        Rows {
            record_keys: places.iter().map(|at| self.record_keys[*at]).collect(),
            person_keys: places.iter().map(|at| self.person_keys[*at]).collect(),
            division_codes: places.iter().map(|at| self.division_codes[*at].clone()).collect(),
            hashes: places.iter().map(|at| self.hashes[*at].clone()).collect(),
            columns: self.columns.iter().map(|values| values.at(places)).collect(),
        }
    }

    /// Whom the row at a place is about: a person or a division.
    pub fn about(&self, at: usize) -> (Option<Uuid>, Option<String>) {
        let person = self.person_keys[at];
        (person, person.is_none().then(|| self.division_codes[at].clone()))
    }
}

/// Whom records that changed are about.
#[derive(Clone, Debug, Default)]
pub struct Touched {
    pub persons: Vec<Uuid>,
    /// Counties and townships, twelve digits each.
    pub divisions: Vec<String>,
}

impl Touched {
    /// Takes whom one record is about.
    pub fn push(&mut self, (person, division): (Option<Uuid>, Option<String>)) {
        self.persons.extend(person);
        self.divisions.extend(division);
    }

    /// Each once, in order.
    pub fn sorted(mut self) -> Touched {
        self.persons.sort_unstable();
        self.persons.dedup();
        self.divisions.sort_unstable();
        self.divisions.dedup();
        self
    }

    pub fn is_nobody(&self) -> bool {
        self.persons.is_empty() && self.divisions.is_empty()
    }
}

/// Decodes a part by its dataset's descriptor. A refusal names the record by its index, never by a value.
pub fn decode(dataset: &Dataset, records: &[Record]) -> Result<Rows, Fault> {
    if records.len() > MAX_ROWS {
        return Err(Fault::TooManyRecords { most: MAX_ROWS });
    }
    let count = records.len();
    let mut rows = Rows {
        record_keys: Vec::with_capacity(count),
        person_keys: Vec::with_capacity(count),
        division_codes: Vec::with_capacity(count),
        hashes: Vec::with_capacity(count),
        columns: dataset.columns.iter().map(|c| Values::of(c.kind, count)).collect(),
    };
    let mut seen = HashSet::with_capacity(count);
    let mut found = vec![None; dataset.columns.len()];
    for (index, record) in records.iter().enumerate() {
        let key =
            key(&record.record_key).ok_or(Fault::Record { index, field: "record_key", wrong: "must be a uuid" })?;
        if !seen.insert(key) {
            return Err(Fault::Record { index, field: "record_key", wrong: "must not come twice in a part" });
        }
        let person = self::key(&record.person_key);
        let wrong = match dataset.of_divisions {
            false if person.is_none() => Some("must be a uuid"),
            true if !record.person_key.is_empty() => Some("must be empty: the dataset's rows are about a division"),
            _ => None,
        };
        if let Some(wrong) = wrong {
            return Err(Fault::Record { index, field: "person_key", wrong });
        }
        if !is_division(&record.division_code) {
            return Err(Fault::Record { index, field: "division_code", wrong: "must be twelve digits" });
        }
        let undecodable = Fault::Record { index, field: "body", wrong: "is no row of the dataset" };
        if dataset.read_body(&record.body, &mut found).is_none() {
            return Err(undecodable);
        }
        for ((column, values), value) in dataset.columns.iter().zip(&mut rows.columns).zip(&found) {
            if values.push(*value, column.optional).is_none() {
                return Err(undecodable);
            }
        }
        rows.hashes.push(digest(record));
        rows.record_keys.push(key);
        rows.person_keys.push(person);
        rows.division_codes.push(record.division_code.clone());
    }
    Ok(rows)
}

fn key(text: &str) -> Option<Uuid> {
    Uuid::try_parse(text).ok().filter(|id| !id.is_nil())
}

/// Twelve digits.
pub fn is_division(code: &str) -> bool {
    code.len() == 12 && code.bytes().all(|b| b.is_ascii_digit())
}

/// Tells whether two versions of a record are the same. Adapters encode rows in field order, so equal rows have equal
/// bytes.
fn digest(record: &Record) -> Vec<u8> {
    let mut hash = Sha256::new();
    for part in [record.person_key.as_bytes(), record.division_code.as_bytes(), &record.body] {
        hash.update(u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
        hash.update(part);
    }
    let mut bytes = hash.finalize().to_vec();
    bytes.truncate(HASH_BYTES);
    bytes
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use minqing_proto::minqing::bureau::{emergency::v1::DisasterLoss, hr::v1::Unemployment};
    use prost::Message;

    use super::*;

    fn dataset(bureau: &str, name: &str) -> Dataset {
        datasets().unwrap().into_iter().find(|d| d.bureau == bureau && d.name == name).unwrap()
    }

    fn record(key: u128, body: Vec<u8>) -> Record {
        Record {
            record_key: Uuid::from_u128(key).to_string(),
            person_key: Uuid::from_u128(9).to_string(),
            division_code: "621202103201".into(),
            body,
        }
    }

    #[test]
    fn every_dataset_has_a_layout_without_identity_and_omitted_fields() {
        let all = datasets().unwrap();
        assert_eq!(all.len(), minqing_proto::contract::datasets().len());
        for dataset in &all {
            for column in &dataset.columns {
                assert!(!["id_number", "name", "division_code"].contains(&column.name.as_str()), "{}", dataset.table);
            }
            assert!(!dataset.columns.is_empty());
        }
    }

    #[test]
    fn a_row_becomes_typed_columns_and_empty_text_no_value() {
        let dataset = dataset("emergency", "disaster_loss");
        let body = DisasterLoss { ended_on: "2026-10-20".into(), ..DisasterLoss::default() };
        let rows = decode(&dataset, &[record(1, body.encode_to_vec())]).unwrap();
        let at = dataset.columns.iter().position(|c| c.name == "row_ended_on").unwrap();
        assert_eq!(rows.columns[at], Values::Date(vec![Some("2026-10-20".parse().unwrap())]));
        let text = dataset.columns.iter().position(|c| c.kind == Type::Text).unwrap();
        assert_eq!(rows.columns[text], Values::Text(vec![None]));
    }

    #[test]
    fn a_refusal_names_the_record_by_its_index() {
        let dataset = dataset("hr", "unemployment");
        let good = record(1, Unemployment::default().encode_to_vec());
        let wrong_body = record(2, vec![0xff; 3]);
        let wrong_date =
            record(3, Unemployment { benefit_from: "soon".into(), ..Unemployment::default() }.encode_to_vec());
        for (wrong, field) in [(wrong_body, "body"), (wrong_date, "body"), (good.clone(), "record_key")] {
            let refused = decode(&dataset, &[good.clone(), wrong]).unwrap_err();
            assert!(matches!(refused, Fault::Record { index: 1, field: f, .. } if f == field), "{refused:?}");
        }
        let many = vec![good; MAX_ROWS + 1];
        assert!(matches!(decode(&dataset, &many), Err(Fault::TooManyRecords { .. })));
    }
}
