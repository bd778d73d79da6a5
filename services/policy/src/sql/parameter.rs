//! Parameters as rows: every dated value in one list, picked per county and area for the business date, so that
//! one statement serves any date.

use std::collections::BTreeSet;

use super::{Ctes, object};
use crate::load::Contents;

/// Adds `parameter` (one row per county and area of the relation `place`, columns `p_<name>`).
pub(super) fn push(ctes: &mut Ctes, contents: &Contents, wanted: &BTreeSet<String>, as_of: &str) {
    let mut rows = Vec::new();
    let mut columns = Vec::new();
    for parameter in contents.parameters.iter().filter(|parameter| wanted.contains(&parameter.name)) {
        let name = &parameter.name;
        for entry in &parameter.values {
            let to = entry.to.map_or_else(|| "null".to_owned(), |to| format!("'{to}'"));
            rows.push(format!(
                "    ('{name}', '{}', '{}', '{}'::date, {to}::date, '{}')",
                entry.area.name(),
                entry.prefix(),
                entry.from,
                entry.value.replace('\'', "''"),
            ));
        }
        columns.push(format!(
            "(select v.value from parameter_value v where v.name = '{name}' and v.from_on <= {as_of} and (v.to_on is null \
             or v.to_on >= {as_of}) and v.area in ('all', pl.area_kind) and starts_with(pl.county_code, v.prefix) order by \
             length(v.prefix) desc, v.area <> 'all' desc, v.from_on desc limit 1)::{} as p_{name}",
            parameter.kind.sql_type(),
        ));
    }
    if !rows.is_empty() {
        let list = rows.join(",\n");
        ctes.0.push(format!("parameter_value (name, area, prefix, from_on, to_on, value) as materialized (values\n{list}\n)"));
    }
    ctes.push("parameter", &format!("  select pl.county_code, pl.area_kind{}\n  from place pl", super::items(&columns)));
}

/// Adds `parameter_text` (per county and area, one jsonb column per rule with the values it used).
pub(super) fn push_texts(ctes: &mut Ctes, rules: &[(String, BTreeSet<String>)]) {
    let column = |(rule, names): &(String, BTreeSet<String>)| {
        let pairs: Vec<_> = names.iter().map(|name| (name.clone(), format!("x.p_{name}::text"))).collect();
        format!("{} as j_{}", object(&pairs), column_name(rule))
    };
    let columns: Vec<String> = rules.iter().map(column).collect();
    let body = format!("  select x.county_code, x.area_kind{}\n  from parameter x", super::items(&columns));
    ctes.push("parameter_text", &body);
}

/// A rule's id as part of a column name: `DB-01` is `db_01`.
pub(super) fn column_name(rule: &str) -> String {
    rule.to_lowercase().replace('-', "_")
}
