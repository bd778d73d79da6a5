//! What was proposed, held against the truth.

use std::{
    collections::{BTreeMap, HashMap},
    fmt,
};

use minqing_proto::minqing::registry::v1::{IdentityReview, IdentityReviewKind as Kind};

use crate::{
    dirt::{Row, Slip},
    people::Person,
};

/// Counts of one kind of slip.
#[derive(Clone, Copy, Debug, Default)]
pub struct Score {
    pub rows: usize,
    /// Rows that mean somebody on file.
    pub meaning: usize,
    /// Of those, rows whose person was proposed.
    pub found: usize,
    /// Of those, rows for whom the best review is that person's.
    pub first: usize,
    /// Reviews that say who may be meant.
    pub proposed: usize,
    pub right: usize,
    /// Of those, reviews in which nothing is missing.
    pub complete: usize,
    pub complete_right: usize,
    /// Reviews that say that two names came under one number, which link nobody.
    pub two_names: usize,
}

impl Score {
    fn add(&mut self, other: Score) {
        self.rows += other.rows;
        self.meaning += other.meaning;
        self.found += other.found;
        self.first += other.first;
        self.proposed += other.proposed;
        self.right += other.right;
        self.complete += other.complete;
        self.complete_right += other.complete_right;
        self.two_names += other.two_names;
    }

    /// Share of the proposals that are right; `None` when nothing was proposed.
    pub fn precision(&self) -> Option<f64> {
        share(self.right, self.proposed)
    }

    /// Share of the rows that mean somebody on file for which that person was proposed.
    pub fn recall(&self) -> Option<f64> {
        share(self.found, self.meaning)
    }

    /// Precision of the proposals in which nothing is missing.
    pub fn complete_precision(&self) -> Option<f64> {
        share(self.complete_right, self.complete)
    }
}

fn share(part: usize, of: usize) -> Option<f64> {
    let exact = |n: usize| f64::from(u32::try_from(n).unwrap_or(u32::MAX));
    (of > 0).then(|| exact(part) / exact(of))
}

/// Scores by kind of slip.
pub struct Scores(pub BTreeMap<Slip, Score>);

/// Joins reviews with the rows they came from, by number and name as they came.
pub fn scores(people: &[Person], rows: &[Row], reviews: &[IdentityReview]) -> Scores {
    let place: HashMap<&str, usize> = people.iter().enumerate().map(|(at, p)| (p.id_number.as_str(), at)).collect();
    let mut by_alias: HashMap<(&str, &str), Vec<&IdentityReview>> = HashMap::new();
    for review in reviews {
        by_alias.entry((&review.came_id_number, &review.came_name)).or_default().push(review);
    }
    let mut scores: BTreeMap<Slip, Score> = BTreeMap::new();
    for row in rows {
        let all = by_alias.get(&(row.number.as_str(), row.name.as_str())).map_or(&[][..], Vec::as_slice);
        scores.entry(row.slip).or_default().add(score(row, all, &place));
    }
    Scores(scores)
}

fn score(row: &Row, reviews: &[&IdentityReview], place: &HashMap<&str, usize>) -> Score {
    let is_meant = |review: &&IdentityReview| {
        row.means.is_some() && place.get(review.file_id_number.as_str()).copied() == row.means
    };
    let two_names = |review: &&&IdentityReview| review.kind() == Kind::TwoNamesOneNumber;
    let mut proposals: Vec<_> = reviews.iter().filter(|review| !two_names(review)).copied().collect();
    proposals.sort_by_key(|review| std::cmp::Reverse(review.score));
    let complete: Vec<_> = proposals.iter().filter(|review| review.complete).collect();
    Score {
        rows: 1,
        meaning: usize::from(row.means.is_some()),
        found: usize::from(proposals.iter().any(is_meant)),
        first: usize::from(proposals.first().is_some_and(is_meant)),
        proposed: proposals.len(),
        right: proposals.iter().filter(|review| is_meant(review)).count(),
        complete: complete.len(),
        complete_right: complete.iter().filter(|review| is_meant(review)).count(),
        two_names: reviews.iter().filter(two_names).count(),
    }
}

impl Scores {
    /// All kinds together but those given.
    pub fn without(&self, left_out: &[Slip]) -> Score {
        let mut sum = Score::default();
        self.0.iter().filter(|(slip, _)| !left_out.contains(slip)).for_each(|(_, score)| sum.add(*score));
        sum
    }

    pub fn of(&self, slip: Slip) -> Score {
        self.0.get(&slip).copied().unwrap_or_default()
    }
}

impl fmt::Display for Scores {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "| slip | rows | precision | recall | first | complete | of them right | two names |")?;
        writeln!(f, "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |")?;
        let all = [("all but NearNamesake".to_owned(), self.without(&[Slip::NearNamesake]))];
        for (name, s) in self.0.iter().map(|(slip, score)| (format!("{slip:?}"), *score)).chain(all) {
            let part = |share: Option<f64>| share.map_or_else(|| "–".to_owned(), |share| format!("{share:.4}"));
            let (precision, recall, first) = (part(s.precision()), part(s.recall()), part(share(s.first, s.meaning)));
            let complete = part(s.complete_precision());
            writeln!(
                f,
                "| {name} | {} | {precision} | {recall} | {first} | {} | {complete} | {} |",
                s.rows, s.complete, s.two_names
            )?;
        }
        Ok(())
    }
}
