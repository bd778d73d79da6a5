//! The register's side of the books, asked page by page.

use std::{collections::BTreeMap, time::Duration};

use minqing_kit::{
    Context, Error, Result,
    client::{Peer, request_for},
};
use minqing_proto::minqing::registry::v1::{
    BookEntry, ListBookEntriesRequest, ListBookLinesRequest, registry_books_service_client::RegistryBooksServiceClient,
};

use super::{
    books::{LineKey, Sums},
    view,
};
use crate::domain::books::Entry;

const PAGE: i32 = 500;
/// The register sums a month for a page of lines.
const LIMIT: Duration = Duration::from_secs(30);

/// The register's books.
#[derive(Clone)]
pub struct Ledger {
    client: RegistryBooksServiceClient<Peer>,
}

impl Ledger {
    pub fn new(cx: &Context) -> Result<Ledger> {
        Ok(Ledger { client: RegistryBooksServiceClient::new(cx.peer("registry")?) })
    }

    /// Lines of a month, `YYYY-MM`.
    pub async fn lines(&self, month: &str) -> Result<BTreeMap<LineKey, Sums>> {
        let (mut all, mut page_token) = (BTreeMap::new(), String::new());
        loop {
            let asked = ListBookLinesRequest { month: month.to_owned(), bureau: 0, page_size: PAGE, page_token };
            let page = self.client.clone().list_book_lines(within_limit(asked)).await?.into_inner();
            for line in page.lines {
                let bureau = view::bureau_text(line.bureau()).ok_or_else(|| unreadable("bureau"))?;
                let sums = Sums {
                    count: line.count,
                    amount_fen: line.amount_fen,
                    digest: line.digest,
                    content_digest: line.content_digest,
                };
                all.insert((bureau, line.programme), sums);
            }
            page_token = page.next_page_token;
            if page_token.is_empty() {
                return Ok(all);
            }
        }
    }

    /// Records of one line, by the bytes of their numbers.
    pub async fn entries(&self, month: &str, (bureau, programme): &LineKey) -> Result<Vec<Entry>> {
        let (mut all, mut page_token) = (Vec::new(), String::new());
        loop {
            let asked = ListBookEntriesRequest {
                bureau: view::bureau(bureau).into(),
                programme: programme.clone(),
                month: month.to_owned(),
                page_size: PAGE,
                page_token,
            };
            let page = self.client.clone().list_book_entries(within_limit(asked)).await?.into_inner();
            for entry in page.entries {
                all.push(read(entry)?);
            }
            page_token = page.next_page_token;
            if page_token.is_empty() {
                return Ok(all);
            }
        }
    }
}

fn within_limit<T>(body: T) -> tonic::Request<T> {
    let mut request = request_for(None, None, body);
    request.set_timeout(LIMIT);
    request
}

fn read(entry: BookEntry) -> Result<Entry> {
    let decision = view::decision_of(entry.decision()).ok_or_else(|| unreadable("decision"))?;
    Ok(Entry { record_no: entry.record_no, amount_fen: entry.amount_fen, decision })
}

fn unreadable(field: &str) -> Error {
    Error::bug(anyhow::anyhow!("the register's books have no readable {field}"))
}
