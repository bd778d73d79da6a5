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
use minqing_proto::minqing::identification::v1::RequestVerificationRequest;
use serde_json::Value;
use sqlx::{Connection as _, PgConnection};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _, copy_bidirectional},
    net::{TcpListener, TcpStream},
};
use uuid::Uuid;

use super::{
    harness::{Mesh, binary, root, setting},
    mesh_calls::{ID_NUMBER, NAME, PATIENCE, TODAY, collect, tell},
    mesh_verification::{County, asked, call_off, requested, until},
};

const ROWS: usize = 4_000;
/// So much of the first connection gets through.
const CUT_AFTER: usize = 200_000;

#[tokio::test(flavor = "multi_thread")]
async fn the_clients_send_over_a_line_that_is_cut_keep_a_good_receipt_and_answer_what_is_asked() -> anyhow::Result<()> {
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
    a_verification_is_signed_for_answered_and_called_off(&python, &java, &mesh).await?;
    a_file_that_cannot_be_read_is_told_alike(&python, &java)?;

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
        [("户主证件号码,没有的列\nx,y\n", "第几列: 2"), ("id_number,income_fen\nx,many\n", "line 2: ")]
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

const ANSWER_COLUMNS: &str = "verification,id_number,dataset,outcome,batch_no,reason_code";

async fn a_verification_is_signed_for_answered_and_called_off(
    python: &Client,
    java: &Client,
    mesh: &Mesh,
) -> anyhow::Result<()> {
    let mut county = County::new(mesh.channel("gateway", Some("operator/county/621202")).await?);
    let asked = asked(mesh).await?;
    let first = requested(mesh, &mut county, &asked).await?.name;
    let handed_out = fetched(python, &["verifications", "--sign", "clerk-1"], mesh).await?;
    let verification = serde_json::from_str::<Value>(&handed_out)?;
    assert_eq!(
        (&verification["name"], &verification["persons"][0]["id_number"]),
        (&first.clone().into(), &ID_NUMBER.into())
    );
    let mut connection = PgConnection::connect(&mesh.database()).await?;
    let signed: i64 = sqlx::query_scalar("select count(*) from adapter_rural.verification where signed_on is not null")
        .fetch_one(&mut connection)
        .await?;
    connection.close().await?;
    assert_eq!(signed, 1);
    let waiting = java.run(&["verifications"])?;
    assert_eq!((waiting.status.code(), text(&waiting).as_str()), (Some(0), ""), "one signed for waits no more");

    let line = |name: &str, outcome: &str| format!("{name},{ID_NUMBER},monitored_household,{outcome}");
    let answers = format!("{ANSWER_COLUMNS}\n{}\n{}\n", line(&first, "Nothing_Found,,"), line(&first, "found,,"));
    fs::write(java.folder.join("answers.csv"), answers)?;
    let told = java.run(&["verify", "answers.csv"])?;
    assert_eq!(told.status.code(), Some(1), "{told:?}");
    let start = "line 2 第2行: taken 已接收\nline 3 第3行: batch_no: batch_no 有记录时";
    assert!(text(&told).starts_with(start) && !text(&told).contains(ID_NUMBER), "{told:?}");
    let again = python.run(&["verify", "answers.csv"])?;
    assert_eq!((again.status.code(), text(&again)), (Some(1), text(&told)));

    let second = RequestVerificationRequest { request_id: Uuid::from_u128(72).to_string(), ..asked };
    let second = requested(mesh, &mut county, &second).await?.name;
    let unsigned = fetched(java, &["verifications"], mesh).await?;
    assert_eq!(unsigned.replace(&second, &first), handed_out, "both print the same JSON");
    an_answer_before_its_batch_is_asked_anew(python, java, &line(&second, "found,late,"))?;

    call_off(&mut county, &second).await?;
    let news = format!("{second}: called off, nothing may be looked up for it any more 已撤销，不得再查询\n");
    until(mesh, "the bureau to be told", async || Ok(told_of(&second, &python.run(&["verifications"])?) == news))
        .await?;
    let signing = java.run(&["verifications", "--sign", "clerk-1"])?;
    assert_eq!((signing.status.code(), told_of(&second, &signing)), (Some(0), news), "it is told until signed for");
    let after = python.run(&["verifications"])?;
    assert_eq!((after.status.code(), told_of(&second, &after).as_str()), (Some(0), ""));
    Ok(())
}

/// What a client prints once something waits.
async fn fetched(client: &Client, arguments: &[&str], mesh: &Mesh) -> anyhow::Result<String> {
    let mut printed = String::new();
    until(mesh, "something to be handed out", async || {
        let output = client.run(arguments)?;
        ensure!(output.status.success(), "{output:?}");
        printed = text(&output);
        Ok(!printed.is_empty())
    })
    .await?;
    Ok(printed)
}

/// In the second request of a file whose first is full of what was not asked.
fn an_answer_before_its_batch_is_asked_anew(python: &Client, java: &Client, answer: &str) -> anyhow::Result<()> {
    let other = answer.replace("monitored_household", "pension");
    let answers = format!("{ANSWER_COLUMNS}\n{}{answer}\n", format!("{other}\n").repeat(500));
    fs::write(python.folder.join("late.csv"), answers)?;
    let early = python.run(&["verify", "late.csv"])?;
    assert_eq!((early.status.code(), text(&early).lines().count()), (Some(1), 501), "{early:?}");
    let last = |output: &Output| text(output).lines().last().unwrap_or_default().to_owned();
    assert!(
        last(&early).starts_with("line 502 第502行: batch_no: batch_no 没有该数据集的有效批次"),
        "{}",
        last(&early)
    );

    fs::write(java.folder.join("rows.csv"), csv(1))?;
    let send = ["send", "rows.csv", "--dataset", "monitored_household", "--division", "621202", "--as-of", TODAY];
    let sent = java.run(&[&send[..], &["--batch-no", "late"]].concat())?;
    assert!(sent.status.success(), "{sent:?}");
    assert_eq!(text(&java.run(&["verify", "late.csv"])?), text(&early), "both make the same requests of a file");
    let anew = java.run(&["verify", "late.csv", "--anew"])?;
    assert_eq!((anew.status.code(), last(&anew).as_str()), (Some(1), "line 502 第502行: taken 已接收"));
    Ok(())
}

/// Nothing of the file is sent, and nothing of a person in it is told.
fn a_file_that_cannot_be_read_is_told_alike(python: &Client, java: &Client) -> anyhow::Result<()> {
    let name = "verifications/1";
    let files = [
        (format!("{name},{ID_NUMBER},pension,found\n"), "第几列: 1, 2, 3, 4"),
        (
            format!("{ANSWER_COLUMNS}\n\n {name},\u{3000}{ID_NUMBER},pension,{ID_NUMBER}\n"),
            "line 2: outcome must be one of",
        ),
        (format!("{ANSWER_COLUMNS}\n{name},{ID_NUMBER},pension,cannot,,1,{ID_NUMBER}\n"), "line 2: more cells"),
        (format!("{ANSWER_COLUMNS}\n"), "没有要发送的行"),
    ];
    for (contents, fault) in files {
        fs::write(python.folder.join("wrong.csv"), contents)?;
        let told = python.run(&["verify", "wrong.csv"])?;
        let same = java.run(&["verify", "wrong.csv"])?;
        let (ours, theirs) = (told_of("wrong.csv", &told), told_of("wrong.csv", &same));
        assert_eq!((told.status.code(), same.status.code(), &ours), (Some(2), Some(2), &theirs), "{told:?} {same:?}");
        assert!(ours.contains(fault) && !ours.contains(ID_NUMBER), "{ours}");
    }
    Ok(())
}

/// What is said of a thing on standard error.
fn told_of(name: &str, output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).split_inclusive('\n').filter(|line| line.starts_with(name)).collect()
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
