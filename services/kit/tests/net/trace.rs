//! One trace over two processes.

use opentelemetry::trace::TracerProvider;
use tracing::Instrument;
use tracing_subscriber::layer::SubscriberExt;

use crate::fixture::{Log, Mesh, read};

fn trace_id(traceparent: &str) -> &str {
    traceparent.split('-').nth(1).unwrap()
}

#[tokio::test]
async fn a_handler_goes_on_with_its_callers_trace() {
    let provider = opentelemetry_sdk::trace::SdkTracerProvider::builder().build();
    let layer = tracing_opentelemetry::layer().with_tracer(provider.tracer("test"));
    // Of this thread only, on which the whole test runs.
    let _guard = tracing::subscriber::set_default(tracing_subscriber::registry().with(layer));
    let mesh = Mesh::start(Log::default()).await;
    let mut client = mesh.client("service/dispatch");
    let span = tracing::info_span!("test");
    let (own, answer) = async {
        let own = minqing_kit::telemetry::traceparent_of_current_span();
        (own, client.read_events(read("trace")).await.unwrap().into_inner())
    }
    .instrument(span)
    .await;
    let seen = &answer.events[0].traceparent;
    assert_eq!(trace_id(seen), trace_id(&own));
    assert_ne!(seen, &own, "the handler has a span of its own");
    let event = minqing_kit::telemetry::span_from_traceparent("later", seen);
    let later = event.in_scope(minqing_kit::telemetry::traceparent_of_current_span);
    assert_eq!(trace_id(&later), trace_id(&own));
}
