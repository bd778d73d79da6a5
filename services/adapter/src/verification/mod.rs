//! Verification requests (核对): taken from identification's events, handed to the bureau by pull, file or table, answered
//! item by item ([`answer`]). Name and ID number are asked from the register at every handing-out with each person's
//! authorisation, and kept nowhere; whose authorisation has run out is not asked for.

pub mod answer;
pub mod store;

use std::{collections::BTreeMap, sync::Arc};

use futures::{StreamExt as _, TryStreamExt as _, future::BoxFuture, stream};
use minqing_kit::{
    Call, Error,
    db::Work,
    delivery::{Deliveries, Delivery},
    events::{self, Event, Handler},
    id,
};
use minqing_proto::minqing::{
    bureau::v1::{
        AcknowledgeVerificationsRequest, AcknowledgeVerificationsResponse, AuthorisedPerson, FetchVerificationsRequest,
        FetchVerificationsResponse, Receipt, VerificationReceipt, VerificationRequest,
    },
    identification::v1::{VerificationCancelled, VerificationIssued},
    types::v1::VerificationType,
};
use uuid::Uuid;

use self::store::{PersonRow, VerificationRow};
use crate::{
    Result,
    core::Core,
    handout::Asked,
    receipt::{self, SignedFor},
    referral::{check_signing, shortened},
};

/// Collection of verifications' names.
pub const VERIFICATIONS: &str = "verifications";
/// Kind of the deliveries.
pub const DELIVERY: &str = "verification";
/// Kind of the deliveries that call a verification off.
pub const RECALL: &str = "verification_withdrawn";
/// Full names of the events.
pub const ISSUED: &str = "minqing.identification.v1.VerificationIssued";
pub const CANCELLED: &str = "minqing.identification.v1.VerificationCancelled";
/// Purpose of every look at a person for it.
pub const PURPOSE: &str = "verification";
/// Verifications called off that one fetch tells of.
const RECALLS: i64 = 100;
/// Verifications whose persons are asked for at a time.
const REVEALS: usize = 8;
/// Fields of a person that a handing-out shows.
const SHOWN: &[&str] = &["id_number", "name"];

/// Stores what is requested of this bureau and enqueues its delivery; takes back what is called off.
pub struct Requested {
    pub core: Arc<Core>,
    /// A carrier tells the bureau of what is called off; else it asks.
    pub pushes_recalls: bool,
}

impl Handler for Requested {
    fn handle<'a>(&'a self, work: &'a mut Work, events: &'a [Event]) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move {
            for event in events {
                if event.r#type == CANCELLED {
                    self.cancelled(work, &events::decode(event)?).await?;
                } else {
                    self.issued(work, event).await?;
                }
            }
            Ok(())
        })
    }
}

impl Requested {
    async fn issued(&self, work: &mut Work, event: &Event) -> Result<()> {
        let issued: VerificationIssued = events::decode(event)?;
        if issued.bureau != self.core.number as i32 {
            return Ok(());
        }
        let row = VerificationRow::of_event(&issued)
            .ok_or_else(|| Error::bug(anyhow::anyhow!("event {} is no verification", event.event_id)))?;
        store::insert(work.conn(), &row).await?;
        work.enqueue(DELIVERY, &row.name(), row.id.as_bytes().to_vec());
        Ok(())
    }

    /// What was not handed out yet never will be; of what may have been, the bureau is told.
    async fn cancelled(&self, work: &mut Work, cancelled: &VerificationCancelled) -> Result<()> {
        if cancelled.bureau != self.core.number as i32 {
            return Ok(());
        }
        let id = id::parse_name(VERIFICATIONS, &cancelled.verification, "verification")?;
        let on = cancelled.cancelled_on.parse().map_err(Error::bug)?;
        let deliveries = Deliveries::new(self.core.cx.db.clone());
        let sent = deliveries.cancel(work, DELIVERY, &cancelled.verification).await?.unwrap_or(false);
        store::withdraw(work.conn(), id, on, sent && !self.pushes_recalls).await?;
        if sent && self.pushes_recalls {
            work.enqueue(RECALL, &cancelled.verification, id.as_bytes().to_vec());
        }
        Ok(())
    }
}

fn gone() -> Error {
    Error::not_found("VERIFICATION_NOT_FOUND", "the verification is not stored", "核对不存在")
}

/// Nobody is left whom the bureau may look up.
fn nobody() -> Error {
    let (en, zh) = (
        "no authorisation of the verification holds any more, or the register does not know the persons",
        "核对的授权均已失效，或底册中没有相关人员",
    );
    Error::not_found("VERIFICATION_WITHOUT_PERSONS", en, zh)
}

impl Core {
    /// Hands out verifications on lease, and tells which were called off after they were handed out.
    pub async fn fetch_verifications(
        &self,
        call: &Call,
        request: &FetchVerificationsRequest,
    ) -> Result<FetchVerificationsResponse> {
        if self.bureau.is_office(call.caller.as_str()) {
            let (en, zh) = (
                "an office gets no verifications; the bureau fetches them for its offices",
                "下属单位不直接领取核对单，请由主管部门统一领取",
            );
            return Err(Error::forbidden("OFFICE_FETCHES_NOTHING", en, zh));
        }
        let asked = Asked::read(DELIVERY, &request.request_id, request.page_size, request.lease_seconds)?;
        let handed_out = self.pull(call, &asked).await?;
        let rows = self.look_at(call, handed_out.ids.clone()).await?;
        let looks = rows.into_iter().filter(|row| row.withdrawn_on.is_none()).map(|row| {
            let attempt = handed_out.attempt(row.id);
            async move { self.with_authorised(&row, attempt).await }
        });
        let mut verifications: Vec<_> = stream::iter(looks).buffered(REVEALS).try_collect().await?;
        verifications.retain(|v| !v.persons.is_empty());
        let recalls = store::recalls(&mut *self.cx.db.acquire().await?, RECALLS).await?;
        let withdrawn = recalls.into_iter().map(|id| id::name(VERIFICATIONS, id)).collect();
        Ok(FetchVerificationsResponse { verifications, withdrawn })
    }

    /// Verifications by id, with the audit row of each: nothing leaves before it is written.
    async fn look_at(&self, call: &Call, ids: Vec<Uuid>) -> Result<Vec<VerificationRow>> {
        self.cx
            .db
            .read(call, move |w| {
                let ids = ids.clone();
                Box::pin(async move {
                    let rows = store::verifications(w.conn(), &ids).await?;
                    for row in &rows {
                        w.audit(&row.name(), SHOWN);
                    }
                    Ok(rows)
                })
            })
            .await
    }

    /// The verification a delivery carries, with its persons.
    pub async fn delivered_verification(&self, call: &Call, delivery: &Delivery) -> Result<VerificationRequest> {
        let id = verification_of(delivery).ok_or_else(gone)?;
        let row = self.look_at(call, vec![id]).await?.into_iter().next().ok_or_else(gone)?;
        let request = self.with_authorised(&row, delivery.attempt).await?;
        if request.persons.is_empty() { Err(nobody()) } else { Ok(request) }
    }

    /// The verification a delivery calls off.
    pub async fn called_off(&self, delivery: &Delivery) -> Result<VerificationRow> {
        let id = verification_of(delivery).ok_or_else(gone)?;
        let mut conn = self.cx.db.acquire().await?;
        store::verifications(&mut conn, &[id]).await?.into_iter().next().ok_or_else(gone)
    }

    async fn with_authorised(&self, row: &VerificationRow, attempt: i32) -> Result<VerificationRequest> {
        let today = self.cx.clock.today();
        let mut homes: BTreeMap<Uuid, Vec<&PersonRow>> = BTreeMap::new();
        for person in row.persons.iter().filter(|p| p.valid_until >= today) {
            homes.entry(person.household_id).or_default().push(person);
        }
        let mut persons = Vec::with_capacity(row.persons.len());
        for (home, members) in homes {
            let asked = members.iter().map(|p| (p.person_key, p.authorisation.clone())).collect();
            let known = self.peers.reveal_authorised(&row.name(), &id::name("households", home), asked).await?;
            let identity = |p: &&PersonRow| known.iter().find(|k| k.person_key == p.person_key.to_string());
            persons.extend(members.iter().filter_map(|p| {
                identity(p).map(|identity| AuthorisedPerson {
                    id_number: identity.id_number.clone(),
                    name: identity.name.clone(),
                    authorisation: p.authorisation.clone(),
                    authorised_until: p.valid_until.to_string(),
                })
            }));
        }
        Ok(VerificationRequest {
            name: row.name(),
            r#type: row.kind().into(),
            type_title: type_title(row.kind()).to_owned(),
            requested_on: row.requested_on.to_string(),
            due_on: row.due_on.to_string(),
            datasets: row.datasets.clone(),
            persons,
            attempt,
        })
    }

    /// Signs for verifications, gives the receipts and settles the deliveries.
    pub async fn acknowledge_verifications(
        &self,
        call: &Call,
        request: AcknowledgeVerificationsRequest,
    ) -> Result<AcknowledgeVerificationsResponse> {
        check_signing(&request.operator, request.verifications.len(), "verifications")?;
        let deliveries = Deliveries::new(self.cx.db.clone());
        let (names, operator) = (request.verifications.clone(), request.operator.trim().to_owned());
        let (keys, bureau) = (Arc::clone(&self.receipts), self.number);
        self.cx
            .db
            .mutate(call, &request, move |w| {
                let (names, deliveries) = (names.clone(), deliveries.clone());
                let (keys, operator) = (Arc::clone(&keys), operator.clone());
                Box::pin(async move {
                    let asked: Vec<_> =
                        names.iter().map(|n| id::parse_name(VERIFICATIONS, n, "verifications").ok()).collect();
                    let ids: Vec<_> = asked.iter().flatten().copied().collect();
                    let (rows, today) = (store::verifications(w.conn(), &ids).await?, w.today());
                    let known: Vec<Uuid> = rows.iter().map(|row| row.id).collect();
                    sign(w, &deliveries, &known).await?;
                    let signed: Vec<_> = rows.iter().map(|row| (row.id, row.signed_on.unwrap_or(today))).collect();
                    let by = (SignedFor::Verification, operator.as_str());
                    let given = receipt::give(w, (&keys, bureau), by, &signed).await?;
                    let result = |(name, id): (&String, &Option<Uuid>)| {
                        result(name, id.is_some_and(|id| known.contains(&id)), given.get(name).cloned())
                    };
                    Ok(AcknowledgeVerificationsResponse { results: names.iter().zip(&asked).map(result).collect() })
                })
            })
            .await
    }
}

/// The bureau has these, so nothing is to be delivered any more.
async fn sign(work: &mut Work, deliveries: &Deliveries, known: &[Uuid]) -> Result<()> {
    let today = work.today();
    store::sign(work.conn(), known, today).await?;
    for id in known {
        deliveries.settle(work, DELIVERY, &id::name(VERIFICATIONS, *id)).await?;
    }
    Ok(())
}

/// The verification a delivery is about.
pub fn verification_of(delivery: &Delivery) -> Option<Uuid> {
    Uuid::from_slice(&delivery.payload).ok()
}

fn result(name: &str, accepted: bool, receipt: Option<Receipt>) -> VerificationReceipt {
    let (message, message_zh) = if accepted {
        ("", "")
    } else {
        (
            "no such verification was requested of this bureau; use the name as it was handed out",
            "未向本部门下发该核对，请使用下发的核对编号",
        )
    };
    VerificationReceipt {
        verification: if accepted { name.to_owned() } else { shortened(name, "verifications/") },
        accepted,
        message: message.to_owned(),
        message_zh: message_zh.to_owned(),
        receipt,
    }
}

/// As bureaus write what a verification is made for.
pub fn type_title(kind: VerificationType) -> &'static str {
    use VerificationType as Kind;
    match kind {
        Kind::Unspecified => "",
        Kind::MinimumLiving => "最低生活保障",
        Kind::Destitute => "特困人员供养",
        Kind::Disaster => "受灾人员救助",
        Kind::Medical => "医疗救助",
        Kind::Temporary => "临时救助",
        Kind::SevereDisability => "低保外重残",
        Kind::SeveralDisabled => "低保外一户多残依老养残",
        Kind::Charity => "慈善救助",
        Kind::Edge => "低保边缘",
        Kind::Education => "教育救助",
        Kind::Housing => "住房救助",
        Kind::Employment => "就业救助",
        Kind::ReturnToPoverty => "易返贫致贫对象",
        Kind::LegalAid => "司法援助",
        Kind::WorkerInHardship => "困难职工",
        Kind::RigidExpenditure => "支出型困难",
        Kind::Other => "其他",
    }
}
