//! `image-preflight rules`.

use std::io::Write;

use unicode_width::UnicodeWidthStr;

use super::args::RulesArgs;
use super::{Call, Failure};
use crate::report::Detail;
use crate::rules::{About, about_all};

/// Columns of a level.
const LEVEL: usize = 13;

pub(super) fn run(args: &RulesArgs, call: &Call, out: &mut dyn Write) -> Result<u8, Failure> {
    let context = call.config.context(args.profile.name.as_deref(), 0)?;
    let level = |rule: &About| context.policy.level(rule.id, rule.level(context.profile));
    let rules: Vec<_> = about_all().filter_map(|rule| Some((rule, level(&rule)?))).collect();
    let width = rules.iter().map(|(rule, _)| rule.id.len()).max().unwrap_or(0);
    for (rule, level) in rules {
        let words = level.words().get(call.lang);
        let level = format!("{words}{:1$}", "", LEVEL.saturating_sub(words.width()));
        let title = rule.doc.title.get(call.lang);
        match call.detail {
            Detail::Short => writeln!(out, "{}", rule.id)?,
            _ => writeln!(out, "{:width$}  {level}  {title}", rule.id)?,
        }
        if call.detail == Detail::Full {
            writeln!(out, "{:width$}  {:LEVEL$}  {}", "", "", rule.doc.source)?;
        }
    }
    Ok(0)
}
