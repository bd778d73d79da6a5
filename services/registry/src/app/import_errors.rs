//! Lists the refused rows of a batch.

use minqing_kit::{Call, Result, id::name, page};
use minqing_proto::minqing::types::v1::RowError;
use uuid::Uuid;

use super::{Registry, households::cut, view};
use crate::{
    domain::{error::RegistryError, fault::row_error},
    store,
};

const MAX_PAGE: i32 = 500;

impl Registry {
    /// Refused rows in order of row, and the token of the next page. Rows hold no values, so no audit.
    pub async fn import_errors(
        &self,
        call: &Call,
        import: Uuid,
        page_size: i32,
        page_token: &str,
    ) -> Result<(Vec<RowError>, String)> {
        let parent = name("imports", import);
        let page = page::page(page_size, page_token, &parent, MAX_PAGE)?;
        let after = page.after.as_deref().map(position).transpose()?;
        let mut conn = self.db.acquire().await?;
        let county = store::import::county(&mut conn, import).await?;
        county.filter(|code| view::scope(call).sees(code)).ok_or(RegistryError::ImportNotFound)?;
        let rows = store::import::errors(&mut conn, import, after, page.size + 1).await?;
        let (rows, last) = cut(rows, page.size, |r| format!("{}|{}", r.row_no, r.error_no));
        let token = last.map(|key| page::next_token(&key, &parent)).unwrap_or_default();
        Ok((rows.iter().map(|r| row_error(r.row_no, &r.field, r.reason())).collect(), token))
    }
}

fn position(text: &str) -> Result<(i32, i32)> {
    let parts = text.split_once('|').and_then(|(row, error)| Some((row.parse().ok()?, error.parse().ok()?)));
    Ok(parts.ok_or(RegistryError::KeyMalformed)?)
}
