//! Fixtures, generated documents, comparison with real tools, benchmarks.

#![allow(clippy::disallowed_methods, reason = "a program reads, prints and ends")]

mod bench;
mod boot;
mod compare;
mod docs;
mod formats;
mod fuzz;
mod guest;
mod limits;
mod python;
mod static_binary;
mod testdata;
mod tool;
mod truth;
mod venv;
mod whole;
mod windows;
mod workspace;

use anyhow::Result;
use clap::Parser;

/// What the project does besides building: fixtures, comparison with the real tools, benchmarks,
/// generated documents.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
enum Command {
    Docs(docs::Arguments),
    Formats(formats::Arguments),
    Guest(whole::Arguments),
    Boot(boot::Arguments),
    Truth(truth::Arguments),
    Bench(bench::Arguments),
    Compare(compare::Arguments),
    Fuzz(fuzz::Arguments),
    Python(python::Arguments),
    Static(static_binary::Arguments),
    Testdata(testdata::Arguments),
    Windows(windows::Arguments),
}

fn main() -> Result<()> {
    match Command::parse() {
        Command::Docs(arguments) => docs::run(&arguments),
        Command::Formats(arguments) => formats::run(&arguments),
        Command::Guest(arguments) => whole::run(&arguments),
        Command::Boot(arguments) => boot::run(&arguments),
        Command::Truth(arguments) => truth::run(&arguments),
        Command::Bench(arguments) => bench::run(&arguments),
        Command::Compare(arguments) => compare::run(&arguments),
        Command::Fuzz(arguments) => fuzz::run(&arguments),
        Command::Python(arguments) => python::run(&arguments),
        Command::Static(arguments) => static_binary::run(&arguments),
        Command::Testdata(arguments) => testdata::run(&arguments),
        Command::Windows(arguments) => windows::run(&arguments),
    }
}
