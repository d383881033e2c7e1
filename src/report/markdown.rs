//! GitHub flavoured Markdown, fit for a merge request's comment on GitHub, GitLab and others.
//!
//! Words that may come from the image are either in code spans or have every character escaped that
//! Markdown could take for its own, so that they neither format, link, nor call anybody (`@name`).

use std::io::{Result, Write};

use super::escape::{for_terminal, lines};
use super::words::{self, BY_PLATFORM};
use super::{ImageReport, ReportWriter, Settings, Verdict};
use crate::rules::finding::Finding;
use crate::rules::{Fixed, Lang, Status, about};

/// Most pieces of evidence that are shown of a finding: a comment has an end (65,536 characters on
/// GitHub).
const MAX_EVIDENCE: usize = 10;

/// The Markdown report.
pub(super) struct Markdown {
    settings: Settings,
    is_first: bool,
}

impl Markdown {
    pub(super) fn new(settings: Settings) -> Self {
        Self { settings, is_first: true }
    }

    fn table_row(&self, alike: &[&Finding], out: &mut dyn Write) -> Result<()> {
        let lang = self.settings.lang;
        let Some(first) = alike.first() else { return Ok(()) };
        let (sign, status) = (mark(first.status), words::status(first.status).get(lang));
        let message = text(first.message.get(lang));
        match alike.len() {
            1 => writeln!(out, "| {sign} {status} | {} | {message} |", code(&first.rule)),
            count => {
                let words = words::for_one_reason(count, lang);
                writeln!(out, "| {sign} {status} | | {words} {message} |")
            }
        }
    }

    /// Several findings that could not be verified for one reason.
    fn summed_up(&self, alike: &[&Finding], out: &mut dyn Write) -> Result<()> {
        let lang = self.settings.lang;
        let Some(first) = alike.first().map(|first| first.in_language(lang)) else {
            return Ok(());
        };
        let status = words::status(first.status).get(lang);
        let words = words::for_one_reason(alike.len(), lang);
        writeln!(out, "\n#### {} {status}: {words}\n", mark(first.status))?;
        evidence(&first, lang, out)?;
        if let Some(remedy) = words::shared_remedy(alike) {
            repair(&first.rule, remedy.get(lang), lang, out)?;
        }
        let rules: Vec<_> = alike.iter().map(|finding| code(&finding.rule)).collect();
        writeln!(out, "\n{}", rules.join(", "))
    }

    fn finding(&self, finding: &Finding<String>, out: &mut dyn Write) -> Result<()> {
        let lang = self.settings.lang;
        let status = words::status(finding.status).get(lang);
        writeln!(out, "\n#### {} {status}: {}\n", mark(finding.status), code(&finding.rule))?;
        writeln!(out, "{}\n", text(&finding.message))?;
        evidence(finding, lang, out)?;
        if finding.status != Status::Unverified
            && let Some(rule) = about(&finding.rule)
        {
            writeln!(out, "\n{}{}", words::WHY.get(lang), text(rule.doc.why.get(lang)))?;
        }
        if let Some(remedy) = &finding.remedy {
            repair(&finding.rule, remedy, lang, out)?;
        }
        if !finding.predicts.is_empty() && finding.status == Status::Fail {
            writeln!(out, "\n{}", text(&words::predicted(&finding.predicts, lang)))?;
        }
        if finding.repaired_by_platform {
            writeln!(out, "\n{}", text(BY_PLATFORM.get(lang)))?;
        }
        Ok(())
    }
}

/// What is told of in full, in the order of its weight.
const IN_FULL: [Status; 3] = [Status::Fail, Status::Unverified, Status::Warn];

impl ReportWriter for Markdown {
    fn image(&mut self, report: &ImageReport, out: &mut dyn Write) -> Result<()> {
        let lang = self.settings.lang;
        if !self.is_first {
            writeln!(out)?;
        }
        self.is_first = false;
        let verdict = words::verdict(report.verdict).get(lang);
        let sign = match report.verdict {
            Verdict::Pass => "✅",
            Verdict::Fail | Verdict::Error => "❌",
            Verdict::Inconclusive => "❔",
        };
        writeln!(out, "### {sign} {verdict}: {}\n", code(&report.image.path))?;
        if let Some(error) = &report.error {
            let error = words::said(error, self.settings.lang);
            return writeln!(out, "{}", text(&error));
        }
        let facts: Vec<String> = words::facts(&self.settings.context, report, lang)
            .iter()
            .map(|fact| text(fact))
            .collect();
        writeln!(out, "{}\n", facts.join(" · "))?;
        let told: Vec<_> = IN_FULL.into_iter().flat_map(|status| report.together(status)).collect();
        if !told.is_empty() {
            let heads = Fixed { en: "| | Rule | Found |", zh: "| | 规则 | 检查结果 |" };
            writeln!(out, "{}\n|---|---|---|", heads.get(lang))?;
            for alike in &told {
                self.table_row(alike, out)?;
            }
            let summary = Fixed { en: "Evidence and repair", zh: "依据与修复方法" };
            writeln!(out, "\n<details>\n<summary>{}</summary>", summary.get(lang))?;
            for alike in &told {
                match alike[..] {
                    [finding] => self.finding(&finding.in_language(lang), out)?,
                    _ => self.summed_up(alike, out)?,
                }
            }
            writeln!(out, "\n</details>\n")?;
        }
        let others =
            [Status::Pass, Status::Info, Status::NotApplicable, Status::Waived, Status::Manual];
        writeln!(out, "{}", words::counts(report, &others, lang))
    }
}

fn evidence(finding: &Finding<String>, lang: Lang, out: &mut dyn Write) -> Result<()> {
    for seen in finding.evidence.iter().take(MAX_EVIDENCE) {
        let place = words::said(&seen.location, lang);
        writeln!(out, "- {}: {}", code(&place), code(&seen.detail))?;
    }
    match (finding.evidence.len().saturating_sub(MAX_EVIDENCE), lang) {
        (0, _) => Ok(()),
        (more, Lang::En) => writeln!(out, "- {more} more"),
        (more, Lang::ZhCn) => writeln!(out, "- 另有 {more} 项"),
    }
}

/// A repair: its commands in a block of code, its sentences not.
fn repair(rule: &str, remedy: &str, lang: Lang, out: &mut dyn Write) -> Result<()> {
    let head = words::fix(rule, remedy).get(lang);
    for (index, (is_command, part)) in words::parts(remedy).into_iter().enumerate() {
        match (index, is_command) {
            (0, true) => writeln!(out, "\n{}\n\n{}", head.trim_end(), fenced(&part))?,
            (_, true) => writeln!(out, "\n{}", fenced(&part))?,
            (0, false) => writeln!(out, "\n{head}{}", text_lines(&part))?,
            (_, false) => writeln!(out, "\n{}", text_lines(&part))?,
        }
    }
    Ok(())
}

/// Lines of words, each a line of the result (CommonMark §6.7).
fn text_lines(words: &str) -> String {
    lines(words).map(|line| text(&line)).collect::<Vec<_>>().join("\\\n")
}

fn mark(status: Status) -> &'static str {
    match status {
        Status::Fail => "❌",
        Status::Unverified => "❔",
        Status::Warn => "⚠️",
        _ => "·",
    }
}

/// Words as Markdown shows them as they are: what could format, link, begin a block or a formula is
/// escaped by a backslash (CommonMark §2.4); `<` and `&` are references, in case an older renderer
/// looks for HTML first. `@` stands in a code span, because renderers look for names in the result.
fn text(text: &str) -> String {
    let mut out = String::new();
    let text = for_terminal(text);
    for (at, char) in text.char_indices() {
        let before = text.get(..at).unwrap_or_default();
        let behind = text.get(at..).unwrap_or_default();
        let begins_list = before.len() < 10 && before.chars().all(|char| char.is_ascii_digit());
        let is_address = behind.starts_with("://") || before.ends_with("www");
        match char {
            '<' => out.push_str("&lt;"),
            '&' => out.push_str("&amp;"),
            '@' => out.push_str("`@`"),
            '\\' | '`' | '*' | '_' | '{' | '}' | '[' | ']' | '>' | '#' | '|' | '~' | '$' => {
                out.extend(['\\', char]);
            }
            '-' | '+' | '.' | ')'
                if begins_list && behind.chars().nth(1).is_none_or(char::is_whitespace) =>
            {
                out.extend(['\\', char])
            }
            ':' | '.' if is_address => out.extend(['\\', char]),
            _ => out.push(char),
        }
    }
    out
}

/// A code span: its fence is longer than any run of backticks inside (CommonMark §6.1). Not for a
/// table's cell, where a `|` would end it.
fn code(text: &str) -> String {
    let text = for_terminal(text);
    let fence = "`".repeat(longest_run(&text).saturating_add(1));
    let blank = if text.starts_with('`') || text.ends_with('`') || text.trim().is_empty() {
        " "
    } else {
        ""
    };
    format!("{fence}{blank}{text}{blank}{fence}")
}

/// A fenced code block, its fence longer than any inside (CommonMark §4.5).
fn fenced(text: &str) -> String {
    let fence = "`".repeat(longest_run(text).saturating_add(1).max(3));
    let lines: Vec<_> = lines(text).collect();
    format!("{fence}\n{}\n{fence}", lines.join("\n"))
}

fn longest_run(text: &str) -> usize {
    text.split(|char| char != '`').map(str::len).max().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_an_image_stay_words() {
        let shown =
            text("a|b <img src=x> &lt; [x](http://e) *b* _i_ `c` @all #1 ~~s~~ \\ www.e.org");
        assert_eq!(
            shown,
            "a\\|b &lt;img src=x\\> &amp;lt; \\[x\\](http\\://e) \\*b\\* \\_i\\_ \\`c\\` `@`all \\#1 \\~\\~s\\~\\~ \\\\ www\\.e.org"
        );
        assert_eq!(text("a\nb"), "a\\\\u\\{a\\}b");
        assert_eq!(text("12. x"), "12\\. x");
        assert_eq!(text("- x: 1.5"), "\\- x: 1.5");
    }

    #[test]
    fn a_fence_is_longer_than_what_it_holds() {
        assert_eq!(code("plain"), "`plain`");
        assert_eq!(code("a``b"), "```a``b```");
        assert_eq!(code("`x`"), "`` `x` ``");
        assert_eq!(code(""), "`  `");
        assert_eq!(fenced("a\n```\nb"), "````\na\n```\nb\n````");
        assert_eq!(code("a\u{202e}\x1bb"), "`a\\u{202e}\\u{1b}b`");
    }
}
