//! How each file bureau writes: its own headers, labels, dates and units. The adapters have to understand all of it;
//! the gRPC bureaus send the contract's codes.

use chrono::NaiveDate;

use crate::dataset::Bureau;

/// A code of the list of specially treated diseases.
pub const MAJOR_DISEASE: &str = "lung_cancer";

/// The header a bureau writes for a field, where it is not the contract's.
pub fn header(bureau: Bureau, field: &str) -> Option<&'static str> {
    Some(match (bureau, field) {
        (Bureau::Education, "id_number") => "身份证件号",
        (Bureau::Education, "name") => "学生姓名",
        (Bureau::Education, "school_code") => "学校标识码",
        (Bureau::Education, "boarding") => "是否住校",
        (Bureau::Hr, "id_number") => "社会保障号码",
        (Bureau::Hr, "employer_code") => "统一社会信用代码",
        (Bureau::Hr, "base_fen") => "缴费基数（元）",
        (Bureau::Hr, "paid_month") => "费款所属期",
        (Bureau::Emergency, "crop_loss_percent") => "农作物损失比例(%)",
        (Bureau::Emergency, "event_code") => "灾害事件编码",
        (Bureau::Emergency, "amount_fen") => "救助资金(元)",
        (Bureau::Disabled, "id_number") => "持证人身份证号",
        (Bureau::Disabled, "certificate_suffix") => "残疾人证号",
        (Bureau::Disabled, "amount_fen") => "月补贴标准(元)",
        (Bureau::Women, "id_number") => "身份证号码",
        (Bureau::Women, "diagnosed_on") => "诊断日期",
        (Bureau::Women, "aided_fen") => "已救助金额(元)",
        (Bureau::Women, "visited_on") => "走访时间",
        _ => return None,
    })
}

/// Whether the header a bureau writes names yuan, so that the cell holds yuan.
pub fn in_yuan(header: &str) -> bool {
    header.ends_with("元)") || header.ends_with("元）")
}

/// A bureau's label for a standard code; a code without one stands as it is.
pub fn label(table: &str, code: &str) -> Option<&'static str> {
    Some(match (table, code) {
        ("education_stage", "preschool") => "学前教育",
        ("education_stage", "compulsory") => "义务教育",
        ("education_stage", "senior_high") => "普通高中",
        ("education_stage", "vocational") => "中职",
        ("education_stage", "higher") => "高等教育",
        ("enrolment_status", "enrolled") => "在校",
        ("insurance_kind", "employee") => "企业职工",
        ("insurance_kind", "flexible") => "灵活就业人员",
        ("insurance_kind", "resident") => "城乡居民",
        ("disaster_kind", "flood") => "暴洪",
        ("house_damage", "none") => "未受损",
        ("house_damage", "slight") => "一般损坏",
        ("house_damage", "severe") => "严重损坏",
        ("house_damage", "collapsed") => "倒塌",
        ("relief_kind", "emergency") => "应急期救助",
        ("disability_category", "visual") => "视力残疾",
        ("disability_category", "hearing") => "听力残疾",
        ("disability_category", "speech") => "言语残疾",
        ("disability_category", "physical") => "肢体残疾",
        ("disability_category", "intellectual") => "智力残疾",
        ("disability_category", "mental") => "精神残疾",
        ("certificate_state", "valid") => "正常",
        ("certificate_state", "frozen") => "冻结",
        ("disability_subsidy_kind", "living") => "困难残疾人生活补贴",
        ("disability_subsidy_kind", "care") => "重度残疾人护理补贴",
        ("two_cancer_diagnosis", "breast") => "乳腺癌",
        ("two_cancer_diagnosis", "cervical") => "宫颈癌",
        ("visit_subject", "left_behind_child") => "留守儿童",
        ("visit_subject", "left_behind_woman") => "留守妇女",
        _ => return None,
    })
}

/// A day as the bureau types it.
pub fn day(bureau: Bureau, day: NaiveDate) -> String {
    let form = match bureau {
        Bureau::Hr => "%Y%m%d",
        Bureau::Education => "%Y-%m-%d",
        Bureau::Women => "%Y年%-m月%-d日",
        Bureau::Disabled => "%Y.%m.%d",
        _ => "%Y/%-m/%-d",
    };
    day.format(form).to_string()
}

/// What the bureau's system writes where a day is missing.
pub fn no_day(bureau: Bureau, field: &str) -> &'static str {
    if bureau == Bureau::Hr && (field == "benefit_from" || field == "ended_on") { "00000000" } else { "" }
}

/// A grade in words.
pub fn grade(grade: i64) -> String {
    match grade {
        1 => "一级".to_owned(),
        2 => "二级".to_owned(),
        3 => "三级".to_owned(),
        4 => "四级".to_owned(),
        other => other.to_string(),
    }
}
