//! How personal values are shown to those whose purpose does not open them. A value of unexpected form is hidden
//! whole: a mask never shows more than its rule allows.

const STAR: char = '*';
const HIDDEN: &str = "***";
/// Compound family names still in use.
const COMPOUND: [&str; 24] = [
    "欧阳", "太史", "上官", "端木", "司马", "东方", "独孤", "南宫", "夏侯", "诸葛", "尉迟", "皇甫", "公孙", "慕容",
    "令狐", "宇文", "长孙", "司徒", "司空", "轩辕", "申屠", "澹台", "万俟", "拓跋",
];
/// Marks that end the part of an address that may be shown, the smallest place first.
const PLACES: [&[&str]; 3] =
    [&["村", "社区", "居委会", "嘎查"], &["镇", "乡", "街道", "苏木"], &["县", "区", "市", "旗", "州"]];
/// Characters that must stay hidden in a number, or all of it is.
const LEAST_HIDDEN: usize = 4;

/// Family name kept: 张*, 欧阳**; of a name with a middle dot only the first character: 阿***·***.
pub fn mask_name(name: &str) -> String {
    let name = name.trim();
    let length = name.chars().count();
    if length < 2 {
        return name.chars().map(|_| STAR).collect();
    }
    let compound = length > 2 && COMPOUND.iter().any(|family| name.starts_with(family));
    let kept = if compound { 2 } else { 1 };
    name.chars().enumerate().map(|(i, c)| if i < kept || is_middle_dot(c) { c } else { STAR }).collect()
}

fn is_middle_dot(c: char) -> bool {
    matches!(c, '·' | '•' | '・')
}

/// First 3 and last 4 characters kept.
pub fn mask_id_number(id: &str) -> String {
    ends(id, 3, 4, 15)
}

/// First 3 and last 4 digits kept.
pub fn mask_phone(phone: &str) -> String {
    ends(phone, 3, 4, 3 + 4 + LEAST_HIDDEN)
}

/// Last 4 digits kept.
pub fn mask_account(account: &str) -> String {
    ends(account, 0, 4, 4 + LEAST_HIDDEN)
}

/// Down to the village, or the town, or the county: whatever the address names first, and no number.
pub fn mask_address(address: &str) -> String {
    let address = address.trim();
    if address.is_empty() {
        return String::new();
    }
    let end = PLACES.iter().find_map(|marks| first_end(address, marks)).unwrap_or(0);
    let shown = &address[..end];
    let shown = shown.find(is_number).map_or(shown, |at| &shown[..at]);
    if shown.len() == address.len() { shown.to_owned() } else { format!("{shown}{HIDDEN}") }
}

fn first_end(text: &str, marks: &[&str]) -> Option<usize> {
    marks.iter().filter_map(|mark| text.find(mark).map(|at| at + mark.len())).min()
}

fn is_number(c: char) -> bool {
    c.is_numeric() && !is_chinese_numeral(c)
}

/// Villages are named with these: 三河村, 十里镇.
fn is_chinese_numeral(c: char) -> bool {
    "〇零一二三四五六七八九十百千万".contains(c)
}

fn ends(text: &str, first: usize, last: usize, least: usize) -> String {
    let text = text.trim();
    let length = text.chars().count();
    let (first, last) = if length < least { (0, 0) } else { (first, last) };
    text.chars().enumerate().map(|(i, c)| if i < first || i >= length - last { c } else { STAR }).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn names_keep_the_family_name_only() {
        for (name, masked) in [
            ("张三", "张*"),
            ("李小明", "李**"),
            ("欧阳修", "欧阳*"),
            ("欧阳娜娜", "欧阳**"),
            ("欧阳", "欧*"),
            ("阿依古丽·买买提", "阿***·***"),
            ("王", "*"),
            ("", ""),
            (" 张三 ", "张*"),
        ] {
            assert_eq!(mask_name(name), masked);
        }
    }

    #[test]
    fn numbers_keep_their_ends_only_when_the_middle_is_long_enough() {
        assert_eq!(mask_id_number("11010519491231002X"), "110***********002X");
        assert_eq!(mask_id_number("1101054912"), "**********");
        assert_eq!(mask_phone("13993912345"), "139****2345");
        assert_eq!(mask_phone("8212345"), "*******");
        assert_eq!(mask_account("6217000010001234567"), "***************4567");
        assert_eq!(mask_account("1234567"), "*******");
    }

    #[test]
    fn addresses_end_at_the_village() {
        for (address, masked) in [
            ("甘肃省陇南市西和县十里镇三河村二组12号", "甘肃省陇南市西和县十里镇三河村***"),
            ("武都区城关镇和平社区3号楼2单元501室", "武都区城关镇和平社区***"),
            ("武都区城关镇人民路12号", "武都区城关镇***"),
            ("武都区人民路12号", "武都区***"),
            ("人民路12号", "***"),
            ("3号院张家村", "***"),
            ("西和县十里镇三河村", "西和县十里镇三河村"),
            ("", ""),
        ] {
            assert_eq!(mask_address(address), masked);
        }
    }

    /// Characters of the value that the mask shows.
    fn shown(masked: &str) -> usize {
        masked.chars().filter(|c| *c != STAR).count()
    }

    proptest! {
        #[test]
        fn no_mask_shows_more_than_its_rule(text in "[^*]{0,40}") {
            let length = text.trim().chars().count();
            let dots = text.chars().filter(|c| is_middle_dot(*c)).count();
            prop_assert!(shown(&mask_name(&text)) <= 2 + dots);
            prop_assert!(shown(&mask_id_number(&text)) <= 7);
            prop_assert!(shown(&mask_account(&text)) <= 4);
            for masked in [mask_id_number(&text), mask_phone(&text), mask_account(&text)] {
                prop_assert_eq!(masked.chars().count(), length);
                prop_assert!(shown(&masked) == 0 || length - shown(&masked) >= LEAST_HIDDEN);
            }
        }

        #[test]
        fn an_address_never_shows_a_number_nor_what_follows_the_village(
            place in "[甘肃县镇三河]{0,8}", rest in "[组号楼单元室0-9０-９甲乙]{1,12}"
        ) {
            let masked = mask_address(&format!("{place}村{rest}"));
            let village = format!("{place}村");
            let expected = format!("{village}{HIDDEN}");
            prop_assert_eq!(masked, expected);
        }

        #[test]
        fn an_address_never_shows_a_digit(text in "[村镇县区市社号0-9０-９a-z]{0,20}") {
            prop_assert!(!mask_address(&text).contains(is_number));
        }
    }
}
