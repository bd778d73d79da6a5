//! What callers see over the wire: a stock Python client, certificates that do not fit, repeats of a call, the REST edge.

use std::{
    path::{Path, PathBuf},
    process::{Command, Output},
    time::{Duration, Instant},
};

use anyhow::{Context as _, ensure};
use minqing_proto::minqing::{
    bureau::rural::v1::MonitoredHousehold,
    bureau::v1::{
        AcknowledgeReferralsRequest, BatchHeader, BatchRows, FeedbackRecord, GetBatchRequest, ReportFeedbackRequest,
        SubmitBatchRequest, exchange_service_client::ExchangeServiceClient, submit_batch_request::Part as BatchPart,
    },
    dispatch::v1::{
        ListReferralsRequest, ListWorkOrdersRequest, RecordVerdictRequest, Verdict,
        dispatch_service_client::DispatchServiceClient,
    },
    identification::v1::{
        CaseDecision, ListCasesRequest, RecordDecisionRequest,
        identification_service_client::IdentificationServiceClient,
    },
    registry::v1::{
        HouseholdRow, ImportHeader, ImportHouseholdsRequest, ImportHouseholdsResponse, ImportRows, MemberRow,
        import_households_request::Part, registry_service_client::RegistryServiceClient,
    },
    types::v1::{AreaKind, AssistanceClass, BatchMode, FeedbackDecision, Sex},
};
use prost::Message as _;
use prost_types::Any;
use tonic::{Code, Request, Status};
use tonic_types::StatusExt as _;

use super::{
    books::{books, unchanged},
    harness::{Mesh, root, setting},
    mesh_verification,
};

/// A number made from the checksum; it belongs to nobody.
pub(super) const ID_NUMBER: &str = "622621198001011237";
pub(super) const NAME: &str = "石敢当";
pub(super) const TODAY: &str = "2026-10-26";
pub(super) const PATIENCE: Duration = Duration::from_secs(60);

#[tokio::test(flavor = "multi_thread")]
async fn callers_get_one_answer_for_one_call_and_only_what_their_certificate_allows() -> anyhow::Result<()> {
    let mesh = Mesh::waiting(&[])?;
    a_collection_batch_sent_twice_is_one(&mesh).await?;
    a_bureaus_batch_sent_twice_is_one(&mesh).await?;
    a_stock_python_client_sends_a_batch_and_signs_for_a_referral(&mesh).await?;
    another_certificate_or_none_is_refused(&mesh).await?;
    the_edge_answers_json(&mesh)?;
    a_verdict_and_a_decision_sent_twice_are_one(&mesh).await?;
    a_bureaus_answers_sent_twice_are_one(&mesh).await?;
    mesh_verification::goes_out_and_comes_back(&mesh).await
}

pub(super) fn with_purpose<T>(body: T, purpose: &str) -> Request<T> {
    let mut request = Request::new(body);
    request.metadata_mut().insert("minqing-purpose", purpose.parse().unwrap());
    request
}

pub(super) fn reason(status: &Status) -> String {
    status.get_details_error_info().map(|info| info.reason).unwrap_or_default()
}

pub(super) async fn collect(mesh: &Mesh, income: i64) -> anyhow::Result<Result<ImportHouseholdsResponse, Status>> {
    let channel = mesh.channel("gateway", Some("operator/county/621202")).await?;
    let header = ImportHeader {
        request_id: "0b6f9a5e-0000-4000-8000-000000000001".to_owned(),
        batch_no: "CJ-1".to_owned(),
        division_code: "621202".to_owned(),
        as_of: TODAY.to_owned(),
        row_count: 1,
    };
    let row = HouseholdRow {
        household_no: "H-1".to_owned(),
        division_code: "621202100000".to_owned(),
        area_kind: AreaKind::Rural as i32,
        address: "某村一社 7 号".to_owned(),
        declared_income_fen: income,
        house_count: 1,
        members: vec![MemberRow {
            id_number: ID_NUMBER.to_owned(),
            name: NAME.to_owned(),
            sex: Sex::Male as i32,
            relation: "02".to_owned(),
            joined_on: "2020-01-01".to_owned(),
            ..MemberRow::default()
        }],
        ..HouseholdRow::default()
    };
    let parts = vec![
        ImportHouseholdsRequest { part: Some(Part::Header(header)) },
        ImportHouseholdsRequest { part: Some(Part::Rows(ImportRows { rows: vec![row] })) },
    ];
    let request = with_purpose(tokio_stream::iter(parts), "collection");
    Ok(RegistryServiceClient::new(channel).import_households(request).await.map(tonic::Response::into_inner))
}

async fn a_collection_batch_sent_twice_is_one(mesh: &Mesh) -> anyhow::Result<()> {
    let first = collect(mesh, 300_000).await??;
    assert_eq!((first.accepted, first.refused, first.changed), (1, 0, 1), "{:?}", first.errors);

    let before = books(mesh).await?;
    assert_eq!(collect(mesh, 300_000).await??, first, "a repeat gets the first answer");
    let other = collect(mesh, 400_000).await?.unwrap_err();
    assert_eq!((other.code(), reason(&other).as_str()), (Code::FailedPrecondition, "REQUEST_ID_REUSED"));
    unchanged(mesh, &before).await?;
    Ok(())
}

async fn a_bureaus_batch_sent_twice_is_one(mesh: &Mesh) -> anyhow::Result<()> {
    let row = MonitoredHousehold {
        id_number: ID_NUMBER.to_owned(),
        name: NAME.to_owned(),
        division_code: "621202100000".to_owned(),
        kind: "sudden".to_owned(),
        risk_kinds: "因病".to_owned(),
        entered_on: "2026-03-02".to_owned(),
        risk_state: "open".to_owned(),
        income_fen: 700_000,
    };
    let row = Any {
        type_url: "type.googleapis.com/minqing.bureau.rural.v1.MonitoredHousehold".to_owned(),
        value: row.encode_to_vec(),
    };
    let mut rural = ExchangeServiceClient::new(mesh.channel("gateway", Some("bureau/rural")).await?);
    let parts = |batch_no: &str| {
        let header = BatchHeader {
            request_id: "0b6f9a5e-0000-4000-8000-000000000008".to_owned(),
            batch_no: batch_no.to_owned(),
            dataset: "monitored_household".to_owned(),
            mode: BatchMode::Changes as i32,
            division_code: "621202".to_owned(),
            as_of: TODAY.to_owned(),
            row_count: 1,
            signature: None,
        };
        tokio_stream::iter([
            SubmitBatchRequest { part: Some(BatchPart::Header(header)) },
            SubmitBatchRequest { part: Some(BatchPart::Rows(BatchRows { rows: vec![row.clone()] })) },
        ])
    };
    let first = rural.submit_batch(parts("B-1")).await?.into_inner();
    let batch = first.batch.clone().context("no batch in the answer")?;
    assert_eq!((batch.accepted, batch.changed), (1, 1), "{:?}", first.errors);

    let before = books(mesh).await?;
    assert_eq!(rural.submit_batch(parts("B-1")).await?.into_inner(), first);
    let other = rural.submit_batch(parts("B-2")).await.unwrap_err();
    assert_eq!(reason(&other), "REQUEST_ID_REUSED");
    unchanged(mesh, &before).await?;
    Ok(())
}

#[expect(clippy::print_stderr, reason = "why a step was left out, for the person who reads the test's output")]
pub(super) fn tell(text: &str) {
    eprintln!("{text}");
}

/// The README's snippet in a folder with its stubs; nothing when the tests run without their Python.
fn python_client() -> anyhow::Result<Option<(PathBuf, tempfile::TempDir)>> {
    let Some(python) = setting("MINQING_TEST_PYTHON") else { return Ok(None) };
    let folder = tempfile::tempdir()?;
    let readme = std::fs::read_to_string(root().join("README.md"))?;
    let snippet = readme.split("```python\n").nth(1).and_then(|rest| rest.split("```").next());
    std::fs::write(folder.path().join("client.py"), snippet.context("README.md has no Python snippet")?)?;
    let mut protos = Vec::new();
    list_protos(&root().join("proto"), &mut protos);
    let made = Command::new(&python)
        .args(["-m", "grpc_tools.protoc"])
        .arg("-I")
        .arg(root().join("proto"))
        .arg(format!("--python_out={}", folder.path().display()))
        .arg(format!("--grpc_python_out={}", folder.path().display()))
        .args(&protos)
        .output()?;
    ensure!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    Ok(Some((python, folder)))
}

fn list_protos(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap().flatten() {
        let path = entry.path();
        if path.is_dir() {
            list_protos(&path, found);
        } else if path.extension().is_some_and(|e| e == "proto") {
            found.push(path);
        }
    }
}

async fn a_stock_python_client_sends_a_batch_and_signs_for_a_referral(mesh: &Mesh) -> anyhow::Result<()> {
    let Some((python, folder)) = python_client()? else {
        tell("skipped: MINQING_TEST_PYTHON is not set, so there is no Python client; bash tests/run sets it");
        return Ok(());
    };
    let gateway = mesh.facts()["gateway"]["address"].as_str().context("no gateway")?.replace("https://", "");
    let run = |identity: &str| -> anyhow::Result<Output> {
        Ok(Command::new(&python)
            .current_dir(folder.path())
            .arg("client.py")
            .arg(&gateway)
            .arg(mesh.certificate(identity))
            .args([ID_NUMBER, NAME, TODAY])
            .output()?)
    };
    let deadline = Instant::now() + PATIENCE;
    loop {
        let output = tokio::task::block_in_place(|| run("bureau/rural"))?;
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        ensure!(output.status.success(), "{text}\n{}", String::from_utf8_lossy(&output.stderr));
        assert!(text.contains("sent 1 accepted 1 refused 0"), "{text}");
        if text.contains("referrals 1") {
            assert!(text.contains("signed 1"), "{text}");
            break;
        }
        ensure!(Instant::now() < deadline, "no referral came\n{}", mesh.wreckage());
    }
    let other = tokio::task::block_in_place(|| run("bureau/hr"))?;
    assert!(!other.status.success(), "another bureau's certificate was taken for this bureau's data");
    let refusal = String::from_utf8_lossy(&other.stderr).into_owned();
    assert!(refusal.contains("INVALID_ARGUMENT") && refusal.contains("dataset"), "{refusal}");
    Ok(())
}

async fn another_certificate_or_none_is_refused(mesh: &Mesh) -> anyhow::Result<()> {
    let header = BatchHeader {
        request_id: "0b6f9a5e-0000-4000-8000-000000000002".to_owned(),
        batch_no: "X-1".to_owned(),
        dataset: "monitored_household".to_owned(),
        mode: BatchMode::Changes as i32,
        division_code: "621202".to_owned(),
        as_of: TODAY.to_owned(),
        row_count: 0,
        signature: None,
    };
    let submit = || tokio_stream::iter(vec![SubmitBatchRequest { part: Some(BatchPart::Header(header.clone())) }]);

    let hr = mesh.channel("adapter-rural", Some("bureau/hr")).await?;
    let refused = ExchangeServiceClient::new(hr).submit_batch(submit()).await.unwrap_err();
    assert_eq!(refused.code(), Code::PermissionDenied);

    // With TLS 1.3 a client without a certificate may connect and fails with its first call.
    if let Ok(nobody) = mesh.channel("adapter-rural", None).await {
        let refused = ExchangeServiceClient::new(nobody).submit_batch(submit()).await.unwrap_err();
        assert_ne!(refused.code(), Code::Ok);
    }
    let operator = mesh.channel("adapter-rural", Some("operator/city")).await?;
    let name = "batches/0b6f9a5e-0000-4000-8000-00000000000f".to_owned();
    let missing = ExchangeServiceClient::new(operator).get_batch(GetBatchRequest { name }).await.unwrap_err();
    assert_eq!(missing.code(), Code::NotFound);
    Ok(())
}

fn the_edge_answers_json(mesh: &Mesh) -> anyhow::Result<()> {
    let gateway = mesh.facts()["gateway"]["address"].as_str().context("no gateway")?.to_owned();
    let folder = mesh.certificate("operator/city");
    let get = |path: &str, more: &[&str]| -> anyhow::Result<(u16, serde_json::Value)> {
        let output = Command::new("curl")
            .args(["-s", "-w", "\n%{http_code}", "--resolve"])
            .arg(format!("gateway:{}:127.0.0.1", gateway.rsplit(':').next().unwrap()))
            .arg("--cacert")
            .arg(folder.join("ca.pem"))
            .arg("--cert")
            .arg(folder.join("cert.pem"))
            .arg("--key")
            .arg(folder.join("key.pem"))
            .args(more)
            .arg(format!("https://gateway:{}{path}", gateway.rsplit(':').next().unwrap()))
            .output()?;
        let text = String::from_utf8(output.stdout)?;
        let (body, code) = text.rsplit_once('\n').context("no answer")?;
        Ok((code.parse()?, serde_json::from_str(body).with_context(|| text.clone())?))
    };
    let purpose = ["-H", "minqing-purpose: relief_query"];

    let (code, list) = get("/v1/households?divisionCode=621202", &purpose)?;
    assert_eq!(code, 200, "{list}");
    let person = &list["households"][0]["members"][0];
    assert_eq!(person["displayName"], "石**");
    assert_eq!(person["idNumber"], "622***********1237");
    let name = list["households"][0]["name"].as_str().context("a household without a name")?;
    assert_eq!(get(&format!("/v1/{name}"), &purpose)?.0, 200);
    assert_eq!(get("/v1/workOrders", &[])?.0, 200);

    let (code, error) = get("/v1/households", &[])?;
    assert_eq!((code, &error["details"][0]["reason"]), (400, &serde_json::json!("PURPOSE_REQUIRED")), "{error}");
    assert_eq!(get("/v1/nothing", &purpose)?.0, 404);
    let (code, error) = get("/v1/households?colour=red", &purpose)?;
    assert_eq!(code, 400, "{error}");
    assert!(error.to_string().contains("colour"), "{error}");
    Ok(())
}

async fn a_verdict_and_a_decision_sent_twice_are_one(mesh: &Mesh) -> anyhow::Result<()> {
    let channel = mesh.channel("dispatch", Some("operator/township/621202")).await?;
    let mut dispatch = DispatchServiceClient::new(channel);
    let orders = dispatch.list_work_orders(ListWorkOrdersRequest::default()).await?.into_inner().work_orders;
    let order = orders.into_iter().find(|order| !order.household.is_empty()).context("no work order")?;
    let request = RecordVerdictRequest {
        request_id: "0b6f9a5e-0000-4000-8000-000000000003".to_owned(),
        name: order.name.clone(),
        verdict: Verdict::VerifiedTrue as i32,
        checked_on: TODAY.to_owned(),
        checker: "checker-1".to_owned(),
        person_seen: true,
        evidence_digest: "ab".repeat(32),
        ..RecordVerdictRequest::default()
    };
    let first = dispatch.record_verdict(with_purpose(request.clone(), "case_work")).await?.into_inner();
    let before = books(mesh).await?;
    let again = dispatch.record_verdict(with_purpose(request.clone(), "case_work")).await?.into_inner();
    assert_eq!(first, again);
    let other = RecordVerdictRequest { verdict: Verdict::NotTrue as i32, ..request };
    let refused = dispatch.record_verdict(with_purpose(other, "case_work")).await.unwrap_err();
    assert_eq!(reason(&refused), "REQUEST_ID_REUSED");
    unchanged(mesh, &before).await?;

    let channel = mesh.channel("identification", Some("operator/county/621202")).await?;
    let mut identification = IdentificationServiceClient::new(channel);
    let deadline = Instant::now() + PATIENCE;
    let case = loop {
        let cases = identification.list_cases(ListCasesRequest::default()).await?.into_inner().cases;
        if let Some(case) = cases.into_iter().next() {
            break case;
        }
        ensure!(Instant::now() < deadline, "no case was opened\n{}", mesh.wreckage());
        tokio::time::sleep(Duration::from_millis(20)).await;
    };
    let request = RecordDecisionRequest {
        request_id: "0b6f9a5e-0000-4000-8000-000000000004".to_owned(),
        name: case.name,
        decision: CaseDecision::Grant as i32,
        assistance_class: AssistanceClass::MinimumLiving as i32,
        amount_fen: 33_500,
        valid_from: "2026-11-01".to_owned(),
        reason: "收入低于标准，财产符合规定".to_owned(),
        ..RecordDecisionRequest::default()
    };
    let first = identification.record_decision(with_purpose(request.clone(), "case_work")).await?.into_inner();
    let before = books(mesh).await?;
    let again = identification.record_decision(with_purpose(request.clone(), "case_work")).await?.into_inner();
    assert_eq!(first, again);
    let other = RecordDecisionRequest { amount_fen: 1, ..request };
    let refused = identification.record_decision(with_purpose(other, "case_work")).await.unwrap_err();
    assert_eq!(reason(&refused), "REQUEST_ID_REUSED");
    unchanged(mesh, &before).await?;
    Ok(())
}

async fn a_bureaus_answers_sent_twice_are_one(mesh: &Mesh) -> anyhow::Result<()> {
    let channel = mesh.channel("dispatch", Some("operator/city")).await?;
    let referrals = DispatchServiceClient::new(channel)
        .list_referrals(ListReferralsRequest::default())
        .await?
        .into_inner()
        .referrals;
    let referral =
        referrals.into_iter().find(|r| r.indicator == "A25").context("no referral to rural revitalisation")?;
    let mut rural = ExchangeServiceClient::new(mesh.channel("adapter-rural", Some("bureau/rural")).await?);

    let receipt = AcknowledgeReferralsRequest {
        request_id: "0b6f9a5e-0000-4000-8000-000000000005".to_owned(),
        referrals: vec![referral.name.clone()],
        operator: "clerk-1".to_owned(),
    };
    let first = rural.acknowledge_referrals(receipt.clone()).await?.into_inner();
    assert!(first.results[0].accepted, "{first:?}");
    let before = books(mesh).await?;
    assert_eq!(rural.acknowledge_referrals(receipt.clone()).await?.into_inner(), first);
    let other = AcknowledgeReferralsRequest { operator: "clerk-2".to_owned(), ..receipt };
    assert_eq!(reason(&rural.acknowledge_referrals(other).await.unwrap_err()), "REQUEST_ID_REUSED");
    unchanged(mesh, &before).await?;

    let record = FeedbackRecord {
        record_no: "FK-1".to_owned(),
        referral: referral.name,
        programme: referral.programme,
        decision: FeedbackDecision::Granted as i32,
        amount_fen: 50_000,
        handled_on: TODAY.to_owned(),
        ..FeedbackRecord::default()
    };
    let report = |request_id: &str, amount_fen| ReportFeedbackRequest {
        request_id: request_id.to_owned(),
        records: vec![FeedbackRecord { amount_fen, ..record.clone() }],
    };
    let id = "0b6f9a5e-0000-4000-8000-000000000006";
    let first = rural.report_feedback(report(id, 50_000)).await?.into_inner();
    assert!(first.results[0].accepted, "{first:?}");
    let before = books(mesh).await?;
    assert_eq!(rural.report_feedback(report(id, 50_000)).await?.into_inner(), first);
    assert_eq!(reason(&rural.report_feedback(report(id, 60_000)).await.unwrap_err()), "REQUEST_ID_REUSED");
    unchanged(mesh, &before).await?;
    // The bureau's own number is a second guard: another call with the same number and another sum is no correction.
    let other = rural.report_feedback(report("0b6f9a5e-0000-4000-8000-000000000007", 60_000)).await?.into_inner();
    assert!(!other.results[0].accepted, "{other:?}");
    Ok(())
}
