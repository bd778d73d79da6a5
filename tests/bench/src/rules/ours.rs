//! Our side: the pack's own statements over every household, slice by slice, each slice one transaction. What is true is
//! stored with its conditions, facts and parameters; what is not, or not known, is counted by rule.

use std::collections::BTreeMap;

use minqing_policy::{Pack, SESSION_SETTINGS};
use sqlx::{AssertSqlSafe, Connection as _, PgConnection};
use uuid::Uuid;

use super::{statement::Steps, town::run};

/// Households of one transaction. Small slices make the planner read each bureau's table whole for every slice; large ones
/// no longer gain and hold their results in memory. Measured: see README.
pub const SLICE: usize = 20_000;
/// Sorts and hash tables of a slice fit, which the default of 4 MB does not let them.
const MEMORY: &str = "set local work_mem = '64MB'";

/// Where outcomes go: as wide as monitoring's warnings, found by household.
pub const TABLES: &str = "
drop table if exists bench.outcome, bench.openfisca, bench.anchor, bench.tally;
create table bench.outcome (household_id uuid not null, person_key uuid, rule text not null, severity text,
  amount_fen bigint, conditions jsonb, facts jsonb, parameters jsonb);
create index outcome_household on bench.outcome (household_id, rule);
create table bench.openfisca (like bench.outcome including all);
create table bench.anchor (like bench.outcome including all);
create table bench.tally (rule text not null, judged bigint not null, unknown bigint not null);
";

/// What is done with outcomes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kept {
    /// Counted only.
    Nothing,
    /// Stored without their explanation.
    Bare,
    /// Stored with it.
    Explained,
}

/// How often each rule was judged, true and unknown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    pub judged: i64,
    pub fulfilled: i64,
    pub unknown: i64,
    pub paid_fen: i64,
}

pub type Tallies = BTreeMap<String, Tally>;

/// Statements for one slice.
pub struct Ours {
    statements: Vec<String>,
    today: chrono::NaiveDate,
}

/// Where facts come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum From {
    /// The tables of the register and the bureaus.
    Records,
    /// The flat tables, so that only the rules are left.
    Facts,
}

impl Ours {
    pub fn of(pack: &Pack, today: chrono::NaiveDate, from: From, kept: Kept) -> anyhow::Result<Ours> {
        let screening = ("indicator", "severity", "verdict", "null::bigint");
        let assessment = ("route", "null::text", "eligible", "amount_fen");
        let mut statements = Vec::new();
        for (sql, columns) in [(pack.screening_sql(), screening), (pack.register_assessment_sql(), assessment)] {
            let steps = Steps::of(sql)?;
            let steps = if from == From::Facts { steps.over_facts()? } else { steps };
            statements.push(statement(&steps, columns, kept));
        }
        Ok(Ours { statements, today })
    }

    /// Judges the households.
    pub async fn judge(&self, connection: &mut PgConnection, ids: &[Uuid], slice: usize) -> anyhow::Result<Tallies> {
        let mut tallies = Tallies::new();
        for ids in ids.chunks(slice) {
            let mut transaction = connection.begin().await?;
            run(&mut transaction, &format!("{SESSION_SETTINGS}; {MEMORY}")).await?;
            for statement in &self.statements {
                let rows: Vec<(String, i64, i64, i64, i64)> = sqlx::query_as(AssertSqlSafe(statement.clone()))
                    .persistent(false)
                    .bind(ids)
                    .bind(self.today)
                    .fetch_all(&mut *transaction)
                    .await?;
                for (rule, judged, fulfilled, unknown, paid_fen) in rows {
                    let tally = tallies.entry(rule).or_default();
                    tally.judged += judged;
                    tally.fulfilled += fulfilled;
                    tally.unknown += unknown;
                    tally.paid_fen += paid_fen;
                }
            }
            transaction.commit().await?;
        }
        Ok(tallies)
    }
}

/// One statement that judges, stores and counts over the same steps. What is stored is asked for apart from what is counted:
/// only then are explanations made of what is true, and of nothing else.
fn statement(steps: &Steps, (rule, severity, verdict, amount): (&str, &str, &str, &str), kept: Kept) -> String {
    let judged = &steps.select;
    let counts = format!(
        "select s.{rule} as rule, count(*) as judged, count(*) filter (where s.{verdict}) as fulfilled, \
         count(*) filter (where s.{verdict} is null) as unknown, \
         coalesce(sum({amount}) filter (where s.{verdict}), 0)::bigint as paid from (\n{judged}\n) s group by 1"
    );
    if kept == Kept::Nothing {
        return steps.with_select(&counts);
    }
    let texts = match kept {
        Kept::Explained => "s.conditions, s.facts, s.parameters",
        _ => "null::jsonb, null::jsonb, null::jsonb",
    };
    let stored = format!(
        "insert into bench.outcome (household_id, person_key, rule, severity, amount_fen, conditions, facts, parameters) \
         select s.household_id, s.person_key, s.{rule}, {severity}, {amount}, {texts} from (\n{judged}\n) s where s.{verdict}"
    );
    let counted =
        "insert into bench.tally (rule, judged, unknown) select c.rule, c.judged, c.unknown from counts c".to_owned();
    steps
        .and("stored", &stored)
        .and("counts", &counts)
        .and("counted", &counted)
        .with_select("select c.rule, c.judged, c.fulfilled, c.unknown, c.paid from counts c")
}
