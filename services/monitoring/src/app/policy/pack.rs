//! A pack as its files becomes one that can be asked: written to a private folder, read by the loader, removed.

use std::{collections::BTreeMap, fs, path::Path};

use minqing_kit::{Error, Result};
use minqing_policy::{Pack, PackErrors};
use minqing_proto::minqing::monitoring::v1::PackFiles;

use super::Policies;
use crate::domain::{effect::FieldRules, policy, refusal::Refusal};

/// Faults told with a refusal.
const FAULTS: usize = 20;

impl Policies {
    /// The pack of the files, or its faults; no files stand for the pack in use.
    pub async fn read(&self, files: Option<PackFiles>) -> Result<std::result::Result<Pack, PackErrors>> {
        match files.filter(|files| !files.files.is_empty()) {
            Some(files) => self.load(files).await,
            None => Ok(Ok(self.monitoring.rules.pack.clone())),
        }
    }

    /// The pack of the files, which has to be sound; no files stand for the pack in use.
    pub async fn sound(&self, files: Option<PackFiles>) -> Result<Pack> {
        self.read(files).await?.map_err(|errors| unsound(&errors).into())
    }

    async fn load(&self, files: PackFiles) -> Result<std::result::Result<Pack, PackErrors>> {
        policy::files(files.files.iter().map(|file| (file.path.as_str(), file.text.as_str())))?;
        let _place = self.loads.acquire().await.map_err(Error::bug)?;
        tokio::task::spawn_blocking(move || load(&files)).await.map_err(Error::bug)?.map_err(Error::bug)
    }

    /// The pack of an archive, or its faults.
    pub async fn unpack(&self, archive: Vec<u8>) -> Result<std::result::Result<Pack, PackErrors>> {
        let _place = self.loads.acquire().await.map_err(Error::bug)?;
        tokio::task::spawn_blocking(move || Pack::from_archive(&archive)).await.map_err(Error::bug)
    }
}

fn load(files: &PackFiles) -> std::io::Result<std::result::Result<Pack, PackErrors>> {
    let folder = tempfile::tempdir()?;
    for file in &files.files {
        let path = folder.path().join(&file.path);
        path.parent().map_or(Ok(()), fs::create_dir_all)?;
        fs::write(path, &file.text)?;
    }
    Ok(Pack::load(folder.path() as &Path))
}

/// The refusal of a pack with faults.
pub fn unsound(errors: &PackErrors) -> Refusal {
    let place = |error: &minqing_policy::PackError| match error.line {
        Some(line) => format!("{}:{line}", error.file),
        None => error.file.clone(),
    };
    let told = |error: &minqing_policy::PackError| {
        let rule = if error.rule.is_empty() { String::new() } else { format!("{}: ", error.rule) };
        (place(error), format!("{rule}{}", error.problem))
    };
    Refusal::Unsound { count: errors.0.len(), faults: errors.0.iter().take(FAULTS).map(told).collect() }
}

/// How a pack counts field work on a day.
pub fn field_rules(pack: &Pack, as_of: chrono::NaiveDate) -> FieldRules {
    let checked = pack.routes().iter().filter(|route| route.field_check).map(|route| route.indicator.clone());
    let hours = |county: &str| pack.field_check_hours(county, as_of);
    let counties = pack.head().counties.iter();
    let by_county: BTreeMap<String, i64> = counties.map(|county| (county.code.clone(), hours(&county.code))).collect();
    FieldRules { checked: checked.collect(), hours: by_county, hours_elsewhere: hours("") }
}
