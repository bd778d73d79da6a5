//! A little of the fuzzing on every build: each target's seeds and some seconds of mutations of them, the same every time.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::{
    fs, panic,
    path::Path,
    time::{Duration, Instant},
};

use minqing_fuzz::{TARGETS, Target, plant};
use rand::{Rng as _, SeedableRng as _, seq::IndexedRandom as _};
use rand_chacha::ChaCha8Rng;

/// Mutations of a target: no more than these, and none begins after this time, however slow the machine.
const MOST: usize = 20_000;
const LONGEST: Duration = Duration::from_millis(300);
/// What decoders look for.
const WORDS: [&[u8]; 24] = [
    b"\0",
    b"\xff",
    b"\"",
    b"\n",
    b"\r\n",
    b",",
    b"=",
    b"{",
    b"}",
    b"[",
    b"]",
    b": ",
    b"__",
    b"<c>",
    b"</row>",
    b"\xef\xbb\xbf",
    b"\x81\x30\x81\x30",
    b"PK\x01\x02",
    b"PK\x05\x06",
    b"-1",
    b"99999999999999999999",
    b"1e400",
    "年".as_bytes(),
    "。".as_bytes(),
];

fn mutated(rng: &mut ChaCha8Rng, seeds: &[Vec<u8>]) -> Vec<u8> {
    let mut bytes = seeds.choose(rng).unwrap().clone();
    for _ in 0..rng.random_range(1..5) {
        let at = rng.random_range(0..=bytes.len());
        let to = rng.random_range(at..=bytes.len().min(at + 16));
        match rng.random_range(0..6) {
            0 if at < bytes.len() => bytes[at] ^= 1 << rng.random_range(0..8),
            1 if at < bytes.len() => bytes[at] = rng.random(),
            2 => drop(bytes.splice(at..to, [])),
            3 => drop(bytes.splice(at..to, WORDS.choose(rng).unwrap().iter().copied())),
            4 => {
                let again = bytes[at..to].repeat(rng.random_range(1..4));
                drop(bytes.splice(at..at, again));
            }
            _ => {
                let other = seeds.choose(rng).unwrap();
                let from = rng.random_range(0..=other.len());
                drop(bytes.splice(at.., other[from..].iter().copied()));
            }
        }
    }
    bytes
}

/// An input that breaks the target.
fn broken(target: &Target) -> Option<Vec<u8>> {
    let breaks = |input: &[u8]| panic::catch_unwind(|| (target.run)(input)).is_err();
    let seeds = (target.seeds)();
    assert!(!seeds.is_empty(), "{}", target.name);
    if let Some(seed) = seeds.iter().find(|seed| breaks(seed)) {
        return Some(seed.clone());
    }
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    let began = Instant::now();
    let mutations = (0..MOST).take_while(|_| began.elapsed() < LONGEST);
    mutations.map(|_| mutated(&mut rng, &seeds)).chain([Vec::new()]).find(|input| breaks(input))
}

#[test]
fn no_seed_and_no_mutation_of_one_breaks_a_decoder() {
    let found: Vec<_> = TARGETS.iter().filter_map(|target| Some((target.name, broken(target)?))).collect();
    let shown = |input: &[u8]| format!("{:?}", input.escape_ascii().to_string());
    let found: Vec<_> = found.iter().map(|(name, input)| format!("{name}: {}", shown(input))).collect();
    assert!(found.is_empty(), "{found:#?}");
}

#[test]
fn every_target_has_its_program_and_its_seeds() {
    let bins = Path::new(env!("CARGO_MANIFEST_DIR")).join("libfuzzer/src/bin");
    let mut programs: Vec<_> =
        fs::read_dir(bins).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
    let mut targets: Vec<_> = TARGETS.iter().map(|target| format!("{}.rs", target.name)).collect();
    programs.sort();
    targets.sort();
    assert_eq!(programs, targets);
    let folder = std::env::temp_dir().join(format!("minqing-fuzz-{}", std::process::id()));
    plant("csv", &folder).unwrap();
    let planted = fs::read_dir(&folder).unwrap().count();
    fs::remove_dir_all(&folder).unwrap();
    assert_eq!(planted, (TARGETS[0].seeds)().len());
}
