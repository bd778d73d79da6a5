//! An OTLP receiver that keeps every span the mesh sends.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTraceServiceRequest, ExportTraceServiceResponse,
    trace_service_server::{TraceService, TraceServiceServer},
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
        for request in self.0.lock().unwrap().iter() {
            for resource in &request.resource_spans {
                let attributes = resource.resource.iter().flat_map(|r| &r.attributes);
                let service = attributes.filter(|a| a.key == "service.name").find_map(|a| {
                    use opentelemetry_proto::tonic::common::v1::any_value::Value;
                    match a.value.as_ref()?.value.as_ref()? {
                        Value::StringValue(text) => Some(text.clone()),
                        _ => None,
                    }
                });
                let service = service.unwrap_or_default();
                for span in resource.scope_spans.iter().flat_map(|s| &s.spans) {
                    traces.entry(span.trace_id.clone()).or_default().insert((service.clone(), span.name.clone()));
                }
            }
        }
        traces
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
