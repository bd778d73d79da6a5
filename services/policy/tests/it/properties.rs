//! What must hold of every rule, whatever the household: by the reference, which `agreement` ties to the SQL.

use std::{
    collections::BTreeMap,
    sync::atomic::{AtomicUsize, Ordering},
};

use minqing_policy::{Area, Fact, Kind, Known, Level, Owner, Pack, Verdict};
use proptest::{prelude::*, test_runner::TestRunner};
use sha2::{Digest as _, Sha256};

use super::town::{COUNTY, pack, today};

/// Households of each property. Each is judged by every rule of the pack, slowly.
const CASES: u32 = 40;

type Facts = BTreeMap<String, Option<String>>;

fn value(kind: Kind) -> BoxedStrategy<Option<String>> {
    let known: BoxedStrategy<String> = match kind {
        Kind::Boolean => any::<bool>().prop_map(|value| value.to_string()).boxed(),
        Kind::Money => prop_oneof![Just(0), 0..200_000_i64, 0..9_000_000_i64].prop_map(|fen| fen.to_string()).boxed(),
        Kind::Integer | Kind::Ratio => (0..100_i64).prop_map(|number| number.to_string()).boxed(),
        Kind::Date => (0..900_u64)
            .prop_map(|days| {
                today().checked_sub_days(chrono::Days::new(days)).map(|day| day.to_string()).unwrap_or_default()
            })
            .boxed(),
        Kind::Text => Just("other".to_owned()).boxed(),
    };
    prop_oneof![1 => Just(None), 9 => known.prop_map(Some)].boxed()
}

/// Facts of a level that come from a source, at random.
fn facts(pack: &Pack, level: Level) -> BoxedStrategy<Facts> {
    let of_level = pack.facts().iter().filter(|fact| fact.level == level && fact.source.is_some());
    let each: Vec<BoxedStrategy<(String, Option<String>)>> = of_level
        .map(|fact| {
            let name = fact.name.clone();
            value(fact.kind).prop_map(move |value| (name.clone(), value)).boxed()
        })
        .collect();
    each.prop_map(|pairs| pairs.into_iter().collect()).boxed()
}

fn household(pack: &Pack) -> BoxedStrategy<Known> {
    let members = prop::collection::vec(facts(pack, Level::Person), 1..5);
    (facts(pack, Level::Household), members, any::<bool>())
        .prop_map(|(facts, members, urban)| Known {
            on: today(),
            county: COUNTY.to_owned(),
            area: if urban { Area::Urban } else { Area::Rural },
            facts,
            members: members.into_iter().enumerate().map(|(place, facts)| (format!("m{place}"), facts)).collect(),
        })
        .boxed()
}

/// Every outcome of every rule and indicator, by rule and member.
fn outcomes(pack: &Pack, known: &Known) -> BTreeMap<(String, String), Verdict> {
    let reference = pack.reference(known).unwrap();
    let rules = pack
        .rules()
        .into_iter()
        .filter(|(_, rule)| rule.holds(known.on))
        .map(|(_, rule)| (rule.id.clone(), rule.level));
    let indicators = pack.indicators().iter().filter(|rule| rule.level != Level::Feed);
    let all = rules.chain(indicators.map(|rule| (rule.id.clone(), rule.level)));
    let mut found = BTreeMap::new();
    for (id, level) in all {
        if level == Level::Household {
            found.insert((id.clone(), String::new()), reference.judge(&id, None).unwrap());
            continue;
        }
        for (key, _) in &known.members {
            found.insert((id.clone(), key.clone()), reference.judge(&id, Some(key)).unwrap());
        }
    }
    found
}

fn check(cases: u32, pack: &Pack, property: impl Fn(&Known) -> Result<(), TestCaseError>) {
    let mut runner = TestRunner::new(ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() });
    runner.run(&household(pack), |known| property(&known)).unwrap_or_else(|failure| panic!("{failure}"));
}

#[test]
fn more_income_never_creates_minimum_living() {
    let pack = pack();
    check(CASES, &pack, |known| {
        let before = outcomes(&pack, known);
        let mut richer = known.clone();
        let Some(Some(income)) = richer.facts.get("declared_income").cloned() else { return Ok(()) };
        let more = income.parse::<i64>().unwrap() + 1_000_000;
        richer.facts.insert("declared_income".to_owned(), Some(more.to_string()));
        for ((rule, member), after) in outcomes(&pack, &richer) {
            let route = matches!(pack.rule(&rule, known.on), Some((Owner::Class("minimum_living"), _)));
            if route && before[&(rule.clone(), member.clone())].verdict == Some(false) {
                prop_assert_ne!(after.verdict, Some(true), "{} of {}", rule, member);
            }
        }
        Ok(())
    });
}

/// What is decided while a fact is unknown stays so whatever the fact turns out to be: nobody is judged by ignorance.
/// Rules that assume (`unless_unknown`) or fall back to another fact (`coalesce`, `is null`) do so in writing.
#[test]
fn an_unknown_fact_decides_nothing() {
    let pack = pack();
    let assuming: Vec<String> = assuming(&pack);
    let facts: Vec<&Fact> = pack.facts().iter().filter(|fact| fact.source.is_some()).collect();
    let at = AtomicUsize::new(0);
    check(CASES, &pack, |known| {
        let whole = outcomes(&pack, known);
        // Every fact has its turn over the cases.
        for _ in 0..facts.len().div_ceil(usize::try_from(CASES).unwrap()) {
            let fact = facts[at.fetch_add(1, Ordering::Relaxed) % facts.len()];
            let mut blind = known.clone();
            let places = blind.members.iter_mut().map(|(_, facts)| facts);
            for facts in places.chain([&mut blind.facts]) {
                if let Some(value) = facts.get_mut(&fact.name) {
                    *value = None;
                }
            }
            for (key, outcome) in outcomes(&pack, &blind) {
                if outcome.verdict.is_some() && !assuming.contains(&key.0) {
                    prop_assert_eq!(whole[&key].verdict, outcome.verdict, "{:?} without {}", key, fact.name);
                }
            }
        }
        Ok(())
    });
}

/// Rules that say in writing what counts while something is unknown.
fn assuming(pack: &Pack) -> Vec<String> {
    let falls_back =
        |text: &str| ["coalesce", "is null", "is not null", "distinct from"].iter().any(|word| text.contains(word));
    let facts = pack.facts().iter().filter(|fact| fact.source.is_none());
    let loose: Vec<&str> =
        facts.filter(|fact| fact.expr.as_deref().is_some_and(falls_back)).map(|fact| fact.name.as_str()).collect();
    let on = today();
    let rules = pack.rules().into_iter().map(|(_, rule)| rule.id.clone());
    let ids = rules.chain(pack.indicators().iter().map(|rule| rule.id.clone()));
    let assumes = |id: &String| {
        let written = pack.conditions(id, on).iter().any(|c| c.unless_unknown.is_some() || falls_back(&c.expr));
        written || pack.facts_of(id, on).iter().any(|fact| loose.contains(&fact.as_str()))
    };
    ids.filter(assumes).collect()
}

#[test]
fn the_order_of_members_never_matters() {
    let pack = pack();
    check(CASES, &pack, |known| {
        let mut turned = known.clone();
        turned.members.reverse();
        prop_assert_eq!(outcomes(&pack, known), outcomes(&pack, &turned));
        Ok(())
    });
}

#[test]
fn amounts_are_never_negative_and_are_paid_only_to_those_who_qualify() {
    let pack = pack();
    check(CASES, &pack, |known| {
        for ((rule, _), outcome) in outcomes(&pack, known) {
            if let Some(fen) = outcome.amount_fen {
                prop_assert!(fen >= 0, "{} pays {}", rule, fen);
                prop_assert_eq!(outcome.verdict, Some(true), "{}", rule);
            }
        }
        Ok(())
    });
}

#[test]
fn the_same_inputs_always_give_the_same_digest() {
    let (one, other) = (pack(), pack());
    check(CASES, &one, |known| {
        let digest = |pack: &Pack| Sha256::digest(format!("{:?}", outcomes(pack, known)));
        prop_assert_eq!(digest(&one), digest(&other));
        Ok(())
    });
}
