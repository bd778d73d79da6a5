//! A server that lives no longer than this process. A small shell holds it: when this process ends, in whatever
//! way, the shell's input closes, and it stops the server and removes the server's folder.

use std::{
    net::{Ipv4Addr, TcpListener},
    path::Path,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context as _, bail};

/// Longest wait for a server to answer.
const START_LIMIT: Duration = Duration::from_secs(60);
/// Pause between two looks at a starting server.
const LOOK: Duration = Duration::from_millis(10);

/// Arguments: signal, folder, then the server's command.
const SHELL: &str = r#"
signal=$1; folder=$2; shift 2
"$@" </dev/null >"$folder/server.log" 2>&1 &
server=$!
read -r keep
kill -"$signal" "$server" 2>/dev/null
wait "$server"
[ "$keep" = keep ] || rm -rf "$folder"
"#;

/// A running server.
pub(crate) struct Held(Child);

impl Held {
    /// Starts `command`, to be stopped by `signal`; its output goes to `server.log` in `folder`.
    pub fn start(signal: &str, folder: &Path, command: &[String]) -> anyhow::Result<Held> {
        let child = Command::new("sh")
            .args(["-c", SHELL, "held", signal])
            .arg(folder)
            .args(command)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .context("sh cannot be started")?;
        Ok(Held(child))
    }

    /// Waits until `ready` says so.
    pub fn wait_until(&mut self, folder: &Path, mut ready: impl FnMut() -> bool) -> anyhow::Result<()> {
        let deadline = Instant::now() + START_LIMIT;
        while !ready() {
            if Instant::now() > deadline || self.0.try_wait()?.is_some() {
                let log = std::fs::read_to_string(folder.join("server.log")).unwrap_or_default();
                bail!("the server did not start: {log}");
            }
            std::thread::sleep(LOOK);
        }
        Ok(())
    }

    /// Stops the server and keeps its folder.
    pub fn stop_and_keep(mut self) {
        use std::io::Write as _;
        if let Some(mut input) = self.0.stdin.take() {
            let _ = input.write_all(b"keep\n");
        }
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        drop(self.0.stdin.take());
        let _ = self.0.wait();
    }
}

/// A port nobody listens on now.
pub(crate) fn free_port() -> anyhow::Result<u16> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port())
}

pub(crate) fn answers(port: u16) -> bool {
    std::net::TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_ok()
}
