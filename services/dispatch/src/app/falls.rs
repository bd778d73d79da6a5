//! Compares each indicator's latest yield with the pack's floor: a fall is written and told once, until it recovers.

use std::collections::{BTreeMap, HashSet};

use minqing_kit::{Result, db::Work, id};
use minqing_proto::minqing::dispatch::v1::IndicatorYieldFell;
use uuid::Uuid;

use super::{
    rules::{Rules, Watch},
    yields::told,
};
use crate::{
    domain::yields::{Checks, Turn},
    store::{
        yield_fall::{self, YieldFall},
        yields::{self, ChecksRow},
    },
};

/// Resource names.
const YIELD_FALLS: &str = "yieldFalls";

/// One comparison, of the days before today; how many yields fell or recovered.
pub async fn compare(work: &mut Work, rules: &Rules) -> Result<u64> {
    let today = work.today();
    let watches = rules.watches(today);
    let places: Vec<_> = watches.iter().map(|w| w.place.clone()).collect();
    let rows = yields::checks(work.conn(), &places).await?;
    let standing = yield_fall::standing(work.conn()).await?;
    let standing: BTreeMap<_, _> = standing.into_iter().map(|(id, i, d)| ((i, d), id)).collect();
    let (mut fell, mut recovered) = (Vec::new(), Vec::new());
    for row in rows {
        let Some(watch) = watches.iter().find(|w| w.place.division == row.division) else { continue };
        let open = standing.get(&(row.indicator.clone(), row.division.clone()));
        let checks = Checks { checked: row.checked, found_true: row.found_true };
        match watch.floor.judge(open.is_some(), checks) {
            Turn::Fell => fell.push(fall(work, watch, row)),
            Turn::Recovered => recovered.extend(open.copied()),
            Turn::Stays => {}
        }
    }
    yield_fall::recover(work.conn(), &recovered, today).await?;
    let new = tell(work, rules, &fell).await?;
    Ok(u64::try_from(recovered.len() + new).unwrap_or(u64::MAX))
}

fn fall(work: &Work, watch: &Watch, row: ChecksRow) -> YieldFall {
    YieldFall {
        yield_fall_id: work.new_id(),
        indicator: row.indicator,
        division_code: row.division,
        fell_on: work.today(),
        verdicts_from: watch.place.range.from,
        verdicts_to: watch.place.range.to,
        checked: row.checked,
        found_true: row.found_true,
        floor_permille: watch.floor.permille,
        recovered_on: None,
    }
}

async fn tell(work: &mut Work, rules: &Rules, fell: &[YieldFall]) -> Result<usize> {
    let new: HashSet<Uuid> = yield_fall::insert(work.conn(), fell).await?.into_iter().collect();
    for fall in fell.iter().filter(|f| new.contains(&f.yield_fall_id)) {
        tracing::warn!(
            indicator = fall.indicator,
            division = fall.division_code,
            checked = fall.checked,
            found_true = fall.found_true,
            "an indicator's yield fell below the pack's floor"
        );
        let event = IndicatorYieldFell {
            yield_fall: id::name(YIELD_FALLS, fall.yield_fall_id),
            indicator: fall.indicator.clone(),
            indicator_title: rules.indicator_title(&fall.indicator),
            fall: Some(told(fall)),
        };
        work.emit(&event.yield_fall, &event, None);
    }
    Ok(new.len())
}
