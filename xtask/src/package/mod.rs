//! `cargo xtask package`: the program in the forms in which it is delivered.

mod container;
mod crates;
mod debian;

use std::time::Instant;

use anyhow::Result;

/// Make the crate, the Debian package and the container image, and use each
///
/// The crate is what `cargo publish` would upload; it is unpacked and compiled. The Debian package is
/// made by cargo-deb around the static binary, read by lintian, and, as root, installed, run and
/// removed. The container image is made by buildah from Containerfile and run as its user. Crate and
/// package stay in target/package and target/debian.
#[derive(clap::Args)]
pub struct Arguments {
    /// Only these
    #[arg(value_name = "FORM", value_parser = FORMS)]
    forms: Vec<String>,
}

const FORMS: [&str; 3] = ["crate", "deb", "container"];

pub fn run(arguments: &Arguments) -> Result<()> {
    for name in FORMS {
        if !arguments.forms.is_empty() && !arguments.forms.iter().any(|form| form == name) {
            continue;
        }
        let began = Instant::now();
        match name {
            "crate" => crates::run()?,
            "deb" => debian::run()?,
            _ => container::run()?,
        }
        println!("{name}: {:.1} s", began.elapsed().as_secs_f64());
    }
    Ok(())
}
