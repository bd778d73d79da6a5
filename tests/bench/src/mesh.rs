//! The mesh as a client of a bureau or an operator sees it.

use std::{
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::Context as _;
use serde_json::Value;
use tonic::transport::{Certificate, Channel, ClientTlsConfig, Endpoint, Identity};

/// The file `minqing up` writes.
pub struct Mesh(Value);

impl Mesh {
    pub fn read(path: &Path) -> anyhow::Result<Mesh> {
        let text = fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
        Ok(Mesh(serde_json::from_slice(&text)?))
    }

    /// A connection to a service with the certificate of an identity.
    pub async fn channel(&self, service: &str, identity: &str) -> anyhow::Result<Channel> {
        let address = self.0["services"][service]["address"].as_str().context("no such service in the mesh file")?;
        let folder = self.0["certificates"][identity].as_str().context("no such certificate in the mesh file")?;
        let read = |name: &str| fs::read(Path::new(folder).join(name));
        let tls = ClientTlsConfig::new()
            .ca_certificate(Certificate::from_pem(read("ca.pem")?))
            .identity(Identity::from_pem(read("cert.pem")?, read("key.pem")?))
            .domain_name(service);
        let endpoint = Endpoint::from_shared(address.to_owned())?.tls_config(tls)?.tcp_nodelay(true);
        Ok(endpoint.connect_timeout(Duration::from_secs(5)).connect().await?)
    }

    /// URL of the database as its administrator.
    pub fn database(&self) -> anyhow::Result<&str> {
        self.0["admin_database_url"].as_str().context("no database in the mesh file")
    }

    /// The folder through which an adapter's bureau exchanges files.
    pub fn exchange_folder(&self, service: &str) -> anyhow::Result<PathBuf> {
        Ok(self.0["services"][service]["exchange_dir"].as_str().context("this adapter has no exchange folder")?.into())
    }

    pub fn redis(&self) -> anyhow::Result<&str> {
        self.0["redis"].as_str().context("no Redis in the mesh file")
    }

    /// Today as the mesh's clock shows it, YYYY-MM-DD.
    pub fn today(&self) -> anyhow::Result<String> {
        let clock = self.0["clock_file"].as_str().context("the bench needs a mesh with a clock file")?;
        Ok(fs::read_to_string(clock)?.trim().get(..10).context("the clock file holds no date")?.to_owned())
    }
}
