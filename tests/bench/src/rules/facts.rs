//! The subset's facts as they come from their sources: in flat tables for those that begin with facts, and in memory for
//! the engines.

use std::collections::BTreeMap;

use anyhow::{Context as _, ensure};
use minqing_policy::{Fact, Kind, Level, Pack};
use serde::Serialize;
use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, Row as _};
use uuid::Uuid;

use super::{
    book::{Given, level_name},
    statement::Steps,
    subset,
    town::{Town, run},
    translate::{Name, days},
};

/// A value in an engine's memory. Money and dates are numbers.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Known {
    Truth(bool),
    Number(f64),
}

/// A household in memory, parameters of its place among its facts.
#[derive(Serialize)]
pub struct Household {
    pub facts: Vec<(String, Known)>,
    pub members: Vec<Vec<(String, Known)>>,
}

/// The flat tables, and what each given fact is.
pub struct Facts {
    pub given: Given,
    /// The first layer of facts over every household, without a parameter.
    first: Steps,
    places: Vec<String>,
}

const LEVELS: [(Level, &str); 2] = [(Level::Household, "household"), (Level::Person, "person")];

impl Facts {
    /// Fills `bench.household_fact` and `bench.person_fact`.
    pub async fn gather(town: &Town, pack: &Pack) -> anyhow::Result<Facts> {
        let every = pack.every_fact();
        let sql = every.sql();
        let wanted = "unnest($1::uuid[]) as wanted (household_id)";
        ensure!(sql.contains(wanted), "the pack's statement no longer begins with `{wanted}`");
        let sql = sql
            .replace(wanted, "monitoring.household as wanted")
            .replace("$2::date", &format!("'{}'::date", town.today));
        let first = Steps::of(&sql)?;
        let places =
            pack.head().counties.iter().flat_map(|c| ["rural", "urban"].map(|area| format!("{}/{area}", c.code)));
        let mut facts = Facts { given: Given::new(), first, places: places.collect() };
        let mut connection = town.connect().await?;
        for (level, name) in LEVELS {
            let select = format!("select * from {name}_0");
            let made = format!(
                "drop table if exists bench.{name}_fact; create table bench.{name}_fact as {}",
                facts.first.with_select(&select)
            );
            run(&mut connection, &format!("set jit = off; {made}; analyze bench.{name}_fact")).await?;
            let leaves: Vec<&Fact> = subset::leaves(pack).filter(|fact| fact.level == level).collect();
            let counts: Vec<String> = leaves.iter().map(|fact| format!("count(f_{})", fact.name)).collect();
            let sql = format!("select array[{}]::bigint[], count(*) from bench.{name}_fact", counts.join(", "));
            let (known, rows): (Vec<i64>, i64) = sqlx::query_as(AssertSqlSafe(sql)).fetch_one(&mut connection).await?;
            for (fact, known) in leaves.iter().zip(known) {
                let what = match known {
                    0 => Name::Never { boolean: fact.kind == Kind::Boolean },
                    all if all == rows => Name::Always,
                    _ => Name::Sometimes,
                };
                facts.given.insert(fact.name.clone(), what);
            }
        }
        Ok(facts)
    }

    /// Columns of a level as another program reads them: name, type, SQL.
    fn columns(&self, pack: &Pack, level: Level) -> Vec<(String, &'static str, String)> {
        let mut columns = vec![("household_id".to_owned(), "uuid", "b.household_id".to_owned())];
        if level == Level::Person {
            columns.push(("person_key".to_owned(), "uuid", "b.person_key".to_owned()));
        } else {
            let places: Vec<String> = self.places.iter().map(|place| format!("'{place}'")).collect();
            let number = format!("(array_position(array[{}], b.place) - 1)::bigint", places.join(", "));
            columns.push(("place".to_owned(), "bigint", number));
        }
        for fact in subset::leaves(pack).filter(|fact| fact.level == level) {
            let column = format!("b.f_{}", fact.name);
            let (kind, value, nothing) = match fact.kind {
                Kind::Boolean => ("boolean", column.clone(), "false"),
                Kind::Date => ("bigint", format!("({column} - date '2000-01-01')::bigint"), "0"),
                _ => ("bigint", column.clone(), "0"),
            };
            match self.given.get(&fact.name) {
                Some(Name::Always) => columns.push((fact.name.clone(), kind, value)),
                Some(Name::Sometimes) => {
                    columns.push((fact.name.clone(), kind, format!("coalesce({value}, {nothing})")));
                    columns.push((format!("{}__known", fact.name), "boolean", format!("{column} is not null")));
                }
                _ => {}
            }
        }
        columns
    }

    /// What the Python side needs to load them, from the records or from the flat tables.
    pub fn json(&self, pack: &Pack) -> Value {
        let mut columns = serde_json::Map::new();
        let (mut records, mut flat) = (serde_json::Map::new(), serde_json::Map::new());
        for (level, name) in LEVELS {
            let list = self.columns(pack, level);
            let sql: Vec<&str> = list.iter().map(|(_, _, sql)| sql.as_str()).collect();
            let select = |from: &str| format!("select {} from {from} b", sql.join(", "));
            columns.insert(name.to_owned(), list.iter().map(|(name, kind, _)| json!([name, kind])).collect());
            records.insert(name.to_owned(), json!(self.first.with_select(&select(&format!("{name}_0")))));
            flat.insert(name.to_owned(), json!(select(&format!("bench.{name}_fact"))));
        }
        let leaves = subset::leaves(pack).filter_map(|fact| {
            let known = match self.given.get(&fact.name)? {
                Name::Sometimes => "sometimes",
                Name::Always => "always",
                _ => return None,
            };
            Some(json!({"name": fact.name, "level": level_name(fact.level), "kind": fact.kind.name(), "known": known}))
        });
        json!({"columns": columns, "tables": {"records": records, "facts": flat}, "leaves": leaves.collect::<Vec<_>>()})
    }

    pub fn places(&self) -> &[String] {
        &self.places
    }

    /// The first households by id, in memory.
    pub async fn held(&self, town: &Town, pack: &Pack, ids: &[Uuid]) -> anyhow::Result<Vec<Household>> {
        let mut connection = town.connect().await?;
        let parameters = parameters(pack, &self.places, town.today.parse()?)?;
        let mut households = Vec::new();
        let mut places = BTreeMap::new();
        for (level, name) in LEVELS {
            let columns = self.columns(pack, level);
            let list: Vec<String> = columns.iter().map(|(name, _, sql)| format!("{sql} as \"{name}\"")).collect();
            let sql = format!("select {} from bench.{name}_fact b where b.household_id = any($1)", list.join(", "));
            for row in sqlx::query(AssertSqlSafe(sql)).bind(ids).fetch_all(&mut connection).await? {
                let mut facts = Vec::new();
                for (name, kind, _) in columns.iter().filter(|(_, kind, _)| *kind != "uuid") {
                    let value = if *kind == "boolean" {
                        Known::Truth(row.try_get(name.as_str())?)
                    } else {
                        #[expect(clippy::cast_precision_loss, reason = "fen and days are far below 2^53")]
                        Known::Number(row.try_get::<i64, _>(name.as_str())? as f64)
                    };
                    facts.push((name.clone(), value));
                }
                let id: Uuid = row.try_get("household_id")?;
                if level == Level::Household {
                    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a place's number")]
                    let place = row.try_get::<i64, _>("place")? as usize;
                    facts.extend(parameters[place].clone());
                    places.insert(id, households.len());
                    households.push(Household { facts, members: Vec::new() });
                } else {
                    let place = places.get(&id).context("a member without a household")?;
                    households[*place].members.push(facts);
                }
            }
        }
        Ok(households)
    }
}

/// Each parameter's values by place; whole ones stay whole.
pub fn parameters_json(pack: &Pack, places: &[String], today: chrono::NaiveDate) -> anyhow::Result<Value> {
    let mut all: BTreeMap<String, Vec<Value>> = BTreeMap::new();
    for (name, value) in parameters(pack, places, today)?.into_iter().flatten() {
        #[expect(clippy::cast_possible_truncation, reason = "a whole number far below 2^53")]
        let value = match value {
            Known::Number(number) if number.fract() == 0.0 => json!(number as i64),
            other => json!(other),
        };
        all.entry(name).or_default().push(value);
    }
    Ok(json!(all))
}

/// Value of each parameter at each place, as numbers.
fn parameters(pack: &Pack, places: &[String], today: chrono::NaiveDate) -> anyhow::Result<Vec<Vec<(String, Known)>>> {
    let mut all = Vec::new();
    for place in places {
        let (county, area) = place.split_once('/').context("a place is a county and an area")?;
        let area = if area == "urban" { minqing_policy::Area::Urban } else { minqing_policy::Area::Rural };
        let mut values = Vec::new();
        for parameter in pack.parameters() {
            let Some(found) = pack.parameter_at(&parameter.name, county, area, today) else { continue };
            let value = match parameter.kind {
                Kind::Boolean => Known::Truth(found.value == "true"),
                #[expect(clippy::cast_precision_loss, reason = "days are far below 2^53")]
                Kind::Date => Known::Number(days(found.value.parse()?) as f64),
                Kind::Text => continue,
                _ => Known::Number(found.value.parse()?),
            };
            values.push((parameter.name.clone(), value));
        }
        all.push(values);
    }
    Ok(all)
}
