//! The watched folder, the transport of bureaus without an interface. A file is moved out of `inbox/` before it is
//! read, stays in `taken/` until its outcome is committed and told in `result/`, and ends in `done/`; every step may
//! be repeated after a crash, and the same file dropped again is the same batch.

pub mod archive;
pub mod forms;
pub mod name;
pub mod outbox;
pub mod read;
pub mod result;
pub mod table;
mod take;
pub mod verification;
mod xlsx;

use std::{
    ffi::OsString,
    fs, io,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use futures::future::BoxFuture;
use minqing_kit::{
    Error,
    reconcile::{Pass, Reconciler},
};

use crate::{Result, core::Core, waiting::Waiting};

const EVERY: Duration = Duration::from_millis(300);
/// Files taken in by one pass.
const FILES_A_PASS: usize = 4;

/// Why a whole file, or a whole batch of an exchange table, was refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    pub reason: String,
    /// Header at fault; empty when the file as a whole is.
    pub column: String,
    pub en: String,
    pub zh: String,
}

pub fn refusal(reason: &str, en: &str, zh: &str) -> Refusal {
    Refusal { reason: reason.to_owned(), column: String::new(), en: en.to_owned(), zh: zh.to_owned() }
}

impl Refusal {
    pub fn of(error: &Error) -> Refusal {
        refusal(error.reason(), error.message(), error.message_zh())
    }

    pub fn of_column(mut self, column: &str) -> Refusal {
        column.clone_into(&mut self.column);
        self
    }
}

/// The folder.
#[derive(Clone, Debug)]
pub struct Folder {
    root: PathBuf,
}

impl Folder {
    /// Makes the sub-folders.
    pub fn open(root: &Path) -> io::Result<Folder> {
        for name in ["inbox", "taken", "done", "result", "outbox"] {
            fs::create_dir_all(root.join(name))?;
        }
        Ok(Folder { root: root.to_owned() })
    }

    pub fn inbox(&self) -> PathBuf {
        self.root.join("inbox")
    }

    pub fn taken(&self) -> PathBuf {
        self.root.join("taken")
    }

    pub fn done(&self) -> PathBuf {
        self.root.join("done")
    }

    pub fn result(&self) -> PathBuf {
        self.root.join("result")
    }

    pub fn outbox(&self) -> PathBuf {
        self.root.join("outbox")
    }
}

/// Complete files in a folder, by name: no links, no folders, nothing hidden or still being written.
fn complete(folder: &Path) -> io::Result<Vec<OsString>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name();
        let shown = name.to_string_lossy();
        let unfinished = shown.starts_with(['.', '~']) || shown.ends_with(".part") || shown.ends_with(".tmp");
        if !unfinished && entry.file_type()?.is_file() {
            names.push(name);
        }
    }
    names.sort();
    Ok(names)
}

/// Takes files in.
pub struct Watcher {
    core: Arc<Core>,
    folder: Folder,
    /// Files whose services were away.
    waiting: Waiting,
}

impl Watcher {
    pub fn new(core: Arc<Core>, folder: Folder) -> Watcher {
        Watcher { core, folder, waiting: Waiting::default() }
    }

    /// Moves complete files out of the inbox. A name still in `taken/` waits for its turn.
    fn collect(&self) -> io::Result<(Vec<String>, bool)> {
        let mut left = false;
        for name in complete(&self.folder.inbox())? {
            // Names that are no UTF-8 get a readable one.
            let readable = name.to_string_lossy().into_owned();
            let to = self.folder.taken().join(&readable);
            if to.exists() {
                left = true;
                continue;
            }
            fs::rename(self.folder.inbox().join(&name), &to)?;
            result::sync_folder(&to)?;
        }
        let taken = complete(&self.folder.taken())?;
        Ok((taken.into_iter().map(|n| n.to_string_lossy().into_owned()).collect(), left))
    }

    async fn pass(&self) -> Result<Pass> {
        let (taken, left) = self.collect().map_err(Error::bug)?;
        let mut did = 0;
        for name in taken.iter().filter(|n| self.waiting.may_try(n)).take(FILES_A_PASS) {
            match take::file(&self.core, &self.folder, name).await {
                Ok(()) => {
                    did += 1;
                    self.waiting.end(name);
                }
                Err(error) => self.waiting.put_off(name, &error),
            }
        }
        let wait = taken.len() - usize::try_from(did).unwrap_or_default();
        Ok(Pass { did, caught_up: wait == 0 && !left, detail: format!("{wait} files wait") })
    }
}

impl Reconciler for Watcher {
    fn name(&self) -> &'static str {
        "files"
    }

    fn every(&self) -> Duration {
        EVERY
    }

    fn run_once(&self) -> BoxFuture<'_, Result<Pass>> {
        Box::pin(self.pass())
    }
}
