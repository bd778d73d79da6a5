//! Feedback's books as a source of rules: unknown until a month that is over was compared, then what differs.

use minqing_kit::client::request_for;
use minqing_proto::minqing::{
    feedback::v1::{BooksReconciled, MonthReconciled},
    monitoring::v1::GetHouseholdFactsRequest,
};
use rand::{Rng, SeedableRng};

use crate::{
    deeds::{hear, next_day, open, tell},
    town::{Town, household, household_name},
};

fn month_compared(town: &Town, month: &str) {
    let event = MonthReconciled { month: month.into(), reconciled_on: town.today().to_string() };
    tell(town, "feedback", &format!("months/{month}"), &event);
}

fn books(town: &Town, home: u128, month: &str, differences: i32) {
    let event = BooksReconciled {
        household: household_name(home),
        month: month.into(),
        differences,
        reconciled_on: town.today().to_string(),
    };
    tell(town, "feedback", &event.household, &event);
}

/// The day comes, and nobody is evaluated for it yet.
fn dawn(town: &Town, day: &str) {
    town.service.clock.set(format!("{day}T00:10:00+08:00").parse().unwrap());
}

/// What a household's fact is; none when unknown.
async fn difference(town: &Town, home: u128) -> Option<String> {
    let request = request_for(Some("audit"), None, GetHouseholdFactsRequest { household: household_name(home) });
    let facts = town.client("operator/city").get_household_facts(request).await.unwrap().into_inner().facts;
    let fact = facts.into_iter().find(|f| f.name == "reconciliation_difference").unwrap();
    fact.known.then_some(fact.value)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_differs_is_unknown_until_a_month_ended_that_was_compared() {
    let town = Town::start().await;
    town.tell([household(1, &[10]), household(2, &[20])]).await;
    assert_eq!(difference(&town, 1).await, None, "no month was compared");
    month_compared(&town, "2026-09");
    books(&town, 1, "2026-10", 1);
    hear(&town).await;
    assert_eq!(difference(&town, 1).await, None, "nobody was known at the end of September, and October is not over");
    assert!(open(&town, &["P12"]).await.is_empty());

    dawn(&town, "2026-11-01");
    month_compared(&town, "2026-10");
    hear(&town).await;
    assert_eq!(open(&town, &["P12"]).await, ["P12 h1"]);
    assert_eq!((difference(&town, 1).await, difference(&town, 2).await), (Some("1".into()), Some("0".into())));
    town.tell([household(3, &[30])]).await;
    assert_eq!(difference(&town, 3).await, None, "whose first month is not over");
    next_day(&town, "2026-11-02").await;
    assert_eq!(open(&town, &["P12"]).await, ["P12 h1"], "it stands until the books agree");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_difference_found_after_the_month_is_told_until_it_is_resolved_or_the_next_month_agrees() {
    let town = Town::start().await;
    town.tell((1..=3).map(|n| household(n, &[n * 10]))).await;
    dawn(&town, "2026-11-01");
    month_compared(&town, "2026-10");
    hear(&town).await;
    assert!(open(&town, &["P12"]).await.is_empty());
    for home in 1..=3 {
        books(&town, home, "2026-10", 1);
    }
    hear(&town).await;
    assert_eq!(open(&town, &["P12"]).await, ["P12 h1", "P12 h2", "P12 h3"]);
    books(&town, 1, "2026-10", 2);
    books(&town, 1, "2026-10", 0);
    hear(&town).await;
    assert_eq!(open(&town, &["P12"]).await, ["P12 h2", "P12 h3"]);

    dawn(&town, "2026-12-01");
    books(&town, 3, "2026-11", 1);
    month_compared(&town, "2026-11");
    hear(&town).await;
    assert_eq!(open(&town, &["P12"]).await, ["P12 h3"], "without a screening");
    assert_eq!(difference(&town, 2).await, Some("0".into()));
    books(&town, 3, "2026-10", 0);
    hear(&town).await;
    assert_eq!(open(&town, &["P12"]).await, ["P12 h3"], "an earlier month no longer counts");
}

#[tokio::test(flavor = "multi_thread")]
async fn months_and_households_come_to_the_same_in_any_order() {
    for seed in 0..4 {
        let town = Town::start().await;
        dawn(&town, "2026-09-20");
        town.tell((1..=2).map(|n| household(n, &[n * 10]))).await;
        dawn(&town, "2026-11-01");
        // Of one household and of one month everything comes in its order.
        let mut told: Vec<Vec<(u128, &str, i32)>> = vec![
            vec![(0, "2026-09", 0)],
            vec![(0, "2026-10", 0)],
            vec![(1, "2026-09", 1), (1, "2026-10", 2), (1, "2026-09", 0)],
            vec![(2, "2026-09", 1), (2, "2026-10", 1), (2, "2026-10", 0)],
            vec![(3, "2026-10", 1)],
        ];
        let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(seed);
        let known_late = rng.random_bool(0.5);
        if !known_late {
            dawn(&town, "2026-10-26");
            town.tell([household(3, &[30])]).await;
            dawn(&town, "2026-11-01");
        }
        while !told.is_empty() {
            let at = rng.random_range(0..told.len());
            match told[at].remove(0) {
                (0, month, _) => month_compared(&town, month),
                (home, month, differences) => books(&town, home, month, differences),
            }
            told.retain(|rest| !rest.is_empty());
            if rng.random_bool(0.7) {
                hear(&town).await;
            }
        }
        hear(&town).await;
        if known_late {
            dawn(&town, "2026-10-31");
            town.tell([household(3, &[30])]).await;
        }
        assert_eq!(open(&town, &["P12"]).await, ["P12 h1", "P12 h3"], "seed {seed}");
    }
}
