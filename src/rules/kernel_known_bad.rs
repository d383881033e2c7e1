//! `kernel-known-bad`

use super::kernel_release::{default_kernel, evidence, numbers, version};
use super::scope::{Decision, linux_only, settle};
use super::{Context, Doc, Fixed, Level, Outcome, Profile, Rule, Text};
use crate::guest::facts::{Facts, LinuxFacts};
use crate::text;

/// The kernel is one of those with a known problem.
pub(super) struct KernelKnownBad;

static DOC: Doc = Doc {
    title: Fixed::new("The kernel is none of those with a known problem", "内核不在已知问题列表中"),
    why: Fixed::new(
        "The platform lists kernels that panic when a network card is added, or whose TCP connections come to a standstill.",
        "平台列出了热插网卡时会崩溃或TCP连接会停滞的内核版本。",
    ),
    decided: Fixed::new(
        "The release of the default kernel is compared with the list: CentOS 7 before 3.10.0-1160.25.1.el7; 3.10.0-957.21.3.el7, 4.4.0-151, 4.15.0-52, 4.9.0-9, 5.1.11-200.fc29, 4.12.14-lp150.12.64; 3.16 of Debian 8.",
        "将默认内核的版本号与列表比较：CentOS 7低于3.10.0-1160.25.1.el7；3.10.0-957.21.3.el7、4.4.0-151、4.15.0-52、4.9.0-9、5.1.11-200.fc29、4.12.14-lp150.12.64；Debian 8的3.16。",
    ),
    remedy: Fixed::new(
        "Update the kernel: yum update kernel; apt-get update && apt-get install linux-image-amd64 (Ubuntu: linux-generic); zypper update kernel-default.",
        "更新内核：yum update kernel；apt-get update && apt-get install linux-image-amd64（Ubuntu为linux-generic）；zypper update kernel-default。",
    ),
    source: "已知问题 (UG/已知问题.md)",
    predicts: &[],
    repaired_by_platform: false,
};

impl Rule for KernelKnownBad {
    fn id(&self) -> &'static str {
        "kernel-known-bad"
    }

    fn level(&self, _: Profile) -> Option<Level> {
        Some(Level::Informational)
    }

    fn doc(&self) -> &'static Doc {
        &DOC
    }

    fn check(&self, facts: &Facts, _: &Context) -> Outcome {
        settle(decide(facts))
    }
}

/// Releases, without the flavour or architecture behind them, on which TCP connections with selective
/// acknowledgements come to a standstill.
const STALLING: &[&str] = &[
    "3.10.0-957.21.3.el7",
    "4.4.0-151",
    "4.15.0-52",
    "4.9.0-9",
    "5.1.11-200.fc29",
    "4.12.14-lp150.12.64",
];

/// The first update of CentOS 7's kernel, behind `3.10.0-`, that does not panic when a network card is
/// added.
const HOT_PLUG_REPAIRED: [u32; 3] = [1160, 25, 1];

fn decide(facts: &Facts) -> Decision {
    let linux = linux_only(facts)?;
    let kernel = default_kernel(linux)?;
    let release = &kernel.release;
    let seen = vec![evidence(linux, kernel)];
    let known = problems(linux, release);
    if known.is_empty() {
        return Ok(Outcome::holds(
            text!(
                "The kernel {release} is none of those with a known problem.",
                "内核{release}不在已知问题列表中。"
            ),
            seen,
        ));
    }
    let en = known.iter().map(|problem| problem.en.as_str()).collect::<Vec<_>>().join("; ");
    let zh = known.iter().map(|problem| problem.zh.as_str()).collect::<Vec<_>>().join("；");
    Ok(Outcome::broken(
        text!(
            "The kernel {release} has a known problem: {en}.",
            "内核{release}存在已知问题：{zh}。"
        ),
        seen,
    ))
}

fn problems(linux: &LinuxFacts, release: &str) -> Vec<Text> {
    let mut problems = Vec::new();
    let behind = |name: &str| release.strip_prefix(name).map(|rest| rest.chars().next());
    if STALLING.iter().any(|name| matches!(behind(name), Some(None | Some('-' | '.')))) {
        problems.push(text!(
            "TCP connections may come to a standstill (selective acknowledgements)",
            "TCP连接可能停滞（SACK）"
        ));
    }
    let update = release.strip_prefix("3.10.0-").and_then(|rest| rest.split_once(".el7"));
    let update = update.and_then(|(update, _)| numbers(update));
    if update.is_some_and(|update| update < HOT_PLUG_REPAIRED) {
        problems.push(text!(
            "before 3.10.0-1160.25.1.el7 it may panic when a network card is added",
            "低于3.10.0-1160.25.1.el7，热插网卡时可能崩溃"
        ));
    }
    let debian = linux.os.known().and_then(Option::as_ref).is_some_and(|os| os.id == "debian");
    if debian && version(release).is_some_and(|[major, minor, _]| (major, minor) == (3, 16)) {
        problems.push(text!(
            "3.16 of Debian 8 does not work with network cards of the 1822 kind",
            "Debian 8的3.16内核无法使用1822网卡"
        ));
    }
    problems
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::Status;
    use crate::rules::testing::*;

    fn of(release: &str, id: &str) -> Facts {
        let mut facts = good_linux();
        kernel_mut(&mut facts).release = release.to_owned();
        os_mut(&mut facts).id = id.to_owned();
        facts
    }

    #[test]
    fn a_kernel_that_is_not_listed_passes() {
        for (release, id) in [
            ("3.10.0-1160.25.1.el7.x86_64", "centos"),
            ("3.10.0-1160.119.1.el7.x86_64", "centos"),
            ("4.15.0-520-generic", "ubuntu"),
            ("4.9.0-90-amd64", "debian"),
            ("3.16.0-custom", "ubuntu"),
            ("5.14.0-362.el9.x86_64", "rhel"),
        ] {
            expect(&KernelKnownBad, &of(release, id), Status::Pass, release);
        }
    }

    #[test]
    fn a_listed_kernel_is_worth_knowing() {
        for (release, id, problem) in [
            ("3.10.0-957.21.3.el7.x86_64", "centos", "standstill"),
            ("3.10.0-957.21.3.el7.x86_64", "centos", "network card is added"),
            ("3.10.0-1160.el7.x86_64", "centos", "network card is added"),
            ("4.15.0-52-generic", "ubuntu", "standstill"),
            ("4.9.0-9-amd64", "debian", "standstill"),
            ("4.12.14-lp150.12.64-default", "opensuse-leap", "standstill"),
            ("3.16.0-11-amd64", "debian", "1822"),
        ] {
            expect(&KernelKnownBad, &of(release, id), Status::Info, problem);
        }
    }

    #[test]
    fn an_unknown_kernel_is_unverified() {
        expect(&KernelKnownBad, &unread_inside(), Status::Unverified, "it was torn");
    }
}
