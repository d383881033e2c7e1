//! `image-preflight check`.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::panic::AssertUnwindSafe;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError};

use super::args::{CheckArgs, FailOnArg};
use super::output::Output;
use super::progress::{Progress, TICK};
use super::{Call, Failure, merge, output, password, request, sandbox, sources, width_of};
use crate::Check;
use crate::report::{ImageReport, Settings, Verdict};
use crate::rules::baseline::Baseline;
pub(super) use crate::rules::day::today;

pub(super) fn run(args: &CheckArgs, call: &Call, out: &mut dyn Write) -> Result<u8, Failure> {
    let Call { lang, detail, config, .. } = call;
    let images = sources::expand(&args.images, args.recursive, args.shard)?;
    let context = config.context(args.profile.name.as_deref(), today())?;
    let fail_on_warn = args.fail_on.or(config.fail_on) == Some(FailOnArg::Warn);
    let from_input = |path: &&PathBuf| path.as_path() == Path::new("-");
    if [&args.request, &args.password_file].into_iter().flatten().filter(from_input).count() > 1 {
        return Err(Failure::Said("only one of the files can be standard input".to_owned()));
    }
    let password = args.password_file.as_deref().map(password::read).transpose()?;
    let body = args.request.as_deref().map(request::read).transpose()?;
    let baseline = args.baseline.as_deref().map(read_baseline).transpose()?;
    let mut check = Check::new(context.clone());
    check.fail_on_warn(fail_on_warn).waivers(&config.waivers);
    if let Some(password) = &password {
        check.password(password);
    }
    if let Some(baseline) = &baseline {
        check.baseline(baseline);
    }
    if let Some(kind) = args.digest {
        check.digest(kind.into());
    }
    if let Some((name, text)) = &body {
        check.request(name, text);
    }

    let today = context.today;
    let settings = Settings {
        context,
        lang: *lang,
        detail: *detail,
        width: width_of(&args.report.output),
        fail_on_warn,
    };
    let mut form = args.report.format.writer(settings);
    let mut file = output::open(
        &args.report.output,
        images.paths.iter().chain(&args.request).chain(&args.password_file),
        call,
    )?;
    let out: &mut dyn Write = match &mut file {
        Some(file) => file,
        None => out,
    };
    let progress = Progress::new(&images.paths, args.digest.is_some(), *lang);
    // All that a check reads or writes but the images is open now.
    sandbox::enter(images.paths.iter().map(PathBuf::as_path), args.jobs)?.tell(call)?;
    let check = |path: &Path| {
        let mut check = check.clone();
        let tell = progress.of_digest();
        check.progress(&*tell);
        match images.problem(path) {
            Some(problem) => ImageReport::error(path, problem.to_owned()),
            None => check_one(path, &check),
        }
    };
    form.begin(out)?;
    let mut used = Vec::new();
    let mut verdicts: Vec<Verdict> = Vec::new();
    in_order(&images.paths, check, &progress, |report| {
        progress.aside(|| {
            form.image(&report, out)?;
            // A report that is there is to be seen while the next image is checked.
            out.flush()
        })?;
        config.mark_used(&report, &mut used);
        verdicts.push(report.verdict);
        Ok(())
    })?;
    drop(progress);
    form.end(out)?;
    out.flush()?;
    file.map(Output::finish).transpose()?;
    config.tell_of_waivers(&used, today, (*lang, *detail), &mut io::stderr())?;
    Ok(Verdict::exit_code_of_all(verdicts))
}

/// The findings of an earlier report.
fn read_baseline(path: &Path) -> Result<Baseline, Failure> {
    let before = merge::read(path)?.reports;
    let findings = before.iter().map(|report| (&*report.image.path, &*report.findings));
    Ok(Baseline::new(&path.display().to_string(), findings))
}

/// Reports that are held at most because that of an image before them is not there yet.
const WINDOW: usize = 256;

/// Checks all images on the threads of rayon and hands over each report in the images' order, as
/// soon as it and those before it are there.
///
/// Memory stays flat however many images there are: no more of them are open than there are threads
/// and one, and a slow image lets the others go ahead by [`WINDOW`] reports.
fn in_order(
    images: &[PathBuf],
    check: impl Fn(&Path) -> ImageReport + Sync,
    progress: &Progress,
    mut each: impl FnMut(ImageReport) -> Result<(), Failure>,
) -> Result<(), Failure> {
    // One more than there are threads, so that none waits for this one. Not all of them: a thread
    // of rayon that waits for half of its image begins another meanwhile, on the same stack.
    let most_open = rayon::current_num_threads().saturating_add(1);
    let (sender, receiver) = mpsc::channel();
    let stop = AtomicBool::new(false);
    let (check, stop) = (&check, &stop);
    rayon::in_place_scope(|scope| {
        let mut waiting = images.iter().enumerate().peekable();
        let mut early = BTreeMap::new();
        let (mut open, mut next) = (0_usize, 0_usize);
        while next < images.len() {
            while open < most_open
                && let Some((index, image)) =
                    waiting.next_if(|(index, _)| *index < next.saturating_add(WINDOW))
            {
                open = open.saturating_add(1);
                let sender = sender.clone();
                scope.spawn(move |_| {
                    if !stop.load(Ordering::Relaxed) {
                        // Nobody listens any more when the output has failed.
                        let _ = sender.send((index, check(image)));
                    }
                });
            }
            match receiver.recv_timeout(TICK) {
                Ok((index, report)) => {
                    open = open.saturating_sub(1);
                    progress.advance();
                    early.insert(index, report);
                }
                Err(RecvTimeoutError::Timeout) => progress.wait(),
                // Never: this function holds a sender.
                Err(RecvTimeoutError::Disconnected) => break,
            }
            while let Some(report) = early.remove(&next) {
                next = next.saturating_add(1);
                if let Err(failure) = each(report) {
                    stop.store(true, Ordering::Relaxed);
                    return Err(failure);
                }
            }
        }
        Ok(())
    })
}

/// Checks one image; whatever goes wrong ends in its own report, so that the others go on.
fn check_one(path: &Path, check: &Check<'_>) -> ImageReport {
    // The last fence: a panic is a fault of this program, and must not hide the other reports.
    // What a panic could leave half done is this image's alone.
    let checked = std::panic::catch_unwind(AssertUnwindSafe(|| check.run(path)));
    match checked {
        Ok(Ok(report)) => report,
        Ok(Err(error)) => {
            let more = if path.is_dir() { "; --recursive checks the images in it" } else { "" };
            ImageReport::error(path, format!("{error}{more}"))
        }
        Err(_) => ImageReport::error(
            path,
            format!(
                "{}: the checker itself failed on this image; please report it",
                path.display()
            ),
        ),
    }
}
