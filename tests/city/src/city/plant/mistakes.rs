//! Plants of what bureaus have wrong: the data say that an indicator holds, and a check finds it not true. Then the same
//! comes again, or goes on as it is, and has to stay quiet; or something new is told, and it has to come up; or the quiet
//! days end. One is such that the data of what is true in the end look the same as those of the mistake: what staying quiet
//! loses.

use chrono::NaiveDate;
use minqing_proto::minqing::bureau::outside::v1 as outside;

use super::{COMFORTABLE, COUPLE, Draft, Kind, Mistake, deeds::urgent_aid};
use crate::{
    calendar::{add_working, minus, start},
    city::{Builder, When, rows},
    dataset::{Dataset, Row, iso},
    household::Class,
    indicator::Indicator,
};

/// Working days of the play: when every first check has been made a bureau corrects or adds, later the old comes again.
const CORRECTED: u32 = 7;
const AGAIN: u32 = 11;
/// Between a second check of what keeps quiet for ten days and the day on which it would come up a third time.
const CORRECTED_AT_LAST: u32 = 16;

fn on(working_days: u32) -> NaiveDate {
    add_working(start(), working_days)
}

fn ago(days: u64) -> String {
    iso(minus(start(), days))
}

/// A record and what it ought to say.
struct Wrong {
    indicator: Indicator,
    member: u8,
    row: Row,
    truth: Option<Row>,
    news: Option<NaiveDate>,
}

impl Builder {
    /// None in a play that ends before all of them have come again.
    pub(super) fn mistakes(&mut self) {
        if self.city.settings.days <= AGAIN {
            return;
        }
        self.house_graded_wrong();
        self.no_water_cut();
        self.bill_of_a_namesake();
        self.certificate_cancelled();
        self.job_found_before();
        self.ill_after_all();
        if self.takes_a_month() {
            self.papers_made_up();
        }
    }

    /// Takes in a draft that knows everything but the mistake, which comes first.
    fn mistaken(&mut self, mut draft: Draft, wrong: Wrong) -> u32 {
        let Wrong { indicator, member, row, truth, news } = wrong;
        draft.know(When::Before, member, row.clone());
        let household = self.set(draft, indicator, indicator.personal().then_some(member), Kind::Fires);
        self.city.mistakes.push(Mistake { indicator, household, member, row, truth, news });
        household
    }

    /// Housing puts the grade right; its next list has the old one again, or the house has been surveyed again and is in
    /// danger now.
    fn house_graded_wrong(&mut self) {
        for in_danger in [false, true] {
            let surveyed = minus(start(), 50);
            let (row, truth) = (rows::house("D", true, surveyed), rows::house("B", true, surveyed));
            let next = if in_danger { rows::house("D", true, minus(on(AGAIN), 2)) } else { row.clone() };
            let news = in_danger.then(|| on(AGAIN));
            let mut draft = self.draft_of(Class::Edge, true, &COUPLE);
            draft.rows.retain(|(_, _, row)| row.dataset() != Dataset::RuralHouseSafety);
            draft.know(When::On(on(CORRECTED)), 0, truth.clone());
            draft.know(When::On(on(AGAIN)), 0, next);
            self.mistaken(draft, Wrong { indicator: Indicator::A20, member: 0, row, truth: Some(truth), news });
        }
    }

    /// The same wrong days are told again and again, or at last as many are true, which by the data is the same.
    fn no_water_cut(&mut self) {
        for cut_at_last in [false, true] {
            let cut = |tested_on: String, days| -> Row {
                outside::WaterSupply { tested_on, passed: true, cut_days: Some(days), ..Default::default() }.into()
            };
            let (row, truth) = (cut(ago(12), 8), cut(ago(12), 0));
            let next = if cut_at_last { cut(iso(minus(on(AGAIN), 2)), 8) } else { row.clone() };
            let mut draft = self.draft(true, &COUPLE, COMFORTABLE);
            draft.know(When::On(on(CORRECTED)), 0, row.clone());
            draft.know(When::On(on(AGAIN)), 0, next);
            let (indicator, truth) = (Indicator::A21, Some(truth));
            self.mistaken(draft, Wrong { indicator, member: 0, row, truth, news: None });
        }
    }

    /// Somebody else's bill first, then an own one.
    fn bill_of_a_namesake(&mut self) {
        let own = self.city.thresholds.watched_stay_fen;
        let mut draft = self.draft_of(Class::Edge, true, &COUPLE);
        let bill =
            |day, n: u8| rows::settlement(true, own, minus(day, 2), format!("{}-M{n}", self.city.households.len()));
        let (row, news) = (bill(start(), 0), on(CORRECTED));
        draft.know(When::On(news), 1, bill(news, 1));
        let indicator = Indicator::A08;
        self.mistaken(draft, Wrong { indicator, member: 1, row, truth: None, news: Some(news) });
    }

    /// The second certificate was cancelled; then a new one is issued, of a higher grade, which is more urgent.
    fn certificate_cancelled(&mut self) {
        let old = minus(start(), 900);
        let row = rows::certificate("physical", 4, old);
        let mut truth = row.clone();
        if let Row::DisabilityCertificate(certificate) = &mut truth {
            certificate.state = "cancelled".to_owned();
        }
        let news = on(CORRECTED);
        let mut draft = self.draft(true, &COUPLE, COMFORTABLE);
        draft.know(When::Before, 0, rows::certificate("hearing", 4, old));
        draft.know(When::On(news), 1, rows::certificate("physical", 2, minus(news, 3)));
        let indicator = Indicator::A01;
        self.mistaken(draft, Wrong { indicator, member: 1, row, truth: Some(truth), news: Some(news) });
    }

    /// Whoever found work is still on the list; that is put right. Then the list of old comes again, or another job is lost.
    fn job_found_before(&mut self) {
        for lost_another in [false, true] {
            let began = minus(start(), 20);
            let (row, truth) = (rows::unemployment(began, None), rows::unemployment(began, Some(minus(start(), 5))));
            let next = if lost_another { rows::unemployment(minus(on(AGAIN), 2), None) } else { row.clone() };
            let news = lost_another.then(|| on(AGAIN));
            let mut draft = self.draft(true, &COUPLE, 150);
            draft.know(When::On(on(CORRECTED)), 0, truth.clone());
            draft.know(When::On(on(AGAIN)), 0, next);
            self.mistaken(draft, Wrong { indicator: Indicator::A05, member: 0, row, truth: Some(truth), news });
        }
    }

    /// A namesake's illness, and then an own one.
    fn ill_after_all(&mut self) {
        let row = rows::disease(minus(start(), 5));
        let mut own = rows::disease(minus(on(CORRECTED), 3));
        if let Row::MajorDisease(disease) = &mut own {
            disease.disease_code = "C50.900".to_owned();
        }
        let mut draft = self.draft(true, &COUPLE, COMFORTABLE);
        draft.know(When::On(on(CORRECTED)), 1, own);
        let news = Some(on(CORRECTED));
        self.mistaken(draft, Wrong { indicator: Indicator::A12, member: 1, row, truth: None, news });
    }

    /// The papers were made up, and the office's book does not know; it learns before the third check, or does not.
    fn papers_made_up(&mut self) {
        for (learns, kind) in [(false, Kind::Fires), (true, Kind::OneDay)] {
            let case = self.city.households.len();
            let aid = |papers_done_on| Row::from(urgent_aid(case, papers_done_on));
            let (row, truth) = (aid(String::new()), aid(ago(1)));
            let mut draft = self.draft(true, &COUPLE, COMFORTABLE);
            if learns {
                draft.know(When::On(on(CORRECTED_AT_LAST)), 0, truth.clone());
            }
            let indicator = Indicator::P08;
            let household = self.mistaken(draft, Wrong { indicator, member: 0, row, truth: Some(truth), news: None });
            self.city.plants.push(super::Plant { indicator: Indicator::P20, household, member: None, kind });
        }
    }
}
