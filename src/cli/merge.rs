//! `image-preflight merge`.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use super::args::MergeArgs;
use super::output::Output;
use super::{Call, Failure, output, width_of};
use crate::report::read::{MAX_REPORT, Reports};
use crate::report::{self, ImageReport, Settings, Verdict};
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
    let mut fail_on_warn = false;
    let mut all = BTreeMap::new();
    for (file, path) in args.reports.iter().enumerate() {
        let Reports { profile: name, fail_on_warn: warn, reports } = read(path)?;
        fail_on_warn |= warn;
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
            // By path, as a single call has the images of a folder; names that are not UTF-8 may look
            // alike in one report.
            let image = PathBuf::from(&report.image.path);
            let alike: &mut Vec<(ImageReport, usize)> = all.entry(image).or_default();
            if let Some((_, other)) = alike.iter().find(|(_, other)| *other != file)
                && let Some(other) = args.reports.get(*other)
            {
                let (path, other) = (path.display(), other.display());
                return Err(Failure::Said(format!("{other} and {path} have an image in common")));
            }
            alike.push((report, file));
        }
    }
    let name = profile.map(|(name, _)| name).unwrap_or_default();
    let built_in = Profile::from_name(&name);
    let policy = Policy { name: built_in.is_none().then_some(name), ..Policy::default() };
    let context = Context { policy, ..Context::new(built_in.unwrap_or_default(), 0) };
    let Call { lang, detail, ref config, .. } = *call;
    let all: Vec<ImageReport> = all.into_values().flatten().map(|(report, _)| report).collect();
    // In a report that does not say it: an image that fails and breaks no required rule.
    let by_warning =
        |report: &ImageReport| report.verdict == Verdict::Fail && report.count(Status::Fail) == 0;
    let fail_on_warn = fail_on_warn || all.iter().any(by_warning);
    let settings =
        Settings { context, lang, detail, width: width_of(&args.report.output), fail_on_warn };
    let mut file = output::open(&args.report.output, &args.reports, call)?;
    let out: &mut dyn Write = match &mut file {
        Some(file) => file,
        None => out,
    };
    args.report.format.write(settings, &all, out)?;
    out.flush()?;
    file.map(Output::finish).transpose()?;
    let mut used = Vec::new();
    for report in &all {
        config.mark_used(report, &mut used);
    }
    config.tell_of_waivers(&used, today(), (lang, detail), &mut io::stderr())?;
    Ok(Verdict::exit_code_of_all(all.iter().map(|report| report.verdict)))
}
