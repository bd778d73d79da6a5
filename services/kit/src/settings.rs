//! The sixteen knobs of a service, read from the environment once, here and nowhere else. A wrong one is named, with
//! what is wrong and what to set; all faults are told at once.

use std::{collections::BTreeMap, fmt, net::SocketAddr, path::PathBuf};

/// Where "now" comes from.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub enum ClockSource {
    #[default]
    System,
    /// A file with one RFC 3339 instant, for simulations.
    File(PathBuf),
}

/// The one process that keeps nothing.
const WITHOUT_DATABASE: &str = "gateway";

/// What a service needs to know of its surroundings.
#[derive(Clone)]
pub struct Settings {
    pub database_url: String,
    pub redis_url: String,
    /// Address of the mesh port (gRPC over mutual TLS).
    pub listen: SocketAddr,
    /// Address of the admin port (plaintext health and metrics, for the machine itself).
    pub admin_listen: SocketAddr,
    /// Folder with `ca.pem`, `cert.pem`, `key.pem`.
    pub tls_dir: PathBuf,
    /// Name of a service → its URL.
    pub peers: BTreeMap<String, String>,
    pub keys_file: PathBuf,
    pub otlp_endpoint: Option<String>,
    pub clock: ClockSource,
    pub policy_dir: Option<PathBuf>,
    /// Filter of the log, as of `tracing`: `info`, `info,sqlx=warn`.
    pub log: String,
    /// Adapters only: the folder a bureau puts files into.
    pub exchange_dir: Option<PathBuf>,
    /// Adapters only: the bureau's own database, whose exchange tables are read and written.
    pub exchange_database_url: Option<String>,
    /// Adapters only: the folder with the key that signs receipts, and with the public keys of its bureau.
    pub signing_dir: Option<PathBuf>,
    /// Adapters only: what this deployment says of its bureau: datasets taken, headers, local codes.
    pub bureau_file: Option<PathBuf>,
    /// Days for which adapters keep what a bureau sent, and monitoring what stood before a batch, so that it can be
    /// withdrawn.
    pub raw_days: u32,
    /// Registry only: days after the last decision on a review of who is meant for which it keeps what came, sealed.
    pub review_text_days: u32,
}

/// Long enough to mend a mapping and run a month's feeds again.
const RAW_DAYS: u32 = 35;
/// No more than the longest rhythm of a feed, a year, and its grace.
const MOST_RAW_DAYS: u32 = 400;
/// Time for an objection and an inspection. No rule gives a figure: 个人信息保护法 Art. 19 asks for the shortest time needed.
const REVIEW_TEXT_DAYS: u32 = 180;
/// Three years.
const MOST_REVIEW_TEXT_DAYS: u32 = 1096;

impl Settings {
    /// Reads the environment of the service `name`.
    pub fn from_env(name: &str) -> anyhow::Result<Settings> {
        Settings::read(name, variable)
    }

    fn read(name: &str, get: impl Fn(&'static str) -> Option<String>) -> anyhow::Result<Settings> {
        let mut faults = Faults(Vec::new());
        let settings = Settings {
            database_url: if name == WITHOUT_DATABASE {
                String::new()
            } else {
                faults.need(
                    "MINQING_DATABASE_URL",
                    &get,
                    "set the PostgreSQL URL of the service's own role, such as postgres://registry:…@db:5432/minqing",
                )
            },
            redis_url: get("MINQING_REDIS_URL").unwrap_or_else(|| "redis://127.0.0.1:6379".to_owned()),
            listen: faults.address("MINQING_LISTEN", &get, "0.0.0.0:7000"),
            admin_listen: faults.address("MINQING_ADMIN_LISTEN", &get, "0.0.0.0:7100"),
            tls_dir: PathBuf::from(faults.need(
                "MINQING_TLS_DIR",
                &get,
                "set the folder that holds ca.pem, cert.pem and key.pem",
            )),
            peers: faults.peers(get("MINQING_PEERS").unwrap_or_default()),
            keys_file: PathBuf::from(faults.need("MINQING_KEYS_FILE", &get, "set the JSON file with the keys")),
            otlp_endpoint: get("MINQING_OTLP_ENDPOINT"),
            clock: faults.clock(get("MINQING_CLOCK").unwrap_or_default()),
            policy_dir: get("MINQING_POLICY_DIR").map(PathBuf::from),
            log: get("MINQING_LOG").unwrap_or_else(|| "info".to_owned()),
            exchange_dir: get("MINQING_EXCHANGE_DIR").map(PathBuf::from),
            exchange_database_url: get("MINQING_EXCHANGE_DATABASE_URL"),
            signing_dir: get("MINQING_SIGNING_DIR").map(PathBuf::from),
            bureau_file: get("MINQING_BUREAU_FILE").map(PathBuf::from),
            raw_days: faults.days("MINQING_RAW_DAYS", &get, RAW_DAYS, MOST_RAW_DAYS),
            review_text_days: faults.days("MINQING_REVIEW_TEXT_DAYS", &get, REVIEW_TEXT_DAYS, MOST_REVIEW_TEXT_DAYS),
        };
        faults.check_url("MINQING_DATABASE_URL", &settings.database_url, &["postgres://", "postgresql://"]);
        faults.check_url(
            "MINQING_REDIS_URL",
            &settings.redis_url,
            &["redis://", "rediss://", "unix://", "redis+unix://"],
        );
        faults.check_url(
            "MINQING_EXCHANGE_DATABASE_URL",
            settings.exchange_database_url.as_deref().unwrap_or_default(),
            &["postgres://", "postgresql://", "mysql://", "mariadb://"],
        );
        if faults.0.is_empty() {
            return Ok(settings);
        }
        anyhow::bail!("{name} cannot start, its settings are wrong:\n  {}", faults.0.join("\n  "))
    }
}

#[expect(clippy::disallowed_methods, reason = "the one place that reads the environment")]
fn variable(key: &'static str) -> Option<String> {
    std::env::var(key).ok().map(|v| v.trim().to_owned()).filter(|v| !v.is_empty())
}

struct Faults(Vec<String>);

impl Faults {
    fn need(&mut self, key: &'static str, get: &impl Fn(&'static str) -> Option<String>, what: &str) -> String {
        get(key).unwrap_or_else(|| {
            self.0.push(format!("{key} is not set; {what}"));
            String::new()
        })
    }

    fn address(
        &mut self,
        key: &'static str,
        get: &impl Fn(&'static str) -> Option<String>,
        default: &'static str,
    ) -> SocketAddr {
        let text = get(key).unwrap_or_else(|| default.to_owned());
        text.parse().unwrap_or_else(|_| {
            self.0.push(format!("{key} is {text:?}, not an address; set one such as {default}"));
            SocketAddr::from(([127, 0, 0, 1], 0))
        })
    }

    fn peers(&mut self, text: String) -> BTreeMap<String, String> {
        let mut peers = BTreeMap::new();
        for entry in text.split(',').map(str::trim).filter(|e| !e.is_empty()) {
            match entry.split_once('=') {
                Some((name, url)) if url.starts_with("https://") && !name.is_empty() => {
                    peers.insert(name.trim().to_owned(), url.trim().to_owned());
                }
                _ => self.0.push(format!(
                    "MINQING_PEERS has the entry {entry:?}; set name=https://host:port, entries separated by commas"
                )),
            }
        }
        peers
    }

    fn clock(&mut self, text: String) -> ClockSource {
        match text.as_str() {
            "" | "system" => ClockSource::System,
            other => match other.strip_prefix("file:") {
                Some(path) if !path.is_empty() => ClockSource::File(PathBuf::from(path)),
                _ => {
                    self.0.push(format!("MINQING_CLOCK is {other:?}; set \"system\" or \"file:/path\""));
                    ClockSource::System
                }
            },
        }
    }

    fn days(
        &mut self,
        key: &'static str,
        get: &impl Fn(&'static str) -> Option<String>,
        default: u32,
        most: u32,
    ) -> u32 {
        let Some(text) = get(key) else { return default };
        text.parse().ok().filter(|days| (1..=most).contains(days)).unwrap_or_else(|| {
            self.0.push(format!("{key} is {text:?}; set a number of days from 1 to {most}"));
            default
        })
    }

    fn check_url(&mut self, key: &str, url: &str, schemes: &[&str]) {
        if !url.is_empty() && !schemes.iter().any(|s| url.starts_with(s)) {
            // The URL may hold a password, so it is not repeated here.
            self.0.push(format!("{key} does not start with {}; set such a URL", schemes.join(" or ")));
        }
    }
}

impl fmt::Debug for Settings {
    /// Without the URLs, which may hold passwords.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settings")
            .field("listen", &self.listen)
            .field("admin_listen", &self.admin_listen)
            .field("peers", &self.peers)
            .field("clock", &self.clock)
            .field("log", &self.log)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;

    fn read(set: &[(&'static str, &str)]) -> anyhow::Result<Settings> {
        let map: BTreeMap<_, _> = set.iter().map(|(k, v)| (*k, (*v).to_owned())).collect();
        Settings::read("registry", |key| map.get(key).cloned())
    }

    const MINIMAL: [(&str, &str); 3] = [
        ("MINQING_DATABASE_URL", "postgres://u:hidden@h/db"),
        ("MINQING_TLS_DIR", "/tls"),
        ("MINQING_KEYS_FILE", "/keys.json"),
    ];

    #[test]
    fn three_variables_are_enough() {
        let settings = read(&MINIMAL).unwrap();
        assert_eq!(settings.clock, ClockSource::System);
        assert_eq!(settings.log, "info");
        assert_eq!((settings.raw_days, settings.review_text_days), (RAW_DAYS, REVIEW_TEXT_DAYS));
        assert!(!format!("{settings:?}").contains("hidden"));
    }

    #[test]
    fn every_fault_is_named_at_once() {
        let text = read(&[
            ("MINQING_DATABASE_URL", "mysql://u:hidden@h"),
            ("MINQING_LISTEN", "here"),
            ("MINQING_PEERS", "registry=http://x"),
            ("MINQING_CLOCK", "moon"),
            ("MINQING_EXCHANGE_DATABASE_URL", "oracle://u:hidden@h"),
            ("MINQING_RAW_DAYS", "0"),
            ("MINQING_REVIEW_TEXT_DAYS", "1097"),
        ])
        .unwrap_err()
        .to_string();
        for key in [
            "MINQING_DATABASE_URL",
            "MINQING_TLS_DIR",
            "MINQING_KEYS_FILE",
            "MINQING_LISTEN",
            "MINQING_PEERS",
            "MINQING_CLOCK",
            "MINQING_EXCHANGE_DATABASE_URL",
            "MINQING_RAW_DAYS",
            "MINQING_REVIEW_TEXT_DAYS",
        ] {
            assert!(text.contains(key), "{key} missing in {text}");
        }
        assert!(!text.contains("hidden"));
    }

    #[test]
    fn peers_are_a_list_of_names_and_urls() {
        let mut set = MINIMAL.to_vec();
        set.push(("MINQING_PEERS", "registry=https://127.0.0.1:7001, monitoring=https://m:7002"));
        let settings = read(&set).unwrap();
        assert_eq!(settings.peers["monitoring"], "https://m:7002");
    }
}
