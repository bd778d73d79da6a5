//! Every adapter fits the contract, and no input makes any of them panic.

use std::sync::LazyLock;

use chrono::NaiveDate;
use minqing_adapter::{
    Bureau, RawRow,
    files::table::map_header,
    row::{
        Cell, Checks, Outcome, doubt,
        schema::{About, Form, Schema, code_key},
        text::Scale,
    },
    template,
};
use minqing_kit::keys::Keyring;
use minqing_proto::{contract, minqing::types::v1::RowReason};
use proptest::prelude::*;
use prost::{Message as _, encoding};
use prost_reflect::{DynamicMessage, Kind};
use prost_types::Any;

use crate::rows::id_number;

pub fn all() -> Vec<Bureau> {
    minqing_bureaus::all().collect()
}

static SCHEMAS: LazyLock<Vec<Schema>> =
    LazyLock::new(|| all().into_iter().flat_map(|b| Schema::all(b).unwrap()).collect());
static KEYS: LazyLock<Keyring> = LazyLock::new(Keyring::generate);

fn checks(today: NaiveDate) -> Checks<'static> {
    Checks { keys: &KEYS, today, knows: &|_| true, county: 0, searches: true }
}

fn today() -> NaiveDate {
    NaiveDate::from_ymd_opt(2026, 10, 26).unwrap()
}

/// A good row of any dataset, as texts.
pub fn sample(schema: &Schema) -> Vec<Cell> {
    let text = |c: &minqing_adapter::row::schema::Column| match c.form {
        Form::IdNumber => id_number(1),
        Form::Name => "张三".to_owned(),
        Form::Date => "20261001".to_owned(),
        Form::AnyDate => "2036/10/1".to_owned(),
        Form::Month => "202609".to_owned(),
        Form::Division if schema.about == About::Township => "621202001".to_owned(),
        Form::Division => "621202".to_owned(),
        Form::Code => c.codes.keys().min().unwrap().clone(),
        Form::Number => c.min.unwrap_or(0).max(1).to_string(),
        Form::Truth => "是".to_owned(),
        Form::Text if c.field.name() == "certificate_suffix" => "11".to_owned(),
        Form::Text => "2026".to_owned(),
    };
    schema.columns.iter().map(|c| Cell::Text(text(c))).collect()
}

#[test]
fn the_bureaus_give_every_dataset_of_the_contract() {
    let mine: Vec<_> = SCHEMAS.iter().map(|s| (s.dataset.bureau.clone(), s.dataset.name.clone())).collect();
    let contract = contract::datasets();
    assert_eq!(mine.len(), contract.len());
    for (dataset, _) in contract {
        assert!(mine.contains(&(dataset.bureau.clone(), dataset.name.clone())), "{}.{}", dataset.bureau, dataset.name);
    }
    for bureau in all() {
        let tables: Vec<_> = SCHEMAS
            .iter()
            .filter(|s| s.dataset.bureau == bureau.name)
            .flat_map(|s| &s.columns)
            .filter_map(|c| contract::column(&c.field).map(|c| c.code_table))
            .collect();
        for table in bureau.code_tables {
            assert!(tables.iter().any(|t| t == table.name), "{} {} is used by no column", bureau.name, table.name);
        }
        for (header, field) in bureau.headers {
            let known = SCHEMAS.iter().any(|s| s.dataset.bureau == bureau.name && s.place(field).is_some());
            assert!(known, "{} {header}", bureau.name);
        }
    }
}

#[test]
fn a_sample_row_of_every_dataset_passes_and_its_template_reads_back() {
    for schema in SCHEMAS.iter() {
        let row = RawRow::new(schema, sample(schema), &[]);
        let clean = row.check(1, &checks(today()));
        assert!(clean.is_ok(), "{} {:?}", schema.name(), clean.map_err(|f| f.explain(schema)));
        let header = template::csv(schema);
        let header: Vec<_> = header.trim().split(',').map(str::to_owned).collect();
        assert!(map_header(schema, &header).is_ok(), "{}", schema.name());
        assert!(template::xlsx(schema).unwrap().starts_with(b"PK"));
    }
}

#[test]
fn what_goes_on_is_encoded_as_prost_does_so_that_equal_rows_have_equal_bytes() {
    for schema in SCHEMAS.iter() {
        let clean = RawRow::new(schema, sample(schema), &[]).check(1, &checks(today())).unwrap();
        let message = DynamicMessage::decode(schema.message.clone(), clean.body.as_slice()).unwrap();
        assert_eq!(message.encode_to_vec(), clean.body, "{}", schema.name());
        assert_eq!(message.unknown_fields().count(), 0);
        let told = schema.columns.iter().filter(|c| !c.cleared && c.field.name() != "name");
        for column in told.filter(|c| matches!(c.form, Form::Number | Form::Text | Form::Truth | Form::Date)) {
            assert!(message.has_field(&column.field), "{} {}", schema.name(), column.name);
        }
    }
}

#[test]
fn a_rows_key_reads_back_from_what_goes_on_unless_part_of_it_does_not() {
    let mut lacking = Vec::new();
    for schema in SCHEMAS.iter().filter(|s| matches!(s.about, About::Person { .. })) {
        let clean = RawRow::new(schema, sample(schema), &[]).check(1, &checks(today())).unwrap();
        match doubt::key_texts(schema, &clean.body) {
            Some(texts) => {
                let key = doubt::record_key(schema, &KEYS, &texts, clean.person_key);
                assert_eq!(key, clean.record_key, "{}", schema.name());
            }
            None => lacking.push(schema.name()),
        }
    }
    lacking.sort_unstable();
    assert_eq!(lacking, ["major_disease", "two_cancer_patient"]);
}

#[test]
fn a_row_in_doubt_has_the_key_of_the_right_one() {
    for schema in SCHEMAS.iter().filter(|s| matches!(s.about, About::Person { .. })) {
        let place = schema.columns.iter().position(|c| c.form == Form::IdNumber).unwrap();
        let good = RawRow::new(schema, sample(schema), &[]).check(1, &checks(today())).unwrap();
        let mut cells = sample(schema);
        let id = id_number(1);
        cells[place] = Cell::Text(format!("{}{}", &id[..17], if id.ends_with('1') { '2' } else { '1' }));
        let Outcome::Doubtful(doubtful) = RawRow::new(schema, cells, &[]).judge(1, &checks(today())) else {
            panic!("{} is not in doubt", schema.name())
        };
        assert_eq!(doubtful.fault.reason, RowReason::IdNumberCheckDigit);
        let key = doubt::record_key(schema, &KEYS, &doubtful.key_texts, good.person_key);
        assert_eq!(key, good.record_key, "{}", schema.name());
        assert!(doubtful.candidates.iter().any(|c| c.person_key == good.person_key));
        assert_eq!(doubtful.body, good.body);
    }
}

#[test]
fn local_codes_mean_what_the_tables_say() {
    for (bureau, table, local, standard) in [
        ("education", "stage", "1", "preschool"),
        ("education", "stage", "学前", "preschool"),
        ("hr", "kind", "企业职工", "employee"),
        ("housing", "grade", "Ｄ级", "D"),
        ("disabled", "category", "肢体", "physical"),
        ("rural", "risk_state", "未消除", "open"),
        ("medical_insurance", "visit_kind", "21", "inpatient"),
    ] {
        let column = SCHEMAS
            .iter()
            .filter(|s| s.dataset.bureau == bureau)
            .flat_map(|s| &s.columns)
            .find(|c| c.field.name() == table && c.form == Form::Code)
            .unwrap();
        assert_eq!(column.codes.get(&code_key(local)).map(String::as_str), Some(standard), "{bureau} {local}");
    }
}

#[test]
fn a_certificates_number_must_agree_with_holder_category_and_grade() {
    let schema = SCHEMAS.iter().find(|s| s.name() == "disability_certificate").unwrap();
    let with = |suffix: &str, category: &str, grade: &str| {
        let mut cells = sample(schema);
        for (field, text) in [("certificate_suffix", suffix), ("category", category), ("grade", grade)] {
            cells[schema.place(field).unwrap()] = Cell::Text(text.to_owned());
        }
        RawRow::new(schema, cells, &[]).check(1, &checks(today())).map_err(|f| f.reason)
    };
    assert!(with("42", "肢体", "二级").is_ok());
    assert!(with(&format!("{}42B1", id_number(1)), "4", "2").is_ok());
    assert_eq!(with("43", "肢体", "二级"), Err(RowReason::Inconsistent));
    assert_eq!(with("52", "肢体", "2"), Err(RowReason::Inconsistent));
    assert_eq!(with(&format!("{}42", id_number(2)), "肢体", "2"), Err(RowReason::TextTooLong));
}

#[test]
fn a_wrong_bureau_is_named_at_start() {
    let bureau =
        Bureau { datasets: &["student_enrolment", "nothing"], code_tables: &[], ..minqing_adapter_education::bureau() };
    let faults = Schema::all(bureau).err().unwrap();
    assert!(
        faults.iter().any(|f| f.contains("nothing")) && faults.iter().any(|f| f.contains("education_stage")),
        "{faults:?}"
    );
}

/// A field as it may stand on the wire: number, kind, and what is behind them.
fn wire() -> impl Strategy<Value = Vec<u8>> {
    (1u32..24, 0u32..6, any::<i64>(), "[a-z城关]{0,6}|\\PC{0,3}").prop_map(|(number, kind, whole, text)| {
        let mut bytes = Vec::new();
        match kind {
            0 | 1 => encoding::int64::encode(number, &whole, &mut bytes),
            2 | 3 => encoding::string::encode(number, &text, &mut bytes),
            4 => encoding::double::encode(number, &1.5, &mut bytes),
            _ => encoding::bytes::encode(number, &vec![0xff, 0x00], &mut bytes),
        }
        bytes
    })
}

proptest! {
    #[test]
    fn a_typed_row_is_what_prost_reads(
        which in 0usize..1_000,
        fields in proptest::collection::vec(wire(), 0..5),
        cut in proptest::option::of(0usize..20),
    ) {
        let schema = &SCHEMAS[which % SCHEMAS.len()];
        let mut value = fields.concat();
        value.truncate(cut.unwrap_or(usize::MAX));
        let read = DynamicMessage::decode(schema.message.clone(), value.as_slice());
        let any = Any { type_url: format!("x/{}", schema.message.full_name()), value };
        match (read, RawRow::of_any(schema, 1, &any)) {
            (Err(_), Err(fault)) => prop_assert_eq!(fault.reason, RowReason::RowUnreadable),
            (Err(_), Ok(_)) => prop_assert!(false, "prost refuses it"),
            (Ok(message), Err(fault)) => {
                let unknown = message.unknown_fields().next().map(prost_reflect::UnknownField::number);
                prop_assert_eq!((fault.reason, Some(fault.other)), (RowReason::UnknownColumn, unknown));
            }
            (Ok(message), Ok(row)) => {
                prop_assert_eq!(message.unknown_fields().count(), 0);
                for column in schema.columns.iter().filter(|c| c.field.kind() == Kind::String) {
                    let text = message.get_field(&column.field);
                    prop_assert_eq!(row.get(&column.name), text.as_str().unwrap_or_default().trim());
                }
            }
        }
    }

    #[test]
    fn no_bytes_make_a_typed_row_panic(which in 0usize..1_000, bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let schema = &SCHEMAS[which % SCHEMAS.len()];
        let any = Any { type_url: format!("x/{}", schema.message.full_name()), value: bytes };
        if let Ok(row) = RawRow::of_any(schema, 1, &any) {
            let _ = row.check(1, &checks(today())).map_err(|f| f.explain(schema));
        }
    }

    #[test]
    fn no_text_makes_a_file_row_panic_or_comes_back_in_an_error(
        which in 0usize..1_000,
        at in 0usize..12,
        text in "\\PC{0,40}|[0-9Xx.,E+\\-]{0,20}|[\u{0}-\u{ffff}]{0,10}",
        number in proptest::num::f64::ANY,
        yuan in any::<bool>(),
    ) {
        let schema = &SCHEMAS[which % SCHEMAS.len()];
        let scales = vec![if yuan { Scale::Yuan } else { Scale::One }; schema.columns.len()];
        for cell in [Cell::Text(text.clone()), Cell::Number(number)] {
            let mut cells = sample(schema);
            let at = at % cells.len();
            cells[at] = cell;
            let row = RawRow::new(schema, cells, &scales);
            if let Err(fault) = row.check(1, &checks(today())) {
                let told = fault.explain(schema);
                let long = text.trim().chars().count() > 12;
                prop_assert!(!long || !told.message.contains(text.trim()) && !told.message_zh.contains(text.trim()));
            }
        }
    }
}
