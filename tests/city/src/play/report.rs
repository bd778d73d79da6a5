//! The report: figures for programs as JSON, and a table a county official can read.

use std::{collections::BTreeMap, fmt::Write as _};

use serde::Serialize;

use super::{Refusals, Tally, Until, hours::FieldHours};
use crate::{city::City, dataset::Bureau, indicator::Indicator};

#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct RecordCount {
    pub sent: u64,
    pub accepted: u64,
    pub refused: u64,
    pub changed: u64,
    #[serde(skip)]
    lines: u64,
}

#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct IndicatorCount {
    pub planted: u64,
    pub hits: u64,
    pub recall: f64,
    pub precision: f64,
    /// Warnings raised, and those true on their day.
    pub warnings: u64,
    pub right: u64,
    pub near_misses: u64,
    pub near_misses_fired: u64,
    /// Everything true at any time, planted or not, and what of it was never raised.
    pub true_cases: u64,
    pub missed: u64,
}

impl IndicatorCount {
    pub(super) fn rated(mut self) -> IndicatorCount {
        self.recall = share(self.hits, self.planted);
        self.precision = share(self.right, self.warnings);
        self
    }

    /// Of a play cut short not everything planted has come true.
    fn perfect(&self, until: Until) -> bool {
        let whole = self.hits == self.planted || until == Until::Screened;
        whole && self.right == self.warnings && self.missed == 0 && self.near_misses_fired == 0
    }
}

/// What came of a bureau's dataset over the whole play.
#[derive(Clone, Debug, Default, Serialize)]
pub struct FeedCount {
    pub batches: u64,
    pub rows: u64,
    pub accepted: u64,
    pub refused: u64,
    /// Day of the newest batch.
    pub last_as_of: String,
}

/// Of nothing, all is right.
fn share(part: u64, whole: u64) -> f64 {
    if whole == 0 { 1.0 } else { part as f64 / whole as f64 }
}

#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct RefusalCount {
    pub planted: u64,
    pub matched: u64,
    pub r#false: u64,
}

#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct WorkOrderCount {
    pub opened: u64,
    pub closed: u64,
    pub late: u64,
}

#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct ReferralCount {
    pub sent: u64,
    pub receipts: u64,
    pub dead_letters: u64,
}

#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct FeedbackCount {
    pub reported: u64,
    pub chain_entries: u64,
}

#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct Aid {
    pub granted: u64,
    pub amount_fen: i64,
    pub settled_late: u64,
    pub overdue: u64,
}

#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct Percentiles {
    pub count: u64,
    pub p50: f64,
    pub p99: f64,
}

impl Percentiles {
    pub(super) fn of(mut all: Vec<f64>) -> Percentiles {
        all.sort_by(f64::total_cmp);
        let at =
            |percent: usize| all.get((all.len() * percent).div_ceil(100).saturating_sub(1)).copied().unwrap_or(0.0);
        Percentiles { count: all.len() as u64, p50: at(50).round(), p99: at(99).round() }
    }
}

#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct Latency {
    pub record_to_referral: Percentiles,
}

/// Cases of the conformance kit against one adapter.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct Conformance {
    pub passed: usize,
    pub failed: usize,
    pub skipped: usize,
}

#[derive(Clone, Debug, Default, Serialize)]
pub struct Report {
    pub households: usize,
    pub persons: usize,
    pub seed: u64,
    pub days: u32,
    pub chaos: String,
    pub until: Until,
    pub records: BTreeMap<String, RecordCount>,
    /// By bureau and dataset, all counties together.
    pub feeds: BTreeMap<String, FeedCount>,
    /// The indicators that something was planted for.
    pub indicators: BTreeMap<String, IndicatorCount>,
    /// Every other indicator that raised a warning or should have.
    pub unplanned: BTreeMap<String, IndicatorCount>,
    pub refusals: RefusalCount,
    pub work_orders: WorkOrderCount,
    pub field: FieldHours,
    pub referrals: BTreeMap<String, ReferralCount>,
    pub feedback: BTreeMap<String, FeedbackCount>,
    pub aid: BTreeMap<String, Aid>,
    pub latency_ms: Latency,
    pub phases_s: BTreeMap<String, f64>,
    /// The conformance kit against every adapter; empty when the mesh was disturbed meanwhile.
    pub conformance: BTreeMap<String, Conformance>,
    pub outcome_digest: String,
    pub ok: bool,
    /// Why not.
    pub problems: Vec<String>,
}

impl Report {
    pub(super) fn new(city: &City, records: &BTreeMap<&'static str, Tally>, refusals: Refusals) -> Report {
        let counted = records.iter().map(|(who, t)| {
            let count = RecordCount {
                sent: t.sent,
                accepted: t.accepted,
                refused: t.refused,
                changed: t.changed,
                lines: t.lines,
            };
            ((*who).to_owned(), count)
        });
        Report {
            households: city.households.len(),
            persons: city.persons(),
            seed: city.settings.seed,
            days: city.settings.days,
            records: counted.collect(),
            refusals: RefusalCount { planted: refusals.planted, matched: refusals.matched, r#false: refusals.wrong },
            ..Report::default()
        }
    }

    /// Holds the figures against each other.
    pub(super) fn judge(&mut self, seen: &[String]) {
        let mut wrong: Vec<String> = Vec::new();
        for (who, r) in &self.records {
            if r.sent != r.accepted + r.refused {
                wrong.push(format!("{who}: sent {} is not accepted {} + refused {}", r.sent, r.accepted, r.refused));
            }
            if r.sent != r.lines {
                wrong.push(format!("{who}: {} rows left the bureau and {} arrived", r.lines, r.sent));
            }
        }
        for (id, i) in self.indicators.iter().chain(&self.unplanned).filter(|(_, i)| !i.perfect(self.until)) {
            wrong.push(format!(
                "{id}: recall {}/{}, precision {}/{}, missed {}, near misses fired {}",
                i.hits, i.planted, i.right, i.warnings, i.missed, i.near_misses_fired
            ));
        }
        let r = self.refusals;
        if r.matched != r.planted || r.r#false > 0 {
            wrong.push(format!(
                "refusals: {} of {} dirty rows matched, {} clean rows refused",
                r.matched, r.planted, r.r#false
            ));
        }
        for (who, r) in &self.referrals {
            if r.sent != r.receipts + r.dead_letters {
                wrong.push(format!(
                    "{who}: {} referrals, {} receipts, {} dead letters",
                    r.sent, r.receipts, r.dead_letters
                ));
            }
        }
        for (who, f) in &self.feedback {
            if f.reported != f.chain_entries {
                wrong.push(format!("{who}: {} answers reported, {} chain entries", f.reported, f.chain_entries));
            }
        }
        for (adapter, c) in self.conformance.iter().filter(|(_, c)| c.failed > 0 || c.passed == 0) {
            wrong.push(format!("{adapter}: {} cases of the conformance kit failed, {} passed", c.failed, c.passed));
        }
        wrong.extend(seen.iter().cloned());
        self.ok = wrong.is_empty();
        self.problems = wrong;
    }

    /// The table for people.
    pub fn table(&self) -> String {
        let mut text = String::new();
        let _ = writeln!(
            text,
            "\n民情 Minqing — {} 户 households, {} 人 persons, 种子 seed {}, {} 个工作日 working days\n",
            self.households, self.persons, self.seed, self.days
        );
        self.bureau_table(&mut text);
        self.feed_table(&mut text);
        self.indicator_table(&mut text);
        let (w, r, l) = (self.work_orders, self.refusals, self.latency_ms.record_to_referral);
        let _ =
            writeln!(text, "工单 work orders: 开 opened {}, 结 closed {}, 超期 late {}", w.opened, w.closed, w.late);
        self.field.lines(&mut text);
        let _ = writeln!(
            text,
            "脏数据 dirty rows: 埋设 planted {}, 正确退回 refused for the right reason {}, 误退 clean rows refused {}",
            r.planted, r.matched, r.r#false
        );
        let _ = writeln!(
            text,
            "记录到转办 record to referral: p50 {} ms, p99 {} ms ({} 件 referrals)",
            l.p50, l.p99, l.count
        );
        if self.until == Until::Screened {
            let _ = writeln!(
                text,
                "只到筛查 until screened: 未办结，只核对报送和预警 nothing settled, rows and warnings judged alone"
            );
        }
        let cases = self.conformance.values().fold((0, 0), |sum, c| (sum.0 + c.passed, sum.1 + c.failed));
        let _ = writeln!(
            text,
            "符合性检验 conformance: {} 个适配器 adapters, 通过 passed {}, 未过 failed {}",
            self.conformance.len(),
            cases.0,
            cases.1
        );
        let phases: Vec<String> = self.phases_s.iter().map(|(name, s)| format!("{name} {s:.1}")).collect();
        let _ = writeln!(text, "各阶段用时 seconds: {}", phases.join(", "));
        let _ = writeln!(text, "结果摘要 outcome digest: {}", self.outcome_digest);
        let verdict = if self.ok {
            "全部核对一致 everything agrees"
        } else {
            "有不一致之处 something does not agree"
        };
        let _ = writeln!(text, "结论 verdict: {verdict}");
        for problem in &self.problems {
            let _ = writeln!(text, "  - {problem}");
        }
        text
    }

    fn feed_table(&self, text: &mut String) {
        let heads = ["数据源 feed", "批次 batches", "行 rows", "接收 accepted", "退回 refused", "最新 as of"];
        let mut rows = vec![cells(&heads)];
        for (name, f) in &self.feeds {
            let figures = [f.batches, f.rows, f.accepted, f.refused].map(|n| n.to_string());
            rows.push([vec![name.clone()], figures.to_vec(), vec![f.last_as_of.clone()]].concat());
        }
        lay(text, &rows);
    }

    fn bureau_table(&self, text: &mut String) {
        let mut rows = vec![cells(&[
            "部门 bureau",
            "报送 in",
            "退回 refused",
            "变化 changed",
            "转办 referrals",
            "签收 receipts",
            "失败 dead",
            "反馈 answers",
            "入链 chain",
            "救助 aided",
            "金额(元) yuan",
            "超期 late",
        ])];
        let names = std::iter::once(("civil_affairs", "民政局")).chain(Bureau::ALL.map(|b| (b.text(), b.title())));
        for (name, title) in names {
            let record = self.records.get(name).copied().unwrap_or_default();
            let referral = self.referrals.get(name).copied().unwrap_or_default();
            let feedback = self.feedback.get(name).copied().unwrap_or_default();
            let aid = self.aid.get(name).copied().unwrap_or_default();
            let mut row = vec![format!("{title} {name}")];
            let figures = [
                record.sent,
                record.refused,
                record.changed,
                referral.sent,
                referral.receipts,
                referral.dead_letters,
                feedback.reported,
                feedback.chain_entries,
                aid.granted,
            ];
            row.extend(figures.map(|n| n.to_string()));
            row.push(format!("{}.{:02}", aid.amount_fen / 100, aid.amount_fen % 100));
            row.push((aid.settled_late + aid.overdue).to_string());
            rows.push(row);
        }
        lay(text, &rows);
    }

    fn indicator_table(&self, text: &mut String) {
        let mut rows = vec![cells(&[
            "指标 indicator",
            "预警 warnings",
            "埋设 planted",
            "命中 hits",
            "召回 recall",
            "精确 precision",
            "近似未报 near misses",
            "误报 fired",
        ])];
        for indicator in Indicator::ALL {
            let Some(count) = self.indicators.get(indicator.text()) else { continue };
            rows.push(vec![
                format!("{indicator} {}", indicator.title()),
                count.warnings.to_string(),
                count.planted.to_string(),
                count.hits.to_string(),
                format!("{:.3}", count.recall),
                format!("{:.3}", count.precision),
                count.near_misses.to_string(),
                count.near_misses_fired.to_string(),
            ]);
        }
        lay(text, &rows);
        let beside: Vec<String> =
            self.unplanned.iter().map(|(id, c)| format!("{id} {}/{}", c.right, c.warnings)).collect();
        let all = self.unplanned.values().fold((0, 0), |sum, c| (sum.0 + c.right, sum.1 + c.warnings));
        let _ = writeln!(
            text,
            "其他指标 unplanned, 属实/预警 true of raised: {}/{} ({})\n",
            all.0,
            all.1,
            beside.join(", ")
        );
    }
}

fn cells(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|t| (*t).to_owned()).collect()
}

/// Columns a terminal gives a text: Chinese characters take two.
fn width(text: &str) -> usize {
    text.chars().map(|c| if ('\u{1100}'..='\u{115f}').contains(&c) || c >= '\u{2e80}' { 2 } else { 1 }).sum()
}

/// First column to the left, numbers to the right.
fn lay(text: &mut String, rows: &[Vec<String>]) {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let widths: Vec<usize> =
        (0..columns).map(|c| rows.iter().filter_map(|r| r.get(c)).map(|t| width(t)).max().unwrap_or(0)).collect();
    for row in rows {
        let mut line = String::new();
        for (at, cell) in row.iter().enumerate() {
            let blanks = " ".repeat(widths[at] - width(cell));
            if at == 0 {
                line = format!("{cell}{blanks}");
            } else {
                let _ = write!(line, "  {blanks}{cell}");
            }
        }
        let _ = writeln!(text, "{line}");
    }
    text.push('\n');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chinese_columns_line_up() {
        let mut text = String::new();
        lay(&mut text, &[cells(&["部门", "in"]), cells(&["ab", "12345"])]);
        let widths: Vec<usize> = text.lines().filter(|l| !l.is_empty()).map(width).collect();
        assert_eq!(widths, [11, 11]);
    }

    #[test]
    fn percentiles_are_values_that_occurred() {
        let all = (1..=100).map(f64::from).collect();
        let p = Percentiles::of(all);
        assert_eq!((p.count, p.p50, p.p99), (100, 50.0, 99.0));
        assert_eq!(Percentiles::of(Vec::new()).p99, 0.0);
    }

    #[test]
    fn a_report_is_only_good_when_every_identity_holds() {
        let mut report = Report::default();
        report.judge(&[]);
        assert!(report.ok);
        report.referrals.insert("hr".to_owned(), ReferralCount { sent: 2, receipts: 1, dead_letters: 0 });
        report.judge(&[]);
        assert!(!report.ok);
        assert_eq!(report.problems.len(), 1);
    }

    #[test]
    fn an_adapter_that_does_not_conform_spoils_the_report() {
        for (passed, failed, ok) in [(16, 0, true), (15, 1, false), (0, 0, false)] {
            let conformance = BTreeMap::from([("adapter-hr".to_owned(), Conformance { passed, failed, skipped: 0 })]);
            let mut report = Report { conformance, ..Report::default() };
            report.judge(&[]);
            assert_eq!(report.ok, ok, "{passed} {failed}");
        }
    }

    #[test]
    fn a_warning_that_nobody_planned_spoils_the_report_unless_it_is_true() {
        let count = |right| IndicatorCount { warnings: 1, right, ..IndicatorCount::default() };
        let mut report = Report { unplanned: BTreeMap::from([("B18".to_owned(), count(1))]), ..Report::default() };
        report.judge(&[]);
        assert!(report.ok);

        report.unplanned.insert("B19".to_owned(), count(0));
        report.judge(&[]);

        assert_eq!(report.problems, ["B19: recall 0/0, precision 0/1, missed 0, near misses fired 0"]);
    }
}
