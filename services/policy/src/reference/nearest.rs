//! The nearest change of one fact that would turn a verdict: what an applicant asks first.

use super::{
    Value,
    book::{Book, MadeFact, ParsedRule},
    judge::Household,
    number::Exact,
};
use crate::{error::Fault, kind::Kind, model::Level};

/// A fact that may be asked to change.
#[derive(Debug, Clone)]
pub(crate) struct Candidate {
    pub name: String,
    pub level: Level,
    pub kind: Kind,
}

/// The change found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Turn {
    pub fact: String,
    /// Place of the member whose fact it is.
    pub member: Option<usize>,
    pub value: Value,
    pub needed: Value,
}

/// Largest number tried: a hundred thousand million yuan.
const MOST: i64 = 10_000_000_000_000;

/// The single change nearest to what is, by which the rule's verdict becomes `wanted`. Numbers are tried upwards and
/// downwards on the assumption that a rule turns once in each direction; distance is relative to the value.
pub(crate) fn turn(
    household: &Household,
    (book, rule, place): (&Book, &ParsedRule, Option<usize>),
    wanted: bool,
) -> Result<Option<Turn>, Fault> {
    let household = &household.pruned(rule);
    let mut best: Option<(Exact, Turn)> = None;
    let made: Vec<&MadeFact> = book.made.iter().filter(|fact| rule.facts.contains(&fact.name)).collect();
    for candidate in &rule.changeable {
        let touched: Vec<&MadeFact> =
            made.iter().copied().filter(|fact| fact.rests_on.contains(&candidate.name)).collect();
        for member in places(household, candidate, (rule, place)) {
            let changed = household.clone();
            let mut trial = Trial { household, changed, rule, place, candidate, member, wanted, touched: &touched };
            let Some((distance, needed)) = trial.nearest()? else { continue };
            if best.as_ref().is_none_or(|(least, _)| distance < *least) {
                let turn = Turn { fact: candidate.name.clone(), member, value: trial.value(), needed };
                best = Some((distance, turn));
            }
        }
    }
    Ok(best.map(|(_, turn)| turn))
}

/// Whose fact is tried: the household's, the judged member's, or for a rule about the household every member's.
fn places(
    household: &Household,
    candidate: &Candidate,
    (rule, place): (&ParsedRule, Option<usize>),
) -> Vec<Option<usize>> {
    match (candidate.level, rule.level) {
        (Level::Person, Level::Person) => vec![place],
        (Level::Person, _) => (0..household.members.len()).map(Some).collect(),
        _ => vec![None],
    }
}

struct Trial<'a> {
    household: &'a Household,
    /// The household with the value that was tried last.
    changed: Household,
    rule: &'a ParsedRule,
    place: Option<usize>,
    candidate: &'a Candidate,
    member: Option<usize>,
    wanted: bool,
    /// Facts made of facts that change with the candidate, in an order in which they can be computed.
    touched: &'a [&'a MadeFact],
}

impl Trial<'_> {
    fn value(&self) -> Value {
        let values = self.member.map_or(&self.household.facts, |place| &self.household.members[place]);
        values.get(&self.candidate.name).cloned().unwrap_or(Value::Unknown)
    }

    /// Distance and value of the nearest change; `None` when no change of this fact turns the verdict.
    fn nearest(&mut self) -> Result<Option<(Exact, Value)>, Fault> {
        match (self.candidate.kind, self.value()) {
            (Kind::Boolean, Value::Boolean(now)) => {
                let other = Value::Boolean(!now);
                Ok(self.turns(&other)?.then_some((Exact::from_integer(1), other)))
            }
            (Kind::Integer | Kind::Money, Value::Number(now)) => {
                self.number(i64::try_from(now.to_integer()).unwrap_or(0))
            }
            _ => Ok(None),
        }
    }

    fn number(&mut self, now: i64) -> Result<Option<(Exact, Value)>, Fault> {
        let mut best: Option<i64> = None;
        for step in [-1, 1] {
            if let Some(found) = self.towards(now, step)? {
                let nearer = best.is_none_or(|other: i64| (found - now).abs() < (other - now).abs());
                best = if nearer { Some(found) } else { best };
            }
        }
        Ok(best.map(|found| {
            let distance = Exact::new(i128::from((found - now).abs()), i128::from(now.abs().max(1)));
            (distance, Value::whole(found))
        }))
    }

    /// Doubles the step until the verdict turns, then halves the way back to the first value that does.
    fn towards(&mut self, now: i64, direction: i64) -> Result<Option<i64>, Fault> {
        let (mut near, mut step) = (now, direction);
        let mut far = loop {
            let next = (now + step).clamp(0, MOST);
            if next == near {
                return Ok(None);
            }
            if self.turns(&Value::whole(next))? {
                break next;
            }
            (near, step) = (next, step * 2);
        };
        while (far - near).abs() > 1 {
            let middle = near + (far - near) / 2;
            if self.turns(&Value::whole(middle))? { far = middle } else { near = middle }
        }
        Ok(Some(far))
    }

    fn turns(&mut self, value: &Value) -> Result<bool, Fault> {
        let values = match self.member {
            Some(place) => &mut self.changed.members[place],
            None => &mut self.changed.facts,
        };
        values.insert(self.candidate.name.clone(), value.clone());
        self.changed.complete(self.touched.iter().copied())?;
        Ok(self.changed.verdict(self.rule, self.place)? == Some(self.wanted))
    }
}
