//! Where the things of a pack stand, by their names: looked up many times an assessment, so noted once when it is read.

use std::collections::{BTreeSet, HashMap};

use chrono::NaiveDate;

use crate::{
    check::Analysis,
    load::Contents,
    model::{Fact, Indicator, Parameter, Rule},
    rules::{Owner, placed},
};

/// Places by name.
#[derive(Debug)]
pub(crate) struct Index {
    facts: HashMap<String, usize>,
    /// Sources of each fact, itself or through other facts, in alphabetical order.
    sources: Vec<Vec<String>>,
    parameters: HashMap<String, usize>,
    indicators: HashMap<String, usize>,
    documents: HashMap<String, usize>,
    /// In the order of the files.
    rules: Vec<Place>,
    versions: HashMap<String, Vec<usize>>,
}

/// Where a rule stands, and the key that tells its versions apart.
#[derive(Debug)]
struct Place {
    list: List,
    nth: usize,
    key: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum List {
    Routes(usize),
    Exits(usize),
    Programme(usize),
}

impl Index {
    pub(crate) fn of(contents: &Contents, analysis: &Analysis) -> Index {
        let classes = contents
            .classes
            .iter()
            .enumerate()
            .flat_map(|(at, class)| [(List::Routes(at), class.routes.len()), (List::Exits(at), class.exits.len())]);
        let programmes =
            contents.programmes.iter().enumerate().map(|(at, programme)| (List::Programme(at), programme.rules.len()));
        let places = classes.chain(programmes).flat_map(|(list, many)| (0..many).map(move |nth| (list, nth)));
        let mut rules = Vec::new();
        let mut versions: HashMap<String, Vec<usize>> = HashMap::new();
        for ((list, nth), one) in places.zip(placed(contents)) {
            versions.entry(one.rule.id.clone()).or_default().push(rules.len());
            rules.push(Place { list, nth, key: one.key });
        }
        let facts = by_name(contents.facts.iter().map(|fact| &fact.name));
        let sources = |fact: &Fact| {
            let closure = analysis.closure(&BTreeSet::from([fact.name.clone()]));
            let parts = closure.iter().filter_map(|name| facts.get(name));
            let found: BTreeSet<String> = parts.filter_map(|at| contents.facts[*at].source.clone()).collect();
            found.into_iter().collect()
        };
        Index {
            sources: contents.facts.iter().map(sources).collect(),
            facts,
            parameters: by_name(contents.parameters.iter().map(|parameter| &parameter.name)),
            indicators: by_name(contents.indicators.iter().map(|indicator| &indicator.id)),
            documents: by_name(contents.documents.iter().map(|document| &document.name)),
            rules,
            versions,
        }
    }

    pub(crate) fn fact<'a>(&self, contents: &'a Contents, name: &str) -> Option<&'a Fact> {
        self.facts.get(name).map(|at| &contents.facts[*at])
    }

    pub(crate) fn sources_of(&self, fact: &str) -> &[String] {
        self.facts.get(fact).map(|at| self.sources[*at].as_slice()).unwrap_or_default()
    }

    pub(crate) fn parameter<'a>(&self, contents: &'a Contents, name: &str) -> Option<&'a Parameter> {
        self.parameters.get(name).map(|at| &contents.parameters[*at])
    }

    pub(crate) fn indicator<'a>(&self, contents: &'a Contents, id: &str) -> Option<&'a Indicator> {
        self.indicators.get(id).map(|at| &contents.indicators[*at])
    }

    pub(crate) fn document<'a>(&self, contents: &'a Contents, name: &str) -> Option<&'a crate::model::Document> {
        self.documents.get(name).map(|at| &contents.documents[*at])
    }

    /// Every rule in the order of the files.
    pub(crate) fn rules<'a>(&'a self, contents: &'a Contents) -> impl Iterator<Item = (Owner<'a>, &'a Rule)> {
        self.rules.iter().map(|place| place.rule(contents))
    }

    /// The version of a rule that holds on the day: its owner, itself and its key.
    pub(crate) fn rule<'a>(
        &'a self,
        contents: &'a Contents,
        id: &str,
        on: NaiveDate,
    ) -> Option<(Owner<'a>, &'a Rule, &'a str)> {
        let places = self.versions.get(id)?.iter().map(|at| &self.rules[*at]);
        let mut found = places.map(|place| (place.rule(contents), place.key.as_str()));
        found.find(|((_, rule), _)| rule.holds(on)).map(|((owner, rule), key)| (owner, rule, key))
    }
}

impl Place {
    fn rule<'a>(&self, contents: &'a Contents) -> (Owner<'a>, &'a Rule) {
        match self.list {
            List::Routes(at) => {
                let class = &contents.classes[at];
                (Owner::Class(&class.assistance_class), &class.routes[self.nth])
            }
            List::Exits(at) => {
                let class = &contents.classes[at];
                (Owner::Exit(&class.assistance_class), &class.exits[self.nth])
            }
            List::Programme(at) => {
                let programme = &contents.programmes[at];
                (Owner::Programme(&programme.code), &programme.rules[self.nth])
            }
        }
    }
}

/// The first of several by one name counts, as a search from the start would find it.
fn by_name<'a>(names: impl Iterator<Item = &'a String>) -> HashMap<String, usize> {
    let mut places = HashMap::new();
    for (at, name) in names.enumerate() {
        places.entry(name.clone()).or_insert(at);
    }
    places
}
