//! Any sequence of batches, some of them withdrawn in any order, leaves what the sequence without them leaves.

use std::collections::BTreeMap;

use minqing_proto::minqing::{
    monitoring::v1::{BatchRef, Record},
    types::v1::{BatchMode, Bureau},
};
use prost::Message as _;
use rand::{Rng as _, SeedableRng, seq::SliceRandom as _};
use rand_chacha::ChaCha8Rng;
use uuid::Uuid;

use crate::{batches::monitored, town::Town, withdraw::withdraw_as};

/// Different records that batches tell of.
const KEYS: u128 = 7;
const SEQUENCES: u64 = 30;

/// A batch, told without what makes it another's: rows by key, with the person and the contents each has.
#[derive(Clone, Debug)]
struct Told {
    mode: BatchMode,
    day: u32,
    rows: BTreeMap<u128, (u128, u32)>,
}

fn told(rng: &mut ChaCha8Rng) -> Vec<Told> {
    let mut day = 1;
    let count = rng.random_range(2..=6);
    let mut next = || {
        day += rng.random_range(0..=2);
        let mode = if rng.random_bool(0.5) { BatchMode::Snapshot } else { BatchMode::Changes };
        let mut rows = BTreeMap::new();
        for key in (0..KEYS).filter(|_| rng.random_bool(0.6)).collect::<Vec<_>>() {
            rows.insert(key, (rng.random_range(0..2), rng.random_range(0..2)));
        }
        Told { mode, day, rows }
    };
    (0..count).map(|_| next()).collect()
}

/// A county of its own with records, persons and batches of its own.
struct World<'a> {
    town: &'a Town,
    number: u128,
    /// Records that say the same for each key: large parts are written in another way than small ones.
    copies: u128,
}

/// As the table holds it: key, batch, days, person, contents.
type Row = (Uuid, Uuid, String, String, String, Option<String>, Uuid, String);

/// A record as it stands: batch by its place in the sequence, and everything else that does not name the world.
type Stands = (u128, usize, String, String, String, Option<String>, u128, Vec<u8>);

impl World<'_> {
    fn batch(&self, at: usize) -> Uuid {
        Uuid::from_u128((self.number << 64) + ((at as u128 + 1) << 48))
    }

    fn county(&self) -> String {
        format!("{}000000", 630_001 + 100 * (self.number / 99) + self.number % 99)
    }

    fn own(&self, n: u128) -> u128 {
        (self.number << 64) + n
    }

    async fn send(&self, at: usize, told: &Told) {
        let batch = BatchRef {
            batch_id: self.batch(at).to_string(),
            bureau: Bureau::Rural.into(),
            dataset: "monitored_household".into(),
            mode: told.mode.into(),
            division_code: self.county(),
            as_of: format!("2026-10-{:02}", told.day),
        };
        let record = |(key, (person, contents), copy): (&u128, &(u128, u32), u128)| Record {
            record_key: Uuid::from_u128(self.own(*key + 1 + copy * 1_000)).to_string(),
            person_key: Uuid::from_u128(self.own(100 + *person)).to_string(),
            division_code: "621202103201".into(),
            body: monitored(&format!("2026-0{}-01", contents + 1)).encode_to_vec(),
        };
        let copied = |copy| told.rows.iter().map(move |(key, row)| (key, row, copy));
        let records: Vec<_> = (0..self.copies).flat_map(copied).map(record).collect();
        // Some batches come in two parts.
        let size = if self.copies > 1 { 120 } else { 4 };
        let parts: Vec<_> = records.chunks(size).map(<[Record]>::to_vec).collect();
        for (n, part) in parts.iter().enumerate() {
            self.town.submit(&self.town.part(&batch, i32::try_from(n).unwrap() + 1, part.clone())).await.unwrap();
        }
        self.town.close(&batch, parts.len().try_into().unwrap(), records.len().try_into().unwrap()).await.unwrap();
    }

    async fn withdraw(&self, at: usize) {
        let id = self.batch(at);
        withdraw_as(self.town, &id.to_string(), "adapter/rural", id.as_u128() + (2 << 32)).await.unwrap();
    }

    async fn stands(&self) -> BTreeMap<u128, Stands> {
        let mut admin = self.town.service.db.admin().await.unwrap();
        let rows: Vec<Row> = sqlx::query_as(
            "select record_key, batch_id, as_of::text, first_on::text, changed_on::text, ended_on::text, person_key, \
                    entered_on::text from monitoring.record_rural_monitored_household where county_code = $1",
        )
        .bind(self.county())
        .fetch_all(&mut admin)
        .await
        .unwrap();
        let stands = |(key, batch, as_of, first, changed, ended, person, entered): Row| {
            let key = key.as_u128() - self.own(1);
            let at = usize::try_from((batch.as_u128() - (self.number << 64)) >> 48).unwrap() - 1;
            (key, (key, at, as_of, first, changed, ended, person.as_u128() - self.own(100), entered.into_bytes()))
        };
        rows.into_iter().map(stands).collect()
    }

    /// Keys of which a later batch has changed what one of these batches had said.
    async fn changed_after(&self, withdrawn: &[usize]) -> Vec<u128> {
        let batches: Vec<_> = withdrawn.iter().map(|at| self.batch(*at)).collect();
        let mut admin = self.town.service.db.admin().await.unwrap();
        let keys: Vec<Uuid> =
            sqlx::query_scalar("select record_key from monitoring.record_before where before_batch = any($1)")
                .bind(batches)
                .fetch_all(&mut admin)
                .await
                .unwrap();
        keys.into_iter().map(|key| key.as_u128() - self.own(1)).collect()
    }

    async fn feed(&self) -> Option<(Option<String>, Option<String>, Option<String>)> {
        let mut admin = self.town.service.db.admin().await.unwrap();
        sqlx::query_as(
            "select as_of::text, fresh_until::text, due_on::text from monitoring.feed \
             where dataset = 'monitored_household' and county_code = $1",
        )
        .bind(self.county())
        .fetch_optional(&mut admin)
        .await
        .unwrap()
    }
}

/// What counts of the rows: those that have not ended, without when and by whom they were told.
fn counts(of: &BTreeMap<u128, Stands>) -> BTreeMap<u128, (u128, Vec<u8>)> {
    of.iter().filter(|(_, r)| r.5.is_none()).map(|(key, r)| (*key, (r.6, r.7.clone()))).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn any_batches_withdrawn_leave_what_the_others_alone_leave() {
    let town = Town::start().await;
    let (mut restored, mut compared) = (0, 0);
    for seed in 0..SEQUENCES {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let all = told(&mut rng);
        let mut withdrawn: Vec<usize> = (0..all.len()).collect();
        withdrawn.shuffle(&mut rng);
        withdrawn.truncate(rng.random_range(1..=2));
        let number = u128::from(seed) * 2 + 1;
        let copies = if seed % 2 == 0 { 1 } else { 25 };
        let (tried, clean) = (World { town: &town, number, copies }, World { town: &town, number: number + 1, copies });
        for (at, told) in all.iter().enumerate() {
            tried.send(at, told).await;
            if !withdrawn.contains(&at) {
                clean.send(at, told).await;
            }
        }
        let before = tried.stands().await;
        let changed = tried.changed_after(&withdrawn).await;
        for at in &withdrawn {
            tried.withdraw(*at).await;
        }
        let (got, want) = (tried.stands().await, clean.stands().await);
        let context = format!("seed {seed}, withdrawn {withdrawn:?} of {all:#?}");
        assert_eq!(counts(&got), counts(&want), "{context}");
        for key in (0..KEYS).filter(|key| !changed.contains(key)) {
            assert_eq!(got.get(&key), want.get(&key), "record {key}, {context}");
            restored += i32::from(got.get(&key) != before.get(&key));
            compared += 1;
        }
        assert_eq!(tried.feed().await, clean.feed().await, "{context}");
        assert!(tried.changed_after(&withdrawn).await.is_empty(), "nobody goes back to a withdrawn version");
    }
    assert!(restored > 30 && compared > 80, "{restored} of {compared} came back: the sequences try something");
}
