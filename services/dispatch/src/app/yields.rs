//! What came of each indicator's warnings, and what merging and suppression saved, as callers see it.

use std::collections::BTreeMap;

use minqing_kit::Result;
use minqing_proto::minqing::dispatch::v1 as pb;
use sqlx::PgConnection;

use super::{rules::Rules, view};
use crate::{
    domain::yields::Checks,
    store::{
        yield_fall::{self, YieldFall},
        yields::{self, VisitsRow, Wanted, YieldRow},
    },
};

/// Every indicator of the range, by id, and all together.
pub struct Yields {
    pub indicators: Vec<pb::IndicatorYield>,
    pub totals: pb::YieldTotals,
}

/// Counts.
pub async fn list(connection: &mut PgConnection, rules: &Rules, wanted: &Wanted) -> Result<Yields> {
    let rows = yields::by_indicator(connection, wanted, &rules.check_minutes(wanted.range.to)).await?;
    let visits = yields::visits(connection, wanted).await?;
    let totals = totals(&rows, visits);
    let mut all: BTreeMap<String, pb::IndicatorYield> =
        rows.into_iter().map(|r| (r.indicator.clone(), seen(r))).collect();
    for fall in yield_fall::within(connection, wanted).await? {
        let entry = all.entry(fall.indicator.clone()).or_insert_with(|| nothing(&fall.indicator));
        entry.falls.push(told(&fall));
    }
    let mut indicators: Vec<_> = all.into_values().collect();
    for indicator in &mut indicators {
        (indicator.title, indicator.title_en) = rules.indicator_titles(&indicator.indicator);
    }
    Ok(Yields { indicators, totals })
}

/// A fall as callers and consumers see it.
pub fn told(fall: &YieldFall) -> pb::YieldFall {
    pb::YieldFall {
        division_code: fall.division_code.clone(),
        fell_on: fall.fell_on.to_string(),
        verdicts_from: fall.verdicts_from.to_string(),
        verdicts_to: fall.verdicts_to.to_string(),
        checked: fall.checked,
        found_true: fall.found_true,
        floor_permille: fall.floor_permille,
        recovered_on: view::day(fall.recovered_on),
    }
}

fn seen(row: YieldRow) -> pb::IndicatorYield {
    let checks = checks(&row);
    pb::IndicatorYield {
        hits: row.hits,
        merged: row.merged,
        suppressed: row.suppressed,
        cleared_unchecked: row.cleared_unchecked,
        checked: checks.checked,
        found_true: checks.found_true,
        yield_permille: checks.permille(),
        verdicts: Some(pb::VerdictCounts {
            verified_true: row.verified_true,
            verified_partly: row.verified_partly,
            not_true: row.not_true,
            already_aided: row.already_aided,
            cannot_find: row.cannot_find,
            moved_away: row.moved_away,
            refuses_help: row.refuses_help,
            died: row.died,
        }),
        work_orders: row.work_orders,
        alone: row.alone,
        overlap: row.overlap_indicator.map(|indicator| pb::SharedOrders { indicator, work_orders: row.overlap_orders }),
        field_time: Some(pb::FieldTime {
            visits_told: row.visits_told,
            visits_untold: row.visits_untold,
            minutes_told: whole(row.minutes_told),
            minutes_estimated: whole(row.minutes_estimated),
        }),
        visits_saved_by_merging: row.merging_visits,
        visits_saved_by_suppression: row.suppression_visits,
        ..nothing(&row.indicator)
    }
}

/// An indicator of which nothing was raised.
fn nothing(indicator: &str) -> pb::IndicatorYield {
    pb::IndicatorYield {
        indicator: indicator.to_owned(),
        verdicts: Some(pb::VerdictCounts::default()),
        field_time: Some(pb::FieldTime::default()),
        ..pb::IndicatorYield::default()
    }
}

fn totals(rows: &[YieldRow], visits: VisitsRow) -> pb::YieldTotals {
    let sum = |of: fn(&YieldRow) -> i64| rows.iter().map(of).sum::<i64>();
    let minutes = |of: fn(&YieldRow) -> f64| whole(rows.iter().map(of).sum());
    let saved = |visits_saved: i64, minutes_by_pack| pb::VisitsSaved {
        visits: visits_saved,
        minutes_by_told: visits.mean_minutes.map(|mean| whole(mean * visits_saved as f64)),
        minutes_by_pack,
    };
    let (warnings, merged, suppressed) = (sum(|r| r.hits), sum(|r| r.merged), sum(|r| r.suppressed));
    pb::YieldTotals {
        warnings,
        work_orders: warnings - merged - suppressed,
        merged,
        suppressed,
        cleared_unchecked: sum(|r| r.cleared_unchecked),
        checked: sum(|r| r.checked),
        found_true: sum(|r| checks(r).found_true),
        field_time: Some(pb::FieldTime {
            visits_told: visits.told,
            visits_untold: visits.untold,
            minutes_told: minutes(|r| r.minutes_told),
            minutes_estimated: minutes(|r| r.minutes_estimated),
        }),
        saved_by_merging: Some(saved(sum(|r| r.merging_visits), sum(|r| r.merging_minutes))),
        saved_by_suppression: Some(saved(sum(|r| r.suppression_visits), sum(|r| r.suppression_minutes))),
    }
}

fn checks(row: &YieldRow) -> Checks {
    Checks { checked: row.checked, found_true: row.verified_true + row.verified_partly }
}

/// Rounded to whole minutes.
fn whole(minutes: f64) -> i64 {
    minutes.round() as i64
}
