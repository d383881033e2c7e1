//! `image-preflight merge`.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use super::args::MergeArgs;
use super::{Call, Failure, output, width};
use crate::report::read::{MAX_REPORT, Reports};
use crate::report::{self, Settings, Verdict};
use crate::rules::day::today;
use crate::rules::policy::Policy;
use crate::rules::{Context, Profile, Status};

/// Reads a report that was written as JSON or as lines of JSON.
pub(super) fn read(path: &Path) -> Result<Reports, Failure> {
    let name = path.display();
    let mut text = String::new();
    let file = File::open(path).and_then(|file| file.take(MAX_REPORT).read_to_string(&mut text));
    file.map_err(|error| Failure::Said(format!("cannot read the report {name}: {error}")))?;
    report::read::read(&text)
        .map_err(|error| Failure::Said(format!("{name} is no report of image-preflight: {error}")))
}

pub(super) fn run(args: &MergeArgs, call: &Call, out: &mut dyn Write) -> Result<u8, Failure> {
    let mut profile: Option<(String, &PathBuf)> = None;
    let mut all = BTreeMap::new();
    for path in &args.reports {
        let Reports { profile: name, reports } = read(path)?;
        // Of no images there is no profile, either.
        if reports.is_empty() {
            continue;
        }
        match &profile {
            Some((before, other)) if *before != name => {
                let (path, other) = (path.display(), other.display());
                return Err(Failure::Said(format!(
                    "{other} was made by the profile {before}, {path} by {name}"
                )));
            }
            _ => profile = Some((name, path)),
        }
        for report in reports {
            // By path, as a single call has the images of a folder.
            let image = PathBuf::from(&report.image.path);
            if let Some((_, other)) = all.insert(image, (report, path)) {
                let (path, other) = (path.display(), other.display());
                return Err(Failure::Said(format!("{other} and {path} have an image in common")));
            }
        }
    }
    let name = profile.map(|(name, _)| name).unwrap_or_default();
    let built_in = Profile::from_name(&name);
    let policy = Policy { name: built_in.is_none().then_some(name), ..Policy::default() };
    let context = Context { policy, ..Context::new(built_in.unwrap_or_default(), 0) };
    let Call { lang, detail, ref config, .. } = *call;
    // An image that fails and breaks no required rule was checked with --fail-on warn.
    let fail_on_warn = all
        .values()
        .any(|(report, _)| report.verdict == Verdict::Fail && report.count(Status::Fail) == 0);
    let settings = Settings { context, lang, detail, width: width(), fail_on_warn };
    let mut file = output::open(&args.report.output, &args.reports, call)?;
    let out: &mut dyn Write = match &mut file {
        Some(file) => file,
        None => out,
    };
    args.report.format.write(settings, all.values().map(|(report, _)| report), out)?;
    out.flush()?;
    let mut used = Vec::new();
    for (report, _) in all.values() {
        config.mark_used(report, &mut used);
    }
    config.tell_of_waivers(&used, today(), detail, &mut io::stderr())?;
    Ok(Verdict::exit_code_of_all(all.values().map(|(report, _)| report.verdict)))
}
