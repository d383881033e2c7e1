//! SARIF 2.1.0 (OASIS, "Static Analysis Results Interchange Format"), for code scanning and viewers.
//!
//! **Which findings are results.** A result's `kind` (§3.27.9) could say of each rule that it passed,
//! does not apply, or waits for somebody's review. GitHub's code scanning does not look at `kind`:
//! whatever is a result becomes an alert. So only what asks for something to be done is one:
//!
//! | finding | `kind` | `level` (§3.27.10) |
//! |---|---|---|
//! | `fail` | `fail` | `error` |
//! | `warn` | `fail` | `warning`; `error` with `--fail-on warn` |
//! | `unverified` | `open`: too little was known to decide | `none`, as any `kind` but `fail` asks for |
//! | `waived` | `fail`, with a suppression (§3.35) | by its rule |
//!
//! How many rules passed, do not apply or are left to people stands in the run's properties, image by
//! image, so that the absence of a result is not taken for a check that was never made. An image that
//! could not be checked is a notification of the invocation, which then was not successful.
//!
//! **Where.** The physical location is the image, at line 1 because GitHub refuses a result without
//! a line; the guest's files, registry keys and structures are logical locations (§3.33).

use std::collections::BTreeMap;
use std::io::{Result, Write};

use serde_json::{Value as Json, json};

use super::array::Array;
use super::escape::for_terminal;
use super::json::{Summary, TOOL, pretty};
use super::words;
use super::{ImageReport, ReportWriter, Settings, fingerprint};
use crate::rules::finding::Finding;
use crate::rules::{About, Level, Status, about, about_all};

const SCHEMA: &str =
    "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json";

/// Most pieces of evidence in a result's message; all of them are related locations.
const MAX_IN_MESSAGE: usize = 8;

/// The SARIF log.
pub(super) struct Sarif {
    settings: Settings,
    results: Array,
    /// The rules that the tool has, in the order by which results name them, with their levels: those
    /// of the profile, and what reports that were read bring besides.
    rules: Vec<(String, Level)>,
    /// Where each of them stands.
    indices: BTreeMap<String, usize>,
    /// What the end says of each image.
    images: Vec<Json>,
    /// The images that could not be checked.
    notifications: Vec<Json>,
}

impl Sarif {
    pub(super) fn new(settings: Settings) -> Self {
        let results = Array::new("        ", "      ");
        let context = &settings.context;
        let rules: Vec<(String, Level)> = about_all()
            .filter_map(|rule| {
                let level = context.policy.level(rule.id, rule.level(context.profile))?;
                Some((rule.id.to_owned(), level))
            })
            .collect();
        let ids = rules.iter().enumerate();
        let indices = ids.map(|(index, (id, _))| (id.clone(), index)).collect();
        Self { settings, results, rules, indices, images: Vec::new(), notifications: Vec::new() }
    }

    /// Where the rule of a finding stands. How much it weighs is the finding's to say: a report that
    /// was read may be by another profile.
    fn index(&mut self, finding: &Finding) -> usize {
        match self.indices.get(&finding.rule) {
            Some(index) => {
                if let Some((_, level)) = self.rules.get_mut(*index) {
                    *level = finding.level;
                }
                *index
            }
            None => {
                let index = self.rules.len();
                self.rules.push((finding.rule.clone(), finding.level));
                self.indices.insert(finding.rule.clone(), index);
                index
            }
        }
    }

    fn descriptor(&self, id: &str, level: Level) -> Json {
        let lang = self.settings.lang;
        let properties = json!({ "level": level, "tags": ["image", level.name()] });
        let configuration = json!({ "level": default_level(level) });
        // Of a rule of another version no more is known.
        let Some(About { doc, .. }) = about(id) else {
            return json!({
                "id": id,
                "defaultConfiguration": configuration,
                "properties": properties,
            });
        };
        let (title, why) = (doc.title.get(lang), doc.why.get(lang));
        let (decided, remedy) = (doc.decided.get(lang), doc.remedy.get(lang));
        let decided_by = crate::rules::Fixed { en: "How it is decided", zh: "判定方法" }.get(lang);
        let repair = crate::rules::Fixed { en: "Repair", zh: "修复方法" }.get(lang);
        let source = crate::rules::Fixed { en: "Source", zh: "出处" }.get(lang);
        let text = format!(
            "{why}\n\n{decided_by}: {decided}\n\n{repair}: {remedy}\n\n{source}: {}",
            doc.source
        );
        let markdown = format!(
            "{why}\n\n## {decided_by}\n\n{decided}\n\n## {repair}\n\n```\n{remedy}\n```\n\n## {source}\n\n{}\n",
            doc.source
        );
        json!({
            "id": id,
            "shortDescription": { "text": title },
            "fullDescription": { "text": why },
            "help": { "text": text, "markdown": markdown },
            "defaultConfiguration": configuration,
            "properties": properties,
        })
    }

    fn result(&self, report: &ImageReport, finding: &Finding, index: usize) -> Option<Json> {
        let (kind, level) = match finding.status {
            Status::Fail => ("fail", "error"),
            Status::Warn if self.settings.fail_on_warn => ("fail", "error"),
            Status::Warn => ("fail", "warning"),
            Status::Unverified => ("open", "none"),
            Status::Waived => ("fail", default_level(finding.level)),
            _ => return None,
        };
        let path = &report.image.path;
        let fingerprint = fingerprint::of(path, &finding.rule);
        let finding = finding.in_language(self.settings.lang);
        let mut places: Vec<Json> = Vec::new();
        for seen in &finding.evidence {
            let place = logical(&seen.location);
            // The schema wants each once.
            if !places.contains(&place) {
                places.push(place);
            }
        }
        let related: Vec<Json> = finding
            .evidence
            .iter()
            .enumerate()
            .map(|(id, seen)| {
                json!({
                    "id": id,
                    "message": { "text": message(&seen.detail) },
                    "logicalLocations": [logical(&seen.location)],
                })
            })
            .collect();
        let mut result = json!({
            "ruleId": finding.rule,
            "ruleIndex": index,
            "kind": kind,
            "level": level,
            "message": { "text": self.words(&finding) },
            "locations": [{
                "physicalLocation": {
                    "artifactLocation": { "uri": uri(path) },
                    "region": { "startLine": 1 },
                },
                "logicalLocations": places,
            }],
            "relatedLocations": related,
            // The first is what GitHub compares; it would compute one from a text file's lines.
            "partialFingerprints": {
                "primaryLocationLineHash": format!("{}:1", fingerprint.get(..16).unwrap_or_default()),
                "imagePreflight/v1": fingerprint,
            },
            "properties": {
                "status": finding.status,
                "ruleLevel": finding.level,
                "predicts": finding.predicts,
                "repairedByPlatform": finding.repaired_by_platform,
                "source": finding.source,
            },
        });
        if finding.status == Status::Waived
            && let Some(result) = result.as_object_mut()
        {
            let mut suppression = json!({ "kind": "external" });
            if let (Some(waived), Some(suppression)) =
                (&finding.waived, suppression.as_object_mut())
            {
                suppression.insert("justification".to_owned(), json!(waived.reason));
            }
            result.insert("suppressions".to_owned(), json!([suppression]));
        }
        Some(result)
    }

    /// What was found, where, and how to repair it: viewers show no more than this.
    fn words(&self, finding: &Finding<String>) -> String {
        let lang = self.settings.lang;
        let mut text = finding.message.clone();
        for seen in finding.evidence.iter().take(MAX_IN_MESSAGE) {
            let place = words::said(&seen.location, lang);
            text.push_str(&format!("\n{place}: {}", seen.detail));
        }
        if let Some(remedy) = &finding.remedy {
            text.push_str(&format!("\n{}{remedy}", words::fix(&finding.rule, remedy).get(lang)));
        }
        message(&text)
    }
}

impl ReportWriter for Sarif {
    fn begin(&mut self, out: &mut dyn Write) -> Result<()> {
        // Tells the runs of one profile from those of others over the same images.
        let id = json!(format!("{}/{}/", TOOL.name, self.settings.context.profile_name()));
        let id = pretty(&id)?;
        write!(
            out,
            "{{\n  \"$schema\": \"{SCHEMA}\",\n  \"version\": \"2.1.0\",\n  \"runs\": [\n    {{\n      \
             \"automationDetails\": {{ \"id\": {id} }},\n      \
             \"columnKind\": \"unicodeCodePoints\",\n      \"results\": ["
        )
    }

    fn image(&mut self, report: &ImageReport, out: &mut dyn Write) -> Result<()> {
        self.images.push(json!({
            "path": report.image.path,
            "verdict": report.verdict,
            "summary": Summary::of(report),
        }));
        if let Some(error) = &report.error {
            self.notifications.push(json!({
                "level": "error",
                "message": { "text": message(&words::said(error, self.settings.lang)) },
                "locations": [{
                    "physicalLocation": { "artifactLocation": { "uri": uri(&report.image.path) } },
                }],
            }));
        }
        for finding in &report.findings {
            let index = self.index(finding);
            if let Some(result) = self.result(report, finding, index) {
                self.results.push(&result, out)?;
            }
        }
        Ok(())
    }

    fn end(&mut self, out: &mut dyn Write) -> Result<()> {
        self.results.close(out)?;
        let invocation = json!({
            "executionSuccessful": self.notifications.is_empty(),
            "toolExecutionNotifications": self.notifications,
        });
        let properties =
            json!({ "profile": self.settings.context.profile_name(), "images": self.images });
        let rules: Vec<Json> =
            self.rules.iter().map(|(id, level)| self.descriptor(id, *level)).collect();
        let tool = json!({
            "driver": {
                "name": TOOL.name,
                "version": TOOL.version,
                "semanticVersion": TOOL.version,
                "language": self.settings.lang.name(),
                "rules": rules,
            },
        });
        for (name, value) in
            [("tool", tool), ("invocations", json!([invocation])), ("properties", properties)]
        {
            let value = pretty(&value)?.replace('\n', "\n      ");
            write!(out, ",\n      \"{name}\": {value}")?;
        }
        writeln!(out, "\n    }}\n  ]\n}}")
    }
}

fn default_level(level: Level) -> &'static str {
    match level {
        Level::Required => "error",
        Level::Recommended => "warning",
        Level::Informational => "note",
        Level::Manual => "none",
    }
}

/// A place in the image that is no file of the host.
fn logical(location: &str) -> Json {
    json!({ "fullyQualifiedName": for_terminal(location), "kind": "resource" })
}

/// A plain text message: braces are doubled (§3.11.5), and what would make an embedded link of an
/// image's words (§3.11.6) is escaped.
fn message(text: &str) -> String {
    let lines: Vec<_> = text.lines().map(for_terminal).collect();
    let text = lines.join("\n").replace('{', "{{").replace('}', "}}");
    if text.contains("](") { text.replace('[', "\\[").replace(']', "\\]") } else { text }
}

/// A path as a URI reference (RFC 3986): all but unreserved characters and slashes are
/// percent-encoded; an absolute one is a `file` URI.
fn uri(path: &str) -> String {
    let path = path.strip_prefix("./").unwrap_or(path);
    let mut uri = String::new();
    if path.starts_with('/') {
        uri.push_str("file://");
    }
    for byte in path.bytes() {
        match byte {
            b'/' | b'-' | b'.' | b'_' | b'~' => uri.push(char::from(byte)),
            _ if byte.is_ascii_alphanumeric() => uri.push(char::from(byte)),
            _ => uri.push_str(&format!("%{byte:02X}")),
        }
    }
    uri
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_become_uris() {
        for (path, expected) in [
            ("images/a b.qcow2", "images/a%20b.qcow2"),
            ("./a.qcow2", "a.qcow2"),
            ("/srv/镜像.raw", "file:///srv/%E9%95%9C%E5%83%8F.raw"),
            ("c:evil?#%", "c%3Aevil%3F%23%25"),
        ] {
            assert_eq!(uri(path), expected);
        }
    }

    #[test]
    fn an_images_words_make_neither_placeholders_nor_links() {
        assert_eq!(message("{0} and }"), "{{0}} and }}");
        assert_eq!(message("[x](http://e) \x1b[1m"), "\\[x\\](http://e) \\u{{1b}}\\[1m");
        assert_eq!(message("list[0]"), "list[0]");
    }
}
