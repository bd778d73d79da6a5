//! Property tests of the work order: any sequence of events keeps its rules, and the order of one day's events does
//! not matter.

#![expect(clippy::unwrap_used, reason = "tests")]

use std::collections::HashSet;

use chrono::{Days, NaiveDate};
use proptest::{collection::vec, prelude::*, sample::select};
use uuid::Uuid;

use super::{
    referral::{Answer, Decision, ReferralState},
    state::State,
    timetable::{Limit, Timetable},
    verdict::{self, Check, Verdict},
    work_order::{About, Issuing, Reason, Target, WorkOrder},
};

#[derive(Clone, Debug)]
enum Op {
    Raise { warning: u8, level: i16, person: u8, at_county: bool, direct: bool },
    Clear { warning: u8 },
    Sign { index: usize },
    Answer { index: usize, decision: Option<Decision> },
    Accept,
    Record(Verdict),
    NextDays(u64),
}

/// Programmes shared by several warnings in one test, one for each warning in the other.
#[derive(Clone, Copy)]
struct World {
    programmes: u8,
}

fn event() -> impl Strategy<Value = Op> {
    use Decision::{AlreadyAided, CannotReach, Granted, NotMyDuty, Refused};
    let decisions = vec![
        None,
        Some(Granted),
        Some(Refused),
        Some(AlreadyAided),
        Some(CannotReach),
        Some(NotMyDuty),
        Some(NotMyDuty),
    ];
    prop_oneof![
        4 => (1_u8..8, 1_i16..=5, 0_u8..3, any::<bool>(), any::<bool>()).prop_map(|(warning, level, person, at_county, direct)| {
            Op::Raise { warning, level, person, at_county, direct }
        }),
        2 => (0_u8..8).prop_map(|warning| Op::Clear { warning }),
        1 => (0_usize..12).prop_map(|index| Op::Sign { index }),
        4 => (0_usize..12, select(decisions)).prop_map(|(index, decision)| Op::Answer { index, decision }),
    ]
}

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        8 => event(),
        1 => Just(Op::Accept),
        2 => select(verdict::ALL.to_vec()).prop_map(Op::Record),
        2 => Just(Op::Record(Verdict::VerifiedTrue)),
        3 => (1_u64..9).prop_map(Op::NextDays),
    ]
}

fn start() -> NaiveDate {
    "2026-11-02".parse().unwrap()
}

fn after(day: NaiveDate, days: i16) -> Option<NaiveDate> {
    day.checked_add_days(Days::new(u64::try_from(days).unwrap()))
}

fn reason(warning: u8, level: i16, person: u8, day: NaiveDate) -> Reason {
    let limit =
        |days| Limit { due_on: after(day, days), county_on: after(day, days + 2), city_on: after(day, days + 11) };
    // The least urgent level has no limits, as in the pack.
    let timetable =
        if level == 5 { Timetable::default() } else { Timetable { check: limit(level * 3), close: limit(level * 7) } };
    Reason {
        warning: Uuid::from_u128(u128::from(warning)),
        indicator: format!("A{warning:02}"),
        person: (person > 0).then(|| Uuid::from_u128(1000 + u128::from(person))),
        level,
        raised_on: day,
        cleared_on: None,
        covered: false,
        found: None,
        at_county: false,
        timetable,
        record_accepted_time: String::new(),
    }
}

impl World {
    fn targets(self, warning: Uuid, day: NaiveDate, direct: bool) -> Vec<Target> {
        let number = u8::try_from(warning.as_u128()).unwrap() % self.programmes;
        let due_on = after(day, 30).unwrap();
        let target = |kind: &str, direct| Target {
            bureau: "education".into(),
            programme: format!("P-{kind}-{number}"),
            due_on,
            direct,
        };
        vec![target("now", direct), target("later", false)]
    }

    fn open(self) -> WorkOrder {
        let about = About { household: Some(Uuid::from_u128(1)), subject: None, division: "621202100203".into() };
        let (mut taken, mut new_id) = (HashSet::new(), ids(0));
        let mut issuing = Issuing { on: start(), taken: &mut taken, new_id: &mut new_id };
        let first = reason(0, 3, 0, start());
        let targets = self.targets(first.warning, start(), true);
        WorkOrder::open(Uuid::from_u128(2), about, first, &targets, &mut issuing).0
    }

    fn apply(self, order: &mut WorkOrder, op: &Op, day: NaiveDate) {
        order.roll(day);
        let mut taken: HashSet<_> =
            order.referrals.iter().filter(|r| r.blocks_on(day)).map(|r| (r.person, r.programme.clone())).collect();
        let mut new_id = ids(order.referrals.len());
        match op {
            Op::Raise { warning, level, person, at_county, direct } => {
                let raised = Reason { at_county: *at_county, ..reason(*warning, *level, *person, day) };
                let targets = self.targets(raised.warning, day, *direct);
                let mut issuing = Issuing { on: day, taken: &mut taken, new_id: &mut new_id };
                let merged = order.merge(raised, &targets, &mut issuing);
                assert_eq!(merged.is_err(), !order.is_open());
            }
            Op::Clear { warning } => order.clear(Uuid::from_u128(u128::from(*warning)), day),
            Op::Sign { index } => {
                if let Some(id) = order.referrals.get(*index).map(|r| r.id) {
                    order.sign(id, day);
                }
            }
            Op::Answer { index, decision } => {
                if let Some(id) = order.referrals.get(*index).map(|r| r.id) {
                    let answer = match decision {
                        Some(decision) => Answer::Decided { decision: *decision, on: day },
                        None => Answer::Deferred { to: after(day, 5) },
                    };
                    order.answer(id, answer, day);
                }
            }
            Op::Accept => _ = order.accept(day),
            Op::Record(verdict) => {
                taken.retain(|(person, programme)| {
                    let open = |r: &&super::referral::Referral| r.state != ReferralState::Settled;
                    order.referrals.iter().filter(open).any(|r| r.person == *person && r.programme == *programme)
                });
                let check = Check {
                    verdict: *verdict,
                    checked_on: day,
                    checker: "c".into(),
                    person_seen: true,
                    evidence_digest: String::new(),
                };
                let mut issuing = Issuing { on: day, taken: &mut taken, new_id: &mut new_id };
                _ = order.record(check, &|r: &Reason| self.targets(r.warning, day, false), &mut issuing);
            }
            Op::NextDays(_) => {}
        }
    }

    fn run(self, ops: &[Op]) -> (WorkOrder, NaiveDate) {
        let (mut order, mut day) = (self.open(), start());
        for op in ops {
            if let Op::NextDays(days) = op {
                day = day + Days::new(*days);
            }
            let before = order.clone();
            self.apply(&mut order, op, day);
            keeps_its_rules(&before, &order, day);
        }
        (order, day)
    }
}

fn ids(from: usize) -> impl FnMut() -> Uuid {
    let mut next = u128::try_from(from).unwrap();
    move || {
        next += 1;
        Uuid::from_u128(0xffff_0000 + next)
    }
}

fn keeps_its_rules(before: &WorkOrder, order: &WorkOrder, day: NaiveDate) {
    if before.is_open() {
        let level = order.reasons.iter().map(|r| r.level).min();
        assert_eq!(Some(order.level), level, "the level is the most urgent ever merged");
        let close = order.reasons.iter().map(|r| r.timetable.close).reduce(Limit::merge);
        assert_eq!(Some(order.timetable.close), close, "the last day is the earliest ever merged");
    } else {
        assert_eq!((order.state, order.closed, &order.check), (before.state, before.closed, &before.check));
        assert_eq!(order.reasons.len(), before.reasons.len());
        assert_eq!(order.referrals.len(), before.referrals.len());
    }
    assert_eq!(order.closed.is_some(), order.state == State::Closed);
    assert!(order.escalation >= before.escalation && order.late >= before.late, "it never gets less late");
    assert!(order.bounces == 0 || order.assigned_to() == "621202000000", "one sent back is on the county desk");
    assert!(!order.is_open() || order.bounces < 2 || order.escalation >= 1, "a second bounce goes up");
    if order.state == State::FeedbackComplete {
        assert!(!order.recheck() && order.referrals.iter().all(|r| r.state == ReferralState::Settled));
    }
    for (old, new) in before.referrals.iter().zip(&order.referrals) {
        assert!(old.state != ReferralState::Settled || (old.state, old.decision) == (new.state, new.decision));
        assert!(new.deferrals <= 2);
    }
    let open: Vec<_> = order
        .referrals
        .iter()
        .filter(|r| r.state != ReferralState::Settled)
        .map(|r| (r.person, r.programme.clone()))
        .collect();
    assert_eq!(open.iter().collect::<HashSet<_>>().len(), open.len(), "one open referral a person and programme");

    let mut again = order.clone();
    assert_eq!(again.roll(day), [], "the day has done what it had to do");
    assert_eq!(&again, order);
    assert!(order.next_roll_on().is_none_or(|next| next > day));
    if let Some(quiet) = order.next_roll_on().and_then(|next| next.checked_sub_days(Days::new(1))) {
        assert_eq!((again.roll(quiet), &again), (Vec::new(), order), "nothing is due before the day it names");
    }
}

/// What must not depend on the order of one day's events: everything but ids.
fn canonical(mut order: WorkOrder) -> WorkOrder {
    order.reasons.sort_by_key(|r| r.warning);
    order.referrals.sort_by(|a, b| (a.warning, &a.programme, a.person).cmp(&(b.warning, &b.programme, b.person)));
    order.referrals.iter_mut().for_each(|r| r.id = Uuid::nil());
    order
}

/// One event for each warning and each referral, so that no event contradicts another of the day.
fn one_each(events: Vec<Op>, known: &WorkOrder) -> Vec<Op> {
    let mut seen = HashSet::new();
    let in_before = |w: u8| known.reasons.iter().any(|r| r.warning == Uuid::from_u128(u128::from(w)));
    events
        .into_iter()
        .filter(|event| match event {
            Op::Raise { warning, .. } => !in_before(*warning) && seen.insert((0, usize::from(*warning))),
            Op::Clear { warning } => in_before(*warning) && seen.insert((0, usize::from(*warning))),
            Op::Sign { index } => *index < known.referrals.len() && seen.insert((1, *index)),
            Op::Answer { index, .. } => *index < known.referrals.len() && seen.insert((2, *index)),
            _ => false,
        })
        .collect()
}

proptest! {
    #[test]
    fn any_sequence_of_events_keeps_the_rules(ops in vec(op(), 0..60)) {
        World { programmes: 3 }.run(&ops);
    }

    #[test]
    fn the_order_of_one_days_events_does_not_matter(
        history in vec(op(), 0..30),
        (events, shuffled) in vec(event(), 0..10).prop_flat_map(|e| (Just(e.clone()), Just(e).prop_shuffle())),
        later in 1_u64..30,
    ) {
        let world = World { programmes: 50 };
        let (mut known, day) = world.run(&history);
        let day = day + Days::new(1);
        known.roll(day);
        let chosen = one_each(events, &known);
        let mut other = one_each(shuffled, &known);
        // The same events in another order: those the filter left out of one order are left out of both.
        other.retain(|o| chosen.iter().any(|c| format!("{c:?}") == format!("{o:?}")));
        let chosen: Vec<_> =
            chosen.into_iter().filter(|c| other.iter().any(|o| format!("{c:?}") == format!("{o:?}"))).collect();
        let (mut a, mut b) = (known.clone(), known);
        chosen.iter().for_each(|e| world.apply(&mut a, e, day));
        other.iter().for_each(|e| world.apply(&mut b, e, day));
        prop_assert_eq!(canonical(a.clone()), canonical(b.clone()));
        a.roll(day + Days::new(later));
        b.roll(day + Days::new(later));
        prop_assert_eq!(canonical(a), canonical(b));
    }

    #[test]
    fn rolling_day_by_day_and_at_once_come_to_the_same(history in vec(op(), 0..30), days in 1_u64..60) {
        let (order, day) = World { programmes: 3 }.run(&history);
        let (mut daily, mut at_once) = (order.clone(), order);
        let mut told = Vec::new();
        for n in 1..=days {
            told.extend(daily.roll(day + Days::new(n)));
        }
        let at_once_told = at_once.roll(day + Days::new(days));
        prop_assert_eq!(daily, at_once);
        prop_assert_eq!(told, at_once_told);
    }
}
