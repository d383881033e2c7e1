//! `req-os-version`

use std::collections::BTreeSet;

use super::{
    BodyRule, Case, Checked, Doc, EVERYWHERE, Fix, Fixed, Level, Node, Outcome, Problems, Profile,
    Variant, wrong_type,
};
use crate::guest::facts::{Facts, Guest};
use crate::rules::os_version::{self, ListedOs, OsVersion};
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
    let trimmed = value.trim();
    let listed = || os_version::listed().iter();
    listed().find(|row| row.value == trimmed).or_else(|| {
        let wanted = words(trimmed);
        listed()
            .filter(|row| words(row.value) == wanted)
            .min_by_key(|row| os_version::preference(row.status, profile))
    })
}

/// The values that stand in the list for systems without a value of their own.
const OTHERS: &[&str] = &[
    "Other Linux (64 bit)",
    "Other Linux(32 bit)",
    "Other(32 bit)",
    "Other(64 bit)",
    "Other (64 bit)",
];

/// What the platform's list has for the system in the image; `None` when no system was recognised.
pub fn of_image(facts: &Facts, profile: Profile) -> Option<OsVersion> {
    match facts.guest.known()? {
        Guest::Linux(linux) => {
            let os = linux.os.known()?.as_ref()?;
            let (arch, _) = linux.arch.known()?;
            Some(os_version::os_version(os, *arch, profile))
        }
        Guest::Windows(windows) => {
            let os = windows.os.known()?;
            let (arch, _) = windows.arch.known()?;
            Some(os_version::windows_version(os, *arch, profile))
        }
        Guest::Absent(_) => None,
    }
}

fn fits(problems: &mut Problems<'_, '_>, value: &Node, row: &ListedOs, found: &OsVersion) {
    let pointer = "/os_version";
    let (there, exact) = match found {
        OsVersion::Exact(row) => (*row, true),
        OsVersion::Nearest(row, _) => (*row, false),
        OsVersion::None => return,
    };
    let (body, image) = (row.value, there.value);
    if row.platform != there.platform || row.bits != there.bits {
        let message = text!(
            "os_version says “{body}”, the image holds “{image}”.",
            "os_version为“{body}”，镜像中的系统为“{image}”。"
        );
        problems.broken(pointer, Some(value), message);
        if exact {
            problems.fix(Fix::Set(pointer.to_owned(), Node::from(image)));
        }
    } else if exact && words(body) != words(image) {
        let message = text!(
            "os_version says “{body}”, the image holds “{image}”.",
            "os_version为“{body}”，镜像中的系统为“{image}”。"
        );
        problems.doubtful(pointer, Some(value), message);
        problems.fix(Fix::Set(pointer.to_owned(), Node::from(image)));
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
    let found = case.image.and_then(|image| of_image(image.facts, case.profile()));
    let row = os_version::listed().iter().find(|row| row.value == text);
    match row.or_else(|| meant(text, case.profile())) {
        Some(row) if row.value == text => {
            let foreign = case.profile() != Profile::Otc && row.status.starts_with("otc-");
            if foreign {
                problems.doubtful(
                    pointer,
                    Some(value),
                    text!(
                        "“{text}” stands only in Open Telekom Cloud's list.",
                        "“{text}”仅出现在Open Telekom Cloud的列表中。"
                    ),
                );
            }
            if let Some(found) = &found {
                fits(&mut problems, value, row, found);
            }
        }
        Some(row) => {
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
            if let Some(found) = &found {
                fits(&mut problems, value, row, found);
            }
        }
        None if OTHERS.contains(&text) => {}
        None => {
            problems.broken(
                pointer,
                Some(value),
                text!("“{text}” is not in the platform's list.", "“{text}”不在平台的取值列表中。"),
            );
            if let Some(OsVersion::Exact(row)) = &found {
                problems.fix(Fix::Set(pointer.to_owned(), Node::from(row.value)));
            }
        }
    }
    let holds = match found {
        Some(_) => text!(
            "os_version is in the list and fits the image.",
            "os_version在列表中，且与镜像一致。"
        ),
        None => text!("os_version is in the list.", "os_version在列表中。"),
    };
    problems.end(holds, &[(pointer, value)])
}
