//! Cases open once, and what they say does not depend on the order of what was told.

use minqing_proto::minqing::{
    dispatch::v1::Verdict,
    identification::v1::{Case, CaseKind, CaseState},
    types::v1::{AssistanceClass, Truth},
};

use crate::story::*;

/// Without what differs between two runs: id and version.
fn essence(mut case: Case) -> Case {
    case.name.clear();
    case.etag.clear();
    case
}

#[tokio::test]
async fn a_verified_work_order_opens_a_case_assessed_from_the_stored_facts() {
    let service = start().await;
    tell(
        &service,
        [Told::Roster(roster(1, vec![])), Told::Facts(facts(1, Some(true))), Told::Verified(verified(1, 100, false))],
    )
    .await;
    let case = only_case(&service).await;
    assert_eq!((case.kind(), case.state()), (CaseKind::Recognition, CaseState::Open));
    assert_eq!((case.opened_on.as_str(), case.division_code.as_str()), ("2026-10-26", VILLAGE));
    assert_eq!(case.candidate_classes, [i32::from(AssistanceClass::MinimumLiving)]);
    let assessment = case.assessment.unwrap();
    assert!(assessment.pack.starts_with("longnan@"));
    let whole = assessment.classes.iter().find(|c| c.route == "DB-01").unwrap();
    assert_eq!(whole.eligible(), Truth::True);
    assert!(whole.amount_fen > 0 && whole.missing.is_empty());
    assert!(
        whole.conditions.iter().all(|c| c.value() == Truth::True && !c.title.is_empty() && !c.expression.is_empty())
    );
    assert!(whole.citation.contains("社会救助法"));
    let income = whole.facts.iter().find(|f| f.name == "declared_income").unwrap();
    assert_eq!((income.value.as_str(), income.as_of.as_str(), income.known), ("600000", "2026-10-20", true));
    assert_eq!(income.r#type, "money");
    assert!(whole.parameters.iter().any(|p| p.name == "minimum_living_standard" && !p.document.is_empty()));

    // Unknown stays unknown, and the feed it waits for is named.
    let return_to_poverty = assessment.classes.iter().find(|c| c.route == "FP-01").unwrap();
    assert_eq!(return_to_poverty.eligible(), Truth::Unknown);
    assert_eq!(return_to_poverty.missing, ["rural.monitored_household"]);
    assert_eq!(count(&service, "select count(*) from identification.outbox").await, 1);
    service.running.stop().await.unwrap();
}

#[tokio::test]
async fn the_outcome_is_the_same_in_whichever_order_the_three_streams_arrive() {
    let events = || {
        [
            Told::Roster(roster(1, vec![low_income("")])),
            Told::Facts(facts(1, Some(false))),
            Told::Verified(verified(1, 100, true)),
        ]
    };
    let orders = [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]];
    let mut outcomes = Vec::new();
    for order in orders {
        let service = start().await;
        let mut left: Vec<Option<Told>> = events().into_iter().map(Some).collect();
        tell(&service, order.map(|i| left[i].take().unwrap())).await;
        outcomes.push(essence(only_case(&service).await));
        service.running.stop().await.unwrap();
    }
    assert_eq!(outcomes[0].unmet_classes, [i32::from(AssistanceClass::MinimumLiving)]);
    assert!(!outcomes[0].assessment.as_ref().unwrap().classes.is_empty());
    for other in &outcomes[1..] {
        assert_eq!(*other, outcomes[0]);
    }
}

#[tokio::test]
async fn a_work_order_opens_at_most_one_case_of_a_kind_and_a_further_one_joins_it() {
    let service = start().await;
    let mut both = verified(1, 100, true);
    both.candidate_classes = vec![AssistanceClass::Edge.into()];
    tell(&service, [Told::Verified(both.clone()), Told::Verified(both)]).await;
    let mut later = verified(1, 101, false);
    later.verified_on = "2026-10-27".into();
    tell(&service, [Told::Verified(later)]).await;
    let cases = list(&service, COUNTY, CaseState::Open).await;
    assert_eq!(cases.len(), 2);
    let recognition = cases.iter().find(|c| c.kind() == CaseKind::Recognition).unwrap();
    assert_eq!(recognition.candidate_classes.len(), 2);
    assert_eq!(recognition.opened_on, "2026-10-26");
    assert_eq!(count(&service, "select count(*) from identification.outbox").await, 2);
    service.running.stop().await.unwrap();
}

#[tokio::test]
async fn an_untrue_warning_and_a_feed_open_nothing() {
    let service = start().await;
    let mut untrue = verified(1, 100, true);
    untrue.verdict = Verdict::NotTrue.into();
    let mut feed = verified(1, 101, true);
    feed.household = String::new();
    let mut nothing = verified(1, 102, false);
    nothing.candidate_classes.clear();
    tell(&service, [Told::Verified(untrue), Told::Verified(feed), Told::Verified(nothing)]).await;
    assert_eq!(list(&service, COUNTY, CaseState::Unspecified).await, vec![]);
    service.running.stop().await.unwrap();
}

#[tokio::test]
async fn newer_facts_assess_an_open_case_anew_and_older_ones_do_not() {
    let service = start().await;
    tell(&service, [Told::Verified(verified(1, 100, false)), Told::Roster(roster(1, vec![]))]).await;
    let before = only_case(&service).await.assessment.unwrap();
    assert!(!before.classes.is_empty());
    assert!(before.classes.iter().all(|c| c.eligible() == Truth::Unknown), "nothing is known, so nothing is denied");

    tell(&service, [Told::Facts(facts(1, Some(true)))]).await;
    let route =
        |case: &Case| case.assessment.as_ref().unwrap().classes.iter().find(|c| c.route == "DB-01").unwrap().eligible();
    assert_eq!(route(&only_case(&service).await), Truth::True);
    tell(&service, [Told::Facts(facts(1, Some(false)))]).await;
    let now = only_case(&service).await;
    assert_eq!(route(&now), Truth::False);
    // The counter of the second event is put back behind the first's: a late arrival.
    let mut admin = service.db.admin().await.unwrap();
    sqlx::query("update identification.household_fact set sequence = 1000").execute(&mut admin).await.unwrap();
    tell(&service, [Told::Facts(facts(1, Some(true)))]).await;
    assert_eq!(only_case(&service).await, now);
    service.running.stop().await.unwrap();
}

#[tokio::test]
async fn a_class_no_longer_met_is_shown_with_the_recheck() {
    let service = start().await;
    let mut clear = facts(1, Some(false));
    for person in &mut clear.persons {
        person.facts.iter_mut().for_each(|f| f.known = true);
        person.facts[2].value = "true".into();
    }
    tell(
        &service,
        [Told::Roster(roster(1, vec![low_income("")])), Told::Facts(clear), Told::Verified(verified(1, 100, true))],
    )
    .await;
    let listed = list(&service, COUNTY, CaseState::Open).await;
    let case = only_case(&service).await;
    let routes = &case.assessment.as_ref().unwrap().classes;
    let low: Vec<_> = routes
        .iter()
        .filter(|c| c.assistance_class() == AssistanceClass::MinimumLiving)
        .map(|c| (c.route.as_str(), c.eligible()))
        .collect();
    assert!(low.iter().all(|(_, eligible)| *eligible == Truth::False), "{low:?}");
    assert_eq!(listed[0].unmet_classes, [i32::from(AssistanceClass::MinimumLiving)]);
    assert_eq!(listed[0].assessment, None);
    // Nothing has ended by itself.
    assert_eq!(count(&service, "select count(*) from identification.outbox where type like '%Class%'").await, 0);
    service.running.stop().await.unwrap();
}

#[tokio::test]
async fn open_cases_are_assessed_anew_with_a_new_pack() {
    let service = start().await;
    tell(&service, [Told::Facts(facts(1, Some(true))), Told::Verified(verified(1, 100, false))]).await;
    assert_eq!(service.running.reconcile_once("new_pack").await.unwrap().did, 0);
    let mut admin = service.db.admin().await.unwrap();
    sqlx::query("update identification.assessment set pack = 'longnan@2025.01', body = ''")
        .execute(&mut admin)
        .await
        .unwrap();
    let pass = service.running.reconcile_once("new_pack").await.unwrap();
    assert_eq!((pass.did, pass.caught_up), (1, true));
    assert!(!only_case(&service).await.assessment.unwrap().classes.is_empty());
    service.running.stop().await.unwrap();
}
