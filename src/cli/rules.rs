//! `image-preflight rules`.

use std::io::Write;

use super::Failure;
use super::args::RulesArgs;
use super::config::Config;
use crate::rules::{About, Lang, about_all};

pub(super) fn run(args: &RulesArgs, lang: Lang, out: &mut dyn Write) -> Result<u8, Failure> {
    let context = Config::default().context(args.profile.as_deref(), 0)?;
    let level = |rule: &About| context.policy.level(rule.id, rule.level(context.profile));
    let rules: Vec<_> = about_all().filter_map(|rule| Some((rule, level(&rule)?))).collect();
    let width = rules.iter().map(|(rule, _)| rule.id.len()).max().unwrap_or(0);
    for (rule, level) in rules {
        let title = rule.doc.title.get(lang);
        writeln!(out, "{:width$}  {:13}  {title}", rule.id, level.name())?;
    }
    Ok(0)
}
