//! A rule's page in `docs/rules/`, made from what the rule says of itself.

use std::fmt::Write as _;

use super::{About, Doc, Fixed, Lang, Level};

/// The headings of a page in one language.
struct Headings {
    level: [&'static str; 2],
    why: &'static str,
    decided: &'static str,
    remedy: &'static str,
    predicts: &'static str,
    platform: &'static str,
    source: &'static str,
}

const EN: Headings = Headings {
    level: ["Profile", "Level"],
    why: "Why",
    decided: "How it is decided",
    remedy: "How to repair it",
    predicts: "Error codes of the platform when it is broken",
    platform: "The platform repairs this itself when the request sets `is_config` to `true`.",
    source: "Source",
};

const ZH_CN: Headings = Headings {
    level: ["规则集", "级别"],
    why: "原因",
    decided: "判定方法",
    remedy: "修复方法",
    predicts: "不满足时平台可能返回的错误码",
    platform: "请求中的`is_config`取值为`true`时，平台会自动修复该问题。",
    source: "来源",
};

/// How a level, or its absence, is called.
fn level_name(level: Option<Level>) -> Fixed {
    level.map_or(Fixed::new("not part of it", "不包含"), Level::words)
}

/// A sentence in which nothing is taken for Markdown.
fn plain(sentence: &str) -> String {
    sentence.replace('*', r"\*").replace('<', r"\<")
}

/// The rule's page as Markdown, in English and Simplified Chinese.
pub fn page(rule: &About) -> String {
    let mut out = format!("# {}\n", rule.id);
    for (lang, headings) in [(Lang::En, &EN), (Lang::ZhCn, &ZH_CN)] {
        section(&mut out, rule, lang, headings);
    }
    out
}

fn section(out: &mut String, rule: &About, lang: Lang, headings: &Headings) {
    let Doc { title, why, decided, remedy, source, predicts, repaired_by_platform } = rule.doc;
    let [profile, level] = headings.level;
    let mut rows = format!("| {profile} | {level} |\n|---|---|\n");
    for (profile, level) in rule.levels {
        let (name, level) = (profile.name(), level_name(level).get(lang));
        // Writing to a string cannot fail.
        let _ = writeln!(rows, "| `{name}` | {level} |");
    }
    let mut parts = vec![
        format!("## {}", title.get(lang)),
        rows.trim_end().to_owned(),
        format!("### {}", headings.why),
        plain(why.get(lang)),
        format!("### {}", headings.decided),
        plain(decided.get(lang)),
        format!("### {}", headings.remedy),
        plain(remedy.get(lang)),
    ];
    if *repaired_by_platform {
        parts.push(headings.platform.to_owned());
    }
    if !predicts.is_empty() {
        parts.push(format!("### {}", headings.predicts));
        parts.push(predicts.join(", "));
    }
    parts.push(format!("### {}", headings.source));
    parts.push((*source).to_owned());
    for part in parts {
        let _ = write!(out, "\n{part}\n");
    }
}
