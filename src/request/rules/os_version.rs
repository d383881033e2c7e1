//! `req-os-version`

use std::collections::BTreeSet;

use super::{
    BodyRule, Case, Checked, Doc, EVERYWHERE, Fix, Fixed, Level, Node, Outcome, Problems, Profile,
    Variant, wrong_type,
};
use crate::fact::{Evidence, Unread};
use crate::guest::facts::{Architecture, Facts, Guest};
use crate::rules::os_version::{self, ListedOs, OsVersion};
use crate::rules::{Context, Text};
use crate::text;

pub(super) static RULE: BodyRule = BodyRule {
    id: "req-os-version",
    level: Level::Required,
    profiles: EVERYWHERE,
    doc: Doc {
        title: Fixed::new(
            "os_version is a value of the platform's list and fits the image",
            "os_version是平台列表中的取值，且与镜像一致",
        ),
        why: Fixed::new(
            "A value that is not in the list is refused, and the document's own sample has one: a blank stands before CentOS. A value of another system makes the platform inject the wrong drivers.",
            "不在列表中的取值会被拒绝；文档自带的样例中，CentOS前面就多了一个空格。填成其他系统时，平台会注入错误的驱动。",
        ),
        decided: Fixed::new(
            "os_version is compared with the platform's list (data/os_versions.tsv) as it stands; then without regard to blanks, case and order of words, which tells what was meant; then with the system that is in the image.",
            "将os_version与平台列表（data/os_versions.tsv）逐字比较；不一致时忽略空格、大小写和词序，找出本意；最后与镜像中的操作系统比较。",
        ),
        remedy: Fixed::new(
            "image-preflight os-version IMAGE prints the value for an image.",
            "执行image-preflight os-version 镜像文件，查看该镜像对应的取值。",
        ),
        source: "制作镜像 (ims_03_0603), os_version; 相关参数取值列表; 镜像文件快速导入; error codes IMG.0056, IMG.0122, IMG.0159, IMG.0166",
        predicts: &["IMG.0056", "IMG.0122", "IMG.0159", "IMG.0166"],
        repaired_by_platform: false,
    },
    check,
};

/// What two spellings of one value have in common: their words without regard to case and order.
/// Red Hat is spelled in three ways in the list itself.
fn words(value: &str) -> BTreeSet<String> {
    let value = value.to_lowercase().replace("red hat", "redhat").replace("enterprise linux", "");
    let words = value.split(|char: char| char.is_whitespace() || "()".contains(char));
    let noise = ["", "linux", "enterprise", "gnu/linux", "release"];
    words.filter(|word| !noise.contains(word)).map(str::to_owned).collect()
}

/// Listed values that mean the same, in the spelling that the profile prefers.
fn meant(value: &str, profile: Profile) -> Option<&'static ListedOs> {
    let wanted = words(value);
    let same = os_version::listed().iter().filter(|row| words(row.value) == wanted);
    same.filter(|row| row.is_of(profile))
        .min_by_key(|row| (row.value != value.trim(), os_version::preference(row.status, profile)))
}

fn listed(value: &str) -> Option<&'static ListedOs> {
    os_version::listed().iter().find(|row| row.value == value)
}

/// With which value the system in an image is registered.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Proposal {
    /// The value.
    pub value: String,
    /// Why it is not that of the very system; `None` when it is.
    pub reason: Option<Text>,
    /// What the system calls itself.
    system: String,
    bits: u32,
    is_windows: bool,
}

impl Proposal {
    /// Whether the value is that of the very system.
    fn is_exact(&self) -> bool {
        self.reason.is_none()
    }

    /// Whether a value is for systems of this width, and of Linux or Windows.
    fn is_of_kind(&self, row: &ListedOs) -> bool {
        let family = match row.platform {
            "Windows" => self.is_windows,
            // `Other(64 bit)` is for either.
            "Other" => !(self.is_windows && row.value.contains("Linux")),
            _ => !self.is_windows,
        };
        family && row.bits == self.bits
    }
}

/// With which value the system in the image is registered: what the profile itself says of it, what
/// the platform's list has for it, the nearest of the list, or the value for other systems. `None`
/// when no system was recognised.
pub fn of_image(facts: &Facts, context: &Context) -> Option<Proposal> {
    let profile = context.profile;
    match facts.guest.known()? {
        Guest::Linux(linux) => {
            let os = linux.os.known()?.as_ref()?;
            let (arch, _) = linux.arch.known()?;
            let proposal = |value: &str, reason| Proposal {
                value: value.to_owned(),
                reason,
                system: os.name.clone(),
                bits: os_version::bits(*arch),
                is_windows: false,
            };
            if let Some(own) = os_version::own(os, context) {
                return Some(proposal(&own.os_version, None));
            }
            let found = os_version::os_version(os, *arch, profile);
            let (value, reason) = chosen(found, os_version::other(*arch), profile);
            Some(proposal(value, reason))
        }
        Guest::Windows(windows) => {
            let os = windows.os.known()?;
            let (arch, _) = windows.arch.known()?;
            let found = os_version::windows_version(os, *arch, profile);
            let (value, reason) = chosen(found, os_version::other_windows(*arch), profile);
            Some(Proposal {
                value: value.to_owned(),
                reason,
                system: os.name.clone(),
                bits: os_version::bits(*arch),
                is_windows: true,
            })
        }
        Guest::Absent(_) => None,
    }
}

/// Why no system was recognised, where something could not be read.
pub(crate) fn unread(facts: &Facts) -> Option<&Unread> {
    match facts.guest.as_result() {
        Err(unread) => Some(unread),
        Ok(Guest::Linux(linux)) => linux.os.unread().or(linux.arch.unread()),
        Ok(Guest::Windows(windows)) => windows.os.unread().or(windows.arch.unread()),
        Ok(Guest::Absent(_)) => None,
    }
}

/// The value, and why it is not that of the very system.
fn chosen(found: OsVersion, other: &'static str, profile: Profile) -> (&'static str, Option<Text>) {
    match found {
        OsVersion::Exact(row) => (row.value, None),
        OsVersion::Nearest(row, Text { en, zh }) => {
            let reason = Text {
                en: format!("the nearest of the list: {en}"),
                zh: format!("列表中最接近的取值：{zh}"),
            };
            (row.value, Some(reason))
        }
        OsVersion::None => {
            let Fixed { en, zh } = os_version::whose_list(profile);
            let reason = Text {
                en: format!("the value for other systems: {en} has none for this one"),
                zh: format!("用于其他系统的取值：{zh}中没有该系统"),
            };
            (other, Some(reason))
        }
    }
}

/// Compares what a value stands for in the list with the system in the image; whether it fits.
fn fits(
    problems: &mut Problems<'_, '_>,
    value: &Node,
    body: &str,
    row: &ListedOs,
    found: &Proposal,
) -> bool {
    let pointer = "/os_version";
    let Proposal { value: right, system, bits, .. } = found;
    let there = listed(right).filter(|there| there.platform != "Other");
    let same_family = there.is_none_or(|there| there.platform == row.platform);
    if !found.is_of_kind(row) || (row.platform != "Other" && !same_family) {
        let message = text!(
            "os_version says “{body}”, the image holds {system} ({bits} bit).",
            "os_version为“{body}”，镜像中的系统为{system}（{bits}位）。"
        );
        problems.broken(pointer, Some(value), message);
    } else if row.platform != "Other" && found.is_exact() && words(row.value) != words(right) {
        let message = text!(
            "os_version says “{body}”; for {system}, which is in the image, it is “{right}”.",
            "os_version为“{body}”；镜像中的系统为{system}，对应的取值为“{right}”。"
        );
        // What is not in the list as it stands is refused, whatever system it is of.
        if row.value == body {
            problems.doubtful(pointer, Some(value), message);
        } else {
            problems.broken(pointer, Some(value), message);
        }
    } else {
        return true;
    }
    propose(problems, found);
    false
}

/// What to write for the image: certain only for the very system.
fn propose(problems: &mut Problems<'_, '_>, found: &Proposal) {
    let Proposal { value, reason, .. } = found;
    match reason {
        None => problems.fix(Fix::Set("/os_version".to_owned(), Node::from(value.as_str()))),
        Some(Text { en, zh }) => problems.hint(Text {
            en: format!("\"os_version\": \"{value}\", {en}"),
            zh: format!("\"os_version\": \"{value}\"（{zh}）"),
        }),
    }
}

/// The value is of a list that does not count under the profile.
fn of_another_cloud(problems: &mut Problems<'_, '_>, value: &Node, row: &ListedOs) {
    let text = row.value;
    problems.doubtful(
        "/os_version",
        Some(value),
        text!(
            "“{text}” stands only in Open Telekom Cloud's list.",
            "“{text}”仅出现在Open Telekom Cloud的列表中。"
        ),
    );
    let profile = problems.case.profile();
    if let Some(own) = meant(text, profile) {
        problems.fix(Fix::Set("/os_version".to_owned(), Node::from(own.value)));
        return;
    }
    let arch = if row.bits == 32 { Architecture::I386 } else { Architecture::X86_64 };
    let other = match row.platform {
        "Windows" => os_version::other_windows(arch),
        _ => os_version::other(arch),
    };
    problems.hint(text!(
        "\"os_version\": \"{other}\"; “{text}” is Open Telekom Cloud's (--profile otc).",
        "\"os_version\": \"{other}\"；“{text}”是Open Telekom Cloud的取值（--profile otc）。"
    ));
}

/// The value is in no list, in no spelling.
fn unknown(problems: &mut Problems<'_, '_>, value: &Node, text: &str, found: Option<&Proposal>) {
    problems.broken(
        "/os_version",
        Some(value),
        text!("“{text}” is not in the platform's list.", "“{text}”不在平台的取值列表中。"),
    );
    if let Some(found) = found {
        propose(problems, found);
    } else if let Some(near) = os_version::nearest_to_text(text, problems.case.profile()) {
        let near = near.value;
        problems.hint(text!(
            "\"os_version\": \"{near}\", the nearest of the list",
            "\"os_version\": \"{near}\"（列表中最接近的取值）"
        ));
    }
}

fn check(case: &Case<'_>) -> Checked {
    let pointer = "/os_version";
    let Some(value) = case.field("os_version") else {
        let quick = case.field("is_quick_import") == Some(&Node::Bool(true));
        let iso = case.field("type").and_then(Node::text) == Some("IsoImage");
        if quick || iso {
            let mut problems = Problems::new(case);
            problems.broken(
                pointer,
                None,
                text!(
                    "Without os_version neither a fast import nor an ISO file is taken.",
                    "快速导入和ISO文件必须填写os_version。"
                ),
            );
            return problems.end(text!("", ""), &[]);
        }
        return Outcome::not_applicable(text!(
            "The body has no os_version: the platform looks for the system itself.",
            "请求体中没有os_version：由平台自动识别操作系统。"
        ))
        .into();
    };
    let mut problems = Problems::new(case);
    let Some(text) = value.text() else {
        wrong_type(&mut problems, pointer, value, ("a string", "字符串"));
        return problems.end(text!("", ""), &[]);
    };
    if case.variant != Variant::File {
        problems.doubtful(
            pointer,
            Some(value),
            text!(
                "os_version has no effect without image_url.",
                "没有image_url时，os_version不生效。"
            ),
        );
        problems.fix(Fix::Remove(pointer.to_owned()));
        return problems.end(text!("", ""), &[]);
    }
    let found = case.image.and_then(|image| of_image(image.facts, case.context));
    let holds = match found {
        Some(_) => text!(
            "os_version is in the list and fits the image.",
            "os_version在列表中，且与镜像一致。"
        ),
        None => text!("os_version is in the list.", "os_version在列表中。"),
    };
    // The profile's own value for a system need not be one of the cloud's list.
    if found.as_ref().is_some_and(|found| found.value == text) {
        return problems.end(holds, &[(pointer, value)]);
    }
    let profile = case.profile();
    let row = listed(text).or_else(|| meant(text, profile));
    let Some(row) = row else {
        unknown(&mut problems, value, text, found.as_ref());
        return problems.end(holds, &[(pointer, value)]);
    };
    // A value of another system is not to be corrected to that system's own spelling.
    if found.as_ref().is_some_and(|found| !fits(&mut problems, value, text, row, found)) {
        return problems.end(holds, &[(pointer, value)]);
    }
    if row.value != text {
        let right = row.value;
        let blank = if text.trim() == right { " (a blank at an end)" } else { "" };
        let zh_blank = if text.trim() == right { "（首尾有空格）" } else { "" };
        problems.broken(
            pointer,
            Some(value),
            text!(
                "“{text}” is not in the list{blank}: it is spelled “{right}” there.",
                "“{text}”不在列表中{zh_blank}，列表中的写法为“{right}”。"
            ),
        );
        problems.fix(Fix::Set(pointer.to_owned(), Node::from(right)));
    } else if !row.is_of(profile) {
        of_another_cloud(&mut problems, value, row);
    }
    if let Some(found) = &found {
        let is_other = row.platform == "Other" && row.value == text && found.is_of_kind(row);
        if is_other && found.is_exact() {
            let (right, system) = (&found.value, &found.system);
            let message = text!(
                "“{text}” is for any such system; {system}, which is in the image, has a value of its own, “{right}”.",
                "“{text}”适用于任何此类系统；镜像中的{system}有自己的取值“{right}”。"
            );
            return Outcome::noted(
                message,
                vec![Evidence::new(case.place(pointer), value.shown())],
            )
            .into();
        }
    }
    problems.end(holds, &[(pointer, value)])
}
