//! Runs the policy pack's statement on one household's facts and puts the outcome into the contract's words: every
//! class and route with each condition, the facts and parameters behind it and the feeds that are missing.

use std::collections::{BTreeSet, HashMap};

use chrono::NaiveDate;
use minqing_kit::{Result, id::name};
use minqing_policy::{Area, FEW_SETTINGS, PLAIN_SETTINGS, Pack, ParameterUse};
use minqing_proto::minqing::{
    identification::v1::{Assessment, ClassAssessment},
    types::v1::{ConditionValue, FactValue, ParameterValue, Truth},
};
use serde_json::Value;
use sqlx::{AssertSqlSafe, PgConnection};
use uuid::Uuid;

use crate::domain::{
    code::{class_of, county_of},
    facts::{Fact, Facts, PersonFacts, plain, plain_persons},
};

/// What a household is assessed from.
#[derive(Clone, Debug)]
pub struct Input {
    pub household_id: Uuid,
    pub division_code: String,
    /// `urban`, `rural` or `unspecified`.
    pub area_kind: String,
    pub as_of: NaiveDate,
    pub facts: Facts,
    pub persons: Vec<PersonFacts>,
}

#[derive(sqlx::FromRow)]
struct RouteRow {
    class: String,
    route: String,
    person_key: Option<Uuid>,
    eligible: Option<bool>,
    amount_fen: Option<i64>,
    conditions: Value,
    facts: Value,
}

/// The assessment. Where not even urban or rural is known no standard applies, and it holds no class.
pub async fn assessment(conn: &mut PgConnection, pack: &Pack, input: &Input) -> Result<Assessment> {
    let area = match input.area_kind.as_str() {
        "urban" => Some(Area::Urban),
        "rural" => Some(Area::Rural),
        _ => None,
    };
    let classes = match area {
        Some(area) => {
            let mut rows = routes(conn, pack, input).await?;
            let place = |route: &str| pack.classes().iter().flat_map(|c| &c.routes).position(|r| r.id == route);
            rows.sort_by_cached_key(|row| (place(&row.route), row.person_key));
            let shown = Shown { pack, input, area };
            rows.iter().map(|row| shown.class(row)).collect()
        }
        None => Vec::new(),
    };
    Ok(Assessment {
        household: name("households", input.household_id),
        as_of: input.as_of.to_string(),
        pack: pack.version_tag().to_owned(),
        classes,
    })
}

/// The statement reads no table; it runs without any right all the same, as everything written in a pack does.
async fn routes(conn: &mut PgConnection, pack: &Pack, input: &Input) -> Result<Vec<RouteRow>> {
    sqlx::raw_sql(FEW_SETTINGS).execute(&mut *conn).await?;
    sqlx::query("set local role minqing_policy").execute(&mut *conn).await?;
    let rows = sqlx::query_as(AssertSqlSafe(pack.assessment_sql().to_owned()))
        .bind(plain(&input.facts))
        .bind(plain_persons(&input.persons))
        .bind(county_of(&input.division_code))
        .bind(&input.area_kind)
        .bind(input.as_of)
        .fetch_all(&mut *conn)
        .await?;
    sqlx::raw_sql(AssertSqlSafe(format!("reset role; {PLAIN_SETTINGS}"))).execute(conn).await?;
    Ok(rows)
}

struct Shown<'a> {
    pack: &'a Pack,
    input: &'a Input,
    area: Area,
}

impl Shown<'_> {
    fn class(&self, row: &RouteRow) -> ClassAssessment {
        let conditions = self.conditions(row);
        let facts = self.facts(row);
        let undecided = conditions.iter().any(|c| c.value() == Truth::Unknown);
        let missing = if undecided { self.missing(&facts) } else { Vec::new() };
        let county = county_of(&self.input.division_code);
        let parameters = self.pack.parameters_used(&row.route, &county, self.area, self.input.as_of);
        ClassAssessment {
            assistance_class: class_of(&row.class).into(),
            person_key: row.person_key.map(|key| key.to_string()).unwrap_or_default(),
            route: row.route.clone(),
            eligible: truth(row.eligible).into(),
            amount_fen: row.amount_fen.unwrap_or_default(),
            citation: self.pack.class_route(&row.route).map(|r| r.citation.clone()).unwrap_or_default(),
            conditions,
            facts,
            parameters: parameters.into_iter().map(parameter).collect(),
            missing,
        }
    }

    fn conditions(&self, row: &RouteRow) -> Vec<ConditionValue> {
        let route = self.pack.class_route(&row.route);
        let conditions = route.map(|r| r.conditions.as_slice()).unwrap_or_default();
        let value = |condition: &minqing_policy::Condition| ConditionValue {
            name: condition.name.clone(),
            title: condition.title.clone(),
            expression: condition.expr.clone(),
            value: truth(row.conditions.get(&condition.name).and_then(Value::as_bool)).into(),
        };
        conditions.iter().map(value).collect()
    }

    fn facts(&self, row: &RouteRow) -> Vec<FactValue> {
        let persons: HashMap<Uuid, &Facts> = self.input.persons.iter().map(|p| (p.person_key, &p.facts)).collect();
        let of_person = row.person_key.and_then(|key| persons.get(&key).copied());
        let given = |name: &str| of_person.and_then(|f| f.get(name)).or_else(|| self.input.facts.get(name));
        let used = row.facts.as_object().into_iter().flatten();
        used.map(|(name, value)| self.fact(name, value.as_str(), given(name))).collect()
    }

    fn fact(&self, name: &str, value: Option<&str>, given: Option<&Fact>) -> FactValue {
        let fact = self.pack.fact(name);
        FactValue {
            name: name.to_owned(),
            title: fact.map(|f| f.title.zh.clone()).unwrap_or_default(),
            value: value.unwrap_or_default().to_owned(),
            r#type: fact.map(|f| f.kind.name().to_owned()).unwrap_or_default(),
            source: self.pack.sources_of(name).join(", "),
            as_of: given.and_then(|f| f.as_of).map(|day| day.to_string()).unwrap_or_default(),
            known: value.is_some(),
        }
    }

    /// Sources of the facts that are not known.
    fn missing(&self, facts: &[FactValue]) -> Vec<String> {
        let unknown = facts.iter().filter(|f| !f.known);
        let sources: BTreeSet<&str> = unknown.flat_map(|f| self.pack.sources_of(&f.name)).collect();
        sources.into_iter().filter(|source| *source != "register").map(str::to_owned).collect()
    }
}

fn truth(value: Option<bool>) -> Truth {
    match value {
        Some(true) => Truth::True,
        Some(false) => Truth::False,
        None => Truth::Unknown,
    }
}

fn parameter(used: ParameterUse) -> ParameterValue {
    ParameterValue {
        name: used.name,
        value: used.value,
        effective_from: used.effective_from.to_string(),
        document: used.document,
        confidence: used.confidence.name().to_owned(),
    }
}
