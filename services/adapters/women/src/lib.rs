//! Adapter of the women's federation (妇联): cancer patients and family visits. It fills in XLSX by hand, so blanks,
//! full-width digits and yuan are usual.

use minqing_adapter::{Bureau, CodeTable, ServiceDef};

/// The bureau.
pub fn bureau() -> Bureau {
    Bureau {
        name: "women",
        title: "妇女联合会",
        acts_on_referrals: true,
        datasets: &["two_cancer_patient", "family_visit", "violence_case", "left_behind", "spring_bud"],
        code_tables: CODE_TABLES,
        headers: &[
            ("身份证号码", "id_number"),
            ("两癌类型", "diagnosis"),
            ("诊断日期", "diagnosed_on"),
            ("已救助金额(元)", "aided_fen"),
            ("走访时间", "visited_on"),
            ("人员类别", "kind"),
        ],
        quirk: None,
        check: None,
    }
}

/// The adapter as a service.
pub fn service() -> ServiceDef {
    minqing_adapter::service(bureau())
}

const CODE_TABLES: &[CodeTable] = &[
    CodeTable {
        name: "two_cancer_diagnosis",
        entries: &[("breast", &["1", "乳腺癌"]), ("cervical", &["2", "宫颈癌", "子宫颈癌"])],
    },
    CodeTable {
        name: "visit_subject",
        entries: &[
            ("left_behind_child", &["1", "留守儿童"]),
            ("left_behind_woman", &["2", "留守妇女"]),
            ("single_parent", &["3", "单亲家庭", "单亲母亲"]),
        ],
    },
    CodeTable {
        name: "left_behind_kind",
        entries: &[("child", &["1", "儿童", "留守儿童"]), ("woman", &["2", "妇女", "留守妇女"])],
    },
];
