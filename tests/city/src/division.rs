//! The real counties and townships of 陇南, from the published list.

use std::{collections::BTreeMap, sync::LazyLock};

const LIST: &str = include_str!("../data/divisions.csv");

/// A county, by its six digits.
pub type County = &'static str;

/// The county the city is about.
pub const HOME: County = "621202";
/// The small second county in which some feeds never come.
pub const SECOND: County = "621221";

/// A township.
#[derive(Clone, Copy, Debug)]
pub struct Township {
    /// Twelve digits.
    pub code: &'static str,
    pub title: &'static str,
}

impl Township {
    /// Street offices (third group 0xx) live by urban standards, towns and townships by rural ones.
    pub fn urban(&self) -> bool {
        self.code.as_bytes().get(6) == Some(&b'0')
    }
}

static TOWNSHIPS: LazyLock<BTreeMap<County, Vec<Township>>> = LazyLock::new(|| {
    let mut all: BTreeMap<County, Vec<Township>> = BTreeMap::new();
    for line in LIST.lines().skip(1) {
        let cells: Vec<&'static str> = line.split(',').collect();
        if let [code, title, "township", _] = cells[..] {
            all.entry(&code[..6]).or_default().push(Township { code, title });
        }
    }
    all
});

/// The townships of a county, in order of code.
pub fn townships(county: County) -> &'static [Township] {
    TOWNSHIPS.get(county).map_or(&[], Vec::as_slice)
}

/// All counties of the city: the home county first, then the second, then the others.
pub fn counties() -> Vec<County> {
    let mut all = vec![HOME, SECOND];
    all.extend(TOWNSHIPS.keys().copied().filter(|c| *c != HOME && *c != SECOND));
    all
}

/// The county of a division code, if it is one of the city's.
pub fn county_of(code: &str) -> Option<County> {
    TOWNSHIPS.keys().copied().find(|c| code.starts_with(c))
}

/// A county's name.
pub fn county_title(county: County) -> &'static str {
    LIST.lines()
        .filter_map(|line| line.strip_prefix(county)?.strip_prefix("000000,"))
        .find_map(|rest| rest.split(',').next())
        .unwrap_or(county)
}

/// Prefix of ID numbers given out before 陇南 became a prefecture-level city in 2004.
pub fn old_prefix(county: County) -> &'static str {
    match county {
        "621221" => "622624",
        "621222" => "622626",
        "621223" => "622623",
        "621224" => "622625",
        "621225" => "622627",
        "621226" => "622628",
        "621227" => "622630",
        "621228" => "622629",
        _ => "622621",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_holds_nine_counties_and_199_townships() {
        assert_eq!(counties().len(), 9);
        assert_eq!(counties().into_iter().map(|c| townships(c).len()).sum::<usize>(), 199);
        assert_eq!(county_title(HOME), "武都区");
        assert_eq!(townships(HOME).iter().filter(|t| t.urban()).count(), 4);
    }
}
