//! From households asked for to every fact wanted: scope, parameters, freshness, one aggregation per source, then
//! facts made of facts, layer by layer.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    Ctes, items,
    names::{self, AS_OF, Form, form},
    parameter,
};
use crate::{
    catalogue::{DivisionLevel, RecordSet, Source},
    check::Analysis,
    error::Fault,
    expression::{compile_as, compile_boolean},
    kind::Kind,
    load::Contents,
    model::{Fact, Level},
};

/// Steps so far, and the relations that now hold the facts.
pub(super) struct Pipeline<'a> {
    pub ctes: Ctes,
    pub person: String,
    pub household: String,
    contents: &'a Contents,
    wanted: Vec<&'a Fact>,
}

/// Join that brings the parameters of the row's place under the alias `x`.
pub(super) fn parameters_of(alias: &str) -> String {
    format!("join parameter x on x.place = {alias}.place")
}

/// Column stem of a feed, `hr_unemployment`.
pub(super) fn feed_stem(set: &RecordSet) -> String {
    format!("{}_{}", set.bureau, set.dataset)
}

/// Builds the steps for `wanted` facts and what they rest on; `parameters` are those that later steps need.
pub(super) fn build<'a>(
    contents: &'a Contents,
    analysis: &Analysis,
    wanted: &BTreeSet<String>,
    parameters: &BTreeSet<String>,
) -> Result<Pipeline<'a>, Fault> {
    let facts = analysis.closure(wanted);
    let wanted: Vec<&Fact> = contents.facts.iter().filter(|fact| facts.contains(&fact.name)).collect();
    let mut used = analysis.parameters_of(contents, &facts);
    used.extend(parameters.iter().cloned());
    let mut pipeline = Pipeline {
        ctes: Ctes::default(),
        person: "person_0".to_owned(),
        household: "household_0".to_owned(),
        contents,
        wanted,
    };
    pipeline.scope(&used);
    pipeline.feeds()?;
    pipeline.base(Level::Household)?;
    pipeline.base(Level::Person)?;
    let last = pipeline.wanted.iter().map(|fact| analysis.rank(&fact.name)).max().unwrap_or(0);
    for rank in 1..=last {
        pipeline.layer(analysis, rank)?;
    }
    Ok(pipeline)
}

impl Pipeline<'_> {
    /// Households and members asked for. `unnest` tells the planner how many there are.
    fn scope(&mut self, parameters: &BTreeSet<String>) {
        self.ctes.push(
            "scope",
            "  select h.household_id, h.division_code, h.county_code, h.area_kind, h.declared_income_fen, h.income_as_of,\n    \
             h.financial_assets_fen, h.house_count, h.first_seen_on, h.as_of as register_as_of, h.county_code || '/' || h.area_kind as place\n  from unnest($1::uuid[]) as wanted (household_id)\n  \
             join monitoring.household h on h.household_id = wanted.household_id",
        );
        // One key and a plain group: the planner then expects as many rows after a join with the place as before. Two
        // keys would make it expect hardly any, and loop over what it should hash.
        self.ctes.push(
            "place",
            "  select s.place, min(s.county_code) as county_code, min(s.area_kind) as area_kind\n  from scope s\n  group by s.place",
        );
        parameter::push(&mut self.ctes, self.contents, parameters, AS_OF);
        self.ctes.push(
            "member",
            "  select m.person_key, m.household_id, m.birth_on, m.sex, m.relation, m.joined_on, s.county_code, s.place,\n    \
             s.register_as_of\n  from scope s\n  join monitoring.member m on m.household_id = s.household_id",
        );
    }

    /// Freshness of every feed the facts rest on, one row per county; no feed row counts as stale.
    fn feeds(&mut self) -> Result<(), Fault> {
        let mut sets: BTreeMap<String, &RecordSet> = BTreeMap::new();
        for fact in &self.wanted {
            if let Form::Rows(Source { feed: Some(set), .. }) = form(fact, &self.contents.sources)? {
                sets.insert(feed_stem(set), set);
            }
        }
        let column = |(stem, set): (&String, &&RecordSet)| {
            let which = format!("filter (where f.bureau = '{}' and f.dataset = '{}')", set.bureau, set.dataset);
            format!("bool_or(f.fresh_until >= {AS_OF}) {which} as fresh_{stem}, max(f.as_of) {which} as as_of_{stem}")
        };
        let columns: Vec<String> = sets.iter().map(column).collect();
        self.ctes.push(
            "feed",
            &format!(
                "  select pl.county_code{}\n  from (select distinct p.county_code from place p) pl\n  left join monitoring.feed f \
                 on f.county_code = pl.county_code\n  group by pl.county_code",
                items(&columns)
            ),
        );
        Ok(())
    }

    /// First layer of a level: register columns and aggregates over sources.
    fn base(&mut self, level: Level) -> Result<(), Fault> {
        let mut sources: BTreeMap<&str, (&Source, Vec<&Fact>)> = BTreeMap::new();
        let mut columns = Vec::new();
        for fact in self.wanted.iter().filter(|fact| fact.level == level) {
            match form(fact, &self.contents.sources)? {
                Form::Rows(source) => sources.entry(&source.name).or_insert((source, Vec::new())).1.push(fact),
                Form::Register(source) => {
                    let env = names::of_rows(self.contents, source, AS_OF);
                    let value = compile_as(fact.expr.as_deref().unwrap_or_default(), &env, fact.kind)?;
                    columns.push(format!("{} as f_{}", value.sql, fact.name));
                }
                Form::Investigation | Form::Absent(_) => {
                    columns.push(format!("null::{} as f_{}", fact.kind.sql_type(), fact.name))
                }
                Form::Derived | Form::Lifted => {}
            }
        }
        let (from, key, name) = match level {
            Level::Person => ("member", "person_key", "person_0"),
            _ => ("scope", "household_id", "household_0"),
        };
        let mut joins = String::new();
        for (source, facts) in sources.values() {
            let rows = self.rows(source, level, facts)?;
            joins.push_str(&format!("\n  left join {rows} on {rows}.subject = r.{key}"));
            for fact in facts {
                columns.push(format!("{} as f_{}", known(fact, source, &rows)?, fact.name));
            }
        }
        let key = if level == Level::Person { "r.person_key, r.household_id" } else { "r.household_id" };
        let body = format!(
            "  select {key}, r.county_code, r.place, r.register_as_of{}\n  from {from} r\n  join feed fd on fd.county_code \
             = r.county_code\n  {}{joins}",
            items(&columns),
            parameters_of("r")
        );
        self.ctes.push(name, &body);
        Ok(())
    }

    /// Aggregates every fact of one source and level in one scan; answers the relation's name.
    fn rows(&mut self, source: &Source, level: Level, facts: &[&Fact]) -> Result<String, Fault> {
        let env = names::of_rows(self.contents, source, AS_OF);
        let mut columns = Vec::new();
        for fact in facts {
            columns.push(format!("{} as f_{}", aggregate(fact, &env)?, fact.name));
        }
        let Tie { from, on: tie, subject, word } = tie(source, level);
        let gone = format!("\n  where {}", in_force(source));
        let name = format!("rows_{}_{word}", source.name.replace('.', "_"));
        let body = format!(
            "  select {subject} as subject{}\n  from {from} m\n  join {} r on {tie}\n  {}{gone}\n  group by {subject}",
            items(&columns),
            source.table,
            parameters_of("m")
        );
        self.ctes.push(&name, &body);
        Ok(name)
    }

    /// Adds the facts that rest on the layers before.
    fn layer(&mut self, analysis: &Analysis, rank: usize) -> Result<(), Fault> {
        let (mut person, mut household, mut lifted) = (Vec::new(), Vec::new(), Vec::new());
        for fact in self.wanted.iter().filter(|fact| analysis.rank(&fact.name) == rank) {
            let expr = fact.expr.as_deref().unwrap_or_default();
            if let Form::Lifted = form(fact, &self.contents.sources)? {
                let value = compile_as(expr, &names::of_members(self.contents, AS_OF), fact.kind)?;
                lifted.push((fact.name.clone(), value.sql));
                continue;
            }
            let value = compile_as(expr, &names::of_facts(self.contents, fact.level, AS_OF), fact.kind)?;
            let column = format!("{} as f_{}", value.sql, fact.name);
            if fact.level == Level::Person { person.push(column) } else { household.push(column) }
        }
        let (before, whole) = (self.person.clone(), self.household.clone());
        if !person.is_empty() {
            self.person = format!("person_{rank}");
            let body = format!(
                "  select b.*{}\n  from {before} b\n  join {whole} h on h.household_id = b.household_id\n  {}",
                items(&person),
                parameters_of("b")
            );
            self.ctes.push(&self.person, &body);
        }
        if !household.is_empty() || !lifted.is_empty() {
            self.household = format!("household_{rank}");
            let aggregates: Vec<String> = lifted.iter().map(|(name, sql)| format!("{sql} as f_{name}")).collect();
            household.extend(lifted.iter().map(|(name, _)| format!("l.f_{name}")));
            let body = format!(
                "  select b.*{}\n  from {whole} b\n  {}\n  left join (\n    select q.household_id{}\n    from {before} q\n    {}\n    \
                 group by q.household_id\n  ) l on l.household_id = b.household_id",
                items(&household),
                parameters_of("b"),
                items(&aggregates),
                parameters_of("q")
            );
            self.ctes.push(&self.household, &body);
        }
        Ok(())
    }
}

/// How the rows of a source are tied to whom a fact is about.
pub(super) struct Tie {
    /// Relation of those asked for, alias `m`.
    pub from: &'static str,
    /// Condition between `m` and the row `r`.
    pub on: &'static str,
    /// Key by which rows are added up.
    pub subject: &'static str,
    word: &'static str,
}

pub(super) fn tie(source: &Source, level: Level) -> Tie {
    let by_person = "r.person_key = m.person_key";
    let (from, on, subject, word) = match (level, source.household, source.division) {
        (_, _, Some(DivisionLevel::County)) => {
            ("scope", "r.division_code = m.county_code", "m.household_id", "household")
        }
        (_, _, Some(DivisionLevel::Township)) => {
            ("scope", "r.division_code = left(m.division_code, 9) || '000'", "m.household_id", "household")
        }
        // The register's rows are found by their household: that is how they are indexed.
        (Level::Person, Some(_), None) => {
            ("member", "r.household_id = m.household_id and r.person_key = m.person_key", "r.person_key", "person")
        }
        (Level::Person, None, None) => ("member", by_person, "r.person_key", "person"),
        (_, Some(_), None) => ("scope", "r.household_id = m.household_id", "r.household_id", "household"),
        (_, None, None) => ("member", by_person, "m.household_id", "household"),
    };
    Tie { from, on, subject, word }
}

/// Which rows count: those that a snapshot no longer held are kept for history and count as gone.
pub(super) fn in_force(source: &Source) -> &'static str {
    if source.feed.is_some() { "r.ended_on is null" } else { "true" }
}

/// The aggregate of a fact over its rows: unknown when `where` cannot tell, `empty` when no row counts.
pub(crate) fn aggregate(fact: &Fact, rows: &crate::expression::Env) -> Result<String, Fault> {
    let mut env = rows.clone();
    env.aggregate = true;
    let expr = fact.expr.as_deref().unwrap_or_default();
    let Some(filter) = &fact.filter else {
        return Ok(compile_as(expr, &env, fact.kind)?.sql);
    };
    let filter = compile_boolean(filter, rows)?;
    env.filter = Some(filter.sql.clone());
    let value = compile_as(expr, &env, fact.kind)?;
    let which = &filter.sql;
    let doubt = if filter.nullable { format!("when bool_or({which} is null) then null ") } else { String::new() };
    Ok(format!("case {doubt}when count(*) filter (where {which}) = 0 then {} else {} end", empty(fact)?, value.sql))
}

/// The fact in the base layer: unknown while the feed is stale, `empty` when the subject has no row.
fn known(fact: &Fact, source: &Source, rows: &str) -> Result<String, Fault> {
    let value = format!("case when {rows}.subject is null then {} else {rows}.f_{} end", empty(fact)?, fact.name);
    Ok(match source.feed {
        Some(set) => format!("case when fd.fresh_{} then {value} end", feed_stem(set)),
        None => value,
    })
}

/// A fact's `empty` as a literal of its kind.
pub(crate) fn empty(fact: &Fact) -> Result<String, Fault> {
    let text = fact.empty.as_deref().ok_or_else(|| {
        Fault::new(
            "`empty` is missing: the value when the feed is fresh and no row counts",
            "缺少 empty（数据新鲜但无记录时的取值）",
        )
    })?;
    literal(text, fact.kind)
}

/// A value as an SQL literal, checked.
pub(crate) fn literal(text: &str, kind: Kind) -> Result<String, Fault> {
    let wrong = || Fault::new(format!("`{text}` is no {kind}"), format!("“{text}”不是“{}”", kind.title_zh()));
    let value = match kind {
        Kind::Boolean => text.parse::<bool>().map_err(|_| wrong())?.to_string(),
        Kind::Integer | Kind::Money => text.parse::<i64>().map_err(|_| wrong())?.to_string(),
        Kind::Ratio => {
            let digits = text.chars().all(|c| c.is_ascii_digit() || c == '.') && text.parse::<f64>().is_ok();
            if !digits || text.len() > 12 {
                return Err(wrong());
            }
            text.to_owned()
        }
        Kind::Date => format!("'{}'", text.parse::<chrono::NaiveDate>().map_err(|_| wrong())?),
        Kind::Text => {
            if text.contains('\\') || text.chars().any(char::is_control) {
                return Err(wrong());
            }
            format!("'{}'", text.replace('\'', "''"))
        }
    };
    Ok(format!("{value}::{}", kind.sql_type()))
}
