//! Which classes are held although the assessment says that their conditions are no longer met. Only a clear no
//! counts: an unknown condition leaves the class as it is.

use std::collections::BTreeSet;

use minqing_proto::minqing::{identification::v1::Assessment, types::v1::Truth};

use super::{code::class_text, facts::Held};

/// Classes held and not met, by text, in order.
pub fn unmet(assessment: &Assessment, held: &[Held]) -> Vec<String> {
    let lost: BTreeSet<&str> = held.iter().filter(|h| is_unmet(assessment, h)).map(|h| h.class.as_str()).collect();
    lost.into_iter().map(str::to_owned).collect()
}

/// Every route that could carry the class for its holder says no, and there is one. A class of the household may rest
/// on a route of any member; a member's class on that member's routes and the household's.
fn is_unmet(assessment: &Assessment, held: &Held) -> bool {
    let holder = held.person_key.map(|key| key.to_string());
    let mut any = false;
    for class in &assessment.classes {
        if class_text(class.assistance_class()).as_deref() != Some(held.class.as_str()) {
            continue;
        }
        let others = holder.as_ref().is_some_and(|key| !class.person_key.is_empty() && class.person_key != *key);
        if others {
            continue;
        }
        if class.eligible() != Truth::False {
            return false;
        }
        any = true;
    }
    any
}

#[cfg(test)]
mod tests {
    use minqing_proto::minqing::{identification::v1::ClassAssessment, types::v1::AssistanceClass};
    use uuid::Uuid;

    use super::*;

    fn row(class: AssistanceClass, person: Option<u128>, eligible: Truth) -> ClassAssessment {
        ClassAssessment {
            assistance_class: class.into(),
            person_key: person.map(|n| Uuid::from_u128(n).to_string()).unwrap_or_default(),
            eligible: eligible.into(),
            ..ClassAssessment::default()
        }
    }

    fn held(person: Option<u128>) -> Held {
        Held {
            class: "minimum_living".into(),
            person_key: person.map(Uuid::from_u128),
            valid_from: None,
            amount_fen: 0,
        }
    }

    #[test]
    fn only_a_clear_no_on_every_route_of_the_holder_is_unmet() {
        use AssistanceClass::{Edge, MinimumLiving as Low};
        use Truth::{False, True, Unknown};
        let cases = [
            (vec![], held(None), false),
            (vec![row(Edge, None, False)], held(None), false),
            (vec![row(Low, None, False)], held(None), true),
            (vec![row(Low, None, Unknown)], held(None), false),
            (vec![row(Low, None, False), row(Low, Some(1), True)], held(None), false),
            (vec![row(Low, None, False), row(Low, Some(1), True)], held(Some(2)), true),
            (vec![row(Low, None, False), row(Low, Some(2), Unknown)], held(Some(2)), false),
            (vec![row(Low, Some(1), False)], held(Some(2)), false),
        ];
        for (i, (classes, held, expected)) in cases.into_iter().enumerate() {
            let assessment = Assessment { classes, ..Assessment::default() };
            assert_eq!(!unmet(&assessment, &[held]).is_empty(), expected, "case {i}");
        }
    }
}
