//! Windows guests with nothing of Windows in them: each good one passes, and each defect gives its
//! finding and no other.

use std::fs;

use anyhow::{Context, Result, ensure};

use super::Log;
use super::report::{Checker, Expectation};
use crate::windows::pe::Programs;
use crate::windows::table::CASES;
use crate::workspace;

pub fn compare(checker: &Checker, log: &mut Log) -> Result<()> {
    let kept = workspace::root().join("testdata/windows");
    let programs = Programs::new()?;
    let made = workspace::cache()?.join("windows.qcow2");
    for case in CASES {
        let text = case.expectation()?;
        let expectation: Expectation = serde_json::from_str(&text)?;
        if case.is_kept {
            let committed = fs::read_to_string(kept.join(format!("{}.expect.json", case.name)))
                .with_context(|| case.name)?;
            ensure!(committed == text, "{}: cargo xtask windows is due", case.name);
            let image = kept.join(format!("{}.qcow2", case.name));
            let outcome = checker.check(&image).with_context(|| case.name)?;
            log.note(&format!("kept guest: {}", case.name), expectation.differences(&outcome));
        }
        // Made anew as well: the recipe still makes what the kept file holds.
        case.make(&programs, &made)?;
        let outcome = checker.check(&made).with_context(|| case.name)?;
        let mut wrong = expectation.differences(&outcome);
        wrong.extend(outcome.unproved());
        log.note(&format!("Windows guest: {}", case.name), wrong);
        fs::remove_file(&made)?;
    }
    Ok(())
}
