//! `image-preflight rules`.

use std::io::Write;

use super::Failure;
use super::args::RulesArgs;
use crate::rules::{Lang, Profile, about_all};

pub(super) fn run(args: &RulesArgs, lang: Lang, out: &mut dyn Write) -> Result<u8, Failure> {
    let profile = Profile::from(args.profile);
    let rules: Vec<_> = about_all().filter_map(|rule| Some((rule, rule.level(profile)?))).collect();
    let width = rules.iter().map(|(rule, _)| rule.id.len()).max().unwrap_or(0);
    for (rule, level) in rules {
        let title = rule.doc.title.get(lang);
        writeln!(out, "{:width$}  {:13}  {title}", rule.id, level.name())?;
    }
    Ok(0)
}
