//! Events in: decisions of identification become class status and chain entries, feedback records become chain
//! entries. Events out: `HouseholdChanged`, see `store::roster`.

use std::{collections::BTreeSet, sync::Arc};

use futures::{FutureExt as _, future::BoxFuture};
use minqing_kit::{
    Result,
    db::Work,
    events::{Consumer, Event, Handler, decode},
};
use minqing_proto::minqing::{
    feedback::v1::FeedbackRecorded,
    identification::v1::{ClassEnded, ClassGranted},
};
use uuid::Uuid;

use crate::{
    app::{
        Registry,
        classes::{self, Decision},
        feedback,
    },
    store,
};

const CLASS_GRANTED: &str = "minqing.identification.v1.ClassGranted";
const CLASS_ENDED: &str = "minqing.identification.v1.ClassEnded";
const FEEDBACK_RECORDED: &str = "minqing.feedback.v1.FeedbackRecorded";

/// What the register reads.
pub fn consumers(_registry: &Arc<Registry>) -> Vec<Consumer> {
    vec![
        Consumer {
            producer: "identification",
            types: vec![CLASS_GRANTED, CLASS_ENDED],
            audience: None,
            handler: Arc::new(Decisions),
        },
        Consumer { producer: "feedback", types: vec![FEEDBACK_RECORDED], audience: None, handler: Arc::new(Records) },
    ]
}

struct Decisions;

impl Handler for Decisions {
    fn handle<'a>(&'a self, work: &'a mut Work, events: &'a [Event]) -> BoxFuture<'a, Result<()>> {
        async move {
            store::roster::lock(work.conn()).await?;
            let mut changed = BTreeSet::new();
            for event in events {
                let decision = match event.r#type.as_str() {
                    CLASS_GRANTED => Decision::granted(&decode::<ClassGranted>(event)?)?,
                    CLASS_ENDED => Decision::ended(&decode::<ClassEnded>(event)?)?,
                    _ => continue,
                };
                changed.extend(classes::decided(work, &decision).await?);
            }
            let changed: Vec<Uuid> = changed.into_iter().collect();
            if !changed.is_empty() {
                let today = work.today();
                store::household::touch(work.conn(), &changed).await?;
                store::roster::emit(work, &changed, today).await?;
            }
            Ok(())
        }
        .boxed()
    }
}

struct Records;

impl Handler for Records {
    fn handle<'a>(&'a self, work: &'a mut Work, events: &'a [Event]) -> BoxFuture<'a, Result<()>> {
        async move {
            let wanted = events.iter().filter(|e| e.r#type == FEEDBACK_RECORDED);
            let records = wanted.map(decode::<FeedbackRecorded>).collect::<Result<Vec<_>>>()?;
            let records: Vec<_> = records.into_iter().filter_map(|r| r.feedback).collect();
            if !records.is_empty() {
                feedback::recorded(work, &records).await?;
            }
            Ok(())
        }
        .boxed()
    }
}
