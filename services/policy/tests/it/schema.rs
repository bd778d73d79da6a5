//! The schemas that editors read are those of the types that read the pack.

use std::{fs, path::PathBuf};

fn folder() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../deploy/policy/schema"))
}

#[test]
fn every_pack_file_has_a_schema_that_is_current() {
    for (name, schema) in minqing_policy::schemas() {
        let written = fs::read_to_string(folder().join(name)).unwrap_or_default();
        let current = format!("{}\n", serde_json::to_string_pretty(&schema).unwrap());
        assert_eq!(written, current, "{name} is old: minqing policy schema --to deploy/policy/schema");
    }
}
