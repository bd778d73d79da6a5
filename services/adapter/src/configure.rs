//! What a deployment says of its bureau beside what the bureau's crate knows: which datasets are taken, the headers
//! and local codes its offices write. Read once at start from `MINQING_BUREAU_FILE`; a fault stops the start and names
//! what is wrong.

use std::{collections::BTreeMap, path::Path};

use anyhow::Context as _;
use minqing_proto::contract::dataset_message;
use serde::Deserialize;

use crate::bureau::{Bureau, CodeTable};

/// Longest file: some thousand codes.
const MAX_BYTES: u64 = 1024 * 1024;

/// The file, YAML.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Configuration {
    /// Datasets that are taken; all of the bureau's when there are none here.
    datasets: Vec<String>,
    /// Header as the bureau writes it → field of the contract.
    headers: BTreeMap<String, String>,
    /// Code table → standard code → what the bureau writes for it.
    code_tables: BTreeMap<String, BTreeMap<String, Vec<String>>>,
}

impl Configuration {
    pub fn read(text: &str) -> anyhow::Result<Configuration> {
        Ok(serde_yaml_ng::from_str(text)?)
    }

    /// Says which name the bureau does not have, and what it has. Standard codes are the contract's: none can be added.
    pub fn fits(&self, bureau: &Bureau) -> anyhow::Result<()> {
        let title = bureau.title;
        for name in &self.datasets {
            let known = bureau.datasets.contains(&name.as_str());
            anyhow::ensure!(known, "datasets: {title} has no dataset {name}; it has {}", bureau.datasets.join(", "));
        }
        let messages: Vec<_> = bureau.datasets.iter().filter_map(|d| dataset_message(bureau.name, d)).collect();
        for (header, field) in &self.headers {
            let known = messages.iter().any(|message| message.get_field_by_name(field).is_some());
            anyhow::ensure!(known, "headers: {header} stands for {field}, a field that no dataset of {title} has");
        }
        for (name, codes) in &self.code_tables {
            let table = bureau.code_tables.iter().find(|table| table.name == name);
            let table = table.with_context(|| format!("code_tables: {title} has no code table {name}"))?;
            let known: Vec<_> = table.entries.iter().map(|(code, _)| *code).collect();
            for code in codes.keys() {
                let has = known.contains(&code.as_str());
                anyhow::ensure!(has, "code_tables: {name} has no standard code {code}; it has {}", known.join(", "));
            }
        }
        Ok(())
    }
}

impl Bureau {
    /// The bureau with what a deployment says of it. What the file adds lives as long as the process.
    pub fn configured(self, file: Option<&Path>) -> anyhow::Result<Bureau> {
        let Some(file) = file else { return Ok(self) };
        let fault = || format!("MINQING_BUREAU_FILE {}", file.display());
        let size = std::fs::metadata(file).with_context(fault)?.len();
        anyhow::ensure!(size <= MAX_BYTES, "{}: has {size} bytes; at most {MAX_BYTES} are read", fault());
        let text = std::fs::read_to_string(file).with_context(fault)?;
        let configuration = Configuration::read(&text).with_context(fault)?;
        configuration.fits(&self).with_context(fault)?;
        Ok(self.with(configuration))
    }

    /// With what fits.
    fn with(mut self, mut configuration: Configuration) -> Bureau {
        let asked = &configuration.datasets;
        if !asked.is_empty() {
            let taken = self.datasets.iter().copied().filter(|dataset| asked.iter().any(|name| name == dataset));
            self.datasets = leak(taken.collect());
        }
        let mut tables = self.code_tables.to_vec();
        for table in &mut tables {
            if let Some(codes) = configuration.code_tables.remove(table.name) {
                table.entries = leak(more_codes(*table, codes));
            }
        }
        self.code_tables = leak(tables);
        let mut headers = self.headers.to_vec();
        headers.extend(configuration.headers.into_iter().map(|(header, field)| (text(header), text(field))));
        self.headers = leak(headers);
        self
    }
}

/// A table's entries with a deployment's spellings.
fn more_codes(
    table: CodeTable,
    mut codes: BTreeMap<String, Vec<String>>,
) -> Vec<(&'static str, &'static [&'static str])> {
    let mut entries = table.entries.to_vec();
    for (standard, local) in &mut entries {
        if let Some(spellings) = codes.remove(*standard) {
            *local = leak(local.iter().copied().chain(spellings.into_iter().map(text)).collect());
        }
    }
    entries
}

fn text(owned: String) -> &'static str {
    Box::leak(owned.into_boxed_str())
}

fn leak<T>(all: Vec<T>) -> &'static [T] {
    Box::leak(all.into_boxed_slice())
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;
    use crate::row::schema::{Schema, code_key};

    fn bureau() -> Bureau {
        Bureau {
            name: "outside",
            title: "其他部门",
            acts_on_referrals: false,
            datasets: &["finance_payroll", "civil_marriage"],
            code_tables: &[CodeTable {
                name: "marriage_event",
                entries: &[("marriage", &["1"]), ("divorce", &["2"]), ("annulled", &["3"])],
            }],
            headers: &[],
            quirk: None,
            check: None,
        }
    }

    fn with(yaml: &str) -> anyhow::Result<Bureau> {
        let configuration = Configuration::read(yaml)?;
        configuration.fits(&bureau())?;
        Ok(bureau().with(configuration))
    }

    #[test]
    fn a_deployment_narrows_the_datasets_and_adds_headers_and_codes() {
        let bureau = with(
            "datasets: [civil_marriage]\nheaders: {登记证号: registration_no}\ncode_tables: {marriage_event: {divorce: [协议离婚]}}",
        )
        .unwrap();
        let schemas = Schema::all(bureau).unwrap();
        let [schema] = schemas.as_slice() else { panic!("{}", schemas.len()) };
        assert!(schema.header("登记证号").is_some());
        let kind = &schema.columns[schema.place("kind").unwrap()];
        assert_eq!(kind.codes.get(&code_key("协议离婚")).map(String::as_str), Some("divorce"));
        assert_eq!(kind.codes.get(&code_key("2")).map(String::as_str), Some("divorce"));
    }

    #[test]
    fn what_the_bureau_does_not_have_is_named_with_what_it_has() {
        for (yaml, told) in [
            ("datasets: [nothing]", "it has finance_payroll, civil_marriage"),
            ("headers: {登记证号: registration_nr}", "a field that no dataset of 其他部门 has"),
            ("code_tables: {nothing: {}}", "no code table nothing"),
            ("code_tables: {marriage_event: {widowed: [丧偶]}}", "it has marriage, divorce, annulled"),
            ("code_table: {}", "unknown field"),
        ] {
            let fault = format!("{:#}", with(yaml).err().unwrap());
            assert!(fault.contains(told), "{yaml}: {fault}");
        }
    }

    #[test]
    fn an_offices_certificate_sends_its_own_datasets_only() {
        let bureau = bureau();
        assert!(bureau.may_send("bureau/outside", "civil_marriage"));
        assert!(bureau.may_send("bureau/outside/civil", "civil_marriage"));
        assert!(!bureau.may_send("bureau/outside/civil", "finance_payroll"));
        assert!(!bureau.may_send("bureau/outside/ci", "civil_marriage"));
    }
}
