//! Every rule of a pack in one list, whoever it belongs to: ways into classes, ways out, entitlements.

use crate::{load::Contents, model::Rule, sql::column_name};

/// What a rule belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Owner<'a> {
    /// Way into the class.
    Class(&'a str),
    /// Way out of the class.
    Exit(&'a str),
    /// Entitlement to the programme.
    Programme(&'a str),
}

impl<'a> Owner<'a> {
    /// Kind as the assessment statement writes it.
    pub fn kind(self) -> &'static str {
        match self {
            Owner::Class(_) => "class",
            Owner::Exit(_) => "exit",
            Owner::Programme(_) => "programme",
        }
    }

    /// Class or programme code.
    pub fn code(self) -> &'a str {
        match self {
            Owner::Class(code) | Owner::Exit(code) | Owner::Programme(code) => code,
        }
    }
}

/// A rule, its owner, and the key that tells versions of one id apart.
#[derive(Debug, Clone)]
pub(crate) struct PlacedRule<'a> {
    pub owner: Owner<'a>,
    pub rule: &'a Rule,
    /// Part of column names: `db_01`, and `db_01_v2` for its second version.
    pub key: String,
}

/// Every rule in the order of the files.
pub(crate) fn placed(contents: &Contents) -> Vec<PlacedRule<'_>> {
    let classes = contents.classes.iter().flat_map(|class| {
        let code = class.assistance_class.as_str();
        let routes = class.routes.iter().map(move |rule| (Owner::Class(code), rule));
        routes.chain(class.exits.iter().map(move |rule| (Owner::Exit(code), rule)))
    });
    let programmes = contents.programmes.iter().flat_map(|programme| {
        let code = programme.code.as_str();
        programme.rules.iter().map(move |rule| (Owner::Programme(code), rule))
    });
    let mut all: Vec<PlacedRule<'_>> = Vec::new();
    for (owner, rule) in classes.chain(programmes) {
        let before = all.iter().filter(|other| other.rule.id == rule.id).count();
        let plain = column_name(&rule.id);
        let key = if before == 0 { plain } else { format!("{plain}_v{}", before + 1) };
        all.push(PlacedRule { owner, rule, key });
    }
    all
}
