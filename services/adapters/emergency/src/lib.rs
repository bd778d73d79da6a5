//! Adapter of the emergency management bureau (应急局): losses and relief. It sends CSV in UTF-8 when something
//! happens, shares of losses with a percent sign or as 三成.

use minqing_adapter::{Bureau, CodeTable, RawRow, ServiceDef, Standard, ends_before_it_begins};

/// The bureau.
pub fn bureau() -> Bureau {
    Bureau {
        name: "emergency",
        title: "应急管理局",
        acts_on_referrals: true,
        datasets: &["disaster_loss", "disaster_relief", "event", "winter_spring", "rebuild"],
        code_tables: CODE_TABLES,
        headers: &[
            ("身份证号", "id_number"),
            ("灾害事件编码", "event_code"),
            ("灾害种类", "event_kind"),
            ("农作物损失比例(%)", "crop_loss_percent"),
            ("牲畜损失比例(%)", "livestock_loss_percent"),
            ("救助资金(元)", "amount_fen"),
        ],
        quirk: Some(quirk),
        check: Some(check),
    }
}

/// The adapter as a service.
pub fn service() -> ServiceDef {
    minqing_adapter::service(bureau())
}

/// Tenths in words are percents.
fn quirk(row: &mut RawRow<'_>) {
    const TENTHS: [&str; 9] = ["一成", "二成", "三成", "四成", "五成", "六成", "七成", "八成", "九成"];
    for field in ["crop_loss_percent", "livestock_loss_percent"] {
        let percent = match row.get(field) {
            "绝收" | "全部" | "十成" => Some(100),
            text => TENTHS.iter().position(|t| *t == text).map(|at| (at + 1) * 10),
        };
        if let Some(percent) = percent {
            row.set(field, percent.to_string());
        }
    }
}

/// Nothing ends before it begins.
fn check(row: &Standard<'_>) -> Option<&'static str> {
    ends_before_it_begins(row, &[("began_on", "ended_on"), ("granted_on", "rebuilt_on")])
}

const CODE_TABLES: &[CodeTable] = &[
    CodeTable {
        name: "disaster_kind",
        entries: &[
            ("flood", &["1", "洪涝", "暴洪", "洪水"]),
            ("landslide", &["2", "滑坡", "泥石流", "滑坡泥石流"]),
            ("earthquake", &["3", "地震"]),
            ("hail", &["4", "风雹", "冰雹"]),
            ("drought", &["5", "干旱", "旱灾"]),
            ("fire", &["6", "火灾"]),
        ],
    },
    CodeTable {
        name: "house_damage",
        entries: &[
            ("none", &["0", "无", "未受损"]),
            ("slight", &["1", "轻微", "一般损坏"]),
            ("severe", &["2", "严重", "严重损坏"]),
            ("collapsed", &["3", "倒塌"]),
        ],
    },
    CodeTable {
        name: "relief_kind",
        entries: &[
            ("emergency", &["1", "应急救助", "应急期救助"]),
            ("transitional", &["2", "过渡期救助", "过渡期生活救助"]),
            ("rebuild", &["3", "倒损住房恢复重建", "恢复重建"]),
            ("drought", &["4", "旱灾救助"]),
            ("winter_spring", &["5", "冬春救助"]),
            ("condolence", &["6", "遇难人员家属抚慰", "抚慰金"]),
        ],
    },
];
