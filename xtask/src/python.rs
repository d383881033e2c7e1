//! A Python of its own, with packages of PyPI.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Result;

use crate::tool::Tool;

/// The Python below `dir` that has these packages, made now unless an earlier run has made it.
pub fn with(dir: &Path, packages: &[&str]) -> Result<PathBuf> {
    let venv = dir.join("venv");
    let python = venv.join("bin/python");
    let wanted = packages.join("\n");
    let mark = venv.join("packages");
    if fs::read_to_string(&mark).is_ok_and(|there| there == wanted) {
        return Ok(python);
    }
    Tool::new("python3").words("-m venv --clear").arg(&venv).run()?;
    let install = "-m pip --quiet --disable-pip-version-check install --only-binary :all:";
    packages
        .iter()
        .fold(Tool::new(&python.to_string_lossy()).words(install), |tool, name| tool.arg(name))
        .run()?;
    fs::write(mark, wanted)?;
    Ok(python)
}
