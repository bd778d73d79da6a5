//! Reads a pack's folder or archive: files in a fixed order, every fault collected, a hash over what was read.

use schemars::JsonSchema;
use serde::{Deserialize, de::DeserializeOwned};

use crate::{
    archive::{self, Files},
    calendar::{Calendar, CalendarFile},
    check::{self, Analysis, Complaint},
    error::{Fault, PackError, PackErrors},
    model::{AbsentSource, Class, CodeTable, Document, Example, Fact, Head, Indicator, Parameter, Process, Programme},
    routing::{Routing, RoutingFile},
    sql::names,
};

/// Most bytes of one file, and of all: a pack is read by people.
const FILE_LIMIT: u64 = 2 << 20;
const PACK_LIMIT: u64 = 16 << 20;

/// Everything a pack says.
#[derive(Debug)]
pub(crate) struct Contents {
    pub head: Head,
    pub documents: Vec<Document>,
    pub sources: Vec<AbsentSource>,
    pub parameters: Vec<Parameter>,
    pub facts: Vec<Fact>,
    pub indicators: Vec<Indicator>,
    pub classes: Vec<Class>,
    pub programmes: Vec<Programme>,
    pub processes: Vec<Process>,
    pub code_tables: Vec<CodeTable>,
    pub examples: Vec<Example>,
    pub routing: Routing,
    pub calendar: Calendar,
    /// Names that expressions were given.
    pub known: names::Known,
}

/// A pack read and found sound.
#[derive(Debug)]
pub(crate) struct Loaded {
    pub contents: Contents,
    pub analysis: Analysis,
    /// Every file, as [`archive`] writes them.
    pub archive: Vec<u8>,
    /// SHA-256 of the archive, hexadecimal.
    pub hash: String,
}

/// A file that holds one list under its own name.
trait List: DeserializeOwned {
    type Entry;
    fn entries(self) -> Vec<Self::Entry>;
}

macro_rules! lists {
    ($($file:ident { $list:ident: $entry:ty })*) => {
        /// Schema of each of these files by its name.
        pub(crate) fn list_schemas() -> Vec<(&'static str, serde_json::Value)> {
            vec![$((concat!(stringify!($list), ".json"), crate::schema::schema::<$file>())),*]
        }
    $(
        #[derive(Debug, Deserialize, JsonSchema)]
        #[serde(deny_unknown_fields)]
        struct $file {
            $list: Vec<$entry>,
        }

        impl List for $file {
            type Entry = $entry;
            fn entries(self) -> Vec<$entry> {
                self.$list
            }
        }
    )*};
}

lists! {
    Documents { documents: Document }
    Sources { sources: AbsentSource }
    Parameters { parameters: Parameter }
    Facts { facts: Fact }
    Indicators { indicators: Indicator }
    Classes { classes: Class }
    Programmes { programmes: Programme }
    Processes { processes: Process }
    CodeTables { code_tables: CodeTable }
    Examples { examples: Example }
}

struct Text {
    file: String,
    text: String,
}

struct Reader {
    files: Files,
    texts: Vec<Text>,
    bytes: u64,
    errors: Vec<PackError>,
}

/// Reads and checks the pack that these files are.
pub(crate) fn load(files: Files) -> Result<Loaded, PackErrors> {
    let mut reader = Reader { files, texts: Vec::new(), bytes: 0, errors: Vec::new() };
    let Some(contents) = reader.contents() else {
        return Err(PackErrors(reader.errors));
    };
    let (analysis, complaints) = check::check(&contents);
    if !complaints.is_empty() {
        let errors = complaints.into_iter().map(|complaint| reader.placed(complaint)).collect();
        return Err(PackErrors(errors));
    }
    let archive = reader.archive();
    let hash = archive::hash(&archive);
    Ok(Loaded { contents, analysis, archive, hash })
}

/// Reads and checks the pack in an archive, which must hold its files and nothing else.
pub(crate) fn load_archive(bytes: &[u8]) -> Result<Loaded, PackErrors> {
    let refused = |fault| PackErrors(vec![of_file("archive", fault)]);
    let loaded = load(Files::of_archive(bytes).map_err(refused)?)?;
    if loaded.archive != bytes {
        return Err(refused(Fault::new("holds a file that is none of a pack's", "含有不属于政策包的文件")));
    }
    Ok(loaded)
}

/// A fault of a file as a whole.
pub(crate) fn of_file(file: &str, fault: Fault) -> PackError {
    PackError {
        file: file.to_owned(),
        line: None,
        rule: String::new(),
        problem: fault.en,
        problem_zh: fault.zh,
        hint: fault.hint,
    }
}

impl Reader {
    fn contents(&mut self) -> Option<Contents> {
        let head = self.file::<Head>("pack.yaml");
        let calendar = self.file::<CalendarFile>("calendar.yaml").and_then(|file| self.calendar(file));
        let routing = self.routing();
        let contents = Contents {
            documents: self.list::<Documents>("documents", true),
            sources: self.list::<Sources>("sources", false),
            parameters: self.list::<Parameters>("parameters", true),
            facts: self.list::<Facts>("facts", true),
            indicators: self.list::<Indicators>("indicators", true),
            classes: self.list::<Classes>("classes", true),
            programmes: self.list::<Programmes>("programmes", true),
            processes: self.list::<Processes>("processes", false),
            code_tables: self.list::<CodeTables>("codes", false),
            examples: self.list::<Examples>("examples", false),
            head: head?,
            routing: routing?,
            calendar: calendar?,
            known: names::Known::default(),
        };
        self.errors.is_empty().then_some(contents)
    }

    /// Entries of `<kind>.yaml` and of every file in the folder `<kind>`.
    fn list<T: List>(&mut self, kind: &str, required: bool) -> Vec<T::Entry> {
        let files = self.files.of_kind(kind);
        if files.is_empty() && required {
            self.fail(&format!("{kind}.yaml"), None, ("is missing".to_owned(), "缺少文件"));
        }
        let mut entries = Vec::new();
        for file in files {
            entries.extend(self.file::<T>(&file).map(List::entries).unwrap_or_default());
        }
        entries
    }

    fn routing(&mut self) -> Option<Routing> {
        let files = self.files.of_kind("routing");
        let mut parts = Vec::new();
        for file in files {
            parts.push(self.file::<RoutingFile>(&file)?);
        }
        let routing = Routing::of(parts);
        if routing.is_none() {
            let text = "levels and signing_working_days must stand in exactly one routing file".to_owned();
            self.fail("routing", None, (text, "levels 和 signing_working_days 应且仅应出现在一个文件"));
        }
        routing
    }

    fn file<T: DeserializeOwned>(&mut self, file: &str) -> Option<T> {
        let size = self.files.size(file);
        self.bytes += size;
        if size > FILE_LIMIT || self.bytes > PACK_LIMIT {
            let text = format!("has {size} bytes: a file may have {FILE_LIMIT}, a pack {PACK_LIMIT}");
            self.fail(file, None, (text, "文件过大"));
            return None;
        }
        let text = match self.files.read(file) {
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
                self.errors.push(of_file("calendar.yaml", fault));
                None
            }
        }
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

    fn archive(&mut self) -> Vec<u8> {
        self.texts.sort_by(|a, b| a.file.cmp(&b.file));
        archive::archive(self.texts.iter().map(|text| (text.file.as_str(), text.text.as_str())))
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
