//! Runs the policy pack's SQL. It runs as a role that may read the catalogue and nothing else, so a pack can do no
//! harm however it was written; only what has to change comes back.

use std::sync::Arc;

use chrono::NaiveDate;
use minqing_kit::{Result, db::POLICY_ROLE};
use minqing_policy::{FEW, FEW_SETTINGS, FactsStatement, PLAIN_SETTINGS, Pack, SESSION_SETTINGS, ToldFact};
use sqlx::{AssertSqlSafe, PgConnection};
use uuid::Uuid;

use crate::domain::batch::Batch;

/// Stands for "the household itself" where keys are compared.
const NOBODY: &str = "'00000000-0000-0000-0000-000000000000'::uuid";

/// The pack's statements, made once at start.
#[derive(Clone, Debug)]
pub struct Statements {
    /// How the session is set for few households, and for any number.
    few: String,
    many: String,
    /// All indicators.
    pub every: Arc<Screening>,
    undecided: String,
    facts: String,
    every_fact: String,
    /// What the rows of `every_fact` hold.
    pub sheet: Arc<FactsStatement>,
    feeds: String,
}

/// Evaluates indicators, all or some of them.
#[derive(Debug)]
pub struct Screening {
    to_raise: String,
    to_clear: String,
    /// Whether a connection keeps the statements prepared. Each takes megabytes of it, so only what is asked all the time
    /// is kept.
    kept: bool,
}

impl Screening {
    /// Of the indicators whose true and false outcomes the pack's statements give.
    pub fn of_some(hits: &str, refuted: &str) -> Screening {
        Screening { to_raise: to_raise_sql(hits), to_clear: to_clear_sql(refuted), kept: false }
    }

    fn of_all(pack: &Pack) -> Screening {
        Screening { kept: true, ..Screening::of_some(pack.hits_sql(), pack.refuted_sql()) }
    }
}

/// A warning that has to be raised or cleared.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct Change {
    pub household_id: Uuid,
    pub person_key: Option<Uuid>,
    pub indicator: String,
    pub division_code: String,
    pub area_kind: String,
    /// The open warning to clear; none to raise one.
    pub warning_id: Option<Uuid>,
    /// Urgency of a warning to raise, `L2`.
    pub severity: Option<String>,
    /// Json texts, of a warning to raise.
    pub conditions: Option<String>,
    pub facts: Option<String>,
    pub parameters: Option<String>,
}

/// Facts of a household or one of its members, as [`FactsStatement::of_row`] reads them.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct Facts {
    pub household_id: Uuid,
    pub person_key: Option<Uuid>,
    told: Vec<Option<String>>,
    stood: Vec<Option<NaiveDate>>,
}

impl Facts {
    /// By name.
    pub fn told_by(self, statement: &FactsStatement) -> impl Iterator<Item = ToldFact<'_>> {
        statement.of_row(self.person_key.is_some(), self.told, self.stood)
    }
}

/// A feed whose warning has to be raised or cleared.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct FeedChange {
    pub bureau: String,
    pub dataset: String,
    pub county_code: String,
    pub indicator: String,
    /// Json texts.
    pub conditions: String,
    pub facts: String,
    /// The open warning to clear; none to raise one.
    pub warning_id: Option<Uuid>,
}

impl Statements {
    /// Makes them of a pack. `confined`: the session may become the policy role.
    pub fn new(pack: &Pack, confined: bool) -> Statements {
        let become_role = if confined { format!(";\nset local role {POLICY_ROLE}") } else { String::new() };
        let sheet = pack.every_fact();
        Statements {
            few: format!("{FEW_SETTINGS}{become_role}"),
            many: format!("{SESSION_SETTINGS}{become_role}"),
            every: Arc::new(Screening::of_all(pack)),
            undecided: undecided_sql(pack.hits_sql(), pack.refuted_sql()),
            facts: facts_sql(pack.facts_told().sql()),
            every_fact: facts_sql(sheet.sql()),
            sheet: Arc::new(sheet),
            feeds: feeds_sql(pack.feed_screening_sql()),
        }
    }

    /// Evaluates the households and gives back what differs from their open warnings. Unknown differs from nothing.
    /// `indicators` are the pack's: warnings of others are cleared. An outcome that is true comes back although its warning
    /// is open when that is one of `heard`.
    pub async fn changes(
        &self,
        conn: &mut PgConnection,
        screening: &Screening,
        (households, as_of): (&[Uuid], NaiveDate),
        (indicators, heard): (&[String], Vec<Uuid>),
    ) -> Result<Vec<Change>> {
        let warned: Vec<Uuid> = sqlx::query_scalar(
            "select distinct household_id from monitoring.warning where household_id = any($1) and cleared_on is null",
        )
        .bind(households)
        .fetch_all(&mut *conn)
        .await?;
        self.confine(conn, households.len()).await?;
        let mut changes: Vec<Change> = sqlx::query_as(AssertSqlSafe(screening.to_raise.clone()))
            .persistent(screening.kept)
            .bind(households)
            .bind(as_of)
            .bind(heard)
            .fetch_all(&mut *conn)
            .await?;
        if !warned.is_empty() {
            let to_clear: Vec<Change> = sqlx::query_as(AssertSqlSafe(screening.to_clear.clone()))
                .persistent(screening.kept)
                .bind(warned)
                .bind(as_of)
                .bind(indicators)
                .fetch_all(&mut *conn)
                .await?;
            changes.extend(to_clear);
        }
        release(conn).await?;
        Ok(changes)
    }

    /// Those of the households' warnings, open or cleared, whose verdict is unknown now.
    pub async fn undecided(
        &self,
        conn: &mut PgConnection,
        households: &[Uuid],
        as_of: NaiveDate,
        warnings: &[Uuid],
    ) -> Result<Vec<Uuid>> {
        self.confine(conn, households.len()).await?;
        let undecided = sqlx::query_scalar(AssertSqlSafe(self.undecided.clone()))
            .bind(households)
            .bind(as_of)
            .bind(warnings)
            .fetch_all(&mut *conn)
            .await?;
        release(conn).await?;
        Ok(undecided)
    }

    /// Evaluates the feeds, all or one of them, and gives back what differs from their open warnings.
    pub async fn feed_changes(
        &self,
        conn: &mut PgConnection,
        as_of: NaiveDate,
        only: Option<&Batch>,
    ) -> Result<Vec<FeedChange>> {
        let key = |part: fn(&Batch) -> &str| only.map(part);
        self.confine(conn, usize::MAX).await?;
        let changes = sqlx::query_as(AssertSqlSafe(self.feeds.clone()))
            .bind(as_of)
            .bind(key(|b| &b.dataset.bureau))
            .bind(key(|b| &b.dataset.name))
            .bind(key(|b| &b.county_code))
            .fetch_all(&mut *conn)
            .await?;
        release(conn).await?;
        Ok(changes)
    }

    /// Households that a statement of the pack finds due on a day, in the counties there are.
    pub async fn due(
        &self,
        conn: &mut PgConnection,
        search: &str,
        (day, counties): (NaiveDate, &[String]),
    ) -> Result<Vec<Uuid>> {
        self.confine(conn, usize::MAX).await?;
        let households = sqlx::query_scalar(AssertSqlSafe(search.to_owned()))
            .persistent(false)
            .bind(day)
            .bind(counties)
            .fetch_all(&mut *conn)
            .await?;
        release(conn).await?;
        Ok(households)
    }

    /// Causes for which everybody of a place is due on a day: cause, county, area kind.
    pub async fn due_places(
        &self,
        conn: &mut PgConnection,
        calendar: &str,
        (day, counties): (NaiveDate, &[String]),
    ) -> Result<Vec<(String, String, String)>> {
        self.confine(conn, usize::MAX).await?;
        let places = sqlx::query_as(AssertSqlSafe(calendar.to_owned()))
            .persistent(false)
            .bind(day)
            .bind(counties)
            .fetch_all(&mut *conn)
            .await?;
        release(conn).await?;
        Ok(places)
    }

    /// Facts of the households and their members that decide about classes and programmes.
    pub async fn facts(&self, conn: &mut PgConnection, households: &[Uuid], as_of: NaiveDate) -> Result<Vec<Facts>> {
        self.facts_by(&self.facts, conn, (households, as_of)).await
    }

    /// Every fact of the household and its members.
    pub async fn every_fact(&self, conn: &mut PgConnection, household: Uuid, as_of: NaiveDate) -> Result<Vec<Facts>> {
        self.facts_by(&self.every_fact, conn, (&[household], as_of)).await
    }

    async fn facts_by(
        &self,
        statement: &str,
        conn: &mut PgConnection,
        (households, as_of): (&[Uuid], NaiveDate),
    ) -> Result<Vec<Facts>> {
        self.confine(conn, households.len()).await?;
        let facts = sqlx::query_as(AssertSqlSafe(statement.to_owned()))
            .bind(households)
            .bind(as_of)
            .fetch_all(&mut *conn)
            .await?;
        release(conn).await?;
        Ok(facts)
    }

    async fn confine(&self, conn: &mut PgConnection, households: usize) -> Result<()> {
        let settings = if households <= FEW { &self.few } else { &self.many };
        sqlx::raw_sql(AssertSqlSafe(settings.clone())).execute(conn).await?;
        Ok(())
    }
}

/// A failed statement needs no reset: the transaction is lost and its role with it.
async fn release(conn: &mut PgConnection) -> Result<()> {
    sqlx::raw_sql(AssertSqlSafe(format!("reset role; {PLAIN_SETTINGS}"))).execute(conn).await?;
    Ok(())
}

/// A verdict that is true and has no open warning, or one that is heard. The households are named again where they are
/// joined: the planner reckons with a hundred thousand verdicts and would read the whole register for them.
fn to_raise_sql(hits: &str) -> String {
    format!(
        "select e.household_id, e.person_key, e.indicator, h.division_code, h.area_kind, null::uuid as warning_id, \
                e.severity, e.conditions::text as conditions, e.facts::text as facts, e.parameters::text as parameters \
         from (\n{hits}\n) e join monitoring.household h on h.household_id = e.household_id \
         where h.household_id = any($1) and not exists (\
           select from monitoring.warning w \
           where w.household_id = e.household_id and w.indicator = e.indicator and w.cleared_on is null \
             and w.person_key is not distinct from e.person_key and w.warning_id <> all($3)) \
         order by 1, 3, 2 nulls first"
    )
}

/// Open warnings end when their verdict is false, when their person has left the household, and when the pack no
/// longer has their indicator.
fn to_clear_sql(refuted: &str) -> String {
    format!(
        "with refuted as materialized (\
           select e.household_id, e.indicator, coalesce(e.person_key, {NOBODY}) as person_key \
           from (\n{refuted}\n) e) \
         select w.household_id, w.person_key, w.indicator, h.division_code, h.area_kind, w.warning_id, \
                null::text as severity, null::text as conditions, null::text as facts, null::text as parameters \
         from monitoring.warning w \
         join monitoring.household h on h.household_id = w.household_id \
         left join monitoring.member m on m.person_key = w.person_key and m.household_id = w.household_id \
         left join refuted r on r.household_id = w.household_id and r.indicator = w.indicator \
           and r.person_key = coalesce(w.person_key, {NOBODY}) \
         where w.household_id = any($1) and h.household_id = any($1) and w.cleared_on is null \
           and (r.household_id is not null or w.indicator <> all($3) \
                or (w.person_key is not null and m.person_key is null)) \
         order by 1, 3, 2 nulls first"
    )
}

fn undecided_sql(hits: &str, refuted: &str) -> String {
    format!(
        "with decided as materialized (\
           select e.household_id, e.indicator, coalesce(e.person_key, {NOBODY}) as person_key \
           from (\n{hits}\n) e \
           union all select e.household_id, e.indicator, coalesce(e.person_key, {NOBODY}) from (\n{refuted}\n) e) \
         select w.warning_id from monitoring.warning w \
         left join monitoring.member m on m.person_key = w.person_key and m.household_id = w.household_id \
         where w.warning_id = any($3) and (w.person_key is null or m.person_key is not null) \
           and not exists (\
             select from decided d where d.household_id = w.household_id and d.indicator = w.indicator \
               and d.person_key = coalesce(w.person_key, {NOBODY}))"
    )
}

fn facts_sql(facts: &str) -> String {
    format!(
        "select f.household_id, f.person_key, f.told, f.stood from (\n{facts}\n) f \
         order by f.household_id, f.person_key nulls first"
    )
}

fn feeds_sql(feeds: &str) -> String {
    format!(
        "select f.bureau, f.dataset, f.county_code, f.indicator, f.conditions::text as conditions, \
                f.facts::text as facts, w.warning_id \
         from (\n{feeds}\n) f \
         left join monitoring.warning w on w.household_id is null and w.indicator = f.indicator \
           and w.cleared_on is null and w.subject = f.bureau || '.' || f.dataset || '@' || f.county_code \
         where (w.warning_id is null and f.verdict) or (w.warning_id is not null and not f.verdict) \
         order by f.bureau, f.dataset, f.county_code, f.indicator"
    )
}
