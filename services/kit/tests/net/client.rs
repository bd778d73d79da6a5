//! Deadlines, attempts and budgets of a Peer.

use std::{
    sync::atomic::Ordering,
    time::{Duration, Instant},
};

use minqing_kit::{client::Peer, metrics::Metrics, tls::dev::Ca};
use tonic::Code;

use crate::fixture::{Log, Mesh, client, read, within};

#[tokio::test]
async fn a_peer_that_is_away_for_a_moment_is_asked_again() {
    let log = Log::default();
    log.away.store(2, Ordering::SeqCst);
    let mesh = Mesh::start(log.clone()).await;
    mesh.client("service/dispatch").read_events(read("")).await.unwrap();
    assert_eq!(log.calls.load(Ordering::SeqCst), 3);
}

#[tokio::test]
async fn a_peer_that_stays_away_is_asked_three_times_and_then_within_the_budget() {
    let log = Log::default();
    log.away.store(usize::MAX, Ordering::SeqCst);
    let mesh = Mesh::start(log.clone()).await;
    let mut client = mesh.client("service/dispatch");
    assert_eq!(client.read_events(read("")).await.unwrap_err().code(), Code::Unavailable);
    assert_eq!(log.calls.load(Ordering::SeqCst), 3);
    for _ in 0..99 {
        client.read_events(read("")).await.unwrap_err();
    }
    let attempts = log.calls.load(Ordering::SeqCst);
    assert!((110..=121).contains(&attempts), "{attempts} attempts for 100 calls");
}

#[tokio::test]
async fn another_refusal_is_not_asked_again() {
    let log = Log::default();
    let mesh = Mesh::start(log.clone()).await;
    mesh.client("service/dispatch").read_events(read("refuse")).await.unwrap_err();
    assert_eq!(log.calls.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn nobody_at_the_address_is_unavailable_and_told_soon() {
    let identity = Ca::new("test CA").unwrap().issue("service/dispatch", &[]).unwrap();
    let peer = Peer::connect("monitoring", "https://127.0.0.1:9", &identity, Metrics::new()).unwrap();
    let started = Instant::now();
    let status = client(peer).read_events(read("")).await.unwrap_err();
    assert_eq!(status.code(), Code::Unavailable);
    assert!(started.elapsed() < Duration::from_secs(3));
}

#[tokio::test]
async fn a_call_made_while_answering_has_no_more_time_than_is_left() {
    let inner = Mesh::start(Log::default()).await;
    let log = Log { other: Some(inner.peer("service/monitoring")), ..Log::default() };
    let outer = Mesh::start(log).await;
    let request = within(read("ask"), Duration::from_millis(600));
    let answer = outer.client("service/dispatch").read_events(request).await.unwrap().into_inner();
    assert_eq!(answer.head_position, Code::DeadlineExceeded as i64);
    assert!((300..600).contains(&answer.through_position), "waited {} ms", answer.through_position);
}

#[tokio::test]
async fn a_request_too_large_to_be_sent_again_is_refused_here() {
    let log = Log::default();
    let mesh = Mesh::start(log.clone()).await;
    let status = mesh.client("service/dispatch").read_events(read(&"x".repeat(5 << 20))).await.unwrap_err();
    assert_eq!(minqing_kit::Error::from(status).reason(), "REQUEST_TOO_LARGE");
    assert_eq!(log.calls.load(Ordering::SeqCst), 0);
}

#[test]
fn an_address_that_is_no_url_is_named() {
    let identity = Ca::new("test CA").unwrap().issue("service/dispatch", &[]).unwrap();
    let Err(error) = Peer::connect("registry", "not a url", &identity, Metrics::new()) else { panic!("taken") };
    assert!(format!("{error:#}").contains("MINQING_PEERS"), "{error:#}");
}
