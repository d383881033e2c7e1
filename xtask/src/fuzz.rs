//! `cargo xtask fuzz`: runs the fuzz targets of `fuzz/`.
//!
//! The stable compiler is enough (`fuzz/.cargo/config.toml` has the flags), and `libfuzzer-sys` compiles
//! libFuzzer itself with the C++ compiler. Address sanitizer is no stable part of the compiler, which
//! takes it all the same when it is told to (`RUSTC_BOOTSTRAP`); it makes a run half as fast, and only
//! the memory map and some dependencies have unsafe code that it could find anything in.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use anyhow::{Context, Result, bail, ensure};

use crate::workspace;

/// For which the targets are built.
const TRIPLE: &str = "x86_64-unknown-linux-gnu";

/// Longest time of one input in seconds.
const MAX_SECONDS: u32 = 5;

/// Longest input in bytes: texts of this length reach every bound that counts lines or depth.
const MAX_INPUT: u32 = 64 << 10;

/// Fuzz every parser, and the whole check, from the fixtures on; exit 1 on a finding
#[derive(clap::Args)]
pub struct Arguments {
    /// How long each target runs
    #[arg(long, default_value_t = 60)]
    seconds: u64,
    /// Only this target; may be repeated
    #[arg(long, value_name = "NAME")]
    target: Vec<String>,
    /// Instead of that, check so many mutants of whole images, with their time and memory
    #[arg(long, value_name = "COUNT", conflicts_with_all = ["target", "input"])]
    mutations: Option<u64>,
    /// With --mutations, begin with this one
    #[arg(long, default_value_t = 0, requires = "mutations")]
    first: u64,
    /// Only run one target on this input
    #[arg(long, value_name = "FILE", requires = "target")]
    input: Option<PathBuf>,
    /// Under the address sanitizer
    #[arg(long)]
    sanitizer: bool,
}

pub fn run(arguments: &Arguments) -> Result<()> {
    let program = build(arguments.sanitizer)?;
    if let Some(count) = arguments.mutations {
        let status = Command::new(&program)
            .env("FUZZ_TARGET", "mutations")
            .env("FUZZ_MUTANTS", count.to_string())
            .env("FUZZ_FIRST", arguments.first.to_string())
            .status()?;
        ensure!(status.success(), "a mutant of a whole image is a finding");
        return Ok(());
    }
    let listed = Command::new(&program).env("FUZZ_TARGET", "list").output()?;
    let listed = String::from_utf8(listed.stdout)?;
    let all: Vec<&str> = listed.lines().collect();
    if let Some(unknown) = arguments.target.iter().find(|name| !all.contains(&name.as_str())) {
        bail!("no target {unknown}; there are {}", all.join(", "));
    }
    if let (Some(input), [target]) = (&arguments.input, arguments.target.as_slice()) {
        let input = input.canonicalize().with_context(|| input.display().to_string())?;
        let status = Command::new(&program).env("FUZZ_TARGET", target).arg(input).status()?;
        ensure!(status.success(), "{target}: the input is a finding");
        return Ok(());
    }
    let wanted = |name: &&&str| {
        arguments.target.is_empty() || arguments.target.iter().any(|target| target == **name)
    };
    let mut findings = Vec::new();
    let (mut total, begun) = (0, Instant::now());
    println!("{:<14} {:>12} {:>8} {:>8}  finding", "target", "executions", "edges", "corpus");
    for target in all.iter().filter(wanted) {
        let ran = fuzz(&program, target, arguments.seconds)?;
        total += ran.executions;
        println!(
            "{target:<14} {:>12} {:>8} {:>8}  {}",
            ran.executions,
            ran.edges,
            ran.corpus,
            ran.finding.as_ref().map_or("-".to_owned(), |path| path.display().to_string())
        );
        findings.extend(ran.finding);
    }
    println!("{:<14} {total:>12} in {:.0?}", "total", begun.elapsed());
    ensure!(findings.is_empty(), "{} targets have a finding", findings.len());
    Ok(())
}

/// Builds the program of all targets, in a target directory of its own: the flags are others.
fn build(sanitizer: bool) -> Result<PathBuf> {
    let dir = workspace::cache()?.join(if sanitizer { "fuzz-sanitizer" } else { "fuzz" });
    let mut cargo = workspace::cargo();
    if sanitizer {
        // Behind the flags of `fuzz/.cargo/config.toml`.
        cargo.args(["--config", r#"build.rustflags = ["-Zsanitizer=address"]"#]);
        cargo.env("RUSTC_BOOTSTRAP", "1");
    }
    let status = cargo
        .args(["build", "--quiet", "--release"])
        .current_dir(workspace::root().join("fuzz"))
        .env("CARGO_TARGET_DIR", &dir)
        .env_remove("RUSTFLAGS")
        .env_remove("CARGO_ENCODED_RUSTFLAGS")
        .status()
        .context("cargo build")?;
    ensure!(status.success(), "the fuzz targets do not build (libFuzzer needs a C++ compiler)");
    Ok(dir.join(TRIPLE).join("release/fuzz"))
}

struct Ran {
    executions: u64,
    edges: u64,
    corpus: u64,
    finding: Option<PathBuf>,
}

/// Runs a target; what it learned stays in its corpus for the next time.
fn fuzz(program: &Path, target: &str, seconds: u64) -> Result<Ran> {
    let dir = workspace::cache()?.join("fuzz");
    let [corpus, seeds, findings] =
        ["corpus", "seeds", "findings"].map(|name| dir.join(name).join(target));
    for dir in [&corpus, &seeds, &findings] {
        fs::create_dir_all(dir)?;
    }
    let output = Command::new(program)
        .env("FUZZ_TARGET", target)
        .env("FUZZ_SEEDS", &seeds)
        .arg(format!("-max_total_time={seconds}"))
        .arg(format!("-timeout={MAX_SECONDS}"))
        .arg(format!("-max_len={MAX_INPUT}"))
        .arg(format!("-artifact_prefix={}/", findings.display()))
        .args(["-rss_limit_mb=4096", "-print_final_stats=1"])
        // Inputs may be long at once: an edit of a mutant is as long as a short text.
        .arg("-len_control=0")
        .args([&corpus, &seeds])
        .output()?;
    let said = String::from_utf8_lossy(&output.stderr);
    let finding =
        said.lines().find_map(|line| line.split_once("Test unit written to ")).map(|x| x.1);
    if !output.status.success() && finding.is_none() {
        bail!("{target}: {}\n{said}", output.status);
    }
    if finding.is_some() {
        fs::write(findings.join("log"), said.as_bytes())?;
    }
    let number = |text: Option<&str>| {
        let digits = text.map(|text| text.trim().split(|c: char| !c.is_ascii_digit()).next());
        digits.flatten().and_then(|digits| digits.parse().ok()).unwrap_or(0)
    };
    // `#4194 DONE cov: 812 ft: 2231 corp: 271/63Kb …`
    let last = said.lines().rfind(|line| line.contains(" cov: ")).unwrap_or_default();
    let field = |name: &str| number(last.split_once(name).map(|(_, rest)| rest));
    let units = "stat::number_of_executed_units:";
    Ok(Ran {
        executions: number(said.split_once(units).map(|(_, rest)| rest)),
        edges: field(" cov:"),
        corpus: field(" corp:"),
        finding: finding.map(PathBuf::from),
    })
}
