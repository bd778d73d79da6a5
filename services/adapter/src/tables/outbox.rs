//! What the bureau finds in its own database: rows for each referral and for each taken back, and once a month the list
//! of the classes' members, each written in one transaction under its key, so that it is there whole and once. Identities go from the
//! register's answer into the bureau's tables and nowhere else.

use std::{sync::Arc, time::Duration};

use futures::future::BoxFuture;
use minqing_kit::{
    Call,
    delivery::{Carrier, Delivery, Outcome},
    reconcile::{Pass, Reconciler},
};
use minqing_proto::minqing::bureau::v1::{IdentityEntry, Referral, ReferredPerson};

use super::{
    database::{Database, Link},
    holds,
    sql::{Sql, or_null},
};
use crate::{
    Result,
    core::Core,
    exchange,
    files::outbox::{class_title, level_word, list_is_written, list_of, members_page, note_list, settled},
    referral,
};

const LIST_EVERY: Duration = Duration::from_secs(10);
/// Members written by one statement.
const MEMBERS: usize = 250;

/// Writes rows of `mq_referral`.
pub struct ReferralRows {
    pub core: Arc<Core>,
    pub database: Arc<Database>,
}

impl Carrier for ReferralRows {
    fn kind(&self) -> &'static str {
        referral::DELIVERY
    }

    fn deliver<'a>(&'a self, delivery: &'a Delivery) -> BoxFuture<'a, Outcome> {
        Box::pin(async move { settled(self.write(delivery).await, delivery.attempt) })
    }
}

impl ReferralRows {
    async fn write(&self, delivery: &Delivery) -> Result<()> {
        let mut held = self.database.open().await?;
        if !holds(&mut held.link, "mq_referral", "referral", &delivery.subject).await? {
            // Looked up with the connection at hand: a database that is away makes nobody look at the persons.
            let call = Call::worker(&self.core.cx.name, "referral_table").with_purpose("referral");
            let (_, referral) = self.core.delivered(&call, delivery).await?;
            write_referral(&mut held.link, &referral).await?;
        }
        held.keep();
        Ok(())
    }
}

async fn write_referral(link: &mut Link, referral: &Referral) -> Result<()> {
    // Should the register know nobody there any more, the bureau still has to answer the referral.
    let nobody = [ReferredPerson::default()];
    let persons = if referral.persons.is_empty() { &nobody[..] } else { &referral.persons };
    link.begin().await?;
    for (no, person) in (1_i64..).zip(persons) {
        let mut sql = Sql::new(
            link.dialect(),
            "insert into mq_referral (referral, person_no, programme, programme_title, level, reason, reason_title, \
               division_code, id_number, name, phone, address, issued_on, due_on) values (",
        )
        .value(referral.name.as_str())
        .add(", ")
        .value(no);
        for text in [
            referral.programme.as_str(),
            &referral.programme_title,
            level_word(referral.level()),
            &referral.reason,
            &referral.reason_title,
            &referral.division_code,
            &person.id_number,
            &person.name,
            &person.phone,
            &person.address,
        ] {
            sql = sql.add(", ").value(or_null(text));
        }
        let sql = sql.add(", ").date(&referral.issued_on).add(", ").date(&referral.due_on).add(")");
        link.execute(sql).await?;
    }
    link.end().await
}

/// Writes a row of `mq_referral_withdrawn` for a referral that was written and whose data were withdrawn since.
pub struct RecallRows {
    pub core: Arc<Core>,
    pub database: Arc<Database>,
}

impl Carrier for RecallRows {
    fn kind(&self) -> &'static str {
        referral::RECALL
    }

    fn deliver<'a>(&'a self, delivery: &'a Delivery) -> BoxFuture<'a, Outcome> {
        Box::pin(async move { settled(self.write(delivery).await, delivery.attempt) })
    }
}

impl RecallRows {
    async fn write(&self, delivery: &Delivery) -> Result<()> {
        let row = self.core.taken_back(delivery).await?;
        let mut held = self.database.open().await?;
        if !holds(&mut held.link, "mq_referral_withdrawn", "referral", &delivery.subject).await? {
            let on = row.withdrawn_on.map_or_else(String::new, |on| on.to_string());
            let sql = Sql::new(
                held.link.dialect(),
                "insert into mq_referral_withdrawn (referral, programme, withdrawn_on) values (",
            );
            let sql =
                sql.value(row.name().as_str()).add(", ").value(or_null(&row.programme)).add(", ").date(&on).add(")");
            held.link.begin().await?;
            held.link.execute(sql).await?;
            held.link.end().await?;
        }
        held.keep();
        Ok(())
    }
}

/// Writes rows of `mq_identity_list` once in every business month.
pub struct IdentityLists {
    pub core: Arc<Core>,
    pub database: Arc<Database>,
}

impl IdentityLists {
    async fn pass(&self) -> Result<Pass> {
        let list = list_of(self.core.cx.clock.today());
        if list_is_written(&self.core, &list).await? {
            return Ok(Pass { did: 0, caught_up: true, detail: "this month's list is written".to_owned() });
        }
        let call = Call::worker(&self.core.cx.name, "identity_list").with_purpose("identity_list");
        let members = match self.write(&call, &list).await {
            Ok(members) => members,
            // The list is no part of a day's work: a register or a database that is away only puts it off.
            Err(error) => return Ok(Pass { did: 0, caught_up: true, detail: format!("the list waits: {error}") }),
        };
        if members == 0 {
            return Ok(Pass { did: 0, caught_up: true, detail: "the register has no members yet".to_owned() });
        }
        note_list(&self.core, &call, list, "tables/mq_identity_list".to_owned()).await?;
        Ok(Pass { did: 1, caught_up: true, detail: format!("wrote a list of {members}") })
    }

    /// Members written; one when the list is there already.
    async fn write(&self, call: &Call, list: &str) -> Result<i64> {
        let month = list.trim_start_matches("identity_list_");
        let mut held = self.database.open().await?;
        if holds(&mut held.link, "mq_identity_list", "list_month", month).await? {
            held.keep();
            return Ok(1);
        }
        let (mut members, mut page_token) = (0, String::new());
        held.link.begin().await?;
        loop {
            let page = members_page(&self.core, call, page_token).await?;
            page_token = page.next_page_token;
            let entries: Vec<_> = page.members.into_iter().map(exchange::entry).collect();
            for some in entries.chunks(MEMBERS) {
                members = write_members(&mut held.link, month, members, some).await?;
            }
            if page_token.is_empty() {
                break;
            }
        }
        held.link.end().await?;
        held.keep();
        Ok(members)
    }
}

/// Number of the last member written.
async fn write_members(link: &mut Link, month: &str, before: i64, entries: &[IdentityEntry]) -> Result<i64> {
    let mut sql = Sql::new(
        link.dialect(),
        "insert into mq_identity_list (list_month, entry_no, id_number, name, assistance_class, division_code, \
           valid_from, valid_to) values ",
    );
    let mut no = before;
    for (at, e) in entries.iter().enumerate() {
        no += 1;
        sql = sql.add(if at == 0 { "(" } else { ", (" }).value(month).add(", ").value(no);
        for text in [e.id_number.as_str(), &e.name, class_title(e.assistance_class()), &e.division_code] {
            sql = sql.add(", ").value(or_null(text));
        }
        sql = sql.add(", ").date(&e.valid_from).add(", ").date(&e.valid_to).add(")");
    }
    link.execute(sql).await?;
    Ok(no)
}

impl Reconciler for IdentityLists {
    fn name(&self) -> &'static str {
        "identity_list"
    }

    fn every(&self) -> Duration {
        LIST_EVERY
    }

    fn run_once(&self) -> BoxFuture<'_, Result<Pass>> {
        Box::pin(self.pass())
    }
}
