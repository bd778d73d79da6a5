//! The generated SQL and the slow reference say the same of households made at random: every fact made of facts, every
//! condition, verdict and amount. Households come from `MINQING_AGREEMENT_HOUSEHOLDS`, 120 when it is not set.

use std::{collections::BTreeMap, io::Write as _};

use chrono::NaiveDate;
use minqing_policy::{Area, FactsStatement, Kind, Known, Pack, Reference, SESSION_SETTINGS, catalogue};
use serde_json::Value;
use sqlx::{AssertSqlSafe, Connection, PgConnection, Row, postgres::PgRow};
use uuid::Uuid;

use super::town::{COUNTY, Town, today};

const CHUNK: usize = 500;

type Facts = BTreeMap<String, Option<String>>;

#[expect(clippy::disallowed_methods, reason = "how many households a test makes is no setting of a service")]
pub fn households() -> usize {
    std::env::var("MINQING_AGREEMENT_HOUSEHOLDS").ok().and_then(|text| text.parse().ok()).unwrap_or(120)
}

#[tokio::test]
async fn sql_and_reference_say_the_same_of_random_households() {
    let mut town = Town::new().await;
    fill(&mut town, households()).await;
    let ids: Vec<Uuid> = sqlx::query_scalar("select household_id from monitoring.household order by 1")
        .fetch_all(&mut town.conn)
        .await
        .unwrap();
    let pack = town.pack.clone();
    let (mut compared, mut told) = (0, Told::default());
    for chunk in ids.chunks(CHUNK) {
        let known = known(&mut town.conn, &pack, chunk).await;
        let references: BTreeMap<&Uuid, Reference<'_>> =
            known.iter().map(|(id, household)| (id, pack.reference(household).unwrap())).collect();
        for (sql, chosen) in [
            (pack.screening_sql(), vec![(pack.hits_sql(), true), (pack.refuted_sql(), false)]),
            (pack.register_assessment_sql(), vec![(pack.entitled_sql(), true)]),
        ] {
            let rows = rows(&mut town.conn, sql, chunk).await;
            for (sql, wanted) in chosen {
                agree(&rows, &self::rows(&mut town.conn, sql, chunk).await, wanted);
            }
            for row in rows {
                compare((&known, &references), &row, &mut told);
                compared += 1;
            }
        }
    }
    assert!(told.yes > 0 && told.no > 0 && told.unknown > 0, "{told:?}");
    writeln!(std::io::stderr(), "{} households, {compared} outcomes: {told:?}", ids.len()).unwrap();
}

#[derive(Debug, Default)]
struct Told {
    yes: usize,
    no: usize,
    unknown: usize,
}

/// Facts as the SQL computed them; those made of facts are computed anew by the reference.
async fn known(conn: &mut PgConnection, pack: &Pack, ids: &[Uuid]) -> BTreeMap<Uuid, Known> {
    let places: Vec<(Uuid, String, String)> = sqlx::query_as(
        "select household_id, county_code, area_kind from monitoring.household where household_id = any($1)",
    )
    .bind(ids)
    .fetch_all(&mut *conn)
    .await
    .unwrap();
    let mut all: BTreeMap<Uuid, Known> = BTreeMap::new();
    for (id, county, area) in places {
        let area = if area == "urban" { Area::Urban } else { Area::Rural };
        all.insert(id, Known { on: today(), county, area, facts: Facts::new(), members: Vec::new() });
    }
    let every = pack.every_fact();
    for row in rows(conn, every.sql(), ids).await {
        let household = all.get_mut(&row.get::<Uuid, _>("household_id")).unwrap();
        let facts = facts(&row, &every).into_iter().map(|(name, value, _)| (name, value)).collect();
        match row.get::<Option<Uuid>, _>("person_key") {
            None => household.facts = facts,
            Some(key) => household.members.push((key.to_string(), facts)),
        }
    }
    for (id, household) in &all {
        let reference = pack.reference(household).unwrap();
        for fact in pack.facts().iter().filter(|fact| fact.source.is_none()) {
            let told = |facts: &Facts| facts.get(&fact.name).cloned().flatten();
            if fact.level == minqing_policy::Level::Household {
                assert_eq!(reference.fact(&fact.name, None), told(&household.facts), "{} of {id}", fact.name);
                continue;
            }
            for (key, facts) in &household.members {
                assert_eq!(reference.fact(&fact.name, Some(key)), told(facts), "{} of {key}", fact.name);
            }
        }
    }
    all
}

/// Name, value, date.
pub fn facts(row: &PgRow, statement: &FactsStatement) -> Vec<(String, Option<String>, Option<NaiveDate>)> {
    let is_person = row.get::<Option<Uuid>, _>("person_key").is_some();
    let told = statement.of_row(is_person, row.get("told"), row.get("stood"));
    told.map(|fact| (fact.name.to_owned(), fact.value, fact.as_of)).collect()
}

pub async fn rows(conn: &mut PgConnection, sql: &str, ids: &[Uuid]) -> Vec<PgRow> {
    let mut tx = conn.begin().await.unwrap();
    sqlx::raw_sql(SESSION_SETTINGS).execute(&mut *tx).await.unwrap();
    let rows = sqlx::query(AssertSqlSafe(sql.to_owned())).bind(ids).bind(today()).fetch_all(&mut *tx).await.unwrap();
    tx.rollback().await.unwrap();
    rows
}

/// The statement that reads each subject once says of the chosen outcomes what the one with an arm a rule says.
fn agree(all: &[sqlx::postgres::PgRow], chosen: &[sqlx::postgres::PgRow], wanted: bool) {
    let shown = |row: &sqlx::postgres::PgRow| {
        let rule = row.try_get::<String, _>("indicator").or_else(|_| row.try_get("route")).unwrap();
        let explanation = ["conditions", "facts", "parameters"].map(|column| row.try_get::<Value, _>(column).ok());
        let amount = row.try_get::<Option<i64>, _>("amount_fen").ok();
        let severity = row.try_get::<String, _>("severity").ok();
        let subject = (row.get::<Uuid, _>("household_id"), row.get::<Option<Uuid>, _>("person_key"));
        if wanted {
            format!("{:?}", (subject, rule, severity, amount, explanation))
        } else {
            format!("{:?}", (subject, rule))
        }
    };
    let verdict = |row: &sqlx::postgres::PgRow| {
        row.try_get::<Option<bool>, _>("verdict").or_else(|_| row.try_get("eligible")).unwrap()
    };
    let mut expected: Vec<String> = all.iter().filter(|row| verdict(row) == Some(wanted)).map(shown).collect();
    let mut found: Vec<String> = chosen.iter().map(shown).collect();
    expected.sort();
    found.sort();
    assert_eq!(found.len(), expected.len(), "outcomes that are {wanted}");
    assert!(found == expected, "the two statements say otherwise of outcomes that are {wanted}");
}

fn compare(
    (known, references): (&BTreeMap<Uuid, Known>, &BTreeMap<&Uuid, Reference<'_>>),
    row: &sqlx::postgres::PgRow,
    told: &mut Told,
) {
    let id = row.get::<Uuid, _>("household_id");
    let household = &known[&id];
    let person = row.get::<Option<Uuid>, _>("person_key").map(|key| key.to_string());
    let indicator = row.try_get::<String, _>("indicator").ok();
    let rule = indicator.clone().unwrap_or_else(|| row.get("route"));
    let found = references[&id].judge(&rule, person.as_deref()).unwrap_or_else(|| panic!("{rule} cannot be judged"));
    let conditions = row.get::<Value, _>("conditions");
    for (name, value) in &found.conditions {
        assert_eq!(*value, conditions[name].as_bool(), "condition {name} of {rule}: {household:?}");
    }
    let verdict: Option<bool> = if indicator.is_some() { row.get("verdict") } else { row.get("eligible") };
    assert_eq!(found.verdict, verdict, "{rule}: {household:?}");
    if indicator.is_none() {
        assert_eq!(found.amount_fen, row.get::<Option<i64>, _>("amount_fen"), "{rule}: {household:?}");
    }
    match verdict {
        Some(true) => told.yes += 1,
        Some(false) => told.no += 1,
        None => told.unknown += 1,
    }
}

/// Households of one to five members, with rows in every dataset; some feeds are stale.
pub async fn fill(town: &mut Town, households: usize) {
    town.run("select setseed(0.42)").await;
    town.run(&format!(
        "insert into monitoring.household select gen_random_uuid(), '621226100001', '{COUNTY}', \
         case when random() < 0.3 then 'urban' else 'rural' end, (random() * random() * 9000000)::bigint, '2026-09-01', \
         (random() * random() * 20000000)::bigint, (random() * 2)::int, '2026-10-01', 1 from generate_series(1, {households})"
    ))
    .await;
    town.run(
        "insert into monitoring.member select gen_random_uuid(), h.household_id, date '1926-01-01' + (random() * 36700)::int, \
         1 + (random() * 1)::int, 'child', '2020-01-01' from (select household_id, 1 + (random() * 4)::int as size \
         from monitoring.household offset 0) h cross join lateral generate_series(1, h.size)",
    )
    .await;
    for class in
        ["minimum_living", "destitute", "edge", "rigid_expenditure", "return_to_poverty", "other_hardship", "orphan"]
    {
        town.run(&format!(
            "insert into monitoring.class_status select household_id, null, '{class}', date '2024-01-01' + (random() * 900)::int, \
             (random() * 60000)::bigint from monitoring.household where random() < 0.06"
        ))
        .await;
        town.run(&format!(
            "insert into monitoring.class_status select household_id, person_key, '{class}', \
             date '2024-01-01' + (random() * 900)::int, (random() * 60000)::bigint from monitoring.member where random() < 0.02"
        ))
        .await;
    }
    town.run(
        "insert into monitoring.vehicle select household_id, 'car', case when random() < 0.7 then 'private' else 'work' end, \
         '2024-01-01' from monitoring.household where random() < 0.1",
    )
    .await;
    town.run(
        "insert into monitoring.referral (household_id, person_key, bureau, programme, issued_on, due_on, settled_on, decision, signed_on) \
         select household_id, null, 'hr', 'P-RS-01', date '2026-09-01' + (random() * 50)::int, \
         date '2026-09-20' + (random() * 60)::int, case when random() < 0.5 then date '2026-10-20' end, \
         case when random() < 0.5 then 'granted' end, case when random() < 0.5 then date '2026-10-24' end \
         from monitoring.household where random() < 0.1",
    )
    .await;
    town.run(
        "insert into monitoring.visit select household_id, date '2026-10-26' - floor(random() * 250)::int, random() < 0.9, \
         random() < 0.8, case when random() < 0.7 then 3 + floor(random() * 60)::int end, \
         (array['illness', 'shock', null])[1 + floor(random() * 3)::int], null, null, \
         case when random() < 0.5 then 'verified_true' end from monitoring.household, generate_series(1, 2) where random() < 0.4; \
         insert into monitoring.work_order_state select household_id, date '2026-10-26' - floor(random() * 60)::int, null, \
         'L' || 1 + floor(random() * 3)::int, case when random() < 0.7 then 'verified_true' end, 0, 0 \
         from monitoring.household where random() < 0.3; \
         insert into monitoring.feedback_in_force select household_id, null, (array['hr', 'civil_affairs'])[1 + floor(random() * 2)::int], \
         'P-RS-01', (array['granted', 'refused'])[1 + floor(random() * 2)::int], case when random() < 0.8 then 'R1' end, \
         random() < 0.5, floor(random() * 3)::int * 10000, date '2026-10-26' - floor(random() * 100)::int, \
         case when random() < 0.5 then date '2026-10-26' - floor(random() * 100)::int end from monitoring.household where random() < 0.4; \
         insert into monitoring.reconciliation_state select household_id, case when random() < 0.8 then floor(random() * 2)::int end, \
         case when random() < 0.8 then date '2026-09-30' + floor(random() * 2)::int * 31 end from monitoring.household where random() < 0.9",
    )
    .await;
    town.run(
        "insert into monitoring.verdict select household_id, (array['A01', 'A03'])[1 + floor(random() * 2)::int], \
         case when random() < 0.8 then 'not_true' else 'verified_true' end, date '2026-10-26' - floor(random() * 400)::int \
         from monitoring.household, generate_series(1, 4) where random() < 0.4",
    )
    .await;
    for set in catalogue::record_sets() {
        records(town, set).await;
    }
    for (bureau, dataset) in [("hr", "unemployment"), ("women", "two_cancer_patient"), ("housing", "house_renovation")]
    {
        town.stale(bureau, dataset).await;
    }
    town.run("analyze").await;
}

/// Up to three rows for some people: codes that the pack speaks of and others, dates around today, nulls.
async fn records(town: &mut Town, set: &catalogue::RecordSet) {
    let codes = codes(&town.pack, &set.name());
    let value = |column: &catalogue::RecordColumn| match column.kind {
        Kind::Text => format!("(array[{codes}])[1 + floor(random() * array_length(array[{codes}], 1))::int]"),
        Kind::Date => "date '2026-10-26' - 700 + floor(random() * 760)::int".to_owned(),
        Kind::Money => "(case when random() < 0.3 then 0 else random() * random() * 4000000 end)::bigint".to_owned(),
        Kind::Boolean => "random() < 0.6".to_owned(),
        Kind::Integer | Kind::Ratio => "floor(random() * 6)::int".to_owned(),
    };
    let names: Vec<&str> = set.columns.iter().map(|column| column.column.as_str()).collect();
    let values: Vec<String> = set
        .columns
        .iter()
        .map(|column| format!("case when random() < 0.05 then null else {} end", value(column)))
        .collect();
    town.run(&format!(
        "insert into monitoring.{} (record_key, person_key, division_code, county_code, as_of, content_hash, batch_id, \
         first_on, changed_on, {}) select gen_random_uuid(), {}, '{COUNTY}', '{COUNTY}', '2026-10-20', '', \
         gen_random_uuid(), '2026-10-20', '2026-10-20', {} from monitoring.member m cross join generate_series(1, 3) \
         where random() < 0.12",
        set.table,
        names.join(", "),
        if set.division.is_some() { "null" } else { "m.person_key" },
        values.join(", ")
    ))
    .await;
}

/// Text literals in the facts over a dataset, as an SQL list, with months and years of these days.
fn codes(pack: &Pack, source: &str) -> String {
    let facts = pack.facts().iter().filter(|fact| fact.source.as_deref() == Some(source));
    let texts = facts.flat_map(|fact| [fact.expr.clone(), fact.filter.clone()]).flatten().collect::<Vec<_>>().join(" ");
    let quoted = texts.split('\'').skip(1).step_by(2).map(|text| format!("'{text}'"));
    let always =
        ["'other'", "'2026-10'", "'2026-08'", "'2025-12'", "'2026-2027'", "'2025-2026'", "'2026'"].map(str::to_owned);
    let mut all: Vec<String> = quoted.chain(always).collect();
    all.sort();
    all.dedup();
    all.join(", ")
}
