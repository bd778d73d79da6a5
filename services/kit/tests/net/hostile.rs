//! What a hostile or broken peer meets: the bounds on the wire, deadlines that hold when nobody reads.

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use http_body::Frame;
use minqing_kit::{server::Limits, tls::Identity};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, pem::PemObject};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};
use tokio_rustls::{TlsConnector, client::TlsStream};
use tonic::Code;

use crate::fixture::{Log, Mesh, READ_EVENTS, client, read, until, within};

/// A TLS connection of a known caller, for raw frames.
async fn connect(mesh: &Mesh, identity: &Identity) -> TlsStream<TcpStream> {
    let mut roots = rustls::RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(identity.ca.as_bytes()).unwrap()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_client_auth_cert(
            vec![CertificateDer::from_pem_slice(identity.cert.as_bytes()).unwrap()],
            PrivateKeyDer::from_pem_slice(identity.key.as_bytes()).unwrap(),
        )
        .unwrap();
    config.alpn_protocols = vec![b"h2".to_vec()];
    let stream = TcpStream::connect(mesh.addr).await.unwrap();
    let name = ServerName::try_from("monitoring").unwrap();
    TlsConnector::from(Arc::new(config)).connect(name, stream).await.unwrap()
}

#[tokio::test]
async fn the_settings_frame_carries_the_agreed_bounds() {
    let mesh = Mesh::start(Log::default()).await;
    let mut stream = connect(&mesh, &mesh.identity("service/dispatch")).await;
    stream.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0").await.unwrap();
    let mut head = [0; 9];
    stream.read_exact(&mut head).await.unwrap();
    assert_eq!(head[3], 4, "the first frame is SETTINGS");
    let mut body = vec![0; usize::from(head[2])];
    stream.read_exact(&mut body).await.unwrap();
    let setting = |id: u16| {
        let entry = body.chunks(6).find(|e| u16::from_be_bytes([e[0], e[1]]) == id);
        entry.map(|e| u32::from_be_bytes([e[2], e[3], e[4], e[5]]))
    };
    assert_eq!(setting(3), Some(128), "MAX_CONCURRENT_STREAMS");
    assert_eq!(setting(6), Some(8192), "MAX_HEADER_LIST_SIZE");
}

#[tokio::test]
async fn a_handshake_that_never_ends_is_cut_off() {
    let limits = Limits { handshake: Duration::from_millis(100), ..Limits::default() };
    let mesh = Mesh::with(Log::default(), limits).await;
    let mut stream = TcpStream::connect(mesh.addr).await.unwrap();
    let mut byte = [0];
    assert_eq!(stream.read(&mut byte).await.unwrap_or(0), 0, "closed by the server");
    until("it is counted", || mesh.metrics.text().contains("reason=\"handshake_timeout\"} 1")).await;
}

#[tokio::test]
async fn connections_of_one_address_are_capped() {
    let mesh = Mesh::with(Log::default(), Limits { connections_per_address: 1, ..Limits::default() }).await;
    let _held = connect(&mesh, &mesh.identity("service/dispatch")).await;
    let mut second = TcpStream::connect(mesh.addr).await.unwrap();
    assert_eq!(second.read(&mut [0]).await.unwrap_or(0), 0, "closed by the server");
    assert!(mesh.metrics.text().contains("reason=\"too_many_of_address\"} 1"));
}

#[tokio::test]
async fn an_old_connection_is_replaced_without_a_failed_call() {
    let limits = Limits { connection_age: Duration::from_millis(30), ..Limits::default() };
    let mesh = Mesh::with(Log::default(), limits).await;
    let mut client = mesh.client("service/dispatch");
    let started = std::time::Instant::now();
    while started.elapsed() < Duration::from_millis(400) {
        client.read_events(read("")).await.unwrap();
    }
}

/// Sends its headers and one message, and then nothing more.
#[derive(Clone)]
struct Stuck;

struct StuckBody(Option<Bytes>);

impl http_body::Body for StuckBody {
    type Data = Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, std::convert::Infallible>>> {
        self.0.take().map_or(Poll::Pending, |data| Poll::Ready(Some(Ok(Frame::data(data)))))
    }
}

impl tonic::server::NamedService for Stuck {
    const NAME: &'static str = "minqing.mesh.v1.EventLogService";
}

impl tower::Service<http::Request<tonic::body::Body>> for Stuck {
    type Response = http::Response<tonic::body::Body>;
    type Error = std::convert::Infallible;
    type Future = std::future::Ready<Result<Self::Response, Self::Error>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: http::Request<tonic::body::Body>) -> Self::Future {
        let body = tonic::body::Body::new(StuckBody(Some(Bytes::from_static(&[0; 5]))));
        let response = http::Response::builder().header("content-type", "application/grpc").body(body);
        std::future::ready(Ok(response.unwrap()))
    }
}

fn counted(mesh: &Mesh, code: &str) -> bool {
    mesh.metrics.text().contains(&format!("rpc_served_total{{method=\"{READ_EVENTS}\",code=\"{code}\"}} 1"))
}

#[tokio::test]
async fn a_stuck_answer_ends_at_the_deadline_though_its_headers_were_sent() {
    let limits = Limits { longest_deadline: Duration::from_millis(200), ..Limits::default() };
    let mesh = Mesh::serving(Stuck, limits).await;
    // The client would wait longer: it is the server that ends the answer.
    let mut client = client(mesh.peer("service/dispatch"));
    let status = client.read_events(within(read(""), Duration::from_secs(30))).await.unwrap_err();
    assert_eq!(status.code(), Code::DeadlineExceeded);
    assert!(counted(&mesh, "DEADLINE_EXCEEDED"), "{}", mesh.metrics.text());
}

#[tokio::test]
async fn a_reader_that_stops_reading_holds_no_place_beyond_the_deadline() {
    let mesh = Mesh::start(Log::default()).await;
    let stream = connect(&mesh, &mesh.identity("service/dispatch")).await;
    let (send, connection) =
        h2::client::Builder::new().initial_window_size(0).handshake::<_, Bytes>(stream).await.unwrap();
    let driving = tokio::task::JoinSet::from_iter([connection]);
    let request = http::Request::builder()
        .method("POST")
        .uri(format!("https://monitoring{READ_EVENTS}"))
        .header("content-type", "application/grpc")
        .header("te", "trailers")
        .header("grpc-timeout", "300m")
        .body(())
        .unwrap();
    let (response, mut body) = send.ready().await.unwrap().send_request(request, false).unwrap();
    body.send_data(Bytes::from_static(&[0; 5]), true).unwrap();
    assert_eq!(response.await.unwrap().status(), 200);
    until("the place is free", || mesh.metrics.text().contains("minqing_rpc_in_flight 0")).await;
    assert!(counted(&mesh, "DEADLINE_EXCEEDED"), "{}", mesh.metrics.text());
    drop(driving);
}
