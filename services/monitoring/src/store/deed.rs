//! What the mesh itself did, written in sets. Writing the same again changes nothing, and what comes out does not depend
//! on whether dispatch or feedback was heard first.

use std::collections::BTreeMap;

use chrono::NaiveDate;
use minqing_kit::Result;
use sqlx::PgConnection;
use uuid::Uuid;

use crate::domain::deed::{OrderStep, Receipt, Record, Step, Visit};

/// Adds visits that are not there yet.
pub async fn put_visits(conn: &mut PgConnection, visits: &[Visit]) -> Result<()> {
    sqlx::query(
        "insert into monitoring.visit (visit_id, household_id, visited_on, met, photo, minutes, group_ticked, lives_alone, \
           carer, verdict) \
         select v.visit_id, v.household_id, v.visited_on, v.met, v.photo, v.minutes, v.group_ticked, v.lives_alone, v.carer, \
           v.verdict \
         from unnest($1::uuid[], $2::uuid[], $3::date[], $4::boolean[], $5::boolean[], $6::integer[], $7::text[], \
             $8::boolean[], $9::text[], $10::text[]) \
           as v (visit_id, household_id, visited_on, met, photo, minutes, group_ticked, lives_alone, carer, verdict) \
         on conflict on constraint visit_pk do nothing",
    )
    .bind(column(visits, |v| v.id))
    .bind(column(visits, |v| v.household))
    .bind(column(visits, |v| v.visited_on))
    .bind(column(visits, |v| v.met))
    .bind(column(visits, |v| v.photo))
    .bind(column(visits, |v| v.minutes))
    .bind(column(visits, |v| v.group_ticked.clone()))
    .bind(column(visits, |v| v.lives_alone))
    .bind(column(visits, |v| v.carer.clone()))
    .bind(column(visits, |v| v.verdict.clone()))
    .execute(conn)
    .await?;
    Ok(())
}

/// Adds receipts that are not there yet; gives the households of the referrals that are known.
pub async fn put_receipts(conn: &mut PgConnection, receipts: &[Receipt]) -> Result<Vec<Uuid>> {
    let referrals = column(receipts, |r| r.referral);
    sqlx::query(
        "insert into monitoring.receipt (referral_id, signed_on) \
         select r.referral_id, min(r.signed_on) from unnest($1::uuid[], $2::date[]) as r (referral_id, signed_on) \
         group by r.referral_id on conflict on constraint receipt_pk do nothing",
    )
    .bind(&referrals)
    .bind(column(receipts, |r| r.signed_on))
    .execute(&mut *conn)
    .await?;
    let households =
        sqlx::query_scalar("select distinct household_id from monitoring.referral where referral_id = any($1)")
            .bind(referrals)
            .fetch_all(conn)
            .await?;
    Ok(households)
}

/// Adds bureaus' records that are not there yet, and marks what is corrected.
pub async fn put_records(conn: &mut PgConnection, records: &[Record]) -> Result<()> {
    let ids = column(records, |r| r.id);
    sqlx::query(
        "insert into monitoring.feedback (feedback_id, household_id, person_key, bureau, record_no, supersedes, programme, \
           decision, reason_code, evidence, amount_fen, handled_on, paid_on) \
         select f.feedback_id, f.household_id, f.person_key, f.bureau, f.record_no, f.supersedes, f.programme, f.decision, \
           f.reason_code, f.evidence, f.amount_fen, f.handled_on, f.paid_on \
         from unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[], \
             $9::text[], $10::boolean[], $11::bigint[], $12::date[], $13::date[]) \
           as f (feedback_id, household_id, person_key, bureau, record_no, supersedes, programme, decision, reason_code, \
             evidence, amount_fen, handled_on, paid_on) \
         on conflict on constraint feedback_pk do nothing",
    )
    .bind(&ids)
    .bind(column(records, |r| r.household))
    .bind(column(records, |r| r.person))
    .bind(column(records, |r| r.bureau.clone()))
    .bind(column(records, |r| r.record_no.clone()))
    .bind(column(records, |r| r.supersedes.clone()))
    .bind(column(records, |r| r.programme.clone()))
    .bind(column(records, |r| r.decision.clone()))
    .bind(column(records, |r| r.reason_code.clone()))
    .bind(column(records, |r| r.evidence))
    .bind(column(records, |r| r.amount_fen))
    .bind(column(records, |r| r.handled_on))
    .bind(column(records, |r| r.paid_on))
    .execute(&mut *conn)
    .await?;
    // Aid given unasked has no order of its own: its correction may be heard first.
    sqlx::query(
        "update monitoring.feedback f set superseded = true from monitoring.feedback c \
         where (c.feedback_id = any($1) or f.feedback_id = any($1)) and c.bureau = f.bureau and c.supersedes = f.record_no \
           and not f.superseded",
    )
    .bind(ids)
    .execute(conn)
    .await?;
    Ok(())
}

/// A work order's events of one batch, folded.
#[derive(Default)]
struct Folded {
    household: Uuid,
    opened_on: Option<NaiveDate>,
    level: Option<i32>,
    verdict: Option<String>,
    closed_on: Option<NaiveDate>,
}

/// Moves work orders on, by steps in the order in which they happened.
pub async fn put_steps(conn: &mut PgConnection, steps: &[OrderStep]) -> Result<()> {
    let mut orders: BTreeMap<Uuid, Folded> = BTreeMap::new();
    for step in steps {
        let order = orders.entry(step.id).or_default();
        order.household = step.household;
        let told = match &step.what {
            Step::Opened { on, level } => {
                order.opened_on = Some(*on);
                Some(*level)
            }
            Step::Verified { verdict, level } => {
                order.verdict = Some(verdict.clone());
                Some(*level)
            }
            Step::Closed { on, verdict } => {
                order.closed_on = Some(*on);
                order.verdict = verdict.clone().or_else(|| order.verdict.take());
                None
            }
        };
        let told = told.filter(|level| *level > 0);
        order.level = order.level.into_iter().chain(told).min();
    }
    let (opened, known): (Vec<_>, Vec<_>) = orders.iter().partition(|(_, order)| order.opened_on.is_some());
    sqlx::query(
        "insert into monitoring.work_order (work_order_id, household_id, opened_on, level) \
         select w.work_order_id, w.household_id, w.opened_on, w.level \
         from unnest($1::uuid[], $2::uuid[], $3::date[], $4::integer[]) as w (work_order_id, household_id, opened_on, level) \
         on conflict on constraint work_order_pk do nothing",
    )
    .bind(column(&opened, |(id, _)| **id))
    .bind(column(&opened, |(_, order)| order.household))
    .bind(column(&opened, |(_, order)| order.opened_on))
    .bind(column(&opened, |(_, order)| order.level))
    .execute(&mut *conn)
    .await?;
    let moved: Vec<_> = opened.into_iter().chain(known).collect();
    sqlx::query(
        "update monitoring.work_order o set level = least(o.level, w.level), verdict = coalesce(w.verdict, o.verdict), \
           closed_on = coalesce(w.closed_on, o.closed_on) \
         from unnest($1::uuid[], $2::integer[], $3::text[], $4::date[]) as w (work_order_id, level, verdict, closed_on) \
         where o.work_order_id = w.work_order_id",
    )
    .bind(column(&moved, |(id, _)| **id))
    .bind(column(&moved, |(_, order)| order.level))
    .bind(column(&moved, |(_, order)| order.verdict.clone()))
    .bind(column(&moved, |(_, order)| order.closed_on))
    .execute(conn)
    .await?;
    Ok(())
}

fn column<T, V>(of: &[T], value: impl Fn(&T) -> V) -> Vec<V> {
    of.iter().map(value).collect()
}
