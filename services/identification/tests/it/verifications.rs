//! Verifications: nobody is asked about without an authorisation, and no answer is never "nothing found".

use minqing_kit::client::{Peer, request_for};
use minqing_proto::minqing::{
    identification::v1::{
        Authorisation, CancelVerificationRequest, CheckedPerson, GetCaseRequest, GetVerificationRequest, ItemAnswer,
        ItemResult, ListVerificationsRequest, RecordVerificationAnswersRequest, RequestVerificationRequest,
        Verification, VerificationCancelled, VerificationCompleted, VerificationIssued, VerificationState,
        WantedDataset, verification_service_client::VerificationServiceClient,
    },
    types::v1::{AuthorisationSigner, Bureau, VerificationOutcome, VerificationType},
};
use minqing_test_kit::TestService;
use tonic::{Code, Status};
use uuid::Uuid;

use crate::story::*;

fn verifications(service: &TestService, caller: &str) -> VerificationServiceClient<Peer> {
    VerificationServiceClient::new(service.as_caller(caller).unwrap())
}

fn checked(person_key: &str) -> CheckedPerson {
    let authorisation = Authorisation {
        reference: "陇民核授〔2026〕12号".into(),
        signer: AuthorisationSigner::Self_.into(),
        signed_on: "2026-10-20".into(),
        valid_until: "2026-12-31".into(),
    };
    CheckedPerson { person_key: person_key.into(), obligor: false, authorisation: Some(authorisation) }
}

fn wanted(bureau: Bureau, dataset: &str) -> WantedDataset {
    WantedDataset { bureau: bureau.into(), dataset: dataset.into() }
}

/// Both members of household 1, a dataset of education and two of hr.
fn asking(n: u128) -> RequestVerificationRequest {
    RequestVerificationRequest {
        request_id: Uuid::from_u128(n).to_string(),
        case: String::new(),
        household: household(1),
        r#type: VerificationType::MinimumLiving.into(),
        persons: vec![checked(&person(11)), checked(&person(12))],
        datasets: vec![
            wanted(Bureau::Education, "student_enrolment"),
            wanted(Bureau::Hr, "unemployment"),
            wanted(Bureau::Hr, "insurance_payment"),
        ],
    }
}

async fn ask(service: &TestService, caller: &str, request: RequestVerificationRequest) -> Result<Verification, Status> {
    let request = request_for(Some("case_work"), None, request);
    let answer = verifications(service, caller).request_verification(request).await?;
    Ok(answer.into_inner().verification.unwrap())
}

fn reason(status: &Status) -> &'static str {
    minqing_kit::Error::from(status.clone()).reason()
}

async fn told<M: prost::Message + Default>(service: &TestService, name: &str) -> Vec<(Option<String>, M)> {
    let mut admin = service.db.admin().await.unwrap();
    let rows: Vec<(Option<String>, Vec<u8>)> =
        sqlx::query_as("select audience, payload from identification.outbox where type = $1 order by audience")
            .bind(format!("minqing.identification.v1.{name}"))
            .fetch_all(&mut admin)
            .await
            .unwrap();
    rows.into_iter().map(|(audience, payload)| (audience, M::decode(payload.as_slice()).unwrap())).collect()
}

async fn answer(
    service: &TestService,
    bureau: Bureau,
    n: u128,
    answers: Vec<ItemAnswer>,
) -> Result<Vec<ItemResult>, Status> {
    let name = bureau.as_str_name().trim_start_matches("BUREAU_").to_lowercase();
    let request =
        RecordVerificationAnswersRequest { request_id: Uuid::from_u128(n).to_string(), bureau: bureau.into(), answers };
    let mut client = verifications(service, &format!("adapter/{name}"));
    Ok(client.record_verification_answers(request).await?.into_inner().results)
}

fn nothing(of: &Verification, member: u128, dataset: &str) -> ItemAnswer {
    ItemAnswer {
        verification: of.name.clone(),
        person_key: person(member),
        dataset: dataset.into(),
        outcome: VerificationOutcome::NothingFound.into(),
        batch_no: String::new(),
        reason_code: String::new(),
    }
}

async fn get(service: &TestService, name: &str) -> Verification {
    let request = request_for(Some("case_work"), None, GetVerificationRequest { name: name.into() });
    verifications(service, COUNTY).get_verification(request).await.unwrap().into_inner().verification.unwrap()
}

async fn listed(service: &TestService, caller: &str, state: VerificationState) -> Vec<Verification> {
    let (mut all, mut page_token) = (Vec::new(), String::new());
    loop {
        let request =
            ListVerificationsRequest { division_code: String::new(), state: state.into(), page_size: 1, page_token };
        let page = verifications(service, caller).list_verifications(request).await.unwrap().into_inner();
        all.extend(page.verifications);
        page_token = page.next_page_token;
        if page_token.is_empty() {
            return all;
        }
    }
}

#[tokio::test]
async fn a_verification_asks_each_bureau_once_and_is_complete_when_every_item_is_answered() {
    let service = start().await;
    tell(&service, [Told::Roster(roster(1, vec![])), Told::Verified(verified(1, 100, false))]).await;
    let case = only_case(&service).await.name;
    let request = RequestVerificationRequest { case: case.clone(), household: String::new(), ..asking(1) };
    let first = ask(&service, COUNTY, request.clone()).await.unwrap();
    assert_eq!(first, ask(&service, COUNTY, request.clone()).await.unwrap());
    let other = RequestVerificationRequest { persons: vec![checked(&person(11))], ..request };
    assert_eq!(reason(&ask(&service, COUNTY, other).await.unwrap_err()), "REQUEST_ID_REUSED");
    assert_eq!((first.state(), first.due_on.as_str()), (VerificationState::Requested, "2026-11-02"));
    assert_eq!((first.case.as_str(), first.division_code.as_str()), (case.as_str(), VILLAGE));
    assert_eq!(first.counts.unwrap().unanswered, 6);

    let issued = told::<VerificationIssued>(&service, "VerificationIssued").await;
    let to: Vec<_> = issued.iter().map(|(to, e)| (to.as_deref().unwrap(), e.datasets.len(), e.persons.len())).collect();
    assert_eq!(to, [("adapter/education", 1, 2), ("adapter/hr", 2, 2)]);
    assert_eq!(issued[0].1.persons[0].authorisation, "陇民核授〔2026〕12号");

    // Of another bureau, of nobody, and by halves: each refused by itself.
    let mut found = nothing(&first, 11, "unemployment");
    found.outcome = VerificationOutcome::Found.into();
    let mut cannot = nothing(&first, 11, "insurance_payment");
    (cannot.outcome, cannot.reason_code) = (VerificationOutcome::Cannot.into(), "SYSTEM_DOWN".into());
    let unknown =
        ItemAnswer { verification: format!("verifications/{}", Uuid::nil()), ..nothing(&first, 11, "unemployment") };
    let mixed = vec![nothing(&first, 11, "student_enrolment"), found.clone(), cannot.clone(), unknown];
    let results = answer(&service, Bureau::Hr, 10, mixed.clone()).await.unwrap();
    let seen: Vec<_> = results.iter().map(|r| (r.accepted, r.field.as_str(), r.reason.as_str())).collect();
    assert_eq!(
        seen,
        [
            (false, "verification", "ITEM_NOT_ASKED"),
            (false, "batch_no", "BATCH_NO_MISSING"),
            (true, "", ""),
            (false, "verification", "ITEM_NOT_ASKED"),
        ]
    );
    assert!(results[0].message_zh.contains("本部门") && !results[0].message.is_empty());
    assert_eq!(results, answer(&service, Bureau::Hr, 10, mixed).await.unwrap());
    let counts = get(&service, &first.name).await.counts.unwrap();
    assert_eq!((counts.cannot, counts.nothing_found, counts.unanswered), (1, 0, 5));

    // Who could not say says it later; the same again is known; anything else is not taken.
    found.batch_no = "B-7".into();
    let mut now_found = found.clone();
    now_found.dataset = "insurance_payment".into();
    let rest = vec![
        found.clone(),
        found.clone(),
        nothing(&first, 11, "unemployment"),
        now_found,
        nothing(&first, 12, "unemployment"),
        nothing(&first, 12, "insurance_payment"),
    ];
    let results = answer(&service, Bureau::Hr, 11, rest).await.unwrap();
    assert_eq!(results.iter().map(|r| r.accepted).collect::<Vec<_>>(), [true, true, false, true, true, true]);
    assert_eq!(results[2].reason, "ITEM_ANSWERED");
    assert!(told::<VerificationCompleted>(&service, "VerificationCompleted").await.is_empty());

    // The last day passes: late, unknown, and still to be answered.
    service.clock.advance_days(8);
    let late = get(&service, &first.name).await;
    assert_eq!((late.state(), late.counts.unwrap().unanswered), (VerificationState::Overdue, 2));
    let shown = request_for(Some("audit"), None, GetCaseRequest { name: case.clone() });
    let shown = client(&service, COUNTY).get_case(shown).await.unwrap().into_inner().case.unwrap();
    assert_eq!(shown.verifications[0].counts.unwrap(), late.counts.unwrap());
    assert_eq!(listed(&service, COUNTY, VerificationState::Overdue).await.len(), 1);
    assert!(listed(&service, COUNTY, VerificationState::Requested).await.is_empty());
    let last = vec![nothing(&first, 11, "student_enrolment"), nothing(&first, 12, "student_enrolment")];
    assert!(answer(&service, Bureau::Education, 12, last).await.unwrap().iter().all(|r| r.accepted));

    let complete = get(&service, &first.name).await;
    let counts = complete.counts.unwrap();
    assert_eq!(complete.state(), VerificationState::Complete);
    assert_eq!((counts.items, counts.found, counts.nothing_found, counts.unanswered), (6, 2, 4, 0));
    let completed = told::<VerificationCompleted>(&service, "VerificationCompleted").await;
    assert_eq!((completed.len(), completed[0].0.as_deref()), (1, Some("service")));
    assert_eq!(completed[0].1.case, case);
    let audited = "select count(*) from identification.audit where 'verification' = any(fields)";
    assert!(count(&service, audited).await >= 4);
    service.running.stop().await.unwrap();
}

#[tokio::test]
async fn nobody_is_asked_about_without_an_authorisation_that_holds() {
    let service = start().await;
    let mut home = roster(1, vec![]);
    home.members[1].birth_on = "2010-01-01".into();
    tell(&service, [Told::Roster(home), Told::Roster(roster(2, vec![]))]).await;
    let guardian = |mut p: CheckedPerson| {
        p.authorisation.as_mut().unwrap().signer = AuthorisationSigner::Guardian.into();
        p
    };
    let with = |n: u128, change: &dyn Fn(&mut RequestVerificationRequest)| {
        let mut request = asking(n);
        request.persons[1] = guardian(checked(&person(12)));
        change(&mut request);
        request
    };
    let signed = |n, change: fn(&mut Authorisation)| with(n, &|r| change(r.persons[0].authorisation.as_mut().unwrap()));
    let obligor = |signer: AuthorisationSigner| {
        let mut person = checked(&person(21));
        person.obligor = true;
        person.authorisation.as_mut().unwrap().signer = signer.into();
        person
    };
    let refused = [
        (with(1, &|r| r.persons[0].authorisation = None), "AUTHORISATION_MISSING", "persons[0]"),
        (signed(2, |a| a.valid_until = "2026-10-25".into()), "AUTHORISATION_EXPIRED", "persons[0]"),
        (signed(3, |a| a.signed_on = "2026-10-27".into()), "AUTHORISATION_NOT_YET_SIGNED", "persons[0]"),
        (signed(4, |a| a.reference = "621202198001010010".into()), "AUTHORISATION_REFERENCE_MALFORMED", "persons[0]"),
        (with(5, &|r| r.persons[1] = checked(&person(12))), "GUARDIAN_NEEDED", "persons[1]"),
        (with(6, &|r| r.persons[0] = checked(&person(21))), "PERSON_NOT_A_MEMBER", "persons[0]"),
        (with(7, &|r| r.persons.push(obligor(AuthorisationSigner::Guardian))), "OWN_CONSENT_NEEDED", "persons[2]"),
        (with(8, &|r| r.datasets[2].dataset = "no_such".into()), "DATASET_UNKNOWN", "datasets[2]"),
        (with(9, &|r| r.datasets[0].bureau = Bureau::Hr.into()), "DATASET_UNKNOWN", "datasets[0]"),
        (with(10, &|r| r.r#type = 0), "VERIFICATION_TYPE_MISSING", "type"),
        (with(11, &|r| r.persons.clear()), "PERSONS_OUT_OF_RANGE", "persons"),
        (with(12, &|r| r.case = format!("cases/{}", Uuid::nil())), "SUBJECT_MISSING", "case"),
    ];
    for (request, why, field) in refused {
        let status = ask(&service, COUNTY, request).await.unwrap_err();
        let error = minqing_kit::Error::from(status);
        assert_eq!((error.reason(), error.fields()[0].0.as_str()), (why, field));
        assert!(!error.message_zh().is_empty());
    }
    assert_eq!(count(&service, "select count(*) from identification.verification").await, 0);
    assert_eq!(count(&service, "select count(*) from identification.outbox where type like '%Verif%'").await, 0);

    for (caller, code) in [
        ("operator/township/621202100", Code::PermissionDenied),
        ("operator/city", Code::PermissionDenied),
        ("adapter/hr", Code::PermissionDenied),
        ("operator/county/621221", Code::NotFound),
    ] {
        assert_eq!(ask(&service, caller, with(20, &|_| ())).await.unwrap_err().code(), code, "{caller}");
    }
    let whole = ask(&service, "service/dispatch", with(21, &|r| r.persons.push(obligor(AuthorisationSigner::Self_))));
    assert_eq!(whole.await.unwrap().counts.unwrap().items, 9);
    let issued = told::<VerificationIssued>(&service, "VerificationIssued").await;
    let homes: Vec<_> = issued[0].1.persons.iter().map(|p| p.household.clone()).collect();
    assert_eq!(homes, [household(1), household(1), household(2)], "the obligor is looked up where he is on file");
    service.running.stop().await.unwrap();
}

#[tokio::test]
async fn a_verification_called_off_is_told_to_each_bureau_and_takes_no_answer_any_more() {
    let service = start().await;
    tell(&service, [Told::Roster(roster(1, vec![]))]).await;
    let asked = ask(&service, COUNTY, asking(1)).await.unwrap();
    let given = nothing(&asked, 11, "unemployment");
    assert!(answer(&service, Bureau::Hr, 10, vec![given.clone()]).await.unwrap()[0].accepted);
    let cancel = |n: u128, reason: &str| CancelVerificationRequest {
        request_id: Uuid::from_u128(n).to_string(),
        name: asked.name.clone(),
        reason: reason.into(),
    };
    let off = async |caller: &str, request: CancelVerificationRequest| {
        let request = request_for(Some("case_work"), None, request);
        verifications(&service, caller).cancel_verification(request).await.map(|a| a.into_inner().verification.unwrap())
    };
    assert_eq!(off(COUNTY, cancel(2, " ")).await.unwrap_err().code(), Code::InvalidArgument);
    assert_eq!(off("operator/county/621221", cancel(3, "撤回授权")).await.unwrap_err().code(), Code::NotFound);
    let done = off(COUNTY, cancel(4, "本人撤回授权")).await.unwrap();
    assert_eq!((done.state(), done.cancel_reason.as_str()), (VerificationState::Cancelled, "本人撤回授权"));
    assert_eq!(off(COUNTY, cancel(4, "本人撤回授权")).await.unwrap(), done);
    assert_eq!(reason(&off(COUNTY, cancel(5, "再次")).await.unwrap_err()), "VERIFICATION_CANCELLED");
    let told_off = told::<VerificationCancelled>(&service, "VerificationCancelled").await;
    let to: Vec<_> = told_off.iter().map(|(to, _)| to.as_deref().unwrap()).collect();
    assert_eq!(to, ["adapter/education", "adapter/hr"]);

    let late = answer(&service, Bureau::Hr, 11, vec![given, nothing(&asked, 12, "unemployment")]).await.unwrap();
    assert_eq!((late[0].accepted, late[1].accepted), (true, false), "what was taken before is known");
    assert_eq!(late[1].reason, "VERIFICATION_CANCELLED");
    let stranger = RecordVerificationAnswersRequest {
        request_id: Uuid::from_u128(12).to_string(),
        bureau: Bureau::Education.into(),
        answers: vec![nothing(&asked, 12, "student_enrolment")],
    };
    let stranger = verifications(&service, "adapter/hr").record_verification_answers(stranger).await;
    assert_eq!(stranger.unwrap_err().code(), Code::PermissionDenied);

    ask(&service, COUNTY, asking(30)).await.unwrap();
    assert_eq!(listed(&service, COUNTY, VerificationState::Unspecified).await.len(), 2);
    assert_eq!(listed(&service, COUNTY, VerificationState::Cancelled).await.len(), 1);
    assert!(listed(&service, "operator/county/621221", VerificationState::Unspecified).await.is_empty());
    service.running.stop().await.unwrap();
}
