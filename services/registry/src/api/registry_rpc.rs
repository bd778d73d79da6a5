//! `minqing.registry.v1.RegistryService`. Who may call what, and for which purpose, the frame has checked already by
//! the access rules of the contract.

use std::sync::Arc;

use minqing_kit::{Call, id::parse_name};
use minqing_proto::minqing::registry::v1::{
    FindPersonRequest, FindPersonResponse, GetHouseholdRequest, GetHouseholdResponse, ImportHouseholdsRequest,
    ImportHouseholdsResponse, ListChainEntriesRequest, ListChainEntriesResponse, ListClassMembersRequest,
    ListClassMembersResponse, ListDivisionsRequest, ListDivisionsResponse, ListHouseholdsRequest,
    ListHouseholdsResponse, ListImportErrorsRequest, ListImportErrorsResponse, MatchPersonsRequest,
    MatchPersonsResponse, RevealIdentitiesRequest, RevealIdentitiesResponse, import_households_request::Part,
    registry_service_server::RegistryService,
};
use tonic::{Request, Response, Status, Streaming};

use crate::{
    app::{Registry, households::Filter, import::Import, persons::Revealed},
    domain::error::RegistryError,
};

type Answer<T> = Result<Response<T>, Status>;

/// The service's RPCs.
pub struct RegistryRpc {
    registry: Arc<Registry>,
}

impl RegistryRpc {
    pub fn new(registry: Arc<Registry>) -> RegistryRpc {
        RegistryRpc { registry }
    }

    async fn import(
        &self,
        call: Call,
        mut stream: Streaming<ImportHouseholdsRequest>,
    ) -> Result<ImportHouseholdsResponse, Status> {
        let misplaced = || Status::from(minqing_kit::Error::from(RegistryError::HeaderMisplaced));
        let first = stream.message().await?.and_then(|m| m.part);
        let Some(Part::Header(header)) = first else { return Err(misplaced()) };
        let mut import = Import::begin(Arc::clone(&self.registry), call, header)?;
        while let Some(message) = stream.message().await? {
            match message.part {
                Some(Part::Rows(rows)) => import.rows(rows.rows).await?,
                Some(Part::Header(_)) => return Err(misplaced()),
                None => {}
            }
        }
        Ok(import.finish().await?)
    }
}

#[tonic::async_trait]
impl RegistryService for RegistryRpc {
    async fn import_households(
        &self,
        request: Request<Streaming<ImportHouseholdsRequest>>,
    ) -> Answer<ImportHouseholdsResponse> {
        let call = Call::of(&request);
        Ok(Response::new(self.import(call, request.into_inner()).await?))
    }

    async fn list_import_errors(&self, request: Request<ListImportErrorsRequest>) -> Answer<ListImportErrorsResponse> {
        let call = Call::of(&request);
        let request = request.into_inner();
        let import = parse_name("imports", &request.parent, "parent")?;
        let page = self.registry.import_errors(&call, import, request.page_size, &request.page_token);
        let (errors, next_page_token) = page.await?;
        Ok(Response::new(ListImportErrorsResponse { errors, next_page_token }))
    }

    async fn list_divisions(&self, request: Request<ListDivisionsRequest>) -> Answer<ListDivisionsResponse> {
        let (divisions, next_page_token) = self.registry.divisions(request.get_ref()).await?;
        Ok(Response::new(ListDivisionsResponse { divisions, next_page_token }))
    }

    async fn get_household(&self, request: Request<GetHouseholdRequest>) -> Answer<GetHouseholdResponse> {
        let call = Call::of(&request);
        let id = parse_name("households", &request.get_ref().name, "name")?;
        let household = Some(self.registry.household(&call, id).await?);
        Ok(Response::new(GetHouseholdResponse { household }))
    }

    async fn find_person(&self, request: Request<FindPersonRequest>) -> Answer<FindPersonResponse> {
        let call = Call::of(&request);
        Ok(Response::new(self.registry.find_person(&call, &request.get_ref().id_number).await?))
    }

    async fn list_households(&self, request: Request<ListHouseholdsRequest>) -> Answer<ListHouseholdsResponse> {
        let call = Call::of(&request);
        let request = request.get_ref();
        let filter = Filter {
            division_code: &request.division_code,
            class: request.assistance_class(),
            page_size: request.page_size,
            page_token: &request.page_token,
        };
        let (households, next_page_token) = self.registry.households(&call, filter).await?;
        Ok(Response::new(ListHouseholdsResponse { households, next_page_token }))
    }

    async fn list_chain_entries(&self, request: Request<ListChainEntriesRequest>) -> Answer<ListChainEntriesResponse> {
        let call = Call::of(&request);
        let request = request.into_inner();
        let household = parse_name("households", &request.parent, "parent")?;
        let page = self.registry.chain(&call, household, request.page_size, &request.page_token);
        let (entries, next_page_token) = page.await?;
        Ok(Response::new(ListChainEntriesResponse { entries, next_page_token }))
    }

    async fn match_persons(&self, request: Request<MatchPersonsRequest>) -> Answer<MatchPersonsResponse> {
        let matches = self.registry.match_persons(&request.get_ref().probes).await?;
        Ok(Response::new(MatchPersonsResponse { matches }))
    }

    async fn reveal_identities(&self, request: Request<RevealIdentitiesRequest>) -> Answer<RevealIdentitiesResponse> {
        let call = Call::of(&request);
        let request = request.into_inner();
        let household = parse_name("households", &request.household, "household")?;
        let asked = Revealed { person_keys: request.person_keys, authorisations: request.authorisations };
        let persons = self.registry.reveal(&call, household, &asked).await?;
        Ok(Response::new(RevealIdentitiesResponse { persons }))
    }

    async fn list_class_members(&self, request: Request<ListClassMembersRequest>) -> Answer<ListClassMembersResponse> {
        let call = Call::of(&request);
        let (members, next_page_token) = self.registry.class_members(&call, request.get_ref()).await?;
        Ok(Response::new(ListClassMembersResponse { members, next_page_token }))
    }
}
