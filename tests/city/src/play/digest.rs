//! One number for everything the play brought about: business facts in words, sorted, without ids and wall times, so
//! that two plays of the same seed can be compared whatever happened to the processes in between.

use sha2::Digest as _;

use super::{Play, collect::Books};
use crate::household::hex;

impl Play {
    pub(super) fn outcome_digest(&self, books: &Books) -> String {
        let mut lines = self.outcome(books);
        lines.sort();
        if let Some(folder) = &self.work {
            // To see where two plays differ; no ids and no names stand in it.
            let _ = std::fs::write(folder.join("outcome.txt"), lines.join("\n"));
        }
        hex(&sha2::Sha256::digest(lines.join("\n")))
    }

    fn outcome(&self, books: &Books) -> Vec<String> {
        let no = |household: &str, other: &str| {
            let place = self.households.place.get(household);
            place.map_or_else(|| other.to_owned(), |p| self.city.households[*p as usize].no.clone())
        };
        let who = |key: &str| match (key, books.ages.get(key)) {
            ("", _) => "-".to_owned(),
            (_, Some(age)) => age.to_string(),
            _ => "?".to_owned(),
        };
        let mut lines = books.classes.clone();
        lines.extend(books.warnings.iter().map(|w| {
            let about = no(&w.household, &w.subject);
            format!("W {about} {} {} {} {} {}", who(&w.person_key), w.indicator, w.level, w.raised_on, w.cleared_on)
        }));
        lines.extend(books.orders.iter().map(|o| {
            let mut reasons: Vec<String> =
                o.reasons.iter().map(|r| format!("{}/{}/{}", r.indicator, who(&r.person_key), r.raised_on)).collect();
            reasons.sort();
            format!(
                "O {} {} {} {} {} {} {} {} {} {} [{}]",
                no(&o.household, &o.subject),
                o.opened_on,
                o.level,
                o.state,
                o.verdict,
                o.check_due_on,
                o.close_due_on,
                o.closed_on,
                o.late,
                o.escalation,
                reasons.join(" ")
            )
        }));
        lines.extend(books.referrals.iter().map(|r| {
            let about = no(&r.household, "");
            let dates = format!("{} {} {}", r.issued_on, r.due_on, r.settled_on);
            let (person, bureau) = (who(&r.person_key), r.bureau);
            format!("R {about} {person} {bureau} {} {} {} {} {dates}", r.programme, r.indicator, r.state, r.decision)
        }));
        lines.extend(books.feedback.iter().map(|f| {
            let about = no(&f.household, "");
            format!("F {about} {} {} {} {} {}", f.bureau, f.record_no, f.decision, f.amount_fen, f.handled_on)
        }));
        lines
    }
}
