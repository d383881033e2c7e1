//! The words that several formats share.

use std::borrow::Cow;

use super::escape::for_terminal;
use super::{ImageReport, Verdict};
use crate::chinese::chinese;
use crate::rules::finding::Finding;
use crate::rules::is_of_guest;
use crate::rules::{Context, Fixed, Lang, Level, Status, Text};

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

/// What a headline says behind the verdict: what is wrong, what warns, and what was set aside.
pub(super) fn headline(report: &ImageReport, fail_on_warn: bool, lang: Lang) -> String {
    let fails = fail_on_warn && report.count(Status::Warn) > 0 && report.count(Status::Fail) == 0;
    let wrong = counts(report, &[Status::Fail, Status::Unverified, Status::Warn], lang);
    let wrong = match (fails, lang) {
        (false, _) => wrong,
        (true, Lang::En) => format!("{wrong}, which fails (--fail-on warn)"),
        (true, Lang::ZhCn) => format!("{wrong}（--fail-on warn：判为不通过）"),
    };
    let waived = counts(report, &[Status::Waived], lang);
    let both = [wrong, waived].into_iter().filter(|words| !words.is_empty());
    both.collect::<Vec<_>>().join(if lang == Lang::ZhCn { "，" } else { ", " })
}

/// The repair that all of several findings have, as far as they have one.
pub(super) fn shared_remedy<'a>(findings: &[&'a Finding]) -> Option<&'a Text> {
    let mut remedies = findings.iter().filter_map(|finding| finding.remedy.as_ref());
    let first = remedies.next()?;
    remedies.all(|other| other == first).then_some(first)
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
pub(crate) fn said(text: &str, lang: Lang) -> Cow<'_, str> {
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
        parts.push(of_size(size, Fixed { en: "disk", zh: "磁盘" }, lang));
    }
    if let Some(size) = report.image.file_size {
        parts.push(of_size(size, Fixed { en: "file", zh: "文件" }, lang));
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

/// A file or a disk with its size in bytes.
fn of_size(size: u64, what: Fixed, lang: Lang) -> String {
    let what = what.get(lang);
    match (size, lang) {
        (0, Lang::En) => format!("empty {what}"),
        (0, Lang::ZhCn) => format!("空{what}"),
        (1..1024, Lang::En) => format!("{size}-byte {what}"),
        (1..1024, Lang::ZhCn) => format!("{what} {size} 字节"),
        (_, Lang::En) => format!("{} {what}", bytes(size)),
        (_, Lang::ZhCn) => format!("{what} {}", bytes(size)),
    }
}

/// What is said above a reason that several findings have.
pub(super) fn for_one_reason(count: usize, lang: Lang) -> String {
    match lang {
        Lang::En => format!("{count} rules, all for one reason:"),
        Lang::ZhCn => format!("{count} 项，原因相同："),
    }
}

/// Of findings of one reason the first of the highest level, which weighs for all.
pub(super) fn weightiest<'a>(alike: &[&'a Finding]) -> Option<&'a Finding> {
    let required = alike.iter().find(|finding| finding.level == Level::Required);
    required.or(alike.first()).copied()
}

/// What several findings of one reason say together, with the names of their rules; `None` of one.
pub(super) fn rules_of(alike: &[&Finding], lang: Lang) -> Option<String> {
    let first = alike.first().filter(|_| alike.len() > 1)?;
    let rules: Vec<&str> = alike.iter().map(|finding| finding.rule.as_str()).collect();
    let (words, rules) = (for_one_reason(alike.len(), lang), rules.join(", "));
    let message = first.message.get(lang);
    Some(match lang {
        Lang::En => format!("{words} {message} ({rules})"),
        Lang::ZhCn => format!("{words}{message}（{rules}）"),
    })
}

/// A rule and how many stand with it, of `count`.
pub(super) fn and_more(rule: &str, count: usize, lang: Lang) -> String {
    match lang {
        Lang::En => format!("{rule} and {} more", count.saturating_sub(1)),
        Lang::ZhCn => format!("{rule}等 {count} 项"),
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

/// What is said before a repair. A command for the guest would do harm where the report is read.
pub(super) fn fix(rule: &str, remedy: &str) -> Fixed {
    let first = remedy.lines().next().unwrap_or_default();
    let is_of_file = first.starts_with('"') || first.starts_with("qemu-img ");
    if is_of_guest(rule) && !is_prose(first) && !is_of_file {
        Fixed { en: "fix, in the guest: ", zh: "修复（在系统内执行）：" }
    } else {
        Fixed { en: "fix: ", zh: "修复：" }
    }
}

/// Whether a line of a repair is a sentence, which at most mentions a command, and not a command (or a
/// setting) that is to be pasted: it begins as a sentence or a heading does, or tells of alternatives.
pub(super) fn is_prose(line: &str) -> bool {
    // What is said of a command stands behind it.
    let said = line.split(" # ").next().unwrap_or(line);
    let Some(first) = said.split_whitespace().next() else { return true };
    let mut chars = first.chars();
    let begins = chars.next();
    let is_capitalised = begins.is_some_and(char::is_uppercase)
        && chars.all(|char| char.is_ascii_lowercase() || matches!(char, ',' | ':' | '\''));
    is_capitalised
        || begins.is_some_and(|char| char.is_alphabetic() && !char.is_ascii())
        || (first.ends_with([':', ',']) && !first.starts_with('"'))
        || [", or ", "; or ", ", then ", "; then ", ", with "].iter().any(|or| said.contains(or))
        || said.contains(['，', '。', '；', '：', '（', '、'])
}

/// Programs that repairs name without an option or a path beside them.
const PROGRAMS: &[&str] = &[
    "apt",
    "apt-get",
    "bcdboot",
    "bootsect",
    "chage",
    "chkconfig",
    "cleanmgr",
    "cloud-init",
    "cp",
    "depmod",
    "diskpart",
    "dnf",
    "dracut",
    "e2fsck",
    "grub-install",
    "grub2-install",
    "grubby",
    "java",
    "journalctl",
    "mkinitcpio",
    "mkinitfs",
    "mkinitrd",
    "mkswap",
    "net",
    "netsh",
    "passwd",
    "qemu-img",
    "rc-update",
    "reg",
    "rm",
    "rpm",
    "sc",
    "sed",
    "semanage",
    "sgdisk",
    "sysprep",
    "systemctl",
    "truncate",
    "ufw",
    "update-grub",
    "update-rc.d",
    "userdel",
    "usermod",
    "yum",
    "zypper",
];

/// Whether a sentence holds a command, or a part of one: an option, a path, a program.
pub(super) fn mentions_command(line: &str) -> bool {
    let is_of_word = |char: char| char.is_ascii_alphanumeric() || "-_./".contains(char);
    line.split(|char| !is_of_word(char)).any(|word| {
        let is_marked = word.len() > 1 && word.starts_with(['-', '/']);
        is_marked || PROGRAMS.contains(&word.trim_end_matches('.'))
    })
}

/// The lines of a repair, sentences and commands each together; true for commands.
pub(super) fn parts(remedy: &str) -> Vec<(bool, String)> {
    let mut parts: Vec<(bool, String)> = Vec::new();
    for line in remedy.lines() {
        let is_command = !is_prose(line);
        match parts.last_mut() {
            Some((of, lines)) if *of == is_command => {
                lines.push('\n');
                lines.push_str(line);
            }
            _ => parts.push((is_command, line.to_owned())),
        }
    }
    parts
}

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
    fn sentences_and_commands_are_told_apart() {
        let commands = [
            "mv -n text.qcow2 text.raw",
            "qemu-img convert -p -c -O qcow2 a small.qcow2    # leaves out zeros and compresses",
            "qemu-img convert -p -O qcow2 a disk.qcow2    # 然后检查disk.qcow2",
            "cp IMAGE copy.qcow2 && qemu-img check -r all 镜像文件",
            "> /etc/udev/rules.d/75-persistent-net-generator.rules",
            "username=Administrator",
            "\"min_disk\": 40",
            "for f in a; do sed -i '/^X=/d' \"$f\"; done",
        ];
        for command in commands {
            assert!(!is_prose(command), "{command}");
        }
        for (prose, mentions) in [
            ("Register with \"os_version\": \"Debian GNU/Linux 12.0.0 64bit\".", false),
            ("Use a min_disk that is rounded up.", false),
            ("In the guest: grub-install --target=i386-pc DISK", true),
            ("Update the kernel: yum update kernel", true),
            ("dracut: add_drivers+=\" ata_piix \" in /etc/dracut.conf", true),
            ("yum install cloud-init, zypper install cloud-init or apt install cloud-init", true),
            ("passwd root, with a password of all kinds", true),
            ("执行passwd root，设置密码", true),
            ("请联系平台。", false),
        ] {
            if !prose.starts_with("yum") {
                assert!(is_prose(prose), "{prose}");
            }
            assert_eq!(mentions_command(prose), mentions, "{prose}");
        }
        let parts = parts("Download it again, or:\ncp a b\nmv b c\nThen look.");
        let expected =
            [(false, "Download it again, or:"), (true, "cp a b\nmv b c"), (false, "Then look.")];
        assert_eq!(parts, expected.map(|(is_command, lines)| (is_command, lines.to_owned())));
    }

    #[test]
    fn a_file_is_said_by_its_length() {
        for (size, en, zh) in [
            (0, "empty file", "空文件"),
            (640, "640-byte file", "文件 640 字节"),
            (1 << 20, "1 MiB file", "文件 1 MiB"),
        ] {
            let file = Fixed { en: "file", zh: "文件" };
            assert_eq!(of_size(size, file, Lang::En), en);
            assert_eq!(of_size(size, file, Lang::ZhCn), zh);
        }
    }

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
