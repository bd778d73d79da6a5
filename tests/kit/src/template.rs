//! A server's folder as its installer leaves it. Installing takes seconds, a copy of what was installed a moment.

use std::{
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, ensure};

/// Fills `data` as `install` does. What it made is kept beside the test programs, by installer and account, and is copied
/// from then on; it goes with `cargo clean`.
pub(crate) fn installed(
    installer: &Path,
    data: &Path,
    install: impl FnOnce() -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let kept = kept(installer)?;
    if kept.is_dir() {
        return copy(&kept, data);
    }
    install()?;
    let part = kept.with_extension(std::process::id().to_string());
    copy(data, &part)?;
    // Another test may have been first; one is as good as the other.
    if std::fs::rename(&part, &kept).is_err() {
        std::fs::remove_dir_all(&part)?;
    }
    Ok(())
}

fn kept(installer: &Path) -> anyhow::Result<PathBuf> {
    let program = std::env::current_exe()?;
    let folder = program.parent().context("a test program has no folder")?.join("installed-servers");
    std::fs::create_dir_all(&folder)?;
    let account = std::fs::metadata("/proc/self")?.uid();
    let name = installer.display().to_string().replace(['/', '.'], "_");
    Ok(folder.join(format!("{name}_{account}")))
}

fn copy(from: &Path, to: &Path) -> anyhow::Result<()> {
    let output = Command::new("cp").arg("-a").arg(from).arg(to).output().context("cp cannot be started")?;
    ensure!(output.status.success(), "the server's folder was not copied: {}", String::from_utf8_lossy(&output.stderr));
    Ok(())
}
