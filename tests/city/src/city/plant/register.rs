//! Plants whose truth hangs on the household: disaster, house, monitoring, cancer and income, classes that may have
//! to end, and answers that come late.

use super::{COMFORTABLE, COUPLE, Kind};
use crate::{
    calendar::{self, minus, plus},
    city::{Builder, When, rows},
    dataset::{Bureau, Dataset},
    household::{Class, Vehicle},
    indicator::Indicator,
    person::Sex,
};

const EVENT: &str = "FL202610-02";

impl Builder {
    pub(super) fn disaster(&mut self, n: usize) {
        let id = Indicator::A15;
        let lines = &self.city.thresholds;
        let (days, share) = (lines.disaster_days, lines.loss_percent);
        let when = self.moment(n);
        let told = Self::told(when, Bureau::Emergency);
        let ended = minus(told, if n % 4 == 2 { days } else { 2 });
        let mut draft = self.draft(true, &COUPLE, COMFORTABLE);
        draft.know(
            when,
            0,
            match n % 3 {
                0 => rows::loss(EVENT, ended, "collapsed", [0, 0]),
                1 => rows::loss(EVENT, ended, "slight", [share, 0]),
                _ => rows::loss(EVENT, ended, "none", [0, share]),
            },
        );
        if n.is_multiple_of(3) {
            // Relief for an earlier event does not count for this one.
            draft.know(When::Before, 0, rows::relief("FL202607-01", "emergency", minus(calendar::start(), 95)));
        }
        self.set(draft, id, None, Kind::Fires);

        let first = Self::told(When::Before, Bureau::Emergency);
        let mut draft = self.draft(true, &COUPLE, COMFORTABLE);
        draft.know(When::Before, 0, rows::loss(EVENT, minus(first, days + 1), "slight", [80, 0]));
        self.set(draft, id, None, Kind::OneDay);

        let mut draft = self.draft(true, &COUPLE, COMFORTABLE);
        draft.know(When::Before, 0, rows::loss(EVENT, minus(first, 3), "slight", [share - 1, share - 1]));
        self.set(draft, id, None, Kind::Other);

        let mut draft = self.draft(true, &COUPLE, COMFORTABLE);
        draft.know(When::Before, 0, rows::loss(EVENT, minus(first, 6), "severe", [0, 0]));
        draft.know(When::Before, 0, rows::relief(EVENT, "emergency", minus(first, 6)));
        draft.know(When::Before, 0, rows::relief(EVENT, "transitional", minus(first, 6)));
        self.set(draft, id, None, Kind::Aided);
    }

    /// A struck household whose emergency referral is answered after its last day, and one answered on it.
    pub(super) fn late_answer(&mut self, n: usize) {
        let when = if n.is_multiple_of(2) { When::Before } else { self.moment(1) };
        let ended = minus(Self::told(when, Bureau::Emergency), 3);
        for kind in [Kind::Fires, Kind::OneDay] {
            let mut draft = self.draft(true, &COUPLE, COMFORTABLE);
            draft.know(when, 0, rows::loss("FL202610-03", ended, "severe", [20, 0]));
            self.set(draft, Indicator::P02, None, kind);
        }
    }

    pub(super) fn dangerous_house(&mut self, n: usize) {
        let id = Indicator::A20;
        let when = self.moment(n);
        let surveyed = minus(Self::told(when, Bureau::Housing), 12);
        let mut draft =
            self.draft_of(if n.is_multiple_of(2) { Class::Edge } else { Class::MinimumLiving }, true, &COUPLE);
        draft.rows.retain(|(_, _, row)| row.dataset() != Dataset::RuralHouseSafety);
        draft.know(when, 0, rows::house(if n.is_multiple_of(2) { "C" } else { "D" }, true, surveyed));
        self.set(draft, id, None, Kind::Fires);

        let surveyed = minus(calendar::start(), 50);
        for (class, house, kind) in [
            (Some(Class::Edge), rows::house("B", true, surveyed), Kind::Other),
            (Some(Class::Edge), rows::house("D", false, surveyed), Kind::Other),
            (None, rows::house("D", true, surveyed), Kind::Other),
            (Some(Class::Edge), rows::house("D", true, surveyed), Kind::Aided),
        ] {
            let mut draft = match class {
                Some(class) => self.draft_of(class, true, &COUPLE),
                None => self.draft(true, &COUPLE, COMFORTABLE),
            };
            draft.rows.retain(|(_, _, row)| row.dataset() != Dataset::RuralHouseSafety);
            draft.know(When::Before, 0, house);
            if kind == Kind::Aided {
                draft.know(When::Before, 0, rows::renovation(minus(calendar::start(), 40), None));
            }
            self.set(draft, id, None, kind);
        }
    }

    pub(super) fn monitored_unchecked(&mut self, n: usize) {
        let id = Indicator::A25;
        let days = self.city.thresholds.monitored_days;
        // Half of them come of age, so to speak, during the play: time alone makes them true.
        let reached = Self::told(self.moment(n), Bureau::Rural);
        let state = if n % 3 == 2 { "returned" } else { "open" };
        let mut draft = self.draft(true, &COUPLE, 220);
        draft.monitored(minus(reached, days), state);
        self.set(draft, id, None, Kind::Fires);

        let old = minus(calendar::start(), 300);
        for (entered, state, class, kind) in [
            (minus(calendar::end(), days - 1), "open", None, Kind::OneDay),
            (old, "removed", None, Kind::Other),
            (old, "open", Some(Class::Edge), Kind::Aided),
        ] {
            let mut draft = self.draft(true, &COUPLE, 220);
            if let Some(class) = class {
                self.give(&mut draft, class);
            }
            draft.monitored(entered, state);
            self.set(draft, id, None, kind);
        }
    }

    pub(super) fn two_cancers(&mut self, n: usize) {
        let id = Indicator::A29;
        let percent = self.city.thresholds.cancer_income_percent;
        let diagnosed = minus(calendar::start(), 70);
        let mut draft = if n.is_multiple_of(2) {
            self.draft(n.is_multiple_of(4), &COUPLE, percent - 1)
        } else {
            self.draft_of(Class::Rigid, true, &COUPLE)
        };
        draft.know(self.moment(n), 1, rows::cancer(diagnosed, 0));
        self.set(draft, id, Some(1), Kind::Fires);

        for (percent, aided, kind) in
            [(percent, 0, Kind::OneFen), (percent - 10, 1, Kind::Aided), (COMFORTABLE, 0, Kind::Other)]
        {
            let mut draft = self.draft(true, &COUPLE, percent);
            draft.know(When::Before, 1, rows::cancer(diagnosed, aided));
            self.set(draft, id, Some(1), kind);
        }
    }

    pub(super) fn dead_but_paid(&mut self, n: usize) {
        let id = Indicator::C01;
        let roles = [(Sex::Male, 47, "02"), (Sex::Female, 45, "12"), (Sex::Male, 74, "51")];
        let when = self.moment(n);
        let died = minus(Self::told(when, Bureau::Health), 1);
        let mut draft = self.draft_of(Class::MinimumLiving, n.is_multiple_of(2), &roles);
        if n % 3 == 2 {
            draft.home.classes[0].amount_fen = 1;
        }
        let number = format!("SW-P{}", draft.home.no);
        draft.know(when, 2, rows::death(died, number));
        self.set(draft, id, Some(2), Kind::Fires);

        for (class, amount, kind) in [(Class::MinimumLiving, 0, Kind::OneFen), (Class::Edge, 0, Kind::Other)] {
            let mut draft = self.draft_of(class, true, &roles);
            draft.home.classes[0].amount_fen = amount;
            let number = format!("SW-N{}", draft.home.no);
            draft.know(When::Before, 2, rows::death(minus(calendar::start(), 1), number));
            self.set(draft, id, Some(2), kind);
        }
    }

    pub(super) fn job_found(&mut self, n: usize) {
        let id = Indicator::C09;
        let wage = self.city.thresholds.minimum_wage_fen;
        let when = self.moment(n);
        let mut draft = self.draft_of(Class::MinimumLiving, n.is_multiple_of(2), &COUPLE);
        for month in ["2026-09", "2026-10"] {
            draft.know(when, 1, rows::payment("employee", wage, month));
        }
        self.set(draft, id, Some(1), Kind::Fires);

        for (class, kind_of, base, months, kind) in [
            (Class::MinimumLiving, "employee", wage - 1, ["2026-09", "2026-10"], Kind::OneFen),
            (Class::MinimumLiving, "employee", wage, ["2026-05", "2026-06"], Kind::OneDay),
            (Class::MinimumLiving, "flexible", wage, ["2026-09", "2026-10"], Kind::Other),
            (Class::MinimumLiving, "employee", wage, ["2026-06", "2026-10"], Kind::Other),
            (Class::Edge, "employee", wage, ["2026-09", "2026-10"], Kind::Other),
        ] {
            let mut draft = self.draft_of(class, true, &COUPLE);
            for month in months {
                draft.know(When::Before, 1, rows::payment(kind_of, base, month));
            }
            self.set(draft, id, Some(1), kind);
        }
    }

    pub(super) fn vehicle(&mut self, n: usize) {
        let id = Indicator::C11;
        let registered_on = minus(calendar::start(), 400);
        for (class, kind_of, usage, kind) in [
            (Some(Class::MinimumLiving), "car", "private", Kind::Fires),
            (
                Some(Class::MinimumLiving),
                "car",
                if n.is_multiple_of(2) { "disabled" } else { "livelihood" },
                Kind::Other,
            ),
            (Some(Class::MinimumLiving), "motorcycle", "private", Kind::Other),
            (None, "car", "private", Kind::Other),
        ] {
            let mut draft = match class {
                Some(class) => self.draft_of(class, n.is_multiple_of(2), &COUPLE),
                None => self.draft(n.is_multiple_of(2), &COUPLE, COMFORTABLE),
            };
            draft.home.vehicles.push(Vehicle { kind: kind_of, usage, registered_on: plus(registered_on, n as u64) });
            self.set(draft, id, None, kind);
        }
    }
}
