//! Adapter of the health commission (卫健委): specially treated diseases and deaths. It calls over gRPC, deaths every
//! day; ICD-10 codes come in either case, with or without the point.

use minqing_adapter::{Bureau, CodeTable, RawRow, ServiceDef, Standard, ends_before_it_begins};

/// The bureau.
pub fn bureau() -> Bureau {
    Bureau {
        name: "health",
        title: "卫生健康委员会",
        acts_on_referrals: true,
        datasets: &[
            "major_disease",
            "death_certificate",
            "birth",
            "mental_risk",
            "two_cancer_screen",
            "emergency_unpaid",
            "family_doctor",
            "self_care",
            "long_stay",
        ],
        code_tables: CODE_TABLES,
        headers: &[
            ("身份证号", "id_number"),
            ("ICD-10编码", "disease_code"),
            ("救治病种", "list_code"),
            ("根本死因类别", "cause_class"),
        ],
        quirk: Some(quirk),
        check: Some(check),
    }
}

/// The adapter as a service.
pub fn service() -> ServiceDef {
    minqing_adapter::service(bureau())
}

/// c34900 is C34.900: the code is part of the row's key, so it needs one spelling.
fn quirk(row: &mut RawRow<'_>) {
    row.edit("disease_code", |text| {
        let mut code = text.to_uppercase();
        if code.len() > 3 && code.is_ascii() && code.chars().skip(1).all(|c| c.is_ascii_digit()) {
            code.insert(3, '.');
        }
        code
    });
}

/// Nothing ends before it begins.
fn check(row: &Standard<'_>) -> Option<&'static str> {
    ends_before_it_begins(row, &[("admitted_on", "settled_on"), ("entered_on", "left_on"), ("signed_on", "valid_to")])
}

/// The list of specially treated diseases (大病专项救治病种, 30 of them). The numbers are the order in which the
/// commission's notices name them; a province may number otherwise, then its numbers go in here.
const MAJOR_DISEASE: &[(&str, &[&str])] = &[
    ("congenital_heart_disease", &["01", "1", "儿童先心病"]),
    ("childhood_leukemia", &["02", "2", "儿童白血病"]),
    ("gastric_cancer", &["03", "3", "胃癌"]),
    ("esophageal_cancer", &["04", "4", "食道癌"]),
    ("colon_cancer", &["05", "5", "结肠癌"]),
    ("rectal_cancer", &["06", "6", "直肠癌"]),
    ("end_stage_renal_disease", &["07", "7", "终末期肾病"]),
    ("lung_cancer", &["08", "8", "肺癌"]),
    ("liver_cancer", &["09", "9", "肝癌"]),
    ("breast_cancer", &["10", "乳腺癌"]),
    ("cervical_cancer", &["11", "宫颈癌"]),
    ("acute_myocardial_infarction", &["12", "急性心肌梗死"]),
    ("cataract", &["13", "白内障"]),
    ("pneumoconiosis", &["14", "尘肺"]),
    ("neuroblastoma", &["15", "神经母细胞瘤"]),
    ("childhood_lymphoma", &["16", "儿童淋巴瘤"]),
    ("osteosarcoma", &["17", "骨肉瘤"]),
    ("hemophilia", &["18", "血友病"]),
    ("thalassemia", &["19", "地中海贫血"]),
    ("cleft_lip_palate", &["20", "唇腭裂"]),
    ("hypospadias", &["21", "尿道下裂"]),
    ("resistant_tuberculosis", &["22", "耐多药结核病"]),
    ("stroke", &["23", "脑卒中"]),
    ("copd", &["24", "慢性阻塞性肺气肿"]),
    ("aids_opportunistic_infection", &["25", "艾滋病机会感染"]),
    ("bladder_cancer", &["26", "膀胱癌"]),
    ("ovarian_cancer", &["27", "卵巢癌"]),
    ("kidney_cancer", &["28", "肾癌"]),
    ("severe_mental_illness", &["29", "重性精神疾病"]),
    ("rheumatic_heart_disease", &["30", "风湿性心脏病"]),
];

const CODE_TABLES: &[CodeTable] = &[
    CodeTable { name: "major_disease", entries: MAJOR_DISEASE },
    CodeTable {
        name: "death_cause",
        entries: &[
            ("disease", &["1", "疾病", "因病"]),
            ("accident", &["2", "意外", "损伤和中毒"]),
            ("other", &["9", "其他"]),
        ],
    },
    CodeTable {
        name: "two_cancer_screen_kind",
        entries: &[("breast", &["1", "乳腺癌"]), ("cervical", &["2", "宫颈癌"]), ("both", &["3", "两癌"])],
    },
    CodeTable {
        name: "long_stay_kind",
        entries: &[
            ("hospital", &["1", "医院", "住院"]),
            ("elderly_home", &["2", "养老机构"]),
            ("child_welfare", &["3", "儿童福利机构"]),
            ("mental_hospital", &["4", "精神卫生机构"]),
            ("support_institution", &["5", "特困供养机构"]),
        ],
    },
];
