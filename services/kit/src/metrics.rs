//! Counters and histograms of a process, in the OpenMetrics text of the admin port. Labels are methods, codes and
//! names of peers, tables and workers: a small fixed set, never anything of a person.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{
        counter::Counter,
        family::Family,
        gauge::Gauge,
        histogram::{Histogram, exponential_buckets},
    },
    registry::{Metric, Registry},
};

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct RpcLabels {
    pub method: String,
    pub code: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct MethodLabel {
    pub method: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct ReasonLabel {
    pub reason: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct PeerLabel {
    pub peer: String,
}

/// Metrics of the frame itself, and the registry to which others add theirs.
#[derive(Clone)]
pub struct Metrics {
    registry: Arc<Mutex<Registry>>,
    pub(crate) served: Family<RpcLabels, Counter>,
    pub(crate) latency: Family<MethodLabel, Histogram, fn() -> Histogram>,
    pub(crate) in_flight: Gauge,
    pub(crate) connections: Gauge,
    pub(crate) refused_connections: Family<ReasonLabel, Counter>,
    pub(crate) called: Family<RpcLabels, Counter>,
    pub(crate) retries: Family<PeerLabel, Counter>,
    pub(crate) retries_denied: Family<PeerLabel, Counter>,
    pub(crate) certificate_ends: Gauge,
}

/// 0.5 ms to 16 s.
fn latency_histogram() -> Histogram {
    Histogram::new(exponential_buckets(0.0005, 2.0, 16))
}

impl Default for Metrics {
    fn default() -> Self {
        let mut registry = Registry::with_prefix("minqing");
        let served = Family::<RpcLabels, Counter>::default();
        let latency = Family::<MethodLabel, Histogram, fn() -> Histogram>::new_with_constructor(latency_histogram);
        let in_flight = Gauge::default();
        let connections = Gauge::default();
        let refused_connections = Family::<ReasonLabel, Counter>::default();
        let called = Family::<RpcLabels, Counter>::default();
        let retries = Family::<PeerLabel, Counter>::default();
        let retries_denied = Family::<PeerLabel, Counter>::default();
        let certificate_ends = Gauge::default();
        registry.register("rpc_served", "Calls answered, by method and gRPC code", served.clone());
        registry.register("rpc_served_seconds", "Time from request to the end of the answer", latency.clone());
        registry.register("rpc_in_flight", "Calls being answered", in_flight.clone());
        registry.register("connections", "Open connections of the mesh port", connections.clone());
        registry.register("connections_refused", "Connections not taken, by reason", refused_connections.clone());
        registry.register("rpc_called", "Calls made to peers, by method and gRPC code", called.clone());
        registry.register("rpc_retries", "Calls to peers made again", retries.clone());
        registry.register(
            "rpc_retries_denied",
            "Retries not made because the budget was spent",
            retries_denied.clone(),
        );
        let help = "End of the process's own certificate, seconds since 1970; alarm 30 days before";
        registry.register("certificate_ends", help, certificate_ends.clone());
        Metrics {
            registry: Arc::new(Mutex::new(registry)),
            served,
            latency,
            in_flight,
            connections,
            refused_connections,
            called,
            retries,
            retries_denied,
            certificate_ends,
        }
    }
}

impl Metrics {
    pub fn new() -> Metrics {
        Metrics::default()
    }

    /// Adds a metric of a service or another part of the kit.
    pub fn register(&self, name: &str, help: &str, metric: impl Metric) {
        self.registry.lock().unwrap_or_else(PoisonError::into_inner).register(name, help, metric);
    }

    /// The registry's current state as OpenMetrics text.
    pub fn text(&self) -> String {
        let mut text = String::new();
        let registry = self.registry.lock().unwrap_or_else(PoisonError::into_inner);
        if prometheus_client::encoding::text::encode(&mut text, &registry).is_err() {
            text.clear();
        }
        text
    }

    pub(crate) fn rpc_done(&self, method: &str, code: tonic::Code, took: Duration) {
        self.served.get_or_create(&RpcLabels { method: method.to_owned(), code: code_name(code).to_owned() }).inc();
        self.latency.get_or_create(&MethodLabel { method: method.to_owned() }).observe(took.as_secs_f64());
    }

    pub(crate) fn call_done(&self, method: &str, code: tonic::Code) {
        self.called.get_or_create(&RpcLabels { method: method.to_owned(), code: code_name(code).to_owned() }).inc();
    }

    pub(crate) fn connection_refused(&self, reason: &str) {
        self.refused_connections.get_or_create(&ReasonLabel { reason: reason.to_owned() }).inc();
    }
}

/// A code's name as gRPC writes it.
pub(crate) fn code_name(code: tonic::Code) -> &'static str {
    use tonic::Code;
    match code {
        Code::Ok => "OK",
        Code::Cancelled => "CANCELLED",
        Code::Unknown => "UNKNOWN",
        Code::InvalidArgument => "INVALID_ARGUMENT",
        Code::DeadlineExceeded => "DEADLINE_EXCEEDED",
        Code::NotFound => "NOT_FOUND",
        Code::AlreadyExists => "ALREADY_EXISTS",
        Code::PermissionDenied => "PERMISSION_DENIED",
        Code::ResourceExhausted => "RESOURCE_EXHAUSTED",
        Code::FailedPrecondition => "FAILED_PRECONDITION",
        Code::Aborted => "ABORTED",
        Code::OutOfRange => "OUT_OF_RANGE",
        Code::Unimplemented => "UNIMPLEMENTED",
        Code::Internal => "INTERNAL",
        Code::Unavailable => "UNAVAILABLE",
        Code::DataLoss => "DATA_LOSS",
        Code::Unauthenticated => "UNAUTHENTICATED",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_counts_calls_by_method_and_code() {
        let metrics = Metrics::new();
        metrics.rpc_done("/a.B/C", tonic::Code::NotFound, Duration::from_millis(3));
        let text = metrics.text();
        assert!(text.contains(r#"minqing_rpc_served_total{method="/a.B/C",code="NOT_FOUND"} 1"#), "{text}");
        assert!(text.contains("minqing_rpc_served_seconds_bucket"), "{text}");
    }
}
