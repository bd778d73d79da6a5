//! Synthetic people: valid numbers that belong to nobody, names from a short list.

/// Weights of GB 11643-1999.
const WEIGHTS: [u32; 17] = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2];
const FAMILY: [&str; 10] = ["赵", "钱", "孙", "李", "周", "吴", "郑", "王", "冯", "陈"];
const GIVEN: [&str; 10] = ["一鸣", "二川", "三山", "四海", "五谷", "六合", "七星", "八方", "九州", "十全"];

/// The n-th person's ID number; odd sequence numbers are men.
pub fn id_number(n: usize) -> String {
    let (day, sequence) = (n / 500, n % 500 * 2 + 1);
    let (year, month, date) = (1950 + day / 336, day / 28 % 12 + 1, day % 28 + 1);
    let body = format!("622621{year:04}{month:02}{date:02}{sequence:03}");
    let sum: u32 = body.chars().zip(WEIGHTS).map(|(c, w)| c.to_digit(10).unwrap_or(0) * w).sum();
    let check = ['1', '0', 'X', '9', '8', '7', '6', '5', '4', '3', '2'][(sum % 11) as usize];
    format!("{body}{check}")
}

/// The n-th person's name.
pub fn name(n: usize) -> String {
    format!("{}{}", FAMILY[n % 10], GIVEN[n / 10 % 10])
}
