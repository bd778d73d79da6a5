//! The nightly comparison with the register's books as a reconciler: one month a pass, until every month was compared on
//! the business date. Input-free and idempotent.

use std::{sync::atomic::AtomicI64, time::Duration};

use futures::future::BoxFuture;
use minqing_kit::{
    Call, Context, Result,
    clock::SharedClock,
    db::Db,
    reconcile::{Pass, Reconciler},
};
use minqing_proto::minqing::types::v1::Bureau;
use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{family::Family, gauge::Gauge},
};

use crate::{
    app::{
        compare::{Comparison, Outcome},
        ledger::Ledger,
        view,
    },
    domain::books::months,
    store::difference::{self, Counterpart},
};

/// Its name.
pub const BOOKS: &str = "books";
/// Between two looks whether there is something to compare; a new day asks for one at once.
const EVERY: Duration = Duration::from_secs(600);

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Labels {
    bureau: String,
    counterpart: &'static str,
}

/// The comparison.
pub struct Books {
    db: Db,
    clock: SharedClock,
    comparison: Comparison,
    open: Family<Labels, Gauge<i64, AtomicI64>>,
}

impl Books {
    pub fn new(cx: &Context) -> Result<Books> {
        let open = Family::default();
        cx.metrics.register(
            "books_differences",
            "Open differences between feedback's books and the register's or a bureau's",
            open.clone(),
        );
        let call = Call::worker("feedback", BOOKS);
        let comparison = Comparison { db: cx.db.clone(), ledger: Ledger::new(cx)?, call };
        Ok(Books { db: cx.db.clone(), clock: cx.clock.clone(), comparison, open })
    }

    async fn pass(&self) -> Result<Pass> {
        let today = self.clock.today();
        let due = {
            let mut connection = self.db.acquire().await?;
            difference::due_months(&mut connection, &months(today), today).await?
        };
        let done = match due.first() {
            Some(month) => Some((month, self.comparison.month(*month, today).await?)),
            None => None,
        };
        let open = self.count_open().await?;
        let (did, caught_up) = (u64::from(done.is_some()), due.len() <= 1);
        let detail = match done {
            Some((month, Outcome { lines, appeared, resolved })) if !caught_up => format!(
                "{}: {lines} lines looked into, {appeared} differences appeared, {resolved} were resolved",
                month.format("%Y-%m")
            ),
            _ => format!("through {today}, {open} differences open"),
        };
        Ok(Pass { did, caught_up, detail })
    }

    /// Shows the open differences of every bureau with either counterpart; gives their sum.
    async fn count_open(&self) -> Result<i64> {
        let mut connection = self.db.acquire().await?;
        let open = difference::open_counts(&mut connection).await?;
        for bureau in (1..).map_while(|number| Bureau::try_from(number).ok()).filter_map(view::bureau_text) {
            for counterpart in Counterpart::ALL.map(Counterpart::as_str) {
                let count = open.iter().find(|(of, with, _)| *of == bureau && with == counterpart);
                let labels = Labels { bureau: bureau.clone(), counterpart };
                self.open.get_or_create(&labels).set(count.map_or(0, |(.., count)| *count));
            }
        }
        Ok(open.iter().map(|(.., count)| count).sum())
    }
}

impl Reconciler for Books {
    fn name(&self) -> &'static str {
        BOOKS
    }

    fn every(&self) -> Duration {
        EVERY
    }

    fn run_once(&self) -> BoxFuture<'_, Result<Pass>> {
        Box::pin(self.pass())
    }
}
