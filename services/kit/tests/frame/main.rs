//! Whole services, started and stopped by the frame, with a database, a Redis and certificates of their own.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::{
    collections::BTreeMap,
    net::{SocketAddr, TcpListener},
    path::Path,
    sync::{
        Arc, LazyLock,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use futures::future::BoxFuture;
use minqing_kit::{
    Call, Context, Overrides, Parts, Result, Running, ServiceDef, Settings,
    client::Peer,
    db::Work,
    events::{self, Consumer, Event, Handler},
    frame,
    keys::Keyring,
    metrics::Metrics,
    reconcile::{Pass, Reconciler},
    settings::ClockSource,
    tls::dev::{self, Ca},
};
use minqing_proto::minqing::mesh::v1::{
    GetBacklogRequest, ReconcilerStatus, operations_service_client::OperationsServiceClient,
};
use minqing_test_kit::{Redis, TestDb};
use sqlx::migrate::Migrator;
use tempfile::TempDir;

static NO_TABLES: LazyLock<Migrator> = LazyLock::new(|| Migrator::with_migrations(vec![]));

/// Remembers the sum of the passes told by events.
#[derive(Default)]
struct Sum(AtomicU64);

impl Handler for Sum {
    fn handle<'a>(&'a self, _: &'a mut Work, events: &'a [Event]) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move {
            for event in events {
                let status: ReconcilerStatus = events::decode(event)?;
                self.0.fetch_add(u64::try_from(status.passes).unwrap(), Ordering::SeqCst);
            }
            Ok(())
        })
    }
}

struct Tick;

impl Reconciler for Tick {
    fn name(&self) -> &'static str {
        "tick"
    }

    fn every(&self) -> Duration {
        Duration::from_secs(3600)
    }

    fn run_once(&self) -> BoxFuture<'_, Result<Pass>> {
        Box::pin(async { Ok(Pass { did: 0, caught_up: true, detail: "nothing".to_owned() }) })
    }
}

fn service(name: &str, sum: Option<Arc<Sum>>) -> ServiceDef {
    ServiceDef {
        name: name.to_owned(),
        identity: format!("service/{name}"),
        schema: name.to_owned(),
        migrations: &NO_TABLES,
        build: Box::new(move |_: Context| {
            Box::pin(async move {
                let consumers = sum.into_iter().map(|handler| Consumer {
                    producer: "registry",
                    types: vec!["minqing.mesh.v1.ReconcilerStatus"],
                    audience: None,
                    handler,
                });
                Ok(Parts { consumers: consumers.collect(), reconcilers: vec![Arc::new(Tick)], ..Parts::default() })
            })
        }),
    }
}

struct City {
    ca: Ca,
    db: TestDb,
    redis: Redis,
    folder: TempDir,
}

impl City {
    async fn new() -> City {
        let folder = TempDir::new().unwrap();
        Keyring::generate().save(&folder.path().join("keys.json")).unwrap();
        City {
            ca: Ca::new("test CA").unwrap(),
            db: TestDb::with(&["registry", "monitoring"]).await.unwrap(),
            redis: Redis::start().unwrap(),
            folder,
        }
    }

    fn settings(&self, name: &str, listen: SocketAddr, peers: &[(&str, SocketAddr)]) -> Settings {
        let tls_dir = self.folder.path().join(name);
        dev::write(&self.ca.issue(&format!("service/{name}"), &[name]).unwrap(), &tls_dir).unwrap();
        Settings {
            database_url: self.db.url_of(name),
            redis_url: self.redis.url(),
            listen,
            admin_listen: any(),
            tls_dir,
            peers: peers.iter().map(|(n, addr)| ((*n).to_owned(), format!("https://{addr}"))).collect(),
            keys_file: self.folder.path().join("keys.json"),
            otlp_endpoint: None,
            clock: ClockSource::System,
            policy_dir: None,
            log: "warn".to_owned(),
            exchange_dir: None,
            exchange_database_url: None,
            signing_dir: None,
            bureau_file: None,
            raw_days: 35,
            review_text_days: 180,
        }
    }

    fn operator(&self, name: &str, addr: SocketAddr) -> OperationsServiceClient<Peer> {
        let identity = self.ca.issue("operator/city", &[]).unwrap();
        let peer = Peer::connect(name, &format!("https://{addr}"), &identity, Metrics::new()).unwrap();
        OperationsServiceClient::new(peer)
    }
}

fn any() -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], 0))
}

fn told(passes: i64) -> ReconcilerStatus {
    ReconcilerStatus { passes, ..Default::default() }
}

async fn emit(running: &Running, passes: i64) {
    let call = Call::worker("registry", "test");
    let emitted = running.context.db.change(&call, move |work| {
        Box::pin(async move {
            work.emit("things/1", &told(passes), None);
            Ok(())
        })
    });
    emitted.await.unwrap();
}

async fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(20);
    while !holds() {
        assert!(Instant::now() < deadline, "{what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

async fn start(def: ServiceDef, settings: Settings) -> Running {
    frame::start(def, settings, Overrides::default()).await.unwrap()
}

#[tokio::test]
async fn an_event_of_one_service_takes_effect_in_another_with_redis_or_without() {
    let mut city = City::new().await;
    let registry = start(service("registry", None), city.settings("registry", any(), &[])).await;
    let sum = Arc::new(Sum::default());
    let settings = city.settings("monitoring", any(), &[("registry", registry.addr)]);
    let monitoring = start(service("monitoring", Some(sum.clone())), settings).await;

    emit(&registry, 5).await;
    until("the event arrives", || sum.0.load(Ordering::SeqCst) == 5).await;
    city.redis.stop();
    emit(&registry, 7).await;
    until("the event arrives without redis", || sum.0.load(Ordering::SeqCst) == 12).await;

    let backlog =
        city.operator("monitoring", monitoring.addr).get_backlog(GetBacklogRequest {}).await.unwrap().into_inner();
    assert_eq!(backlog.service, "monitoring");
    assert_eq!(backlog.consumers[0].position, 2);
    assert!(backlog.reconcilers[0].caught_up);
    registry.stop().await.unwrap();
    monitoring.stop().await.unwrap();
}

#[tokio::test]
async fn a_test_drives_every_worker_by_hand() {
    let city = City::new().await;
    let sum = Arc::new(Sum::default());
    let over = Overrides { manual: true, ..Overrides::default() };
    let settings = city.settings("monitoring", any(), &[]);
    let running = frame::start(service("monitoring", Some(sum.clone())), settings, over).await.unwrap();
    running.feed("registry", "things/1", &told(3)).unwrap();
    running.feed("registry", "things/1", &told(4)).unwrap();
    running.consume_once().await.unwrap();
    running.consume_once().await.unwrap();
    assert_eq!(sum.0.load(Ordering::SeqCst), 7, "each event once");
    emit(&running, 1).await;
    assert_eq!(running.relay_once().await.unwrap(), 1);
    assert!(running.reconcile_once("tick").await.unwrap().caught_up);
    assert_eq!(running.carry_once().await.unwrap(), 0);
    assert!(running.feed("dispatch", "x/1", &told(1)).is_err());
    running.stop().await.unwrap();
}

#[tokio::test]
async fn a_crashed_task_ends_the_service_with_its_error() {
    let city = City::new().await;
    let running = start(service("registry", None), city.settings("registry", any(), &[])).await;
    running.context.lifecycle.spawn("planted", async { anyhow::bail!("disk gone") });
    running.context.lifecycle.soft().cancelled().await;
    let error = running.stop().await.unwrap_err();
    assert_eq!(format!("{error:#}"), "task planted failed: disk gone");
}

#[tokio::test]
async fn what_is_wrong_at_the_start_is_named_with_what_to_set() {
    let city = City::new().await;
    let good = || city.settings("registry", any(), &[]);
    let taken = TcpListener::bind(any()).unwrap();
    let database_url = "postgres://nobody@127.0.0.1:9/nothing".to_owned();
    let cases = [
        ("MINQING_TLS_DIR", Settings { tls_dir: Path::new("/nowhere").to_owned(), ..good() }),
        ("MINQING_DATABASE_URL", Settings { database_url, ..good() }),
        ("MINQING_LISTEN", Settings { listen: taken.local_addr().unwrap(), ..good() }),
        ("MINQING_CLOCK", Settings { clock: ClockSource::File("/nowhere".into()), ..good() }),
        ("MINQING_KEYS_FILE", Settings { keys_file: "/nowhere".into(), ..good() }),
    ];
    for (variable, settings) in cases {
        let Err(error) = frame::start(service("registry", None), settings, Overrides::default()).await else {
            panic!("started without {variable}")
        };
        assert!(format!("{error:#}").contains(variable), "{variable}: {error:#}");
    }
    let without_peer = Settings { peers: BTreeMap::new(), ..city.settings("monitoring", any(), &[]) };
    let def = service("monitoring", Some(Arc::default()));
    let Err(error) = frame::start(def, without_peer, Overrides::default()).await else {
        panic!("started without a peer")
    };
    assert!(format!("{error:#}").contains("MINQING_PEERS"), "{error:#}");
}
