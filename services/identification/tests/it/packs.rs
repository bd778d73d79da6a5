//! The city's pack changed as a new release would bring it, and a service that goes on with it on the same data.

use std::{fs, path::Path, sync::Arc};

use minqing_kit::{Overrides, frame};
use minqing_test_kit::TestService;
use tempfile::TempDir;

/// Which pack the service works with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Edition {
    /// The city's.
    City,
    /// Next year's: another version, a condition turned round.
    Next,
    /// The city's version with another word: only the files tell them apart.
    Corrected,
}

impl Edition {
    /// The pack's files where the service reads them.
    pub fn files(self) -> TempDir {
        let folder = TempDir::new().unwrap();
        copy(Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../deploy/policy/longnan")), folder.path());
        match self {
            Edition::City => {}
            Edition::Next => {
                replace(folder.path(), "version: \"", "version: \"9");
                let condition = "coalesce(countable_below_standard, income_below_standard)";
                replace(folder.path(), condition, &format!("not {condition}"));
            }
            Edition::Corrected => replace(folder.path(), "zh: 家庭低保", "zh: 整户低保"),
        }
        folder
    }
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let target = to.join(path.file_name().unwrap());
        if path.is_dir() {
            copy(&path, &target);
        } else {
            fs::copy(&path, &target).unwrap();
        }
    }
}

/// Changes the first place of the first file, in the order of their names, that says it.
fn replace(folder: &Path, from: &str, to: &str) {
    let mut folders = vec![folder.to_owned()];
    let mut files = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() { folders.push(path) } else { files.push(path) }
        }
    }
    files.sort();
    let says = |file: &&std::path::PathBuf| fs::read_to_string(file).unwrap().contains(from);
    let file = files.iter().find(says).unwrap_or_else(|| panic!("the pack does not say {from}"));
    let text = fs::read_to_string(file).unwrap().replacen(from, to, 1);
    fs::write(file, text).unwrap();
}

/// Ends the service's process and starts another on the same data with this pack.
pub async fn restart(service: &mut TestService, edition: Edition) {
    let folder = edition.files();
    let mut settings = (*service.running.context.settings).clone();
    settings.policy_dir = Some(folder.path().to_owned());
    let over = Overrides { clock: Some(Arc::clone(&service.clock) as _), ids: None, manual: true };
    let next = frame::start(minqing_identification::service(), settings, over).await.unwrap();
    std::mem::replace(&mut service.running, next).stop().await.unwrap();
}
