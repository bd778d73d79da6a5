//! What is known of work orders that are listed, beside themselves: grounds of their scores.

use chrono::NaiveDate;
use minqing_kit::Result;
use sqlx::PgConnection;
use uuid::Uuid;

use super::{
    list::OrderFilter,
    row::{OrderRow, order_columns},
};
use crate::domain::score::{Grounds, LastVisit, Weights};

/// What the pack and the checks of late say of each indicator.
#[derive(Clone, Debug, Default)]
pub struct Indicators {
    pub ids: Vec<String>,
    /// Yield of late; unknown when too few were checked.
    pub yields: Vec<Option<i32>>,
    /// Bureaus whose data it rests on, a bit each.
    pub bureaus: Vec<i64>,
}

/// By what lists are scored on a day.
#[derive(Clone, Debug, Default)]
pub struct Scale {
    pub today: NaiveDate,
    pub weights: Weights,
    pub indicators: Indicators,
}

/// A work order with its grounds.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct ScoredRow {
    #[sqlx(flatten)]
    pub row: OrderRow,
    best_yield: Option<i32>,
    further_bureaus: Option<i32>,
    last_visit_on: Option<NaiveDate>,
    /// As the list is ordered; the sum of what [`crate::domain::score::addends`] gives for the grounds.
    pub score: i32,
}

impl ScoredRow {
    /// As the rules see it.
    pub fn grounds(&self, today: NaiveDate) -> Grounds {
        let days = |on: NaiveDate| i32::try_from((today - on).num_days()).unwrap_or(i32::MAX);
        Grounds {
            level: self.row.level,
            yield_permille: self.best_yield,
            further_bureaus: self.further_bureaus.unwrap_or_default(),
            visit: match (self.row.household_id, self.last_visit_on) {
                (None, _) => LastVisit::NoPlace,
                (Some(_), None) => LastVisit::Never,
                (Some(_), Some(on)) => LastVisit::DaysAgo(days(on)),
            },
        }
    }
}

/// A page of work orders: by level, then by last day, then those for which most speaks. Only those are scored that have a
/// level and last day of the page.
pub async fn work_orders(connection: &mut PgConnection, filter: &OrderFilter, scale: &Scale) -> Result<Vec<ScoredRow>> {
    let after = filter.after;
    let rows = sqlx::query_as(concat!(
        include_str!("sql/listed.sql"),
        include_str!("sql/scored.sql"),
        "select ",
        order_columns!(),
        ", w.best_yield, w.further_bureaus, w.last_visit_on, w.score from scored as w \
         where $15::smallint is null or (w.level, w.due_on, -w.score, w.work_order_id) > ($15, $16, -($17::integer), $18::uuid) \
         order by w.level, w.due_on, w.score desc, w.work_order_id limit $19"
    ));
    let rows = bound(rows, scale)
        .bind(&filter.scope)
        .bind(&filter.division)
        .bind(filter.state.as_deref())
        .bind(after.map(|key| key.level))
        .bind(after.map(|key| key.due_on))
        .bind(after.map(|key| key.score))
        .bind(after.map(|key| key.id))
        .bind(filter.size)
        .fetch_all(connection)
        .await?;
    Ok(rows)
}

/// One work order within a scope.
pub async fn work_order(
    connection: &mut PgConnection,
    id: Uuid,
    scope: &str,
    scale: &Scale,
) -> Result<Option<ScoredRow>> {
    let row = sqlx::query_as(concat!(
        "with candidate as (select w.* from dispatch.work_order as w \
           where w.work_order_id = $12 and starts_with(w.assigned_to, $13))",
        include_str!("sql/scored.sql"),
        "select ",
        order_columns!(),
        ", w.best_yield, w.further_bureaus, w.last_visit_on, w.score from scored as w"
    ));
    Ok(bound(row, scale).bind(id).bind(scope).fetch_optional(connection).await?)
}

type Query<'q> = sqlx::query::QueryAs<'q, sqlx::Postgres, ScoredRow, sqlx::postgres::PgArguments>;

fn bound<'q>(query: Query<'q>, scale: &'q Scale) -> Query<'q> {
    let weights = scale.weights;
    query
        .bind(scale.today)
        .bind(&scale.indicators.ids)
        .bind(&scale.indicators.yields)
        .bind(&scale.indicators.bureaus)
        .bind(weights.level)
        .bind(weights.yields)
        .bind(weights.bureaus)
        .bind(weights.bureaus_full)
        .bind(weights.visit)
        .bind(weights.visit_full_days)
        .bind(crate::domain::score::MOST)
}
