//! What operators are told.

use std::collections::BTreeSet;

use minqing_kit::{events::Relay, operations::Operations, reconcile::Reconcilers};
use minqing_proto::minqing::mesh::v1::{GetOutcomeRequest, ListDeadLettersRequest, RedriveDeadLetterResponse};
use minqing_test_kit::TestDb;
use prost::Message as _;

use crate::support::*;

#[tokio::test]
async fn the_backlog_tells_what_is_still_on_its_way() {
    let test = TestDb::new("ledgers").await.unwrap();
    let db = test.open(&MIGRATIONS, fixed_clock("2026-11-23T16:00:00Z")).await.unwrap();
    let operations = Operations::new("ledgers", db.clone(), Vec::new(), Reconcilers::default());
    produce(&db, &["a", "b"]).await;
    let backlog = operations.backlog().await.unwrap();
    assert_eq!((backlog.unnumbered_events, backlog.head_position), (2, 0));
    assert_eq!(backlog.business_date, "2026-11-24");
    Relay::new(db.clone(), "ledgers", None).run_once().await.unwrap();
    let fill = "insert into delivery (id, kind, subject, payload, state, lease_until, dead_at) values \
        (gen_random_uuid(), 'k', '1', '', 'pending', null, null), (gen_random_uuid(), 'k', '2', '', 'leased', now(), null), \
        (gen_random_uuid(), 'k', '3', '', 'done', null, null), (gen_random_uuid(), 'k', '4', '', 'dead', null, now())";
    execute(&db, fill).await;
    let backlog = operations.backlog().await.unwrap();
    assert_eq!((backlog.unnumbered_events, backlog.head_position), (0, 2));
    assert_eq!((backlog.pending_deliveries, backlog.dead_letters), (2, 1));
}

#[tokio::test]
async fn a_caller_learns_the_outcome_of_its_own_calls_only() {
    let (_test, db) = service("ledgers").await;
    let operations = Operations::new("ledgers", db.clone(), Vec::new(), Reconcilers::default());
    let id = new_id();
    let ask = GetOutcomeRequest { method: METHOD.to_owned(), request_id: id.to_string() };
    assert!(!operations.outcome(call(), &ask).await.unwrap().found);
    let answer = db.mutate(call(), &write(id, "a"), enter("a")).await.unwrap();
    let outcome = operations.outcome(call(), &ask).await.unwrap();
    assert!(outcome.found && !outcome.completed_time.is_empty());
    assert_eq!(RedriveDeadLetterResponse::decode(outcome.response.as_slice()).unwrap(), answer);
    assert!(!operations.outcome(&call_of("service/dispatch"), &ask).await.unwrap().found);
}

#[tokio::test]
async fn dead_letters_of_both_kinds_are_listed_by_pages_newest_first() {
    let (_test, db) = service("ledgers").await;
    let operations = Operations::new("ledgers", db.clone(), Vec::new(), Reconcilers::default());
    let fill = "insert into delivery (id, kind, subject, payload, state, dead_at) \
        select gen_random_uuid(), 'k', n::text, '', 'dead', now() - n / 3 * interval '1 h' from generate_series(1, 20) n";
    execute(&db, fill).await;
    let events = "insert into dead_event (id, producer, position, event, attempts, last_error, dead_at) \
        select gen_random_uuid(), 'p', n, '', 5, 'x', now() - n * interval '1 h' from generate_series(1, 9) n";
    execute(&db, events).await;
    let mut seen = BTreeSet::new();
    let mut times = Vec::new();
    let mut token = String::new();
    loop {
        let request = ListDeadLettersRequest { page_size: 4, page_token: token };
        let page = operations.dead_letters(&request).await.unwrap();
        for letter in page.dead_letters {
            assert!(seen.insert(letter.delivery_id));
            times.push(letter.dead_time);
        }
        token = page.next_page_token;
        if token.is_empty() {
            break;
        }
    }
    assert_eq!(seen.len(), 29);
    assert!(times.is_sorted_by(|a, b| a >= b));
}
