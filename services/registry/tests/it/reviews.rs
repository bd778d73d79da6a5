//! Proposals with proof, the review queue, and links that can be undone.

use minqing_kit::{client::Peer, client::request_for, keys, keys::IdNumber};
use minqing_proto::minqing::registry::v1::{
    DecideIdentityReviewRequest, DoubtKind, IdentityCandidate, IdentityDecision as Decision, IdentityDoubt,
    IdentityProof as Proof, IdentityReview, IdentityReviewKind as Kind, IdentityReviewState as State,
    ListIdentityReviewsRequest, MatchPersonsRequest, NumberEdit, PersonProbe, ProposeIdentitiesRequest,
    ProposeIdentitiesResponse, UndoIdentityLinkRequest, identity_service_client::IdentityServiceClient,
};
use minqing_test_kit::TestService;
use tonic::{Code, Status};
use uuid::Uuid;

use crate::collection::*;

const ADAPTER: &str = "adapter/hr";

fn identities(service: &TestService, caller: &str) -> IdentityServiceClient<Peer> {
    IdentityServiceClient::new(service.as_caller(caller).unwrap())
}

/// The number with another last character.
fn bad_check(id: &str) -> String {
    format!("{}{}", &id[..17], if id.ends_with('1') { '2' } else { '1' })
}

/// A doubt as an adapter makes it.
fn doubt(service: &TestService, typed: &str, name: &str) -> IdentityDoubt {
    let keys = &service.keys;
    let (kind, number_key) = match IdNumber::parse(typed) {
        Ok(id) => (DoubtKind::Name, keys.person_key(&id)),
        Err(_) => (DoubtKind::Number, keys.faulty_number_key(typed)),
    };
    let candidate = |c: &keys::Candidate| IdentityCandidate {
        person_key: keys.person_key(&c.id).to_string(),
        edit: NumberEdit::CheckDigit.into(),
        birth_agrees: c.birth_agrees,
        sex_agrees: c.sex_agrees,
    };
    let own = kind == DoubtKind::Name;
    IdentityDoubt {
        kind: kind.into(),
        number_key: number_key.to_string(),
        name_key: keys.name_key(name).to_string(),
        spelling_keys: Vec::new(),
        candidates: keys::candidates(typed).iter().map(candidate).collect(),
        number_sealed: if own { Vec::new() } else { keys.seal(number_key, "id_number", typed) },
        name_sealed: keys.seal(number_key, "name", name),
        row: 17,
    }
}

async fn propose(service: &TestService, doubts: Vec<IdentityDoubt>) -> Result<ProposeIdentitiesResponse, Status> {
    let request = ProposeIdentitiesRequest {
        request_id: Uuid::new_v5(&Uuid::NAMESPACE_URL, format!("{doubts:?}").as_bytes()).to_string(),
        dataset: "insurance_payment".into(),
        batch_no: "B-7".into(),
        division_code: "621202".into(),
        doubts,
    };
    identities(service, ADAPTER).propose_identities(request).await.map(tonic::Response::into_inner)
}

async fn listed(service: &TestService, caller: &str, purpose: &str) -> Vec<IdentityReview> {
    let request = request_for(Some(purpose), None, ListIdentityReviewsRequest::default());
    identities(service, caller).list_identity_reviews(request).await.unwrap().into_inner().reviews
}

fn decision(name: &str, decision: Decision, n: u128) -> tonic::Request<DecideIdentityReviewRequest> {
    let mut request = request_for(
        Some("case_work"),
        None,
        DecideIdentityReviewRequest {
            request_id: Uuid::from_u128(n).to_string(),
            name: name.to_owned(),
            decision: decision.into(),
            reason: "与户口簿核对".into(),
        },
    );
    request.metadata_mut().insert("minqing-operator", "zhao.yun".parse().unwrap());
    request
}

async fn decide(service: &TestService, name: &str, made: Decision, n: u128) -> Result<IdentityReview, Status> {
    let answer = identities(service, COUNTY).decide_identity_review(decision(name, made, n)).await?;
    Ok(answer.into_inner().review.unwrap())
}

async fn undo(service: &TestService, link: &str, n: u128) -> Result<IdentityReview, Status> {
    let request = UndoIdentityLinkRequest {
        request_id: Uuid::from_u128(n).to_string(),
        name: link.to_owned(),
        reason: "核对有误".into(),
    };
    let request = request_for(Some("case_work"), None, request);
    Ok(identities(service, COUNTY).undo_identity_link(request).await?.into_inner().review.unwrap())
}

async fn linked(service: &TestService, number_key: &str, name: &str) -> String {
    let probe = PersonProbe { person_key: number_key.to_owned(), name_key: service.keys.name_key(name).to_string() };
    let answer = client(service, ADAPTER).match_persons(MatchPersonsRequest { probes: vec![probe] }).await.unwrap();
    answer.into_inner().matches[0].linked_person_key.clone()
}

#[tokio::test]
async fn a_faulty_number_under_the_name_of_somebody_on_file_comes_into_the_queue_and_a_strangers_is_forgotten() {
    let service = start().await;
    // Others of the village have numbers as near and other names.
    let mut beside = household(2);
    beside.members[0].name = "孙七".into();
    import(&service, vec![household(1), beside]).await;
    let typed = bad_check(&id_number("19800102", 3));
    let doubts = vec![
        doubt(&service, &typed, "张三"),
        doubt(&service, &typed, "王五"),
        doubt(&service, &bad_check(&id_number("19700102", 3)), "张三"),
    ];
    let answer = propose(&service, doubts.clone()).await.unwrap().proposals;
    assert_eq!(answer.iter().map(|p| p.persons).collect::<Vec<_>>(), [1, 0, 0]);
    assert_eq!(answer[0].kind(), Kind::NumberFault);
    assert_eq!(count(&service, "select count(*) from registry.identity_review").await, 1);
    // Sent again, on another day: the same review.
    let mut again = doubts.clone();
    again[0].row = 18;
    assert_eq!(propose(&service, again).await.unwrap().proposals, answer);
    assert_eq!(count(&service, "select count(*) from registry.identity_review where row_no = 18").await, 1);

    let masked = listed(&service, COUNTY, "audit").await;
    assert_eq!(masked.len(), 1);
    assert_eq!((masked[0].came_name.as_str(), masked[0].file_name.as_str()), ("张*", "张*"));
    assert!(!format!("{masked:?}").contains("19800102"));
    let full = listed(&service, COUNTY, "case_work").await;
    assert_eq!(full[0].name, answer[0].review);
    assert_eq!((full[0].came_id_number.as_str(), full[0].came_name.as_str()), (typed.as_str(), "张三"));
    assert_eq!(full[0].file_id_number, id_number("19800102", 3));
    assert_eq!((full[0].division_code.as_str(), full[0].state()), (VILLAGE, State::Open));
    let proofs: Vec<_> = full[0].proofs().collect();
    let wanted = [Proof::NameAgrees, Proof::OnlyCandidate, Proof::BirthAgrees, Proof::SexAgrees, Proof::CountyAgrees];
    assert_eq!(proofs, wanted);
    assert!(full[0].complete && full[0].score == 100);
    assert_eq!((full[0].dataset.as_str(), full[0].batch_no.as_str(), full[0].row), ("insurance_payment", "B-7", 18));
    let looks = "select count(*) from registry.audit where subject like 'persons/%' and 'id_number' = any(fields)";
    assert_eq!(count(&service, looks).await, 1);
    service.running.stop().await.unwrap();
}

#[tokio::test]
async fn two_names_under_one_number_are_never_linked_and_a_siblings_name_is_told() {
    let service = start().await;
    import(&service, vec![household(1)]).await;
    let own = id_number("19800102", 3);
    let doubts = vec![doubt(&service, &own, "王五"), doubt(&service, &own, "李四娘"), doubt(&service, &own, "张□")];
    let answer = propose(&service, doubts).await.unwrap().proposals;
    let kinds: Vec<_> = answer.iter().map(|p| (p.kind(), p.persons)).collect();
    assert_eq!(kinds, [(Kind::TwoNamesOneNumber, 1), (Kind::OthersNumber, 2), (Kind::NameVariant, 1)]);
    let refused = decide(&service, &answer[0].review, Decision::SamePerson, 1).await.unwrap_err();
    assert_eq!(refused.code(), Code::FailedPrecondition);
    assert_eq!(count(&service, "select count(*) from registry.identity_link").await, 0);
    assert_eq!(count(&service, "select count(*) from registry.identity_decision").await, 0);

    let reviews = listed(&service, COUNTY, "case_work").await;
    let others = reviews.iter().find(|r| r.kind() == Kind::OthersNumber).unwrap();
    assert_eq!((&others.came_id_number, &others.file_id_number), (&own, &id_number("19800102", 4)));
    decide(&service, &answer[1].review, Decision::SamePerson, 2).await.unwrap();
    let holder = person_key(&service, 3).to_string();
    assert_eq!(linked(&service, &holder, "李四娘").await, person_key(&service, 4).to_string());
    assert_eq!(linked(&service, &holder, "王五").await, "");
    service.running.stop().await.unwrap();
}

#[tokio::test]
async fn a_confirmed_review_links_and_undoing_it_takes_the_link_back_and_keeps_the_history() {
    let service = start().await;
    import(&service, vec![household(1)]).await;
    let doubt = doubt(&service, &bad_check(&id_number("19800102", 3)), "张三");
    let review = propose(&service, vec![doubt.clone()]).await.unwrap().proposals[0].review.clone();
    assert_eq!(linked(&service, &doubt.number_key, "张三").await, "");

    let same = decide(&service, &review, Decision::SamePerson, 1).await.unwrap();
    assert_eq!(decide(&service, &review, Decision::SamePerson, 1).await.unwrap(), same, "the same call, one answer");
    assert_eq!((same.state(), same.links.len()), (State::Same, 1));
    assert_eq!(same.decisions[0].decided_by, "operator/county/621202 zhao.yun");
    assert_eq!(same.came_name, "张*", "a decision is no look");
    assert_eq!(linked(&service, &doubt.number_key, "张三").await, person_key(&service, 3).to_string());
    assert_eq!(linked(&service, &doubt.number_key, "李四娘").await, "");
    for other in [Decision::DifferentPersons, Decision::SamePerson] {
        let refused = decide(&service, &review, other, 2 + other as u128).await.unwrap_err();
        assert_eq!(refused.code(), Code::FailedPrecondition);
    }

    let open = undo(&service, &same.links[0].name, 10).await.unwrap();
    assert_eq!((open.state(), open.links[0].undone_reason.as_str()), (State::Open, "核对有误"));
    assert_eq!(undo(&service, &same.links[0].name, 11).await.unwrap_err().code(), Code::FailedPrecondition);
    assert_eq!(linked(&service, &doubt.number_key, "张三").await, "");

    let different = decide(&service, &review, Decision::DifferentPersons, 12).await.unwrap();
    assert_eq!((different.state(), different.decisions.len(), different.links.len()), (State::Different, 2, 1));
    let mut later = doubt.clone();
    later.row = 99;
    let proposals = propose(&service, vec![later]).await.unwrap().proposals;
    assert_eq!((proposals[0].persons, proposals[0].review.as_str()), (0, ""), "who is somebody else is not proposed");
    let linked_again = decide(&service, &review, Decision::SamePerson, 13).await.unwrap();
    assert_eq!(linked_again.links.len(), 2);
    let audited = "select count(*) from registry.audit where subject like 'identity%' and outcome = 'ok' \
                   and fields && '{decision:same,decision:different,undone}'";
    assert_eq!(count(&service, audited).await, 4);
    service.running.stop().await.unwrap();
}

#[tokio::test]
async fn an_alias_stands_for_one_person_at_a_time() {
    let service = start().await;
    let (one, other) = (id_number("19800102", 3), id_number("19800102", 5));
    let mut first = household(1);
    let mut second = household(2);
    first.members.truncate(1);
    second.members.truncate(1);
    assert_eq!(second.members[0].id_number, other);
    import(&service, vec![first, second]).await;
    let mut both = doubt(&service, &bad_check(&one), "张三");
    let candidate = IdentityCandidate {
        person_key: person_key(&service, 5).to_string(),
        edit: NumberEdit::Digit.into(),
        birth_agrees: true,
        sex_agrees: true,
    };
    both.candidates.push(candidate);
    let answer = propose(&service, vec![both]).await.unwrap().proposals;
    assert_eq!(answer[0].persons, 2);
    let reviews = listed(&service, COUNTY, "case_work").await;
    assert!(
        reviews.len() == 2 && reviews.iter().all(|r| !r.complete && !r.proofs().any(|p| p == Proof::OnlyCandidate))
    );
    let same = decide(&service, &reviews[0].name, Decision::SamePerson, 1).await.unwrap();
    let refused = decide(&service, &reviews[1].name, Decision::SamePerson, 2).await.unwrap_err();
    assert_eq!(refused.code(), Code::FailedPrecondition);
    undo(&service, &same.links[0].name, 3).await.unwrap();
    decide(&service, &reviews[1].name, Decision::SamePerson, 4).await.unwrap();
    service.running.stop().await.unwrap();
}

#[tokio::test]
async fn another_countys_desk_neither_sees_nor_decides() {
    let service = start().await;
    import(&service, vec![household(1)]).await;
    let doubt = doubt(&service, &bad_check(&id_number("19800102", 3)), "张三");
    let review = propose(&service, vec![doubt]).await.unwrap().proposals[0].review.clone();
    let same = decide(&service, &review, Decision::SamePerson, 1).await.unwrap();
    let stranger = "operator/county/621221";
    assert!(listed(&service, stranger, "case_work").await.is_empty());
    assert_eq!(listed(&service, "operator/city", "audit").await.len(), 1);
    let request = decision(&review, Decision::Leave, 2);
    let refused = identities(&service, stranger).decide_identity_review(request).await.unwrap_err();
    assert_eq!(refused.code(), Code::NotFound);
    let request = UndoIdentityLinkRequest {
        request_id: Uuid::from_u128(3).to_string(),
        name: same.links[0].name.clone(),
        reason: "x".into(),
    };
    let request = request_for(Some("case_work"), None, request);
    let refused = identities(&service, stranger).undo_identity_link(request).await.unwrap_err();
    assert_eq!(refused.code(), Code::NotFound);
    for (caller, allowed) in [("adapter/hr", false), ("bureau/hr", false), ("operator/township/621202100", false)] {
        let request = request_for(Some("case_work"), None, ListIdentityReviewsRequest::default());
        assert_eq!(identities(&service, caller).list_identity_reviews(request).await.is_ok(), allowed, "{caller}");
    }
    service.running.stop().await.unwrap();
}

#[tokio::test]
async fn what_cannot_be_read_or_is_too_much_is_refused() {
    let service = start().await;
    import(&service, vec![household(1)]).await;
    let good = doubt(&service, &bad_check(&id_number("19800102", 3)), "张三");
    let other = IdentityDoubt { name_sealed: good.number_sealed.clone(), ..good.clone() };
    let kind = IdentityDoubt { kind: 0, ..good.clone() };
    let key = IdentityDoubt { number_key: "x".into(), ..good.clone() };
    for (what, doubts) in [("sealed", vec![other]), ("kind", vec![kind]), ("key", vec![key]), ("many", vec![good; 101])]
    {
        assert_eq!(propose(&service, doubts).await.unwrap_err().code(), Code::InvalidArgument, "{what}");
    }
    let refused = decide(&service, "identityReviews/0198c0de-0000-7000-8000-000000000001", Decision::Leave, 1).await;
    assert_eq!(refused.unwrap_err().code(), Code::NotFound);
    assert_eq!(count(&service, "select count(*) from registry.identity_review").await, 0);
    service.running.stop().await.unwrap();
}

#[tokio::test]
async fn twins_with_one_number_and_a_changed_number_of_a_collection_come_into_the_queue() {
    let service = start().await;
    import(&service, vec![household(1)]).await;
    let mut county = client(&service, COUNTY);

    // The head of another household under a number that is on file, and two of one batch under one number.
    let mut taken = household(2);
    taken.members = vec![member(3, "王五", "02")];
    let (mut one, mut twin) = (household(4), household(5));
    one.members = vec![member(9, "赵大双", "02")];
    twin.members = vec![member(9, "赵小双", "02")];
    let mut variant = household(6);
    variant.members = vec![member(3, "張三", "02")];
    let rows = vec![taken, one, twin, variant];
    let answer = send(&mut county, header(rows.len()), rows).await.unwrap();
    assert_eq!((answer.accepted, answer.refused), (1, 3));
    let reviews = listed(&service, COUNTY, "case_work").await;
    let mut told: Vec<_> = reviews.iter().map(|r| (r.kind(), r.came_name.as_str(), r.file_name.as_str())).collect();
    told.sort_unstable();
    let twice = Kind::TwoNamesOneNumber;
    let wanted = [(Kind::NameVariant, "張三", "张三"), (twice, "王五", "张三"), (twice, "赵小双", "赵大双")];
    assert_eq!(told, wanted);
    assert!(reviews.iter().all(|r| r.dataset == "households" && r.came_id_number == r.file_id_number && r.row > 0));

    // The same person comes with another number: the old one is to mean the new one, once somebody says so.
    let mut renewed = household(1);
    renewed.members[0] = member(7, "张三", "02");
    renewed.members[0].id_number = id_number("19800102", 7);
    let answer = send(&mut county, header(1), vec![renewed]).await.unwrap();
    assert_eq!(answer.refused, 0, "{:?}", answer.errors);
    let reviews = listed(&service, COUNTY, "case_work").await;
    let review = reviews.iter().find(|r| r.kind() == Kind::TwoNumbersOnePerson).unwrap();
    assert_eq!(
        (&review.came_id_number, &review.file_id_number),
        (&id_number("19800102", 3), &id_number("19800102", 7))
    );
    let old = person_key(&service, 3).to_string();
    assert_eq!(linked(&service, &old, "张三").await, "", "nothing is merged by itself");
    decide(&service, &review.name, Decision::SamePerson, 1).await.unwrap();
    assert_eq!(linked(&service, &old, "张三").await, person_key(&service, 7).to_string());
    service.running.stop().await.unwrap();
}

#[tokio::test]
async fn somebody_else_of_the_household_is_no_new_number() {
    let service = start().await;
    import(&service, vec![household(1)]).await;
    let mut renewed = household(1);
    renewed.members[1] = member(8, "周七", "10");
    let answer = send(&mut client(&service, COUNTY), header(1), vec![renewed]).await.unwrap();
    assert_eq!(answer.refused, 0);
    assert!(listed(&service, COUNTY, "case_work").await.is_empty());
    service.running.stop().await.unwrap();
}

#[tokio::test]
async fn what_came_is_deleted_some_months_after_the_decision_and_the_rest_stays() {
    let service = start().await;
    import(&service, vec![household(1)]).await;
    let sweep = async || service.running.reconcile_once("review_texts").await.unwrap().did;
    let texts =
        "select count(*) from registry.identity_review where number_sealed is not null or name_sealed is not null";
    let typed = bad_check(&id_number("19800102", 3));
    let decided = doubt(&service, &typed, "张三");
    let open = doubt(&service, &id_number("19800102", 3), "王五");
    let answer = propose(&service, vec![decided.clone(), open]).await.unwrap().proposals;
    let same = decide(&service, &answer[0].review, Decision::SamePerson, 1).await.unwrap();

    // On the last day, and then after it.
    service.clock.advance_days(180);
    assert_eq!((sweep().await, count(&service, texts).await), (0, 2));
    service.clock.advance_days(1);
    assert_eq!((sweep().await, sweep().await, count(&service, texts).await), (1, 0, 1));
    let gone = |reviews: Vec<IdentityReview>| reviews.into_iter().find(|r| r.name == answer[0].review).unwrap();
    let shown = gone(listed(&service, COUNTY, "case_work").await);
    assert_eq!((shown.came_name.as_str(), shown.came_id_number.as_str()), ("", ""));
    assert!(!shown.texts_deleted_on.is_empty());
    assert_eq!((shown.state(), &shown.decisions, &shown.links), (State::Same, &same.decisions, &same.links));
    assert_eq!((&shown.proofs, shown.file_name.as_str()), (&same.proofs, "张三"));
    assert_eq!(linked(&service, &decided.number_key, "张三").await, person_key(&service, 3).to_string());
    let audited = "select count(*) from registry.audit where subject like 'identityReviews/%' and method like '%review_texts%' \
                   and fields = '{name:deleted,id_number:deleted}'";
    assert_eq!(count(&service, audited).await, 1);

    // The row comes again: what is decided stays deleted, what is open again has to be looked at again.
    let mut again = decided.clone();
    again.row = 18;
    propose(&service, vec![again.clone()]).await.unwrap();
    assert_eq!(count(&service, texts).await, 1);
    let reopened = undo(&service, &same.links[0].name, 2).await.unwrap();
    assert_eq!(reopened.texts_deleted_on, shown.texts_deleted_on);
    again.row = 19;
    propose(&service, vec![again]).await.unwrap();
    let back = gone(listed(&service, COUNTY, "case_work").await);
    assert_eq!((back.came_name.as_str(), &back.came_id_number, back.texts_deleted_on.as_str()), ("张三", &typed, ""));
    // A decision made again counts from its own day.
    decide(&service, &answer[0].review, Decision::DifferentPersons, 3).await.unwrap();
    assert_eq!(sweep().await, 0);
    service.running.stop().await.unwrap();
}
