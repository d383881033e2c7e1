//! `cargo xtask python`: the Python binding as a wheel, and its tests.

use std::fs;
use std::path::PathBuf;
use std::time::Instant;

use anyhow::{Context, Result, ensure};

use crate::tool::Tool;
use crate::{venv, workspace};

/// Build the wheel of the Python binding, install it and test it
///
/// maturin builds the wheel, which is installed into an environment of its own; pytest runs
/// python/tests against it and the command line, and mypy's stubtest compares the stubs with it. The
/// wheel is left below target/xtask/python/wheels. Needs python3-venv, and PyPI for three packages.
#[derive(clap::Args)]
pub struct Arguments {
    /// Compare with this binary and build none
    #[arg(long, value_name = "FILE")]
    binary: Option<PathBuf>,
    /// Build the wheel as it would be given away: slow to build, fast to run
    #[arg(long)]
    release: bool,
}

const PACKAGES: [&str; 3] = ["maturin==1.16.0", "mypy==2.4.1", "pytest==9.2.0"];

pub fn run(arguments: &Arguments) -> Result<()> {
    let began = Instant::now();
    let binary = match &arguments.binary {
        Some(binary) => fs::canonicalize(binary).with_context(|| binary.display().to_string())?,
        None => workspace::binary()?,
    };
    let dir = workspace::cache()?.join("python");
    let sources = workspace::root().join("python");
    let python = venv::python(&dir, &PACKAGES)?;
    let wheels = dir.join("wheels");
    if wheels.exists() {
        fs::remove_dir_all(&wheels)?;
    }
    let maturin = python.with_file_name("maturin");
    Tool::new(&maturin.to_string_lossy())
        .words("build --quiet --locked --profile")
        .arg(if arguments.release { "release" } else { "dev" })
        .arg("--interpreter")
        .arg(&python)
        .arg("--out")
        .arg(&wheels)
        .dir(&sources)
        .run()?;
    let built: Vec<PathBuf> =
        fs::read_dir(&wheels)?.map(|entry| Ok(entry?.path())).collect::<Result<_>>()?;
    let [wheel] = built.as_slice() else { anyhow::bail!("{} wheels", built.len()) };
    let name = wheel.file_name().unwrap_or_default().to_string_lossy().into_owned();
    ensure!(name.contains("-cp39-abi3-"), "{name} is not for every CPython from 3.9 on");
    venv::pip(&python).words("--no-index --force-reinstall").arg(wheel).run()?;
    // Not in the sources' folder: the wheel is what is tested.
    print!(
        "{}",
        Tool::new(&python.to_string_lossy())
            .words("-m pytest --quiet -p no:cacheprovider")
            .arg(sources.join("tests"))
            .env("IMAGE_PREFLIGHT", &binary)
            .dir(&dir)
            .run()?
    );
    // The wheel's package holds the compiled module, which has the same name.
    let known = dir.join("stubtest-allowed");
    fs::write(&known, "image_preflight\\.image_preflight\n")?;
    Tool::new(&python.to_string_lossy())
        .words("-m mypy.stubtest image_preflight --allowlist")
        .arg(&known)
        .dir(&dir)
        .run()?;
    println!("{name}, {:.1} s", began.elapsed().as_secs_f64());
    Ok(())
}
