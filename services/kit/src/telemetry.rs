//! Logs to stderr (JSON, or readable lines on a terminal), traces over OTLP when an endpoint is set, one W3C trace
//! context across processes and through the outbox. Nothing of a person goes in: fields are methods, callers, counts.

use std::{io::IsTerminal, sync::OnceLock, time::Duration};

use anyhow::Context as _;
use opentelemetry::trace::TracerProvider as _;
use opentelemetry_otlp::WithExportConfig;
use opentelemetry_sdk::{Resource, trace::SdkTracerProvider};
use tracing::{Level, Span};
use tracing_subscriber::{EnvFilter, Layer, filter::filter_fn, layer::SubscriberExt, util::SubscriberInitExt};

use crate::settings::Settings;

/// Crates whose spans would make the exporter trace itself.
const OWN_TRANSPORT: [&str; 6] = ["h2", "hyper", "tonic", "opentelemetry", "tower", "rustls"];
const FLUSH: Duration = Duration::from_secs(3);

/// Sends what is left when the process ends.
#[derive(Default)]
pub struct Telemetry {
    provider: Option<SdkTracerProvider>,
}

/// Starts logs and traces of this process. A second call in the same process, as tests make it, changes nothing.
pub fn init(service: &str, settings: &Settings) -> anyhow::Result<Telemetry> {
    static STARTED: OnceLock<()> = OnceLock::new();
    let filter = EnvFilter::try_new(&settings.log)
        .map_err(|e| anyhow::anyhow!("MINQING_LOG is no log filter ({e}); set one such as info,sqlx=warn"))?;
    if STARTED.set(()).is_err() {
        return Ok(Telemetry::default());
    }
    let provider = settings.otlp_endpoint.as_deref().map(|endpoint| provider(service, endpoint)).transpose()?;
    let traces = provider.as_ref().map(|p| {
        // The context travels with the tracing span alone. With contexts activated beside it, a thread at a time, most
        // spans of a busy mesh never reached the exporter.
        let layer = tracing_opentelemetry::layer().with_context_activation(false).with_tracer(p.tracer("minqing"));
        layer.with_filter(filter_fn(|meta| {
            *meta.level() <= Level::INFO && !OWN_TRANSPORT.iter().any(|own| meta.target().starts_with(own))
        }))
    });
    let lines = tracing_subscriber::fmt::layer().with_writer(std::io::stderr);
    let log = if std::io::stderr().is_terminal() {
        lines.compact().boxed()
    } else {
        lines.json().flatten_event(true).with_span_list(false).with_current_span(true).boxed()
    };
    // Somebody else's subscriber, as in a test, stays.
    let _ = tracing_subscriber::registry().with(traces).with(log.with_filter(filter)).try_init();
    Ok(Telemetry { provider })
}

fn provider(service: &str, endpoint: &str) -> anyhow::Result<SdkTracerProvider> {
    let exporter =
        opentelemetry_otlp::SpanExporter::builder().with_tonic().with_endpoint(endpoint).build().with_context(
            || format!("cannot send traces to {endpoint}; set MINQING_OTLP_ENDPOINT to http://host:4317"),
        )?;
    let resource = Resource::builder().with_service_name(format!("minqing-{service}")).build();
    Ok(SdkTracerProvider::builder().with_batch_exporter(exporter).with_resource(resource).build())
}

/// A panic is told with its place; a text put together at run time might quote a value, so it is left out.
pub fn hook_panics() {
    std::panic::set_hook(Box::new(|info| {
        let place = info.location().map(ToString::to_string).unwrap_or_default();
        let text = info.payload().downcast_ref::<&'static str>().copied().unwrap_or("(text withheld)");
        tracing::error!(place, text, "panic");
    }));
}

impl Telemetry {
    /// Sends the last spans; blocks for a few seconds at most.
    pub async fn shutdown(self) {
        let Some(provider) = self.provider else { return };
        let flushed = tokio::task::spawn_blocking(move || provider.shutdown_with_timeout(FLUSH)).await;
        if !matches!(flushed, Ok(Ok(()))) {
            tracing::warn!("the last spans could not be sent");
        }
    }
}

/// The current span as a W3C `traceparent`; empty outside any trace.
pub fn traceparent_of_current_span() -> String {
    crate::events::trace::current()
}

/// Makes `span`, not entered yet, a child of a `traceparent`; anything malformed is ignored.
pub fn set_parent(span: &Span, traceparent: &str) {
    crate::events::trace::follow(span, traceparent);
}

/// A consumer's span that goes on with the trace of the change it handles.
pub fn span_from_traceparent(name: &str, traceparent: &str) -> Span {
    let span = tracing::info_span!("event", otel.name = name, otel.kind = "consumer");
    set_parent(&span, traceparent);
    span
}
