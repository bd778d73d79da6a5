//! One trace runs through the outbox: from the change to the effect elsewhere.

use std::sync::{Arc, Mutex};

use futures::future::BoxFuture;
use minqing_kit::{
    Result,
    db::Work,
    delivery::{Carrier, CarrierLoop, Delivery, Outcome},
    events::{Consumer, ConsumerLoop, Event, Handler, Relay},
};
use opentelemetry::trace::{TraceContextExt as _, TraceId, TracerProvider as _};
use opentelemetry_sdk::trace::SdkTracerProvider;
use tracing::{Instrument as _, Span};
use tracing_opentelemetry::OpenTelemetrySpanExt as _;
use tracing_subscriber::layer::SubscriberExt as _;

use crate::support::*;

fn trace_id() -> TraceId {
    Span::current().context().span().span_context().trace_id()
}

#[derive(Default)]
struct Witness(Mutex<Vec<TraceId>>);

impl Handler for Witness {
    fn handle<'a>(&'a self, work: &'a mut Work, _: &'a [Event]) -> BoxFuture<'a, Result<()>> {
        self.0.lock().unwrap().push(trace_id());
        work.enqueue("letter", "a", Vec::new());
        Box::pin(async { Ok(()) })
    }
}

impl Carrier for Witness {
    fn kind(&self) -> &'static str {
        "letter"
    }

    fn deliver<'a>(&'a self, _: &'a Delivery) -> BoxFuture<'a, Outcome> {
        Box::pin(async {
            self.0.lock().unwrap().push(trace_id());
            Outcome::Done
        })
    }
}

#[tokio::test]
async fn an_events_effect_and_its_delivery_belong_to_the_trace_of_its_cause() {
    let provider = SdkTracerProvider::builder().build();
    let layer = tracing_opentelemetry::layer().with_tracer(provider.tracer("test"));
    let _guard = tracing::subscriber::set_default(tracing_subscriber::registry().with(layer));

    let (_test, producer, db) = pair().await;
    let cause = tracing::info_span!("cause");
    let id = cause.in_scope(trace_id);
    produce(&producer, &["a"]).instrument(cause).await;
    Relay::new(producer.clone(), "producer", None).run_once().await.unwrap();
    let witness = Arc::new(Witness::default());
    let handler = Arc::clone(&witness) as Arc<dyn Handler>;
    let wanted = Consumer { producer: "producer", types: Vec::new(), audience: None, handler };
    let reading = ConsumerLoop::new(db.clone(), "service/consumer", wanted, LocalLog::of(&producer), None);
    reading.consume_once().await.unwrap();
    let carrier = Arc::clone(&witness) as Arc<dyn Carrier>;
    CarrierLoop::new(db, carrier).run_once().await.unwrap();

    assert_ne!(id, TraceId::INVALID);
    assert_eq!(*witness.0.lock().unwrap(), [id, id]);
}
