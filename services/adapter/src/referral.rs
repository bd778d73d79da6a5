//! Referrals: taken from dispatch's events, handed to the bureau by pull or by file, signed for. Who is meant is asked
//! from the register at every handing-out and kept nowhere; what is kept is which referrals a pull handed out.

use std::sync::Arc;

use futures::{StreamExt as _, TryStreamExt as _, future::BoxFuture, stream};
use minqing_kit::{
    Call, Error,
    db::{Fingerprint, Work},
    delivery::{Deliveries, Delivery},
    events::{self, Event, Handler},
    id,
};
use minqing_proto::minqing::{
    bureau::v1::{
        AcknowledgeReferralsRequest, AcknowledgeReferralsResponse, FetchReferralsRequest, ReceiptResult, Referral,
        ReferredPerson,
    },
    dispatch::v1::{ReferralIssued, ReferralSettled},
    feedback::v1::{Receipt, RecordReceiptsRequest},
    types::v1::{Bureau, FeedbackDecision},
};
use uuid::Uuid;

use crate::{
    Result,
    core::Core,
    handout::{Asked, HandedOut},
    receipt::{self, SignedFor},
    store::{self, ReferralRow},
};

/// Kind of the deliveries.
pub const DELIVERY: &str = "referral";
/// Kind of the deliveries that take a referral back.
pub const RECALL: &str = "referral_withdrawn";
/// Full names of the events.
pub const ISSUED: &str = "minqing.dispatch.v1.ReferralIssued";
pub const SETTLED: &str = "minqing.dispatch.v1.ReferralSettled";
/// Referrals taken back that one fetch tells of.
const RECALLS: i64 = 100;
/// Questions to the register at a time.
const REVEALS: usize = 8;
/// Names signed for in one call.
const MAX_SIGNED: usize = 100;
const MAX_OPERATOR: usize = 64;

/// Fields of a person that a handing-out shows.
const SHOWN: &[&str] = &["id_number", "name", "phone", "address"];

/// Stores what dispatch issues to this bureau and enqueues its delivery; takes back what rested on withdrawn data.
pub struct Dispatched {
    pub core: Arc<Core>,
    /// A carrier tells the bureau of what is taken back; else it asks.
    pub pushes_recalls: bool,
}

impl Handler for Dispatched {
    fn handle<'a>(&'a self, work: &'a mut Work, events: &'a [Event]) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move {
            for event in events {
                if event.r#type == SETTLED {
                    self.settled(work, &events::decode(event)?).await?;
                } else {
                    self.issued(work, event).await?;
                }
            }
            Ok(())
        })
    }
}

impl Dispatched {
    async fn issued(&self, work: &mut Work, event: &Event) -> Result<()> {
        let issued: ReferralIssued = events::decode(event)?;
        if issued.bureau != self.core.number as i32 {
            return Ok(());
        }
        let row = ReferralRow::of_event(&issued)
            .ok_or_else(|| Error::bug(anyhow::anyhow!("event {} names no referral or household", event.event_id)))?;
        store::insert_referral(work.conn(), &row).await?;
        work.enqueue(DELIVERY, &row.name(), row.id.as_bytes().to_vec());
        Ok(())
    }

    /// What was not handed out yet never will be; of what may have been, the bureau is told.
    async fn settled(&self, work: &mut Work, settled: &ReferralSettled) -> Result<()> {
        if settled.bureau != self.core.number as i32 || settled.decision() != FeedbackDecision::Withdrawn {
            return Ok(());
        }
        let id = id::parse_name("referrals", &settled.referral, "referral")?;
        let on = settled.settled_on.parse().map_err(Error::bug)?;
        let deliveries = Deliveries::new(self.core.cx.db.clone());
        let sent = deliveries.cancel(work, DELIVERY, &settled.referral).await?.unwrap_or(false);
        store::withdraw_referral(work.conn(), id, on, sent && !self.pushes_recalls).await?;
        if sent && self.pushes_recalls {
            work.enqueue(RECALL, &settled.referral, id.as_bytes().to_vec());
        }
        Ok(())
    }
}

impl Core {
    /// Hands out referrals on lease; the same ones again for the same request while the lease lasts.
    pub async fn fetch_referrals(&self, call: &Call, request: &FetchReferralsRequest) -> Result<Vec<Referral>> {
        let asked = Asked::read(DELIVERY, &request.request_id, request.page_size, request.lease_seconds)?;
        let handed_out = self.pull(call, &asked).await?;
        self.hand_out(call, handed_out).await
    }

    /// Referrals handed out before whose data were withdrawn since, until they are acknowledged.
    pub async fn recalled(&self) -> Result<Vec<String>> {
        let ids = store::recalls(&mut *self.cx.db.acquire().await?, RECALLS).await?;
        Ok(ids.into_iter().map(|id| id::name("referrals", id)).collect())
    }

    /// Referrals with the persons they are about; the look is audited before anything leaves.
    async fn hand_out(&self, call: &Call, handed_out: HandedOut) -> Result<Vec<Referral>> {
        let rows = self.look_up(call, handed_out.ids.clone()).await?;
        let looks = rows.into_iter().filter(|row| row.withdrawn_on.is_none()).map(|row| {
            let attempt = handed_out.attempt(row.id);
            async move { self.with_persons(&row, attempt).await }
        });
        stream::iter(looks).buffered(REVEALS).try_collect().await
    }

    /// Referrals by id, with the audit row of each.
    pub async fn look_up(&self, call: &Call, ids: Vec<Uuid>) -> Result<Vec<ReferralRow>> {
        self.cx
            .db
            .read(call, move |w| {
                let ids = ids.clone();
                Box::pin(async move {
                    let rows = store::referrals(w.conn(), &ids).await?;
                    for row in &rows {
                        w.audit(&row.name(), SHOWN);
                    }
                    Ok(rows)
                })
            })
            .await
    }

    /// The referral a delivery carries, with its persons.
    pub async fn delivered(&self, call: &Call, delivery: &Delivery) -> Result<(Uuid, Referral)> {
        let gone = || Error::not_found("REFERRAL_NOT_FOUND", "the referral is not stored", "转介不存在");
        let id = referral_of(delivery).ok_or_else(gone)?;
        let row = self.look_up(call, vec![id]).await?.into_iter().next().ok_or_else(gone)?;
        Ok((id, self.with_persons(&row, delivery.attempt).await?))
    }

    /// The referral a delivery takes back.
    pub async fn taken_back(&self, delivery: &Delivery) -> Result<ReferralRow> {
        let gone = || Error::not_found("REFERRAL_NOT_FOUND", "the referral is not stored", "转介不存在");
        let id = referral_of(delivery).ok_or_else(gone)?;
        store::referrals(&mut *self.cx.db.acquire().await?, &[id]).await?.into_iter().next().ok_or_else(gone)
    }

    /// A referral about a person shows that person alone; one about a household shows its members.
    pub async fn with_persons(&self, row: &ReferralRow, attempt: i32) -> Result<Referral> {
        let persons = self.peers.reveal(&row.name(), &row.household(), row.person_key).await?;
        let persons = persons.into_iter().map(|p| {
            let subject = row.person_key.is_none_or(|key| p.person_key == key.to_string());
            ReferredPerson { id_number: p.id_number, name: p.name, phone: p.phone, address: p.address, subject }
        });
        Ok(Referral {
            name: row.name(),
            programme: row.programme.clone(),
            programme_title: row.programme_title.clone(),
            level: row.level,
            reason: row.reason.clone(),
            reason_title: row.reason_title.clone(),
            division_code: row.division_code.clone(),
            issued_on: row.issued_on.to_string(),
            due_on: row.due_on.to_string(),
            persons: persons.collect(),
            attempt,
        })
    }

    /// Signs for referrals: feedback is told first, so that a crash between the two repeats the telling and loses
    /// nothing; then the deliveries are settled.
    pub async fn acknowledge(
        &self,
        call: &Call,
        request: AcknowledgeReferralsRequest,
    ) -> Result<AcknowledgeReferralsResponse> {
        check_signing(&request.operator, request.referrals.len(), "referrals")?;
        let fingerprint = Fingerprint::of(&call.method, &request);
        if let Some(done) = self.cx.db.outcome(call, &request.request_id, fingerprint).await? {
            return Ok(done);
        }
        let asked: Vec<_> =
            request.referrals.iter().map(|n| id::parse_name("referrals", n, "referrals").ok()).collect();
        let ids: Vec<_> = asked.iter().flatten().copied().collect();
        let mut conn = self.cx.db.acquire().await?;
        let known: Vec<_> = store::referrals(&mut conn, &ids).await?.into_iter().map(|r| r.id).collect();
        drop(conn);
        let today = self.cx.clock.today();
        if !known.is_empty() {
            self.tell_receipts(call, &request.request_id, &known, today).await?;
        }
        let answer = AcknowledgeReferralsResponse {
            results: request
                .referrals
                .iter()
                .zip(&asked)
                .map(|(name, id)| result(name, id.is_some_and(|i| known.contains(&i))))
                .collect(),
        };
        let deliveries = Deliveries::new(self.cx.db.clone());
        let operator = request.operator.trim().to_owned();
        let signer = (Arc::clone(&self.receipts), self.number);
        self.cx
            .db
            .mutate(call, &request, move |w| {
                let (known, answer, deliveries) = (known.clone(), answer.clone(), deliveries.clone());
                let (operator, signer) = (operator.clone(), signer.clone());
                Box::pin(async move {
                    store::sign_referrals(w.conn(), &known, today).await?;
                    let answer = with_receipts(w, &signer, &known, &operator, answer).await?;
                    for id in known {
                        deliveries.settle(w, DELIVERY, &id::name("referrals", id)).await?;
                    }
                    Ok(answer)
                })
            })
            .await
    }

    async fn tell_receipts(
        &self,
        call: &Call,
        request_id: &str,
        known: &[Uuid],
        today: chrono::NaiveDate,
    ) -> Result<()> {
        let receipt = |id: &Uuid| Receipt { referral: id::name("referrals", *id), signed_on: today.to_string() };
        // A repeat on a later day says another day, so it is another request; feedback keeps the first receipt.
        let own = format!("minqing/receipts/{}/{}/{request_id}/{today}", call.caller, call.method);
        let told = RecordReceiptsRequest {
            request_id: Uuid::new_v5(&Uuid::NAMESPACE_URL, own.as_bytes()).to_string(),
            bureau: self.number as i32,
            receipts: known.iter().map(receipt).collect(),
        };
        self.peers.receipts(call, told).await
    }
}

/// Signs a receipt for every referral signed for and adds it to the answer.
async fn with_receipts(
    work: &mut Work,
    (keys, bureau): &(Arc<receipt::Keys>, Bureau),
    known: &[Uuid],
    operator: &str,
    mut answer: AcknowledgeReferralsResponse,
) -> Result<AcknowledgeReferralsResponse> {
    let (rows, today) = (store::referrals(work.conn(), known).await?, work.today());
    let signed: Vec<_> = rows.iter().map(|row| (row.id, row.signed_on.unwrap_or(today))).collect();
    let by = (SignedFor::Referral, operator);
    let mut receipts = receipt::give(work, (keys, *bureau), by, &signed).await?;
    for result in &mut answer.results {
        result.receipt = receipts.remove(&result.referral);
    }
    Ok(answer)
}

/// The referral a delivery is about.
pub fn referral_of(delivery: &Delivery) -> Option<Uuid> {
    Uuid::from_slice(&delivery.payload).ok()
}

/// Who signs, and for how many of `field`.
pub fn check_signing(operator: &str, count: usize, field: &'static str) -> Result<()> {
    let operator = operator.trim();
    if operator.is_empty() || operator.chars().count() > MAX_OPERATOR || operator.chars().any(char::is_control) {
        let (en, zh) = (
            "operator must be the user id of who signs, 1 to 64 characters",
            "operator 应为签收人账号，1 至 64 个字符",
        );
        return Err(Error::invalid("INVALID_OPERATOR", en, zh).field("operator", en));
    }
    if !(1..=MAX_SIGNED).contains(&count) {
        let en = format!("{field} must be 1 to 100 names");
        let reason = if field == "referrals" { "INVALID_REFERRALS" } else { "INVALID_VERIFICATIONS" };
        return Err(Error::invalid(reason, en.clone(), format!("{field} 应为 1 至 100 个")).field(field, en));
    }
    Ok(())
}

fn result(name: &str, accepted: bool) -> ReceiptResult {
    let (message, message_zh) = if accepted {
        ("", "")
    } else {
        (
            "no such referral was issued to this bureau; use the name as it was handed out",
            "未向本部门签发该转介，请使用下发的转介编号",
        )
    };
    ReceiptResult {
        referral: if accepted { name.to_owned() } else { shortened(name, "referrals/") },
        accepted,
        message: message.to_owned(),
        message_zh: message_zh.to_owned(),
        receipt: None,
    }
}

/// What a caller gave for a name is echoed only as far as it looks like one.
pub fn shortened(name: &str, collection: &str) -> String {
    if name.starts_with(collection) { name.chars().take(60).collect() } else { String::new() }
}
