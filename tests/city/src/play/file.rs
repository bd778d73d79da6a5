//! The exchange folder as a bureau without an interface uses it: files go in under another name first, results come
//! back beside them, referrals lie in the outbox.

use std::{collections::HashSet, path::Path, time::Duration};

use anyhow::Context as _;
use minqing_proto::minqing::types::v1::RowReason;

use super::{Tally, feed::Told, until};
use crate::{dataset::Bureau, mesh::Mesh, plan::Batch, table};

/// A file waits while the services behind its adapter are away, and a large one takes its time.
const LIMIT: Duration = Duration::from_secs(900);

/// A result file, taken apart.
pub(super) struct Outcome {
    head: Vec<(String, String)>,
    /// Row, column, reason, Chinese text.
    pub lines: Vec<[String; 4]>,
}

impl Outcome {
    /// A number of the head by its English word.
    pub fn count(&self, word: &str) -> u64 {
        let found = self.head.iter().find(|(key, _)| key.ends_with(word));
        found.and_then(|(_, value)| value.parse().ok()).unwrap_or(0)
    }

    fn taken(&self) -> bool {
        self.head.iter().any(|(key, value)| key.ends_with("outcome") && value.contains("taken"))
    }
}

/// Drops a batch's file and waits for what became of it.
pub(super) async fn submit(mesh: &Mesh, batch: &Batch) -> anyhow::Result<Told> {
    let (name, bytes) = table::file(batch)?;
    let outcome = hand_in(mesh, batch.dataset.bureau(), &name, &bytes).await?;
    let refused = outcome.lines.iter().filter_map(|line| {
        let row = line[0].parse().ok()?;
        Some((row, RowReason::from_str_name(&format!("ROW_REASON_{}", line[2]))?))
    });
    let tally = Tally {
        lines: batch.lines.len() as u64,
        sent: outcome.count("sent"),
        accepted: outcome.count("accepted"),
        refused: outcome.count("refused"),
        changed: outcome.count("changed"),
    };
    Ok(Told { tally, refused: refused.collect() })
}

/// Puts a file into a bureau's inbox and reads its result.
pub(super) async fn hand_in(mesh: &Mesh, bureau: Bureau, name: &str, bytes: &[u8]) -> anyhow::Result<Outcome> {
    let folder = mesh.exchange_dir(&bureau.adapter())?;
    let part = folder.join("inbox").join(format!("{name}.part"));
    tokio::fs::write(&part, bytes).await.with_context(|| format!("cannot write {}", part.display()))?;
    tokio::fs::rename(&part, folder.join("inbox").join(name)).await?;
    let result = folder.join("result").join(format!("{name}.result.csv"));
    let outcome = until(&format!("the result of {name}"), LIMIT, || {
        if result.exists() { Ok(Some(read(&result)?)) } else { Ok(None) }
    })
    .await?;
    if !outcome.taken() {
        let why = outcome.lines.first().map(|l| format!("{} {}", l[1], l[2])).unwrap_or_default();
        anyhow::bail!("{} refused the file {name}: {why}", bureau.text());
    }
    Ok(outcome)
}

fn read(path: &Path) -> anyhow::Result<Outcome> {
    let mut reader = csv::ReaderBuilder::new().has_headers(false).flexible(true).from_path(path)?;
    let mut outcome = Outcome { head: Vec::new(), lines: Vec::new() };
    let mut in_lines = false;
    for record in reader.records() {
        let record = record?;
        let cell = |n: usize| record.get(n).unwrap_or_default().trim_start_matches('\u{feff}').to_owned();
        if in_lines {
            outcome.lines.push([cell(0), cell(1), cell(2), cell(3)]);
        } else if cell(0).starts_with("行号") {
            in_lines = true;
        } else {
            outcome.head.push((cell(0), cell(1)));
        }
    }
    Ok(outcome)
}

/// One referral as it lies in the outbox.
pub(super) struct Letter {
    pub referral: String,
    pub programme: String,
    pub level: i32,
    pub indicator: String,
    pub issued_on: String,
    pub due_on: String,
    pub persons: Vec<String>,
}

/// Referrals in the outbox that the bureau has not seen yet.
pub(super) fn letters(mesh: &Mesh, bureau: Bureau, seen: &HashSet<String>) -> anyhow::Result<Vec<Letter>> {
    let outbox = mesh.exchange_dir(&bureau.adapter())?.join("outbox");
    let mut letters = Vec::new();
    let Ok(entries) = std::fs::read_dir(&outbox) else { return Ok(letters) };
    for entry in entries {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let Some(id) = name.strip_prefix("referral_").and_then(|n| n.strip_suffix(".csv")) else { continue };
        if !seen.contains(&format!("referrals/{id}")) {
            letters.extend(letter(&path)?);
        }
    }
    Ok(letters)
}

fn letter(path: &Path) -> anyhow::Result<Option<Letter>> {
    let mut reader = csv::ReaderBuilder::new().flexible(true).from_path(path)?;
    let headers = reader.headers()?.clone();
    let place = |title: &str| headers.iter().position(|h| h.trim_start_matches('\u{feff}') == title);
    let mut letter: Option<Letter> = None;
    for record in reader.records() {
        let record = record?;
        let cell = |title: &str| place(title).and_then(|n| record.get(n)).unwrap_or_default().to_owned();
        let known = letter.get_or_insert_with(|| Letter {
            referral: cell("转介编号"),
            programme: cell("项目代码"),
            level: cell("紧急程度").trim_start_matches('L').parse().unwrap_or(0),
            indicator: cell("预警指标"),
            issued_on: cell("下发日期"),
            due_on: cell("办理期限"),
            persons: Vec::new(),
        });
        known.persons.push(cell("身份证号"));
    }
    Ok(letter)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn a_result_file_gives_counts_and_refused_rows() {
        let path = std::env::temp_dir().join(format!("minqing-city-result-{}.csv", std::process::id()));
        let text = "\u{feff}文件 file,x.csv\r\n结果 outcome,已接收 taken\r\n报送 sent,12\r\n接收 accepted,11\r\n退回 refused,1\r\n\
                    行号 row,列名 column,原因 reason,说明,message\r\n7,身份证号,ID_NUMBER_CHECK_DIGIT,校验位错误,wrong\r\n";
        std::fs::write(&path, text).unwrap();
        let outcome = read(&path).unwrap();
        std::fs::remove_file(&path).unwrap();
        assert!(outcome.taken());
        assert_eq!((outcome.count("sent"), outcome.count("accepted"), outcome.count("refused")), (12, 11, 1));
        assert_eq!(outcome.lines[0][2], "ID_NUMBER_CHECK_DIGIT");
    }

    #[test]
    fn a_letter_names_the_referral_and_its_persons() {
        let path = std::env::temp_dir().join(format!("minqing-city-letter-{}.csv", std::process::id()));
        let text = "\u{feff}转介编号,项目代码,项目名称,紧急程度,预警指标,预警原因,行政区划代码,下发日期,办理期限,身份证号,姓名\r\n\
                    referrals/1,P-ZH-01,应急期救助,L1,A15,受灾,621202100000,2026-10-27,2026-11-03,1,甲\r\n\
                    referrals/1,P-ZH-01,应急期救助,L1,A15,受灾,621202100000,2026-10-27,2026-11-03,2,乙\r\n";
        std::fs::write(&path, text).unwrap();
        let letter = letter(&path).unwrap().unwrap();
        std::fs::remove_file(&path).unwrap();
        assert_eq!((letter.referral.as_str(), letter.level, letter.persons.len()), ("referrals/1", 1, 2));
    }
}
