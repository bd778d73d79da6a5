//! Adapter of the human resources and social security bureau (人社局): insurance payments and unemployment. Its system
//! writes CSV in GB18030, months as 202610 and a row of zeros for "no date".

use minqing_adapter::{Bureau, CodeTable, RawRow, ServiceDef, ends_before_it_begins};

/// The bureau.
pub fn bureau() -> Bureau {
    Bureau {
        name: "hr",
        title: "人力资源和社会保障局",
        acts_on_referrals: true,
        datasets: &[
            "insurance_payment",
            "unemployment",
            "pension",
            "employment_difficult",
            "public_post",
            "job_offer",
            "training",
            "skill",
            "pension_premium",
            "subsidy",
        ],
        code_tables: CODE_TABLES,
        headers: &[
            ("社会保障号码", "id_number"),
            ("身份证号", "id_number"),
            ("统一社会信用代码", "employer_code"),
            ("缴费基数（元）", "base_fen"),
            ("费款所属期", "paid_month"),
            ("失业登记日期", "registered_on"),
        ],
        quirk: Some(quirk),
        check: Some(check),
    }
}

/// The adapter as a service.
pub fn service() -> ServiceDef {
    minqing_adapter::service(bureau())
}

/// The system fills empty dates with zeros, and credit codes come in small letters.
fn quirk(row: &mut RawRow<'_>) {
    for field in ["benefit_from", "ended_on"] {
        if matches!(row.get(field), "00000000" | "0000-00-00" | "0" | "-") {
            row.set(field, "");
        }
    }
    row.edit("employer_code", str::to_uppercase);
}

/// A registration, a pension or a post does not end before it began.
fn check(row: &minqing_adapter::Standard<'_>) -> Option<&'static str> {
    ends_before_it_begins(
        row,
        &[("registered_on", "ended_on"), ("started_on", "stopped_on"), ("registered_on", "valid_to")],
    )
}

const CODE_TABLES: &[CodeTable] = &[
    CodeTable {
        name: "insurance_kind",
        entries: &[
            ("employee", &["1", "110", "职工", "企业职工", "企业职工基本养老保险"]),
            ("flexible", &["2", "120", "灵活就业", "灵活就业人员"]),
            ("resident", &["3", "170", "居民", "城乡居民", "城乡居民基本养老保险"]),
        ],
    },
    CodeTable {
        name: "pension_kind",
        entries: &[
            ("public", &["1", "机关", "机关事业单位"]),
            ("employee", &["2", "企业", "企业职工"]),
            ("resident", &["3", "城乡", "城乡居民"]),
        ],
    },
    CodeTable {
        name: "employment_difficulty",
        entries: &[
            ("older", &["1", "大龄失业", "大龄"]),
            ("disabled", &["2", "残疾"]),
            ("minimum_living", &["3", "低保"]),
            ("zero_employment", &["4", "零就业家庭"]),
            ("long_unemployed", &["5", "长期失业"]),
            ("land_lost", &["6", "失地", "失去土地"]),
            ("other", &["9", "其他"]),
        ],
    },
    CodeTable {
        name: "pension_premium_payer",
        entries: &[
            ("self", &["1", "个人", "个人缴费"]),
            ("aided", &["2", "代缴", "政府代缴"]),
            ("part_aided", &["3", "部分代缴"]),
        ],
    },
    CodeTable {
        name: "employment_subsidy",
        entries: &[
            ("employer_insurance", &["1", "单位社保补贴"]),
            ("flexible_insurance", &["2", "灵活就业社保补贴"]),
            ("startup", &["3", "一次性创业补贴", "创业补贴"]),
            ("job_seeking", &["4", "求职补贴", "一次性求职补贴"]),
            ("post", &["5", "岗位补贴"]),
        ],
    },
];
