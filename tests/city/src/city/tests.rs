#![expect(clippy::unwrap_used, reason = "tests")]

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use minqing_proto::minqing::types::v1::RowReason;

use super::*;
use crate::{
    dataset::Bureau,
    feed_plant,
    indicator::Indicator,
    oracle::{Case, Oracle, Visit},
    person::check_digit,
    plan::{self, Origin},
};

fn city(households: usize, seed: u64) -> std::sync::Arc<City> {
    std::sync::Arc::new(City::build(Settings { seed, households, days: 22 }, Thresholds::default()))
}

/// Plays the feeds alone, without anybody acting on them.
fn rehearse(city: &std::sync::Arc<City>) -> Oracle {
    let mut oracle = Oracle::new(std::sync::Arc::clone(city));
    let mut day = calendar::start();
    while day <= calendar::plus(city.settings.last_day(), 14) {
        oracle.scan(day);
        for bureau in Bureau::ALL {
            for batch in plan::batches(city, bureau, day).unwrap() {
                oracle.deliver(&batch);
            }
        }
        oracle.scan(day);
        day = calendar::plus(day, 1);
    }
    oracle
}

#[test]
fn the_same_seed_makes_the_same_city_and_another_seed_another() {
    let (one, two, three) = (city(600, 7), city(600, 7), city(600, 8));
    assert_eq!(one.digest().unwrap(), two.digest().unwrap());
    assert_ne!(one.digest().unwrap(), three.digest().unwrap());
    assert_eq!(one.households.len(), 600);
}

#[test]
fn every_id_number_is_valid_and_belongs_to_one_person() {
    let city = city(2_000, 1);
    let mut seen = HashSet::new();
    for person in city.households.iter().flat_map(|h| &h.members) {
        assert_eq!(check_digit(&person.id_number[..17]), person.id_number.chars().last().unwrap());
        assert!(seen.insert(person.id_number.clone()));
        let old = person.birth_on < NaiveDate::from_ymd_opt(2004, 1, 1).unwrap();
        assert_eq!(person.id_number.starts_with("6226"), old);
        assert!(person.birth_on < calendar::start());
    }
}

#[test]
fn the_population_has_believable_proportions() {
    let city = city(5_000, 1);
    let share = |class| city.households.iter().filter(|h| h.holds(class)).count() * 1_000 / city.households.len();
    assert!((45..110).contains(&share(crate::household::Class::MinimumLiving)));
    assert!((3..12).contains(&share(crate::household::Class::Destitute)));
    assert!((2_500..4_500).contains(&(city.persons() * 1_000 / city.households.len())));
    assert!(city.households.iter().any(|h| h.members.iter().any(|p| p.name.contains('·'))));
    let second = city.range_of(crate::division::SECOND);
    assert_eq!(second.len(), 150);
}

#[test]
fn every_planted_positive_fires_and_no_near_miss_does() {
    let city = city(2_600, 3);
    let oracle = rehearse(&city);
    let mut counts: BTreeMap<(Indicator, Kind), usize> = BTreeMap::new();
    for plant in city.plants.iter().filter(|p| !p.indicator.by_people()) {
        *counts.entry((plant.indicator, plant.kind)).or_default() += 1;
        let case = Case { indicator: plant.indicator, household: plant.household, member: plant.member };
        assert_eq!(oracle.ever_held(case), plant.kind == Kind::Fires, "{plant:?}");
    }
    for indicator in Indicator::planted().iter().filter(|i| !matches!(i, Indicator::P02 | Indicator::P11)) {
        assert!(counts[&(*indicator, Kind::Fires)] >= 5, "{indicator}");
    }
    for (what, count) in counts {
        assert!(count >= 3, "{what:?} {count}");
    }
    assert!(oracle.late_feeds().count() >= 5);
    assert!(oracle.late_feeds().all(|(dataset, county)| plan::withheld(*dataset, county)));
}

#[test]
fn every_planted_feed_is_at_fault_and_no_near_miss_is() {
    for (households, seed) in [(240, 1), (2_600, 3)] {
        let city = city(households, seed);
        let oracle = rehearse(&city);
        let faults: BTreeSet<_> = oracle.feed_faults().copied().collect();
        for (indicator, dataset, kind) in feed_plant::ALL {
            let held = faults.contains(&(indicator, dataset, crate::division::HOME));
            assert_eq!(held, kind == Kind::Fires, "{indicator} {dataset:?} {households}");
        }
        let day = |n| calendar::add_working(calendar::start(), n);
        let swung = |n| {
            let feed = (Dataset::PoliceIdentity, crate::division::HOME);
            oracle.feed_held_on(Indicator::Q02, feed, day(n))
        };
        assert_eq!([4, 5].map(swung), [false, true], "one row below and one row above");
    }
}

#[test]
fn near_misses_concern_no_other_indicator_but_what_the_miss_itself_brings() {
    let city = city(1_300, 5);
    let oracle = rehearse(&city);
    let near: HashMap<u32, &Plant> =
        city.plants.iter().filter(|p| p.kind != Kind::Fires).map(|p| (p.household, p)).collect();
    let mut wrong = BTreeSet::new();
    for (case, _) in oracle.all_held() {
        let Some(plant) = near.get(&case.household).filter(|_| !case.indicator.by_people()) else { continue };
        let brings: &[&str] = match (plant.indicator.text(), plant.kind) {
            // A certificate that ran out is treated as valid.
            ("A03", Kind::OneDay) => &["C22"],
            // A costly illness in an aided household is the other medical indicator's case.
            ("A09", Kind::Aided) => &["A08"],
            // A new disease or certificate changes what an aided person can do.
            ("A12", Kind::Aided) => &["C33"],
            // And a severe certificate brings the subsidies, which are not there yet.
            ("A17", Kind::Aided) => &["C33", "B02", "B03"],
            ("A17", Kind::OneDay) => &["B03"],
            // The allowance reaches the child; nobody has recognised it as an orphan yet.
            ("B04", Kind::Aided) => &["A18"],
            // High costs, an allowance of nothing and one that came once are far below what is needed.
            ("B11", Kind::OneFen) | ("C01", Kind::OneFen) | ("C27", Kind::Aided) => &["B37"],
            // Who needs a home without barriers is severely disabled.
            ("B30", Kind::Aided) => &["A03", "A04"],
            // Late answers need a disaster.
            ("P01" | "P02" | "B28", _) => &["A15", "B25"],
            // The papers are not in the office's book until it learns of them.
            ("P20", Kind::OneDay) => &["P08"],
            // Somebody has to come and look.
            ("P15", _) => &["A26"],
            _ => &[],
        };
        if !brings.contains(&case.indicator.text()) {
            wrong.insert(format!("{} {:?}: {}", plant.indicator, plant.kind, case.indicator));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn an_ordinary_household_concerns_no_indicator_until_something_happens_to_it() {
    let city = city(2_600, 9);
    let oracle = rehearse(&city);
    let planted: HashSet<u32> = city.plants.iter().map(|p| p.household).collect();
    let deaths =
        city.book.pages().filter(|(when, dataset, _)| *when != When::Before && *dataset == Dataset::DeathCertificate);
    let happened: HashSet<u32> =
        deaths.flat_map(|page| city.book.entries(*page).unwrap()).map(|entry| entry.household).collect();
    let struck: Vec<&Case> =
        oracle.all_held().map(|(case, _)| case).filter(|case| !case.indicator.by_people()).collect();
    let clean = |case: &&&Case| !planted.contains(&case.household) && !happened.contains(&case.household);
    assert_eq!(struck.iter().filter(clean).collect::<Vec<_>>(), Vec::<&&Case>::new());
    assert!(!happened.is_empty() && city.redrawn * 20 < city.households.len(), "{} redrawn", city.redrawn);
}

#[test]
fn every_dirty_row_carries_its_defect_and_no_clean_row_does() {
    let city = city(5_000, 2);
    let mut reasons: HashSet<RowReason> = HashSet::new();
    for bureau in Bureau::ALL {
        let mut of_bureau: HashSet<RowReason> = HashSet::new();
        for day in [calendar::start(), calendar::plus(calendar::start(), 1)] {
            for batch in plan::batches(&city, bureau, day).unwrap() {
                let defects = batch.defects();
                assert!(defects.len() * 10 < batch.lines.len().max(1), "{:?}", batch.dataset);
                of_bureau.extend(defects.iter().map(|(_, reason)| *reason));
                for line in &batch.lines {
                    let id = line.row.id_number();
                    if let Origin::Clean { .. } = line.origin {
                        let good = id.len() == 15 || check_digit(&id[..17]) == id.chars().last().unwrap();
                        assert!(good && !line.row.name().is_empty() && line.cell.is_none());
                    } else if line.origin == Origin::Dirty(RowReason::IdNumberCheckDigit) {
                        assert_ne!(check_digit(&id[..17]), id.chars().last().unwrap());
                    }
                }
            }
        }
        assert!(of_bureau.len() >= 4, "{bureau:?} {of_bureau:?}");
        reasons.extend(of_bureau);
    }
    assert!(reasons.len() >= 10, "{reasons:?}");
}

#[test]
fn a_snapshot_ends_rows_that_are_not_sent_again() {
    let city = city(600, 4);
    let mut oracle = Oracle::new(std::sync::Arc::clone(&city));
    for batch in plan::batches(&city, Bureau::Disabled, calendar::start()).unwrap() {
        oracle.deliver(&batch);
    }
    let dataset = Dataset::DisabilityCertificate;
    let mut batch = plan::batches(&city, Bureau::Disabled, NaiveDate::from_ymd_opt(2026, 11, 10).unwrap())
        .unwrap()
        .into_iter()
        .find(|b| b.dataset == dataset && b.county == crate::division::HOME)
        .unwrap();
    assert_eq!(batch.mode, plan::Mode::Snapshot);
    batch.lines.truncate(1);
    oracle.deliver(&batch);
    assert!(oracle.rows_of(dataset, crate::division::HOME).len() <= 1);
}

#[test]
fn what_a_bureau_has_wrong_is_not_true_at_the_door_until_it_comes_true() {
    let city = city(600, 7);
    let oracle = rehearse(&city);
    let (mut true_at_last, mut again) = (BTreeMap::new(), BTreeMap::new());
    for mistake in &city.mistakes {
        let case = mistake.case();
        let spells = oracle.begins_to_hold(case);
        assert!(!oracle.true_on(case, spells[0]), "{:?}", mistake.indicator);
        if let Some(news) = mistake.news {
            assert!(oracle.true_on(case, news) && !oracle.true_on(case, calendar::minus(news, 1)));
        }
        let last = city.settings.last_day();
        *true_at_last.entry(mistake.indicator.text()).or_insert(0) += u32::from(oracle.true_on(case, last));
        *again.entry(mistake.indicator.text()).or_insert(0) += spells.len() - 1;
    }
    let comes_true = [("A01", 1), ("A05", 1), ("A08", 1), ("A12", 1), ("A20", 1), ("A21", 1), ("P08", 0)];
    assert_eq!(true_at_last, BTreeMap::from(comes_true));
    let comes_again = [("A01", 0), ("A05", 2), ("A08", 0), ("A12", 0), ("A20", 2), ("A21", 0), ("P08", 0)];
    assert_eq!(again, BTreeMap::from(comes_again));
}

#[test]
fn a_visit_is_lost_where_nobody_comes_after_what_was_found_not_true_came_true() {
    let city = city(600, 7);
    let mut oracle = rehearse(&city);
    let ill = city.mistakes.iter().find(|m| m.indicator == Indicator::A12).unwrap().case();
    let first = calendar::plus(calendar::start(), 3);
    oracle.found_not_true(ill, first);
    let check = oracle.checks().next().unwrap();

    let since = oracle.lost_since(check).unwrap();

    assert_eq!(since, calendar::add_working(calendar::start(), 7));
    let visit = |on| Visit { on, minutes: 30, met: true, photo: true, ticked: false, check: true };
    oracle.visited(ill.household, visit(calendar::minus(since, 1)));
    assert_eq!(oracle.lost_since(check), Some(since), "a visit before it came true");
    oracle.visited(ill.household, visit(since));
    assert_eq!(oracle.lost_since(check), None);
}

#[test]
fn the_same_found_not_true_as_often_as_the_rule_says_is_a_case_of_its_own() {
    let city = city(600, 7);
    let mut oracle = rehearse(&city);
    let case = city.mistakes.iter().find(|m| m.indicator == Indicator::P08).unwrap().case();
    let again = Case { indicator: Indicator::P20, member: None, ..case };
    let holds = |oracle: &Oracle| {
        let mut found = Vec::new();
        oracle.cases_of(case.household, calendar::plus(calendar::start(), 30), &mut found);
        found.contains(&again)
    };
    let other = Case { indicator: Indicator::A26, ..case };
    for (case, days, held) in [(case, 3, false), (other, 3, false), (case, 15, false), (case, 29, true)] {
        oracle.found_not_true(case, calendar::plus(calendar::start(), days));
        assert_eq!(holds(&oracle), held, "{days}");
    }
}
