//! Good rows of one batch, kept until the batch is known to be whole: then they are compared with each other and the
//! register, and sent. Memory is bounded; bodies lie in one block, rows refer to it.

use std::collections::{BTreeSet, HashMap};

use minqing_kit::{
    Error,
    keys::{Keyring, Secret},
};
use minqing_proto::minqing::{monitoring::v1::Record, types::v1::RowReason};
use sha2::{Digest as _, Sha256};
use uuid::Uuid;
use zeroize::Zeroizing;

use crate::{
    Result,
    row::{CleanRow, Doubtful, Fault, Outcome, Review, doubt, schema::Schema},
};

/// Most rows in a batch: a county's snapshot is one, and 140,000 households' payments of premiums are some 500,000.
pub const MAX_ROWS: u32 = 600_000;
/// Most memory the good rows of one batch may take.
pub const MAX_BYTES: usize = 96 * 1024 * 1024;
/// Rows in one part to monitoring.
const PART_ROWS: usize = 1_000;
/// Bytes of bodies in one part to monitoring.
const PART_BYTES: usize = 1024 * 1024;
/// Rows of a batch for which it is asked who may be meant.
pub const MOST_DOUBTS: usize = 2_000;

struct Kept {
    record_key: Uuid,
    person_key: Uuid,
    name_key: Uuid,
    division: u64,
    row: u32,
    start: u32,
    end: u32,
    /// Where the name stands among the names.
    name: u32,
}

/// A row whose number is on file under another name than the row's.
pub struct Conflict {
    pub row: u32,
    pub person_key: Uuid,
    pub name_key: Uuid,
    pub name: Secret,
}

/// The rows of one batch.
#[derive(Default)]
pub struct Spool {
    rows: Vec<Kept>,
    bodies: Vec<u8>,
    faults: Vec<Fault>,
    seen: u32,
    /// Each behind its length in one byte: a person who has to decide needs the name of a row that is refused for it.
    names: Zeroizing<Vec<u8>>,
    /// Rows that are good but for their number.
    doubtful: Vec<Doubtful>,
    conflicts: Vec<Conflict>,
    /// Rows taken as a person's by a decision.
    linked: BTreeSet<u32>,
}

/// A person under a name, as some row of the batch gives it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Probe {
    pub person_key: Uuid,
    pub name_key: Uuid,
    /// First row that gives it.
    row: u32,
    /// Where its name stands among the names.
    name: u32,
}

/// What the register says of a probe.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Match {
    pub known: bool,
    pub name_agrees: bool,
    /// Another spelling of the name is the register's.
    pub spelling_agrees: bool,
    /// Whom a person's decision says the probe means.
    pub linked: Option<Uuid>,
}

impl Spool {
    /// Takes the next row, good or refused.
    pub fn push(&mut self, row: u32, outcome: Outcome) -> Result<()> {
        self.seen += 1;
        if self.seen > MAX_ROWS {
            return Err(too_large());
        }
        match outcome {
            Outcome::Refused(fault) => self.faults.push(fault),
            Outcome::Doubtful(doubtful) if self.doubtful.len() < MOST_DOUBTS => self.doubtful.push(*doubtful),
            Outcome::Doubtful(doubtful) => self.faults.push(doubtful.fault),
            Outcome::Clean(clean) => self.keep(row, clean)?,
        }
        Ok(())
    }

    fn keep(&mut self, row: u32, clean: CleanRow) -> Result<()> {
        let end = self.bodies.len() + clean.body.len();
        if end + (self.rows.len() + 1) * size_of::<Kept>() + self.names.len() > MAX_BYTES {
            return Err(too_large());
        }
        let name = u32::try_from(self.names.len()).map_err(|_| too_large())?;
        let text = clean.name.expose();
        // A longer one than any column allows is no loss: it is compared by its key.
        let length = u8::try_from(text.len()).unwrap_or_default();
        self.names.push(length);
        self.names.extend_from_slice(&text.as_bytes()[..usize::from(length)]);
        let (Ok(start), Ok(end)) = (u32::try_from(self.bodies.len()), u32::try_from(end)) else {
            return Err(too_large());
        };
        self.bodies.extend_from_slice(&clean.body);
        self.rows.push(Kept {
            record_key: clean.record_key,
            person_key: clean.person_key,
            name_key: clean.name_key,
            division: clean.division,
            row,
            start,
            end,
            name,
        });
        Ok(())
    }

    fn name(&self, at: u32) -> Secret {
        let from = at as usize + 1;
        let bytes = self.names.get(from..from + usize::from(self.names[at as usize])).unwrap_or_default();
        Secret::new(String::from_utf8_lossy(bytes))
    }

    /// Rows that are good but for their number, and then those that were not linked.
    pub fn doubtful(&self) -> &[Doubtful] {
        &self.doubtful
    }

    /// Takes the doubtful rows that a decision links to a person as that person's, in their places; the others are
    /// refused. `links` answers [`Spool::doubtful`] one by one.
    pub fn settle_doubtful(&mut self, links: &[Option<Uuid>], schema: &Schema, keys: &Keyring) -> Result<()> {
        for (doubtful, link) in std::mem::take(&mut self.doubtful).into_iter().zip(links) {
            let Some(person_key) = *link else {
                self.faults.push(doubtful.fault);
                self.doubtful.push(doubtful);
                continue;
            };
            let row = doubtful.fault.row;
            self.linked.insert(row);
            let record_key = doubt::record_key(schema, keys, &doubtful.key_texts, person_key);
            let Doubtful { name_key, name, division, body, .. } = doubtful;
            self.keep(row, CleanRow { record_key, person_key, name_key, name, division, body })?;
        }
        self.rows.sort_by_key(|kept| kept.row);
        Ok(())
    }

    /// Rows taken as a person's by a decision, in order; not those refused for another reason after all.
    pub fn linked(&self) -> Vec<u32> {
        self.rows.iter().map(|kept| kept.row).filter(|row| self.linked.contains(row)).collect()
    }

    /// Rows whose number the register has under another name.
    pub fn conflicts(&self) -> &[Conflict] {
        &self.conflicts
    }

    /// Adds to refused rows the reviews they came to.
    pub fn remedy(&mut self, reviews: &HashMap<u32, Review>) {
        for fault in &mut self.faults {
            fault.review = reviews.get(&fault.row).copied();
        }
    }

    /// Rows received.
    pub fn seen(&self) -> u32 {
        self.seen
    }

    pub fn accepted(&self) -> u32 {
        u32::try_from(self.rows.len()).unwrap_or(MAX_ROWS)
    }

    /// Refused rows in order.
    pub fn faults(&mut self) -> &[Fault] {
        self.faults.sort_by_key(|f| f.row);
        &self.faults
    }

    /// Every person with every name the batch gives, each once, ordered by person; none where rows name nobody. Rows that
    /// were linked are not asked about again.
    pub fn probes(&self) -> Vec<Probe> {
        let named = self.rows.iter().filter(|r| !r.person_key.is_nil() && !self.linked.contains(&r.row));
        let mut probes: Vec<_> =
            named.map(|r| Probe { person_key: r.person_key, name_key: r.name_key, row: r.row, name: r.name }).collect();
        probes.sort_unstable_by_key(|p| (p.person_key, p.name_key, p.row));
        probes.dedup_by_key(|p| (p.person_key, p.name_key));
        probes
    }

    /// Other spellings of the names that are not the register's, for known persons: probe by its place, and key.
    pub fn doubts(&self, probes: &[Probe], matches: &[Match], keys: &Keyring) -> Vec<(usize, Uuid)> {
        let wrong = probes.iter().zip(matches).enumerate().filter(|(_, (_, found))| found.known && !found.name_agrees);
        wrong.flat_map(|(at, (probe, _))| self.spelled(*probe, keys).into_iter().map(move |key| (at, key))).collect()
    }

    fn spelled(&self, probe: Probe, keys: &Keyring) -> Vec<Uuid> {
        doubt::spelling_keys(&self.name(probe.name), keys)
    }

    /// Takes rows whose number under their name stands for a person by a decision as that person's. A row whose key holds
    /// what does not go on cannot be given another's key and is refused.
    pub fn take_links(
        &mut self,
        probes: &[Probe],
        matches: &[Match],
        (schema, keys): (&Schema, &Keyring),
        column: usize,
    ) {
        let linked = probes.iter().zip(matches).filter_map(|(p, m)| Some(((p.person_key, p.name_key), m.linked?)));
        let linked: HashMap<(Uuid, Uuid), Uuid> = linked.collect();
        if linked.is_empty() {
            return;
        }
        let mut lost = Vec::new();
        for kept in &mut self.rows {
            let Some(person) = linked.get(&(kept.person_key, kept.name_key)).copied() else { continue };
            if self.linked.contains(&kept.row) {
                continue;
            }
            if person != kept.person_key {
                let body = &self.bodies[kept.start as usize..kept.end as usize];
                let Some(texts) = doubt::key_texts(schema, body) else {
                    lost.push(kept.row);
                    continue;
                };
                kept.record_key = doubt::record_key(schema, keys, &texts, person);
                kept.person_key = person;
            }
            self.linked.insert(kept.row);
        }
        self.refuse(|kept| {
            let lost = lost.binary_search(&kept.row).is_ok();
            lost.then(|| Fault::new(kept.row, Some(column), RowReason::IdNameConflict))
        });
    }

    /// Refuses rows whose name is not the register's or, for a person the register does not know, not the one the
    /// batch gave first. `matches` answers `probes` one by one.
    pub fn refuse_names(&mut self, probes: &[Probe], matches: &[Match], column: usize, keys: &Keyring) {
        let mut wrong = Vec::new();
        let mut at = 0;
        for group in probes.chunk_by(|a, b| a.person_key == b.person_key) {
            let known = &matches[at..at + group.len()];
            at += group.len();
            let Some(first) = group.iter().min_by_key(|p| p.row) else { continue };
            for (probe, found) in group.iter().zip(known).filter(|(_, found)| found.linked.is_none()) {
                let (good, other) =
                    if found.known { (found.name_agrees, 0) } else { (probe.row == first.row, first.row) };
                if good {
                    continue;
                }
                let spelled_so = || self.spelled(*probe, keys).contains(&first.name_key);
                let variant = if found.known { found.spelling_agrees } else { spelled_so() };
                let reason = if variant { RowReason::NameVariant } else { RowReason::IdNameConflict };
                wrong.push((probe.person_key, probe.name_key, reason, other));
            }
        }
        if wrong.is_empty() {
            return;
        }
        // Probes are ordered by person and name, so `wrong` is too.
        let found = |kept: &Kept| wrong.binary_search_by_key(&(kept.person_key, kept.name_key), |w| (w.0, w.1)).ok();
        let in_conflict =
            |kept: &&Kept| !self.linked.contains(&kept.row) && found(kept).is_some_and(|at| wrong[at].3 == 0);
        let conflict = |kept: &Kept| Conflict {
            row: kept.row,
            person_key: kept.person_key,
            name_key: kept.name_key,
            name: self.name(kept.name),
        };
        let room = MOST_DOUBTS.saturating_sub(self.doubtful.len());
        self.conflicts = self.rows.iter().filter(in_conflict).take(room).map(conflict).collect();
        let linked = std::mem::take(&mut self.linked);
        self.refuse(|kept| {
            let at = found(kept).filter(|_| !linked.contains(&kept.row))?;
            let mut fault = Fault::new(kept.row, Some(column), wrong[at].2);
            fault.other = wrong[at].3;
            Some(fault)
        });
        self.linked = linked;
    }

    /// Refuses the second and every later row of a key.
    pub fn refuse_duplicates(&mut self) {
        let mut keys: Vec<_> = self.rows.iter().map(|r| (r.record_key, r.row)).collect();
        keys.sort_unstable();
        let mut later = Vec::new();
        for group in keys.chunk_by(|a, b| a.0 == b.0).filter(|g| g.len() > 1) {
            later.extend(group[1..].iter().map(|(_, row)| (*row, group[0].1)));
        }
        if later.is_empty() {
            return;
        }
        later.sort_unstable();
        self.refuse(|kept| {
            let at = later.binary_search_by_key(&kept.row, |l| l.0).ok()?;
            let mut fault = Fault::new(kept.row, None, RowReason::DuplicateRow);
            fault.other = later[at].1;
            Some(fault)
        });
    }

    fn refuse(&mut self, why: impl Fn(&Kept) -> Option<Fault>) {
        let faults = &mut self.faults;
        self.rows.retain(|kept| match why(kept) {
            Some(fault) => {
                faults.push(fault);
                false
            }
            None => true,
        });
    }

    /// Good rows in parts for monitoring, in row order; the same rows always fall into the same parts.
    pub fn parts(&self) -> impl Iterator<Item = Vec<Record>> + '_ {
        let mut next = 0;
        std::iter::from_fn(move || {
            let (mut part, mut bytes) = (Vec::new(), 0);
            while let Some(kept) = self.rows.get(next) {
                let length = (kept.end - kept.start) as usize;
                if part.len() == PART_ROWS || (bytes + length > PART_BYTES && !part.is_empty()) {
                    break;
                }
                bytes += length;
                part.push(self.record(kept));
                next += 1;
            }
            (!part.is_empty()).then_some(part)
        })
    }

    /// Digest of the good rows in order.
    pub fn digest(&self) -> [u8; 32] {
        let mut digest = Sha256::new();
        for kept in &self.rows {
            digest.update(kept.record_key.as_bytes());
            digest.update(kept.person_key.as_bytes());
            digest.update(kept.division.to_be_bytes());
            digest.update((kept.end - kept.start).to_be_bytes());
            digest.update(&self.bodies[kept.start as usize..kept.end as usize]);
        }
        digest.finalize().into()
    }

    fn record(&self, kept: &Kept) -> Record {
        Record {
            record_key: kept.record_key.to_string(),
            person_key: if kept.person_key.is_nil() { String::new() } else { kept.person_key.to_string() },
            division_code: format!("{:012}", kept.division),
            body: self.bodies[kept.start as usize..kept.end as usize].to_vec(),
        }
    }
}

fn too_large() -> Error {
    let mib = MAX_BYTES / (1024 * 1024);
    Error::invalid(
        "BATCH_TOO_LARGE",
        format!(
            "a batch holds at most {MAX_ROWS} rows and {mib} MiB; split it, by township for instance, and send it as changes"
        ),
        format!("一个批次最多 {MAX_ROWS} 行、{mib} MiB，请拆分（如按乡镇）后以增量方式报送"),
    )
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;

    fn row(key: u128, person: u128, name: u128) -> CleanRow {
        CleanRow {
            record_key: Uuid::from_u128(key),
            person_key: Uuid::from_u128(person),
            name_key: Uuid::from_u128(name),
            name: Secret::new("张三"),
            division: 621_202_000_000,
            body: vec![1; 10],
        }
    }

    fn spool(rows: &[(u128, u128, u128)]) -> Spool {
        let mut spool = Spool::default();
        for (at, (key, person, name)) in rows.iter().enumerate() {
            let clean = Outcome::Clean(row(*key, *person, *name));
            spool.push(u32::try_from(at).unwrap() + 1, clean).unwrap();
        }
        spool
    }

    #[test]
    fn the_first_row_of_a_key_stands() {
        let mut spool = spool(&[(7, 1, 1), (8, 1, 1), (7, 1, 1), (7, 1, 1)]);
        spool.refuse_duplicates();
        assert_eq!(spool.accepted(), 2);
        let told: Vec<_> = spool.faults().iter().map(|f| (f.row, f.other)).collect();
        assert_eq!(told, [(3, 1), (4, 1)]);
    }

    #[test]
    fn the_register_decides_on_known_persons_and_the_first_row_on_others() {
        let mut spool = spool(&[(1, 1, 10), (2, 1, 11), (3, 2, 21), (4, 2, 20), (5, 2, 21)]);
        let probes = spool.probes();
        assert_eq!(probes.len(), 4);
        let matches: Vec<_> = probes
            .iter()
            .map(|p| Match {
                known: p.person_key.as_u128() == 1,
                name_agrees: p.name_key.as_u128() == 11,
                spelling_agrees: false,
                linked: None,
            })
            .collect();
        spool.refuse_names(&probes, &matches, 0, &Keyring::generate());
        let told: Vec<_> = spool.faults().iter().map(|f| (f.row, f.other)).collect();
        assert_eq!(told, [(1, 0), (4, 3)]);
        assert_eq!(spool.accepted(), 3);
    }

    #[test]
    fn parts_hold_every_good_row_once_and_in_order() {
        let rows: Vec<_> = (0..2_500).map(|n| (n, n, n)).collect();
        let spool = spool(&rows);
        let sizes: Vec<_> = spool.parts().map(|p| p.len()).collect();
        assert_eq!(sizes, [1_000, 1_000, 500]);
        let keys: Vec<_> = spool.parts().flatten().map(|r| r.record_key).collect();
        assert_eq!(keys, rows.iter().map(|r| Uuid::from_u128(r.0).to_string()).collect::<Vec<_>>());
    }

    #[test]
    fn a_batch_that_would_fill_the_memory_is_refused_with_the_remedy() {
        let mut spool = Spool::default();
        let mut big = row(1, 1, 1);
        big.body = vec![0; 1024 * 1024];
        let error = (1..200).find_map(|n| spool.push(n, Outcome::Clean(big.clone())).err()).unwrap();
        assert_eq!(error.reason(), "BATCH_TOO_LARGE");
    }
}
