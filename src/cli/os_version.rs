//! `image-preflight os-version`.

use std::io::{self, Write};

use super::args::OsVersionArgs;
use super::{Call, Failure, confine};
use crate::report::Detail;
use crate::report::escape::for_terminal;
use crate::request::os_version;
use crate::rules::os_version::OsVersion;
use crate::rules::{Lang, Text};

pub(super) fn run(args: &OsVersionArgs, call: &Call, out: &mut dyn Write) -> Result<u8, Failure> {
    let lang = call.lang;
    let context = call.config.context(args.profile.name.as_deref(), 0)?;
    confine(&args.image, call)?;
    let facts = crate::inspect(&args.image)?.facts;
    match os_version(&facts, context.profile) {
        Some(OsVersion::Exact(row)) => writeln!(out, "{}", row.value)?,
        Some(OsVersion::Nearest(row, Text { en, zh })) => {
            let reason = match lang {
                Lang::En => format!("the nearest of the list: {en}"),
                Lang::ZhCn => format!("列表中最接近的取值：{zh}"),
            };
            if call.detail != Detail::Short {
                writeln!(io::stderr(), "{}", for_terminal(&reason))?;
            }
            writeln!(out, "{}", row.value)?;
        }
        Some(OsVersion::None) => {
            return Err(Failure::Said(match lang {
                Lang::En => "the list has no value for the system in this image".to_owned(),
                Lang::ZhCn => "列表中没有该镜像操作系统的取值".to_owned(),
            }));
        }
        None => {
            return Err(Failure::Said(match lang {
                Lang::En => "no operating system was recognised in this image".to_owned(),
                Lang::ZhCn => "未能识别该镜像中的操作系统".to_owned(),
            }));
        }
    }
    Ok(0)
}
