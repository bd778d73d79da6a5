//! Looks for the city's people in what the mesh leaves behind.

use std::{
    collections::{HashMap, HashSet},
    fs,
    path::Path,
};

use minqing_city::{
    city::{City, Settings},
    thresholds::Thresholds,
};

use super::harness::root;

/// What must stand nowhere but in the register.
pub struct Markers {
    numbers: HashSet<String>,
    /// By their first character: what the mesh leaves behind is long.
    names: HashMap<char, Vec<String>>,
}

impl Markers {
    /// The people of the city that `Mesh::play` plays.
    pub fn of_city(households: usize, days: u32) -> Markers {
        let thresholds = Thresholds::load(&root().join("deploy/policy/longnan")).unwrap();
        let city = City::build(Settings { seed: 7, households, days }, thresholds);
        let (mut numbers, mut names) = (HashSet::new(), HashSet::new());
        for household in &city.households {
            for member in household.collected().members {
                numbers.extend([member.id_number, member.phone, member.bank_account]);
                names.insert(member.name);
            }
            for person in &household.members {
                numbers.extend(person.old_id_number());
            }
        }
        numbers.remove("");
        let mut by_first: HashMap<char, Vec<String>> = HashMap::new();
        for name in names.into_iter().filter(|name| name.chars().count() >= 2) {
            by_first.entry(name.chars().next().unwrap()).or_default().push(name);
        }
        Markers { numbers, names: by_first }
    }

    /// How many markers there are.
    pub fn len(&self) -> usize {
        self.numbers.len() + self.names.values().map(Vec::len).sum::<usize>()
    }

    /// Every marker found in a text, at most a few.
    pub fn found_in(&self, text: &str) -> Vec<String> {
        let runs = text.split(|c: char| !c.is_ascii_digit() && c != 'X' && c != 'x');
        let numbers = runs.filter(|run| run.len() >= 11 && self.numbers.contains(&run.to_ascii_uppercase()));
        let mut found: Vec<String> = numbers.take(3).map(str::to_owned).collect();
        // Names are Chinese: what is plain ASCII begins none.
        let begins = text.char_indices().filter(|(_, c)| !c.is_ascii());
        let names = begins.flat_map(|(at, c)| {
            let known = self.names.get(&c).into_iter().flatten();
            known.filter(move |name| text[at..].starts_with(name.as_str()))
        });
        found.extend(names.take(3).cloned());
        found
    }

    /// Every file below a folder that holds a marker.
    pub fn found_below(&self, folder: &Path) -> Vec<String> {
        let mut found = Vec::new();
        for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
            let path = entry.path();
            if path.is_dir() {
                found.extend(self.found_below(&path));
            } else if let Ok(bytes) = fs::read(&path) {
                let markers = self.found_in(&String::from_utf8_lossy(&bytes));
                if !markers.is_empty() {
                    found.push(format!("{}: {markers:?}", path.display()));
                }
            }
        }
        found
    }
}
