//! A city's days on a whole mesh: the books agree, one trace joins every process, personal data stay in the register.

use std::{collections::BTreeSet, process::Command};

use anyhow::{Context as _, ensure};
use minqing_e2e::PROCESSES;
use serde_json::Value;
use sqlx::{AssertSqlSafe, Connection as _, PgConnection};

use super::{
    harness::{Mesh, binary},
    secrets::Markers,
    spans::Spans,
};

const HOUSEHOLDS: u32 = 240;
const DAYS: u32 = 4;

#[tokio::test(flavor = "multi_thread")]
async fn a_citys_days_agree_leave_one_trace_and_keep_people_in_the_register() -> anyhow::Result<()> {
    let spans = Spans::default();
    let otlp = format!("http://{}", spans.receive().await?);
    let mut mesh = Mesh::waiting(&["--otlp", &otlp])?;

    let played = tokio::task::block_in_place(|| mesh.play(HOUSEHOLDS, DAYS).output())?;
    ensure!(
        played.status.success(),
        "{}\n{}\n{}",
        String::from_utf8_lossy(&played.stdout),
        String::from_utf8_lossy(&played.stderr),
        mesh.wreckage()
    );
    let report = mesh.report()?;
    assert_eq!(report["ok"], true, "{report:#}");
    for adapter in PROCESSES.into_iter().filter(|p| p.starts_with("adapter-")) {
        let cases = &report["conformance"][adapter];
        assert_eq!(cases["failed"], 0, "{adapter}");
        assert!(cases["passed"].as_u64().is_some_and(|passed| passed >= 15), "{adapter}: {cases}");
    }

    tokio::task::block_in_place(|| a_ledger_that_differs_is_told_and_listed(&mut mesh))?;

    let markers = Markers::of_city(HOUSEHOLDS as usize, DAYS);
    assert!(markers.len() > 500);
    // The scan can fail: the exchange folders are the delivery itself, and hold people.
    assert!(!markers.found_below(&mesh.path("exchange")).is_empty(), "the scan finds nobody where people are");
    assert_eq!(markers.found_below(&mesh.path("logs")), Vec::<String>::new(), "people in logs");
    assert_eq!(people_in_metrics(&mesh, &markers)?, Vec::<String>::new(), "people in metrics");
    assert_eq!(people_in_redis(&mesh, &markers).await?, Vec::<String>::new(), "people in Redis");
    let (register, elsewhere) = people_in_database(&mesh, &markers).await?;
    assert_eq!(elsewhere, Vec::<String>::new(), "people in a schema other than the register's, or in clear in it");
    assert!(register > 0, "the scan read no table of the register");
    drop(mesh);

    // Stopping the mesh flushes the last spans.
    assert_eq!(markers.found_in(&spans.text()), Vec::<String>::new(), "people in spans");
    let matches = "minqing.registry.v1.RegistryService/MatchPersons";
    let (asked, answered) = (spans.count("minqing-adapter-", matches), spans.count("minqing-registry", matches));
    assert!(asked > 0 && asked == answered, "spans are lost: {asked} asked, {answered} answered");
    let traces = spans.by_trace();
    ensure!(
        traces.values().any(joins_the_whole_way),
        "no trace joins the whole way; the longest is {:#?}",
        traces.values().max_by_key(|steps| steps.len())
    );
    Ok(())
}

/// A bureau's ledger with a record that the mesh never took: its result file names the line, an operator finds it.
fn a_ledger_that_differs_is_told_and_listed(mesh: &mut Mesh) -> anyhow::Result<()> {
    let books = |mesh: &Mesh, words: &[&str]| {
        let mesh = mesh.path("mesh.json");
        Command::new(binary("minqing")).args(["books", "--bureau", "hr", "--mesh"]).arg(mesh).args(words).output()
    };
    let agreed: Value = serde_json::from_slice(&books(mesh, &["--json"])?.stdout)?;
    assert_eq!(agreed["differences"], serde_json::json!([]), "{agreed:#}");
    assert!(agreed["comparedOn"].is_string(), "{agreed:#}");

    let folder = mesh.path("exchange/hr");
    let ledger = "月份,项目代码,记录编号,处理结果,救助金额分\n2026-10,P-JY-01,X-1,给予救助,123456\n";
    std::fs::write(folder.join("inbox/ledger_1.csv.part"), ledger)?;
    std::fs::rename(folder.join("inbox/ledger_1.csv.part"), folder.join("inbox/ledger_1.csv"))?;
    let result = folder.join("result/ledger_1.csv.result.csv");
    mesh.wait_for("the ledger's result", |_| result.exists())?;
    let told = std::fs::read_to_string(result)?;
    assert!(told.contains("\r\n1,记录编号,MISSING_IN_MESH,"), "{told}");

    let listed: Value = serde_json::from_slice(&books(mesh, &["--month", "2026-10", "--json"])?.stdout)?;
    let differences = listed["differences"].as_array().context("no differences")?;
    let only_theirs: Vec<_> =
        differences.iter().filter(|d| d["kind"] == "DIFFERENCE_KIND_MISSING_IN_FEEDBACK").collect();
    assert_eq!((only_theirs.len(), &only_theirs[0]["recordNo"]), (1, &Value::from("X-1")), "{listed:#}");
    let table = String::from_utf8(books(mesh, &[])?.stdout)?;
    assert!(table.contains("X-1") && table.contains("1234.56 granted"), "{table}");
    Ok(())
}

/// From the adapter that sends records, over monitoring and dispatch, to an adapter that takes the referral, and back: the
/// bureau's receipt and its feedback stand in the books, dispatch settles and the register's chain gets its entry.
fn joins_the_whole_way(steps: &BTreeSet<(String, String)>) -> bool {
    let took_part = |service: &str| steps.iter().any(|(s, _)| s == service);
    let did = |service: &str, what: &str| steps.contains(&(service.to_owned(), what.to_owned()));
    let adapter_did = |what: &str| steps.iter().any(|(s, name)| s.starts_with("minqing-adapter-") && name == what);
    ["minqing-monitoring", "minqing-dispatch", "minqing-feedback", "minqing-registry"].into_iter().all(took_part)
        && adapter_did("minqing.monitoring.v1.MonitoringService/SubmitRecords")
        && adapter_did("consume")
        && did("minqing-feedback", "sign referral")
        && did("minqing-feedback", "record feedback")
        && did("minqing-registry", "consume")
}

fn people_in_metrics(mesh: &Mesh, markers: &Markers) -> anyhow::Result<Vec<String>> {
    let facts = mesh.facts();
    let mut found = Vec::new();
    for process in PROCESSES {
        let entry = if process == "gateway" { &facts["gateway"] } else { &facts["services"][process] };
        let admin = entry["admin"].as_str().context("no admin address")?;
        let output = Command::new("curl").args(["-sf", &format!("{admin}/metrics")]).output()?;
        ensure!(output.status.success() && !output.stdout.is_empty(), "{process} gives no metrics");
        let markers = markers.found_in(&String::from_utf8_lossy(&output.stdout));
        found.extend(markers.into_iter().map(|marker| format!("{process}: {marker}")));
    }
    Ok(found)
}

async fn people_in_redis(mesh: &Mesh, markers: &Markers) -> anyhow::Result<Vec<String>> {
    let facts = mesh.facts();
    let client = redis::Client::open(facts["redis"].as_str().context("no Redis")?)?;
    let mut connection = client.get_multiplexed_async_connection().await?;
    let keys: Vec<String> = redis::cmd("KEYS").arg("*").query_async(&mut connection).await?;
    ensure!(!keys.is_empty(), "Redis is empty: the mesh did not use it");
    let mut found = markers.found_in(&keys.join("\n"));
    for key in keys {
        let entries: redis::Value =
            redis::cmd("XRANGE").arg(&key).arg("-").arg("+").query_async(&mut connection).await?;
        found.extend(markers.found_in(&format!("{entries:?}")));
    }
    Ok(found)
}

/// Tables of the register read, and where people stand in clear. Bytes are looked at as text too, so an event's payload
/// hides nothing; the register's own are sealed and must show nobody either.
async fn people_in_database(mesh: &Mesh, markers: &Markers) -> anyhow::Result<(usize, Vec<String>)> {
    let mut connection = PgConnection::connect(&mesh.database()).await?;
    let tables: Vec<(String, String)> = sqlx::query_as(
        "select table_schema::text, table_name::text from information_schema.tables \
         where table_type = 'BASE TABLE' and table_schema not in ('pg_catalog', 'information_schema')",
    )
    .fetch_all(&mut connection)
    .await?;
    let (mut register, mut found) = (0, Vec::new());
    for (schema, table) in tables {
        let bytes: Vec<String> = sqlx::query_scalar(
            "select column_name::text from information_schema.columns \
             where table_schema = $1 and table_name = $2 and data_type = 'bytea'",
        )
        .bind(&schema)
        .bind(&table)
        .fetch_all(&mut connection)
        .await?;
        let decoded: String = bytes.iter().map(|c| format!(" || ' ' || coalesce(encode({c}, 'escape'), '')")).collect();
        let rows: Vec<String> =
            sqlx::query_scalar(AssertSqlSafe(format!("select t::text{decoded} from {schema}.{table} as t")))
                .fetch_all(&mut connection)
                .await?;
        register += usize::from(schema == "registry" && !rows.is_empty());
        let hits: Vec<String> = rows.iter().flat_map(|row| markers.found_in(&unescape(row))).take(3).collect();
        if !hits.is_empty() {
            found.push(format!("{schema}.{table}: {hits:?}"));
        }
    }
    connection.close().await?;
    Ok((register, found))
}

/// PostgreSQL writes bytes above 127 as \ooo; Chinese text in them becomes readable again.
fn unescape(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        match rest {
            [b'\\', a @ b'0'..=b'3', b @ b'0'..=b'7', c @ b'0'..=b'7', after @ ..] => {
                bytes.push((a - b'0') * 64 + (b - b'0') * 8 + (c - b'0'));
                rest = after;
            }
            _ => {
                bytes.push(*first);
                rest = tail;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}
