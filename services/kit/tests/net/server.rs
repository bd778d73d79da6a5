//! Who may call what, until when, and what the caller is told.

use std::time::{Duration, Instant};

use minqing_kit::{Error, Kind, metrics::Metrics, server::Limits, tls::dev::Ca};
use minqing_proto::{DESCRIPTOR_POOL, minqing::mesh::v1::event_log_service_client::EventLogServiceClient};
use tonic::{Code, Request};
use tonic_types::StatusExt;

use crate::fixture::{Log, Mesh, READ_EVENTS, client, raw, read, until, within};

#[tokio::test]
async fn a_caller_the_contract_names_is_answered_and_seen_by_its_certificate() {
    let mesh = Mesh::start(Log::default()).await;
    let answer = mesh.client("service/dispatch").read_events(read("")).await.unwrap().into_inner();
    assert_eq!(answer.head_position, "service/dispatch".len() as i64);
}

#[tokio::test]
async fn another_kind_of_caller_is_denied() {
    let mesh = Mesh::start(Log::default()).await;
    let refusal = Error::from(mesh.client("bureau/education").read_events(read("")).await.unwrap_err());
    assert_eq!((refusal.kind(), refusal.reason()), (Kind::Forbidden, "METHOD_NOT_ALLOWED"));
}

#[tokio::test]
async fn a_peer_without_certificate_or_with_one_of_another_ca_is_refused() {
    let mesh = Mesh::start(Log::default()).await;
    let foreign = Ca::new("other CA").unwrap().issue("service/dispatch", &[]).unwrap();
    let foreign = minqing_kit::tls::Identity { ca: mesh.ca.pem().to_owned(), ..foreign };
    let peer = minqing_kit::client::Peer::connect("monitoring", &mesh.url(), &foreign, Metrics::new()).unwrap();
    assert_eq!(client(peer).read_events(read("")).await.unwrap_err().code(), Code::Unavailable);

    let tls = tonic::transport::ClientTlsConfig::new()
        .ca_certificate(tonic::transport::Certificate::from_pem(mesh.ca.pem()))
        .domain_name("monitoring");
    let channel = tonic::transport::Endpoint::from_shared(mesh.url()).unwrap().tls_config(tls).unwrap().connect_lazy();
    let mut bare = EventLogServiceClient::new(channel);
    bare.read_events(read("")).await.unwrap_err();

    let plain = tonic::transport::Endpoint::from_shared(format!("http://{}", mesh.addr)).unwrap().connect_lazy();
    let mut plain = EventLogServiceClient::new(plain);
    plain.read_events(read("")).await.unwrap_err();
    until("refusals are counted", || mesh.metrics.text().contains("connections_refused_total{reason=\"handshake\"}"))
        .await;
}

#[tokio::test]
async fn a_server_with_another_name_is_not_trusted() {
    let mesh = Mesh::start(Log::default()).await;
    let identity = mesh.identity("service/dispatch");
    let peer = minqing_kit::client::Peer::connect("registry", &mesh.url(), &identity, Metrics::new()).unwrap();
    assert_eq!(client(peer).read_events(read("")).await.unwrap_err().code(), Code::Unavailable);
}

#[tokio::test]
async fn a_method_without_a_rule_is_denied_to_everybody() {
    let mesh = Mesh::start(Log::default()).await;
    let peer = mesh.peer("operator/admin");
    for path in ["/grpc.health.v1.Health/Check", "/minqing.mesh.v1.EventLogService/Nothing", "/x"] {
        assert_eq!(raw(&peer, path, &[]).await.code(), Code::PermissionDenied, "{path}");
    }
}

#[tokio::test]
async fn a_method_of_another_service_is_unimplemented_here() {
    let mesh = Mesh::start(Log::default()).await;
    let status = raw(&mesh.peer("operator/city"), "/minqing.mesh.v1.OperationsService/GetBacklog", &[]).await;
    assert_eq!(status.code(), Code::Unimplemented);
}

/// Some method that asks for a purpose, with a caller and a purpose it takes.
fn purposeful() -> (String, String, String) {
    let mut all = DESCRIPTOR_POOL.services().flat_map(|s| s.methods().collect::<Vec<_>>());
    all.find_map(|m| {
        let path = format!("/{}/{}", m.parent_service().full_name(), m.name());
        let access = &minqing_kit::server::rule(&path)?.access;
        let caller = access.callers.iter().find(|c| *c != "bureau/self")?.replace('*', "tester");
        Some((path, caller, access.purposes.first()?.clone()))
    })
    .unwrap()
}

#[tokio::test]
async fn a_method_of_personal_data_asks_for_a_purpose_it_allows() {
    let mesh = Mesh::start(Log::default()).await;
    let (path, caller, purpose) = purposeful();
    let peer = mesh.peer(&caller);
    let missing = Error::from(raw(&peer, &path, &[]).await);
    assert_eq!((missing.kind(), missing.reason()), (Kind::Invalid, "PURPOSE_REQUIRED"));
    let wrong = Error::from(raw(&peer, &path, &[("minqing-purpose", "curiosity")]).await);
    assert_eq!((wrong.kind(), wrong.reason()), (Kind::Forbidden, "PURPOSE_NOT_ALLOWED"));
    let right = raw(&peer, &path, &[("minqing-purpose", &purpose)]).await;
    assert_eq!(right.code(), Code::Unimplemented, "{path} passes the guard");
}

#[tokio::test]
async fn only_the_gateway_speaks_on_behalf_of_another() {
    let mesh = Mesh::start(Log::default()).await;
    let on_behalf = [("minqing-on-behalf", "bureau/education")];
    let gateway = raw(&mesh.peer("service/gateway"), READ_EVENTS, &on_behalf).await;
    assert_eq!(Error::from(gateway).reason(), "METHOD_NOT_ALLOWED", "the bureau's rights count, not the gateway's");
    let other = raw(&mesh.peer("service/dispatch"), READ_EVENTS, &on_behalf).await;
    assert_eq!(Error::from(other).reason(), "ON_BEHALF_NOT_ALLOWED");
}

#[tokio::test]
async fn a_refusal_keeps_reason_fields_and_chinese_text_over_the_wire() {
    let mesh = Mesh::start(Log::default()).await;
    let error = Error::from(mesh.client("service/dispatch").read_events(read("refuse")).await.unwrap_err());
    assert_eq!((error.kind(), error.reason()), (Kind::FailedState, "ALREADY_CLOSED"));
    assert_eq!((error.message(), error.message_zh()), ("the case is closed", "个案已结案"));
    assert_eq!(error.fields(), [("case".to_owned(), "is closed".to_owned())]);
}

#[tokio::test]
async fn a_panic_is_answered_as_internal_and_the_service_lives_on() {
    let mesh = Mesh::start(Log::default()).await;
    let mut client = mesh.client("service/dispatch");
    let status = client.read_events(read("panic")).await.unwrap_err();
    assert_eq!((status.code(), status.message()), (Code::Internal, "internal error"));
    client.read_events(read("")).await.unwrap();
}

#[tokio::test]
async fn a_hanging_handler_ends_at_the_callers_deadline() {
    let mesh = Mesh::start(Log::default()).await;
    let started = Instant::now();
    let status = mesh
        .client("service/dispatch")
        .read_events(within(read("hang"), Duration::from_millis(200)))
        .await
        .unwrap_err();
    assert_eq!(status.code(), Code::DeadlineExceeded);
    assert!(started.elapsed() < Duration::from_secs(2));
    let counted = format!("rpc_served_total{{method=\"{READ_EVENTS}\",code=");
    until("the call is counted", || mesh.metrics.text().contains(&counted)).await;
    until("nothing is left in flight", || mesh.metrics.text().contains("minqing_rpc_in_flight 0")).await;
}

#[tokio::test]
async fn a_call_without_a_deadline_gets_the_servers() {
    let limits = Limits { deadline: Duration::from_millis(200), ..Limits::default() };
    let mesh = Mesh::with(Log::default(), limits).await;
    // A Peer always names a deadline, a foreign client may not.
    let tls = mesh.identity("service/dispatch").client_config("monitoring");
    let channel = tonic::transport::Endpoint::from_shared(mesh.url()).unwrap().tls_config(tls).unwrap().connect_lazy();
    let started = Instant::now();
    let status = EventLogServiceClient::new(channel).read_events(read("hang")).await.unwrap_err();
    assert_eq!(status.code(), Code::DeadlineExceeded);
    assert!(started.elapsed() < Duration::from_secs(2));
}

#[tokio::test]
async fn a_call_beyond_the_bound_is_shed_with_a_time_to_come_again() {
    for limits in [Limits { calls: 1, ..Limits::default() }, Limits { calls_per_connection: 1, ..Limits::default() }] {
        let log = Log::default();
        let mesh = Mesh::with(log.clone(), limits).await;
        let mut client = mesh.client("service/dispatch");
        let mut first = client.clone();
        let holding = tokio::task::JoinSet::from_iter([async move { first.read_events(read("hang")).await.map(drop) }]);
        until("the first call holds the place", || log.calls.load(std::sync::atomic::Ordering::SeqCst) == 1).await;
        let status = client.read_events(read("")).await.unwrap_err();
        assert_eq!(status.code(), Code::ResourceExhausted);
        assert!(status.get_error_details().retry_info().unwrap().retry_delay.is_some());
        drop(holding);
        until("the place is free again", || mesh.metrics.text().contains("minqing_rpc_in_flight 0")).await;
        client.read_events(read("")).await.unwrap();
    }
}

#[tokio::test]
async fn an_answer_larger_than_a_message_is_not_sent() {
    let mesh = Mesh::start(Log::default()).await;
    let status = mesh.client("service/dispatch").read_events(read("large")).await.unwrap_err();
    assert_eq!(Error::from(status).reason(), "ANSWER_TOO_LARGE");
}

#[tokio::test]
async fn malformed_context_is_refused() {
    let mesh = Mesh::start(Log::default()).await;
    let mut request = Request::new(read(""));
    let long = "x".repeat(201);
    request.metadata_mut().insert("minqing-case", long.parse().unwrap());
    let status = mesh.client("service/dispatch").read_events(request).await.unwrap_err();
    assert_eq!(Error::from(status).reason(), "CONTEXT_MALFORMED");
}

#[tokio::test]
async fn at_the_end_running_calls_are_finished_and_new_ones_refused() {
    let log = Log::default();
    let mesh = Mesh::with(log.clone(), Limits::default()).await;
    let mut client = mesh.client("service/dispatch");
    let mut running = client.clone();
    let mut call = tokio::task::JoinSet::from_iter([async move {
        running.read_events(within(read("hang"), Duration::from_millis(400))).await
    }]);
    until("the call runs", || log.calls.load(std::sync::atomic::Ordering::SeqCst) == 1).await;
    mesh.lifecycle.stop(Duration::from_secs(5)).await.unwrap();
    let ended = call.join_next().await.unwrap().unwrap().unwrap_err();
    assert_eq!(ended.code(), Code::DeadlineExceeded, "not cut off: {ended:?}");
    assert_eq!(client.read_events(read("")).await.unwrap_err().code(), Code::Unavailable);
}
