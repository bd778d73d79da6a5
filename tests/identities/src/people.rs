//! People who do not exist: households with names as common as names are, twins, minority names, rare characters. The
//! same seed gives the same people.

use rand::Rng;
use rand_chacha::ChaCha8Rng;

const WEIGHTS: [u32; 17] = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2];
const CHECKS: &[u8; 11] = b"10X98765432";
/// The commonest first, as in the census: a tenth of the people share one family name.
const FAMILY: [&str; 40] = [
    "王", "李", "张", "刘", "陈", "杨", "赵", "黄", "周", "吴", "徐", "孙", "胡", "朱", "高", "林", "何", "郭", "马",
    "罗", "梁", "宋", "郑", "谢", "韩", "唐", "冯", "于", "董", "萧", "程", "曹", "袁", "邓", "许", "傅", "沈", "曾",
    "彭", "吕",
];
const GIVEN: [&str; 60] = [
    "伟", "芳", "娜", "秀英", "敏", "静", "丽", "强", "磊", "军", "洋", "勇", "艳", "杰", "娟", "涛", "明", "超",
    "秀兰", "霞", "平", "刚", "桂英", "建国", "建华", "国强", "晓明", "小红", "志强", "玉兰", "玉梅", "海燕", "春梅",
    "峰", "云", "龙", "凤英", "荣", "莹", "红梅", "淑珍", "桂兰", "翠花", "文杰", "子涵", "浩然", "梓萱", "雨桐",
    "俊杰", "欣怡", "佳怡", "思远", "群", "真真", "青山", "喆", "淼鑫", "启明", "永胜", "振华",
];
const MINORITY: [&str; 6] =
    ["阿依古丽·买买提", "艾力·吐尔逊", "扎西·次仁", "马哈麻·优素福", "卓玛·央金", "巴特尔·乌云"];
/// Villages of one county: the number's first six digits are those of the county of birth.
const BORN_IN: [&str; 4] = ["621202", "621221", "620102", "610302"];

/// A person as the register has it.
#[derive(Clone, Debug)]
pub struct Person {
    pub household: usize,
    pub name: String,
    pub id_number: String,
}

/// The number of seventeen digits with its check digit.
pub fn whole(body: &str) -> String {
    let sum: u32 = body.bytes().zip(WEIGHTS).map(|(b, weight)| u32::from(b - b'0') * weight).sum();
    let check = usize::try_from(sum % 11).unwrap_or_default();
    format!("{body}{}", char::from(CHECKS[check]))
}

/// At least `count` people in their households.
pub fn people(count: usize, rng: &mut ChaCha8Rng) -> Vec<Person> {
    let mut people: Vec<Person> = Vec::with_capacity(count + 5);
    let mut taken = std::collections::HashSet::new();
    let mut household = 0;
    while people.len() < count {
        let family = common(&FAMILY, rng);
        let born_in = common(&BORN_IN, rng);
        let mut birth = String::new();
        for place in 0..rng.random_range(2..=5) {
            // One in thirty of the younger is the twin of the one before.
            if place < 2 || !rng.random_ratio(1, 30) {
                birth = birthday(place < 2, rng);
            }
            let id_number = loop {
                let number = whole(&format!("{born_in}{birth}{:03}", rng.random_range(1..400)));
                if taken.insert(number.clone()) {
                    break number;
                }
            };
            let minority = place < 2 && rng.random_ratio(1, 40);
            let name =
                if minority { common(&MINORITY, rng).to_owned() } else { format!("{family}{}", common(&GIVEN, rng)) };
            let beside = |p: &Person| p.household == household && p.name == name;
            if !people.iter().rev().take(6).any(beside) {
                people.push(Person { household, name, id_number });
            }
        }
        household += 1;
    }
    people
}

fn birthday(grown: bool, rng: &mut ChaCha8Rng) -> String {
    let year = if grown { rng.random_range(1935..1998) } else { rng.random_range(1999..2021) };
    format!("{year}{:02}{:02}", rng.random_range(1..=12), rng.random_range(1..=28))
}

/// One of a list, the earlier the likelier.
fn common<'a>(list: &[&'a str], rng: &mut ChaCha8Rng) -> &'a str {
    let at = rng.random_range(0..list.len()).min(rng.random_range(0..list.len()));
    list[at]
}
