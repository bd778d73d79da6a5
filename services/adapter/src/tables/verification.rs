//! Verification requests in the bureau's own database: rows of `mq_verification`, one for each person and dataset, and a row of
//! `mq_verification_withdrawn` for one that is called off, each written in one transaction under its key.

use std::sync::Arc;

use futures::future::BoxFuture;
use minqing_kit::{
    Call,
    delivery::{Carrier, Delivery, Outcome},
};
use minqing_proto::minqing::bureau::v1::{AuthorisedPerson, VerificationRequest};

use super::{
    database::{Database, Link},
    holds,
    sql::{Sql, or_null},
};
use crate::{Result, core::Core, files::outbox::settled, verification};

/// Writes rows of `mq_verification`.
pub struct VerificationRows {
    pub core: Arc<Core>,
    pub database: Arc<Database>,
}

impl Carrier for VerificationRows {
    fn kind(&self) -> &'static str {
        verification::DELIVERY
    }

    fn deliver<'a>(&'a self, delivery: &'a Delivery) -> BoxFuture<'a, Outcome> {
        Box::pin(async move { settled(self.write(delivery).await, delivery.attempt) })
    }
}

impl VerificationRows {
    async fn write(&self, delivery: &Delivery) -> Result<()> {
        let mut held = self.database.open().await?;
        if !holds(&mut held.link, "mq_verification", "verification", &delivery.subject).await? {
            // Looked up with the connection at hand: a database that is away makes nobody look at the persons.
            let call = Call::worker(&self.core.cx.name, "verification_table").with_purpose(verification::PURPOSE);
            let request = self.core.delivered_verification(&call, delivery).await?;
            write_request(&mut held.link, &request).await?;
        }
        held.keep();
        Ok(())
    }
}

async fn write_request(link: &mut Link, request: &VerificationRequest) -> Result<()> {
    link.begin().await?;
    let mut no = 0;
    for person in &request.persons {
        for dataset in &request.datasets {
            no += 1;
            link.execute(item(link, request, no, (person, dataset))).await?;
        }
    }
    link.end().await
}

fn item(link: &Link, request: &VerificationRequest, no: i64, (person, dataset): (&AuthorisedPerson, &str)) -> Sql {
    let mut sql = Sql::new(
        link.dialect(),
        "insert into mq_verification (verification, item_no, type_title, id_number, name, authorisation, dataset, \
           authorised_until, requested_on, due_on) values (",
    )
    .value(request.name.as_str())
    .add(", ")
    .value(no);
    for text in [request.type_title.as_str(), &person.id_number, &person.name, &person.authorisation, dataset] {
        sql = sql.add(", ").value(or_null(text));
    }
    for date in [&person.authorised_until, &request.requested_on, &request.due_on] {
        sql = sql.add(", ").date(date);
    }
    sql.add(")")
}

/// Writes a row of `mq_verification_withdrawn` for a verification that was written and called off since.
pub struct CalledOffRows {
    pub core: Arc<Core>,
    pub database: Arc<Database>,
}

impl Carrier for CalledOffRows {
    fn kind(&self) -> &'static str {
        verification::RECALL
    }

    fn deliver<'a>(&'a self, delivery: &'a Delivery) -> BoxFuture<'a, Outcome> {
        Box::pin(async move { settled(self.write(delivery).await, delivery.attempt) })
    }
}

impl CalledOffRows {
    async fn write(&self, delivery: &Delivery) -> Result<()> {
        let row = self.core.called_off(delivery).await?;
        let mut held = self.database.open().await?;
        if !holds(&mut held.link, "mq_verification_withdrawn", "verification", &delivery.subject).await? {
            let on = row.withdrawn_on.map_or_else(String::new, |on| on.to_string());
            let sql = Sql::new(
                held.link.dialect(),
                "insert into mq_verification_withdrawn (verification, withdrawn_on) values (",
            );
            let sql = sql.value(row.name().as_str()).add(", ").date(&on).add(")");
            held.link.begin().await?;
            held.link.execute(sql).await?;
            held.link.end().await?;
        }
        held.keep();
        Ok(())
    }
}
