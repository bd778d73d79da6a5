//! The admin port: both protocols on one address.

use minqing_kit::{Lifecycle, admin, metrics::Metrics};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tonic_health::pb::{HealthCheckRequest, health_check_response::ServingStatus, health_client::HealthClient};

async fn get(addr: std::net::SocketAddr, path: &str) -> String {
    let mut stream = tokio::net::TcpStream::connect(addr).await.unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).await.unwrap();
    text
}

#[tokio::test]
async fn probes_and_metrics_share_one_plaintext_port() {
    let lifecycle = Lifecycle::new();
    let any = std::net::SocketAddr::from(([127, 0, 0, 1], 0));
    let (addr, readiness) = admin::start(any, Metrics::new(), &lifecycle).await.unwrap();
    let channel = tonic::transport::Endpoint::from_shared(format!("http://{addr}")).unwrap().connect_lazy();
    let health = HealthClient::new(channel);
    let ask = |service: &'static str| {
        let mut health = health.clone();
        async move {
            let request = HealthCheckRequest { service: service.to_owned() };
            health.check(request).await.unwrap().into_inner().status()
        }
    };
    assert!(get(addr, "/healthz").await.starts_with("HTTP/1.1 200"));
    assert!(get(addr, "/readyz").await.starts_with("HTTP/1.1 503"));
    assert_eq!(ask("liveness").await, ServingStatus::Serving);
    assert_eq!(ask("readiness").await, ServingStatus::NotServing);
    readiness.ready().await;
    assert!(get(addr, "/readyz").await.starts_with("HTTP/1.1 200"));
    assert_eq!(ask("readiness").await, ServingStatus::Serving);
    readiness.stopping().await;
    assert!(get(addr, "/readyz").await.starts_with("HTTP/1.1 503"));
    assert_eq!(ask("readiness").await, ServingStatus::NotServing);
    assert!(get(addr, "/metrics").await.contains("minqing_rpc_in_flight 0"));
}
