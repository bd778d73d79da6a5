//! `minqing adapter new` on a copy of what it reads of the workspace.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
};

/// Everything the command reads: the lists it enters a bureau in, and the contracts.
const READ: [&str; 17] = [
    "Cargo.toml",
    "services/adapters/README.md",
    "services/bureaus/Cargo.toml",
    "services/bureaus/src/lib.rs",
    "tests/e2e/src/lib.rs",
    "k8s/base/kustomization.yaml",
    "k8s/base/adapter-rural/kustomization.yaml",
    "k8s/base/gateway/kustomization.yaml",
    "k8s/base/monitoring/kustomization.yaml",
    "k8s/base/feedback/kustomization.yaml",
    "k8s/base/dispatch/kustomization.yaml",
    "k8s/base/identification/kustomization.yaml",
    "k8s/base/registry/kustomization.yaml",
    "k8s/overlays/longnan/kustomization.yaml",
    "k8s/overlays/longnan/mesh.properties",
    "deploy/compose.yaml",
    "proto",
];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn copy(from: &Path, to: &Path) {
    if from.is_dir() {
        for entry in fs::read_dir(from).unwrap() {
            let entry = entry.unwrap();
            copy(&entry.path(), &to.join(entry.file_name()));
        }
    } else {
        fs::create_dir_all(to.parent().unwrap()).unwrap();
        fs::copy(from, to).unwrap();
    }
}

fn workspace() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for path in READ {
        copy(&root().join(path), &folder.path().join(path));
    }
    folder
}

fn new(folder: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_minqing"))
        .args(["adapter", "new"])
        .args(arguments)
        .arg("--dir")
        .arg(folder)
        .output()
        .unwrap()
}

fn text(folder: &Path, path: &str) -> String {
    fs::read_to_string(folder.join(path)).unwrap()
}

#[test]
fn a_new_bureau_is_entered_everywhere_and_its_contract_compiles_with_every_label() {
    let folder = workspace();
    let output = new(folder.path(), &["water_supply", "--title", "水务局"]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let told = String::from_utf8(output.stdout).unwrap();
    for path in READ.iter().filter(|p| !["proto", "k8s/base/adapter-rural/kustomization.yaml"].contains(p)) {
        assert!(told.contains(path), "{path} is not told of");
        let (was, is) = (text(&root(), path), text(folder.path(), path));
        assert!(is.contains("water-supply") || is.contains("water_supply"), "{path}");
        let gone: Vec<_> =
            was.lines().filter(|l| !l.contains("rural") && !l.contains("[&str;") && !is.contains(l)).collect();
        assert!(gone.is_empty(), "{path} lost {gone:?}");
    }
    assert!(
        text(folder.path(), "proto/minqing/types/v1/types.proto").contains("  // 水务局\n  BUREAU_WATER_SUPPLY = ")
    );
    assert!(text(folder.path(), "services/bureaus/src/lib.rs").contains("    minqing_adapter_water_supply::bureau,\n"));
    let manifest = text(folder.path(), "k8s/base/adapter-water-supply/kustomization.yaml");
    assert!(manifest.contains("[serve, adapter-water_supply]") && !manifest.contains("rural"), "{manifest}");
    let compose = text(folder.path(), "deploy/compose.yaml");
    assert!(
        compose.contains("  adapter-water-supply:\n")
            && compose.contains("minqing_adapter_water_supply:dev_adapter_water_supply@")
    );

    let contract = "minqing/bureau/water_supply/v1/datasets.proto";
    let mut compiler = protox::Compiler::new([folder.path().join("proto")]).unwrap();
    compiler.include_imports(true).open_file(folder.path().join("proto").join(contract)).unwrap();
    let pool = compiler.descriptor_pool();
    let label = pool.get_extension_by_name("minqing.options.v1.label").unwrap();
    let column = pool.get_extension_by_name("minqing.options.v1.column").unwrap();
    let dataset = pool.get_extension_by_name("minqing.options.v1.dataset").unwrap();
    let messages: Vec<_> =
        pool.all_messages().filter(|m| m.full_name().starts_with("minqing.bureau.water_supply.")).collect();
    assert_eq!(messages.len(), 2);
    for message in messages {
        assert!(message.options().has_extension(&dataset), "{}", message.full_name());
        for field in message.fields() {
            assert!(
                field.options().has_extension(&label) && field.options().has_extension(&column),
                "{}",
                field.full_name()
            );
        }
    }
}

#[test]
fn the_crate_is_what_it_was() {
    let folder = workspace();
    assert!(new(folder.path(), &["water", "--title", "水务局"]).status.success());
    let made = folder.path().join("services/adapters/water");
    let lib = fs::read_to_string(made.join("src/lib.rs")).unwrap();
    assert!(lib.contains(
        "name: \"water\",\n        title: \"水务局\",\n        acts_on_referrals: true,\n        datasets: &[\"water_customer\", \"water_arrears\"],"
    ));
    assert!(!lib.contains("@@") && lib.lines().count() < 100);
    assert!(
        text(&root(), "services/adapter/GUIDE.md").contains(&format!("```rust\n{lib}```")),
        "the guide shows another"
    );
    let csv = fs::read_to_string(made.join("fixtures/arrears.csv")).unwrap();
    assert_eq!(csv.lines().count(), 3);
    assert!(csv.contains(",990000") || csv.contains("\n990000"), "the samples' people cannot exist: {csv}");
    for path in ["Cargo.toml", "README.md", "tests/samples.rs", "fixtures/customer.xlsx", "fixtures/arrears.xlsx"] {
        assert!(!fs::read(made.join(path)).unwrap().is_empty(), "{path}");
    }
}

#[test]
fn a_name_that_does_not_fit_changes_nothing_and_says_why() {
    let folder = workspace();
    for (arguments, why) in [
        (&["Water"][..], "small letters"),
        (&["water__supply"], "single underscores"),
        (&["1water"], "a letter first"),
        (&["women"], "there already"),
        (&["civil_affairs"], "BUREAU_CIVIL_AFFAIRS already"),
        (&["water", "--title", "a\"b"], "plain text"),
    ] {
        let output = new(folder.path(), arguments);
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!output.status.success() && told.contains(why), "{arguments:?}: {told}");
    }
    for path in READ.iter().filter(|p| **p != "proto") {
        assert_eq!(text(folder.path(), path), text(&root(), path), "{path}");
    }
    let elsewhere = tempfile::tempdir().unwrap();
    assert!(
        String::from_utf8_lossy(&new(elsewhere.path(), &["water"]).stderr).contains("root of the Minqing workspace")
    );
}
