//! Rows about these people and about strangers, each wrong in one way, with the truth on record.

use rand::{
    Rng,
    seq::{IndexedRandom as _, SliceRandom as _},
};
use rand_chacha::ChaCha8Rng;

use crate::people::{Person, whole};

/// What is wrong with a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Slip {
    CheckDigit,
    Digit,
    Swap,
    Missing,
    Extra,
    /// Fifteen digits with one of them wrong so that there is no such day.
    FifteenDigit,
    /// Eighteen characters of one born after 1999, cut to fifteen.
    Century,
    NameVariant,
    NamePlaceholder,
    NumberAndVariant,
    NumberAndPlaceholder,
    /// A member's name under the number of another of the household.
    SiblingsNumber,
    /// Two digits wrong: beyond one slip.
    TwoDigits,
    /// A stranger's name under the number of somebody on file.
    TwoNames,
    /// A stranger of the same name as somebody on file, with a slip in the own number.
    Namesake,
    /// As a namesake, born on the same day in the same place: the number is by its own slip one from that on file.
    NearNamesake,
    /// Nobody of this name and number is on file.
    Stranger,
}

pub const SLIPS: [Slip; 17] = [
    Slip::CheckDigit,
    Slip::Digit,
    Slip::Swap,
    Slip::Missing,
    Slip::Extra,
    Slip::FifteenDigit,
    Slip::Century,
    Slip::NameVariant,
    Slip::NamePlaceholder,
    Slip::NumberAndVariant,
    Slip::NumberAndPlaceholder,
    Slip::SiblingsNumber,
    Slip::TwoDigits,
    Slip::TwoNames,
    Slip::Namesake,
    Slip::NearNamesake,
    Slip::Stranger,
];

/// Pairs that stand for each other in names. All but the last are in the table that adapters use, which a real feed's
/// are not: what is measured of variants is an upper bound.
const VARIANTS: [(&str, &str); 22] = [
    ("张", "張"),
    ("刘", "劉"),
    ("陈", "陳"),
    ("杨", "楊"),
    ("赵", "趙"),
    ("吴", "吳"),
    ("孙", "孫"),
    ("国", "國"),
    ("华", "華"),
    ("强", "強"),
    ("杰", "傑"),
    ("峰", "峯"),
    ("兰", "蘭"),
    ("莹", "瑩"),
    ("龙", "龍"),
    ("萧", "肖"),
    ("晓", "曉"),
    ("真", "眞"),
    ("群", "羣"),
    ("青", "靑"),
    ("启", "啟"),
    ("涵", "凾"),
];

/// A row with the truth.
#[derive(Clone, Debug)]
pub struct Row {
    pub slip: Slip,
    pub number: String,
    pub name: String,
    /// Whom it means, by place, if that person is on file.
    pub means: Option<usize>,
}

/// The row that a slip makes of somebody; none where it cannot happen to this person.
pub fn row(slip: Slip, people: &[Person], rng: &mut ChaCha8Rng) -> Option<Row> {
    let at = rng.random_range(0..people.len());
    let person = &people[at];
    let (id, name) = (&person.id_number, &person.name);
    let (number, name, means) = match slip {
        Slip::CheckDigit => (check_digit(id, rng), name.clone(), Some(at)),
        Slip::Digit => (digit(id, 17, rng), name.clone(), Some(at)),
        Slip::Swap => (swap(id, rng)?, name.clone(), Some(at)),
        Slip::Missing => (missing(id, rng), name.clone(), Some(at)),
        Slip::Extra => (extra(id, rng), name.clone(), Some(at)),
        Slip::FifteenDigit => (fifteen(id)?, name.clone(), Some(at)),
        Slip::Century => (century(id)?, name.clone(), Some(at)),
        Slip::NameVariant => (id.clone(), variant(name)?, Some(at)),
        Slip::NamePlaceholder => (id.clone(), placeholder(name, rng)?, Some(at)),
        Slip::NumberAndVariant => (check_digit(id, rng), variant(name)?, Some(at)),
        Slip::NumberAndPlaceholder => (digit(id, 17, rng), placeholder(name, rng)?, Some(at)),
        Slip::SiblingsNumber => {
            let beside = |p: &&Person| p.household == person.household && p.id_number != *id;
            let sibling = people.iter().rfind(beside)?;
            (sibling.id_number.clone(), name.clone(), Some(at))
        }
        Slip::TwoDigits => (digit(&digit(id, 6, rng), 17, rng), name.clone(), Some(at)),
        Slip::TwoNames => (id.clone(), strange_name(rng), None),
        Slip::Namesake => (check_digit(&stranger(id, rng), rng), name.clone(), None),
        Slip::NearNamesake => (near(id, people)?, name.clone(), None),
        Slip::Stranger => (check_digit(&stranger(id, rng), rng), strange_name(rng), None),
    };
    Some(Row { slip, number, name, means })
}

fn edited(id: &str, edit: impl FnOnce(&mut Vec<u8>)) -> String {
    let mut bytes = id.as_bytes().to_vec();
    edit(&mut bytes);
    bytes.into_iter().map(char::from).collect()
}

fn other_digit(digit: u8, rng: &mut ChaCha8Rng) -> u8 {
    let value = if digit == b'X' { 0 } else { digit - b'0' };
    b'0' + (value + rng.random_range(1..10)) % 10
}

fn check_digit(id: &str, rng: &mut ChaCha8Rng) -> String {
    edited(id, |b| b[17] = other_digit(b[17], rng))
}

fn digit(id: &str, before: usize, rng: &mut ChaCha8Rng) -> String {
    let at = rng.random_range(if before == 17 { 6 } else { 1 }..before);
    edited(id, |b| b[at] = other_digit(b[at], rng))
}

fn swap(id: &str, rng: &mut ChaCha8Rng) -> Option<String> {
    let at = rng.random_range(1..16);
    let swapped = edited(id, |b| b.swap(at, at + 1));
    (swapped != id).then_some(swapped)
}

fn missing(id: &str, rng: &mut ChaCha8Rng) -> String {
    let at = rng.random_range(0..18);
    edited(id, |b| _ = b.remove(at))
}

fn extra(id: &str, rng: &mut ChaCha8Rng) -> String {
    let (at, digit) = (rng.random_range(1..18), b'0' + rng.random_range(0..10));
    edited(id, |b| b.insert(at, digit))
}

fn fifteen(id: &str) -> Option<String> {
    let born_then = id[6..].starts_with("19");
    // The month's first digit: there is no month beyond 12.
    born_then.then(|| edited(&format!("{}{}", &id[..6], &id[8..17]), |b| b[8] = b'7'))
}

fn century(id: &str) -> Option<String> {
    id[6..].starts_with("20").then(|| format!("{}{}", &id[..6], &id[8..17]))
}

fn variant(name: &str) -> Option<String> {
    let (common, other) = VARIANTS.iter().rev().find(|(common, _)| name.contains(*common))?;
    Some(name.replacen(common, other, 1))
}

fn placeholder(name: &str, rng: &mut ChaCha8Rng) -> Option<String> {
    let mut letters: Vec<char> = name.chars().collect();
    let signs = ['?', '□', '\u{e2b4}', '〓'];
    let at = rng.random_range(1..letters.len());
    letters[at] = *signs.choose(rng)?;
    Some(letters.into_iter().collect())
}

/// A family name that nobody on file has.
fn strange_name(rng: &mut ChaCha8Rng) -> String {
    let given = ["文博", "立新", "晨曦", "德胜", "爱民"];
    format!("{}{}", ["欧阳", "司马", "诸葛", "端木"][rng.random_range(0..4)], given[rng.random_range(0..5)])
}

/// The number of somebody else of another place and year.
fn stranger(id: &str, rng: &mut ChaCha8Rng) -> String {
    whole(&format!("3301{:02}19{:02}{}", rng.random_range(2..13), rng.random_range(40..80), &id[10..17]))
}

/// A number that differs in the last but two digit alone, so that check digit and that digit do not fit: whoever typed
/// it meant somebody born there on that day.
fn near(id: &str, people: &[Person]) -> Option<String> {
    let other = edited(&id[..17], |b| b[14] = b'0' + (b[14] - b'0' + 1) % 10);
    let free = people.iter().all(|p| p.id_number != whole(&other));
    free.then(|| format!("{other}{}", &id[17..]))
}

/// As many rows of each kind, mixed.
pub fn rows(each: usize, people: &[Person], rng: &mut ChaCha8Rng) -> Vec<Row> {
    let mut rows = Vec::with_capacity(each * SLIPS.len());
    for slip in SLIPS {
        let (mut made, mut tries) = (0, 0);
        while made < each && tries < each * 200 {
            tries += 1;
            if let Some(row) = row(slip, people, rng) {
                rows.push(row);
                made += 1;
            }
        }
    }
    rows.shuffle(rng);
    rows
}
