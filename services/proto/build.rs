//! Compiles `proto/` with protox (no protoc needed) into Rust, keeps the descriptor set with its options, and
//! writes the small trait implementations that follow from the descriptors.

#![expect(clippy::disallowed_methods, reason = "cargo tells a build script its folders by the environment")]

use std::{
    env,
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let root = Path::new(&env::var("CARGO_MANIFEST_DIR")?).join("../../proto");
    let out = PathBuf::from(env::var("OUT_DIR")?);
    println!("cargo:rerun-if-changed={}", root.display());

    let mut files = Vec::new();
    collect(&root, &mut files)?;
    files.sort();

    let mut compiler = protox::Compiler::new([&root])?;
    compiler.include_imports(true).include_source_info(true);
    compiler.open_files(&files)?;
    // The bytes keep our custom options; prost_types would drop them.
    fs::write(out.join("descriptor.bin"), compiler.encode_file_descriptor_set())?;

    let pool = compiler.descriptor_pool();
    let mut config = prost_build::Config::new();
    let mut mutations = String::new();
    for message in pool.all_messages().filter(|m| m.full_name().starts_with("minqing.")) {
        let name = message.full_name();
        config.type_attribute(name, "#[derive(::prost_reflect::ReflectMessage)]");
        config.type_attribute(
            name,
            format!("#[prost_reflect(message_name = \"{name}\", descriptor_pool = \"crate::DESCRIPTOR_POOL\")]"),
        );
        if name.ends_with("Request") && message.get_field_by_name("request_id").is_some() {
            let path = name.replace('.', "::");
            writeln!(
                mutations,
                "impl crate::Mutation for crate::{path} {{ fn request_id(&self) -> &str {{ &self.request_id }} }}"
            )?;
        }
    }
    fs::write(out.join("mutations.rs"), mutations)?;

    let mut set = compiler.file_descriptor_set();
    // google.protobuf must stay: prost-build looks imported messages up and panics without them.
    set.file.retain(|f| f.package().starts_with("minqing.") || f.package() == "google.protobuf");
    config.include_file("_all.rs");
    tonic_prost_build::configure().compile_fds_with_config(set, config)?;
    Ok(())
}

fn collect(dir: &Path, files: &mut Vec<PathBuf>) -> std::io::Result<()> {
    for entry in fs::read_dir(dir)? {
        let path = entry?.path();
        if path.is_dir() {
            collect(&path, files)?;
        } else if path.extension().is_some_and(|e| e == "proto") {
            files.push(path);
        }
    }
    Ok(())
}
