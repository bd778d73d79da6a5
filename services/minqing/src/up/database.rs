//! Roles, schemas and databases in the PostgreSQL given.
//!
//! Migrations run once, in a template database named after their content; `--fresh` copies the template, which takes
//! well under a second, so a new run starts from empty registers without migrating anything again.

use std::str::FromStr as _;

use anyhow::Context as _;
use minqing_kit::db::{self, ServiceAccount};
use sqlx::{AssertSqlSafe, Connection as _, PgConnection, postgres::PgConnectOptions};

use super::Options;
use crate::services;

const DATABASE: &str = "minqing";

/// Makes sure that the database is there and migrated, and returns the administrator's URL to it.
pub async fn prepare(options: &Options) -> anyhow::Result<String> {
    let mut admin = connect(&options.database_url).await?;
    let template = format!("minqing_template_{}", migrations_digest()?);
    if !exists(&mut admin, &template).await? {
        let building = format!("{template}_building");
        drop_database(&mut admin, &building).await?;
        execute(&mut admin, format!("create database {building}")).await?;
        let url = with_database(&options.database_url, &building)?;
        provision_and_migrate(&url).await?;
        execute(&mut admin, format!("alter database {building} rename to {template}")).await?;
    }
    if options.fresh {
        drop_database(&mut admin, DATABASE).await?;
    }
    if !exists(&mut admin, DATABASE).await? {
        execute(&mut admin, format!("create database {DATABASE} template {template}")).await?;
    }
    let url = with_database(&options.database_url, DATABASE)?;
    db::provision(&url, &accounts()).await?;
    Ok(url)
}

/// Login role of each service, owner of its own schema and of nothing else.
pub fn accounts() -> Vec<ServiceAccount> {
    services::names()
        .into_iter()
        .map(|name| {
            let schema = services::schema(&name);
            // The cluster of `up` is bound to the loopback and trusts it; a real one sets its own passwords.
            ServiceAccount { role: format!("minqing_{schema}"), password: format!("dev_{schema}"), schema }
        })
        .collect()
}

/// The URL a service connects with: its own role, not the administrator's.
pub fn service_url(admin_url: &str, name: &str) -> anyhow::Result<String> {
    let schema = services::schema(name);
    let (scheme, rest) = admin_url.split_once("://").context("the database URL has no scheme")?;
    let host = rest.rsplit_once('@').map_or(rest, |(_, host)| host);
    Ok(format!("{scheme}://minqing_{schema}:dev_{schema}@{host}"))
}

/// Roles, schemas and migrations in the database that the administrator's URL names.
pub async fn provision_and_migrate(admin_url: &str) -> anyhow::Result<()> {
    db::provision(admin_url, &accounts()).await?;
    migrate(admin_url).await
}

async fn migrate(admin_url: &str) -> anyhow::Result<()> {
    for name in services::names() {
        let def = services::by_name(&name)?;
        db::migrate(&service_url(admin_url, &name)?, &def.schema, def.migrations)
            .await
            .with_context(|| format!("migrating `{name}`"))?;
    }
    Ok(())
}

/// Digest over every migration, so that a changed schema gets a new template.
fn migrations_digest() -> anyhow::Result<String> {
    let mut digest = 0xcbf2_9ce4_8422_2325_u64;
    for name in services::names() {
        let def = services::by_name(&name)?;
        for migration in db::kit_migrations().iter().chain(def.migrations.iter()) {
            for byte in name.bytes().chain(migration.checksum.iter().copied()) {
                digest = (digest ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
            }
        }
    }
    Ok(format!("{digest:016x}"))
}

fn with_database(url: &str, database: &str) -> anyhow::Result<String> {
    let (base, query) = url.split_once('?').map_or((url, None), |(base, query)| (base, Some(query)));
    let (server, _) = base.rsplit_once('/').context("the database URL names no database")?;
    Ok(match query {
        Some(query) => format!("{server}/{database}?{query}"),
        None => format!("{server}/{database}"),
    })
}

async fn connect(url: &str) -> anyhow::Result<PgConnection> {
    let options = PgConnectOptions::from_str(url).context("the database URL is not valid")?;
    PgConnection::connect_with(&options).await.context("cannot connect to PostgreSQL")
}

async fn exists(admin: &mut PgConnection, database: &str) -> anyhow::Result<bool> {
    Ok(sqlx::query_scalar("select exists (select from pg_database where datname = $1)")
        .bind(database)
        .fetch_one(admin)
        .await?)
}

async fn drop_database(admin: &mut PgConnection, database: &str) -> anyhow::Result<()> {
    execute(admin, format!("drop database if exists {database} with (force)")).await
}

async fn execute(admin: &mut PgConnection, statement: String) -> anyhow::Result<()> {
    sqlx::query(AssertSqlSafe(statement)).execute(admin).await?;
    Ok(())
}
