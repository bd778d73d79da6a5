//! A gRPC status as an HTTP answer: `google.rpc.Status` in canonical proto JSON.

use axum::{
    body::Body,
    http::{StatusCode, header},
    response::Response,
};
use serde_json::{Value, json};
use tonic::{Code, Status};
use tonic_types::StatusExt as _;

/// HTTP status for a gRPC code, as google.rpc.Code documents it.
fn http_status(code: Code) -> StatusCode {
    match code {
        Code::Ok => StatusCode::OK,
        Code::InvalidArgument | Code::FailedPrecondition | Code::OutOfRange => StatusCode::BAD_REQUEST,
        Code::Unauthenticated => StatusCode::UNAUTHORIZED,
        Code::PermissionDenied => StatusCode::FORBIDDEN,
        Code::NotFound => StatusCode::NOT_FOUND,
        Code::AlreadyExists | Code::Aborted => StatusCode::CONFLICT,
        Code::ResourceExhausted => StatusCode::TOO_MANY_REQUESTS,
        Code::Unimplemented => StatusCode::NOT_IMPLEMENTED,
        Code::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        Code::DeadlineExceeded => StatusCode::GATEWAY_TIMEOUT,
        Code::Cancelled | Code::Unknown | Code::Internal | Code::DataLoss => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

/// The answer for a status.
pub fn response(status: &Status) -> Response {
    let details = status.get_error_details();
    let mut list: Vec<Value> = Vec::new();
    if let Some(info) = details.error_info() {
        list.push(json!({
            "@type": "type.googleapis.com/google.rpc.ErrorInfo",
            "reason": info.reason, "domain": info.domain, "metadata": info.metadata,
        }));
    }
    if let Some(bad) = details.bad_request() {
        let fields: Vec<Value> =
            bad.field_violations.iter().map(|v| json!({ "field": v.field, "description": v.description })).collect();
        list.push(json!({ "@type": "type.googleapis.com/google.rpc.BadRequest", "fieldViolations": fields }));
    }
    let retry = details.retry_info().and_then(|r| r.retry_delay);
    if let Some(delay) = retry {
        let seconds = format!("{:.3}s", delay.as_secs_f64());
        list.push(json!({ "@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": seconds }));
    }
    if let Some(text) = details.localized_message() {
        list.push(json!({
            "@type": "type.googleapis.com/google.rpc.LocalizedMessage",
            "locale": text.locale, "message": text.message,
        }));
    }
    let body = json!({ "code": status.code() as i32, "message": status.message(), "details": list });
    let mut response = json_response(http_status(status.code()), &body);
    if let Some(delay) = retry {
        // Whole seconds, at least one: the header has no finer unit.
        let seconds = delay.as_secs().max(1);
        response.headers_mut().insert(header::RETRY_AFTER, seconds.into());
    }
    response
}

/// The refusal of a path that no route has.
pub fn no_such_path() -> Status {
    minqing_kit::Error::not_found("PATH_UNKNOWN", "the gateway has no such path", "网关没有该路径").into()
}

/// A JSON answer.
pub fn json_response(status: StatusCode, body: &Value) -> Response {
    let mut response = Response::new(Body::from(body.to_string()));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, header::HeaderValue::from_static("application/json"));
    // Answers may hold personal data: no cache between here and the caller may keep them.
    headers.insert(header::CACHE_CONTROL, header::HeaderValue::from_static("no-store"));
    response
}

#[cfg(test)]
mod tests {
    use minqing_kit::Error;

    use super::*;

    #[test]
    fn an_error_keeps_its_reason_and_its_chinese_text() {
        let error = Error::not_found("HOUSEHOLD_NOT_FOUND", "no such household", "没有该家庭");
        let response = response(&Status::from(error));
        assert_eq!(response.status(), StatusCode::NOT_FOUND);
        assert_eq!(response.headers()[header::CACHE_CONTROL], "no-store");
    }
}
