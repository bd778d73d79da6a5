//! A batch before its rows are made: which rows of the book it holds, in which order, and what is done to each on its
//! way. An outline takes a few bytes a row, and gives the lines one by one.

use std::collections::HashSet;

use chrono::NaiveDate;
use minqing_proto::minqing::types::v1::RowReason;

use crate::{
    city::{City, book::Entry},
    dataset::Dataset,
    defect,
    division::County,
    feed_plant,
    plan::{Batch, Line, Mode, Origin, identify},
};

/// What a bureau says of a batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head {
    pub dataset: Dataset,
    pub county: County,
    pub as_of: NaiveDate,
    pub mode: Mode,
    pub batch_no: String,
}

/// A line to be: a row of the book and what happens to it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Slip {
    /// Place among the outline's entries.
    pub entry: u32,
    /// Under the person's number of fifteen digits.
    pub old: bool,
    pub change: Change,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Change {
    /// As it is.
    Clean,
    /// Spoiled, for most kinds in the name of somebody else.
    Spoiled(defect::Kind, u32, u8),
    /// Once more without a name, or under another.
    Renamed(feed_plant::Name),
    /// Once more about somebody whom the register does not know.
    Stranger,
}

impl Change {
    /// What the mesh must refuse it for.
    pub fn reason(self) -> Option<RowReason> {
        match self {
            Change::Clean | Change::Stranger => None,
            Change::Spoiled(kind, ..) => Some(kind.reason()),
            Change::Renamed(name) => Some(name.reason()),
        }
    }
}

/// Slips in the order of their lines. One in a hundred is put in between, so they lie in blocks.
#[derive(Default)]
pub(crate) struct Slips {
    blocks: Vec<Vec<Slip>>,
    len: usize,
}

const BLOCK: usize = 1024;

impl Slips {
    pub fn len(&self) -> usize {
        self.len
    }

    pub fn push(&mut self, slip: Slip) {
        match self.blocks.last_mut().filter(|block| block.len() < BLOCK) {
            Some(block) => block.push(slip),
            None => self.blocks.push(vec![slip]),
        }
        self.len += 1;
    }

    /// The block of a place and the place in it.
    fn find(&self, place: usize) -> (usize, usize) {
        let mut left = place;
        for (n, block) in self.blocks.iter().enumerate() {
            if left < block.len() {
                return (n, left);
            }
            left -= block.len();
        }
        (self.blocks.len(), left)
    }

    pub fn get(&self, place: usize) -> Slip {
        let (block, within) = self.find(place);
        self.blocks[block][within]
    }

    pub fn insert(&mut self, place: usize, slip: Slip) {
        if place >= self.len {
            self.push(slip);
            return;
        }
        let (n, within) = self.find(place);
        let block = &mut self.blocks[n];
        block.insert(within, slip);
        if block.len() >= 2 * BLOCK {
            let rest = block.split_off(BLOCK);
            self.blocks.insert(n + 1, rest);
        }
        self.len += 1;
    }

    pub fn retain(&mut self, such: impl Fn(&Slip) -> bool) {
        self.blocks.iter_mut().for_each(|block| block.retain(&such));
        self.blocks.retain(|block| !block.is_empty());
        self.len = self.blocks.iter().map(Vec::len).sum();
    }

    pub fn iter(&self) -> impl Iterator<Item = &Slip> {
        self.blocks.iter().flatten()
    }
}

pub struct Outline {
    pub head: Head,
    pub(crate) entries: Vec<Entry>,
    pub(crate) slips: Slips,
    /// Rows about counties and townships: few, and made already.
    pub(crate) ready: Vec<Line>,
}

impl Outline {
    pub fn len(&self) -> usize {
        self.ready.len() + self.slips.len()
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The lines, each made when it is asked for.
    pub fn lines<'a>(&'a self, city: &'a City) -> impl Iterator<Item = anyhow::Result<Line>> + 'a {
        let ready = self.ready.iter().map(|line| Ok(line.clone()));
        ready.chain(self.slips.iter().map(|slip| self.line(city, *slip)))
    }

    /// Places of the dirty rows, from 1, with the reason each must be refused for.
    pub fn defects(&self) -> impl Iterator<Item = (i32, RowReason)> {
        let ready = self.ready.iter().map(|line| line.reason());
        let reasons = ready.chain(self.slips.iter().map(|slip| slip.change.reason()));
        reasons.zip(1..).filter_map(|(reason, place)| Some((place, reason?)))
    }

    /// All lines at once.
    pub fn batch(self, city: &City) -> anyhow::Result<Batch> {
        let lines = self.lines(city).collect::<anyhow::Result<_>>()?;
        let Head { dataset, county, as_of, mode, batch_no } = self.head;
        Ok(Batch { dataset, county, as_of, mode, batch_no, lines })
    }

    /// Whose row a slip is made from.
    pub(crate) fn who(&self, slip: Slip) -> (u32, u8) {
        let entry = &self.entries[slip.entry as usize];
        (entry.household, entry.member)
    }

    /// Different people of the clean rows.
    pub(crate) fn people(&self) -> HashSet<(u32, u8)> {
        self.slips.iter().filter(|slip| slip.change == Change::Clean).map(|slip| self.who(*slip)).collect()
    }

    fn line(&self, city: &City, slip: Slip) -> anyhow::Result<Line> {
        let entry = self.entries[slip.entry as usize];
        let (household, member) = (entry.household, entry.member);
        let mut row = city.book.row(self.head.dataset, entry)?;
        identify(city, &mut row, household, member);
        let person = city.person(household, member);
        if let Some(old) = person.old_id_number().filter(|_| slip.old) {
            row.set_identity(&old, &person.name);
        }
        Ok(match slip.change {
            Change::Clean => Line { row, origin: Origin::Clean { household, member }, cell: None },
            Change::Spoiled(kind, household, member) => {
                defect::spoiled(city, &self.head, row, (kind, household, member))
            }
            Change::Renamed(name) => name.line(row),
            Change::Stranger => feed_plant::stranger(person, row),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slips_lie_where_a_plain_list_has_them() {
        let (mut slips, mut plain) = (Slips::default(), Vec::new());
        let slip = |entry| Slip { entry, old: false, change: Change::Clean };
        for n in 0..5_000 {
            slips.push(slip(n));
            plain.push(n);
        }
        for n in 5_000..9_000_u32 {
            let place = n as usize * 7_919 % (plain.len() + 1);
            slips.insert(place, slip(n));
            plain.insert(place, n);
        }
        slips.retain(|slip| slip.entry % 5 != 0);
        plain.retain(|n| n % 5 != 0);
        assert_eq!(slips.iter().map(|slip| slip.entry).collect::<Vec<_>>(), plain);
        assert_eq!(slips.len(), plain.len());
        assert!((0..plain.len()).step_by(97).all(|place| slips.get(place).entry == plain[place]));
    }
}
