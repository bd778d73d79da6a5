//! Our side: the pack's own statements over every household, slice by slice, each slice one transaction. What is true is
//! stored with its conditions, facts and parameters, as the mesh does; counting what is not, or not known, is a pass of its own.

use std::collections::BTreeMap;

use minqing_policy::{Pack, SESSION_SETTINGS};
use sqlx::{AssertSqlSafe, Connection as _, PgConnection};
use uuid::Uuid;

use super::{statement::Steps, town::run};

/// Households of one transaction. Small slices make the planner read each bureau's table whole for every slice; large ones
/// no longer gain and hold their results in memory. Measured: see README.
pub const SLICE: usize = 20_000;

/// Where outcomes go: as wide as monitoring's warnings, found by household.
pub const TABLES: &str = "
drop table if exists bench.outcome, bench.openfisca, bench.anchor;
create table bench.outcome (household_id uuid not null, person_key uuid, rule text not null, severity text,
  amount_fen bigint, conditions jsonb, facts jsonb, parameters jsonb);
create index outcome_household on bench.outcome (household_id, rule);
create table bench.openfisca (like bench.outcome including all);
create table bench.anchor (like bench.outcome including all);
";

/// What is done with outcomes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kept {
    /// Every outcome is counted by rule: true, false and unknown.
    Counted,
    /// What is true is counted by rule.
    Nothing,
    /// What is true is stored without its explanation.
    Bare,
    /// What is true is stored with it.
    Explained,
}

/// How often each rule was judged, true and unknown; `Kept::Nothing` counts only what is true.
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
        let screening = Columns { rule: "indicator", severity: "severity", verdict: "verdict", amount: "null::bigint" };
        let assessment = Columns { rule: "route", severity: "null::text", verdict: "eligible", amount: "amount_fen" };
        // The mesh asks for what is true, reading each subject once; only counting what is not asks for every outcome.
        let (screened, assessed) = match kept {
            Kept::Counted => (pack.screening_sql(), pack.register_assessment_sql()),
            _ => (pack.hits_sql(), pack.entitled_sql()),
        };
        let mut statements = Vec::new();
        for (sql, columns) in [(screened, screening), (assessed, assessment)] {
            let sql = match from {
                From::Records => sql.to_owned(),
                From::Facts => Steps::of(sql)?.over_facts()?.whole(),
            };
            statements.push(columns.statement(&sql, kept));
        }
        Ok(Ours { statements, today })
    }

    /// Judges the households; the tallies are empty where outcomes are stored.
    pub async fn judge(&self, connection: &mut PgConnection, ids: &[Uuid], slice: usize) -> anyhow::Result<Tallies> {
        let mut tallies = Tallies::new();
        for ids in ids.chunks(slice) {
            let mut transaction = connection.begin().await?;
            run(&mut transaction, SESSION_SETTINGS).await?;
            for statement in &self.statements {
                let query =
                    sqlx::query_as(AssertSqlSafe(statement.clone())).persistent(false).bind(ids).bind(self.today);
                let rows: Vec<(String, i64, i64, i64, i64)> = query.fetch_all(&mut *transaction).await?;
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

/// What a statement of the pack calls its columns.
struct Columns {
    rule: &'static str,
    severity: &'static str,
    verdict: &'static str,
    amount: &'static str,
}

impl Columns {
    fn statement(&self, judged: &str, kept: Kept) -> String {
        let Columns { rule, severity, verdict, amount } = self;
        let texts = match kept {
            Kept::Counted => {
                return format!(
                    "select s.{rule}, count(*), count(*) filter (where s.{verdict}), count(*) filter (where s.{verdict} is null), \
                     coalesce(sum({amount}) filter (where s.{verdict}), 0)::bigint from (\n{judged}\n) s group by 1"
                );
            }
            Kept::Nothing => {
                return format!(
                    "select s.{rule}, 0::bigint, count(*), 0::bigint, coalesce(sum({amount}), 0)::bigint from (\n{judged}\n) s group by 1"
                );
            }
            Kept::Bare => "null::jsonb, null::jsonb, null::jsonb",
            Kept::Explained => "s.conditions, s.facts, s.parameters",
        };
        format!(
            "insert into bench.outcome (household_id, person_key, rule, severity, amount_fen, conditions, facts, parameters) \
             select s.household_id, s.person_key, s.{rule}, {severity}, {amount}, {texts} from (\n{judged}\n) s"
        )
    }
}
