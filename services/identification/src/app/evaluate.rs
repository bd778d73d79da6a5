//! Runs the policy pack's statement on one household's facts and puts the outcome into the contract's words: every
//! class and route with each condition, the facts and parameters behind it and the feeds that are missing.

use std::collections::HashMap;

use chrono::NaiveDate;
use minqing_kit::{Result, id::name};
use minqing_policy::{Area, FEW_SETTINGS, Known, PLAIN_SETTINGS, Pack, Reference, Rule, explain};
use minqing_proto::minqing::{
    identification::v1::{Assessment, ClassAssessment, Explanation, ProgrammeAssessment},
    types::v1::{ConditionValue, FactValue, MissingSource, ParameterValue, Truth},
};
use serde_json::Value;
use sqlx::{AssertSqlSafe, PgConnection};
use uuid::Uuid;

use crate::domain::{
    code::{class_of, county_of},
    facts::{Fact, Facts, PersonFacts, plain, plain_persons},
};

/// How much of the pack is assessed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extent {
    /// Ways into classes, without looking for what would turn them: many cases are assessed in one go.
    Case,
    /// Ways into classes.
    Classes,
    /// Ways out and programmes as well.
    Everything,
}

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
    kind: String,
    class: String,
    route: String,
    person_key: Option<Uuid>,
    eligible: Option<bool>,
    amount_fen: Option<i64>,
    conditions: Value,
    facts: Value,
}

/// The assessment. Where not even urban or rural is known no standard applies, and it holds nothing.
pub async fn assessment(conn: &mut PgConnection, pack: &Pack, input: &Input, extent: Extent) -> Result<Assessment> {
    let mut assessment = Assessment {
        household: name("households", input.household_id),
        as_of: input.as_of.to_string(),
        pack: pack.version_tag().to_owned(),
        ..Assessment::default()
    };
    let area = match input.area_kind.as_str() {
        "urban" => Area::Urban,
        "rural" => Area::Rural,
        _ => return Ok(assessment),
    };
    let mut rows = routes(conn, pack, input).await?;
    let order: HashMap<&str, usize> =
        pack.rules().iter().enumerate().map(|(n, (_, rule))| (rule.id.as_str(), n)).collect();
    rows.sort_by_key(|row| (order.get(row.route.as_str()).copied(), row.person_key));
    // A number out of its range leaves the outcome without a nearest change; the statement itself has refused it by then.
    let reference = match extent {
        Extent::Case => None,
        Extent::Classes | Extent::Everything => pack.reference_of_classes(&input.known(area)).ok(),
    };
    let shown = Shown { pack, input, area, reference };
    for row in rows.iter().filter(|row| extent == Extent::Everything || row.kind == "class") {
        match row.kind.as_str() {
            "class" => assessment.classes.push(shown.class(row)),
            "exit" => assessment.exits.push(shown.class(row)),
            _ => assessment.programmes.push(shown.programme(row)),
        }
    }
    Ok(assessment)
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

/// What a row's outcome rests on.
struct Parts {
    citation: String,
    conditions: Vec<ConditionValue>,
    facts: Vec<FactValue>,
    parameters: Vec<ParameterValue>,
    missing: Vec<MissingSource>,
}

/// What a rule's amount is for.
fn unit(rule: &Rule) -> &str {
    rule.unit.as_deref().unwrap_or("fen/month")
}

struct Shown<'a> {
    pack: &'a Pack,
    input: &'a Input,
    area: Area,
    /// The household judged without a database, where what would turn an outcome is looked for.
    reference: Option<Reference<'a>>,
}

impl Input {
    fn known(&self, area: Area) -> Known {
        let plain = |facts: &Facts| facts.iter().map(|(name, fact)| (name.clone(), fact.value.clone())).collect();
        Known {
            on: self.as_of,
            county: county_of(&self.division_code),
            area,
            facts: plain(&self.facts),
            members: self.persons.iter().map(|p| (p.person_key.to_string(), plain(&p.facts))).collect(),
        }
    }
}

impl Shown<'_> {
    fn class(&self, row: &RouteRow) -> ClassAssessment {
        let parts = self.parts(row);
        ClassAssessment {
            assistance_class: class_of(&row.class).into(),
            person_key: row.person_key.map(|key| key.to_string()).unwrap_or_default(),
            route: row.route.clone(),
            eligible: explain::truth(row.eligible).into(),
            amount_fen: row.amount_fen.unwrap_or_default(),
            explanation: self.explanation(row, &parts),
            citation: parts.citation,
            missing: parts.missing.into_iter().map(|source| source.name).collect(),
            conditions: parts.conditions,
            facts: parts.facts,
            parameters: parts.parameters,
        }
    }

    fn programme(&self, row: &RouteRow) -> ProgrammeAssessment {
        let parts = self.parts(row);
        ProgrammeAssessment {
            programme: row.class.clone(),
            person_key: row.person_key.map(|key| key.to_string()).unwrap_or_default(),
            rule: row.route.clone(),
            eligible: explain::truth(row.eligible).into(),
            amount_fen: row.amount_fen.unwrap_or_default(),
            amount_unit: self.rule(row).map(unit).unwrap_or_default().to_owned(),
            explanation: self.explanation(row, &parts),
            citation: parts.citation,
            conditions: parts.conditions,
            facts: parts.facts,
            parameters: parts.parameters,
        }
    }

    fn parts(&self, row: &RouteRow) -> Parts {
        let conditions = self.conditions(row);
        let facts = self.facts(row);
        let undecided = conditions.iter().any(|c| c.value() == Truth::Unknown);
        let unknown = facts.iter().filter(|fact| undecided && !fact.known).map(|fact| fact.name.as_str());
        let county = county_of(&self.input.division_code);
        let used = self.pack.parameters_used(&row.route, &county, self.area, self.input.as_of);
        Parts {
            citation: self.pack.citation(&row.route, self.input.as_of),
            missing: explain::missing_sources(self.pack, unknown),
            parameters: used.into_iter().map(|used| explain::parameter_value(self.pack, used)).collect(),
            conditions,
            facts,
        }
    }

    fn rule(&self, row: &RouteRow) -> Option<&Rule> {
        self.pack.rule(&row.route, self.input.as_of).map(|(_, rule)| rule)
    }

    fn explanation(&self, row: &RouteRow, parts: &Parts) -> Option<Explanation> {
        let rule = self.rule(row)?;
        let person = row.person_key.map(|key| key.to_string());
        let reference = self.reference.as_ref().filter(|_| row.kind == "class");
        let nearest = reference.and_then(|known| known.nearest_change(&row.route, person.as_deref()));
        let judged = explain::Judged {
            pack: self.pack,
            title: &rule.title,
            citation: &parts.citation,
            on: self.input.as_of,
            verdict: row.eligible,
            amount: row.amount_fen.map(|fen| (fen, unit(rule))),
            conditions: &parts.conditions,
            parameters: &parts.parameters,
            missing: &parts.missing,
            nearest: nearest.as_ref(),
        };
        Some(Explanation {
            title: rule.title.zh.clone(),
            title_en: rule.title.en.clone(),
            confidence: explain::least_sure(rule.confidence, &parts.parameters).name().to_owned(),
            missing_sources: parts.missing.clone(),
            text: judged.text(),
            text_en: judged.text_en(),
            nearest_change: nearest,
        })
    }

    fn conditions(&self, row: &RouteRow) -> Vec<ConditionValue> {
        let conditions = self.pack.conditions(&row.route, self.input.as_of);
        let outcome =
            |condition: &minqing_policy::Condition| row.conditions.get(&condition.name).and_then(Value::as_bool);
        conditions.iter().map(|condition| explain::condition_value(condition, outcome(condition))).collect()
    }

    fn facts(&self, row: &RouteRow) -> Vec<FactValue> {
        let persons: HashMap<Uuid, &Facts> = self.input.persons.iter().map(|p| (p.person_key, &p.facts)).collect();
        let of_person = row.person_key.and_then(|key| persons.get(&key).copied());
        let given = |name: &str| of_person.and_then(|f| f.get(name)).or_else(|| self.input.facts.get(name));
        let used = row.facts.as_object().into_iter().flatten();
        let fact = |(name, value): (&String, &Value)| {
            let as_of = given(name).and_then(|fact: &Fact| fact.as_of);
            explain::fact_value(self.pack, name, value.as_str().map(str::to_owned), as_of)
        };
        used.map(fact).collect()
    }
}
