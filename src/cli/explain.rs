//! `image-preflight explain`.

use std::io::Write;

use super::args::ExplainArgs;
use super::nearest::did_you_mean;
use super::{Call, Failure, width};
use crate::report::Detail;
use crate::report::human::wrap;
use crate::rules::{About, ERROR_CODES, ErrorCode, Fixed, Lang, about, about_all, error_code};

pub(super) fn run(args: &ExplainArgs, call: &Call, out: &mut dyn Write) -> Result<u8, Failure> {
    let lang = call.lang;
    let explain = |rule: &About, out: &mut dyn Write| match call.detail {
        Detail::Short => Ok(writeln!(out, "{}: {}", rule.id, rule.doc.title.get(lang))?),
        Detail::Normal | Detail::Full => explain(rule, lang, out),
    };
    let Some(id) = &args.rule else {
        for (index, rule) in about_all().enumerate() {
            if index > 0 && call.detail != Detail::Short {
                writeln!(out)?;
            }
            explain(&rule, out)?;
        }
        return Ok(0);
    };
    if let Some(rule) = about(id) {
        explain(&rule, out)?;
        return Ok(0);
    }
    if let Some(code) = error_code(id) {
        explain_code(code, lang, out)?;
        return Ok(0);
    }
    let codes = ERROR_CODES.iter().map(|code| code.code);
    let near = did_you_mean(id, about_all().map(|rule| rule.id).chain(codes));
    Err(Failure::Said(format!(
        "no rule or error code is called {id}{near} (image-preflight rules lists the rules)"
    )))
}

const BOLD: anstyle::Style = anstyle::Style::new().bold();

/// What a code means, and which rules would have told.
fn explain_code(code: &ErrorCode, lang: Lang, out: &mut dyn Write) -> Result<(), Failure> {
    writeln!(out, "{BOLD}{}{BOLD:#}", code.code)?;
    for text in [Some(code.meaning), code.note].into_iter().flatten() {
        for line in wrap(text.get(lang), width(), "  ", "  ") {
            writeln!(out, "{line}")?;
        }
    }
    let rules: Vec<About> =
        about_all().filter(|rule| rule.doc.predicts.contains(&code.code)).collect();
    if rules.is_empty() {
        return Ok(());
    }
    let heading = Fixed {
        en: "Rules that tell before the upload",
        zh: "可在上传前发现该问题的规则",
    };
    writeln!(out, "  {}", heading.get(lang))?;
    let longest = rules.iter().map(|rule| rule.id.len()).max().unwrap_or(0);
    for rule in rules {
        writeln!(out, "    {:longest$}  {}", rule.id, rule.doc.title.get(lang))?;
    }
    Ok(())
}

fn explain(rule: &About, lang: Lang, out: &mut dyn Write) -> Result<(), Failure> {
    let doc = rule.doc;
    writeln!(out, "{BOLD}{}{BOLD:#}", rule.id)?;
    let levels = rule
        .levels
        .into_iter()
        .filter_map(|(profile, level)| {
            Some(format!("{} {}", profile.name(), level?.words().get(lang)))
        })
        .collect::<Vec<_>>()
        .join(" · ");
    let source = doc.source;
    let codes = doc.predicts.join(", ");
    let platform = Fixed {
        en: "yes, when the request sets is_config",
        zh: "是（请求中 is_config 为 true 时）",
    };
    let by_platform = if doc.repaired_by_platform { platform.get(lang) } else { "" };
    for (name, text) in [
        (Fixed { en: "What", zh: "要求" }, doc.title.get(lang)),
        (Fixed { en: "Why", zh: "原因" }, doc.why.get(lang)),
        (Fixed { en: "How it is decided", zh: "判定方法" }, doc.decided.get(lang)),
        (Fixed { en: "Repair", zh: "修复方法" }, doc.remedy.get(lang)),
        (Fixed { en: "Repaired by the platform", zh: "平台自动修复" }, by_platform),
        (Fixed { en: "Error codes", zh: "错误码" }, &codes),
        (Fixed { en: "Level", zh: "级别" }, &levels),
        (Fixed { en: "Source", zh: "出处" }, source),
    ] {
        if text.is_empty() {
            continue;
        }
        writeln!(out, "  {}", name.get(lang))?;
        // Commands are to be copied whole.
        let columns = if text == doc.remedy.get(lang) { usize::MAX } else { width() };
        for line in text.lines() {
            for wrapped in wrap(line, columns, "    ", "    ") {
                writeln!(out, "{wrapped}")?;
            }
        }
    }
    Ok(())
}
