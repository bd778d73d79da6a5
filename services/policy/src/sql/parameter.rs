//! Parameters as rows: every dated value in one list, picked per county and area for the business date, so that
//! one statement serves any date.

use std::collections::BTreeSet;

use super::{Ctes, object};
use crate::load::Contents;

/// Adds `parameter` (one row per place of the relation `place`, columns `p_<name>`).
pub(super) fn push(ctes: &mut Ctes, contents: &Contents, wanted: &BTreeSet<String>, as_of: &str) {
    let mut rows = Vec::new();
    let mut columns = Vec::new();
    for parameter in contents.parameters.iter().filter(|parameter| wanted.contains(&parameter.name)) {
        let name = &parameter.name;
        for entry in &parameter.values {
            let to = entry.to.map_or_else(|| "null".to_owned(), |to| format!("'{to}'"));
            rows.push(format!(
                "  ('{name}', '{}', '{}', '{}'::date, {to}::date, '{}')",
                entry.area.name(),
                entry.prefix(),
                entry.from,
                entry.value.replace('\'', "''"),
            ));
        }
        columns.push(format!(
            "(max(c.value) filter (where c.name = '{name}'))::{} as p_{name}",
            parameter.kind.sql_type()
        ));
    }
    let values = match rows.is_empty() {
        true => {
            "  select null::text, null::text, null::text, null::date, null::date, null::text where false".to_owned()
        }
        false => format!("values\n{}", rows.join(",\n")),
    };
    ctes.0.push(format!("parameter_value (name, area, prefix, from_on, to_on, value) as (\n{values}\n)"));
    ctes.push(
        "parameter_choice",
        &format!(
            "  select distinct on (pl.place, v.name) pl.place, v.name, v.value\n  from place pl\n  join parameter_value v on \
             starts_with(pl.county_code, v.prefix) and v.area in ('all', pl.area_kind)\n  where v.from_on <= {as_of} and \
             (v.to_on is null or v.to_on >= {as_of})\n  order by pl.place, v.name, length(v.prefix) desc, v.area <> 'all' desc, \
             v.from_on desc"
        ),
    );
    ctes.push(
        "parameter",
        &format!(
            "  select pl.place{}\n  from place pl\n  left join parameter_choice c on c.place = pl.place\n  group by pl.place",
            super::items(&columns)
        ),
    );
}

/// Adds `parameter_text` (per place, one jsonb column per rule with the values it used).
pub(super) fn push_texts(ctes: &mut Ctes, rules: &[(String, BTreeSet<String>)]) {
    let column = |(rule, names): &(String, BTreeSet<String>)| {
        let pairs: Vec<_> = names.iter().map(|name| (name.clone(), format!("x.p_{name}::text"))).collect();
        format!("{} as j_{}", object(&pairs), column_name(rule))
    };
    let columns: Vec<String> = rules.iter().map(column).collect();
    let body = format!("  select x.place{}\n  from parameter x", super::items(&columns));
    ctes.push("parameter_text", &body);
}

/// A rule's id as part of a column name: `DB-01` is `db_01`.
pub(crate) fn column_name(rule: &str) -> String {
    rule.to_lowercase().replace('-', "_")
}
