//! What the policy pack says about an indicator: limits as dates, where it goes, what is sent to whom.

use std::sync::Arc;

use chrono::NaiveDate;
use minqing_kit::{Error, Result};
use minqing_policy::{Area, Desk, LevelLimits, Pack, Severity, When};
use minqing_proto::minqing::types::v1::{AssistanceClass, WarningLevel};

use crate::{
    domain::{
        division,
        score::{MOST, Weights},
        timetable::{Limit, Timetable},
        work_order::Target,
        yields::{Floor, OverlapLimit},
    },
    store::{
        score::Indicators,
        yields::{CheckMinutes, Range, Watched},
    },
};

/// Working days after a limit from which lateness is the city's to supervise (督办), whatever the level, unless the
/// level is never escalated.
const SUPERVISED_AFTER: u32 = 10;
/// Civil affairs gets no referral: identification opens its case on the verdict.
const OWN_BUREAU: &str = "civil_affairs";

/// Parameters of the pack: lowest yield let pass, days of verdicts that count, and fewest of them that say something.
const YIELD_FLOOR: &str = "yield_floor_permille";
const YIELD_WINDOW: &str = "yield_window_days";
const YIELD_LEAST: &str = "yield_least_checks";

/// Parameters of the pack: share of the smaller one, and work orders shared, from which two indicators may be one rule.
const OVERLAP_SHARE: &str = "overlap_share_permille";
const OVERLAP_LEAST: &str = "overlap_least_work_orders";

/// A place where yields are watched, and from when on one has fallen there.
#[derive(Clone, Debug)]
pub struct Watch {
    pub place: Watched,
    pub floor: Floor,
}

/// The pack as dispatch asks it.
#[derive(Clone)]
pub struct Rules {
    pack: Arc<Pack>,
    behind: Arc<Indicators>,
}

impl Rules {
    pub fn new(pack: Pack) -> Rules {
        Rules { behind: Arc::new(behind(&pack)), pack: Arc::new(pack) }
    }

    /// The indicator in words, Chinese; its id when the pack does not know it.
    pub fn indicator_title(&self, indicator: &str) -> String {
        self.pack.indicator(indicator).map_or_else(|| indicator.to_owned(), |i| i.title.zh.clone())
    }

    /// The indicator in words, Chinese and English; its id and nothing when the pack does not know it.
    pub fn indicator_titles(&self, indicator: &str) -> (String, String) {
        let known = self.pack.indicator(indicator).map(|i| (i.title.zh.clone(), i.title.en.clone()));
        known.unwrap_or_else(|| (indicator.to_owned(), String::new()))
    }

    /// The programme's name, Chinese; its code when the pack does not know it.
    pub fn programme_title(&self, programme: &str) -> String {
        self.pack.programme(programme).map_or_else(|| programme.to_owned(), |p| p.title.zh.clone())
    }

    /// Last days of an indicator's warning of `level` raised on a day, and the days from which its lateness goes up.
    pub fn timetable(&self, indicator: &str, level: i16, raised_on: NaiveDate) -> Result<Timetable> {
        let limits = self.limits(level)?;
        let own = self.pack.routing(indicator).and_then(|route| route.check_working_days);
        Ok(Timetable {
            check: self.limit(&limits, own.or(limits.check_working_days), raised_on)?,
            close: self.limit(&limits, limits.close_working_days, raised_on)?,
        })
    }

    fn limit(&self, limits: &LevelLimits, days: Option<u32>, from: NaiveDate) -> Result<Limit> {
        let Some(days) = days else { return Ok(Limit::default()) };
        let due = self.working_day(from, days)?;
        let city = limits.escalate_city_after.unwrap_or(SUPERVISED_AFTER + 1).min(SUPERVISED_AFTER + 1);
        Ok(Limit {
            due_on: Some(due),
            county_on: limits.escalate_county_after.map(|after| self.working_day(due, after)).transpose()?,
            city_on: Some(self.working_day(due, city)?),
        })
    }

    /// No township is needed to look at it.
    pub fn at_county(&self, indicator: &str) -> bool {
        self.pack.routing(indicator).is_some_and(|route| route.to != Desk::Township)
    }

    /// Where an indicator of `level` sends a household on a day.
    pub fn targets(&self, indicator: &str, level: i16, on: NaiveDate) -> Result<Vec<Target>> {
        let Some(route) = self.pack.routing(indicator) else { return Ok(Vec::new()) };
        let due_on = self.referral_due(level, on)?;
        let sent = route.referrals.iter().filter(|r| r.bureau != OWN_BUREAU);
        Ok(sent
            .map(|r| Target {
                bureau: r.bureau.clone(),
                programme: r.programme.clone(),
                due_on,
                direct: r.when == When::Direct,
            })
            .collect())
    }

    /// Classes whose conditions the indicators say may be met, each once, in order; and whether any says that a
    /// class may no longer be deserved.
    pub fn classes(&self, indicators: &[String]) -> (Vec<AssistanceClass>, bool) {
        let routes: Vec<_> = indicators.iter().filter_map(|i| self.pack.routing(i)).collect();
        let mut classes: Vec<AssistanceClass> = routes
            .iter()
            .flat_map(|route| &route.candidate_classes)
            .filter_map(|class| minqing_policy::assistance_class(class))
            .collect();
        classes.sort_unstable();
        classes.dedup();
        (classes, routes.iter().any(|route| route.recheck_class))
    }

    /// Days during which a checked "not true" keeps an indicator quiet.
    pub fn suppress_days(&self, indicator: &str) -> u32 {
        self.pack.indicator(indicator).map_or(0, |i| i.suppress_days)
    }

    /// Minutes of a check in each county on a day.
    pub fn check_minutes(&self, on: NaiveDate) -> CheckMinutes {
        let minutes = |county: &str| i32::try_from(self.pack.field_check_hours(county, on) * 60).unwrap_or(i32::MAX);
        let counties = self.pack.head().counties.iter();
        CheckMinutes {
            counties: counties.map(|c| (division::prefix(&c.code).to_owned(), minutes(&c.code))).collect(),
            elsewhere: minutes(""),
        }
    }

    /// Where yields are watched on a day: the city and each county for which the pack says from when on one has fallen.
    pub fn watches(&self, on: NaiveDate) -> Vec<Watch> {
        let head = self.pack.head();
        let places = std::iter::once(&head.city).chain(head.counties.iter().map(|county| &county.code));
        places.filter_map(|place| self.watch(place, on)).collect()
    }

    fn watch(&self, place: &str, on: NaiveDate) -> Option<Watch> {
        let value = |name| self.pack.parameter_at(name, place, Area::All, on).map(|used| used.value);
        let floor = Floor {
            window_days: value(YIELD_WINDOW)?.parse().ok()?,
            least_checks: value(YIELD_LEAST)?.parse().ok()?,
            permille: value(YIELD_FLOOR)?.parse().ok()?,
        };
        let (from, to) = floor.window(on)?;
        let prefix = division::prefix(place).to_owned();
        Some(Watch { place: Watched { division: place.to_owned(), prefix, range: Range { from, to } }, floor })
    }

    /// From when on two indicators may be one rule; none when the pack does not say.
    pub fn overlap_limit(&self, on: NaiveDate) -> Option<OverlapLimit> {
        let value = |name| self.pack.parameter_at(name, &self.pack.head().city, Area::All, on).map(|used| used.value);
        Some(OverlapLimit {
            permille: value(OVERLAP_SHARE)?.parse().ok()?,
            least_shared: value(OVERLAP_LEAST)?.parse().ok()?,
        })
    }

    /// Weights of scores; none when the pack lacks one.
    pub fn score_weights(&self, on: NaiveDate) -> Option<Weights> {
        let value =
            |name| self.pack.parameter_at(name, &self.pack.head().city, Area::All, on)?.value.parse::<i32>().ok();
        let weight = |name| value(name).map(|weight| weight.clamp(0, MOST));
        Some(Weights {
            level: weight("score_level_weight")?,
            yields: weight("score_yield_weight")?,
            bureaus: weight("score_bureaus_weight")?,
            visit: weight("score_visit_weight")?,
            bureaus_full: value("score_bureaus_full")?.max(1),
            visit_full_days: value("score_visit_full_days")?.max(1),
        })
    }

    /// Which bureaus' data stand behind each indicator; what the register and the mesh itself know is nobody's witness.
    pub fn bureaus_behind(&self) -> Indicators {
        self.behind.as_ref().clone()
    }

    /// A level without a closing limit gives a bureau the longest one there is.
    fn referral_due(&self, level: i16, on: NaiveDate) -> Result<NaiveDate> {
        let longest = (1..=5).rev().find_map(|l| self.limits(l).ok()?.close_working_days);
        let days = self.limits(level)?.close_working_days.or(longest).unwrap_or_default();
        self.working_day(on, days)
    }

    fn limits(&self, level: i16) -> Result<LevelLimits> {
        let level = WarningLevel::try_from(i32::from(level)).ok().and_then(Severity::of);
        let level = level.ok_or_else(|| Error::bug(anyhow::anyhow!("a warning has no level")))?;
        Ok(self.pack.level_limits(level))
    }

    /// A year the calendar lacks stops the work visibly rather than setting a wrong legal limit.
    fn working_day(&self, from: NaiveDate, days: u32) -> Result<NaiveDate> {
        self.pack.calendar().add_working_days(from, days).map_err(|error| {
            Error::failed_state(
                "CALENDAR_YEAR_MISSING",
                format!("the policy pack's calendar has no year {}", error.year),
                format!("政策包日历缺少{}年", error.year),
            )
        })
    }
}

fn behind(pack: &Pack) -> Indicators {
    let mut all = Indicators::default();
    for indicator in pack.indicators() {
        let mut bureaus = 0;
        // Any day will do: an indicator has no versions.
        for fact in pack.facts_of(&indicator.id, NaiveDate::MIN) {
            let named = pack.sources_of(&fact).iter().filter_map(|source| source.split_once('.'));
            let bits =
                named.filter_map(|(bureau, _)| minqing_policy::bureau(bureau)).map(|bureau| 1_i64 << (bureau as i32));
            bureaus |= bits.fold(0, |all, bit| all | bit);
        }
        all.ids.push(indicator.id.clone());
        all.yields.push(None);
        all.bureaus.push(bureaus);
    }
    all
}
