//! One self-contained HTML file: verdict, findings, a picture of the disk to scale.
//!
//! It needs no script, loads nothing, and says so to the browser: its Content Security Policy allows
//! one style sheet, by its digest, and nothing else. Every word goes through the template's escaping,
//! after control and bidirectional characters were made visible.

use std::io::{Result, Write};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use maud::{DOCTYPE, Markup, PreEscaped, html};
use sha2::{Digest, Sha256};

use super::escape::{self, for_terminal};
use super::human::says;
use super::json::TOOL;
use super::layout::{DiskLayout, DiskPart};
use super::words::{self, BY_PLATFORM, bytes};
use super::{ImageReport, ReportWriter, Settings, Verdict};
use crate::disk::facts::PartitionRole;
use crate::fact::Evidence;
use crate::rules::finding::Finding;
use crate::rules::{Fixed, Lang, Status, about};

const STYLE: &str = include_str!("html.css");

/// Width of the picture, in its own units.
const PICTURE: u128 = 10_000;

/// Heights of the picture's rows.
const ROW: u32 = 500;

/// Most parts that are drawn and listed; a table can have as many as it likes.
const MAX_PARTS: usize = 128;

/// The HTML report.
pub(super) struct Html {
    settings: Settings,
    /// Of each image what the table of several says.
    images: Vec<(Verdict, String, String)>,
}

impl Html {
    pub(super) fn new(settings: Settings) -> Self {
        Self { settings, images: Vec::new() }
    }

    fn say(&self, en: &'static str, zh: &'static str) -> &'static str {
        Fixed { en, zh }.get(self.settings.lang)
    }

    fn image_section(&self, report: &ImageReport) -> Markup {
        let lang = self.settings.lang;
        let path = for_terminal(&report.image.path);
        let number = self.images.len();
        let told: Vec<_> = IN_FULL.into_iter().flat_map(|status| report.together(status)).collect();
        html! {
            section.image id=(format!("image-{number}")) {
                h2 { (badge(report.verdict, lang)) " " span.mono { (path) } }
                @if let Some(error) = &report.error {
                    p { (for_terminal(&words::said(error, lang))) }
                } @else {
                    p.soft { (words::facts(&self.settings.context, report, lang).join(" · ")) }
                    p { (words::counts(report, &ALL, lang)) }
                }
                @if let Some(disk) = &report.disk { (self.picture(disk)) }
                @if !told.is_empty() {
                    h3 { (self.say("What was found", "检查结果")) }
                    table.findings {
                        thead { tr {
                            th { (self.say("Status", "状态")) }
                            th { (self.say("Rule", "规则")) }
                            th { (self.say("Finding", "说明")) }
                        } }
                        tbody { @for alike in told {
                            @match alike[..] {
                                [finding] => (self.row(&finding.in_language(lang))),
                                _ => (self.summed_up(&alike)),
                            }
                        } }
                    }
                }
                @for status in [Status::Manual, Status::Waived, Status::Pass, Status::NotApplicable] {
                    @if report.count(status) > 0 { (list(report, status, lang)) }
                }
            }
        }
    }

    /// Several findings that could not be verified for one reason.
    fn summed_up(&self, findings: &[&Finding]) -> Markup {
        let lang = self.settings.lang;
        let Some(first) = findings.first().map(|first| first.in_language(lang)) else {
            return html! {};
        };
        html! {
            tr {
                td { span class=(format!("badge {}", class(first.status))) {
                    (words::status(first.status).get(lang))
                } }
                td.rule {}
                td {
                    (words::for_one_reason(findings.len(), lang))
                    ul.seen { @for seen in &first.evidence { li { (evidence(seen, lang)) } } }
                    @if let Some(remedy) = words::shared_remedy(findings) {
                        dl { dt { (fix(&first.rule, remedy.get(lang), lang)) } dd { (repair(remedy.get(lang))) } }
                    }
                    p.rules { @for finding in findings { code { (finding.rule) } " " } }
                }
            }
        }
    }

    fn row(&self, finding: &Finding<String>) -> Markup {
        let lang = self.settings.lang;
        let matters = matches!(finding.status, Status::Fail | Status::Warn | Status::Unverified);
        let why = about(&finding.rule)
            .filter(|_| matters && finding.status != Status::Unverified)
            .map(|rule| rule.doc.why.get(lang));
        html! {
            tr {
                td { span class=(format!("badge {}", class(finding.status))) {
                    (words::status(finding.status).get(lang))
                } }
                td.rule { code { (finding.rule) } }
                td {
                    (for_terminal(&finding.message))
                    @if !finding.evidence.is_empty() {
                        ul.seen { @for seen in &finding.evidence { li { (evidence(seen, lang)) } } }
                    }
                    dl {
                        @if let Some(why) = why {
                            dt { (self.say("Why", "原因")) } dd { (lines(why)) }
                        }
                        @if let Some(remedy) = finding.remedy.as_ref().filter(|_| matters) {
                            dt { (fix(&finding.rule, remedy, lang)) } dd { (repair(remedy)) }
                        }
                        @if finding.status == Status::Fail && !finding.predicts.is_empty() {
                            dt { (self.say("Code", "错误码")) }
                            dd { (words::predicted(&finding.predicts, lang)) }
                        }
                        @if matters && finding.repaired_by_platform {
                            dt { (self.say("Platform", "平台")) } dd { (BY_PLATFORM.get(lang)) }
                        }
                        dt { (self.say("Source", "出处")) } dd.soft { (finding.source) }
                    }
                }
            }
        }
    }

    /// The disk from its first byte to its last, to scale; below it what lies inside of partitions,
    /// whose places are not told, at the same scale; then the same in numbers.
    fn picture(&self, disk: &DiskLayout) -> Markup {
        let rows: u32 = if disk.inside.is_empty() { 1 } else { 2 };
        let height = ROW.saturating_mul(rows).saturating_add(100);
        let title = format!("{}: {}", self.say("Disk", "磁盘"), bytes(disk.size));
        let mut at = 0_u64;
        let inside: Vec<(u64, &DiskPart)> = disk
            .inside
            .iter()
            .take(MAX_PARTS)
            .map(|part| {
                let start = at;
                at = at.saturating_add(part.size);
                (start, part)
            })
            .collect();
        let outside = disk.partitions.iter().take(MAX_PARTS);
        let all: Vec<&DiskPart> =
            outside.clone().chain(disk.inside.iter().take(MAX_PARTS)).collect();
        let first_inside = disk.partitions.len().min(MAX_PARTS);
        html! {
            h3 { (self.say("Disk layout", "磁盘布局")) }
            figure {
                svg class=[(rows > 1).then_some("two")] role="img"
                    viewBox=(format!("0 0 {PICTURE} {height}"))
                    preserveAspectRatio="none" aria-label=(title) {
                    title { (title) }
                    rect.free x="0" y="0" width=(PICTURE) height=(ROW) {}
                    @for (index, part) in outside.enumerate() {
                        (block(index, part, part.start.unwrap_or(0), 0, disk.size, self.settings.lang))
                    }
                    @for (index, (start, part)) in inside.iter().enumerate() {
                        (block(first_inside.saturating_add(index), part, *start,
                            ROW.saturating_add(100), disk.size, self.settings.lang))
                    }
                }
                figcaption {
                    table.parts {
                        thead { tr {
                            th { (title) }
                            th.number.wide { (self.say("First byte", "起始字节")) }
                            th.number { (self.say("Size", "大小")) }
                            th { (self.say("Content", "内容")) }
                            th { (self.say("Mounted at", "挂载点")) }
                        } }
                        tbody { @for (index, part) in all.iter().enumerate() { tr {
                            td {
                                span.key { svg viewBox="0 0 1 1" aria-hidden="true" {
                                    rect class=(colour(index)) width="1" height="1" {}
                                } }
                                " " (for_terminal(&words::said(&part.name, self.settings.lang)))
                            }
                            td.number.wide { @if let Some(start) = part.start { (start) } }
                            td.number { (bytes(part.size)) }
                            td { (content(part, self.settings.lang)) }
                            td.mono { (for_terminal(&part.mounts.join(", "))) }
                        } } }
                    }
                }
            }
        }
    }

    fn table_of_images(&self) -> Markup {
        let lang = self.settings.lang;
        html! {
            nav {
                table {
                    thead { tr {
                        th { (self.say("Verdict", "结论")) }
                        th { (self.say("Image", "镜像")) }
                        th { (self.say("Findings", "检查结果")) }
                    } }
                    tbody { @for (index, (verdict, path, counts)) in self.images.iter().enumerate() {
                        tr {
                            td { (badge(*verdict, lang)) }
                            td.rule { a href=(format!("#image-{index}")) { (for_terminal(path)) } }
                            td { (counts) }
                        }
                    } }
                }
            }
        }
    }
}

/// What is told in full.
const IN_FULL: [Status; 4] = [Status::Fail, Status::Unverified, Status::Warn, Status::Info];

/// What is counted.
const ALL: [Status; 8] = [
    Status::Fail,
    Status::Unverified,
    Status::Warn,
    Status::Info,
    Status::Manual,
    Status::Waived,
    Status::Pass,
    Status::NotApplicable,
];

impl ReportWriter for Html {
    fn begin(&mut self, out: &mut dyn Write) -> Result<()> {
        let digest = STANDARD.encode(Sha256::digest(STYLE));
        let policy = format!(
            "default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
        );
        let lang = self.settings.lang;
        let title = self.say("image-preflight report", "image-preflight检查报告");
        let head = html! {
            head {
                meta charset="utf-8";
                meta http-equiv="Content-Security-Policy" content=(policy);
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="referrer" content="no-referrer";
                title { (title) }
                style { (PreEscaped(STYLE)) }
            }
        };
        write!(out, "{}<html lang=\"{}\">{}", DOCTYPE.0, lang.name(), head.0)?;
        let profile = self.settings.context.profile_name();
        let header = html! {
            header {
                h1 { (title) }
                p.soft { (TOOL.name) " " (TOOL.version) " · " (self.say("profile", "规则集")) " " (profile) }
            }
        };
        writeln!(out, "<body>{}", header.0)
    }

    fn image(&mut self, report: &ImageReport, out: &mut dyn Write) -> Result<()> {
        writeln!(out, "{}", self.image_section(report).0)?;
        let counts = words::headline(report, self.settings.fail_on_warn, self.settings.lang);
        self.images.push((report.verdict, report.image.path.clone(), counts));
        Ok(())
    }

    fn end(&mut self, out: &mut dyn Write) -> Result<()> {
        // Known only now, shown at the top by the style sheet.
        if self.images.len() > 1 {
            writeln!(out, "{}", self.table_of_images().0)?;
        }
        writeln!(out, "</body></html>")
    }
}

fn badge(verdict: Verdict, lang: Lang) -> Markup {
    let class = match verdict {
        Verdict::Pass => "badge pass",
        Verdict::Fail => "badge fail",
        Verdict::Inconclusive => "badge inconclusive",
        Verdict::Error => "badge error",
    };
    html! { span class=(class) { (words::verdict(verdict).get(lang)) } }
}

fn class(status: Status) -> &'static str {
    match status {
        Status::Fail => "fail",
        Status::Unverified => "unverified",
        Status::Warn => "warn",
        Status::Manual => "manual",
        Status::Info => "info",
        Status::Pass => "pass",
        Status::NotApplicable => "not-applicable",
        Status::Waived => "waived",
    }
}

/// Findings of which nothing is to be said but that they are so.
fn list(report: &ImageReport, status: Status, lang: Lang) -> Markup {
    let open = status == Status::Manual;
    html! {
        details open[open] {
            summary { (words::counts(report, &[status], lang)) }
            ul { @for finding in report.findings.iter().filter(|found| found.status == status) {
                li {
                    code { (finding.rule) } " "
                    @if let Some(rule) = about(&finding.rule) { (rule.doc.title.get(lang)) }
                }
            } }
        }
    }
}

/// What was seen: the line with its part marked, or the value.
fn evidence(seen: &Evidence, lang: Lang) -> Markup {
    let excerpt = seen.excerpt.as_ref().map(|excerpt| {
        let part = |from: usize, to: usize| -> String {
            excerpt.text.chars().skip(from).take(to.saturating_sub(from)).collect()
        };
        let (start, end) = (excerpt.start, excerpt.end);
        (part(0, start), part(start, end), part(end, usize::MAX))
    });
    let said = seen.excerpt.as_ref().is_none_or(|excerpt| !says(excerpt, &seen.detail));
    html! {
        span.mono { (for_terminal(&words::said(&seen.location, lang))) }
        @if said { ": " span.mono { (for_terminal(&seen.detail)) } }
        @if let Some((before, marked, behind)) = excerpt {
            pre { (for_terminal(&before)) mark { (for_terminal(&marked)) } (for_terminal(&behind)) }
        }
    }
}

/// What is said beside a repair.
fn fix(rule: &str, remedy: &str, lang: Lang) -> String {
    let head = words::fix(rule, remedy).get(lang).trim_end_matches([':', '：', ' ']);
    let mut chars = head.chars();
    chars.next().into_iter().flat_map(char::to_uppercase).chain(chars).collect()
}

/// A repair: its commands look as if they were to be copied, its sentences do not.
fn repair(remedy: &str) -> Markup {
    html! {
        @for (is_command, part) in words::parts(remedy) {
            @if is_command { pre { (lines(&part)) } } @else { p { (lines(&part)) } }
        }
    }
}

/// Text whose line breaks stay.
fn lines(text: &str) -> Markup {
    html! {
        @for (index, line) in escape::lines(text).enumerate() {
            @if index > 0 { br; }
            (line)
        }
    }
}

fn colour(index: usize) -> &'static str {
    match index.checked_rem(4) {
        Some(0) => "k0",
        Some(1) => "k1",
        Some(2) => "k2",
        _ => "k3",
    }
}

fn block(index: usize, part: &DiskPart, start: u64, y: u32, disk: u64, lang: Lang) -> Markup {
    let scaled = |bytes: u64| {
        u128::from(bytes).saturating_mul(PICTURE).checked_div(u128::from(disk)).unwrap_or(0)
    };
    let x = scaled(start).min(PICTURE);
    let end = scaled(start.saturating_add(part.size)).min(PICTURE);
    html! {
        rect class=(colour(index)) x=(x) y=(y) width=(end.saturating_sub(x)) height=(ROW) {
            title { (for_terminal(&words::said(&part.name, lang))) " · " (bytes(part.size)) " · " (content(part, lang)) }
        }
    }
}

fn content(part: &DiskPart, lang: Lang) -> String {
    match (&part.content, part.role) {
        (Some(content), _) => for_terminal(content).into_owned(),
        (None, Some(role)) => match (lang, role_in_chinese(role)) {
            (Lang::ZhCn, Some(words)) => words.to_owned(),
            // As the JSON report spells it.
            _ => {
                let name = serde_json::to_value(role).ok();
                name.and_then(|name| Some(name.as_str()?.to_owned())).unwrap_or_default()
            }
        },
        (None, None) => String::new(),
    }
}

/// What a partition is for; `None` where the name is the same in both languages.
fn role_in_chinese(role: PartitionRole) -> Option<&'static str> {
    Some(match role {
        PartitionRole::Esp => "EFI系统分区",
        PartitionRole::BiosBoot => "BIOS启动分区",
        PartitionRole::Extended => "扩展分区",
        PartitionRole::LinuxFilesystem => "Linux文件系统",
        PartitionRole::WindowsData => "Windows数据",
        PartitionRole::WindowsRecovery => "Windows恢复环境",
        PartitionRole::MicrosoftReserved => "Microsoft保留分区",
        PartitionRole::Ldm => "Windows动态磁盘",
        PartitionRole::Protective => "保护性MBR项",
        PartitionRole::Other => "其他",
        PartitionRole::Swap | PartitionRole::Lvm | PartitionRole::Raid => return None,
    })
}
