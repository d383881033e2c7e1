//! A start that the command line ends before the whole system is up.

use crate::fact::Evidence;
use crate::guest::facts::{LinuxFacts, LoaderKind, StartStop, StopKind};
use crate::rules::{Fixed, Outcome, Text, shell};
use crate::text;

/// The failure of such a start, with the command line and the entry that it belongs to.
pub(super) fn stopped(linux: &LinuxFacts, stop: &StartStop) -> Outcome {
    let (place, word) = (&stop.evidence.location, &stop.word);
    let Fixed { en, zh } = end(stop.kind);
    let mut evidence = vec![stop.evidence.clone()];
    if let Some(entry) = linux.boot.default_entry.known().and_then(Option::as_ref) {
        evidence.push(Evidence::new(entry.location.clone(), entry.title.clone()));
    }
    Outcome::broken(text!("{en}: {place} says {word}.", "{zh}：{place}中有{word}。"), evidence)
        .remedy(repair(linux, stop))
}

fn end(kind: StopKind) -> Fixed {
    match kind {
        StopKind::InitramfsShell => {
            Fixed::new("The start ends in a shell of the initramfs", "启动会停在initramfs的shell")
        }
        StopKind::AbsentDevice => Fixed::new(
            "The initramfs waits for a volume that is not there, and the start ends in its emergency shell",
            "initramfs等待不存在的卷，启动会停在其紧急shell",
        ),
        StopKind::Shell => Fixed::new(
            "The start ends in a shell on the console in place of init",
            "启动会以控制台shell代替init",
        ),
        StopKind::Rescue => Fixed::new(
            "The start ends in a rescue shell on the console",
            "启动会停在控制台的救援shell",
        ),
        StopKind::Emergency => Fixed::new("The start ends in emergency mode", "启动会进入紧急模式"),
        StopKind::PowerOff => {
            Fixed::new("The start turns the machine off or starts it over", "启动会关闭或重启系统")
        }
    }
}

/// The command that takes the word out.
fn repair(linux: &LinuxFacts, stop: &StartStop) -> Text {
    let word = &stop.word;
    let loader = linux.boot.loader.known().and_then(Option::as_ref);
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_=./:,@".contains(c);
    let place = shell::file_and_line(&stop.evidence.location);
    match place.filter(|_| word.chars().all(plain)) {
        Some(_) if matches!(loader, Some((LoaderKind::Grub2Bls, _))) => text!(
            "grubby --update-kernel=ALL --remove-args={word}; take {word} out of GRUB_CMDLINE_LINUX in /etc/default/grub as well",
            "grubby --update-kernel=ALL --remove-args={word}；并从/etc/default/grub的GRUB_CMDLINE_LINUX中删除{word}"
        ),
        Some((file, line)) => {
            let file = shell::quote_path(file);
            text!(
                "sed -i -E '{line}s#[[:space:]]{word}([[:space:]]|$)# #' {file}; take {word} out of GRUB_CMDLINE_LINUX in /etc/default/grub as well. For an entry that is meant for recovery: make another the default (GRUB_DEFAULT, grub-set-default).",
                "sed -i -E '{line}s#[[:space:]]{word}([[:space:]]|$)# #' {file}；并从/etc/default/grub的GRUB_CMDLINE_LINUX中删除{word}。如果该引导项用于恢复，请将其他引导项设为默认（GRUB_DEFAULT、grub-set-default）。"
            )
        }
        None if stop.kind == StopKind::AbsentDevice => text!(
            "Rebuild the initramfs, which says it by itself: dracut -f --regenerate-all",
            "重建initramfs（该参数在initramfs内部）：dracut -f --regenerate-all"
        ),
        None => text!(
            "Take {word} out of the kernel command line of the default boot entry.",
            "从默认引导项的内核命令行中删除{word}。"
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::super::BootChainComplete;
    use crate::guest::facts::{Facts, LinkKind, LinkState, StartStop, StopKind};
    use crate::rules::Status;
    use crate::rules::testing::*;

    fn with(mut facts: Facts, kind: StopKind, word: &str) -> Facts {
        let entry = entry_mut(&mut facts);
        entry.command_line.push(' ');
        entry.command_line.push_str(word);
        let evidence = entry.command_line_evidence(word);
        linux_mut(&mut facts).boot.stop = Some(StartStop { kind, word: word.to_owned(), evidence });
        facts
    }

    #[test]
    fn a_start_that_ends_in_a_shell_fails_with_the_line_and_the_word() {
        let facts = with(good_linux(), StopKind::Rescue, "single");
        let finding = expect(&BootChainComplete, &facts, Status::Fail, "/boot/grub2/grub.cfg:100");
        assert!(finding.message.en.contains("rescue shell"), "{}", finding.message.en);
        assert!(finding.message.en.contains("says single"), "{}", finding.message.en);
        let command = "sed -i -E '100s#[[:space:]]single([[:space:]]|$)# #' /boot/grub2/grub.cfg";
        assert!(remedy(&finding).starts_with(command), "{}", remedy(&finding));
    }

    #[test]
    fn it_counts_before_an_unknown_link_and_for_uefi_but_behind_a_missing_one() {
        let mut facts = with(good_linux(), StopKind::Shell, "init=/bin/bash");
        let set = |facts: &mut Facts, kind, state| {
            let chain = &mut linux_mut(facts).boot.chain;
            chain.iter_mut().find(|link| link.kind == kind).unwrap().state = state;
        };
        set(&mut facts, LinkKind::LoaderFiles, LinkState::Unknown("torn".to_owned()));
        expect(&BootChainComplete, &facts, Status::Fail, "in place of init");
        set(&mut facts, LinkKind::Kernel, LinkState::Missing);
        expect(&BootChainComplete, &facts, Status::Fail, "breaks at the kernel");
        let facts = with(uefi_only(), StopKind::InitramfsShell, "rd.break");
        expect(&BootChainComplete, &facts, Status::Fail, "shell of the initramfs");
    }

    #[test]
    fn what_the_initramfs_says_by_itself_is_mended_by_building_it_again() {
        let mut facts = with(good_linux(), StopKind::AbsentDevice, "rd.lvm.lv=rhel/swap");
        let stop = linux_mut(&mut facts).boot.stop.as_mut().unwrap();
        stop.evidence.location = "/boot/initramfs.img: etc/cmdline.d/90lvm.conf".to_owned();
        let finding = expect(&BootChainComplete, &facts, Status::Fail, "90lvm.conf");
        assert!(remedy(&finding).ends_with("dracut -f --regenerate-all"), "{finding:#?}");
    }

    #[test]
    fn a_word_that_no_command_should_hold_gets_none() {
        let facts = with(good_linux(), StopKind::Shell, "init=/bin/$(reboot)/sh");
        let finding = expect(&BootChainComplete, &facts, Status::Fail, "in place of init");
        assert!(remedy(&finding).starts_with("Take "), "{}", remedy(&finding));
    }
}
