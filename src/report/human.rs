//! The report for people: the verdict first, then what is wrong with its place, reason and remedy;
//! what holds in short.

use std::borrow::Cow;
use std::io::{Result, Write};

use anstyle::{AnsiColor, Style};
use unicode_width::UnicodeWidthStr;

use super::escape::for_terminal;
use super::{ImageReport, Verdict};
use crate::rules::finding::Finding;
use crate::rules::{Fixed, Lang, Level, Profile, Status, rule};

/// How much is said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Detail {
    /// The verdict and the ids of what is wrong, on one line.
    Short,
    /// What is wrong in full, what holds by id.
    Normal,
    /// Everything, with the evidence of what holds.
    Full,
}

/// How a report is laid out.
#[derive(Debug, Clone, Copy)]
pub struct Layout {
    /// Language.
    pub lang: Lang,
    /// How much is said.
    pub detail: Detail,
    /// Columns of the terminal.
    pub width: usize,
}

const BOLD: Style = Style::new().bold();
const DIM: Style = Style::new().dimmed();

/// Columns left of a finding's text.
const INDENT: &str = "    ";

/// Statuses that are told in full, in the order of their weight.
const IN_FULL: &[Status] = &[Status::Fail, Status::Unverified, Status::Warn, Status::Info];

/// Writes one image's report.
///
/// # Errors
/// When `out` cannot be written.
pub fn write(
    profile: Profile,
    report: &ImageReport,
    layout: Layout,
    out: &mut dyn Write,
) -> Result<()> {
    headline(report, layout, out)?;
    if layout.detail == Detail::Short {
        return Ok(());
    }
    if let Some(error) = &report.error {
        return paragraph(out, layout, "  ", &for_terminal(error));
    }
    facts_line(profile, report, layout, out)?;
    for status in IN_FULL {
        for alike in together(report, *status) {
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
    for status in [Status::Pass, Status::NotApplicable, Status::Waived] {
        ids(report, status, layout, out)?;
    }
    checklist(report, layout, out)
}

/// The findings of a status; those that could not be verified for one and the same reason together.
fn together(report: &ImageReport, status: Status) -> Vec<Vec<&Finding>> {
    let mut groups: Vec<Vec<&Finding>> = Vec::new();
    for finding in report.findings.iter().filter(|finding| finding.status == status) {
        let alike = groups.iter_mut().find(|group| {
            status == Status::Unverified
                && group.first().is_some_and(|first| first.evidence == finding.evidence)
        });
        match alike {
            Some(group) => group.push(finding),
            None => groups.push(vec![finding]),
        }
    }
    groups
}

/// Several findings that could not be verified for one reason: the reason once, then their ids.
fn summed_up(findings: &[&Finding], layout: Layout, out: &mut dyn Write) -> Result<()> {
    let Some(first) = findings.first() else { return Ok(()) };
    let (colour, status) = label(first.status);
    let style = Style::new().bold().fg_color(Some(colour.into()));
    let count = findings.len();
    let (status, words) = match layout.lang {
        Lang::En => (status.en, format!("{count} rules, all for one reason:")),
        Lang::ZhCn => (status.zh, format!("{count} 项，原因相同：")),
    };
    writeln!(out, "{style}{status}{style:#} {BOLD}{words}{BOLD:#}")?;
    evidence(first, out)?;
    let rules: Vec<&str> = findings.iter().map(|finding| finding.rule.as_str()).collect();
    paragraph(out, layout, INDENT, &rules.join(", "))
}

fn headline(report: &ImageReport, layout: Layout, out: &mut dyn Write) -> Result<()> {
    let lang = layout.lang;
    let (colour, verdict) = match report.verdict {
        Verdict::Pass => (AnsiColor::Green, Fixed { en: "PASS", zh: "通过" }),
        Verdict::Fail => (AnsiColor::Red, Fixed { en: "FAIL", zh: "不通过" }),
        Verdict::Inconclusive => (AnsiColor::Yellow, Fixed { en: "INCONCLUSIVE", zh: "无法判定" }),
        Verdict::Error => (AnsiColor::Red, Fixed { en: "ERROR", zh: "错误" }),
    };
    let style = Style::new().bold().fg_color(Some(colour.into()));
    write!(
        out,
        "{style}{}{style:#} {BOLD}{}{BOLD:#}",
        verdict.get(lang),
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
            write!(out, " {}", for_terminal(error))?;
        }
        return writeln!(out);
    }
    let count = |status| report.count(status);
    let parts: Vec<String> = [Status::Fail, Status::Unverified, Status::Warn]
        .into_iter()
        .filter(|status| count(*status) > 0)
        .map(|status| match lang {
            Lang::En => format!("{} {}", count(status), in_words(status).en),
            Lang::ZhCn => format!("{} 项{}", count(status), in_words(status).zh),
        })
        .collect();
    if !parts.is_empty() {
        let comma = if lang == Lang::ZhCn { "，" } else { ", " };
        write!(out, ": {}", parts.join(comma))?;
    }
    writeln!(out)
}

fn in_words(status: Status) -> Fixed {
    match status {
        Status::Fail => Fixed { en: "broken", zh: "不满足" },
        Status::Unverified => Fixed { en: "unverified", zh: "无法验证" },
        Status::Warn => Fixed { en: "to be looked at", zh: "需要留意" },
        Status::Manual => Fixed { en: "to be checked by hand", zh: "需人工确认" },
        Status::Info => Fixed { en: "to know", zh: "提示" },
        Status::Pass => Fixed { en: "passed", zh: "已满足" },
        Status::NotApplicable => Fixed { en: "not applicable", zh: "不适用" },
        Status::Waived => Fixed { en: "waived", zh: "已豁免" },
    }
}

fn label(status: Status) -> (AnsiColor, Fixed) {
    match status {
        Status::Fail => (AnsiColor::Red, Fixed { en: "fail", zh: "不满足" }),
        Status::Unverified => (AnsiColor::Yellow, Fixed { en: "unverified", zh: "无法验证" }),
        Status::Warn => (AnsiColor::Yellow, Fixed { en: "warn", zh: "警告" }),
        Status::Info => (AnsiColor::Cyan, Fixed { en: "info", zh: "提示" }),
        Status::Pass => (AnsiColor::Green, Fixed { en: "pass", zh: "满足" }),
        Status::Manual => (AnsiColor::Blue, Fixed { en: "manual", zh: "人工" }),
        Status::NotApplicable => (AnsiColor::BrightBlack, Fixed { en: "n/a", zh: "不适用" }),
        Status::Waived => (AnsiColor::BrightBlack, Fixed { en: "waived", zh: "豁免" }),
    }
}

fn facts_line(
    profile: Profile,
    report: &ImageReport,
    layout: Layout,
    out: &mut dyn Write,
) -> Result<()> {
    let zh = layout.lang == Lang::ZhCn;
    let mut parts = Vec::new();
    if let Some(format) = &report.image.format {
        parts.push(format.clone());
    }
    if let Some(size) = report.image.virtual_size {
        let size = bytes(size);
        parts.push(if zh { format!("磁盘 {size}") } else { format!("{size} disk") });
    }
    if let Some(size) = report.image.file_size {
        let size = bytes(size);
        parts.push(if zh { format!("文件 {size}") } else { format!("{size} file") });
    }
    let guest = &report.guest;
    let name = guest.name.as_deref().or(guest.os.as_deref());
    parts.extend(name.map(|name| for_terminal(name).into_owned()));
    parts.extend(guest.arch.clone());
    parts.extend(guest.firmware.as_deref().map(str::to_uppercase));
    let name = profile.name();
    parts.push(if zh { format!("规则集 {name}") } else { format!("profile {name}") });
    writeln!(out, "{DIM}{}{DIM:#}", parts.join(" · "))
}

/// A size as people say it, in binary units with at most one decimal.
fn bytes(size: u64) -> String {
    const UNITS: &[&str] = &["bytes", "KiB", "MiB", "GiB", "TiB", "PiB"];
    let mut unit = 0_usize;
    let mut tenths = u128::from(size).saturating_mul(10);
    while tenths >= 10_240 && unit.saturating_add(1) < UNITS.len() {
        tenths = tenths.saturating_add(512).checked_div(1024).unwrap_or(0);
        unit = unit.saturating_add(1);
    }
    let name = UNITS.get(unit).copied().unwrap_or_default();
    let (whole, tenth) = (tenths.checked_div(10), tenths.checked_rem(10));
    match (unit, whole, tenth) {
        (0, ..) | (_, _, Some(0)) => format!("{} {name}", whole.unwrap_or(0)),
        _ => format!("{}.{} {name}", whole.unwrap_or(0), tenth.unwrap_or(0)),
    }
}

fn in_full(finding: &Finding, layout: Layout, out: &mut dyn Write) -> Result<()> {
    let lang = layout.lang;
    let (colour, status) = label(finding.status);
    let style = Style::new().bold().fg_color(Some(colour.into()));
    writeln!(out, "{style}{}{style:#} {BOLD}{}{BOLD:#}", status.get(lang), finding.rule)?;
    paragraph(out, layout, INDENT, &for_terminal(finding.message.get(lang)))?;
    evidence(finding, out)?;
    if !matches!(finding.status, Status::Fail | Status::Warn | Status::Unverified) {
        return Ok(());
    }
    if finding.status != Status::Unverified
        && let Some(rule) = rule(&finding.rule)
    {
        let why = if lang == Lang::ZhCn { "原因：" } else { "why: " };
        paragraph(out, layout, INDENT, &format!("{why}{}", rule.doc().why.get(lang)))?;
    }
    if let Some(remedy) = &finding.remedy {
        // Not wrapped: a command is to be copied whole.
        let how = if lang == Lang::ZhCn { "修复：" } else { "fix: " };
        for line in format!("{how}{}", remedy.get(lang)).lines() {
            writeln!(out, "{INDENT}{}", for_terminal(line))?;
        }
    }
    if !finding.predicts.is_empty() && finding.status == Status::Fail {
        let codes = finding.predicts.join(", ");
        let words = match lang {
            Lang::En => format!("the cloud's error would be {codes}"),
            Lang::ZhCn => format!("上云时对应的错误码：{codes}"),
        };
        paragraph(out, layout, INDENT, &words)?;
    }
    if finding.repaired_by_platform {
        let words = match lang {
            Lang::En => "the platform repairs this itself when the request sets is_config",
            Lang::ZhCn => "请求中设置 is_config 为 true 时，平台会自动修复此项",
        };
        paragraph(out, layout, INDENT, words)?;
    }
    Ok(())
}

/// What was seen, a line each, the places in a column of their own.
fn evidence(finding: &Finding, out: &mut dyn Write) -> Result<()> {
    let column = finding
        .evidence
        .iter()
        .map(|evidence| for_terminal(&evidence.location).width())
        .filter(|width| *width <= MAX_LOCATION_COLUMN)
        .max()
        .unwrap_or(0);
    for evidence in &finding.evidence {
        let location = for_terminal(&evidence.location);
        let pad = column.saturating_sub(location.width());
        writeln!(
            out,
            "{INDENT}{DIM}│{DIM:#} {BOLD}{location}{BOLD:#}{:pad$}  {}",
            "",
            for_terminal(&evidence.detail)
        )?;
    }
    Ok(())
}

/// Widest location that others are aligned to.
const MAX_LOCATION_COLUMN: usize = 40;

/// Writes text wrapped to the terminal; its own line breaks stay.
fn paragraph(out: &mut dyn Write, layout: Layout, indent: &str, text: &str) -> Result<()> {
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

fn ids(report: &ImageReport, status: Status, layout: Layout, out: &mut dyn Write) -> Result<()> {
    let found: Vec<&str> = report
        .findings
        .iter()
        .filter(|finding| finding.status == status)
        .map(|finding| finding.rule.as_str())
        .collect();
    if found.is_empty() {
        return Ok(());
    }
    let words = in_words(status).get(layout.lang);
    let text = match layout.lang {
        Lang::En => format!("{} {words}: {}", found.len(), found.join(", ")),
        Lang::ZhCn => format!("{} 项{words}：{}", found.len(), found.join(", ")),
    };
    for line in wrap(&text, layout.width, "", "  ") {
        writeln!(out, "{line}")?;
    }
    Ok(())
}

fn checklist(report: &ImageReport, layout: Layout, out: &mut dyn Write) -> Result<()> {
    let lang = layout.lang;
    let manual: Vec<&Finding> =
        report.findings.iter().filter(|finding| finding.status == Status::Manual).collect();
    if manual.is_empty() {
        return Ok(());
    }
    let words = in_words(Status::Manual).get(lang);
    match lang {
        Lang::En => writeln!(out, "{} {words}:", manual.len())?,
        Lang::ZhCn => writeln!(out, "{} 项{words}：", manual.len())?,
    }
    for finding in manual {
        let title = rule(&finding.rule).map_or("", |rule| rule.doc().title.get(lang));
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
    use crate::rules::Text;

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

    #[test]
    fn sizes_are_said_in_binary_units() {
        for (size, words) in [
            (0, "0 bytes"),
            (1023, "1023 bytes"),
            (1 << 20, "1 MiB"),
            (40 << 30, "40 GiB"),
            ((40 << 30) + (512 << 20), "40.5 GiB"),
            (u64::MAX, "16384 PiB"),
        ] {
            assert_eq!(bytes(size), words);
        }
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
            verdict,
            findings,
            error: None,
        };
        let mut out = Vec::new();
        let layout = Layout { lang: Lang::En, detail, width };
        write(Profile::ImsClassic, &report, layout, &mut out).expect("written to memory");
        String::from_utf8(out).expect("text")
    }

    #[test]
    fn a_command_is_never_broken_however_narrow_the_terminal() {
        let findings = vec![finding("fstab-uuid", Level::Required, Status::Fail)];
        let out = written(Verdict::Fail, findings, Detail::Normal, 40);
        let line = "    fix: first --with a --long line && second --part of the --same command\n";
        assert!(out.contains(line), "{out}");
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
}
