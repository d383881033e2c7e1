//! `image-preflight os-version`.

use std::io::{self, Write};

use super::args::OsVersionArgs;
use super::{Call, Failure, confine};
use crate::report::Detail;
use crate::report::escape::for_terminal;
use crate::request::os_version;
use crate::rules::Lang;

pub(super) fn run(args: &OsVersionArgs, call: &Call, out: &mut dyn Write) -> Result<u8, Failure> {
    let lang = call.lang;
    let context = call.config.context(args.profile.name.as_deref(), 0)?;
    confine(&args.image, call)?;
    let facts = crate::inspect(&args.image)?.facts;
    let Some(found) = os_version(&facts, &context) else {
        return Err(Failure::Said(match lang {
            Lang::En => "no operating system was recognised in this image".to_owned(),
            Lang::ZhCn => "未能识别该镜像中的操作系统".to_owned(),
        }));
    };
    if let Some(reason) = found.reason.filter(|_| call.detail != Detail::Short) {
        writeln!(io::stderr(), "{}", for_terminal(reason.get(lang)))?;
    }
    writeln!(out, "{}", found.value)?;
    Ok(0)
}
