//! Rows of the bureaus' datasets: how many people have one, and what stands in it. A dataset that is not named here gets
//! a row for one person in fifty, with the codes that the pack's expressions ask for.

use std::collections::{BTreeMap, BTreeSet};

use minqing_policy::{
    Kind, Pack,
    catalogue::{DivisionLevel, RecordColumn, RecordSet},
};
use sqlparser::ast::{BinaryOperator, Expr, InTarget, Value};

use super::translate::{parse, walk};

/// Who has rows, how many, and columns with a shape of their own. Expressions see the member as `m`, the household as `h`
/// and the number of the row as `g`.
struct Shape {
    who: &'static str,
    rows: &'static str,
    columns: &'static [(&'static str, &'static str)],
}

const HEAD: &str = "m.relation = '02'";
const MONTH: &str = "to_char(date 'TODAY' - g * 30, 'YYYY-MM')";
const YEAR: &str = "to_char(date 'TODAY' - (g - 1) * 365, 'YYYY')";
const SCHOOL_YEAR: &str = "to_char(date 'TODAY' - interval '8 months' - (g - 1) * interval '1 year', 'YYYY') || '-' || \
                           to_char(date 'TODAY' + interval '4 months' - (g - 1) * interval '1 year', 'YYYY')";
const STAGE: &str = "case when AGE < 6 then 'preschool' when AGE < 15 then 'compulsory' when AGE > 18 then 'higher' \
                     when random() < 0.6 then 'senior_high' else 'vocational' end";

fn shape(set: &str) -> Shape {
    let of = |who, rows, columns| Shape { who, rows, columns };
    match set {
        "medical_insurance.settlement" => of(
            "random() < 0.35",
            "1 + (random() * 2)::int",
            &[
                ("visit_kind", "case when random() < 0.25 then 'inpatient' else 'outpatient' end"),
                ("settled_on", "date 'TODAY' - (random() * 330)::int"),
                ("total_fen", "(60000 * exp(1.6 * NORMAL))::bigint"),
                ("own_paid_fen", "(20000 * exp(1.6 * NORMAL))::bigint"),
            ],
        ),
        "medical_insurance.enrolment" => of("random() < 0.95", "1", &[("year", YEAR)]),
        "hr.insurance_payment" => of(
            "AGE between 18 and 59 and random() < 0.2",
            "case when random() < 0.93 then 8 else 3 end",
            &[
                ("kind", "case when random() < 0.8 then 'employee' else 'resident' end"),
                ("base_fen", "150000 + (random() * 300000)::bigint"),
                ("paid_month", MONTH),
            ],
        ),
        "hr.unemployment" => of(
            "AGE between 18 and 59 and random() < 0.01",
            "1",
            &[("benefit_from", "date 'TODAY' - (random() * 400)::int")],
        ),
        "education.student_enrolment" => of("AGE between 4 and 19", "1", &[("stage", STAGE)]),
        "education.school_cost" => of(
            "AGE between 6 and 21 and random() < 0.7",
            "2",
            &[
                ("school_year", SCHOOL_YEAR),
                ("stage", STAGE),
                ("tuition_fen", "(random() * 900000)::bigint"),
                ("lodging_fen", "(random() * 200000)::bigint"),
                ("books_fen", "(random() * 100000)::bigint"),
                ("aid_fen", "(random() * 200000)::bigint"),
            ],
        ),
        "disabled.disability_certificate" => of(
            "random() < 0.045",
            "1",
            &[
                ("grade", "1 + floor(random() * 4)::int"),
                ("issued_on", "date 'TODAY' - (random() * 3600)::int"),
                ("valid_to", "date 'TODAY' - 200 + (random() * 3600)::int"),
                ("state", "case when random() < 0.96 then 'valid' else 'frozen' end"),
            ],
        ),
        "disabled.disability_subsidy" => of("random() < 0.02", "1", &[]),
        "health.major_disease" => {
            of("random() < 0.012", "1", &[("diagnosed_on", "date 'TODAY' - (random() * 700)::int")])
        }
        "health.death_certificate" => {
            of("random() < 0.001", "1", &[("died_on", "date 'TODAY' - (random() * 200)::int")])
        }
        "housing.rural_house_safety" => of(
            "m.relation = '02' and h.area_kind = 'rural'",
            "1",
            &[
                (
                    "grade",
                    "case when random() < 0.6 then 'A' when random() < 0.9 then 'B' when random() < 0.7 then 'C' else 'D' end",
                ),
                ("only_house", "random() < 0.9"),
            ],
        ),
        "housing.house_renovation" => of("m.relation = '02' and random() < 0.01", "1", &[]),
        "rural.monitored_household" => of(
            "m.relation = '02' and h.area_kind = 'rural' and random() < 0.03",
            "1",
            &[
                ("entered_on", "date 'TODAY' - (random() * 900)::int"),
                ("risk_state", "case when random() < 0.7 then 'open' else 'removed' end"),
            ],
        ),
        "rural.assistance_measure" => of("m.relation = '02' and random() < 0.03", "2", &[]),
        "emergency.disaster_loss" | "emergency.disaster_relief" => {
            of("m.relation = '02' and random() < 0.01", "1", &[])
        }
        "women.two_cancer_patient" => of("m.sex = 2 and random() < 0.001", "1", &[]),
        _ => of("random() < 0.02", "1", &[]),
    }
}

/// Fills the dataset's table.
pub fn fill(pack: &Pack, set: &RecordSet, today: &str) -> String {
    if set.division.is_some() {
        return of_divisions(set, today);
    }
    let shape = shape(&set.name());
    let who = if set.household && !shape.who.starts_with(HEAD) {
        format!("{HEAD} and {}", shape.who)
    } else {
        shape.who.to_owned()
    };
    let codes = codes(pack, &set.name());
    let value = |column: &RecordColumn| {
        let own = shape.columns.iter().find(|(name, _)| *name == column.field).map(|(_, sql)| (*sql).to_owned());
        own.unwrap_or_else(|| plain(column, codes.get(&column.field)))
    };
    let names: Vec<&str> = set.columns.iter().map(|column| column.column.as_str()).collect();
    let values: Vec<String> = set.columns.iter().map(value).collect();
    let (names, values) = (listed(&names), listed(&values));
    let sql = format!(
        "insert into monitoring.{table} (record_key, person_key, division_code, county_code, as_of, content_hash, batch_id, \
           first_on, changed_on{names}) \
         select md5('{table} ' || m.person_key || g)::uuid, m.person_key, h.county_code, h.county_code, date 'TODAY' - 3, \
           decode(md5(m.person_key::text), 'hex'), '00000000-0000-0000-0000-000000000001', date 'TODAY' - 3, \
           date 'TODAY' - 3{values} \
         from (select m.*, {rows} as size from monitoring.member m join monitoring.household h using (household_id) \
           where {who} offset 0) m \
         join monitoring.household h using (household_id) cross join lateral generate_series(1, m.size) g",
        table = set.table,
        rows = shape.rows,
    );
    sql.replace("AGE", "extract(year from age(date 'TODAY', m.birth_on))")
        .replace("NORMAL", "(sqrt(-2 * ln(1 - random())) * cos(2 * pi() * random()))")
        .replace("TODAY", today)
}

/// One row for each county and each township with households: a year's month in the county's, the last in the township's.
fn of_divisions(set: &RecordSet, today: &str) -> String {
    let (code, months) = match set.division {
        Some(DivisionLevel::Township) => ("left(h.division_code, 9) || '000'", 1),
        _ => ("h.county_code", 9),
    };
    let value = |column: &RecordColumn| match column.field.ends_with("_month") {
        true => "202600 + g".to_owned(),
        false => plain(column, None),
    };
    let names: Vec<&str> = set.columns.iter().map(|column| column.column.as_str()).collect();
    let values: Vec<String> = set.columns.iter().map(value).collect();
    let (names, values) = (listed(&names), listed(&values));
    format!(
        "insert into monitoring.{table} (record_key, division_code, county_code, as_of, content_hash, batch_id, first_on, \
           changed_on{names}) \
         select md5('{table} ' || h.code || g)::uuid, h.code, h.county_code, date '{today}' - 3, decode(md5(h.code), 'hex'), \
           '00000000-0000-0000-0000-000000000001', date '{today}' - 3, date '{today}' - 3{values} \
         from (select distinct {code} as code, h.county_code from monitoring.household h) h \
         cross join generate_series(1, {months}) g",
        table = set.table,
    )
}

fn listed<T: AsRef<str>>(items: &[T]) -> String {
    items.iter().map(|item| format!(", {}", item.as_ref())).collect()
}

/// A value by kind. Ends and stops are mostly still to come.
fn plain(column: &RecordColumn, codes: Option<&BTreeSet<String>>) -> String {
    let ends = ["ended_on", "stopped_on", "row_ended_on", "accepted_on"].contains(&column.column.as_str());
    match column.kind {
        Kind::Text => match codes {
            Some(codes) => {
                let list: Vec<String> =
                    codes.iter().map(|code| format!("'{code}'")).chain(["'other'".to_owned()]).collect();
                format!("(array[{}])[1 + floor(random() * {})::int]", list.join(", "), list.len())
            }
            None => "'other'".to_owned(),
        },
        Kind::Date if ends => "case when random() < 0.1 then date 'TODAY' - (random() * 90)::int end".to_owned(),
        Kind::Date => "date 'TODAY' - (random() * 700)::int".to_owned(),
        Kind::Money => "(case when random() < 0.3 then 0 else random() * 300000 end)::bigint".to_owned(),
        Kind::Boolean => "random() < 0.5".to_owned(),
        Kind::Integer | Kind::Ratio => "floor(random() * 60)::int".to_owned(),
    }
}

/// Codes that the pack's facts compare each column of the dataset with.
fn codes(pack: &Pack, set: &str) -> BTreeMap<String, BTreeSet<String>> {
    let mut found: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let facts = pack.facts().iter().filter(|fact| fact.source.as_deref() == Some(set));
    for text in facts.flat_map(|fact| [&fact.expr, &fact.filter]).flatten() {
        let Ok(expr) = parse(text) else { continue };
        walk(&expr, &mut |part| {
            let (name, literals) = match part {
                Expr::BinaryOp { left, op: BinaryOperator::Eq, right } => (left, vec![right.as_ref()]),
                Expr::In { expr, target: InTarget::List(list), .. } => (expr, list.iter().collect()),
                _ => return,
            };
            let Expr::Identifier(name) = name.as_ref() else { return };
            for literal in literals {
                if let Expr::Value(value) = literal
                    && let Value::SingleQuotedString(code) = &value.value
                {
                    found.entry(name.value.to_lowercase()).or_default().insert(code.clone());
                }
            }
        });
    }
    found
}
