//! A verification from the county's request to the bureau's answer, through the real register and the bureau's real adapter.

use minqing_kit::{client::request_for, keys::IdNumber};
use minqing_proto::minqing::{
    bureau::v1::{
        AnswerVerificationRequest, FetchVerificationsRequest, FetchVerificationsResponse, VerificationAnswer,
        exchange_service_client::ExchangeServiceClient,
    },
    identification::v1::{
        Authorisation, CancelVerificationRequest, CheckedPerson, GetVerificationRequest, RequestVerificationRequest,
        Verification, VerificationState, WantedDataset, verification_service_client::VerificationServiceClient,
    },
    registry::v1::{
        HouseholdRow, ImportHeader, ImportHouseholdsRequest, ImportRows, MemberRow, import_households_request::Part,
        registry_service_client::RegistryServiceClient,
    },
    types::v1::{AreaKind, AuthorisationSigner, Bureau, Sex, VerificationOutcome, VerificationType},
};
use minqing_test_kit::TestService;
use uuid::Uuid;

use crate::story::{COUNTY, VILLAGE, count};

/// Numbers made from the checksum: of a man of 46 and of a girl of 11. They belong to nobody.
const FATHER: &str = "621202198001020019";
const DAUGHTER: &str = "621202201501020028";

struct Three {
    registry: TestService,
    identification: TestService,
    adapter: TestService,
}

impl Three {
    async fn start() -> Three {
        let registry = TestService::start(minqing_registry::service()).await.unwrap();
        let beside = || TestService::builder().beside(&registry).peer("registry", &registry.url());
        let identification = beside().start(minqing_identification::service()).await.unwrap();
        let adapter = beside()
            .peer("identification", &identification.url())
            .peer("monitoring", "https://127.0.0.1:1")
            .peer("feedback", "https://127.0.0.1:1");
        let education = minqing_bureaus::by_name("education").unwrap();
        let adapter = adapter.start(minqing_adapter::service(education)).await.unwrap();
        Three { registry, identification, adapter }
    }

    fn key(&self, id_number: &str) -> String {
        self.registry.keys.person_key(&IdNumber::parse(id_number).unwrap()).to_string()
    }

    /// The county collects a father and his daughter; identification hears of them.
    async fn collect(&self) -> String {
        let member = |id_number: &str, name: &str, relation: &str, sex: Sex| MemberRow {
            id_number: id_number.into(),
            name: name.into(),
            sex: sex.into(),
            relation: relation.into(),
            phone: "13912345678".into(),
            joined_on: "2020-05-01".into(),
            ..MemberRow::default()
        };
        let row = HouseholdRow {
            household_no: "WD-1".into(),
            division_code: VILLAGE.into(),
            area_kind: AreaKind::Rural.into(),
            address: "武都区安化镇司家坝村3社12号".into(),
            members: vec![member(FATHER, "石敢当", "02", Sex::Male), member(DAUGHTER, "石小当", "30", Sex::Female)],
            ..HouseholdRow::default()
        };
        let header = ImportHeader {
            request_id: Uuid::from_u128(1).to_string(),
            batch_no: "1".into(),
            division_code: "621202".into(),
            as_of: "2026-10-26".into(),
            row_count: 1,
        };
        let parts = [Part::Header(header), Part::Rows(ImportRows { rows: vec![row] })];
        let parts = parts.map(|part| ImportHouseholdsRequest { part: Some(part) });
        let request = request_for(Some("collection"), None, tokio_stream::iter(parts));
        let mut client = RegistryServiceClient::new(self.registry.as_caller(COUNTY).unwrap());
        let answer = client.import_households(request).await.unwrap().into_inner();
        assert_eq!(answer.refused, 0, "{:?}", answer.errors);
        while self.registry.running.relay_once().await.unwrap() > 0 {}
        self.identification.running.consume_once().await.unwrap();
        let id = self.registry.keys.record_key(&["household", "621202000000", "WD-1"]);
        format!("households/{id}")
    }

    /// What identification says reaches the adapter.
    async fn tell(&self) {
        while self.identification.running.relay_once().await.unwrap() > 0 {}
        self.adapter.running.consume_once().await.unwrap();
    }

    fn county(&self) -> VerificationServiceClient<minqing_kit::client::Peer> {
        VerificationServiceClient::new(self.identification.as_caller(COUNTY).unwrap())
    }

    async fn ask(
        &self,
        n: u128,
        household: &str,
        daughters: AuthorisationSigner,
    ) -> Result<Verification, tonic::Status> {
        let person = |id_number, reference: &str, signer: AuthorisationSigner| CheckedPerson {
            person_key: self.key(id_number),
            obligor: false,
            authorisation: Some(Authorisation {
                reference: reference.into(),
                signer: signer.into(),
                signed_on: "2026-10-20".into(),
                valid_until: "2026-12-31".into(),
            }),
        };
        let request = RequestVerificationRequest {
            request_id: Uuid::from_u128(n).to_string(),
            household: household.into(),
            r#type: VerificationType::Education.into(),
            persons: vec![person(FATHER, "SQ-1", AuthorisationSigner::Self_), person(DAUGHTER, "SQ-2", daughters)],
            datasets: vec![WantedDataset { bureau: Bureau::Education.into(), dataset: "student_enrolment".into() }],
            ..RequestVerificationRequest::default()
        };
        let answer = self.county().request_verification(request_for(Some("case_work"), None, request)).await?;
        Ok(answer.into_inner().verification.unwrap())
    }

    fn bureau(&self) -> ExchangeServiceClient<minqing_kit::client::Peer> {
        ExchangeServiceClient::new(self.adapter.as_caller("bureau/education").unwrap())
    }

    async fn fetch(&self, n: u128) -> FetchVerificationsResponse {
        let asked = FetchVerificationsRequest { request_id: Uuid::from_u128(n).to_string(), ..Default::default() };
        let asked = request_for(Some("verification"), None, asked);
        self.bureau().fetch_verifications(asked).await.unwrap().into_inner()
    }
}

#[tokio::test]
async fn a_county_asks_the_bureau_looks_up_and_answers_and_the_county_sees_it() {
    let three = Three::start().await;
    let household = three.collect().await;
    let child = three.ask(2, &household, AuthorisationSigner::Self_).await.unwrap_err();
    assert_eq!(minqing_kit::Error::from(child).reason(), "GUARDIAN_NEEDED", "the register told her age");
    let asked = three.ask(3, &household, AuthorisationSigner::Guardian).await.unwrap();
    three.tell().await;

    let handed_out = three.fetch(10).await.verifications;
    assert_eq!(handed_out.len(), 1);
    let persons: Vec<_> = handed_out[0]
        .persons
        .iter()
        .map(|p| (p.name.as_str(), p.id_number.as_str(), p.authorisation.as_str()))
        .collect();
    assert_eq!(persons.len(), 2);
    assert!(persons.contains(&("石敢当", FATHER, "SQ-1")));
    assert!(persons.contains(&("石小当", DAUGHTER, "SQ-2")));
    let looked = "select count(*) from registry.audit where purpose = 'verification' and caller = 'adapter/education' \
                  and case_ref like 'verifications/%' and fields && '{authorisation:SQ-1,authorisation:SQ-2}'";
    assert_eq!(count(&three.registry, looked).await, 2);

    let answer = |id_number: &str, outcome: VerificationOutcome, reason_code: &str| VerificationAnswer {
        verification: asked.name.clone(),
        id_number: id_number.into(),
        dataset: "学籍信息".into(),
        outcome: outcome.into(),
        batch_no: String::new(),
        reason_code: reason_code.into(),
    };
    let answers = vec![
        answer(FATHER, VerificationOutcome::NothingFound, ""),
        answer(DAUGHTER, VerificationOutcome::Cannot, "SCHOOL_MOVED"),
    ];
    let request = AnswerVerificationRequest { request_id: Uuid::from_u128(20).to_string(), answers };
    let told = three.bureau().answer_verification(request).await.unwrap().into_inner();
    assert!(told.results.iter().all(|r| r.accepted), "{told:?}");
    let seen = GetVerificationRequest { name: asked.name.clone() };
    let seen = three.county().get_verification(request_for(Some("audit"), None, seen)).await.unwrap();
    let seen = seen.into_inner().verification.unwrap();
    let counts = seen.counts.unwrap();
    assert_eq!(seen.state(), VerificationState::Complete);
    assert_eq!((counts.nothing_found, counts.cannot, counts.unanswered), (1, 1, 0));
}

#[tokio::test]
async fn an_authorisation_withdrawn_takes_the_request_back_from_the_bureau() {
    let three = Three::start().await;
    let household = three.collect().await;
    let asked = three.ask(2, &household, AuthorisationSigner::Guardian).await.unwrap();
    three.tell().await;
    assert_eq!(three.fetch(10).await.verifications.len(), 1);
    let cancel = CancelVerificationRequest {
        request_id: Uuid::from_u128(4).to_string(),
        name: asked.name.clone(),
        reason: "本人撤回授权".into(),
    };
    three.county().cancel_verification(request_for(Some("case_work"), None, cancel)).await.unwrap();
    three.tell().await;
    let after = three.fetch(11).await;
    assert_eq!((after.verifications.len(), after.withdrawn), (0, vec![asked.name]));
    let looks = "select count(*) from registry.audit where purpose = 'verification'";
    assert_eq!(count(&three.registry, looks).await, 2);
}
