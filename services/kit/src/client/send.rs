//! One call to a peer: deadline, trace, attempts.

use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Request, Response};
use http_body_util::{BodyExt, Full, Limited};
use rand::Rng;
use tonic::{Code, Status, body::Body};
use tower::ServiceExt;
use tracing::Instrument;

use super::{Peer, PeerBody, body::Record};
use crate::{
    call::{self, header},
    error::Error,
    server, telemetry,
};

const ATTEMPTS: u32 = 3;
/// Deadline of a call that names none, and of one whose request is a stream.
const DEADLINE: Duration = Duration::from_secs(5);
const STREAM_DEADLINE: Duration = Duration::from_secs(120);
/// Kept back from what is left of the call being answered, to answer it.
const MARGIN: Duration = Duration::from_millis(50);
/// Largest request that is kept to be sent again.
const BUFFER: usize = 4 << 20;
/// Largest answer that is read as a whole; a message is at most 4 MiB.
const ANSWER: usize = 5 << 20;
const FIRST_PAUSE: Duration = Duration::from_millis(50);

pub(super) async fn send(peer: Peer, request: Request<Body>) -> Result<Response<PeerBody>, Status> {
    let path = request.uri().path().to_owned();
    let (streams_in, streams_out) =
        server::rule(&path).map_or((true, true), |rule| (rule.streams_in, rule.streams_out));
    let mut record = Record { metrics: peer.shared.metrics.clone(), method: path.clone(), code: Code::Cancelled };
    let span = tracing::info_span!(
        "call",
        otel.name = path.trim_start_matches('/'),
        otel.kind = "client",
        peer = peer.name(),
    );
    let answered = async {
        let deadline = deadline(request.headers(), streams_in)?;
        let call = Outgoing { peer: &peer, deadline, streams_in, streams_out };
        let response = tokio::time::timeout_at(deadline.into(), call.attempts(request))
            .await
            .unwrap_or_else(|_| Err(expired()))?;
        Ok::<_, Status>((response, deadline))
    };
    match answered.instrument(span).await {
        Ok((response, deadline)) => {
            if let Some(code) = status_of(response.headers()) {
                record.code = code;
            }
            Ok(response.map(|body| PeerBody::new(body, deadline, record)))
        }
        Err(status) => {
            record.code = status.code();
            Err(status)
        }
    }
}

/// The earliest of the request's own deadline (or the default) and the rest of the call being answered.
fn deadline(headers: &HeaderMap, streams_in: bool) -> Result<Instant, Status> {
    let own = server::parse_timeout(headers)?.unwrap_or(if streams_in { STREAM_DEADLINE } else { DEADLINE });
    let time = match call::remaining() {
        Some(left) => own.min(left.saturating_sub(MARGIN)),
        None => own,
    };
    if time.is_zero() { Err(expired()) } else { Ok(Instant::now() + time) }
}

/// A call on its way out.
struct Outgoing<'a> {
    peer: &'a Peer,
    deadline: Instant,
    streams_in: bool,
    streams_out: bool,
}

impl Outgoing<'_> {
    async fn attempts(&self, request: Request<Body>) -> Result<Response<Body>, Status> {
        let shared = &self.peer.shared;
        shared.budget.earn();
        let (mut head, body) = request.into_parts();
        if let Ok(value) = HeaderValue::try_from(telemetry::traceparent_of_current_span())
            && !value.is_empty()
        {
            head.headers.insert(header::TRACEPARENT, value);
        }
        if self.streams_in {
            return self.once(Request::from_parts(head, body)).await;
        }
        let body = keep(body).await?;
        let mut attempt = 1;
        loop {
            let request = Request::from_parts(head.clone(), Body::new(Full::new(body.clone())));
            let end = self.once(request).await;
            let again = match &end {
                Ok(response) => status_of(response.headers()) == Some(Code::Unavailable),
                Err(status) => status.code() == Code::Unavailable,
            };
            let pause = pause(attempt);
            if !again || attempt == ATTEMPTS || Instant::now() + pause >= self.deadline {
                return end;
            }
            let label = crate::metrics::PeerLabel { peer: self.peer.name().to_owned() };
            if !shared.budget.spend() {
                shared.metrics.retries_denied.get_or_create(&label).inc();
                return end;
            }
            shared.metrics.retries.get_or_create(&label).inc();
            drop(end);
            tokio::time::sleep(pause).await;
            attempt += 1;
        }
    }

    /// One attempt. A single answer is read to its end here, so that a connection that breaks within it counts as
    /// one that broke before.
    async fn once(&self, mut request: Request<Body>) -> Result<Response<Body>, Status> {
        let left = self.deadline.saturating_duration_since(Instant::now());
        request.headers_mut().insert(header::TIMEOUT, timeout_value(left));
        let answer = self.peer.channel.clone().oneshot(request).await;
        let mut response = answer.map_err(|e| normal(Status::from_error(e.into())))?;
        if status_of(response.headers()) == Some(Code::Cancelled)
            && response.headers().get(Status::GRPC_MESSAGE).is_some_and(|m| m.as_bytes().starts_with(b"Timeout"))
        {
            response.headers_mut().insert(Status::GRPC_STATUS, HeaderValue::from(Code::DeadlineExceeded as i32));
        }
        if self.streams_out || status_of(response.headers()).is_some() {
            return Ok(response);
        }
        let (head, body) = response.into_parts();
        let body = Limited::new(body, ANSWER).collect().await.map_err(|e| match e.downcast::<Status>() {
            Ok(status) => normal(*status),
            Err(_) => too_large("the answer is larger than a message may be", "返回内容过大"),
        })?;
        Ok(Response::from_parts(head, Body::new(body)))
    }
}

/// Reads a request's one message, to be able to send it again.
async fn keep(body: Body) -> Result<Bytes, Status> {
    let collected = Limited::new(body, BUFFER + 5).collect().await.map_err(|e| match e.downcast::<Status>() {
        Ok(status) => *status,
        Err(_) => {
            Error::invalid("REQUEST_TOO_LARGE", "the request is larger than a message may be", "请求内容过大").into()
        }
    })?;
    Ok(collected.to_bytes())
}

/// `grpc-timeout` has at most eight digits.
fn timeout_value(left: Duration) -> HeaderValue {
    let millis = u64::try_from(left.as_millis()).unwrap_or(u64::MAX).clamp(1, 99_999_999);
    HeaderValue::try_from(format!("{millis}m")).expect("digits and a letter are a header value")
}

/// Twice as long each time, give or take, so that clients do not come back together.
fn pause(attempt: u32) -> Duration {
    (FIRST_PAUSE * 2_u32.pow(attempt - 1)).mul_f64(rand::rng().random_range(0.5..1.5))
}

fn status_of(headers: &HeaderMap) -> Option<Code> {
    headers.get(Status::GRPC_STATUS).map(|v| Code::from_bytes(v.as_bytes()))
}

pub(super) fn expired() -> Status {
    Error::deadline("DEADLINE_EXCEEDED", "the call's deadline has passed", "处理超时").into()
}

fn too_large(en: &str, zh: &str) -> Status {
    Error::busy("ANSWER_TOO_LARGE", en, zh).into()
}

/// What the transport says of a call that was not answered. tonic tells an expired timeout as a cancel, and a broken
/// connection as one of several codes, of which none says that the call may be made again.
pub(super) fn normal(status: Status) -> Status {
    match status.code() {
        Code::Cancelled if status.message() == "Timeout expired" => expired(),
        Code::Cancelled | Code::Unknown | Code::Internal | Code::Unavailable => {
            tracing::debug!(cause = ?status, "a peer cannot be reached");
            Error::unavailable("PEER_UNAVAILABLE", "the peer cannot be reached", "对方服务暂时不可用").into()
        }
        _ => status,
    }
}
