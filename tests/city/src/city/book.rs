//! The book of everything that bureaus know: each row once, encoded, one household after the other, and for each feed and
//! day a page that says where its rows lie. What is in memory grows with the number of households and of pages.

use std::{io, path::Path};

use chrono::{Datelike as _, NaiveDate};

use crate::{
    dataset::{Dataset, Row},
    division::County,
    spool::{Spool, Tape},
};

/// When a bureau learns of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum When {
    Before,
    On(NaiveDate),
    /// Of a day too, but made for the feed and not for anybody's life.
    Beside(NaiveDate),
}

impl When {
    /// The day, where there is one.
    pub fn day(self) -> Option<NaiveDate> {
        match self {
            When::Before => None,
            When::On(day) | When::Beside(day) => Some(day),
        }
    }
}

/// What a feed learns at a time.
pub type Page = (When, Dataset, County);

/// A row of a page: whose it is, and where it lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry {
    at: u64,
    pub household: u32,
    len: u16,
    pub member: u8,
}

const ENTRY: usize = 16;
/// Before each row of a household: dataset, member, length, day.
const HEAD: usize = 8;

impl Entry {
    fn bytes(self) -> [u8; ENTRY] {
        let mut bytes = [0; ENTRY];
        bytes[..8].copy_from_slice(&self.at.to_le_bytes());
        bytes[8..12].copy_from_slice(&self.household.to_le_bytes());
        bytes[12..14].copy_from_slice(&self.len.to_le_bytes());
        bytes[14] = self.member;
        bytes
    }

    fn of(bytes: &[u8]) -> Entry {
        let number = |from: usize, to: usize| bytes[from..to].iter().rev().fold(0, |n, b| n << 8 | u64::from(*b));
        Entry {
            at: number(0, 8),
            household: u32::try_from(number(8, 12)).unwrap_or(u32::MAX),
            len: u16::try_from(number(12, 14)).unwrap_or(u16::MAX),
            member: bytes[14],
        }
    }
}

pub struct Book {
    rows: Tape,
    pages: Spool<Page>,
    /// Where each household's rows begin; after the last, where they end.
    homes: Vec<u64>,
    /// What happened to households afterwards, by household.
    after: Vec<(u32, When, Dataset, Entry)>,
}

impl Book {
    /// In memory.
    pub fn small() -> Book {
        Book::on(Tape::memory(), Tape::memory())
    }

    /// In files of a folder.
    pub fn large(folder: &Path) -> io::Result<Book> {
        Ok(Book::on(Tape::file(folder, ".rows.part")?, Tape::file(folder, ".pages.part")?))
    }

    fn on(rows: Tape, pages: Tape) -> Book {
        Book { rows, pages: Spool::new(pages), homes: vec![0], after: Vec::new() }
    }

    /// The next household's rows.
    pub(super) fn home<'a>(&mut self, county: County, rows: impl Iterator<Item = &'a (When, u8, Row)>) {
        let household = u32::try_from(self.homes.len() - 1).unwrap_or(u32::MAX);
        for (when, member, row) in rows {
            self.set_down((*when, row.dataset(), county), (household, *member, row));
        }
        self.homes.push(self.rows.len());
    }

    /// A row about a household that is in the book.
    pub(super) fn add(&mut self, when: When, county: County, row: (u32, u8, Row)) {
        let (household, member, row) = row;
        let dataset = row.dataset();
        let entry = self.set_down((when, dataset, county), (household, member, &row));
        self.after.push((household, when, dataset, entry));
    }

    fn set_down(&mut self, page: Page, (household, member, row): (u32, u8, &Row)) -> Entry {
        let bytes = row.encode();
        let len = u16::try_from(bytes.len()).unwrap_or(u16::MAX);
        let mut head = [0; HEAD];
        head[0] = page.1 as u8;
        head[1] = member;
        head[2..4].copy_from_slice(&len.to_le_bytes());
        head[4..].copy_from_slice(&page.0.day().map_or(0, |day| day.num_days_from_ce()).to_le_bytes());
        self.rows.append(&head);
        let entry = Entry { at: self.rows.append(&bytes), household, len, member };
        self.pages.append(page, &entry.bytes());
        entry
    }

    /// Nothing is added any more.
    pub(super) fn finish(&mut self) -> io::Result<()> {
        self.after.sort_by_key(|(household, when, dataset, entry)| (*household, *when, *dataset, entry.at));
        self.rows.finish()?;
        self.pages.finish()
    }

    pub fn has(&self, page: Page) -> bool {
        self.pages.has(&page)
    }

    /// Pages in order.
    pub fn pages(&self) -> impl Iterator<Item = &Page> {
        self.pages.keys()
    }

    /// Pages of a feed, the oldest first.
    pub fn pages_of(&self, dataset: Dataset, county: County) -> impl Iterator<Item = Page> {
        self.pages.keys().copied().filter(move |(_, d, c)| (*d, *c) == (dataset, county))
    }

    /// A page's rows, in the order in which they were learned.
    pub fn entries(&self, page: Page) -> io::Result<Vec<Entry>> {
        let mut entries = Vec::new();
        for part in self.pages.parts(&page) {
            entries.extend(part?.chunks(ENTRY).map(Entry::of));
        }
        Ok(entries)
    }

    /// The row itself, without identity.
    pub fn row(&self, dataset: Dataset, entry: Entry) -> anyhow::Result<Row> {
        let mut bytes = Vec::new();
        self.rows.read(entry.at, usize::from(entry.len), &mut bytes)?;
        Row::decode(dataset, &bytes)
    }

    /// Everything that is known of a household, in the order in which it was learned.
    pub fn of_household(&self, household: u32) -> anyhow::Result<Vec<(When, u8, Row)>> {
        let place = household as usize;
        let (begin, end) = (self.homes[place], self.homes[place + 1]);
        let (mut bytes, mut all) = (Vec::new(), Vec::new());
        self.rows.read(begin, usize::try_from(end - begin)?, &mut bytes)?;
        let mut rest = &bytes[..];
        while let Some((head, row)) = rest.split_at_checked(HEAD).filter(|(head, _)| !head.is_empty()) {
            let len = usize::from(u16::from_le_bytes([head[2], head[3]]));
            let dataset = Dataset::ALL[usize::from(head[0])];
            let day = i32::from_le_bytes([head[4], head[5], head[6], head[7]]);
            let when = NaiveDate::from_num_days_from_ce_opt(day).filter(|_| day > 0).map_or(When::Before, When::On);
            all.push((when, head[1], Row::decode(dataset, &row[..len])?));
            rest = &row[len..];
        }
        let first = self.after.partition_point(|(other, ..)| *other < household);
        for (_, when, dataset, entry) in self.after[first..].iter().take_while(|(other, ..)| *other == household) {
            all.push((*when, entry.member, self.row(*dataset, *entry)?));
        }
        Ok(all)
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;
    use crate::{city::rows, division::HOME};

    #[test]
    fn a_household_s_rows_and_a_page_s_rows_are_the_same_rows() {
        let day = NaiveDate::from_ymd_opt(2026, 11, 10).unwrap();
        let mut book = Book::small();
        let known = |n: i64| {
            vec![
                (When::Before, 0, rows::payment("employee", 200_000 + n, "2026-09")),
                (When::On(day), 1, rows::enrolment("2027", "resident", "self")),
            ]
        };
        for n in 0..300 {
            book.home(HOME, known(n).iter());
        }
        book.add(When::On(day), HOME, (7, 1, rows::disease(day)));
        book.finish().unwrap();

        let mut expected = known(7);
        expected.push((When::On(day), 1, rows::disease(day)));
        assert_eq!(book.of_household(7).unwrap(), expected);
        assert_eq!(book.of_household(8).unwrap(), known(8));
        let payments = book.entries((When::Before, Dataset::InsurancePayment, HOME)).unwrap();
        assert_eq!(payments.iter().map(|entry| entry.household).collect::<Vec<_>>(), (0..300).collect::<Vec<_>>());
        for (n, entry) in (0..).zip(payments) {
            assert_eq!(book.row(Dataset::InsurancePayment, entry).unwrap(), known(n)[0].2);
        }
        assert!(!book.has((When::Before, Dataset::Enrolment, HOME)));
    }
}
