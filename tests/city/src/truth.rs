//! The truth on paper: what was planted where. Written for the player's eyes only, in a folder the mesh is not told of.

use std::{
    fs::{self, File},
    io::{BufWriter, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::Path,
};

use anyhow::Context as _;
use serde::Serialize;

use crate::{
    city::{City, Kind},
    dataset::iso,
};

#[derive(Serialize)]
struct Truth {
    seed: u64,
    households: usize,
    persons: usize,
    digest: String,
    planted: Vec<Planted>,
    /// Of the planted what only a wrong record makes true.
    mistakes: Vec<Mistaken>,
}

#[derive(Serialize)]
struct Mistaken {
    indicator: &'static str,
    household_no: String,
    /// Day on which something new is told.
    news: Option<String>,
}

#[derive(Serialize)]
struct Planted {
    indicator: &'static str,
    kind: Kind,
    household_no: String,
    member: Option<u8>,
}

/// Writes `truth.json`, readable by its owner only.
pub fn write(city: &City, folder: &Path) -> anyhow::Result<()> {
    fs::create_dir_all(folder).with_context(|| format!("cannot create {}", folder.display()))?;
    let planted = city.plants.iter().map(|p| Planted {
        indicator: p.indicator.text(),
        kind: p.kind,
        household_no: city.households[p.household as usize].no.clone(),
        member: p.member,
    });
    let mistakes = city.mistakes.iter().map(|m| Mistaken {
        indicator: m.indicator.text(),
        household_no: city.households[m.household as usize].no.clone(),
        news: m.news.map(iso),
    });
    let truth = Truth {
        seed: city.settings.seed,
        households: city.households.len(),
        persons: city.persons(),
        digest: city.digest()?,
        planted: planted.collect(),
        mistakes: mistakes.collect(),
    };
    let mut out = secret(&folder.join("truth.json"))?;
    serde_json::to_writer_pretty(&mut out, &truth)?;
    Ok(out.flush()?)
}

/// A new file that only its owner can read.
pub(crate) fn secret(path: &Path) -> anyhow::Result<BufWriter<File>> {
    let file = fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path);
    Ok(BufWriter::new(file.with_context(|| format!("cannot write {}", path.display()))?))
}
