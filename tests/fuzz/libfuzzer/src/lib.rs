//! A libFuzzer program around a target: plants its seeds, and lets only a panic that leaves the decoder count.

use std::{
    env,
    panic::{self, AssertUnwindSafe},
    path::Path,
    process,
    sync::Mutex,
};

pub use libfuzzer_sys;
use minqing_fuzz::Target;

/// What the last panic said. Decoders contain the panics of a third party's reader, so not every one is a finding.
static SAID: Mutex<String> = Mutex::new(String::new());

/// Called once, before libFuzzer reads its corpus.
pub fn begin(target: &str) {
    panic::set_hook(Box::new(|panic| *SAID.lock().expect("nothing panics with it held") = panic.to_string()));
    if let Some(folder) = env::var_os("MINQING_FUZZ_SEEDS") {
        minqing_fuzz::plant(target, Path::new(&folder)).expect("the seeds' folder can be written");
    }
}

/// One execution.
pub fn run(target: &str, data: &[u8]) {
    let target: &Target =
        minqing_fuzz::TARGETS.iter().find(|known| known.name == target).expect("a program has its target");
    if panic::catch_unwind(AssertUnwindSafe(|| (target.run)(data))).is_err() {
        eprintln!("{}: {}", target.name, SAID.lock().expect("nothing panics with it held"));
        process::abort();
    }
}

/// The program of a target.
#[macro_export]
macro_rules! program {
    ($target:literal) => {
        use $crate::libfuzzer_sys;
        libfuzzer_sys::fuzz_target!(init: $crate::begin($target), |data: &[u8]| $crate::run($target, data));
    };
}
