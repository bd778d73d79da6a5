//! What two packs say of the same households, folded into counts by class and township. Nobody is kept: a household is
//! forgotten as soon as it is counted, so memory does not grow with the register.
//!
//! A household counts once for each class. What is granted to it as a whole counts before what is granted to its
//! members, whose amounts add up. Unknown is not no: who was in and is now unknown does not leave.

use std::collections::{BTreeMap, BTreeSet};

use uuid::Uuid;

use super::division::Numbers;

/// Of two packs compared: the first and the second.
pub const BEFORE: usize = 0;
/// See [`BEFORE`].
pub const AFTER: usize = 1;

/// What a pack says of a class for a household as a whole, or for one member. Nobody who is outside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    pub household: Uuid,
    pub class: String,
    /// It is about one member.
    pub member: bool,
    /// False: the data leave it unknown.
    pub is_in: bool,
    /// Fen a year of who is in; none when it cannot be computed.
    pub yearly_fen: Option<i64>,
}

/// Open warnings of one indicator that a household would have, its members' included.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hit {
    pub household: Uuid,
    pub indicator: String,
    pub warnings: i64,
}

/// A household evaluated and where it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    pub household: Uuid,
    /// Township, twelve digits; the county's code where the township is not known.
    pub township: String,
}

/// Households judged by both packs.
#[derive(Clone, Debug, Default)]
pub struct Judged {
    pub places: Vec<Place>,
    pub classes: [Vec<Verdict>; 2],
    pub hits: [Vec<Hit>; 2],
}

/// What becomes of a household in a class.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Move {
    Enters,
    Leaves,
    AmountHigher,
    AmountLower,
    Unchanged,
    AmountUnknown,
    UndecidedAfter,
    UndecidedBefore,
}

/// How many [`Move`]s there are.
pub const MOVES: usize = 8;
/// Counts of field work: checks before and after, visits before and after.
pub const FIELD: usize = 4;

/// Counts of each [`Move`], and fen a year under each pack.
pub type ClassNumbers = Numbers<MOVES>;
/// Counts of field work, and hours under each pack.
pub type FieldNumbers = Numbers<FIELD>;

/// A household in a class.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Standing {
    Out,
    Unknown,
    In(Option<i64>),
}

/// What has been granted to a household so far.
#[derive(Clone, Copy, Default)]
struct Granted {
    whole: Option<Option<i64>>,
    members: Option<Option<i64>>,
}

impl Granted {
    fn add(&mut self, verdict: &Verdict) {
        if !verdict.is_in {
            return;
        }
        if verdict.member {
            let so_far = self.members.unwrap_or(Some(0));
            self.members = Some(so_far.zip(verdict.yearly_fen).map(|(sum, more)| sum.saturating_add(more)));
        } else {
            self.whole = Some(verdict.yearly_fen);
        }
    }

    /// There is a verdict, so who is not in is unknown.
    fn standing(self) -> Standing {
        self.whole.or(self.members).map_or(Standing::Unknown, Standing::In)
    }
}

/// How each pack counts field work.
#[derive(Clone, Debug, Default)]
pub struct FieldRules {
    /// Indicators whose warnings ask for a field check.
    pub checked: BTreeSet<String>,
    /// Hours of a visit by county, twelve digits.
    pub hours: BTreeMap<String, i64>,
    /// Hours elsewhere.
    pub hours_elsewhere: i64,
}

impl FieldRules {
    /// Hours of a visit in the township's county.
    pub fn hours_in(&self, township: &str) -> i64 {
        self.hours.get(&super::words::county(township)).copied().unwrap_or(self.hours_elsewhere)
    }
}

/// Everything counted so far.
#[derive(Clone, Debug, Default)]
pub struct Effects {
    pub households: i64,
    /// By class and township.
    pub classes: BTreeMap<String, BTreeMap<String, ClassNumbers>>,
    /// Warnings by indicator under each pack.
    pub indicators: BTreeMap<String, [i64; 2]>,
    /// By township.
    pub field: BTreeMap<String, FieldNumbers>,
}

impl Effects {
    /// Counts a slice of the register.
    pub fn add(&mut self, judged: &Judged, rules: &[FieldRules; 2]) {
        let township: BTreeMap<Uuid, &str> =
            judged.places.iter().map(|place| (place.household, place.township.as_str())).collect();
        self.households += i64::try_from(judged.places.len()).unwrap_or(i64::MAX);
        let [before, after] = [gather(&judged.classes[BEFORE]), gather(&judged.classes[AFTER])];
        let keys: BTreeSet<&(Uuid, &str)> = before.keys().chain(after.keys()).collect();
        for key in keys {
            let standing = |side: &Standings<'_>| side.get(key).map_or(Standing::Out, |granted| granted.standing());
            let (household, class) = *key;
            let Some(township) = township.get(&household) else { continue };
            self.class(class, township, (standing(&before), standing(&after)));
        }
        for side in [BEFORE, AFTER] {
            self.hits(&judged.hits[side], side, (&township, &rules[side]));
        }
    }

    fn class(&mut self, class: &str, township: &str, (before, after): (Standing, Standing)) {
        let Some((to, before_fen, after_fen)) = moved(before, after) else { return };
        let of_class = self.classes.entry(class.to_owned()).or_default();
        let numbers = of_class.entry(township.to_owned()).or_default();
        numbers.counts[to as usize] += 1;
        numbers.amounts[BEFORE] = numbers.amounts[BEFORE].saturating_add(before_fen);
        numbers.amounts[AFTER] = numbers.amounts[AFTER].saturating_add(after_fen);
    }

    fn hits(&mut self, hits: &[Hit], side: usize, (townships, rules): (&BTreeMap<Uuid, &str>, &FieldRules)) {
        let mut visited = BTreeSet::new();
        for hit in hits {
            let Some(township) = townships.get(&hit.household) else { continue };
            self.indicators.entry(hit.indicator.clone()).or_default()[side] += hit.warnings;
            if !rules.checked.contains(&hit.indicator) {
                continue;
            }
            let field = self.field.entry((*township).to_owned()).or_default();
            field.counts[side] += hit.warnings;
            // One visit checks everything there is about a household: dispatch merges it into one work order.
            if visited.insert(hit.household) {
                field.counts[2 + side] += 1;
                field.amounts[side] += rules.hours_in(township);
            }
        }
    }
}

type Standings<'a> = BTreeMap<(Uuid, &'a str), Granted>;

fn gather(verdicts: &[Verdict]) -> Standings<'_> {
    let mut all = Standings::new();
    for verdict in verdicts {
        all.entry((verdict.household, verdict.class.as_str())).or_default().add(verdict);
    }
    all
}

/// What becomes of a household, with fen a year before and after. An amount that only one pack can compute stands for
/// both, and who becomes unknown costs what it cost: neither is a saving.
fn moved(before: Standing, after: Standing) -> Option<(Move, i64, i64)> {
    use Standing::{In, Out, Unknown};
    Some(match (before, after) {
        (Out | Unknown, Out | Unknown) => return None,
        (Out, In(fen)) => (Move::Enters, 0, fen.unwrap_or(0)),
        (In(fen), Out) => (Move::Leaves, fen.unwrap_or(0), 0),
        (Unknown, In(fen)) => (Move::UndecidedBefore, 0, fen.unwrap_or(0)),
        (In(fen), Unknown) => (Move::UndecidedAfter, fen.unwrap_or(0), fen.unwrap_or(0)),
        (In(Some(first)), In(Some(second))) => {
            let to = match second.cmp(&first) {
                std::cmp::Ordering::Greater => Move::AmountHigher,
                std::cmp::Ordering::Less => Move::AmountLower,
                std::cmp::Ordering::Equal => Move::Unchanged,
            };
            (to, first, second)
        }
        (In(first), In(second)) => {
            let known = first.or(second).unwrap_or(0);
            (Move::AmountUnknown, known, known)
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOWNSHIP: &str = "621202103000";

    fn verdict(household: u128, member: bool, is_in: bool, yearly_fen: Option<i64>) -> Verdict {
        Verdict { household: Uuid::from_u128(household), class: "orphan".into(), member, is_in, yearly_fen }
    }

    fn compared(before: Vec<Verdict>, after: Vec<Verdict>) -> ClassNumbers {
        let places = (1..=3).map(|n| Place { household: Uuid::from_u128(n), township: TOWNSHIP.into() }).collect();
        let judged = Judged { places, classes: [before, after], hits: Default::default() };
        let mut effects = Effects::default();
        effects.add(&judged, &Default::default());
        effects.classes.remove("orphan").and_then(|mut of| of.remove(TOWNSHIP)).unwrap_or_default()
    }

    fn only(to: Move, amounts: [i64; 2]) -> ClassNumbers {
        let mut numbers = ClassNumbers { amounts, ..Default::default() };
        numbers.counts[to as usize] = 1;
        numbers
    }

    #[test]
    fn every_pair_of_standings_has_its_move_and_its_cost() {
        let inside = |fen| vec![verdict(1, false, true, Some(fen))];
        let unknown = || vec![verdict(1, false, false, None)];
        assert_eq!(compared(vec![], inside(1200)), only(Move::Enters, [0, 1200]));
        assert_eq!(compared(inside(1200), vec![]), only(Move::Leaves, [1200, 0]));
        assert_eq!(compared(inside(1200), inside(2400)), only(Move::AmountHigher, [1200, 2400]));
        assert_eq!(compared(inside(2400), inside(1200)), only(Move::AmountLower, [2400, 1200]));
        assert_eq!(compared(inside(1200), inside(1200)), only(Move::Unchanged, [1200, 1200]));
        assert_eq!(compared(unknown(), inside(1200)), only(Move::UndecidedBefore, [0, 1200]));
        assert_eq!(compared(unknown(), vec![]), ClassNumbers::default());
    }

    #[test]
    fn who_becomes_unknown_does_not_leave_and_costs_what_it_cost() {
        let after = vec![verdict(1, false, false, None)];
        assert_eq!(
            compared(vec![verdict(1, false, true, Some(1200))], after),
            only(Move::UndecidedAfter, [1200, 1200])
        );
    }

    #[test]
    fn an_amount_that_cannot_be_computed_is_no_saving() {
        let after = vec![verdict(1, false, true, None)];
        assert_eq!(compared(vec![verdict(1, false, true, Some(1200))], after), only(Move::AmountUnknown, [1200, 1200]));
    }

    #[test]
    fn members_add_up_to_one_household_unless_it_is_served_as_a_whole() {
        let members = || vec![verdict(1, true, true, Some(100)), verdict(1, true, true, Some(200))];
        assert_eq!(compared(vec![], members()), only(Move::Enters, [0, 300]));
        let mut both = members();
        both.push(verdict(1, false, true, Some(1000)));
        assert_eq!(compared(members(), both), only(Move::AmountHigher, [300, 1000]));
    }

    #[test]
    fn one_visit_checks_all_warnings_of_a_household() {
        let hit = |household, indicator: &str, warnings| Hit {
            household: Uuid::from_u128(household),
            indicator: indicator.to_owned(),
            warnings,
        };
        let rules = FieldRules {
            checked: ["A01".to_owned(), "A02".to_owned()].into(),
            hours: [("621202000000".to_owned(), 6)].into(),
            hours_elsewhere: 5,
        };
        let judged = Judged {
            places: vec![Place { household: Uuid::from_u128(1), township: TOWNSHIP.into() }],
            hits: [vec![], vec![hit(1, "A01", 2), hit(1, "A02", 1), hit(1, "P01", 1)]],
            ..Default::default()
        };
        let mut effects = Effects::default();
        effects.add(&judged, &[FieldRules::default(), rules]);
        assert_eq!(effects.field[TOWNSHIP], FieldNumbers { counts: [0, 3, 0, 1], amounts: [0, 6] });
        assert_eq!(effects.indicators["P01"], [0, 1]);
    }
}
