//! One service in the test's own process: real database, real mutual TLS on a free port, a clock the test moves, and no
//! workers but those the test drives.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::Arc,
};

use chrono::{DateTime, Utc};
use minqing_kit::{
    Overrides, Running, ServiceDef, Settings,
    client::Peer,
    clock::FixedClock,
    frame,
    keys::{Keyring, SigningKey, VerifyingKey},
    metrics::Metrics,
    settings::ClockSource,
    tls::dev::{self, Ca},
};

use crate::TestDb;

/// What a test may choose before the service starts.
pub struct TestServiceBuilder {
    peers: BTreeMap<String, String>,
    exchange_dir: Option<PathBuf>,
    exchange_database_url: Option<String>,
    sender: Option<VerifyingKey>,
    now: String,
    manual: bool,
    ca: Option<Arc<Ca>>,
    keys: Option<Arc<Keyring>>,
}

impl TestServiceBuilder {
    /// Address of another service.
    pub fn peer(mut self, name: &str, url: &str) -> Self {
        self.peers.insert(name.to_owned(), url.to_owned());
        self
    }

    /// Watched folder of an adapter.
    pub fn exchange_dir(mut self, folder: &Path) -> Self {
        self.exchange_dir = Some(folder.to_owned());
        self
    }

    /// A bureau's own database, for an adapter.
    pub fn exchange_database(mut self, url: &str) -> Self {
        self.exchange_database_url = Some(url.to_owned());
        self
    }

    /// Public key with which the adapter's bureau signs.
    pub fn sender(mut self, key: &VerifyingKey) -> Self {
        self.sender = Some(key.clone());
        self
    }

    /// Business time at the start, RFC 3339; 2026-10-26T09:00:00+08:00 when not given.
    pub fn now(mut self, now: &str) -> Self {
        self.now = now.to_owned();
        self
    }

    /// Lets the workers run by themselves.
    pub fn with_workers(mut self) -> Self {
        self.manual = false;
        self
    }

    /// The authority and the keys of another test service, so that both understand each other.
    pub fn beside(mut self, other: &TestService) -> Self {
        self.ca = Some(other.ca.clone());
        self.keys = Some(other.keys.clone());
        self
    }

    /// Starts the service on a database of its own.
    pub async fn start(self, def: ServiceDef) -> anyhow::Result<TestService> {
        let folder = tempfile::tempdir()?;
        let db = TestDb::new(&def.schema).await?;
        let ca = match self.ca {
            Some(ca) => ca,
            None => Arc::new(Ca::new("minqing test")?),
        };
        let keys = self.keys.unwrap_or_else(|| Arc::new(Keyring::generate()));
        keys.save(&folder.path().join("keys.json"))?;
        dev::write(&ca.issue(&def.identity, &[&def.name])?, &folder.path().join("tls"))?;
        let (signing_dir, signs) = (folder.path().join("signing"), SigningKey::generate()?);
        signs.save(&signing_dir)?;
        if let Some(sender) = &self.sender {
            std::fs::write(signing_dir.join("bureau.pem"), sender.to_pem())?;
        }
        let clock = Arc::new(FixedClock::new(self.now.parse::<DateTime<Utc>>()?));
        let name = def.name.clone();
        let settings = Settings {
            database_url: db.url(),
            // Nobody listens here: a test that needs Redis starts its own.
            redis_url: "redis://127.0.0.1:1".to_owned(),
            listen: "127.0.0.1:0".parse()?,
            admin_listen: "127.0.0.1:0".parse()?,
            tls_dir: folder.path().join("tls"),
            peers: self.peers,
            keys_file: folder.path().join("keys.json"),
            otlp_endpoint: None,
            clock: ClockSource::System,
            policy_dir: Some(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../deploy/policy/longnan")),
            log: "warn".to_owned(),
            exchange_dir: self.exchange_dir,
            exchange_database_url: self.exchange_database_url,
            signing_dir: Some(signing_dir),
            bureau_file: None,
            raw_days: 35,
            review_text_days: 180,
        };
        let over = Overrides { clock: Some(clock.clone()), ids: None, manual: self.manual };
        let running = frame::start(def, settings, over).await?;
        Ok(TestService { running, clock, db, keys, receipt_key: signs.public().clone(), ca, name, _folder: folder })
    }
}

/// A service under test.
pub struct TestService {
    /// The service; `consume_once`, `reconcile_once` and the like drive its workers.
    pub running: Running,
    /// Its clock.
    pub clock: Arc<FixedClock>,
    /// Its database.
    pub db: TestDb,
    /// Its keys.
    pub keys: Arc<Keyring>,
    /// Public half of the key it signs receipts with.
    pub receipt_key: VerifyingKey,
    ca: Arc<Ca>,
    name: String,
    _folder: tempfile::TempDir,
}

impl TestService {
    /// A service with the defaults, changed by the builder.
    pub fn builder() -> TestServiceBuilder {
        TestServiceBuilder {
            peers: BTreeMap::new(),
            exchange_dir: None,
            exchange_database_url: None,
            sender: None,
            now: "2026-10-26T09:00:00+08:00".to_owned(),
            manual: true,
            ca: None,
            keys: None,
        }
    }

    /// A service with the defaults.
    pub async fn start(def: ServiceDef) -> anyhow::Result<TestService> {
        TestService::builder().start(def).await
    }

    /// Address other services reach it at.
    pub fn url(&self) -> String {
        format!("https://{}", self.running.addr)
    }

    /// A certificate of the service's authority: `bureau/education`.
    pub fn identity(&self, identity: &str) -> anyhow::Result<minqing_kit::tls::Identity> {
        self.ca.issue(identity, &["client"])
    }

    /// The service as a caller with this identity sees it: `service/dispatch`, `operator/county/621202`.
    pub fn as_caller(&self, identity: &str) -> anyhow::Result<Peer> {
        Peer::connect(&self.name, &self.url(), &self.identity(identity)?, Metrics::new())
    }
}
