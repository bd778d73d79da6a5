//! ZIPs in the watched folder: several files in one, names as a Chinese Windows writes them, faults of the whole and of
//! one member, services that are away, death at any moment.

use std::{
    io::{Cursor, Write as _},
    sync::{Arc, atomic::Ordering},
};

use encoding_rs::GB18030;
use minqing_adapter::{
    files::{self, Folder},
    receipt::verify::{Verdict, check, read},
};
use minqing_kit::reconcile::Reconciler as _;
use sha2::{Digest as _, Sha256};
use uuid::Uuid;
use zip::{CompressionMethod, write::SimpleFileOptions};

use crate::{
    mesh::Mesh,
    referral::{issue, issued},
    rows::{csv, id_number, student, table, xlsx},
    tables::own,
    tables_killed::dies_after,
};

fn name(batch_no: &str, ending: &str) -> String {
    format!("student_enrolment__621202__2026-10-26__changes__{batch_no}.{ending}")
}

/// A ZIP of these files. Names are put in as the bytes they are, which no careful writer would do.
pub fn packed(entries: &[(&[u8], &[u8])]) -> Vec<u8> {
    let mut writer = zip::ZipWriter::new(Cursor::new(Vec::new()));
    let options = SimpleFileOptions::default().compression_method(CompressionMethod::Deflated);
    for (at, (name, content)) in entries.iter().enumerate() {
        let width = name.len();
        writer.start_file(format!("{at:0>width$}"), options).unwrap();
        writer.write_all(content).unwrap();
    }
    let mut bytes = writer.finish().unwrap().into_inner();
    for (mark, names_at) in [(b"PK\x03\x04", 30), (b"PK\x01\x02", 46)] {
        let places: Vec<_> = bytes.windows(4).enumerate().filter(|(_, w)| w == mark).map(|(at, _)| at).collect();
        assert_eq!(places.len(), entries.len());
        for (place, (name, _)) in places.iter().zip(entries) {
            bytes[place + names_at..][..name.len()].copy_from_slice(name);
        }
    }
    bytes
}

/// Lines of an archive's result: file, outcome, rows accepted, reason, result file.
fn lines(mesh: &Mesh, name: &str) -> Vec<[String; 5]> {
    let text = mesh.read("result", &format!("{name}.result.csv"));
    let mut reader = csv::ReaderBuilder::new().has_headers(false).flexible(true).from_reader(text.as_bytes());
    let records: Vec<_> = reader.records().map(|r| r.unwrap()).collect();
    let head = records.iter().position(|r| r.get(0) == Some("序号 no")).unwrap_or_else(|| panic!("{text}"));
    records[head + 1..].iter().map(|r| [1, 2, 4, 6, 9].map(|at| r[at].to_owned())).collect()
}

pub async fn take(mesh: &Mesh, name: &str, content: &[u8]) {
    mesh.drop_file(name, content);
    let pass = mesh.adapter.running.reconcile_once("files").await.unwrap();
    assert!(pass.caught_up, "{pass:?}");
    assert!(mesh.files("done").contains(&name.to_owned()));
    assert!(mesh.files("taken").is_empty(), "nothing unpacked is left");
}

#[tokio::test]
async fn every_file_in_a_zip_is_taken_as_if_dropped_alone() {
    let mesh = Mesh::with_folder(minqing_adapter_education::bureau()).await;
    let person = mesh.on_file(&id_number(1), "张三一", Uuid::from_u128(77));
    issue(&mesh, &issued(1, &person, false)).await.unwrap();
    let first = csv(&table(&[student(11), student(12)]));
    let second = xlsx(&table(&[student(13)]));
    let signed =
        format!("转介编号,签收人\nreferrals/{},u-1\nreferrals/{},u-1\n", Uuid::from_u128(1), Uuid::from_u128(9));
    let (one, two) = (name("1", "csv"), name("2", "xlsx"));
    let zip = packed(&[
        (b"receipt_1.csv", signed.as_bytes()),
        (two.as_bytes(), &second),
        (one.as_bytes(), &first),
        ("读我.txt".as_bytes(), b"hello\n"),
    ]);
    take(&mesh, "day.ZIP", &zip).await;
    let expected = [
        ["receipt_1.csv", "已接收 taken", "1", "", "receipt_1.csv.result.csv"],
        [&one, "已接收 taken", "2", "", &format!("{one}.result.csv")],
        [&two, "已接收 taken", "1", "", &format!("{two}.result.csv")],
        ["读我.txt", "整个文件退回 file refused", "", "FILE_FORMAT", "读我.txt.result.csv"],
    ];
    assert_eq!(lines(&mesh, "day.ZIP"), expected);
    assert_eq!(mesh.told("读我.txt").refused_for(), "FILE_FORMAT");
    assert_eq!(mesh.told("receipt_1.csv").lines.len(), 1, "a referral nobody issued");
    assert!(mesh.told(&one).lines.is_empty() && mesh.told(&two).lines.is_empty());
    let receipts = read(&mesh.read("result", &format!("{one}.receipt.json"))).unwrap();
    let digest = Some(Sha256::digest(&first).into());
    assert_eq!(check(&receipts[0], &mesh.adapter.receipt_key, digest, None), Verdict::Good);
    assert!(mesh.files("result").contains(&"receipt_1.csv.receipt.json".to_owned()));
    assert_eq!(mesh.monitor.records.lock().unwrap().len(), 3);

    // Again, under another name, and one of its files alone: the same batches.
    let parts = mesh.monitor.parts.lock().unwrap().len();
    take(&mesh, "day.ZIP", &zip).await;
    take(&mesh, "again.zip", &zip).await;
    mesh.take_file(&one, &first).await;
    assert_eq!(lines(&mesh, "again.zip"), expected);
    assert_eq!(mesh.monitor.parts.lock().unwrap().len(), parts);
    assert_eq!((own(&mesh, "file where kind = 'archive' and state = 'done'").await, own(&mesh, "batch").await), (2, 2));
}

#[tokio::test]
async fn names_may_be_gbk_without_a_flag_or_utf8_without_one() {
    let mesh = Mesh::with_folder(minqing_adapter_education::bureau()).await;
    let chinese = |no: &str| format!("学籍信息__621202__2026-10-26__增量__{no}.csv");
    let (gbk, _, lost) = GB18030.encode("学籍信息__621202__2026-10-26__增量__甲.csv");
    assert!(!lost && std::str::from_utf8(&gbk).is_err());
    let content = |n| csv(&table(&[student(n)]));
    let zip = packed(&[(&gbk, &content(1)), (chinese("乙").as_bytes(), &content(2))]);
    take(&mesh, "名单.zip", &zip).await;
    let names: Vec<_> = lines(&mesh, "名单.zip").into_iter().map(|l| (l[0].clone(), l[2].clone())).collect();
    assert_eq!(names, [(chinese("乙"), "1".to_owned()), (chinese("甲"), "1".to_owned())]);
    assert!(mesh.files("result").contains(&format!("{}.receipt.json", chinese("甲"))));
    assert_eq!(mesh.monitor.records.lock().unwrap().len(), 2);
}

#[tokio::test]
async fn a_zip_that_is_bad_as_a_whole_is_refused_with_the_reason_and_nothing_of_it_is_taken() {
    let mesh = Mesh::with_folder(minqing_adapter_education::bureau()).await;
    let content = csv(&table(&[student(1)]));
    let good = name("1", "csv");
    let beside = |other: &[u8]| packed(&[(good.as_bytes(), &content), (other, &content)]);
    let whole = beside(b"receipt_1.csv");
    let mut encrypted = whole.clone();
    let directory = encrypted.windows(4).position(|w| w == b"PK\x01\x02").unwrap();
    encrypted[directory + 8] |= 1;
    let mut method = whole.clone();
    method[directory + 10] = 14;
    let mut damaged = whole.clone();
    damaged[30 + good.len() + 20] ^= 0xff;
    let names: Vec<_> = (0..101).map(|n| format!("receipt_{n}.csv")).collect();
    let many: Vec<(&[u8], &[u8])> = names.iter().map(|n| (n.as_bytes(), b"x\n".as_slice())).collect();
    let cases: Vec<(&str, Vec<u8>)> = vec![
        ("ARCHIVE_UNREADABLE", b"no archive".to_vec()),
        ("ARCHIVE_UNREADABLE", Vec::new()),
        ("ARCHIVE_UNREADABLE", whole[..whole.len() - 30].to_vec()),
        ("ARCHIVE_UNREADABLE", damaged),
        ("ARCHIVE_EMPTY", packed(&[])),
        ("ARCHIVE_ENCRYPTED", encrypted),
        ("ARCHIVE_METHOD", method),
        ("ARCHIVE_TOO_MANY", packed(&many)),
        ("ARCHIVE_DUPLICATE_NAME", beside(good.as_bytes())),
        ("ARCHIVE_NESTED", beside(b"more.Zip")),
        ("ARCHIVE_FOLDER", beside(b"folder/receipt_1.csv")),
        ("ARCHIVE_FOLDER", beside(b"folder\\receipt_1.csv")),
        ("ARCHIVE_FOLDER", beside(b"../receipt_1.csv")),
        ("ARCHIVE_FOLDER", beside(b"/tmp/receipt_1.csv")),
        ("ARCHIVE_NAME", beside(b"..")),
        ("ARCHIVE_NAME", beside(b"C:receipt_1.csv")),
        ("ARCHIVE_NAME", beside(b"receipt_\0.csv")),
        ("ARCHIVE_NAME", beside(b"receipt_\x81\xff.csv")),
        ("ARCHIVE_NAME", beside(&[b'x'; 201])),
    ];
    for (n, (reason, zip)) in cases.iter().enumerate() {
        let zip_name = format!("{n}.zip");
        take(&mesh, &zip_name, zip).await;
        let told = mesh.told(&zip_name);
        assert_eq!(told.refused_for(), *reason, "{n} {}", told.text);
        assert!(told.text.contains("压缩"), "{n} in Chinese too: {}", told.text);
    }
    assert!(mesh.monitor.parts.lock().unwrap().is_empty());
    assert_eq!(mesh.files("result").len(), cases.len());
    assert_eq!(own(&mesh, "file where kind = 'archive' and state = 'refused'").await, cases.len() as i64);
}

#[tokio::test]
async fn a_zip_waits_while_a_service_is_away_and_writes_over_what_a_dead_process_left() {
    let mesh = Mesh::with_folder(minqing_adapter_education::bureau()).await;
    let contents = [1, 2].map(|n| csv(&table(&[student(n)])));
    let names = [name("1", "csv"), name("2", "csv")];
    let zip = packed(&[(names[0].as_bytes(), &contents[0]), (names[1].as_bytes(), &contents[1])]);
    mesh.monitor.away_from.store(1, Ordering::SeqCst);
    mesh.drop_file("day.zip", &zip);
    assert!(!mesh.adapter.running.reconcile_once("files").await.unwrap().caught_up);
    assert_eq!(mesh.files("taken"), ["day.zip"]);
    assert!(mesh.files("result").is_empty());
    let mut conn = mesh.adapter.running.context.db.acquire().await.unwrap();
    let id: Uuid =
        sqlx::query_scalar("select request_id from file where kind = 'archive'").fetch_one(&mut *conn).await.unwrap();
    drop(conn);
    let taken = mesh.folder.as_ref().unwrap().path().join("taken");
    std::fs::write(taken.join(format!(".{id}.part")), vec![b'x'; 100_000]).unwrap();

    mesh.monitor.away_from.store(0, Ordering::SeqCst);
    mesh.until_caught_up().await;
    assert_eq!((mesh.files("done"), mesh.files("taken").len()), (vec!["day.zip".to_owned()], 0));
    assert!(lines(&mesh, "day.zip").iter().all(|line| line[2] == "1"));
    assert_eq!(mesh.monitor.records.lock().unwrap().len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_zip_survives_death_at_any_moment() {
    let mesh = Mesh::with_folder(minqing_adapter_education::bureau()).await;
    let root = mesh.folder.as_ref().unwrap().path().to_owned();
    let (mut whole, mut killed) = (0, 0);
    for n in 0_u32.. {
        let names = [name(&format!("{n}a"), "csv"), name(&format!("{n}b"), "csv")];
        let contents = [0, 1].map(|k| {
            let mut rows: Vec<_> = (1..=5).map(|row| student((20 * n + 10 * k + row) % 900)).collect();
            rows.iter_mut().for_each(|row| row.school_code = format!("S-{n}"));
            rows[1].id_number = "x".to_owned();
            csv(&table(&rows))
        });
        let zip = packed(&[(names[0].as_bytes(), &contents[0]), (names[1].as_bytes(), &contents[1])]);
        let zip_name = format!("{n}.zip");
        mesh.drop_file(&zip_name, &zip);
        let before = mesh.monitor.records.lock().unwrap().len();
        let core = minqing_adapter::core::Core::new(mesh.bureau, mesh.adapter.running.context.clone()).unwrap();
        let dead = files::Watcher::new(Arc::new(core), Folder::open(&root).unwrap());
        if dies_after(n as usize + 1, dead.run_once()).await {
            whole += 1
        } else {
            killed += 1
        }
        drop(dead);
        mesh.until_caught_up().await;
        assert!(mesh.files("done").contains(&zip_name), "{n}");
        assert!(mesh.files("taken").is_empty() && mesh.files("inbox").is_empty(), "{n}");
        for (line, name) in lines(&mesh, &zip_name).iter().zip(&names) {
            assert_eq!((&line[0], line[2].as_str()), (name, "4"), "{n}");
            assert_eq!(mesh.told(name).lines.len(), 1, "{n}");
            assert!(mesh.files("result").contains(&format!("{name}.receipt.json")), "{n}");
        }
        assert_eq!(mesh.monitor.records.lock().unwrap().len(), before + 8, "{n}");
        if whole == 3 {
            break;
        }
    }
    assert!(killed > 20, "{killed}");
    assert_eq!(own(&mesh, "batch").await, 2 * (whole + killed));
    assert_eq!(own(&mesh, "file where state <> 'done'").await, 0);
}
