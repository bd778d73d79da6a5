//! People who cannot exist: the ID number's check digit is right (GB 11643-1999), its division was never assigned.

/// No division begins with 99, so a number made from it belongs to nobody.
const NOWHERE: &str = "990000";
const WEIGHTS: [u32; 17] = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2];
const CHECK: [char; 11] = ['1', '0', 'X', '9', '8', '7', '6', '5', '4', '3', '2'];
/// How many different ones there are.
const PERSONS: u64 = 60 * 12 * 28 * 1_000;

/// A synthetic person.
#[derive(Clone, PartialEq, Eq)]
pub struct Person {
    pub id_number: String,
    pub name: String,
}

impl Person {
    /// The n-th of them; the same number, the same person.
    pub fn nth(n: u64) -> Person {
        let n = n % PERSONS;
        let (place, day) = (n % 1_000, n / 1_000);
        let born = format!("{}{:02}{:02}", 1950 + day / (12 * 28), 1 + day / 28 % 12, 1 + day % 28);
        let first = format!("{NOWHERE}{born}{place:03}");
        let last = check_digit(&first);
        Person { id_number: format!("{first}{last}"), name: "合成人".to_owned() }
    }

    /// The same with a check digit that is wrong.
    pub fn misspelt(&self) -> String {
        let wrong = if self.id_number.ends_with('1') { '2' } else { '1' };
        format!("{}{wrong}", self.id_number.get(..17).unwrap_or_default())
    }
}

/// The digit behind the first seventeen.
fn check_digit(first: &str) -> char {
    let sum: u32 = first.bytes().zip(WEIGHTS).map(|(byte, weight)| u32::from(byte.saturating_sub(b'0')) * weight).sum();
    CHECK.into_iter().nth((sum % 11) as usize).unwrap_or('0')
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn the_check_digit_is_that_of_the_standards_own_example() {
        assert_eq!(check_digit("11010519491231002"), 'X');
    }

    #[test]
    fn every_person_is_another_and_of_a_division_nobody_has() {
        let all: BTreeSet<_> = (0..40_000).map(|n| Person::nth(n * 503).id_number).collect();
        assert_eq!(all.len(), 40_000);
        assert!(all.iter().all(|id| id.len() == 18 && id.starts_with(NOWHERE)));
    }
}
