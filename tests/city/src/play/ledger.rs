//! A bureau's own ledger of the month that ended first in the play, held against the mesh's books on the first working day
//! after it: it lacks the records of the planted households and agrees in everything else.

use std::collections::{BTreeMap, BTreeSet};

use chrono::NaiveDate;
use minqing_proto::minqing::{
    bureau::v1::{
        CompareLedgerRequest, LedgerDifferenceKind, LedgerEntry, LedgerLine, LedgerResult,
        ledger_service_client::LedgerServiceClient,
    },
    types::v1::FeedbackDecision,
};
use sha2::Digest as _;

use super::{
    Play,
    bureau::{Answer, Office, done_before_no},
};
use crate::{
    calendar,
    city::Kind,
    dataset::Bureau,
    household::hex,
    indicator::Indicator,
    mesh::{ask, patiently, request_id},
};

/// Who sends it.
pub(super) const KEEPER: Bureau = Bureau::Housing;

impl Play {
    /// The books of a month were compared on the morning after it, so the ledger finds them told.
    pub(super) fn ledger_is_due(&self, day: NaiveDate) -> bool {
        !self.ledger_sent && calendar::month_end_before(day) >= calendar::start()
    }

    /// First the lines alone, then the entries of those that do not agree.
    pub(super) async fn send_ledger(&mut self, day: NaiveDate) -> anyhow::Result<()> {
        self.ledger_sent = true;
        let planted = self.city.plants.iter().filter(|p| (p.indicator, p.kind) == (Indicator::P12, Kind::Fires));
        let planted: Vec<u32> = planted.map(|p| p.household).collect();
        let number = |household: &u32| done_before_no(&self.city.households[*household as usize].no);
        let left_out: BTreeSet<String> = planted.iter().map(number).collect();
        let ended_on = calendar::month_end_before(day);
        let month = ended_on.format("%Y-%m").to_string();
        let lines = self.offices.get(&KEEPER).map(|office| lines(office, &month, &left_out)).unwrap_or_default();
        let bare = lines.iter().map(|line| LedgerLine { entries: Vec::new(), ..line.clone() }).collect();
        let mut results = self.compare(&month, "lines", bare).await?;
        let wanted: BTreeSet<&str> =
            results.iter().filter(|r| r.entries_wanted).map(|r| r.programme.as_str()).collect();
        if !wanted.is_empty() {
            let full = lines.into_iter().map(|line| {
                let wanted = wanted.contains(line.programme.as_str());
                if wanted { line } else { LedgerLine { entries: Vec::new(), ..line } }
            });
            results = self.compare(&month, "entries", full.collect()).await?;
        }
        let found: BTreeSet<String> =
            results.iter().flat_map(|r| &r.differences).map(|d| format!("{:?} {}", d.kind(), d.record_no)).collect();
        let missing = |number: &String| format!("{:?} {number}", LedgerDifferenceKind::MissingInLedger);
        let expected: BTreeSet<String> = left_out.iter().map(missing).collect();
        if found != expected {
            let wrong: Vec<&String> = found.symmetric_difference(&expected).collect();
            self.problem(format!("the ledger of {} differs otherwise than it was made to: {wrong:?}", KEEPER.text()));
        }
        planted.into_iter().for_each(|household| self.oracle.differs(household, ended_on));
        Ok(())
    }

    async fn compare(&self, month: &str, what: &str, lines: Vec<LedgerLine>) -> anyhow::Result<Vec<LedgerResult>> {
        let channel = self.mesh.channel(&KEEPER.adapter(), &format!("bureau/{}", KEEPER.text()))?;
        let request_id = request_id(self.city.settings.seed, &format!("ledger {} {month} {what}", KEEPER.text()));
        let body = CompareLedgerRequest { request_id, month: month.to_owned(), lines };
        let answer = patiently("compare a ledger", || {
            let (mut client, body) = (LedgerServiceClient::new(channel.clone()), body.clone());
            async move { client.compare_ledger(ask(body, "", "")).await }
        });
        Ok(answer.await?.results)
    }
}

/// What the office gave or decided in a month, with all entries; some records were never entered.
fn lines(office: &Office, month: &str, left_out: &BTreeSet<String>) -> Vec<LedgerLine> {
    let booked =
        |a: &Answer| if a.paid_on.is_empty() { a.handled_on.starts_with(month) } else { a.paid_on.starts_with(month) };
    let mut programmes: BTreeMap<&str, Vec<&Answer>> = BTreeMap::new();
    for answer in office.reported.iter().filter(|a| booked(a) && !left_out.contains(&a.record_no)) {
        programmes.entry(&answer.programme).or_default().push(answer);
    }
    programmes.into_iter().map(|(programme, answers)| line(programme, answers)).collect()
}

fn line(programme: &str, mut answers: Vec<&Answer>) -> LedgerLine {
    answers.sort_by(|a, b| a.record_no.cmp(&b.record_no));
    let numbers: Vec<&str> = answers.iter().map(|a| a.record_no.as_str()).collect();
    let granted = answers.iter().filter(|a| a.decision == FeedbackDecision::Granted);
    let entry = |a: &&Answer| LedgerEntry {
        record_no: a.record_no.clone(),
        amount_fen: a.amount_fen,
        decision: a.decision as i32,
    };
    LedgerLine {
        programme: programme.to_owned(),
        count: i64::try_from(answers.len()).unwrap_or(i64::MAX),
        amount_fen: granted.map(|a| a.amount_fen).sum(),
        digest: hex(&sha2::Sha256::digest(numbers.join("\n"))),
        entries: answers.iter().map(entry).collect(),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;
    use crate::{
        city::{City, Settings},
        play::bureau::Pace,
        thresholds::Thresholds,
    };

    #[test]
    fn a_ledger_holds_what_the_mesh_took_in_the_month_but_what_was_never_entered() {
        let city = City::build(Settings { seed: 1, households: 200, days: 10 }, Thresholds::default());
        let pace = Pace {
            seed: 1,
            late: HashSet::new(),
            last_day: HashSet::new(),
            unsigned: HashSet::new(),
            signed_last: HashSet::new(),
            told_first: vec![(3, Indicator::P12, false), (4, Indicator::P12, true)],
            signing_days: 4,
        };
        let mut office = Office::new(KEEPER, pace);
        let mut told = office.to_answer(&city, calendar::start());
        told.retain(|answer| answer.record_no.starts_with("BF-"));
        let [lacking, entered] = told.as_slice() else { panic!("{told:?}") };
        office.answered(lacking);
        office.answered(entered);
        office.answered(&Answer {
            record_no: "AA-1".to_owned(),
            decision: FeedbackDecision::AlreadyAided,
            amount_fen: 0,
            paid_on: String::new(),
            ..entered.clone()
        });
        office.answered(&Answer {
            record_no: "N-1".to_owned(),
            paid_on: "2026-11-02".to_owned(),
            handled_on: "2026-10-30".to_owned(),
            ..entered.clone()
        });
        let left_out = BTreeSet::from([done_before_no(&city.households[3].no)]);
        let october = lines(&office, "2026-10", &left_out);
        let [line] = october.as_slice() else { panic!("{october:?}") };
        let numbers: Vec<&str> = line.entries.iter().map(|e| e.record_no.as_str()).collect();
        assert_eq!(numbers, ["AA-1", entered.record_no.as_str()]);
        assert_eq!((line.count, line.amount_fen), (2, entered.amount_fen));
        let november = lines(&office, "2026-11", &left_out);
        assert_eq!((november.len(), november[0].entries[0].record_no.as_str()), (1, "N-1"));
    }
}
