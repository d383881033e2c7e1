//! The archives in `testdata/initramfs` were made with GNU cpio and compressed with the usual tools;
//! the modules in them are those that `cpio -t` lists.

#![allow(clippy::arithmetic_side_effects, clippy::as_conversions, clippy::cast_possible_truncation)]

use std::io::Read;
use std::sync::Arc;

use super::*;
use crate::guest::facts::ListingEnd;

const ZSTD: &[u8] = include_bytes!("../../../../testdata/initramfs/main.cpio.zst");
const ZSTD_CRC: &[u8] = include_bytes!("../../../../testdata/initramfs/main-crc.cpio.zst");
const ZSTD_ODC: &[u8] = include_bytes!("../../../../testdata/initramfs/main-odc.cpio.zst");
const ZSTD_EARLY: &[u8] = include_bytes!("../../../../testdata/initramfs/early.cpio.zst");
const GZIP: &[u8] = include_bytes!("../../../../testdata/initramfs/main.cpio.gz");
const XZ: &[u8] = include_bytes!("../../../../testdata/initramfs/main.cpio.xz");
const LZMA: &[u8] = include_bytes!("../../../../testdata/initramfs/main.cpio.lzma");
const BZIP2: &[u8] = include_bytes!("../../../../testdata/initramfs/main.cpio.bz2");
const LZ4: &[u8] = include_bytes!("../../../../testdata/initramfs/main.cpio.lz4");
const LZ4_MODERN: &[u8] = include_bytes!("../../../../testdata/initramfs/main.cpio.lz4-modern");

const COMPRESSED: [(&str, &[u8]); 6] =
    [("gzip", GZIP), ("xz", XZ), ("lzma", LZMA), ("bzip2", BZIP2), ("lz4", LZ4), ("zstd", ZSTD)];

const MODULES: [&str; 9] = [
    "ata_piix",
    "virtio",
    "virtio_blk",
    "virtio_net",
    "virtio_pci",
    "virtio_ring",
    "virtio_scsi",
    "xen_blkfront",
    "xen_netfront",
];

/// Bytes that never lie contiguously, as in a container with compressed clusters.
struct Scattered(Vec<u8>);

impl Bytes for Scattered {
    fn len(&self) -> u64 {
        Bytes::len(&self.0)
    }

    fn read_at(&self, offset: u64, buf: &mut [u8]) -> crate::Result<()> {
        self.0.read_at(offset, buf)
    }
}

fn unzstd(bytes: &[u8]) -> Vec<u8> {
    let mut plain = Vec::new();
    zstd::Decoder::new(bytes).unwrap().read_to_end(&mut plain).unwrap();
    plain
}

/// Lists everything, from contiguous and from scattered bytes, which must not differ.
fn list_all(bytes: Vec<u8>) -> InitramfsFacts {
    list_for(bytes, &Wanted::Everything)
}

fn list_for(bytes: Vec<u8>, wanted: &Wanted) -> InitramfsFacts {
    list_files(bytes, wanted).0
}

fn list_files(bytes: Vec<u8>, wanted: &Wanted) -> (InitramfsFacts, Files) {
    let contiguous = list("/boot/initrd", &bytes, wanted, &mut Budget::default());
    assert_eq!(list("/boot/initrd", &Scattered(bytes), wanted, &mut Budget::default()), contiguous);
    contiguous
}

fn names(facts: &InitramfsFacts) -> Vec<&str> {
    facts.modules.iter().map(String::as_str).collect()
}

fn reason(facts: &InitramfsFacts) -> &str {
    &facts.listing.unread().unwrap().reason
}

/// One newc entry, laid out as buffer-format.rst has it.
fn entry(name: &str, mode: u32, content: &[u8]) -> Vec<u8> {
    let mut bytes = b"070701".to_vec();
    let name_size = name.len() as u32 + 1;
    for field in [7, mode, 0, 0, 1, 0, content.len() as u32, 0, 0, 0, 0, name_size, 0] {
        bytes.extend(format!("{field:08x}").bytes());
    }
    bytes.extend(name.bytes());
    bytes.push(0);
    bytes.resize(bytes.len().next_multiple_of(4), 0);
    bytes.extend(content);
    bytes.resize(bytes.len().next_multiple_of(4), 0);
    bytes
}

fn module(name: &str) -> Vec<u8> {
    entry(&format!("lib/modules/6.1/{name}.ko"), 0o100_644, b"ELF")
}

fn trailer() -> Vec<u8> {
    entry("TRAILER!!!", 0, b"")
}

#[test]
fn every_compression_of_the_kernel_gives_the_same_listing() {
    for (name, bytes) in COMPRESSED {
        let facts = list_all(bytes.to_vec());
        assert_eq!(names(&facts), MODULES, "{name}");
        assert_eq!(facts.segments, [format!("offset 0: cpio, {name}")]);
        assert_eq!(facts.listing, Fact::Known(ListingEnd::Complete), "{name}");
    }
}

#[test]
fn plain_archives_with_and_without_checksums_are_listed() {
    for archive in [ZSTD, ZSTD_CRC] {
        let facts = list_all(unzstd(archive));
        assert_eq!(names(&facts), MODULES);
        assert_eq!(facts.segments, ["offset 0: cpio, none"]);
        assert_eq!(facts.listing, Fact::Known(ListingEnd::Complete));
    }
}

#[test]
fn a_microcode_archive_in_front_does_not_hide_the_main_one() {
    let early = unzstd(ZSTD_EARLY);
    for (name, bytes) in COMPRESSED {
        let facts = list_all([&early, bytes].concat());
        assert_eq!(names(&facts), MODULES);
        assert_eq!(
            facts.segments,
            ["offset 0: cpio, none".to_owned(), format!("offset 3072: cpio, {name}")]
        );
        assert_eq!(facts.listing, Fact::Known(ListingEnd::Complete));
    }
}

#[test]
fn segments_may_follow_a_compressed_one_behind_zeros() {
    for (name, bytes) in COMPRESSED {
        let mut image = bytes.to_vec();
        image.resize((image.len() + 8).next_multiple_of(512), 0);
        let next = image.len();
        image.extend(module("appended"));
        image.extend(trailer());
        let facts = list_all(image);
        assert!(facts.modules.contains("appended"), "{name}");
        assert_eq!(facts.segments.last(), Some(&format!("offset {next}: cpio, none")));
        assert_eq!(facts.listing, Fact::Known(ListingEnd::Complete));
    }
}

#[test]
fn several_archives_in_one_compressed_stream_are_all_listed() {
    let plain = [module("one"), trailer(), vec![0; 512], module("two"), trailer()].concat();
    let facts = list_all(zstd::encode_all(&plain[..], 1).unwrap());
    assert_eq!(names(&facts), ["one", "two"]);
    assert_eq!(facts.listing, Fact::Known(ListingEnd::Complete));
}

#[test]
fn a_listing_ends_when_each_group_has_a_module() {
    let wanted = Wanted::Modules(vec![
        Group::new(["virtio_blk"]),
        Group::new(["pata_*", "ata_generic", "ata_p*"]),
    ]);
    // What lies behind is damaged, and is not reached.
    let plain =
        [module("ata_piix"), module("virtio-blk"), module("later"), b"0707junk".to_vec()].concat();
    for image in [plain.clone(), zstd::encode_all(&plain[..], 1).unwrap()] {
        let facts = list_for(image, &wanted);
        assert_eq!(names(&facts), ["ata_piix", "virtio_blk"]);
        assert_eq!(facts.listing, Fact::Known(ListingEnd::Satisfied));
    }
    let facts = list_all(plain);
    assert!(facts.modules.contains("later"));
    assert!(reason(&facts).contains("ends inside an entry"), "{}", reason(&facts));
}

#[test]
fn what_is_built_in_is_sought_no_more() {
    let builtin = ["pata_acpi".to_owned(), "virtio_blk".to_owned()].into();
    let groups = [Group::new(["virtio_blk"]), Group::new(["ata_piix", "pata_*"])];
    let facts = list_for(ZSTD.to_vec(), &Wanted::modules(groups, &builtin));
    assert_eq!(facts.listing, Fact::Known(ListingEnd::Satisfied));
    assert!(facts.segments.is_empty());
}

#[test]
fn a_stream_that_is_cut_off_is_unknown_and_keeps_what_was_seen() {
    for (name, bytes) in COMPRESSED {
        let facts = list_all(bytes[..bytes.len() * 3 / 4].to_vec());
        let reason = reason(&facts);
        assert!(reason.contains(&format!("segment at offset 0 (cpio, {name})")), "{reason}");
        assert!(facts.damaged, "{reason}");
    }
    let plain = unzstd(ZSTD);
    let facts = list_all(plain[..plain.len() / 2].to_vec());
    assert!(!facts.modules.is_empty() && facts.modules.len() < MODULES.len());
    assert!(reason(&facts).contains("ends inside an entry"));
    assert!(facts.damaged);
}

#[test]
fn a_damaged_stream_is_unknown() {
    for (name, bytes) in COMPRESSED {
        let mut damaged = bytes.to_vec();
        let middle = damaged.len() / 2;
        damaged[middle..middle + 16].fill(0xff);
        let facts = list_all(damaged);
        assert!(facts.listing.unread().is_some(), "{name}");
        // These two go on with other bytes, in which junk stands for the next header.
        let told = !["gzip", "lz4"].contains(&name);
        assert!(facts.damaged || !told, "{name}: {}", reason(&facts));
    }
}

#[test]
fn what_the_kernel_does_not_read_is_unknown() {
    let lzo = b"\x89LZO\0\r\n\x1a\n".to_vec();
    for (image, expected) in [
        (LZ4_MODERN.to_vec(), "only the legacy kind"),
        (lzo, "lzo"),
        (unzstd(ZSTD_ODC), "old ASCII format"),
        (ZSTD_ODC.to_vec(), "old ASCII format"),
        (vec![b'x'; 64], "neither a cpio archive nor compressed"),
        ([&module("a")[..], &trailer(), b"\0\0\0x"].concat(), "broken padding"),
        ([&module("a")[..], &trailer(), b"junk"].concat(), "neither a cpio archive"),
        (zstd::encode_all(&[&module("a")[..], b"junk"].concat()[..], 1).unwrap(), "junk in the"),
        ([b"\0\0", &module("a")[..]].concat(), "no multiple of 4"),
        (entry("a", 0o100_644, b"").replace_nul(), "does not end in NUL"),
        (Vec::new(), "empty"),
    ] {
        let facts = list_all(image);
        assert!(reason(&facts).contains(expected), "{expected}: {}", reason(&facts));
        assert!(!facts.damaged, "{expected}");
    }
}

trait ReplaceNul {
    fn replace_nul(self) -> Self;
}

impl ReplaceNul for Vec<u8> {
    fn replace_nul(mut self) -> Self {
        self[111] = b'b';
        self
    }
}

#[test]
fn a_file_of_zeros_holds_nothing_and_is_complete() {
    let facts = list_all(vec![0; 1_000_000]);
    assert_eq!(facts.listing, Fact::Known(ListingEnd::Complete));
    assert!(facts.segments.is_empty());
}

#[test]
fn an_image_inside_that_may_hold_modules_makes_the_listing_unknown() {
    let plain = [module("virtio"), entry("squashfs-root.img", 0o100_644, b"hsqs")].concat();
    let facts = list_all(plain.clone());
    assert!(reason(&facts).contains("squashfs-root.img"));
    let facts = list_for(plain, &Wanted::Modules(vec![Group::new(["virtio"])]));
    assert_eq!(facts.listing, Fact::Known(ListingEnd::Satisfied));
}

#[test]
fn a_name_longer_than_the_kernel_reads_is_passed_over() {
    let long = entry(&"x".repeat(5000), 0o100_644, b"content");
    let facts = list_all([long, module("behind")].concat());
    assert_eq!(names(&facts), ["behind"]);
    assert_eq!(facts.listing, Fact::Known(ListingEnd::Complete));
}

#[test]
fn entries_are_read_at_every_alignment_to_the_chunks() {
    for shift in 0..140 {
        let mut plain = entry("padding", 0o100_644, &vec![b'p'; 131_072 - 280 + shift]);
        plain.extend(module("across"));
        plain.extend(module("behind"));
        let facts = list_all(zstd::encode_all(&plain[..], 1).unwrap());
        assert_eq!(names(&facts), ["across", "behind"], "{shift}");
        assert_eq!(facts.listing, Fact::Known(ListingEnd::Complete));
    }
}

#[test]
fn more_to_look_at_than_the_bound_is_unknown() {
    // 1.5 GiB of zeros, some 50 KiB compressed.
    let part = zstd::bulk::compress(&vec![0; 1 << 26], 1).unwrap();
    let mut budget = Budget::default();
    let (facts, _) = list("/boot/initrd", &part.repeat(24), &Wanted::Everything, &mut budget);
    assert!(reason(&facts).contains("1024 MiB"), "{}", reason(&facts));
    assert!(!facts.damaged);
}

#[test]
fn a_window_beyond_the_kernels_is_refused() {
    // Magic; frame header descriptor 0; window descriptor 31 << 3: 2^41 bytes (RFC 8878, 3.1.1.1).
    let facts = list_all(vec![0x28, 0xb5, 0x2f, 0xfd, 0, 0xf8, 1, 0, 0]);
    let expected = "zstd): more than 128 MiB of memory for the decompressor";
    assert!(reason(&facts).contains(expected), "{}", reason(&facts));
    assert!(!facts.damaged);
}

#[test]
fn no_damage_makes_the_listing_panic() {
    let early = unzstd(ZSTD_EARLY);
    let plain = unzstd(ZSTD);
    let images = COMPRESSED.map(|(_, bytes)| [&early[..3072], bytes].concat());
    let mut seed = 0x9e37_79b9_7f4a_7c15_u64;
    let mut random = move || {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        seed as usize
    };
    for image in images.iter().chain([&plain]) {
        for _ in 0..200 {
            let mut image = image.clone();
            for _ in 0..=random() % 4 {
                let at = random() % image.len();
                match random() % 4 {
                    0 => image[at] = random() as u8,
                    1 => image[at] ^= 1 << (random() % 8),
                    2 => image.truncate(at + 1),
                    _ => image[at] = b"0fF"[random() % 3],
                }
            }
            let facts = list_for(image, &Wanted::Everything);
            assert!(facts.modules.len() <= 4096);
        }
    }
}

#[test]
fn the_files_of_an_entry_share_the_bound_on_what_is_unpacked() {
    let mut budget = Budget::modest(1 << 20, None, &Arc::default());
    let mut listed =
        || list("/boot/initrd", &GZIP.to_vec(), &Wanted::Everything, &mut budget).0.listing;
    let whole = (0..10_000).take_while(|_| listed().known().is_some()).count();
    assert!((1..10_000).contains(&whole), "{whole}");
    let end = listed();
    assert!(end.unread().unwrap().reason.contains("to look at"), "{end:?}");
}

fn settings_of(files: &Files, path: &str) -> Option<String> {
    match files.get(path)? {
        Setting::Text(text) => Some(String::from_utf8(text.to_vec()).unwrap()),
        other => Some(format!("{other:?}")),
    }
}

fn settings() -> Vec<u8> {
    [
        entry("etc/modprobe.d", 0o040_755, b""),
        entry("etc/modprobe.d/a.conf", 0o100_644, b"blacklist floppy\n"),
        entry("etc/modprobe.d/b.conf", 0o120_777, b"/dev/null"),
        entry("usr/lib/modprobe.d/c.conf", 0o100_644, &vec![b'#'; 65_537]),
        entry("usr/lib/modules/6.1/kernel/virtio_blk.ko", 0o100_644, b"ELF"),
        entry("usr/lib/modules/6.1/modules.alias", 0o100_644, b"alias virtio:d00000002v* x\n"),
        entry("usr/sbin/lvm", 0o100_755, b"ELF"),
    ]
    .concat()
}

#[test]
fn the_settings_are_read_as_the_stream_passes() {
    for image in [settings(), zstd::encode_all(&settings()[..], 1).unwrap()] {
        let (facts, files) = list_files(image, &Wanted::Everything);
        assert_eq!(facts.listing, Fact::Known(ListingEnd::Complete));
        assert_eq!(facts.programs, ["lvm".to_owned()].into());
        assert_eq!(facts.releases, ["6.1".to_owned()].into());
        let text = |path| settings_of(&files, path);
        assert_eq!(text("etc/modprobe.d/a.conf").unwrap(), "blacklist floppy\n");
        assert_eq!(files.get("etc/modprobe.d/b.conf"), Some(&Setting::Link(b"/dev/null".to_vec())));
        assert_eq!(files.get("lib/modprobe.d/c.conf"), Some(&Setting::TooLong(65_537)));
        assert_eq!(text("lib/modules/6.1/modules.alias").unwrap(), "alias virtio:d00000002v* x\n");
        assert_eq!(files.below("etc/modprobe.d/").len(), 2);
    }
}

#[test]
fn an_index_of_aliases_stands_for_their_text() {
    let index = entry("usr/lib/modules/6.1/modules.alias.bin", 0o100_644, b"\xb0\x07\xf4\x57");
    let (_, files) = list_files(index, &Wanted::Everything);
    assert!(files.has_index("6.1") && !files.has_index("6.2"));
}

#[test]
fn content_is_read_at_every_alignment_to_the_chunks() {
    let text: Vec<u8> = (0..3000_u32).map(|n| b'a' + (n % 26) as u8).collect();
    for shift in 0..140 {
        let mut plain = entry("padding", 0o100_644, &vec![b'p'; 131_072 - 280 + shift]);
        plain.extend(entry("etc/modprobe.d/x.conf", 0o100_644, &text));
        plain.extend(entry("etc/modprobe.d/empty.conf", 0o100_644, b""));
        plain.extend(module("behind"));
        let (facts, files) =
            list_files(zstd::encode_all(&plain[..], 1).unwrap(), &Wanted::Everything);
        assert_eq!(names(&facts), ["behind"], "{shift}");
        let setting = files.get("etc/modprobe.d/x.conf");
        assert_eq!(setting, Some(&Setting::Text(text.clone().into())), "{shift}");
        let empty = files.get("etc/modprobe.d/empty.conf");
        assert_eq!(empty, Some(&Setting::Text(Arc::default())));
    }
}

#[test]
fn paths_worth_knowing_are_noted() {
    let image = [
        entry("etc/udev/rules.d/70-persistent-net.rules", 0o100_644, b"x"),
        entry("lib/modules/3.0/updates/pvdriver/xen-vnif.ko", 0o100_644, b"ELF"),
        trailer(),
    ];
    let facts = list_all(image.concat());
    assert_eq!(facts.noted, ["lib/modules/3.0/updates/pvdriver/xen-vnif.ko"]);
    assert_eq!(facts.persistent_net_rules, ["etc/udev/rules.d/70-persistent-net.rules"]);
}

#[test]
fn udev_rules_whose_names_are_not_utf_8_or_too_many_are_told() {
    let mut image = entry("etc/udev/rules.d/70-?-persistent-net.rules", 0o100_644, b"x");
    let mark = image.iter().position(|byte| *byte == b'?').unwrap();
    image[mark] = 0xff;
    image.extend(trailer());
    let facts = list_all(image);
    assert_eq!(facts.persistent_net_rules, ["etc/udev/rules.d/70-\u{fffd}-persistent-net.rules"]);
    let name = |index| format!("etc/udev/rules.d/{index}-persistent-net.rules");
    let mut image: Vec<_> = (0..65).map(|index| entry(&name(index), 0o100_644, b"x")).collect();
    image.push(trailer());
    let facts = list_all(image.concat());
    assert_eq!(facts.persistent_net_rules.len(), 64);
    assert!(facts.listing.unread().unwrap().reason.contains("udev rules"), "{facts:?}");
}

/// As `cpio -o -H newc` of GNU writes a file of two names: for each an entry with the same inode.
fn linked(name: &str, content: &[u8]) -> Vec<u8> {
    let mut bytes = entry(name, 0o100_644, content);
    bytes[38..46].copy_from_slice(b"00000002");
    bytes
}

fn files_of(entries: &[Vec<u8>]) -> Files {
    list_files([entries.concat(), trailer()].concat(), &Wanted::Everything).1
}

const A: &str = "etc/modprobe.d/a.conf";
const B: &str = "etc/modprobe.d/b.conf";

#[test]
fn a_file_of_several_names_has_its_content_under_each() {
    for order in [[(A, ""), (B, "x y")], [(A, "x y"), (B, "")], [(A, ""), ("etc/x", "x y")]] {
        let files = files_of(&order.map(|(name, content)| linked(name, content.as_bytes())));
        for (name, _) in order.iter().filter(|(name, _)| *name != "etc/x") {
            assert_eq!(settings_of(&files, name).unwrap(), "x y", "{order:?}");
        }
        assert!(!files.overflow());
    }
    // Names share it, however many there are and however often they come.
    let text = vec![b'#'; 60_000];
    let names: Vec<_> =
        (0..200).map(|n| linked(&format!("etc/modprobe.d/{n}.conf"), &text)).collect();
    let files = files_of(&names[..100]);
    let texts = files.below("etc/modprobe.d/");
    let [(_, Setting::Text(first)), .., (_, Setting::Text(last))] = &texts[..] else { panic!() };
    assert!(Arc::ptr_eq(first, last) && texts.len() == 100 && !files.overflow());
    assert!(files_of(&names).overflow());
}

#[test]
fn a_file_of_several_names_that_is_too_long_is_so_under_each() {
    let files = files_of(&[linked(A, &[b'#'; 65_537]), linked(B, b"")]);
    for name in [A, B] {
        assert_eq!(files.get(name), Some(&Setting::TooLong(65_537)));
    }
}

#[test]
fn a_setting_whose_content_came_under_another_name_before_is_not_known() {
    let files = files_of(&[linked("etc/x", b"x y"), linked(A, b"")]);
    assert!(files.overflow() && files.get(A).is_none());
    let files = files_of(&[linked(A, b""), linked("etc/x", b"")]);
    assert_eq!((settings_of(&files, A).unwrap().as_str(), files.overflow()), ("", false));
    // Which files have content is kept of so many.
    let filled = |number: u32| {
        let mut bytes = linked("x", b"x");
        bytes[6..14].copy_from_slice(format!("{:08x}", number + 8).as_bytes());
        bytes
    };
    let of = |count| files_of(&[(0..count).flat_map(filled).collect(), linked(A, b"")]);
    assert!(!of(4096).overflow() && of(4097).overflow());
}

#[test]
fn a_file_behind_the_names_of_another_leaves_these_unknown() {
    assert!(files_of(&[linked(A, b"x"), entry(A, 0o100_644, b"y")]).overflow());
    let files = files_of(&[entry(A, 0o100_644, b"y"), linked(A, b"x")]);
    assert_eq!((settings_of(&files, A).unwrap().as_str(), files.overflow()), ("x", false));
}

#[test]
fn what_the_kernel_removes_again_leaves_a_setting_unknown() {
    let directory = || entry(A, 0o040_755, b"");
    for again in [linked(A, b"x y"), directory()] {
        assert!(files_of(&[linked(A, b"x y"), again]).overflow());
    }
    assert!(files_of(&[entry(A, 0o100_644, b"x y"), directory()]).overflow());
    assert!(!files_of(&[directory(), entry(A, 0o100_644, b"x y")]).overflow());
}

#[test]
fn names_of_files_with_several_end_at_the_bound_over_all_archives() {
    let of = |count| files_of(&vec![[linked(A, b"x y"), trailer()].concat(); count]);
    assert!(!of(256).overflow());
    assert_eq!(settings_of(&of(256), A).unwrap(), "x y");
    assert!(of(257).overflow());
}

#[test]
fn a_file_of_several_names_reaches_over_segments_to_the_trailer() {
    let behind = |end: Vec<u8>| {
        let junk = [0_u8; 8].to_vec();
        let next = [linked("etc/x", b"x y"), trailer()].concat();
        let next = zstd::encode_all(&next[..], 1).unwrap();
        let (_, files) =
            list_files([linked(A, b""), end, junk, next].concat(), &Wanted::Everything);
        files
    };
    assert_eq!(settings_of(&behind(Vec::new()), A).unwrap(), "x y");
    assert_eq!(settings_of(&behind(trailer()), A).unwrap(), "");
}

#[test]
fn only_what_the_kernel_unpacks_counts() {
    // A link by the name of the trailer ends nothing; the content of a device makes the kernel pass over it.
    let link = entry("TRAILER!!!", 0o120_777, b"x");
    let files = files_of(&[linked(A, b""), link, linked("etc/x", b"x y")]);
    assert_eq!(settings_of(&files, A).unwrap(), "x y");
    assert_eq!(files_of(&[entry(A, 0o010_644, b"x y")]), Files::default());
}

#[test]
fn a_file_whose_content_may_come_behind_a_bound_is_not_known_to_be_empty() {
    let image = [linked(A, b""), entry("x", 0o100_644, &vec![b'x'; 1 << 20]), trailer()].concat();
    let mut budget = Budget::modest(1 << 10, None, &Arc::default());
    let (facts, files) = list("/boot/initrd", &image, &Wanted::Everything, &mut budget);
    assert!(reason(&facts).contains("to look at"), "{facts:?}");
    assert!(files.overflow() && files.get(A).is_none());
}

#[test]
fn the_numbers_of_inodes_end_with_the_archive() {
    let files = files_of(&[linked(A, b""), trailer(), linked("etc/x", b"x y"), linked(B, b"")]);
    assert_eq!(settings_of(&files, A).unwrap(), "");
    assert!(files.overflow() && files.get(B).is_none());
}

#[test]
fn udev_rules_of_several_names_count_where_the_file_has_content() {
    let rules = || linked("etc/udev/rules.d/70-persistent-net.rules", b"");
    for (content, kept) in [(&b""[..], 0), (b"x", 1)] {
        for order in [[rules(), linked("x", content)], [linked("x", content), rules()]] {
            let facts = list_all([order.concat(), trailer()].concat());
            assert_eq!(facts.persistent_net_rules.len(), kept);
        }
    }
}

#[test]
fn a_setting_whose_name_is_not_utf_8_is_one_that_is_not_known() {
    for (name, is_setting) in [("etc/modprobe.d/?.conf", true), ("etc/x/?.conf", false)] {
        let mut image = entry(name, 0o100_644, b"install virtio_blk /bin/false");
        let mark = image.iter().position(|byte| *byte == b'?').unwrap();
        image[mark] = 0xff;
        image.extend(trailer());
        let mut budget = Budget::default();
        let (_, files) = list("/boot/initrd", &image, &Wanted::Everything, &mut budget);
        assert_eq!(files.overflow(), is_setting, "{name}");
    }
}

#[test]
fn a_slow_compression_takes_more_of_the_bound_than_a_fast_one() {
    let left = |image: &[u8]| {
        let mut budget = Budget::modest(MAX_UNPACKED, None, &Arc::default());
        let _ = list("/boot/initrd", &image.to_vec(), &Wanted::Everything, &mut budget);
        MAX_UNPACKED - budget.left
    };
    let len = |image: &[u8]| image.len() as u64;
    let unpacked = left(GZIP) - len(GZIP);
    assert_eq!(left(BZIP2), 8 * unpacked + len(BZIP2));
    assert_eq!(left(XZ), unpacked + 8 * len(XZ));
    // Five million times the magic number of LZ4's frames, which nothing stands between.
    let mut budget = Budget::modest(64 << 20, None, &Arc::default());
    let image = [0x02, 0x21, 0x4c, 0x18].repeat(5_000_000);
    let (facts, _) = list("/boot/initrd", &image, &Wanted::Everything, &mut budget);
    assert!(reason(&facts).contains("more than 64 MiB"), "{facts:?}");
}

#[test]
fn a_listing_whose_time_is_over_is_unknown() {
    let mut budget = Budget::modest(MAX_UNPACKED, Some(Instant::now()), &Arc::default());
    let (facts, _) = list("/boot/initrd", &GZIP.to_vec(), &Wanted::Everything, &mut budget);
    assert!(reason(&facts).contains("time"));
}

#[test]
fn more_kernels_than_are_kept_make_the_listing_unknown() {
    let archive = |kernels: usize| -> Vec<u8> {
        let module = |number| format!("lib/modules/{number}/kernel/virtio.ko");
        let entries = (0..kernels).flat_map(|number| entry(&module(number), 0o100_644, b"x"));
        entries.chain(entry("TRAILER!!!", 0, b"")).collect()
    };
    assert!(list_all(archive(16)).listing.known().is_some());
    let facts = list_all(archive(17));
    assert!(
        reason(&facts).contains("more modules, kernels, noted files or udev rules"),
        "{facts:?}"
    );
    assert_eq!(names(&facts), ["virtio"]);
}

#[test]
fn more_noted_paths_and_udev_rules_than_are_kept_make_the_listing_unknown() {
    let archive = |path: &dyn Fn(usize) -> String, files: usize| -> Vec<u8> {
        let entries = (0..files).flat_map(|number| entry(&path(number), 0o100_644, b"x"));
        entries.chain(trailer()).collect()
    };
    let driver = |number| format!("lib/modules/3.0/updates/pvdriver/{number}.ko");
    let rules = |number| format!("etc/udev/rules.d/{number:02}-persistent-net.rules");
    let kept = |facts: &InitramfsFacts| facts.noted.len() + facts.persistent_net_rules.len();
    for (path, limit) in [(&driver as &dyn Fn(usize) -> String, 32), (&rules, 64)] {
        let facts = list_all(archive(path, limit));
        assert_eq!((kept(&facts), &facts.listing), (limit, &Fact::Known(ListingEnd::Complete)));
        let facts = list_all(archive(path, limit + 1));
        assert_eq!(kept(&facts), limit);
        assert!(reason(&facts).contains("than are kept"), "{facts:?}");
    }
    // Neither is a path passed over that is longer than those that are kept.
    let deep = "x/".repeat(150);
    let driver = |number| format!("lib/modules/3.0/updates/pvdriver/{deep}{number}.ko");
    let rules = |number| format!("etc/udev/rules.d/{deep}{number}-persistent-net.rules");
    for path in [&driver as &dyn Fn(usize) -> String, &rules] {
        let facts = list_all(archive(path, 1));
        assert_eq!(kept(&facts), 0);
        assert!(reason(&facts).contains("than are kept"), "{facts:?}");
    }
}

#[test]
fn a_window_has_room_beside_what_file_systems_keep() {
    // RFC 8878: magic number, no content size, a window of 2^log bytes; one raw block, the last.
    let image = |log: u8| {
        let archive =
            [entry("lib/modules/6/kernel/virtio.ko", 0o100_644, b"x"), trailer()].concat();
        let head = u32::try_from(archive.len() << 3 | 1).unwrap().to_le_bytes();
        [&[0x28, 0xb5, 0x2f, 0xfd, 0, (log - 10) << 3], &head[..3], &archive].concat()
    };
    let complete = |log: u8, mut budget: Budget| {
        let (facts, _) = list("/boot/initrd", &image(log), &Wanted::Everything, &mut budget);
        let is_complete = facts.listing.known().is_some();
        if !is_complete {
            assert!(reason(&facts).contains("MiB of memory for the decompressor"), "{facts:?}");
        }
        is_complete
    };
    let mib = |count: u64| Budget::beside(count << 20);
    assert!(complete(27, mib(0)) && complete(27, mib(4)) && !complete(27, mib(5)));
    assert!(complete(26, mib(5)) && complete(26, mib(64)));
    assert!(!complete(28, mib(0)));
    let modest = || Budget::modest(MAX_UNPACKED, None, &Arc::default());
    assert!(complete(23, modest()) && !complete(24, modest()));
}

#[test]
fn a_dictionary_has_room_beside_what_file_systems_keep() {
    let archive = [entry("lib/modules/6/kernel/virtio.ko", 0o100_644, b"x"), trailer()].concat();
    let listing = |dictionary: u32, kept: u64| {
        let mut options = liblzma::stream::LzmaOptions::new_preset(1).unwrap();
        options.dict_size(dictionary << 20);
        let mut filters = liblzma::stream::Filters::new();
        filters.lzma2(&options);
        let check = liblzma::stream::Check::Crc32;
        let stream = liblzma::stream::Stream::new_stream_encoder(&filters, check).unwrap();
        let mut image = Vec::new();
        let mut encoder = liblzma::read::XzEncoder::new_stream(archive.as_slice(), stream);
        std::io::Read::read_to_end(&mut encoder, &mut image).unwrap();
        let mut budget = Budget::beside(kept << 20);
        list("/boot/initrd", &image, &Wanted::Everything, &mut budget).0.listing
    };
    // `xz -9` has 64 MiB.
    assert!(listing(64, 0).known().is_some() && listing(64, 64).known().is_some());
    let unread = listing(80, 64);
    let reason = &unread.unread().unwrap().reason;
    assert!(reason.contains("more than 68 MiB of memory for the decompressor"), "{reason}");
}
