//! Lines of a receipt, feedback, withdrawal, ledger or verification form, from a file or a table, as the calls a bureau's
//! system would make. Ids of the calls follow from the form's own, so a form taken again after a crash makes the same calls again.

use minqing_kit::{Call, Error};
use minqing_proto::minqing::bureau::v1::{
    AcknowledgeReferralsRequest, AnswerVerificationRequest, Batch, Receipt, RecordResult, ReportFeedbackRequest,
    SubmitBatchResponse, WithdrawBatchRequest,
};
use uuid::Uuid;

use crate::{
    Result,
    core::Core,
    feedback::MAX_RECORDS,
    files::{
        Refusal,
        forms::{self, FEEDBACK, Form, Line, RECEIPT, VERIFICATION, WITHDRAWAL},
    },
    verification::answer::MAX_ANSWERS,
    waiting::is_passing,
};

const RECEIPTS_A_CALL: usize = 100;

/// What became of a file or of a batch of an exchange table.
pub enum Outcome {
    Batch(Batch, Vec<Receipt>),
    /// Lines sent, refused lines, receipts for the others where there are any.
    Form(usize, Vec<Told>, Vec<Receipt>),
    Refused(Refusal),
}

impl Outcome {
    pub fn of(answer: SubmitBatchResponse) -> Outcome {
        Outcome::Batch(answer.batch.unwrap_or_default(), answer.receipt.into_iter().collect())
    }

    pub fn receipts(&self) -> &[Receipt] {
        match self {
            Outcome::Batch(_, receipts) | Outcome::Form(_, _, receipts) => receipts,
            Outcome::Refused(_) => &[],
        }
    }

    /// Why it was refused as a whole; empty when it was taken.
    pub fn reason(&self) -> &str {
        if let Outcome::Refused(refusal) = self { &refusal.reason } else { "" }
    }
}

/// A refused line of a form.
pub struct Told {
    /// Number of the line; 0 for what is about none of them.
    pub row: u32,
    pub column: String,
    pub reason: &'static str,
    pub en: String,
    pub zh: String,
}

impl Told {
    /// Lines among them.
    pub fn lines(told: &[Told]) -> usize {
        told.iter().filter(|t| t.row > 0).count()
    }
}

/// Reason of a line that is refused for what its message says.
const REFUSED: &str = "REFUSED";

/// A form under way.
pub struct Report<'a> {
    pub core: &'a Core,
    pub call: &'a Call,
    /// The same for the same form with the same lines.
    pub request_id: Uuid,
}

impl Report<'_> {
    /// Has every line done.
    pub async fn lines(&self, form: Form, lines: &[Line]) -> Result<Outcome> {
        let (mut told, receipts) = match form {
            Form::Receipt => self.receipts(lines).await?,
            Form::Feedback => (self.feedback(lines).await?, Vec::new()),
            Form::Withdrawal => (self.withdrawals(lines).await?, Vec::new()),
            Form::Ledger => (self.ledger(lines).await?, Vec::new()),
            Form::Verification => (self.verification_answers(lines).await?, Vec::new()),
        };
        told.sort_by_key(|t| t.row);
        Ok(Outcome::Form(lines.len(), told, receipts))
    }

    /// Id of the n-th call made for this form.
    pub fn call_id(&self, n: usize) -> String {
        Uuid::new_v5(&self.request_id, &n.to_be_bytes()).to_string()
    }

    async fn receipts(&self, lines: &[Line]) -> Result<(Vec<Told>, Vec<Receipt>)> {
        let (mut good, mut told, mut receipts) = (Vec::new(), Vec::new(), Vec::new());
        for (row, line) in lines {
            let field = |f| line.as_ref().and_then(|l| l.get(f)).filter(|t| !t.is_empty()).cloned();
            match (field("referral"), field("operator")) {
                (Some(referral), Some(operator)) => good.push((*row, referral, operator)),
                _ => told.push(unreadable(*row)),
            }
        }
        // A call has one signer.
        let runs = good.chunk_by(|a, b| a.2 == b.2).flat_map(|run| run.chunks(RECEIPTS_A_CALL));
        for (n, run) in runs.enumerate() {
            let request = AcknowledgeReferralsRequest {
                request_id: self.call_id(n),
                referrals: run.iter().map(|(_, referral, _)| referral.clone()).collect(),
                operator: run[0].2.clone(),
            };
            let mut answer = self.core.acknowledge(self.call, request).await?;
            receipts.extend(answer.results.iter_mut().filter_map(|r| r.receipt.take()));
            let refused = run.iter().zip(answer.results).filter(|(_, r)| !r.accepted);
            told.extend(refused.map(|((row, ..), r)| Told {
                row: *row,
                column: forms::header_of(RECEIPT, "referral"),
                reason: REFUSED,
                en: r.message,
                zh: r.message_zh,
            }));
        }
        Ok((told, receipts))
    }

    /// Each line by itself: one that is refused does not keep the others from being withdrawn.
    async fn withdrawals(&self, lines: &[Line]) -> Result<Vec<Told>> {
        let mut told = Vec::new();
        for (n, (row, line)) in lines.iter().enumerate() {
            let Some(line) = line else {
                told.push(unreadable(*row));
                continue;
            };
            let get = |field: &str| line.get(field).cloned().unwrap_or_default();
            let request = WithdrawBatchRequest {
                request_id: self.call_id(n),
                batch: get("batch"),
                reason: get("reason"),
                operator: get("operator"),
            };
            match self.core.withdraw(self.call, request).await {
                Ok(_) => {}
                Err(error) if is_passing(&error) => return Err(error),
                Err(error) => told.push(refused_withdrawal(*row, &error)),
            }
        }
        Ok(told)
    }

    async fn verification_answers(&self, lines: &[Line]) -> Result<Vec<Told>> {
        let (mut answers, mut told) = (Vec::new(), Vec::new());
        for (row, line) in lines {
            match line {
                Some(line) => answers.push((*row, forms::verification_answer(line))),
                None => told.push(unreadable(*row)),
            }
        }
        for (n, some) in answers.chunks(MAX_ANSWERS).enumerate() {
            let answers = some.iter().map(|(_, answer)| answer.clone()).collect();
            let request = AnswerVerificationRequest { request_id: self.call_id(n), answers };
            let answer = self.core.answer_verification(self.call, request).await?;
            let refused = some.iter().zip(answer.results).filter(|(_, r)| !r.accepted);
            told.extend(refused.map(|((row, _), r)| Told {
                row: *row,
                column: forms::header_of(VERIFICATION, &r.field),
                reason: REFUSED,
                en: r.message,
                zh: r.message_zh,
            }));
        }
        Ok(told)
    }

    async fn feedback(&self, lines: &[Line]) -> Result<Vec<Told>> {
        let (mut records, mut told) = (Vec::new(), Vec::new());
        for (row, line) in lines {
            match line {
                Some(line) => records.push((*row, forms::record(line))),
                None => told.push(unreadable(*row)),
            }
        }
        for (n, some) in records.chunks(MAX_RECORDS).enumerate() {
            let records = some.iter().map(|(_, record)| record.clone()).collect();
            let request = ReportFeedbackRequest { request_id: self.call_id(n), records };
            let answer = self.core.report_feedback(self.call, request).await?;
            let refused = some.iter().zip(answer.results).filter(|(_, r)| !r.accepted);
            told.extend(refused.map(|((row, _), r)| refused_record(*row, r)));
        }
        Ok(told)
    }
}

pub fn unreadable(row: u32) -> Told {
    Told {
        row,
        column: String::new(),
        reason: REFUSED,
        en: "the line cannot be read or lacks a required value".to_owned(),
        zh: "该行无法读取或缺少必填项".to_owned(),
    }
}

fn refused_record(row: u32, result: RecordResult) -> Told {
    let column = forms::header_of(FEEDBACK, &result.field);
    Told { row, column, reason: REFUSED, en: result.message, zh: result.message_zh }
}

fn refused_withdrawal(row: u32, error: &Error) -> Told {
    let field = error.fields().first().map_or("batch", |(field, _)| field.as_str());
    Told {
        row,
        column: forms::header_of(WITHDRAWAL, field),
        reason: REFUSED,
        en: error.message().to_owned(),
        zh: error.message_zh().to_owned(),
    }
}
