//! Plants of the indicators over what people do with the mesh (a visit, a receipt, an answer: `play` does it when it meets
//! the household), and of those over the books of civil affairs that watch such work.

use minqing_proto::minqing::bureau::{medical_insurance::v1 as medical_insurance, outside::v1 as outside};

use super::{COMFORTABLE, COUPLE, Kind};
use crate::{
    calendar::{minus, plus, start},
    city::{Builder, When, rows},
    dataset::{Bureau, Row, iso},
    household::{Class, Held},
    indicator::Indicator,
    person::Sex,
    plan::first_day,
};

fn ago(days: u64) -> String {
    iso(minus(start(), days))
}

impl Builder {
    pub(super) fn deeds(&mut self) {
        for kind in [Kind::Fires, Kind::OneDay] {
            let mut draft = self.draft(true, &COUPLE, COMFORTABLE);
            draft.know(When::Before, 0, rows::loss("FL202610-04", minus(start(), 3), "severe", [20, 0]));
            self.set(draft, Indicator::P01, None, kind);
        }
        for (indicator, kinds) in [
            (Indicator::P03, &[Kind::Fires, Kind::Other][..]),
            (Indicator::P04, &[Kind::Fires, Kind::Aided]),
            (Indicator::P12, &[Kind::Fires, Kind::Other]),
            (Indicator::A27, &[Kind::Fires, Kind::OneDay, Kind::Other]),
        ] {
            for kind in kinds {
                let draft = self.draft(true, &COUPLE, COMFORTABLE);
                self.set(draft, indicator, None, *kind);
            }
        }
        // Somebody has to come and look: at whose door a hardship was reported.
        for kind in [Kind::Fires, Kind::OneDay] {
            let matter_no = format!("RX-R{:06}", self.city.households.len());
            let matter = outside::VoiceMatter { matter_no, spoken_on: ago(4), hardship: true, ..Default::default() };
            let mut draft = self.draft(true, &COUPLE, COMFORTABLE);
            draft.know(When::Before, 0, matter.into());
            self.set(draft, Indicator::P15, None, kind);
        }
        self.books_of_civil_affairs();
        self.aid_below_need();
        self.red_and_unaided();
        self.unpaid_child();
        if self.takes_a_month() {
            self.unvisited();
        }
    }

    /// A red warning that is true, and then nothing, aid of before, or aid opened on the last day in time.
    fn red_and_unaided(&mut self) {
        let red = first_day(Bureau::Emergency);
        let in_time = plus(red, self.city.thresholds.offices.temporary_wait_days - 1);
        for (opened_on, kind) in
            [(None, Kind::Fires), (Some(minus(start(), 6)), Kind::Fires), (Some(in_time), Kind::OneDay)]
        {
            let mut draft = self.draft(true, &COUPLE, COMFORTABLE);
            draft.know(When::Before, 0, rows::loss("FL202610-05", minus(red, 3), "severe", [20, 0]));
            if let Some(opened_on) = opened_on {
                let aid = outside::CivilTemporaryAid {
                    case_no: format!("LS{:06}", self.city.households.len()),
                    opened_on: iso(opened_on),
                    paid_on: iso(opened_on),
                    papers_done_on: iso(opened_on),
                    kind: "urgent".to_owned(),
                    amount_fen: Some(80_000),
                    ..Default::default()
                };
                draft.know(if opened_on < start() { When::Before } else { When::On(opened_on) }, 0, aid.into());
            }
            self.set(draft, Indicator::B28, None, kind);
        }
    }

    /// Recognised as an unattended child for long: the last payment was months ago, or this month.
    fn unpaid_child(&mut self) {
        for (paid_month, paid_on, kind) in [(202_605, "2026-05-10", Kind::Fires), (202_610, "2026-10-20", Kind::Aided)]
        {
            let mut draft = self.draft(true, &COUPLE, COMFORTABLE);
            let valid_from = minus(start(), 200);
            let child = Held { class: Class::UnattendedChild, member: Some(2), valid_from, amount_fen: 150_000 };
            draft.home.classes.push(child);
            draft.insured_by("full_subsidy");
            let payment = outside::CivilPayment {
                programme: "P-JB-06".to_owned(),
                paid_month,
                amount_fen: 150_000,
                paid_on: paid_on.to_owned(),
                paying_division: "621202".to_owned(),
                ..Default::default()
            };
            draft.know(When::Before, 2, payment.into());
            self.set(draft, Indicator::B05, Some(2), kind);
        }
    }

    /// Whoever must be seen every month: nobody comes, or somebody on the last day.
    fn unvisited(&mut self) {
        for kind in [Kind::Fires, Kind::OneDay] {
            let draft = self.draft_of(Class::Destitute, true, &[(Sex::Male, 72, "02")]);
            self.set(draft, Indicator::P18, None, kind);
        }
    }

    fn books_of_civil_affairs(&mut self) {
        for (papers_done_on, kind) in [(String::new(), Kind::Fires), (ago(1), Kind::Other)] {
            let aid = urgent_aid(self.city.households.len(), papers_done_on);
            self.alone(None, 0, aid, (Indicator::P08, kind));
        }
        for (filed_on, kind) in [(String::new(), Kind::Fires), (ago(40), Kind::Other)] {
            let handler_no = "JB0007".to_owned();
            let file = outside::CivilRelativeFile { handler_no, related: true, filed_on, ..Default::default() };
            self.alone(Some(Class::Edge), 0, file, (Indicator::P17, kind));
        }
        for (days, kind) in [(5, Kind::Fires), (32, Kind::OneDay)] {
            let share = medical_insurance::PolicyShare {
                visit_no: format!("ZS{:06}", self.city.households.len()),
                settled_on: ago(days),
                in_policy_own_fen: 4_000,
                in_province: true,
                identity_accepted: false,
                ..Default::default()
            };
            self.alone(Some(Class::Edge), 1, share, (Indicator::P10, kind));
        }
        for (notice_on, kind) in [(String::new(), Kind::Fires), (ago(11), Kind::Other)] {
            let mut draft = self.draft(true, &COUPLE, COMFORTABLE);
            let left = outside::CivilExit {
                assistance_class: "minimum_living".to_owned(),
                left_on: ago(10),
                reason: "income".to_owned(),
                ..Default::default()
            };
            let ended = outside::CivilDecision {
                decision_no: format!("ZZ{:06}", self.city.households.len()),
                assistance_class: "minimum_living".to_owned(),
                decision: "ended".to_owned(),
                decided_on: ago(12),
                heard_on: ago(15),
                notice_on,
                ..Default::default()
            };
            draft.know(When::Before, 0, left.into());
            draft.know(When::Before, 0, ended.into());
            self.set(draft, Indicator::P13, None, kind);
        }
    }

    fn alone(&mut self, class: Option<Class>, member: u8, row: impl Into<Row>, what: (Indicator, Kind)) {
        let mut draft = match class {
            Some(class) => self.draft_of(class, true, &COUPLE),
            None => self.draft(true, &COUPLE, COMFORTABLE),
        };
        draft.know(When::Before, member, row.into());
        let (indicator, kind) = what;
        self.set(draft, indicator, indicator.personal().then_some(member), kind);
    }

    /// Half of the gap for three months is an eighth of the year's. September is among the last three full months
    /// throughout the play.
    fn aid_below_need(&mut self) {
        for (short, kind) in [(1, Kind::Fires), (0, Kind::OneFen)] {
            let mut draft = self.draft_of(Class::MinimumLiving, true, &COUPLE);
            let gap = self.city.thresholds.standard_rural_fen * 12 * 3 - draft.home.income_fen;
            let payment = outside::CivilPayment {
                programme: "P-JB-01".to_owned(),
                paid_month: 202_609,
                amount_fen: (gap + 7) / 8 - short,
                paid_on: "2026-09-10".to_owned(),
                paying_division: "621202".to_owned(),
                ..Default::default()
            };
            draft.know(When::Before, 0, payment.into());
            self.set(draft, Indicator::B37, None, kind);
        }
    }
}

/// Temporary aid paid at once, whose papers were made up on a day or not yet.
pub(super) fn urgent_aid(case: usize, papers_done_on: String) -> outside::CivilTemporaryAid {
    outside::CivilTemporaryAid {
        case_no: format!("LS{case:06}"),
        opened_on: ago(31),
        paid_on: ago(29),
        papers_done_on,
        kind: "urgent".to_owned(),
        amount_fen: Some(80_000),
        ..Default::default()
    }
}
