//! J2, cross-matching: a county's full monthly snapshot of which 3 in 100 rows differ from last month's, from sending it until
//! its rows are stored, those left out have ended, and the warnings it gives rise to stand in monitoring, beside COPY of as
//! many rows. Then the same from the tables alone: every household of the county evaluated until the warnings stand, beside
//! DuckDB, which reads both months and the register from CSV, checks, joins, tells the difference and writes the same
//! findings. Then the changed rows alone.

use std::{
    fmt::Write as _,
    fs,
    path::Path,
    time::{Duration, Instant},
};

use anyhow::{Context as _, ensure};
use minqing_proto::minqing::{
    bureau::{
        hr::v1::InsurancePayment,
        v1::{
            BatchHeader, BatchRows, SubmitBatchRequest, exchange_service_client::ExchangeServiceClient,
            submit_batch_request::Part,
        },
    },
    mesh::v1::{GetBacklogRequest, operations_service_client::OperationsServiceClient},
    registry::v1::{
        ClassRow, HouseholdRow, ImportHeader, ImportHouseholdsRequest, ImportRows, MemberRow,
        import_households_request::Part as ImportPart, registry_service_client::RegistryServiceClient,
    },
    types::v1::{AssistanceClass, BatchMode},
};
use prost::Message as _;
use prost_types::Any;
use serde_json::{Value, json};
use sqlx::{Connection as _, PgConnection};
use tonic::Request;

use crate::{
    anchor,
    measure::{self, Accounts, Watch, between, by_row, round, sum},
    mesh::Mesh,
    people,
};

/// People of other jobs have other numbers.
const FIRST_PERSON: usize = 5_000_000;
const MEMBERS: usize = 3;
/// One household in so many has minimum living.
const AIDED: usize = 6;
/// Months told of each person, the last three complete ones.
const MONTHS: [&str; 3] = ["2026-07", "2026-08", "2026-09"];
const PATIENCE: Duration = Duration::from_secs(3_600);

/// A month as the bureau tells it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Telling {
    Last,
    Now,
}

/// A row: person, month, whether an employer paid, and the base.
type Row = (usize, usize, bool, i64);

/// What the person's month says. Of a hundred persons one has found work since, one is left out, one pays on another base.
fn row(telling: Telling, person: usize, month: usize) -> Option<Row> {
    match (telling, person % 100) {
        (Telling::Now, 7) => Some((person, month, true, 400_000)),
        (Telling::Now, 17) => None,
        (Telling::Now, 27) => Some((person, month, false, 420_000)),
        _ => Some((person, month, false, 400_000)),
    }
}

fn rows(telling: Telling, persons: usize) -> impl Iterator<Item = Row> {
    (0..persons).flat_map(move |person| (0..MONTHS.len()).filter_map(move |month| row(telling, person, month)))
}

fn aided(person: usize) -> bool {
    (person / MEMBERS).is_multiple_of(AIDED)
}

pub async fn run(mesh: &Mesh, households: usize, scratch: &Path, duckdb: Option<&Path>) -> anyhow::Result<Value> {
    let persons = households * MEMBERS;
    let findings = (0..persons).filter(|person| person % 100 == 7 && aided(*person)).count();
    let url = mesh.database()?.to_owned();
    let mut admin = PgConnection::connect(&url).await?;
    let today = mesh.today()?;
    let yesterday = chrono::NaiveDate::parse_from_str(&today, "%Y-%m-%d")?.pred_opt().context("no day before")?;

    let watch = Watch::start();
    register(mesh, households, &today).await?;
    quiet(mesh).await?;
    let registered = watch.stop();

    let first: Vec<Row> = rows(Telling::Last, persons).collect();
    let watch = Watch::start();
    send(mesh, ("last", BatchMode::Snapshot, &yesterday.to_string()), first.clone()).await?;
    quiet(mesh).await?;
    let filled = watch.stop();
    ensure!(warned(&mut admin).await? == 0, "nobody has found work yet");
    sqlx::raw_sql("checkpoint").execute(&mut admin).await?;

    let now: Vec<Row> = rows(Telling::Now, persons).collect();
    let sent = now.len();
    let accounts = Accounts::of(&mut admin).await?;
    let (watch, before) = (Watch::start(), accounts.now());
    send(mesh, ("now", BatchMode::Snapshot, &today), now.clone()).await?;
    let acknowledged = watch.stop();
    let found = until_warned(&mut admin, findings).await?;
    let spent = between(&before, &accounts.now());
    let whole = acknowledged.wall + found;

    quiet(mesh).await?;
    let (matched, matching) = from_tables(&mut admin, &accounts, findings).await?;
    quiet(mesh).await?;

    // The same people go back to what they were, and only they are told of.
    let changed: Vec<Row> = rows(Telling::Last, persons).filter(|row| matches!(row.0 % 100, 7 | 17 | 27)).collect();
    let watch = Watch::start();
    send(mesh, ("changes", BatchMode::Changes, &today), changed.clone()).await?;
    until_warned(&mut admin, 0).await?;
    let increment = watch.stop();

    anchor::copy_table(&mut admin, "monitoring.record_hr_insurance_payment").await?;
    let columns = anchor::columns(&mut admin).await?;
    let (watch, before) = (Watch::start(), accounts.now());
    anchor::copy(&url, &columns, 0, sent).await?;
    let (copy, copying) = (watch.stop(), between(&before, &accounts.settled().await));
    let duck = match duckdb {
        Some(python) => Some(duck(python, scratch, (&first, &now), (persons, findings))?),
        None => None,
    };
    #[expect(clippy::cast_precision_loss, reason = "small counts")]
    let rate = |rows: usize, wall: f64| json!(round(rows as f64 / wall));
    Ok(json!({
        "households": households,
        "rows": sent,
        "rows_that_differ": changed.len(),
        "warnings_found": findings,
        "register_households_per_second": rate(households, registered.wall),
        "first_snapshot_rows_per_second": rate(first.len(), filled.wall),
        "ingest": {
            "acknowledged_s": round(acknowledged.wall),
            "warned_s": round(whole),
            "rows_per_second": rate(sent, whole),
            "copy_s": round(copy.wall),
            "ratio_to_copy": round(copy.wall / whole),
            "cpu_ratio_to_copy": round(sum(&spent) / sum(&copying)),
            "cpu_us_per_row": by_row(&spent, sent),
            "goal": "as J1: ratio >= 0.75, cpu ratio <= 1.8",
        },
        "from_tables": {
            "warned_s": round(matched),
            "duckdb_s": duck.map(round),
            "times_duckdb": duck.map(|seconds| round(matched / seconds)),
            "cpu_us_per_household": by_row(&matching, households),
            "goal": "<= 1.2 x DuckDB from CSV, findings identical",
        },
        "changes": {
            "warned_s": round(increment.wall),
            "to_snapshot": round(increment.wall / whole),
            "goal": "<= 0.10 x the snapshot",
        },
    }))
}

/// Seconds from the moment at which the county is due until its warnings stand again, and what they cost. The warnings are
/// forgotten first, so each has to be found from the records on file.
async fn from_tables(
    admin: &mut PgConnection,
    accounts: &Accounts,
    findings: usize,
) -> anyhow::Result<(f64, measure::Spent)> {
    sqlx::raw_sql("delete from monitoring.warning where indicator = 'C09'").execute(&mut *admin).await?;
    let before = accounts.now();
    sqlx::raw_sql(
        "insert into monitoring.county_due (county_code, source, accepted_at, traceparent) \
         values ('621202000000', 'hr.insurance_payment', clock_timestamp(), '')",
    )
    .execute(&mut *admin)
    .await?;
    let began = Instant::now();
    while sqlx::query_scalar("select exists (select from monitoring.county_due)").fetch_one(&mut *admin).await? {
        ensure!(began.elapsed() < PATIENCE, "the county's evaluation does not end");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let (seconds, spent) = (began.elapsed().as_secs_f64(), between(&before, &accounts.now()));
    let found = warned(admin).await?;
    ensure!(found == findings, "{found} of {findings} findings from the tables");
    Ok((seconds, spent))
}

async fn register(mesh: &Mesh, households: usize, today: &str) -> anyhow::Result<()> {
    let channel = mesh.channel("registry", "operator/county/621202").await?;
    let header = ImportHeader {
        request_id: uuid::Uuid::new_v5(&uuid::Uuid::NAMESPACE_OID, b"bench-snapshot").to_string(),
        batch_no: "bench-snapshot".to_owned(),
        division_code: "621202".to_owned(),
        as_of: today.to_owned(),
        row_count: i32::try_from(households)?,
    };
    let rows = (0..households).step_by(500).map(move |start| {
        let rows = (start..(start + 500).min(households)).map(household).collect();
        ImportHouseholdsRequest { part: Some(ImportPart::Rows(ImportRows { rows })) }
    });
    let parts = std::iter::once(ImportHouseholdsRequest { part: Some(ImportPart::Header(header)) }).chain(rows);
    let mut request = Request::new(tokio_stream::iter(parts));
    request.metadata_mut().insert("minqing-purpose", "collection".parse()?);
    request.set_timeout(PATIENCE);
    let answer = RegistryServiceClient::new(channel).import_households(request).await?.into_inner();
    ensure!(answer.refused == 0, "the register refused {} households: {:?}", answer.refused, answer.errors.first());
    Ok(())
}

fn household(n: usize) -> HouseholdRow {
    let member = |place: usize| MemberRow {
        id_number: people::id_number(FIRST_PERSON + n * MEMBERS + place),
        name: people::name(FIRST_PERSON + n * MEMBERS + place),
        sex: 1,
        relation: if place == 0 { "02" } else { "20" }.to_owned(),
        joined_on: "2020-01-01".to_owned(),
        ..MemberRow::default()
    };
    let class = ClassRow {
        assistance_class: AssistanceClass::MinimumLiving.into(),
        valid_from: "2026-01-01".to_owned(),
        amount_fen: 40_000,
        ..ClassRow::default()
    };
    HouseholdRow {
        household_no: format!("SNAP-{n:07}"),
        division_code: "621202100000".to_owned(),
        area_kind: 2,
        address: "某村二社 1 号".to_owned(),
        declared_income_fen: 3_000_000,
        house_count: 1,
        members: (0..MEMBERS).map(member).collect(),
        classes: if n.is_multiple_of(AIDED) { vec![class] } else { Vec::new() },
        ..HouseholdRow::default()
    }
}

async fn send(mesh: &Mesh, (name, mode, as_of): (&str, BatchMode, &str), rows: Vec<Row>) -> anyhow::Result<()> {
    let mut client = ExchangeServiceClient::new(mesh.channel("adapter-hr", "bureau/hr").await?);
    let header = BatchHeader {
        request_id: uuid::Uuid::new_v5(&uuid::Uuid::NAMESPACE_OID, format!("snapshot-{name}").as_bytes()).to_string(),
        batch_no: format!("snapshot-{name}"),
        dataset: "insurance_payment".to_owned(),
        mode: mode as i32,
        division_code: "621202".to_owned(),
        as_of: as_of.to_owned(),
        row_count: i32::try_from(rows.len())?,
        signature: None,
    };
    let count = rows.len();
    let parts = (0..count).step_by(1_000).map(move |start| {
        let rows = rows[start..(start + 1_000).min(count)].iter().map(payment).collect();
        SubmitBatchRequest { part: Some(Part::Rows(BatchRows { rows })) }
    });
    let stream = std::iter::once(SubmitBatchRequest { part: Some(Part::Header(header)) }).chain(parts);
    let mut request = Request::new(tokio_stream::iter(stream));
    request.set_timeout(PATIENCE);
    let answer = client.submit_batch(request).await?.into_inner();
    let accepted = usize::try_from(answer.batch.map_or(0, |batch| batch.accepted))?;
    ensure!(accepted == count, "{accepted} of {count} rows accepted: {:?}", answer.errors.first());
    Ok(())
}

fn payment(&(person, month, employed, base_fen): &Row) -> Any {
    let payment = InsurancePayment {
        id_number: people::id_number(FIRST_PERSON + person),
        name: people::name(FIRST_PERSON + person),
        division_code: "621202100000".to_owned(),
        employer_code: String::new(),
        kind: if employed { "employee" } else { "flexible" }.to_owned(),
        base_fen,
        paid_month: MONTHS[month].to_owned(),
    };
    let type_url = "type.googleapis.com/minqing.bureau.hr.v1.InsurancePayment".to_owned();
    Any { type_url, value: payment.encode_to_vec() }
}

/// Waits until monitoring has read the register's events and done what they and the batches made due.
async fn quiet(mesh: &Mesh) -> anyhow::Result<()> {
    let mut register = OperationsServiceClient::new(mesh.channel("registry", "operator/admin").await?);
    let mut monitoring = OperationsServiceClient::new(mesh.channel("monitoring", "operator/admin").await?);
    let began = Instant::now();
    loop {
        let told = register.get_backlog(GetBacklogRequest {}).await?.into_inner();
        let taken = monitoring.get_backlog(GetBacklogRequest {}).await?.into_inner();
        let read =
            taken.consumers.iter().filter(|c| c.producer == "registry").all(|c| c.position >= told.head_position);
        if told.unnumbered_events == 0 && read && taken.reconcilers.iter().all(|r| r.caught_up) {
            return Ok(());
        }
        ensure!(began.elapsed() < PATIENCE, "monitoring did not come to rest");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

async fn warned(admin: &mut PgConnection) -> anyhow::Result<usize> {
    let open: i64 =
        sqlx::query_scalar("select count(*) from monitoring.warning where indicator = 'C09' and cleared_on is null")
            .fetch_one(admin)
            .await?;
    Ok(usize::try_from(open)?)
}

/// Seconds until as many persons in minimum living are warned of because they found work.
async fn until_warned(admin: &mut PgConnection, findings: usize) -> anyhow::Result<f64> {
    let began = Instant::now();
    while warned(admin).await? != findings {
        ensure!(began.elapsed() < PATIENCE, "{findings} warnings did not come");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    Ok(began.elapsed().as_secs_f64())
}

/// Seconds DuckDB takes for the same from CSV; it has to find the same number.
fn duck(
    python: &Path,
    scratch: &Path,
    (last, now): (&[Row], &[Row]),
    (persons, findings): (usize, usize),
) -> anyhow::Result<f64> {
    let mut register = String::from("id_number,name,aided\n");
    for person in 0..persons {
        let number = FIRST_PERSON + person;
        writeln!(register, "{},{},{}", people::id_number(number), people::name(number), aided(person))?;
    }
    fs::write(scratch.join("register.csv"), register)?;
    for (name, rows) in [("last.csv", last), ("now.csv", now)] {
        let mut text = String::from("id_number,name,kind,base_fen,paid_month\n");
        for (person, month, employed, base) in rows {
            let (number, kind) = (FIRST_PERSON + person, if *employed { "employee" } else { "flexible" });
            writeln!(text, "{},{},{kind},{base},{}", people::id_number(number), people::name(number), MONTHS[*month])?;
        }
        fs::write(scratch.join(name), text)?;
    }
    let script = scratch.join("snapshot.py");
    fs::write(&script, include_str!("../duckdb/snapshot.py"))?;
    let output = std::process::Command::new(python).arg(script).arg(scratch).output()?;
    ensure!(output.status.success(), "DuckDB failed: {}", String::from_utf8_lossy(&output.stderr));
    let told: Value = serde_json::from_slice(&output.stdout)?;
    ensure!(told["findings"] == json!(findings), "DuckDB found {}, we found {findings}", told["findings"]);
    told["seconds"].as_f64().context("DuckDB told no time")
}
