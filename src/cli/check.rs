//! `image-preflight check`.

use std::fs::File;
use std::io::{self, Write};
use std::panic::AssertUnwindSafe;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use anstream::{AutoStream, ColorChoice};
use rayon::prelude::*;

use super::args::{CheckArgs, FailOnArg, FormatArg};
use super::config::Config;
use super::{Failure, password, request, sources, width};
use crate::Check;
use crate::report::human::{self, Detail, Layout};
use crate::report::{ImageReport, Report, Verdict, json};
use crate::rules::Lang;

pub(super) fn run(
    args: &CheckArgs,
    asked: Option<Lang>,
    of_locale: Lang,
    color: ColorChoice,
    out: &mut dyn Write,
) -> Result<u8, Failure> {
    let images = sources::expand(&args.images, args.recursive, args.shard)?;
    let config = Config::read(args.config.as_deref())?;
    let lang = asked.or(config.lang.map(Lang::from)).unwrap_or(of_locale);
    let context = config.context(args.profile.as_deref(), today())?;
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(args.jobs.map_or(0, usize::from))
        .build()
        .map_err(|error| Failure::Said(format!("cannot start threads: {error}")))?;
    let fail_on_warn = args.fail_on.or(config.fail_on) == Some(FailOnArg::Warn);
    let password = args.password_file.as_deref().map(password::read).transpose()?;
    let body = args.request.as_deref().map(request::read).transpose()?;
    let mut check = Check::new(context.clone());
    check.fail_on_warn(fail_on_warn).waivers(&config.waivers);
    if let Some(password) = &password {
        check.password(password);
    }
    if let Some(kind) = args.digest {
        check.digest(kind.into());
    }
    if let Some((name, text)) = &body {
        check.request(name, text);
    }
    let check = |path: &Path| check_one(path, &check);

    let detail = match (args.quiet, args.verbose) {
        (true, _) => Detail::Short,
        (_, true) => Detail::Full,
        _ => Detail::Normal,
    };
    let layout = Layout { lang, detail, width: width() };
    let mut file;
    let out: &mut dyn Write = match &args.output {
        None => out,
        Some(path) => {
            if let Some(image) = images.iter().find(|image| is_same_file(image, path)) {
                return Err(Failure::Said(format!(
                    "the report would overwrite the image {}",
                    image.display()
                )));
            }
            let created = File::create(path).map_err(|error| {
                Failure::Said(format!("cannot write {}: {error}", path.display()))
            })?;
            let choice = if color == ColorChoice::Always { color } else { ColorChoice::Never };
            file = io::BufWriter::new(AutoStream::new(created, choice));
            &mut file
        }
    };
    let mut write = |index: usize, report: &ImageReport| match args.format {
        FormatArg::Human => {
            if index > 0 && detail != Detail::Short {
                writeln!(out)?;
            }
            human::write(context.profile, report, layout, out)
        }
        FormatArg::JsonLines => json::write_line(context.profile, report, lang, out),
        FormatArg::Json => Ok(()),
    };

    // In groups, so that results stream in order and memory stays flat however many there are.
    let mut used = vec![false; config.waivers.len()];
    let mut verdicts: Vec<Verdict> = Vec::new();
    let mut kept = Vec::new();
    for group in images.chunks(GROUP) {
        let reports: Vec<ImageReport> =
            pool.install(|| group.par_iter().map(|path| check(path)).collect());
        for report in reports {
            write(verdicts.len(), &report)?;
            config.mark_used(&report, &mut used);
            verdicts.push(report.verdict);
            if args.format == FormatArg::Json {
                kept.push(report);
            }
        }
    }
    if args.format == FormatArg::Json {
        json::write(&Report { profile: context.profile, reports: kept }, lang, out)?;
    }
    out.flush()?;
    config.tell_of_waivers(&used, context.today, &mut io::stderr())?;
    Ok(Verdict::exit_code_of_all(verdicts))
}

/// Whether two paths lead to one file, by whatever name.
fn is_same_file(one: &Path, other: &Path) -> bool {
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt;
        let identity = |path: &Path| {
            std::fs::metadata(path).ok().map(|metadata| (metadata.dev(), metadata.ino()))
        };
        if identity(one).is_some_and(|found| identity(other) == Some(found)) {
            return true;
        }
    }
    std::fs::canonicalize(one)
        .is_ok_and(|path| std::fs::canonicalize(other).is_ok_and(|other| other == path))
}

/// Images whose reports are held at once.
const GROUP: usize = 64;

/// Checks one image; whatever goes wrong ends in its own report, so that the others go on.
fn check_one(path: &Path, check: &Check<'_>) -> ImageReport {
    // The last fence: a panic is a fault of this program, and must not hide the other reports.
    // What a panic could leave half done is this image's alone.
    let checked = std::panic::catch_unwind(AssertUnwindSafe(|| check.run(path)));
    match checked {
        Ok(Ok(report)) => report,
        Ok(Err(error)) => ImageReport::error(path, error.to_string()),
        Err(_) => ImageReport::error(
            path,
            format!(
                "{}: the checker itself failed on this image; please report it",
                path.display()
            ),
        ),
    }
}

/// Days since 1970-01-01 UTC.
pub(super) fn today() -> i64 {
    let seconds = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_secs());
    i64::try_from(seconds.checked_div(86_400).unwrap_or(0)).unwrap_or(i64::MAX)
}
