//! Spellings of one name (异体字、繁体字): characters that stand for each other in people's names, so that 张峯 in a bureau's
//! books and 张峰 on file are told as two spellings and not as two persons. Only what is certain stands here; sounds that
//! happen to be alike do not.

use std::{collections::HashMap, sync::LazyLock};

/// Each group is one character in its spellings; the one of today's ID cards first.
const GROUPS: [&str; 104] = [
    "峰峯",
    "升昇陞",
    "哲喆",
    "坤堃",
    "苏蘇甦",
    "勋勛勳",
    "辉輝煇",
    "晖暉",
    "鉴鑒鑑",
    "钟鍾鐘锺",
    "闫閆阎閻",
    "萧蕭肖",
    "傅付",
    "寿壽夀",
    "龙龍",
    "国國囯",
    "华華",
    "云雲",
    "凤鳳",
    "兰蘭",
    "刘劉",
    "张張",
    "陈陳",
    "杨楊",
    "赵趙",
    "吴吳",
    "孙孫",
    "马馬",
    "罗羅",
    "郑鄭",
    "谢謝",
    "韩韓",
    "冯馮",
    "邓鄧",
    "许許",
    "贾賈",
    "邹鄒",
    "钱錢",
    "严嚴",
    "卢盧",
    "汤湯",
    "乔喬",
    "龚龔",
    "万萬",
    "于於",
    "韦韋",
    "贺賀",
    "顾顧",
    "谭譚",
    "黄黃",
    "叶葉",
    "宁寧甯",
    "庄莊",
    "吕呂",
    "温溫",
    "彦彥",
    "强強",
    "恒恆",
    "杰傑",
    "栋棟",
    "梁樑",
    "泽澤",
    "涛濤",
    "润潤",
    "烨燁爗",
    "玺璽",
    "琼瓊",
    "瑶瑤",
    "发發",
    "礼禮",
    "秋秌",
    "荣榮",
    "莹瑩",
    "蓝藍",
    "誉譽",
    "贤賢",
    "贵貴",
    "远遠",
    "锋鋒",
    "锦錦",
    "静靜",
    "飞飛",
    "鸿鴻",
    "鹏鵬",
    "麟麐",
    "丽麗",
    "浚濬",
    "晓曉",
    "启啟啓",
    "群羣",
    "真眞",
    "青靑",
    "为爲為",
    "岩巖嵒",
    "岭嶺",
    "迈邁",
    "举舉擧",
    "灵靈",
    "宝寶寳",
    "双雙",
    "庆慶",
    "勤懃",
    "韵韻",
    "学學斈",
];
/// Spellings tried of one name at most: the register is asked for each.
const MOST: usize = 16;

/// The group of each character that has one.
static GROUP_OF: LazyLock<HashMap<char, &str>> =
    LazyLock::new(|| GROUPS.iter().flat_map(|group| group.chars().map(|c| (c, *group))).collect());

/// Other spellings of a name, none for most names.
pub fn others(name: &str) -> Vec<String> {
    if !name.chars().any(|c| GROUP_OF.contains_key(&c)) {
        return Vec::new();
    }
    let mut all = vec![String::with_capacity(name.len())];
    for character in name.chars() {
        let group = GROUP_OF.get(&character).filter(|group| all.len() * group.chars().count() <= MOST);
        let spellings: Vec<char> = group.map_or_else(|| vec![character], |group| group.chars().collect());
        all = all.iter().flat_map(|begun| spellings.iter().map(move |c| format!("{begun}{c}"))).collect();
    }
    all.retain(|spelling| spelling != name);
    all
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn a_name_with_variant_characters_has_its_other_spellings_and_most_names_have_none() {
        assert_eq!(others("李峯"), ["李峰"]);
        assert_eq!(others("王建民"), Vec::<String>::new());
        let zhang: HashSet<_> = others("张峰").into_iter().collect();
        assert_eq!(zhang, ["張峰", "张峯", "張峯"].map(str::to_owned).into());
    }

    #[test]
    fn a_spelling_of_a_spelling_leads_back() {
        for name in ["钟升云", "蕭龙", "闫國强"] {
            assert!(others(name).iter().all(|other| others(other).contains(&name.to_owned())), "{name}");
        }
    }

    #[test]
    fn many_variant_characters_do_not_make_endless_spellings() {
        assert!(others(&"钟".repeat(50)).len() < MOST);
    }

    #[test]
    fn no_character_stands_in_two_groups() {
        let all: Vec<char> = GROUPS.concat().chars().collect();
        assert_eq!(all.iter().collect::<HashSet<_>>().len(), all.len());
    }
}
