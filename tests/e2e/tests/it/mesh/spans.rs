//! An OTLP receiver that keeps every span the mesh sends.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use opentelemetry_proto::tonic::{
    collector::trace::v1::{
        ExportTraceServiceRequest, ExportTraceServiceResponse,
        trace_service_server::{TraceService, TraceServiceServer},
    },
    common::v1::any_value::Value,
    trace::v1::Span,
};
use tokio_stream::wrappers::TcpListenerStream;
use tonic::{Request, Response};

/// Spans as they came.
#[derive(Clone, Default)]
pub struct Spans(Arc<Mutex<Vec<ExportTraceServiceRequest>>>);

impl Spans {
    /// Begins to receive; the address.
    pub async fn receive(&self) -> anyhow::Result<SocketAddr> {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let service = TraceServiceServer::new(self.clone()).max_decoding_message_size(64 << 20);
        #[expect(clippy::disallowed_methods, reason = "a receiver of the test, ended with its runtime")]
        tokio::spawn(
            tonic::transport::Server::builder()
                .add_service(service)
                .serve_with_incoming(TcpListenerStream::new(listener)),
        );
        Ok(address)
    }

    /// Service and name of every span of each trace.
    pub fn by_trace(&self) -> BTreeMap<Vec<u8>, BTreeSet<(String, String)>> {
        let mut traces: BTreeMap<Vec<u8>, BTreeSet<(String, String)>> = BTreeMap::new();
        for (service, span) in self.each(|_, _| true) {
            traces.entry(span.trace_id).or_default().insert((service, span.name));
        }
        traces
    }

    /// Spans with the service they come from.
    fn each(&self, wanted: impl Fn(&str, &Span) -> bool) -> Vec<(String, Span)> {
        let mut all = Vec::new();
        for resource in self.0.lock().unwrap().iter().flat_map(|request| &request.resource_spans) {
            let attributes = resource.resource.iter().flat_map(|r| &r.attributes);
            let service = attributes.filter(|a| a.key == "service.name").find_map(|a| {
                match a.value.as_ref()?.value.as_ref()? {
                    Value::StringValue(text) => Some(text.clone()),
                    _ => None,
                }
            });
            let service = service.unwrap_or_default();
            let spans = resource.scope_spans.iter().flat_map(|scope| &scope.spans);
            all.extend(spans.filter(|span| wanted(&service, span)).map(|span| (service.clone(), span.clone())));
        }
        all
    }

    /// Spans of a name from services whose name begins so.
    pub fn count(&self, service: &str, name: &str) -> usize {
        self.each(|from, span| from.starts_with(service) && span.name == name).len()
    }

    /// Everything received, as text to search.
    pub fn text(&self) -> String {
        format!("{:?}", self.0.lock().unwrap())
    }
}

#[tonic::async_trait]
impl TraceService for Spans {
    async fn export(
        &self,
        request: Request<ExportTraceServiceRequest>,
    ) -> tonic::Result<Response<ExportTraceServiceResponse>> {
        self.0.lock().unwrap().push(request.into_inner());
        Ok(Response::new(ExportTraceServiceResponse::default()))
    }
}
