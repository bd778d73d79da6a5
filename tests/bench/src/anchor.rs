//! What the bare parts reach on this machine: COPY into the same keys and indexes, a plain echo, a select with an audit
//! row, the batched pipeline without a mesh.

use bytes::Bytes;
use sqlx::{AssertSqlSafe, Connection as _, PgConnection};

/// A table like one of monitoring's, with its keys and indexes, in a schema of its own.
pub async fn copy_table(connection: &mut PgConnection, like: &'static str) -> anyhow::Result<()> {
    let statements = format!(
        "drop schema if exists bench cascade; create schema bench; create table bench.record (like {like} including all)"
    );
    sqlx::raw_sql(AssertSqlSafe(statements)).execute(connection).await?;
    Ok(())
}

/// COPY of `rows` rows in commits of 10,000; the columns are those of the table in order, filled as the mesh fills them.
pub async fn copy(url: &str, columns: &[(String, String)], first: usize, rows: usize) -> anyhow::Result<()> {
    let mut connection = PgConnection::connect(url).await?;
    let names: Vec<&str> = columns.iter().map(|(name, _)| name.as_str()).collect();
    let statement = format!("copy bench.record ({}) from stdin", names.join(", "));
    for start in (first..first + rows).step_by(10_000) {
        let end = (start + 10_000).min(first + rows);
        let mut text = String::with_capacity((end - start) * 256);
        for n in start..end {
            for (index, (name, kind)) in columns.iter().enumerate() {
                if index > 0 {
                    text.push('\t');
                }
                text.push_str(&value(name, kind, n));
            }
            text.push('\n');
        }
        let mut copy = connection.copy_in_raw(&statement).await?;
        copy.send(Bytes::from(text)).await?;
        copy.finish().await?;
    }
    connection.close().await?;
    Ok(())
}

fn value(name: &str, kind: &str, n: usize) -> String {
    match kind {
        // Random keys, as keyed hashes are: the index has no good order to go by.
        "uuid" => uuid::Uuid::new_v5(&uuid::Uuid::NAMESPACE_OID, format!("{name}{n}").as_bytes()).to_string(),
        "bytea" => format!("\\\\x{:064x}", n),
        "date" => {
            if name == "ended_on" {
                "\\N".to_owned()
            } else {
                "2026-10-20".to_owned()
            }
        }
        "bigint" => (n % 100_000).to_string(),
        "integer" => (n % 100).to_string(),
        "boolean" => "f".to_owned(),
        _ => match name {
            "division_code" => "621202100000".to_owned(),
            "county_code" => "621202000000".to_owned(),
            "visit_no" => format!("V{n:012}"),
            "paid_month" => "2026-09".to_owned(),
            _ => "inpatient".to_owned(),
        },
    }
}

/// Columns of the anchor's table.
pub async fn columns(connection: &mut PgConnection) -> anyhow::Result<Vec<(String, String)>> {
    Ok(sqlx::query_as(AssertSqlSafe(
        "select column_name::text, case data_type when 'timestamp with time zone' then 'date' else data_type::text end \
         from information_schema.columns where table_schema = 'bench' and table_name = 'record' \
         order by ordinal_position"
            .to_owned(),
    ))
    .fetch_all(connection)
    .await?)
}
