//! `image-preflight request`.

use std::fs::File;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use super::args::{DraftArgs, OutputArg, RequestArgs};
use super::check::today;
use super::{Call, Failure, output, sandbox, sources, width_of, words_in};
use crate::report::{
    Detail, Format, GuestSummary, ImageReport, ImageSummary, Settings, Verdict, escape, json,
};
use crate::request::{Corrected, Draft, MAX_BODY, Subject, Validation, make, validate};
use crate::rules::finding::Finding;
use crate::rules::{Context, Fixed, Lang, Status, check_all, policy};

/// A body's text and the name by which findings call it; `-` is standard input.
pub(super) fn read(path: &Path) -> Result<(String, String), Failure> {
    let standard_input = path == Path::new("-");
    let name =
        if standard_input { "standard input".to_owned() } else { path.display().to_string() };
    let mut bytes = Vec::new();
    // One byte more than is looked at, so that a longer text is seen to be longer.
    let most = u64::try_from(MAX_BODY).unwrap_or(u64::MAX).saturating_add(1);
    let read = if standard_input {
        io::stdin().lock().take(most).read_to_end(&mut bytes)
    } else {
        File::open(path).and_then(|file| file.take(most).read_to_end(&mut bytes))
    };
    read.map_err(|error| Failure::Said(format!("the request's body {name}: {error}")))?;
    let text = String::from_utf8(bytes).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        Failure::Said(format!("the request's body {name}: byte {at} is not UTF-8"))
    })?;
    Ok((name, text))
}

pub(super) fn run(args: &RequestArgs, call: &Call, out: &mut dyn Write) -> Result<u8, Failure> {
    let context = call.config.context(args.profile.name.as_deref(), today())?;
    let mut body = args.body.as_deref().map(read).transpose()?;
    if let Some((name, _)) = &mut body
        && args.body.as_deref() == Some(Path::new("-"))
    {
        *name = words_in(name, call.lang).into_owned();
    }
    args.image.as_deref().map(sources::check_name).transpose()?;
    let read: Vec<PathBuf> = args.image.iter().chain(&args.body).cloned().collect();
    let mut file = output::open(&args.output, &read, call)?;
    let beside = read.iter().chain(&args.output.path);
    let corrected = output::open(&OutputArg { path: args.corrected.clone() }, beside, call)?;
    let out: &mut dyn Write = match &mut file {
        Some(file) => file,
        None => out,
    };
    sandbox::enter(args.image.as_deref().into_iter(), None)?.tell(call)?;
    let facts = args
        .image
        .as_deref()
        .map(|path| Ok::<_, Failure>(crate::inspect(path)?.facts))
        .transpose()?;
    let findings = facts.as_ref().map(|facts| check_all(facts, &context)).unwrap_or_default();
    let image = facts.as_ref().map(|facts| Subject { facts, findings: &findings });
    let subject = facts.as_ref().map(|facts| facts.image.path.clone()).unwrap_or_default();
    let code = match (body, &args.image, image) {
        (Some((name, text)), ..) => {
            let mut validation = validate(&text, &name, &context, image);
            let waived = args.image.as_ref().map_or(&name, |_| &subject);
            set_aside(&mut validation, waived, call, &context);
            if let (Some(mut file), Some(corrected)) = (corrected, &validation.corrected) {
                json::write_value(&corrected.body, &mut file)?;
                file.finish()?;
            }
            let width = width_of(&args.output);
            report(args.format, &name, validation, (context, width), call, out)
        }
        (None, Some(path), Some(image)) => {
            let draft = draft(&args.draft, path)?;
            write(&draft, image, &context, call, out)
        }
        // The arguments' own rules keep this from happening.
        (None, ..) => Err(Failure::Said("neither an image nor a body was given".to_owned())),
    }?;
    out.flush()?;
    Ok(code)
}

fn draft(args: &DraftArgs, path: &Path) -> Result<Draft, Failure> {
    let tag = |text: &String| match text.split_once('=') {
        Some((key, value)) => Ok((key.to_owned(), value.to_owned())),
        None => Err(Failure::Said(format!("--tag {text}: not KEY=VALUE"))),
    };
    let stem = || path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    Ok(Draft {
        image_url: args.image_url.clone().unwrap_or_default(),
        name: args.name.clone().unwrap_or_else(stem),
        description: args.description.clone(),
        os_version: args.os_version.clone(),
        min_disk: args.min_disk,
        is_config: args.is_config,
        kind: args.kind.clone(),
        tags: args.tags.iter().map(tag).collect::<Result<_, _>>()?,
        enterprise_project_id: args.enterprise_project_id.clone(),
        cmk_id: args.cmk_id.clone(),
        min_ram: args.min_ram,
        max_ram: args.max_ram,
    })
}

/// Writes the body when it passes its own validation; what its reader should know goes to standard
/// error, so that the output can be sent as it is.
fn write(
    draft: &Draft,
    image: Subject<'_>,
    context: &Context,
    call: &Call,
    out: &mut dyn Write,
) -> Result<u8, Failure> {
    let lang = call.lang;
    let made = make(draft, image, context);
    let text = made.body.to_string();
    let path = &image.facts.image.path;
    let mut validation = validate(&text, "", context, Some(image));
    set_aside(&mut validation, path, call, context);
    let bad = |status| validation.findings.iter().filter(move |found| found.status == status);
    let complain = |line: &str| writeln!(io::stderr(), "{}", escape::for_terminal(line));
    let notes = made.notes.iter().filter(|_| call.detail != Detail::Short);
    for note in notes {
        complain(note.get(lang))?;
    }
    for found in bad(Status::Fail).chain(bad(Status::Warn)) {
        complain(&format!("{}: {}", found.rule, found.message.get(lang)))?;
        if let Some(remedy) = &found.remedy {
            complain(&format!("    {}", remedy.get(lang)))?;
        }
    }
    if bad(Status::Fail).next().is_some() {
        return Ok(Verdict::Fail.exit_code());
    }
    // The rules of the body saw what the platform will see; a waiver counts for our own verdict alone.
    let mut of_image = image.findings.to_vec();
    policy::waive(&mut of_image, path, &call.config.waivers, context.today);
    let broken: Vec<&str> = of_image
        .iter()
        .filter(|found| found.status == Status::Fail)
        .map(|found| found.rule.as_str())
        .collect();
    if !broken.is_empty() {
        let first = Fixed {
            en: "The image itself breaks required rules; see image-preflight check:",
            zh: "镜像本身不满足必须的规则，参见image-preflight check：",
        };
        complain(&format!("{} {}", first.get(lang), broken.join(", ")))?;
    }
    json::write_value(&made.body, out)?;
    Ok(0)
}

/// Sets aside what the configuration's waivers cover, for the image or, without one, the body's file.
fn set_aside(validation: &mut Validation, path: &str, call: &Call, context: &Context) {
    let Validation { findings, corrected } = validation;
    policy::waive(findings, path, &call.config.waivers, context.today);
    if let Some(corrected) = corrected {
        policy::waive(&mut corrected.left, path, &call.config.waivers, context.today);
        corrected.left.retain(|found| found.status != Status::Waived);
    }
}

/// Reports on a body as on an image, and prints the corrected one.
fn report(
    format: Format,
    name: &str,
    validation: Validation,
    (context, width): (Context, usize),
    call: &Call,
    out: &mut dyn Write,
) -> Result<u8, Failure> {
    let Validation { findings, corrected } = validation;
    let report = of_body(name, findings);
    let Call { lang, detail, .. } = *call;
    let settings = Settings { context, lang, detail, width, fail_on_warn: false };
    format.write(settings, [&report], out)?;
    if let (Format::Human, Some(corrected)) = (format, corrected)
        && detail != Detail::Short
    {
        for line in heading(&corrected, lang) {
            writeln!(out, "\n{}", escape::for_terminal(&line))?;
        }
        writeln!(out)?;
        json::write_value(&corrected.body, out)?;
    }
    Ok(report.verdict.exit_code())
}

/// What is said above a corrected body: what is wrong with it still, and what is no longer in it.
fn heading(corrected: &Corrected, lang: Lang) -> Vec<String> {
    let Corrected { left, removed, .. } = corrected;
    let ids = |status| -> Vec<&str> {
        left.iter()
            .filter(|found| found.status == status)
            .map(|found| found.rule.as_str())
            .collect()
    };
    let words = [
        Fixed::new("Corrected body", "修正后的请求体"),
        Fixed::new("Corrected as far as it can be", "已尽可能修正"),
        Fixed::new("; still broken: ", "；仍不满足："),
        Fixed::new("; still warned of: ", "；仍有告警："),
        Fixed::new(":", "："),
        Fixed::new("Taken out: ", "已去掉："),
    ];
    let [whole, partly, broken, warned, colon, taken] = words.map(|word| word.get(lang));
    let mut line = if left.is_empty() { whole } else { partly }.to_owned();
    for (label, status) in [(broken, Status::Fail), (warned, Status::Warn)] {
        let ids = ids(status);
        if !ids.is_empty() {
            line.extend([label, &ids.join(", ")]);
        }
    }
    line.push_str(colon);
    let names: Vec<&str> = removed.iter().map(|pointer| pointer.trim_start_matches('/')).collect();
    let taken = (!names.is_empty()).then(|| format!("{taken}{}", names.join(", ")));
    taken.into_iter().chain([line]).collect()
}

fn of_body(name: &str, findings: Vec<Finding>) -> ImageReport {
    ImageReport {
        image: ImageSummary { path: name.to_owned(), ..ImageSummary::default() },
        guest: GuestSummary::default(),
        disk: None,
        verdict: Verdict::of(&findings, false),
        findings,
        error: None,
    }
}
