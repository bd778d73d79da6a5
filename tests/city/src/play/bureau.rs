//! A bureau's office: receives referrals, signs within two working days, decides within eight, puts a few off, and
//! is late with a few. What it does follows from who is referred for what, never from chance or ids.

use std::collections::{BTreeMap, HashSet};

use chrono::NaiveDate;
use minqing_proto::minqing::types::v1::FeedbackDecision;

use sha2::Digest as _;

use super::{chance, ledger};
use crate::{
    calendar,
    city::City,
    dataset::{Bureau, iso},
    household::hex,
    indicator::Indicator,
};

/// How the offices work.
#[derive(Clone, Debug)]
pub(super) struct Pace {
    pub seed: u64,
    /// Households whose emergency referral is answered after its last day.
    pub late: HashSet<u32>,
    /// Households whose emergency referral is answered on its last day.
    pub last_day: HashSet<u32>,
    /// Households whose emergency referral is signed for too late, and on the last day that is in time.
    pub unsigned: HashSet<u32>,
    pub signed_last: HashSet<u32>,
    /// What bureaus did unasked before the play, and tell on its first day: the emergency bureau, and the one that sends its
    /// ledger.
    pub told_first: Vec<(u32, Indicator, bool)>,
    /// Days within which a referral is signed for.
    pub signing_days: u64,
}

/// A referral on somebody's desk.
#[derive(Clone, Debug)]
pub(super) struct Paper {
    pub referral: String,
    pub household: u32,
    pub member: Option<u8>,
    pub programme: String,
    pub indicator: String,
    pub level: i32,
    pub issued_on: NaiveDate,
    pub due_on: NaiveDate,
}

/// What the office means to do with it, and how far it is.
#[derive(Clone, Debug)]
pub(super) struct Course {
    pub paper: Paper,
    /// Identity of the case in words, the same in every play.
    pub key: String,
    sign_on: NaiveDate,
    defer_on: Option<NaiveDate>,
    decide_on: NaiveDate,
    pub signed: bool,
    deferred: bool,
    pub decided: bool,
}

/// One answer to report.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Answer {
    pub record_no: String,
    pub referral: String,
    pub id_number: String,
    pub programme: String,
    pub decision: FeedbackDecision,
    pub reason_code: String,
    pub legal_basis: String,
    pub evidence_digest: String,
    pub amount_fen: i64,
    pub service_count: i32,
    pub period_from: String,
    pub paid_on: String,
    pub deferred_to: String,
    pub handled_on: String,
}

pub(super) struct Office {
    pub bureau: Bureau,
    pace: Pace,
    pub courses: BTreeMap<String, Course>,
    pub seen: HashSet<String>,
    /// Answers the mesh has taken.
    pub reported: Vec<Answer>,
    pub fetches: u64,
}

impl Office {
    pub fn new(bureau: Bureau, pace: Pace) -> Office {
        Office { bureau, pace, courses: BTreeMap::new(), seen: HashSet::new(), reported: Vec::new(), fetches: 0 }
    }

    pub fn is_idle(&self) -> bool {
        self.courses.values().all(|c| c.signed && c.decided)
    }

    /// Takes a referral in and settles on a course; the same referral again changes nothing.
    pub fn take(&mut self, paper: Paper, city: &City, today: NaiveDate) {
        if !self.seen.insert(paper.referral.clone()) {
            return;
        }
        let no = &city.households[paper.household as usize].no;
        let member = paper.member.map_or_else(|| "h".to_owned(), |m| m.to_string());
        let key = format!("{no}-{member}-{}-{}-{}", paper.programme, paper.indicator, paper.issued_on.format("%m%d"));
        let draw = |what: &str| chance(self.pace.seed, &format!("{} {what} {key}", self.bureau.text()));
        let part = |what: &str, most: u64| u32::try_from(draw(what) % most).unwrap_or(0);
        let sign_on = calendar::add_working(today, part("sign", if paper.level == 1 { 2 } else { 3 }));
        let sign_on = self.signs_on(&paper, sign_on, today);
        let mut decide_on = calendar::add_working(sign_on, 1 + part("decide", 6)).min(paper.due_on.max(sign_on));
        let mut defer_on = None;
        let emergency = paper.indicator == Indicator::A15.text();
        if emergency && self.pace.late.contains(&paper.household) {
            decide_on = calendar::add_working(paper.due_on, 2 + part("late", 2));
        } else if emergency && self.pace.last_day.contains(&paper.household) {
            decide_on = paper.due_on;
        } else if (2..=3).contains(&paper.level) && draw("slow") % 40 == 0 {
            // The last day of a blue matter may lie behind the play's end, and with it the answer.
            decide_on = calendar::add_working(paper.due_on, 1);
        } else if paper.level > 1 && draw("defer") % 16 == 0 {
            defer_on = Some(decide_on);
            decide_on = calendar::add_working(decide_on, 3).min(paper.due_on.max(calendar::add_working(decide_on, 1)));
        }
        let course =
            Course { key, sign_on, defer_on, decide_on, signed: false, deferred: false, decided: false, paper };
        self.courses.insert(course.paper.referral.clone(), course);
    }

    fn signs_on(&self, paper: &Paper, usual: NaiveDate, today: NaiveDate) -> NaiveDate {
        if paper.indicator != Indicator::A15.text() {
            return usual;
        }
        let mut last = calendar::plus(paper.issued_on, self.pace.signing_days);
        if self.pace.unsigned.contains(&paper.household) {
            return calendar::add_working(last, 1).max(today);
        }
        if !self.pace.signed_last.contains(&paper.household) {
            return usual;
        }
        while !calendar::is_working(last) {
            last = calendar::minus(last, 1);
        }
        last.max(today)
    }

    /// Referrals to sign today, in order of the cases.
    pub fn to_sign(&self, today: NaiveDate) -> Vec<String> {
        let mut due: Vec<&Course> = self.courses.values().filter(|c| !c.signed && c.sign_on <= today).collect();
        due.sort_by(|a, b| a.key.cmp(&b.key));
        due.iter().map(|c| c.paper.referral.clone()).collect()
    }

    pub fn signed(&mut self, referral: &str) {
        if let Some(course) = self.courses.get_mut(referral) {
            course.signed = true;
        }
    }

    /// Answers to give today, in order of the cases.
    pub fn to_answer(&self, city: &City, today: NaiveDate) -> Vec<Answer> {
        let ready = |c: &&Course| c.signed && !c.decided && (c.decide_on <= today || c.defers(today));
        let mut due: Vec<&Course> = self.courses.values().filter(ready).collect();
        due.sort_by(|a, b| a.key.cmp(&b.key));
        let mut answers: Vec<Answer> = due.into_iter().map(|c| self.answer(c, today)).collect();
        answers.extend(self.own_motion(city, today));
        if today == calendar::start() {
            let own = self.pace.told_first.iter().filter(|(_, indicator, _)| doer(*indicator) == self.bureau);
            answers.extend(own.map(|told| self.done_before(city, *told)));
        }
        answers
    }

    /// The mesh has taken an answer; true when it settles the referral.
    pub fn answered(&mut self, answer: &Answer) -> bool {
        self.reported.push(answer.clone());
        let Some(course) = self.courses.get_mut(&answer.referral) else { return false };
        if answer.decision == FeedbackDecision::Deferred {
            course.deferred = true;
        } else {
            course.decided = true;
        }
        course.decided
    }

    fn answer(&self, course: &Course, today: NaiveDate) -> Answer {
        let draw = |what: &str| chance(self.pace.seed, &format!("{} {what} {}", self.bureau.text(), course.key));
        let mut answer = Answer {
            record_no: format!("{}-{}", course.key, if course.defers(today) { 1 } else { 2 }),
            referral: course.paper.referral.clone(),
            id_number: String::new(),
            programme: course.paper.programme.clone(),
            decision: FeedbackDecision::Granted,
            reason_code: String::new(),
            legal_basis: String::new(),
            evidence_digest: String::new(),
            amount_fen: 0,
            service_count: 0,
            period_from: String::new(),
            paid_on: String::new(),
            deferred_to: String::new(),
            handled_on: iso(today),
        };
        if course.defers(today) {
            answer.decision = FeedbackDecision::Deferred;
            answer.deferred_to = iso(course.decide_on);
            return answer;
        }
        match draw("decision") % 20 {
            0..3 => {
                answer.decision = FeedbackDecision::Refused;
                answer.reason_code = "INCOME_OVER_LINE".to_owned();
                answer.legal_basis = "社会救助法第四十四条".to_owned();
                answer.evidence_digest = papers(&course.key);
            }
            3..6 => {
                answer.decision = FeedbackDecision::AlreadyAided;
                answer.period_from = "2026-07-01".to_owned();
            }
            _ if self.bureau == Bureau::Hr => answer.service_count = 1 + i32::try_from(draw("times") % 4).unwrap_or(0),
            _ => {
                answer.amount_fen = 50_000 + i64::try_from(draw("amount") % 40).unwrap_or(0) * 10_000;
                answer.period_from = iso(today);
                answer.paid_on = iso(today);
            }
        }
        answer
    }

    /// A grant of before the play, paid or not; a refusal, with or without its papers.
    fn done_before(&self, city: &City, (household, indicator, in_order): (u32, Indicator, bool)) -> Answer {
        let home = &city.households[household as usize];
        // In the month of the play where its ledger counts, else longer ago than money may take.
        let days = if indicator == Indicator::P12 { 3 } else { 40 };
        let handled_on = iso(calendar::minus(calendar::start(), days));
        let mut answer = Answer {
            record_no: done_before_no(&home.no),
            referral: String::new(),
            id_number: home.members[0].id_number.clone(),
            programme: programme(self.bureau).to_owned(),
            decision: FeedbackDecision::Granted,
            reason_code: String::new(),
            legal_basis: String::new(),
            evidence_digest: String::new(),
            amount_fen: 60_000,
            service_count: 0,
            period_from: String::new(),
            paid_on: if in_order || indicator == Indicator::P12 { handled_on.clone() } else { String::new() },
            deferred_to: String::new(),
            handled_on,
        };
        if indicator == Indicator::P03 {
            answer.decision = FeedbackDecision::Refused;
            answer.reason_code = "INCOME_OVER_LINE".to_owned();
            answer.legal_basis = "社会救助法第四十四条".to_owned();
            answer.evidence_digest = if in_order { papers(&home.no) } else { String::new() };
            (answer.amount_fen, answer.paid_on) = (0, String::new());
        }
        answer
    }

    /// Now and then a bureau helps somebody unasked and tells the mesh.
    fn own_motion(&self, city: &City, today: NaiveDate) -> Option<Answer> {
        let what = format!("{} own motion {}", self.bureau.text(), iso(today));
        let draw = chance(self.pace.seed, &what);
        if !draw.is_multiple_of(5) || today > city.settings.last_day() {
            return None;
        }
        let place =
            usize::try_from(chance(self.pace.seed, &format!("{what} who"))).unwrap_or(0) % city.households.len();
        let home = &city.households[place];
        Some(Answer {
            record_no: format!("OM-{}-{}", home.no, today.format("%m%d")),
            referral: String::new(),
            id_number: home.members[0].id_number.clone(),
            programme: programme(self.bureau).to_owned(),
            decision: FeedbackDecision::Granted,
            reason_code: String::new(),
            legal_basis: String::new(),
            evidence_digest: String::new(),
            amount_fen: 20_000,
            service_count: 0,
            period_from: String::new(),
            paid_on: iso(today),
            deferred_to: String::new(),
            handled_on: iso(today),
        })
    }
}

impl Course {
    fn defers(&self, today: NaiveDate) -> bool {
        !self.deferred && self.defer_on.is_some_and(|d| d <= today) && self.decide_on > today
    }
}

/// Who did something unasked before the play.
fn doer(indicator: Indicator) -> Bureau {
    if indicator == Indicator::P12 { ledger::KEEPER } else { Bureau::Emergency }
}

/// The record of what was done for a household before the play.
pub(super) fn done_before_no(household_no: &str) -> String {
    format!("BF-{household_no}")
}

/// Digest of the papers a decision rests on.
fn papers(what: &str) -> String {
    hex(&sha2::Sha256::digest(format!("papers {what}")))
}

/// The programme a bureau runs most.
fn programme(bureau: Bureau) -> &'static str {
    match bureau {
        Bureau::Education => "P-JY-04",
        Bureau::Hr => "P-RS-01",
        Bureau::Housing => "P-ZF-03",
        Bureau::Health => "P-YL-05",
        Bureau::MedicalInsurance => "P-YL-03",
        Bureau::Emergency => "P-ZH-01",
        Bureau::Rural => "P-JC-01",
        Bureau::Disabled => "P-JB-08",
        Bureau::Women => "P-QT-05",
        // No referral ever goes to them.
        Bureau::Outside => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{city::Settings, thresholds::Thresholds};

    fn pace() -> Pace {
        Pace {
            seed: 1,
            late: HashSet::new(),
            last_day: HashSet::new(),
            unsigned: HashSet::new(),
            signed_last: HashSet::new(),
            told_first: Vec::new(),
            signing_days: 4,
        }
    }

    fn paper(household: u32, level: i32) -> Paper {
        let issued_on = calendar::start();
        Paper {
            referral: format!("referrals/{household}"),
            household,
            member: None,
            programme: "P-ZH-01".to_owned(),
            indicator: "A15".to_owned(),
            level,
            issued_on,
            due_on: calendar::add_working(issued_on, 5),
        }
    }

    #[test]
    fn planted_households_are_answered_late_or_on_the_very_last_day_and_the_others_in_time() {
        let city = City::build(Settings { seed: 1, households: 200, days: 10 }, Thresholds::default());
        let pace = Pace { late: HashSet::from([1]), last_day: HashSet::from([2]), ..pace() };
        let mut office = Office::new(Bureau::Emergency, pace);
        for household in 1..40 {
            office.take(paper(household, 1), &city, calendar::start());
        }
        for course in office.courses.values() {
            let due = course.paper.due_on;
            match course.paper.household {
                1 => assert!(course.decide_on > calendar::plus(due, 1)),
                2 => assert_eq!(course.decide_on, due),
                _ => assert!(course.decide_on <= due && course.sign_on <= course.decide_on),
            }
        }
    }

    #[test]
    fn planted_households_are_signed_for_too_late_or_on_the_very_last_day() {
        let city = City::build(Settings { seed: 1, households: 200, days: 10 }, Thresholds::default());
        let pace = Pace { unsigned: HashSet::from([1]), signed_last: HashSet::from([2]), ..pace() };
        let mut office = Office::new(Bureau::Emergency, pace);
        for household in 1..40 {
            office.take(paper(household, 1), &city, calendar::start());
        }
        for course in office.courses.values() {
            let waited = (course.sign_on - course.paper.issued_on).num_days();
            match course.paper.household {
                1 => assert!(waited > 4),
                2 => assert!((3..=4).contains(&waited)),
                _ => assert!(waited <= 4),
            }
        }
    }

    #[test]
    fn what_was_done_before_is_told_on_the_first_day_only() {
        let city = City::build(Settings { seed: 1, households: 200, days: 10 }, Thresholds::default());
        let told_first = vec![(3, Indicator::P04, false), (4, Indicator::P04, true), (5, Indicator::P03, false)];
        let office = Office::new(Bureau::Emergency, Pace { told_first, ..pace() });
        let before = |day| {
            let answers = office.to_answer(&city, day);
            answers.into_iter().filter(|a| a.record_no.starts_with("BF-")).collect::<Vec<_>>()
        };
        let told = before(calendar::start());
        let [unpaid, paid, bare] = told.as_slice() else { panic!("{told:?}") };
        assert!(unpaid.paid_on.is_empty() && unpaid.amount_fen > 0 && !paid.paid_on.is_empty());
        assert!(bare.evidence_digest.is_empty() && !bare.legal_basis.is_empty());
        assert!(before(calendar::plus(calendar::start(), 1)).is_empty());
    }

    #[test]
    fn every_answer_holds_what_its_decision_needs() {
        let city = City::build(Settings { seed: 1, households: 200, days: 10 }, Thresholds::default());
        let pace = pace();
        let mut office = Office::new(Bureau::Emergency, pace);
        for household in 0..150 {
            office.take(paper(household, 2), &city, calendar::start());
        }
        let mut decisions = HashSet::new();
        for n in 0..12 {
            let day = calendar::add_working(calendar::start(), n);
            for referral in office.to_sign(day) {
                office.signed(&referral);
            }
            for answer in office.to_answer(&city, day) {
                decisions.insert(answer.decision);
                match answer.decision {
                    FeedbackDecision::Granted => assert!(answer.amount_fen + i64::from(answer.service_count) > 0),
                    FeedbackDecision::Refused => {
                        assert!(!answer.reason_code.is_empty() && !answer.legal_basis.is_empty());
                        assert_eq!(answer.evidence_digest.len(), 64);
                    }
                    FeedbackDecision::AlreadyAided => assert!(!answer.period_from.is_empty()),
                    FeedbackDecision::Deferred => assert!(answer.deferred_to > answer.handled_on),
                    _ => panic!("no office decides so"),
                }
                assert!(answer.record_no.len() <= 64);
                office.answered(&answer);
            }
        }
        assert_eq!(decisions.len(), 4);
        assert!(office.is_idle());
    }
}
