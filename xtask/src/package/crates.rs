//! The crate, as `cargo publish` would upload it.

use std::fs;
use std::io::Write;

use anyhow::{Context, Result, ensure};

use crate::tool::Tool;
use crate::workspace;

/// The most bytes of a packed crate that the public registry takes.
const MAX_SIZE: u64 = 10 << 20;

/// What a crate is made of; all else in it was not meant to be.
const FOLDERS: [&str; 2] = ["src/", "data/"];

/// What must be in it besides, and what cargo adds.
const FILES: [&str; 8] = [
    ".cargo_vcs_info.json",
    "CHANGELOG.md",
    "Cargo.lock",
    "Cargo.toml",
    "Cargo.toml.orig",
    "LICENSE-APACHE",
    "LICENSE-MIT",
    "README.md",
];

pub fn run() -> Result<()> {
    let cargo = || Tool::new("cargo").dir(&workspace::root());
    let list =
        cargo().words("package --list --locked --allow-dirty --package image-preflight").run()?;
    let files: Vec<&str> = list.lines().collect();
    for file in &files {
        let meant = FILES.contains(file) || FOLDERS.iter().any(|folder| file.starts_with(folder));
        ensure!(meant, "{file} is in the crate");
    }
    for file in FILES.iter().filter(|file| !file.starts_with('.')) {
        ensure!(files.contains(file), "{file} is not in the crate");
    }
    // What they would build to prove it is compiled below, with the dependencies that are there.
    let how = "--no-verify --locked --allow-dirty --package image-preflight";
    cargo().words("publish --dry-run").words(how).run()?;
    cargo().words("package").words(how).run()?;
    let name = concat!("image-preflight-", env!("CARGO_PKG_VERSION"));
    let packed = workspace::target().join("package").join(format!("{name}.crate"));
    let size = fs::metadata(&packed).with_context(|| packed.display().to_string())?.len();
    ensure!(size < MAX_SIZE, "{size} bytes");

    let dir = workspace::cache()?.join("crate");
    let unpacked = dir.join(name);
    if unpacked.exists() {
        fs::remove_dir_all(&unpacked)?;
    }
    fs::create_dir_all(&dir)?;
    Tool::new("tar").words("--extract --file").arg(&packed).arg("--directory").arg(&dir).run()?;
    // It lies below the workspace, of which it is no member.
    let manifest = fs::OpenOptions::new().append(true).open(unpacked.join("Cargo.toml"));
    manifest?.write_all(b"\n[workspace]\n")?;
    let check = Tool::new("cargo").words("check --quiet --locked").dir(&unpacked);
    check.env("CARGO_TARGET_DIR", workspace::target()).run()?;
    println!("{}: {} files, {} KiB, compiles", packed.display(), files.len(), size >> 10);
    Ok(())
}
