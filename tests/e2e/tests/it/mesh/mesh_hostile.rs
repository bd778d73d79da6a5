//! Hostile input over the wire and in an exchange folder: a clear answer, memory bounded, the mesh goes on.

use std::{
    fs,
    io::Write as _,
    path::Path,
    time::{Duration, Instant},
};

use anyhow::{Context as _, ensure};
use minqing_proto::minqing::{
    bureau::v1::{
        BatchHeader, BatchRows, SubmitBatchRequest, exchange_service_client::ExchangeServiceClient,
        submit_batch_request::Part,
    },
    types::v1::{BatchMode, RowReason},
};
use prost_types::Any;
use tonic::{Code, transport::Channel};

use super::{harness::Mesh, mesh_receipt::a_files_receipt_is_checked_offline};

const PATIENCE: Duration = Duration::from_secs(90);
/// Most memory an adapter may ever have held, in KiB.
const MEMORY: u64 = 300 << 10;

#[tokio::test(flavor = "multi_thread")]
async fn hostile_calls_and_files_get_a_clear_answer_and_the_mesh_goes_on() -> anyhow::Result<()> {
    let mesh = Mesh::waiting(&[])?;
    let channel = mesh.channel("adapter-rural", Some("bureau/rural")).await?;

    // A row that is no message, beside nothing else: refused by itself, the batch is taken.
    let noise = Any {
        type_url: "type.googleapis.com/minqing.bureau.rural.v1.MonitoredHousehold".into(),
        value: vec![0xff; 64],
    };
    let answer = submit(&channel, 1, "monitored_household", 1, vec![noise.clone()]).await?;
    assert_eq!(answer.errors[0].reason(), RowReason::RowUnreadable);
    assert!(!answer.errors[0].message.is_empty() && !answer.errors[0].message_zh.is_empty());

    let unknown = submit(&channel, 2, "no_such_dataset", 0, vec![]).await.unwrap_err();
    assert_eq!(unknown.code(), Code::InvalidArgument);
    let cut = submit(&channel, 3, "monitored_household", 5, vec![noise]).await.unwrap_err();
    assert!(matches!(cut.code(), Code::InvalidArgument | Code::FailedPrecondition), "{cut}");
    let huge = Any { type_url: String::new(), value: vec![0; 6 << 20] };
    let refused = submit(&channel, 4, "monitored_household", 1, vec![huge]).await.unwrap_err();
    assert!(matches!(refused.code(), Code::OutOfRange | Code::ResourceExhausted | Code::InvalidArgument), "{refused}");

    let facts = mesh.facts();
    let folder = Path::new(facts["services"]["adapter-education"]["exchange_dir"].as_str().context("no folder")?);
    let name = |batch: &str, end: &str| format!("student_enrolment__621202__2026-10-26__changes__{batch}.{end}");
    let files = [
        name("garbage", "xlsx"),
        name("bomb", "xlsx"),
        name("line", "csv"),
        name("empty", "csv"),
        name("column", "csv"),
    ];
    drop_file(folder, &files[0], b"PK\x03\x04 this is no workbook")?;
    drop_file(folder, &files[1], &bomb()?)?;
    drop_file(folder, &files[2], &vec![b'7'; 64 << 20])?;
    drop_file(folder, &files[3], b"")?;
    drop_file(folder, &files[4], "身份证号,姓名,没有这一列\n1,2,3\n".as_bytes())?;
    for file in &files {
        let result = folder.join("result").join(format!("{file}.result.csv"));
        let deadline = Instant::now() + PATIENCE;
        while !result.exists() {
            ensure!(Instant::now() < deadline, "no result for {file}\n{}", mesh.wreckage());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        assert!(fs::metadata(&result)?.len() > 20, "the result of {file} says nothing");
    }
    let column = fs::read_to_string(folder.join("result").join(format!("{}.result.csv", files[4])))?;
    assert!(column.contains("没有这一列"), "{column}");

    a_files_receipt_is_checked_offline(&mesh, folder).await?;

    for id in mesh.processes() {
        let status = fs::read_to_string(format!("/proc/{id}/status")).unwrap_or_default();
        let peak =
            status.lines().find_map(|l| l.strip_prefix("VmHWM:")?.split_whitespace().next()?.parse::<u64>().ok());
        let command = fs::read_to_string(format!("/proc/{id}/cmdline")).unwrap_or_default().replace('\0', " ");
        if command.contains(" serve ") {
            assert!(peak.unwrap_or(0) < MEMORY, "{command} held {peak:?} KiB");
        }
    }
    let good = submit(&channel, 5, "monitored_household", 0, vec![]).await?;
    assert_eq!(good.batch.map(|b| b.refused), Some(0));
    Ok(())
}

async fn submit(
    channel: &Channel,
    n: u32,
    dataset: &str,
    row_count: i32,
    rows: Vec<Any>,
) -> tonic::Result<minqing_proto::minqing::bureau::v1::SubmitBatchResponse> {
    let header = BatchHeader {
        request_id: format!("0b6f9a5e-0000-4000-9000-{n:012}"),
        batch_no: format!("B-{n}"),
        dataset: dataset.to_owned(),
        mode: BatchMode::Changes as i32,
        division_code: "621202".to_owned(),
        as_of: "2026-10-26".to_owned(),
        row_count,
        signature: None,
    };
    let mut parts = vec![SubmitBatchRequest { part: Some(Part::Header(header)) }];
    if !rows.is_empty() {
        parts.push(SubmitBatchRequest { part: Some(Part::Rows(BatchRows { rows })) });
    }
    let mut client = ExchangeServiceClient::new(channel.clone());
    Ok(client.submit_batch(tokio_stream::iter(parts)).await?.into_inner())
}

/// Hands a file over as a bureau does: under another name first, then renamed.
fn drop_file(folder: &Path, name: &str, bytes: &[u8]) -> anyhow::Result<()> {
    let inbox = folder.join("inbox");
    fs::create_dir_all(&inbox)?;
    let part = inbox.join(format!("{name}.part"));
    fs::write(&part, bytes)?;
    fs::rename(part, inbox.join(name))?;
    Ok(())
}

/// A workbook whose one sheet inflates to more than an adapter may hold.
fn bomb() -> anyhow::Result<Vec<u8>> {
    let mut archive = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    let options = zip::write::SimpleFileOptions::default().compression_method(zip::CompressionMethod::Deflated);
    archive.start_file("xl/worksheets/sheet1.xml", options.large_file(true))?;
    let block = vec![0_u8; 1 << 20];
    for _ in 0..400 {
        archive.write_all(&block)?;
    }
    Ok(archive.finish()?.into_inner())
}
