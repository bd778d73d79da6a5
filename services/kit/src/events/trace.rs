//! The W3C trace context that travels with an event, so that one trace runs from a bureau's record to the answer.

use std::collections::HashMap;

use opentelemetry::{
    propagation::TextMapPropagator,
    trace::{SpanContext, TraceContextExt, TraceFlags},
};
use opentelemetry_sdk::propagation::TraceContextPropagator;
use tracing::Span;
use tracing_opentelemetry::OpenTelemetrySpanExt;

const TRACEPARENT: &str = "traceparent";

/// The current span as a `traceparent`; empty outside any trace.
pub(crate) fn current() -> String {
    let context = Span::current().context();
    let span = context.span();
    let span_context = span.span_context();
    if span_context.is_valid() { format_traceparent(span_context) } else { String::new() }
}

fn format_traceparent(context: &SpanContext) -> String {
    let flags = context.trace_flags() & TraceFlags::SAMPLED;
    format!("00-{}-{}-{:02x}", context.trace_id(), context.span_id(), flags.to_u8())
}

/// A step of the current call that answers an earlier change: in that change's trace, linked to the call.
pub(crate) fn answer(step: &str, traceparent: &str) -> Span {
    let span = tracing::info_span!("answer", otel.name = step);
    follow(&span, traceparent);
    span.follows_from(Span::current());
    span
}

/// Makes `span`, not yet entered, a child of the change that caused it.
pub(crate) fn follow(span: &Span, traceparent: &str) {
    if traceparent.is_empty() {
        return;
    }
    let carrier = HashMap::from([(TRACEPARENT.to_owned(), traceparent.to_owned())]);
    let parent = TraceContextPropagator::new().extract(&carrier);
    // Without a tracer there is nothing to attach to.
    let _ = span.set_parent(parent);
}
