//! Plants of the indicators over what the offices tell and over the datasets that the fewest rules read: one household
//! each a turn, and for those with a line or a window one that misses it.

use minqing_proto::minqing::bureau::{
    disabled::v1 as disabled, emergency::v1 as emergency, health::v1 as health, hr::v1 as hr,
    medical_insurance::v1 as medical_insurance, outside::v1 as outside, women::v1 as women,
};

use super::{COMFORTABLE, COUPLE, Draft, Kind, beside::enrol};
use crate::{
    calendar::{minus, plus, start},
    city::{Builder, When, family::Role, rows},
    dataset::{Row, iso},
    household::Class,
    indicator::Indicator,
    person::Sex,
};

const ELDER: [Role; 1] = [(Sex::Male, 66, "02")];
const GRANDPARENTS: [Role; 3] = [(Sex::Male, 58, "02"), (Sex::Female, 56, "12"), (Sex::Male, 9, "41")];
const STUDENT: [Role; 3] = [(Sex::Male, 47, "02"), (Sex::Female, 45, "12"), (Sex::Male, 20, "20")];
const INFANT: [Role; 3] = [(Sex::Male, 35, "02"), (Sex::Female, 33, "12"), (Sex::Male, 4, "20")];

/// A day so many days before the play.
fn ago(days: u64) -> String {
    iso(minus(start(), days))
}

/// A month as civil affairs and tax write it, so many months before the play's first.
fn month(before: i32) -> i32 {
    let months = 2026 * 12 + 9 - before;
    months / 12 * 100 + months % 12 + 1
}

impl Builder {
    pub(super) fn offices(&mut self) {
        self.shocks();
        self.children();
        self.voices();
        self.aid_left_off();
        self.no_longer_there();
        self.means_told();
        self.case_books();
    }

    /// A household with nothing but what the rows tell.
    fn case(&mut self, class: Option<Class>, told: Vec<(u8, Row)>, what: (Indicator, Option<u8>, Kind)) {
        let draft = match class {
            Some(class) => self.draft_of(class, true, &COUPLE),
            None => self.draft(true, &COUPLE, COMFORTABLE),
        };
        self.case_of(draft, told, what);
    }

    fn case_of(&mut self, mut draft: Draft, told: Vec<(u8, Row)>, what: (Indicator, Option<u8>, Kind)) {
        for (member, row) in told {
            draft.know(When::Before, member, row);
        }
        self.set(draft, what.0, what.1, what.2);
    }

    /// A number for a paper, the same in every run.
    fn paper(&self, kind: &str) -> String {
        format!("{kind}{:06}", self.city.households.len())
    }

    fn shocks(&mut self) {
        for (left_on, kind) in [(String::new(), Kind::Fires), (ago(3), Kind::Other)] {
            let custody = outside::JusticeCustody { entered_on: ago(20), left_on, ..Default::default() };
            self.case(None, vec![(0, custody.into())], (Indicator::A06, None, kind));
        }
        for (outcome, days, kind) in [("serious_injury", 1, Kind::Fires), ("serious_injury", 31, Kind::OneDay)] {
            let accident = self.accident(outcome, days);
            self.case(None, vec![(0, accident)], (Indicator::A16, None, kind));
        }
        for (cut_days, kind) in [(8, Kind::Fires), (7, Kind::OneDay)] {
            let water = outside::WaterSupply {
                tested_on: ago(12),
                passed: true,
                cut_days: Some(cut_days),
                ..Default::default()
            };
            self.case(None, vec![(0, water.into())], (Indicator::A21, None, kind));
        }
        // A class was left, and an accident follows; without the accident nothing does.
        for (struck, kind) in [(true, Kind::Fires), (false, Kind::Other)] {
            let left = outside::CivilExit {
                assistance_class: "minimum_living".to_owned(),
                left_on: ago(100),
                reason: "income".to_owned(),
                ..Default::default()
            };
            let mut told: Vec<(u8, Row)> = vec![(0, left.into())];
            if struck {
                told.push((0, self.accident("death", 2)));
            }
            self.case(None, told, (Indicator::A23, None, kind));
        }
        let refused = self.decision("refused", 40, None);
        let told = vec![(0, refused), (0, self.accident("serious_injury", 2))];
        self.case(None, told, (Indicator::A24, None, Kind::Fires));
    }

    fn accident(&self, outcome: &str, days: u64) -> Row {
        let (accident_no, outcome) = (self.paper("SG"), outcome.to_owned());
        outside::PoliceAccident { accident_no, happened_on: ago(days), outcome, ..Default::default() }.into()
    }

    /// A decision on minimum living, shown to the public for so many days.
    fn decision(&self, decision: &str, days: u64, shown: Option<u64>) -> Row {
        let from = minus(start(), days + 12);
        outside::CivilDecision {
            decision_no: self.paper("SP"),
            assistance_class: "minimum_living".to_owned(),
            decision: decision.to_owned(),
            decided_on: ago(days),
            public_from: shown.map(|_| iso(from)).unwrap_or_default(),
            public_to: shown.map(|shown| iso(plus(from, shown - 1))).unwrap_or_default(),
            ..Default::default()
        }
        .into()
    }

    fn children(&mut self) {
        let parent = |parent: &str, state: &str, days| -> (u8, Row) {
            let (parent, state) = (parent.to_owned(), state.to_owned());
            (2, outside::PoliceParent { parent, state, since_on: ago(days), ..Default::default() }.into())
        };
        for (mother, kind) in [("restricted", Kind::Fires), ("able", Kind::Other)] {
            let draft = self.draft(true, &GRANDPARENTS, COMFORTABLE);
            let told = vec![parent("father", "in_custody", 200), parent("mother", mother, 200)];
            self.case_of(draft, told, (Indicator::A18, Some(2), kind));
        }
        for (paid, kind) in [(false, Kind::Fires), (true, Kind::Aided)] {
            let draft = self.draft(true, &GRANDPARENTS, COMFORTABLE);
            let mut told = vec![parent("father", "dead", 900), parent("mother", "dead", 300)];
            if paid {
                let child = outside::CivilChild {
                    kind: "orphan".to_owned(),
                    recognised_on: ago(250),
                    amount_fen: Some(150_000),
                    ..Default::default()
                };
                told.push((2, child.into()));
            }
            self.case_of(draft, told, (Indicator::B04, Some(2), kind));
        }
    }

    fn voices(&mut self) {
        let matter = |b: &Builder, n: usize, hardship: bool, days: u64| -> (u8, Row) {
            let matter_no = format!("{}-{n}", b.paper("RX"));
            (0, outside::VoiceMatter { matter_no, spoken_on: ago(days), hardship, ..Default::default() }.into())
        };
        let told = vec![matter(self, 1, true, 4)];
        self.case(None, told, (Indicator::A26, None, Kind::Fires));
        let told = vec![matter(self, 1, false, 4), matter(self, 2, false, 1)];
        self.case(None, told, (Indicator::P19, None, Kind::Fires));
        let told = vec![matter(self, 1, false, 4), matter(self, 2, false, 91)];
        self.case(None, told, (Indicator::P19, None, Kind::OneDay));
        for (taken_on, kind) in [(String::new(), Kind::Fires), (ago(1), Kind::Aided)] {
            let need = outside::CivilNeed {
                need_no: self.paper("XQ"),
                kind: "living".to_owned(),
                opened_on: ago(40),
                taken_on,
                ..Default::default()
            };
            self.case(None, vec![(0, need.into())], (Indicator::B36, None, kind));
        }
    }

    fn aid_left_off(&mut self) {
        for (own_income, kind) in [(false, Kind::Fires), (true, Kind::Other)] {
            let case_no = self.paper("RS");
            let case = women::ViolenceCase { case_no, order_on: ago(9), own_income, ..Default::default() };
            self.case(None, vec![(1, case.into())], (Indicator::A30, Some(1), kind));
        }
        for (risk_level, kind) in [(3, Kind::Fires), (2, Kind::Other)] {
            let draft = self.draft(true, &[(Sex::Male, 52, "02")], COMFORTABLE);
            let risk = health::MentalRisk { risk_level, assessed_on: ago(30), ..Default::default() };
            self.case_of(draft, vec![(0, risk.into())], (Indicator::A31, Some(0), kind));
        }
        let draft = self.draft_of(Class::MinimumLiving, true, &ELDER);
        let test = outside::CivilMeansTest {
            report_no: self.paper("HD"),
            checked_on: ago(30),
            supporters_checked: true,
            ..Default::default()
        };
        self.case_of(draft, vec![(0, test.into())], (Indicator::B06, Some(0), Kind::Fires));

        let line = self.city.thresholds.offices.tilt_fen;
        for (own, kind) in [(line + 1, Kind::Fires), (line, Kind::OneFen)] {
            let share = medical_insurance::PolicyShare {
                visit_no: self.paper("ZL"),
                settled_on: ago(60),
                in_policy_own_fen: own,
                in_province: true,
                identity_accepted: true,
                ..Default::default()
            };
            self.case(Some(Class::Edge), vec![(1, share.into())], (Indicator::B11, Some(1), kind));
        }
        for (settled_on, kind) in [(String::new(), Kind::Fires), (ago(1), Kind::Other)] {
            let bill_no = self.paper("JJ");
            let bill = health::EmergencyUnpaid {
                bill_no,
                admitted_on: ago(10),
                bill_fen: 640_000,
                identified: true,
                settled_on,
                ..Default::default()
            };
            self.case(None, vec![(1, bill.into())], (Indicator::B12, Some(1), kind));
        }
        let mut draft = self.draft_of(Class::Edge, true, &STUDENT);
        enrol(&mut draft, 2, "higher", minus(start(), 800), "enrolled");
        self.set(draft, Indicator::B17, Some(2), Kind::Fires);
        for (posted, kind) in [(false, Kind::Fires), (true, Kind::Aided)] {
            let helped = hr::EmploymentDifficult {
                kind: "older".to_owned(),
                registered_on: ago(200),
                helped_on: ago(120),
                ..Default::default()
            };
            let mut told: Vec<(u8, Row)> = vec![(1, helped.into())];
            if posted {
                let (post, started_on) = ("护林员".to_owned(), ago(30));
                let post = hr::PublicPost { post, wage_fen: 80_000, started_on, ..Default::default() };
                told.push((1, post.into()));
            }
            self.case(None, told, (Indicator::B23, Some(1), kind));
        }
        self.homes_and_bodies();
    }

    fn homes_and_bodies(&mut self) {
        for (rebuilt_on, kind) in [(String::new(), Kind::Fires), (ago(20), Kind::Aided)] {
            let rebuild = emergency::Rebuild {
                house_code: self.paper("CJ"),
                granted_on: ago(200),
                paid_on: ago(150),
                rebuilt_on,
                amount_fen: 2_000_000,
                ..Default::default()
            };
            self.case(None, vec![(0, rebuild.into())], (Indicator::B27, None, kind));
        }
        let certificate = || rows::certificate("hearing", 3, minus(start(), 500));
        for (given, kind) in [(false, Kind::Fires), (true, Kind::Aided)] {
            let draft = self.draft_of(Class::Edge, true, &INFANT);
            let mut told = vec![(2, certificate())];
            if given {
                let (item, given_on) = ("听力康复训练".to_owned(), ago(60));
                let therapy = disabled::Rehabilitation { item, amount_fen: 300_000, given_on, ..Default::default() };
                told.push((2, therapy.into()));
            }
            self.case_of(draft, told, (Indicator::B29, Some(2), kind));
        }
        for (done_on, kind) in [(String::new(), Kind::Fires), (ago(50), Kind::Aided)] {
            let survey =
                disabled::BarrierFree { surveyed_on: ago(300), need_ticked: true, done_on, ..Default::default() };
            let mut told = vec![(1, survey.into())];
            told.push((1, rows::certificate("hearing", 2, minus(start(), 700))));
            told.push((1, rows::subsidy("care", minus(start(), 650))));
            self.case(Some(Class::Edge), told, (Indicator::B30, None, kind));
        }
        for (charged_fen, kind) in [(180_000, Kind::Fires), (0, Kind::OneFen)] {
            let funeral = outside::CivilFuneral { cremated_on: ago(20), charged_fen, ..Default::default() };
            self.case(Some(Class::Edge), vec![(0, funeral.into())], (Indicator::B34, Some(0), kind));
        }
        let draft = self.draft_of(Class::MinimumLiving, true, &ELDER);
        let pension = self.pension(20_000, 400);
        self.case_of(draft, vec![(0, pension)], (Indicator::C24, Some(0), Kind::Fires));
    }

    fn pension(&self, monthly_fen: i64, certified: u64) -> Row {
        let (kind, certified_on) = ("resident".to_owned(), ago(certified));
        hr::Pension { kind, monthly_fen, started_on: ago(900), certified_on, ..Default::default() }.into()
    }

    fn no_longer_there(&mut self) {
        let poor = Some(Class::MinimumLiving);
        for (state, reason, kind) in [("moved_out", "move", Kind::Fires), ("registered", "other", Kind::Other)] {
            let entry = outside::PoliceHouseholdRegister {
                registered_members: (state == "registered").then_some(3),
                state: state.to_owned(),
                reason: reason.to_owned(),
                changed_on: ago(30),
                ..Default::default()
            };
            self.case(poor, vec![(1, entry.into())], (Indicator::C02, Some(1), kind));
        }
        let entry = outside::PoliceHouseholdRegister {
            registered_members: Some(4),
            state: "registered".to_owned(),
            changed_on: ago(30),
            ..Default::default()
        };
        self.case(poor, vec![(0, entry.into())], (Indicator::C28, None, Kind::Fires));
        for (term, kind) in [(Some(14), Kind::Fires), (None, Kind::Other)] {
            let custody = outside::JusticeCustody { entered_on: ago(200), term_months: term, ..Default::default() };
            self.case(poor, vec![(0, custody.into())], (Indicator::C03, Some(0), kind));
        }
        for (since, kind) in [(190, Kind::Fires), (1_000, Kind::Other)] {
            let mut draft = self.draft_of(Class::MinimumLiving, true, &COUPLE);
            draft.home.classes[0].valid_from = minus(start(), 500);
            let stay = health::LongStay { kind: "hospital".to_owned(), entered_on: ago(since), ..Default::default() };
            self.case_of(draft, vec![(1, stay.into())], (Indicator::C31, Some(1), kind));
        }
        for (days, kind) in [(2, Kind::Fires), (63, Kind::OneDay)] {
            let twice = outside::ProvinceDuplicate {
                other_division: "620102".to_owned(),
                programme: "P-JB-01".to_owned(),
                found_on: ago(days),
                ..Default::default()
            };
            self.case(poor, vec![(0, twice.into())], (Indicator::C21, Some(0), kind));
        }
        for (days, kind) in [(5, Kind::Fires), (91, Kind::OneDay)] {
            let (registration_no, registered_on) = (self.paper("JH"), ago(days));
            let event = outside::CivilMarriage {
                registration_no,
                kind: "divorce".to_owned(),
                registered_on,
                ..Default::default()
            };
            self.case(poor, vec![(1, event.into())], (Indicator::C18, Some(1), kind));
        }
    }

    fn means_told(&mut self) {
        let poor = Some(Class::MinimumLiving);
        let standard = self.city.thresholds.standard_rural_fen;
        for (monthly, kind) in [(standard + 1, Kind::Fires), (standard, Kind::OneFen)] {
            // Retired early: who is sixty has to be certified again before the play is over.
            let couple = [(Sex::Male, 58, "02"), (Sex::Female, 57, "12")];
            let draft = self.draft_of(Class::MinimumLiving, true, &couple);
            let pension = self.pension(monthly, 12);
            self.case_of(draft, vec![(0, pension)], (Indicator::C10, Some(0), kind));
        }
        for (state, kind) in [("active", Kind::Fires), ("revoked", Kind::Other)] {
            let business = outside::MarketEntity {
                credit_code: "91621202MA0CITY08K".to_owned(),
                kind: "company".to_owned(),
                role: "shareholder".to_owned(),
                state: state.to_owned(),
                set_up_on: ago(600),
                capital_fen: Some(50_000_000),
                ..Default::default()
            };
            self.case(poor, vec![(0, business.into())], (Indicator::C13, Some(0), kind));
        }
        for (over, kind) in [(1, Kind::Fires), (0, Kind::OneFen)] {
            let income = outside::TaxIndividualIncome {
                income_month: month(2),
                kind: "labour".to_owned(),
                income_fen: standard * 12 * 3 + over,
                ..Default::default()
            };
            self.case(poor, vec![(0, income.into())], (Indicator::C14, None, kind));
        }
        for (last, kind) in [(1, Kind::Fires), (4, Kind::OneDay)] {
            let account = outside::ProvidentAccount {
                account_no: self.paper("GJ"),
                base_fen: 400_000,
                last_month: month(last),
                balance_fen: 900_000,
                ..Default::default()
            };
            self.case(poor, vec![(0, account.into())], (Indicator::C16, Some(0), kind));
        }
        for (stopped_on, kind) in [(String::new(), Kind::Fires), (ago(10), Kind::Other)] {
            let paid = outside::FinancePayroll { since_on: ago(700), stopped_on, ..Default::default() };
            self.case(poor, vec![(0, paid.into())], (Indicator::C17, Some(0), kind));
        }
    }

    fn case_books(&mut self) {
        let poor = Some(Class::MinimumLiving);
        for (until, kind) in [(10, Kind::Fires), (300, Kind::Other)] {
            let (started_on, until_on) = (ago(170), iso(plus(start(), until)));
            let grace = outside::CivilGrace { started_on, until_on, ..Default::default() };
            self.case(poor, vec![(0, grace.into())], (Indicator::C25, None, kind));
        }
        let standard = self.city.thresholds.standard_rural_fen * 12 * 3;
        for (income_fen, kind) in [(standard + 1, Kind::Fires), (standard, Kind::OneFen)] {
            let review = |days: u64| -> (u8, Row) {
                let (reviewed_on, category) = (ago(days), "B".to_owned());
                (0, outside::CivilReview { reviewed_on, category, income_fen, ..Default::default() }.into())
            };
            self.case(poor, vec![review(200), review(17)], (Indicator::C26, None, kind));
        }
        for (returned, kind) in [(true, Kind::Fires), (false, Kind::Aided)] {
            let payment = |before: i32, returned: bool| -> (u8, Row) {
                let payment = outside::CivilPayment {
                    programme: "P-JB-01".to_owned(),
                    paid_month: month(before),
                    amount_fen: 41_000,
                    paid_on: ago(u64::try_from(before).unwrap_or(0) * 30 + 6),
                    returned,
                    paying_division: "621202".to_owned(),
                    ..Default::default()
                };
                (0, payment.into())
            };
            let told = vec![payment(2, false), payment(1, true), payment(0, returned)];
            self.case(poor, told, (Indicator::C27, Some(0), kind));
        }
        for (shown, kind) in [(6, Kind::Fires), (7, Kind::OneDay)] {
            let decided = self.decision("confirmed", 3, Some(shown));
            self.case(poor, vec![(0, decided)], (Indicator::P14, None, kind));
        }
        for (planned, kind) in [(true, Kind::Fires), (false, Kind::Other)] {
            let sold = outside::EstateProperty {
                unit_no: self.paper("BD"),
                kind: "dwelling".to_owned(),
                area_decimetres: Some(8_800),
                registered_on: ago(2_000),
                cancelled_on: ago(15),
                ..Default::default()
            };
            let mut told: Vec<(u8, Row)> = vec![(0, sold.into())];
            if planned {
                told.push((0, rows::renovation(minus(start(), 30), None)));
            }
            self.case(None, told, (Indicator::C32, None, kind));
        }
    }
}
