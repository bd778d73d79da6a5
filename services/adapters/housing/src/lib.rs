//! Adapter of the housing and construction bureau (住建局): house safety and renovation. It calls over gRPC from the
//! rural housing survey (农村房屋安全隐患排查) and also knows grades as numbers.

use minqing_adapter::{Bureau, CodeTable, RawRow, ServiceDef, Standard, ends_before_it_begins};

/// The bureau.
pub fn bureau() -> Bureau {
    Bureau {
        name: "housing",
        title: "住房和城乡建设局",
        acts_on_referrals: true,
        datasets: &["rural_house_safety", "house_renovation", "public_rental", "dwelling", "property"],
        code_tables: CODE_TABLES,
        headers: &[
            ("产权人身份证号", "id_number"),
            ("产权人姓名", "name"),
            ("房屋坐落区划", "division_code"),
            ("房屋安全鉴定等级", "grade"),
            ("补助资金(元)", "grant_fen"),
            ("竣工验收日期", "accepted_on"),
        ],
        quirk: Some(quirk),
        check: Some(check),
    }
}

/// The adapter as a service.
pub fn service() -> ServiceDef {
    minqing_adapter::service(bureau())
}

/// 2026年 and 2026年度 are 2026.
fn quirk(row: &mut RawRow<'_>) {
    row.edit("plan_year", |text| text.trim_end_matches('度').trim_end_matches('年').to_owned());
}

/// Works are not accepted before they started.
fn check(row: &Standard<'_>) -> Option<&'static str> {
    const SPANS: [(&str, &str); 3] =
        [("started_on", "accepted_on"), ("started_on", "stopped_on"), ("filed_on", "cancelled_on")];
    ends_before_it_begins(row, &SPANS)
}

const CODE_TABLES: &[CodeTable] = &[
    CodeTable {
        name: "house_grade",
        entries: &[
            ("A", &["1", "A级"]),
            ("B", &["2", "B级"]),
            ("C", &["3", "C级", "局部危房"]),
            ("D", &["4", "D级", "整栋危房"]),
        ],
    },
    CodeTable {
        name: "renovation_kind",
        entries: &[("repair", &["1", "维修", "维修加固", "修缮加固"]), ("rebuild", &["2", "新建", "重建", "拆除重建"])],
    },
    CodeTable {
        name: "public_rental_kind",
        entries: &[("dwelling", &["1", "实物配租", "配租"]), ("subsidy", &["2", "租赁补贴", "补贴"])],
    },
    CodeTable {
        name: "dwelling_kind",
        entries: &[
            ("own", &["1", "自有", "自有住房"]),
            ("public_rental", &["2", "公租房"]),
            ("rented", &["3", "租赁", "租住"]),
            ("borrowed", &["4", "借住"]),
        ],
    },
    CodeTable {
        name: "property_kind",
        entries: &[("dwelling", &["1", "住宅"]), ("commercial", &["2", "商业", "商铺"]), ("other", &["9", "其他"])],
    },
];
