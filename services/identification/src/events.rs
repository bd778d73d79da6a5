//! Events in: facts of monitoring, the register's roster, verified work orders of dispatch. Events out: `CaseOpened`
//! (aggregate cases/{id}), `ClassGranted` and `ClassEnded` (aggregate households/{id}); `VerificationIssued` and
//! `VerificationCancelled` for the adapter of each bureau asked, `VerificationCompleted` (aggregate verifications/{id}).

use std::sync::Arc;

use futures::{FutureExt as _, future::BoxFuture};
use minqing_kit::{
    Result,
    db::Work,
    events::{Consumer, Event, Handler, decode},
};
use minqing_proto::minqing::dispatch::v1::WorkOrderVerified;

use crate::app::{Identification, known, open};

const FACTS_CHANGED: &str = "minqing.monitoring.v1.HouseholdFactsChanged";
const HOUSEHOLD_CHANGED: &str = "minqing.registry.v1.HouseholdChanged";
const WORK_ORDER_VERIFIED: &str = "minqing.dispatch.v1.WorkOrderVerified";

/// What identification reads.
pub fn consumers(identification: &Arc<Identification>) -> Vec<Consumer> {
    let consumer = |producer, wanted, topic| {
        let handler = Arc::new(Incoming { identification: Arc::clone(identification), wanted, topic });
        Consumer { producer, types: vec![wanted], audience: None, handler }
    };
    vec![
        consumer("monitoring", FACTS_CHANGED, Topic::Facts),
        consumer("registry", HOUSEHOLD_CHANGED, Topic::Roster),
        consumer("dispatch", WORK_ORDER_VERIFIED, Topic::WorkOrders),
    ]
}

#[derive(Clone, Copy)]
enum Topic {
    Facts,
    Roster,
    WorkOrders,
}

struct Incoming {
    identification: Arc<Identification>,
    wanted: &'static str,
    topic: Topic,
}

impl Handler for Incoming {
    fn handle<'a>(&'a self, work: &'a mut Work, events: &'a [Event]) -> BoxFuture<'a, Result<()>> {
        async move {
            let pack = &self.identification.pack;
            let events: Vec<&Event> = events.iter().filter(|e| e.r#type == self.wanted).collect();
            match self.topic {
                Topic::Facts => known::facts(work, pack, numbered(&events)?).await,
                Topic::Roster => known::roster(work, pack, numbered(&events)?).await,
                Topic::WorkOrders => {
                    let events = events.into_iter().map(decode::<WorkOrderVerified>).collect::<Result<Vec<_>>>()?;
                    open::verified(work, pack, &events).await
                }
            }
        }
        .boxed()
    }
}

/// Each event with its household's own counter.
fn numbered<M: prost::Message + Default>(events: &[&Event]) -> Result<Vec<(i64, M)>> {
    events.iter().map(|e| Ok((e.aggregate_sequence, decode(e)?))).collect()
}
