//! One taken archive: its members are taken in one after another, each from a hidden file beside it, with its own
//! result, and then the archive's result says what became of each. The archive leaves `taken/` last. Whoever comes after
//! a death begins it again: a member is its name and its content, so what was done already is found done.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, BufReader},
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
};

use minqing_kit::Error;

use super::{Member, members, unpack};
use crate::{
    Result,
    core::Core,
    files::{
        Folder, Refusal,
        read::Look,
        result::{self, Table},
        take::{blocking, look, one, request_id},
    },
    report::{self, Outcome},
    store::{self, FileRow},
};

/// Takes an archive in; an error means that it stays and is tried again.
pub async fn archive(core: &Core, folder: &Folder, name: &str, path: &Path) -> Result<()> {
    let look = look(path).await?;
    let request_id = request_id(core, name, &look);
    let row = FileRow { name, digest: look.digest, kind: "archive", request_id };
    store::file_taken(&mut *core.cx.db.acquire().await?, &row).await?;
    let digest = look.digest;
    let reason = match found(path, look).await? {
        Err(refusal) => {
            tell_refused(folder, name, &refusal).await?;
            refusal.reason
        }
        Ok(members) => {
            let unpacked = Unpacked(folder.taken().join(format!(".{request_id}.part")));
            let mut told = Vec::new();
            for member in &members {
                unpacked.hold(path, member).await?;
                told.push(Told::of(one(core, folder, &member.name, &unpacked.0).await?, &member.name));
            }
            tell(folder, name, told).await?;
            String::new()
        }
    };
    store::file_ended(&mut *core.cx.db.acquire().await?, name, digest, &reason).await?;
    tracing::info!(reason, "an archive was taken in");
    Ok(())
}

async fn found(path: &Path, look: Look) -> Result<Result<Vec<Member>, Refusal>> {
    if let Err(refusal) = look.check_size() {
        return Ok(Err(refusal));
    }
    let path = path.to_owned();
    let found = blocking(move || File::open(path).map(|file| members(BufReader::new(file)))).await?;
    found.map_err(Error::bug)
}

/// Where one member at a time lies unpacked; gone when the archive is done or put off. A name of the archive's own: what
/// a dead process left is written over.
struct Unpacked(PathBuf);

impl Unpacked {
    async fn hold(&self, archive: &Path, member: &Member) -> Result<()> {
        let (archive, at, to) = (archive.to_owned(), member.at, self.0.clone());
        let written = blocking(move || -> io::Result<()> {
            let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(to)?;
            unpack(BufReader::new(File::open(archive)?), at, &mut file)
        });
        written.await?.map_err(Error::bug)
    }
}

impl Drop for Unpacked {
    fn drop(&mut self) {
        // Not there when the first member could not be unpacked.
        let _ = fs::remove_file(&self.0);
    }
}

/// What became of a member: a line of the archive's result.
struct Told {
    name: String,
    /// Sent, accepted and refused rows, and of the accepted those taken by an operator's decision.
    counts: [String; 4],
    refusal: Option<Refusal>,
}

impl Told {
    fn of(outcome: Outcome, name: &str) -> Told {
        let texts =
            |sent: i64, refused: i64, linked: i64| [sent, sent - refused, refused, linked].map(|n| n.to_string());
        let (counts, refusal) = match outcome {
            Outcome::Batch(batch, _) => (texts(batch.sent.into(), batch.refused.into(), batch.linked.into()), None),
            Outcome::Form(sent, told, _) => (texts(sent as i64, report::Told::lines(&told) as i64, 0), None),
            Outcome::Refused(refusal) => (Default::default(), Some(refusal)),
        };
        Told { name: name.to_owned(), counts, refusal }
    }

    fn line(&self, number: usize) -> [String; 11] {
        let [sent, accepted, refused, linked] = self.counts.clone();
        let outcome = if self.refusal.is_none() { "已接收 taken" } else { "整个文件退回 file refused" };
        let (reason, zh, en) =
            self.refusal.as_ref().map(|r| (r.reason.clone(), r.zh.clone(), r.en.clone())).unwrap_or_default();
        let result = result::result_name(&self.name);
        let (number, name, outcome) = (number.to_string(), self.name.clone(), outcome.to_owned());
        [number, name, outcome, sent, accepted, refused, reason, zh, en, result, linked]
    }
}

async fn tell(folder: &Folder, name: &str, told: Vec<Told>) -> Result<()> {
    let (to, name) = (folder.result(), name.to_owned());
    let written = blocking(move || -> io::Result<()> {
        let refused = told.iter().filter(|t| t.refusal.is_some()).count();
        let mut table = Table::create(&to, &result::result_name(&name))?;
        for (key, value) in [
            ("文件 file", name.as_str()),
            ("结果 outcome", "已逐个处理 each file taken by itself"),
            ("文件数 files", &told.len().to_string()),
            ("接收 accepted", &(told.len() - refused).to_string()),
            ("退回 refused", &refused.to_string()),
        ] {
            table.line([key, value])?;
        }
        let columns = ["序号 no", "文件 file", "结果 outcome", "报送行 rows sent", "接收行 rows accepted"];
        let more = ["退回行 rows refused", "原因 reason", "说明", "message", "结果文件 result file"];
        let last = "按已确认身份接收 rows linked";
        table.line(columns.into_iter().chain(more).chain([last]))?;
        for (number, told) in (1..).zip(&told) {
            table.line(told.line(number).iter().map(String::as_str))?;
        }
        table.finish()
    });
    written.await?.map_err(Error::bug)
}

/// As for any file that is refused whole.
async fn tell_refused(folder: &Folder, name: &str, refusal: &Refusal) -> Result<()> {
    let (to, name, refusal) = (folder.result(), name.to_owned(), refusal.clone());
    let written = blocking(move || -> io::Result<()> {
        let mut table = Table::create(&to, &result::result_name(&name))?;
        table.line(["文件 file", &name])?;
        table.line(["结果 outcome", "整个文件退回 file refused"])?;
        table.line(["行号 row", "列名 column", "原因 reason", "说明", "message"])?;
        table.line(["", &refusal.column, &refusal.reason, &refusal.zh, &refusal.en])?;
        table.finish()
    });
    written.await?.map_err(Error::bug)
}
