use super::*;
use crate::guest::facts::{ChainLink, ONLY_IN_JOURNAL, OTHER_IN_JOURNAL};

fn entry(release: &str) -> String {
    format!(
        "menuentry 'x' {{\nlinux /boot/vmlinuz-{release} root=UUID={UUID}\n\
         initrd /boot/initrd.img-{release}\n}}\n"
    )
}

const NEW: &str = "6.1.0-18-amd64";
const OLD: &str = "6.1.0-9-amd64";

/// The chain of a volume that is `stored` so far, and the link of that kind.
fn chain(replayed: FakeFs, stored: FakeFs, kind: LinkKind) -> (BootFacts, ChainLink) {
    let facts = follow(&with_filesystem(replayed.stored(stored)));
    let link = facts.chain.iter().find(|link| link.kind == kind).unwrap().clone();
    (facts, link)
}

fn is_only_in_journal(link: &ChainLink) {
    assert_eq!(link.state, LinkState::Missing);
    assert!(link.evidence.detail.ends_with(ONLY_IN_JOURNAL), "{link:?}");
}

fn other_in_journal(link: &ChainLink) -> &str {
    let LinkState::Unknown(reason) = &link.state else { panic!("{link:?}") };
    reason.strip_suffix(OTHER_IN_JOURNAL).unwrap()
}

#[test]
fn a_journal_that_holds_nothing_of_the_chain_changes_nothing_of_it() {
    let (facts, _) = chain(
        debian(&entry(NEW)).file("/var/log/messages", "x"),
        debian(&entry(NEW)),
        LinkKind::Configuration,
    );
    all_found(&facts);
}

#[test]
fn what_the_journal_alone_holds_is_missing() {
    let modules = || FakeFs::new().file("/boot/grub/i386-pc/normal.mod", "\x7fELF");
    let configured = || modules().file("/boot/grub/grub.cfg", entry(NEW));
    let with_kernel = || configured().file(&format!("/boot/vmlinuz-{NEW}"), kernel());
    for (stored, kind) in [
        (FakeFs::new().file("/boot/grub/grub.cfg", entry(NEW)), LinkKind::LoaderFiles),
        (modules(), LinkKind::Configuration),
        (configured(), LinkKind::Kernel),
        (with_kernel(), LinkKind::Initramfs),
    ] {
        is_only_in_journal(&chain(debian(&entry(NEW)), stored, kind).1);
    }
    // Its size is still that before it was written.
    let empty = with_kernel().file(&format!("/boot/initrd.img-{NEW}"), "");
    is_only_in_journal(&chain(debian(&entry(NEW)), empty, LinkKind::Initramfs).1);
}

#[test]
fn another_configuration_in_the_journal_counts_from_the_second_start_on() {
    let kind = LinkKind::Configuration;
    let (facts, link) = chain(debian(&entry(NEW)), debian(&entry(OLD)), kind);
    assert_eq!(other_in_journal(&link), format!("/boot/vmlinuz-{NEW}"));
    let kernel = default_entry(&facts).kernel.as_ref().unwrap();
    assert_eq!(kernel.spec, format!("/boot/vmlinuz-{OLD}"));
    let quiet = entry(NEW).replace("root=", "quiet root=");
    let (_, link) = chain(debian(&quiet), debian(&entry(NEW)), kind);
    assert_eq!(other_in_journal(&link), "/boot/grub/grub.cfg:2");
}

#[test]
fn another_content_in_the_journal_counts_from_the_second_start_on() {
    let volume = |initramfs: &str| {
        FakeFs::new()
            .file("/boot/grub/i386-pc/normal.mod", "\x7fELF")
            .file("/boot/grub/grub.cfg", entry(NEW))
            .file(&format!("/boot/vmlinuz-{NEW}"), kernel())
            .file(&format!("/boot/initrd.img-{NEW}"), initramfs)
    };
    let kind = LinkKind::Configuration;
    assert_eq!(
        other_in_journal(&chain(volume("new"), volume("old"), kind).1),
        format!("/boot/initrd.img-{NEW}")
    );
    assert_eq!(chain(volume("old"), volume("old"), kind).1.state, LinkState::Found);
}

#[test]
fn what_the_journal_takes_away_is_told() {
    let without = FakeFs::new().file("/boot/grub/grub.cfg", entry(NEW));
    let (_, link) = chain(without, debian(&entry(NEW)), LinkKind::Configuration);
    assert_eq!(other_in_journal(&link), "/boot/grub/i386-pc/normal.mod");
}
