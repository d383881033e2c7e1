//! The boot loader's entries: `root=`, `resume=`, the console, the menu's time.

use super::{Case, Plan};
use crate::fact::Fact;
use crate::guest::facts::{
    Architecture, BootEntry, LinkKind, LinkState, LinuxFacts, LoaderKind, ONLY_IN_JOURNAL,
    Resolution,
};
use crate::remedy::step::{Edit, Step};
use crate::rules::shell::{file_and_line, quote_in_script};
use crate::rules::{grub_root_uuid, system_mounts};
use crate::text;

/// The file from which `grub-mkconfig` takes its settings; the shell reads it, so what is said last
/// holds.
const DEFAULT_GRUB: &str = "/etc/default/grub";

pub(super) fn of(case: &Case<'_>) -> Option<Plan> {
    Some(match case.rule() {
        "grub-root-uuid" => root(case),
        "boot-and-system-same-disk" if case.is_broken("grub-root-uuid") => root(case),
        "boot-chain-complete" => chain(case)?,
        "resume-device-exists" => resume(case),
        "console-ttyS0" => console(case),
        "suse11-xen-unplug" => {
            Plan::steps(add_words(case.linux, "xen_platform_pci.dev_unplug=all"))
        }
        "grub-timeout" => timeout(case),
        _ => return None,
    })
}

/// The default entry and the others.
fn entries(linux: &LinuxFacts) -> impl Iterator<Item = &BootEntry> {
    let default = linux.boot.default_entry.known().and_then(Option::as_ref);
    default.into_iter().chain(&linux.boot.other_entries)
}

fn loader(linux: &LinuxFacts) -> Option<LoaderKind> {
    linux.boot.loader.known()?.as_ref().map(|(kind, _)| *kind)
}

fn grubby(linux: &LinuxFacts, what: &str) -> Option<Step> {
    (loader(linux) == Some(LoaderKind::Grub2Bls))
        .then(|| Step::run(format!("grubby --update-kernel=ALL {what}")))
}

fn is_grub2(linux: &LinuxFacts) -> bool {
    matches!(loader(linux), Some(LoaderKind::Grub2 | LoaderKind::Grub2Bls))
}

/// `root=` of each entry that names it by what leads nowhere, or to something else on another bus.
pub(super) fn root(case: &Case<'_>) -> Plan {
    let linux = case.linux;
    let Fact::Known(disk) = &case.facts.disk else { return Plan::ByHand(super::no_step()) };
    let default = linux.boot.default_entry.known().and_then(Option::as_ref);
    // An entry whose root is right may have a resume= that is not.
    let wrong = |entry: &&BootEntry| {
        entry.root.as_ref().is_some_and(|root| {
            system_mounts::is_unstable(root.kind) || root.resolution == Resolution::Missing
        })
    };
    if default.is_some_and(|entry| !wrong(&entry)) {
        return resume(case);
    }
    let name = default.and_then(|entry| grub_root_uuid::right_name(linux, disk, entry));
    let Some(name) = name else {
        return Plan::ByHand(text!(
            "Which volume is the root is not certain, or it has no UUID.",
            "无法确定根卷，或其没有UUID。"
        ));
    };
    let mut steps: Vec<Step> =
        grubby(linux, &format!("--args={}", quote_in_script(&format!("root={name}"))))
            .into_iter()
            .collect();
    if steps.is_empty() {
        for entry in entries(linux).filter(wrong) {
            let Some(root) = &entry.root else { continue };
            let old = format!("root={}", root.spec);
            steps.extend(swap(entry, &old, &format!("root={name}")));
        }
        if is_grub2(linux) {
            steps.push(Step::append(DEFAULT_GRUB, "GRUB_DISABLE_LINUX_UUID=false"));
        }
    }
    Plan::steps(steps)
}

/// One word of the entry's command line, in its file.
fn swap(entry: &BootEntry, old: &str, new: &str) -> Option<Step> {
    let (file, line) = file_and_line(&entry.command_line_location)?;
    let edit = Edit::Swap { line, old: old.to_owned(), new: new.to_owned() };
    Some(Step::edit(file, edit))
}

/// Words at the end of every entry's command line, for `grub-mkconfig` as well.
pub(super) fn add_words(linux: &LinuxFacts, words: &str) -> Vec<Step> {
    if let Some(step) = grubby(linux, &format!("--args={}", quote_in_script(words))) {
        return vec![step, remember(words)];
    }
    let mut steps = Vec::new();
    for entry in entries(linux) {
        let first = entry.command_line.split_ascii_whitespace().next();
        if let (Some((file, line)), Some(guard)) =
            (file_and_line(&entry.command_line_location), first)
        {
            let (guard, words) = (guard.to_owned(), words.to_owned());
            steps.push(Step::edit(file, Edit::Extend { line, guard, words }));
        }
    }
    if is_grub2(linux) && !steps.is_empty() {
        steps.push(remember(words));
    }
    steps
}

fn remember(words: &str) -> Step {
    let line = format!("GRUB_CMDLINE_LINUX=\"$GRUB_CMDLINE_LINUX {words}\"");
    Step::append(DEFAULT_GRUB, &line)
}

/// A word that the finding found goes from every entry's command line, and from what `grub-mkconfig`
/// would write.
pub(super) fn remove_word(linux: &LinuxFacts, word: &str) -> Vec<Step> {
    let mut steps: Vec<Step> =
        grubby(linux, &format!("--remove-args={}", quote_in_script(word))).into_iter().collect();
    if steps.is_empty() {
        let has =
            |entry: &&BootEntry| entry.command_line.split_ascii_whitespace().any(|w| w == word);
        let found = entries(linux).filter(has);
        steps.extend(found.filter_map(|entry| swap(entry, word, "")));
    }
    if is_grub2(linux) {
        // The line that the shell reads last; the words before it stay.
        let line = format!(
            "GRUB_CMDLINE_LINUX=$(printf '%s' \" $GRUB_CMDLINE_LINUX \" | sed {})",
            quote_in_script(&format!("s|[[:space:]]{word}[[:space:]]| |g"))
        );
        // Only words of our own form: an expression made of an image's text could be anything.
        if word.chars().all(|c| c.is_ascii_alphanumeric() || "-_=./:".contains(c)) {
            steps.push(Step::append(DEFAULT_GRUB, &line));
        }
    }
    steps
}

/// The chain's first missing link, where another finding's repair mends it.
fn chain(case: &Case<'_>) -> Option<Plan> {
    let missing = |link: &&crate::guest::facts::ChainLink| link.state == LinkState::Missing;
    let link = case.linux.boot.chain.iter().find(missing)?;
    if link.evidence.detail.ends_with(ONLY_IN_JOURNAL) {
        return Some(Plan::ByHand(text!(
            "The journal must be replayed: start the machine once and shut it down, or mount the file system elsewhere and unmount it.",
            "须回放日志：启动一次该机器后正常关机，或在其他环境中挂载该文件系统后再卸载。"
        )));
    }
    match link.kind {
        LinkKind::RootDevice => Some(root(case)),
        LinkKind::Initramfs => Some(super::drivers::rebuilt(case)),
        _ => Some(Plan::ByHand(text!(
            "The boot loader, a kernel or an init must be installed again, from the machine itself or from a rescue system that can boot it.",
            "须在原机器或可启动该系统的救援环境中重新安装引导程序、内核或init。"
        ))),
    }
}

fn resume(case: &Case<'_>) -> Plan {
    let linux = case.linux;
    let mut steps = Vec::new();
    for entry in entries(linux) {
        let missing =
            entry.resume.as_ref().filter(|resume| resume.resolution == Resolution::Missing);
        if let Some(resume) = missing {
            steps.extend(remove_word(linux, &format!("resume={}", resume.spec)));
        }
    }
    let settings = linux.drivers.resume.known().into_iter().flatten();
    let mut in_initramfs = false;
    for setting in settings {
        let gone = setting.device.as_ref().is_some_and(|d| d.resolution == Resolution::Missing);
        // Also one that the command line overrules as long as it says resume= itself.
        if !gone {
            continue;
        }
        in_initramfs = true;
        if setting.evidence.location.starts_with("/etc/initramfs-tools/") {
            let file = file_and_line(&setting.evidence.location)
                .map_or(setting.evidence.location.as_str(), |(file, _)| file);
            steps.push(super::set(&setting.evidence, file, "RESUME", "RESUME=none"));
        }
    }
    steps.dedup();
    if in_initramfs {
        steps.extend(super::drivers::rebuild_default(linux));
    }
    Plan::steps(steps)
}

fn console(case: &Case<'_>) -> Plan {
    let arm =
        matches!(case.linux.arch.known(), Some((Architecture::Aarch64 | Architecture::Arm, _)));
    // The last one is what /dev/console is; the screen stays a console, too.
    let words = if arm { "console=tty0 console=ttyAMA0" } else { "console=tty0 console=ttyS0" };
    Plan::steps(add_words(case.linux, words))
}

fn timeout(case: &Case<'_>) -> Plan {
    let place = case.linux.boot.timeout.as_ref().map(|(_, seen)| seen);
    let found = place.and_then(|seen| Some((file_and_line(&seen.location)?, seen)));
    let (Some(((file, line), seen)), true) = (found, is_grub2(case.linux)) else {
        return Plan::ByHand(super::no_step());
    };
    let (old, new) = (seen.detail.clone(), "timeout=0".to_owned());
    Plan::steps(vec![
        Step::edit(file, Edit::Swap { line, old, new }),
        Step::append(DEFAULT_GRUB, "GRUB_TIMEOUT=0"),
    ])
}
