//! The dependency rule of the workspace, held from cargo metadata and from the sources.

use std::{
    fs,
    path::{Path, PathBuf},
};

use cargo_metadata::{DependencyKind, MetadataCommand, Package};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}

fn packages() -> Vec<Package> {
    let metadata = MetadataCommand::new()
        .manifest_path(root().join("Cargo.toml"))
        .no_deps()
        .other_options(vec!["--offline".into()])
        .exec();
    metadata.unwrap().packages
}

fn own_dependencies(package: &Package) -> Vec<String> {
    package
        .dependencies
        .iter()
        .filter(|d| d.kind == DependencyKind::Normal && d.name.starts_with("minqing-"))
        .map(|d| d.name.clone())
        .collect()
}

const SERVICES: [&str; 5] =
    ["minqing-registry", "minqing-identification", "minqing-monitoring", "minqing-dispatch", "minqing-feedback"];

#[test]
fn no_service_crate_depends_on_another_service_crate() {
    for package in packages().iter().filter(|p| SERVICES.contains(&p.name.as_str())) {
        for dependency in own_dependencies(package) {
            assert!(
                ["minqing-kit", "minqing-proto", "minqing-policy"].contains(&dependency.as_str()),
                "{} depends on {dependency}",
                package.name
            );
        }
    }
}

#[test]
fn an_adapter_depends_on_the_sdk_and_on_nothing_else_of_ours() {
    for package in packages().iter().filter(|p| p.name.starts_with("minqing-adapter-")) {
        for dependency in own_dependencies(package) {
            assert!(
                ["minqing-adapter", "minqing-kit", "minqing-proto"].contains(&dependency.as_str()),
                "{} depends on {dependency}",
                package.name
            );
        }
    }
}

#[test]
fn the_kit_sees_no_service_and_no_domain() {
    let packages = packages();
    let kit = packages.iter().find(|p| p.name.as_str() == "minqing-kit").unwrap();
    assert_eq!(own_dependencies(kit), ["minqing-proto"]);
}

#[test]
fn only_the_binary_and_the_tests_see_every_service() {
    for package in packages() {
        let services = own_dependencies(&package).iter().filter(|d| SERVICES.contains(&d.as_str())).count();
        let may = package.name.as_str() == "minqing" || package.manifest_path.as_str().contains("/tests/");
        assert!(services == 0 || may, "{} depends on services", package.name);
    }
}

/// Source files below a folder, with their text.
fn sources(folder: &Path) -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    let Ok(entries) = fs::read_dir(folder) else { return found };
    for entry in entries {
        let path = entry.unwrap().path();
        if path.is_dir() {
            if path.file_name().is_some_and(|n| n != "target") {
                found.extend(sources(&path));
            }
        } else if path.extension().is_some_and(|e| e == "rs") {
            let text = fs::read_to_string(&path).unwrap();
            found.push((path, text));
        }
    }
    found
}

#[test]
fn a_domain_knows_no_transport_no_database_and_no_clock() {
    for service in ["registry", "identification", "monitoring", "dispatch", "feedback"] {
        for (path, text) in sources(&root().join("services").join(service).join("src/domain")) {
            for word in ["tonic::", "sqlx::", "redis::", "tokio::", "std::env", "Utc::now"] {
                assert!(!text.contains(word), "{} uses {word}", path.display());
            }
        }
    }
}

#[test]
fn a_store_knows_no_transport() {
    for service in ["registry", "identification", "monitoring", "dispatch", "feedback"] {
        for (path, text) in sources(&root().join("services").join(service).join("src/store")) {
            assert!(!text.contains("tonic::"), "{} uses tonic", path.display());
        }
    }
}

#[test]
fn no_service_reads_another_services_tables() {
    let schemas = ["registry", "identification", "monitoring", "dispatch", "feedback"];
    for service in schemas {
        for (path, text) in sources(&root().join("services").join(service).join("src")) {
            for other in schemas.iter().filter(|s| **s != service) {
                for verb in ["from", "join", "into", "update"] {
                    let needle = format!("{verb} {other}.");
                    // A table follows at once; a sentence that ends in the service's name does not count.
                    let named =
                        text.split(&needle).skip(1).any(|rest| rest.starts_with(|c: char| c.is_ascii_lowercase()));
                    assert!(!named, "{} says `{needle}`", path.display());
                }
            }
        }
    }
}

#[test]
fn files_stay_under_five_hundred_lines() {
    for folder in ["services", "gateway", "tests"] {
        for (path, text) in sources(&root().join(folder)) {
            let lines = text.lines().count();
            assert!(lines <= 500, "{} has {lines} lines", path.display());
        }
    }
}

#[test]
fn every_folder_a_reader_meets_has_a_readme() {
    let mut folders: Vec<PathBuf> = [
        "",
        "proto",
        "services",
        "gateway",
        "deploy",
        "deploy/growth",
        "deploy/policy",
        "k8s",
        "tests",
        "tests/kit",
        "tests/city",
        "tests/e2e",
        "tests/bench",
        "clients",
        "clients/python",
        "clients/java",
        "tests/fuzz",
    ]
    .iter()
    .map(|f| root().join(f))
    .collect();
    for parent in ["services", "services/adapters"] {
        for entry in fs::read_dir(root().join(parent)).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            }
        }
    }
    let missing: Vec<_> = folders.iter().filter(|f| !f.join("README.md").exists()).collect();
    assert!(missing.is_empty(), "no README.md in {missing:#?}");
}
