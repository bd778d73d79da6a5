//! Deliveries: leases, attempts, dead letters.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use futures::future::BoxFuture;
use minqing_kit::{
    db::Db,
    delivery::{Carrier, CarrierLoop, Deliveries, Delivery, MAX_ATTEMPTS, Outcome},
    operations::Operations,
    reconcile::Reconcilers,
};
use minqing_proto::minqing::mesh::v1::{ListDeadLettersRequest, RedriveDeadLetterRequest};
use tokio::task::JoinSet;

use crate::support::*;

const LEASE: Duration = Duration::from_secs(60);

async fn enqueue(db: &Db, subjects: &[&str]) {
    let subjects: Vec<String> = subjects.iter().map(|s| (*s).to_owned()).collect();
    let done = db.change(call(), move |work| {
        let subjects = subjects.clone();
        Box::pin(async move {
            for subject in &subjects {
                work.enqueue("letter", subject, subject.as_bytes().to_vec());
            }
            Ok(())
        })
    });
    done.await.unwrap();
}

async fn settle(db: &Db, subject: &'static str) -> bool {
    let deliveries = Deliveries::new(db.clone());
    let done = db.change(call(), move |work| {
        let deliveries = deliveries.clone();
        Box::pin(async move { deliveries.settle(work, "letter", subject).await })
    });
    done.await.unwrap()
}

async fn expire(db: &Db) {
    execute(db, "update delivery set lease_until = now() - interval '1 s' where state = 'leased'").await;
}

async fn make_due(db: &Db) {
    execute(db, "update delivery set next_at = now() - interval '1 s'").await;
}

async fn state(db: &Db) -> (String, i32, Option<String>) {
    let mut connection = db.acquire().await.unwrap();
    let sql = "select state, attempts, last_error from delivery";
    sqlx::query_as(sql).fetch_one(&mut *connection).await.unwrap()
}

fn operations(db: &Db) -> Operations {
    Operations::new("ledgers", db.clone(), Vec::new(), Reconcilers::default())
}

#[tokio::test]
async fn a_claim_leases_and_a_lease_that_ran_out_is_claimed_again_until_attempts_are_used_up() {
    let (_test, db) = service("ledgers").await;
    enqueue(&db, &["a", "a"]).await;
    enqueue(&db, &["a"]).await;
    let deliveries = Deliveries::new(db.clone());
    assert!(deliveries.claim("parcel", 10, LEASE).await.unwrap().is_empty());
    for attempt in 1..=MAX_ATTEMPTS {
        let claimed = deliveries.claim("letter", 10, LEASE).await.unwrap();
        assert_eq!(claimed.len(), 1);
        assert_eq!((claimed[0].attempt, claimed[0].subject.as_str()), (attempt, "a"));
        assert_eq!(claimed[0].payload, b"a");
        assert!(deliveries.claim("letter", 10, LEASE).await.unwrap().is_empty(), "claimed under a lease");
        expire(&db).await;
    }
    assert!(deliveries.claim("letter", 10, LEASE).await.unwrap().is_empty());
    assert_eq!(state(&db).await, ("dead".into(), MAX_ATTEMPTS, Some("no answer within the lease".into())));

    let operations = operations(&db);
    let dead = operations.dead_letters(&ListDeadLettersRequest::default()).await.unwrap().dead_letters;
    let redrive =
        RedriveDeadLetterRequest { request_id: new_id().to_string(), delivery_id: dead[0].delivery_id.clone() };
    operations.redrive(call(), &redrive).await.unwrap();
    operations.redrive(call(), &redrive).await.unwrap();
    assert_eq!(deliveries.claim("letter", 10, LEASE).await.unwrap()[0].attempt, 1);
    let again = RedriveDeadLetterRequest { request_id: new_id().to_string(), ..redrive };
    assert_eq!(operations.redrive(call(), &again).await.unwrap_err().reason(), "NO_DEAD_LETTER");
}

#[tokio::test]
async fn an_answer_settles_whatever_became_of_the_lease_and_only_once() {
    let (_test, db) = service("ledgers").await;
    enqueue(&db, &["a"]).await;
    let deliveries = Deliveries::new(db.clone());
    let claimed = deliveries.claim("letter", 10, LEASE).await.unwrap();
    expire(&db).await;
    assert!(settle(&db, "a").await);
    assert!(!settle(&db, "a").await);
    assert!(!settle(&db, "b").await);
    deliveries.fail(claimed[0].id, "too late").await.unwrap();
    assert_eq!(state(&db).await, ("done".into(), 1, None));
    enqueue(&db, &["a"]).await;
    assert_eq!(state(&db).await.0, "done");
}

#[tokio::test]
async fn a_failed_attempt_waits_and_the_last_one_is_a_dead_letter() {
    let (_test, db) = service("ledgers").await;
    enqueue(&db, &["a"]).await;
    let deliveries = Deliveries::new(db.clone());
    for attempt in 1..=MAX_ATTEMPTS {
        let claimed = deliveries.claim("letter", 10, LEASE).await.unwrap();
        deliveries.fail(claimed[0].id, "the office is closed").await.unwrap();
        let expected = if attempt == MAX_ATTEMPTS { "dead" } else { "pending" };
        assert_eq!(state(&db).await, (expected.into(), attempt, Some("the office is closed".into())));
        assert!(deliveries.claim("letter", 10, LEASE).await.unwrap().is_empty(), "claimed before its time");
        make_due(&db).await;
    }
}

#[tokio::test]
async fn two_who_claim_at_once_never_get_the_same_delivery() {
    let (_test, db) = service("ledgers").await;
    let subjects: Vec<String> = (0..100).map(|i| format!("s{i:03}")).collect();
    enqueue(&db, &subjects.iter().map(String::as_str).collect::<Vec<_>>()).await;
    let mut claimers = JoinSet::new();
    for _ in 0..8 {
        let deliveries = Deliveries::new(db.clone());
        claimers.spawn(async move { deliveries.claim("letter", 20, LEASE).await.unwrap() });
    }
    let mut claimed: Vec<String> = claimers.join_all().await.into_iter().flatten().map(|d| d.subject).collect();
    let more = Deliveries::new(db.clone()).claim("letter", 100, LEASE).await.unwrap();
    claimed.extend(more.into_iter().map(|d| d.subject));
    claimed.sort();
    assert_eq!(claimed, subjects);
}

/// Does as told, once per subject.
struct Post {
    db: Db,
    carried: Mutex<Vec<(String, i32)>>,
}

impl Carrier for Post {
    fn kind(&self) -> &'static str {
        "letter"
    }

    fn deliver<'a>(&'a self, delivery: &'a Delivery) -> BoxFuture<'a, Outcome> {
        self.carried.lock().unwrap().push((delivery.subject.clone(), delivery.attempt));
        Box::pin(async move {
            match delivery.subject.as_str() {
                "wrong" => Outcome::Dead { reason: "no such address".into() },
                "later" => Outcome::Retry { after: Duration::from_secs(3600), reason: "closed".into() },
                "overtaken" => {
                    // The lease runs out, another instance claims and settles, and only then this one is back.
                    expire(&self.db).await;
                    Deliveries::new(self.db.clone()).claim("letter", 1, LEASE).await.unwrap();
                    Outcome::Dead { reason: "a late verdict".into() }
                }
                _ => Outcome::Done,
            }
        })
    }
}

async fn carry(subject: &str) -> (Db, (String, i32, Option<String>)) {
    let (_test, db) = service("ledgers").await;
    enqueue(&db, &[subject]).await;
    let post = Arc::new(Post { db: db.clone(), carried: Mutex::default() });
    let carrier = CarrierLoop::new(db.clone(), Arc::clone(&post) as Arc<dyn Carrier>);
    assert_eq!(carrier.run_once().await.unwrap(), 1);
    assert_eq!(carrier.run_once().await.unwrap(), 0);
    assert_eq!(*post.carried.lock().unwrap(), [(subject.to_owned(), 1)]);
    let state = state(&db).await;
    (db, state)
}

#[tokio::test]
async fn a_carriers_outcome_is_noted() {
    assert_eq!(carry("right").await.1, ("done".into(), 1, None));
    assert_eq!(carry("wrong").await.1, ("dead".into(), 1, Some("no such address".into())));
    let (db, state) = carry("later").await;
    assert_eq!(state, ("pending".into(), 1, Some("closed".into())));
    let minutes = "select (extract(epoch from next_at - now()) / 60)::bigint from delivery";
    let wait = count(&db, minutes).await;
    assert!((45..=75).contains(&wait), "waits {wait} min");
}

#[tokio::test]
async fn a_carrier_that_lost_its_lease_settles_nothing() {
    assert_eq!(carry("overtaken").await.1, ("leased".into(), 2, None));
}

#[tokio::test]
async fn a_running_carrier_is_woken_by_what_is_enqueued() {
    let (_test, db) = service("ledgers").await;
    let post = Arc::new(Post { db: db.clone(), carried: Mutex::default() });
    let stop = tokio_util::sync::CancellationToken::new();
    let carrier = CarrierLoop::new(db.clone(), Arc::clone(&post) as Arc<dyn Carrier>);
    let running = tokio::task::JoinSet::from_iter([carrier.run(stop.clone())]);
    let mut quickest = Duration::MAX;
    for n in 1..=8 {
        let began = std::time::Instant::now();
        enqueue(&db, &[&format!("right {n}")]).await;
        until("the delivery", || async { post.carried.lock().unwrap().len() == n }).await;
        quickest = quickest.min(began.elapsed());
    }
    // The timer alone takes up to a second.
    assert!(quickest < Duration::from_millis(300), "a delivery waited {quickest:?}");
    stop.cancel();
    running.join_all().await;
}
