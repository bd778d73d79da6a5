//! Reads a pack's folder: files in a fixed order, every fault collected, a hash over what was read.

use std::{
    fs,
    path::{Path, PathBuf},
};

use serde::de::DeserializeOwned;
use sha2::{Digest, Sha256};

use crate::{
    calendar::{Calendar, CalendarFile},
    check::{self, Analysis, Complaint},
    error::{PackError, PackErrors},
    model::{Class, Classes, Fact, Facts, Head, Indicator, Indicators, Parameter, Parameters, Programme, Programmes},
    routing::Routing,
};

/// Everything a pack says.
#[derive(Debug)]
pub(crate) struct Contents {
    pub head: Head,
    pub parameters: Vec<Parameter>,
    pub facts: Vec<Fact>,
    pub indicators: Vec<Indicator>,
    pub classes: Vec<Class>,
    pub programmes: Vec<Programme>,
    pub routing: Routing,
    pub calendar: Calendar,
}

/// A pack read and found sound.
#[derive(Debug)]
pub(crate) struct Loaded {
    pub contents: Contents,
    pub analysis: Analysis,
    pub hash: String,
}

struct Text {
    file: String,
    text: String,
}

struct Reader {
    dir: PathBuf,
    texts: Vec<Text>,
    errors: Vec<PackError>,
}

/// Reads and checks the pack in `dir`.
pub(crate) fn load(dir: &Path) -> Result<Loaded, PackErrors> {
    let mut reader = Reader { dir: dir.to_owned(), texts: Vec::new(), errors: Vec::new() };
    let Some(contents) = reader.contents() else {
        return Err(PackErrors(reader.errors));
    };
    let (analysis, complaints) = check::check(&contents);
    if !complaints.is_empty() {
        let errors = complaints.into_iter().map(|complaint| reader.placed(complaint)).collect();
        return Err(PackErrors(errors));
    }
    let hash = reader.hash();
    Ok(Loaded { contents, analysis, hash })
}

impl Reader {
    fn contents(&mut self) -> Option<Contents> {
        let head = self.file::<Head>("pack.yaml");
        let parameters = self.file::<Parameters>("parameters.yaml");
        let facts = self.file::<Facts>("facts.yaml");
        let classes = self.file::<Classes>("classes.yaml");
        let programmes = self.file::<Programmes>("programmes.yaml");
        let routing = self.file::<Routing>("routing.yaml");
        let calendar = self.file::<CalendarFile>("calendar.yaml").and_then(|file| self.calendar(file));
        let mut indicators = Vec::new();
        let mut complete = true;
        for file in self.indicator_files() {
            match self.file::<Indicators>(&file) {
                Some(list) => indicators.extend(list.indicators),
                None => complete = false,
            }
        }
        if !complete || !self.errors.is_empty() {
            return None;
        }
        Some(Contents {
            head: head?,
            parameters: parameters?.parameters,
            facts: facts?.facts,
            indicators,
            classes: classes?.classes,
            programmes: programmes?.programmes,
            routing: routing?,
            calendar: calendar?,
        })
    }

    fn file<T: DeserializeOwned>(&mut self, file: &str) -> Option<T> {
        let text = match fs::read_to_string(self.dir.join(file)) {
            Ok(text) => text,
            Err(error) => {
                self.fail(file, None, (format!("cannot be read: {error}"), "无法读取"));
                return None;
            }
        };
        let parsed = serde_yaml_ng::from_str(&text);
        self.texts.push(Text { file: file.to_owned(), text });
        match parsed {
            Ok(value) => Some(value),
            Err(error) => {
                let line = error.location().map(|location| location.line());
                self.fail(file, line, (error.to_string(), "格式错误"));
                None
            }
        }
    }

    fn calendar(&mut self, file: CalendarFile) -> Option<Calendar> {
        match Calendar::of(file.years) {
            Ok(calendar) => Some(calendar),
            Err(fault) => {
                self.errors.push(PackError {
                    file: "calendar.yaml".to_owned(),
                    line: None,
                    rule: String::new(),
                    problem: fault.en,
                    problem_zh: fault.zh,
                    hint: fault.hint,
                });
                None
            }
        }
    }

    fn indicator_files(&mut self) -> Vec<String> {
        let entries = match fs::read_dir(self.dir.join("indicators")) {
            Ok(entries) => entries,
            Err(error) => {
                self.fail("indicators/", None, (format!("cannot be read: {error}"), "无法读取"));
                return Vec::new();
            }
        };
        let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
        let mut files: Vec<String> =
            names.filter(|name| name.ends_with(".yaml")).map(|name| format!("indicators/{name}")).collect();
        files.sort();
        files
    }

    fn fail(&mut self, file: &str, line: Option<usize>, (problem, problem_zh): (String, &str)) {
        self.errors.push(PackError {
            file: file.to_owned(),
            line,
            rule: String::new(),
            problem,
            problem_zh: problem_zh.to_owned(),
            hint: None,
        });
    }

    /// Gives a complaint its file and the line where its rule starts.
    fn placed(&self, complaint: Complaint) -> PackError {
        let mut file = complaint.file.to_owned();
        let mut line = None;
        for text in self.texts.iter().filter(|text| text.file.starts_with(complaint.file)) {
            if let Some(found) = line_of(&text.text, &complaint.rule) {
                file.clone_from(&text.file);
                line = Some(found);
                break;
            }
        }
        PackError {
            file,
            line,
            rule: complaint.rule,
            problem: complaint.fault.en,
            problem_zh: complaint.fault.zh,
            hint: complaint.fault.hint,
        }
    }

    /// SHA-256 over every file's name and bytes, in the order of their names.
    fn hash(&mut self) -> String {
        self.texts.sort_by(|a, b| a.file.cmp(&b.file));
        let mut hash = Sha256::new();
        for text in &self.texts {
            for part in [&text.file, &text.text] {
                hash.update((part.len() as u64).to_be_bytes());
                hash.update(part.as_bytes());
            }
        }
        hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

/// Line on which the entry that bears the name starts.
fn line_of(text: &str, rule: &str) -> Option<usize> {
    const KEYS: [&str; 5] = ["id", "name", "code", "indicator", "assistance_class"];
    let bears = |line: &str| {
        let line = line.trim().trim_start_matches("- ");
        let (key, value) = line.split_once(':').unwrap_or((line, ""));
        KEYS.contains(&key) && value.trim().trim_matches('"') == rule
    };
    text.lines().position(bears).map(|index| index + 1)
}
