//! From packs, policies and what came of runs to the contract's messages.

use chrono::NaiveDate;
use minqing_kit::id;
use minqing_policy::{Change, Difference, Indicator, Pack, PackError, Summary, assistance_class};
use minqing_proto::minqing::monitoring::v1 as wire;
use prost::Message as _;

use super::{adopt::POLICIES, back_test::BackTested, simulate::Simulated};
use crate::{
    app::evaluate::count,
    domain::{
        division::{self, Amounts, Row},
        effect::{AFTER, BEFORE, FIELD, MOVES, Move},
        hits::DayHits,
    },
    store::{policy::Policy, verdict::Yield},
};

/// Faults told at once.
const FAULTS: usize = 500;
/// Characters of a value that differs.
const VALUE: usize = 2_000;
/// Bytes of differences told at once: a message has at most 4 MiB.
const DIFFERENCES: usize = 3 << 20;

/// Which pack.
pub fn identity(pack: &Pack) -> wire::PackIdentity {
    wire::PackIdentity { pack: pack.version_tag().to_owned(), content_hash: pack.content_hash().to_owned() }
}

/// What a pack holds.
pub fn summary(of: Summary) -> wire::PackSummary {
    let unconfirmed = of.unconfirmed.into_iter().map(|entry| wire::UnconfirmedEntry {
        kind: entry.kind.to_owned(),
        name: entry.name,
        value: entry.value,
        document: entry.document,
        confidence: entry.confidence.to_owned(),
    });
    wire::PackSummary {
        identity: Some(wire::PackIdentity { pack: of.pack, content_hash: of.content_hash }),
        classes: count(of.classes),
        routes: count(of.routes),
        exits: count(of.exits),
        programmes: count(of.programmes),
        programme_rules: count(of.programme_rules),
        indicators: count(of.indicators),
        facts: count(of.facts),
        parameters: count(of.parameters),
        documents: count(of.documents),
        absent_sources: count(of.absent_sources),
        processes: count(of.processes),
        code_tables: count(of.code_tables),
        examples: count(of.examples),
        without_citation: count(of.without_citation),
        unconfirmed: unconfirmed.collect(),
    }
}

/// Faults, and how many are left out.
pub fn faults(of: Vec<PackError>) -> (Vec<wire::PackFault>, i32) {
    let left_out = count(of.len().saturating_sub(FAULTS));
    let fault = |error: PackError| wire::PackFault {
        file: error.file,
        line: error.line.map(count).unwrap_or_default(),
        rule: error.rule,
        problem: error.problem,
        problem_zh: error.problem_zh,
        hint: error.hint.unwrap_or_default(),
    };
    (of.into_iter().take(FAULTS).map(fault).collect(), left_out)
}

/// As many differences as fit, and how many are left out.
pub fn differences(of: Vec<Difference>) -> (Vec<wire::PackDifference>, i32) {
    let (mut told, mut bytes, mut left_out) = (Vec::new(), 0, 0);
    for difference in of {
        let message = self::difference(difference);
        bytes += message.encoded_len();
        if bytes > DIFFERENCES {
            left_out += 1;
        } else {
            told.push(message);
        }
    }
    (told, left_out)
}

fn difference(of: Difference) -> wire::PackDifference {
    let change = match of.change {
        Change::Added => wire::EntryChange::Added,
        Change::Removed => wire::EntryChange::Removed,
        Change::Changed => wire::EntryChange::Changed,
    };
    let cut = |text: String| text.chars().take(VALUE).collect();
    let fields = of.fields.into_iter().map(|field| wire::FieldDifference {
        field: field.field,
        before: cut(field.before),
        after: cut(field.after),
    });
    wire::PackDifference { kind: of.kind.to_owned(), name: of.name, change: change.into(), fields: fields.collect() }
}

/// A policy; `in_use` is the hash of the pack the service works with.
pub fn policy(of: Policy, in_use: &str) -> wire::Policy {
    let state = match of.approved_on {
        Some(_) => wire::PolicyState::Approved,
        None => wire::PolicyState::Proposed,
    };
    wire::Policy {
        name: id::name(POLICIES, of.policy_id),
        in_use: of.content_hash == in_use,
        identity: Some(wire::PackIdentity { pack: of.pack, content_hash: of.content_hash }),
        state: state.into(),
        valid_from: of.valid_from.to_string(),
        reason: of.reason,
        proposed_by: of.proposed_by,
        proposed_by_operator: of.proposed_by_operator.unwrap_or_default(),
        proposed_on: of.proposed_on.to_string(),
        approved_by: of.approved_by.unwrap_or_default(),
        approved_by_operator: of.approved_by_operator.unwrap_or_default(),
        approved_on: date(of.approved_on),
    }
}

/// What a simulation came to.
pub fn simulation(of: &Simulated) -> wire::Simulation {
    let effects = &of.effects;
    let classes = effects.classes.iter().flat_map(|(class, townships)| {
        let class = assistance_class(class).unwrap_or_default().into();
        division::rows(townships, Amounts::OfHouseholds, of.open).into_iter().map(move |row| class_effect(class, &row))
    });
    let indicators = effects.indicators.iter().map(|(id, warnings)| indicator_effect(&of.packs, id, *warnings));
    wire::Simulation {
        before: Some(identity(&of.packs[BEFORE])),
        after: Some(identity(&of.packs[AFTER])),
        as_of: of.as_of.to_string(),
        data_on: of.data_on.to_string(),
        households: effects.households,
        classes: classes.collect(),
        indicators: indicators.collect(),
        field_work: division::rows(&effects.field, Amounts::OfCounts, of.open).iter().map(field_effect).collect(),
    }
}

fn class_effect(assistance_class: i32, row: &Row<MOVES>) -> wire::ClassEffect {
    let count = |to: Move| shown(row, to as usize);
    let [yearly_before_fen, yearly_after_fen] = amounts(row);
    wire::ClassEffect {
        assistance_class,
        division_code: row.division.clone(),
        enters: count(Move::Enters),
        leaves: count(Move::Leaves),
        amount_higher: count(Move::AmountHigher),
        amount_lower: count(Move::AmountLower),
        unchanged: count(Move::Unchanged),
        amount_unknown: count(Move::AmountUnknown),
        undecided_after: count(Move::UndecidedAfter),
        undecided_before: count(Move::UndecidedBefore),
        yearly_before_fen,
        yearly_after_fen,
        cost_withheld: row.amounts_withheld,
    }
}

fn field_effect(row: &Row<FIELD>) -> wire::FieldEffect {
    let [hours_before, hours_after] = amounts(row);
    wire::FieldEffect {
        division_code: row.division.clone(),
        checks_before: shown(row, BEFORE),
        checks_after: shown(row, AFTER),
        visits_before: shown(row, 2 + BEFORE),
        visits_after: shown(row, 2 + AFTER),
        hours_before,
        hours_after,
        hours_withheld: row.amounts_withheld,
    }
}

fn shown<const N: usize>(row: &Row<N>, measure: usize) -> Option<wire::Count> {
    let (count, withheld) = (row.numbers.counts[measure], row.counts_withheld[measure]);
    let below_three = withheld && division::is_small(count);
    Some(wire::Count { value: if withheld { 0 } else { count }, withheld, below_three })
}

fn amounts<const N: usize>(row: &Row<N>) -> [i64; 2] {
    if row.amounts_withheld { [0; 2] } else { row.numbers.amounts }
}

fn indicator_effect([before, after]: &[Pack; 2], id: &str, warnings: [i64; 2]) -> wire::IndicatorEffect {
    let (title, title_en) = titles(after.indicator(id).or_else(|| before.indicator(id)));
    wire::IndicatorEffect {
        indicator: id.to_owned(),
        title,
        title_en,
        field_check_before: field_check(before, id),
        field_check_after: field_check(after, id),
        warnings_before: warnings[BEFORE],
        warnings_after: warnings[AFTER],
    }
}

/// What a back-test came to.
pub fn back_test(of: &BackTested) -> wire::BackTest {
    let (from, to) = of.verdicts;
    wire::BackTest {
        identity: Some(identity(&of.pack)),
        data_on: of.data_on.to_string(),
        households: of.households,
        days: of.days.iter().map(|(on, hits)| day_hits(&of.pack, *on, hits)).collect(),
        verdicts_from: date(from),
        verdicts_to: to.to_string(),
        yields: of.yields.iter().map(indicator_yield).collect(),
    }
}

/// Indicators that find nothing are told too: that is what one wants to know of them.
fn day_hits(pack: &Pack, on: NaiveDate, of: &DayHits) -> wire::DayHits {
    let screened = pack.indicators().iter().filter(|indicator| indicator.level != minqing_policy::Level::Feed);
    let indicators = screened.map(|indicator| {
        let found = of.indicators.get(&indicator.id).copied().unwrap_or_default();
        let (title, title_en) = titles(Some(indicator));
        wire::IndicatorHits {
            indicator: indicator.id.clone(),
            title,
            title_en,
            field_check: field_check(pack, &indicator.id),
            hits: found.warnings,
            households: found.households,
            alone: found.alone,
            unknown: found.unknown,
        }
    });
    let overlap = |(first, second, households): (&str, &str, i64)| wire::Overlap {
        first: first.to_owned(),
        second: second.to_owned(),
        households,
    };
    wire::DayHits {
        judged_on: on.to_string(),
        households_hit: of.hit,
        households_hit_again: of.hit_again,
        indicators: indicators.collect(),
        overlaps: of.overlaps().into_iter().map(overlap).collect(),
        checks: of.checks,
        visits: of.visits,
        hours: of.hours,
    }
}

fn indicator_yield(of: &Yield) -> wire::IndicatorYield {
    wire::IndicatorYield {
        indicator: of.indicator.clone(),
        checked: of.checked,
        found_true: of.found_true,
        already_aided: of.already_aided,
        not_true: of.not_true,
        not_reached: of.not_reached,
    }
}

fn titles(of: Option<&Indicator>) -> (String, String) {
    of.map(|indicator| (indicator.title.zh.clone(), indicator.title.en.clone())).unwrap_or_default()
}

fn field_check(pack: &Pack, indicator: &str) -> bool {
    pack.routing(indicator).is_some_and(|route| route.field_check)
}

fn date(of: Option<NaiveDate>) -> String {
    of.map(|day| day.to_string()).unwrap_or_default()
}
