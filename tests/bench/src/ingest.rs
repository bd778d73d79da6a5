//! J1: a bureau's batch through its adapter, acknowledged after commit, ID numbers and codes checked, a re-send safe;
//! beside a client's COPY of as many rows into a table with the same keys and indexes.

use anyhow::ensure;
use minqing_proto::minqing::{
    bureau::{
        medical_insurance::v1::Settlement,
        v1::{
            BatchHeader, BatchRows, SubmitBatchRequest, exchange_service_client::ExchangeServiceClient,
            submit_batch_request::Part,
        },
    },
    types::v1::BatchMode,
};
use prost::Message as _;
use prost_types::Any;
use serde_json::{Value, json};
use sqlx::{Connection as _, PgConnection};
use tonic::{Request, transport::Channel};

use crate::{
    anchor,
    measure::{Accounts, Spent, Watch, between, by_row, median, round, sum},
    mesh::Mesh,
    people,
};

/// Rows of one batch on either side.
pub const ROWS: usize = 20_000;

pub async fn run(mesh: &Mesh, repeats: usize) -> anyhow::Result<Value> {
    let url = mesh.database()?.to_owned();
    let mut admin = PgConnection::connect(&url).await?;
    anchor::copy_table(&mut admin, "monitoring.record_medical_insurance_settlement").await?;
    let columns = anchor::columns(&mut admin).await?;
    let channel = mesh.channel("adapter-medical_insurance", "bureau/medical_insurance").await?;
    let today = mesh.today()?;

    let accounts = Accounts::of(&mut admin).await?;
    let (mut ours, mut bare) = (Vec::new(), Vec::new());
    let (mut cpu, mut bare_cpu, mut spent) = (Vec::new(), Vec::new(), Spent::new());
    // The first pair warms caches and plans and does not count.
    for round in 0..=repeats {
        let (watch, before) = (Watch::start(), accounts.now());
        submit(channel.clone(), &today, round).await?;
        let (cost, own) = (watch.stop(), between(&before, &accounts.now()));
        let (watch, before) = (Watch::start(), accounts.now());
        anchor::copy(&url, &columns, round * ROWS, ROWS).await?;
        let (anchor, copying) = (watch.stop(), between(&before, &accounts.settled().await));
        if round > 0 {
            ours.push(cost.wall);
            bare.push(anchor.wall);
            cpu.push(sum(&own));
            bare_cpu.push(sum(&copying));
            own.into_iter().for_each(|(who, seconds)| *spent.entry(who).or_default() += seconds);
        }
    }
    admin.close().await?;
    let (wall, bare_wall) = (median(&ours), median(&bare));
    let (cpu, bare_cpu) = (median(&cpu), median(&bare_cpu));
    #[expect(clippy::cast_precision_loss, reason = "small counts")]
    let rows = ROWS as f64;
    Ok(json!({
        "rows_per_batch": ROWS,
        "repeats": repeats,
        "rows_per_second": round(rows / wall),
        "copy_rows_per_second": round(rows / bare_wall),
        "ratio_to_copy": round(bare_wall / wall),
        "cpu_ratio_to_copy": round(cpu / bare_cpu),
        "cpu_us_per_row": round(cpu / rows * 1e6),
        "cpu_us_per_row_by_process": by_row(&spent, ROWS * repeats.max(1)),
        "goal": "ratio >= 0.75, cpu ratio <= 1.8",
    }))
}

/// Sends one batch; each round has rows of its own.
pub async fn submit(channel: Channel, today: &str, round: usize) -> anyhow::Result<()> {
    let header = BatchHeader {
        request_id: uuid::Uuid::new_v5(&uuid::Uuid::NAMESPACE_OID, format!("bench-{today}-{round}").as_bytes())
            .to_string(),
        batch_no: format!("bench-{round}"),
        dataset: "settlement".to_owned(),
        mode: BatchMode::Changes as i32,
        division_code: "621202".to_owned(),
        as_of: today.to_owned(),
        row_count: i32::try_from(ROWS)?,
        signature: None,
    };
    let day = today.to_owned();
    let rows = (0..ROWS).step_by(1000).map(move |start| {
        let rows = (start..start + 1000).map(|n| row(round * ROWS + n, &day)).collect();
        SubmitBatchRequest { part: Some(Part::Rows(BatchRows { rows })) }
    });
    let parts = std::iter::once(SubmitBatchRequest { part: Some(Part::Header(header)) }).chain(rows);
    let mut request = Request::new(tokio_stream::iter(parts));
    request.set_timeout(std::time::Duration::from_secs(300));
    let answer = ExchangeServiceClient::new(channel).submit_batch(request).await?.into_inner();
    let accepted = answer.batch.map_or(0, |batch| batch.accepted);
    ensure!(usize::try_from(accepted)? == ROWS, "{accepted} of {ROWS} rows accepted: {:?}", answer.errors.first());
    Ok(())
}

fn row(n: usize, day: &str) -> Any {
    let settlement = Settlement {
        id_number: people::id_number(n),
        name: people::name(n),
        division_code: "621202100000".to_owned(),
        visit_no: format!("V{n:012}"),
        visit_kind: "outpatient".to_owned(),
        settled_on: day.to_owned(),
        total_fen: 10_000,
        basic_paid_fen: 6_000,
        own_paid_fen: 4_000,
        ..Settlement::default()
    };
    Any {
        type_url: "type.googleapis.com/minqing.bureau.medical_insurance.v1.Settlement".to_owned(),
        value: settlement.encode_to_vec(),
    }
}
