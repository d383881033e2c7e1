//! Fixtures, generated documents, comparison with real tools, benchmarks.

mod bench;
mod compare;
mod docs;
mod guest;
mod testdata;
mod tool;
mod whole;
mod workspace;

use anyhow::Result;
use clap::Parser;

/// What the project does besides building: fixtures, comparison with the real tools, benchmarks,
/// generated documents.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
enum Command {
    Docs(docs::Arguments),
    Guest(whole::Arguments),
    Bench(bench::Arguments),
    Compare(compare::Arguments),
    Testdata(testdata::Arguments),
}

fn main() -> Result<()> {
    match Command::parse() {
        Command::Docs(arguments) => docs::run(&arguments),
        Command::Guest(arguments) => whole::run(&arguments),
        Command::Bench(arguments) => bench::run(&arguments),
        Command::Compare(arguments) => compare::run(&arguments),
        Command::Testdata(arguments) => testdata::run(&arguments),
    }
}
