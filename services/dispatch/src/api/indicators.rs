//! The lists of indicators and of their overlaps: range of days, and pages.

use chrono::{Days, NaiveDate};
use minqing_kit::{
    Error, Result,
    page::{Page, next_token},
};
use minqing_proto::minqing::dispatch::v1 as pb;

use super::field_work::day;
use crate::{app::yields::Yields, store::yields::Range};

/// Days of a range of which nothing was said.
const USUAL_DAYS: u64 = 90;
/// Most days of a range.
const MOST_DAYS: i64 = 366;

/// The range asked for.
pub(super) fn range((raised_from, raised_to): (&str, &str), today: NaiveDate) -> Result<Range> {
    let asked = |text: &str, field| if text.is_empty() { Ok(None) } else { day(text, field).map(Some) };
    let to = asked(raised_to, "raised_to")?.unwrap_or(today);
    let usual = to.checked_sub_days(Days::new(USUAL_DAYS - 1)).unwrap_or(to);
    let from = asked(raised_from, "raised_from")?.unwrap_or(usual);
    let days = (to - from).num_days() + 1;
    if !(1..=MOST_DAYS).contains(&days) {
        return Err(Error::invalid(
            "OUT_OF_RANGE",
            format!("the range must be 1 to {MOST_DAYS} days; it is {days}"),
            format!("起止日期应相隔 1 至 {MOST_DAYS} 天，现为 {days} 天"),
        )
        .field("raised_from", format!("must not be after raised_to ({to}), nor more than {MOST_DAYS} days with it")));
    }
    Ok(Range { from, to })
}

/// One page of the answer. There are as many indicators as packs have, a few hundred, so that all are counted at once.
pub(super) fn answer(all: Yields, range: Range, page: &Page, filter: &str) -> pb::ListIndicatorYieldsResponse {
    let after = page.after.as_deref().unwrap_or_default();
    let mut rest = all.indicators.into_iter().filter(|one| one.indicator.as_str() > after).peekable();
    let size = usize::try_from(page.size).unwrap_or(usize::MAX);
    let indicator_yields: Vec<_> = rest.by_ref().take(size).collect();
    let last = indicator_yields.last().filter(|_| rest.peek().is_some());
    pb::ListIndicatorYieldsResponse {
        next_page_token: last.map_or_else(String::new, |one| next_token(&one.indicator, filter)),
        indicator_yields,
        totals: Some(all.totals),
        raised_from: range.from.to_string(),
        raised_to: range.to.to_string(),
    }
}

/// One page of the pairs.
pub(super) fn pairs(
    all: Vec<pb::IndicatorOverlap>,
    range: Range,
    page: &Page,
    filter: &str,
) -> pb::ListIndicatorOverlapsResponse {
    let key = |pair: &pb::IndicatorOverlap| (pair.indicator.clone(), pair.other.clone());
    let after = page.after.as_deref().and_then(|key| key.split_once('|'));
    let after = after.map(|(indicator, other)| (indicator.to_owned(), other.to_owned()));
    let mut rest = all.into_iter().filter(|pair| after.as_ref().is_none_or(|after| key(pair) > *after)).peekable();
    let size = usize::try_from(page.size).unwrap_or(usize::MAX);
    let indicator_overlaps: Vec<_> = rest.by_ref().take(size).collect();
    let last = indicator_overlaps.last().filter(|_| rest.peek().is_some());
    pb::ListIndicatorOverlapsResponse {
        next_page_token: last
            .map_or_else(String::new, |pair| next_token(&format!("{}|{}", pair.indicator, pair.other), filter)),
        indicator_overlaps,
        raised_from: range.from.to_string(),
        raised_to: range.to.to_string(),
    }
}
