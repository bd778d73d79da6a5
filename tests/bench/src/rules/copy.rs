//! The least that reading every input and writing every result costs: COPY out of the tables the pack may read, thrown
//! away, and COPY in of the very rows our side stored, each in one go.

use anyhow::ensure;
use bytes::Bytes;
use futures::TryStreamExt as _;
use minqing_policy::catalogue;
use sqlx::{Connection as _, PgConnection};

use super::town::run;

/// Bytes of a binary COPY of the stored outcomes.
pub async fn results(connection: &mut PgConnection) -> anyhow::Result<Vec<Bytes>> {
    Ok(connection.copy_out_raw("copy bench.outcome to stdout (format binary)").await?.try_collect().await?)
}

/// Bytes read and written.
#[derive(Default)]
pub struct Moved {
    pub out: usize,
    pub within: usize,
}

/// Reads the inputs and writes the results.
pub async fn both(url: &str, results: &[Bytes]) -> anyhow::Result<Moved> {
    let mut connection = PgConnection::connect(url).await?;
    let mut out = 0;
    for table in catalogue::readable_tables() {
        let statement = format!("copy {table} to stdout (format binary)");
        let mut stream = connection.copy_out_raw(&statement).await?;
        while let Some(part) = stream.try_next().await? {
            out += part.len();
        }
    }
    run(&mut connection, "truncate bench.anchor").await?;
    let mut copy = connection.copy_in_raw("copy bench.anchor from stdin (format binary)").await?;
    let mut within = 0;
    for part in results {
        within += part.len();
        copy.send(part.clone()).await?;
    }
    copy.finish().await?;
    connection.close().await?;
    ensure!(out > 0 && within > 0, "nothing was copied");
    Ok(Moved { out, within })
}
