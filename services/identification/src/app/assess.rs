//! Assessment of a household: the pack's statement on the stored facts, and the answer with everything that explains it.

use chrono::NaiveDate;
use minqing_kit::{Error, Result, db::POLICY_ROLE};
use minqing_policy::{Area, ClassRoute, Pack, SESSION_SETTINGS, assistance_class};
use minqing_proto::minqing::{
    identification::v1::{Assessment, ClassAssessment},
    types::v1::{ConditionValue, FactValue, ParameterValue, Truth},
};
use serde_json::{Map, Value, json};
use sqlx::{AssertSqlSafe, PgConnection};
use uuid::Uuid;

use crate::store::household::FactsRow;

/// Assesses by one pack.
pub struct Assessor {
    pack: Pack,
    /// The pack's settings and role, set for the transaction before its statement runs.
    enter: String,
}

#[derive(sqlx::FromRow)]
struct Outcome {
    route: String,
    class: String,
    person_key: Option<Uuid>,
    eligible: Option<bool>,
    amount_fen: Option<i64>,
    conditions: Value,
    facts: Value,
}

impl Assessor {
    /// An assessor by a pack.
    pub fn new(pack: Pack) -> Assessor {
        Assessor { pack, enter: format!("{SESSION_SETTINGS}; set local role {POLICY_ROLE}") }
    }

    /// Assesses a household on its facts. The statement reads no table, and runs under the role that could read none
    /// of ours.
    pub async fn assess(&self, connection: &mut PgConnection, row: &FactsRow, on: NaiveDate) -> Result<Assessment> {
        let county = format!("{}000000", row.division_code.get(..6).unwrap_or_default());
        let members: Vec<Value> = people(&row.persons)
            .map(|(key, facts)| json!({ "person_key": key, "facts": values(facts) }))
            .collect();
        sqlx::raw_sql(AssertSqlSafe(self.enter.clone())).execute(&mut *connection).await?;
        let outcomes: Vec<Outcome> = sqlx::query_as(AssertSqlSafe(format!(
            "select class, route, person_key, eligible, amount_fen, conditions, facts from ({}) as assessed \
             order by class, route, person_key nulls first",
            self.pack.assessment_sql()
        )))
        .bind(values(&row.facts))
        .bind(Value::Array(members))
        .bind(&county)
        .bind(&row.area_kind)
        .bind(on)
        .fetch_all(&mut *connection)
        .await?;
        sqlx::raw_sql("reset role").execute(connection).await?;
        let area = if row.area_kind == "urban" { Area::Urban } else { Area::Rural };
        let classes = outcomes.iter().map(|o| self.explain(row, o, (&county, area, on))).collect::<Result<_>>()?;
        Ok(Assessment {
            household: minqing_kit::id::name("households", row.household_id),
            as_of: on.to_string(),
            pack: self.pack.version_tag().to_owned(),
            classes,
        })
    }

    /// An assessment of a household without facts: every class unknown, and why.
    pub fn unknown(&self, household: Uuid, on: NaiveDate) -> Assessment {
        let classes = self.pack.classes().iter().flat_map(|class| class.routes.iter().map(move |route| (class, route)));
        let classes = classes
            .map(|(class, route)| ClassAssessment {
                assistance_class: assistance_class(&class.assistance_class).map_or(0, |c| c as i32),
                route: route.id.clone(),
                eligible: Truth::Unknown as i32,
                citation: route.citation.clone(),
                missing: vec!["monitoring has no facts of the household yet 监测尚无该户数据".to_owned()],
                ..ClassAssessment::default()
            })
            .collect();
        Assessment {
            household: minqing_kit::id::name("households", household),
            as_of: on.to_string(),
            pack: self.pack.version_tag().to_owned(),
            classes,
        }
    }

    fn explain(
        &self,
        row: &FactsRow,
        outcome: &Outcome,
        (county, area, on): (&str, Area, NaiveDate),
    ) -> Result<ClassAssessment> {
        let route = self.pack.class_route(&outcome.route).ok_or_else(|| broken("route"))?;
        let class = assistance_class(&outcome.class).ok_or_else(|| broken("class"))?;
        let facts = self.facts(row, outcome);
        let mut missing: Vec<String> = facts
            .iter()
            .filter(|fact| !fact.known)
            .flat_map(|fact| self.pack.sources_of(&fact.name).into_iter().map(str::to_owned))
            .collect();
        missing.sort();
        missing.dedup();
        let parameters = self.pack.parameters_used(&route.id, county, area, on);
        Ok(ClassAssessment {
            assistance_class: class as i32,
            person_key: outcome.person_key.map_or_else(String::new, |key| key.to_string()),
            route: route.id.clone(),
            eligible: truth(outcome.eligible) as i32,
            amount_fen: outcome.amount_fen.unwrap_or(0),
            citation: route.citation.clone(),
            conditions: conditions(route, &outcome.conditions),
            facts,
            parameters: parameters
                .into_iter()
                .map(|used| ParameterValue {
                    name: used.name,
                    value: used.value,
                    effective_from: used.effective_from.to_string(),
                    document: match used.article {
                        Some(article) => format!("{} {article}", used.document),
                        None => used.document,
                    },
                    confidence: used.confidence.name().to_owned(),
                })
                .collect(),
            missing,
        })
    }

    fn facts(&self, row: &FactsRow, outcome: &Outcome) -> Vec<FactValue> {
        let empty = Map::new();
        let used = outcome.facts.as_object().unwrap_or(&empty);
        let member = outcome.person_key.map(|key| key.to_string());
        let own = member.and_then(|key| people(&row.persons).find(|(other, _)| *other == key)).map(|(_, facts)| facts);
        used.iter()
            .map(|(name, value)| {
                let kept = own.and_then(|facts| facts.get(name)).or_else(|| row.facts.get(name));
                let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
                let fact = self.pack.fact(name);
                FactValue {
                    name: name.clone(),
                    title: fact.map_or_else(String::new, |f| f.title.zh.clone()),
                    value: if value.is_null() { String::new() } else { text },
                    r#type: fact.map_or_else(String::new, |f| f.kind.name().to_owned()),
                    source: self.pack.sources_of(name).join(" "),
                    as_of: kept.and_then(|k| k["as_of"].as_str()).unwrap_or_default().to_owned(),
                    known: !value.is_null(),
                }
            })
            .collect()
    }
}

fn people(persons: &Value) -> impl Iterator<Item = (&str, &Value)> {
    let all = persons.as_array().map(Vec::as_slice).unwrap_or_default();
    all.iter().filter_map(|person| Some((person["person_key"].as_str()?, &person["facts"])))
}

/// `{name: {value, as_of}}` → `{name: value}`.
fn values(facts: &Value) -> Value {
    let empty = Map::new();
    let facts = facts.as_object().unwrap_or(&empty);
    Value::Object(facts.iter().map(|(name, fact)| (name.clone(), fact["value"].clone())).collect())
}

fn conditions(route: &ClassRoute, outcome: &Value) -> Vec<ConditionValue> {
    route
        .conditions
        .iter()
        .map(|condition| ConditionValue {
            name: condition.name.clone(),
            title: condition.title.clone(),
            expression: condition.expr.clone(),
            value: truth(outcome[&condition.name].as_bool()) as i32,
        })
        .collect()
}

fn truth(value: Option<bool>) -> Truth {
    match value {
        Some(true) => Truth::True,
        Some(false) => Truth::False,
        None => Truth::Unknown,
    }
}

fn broken(what: &'static str) -> Error {
    Error::bug(anyhow::anyhow!("the pack's statement answers a {what} the pack does not have"))
}
