//! The truth on paper: what was planted where, and which rows are dirty. Written for the player's eyes only, in a
//! folder the mesh is not told of.

use std::{collections::BTreeMap, fs, io::Write as _, os::unix::fs::OpenOptionsExt as _, path::Path, sync::Arc};

use anyhow::Context as _;
use serde::Serialize;

use crate::{
    calendar,
    city::{City, Kind},
    dataset::{Bureau, Transport, iso},
    defect,
    oracle::Oracle,
    plan, table,
};

#[derive(Serialize)]
struct Truth {
    seed: u64,
    households: usize,
    persons: usize,
    digest: String,
    planted: Vec<Planted>,
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
    let truth = Truth {
        seed: city.settings.seed,
        households: city.households.len(),
        persons: city.persons(),
        digest: city.digest(),
        planted: planted.collect(),
    };
    secret(&folder.join("truth.json"), &serde_json::to_vec_pretty(&truth)?)
}

fn secret(path: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    let mut file = fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path)?;
    file.write_all(bytes)?;
    Ok(())
}

/// Writes every batch of the play as a file of its bureau, with the truth and the list of dirty rows beside them.
pub fn write_feeds(city: &Arc<City>, folder: &Path) -> anyhow::Result<()> {
    write(city, folder)?;
    let mut oracle = Oracle::new(Arc::clone(city));
    let mut dirty: BTreeMap<String, Vec<(i32, &'static str)>> = BTreeMap::new();
    for county in &city.counties {
        let (rows, defects) = defect::collection(city, county);
        let lines: Vec<String> = rows.iter().map(|r| format!("{},{}", r.household_no, r.division_code)).collect();
        let name = format!("civil_affairs/households__{county}.csv");
        place(folder, &name, format!("household_no,division_code\n{}\n", lines.join("\n")).as_bytes())?;
        dirty.insert(name, defects.iter().map(|(row, reason)| (*row, reason.as_str_name())).collect());
    }
    let mut day = calendar::start();
    while day <= city.settings.last_day() {
        for bureau in Bureau::ALL {
            for batch in plan::batches(city, &oracle, bureau, day) {
                let (name, bytes) = table::file(&batch)?;
                let name = match bureau.transport() {
                    Transport::Grpc => format!("{}/grpc/{name}", bureau.text()),
                    _ => format!("{}/{name}", bureau.text()),
                };
                place(folder, &name, &bytes)?;
                let defects = batch.defects();
                if !defects.is_empty() {
                    dirty.insert(name, defects.iter().map(|(row, reason)| (*row, reason.as_str_name())).collect());
                }
                oracle.deliver(&batch);
            }
        }
        oracle.scan(day);
        day = calendar::plus(day, 1);
    }
    secret(&folder.join("dirty.json"), &serde_json::to_vec_pretty(&dirty)?)?;
    let mut held: Vec<String> = oracle
        .all_held()
        .map(|(case, days)| {
            let no = &city.households[case.household as usize].no;
            let member = case.member.map_or_else(|| "-".to_owned(), |m| m.to_string());
            let span: Vec<String> = days.first().into_iter().chain(days.last()).map(|d| iso(*d)).collect();
            format!("{},{no},{member},{}", case.indicator, span.join(","))
        })
        .collect();
    held.sort();
    secret(
        &folder.join("cases.csv"),
        format!("indicator,household_no,member,first,last\n{}\n", held.join("\n")).as_bytes(),
    )
}

fn place(folder: &Path, name: &str, bytes: &[u8]) -> anyhow::Result<()> {
    let path = folder.join(name);
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent)?;
    }
    fs::write(&path, bytes).with_context(|| format!("cannot write {}", path.display()))
}
