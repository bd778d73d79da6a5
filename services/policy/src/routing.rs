//! `routing.yaml`: who looks at a warning, which referrals it leads to, and how much time each level leaves.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Who looks at a warning.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Desk {
    /// Township office.
    Township,
    /// County civil affairs.
    County,
    /// The bureau itself.
    Bureau,
}

/// When a referral goes out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum When {
    /// With the work order.
    Direct,
    /// After the field check says true or partly true.
    Verified,
}

/// A referral a warning leads to.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ReferralRule {
    /// Bureau that gets it.
    pub bureau: String,
    /// Programme's code.
    pub programme: String,
    /// When.
    pub when: When,
}

/// What happens with an indicator's warnings.
#[derive(Debug, Clone, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Route {
    /// Indicator's id.
    pub indicator: String,
    /// Somebody looks before anything is decided.
    pub field_check: bool,
    /// Who has the work order.
    pub to: Desk,
    /// Working days for the field check, where they differ from the level's.
    #[serde(default)]
    pub check_working_days: Option<u32>,
    /// Referrals.
    #[serde(default)]
    pub referrals: Vec<ReferralRule>,
    /// Classes whose conditions may be met.
    #[serde(default)]
    pub candidate_classes: Vec<String>,
    /// A class may no longer be deserved.
    #[serde(default)]
    pub recheck_class: bool,
}

/// Time limits of a level, in working days.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LevelLimits {
    /// Field check due; `None`: with the next planned visit.
    pub check_working_days: Option<u32>,
    /// Whole chain closed; `None`: no limit.
    pub close_working_days: Option<u32>,
    /// Working days after the check is due at which the county is told.
    pub escalate_county_after: Option<u32>,
    /// Working days after the check is due at which the city is told.
    pub escalate_city_after: Option<u32>,
}

/// Limits of every level.
#[derive(Debug, Clone, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Limits {
    #[serde(rename = "L1")]
    pub l1: LevelLimits,
    #[serde(rename = "L2")]
    pub l2: LevelLimits,
    #[serde(rename = "L3")]
    pub l3: LevelLimits,
    #[serde(rename = "L4")]
    pub l4: LevelLimits,
    #[serde(rename = "L5")]
    pub l5: LevelLimits,
}

/// A routing file: all of it, or only routes.
#[derive(Debug, Clone, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RoutingFile {
    #[serde(default)]
    levels: Option<Limits>,
    #[serde(default)]
    signing_working_days: Option<u32>,
    #[serde(default)]
    routes: Vec<Route>,
}

/// The pack's routing.
#[derive(Debug, Clone)]
pub(crate) struct Routing {
    pub levels: Limits,
    pub signing_working_days: u32,
    pub routes: Vec<Route>,
}

impl Routing {
    /// Of the files together; `None` unless exactly one says the limits.
    pub(crate) fn of(files: Vec<RoutingFile>) -> Option<Routing> {
        let mut limits = files.iter().filter_map(|file| Some((file.levels.clone()?, file.signing_working_days?)));
        let (levels, signing_working_days) = limits.next()?;
        if limits.next().is_some() {
            return None;
        }
        drop(limits);
        Some(Routing { levels, signing_working_days, routes: files.into_iter().flat_map(|file| file.routes).collect() })
    }
}
