//! Second implementations of the three services an adapter calls: in memory, recording, and failing on demand.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, HashSet},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
};

use minqing_kit::{Parts, ServiceDef};
use minqing_proto::minqing::{
    bureau::v1::{LedgerDifference, LedgerDifferenceKind, LedgerEntry, LedgerResult},
    feedback::v1::{self as feedback, feedback_books_service_server, feedback_service_server},
    monitoring::v1::{self as monitoring, monitoring_service_server},
    registry::v1::{self as registry, identity_service_server, registry_service_server},
};
use prost::Message as _;
use sqlx::migrate::Migrator;
use tonic::{Request, Response, Status};

static NO_MIGRATIONS: Migrator = Migrator::DEFAULT;

type Answer<T> = Result<Response<T>, Status>;

/// A person on file.
#[derive(Clone)]
pub struct Person {
    pub person_key: String,
    pub name_key: String,
    pub household: String,
    pub id_number: String,
    pub name: String,
}

#[derive(Default)]
pub struct Register {
    pub persons: Mutex<Vec<Person>>,
    /// Case references under which identities were revealed.
    pub reveals: Mutex<Vec<String>>,
    /// Authorisations under which identities were revealed.
    pub authorisations: Mutex<Vec<String>>,
    pub matches: AtomicUsize,
    /// What was asked about who may be meant.
    pub doubts: Mutex<Vec<registry::IdentityDoubt>>,
    /// Person for whom a number under a name stands.
    pub links: Mutex<HashMap<(String, String), String>>,
}

#[derive(Default)]
pub struct Monitor {
    pub records: Mutex<BTreeMap<String, monitoring::Record>>,
    pub parts: Mutex<Vec<monitoring::SubmitRecordsRequest>>,
    pub closes: Mutex<Vec<monitoring::CloseBatchRequest>>,
    answered: Mutex<HashMap<String, Vec<u8>>>,
    /// Rows of each batch's parts; closed batches take no more.
    open: Mutex<HashMap<String, BTreeMap<i32, i32>>>,
    closed: Mutex<HashSet<String>>,
    /// The next close is done and its answer lost.
    lose_a_close: AtomicBool,
    /// Batches withdrawn, in order.
    pub withdrawn: Mutex<Vec<String>>,
    /// The next withdrawal is done and its answer lost.
    pub lose_a_withdrawal: AtomicBool,
    /// Every withdrawal is refused.
    pub too_old: AtomicBool,
    /// From this part number on, parts are answered UNAVAILABLE; 0: never.
    pub away_from: AtomicUsize,
}

impl Monitor {
    /// As the idempotency rule has it: the same id with another body is refused.
    fn once(&self, request_id: &str, body: Vec<u8>) -> Result<(), Status> {
        let mut answered = self.answered.lock().unwrap();
        match answered.insert(request_id.to_owned(), body.clone()) {
            Some(before) if before != body => Err(Status::failed_precondition("request_id reused")),
            _ => Ok(()),
        }
    }

    fn was_answered(&self, request_id: &str) -> bool {
        self.answered.lock().unwrap().contains_key(request_id)
    }

    pub fn lose_a_close(&self) {
        self.lose_a_close.store(true, Ordering::SeqCst);
    }
}

#[derive(Default)]
pub struct Books {
    pub away: AtomicBool,
    pub receipts: Mutex<Vec<feedback::Receipt>>,
    pub records: Mutex<Vec<feedback::Feedback>>,
    pub ledgers: Mutex<Vec<feedback::CompareLedgerRequest>>,
}

pub struct Shared<T>(pub Arc<T>);

pub fn no<T>() -> Answer<T> {
    Err(Status::unimplemented("not needed here"))
}

pub const COUNTIES: [&str; 2] = ["621202000000", "621221000000"];

#[tonic::async_trait]
impl registry_service_server::RegistryService for Shared<Register> {
    async fn list_divisions(
        &self,
        _: Request<registry::ListDivisionsRequest>,
    ) -> Answer<registry::ListDivisionsResponse> {
        let codes = ["621200000000", COUNTIES[0], COUNTIES[1], "621202001000", "621202002000", "621221100000"];
        let division = |code: &str| registry::Division { code: code.to_owned(), ..Default::default() };
        let divisions = codes.into_iter().map(division).collect();
        Ok(Response::new(registry::ListDivisionsResponse { divisions, next_page_token: String::new() }))
    }

    async fn match_persons(
        &self,
        request: Request<registry::MatchPersonsRequest>,
    ) -> Answer<registry::MatchPersonsResponse> {
        self.0.matches.fetch_add(1, Ordering::SeqCst);
        let persons = self.0.persons.lock().unwrap().clone();
        let links = self.0.links.lock().unwrap().clone();
        let answer = |probe: &registry::PersonProbe| {
            let linked = links.get(&(probe.person_key.clone(), probe.name_key.clone())).cloned().unwrap_or_default();
            match persons.iter().find(|p| p.person_key == probe.person_key) {
                None => registry::PersonMatch { linked_person_key: linked, ..Default::default() },
                Some(p) => registry::PersonMatch {
                    known: true,
                    name_agrees: p.name_key == probe.name_key,
                    household: p.household.clone(),
                    linked_person_key: linked,
                },
            }
        };
        let matches = request.get_ref().probes.iter().map(answer).collect();
        Ok(Response::new(registry::MatchPersonsResponse { matches }))
    }

    async fn reveal_identities(
        &self,
        request: Request<registry::RevealIdentitiesRequest>,
    ) -> Answer<registry::RevealIdentitiesResponse> {
        let case = request.metadata().get("minqing-case").and_then(|v| v.to_str().ok()).unwrap_or_default();
        self.0.reveals.lock().unwrap().push(case.to_owned());
        let asked = request.get_ref();
        self.0.authorisations.lock().unwrap().extend(asked.authorisations.clone());
        let persons = self.0.persons.lock().unwrap();
        let wanted = persons.iter().filter(|p| {
            p.household == asked.household
                && (asked.person_keys.is_empty() || asked.person_keys.contains(&p.person_key))
        });
        let identity = |p: &Person| registry::PersonIdentity {
            person_key: p.person_key.clone(),
            id_number: p.id_number.clone(),
            name: p.name.clone(),
            phone: "+8613800000000".to_owned(),
            address: "=龙坪镇".to_owned(),
        };
        Ok(Response::new(registry::RevealIdentitiesResponse { persons: wanted.map(identity).collect() }))
    }

    async fn list_class_members(
        &self,
        request: Request<registry::ListClassMembersRequest>,
    ) -> Answer<registry::ListClassMembersResponse> {
        // One member a page.
        let at: usize = request.get_ref().page_token.parse().unwrap_or(0);
        let persons = self.0.persons.lock().unwrap();
        let member = |p: &Person| registry::ClassMember {
            identity: Some(registry::PersonIdentity {
                id_number: p.id_number.clone(),
                name: p.name.clone(),
                ..Default::default()
            }),
            assistance_class: 1,
            division_code: "621202001000".to_owned(),
            valid_from: "2026-01-01".to_owned(),
            valid_to: String::new(),
        };
        let members = persons.iter().skip(at).take(1).map(member).collect();
        let more = at + 1 < persons.len();
        let next_page_token = if more { (at + 1).to_string() } else { String::new() };
        Ok(Response::new(registry::ListClassMembersResponse { members, next_page_token }))
    }

    async fn import_households(
        &self,
        _: Request<tonic::Streaming<registry::ImportHouseholdsRequest>>,
    ) -> Answer<registry::ImportHouseholdsResponse> {
        no()
    }

    async fn list_import_errors(
        &self,
        _: Request<registry::ListImportErrorsRequest>,
    ) -> Answer<registry::ListImportErrorsResponse> {
        no()
    }

    async fn get_household(&self, _: Request<registry::GetHouseholdRequest>) -> Answer<registry::GetHouseholdResponse> {
        no()
    }

    async fn find_person(&self, _: Request<registry::FindPersonRequest>) -> Answer<registry::FindPersonResponse> {
        no()
    }

    async fn list_households(
        &self,
        _: Request<registry::ListHouseholdsRequest>,
    ) -> Answer<registry::ListHouseholdsResponse> {
        no()
    }

    async fn list_chain_entries(
        &self,
        _: Request<registry::ListChainEntriesRequest>,
    ) -> Answer<registry::ListChainEntriesResponse> {
        no()
    }
}

#[tonic::async_trait]
impl monitoring_service_server::MonitoringService for Shared<Monitor> {
    async fn submit_records(
        &self,
        request: Request<monitoring::SubmitRecordsRequest>,
    ) -> Answer<monitoring::SubmitRecordsResponse> {
        let part = request.into_inner();
        let away_from = self.0.away_from.load(Ordering::SeqCst);
        if away_from > 0 && usize::try_from(part.part_no).unwrap() >= away_from {
            return Err(Status::unavailable("away"));
        }
        let again = self.0.was_answered(&part.request_id);
        self.0.once(&part.request_id, part.encode_to_vec())?;
        let batch = part.batch.clone().unwrap().batch_id;
        if !again && self.0.closed.lock().unwrap().contains(&batch) {
            return Err(Status::failed_precondition("the batch is closed"));
        }
        let accepted = i32::try_from(part.records.len()).unwrap();
        self.0.open.lock().unwrap().entry(batch).or_default().insert(part.part_no, accepted);
        let mut records = self.0.records.lock().unwrap();
        records.extend(part.records.iter().map(|r| (r.record_key.clone(), r.clone())));
        self.0.parts.lock().unwrap().push(part);
        Ok(Response::new(monitoring::SubmitRecordsResponse { accepted, changed: accepted, ..Default::default() }))
    }

    async fn close_batch(
        &self,
        request: Request<monitoring::CloseBatchRequest>,
    ) -> Answer<monitoring::CloseBatchResponse> {
        let close = request.into_inner();
        let again = self.0.was_answered(&close.request_id);
        self.0.once(&close.request_id, close.encode_to_vec())?;
        let batch = close.batch.clone().unwrap().batch_id;
        if !again {
            let parts = self.0.open.lock().unwrap().remove(&batch).unwrap_or_default();
            let came = (i32::try_from(parts.len()).unwrap(), parts.values().sum::<i32>());
            if came != (close.parts, close.accepted) || !self.0.closed.lock().unwrap().insert(batch) {
                return Err(Status::failed_precondition("the batch is incomplete or closed"));
            }
        }
        let changed = close.accepted;
        self.0.closes.lock().unwrap().push(close);
        if self.0.lose_a_close.swap(false, Ordering::SeqCst) {
            return Err(Status::deadline_exceeded("lost"));
        }
        Ok(Response::new(monitoring::CloseBatchResponse { changed, ended: 0 }))
    }

    async fn withdraw_batch(
        &self,
        request: Request<monitoring::WithdrawBatchRequest>,
    ) -> Answer<monitoring::WithdrawBatchResponse> {
        let asked = request.into_inner();
        self.0.once(&asked.request_id, asked.encode_to_vec())?;
        if self.0.too_old.load(Ordering::SeqCst) {
            let old = minqing_kit::Error::failed_state("BATCH_TOO_OLD", "the batch is too old", "该批次过旧");
            return Err(old.into());
        }
        if !self.0.closed.lock().unwrap().contains(&asked.batch_id) {
            return Err(Status::not_found("batch not found"));
        }
        let mut withdrawn = self.0.withdrawn.lock().unwrap();
        if !withdrawn.contains(&asked.batch_id) {
            withdrawn.push(asked.batch_id);
        }
        if self.0.lose_a_withdrawal.swap(false, Ordering::SeqCst) {
            return Err(Status::deadline_exceeded("lost"));
        }
        let withdrawn_on = "2026-10-26".to_owned();
        Ok(Response::new(monitoring::WithdrawBatchResponse { withdrawn_on, records: 2, overridden: 0 }))
    }

    async fn list_warnings(
        &self,
        _: Request<monitoring::ListWarningsRequest>,
    ) -> Answer<monitoring::ListWarningsResponse> {
        no()
    }

    async fn get_warning(&self, _: Request<monitoring::GetWarningRequest>) -> Answer<monitoring::GetWarningResponse> {
        no()
    }

    async fn list_feeds(&self, _: Request<monitoring::ListFeedsRequest>) -> Answer<monitoring::ListFeedsResponse> {
        no()
    }

    async fn get_household_facts(
        &self,
        _: Request<monitoring::GetHouseholdFactsRequest>,
    ) -> Answer<monitoring::GetHouseholdFactsResponse> {
        no()
    }
}

#[tonic::async_trait]
impl feedback_service_server::FeedbackService for Shared<Books> {
    async fn record_receipts(
        &self,
        request: Request<feedback::RecordReceiptsRequest>,
    ) -> Answer<feedback::RecordReceiptsResponse> {
        if self.0.away.load(Ordering::SeqCst) {
            return Err(Status::unavailable("away"));
        }
        let receipts = request.into_inner().receipts;
        let recorded = i32::try_from(receipts.len()).unwrap();
        self.0.receipts.lock().unwrap().extend(receipts);
        Ok(Response::new(feedback::RecordReceiptsResponse { recorded }))
    }

    async fn record_feedback(
        &self,
        request: Request<feedback::RecordFeedbackRequest>,
    ) -> Answer<feedback::RecordFeedbackResponse> {
        if self.0.away.load(Ordering::SeqCst) {
            return Err(Status::unavailable("away"));
        }
        let records = request.into_inner().feedback;
        let result = |r: &feedback::Feedback| feedback::FeedbackResult {
            record_no: r.record_no.clone(),
            accepted: true,
            ..Default::default()
        };
        let results = records.iter().map(result).collect();
        self.0.records.lock().unwrap().extend(records);
        Ok(Response::new(feedback::RecordFeedbackResponse { results }))
    }

    async fn list_feedback(&self, _: Request<feedback::ListFeedbackRequest>) -> Answer<feedback::ListFeedbackResponse> {
        no()
    }

    async fn get_reconciliation(
        &self,
        _: Request<feedback::GetReconciliationRequest>,
    ) -> Answer<feedback::GetReconciliationResponse> {
        no()
    }

    async fn get_timeliness(
        &self,
        _: Request<feedback::GetTimelinessRequest>,
    ) -> Answer<feedback::GetTimelinessResponse> {
        no()
    }
}

/// Compares with the records taken, whatever their month.
#[tonic::async_trait]
impl feedback_books_service_server::FeedbackBooksService for Shared<Books> {
    async fn compare_ledger(
        &self,
        request: Request<feedback::CompareLedgerRequest>,
    ) -> Answer<feedback::CompareLedgerResponse> {
        if self.0.away.load(Ordering::SeqCst) {
            return Err(Status::unavailable("away"));
        }
        let asked = request.into_inner();
        let records = self.0.records.lock().unwrap().clone();
        let programmes: BTreeSet<_> =
            asked.lines.iter().map(|l| &l.programme).chain(records.iter().map(|r| &r.programme)).collect();
        let of = |programme: &String| {
            let line = asked.lines.iter().find(|l| l.programme == *programme);
            let theirs = line.map(|l| l.entries.clone()).unwrap_or_default();
            let ours: Vec<_> = records.iter().filter(|r| r.programme == *programme).collect();
            let differences = differences(&ours, &theirs);
            let agrees = differences.is_empty();
            LedgerResult { programme: programme.clone(), agrees, differences, ..Default::default() }
        };
        let results = programmes.into_iter().map(of).collect();
        self.0.ledgers.lock().unwrap().push(asked);
        Ok(Response::new(feedback::CompareLedgerResponse { results }))
    }

    async fn list_differences(
        &self,
        _: Request<feedback::ListDifferencesRequest>,
    ) -> Answer<feedback::ListDifferencesResponse> {
        no()
    }
}

fn differences(ours: &[&feedback::Feedback], theirs: &[LedgerEntry]) -> Vec<LedgerDifference> {
    let told = |record_no: &str, kind: LedgerDifferenceKind, own: Option<&&feedback::Feedback>| LedgerDifference {
        record_no: record_no.to_owned(),
        kind: kind as i32,
        amount_fen: own.map_or(0, |r| r.amount_fen),
        decision: own.map_or(0, |r| r.decision),
    };
    let missing_there = ours.iter().filter(|r| !theirs.iter().any(|t| t.record_no == r.record_no));
    let missing_there = missing_there.map(|r| told(&r.record_no, LedgerDifferenceKind::MissingInLedger, Some(r)));
    let other = theirs.iter().filter_map(|t| match ours.iter().find(|r| r.record_no == t.record_no) {
        None => Some(told(&t.record_no, LedgerDifferenceKind::MissingInMesh, None)),
        Some(r) if (r.amount_fen, r.decision) == (t.amount_fen, t.decision) => None,
        Some(r) => Some(told(&t.record_no, LedgerDifferenceKind::ContentDiffers, Some(r))),
    });
    missing_there.chain(other).collect()
}

pub fn def(name: &str, add: impl FnOnce(&mut Parts) + Send + 'static) -> ServiceDef {
    ServiceDef {
        name: name.to_owned(),
        identity: format!("service/{name}"),
        schema: name.to_owned(),
        migrations: &NO_MIGRATIONS,
        build: Box::new(move |_| {
            Box::pin(async move {
                let mut parts = Parts::default();
                add(&mut parts);
                Ok(parts)
            })
        }),
    }
}

pub fn registry(register: &Arc<Register>) -> ServiceDef {
    let (register, identities) = (Shared(register.clone()), Shared(register.clone()));
    def("registry", move |p| {
        p.routes.add_service(registry_service_server::RegistryServiceServer::new(register));
        p.routes.add_service(identity_service_server::IdentityServiceServer::new(identities));
    })
}

pub fn monitoring(monitor: &Arc<Monitor>) -> ServiceDef {
    let monitor = Shared(monitor.clone());
    def("monitoring", move |p| {
        p.routes.add_service(monitoring_service_server::MonitoringServiceServer::new(monitor));
    })
}

pub fn feedback(books: &Arc<Books>) -> ServiceDef {
    let (books, ledgers) = (Shared(books.clone()), Shared(books.clone()));
    def("feedback", move |p| {
        p.routes.add_service(feedback_service_server::FeedbackServiceServer::new(books));
        p.routes.add_service(feedback_books_service_server::FeedbackBooksServiceServer::new(ledgers));
    })
}
