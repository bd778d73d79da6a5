//! Adapter of the human resources and social security bureau (人社局): insurance payments and unemployment. Its system
//! writes CSV in GB18030, months as 202610 and a row of zeros for "no date".

use minqing_adapter::{Bureau, CodeTable, RawRow, ServiceDef};

/// The bureau.
pub fn bureau() -> Bureau {
    Bureau {
        name: "hr",
        title: "人力资源和社会保障局",
        datasets: &["insurance_payment", "unemployment"],
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

/// A registration does not end before it began.
fn check(row: &minqing_adapter::Standard<'_>) -> Option<&'static str> {
    let ended = row.get("ended_on");
    (!ended.is_empty() && ended < row.get("registered_on")).then_some("ended_on")
}

const CODE_TABLES: &[CodeTable] = &[CodeTable {
    name: "insurance_kind",
    entries: &[
        ("employee", &["1", "110", "职工", "企业职工", "企业职工基本养老保险"]),
        ("flexible", &["2", "120", "灵活就业", "灵活就业人员"]),
        ("resident", &["3", "170", "居民", "城乡居民", "城乡居民基本养老保险"]),
    ],
}];
