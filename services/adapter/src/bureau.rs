//! What one bureau's adapter says of itself: its datasets, its local codes, its headers and its quirks. Plain data;
//! everything else is the SDK's.

use crate::row::{RawRow, Standard};

/// A bureau as its adapter knows it.
#[derive(Clone, Copy)]
pub struct Bureau {
    /// As in the package name and the certificate: `education`, `medical_insurance`.
    pub name: &'static str,
    /// Chinese title, for texts.
    pub title: &'static str,
    /// Whether it acts on referrals and so is told who is in which class. One that does not only gives data; what it
    /// needs to know of a person is asked of it with that person's authorisation.
    pub acts_on_referrals: bool,
    /// Datasets it gives, by their names in the contract.
    pub datasets: &'static [&'static str],
    /// Code tables of these datasets: the bureau's local codes with the standard ones.
    pub code_tables: &'static [CodeTable],
    /// Headers the bureau really writes, beside those of the contract: (header, field).
    pub headers: &'static [(&'static str, &'static str)],
    /// Mends a row before it is checked; it sees the texts as they came, blanks trimmed.
    pub quirk: Option<fn(&mut RawRow<'_>)>,
    /// Finds two values of a row that contradict each other, after every column passed: the field at fault.
    pub check: Option<fn(&Standard<'_>) -> Option<&'static str>>,
}

/// Local codes of one code table. The standard codes themselves are always understood.
#[derive(Clone, Copy, Debug)]
pub struct CodeTable {
    /// Its name in the contract's `code_table` option.
    pub name: &'static str,
    /// (standard, local): each standard code with the labels and numbers the bureau writes for it.
    pub entries: &'static [(&'static str, &'static [&'static str])],
}

impl Bureau {
    /// Process name: `adapter-education`.
    pub fn service_name(&self) -> String {
        format!("adapter-{}", self.name)
    }

    /// Path of its certificate: `adapter/education`.
    pub fn identity(&self) -> String {
        format!("adapter/{}", self.name)
    }

    /// Database schema: `adapter_education`.
    pub fn schema(&self) -> String {
        format!("adapter_{}", self.name)
    }

    /// Whether a caller may send a dataset. A certificate below the bureau's own, `bureau/outside/police`, is one
    /// office's and sends what begins with its name.
    pub fn may_send(&self, caller: &str, dataset: &str) -> bool {
        let office = caller.strip_prefix("bureau/").and_then(|rest| rest.strip_prefix(self.name));
        match office.and_then(|rest| rest.strip_prefix('/')) {
            Some(office) => dataset.strip_prefix(office).is_some_and(|rest| rest.starts_with('_')),
            None => true,
        }
    }

    /// Whether a caller is one office of the bureau: a certificate below the bureau's own, `bureau/outside/police`.
    pub fn is_office(&self, caller: &str) -> bool {
        caller.starts_with(&format!("bureau/{}/", self.name))
    }

    /// The bureau in the contracts' enum; `None` when the contracts do not know it.
    pub fn number(&self) -> Option<minqing_proto::minqing::types::v1::Bureau> {
        let text = format!("BUREAU_{}", self.name.to_ascii_uppercase());
        minqing_proto::minqing::types::v1::Bureau::from_str_name(&text)
    }
}

/// The end of the first span (from, to) of a row that ends before it begins; for [`Bureau::check`].
pub fn ends_before_it_begins(row: &Standard<'_>, spans: &[(&str, &'static str)]) -> Option<&'static str> {
    let backwards = |(from, to): &&(&str, &'static str)| {
        let (from, to) = (row.get(from), row.get(to));
        !from.is_empty() && !to.is_empty() && to < from
    };
    spans.iter().find(backwards).map(|(_, to)| *to)
}

/// Months that the contract writes as 202610 and exports also as 2026-10 or 2026年10月; for [`Bureau::quirk`].
pub fn month_as_number(row: &mut RawRow<'_>, fields: &[&str]) {
    for field in fields {
        row.edit(field, |text| text.chars().filter(|c| !matches!(c, '-' | '/' | '.' | '年' | '月')).collect());
    }
}

/// The first of these fields whose last two digits are no month; for [`Bureau::check`].
pub fn is_no_month(row: &Standard<'_>, fields: &[&'static str]) -> Option<&'static str> {
    fields.iter().find(|f| !row.get(f).is_empty() && !(1..=12).contains(&(row.whole(f) % 100))).copied()
}
