//! A bureau reports decisions and aid: each record is taken or refused by itself, once per number.

use std::collections::HashMap;

use minqing_kit::{Result, db::Work, id};
use minqing_proto::minqing::feedback::v1::{self as pb, FeedbackRecorded};
use prost::Message as _;
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use super::{sign::not_arrived, view};
use crate::{
    domain::{
        decision::Decision,
        record::{Asked, OnFile, Sound, record_no_reused},
        refusal::Refusal,
    },
    store::{
        record::{self, RecordRow},
        referral::{self, ReferralRow},
    },
};

/// Outcome for one record, which refuses nobody else's.
type Judged<T> = std::result::Result<T, Refusal>;

/// Takes the records of one bureau; one outcome each, in order.
pub async fn record(work: &mut Work, bureau: &str, records: &[pb::Feedback]) -> Result<Vec<pb::FeedbackResult>> {
    let today = work.today();
    let sound: Vec<Judged<Sound>> = records.iter().map(|r| view::reported(r).and_then(|r| r.check(today))).collect();
    let mut intake = Intake::open(work, bureau, &sound).await?;
    let mut results = Vec::with_capacity(records.len());
    for (record, sound) in records.iter().zip(sound) {
        let outcome = sound.and_then(|sound| intake.take(work, sound, digest(record)));
        results.push(result(&record.record_no, outcome));
    }
    intake.save(work).await?;
    Ok(results)
}

/// Digest of a record's contents as the bureau sent them.
fn digest(record: &pb::Feedback) -> [u8; 32] {
    let sent = pb::Feedback { name: String::new(), bureau: 0, ..record.clone() };
    Sha256::digest(sent.encode_to_vec()).into()
}

fn result(record_no: &str, outcome: Judged<()>) -> pb::FeedbackResult {
    // A number that cannot be stored is not echoed in full.
    let record_no = record_no.chars().filter(|c| !c.is_control()).take(64).collect();
    match outcome {
        Ok(()) => pb::FeedbackResult { record_no, accepted: true, ..pb::FeedbackResult::default() },
        Err(refusal) => pb::FeedbackResult {
            record_no,
            accepted: false,
            field: refusal.field.to_owned(),
            message: refusal.message,
            message_zh: refusal.message_zh,
            reason: refusal.reason.to_owned(),
        },
    }
}

/// One bureau's records on their way in, judged against what is on file and against each other.
struct Intake {
    bureau: String,
    referrals: HashMap<Uuid, ReferralRow>,
    on_file: HashMap<String, OnFile>,
    deferrals: HashMap<Uuid, usize>,
    rows: Vec<RecordRow>,
    hashes: Vec<Vec<u8>>,
    superseded: Vec<(Uuid, Uuid)>,
}

impl Intake {
    async fn open(work: &mut Work, bureau: &str, sound: &[Judged<Sound>]) -> Result<Intake> {
        let good = || sound.iter().filter_map(|s| s.as_ref().ok());
        record::lock_bureau(work.conn(), bureau).await?;
        let mut asked: Vec<Uuid> = good().filter_map(|s| s.body.referral).collect();
        asked.sort_unstable();
        asked.dedup();
        let referrals = referral::lock(work.conn(), &asked).await?;
        if referrals.len() < asked.len() {
            return Err(not_arrived("feedback"));
        }
        let mut numbers: Vec<String> = good().map(|s| s.body.record_no.clone()).collect();
        numbers.extend(good().map(|s| s.body.supersedes.clone()).filter(|s| !s.is_empty()));
        let on_file = record::on_file(work.conn(), bureau, &numbers).await?;
        let deferrals = referrals.iter().map(|r| (r.referral_id, usize::try_from(r.deferrals).unwrap_or_default()));
        Ok(Intake {
            bureau: bureau.to_owned(),
            deferrals: deferrals.collect(),
            referrals: referrals.into_iter().map(|r| (r.referral_id, r)).collect(),
            on_file,
            rows: Vec::new(),
            hashes: Vec::new(),
            superseded: Vec::new(),
        })
    }

    fn take(&mut self, work: &mut Work, sound: Sound, hash: [u8; 32]) -> Judged<()> {
        if let Some(before) = self.on_file.get(&sound.body.record_no) {
            return if before.content_hash == hash { Ok(()) } else { Err(record_no_reused()) };
        }
        let asked = sound.body.referral.and_then(|id| self.referrals.get(&id)).map(|r| Asked {
            bureau: r.bureau.clone(),
            settled: r.settled_on.is_some(),
            deferrals: self.deferrals.get(&r.referral_id).copied().unwrap_or_default(),
        });
        sound.fits(&self.bureau, asked.as_ref())?;
        let row = self.row(work, &sound);
        if !sound.body.supersedes.is_empty() {
            sound.may_supersede(self.on_file.get(&sound.body.supersedes))?;
            if let Some(earlier) = self.on_file.get_mut(&sound.body.supersedes) {
                earlier.superseded = true;
                self.superseded.push((earlier.id, row.feedback_id));
            }
        }
        if let (Decision::Deferred, Some(referral)) = (sound.decision, row.referral_id) {
            *self.deferrals.entry(referral).or_default() += 1;
        }
        self.on_file.insert(row.record_no.clone(), on_file(&row, hash));
        self.emit(work, &row);
        self.rows.push(row);
        self.hashes.push(hash.to_vec());
        Ok(())
    }

    /// What the record leaves out comes from its referral.
    fn row(&self, work: &Work, sound: &Sound) -> RecordRow {
        let body = &sound.body;
        let referral = body.referral.and_then(|id| self.referrals.get(&id));
        let programme = if body.programme.is_empty() { referral.map(|r| r.programme.clone()) } else { None };
        RecordRow {
            feedback_id: work.new_id(),
            bureau: self.bureau.clone(),
            record_no: body.record_no.clone(),
            referral_id: body.referral,
            household_id: referral.map(|r| r.household_id).or(body.household),
            person_key: body.person.or_else(|| referral.and_then(|r| r.person_key)),
            division_code: referral.map_or_else(String::new, |r| r.division_code.clone()),
            programme: programme.unwrap_or_else(|| body.programme.clone()),
            decision: sound.decision.as_str().to_owned(),
            reason_code: body.reason_code.clone(),
            legal_basis: body.legal_basis.clone(),
            amount_fen: body.amount_fen,
            service_count: body.service_count,
            period_from: body.period_from,
            period_to: body.period_to,
            paid_on: body.paid_on,
            deferred_to: body.deferred_to,
            handled_on: sound.handled_on,
            recorded_on: work.today(),
            taken_at: work.now(),
            supersedes: body.supersedes.clone(),
            evidence_digest: body.evidence_digest.clone(),
        }
    }

    fn emit(&self, work: &mut Work, row: &RecordRow) {
        let feedback = view::feedback(row);
        let aggregate = if feedback.referral.is_empty() { &feedback.name } else { &feedback.referral };
        let aggregate = aggregate.clone();
        let asked_in = row.referral_id.and_then(|id| self.referrals.get(&id)).map_or("", |r| r.traceparent.as_str());
        work.in_trace_of(asked_in, "record feedback", |work| {
            work.emit(&aggregate, &FeedbackRecorded { feedback: Some(feedback) }, None);
        });
        let subject = match (row.household_id, row.person_key) {
            (Some(household), _) => id::name(view::HOUSEHOLDS, household),
            (None, Some(person)) => id::name("persons", person),
            (None, None) => aggregate,
        };
        work.audit(&subject, &["feedback"]);
    }

    async fn save(self, work: &mut Work) -> Result<()> {
        if self.rows.is_empty() {
            return Ok(());
        }
        record::insert(work.conn(), &self.rows, &self.hashes).await?;
        let (earlier, by): (Vec<_>, Vec<_>) = self.superseded.into_iter().unzip();
        record::supersede(work.conn(), &earlier, &by).await
    }
}

fn on_file(row: &RecordRow, content_hash: [u8; 32]) -> OnFile {
    OnFile { id: row.feedback_id, content_hash, referral: row.referral_id, person: row.person_key, superseded: false }
}
