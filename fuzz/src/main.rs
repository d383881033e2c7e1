//! The fuzz targets in one program. `cargo xtask fuzz` builds and runs it; see `SECURITY.md`.
//!
//! libFuzzer takes the command line, so the environment says what is to be done:
//! `FUZZ_TARGET=NAME` runs a target, `FUZZ_TARGET=list` prints their names, `FUZZ_TARGET=mutations`
//! checks `FUZZ_MUTANTS` mutants of whole images, and `FUZZ_SEEDS=DIR` has a target's seeds written
//! there first.

#![no_main]

mod map;
mod memory;
#[path = "../../tests/mutant/mod.rs"]
mod mutant;
mod mutations;
mod targets;

use std::path::Path;
use std::sync::OnceLock;

use targets::{TARGETS, Target};

static TARGET: OnceLock<&Target> = OnceLock::new();

fn begin() {
    let name = std::env::var("FUZZ_TARGET").unwrap_or_default();
    match name.as_str() {
        "list" => {
            TARGETS.iter().for_each(|target| println!("{}", target.name));
            std::process::exit(0);
        }
        "mutations" => std::process::exit(mutations::run()),
        _ => {}
    }
    let Some(target) = TARGETS.iter().find(|target| target.name == name) else {
        eprintln!("FUZZ_TARGET={name}: no such target");
        std::process::exit(2);
    };
    if let Some(dir) = std::env::var_os("FUZZ_SEEDS") {
        for (number, seed) in (target.seeds)().iter().enumerate() {
            let path = Path::new(&dir).join(format!("seed-{number:03}"));
            std::fs::write(&path, seed)
                .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        }
    }
    let _ = TARGET.set(target);
}

libfuzzer_sys::fuzz_target!(init: begin(), |data: &[u8]| {
    if let Some(target) = TARGET.get() {
        let peak = memory::peak_of(|| (target.run)(data));
        assert!(peak <= memory::MAX_PRIVATE, "{peak} bytes were allocated at once");
    }
});
