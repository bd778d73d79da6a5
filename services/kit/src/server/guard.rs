//! What every call passes, in this order: places taken (or shed), who calls, may he, for what, until when; then the
//! handler within the deadline and the trace, a panic answered as a bug; the answer is watched to its end.

use std::{
    convert::Infallible,
    panic::AssertUnwindSafe,
    pin::Pin,
    sync::Arc,
    time::{Duration, Instant},
};

use futures::FutureExt;
use http::{HeaderMap, Request, Response};
use hyper::body::Incoming;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tonic::{Code, Status, service::Routes};
use tower::Service as _;
use tracing::{Instrument, Span};

use super::{
    Limits,
    access::{self, Rule},
    body::Watched,
};
use crate::{
    call::{self, Call, Caller, header},
    error::{Error, Result},
    metrics::Metrics,
    telemetry,
};

const GATEWAY: &str = "service/gateway";
/// When a shed call may come again.
const SHED_DELAY: Duration = Duration::from_millis(250);

pub(super) struct Guard {
    own: String,
    routes: Routes,
    limits: Limits,
    metrics: Metrics,
    places: Arc<Semaphore>,
}

/// The guard of one connection, with the identity of its peer.
#[derive(Clone)]
pub(super) struct Connection {
    guard: Arc<Guard>,
    peer: Option<Caller>,
    places: Arc<Semaphore>,
}

/// Places a call holds until the end of its answer.
pub(super) struct Places {
    _connection: OwnedSemaphorePermit,
    _process: OwnedSemaphorePermit,
}

/// Counts a call once, whatever becomes of it; one that is dropped was cancelled by its caller.
pub(super) struct Record {
    metrics: Metrics,
    method: String,
    started: Instant,
    code: Code,
}

impl Record {
    fn new(metrics: &Metrics, method: &str) -> Record {
        metrics.in_flight.inc();
        Record { metrics: metrics.clone(), method: method.to_owned(), started: Instant::now(), code: Code::Cancelled }
    }

    pub fn set(&mut self, code: Code) {
        self.code = code;
    }
}

impl Drop for Record {
    fn drop(&mut self) {
        self.metrics.in_flight.dec();
        let took = self.started.elapsed();
        self.metrics.rpc_done(&self.method, self.code, took);
        let code = crate::metrics::code_name(self.code);
        tracing::debug!(method = self.method, code, micros = took.as_micros() as u64, "call answered");
    }
}

impl Guard {
    pub fn new(own: String, routes: Routes, limits: Limits, metrics: Metrics) -> Guard {
        let places = Arc::new(Semaphore::new(limits.calls));
        Guard { own, routes: routes.prepare(), limits, metrics, places }
    }

    pub fn connection(self: Arc<Self>, peer: Option<Caller>) -> Connection {
        let places = Arc::new(Semaphore::new(self.limits.calls_per_connection));
        Connection { guard: self, peer, places }
    }
}

impl hyper::service::Service<Request<Incoming>> for Connection {
    type Response = Response<Watched>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = std::result::Result<Self::Response, Infallible>> + Send>>;

    fn call(&self, request: Request<Incoming>) -> Self::Future {
        let own = self.clone();
        Box::pin(async move { Ok(own.answer(request.map(tonic::body::Body::new)).await) })
    }
}

impl Connection {
    pub(super) async fn answer(self, mut request: Request<tonic::body::Body>) -> Response<Watched> {
        let path = request.uri().path().to_owned();
        let rule = access::rule(&path);
        let mut record = Record::new(&self.guard.metrics, if rule.is_some() { &path } else { "unknown" });
        let admitted = self.take_places().and_then(|places| Ok((places, self.admit(&path, rule, request.headers())?)));
        let (places, call) = match admitted {
            Ok(admitted) => admitted,
            Err(refusal) => return refuse(refusal.into(), record),
        };
        let deadline = call.deadline.unwrap_or_else(Instant::now);
        let span = span(&path, &call, request.headers());
        request.extensions_mut().insert(call);

        let mut routes = self.guard.routes.clone();
        let handler = AssertUnwindSafe(async move { routes.call(request).await }).catch_unwind();
        let handler = call::within(deadline, handler.instrument(span.clone()));
        let response = match tokio::time::timeout_at(deadline.into(), handler).await {
            Ok(Ok(Ok(response))) => response,
            Ok(Ok(Err(e))) => match e {},
            Ok(Err(_)) => return refuse(panicked(), record),
            Err(_) => return refuse(expired(), record),
        };
        if let Some(code) = status_of(response.headers()) {
            record.set(code);
        }
        let message = self.guard.limits.message;
        response.map(|body| Watched::new(body, super::body::Held { record, places, span, deadline, message }))
    }

    fn take_places(&self) -> Result<Places> {
        let connection = self.places.clone().try_acquire_owned().map_err(|_| shed())?;
        let process = self.guard.places.clone().try_acquire_owned().map_err(|_| shed())?;
        Ok(Places { _connection: connection, _process: process })
    }

    /// A plain request of the edge: a place and a caller, or a refusal. Only the caller's own certificate counts.
    pub(super) fn admit_plain(&self, headers: &HeaderMap) -> Result<(Places, Call)> {
        let places = self.take_places()?;
        let caller = self.peer.clone().ok_or_else(no_identity)?;
        let mut call = Call::new(caller, "/rest");
        call.purpose = call::field(headers, header::PURPOSE)?;
        call.case_ref = call::field(headers, header::CASE)?;
        call.operator = call::field(headers, header::OPERATOR)?;
        Ok((places, call))
    }

    pub(super) fn plain_span(&self, call: &Call, headers: &HeaderMap) -> Span {
        span("rest", call, headers)
    }

    /// Makes the call's context, or refuses.
    fn admit(&self, path: &str, rule: Option<&Rule>, headers: &HeaderMap) -> Result<Call> {
        let peer = self.peer.clone().ok_or_else(no_identity)?;
        let (caller, via) = on_behalf(peer, headers)?;
        let rule = rule.filter(|r| r.allows(&caller, &self.guard.own)).ok_or_else(access::denied)?;
        let purpose = call::field(headers, header::PURPOSE)?;
        rule.check_purpose(purpose.as_deref())?;
        let limits = &self.guard.limits;
        let given = parse_timeout(headers)?;
        let default = if rule.streams_in { limits.stream_deadline } else { limits.deadline };
        let deadline = Instant::now() + given.unwrap_or(default).min(limits.longest_deadline);
        Ok(Call {
            caller,
            method: path.to_owned(),
            purpose,
            case_ref: call::field(headers, header::CASE)?,
            operator: call::field(headers, header::OPERATOR)?,
            via,
            deadline: Some(deadline),
        })
    }
}

fn no_identity() -> Error {
    Error::new(
        crate::Kind::Unauthenticated,
        "CERTIFICATE_WITHOUT_IDENTITY",
        "the certificate names no identity of this mesh",
        "证书中没有本平台的身份标识",
    )
}

/// The gateway may speak for an operator or a bureau it has authenticated; nobody else may speak for anybody.
fn on_behalf(peer: Caller, headers: &HeaderMap) -> Result<(Caller, Option<Caller>)> {
    let Some(other) = call::field(headers, header::ON_BEHALF)? else { return Ok((peer, None)) };
    let other = Caller::parse(&other)?;
    if peer.as_str() == GATEWAY && matches!(other.kind(), "operator" | "bureau") {
        return Ok((other, Some(peer)));
    }
    Err(Error::forbidden("ON_BEHALF_NOT_ALLOWED", "the caller may not speak for another one", "调用方无权代表他人"))
}

/// `grpc-timeout`: up to 8 digits and a unit.
pub(crate) fn parse_timeout(headers: &HeaderMap) -> Result<Option<Duration>> {
    let Some(value) = headers.get(header::TIMEOUT) else { return Ok(None) };
    let malformed = || {
        Error::invalid("TIMEOUT_MALFORMED", "grpc-timeout is not up to 8 digits and a unit", "grpc-timeout 格式不正确")
    };
    let text = value.to_str().map_err(|_| malformed())?;
    let (digits, unit) = text.split_at_checked(text.len().saturating_sub(1)).ok_or_else(malformed)?;
    if digits.is_empty() || digits.len() > 8 || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return Err(malformed());
    }
    let n: u64 = digits.parse().map_err(|_| malformed())?;
    Ok(Some(match unit {
        "H" => Duration::from_secs(n * 3600),
        "M" => Duration::from_secs(n * 60),
        "S" => Duration::from_secs(n),
        "m" => Duration::from_millis(n),
        "u" => Duration::from_micros(n),
        "n" => Duration::from_nanos(n),
        _ => return Err(malformed()),
    }))
}

fn span(path: &str, call: &Call, headers: &HeaderMap) -> Span {
    let span = tracing::info_span!(
        "rpc",
        otel.name = path.trim_start_matches('/'),
        otel.kind = "server",
        caller = call.caller.as_str(),
        purpose = call.purpose.as_deref(),
    );
    if let Some(parent) = headers.get(header::TRACEPARENT).and_then(|v| v.to_str().ok()) {
        telemetry::set_parent(&span, parent);
    }
    span
}

fn shed() -> Error {
    Error::busy("OVERLOADED", "the service is overloaded", "系统繁忙，请稍后再试").retry_after(SHED_DELAY)
}

pub(super) fn expired() -> Status {
    Error::deadline("DEADLINE_EXCEEDED", "the call's deadline has passed", "处理超时").into()
}

/// The panic hook has told where it was.
pub(super) fn panicked() -> Status {
    Error::new(crate::Kind::Bug, "INTERNAL", "internal error", "系统内部错误").into()
}

fn refuse(status: Status, mut record: Record) -> Response<Watched> {
    record.set(status.code());
    status.into_http::<tonic::body::Body>().map(|_| Watched::empty())
}

/// The code of an answer that has no body.
fn status_of(headers: &HeaderMap) -> Option<Code> {
    headers.get(Status::GRPC_STATUS).map(|v| Code::from_bytes(v.as_bytes()))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;

    fn timeout(text: &str) -> Result<Option<Duration>> {
        let mut headers = HeaderMap::new();
        headers.insert(header::TIMEOUT, text.parse().unwrap());
        parse_timeout(&headers)
    }

    #[test]
    fn timeouts_of_the_grpc_protocol_are_read() {
        assert_eq!(timeout("250m").unwrap(), Some(Duration::from_millis(250)));
        assert_eq!(timeout("1H").unwrap(), Some(Duration::from_secs(3600)));
        assert_eq!(parse_timeout(&HeaderMap::new()).unwrap(), None);
        for bad in ["", "m", "5", "-1S", "123456789S", "1x", "1.5S"] {
            assert!(timeout(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn only_the_gateway_speaks_for_others_and_never_for_a_service() {
        let mut headers = HeaderMap::new();
        headers.insert(header::ON_BEHALF, "operator/city".parse().unwrap());
        let gateway = || Caller::parse(GATEWAY).unwrap();
        let (caller, via) = on_behalf(gateway(), &headers).unwrap();
        assert_eq!((caller.as_str(), via.unwrap().as_str()), ("operator/city", GATEWAY));
        assert!(on_behalf(Caller::parse("service/dispatch").unwrap(), &headers).is_err());
        headers.insert(header::ON_BEHALF, "service/registry".parse().unwrap());
        assert!(on_behalf(gateway(), &headers).is_err());
    }
}
