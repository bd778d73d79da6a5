//! Shows a household's chain of relief (一户一条救助链).

use chrono::NaiveDate;
use futures::FutureExt as _;
use minqing_kit::{Call, Result, id::name, page};
use minqing_proto::minqing::registry::v1::ChainEntry;
use uuid::Uuid;

use super::{
    Registry,
    households::{cut, key},
    view::{self, Depth},
};
use crate::{
    domain::{class::bureau_of, collect::parse_date, error::RegistryError},
    store::{self, chain::EntryRow},
};

const MAX_PAGE: i32 = 500;
const FIELDS: &[&str] = &["chain"];

impl Registry {
    /// Entries in force, oldest first, and the token of the next page.
    pub async fn chain(
        &self,
        call: &Call,
        household: Uuid,
        page_size: i32,
        page_token: &str,
    ) -> Result<(Vec<ChainEntry>, String)> {
        Depth::of(call)?;
        let parent = name("households", household);
        let page = page::page(page_size, page_token, &parent, MAX_PAGE)?;
        let after = page.after.as_deref().map_or(Ok((NaiveDate::default(), Uuid::nil())), position)?;
        let (scope, size, subject) = (view::scope(call), page.size, parent.clone());
        let read = self.db.read(call, move |work| {
            let (scope, subject) = (scope.clone(), subject.clone());
            async move {
                let file = store::household::file(work.conn(), household).await?;
                file.filter(|f| scope.sees(&f.division_code)).ok_or(RegistryError::HouseholdNotFound)?;
                work.audit(&subject, FIELDS);
                let rows = store::chain::page(work.conn(), household, after, size + 1).await?;
                Ok(cut(rows, size, |r| format!("{}|{}", r.occurred_on, r.chain_entry_id)))
            }
            .boxed()
        });
        let (rows, last) = read.await?;
        let token = last.map(|key| page::next_token(&key, &parent)).unwrap_or_default();
        Ok((rows.into_iter().map(entry).collect(), token))
    }
}

fn position(text: &str) -> Result<(NaiveDate, Uuid)> {
    let (day, id) = text.split_once('|').ok_or(RegistryError::KeyMalformed)?;
    Ok((parse_date(day).ok_or(RegistryError::KeyMalformed)?, key(id)?))
}

fn entry(row: EntryRow) -> ChainEntry {
    ChainEntry {
        name: name("chainEntries", row.chain_entry_id),
        kind: row.kind,
        bureau: bureau_of(&row.bureau).into(),
        programme: row.programme,
        person: row.person_id.map(|id| name("persons", id)).unwrap_or_default(),
        amount_fen: row.amount_fen,
        occurred_on: row.occurred_on.to_string(),
        referral: row.referral,
    }
}
