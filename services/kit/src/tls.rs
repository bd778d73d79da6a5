//! Certificates: our own CA and nothing else, client certificates always, the caller's identity as a URI in the
//! certificate (`spiffe://minqing/service/dispatch`). Certificates are read at start; a restart rotates them.

use std::{path::Path, sync::Arc};

use anyhow::Context as _;
use rustls::{
    RootCertStore, ServerConfig,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
    server::WebPkiClientVerifier,
};
use x509_parser::prelude::{FromDer, GeneralName, X509Certificate};

use crate::{call::Caller, error::Result};

/// Scheme and trust domain of our identities.
pub const TRUST_DOMAIN: &str = "spiffe://minqing/";

/// The three PEM files of a process.
#[derive(Clone)]
pub struct Identity {
    pub ca: String,
    pub cert: String,
    pub key: String,
}

impl Identity {
    /// Reads `ca.pem`, `cert.pem` and `key.pem`.
    pub fn load(dir: &Path) -> anyhow::Result<Identity> {
        let read = |file: &str| {
            let path = dir.join(file);
            std::fs::read_to_string(&path).with_context(|| {
                format!(
                    "cannot read {}; set MINQING_TLS_DIR to a folder with ca.pem, cert.pem and key.pem",
                    path.display()
                )
            })
        };
        Ok(Identity { ca: read("ca.pem")?, cert: read("cert.pem")?, key: read("key.pem")? })
    }

    /// TLS 1.3 server that takes only clients with a certificate of our CA. HTTP/1.1 is spoken on the public edge only.
    pub fn server_config(&self, http1: bool) -> anyhow::Result<Arc<ServerConfig>> {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let mut roots = RootCertStore::empty();
        for cert in CertificateDer::pem_slice_iter(self.ca.as_bytes()) {
            roots.add(cert.context("ca.pem holds no certificate")?)?;
        }
        anyhow::ensure!(!roots.is_empty(), "ca.pem holds no certificate");
        let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider.clone()).build()?;
        let chain = CertificateDer::pem_slice_iter(self.cert.as_bytes())
            .collect::<std::result::Result<Vec<_>, _>>()
            .context("cert.pem holds no certificate")?;
        let key = PrivateKeyDer::from_pem_slice(self.key.as_bytes()).context("key.pem holds no private key")?;
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_protocol_versions(&[&rustls::version::TLS13])?
            .with_client_cert_verifier(verifier)
            .with_single_cert(chain, key)
            .context("cert.pem and key.pem do not fit together")?;
        config.alpn_protocols = vec![b"h2".to_vec()];
        if http1 {
            config.alpn_protocols.push(b"http/1.1".to_vec());
        }
        Ok(Arc::new(config))
    }

    /// When the process's own certificate ends, in seconds since 1970.
    pub fn ends(&self) -> anyhow::Result<i64> {
        let cert = CertificateDer::from_pem_slice(self.cert.as_bytes()).context("cert.pem holds no certificate")?;
        let (_, parsed) = X509Certificate::from_der(&cert).context("cert.pem holds no certificate")?;
        Ok(parsed.validity().not_after.timestamp())
    }

    /// The client's side towards the service called `name`.
    pub fn client_config(&self, name: &str) -> tonic::transport::ClientTlsConfig {
        tonic::transport::ClientTlsConfig::new()
            .ca_certificate(tonic::transport::Certificate::from_pem(&self.ca))
            .identity(tonic::transport::Identity::from_pem(&self.cert, &self.key))
            .domain_name(name)
    }
}

/// The caller a peer certificate names: exactly one URI of our trust domain.
pub fn caller_of(cert: &CertificateDer<'_>) -> Result<Caller> {
    let malformed = || {
        crate::Error::new(
            crate::Kind::Unauthenticated,
            "CERTIFICATE_WITHOUT_IDENTITY",
            "the certificate names no identity of this mesh",
            "证书中没有本平台的身份标识",
        )
    };
    let (_, parsed) = X509Certificate::from_der(cert).map_err(|_| malformed())?;
    let names = parsed.subject_alternative_name().map_err(|_| malformed())?.ok_or_else(malformed)?;
    let mut ours = names.value.general_names.iter().filter_map(|name| match name {
        GeneralName::URI(uri) => uri.strip_prefix(TRUST_DOMAIN),
        _ => None,
    });
    match (ours.next(), ours.next()) {
        (Some(path), None) => Caller::parse(path),
        _ => Err(malformed()),
    }
}

/// Certificates for development and tests. A deployment takes them from its own CA.
pub mod dev {
    use anyhow::Context as _;
    use rcgen::{
        BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose,
        SanType,
    };

    use super::{Identity, TRUST_DOMAIN};

    /// A private CA in memory.
    pub struct Ca {
        pem: String,
        issuer: Issuer<'static, KeyPair>,
        key_pem: String,
    }

    impl Ca {
        pub fn new(common_name: &str) -> anyhow::Result<Ca> {
            let mut params = CertificateParams::default();
            params.distinguished_name.push(DnType::CommonName, common_name);
            params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
            params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
            let key = KeyPair::generate()?;
            let key_pem = key.serialize_pem();
            let pem = params.self_signed(&key)?.pem();
            Ok(Ca { pem, issuer: Issuer::new(params, key), key_pem })
        }

        /// A CA written down before, to issue one certificate more.
        pub fn load(pem: &str, key_pem: &str) -> anyhow::Result<Ca> {
            let key = KeyPair::from_pem(key_pem).context("the CA's key is no PEM key")?;
            let issuer = Issuer::from_ca_cert_pem(pem, key).context("the CA's certificate is no PEM certificate")?;
            Ok(Ca { pem: pem.to_owned(), issuer, key_pem: key_pem.to_owned() })
        }

        pub fn pem(&self) -> &str {
            &self.pem
        }

        pub fn key_pem(&self) -> &str {
            &self.key_pem
        }

        /// A certificate for `identity` (`service/registry`) that answers to `dns` names, `localhost` and 127.0.0.1.
        pub fn issue(&self, identity: &str, dns: &[&str]) -> anyhow::Result<Identity> {
            let mut params = CertificateParams::default();
            params.distinguished_name.push(DnType::CommonName, identity);
            params.subject_alt_names.push(SanType::URI(format!("{TRUST_DOMAIN}{identity}").try_into()?));
            for name in dns.iter().copied().chain(["localhost"]) {
                params.subject_alt_names.push(SanType::DnsName(name.try_into()?));
            }
            params.subject_alt_names.push(SanType::IpAddress(std::net::Ipv4Addr::LOCALHOST.into()));
            params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
            params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
            params.use_authority_key_identifier_extension = true;
            let key = KeyPair::generate()?;
            let cert = params.signed_by(&key, &self.issuer)?;
            Ok(Identity { ca: self.pem.clone(), cert: cert.pem(), key: key.serialize_pem() })
        }
    }

    /// Writes `ca.pem`, `cert.pem` and `key.pem` into `dir`, the key for its owner only.
    pub fn write(identity: &Identity, dir: &std::path::Path) -> anyhow::Result<()> {
        use std::{io::Write, os::unix::fs::OpenOptionsExt};
        std::fs::create_dir_all(dir)?;
        std::fs::write(dir.join("ca.pem"), &identity.ca)?;
        std::fs::write(dir.join("cert.pem"), &identity.cert)?;
        let key = dir.join("key.pem");
        if key.exists() {
            std::fs::remove_file(&key)?;
        }
        let mut file = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(key)?;
        file.write_all(identity.key.as_bytes())?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn an_issued_certificate_names_its_caller() {
        let ca = dev::Ca::new("test CA").unwrap();
        let again = dev::Ca::load(ca.pem(), ca.key_pem()).unwrap();
        for ca in [ca, again] {
            let identity = ca.issue("operator/county/621202", &["console"]).unwrap();
            let cert = CertificateDer::from_pem_slice(identity.cert.as_bytes()).unwrap();
            assert_eq!(caller_of(&cert).unwrap().as_str(), "operator/county/621202");
            identity.server_config(false).unwrap();
            assert!(identity.ends().unwrap() > 0);
        }
    }
}
