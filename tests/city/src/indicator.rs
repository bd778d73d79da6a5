//! The indicators that the bureaus' data, the register and the mesh's own work can make true, by their ids. Households
//! are planted for the first sixteen in every city, with near misses; for most others in a city with room, and they are
//! true besides as a consequence of planted lives. These are all that the pack has.

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
    A06 Household "家庭成员服刑羁押";
    A16 Household "交通等意外事故";
    A18 Person "父母不能抚养的儿童";
    A21 Household "饮水不安全或断水";
    A23 Household "退出救助一年内再遇困难";
    A24 Household "申请未获批准一年内再遇困难";
    A26 Household "群众反映困难";
    A30 Person "家庭暴力受害人无收入";
    A31 Person "精神障碍患者弱监护";
    B04 Person "孤儿基本生活费未落实";
    B06 Person "低保对象应转特困";
    B11 Person "二次倾斜救助未落实";
    B12 Person "疾病应急救助对象";
    B17 Person "高校资助未落实";
    B23 Person "未提供公益性岗位";
    B27 Household "倒损房重建补助逾期";
    B29 Person "残疾儿童未获康复";
    B30 Household "家庭无障碍改造未落实";
    B34 Person "殡葬费用未减免";
    B36 Household "帮扶需求无人认领";
    C02 Person "户籍注销或迁出";
    C03 Person "服刑人员仍在保";
    C10 Person "养老金超过低保标准";
    C13 Person "在保人员经营企业";
    C14 Household "申报个人所得超过低保标准";
    C16 Person "缴存住房公积金";
    C17 Person "财政供养人员在保";
    C18 Person "婚姻状况变化";
    C21 Person "两地领取";
    C25 Household "渐退期将满或已满仍在发放";
    C26 Household "连续两次核查收入超标";
    C27 Person "救助金连续退回";
    C28 Household "家庭成员与户籍人口不一致";
    C31 Person "长期住院或住养";
    C32 Household "住房转让";
    P07 Household "价格补贴未发放";
    P09 Household "乡镇备用金不足或未用";
    P14 Household "公示不足7天或缺失";
    P19 Household "同一家庭重复诉求";
    A27 Household "走访发现";
    B05 Person "事实无人抚养儿童补贴未发放";
    B28 Household "临时救助未启动";
    B37 Household "救助明显不足";
    P01 Household "转介未签收";
    P03 Household "不予救助无依据";
    P04 Household "已给予救助未发放";
    P08 Household "先行救助材料未补齐";
    P10 Person "医保身份推送未生效";
    P12 Household "转介与反馈对账不符";
    P13 Household "退出救助未告知或未听取意见";
    P15 Household "入户核查可疑";
    P17 Household "近亲属享受救助未备案";
    P18 Household "走访职责未落实";
    P20 Household "同一预警多次不属实";
    Q01 Feed "数据缺报";
    Q02 Feed "数据量异常波动";
    Q03 Feed "身份证号校验不通过";
    Q04 Feed "一号多名";
    Q05 Feed "姓名写法不一";
    Q06 Feed "未知区划代码";
    Q07 Feed "空值率超限";
    Q08 Feed "日期不合理";
    Q09 Feed "与统计台账不一致";
    Q10 Feed "数据过期";
}

impl Indicator {
    /// Those that households are planted for in every city, or feeds withheld.
    pub fn planted() -> &'static [Indicator] {
        &Indicator::ALL[..16]
    }

    /// Those that hold only by what people do with the mesh: sign late, refuse without papers, visit in haste, keep
    /// other books than the mesh, find the same warning not true again and again.
    pub fn by_people(self) -> bool {
        use Indicator::{A27, B28, P01, P02, P03, P04, P12, P15, P16, P18, P20};
        matches!(self, A27 | B28 | P01 | P02 | P03 | P04 | P12 | P15 | P16 | P18 | P20)
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
