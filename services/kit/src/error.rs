//! One error for every service: a kind (which gRPC code), a stable reason, an English text with Chinese beside it, the
//! fields at fault. Texts are public and hold no personal data; the cause of a bug is logged, never sent.

use std::{collections::HashSet, fmt, sync::Mutex, time::Duration};

use tonic::{Code, Status};
use tonic_types::{ErrorDetails, FieldViolation, StatusExt};

/// Domain of our `google.rpc.ErrorInfo`.
const DOMAIN: &str = "minqing";
const LOCALE: &str = "zh-CN";
/// Reasons a peer may make this process remember; beyond it they read `PEER_ERROR`.
const MAX_REASONS: usize = 2000;
const MAX_REASON_LEN: usize = 63;

pub type Result<T> = std::result::Result<T, Error>;

/// What kind of failure it is; each is one gRPC code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    NotFound,
    Invalid,
    AlreadyExists,
    FailedState,
    /// ABORTED: somebody else was quicker; read again and retry.
    Conflict,
    Forbidden,
    Unauthenticated,
    Busy,
    Unavailable,
    DeadlineExceeded,
    Unimplemented,
    /// INTERNAL: nothing of it goes to the caller.
    Bug,
}

impl Kind {
    pub fn code(self) -> Code {
        match self {
            Kind::NotFound => Code::NotFound,
            Kind::Invalid => Code::InvalidArgument,
            Kind::AlreadyExists => Code::AlreadyExists,
            Kind::FailedState => Code::FailedPrecondition,
            Kind::Conflict => Code::Aborted,
            Kind::Forbidden => Code::PermissionDenied,
            Kind::Unauthenticated => Code::Unauthenticated,
            Kind::Busy => Code::ResourceExhausted,
            Kind::Unavailable => Code::Unavailable,
            Kind::DeadlineExceeded => Code::DeadlineExceeded,
            Kind::Unimplemented => Code::Unimplemented,
            Kind::Bug => Code::Internal,
        }
    }

    fn of_code(code: Code) -> Kind {
        match code {
            Code::NotFound => Kind::NotFound,
            Code::InvalidArgument | Code::OutOfRange => Kind::Invalid,
            Code::AlreadyExists => Kind::AlreadyExists,
            Code::FailedPrecondition => Kind::FailedState,
            Code::Aborted => Kind::Conflict,
            Code::PermissionDenied => Kind::Forbidden,
            Code::Unauthenticated => Kind::Unauthenticated,
            Code::ResourceExhausted => Kind::Busy,
            Code::Unavailable => Kind::Unavailable,
            Code::DeadlineExceeded | Code::Cancelled => Kind::DeadlineExceeded,
            Code::Unimplemented => Kind::Unimplemented,
            Code::Ok | Code::Internal | Code::Unknown | Code::DataLoss => Kind::Bug,
        }
    }
}

/// What a service's own error enum tells of itself.
pub trait Explain {
    fn kind(&self) -> Kind;
    /// Stable, UPPER_SNAKE_CASE.
    fn reason(&self) -> &'static str;
    fn message(&self) -> String;
    fn message_zh(&self) -> String;
    /// Fields at fault with what is wrong with each.
    fn fields(&self) -> Vec<(String, String)> {
        Vec::new()
    }
}

/// A failure, ready to be answered to a caller.
pub struct Error(Box<Inner>);

struct Inner {
    kind: Kind,
    reason: &'static str,
    en: String,
    zh: String,
    fields: Vec<(String, String)>,
    retry_after: Option<Duration>,
    source: Option<anyhow::Error>,
}

impl Error {
    pub fn new(kind: Kind, reason: &'static str, en: impl Into<String>, zh: impl Into<String>) -> Error {
        let (en, zh) = (en.into(), zh.into());
        Error(Box::new(Inner { kind, reason, en, zh, fields: Vec::new(), retry_after: None, source: None }))
    }

    pub fn invalid(reason: &'static str, en: impl Into<String>, zh: impl Into<String>) -> Error {
        Error::new(Kind::Invalid, reason, en, zh)
    }

    pub fn not_found(reason: &'static str, en: impl Into<String>, zh: impl Into<String>) -> Error {
        Error::new(Kind::NotFound, reason, en, zh)
    }

    pub fn already_exists(reason: &'static str, en: impl Into<String>, zh: impl Into<String>) -> Error {
        Error::new(Kind::AlreadyExists, reason, en, zh)
    }

    pub fn failed_state(reason: &'static str, en: impl Into<String>, zh: impl Into<String>) -> Error {
        Error::new(Kind::FailedState, reason, en, zh)
    }

    pub fn conflict(reason: &'static str, en: impl Into<String>, zh: impl Into<String>) -> Error {
        Error::new(Kind::Conflict, reason, en, zh)
    }

    pub fn forbidden(reason: &'static str, en: impl Into<String>, zh: impl Into<String>) -> Error {
        Error::new(Kind::Forbidden, reason, en, zh)
    }

    pub fn busy(reason: &'static str, en: impl Into<String>, zh: impl Into<String>) -> Error {
        Error::new(Kind::Busy, reason, en, zh)
    }

    pub fn unavailable(reason: &'static str, en: impl Into<String>, zh: impl Into<String>) -> Error {
        Error::new(Kind::Unavailable, reason, en, zh)
    }

    pub fn deadline(reason: &'static str, en: impl Into<String>, zh: impl Into<String>) -> Error {
        Error::new(Kind::DeadlineExceeded, reason, en, zh)
    }

    /// A fault of ours. The source is logged when the error is answered; the caller learns nothing of it.
    pub fn bug(source: impl Into<anyhow::Error>) -> Error {
        Error::new(Kind::Bug, "INTERNAL", "internal error", "系统内部错误").caused_by(source)
    }

    /// Adds a field at fault.
    pub fn field(mut self, field: impl Into<String>, en: impl Into<String>) -> Self {
        self.0.fields.push((field.into(), en.into()));
        self
    }

    pub fn retry_after(mut self, delay: Duration) -> Self {
        self.0.retry_after = Some(delay);
        self
    }

    /// Keeps the cause for the log.
    pub fn caused_by(mut self, source: impl Into<anyhow::Error>) -> Self {
        self.0.source = Some(source.into());
        self
    }

    pub fn kind(&self) -> Kind {
        self.0.kind
    }

    pub fn reason(&self) -> &'static str {
        self.0.reason
    }

    pub fn message(&self) -> &str {
        &self.0.en
    }

    pub fn message_zh(&self) -> &str {
        &self.0.zh
    }

    pub fn fields(&self) -> &[(String, String)] {
        &self.0.fields
    }

    pub fn retry_delay(&self) -> Option<Duration> {
        self.0.retry_after
    }

    /// Whether the database gave up the transaction because of another one; the same work may run again.
    pub fn is_serialization(&self) -> bool {
        self.0.reason == "SERIALIZATION_FAILURE"
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.en)
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} {}: {}", self.0.kind, self.0.reason, self.0.en)?;
        for (field, text) in &self.0.fields {
            write!(f, "; {field}: {text}")?;
        }
        match &self.0.source {
            Some(source) => write!(f, " ({})", describe(source)),
            None => Ok(()),
        }
    }
}

impl std::error::Error for Error {}

impl<E: Explain> From<E> for Error {
    fn from(e: E) -> Error {
        let mut error = Error::new(e.kind(), e.reason(), e.message(), e.message_zh());
        error.0.fields = e.fields();
        error
    }
}

impl From<sqlx::Error> for Error {
    fn from(e: sqlx::Error) -> Error {
        let down = || {
            Error::unavailable("DATABASE_UNAVAILABLE", "the database cannot be reached", "数据库暂时无法访问")
                .retry_after(Duration::from_secs(1))
        };
        let error = match &e {
            sqlx::Error::Database(db) => match db.code().as_deref() {
                Some("40001" | "40P01") => {
                    Error::conflict("SERIALIZATION_FAILURE", "a concurrent change came first", "数据被同时修改，请重试")
                }
                Some("55P03") => {
                    Error::conflict("LOCK_TIMEOUT", "the data is held by another change", "数据正被占用，请重试")
                }
                Some("57014") => Error::deadline("STATEMENT_TIMEOUT", "the database took too long", "数据库处理超时"),
                Some("23505") => Error::already_exists(
                    "UNIQUE_VIOLATION",
                    "a record with the same key exists already",
                    "已存在相同记录",
                ),
                Some(code) if code.starts_with("57P") || code.starts_with("53") || code.starts_with("08") => down(),
                _ => return Error::bug(e),
            },
            sqlx::Error::PoolTimedOut | sqlx::Error::PoolClosed | sqlx::Error::Io(_) | sqlx::Error::WorkerCrashed => {
                down()
            }
            _ => return Error::bug(e),
        };
        error.caused_by(e)
    }
}

impl From<Error> for Status {
    fn from(error: Error) -> Status {
        let inner = *error.0;
        if inner.kind == Kind::Bug {
            let cause = inner.source.as_ref().map(describe).unwrap_or_default();
            tracing::error!(reason = inner.reason, cause, "internal error answered");
        } else if let Some(source) = &inner.source {
            tracing::warn!(reason = inner.reason, cause = describe(source), "failure answered");
        }
        let mut details = ErrorDetails::new();
        details.set_error_info(inner.reason, DOMAIN, std::collections::HashMap::new());
        details.set_localized_message(LOCALE, inner.zh);
        if !inner.fields.is_empty() {
            let fields: Vec<_> = inner.fields.into_iter().map(|(f, text)| FieldViolation::new(f, text)).collect();
            details.set_bad_request(fields);
        }
        if let Some(delay) = inner.retry_after {
            details.set_retry_info(Some(delay));
        }
        Status::with_error_details(inner.kind.code(), inner.en, details)
    }
}

impl From<Status> for Error {
    /// A peer's refusal: kind, reason and texts stay what the peer said.
    fn from(status: Status) -> Error {
        let kind = Kind::of_code(status.code());
        let details = status.get_error_details();
        let reason =
            details.error_info().filter(|i| i.domain == DOMAIN).map_or(default_reason(kind), |i| intern(&i.reason));
        let zh = details.localized_message().map_or_else(|| default_zh(kind).to_owned(), |m| m.message.clone());
        let mut error = Error::new(kind, reason, status.message(), zh);
        if let Some(bad) = details.bad_request() {
            error.0.fields = bad.field_violations.iter().map(|v| (v.field.clone(), v.description.clone())).collect();
        }
        error.0.retry_after = details.retry_info().and_then(|r| r.retry_delay);
        error
    }
}

fn default_reason(kind: Kind) -> &'static str {
    match kind {
        Kind::Unavailable => "PEER_UNAVAILABLE",
        Kind::DeadlineExceeded => "DEADLINE_EXCEEDED",
        _ => "PEER_ERROR",
    }
}

fn default_zh(kind: Kind) -> &'static str {
    match kind {
        Kind::NotFound => "未找到",
        Kind::Invalid => "请求内容有误",
        Kind::AlreadyExists => "已存在",
        Kind::FailedState => "当前状态不允许该操作",
        Kind::Conflict => "数据被同时修改，请重试",
        Kind::Forbidden => "没有权限",
        Kind::Unauthenticated => "身份未确认",
        Kind::Busy => "系统繁忙，请稍后再试",
        Kind::Unavailable => "对方服务暂时不可用",
        Kind::DeadlineExceeded => "处理超时",
        Kind::Unimplemented => "不支持该操作",
        Kind::Bug => "系统内部错误",
    }
}

/// A peer's reason as a static text: reasons are a small fixed set, so each is kept once; the set is bounded.
fn intern(reason: &str) -> &'static str {
    static SEEN: Mutex<Option<HashSet<&'static str>>> = Mutex::new(None);
    let plain = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_';
    if reason.is_empty() || reason.len() > MAX_REASON_LEN || !reason.chars().all(plain) {
        return "PEER_ERROR";
    }
    let mut guard = SEEN.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let seen = guard.get_or_insert_default();
    match seen.get(reason) {
        Some(known) => known,
        None if seen.len() >= MAX_REASONS => "PEER_ERROR",
        None => {
            let kept: &'static str = Box::leak(reason.to_owned().into_boxed_str());
            seen.insert(kept);
            kept
        }
    }
}

/// A cause for the log. Texts of the database quote values, so of those only code, constraint and table are told.
pub fn describe(source: &anyhow::Error) -> String {
    let mut parts = Vec::new();
    for cause in source.chain() {
        if let Some(e) = cause.downcast_ref::<sqlx::Error>() {
            parts.push(describe_sqlx(e));
            break;
        }
        parts.push(cause.to_string());
    }
    parts.join(": ")
}

fn describe_sqlx(e: &sqlx::Error) -> String {
    match e {
        sqlx::Error::Database(db) => format!(
            "database error {} constraint {} table {}",
            db.code().as_deref().unwrap_or("-"),
            db.constraint().unwrap_or("-"),
            db.table().unwrap_or("-"),
        ),
        sqlx::Error::ColumnDecode { index, .. } => format!("cannot decode column {index}"),
        sqlx::Error::Decode(_) => "cannot decode a value".to_owned(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn an_error_survives_the_wire_with_reason_and_chinese_text() {
        let sent = Error::invalid("ID_MALFORMED", "id is malformed", "身份号码格式不正确")
            .field("person.id", "has 17 characters")
            .retry_after(Duration::from_secs(2));
        let status = Status::from(sent);
        assert_eq!(status.code(), Code::InvalidArgument);
        let back = Error::from(status);
        assert_eq!(back.kind(), Kind::Invalid);
        assert_eq!(back.reason(), "ID_MALFORMED");
        assert_eq!(back.message(), "id is malformed");
        assert_eq!(back.message_zh(), "身份号码格式不正确");
        assert_eq!(back.fields(), [("person.id".to_owned(), "has 17 characters".to_owned())]);
        assert_eq!(back.retry_delay().unwrap(), Duration::from_secs(2));
    }

    #[test]
    fn a_bug_tells_the_caller_nothing() {
        let status = Status::from(Error::bug(anyhow::anyhow!("secret detail")));
        assert_eq!(status.code(), Code::Internal);
        assert_eq!(status.message(), "internal error");
        assert!(!String::from_utf8_lossy(status.details()).contains("secret"));
    }

    #[test]
    fn a_foreign_status_gets_a_default_reason() {
        let back = Error::from(Status::unavailable("connection refused"));
        assert_eq!((back.kind(), back.reason()), (Kind::Unavailable, "PEER_UNAVAILABLE"));
        assert_eq!(back.message_zh(), "对方服务暂时不可用");
    }
}
