//! The program as a user calls it.

#![allow(dead_code, reason = "each test file takes what it needs")]

use std::path::{Path, PathBuf};
use std::process::Output;

use assert_cmd::Command;

/// Runs it in a folder without any environment; `input` is what it is given to read.
pub(crate) fn run(folder: &Path, args: &[&str], input: &str) -> Output {
    Command::new(env!("CARGO_BIN_EXE_image-preflight"))
        .env_clear()
        .current_dir(folder)
        .args(args)
        .write_stdin(input)
        .timeout(std::time::Duration::from_secs(60))
        .output()
        .unwrap()
}

/// What it printed.
pub(crate) fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// A file of the test data.
pub(crate) fn testdata(path: &str) -> String {
    let path: PathBuf = [env!("CARGO_MANIFEST_DIR"), "testdata", path].iter().collect();
    path.to_str().unwrap().to_owned()
}
