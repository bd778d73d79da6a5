//! Decisions of identification become class status, once.

use minqing_proto::minqing::{
    identification::v1::{ClassEnded, ClassGranted},
    types::v1::AssistanceClass,
};
use minqing_test_kit::TestService;
use uuid::Uuid;

use crate::collection::*;

fn granted(service: &TestService, decision: u128, amount_fen: i64, valid_from: &str) -> ClassGranted {
    ClassGranted {
        decision: format!("decisions/{}", Uuid::from_u128(decision)),
        household: household_name(service, 1),
        person_key: String::new(),
        assistance_class: AssistanceClass::MinimumLiving.into(),
        amount_fen,
        valid_from: valid_from.into(),
    }
}

async fn feed(service: &TestService, events: &[ClassGranted]) {
    for event in events {
        service.running.feed("identification", &event.household, event).unwrap();
    }
    service.running.consume_once().await.unwrap();
}

#[tokio::test]
async fn a_class_granted_twice_is_one_row_and_another_amount_begins_a_new_one() {
    let service = start().await;
    let mut row = household(1);
    row.classes.clear();
    import(&service, vec![row]).await;
    let name = household_name(&service, 1);
    let first = granted(&service, 1, 40_000, "2026-10-01");
    feed(&service, &[first.clone(), first.clone()]).await;
    feed(&service, &[first, granted(&service, 2, 40_000, "2026-10-20")]).await;
    let rows = "select count(*) from registry.class_status";
    assert_eq!(count(&service, rows).await, 1);

    feed(&service, &[granted(&service, 3, 55_000, "2026-10-20")]).await;
    assert_eq!(count(&service, rows).await, 2);
    let told = told(&service, &name).await;
    assert_eq!((told.classes.len(), told.classes[0].amount_fen), (1, 55_000));
    assert_eq!(told.classes[0].valid_from, "2026-10-20");
    let closed = "select count(*) from registry.class_status where valid_to = '2026-10-19'";
    assert_eq!(count(&service, closed).await, 1);
    assert_eq!(count(&service, "select count(*) from registry.chain_entry where kind = 'class_granted'").await, 3);
    service.running.stop().await.unwrap();
}

#[tokio::test]
async fn a_class_that_ends_later_is_told_of_on_its_day_and_collection_does_not_bring_it_back() {
    let service = start().await;
    import(&service, vec![household(1)]).await;
    let name = household_name(&service, 1);
    let ended = ClassEnded {
        decision: format!("decisions/{}", Uuid::from_u128(9)),
        household: name.clone(),
        person_key: String::new(),
        assistance_class: AssistanceClass::MinimumLiving.into(),
        valid_to: "2026-10-31".into(),
        reason: "收入超过标准".into(),
    };
    service.running.feed("identification", &name, &ended).unwrap();
    service.running.consume_once().await.unwrap();
    assert_eq!(told(&service, &name).await.classes.len(), 1);
    assert_eq!(service.running.reconcile_once("due_classes").await.unwrap().did, 0);

    service.clock.advance_days(6);
    let pass = service.running.reconcile_once("due_classes").await.unwrap();
    assert_eq!((pass.did, pass.caught_up), (1, true));
    assert_eq!(told(&service, &name).await.classes, vec![]);

    let mut changed = household(1);
    changed.house_count = 2;
    import(&service, vec![changed]).await;
    assert_eq!(told(&service, &name).await.classes, vec![]);
    service.running.stop().await.unwrap();
}

#[tokio::test]
async fn a_members_class_goes_with_the_member() {
    let service = start().await;
    let mut rows = vec![household(1), household(2)];
    rows.iter_mut().for_each(|r| r.classes.clear());
    import(&service, rows.clone()).await;
    let mut event = granted(&service, 1, 80_000, "2026-10-01");
    event.person_key = person_key(&service, 4).to_string();
    event.assistance_class = AssistanceClass::Destitute.into();
    feed(&service, &[event]).await;
    assert_eq!(told(&service, &household_name(&service, 1)).await.classes.len(), 1);

    let moved = rows[0].members.pop().unwrap();
    rows[1].members.push(moved);
    rows[1].members[2].relation = "70".into();
    import(&service, rows).await;
    assert_eq!(told(&service, &household_name(&service, 1)).await.classes, vec![]);
    assert_eq!(told(&service, &household_name(&service, 2)).await.classes.len(), 1);
    service.running.stop().await.unwrap();
}

#[tokio::test]
async fn a_decision_about_nobody_on_file_is_kept_in_the_chain_and_hurts_nothing() {
    let service = start().await;
    let mut event = granted(&service, 1, 1, "2026-10-01");
    event.household = format!("households/{}", Uuid::from_u128(77));
    feed(&service, &[event]).await;
    assert_eq!(count(&service, "select count(*) from registry.class_status").await, 0);
    assert_eq!(count(&service, "select count(*) from registry.dead_event").await, 0);
    assert_eq!(count(&service, "select count(*) from registry.chain_entry").await, 1);
    service.running.stop().await.unwrap();
}
