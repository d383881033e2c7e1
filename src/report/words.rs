//! The words that several formats share.

use std::borrow::Cow;

use super::escape::for_terminal;
use super::{ImageReport, Verdict};
use crate::chinese::chinese;
use crate::rules::{Context, Fixed, Lang, Status};

/// A verdict as a headline says it.
pub(super) fn verdict(verdict: Verdict) -> Fixed {
    match verdict {
        Verdict::Pass => Fixed { en: "PASS", zh: "通过" },
        Verdict::Fail => Fixed { en: "FAIL", zh: "不通过" },
        Verdict::Inconclusive => Fixed { en: "INCONCLUSIVE", zh: "无法判定" },
        Verdict::Error => Fixed { en: "ERROR", zh: "错误" },
    }
}

/// A status beside a finding.
pub(crate) fn status(status: Status) -> Fixed {
    match status {
        Status::Fail => Fixed { en: "fail", zh: "不满足" },
        Status::Unverified => Fixed { en: "unverified", zh: "无法验证" },
        Status::Warn => Fixed { en: "warn", zh: "警告" },
        Status::Info => Fixed { en: "info", zh: "提示" },
        Status::Pass => Fixed { en: "pass", zh: "满足" },
        Status::Manual => Fixed { en: "manual", zh: "人工" },
        Status::NotApplicable => Fixed { en: "n/a", zh: "不适用" },
        Status::Waived => Fixed { en: "waived", zh: "豁免" },
    }
}

/// A status behind a number.
pub(super) fn counted(status: Status) -> Fixed {
    match status {
        Status::Fail => Fixed { en: "broken", zh: "不满足" },
        Status::Unverified => Fixed { en: "unverified", zh: "无法验证" },
        Status::Warn => Fixed { en: "to be looked at", zh: "需要留意" },
        Status::Manual => Fixed { en: "to be checked by hand", zh: "需人工确认" },
        Status::Info => Fixed { en: "to know", zh: "提示" },
        Status::Pass => Fixed { en: "passed", zh: "已满足" },
        Status::NotApplicable => Fixed { en: "not applicable", zh: "不适用" },
        Status::Waived => Fixed { en: "waived", zh: "已豁免" },
    }
}

/// `1 broken, 2 to be looked at`, of those of `statuses` that there are.
pub(super) fn counts(report: &ImageReport, statuses: &[Status], lang: Lang) -> String {
    let count = |status: &Status| match (report.count(*status), lang) {
        (0, _) => None,
        (count, Lang::En) => Some(format!("{count} {}", counted(*status).en)),
        (count, Lang::ZhCn) => Some(format!("{count} 项{}", counted(*status).zh)),
    };
    let parts: Vec<String> = statuses.iter().filter_map(count).collect();
    parts.join(if lang == Lang::ZhCn { "，" } else { ", " })
}

/// A place or an error in the language of the report, as far as it is known there.
pub(super) fn said(text: &str, lang: Lang) -> Cow<'_, str> {
    match lang {
        Lang::En => Cow::Borrowed(text),
        Lang::ZhCn => chinese(text),
    }
}

/// What the image is: format, sizes, system, processor, firmware, profile.
pub(super) fn facts(context: &Context, report: &ImageReport, lang: Lang) -> Vec<String> {
    let zh = lang == Lang::ZhCn;
    let mut parts = Vec::new();
    if let Some(format) = &report.image.format {
        parts.push(format.clone());
    }
    if let Some(size) = report.image.virtual_size {
        let size = bytes(size);
        parts.push(if zh { format!("磁盘 {size}") } else { format!("{size} disk") });
    }
    if let Some(size) = report.image.file_size {
        let size = bytes(size);
        parts.push(if zh { format!("文件 {size}") } else { format!("{size} file") });
    }
    let guest = &report.guest;
    let name = guest.name.as_deref().or(guest.os.as_deref());
    parts.extend(name.map(|name| for_terminal(name).into_owned()));
    parts.extend(guest.arch.clone());
    parts.extend(guest.firmware.as_deref().map(str::to_uppercase));
    parts.extend(report.image.digest.clone());
    let name = for_terminal(context.profile_name());
    parts.push(if zh { format!("规则集 {name}") } else { format!("profile {name}") });
    parts
}

/// What is said above a reason that several findings have.
pub(super) fn for_one_reason(count: usize, lang: Lang) -> String {
    match lang {
        Lang::En => format!("{count} rules, all for one reason:"),
        Lang::ZhCn => format!("{count} 项，原因相同："),
    }
}

/// The platform's own repair.
pub(super) const BY_PLATFORM: Fixed = Fixed {
    en: "the platform repairs this itself when the request sets is_config",
    zh: "请求中设置 is_config 为 true 时，平台会自动修复此项",
};

/// The error that the cloud would give.
pub(super) fn predicted(codes: &[String], lang: Lang) -> String {
    let codes = codes.join(", ");
    match lang {
        Lang::En => format!("the cloud's error would be {codes}"),
        Lang::ZhCn => format!("上云时对应的错误码：{codes}"),
    }
}

/// What is said before a repair.
pub(super) const FIX: Fixed = Fixed { en: "fix: ", zh: "修复：" };

/// What is said before a rule's reason.
pub(super) const WHY: Fixed = Fixed { en: "why: ", zh: "原因：" };

/// A size as people say it, in binary units with at most one decimal.
pub(super) fn bytes(size: u64) -> String {
    const UNITS: &[&str] = &["bytes", "KiB", "MiB", "GiB", "TiB", "PiB"];
    let mut unit = 0_usize;
    let mut tenths = u128::from(size).saturating_mul(10);
    while tenths >= 10_240 && unit.saturating_add(1) < UNITS.len() {
        tenths = tenths.saturating_add(512).checked_div(1024).unwrap_or(0);
        unit = unit.saturating_add(1);
    }
    let name = UNITS.get(unit).copied().unwrap_or_default();
    let (whole, tenth) = (tenths.checked_div(10), tenths.checked_rem(10));
    match (unit, whole, tenth) {
        (0, ..) | (_, _, Some(0)) => format!("{} {name}", whole.unwrap_or(0)),
        _ => format!("{}.{} {name}", whole.unwrap_or(0), tenth.unwrap_or(0)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_said_in_binary_units() {
        for (size, words) in [
            (0, "0 bytes"),
            (1023, "1023 bytes"),
            (1 << 20, "1 MiB"),
            (40 << 30, "40 GiB"),
            ((40 << 30) + (512 << 20), "40.5 GiB"),
            (u64::MAX, "16384 PiB"),
        ] {
            assert_eq!(bytes(size), words);
        }
    }
}
