//! J5: a household by its name over mutual TLS, authorised, its audit row committed before the reply; beside a plain tonic
//! echo of an answer of the same size, and beside the bare select with an audit row.

use std::{
    sync::atomic::{AtomicUsize, Ordering},
    time::{Duration, Instant},
};

use anyhow::{Context as _, ensure};
use futures::future::try_join_all;
use minqing_proto::minqing::registry::v1::{
    GetHouseholdRequest, HouseholdRow, ImportHeader, ImportHouseholdsRequest, ImportRows, ListHouseholdsRequest,
    MemberRow, import_households_request::Part, registry_service_client::RegistryServiceClient,
};
use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, Connection as _, PgConnection};
use tonic::{Request, transport::Channel};

use crate::{
    measure::{median, percentile, round},
    mesh::Mesh,
    people,
};

/// Calls of one run.
const CALLS: usize = 4_000;
/// Households in the register.
pub const HOUSEHOLDS: usize = 2_000;
/// People of other jobs have lower numbers.
pub const FIRST_PERSON: usize = 4_000_000;

pub async fn run(mesh: &Mesh, repeats: usize) -> anyhow::Result<Value> {
    register(mesh).await?;
    let names = names(mesh).await?;
    let echo = echo::start().await?;
    let mut figures = serde_json::Map::new();
    for in_flight in [32_usize, 256] {
        let channels =
            try_join_all((0..in_flight.div_ceil(32)).map(|_| mesh.channel("registry", "operator/city"))).await?;
        let (mut ours, mut plain, mut bare, mut slow) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        for turn in 0..=repeats {
            let (rate, p99) = ask(&channels, &names, in_flight).await?;
            let echo_rate = echo::ask(echo, in_flight, CALLS).await?.rate;
            let bare_rate = select_with_audit(mesh, in_flight.min(32)).await?;
            if turn > 0 {
                ours.push(rate);
                slow.push(p99);
                plain.push(echo_rate);
                bare.push(bare_rate);
            }
        }
        figures.insert(
            format!("in_flight_{in_flight}"),
            json!({
                "queries_per_second": round(median(&ours)),
                "p99_ms": round(median(&slow)),
                "echo_per_second": round(median(&plain)),
                "select_with_audit_per_second": round(median(&bare)),
                "ratio_to_echo": round(median(&ours) / median(&plain)),
                "ratio_to_select_with_audit": round(median(&ours) / median(&bare)),
            }),
        );
    }
    figures.insert("goal".to_owned(), json!("256 in flight: >= 0.55 of echo; 32 in flight: >= 1 of select with audit"));
    Ok(Value::Object(figures))
}

/// Puts the households of the bench into the register; a second time changes nothing.
pub async fn register(mesh: &Mesh) -> anyhow::Result<()> {
    let today = mesh.today()?;
    let channel = mesh.channel("registry", "operator/county/621202").await?;
    let header = ImportHeader {
        request_id: uuid::Uuid::new_v5(&uuid::Uuid::NAMESPACE_OID, b"bench-register").to_string(),
        batch_no: "bench".to_owned(),
        division_code: "621202".to_owned(),
        as_of: today.clone(),
        row_count: i32::try_from(HOUSEHOLDS)?,
    };
    let rows = (0..HOUSEHOLDS).step_by(500).map(move |start| {
        let rows = (start..start + 500).map(|n| household(n, &today)).collect();
        ImportHouseholdsRequest { part: Some(Part::Rows(ImportRows { rows })) }
    });
    let parts = std::iter::once(ImportHouseholdsRequest { part: Some(Part::Header(header)) }).chain(rows);
    let mut request = Request::new(tokio_stream::iter(parts));
    request.metadata_mut().insert("minqing-purpose", "collection".parse()?);
    request.set_timeout(Duration::from_secs(300));
    let answer = RegistryServiceClient::new(channel).import_households(request).await?.into_inner();
    ensure!(answer.refused == 0, "the register refused {} households: {:?}", answer.refused, answer.errors.first());
    Ok(())
}

fn household(n: usize, today: &str) -> HouseholdRow {
    let person = FIRST_PERSON + n;
    HouseholdRow {
        household_no: format!("BENCH-{n:06}"),
        division_code: "621202100000".to_owned(),
        area_kind: 2,
        address: "某村一社 1 号".to_owned(),
        declared_income_fen: 3_000_000,
        house_count: 1,
        members: vec![MemberRow {
            id_number: people::id_number(person),
            name: people::name(person),
            sex: 1,
            relation: "02".to_owned(),
            joined_on: today.to_owned(),
            ..MemberRow::default()
        }],
        ..HouseholdRow::default()
    }
}

async fn names(mesh: &Mesh) -> anyhow::Result<Vec<String>> {
    let mut client = RegistryServiceClient::new(mesh.channel("registry", "operator/city").await?);
    let mut request = Request::new(ListHouseholdsRequest {
        division_code: "621202".to_owned(),
        page_size: 500,
        ..Default::default()
    });
    request.metadata_mut().insert("minqing-purpose", "relief_query".parse()?);
    let names: Vec<String> =
        client.list_households(request).await?.into_inner().households.into_iter().map(|h| h.name).collect();
    ensure!(!names.is_empty(), "the register lists no household");
    Ok(names)
}

/// Calls per second and p99 in milliseconds.
async fn ask(channels: &[Channel], names: &[String], in_flight: usize) -> anyhow::Result<(f64, f64)> {
    let next = AtomicUsize::new(0);
    let began = Instant::now();
    let workers = (0..in_flight).map(|worker| {
        let (next, channel) = (&next, channels[worker % channels.len()].clone());
        async move {
            let mut client = RegistryServiceClient::new(channel);
            let mut times = Vec::new();
            loop {
                let n = next.fetch_add(1, Ordering::Relaxed);
                if n >= CALLS {
                    return anyhow::Ok(times);
                }
                let mut request = Request::new(GetHouseholdRequest { name: names[n % names.len()].clone() });
                request.metadata_mut().insert("minqing-purpose", "relief_query".parse()?);
                request.set_timeout(Duration::from_secs(30));
                let sent = Instant::now();
                client.get_household(request).await?.into_inner().household.context("an empty answer")?;
                times.push(sent.elapsed().as_secs_f64() * 1e3);
            }
        }
    });
    let times: Vec<f64> = try_join_all(workers).await?.into_iter().flatten().collect();
    #[expect(clippy::cast_precision_loss, reason = "small counts")]
    let rate = times.len() as f64 / began.elapsed().as_secs_f64();
    Ok((rate, percentile(&times, 99.0)))
}

/// One row read and one audit row committed, straight on the database.
async fn select_with_audit(mesh: &Mesh, connections: usize) -> anyhow::Result<f64> {
    let url = mesh.database()?;
    let mut admin = PgConnection::connect(url).await?;
    sqlx::raw_sql(AssertSqlSafe(
        "create schema if not exists bench; \
         create table if not exists bench.audit (id bigserial primary key, at timestamptz not null default now(), subject text not null)"
            .to_owned(),
    ))
    .execute(&mut admin)
    .await?;
    let ids: Vec<uuid::Uuid> =
        sqlx::query_scalar("select household_id from registry.household limit 500").fetch_all(&mut admin).await?;
    let next = AtomicUsize::new(0);
    let opened = try_join_all((0..connections).map(|_| PgConnection::connect(url))).await?;
    let began = Instant::now();
    let workers = opened.into_iter().map(|mut connection| {
        let (next, ids) = (&next, &ids);
        async move {
            loop {
                let n = next.fetch_add(1, Ordering::Relaxed);
                if n >= CALLS {
                    return anyhow::Ok(());
                }
                let id = ids[n % ids.len()];
                let mut transaction = connection.begin().await?;
                sqlx::query("select * from registry.household where household_id = $1")
                    .bind(id)
                    .fetch_one(&mut *transaction)
                    .await?;
                sqlx::query("insert into bench.audit (subject) values ($1)")
                    .bind(id.to_string())
                    .execute(&mut *transaction)
                    .await?;
                transaction.commit().await?;
            }
        }
    });
    try_join_all(workers).await?;
    #[expect(clippy::cast_precision_loss, reason = "small counts")]
    let rate = CALLS as f64 / began.elapsed().as_secs_f64();
    Ok(rate)
}

pub mod echo {
    //! The least a gRPC call costs here: plaintext tonic, nothing done, an answer of about a kilobyte.

    use std::{
        net::SocketAddr,
        sync::atomic::{AtomicUsize, Ordering},
        time::Instant,
    };

    use futures::future::try_join_all;
    use minqing_proto::minqing::mesh::v1::{
        Event, ReadEventsRequest, ReadEventsResponse,
        event_log_service_client::EventLogServiceClient,
        event_log_service_server::{EventLogService, EventLogServiceServer},
    };
    use tokio::net::TcpListener;
    use tonic::{Request, Response, transport::server::TcpIncoming};

    struct Echo;

    #[tonic::async_trait]
    impl EventLogService for Echo {
        async fn read_events(&self, _: Request<ReadEventsRequest>) -> tonic::Result<Response<ReadEventsResponse>> {
            let event = Event { payload: vec![7; 700], ..Event::default() };
            Ok(Response::new(ReadEventsResponse { events: vec![event], ..ReadEventsResponse::default() }))
        }
    }

    pub async fn start() -> anyhow::Result<SocketAddr> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        #[expect(clippy::disallowed_methods, reason = "the anchor is bare tonic on purpose")]
        tokio::spawn(
            tonic::transport::Server::builder()
                .add_service(EventLogServiceServer::new(Echo))
                .serve_with_incoming(TcpIncoming::from(listener).with_nodelay(Some(true))),
        );
        Ok(address)
    }

    /// Echoes per second, and milliseconds of each.
    pub struct Echoed {
        pub rate: f64,
        pub times: Vec<f64>,
    }

    pub async fn ask(address: SocketAddr, in_flight: usize, calls: usize) -> anyhow::Result<Echoed> {
        let connect = || async {
            anyhow::Ok(
                tonic::transport::Endpoint::from_shared(format!("http://{address}"))?
                    .tcp_nodelay(true)
                    .connect()
                    .await?,
            )
        };
        let channels = try_join_all((0..in_flight.div_ceil(32)).map(|_| connect())).await?;
        let next = AtomicUsize::new(0);
        let began = Instant::now();
        let workers = (0..in_flight).map(|worker| {
            let (next, channel) = (&next, channels[worker % channels.len()].clone());
            async move {
                let mut client = EventLogServiceClient::new(channel);
                let mut times = Vec::new();
                while next.fetch_add(1, Ordering::Relaxed) < calls {
                    let sent = Instant::now();
                    let request = ReadEventsRequest {
                        audience: "households/0198c0de-0000-7000-8000-000000000000".to_owned(),
                        ..Default::default()
                    };
                    client.read_events(request).await?;
                    times.push(sent.elapsed().as_secs_f64() * 1e3);
                }
                anyhow::Ok(times)
            }
        });
        let times = try_join_all(workers).await?.into_iter().flatten().collect();
        #[expect(clippy::cast_precision_loss, reason = "small counts")]
        let rate = calls as f64 / began.elapsed().as_secs_f64();
        Ok(Echoed { rate, times })
    }
}
