//! An adapter among its peers, and a bureau's view of it.

use std::{path::PathBuf, sync::Arc};

use minqing_adapter::Bureau;
use minqing_kit::{
    Call,
    client::Peer,
    keys::{IdNumber, VerifyingKey},
};
use minqing_proto::minqing::{
    bureau::v1::{
        BatchHeader, BatchRows, SubmitBatchRequest, SubmitBatchResponse,
        exchange_service_client::ExchangeServiceClient, submit_batch_request::Part,
    },
    types::v1::BatchMode,
};
use minqing_test_kit::{TestService, TestServiceBuilder, until};
use prost_reflect::ReflectMessage;
use prost_types::Any;
use tokio_stream::StreamExt as _;
use tonic::Status;
use uuid::Uuid;

use crate::{
    checks::{self, Checks},
    peers::{self, Books, Monitor, Person, Register},
};

pub struct Mesh {
    pub register: Arc<Register>,
    pub monitor: Arc<Monitor>,
    pub books: Arc<Books>,
    pub checks: Arc<Checks>,
    pub adapter: TestService,
    pub folder: Option<tempfile::TempDir>,
    pub bureau: Bureau,
    peers: Vec<TestService>,
}

/// A service that calls the others.
fn among(peers: &[TestService]) -> TestServiceBuilder {
    let builder = TestService::builder().beside(&peers[0]).peer("registry", &peers[0].url());
    let builder = builder.peer("monitoring", &peers[1].url()).peer("feedback", &peers[2].url());
    builder.peer("identification", &peers[3].url())
}

impl Mesh {
    /// With the gRPC transport only.
    pub async fn start(bureau: Bureau) -> Mesh {
        Mesh::begin(bureau, None, None, None).await
    }

    /// With a watched folder.
    pub async fn with_folder(bureau: Bureau) -> Mesh {
        Mesh::begin(bureau, Some(tempfile::tempdir().unwrap()), None, None).await
    }

    /// With the gRPC transport, for a bureau that signs what it sends.
    pub async fn with_sender(bureau: Bureau, sender: &VerifyingKey) -> Mesh {
        Mesh::begin(bureau, None, Some(sender), None).await
    }

    /// With a watched folder and tables in the bureau's own database.
    pub async fn with_database(bureau: Bureau, url: &str) -> Mesh {
        Mesh::begin(bureau, Some(tempfile::tempdir().unwrap()), None, Some(url)).await
    }

    async fn begin(
        bureau: Bureau,
        folder: Option<tempfile::TempDir>,
        sender: Option<&VerifyingKey>,
        database: Option<&str>,
    ) -> Mesh {
        let (register, monitor, books) = <(Arc<Register>, Arc<Monitor>, Arc<Books>)>::default();
        let first = TestService::start(peers::registry(&register)).await.unwrap();
        let beside = || TestService::builder().beside(&first);
        let second = beside().start(peers::monitoring(&monitor)).await.unwrap();
        let third = beside().start(peers::feedback(&books)).await.unwrap();
        let checks = Arc::<Checks>::default();
        let fourth = beside().start(checks::identification(&checks)).await.unwrap();
        let peers = vec![first, second, third, fourth];
        let mut builder = among(&peers);
        if let Some(url) = database {
            builder = builder.exchange_database(url);
        }
        if let Some(folder) = &folder {
            builder = builder.exchange_dir(folder.path());
        }
        if let Some(sender) = sender {
            builder = builder.sender(sender);
        }
        let adapter = builder.start(minqing_adapter::service(bureau)).await.unwrap();
        Mesh { register, monitor, books, checks, adapter, folder, bureau, peers }
    }

    /// Another adapter of the same bureau among the same peers, with a database of its own.
    pub async fn another(&self, url: &str) -> TestService {
        let def = minqing_adapter::service(self.bureau);
        among(&self.peers).exchange_database(url).start(def).await.unwrap()
    }

    /// Identification tells this bureau's adapter, which takes it from its log.
    pub async fn identification_tells<M: ReflectMessage + prost::Message + Clone + 'static>(
        &self,
        about: &str,
        event: &M,
    ) {
        let identification = &self.peers[3].running;
        let (about, event, audience) = (about.to_owned(), event.clone(), self.bureau.identity());
        let call = Call::worker("identification", "test");
        let told = identification.context.db.change(&call, move |w| {
            w.emit(&about, &event, Some(&audience));
            Box::pin(async { Ok(()) })
        });
        told.await.unwrap();
        while identification.relay_once().await.unwrap() > 0 {}
        self.adapter.running.consume_once().await.unwrap();
    }

    pub fn client(&self) -> ExchangeServiceClient<Peer> {
        let bureau = self.adapter.as_caller(&format!("bureau/{}", self.bureau.name)).unwrap();
        ExchangeServiceClient::new(bureau)
    }

    /// Puts a person on file.
    pub fn on_file(&self, id_number: &str, name: &str, household: Uuid) -> Person {
        let keys = &self.adapter.keys;
        let person = Person {
            person_key: keys.person_key(&IdNumber::parse(id_number).unwrap()).to_string(),
            name_key: keys.name_key(name).to_string(),
            household: format!("households/{household}"),
            id_number: id_number.to_owned(),
            name: name.to_owned(),
        };
        self.register.persons.lock().unwrap().push(person.clone());
        person
    }

    /// Sends a batch as a bureau's system does.
    pub async fn submit(&self, header: &BatchHeader, rows: &[Any]) -> Result<SubmitBatchResponse, Status> {
        self.submit_in(header, &rows.chunks(700).collect::<Vec<_>>()).await
    }

    /// As `submit`, in the parts given.
    pub async fn submit_in(&self, header: &BatchHeader, parts: &[&[Any]]) -> Result<SubmitBatchResponse, Status> {
        let messages = tokio_stream::iter(messages(header, parts));
        self.client().submit_batch(messages).await.map(tonic::Response::into_inner)
    }

    /// As `submit`, by a sender that goes on after these rows.
    pub async fn submit_without_end(&self, header: &BatchHeader, rows: &[Any]) -> Result<SubmitBatchResponse, Status> {
        let messages = tokio_stream::iter(messages(header, &[rows])).chain(tokio_stream::pending());
        self.client().submit_batch(messages).await.map(tonic::Response::into_inner)
    }

    fn path(&self, sub: &str, name: &str) -> PathBuf {
        self.folder.as_ref().unwrap().path().join(sub).join(name)
    }

    /// Drops a file as a careful writer does.
    pub fn drop_file(&self, name: &str, content: &[u8]) {
        let part = self.path("inbox", &format!("{name}.part"));
        std::fs::write(&part, content).unwrap();
        std::fs::rename(part, self.path("inbox", name)).unwrap();
    }

    /// Drops a file, lets the adapter take it and reads the result file's lines.
    pub async fn take_file(&self, name: &str, content: &[u8]) -> Told {
        self.drop_file(name, content);
        let pass = self.adapter.running.reconcile_once("files").await.unwrap();
        assert!(pass.caught_up, "{pass:?}");
        assert!(self.path("done", name).exists());
        self.told(name)
    }

    /// Lets waiting files come to their end.
    pub async fn until_caught_up(&self) {
        until("the files to be taken", async || {
            self.adapter.running.reconcile_once("files").await.unwrap().caught_up.then_some(())
        })
        .await;
    }

    pub fn told(&self, name: &str) -> Told {
        let text = std::fs::read_to_string(self.path("result", &format!("{name}.result.csv"))).unwrap();
        Told::read(&text)
    }

    pub fn files(&self, sub: &str) -> Vec<String> {
        let entries = std::fs::read_dir(self.path(sub, "")).unwrap();
        let mut names: Vec<_> = entries.map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    pub fn read(&self, sub: &str, name: &str) -> String {
        std::fs::read_to_string(self.path(sub, name)).unwrap()
    }

    /// Whether any row of any of the adapter's tables holds the text.
    pub async fn database_holds(&self, text: &str) -> bool {
        let mut admin = self.adapter.db.admin().await.unwrap();
        let tables: Vec<String> =
            sqlx::query_scalar("select tablename::text from pg_tables where schemaname = $1 order by tablename")
                .bind(self.bureau.schema())
                .fetch_all(&mut admin)
                .await
                .unwrap();
        assert!(tables.len() > 5);
        let hex: String = text.bytes().map(|b| format!("{b:02x}")).collect();
        for table in tables {
            let sql = format!(
                "select exists (select from {}.{table} t where position($1 in t::text) > 0 or position($2 in t::text) > 0)",
                self.bureau.schema()
            );
            let found: bool =
                sqlx::query_scalar(sqlx::AssertSqlSafe(sql)).bind(text).bind(&hex).fetch_one(&mut admin).await.unwrap();
            if found {
                return true;
            }
        }
        false
    }
}

/// A result file.
pub struct Told {
    pub text: String,
    /// Row, column, reason.
    pub lines: Vec<(String, String, String)>,
}

impl Told {
    fn read(text: &str) -> Told {
        let mut reader = csv::ReaderBuilder::new().has_headers(false).flexible(true).from_reader(text.as_bytes());
        let records: Vec<_> = reader.records().map(|r| r.unwrap()).collect();
        let head = records.iter().position(|r| r.get(0) == Some("行号 row")).unwrap();
        let line = |r: &csv::StringRecord| (r[0].to_owned(), r[1].to_owned(), r[2].to_owned());
        Told { text: text.to_owned(), lines: records[head + 1..].iter().map(line).collect() }
    }

    /// The one reason a file was refused for.
    pub fn refused_for(&self) -> &str {
        assert!(self.text.contains("整个文件退回"), "{}", self.text);
        &self.lines[0].2
    }
}

fn messages(header: &BatchHeader, parts: &[&[Any]]) -> Vec<SubmitBatchRequest> {
    let head = SubmitBatchRequest { part: Some(Part::Header(header.clone())) };
    let part = |rows: &&[Any]| SubmitBatchRequest { part: Some(Part::Rows(BatchRows { rows: rows.to_vec() })) };
    std::iter::once(head).chain(parts.iter().map(part)).collect()
}

pub fn header(dataset: &str, rows: usize) -> BatchHeader {
    BatchHeader {
        request_id: Uuid::from_u128(0x0198_0000_0000_7000_8000_0000_0000_0000 + rows as u128).to_string(),
        batch_no: "B-1".to_owned(),
        dataset: dataset.to_owned(),
        mode: BatchMode::Changes as i32,
        division_code: "621202".to_owned(),
        as_of: "2026-10-26".to_owned(),
        row_count: i32::try_from(rows).unwrap(),
        signature: None,
    }
}
