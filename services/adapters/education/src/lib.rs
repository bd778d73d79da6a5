//! Adapter of the education bureau (教育局): enrolment and school costs. It sends XLSX exported from the student
//! register (全国学籍系统) once a month; money often stands in yuan, the school year with 学年 behind it.

use minqing_adapter::{Bureau, CodeTable, RawRow, ServiceDef};

/// The bureau.
pub fn bureau() -> Bureau {
    Bureau {
        name: "education",
        title: "教育局",
        acts_on_referrals: true,
        datasets: &["student_enrolment", "school_cost", "student_aid", "student_loan"],
        code_tables: CODE_TABLES,
        headers: &[
            ("身份证件号", "id_number"),
            ("学生姓名", "name"),
            ("居住地区划", "division_code"),
            ("学校标识码", "school_code"),
            ("入学年月日", "enrolled_on"),
            ("是否住校", "boarding"),
        ],
        quirk: Some(quirk),
        check: None,
    }
}

/// The adapter as a service.
pub fn service() -> ServiceDef {
    minqing_adapter::service(bureau())
}

/// 2025—2026学年 and 2025/2026 are 2025-2026.
fn quirk(row: &mut RawRow<'_>) {
    row.edit("school_year", |text| {
        let years = text.trim_end_matches("学年").trim().split(['—', '–', '－', '-', '/', '至', '~']);
        years.filter(|part| !part.is_empty()).collect::<Vec<_>>().join("-")
    });
}

const CODE_TABLES: &[CodeTable] = &[
    CodeTable {
        name: "education_stage",
        entries: &[
            ("preschool", &["1", "学前", "学前教育", "幼儿园"]),
            ("compulsory", &["2", "小学", "初中", "义务教育"]),
            ("senior_high", &["3", "高中", "普通高中"]),
            ("vocational", &["4", "中职", "中等职业", "中等职业教育"]),
            ("higher", &["5", "高等教育", "专科", "本科"]),
        ],
    },
    CodeTable {
        name: "enrolment_status",
        entries: &[
            ("enrolled", &["1", "在校", "在读"]),
            ("suspended", &["2", "休学"]),
            ("dropped_out", &["3", "辍学", "退学"]),
            ("graduated", &["4", "毕业", "结业"]),
        ],
    },
    CodeTable {
        name: "student_aid_programme",
        entries: &[
            ("national_grant", &["1", "国家助学金"]),
            ("living_subsidy", &["2", "家庭经济困难学生生活补助", "生活补助"]),
            ("tuition_waiver", &["3", "免学费"]),
            ("preschool_aid", &["4", "学前资助"]),
            ("local", &["9", "地方资助"]),
        ],
    },
    CodeTable {
        name: "student_loan_state",
        entries: &[
            ("running", &["1", "在贷"]),
            ("repaying", &["2", "还款中"]),
            ("repaid", &["3", "结清"]),
            ("overdue", &["4", "逾期"]),
        ],
    },
];
