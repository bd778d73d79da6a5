//! Rows of registry.class_status: one class of one subject from when to when.

use chrono::NaiveDate;
use minqing_kit::Result;
use sqlx::PgConnection;
use uuid::Uuid;

use crate::domain::timeline::Period;

/// Whose class it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Subject {
    Household(Uuid),
    Person(Uuid),
}

impl Subject {
    fn household(self) -> Option<Uuid> {
        match self {
            Subject::Household(id) => Some(id),
            Subject::Person(_) => None,
        }
    }

    fn person(self) -> Option<Uuid> {
        match self {
            Subject::Person(id) => Some(id),
            Subject::Household(_) => None,
        }
    }
}

#[derive(sqlx::FromRow)]
struct PeriodRow {
    class_status_id: Uuid,
    household_id: Option<Uuid>,
    person_id: Option<Uuid>,
    assistance_class: String,
    amount_fen: i64,
    valid_from: NaiveDate,
    valid_to: Option<NaiveDate>,
    decided: bool,
}

/// Every period of these subjects, with subject and class.
pub async fn periods(
    conn: &mut PgConnection,
    households: &[Uuid],
    persons: &[Uuid],
) -> Result<Vec<(Subject, String, Period)>> {
    let rows: Vec<PeriodRow> = sqlx::query_as(
        "select class_status_id, household_id, person_id, assistance_class, amount_fen, valid_from, valid_to, \
             decision is not null or ended_decision is not null as decided \
         from registry.class_status where household_id = any($1) or person_id = any($2) \
         order by valid_from, class_status_id",
    )
    .bind(households)
    .bind(persons)
    .fetch_all(conn)
    .await?;
    let subject = |r: &PeriodRow| match (r.household_id, r.person_id) {
        (Some(id), _) => Subject::Household(id),
        (None, person) => Subject::Person(person.unwrap_or_default()),
    };
    let period = |r: &PeriodRow| Period {
        id: r.class_status_id,
        valid_from: r.valid_from,
        valid_to: r.valid_to,
        amount_fen: r.amount_fen,
        decided: r.decided,
    };
    Ok(rows.into_iter().map(|r| (subject(&r), r.assistance_class.clone(), period(&r))).collect())
}

/// What to write: ends first, then amounts, then new rows, so that no class is open twice at any moment.
#[derive(Default)]
pub struct Changes {
    pub close: Vec<(Uuid, NaiveDate)>,
    pub amend: Vec<(Uuid, i64)>,
    pub open: Vec<NewStatus>,
    /// Decision that makes these changes; none for collection.
    pub decision: Option<Uuid>,
}

pub struct NewStatus {
    pub class_status_id: Uuid,
    pub subject: Subject,
    pub assistance_class: String,
    pub amount_fen: i64,
    pub valid_from: NaiveDate,
}

impl Changes {
    pub fn is_empty(&self) -> bool {
        self.close.is_empty() && self.amend.is_empty() && self.open.is_empty()
    }
}

/// Writes the changes, and notes the days after `today` on which one of them takes effect.
pub async fn apply(conn: &mut PgConnection, changes: &Changes, today: NaiveDate) -> Result<()> {
    write(&mut *conn, changes).await?;
    let starts = changes.open.iter().map(|o| (o.class_status_id, o.valid_from));
    let ends = changes.close.iter().filter_map(|(id, last_day)| Some((*id, last_day.succ_opt()?)));
    let due: Vec<(Uuid, NaiveDate)> = starts.chain(ends).filter(|(_, day)| *day > today).collect();
    sqlx::query(
        "insert into registry.class_due (class_status_id, due_on) select * from unnest($1::uuid[], $2::date[]) \
         on conflict on constraint class_due_pk do nothing",
    )
    .bind(due.iter().map(|d| d.0).collect::<Vec<_>>())
    .bind(due.iter().map(|d| d.1).collect::<Vec<_>>())
    .execute(conn)
    .await?;
    Ok(())
}

/// Takes at most `most` days that have come and gives the households they concern.
pub async fn take_due(conn: &mut PgConnection, today: NaiveDate, most: i64) -> Result<(u64, Vec<Uuid>)> {
    let taken: Vec<Uuid> = sqlx::query_scalar(
        "delete from registry.class_due where (class_status_id, due_on) in ( \
             select class_status_id, due_on from registry.class_due where due_on <= $1 \
             order by due_on, class_status_id limit $2 for update skip locked) returning class_status_id",
    )
    .bind(today)
    .bind(most)
    .fetch_all(&mut *conn)
    .await?;
    let households = sqlx::query_scalar(
        "select distinct coalesce(s.household_id, m.household_id) from registry.class_status s \
         left join registry.membership m on m.person_id = s.person_id and m.valid_to is null \
         where s.class_status_id = any($1) and coalesce(s.household_id, m.household_id) is not null",
    )
    .bind(&taken)
    .fetch_all(conn)
    .await?;
    Ok((taken.len() as u64, households))
}

async fn write(conn: &mut PgConnection, changes: &Changes) -> Result<()> {
    sqlx::query(
        "update registry.class_status s set valid_to = u.last_day, ended_decision = $3 \
         from unnest($1::uuid[], $2::date[]) as u (id, last_day) where s.class_status_id = u.id",
    )
    .bind(changes.close.iter().map(|c| c.0).collect::<Vec<_>>())
    .bind(changes.close.iter().map(|c| c.1).collect::<Vec<_>>())
    .bind(changes.decision)
    .execute(&mut *conn)
    .await?;
    sqlx::query(
        "update registry.class_status s set amount_fen = u.amount \
         from unnest($1::uuid[], $2::bigint[]) as u (id, amount) where s.class_status_id = u.id",
    )
    .bind(changes.amend.iter().map(|c| c.0).collect::<Vec<_>>())
    .bind(changes.amend.iter().map(|c| c.1).collect::<Vec<_>>())
    .execute(&mut *conn)
    .await?;
    let open = &changes.open;
    sqlx::query(
        "insert into registry.class_status \
             (class_status_id, household_id, person_id, assistance_class, amount_fen, valid_from, decision) \
         select u.*, $7 from unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::text[], $5::bigint[], $6::date[]) as u",
    )
    .bind(open.iter().map(|o| o.class_status_id).collect::<Vec<_>>())
    .bind(open.iter().map(|o| o.subject.household()).collect::<Vec<_>>())
    .bind(open.iter().map(|o| o.subject.person()).collect::<Vec<_>>())
    .bind(open.iter().map(|o| o.assistance_class.clone()).collect::<Vec<_>>())
    .bind(open.iter().map(|o| o.amount_fen).collect::<Vec<_>>())
    .bind(open.iter().map(|o| o.valid_from).collect::<Vec<_>>())
    .bind(changes.decision)
    .execute(conn)
    .await?;
    Ok(())
}

#[derive(sqlx::FromRow)]
pub struct StatusRow {
    /// Household the row shows up in: its own, or the one the person is in now.
    pub shown_in: Uuid,
    pub person_id: Option<Uuid>,
    pub person_key: Option<Uuid>,
    pub assistance_class: String,
    pub valid_from: NaiveDate,
    pub valid_to: Option<NaiveDate>,
    pub amount_fen: i64,
    pub decision: Option<Uuid>,
}

/// Status of the households and of their members now, newest first; rows taken back left out.
pub async fn of_households(conn: &mut PgConnection, households: &[Uuid]) -> Result<Vec<StatusRow>> {
    let rows = sqlx::query_as(
        "select s.household_id as shown_in, s.person_id, null::uuid as person_key, s.assistance_class, s.valid_from, \
             s.valid_to, s.amount_fen, s.decision \
         from registry.class_status s \
         where s.household_id = any($1) and (s.valid_to is null or s.valid_to >= s.valid_from) \
         union all \
         select m.household_id, s.person_id, p.person_key, s.assistance_class, s.valid_from, s.valid_to, s.amount_fen, \
             s.decision \
         from registry.membership m join registry.person p using (person_id) \
         join registry.class_status s on s.person_id = m.person_id \
         where m.household_id = any($1) and m.valid_to is null and (s.valid_to is null or s.valid_to >= s.valid_from) \
         order by valid_from desc, assistance_class, person_id nulls first",
    )
    .bind(households)
    .fetch_all(conn)
    .await?;
    Ok(rows)
}

#[derive(sqlx::FromRow)]
pub struct ClassMemberRow {
    pub class_status_id: Uuid,
    pub person_id: Uuid,
    pub person_key: Uuid,
    pub id_number_sealed: Vec<u8>,
    pub name_sealed: Vec<u8>,
    pub phone_sealed: Option<Vec<u8>>,
    pub household_id: Uuid,
    pub address_sealed: Option<Vec<u8>>,
    pub assistance_class: String,
    pub division_code: String,
    pub valid_from: NaiveDate,
    pub valid_to: Option<NaiveDate>,
}

/// Which members of classes to list.
pub struct MemberFilter<'a> {
    /// Empty for all.
    pub classes: &'a [String],
    /// Digits the division starts with.
    pub prefix: &'a str,
    pub today: NaiveDate,
    /// Status and person of the row before.
    pub after: (Uuid, Uuid),
    pub size: i64,
}

/// Persons who hold a class on the day, by themselves or as members of a household that holds it.
pub async fn class_members(conn: &mut PgConnection, filter: &MemberFilter<'_>) -> Result<Vec<ClassMemberRow>> {
    // A page is some hundred rows by index. After a large import, before its tables are analysed, a planner that may would
    // join all of them for each page: seconds of a processor each, and every bureau fetches its list then.
    sqlx::raw_sql("set local enable_seqscan = off; set local enable_hashjoin = off; set local enable_mergejoin = off")
        .execute(&mut *conn)
        .await?;
    let rows = sqlx::query_as(
        "select s.class_status_id, p.person_id, p.person_key, p.id_number_sealed, p.name_sealed, p.phone_sealed, \
             h.household_id, h.address_sealed, s.assistance_class, h.division_code, s.valid_from, s.valid_to \
         from registry.class_status s \
         cross join lateral ( \
             select a.household_id, a.person_id from registry.membership a \
             where a.household_id = s.household_id and a.valid_to is null \
             union all \
             select b.household_id, b.person_id from registry.membership b \
             where b.person_id = s.person_id and b.valid_to is null) m \
         join registry.person p on p.person_id = m.person_id \
         join registry.household h on h.household_id = m.household_id \
         where (cardinality($1::text[]) = 0 or s.assistance_class = any($1)) and h.division_code like $2 || '%' \
             and s.valid_from <= $3 and (s.valid_to is null or s.valid_to >= $3) \
             and (s.class_status_id, p.person_id) > ($4, $5) \
         order by s.class_status_id, p.person_id limit $6",
    )
    .bind(filter.classes)
    .bind(filter.prefix)
    .bind(filter.today)
    .bind(filter.after.0)
    .bind(filter.after.1)
    .bind(filter.size)
    .fetch_all(conn)
    .await?;
    Ok(rows)
}
