//! Field work of the whole play, against one work order and one visit for each warning.

use std::{collections::HashSet, fmt::Write as _};

use minqing_proto::minqing::dispatch::v1::{
    ListIndicatorYieldsRequest, VisitsSaved, YieldTotals, dispatch_service_client::DispatchServiceClient,
};
use serde::Serialize;

use super::{Play, again::AfterChecks, collect::Books};
use crate::{
    calendar,
    dataset::iso,
    mesh::{ask, patiently},
};

/// What did not take place, by two measures of which each is the whole.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct Saved {
    pub visits: u64,
    /// At the mean of the minutes told; none when no visit told any.
    pub hours_by_told: Option<f64>,
    pub hours_by_pack: f64,
}

#[derive(Clone, Debug, Default, Serialize)]
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
    /// What became true after a check had found it not true, and was kept quiet: visits that should have been made.
    pub lost_by_suppression: Saved,
    pub after_checks: AfterChecks,
}

impl FieldHours {
    fn of(totals: &YieldTotals, after_checks: AfterChecks) -> FieldHours {
        let time = totals.field_time.unwrap_or_default();
        let lost = i64::try_from(after_checks.losses.len()).unwrap_or(i64::MAX);
        let quiet = totals.saved_by_suppression.or(totals.saved_by_merging).unwrap_or_default();
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
            lost_by_suppression: saved(Some(VisitsSaved {
                visits: lost,
                minutes_by_told: (time.visits_told > 0).then(|| time.minutes_told * lost / time.visits_told),
                minutes_by_pack: quiet.minutes_by_pack * lost / quiet.visits.max(1),
            })),
            after_checks,
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
            "  较一警一单 against one each: 合并节省 merging saved {}; 抑制节省 suppression saved {}",
            words(&self.saved_by_merging),
            words(&self.saved_by_suppression)
        );
        let after = &self.after_checks;
        let _ = writeln!(
            text,
            "  核查不属实 found not true {} 次 times: 之后再报而不派 raised again and kept quiet {} (其中属实 of them true {}), \
             再派 came up again {}; 误抑 lost {}",
            after.not_true,
            after.kept_quiet,
            after.kept_quiet_true,
            after.came_up,
            words(&self.lost_by_suppression)
        );
        for loss in &after.losses {
            let _ = writeln!(text, "    误抑 lost: {loss}");
        }
    }
}

impl Play {
    pub(super) async fn field_hours(&mut self, books: &Books) -> anyhow::Result<FieldHours> {
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
        let field = FieldHours::of(&answer.totals.unwrap_or_default(), self.after_checks(books));
        let taken: HashSet<&str> = books.orders.iter().flat_map(|o| &o.reasons).map(|r| r.warning.as_str()).collect();
        let untaken = books.warnings.iter().filter(|w| !taken.contains(w.name.as_str())).count() as u64;
        if untaken != field.suppressed {
            self.problem(format!("{untaken} warnings stand in no work order, {} were suppressed", field.suppressed));
        }
        Ok(field)
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
        let losses = vec!["A05 on 1, not true on 2026-10-28, true since 2026-11-10, quiet until 2027-01-26".to_owned()];
        let after = AfterChecks { not_true: 9, kept_quiet: 5, kept_quiet_true: 1, came_up: 3, losses };
        FieldHours::of(&totals, after).lines(&mut text);
        for told in [
            "100 条预警 warnings, 70 张工单 work orders (并入 merged 25, 抑制 suppressed 5)",
            "走访 visits 62, 实报 told 45.0 h, 估算 estimated 10.0 h",
            "merging saved 20 次 visits, 15.0 h 按实报 by told, 100.0 h 按政策包 by pack",
            "suppression saved 4 次 visits, — h 按实报 by told, 20.0 h 按政策包 by pack",
            "found not true 9 次 times: 之后再报而不派 raised again and kept quiet 5 (其中属实 of them true 1), 再派 came up again 3",
            "误抑 lost 1 次 visits, 0.8 h 按实报 by told, 5.0 h 按政策包 by pack",
            "lost: A05 on 1",
        ] {
            assert!(text.contains(told), "{told} in {text}");
        }
    }
}
