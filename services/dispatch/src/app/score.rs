//! By what work orders are scored, and what the addends of a score are in words.

use std::collections::BTreeMap;

use minqing_kit::Result;
use minqing_proto::minqing::dispatch::v1 as pb;
use sqlx::PgConnection;

use super::rules::Rules;
use crate::{
    domain::{
        score::{self, Ground, Grounds},
        yields::Checks,
    },
    store::{score::Scale, yields},
};

/// The scale of a day; none when the pack has no weights.
pub async fn scale(connection: &mut PgConnection, rules: &Rules, today: chrono::NaiveDate) -> Result<Option<Scale>> {
    let Some(weights) = rules.score_weights(today) else { return Ok(None) };
    let mut indicators = rules.bureaus_behind();
    if let Some(city) = rules.watches(today).into_iter().next() {
        let rows = yields::checks(connection, std::slice::from_ref(&city.place)).await?;
        let known: BTreeMap<String, i32> = rows
            .into_iter()
            .filter(|row| row.checked >= city.floor.least_checks.max(1))
            .filter_map(|row| {
                let checks = Checks { checked: row.checked, found_true: row.found_true };
                Some((row.indicator, checks.permille()?))
            })
            .collect();
        indicators.yields = indicators.ids.iter().map(|id| known.get(id).copied()).collect();
    }
    Ok(Some(Scale { today, weights, indicators }))
}

/// A score and its addends.
pub fn told(grounds: &Grounds, scale: &Scale) -> (i32, Vec<pb::ScoreReason>) {
    let addends = score::addends(grounds, &scale.weights);
    let reasons = addends.iter().map(|(ground, points)| {
        let (code, text, text_en) = words(*ground, grounds.level);
        pb::ScoreReason { code: code.to_owned(), text, text_en, points: *points }
    });
    (addends.iter().map(|(_, points)| points).sum(), reasons.collect())
}

fn words(ground: Ground, level: i16) -> (&'static str, String, String) {
    match ground {
        Ground::Level => ("level", format!("预警级别 {level} 级"), format!("warning of level {level}")),
        Ground::Yield { permille } => {
            let percent = format!("{}.{}%", permille / 10, permille % 10);
            (
                "yield",
                format!("该指标近期核实率 {percent}"),
                format!("{percent} of the indicator's checks of late found it true"),
            )
        }
        Ground::Bureaus { further } => (
            "bureaus",
            format!("另有 {further} 个部门的数据印证"),
            format!("data of {further} further bureaus speak for it"),
        ),
        Ground::NeverVisited => ("visit", "尚无走访记录".to_owned(), "no visit is on record".to_owned()),
        Ground::Visited { days_ago } => {
            ("visit", format!("距上次走访 {days_ago} 天"), format!("last visited {days_ago} days ago"))
        }
    }
}
