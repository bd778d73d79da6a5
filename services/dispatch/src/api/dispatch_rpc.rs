//! `DispatchService`.

use chrono::NaiveDate;
use minqing_kit::{
    Call, Context, Error, Result,
    db::Db,
    id::parse_name,
    page::{next_token, page},
};
use minqing_proto::minqing::{
    dispatch::v1::{self as pb, dispatch_service_server::DispatchService},
    types::v1::Bureau,
};
use tonic::{Request, Response};
use uuid::Uuid;

use super::{field_work, indicators};
use crate::{
    app::{
        check::{accept, not_found, record},
        orders, overlaps,
        rules::Rules,
        scope,
        tell::{REFERRALS, WORK_ORDERS},
        view, visit, yields,
    },
    domain::division::prefix,
    store::{
        list::{self, OrderFilter, OrderKey, ReferralFilter},
        yields::Wanted,
    },
};

/// Most entries of a page.
const MOST: i32 = 500;

/// Serves work orders and referrals.
pub struct DispatchRpc {
    db: Db,
    rules: Rules,
}

impl DispatchRpc {
    pub fn new(cx: &Context, rules: Rules) -> DispatchRpc {
        DispatchRpc { db: cx.db.clone(), rules }
    }

    async fn list(&self, call: &Call, request: pb::ListWorkOrdersRequest) -> Result<pb::ListWorkOrdersResponse> {
        let filter = format!("{}|{}|{}", call.caller.as_str(), request.division_code, request.state);
        let state = pb::WorkOrderState::try_from(request.state).map_err(|_| unknown_enum("state"))?;
        let page = page(request.page_size, &request.page_token, &filter, MOST)?;
        let wanted = OrderFilter {
            scope: scope::prefix(&call.caller)?,
            division: division(&request.division_code)?,
            state: view::state_asked(state).map(|s| s.as_str().to_owned()),
            size: page.size,
            after: page.after.as_deref().map(order_key).transpose()?,
        };
        let mut connection = self.db.acquire().await?;
        let found = orders::page(&mut connection, &self.rules, &wanted, self.db.clock().today()).await?;
        let last = found.last.filter(|_| is_full(found.orders.len(), page.size)).map(order_key_of);
        Ok(pb::ListWorkOrdersResponse {
            work_orders: found.orders,
            next_page_token: last.map_or_else(String::new, |key| next_token(&key, &filter)),
        })
    }

    async fn get(&self, call: &Call, request: pb::GetWorkOrderRequest) -> Result<pb::GetWorkOrderResponse> {
        let id = parse_name(WORK_ORDERS, &request.name, "name")?;
        let scope = scope::prefix(&call.caller)?;
        let rules = self.rules.clone();
        let read = self.db.read(call, move |work| {
            let (rules, scope) = (rules.clone(), scope.clone());
            Box::pin(async move {
                let today = work.today();
                let order = orders::one(work.conn(), &rules, (id, &scope), today).await?.ok_or_else(not_found)?;
                work.audit(if order.household.is_empty() { &order.name } else { &order.household }, &["work_order"]);
                Ok(order)
            })
        });
        Ok(pb::GetWorkOrderResponse { work_order: Some(read.await?) })
    }

    async fn accept(&self, call: &Call, request: pb::AcceptWorkOrderRequest) -> Result<pb::AcceptWorkOrderResponse> {
        let id = parse_name(WORK_ORDERS, &request.name, "name")?;
        let rules = self.rules.clone();
        let change = self.db.mutate(call, &request, move |work| {
            let rules = rules.clone();
            Box::pin(async move {
                let order = accept(work, &rules, id).await?;
                Ok(pb::AcceptWorkOrderResponse { work_order: Some(order) })
            })
        });
        change.await
    }

    async fn record(&self, call: &Call, request: pb::RecordVerdictRequest) -> Result<pb::RecordVerdictResponse> {
        let id = parse_name(WORK_ORDERS, &request.name, "name")?;
        let (check, seen) = (field_work::check(&request)?, request.visit.as_ref().map(field_work::seen).transpose()?);
        let rules = self.rules.clone();
        let change = self.db.mutate(call, &request, move |work| {
            let (rules, check, seen) = (rules.clone(), check.clone(), seen.clone());
            Box::pin(async move {
                let order = record(work, &rules, id, check, seen).await?;
                Ok(pb::RecordVerdictResponse { work_order: Some(order) })
            })
        });
        change.await
    }

    async fn visit(&self, call: &Call, request: pb::RecordVisitRequest) -> Result<pb::RecordVisitResponse> {
        let visit = field_work::visit(&request)?;
        let change = self.db.mutate(call, &request, move |work| {
            let visit = visit.clone();
            Box::pin(async move { visit::record(work, visit).await })
        });
        change.await
    }

    async fn list_referrals(
        &self,
        call: &Call,
        request: pb::ListReferralsRequest,
    ) -> Result<pb::ListReferralsResponse> {
        let filter = format!("{}|{}|{}", call.caller.as_str(), request.bureau, request.open_only);
        let page = page(request.page_size, &request.page_token, &filter, MOST)?;
        let asked = Bureau::try_from(request.bureau).map_err(|_| unknown_enum("bureau"))?;
        let own = scope::bureau(&call.caller).map(str::to_owned);
        let wanted = ReferralFilter {
            scope: scope::prefix(&call.caller)?,
            bureau: match (own, view::bureau_text(asked)) {
                (Some(own), Some(asked)) if own != asked => return Ok(pb::ListReferralsResponse::default()),
                (own, asked) => own.or(asked),
            },
            open_only: request.open_only,
            size: page.size,
            after: page.after.as_deref().map(referral_key).transpose()?,
        };
        let mut connection = self.db.acquire().await?;
        let rows = list::referrals(&mut connection, &wanted).await?;
        let last = rows.last().filter(|_| is_full(rows.len(), page.size));
        let last = last.map(|row| format!("{}|{}", row.due_on, row.referral_id));
        Ok(pb::ListReferralsResponse {
            referrals: rows.iter().map(view::referral).collect(),
            next_page_token: last.map_or_else(String::new, |key| next_token(&key, &filter)),
        })
    }

    async fn get_referral(&self, call: &Call, request: pb::GetReferralRequest) -> Result<pb::GetReferralResponse> {
        let id = parse_name(REFERRALS, &request.name, "name")?;
        let (scope, bureau) = (scope::prefix(&call.caller)?, scope::bureau(&call.caller).map(str::to_owned));
        let read = self.db.read(call, move |work| {
            let (scope, bureau) = (scope.clone(), bureau.clone());
            Box::pin(async move {
                let row = list::referral(work.conn(), id, &scope, bureau.as_deref()).await?.ok_or_else(|| {
                    Error::not_found("REFERRAL_NOT_FOUND", "there is no such referral", "没有该转办单")
                })?;
                let referral = view::referral(&row);
                work.audit(&referral.household, &["referral"]);
                Ok(referral)
            })
        });
        Ok(pb::GetReferralResponse { referral: Some(read.await?) })
    }

    async fn yields(
        &self,
        call: &Call,
        request: pb::ListIndicatorYieldsRequest,
    ) -> Result<pb::ListIndicatorYieldsResponse> {
        let range = indicators::range((&request.raised_from, &request.raised_to), self.db.clock().today())?;
        let division = division(&request.division_code)?;
        let filter = format!("{}|{}|{}|{}", call.caller.as_str(), request.division_code, range.from, range.to);
        let page = page(request.page_size, &request.page_token, &filter, MOST)?;
        let scope = scope::prefix(&call.caller)?;
        let mut connection = self.db.acquire().await?;
        let all = yields::list(&mut connection, &self.rules, &Wanted { scope, division, range }).await?;
        Ok(indicators::answer(all, range, &page, &filter))
    }

    async fn overlaps(
        &self,
        call: &Call,
        request: pb::ListIndicatorOverlapsRequest,
    ) -> Result<pb::ListIndicatorOverlapsResponse> {
        let range = indicators::range((&request.raised_from, &request.raised_to), self.db.clock().today())?;
        let division = division(&request.division_code)?;
        let filter = format!("{}|{}|{}|{}", call.caller.as_str(), request.division_code, range.from, range.to);
        let page = page(request.page_size, &request.page_token, &filter, MOST)?;
        let scope = scope::prefix(&call.caller)?;
        let mut connection = self.db.acquire().await?;
        let all = overlaps::list(&mut connection, &self.rules, &Wanted { scope, division, range }).await?;
        Ok(indicators::pairs(all, range, &page, &filter))
    }
}

#[tonic::async_trait]
impl DispatchService for DispatchRpc {
    async fn list_work_orders(
        &self,
        request: Request<pb::ListWorkOrdersRequest>,
    ) -> tonic::Result<Response<pb::ListWorkOrdersResponse>> {
        Ok(Response::new(self.list(&Call::of(&request), request.into_inner()).await?))
    }

    async fn get_work_order(
        &self,
        request: Request<pb::GetWorkOrderRequest>,
    ) -> tonic::Result<Response<pb::GetWorkOrderResponse>> {
        Ok(Response::new(self.get(&Call::of(&request), request.into_inner()).await?))
    }

    async fn accept_work_order(
        &self,
        request: Request<pb::AcceptWorkOrderRequest>,
    ) -> tonic::Result<Response<pb::AcceptWorkOrderResponse>> {
        Ok(Response::new(self.accept(&Call::of(&request), request.into_inner()).await?))
    }

    async fn record_verdict(
        &self,
        request: Request<pb::RecordVerdictRequest>,
    ) -> tonic::Result<Response<pb::RecordVerdictResponse>> {
        Ok(Response::new(self.record(&Call::of(&request), request.into_inner()).await?))
    }

    async fn record_visit(
        &self,
        request: Request<pb::RecordVisitRequest>,
    ) -> tonic::Result<Response<pb::RecordVisitResponse>> {
        Ok(Response::new(self.visit(&Call::of(&request), request.into_inner()).await?))
    }

    async fn list_referrals(
        &self,
        request: Request<pb::ListReferralsRequest>,
    ) -> tonic::Result<Response<pb::ListReferralsResponse>> {
        Ok(Response::new(self.list_referrals(&Call::of(&request), request.into_inner()).await?))
    }

    async fn get_referral(
        &self,
        request: Request<pb::GetReferralRequest>,
    ) -> tonic::Result<Response<pb::GetReferralResponse>> {
        Ok(Response::new(self.get_referral(&Call::of(&request), request.into_inner()).await?))
    }

    async fn list_indicator_yields(
        &self,
        request: Request<pb::ListIndicatorYieldsRequest>,
    ) -> tonic::Result<Response<pb::ListIndicatorYieldsResponse>> {
        Ok(Response::new(self.yields(&Call::of(&request), request.into_inner()).await?))
    }

    async fn list_indicator_overlaps(
        &self,
        request: Request<pb::ListIndicatorOverlapsRequest>,
    ) -> tonic::Result<Response<pb::ListIndicatorOverlapsResponse>> {
        Ok(Response::new(self.overlaps(&Call::of(&request), request.into_inner()).await?))
    }
}

/// A full page may have a next one.
fn is_full(rows: usize, size: i64) -> bool {
    i64::try_from(rows).is_ok_and(|rows| rows >= size)
}

fn order_key_of(key: OrderKey) -> String {
    format!("{}|{}|{}|{}", key.level, key.due_on, key.score, key.id)
}

fn order_key(key: &str) -> Result<OrderKey> {
    let parsed = || {
        let mut parts = key.split('|');
        let (level, due_on) = (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
        let (score, id) = (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
        parts.next().is_none().then_some(OrderKey { level, due_on, score, id })
    };
    parsed().ok_or_else(wrong_token)
}

fn referral_key(key: &str) -> Result<(NaiveDate, Uuid)> {
    let parsed = || {
        let (due, id) = key.split_once('|')?;
        Some((due.parse().ok()?, id.parse().ok()?))
    };
    parsed().ok_or_else(wrong_token)
}

fn wrong_token() -> Error {
    Error::invalid("INVALID_PAGE_TOKEN", "page_token does not belong to this request", "page_token 与本次请求不符")
        .field("page_token", "must come from the answer before, with the same filter")
}

pub(super) fn unknown_enum(field: &'static str) -> Error {
    Error::invalid("UNKNOWN_VALUE", format!("{field} is not known"), format!("{field} 取值未知"))
        .field(field, "must be one of the contract's values")
}

/// A division of 2 to 12 digits as the prefix everything below it shares; empty for all.
pub(super) fn division(code: &str) -> Result<String> {
    if code.len() > 12 || !code.bytes().all(|b| b.is_ascii_digit()) {
        return Err(Error::invalid(
            "INVALID_DIVISION",
            "division_code must be up to 12 digits",
            "区划代码应为不超过 12 位数字",
        )
        .field("division_code", "must be up to 12 digits"));
    }
    Ok(prefix(code).to_owned())
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn a_division_is_up_to_twelve_digits() {
        assert_eq!(division("621202000000").unwrap(), "621202");
        assert!(division("62120x").is_err());
        assert!(division("6212021002031").is_err());
    }

    #[test]
    fn a_token_with_another_key_is_refused() {
        let id = Uuid::nil();
        let key = OrderKey { level: 2, due_on: "2026-11-02".parse().unwrap(), score: 731, id };
        let read = order_key(&order_key_of(key)).unwrap();
        assert_eq!((read.level, read.due_on, read.score, read.id), (2, key.due_on, 731, id));
        for wrong in ["", "2", "2|x|1|y", &format!("2|2026-11-02|{id}"), &format!("2|2026-11-02|1|{id}|")] {
            assert!(order_key(wrong).is_err());
        }
        assert!(referral_key("2026-11-02").is_err());
    }
}
