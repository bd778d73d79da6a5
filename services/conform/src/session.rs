//! One adapter as a bureau's system meets it, and the notebook of the case under way.

use std::time::Duration;

use chrono::NaiveDate;
use futures::{Stream, stream};
use minqing_kit::{Error, client::Peer, keys::VerifyingKey, tls::Identity};
use minqing_proto::minqing::{
    bureau::v1::{
        BatchHeader, BatchLimits, BatchRows, DatasetDescription, SubmitBatchRequest, SubmitBatchResponse,
        exchange_service_client::ExchangeServiceClient, submit_batch_request::Part,
    },
    types::v1::BatchMode,
};
use prost_types::Any;
use tonic::{Request, Status};
use uuid::Uuid;

use crate::{
    person::Person,
    report::{Fault, Said},
    row::{Maker, Row},
};

/// Rows in one message, far below any limit.
const PART: usize = 200;
/// Longest the kit waits for the answer to one batch.
const PATIENCE: Duration = Duration::from_secs(60);

/// What the kit is told.
pub struct Target {
    /// `https://host:port`.
    pub address: String,
    /// Certificate of the bureau, `bureau/<name>`.
    pub identity: Identity,
    /// Certificate of another bureau of the same authority, if there is one to try.
    pub other: Option<Identity>,
    /// Public half of the key with which the adapter signs receipts.
    pub receipt_key: Option<VerifyingKey>,
    /// County that the rows are of, 6 digits.
    pub county: String,
    /// The adapter's business date.
    pub today: NaiveDate,
    /// Only these datasets; all when empty.
    pub datasets: Vec<String>,
    /// Makes a run's ids and people its own.
    pub run: Uuid,
}

/// The adapter under test.
pub struct Session<'a> {
    pub target: &'a Target,
    pub bureau: String,
    pub peer: Peer,
    pub datasets: Vec<DatasetDescription>,
    pub limits: BatchLimits,
}

impl<'a> Session<'a> {
    pub fn client(&self) -> ExchangeServiceClient<Peer> {
        ExchangeServiceClient::new(self.peer.clone())
    }

    /// An id of this run, always the same for the same words.
    pub fn id(&self, what: &str) -> String {
        Uuid::new_v5(&self.target.run, what.as_bytes()).to_string()
    }

    pub fn maker(&'a self, dataset: &'a DatasetDescription) -> Maker<'a> {
        Maker { dataset, county: &self.target.county, today: self.target.today }
    }

    /// People of this run that no other case has: they and their rows follow from the words.
    pub fn seed(&self, what: &str) -> u64 {
        let id = Uuid::new_v5(&self.target.run, what.as_bytes());
        id.as_u64_pair().0 >> 8
    }

    /// `count` good rows of a dataset about as many people.
    pub fn rows(&self, dataset: &DatasetDescription, what: &str, count: u64) -> Vec<Row> {
        let (maker, seed) = (self.maker(dataset), self.seed(&format!("{what} {}", name(dataset))));
        (seed..seed + count).map(|n| maker.row(&Person::nth(n), n)).collect()
    }

    /// The header of a batch of changes; changes end nothing that others have sent.
    pub fn header(&self, dataset: &DatasetDescription, what: &str, rows: usize) -> BatchHeader {
        BatchHeader {
            request_id: self.id(&format!("{what} {}", name(dataset))),
            batch_no: format!("conform-{what}"),
            dataset: name(dataset).to_owned(),
            mode: BatchMode::Changes as i32,
            division_code: self.target.county.clone(),
            as_of: self.target.today.to_string(),
            row_count: i32::try_from(rows).unwrap_or(i32::MAX),
            signature: None,
        }
    }

    pub async fn submit(&self, header: &BatchHeader, rows: &[Any]) -> Result<SubmitBatchResponse, Refusal> {
        self.send(stream::iter(messages(header, rows))).await
    }

    pub async fn send(
        &self,
        messages: impl Stream<Item = SubmitBatchRequest> + Send + 'static,
    ) -> Result<SubmitBatchResponse, Refusal> {
        let mut request = Request::new(messages);
        request.set_timeout(PATIENCE);
        self.client().submit_batch(request).await.map(tonic::Response::into_inner).map_err(Refusal::of)
    }
}

pub fn name(dataset: &DatasetDescription) -> &str {
    dataset.dataset.as_ref().map_or("", |d| d.name.as_str())
}

pub fn anys(rows: &[Row]) -> Vec<Any> {
    rows.iter().map(Row::any).collect()
}

pub fn messages(header: &BatchHeader, rows: &[Any]) -> Vec<SubmitBatchRequest> {
    let mut all = vec![SubmitBatchRequest { part: Some(Part::Header(header.clone())) }];
    all.extend(rows.chunks(PART).map(part));
    all
}

pub fn part(rows: &[Any]) -> SubmitBatchRequest {
    SubmitBatchRequest { part: Some(Part::Rows(BatchRows { rows: rows.to_vec() })) }
}

/// A refusal as the contract has it.
#[derive(Clone, Debug)]
pub struct Refusal {
    pub code: tonic::Code,
    pub reason: String,
    pub en: String,
    pub zh: String,
    pub fields: Vec<String>,
}

impl Refusal {
    pub fn of(status: Status) -> Refusal {
        let (code, error) = (status.code(), Error::from(status));
        Refusal {
            code,
            reason: error.reason().to_owned(),
            en: error.message().to_owned(),
            zh: error.message_zh().to_owned(),
            fields: error.fields().iter().map(|(field, _)| field.clone()).collect(),
        }
    }

    /// In words; texts of the adapter are shown, since they hold no value.
    pub fn text(&self) -> String {
        format!("{:?} {}: {} {}", self.code, self.reason, self.zh, self.en)
    }
}

/// Keeps what a case found.
#[derive(Default)]
pub struct Notebook {
    pub checks: u32,
    pub faults: Vec<Fault>,
    pub note: Option<Said>,
    pub skipped: bool,
}

impl Notebook {
    /// Notes one expectation; gives back whether it was met.
    pub fn expect(&mut self, met: bool, expected: Said, came: impl Into<String>, mend: Said) -> bool {
        self.checks += 1;
        if !met {
            self.faults.push(Fault { expected, came: came.into(), mend });
        }
        met
    }

    /// Expects a refusal with one of these reasons.
    pub fn refused<T>(&mut self, what: &Said, answer: Result<T, Refusal>, reasons: &[&str], mend: Said) {
        let (met, came) = match &answer {
            Ok(_) => (false, "接收了 it was taken in".to_owned()),
            Err(r) => (reasons.contains(&r.reason.as_str()) && !r.en.is_empty() && has_chinese(&r.zh), r.text()),
        };
        let reasons = reasons.join(" / ");
        let expected = Said {
            en: format!("{} is refused with {reasons}, in English and Chinese", what.en),
            zh: format!("{}被拒绝，原因码 {reasons}，附中英文说明", what.zh),
        };
        self.expect(met, expected, came, mend);
    }

    /// Expects an answer.
    pub fn answered<T>(&mut self, expected: Said, answer: Result<T, Refusal>, mend: Said) -> Option<T> {
        match answer {
            Ok(answer) => {
                self.checks += 1;
                Some(answer)
            }
            Err(refusal) => {
                self.expect(false, expected, refusal.text(), mend);
                None
            }
        }
    }
}

pub fn has_chinese(text: &str) -> bool {
    text.chars().any(|c| ('\u{4e00}'..='\u{9fff}').contains(&c))
}
