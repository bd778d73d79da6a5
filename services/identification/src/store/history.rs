//! Rows of identification.household_fact_history and identification.household_history: the state at the end of each
//! business day on which it changed.
//!
//! A day's row is copied from the newest state after that was written: its row lock is held by then, so two changes of a
//! household cannot write their days in the other order. Days never fall while sequences rise, also when a change that
//! began before midnight comes after one that began after it.

use chrono::NaiveDate;
use minqing_kit::Result;
use sqlx::PgConnection;
use uuid::Uuid;

use super::known::{FactRow, RosterRow};

/// Keeps the newest facts of these households, whose rows the transaction has just written, as those of the day.
pub async fn keep_facts(conn: &mut PgConnection, households: &[Uuid], today: NaiveDate) -> Result<()> {
    sqlx::query(
        "insert into identification.household_fact_history \
             (household_id, known_on, division_code, area_kind, as_of, sequence, facts, persons) \
         select f.household_id, greatest($2, (select max(h.known_on) from identification.household_fact_history h \
                 where h.household_id = f.household_id)), \
             f.division_code, f.area_kind, f.as_of, f.sequence, f.facts, f.persons \
         from identification.household_fact f where f.household_id = any($1) \
         on conflict on constraint household_fact_history_pk do update \
         set division_code = excluded.division_code, area_kind = excluded.area_kind, as_of = excluded.as_of, \
             sequence = excluded.sequence, facts = excluded.facts, persons = excluded.persons \
         where household_fact_history.sequence < excluded.sequence",
    )
    .bind(households)
    .bind(today)
    .execute(conn)
    .await?;
    Ok(())
}

/// Keeps the newest roster of these households, whose rows the transaction has just written, as that of the day.
pub async fn keep_roster(conn: &mut PgConnection, households: &[Uuid], today: NaiveDate) -> Result<()> {
    sqlx::query(
        "insert into identification.household_history \
             (household_id, known_on, division_code, area_kind, members, classes, as_of, sequence) \
         select r.household_id, greatest($2, (select max(h.known_on) from identification.household_history h \
                 where h.household_id = r.household_id)), \
             r.division_code, r.area_kind, r.members, r.classes, r.as_of, r.sequence \
         from identification.household r where r.household_id = any($1) \
         on conflict on constraint household_history_pk do update \
         set division_code = excluded.division_code, area_kind = excluded.area_kind, members = excluded.members, \
             classes = excluded.classes, as_of = excluded.as_of, sequence = excluded.sequence \
         where household_history.sequence < excluded.sequence",
    )
    .bind(households)
    .bind(today)
    .execute(conn)
    .await?;
    Ok(())
}

/// Facts known of the household at the end of the day.
pub async fn facts_on(conn: &mut PgConnection, household_id: Uuid, day: NaiveDate) -> Result<Option<FactRow>> {
    let row = sqlx::query_as(
        "select household_id, division_code, area_kind, as_of, facts, persons \
         from identification.household_fact_history where household_id = $1 and known_on <= $2 \
         order by known_on desc limit 1",
    )
    .bind(household_id)
    .bind(day)
    .fetch_optional(conn)
    .await?;
    Ok(row)
}

/// Roster known of the household at the end of the day.
pub async fn roster_on(conn: &mut PgConnection, household_id: Uuid, day: NaiveDate) -> Result<Option<RosterRow>> {
    let row = sqlx::query_as(
        "select household_id, division_code, area_kind, members, classes \
         from identification.household_history where household_id = $1 and known_on <= $2 \
         order by known_on desc limit 1",
    )
    .bind(household_id)
    .bind(day)
    .fetch_optional(conn)
    .await?;
    Ok(row)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use std::sync::Arc;

    use chrono::Days;
    use futures::FutureExt as _;
    use minqing_kit::{Call, clock::SystemClock, db::Db};
    use minqing_test_kit::TestDb;

    use crate::store::known::{NewFacts, NewRoster, put_facts, put_roster};

    use super::*;

    const HOUSEHOLD: Uuid = Uuid::from_u128(1);

    fn day(n: u64) -> NaiveDate {
        NaiveDate::from_ymd_opt(2026, 10, 1).unwrap() + Days::new(n)
    }

    /// Takes facts and roster of this sequence over on the day, with nothing but the tables to keep order.
    async fn take(db: Db, sequence: i64, today: NaiveDate) {
        let call = Call::worker("identification", "test");
        let told = db.change(&call, move |work| {
            async move {
                let facts = NewFacts {
                    household_id: HOUSEHOLD,
                    division_code: sequence.to_string(),
                    area_kind: "rural",
                    as_of: today,
                    sequence,
                    facts: Default::default(),
                    persons: vec![],
                };
                put_facts(work.conn(), &[facts], today).await?;
                let roster = NewRoster {
                    household_id: HOUSEHOLD,
                    division_code: sequence.to_string(),
                    area_kind: "rural",
                    members: vec![],
                    births: Default::default(),
                    classes: vec![],
                    as_of: today,
                    sequence,
                };
                put_roster(work.conn(), &[roster], today).await?;
                Ok(())
            }
            .boxed()
        });
        told.await.unwrap();
    }

    #[tokio::test]
    async fn changes_that_come_at_once_lose_none_that_is_newer_and_keep_days_and_sequences_in_one_order() {
        let test = TestDb::new("identification").await.unwrap();
        let db = test.open(&crate::MIGRATIONS, Arc::new(SystemClock)).await.unwrap();
        // Sequences 1 to 40 in a mixed order; every fifth began before a midnight the others began after.
        let told = (0..40_u64).map(|n| (n * 17) % 40 + 1);
        let told = told.map(|n| (i64::try_from(n).unwrap(), day(if n % 5 == 0 { n / 8 } else { n / 8 + 1 })));
        futures::future::join_all(told.map(|(sequence, today)| take(db.clone(), sequence, today))).await;

        let mut admin = test.admin().await.unwrap();
        for table in ["household_fact_history", "household_history"] {
            let sql = format!("select known_on, sequence from identification.{table} order by known_on");
            let rows: Vec<(NaiveDate, i64)> =
                sqlx::query_as(sqlx::AssertSqlSafe(sql)).fetch_all(&mut admin).await.unwrap();
            assert!(rows.is_sorted_by(|one, next| one.1 < next.1), "{table}: {rows:?}");
            assert_eq!(rows.last().unwrap().1, 40, "{table}");
        }
        assert_eq!(facts_on(&mut admin, HOUSEHOLD, day(10)).await.unwrap().unwrap().division_code, "40");
    }

    /// What the table says of each day from 0.
    async fn known(admin: &mut PgConnection, days: u64) -> [Vec<String>; 2] {
        let mut known = [vec![], vec![]];
        for n in 0..days {
            let facts = facts_on(admin, HOUSEHOLD, day(n)).await.unwrap();
            known[0].push(facts.map(|f| f.division_code).unwrap_or_default());
            let roster = roster_on(admin, HOUSEHOLD, day(n)).await.unwrap();
            known[1].push(roster.map(|r| r.division_code).unwrap_or_default());
        }
        known
    }

    #[tokio::test]
    async fn the_last_of_a_day_stays_and_what_is_told_again_or_is_older_changes_no_day() {
        let test = TestDb::new("identification").await.unwrap();
        let db = test.open(&crate::MIGRATIONS, Arc::new(SystemClock)).await.unwrap();
        for (sequence, on) in [(3, 1), (3, 2), (2, 3), (4, 4), (5, 4), (1, 5)] {
            take(db.clone(), sequence, day(on)).await;
        }
        for known in known(&mut test.admin().await.unwrap(), 6).await {
            assert_eq!(known, ["", "3", "3", "3", "5", "5"]);
        }
    }

    #[tokio::test]
    async fn a_change_begun_before_midnight_that_comes_after_one_begun_later_counts_for_the_later_day() {
        let test = TestDb::new("identification").await.unwrap();
        let db = test.open(&crate::MIGRATIONS, Arc::new(SystemClock)).await.unwrap();
        for (sequence, on) in [(1, 1), (2, 3), (3, 2)] {
            take(db.clone(), sequence, day(on)).await;
        }
        for known in known(&mut test.admin().await.unwrap(), 5).await {
            assert_eq!(known, ["", "1", "1", "3", "3"]);
        }
    }
}
