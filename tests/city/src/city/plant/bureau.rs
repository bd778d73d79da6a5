//! Plants whose truth hangs on what people are: disability, work, illness, school.

use super::{COMFORTABLE, COUPLE, Draft, Kind};
use crate::{
    calendar::{self, minus},
    city::{Builder, When, rows},
    dataset::{Bureau, Row},
    household::Class,
    indicator::Indicator,
    person::Sex,
};

impl Builder {
    pub(super) fn severe_disability(&mut self, n: usize) {
        let id = Indicator::A03;
        let old = minus(calendar::start(), 800);
        let severe = |draft: &mut Draft, when: When, n: usize| {
            let row = if n % 3 == 2 {
                rows::certificate("intellectual", 3, old)
            } else {
                rows::certificate("physical", 1 + i32::from(n % 2 == 1), old)
            };
            draft.know(when, 1, row);
        };
        let mut draft = self.draft(n.is_multiple_of(2), &COUPLE, if n % 2 == 1 { 60 } else { COMFORTABLE });
        severe(&mut draft, self.moment(n), n);
        self.set(draft, id, Some(1), Kind::Fires);

        // Comes of age the day after the play can end.
        let mut draft = self.draft(true, &[(Sex::Male, 48, "02"), (Sex::Female, 17, "30")], COMFORTABLE);
        let birth_on = chrono::NaiveDate::from_ymd_opt(2009, 1, 1).unwrap_or(old);
        self.born(&mut draft, 1, birth_on);
        severe(&mut draft, When::Before, n);
        draft.know(When::Before, 1, rows::subsidy("care", old));
        self.set(draft, id, Some(1), Kind::OneDay);

        let mut draft = self.draft(true, &COUPLE, COMFORTABLE);
        let mut row = rows::certificate("physical", 1, minus(calendar::start(), 3_600));
        if let Row::DisabilityCertificate(c) = &mut row {
            c.valid_to = crate::dataset::iso(minus(calendar::start(), 1));
        }
        draft.know(When::Before, 1, row);
        self.set(draft, id, Some(1), Kind::OneDay);

        let mut draft = self.draft(false, &COUPLE, COMFORTABLE);
        draft.know(When::Before, 1, rows::certificate("physical", 3, old));
        self.set(draft, id, Some(1), Kind::Other);

        let mut draft = self.draft(false, &COUPLE, COMFORTABLE);
        severe(&mut draft, When::Before, n);
        draft.know(When::Before, 1, rows::subsidy("care", old));
        draft.know(When::Before, 1, rows::payment("employee", 400_000, "2026-10"));
        self.set(draft, id, Some(1), Kind::Other);

        let mut draft = self.draft_of(Class::MinimumLiving, true, &COUPLE);
        severe(&mut draft, When::Before, n);
        for kind in ["care", "living"] {
            draft.know(When::Before, 1, rows::subsidy(kind, old));
        }
        self.set(draft, id, Some(1), Kind::Aided);
    }

    pub(super) fn job_loss(&mut self, n: usize) {
        let id = Indicator::A05;
        let when = self.moment(n);
        let told = Self::told(when, Bureau::Hr);
        let earner = [(Sex::Male, 42, "02"), (Sex::Male, 68, "51"), (Sex::Female, 10, "30")];
        if n % 4 == 3 {
            let mut draft = self.draft(true, &earner, 150);
            for month in ["2026-03", "2026-04", "2026-05"] {
                draft.know(When::Before, 0, rows::payment("employee", 380_000, month));
            }
            self.set(draft, id, Some(0), Kind::Fires);
        } else {
            // Exactly at the line, exactly on the last day: still in.
            let mut draft = self.draft(n.is_multiple_of(2), &COUPLE, if n % 3 == 1 { 200 } else { 150 });
            let days = if n % 3 == 2 { 180 } else { 20 };
            draft.know(when, 0, rows::unemployment(minus(told, days), None));
            self.set(draft, id, Some(0), Kind::Fires);
        }

        let first = Self::told(When::Before, Bureau::Hr);
        let benefit =
            |draft: &mut Draft, days: u64| draft.know(When::Before, 0, rows::unemployment(minus(first, days), None));
        let mut draft = self.draft(n.is_multiple_of(2), &COUPLE, 200);
        draft.home.income_fen += 1;
        benefit(&mut draft, 20);
        self.set(draft, id, Some(0), Kind::OneFen);

        let mut draft = self.draft(true, &COUPLE, 150);
        benefit(&mut draft, 181);
        self.set(draft, id, Some(0), Kind::OneDay);

        let mut draft = self.draft(true, &COUPLE, 150);
        draft.know(When::Before, 0, rows::unemployment(minus(first, 60), Some(minus(first, 5))));
        self.set(draft, id, Some(0), Kind::Other);

        let mut draft = self.draft(true, &earner, 150);
        for month in ["2026-04", "2026-05", "2026-10"] {
            draft.know(When::Before, 0, rows::payment("employee", 380_000, month));
        }
        self.set(draft, id, Some(0), Kind::Other);

        let mut draft = self.draft_of(Class::MinimumLiving, true, &COUPLE);
        benefit(&mut draft, 20);
        self.set(draft, id, Some(0), Kind::Aided);
    }

    /// Visits of a member: (inpatient, own payment), all settled on one day.
    fn visits(draft: &mut Draft, when: When, settled_on: chrono::NaiveDate, visits: &[(bool, i64)]) {
        for (n, (inpatient, own)) in visits.iter().enumerate() {
            let number = format!("{}-P{n}", draft.home.no);
            draft.know(when, 1, rows::settlement(*inpatient, *own, settled_on, number));
        }
    }

    pub(super) fn watched_cost(&mut self, n: usize) {
        let id = Indicator::A08;
        let lines = &self.city.thresholds;
        let half = lines.rural_income_fen * lines.watched_year_percent / 100;
        let (inpatient, stay) = (lines.watched_inpatient_fen, lines.watched_stay_fen);
        let when = self.moment(n);
        let day = minus(Self::told(when, Bureau::MedicalInsurance), 2);
        let last_year = chrono::NaiveDate::from_ymd_opt(2025, 12, 31).unwrap_or(day);

        let mut draft = if n % 4 == 3 {
            let mut draft = self.draft(true, &COUPLE, 260);
            draft.monitored(minus(calendar::start(), 15), "open");
            draft
        } else {
            self.draft_of(if n.is_multiple_of(2) { Class::Edge } else { Class::Rigid }, n.is_multiple_of(2), &COUPLE)
        };
        match n % 3 {
            0 => Self::visits(&mut draft, when, day, &[(false, 300_000), (false, half - 300_000)]),
            1 => Self::visits(&mut draft, when, day, &[(true, inpatient / 2), (true, inpatient - inpatient / 2)]),
            _ => Self::visits(&mut draft, when, day, &[(true, stay)]),
        }
        self.set(draft, id, Some(1), Kind::Fires);

        // Long ago: no month of late was dear.
        let first = chrono::NaiveDate::from_ymd_opt(2026, 2, 10).unwrap_or(day);
        let mut draft = self.draft_of(Class::Edge, true, &COUPLE);
        Self::visits(&mut draft, When::Before, first, &[(true, inpatient - 1), (false, half - inpatient)]);
        self.set(draft, id, Some(1), Kind::OneFen);

        let mut draft = self.draft_of(Class::Edge, true, &COUPLE);
        Self::visits(&mut draft, When::Before, last_year, &[(true, stay * 2)]);
        self.set(draft, id, Some(1), Kind::OneDay);

        let mut draft = self.draft(false, &COUPLE, COMFORTABLE);
        Self::visits(&mut draft, When::Before, first, &[(true, stay)]);
        self.set(draft, id, Some(1), Kind::Other);
    }

    pub(super) fn ordinary_cost(&mut self, n: usize) {
        let id = Indicator::A09;
        let lines = &self.city.thresholds;
        let year = lines.rural_income_fen * lines.ordinary_year_percent / 100;
        let stay = lines.ordinary_stay_fen;
        let when = self.moment(n);
        let day = minus(Self::told(when, Bureau::MedicalInsurance), 2);
        let last_year = chrono::NaiveDate::from_ymd_opt(2025, 12, 31).unwrap_or(day);

        let mut draft = self.draft(true, &COUPLE, COMFORTABLE);
        match n % 2 {
            0 => Self::visits(&mut draft, when, day, &[(false, year / 2), (false, year - year / 2)]),
            _ => Self::visits(&mut draft, when, day, &[(true, stay)]),
        }
        self.set(draft, id, Some(1), Kind::Fires);

        let first = chrono::NaiveDate::from_ymd_opt(2026, 2, 10).unwrap_or(day);
        let mut draft = self.draft(true, &COUPLE, COMFORTABLE);
        Self::visits(&mut draft, When::Before, first, &[(true, stay - 1), (false, year - stay)]);
        self.set(draft, id, Some(1), Kind::OneFen);

        let mut draft = self.draft(true, &COUPLE, COMFORTABLE);
        Self::visits(&mut draft, When::Before, last_year, &[(true, year * 2)]);
        self.set(draft, id, Some(1), Kind::OneDay);

        let mut draft = self.draft(false, &COUPLE, COMFORTABLE);
        Self::visits(&mut draft, When::Before, first, &[(true, year)]);
        self.set(draft, id, Some(1), Kind::Other);

        let mut draft = self.draft_of(Class::MinimumLiving, true, &COUPLE);
        Self::visits(&mut draft, When::Before, first, &[(true, year)]);
        self.set(draft, id, Some(1), Kind::Aided);
    }

    pub(super) fn new_disease(&mut self, n: usize) {
        let id = Indicator::A12;
        let days = self.city.thresholds.disease_days;
        let when = self.moment(n);
        let told = Self::told(when, Bureau::Health);
        let mut draft = self.draft(n.is_multiple_of(2), &COUPLE, COMFORTABLE);
        draft.know(when, 1, rows::disease(minus(told, if n % 3 == 2 { days } else { 5 })));
        self.set(draft, id, Some(1), Kind::Fires);

        let first = Self::told(When::Before, Bureau::Health);
        let mut draft = self.draft(true, &COUPLE, COMFORTABLE);
        draft.know(When::Before, 1, rows::disease(minus(first, days + 1)));
        self.set(draft, id, Some(1), Kind::OneDay);

        let mut draft = self.draft_of(Class::MinimumLiving, false, &COUPLE);
        draft.know(When::Before, 1, rows::disease(minus(first, 5)));
        self.set(draft, id, Some(1), Kind::Aided);
    }

    pub(super) fn school_cost(&mut self, n: usize) {
        let id = Indicator::A13;
        let roles = [(Sex::Male, 44, "02"), (Sex::Female, 43, "12"), (Sex::Female, 16, "30")];
        let line = self.city.thresholds.school_cost_fen;
        let percent = self.city.thresholds.school_income_percent;
        let cost = |stage: &str, over: i64, aid: i64| {
            rows::school_cost(stage, "2026-2027", [line + over + aid - 300_000, 200_000, 100_000, aid])
        };
        let attend = |draft: &mut Draft, row: &Row| {
            let Row::SchoolCost(cost) = row else { return };
            let stage = cost.stage.clone();
            for (_, _, known) in &mut draft.rows {
                if let Row::StudentEnrolment(student) = known {
                    student.stage.clone_from(&stage);
                }
            }
        };
        let mut draft = self.draft(n.is_multiple_of(2), &roles, percent - 1);
        let row = cost(if n.is_multiple_of(2) { "senior_high" } else { "vocational" }, 0, 0);
        attend(&mut draft, &row);
        draft.know(self.moment(n), 2, row);
        self.set(draft, id, Some(2), Kind::Fires);

        for (row, percent, kind) in [
            (cost("senior_high", -1, 0), percent - 50, Kind::OneFen),
            (cost("vocational", 0, 0), percent, Kind::OneFen),
            (cost("higher", 300_000, 0), percent - 50, Kind::Other),
            (rows::school_cost("senior_high", "2026-2027", [line, 200_000, 0, 200_001]), percent - 50, Kind::Aided),
        ] {
            let mut draft = self.draft(true, &roles, percent);
            attend(&mut draft, &row);
            draft.know(When::Before, 2, row);
            self.set(draft, id, Some(2), kind);
        }
    }

    pub(super) fn new_certificate(&mut self, n: usize) {
        let id = Indicator::A17;
        let roles = [(Sex::Male, 40, "02"), (Sex::Female, 39, "12"), (Sex::Male, 12, "20")];
        let days = self.city.thresholds.certificate_days;
        let when = self.moment(n);
        let told = Self::told(when, Bureau::Disabled);
        let mut draft = self.draft(n.is_multiple_of(2), &roles, COMFORTABLE);
        let issued = minus(told, if n % 3 == 2 { days } else { 8 });
        draft.know(when, 2, rows::certificate("visual", 1 + i32::from(n.is_multiple_of(2)), issued));
        self.set(draft, id, Some(2), Kind::Fires);

        let first = Self::told(When::Before, Bureau::Disabled);
        let new = |grade: i32, days: u64| rows::certificate("hearing", grade, minus(first, days));
        let mut draft = self.draft(true, &roles, COMFORTABLE);
        draft.know(When::Before, 2, new(1, days + 1));
        self.set(draft, id, Some(2), Kind::OneDay);

        let mut draft = self.draft(true, &roles, COMFORTABLE);
        draft.know(When::Before, 2, new(3, 8));
        self.set(draft, id, Some(2), Kind::Other);

        let mut draft = self.draft(true, &roles, COMFORTABLE);
        draft.know(When::Before, 2, new(2, 8));
        draft.know(When::Before, 2, rows::subsidy("care", minus(first, 1)));
        self.set(draft, id, Some(2), Kind::Aided);

        let mut draft = self.draft_of(Class::MinimumLiving, true, &roles);
        draft.know(When::Before, 2, new(2, 8));
        self.set(draft, id, Some(2), Kind::Aided);
    }
}
