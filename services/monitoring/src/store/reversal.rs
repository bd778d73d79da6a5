//! Takes back what a batch did to records, some keys at a time. Of each record the batch changed: if a later batch found
//! it just so, the version is that batch's from now on; else the version before comes back, or the row goes when there was
//! none; and where a later batch has changed the record since, only the chain of versions closes over the gap.

use minqing_kit::Result;
use sqlx::{AssertSqlSafe, PgConnection};
use uuid::Uuid;

use super::record::about;
use crate::domain::record::{Dataset, Touched};

/// The statements of one dataset.
#[derive(Clone, Debug)]
pub struct Reversal {
    touched: String,
    inherit: String,
    restore: String,
    remove: String,
}

/// The entries of some keys that no later batch inherits, and the rows that still are as the batch left them.
const OWN: &str = "v.batch_id = $1 and v.record_key = any($2) and v.heir_id is null \
                   and r.record_key = v.record_key and r.batch_id = $1";

impl Reversal {
    /// The statements for a dataset's table.
    pub fn of(dataset: &Dataset, table: &str) -> Reversal {
        let own = ["person_key", "division_code", "county_code", "as_of", "content_hash", "batch_id", "first_on"];
        let own = own.into_iter().chain(["changed_on", "ended_on"]);
        let names = own.chain(dataset.columns.iter().map(|c| c.name.as_str()));
        let sets: Vec<_> = names.map(|name| format!("{name} = p.{name}")).collect();
        Reversal {
            touched: format!(
                "select {} from monitoring.record_before v, {table} r where {OWN} \
                 union select (v.before->>'person_key')::uuid, null from monitoring.record_before v, {table} r \
                 where {OWN} and v.before->>'person_key' is not null",
                about(dataset, "r")
            ),
            inherit: format!(
                "update {table} r set batch_id = h.batch_id, as_of = h.as_of, changed_on = h.begun_on, \
                   ended_on = case when r.ended_on is not null then h.as_of end, \
                   first_on = case when v.before is null then h.begun_on else r.first_on end \
                 from monitoring.record_before v join monitoring.batch h on h.batch_id = v.heir_id \
                 where v.batch_id = $1 and v.record_key = any($2) and r.record_key = v.record_key and r.batch_id = $1"
            ),
            restore: format!(
                "update {table} r set {} \
                 from monitoring.record_before v cross join lateral jsonb_populate_record(null::{table}, v.before) p \
                 where {OWN} and v.before is not null",
                sets.join(", ")
            ),
            remove: format!("delete from {table} r using monitoring.record_before v where {OWN} and v.before is null"),
        }
    }

    /// Takes the batch's changes of these records back, which the transaction holds; gives back whom they are about.
    pub async fn take_back(&self, conn: &mut PgConnection, batch: Uuid, keys: &[Uuid]) -> Result<Touched> {
        let about: Vec<_> =
            sqlx::query_as(AssertSqlSafe(self.touched.clone())).bind(batch).bind(keys).fetch_all(&mut *conn).await?;
        for statement in [&self.inherit, &self.restore, &self.remove] {
            sqlx::query(AssertSqlSafe(statement.clone())).bind(batch).bind(keys).execute(&mut *conn).await?;
        }
        for statement in [CLOSE_OVER_HEIR, CLOSE_OVER_GAP, HAND_ON, FORGET] {
            sqlx::query(statement).bind(batch).bind(keys).execute(&mut *conn).await?;
        }
        let mut touched = Touched::default();
        about.into_iter().for_each(|one| touched.push(one));
        Ok(touched)
    }
}

/// A version kept as "before" of a later one is the heir's now.
const CLOSE_OVER_HEIR: &str = "\
    update monitoring.record_before x set before_batch = h.batch_id, \
      before = x.before || jsonb_build_object('batch_id', h.batch_id, 'as_of', h.as_of, 'changed_on', h.begun_on) \
        || case when x.before->>'ended_on' is null then '{}' else jsonb_build_object('ended_on', h.as_of) end \
        || case when v.before is null then jsonb_build_object('first_on', h.begun_on) else '{}' end \
    from monitoring.record_before v join monitoring.batch h on h.batch_id = v.heir_id \
    where v.batch_id = $1 and v.record_key = any($2) and x.before_batch = $1 and x.record_key = v.record_key";

const CLOSE_OVER_GAP: &str = "\
    update monitoring.record_before x set before = v.before, before_batch = v.before_batch \
    from monitoring.record_before v \
    where v.batch_id = $1 and v.record_key = any($2) and v.heir_id is null \
      and x.before_batch = $1 and x.record_key = v.record_key";

const HAND_ON: &str = "\
    insert into monitoring.record_before (batch_id, record_key, number, before, before_batch) \
    select heir_id, record_key, heir_number, before, before_batch from monitoring.record_before \
    where batch_id = $1 and record_key = any($2) and heir_id is not null \
    on conflict on constraint record_before_pk do nothing";

const FORGET: &str = "delete from monitoring.record_before where batch_id = $1 and record_key = any($2)";
