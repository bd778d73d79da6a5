//! Where everything of one data folder lives.

use std::{
    fs,
    net::{Ipv4Addr, TcpListener},
    ops::Range,
    path::{Path, PathBuf},
};

use anyhow::Context as _;
use minqing_kit::keys::{Keyring, SigningKey, signing::SIGNING_FILE};
use rand::Rng as _;

use crate::services;

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
        for bureau in services::bureaus() {
            let folder = layout.signing(bureau);
            if !folder.join(SIGNING_FILE).exists() {
                SigningKey::generate()?.save(&folder)?;
            }
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

    /// Keys with which a bureau's adapter signs receipts: signing.pem, for the bureau and auditors public.pem, and
    /// whatever bureau*.pem the bureau has registered.
    pub fn signing(&self, bureau: &str) -> PathBuf {
        self.root.join("signing").join(format!("adapter.{bureau}"))
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

/// Ports below the range from which Linux takes the ports of outgoing connections (32768 and up): a process that is
/// started again finds its port free.
const PORTS: Range<u16> = 20_000..32_000;

/// Hands out ports nobody listens on, each once.
pub struct Ports {
    next: u16,
}

impl Ports {
    /// Begins at a random place, so that meshes side by side do not meet.
    pub fn new() -> Self {
        Self { next: rand::rng().random_range(PORTS) }
    }

    /// The next free port.
    pub fn take(&mut self) -> anyhow::Result<u16> {
        for _ in PORTS {
            let port = self.next;
            self.next = if port + 1 < PORTS.end { port + 1 } else { PORTS.start };
            if TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok() {
                return Ok(port);
            }
        }
        anyhow::bail!("no port between {} and {} is free", PORTS.start, PORTS.end)
    }
}
