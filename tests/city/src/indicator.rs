//! The indicators that the bureaus' data, the register and the mesh's referrals can make true, by their ids. Households
//! are planted for the first sixteen in every city, with near misses; for most others in a city with room, and they are
//! true besides as a consequence of planted lives. Every other indicator of the pack needs data that nobody brings yet,
//! so it is unknown, and a warning of it is wrong.

use std::fmt;

use serde::Serialize;

macro_rules! indicators {
    ($($id:ident $level:ident $title:literal;)*) => {
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
        pub enum Indicator { $($id,)* }

        impl Indicator {
            pub const ALL: &'static [Indicator] = &[$(Indicator::$id,)*];

            pub fn text(self) -> &'static str { match self { $(Indicator::$id => stringify!($id),)* } }

            pub fn title(self) -> &'static str { match self { $(Indicator::$id => $title,)* } }

            pub fn level(self) -> Level { match self { $(Indicator::$id => Level::$level,)* } }
        }
    };
}

/// What a warning of an indicator names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    Person,
    Household,
    Feed,
}

indicators! {
    A03 Person "低保外重残";
    A05 Person "失业";
    A08 Person "已关注人员大额自付";
    A09 Person "普通农户大额自付";
    A12 Person "新发大病";
    A13 Person "上学负担";
    A15 Household "受灾";
    A17 Person "新办重残证";
    A20 Household "危房";
    A25 Household "监测户未核对";
    A29 Person "两癌";
    C01 Person "死亡仍领";
    C09 Person "已就业";
    C11 Household "名下车辆";
    P02 Household "转办超期";
    P11 Feed "数据迟报";
    A01 Household "一户多残";
    A02 Person "依老养残";
    A04 Person "边缘户重病重残";
    A07 Household "无弱劳动力";
    A10 Person "门诊负担";
    A11 Person "医疗支出骤增";
    A14 Person "新入园入学";
    A19 Household "主要劳动力死亡";
    A22 Person "毕业生未就业";
    A32 Household "收入低于监测范围";
    B02 Person "残疾生活补贴未落实";
    B03 Person "残疾护理补贴未落实";
    B08 Person "未参加医保";
    B09 Person "参保未获资助";
    B10 Person "住院未获医疗救助";
    B13 Person "保教费未减免";
    B14 Person "义教生活补助未落实";
    B15 Person "高中学费未减免";
    B16 Person "中职学费未免";
    B18 Person "适龄儿童未入学";
    B20 Household "危改逾期";
    B22 Household "零就业家庭";
    B24 Person "养老保险未代缴";
    B25 Household "过渡期救助未落实";
    B35 Person "两癌救助未落实";
    C04 Person "未成年人待遇到龄";
    C05 Person "年满60周岁";
    C07 Person "家庭成员毕业";
    C08 Person "辍学休学";
    C12 Household "房产超限";
    C15 Household "金融资产超限";
    C19 Person "新成员";
    C20 Household "重复享受";
    C22 Person "残疾证与补贴不符";
    C29 Household "监测状态不一致";
    C30 Household "过渡期救助期满仍发";
    C33 Person "劳动能力变化";
    P05 Household "低保金不足";
    P06 Household "提标未执行";
    P16 Household "多项需求只办一项";
    A28 Person "独居老人无收入";
    B01 Person "分类施保未落实";
    B07 Person "自理能力评估过期";
    B19 Household "城镇住房困难";
    B21 Person "有就业意愿未帮扶";
    B26 Household "冬春救助漏登";
    B31 Person "重残托养未落实";
    B32 Person "探访照料未落实";
    B33 Household "取暖救助未落实";
    C06 Person "高龄津贴到龄";
    C23 Household "定期核查逾期";
    C24 Person "待遇资格认证超期";
    Q01 Feed "数据缺报";
    Q10 Feed "数据过期";
}

impl Indicator {
    /// Those that households are planted for in every city, or feeds withheld.
    pub fn planted() -> &'static [Indicator] {
        &Indicator::ALL[..16]
    }

    pub fn of(text: &str) -> Option<Indicator> {
        Indicator::ALL.iter().copied().find(|i| i.text() == text)
    }

    /// Whether a warning names a member of the household.
    pub fn personal(self) -> bool {
        self.level() == Level::Person
    }
}

impl fmt::Display for Indicator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text())
    }
}
