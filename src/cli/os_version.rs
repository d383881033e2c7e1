//! `image-preflight os-version`.

use std::io::{self, Write};

use super::args::OsVersionArgs;
use super::{Call, Failure, confine, place_and_reason};
use crate::report::Detail;
use crate::report::escape::for_terminal;
use crate::request::{os_version, os_version_unread};
use crate::rules::Fixed;

pub(super) fn run(args: &OsVersionArgs, call: &Call, out: &mut dyn Write) -> Result<u8, Failure> {
    let lang = call.lang;
    let context = call.config.context(args.profile.name.as_deref(), 0)?;
    confine(&args.image, call)?;
    let facts = crate::inspect(&args.image)?.facts;
    let Some(found) = os_version(&facts, &context) else {
        let what = Fixed::new(
            "no operating system was recognised in this image",
            "未能识别该镜像中的操作系统",
        );
        let seen = os_version_unread(&facts).map(|unread| place_and_reason(unread, lang));
        let seen = seen.map(|seen| Fixed::new(": ", "：").get(lang).to_owned() + &seen);
        return Err(Failure::Said(what.get(lang).to_owned() + &seen.unwrap_or_default()));
    };
    if let Some(reason) = found.reason.filter(|_| call.detail != Detail::Short) {
        writeln!(io::stderr(), "{}", for_terminal(reason.get(lang)))?;
    }
    writeln!(out, "{}", found.value)?;
    Ok(0)
}
