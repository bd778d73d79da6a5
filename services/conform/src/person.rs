//! People who cannot exist: the ID number's check digit is right (GB 11643-1999), its division was never assigned.

/// No division begins with 99, so a number made from it belongs to nobody.
const NOWHERE: &str = "990000";
const WEIGHTS: [u32; 17] = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2];
const CHECK: [char; 11] = ['1', '0', 'X', '9', '8', '7', '6', '5', '4', '3', '2'];

/// A synthetic person.
#[derive(Clone, PartialEq, Eq)]
pub struct Person {
    pub id_number: String,
    pub name: String,
}

impl Person {
    /// The n-th of them; the same number, the same person.
    pub fn nth(n: u32) -> Person {
        let born = format!("{}{:02}{:02}", 1950 + n % 50, 1 + n % 12, 1 + n % 28);
        let first = format!("{NOWHERE}{born}{:03}", n % 1_000);
        let last = check_digit(&first);
        Person { id_number: format!("{first}{last}"), name: "合成人".to_owned() }
    }
}

/// The digit behind the first seventeen.
fn check_digit(first: &str) -> char {
    let sum: u32 = first.bytes().zip(WEIGHTS).map(|(byte, weight)| u32::from(byte.saturating_sub(b'0')) * weight).sum();
    CHECK.into_iter().nth((sum % 11) as usize).unwrap_or('0')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_check_digit_is_that_of_the_standards_own_example() {
        assert_eq!(check_digit("11010519491231002"), 'X');
    }

    #[test]
    fn every_person_has_eighteen_characters_and_a_division_nobody_has() {
        for n in 0..2_000 {
            let person = Person::nth(n);
            assert_eq!(person.id_number.len(), 18);
            assert!(person.id_number.starts_with(NOWHERE));
        }
    }
}
