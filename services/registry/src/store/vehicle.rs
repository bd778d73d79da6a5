//! Rows of registry.vehicle.

use chrono::NaiveDate;
use minqing_kit::Result;
use sqlx::PgConnection;
use uuid::Uuid;

use crate::domain::plan::{AddVehicle, OpenVehicle};

type Row = (Uuid, Uuid, String, String, String, Option<NaiveDate>, NaiveDate);

pub async fn open(conn: &mut PgConnection, households: &[Uuid]) -> Result<Vec<OpenVehicle>> {
    let rows: Vec<Row> = sqlx::query_as(
        "select vehicle_id, household_id, plate_hash, kind, vehicle_use, registered_on, valid_from \
         from registry.vehicle where valid_to is null and household_id = any($1) order by household_id, plate_hash",
    )
    .bind(households)
    .fetch_all(conn)
    .await?;
    let open = |(vehicle_id, household_id, plate_hash, kind, vehicle_use, registered_on, valid_from): Row| {
        OpenVehicle { vehicle_id, household_id, plate_hash, kind, vehicle_use, registered_on, valid_from }
    };
    Ok(rows.into_iter().map(open).collect())
}

pub async fn close(conn: &mut PgConnection, ends: &[(Uuid, NaiveDate)]) -> Result<()> {
    sqlx::query(
        "update registry.vehicle v set valid_to = u.last_day from unnest($1::uuid[], $2::date[]) as u (id, last_day) \
         where v.vehicle_id = u.id and v.valid_to is null",
    )
    .bind(ends.iter().map(|e| e.0).collect::<Vec<_>>())
    .bind(ends.iter().map(|e| e.1).collect::<Vec<_>>())
    .execute(conn)
    .await?;
    Ok(())
}

pub async fn insert(conn: &mut PgConnection, new: &[(Uuid, AddVehicle<'_>)], from: NaiveDate) -> Result<()> {
    sqlx::query(
        "insert into registry.vehicle \
             (vehicle_id, household_id, plate_hash, kind, vehicle_use, registered_on, valid_from) \
         select u.*, $7 from unnest($1::uuid[], $2::uuid[], $3::text[], $4::text[], $5::text[], $6::date[]) as u",
    )
    .bind(new.iter().map(|v| v.0).collect::<Vec<_>>())
    .bind(new.iter().map(|v| v.1.household_id).collect::<Vec<_>>())
    .bind(new.iter().map(|v| v.1.vehicle.plate_hash.clone()).collect::<Vec<_>>())
    .bind(new.iter().map(|v| v.1.vehicle.kind.clone()).collect::<Vec<_>>())
    .bind(new.iter().map(|v| v.1.vehicle.vehicle_use.clone()).collect::<Vec<_>>())
    .bind(new.iter().map(|v| v.1.vehicle.registered_on()).collect::<Vec<_>>())
    .bind(from)
    .execute(conn)
    .await?;
    Ok(())
}
