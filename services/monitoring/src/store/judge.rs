//! Judges a slice of the register by packs that are tried: reads one snapshot, changes nothing, and runs as the role
//! that may read the catalogue and nothing else. Statements are not kept by the session: a pack is tried once.

use chrono::NaiveDate;
use minqing_kit::{Error, Result, db::POLICY_ROLE};
use minqing_policy::{Owner, Pack, SESSION_SETTINGS};
use sqlx::{AssertSqlSafe, PgConnection};
use uuid::Uuid;

use crate::domain::{
    division,
    effect::{Hit, Place, Verdict},
    refusal::Refusal,
};

/// A pack's statements for a run, and what they are told on the day.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Statements {
    /// What to call the pack in a refusal: first, second.
    pub which: &'static str,
    pub as_of: NaiveDate,
    screening: String,
    screening_whole: String,
    classes: String,
    /// Ways into classes, and how often a year each amount is paid.
    routes: Vec<String>,
    times: Vec<i64>,
}

#[derive(sqlx::FromRow)]
struct ClassRow {
    household_id: Uuid,
    class: String,
    member: bool,
    is_in: bool,
    yearly_fen: Option<i64>,
    amount_unknown: bool,
}

#[derive(sqlx::FromRow)]
struct HitRow {
    household_id: Uuid,
    indicator: String,
    warnings: i64,
}

#[derive(sqlx::FromRow)]
struct FoundRow {
    household_id: Option<Uuid>,
    indicator: String,
    warnings: i64,
}

#[derive(sqlx::FromRow)]
struct PlaceRow {
    household_id: Uuid,
    division_code: String,
}

impl Statements {
    /// Of a pack on a day.
    pub fn of(pack: &Pack, which: &'static str, as_of: NaiveDate) -> Statements {
        let ways_in = pack.rules().into_iter().filter(|(owner, _)| matches!(owner, Owner::Class(_)));
        let held = ways_in.filter(|(_, rule)| rule.holds(as_of));
        let (routes, times) =
            held.map(|(_, rule)| (rule.id.clone(), times(rule.amount.is_some(), rule.unit.as_deref()))).unzip();
        Statements {
            which,
            as_of,
            screening: screening_sql(pack.screening_sql()),
            screening_whole: screening_whole_sql(pack.screening_sql()),
            classes: classes_sql(pack.register_assessment_sql()),
            routes,
            times,
        }
    }

    /// Whether the other finds the same warnings.
    pub fn screens_like(&self, other: &Statements) -> bool {
        self.screening == other.screening && self.as_of == other.as_of
    }

    /// Whether the other comes to the same classes and amounts.
    pub fn assesses_like(&self, other: &Statements) -> bool {
        (&self.classes, &self.routes, &self.times, self.as_of)
            == (&other.classes, &other.routes, &other.times, other.as_of)
    }

    /// What the pack says of classes: who is in, and whom the data leave unknown.
    pub async fn classes(&self, conn: &mut PgConnection, households: &[Uuid]) -> Result<Vec<Verdict>> {
        let rows: Vec<ClassRow> = sqlx::query_as(AssertSqlSafe(self.classes.clone()))
            .persistent(false)
            .bind(households)
            .bind(self.as_of)
            .bind(&self.routes)
            .bind(&self.times)
            .fetch_all(conn)
            .await
            .map_err(|error| self.fails(error))?;
        let verdict = |row: ClassRow| Verdict {
            household: row.household_id,
            class: row.class,
            member: row.member,
            is_in: row.is_in,
            yearly_fen: row.yearly_fen.filter(|_| !row.amount_unknown),
        };
        Ok(rows.into_iter().map(verdict).collect())
    }

    /// Warnings the pack would have open, in order of household and indicator.
    pub async fn hits(&self, conn: &mut PgConnection, households: &[Uuid]) -> Result<Vec<Hit>> {
        let rows: Vec<HitRow> = sqlx::query_as(AssertSqlSafe(self.screening.clone()))
            .persistent(false)
            .bind(households)
            .bind(self.as_of)
            .fetch_all(conn)
            .await
            .map_err(|error| self.fails(error))?;
        let hit = |row: HitRow| Hit { household: row.household_id, indicator: row.indicator, warnings: row.warnings };
        Ok(rows.into_iter().map(hit).collect())
    }

    /// The same hits, and by indicator of how many households and members the data cannot tell.
    pub async fn hits_and_unknown(
        &self,
        conn: &mut PgConnection,
        households: &[Uuid],
    ) -> Result<(Vec<Hit>, Vec<(String, i64)>)> {
        let rows: Vec<FoundRow> = sqlx::query_as(AssertSqlSafe(self.screening_whole.clone()))
            .persistent(false)
            .bind(households)
            .bind(self.as_of)
            .fetch_all(conn)
            .await
            .map_err(|error| self.fails(error))?;
        let (mut hits, mut unknown) = (Vec::new(), Vec::new());
        for FoundRow { household_id, indicator, warnings } in rows {
            match household_id {
                Some(household) => hits.push(Hit { household, indicator, warnings }),
                None => unknown.push((indicator, warnings)),
            }
        }
        Ok((hits, unknown))
    }

    /// A value out of range, or a statement too deep for the server, is the pack's doing, not ours.
    fn fails(&self, error: sqlx::Error) -> Error {
        let code = error.as_database_error().and_then(|e| e.code()).unwrap_or_default().into_owned();
        if code.starts_with("22") || code == "54001" {
            return Error::from(Refusal::PackFails { which: self.which, code }).caused_by(error);
        }
        error.into()
    }
}

/// Begins: one snapshot that nothing is written to, and no right but to read the catalogue.
pub async fn begin(conn: &mut PgConnection) -> Result<()> {
    let script = format!(
        "set transaction isolation level repeatable read, read only; {SESSION_SETTINGS}; set local role {POLICY_ROLE}"
    );
    sqlx::raw_sql(AssertSqlSafe(script)).execute(conn).await?;
    Ok(())
}

/// The next households after one, of a county or all, in order of id.
pub async fn places(
    conn: &mut PgConnection,
    county: Option<&str>,
    after: Option<Uuid>,
    limit: i64,
) -> Result<Vec<Place>> {
    let rows: Vec<PlaceRow> = sqlx::query_as(
        "select h.household_id, h.division_code from monitoring.household h \
         where h.household_id > $1 and ($2::text is null or h.county_code = $2) \
         order by h.household_id limit $3",
    )
    .bind(after.unwrap_or(Uuid::nil()))
    .bind(county)
    .bind(limit)
    .fetch_all(conn)
    .await?;
    let place = |row: PlaceRow| Place { household: row.household_id, township: division::township(&row.division_code) };
    Ok(rows.into_iter().map(place).collect())
}

/// How many households there are, in a county or all.
pub async fn count(conn: &mut PgConnection, county: Option<&str>) -> Result<i64> {
    let count =
        sqlx::query_scalar("select count(*) from monitoring.household h where $1::text is null or h.county_code = $1")
            .bind(county)
            .fetch_one(conn)
            .await?;
    Ok(count)
}

/// How often a year an amount of the unit is paid to who is in a class; not at all when nothing is, or when it is paid
/// by something other than time.
fn times(paid: bool, unit: Option<&str>) -> i64 {
    if !paid {
        return 0;
    }
    match unit.map_or("month", |unit| unit.rsplit('/').next().unwrap_or_default()) {
        "month" => 12,
        "quarter" => 4,
        "semester" => 2,
        "year" => 1,
        _ => 0,
    }
}

/// One row for a household, and for each member, and class, unless every way in is closed. Of several ways in the
/// highest amount counts.
fn classes_sql(assessment: &str) -> String {
    format!(
        "select e.household_id, e.class, e.person_key is not null as member, \
           coalesce(bool_or(e.eligible), false) as is_in, \
           max(case when f.times = 0 then 0 else e.amount_fen * f.times end) filter (where e.eligible) as yearly_fen, \
           coalesce(bool_or(e.amount_fen is null and f.times > 0) filter (where e.eligible), false) as amount_unknown \
         from (\n{assessment}\n) e join unnest($3::text[], $4::bigint[]) as f (route, times) on f.route = e.route \
         where e.kind = 'class' \
         group by e.household_id, e.class, e.person_key \
         having bool_or(e.eligible is distinct from false)"
    )
}

fn screening_sql(screening: &str) -> String {
    format!(
        "select e.household_id, e.indicator, count(*) as warnings from (\n{screening}\n) e where e.verdict \
         group by e.household_id, e.indicator order by e.household_id, e.indicator"
    )
}

/// As [`screening_sql`], with a row without household for each indicator that cannot tell of somebody.
fn screening_whole_sql(screening: &str) -> String {
    format!(
        "with told as materialized (\
           select e.household_id, e.indicator, e.verdict from (\n{screening}\n) e where e.verdict is distinct from false) \
         select t.household_id, t.indicator, count(*) as warnings from told t where t.verdict \
         group by t.household_id, t.indicator \
         union all \
         select null::uuid, t.indicator, count(*) from told t where t.verdict is null group by t.indicator \
         order by 1, 2"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_paid_as_often_as_their_unit_says() {
        assert_eq!((times(true, None), times(true, Some("fen/person/month"))), (12, 12));
        assert_eq!((times(true, Some("fen/semester")), times(true, Some("fen/year"))), (2, 1));
        assert_eq!((times(true, Some("fen/settlement")), times(true, Some("fen")), times(false, None)), (0, 0, 0));
    }
}
