//! `FeedbackBooksService`.

use std::sync::Arc;

use minqing_kit::{
    Call, Context, Error, Result,
    clock::SharedClock,
    db::Db,
    page::{next_token, page},
};
use minqing_proto::minqing::feedback::v1::{
    self as pb, Counterpart, DifferenceState, feedback_books_service_server::FeedbackBooksService,
};
use tonic::{Request, Response};

use super::{MOST, key};
use crate::{
    app::{books, bureau_ledger, scope},
    domain::books::months,
    store::difference::{self, Counterpart as Stored, Filter},
};

/// Serves what the nightly comparison found.
pub struct BooksRpc {
    db: Db,
    clock: SharedClock,
}

impl BooksRpc {
    pub fn new(cx: &Context) -> BooksRpc {
        BooksRpc { db: cx.db.clone(), clock: cx.clock.clone() }
    }

    async fn list(&self, call: &Call, request: pb::ListDifferencesRequest) -> Result<pb::ListDifferencesResponse> {
        let filter = format!(
            "{}|{}|{}|{}|{}|{}",
            call.caller.as_str(),
            request.bureau,
            request.programme,
            request.month,
            request.state,
            request.counterpart
        );
        let page = page(request.page_size, &request.page_token, &filter, MOST)?;
        let month = books::month(&request.month)?.map(|(first, _)| first);
        let wanted = Filter {
            scope: scope::prefix(&call.caller)?,
            bureau: scope::readable_bureau(&call.caller, request.bureau)?,
            programme: Some(request.programme).filter(|programme| !programme.is_empty()),
            month,
            open: open(request.state)?,
            counterpart: counterpart(request.counterpart)?,
            size: page.size,
            after: page.after.as_deref().map(key).transpose()?,
        };
        let months = month.map_or_else(|| months(self.clock.today()), |month| vec![month]);
        let mut connection = self.db.acquire().await?;
        let compared_on = difference::compared_on(&mut connection, &months).await?;
        let rows = difference::list(&mut connection, &wanted).await?;
        let full = i64::try_from(rows.len()).is_ok_and(|n| n >= page.size);
        let last = rows.last().filter(|_| full).map(|row| row.difference_id.to_string());
        Ok(pb::ListDifferencesResponse {
            differences: rows.into_iter().map(books::difference).collect(),
            next_page_token: last.map_or_else(String::new, |key| next_token(&key, &filter)),
            compared_on: compared_on.map_or_else(String::new, |day| day.to_string()),
        })
    }

    async fn compare(&self, call: &Call, request: pb::CompareLedgerRequest) -> Result<pb::CompareLedgerResponse> {
        let bureau = scope::own_bureau(&call.caller, request.bureau)?;
        let month = books::month(&request.month)?.ok_or_else(books::wrong_month)?;
        let told = Arc::new(bureau_ledger::read(&request.lines)?);
        let change = self.db.mutate(call, &request, move |work| {
            let (bureau, told) = (bureau.clone(), Arc::clone(&told));
            Box::pin(async move {
                let results = bureau_ledger::compare_ledger(work, &bureau, month, &told).await?;
                Ok(pb::CompareLedgerResponse { results })
            })
        });
        change.await
    }
}

/// The counterpart asked for; none for any.
fn counterpart(asked: i32) -> Result<Option<&'static str>> {
    match Counterpart::try_from(asked) {
        Ok(Counterpart::Unspecified) => Ok(None),
        Ok(Counterpart::Registry) => Ok(Some(Stored::Registry.as_str())),
        Ok(Counterpart::Bureau) => Ok(Some(Stored::Bureau.as_str())),
        Err(_) => Err(unknown("UNKNOWN_COUNTERPART", "counterpart")),
    }
}

/// Whether open ones are wanted, or resolved ones; none for both.
fn open(state: i32) -> Result<Option<bool>> {
    match DifferenceState::try_from(state) {
        Ok(DifferenceState::Unspecified) => Ok(None),
        Ok(DifferenceState::Open) => Ok(Some(true)),
        Ok(DifferenceState::Resolved) => Ok(Some(false)),
        Err(_) => Err(unknown("UNKNOWN_STATE", "state")),
    }
}

fn unknown(reason: &'static str, field: &'static str) -> Error {
    let what = "must be one of the contract's values";
    Error::invalid(reason, format!("{field} {what}"), format!("{field} 取值未知")).field(field, what)
}

#[tonic::async_trait]
impl FeedbackBooksService for BooksRpc {
    async fn list_differences(
        &self,
        request: Request<pb::ListDifferencesRequest>,
    ) -> tonic::Result<Response<pb::ListDifferencesResponse>> {
        Ok(Response::new(self.list(&Call::of(&request), request.into_inner()).await?))
    }

    async fn compare_ledger(
        &self,
        request: Request<pb::CompareLedgerRequest>,
    ) -> tonic::Result<Response<pb::CompareLedgerResponse>> {
        Ok(Response::new(self.compare(&Call::of(&request), request.into_inner()).await?))
    }
}
