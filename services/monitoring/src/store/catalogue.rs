//! Record set tables, made from the policy crate's catalogue at start, and the reading rights of the role that runs
//! the policy pack's SQL. Only adds: a column of a newer contract joins an existing table.

use minqing_kit::{Result, db::POLICY_ROLE};
use minqing_policy::catalogue;
use sqlx::{AssertSqlSafe, PgConnection};

/// Makes what is missing of the record sets' tables.
pub async fn ensure(conn: &mut PgConnection) -> Result<()> {
    let script: Vec<String> = catalogue::record_sets().iter().flat_map(catalogue::record_table_ddl).collect();
    sqlx::raw_sql(AssertSqlSafe(script.join(";\n"))).execute(conn).await?;
    Ok(())
}

/// Whether the session may become the policy role.
pub async fn has_policy_role(conn: &mut PgConnection) -> Result<bool> {
    let member = sqlx::query_scalar(
        "select coalesce((select pg_has_role(current_user, r.oid, 'member') from pg_roles r where r.rolname = $1), false)",
    )
    .bind(POLICY_ROLE)
    .fetch_one(conn)
    .await?;
    Ok(member)
}

/// Lets the policy role read the catalogue and nothing else. Warnings are readable by key only, to find the open ones.
pub async fn grant(conn: &mut PgConnection) -> Result<()> {
    let tables = catalogue::readable_tables().join(", ");
    let script = format!(
        "grant usage on schema monitoring to {POLICY_ROLE};\n\
         grant select on {tables} to {POLICY_ROLE};\n\
         grant select (warning_id, indicator, household_id, person_key, subject, cleared_on) on monitoring.warning \
           to {POLICY_ROLE};\n"
    );
    sqlx::raw_sql(AssertSqlSafe(script)).execute(conn).await?;
    Ok(())
}
