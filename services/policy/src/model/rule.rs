//! Rules: conditions under which somebody belongs to a class, leaves it, is entitled to a programme or is warned about.

use chrono::NaiveDate;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Citation, Confidence, Level, Severity, Title};

/// A boolean expression with a name, so that an explanation can show it by itself.
#[derive(Debug, Clone, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Condition {
    /// Name within the rule.
    pub name: String,
    /// Words that an applicant can be given.
    pub title: Title,
    /// The expression.
    pub expr: String,
    /// Outcome the verdict counts with when the data leave the condition unknown. The explanation still says unknown.
    #[serde(default)]
    pub unless_unknown: Option<bool>,
}

/// A way into a class, a way out of it, or an entitlement to a programme.
#[derive(Debug, Clone, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// Id, `DB-01`. The same id may stand again for other days.
    pub id: String,
    /// Words.
    pub title: Title,
    /// Household or person.
    pub level: Level,
    /// First day the rule holds; always when absent.
    #[serde(default)]
    pub from: Option<NaiveDate>,
    /// Last day; open when absent.
    #[serde(default)]
    pub to: Option<NaiveDate>,
    /// All must hold.
    pub conditions: Vec<Condition>,
    /// Amount in fen; absent when nothing is paid.
    #[serde(default)]
    pub amount: Option<String>,
    /// What the amount is for: fen/month, fen/settlement; fen/month when absent.
    #[serde(default)]
    pub unit: Option<String>,
    /// Most the amount can be; the amount is held to it.
    #[serde(default)]
    pub cap: Option<String>,
    /// Programme that pays or serves, for ways into a class.
    #[serde(default)]
    pub programme: Option<String>,
    /// Law and article.
    pub citations: Vec<Citation>,
    /// How sure condition and amount are.
    pub confidence: Confidence,
}

impl Rule {
    /// Holds on the day.
    pub fn holds(&self, on: NaiveDate) -> bool {
        self.from.is_none_or(|from| from <= on) && self.to.is_none_or(|to| on <= to)
    }
}

/// A class of the low-income population.
#[derive(Debug, Clone, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Class {
    /// Id, as in `monitoring.class_status`.
    pub assistance_class: String,
    /// Words.
    pub title: Title,
    /// Ways into it.
    pub routes: Vec<Rule>,
    /// Ways out of it: true says that the ground to leave is there.
    #[serde(default)]
    pub exits: Vec<Rule>,
}

/// An aid programme.
#[derive(Debug, Clone, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Programme {
    /// Code, `P-YL-03`.
    pub code: String,
    /// Words.
    pub title: Title,
    /// Number in the city's task list.
    #[serde(default)]
    pub task: String,
    /// Leading bureaus.
    pub lead: Vec<String>,
    /// Cooperating bureaus.
    pub cooperating: Vec<String>,
    /// Leading bureau the task list names, where the usual division of duties has another.
    #[serde(default)]
    pub seed_lead: Option<String>,
    /// Classes it is for.
    #[serde(default)]
    pub beneficiaries: Vec<String>,
    /// Others it is for, in words.
    #[serde(default)]
    pub others: Option<Title>,
    /// What is given.
    pub benefit: Title,
    /// How often.
    pub frequency: String,
    /// Where to apply.
    pub apply_at: String,
    /// What it may not be combined with, and how.
    #[serde(default)]
    pub stacking: Vec<Stacking>,
    /// Who is entitled, and to how much.
    pub rules: Vec<Rule>,
    /// Law and article.
    pub citations: Vec<Citation>,
    /// How sure it is.
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

/// How two programmes go together.
#[derive(Debug, Clone, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Stacking {
    /// The other programme's code.
    pub with: String,
    /// How.
    pub rule: StackingRule,
    /// Words.
    #[serde(default)]
    pub note: Option<Title>,
    /// Law and article.
    #[serde(default)]
    pub citations: Vec<Citation>,
}

/// How two programmes go together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum StackingRule {
    /// One excludes the other.
    Exclusive,
    /// The higher one is paid.
    TakeHigher,
    /// This one is paid up to its amount, less the other.
    TopUp,
    /// The person chooses.
    ChooseOne,
    /// Once for the same cause.
    SameCauseOnce,
}

/// Group an indicator belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
pub enum IndicatorClass {
    /// 主动发现: not in aid, may need it.
    A,
    /// 需求预警: in the set, aid missing.
    B,
    /// 动态管理: may have to leave or change.
    C,
    /// 政策落实: the mesh watches the officials.
    P,
    /// 数据质量: the mesh watches its feeds.
    Q,
}

/// A warning rule.
#[derive(Debug, Clone, Deserialize, Serialize, JsonSchema)]
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
    /// Higher urgency, and when.
    #[serde(default)]
    pub raised: Option<Raised>,
    /// All must hold.
    pub conditions: Vec<Condition>,
    /// Disposal type 1 to 4 (国办发〔2023〕39号 §3).
    pub disposition: u8,
    /// What the household needs.
    pub need: Title,
    /// Law and article.
    pub citations: Vec<Citation>,
    /// Where condition and threshold come from: S (stated in a source), S+D, D (design) or K.
    pub basis: String,
    /// The source in words.
    #[serde(default)]
    pub source_note: String,
    /// Days during which a checked "not true" silences the warning while the facts stay the same.
    pub suppress_days: u32,
}

/// Higher urgency of an indicator.
#[derive(Debug, Clone, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Raised {
    /// The higher urgency.
    pub severity: Severity,
    /// When; unknown counts as no, for the warning itself is raised either way.
    pub expr: String,
}
