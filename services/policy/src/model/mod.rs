//! The pack as its files say it: one type per kind of entry. Read by serde, checked by `load`, then never changed.

mod document;
mod example;
mod process;
mod rule;
mod severity;
mod value;

use chrono::NaiveDate;
use minqing_proto::minqing::types::v1::{AssistanceClass, Bureau};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use document::{Citation, Document};
pub use example::{Example, Expected};
pub use process::{Code, CodeTable, Process, Step};
pub use rule::{Class, Condition, Indicator, IndicatorClass, Programme, Raised, Rule, Stacking, StackingRule};
pub use severity::Severity;
pub use value::{AbsentSource, Fact, Parameter, ParameterEntry, Scalar, Subject};

/// Words for an official and for a developer.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Title {
    /// Chinese.
    pub zh: String,
    /// English.
    pub en: String,
}

/// How sure a value is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize, JsonSchema)]
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
    /// From the name; `None` when there is no such confidence.
    pub fn of(name: &str) -> Option<Confidence> {
        use Confidence::{Confirmed, Placeholder, Secondary, Unconfirmed};
        [Confirmed, Secondary, Unconfirmed, Placeholder].into_iter().find(|confidence| confidence.name() == name)
    }

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
#[derive(Debug, Clone, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct County {
    /// Twelve digits.
    pub code: String,
    /// Name.
    pub title: Title,
}

/// `pack.yaml`.
#[derive(Debug, Clone, Deserialize, Serialize, JsonSchema)]
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

/// Urban or rural households, or both.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
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
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// One member.
    Person,
    /// The household.
    Household,
    /// A bureau's dataset in a county. Indicators only.
    Feed,
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

/// Words for a bureau by its text; the text itself when there is no such bureau.
pub(crate) fn bureau_title(text: &str) -> Title {
    let (zh, en) = match bureau(text) {
        Some(Bureau::CivilAffairs) => ("民政局", "civil affairs"),
        Some(Bureau::Education) => ("教育局", "education bureau"),
        Some(Bureau::Hr) => ("人社局", "human resources bureau"),
        Some(Bureau::Housing) => ("住建局", "housing bureau"),
        Some(Bureau::Health) => ("卫健委", "health commission"),
        Some(Bureau::MedicalInsurance) => ("医保局", "medical insurance bureau"),
        Some(Bureau::Emergency) => ("应急管理局", "emergency bureau"),
        Some(Bureau::Rural) => ("农业农村（乡村振兴）局", "rural revitalisation"),
        Some(Bureau::Disabled) => ("残联", "disabled persons' federation"),
        Some(Bureau::Women) => ("妇联", "women's federation"),
        Some(Bureau::Outside) => ("其他部门", "offices outside the nine bureaus"),
        _ => (text, text),
    };
    Title { zh: zh.to_owned(), en: en.to_owned() }
}
