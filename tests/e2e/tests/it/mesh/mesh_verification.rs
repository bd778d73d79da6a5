//! A verification across the mesh: asked for by a county, handed to one bureau over gRPC and to another as a file, answered by
//! both, and a second one called off (a part of the calls' run).

use std::{
    fs,
    sync::atomic::{AtomicU64, Ordering},
    time::Instant,
};

use anyhow::{Context as _, ensure};
use minqing_proto::minqing::{
    bureau::v1::{
        AnswerVerificationRequest, FetchVerificationsRequest, VerificationAnswer,
        exchange_service_client::ExchangeServiceClient,
    },
    identification::v1::{
        Authorisation, CancelVerificationRequest, CheckedPerson, GetVerificationRequest, RequestVerificationRequest,
        Verification, VerificationState, WantedDataset, verification_service_client::VerificationServiceClient,
    },
    types::v1::{AuthorisationSigner, Bureau, VerificationOutcome, VerificationType},
};
use sqlx::{Connection as _, PgConnection};
use tonic::transport::Channel;
use uuid::Uuid;

use super::{
    harness::Mesh,
    mesh_calls::{ID_NUMBER, NAME, PATIENCE, TODAY, reason, with_purpose},
};

pub(super) type County = VerificationServiceClient<Channel>;
type Rural = ExchangeServiceClient<Channel>;

/// The mesh has the household of `collect`.
pub(super) async fn goes_out_and_comes_back(mesh: &Mesh) -> anyhow::Result<()> {
    let mut county = County::new(mesh.channel("gateway", Some("operator/county/621202")).await?);
    let mut rural = Rural::new(mesh.channel("gateway", Some("bureau/rural")).await?);
    let asked = asked(mesh).await?;

    let mut unsigned = asked.clone();
    unsigned.persons[0].authorisation = None;
    let refused = county.request_verification(with_purpose(unsigned, "case_work")).await.unwrap_err();
    assert_eq!(reason(&refused), "AUTHORISATION_MISSING", "{refused:?}");

    let made = requested(mesh, &mut county, &asked).await?;
    let again = county.request_verification(with_purpose(asked.clone(), "case_work")).await?.into_inner();
    assert_eq!(again.verification.as_ref(), Some(&made), "a repeat gets the first answer");

    over_grpc(mesh, &mut rural, &made.name).await?;
    by_file(mesh, &made.name).await?;
    let done = until_state(mesh, &mut county, &made.name, VerificationState::Complete).await?;
    let counts = done.counts.context("no counts")?;
    assert_eq!((counts.items, counts.nothing_found, counts.cannot, counts.unanswered), (2, 1, 1, 0));

    let second = RequestVerificationRequest { request_id: Uuid::from_u128(72).to_string(), ..asked };
    let second = requested(mesh, &mut county, &second).await?;
    fetched(mesh, &mut rural, &second.name).await?;
    call_off(&mut county, &second.name).await?;
    until(mesh, "the bureau to be told", async || {
        let told = rural.fetch_verifications(with_purpose(fetch(), "verification")).await?.into_inner();
        Ok(told.withdrawn.contains(&second.name))
    })
    .await
}

/// A verification of the household's only member, by one dataset of each of two bureaus.
pub(super) async fn asked(mesh: &Mesh) -> anyhow::Result<RequestVerificationRequest> {
    let mut connection = PgConnection::connect(&mesh.database()).await?;
    let (household, person): (Uuid, Uuid) =
        sqlx::query_as("select household_id, person_key from monitoring.member").fetch_one(&mut connection).await?;
    connection.close().await?;
    let authorisation = Authorisation {
        reference: "授2026-001".to_owned(),
        signer: AuthorisationSigner::Self_ as i32,
        signed_on: TODAY.to_owned(),
        valid_until: "2027-10-25".to_owned(),
    };
    let dataset = |bureau: Bureau, name: &str| WantedDataset { bureau: bureau.into(), dataset: name.to_owned() };
    Ok(RequestVerificationRequest {
        request_id: Uuid::from_u128(71).to_string(),
        case: String::new(),
        household: format!("households/{household}"),
        r#type: VerificationType::MinimumLiving.into(),
        persons: vec![CheckedPerson {
            person_key: person.to_string(),
            obligor: false,
            authorisation: Some(authorisation),
        }],
        datasets: vec![dataset(Bureau::Rural, "monitored_household"), dataset(Bureau::Hr, "pension")],
    })
}

/// Identification learns of the household by an event.
pub(super) async fn requested(
    mesh: &Mesh,
    county: &mut County,
    asked: &RequestVerificationRequest,
) -> anyhow::Result<Verification> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        match county.request_verification(with_purpose(asked.clone(), "case_work")).await {
            Ok(answer) => return answer.into_inner().verification.context("no verification"),
            Err(status) => ensure!(Instant::now() < deadline, "{status:?}\n{}", mesh.wreckage()),
        }
    }
}

pub(super) async fn call_off(county: &mut County, name: &str) -> anyhow::Result<()> {
    let off = CancelVerificationRequest {
        request_id: Uuid::from_u128(73).to_string(),
        name: name.to_owned(),
        reason: "授权已撤回".to_owned(),
    };
    county.cancel_verification(with_purpose(off, "case_work")).await?;
    Ok(())
}

async fn over_grpc(mesh: &Mesh, rural: &mut Rural, name: &str) -> anyhow::Result<()> {
    fetched(mesh, rural, name).await?;
    let answer = |outcome: VerificationOutcome| VerificationAnswer {
        verification: name.to_owned(),
        id_number: ID_NUMBER.to_owned(),
        dataset: "monitored_household".to_owned(),
        outcome: outcome.into(),
        ..VerificationAnswer::default()
    };
    // Found needs the batch that carries the records.
    let answers = vec![answer(VerificationOutcome::Found), answer(VerificationOutcome::NothingFound)];
    let request = AnswerVerificationRequest { request_id: Uuid::from_u128(74).to_string(), answers };
    let first = rural.answer_verification(request.clone()).await?.into_inner();
    assert_eq!(first.results.iter().map(|r| r.accepted).collect::<Vec<_>>(), [false, true], "{first:?}");
    assert_eq!(rural.answer_verification(request).await?.into_inner(), first, "a repeat gets the first answer");
    Ok(())
}

fn fetch() -> FetchVerificationsRequest {
    static FETCHES: AtomicU64 = AtomicU64::new(1_000);
    let request_id = Uuid::from_u128(FETCHES.fetch_add(1, Ordering::SeqCst).into()).to_string();
    FetchVerificationsRequest { request_id, page_size: 0, lease_seconds: 10 }
}

/// Handed out with name and number, and nothing else of the person.
async fn fetched(mesh: &Mesh, rural: &mut Rural, name: &str) -> anyhow::Result<()> {
    until(mesh, "the verification to be handed out", async || {
        let out = rural.fetch_verifications(with_purpose(fetch(), "verification")).await?.into_inner();
        let Some(found) = out.verifications.into_iter().find(|v| v.name == name) else { return Ok(false) };
        let person = &found.persons[0];
        assert_eq!((person.id_number.as_str(), person.name.as_str()), (ID_NUMBER, NAME));
        assert_eq!(
            (person.authorisation.as_str(), found.datasets.as_slice()),
            ("授2026-001", ["monitored_household".to_owned()].as_slice())
        );
        Ok(true)
    })
    .await
}

async fn by_file(mesh: &Mesh, name: &str) -> anyhow::Result<()> {
    let folder = mesh.path("exchange/hr");
    let file = folder.join("outbox").join(format!("verification_{}.csv", name.trim_start_matches("verifications/")));
    until(mesh, "the verification's file", async || Ok(file.exists())).await?;
    let text = fs::read_to_string(file)?;
    assert!(text.contains(ID_NUMBER) && text.contains("授2026-001") && text.contains("pension"), "{text}");

    let answers = format!("核对编号,身份证号,数据集,核对结果,原因代码\n{name},{ID_NUMBER},pension,无法核对,R-1\n");
    fs::write(folder.join("inbox/verification_1.csv.part"), answers)?;
    fs::rename(folder.join("inbox/verification_1.csv.part"), folder.join("inbox/verification_1.csv"))?;
    let result = folder.join("result/verification_1.csv.result.csv");
    until(mesh, "the answers' result", async || Ok(result.exists())).await?;
    let told = fs::read_to_string(result)?;
    assert!(told.contains("接收 accepted,1\r\n"), "{told}");
    Ok(())
}

async fn until_state(
    mesh: &Mesh,
    county: &mut County,
    name: &str,
    state: VerificationState,
) -> anyhow::Result<Verification> {
    let mut last = None;
    until(mesh, "the verification's state", async || {
        let request = with_purpose(GetVerificationRequest { name: name.to_owned() }, "case_work");
        last = county.get_verification(request).await?.into_inner().verification;
        Ok(last.as_ref().is_some_and(|v| v.state() == state))
    })
    .await?;
    last.context("no verification")
}

pub(super) async fn until(
    mesh: &Mesh,
    what: &str,
    mut look: impl AsyncFnMut() -> anyhow::Result<bool>,
) -> anyhow::Result<()> {
    let deadline = Instant::now() + PATIENCE;
    while !look().await? {
        ensure!(Instant::now() < deadline, "waited for {what}\n{}", mesh.wreckage());
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    Ok(())
}
