//! Plants of every other indicator that bureaus' data can make true: one household each a turn, with nothing but what it takes.

use chrono::NaiveDate;
use minqing_proto::minqing::bureau::medical_insurance::v1 as medical_insurance;

use super::{COMFORTABLE, COUPLE, Draft, Kind};
use crate::{
    calendar::{self, minus},
    city::{Builder, When, family::Role, rows},
    dataset::{Dataset, Row, iso},
    household::{Class, Held},
    indicator::Indicator,
    person::Sex,
};

const STUDENT: [Role; 3] = [(Sex::Male, 46, "02"), (Sex::Female, 44, "12"), (Sex::Male, 16, "20")];
const GROWN_UP: [Role; 3] = [(Sex::Male, 47, "02"), (Sex::Female, 45, "12"), (Sex::Male, 20, "20")];

fn day(year: i32, month: u32, day: u32) -> NaiveDate {
    NaiveDate::from_ymd_opt(year, month, day).unwrap_or_default()
}

/// Takes a member's rows of a dataset out.
fn without(draft: &mut Draft, dataset: Dataset, member: u8) {
    draft.rows.retain(|(_, m, row)| row.dataset() != dataset || *m != member);
}

/// A pupil's entry on a roll, with a status of its own.
pub(super) fn enrol(draft: &mut Draft, member: u8, stage: &str, since: NaiveDate, status: &str) {
    without(draft, Dataset::StudentEnrolment, member);
    let mut row = rows::student(stage, "3620000002", since, false);
    if let Row::StudentEnrolment(student) = &mut row {
        student.status = status.to_owned();
    }
    draft.know(When::Before, member, row);
}

impl Builder {
    pub(super) fn beside(&mut self, n: usize) {
        self.signs_of_need(n.is_multiple_of(2));
        self.missing_aid();
        self.missing_school_aid();
        self.missing_other_aid();
        self.changed_members();
        self.changed_means();
        self.underpaid();
    }

    fn fires(&mut self, draft: Draft, indicator: Indicator, member: Option<u8>) {
        self.set(draft, indicator, member, Kind::Fires);
    }

    /// A class held since long before the year began.
    fn long_held(&mut self, class: Class, rural: bool, roles: &[Role]) -> Draft {
        let mut draft = self.draft_of(class, rural, roles);
        draft.home.classes[0].valid_from = day(2024, 5, 1);
        draft
    }

    fn signs_of_need(&mut self, rural: bool) {
        let old = minus(calendar::start(), 900);
        let mut draft = self.draft(rural, &COUPLE, COMFORTABLE);
        draft.know(When::Before, 0, rows::certificate("hearing", 4, old));
        draft.know(When::Before, 1, rows::certificate("physical", 4, old));
        self.fires(draft, Indicator::A01, None);

        let parents = [(Sex::Male, 68, "02"), (Sex::Female, 66, "12"), (Sex::Male, 40, "20")];
        let mut draft = self.draft(rural, &parents, COMFORTABLE);
        draft.know(When::Before, 2, rows::certificate("intellectual", 3, old));
        draft.know(When::Before, 2, rows::subsidy("care", old));
        self.fires(draft, Indicator::A02, Some(2));

        let mut draft = self.draft_of(Class::Edge, rural, &COUPLE);
        draft.know(When::Before, 1, rows::disease(minus(calendar::start(), 400)));
        self.fires(draft, Indicator::A04, Some(1));

        let draft = self.draft(rural, &parents[..2], COMFORTABLE);
        self.fires(draft, Indicator::A07, None);

        let lines = self.city.thresholds.beside.clone();
        let settled = minus(calendar::start(), 2);
        for (own, inpatient, indicator, kind) in [
            (lines.outpatient_fen, false, Indicator::A10, Kind::Fires),
            (lines.outpatient_fen - 1, false, Indicator::A10, Kind::OneFen),
            (lines.rise_fen, true, Indicator::A11, Kind::Fires),
            (lines.rise_fen - 1, true, Indicator::A11, Kind::OneFen),
        ] {
            let mut draft = self.draft(rural, &COUPLE, COMFORTABLE);
            let visit = format!("{}-B", draft.home.no);
            draft.know(When::Before, 1, rows::settlement(inpatient, own, settled, visit));
            self.set(draft, indicator, Some(1), kind);
        }

        let grandparents = [(Sex::Male, 67, "02"), (Sex::Female, 65, "12"), (Sex::Male, 7, "41")];
        let mut draft = self.draft(rural, &grandparents, COMFORTABLE);
        enrol(&mut draft, 2, "compulsory", day(2026, 9, 1), "enrolled");
        self.fires(draft, Indicator::A14, Some(2));

        let mut draft = self.draft(rural, &COUPLE, COMFORTABLE);
        let number = format!("SW-B{}", draft.home.no);
        draft.know(When::Before, 0, rows::death(minus(calendar::start(), 1), number));
        self.fires(draft, Indicator::A19, None);

        let mut draft = self.draft(rural, &GROWN_UP, 140);
        enrol(&mut draft, 2, "higher", day(2023, 9, 1), "graduated");
        draft.know(When::Before, 2, rows::school_cost("higher", "2025-2026", [500_000, 100_000, 50_000, 0]));
        self.fires(draft, Indicator::A22, Some(2));

        let draft = self.draft(true, &COUPLE, 120);
        self.fires(draft, Indicator::A32, None);
    }

    fn missing_aid(&mut self) {
        let old = minus(calendar::start(), 900);
        let mut draft = self.draft_of(Class::MinimumLiving, true, &COUPLE);
        draft.know(When::Before, 0, rows::certificate("hearing", 4, old));
        self.fires(draft, Indicator::B02, Some(0));

        let mut draft = self.draft(true, &COUPLE, COMFORTABLE);
        draft.know(When::Before, 2, rows::certificate("visual", 2, old));
        self.fires(draft, Indicator::B03, Some(2));

        let mut draft = self.draft_of(Class::MinimumLiving, true, &COUPLE);
        without(&mut draft, Dataset::Enrolment, 0);
        self.fires(draft, Indicator::B08, Some(0));

        // All of them paid themselves.
        let mut draft = self.long_held(Class::MinimumLiving, true, &COUPLE);
        draft.insured_by("self");
        self.fires(draft, Indicator::B09, Some(0));

        let mut draft = self.long_held(Class::MinimumLiving, true, &COUPLE);
        let mut row = rows::settlement(true, 30_000, minus(calendar::start(), 5), format!("{}-B", draft.home.no));
        if let Row::Settlement(stay) = &mut row {
            stay.total_fen -= stay.aid_paid_fen;
            stay.aid_paid_fen = 0;
        }
        draft.know(When::Before, 1, row);
        let share = medical_insurance::PolicyShare {
            visit_no: format!("{}-B", draft.home.no),
            settled_on: iso(minus(calendar::start(), 5)),
            in_policy_own_fen: 20_000,
            in_province: true,
            identity_accepted: true,
            ..Default::default()
        };
        draft.know(When::Before, 1, share.into());
        self.fires(draft, Indicator::B10, Some(1));
    }

    fn missing_school_aid(&mut self) {
        let infant = [(Sex::Male, 35, "02"), (Sex::Female, 33, "12"), (Sex::Male, 4, "20")];
        for (roles, stage, fee, indicator) in [
            (infant, "preschool", 120_000, Indicator::B13),
            (COUPLE, "compulsory", 0, Indicator::B14),
            (STUDENT, "senior_high", 90_000, Indicator::B15),
            (STUDENT, "vocational", 90_000, Indicator::B16),
        ] {
            let mut draft = self.draft_of(Class::Edge, true, &roles);
            enrol(&mut draft, 2, stage, day(2025, 9, 1), "enrolled");
            draft.know(When::Before, 2, rows::school_cost(stage, "2026-2027", [fee, 40_000, 20_000, 0]));
            self.fires(draft, indicator, Some(2));
        }

        let mut draft = self.draft(true, &COUPLE, COMFORTABLE);
        without(&mut draft, Dataset::StudentEnrolment, 2);
        self.fires(draft, Indicator::B18, Some(2));
    }

    fn missing_other_aid(&mut self) {
        let mut draft = self.draft(true, &COUPLE, COMFORTABLE);
        let mut row = rows::renovation(minus(calendar::start(), 100), None);
        if let Row::HouseRenovation(work) = &mut row {
            work.started_on.clear();
        }
        draft.know(When::Before, 0, row);
        self.fires(draft, Indicator::B20, None);

        let pair = [(Sex::Male, 41, "02"), (Sex::Female, 39, "12")];
        let mut draft = self.draft(false, &pair, COMFORTABLE);
        for member in [0, 1] {
            draft.know(When::Before, member, rows::unemployment(minus(calendar::start(), 300), None));
        }
        self.fires(draft, Indicator::B22, None);

        let mut draft = self.draft_of(Class::Edge, true, &COUPLE);
        without(&mut draft, Dataset::InsurancePayment, 1);
        self.fires(draft, Indicator::B24, Some(1));

        let mut draft = self.draft(true, &COUPLE, COMFORTABLE);
        let ended = minus(calendar::start(), 45);
        draft.know(When::Before, 0, rows::loss("FL202609-01", ended, "severe", [0, 0]));
        draft.know(When::Before, 0, rows::relief("FL202609-01", "emergency", ended));
        draft.know(When::Before, 0, rows::event("FL202609-01", ended, true));
        self.fires(draft, Indicator::B25, None);

        let mut draft = self.draft(true, &COUPLE, COMFORTABLE);
        draft.know(When::Before, 0, rows::loss("FL202609-01", ended, "severe", [0, 0]));
        draft.know(When::Before, 0, rows::relief("FL202609-01", "emergency", ended));
        draft.know(When::Before, 0, rows::event("FL202609-01", ended, false));
        self.set(draft, Indicator::B25, None, Kind::Other);

        let mut draft = self.draft_of(Class::Edge, true, &COUPLE);
        draft.know(When::Before, 1, rows::cancer(minus(calendar::start(), 70), 500_000));
        self.fires(draft, Indicator::B35, Some(1));
    }

    fn changed_members(&mut self) {
        let mut draft = self.draft(true, &GROWN_UP, COMFORTABLE);
        let valid_from = day(2024, 5, 1);
        let alone = Held { class: Class::Destitute, member: Some(2), valid_from, amount_fen: 76_100 };
        draft.home.classes.push(alone);
        self.fires(draft, Indicator::C04, Some(2));

        let mut draft = self.draft_of(Class::Edge, true, &[(Sex::Male, 60, "02"), (Sex::Female, 50, "12")]);
        self.born(&mut draft, 0, day(1966, 10, 20));
        self.fires(draft, Indicator::C05, Some(0));

        for (stage, since, status, indicator) in [
            ("senior_high", day(2023, 9, 1), "graduated", Indicator::C07),
            ("higher", day(2025, 9, 1), "dropped_out", Indicator::C08),
        ] {
            let mut draft = self.long_held(Class::MinimumLiving, true, &GROWN_UP);
            enrol(&mut draft, 2, stage, since, status);
            self.fires(draft, indicator, Some(2));
        }

        let newborn = [(Sex::Male, 30, "02"), (Sex::Female, 29, "12"), (Sex::Female, 0, "30")];
        let mut draft = self.long_held(Class::MinimumLiving, true, &newborn);
        self.born(&mut draft, 2, day(2026, 10, 2));
        self.fires(draft, Indicator::C19, Some(2));

        let mut draft = self.long_held(Class::MinimumLiving, true, &COUPLE);
        draft.know(When::Before, 1, rows::disease(minus(calendar::start(), 5)));
        self.fires(draft, Indicator::C33, Some(1));
    }

    fn changed_means(&mut self) {
        let mut draft = self.draft_of(Class::MinimumLiving, true, &COUPLE);
        draft.home.house_count = 2;
        self.fires(draft, Indicator::C12, None);

        for (over, kind) in [(1, Kind::Fires), (0, Kind::OneFen)] {
            let mut draft = self.draft_of(Class::MinimumLiving, true, &COUPLE);
            let lines = &self.city.thresholds;
            draft.home.assets_fen = lines.standard_rural_fen * lines.beside.assets_aided * 3 + over;
            self.set(draft, Indicator::C15, None, kind);
        }

        let mut draft = self.draft_of(Class::Rigid, true, &COUPLE);
        self.give(&mut draft, Class::Edge);
        self.fires(draft, Indicator::C20, None);

        let mut draft = self.draft(true, &COUPLE, COMFORTABLE);
        let mut row = rows::certificate("hearing", 4, minus(calendar::start(), 3_700));
        if let Row::DisabilityCertificate(certificate) = &mut row {
            certificate.valid_to = iso(minus(calendar::start(), 20));
        }
        draft.know(When::Before, 1, row);
        self.fires(draft, Indicator::C22, Some(1));

        let mut draft = self.draft(true, &COUPLE, 220);
        let entered = minus(calendar::start(), 300);
        draft.monitored(entered, "removed");
        let held = Held { class: Class::ReturnToPoverty, member: None, valid_from: entered, amount_fen: 0 };
        draft.home.classes.push(held);
        self.fires(draft, Indicator::C29, None);

        let mut draft = self.draft(true, &COUPLE, COMFORTABLE);
        draft.know(When::Before, 0, rows::loss("FL202605-01", day(2026, 5, 3), "slight", [20, 0]));
        draft.know(When::Before, 0, rows::relief("FL202605-01", "transitional", day(2026, 10, 1)));
        self.fires(draft, Indicator::C30, None);
    }

    /// Paid by the standard before the last rise: decided before it, and after.
    fn underpaid(&mut self) {
        for (decided, indicator) in [(day(2025, 6, 1), Indicator::P06), (day(2026, 6, 1), Indicator::P05)] {
            let mut draft = self.draft_of(Class::MinimumLiving, false, &COUPLE);
            let before = self.city.thresholds.beside.earlier_urban_fen * 3 - draft.home.income_fen / 12;
            draft.home.classes[0].amount_fen = before;
            draft.home.classes[0].valid_from = decided;
            self.fires(draft, indicator, None);
        }
    }
}
