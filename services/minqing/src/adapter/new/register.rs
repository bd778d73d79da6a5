//! Where the mesh lists its bureaus, and how a new one gets in. Deployment files take the new adapter as a copy of
//! another that exchanges over gRPC alone.

use std::collections::BTreeMap;

use anyhow::{Context as _, ensure};

use super::{Fresh, Workspace};

/// The adapter whose deployment is copied.
const MODEL: &str = "rural";

/// Every file that lists bureaus, with the new one in it.
pub fn edits(workspace: &Workspace<'_>, fresh: &Fresh<'_>) -> anyhow::Result<BTreeMap<String, Vec<u8>>> {
    let (name, dashed, copy) = (fresh.name, fresh.dashed(), Copy { fresh });
    let mut all = BTreeMap::new();
    let mut edit = |path: &str, change: &dyn Fn(&str) -> anyhow::Result<String>| -> anyhow::Result<()> {
        let text = workspace.read(path)?;
        let changed = change(&text).with_context(|| format!("{path} is not as expected; enter `{name}` by hand"))?;
        all.insert(path.to_owned(), changed.into_bytes());
        Ok(())
    };
    edit("proto/minqing/types/v1/types.proto", &|text| enum_value(text, fresh))?;
    edit("Cargo.toml", &|text| {
        let line = format!("minqing-adapter-{dashed} = {{ path = \"services/adapters/{name}\" }}");
        after_last(text, "minqing-adapter-", &line)
    })?;
    edit("services/bureaus/Cargo.toml", &|text| {
        after_last(text, "minqing-adapter-", &format!("minqing-adapter-{dashed}.workspace = true"))
    })?;
    edit("services/bureaus/src/lib.rs", &|text| {
        after_last(text, "    minqing_adapter_", &format!("    minqing_adapter_{name}::bureau,"))
    })?;
    edit("services/adapters/README.md", &|text| {
        let line = format!("| `{name}/` | {} | {name}_customer, {name}_arrears | gRPC |", fresh.title);
        after_last(text, "| `", &line)
    })?;
    edit("tests/e2e/src/lib.rs", &processes(name))?;
    for part in ["gateway", "monitoring", "feedback", "dispatch", "identification", "registry"] {
        edit(&format!("k8s/base/{part}/kustomization.yaml"), &|text| copy.in_list(text, ", "))?;
    }
    edit("k8s/base/kustomization.yaml", &|text| after_last(text, "  - adapter-", &format!("  - adapter-{dashed}")))?;
    edit("k8s/overlays/longnan/mesh.properties", &|text| copy.of_peer(text))?;
    edit("k8s/overlays/longnan/kustomization.yaml", &|text| {
        copy.of_block(text, &format!("  - target: {{kind: Deployment, name: minqing-adapter-{MODEL}}}"), "  - target:")
    })?;
    edit("deploy/compose.yaml", &|text| {
        copy.of_block(&copy.of_peer(text)?, &format!("  adapter-{MODEL}:"), "  adapter-")
    })?;
    let base = workspace.read(&format!("k8s/base/adapter-{MODEL}/kustomization.yaml"))?;
    all.insert(format!("k8s/base/adapter-{dashed}/kustomization.yaml"), copy.text(&base).into_bytes());
    Ok(all)
}

/// The enum's next value.
fn enum_value(text: &str, fresh: &Fresh<'_>) -> anyhow::Result<String> {
    let word = format!("BUREAU_{}", fresh.name.to_ascii_uppercase());
    ensure!(!text.contains(&format!("{word} =")), "the contracts know {word} already");
    let begin = text.find("enum Bureau {").context("no enum Bureau")?;
    let end = begin + text[begin..].find("\n}").context("enum Bureau does not end")?;
    let numbers = text[begin..end].lines().filter_map(|l| l.trim().strip_suffix(';')?.rsplit(' ').next()?.parse().ok());
    let next: i32 = numbers.max().unwrap_or(0) + 1;
    let (head, tail) = text.split_at(end);
    Ok(format!("{head}\n  // {}\n  {word} = {next};{tail}", fresh.title))
}

/// The list of processes, one longer.
fn processes(name: &str) -> impl Fn(&str) -> anyhow::Result<String> {
    move |text| {
        let longer = after_last(text, "    \"adapter-", &format!("    \"adapter-{name}\","))?;
        let (head, rest) = longer.split_once("[&str; ").context("no list of processes")?;
        let (count, tail) = rest.split_once(']').context("no length")?;
        let count: usize = count.parse()?;
        Ok(format!("{head}[&str; {}]{tail}", count + 1))
    }
}

/// Puts a line after the last one that begins so.
fn after_last(text: &str, begins: &str, line: &str) -> anyhow::Result<String> {
    let mut lines: Vec<&str> = text.lines().collect();
    let at = lines.iter().rposition(|l| l.starts_with(begins)).with_context(|| format!("no line begins `{begins}`"))?;
    lines.insert(at + 1, line);
    Ok(lines.join("\n") + "\n")
}

/// Copies of what is said of the model.
struct Copy<'a> {
    fresh: &'a Fresh<'a>,
}

impl Copy<'_> {
    /// The same text about the new adapter: names of objects have dashes, everything of the mesh's own underscores.
    fn text(&self, text: &str) -> String {
        let name = self.fresh.name;
        let mut text = text.to_owned();
        for (of_model, of_new) in [
            (format!("[serve, adapter-{MODEL}]"), format!("[serve, adapter-{name}]")),
            (format!("adapter-{MODEL}="), format!("adapter-{name}=")),
            (format!("adapter.{MODEL}"), format!("adapter.{name}")),
            (format!("adapter_{MODEL}"), format!("adapter_{name}")),
            (format!("adapter-{MODEL}"), format!("adapter-{}", self.fresh.dashed())),
        ] {
            text = text.replace(&of_model, &of_new);
        }
        text
    }

    fn in_list(&self, text: &str, between: &str) -> anyhow::Result<String> {
        let model = format!("adapter-{MODEL}{between}");
        ensure!(text.contains(&model), "no list holds adapter-{MODEL}");
        Ok(text.replace(&model, &format!("{model}{}", self.text(&model))))
    }

    fn of_peer(&self, text: &str) -> anyhow::Result<String> {
        let begin = text.find(&format!("adapter-{MODEL}=")).context("no address of the model")?;
        let end = begin + text[begin..].find(',').context("the model is the last of the peers")? + 1;
        let peer = &text[begin..end];
        Ok(format!("{}{}{}", &text[..end], self.text(peer), &text[end..]))
    }

    /// A block of lines up to the next that begins as such blocks do.
    fn of_block(&self, text: &str, first: &str, next: &str) -> anyhow::Result<String> {
        let begin = text.find(&format!("{first}\n")).with_context(|| format!("no block `{first}`"))?;
        let inner = begin + first.len() + 1;
        let length = text[inner..].find(&format!("\n{next}")).context("the block is the last one")? + 1;
        let end = inner + length;
        Ok(format!("{}{}{}", &text[..end], self.text(&text[begin..end]), &text[end..]))
    }
}
