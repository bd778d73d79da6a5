//! Development certificates: one authority a data folder, one certificate an identity.
//!
//! A real deployment gets them from its own authority; only the URI matters to the mesh.

use std::{fs, io::Write as _, os::unix::fs::OpenOptionsExt as _, path::Path};

use minqing_kit::tls::dev::{self, Ca};

use super::layout::Layout;
use crate::services;

/// The nine counties of 陇南市.
const COUNTIES: [&str; 9] = ["621202", "621221", "621222", "621223", "621224", "621225", "621226", "621227", "621228"];

/// Every identity that gets a certificate: processes, bureaus, operators.
pub fn identities() -> Vec<String> {
    let mut all: Vec<String> = services::names().iter().map(|name| services::identity(name)).collect();
    all.push("service/gateway".to_owned());
    all.extend(services::bureaus().iter().map(|bureau| format!("bureau/{bureau}")));
    all.extend(["operator/admin".to_owned(), "operator/city".to_owned()]);
    for county in COUNTIES {
        all.push(format!("operator/county/{county}"));
        all.push(format!("operator/township/{county}"));
    }
    all
}

/// Makes what is missing; an existing authority and its certificates are kept.
pub fn prepare(layout: &Layout) -> anyhow::Result<()> {
    let authority = authority(&layout.certificates())?;
    for identity in identities() {
        let folder = layout.certificate(&identity);
        if !folder.join("cert.pem").exists() {
            // Peers check the name a service is called by, so it is the certificate's DNS name.
            let host = match identity.split_once('/') {
                Some(("adapter", bureau)) => format!("adapter-{bureau}"),
                Some(("service", name)) => name.to_owned(),
                _ => "client".to_owned(),
            };
            dev::write(&authority.issue(&identity, &[&host])?, &folder)?;
        }
    }
    Ok(())
}

fn authority(folder: &Path) -> anyhow::Result<Ca> {
    let (pem, key) = (folder.join("ca.pem"), folder.join("ca.key.pem"));
    if pem.exists() {
        return Ca::load(&fs::read_to_string(pem)?, &fs::read_to_string(key)?);
    }
    let authority = Ca::new("minqing development")?;
    let mut file = fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(key)?;
    file.write_all(authority.key_pem().as_bytes())?;
    // The certificate last: it is what says that the authority is whole.
    fs::write(pem, authority.pem())?;
    Ok(authority)
}
