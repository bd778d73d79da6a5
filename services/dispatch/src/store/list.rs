//! Lists for operators and adapters: keyset pages, no locks.

use chrono::NaiveDate;
use minqing_kit::Result;
use sqlx::PgConnection;
use uuid::Uuid;

use super::row::{ReferralRow, referral_columns};

/// Which work orders; prefixes are of division codes, empty for all.
#[derive(Clone, Debug)]
pub struct OrderFilter {
    /// Prefix of the desk that has it: what the caller may see.
    pub scope: String,
    /// Prefix of the division asked for.
    pub division: String,
    pub state: Option<String>,
    pub size: i64,
    pub after: Option<OrderKey>,
}

/// Where the page before ended.
#[derive(Clone, Copy, Debug)]
pub struct OrderKey {
    pub level: i16,
    /// Far future when there is none.
    pub due_on: NaiveDate,
    pub score: i32,
    pub id: Uuid,
}

/// Which referrals.
#[derive(Clone, Debug)]
pub struct ReferralFilter {
    /// Prefix of the division: what the caller may see.
    pub scope: String,
    pub bureau: Option<String>,
    pub open_only: bool,
    pub size: i64,
    /// Last day and id of the last row of the page before.
    pub after: Option<(NaiveDate, Uuid)>,
}

/// A page of referrals, the first due first.
pub async fn referrals(connection: &mut PgConnection, filter: &ReferralFilter) -> Result<Vec<ReferralRow>> {
    let rows = sqlx::query_as(concat!(
        "select ",
        referral_columns!(),
        " from dispatch.referral as r \
         where starts_with(r.division_code, $1) and ($2::text is null or r.bureau = $2) \
           and (not $3 or r.settled_on is null) \
           and ($4::date is null or (r.due_on, r.referral_id) > ($4, $5::uuid)) \
         order by r.due_on, r.referral_id limit $6"
    ))
    .bind(&filter.scope)
    .bind(filter.bureau.as_deref())
    .bind(filter.open_only)
    .bind(filter.after.map(|(due, _)| due))
    .bind(filter.after.map(|(_, id)| id))
    .bind(filter.size)
    .fetch_all(connection)
    .await?;
    Ok(rows)
}

/// One referral within a scope and, for an adapter, of its bureau.
pub async fn referral(
    connection: &mut PgConnection,
    id: Uuid,
    scope: &str,
    bureau: Option<&str>,
) -> Result<Option<ReferralRow>> {
    let row = sqlx::query_as(concat!(
        "select ",
        referral_columns!(),
        " from dispatch.referral as r where r.referral_id = $1 and starts_with(r.division_code, $2) \
           and ($3::text is null or r.bureau = $3)"
    ))
    .bind(id)
    .bind(scope)
    .bind(bureau)
    .fetch_optional(connection)
    .await?;
    Ok(row)
}
