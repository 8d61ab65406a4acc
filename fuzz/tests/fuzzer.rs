//! The targets under libFuzzer: `MIZAN_FUZZ_TARGET` says which. Built and run by `fuzz/run`.
#![no_main]

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Mutex, OnceLock, PoisonError};

use libfuzzer_sys::fuzz_target;

static RUN: OnceLock<fn(&[u8])> = OnceLock::new();
/// What the last panic said, and where.
static LAST: Mutex<String> = Mutex::new(String::new());

fn begin() {
    let name = std::env::var("MIZAN_FUZZ_TARGET").unwrap_or_default();
    let Some(run) = mizan_fuzz::target(&name) else {
        let known: Vec<&str> = mizan_fuzz::TARGETS.iter().map(|(name, _)| *name).collect();
        eprintln!("MIZAN_FUZZ_TARGET is {name:?}; targets are {}", known.join(", "));
        std::process::exit(64);
    };
    RUN.get_or_init(|| run);
    // libFuzzer's own hook ends the process at any panic. Some are caught by the code under test, which is as it should be.
    std::panic::set_hook(Box::new(|panic| {
        *LAST.lock().unwrap_or_else(PoisonError::into_inner) = panic.to_string();
    }));
}

fuzz_target!(
    init: begin(),
    |data: &[u8]| {
        let Some(run) = RUN.get() else { return };
        if catch_unwind(AssertUnwindSafe(|| run(data))).is_err() {
            eprintln!("{}", LAST.lock().unwrap_or_else(PoisonError::into_inner));
            std::process::abort();
        }
    }
);
