//! The access rules of all methods, read once from the contracts. A method without a rule may be called by nobody.

use std::{collections::HashMap, sync::LazyLock};

use minqing_proto::{DESCRIPTOR_POOL, contract, minqing::options::v1::Access};

use crate::{
    call::Caller,
    error::{Error, Result},
};

/// What the contract says of a method.
#[derive(Debug)]
pub struct Rule {
    pub access: Access,
    /// The request is a stream: such a call is not retried and has the longer deadline.
    pub streams_in: bool,
    /// The answer is a stream.
    pub streams_out: bool,
}

static RULES: LazyLock<HashMap<String, Rule>> = LazyLock::new(|| {
    let mut rules = HashMap::new();
    for service in DESCRIPTOR_POOL.services() {
        for method in service.methods() {
            let path = format!("/{}/{}", service.full_name(), method.name());
            if let Some(access) = contract::access_of_path(&path) {
                let (streams_in, streams_out) = (method.is_client_streaming(), method.is_server_streaming());
                rules.insert(path, Rule { access, streams_in, streams_out });
            }
        }
    }
    rules
});

/// The rule of `/package.Service/Method`.
pub fn rule(path: &str) -> Option<&'static Rule> {
    RULES.get(path)
}

impl Rule {
    /// Whether `caller` may call at all; `own` is the identity of this server.
    pub(crate) fn allows(&self, caller: &Caller, own: &str) -> bool {
        self.access.callers.iter().any(|pattern| caller.matches(pattern, own))
    }

    /// A method that reads personal data names its purposes; the call has to name one of them.
    pub(crate) fn check_purpose(&self, purpose: Option<&str>) -> Result<()> {
        let allowed = &self.access.purposes;
        match purpose {
            _ if allowed.is_empty() => Ok(()),
            None => Err(Error::invalid(
                "PURPOSE_REQUIRED",
                format!("the call names no purpose; set minqing-purpose to one of {}", allowed.join(", ")),
                format!("调用未说明使用目的，请在 minqing-purpose 中填写：{}", allowed.join("、")),
            )),
            Some(purpose) if allowed.iter().any(|a| a == purpose) => Ok(()),
            Some(_) => Err(Error::forbidden(
                "PURPOSE_NOT_ALLOWED",
                format!("the method may not be called for this purpose, only for {}", allowed.join(", ")),
                format!("该接口不得用于此目的，仅限：{}", allowed.join("、")),
            )),
        }
    }
}

/// The refusal of a method nobody, or not this caller, may call. It does not tell which of the two.
pub(crate) fn denied() -> Error {
    Error::forbidden("METHOD_NOT_ALLOWED", "the caller may not call this method", "调用方无权访问该接口")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_method_of_the_mesh_has_a_rule_with_callers() {
        for service in DESCRIPTOR_POOL.services().filter(|s| s.full_name().starts_with("minqing.")) {
            for method in service.methods() {
                let path = format!("/{}/{}", service.full_name(), method.name());
                assert!(rule(&path).is_some_and(|r| !r.access.callers.is_empty()), "{path}");
            }
        }
    }

    #[test]
    fn an_unknown_method_has_no_rule() {
        assert!(rule("/grpc.health.v1.Health/Check").is_none());
        assert!(rule("/minqing.mesh.v1.EventLogService/Nothing").is_none());
        assert!(rule("").is_none());
    }
}
