use minqing_kit::client::request_for;
use minqing_proto::minqing::monitoring::v1::{
    ApprovePolicyRequest, ListPoliciesRequest, PackFiles, Policy, PolicyApproved, PolicyState, ProposePolicyRequest,
};
use tonic::{Code, Request, Status};

use crate::{
    packs::{Small, small},
    town::Town,
    what_if::{PATIENCE, policies, reason},
};

/// A call in somebody's name.
fn by<T>(operator: &str, body: T) -> Request<T> {
    let mut request = request_for(None, None, body);
    request.set_timeout(PATIENCE);
    if !operator.is_empty() {
        request.metadata_mut().insert("minqing-operator", operator.parse().unwrap());
    }
    request
}

fn id(n: u128) -> String {
    uuid::Uuid::from_u128(n).to_string()
}

fn proposal(n: u128, pack: &Small) -> ProposePolicyRequest {
    ProposePolicyRequest { request_id: id(n), pack: Some(pack.files()), reason: "标准调整".into() }
}

async fn propose(town: &Town, identity: &str, request: ProposePolicyRequest) -> Result<Policy, Status> {
    let answer = policies(town, identity).propose_policy(by("zhang", request)).await?;
    Ok(answer.into_inner().policy.unwrap())
}

fn approval(n: u128, of: &Policy) -> ApprovePolicyRequest {
    let content_hash = of.identity.clone().unwrap().content_hash;
    ApprovePolicyRequest { request_id: id(n), name: of.name.clone(), content_hash }
}

async fn approve(town: &Town, identity: &str, who: &str, request: ApprovePolicyRequest) -> Result<Policy, Status> {
    Ok(policies(town, identity).approve_policy(by(who, request)).await?.into_inner().policy.unwrap())
}

async fn audited(town: &Town, policy: &Policy) -> Vec<(String, Option<String>, Vec<String>)> {
    let mut connection = town.service.running.context.db.acquire().await.unwrap();
    sqlx::query_as("select caller, operator, fields from audit where subject = $1 order by id")
        .bind(&policy.name)
        .fetch_all(&mut *connection)
        .await
        .unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pack_comes_into_use_by_two_persons_and_both_are_on_record() {
    let town = Town::start().await;
    let proposed = propose(&town, "operator/city", proposal(1, &small())).await.unwrap();
    assert_eq!((proposed.state(), proposed.proposed_by.as_str()), (PolicyState::Proposed, "operator/city"));
    assert_eq!((proposed.valid_from.as_str(), proposed.in_use), ("2025-01-01", false));
    assert!(town.events::<PolicyApproved>().await.is_empty());

    let approved = approve(&town, "operator/county/621202", "li", approval(2, &proposed)).await.unwrap();
    assert_eq!(approved.state(), PolicyState::Approved);
    assert_eq!(
        (approved.approved_by.as_str(), approved.approved_by_operator.as_str()),
        ("operator/county/621202", "li")
    );
    let told = town.events::<PolicyApproved>().await;
    assert_eq!(told.len(), 1);
    assert_eq!((&told[0].policy, told[0].approved_on.as_str()), (&proposed.name, "2026-10-26"));
    assert_eq!(told[0].content_hash, proposed.identity.clone().unwrap().content_hash);
    let record = audited(&town, &proposed).await;
    let who = |at: usize| (record[at].0.as_str(), record[at].1.as_deref(), record[at].2[0].as_str());
    assert_eq!(who(0), ("operator/city", Some("zhang"), "proposed"));
    assert_eq!(who(1), ("operator/county/621202", Some("li"), "approved"));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_person_cannot_do_both() {
    let town = Town::start().await;
    let proposed = propose(&town, "operator/city", proposal(1, &small())).await.unwrap();
    for (n, (identity, who)) in
        [("operator/city", "li"), ("operator/city", ""), ("operator/admin", "zhang")].into_iter().enumerate()
    {
        let refused = approve(&town, identity, who, approval(10 + n as u128, &proposed)).await.unwrap_err();
        assert_eq!(
            (refused.code(), reason(&refused).as_str()),
            (Code::PermissionDenied, "SAME_PERSON"),
            "{identity} {who}"
        );
    }
    assert!(town.events::<PolicyApproved>().await.is_empty());
    assert_eq!(audited(&town, &proposed).await.len(), 1);
    let township = approve(&town, "operator/township/621202103", "li", approval(20, &proposed)).await.unwrap_err();
    assert_eq!(township.code(), Code::PermissionDenied);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_faulty_pack_is_neither_proposed_nor_approved() {
    let town = Town::start().await;
    let mut faulty = proposal(1, &small());
    faulty.pack.as_mut().unwrap().files.retain(|file| file.path != "documents.yaml");
    let refused = propose(&town, "operator/city", faulty).await.unwrap_err();
    assert_eq!((refused.code(), reason(&refused).as_str()), (Code::InvalidArgument, "PACK_UNSOUND"));
    let none = ProposePolicyRequest { pack: Some(PackFiles::default()), ..proposal(2, &small()) };
    assert_eq!(reason(&propose(&town, "operator/city", none).await.unwrap_err()), "INVALID_PACK_FILES");
    let silent = ProposePolicyRequest { reason: " ".into(), ..proposal(3, &small()) };
    assert_eq!(reason(&propose(&town, "operator/city", silent).await.unwrap_err()), "INVALID_REASON");

    // A pack that was sound when it was proposed and is not any more, as after a stricter check came.
    let proposed = propose(&town, "operator/city", proposal(4, &small())).await.unwrap();
    let mut connection = town.service.running.context.db.acquire().await.unwrap();
    let damage = "update monitoring.policy set archive = ''";
    assert!(sqlx::query(damage).execute(&mut *connection).await.is_err(), "an archive keeps its hash");
    let damage =
        "update monitoring.policy set archive = '', content_hash = encode(sha256(''), 'hex') returning content_hash";
    let content_hash = sqlx::query_scalar(damage).fetch_one(&mut *connection).await.unwrap();
    let approval = ApprovePolicyRequest { content_hash, ..approval(5, &proposed) };
    let refused = approve(&town, "operator/admin", "li", approval).await.unwrap_err();
    assert_eq!((refused.code(), reason(&refused).as_str()), (Code::FailedPrecondition, "PACK_UNSOUND"));
}

#[tokio::test(flavor = "multi_thread")]
async fn only_what_was_read_is_approved() {
    let town = Town::start().await;
    let proposed = propose(&town, "operator/city", proposal(1, &small())).await.unwrap();
    let other = ApprovePolicyRequest { content_hash: "0".repeat(64), ..approval(2, &proposed) };
    let refused = approve(&town, "operator/admin", "li", other).await.unwrap_err();
    assert_eq!((refused.code(), reason(&refused).as_str()), (Code::FailedPrecondition, "OTHER_CONTENTS"));
    let malformed = ApprovePolicyRequest { content_hash: "0".repeat(63), ..approval(3, &proposed) };
    assert_eq!(reason(&approve(&town, "operator/admin", "li", malformed).await.unwrap_err()), "INVALID_CONTENT_HASH");
    let unknown = ApprovePolicyRequest { name: format!("policies/{}", id(9)), ..approval(4, &proposed) };
    assert_eq!(approve(&town, "operator/admin", "li", unknown).await.unwrap_err().code(), Code::NotFound);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_who_approve_at_once_the_first_counts() {
    let town = Town::start().await;
    let proposed = propose(&town, "operator/city", proposal(1, &small())).await.unwrap();
    let (a, b) = futures::join!(
        approve(&town, "operator/admin", "li", approval(2, &proposed)),
        approve(&town, "operator/county/621202", "wang", approval(3, &proposed))
    );
    let ((Ok(won), Err(lost)) | (Err(lost), Ok(won))) = (a, b) else { panic!("one of them counts") };
    assert_eq!((lost.code(), reason(&lost).as_str()), (Code::FailedPrecondition, "POLICY_ALREADY_APPROVED"));
    let told = town.events::<PolicyApproved>().await;
    assert_eq!((told.len(), &told[0].approved_by), (1, &won.approved_by));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_sent_twice_gets_the_first_answer() {
    let town = Town::start().await;
    let first = propose(&town, "operator/city", proposal(1, &small())).await.unwrap();
    assert_eq!(propose(&town, "operator/city", proposal(1, &small())).await.unwrap(), first);
    let reused = propose(&town, "operator/city", proposal(1, &Small { standard: 1, ..small() })).await.unwrap_err();
    assert_eq!(reason(&reused), "REQUEST_ID_REUSED");
    let again = propose(&town, "operator/admin", proposal(2, &small())).await.unwrap_err();
    assert_eq!((again.code(), reason(&again).as_str()), (Code::AlreadyExists, "POLICY_ALREADY_PROPOSED"));

    let approved = approve(&town, "operator/admin", "li", approval(3, &first)).await.unwrap();
    assert_eq!(approve(&town, "operator/admin", "li", approval(3, &first)).await.unwrap(), approved);
    assert_eq!(town.events::<PolicyApproved>().await.len(), 1);
    // Back to an older pack is a proposal like any other.
    assert_ne!(propose(&town, "operator/city", proposal(4, &small())).await.unwrap().name, first.name);
}

#[tokio::test(flavor = "multi_thread")]
async fn policies_are_listed_newest_first_in_pages() {
    let town = Town::start().await;
    let mut names = Vec::new();
    for n in 1..=3 {
        names.push(
            propose(&town, "operator/city", proposal(n, &Small { standard: 10_000 + n as i64, ..small() }))
                .await
                .unwrap(),
        );
    }
    approve(&town, "operator/admin", "li", approval(9, &names[0])).await.unwrap();
    let mut client = policies(&town, "operator/county/621202");
    let mut request = ListPoliciesRequest { page_size: 2, ..Default::default() };
    let mut seen = Vec::new();
    loop {
        let page = client.list_policies(request.clone()).await.unwrap().into_inner();
        seen.extend(page.policies.into_iter().map(|policy| policy.name));
        if page.next_page_token.is_empty() {
            break;
        }
        request.page_token = page.next_page_token;
    }
    assert_eq!(seen, names.iter().rev().map(|policy| policy.name.clone()).collect::<Vec<_>>());
    let waiting = ListPoliciesRequest { state: PolicyState::Proposed.into(), ..Default::default() };
    assert_eq!(client.list_policies(waiting).await.unwrap().into_inner().policies.len(), 2);
    let one =
        ListPoliciesRequest { content_hash: names[1].identity.clone().unwrap().content_hash, ..Default::default() };
    assert_eq!(client.list_policies(one).await.unwrap().into_inner().policies[0].name, names[1].name);
}
