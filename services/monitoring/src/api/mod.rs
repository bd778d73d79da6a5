//! MonitoringService: decodes, calls the use case, encodes. PolicyService is in `policy_rpc`.

mod convert;
mod feed;
mod policy_rpc;

use std::sync::Arc;

use minqing_kit::{Call, id, page};
use minqing_proto::minqing::monitoring::v1::{
    CloseBatchRequest, CloseBatchResponse, GetHouseholdFactsRequest, GetHouseholdFactsResponse, GetWarningRequest,
    GetWarningResponse, ListFeedsRequest, ListFeedsResponse, ListWarningsRequest, ListWarningsResponse, PersonFacts,
    SubmitRecordsRequest, SubmitRecordsResponse, WithdrawBatchRequest, WithdrawBatchResponse,
    monitoring_service_server::MonitoringService,
};
use tonic::{Request, Response, Status};

use crate::{
    app::{Monitoring, close, read, submit, withdraw},
    store::warning::Filter,
};

pub use policy_rpc::PolicyApi;

/// Largest page.
const MAX_PAGE: i32 = 500;

/// The gRPC service.
pub struct Api(pub Arc<Monitoring>);

#[tonic::async_trait]
impl MonitoringService for Api {
    async fn submit_records(
        &self,
        request: Request<SubmitRecordsRequest>,
    ) -> Result<Response<SubmitRecordsResponse>, Status> {
        let call = Call::of(&request);
        let done = submit::submit(Arc::clone(&self.0), &call, request.into_inner()).await?;
        Ok(Response::new(done))
    }

    async fn close_batch(&self, request: Request<CloseBatchRequest>) -> Result<Response<CloseBatchResponse>, Status> {
        let call = Call::of(&request);
        let done = close::close(Arc::clone(&self.0), &call, request.into_inner()).await?;
        Ok(Response::new(done))
    }

    async fn withdraw_batch(
        &self,
        request: Request<WithdrawBatchRequest>,
    ) -> Result<Response<WithdrawBatchResponse>, Status> {
        let call = Call::of(&request);
        let done = withdraw::withdraw(Arc::clone(&self.0), &call, request.into_inner()).await?;
        Ok(Response::new(done))
    }

    async fn list_warnings(
        &self,
        request: Request<ListWarningsRequest>,
    ) -> Result<Response<ListWarningsResponse>, Status> {
        let county = read::county_of(&Call::of(&request));
        let ListWarningsRequest { household, indicator, open_only, page_size, page_token } = request.into_inner();
        let bound = format!("{household}|{indicator}|{open_only}|{}", county.as_deref().unwrap_or_default());
        let page = page::page(page_size, &page_token, &bound, MAX_PAGE)?;
        let filter = Filter {
            household: match household.as_str() {
                "" => None,
                name => Some(id::parse_name("households", name, "household")?),
            },
            indicator: Some(indicator).filter(|i| !i.is_empty()),
            open_only,
            county,
        };
        let size = page.size;
        let found = read::warnings(&self.0, filter, page).await?;
        let last = found.last().filter(|_| convert::is_full(found.len(), size));
        let next_page_token = last.map(|w| page::next_token(&w.warning_id.to_string(), &bound)).unwrap_or_default();
        let warnings = found.into_iter().map(|w| convert::warning(&self.0.rules, w)).collect();
        Ok(Response::new(ListWarningsResponse { warnings, next_page_token }))
    }

    async fn get_warning(&self, request: Request<GetWarningRequest>) -> Result<Response<GetWarningResponse>, Status> {
        let call = Call::of(&request);
        let id = id::parse_name("warnings", &request.into_inner().name, "name")?;
        let (warning, explanation) = read::warning(&self.0, &call, id).await?;
        let warning = convert::explained(&self.0.rules, warning, explanation);
        Ok(Response::new(GetWarningResponse { warning: Some(warning) }))
    }

    async fn list_feeds(&self, request: Request<ListFeedsRequest>) -> Result<Response<ListFeedsResponse>, Status> {
        let own = read::county_of(&Call::of(&request));
        let asked = request.into_inner();
        let wanted = feed::wanted(&asked, own).map_err(minqing_kit::Error::from)?;
        let bound = format!(
            "{}|{}|{}",
            wanted.county.as_deref().unwrap_or_default(),
            wanted.bureau.as_deref().unwrap_or_default(),
            wanted.only_unhealthy
        );
        let page = page::page(asked.page_size, &asked.page_token, &bound, MAX_PAGE)?;
        let size = page.size;
        let found = read::feeds(&self.0, &wanted, page).await?;
        let last = found.last().filter(|_| convert::is_full(found.len(), size));
        let next_page_token = last.map(|f| page::next_token(&read::feed_token(f), &bound)).unwrap_or_default();
        let today = self.0.clock.today();
        let feeds = found.into_iter().map(|f| feed::feed(&self.0, f, today)).collect();
        Ok(Response::new(ListFeedsResponse { feeds, next_page_token }))
    }

    async fn get_household_facts(
        &self,
        request: Request<GetHouseholdFactsRequest>,
    ) -> Result<Response<GetHouseholdFactsResponse>, Status> {
        let call = Call::of(&request);
        let household = id::parse_name("households", &request.into_inner().household, "household")?;
        let rows = read::facts(Arc::clone(&self.0), &call, household).await?;
        let mut response = GetHouseholdFactsResponse::default();
        for row in rows {
            let person = row.person_key;
            let facts = convert::facts(&self.0.rules, row);
            match person {
                None => response.facts = facts,
                Some(key) => response.persons.push(PersonFacts { person_key: key.to_string(), facts }),
            }
        }
        Ok(Response::new(response))
    }
}
