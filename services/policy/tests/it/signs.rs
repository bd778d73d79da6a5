//! Facts that show a change of the data, and facts that the calendar moves by itself.

use minqing_policy::Sign;

use super::town::pack;

#[test]
fn a_fact_that_the_calendar_moves_by_itself_is_no_sign() {
    let pack = pack();
    let signs = pack.signs();
    for (fact, sign) in [
        // Says nothing of the business date.
        ("own_minimum_living", Some(Sign::Any)),
        ("disability_subsidy_paid", Some(Sign::Any)),
        // Rows leave when their days are over, and come on their own day.
        ("own_payment_year", Some(Sign::More)),
        ("medical_own_twelve_months", Some(Sign::More)),
        ("severe_disability", Some(Sign::More)),
        ("unemployment_benefit_on", Some(Sign::More)),
        ("dangerous_only_house_on", Some(Sign::Any)),
        ("certificate_issued_on", Some(Sign::More)),
        ("disabled_members", Some(Sign::More)),
        // Years and months go by.
        ("age", None),
        ("aid_months", None),
        ("months_since_trigger", None),
        // Last month's bills take the place of the month before.
        ("own_payment_six_months", None),
        ("outpatient_own_last_month", None),
        // A minimum rises when rows leave.
        ("shortest_check", None),
    ] {
        assert!(pack.fact(fact).is_some(), "{fact}");
        assert_eq!(signs.get(fact).copied(), sign, "{fact}");
    }
}

#[test]
fn most_indicators_rest_on_a_fact_that_shows_a_change() {
    let pack = pack();
    let signs = pack.signs();
    let on = "2026-11-02".parse().unwrap();
    let told = |id: &str| pack.facts_of(id, on).iter().any(|fact| signs.contains_key(fact));
    let people: Vec<_> = pack.indicators().iter().filter(|i| i.level != minqing_policy::Level::Feed).collect();
    let silent: Vec<_> = people.iter().filter(|i| !told(&i.id)).map(|i| i.id.as_str()).collect();
    assert!(silent.len() * 10 < people.len(), "{} of {}: {silent:?}", silent.len(), people.len());
}
