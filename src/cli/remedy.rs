//! `image-preflight remedy`.

use std::fs::File;
use std::io::Write;

use super::args::RemedyArgs;
use super::check::{is_same_file, today};
use super::config::Config;
use super::explain::nearest;
use super::{Failure, sandbox};
use crate::remedy::Remedy;
use crate::rules::{Lang, about_all, check_all, policy};

pub(super) fn run(
    args: &RemedyArgs,
    asked: Option<Lang>,
    of_locale: Lang,
    out: &mut dyn Write,
) -> Result<u8, Failure> {
    for wanted in &args.rules {
        if !about_all().any(|rule| rule.id == wanted) {
            let near =
                nearest(wanted).map_or(String::new(), |near| format!("; did you mean {near}?"));
            return Err(Failure::Said(format!("no rule is called {wanted:?}{near}")));
        }
    }
    let config = Config::read(args.config.as_deref())?;
    let lang = asked.or(config.lang.map(Lang::from)).unwrap_or(of_locale);
    let context = config.context(args.profile.as_deref(), today())?;
    // Open before the process gives up the right to write.
    let mut file =
        match &args.output {
            None => None,
            Some(path) if is_same_file(&args.image, path) => {
                let image = args.image.display();
                return Err(Failure::Said(format!("the script would overwrite the image {image}")));
            }
            Some(path) => Some(File::create(path).map_err(|error| {
                Failure::Said(format!("cannot write {}: {error}", path.display()))
            })?),
        };
    sandbox::enter(std::iter::once(args.image.as_path()), None)?;
    let facts = crate::inspect(&args.image)?.facts;
    let mut findings = check_all(&facts, &context);
    policy::waive(&mut findings, &facts.image.path, &config.waivers, context.today);
    let script =
        Remedy::new(&facts, &findings, &context, &args.rules).script(args.format.into(), lang);
    match &mut file {
        Some(file) => file.write_all(script.as_bytes())?,
        None => out.write_all(script.as_bytes())?,
    }
    Ok(0)
}
