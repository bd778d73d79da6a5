//! `minqing receipt verify`: whoever holds a receipt and the adapter's public key checks it here, with no mesh and no
//! network. Answers 0 when everything given fits together, 1 when something does not, 2 when it cannot be checked.

use std::{
    fs::File,
    io::{self, Write as _},
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::Context as _;
use clap::{Args, Subcommand};
use minqing_adapter::receipt::verify::{self, Verdict};
use minqing_kit::keys::VerifyingKey;
use minqing_proto::minqing::bureau::v1::{Receipt, ReceiptKind};
use serde_json::json;
use sha2::{Digest as _, Sha256};

/// What can be done with receipts.
#[derive(Subcommand)]
pub enum Command {
    /// Check receipts against a public key, and against what was sent (核验回执).
    Verify(Verify),
}

/// Options of `minqing receipt verify`.
#[derive(Args)]
pub struct Verify {
    /// File with one receipt or a list of them, as written beside a file's result.
    file: PathBuf,
    /// The adapter's public key, PEM.
    #[arg(long)]
    key: PathBuf,
    /// What was sent: the file as it was dropped, or the rows of a stream in their canonical form.
    #[arg(long)]
    rows: Option<PathBuf>,
    /// The sender's public key, PEM: checks the sender's own signature too.
    #[arg(long)]
    sender_key: Option<PathBuf>,
    /// JSON instead of text.
    #[arg(long)]
    json: bool,
}

/// Runs the command.
pub fn run(command: &Command) -> anyhow::Result<ExitCode> {
    let Command::Verify(asked) = command;
    let given = match given(asked) {
        Ok(given) => given,
        Err(error) => {
            tell_fault(asked.json, &error)?;
            return Ok(ExitCode::from(2));
        }
    };
    let verdicts: Vec<_> =
        given.receipts.iter().map(|r| (r, verify::check(r, &given.key, given.rows, given.sender.as_ref()))).collect();
    tell(asked, &verdicts)?;
    let code = if verdicts.iter().any(|(_, v)| *v == Verdict::Unknown) {
        2
    } else {
        u8::from(verdicts.iter().any(|(_, v)| *v != Verdict::Good))
    };
    Ok(ExitCode::from(code))
}

struct Given {
    receipts: Vec<Receipt>,
    key: VerifyingKey,
    rows: Option<[u8; 32]>,
    sender: Option<VerifyingKey>,
}

fn given(asked: &Verify) -> anyhow::Result<Given> {
    let text = std::fs::read_to_string(&asked.file).with_context(|| format!("cannot read {}", asked.file.display()))?;
    let receipts = verify::read(&text).with_context(|| format!("{} holds no receipt", asked.file.display()))?;
    let batches = receipts.iter().filter(|r| r.kind() == ReceiptKind::Batch).count();
    anyhow::ensure!(
        asked.rows.is_none() || (batches == 1 && receipts.len() == 1),
        "--rows goes with the receipt of one batch"
    );
    Ok(Given {
        receipts,
        key: VerifyingKey::load(&asked.key)?,
        rows: asked.rows.as_deref().map(digest).transpose()?,
        sender: asked.sender_key.as_deref().map(VerifyingKey::load).transpose()?,
    })
}

fn digest(path: &Path) -> anyhow::Result<[u8; 32]> {
    let mut file = File::open(path).with_context(|| format!("cannot read {}", path.display()))?;
    let (mut digest, mut buffer) = (Sha256::new(), vec![0; 64 * 1024]);
    loop {
        match io::Read::read(&mut file, &mut buffer).with_context(|| format!("cannot read {}", path.display()))? {
            0 => return Ok(digest.finalize().into()),
            read => digest.update(&buffer[..read]),
        }
    }
}

fn tell(asked: &Verify, verdicts: &[(&Receipt, Verdict)]) -> anyhow::Result<()> {
    let mut out = io::stdout().lock();
    if asked.json {
        let all: Vec<_> = verdicts
            .iter()
            .map(|(r, v)| {
                json!({
                    "verdict": v.word(), "message": v.text().1, "messageZh": v.text().0, "subject": r.subject,
                    "batchNo": r.batch_no, "sent": r.sent, "accepted": r.accepted, "refused": r.refused,
                    "changed": r.changed, "issuedTime": r.issued_time, "keyId": r.key_id,
                    "rowsChecked": asked.rows.is_some(), "senderChecked": asked.sender_key.is_some(),
                })
            })
            .collect();
        serde_json::to_writer_pretty(&mut out, &all)?;
        writeln!(out)?;
        return Ok(());
    }
    for (receipt, verdict) in verdicts {
        let (zh, en) = verdict.text();
        let mark = if *verdict == Verdict::Good { "✓" } else { "✗" };
        writeln!(out, "{mark} {zh}（{en}）")?;
        writeln!(out, "  对象 subject: {}", receipt.subject)?;
        if receipt.kind() == ReceiptKind::Batch {
            writeln!(out, "  批次号 batch no: {}  数据集 dataset: {}", receipt.batch_no, receipt.dataset)?;
            writeln!(
                out,
                "  报送 sent: {}  接收 accepted: {}  退回 refused: {}  变化 changed: {}",
                receipt.sent, receipt.accepted, receipt.refused, receipt.changed
            )?;
            if asked.rows.is_none() {
                writeln!(out, "  未核对数据，请用 --rows 指定 the rows were not compared; name them with --rows")?;
            }
        } else {
            writeln!(out, "  签收人 signed by: {}  日期 on: {}", receipt.operator, receipt.as_of)?;
        }
        writeln!(out, "  签发 issued: {}  密钥 key: {}", receipt.issued_time, receipt.key_id)?;
    }
    Ok(())
}

fn tell_fault(as_json: bool, error: &anyhow::Error) -> anyhow::Result<()> {
    if as_json {
        writeln!(io::stdout().lock(), "{}", json!({ "verdict": "CANNOT_CHECK", "message": format!("{error:#}") }))?;
    } else {
        writeln!(io::stderr().lock(), "无法核验 cannot check: {error:#}")?;
    }
    Ok(())
}
