//! Tells the other services how households stand now: `HouseholdChanged` holds the whole state, keys only.

use std::collections::{BTreeSet, HashMap};

use chrono::NaiveDate;
use minqing_kit::{Result, db::Work, id::name};
use minqing_proto::minqing::{
    registry::v1::{HouseholdChanged, RosterClass, RosterMember, RosterVehicle},
    types::v1::Sex,
};
use sqlx::PgConnection;
use uuid::Uuid;

use super::{class_status, vehicle};
use crate::domain::class::{area_of, class_of};

/// Read by services only: adapters get their own events and those for everyone, and whole households are neither.
const AUDIENCE: &str = "service";
/// Key of the advisory lock under which the roster is written.
const ROSTER_LOCK: i64 = 0x6d69_6e71_0001;

/// Waits until nobody else writes the roster; held to the end of the transaction.
pub async fn lock(conn: &mut PgConnection) -> Result<()> {
    sqlx::query("select pg_advisory_xact_lock($1)").bind(ROSTER_LOCK).execute(conn).await?;
    Ok(())
}

#[derive(sqlx::FromRow)]
struct HouseholdRow {
    household_id: Uuid,
    division_code: String,
    area_kind: String,
    declared_income_fen: i64,
    income_as_of: NaiveDate,
    financial_assets_fen: i64,
    house_count: i32,
    as_of: NaiveDate,
}

#[derive(sqlx::FromRow)]
struct MemberRow {
    household_id: Uuid,
    person_key: Uuid,
    birth_on: NaiveDate,
    sex: i16,
    relation: String,
    joined_on: NaiveDate,
}

/// Emits the state of each household, changed on `changed_on`.
pub async fn emit(work: &mut Work, households: &[Uuid], changed_on: NaiveDate) -> Result<()> {
    let ids: Vec<Uuid> = households.iter().copied().collect::<BTreeSet<_>>().into_iter().collect();
    let today = work.today();
    let mut events = households_now(work.conn(), &ids, changed_on).await?;
    add_members(work.conn(), &ids, &mut events).await?;
    add_classes(work.conn(), &ids, today, &mut events).await?;
    add_vehicles(work.conn(), &ids, &mut events).await?;
    for id in &ids {
        if let Some(event) = events.remove(id) {
            work.emit(&event.household.clone(), &event, Some(AUDIENCE));
        }
    }
    Ok(())
}

type Events = HashMap<Uuid, HouseholdChanged>;

async fn households_now(conn: &mut PgConnection, ids: &[Uuid], changed_on: NaiveDate) -> Result<Events> {
    let rows: Vec<HouseholdRow> = sqlx::query_as(
        "select household_id, division_code, area_kind, declared_income_fen, income_as_of, financial_assets_fen, \
             house_count, as_of from registry.household where household_id = any($1)",
    )
    .bind(ids)
    .fetch_all(conn)
    .await?;
    let event = |r: HouseholdRow| HouseholdChanged {
        household: name("households", r.household_id),
        division_code: r.division_code,
        area_kind: area_of(&r.area_kind).into(),
        declared_income_fen: r.declared_income_fen,
        income_as_of: r.income_as_of.to_string(),
        financial_assets_fen: r.financial_assets_fen,
        house_count: r.house_count,
        as_of: r.as_of.max(changed_on).to_string(),
        ..HouseholdChanged::default()
    };
    Ok(rows.into_iter().map(|r| (r.household_id, event(r))).collect())
}

async fn add_members(conn: &mut PgConnection, ids: &[Uuid], events: &mut Events) -> Result<()> {
    let rows: Vec<MemberRow> = sqlx::query_as(
        "select m.household_id, p.person_key, p.birth_on, p.sex, m.relation, m.joined_on \
         from registry.membership m join registry.person p using (person_id) \
         where m.household_id = any($1) and m.valid_to is null order by m.household_id, p.person_key",
    )
    .bind(ids)
    .fetch_all(conn)
    .await?;
    for row in rows {
        let Some(event) = events.get_mut(&row.household_id) else { continue };
        event.members.push(RosterMember {
            person_key: row.person_key.to_string(),
            birth_on: row.birth_on.to_string(),
            sex: Sex::try_from(i32::from(row.sex)).unwrap_or_default().into(),
            relation: row.relation,
            joined_on: row.joined_on.to_string(),
        });
    }
    Ok(())
}

/// Classes in force today. The day on which one begins or has ended makes an event of its own (`class_due`).
async fn add_classes(conn: &mut PgConnection, ids: &[Uuid], today: NaiveDate, events: &mut Events) -> Result<()> {
    for row in class_status::of_households(conn, ids).await? {
        let Some(event) = events.get_mut(&row.shown_in) else { continue };
        if row.valid_from > today || row.valid_to.is_some_and(|last_day| last_day < today) {
            continue;
        }
        event.classes.push(RosterClass {
            assistance_class: class_of(&row.assistance_class).into(),
            person_key: row.person_key.map(|key| key.to_string()).unwrap_or_default(),
            valid_from: row.valid_from.to_string(),
            amount_fen: row.amount_fen,
        });
    }
    Ok(())
}

async fn add_vehicles(conn: &mut PgConnection, ids: &[Uuid], events: &mut Events) -> Result<()> {
    for row in vehicle::open(conn, ids).await? {
        let Some(event) = events.get_mut(&row.household_id) else { continue };
        event.vehicles.push(RosterVehicle {
            kind: row.kind,
            vehicle_use: row.vehicle_use,
            registered_on: row.registered_on.map(|day| day.to_string()).unwrap_or_default(),
        });
    }
    Ok(())
}
