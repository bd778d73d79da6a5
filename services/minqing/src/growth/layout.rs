//! By what each table is split over many machines: `deploy/growth/distribution.yaml`, with the schemas it is about.

use std::collections::BTreeMap;

use anyhow::Context as _;
use minqing_policy::catalogue;
use serde::{Deserialize, Serialize};

use crate::services;

const LISTED: &str = include_str!("../../../../deploy/growth/distribution.yaml");

/// Constraints that a split would break, with what each guards.
type Held = BTreeMap<String, String>;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Listed {
    kit: Tables,
    records: Records,
    registry: Tables,
    identification: Tables,
    monitoring: Tables,
    dispatch: Tables,
    feedback: Tables,
    adapter: Tables,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Tables {
    split: BTreeMap<String, BTreeMap<String, String>>,
    reference: Vec<String>,
    local: BTreeMap<String, String>,
    held: BTreeMap<String, Held>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Records {
    group: String,
    column: String,
    held: BTreeMap<String, Held>,
}

/// One table of one schema.
#[derive(Clone, Debug, Serialize)]
pub struct Table {
    pub schema: String,
    pub table: String,
    #[serde(flatten)]
    pub way: Way,
}

/// Where its rows lie.
#[derive(Clone, Debug, Serialize)]
#[serde(tag = "way", rename_all = "snake_case")]
pub enum Way {
    /// By a column's hash, beside the other tables of the group; whole for now where constraints hold it.
    Split { group: String, column: String, held: Held },
    /// A copy on every machine.
    Reference,
    /// Whole on one machine.
    Local { because: String },
}

/// Every table of every service, by schema.
pub fn tables() -> anyhow::Result<Vec<Table>> {
    let listed: Listed = serde_yaml_ng::from_str(LISTED).context("deploy/growth/distribution.yaml cannot be read")?;
    let mut all = Vec::new();
    for service in services::names() {
        let schema = services::schema(&service);
        let own = match schema.as_str() {
            "registry" => &listed.registry,
            "identification" => &listed.identification,
            "monitoring" => &listed.monitoring,
            "dispatch" => &listed.dispatch,
            "feedback" => &listed.feedback,
            _ => &listed.adapter,
        };
        for tables in [&listed.kit, own] {
            all.extend(tables.of(&schema));
        }
        if schema == "monitoring" {
            all.extend(listed.records.of(&schema));
        }
    }
    Ok(all)
}

impl Tables {
    fn of<'a>(&'a self, schema: &'a str) -> impl Iterator<Item = Table> + 'a {
        let table = |table: &str, way: Way| Table { schema: schema.to_owned(), table: table.to_owned(), way };
        let reference = self.reference.iter().map(move |name| table(name, Way::Reference));
        let split = self.split.iter().flat_map(move |(group, members)| {
            members.iter().map(move |(name, column)| {
                let held = self.held.get(name).cloned().unwrap_or_default();
                table(name, Way::Split { group: group.clone(), column: column.clone(), held })
            })
        });
        let local = self.local.iter().map(move |(name, why)| table(name, Way::Local { because: why.clone() }));
        reference.chain(split).chain(local)
    }
}

impl Records {
    fn of<'a>(&'a self, schema: &'a str) -> impl Iterator<Item = Table> + 'a {
        catalogue::record_sets().iter().map(move |set| {
            let held = self.held.get(&set.table).cloned().unwrap_or_default();
            let split = Way::Split { group: self.group.clone(), column: self.column.clone(), held };
            let way = if set.division.is_some() { Way::Reference } else { split };
            Table { schema: schema.to_owned(), table: set.table.clone(), way }
        })
    }
}
