//! Who calls what, and why: the typed context of one call. The server's layers make it from the peer certificate and
//! the metadata; a worker makes its own. It owns the names of the metadata keys.

use std::{fmt, time::Instant};

use crate::error::{Error, Result};

/// Metadata keys of the call context.
pub mod header {
    pub const PURPOSE: &str = "minqing-purpose";
    pub const CASE: &str = "minqing-case";
    pub const OPERATOR: &str = "minqing-operator";
    pub const ON_BEHALF: &str = "minqing-on-behalf";
    pub const TIMEOUT: &str = "grpc-timeout";
    pub const TRACEPARENT: &str = "traceparent";
}

/// Longest accepted value of one context field.
const MAX_FIELD: usize = 200;
const MAX_CALLER: usize = 120;

/// Path of the certificate's URI: `service/dispatch`, `bureau/education`, `operator/county/621202`.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Caller(String);

impl Caller {
    /// Takes a path of one or more segments of lower-case letters, digits, `-` and `_`.
    pub fn parse(path: &str) -> Result<Caller> {
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '_';
        let good = path.len() <= MAX_CALLER && path.split('/').all(|s| !s.is_empty() && s.chars().all(plain));
        if good {
            Ok(Caller(path.to_owned()))
        } else {
            Err(Error::new(
                crate::error::Kind::Unauthenticated,
                "CALLER_MALFORMED",
                "the caller's identity is not a path such as service/dispatch",
                "调用方身份格式不正确",
            ))
        }
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// First segment: `service`, `adapter`, `bureau`, `operator`.
    pub fn kind(&self) -> &str {
        self.0.split('/').next().unwrap_or_default()
    }

    /// Everything after the first segment; empty when there is none.
    pub fn rest(&self) -> &str {
        self.0.split_once('/').map_or("", |(_, rest)| rest)
    }

    /// Whether an access rule's pattern names this caller. `x/y` matches itself and all below it, `x/*` all below
    /// `x`; `bureau/self` is the bureau of the serving adapter, whose identity is `own`.
    pub fn matches(&self, pattern: &str, own: &str) -> bool {
        if pattern == "bureau/self" {
            // The gateway hands a bureau's call to that bureau's adapter, which checks again.
            if own == "service/gateway" {
                return self.kind() == "bureau";
            }
            return own.strip_prefix("adapter/").is_some_and(|bureau| self.is_at_or_below(&format!("bureau/{bureau}")));
        }
        match pattern.strip_suffix("/*") {
            Some(root) => self.0.strip_prefix(root).is_some_and(|tail| tail.starts_with('/')),
            None => self.is_at_or_below(pattern),
        }
    }

    fn is_at_or_below(&self, root: &str) -> bool {
        self.0.strip_prefix(root).is_some_and(|tail| tail.is_empty() || tail.starts_with('/'))
    }
}

impl fmt::Debug for Caller {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for Caller {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The context of one call, authorised already when it comes from the server.
#[derive(Clone, Debug)]
pub struct Call {
    pub caller: Caller,
    /// `/package.Service/Method`; a worker's is `/worker/<name>`.
    pub method: String,
    pub purpose: Option<String>,
    pub case_ref: Option<String>,
    /// The person at the console, a pseudonymous account name.
    pub operator: Option<String>,
    pub(crate) via: Option<Caller>,
    pub(crate) deadline: Option<Instant>,
}

impl Call {
    pub fn new(caller: Caller, method: impl Into<String>) -> Call {
        Call { caller, method: method.into(), purpose: None, case_ref: None, operator: None, via: None, deadline: None }
    }

    /// The call the server's layers put beside the request. A request that never passed them has the caller
    /// `unknown`, which no rule names.
    pub fn of<T>(request: &tonic::Request<T>) -> Call {
        request.extensions().get::<Call>().cloned().unwrap_or_else(|| Call::new(Caller("unknown".to_owned()), ""))
    }

    /// A service's own work, started by no call. `service` is its name (`registry`, `adapter-education`) or
    /// identity (`adapter/education`).
    pub fn worker(service: &str, worker: &str) -> Call {
        let caller = match service.strip_prefix("adapter-") {
            _ if service.contains('/') => service.to_owned(),
            Some(bureau) => format!("adapter/{bureau}"),
            None => format!("service/{service}"),
        };
        Call::new(Caller(caller), format!("/worker/{worker}"))
    }

    pub fn with_purpose(mut self, purpose: &str) -> Call {
        self.purpose = Some(purpose.to_owned());
        self
    }

    pub fn with_case(mut self, case_ref: &str) -> Call {
        self.case_ref = Some(case_ref.to_owned());
        self
    }

    pub fn with_operator(mut self, operator: &str) -> Call {
        self.operator = Some(operator.to_owned());
        self
    }

    /// The gateway's identity when it speaks for somebody else.
    pub fn via(&self) -> Option<&Caller> {
        self.via.as_ref()
    }

    /// When the caller stops waiting.
    pub fn deadline(&self) -> Option<Instant> {
        self.deadline
    }
}

tokio::task_local! {
    /// Deadline of the call being answered; a peer called from within gets what is left of it.
    static DEADLINE: Instant;
}

/// Time the current call has left; `None` outside of a call.
pub(crate) fn remaining() -> Option<std::time::Duration> {
    DEADLINE.try_with(|d| d.saturating_duration_since(Instant::now())).ok()
}

/// Runs a future within a call's deadline.
pub(crate) async fn within<F: Future>(deadline: Instant, work: F) -> F::Output {
    DEADLINE.scope(deadline, work).await
}

/// Runs a poll within a call's deadline.
pub(crate) fn within_sync<T>(deadline: Instant, work: impl FnOnce() -> T) -> T {
    DEADLINE.sync_scope(deadline, work)
}

/// A context field from the metadata: absent, or short printable text. Percent-encoded UTF-8 is not decoded.
pub(crate) fn field(headers: &http::HeaderMap, key: &'static str) -> Result<Option<String>> {
    let Some(value) = headers.get(key) else { return Ok(None) };
    match value.to_str() {
        Ok("") => Ok(None),
        Ok(text) if text.len() <= MAX_FIELD => Ok(Some(text.to_owned())),
        _ => Err(Error::invalid(
            "CONTEXT_MALFORMED",
            format!("{key} is not printable ASCII text of at most {MAX_FIELD} characters"),
            format!("{key} 应为不超过 {MAX_FIELD} 个可打印 ASCII 字符"),
        )),
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;

    fn matches(caller: &str, pattern: &str, own: &str) -> bool {
        Caller::parse(caller).unwrap().matches(pattern, own)
    }

    #[test]
    fn a_pattern_names_itself_and_all_below_it() {
        assert!(matches("operator/county/621202", "operator/county", "service/dispatch"));
        assert!(matches("service/dispatch", "service/dispatch", ""));
        assert!(!matches("service/dispatcher", "service/dispatch", ""));
        assert!(!matches("operator/city", "operator/county", ""));
    }

    #[test]
    fn a_star_names_all_below_but_not_the_root() {
        assert!(matches("adapter/education", "adapter/*", ""));
        assert!(matches("operator/county/621202", "operator/*", ""));
        assert!(!matches("operator", "operator/*", ""));
        assert!(!matches("operators/x", "operator/*", ""));
    }

    #[test]
    fn bureau_self_is_the_adapters_own_bureau() {
        assert!(matches("bureau/education", "bureau/self", "adapter/education"));
        assert!(!matches("bureau/health", "bureau/self", "adapter/education"));
        assert!(!matches("bureau/education", "bureau/self", "service/registry"));
    }

    #[test]
    fn a_malformed_identity_is_refused() {
        for bad in ["", "/", "service//x", "Service/x", "service/x y", "service/../x", &"a".repeat(200)] {
            assert!(Caller::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_worker_is_its_own_service() {
        assert_eq!(Call::worker("registry", "x").caller.as_str(), "service/registry");
        assert_eq!(Call::worker("adapter-health", "x").caller.as_str(), "adapter/health");
        assert_eq!(Call::worker("adapter/health", "x").caller.as_str(), "adapter/health");
    }
}
