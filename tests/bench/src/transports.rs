//! J2, transports: a large feed by each transport (gRPC, files, tables in the bureau's database), each beside COPY of as many rows, and
//! the most memory that the adapter held meanwhile.

use std::{
    fmt::Write as _,
    fs,
    path::Path,
    time::{Duration, Instant},
};

use anyhow::{Context as _, ensure};
use bytes::Bytes;
use minqing_proto::minqing::{
    bureau::{
        hr::v1::InsurancePayment,
        v1::{
            BatchHeader, BatchRows, SubmitBatchRequest, exchange_service_client::ExchangeServiceClient,
            submit_batch_request::Part,
        },
    },
    types::v1::BatchMode,
};
use prost::Message as _;
use prost_types::Any;
use serde_json::{Map, Value, json};
use sqlx::{AssertSqlSafe, Connection as _, PgConnection};
use tonic::Request;

use crate::{
    anchor,
    measure::{Cost, Watch, round},
    mesh::Mesh,
    people,
};

const ADAPTER: &str = "adapter-hr";
/// Rows of one batch; a batch may have 600,000.
const BATCH: usize = 500_000;
/// Longest wait for one transport.
const PATIENCE: Duration = Duration::from_secs(3_600);
const HEADERS: &str = "id_number,name,division_code,employer_code,kind,base_fen,paid_month";

/// Which rows of the feed: no two transports send the same.
#[derive(Clone, Copy)]
struct Stretch {
    first: usize,
    rows: usize,
}

impl Stretch {
    fn batches(self) -> impl Iterator<Item = Stretch> {
        let end = self.first + self.rows;
        (self.first..end).step_by(BATCH).map(move |first| Stretch { first, rows: BATCH.min(end - first) })
    }

    fn name(self) -> String {
        format!("bench-{}", self.first)
    }

    fn numbers(self) -> std::ops::Range<usize> {
        self.first..self.first + self.rows
    }
}

pub async fn run(mesh: &Mesh, bureau_database: &str, rows: usize) -> anyhow::Result<Value> {
    let url = mesh.database()?.to_owned();
    let mut admin = PgConnection::connect(&url).await?;
    anchor::copy_table(&mut admin, "monitoring.record_hr_insurance_payment").await?;
    let columns = anchor::columns(&mut admin).await?;
    let today = mesh.today()?;
    let adapter = process(ADAPTER)?;
    let stretch = |transport: usize| Stretch { first: transport * rows, rows };

    let watch = Watch::start();
    anchor::copy(&url, &columns, 0, rows).await?;
    let copy = watch.stop();
    let mut figures = Map::new();
    figures.insert("rows".to_owned(), json!(rows));
    figures.insert("rows_per_batch".to_owned(), json!(BATCH.min(rows)));
    figures.insert("copy_rows_per_second".to_owned(), per_second(rows, copy));

    forget_peak(adapter)?;
    let grpc = by_grpc(mesh, stretch(0), &today).await?;
    figures.insert("grpc".to_owned(), told(rows, grpc, copy, adapter)?);
    forget_peak(adapter)?;
    let files = by_files(&mesh.exchange_folder(ADAPTER)?, stretch(1), &today).await?;
    figures.insert("files".to_owned(), told(rows, files, copy, adapter)?);
    make_bureau(&mut admin, bureau_database).await?;
    let bureau = PgConnection::connect(bureau_database).await?;
    let tables = by_tables(bureau, stretch(2), &today, adapter).await?;
    figures.insert("tables".to_owned(), told(rows, tables, copy, adapter)?);
    figures.insert("goal".to_owned(), json!("adapter_peak_mib < 512, its limit in Kubernetes"));

    let stored: i64 =
        sqlx::query_scalar("select count(*) from monitoring.record_hr_insurance_payment where ended_on is null")
            .fetch_one(&mut admin)
            .await?;
    ensure!(usize::try_from(stored)? >= 3 * rows, "{stored} rows are stored of {}", 3 * rows);
    admin.close().await?;
    Ok(Value::Object(figures))
}

fn per_second(rows: usize, cost: Cost) -> Value {
    #[expect(clippy::cast_precision_loss, reason = "small counts")]
    let rate = rows as f64 / cost.wall;
    json!(round(rate))
}

fn told(rows: usize, ours: Cost, copy: Cost, adapter: u32) -> anyhow::Result<Value> {
    Ok(json!({
        "rows_per_second": per_second(rows, ours),
        "ratio_to_copy": round(copy.wall / ours.wall),
        "cpu_ratio_to_copy": round(ours.cpu / copy.cpu),
        "adapter_peak_mib": peak_mib(adapter)?,
    }))
}

async fn by_grpc(mesh: &Mesh, all: Stretch, today: &str) -> anyhow::Result<Cost> {
    let mut client = ExchangeServiceClient::new(mesh.channel(ADAPTER, "bureau/hr").await?);
    let watch = Watch::start();
    for batch in all.batches() {
        let header = BatchHeader {
            request_id: uuid::Uuid::new_v5(&uuid::Uuid::NAMESPACE_OID, batch.name().as_bytes()).to_string(),
            batch_no: batch.name(),
            dataset: "insurance_payment".to_owned(),
            mode: BatchMode::Changes as i32,
            division_code: "621202".to_owned(),
            as_of: today.to_owned(),
            row_count: i32::try_from(batch.rows)?,
            signature: None,
        };
        let end = batch.numbers().end;
        let rows = batch.numbers().step_by(1000).map(move |start| {
            let rows = (start..(start + 1000).min(end)).map(row).collect();
            SubmitBatchRequest { part: Some(Part::Rows(BatchRows { rows })) }
        });
        let parts = std::iter::once(SubmitBatchRequest { part: Some(Part::Header(header)) }).chain(rows);
        let mut request = Request::new(tokio_stream::iter(parts));
        request.set_timeout(PATIENCE);
        let answer = client.submit_batch(request).await?.into_inner();
        let accepted = usize::try_from(answer.batch.map_or(0, |batch| batch.accepted))?;
        ensure!(accepted == batch.rows, "{accepted} of {} rows accepted: {:?}", batch.rows, answer.errors.first());
    }
    Ok(watch.stop())
}

fn row(n: usize) -> Any {
    let payment = InsurancePayment {
        id_number: people::id_number(n),
        name: people::name(n),
        division_code: "621202100000".to_owned(),
        employer_code: String::new(),
        kind: "flexible".to_owned(),
        base_fen: 400_000,
        paid_month: "2026-09".to_owned(),
    };
    let type_url = "type.googleapis.com/minqing.bureau.hr.v1.InsurancePayment".to_owned();
    Any { type_url, value: payment.encode_to_vec() }
}

fn cells(n: usize) -> [String; 2] {
    [people::id_number(n), people::name(n)]
}

/// Writing the files is the bureau's work and not measured; from handing over the first to the last result is.
async fn by_files(folder: &Path, all: Stretch, today: &str) -> anyhow::Result<Cost> {
    let mut files = Vec::new();
    for batch in all.batches() {
        let name = format!("insurance_payment__621202__{today}__changes__{}__{}.csv", batch.name(), batch.rows);
        let mut text = String::with_capacity(batch.rows * 80);
        writeln!(text, "{HEADERS}")?;
        for [id_number, name] in batch.numbers().map(cells) {
            writeln!(text, "{id_number},{name},621202100000,,flexible,400000,2026-09")?;
        }
        let part = folder.join("inbox").join(format!("{name}.part"));
        fs::write(&part, text)?;
        files.push((part, name));
    }
    let watch = Watch::start();
    for (part, name) in &files {
        fs::rename(part, folder.join("inbox").join(name))?;
    }
    for (_, name) in &files {
        let result = folder.join("result").join(format!("{name}.result.csv"));
        wait(|| Ok(result.exists())).await?;
    }
    Ok(watch.stop())
}

/// A bureau's database with the tables that its DBA makes. The adapter finds it within a minute.
async fn make_bureau(admin: &mut PgConnection, url: &str) -> anyhow::Result<()> {
    let name = url.rsplit('/').next().and_then(|rest| rest.split('?').next()).context("no database in the URL")?;
    sqlx::raw_sql(AssertSqlSafe(format!("create database {name}"))).execute(&mut *admin).await?;
    let minqing = std::env::current_exe()?.with_file_name("minqing");
    let script = std::process::Command::new(minqing)
        .args(["exchange", "tables", "--bureau", "hr", "--database", "postgres"])
        .output()?;
    let mut bureau = PgConnection::connect(url).await?;
    let script = String::from_utf8(script.stdout)?;
    sqlx::raw_sql(AssertSqlSafe(format!("create role minqing_exchange; {script}"))).execute(&mut bureau).await?;
    bureau.close().await?;
    Ok(())
}

/// Filling the table is the bureau's work and not measured; from the first control row to the last result is.
async fn by_tables(mut bureau: PgConnection, all: Stretch, today: &str, adapter: u32) -> anyhow::Result<Cost> {
    for batch in all.batches() {
        let statement = format!("copy mq_insurance_payment (mq_seq, mq_batch_no, {HEADERS}) from stdin (format csv)");
        let mut copy = bureau.copy_in_raw(&statement).await?;
        let mut text = String::new();
        for n in batch.numbers() {
            let [id_number, name] = cells(n);
            writeln!(text, "{n},{},{id_number},{name},621202100000,,flexible,400000,2026-09", batch.name())?;
            if text.len() > 1_000_000 {
                copy.send(Bytes::from(std::mem::take(&mut text))).await?;
            }
        }
        copy.send(Bytes::from(text)).await?;
        copy.finish().await?;
    }
    sqlx::raw_sql("analyze").execute(&mut bureau).await?;
    forget_peak(adapter)?;
    let watch = Watch::start();
    let mut batches = 0_i64;
    for batch in all.batches() {
        sqlx::query(
            "insert into mq_batch (batch_no, dataset, county, as_of, mode, row_count, ready_at) \
             values ($1, 'insurance_payment', '621202', $2::date, 'changes', $3, now())",
        )
        .bind(batch.name())
        .bind(today)
        .bind(i32::try_from(batch.rows)?)
        .execute(&mut bureau)
        .await?;
        batches += 1;
    }
    let began = Instant::now();
    loop {
        let (done, accepted): (i64, Option<i64>) =
            sqlx::query_as("select count(*), sum(accepted) from mq_batch_result").fetch_one(&mut bureau).await?;
        if done == batches {
            ensure!(accepted == Some(i64::try_from(all.rows)?), "{accepted:?} of {} rows accepted", all.rows);
            return Ok(watch.stop());
        }
        ensure!(began.elapsed() < PATIENCE, "the adapter answered {done} of {batches} batches");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

async fn wait(mut condition: impl FnMut() -> anyhow::Result<bool>) -> anyhow::Result<()> {
    let began = Instant::now();
    while !condition()? {
        ensure!(began.elapsed() < PATIENCE, "nothing came within {} s", PATIENCE.as_secs());
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    Ok(())
}

/// The process of a service of this mesh.
fn process(service: &str) -> anyhow::Result<u32> {
    for entry in fs::read_dir("/proc")? {
        let path = entry?.path();
        let command = fs::read_to_string(path.join("cmdline")).unwrap_or_default();
        if let [program, "serve", name, ..] = command.split('\0').collect::<Vec<_>>().as_slice()
            && program.ends_with("/minqing")
            && *name == service
        {
            return path.file_name().and_then(|name| name.to_str()?.parse().ok()).context("no process id");
        }
    }
    anyhow::bail!("{service} does not run")
}

/// Lets the kernel begin the peak anew.
fn forget_peak(pid: u32) -> anyhow::Result<()> {
    fs::write(format!("/proc/{pid}/clear_refs"), "5").context("cannot reset the adapter's peak memory")
}

/// Most memory the process held since then.
fn peak_mib(pid: u32) -> anyhow::Result<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).context("no peak in the status")?;
    Ok(line.split_whitespace().next().context("no figure")?.parse::<u64>()? / 1024)
}
