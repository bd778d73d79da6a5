//! A bureau's own ledger beside the books: a month, programme by programme. Where the lines differ and the bureau gave
//! its records, each record is compared and what differs is kept; a line it left out has no record.

use std::collections::{BTreeMap, BTreeSet};

use chrono::NaiveDate;
use minqing_kit::{Error, Result, db::Work};
use minqing_proto::minqing::{bureau::v1 as pb, types::v1::FeedbackDecision};
use sha2::{Digest as _, Sha256};

use super::{books::rows, reconciled, view};
use crate::{
    domain::{
        books::{Difference, Entry, Kind, compare},
        decision::Decision,
    },
    store::{
        books::{self, Line},
        difference::{self, Counterpart, LineRef},
        record,
    },
};

const MOST_LINES: usize = 200;
const MOST_ENTRIES: usize = 10_000;

/// A line as the bureau tells it, found sound.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Told {
    count: i64,
    amount_fen: i64,
    digest: String,
    /// By the bytes of their numbers; none when the bureau kept them back.
    entries: Option<Vec<Entry>>,
}

/// Reads a ledger: lines by programme. A line that contradicts itself is refused.
pub fn read(lines: &[pb::LedgerLine]) -> Result<BTreeMap<String, Told>> {
    let entries: usize = lines.iter().map(|line| line.entries.len()).sum();
    if lines.len() > MOST_LINES || entries > MOST_ENTRIES {
        return Err(wrong(
            "lines",
            "has more than 200 lines or 10,000 entries; send fewer entries at once",
            "超过 200 行或 10000 条记录，请分次报送记录",
        ));
    }
    let mut told = BTreeMap::new();
    for line in lines {
        if told.insert(line.programme.clone(), read_line(line)?).is_some() {
            return Err(wrong(
                "lines.programme",
                "stands twice; send one line a programme",
                "项目重复，每个项目只报一行",
            ));
        }
    }
    Ok(told)
}

fn read_line(line: &pb::LedgerLine) -> Result<Told> {
    let told = Told { count: line.count, amount_fen: line.amount_fen, digest: line.digest.clone(), entries: None };
    let given = i64::try_from(line.entries.len()).unwrap_or(i64::MAX);
    if given == 0 && line.count != 0 {
        return Ok(told);
    }
    if given != line.count {
        return Err(wrong(
            "lines.entries",
            "are not as many as count; send all of them or none",
            "记录数与 count 不符，请全部报送或全部不报",
        ));
    }
    let mut entries = line.entries.iter().map(read_entry).collect::<Result<Vec<_>>>()?;
    entries.sort_by(|a, b| a.record_no.cmp(&b.record_no));
    let granted = entries.iter().filter(|e| e.decision == Decision::Granted).map(|e| i128::from(e.amount_fen));
    if granted.sum::<i128>() != i128::from(line.amount_fen) {
        return Err(wrong("lines.amount_fen", "is not the sum of the entries granted", "与给予救助的记录合计不符"));
    }
    let numbers: Vec<&str> = entries.iter().map(|e| e.record_no.as_str()).collect();
    if given > 0 && !hex(&Sha256::digest(numbers.join("\n"))).eq_ignore_ascii_case(&line.digest) {
        let en = "is not the SHA-256 of the entries' numbers, sorted by bytes and joined by a newline";
        return Err(wrong("lines.digest", en, "不是按字节排序、以换行连接的记录编号的 SHA-256"));
    }
    Ok(Told { entries: Some(entries), ..told })
}

fn read_entry(entry: &pb::LedgerEntry) -> Result<Entry> {
    let decision = FeedbackDecision::try_from(entry.decision).ok().and_then(view::decision_of);
    let decision =
        decision.ok_or_else(|| wrong("lines.entries.decision", "is not one of the decisions", "不是有效的处理结果"))?;
    let shown = !entry.record_no.is_empty() && !entry.record_no.chars().any(char::is_control);
    if !shown {
        return Err(wrong("lines.entries.record_no", "is empty or cannot be read", "为空或含无法识别的字符"));
    }
    Ok(Entry { record_no: entry.record_no.clone(), amount_fen: entry.amount_fen, decision })
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn wrong(field: &'static str, en: &str, zh: &str) -> Error {
    Error::invalid("INVALID_LEDGER", format!("{field} {en}"), format!("{field} {zh}")).field(field, en)
}

/// Compares a bureau's month; one result for each programme that either side has, or in which a difference is open.
pub async fn compare_ledger(
    work: &mut Work,
    bureau: &str,
    month: (NaiveDate, NaiveDate),
    told: &BTreeMap<String, Told>,
) -> Result<Vec<pb::LedgerResult>> {
    // No record of the bureau's may come in between the lines and the records behind them.
    record::lock_bureau(work.conn(), bureau).await?;
    let own = books::reconciliation(work.conn(), Some(bureau), Some(month.0), Some(month.1)).await?;
    let own: BTreeMap<String, Line> =
        own.into_iter().filter(|line| line.feedback > 0).map(|line| (line.programme.clone(), line)).collect();
    let open = difference::open_lines(work.conn(), Counterpart::Bureau, month.0).await?;
    let open = open.into_iter().filter(|(of, _)| of == bureau).map(|(_, programme)| programme);
    let programmes: BTreeSet<String> = own.keys().chain(told.keys()).cloned().chain(open).collect();
    let nothing = Told { entries: Some(Vec::new()), ..Told::default() };
    let mut results = Vec::with_capacity(programmes.len());
    for programme in programmes {
        let (ours, theirs) = (own.get(&programme), told.get(&programme).unwrap_or(&nothing));
        let line = LineRef { counterpart: Counterpart::Bureau, month: month.0, bureau: bureau.to_owned(), programme };
        results.push(compare_line(work, &line, month.1, ours, theirs).await?);
    }
    Ok(results)
}

async fn compare_line(
    work: &mut Work,
    line: &LineRef,
    next: NaiveDate,
    ours: Option<&Line>,
    theirs: &Told,
) -> Result<pb::LedgerResult> {
    let mut result = pb::LedgerResult {
        programme: line.programme.clone(),
        count: ours.map_or(0, |l| l.feedback),
        amount_fen: ours.map_or(0, |l| l.amount_fen),
        digest: ours.map_or_else(String::new, |l| l.digest.clone()),
        ..pb::LedgerResult::default()
    };
    let same_numbers = result.count == 0 || theirs.digest.eq_ignore_ascii_case(&result.digest);
    result.agrees = same_numbers && (theirs.count, theirs.amount_fen) == (result.count, result.amount_fen);
    let now = work.now();
    let found = match &theirs.entries {
        None if !result.agrees => {
            result.entries_wanted = true;
            return Ok(result);
        }
        None => Vec::new(),
        Some(entries) => {
            let key = (line.bureau.clone(), line.programme.clone());
            let own = books::entries(work.conn(), &key, (line.month, next), now).await?;
            let found = compare(&own, entries);
            result.differences = found.iter().map(told_of).collect();
            result.agrees = found.is_empty();
            rows(line, &found, now, || work.new_id())
        }
    };
    reconciled::settle(work, line, &found, now).await?;
    Ok(result)
}

fn told_of(difference: &Difference<'_>) -> pb::LedgerDifference {
    let kind = match difference.kind {
        Kind::MissingThere => pb::LedgerDifferenceKind::MissingInLedger,
        Kind::MissingHere => pb::LedgerDifferenceKind::MissingInMesh,
        Kind::ContentDiffers => pb::LedgerDifferenceKind::ContentDiffers,
    };
    let own = difference.own.map(|own| &own.entry);
    let number = own.or(difference.other).map_or_else(String::new, |any| any.record_no.clone());
    pb::LedgerDifference {
        record_no: number,
        kind: kind as i32,
        amount_fen: own.map_or(0, |own| own.amount_fen),
        decision: own.map_or(FeedbackDecision::Unspecified, |own| view::decision_told(own.decision)) as i32,
    }
}
