//! A rules engine of one household at a time over facts in memory. Aggregates over members are added up here: neither
//! language does that cheaply, and both are spared it.

use anyhow::Context as _;

use crate::book::{Book, Household, Known, Level, Made, Rule};

/// One engine with the book's expressions compiled.
pub trait Engine {
    /// Household or member with its facts.
    type Subject;
    type Program;
    /// Takes facts over; not part of what is measured.
    fn subject(&self, facts: &[(String, Known)]) -> anyhow::Result<Self::Subject>;
    fn program(&mut self, text: &str) -> anyhow::Result<Self::Program>;
    fn add(&self, subject: &mut Self::Subject, name: &str, value: Known);
    fn run(&mut self, program: &Self::Program, subject: &Self::Subject) -> anyhow::Result<Known>;
}

/// A compiled text, or what it is whatever the facts.
enum Step<P> {
    Fixed(bool),
    Run(P),
}

struct MadeStep<'a, P> {
    made: &'a Made,
    key: String,
    value: P,
    known: Step<P>,
}

struct RuleStep<'a, P> {
    rule: &'a Rule,
    verdict: Step<P>,
    amount: Option<P>,
}

/// A household and its members as the engine holds them.
pub struct Held<S> {
    household: S,
    members: Vec<S>,
}

/// The book as the engine holds it.
pub struct Compiled<'a, E: Engine> {
    engine: E,
    made: Vec<MadeStep<'a, E::Program>>,
    rules: Vec<RuleStep<'a, E::Program>>,
}

impl<'a, E: Engine> Compiled<'a, E> {
    pub fn of(mut engine: E, book: &'a Book) -> anyhow::Result<Self> {
        let step = |engine: &mut E, text: &str| match text {
            "true" => Ok(Step::Fixed(true)),
            "false" => Ok(Step::Fixed(false)),
            _ => engine.program(text).map(Step::Run),
        };
        let mut made = Vec::new();
        for fact in &book.made {
            let value = engine.program(&fact.value).with_context(|| fact.name.clone())?;
            let known = step(&mut engine, &fact.inner_known)?;
            made.push(MadeStep { made: fact, key: format!("{}__known", fact.name), value, known });
        }
        let mut rules = Vec::new();
        for rule in &book.rules {
            let verdict = step(&mut engine, &rule.verdict.value)?;
            let amount = rule.amount.as_ref().map(|amount| engine.program(&amount.value)).transpose()?;
            rules.push(RuleStep { rule, verdict, amount });
        }
        Ok(Self { engine, made, rules })
    }

    pub fn hold(&self, households: &[Household]) -> anyhow::Result<Vec<Held<E::Subject>>> {
        let held = households.iter().map(|household| {
            let members = household.members.iter().map(|member| {
                let both: Vec<_> = household.facts.iter().chain(member).cloned().collect();
                self.engine.subject(&both)
            });
            Ok(Held { household: self.engine.subject(&household.facts)?, members: members.collect::<Result<_, _>>()? })
        });
        held.collect()
    }

    /// Judges every household; gives how often each rule was true, in the order of the book.
    pub fn judge(&mut self, households: &mut [Held<E::Subject>]) -> anyhow::Result<Vec<i64>> {
        let mut counts = vec![0; self.rules.len()];
        for household in households {
            for step in &self.made {
                make(&mut self.engine, step, household)?;
            }
            for (n, step) in self.rules.iter().enumerate() {
                if step.rule.level == Level::Household {
                    counts[n] += i64::from(holds(&mut self.engine, step, &household.household)?);
                } else {
                    for member in &household.members {
                        counts[n] += i64::from(holds(&mut self.engine, step, member)?);
                    }
                }
            }
        }
        Ok(counts)
    }
}

fn known<E: Engine>(engine: &mut E, step: &Step<E::Program>, subject: &E::Subject) -> anyhow::Result<bool> {
    match step {
        Step::Fixed(value) => Ok(*value),
        Step::Run(program) => Ok(engine.run(program, subject)?.truth()),
    }
}

fn holds<E: Engine>(engine: &mut E, step: &RuleStep<'_, E::Program>, subject: &E::Subject) -> anyhow::Result<bool> {
    if !known(engine, &step.verdict, subject)? {
        return Ok(false);
    }
    if let Some(amount) = &step.amount {
        std::hint::black_box(engine.run(amount, subject)?);
    }
    Ok(true)
}

/// Computes a fact and lets those see it that may use it.
fn make<E: Engine>(
    engine: &mut E,
    step: &MadeStep<'_, E::Program>,
    household: &mut Held<E::Subject>,
) -> anyhow::Result<()> {
    let made = step.made;
    let varies = matches!(step.known, Step::Run(_));
    if made.level == Level::Person {
        for member in &mut household.members {
            let value = engine.run(&step.value, member)?;
            let sure = known(engine, &step.known, member)?;
            engine.add(member, &made.name, value);
            if varies {
                engine.add(member, &step.key, Known::Truth(sure));
            }
        }
        return Ok(());
    }
    let (value, sure) = match &made.lifted {
        None => {
            let value = engine.run(&step.value, &household.household)?;
            (value, known(engine, &step.known, &household.household)?)
        }
        Some(how) => lift(engine, (how, step), &household.members)?,
    };
    for subject in std::iter::once(&mut household.household).chain(&mut household.members) {
        engine.add(subject, &made.name, value);
        if varies {
            engine.add(subject, &step.key, Known::Truth(sure));
        }
    }
    Ok(())
}

/// An aggregate over members: unknown when one is, unless a true one decides.
fn lift<E: Engine>(
    engine: &mut E,
    (how, step): (&str, &MadeStep<'_, E::Program>),
    members: &[E::Subject],
) -> anyhow::Result<(Known, bool)> {
    let (mut sum, mut least, mut most, mut sure) = (0.0, f64::INFINITY, f64::NEG_INFINITY, true);
    for member in members {
        let value = engine.run(&step.value, member)?.number();
        sure &= known(engine, &step.known, member)?;
        (sum, least, most) = (sum + value, least.min(value), most.max(value));
    }
    Ok(match how {
        "bool_or" => (Known::Truth(sum > 0.0), sure || sum > 0.0),
        "bool_and" => (Known::Truth(least > 0.0), sure),
        "max" => (Known::Number(most), sure),
        "min" => (Known::Number(least), sure),
        _ => (Known::Number(sum), sure),
    })
}
