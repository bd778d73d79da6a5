//! The services an adapter calls: registry, monitoring, feedback, identification. Each call is small, bounded and has its own
//! deadline; retries of what may be repeated are the kit's.

use std::time::Duration;

use minqing_kit::{
    Call, Context, Error,
    client::{Peer, request, request_for},
};
use minqing_proto::minqing::{
    feedback::v1::{
        CompareLedgerRequest, CompareLedgerResponse, RecordFeedbackRequest, RecordFeedbackResponse,
        RecordReceiptsRequest, feedback_books_service_client::FeedbackBooksServiceClient,
        feedback_service_client::FeedbackServiceClient,
    },
    identification::v1::{
        RecordVerificationAnswersRequest, RecordVerificationAnswersResponse,
        verification_service_client::VerificationServiceClient,
    },
    monitoring::v1::{
        CloseBatchRequest, CloseBatchResponse, SubmitRecordsRequest, WithdrawBatchRequest, WithdrawBatchResponse,
        monitoring_service_client::MonitoringServiceClient,
    },
    registry::v1::{
        IdentityProposal, ListClassMembersRequest, ListClassMembersResponse, ListDivisionsRequest, MatchPersonsRequest,
        PersonIdentity, PersonMatch, PersonProbe, ProposeIdentitiesRequest, RevealIdentitiesRequest,
        identity_service_client::IdentityServiceClient, registry_service_client::RegistryServiceClient,
    },
};
use uuid::Uuid;

use crate::{Result, verification::PURPOSE};

/// Persons in one question to the register.
pub const PROBES: usize = 1_000;
/// A part makes monitoring evaluate every household it touches.
const SUBMIT: Duration = Duration::from_secs(30);
/// Closing may make monitoring evaluate a county.
const CLOSE: Duration = Duration::from_secs(55);
const PAGE: i32 = 500;
/// Pages of divisions at most; a city has some thousand villages.
const MAX_PAGES: usize = 100;

/// Clients of the peers.
#[derive(Clone)]
pub struct Peers {
    registry: RegistryServiceClient<Peer>,
    identities: IdentityServiceClient<Peer>,
    monitoring: MonitoringServiceClient<Peer>,
    feedback: FeedbackServiceClient<Peer>,
    books: FeedbackBooksServiceClient<Peer>,
    verifications: VerificationServiceClient<Peer>,
}

fn within<T>(limit: Duration, body: T) -> tonic::Request<T> {
    let mut request = request_for(None, None, body);
    request.set_timeout(limit);
    request
}

impl Peers {
    pub fn new(cx: &Context) -> Result<Peers> {
        Ok(Peers {
            registry: RegistryServiceClient::new(cx.peer("registry")?),
            identities: IdentityServiceClient::new(cx.peer("registry")?),
            monitoring: MonitoringServiceClient::new(cx.peer("monitoring")?),
            feedback: FeedbackServiceClient::new(cx.peer("feedback")?),
            books: FeedbackBooksServiceClient::new(cx.peer("feedback")?),
            verifications: VerificationServiceClient::new(cx.peer("identification")?),
        })
    }

    /// Every division the register knows, as numbers of twelve digits.
    pub async fn divisions(&self) -> Result<Vec<u64>> {
        let mut all = Vec::new();
        let mut page_token = String::new();
        for _ in 0..MAX_PAGES {
            let asked = ListDivisionsRequest { parent_code: String::new(), page_size: PAGE, page_token };
            let page = self.registry.clone().list_divisions(request_for(None, None, asked)).await?.into_inner();
            all.extend(page.divisions.iter().filter_map(|d| d.code.parse::<u64>().ok()));
            page_token = page.next_page_token;
            if page_token.is_empty() {
                break;
            }
        }
        Ok(all)
    }

    /// What the register knows of at most [`PROBES`] persons, one answer each.
    pub async fn match_persons(&self, probes: &[(Uuid, Uuid)]) -> Result<Vec<PersonMatch>> {
        let probe =
            |(person, name): &(Uuid, Uuid)| PersonProbe { person_key: person.to_string(), name_key: name.to_string() };
        let asked = MatchPersonsRequest { probes: probes.iter().map(probe).collect() };
        let answer = self.registry.clone().match_persons(request_for(None, None, asked)).await?.into_inner();
        if answer.matches.len() != probes.len() {
            return Err(Error::bug(anyhow::anyhow!(
                "the register answered {} of {} probes",
                answer.matches.len(),
                probes.len()
            )));
        }
        Ok(answer.matches)
    }

    /// Who may be meant by refused rows, one answer a doubt.
    pub async fn propose(&self, asked: ProposeIdentitiesRequest) -> Result<Vec<IdentityProposal>> {
        let answer = self.identities.clone().propose_identities(request_for(None, None, asked)).await?;
        Ok(answer.into_inner().proposals)
    }

    /// Names, numbers and addresses behind a referral; the register audits the look under the referral.
    pub async fn reveal(&self, referral: &str, household: &str, person: Option<Uuid>) -> Result<Vec<PersonIdentity>> {
        let person_keys = person.iter().map(Uuid::to_string).collect();
        let asked =
            RevealIdentitiesRequest { household: household.to_owned(), person_keys, authorisations: Vec::new() };
        let asked = request_for(Some("referral"), Some(referral), asked);
        Ok(self.registry.clone().reveal_identities(asked).await?.into_inner().persons)
    }

    /// Names and numbers of persons of one household, each with the authorisation; the register audits the look under the
    /// verification with it.
    pub async fn reveal_authorised(
        &self,
        verification: &str,
        household: &str,
        persons: Vec<(Uuid, String)>,
    ) -> Result<Vec<PersonIdentity>> {
        let (person_keys, authorisations) = persons.into_iter().map(|(key, given)| (key.to_string(), given)).unzip();
        let asked = RevealIdentitiesRequest { household: household.to_owned(), person_keys, authorisations };
        let asked = request_for(Some(PURPOSE), Some(verification), asked);
        Ok(self.registry.clone().reveal_identities(asked).await?.into_inner().persons)
    }

    /// A page of the members of the classes, for the caller's purpose.
    pub async fn class_members(&self, call: &Call, asked: ListClassMembersRequest) -> Result<ListClassMembersResponse> {
        Ok(self.registry.clone().list_class_members(request(call, asked)).await?.into_inner())
    }

    pub async fn submit(&self, part: SubmitRecordsRequest) -> Result<()> {
        self.monitoring.clone().submit_records(within(SUBMIT, part)).await?;
        Ok(())
    }

    pub async fn close(&self, batch: CloseBatchRequest) -> Result<CloseBatchResponse> {
        Ok(self.monitoring.clone().close_batch(within(CLOSE, batch)).await?.into_inner())
    }

    /// Withdrawing may make monitoring evaluate the households of some thousand persons.
    pub async fn withdraw(&self, asked: WithdrawBatchRequest) -> Result<WithdrawBatchResponse> {
        Ok(self.monitoring.clone().withdraw_batch(within(CLOSE, asked)).await?.into_inner())
    }

    pub async fn receipts(&self, call: &Call, receipts: RecordReceiptsRequest) -> Result<()> {
        self.feedback.clone().record_receipts(request(call, receipts)).await?;
        Ok(())
    }

    pub async fn feedback(&self, call: &Call, records: RecordFeedbackRequest) -> Result<RecordFeedbackResponse> {
        Ok(self.feedback.clone().record_feedback(request(call, records)).await?.into_inner())
    }

    pub async fn verification_answers(
        &self,
        call: &Call,
        answers: RecordVerificationAnswersRequest,
    ) -> Result<RecordVerificationAnswersResponse> {
        Ok(self.verifications.clone().record_verification_answers(request(call, answers)).await?.into_inner())
    }

    pub async fn compare_ledger(&self, call: &Call, ledger: CompareLedgerRequest) -> Result<CompareLedgerResponse> {
        Ok(self.books.clone().compare_ledger(request(call, ledger)).await?.into_inner())
    }
}
