//! J4: a record sent by a bureau until its referral is in the competent bureau's hands; beside the bare pipeline of the same
//! durable steps: insert and commit, XADD, XREADGROUP, insert and commit, an answer read back. First one after another, then
//! while another bureau sends batches of 20,000 rows without a pause: an urgent record must not wait behind a large feed.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    time::{Duration, Instant},
};

use anyhow::{bail, ensure};
use minqing_proto::minqing::{
    bureau::{
        rural::v1::MonitoredHousehold,
        v1::{
            AcknowledgeReferralsRequest, BatchHeader, BatchRows, FetchReferralsRequest, SubmitBatchRequest,
            exchange_service_client::ExchangeServiceClient, submit_batch_request::Part,
        },
    },
    types::v1::BatchMode,
};
use prost::Message as _;
use prost_types::Any;
use redis::AsyncCommands as _;
use serde_json::{Value, json};
use sqlx::{Connection as _, PgConnection};
use tonic::{Request, transport::Channel};

use crate::{
    ingest,
    measure::{percentile, round},
    mesh::Mesh,
    people, query,
};

/// Records sent a repeat, one after the other has come through.
const RECORDS: usize = 20;
/// Longest wait for one referral.
const PATIENCE: Duration = Duration::from_secs(60);
/// Batches of the other bureau have numbers of their own.
const LOAD_ROUND: usize = 100;

pub async fn run(mesh: &Mesh, repeats: usize) -> anyhow::Result<Value> {
    query::register(mesh).await?;
    let channel = mesh.channel("adapter-rural", "bureau/rural").await?;
    let today = mesh.today()?;
    let (mut ours, mut bare) = (Vec::new(), Vec::new());
    for repeat in 0..=repeats {
        for n in 0..RECORDS {
            let (mine, anchor) = (one(&channel, &today, repeat * RECORDS + n).await?, bare_pipeline(mesh).await?);
            if repeat > 0 {
                ours.push(mine);
                bare.push(anchor);
            }
        }
    }
    let (loaded, rows_per_second) = under_load(mesh, &channel, &today, (repeats + 1) * RECORDS).await?;
    Ok(json!({
        "records": ours.len(),
        "record_to_referral_p50_ms": round(percentile(&ours, 50.0)),
        "record_to_referral_p99_ms": round(percentile(&ours, 99.0)),
        "bare_pipeline_p50_ms": round(percentile(&bare, 50.0)),
        "bare_pipeline_p99_ms": round(percentile(&bare, 99.0)),
        "p50_ratio": round(percentile(&ours, 50.0) / percentile(&bare, 50.0)),
        "p99_ratio": round(percentile(&ours, 99.0) / percentile(&bare, 99.0)),
        "under_load_rows_per_second": round(rows_per_second),
        "under_load_p50_ms": round(percentile(&loaded, 50.0)),
        "under_load_p99_ms": round(percentile(&loaded, 99.0)),
        "under_load_slowest_ms": round(percentile(&loaded, 100.0)),
        "goal": "p99 <= 2 x the bare pipeline",
    }))
}

/// Milliseconds of each record while another bureau's batches keep the mesh busy, and the rows of those a second.
async fn under_load(mesh: &Mesh, channel: &Channel, today: &str, first: usize) -> anyhow::Result<(Vec<f64>, f64)> {
    let other = mesh.channel("adapter-medical_insurance", "bureau/medical_insurance").await?;
    let done = AtomicBool::new(false);
    let load = async {
        let (began, mut batches) = (Instant::now(), 0);
        while !done.load(Ordering::Relaxed) {
            ingest::submit(other.clone(), today, LOAD_ROUND + batches).await?;
            batches += 1;
        }
        #[expect(clippy::cast_precision_loss, reason = "small counts")]
        let rows = (batches * ingest::ROWS) as f64;
        anyhow::Ok(rows / began.elapsed().as_secs_f64())
    };
    let records = async {
        let mut took = Vec::new();
        for n in 0..2 * RECORDS {
            took.push(one(channel, today, first + n).await?);
        }
        done.store(true, Ordering::Relaxed);
        anyhow::Ok(took)
    };
    let (rate, took) = tokio::try_join!(load, records)?;
    Ok((took, rate))
}

/// Milliseconds from sending one monitored household, long without a check, to holding its referral (A25).
async fn one(channel: &Channel, today: &str, n: usize) -> anyhow::Result<f64> {
    let person = query::FIRST_PERSON + n % query::HOUSEHOLDS;
    let monitored = MonitoredHousehold {
        id_number: people::id_number(person),
        name: people::name(person),
        division_code: "621202100000".to_owned(),
        kind: "sudden".to_owned(),
        entered_on: "2026-03-02".to_owned(),
        risk_state: "open".to_owned(),
        income_fen: 700_000,
        ..MonitoredHousehold::default()
    };
    let row = Any {
        type_url: "type.googleapis.com/minqing.bureau.rural.v1.MonitoredHousehold".to_owned(),
        value: monitored.encode_to_vec(),
    };
    let began = Instant::now();
    submit(channel.clone(), today, "monitored_household", vec![row]).await?;
    let mut client = ExchangeServiceClient::new(channel.clone());
    loop {
        let mut request = Request::new(FetchReferralsRequest {
            request_id: uuid::Uuid::new_v5(&uuid::Uuid::NAMESPACE_OID, format!("{n}{:?}", began.elapsed()).as_bytes())
                .to_string(),
            page_size: 10,
            lease_seconds: 60,
        });
        request.metadata_mut().insert("minqing-purpose", "referral".parse()?);
        let fetched = client.fetch_referrals(request).await?.into_inner().referrals;
        if !fetched.is_empty() {
            let took = began.elapsed().as_secs_f64() * 1e3;
            let receipt = AcknowledgeReferralsRequest {
                request_id: uuid::Uuid::new_v5(&uuid::Uuid::NAMESPACE_OID, fetched[0].name.as_bytes()).to_string(),
                referrals: fetched.into_iter().map(|r| r.name).collect(),
                operator: "bench".to_owned(),
            };
            client.acknowledge_referrals(receipt).await?;
            return Ok(took);
        }
        if began.elapsed() > PATIENCE {
            bail!("no referral came within {PATIENCE:?}");
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

async fn submit(channel: Channel, today: &str, dataset: &str, rows: Vec<Any>) -> anyhow::Result<()> {
    let count = i32::try_from(rows.len())?;
    let body: Vec<u8> = rows.iter().flat_map(|r| r.value.clone()).collect();
    let header = BatchHeader {
        request_id: uuid::Uuid::new_v5(&uuid::Uuid::NAMESPACE_OID, &[dataset.as_bytes(), &body].concat()).to_string(),
        batch_no: format!("bench-{}", body.len()),
        dataset: dataset.to_owned(),
        mode: BatchMode::Changes as i32,
        division_code: "621202".to_owned(),
        as_of: today.to_owned(),
        row_count: count,
        signature: None,
    };
    let mut parts = vec![SubmitBatchRequest { part: Some(Part::Header(header)) }];
    if count > 0 {
        parts.push(SubmitBatchRequest { part: Some(Part::Rows(BatchRows { rows })) });
    }
    let answer = ExchangeServiceClient::new(channel).submit_batch(Request::new(tokio_stream::iter(parts))).await?;
    let answer = answer.into_inner();
    ensure!(answer.errors.is_empty(), "refused: {:?}", answer.errors.first());
    Ok(())
}

/// Milliseconds of the same durable steps without checks, rules or services between them.
async fn bare_pipeline(mesh: &Mesh) -> anyhow::Result<f64> {
    let mut connection = PgConnection::connect(mesh.database()?).await?;
    sqlx::raw_sql(
        "create schema if not exists bench; create table if not exists bench.step (id bigserial primary key, body text not null)",
    )
    .execute(&mut connection)
    .await?;
    let mut redis = redis::Client::open(mesh.redis()?)?.get_multiplexed_async_connection().await?;
    let began = Instant::now();
    // Record, warning, work order and referral, stored at the adapter: three services, three commits, two hints.
    for hop in 0..3 {
        sqlx::query("insert into bench.step (body) values ($1)").bind("x".repeat(200)).execute(&mut connection).await?;
        if hop < 2 {
            let id: String = redis.xadd("bench:hint", "*", &[("position", "1")]).await?;
            let _: redis::streams::StreamReadReply = redis.xread(&["bench:hint"], &["0"]).await?;
            let _: i64 = redis.xdel("bench:hint", &[id]).await?;
        }
    }
    let _: i64 = sqlx::query_scalar("select max(id) from bench.step").fetch_one(&mut connection).await?;
    let took = began.elapsed().as_secs_f64() * 1e3;
    connection.close().await?;
    Ok(took)
}
