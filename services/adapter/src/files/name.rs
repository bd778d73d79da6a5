//! What a file's name says: a batch, receipts, feedback, withdrawals, a ledger or answers to
//! verifications.
//!
//! `student_enrolment__621202__2026-10-26__snapshot__B01.csv`: dataset (name or Chinese title), county, as-of date,
//! mode, the bureau's batch number, and optionally the number of rows as a sixth part. `receipt_….csv`,
//! `feedback_….csv`, `withdraw_….csv`, `ledger_….csv` and `verification_….csv` say only what they are.

use minqing_proto::minqing::types::v1::BatchMode;

use super::{Refusal, forms::Form, refusal};

/// How the file is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    Csv,
    Xlsx,
}

impl Format {
    /// As the table of what was sent writes it.
    pub fn word(self) -> &'static str {
        match self {
            Format::Csv => "csv",
            Format::Xlsx => "xlsx",
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    Batch(BatchName),
    Form(Form),
}

impl Kind {
    /// As the file table writes it.
    pub fn word(&self) -> &'static str {
        match self {
            Kind::Batch(_) => "batch",
            Kind::Form(form) => form.word(),
        }
    }
}

/// A batch header in a file's name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BatchName {
    pub dataset: String,
    pub division: String,
    pub as_of: String,
    pub mode: BatchMode,
    pub batch_no: String,
    pub row_count: Option<u32>,
}

/// Reads a name; `title` turns a dataset's Chinese title into its name.
pub fn parse(name: &str, title: &dyn Fn(&str) -> Option<String>) -> Result<(Kind, Format), Refusal> {
    let (stem, ending) = name.rsplit_once('.').unwrap_or((name, ""));
    let format = match ending.to_ascii_lowercase().as_str() {
        "csv" => Format::Csv,
        "xlsx" => Format::Xlsx,
        _ => return Err(refusal("FILE_FORMAT", "the file must end in .csv or .xlsx", "文件应为 .csv 或 .xlsx")),
    };
    let forms = [
        ("receipt_", Form::Receipt),
        ("feedback_", Form::Feedback),
        ("withdraw_", Form::Withdrawal),
        ("ledger_", Form::Ledger),
        ("verification_", Form::Verification),
    ];
    let stem = stem.trim();
    if let Some((_, form)) = forms.into_iter().find(|(prefix, _)| stem.starts_with(prefix)) {
        return Ok((Kind::Form(form), format));
    }
    batch(stem, title).map(|b| (Kind::Batch(b), format))
}

fn batch(stem: &str, title: &dyn Fn(&str) -> Option<String>) -> Result<BatchName, Refusal> {
    let bad = || {
        refusal(
            "FILE_NAME",
            "the name must be dataset__county__date__snapshot-or-changes__batch-number.csv, receipt_….csv, feedback_….csv, withdraw_….csv, ledger_….csv or verification_….csv",
            "文件名应为：数据集__县区代码__数据日期__snapshot或changes__批次号.csv，或以 receipt_、feedback_、withdraw_、ledger_、verification_ 开头",
        )
    };
    let parts: Vec<_> = stem.split("__").map(str::trim).collect();
    let (dataset, division, as_of, mode, batch_no, rows) = match parts.as_slice() {
        [dataset, division, as_of, mode, batch_no] => (dataset, division, as_of, mode, batch_no, None),
        [dataset, division, as_of, mode, batch_no, rows] => {
            (dataset, division, as_of, mode, batch_no, Some(rows.parse::<u32>().map_err(|_| bad())?))
        }
        _ => return Err(bad()),
    };
    let mode = match mode.to_lowercase().as_str() {
        "snapshot" | "全量" => BatchMode::Snapshot,
        "changes" | "增量" => BatchMode::Changes,
        _ => return Err(bad()),
    };
    Ok(BatchName {
        dataset: title(dataset).unwrap_or_else(|| (*dataset).to_owned()),
        division: (*division).to_owned(),
        as_of: (*as_of).to_owned(),
        mode,
        batch_no: (*batch_no).to_owned(),
        row_count: rows,
    })
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;

    fn read(name: &str) -> Result<(Kind, Format), Refusal> {
        parse(name, &|title| (title == "学籍信息").then(|| "student_enrolment".to_owned()))
    }

    #[test]
    fn a_name_tells_the_whole_header() {
        let (kind, format) = read("student_enrolment__621202__2026-10-26__snapshot__B_01__120.CSV").unwrap();
        assert_eq!(format, Format::Csv);
        let Kind::Batch(batch) = kind else { panic!("not a batch") };
        assert_eq!(batch.dataset, "student_enrolment");
        assert_eq!(batch.batch_no, "B_01");
        assert_eq!(batch.row_count, Some(120));
        let (chinese, _) = read("学籍信息__621202__20261026__增量__B1.xlsx").unwrap();
        assert!(matches!(chinese, Kind::Batch(b) if b.dataset == "student_enrolment" && b.mode == BatchMode::Changes));
        assert_eq!(read("receipt_1.csv").unwrap().0, Kind::Form(Form::Receipt));
        assert_eq!(read("feedback_1.xlsx").unwrap().0, Kind::Form(Form::Feedback));
        assert_eq!(read("withdraw_1.csv").unwrap().0, Kind::Form(Form::Withdrawal));
        assert_eq!(read("ledger_2026-10.csv").unwrap().0, Kind::Form(Form::Ledger));
        assert_eq!(read("verification_1.csv").unwrap().0, Kind::Form(Form::Verification));
    }

    #[test]
    fn a_blank_before_a_name_changes_nothing() {
        assert_eq!(read(" feedback_26__增量__x__changes__1.csv").unwrap().0, Kind::Form(Form::Feedback));
        assert_eq!(
            read(" 学籍信息__621202__20261026__增量__B1.xlsx"),
            read("学籍信息__621202__20261026__增量__B1.xlsx")
        );
    }

    #[test]
    fn a_name_that_tells_less_is_refused_with_the_pattern() {
        for name in [
            "x.csv",
            "a__b__c.csv",
            "a__621202__2026-10-26__some__1.csv",
            "a__b__c__snapshot__1__many.csv",
            "x.txt",
            "x",
        ] {
            assert!(read(name).is_err(), "{name}");
        }
    }
}
