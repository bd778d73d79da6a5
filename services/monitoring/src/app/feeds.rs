//! Which feeds are expected, and the warnings on those that are late or of poor quality.

use minqing_kit::{Result, db::Work, id};
use minqing_proto::minqing::monitoring::v1::{ClearReason, WarningCleared, WarningRaised};
use serde_json::json;

use super::{
    Monitoring,
    evaluate::{Tally, count},
};
use crate::{
    domain::{batch::Batch, feed as rhythm, words},
    store::{
        evaluation::FeedChange,
        feed::{self, Expected},
        warning::{self, Raised},
    },
};

/// Expects every dataset of every bureau for each county that has a household: the first batch by the due day that
/// follows the day on which the county was first seen.
pub async fn expect(monitoring: &Monitoring, work: &mut Work) -> Result<()> {
    let counties = feed::counties(work.conn()).await?;
    let expected: Vec<_> = counties
        .iter()
        .flat_map(|(county, seen_on)| {
            monitoring.datasets().map(move |dataset| Expected {
                dataset,
                county_code: county.clone(),
                due_on: rhythm::due_on(dataset.rhythm, *seen_on),
            })
        })
        .collect();
    feed::expect(work.conn(), &expected).await
}

/// Raises and clears the warnings on feeds: all, or the one of a batch. `reason` is why those cleared are cleared.
pub async fn evaluate(
    monitoring: &Monitoring,
    work: &mut Work,
    only: Option<&Batch>,
    reason: ClearReason,
) -> Result<Tally> {
    let today = work.today();
    feed::hold(work.conn(), only).await?;
    let changes = monitoring.rules.statements.feed_changes(work.conn(), today, only).await?;
    let mut raised = Raised::default();
    let mut cleared = Vec::new();
    for change in changes {
        match change.warning_id {
            Some(warning) => {
                cleared.push(warning);
                let event = WarningCleared {
                    warning: id::name("warnings", warning),
                    indicator: change.indicator.clone(),
                    household: String::new(),
                    cleared_on: today.to_string(),
                    reason: reason.into(),
                };
                work.emit(&aggregate(&change), &event, None);
            }
            None => raise(monitoring, work, &mut raised, change)?,
        }
    }
    let tally = Tally { raised: count(raised.ids.len()), cleared: count(cleared.len()) };
    if !cleared.is_empty() {
        warning::clear(work.conn(), &cleared, today, reason).await?;
    }
    if !raised.ids.is_empty() {
        warning::raise(work.conn(), raised, today, &monitoring.rules.pack_tag).await?;
    }
    Ok(tally)
}

fn raise(monitoring: &Monitoring, work: &mut Work, raised: &mut Raised, late: FeedChange) -> Result<()> {
    let id = work.new_id();
    let level = monitoring.rules.level(&late.indicator)?;
    let subject = format!("{}.{}@{}", late.bureau, late.dataset, late.county_code);
    let event = WarningRaised {
        warning: id::name("warnings", id),
        indicator: late.indicator.clone(),
        level: level.into(),
        household: String::new(),
        person_key: String::new(),
        subject: subject.clone(),
        subject_bureau: words::bureau_of(&late.bureau).into(),
        division_code: late.county_code.clone(),
        area_kind: 0,
        raised_on: work.today().to_string(),
        record_accepted_time: String::new(),
        pack: monitoring.rules.pack_tag.clone(),
        changed_since: String::new(),
    };
    work.emit(&aggregate(&late), &event, None);
    raised.ids.push(id);
    raised.indicators.push(late.indicator);
    raised.levels.push(level.into());
    raised.households.push(None);
    raised.persons.push(None);
    raised.subjects.push(subject);
    raised.bureaus.push(late.bureau);
    raised.divisions.push(late.county_code.clone());
    raised.counties.push(late.county_code);
    raised.areas.push(String::new());
    raised.conditions.push(late.conditions);
    raised.facts.push(late.facts);
    raised.parameters.push(json!({}).to_string());
    Ok(())
}

fn aggregate(of: &FeedChange) -> String {
    format!("feeds/{}.{}@{}", of.bureau, of.dataset, of.county_code)
}
