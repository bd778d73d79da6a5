//! The admin step before any service starts: one login role per service that owns its own schema and can do nothing
//! elsewhere. Idempotent; run by whoever owns the database.

use std::str::FromStr;

use anyhow::{Context as _, ensure};
use sqlx::{AssertSqlSafe, Connection, PgConnection, postgres::PgConnectOptions};

/// Role that evaluates the SQL of policy packs: no login, no rights but those monitoring grants it.
pub const POLICY_ROLE: &str = "minqing_policy";
/// Schema of the service that evaluates policy packs.
const POLICY_SCHEMAS: [&str; 2] = ["monitoring", "identification"];
/// Longest name PostgreSQL keeps.
const MAX_IDENTIFIER: usize = 63;
/// Roles belong to the whole cluster, so two databases provisioned at once can meet; the later one tries again.
const MAX_TRIES: u32 = 20;

/// A service's own role and schema.
#[derive(Clone)]
pub struct ServiceAccount {
    pub schema: String,
    pub role: String,
    pub password: String,
}

impl std::fmt::Debug for ServiceAccount {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ServiceAccount").field("schema", &self.schema).field("role", &self.role).finish_non_exhaustive()
    }
}

/// Makes roles and schemas, or brings them into this state.
pub async fn provision(admin_url: &str, accounts: &[ServiceAccount]) -> anyhow::Result<()> {
    for account in accounts {
        check_identifier(&account.schema)?;
        check_identifier(&account.role)?;
    }
    let options = PgConnectOptions::from_str(admin_url)?.application_name("minqing-provision");
    let mut connection = PgConnection::connect_with(&options).await.context("the database cannot be reached")?;
    let mut tries = 1;
    loop {
        match apply(&mut connection, accounts).await {
            Err(error) if tries < MAX_TRIES && met_another(&error) => {
                tokio::time::sleep(std::time::Duration::from_millis(u64::from(20 * tries))).await;
                tries += 1;
            }
            result => {
                result.context("the database cannot be provisioned")?;
                break;
            }
        }
    }
    connection.close().await?;
    Ok(())
}

/// Another session changed the same role: "tuple concurrently updated", or the role exists since a moment ago.
fn met_another(error: &sqlx::Error) -> bool {
    let code = error.as_database_error().and_then(sqlx::error::DatabaseError::code);
    matches!(code.as_deref(), Some("XX000" | "23505" | "42710" | "40P01"))
}

async fn apply(connection: &mut PgConnection, accounts: &[ServiceAccount]) -> Result<(), sqlx::Error> {
    let mut transaction = connection.begin().await?;
    let database: String = sqlx::query_scalar("select current_database()::text").fetch_one(&mut *transaction).await?;
    let database = quoted(&database);
    let mut script = format!(
        "do $$ begin if not exists (select from pg_roles where rolname = '{POLICY_ROLE}') then \
           create role {POLICY_ROLE} nologin noinherit; end if; end $$;\n\
         alter role {POLICY_ROLE} nologin nosuperuser nocreatedb nocreaterole;\n\
         revoke all on database {database} from public;\n\
         revoke all on schema public from public;\n"
    );
    for ServiceAccount { schema, role, password } in accounts {
        let password = password.replace('\'', "''");
        script.push_str(&format!(
            "do $$ begin if not exists (select from pg_roles where rolname = '{role}') then \
               create role {role} login; end if; end $$;\n\
             alter role {role} login nosuperuser nocreatedb nocreaterole noreplication password '{password}';\n\
             grant {role} to current_user;\n\
             grant connect, temporary on database {database} to {role};\n\
             create schema if not exists {schema} authorization {role};\n\
             alter schema {schema} owner to {role};\n\
             revoke all on schema {schema} from public;\n"
        ));
        if POLICY_SCHEMAS.contains(&schema.as_str()) {
            script.push_str(&format!("grant {POLICY_ROLE} to {role};\n"));
        }
    }
    sqlx::raw_sql(AssertSqlSafe(script)).execute(&mut *transaction).await?;
    transaction.commit().await
}

fn quoted(identifier: &str) -> String {
    format!("\"{}\"", identifier.replace('"', "\"\""))
}

/// Only plain names, so that no name needs quoting.
pub(super) fn check_identifier(name: &str) -> anyhow::Result<()> {
    let plain = name.starts_with(|c: char| c.is_ascii_lowercase())
        && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
    ensure!(plain && name.len() <= MAX_IDENTIFIER, "{name:?} is not a plain lower-case name");
    Ok(())
}
