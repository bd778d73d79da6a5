//! The service under test with short words for what a bureau's office does.

use minqing_kit::client::Peer;
use minqing_proto::minqing::{
    dispatch::v1::{ReferralIssued, ReferralSettled},
    feedback::v1::{
        Feedback, FeedbackResult, Receipt, RecordFeedbackRequest, RecordReceiptsRequest,
        feedback_service_client::FeedbackServiceClient,
    },
    mesh::v1::{ReadEventsRequest, event_log_service_client::EventLogServiceClient},
    types::v1::{Bureau, FeedbackDecision},
};
use minqing_test_kit::TestService;
use prost::Message;
use uuid::Uuid;

pub struct Office {
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

/// A grant of 1,000 yuan in answer to a referral.
pub fn grant(record_no: &str, referral: u128) -> Feedback {
    Feedback {
        record_no: record_no.to_owned(),
        referral: name("referrals", referral),
        decision: FeedbackDecision::Granted as i32,
        amount_fen: 100_000,
        handled_on: "2026-10-26".to_owned(),
        ..Feedback::default()
    }
}

impl Office {
    /// Starts on Monday 2026-10-26, 09:00 in China, with a register that does not answer.
    pub async fn open() -> Office {
        let alone = TestService::builder().peer("registry", "https://127.0.0.1:1");
        Office { service: alone.start(minqing_feedback::service()).await.unwrap() }
    }

    /// Starts at the same time beside a register.
    pub async fn beside(registry: &TestService) -> Office {
        let beside = TestService::builder().beside(registry).peer("registry", &registry.url());
        Office { service: beside.start(minqing_feedback::service()).await.unwrap() }
    }

    /// Moves to another day.
    pub fn day(&self, day: &str) {
        self.at(&format!("{day}T09:00:00"));
    }

    /// Moves to a time of day in China.
    pub fn at(&self, time: &str) {
        self.service.clock.set(format!("{time}+08:00").parse().unwrap());
    }

    /// Dispatch issues a referral of education's P-JY-04, due in four weeks.
    pub async fn issue(&self, n: u128, bureau: Bureau) {
        use minqing_kit::clock::Clock as _;
        let issued = ReferralIssued {
            referral: name("referrals", n),
            work_order: name("workOrders", n),
            household: name("households", n),
            person_key: Uuid::from_u128(1000 + n).to_string(),
            bureau: bureau as i32,
            programme: "P-JY-04".to_owned(),
            division_code: "621202100203".to_owned(),
            issued_on: self.service.clock.today().to_string(),
            due_on: "2026-11-23".to_owned(),
            ..ReferralIssued::default()
        };
        self.service.running.feed("dispatch", &issued.referral, &issued).unwrap();
        self.service.running.consume_once().await.unwrap();
    }

    /// Dispatch says that a referral is settled.
    pub async fn settle(&self, n: u128, on: &str) {
        let settled = ReferralSettled {
            referral: name("referrals", n),
            decision: FeedbackDecision::Granted as i32,
            settled_on: on.to_owned(),
            ..ReferralSettled::default()
        };
        self.service.running.feed("dispatch", &settled.referral, &settled).unwrap();
        self.service.running.consume_once().await.unwrap();
    }

    pub fn client(&self, identity: &str) -> FeedbackServiceClient<Peer> {
        FeedbackServiceClient::new(self.service.as_caller(identity).unwrap())
    }

    /// The education bureau reports.
    pub async fn report(&self, n: u128, feedback: &[Feedback]) -> Result<Vec<FeedbackResult>, tonic::Status> {
        let request = RecordFeedbackRequest {
            request_id: request_id(n),
            bureau: Bureau::Education as i32,
            feedback: feedback.to_vec(),
        };
        let answer = self.client("adapter/education").record_feedback(request).await?;
        Ok(answer.into_inner().results)
    }

    /// The education bureau signs.
    pub async fn sign(&self, n: u128, referrals: &[(u128, &str)]) -> Result<i32, tonic::Status> {
        let receipt = |(n, on): &(u128, &str)| Receipt { referral: name("referrals", *n), signed_on: (*on).to_owned() };
        let request = RecordReceiptsRequest {
            request_id: request_id(n),
            bureau: Bureau::Education as i32,
            receipts: referrals.iter().map(receipt).collect(),
        };
        let answer = self.client("adapter/education").record_receipts(request).await?;
        Ok(answer.into_inner().recorded)
    }

    /// Events of one type that feedback has emitted so far.
    pub async fn told<M: Message + Default>(&self, name: &str) -> Vec<M> {
        while self.service.running.relay_once().await.unwrap() > 0 {}
        let mut log = EventLogServiceClient::new(self.service.as_caller("service/registry").unwrap());
        let request = ReadEventsRequest {
            page_size: 500,
            types: vec![format!("minqing.feedback.v1.{name}")],
            ..ReadEventsRequest::default()
        };
        let events = log.read_events(request).await.unwrap().into_inner().events;
        events.iter().map(|e| M::decode(e.payload.as_slice()).unwrap()).collect()
    }
}
