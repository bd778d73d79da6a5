//! What the kit found: for each case what was expected, what came and how to mend it, for people in two languages and
//! for programs as JSON.

use std::fmt::Write as _;

use serde::Serialize;

/// A sentence in both languages.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Said {
    pub en: String,
    pub zh: String,
}

/// A sentence in both languages.
pub fn said(en: impl Into<String>, zh: impl Into<String>) -> Said {
    Said { en: en.into(), zh: zh.into() }
}

/// How a case ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    Passed,
    Failed,
    /// Something it needs was not given to the kit.
    Skipped,
}

/// An expectation that was not met.
#[derive(Clone, Debug, Serialize)]
pub struct Fault {
    pub expected: Said,
    pub came: String,
    pub mend: Said,
}

/// One case.
#[derive(Clone, Debug, Serialize)]
pub struct Case {
    /// Stable name for programs.
    pub name: &'static str,
    pub title: Said,
    /// Empty for a case about the adapter as a whole.
    pub dataset: String,
    pub verdict: Verdict,
    /// Expectations looked at.
    pub checks: u32,
    pub millis: u64,
    pub faults: Vec<Fault>,
    /// Why it was skipped, or what part of it was.
    pub note: Option<Said>,
}

/// Everything about one adapter.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    pub adapter: String,
    pub address: String,
    pub passed: usize,
    pub failed: usize,
    pub skipped: usize,
    pub cases: Vec<Case>,
}

impl Report {
    pub fn of(adapter: String, address: String, cases: Vec<Case>) -> Report {
        let count = |verdict| cases.iter().filter(|c| c.verdict == verdict).count();
        Report {
            adapter,
            address,
            passed: count(Verdict::Passed),
            failed: count(Verdict::Failed),
            skipped: count(Verdict::Skipped),
            cases,
        }
    }

    /// Nothing failed, and something passed.
    pub fn is_good(&self) -> bool {
        self.failed == 0 && self.passed > 0
    }

    /// The table for people.
    pub fn table(&self) -> String {
        let mut text = String::new();
        let _ = writeln!(text, "适配器符合性检验 conformance of {} at {}\n", self.adapter, self.address);
        for case in &self.cases {
            let mark = match case.verdict {
                Verdict::Passed => "✓ 通过 passed ",
                Verdict::Failed => "✗ 未过 FAILED ",
                Verdict::Skipped => "- 跳过 skipped",
            };
            let dataset = if case.dataset.is_empty() { String::new() } else { format!("  [{}]", case.dataset) };
            let _ = writeln!(
                text,
                "{mark}  {:<17} {} {}{dataset}  {} 项 checks, {} ms",
                case.name, case.title.zh, case.title.en, case.checks, case.millis
            );
            if let Some(note) = &case.note {
                let _ = writeln!(text, "      注 note: {} {}", note.zh, note.en);
            }
            for fault in &case.faults {
                let _ = writeln!(
                    text,
                    "      应为 expected: {}\n                  {}",
                    fault.expected.zh, fault.expected.en
                );
                let _ = writeln!(text, "      实际 came:     {}", fault.came);
                let _ = writeln!(text, "      改法 mend:     {}\n                  {}", fault.mend.zh, fault.mend.en);
            }
        }
        let verdict = if self.is_good() {
            "符合接口规范 conforms"
        } else {
            "不符合，请按上文逐项修改 does not conform: mend what is listed above"
        };
        let _ = writeln!(
            text,
            "\n通过 passed {}，未过 failed {}，跳过 skipped {}：{verdict}",
            self.passed, self.failed, self.skipped
        );
        text
    }
}
