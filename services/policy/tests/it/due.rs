//! Whatever a day changes by itself is found due on that day: every verdict of every indicator, and every fact that rules
//! use, of households made at random, on ordinary days and on those on which months, years and school years begin.

use std::{
    collections::{BTreeMap, BTreeSet},
    io::Write as _,
};

use chrono::NaiveDate;
use minqing_policy::{Due, SESSION_SETTINGS};
use sqlx::{AssertSqlSafe, Connection, PgConnection, Row};
use uuid::Uuid;

use super::{
    agreement::{facts, fill, households},
    town::{COUNTY, Town},
};

/// Household, person, indicator.
type Subject = (Uuid, Option<Uuid>, String);

/// What a day looks like: verdicts that are known, and facts by household.
struct Day {
    verdicts: BTreeMap<Subject, bool>,
    facts: BTreeMap<(Uuid, Option<Uuid>), String>,
}

const DAYS: [&str; 6] = ["2026-10-26", "2026-10-31", "2026-11-01", "2027-01-01", "2027-03-01", "2027-09-01"];

#[tokio::test]
async fn whatever_a_day_changes_by_itself_is_found_due() {
    let mut town = Town::new().await;
    fill(&mut town, households()).await;
    // Feeds run out on days looked at; most go on.
    town.run(
        "update monitoring.feed set fresh_until = case when random() < 0.3 then \
         (array['2026-10-25', '2026-10-26', '2026-10-31', '2026-12-31', '2027-02-28', '2027-08-31'])[1 + floor(random() * 6)::int]::date \
         else '2030-01-01' end",
    )
    .await;
    let pack = town.pack.clone();
    let due = pack.due();
    let ids: Vec<Uuid> =
        sqlx::query_scalar("select household_id from monitoring.household").fetch_all(&mut town.conn).await.unwrap();
    let indicators = pack.indicators().iter().filter(|rule| rule.level != minqing_policy::Level::Feed).count();
    let mut err = std::io::stderr();
    let mut changes = [0, 0];
    for day in DAYS.map(|day| day.parse::<NaiveDate>().unwrap()) {
        let before = look(&mut town, &ids, day.pred_opt().unwrap()).await;
        let after = look(&mut town, &ids, day).await;
        let (pairs, told) = found(&mut town.conn, due, day).await;
        for (subject, verdict) in &after.verdicts {
            if before.verdicts.get(subject) == Some(verdict) {
                continue;
            }
            changes[0] += 1;
            let (household, person, indicator) = subject;
            assert!(
                pairs.contains(&(*household, indicator.clone())),
                "{indicator} of {household} {person:?} became {verdict} on {day} and was not found due"
            );
        }
        for (subject, facts) in &after.facts {
            if before.facts.get(subject) != Some(facts) {
                changes[1] += 1;
                assert!(told.contains(&subject.0), "facts of {subject:?} changed on {day} and were not found due");
            }
        }
        let share = pairs.len() * 1_000 / (ids.len() * indicators);
        writeln!(
            err,
            "{day}: {} of {} pairs due, {share} in 1,000; facts of {} households",
            pairs.len(),
            ids.len() * indicators,
            told.len()
        )
        .unwrap();
    }
    writeln!(err, "{} verdicts and {} sets of facts changed", changes[0], changes[1]).unwrap();
    assert!(changes.iter().all(|many| *many > 100), "{changes:?}");
}

/// Households with the indicators they are due for, and households whose facts are.
async fn found(conn: &mut PgConnection, due: &Due, day: NaiveDate) -> (BTreeSet<(Uuid, String)>, BTreeSet<Uuid>) {
    let mut by_cause: BTreeMap<String, BTreeSet<Uuid>> = BTreeMap::new();
    let counties = vec![COUNTY.to_owned()];
    let mut tx = conn.begin().await.unwrap();
    sqlx::raw_sql(SESSION_SETTINGS).execute(&mut *tx).await.unwrap();
    for search in &due.searches {
        let query = sqlx::query_scalar(AssertSqlSafe(search.sql.clone())).bind(day).bind(&counties);
        let ids: Vec<Uuid> = query.fetch_all(&mut *tx).await.unwrap_or_else(|e| panic!("{e}\n{}", search.sql));
        by_cause.entry(search.cause.clone()).or_default().extend(ids);
    }
    let places = sqlx::query(AssertSqlSafe(due.calendar.clone())).bind(day).bind(&counties);
    for row in places.fetch_all(&mut *tx).await.unwrap() {
        let ids = everybody(&mut tx, row.get("county_code"), Some(row.get("area_kind"))).await;
        by_cause.entry(row.get("cause")).or_default().extend(ids);
    }
    for turn in due.turns(day) {
        let ids = everybody(&mut tx, &turn.prefix, None).await;
        by_cause.entry(turn.cause.clone()).or_default().extend(ids);
    }
    let ran_out = sqlx::query("select bureau, dataset, county_code from monitoring.feed where fresh_until = $1 - 1");
    for row in ran_out.bind(day).fetch_all(&mut *tx).await.unwrap() {
        if let Some(cause) = due.stale(row.get("bureau"), row.get("dataset")) {
            let ids = everybody(&mut tx, row.get("county_code"), None).await;
            by_cause.entry(cause.to_owned()).or_default().extend(ids);
        }
    }
    tx.rollback().await.unwrap();
    let (mut pairs, mut told) = (BTreeSet::new(), BTreeSet::new());
    for (cause, ids) in by_cause {
        let reach = due.reach(&cause).unwrap();
        for id in ids {
            pairs.extend(reach.indicators.iter().map(|indicator| (id, indicator.clone())));
            if reach.facts {
                told.insert(id);
            }
        }
    }
    (pairs, told)
}

async fn everybody(conn: &mut PgConnection, county: &str, area: Option<&str>) -> Vec<Uuid> {
    let sql = "select household_id from monitoring.household \
               where starts_with(county_code, $1) and ($2::text is null or area_kind = $2)";
    sqlx::query_scalar(sql).bind(county).bind(area).fetch_all(conn).await.unwrap()
}

async fn look(town: &mut Town, ids: &[Uuid], day: NaiveDate) -> Day {
    let mut tx = town.conn.begin().await.unwrap();
    sqlx::raw_sql(SESSION_SETTINGS).execute(&mut *tx).await.unwrap();
    let mut verdicts = BTreeMap::new();
    for (sql, verdict) in [(town.pack.hits_sql(), true), (town.pack.refuted_sql(), false)] {
        let query = sqlx::query(AssertSqlSafe(sql.to_owned())).bind(ids).bind(day);
        for row in query.fetch_all(&mut *tx).await.unwrap() {
            verdicts.insert((row.get("household_id"), row.get("person_key"), row.get("indicator")), verdict);
        }
    }
    let statement = town.pack.facts_told();
    let query = sqlx::query(AssertSqlSafe(statement.sql().to_owned())).bind(ids).bind(day);
    let rows = query.fetch_all(&mut *tx).await.unwrap();
    let told = rows.iter().map(|row| {
        let values = facts(row, statement).into_iter().map(|(name, value, _)| format!("{name}={value:?}"));
        ((row.get("household_id"), row.get("person_key")), values.collect::<Vec<_>>().join(" "))
    });
    let facts = told.collect();
    tx.rollback().await.unwrap();
    Day { verdicts, facts }
}
