//! Policy packs: the files of a pack, and the expressions in them.

use std::{collections::BTreeMap, sync::LazyLock};

use minqing_policy::{Pack, PackErrors};

macro_rules! files {
    ($folder:literal: $($file:literal)*) => { [$(($file, include_str!(concat!($folder, $file)))),*] };
}

/// The pack of the library's own tests, by file, with the kinds of files it lacks.
pub static FILES: LazyLock<BTreeMap<&str, &str>> = LazyLock::new(|| {
    let tests = files!("../../../services/policy/tests/pack/":
        "calendar.yaml" "classes.yaml" "documents.yaml" "facts/base.yaml" "indicators/a.yaml" "indicators/c.yaml"
        "indicators/p.yaml" "pack.yaml" "parameters/base.yaml" "programmes.yaml" "routing/base.yaml" "sources.yaml"
    );
    tests.into_iter().chain(files!("pack/": "codes.yaml" "examples.yaml" "processes.yaml")).collect()
});

/// A pack of one rule, for expressions: reading a large one takes longer than reading an expression.
pub static SMALL: LazyLock<BTreeMap<&str, &str>> = LazyLock::new(|| {
    files!("pack/small/":
        "calendar.yaml" "classes.yaml" "documents.yaml" "examples.yaml" "facts.yaml" "indicators.yaml" "pack.yaml"
        "parameters.yaml" "programmes.yaml" "routing.yaml"
    )
    .into()
});

/// Expressions of that pack in whose place others are put: of a person's fact from the register, from rows, from other
/// facts; an amount. The last two are worked in the example.
const PLACES: [(&str, &str, &str); 4] = [
    ("facts.yaml", "expr: ", "full_years(birth_on, as_of)"),
    ("facts.yaml", "expr: ", "bool_or(assistance_class = 'minimum_living')"),
    ("facts.yaml", "expr: ", "age >= adult_age"),
    ("classes.yaml", "amount: ", "ceil(minimum_living_standard * age / 100) * 100"),
];

/// Files as a pack's archive has them: name and text, each after its length.
pub fn archive<'a>(files: impl IntoIterator<Item = (&'a str, &'a str)>) -> Vec<u8> {
    let mut archive = Vec::new();
    for part in files.into_iter().flat_map(|(name, text)| [name, text]) {
        archive.extend((part.len() as u64).to_be_bytes());
        archive.extend(part.as_bytes());
    }
    archive
}

/// A pack that is taken reads back as itself; one that is not says what is wrong, in two languages.
fn judge(pack: Result<Pack, PackErrors>) {
    match pack {
        Ok(pack) => {
            let again = Pack::from_archive(pack.archive()).unwrap();
            assert_eq!(
                (again.content_hash(), again.facts_told().sql()),
                (pack.content_hash(), pack.facts_told().sql())
            );
            for worked in pack.work_examples() {
                assert!(worked.verdict.is_some() || worked.failure.is_some(), "{worked:?}");
            }
        }
        Err(PackErrors(errors)) => {
            assert!(!errors.is_empty());
            for error in errors {
                assert!(!error.problem.is_empty() && !error.problem_zh.is_empty(), "{error:?}");
            }
        }
    }
}

/// A file of the pack, chosen by the first byte; a first byte of 255 is followed by a whole archive.
pub fn policy_yaml(data: &[u8]) {
    match data.split_first() {
        Some((255, bytes)) => judge(Pack::from_archive(bytes)),
        Some((which, bytes)) => {
            let Ok(text) = std::str::from_utf8(bytes) else { return };
            let mut files = FILES.clone();
            let name = *files.keys().nth(usize::from(*which) % files.len()).unwrap();
            files.insert(name, text);
            judge(Pack::from_archive(&archive(files)));
        }
        None => (),
    }
}

/// An expression in one of the places of the pack, chosen by the first byte.
pub fn policy_expression(data: &[u8]) {
    let Some((which, bytes)) = data.split_first() else { return };
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let (file, key, place) = PLACES[usize::from(*which) % PLACES.len()];
    // JSON's way of quoting is YAML's too.
    let quoted = serde_json::to_string(text).unwrap();
    let changed = SMALL[file].replacen(&format!("{key}{place}\n"), &format!("{key}{quoted}\n"), 1);
    assert!(text == place || changed != SMALL[file], "{place} is in {file}");
    let files = SMALL.iter().map(|(name, text)| (*name, if *name == file { changed.as_str() } else { *text }));
    judge(Pack::from_archive(&archive(files)));
}
