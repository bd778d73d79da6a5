//! A ledger as a form, a line a record: by file or by exchange table. What differs comes back by record.

use std::collections::{BTreeMap, HashMap, HashSet};

use minqing_proto::minqing::bureau::v1::{
    CompareLedgerRequest, LedgerDifference, LedgerDifferenceKind, LedgerEntry, LedgerLine,
};
use minqing_proto::minqing::types::v1::FeedbackDecision;
use sha2::{Digest as _, Sha256};

use crate::{
    Result,
    codes::DECISION,
    files::forms::{self, LEDGER, Line},
    report::{Report, Told, unreadable},
    row::text,
};

/// Records of a month, each with the number of its line, by programme.
type Month = BTreeMap<String, Vec<(u32, LedgerEntry)>>;

impl Report<'_> {
    /// Compares every month of the form. With a line that cannot be read none is: what it stands for would show as missing.
    pub async fn ledger(&self, lines: &[Line]) -> Result<Vec<Told>> {
        let (months, mut told) = read(lines);
        if lines.is_empty() || !told.is_empty() {
            told.push(not_compared());
            return Ok(told);
        }
        for (n, (month, programmes)) in months.iter().enumerate() {
            let request = CompareLedgerRequest {
                request_id: self.call_id(n),
                month: month.clone(),
                lines: programmes.iter().map(|(programme, entries)| line(programme, entries)).collect(),
            };
            for result in self.core.compare_ledger(self.call, request).await?.results {
                let places: HashMap<&str, u32> = match programmes.get(&result.programme) {
                    Some(entries) => entries.iter().map(|(row, entry)| (entry.record_no.as_str(), *row)).collect(),
                    None => HashMap::new(),
                };
                let place = |d: &LedgerDifference| places.get(d.record_no.as_str()).copied().unwrap_or_default();
                told.extend(result.differences.iter().map(|d| difference(place(d), month, &result.programme, d)));
            }
        }
        Ok(told)
    }
}

fn read(lines: &[Line]) -> (BTreeMap<String, Month>, Vec<Told>) {
    let (mut months, mut told, mut seen) = (BTreeMap::<String, Month>::new(), Vec::new(), HashSet::new());
    for (row, line) in lines {
        match line.as_ref().ok_or_else(|| unreadable(*row)).and_then(|line| entry(*row, line)) {
            Err(refused) => told.push(refused),
            Ok((_, _, entry)) if !seen.insert(entry.record_no.clone()) => {
                told.push(wrong(*row, "record_no", "stands twice", "在台账中重复"));
            }
            Ok((month, programme, entry)) => {
                months.entry(month).or_default().entry(programme).or_default().push((*row, entry));
            }
        }
    }
    (months, told)
}

/// Month, programme and record of a line.
fn entry(row: u32, line: &HashMap<&'static str, String>) -> Result<(String, String, LedgerEntry), Told> {
    let get = |field: &str| line.get(field).cloned().unwrap_or_default();
    let month = text::month(&get("month"))
        .ok_or_else(|| wrong(row, "month", "must be a month, YYYY-MM", "应为月份，如 2026-10"))?;
    let given = |field: &'static str| {
        let given = get(field);
        if given.is_empty() { Err(wrong(row, field, "must not be empty", "不能为空")) } else { Ok(given) }
    };
    let decision = forms::decision(line);
    if decision == FeedbackDecision::Unspecified {
        return Err(wrong(row, "decision", "is not one of the decisions", "不是有效的处理结果"));
    }
    let amount_fen = forms::amount(line).filter(|fen| *fen >= 0);
    let amount_fen =
        amount_fen.ok_or_else(|| wrong(row, "amount_fen", "must be an amount of money", "应为金额，只填一列"))?;
    let record = LedgerEntry { record_no: given("record_no")?, amount_fen, decision: decision as i32 };
    Ok((month, given("programme")?, record))
}

fn line(programme: &str, entries: &[(u32, LedgerEntry)]) -> LedgerLine {
    let entries: Vec<_> = entries.iter().map(|(_, entry)| entry.clone()).collect();
    let granted = entries.iter().filter(|e| e.decision() == FeedbackDecision::Granted);
    let amount_fen = granted.map(|e| e.amount_fen).fold(0, i64::saturating_add);
    let mut numbers: Vec<_> = entries.iter().map(|e| e.record_no.as_str()).collect();
    numbers.sort_unstable();
    let digest: [u8; 32] = Sha256::digest(numbers.join("\n")).into();
    LedgerLine {
        programme: programme.to_owned(),
        count: i64::try_from(entries.len()).unwrap_or(i64::MAX),
        amount_fen,
        digest: digest.iter().map(|byte| format!("{byte:02x}")).collect(),
        entries,
    }
}

fn wrong(row: u32, field: &'static str, en: &str, zh: &str) -> Told {
    let column = forms::header_of(LEDGER, field);
    Told { row, reason: "REFUSED", en: format!("{field} {en}"), zh: format!("{column}{zh}"), column }
}

fn not_compared() -> Told {
    Told {
        row: 0,
        column: String::new(),
        reason: "LEDGER_INCOMPLETE",
        en:
            "nothing was compared: the form has no line, or the lines named cannot be read; mend it and send the whole \
             ledger again under a new name or number"
                .to_owned(),
        zh: "未对账：台账为空，或所列各行无法识别。请更正后以新文件名（批次号）重新报送整本台账".to_owned(),
    }
}

fn difference(row: u32, month: &str, programme: &str, d: &LedgerDifference) -> Told {
    let (no, fen) = (&d.record_no, d.amount_fen);
    let (field, reason, en, zh) = match d.kind() {
        LedgerDifferenceKind::MissingInLedger => (
            "record_no",
            "MISSING_IN_LEDGER",
            format!("{month} {programme}: the mesh has record {no}, {fen} fen, and the ledger has not"),
            format!("{month} {programme}：系统有记录 {no}（{fen} 分），台账没有"),
        ),
        LedgerDifferenceKind::MissingInMesh | LedgerDifferenceKind::Unspecified => (
            "record_no",
            "MISSING_IN_MESH",
            "the mesh has no such record in force for the month and programme: send it, or see why it was refused or what \
             corrected it"
                .to_owned(),
            "系统在该月该项目下没有这条有效记录：请补报，或查看退回原因、更正记录".to_owned(),
        ),
        LedgerDifferenceKind::ContentDiffers => {
            let local = decision_word(d.decision());
            (
                "amount_fen",
                "CONTENT_DIFFERS",
                format!("the mesh has {fen} fen and the decision {}", d.decision().as_str_name()),
                format!("系统中为 {fen} 分、{local}"),
            )
        }
    };
    Told { row, column: forms::header_of(LEDGER, field), reason, en, zh }
}

/// The decision as bureaus write it.
fn decision_word(decision: FeedbackDecision) -> &'static str {
    let entry = DECISION.entries.iter().find(|(standard, _)| *standard == decision.as_str_name());
    entry.and_then(|(_, words)| words.iter().find(|word| !word.is_ascii())).copied().unwrap_or("已撤回")
}
