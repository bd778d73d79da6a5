//! The contract: decode, call a use case, encode.

mod books_rpc;
mod feedback_rpc;

use minqing_kit::{Error, Result};
use uuid::Uuid;

pub use books_rpc::BooksRpc;
pub use feedback_rpc::FeedbackRpc;

/// Most entries of a page.
const MOST: i32 = 500;

/// The id a page token leads on from.
fn key(key: &str) -> Result<Uuid> {
    key.parse().map_err(|_| {
        Error::invalid("INVALID_PAGE_TOKEN", "page_token does not belong to this request", "page_token 与本次请求不符")
            .field("page_token", "must come from the answer before, with the same filter")
    })
}
