//! Compares a month of both books. Lines first; only where a line differs its records are fetched. Each line is settled
//! in a transaction of its own and the month is marked compared last: a comparison cut short is simply made again.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use chrono::{DateTime, Datelike as _, Months, NaiveDate, TimeDelta, Utc};
use minqing_kit::{Call, Error, Result, db::Db};

use super::{
    books::{LineKey, Sums, rows},
    ledger::Ledger,
    reconciled,
};
use crate::{
    domain::books::compare,
    store::{
        books,
        difference::{self, Counterpart, LineRef},
    },
};

/// Time an event may need to the register before its absence is a difference.
const GRACE: TimeDelta = TimeDelta::hours(1);

/// What a comparison works with.
pub struct Comparison {
    pub db: Db,
    pub ledger: Ledger,
    pub call: Call,
}

/// What the comparison of a month found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    /// Lines looked into because they differ, or had open differences.
    pub lines: usize,
    pub appeared: u64,
    pub resolved: u64,
}

/// A month by its first day, the first day of the next, and as text.
struct Month {
    first: NaiveDate,
    next: NaiveDate,
    text: String,
}

impl Comparison {
    /// Compares the month that begins on `first` for the business date `today`.
    pub async fn month(&self, first: NaiveDate, today: NaiveDate) -> Result<Outcome> {
        let next = first.checked_add_months(Months::new(1));
        let next = next.ok_or_else(|| Error::bug(anyhow::anyhow!("the calendar ends with a month")))?;
        let month = Month { first, next, text: format!("{:04}-{:02}", first.year(), first.month()) };
        let since = self.db.clock().now() - GRACE;
        let mut outcome = Outcome::default();
        for line in self.suspect_lines(&month).await? {
            let (appeared, resolved) = self.line(&month, &line, since).await?;
            outcome.lines += 1;
            outcome.appeared += appeared;
            outcome.resolved += resolved;
        }
        let done = self.db.change(&self.call, move |work| {
            Box::pin(async move { reconciled::compared(work, (first, next), today).await })
        });
        done.await?;
        Ok(outcome)
    }

    /// Lines that are not the same on both sides, and those with open differences.
    async fn suspect_lines(&self, month: &Month) -> Result<BTreeSet<LineKey>> {
        // The register first: whatever it has by then was taken here before.
        let theirs = self.ledger.lines(&month.text).await?;
        let mut connection = self.db.acquire().await?;
        let own = books::reconciliation(&mut connection, None, Some(month.first), Some(month.next)).await?;
        let own: BTreeMap<LineKey, Sums> = own.into_iter().filter(|l| l.feedback > 0).map(Sums::of).collect();
        let mut suspect: BTreeSet<LineKey> =
            difference::open_lines(&mut connection, Counterpart::Registry, month.first).await?.into_iter().collect();
        suspect.extend(own.keys().chain(theirs.keys()).filter(|key| own.get(*key) != theirs.get(*key)).cloned());
        Ok(suspect)
    }

    /// Compares the records of one line; gives how many differences appeared and how many were resolved.
    async fn line(&self, month: &Month, line: &LineKey, since: DateTime<Utc>) -> Result<(u64, u64)> {
        let registry = self.ledger.entries(&month.text, line).await?;
        let own = {
            let mut connection = self.db.acquire().await?;
            books::entries(&mut connection, line, (month.first, month.next), since).await?
        };
        let now = self.db.clock().now();
        let line = LineRef {
            counterpart: Counterpart::Registry,
            month: month.first,
            bureau: line.0.clone(),
            programme: line.1.clone(),
        };
        let found = Arc::new((rows(&line, &compare(&own, &registry), now, || self.db.ids().uuid()), line));
        let change = self.db.change(&self.call, move |work| {
            let found = Arc::clone(&found);
            Box::pin(async move { reconciled::settle(work, &found.1, &found.0, now).await })
        });
        change.await
    }
}
