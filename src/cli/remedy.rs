//! `image-preflight remedy`.

use std::io::Write;

use super::args::RemedyArgs;
use super::check::today;
use super::nearest::did_you_mean;
use super::{Call, Failure, output, sandbox};
use crate::remedy::Remedy;
use crate::rules::{about_all, check_all, policy};

pub(super) fn run(args: &RemedyArgs, call: &Call, out: &mut dyn Write) -> Result<u8, Failure> {
    let ids = || about_all().map(|rule| rule.id);
    if let Some(unknown) = args.rules.iter().find(|rule| !ids().any(|id| id == *rule)) {
        let near = did_you_mean(unknown, ids());
        return Err(Failure::Said(format!("no rule is called {unknown:?}{near}")));
    }
    let context = call.config.context(args.profile.name.as_deref(), today())?;
    let mut file = output::open(&args.output, std::slice::from_ref(&args.image), call)?;
    sandbox::enter(std::iter::once(args.image.as_path()), None)?.tell(call)?;
    let facts = crate::inspect(&args.image)?.facts;
    let mut findings = check_all(&facts, &context);
    policy::waive(&mut findings, &facts.image.path, &call.config.waivers, context.today);
    let script =
        Remedy::new(&facts, &findings, &context, &args.rules).script(args.format.into(), call.lang);
    let out: &mut dyn Write = match &mut file {
        Some(file) => file,
        None => out,
    };
    out.write_all(script.as_bytes())?;
    Ok(0)
}
