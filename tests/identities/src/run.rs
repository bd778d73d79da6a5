//! Puts the people into a register, sends the rows through an adapter, and reads what came into the review queue.

use anyhow::{Context as _, ensure};
use minqing_kit::{client::request_for, keys::IdNumber};
use minqing_proto::minqing::{
    bureau::{
        education::v1::StudentEnrolment,
        v1::{
            BatchHeader, BatchRows, SubmitBatchRequest, SubmitBatchResponse,
            exchange_service_client::ExchangeServiceClient, submit_batch_request,
        },
    },
    registry::v1::{
        HouseholdRow, IdentityReview, ImportHeader, ImportHouseholdsRequest, ImportRows, ListIdentityReviewsRequest,
        MemberRow, identity_service_client::IdentityServiceClient, import_households_request::Part,
        registry_service_client::RegistryServiceClient,
    },
    types::v1::{AreaKind, BatchMode, Sex},
};
use minqing_test_kit::TestService;
use prost::Message as _;
use prost_types::Any;
use uuid::Uuid;

use crate::{
    dirt::Row,
    monitor::{self, Told},
    people::Person,
};

const COUNTY: &str = "621202";
const VILLAGE: &str = "621202100203";
/// Below what an adapter asks about in one batch.
const BATCH_ROWS: usize = 1_500;
const TYPE_URL: &str = "type.googleapis.com/minqing.bureau.education.v1.StudentEnrolment";

/// A register and an adapter that calls it.
pub struct Mesh {
    registry: TestService,
    adapter: TestService,
    _monitoring: TestService,
    told: Told,
    batches: u128,
}

/// What became of rows.
#[derive(Default)]
pub struct Taken {
    pub accepted: i32,
    pub linked: i32,
    /// Refused rows whose text names a review.
    pub with_remedy: usize,
    /// Keys of the persons about whom monitoring was told.
    pub told: Vec<String>,
}

impl Mesh {
    /// Starts both on databases of their own.
    pub async fn start() -> anyhow::Result<Mesh> {
        let registry = TestService::start(minqing_registry::service()).await?;
        let told = Told::default();
        let monitoring = TestService::builder().beside(&registry).start(monitor::service(&told)).await?;
        let builder = TestService::builder().beside(&registry).peer("registry", &registry.url());
        let builder = builder.peer("monitoring", &monitoring.url());
        // Only batches are sent: the two others are never called.
        let builder = builder.peer("feedback", &monitoring.url()).peer("identification", &monitoring.url());
        let adapter = builder.start(minqing_adapter::service(minqing_adapter_education::bureau())).await?;
        Ok(Mesh { registry, adapter, _monitoring: monitoring, told, batches: 0 })
    }

    /// Puts the people on file in their households.
    pub async fn collect(&self, people: &[Person]) -> anyhow::Result<()> {
        let rows: Vec<HouseholdRow> = people.chunk_by(|a, b| a.household == b.household).map(household).collect();
        let header = ImportHeader {
            request_id: Uuid::from_u128(1).to_string(),
            batch_no: "C-1".into(),
            division_code: COUNTY.into(),
            as_of: "2026-10-26".into(),
            row_count: i32::try_from(rows.len())?,
        };
        let mut parts = vec![ImportHouseholdsRequest { part: Some(Part::Header(header)) }];
        let part = |rows: &[HouseholdRow]| Part::Rows(ImportRows { rows: rows.to_vec() });
        parts.extend(rows.chunks(200).map(|rows| ImportHouseholdsRequest { part: Some(part(rows)) }));
        let mut client = RegistryServiceClient::new(self.registry.as_caller("operator/county/621202")?);
        let answer = client.import_households(request_for(Some("collection"), None, tokio_stream::iter(parts))).await?;
        ensure!(answer.get_ref().refused == 0, "the register refused people: {:?}", answer.get_ref().errors);
        Ok(())
    }

    /// Sends the rows in batches as the bureau does.
    pub async fn send(&mut self, rows: &[Row]) -> anyhow::Result<Taken> {
        let mut taken = Taken::default();
        for rows in rows.chunks(BATCH_ROWS) {
            self.batches += 1;
            let answer = self.submit(rows).await?;
            let batch = answer.batch.context("no batch")?;
            taken.accepted += batch.accepted;
            taken.linked += batch.linked;
            taken.with_remedy += answer.errors.iter().filter(|e| e.message.contains("identityReviews/")).count();
        }
        taken.told = self.told.take();
        Ok(taken)
    }

    async fn submit(&self, rows: &[Row]) -> anyhow::Result<SubmitBatchResponse> {
        let header = BatchHeader {
            request_id: Uuid::from_u128(self.batches).to_string(),
            batch_no: format!("B-{}", self.batches),
            dataset: "student_enrolment".into(),
            mode: BatchMode::Changes.into(),
            division_code: COUNTY.into(),
            as_of: "2026-10-26".into(),
            row_count: i32::try_from(rows.len())?,
            signature: None,
        };
        let typed: Vec<Any> = rows.iter().enumerate().map(|(at, row)| student(at, row)).collect();
        let header = submit_batch_request::Part::Header(header);
        let mut parts = vec![SubmitBatchRequest { part: Some(header) }];
        let part = |rows: &[Any]| submit_batch_request::Part::Rows(BatchRows { rows: rows.to_vec() });
        parts.extend(typed.chunks(500).map(|rows| SubmitBatchRequest { part: Some(part(rows)) }));
        let mut client = ExchangeServiceClient::new(self.adapter.as_caller("bureau/education")?);
        Ok(client.submit_batch(tokio_stream::iter(parts)).await?.into_inner())
    }

    /// The key by which everybody but the register knows a person.
    pub fn key_of(&self, person: &Person) -> anyhow::Result<String> {
        let id = IdNumber::parse(&person.id_number)?;
        Ok(self.registry.keys.person_key(&id).to_string())
    }

    /// Every review in the queue, with names and numbers.
    pub async fn reviews(&self) -> anyhow::Result<Vec<IdentityReview>> {
        let mut client = IdentityServiceClient::new(self.registry.as_caller("operator/city")?);
        let (mut all, mut page_token) = (Vec::new(), String::new());
        loop {
            let asked = ListIdentityReviewsRequest { page_size: 200, page_token, ..Default::default() };
            let page = client.list_identity_reviews(request_for(Some("case_work"), None, asked)).await?.into_inner();
            all.extend(page.reviews);
            page_token = page.next_page_token;
            if page_token.is_empty() {
                return Ok(all);
            }
        }
    }

    /// Stops both.
    pub async fn stop(self) -> anyhow::Result<()> {
        self.adapter.running.stop().await?;
        self.registry.running.stop().await
    }
}

fn household(people: &[Person]) -> HouseholdRow {
    let member = |(place, person): (usize, &Person)| MemberRow {
        id_number: person.id_number.clone(),
        name: person.name.clone(),
        sex: if person.id_number.as_bytes()[16] % 2 == 1 { Sex::Male } else { Sex::Female }.into(),
        relation: if place == 0 { "02" } else { "30" }.into(),
        ..MemberRow::default()
    };
    HouseholdRow {
        household_no: format!("H-{}", people[0].household),
        division_code: VILLAGE.into(),
        area_kind: AreaKind::Rural.into(),
        members: people.iter().enumerate().map(member).collect(),
        ..HouseholdRow::default()
    }
}

fn student(at: usize, row: &Row) -> Any {
    let student = StudentEnrolment {
        id_number: row.number.clone(),
        name: row.name.clone(),
        division_code: "621202".into(),
        stage: "senior_high".into(),
        school_code: format!("S-{at}"),
        grade: "高一".into(),
        boarding: false,
        enrolled_on: "2026-09-01".into(),
        status: "enrolled".into(),
    };
    Any { type_url: TYPE_URL.into(), value: student.encode_to_vec() }
}
