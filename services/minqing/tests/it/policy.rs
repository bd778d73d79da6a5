//! `minqing policy` over the city's own pack and over packs that are wrong.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
};

use serde_json::Value;
use tempfile::TempDir;

fn city() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../deploy/policy/longnan")
}

fn policy(arguments: &[&str], packs: &[&Path]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_minqing")).arg("policy").args(arguments).args(packs).output().unwrap()
}

fn json(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).unwrap_or_else(|e| panic!("{e}: {}", text(&output.stdout)))
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// The city's pack with one file changed.
fn changed(file: &str, change: impl FnOnce(String) -> String) -> TempDir {
    let folder = TempDir::new().unwrap();
    copy(&city(), folder.path());
    let path = folder.path().join(file);
    let before = fs::read_to_string(&path).unwrap();
    let after = change(before.clone());
    assert_ne!(before, after, "{file} is as it was");
    fs::write(path, after).unwrap();
    folder
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

#[test]
fn check_counts_the_city_s_pack_and_lists_what_is_unconfirmed() {
    let output = policy(&["check", "--json"], &[&city()]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    let counts = json(&output);
    assert_eq!(counts["without_citation"], 0);
    assert!(counts["classes"].as_u64() >= Some(8), "{counts}");
    assert!(counts["programmes"].as_u64() >= Some(48), "{counts}");
    assert!(counts["indicators"].as_u64() >= Some(132), "{counts}");
    assert!(counts["unconfirmed"].as_array().is_some_and(|list| !list.is_empty()), "{counts}");
    let table = text(&policy(&["check"], &[&city()]).stdout);
    assert!(table.contains("programmes") && table.contains("unconfirmed"), "{table}");
}

#[test]
fn check_names_file_line_and_remedy_of_a_fault_and_fails() {
    let broken = changed("facts/classes.yaml", |text| text.replace("age >= elder_age", "agee >= elder_age"));
    let output = policy(&["check"], &[broken.path()]);
    assert_eq!(output.status.code(), Some(1));
    let told = text(&output.stdout) + &text(&output.stderr);
    assert!(told.contains("facts/classes.yaml:") && told.contains("agee"), "{told}");
}

#[test]
fn a_folder_without_a_pack_is_refused_in_both_languages() {
    let nothing = TempDir::new().unwrap();
    let output = policy(&["check"], &[nothing.path()]);
    assert!(!output.status.success());
    let told = text(&output.stdout) + &text(&output.stderr);
    assert!(told.contains("pack.yaml") && told.chars().any(|c| ('\u{4e00}'..='\u{9fff}').contains(&c)), "{told}");
}

#[test]
fn test_works_every_example_and_fails_when_one_differs() {
    let output = policy(&["test"], &[&city()]);
    assert!(output.status.success(), "{}", text(&output.stdout));
    let wrong = changed("examples/classes.yaml", |text| {
        text.replacen("declared_income: 21059.99元", "declared_income: 21060.00元", 1)
    });
    let output = policy(&["test"], &[wrong.path()]);
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stdout).contains("DB-01-just-below"), "{}", text(&output.stdout));
}

#[test]
fn diff_shows_the_one_value_that_changed() {
    let other = changed("parameters/base.yaml", |text| text.replacen("value: 60", "value: 65", 1));
    let output = policy(&["diff", "--json"], &[&city(), other.path()]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    let differences = json(&output);
    let list = differences.as_array().unwrap();
    assert_eq!(list.len(), 1, "{differences}");
    assert_eq!(list[0]["change"], "changed");
    assert_eq!(json(&policy(&["diff", "--json"], &[&city(), &city()])), Value::Array(Vec::new()));
}

#[test]
fn schema_writes_what_the_repository_holds() {
    let folder = TempDir::new().unwrap();
    assert!(policy(&["schema", "--to"], &[folder.path()]).status.success());
    let held = city().join("../schema");
    for entry in fs::read_dir(&held).unwrap() {
        let name = entry.unwrap().file_name();
        if name.to_string_lossy().ends_with(".json") {
            let (ours, written) = (fs::read(held.join(&name)).unwrap(), fs::read(folder.path().join(&name)).unwrap());
            assert!(ours == written, "{name:?} is not current");
        }
    }
}

#[test]
fn an_identity_without_a_certificate_is_told_which_ones_there_are() {
    let folder = TempDir::new().unwrap();
    let mesh = folder.path().join("mesh.json");
    fs::write(&mesh, r#"{"certificates": {"operator/city": "x", "service/registry": "y"}, "services": {}}"#).unwrap();
    let arguments = ["activate", "--approve", "--identity", "operator/nobody", "--mesh", mesh.to_str().unwrap()];
    let output = policy(&arguments, &[&city()]);
    assert_eq!(output.status.code(), Some(1));
    let told = text(&output.stderr);
    assert!(told.contains("operator/nobody") && told.contains("operator/city"), "{told}");
    assert!(told.contains("证书") && !told.contains("service/registry"), "{told}");
}

#[test]
fn a_reader_that_has_seen_enough_is_no_fault() {
    let mut child = Command::new(env!("CARGO_BIN_EXE_minqing"))
        .args(["policy", "check", "--json"])
        .arg(city())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success() && output.stderr.is_empty(), "{}", text(&output.stderr));
}
