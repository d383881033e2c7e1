//! Words of the command line that end a start in a shell before the guest's init runs, or in its
//! place. What init itself makes of the command line is `systemd_unit`'s.

use std::collections::{BTreeMap, BTreeSet};

use super::command_line::{MAX_COMMAND_LINE, last_of, parameters};
use super::dracut_devices::{self, Module, leaves};
use crate::disk::facts::DiskFacts;
use crate::fact::{Evidence, Fact};
use crate::guest::facts::{
    BootEntry, ChainLink, InitramfsFacts, LinkState, Resolution, StartStop, StopKind,
};
use crate::guest::linux::INITRAMFS_TOOLS;
use crate::guest::linux::device::device_ref;
use crate::guest::linux::initramfs::Files;

/// Programs that give a shell on the console and start no system.
const SHELLS: [&str; 15] = [
    "sh", "bash", "rbash", "dash", "ash", "ksh", "ksh93", "mksh", "lksh", "pdksh", "zsh", "csh",
    "tcsh", "fish", "sulogin",
];

/// Where initramfs-tools stops for `break=`, several parted by commas (initramfs-tools(7)).
const BREAKPOINTS: [&str; 7] =
    ["top", "modules", "premount", "mount", "mountroot", "bottom", "init"];

/// Most logical volumes, and words like their names, that are looked for of those which the command line and the
/// initramfs' own name. A command line has room for some 150.
const MAX_AWAITED: usize = 256;

/// The words of a command line that the kernel takes, and hands to the initramfs.
fn taken(command_line: &str) -> Vec<String> {
    let mut words = parameters(command_line);
    let mut length = 0_usize;
    let fits = |word: &&String| {
        length = length.saturating_add(word.len()).saturating_add(1);
        length <= MAX_COMMAND_LINE.saturating_add(1)
    };
    let count = words.iter().take_while(fits).count();
    words.truncate(count);
    words
}

/// Whether a word of the entry's command line comes as far as the kernel.
pub(in crate::guest::linux) fn is_taken(entry: &BootEntry, word: &str) -> bool {
    taken(&entry.command_line).iter().any(|own| own == word)
}

/// Why it is open whether the start stops: what dracut waits for is not read in full, or more than is looked at.
/// Where the list of the initramfs' files is not read, that is said of it as a whole.
pub(in crate::guest::linux) fn unseen(
    entry: &BootEntry,
    initramfs: &InitramfsFacts,
    settings: &Files,
) -> Option<String> {
    let of_tools = settings.get(INITRAMFS_TOOLS).is_some();
    let words = taken(&entry.command_line);
    let waits = initramfs.programs.contains("lvm") && !leaves_lvm(&words);
    if entry.initrds.is_empty() || of_tools || !waits || initramfs.listing.known().is_none() {
        return None;
    }
    let Some(all) = dracut_devices::all_words(initramfs, &words, settings) else {
        return Some("the initramfs' own command line is not read in full".to_owned());
    };
    let seen: BTreeSet<&str> = all.iter().filter_map(|word| awaited(word)).collect();
    let is_too_much = seen.len() > MAX_AWAITED && !leaves_lvm(&all);
    is_too_much.then(|| format!("more than {MAX_AWAITED} logical volumes to wait for"))
}

/// What stops the start before the guest's own init runs, the earliest first.
///
/// `settings` are those in the default initramfs; one by initramfs-tools knows other words than
/// dracut's. `init` is the last link of the boot chain.
pub(in crate::guest::linux) fn stop(
    entry: &BootEntry,
    initramfs: Option<&InitramfsFacts>,
    settings: &Files,
    init: &ChainLink,
    disk: &DiskFacts,
) -> Option<StartStop> {
    let of_tools = settings.get(INITRAMFS_TOOLS).is_some();
    let words = taken(&entry.command_line);
    let stops = |kind, word: String| {
        let evidence = entry.command_line_evidence(&word);
        Some(StartStop { kind, word, instead: None, evidence })
    };
    if !entry.initrds.is_empty() {
        // Linux: Documentation/admin-guide/kernel-parameters.txt, `rdinit=`.
        if let Some(rdinit) = last_of(&words, "rdinit").filter(|it| is_shell(it)) {
            return stops(StopKind::InitramfsShell, format!("rdinit={rdinit}"));
        }
        let found = if of_tools { tools_break(&words) } else { dracut_break(&words) };
        if let Some(word) = found {
            return stops(StopKind::InitramfsShell, word);
        }
        let dracut = initramfs.filter(|_| !of_tools);
        if let Some((word, instead)) = dracut
            .and_then(|it| dracut_devices::passes_over_array(entry, it, &words, settings, disk))
        {
            let stop = stops(StopKind::RootLeftAlone, word);
            return stop.map(|stop| StartStop { instead, ..stop });
        }
        if let Some(word) = dracut.and_then(|it| dracut_devices::absent(it, &words, settings, disk))
        {
            return stops(StopKind::AbsentDevice, word);
        }
        let with_lvm = initramfs.filter(|it| !of_tools && it.programs.contains("lvm"));
        if let Some(word) =
            with_lvm.and_then(|it| passes_over_root(entry, it, &words, settings, disk))
        {
            return stops(StopKind::RootLeftAlone, word);
        }
        if let Some(initramfs) = with_lvm.filter(|it| waits_for_lvm(it, &words, settings)) {
            let mut awaited = Awaited { disk, absent: BTreeMap::new() };
            if let Some(word) = awaited.absent(&words) {
                return stops(StopKind::AbsentDevice, word);
            }
            if let Some(stop) = absent_by_itself(initramfs, settings, &mut awaited) {
                return Some(stop);
            }
        }
    }
    let named = last_of(&words, "init").filter(|init| !init.is_empty())?;
    let taken = init.state == LinkState::Found && init.evidence.location == named;
    let shell = taken && (is_shell(named) || is_shell(&init.evidence.detail));
    if shell { stops(StopKind::Shell, format!("init={named}")) } else { None }
}

fn is_shell(path: &str) -> bool {
    path.rsplit('/').next().is_some_and(|name| SHELLS.contains(&name))
}

/// `break` or `break=`, the last of several (initramfs-tools: `init`; `scripts/functions`,
/// `maybe_break`).
fn tools_break(words: &[String]) -> Option<String> {
    let word = words.iter().rev().find(|word| *word == "break" || word.starts_with("break="))?;
    let points = word.strip_prefix("break=").unwrap_or("premount");
    points.split(',').any(|point| BREAKPOINTS.contains(&point)).then(|| word.clone())
}

/// `rd.break`, `rdbreak` with or without a place (dracut.cmdline(7); dracut-lib.sh, `getargbool`),
/// and what turns the initramfs' own systemd to a shell (systemd(1)).
fn dracut_break(words: &[String]) -> Option<String> {
    let stops = |word: &&String| {
        let (name, value) = word.split_once('=').unwrap_or((word.as_str(), ""));
        match name {
            "rd.break" | "rdbreak" => !matches!(value, "0" | "no" | "off"),
            "rd.emergency" | "rd.rescue" => !word.contains('='),
            "rd.systemd.unit" => matches!(value, "emergency.target" | "rescue.target"),
            _ => false,
        }
    };
    words.iter().find(stops).cloned()
}

/// The logical volume that a word tells dracut to wait for (dracut: `90lvm/parse-lvm.sh`, `wait_for_dev`).
fn awaited(word: &str) -> Option<&str> {
    let volume = word.strip_prefix("rd.lvm.lv=").or_else(|| word.strip_prefix("rd_LVM_LV="));
    volume.filter(|volume| volume.split('/').count() == 2)
}

/// The logical volumes that dracut waits for, and whether each is absent; it is looked for once.
struct Awaited<'d> {
    disk: &'d DiskFacts,
    absent: BTreeMap<String, bool>,
}

impl Awaited<'_> {
    /// The first word for a volume that its group, which is on this disk, does not have. The wait for it ends
    /// in a shell.
    fn absent(&mut self, words: &[String]) -> Option<String> {
        words.iter().find(|word| awaited(word).is_some_and(|it| self.is_absent(it))).cloned()
    }

    fn is_absent(&mut self, volume: &str) -> bool {
        if let Some(is_absent) = self.absent.get(volume) {
            return *is_absent;
        }
        // Those that are more are told by `unseen`.
        if self.absent.len() >= MAX_AWAITED {
            return false;
        }
        let found = device_ref(&format!("/dev/{volume}"), self.disk);
        let is_absent = found.resolution == Resolution::Missing;
        self.absent.insert(volume.to_owned(), is_absent);
        is_absent
    }
}

/// Whether dracut waits for the logical volumes that it is told of: nothing says that it leaves all of them alone.
/// Where that is not read, [`unseen`] says so.
fn waits_for_lvm(initramfs: &InitramfsFacts, words: &[String], settings: &Files) -> bool {
    match &initramfs.listing {
        Fact::Known(_) => dracut_devices::all_words(initramfs, words, settings)
            .is_some_and(|all| !leaves_lvm(&all)),
        Fact::Unknown(_) => !leaves_lvm(words),
    }
}

/// Whether dracut is told to leave logical volumes alone.
fn leaves_lvm(words: &[String]) -> bool {
    words.iter().any(|word| leaves(word, LVM))
}

const LVM: Module = ("lvm", "rd_NO_LVM");

/// The word for which dracut does not activate the logical volume that root is: it leaves all of them
/// alone, or activates those that are listed, and root is not among them (dracut:
/// `90lvm/lvm_scan.sh`). Without the word it activates all: what `parse-lvm.sh` asks for `rd.auto` about
/// is a list that has a space in it at the least.
fn passes_over_root(
    entry: &BootEntry,
    initramfs: &InitramfsFacts,
    words: &[String],
    settings: &Files,
    disk: &DiskFacts,
) -> Option<String> {
    let Resolution::Volume(root) = entry.root.as_ref()?.resolution else { return None };
    let (group, volume) = disk.logical_volume(root)?;
    if let Some(word) = words.iter().find(|word| leaves(word, LVM)) {
        return Some(word.clone());
    }
    // The lists in the initramfs count as well, so that they must be known.
    let all = dracut_devices::all_words(initramfs, words, settings)?;
    let listed = |names: [&'static str; 2]| {
        all.iter().filter_map(move |word| names.iter().find_map(|name| word.strip_prefix(name)))
    };
    let name = format!("{}/{}", group.name, volume.name);
    let mut volumes = listed(["rd.lvm.lv=", "rd_LVM_LV="]).peekable();
    let mut groups = listed(["rd.lvm.vg=", "rd_LVM_VG="]).peekable();
    let is_any = volumes.peek().is_some() || groups.peek().is_some();
    let has_root = volumes.any(|it| it.trim_start_matches("/dev/") == name)
        || groups.any(|it| it.trim_start_matches("/dev/") == group.name);
    let is_list = |word: &&String| ["rd.lvm.", "rd_LVM_"].iter().any(|it| word.starts_with(it));
    words.iter().find(is_list).filter(|_| is_any && !has_root).cloned()
}

/// The same on the command line that dracut put into the initramfs.
fn absent_by_itself(
    initramfs: &InitramfsFacts,
    settings: &Files,
    awaited: &mut Awaited<'_>,
) -> Option<StartStop> {
    dracut_devices::own_words(settings).find_map(|(path, words)| {
        let word = awaited.absent(&words?)?;
        let evidence = Evidence::new(format!("{}: {path}", initramfs.path), word.clone());
        Some(StartStop { kind: StopKind::AbsentDevice, word, instead: None, evidence })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk::facts::LogicalVolumeFacts;
    use crate::guest::facts::LinkKind;
    use crate::guest::linux::boot::entry::{test_entry, test_initramfs};
    use crate::guest::linux::device::tests::{disk, group};
    use crate::guest::linux::initramfs::Setting;

    fn entry(command_line: &str) -> BootEntry {
        test_entry(command_line, None)
    }

    fn init(path: &str, real: &str) -> ChainLink {
        let evidence = Evidence::new(path, real);
        ChainLink { kind: LinkKind::Init, state: LinkState::Found, evidence }
    }

    fn with_lvm() -> InitramfsFacts {
        test_initramfs(&["lvm"])
    }

    /// The settings that tell an initramfs by initramfs-tools from one by dracut.
    fn made(of_tools: bool) -> Files {
        if of_tools { Files::with(INITRAMFS_TOOLS, "MODULES=most\n") } else { Files::default() }
    }

    fn stopped(command_line: &str, of_tools: bool) -> Option<(StopKind, String)> {
        let link = init("/sbin/init", "/usr/lib/systemd/systemd");
        let found = stop(&entry(command_line), Some(&with_lvm()), &made(of_tools), &link, &disk());
        found.map(|stop| (stop.kind, stop.word))
    }

    #[test]
    fn each_initramfs_knows_its_own_words() {
        let shell = |word: &str| Some((StopKind::InitramfsShell, word.to_owned()));
        for word in ["break", "break=mount", "break=top,init"] {
            assert_eq!(stopped(&format!("ro {word} quiet"), true), shell(word));
            assert_eq!(stopped(&format!("ro {word} quiet"), false), None);
        }
        for word in ["rd.break", "rd.break=pre-mount", "rdbreak", "rd.systemd.unit=rescue.target"] {
            assert_eq!(stopped(&format!("ro {word} quiet"), false), shell(word));
            assert_eq!(stopped(&format!("ro {word} quiet"), true), None);
        }
        for word in ["break=nowhere", "breakpoint", "rd.break=0", "rd.systemd.unit=initrd.target"] {
            assert_eq!((stopped(word, true), stopped(word, false)), (None, None), "{word}");
        }
        // The last break= counts.
        assert_eq!(stopped("break=mount break=never", true), None);
        assert_eq!(stopped("rdinit=/bin/sh", true), shell("rdinit=/bin/sh"));
        assert_eq!(stopped("rdinit=/init", true), None);
    }

    #[test]
    fn the_word_is_the_part_that_matters() {
        let link = init("/sbin/init", "/sbin/init");
        let found =
            stop(&entry("ro break=mount quiet"), None, &made(true), &link, &disk()).unwrap();
        assert_eq!(found.evidence.location, "/boot/grub/grub.cfg:98");
        let marked = Evidence::new("/boot/grub/grub.cfg:98", "ro break=mount quiet").marked(
            98,
            "ro break=mount quiet",
            3..14,
        );
        assert_eq!(found.evidence, marked);
    }

    #[test]
    fn a_shell_in_place_of_init_counts_when_it_is_the_one_that_is_started() {
        let of = |command_line: &str, link: &ChainLink| {
            stop(&entry(command_line), None, &made(true), link, &disk()).map(|stop| stop.kind)
        };
        let bash = init("/bin/bash", "/usr/bin/bash");
        assert_eq!(of("init=/bin/bash", &bash), Some(StopKind::Shell));
        assert_eq!(of("init=/bin/sh", &init("/bin/sh", "/bin/busybox")), Some(StopKind::Shell));
        assert_eq!(of("init=/rescue", &init("/rescue", "/bin/zsh")), Some(StopKind::Shell));
        assert_eq!(of("init=/sbin/init", &init("/sbin/init", "/bin/busybox")), None);
        assert_eq!(of("init=/lib/systemd/systemd", &init("/lib/systemd/systemd", "/x")), None);
        // initramfs-tools takes another when this one is not there.
        let other = init("/sbin/init", "/sbin/init, in place of /gone/sh");
        assert_eq!(of("init=/gone/sh", &other), None);
    }

    #[test]
    fn dracut_waits_for_a_logical_volume_that_is_not_there() {
        let absent = Some((StopKind::AbsentDevice, "rd.lvm.lv=rhel/swap".to_owned()));
        assert_eq!(stopped("rd.lvm.lv=rhel/swap", false), absent);
        assert_eq!(stopped("rd.lvm.lv=rhel/swap rd.lvm=0", false), None);
        assert_eq!(stopped("rd.lvm.lv=rhel/swap", true), None);
        let link = init("/sbin/init", "/sbin/init");
        let built_in = Files::with("etc/cmdline.d/90lvm.conf", " rd.lvm.lv=rhel/swap \n");
        let of = |command_line: &str| {
            stop(&entry(command_line), Some(&with_lvm()), &built_in, &link, &disk())
        };
        let evidence = Evidence::new("/initrd: etc/cmdline.d/90lvm.conf", "rd.lvm.lv=rhel/swap");
        assert_eq!(of("ro").map(|stop| stop.evidence), Some(evidence));
        assert_eq!(of("ro rd.lvm=0"), None);
        // What one file says counts for all of them, and for the kernel's command line.
        let mut more = Files::with("etc/cmdline", "rd.lvm=0\n");
        more.extend(built_in.clone());
        for line in ["ro", "rd.lvm.lv=rhel/swap"] {
            assert_eq!(stop(&entry(line), Some(&with_lvm()), &more, &link, &disk()), None);
        }
        // dracut reads this file and no other name than `*.conf`.
        for (path, stops) in [("etc/cmdline", true), ("etc/cmdline.d/90lvm.conf~", false)] {
            let settings = Files::with(path, "rd.lvm.lv=rhel/swap");
            let found = stop(&entry("ro"), Some(&with_lvm()), &settings, &link, &disk());
            assert_eq!(found.is_some(), stops, "{path}");
        }
        let without = InitramfsFacts { programs: Default::default(), ..with_lvm() };
        let entry = entry("rd.lvm.lv=rhel/swap");
        assert_eq!(stop(&entry, Some(&without), &made(false), &link, &disk()), None);
    }

    #[test]
    fn of_very_many_logical_volumes_few_are_looked_for_and_the_rest_is_told() {
        let entry = entry("ro rd.lvm.lv=system/root");
        let unseen = |built_in: &str| {
            let settings = Files::with("etc/cmdline.d/90lvm.conf", built_in);
            unseen(&entry, &with_lvm(), &settings)
        };
        assert_eq!(unseen(&"rd.lvm.lv=system/root ".repeat(2000)), None);
        let many =
            |count: usize| (0..count).map(|it| format!("rd.lvm.lv=g/{it} ")).collect::<String>();
        assert_eq!(unseen(&many(255)), None);
        let why = unseen(&many(256)).unwrap();
        assert_eq!(why, "more than 256 logical volumes to wait for");
        let mut disk = disk();
        disk.volume_groups.push(group());
        disk.table_read = Fact::unknown("partition table", "beyond the end");
        let mut awaited = Awaited { disk: &disk, absent: BTreeMap::new() };
        let words = parameters(&"rd.lvm.lv=system/root ".repeat(2000));
        assert_eq!((awaited.absent(&words), awaited.absent.len()), (None, 1));
        assert_eq!(awaited.absent(&parameters(&many(2000))), None);
        assert_eq!(awaited.absent.len(), 256);
    }

    #[test]
    fn what_dracut_waits_for_is_open_where_its_own_command_line_is_not_read() {
        let why = Some("the initramfs' own command line is not read in full".to_owned());
        let link = init("/sbin/init", "/sbin/init");
        let line = "ro rd.lvm.lv=rhel/swap";
        for setting in [Setting::TooLong(65_537), Setting::Link(b"/x".to_vec())] {
            let settings = Files::of("etc/cmdline.d/90lvm.conf", setting);
            assert_eq!(unseen(&entry("ro"), &with_lvm(), &settings), why);
            // One that is not read may say that dracut leaves them alone.
            assert_eq!(stop(&entry(line), Some(&with_lvm()), &settings, &link, &disk()), None);
            assert_eq!(unseen(&entry("ro rd.lvm=0"), &with_lvm(), &settings), None);
            assert_eq!(unseen(&entry("ro"), &test_initramfs(&[]), &settings), None);
            let mut of_tools = made(true);
            of_tools.extend(settings);
            assert_eq!(unseen(&entry("ro"), &with_lvm(), &of_tools), None);
        }
        // What is usual is read in full.
        assert_eq!(unseen(&entry("ro"), &with_lvm(), &Files::default()), None);
        let usual = Files::with("etc/cmdline.d/90lvm.conf", " rd.lvm.lv=rhel/root \n");
        assert_eq!(unseen(&entry("ro"), &with_lvm(), &usual), None);
        // Of a list that is not read to its end it is said elsewhere.
        let cut = InitramfsFacts { listing: Fact::unknown("/initrd", "cut short"), ..with_lvm() };
        assert_eq!(unseen(&entry("ro"), &cut, &usual), None);
        assert!(stop(&entry(line), Some(&cut), &usual, &link, &disk()).is_some());
        // More files than are kept.
        let mut many = Files::default();
        while !many.overflow() {
            let path = format!("etc/modprobe.d/{}.conf", many.below("etc/modprobe.d/").len());
            many.extend(Files::with(&path, ""));
        }
        assert_eq!(unseen(&entry("ro"), &with_lvm(), &many), why);
    }

    #[test]
    fn what_the_kernel_does_not_take_stops_nothing() {
        let bash = init("/bin/bash", "/usr/bin/bash");
        let of = |line: &str| {
            let found = stop(&entry(line), Some(&with_lvm()), &made(false), &bash, &disk());
            found.map(|stop| stop.word)
        };
        // COMMAND_LINE_SIZE is 2048, with the zero at the end.
        for word in ["rd.break", "rdinit=/bin/sh", "init=/bin/bash"] {
            let behind = |length: usize| format!("{} {word}", "x".repeat(length));
            let room = 2046 - word.len();
            assert_eq!(of(&behind(room)), Some(word.to_owned()));
            assert!(is_taken(&entry(&behind(room)), word));
            assert_eq!(of(&behind(room + 1)), None);
            assert!(!is_taken(&entry(&behind(room + 1)), word));
        }
    }

    #[test]
    fn dracut_does_not_find_a_root_that_it_is_told_to_pass_over() {
        // lvm_scan.sh: `lvchange -ay` of each rd.lvm.lv=, and `vgchange -ay` of the groups of
        // rd.lvm.vg=, or of all when there is neither.
        let mut disk = disk();
        disk.volumes[1].name = "system/root".to_owned();
        let mut group = group();
        let root = group.logical_volumes[0].clone();
        let swap = LogicalVolumeFacts { name: "swap".to_owned(), volume: Some(0), ..root };
        group.logical_volumes.push(swap);
        disk.volume_groups.push(group);
        disk.volumes[0].name = "system/swap".to_owned();
        let link = init("/sbin/init", "/sbin/init");
        let of = |command_line: &str, settings: &Files| {
            let mut entry = entry(command_line);
            entry.root = Some(device_ref("/dev/mapper/system-root", &disk));
            let found = stop(&entry, Some(&with_lvm()), settings, &link, &disk);
            found.map(|stop| (stop.kind, stop.word))
        };
        let none = made(false);
        for word in ["rd.lvm=0", "rd_NO_LVM", "rd.lvm.vg=other", "rd.lvm.lv=system/swap"] {
            let stopped = Some((StopKind::RootLeftAlone, word.to_owned()));
            assert_eq!(of(&format!("ro {word}"), &none), stopped, "{word}");
            assert_eq!(of(word, &made(true)), None, "{word}");
        }
        for words in [
            "ro",
            "rd.lvm.lv=system/root",
            "rd.lvm.lv=system/swap rd.lvm.lv=system/root",
            "rd.lvm.vg=system",
            "rd.lvm.lv=system/swap rd.lvm.vg=system",
            "rd.lvm=1",
        ] {
            assert_eq!(of(words, &none), None, "{words}");
        }
        let built_in = Files::with("etc/cmdline.d/90lvm.conf", " rd.lvm.lv=system/root \n");
        assert_eq!(of("rd.lvm.lv=system/swap", &built_in), None);
    }
}
