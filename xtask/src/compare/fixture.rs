//! The committed guests end as their expectations say.

use std::fs;

use anyhow::{Context, Result, ensure};

use super::Log;
use super::report::{Checker, Expectation};
use crate::testdata::defects::FIXTURES;
use crate::workspace;

pub fn compare(checker: &Checker, log: &mut Log) -> Result<()> {
    let dir = workspace::root().join("testdata/guests");
    for fixture in FIXTURES {
        let text = fs::read_to_string(dir.join(format!("{}.expect.json", fixture.name)))
            .with_context(|| fixture.name)?;
        ensure!(text == fixture.expectation()?, "{}: cargo xtask testdata is due", fixture.name);
        let expectation: Expectation = serde_json::from_str(&text)?;
        let outcome = checker
            .check(&dir.join(format!("{}.qcow2", fixture.name)))
            .with_context(|| fixture.name)?;
        log.note(&format!("fixture {}", fixture.name), expectation.differences(&outcome));
    }
    Ok(())
}
