//! Below gRPC: connections with certificates that do not fit, and a reader that takes nothing of its answer.

use std::{sync::Arc, time::Duration};

use anyhow::Context as _;
use minqing_kit::{client::Peer, metrics::Metrics, tls::Identity};
use minqing_proto::minqing::bureau::v1::{ListDatasetsRequest, exchange_service_client::ExchangeServiceClient};
use rustls::{
    ClientConfig, RootCertStore, SupportedProtocolVersion,
    pki_types::{CertificateDer, PrivateKeyDer, ServerName, pem::PemObject as _},
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};
use tokio_rustls::{TlsConnector, client::TlsStream};

use crate::session::Session;

const PATIENCE: Duration = Duration::from_secs(5);
/// Preface and settings of HTTP/2 with a window of nothing for every stream.
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x06\x04\x00\x00\x00\x00\x00\x00\x04\x00\x00\x00\x00";

/// Opens a TLS connection to the adapter, with a certificate or without.
async fn connect(
    session: &Session<'_>,
    versions: &[&'static SupportedProtocolVersion],
    client: Option<&Identity>,
) -> anyhow::Result<TlsStream<TcpStream>> {
    let mut roots = RootCertStore::empty();
    for cert in CertificateDer::pem_slice_iter(session.target.identity.ca.as_bytes()) {
        roots.add(cert?)?;
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder =
        ClientConfig::builder_with_provider(provider).with_protocol_versions(versions)?.with_root_certificates(roots);
    let mut config = match client {
        None => builder.with_no_client_auth(),
        Some(identity) => {
            let chain = CertificateDer::pem_slice_iter(identity.cert.as_bytes()).collect::<Result<Vec<_>, _>>()?;
            builder.with_client_auth_cert(chain, PrivateKeyDer::from_pem_slice(identity.key.as_bytes())?)?
        }
    };
    config.alpn_protocols = vec![b"h2".to_vec()];
    let address = session.target.address.trim_start_matches("https://").trim_end_matches('/');
    let socket = TcpStream::connect(address).await.context("cannot connect")?;
    let name = ServerName::try_from(format!("adapter-{}", session.bureau)).context("no server name")?;
    Ok(TlsConnector::from(Arc::new(config)).connect(name, socket).await?)
}

/// Whether the adapter begins to speak HTTP/2 on such a connection. In TLS 1.3 the client learns of a refusal only when
/// it reads.
pub async fn is_let_in(
    session: &Session<'_>,
    versions: &[&'static SupportedProtocolVersion],
    client: Option<&Identity>,
) -> bool {
    let attempt = async {
        let mut stream = connect(session, versions, client).await?;
        stream.write_all(PREFACE).await?;
        stream.flush().await?;
        let mut frame = [0; 9];
        stream.read_exact(&mut frame).await?;
        anyhow::Ok(())
    };
    matches!(tokio::time::timeout(PATIENCE, attempt).await, Ok(Ok(())))
}

/// Asks for the datasets on a connection whose window is closed, and then as everybody does: whether the second is
/// answered.
pub async fn slow_reader(session: &Session<'_>) -> (anyhow::Result<()>, bool) {
    let hold = async {
        let mut stream = connect(session, &[&rustls::version::TLS13], Some(&session.target.identity)).await?;
        stream.write_all(PREFACE).await?;
        for id in [1_u32, 3, 5, 7] {
            stream.write_all(&request(id)).await?;
        }
        stream.flush().await?;
        anyhow::Ok(stream)
    };
    match tokio::time::timeout(PATIENCE, hold).await {
        Ok(Ok(stream)) => {
            let mut client = session.client();
            let served = tokio::time::timeout(PATIENCE, client.list_datasets(ListDatasetsRequest::default()));
            let served = matches!(served.await, Ok(Ok(_)));
            drop(stream);
            (Ok(()), served)
        }
        Ok(Err(error)) => (Err(error), false),
        Err(_) => (Err(anyhow::anyhow!("no connection in time")), false),
    }
}

/// Frames of a call of ListDatasets with an empty request: headers as plain literals, then five bytes of data.
fn request(id: u32) -> Vec<u8> {
    let path = "/minqing.bureau.v1.ExchangeService/ListDatasets";
    let fields = [
        (":method", "POST"),
        (":scheme", "https"),
        (":path", path),
        (":authority", "adapter"),
        ("content-type", "application/grpc"),
        ("te", "trailers"),
    ];
    let mut block = Vec::new();
    for (name, value) in fields {
        block.push(0);
        for text in [name, value] {
            block.push(u8::try_from(text.len()).unwrap_or(0));
            block.extend_from_slice(text.as_bytes());
        }
    }
    let mut frames = frame(1, 0x4, id, &block);
    frames.extend(frame(0, 0x1, id, &[0; 5]));
    frames
}

fn frame(kind: u8, flags: u8, id: u32, body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(body.len()).unwrap_or(0).to_be_bytes();
    let mut all = vec![length[1], length[2], length[3], kind, flags];
    all.extend_from_slice(&id.to_be_bytes());
    all.extend_from_slice(body);
    all
}

/// The adapter as somebody else sees it.
pub fn client_as(session: &Session<'_>, identity: &Identity) -> anyhow::Result<ExchangeServiceClient<Peer>> {
    let name = format!("adapter-{}", session.bureau);
    Ok(ExchangeServiceClient::new(Peer::connect(&name, &session.target.address, identity, Metrics::new())?))
}
