//! Adapter of the offices outside the nine bureaus (其他部门): civil affairs' own systems, police, courts, market regulation,
//! tax, registries, banks, water, hotlines, trade union, charities and statistics. Each office's datasets begin with its name, and
//! a certificate `bureau/outside/<office>` may send no others. They act on no referral: they give data. Which datasets
//! are taken, and the headers and local codes an office writes, are configured (`MINQING_BUREAU_FILE`).

mod codes;

use minqing_adapter::{Bureau, RawRow, ServiceDef, Standard, ends_before_it_begins, is_no_month, month_as_number};

/// The offices, as one bureau.
pub fn bureau() -> Bureau {
    Bureau {
        name: "outside",
        title: "其他部门",
        acts_on_referrals: false,
        datasets: DATASETS,
        code_tables: codes::TABLES,
        headers: &[
            ("公民身份号码", "id_number"),
            ("统一社会信用代码号", "credit_code"),
            ("所得期间", "income_month"),
            ("缴至年月", "last_month"),
        ],
        quirk: Some(quirk),
        check: Some(check),
    }
}

/// The adapter as a service.
pub fn service() -> ServiceDef {
    minqing_adapter::service(bureau())
}

/// Credit codes come in small letters.
fn quirk(row: &mut RawRow<'_>) {
    month_as_number(row, &MONTHS);
    row.edit("credit_code", str::to_uppercase);
}

/// A stay or a service does not end before it began, and a month is one of twelve.
fn check(row: &Standard<'_>) -> Option<&'static str> {
    const SPANS: [(&str, &str); 8] = [
        ("started_on", "stopped_on"),
        ("started_on", "until_on"),
        ("public_from", "public_to"),
        ("entered_on", "left_on"),
        ("found_on", "returned_on"),
        ("registered_on", "cancelled_on"),
        ("since_on", "stopped_on"),
        ("opened_on", "closed_on"),
    ];
    ends_before_it_begins(row, &SPANS).or_else(|| is_no_month(row, &MONTHS))
}

const MONTHS: [&str; 7] =
    ["paid_month", "income_month", "invoice_month", "last_month", "travel_month", "price_month", "fund_month"];

const DATASETS: &[&str] = &[
    "civil_decision",
    "civil_exit",
    "civil_grace",
    "civil_review",
    "civil_payment",
    "civil_supplement",
    "civil_child",
    "civil_temporary_aid",
    "civil_marriage",
    "civil_funeral",
    "civil_old_age_allowance",
    "civil_care_service",
    "civil_need",
    "civil_heating",
    "civil_means_test",
    "civil_income_item",
    "civil_supporter",
    "civil_choice",
    "civil_relative_file",
    "civil_rescue",
    "civil_reserve_fund",
    "police_household_register",
    "police_parent",
    "police_accident",
    "police_identity",
    "police_travel",
    "justice_custody",
    "justice_aid",
    "market_entity",
    "tax_individual_income",
    "tax_invoice",
    "vehicle_registration",
    "estate_property",
    "provident_account",
    "bank_balance",
    "bank_flow",
    "finance_payroll",
    "water_supply",
    "voice_matter",
    "province_duplicate",
    "union_worker",
    "charity_item",
    "statistics_price_index",
];
