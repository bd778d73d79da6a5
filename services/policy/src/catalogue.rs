//! Every table and column a pack may read, taken from the bureaus' contracts and the register tables of
//! monitoring. Owns the names and the DDL of the record tables, so that the service that fills them and the rules
//! that read them cannot disagree.

use std::{collections::BTreeMap, sync::LazyLock};

use minqing_proto::{
    contract,
    minqing::options::v1::{ColumnFormat, Dataset, Mask, PersonalClass, Subject, Unit},
};
use prost_reflect::{FieldDescriptor, Kind as ProtoKind, MessageDescriptor};

use crate::kind::Kind;

/// Columns every record table has besides the dataset's own.
const RECORD_COLUMNS: [&str; 10] = [
    "record_key",
    "person_key",
    "division_code",
    "county_code",
    "as_of",
    "content_hash",
    "batch_id",
    "first_on",
    "changed_on",
    "ended_on",
];

const RECORD_KEY: &str = "record_key";

/// A column of a source as expressions see it.
#[derive(Debug, Clone)]
pub struct Column {
    /// Name in expressions.
    pub name: String,
    /// SQL over the row alias `r`.
    pub sql: String,
    /// Kind.
    pub kind: Kind,
}

/// A level of division that a dataset's rows may be about instead of a person.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DivisionLevel {
    /// 县区, first 6 digits of a division's code.
    County,
    /// 乡镇、街道, first 9 digits.
    Township,
}

/// A table that facts may be computed from.
#[derive(Debug, Clone)]
pub struct Source {
    /// Name in packs: `register.class_status`, `mesh.referral`, `hr.unemployment`.
    pub name: String,
    /// Schema-qualified table.
    pub table: String,
    /// Columns by name.
    pub columns: BTreeMap<String, Column>,
    /// Column that ties a row to its person, where rows belong to persons.
    pub person: Option<&'static str>,
    /// Column that ties a row to its household; without one the person's household counts.
    pub household: Option<&'static str>,
    /// Rows are about the county or township that is their division, and so about every household there.
    pub division: Option<DivisionLevel>,
    /// The bureau's feed whose freshness decides whether the facts are known; `None` for the register's own.
    pub feed: Option<&'static RecordSet>,
}

/// A bureau's dataset as a table.
#[derive(Debug, Clone)]
pub struct RecordSet {
    /// Bureau, `medical_insurance`.
    pub bureau: String,
    /// Dataset, `settlement`.
    pub dataset: String,
    /// Chinese title.
    pub title: String,
    /// Who gives it, in Chinese and English, where it is an office and not the bureau itself.
    pub supplier: Option<(String, String)>,
    /// Rows are about a household, found through any member.
    pub household: bool,
    /// Rows are about a division and hold no person.
    pub division: Option<DivisionLevel>,
    /// Table without its schema, `record_medical_insurance_settlement`.
    pub table: String,
    /// Columns of its primary key. A record's key is a hash of the dataset's natural key; where that names the person, the
    /// person stands in the primary key too, so that the table can be split by person.
    pub primary_key: &'static str,
    /// The dataset's own columns, in the order of the contract.
    pub columns: Vec<RecordColumn>,
    /// The contract itself: rhythm, due day, days of freshness.
    pub contract: Dataset,
}

impl RecordSet {
    /// `bureau.dataset`, the name in packs and explanations.
    pub fn name(&self) -> String {
        format!("{}.{}", self.bureau, self.dataset)
    }
}

/// A dataset field that is stored as a column.
#[derive(Debug, Clone)]
pub struct RecordColumn {
    /// Field of the dataset's message, and name in expressions.
    pub field: String,
    /// Column of the table. The field's own name, unless the record's own columns have that name already
    /// (`ended_on`): then `row_ended_on`.
    pub column: String,
    /// PostgreSQL type: text, date, bigint, integer or boolean.
    pub sql_type: &'static str,
    /// Kind in expressions.
    pub kind: Kind,
}

static RECORD_SETS: LazyLock<Vec<RecordSet>> = LazyLock::new(|| {
    contract::datasets().into_iter().map(|(dataset, message)| record_set_of(dataset, &message)).collect()
});

static SOURCES: LazyLock<BTreeMap<String, Source>> = LazyLock::new(|| {
    let mut all: Vec<Source> = register_sources();
    all.extend(record_sets().iter().map(source_of));
    all.into_iter().map(|source| (source.name.clone(), source)).collect()
});

/// Every bureau's datasets, ordered by bureau and name.
pub fn record_sets() -> &'static [RecordSet] {
    &RECORD_SETS
}

/// The dataset's table; `None` when no contract has it.
pub fn record_set(bureau: &str, dataset: &str) -> Option<&'static RecordSet> {
    record_sets().iter().find(|set| set.bureau == bureau && set.dataset == dataset)
}

/// Sources by name.
pub fn sources() -> &'static BTreeMap<String, Source> {
    &SOURCES
}

/// What an indicator about feeds may read: freshness of the feed and quality of its newest batch.
pub(crate) fn feed_columns() -> impl Iterator<Item = &'static Column> {
    ["mesh.feed", "mesh.feed_quality"]
        .into_iter()
        .filter_map(|name| sources().get(name))
        .flat_map(|s| s.columns.values())
}

/// Every table a generated statement may read, schema-qualified: what the role `minqing_policy` needs.
pub fn readable_tables() -> Vec<String> {
    let mut tables: Vec<String> = sources().values().map(|source| source.table.clone()).collect();
    tables.sort();
    tables.dedup();
    tables
}

/// Statements that create the table, or bring an older one up to the contract. Safe to repeat.
pub fn record_table_ddl(set: &RecordSet) -> Vec<String> {
    let (table, key) = (&set.table, set.primary_key);
    let (person, index) = match set.division {
        None => ("not null", format!("{table}_person_idx on monitoring.{table} (person_key)")),
        Some(_) => {
            ("check (person_key is null)", format!("{table}_division_idx on monitoring.{table} (division_code)"))
        }
    };
    let mut statements = vec![format!(
        "create table if not exists monitoring.{table} (\n  record_key uuid not null,\n  person_key uuid {person},\n  \
         division_code text not null,\n  county_code text not null,\n  as_of date not null,\n  content_hash bytea not \
         null,\n  batch_id uuid not null,\n  first_on date not null,\n  changed_on date not null,\n  ended_on date,\n  \
         constraint {table}_pkey primary key ({key})\n)"
    )];
    for column in &set.columns {
        statements.push(format!(
            "alter table monitoring.{table} add column if not exists {} {}",
            column.column, column.sql_type
        ));
    }
    statements.push(format!("create index if not exists {index}"));
    statements
        .push(format!("create index if not exists {table}_county_idx on monitoring.{table} (county_code, as_of)"));
    statements
}

fn record_set_of(dataset: Dataset, message: &MessageDescriptor) -> RecordSet {
    RecordSet {
        bureau: dataset.bureau.clone(),
        dataset: dataset.name.clone(),
        title: dataset.title.clone(),
        supplier: (!dataset.supplier.is_empty()).then(|| (dataset.supplier.clone(), dataset.supplier_en.clone())),
        household: dataset.subject() == Subject::Household,
        division: match dataset.subject() {
            Subject::County => Some(DivisionLevel::County),
            Subject::Township => Some(DivisionLevel::Township),
            Subject::Person | Subject::Household | Subject::Unspecified => None,
        },
        table: format!("record_{}_{}", dataset.bureau, dataset.name),
        primary_key: if message.fields().any(|field| names_the_person(&field)) {
            "record_key, person_key"
        } else {
            RECORD_KEY
        },
        columns: message.fields().filter_map(|field| record_column(&field)).collect(),
        contract: dataset,
    }
}

/// Whether a field of the natural key stands for the person.
fn names_the_person(field: &FieldDescriptor) -> bool {
    contract::column(field).is_some_and(|column| column.key && column.format() == ColumnFormat::IdNumber)
}

/// `None` for fields that never reach monitoring (names, ID numbers, what the contract says to leave out) and for
/// the division, which every record has already.
fn record_column(field: &FieldDescriptor) -> Option<RecordColumn> {
    let label = contract::label(field)?;
    let column = contract::column(field)?;
    if label.personal() == PersonalClass::Identity || label.mask() == Mask::Omit || field.name() == "division_code" {
        return None;
    }
    let money = matches!(label.unit(), Unit::Fen | Unit::FenPerMonth | Unit::FenPerYear);
    let (sql_type, kind) = match (field.kind(), column.format()) {
        (ProtoKind::String, ColumnFormat::Date | ColumnFormat::AnyDate) => ("date", Kind::Date),
        (ProtoKind::String, _) => ("text", Kind::Text),
        (ProtoKind::Int64, _) if money => ("bigint", Kind::Money),
        (ProtoKind::Int64, _) => ("bigint", Kind::Integer),
        (ProtoKind::Int32, _) => ("integer", Kind::Integer),
        (ProtoKind::Bool, _) => ("boolean", Kind::Boolean),
        _ => return None,
    };
    let name = field.name().to_owned();
    let taken = RECORD_COLUMNS.contains(&name.as_str());
    Some(RecordColumn { column: if taken { format!("row_{name}") } else { name.clone() }, field: name, sql_type, kind })
}

fn source_of(set: &'static RecordSet) -> Source {
    let columns = set.columns.iter().map(|column| Column {
        name: column.field.clone(),
        sql: widened(&column.column, column.sql_type),
        kind: column.kind,
    });
    Source {
        name: set.name(),
        table: format!("monitoring.{}", set.table),
        columns: columns.map(|column| (column.name.clone(), column)).collect(),
        person: set.division.is_none().then_some("person_key"),
        household: None,
        division: set.division,
        feed: Some(set),
    }
}

/// Small integers are widened so that a rule's arithmetic cannot overflow them.
fn widened(column: &str, sql_type: &str) -> String {
    if sql_type == "integer" { format!("r.{column}::bigint") } else { format!("r.{column}") }
}

fn register_sources() -> Vec<Source> {
    use Kind::{Boolean, Date, Integer, Money, Text};
    let mut sources = vec![
        register(
            "register.household",
            "household",
            (None, Some("household_id")),
            &[
                ("division_code", "division_code", Text),
                ("county_code", "county_code", Text),
                ("area_kind", "area_kind", Text),
                ("declared_income_fen", "declared_income_fen", Money),
                ("income_as_of", "income_as_of", Date),
                ("financial_assets_fen", "financial_assets_fen", Money),
                ("house_count", "house_count::bigint", Integer),
                ("first_seen_on", "first_seen_on", Date),
            ],
        ),
        register(
            "register.member",
            "member",
            (Some("person_key"), Some("household_id")),
            &[
                ("birth_on", "birth_on", Date),
                ("sex", "sex::bigint", Integer),
                ("relation", "relation", Text),
                ("joined_on", "joined_on", Date),
            ],
        ),
        register(
            "register.class_status",
            "class_status",
            (Some("person_key"), Some("household_id")),
            &[
                ("assistance_class", "assistance_class", Text),
                ("valid_from", "valid_from", Date),
                ("amount_fen", "amount_fen", Money),
                ("whole_household", "person_key is null", Boolean),
            ],
        ),
        register(
            "register.vehicle",
            "vehicle",
            (None, Some("household_id")),
            &[("kind", "kind", Text), ("vehicle_use", "vehicle_use", Text), ("registered_on", "registered_on", Date)],
        ),
        feed(),
        feed_quality(),
    ];
    sources.extend(deeds());
    sources
}

/// What the mesh itself did, which it knows whole: a household without a row is one for which nothing was done. Of its
/// books each household has a row, with nulls for what is not known yet.
fn deeds() -> Vec<Source> {
    use Kind::{Boolean, Date, Integer, Money, Text};
    vec![
        register(
            "mesh.referral",
            "referral_state",
            (Some("person_key"), Some("household_id")),
            &[
                ("bureau", "bureau", Text),
                ("programme", "programme", Text),
                ("issued_on", "issued_on", Date),
                ("due_on", "due_on", Date),
                ("signed_on", "signed_on", Date),
                ("settled_on", "settled_on", Date),
                ("decision", "decision", Text),
            ],
        ),
        register(
            "mesh.visit",
            "visit",
            (None, Some("household_id")),
            &[
                ("visited_on", "visited_on", Date),
                ("met", "met", Boolean),
                ("photo", "photo", Boolean),
                ("minutes", "minutes::bigint", Integer),
                ("group_ticked", "group_ticked", Text),
                ("lives_alone", "lives_alone", Boolean),
                ("carer", "carer", Text),
                ("verdict", "verdict", Text),
            ],
        ),
        register(
            "mesh.work_order",
            "work_order_state",
            (None, Some("household_id")),
            &[
                ("opened_on", "opened_on", Date),
                ("closed_on", "closed_on", Date),
                ("severity", "severity", Text),
                ("verdict", "verdict", Text),
                ("needs_true", "needs_true", Integer),
                ("needs_handled", "needs_handled", Integer),
            ],
        ),
        register(
            "mesh.feedback",
            "feedback_in_force",
            (Some("person_key"), Some("household_id")),
            &[
                ("bureau", "bureau", Text),
                ("programme", "programme", Text),
                ("decision", "decision", Text),
                ("reason_code", "reason_code", Text),
                ("evidence", "evidence", Boolean),
                ("amount_fen", "amount_fen", Money),
                ("handled_on", "handled_on", Date),
                ("paid_on", "paid_on", Date),
            ],
        ),
        register(
            "mesh.reconciliation",
            "reconciliation_state",
            (None, Some("household_id")),
            &[("difference", "difference::bigint", Integer), ("month_ended_on", "month_ended_on", Date)],
        ),
        register(
            "mesh.verdict_history",
            "verdict",
            (None, Some("household_id")),
            &[("indicator", "indicator", Text), ("verdict", "verdict", Text), ("decided_on", "decided_on", Date)],
        ),
    ]
}

/// Only for indicators about feeds; facts cannot come from it.
fn feed() -> Source {
    use Kind::{Date, Text};
    register(
        "mesh.feed",
        "feed",
        (None, None),
        &[
            ("bureau", "bureau", Text),
            ("dataset", "dataset", Text),
            ("as_of", "as_of", Date),
            ("fresh_until", "fresh_until", Date),
            ("due_on", "due_on", Date),
        ],
    )
}

/// What the newest batch of a feed was like. A view that has the columns of [`feed`] too, so that one row holds all an
/// indicator about feeds may read.
fn feed_quality() -> Source {
    const COUNTS: [&str; 10] = [
        "rows_received",
        "mean_rows",
        "bad_id_rows",
        "two_names_rows",
        "name_variant_rows",
        "unknown_division_rows",
        "null_permille",
        "null_limit_permille",
        "bad_date_rows",
        "agreement_permille",
    ];
    register("mesh.feed_quality", "feed_health", (None, None), &COUNTS.map(|column| (column, column, Kind::Integer)))
}

/// Ties of a row: column of its person, column of its household.
type Ties = (Option<&'static str>, Option<&'static str>);

fn register(name: &str, table: &str, ties: Ties, columns: &[(&str, &str, Kind)]) -> Source {
    let columns = columns.iter().map(|(column, sql, kind)| {
        let sql = format!("r.{sql}");
        let sql = if sql.contains(' ') { format!("({sql})") } else { sql };
        ((*column).to_owned(), Column { name: (*column).to_owned(), sql, kind: *kind })
    });
    Source {
        name: name.to_owned(),
        table: format!("monitoring.{table}"),
        columns: columns.collect(),
        person: ties.0,
        household: ties.1,
        division: None,
        feed: None,
    }
}
