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
        StopKind::RootLeftAlone => Fixed::new(
            "The initramfs is told to leave alone what root lies on, and the start ends in its emergency shell",
            "initramfs按参数不会组装或激活根所在的阵列或卷，启动会停在其紧急shell",
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

/// The command that takes the word out, or puts another in its place.
fn repair(linux: &LinuxFacts, stop: &StartStop) -> Text {
    let word = &stop.word;
    let loader = linux.boot.loader.known().and_then(Option::as_ref);
    let is_bls = matches!(loader, Some((LoaderKind::Grub2Bls, _)));
    let place = shell::file_and_line(&stop.evidence.location);
    match (place.filter(|_| is_plain(word)), &stop.instead) {
        (Some(_), Some(instead)) if is_bls => {
            let all = with_its_like(linux, word, instead);
            text!(
                "grubby --update-kernel=ALL --remove-args={word}; grubby --update-kernel=ALL --args='{all}'; put {instead} in place of {word} in GRUB_CMDLINE_LINUX in /etc/default/grub as well",
                "grubby --update-kernel=ALL --remove-args={word}; grubby --update-kernel=ALL --args='{all}'；并将/etc/default/grub的GRUB_CMDLINE_LINUX中的{word}改为{instead}"
            )
        }
        (Some((file, line)), Some(instead)) => {
            let file = shell::quote_path(file);
            text!(
                "sed -i -E '{line}s#([[:space:]]){word}([[:space:]]|$)#\\1{instead}\\2#' {file}; put {instead} in place of {word} in GRUB_CMDLINE_LINUX in /etc/default/grub as well",
                "sed -i -E '{line}s#([[:space:]]){word}([[:space:]]|$)#\\1{instead}\\2#' {file}；并将/etc/default/grub的GRUB_CMDLINE_LINUX中的{word}改为{instead}"
            )
        }
        (Some(_), None) if is_bls => text!(
            "grubby --update-kernel=ALL --remove-args={word}; take {word} out of GRUB_CMDLINE_LINUX in /etc/default/grub as well",
            "grubby --update-kernel=ALL --remove-args={word}；并从/etc/default/grub的GRUB_CMDLINE_LINUX中删除{word}"
        ),
        (Some((file, line)), None) => {
            let file = shell::quote_path(file);
            text!(
                "sed -i -E '{line}s#[[:space:]]{word}([[:space:]]|$)# #' {file}; take {word} out of GRUB_CMDLINE_LINUX in /etc/default/grub as well. For an entry that is meant for recovery: make another the default (GRUB_DEFAULT, grub-set-default).",
                "sed -i -E '{line}s#[[:space:]]{word}([[:space:]]|$)# #' {file}；并从/etc/default/grub的GRUB_CMDLINE_LINUX中删除{word}。如果该引导项用于恢复，请将其他引导项设为默认（GRUB_DEFAULT、grub-set-default）。"
            )
        }
        (None, Some(instead)) => text!(
            "Put {instead} in place of {word} on the kernel command line of the default boot entry.",
            "将默认引导项的内核命令行中的{word}改为{instead}。"
        ),
        (None, None) if stop.kind == StopKind::AbsentDevice => text!(
            "Rebuild the initramfs, which says it by itself: dracut -f --regenerate-all",
            "重建initramfs（该参数在initramfs内部）：dracut -f --regenerate-all"
        ),
        (None, None) => text!(
            "Take {word} out of the kernel command line of the default boot entry.",
            "从默认引导项的内核命令行中删除{word}。"
        ),
    }
}

/// Whether a word has nothing in it that a shell or sed takes for more than itself.
fn is_plain(word: &str) -> bool {
    word.chars().all(|c| c.is_ascii_alphanumeric() || "-_=./:,@".contains(c))
}

/// What grubby must be given, which takes out all of the same name: the other words of this name of the
/// default entry, and what stands in place of `word`.
fn with_its_like(linux: &LinuxFacts, word: &str, instead: &str) -> String {
    let entry = linux.boot.default_entry.known().and_then(Option::as_ref);
    let words = entry.into_iter().flat_map(|entry| entry.command_line.split_ascii_whitespace());
    let name = instead.split_inclusive('=').next().unwrap_or_default();
    let others = words.filter(|other| other.starts_with(name) && *other != word && is_plain(other));
    others.chain([instead]).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::super::BootChainComplete;
    use crate::fact::{Evidence, Fact};
    use crate::guest::facts::{Facts, LinkKind, LinkState, LoaderKind, StartStop, StopKind};
    use crate::rules::Status;
    use crate::rules::testing::*;

    fn with(mut facts: Facts, kind: StopKind, word: &str) -> Facts {
        let entry = entry_mut(&mut facts);
        entry.command_line.push(' ');
        entry.command_line.push_str(word);
        let evidence = entry.command_line_evidence(word);
        linux_mut(&mut facts).boot.stop =
            Some(StartStop { kind, word: word.to_owned(), instead: None, evidence });
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
    fn an_array_that_is_not_listed_is_put_on_the_list() {
        let (word, instead) =
            ("rd.md.uuid=failme", "rd.md.uuid=01234567:89abcdef:01234567:89abcdef");
        let mut facts = with(good_linux(), StopKind::RootLeftAlone, word);
        let listed = "rd.md.uuid=fedcba98:76543210:fedcba98:76543210";
        let line = &mut entry_mut(&mut facts).command_line;
        line.push(' ');
        line.push_str(listed);
        linux_mut(&mut facts).boot.stop.as_mut().unwrap().instead = Some(instead.to_owned());
        let finding = expect(&BootChainComplete, &facts, Status::Fail, "/boot/grub2/grub.cfg:100");
        assert!(finding.message.en.contains("leave alone what root lies on"), "{finding:#?}");
        assert!(finding.message.zh.contains("根所在的阵列或卷"), "{finding:#?}");
        let command = format!(
            "sed -i -E '100s#([[:space:]]){word}([[:space:]]|$)#\\1{instead}\\2#' /boot/grub2/grub.cfg"
        );
        assert!(remedy(&finding).starts_with(&command), "{}", remedy(&finding));
        let at = Evidence::new("/boot/grub2/grub.cfg", "blscfg");
        linux_mut(&mut facts).boot.loader = Fact::Known(Some((LoaderKind::Grub2Bls, at)));
        let finding = expect(&BootChainComplete, &facts, Status::Fail, "failme");
        let command = format!("grubby --update-kernel=ALL --args='{listed} {instead}'");
        assert!(remedy(&finding).contains(&command), "{}", remedy(&finding));
    }

    #[test]
    fn a_word_that_no_command_should_hold_gets_none() {
        let facts = with(good_linux(), StopKind::Shell, "init=/bin/$(reboot)/sh");
        let finding = expect(&BootChainComplete, &facts, Status::Fail, "in place of init");
        assert!(remedy(&finding).starts_with("Take "), "{}", remedy(&finding));
    }
}
