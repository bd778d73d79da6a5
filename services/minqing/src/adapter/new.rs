//! `minqing adapter new`: writes a bureau's contract and crate and every registration, or nothing. All files are made in
//! memory first, so a name that does not fit leaves the workspace as it was.

mod register;

use std::{
    collections::BTreeMap,
    fs,
    io::{self, Write as _},
    path::{Path, PathBuf},
};

use anyhow::{Context as _, ensure};
use clap::Args;
use minqing_conform::person::Person;
use rust_xlsxwriter::{Format, Workbook};

/// Longest name: it is part of a database role's name.
const LONGEST: usize = 30;

/// Options of `minqing adapter new`.
///
/// Makes proto/minqing/bureau/<name>/v1/datasets.proto with two datasets to change, services/adapters/<name> with code
/// table, samples and test, and enters the bureau everywhere the mesh lists its bureaus. Then:
///   cargo test -p minqing-adapter-<name> && cargo build -p minqing
#[derive(Args)]
pub struct Options {
    /// Name in package, certificate and schema: water, market_supervision.
    name: String,
    /// Chinese title for texts.
    #[arg(long, default_value = "新部门")]
    title: String,
    /// Root of the workspace.
    #[arg(long, default_value = ".")]
    dir: PathBuf,
}

/// The bureau to be made.
pub struct Fresh<'a> {
    pub name: &'a str,
    pub title: &'a str,
}

impl Fresh<'_> {
    /// The name where no underscore may stand.
    pub fn dashed(&self) -> String {
        self.name.replace('_', "-")
    }

    fn fill(&self, template: &str) -> String {
        let text = template.replace("@@name@@", self.name).replace("@@title@@", self.title);
        text.replace("@@dashed@@", &self.dashed())
    }
}

/// Runs the command.
pub fn run(options: &Options) -> anyhow::Result<()> {
    let fresh = Fresh { name: &options.name, title: options.title.trim() };
    check(&fresh)?;
    let workspace = Workspace { root: &options.dir };
    workspace.read("services/adapters/README.md").context("--dir must be the root of the Minqing workspace")?;
    let folder = format!("services/adapters/{}", fresh.name);
    for path in [folder.clone(), format!("proto/minqing/bureau/{}", fresh.name)] {
        ensure!(!options.dir.join(&path).exists(), "{path} is there already; choose another name");
    }
    let mut files = files(&fresh, &folder)?;
    files.extend(register::edits(&workspace, &fresh)?);
    let mut out = io::stdout().lock();
    for (path, bytes) in &files {
        let target = options.dir.join(path);
        let word = if target.exists() { "改 changed" } else { "新 new    " };
        if let Some(parent) = target.parent() {
            fs::create_dir_all(parent)?;
        }
        fs::write(&target, bytes).with_context(|| format!("cannot write {path}"))?;
        writeln!(out, "{word}  {path}")?;
    }
    writeln!(
        out,
        "\n下一步 next:\n  1. 按部门实际数据修改 datasets.proto、src/lib.rs、fixtures/  change them to what the bureau really has\n  \
         2. cargo test -p minqing-adapter-{dashed}\n  3. cargo build -p minqing，再运行 then `minqing up`、`minqing adapter conform`\n\
         见 see services/adapter/GUIDE.md",
        dashed = fresh.dashed()
    )?;
    Ok(())
}

fn check(fresh: &Fresh<'_>) -> anyhow::Result<()> {
    let good = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    let name = fresh.name;
    let fits = name.starts_with(|c: char| c.is_ascii_lowercase()) && name.chars().all(good);
    ensure!(
        fits && name.len() <= LONGEST && !name.ends_with('_') && !name.contains("__"),
        "the name `{name}` must be 1 to {LONGEST} small letters, digits and single underscores, a letter first"
    );
    let plain = |c: char| !c.is_control() && !matches!(c, '"' | '\\' | '|' | '@');
    ensure!(!fresh.title.is_empty() && fresh.title.chars().all(plain), "--title must be a plain text");
    Ok(())
}

/// The workspace as it is.
pub struct Workspace<'a> {
    root: &'a Path,
}

impl Workspace<'_> {
    pub fn read(&self, path: &str) -> anyhow::Result<String> {
        fs::read_to_string(self.root.join(path)).with_context(|| format!("cannot read {path}"))
    }
}

fn files(fresh: &Fresh<'_>, folder: &str) -> anyhow::Result<BTreeMap<String, Vec<u8>>> {
    let mut all = BTreeMap::new();
    let mut put = |path: String, template: &str| all.insert(path, fresh.fill(template).into_bytes());
    put(format!("proto/minqing/bureau/{}/v1/datasets.proto", fresh.name), include_str!("template/datasets.proto.txt"));
    put(format!("{folder}/src/lib.rs"), include_str!("template/lib.rs.txt"));
    put(format!("{folder}/tests/samples.rs"), include_str!("template/test.rs.txt"));
    put(format!("{folder}/Cargo.toml"), include_str!("template/Cargo.toml.txt"));
    put(format!("{folder}/README.md"), include_str!("template/README.md.txt"));
    for (name, lines) in samples() {
        let csv: String = lines.iter().map(|line| line.join(",") + "\r\n").collect();
        all.insert(format!("{folder}/fixtures/{name}.csv"), csv.into_bytes());
        all.insert(format!("{folder}/fixtures/{name}.xlsx"), xlsx(&lines)?);
    }
    Ok(all)
}

/// Samples as the bureau's program would export them, about people who cannot exist.
fn samples() -> [(&'static str, Vec<Vec<String>>); 2] {
    let [one, two] = [Person::nth(1), Person::nth(2)];
    let line = |texts: &[&str]| texts.iter().map(|t| (*t).to_owned()).collect::<Vec<_>>();
    let customer = vec![
        line(&["用户身份证号", "姓名", "现住地区划", "户号", "用户类型", "开户日期"]),
        line(&[&one.id_number, &one.name, "621202", "a-1001", "居民", "2021-03-01"]),
        line(&[&two.id_number, &two.name, "621202001", "A-1002", "2", "2024年5月6日"]),
    ];
    let arrears = vec![
        line(&["身份证号", "姓名", "现住地区划", "所属月份", "欠费(元)", "是否停供"]),
        line(&[&one.id_number, &one.name, "621202", "2026-09", "86.50", "否"]),
        line(&[&two.id_number, &two.name, "621202", "202609", "0", "是"]),
    ];
    [("customer", customer), ("arrears", arrears)]
}

fn xlsx(lines: &[Vec<String>]) -> anyhow::Result<Vec<u8>> {
    let (mut book, text) = (Workbook::new(), Format::new().set_num_format("@"));
    let sheet = book.add_worksheet();
    for (row, line) in lines.iter().enumerate() {
        for (column, cell) in line.iter().enumerate() {
            sheet.write_string_with_format(u32::try_from(row)?, u16::try_from(column)?, cell, &text)?;
        }
    }
    Ok(book.save_to_buffer()?)
}
