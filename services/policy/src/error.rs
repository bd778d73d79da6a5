//! What can be wrong with a pack, in words its author can act on. Every fault of a pack is reported at once.

use std::fmt;

/// Something wrong, without its place: English, Chinese and, where one exists, the way out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Fault {
    pub(crate) en: String,
    pub(crate) zh: String,
    pub(crate) hint: Option<String>,
}

impl Fault {
    pub(crate) fn new(en: impl Into<String>, zh: impl Into<String>) -> Self {
        Self { en: en.into(), zh: zh.into(), hint: None }
    }

    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

/// One fault of a pack and where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PackError {
    /// File, relative to the pack's folder.
    pub file: String,
    /// Line from 1, where it is known.
    pub line: Option<usize>,
    /// Rule, fact, parameter or programme; empty when the file as a whole.
    pub rule: String,
    /// What is wrong, English.
    pub problem: String,
    /// The same in Chinese.
    pub problem_zh: String,
    /// What to do, English.
    pub hint: Option<String>,
}

impl fmt::Display for PackError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.file)?;
        if let Some(line) = self.line {
            write!(f, ":{line}")?;
        }
        if !self.rule.is_empty() {
            write!(f, ": {}", self.rule)?;
        }
        write!(f, ": {} ({})", self.problem, self.problem_zh)?;
        if let Some(hint) = &self.hint {
            write!(f, "; {hint}")?;
        }
        Ok(())
    }
}

/// Every fault found in a pack; never empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PackErrors(pub Vec<PackError>);

impl fmt::Display for PackErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "policy pack has {} faults (政策包有 {} 处错误)", self.0.len(), self.0.len())?;
        for error in &self.0 {
            write!(f, "\n  {error}")?;
        }
        Ok(())
    }
}

impl std::error::Error for PackErrors {}

/// Known name nearest to `wanted`, as the words of a hint; `None` when nothing is near.
pub(crate) fn did_you_mean<'a>(wanted: &str, known: impl IntoIterator<Item = &'a str>) -> Option<String> {
    let near = known.into_iter().map(|name| (distance(wanted, name), name)).min()?;
    let limit = (wanted.len() / 3).max(2);
    (near.0 <= limit).then(|| format!("did you mean `{}`?", near.1))
}

fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut corner = i;
        row[0] = i + 1;
        for (j, y) in b.iter().enumerate() {
            let cost = if x == *y { corner } else { corner.min(row[j]).min(row[j + 1]) + 1 };
            corner = row[j + 1];
            row[j + 1] = cost;
        }
    }
    row[b.len()]
}
