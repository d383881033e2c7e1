//! Fixtures, generated documents, comparison with real tools, benchmarks.

#![allow(clippy::disallowed_methods, reason = "a program reads, prints and ends")]

mod api;
mod bench;
mod book;
mod boot;
mod compare;
mod docs;
mod examples;
mod formats;
mod fuzz;
mod guest;
mod limits;
mod package;
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
    Api(api::Arguments),
    Docs(docs::Arguments),
    Book(book::Arguments),
    Examples(examples::Arguments),
    Formats(formats::Arguments),
    Guest(whole::Arguments),
    Boot(boot::Arguments),
    Truth(truth::Arguments),
    Bench(bench::Arguments),
    Compare(compare::Arguments),
    Fuzz(fuzz::Arguments),
    Package(package::Arguments),
    Python(python::Arguments),
    Static(static_binary::Arguments),
    Testdata(testdata::Arguments),
    Windows(windows::Arguments),
}

fn main() -> Result<()> {
    match Command::parse() {
        Command::Api(arguments) => api::run(&arguments),
        Command::Docs(arguments) => docs::run(&arguments),
        Command::Book(arguments) => book::run(&arguments),
        Command::Examples(arguments) => examples::run(&arguments),
        Command::Formats(arguments) => formats::run(&arguments),
        Command::Guest(arguments) => whole::run(&arguments),
        Command::Boot(arguments) => boot::run(&arguments),
        Command::Truth(arguments) => truth::run(&arguments),
        Command::Bench(arguments) => bench::run(&arguments),
        Command::Compare(arguments) => compare::run(&arguments),
        Command::Fuzz(arguments) => fuzz::run(&arguments),
        Command::Package(arguments) => package::run(&arguments),
        Command::Python(arguments) => python::run(&arguments),
        Command::Static(arguments) => static_binary::run(&arguments),
        Command::Testdata(arguments) => testdata::run(&arguments),
        Command::Windows(arguments) => windows::run(&arguments),
    }
}
