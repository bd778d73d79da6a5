//! The city's own worked examples, and that every rule has one that qualifies and one that does not.

use super::town::pack;

#[test]
fn every_worked_example_of_the_city_holds() {
    let worked = pack().work_examples();
    let failed: Vec<String> = worked
        .iter()
        .filter_map(|one| Some(format!("{} ({}): {}", one.example, one.rule, one.failure.as_ref()?.0)))
        .collect();
    assert!(failed.is_empty(), "{}", failed.join("\n"));
    assert!(worked.len() >= 250, "{} examples", worked.len());
}

#[test]
fn every_rule_is_tried_both_ways() {
    assert_eq!(pack().untried(), Vec::<(String, &str)>::new());
}

#[test]
fn the_law_is_there_in_full_and_cited() {
    let summary = pack().summary();
    assert_eq!((summary.classes, summary.indicators, summary.without_citation), (8, 132, 0));
    assert!(summary.programmes >= 48);
    assert!(summary.unconfirmed.iter().any(|one| one.name == "minimum_living_standard"), "placeholders are named");
}
