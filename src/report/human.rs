//! The report for people: the verdict first, then what is wrong with its place, reason and remedy;
//! what holds in short.

use std::borrow::Cow;
use std::io::{Result, Write};

use anstyle::{AnsiColor, Style};
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use super::escape::{for_terminal, lines};
use super::words::{self, BY_PLATFORM, WHY};
use super::{ImageReport, ReportWriter, Settings, Verdict};
use crate::fact::{Evidence, Excerpt};
use crate::rules::finding::Finding;
use crate::rules::{Lang, Level, Status, about};

/// How much is said.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Detail {
    /// The verdict, the ids of what is wrong and of what was set aside, on one line.
    Short,
    /// What is wrong in full, what holds by id.
    #[default]
    Normal,
    /// Everything, with the evidence of what holds.
    Full,
}

const BOLD: Style = Style::new().bold();
const DIM: Style = Style::new().dimmed();

/// Columns left of a finding's text.
const INDENT: &str = "    ";

/// Statuses that are told in full, in the order of their weight.
const IN_FULL: &[Status] = &[Status::Fail, Status::Unverified, Status::Warn, Status::Info];

/// The report for people.
pub(super) struct Human {
    settings: Settings,
    is_first: bool,
}

impl Human {
    pub(super) fn new(settings: Settings) -> Self {
        Self { settings, is_first: true }
    }
}

impl ReportWriter for Human {
    fn image(&mut self, report: &ImageReport, out: &mut dyn Write) -> Result<()> {
        if !self.is_first && self.settings.detail != Detail::Short {
            writeln!(out)?;
        }
        self.is_first = false;
        write(report, &self.settings, out)
    }
}

fn write(report: &ImageReport, layout: &Settings, out: &mut dyn Write) -> Result<()> {
    headline(report, layout, out)?;
    if layout.detail == Detail::Short {
        return Ok(());
    }
    if let Some(error) = &report.error {
        return paragraph(out, layout, "  ", &for_terminal(&words::said(error, layout.lang)));
    }
    let facts = words::facts(&layout.context, report, layout.lang).join(" · ");
    writeln!(out, "{DIM}{facts}{DIM:#}")?;
    for status in IN_FULL {
        for alike in report.together(*status) {
            writeln!(out)?;
            match alike[..] {
                [finding] => in_full(finding, layout, out)?,
                _ => summed_up(&alike, layout, out)?,
            }
        }
    }
    if layout.detail == Detail::Full {
        for status in [Status::Pass, Status::NotApplicable, Status::Waived, Status::Manual] {
            for finding in report.findings.iter().filter(|finding| finding.status == status) {
                writeln!(out)?;
                in_full(finding, layout, out)?;
            }
        }
        return Ok(());
    }
    writeln!(out)?;
    // What was set aside is to be seen each time, with whose word it was.
    for finding in report.findings.iter().filter(|finding| finding.status == Status::Waived) {
        let words = words::status(Status::Waived).get(layout.lang);
        let message = finding.message.get(layout.lang);
        let text = format!("{words} {}: {}", finding.rule, for_terminal(message));
        for line in wrap(&text, layout.width, "", "  ") {
            writeln!(out, "{line}")?;
        }
    }
    for status in [Status::Pass, Status::NotApplicable] {
        ids(report, status, layout, out)?;
    }
    checklist(report, layout, out)
}

/// Several findings that could not be verified for one reason: the reason once, then their ids.
fn summed_up(findings: &[&Finding], layout: &Settings, out: &mut dyn Write) -> Result<()> {
    let Some(first) = findings.first() else { return Ok(()) };
    let style = Style::new().bold().fg_color(Some(colour(first.status).into()));
    let count = findings.len();
    let status = words::status(first.status).get(layout.lang);
    let words = words::for_one_reason(count, layout.lang);
    writeln!(out, "{style}{status}{style:#} {BOLD}{words}{BOLD:#}")?;
    evidence(first, layout, out)?;
    if let Some(remedy) = words::shared_remedy(findings) {
        fix(&first.rule, remedy.get(layout.lang), layout, out)?;
    }
    let rules: Vec<&str> = findings.iter().map(|finding| finding.rule.as_str()).collect();
    paragraph(out, layout, INDENT, &rules.join(", "))
}

fn headline(report: &ImageReport, layout: &Settings, out: &mut dyn Write) -> Result<()> {
    let lang = layout.lang;
    let colour = match report.verdict {
        Verdict::Pass => AnsiColor::Green,
        Verdict::Fail | Verdict::Error => AnsiColor::Red,
        Verdict::Inconclusive => AnsiColor::Yellow,
    };
    let style = Style::new().bold().fg_color(Some(colour.into()));
    write!(
        out,
        "{style}{}{style:#} {BOLD}{}{BOLD:#}",
        words::verdict(report.verdict).get(lang),
        for_terminal(&report.image.path)
    )?;
    if layout.detail == Detail::Short {
        // Without a broken rule, an image fails by its warnings (--fail-on warn).
        let broken = if report.count(Status::Fail) > 0 { Status::Fail } else { Status::Warn };
        for finding in &report.findings {
            let matters = match report.verdict {
                Verdict::Fail => finding.status == broken,
                Verdict::Inconclusive => {
                    finding.status == Status::Unverified && finding.level == Level::Required
                }
                Verdict::Pass | Verdict::Error => false,
            };
            if matters {
                write!(out, " {}", finding.rule)?;
            }
        }
        if let Some(error) = &report.error {
            write!(out, " {}", for_terminal(&words::said(error, lang)))?;
        }
        // What was set aside is to be seen each time.
        let set_aside: Vec<&str> = (report.findings.iter())
            .filter(|finding| finding.status == Status::Waived)
            .map(|finding| finding.rule.as_str())
            .collect();
        if !set_aside.is_empty() {
            write!(out, " ({}: {})", words::status(Status::Waived).get(lang), set_aside.join(" "))?;
        }
        return writeln!(out);
    }
    let counts = words::headline(report, layout.fail_on_warn, lang);
    if !counts.is_empty() {
        write!(out, ": {counts}")?;
    }
    writeln!(out)
}

fn colour(status: Status) -> AnsiColor {
    match status {
        Status::Fail => AnsiColor::Red,
        Status::Unverified | Status::Warn => AnsiColor::Yellow,
        Status::Info => AnsiColor::Cyan,
        Status::Pass => AnsiColor::Green,
        Status::Manual => AnsiColor::Blue,
        Status::NotApplicable | Status::Waived => AnsiColor::BrightBlack,
    }
}

fn in_full(finding: &Finding, layout: &Settings, out: &mut dyn Write) -> Result<()> {
    let lang = layout.lang;
    let status = words::status(finding.status).get(lang);
    let style = Style::new().bold().fg_color(Some(colour(finding.status).into()));
    writeln!(out, "{style}{status}{style:#} {BOLD}{}{BOLD:#}", finding.rule)?;
    paragraph(out, layout, INDENT, &for_terminal(finding.message.get(lang)))?;
    evidence(finding, layout, out)?;
    if !matters(finding.status) {
        return Ok(());
    }
    if finding.status != Status::Unverified
        && let Some(rule) = about(&finding.rule)
    {
        let why = format!("{}{}", WHY.get(lang), rule.doc.why.get(lang));
        paragraph(out, layout, INDENT, &why)?;
    }
    if let Some(remedy) = &finding.remedy {
        fix(&finding.rule, remedy.get(lang), layout, out)?;
    }
    if !finding.predicts.is_empty() && finding.status == Status::Fail {
        paragraph(out, layout, INDENT, &words::predicted(&finding.predicts, lang))?;
    }
    if finding.repaired_by_platform {
        paragraph(out, layout, INDENT, BY_PLATFORM.get(lang))?;
    }
    Ok(())
}

/// A repair. Only sentences are wrapped: a command is to be copied whole.
fn fix(rule: &str, remedy: &str, layout: &Settings, out: &mut dyn Write) -> Result<()> {
    let head = words::fix(rule, remedy).get(layout.lang);
    for (index, line) in lines(remedy).enumerate() {
        let is_whole = !words::is_prose(&line) || words::mentions_command(&line);
        let line = if index == 0 { format!("{head}{line}") } else { line };
        if is_whole {
            writeln!(out, "{INDENT}{line}")?;
        } else {
            for wrapped in wrap(&line, layout.width, INDENT, INDENT) {
                writeln!(out, "{wrapped}")?;
            }
        }
    }
    Ok(())
}

/// Whether something is to be done about it.
fn matters(status: Status) -> bool {
    matches!(status, Status::Fail | Status::Warn | Status::Unverified)
}

/// What was seen, a line each, the places in a column of their own; of a file's line the part that
/// matters is underlined.
fn evidence(finding: &Finding, layout: &Settings, out: &mut dyn Write) -> Result<()> {
    let finding = finding.in_language(layout.lang);
    let place = |evidence: &Evidence| words::said(&evidence.location, layout.lang).into_owned();
    let column = finding
        .evidence
        .iter()
        .map(|evidence| for_terminal(&place(evidence)).width())
        .filter(|width| *width <= MAX_LOCATION_COLUMN)
        .max()
        .unwrap_or(0);
    let style = Style::new().bold().fg_color(Some(colour(finding.status).into()));
    for evidence in &finding.evidence {
        let location = place(evidence);
        let location = for_terminal(&location);
        let pad = column.saturating_sub(location.width());
        write!(out, "{INDENT}{DIM}│{DIM:#} {BOLD}{location}{BOLD:#}{:pad$}  ", "")?;
        let excerpt = evidence.excerpt.as_ref().filter(|_| matters(finding.status));
        let Some(excerpt) = excerpt else {
            writeln!(out, "{}", for_terminal(&evidence.detail))?;
            continue;
        };
        if !says(excerpt, &evidence.detail) {
            // More than the line is said; the line follows.
            writeln!(out, "{}", for_terminal(&evidence.detail))?;
            write!(out, "{INDENT}{DIM}│{DIM:#} {:1$}  ", "", location.width().saturating_add(pad))?;
        }
        let before = INDENT.len().saturating_add(location.width()).saturating_add(pad);
        let room = layout.width.saturating_sub(before.saturating_add(BESIDE)).max(MIN_LINE);
        let line = Marked::new(excerpt, room);
        let (first, part, last) = (&line.before, &line.part, &line.behind);
        writeln!(out, "{first}{style}{part}{style:#}{last}")?;
        let blank = location.width().saturating_add(pad).saturating_add(line.before.width());
        let sign = "^".repeat(part.width());
        writeln!(out, "{INDENT}{DIM}│{DIM:#} {:blank$}  {style}{sign}{style:#}", "")?;
    }
    Ok(())
}

/// Whether a line says all that the detail says, but for blanks.
pub(super) fn says(excerpt: &Excerpt, detail: &str) -> bool {
    let words = |text: &str| -> String { text.split_whitespace().collect() };
    words(&excerpt.text) == words(detail)
}

/// Columns of the bar and the blanks beside a place.
const BESIDE: usize = 4;

/// Fewest columns in which a file's line is shown, however narrow the terminal.
const MIN_LINE: usize = 40;

/// A file's line, fit for one line of a terminal: what of it has no room is cut where it is farthest
/// from the part that matters.
struct Marked {
    before: String,
    part: String,
    behind: String,
}

impl Marked {
    /// The line in at most `room` columns, unless its marked part alone is wider.
    fn new(excerpt: &Excerpt, room: usize) -> Self {
        let between = |from: usize, to: usize| -> String {
            let chars = excerpt.text.chars().skip(from).take(to.saturating_sub(from));
            // A tab's width would depend on where it stands.
            let text: String = chars.map(|char| if char == '\t' { ' ' } else { char }).collect();
            for_terminal(&text).into_owned()
        };
        let mut line = Self {
            before: between(0, excerpt.start).trim_start().to_owned(),
            part: between(excerpt.start, excerpt.end),
            behind: between(excerpt.end, usize::MAX),
        };
        let room = room.saturating_sub(line.part.width());
        let behind = line.behind.width();
        let before = line.before.width().min(room.saturating_sub(behind.min(room / 2)));
        line.before = cut_start(&line.before, before);
        line.behind = cut_end(&line.behind, room.saturating_sub(before));
        line
    }
}

/// The beginning of a text that fits into `columns`.
fn cut_end(text: &str, columns: usize) -> String {
    if text.width() <= columns {
        return text.to_owned();
    }
    let mut out = String::new();
    for char in text.chars() {
        // One for the sign of what was left out.
        if out.width().saturating_add(char.width().unwrap_or(0)) >= columns {
            break;
        }
        out.push(char);
    }
    out.push('…');
    out
}

/// The end of a text that fits into `columns`.
fn cut_start(text: &str, columns: usize) -> String {
    let reversed: String = text.chars().rev().collect();
    cut_end(&reversed, columns).chars().rev().collect()
}

/// Widest location that others are aligned to.
const MAX_LOCATION_COLUMN: usize = 40;

/// Writes text wrapped to the terminal; its own line breaks stay.
fn paragraph(out: &mut dyn Write, layout: &Settings, indent: &str, text: &str) -> Result<()> {
    for line in text.lines() {
        for wrapped in wrap(&for_terminal(line), layout.width, indent, indent) {
            writeln!(out, "{wrapped}")?;
        }
    }
    Ok(())
}

/// Lines of at most `width` columns, broken at blanks and, in Chinese, between characters; never
/// inside a path or a command's word.
pub(crate) fn wrap<'a>(
    text: &'a str,
    width: usize,
    first: &'a str,
    next: &'a str,
) -> Vec<Cow<'a, str>> {
    let options = textwrap::Options::new(width)
        .initial_indent(first)
        .subsequent_indent(next)
        .break_words(false)
        .wrap_algorithm(textwrap::WrapAlgorithm::FirstFit)
        .word_separator(textwrap::WordSeparator::Custom(words))
        .word_splitter(textwrap::WordSplitter::NoHyphenation);
    textwrap::wrap(text, options)
}

/// Words at blanks, and within them the places where Unicode's line breaking (UAX #14) allows a break
/// beside a character that is not ASCII: it would also break behind the `/` and `-` of a path.
fn words(line: &str) -> Box<dyn Iterator<Item = textwrap::core::Word<'_>> + '_> {
    let breaks = textwrap::WordSeparator::UnicodeBreakProperties;
    let is_ascii = |char: Option<char>| char.is_some_and(|char| char.is_ascii());
    Box::new(line.split_inclusive(' ').flat_map(move |word| {
        let mut cuts = vec![0];
        let mut at = 0_usize;
        for piece in breaks.find_words(word) {
            let (before, behind) = word.split_at_checked(at).unwrap_or((word, ""));
            if !(is_ascii(before.chars().next_back()) && is_ascii(behind.chars().next())) {
                cuts.push(at);
            }
            at = at.saturating_add(piece.word.len()).saturating_add(piece.whitespace.len());
        }
        cuts.push(word.len());
        cuts.into_iter()
            .scan(0, |start, end| Some(std::mem::replace(start, end)..end))
            .filter_map(|range| word.get(range))
            .filter(|piece| !piece.is_empty())
            .map(textwrap::core::Word::from)
            .collect::<Vec<_>>()
    }))
}

fn ids(report: &ImageReport, status: Status, layout: &Settings, out: &mut dyn Write) -> Result<()> {
    let found: Vec<&str> = report
        .findings
        .iter()
        .filter(|finding| finding.status == status)
        .map(|finding| finding.rule.as_str())
        .collect();
    if found.is_empty() {
        return Ok(());
    }
    let words = words::counted(status).get(layout.lang);
    let text = match layout.lang {
        Lang::En => format!("{} {words}: {}", found.len(), found.join(", ")),
        Lang::ZhCn => format!("{} 项{words}：{}", found.len(), found.join(", ")),
    };
    for line in wrap(&text, layout.width, "", "  ") {
        writeln!(out, "{line}")?;
    }
    Ok(())
}

fn checklist(report: &ImageReport, layout: &Settings, out: &mut dyn Write) -> Result<()> {
    let lang = layout.lang;
    let manual: Vec<&Finding> =
        report.findings.iter().filter(|finding| finding.status == Status::Manual).collect();
    if manual.is_empty() {
        return Ok(());
    }
    let words = words::counted(Status::Manual).get(lang);
    match lang {
        Lang::En => writeln!(out, "{} {words}:", manual.len())?,
        Lang::ZhCn => writeln!(out, "{} 项{words}：", manual.len())?,
    }
    for finding in manual {
        let title = about(&finding.rule).map_or("", |rule| rule.doc.title.get(lang));
        let text = format!("{}: {title}", finding.rule);
        for line in wrap(&text, layout.width, "  ☐ ", "    ") {
            writeln!(out, "{line}")?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::{GuestSummary, ImageSummary};
    use crate::rules::{Context, Profile, Text};

    #[test]
    fn paths_and_words_of_commands_are_never_broken() {
        let path = "/boot/initrd.img-6.1.0-56-amd64";
        let text = format!("see {path} now");
        assert_eq!(wrap(&text, 20, "", "  "), ["see", &format!("  {path}"), "  now"]);
        let text = format!("引导配置中的{path}不存在，请修复。");
        let lines = wrap(&text, 20, "", "");
        assert!(lines.iter().any(|line| line.contains(path)), "{lines:?}");
        assert!(lines.iter().all(|line| line.width() <= 20 || line.contains(path)), "{lines:?}");
        assert!(lines.iter().all(|line| !line.starts_with(['，', '。'])), "{lines:?}");
    }

    fn finding(rule: &str, level: Level, status: Status) -> Finding {
        let both = |text: &str| Text { en: text.to_owned(), zh: text.to_owned() };
        Finding {
            rule: rule.to_owned(),
            level,
            status,
            message: both("Something was seen."),
            evidence: Vec::new(),
            remedy: Some(both("first --with a --long line && second --part of the --same command")),
            predicts: Vec::new(),
            repaired_by_platform: false,
            source: String::new(),
            waived: None,
        }
    }

    fn written(verdict: Verdict, findings: Vec<Finding>, detail: Detail, width: usize) -> String {
        let report = ImageReport {
            image: ImageSummary::default(),
            guest: GuestSummary::default(),
            disk: None,
            verdict,
            findings,
            error: None,
        };
        let mut out = Vec::new();
        let context = Context::new(Profile::ImsClassic, 0);
        let settings = Settings { context, lang: Lang::En, detail, width, fail_on_warn: false };
        write(&report, &settings, &mut out).expect("written to memory");
        anstream::adapter::strip_str(&String::from_utf8(out).expect("text")).to_string()
    }

    #[test]
    fn a_command_is_never_broken_however_narrow_the_terminal() {
        let findings = vec![finding("fstab-uuid", Level::Required, Status::Fail)];
        let out = written(Verdict::Fail, findings, Detail::Normal, 40);
        let line = "    fix, in the guest: first --with a --long line && second --part of the --same command\n";
        assert!(out.contains(line), "{out}");
    }

    #[test]
    fn a_sentence_is_wrapped_as_all_else() {
        let mut found = finding("os-supported", Level::Required, Status::Fail);
        let remedy = "Look for the nearest value in the list and register with it.";
        found.remedy = Some(Text { en: remedy.to_owned(), zh: String::new() });
        let out = written(Verdict::Fail, vec![found], Detail::Normal, 40);
        let lines = "    fix: Look for the nearest value in\n    the list and register with it.\n";
        assert!(out.contains(lines), "{out}");
    }

    #[test]
    fn the_first_line_tells_what_was_waived_and_what_fails_by_warnings() {
        let warn = finding("grub-timeout", Level::Recommended, Status::Warn);
        let waived = finding("fstab-uuid", Level::Required, Status::Waived);
        let both = vec![warn.clone(), waived];
        let out = written(Verdict::Pass, both.clone(), Detail::Normal, 80);
        assert!(out.starts_with("PASS : 1 to be looked at, 1 waived\n"), "{out}");
        let report =
            |findings| ImageReport { findings, ..ImageReport::error("".as_ref(), String::new()) };
        assert_eq!(
            words::headline(&report(both), true, Lang::En),
            "1 to be looked at, which fails (--fail-on warn), 1 waived"
        );
        let fail = finding("fstab-uuid", Level::Required, Status::Fail);
        let failed = report(vec![fail, warn]);
        assert_eq!(words::headline(&failed, true, Lang::ZhCn), "1 项不满足，1 项需要留意");
    }

    #[test]
    fn several_findings_of_one_reason_have_one_repair() {
        let unread = |rule| finding(rule, Level::Required, Status::Unverified);
        let findings = vec![unread("arch-match"), unread("fstab-uuid")];
        let out = written(Verdict::Inconclusive, findings, Detail::Normal, 80);
        assert_eq!(out.matches("fix: first --with").count(), 1, "{out}");
    }

    #[test]
    fn the_short_form_names_what_made_the_verdict() {
        let warn = finding("grub-timeout", Level::Recommended, Status::Warn);
        let fail = finding("fstab-uuid", Level::Required, Status::Fail);
        let out = written(Verdict::Fail, vec![warn.clone()], Detail::Short, 80);
        assert!(out.ends_with(" grub-timeout\n"), "--fail-on warn: {out}");
        let out = written(Verdict::Fail, vec![warn, fail], Detail::Short, 80);
        assert!(out.ends_with(" fstab-uuid\n") && !out.contains("timeout"), "{out}");
        let unread = |rule, level| finding(rule, level, Status::Unverified);
        let findings =
            vec![unread("arch-match", Level::Recommended), unread("fstab-uuid", Level::Required)];
        let out = written(Verdict::Inconclusive, findings, Detail::Short, 80);
        assert!(out.ends_with(" fstab-uuid\n") && !out.contains("arch"), "{out}");
    }

    #[test]
    fn the_part_that_matters_is_underlined_in_its_columns() {
        let mut found = finding("fstab-uuid", Level::Required, Status::Fail);
        let line = "标签=数据 /data ext4";
        found.evidence =
            vec![crate::fact::Evidence::new("/etc/fstab:2", line).marked(2, line, 7..13)];
        let out = written(Verdict::Fail, vec![found], Detail::Normal, 80);
        let expected = "    │ /etc/fstab:2  标签=数据 /data ext4\n    │                    ^^^^\n";
        assert!(out.contains(expected), "{out}");
    }

    #[test]
    fn a_long_line_is_cut_far_from_the_part_that_matters() {
        let text = format!("{}BAD{}", "a".repeat(300), "b".repeat(300));
        let excerpt = Excerpt::new(1, &text, 300..303).unwrap();
        let line = Marked::new(&excerpt, 43);
        assert_eq!(line.part, "BAD");
        assert_eq!(line.before, format!("…{}", "a".repeat(19)));
        assert_eq!(line.behind, format!("{}…", "b".repeat(19)));
        let line = Marked::new(&Excerpt::new(1, "\tx\x1b = \u{202e}1", 0..0).unwrap(), 40);
        assert_eq!((line.before.as_str(), line.part.as_str()), ("", "x\\u{1b} = \\u{202e}1"));
    }
}
