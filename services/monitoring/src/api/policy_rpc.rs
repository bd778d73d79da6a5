//! PolicyService: decodes, calls the use case, encodes. Runs are answered as streams.

use std::sync::Arc;

use futures::stream::{BoxStream, StreamExt as _};
use minqing_kit::{Call, page};
use minqing_proto::minqing::monitoring::v1::{
    ApprovePolicyRequest, ApprovePolicyResponse, BackTestPolicyRequest, BackTestPolicyResponse, CheckPolicyRequest,
    CheckPolicyResponse, DiffPoliciesRequest, DiffPoliciesResponse, ListPoliciesRequest, ListPoliciesResponse,
    PolicyState, Progress, ProposePolicyRequest, ProposePolicyResponse, SimulatePoliciesRequest,
    SimulatePoliciesResponse, policy_service_server::PolicyService,
};
use tonic::{Request, Response, Status};

use super::{MAX_PAGE, convert};
use crate::{
    app::{
        Monitoring,
        policy::{Policies, adopt, back_test, simulate, sweep::Told, view},
    },
    domain::policy as rules,
    store::policy::Filter,
};

type Answer<T> = Result<Response<T>, Status>;
type Messages<T> = BoxStream<'static, Result<T, Status>>;

/// The gRPC service.
pub struct PolicyApi(Policies);

impl PolicyApi {
    pub fn new(monitoring: Arc<Monitoring>) -> PolicyApi {
        PolicyApi(Policies::new(monitoring))
    }
}

#[tonic::async_trait]
impl PolicyService for PolicyApi {
    async fn check_policy(&self, request: Request<CheckPolicyRequest>) -> Answer<CheckPolicyResponse> {
        let answer = match self.0.read(request.into_inner().pack).await? {
            Ok(pack) => CheckPolicyResponse { summary: Some(view::summary(pack.summary())), ..Default::default() },
            Err(errors) => {
                let (faults, faults_left_out) = view::faults(errors.0);
                CheckPolicyResponse { summary: None, faults, faults_left_out }
            }
        };
        Ok(Response::new(answer))
    }

    async fn diff_policies(&self, request: Request<DiffPoliciesRequest>) -> Answer<DiffPoliciesResponse> {
        let DiffPoliciesRequest { before, after } = request.into_inner();
        let (before, after) = (self.0.sound(before).await?, self.0.sound(after).await?);
        let (differences, left_out) = view::differences(before.differences(&after));
        let (before, after) = (Some(view::identity(&before)), Some(view::identity(&after)));
        Ok(Response::new(DiffPoliciesResponse { before, after, differences, left_out }))
    }

    type SimulatePoliciesStream = Messages<SimulatePoliciesResponse>;

    async fn simulate_policies(
        &self,
        request: Request<SimulatePoliciesRequest>,
    ) -> Answer<Self::SimulatePoliciesStream> {
        let call = Call::of(&request);
        let run = simulate::simulate(&self.0, &call, request.into_inner()).await?;
        let messages = run.map(|told| {
            let (progress, simulation) = match told? {
                Told::Progress(done, of) => (Some(progress(done, of)), None),
                Told::Outcome(simulated) => (None, Some(view::simulation(&simulated))),
            };
            Ok(SimulatePoliciesResponse { progress, simulation })
        });
        Ok(Response::new(messages.boxed()))
    }

    type BackTestPolicyStream = Messages<BackTestPolicyResponse>;

    async fn back_test_policy(&self, request: Request<BackTestPolicyRequest>) -> Answer<Self::BackTestPolicyStream> {
        let call = Call::of(&request);
        let run = back_test::back_test(&self.0, &call, request.into_inner()).await?;
        let messages = run.map(|told| {
            let (progress, back_test) = match told? {
                Told::Progress(done, of) => (Some(progress(done, of)), None),
                Told::Outcome(tested) => (None, Some(view::back_test(&tested))),
            };
            Ok(BackTestPolicyResponse { progress, back_test })
        });
        Ok(Response::new(messages.boxed()))
    }

    async fn propose_policy(&self, request: Request<ProposePolicyRequest>) -> Answer<ProposePolicyResponse> {
        let call = Call::of(&request);
        Ok(Response::new(adopt::propose(&self.0, &call, request.into_inner()).await?))
    }

    async fn approve_policy(&self, request: Request<ApprovePolicyRequest>) -> Answer<ApprovePolicyResponse> {
        let call = Call::of(&request);
        Ok(Response::new(adopt::approve(&self.0, &call, request.into_inner()).await?))
    }

    async fn list_policies(&self, request: Request<ListPoliciesRequest>) -> Answer<ListPoliciesResponse> {
        let request = request.into_inner();
        let bound = format!("{}|{}", request.state, request.content_hash);
        let page = page::page(request.page_size, &request.page_token, &bound, MAX_PAGE)?;
        let filter = Filter {
            approved: match request.state() {
                PolicyState::Unspecified => None,
                PolicyState::Proposed => Some(false),
                PolicyState::Approved => Some(true),
            },
            content_hash: match request.content_hash.as_str() {
                "" => None,
                hash => Some(rules::content_hash(hash).map_err(minqing_kit::Error::from)?),
            },
        };
        let size = page.size;
        let found = adopt::list(&self.0, filter, page).await?;
        let last = found.last().filter(|_| convert::is_full(found.len(), size));
        let next_page_token = last.map(|p| page::next_token(&p.policy_id.to_string(), &bound)).unwrap_or_default();
        let in_use = self.0.monitoring.rules.pack.content_hash();
        let policies = found.into_iter().map(|policy| view::policy(policy, in_use)).collect();
        Ok(Response::new(ListPoliciesResponse { policies, next_page_token }))
    }
}

fn progress(households_done: i64, households_of: i64) -> Progress {
    Progress { households_done, households_of }
}
