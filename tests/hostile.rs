//! Known hostile shapes: whoever made the image knows this program.
//!
//! Where each shape is tried; those without a file name stand here, through the whole check.
//!
//! | shape | test |
//! |---|---|
//! | an L2 table that points at itself | [`an_l2_table_that_is_its_own_cluster_fails`]; `image/qcow2/hostile_tests.rs`: `one_l2_table_under_many_l1_entries_is_walked_once`, `tables_that_overlap_are_found` |
//! | refcounts that overflow, refcount tables beyond all bounds | [`refcounts_at_their_highest_end_in_a_whole_report`]; `image/qcow2/hostile_tests.rs`: `the_refcount_table_is_checked` |
//! | 10^6 snapshots | `image/qcow2/hostile_tests.rs`: `a_million_snapshots_are_counted_and_few_are_listed` |
//! | a qcow2 cluster that is a compression bomb | `image/qcow2/hostile_tests.rs`: `a_bomb_makes_one_cluster_and_no_more` |
//! | compressed clusters that small reads take in turn | `decompressed.rs`: `units_are_decompressed_in_vain_up_to_the_bound_alone`, `as_many_large_units_as_fit_are_kept_whatever_their_places` |
//! | files of small parts of many compressed extents | `filesystem/btrfs/tests/hostile.rs`: `small_parts_of_many_compressed_extents_are_read_up_to_the_bound_alone`; `filesystem/ntfs/tests.rs`: `chunks_of_which_a_few_bytes_each_are_asked_for_are_read_up_to_the_bound_alone` |
//! | a disk of 2^63 bytes | [`a_disk_of_2_to_the_63_bytes_ends_in_a_whole_report`]; `image/qcow2/hostile_tests.rs`: `an_l1_table_that_cannot_be_right_leaves_the_header_known` |
//! | extended partitions in a ring | `disk/tests/hostile.rs`: `a_ring_of_extended_boot_records_ends`, `a_chain_of_extended_boot_records_is_bounded` |
//! | a GPT with 2^32 entries, one at LBA 2^63 | `disk/tests/hostile.rs`: `a_hostile_gpt_header_is_a_finding_and_no_allocation`, `a_gpt_partition_at_lba_2_to_the_63_is_beyond_the_end` |
//! | volumes made of themselves | `disk/lvm/tests.rs`: `volumes_made_of_themselves_are_corrupt`, `a_tower_of_volumes_is_bounded_and_each_is_built_once` |
//! | cycles in extent trees | `filesystem/{ext,xfs}/tests/damage.rs`: `an_extent_tree_that_leads_back_into_itself_or_too_deep_is_corrupt`, `trees_that_lead_back_into_themselves_or_are_too_deep_are_corrupt`; `filesystem/btrfs/tests/hostile.rs`: `a_node_that_leads_to_itself_is_corrupt`; `filesystem/fat/tests.rs`: `a_chain_that_loops_or_leaves_the_volume_is_corrupt` |
//! | cycles in directories | [`a_directory_that_holds_itself_ends`]; `filesystem/fat/tests.rs`: `a_directory_that_loops_is_an_error_after_its_names`; `filesystem/ntfs/tests.rs`: `a_block_of_an_index_that_leads_to_itself_is_corrupt`; `filesystem/btrfs/tests/hostile.rs`: `subvolumes_that_lie_in_each_other_end_soon` |
//! | files of 2^63 bytes | `filesystem/{ext,xfs}/tests/damage.rs`, `filesystem/btrfs/tests/hostile.rs`: `a_file_that_claims_to_be_huge_takes_no_memory_and_reads_as_zeros`; `filesystem/ntfs/tests.rs`: `a_compressed_file_that_claims_2_to_the_63_bytes_takes_no_memory` |
//! | rings of symbolic links | `filesystem/tree.rs`: `a_ring_of_links_ends_and_a_dangling_link_is_absent` |
//! | a path through a directory that holds itself, a link to the next such path | `filesystem/tree.rs`: `a_path_through_very_many_directories_ends_at_the_bound` |
//! | names, members, aliases and includes that multiply | `guest/linux/accounts/mod.rs`: `a_group_with_a_very_long_name_is_told_and_the_others_count`; `guest/linux/accounts/sudoers/tests.rs`: `work_that_multiplies_ends_at_the_bound_and_is_told`, `a_long_file_included_again_and_again_is_read_until_the_bound` |
//! | words, patterns and stanzas of the network that multiply | `guest/linux/network/tests.rs`: `more_of_interfaces_than_the_bounds_is_told`, `more_of_a_network_file_than_the_bounds_is_told` |
//! | names, ports, addresses and sections of network files without end | `guest/linux/network/tests.rs`: `more_names_and_addresses_than_are_kept_are_told`, `what_is_looked_up_for_each_line_is_looked_up_once` |
//! | variables, sets, lines and files of firewall rules that multiply | `guest/linux/firewall/nftables/tests.rs`: `variables_that_multiply_end_soon`, `sets_and_blocks_that_many_rules_ask_end_at_the_bound`, `more_files_and_bytes_of_rules_than_the_bounds_are_not_read`; `guest/linux/firewall/tests.rs`: `zones_and_services_that_multiply_end_at_the_bounds`, `a_long_rule_that_many_jumps_lead_to_ends_at_the_bound` |
//! | aliases of modules, blocked modules and files of settings without end | `guest/linux/drivers/tests.rs`: `more_aliases_than_the_bound_are_told_and_dependencies_are_looked_up_once`; `guest/linux/drivers/modprobe.rs`: `a_command_line_that_blocks_without_end_is_told_and_its_words_are_shown_once`; `guest/linux/initramfs/files.rs`: `of_several_files_together_no_more_is_kept_than_of_one` |
//! | one long file under many names, a home as long as its line in a path | `guest/linux/sshd/host_keys.rs`: `a_long_file_of_many_names_is_read_until_the_bound`; `guest/linux/accounts/authorized_keys.rs`: `a_path_grows_no_longer_than_is_followed` |
//! | a look through many volumes for each word of a boot loader | `guest/linux/boot/tests/hostile.rs`: `a_look_through_many_volumes_counts_as_the_work_that_it_is` |
//! | negations of sudoers without end | `guest/linux/accounts/sudoers/tests.rs`: `negations_without_end_are_counted_once` |
//! | a directory that is listed again and again | `filesystem/tree.rs`: `a_directory_that_is_listed_again_and_again_ends_at_the_bound`; `guest/linux/network/tests.rs`: `a_pattern_that_is_named_again_and_again_includes_no_more_than_the_bound` |
//! | headers of XFS groups that are not there | `filesystem/xfs/tests/refused.rs`: `groups_that_are_not_there_are_looked_for_up_to_the_bounds_alone` |
//! | units and presets that multiply, many names of one long unit | `guest/linux/systemd_unit/preset.rs`: `work_that_multiplies_ends_at_the_bound_and_leaves_units_in_doubt`; `guest/linux/mount_unit.rs`: `more_bytes_of_units_than_the_bound_leave_the_table_in_doubt` |
//! | a setting behind more of its kind than are kept | `guest/linux/drivers/tests.rs`: `settings_to_resume_are_read_in_the_root_and_in_the_initramfs` |
//! | an initramfs that is a compression bomb | `guest/linux/initramfs/tests.rs`: `more_to_look_at_than_the_bound_is_unknown`, `a_window_beyond_the_kernels_is_refused` |
//! | a WOF chunk that is a bomb | cannot be: a chunk is decompressed into a buffer of its own length, at most 32 KiB; `filesystem/ntfs/tests.rs`: `damaged_chunks_are_an_error_or_other_bytes_and_never_a_panic` |
//! | a compressed kernel that is a bomb | `guest/linux/boot/gzip.rs`: `more_than_a_kernel_can_be_is_refused`; an x86 one is not decompressed, its header and version stand in front (`guest/linux/boot/kernel_image.rs`) |
//! | YAML aliases that multiply | `guest/linux/cloud_init/tests.rs`: `aliases_that_multiply_end_at_the_bound`, `hostile_shapes_end_soon` |
//! | an fstab of 2 GiB | [`an_fstab_of_2_gib_is_unverified_and_not_read`] |
//! | a grub.cfg of 100 MB with nested quotes | [`a_grub_cfg_of_100_mb_with_nested_quotes_is_unverified_and_not_read`]; `guest/linux/boot/tests/hostile.rs`: `nested_quotes_and_parentheses_end` |
//! | keys of a hive in a ring | `guest/windows/registry/tests.rs`: `the_cost_of_one_hive_is_bounded`, `what_contradicts_the_format_is_named` |
//! | patterns with stars and classes without end, or longer than any name | `guest/glob.rs`: `a_pattern_made_to_be_slow_ends_soon`, `a_long_pattern_counts` |
//! | names that are a shell's commands, or bring a line of their own | `rules/nic_name_mismatch.rs`: `no_name_of_an_image_gets_into_a_shell`; `rules/shell.rs`: `a_name_with_line_breaks_stays_on_its_line`; `remedy/tests.rs`: `a_name_brings_no_line_of_its_own_into_a_command` |
//! | terminal sequences, bidirectional controls and markup in every string | [`no_string_of_the_facts_steers_a_terminal_in_any_report`], [`a_hostile_guest_steers_no_terminal_in_any_format_of_the_command_line`] |

#![cfg(feature = "cli")]
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::as_conversions,
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    clippy::cast_sign_loss,
    reason = "for tests"
)]

#[allow(dead_code, unreachable_pub, reason = "the fuzz targets use the rest")]
mod mutant;

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::ops::ControlFlow;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use assert_cmd::Command;
use image_preflight::bytes::{Bytes, check_range};
use image_preflight::error::Result;
use image_preflight::fact::Fact;
use image_preflight::filesystem::{DirEntry, FileSystem, Metadata, NodeId};
use image_preflight::guest::facts::Facts;
use image_preflight::guest::{Inspection, Machine, linux};
use image_preflight::image::Image;
use image_preflight::report::{Detail, Format, ImageReport, Settings};
use image_preflight::rules::{self, Context, Lang, Profile, RULES, Status};
use serde_json::Value;

use mutant::{steers, testdata};

const LINUX: &str = "guests/root-password-without-cloud-init.qcow2";
const WINDOWS: &str = "windows/good-server-2019.qcow2";

fn inspect(guest: &str) -> Inspection {
    Inspection::of(&Image::open(&testdata(guest)).unwrap())
}

fn judge(facts: &Facts) -> ImageReport {
    let context = Context::new(Profile::ImsClassic, 20_000);
    ImageReport::new(facts, rules::check_all(facts, &context), false)
}

/// Every rule once, and which ended so.
fn ended(report: &ImageReport, status: Status) -> BTreeSet<&str> {
    let all: BTreeSet<&str> = report.findings.iter().map(|finding| &*finding.rule).collect();
    assert_eq!(all.len(), report.findings.len(), "a rule stands twice");
    assert!(all.len() <= RULES.len() && all.len() > 60, "{}", all.len());
    let findings = report.findings.iter().filter(|finding| finding.status == status);
    findings.map(|finding| &*finding.rule).collect()
}

// Containers.

/// A guest's container with other bytes at some places.
fn container(changes: &[(usize, &[u8])]) -> ImageReport {
    let mut bytes = std::fs::read(testdata(LINUX)).unwrap();
    for (at, change) in changes {
        bytes[*at..*at + change.len()].copy_from_slice(change);
    }
    let image = Image::of_bytes("hostile.qcow2".to_owned(), Arc::new(bytes));
    judge(&Inspection::of(&image).facts)
}

fn field(at: usize) -> u64 {
    let bytes = std::fs::read(testdata(LINUX)).unwrap();
    u64::from_be_bytes(bytes[at..at + 8].try_into().unwrap())
}

/// Places and words of the header and tables (QEMU, `docs/interop/qcow2.rst`).
const SIZE: usize = 24;
const L1_TABLE_OFFSET: usize = 40;
const REFCOUNT_TABLE_OFFSET: usize = 48;
const OFFSET: u64 = 0x00ff_ffff_ffff_fe00;
const COPIED: u64 = 1 << 63;

#[test]
fn an_l2_table_that_is_its_own_cluster_fails() {
    let l2 = field(field(L1_TABLE_OFFSET) as usize) & OFFSET;
    let itself = (l2 | COPIED).to_be_bytes();
    let report = container(&[(l2 as usize, &itself), (l2 as usize + 8, &itself)]);
    // qemu-img check calls it an error, too.
    assert!(ended(&report, Status::Fail).contains("qcow2-structure-consistent"));
}

#[test]
fn refcounts_at_their_highest_end_in_a_whole_report() {
    let block = field(field(REFCOUNT_TABLE_OFFSET) as usize) as usize;
    let report = container(&[(block, &[0xFF; 512])]);
    assert!(!ended(&report, Status::NotApplicable).contains("qcow2-structure-consistent"));
}

#[test]
fn a_disk_of_2_to_the_63_bytes_ends_in_a_whole_report() {
    let report = container(&[(SIZE, &(1_u64 << 63).to_be_bytes())]);
    let failed = ended(&report, Status::Fail);
    assert!(failed.contains("virtual-size-range") || failed.contains("qcow2-structure-consistent"));
}

// Files.

/// A text that repeats itself up to any length, and how much of it was read.
struct Endless {
    line: &'static [u8],
    len: u64,
    read: AtomicU64,
}

impl Bytes for Endless {
    fn len(&self) -> u64 {
        self.len
    }

    fn read_at(&self, offset: u64, buf: &mut [u8]) -> Result<()> {
        check_range(self.len, offset, buf.len())?;
        self.read.fetch_add(buf.len() as u64, Relaxed);
        let start = (offset % self.line.len() as u64) as usize;
        for (to, from) in buf.iter_mut().zip(self.line.iter().cycle().skip(start)) {
            *to = *from;
        }
        Ok(())
    }
}

/// A file system of which one node is another: with other content, or a directory that is its own
/// child.
struct Swapped {
    inner: Arc<dyn FileSystem>,
    node: NodeId,
    content: Option<Arc<Endless>>,
}

impl FileSystem for Swapped {
    fn kind(&self) -> &'static str {
        self.inner.kind()
    }

    fn root(&self) -> NodeId {
        self.inner.root()
    }

    fn metadata(&self, node: NodeId) -> Result<Metadata> {
        let mut metadata = self.inner.metadata(node)?;
        if let Some(content) = self.content.as_ref().filter(|_| node == self.node) {
            metadata.len = content.len;
        }
        Ok(metadata)
    }

    fn read_dir(
        &self,
        dir: NodeId,
        visit: &mut dyn FnMut(DirEntry) -> ControlFlow<()>,
    ) -> Result<()> {
        if self.content.is_none() && dir == self.node {
            for name in ["log", "journal", "systemd", "a.log"] {
                let entry = DirEntry { name: name.into(), node: self.node, file_type: None };
                if visit(entry).is_break() {
                    return Ok(());
                }
            }
        }
        self.inner.read_dir(dir, visit)
    }

    fn read_link(&self, node: NodeId) -> Result<Vec<u8>> {
        self.inner.read_link(node)
    }

    fn open(&self, node: NodeId) -> Result<Arc<dyn Bytes>> {
        match &self.content {
            Some(content) if node == self.node => Ok(content.clone()),
            _ => self.inner.open(node),
        }
    }
}

/// The guest with that file or directory swapped.
fn swapped(path: &str, content: Option<Arc<Endless>>) -> Facts {
    let Inspection { mut facts, mut filesystems, tree, .. } = inspect(LINUX);
    let tree = tree.unwrap();
    let place = tree.resolve(path).unwrap();
    let index = tree.volume(place).unwrap();
    let inner = filesystems[index].known().cloned().flatten().unwrap();
    let swapped = Swapped { inner, node: place.node, content };
    filesystems[index] = Fact::Known(Some(Arc::new(swapped)));
    let disk = facts.disk.known().unwrap();
    let machine = Machine { disk, filesystems: &filesystems };
    let (guest, _) = linux::find(&machine, None);
    facts.guest = guest;
    facts
}

/// The rules that are unverified with such a file, which has no more of it read than so many bytes.
fn unverified_with(path: &str, line: &'static [u8], len: u64, most: u64) -> BTreeSet<String> {
    let content = Arc::new(Endless { line, len, read: AtomicU64::new(0) });
    let report = judge(&swapped(path, Some(content.clone())));
    let read = content.read.load(Relaxed);
    assert!(read <= most, "{read} bytes were read");
    ended(&report, Status::Unverified).into_iter().map(str::to_owned).collect()
}

#[test]
fn an_fstab_of_2_gib_is_unverified_and_not_read() {
    let unverified = unverified_with("/etc/fstab", b"/dev/vdb1 /a ext4 defaults 0 0\n", 2 << 30, 0);
    assert!(unverified.contains("fstab-no-nonsystem-mounts"), "{unverified:?}");
}

#[test]
fn a_grub_cfg_of_100_mb_with_nested_quotes_is_unverified_and_not_read() {
    let unverified =
        unverified_with("/boot/grub/grub.cfg", b"set x=\"'\\\"'\"'\"\n", 100_000_000, 0);
    assert!(unverified.contains("boot-chain-complete"), "{unverified:?}");
}

#[test]
fn files_whose_words_and_lines_multiply_end_in_a_whole_report() {
    let shapes: [(&str, &'static [u8], u64, &str); 2] = [
        (
            "/etc/network/interfaces",
            b"auto * a* b*\niface a inet dhcp\nbridge_ports a b c d\nhwaddress 0:1:2:3:4:5\n",
            1 << 20,
            "nic-dhcp",
        ),
        ("/etc/group", b"g:x:1:root,a,b,c,d\n", 4 << 20, ""),
    ];
    for (path, line, len, rule) in shapes {
        let unverified = unverified_with(path, line, len, u64::MAX);
        assert!(rule.is_empty() || unverified.contains(rule), "{path}: {unverified:?}");
    }
}

#[test]
fn a_directory_that_holds_itself_ends() {
    for path in ["/", "/etc", "/usr/lib/modules", "/boot"] {
        ended(&judge(&swapped(path, None)), Status::Fail);
    }
}

// Reports.

/// What an image may say to whoever reads of it: a window title, colours, an end of line, a text that
/// runs from the right, markup of HTML, XML and Markdown.
const PAYLOAD: &str = "\u{1b}]0;t\u{7}\u{9b}31m\u{202e}\u{2066}\r\n\0\u{85}\u{2028}<script>x</script>\
                       <!--]]>|`*[x](javascript:y)&#27;\"'";

/// Formats in which markup of HTML is only text; in Markdown it stands in code spans, which
/// `tests/formats.rs` holds to.
const PLAIN: &[&str] = &["human", "json", "json-lines", "sarif", "markdown", "github", "gitlab"];

fn is_harmless(format: &str, shown: &str) {
    // Of controls only ends of lines are the report's own; the payload has one, but it is followed by
    // a NUL.
    let steering = shown.char_indices().find(|(_, char)| *char != '\n' && steers(*char));
    if let Some((at, char)) = steering {
        let before: String = shown[..at].chars().rev().take(80).collect();
        panic!("{format}: {char:?} behind {:?}", before.chars().rev().collect::<String>());
    }
    if !PLAIN.contains(&format) {
        assert!(!shown.contains("<script>x"), "{format}: markup of the image");
    }
}

/// The report in every form.
fn print(report: &ImageReport, lang: Lang) -> Vec<(&'static str, String)> {
    let mut shown = Vec::new();
    for (format, name) in Format::ALL {
        let details: &[Detail] = match format {
            Format::Human => &[Detail::Short, Detail::Normal, Detail::Full],
            _ => &[Detail::Normal],
        };
        for &detail in details {
            let context = Context::new(Profile::ImsClassic, 20_000);
            let mut settings = Settings::new(context);
            (settings.lang, settings.detail) = (lang, detail);
            let mut out = anstream::StripStream::new(Vec::new());
            format.write(settings, [report], &mut out).unwrap();
            shown.push((name, String::from_utf8(out.into_inner()).unwrap()));
        }
    }
    shown
}

/// The strings in a document by the path to them, positions in lists left out.
fn strings<'v>(
    value: &'v mut Value,
    path: &str,
    found: &mut BTreeMap<String, Vec<&'v mut String>>,
) {
    match value {
        Value::String(text) => found.entry(path.to_owned()).or_default().push(text),
        Value::Array(items) => items.iter_mut().for_each(|item| strings(item, path, found)),
        Value::Object(fields) => {
            for (name, field) in fields {
                strings(field, &format!("{path}/{name}"), found);
            }
        }
        _ => {}
    }
}

#[test]
fn no_string_of_the_facts_steers_a_terminal_in_any_report() {
    let (mut tried, mut printed) = (0, 0);
    for guest in [LINUX, "guests/uefi-only.qcow2", "guests/lvm-root.qcow2", WINDOWS] {
        let sound = serde_json::to_value(inspect(guest).facts).unwrap();
        let mut document = sound.clone();
        let mut found = BTreeMap::new();
        strings(&mut document, "", &mut found);
        let paths: Vec<String> = found.into_keys().collect();
        for path in paths {
            let mut document = sound.clone();
            let mut found = BTreeMap::new();
            strings(&mut document, "", &mut found);
            found.remove(&path).unwrap().into_iter().for_each(|text| text.push_str(PAYLOAD));
            // Names of what is one of several do not come from the image.
            let Ok(facts) = serde_json::from_value::<Facts>(document) else { continue };
            tried += 1;
            let report = judge(&facts);
            for lang in [Lang::En, Lang::ZhCn] {
                for (format, shown) in print(&report, lang) {
                    is_harmless(format, &shown);
                    printed += usize::from(shown.contains("script"));
                }
            }
        }
    }
    // It can fail: most strings are printed.
    assert!(tried > 150 && printed > tried, "{tried} tried, {printed} printed");
}

/// As much of the payload as fits into so many bytes.
fn payload(len: usize) -> Vec<u8> {
    let short = "\u{1b}[2J\u{202e}<script>x\u{9b}|`";
    let mut bytes: Vec<u8> = Vec::new();
    for char in short.chars().filter(|char| *char != '\n') {
        if bytes.len() + char.len_utf8() <= len {
            bytes.extend(char.to_string().bytes());
        }
    }
    bytes.resize(len, b'*');
    bytes
}

/// The disk of a guest as a raw file, in whose files words are others.
fn hostile_image(path: &Path, guest: &str, words: &[&str]) -> usize {
    const PIECE: u64 = 1 << 20;
    let disk = mutant::disk(guest);
    let file = File::create(path).unwrap();
    file.set_len(disk.len()).unwrap();
    let (mut changed, mut at) = (0, 0);
    let mut piece = vec![0; PIECE as usize];
    while at < disk.len() {
        let zeroes = disk.zeroes_at(at);
        if zeroes > 0 {
            at += zeroes;
            continue;
        }
        let len = PIECE.min(disk.len() - at) as usize;
        let piece = &mut piece[..len];
        disk.read_at(at, piece).unwrap();
        for word in words {
            let mut from = 0;
            while let Some(found) =
                piece[from..].windows(word.len()).position(|bytes| bytes == word.as_bytes())
            {
                piece[from + found..][..word.len()].copy_from_slice(&payload(word.len()));
                from += found + word.len();
                changed += 1;
            }
        }
        if piece.iter().any(|byte| *byte != 0) {
            file.write_all_at(piece, at).unwrap();
        }
        at += len as u64;
    }
    changed
}

fn run(args: &[&str]) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_image-preflight"))
        .env_clear()
        .args(args)
        .timeout(std::time::Duration::from_secs(60))
        .output()
        .unwrap();
    assert!(output.status.code().is_some_and(|code| code != 2), "{args:?}: {output:?}");
    String::from_utf8(output.stdout).unwrap() + &String::from_utf8(output.stderr).unwrap()
}

/// The forms that a command has, as it names them when asked for one that it has not.
fn formats(command: &str) -> Vec<String> {
    let output = Command::new(env!("CARGO_BIN_EXE_image-preflight"))
        .env_clear()
        .args([command, "--format", "none-such", "image"])
        .output()
        .unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    let (_, list) = said.split_once("[possible values: ").unwrap();
    let (list, _) = list.split_once(']').unwrap();
    list.split(',').map(|name| name.trim().to_owned()).collect()
}

#[test]
fn a_hostile_guest_steers_no_terminal_in_any_format_of_the_command_line() {
    let folder = tempfile::tempdir().unwrap();
    // What a path may hold; a NUL and a slash it may not.
    let name = PAYLOAD.replace(['\0', '/'], "");
    let (linux, windows) = (folder.path().join(&name), folder.path().join(format!("w{name}")));
    let words = ["Debian GNU/Linux", "errors=remount-ro", "bookworm", "allow-hotplug"];
    assert!(hostile_image(&linux, LINUX, &words) > 3);
    hostile_image(
        &windows,
        WINDOWS,
        &["Windows Server", "W\0i\0n\0d\0o\0w\0s\0 \0S\0e\0r\0v\0e\0r\0"],
    );
    let (linux, windows) = (linux.to_str().unwrap(), windows.to_str().unwrap());
    let formats_of_check = formats("check");
    assert!(formats_of_check.contains(&"json-lines".to_owned()), "{formats_of_check:?}");
    for format in &formats_of_check {
        for lang in ["en", "zh-CN"] {
            for image in [linux, windows] {
                let shown = run(&["check", "--lang", lang, "--format", format, image]);
                is_harmless(format, &shown);
                assert!(shown.contains("script"), "{format}: the path is not shown");
            }
        }
    }
    let shown = run(&["check", "--verbose", linux]);
    assert!(shown.contains("\\u{1b}[2J\\u{202e}"), "no word of the guest is shown: {shown}");
    is_harmless("human", &shown);
    for format in formats("inspect") {
        is_harmless(&format, &run(&["inspect", "--format", &format, linux]));
        is_harmless(&format, &run(&["inspect", "--format", &format, windows]));
    }
    is_harmless("human", &run(&["ls", linux, "/etc"]));
}
