//! Figures of the daily pass, asked for by name: `cargo nextest run -p minqing-monitoring --run-ignored only -E 'test(days_of)'`.

use std::{io::Write as _, time::Instant};

use minqing_policy::{Kind, Pack, catalogue};
use sqlx::{AssertSqlSafe, PgConnection};

use crate::town::{COUNTY, Town, VILLAGE};

const HOUSEHOLDS: usize = 20_000;

/// Ordinary days, the first of a month, and the first of a year.
const DAYS: [&str; 6] = ["2026-10-27", "2026-10-28", "2026-10-31", "2026-11-01", "2026-11-02", "2027-01-01"];

#[tokio::test(flavor = "multi_thread")]
#[ignore = "measures"]
async fn days_of_20_000_households() {
    let town = Town::start().await;
    let mut admin = town.service.db.admin().await.unwrap();
    let rows = fill(&mut admin).await;
    let mut out = std::io::stderr();
    writeln!(out, "{HOUSEHOLDS} households with {rows} records").unwrap();
    let started = Instant::now();
    let passes = town.screen().await;
    writeln!(out, "{}: everybody by everything in {:?}, {passes} passes", town.today(), started.elapsed()).unwrap();
    for day in DAYS {
        town.service.clock.set(format!("{day}T09:00:00+08:00").parse().unwrap());
        // Every day before is taken as done: what is measured is one day.
        let eve = "update monitoring.screening set found_through = $1::date - 1, through = $1::date - 1, for_date = $1::date - 1";
        sqlx::query(eve).bind(town.today()).execute(&mut admin).await.unwrap();
        let started = Instant::now();
        let first = town.service.running.reconcile_once("screening").await.unwrap();
        let found = started.elapsed();
        let passes = if first.caught_up { 1 } else { 1 + town.screen().await };
        let (took, what) = (started.elapsed(), first.detail);
        writeln!(out, "{day}: {took:?} in {passes} passes, the first in {found:?}: {what}").unwrap();
    }
    let started = Instant::now();
    sqlx::query("update monitoring.screening set pack = 'another'").execute(&mut admin).await.unwrap();
    let passes = town.screen().await;
    writeln!(out, "{}: everybody by everything again in {:?}, {passes} passes", town.today(), started.elapsed())
        .unwrap();
}

async fn run(conn: &mut PgConnection, sql: &str) -> u64 {
    sqlx::query(AssertSqlSafe(sql.to_owned()))
        .execute(conn)
        .await
        .unwrap_or_else(|e| panic!("{e}\n{sql}"))
        .rows_affected()
}

/// Households of one to five members in one county, a quarter with a class, every feed fresh, and in every dataset rows of
/// the last two years for some people; how many rows.
async fn fill(conn: &mut PgConnection) -> u64 {
    let pack = Pack::load(concat!(env!("CARGO_MANIFEST_DIR"), "/../../deploy/policy/longnan")).unwrap();
    for sql in [
        "select setseed(0.42)".to_owned(),
        format!("insert into monitoring.county values ('{COUNTY}', '2026-01-01')"),
        format!(
            "insert into monitoring.household (household_id, division_code, county_code, area_kind, declared_income_fen, income_as_of, \
             financial_assets_fen, house_count, as_of, sequence, first_seen_on) \
             select gen_random_uuid(), '{VILLAGE}', '{COUNTY}', case when random() < 0.3 then 'urban' else 'rural' end, \
             (random() * 6000000)::bigint, '2026-09-01', (random() * random() * 20000000)::bigint, 1, '2026-10-01', 1, '2026-01-01' \
             from generate_series(1, {HOUSEHOLDS})"
        ),
        "insert into monitoring.member (person_key, household_id, birth_on, sex, relation, joined_on) \
         select gen_random_uuid(), h.household_id, date '1936-01-01' + (random() * 33000)::int, 1 + (random() * 1)::int, '01', \
         '2020-01-01' from (select household_id, 1 + (random() * 4)::int as size from monitoring.household offset 0) h \
         cross join lateral generate_series(1, h.size)"
            .to_owned(),
        "insert into monitoring.class_status (household_id, person_key, assistance_class, valid_from, amount_fen) \
         select household_id, null, (array['minimum_living', 'minimum_living', 'edge', 'destitute', 'return_to_poverty'])[1 + \
         floor(random() * 5)::int], date '2024-01-01' + (random() * 900)::int, 40000 from monitoring.household where random() < 0.25"
            .to_owned(),
    ] {
        run(conn, &sql).await;
    }
    let mut rows = 0;
    for set in catalogue::record_sets() {
        run(
            conn,
            &format!(
                "insert into monitoring.feed (bureau, dataset, county_code, rhythm, as_of, fresh_until, due_on) \
                 values ('{}', '{}', '{COUNTY}', 'monthly', '2026-10-25', '2030-01-01', '2030-01-01') \
                 on conflict on constraint feed_pk do update set fresh_until = excluded.fresh_until, as_of = excluded.as_of",
                set.bureau, set.dataset
            ),
        )
        .await;
        rows += run(conn, &records(&pack, set)).await;
    }
    run(conn, "analyze").await;
    rows
}

fn records(pack: &Pack, set: &catalogue::RecordSet) -> String {
    let facts = pack.facts().iter().filter(|fact| fact.source.as_deref() == Some(set.name().as_str()));
    let texts = facts.flat_map(|fact| [fact.expr.clone(), fact.filter.clone()]).flatten().collect::<Vec<_>>().join(" ");
    let quoted = texts.split('\'').skip(1).step_by(2).map(|text| format!("'{text}'"));
    let mut codes: Vec<String> = quoted.chain(["'other'".to_owned()]).collect();
    codes.sort();
    codes.dedup();
    let codes = codes.join(", ");
    let value = |column: &catalogue::RecordColumn| match column.kind {
        Kind::Text if column.field.contains("month") => {
            "to_char(date '2026-10-26' - floor(random() * 700)::int, 'YYYY-MM')".to_owned()
        }
        Kind::Text if column.field.contains("school_year") => {
            "(array['2024-2025', '2025-2026', '2026-2027'])[1 + floor(random() * 3)::int]".to_owned()
        }
        Kind::Text if column.field == "year" => "(array['2025', '2026'])[1 + floor(random() * 2)::int]".to_owned(),
        Kind::Text => format!("(array[{codes}])[1 + floor(random() * array_length(array[{codes}], 1))::int]"),
        Kind::Date => "date '2026-10-26' - floor(random() * 730)::int".to_owned(),
        Kind::Money => "(random() * random() * 2000000)::bigint".to_owned(),
        Kind::Boolean => "random() < 0.5".to_owned(),
        Kind::Integer | Kind::Ratio => "floor(random() * 6)::int".to_owned(),
    };
    let names: Vec<&str> = set.columns.iter().map(|column| column.column.as_str()).collect();
    let values: Vec<String> = set.columns.iter().map(value).collect();
    let (person, share) = if set.division.is_some() { ("null", 0.0001) } else { ("m.person_key", 0.2) };
    let division = if set.division.is_some() { COUNTY } else { VILLAGE };
    format!(
        "insert into monitoring.{} (record_key, person_key, division_code, county_code, as_of, content_hash, batch_id, first_on, \
         changed_on, {}) select gen_random_uuid(), {person}, '{division}', '{COUNTY}', '2026-10-20', '', gen_random_uuid(), \
         '2026-10-20', '2026-10-20', {} from monitoring.member m where random() < {share}",
        set.table,
        names.join(", "),
        values.join(", ")
    )
}
