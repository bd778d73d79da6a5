//! Adapter of the medical insurance bureau (医保局): settlements and enrolment. It calls over gRPC every ten days from
//! the settlement system, which gives national visit codes (医保信息业务编码) and money in yuan with two decimals in
//! its files.

use minqing_adapter::{Bureau, CodeTable, RawRow, ServiceDef, Standard, is_no_month, month_as_number};

/// The bureau.
pub fn bureau() -> Bureau {
    Bureau {
        name: "medical_insurance",
        title: "医疗保障局",
        acts_on_referrals: true,
        datasets: &["settlement", "enrolment", "premium_aid", "outpatient_month", "policy_share"],
        code_tables: CODE_TABLES,
        headers: &[
            ("身份证号", "id_number"),
            ("结算流水号", "visit_no"),
            ("医疗费总额(元)", "total_fen"),
            ("基本医保统筹支付(元)", "basic_paid_fen"),
            ("大病保险支付金额(元)", "major_paid_fen"),
            ("医疗救助支付金额(元)", "aid_paid_fen"),
            ("个人负担金额(元)", "own_paid_fen"),
        ],
        quirk: Some(quirk),
        check: Some(check),
    }
}

/// The adapter as a service.
pub fn service() -> ServiceDef {
    minqing_adapter::service(bureau())
}

/// 2026年度 is 2026; ICD-10 codes come in either case.
fn quirk(row: &mut RawRow<'_>) {
    row.edit("year", |text| text.trim_end_matches('度').trim_end_matches('年').to_owned());
    row.edit("disease_code", str::to_uppercase);
    month_as_number(row, &["paid_month"]);
}

/// No part of a bill is larger than the bill.
fn check(row: &Standard<'_>) -> Option<&'static str> {
    if row.dataset() != "settlement" {
        return is_no_month(row, &["paid_month"]);
    }
    let parts = ["basic_paid_fen", "major_paid_fen", "aid_paid_fen", "own_paid_fen"];
    parts.into_iter().find(|part| row.whole(part) > row.whole("total_fen"))
}

const CODE_TABLES: &[CodeTable] = &[
    CodeTable {
        name: "visit_kind",
        entries: &[
            ("outpatient", &["1", "11", "14", "门诊", "普通门诊", "门诊慢特病"]),
            ("inpatient", &["2", "21", "住院", "普通住院"]),
        ],
    },
    CodeTable {
        name: "medical_insurance_kind",
        entries: &[
            ("employee", &["310", "职工", "职工基本医疗保险"]),
            ("resident", &["390", "居民", "城乡居民基本医疗保险"]),
        ],
    },
    CodeTable {
        name: "premium_payer",
        entries: &[
            ("self", &["1", "个人缴费", "自缴"]),
            ("full_subsidy", &["2", "全额资助"]),
            ("fixed_subsidy", &["3", "定额资助"]),
        ],
    },
    CodeTable {
        name: "premium_aid_kind",
        entries: &[("full", &["1", "全额", "全额资助"]), ("part", &["2", "定额", "定额资助"])],
    },
];
