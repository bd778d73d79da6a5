//! Reads of warnings, feeds and facts. A county's operator sees its own county; what holds facts of a person leaves
//! an audit row in the same transaction.

use std::sync::Arc;

use minqing_kit::{Result, call::Call, id, page::Page};
use uuid::Uuid;

use super::Monitoring;
use crate::{
    domain::{error::Fault, words},
    store::{
        evaluation::Facts,
        feed::{self, Feed, Wanted},
        lock, roster,
        warning::{self, Explanation, Filter, Warning},
    },
};

/// The county an operator is confined to; none for the city's and for services.
pub fn county_of(call: &Call) -> Option<String> {
    let (rank, code) = call.caller.rest().split_once('/')?;
    (call.caller.kind() == "operator" && matches!(rank, "county" | "township")).then(|| words::county(code))
}

/// A page of warnings, newest first.
pub async fn warnings(monitoring: &Monitoring, filter: Filter, page: Page) -> Result<Vec<Warning>> {
    let before = page.after.as_deref().and_then(|key| Uuid::try_parse(key).ok());
    let mut connection = monitoring.db.acquire().await?;
    warning::list(&mut connection, &filter, before, page.size).await
}

/// A page of feeds.
pub async fn feeds(monitoring: &Monitoring, wanted: &Wanted, page: Page) -> Result<Vec<Feed>> {
    let after = page.after.as_deref().and_then(feed_key);
    let mut connection = monitoring.db.acquire().await?;
    feed::list(&mut connection, wanted, after.as_ref(), page.size).await
}

/// The key of a feed in a page token.
pub fn feed_token(of: &Feed) -> String {
    format!("{}.{}@{}", of.bureau, of.dataset, of.county_code)
}

fn feed_key(token: &str) -> Option<(String, String, String)> {
    let (name, county) = token.split_once('@')?;
    let (bureau, dataset) = name.split_once('.')?;
    Some((bureau.to_owned(), dataset.to_owned(), county.to_owned()))
}

/// One warning with what lies behind it.
pub async fn warning(monitoring: &Monitoring, call: &Call, id: Uuid) -> Result<(Warning, Explanation)> {
    let county = county_of(call);
    monitoring
        .db
        .read(call, move |work| {
            let county = county.clone();
            Box::pin(async move {
                let warning = warning::find(work.conn(), id).await?.ok_or(Fault::WarningNotFound)?;
                if county.is_some_and(|own| own != warning.county_code) {
                    return Err(Fault::OutOfArea.into());
                }
                let explanation = warning::explanation(work.conn(), id).await?;
                if let Some(household) = warning.household_id {
                    work.audit(&id::name("households", household), &["facts"]);
                }
                Ok((warning, explanation))
            })
        })
        .await
}

/// Facts of a household and its members, as of today.
pub async fn facts(monitoring: Arc<Monitoring>, call: &Call, household: Uuid) -> Result<Vec<Facts>> {
    let county = county_of(call);
    let db = monitoring.db.clone();
    db.read(call, move |work| {
        let (monitoring, county) = (Arc::clone(&monitoring), county.clone());
        Box::pin(async move {
            let place = roster::place(work.conn(), household).await?.ok_or(Fault::HouseholdNotFound)?;
            if county.is_some_and(|own| own != place.county_code) {
                return Err(Fault::OutOfArea.into());
            }
            lock::keep_roster(work.conn()).await?;
            let today = work.today();
            let rows = monitoring.rules.statements.every_fact(work.conn(), household, today).await?;
            work.audit(&id::name("households", household), &["facts"]);
            Ok(rows)
        })
    })
    .await
}
