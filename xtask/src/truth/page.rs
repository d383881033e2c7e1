//! `docs/truth.md`.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::fs;

use anyhow::Result;

use super::case::{CASES, Case, Guest};
use super::{Agreement, Matrix, Record};
use crate::workspace;

const HEAD: &str = "\
# What the checker says, and what boots

Written by `cargo xtask truth`: each row is a Debian 12 guest on a disk of 40 GiB that was checked by
the release binary and then started in QEMU, without changing the image. On IDE the profile is
`ims-classic`, on virtio `huaweicloud`. *Booted* means that a login prompt came on the serial console.

| agreement | means |
|---|---|
| yes | It boots and no required rule is broken; or it does not boot and a required rule that names the cause is broken. |
| warned only | It does not boot, and the rule that names the cause warns: see the note. |
| undecided | It does not boot, and the rule that names the cause says that it could not decide. |
| stricter | It boots on this machine, and a required rule is broken all the same: see the note. |
| **no** | The checker is wrong. |

";

pub fn write(matrix: &Matrix, qemu: &str) -> Result<()> {
    let mut text = HEAD.to_owned();
    let booted: BTreeSet<String> =
        CASES.iter().filter_map(|case| Some(matrix.record(case)?.kernel)).collect();
    let booted = Vec::from_iter(booted).join(" and ");
    writeln!(
        text,
        "Guest: Debian 12; kernel checked: {}; booted: {booted}. {qemu}.\n",
        matrix.small.kernel
    )?;
    let mut counts = [0_usize; 6];
    let mut rows = String::new();
    let mut untried = Vec::new();
    for case in CASES {
        let Some(record) = matrix.record(case) else {
            untried.push(case.name);
            continue;
        };
        let agreement = Agreement::of(case, &record);
        for (index, counted) in [
            Agreement::Yes,
            Agreement::Warned,
            Agreement::Unverified,
            Agreement::Stricter,
            Agreement::No,
        ]
        .into_iter()
        .enumerate()
        {
            counts[index] += usize::from(counted == agreement);
        }
        rows.push_str(&row(case, &record, agreement));
    }
    writeln!(
        text,
        "{} cases: {} agree, {} warned only, {} undecided, {} stricter, {} disagree.",
        CASES.len() - untried.len(),
        counts[0],
        counts[1],
        counts[2],
        counts[3],
        counts[4]
    )?;
    if !untried.is_empty() {
        writeln!(text, "Not tried: {}.", untried.join("; "))?;
    }
    text.push_str(
        "\n| case | layout | disk | booted how far | verdict | rules | agreement |\n\
         |---|---|---|---|---|---|---|\n",
    );
    text.push_str(&rows);
    let notes: Vec<String> = CASES
        .iter()
        .filter(|case| !case.note.is_empty() && matrix.record(case).is_some())
        .map(|case| format!("- {}: {}\n", case.name, case.note))
        .collect();
    if !notes.is_empty() {
        write!(text, "\nNotes\n\n{}", notes.concat())?;
    }
    Ok(fs::write(workspace::root().join("docs/truth.md"), text)?)
}

/// What is said of the good guest too, or of anything but booting, is left out.
fn row(case: &Case, record: &Record, agreement: Agreement) -> String {
    let rules: Vec<String> = record
        .findings
        .iter()
        .filter(|finding| finding.status == "fail" || case.rules.contains(&finding.rule.as_str()))
        .map(|finding| match finding.status.as_str() {
            "fail" => format!("`{}`", finding.rule),
            status => format!("`{}` ({status})", finding.rule),
        })
        .collect();
    let guest = if case.guest == Guest::Cloud { ", cloud image" } else { "" };
    format!(
        "| {} | {}{guest} | {} | {} | {} | {} | {} |\n",
        case.name,
        case.layout.name(),
        case.bus.name(),
        record.reached,
        record.verdict,
        rules.join(", "),
        agreement.words()
    )
}
