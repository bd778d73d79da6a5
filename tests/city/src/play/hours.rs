//! Field work of the whole play, against one work order and one visit for each warning.

use std::{collections::HashSet, fmt::Write as _};

use minqing_proto::minqing::dispatch::v1::{
    ListIndicatorYieldsRequest, VisitsSaved, YieldTotals, dispatch_service_client::DispatchServiceClient,
};
use serde::Serialize;

use super::{Play, collect::Books};
use crate::{
    calendar,
    dataset::{date, iso},
    indicator::Indicator,
    mesh::{ask, patiently},
};

/// What was not needed, by two measures of which each is the whole.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct Saved {
    pub visits: u64,
    /// At the mean of the minutes told; none when no visit told any.
    pub hours_by_told: Option<f64>,
    pub hours_by_pack: f64,
}

#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct FieldHours {
    pub warnings: u64,
    pub work_orders: u64,
    pub merged: u64,
    pub suppressed: u64,
    pub visits: u64,
    pub hours_told: f64,
    /// Of the visits that told none, at the pack's hours.
    pub hours_estimated: f64,
    pub saved_by_merging: Saved,
    pub saved_by_suppression: Saved,
    /// Warnings kept quiet that were true on the day they were raised: visits that should have been made.
    pub visits_lost: u64,
}

impl FieldHours {
    fn of(totals: &YieldTotals, visits_lost: u64) -> FieldHours {
        let time = totals.field_time.unwrap_or_default();
        FieldHours {
            warnings: count(totals.warnings),
            work_orders: count(totals.work_orders),
            merged: count(totals.merged),
            suppressed: count(totals.suppressed),
            visits: count(time.visits_told + time.visits_untold),
            hours_told: hours(time.minutes_told),
            hours_estimated: hours(time.minutes_estimated),
            saved_by_merging: saved(totals.saved_by_merging),
            saved_by_suppression: saved(totals.saved_by_suppression),
            visits_lost,
        }
    }

    /// Lines for people.
    pub fn lines(&self, text: &mut String) {
        let _ = writeln!(
            text,
            "外勤 field work: {} 条预警 warnings, {} 张工单 work orders (并入 merged {}, 抑制 suppressed {}), 走访 visits {}, \
             实报 told {:.1} h, 估算 estimated {:.1} h",
            self.warnings,
            self.work_orders,
            self.merged,
            self.suppressed,
            self.visits,
            self.hours_told,
            self.hours_estimated
        );
        let words = |saved: &Saved| {
            let told = saved.hours_by_told.map_or_else(|| "—".to_owned(), |hours| format!("{hours:.1}"));
            format!(
                "{} 次 visits, {told} h 按实报 by told, {:.1} h 按政策包 by pack",
                saved.visits, saved.hours_by_pack
            )
        };
        let _ = writeln!(
            text,
            "  较一警一单 against one each: 合并节省 merging saved {}; 抑制节省 suppression saved {}; 误抑 lost {} 次 visits",
            words(&self.saved_by_merging),
            words(&self.saved_by_suppression),
            self.visits_lost
        );
    }
}

impl Play {
    pub(super) async fn field_hours(&self, books: &Books) -> anyhow::Result<FieldHours> {
        let client = DispatchServiceClient::new(self.mesh.channel("dispatch", "operator/admin")?);
        let body = ListIndicatorYieldsRequest {
            raised_from: iso(calendar::start()),
            page_size: 1,
            ..ListIndicatorYieldsRequest::default()
        };
        let answer = patiently("list indicator yields", || {
            let (mut client, body) = (client.clone(), body.clone());
            async move { client.list_indicator_yields(ask(body, "", "")).await }
        })
        .await?;
        Ok(FieldHours::of(&answer.totals.unwrap_or_default(), self.visits_lost(books)))
    }

    /// What is in no work order was kept quiet.
    fn visits_lost(&self, books: &Books) -> u64 {
        let taken: HashSet<&str> = books.orders.iter().flat_map(|o| &o.reasons).map(|r| r.warning.as_str()).collect();
        let quiet = books.warnings.iter().filter(|w| !w.household.is_empty() && !taken.contains(w.name.as_str()));
        let lost = quiet.filter(|warning| {
            let (indicator, day) = (Indicator::of(&warning.indicator), date(&warning.raised_on));
            let Some((indicator, day)) = indicator.zip(day) else { return false };
            self.cases_meant(indicator, warning, books).into_iter().any(|case| self.oracle.held_on(case, day))
        });
        lost.count() as u64
    }
}

fn saved(saved: Option<VisitsSaved>) -> Saved {
    let saved = saved.unwrap_or_default();
    Saved {
        visits: count(saved.visits),
        hours_by_told: saved.minutes_by_told.map(hours),
        hours_by_pack: hours(saved.minutes_by_pack),
    }
}

fn count(of: i64) -> u64 {
    u64::try_from(of).unwrap_or(0)
}

/// Rounded to a tenth.
fn hours(minutes: i64) -> f64 {
    (minutes as f64 / 6.0).round() / 10.0
}

#[cfg(test)]
mod tests {
    use minqing_proto::minqing::dispatch::v1::FieldTime;

    use super::*;

    #[test]
    fn the_report_says_what_merging_and_suppression_saved_and_what_they_lost() {
        let saved =
            |visits, minutes_by_told| Some(VisitsSaved { visits, minutes_by_told, minutes_by_pack: visits * 300 });
        let totals = YieldTotals {
            warnings: 100,
            work_orders: 70,
            merged: 25,
            suppressed: 5,
            field_time: Some(FieldTime {
                visits_told: 60,
                visits_untold: 2,
                minutes_told: 2_700,
                minutes_estimated: 600,
            }),
            saved_by_merging: saved(20, Some(900)),
            saved_by_suppression: saved(4, None),
            ..YieldTotals::default()
        };
        let mut text = String::new();
        FieldHours::of(&totals, 1).lines(&mut text);
        for told in [
            "100 条预警 warnings, 70 张工单 work orders (并入 merged 25, 抑制 suppressed 5)",
            "走访 visits 62, 实报 told 45.0 h, 估算 estimated 10.0 h",
            "merging saved 20 次 visits, 15.0 h 按实报 by told, 100.0 h 按政策包 by pack",
            "suppression saved 4 次 visits, — h 按实报 by told, 20.0 h 按政策包 by pack",
            "误抑 lost 1 次 visits",
        ] {
            assert!(text.contains(told), "{told} in {text}");
        }
    }
}
