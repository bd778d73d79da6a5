//! The pack as its files say it: one type per kind of entry. Read by serde, checked by `load`, then never changed.

use chrono::NaiveDate;
use minqing_proto::minqing::types::v1::{AssistanceClass, Bureau, WarningLevel};
use serde::Deserialize;

use crate::kind::Kind;

/// Words for an official and for a developer.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Title {
    /// Chinese.
    pub zh: String,
    /// English.
    pub en: String,
}

/// How sure a value is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Confidence {
    /// Read in the full text of the document.
    Confirmed,
    /// Read on a secondary page.
    Secondary,
    /// From practice; nobody has seen the document.
    Unconfirmed,
    /// Realistic magnitude, to be replaced by the county's notice before the pack is used on people.
    Placeholder,
}

impl Confidence {
    /// Name as packs and explanations write it.
    pub fn name(self) -> &'static str {
        match self {
            Confidence::Confirmed => "confirmed",
            Confidence::Secondary => "secondary",
            Confidence::Unconfirmed => "unconfirmed",
            Confidence::Placeholder => "placeholder",
        }
    }
}

/// A county the pack covers.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct County {
    /// Twelve digits.
    pub code: String,
    /// Name.
    pub title: Title,
}

/// `pack.yaml`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Head {
    /// Name, the folder's.
    pub name: String,
    /// Version, `2026.11`.
    pub version: String,
    /// First business date the pack may be used for.
    pub valid_from: NaiveDate,
    /// Words.
    pub title: Title,
    /// City, twelve digits.
    pub city: String,
    /// Counties; every parameter must have a value for each.
    pub counties: Vec<County>,
}

/// A dated, placed value that rules read by name.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Parameter {
    /// Name in expressions.
    pub name: String,
    /// Words.
    pub title: Title,
    /// Kind of every value.
    #[serde(rename = "type")]
    pub kind: Kind,
    /// Unit in words, such as fen/person/month.
    #[serde(default)]
    pub unit: String,
    /// Values, in any order.
    pub values: Vec<ParameterEntry>,
}

/// One value of a parameter.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ParameterEntry {
    /// Value as text.
    #[serde(deserialize_with = "scalar")]
    pub value: String,
    /// Households it holds for.
    #[serde(default)]
    pub area: Area,
    /// Division it holds in, twelve digits; zeros at the end cover everything below.
    pub division: String,
    /// First day.
    pub from: NaiveDate,
    /// Last day; open when absent.
    #[serde(default)]
    pub to: Option<NaiveDate>,
    /// Document that sets it.
    pub document: String,
    /// Article within it.
    #[serde(default)]
    pub article: Option<String>,
    /// How sure it is.
    pub confidence: Confidence,
}

impl ParameterEntry {
    /// Leading digits of the division that every covered county shares.
    pub(crate) fn prefix(&self) -> &str {
        let pairs = self.division.as_bytes().chunks(2).take(3).rposition(|pair| pair != b"00");
        &self.division[..pairs.map_or(0, |last| (last + 1) * 2)]
    }
}

/// Urban or rural households, or both.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Area {
    /// Both.
    #[default]
    All,
    /// Urban standards.
    Urban,
    /// Rural standards.
    Rural,
}

impl Area {
    /// Name as packs and `monitoring.household.area_kind` write it.
    pub fn name(self) -> &'static str {
        match self {
            Area::All => "all",
            Area::Urban => "urban",
            Area::Rural => "rural",
        }
    }
}

/// What a rule or fact speaks of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// One member.
    Person,
    /// The household.
    Household,
    /// A bureau's dataset in a county. Indicators only.
    Feed,
}

/// A named, typed value of a person or household.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fact {
    /// Name in expressions.
    pub name: String,
    /// Words.
    pub title: Title,
    /// Person or household.
    pub level: Level,
    /// Kind.
    #[serde(rename = "type")]
    pub kind: Kind,
    /// Unit in words.
    #[serde(default)]
    pub unit: String,
    /// Where it comes from: `register` (a column), a record set or register table (an aggregate over its rows),
    /// `investigation` (only a field check can tell). Absent for facts made from facts.
    #[serde(default)]
    pub source: Option<String>,
    /// `person` lifts members' facts to the household.
    #[serde(default)]
    pub from: Option<Level>,
    /// The expression; absent for `investigation`.
    #[serde(default)]
    pub expr: Option<String>,
    /// Which rows of the source count.
    #[serde(default, rename = "where")]
    pub filter: Option<String>,
    /// Value when the feed is fresh and no row counts.
    #[serde(default, deserialize_with = "optional_scalar")]
    pub empty: Option<String>,
}

/// A boolean expression with a name, so that an explanation can show it by itself.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Condition {
    /// Name within the rule.
    pub name: String,
    /// Words, Chinese.
    pub title: String,
    /// The expression.
    pub expr: String,
    /// Outcome the verdict counts with when the data leave the condition unknown. The explanation still says unknown.
    #[serde(default)]
    pub unless_unknown: Option<bool>,
}

/// Urgency of a warning.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
pub enum Severity {
    /// Red.
    L1,
    /// Orange.
    L2,
    /// Yellow.
    L3,
    /// Blue.
    L4,
    /// Green.
    L5,
}

impl Severity {
    /// The contract's value.
    pub fn warning_level(self) -> WarningLevel {
        match self {
            Severity::L1 => WarningLevel::Red,
            Severity::L2 => WarningLevel::Orange,
            Severity::L3 => WarningLevel::Yellow,
            Severity::L4 => WarningLevel::Blue,
            Severity::L5 => WarningLevel::Green,
        }
    }

    /// From the contract's value; `None` when unspecified.
    pub fn of(level: WarningLevel) -> Option<Self> {
        match level {
            WarningLevel::Unspecified => None,
            WarningLevel::Red => Some(Severity::L1),
            WarningLevel::Orange => Some(Severity::L2),
            WarningLevel::Yellow => Some(Severity::L3),
            WarningLevel::Blue => Some(Severity::L4),
            WarningLevel::Green => Some(Severity::L5),
        }
    }
}

/// Group an indicator belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub enum IndicatorClass {
    /// 主动发现: not in aid, may need it.
    A,
    /// 需求预警: in the set, aid missing.
    B,
    /// 动态管理: may have to leave or change.
    C,
    /// 政策落实: the mesh watches the officials.
    P,
}

/// A warning rule.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Indicator {
    /// Id, `A03`.
    pub id: String,
    /// Words.
    pub title: Title,
    /// Group.
    pub class: IndicatorClass,
    /// What a warning is about.
    pub level: Level,
    /// Urgency.
    pub severity: Severity,
    /// All must hold.
    pub conditions: Vec<Condition>,
    /// Disposal type 1 to 4 (国办发〔2023〕39号 §3).
    pub disposition: u8,
    /// What the household needs, in words.
    pub need: String,
    /// Law and article.
    pub citation: String,
    /// Where condition and threshold come from.
    pub basis: String,
    /// Days during which a checked "not true" silences the warning while the facts stay the same.
    pub suppress_days: u32,
}

/// A class of the low-income population.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Class {
    /// Id, as in `monitoring.class_status`.
    pub assistance_class: String,
    /// Words.
    pub title: Title,
    /// Ways into it.
    pub routes: Vec<ClassRoute>,
}

/// One way into a class.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClassRoute {
    /// Id, `DB-01`.
    pub id: String,
    /// Words.
    pub title: Title,
    /// Household or person.
    pub level: Level,
    /// All must hold.
    pub conditions: Vec<Condition>,
    /// Monthly amount in fen; absent when the class pays no cash.
    #[serde(default)]
    pub amount: Option<String>,
    /// Most the amount can be; the amount is held to it.
    #[serde(default)]
    pub cap: Option<String>,
    /// Programme that pays or serves.
    #[serde(default)]
    pub programme: Option<String>,
    /// Law and article.
    pub citation: String,
    /// How sure condition and amount are.
    pub confidence: Confidence,
}

/// An aid programme.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Programme {
    /// Code, `P-YL-03`.
    pub code: String,
    /// Words.
    pub title: Title,
    /// Leading bureaus.
    pub lead: Vec<String>,
    /// Cooperating bureaus.
    pub cooperating: Vec<String>,
    /// Law and article.
    pub citation: String,
    /// How sure condition and amount are.
    pub confidence: Confidence,
    /// What must be known about it.
    #[serde(default)]
    pub note: String,
}

impl Programme {
    /// Takes part in the programme, leading or cooperating.
    pub fn involves(&self, bureau: &str) -> bool {
        self.lead.iter().chain(&self.cooperating).any(|other| other == bureau)
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Parameters {
    pub parameters: Vec<Parameter>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Facts {
    pub facts: Vec<Fact>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Indicators {
    pub indicators: Vec<Indicator>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Classes {
    pub classes: Vec<Class>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Programmes {
    pub programmes: Vec<Programme>,
}

/// Bureau by its text, `medical_insurance`; `None` when there is no such bureau.
pub fn bureau(text: &str) -> Option<Bureau> {
    Bureau::from_str_name(&format!("BUREAU_{}", text.to_uppercase())).filter(|bureau| *bureau != Bureau::Unspecified)
}

/// Class by its text, `minimum_living`; `None` when there is no such class.
pub fn assistance_class(text: &str) -> Option<AssistanceClass> {
    AssistanceClass::from_str_name(&format!("ASSISTANCE_CLASS_{}", text.to_uppercase()))
        .filter(|class| *class != AssistanceClass::Unspecified)
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Scalar {
    Boolean(bool),
    Integer(i64),
    Text(String),
}

impl Scalar {
    fn text(self) -> String {
        match self {
            Scalar::Boolean(value) => value.to_string(),
            Scalar::Integer(value) => value.to_string(),
            Scalar::Text(value) => value,
        }
    }
}

/// Fractions must be quoted (`"1.5"`): a YAML float would not keep the digits as written.
fn scalar<'de, D: serde::Deserializer<'de>>(input: D) -> Result<String, D::Error> {
    Ok(Scalar::deserialize(input)?.text())
}

fn optional_scalar<'de, D: serde::Deserializer<'de>>(input: D) -> Result<Option<String>, D::Error> {
    Ok(Option::<Scalar>::deserialize(input)?.map(Scalar::text))
}
