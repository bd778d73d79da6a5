//! Adapter of the rural revitalisation bureau (乡村振兴局): monitored households and measures. It calls over gRPC from
//! the national monitoring system (全国防返贫监测信息系统); risk kinds come in a list with any separator.

use minqing_adapter::{Bureau, CodeTable, RawRow, ServiceDef, Standard, ends_before_it_begins};

/// The bureau.
pub fn bureau() -> Bureau {
    Bureau {
        name: "rural",
        title: "乡村振兴局",
        acts_on_referrals: true,
        datasets: &[
            "monitored_household",
            "assistance_measure",
            "net_income",
            "one_key_report",
            "three_guarantees",
            "labour_migration",
        ],
        code_tables: CODE_TABLES,
        headers: &[
            ("证件号码", "id_number"),
            ("身份证号", "id_number"),
            ("监测对象类型", "kind"),
            ("风险是否已消除", "risk_state"),
            ("监测对象识别时间", "entered_on"),
            ("人均纯收入(元)", "income_fen"),
            ("帮扶措施类型", "measure"),
        ],
        quirk: Some(quirk),
        check: Some(check),
    }
}

/// The adapter as a service.
pub fn service() -> ServiceDef {
    minqing_adapter::service(bureau())
}

/// The contract separates risk kinds by semicolons.
fn quirk(row: &mut RawRow<'_>) {
    row.edit("risk_kinds", |text| text.replace(['、', '，', ',', '；', '|', '/'], ";"));
}

/// Nothing ends before it begins.
fn check(row: &Standard<'_>) -> Option<&'static str> {
    ends_before_it_begins(row, &[("reported_on", "closed_on")])
}

const CODE_TABLES: &[CodeTable] = &[
    CodeTable {
        name: "monitored_kind",
        entries: &[
            ("unstable", &["1", "脱贫不稳定户", "脱贫不稳定"]),
            ("edge", &["2", "边缘易致贫户", "边缘易致贫"]),
            ("sudden", &["3", "突发严重困难户", "突发严重困难"]),
        ],
    },
    CodeTable {
        name: "risk_state",
        entries: &[
            ("open", &["0", "否", "未消除", "风险未消除"]),
            ("removed", &["1", "是", "已消除", "风险已消除"]),
            ("returned", &["2", "回退", "风险消除后回退"]),
        ],
    },
    CodeTable {
        name: "measure_kind",
        entries: &[
            ("industry", &["1", "产业帮扶"]),
            ("employment", &["2", "就业帮扶"]),
            ("health", &["3", "健康帮扶"]),
            ("education", &["4", "教育帮扶"]),
            ("housing", &["5", "住房安全保障", "危房改造"]),
            ("basic_living", &["6", "综合保障", "兜底保障"]),
            ("social", &["7", "社会帮扶"]),
        ],
    },
    CodeTable {
        name: "hardship_tag",
        entries: &[
            ("illness", &["1", "因病"]),
            ("schooling", &["2", "因学"]),
            ("disaster", &["3", "因灾"]),
            ("accident", &["4", "因意外"]),
            ("unemployment", &["5", "因失业", "务工"]),
            ("other", &["9", "其他"]),
        ],
    },
];
