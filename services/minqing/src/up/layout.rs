//! Where everything of one data folder lives.

use std::{
    fs,
    net::{Ipv4Addr, TcpListener},
    path::{Path, PathBuf},
};

use anyhow::Context as _;
use minqing_kit::keys::Keyring;

/// Moment at which a simulated mesh begins: Monday 2026-10-26, 09:00 in China.
const SIMULATION_START: &str = "2026-10-26T09:00:00+08:00";

/// The data folder and its parts.
pub struct Layout {
    /// The folder itself.
    pub root: PathBuf,
    /// True when the mesh runs by the machine's clock rather than by the clock file.
    pub real_clock: bool,
}

impl Layout {
    /// Makes the folders, the keys and the clock file where missing.
    pub fn prepare(root: &Path, real_clock: bool) -> anyhow::Result<Self> {
        fs::create_dir_all(root).with_context(|| format!("cannot create {}", root.display()))?;
        let layout = Self { root: root.canonicalize()?, real_clock };
        for folder in [layout.logs(), layout.certificates(), layout.root.join("exchange")] {
            fs::create_dir_all(folder)?;
        }
        if !layout.keys().exists() {
            Keyring::generate().save(&layout.keys())?;
        }
        if !real_clock {
            fs::write(layout.clock(), SIMULATION_START)?;
        }
        Ok(layout)
    }

    /// Key file, readable by its owner only.
    pub fn keys(&self) -> PathBuf {
        self.root.join("keys.json")
    }

    /// Clock file of a simulated mesh.
    pub fn clock(&self) -> PathBuf {
        self.root.join("clock")
    }

    /// One log file a process.
    pub fn logs(&self) -> PathBuf {
        self.root.join("logs")
    }

    /// One folder an identity, with ca.pem, cert.pem and key.pem.
    pub fn certificates(&self) -> PathBuf {
        self.root.join("certificates")
    }

    /// Certificate folder of an identity such as bureau/education.
    pub fn certificate(&self, identity: &str) -> PathBuf {
        self.certificates().join(identity.replace('/', "."))
    }

    /// Watched folder of a bureau's adapter.
    pub fn exchange(&self, bureau: &str) -> PathBuf {
        self.root.join("exchange").join(bureau)
    }
}

/// A port nobody listens on now.
pub fn free_port() -> std::io::Result<u16> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port())
}
