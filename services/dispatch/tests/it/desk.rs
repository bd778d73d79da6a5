//! The service under test with short words for what happens to it.

use minqing_kit::client::{Peer, request_for};
use minqing_proto::minqing::{
    dispatch::v1::{
        GetWorkOrderRequest, ListReferralsRequest, ListWorkOrdersRequest, RecordVerdictRequest, Referral, Verdict,
        WorkOrder, dispatch_service_client::DispatchServiceClient,
    },
    feedback::v1::{Feedback, FeedbackRecorded, ReferralSigned},
    mesh::v1::{Event, ReadEventsRequest, event_log_service_client::EventLogServiceClient},
    monitoring::v1::{ClearReason, WarningCleared, WarningRaised},
    types::v1::{AreaKind, Bureau, FeedbackDecision, WarningLevel},
};
use minqing_test_kit::TestService;
use prost::Message;
use uuid::Uuid;

pub const VILLAGE: &str = "621202100203";
pub const TOWNSHIP: &str = "operator/township/621202100";
pub const COUNTY: &str = "operator/county/621202";

pub struct Desk {
    pub service: TestService,
}

/// A resource name with a small number in the place of a real id.
pub fn name(collection: &str, n: u128) -> String {
    format!("{collection}/{}", Uuid::from_u128(n))
}

/// A request id of its own for each number.
pub fn request_id(n: u128) -> String {
    Uuid::from_u128(0xf000 + n).to_string()
}

/// A warning on a household, or on its member when `person` is not 0.
pub fn warning(n: u128, indicator: &str, household: u128, person: u128) -> WarningRaised {
    let level = match indicator {
        "A15" | "C01" => WarningLevel::Red,
        "A03" | "A08" | "A20" | "A29" | "P02" => WarningLevel::Orange,
        _ => WarningLevel::Yellow,
    };
    WarningRaised {
        warning: name("warnings", n),
        indicator: indicator.to_owned(),
        level: level as i32,
        household: name("households", household),
        person_key: if person == 0 { String::new() } else { Uuid::from_u128(person).to_string() },
        division_code: VILLAGE.to_owned(),
        area_kind: AreaKind::Rural as i32,
        record_accepted_time: "2026-10-26T01:00:00Z".to_owned(),
        ..WarningRaised::default()
    }
}

impl Desk {
    /// Starts on Monday 2026-10-26, 09:00 in China.
    pub async fn open() -> Desk {
        Desk { service: TestService::start(minqing_dispatch::service()).await.unwrap() }
    }

    pub fn today(&self) -> String {
        use minqing_kit::clock::Clock as _;
        self.service.clock.today().to_string()
    }

    /// A new business day begins and its pass runs.
    pub async fn day(&self, day: &str) {
        self.service.clock.set(format!("{day}T09:00:00+08:00").parse().unwrap());
        let pass = self.service.running.reconcile_once("deadlines").await.unwrap();
        assert!(pass.caught_up, "{}", pass.detail);
    }

    pub async fn raise(&self, warnings: &[WarningRaised]) {
        for warning in warnings {
            let raised = WarningRaised { raised_on: self.today(), ..warning.clone() };
            self.service.running.feed("monitoring", &raised.warning, &raised).unwrap();
        }
        self.service.running.consume_once().await.unwrap();
    }

    pub async fn clear(&self, n: u128, indicator: &str, household: u128) {
        self.end(n, indicator, household, ClearReason::Refuted).await;
    }

    /// The data behind a warning are withdrawn.
    pub async fn withdraw(&self, n: u128, indicator: &str, household: u128) {
        self.end(n, indicator, household, ClearReason::DataWithdrawn).await;
    }

    async fn end(&self, n: u128, indicator: &str, household: u128, reason: ClearReason) {
        let cleared = WarningCleared {
            warning: name("warnings", n),
            indicator: indicator.to_owned(),
            household: name("households", household),
            cleared_on: self.today(),
            reason: reason.into(),
        };
        self.service.running.feed("monitoring", &cleared.warning, &cleared).unwrap();
        self.service.running.consume_once().await.unwrap();
    }

    pub async fn sign(&self, referral: &Referral) {
        let signed =
            ReferralSigned { referral: referral.name.clone(), bureau: referral.bureau, signed_on: self.today() };
        self.service.running.feed("feedback", &signed.referral, &signed).unwrap();
        self.service.running.consume_once().await.unwrap();
    }

    pub async fn answer(&self, referral: &Referral, decision: FeedbackDecision) {
        let feedback = Feedback {
            referral: referral.name.clone(),
            bureau: referral.bureau,
            decision: decision as i32,
            handled_on: self.today(),
            deferred_to: "2026-12-01".to_owned(),
            ..Feedback::default()
        };
        let recorded = FeedbackRecorded { feedback: Some(feedback) };
        self.service.running.feed("feedback", &referral.name, &recorded).unwrap();
        self.service.running.consume_once().await.unwrap();
    }

    pub fn client(&self, identity: &str) -> DispatchServiceClient<Peer> {
        DispatchServiceClient::new(self.service.as_caller(identity).unwrap())
    }

    pub async fn orders_as(&self, identity: &str) -> Vec<WorkOrder> {
        let list = self.client(identity).list_work_orders(ListWorkOrdersRequest::default()).await;
        list.unwrap().into_inner().work_orders
    }

    /// Every work order, most urgent first.
    pub async fn orders(&self) -> Vec<WorkOrder> {
        self.orders_as("operator/city").await
    }

    /// The only work order.
    pub async fn order(&self) -> WorkOrder {
        let mut all = self.orders().await;
        assert_eq!(all.len(), 1);
        all.remove(0)
    }

    pub async fn get(&self, identity: &str, name: &str) -> Result<WorkOrder, tonic::Status> {
        let request = GetWorkOrderRequest { name: name.to_owned() };
        let answer = self.client(identity).get_work_order(request).await?;
        Ok(answer.into_inner().work_order.unwrap())
    }

    pub async fn referrals(&self, identity: &str) -> Vec<Referral> {
        let list = self.client(identity).list_referrals(ListReferralsRequest::default()).await;
        list.unwrap().into_inner().referrals
    }

    /// The referral to a bureau of a work order that has one.
    pub async fn referral(&self, bureau: Bureau) -> Referral {
        let all = self.referrals("service/registry").await;
        all.into_iter().rfind(|r| r.bureau == bureau as i32 && r.settled_on.is_empty()).unwrap()
    }

    pub fn report(&self, n: u128, order: &WorkOrder, verdict: Verdict) -> RecordVerdictRequest {
        RecordVerdictRequest {
            request_id: request_id(n),
            name: order.name.clone(),
            verdict: verdict as i32,
            checked_on: self.today(),
            checker: "zhao.yun".to_owned(),
            person_seen: true,
            evidence_digest: "0".repeat(64),
            visit: None,
        }
    }

    pub async fn record(&self, identity: &str, report: RecordVerdictRequest) -> Result<WorkOrder, tonic::Status> {
        let request = request_for(Some("case_work"), Some(&report.name.clone()), report);
        let answer = self.client(identity).record_verdict(request).await?;
        Ok(answer.into_inner().work_order.unwrap())
    }

    /// Events of one type that dispatch has emitted so far.
    pub async fn told<M: Message + Default>(&self, name: &str) -> Vec<M> {
        let events = self.events(name).await;
        events.iter().map(|e| M::decode(e.payload.as_slice()).unwrap()).collect()
    }

    pub async fn events(&self, name: &str) -> Vec<Event> {
        while self.service.running.relay_once().await.unwrap() > 0 {}
        let mut log = EventLogServiceClient::new(self.service.as_caller("service/feedback").unwrap());
        let request = ReadEventsRequest {
            page_size: 500,
            types: vec![format!("minqing.dispatch.v1.{name}")],
            ..ReadEventsRequest::default()
        };
        log.read_events(request).await.unwrap().into_inner().events
    }
}
