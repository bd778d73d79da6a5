//! What feedback tells of its books: months compared, and households about whose records they differ.

use std::collections::BTreeMap;

use chrono::NaiveDate;
use minqing_kit::Result;
use sqlx::PgConnection;
use uuid::Uuid;

use crate::domain::deed::{Books, MonthCompared};

/// Takes over what the books came to for households; the newest by sequence stands.
pub async fn put_books(conn: &mut PgConnection, books: &[Books]) -> Result<()> {
    let mut newest: BTreeMap<(Uuid, NaiveDate), &Books> = BTreeMap::new();
    for told in books {
        let kept = newest.entry((told.household, told.month)).or_insert(told);
        if told.sequence > kept.sequence {
            *kept = told;
        }
    }
    let newest: Vec<&Books> = newest.into_values().collect();
    sqlx::query(
        "insert into monitoring.reconciliation as r (household_id, month, difference, reconciled_on, sequence) \
         select * from unnest($1::uuid[], $2::date[], $3::integer[], $4::date[], $5::bigint[]) \
         on conflict on constraint reconciliation_pk do update set difference = excluded.difference, \
           reconciled_on = excluded.reconciled_on, sequence = excluded.sequence \
         where r.sequence < excluded.sequence",
    )
    .bind(newest.iter().map(|b| b.household).collect::<Vec<_>>())
    .bind(newest.iter().map(|b| b.month).collect::<Vec<_>>())
    .bind(newest.iter().map(|b| b.difference).collect::<Vec<_>>())
    .bind(newest.iter().map(|b| b.reconciled_on).collect::<Vec<_>>())
    .bind(newest.iter().map(|b| b.sequence).collect::<Vec<_>>())
    .execute(conn)
    .await?;
    Ok(())
}

/// Adds months compared. Gives the households that may be warned of, or cleared, by it: those about which these months
/// differ, and those with an open warning of one of the indicators. For all others unknown becomes nought.
pub async fn put_months(
    conn: &mut PgConnection,
    compared: &[MonthCompared],
    indicators: &[String],
) -> Result<Vec<Uuid>> {
    let months: Vec<NaiveDate> = compared.iter().map(|c| c.month).collect();
    sqlx::query(
        "insert into monitoring.reconciled_month (month, reconciled_on) \
         select m.month, min(m.reconciled_on) from unnest($1::date[], $2::date[]) as m (month, reconciled_on) \
         group by m.month on conflict on constraint reconciled_month_pk do nothing",
    )
    .bind(&months)
    .bind(compared.iter().map(|c| c.reconciled_on).collect::<Vec<_>>())
    .execute(&mut *conn)
    .await?;
    let households = sqlx::query_scalar(
        "select r.household_id from monitoring.reconciliation r where r.month = any($1) and r.difference <> 0 \
         union select w.household_id from monitoring.warning w \
         where w.indicator = any($2) and w.cleared_on is null and w.household_id is not null",
    )
    .bind(months)
    .bind(indicators)
    .fetch_all(conn)
    .await?;
    Ok(households)
}
