//! Handing out by pull: a bureau's system asks, gets what is due on lease, and gets the same again for the same request
//! while the lease lasts. What is handed out is kept by id only.

use std::{collections::HashMap, time::Duration};

use minqing_kit::{Call, Error, delivery::Deliveries};
use uuid::Uuid;

use crate::{Result, core::Core, store};

/// What a pull asks for.
pub struct Asked {
    /// Kind of the deliveries.
    kind: &'static str,
    request_id: Uuid,
    page_size: i32,
    lease: i32,
}

impl Asked {
    pub fn read(kind: &'static str, request_id: &str, page_size: i32, lease_seconds: i32) -> Result<Asked> {
        let wrong = |field: &'static str, en: &'static str, zh: &str| {
            Error::invalid("INVALID_FETCH", format!("{field} {en}"), format!("{field} {zh}")).field(field, en)
        };
        let request_id = Uuid::try_parse(request_id).map_err(|_| wrong("request_id", "must be a uuid", "应为 UUID"))?;
        let page_size = if page_size == 0 { 20 } else { page_size };
        if !(1..=100).contains(&page_size) {
            return Err(wrong("page_size", "must be 1 to 100", "应为 1 至 100"));
        }
        let lease = if lease_seconds == 0 { 300 } else { lease_seconds };
        if !(10..=3600).contains(&lease) {
            return Err(wrong("lease_seconds", "must be 10 to 3600", "应为 10 至 3600"));
        }
        Ok(Asked { kind, request_id, page_size, lease })
    }
}

/// What a pull hands out, in order, and which handing-out it is of each.
pub struct HandedOut {
    pub ids: Vec<Uuid>,
    attempts: HashMap<Uuid, i32>,
}

impl HandedOut {
    pub fn attempt(&self, id: Uuid) -> i32 {
        self.attempts.get(&id).copied().unwrap_or(1)
    }
}

impl From<store::FetchRow> for HandedOut {
    fn from(row: store::FetchRow) -> HandedOut {
        let attempts = row.ids.iter().copied().zip(row.attempts).collect();
        HandedOut { ids: row.ids, attempts }
    }
}

impl Core {
    /// Leases what is due; the same for the same request while the lease lasts.
    pub async fn pull(&self, call: &Call, asked: &Asked) -> Result<HandedOut> {
        if let Some(before) = self.pulled(call, asked).await? {
            return Ok(before);
        }
        let lease = Duration::from_secs(u64::try_from(asked.lease).unwrap_or_default());
        let deliveries =
            Deliveries::new(self.cx.db.clone()).claim(asked.kind, i64::from(asked.page_size), lease).await?;
        let carried = deliveries.iter().filter_map(|d| Some((Uuid::from_slice(&d.payload).ok()?, d.attempt)));
        let (ids, attempts) = carried.unzip();
        let row = store::FetchRow { page_size: asked.page_size, lease: asked.lease, ids, attempts, lasts: true };
        let key =
            store::FetchKey { caller: call.caller.as_str().to_owned(), kind: asked.kind, request_id: asked.request_id };
        self.cx
            .db
            .change(call, move |w| {
                let (row, key) = (row.clone(), key.clone());
                Box::pin(async move { store::insert_fetch(w.conn(), &key, &row).await })
            })
            .await?;
        // Read back: a duplicate of this call may have come first; what it was given is the answer.
        let kept = self.pulled(call, asked).await?;
        kept.ok_or_else(|| Error::bug(anyhow::anyhow!("a fetch just written is not there")))
    }

    async fn pulled(&self, call: &Call, asked: &Asked) -> Result<Option<HandedOut>> {
        let mut conn = self.cx.db.acquire().await?;
        let key =
            store::FetchKey { caller: call.caller.as_str().to_owned(), kind: asked.kind, request_id: asked.request_id };
        let Some(row) = store::fetch(&mut conn, &key).await? else { return Ok(None) };
        if (row.page_size, row.lease) != (asked.page_size, asked.lease) {
            let (en, zh) = ("request_id was used for another fetch", "request_id 已用于内容不同的请求");
            return Err(Error::failed_state("REQUEST_ID_REUSED", en, zh)
                .field("request_id", "must be new for every new request"));
        }
        if !row.lasts {
            let (en, zh) = (
                "the lease of this fetch has ended; fetch with a new request_id",
                "该次领取的租期已过，请使用新的 request_id",
            );
            return Err(Error::failed_state("LEASE_ENDED", en, zh));
        }
        Ok(Some(row.into()))
    }
}
