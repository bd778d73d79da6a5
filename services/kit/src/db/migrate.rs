//! Migrations: the kit's own tables first, then the service's, under one advisory lock per schema, each with its
//! own table of what was applied. Running it again changes nothing.

use anyhow::Context as _;
use sqlx::{
    Connection, PgConnection, SqlSafeStr,
    migrate::{Migration, MigrationType, Migrator},
    postgres::PgConnectOptions,
};

/// First key of the advisory locks under which schemas are migrated.
const MIGRATION_LOCK: i32 = 0x6d71_6d67;
/// Longest wait for another instance that is migrating.
const MIGRATION_WAIT: &str = "set lock_timeout = '60s'";

/// Months of the audit made ahead.
const AUDIT_MONTHS: i32 = 3;

/// The kit's own migrations, the same in every schema.
pub fn kit_migrations() -> Migrator {
    let all = [
        (1, "kit", include_str!("../../migrations/0001_kit.sql")),
        (2, "audit months", include_str!("../../migrations/0002_audit_months.sql")),
        (3, "compression", include_str!("../../migrations/0003_compression.sql")),
    ];
    let all = all.map(|(version, title, sql)| {
        Migration::new(version, title.into(), MigrationType::Simple, sql.into_sql_str(), false)
    });
    let mut migrator = Migrator::with_migrations(all.into());
    migrator.set_locking(false).dangerous_set_table_name("_kit_migrations");
    migrator
}

/// Makes the audit's months ahead that are missing; how many.
pub(super) async fn make_audit_months(connection: &mut PgConnection) -> sqlx::Result<i32> {
    sqlx::query_scalar("select audit_make_months($1)").bind(AUDIT_MONTHS).fetch_one(connection).await
}

/// The service's migrations without sqlx's own lock, which is one for the whole database: services migrate side by
/// side.
fn unlocked(migrations: &Migrator) -> Migrator {
    let mut migrator = Migrator::with_migrations(migrations.iter().cloned().collect());
    migrator.set_locking(false);
    migrator
}

pub(super) async fn run(options: &PgConnectOptions, schema: &str, migrations: &Migrator) -> anyhow::Result<()> {
    let mut connection = PgConnection::connect_with(options).await.context("the database cannot be reached")?;
    sqlx::query(MIGRATION_WAIT).execute(&mut connection).await?;
    sqlx::query("select pg_advisory_lock($1, hashtext($2))")
        .bind(MIGRATION_LOCK)
        .bind(schema)
        .execute(&mut connection)
        .await
        .context("another instance is still migrating")?;
    kit_migrations().run_direct(None, &mut connection, false).await.context("the kit's migrations failed")?;
    unlocked(migrations)
        .run_direct(None, &mut connection, false)
        .await
        .with_context(|| format!("the migrations of {schema} failed"))?;
    make_audit_months(&mut connection).await.context("the audit's months cannot be made")?;
    // Ending the session gives the lock back.
    connection.close().await?;
    Ok(())
}
