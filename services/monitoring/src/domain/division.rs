//! Numbers by township, rolled up to counties and to all, with small ones withheld: a count of one or two could point
//! at a family. Where one such number is withheld and the others of its county are shown, it could be computed from the
//! county's; so the smallest of the others is withheld with it. Amounts go with the counts they follow from.

use std::collections::BTreeMap;

use super::words;

/// Counts below this are withheld, except none.
const SMALL: i64 = 3;

/// Counts of households or warnings, and two amounts that follow from them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Numbers<const N: usize> {
    pub counts: [i64; N],
    pub amounts: [i64; 2],
}

impl<const N: usize> Default for Numbers<N> {
    fn default() -> Self {
        Numbers { counts: [0; N], amounts: [0; 2] }
    }
}

/// Whether a count could point at a family.
pub fn is_small(count: i64) -> bool {
    (1..SMALL).contains(&count)
}

impl<const N: usize> Numbers<N> {
    fn add(&mut self, other: &Numbers<N>) {
        for (sum, more) in self.counts.iter_mut().zip(other.counts) {
            *sum += more;
        }
        for (sum, more) in self.amounts.iter_mut().zip(other.amounts) {
            *sum = sum.saturating_add(more);
        }
    }
}

/// The numbers of one division, and which of them are withheld.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row<const N: usize> {
    /// Twelve digits; empty for all.
    pub division: String,
    pub numbers: Numbers<N>,
    pub counts_withheld: [bool; N],
    pub amounts_withheld: bool,
}

/// What amounts follow from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Amounts {
    /// Each is a multiple of a count, so that it would tell it.
    OfCounts,
    /// Sums over all the households counted: over a county's they tell nothing of one or two among many.
    OfHouseholds,
}

/// Rows for all, for each county and for each township, in this order. `open`: the caller may see the households, so
/// nothing is withheld. A household whose township is not known is in its county's row only.
pub fn rows<const N: usize>(townships: &BTreeMap<String, Numbers<N>>, amounts: Amounts, open: bool) -> Vec<Row<N>> {
    let mut by_county: BTreeMap<String, Vec<Row<N>>> = BTreeMap::new();
    for (township, numbers) in townships {
        by_county.entry(words::county(township)).or_default().push(row(township, *numbers));
    }
    let mut counties: Vec<Row<N>> = by_county.iter().map(|(county, below)| sum(county, below)).collect();
    let mut all = vec![sum("", &counties)];
    if !open {
        withhold(&mut all, amounts);
        withhold(&mut counties, amounts);
        by_county.values_mut().for_each(|below| withhold(below, Amounts::OfCounts));
    }
    if all[0].numbers == Numbers::default() {
        return Vec::new();
    }
    let below =
        by_county.into_iter().flat_map(|(county, rows)| rows.into_iter().filter(move |row| row.division != county));
    all.into_iter().chain(counties).chain(below).collect()
}

/// The township of a division code of twelve digits.
pub fn township(division_code: &str) -> String {
    let head: String = division_code.chars().take(9).collect();
    format!("{head:0<12}")
}

fn row<const N: usize>(division: &str, numbers: Numbers<N>) -> Row<N> {
    Row { division: division.to_owned(), numbers, counts_withheld: [false; N], amounts_withheld: false }
}

fn sum<const N: usize>(division: &str, below: &[Row<N>]) -> Row<N> {
    let mut numbers = Numbers::default();
    below.iter().for_each(|row| numbers.add(&row.numbers));
    row(division, numbers)
}

/// Withholds what is small among rows whose sum is shown too, and what it could be computed from.
fn withhold<const N: usize>(rows: &mut [Row<N>], amounts: Amounts) {
    for measure in 0..N {
        let sizes: Vec<i64> = rows.iter().map(|row| row.numbers.counts[measure]).collect();
        let mut flags: Vec<bool> = sizes.iter().map(|size| is_small(*size)).collect();
        cover(&mut flags, &sizes);
        for (row, flag) in rows.iter_mut().zip(flags) {
            row.counts_withheld[measure] = flag;
        }
    }
    let sizes: Vec<i64> = rows.iter().map(|row| row.numbers.amounts.into_iter().max().unwrap_or(0)).collect();
    let tells = |row: &Row<N>| match amounts {
        Amounts::OfCounts => row.counts_withheld.contains(&true),
        Amounts::OfHouseholds => is_small(row.numbers.counts.iter().sum()),
    };
    let mut flags: Vec<bool> = rows.iter().map(tells).collect();
    cover(&mut flags, &sizes);
    for (row, flag) in rows.iter_mut().zip(flags) {
        row.amounts_withheld = flag;
    }
}

/// One withheld number alone is the sum less the others: the smallest other that is not none goes with it.
fn cover(flags: &mut [bool], sizes: &[i64]) {
    if flags.iter().filter(|flag| **flag).count() != 1 {
        return;
    }
    let others = (0..sizes.len()).filter(|index| !flags[*index] && sizes[*index] != 0);
    if let Some(smallest) = others.min_by_key(|index| sizes[*index]) {
        flags[smallest] = true;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers(count: i64) -> Numbers<1> {
        Numbers { counts: [count], amounts: [0, count * 1200] }
    }

    fn shown(townships: &[(&str, i64)], open: bool) -> Vec<(String, i64, bool)> {
        let townships = townships.iter().map(|(code, count)| ((*code).to_owned(), numbers(*count))).collect();
        let list = rows(&townships, Amounts::OfCounts, open).into_iter();
        list.map(|row| {
            assert_eq!(row.counts_withheld[0], row.amounts_withheld, "{}", row.division);
            (row.division, row.numbers.counts[0], row.amounts_withheld)
        })
        .collect()
    }

    const A: &str = "621202101000";
    const B: &str = "621202102000";
    const C: &str = "621202103000";
    const COUNTY: &str = "621202000000";

    fn is_withheld(of: &[(String, i64, bool)], division: &str) -> bool {
        of.iter().any(|(code, _, withheld)| code == division && *withheld)
    }

    #[test]
    fn sums_are_made_before_anything_is_withheld() {
        let rows = shown(&[(A, 2), (B, 1), ("621221101000", 40)], false);
        assert_eq!(rows[0], (String::new(), 43, false));
        assert_eq!(rows[1], (COUNTY.to_owned(), 3, false));
        assert!(is_withheld(&rows, A) && is_withheld(&rows, B) && !is_withheld(&rows, "621221101000"));
    }

    #[test]
    fn a_single_small_number_takes_the_smallest_other_with_it() {
        let rows = shown(&[(A, 9), (B, 1), (C, 5)], false);
        assert!(is_withheld(&rows, B) && is_withheld(&rows, C) && !is_withheld(&rows, A));
    }

    #[test]
    fn a_small_number_that_is_all_there_is_is_withheld_at_every_level() {
        let rows = shown(&[(A, 0), (B, 1)], false);
        assert!(
            is_withheld(&rows, "") && is_withheld(&rows, COUNTY) && is_withheld(&rows, B) && !is_withheld(&rows, A)
        );
    }

    #[test]
    fn a_countys_cost_is_shown_though_one_household_leaves() {
        let numbers = Numbers { counts: [1, 40], amounts: [49_200, 48_000] };
        let rows = rows(&[(A.to_owned(), numbers)].into(), Amounts::OfHouseholds, false);
        assert!(rows.iter().all(|row| row.counts_withheld == [true, false]));
        assert_eq!(rows.iter().map(|row| row.amounts_withheld).collect::<Vec<_>>(), [false, false, true]);
    }

    #[test]
    fn nothing_is_withheld_from_who_may_see_the_households() {
        assert!(shown(&[(A, 1), (B, 2), (C, 50)], true).iter().all(|(_, _, withheld)| !withheld));
    }

    #[test]
    fn who_has_no_township_is_in_the_countys_row_only() {
        let rows = shown(&[(COUNTY, 7), (A, 4)], false);
        let codes: Vec<&str> = rows.iter().map(|(code, ..)| code.as_str()).collect();
        assert_eq!(codes, ["", COUNTY, A]);
        assert_eq!(rows[1].1, 11);
        assert_eq!(township("621202103201"), C);
        assert_eq!(township("621202"), COUNTY);
    }

    #[test]
    fn nothing_comes_to_no_rows() {
        assert!(shown(&[], false).is_empty());
    }
}
