//! A small town: monitoring with a roster the test feeds and bureaus the test plays.

use std::{
    collections::BTreeSet,
    sync::atomic::{AtomicU32, Ordering},
};

use chrono::NaiveDate;
use minqing_kit::client::Peer;
use minqing_proto::minqing::{
    mesh::v1::{ReadEventsRequest, event_log_service_client::EventLogServiceClient},
    monitoring::v1::{
        BatchRef, CloseBatchRequest, CloseBatchResponse, ListWarningsRequest, Record, SubmitRecordsRequest,
        SubmitRecordsResponse, Warning, monitoring_service_client::MonitoringServiceClient,
    },
    registry::v1::{HouseholdChanged, RosterClass, RosterMember, RosterVehicle},
    types::v1::{AreaKind, AssistanceClass, BatchMode, Bureau, Sex},
};
use minqing_test_kit::TestService;
use prost::Message;
use tonic::Status;
use uuid::Uuid;

use crate::what_if::patient;

pub const COUNTY: &str = "621202000000";
pub const VILLAGE: &str = "621202103201";

pub struct Town {
    pub service: TestService,
    batches: AtomicU32,
}

/// A household of rural 武都 with poor adults.
pub fn household(id: u128, persons: &[u128]) -> HouseholdChanged {
    HouseholdChanged {
        household: household_name(id),
        division_code: VILLAGE.into(),
        area_kind: AreaKind::Rural.into(),
        declared_income_fen: 100_000,
        income_as_of: "2026-09-30".into(),
        financial_assets_fen: 0,
        house_count: 1,
        members: persons.iter().map(|p| member(*p, "1980-05-05")).collect(),
        classes: Vec::new(),
        vehicles: Vec::new(),
        as_of: "2026-10-01".into(),
    }
}

pub fn household_name(id: u128) -> String {
    format!("households/{}", Uuid::from_u128(id))
}

pub fn member(person: u128, birth_on: &str) -> RosterMember {
    RosterMember {
        person_key: Uuid::from_u128(person).to_string(),
        birth_on: birth_on.into(),
        sex: Sex::Female.into(),
        relation: "01".into(),
        joined_on: "2020-01-01".into(),
    }
}

pub fn minimum_living() -> RosterClass {
    RosterClass {
        assistance_class: AssistanceClass::MinimumLiving.into(),
        person_key: String::new(),
        valid_from: "2026-01-01".into(),
        amount_fen: 40_000,
    }
}

pub fn car() -> RosterVehicle {
    RosterVehicle { kind: "car".into(), vehicle_use: "private".into(), registered_on: "2026-05-01".into() }
}

/// A household on minimum living with a private car: C11.
pub fn with_car(id: u128, persons: &[u128]) -> HouseholdChanged {
    let (classes, vehicles) = (vec![minimum_living()], vec![car()]);
    HouseholdChanged { classes, vehicles, ..household(id, persons) }
}

/// A row about a person. Its key is the person's unless the dataset has more than one row a person.
pub fn row(key: u128, person: u128, body: &impl Message) -> Record {
    Record {
        record_key: Uuid::from_u128(key).to_string(),
        person_key: Uuid::from_u128(person).to_string(),
        division_code: VILLAGE.into(),
        body: body.encode_to_vec(),
    }
}

/// The word under which tests compare warnings: `A15 h1`, `A03 h1 p10`, `P11 hr.unemployment@621202000000`.
fn word(of: &Warning) -> String {
    let last = |name: &str| Uuid::try_parse(name.trim_start_matches("households/")).unwrap().as_u128();
    match (of.household.as_str(), of.person_key.as_str()) {
        ("", _) => format!("{} {}", of.indicator, of.subject),
        (household, "") => format!("{} h{}", of.indicator, last(household)),
        (household, person) => format!("{} h{} p{}", of.indicator, last(household), last(person)),
    }
}

fn bureau_of(word: &str) -> Bureau {
    Bureau::from_str_name(&format!("BUREAU_{}", word.to_uppercase())).unwrap()
}

impl Town {
    pub async fn start() -> Town {
        let service = TestService::start(minqing_monitoring::service()).await.unwrap();
        Town { service, batches: AtomicU32::new(1) }
    }

    pub fn client(&self, identity: &str) -> MonitoringServiceClient<Peer> {
        MonitoringServiceClient::new(self.service.as_caller(identity).unwrap())
    }

    /// Registry tells of households.
    pub async fn tell(&self, households: impl IntoIterator<Item = HouseholdChanged>) {
        for household in households {
            self.service.running.feed("registry", &household.household.clone(), &household).unwrap();
        }
        self.service.running.consume_once().await.unwrap();
    }

    pub fn batch(&self, dataset: &str, mode: BatchMode, as_of: &str) -> BatchRef {
        let (bureau, name) = dataset.split_once('.').unwrap();
        let number = self.batches.fetch_add(1, Ordering::SeqCst);
        BatchRef {
            batch_id: Uuid::from_u128(u128::from(number) << 64).to_string(),
            bureau: bureau_of(bureau).into(),
            dataset: name.into(),
            mode: mode.into(),
            division_code: COUNTY.into(),
            as_of: as_of.into(),
        }
    }

    pub fn part(&self, batch: &BatchRef, part_no: i32, records: Vec<Record>) -> SubmitRecordsRequest {
        let id = Uuid::try_parse(&batch.batch_id).unwrap().as_u128() + u128::from(part_no.unsigned_abs());
        let request_id = Uuid::from_u128(id).to_string();
        SubmitRecordsRequest { request_id, batch: Some(batch.clone()), part_no, records }
    }

    pub async fn submit(&self, request: &SubmitRecordsRequest) -> Result<SubmitRecordsResponse, Status> {
        let bureau = request.batch.as_ref().unwrap().bureau();
        let caller = format!("adapter/{}", bureau.as_str_name().trim_start_matches("BUREAU_").to_lowercase());
        Ok(self.client(&caller).submit_records(patient(request.clone())).await?.into_inner())
    }

    pub async fn close(&self, batch: &BatchRef, parts: i32, accepted: i32) -> Result<CloseBatchResponse, Status> {
        let caller = format!("adapter/{}", batch.bureau().as_str_name().trim_start_matches("BUREAU_").to_lowercase());
        let id = Uuid::try_parse(&batch.batch_id).unwrap().as_u128() + (1 << 32);
        let request = CloseBatchRequest {
            request_id: Uuid::from_u128(id + u128::from(accepted.unsigned_abs())).to_string(),
            batch: Some(batch.clone()),
            parts,
            accepted,
            ..CloseBatchRequest::default()
        };
        Ok(self.client(&caller).close_batch(patient(request)).await?.into_inner())
    }

    /// A whole batch in one part, and what it made due.
    pub async fn deliver(
        &self,
        dataset: &str,
        mode: BatchMode,
        as_of: &str,
        records: Vec<Record>,
    ) -> (SubmitRecordsResponse, CloseBatchResponse) {
        let batch = self.batch(dataset, mode, as_of);
        let rows = i32::try_from(records.len()).unwrap();
        let submitted = self.submit(&self.part(&batch, 1, records)).await.unwrap();
        let closed = self.close(&batch, 1, rows).await.unwrap();
        self.work_off().await;
        (submitted, closed)
    }

    /// A batch without rows: there was nothing to tell.
    pub async fn deliver_nothing(&self, dataset: &str, as_of: &str) {
        let batch = self.batch(dataset, BatchMode::Changes, as_of);
        self.close(&batch, 0, 0).await.unwrap();
        self.work_off().await;
    }

    pub async fn warnings(&self, open_only: bool) -> Vec<Warning> {
        let request = ListWarningsRequest { open_only, page_size: 500, ..Default::default() };
        self.client("operator/city").list_warnings(request).await.unwrap().into_inner().warnings
    }

    /// Lets the workers finish what was made due.
    pub async fn work_off(&self) {
        for worker in ["counties", "records", "facts"] {
            while !self.service.running.reconcile_once(worker).await.unwrap().caught_up {}
        }
    }

    /// Open warnings on households.
    pub async fn open(&self) -> BTreeSet<String> {
        self.warnings(true).await.iter().filter(|w| w.subject.is_empty()).map(word).collect()
    }

    /// Open warnings on feeds.
    pub async fn open_feeds(&self) -> BTreeSet<String> {
        self.warnings(true).await.iter().filter(|w| !w.subject.is_empty()).map(word).collect()
    }

    /// Screens until caught up; how many passes that took.
    pub async fn screen(&self) -> usize {
        let mut passes = 1;
        while !self.service.running.reconcile_once("screening").await.unwrap().caught_up {
            passes += 1;
        }
        passes
    }

    pub fn today(&self) -> NaiveDate {
        use minqing_kit::clock::Clock as _;
        self.service.clock.today()
    }

    /// Events of a type, oldest first, with those of what was still due.
    pub async fn events<M: Message + Default + prost_reflect::ReflectMessage>(&self) -> Vec<M> {
        self.work_off().await;
        self.service.running.relay_once().await.unwrap();
        let mut client = EventLogServiceClient::new(self.service.as_caller("service/dispatch").unwrap());
        let wanted = M::default().descriptor().full_name().to_owned();
        let request = ReadEventsRequest { page_size: 500, types: vec![wanted], ..Default::default() };
        let events = client.read_events(request).await.unwrap().into_inner().events;
        events.iter().map(|e| M::decode(e.payload.as_slice()).unwrap()).collect()
    }
}
