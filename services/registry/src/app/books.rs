//! The register's side of the books. Nothing of a household or person is read, so no look is audited.

use minqing_kit::{Result, page};
use minqing_proto::minqing::registry::v1::{
    BookEntry, BookLine, ListBookEntriesRequest, ListBookEntriesResponse, ListBookLinesRequest, ListBookLinesResponse,
};
use uuid::Uuid;

use super::{
    Registry,
    households::{cut, key},
};
use crate::{
    domain::{
        chain::{decision_of, month},
        class::{bureau_of, bureau_text},
        error::RegistryError,
    },
    store::books,
};

const MAX_PAGE: i32 = 500;

impl Registry {
    /// A page of a month's lines.
    pub async fn book_lines(&self, request: &ListBookLinesRequest) -> Result<ListBookLinesResponse> {
        let span = month(&request.month).ok_or(RegistryError::MonthMalformed)?;
        let bureau = bureau_text(request.bureau());
        let canonical = format!("book_lines|{}|{}", request.month, bureau.as_deref().unwrap_or_default());
        let page = page::page(request.page_size, &request.page_token, &canonical, MAX_PAGE)?;
        let after = page.after.as_deref().map_or(Ok(("", "")), halves)?;
        let mut conn = self.db.acquire().await?;
        let rows = books::lines(&mut conn, span, bureau.as_deref(), after, page.size + 1).await?;
        let (rows, last) = cut(rows, page.size, |r| format!("{}\n{}", r.bureau, r.programme));
        let line = |r: books::LineRow| BookLine {
            bureau: bureau_of(&r.bureau).into(),
            programme: r.programme,
            month: request.month.clone(),
            count: r.count,
            amount_fen: r.amount_fen,
            digest: r.digest,
            content_digest: r.content_digest,
        };
        let next_page_token = last.map(|key| page::next_token(&key, &canonical)).unwrap_or_default();
        Ok(ListBookLinesResponse { lines: rows.into_iter().map(line).collect(), next_page_token })
    }

    /// A page of the records behind a line.
    pub async fn book_entries(&self, request: &ListBookEntriesRequest) -> Result<ListBookEntriesResponse> {
        let span = month(&request.month).ok_or(RegistryError::MonthMalformed)?;
        let bureau = bureau_text(request.bureau()).ok_or(RegistryError::BureauMissing)?;
        let canonical = format!("book_entries|{bureau}|{}|{}", request.month, request.programme);
        let page = page::page(request.page_size, &request.page_token, &canonical, MAX_PAGE)?;
        let (number, id) = page.after.as_deref().map_or(Ok(("", "")), halves)?;
        let id = if id.is_empty() { Uuid::nil() } else { key(id)? };
        let mut conn = self.db.acquire().await?;
        let line = (bureau.as_str(), request.programme.as_str(), span);
        let rows = books::entries(&mut conn, line, (number, id), page.size + 1).await?;
        let (rows, last) = cut(rows, page.size, |r| format!("{}\n{}", r.record_no, r.chain_entry_id));
        let entry = |r: books::BookedRow| BookEntry {
            record_no: r.record_no,
            amount_fen: r.amount_fen,
            decision: decision_of(&r.kind).into(),
        };
        let next_page_token = last.map(|key| page::next_token(&key, &canonical)).unwrap_or_default();
        Ok(ListBookEntriesResponse { entries: rows.into_iter().map(entry).collect(), next_page_token })
    }
}

/// The two parts of a page's key; record numbers and codes hold no newline.
fn halves(key: &str) -> Result<(&str, &str)> {
    Ok(key.split_once('\n').ok_or(RegistryError::KeyMalformed)?)
}
