//! A small sound pack of the tests' own, whose numbers a test can change, so that what it would do can be counted by
//! hand: one class for whole households, one for members, three indicators.

use minqing_proto::minqing::monitoring::v1::{PackFile, PackFiles};

/// The pack's numbers.
#[derive(Clone, Debug)]
pub struct Small {
    /// Fen per person and month below which a household gets minimum living.
    pub standard: i64,
    /// Fen per person and month that it gets.
    pub allowance: i64,
    /// Age at which a person belongs to `other_hardship`, fen a month.
    pub elder_age: i64,
    /// Fen per person and year below which A01 warns.
    pub line: i64,
    /// Hours of a field check; the service's own when none.
    pub hours: Option<i64>,
    /// Minimum living asks also that nobody gets unemployment benefit.
    pub asks_for_unemployment: bool,
    /// Amounts overflow on the data.
    pub overflows: bool,
}

pub fn small() -> Small {
    Small {
        standard: 10_000,
        allowance: 5_000,
        elder_age: 60,
        line: 60_000,
        hours: None,
        asks_for_unemployment: false,
        overflows: false,
    }
}

impl Small {
    pub fn files(&self) -> PackFiles {
        let text = [
            ("pack.yaml", PACK.to_owned()),
            ("calendar.yaml", CALENDAR.to_owned()),
            ("documents.yaml", DOCUMENTS.to_owned()),
            ("parameters/base.yaml", self.parameters()),
            ("facts/base.yaml", FACTS.to_owned()),
            ("classes.yaml", self.classes()),
            ("programmes.yaml", PROGRAMMES.to_owned()),
            ("indicators/a.yaml", INDICATORS.to_owned()),
            ("routing/base.yaml", ROUTING.to_owned()),
        ];
        let file = |(path, text): (&str, String)| PackFile { path: path.to_owned(), text };
        PackFiles { files: text.map(file).to_vec() }
    }

    fn parameters(&self) -> String {
        let mut text = "parameters:\n".to_owned();
        let mut add = |name: &str, kind: &str, unit: &str, value: i64| {
            text.push_str(&format!(
                "  - name: {name}\n    title: {{zh: {name}, en: {name}}}\n    type: {kind}\n    unit: {unit}\n    values:\n      \
                 - {{value: {value}, division: \"621200000000\", from: 2025-01-01, document: 试行办法, article: \"1\", \
                 confidence: confirmed}}\n"
            ));
        };
        add("standard", "money", "fen/person/month", self.standard);
        add("allowance", "money", "fen/person/month", self.allowance);
        add("elder_age", "integer", "years", self.elder_age);
        add("line", "money", "fen/person/year", self.line);
        if let Some(hours) = self.hours {
            add("field_hours_per_check", "integer", "hours", hours);
        }
        text
    }

    fn classes(&self) -> String {
        let more = if self.asks_for_unemployment {
            "\n          - {name: no_benefit, title: {zh: 无失业金, en: no benefit}, expr: not benefit}"
        } else {
            ""
        };
        let amount = if self.overflows { "declared_income * 900000000 * 900000000" } else { "allowance * members" };
        format!(
            "classes:\n  - assistance_class: minimum_living\n    title: {{zh: 低保, en: minimum living}}\n    routes:\n      - id: DB-01\n        \
             title: {{zh: 家庭低保, en: whole household}}\n        level: household\n        conditions:\n          - {{name: poor, title: {{zh: 收入低, en: \
             income is low}}, expr: declared_income < standard * 12 * members}}{more}\n        amount: {amount}\n        {CITED}\n  - assistance_class: \
             other_hardship\n    title: {{zh: 其他困难, en: other hardship}}\n    routes:\n      - id: QT-01\n        title: {{zh: 老人, en: elder}}\n        \
             level: person\n        conditions:\n          - {{name: old, title: {{zh: 年老, en: old}}, expr: age >= elder_age}}\n        \
             amount: allowance\n        {CITED}\n"
        )
    }
}

const CITED: &str = "citations: [{document: 试行办法, article: \"1\"}]\n        confidence: confirmed";

const PACK: &str = "name: small
version: \"1\"
valid_from: 2025-01-01
title: {zh: 试行, en: trial}
city: \"621200000000\"
counties:
  - {code: \"621202000000\", title: {zh: 武都区, en: Wudu}}
  - {code: \"621221000000\", title: {zh: 成县, en: Chengxian}}
";

const CALENDAR: &str = "years:
  - {year: 2025, document: 试行办法, confidence: confirmed, holidays: [], workdays: []}
  - {year: 2026, document: 试行办法, confidence: confirmed, holidays: [], workdays: []}
";

const DOCUMENTS: &str = "documents:
  - {name: 试行办法, number: 1号, title_en: Trial, from: 2020-01-01, confidence: confirmed}
";

const FACTS: &str = "facts:
  - {name: age, title: {zh: 年龄, en: age}, level: person, type: integer, unit: years, source: register, expr: \"full_years(birth_on, as_of)\"}
  - {name: members, title: {zh: 人数, en: members}, level: household, type: integer, unit: count, from: person, expr: count(*)}
  - {name: declared_income, title: {zh: 收入, en: income}, level: household, type: money, unit: fen/year, source: register, expr: declared_income_fen}
  - {name: own_benefit, title: {zh: 失业金, en: benefit}, level: person, type: boolean, source: hr.unemployment, expr: bool_or(benefit_fen > 0), empty: false}
  - {name: benefit, title: {zh: 失业金, en: benefit}, level: household, type: boolean, from: person, expr: bool_or(own_benefit)}
";

const PROGRAMMES: &str = "programmes:
  - code: P-JB-01
    title: {zh: 低保金, en: allowance}
    lead: [civil_affairs]
    cooperating: []
    benefit: {zh: 低保金, en: allowance}
    frequency: monthly
    apply_at: township
    rules:
      - id: JB-01-1
        title: {zh: 低保金, en: allowance}
        level: household
        conditions:
          - {name: poor, title: {zh: 收入低, en: income is low}, expr: declared_income < standard * 12 * members}
        citations: [{document: 试行办法, article: \"1\"}]
        confidence: confirmed
    citations: [{document: 试行办法, article: \"1\"}]
    confidence: confirmed
";

const INDICATORS: &str = "indicators:
  - id: A01
    title: {zh: 收入骤降, en: very low income}
    class: A
    level: household
    severity: L2
    conditions:
      - {name: low, title: {zh: 收入低, en: low}, expr: declared_income < line * members}
    disposition: 2
    need: {zh: 低保, en: allowance}
    citations: [{document: 试行办法, article: \"1\"}]
    basis: D
    suppress_days: 180
  - id: A02
    title: {zh: 高龄, en: elder}
    class: A
    level: person
    severity: L3
    conditions:
      - {name: old, title: {zh: 年老, en: old}, expr: age >= elder_age}
    disposition: 2
    need: {zh: 照料, en: care}
    citations: [{document: 试行办法, article: \"1\"}]
    basis: D
    suppress_days: 180
  - id: A03
    title: {zh: 大家庭, en: large household}
    class: A
    level: household
    severity: L4
    conditions:
      - {name: large, title: {zh: 人口多, en: large}, expr: members >= 3}
    disposition: 2
    need: {zh: 走访, en: look}
    citations: [{document: 试行办法, article: \"1\"}]
    basis: D
    suppress_days: 180
";

const ROUTING: &str = "levels:
  L1: {check_working_days: 2, close_working_days: 5, escalate_county_after: 1, escalate_city_after: 3}
  L2: {check_working_days: 5, close_working_days: 15, escalate_county_after: 2, escalate_city_after: null}
  L3: {check_working_days: 10, close_working_days: 20, escalate_county_after: 5, escalate_city_after: null}
  L4: {check_working_days: 20, close_working_days: 30, escalate_county_after: null, escalate_city_after: null}
  L5: {check_working_days: null, close_working_days: null, escalate_county_after: null, escalate_city_after: null}
signing_working_days: 2
routes:
  - {indicator: A01, field_check: true, to: township}
  - {indicator: A02, field_check: true, to: township}
  - {indicator: A03, field_check: false, to: township}
";
