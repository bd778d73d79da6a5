//! Adapter of the disabled persons' federation (残联): certificates and the two subsidies. It sends CSV in GB18030 from
//! the certificate system; grades come in words, and the last two places of the certificate's number often as the
//! whole number, whose first 18 characters are the holder's ID number.

use minqing_adapter::{Bureau, CodeTable, RawRow, ServiceDef, Standard, ends_before_it_begins};

/// The bureau.
pub fn bureau() -> Bureau {
    Bureau {
        name: "disabled",
        title: "残疾人联合会",
        acts_on_referrals: true,
        datasets: &[
            "disability_certificate",
            "disability_subsidy",
            "rehabilitation",
            "device",
            "barrier_free",
            "sunshine_home",
            "certificate_applicant",
        ],
        code_tables: CODE_TABLES,
        headers: &[
            ("持证人身份证号", "id_number"),
            ("残疾人证号", "certificate_suffix"),
            ("残疾证号", "certificate_suffix"),
            ("有效期限", "valid_to"),
            ("补贴种类", "kind"),
            ("月补贴标准(元)", "amount_fen"),
        ],
        quirk: Some(quirk),
        check: Some(check),
    }
}

/// The adapter as a service.
pub fn service() -> ServiceDef {
    minqing_adapter::service(bureau())
}

/// Grades in words, and what lies behind the ID number in a certificate's number. Where the ID number in it is not
/// the row's, the number stays whole and is refused as too long.
fn quirk(row: &mut RawRow<'_>) {
    row.edit("grade", |text| {
        let grade = match text.trim_end_matches("级").trim_start_matches('第') {
            "一" | "壹" | "Ⅰ" => "1",
            "二" | "贰" | "Ⅱ" => "2",
            "三" | "叁" | "Ⅲ" => "3",
            "四" | "肆" | "Ⅳ" => "4",
            other => other,
        };
        grade.to_owned()
    });
    let holder = row.get("id_number").to_uppercase();
    row.edit("certificate_suffix", |text| {
        let number: String = text.to_uppercase().chars().filter(|c| !c.is_whitespace()).collect();
        match number.strip_prefix(&holder) {
            Some(places) if holder.chars().count() == 18 => places.to_owned(),
            _ => text.to_owned(),
        }
    });
}

/// The places say category and grade once more (GB/T 26341-2010).
fn check(row: &Standard<'_>) -> Option<&'static str> {
    const CATEGORIES: [&str; 7] = ["visual", "hearing", "speech", "physical", "intellectual", "mental", "multiple"];
    if row.dataset() != "disability_certificate" {
        return ends_before_it_begins(row, &[("from_on", "stopped_on"), ("started_on", "stopped_on")]);
    }
    let mut places = row.get("certificate_suffix").chars().filter_map(|c| c.to_digit(10));
    let (category, grade) = (places.next(), places.next());
    let said = CATEGORIES.iter().position(|c| *c == row.get("category")).and_then(|at| u32::try_from(at + 1).ok());
    let agree = category == said && grade.is_some_and(|g| i64::from(g) == row.whole("grade"));
    (!agree).then_some("certificate_suffix")
}

const CODE_TABLES: &[CodeTable] = &[
    CodeTable {
        name: "disability_category",
        entries: &[
            ("visual", &["1", "视力", "视力残疾"]),
            ("hearing", &["2", "听力", "听力残疾"]),
            ("speech", &["3", "言语", "言语残疾"]),
            ("physical", &["4", "肢体", "肢体残疾"]),
            ("intellectual", &["5", "智力", "智力残疾"]),
            ("mental", &["6", "精神", "精神残疾"]),
            ("multiple", &["7", "多重", "多重残疾"]),
        ],
    },
    CodeTable {
        name: "certificate_state",
        entries: &[
            ("valid", &["1", "有效", "正常"]),
            ("expired", &["2", "过期", "到期"]),
            ("cancelled", &["3", "注销"]),
            ("frozen", &["4", "冻结"]),
            ("moved_out", &["5", "迁出"]),
        ],
    },
    CodeTable {
        name: "disability_subsidy_kind",
        entries: &[
            ("living", &["1", "生活补贴", "困难残疾人生活补贴"]),
            ("care", &["2", "护理补贴", "重度残疾人护理补贴"]),
        ],
    },
    CodeTable {
        name: "sunshine_mode",
        entries: &[
            ("residential", &["1", "寄宿", "寄宿托养"]),
            ("day", &["2", "日间", "日间照料"]),
            ("home", &["3", "居家", "居家托养"]),
        ],
    },
    CodeTable {
        name: "certificate_stage",
        entries: &[
            ("applied", &["1", "申请", "已申请"]),
            ("assessing", &["2", "评定", "残疾评定"]),
            ("public_notice", &["3", "公示"]),
            ("issued", &["4", "发证", "已发证"]),
            ("rejected", &["5", "不符合"]),
        ],
    },
];
