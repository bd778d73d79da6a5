//! The clients that bureaus copy, run as their programmers would, against a whole mesh and over a line that is cut.

use std::{
    fmt::Write as _,
    fs,
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{Command, Output},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Instant,
};

use anyhow::{Context as _, ensure};
use minqing_city::person::check_digit;
use serde_json::Value;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _, copy_bidirectional},
    net::{TcpListener, TcpStream},
};

use super::{
    harness::{Mesh, binary, root, setting},
    mesh_calls::{ID_NUMBER, NAME, PATIENCE, TODAY, collect, tell},
};

const ROWS: usize = 4_000;
/// So much of the first connection gets through.
const CUT_AFTER: usize = 200_000;

#[tokio::test(flavor = "multi_thread")]
async fn the_clients_send_over_a_line_that_is_cut_keep_a_good_receipt_and_answer_referrals() -> anyhow::Result<()> {
    let (Some(python), Some(java)) = (setting("MINQING_TEST_PYTHON"), setting("MINQING_TEST_JAVA_CLIENT")) else {
        tell("skipped: MINQING_TEST_PYTHON or MINQING_TEST_JAVA_CLIENT is not set; bash tests/run sets them");
        return Ok(());
    };
    let mesh = Mesh::waiting(&[])?;
    let folder = tempfile::tempdir()?;
    let client = |name, words: Vec<PathBuf>| Client {
        name,
        words,
        gateway: mesh.facts()["gateway"]["address"].as_str().unwrap_or_default().replace("https://", ""),
        folder: folder.path().to_owned(),
        certificate: mesh.certificate("bureau/rural"),
    };
    let made = folder.path().join("made");
    let python = client("python", vec![python, root().join("clients/python/bureau.py"), "--made".into(), made]);
    let java = client("java", vec![java]);

    collect(&mesh, 300_000).await??;
    for client in [&python, &java] {
        a_batch_survives_a_cut(client, &mesh).await?;
    }
    a_referral_is_signed_for_and_answered(&python, &java, &mesh).await?;

    let withdraw = ["withdraw", "python", "--reason", "wrong month", "--user", "clerk-1"];
    let first = java.run(&withdraw)?;
    assert!(text(&first).starts_with(&format!("python: withdrawn 已撤回, records {} ", ROWS - 1)), "{first:?}");
    assert_eq!(text(&python.run(&withdraw)?), text(&first), "asked again, it answers the first withdrawal");
    Ok(())
}

async fn a_batch_survives_a_cut(client: &Client, mesh: &Mesh) -> anyhow::Result<()> {
    let told = client.run(&["datasets"])?;
    ensure!(text(&told).contains("monitored_household"), "{told:?}");

    let name = format!("{}.csv", client.name);
    let file = client.folder.join(&name);
    fs::write(&file, csv(ROWS))?;
    let send = ["send", &name, "--dataset", "monitored_household", "--division", "621202", "--as-of", TODAY];
    let (line, connections) = line_that_is_cut(client.gateway.parse()?).await?;
    let cut = client.run_at(&line.to_string(), &send)?;
    assert_eq!(cut.status.code(), Some(1), "a refused row is told by the exit code: {cut:?}");
    assert!(text(&cut).contains(&format!("sent {ROWS} 报送, accepted {}", ROWS - 1)), "{cut:?}");
    assert!(text(&cut).contains("row 1 第1行 户主证件号码 id_number: "), "{cut:?}");
    assert!(String::from_utf8_lossy(&cut.stderr).contains("again in"), "the line was not cut: {cut:?}");
    assert!(connections.load(Ordering::SeqCst) >= 2);

    let again = client.run(&send)?;
    assert_eq!(text(&again), text(&cut), "a repeat gets the first answer");
    assert_eq!(verify(&client.folder.join(format!("{name}.receipt.json")), mesh)?, Some(0));

    for (contents, fault) in
        [("户主证件号码,没有的列\nx,y\n", "没有的列"), ("id_number,income_fen\nx,many\n", "line 2: ")]
    {
        fs::write(&file, contents)?;
        let refused = client.run(&send)?;
        assert_eq!(refused.status.code(), Some(2), "{refused:?}");
        assert!(String::from_utf8_lossy(&refused.stderr).contains(fault), "{refused:?}");
    }
    Ok(())
}

async fn a_referral_is_signed_for_and_answered(python: &Client, java: &Client, mesh: &Mesh) -> anyhow::Result<()> {
    let deadline = Instant::now() + PATIENCE;
    let referral = loop {
        let fetched = python.run(&["referrals", "--sign", "clerk-1"])?;
        ensure!(fetched.status.success(), "{fetched:?}");
        if let Some(line) = text(&fetched).lines().next() {
            break serde_json::from_str::<Value>(line)?;
        }
        ensure!(Instant::now() < deadline, "no referral came\n{}", mesh.wreckage());
    };
    assert_eq!(referral["persons"][0]["id_number"], ID_NUMBER);
    let signed = java.run(&["referrals", "--sign", "clerk-1"])?;
    assert_eq!((signed.status.code(), text(&signed).as_str()), (Some(0), ""), "one signed for waits no more");

    let field = |name: &str| referral[name].as_str().unwrap_or_default().to_owned();
    let head = "record_no,referral,programme,decision,amount_fen,handled_on";
    let answers = format!(
        "{head}\nFK-1,{0},{1},granted,50000,{TODAY}\nFK-2,{0},{1},refused,,{TODAY}\n",
        field("name"),
        field("programme")
    );
    fs::write(python.folder.join("answers.csv"), answers)?;
    let first = java.run(&["answer", "answers.csv"])?;
    assert_eq!(first.status.code(), Some(1), "{first:?}");
    assert!(text(&first).contains("FK-1: taken") && text(&first).contains("FK-2: reason_code: "), "{first:?}");
    let again = python.run(&["answer", "answers.csv"])?;
    assert_eq!((again.status.code(), text(&again)), (Some(1), text(&first)), "both make the same request of a file");
    Ok(())
}

/// A bureau's programmer with a client.
struct Client {
    name: &'static str,
    words: Vec<PathBuf>,
    gateway: String,
    folder: PathBuf,
    certificate: PathBuf,
}

impl Client {
    fn run(&self, arguments: &[&str]) -> anyhow::Result<Output> {
        self.run_at(&self.gateway, arguments)
    }

    fn run_at(&self, address: &str, arguments: &[&str]) -> anyhow::Result<Output> {
        let (program, words) = self.words.split_first().context("no program")?;
        let mut command = Command::new(program);
        command.args(words).args(["--address", address]).arg("--certificate").arg(&self.certificate).args(arguments);
        Ok(tokio::task::block_in_place(|| command.current_dir(&self.folder).output())?)
    }
}

fn text(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// Rows of so many persons, the last of them in the register; the first one's number has a wrong check digit.
fn csv(rows: usize) -> String {
    let mut file = "id_number,name,division_code,kind,risk_kinds,entered_on,risk_state,income_fen\n".to_owned();
    let mut line = |number: &str| {
        let _ = writeln!(file, "{number},{NAME},621202100000,sudden,因病,2026-03-02,open,700000");
    };
    for n in 0..rows - 1 {
        let number = format!("62122119{:02}{:02}{:02}{:03}", 60 + n % 40, n / 40 % 12 + 1, n / 480 % 28 + 1, 1);
        let digit = check_digit(&number);
        let digit = if n == 0 && digit == '0' {
            '1'
        } else if n == 0 {
            '0'
        } else {
            digit
        };
        line(&format!("{number}{digit}"));
    }
    line(ID_NUMBER);
    file
}

/// A way to the gateway whose first connection breaks off in the middle of what is sent.
#[expect(clippy::disallowed_methods, reason = "it ends with the test; what breaks in it breaks the client's call")]
async fn line_that_is_cut(gateway: SocketAddr) -> anyhow::Result<(SocketAddr, Arc<AtomicUsize>)> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    let connections = Arc::new(AtomicUsize::new(0));
    let seen = Arc::clone(&connections);
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            let first = seen.fetch_add(1, Ordering::SeqCst) == 0;
            tokio::spawn(async move {
                let Ok(server) = TcpStream::connect(gateway).await else { return };
                pass(client, server, first).await;
            });
        }
    });
    Ok((address, connections))
}

async fn pass(mut client: TcpStream, mut server: TcpStream, cut: bool) {
    if !cut {
        let _ = copy_bidirectional(&mut client, &mut server).await;
        return;
    }
    let (mut from_client, mut to_client) = client.split();
    let (mut from_server, mut to_server) = server.split();
    let forth = async {
        let (mut passed, mut buffer) = (0, [0; 8_192]);
        while passed < CUT_AFTER {
            match from_client.read(&mut buffer).await {
                Ok(read) if read > 0 && to_server.write_all(&buffer[..read]).await.is_ok() => passed += read,
                _ => return,
            }
        }
    };
    tokio::select! {
        () = forth => {}
        _ = tokio::io::copy(&mut from_server, &mut to_client) => {}
    }
}

/// Exit code of the check that needs no mesh.
fn verify(receipt: &Path, mesh: &Mesh) -> anyhow::Result<Option<i32>> {
    let key = mesh.path("signing").join("adapter.rural").join("public.pem");
    let checked =
        Command::new(binary("minqing")).args(["receipt", "verify"]).arg(receipt).arg("--key").arg(key).output()?;
    Ok(checked.status.code())
}
