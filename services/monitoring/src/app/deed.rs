//! Takes what the mesh itself did over from the events of dispatch and feedback, and evaluates the households.

use minqing_kit::{Result, db::Work};
use uuid::Uuid;

use super::{
    Monitoring,
    evaluate::{self, Cause},
    verdict,
};
use crate::{
    domain::{
        deed::{Books, MonthCompared, OrderStep, Quieted, Receipt, Record, Visit},
        verdict::Checked,
    },
    store::{
        deed, lock, quiet, reconciliation,
        referral::{self, Issued, Settled},
    },
};

/// The sources of facts that deeds make.
const REFERRAL: &str = "mesh.referral";
const VISIT: &str = "mesh.visit";
const WORK_ORDER: &str = "mesh.work_order";
const FEEDBACK: &str = "mesh.feedback";
const RECONCILIATION: &str = "mesh.reconciliation";
const VERDICTS: &str = "mesh.verdict_history";

/// What a batch of events says, each kind in the order in which it happened.
#[derive(Clone, Debug, Default)]
pub struct Deeds {
    pub issued: Vec<Issued>,
    pub settled: Vec<Settled>,
    pub receipts: Vec<Receipt>,
    pub checked: Vec<Checked>,
    pub quieted: Vec<Quieted>,
    pub visits: Vec<Visit>,
    pub steps: Vec<OrderStep>,
    pub records: Vec<Record>,
    pub books: Vec<Books>,
    pub months: Vec<MonthCompared>,
    /// Households touched.
    pub households: Vec<Uuid>,
}

impl Deeds {
    /// Sources whose rows they change. A work order counts its referrals.
    fn sources(&self) -> Vec<&'static str> {
        let referrals = !self.issued.is_empty() || !self.settled.is_empty();
        let all = [
            (REFERRAL, referrals || !self.receipts.is_empty()),
            (VISIT, !self.visits.is_empty()),
            (WORK_ORDER, referrals || !self.steps.is_empty()),
            (FEEDBACK, !self.records.is_empty()),
            (RECONCILIATION, !self.books.is_empty() || !self.months.is_empty()),
            (VERDICTS, !self.checked.is_empty()),
        ];
        all.into_iter().filter(|(_, changed)| *changed).map(|(source, _)| source).collect()
    }
}

/// Applies it.
pub async fn apply(monitoring: &Monitoring, work: &mut Work, mut deeds: Deeds) -> Result<()> {
    lock::keep_roster(work.conn()).await?;
    if !deeds.issued.is_empty() || !deeds.receipts.is_empty() {
        // Dispatch and feedback are heard at once; whoever comes second must see what the first one wrote.
        lock::referrals(work.conn()).await?;
    }
    if !deeds.receipts.is_empty() {
        deeds.households.extend(deed::put_receipts(work.conn(), &deeds.receipts).await?);
    }
    if !deeds.books.is_empty() || !deeds.months.is_empty() {
        // A month and a household's books may be taken over at once; whoever comes second must see the other.
        lock::books(work.conn()).await?;
        reconciliation::put_books(work.conn(), &deeds.books).await?;
    }
    if !deeds.months.is_empty() {
        let indicators = monitoring.rules.resting_on(RECONCILIATION);
        deeds.households.extend(reconciliation::put_months(work.conn(), &deeds.months, &indicators).await?);
    }
    deeds.households.sort_unstable();
    deeds.households.dedup();
    lock::households(work.conn(), &deeds.households).await?;
    if !deeds.issued.is_empty() {
        referral::issue(work.conn(), &deeds.issued).await?;
    }
    if !deeds.settled.is_empty() {
        referral::settle(work.conn(), &deeds.settled).await?;
    }
    if !deeds.visits.is_empty() {
        deed::put_visits(work.conn(), &deeds.visits).await?;
    }
    if !deeds.steps.is_empty() {
        deed::put_steps(work.conn(), &deeds.steps).await?;
    }
    if !deeds.records.is_empty() {
        deed::put_records(work.conn(), &deeds.records).await?;
    }
    verdict::apply(work, &deeds.checked).await?;
    if deeds.quieted.is_empty() {
        return evaluate::households(monitoring, work, &deeds.households, Cause::Deed(&deeds.sources()))
            .await
            .map(drop);
    }
    // What is known on the day of a check counts as seen by it.
    quiet::put(work.conn(), &deeds.quieted).await?;
    evaluate::households(monitoring, work, &deeds.households, Cause::Other).await?;
    Ok(())
}
