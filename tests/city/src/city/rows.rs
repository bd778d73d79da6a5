//! Rows as a bureau writes them, each with believable contents around the few values that matter.

use chrono::{Datelike, NaiveDate};
use minqing_proto::minqing::bureau::{
    disabled::v1 as disabled, education::v1 as education, emergency::v1 as emergency, health::v1 as health,
    housing::v1 as housing, hr::v1 as hr, medical_insurance::v1 as medical_insurance, rural::v1 as rural,
    women::v1 as women,
};

use crate::{
    calendar::{minus, plus},
    dataset::{Row, iso},
};

/// A valid certificate for ten years, of a category and grade.
pub fn certificate(category: &str, grade: i32, issued_on: NaiveDate) -> Row {
    let places = ["visual", "hearing", "speech", "physical", "intellectual", "mental", "multiple"];
    let place = places.iter().position(|c| *c == category).unwrap_or(3) + 1;
    disabled::DisabilityCertificate {
        certificate_suffix: format!("{place}{grade}"),
        category: category.to_owned(),
        grade,
        issued_on: iso(issued_on),
        valid_to: iso(issued_on.with_year(issued_on.year() + 10).unwrap_or_else(|| plus(issued_on, 3650))),
        state: "valid".to_owned(),
        ..Default::default()
    }
    .into()
}

/// The care or living subsidy, still paid.
pub fn subsidy(kind: &str, from_on: NaiveDate) -> Row {
    disabled::DisabilitySubsidy {
        kind: kind.to_owned(),
        amount_fen: 11_000,
        from_on: iso(from_on),
        ..Default::default()
    }
    .into()
}

/// One month of an employee's insurance.
pub fn payment(kind: &str, base_fen: i64, paid_month: &str) -> Row {
    let employer_code = if kind == "employee" { "91621202MA0CITY08K" } else { "" };
    hr::InsurancePayment {
        employer_code: employer_code.to_owned(),
        kind: kind.to_owned(),
        base_fen,
        paid_month: paid_month.to_owned(),
        ..Default::default()
    }
    .into()
}

/// Unemployment benefit from a day on.
pub fn unemployment(benefit_from: NaiveDate, ended_on: Option<NaiveDate>) -> Row {
    hr::Unemployment {
        registered_on: iso(minus(benefit_from, 10)),
        benefit_from: iso(benefit_from),
        benefit_fen: 145_600,
        ended_on: ended_on.map(iso).unwrap_or_default(),
        ..Default::default()
    }
    .into()
}

/// A settled visit of which the patient bears so much.
pub fn settlement(inpatient: bool, own_paid_fen: i64, settled_on: NaiveDate, visit_no: String) -> Row {
    let basic_paid_fen = own_paid_fen * 2;
    let aid_paid_fen = own_paid_fen / 10;
    medical_insurance::Settlement {
        visit_no,
        visit_kind: if inpatient { "inpatient" } else { "outpatient" }.to_owned(),
        disease_code: if inpatient { "K80.200" } else { "J06.900" }.to_owned(),
        settled_on: iso(settled_on),
        total_fen: own_paid_fen + basic_paid_fen + aid_paid_fen,
        basic_paid_fen,
        aid_paid_fen,
        own_paid_fen,
        ..Default::default()
    }
    .into()
}

/// The year's premium of the residents' pension insurance, which everybody of labour age without other insurance pays.
pub fn resident_pension() -> Row {
    payment("resident", 30_000, "2026-03")
}

pub fn enrolment(year: &str, kind: &str, paid_by: &str) -> Row {
    medical_insurance::Enrolment {
        year: year.to_owned(),
        kind: kind.to_owned(),
        paid_by: paid_by.to_owned(),
        ..Default::default()
    }
    .into()
}

/// A patient in the list of specially treated diseases.
pub fn disease(diagnosed_on: NaiveDate) -> Row {
    health::MajorDisease {
        disease_code: "C34.900".to_owned(),
        list_code: crate::habit::MAJOR_DISEASE.to_owned(),
        diagnosed_on: iso(diagnosed_on),
        hospital_code: "H62120200001".to_owned(),
        ..Default::default()
    }
    .into()
}

pub fn death(died_on: NaiveDate, certificate_no: String) -> Row {
    health::DeathCertificate {
        certificate_no,
        died_on: iso(died_on),
        cause_class: "disease".to_owned(),
        ..Default::default()
    }
    .into()
}

/// Costs of a school year: tuition, lodging, books, aid.
pub fn school_cost(stage: &str, school_year: &str, parts: [i64; 4]) -> Row {
    education::SchoolCost {
        school_year: school_year.to_owned(),
        stage: stage.to_owned(),
        tuition_fen: parts[0],
        lodging_fen: parts[1],
        books_fen: parts[2],
        aid_fen: parts[3],
        ..Default::default()
    }
    .into()
}

pub fn student(stage: &str, school_code: &str, enrolled_on: NaiveDate, boarding: bool) -> Row {
    education::StudentEnrolment {
        stage: stage.to_owned(),
        school_code: school_code.to_owned(),
        grade: "一年级".to_owned(),
        boarding,
        enrolled_on: iso(enrolled_on),
        status: "enrolled".to_owned(),
        ..Default::default()
    }
    .into()
}

/// A loss: house damage, share of crop and of livestock.
pub fn loss(event_code: &str, ended_on: NaiveDate, house_damage: &str, shares: [i32; 2]) -> Row {
    emergency::DisasterLoss {
        event_code: event_code.to_owned(),
        event_kind: "flood".to_owned(),
        ended_on: iso(ended_on),
        house_damage: house_damage.to_owned(),
        crop_loss_percent: shares[0],
        livestock_loss_percent: shares[1],
        ..Default::default()
    }
    .into()
}

/// Emergency relief, or the transitional one for who lost the house.
pub fn relief(event_code: &str, kind: &str, given_on: NaiveDate) -> Row {
    emergency::DisasterRelief {
        event_code: event_code.to_owned(),
        kind: kind.to_owned(),
        amount_fen: 60_000,
        given_on: iso(given_on),
        ..Default::default()
    }
    .into()
}

pub fn house(grade: &str, only_house: bool, surveyed_on: NaiveDate) -> Row {
    housing::RuralHouseSafety {
        house_code: "NF0001".to_owned(),
        grade: grade.to_owned(),
        only_house,
        surveyed_on: iso(surveyed_on),
        ..Default::default()
    }
    .into()
}

pub fn renovation(planned_on: NaiveDate, accepted_on: Option<NaiveDate>) -> Row {
    housing::HouseRenovation {
        plan_year: planned_on.year().to_string(),
        kind: "repair".to_owned(),
        planned_on: iso(planned_on),
        // In time: a plan may wait sixty days for its start.
        started_on: iso(accepted_on.map_or_else(|| plus(planned_on, 20), |d| minus(d, 60))),
        accepted_on: accepted_on.map(iso).unwrap_or_default(),
        grant_fen: 1_500_000,
        ..Default::default()
    }
    .into()
}

pub fn monitored(entered_on: NaiveDate, risk_state: &str) -> Row {
    rural::MonitoredHousehold {
        kind: "unstable".to_owned(),
        risk_kinds: "因病".to_owned(),
        entered_on: iso(entered_on),
        risk_state: risk_state.to_owned(),
        income_fen: 760_000,
        ..Default::default()
    }
    .into()
}

pub fn measure(measure: &str, started_on: NaiveDate) -> Row {
    rural::AssistanceMeasure { measure: measure.to_owned(), started_on: iso(started_on), ..Default::default() }.into()
}

pub fn cancer(diagnosed_on: NaiveDate, aided_fen: i64) -> Row {
    women::TwoCancerPatient {
        diagnosis: "breast".to_owned(),
        diagnosed_on: iso(diagnosed_on),
        aided_fen,
        ..Default::default()
    }
    .into()
}

pub fn visit(kind: &str, visited_on: NaiveDate, needs_help: bool) -> Row {
    women::FamilyVisit { kind: kind.to_owned(), visited_on: iso(visited_on), needs_help, ..Default::default() }.into()
}
