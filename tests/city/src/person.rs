//! Synthetic people: ID numbers that pass GB 11643 and belong to nobody, and names as they occur in 陇南,
//! minority names with a middle dot and characters outside the basic plane among them.

use std::collections::HashMap;

use chrono::{Datelike, Days, NaiveDate};
use rand::Rng;
use rand_chacha::ChaCha8Rng;

use crate::division::{County, old_prefix};

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Sex {
    Male,
    Female,
}

/// A member of a household.
#[derive(Clone, Debug)]
pub struct Person {
    pub id_number: String,
    pub name: String,
    pub sex: Sex,
    pub birth_on: NaiveDate,
    /// GB/T 4761, two digits.
    pub relation: &'static str,
}

/// Full years on a day.
pub fn age(birth_on: NaiveDate, today: NaiveDate) -> i32 {
    let years = today.year() - birth_on.year();
    let had_birthday = (today.month(), today.day()) >= (birth_on.month(), birth_on.day());
    if had_birthday { years } else { years - 1 }
}

impl Person {
    /// Full years on a day.
    pub fn age(&self, today: NaiveDate) -> i32 {
        age(self.birth_on, today)
    }

    /// The day on which the county's books have the person in the household: they begin in 2015.
    pub fn joined_on(&self) -> NaiveDate {
        NaiveDate::from_ymd_opt(2015, 1, 1).unwrap_or_default().max(self.birth_on)
    }

    /// Whether the person's number once had fifteen digits: only for people born in the 1900s.
    pub fn had_old_number(&self) -> bool {
        self.birth_on.year() < 2000
    }

    /// The number as it stood before 1999: no century, no check digit.
    pub fn old_id_number(&self) -> Option<String> {
        self.had_old_number().then(|| format!("{}{}", &self.id_number[..6], &self.id_number[8..17]))
    }
}

const WEIGHTS: [u32; 17] = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2];

/// Check character of the first seventeen digits.
pub fn check_digit(body: &str) -> char {
    let sum: u32 = body.chars().zip(WEIGHTS).map(|(c, w)| c.to_digit(10).unwrap_or(0) * w).sum();
    "10X98765432".chars().nth((sum % 11) as usize).unwrap_or('0')
}

/// The same number with a check character that is wrong.
pub fn with_bad_check_digit(id_number: &str) -> String {
    let body = &id_number[..17];
    let right = check_digit(body);
    let wrong = if right == '7' { '3' } else { '7' };
    format!("{body}{wrong}")
}

/// The same number with a month that does not exist, check character in order.
pub fn with_bad_birth_date(id_number: &str) -> String {
    let body = format!("{}13{}", &id_number[..10], &id_number[12..17]);
    let check = check_digit(&body);
    format!("{body}{check}")
}

/// Gives out ID numbers, each once.
#[derive(Default)]
pub struct IdNumbers {
    used: HashMap<(&'static str, NaiveDate, Sex), u32>,
}

impl IdNumbers {
    /// A number for somebody born about `birth_on`; the day moves on when its numbers are used up.
    pub fn next(&mut self, county: County, birth_on: NaiveDate, sex: Sex) -> (String, NaiveDate) {
        let mut day = birth_on;
        loop {
            let prefix = if day.year() < 2004 { old_prefix(county) } else { county };
            let used = self.used.entry((prefix, day, sex)).or_default();
            if *used < 490 {
                let sequence = *used * 2 + u32::from(sex == Sex::Male) + u32::from(sex == Sex::Female) * 2;
                *used += 1;
                let body = format!("{prefix}{}{sequence:03}", day.format("%Y%m%d"));
                let check = check_digit(&body);
                return (format!("{body}{check}"), day);
            }
            day = day.checked_sub_days(Days::new(1)).unwrap_or(day);
        }
    }
}

const SURNAMES: [&str; 40] = [
    "王", "李", "张", "刘", "陈", "杨", "赵", "黄", "周", "吴", "徐", "孙", "马", "朱", "胡", "郭", "何", "高", "林",
    "罗", "郑", "梁", "谢", "宋", "唐", "许", "韩", "冯", "邓", "曹", "彭", "曾", "肖", "田", "董", "袁", "潘", "蔡",
    "欧阳", "尚",
];
const GIVEN: [&str; 64] = [
    "伟", "芳", "娜", "敏", "静", "丽", "强", "磊", "军", "洋", "勇", "艳", "杰", "涛", "明", "超", "兰", "霞", "平",
    "刚", "桂", "英", "华", "玉", "萍", "红", "文", "辉", "力", "鹏", "飞", "鑫", "波", "斌", "宇", "浩", "凯", "秀",
    "珍", "梅", "琴", "云", "莲", "春", "菊", "燕", "雪", "琳", "晶", "倩", "婷", "雯", "欣", "怡", "子", "轩", "梓",
    "涵", "雨", "泽", "宏", "林", "建", "国",
];
/// Outside the basic plane or in GB18030's four-byte part: a system with GBK loses them.
const RARE: [&str; 8] = ["𬭚", "㛃", "䶮", "𬍛", "𫖯", "㭎", "𬬭", "䲟"];
const TIBETAN: [&str; 14] =
    ["扎西", "多杰", "卓玛", "央金", "才让", "旦增", "尼玛", "次仁", "格桑", "白玛", "达瓦", "拉姆", "索南", "嘉措"];

fn one<'a>(rng: &mut ChaCha8Rng, list: &[&'a str]) -> &'a str {
    list[rng.random_range(0..list.len())]
}

/// A family name; about one household in a hundred writes names the Tibetan way and has none.
pub fn surname(rng: &mut ChaCha8Rng) -> Option<&'static str> {
    if rng.random_bool(0.012) { None } else { Some(one(rng, &SURNAMES)) }
}

/// A name in a family.
pub fn name(rng: &mut ChaCha8Rng, surname: Option<&str>) -> String {
    let Some(surname) = surname else {
        let (first, second) = (one(rng, &TIBETAN), one(rng, &TIBETAN));
        return format!("{first}·{second}");
    };
    if rng.random_bool(0.008) {
        return format!("{surname}{}", one(rng, &RARE));
    }
    let first = one(rng, &GIVEN);
    if rng.random_bool(0.3) { format!("{surname}{first}") } else { format!("{surname}{first}{}", one(rng, &GIVEN)) }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use rand::SeedableRng;

    use super::*;

    #[test]
    fn check_digits_agree_with_the_textbook() {
        assert_eq!(check_digit("11010519491231002"), 'X');
        assert_eq!(check_digit("62262119800101123"), '7');
        assert_eq!(check_digit("62120220160229001"), '9');
        assert_eq!(check_digit(&with_bad_check_digit("622621198001011237")[..17]), '7');
        assert_ne!(with_bad_check_digit("622621198001011237"), "622621198001011237");
    }

    #[test]
    fn numbers_are_unique_and_carry_sex_and_old_prefix() {
        let mut numbers = IdNumbers::default();
        let day = NaiveDate::from_ymd_opt(1970, 5, 6).unwrap();
        let mut seen = std::collections::HashSet::new();
        for n in 0..1200 {
            let sex = if n % 2 == 0 { Sex::Male } else { Sex::Female };
            let (id, birth) = numbers.next("621202", day, sex);
            assert_eq!(id.len(), 18);
            assert_eq!(check_digit(&id[..17]), id.chars().last().unwrap());
            assert!(id.starts_with("622621"));
            assert_eq!(&id[6..14], birth.format("%Y%m%d").to_string());
            assert_eq!(id[14..17].parse::<u32>().unwrap() % 2 == 1, sex == Sex::Male);
            assert!(seen.insert(id));
        }
    }

    #[test]
    fn some_names_need_gb18030() {
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        let names: Vec<String> = (0..5000).map(|_| name(&mut rng, Some("王"))).collect();
        assert!(names.iter().any(|n| n.chars().any(|c| c as u32 > 0xffff)));
    }
}
