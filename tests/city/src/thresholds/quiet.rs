//! For how long a check that found an indicator not true keeps it quiet, from the pack's own files.

use std::{collections::BTreeMap, path::Path};

use anyhow::Context as _;
use serde::Deserialize;

#[derive(Deserialize)]
struct IndicatorFile {
    indicators: Vec<Entry>,
}

#[derive(Deserialize)]
struct Entry {
    id: String,
    #[serde(default)]
    suppress_days: u64,
}

/// Days by indicator, out of every file of the folder.
pub(super) fn days(folder: &Path) -> anyhow::Result<BTreeMap<String, u64>> {
    let entries = std::fs::read_dir(folder).with_context(|| format!("cannot read {}", folder.display()))?;
    let mut days = BTreeMap::new();
    for entry in entries {
        let path = entry?.path();
        let text = std::fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
        let file: IndicatorFile =
            serde_yaml_ng::from_str(&text).with_context(|| format!("{} is no file of indicators", path.display()))?;
        days.extend(file.indicators.into_iter().map(|one| (one.id, one.suppress_days)));
    }
    Ok(days)
}
