//! What would turn an outcome, in the household's own figures.

use std::collections::BTreeMap;

use minqing_policy::{Area, Known};
use minqing_proto::minqing::types::v1::NearestChange;

use super::town::{COUNTY, pack, today};

/// A rural couple with a child: 585 yuan × 3 × 12 = 21,060 yuan is the line of minimum living, edge at 31,590.
fn couple(income: &str) -> Known {
    let text = |value: &str| Some(value.to_owned());
    let facts = [
        ("declared_income", income),
        ("financial_assets", "0"),
        ("houses", "1"),
        ("private_car", "false"),
        ("household_minimum_living", "false"),
        ("household_destitute", "false"),
        ("household_edge", "false"),
        ("any_aided", "false"),
        ("rural", "true"),
    ];
    let member = |key: &str, age: &str| {
        let facts = [("age", age), ("severe_disability", "false"), ("disability_without_labour", "false")];
        (key.to_owned(), facts.into_iter().map(|(name, value)| (name.to_owned(), text(value))).collect())
    };
    Known {
        on: today(),
        county: COUNTY.to_owned(),
        area: Area::Rural,
        facts: facts.into_iter().map(|(name, value)| (name.to_owned(), text(value))).collect::<BTreeMap<_, _>>(),
        members: vec![member("a", "40"), member("b", "38"), member("c", "9")],
    }
}

fn change(known: &Known, rule: &str, person: Option<&str>) -> Option<NearestChange> {
    let change = pack().reference(known).unwrap().nearest_change(rule, person);
    let of_classes = pack().reference_of_classes(known).unwrap().nearest_change(rule, person);
    assert_eq!(change, of_classes, "fewer facts say something else");
    change
}

#[test]
fn a_household_just_above_the_line_is_told_the_income_at_which_it_qualifies() {
    let change = change(&couple("2106000"), "DB-01", None).unwrap();
    assert_eq!(
        (change.fact.as_str(), change.value.as_str(), change.needed.as_str()),
        ("declared_income", "2106000", "2105999")
    );
    assert!(!change.title.is_empty() && !change.title_en.is_empty());
}

#[test]
fn a_household_that_qualifies_is_told_what_would_end_it() {
    let change = change(&couple("2105999"), "DB-01", None).unwrap();
    assert_eq!((change.fact.as_str(), change.needed.as_str()), ("declared_income", "2106000"));
}

#[test]
fn nothing_is_promised_where_the_outcome_is_unknown() {
    let mut known = couple("2106000");
    known.facts.insert("financial_assets".to_owned(), None);
    known.facts.insert("declared_income".to_owned(), None);
    assert_eq!(change(&known, "DB-01", None), None);
}

#[test]
fn age_is_nobodys_to_change() {
    let change = change(&couple("2106000"), "DB-04", Some("c"));
    assert!(change.is_none_or(|change| change.fact != "age"));
}
