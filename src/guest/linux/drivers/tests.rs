#![allow(clippy::arithmetic_side_effects)]

use std::collections::BTreeSet;

use super::*;
use crate::disk::facts::{ArrayFacts, LogicalVolumeFacts, PhysicalVolumeFacts, VolumeGroupFacts};
use crate::fact::Evidence;
use crate::filesystem::memory::MemoryFs;
use crate::guest::facts::{BootEntry, PlatformDevice};
use crate::guest::linux::device;
use crate::guest::linux::initramfs::{self, Budget, Wanted};
use crate::guest::linux::kernel::tests::entry;

const RELEASE: &str = "6.1.0-56-amd64";

/// Lines as depmod 30 of Debian 12 writes them for this kernel.
const ALIASES: &str = "\
# Aliases extracted from modules themselves.
alias virtio:d00000002v* virtio_blk
alias virtio:d00000001v* virtio_net
alias virtio:d00000008v* virtio_scsi
alias pci:v00001AF4d*sv*sd*bc*sc*i* virtio_pci
alias pci:v00008086d00007010sv*sd*bc*sc*i* ata_piix
alias pci:v*d*sv*sd*bc01sc01i* ata_generic
alias xen:vbd xen_blkfront
alias xen:vif xen_netfront
";

const MODULES: [&str; 7] = [
    "virtio_blk",
    "virtio_net",
    "virtio_scsi",
    "virtio_pci",
    "ata_piix",
    "xen-blkfront",
    "xen-netfront",
];

/// An initramfs with these modules and files.
fn initramfs(modules: &[&str], files: &[(&str, &str)]) -> (InitramfsFacts, Files) {
    let mut archive = Vec::new();
    for (name, content) in files {
        archive.extend(entry(name, content.as_bytes()));
    }
    for module in modules {
        archive.extend(entry(&format!("usr/lib/modules/{RELEASE}/kernel/{module}.ko"), b"ELF"));
    }
    initramfs::list("/boot/initrd.img", &archive, &Wanted::Everything, &mut Budget::default())
}

fn kernel(initramfs: Fact<Option<InitramfsFacts>>) -> KernelFacts {
    let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
    let modules: BTreeSet<String> = MODULES.iter().map(|name| name.replace('-', "_")).collect();
    KernelFacts {
        release: RELEASE.to_owned(),
        is_default: true,
        modules_dir: Fact::Known(Some(format!("/lib/modules/{RELEASE}"))),
        builtin: Fact::Known(Some(names(&["ext4"]))),
        modules: Fact::Known(Some(modules)),
        image: Fact::Known(None),
        config: Fact::Known(None),
        initramfs,
    }
}

fn boot(command_line: &str) -> BootFacts {
    let entry = BootEntry {
        title: "Debian".to_owned(),
        location: "/boot/grub/grub.cfg:118".to_owned(),
        kernel: None,
        initrds: Vec::new(),
        command_line: command_line.to_owned(),
        command_line_location: "/boot/grub/grub.cfg:120".to_owned(),
        root: None,
        resume: None,
    };
    BootFacts {
        configuration: None,
        loader: Fact::Known(None),
        chain: Vec::new(),
        default_entry: Fact::Known(Some(entry)),
        other_entries: Vec::new(),
        timeout: None,
        stop: None,
    }
}

fn aliases_at() -> String {
    format!("usr/lib/modules/{RELEASE}/modules.alias")
}

struct Case {
    tree: MemoryFs,
    modules: Vec<&'static str>,
    files: Vec<(String, &'static str)>,
    command_line: &'static str,
}

impl Case {
    fn good() -> Self {
        Self {
            tree: MemoryFs::new()
                .file(&format!("/{}", aliases_at()), ALIASES)
                .symlink("/lib", "usr/lib"),
            modules: MODULES.to_vec(),
            files: vec![(aliases_at(), ALIASES)],
            command_line: "ro",
        }
    }

    fn find(self) -> DriverFacts {
        let files: Vec<_> =
            self.files.iter().map(|(name, content)| (name.as_str(), *content)).collect();
        let (facts, files) = initramfs(&self.modules, &files);
        let kernels = Fact::Known(vec![kernel(Fact::Known(Some(facts)))]);
        let disk = device::tests::disk();
        let needs = Fact::Known(Vec::new());
        let tree = self.tree.tree();
        find(&tree, &disk, &boot(self.command_line), &kernels, &files, listed(&tree), needs)
    }
}

fn last(facts: &DriverFacts, device: PlatformDevice) -> &DriverLink {
    let device = facts.devices.iter().find(|found| found.device == device).unwrap();
    device.links.last().unwrap()
}

/// Modules that would be loaded, and those that would not.
fn modules(stage: &Fact<Vec<Candidate>>) -> (Vec<&str>, Vec<&str>) {
    let (free, blocked): (Vec<&Candidate>, Vec<_>) =
        stage.known().unwrap().iter().partition(|candidate| candidate.blocked.is_none());
    (
        free.iter().map(|candidate| candidate.module.as_str()).collect(),
        blocked.iter().map(|candidate| candidate.module.as_str()).collect(),
    )
}

#[test]
fn each_device_finds_its_driver_through_the_aliases_of_the_initramfs() {
    let facts = Case::good().find();
    assert_eq!(facts.devices.len(), 6);
    for (device, module) in [
        (PlatformDevice::VirtioBlock, "virtio_blk"),
        (PlatformDevice::VirtioNet, "virtio_net"),
        (PlatformDevice::VirtioScsi, "virtio_scsi"),
        (PlatformDevice::XenBlock, "xen_blkfront"),
        (PlatformDevice::XenNet, "xen_netfront"),
        (PlatformDevice::Ide, "ata_piix"),
    ] {
        let link = last(&facts, device);
        assert_eq!(modules(&link.early), (vec![module], vec![]), "{device:?}");
        assert_eq!(modules(&link.late), (vec![module], vec![]), "{device:?}");
    }
    let seen = &last(&facts, PlatformDevice::VirtioBlock).early.known().unwrap()[0].evidence;
    assert_eq!(seen.location, format!("/boot/initrd.img: lib/modules/{RELEASE}/modules.alias:2"));
}

#[test]
fn a_module_that_the_initramfs_lacks_is_only_loaded_later() {
    let mut case = Case::good();
    case.modules.retain(|module| *module != "virtio_net");
    let facts = case.find();
    let link = last(&facts, PlatformDevice::VirtioNet);
    assert_eq!(modules(&link.early), (vec![], vec![]));
    assert_eq!(modules(&link.late), (vec!["virtio_net"], vec![]));
}

#[test]
fn a_blacklist_in_the_initramfs_counts_early_and_one_in_the_root_late() {
    let mut case = Case::good();
    case.files.push(("etc/modprobe.d/x.conf".to_owned(), "blacklist virtio_blk\n"));
    case.tree = case.tree.file("/etc/modprobe.d/y.conf", "blacklist virtio-net\n");
    let facts = case.find();
    let link = last(&facts, PlatformDevice::VirtioBlock);
    assert_eq!(modules(&link.early), (vec![], vec!["virtio_blk"]));
    assert_eq!(modules(&link.late), (vec!["virtio_blk"], vec![]));
    let blocked = link.early.known().unwrap()[0].blocked.clone().unwrap();
    let place = "/boot/initrd.img: etc/modprobe.d/x.conf:1";
    assert_eq!(blocked, Evidence::new(place, "blacklist virtio_blk"));
    let link = last(&facts, PlatformDevice::VirtioNet);
    assert_eq!(modules(&link.late), (vec![], vec!["virtio_net"]));
}

#[test]
fn a_file_in_etc_takes_the_place_of_the_one_with_its_name_in_usr_lib() {
    let mut case = Case::good();
    case.tree = case
        .tree
        .file("/usr/lib/modprobe.d/x.conf", "blacklist virtio_net\n")
        .symlink("/etc/modprobe.d/x.conf", "/dev/null")
        .file("/usr/lib/modprobe.d/no-suffix", "blacklist virtio_blk\n");
    let facts = case.find();
    assert_eq!(modules(&last(&facts, PlatformDevice::VirtioNet).late).0, ["virtio_net"]);
    assert_eq!(modules(&last(&facts, PlatformDevice::VirtioBlock).late).0, ["virtio_blk"]);
}

#[test]
fn the_command_line_blacklists_too() {
    let mut case = Case::good();
    case.command_line = "ro rd.driver.blacklist=virtio_blk modprobe.blacklist=virtio_pci";
    let facts = case.find();
    let link = last(&facts, PlatformDevice::VirtioBlock);
    assert_eq!(modules(&link.early), (vec![], vec!["virtio_blk"]));
    assert_eq!(modules(&link.late), (vec!["virtio_blk"], vec![]));
    let device = &facts.devices[0];
    assert_eq!(modules(&device.links[0].late), (vec![], vec!["virtio_pci"]));
}

#[test]
fn without_aliases_only_what_is_loaded_by_name_is_loaded() {
    let mut case = Case::good();
    case.files = vec![("conf/modules".to_owned(), "# by hand\nvirtio_blk\nxen-blkfront\n")];
    let facts = case.find();
    let link = last(&facts, PlatformDevice::VirtioBlock);
    assert_eq!(modules(&link.early), (vec!["virtio_blk"], vec![]));
    let xen = last(&facts, PlatformDevice::XenBlock);
    assert_eq!(modules(&xen.early), (vec!["xen_blkfront"], vec![]));
    let link = last(&facts, PlatformDevice::VirtioNet);
    assert_eq!(modules(&link.early), (vec![], vec!["virtio_net"]));
    let blocked = link.early.known().unwrap()[0].blocked.clone().unwrap();
    assert!(blocked.detail.contains("no modules.alias"));
}

#[test]
fn an_index_stands_for_the_list_beside_the_kernels_modules() {
    let mut case = Case::good();
    case.files = vec![(format!("{}.bin", aliases_at()), "index")];
    let facts = case.find();
    let link = last(&facts, PlatformDevice::VirtioBlock);
    assert_eq!(modules(&link.early), (vec!["virtio_blk"], vec![]));
    let mut case = Case::good();
    case.files = vec![(format!("{}.bin", aliases_at()), "index")];
    case.tree = MemoryFs::new().dir("/usr/lib/modules").symlink("/lib", "usr/lib");
    let facts = case.find();
    let unread = last(&facts, PlatformDevice::VirtioBlock).early.unread().unwrap();
    assert!(unread.location.ends_with("modules.alias.bin"));
}

#[test]
fn a_list_behind_more_than_are_kept_is_unread_and_not_absent() {
    let mut case = Case::good();
    let others = (0..4).map(|other| (format!("usr/lib/modules/{other}/modules.alias"), ALIASES));
    case.files = others.chain([(aliases_at(), ALIASES)]).collect();
    let facts = case.find();
    let unread = last(&facts, PlatformDevice::VirtioBlock).early.unread().unwrap();
    assert_eq!(unread.location, format!("/boot/initrd.img: lib/modules/{RELEASE}/modules.alias"));
    assert!(unread.reason.contains("more settings"), "{}", unread.reason);
}

#[test]
fn an_alias_of_the_configuration_goes_before_those_of_the_modules() {
    let mut case = Case::good();
    case.files.push(("etc/modprobe.d/x.conf".to_owned(), "alias virtio:d00000002v* off\n"));
    let facts = case.find();
    let link = last(&facts, PlatformDevice::VirtioBlock);
    assert_eq!(modules(&link.early).0, Vec::<&str>::new());
}

#[test]
fn what_is_built_in_needs_no_alias_and_no_blacklist_stops_it() {
    let tree = MemoryFs::new()
        .file(
            &format!("/lib/modules/{RELEASE}/modules.builtin.modinfo"),
            "virtio_pci.alias=pci:v00001AF4d*sv*sd*bc*sc*i*\0virtio_pci.license=GPL\0",
        )
        .tree();
    let mut kernel = kernel(Fact::Known(None));
    kernel.builtin = Fact::Known(Some(["virtio_blk".to_owned()].into()));
    let kernels = Fact::Known(vec![kernel]);
    let boot = boot("ro modprobe.blacklist=virtio_blk");
    let disk = device::tests::disk();
    let needs = Fact::Known(Vec::new());
    let facts = find(&tree, &disk, &boot, &kernels, &Files::default(), listed(&tree), needs);
    let device = &facts.devices[0];
    assert_eq!(device.device, PlatformDevice::VirtioBlock);
    assert_eq!(modules(&device.links[0].early), (vec!["virtio_pci"], vec![]));
    assert_eq!(modules(&device.links[1].early), (vec!["virtio_blk"], vec![]));
    // There is no initramfs from which others could come.
    assert_eq!(modules(&last(&facts, PlatformDevice::VirtioNet).early), (vec![], vec![]));
}

#[test]
fn what_cannot_be_read_is_unknown() {
    let mut case = Case::good();
    case.tree = case.tree.dir("/etc/modprobe.d").unreadable("/etc/modprobe.d");
    let facts = case.find();
    let link = last(&facts, PlatformDevice::VirtioBlock);
    assert_eq!(modules(&link.early), (vec!["virtio_blk"], vec![]));
    assert_eq!(link.late.unread().unwrap().location, "/etc/modprobe.d");

    let kernels = Fact::Known(vec![kernel(Fact::unknown("/boot/initrd.img", "torn"))]);
    let (tree, disk) = (Case::good().tree.tree(), device::tests::disk());
    let needs = Fact::Known(Vec::new());
    let facts = find(&tree, &disk, &boot("ro"), &kernels, &Files::default(), listed(&tree), needs);
    assert_eq!(last(&facts, PlatformDevice::VirtioBlock).early.unread().unwrap().reason, "torn");
}

#[test]
fn what_may_be_built_in_is_unknown_when_that_list_cannot_be_read() {
    let mut case = Case::good();
    case.modules.retain(|module| *module != "virtio_blk");
    let list = format!("/usr/lib/modules/{RELEASE}/modules.builtin.modinfo");
    case.tree = case.tree.file(&list, "").unreadable(&list);
    let facts = case.find();
    assert!(last(&facts, PlatformDevice::VirtioBlock).early.unread().is_some());
    let link = last(&facts, PlatformDevice::VirtioNet);
    assert_eq!(modules(&link.early).0, ["virtio_net"]);
}

#[test]
fn the_marks_of_an_initramfs_for_one_machine_are_found() {
    for (path, content, expected) in [
        ("usr/lib/dracut/hostonly-files", "/etc/x\n", true),
        ("lib/dracut/build-parameter.txt", " -f --kver '6.1' --hostonly", true),
        ("usr/lib/dracut/build-parameter.txt", "--hostonly --no-hostonly", false),
        ("conf/initramfs.conf", "MODULES=most\nMODULES=dep\n", true),
        ("conf/initramfs.conf", "MODULES=most\n", false),
    ] {
        let mut case = Case::good();
        case.files.push((path.to_owned(), content));
        assert_eq!(!case.find().host_only.is_empty(), expected, "{path} {content}");
    }
    let mut case = Case::good();
    case.files.push(("conf/initramfs.conf".to_owned(), "MODULES=dep\n"));
    case.files.push(("conf/conf.d/policy".to_owned(), "MODULES=most\n"));
    assert!(case.find().host_only.is_empty());
}

#[test]
fn settings_to_resume_are_read_in_the_root_and_in_the_initramfs() {
    let mut case = Case::good();
    case.tree = case.tree.file("/etc/initramfs-tools/conf.d/resume", "# x\nRESUME=none\n");
    case.files.push(("conf/conf.d/resume".to_owned(), "RESUME=\"UUID=dead-beef\"\n"));
    case.files.push(("etc/cmdline.d/95resume.conf".to_owned(), " resume=/dev/sda5 \n"));
    let resume = case.find().resume;
    let found = resume.known().unwrap();
    assert_eq!(found[0].device, None);
    assert_eq!(found[0].evidence.location, "/etc/initramfs-tools/conf.d/resume:2");
    let specs: Vec<_> =
        found[1..].iter().map(|s| s.device.as_ref().unwrap().spec.as_str()).collect();
    assert_eq!(specs, ["UUID=dead-beef", "/dev/sda5"]);

    let mut case = Case::good();
    case.tree = case.tree.file("/etc/initramfs-tools/conf.d/resume", "RESUME=$(swap)\n");
    assert!(case.find().resume.unread().is_some());
    // The last counts, and is not looked at where there are too many.
    let many = |settings: usize| {
        let mut case = Case::good();
        let line = "resume=none ".repeat(settings).leak();
        case.files.push(("etc/cmdline.d/x.conf".to_owned(), line));
        case.find().resume
    };
    assert_eq!(many(32).known().unwrap().len(), 32);
    assert!(many(33).unread().unwrap().reason.contains("more than 32 settings"));
}

#[test]
fn what_the_old_drivers_leave_behind_is_found() {
    let mut case = Case::good();
    case.tree = case
        .tree
        .dir("/etc/.uvp-monitor")
        .file(&format!("/usr/lib/modules/{RELEASE}/updates/pvdriver/vni/xen-vnif.ko"), "ELF");
    case.files.push((format!("lib/modules/{RELEASE}/updates/pvdriver/xen-vbd.ko"), "ELF"));
    let facts = case.find();
    let found = facts.uvp.known().unwrap();
    let places: Vec<_> = found.iter().map(|seen| seen.location.as_str()).collect();
    let below = format!("/lib/modules/{RELEASE}/updates/pvdriver");
    assert_eq!(places, ["/etc/.uvp-monitor", below.as_str(), "/boot/initrd.img"]);
    let mut case = Case::good();
    case.tree = case.tree.dir("/etc").unreadable("/etc");
    assert!(case.find().uvp.unread().is_some());
}

fn root_on(volume: usize, kind: &str) -> Vec<MountFacts> {
    vec![MountFacts {
        path: "/".to_owned(),
        volume: Some(volume),
        kind: Some(kind.to_owned()),
        readable: Fact::Known(()),
        fails: None,
        evidence: Evidence::new("/boot/grub/grub.cfg:120", "root="),
    }]
}

fn needed(needs: &Fact<Vec<RootNeed>>) -> Vec<String> {
    let name = |need: &RootNeed| need.program.clone().unwrap_or_else(|| need.modules.join("|"));
    needs.known().unwrap().iter().map(name).collect()
}

#[test]
fn a_root_needs_its_file_system_and_what_it_lies_on() {
    let mut disk = device::tests::disk();
    let needs = |disk: &DiskFacts, kind| needed(&root_needs(disk, &boot("ro"), &root_on(1, kind)));
    assert_eq!(needs(&disk, "ext3"), ["ext3|ext4"]);
    assert_eq!(needs(&disk, "xfs"), ["xfs"]);
    assert!(root_needs(&disk, &boot("ro"), &root_on(1, "zfs")).unread().is_some());
    let array = ArrayFacts {
        name: "md/root".to_owned(),
        level: "raid5".to_owned(),
        raid_disks: 3,
        volume: Some(0),
        ..device::tests::array()
    };
    disk.arrays.push(array);
    disk.volume_groups.push(VolumeGroupFacts {
        name: "vg".to_owned(),
        uuid: String::new(),
        seqno: 1,
        exported: false,
        system_id: None,
        physical_volumes: vec![PhysicalVolumeFacts {
            uuid: String::new(),
            volume: Some(0),
            device: None,
            size: 0,
        }],
        logical_volumes: vec![LogicalVolumeFacts {
            name: "root".to_owned(),
            uuid: String::new(),
            visible: true,
            size: 0,
            segment_types: vec!["thin".to_owned()],
            missing_pvs: Vec::new(),
            volume: Some(1),
        }],
        notes: Vec::new(),
    });
    let all = ["ext4", "lvm", "dm_mod", "dm_thin_pool", "mdadm", "md_mod", "raid456"];
    assert_eq!(needs(&disk, "ext4"), all);
}

/// Lines as depmod 30 of Debian 12 writes them for this kernel.
const DEPENDENCIES: &str = "\
kernel/fs/ext4/ext4.ko: kernel/lib/crc16.ko kernel/fs/mbcache.ko kernel/fs/jbd2/jbd2.ko
kernel/drivers/virtio/virtio_pci.ko: kernel/drivers/virtio/virtio.ko kernel/drivers/virtio/virtio_ring.ko
kernel/drivers/virtio/virtio.ko:
kernel/drivers/block/virtio_blk.ko: kernel/drivers/virtio/virtio.ko kernel/drivers/virtio/virtio_ring.ko
";

/// What lies beside the modules of the kernel of [`RELEASE`].
fn listed(tree: &Tree) -> Option<Listed> {
    Some(Listed::read(tree, RELEASE))
}

/// With a list of dependencies beside the kernel's modules, and an initramfs listed to its end.
fn with_dependencies(modules: &[&str], root: &[&str]) -> DriverFacts {
    let case = Case::good();
    let tree = case.tree.file(&format!("/usr/lib/modules/{RELEASE}/modules.dep"), DEPENDENCIES);
    let all: Vec<&str> = MODULES.iter().chain(modules).copied().collect();
    let (mut facts, files) = initramfs(&all, &[(&aliases_at(), ALIASES)]);
    facts.listing = Fact::Known(ListingEnd::Complete);
    let mut kernel = kernel(Fact::Known(Some(facts)));
    kernel.builtin = Fact::Known(Some(BTreeSet::from(["crc16".to_owned()])));
    let need = RootNeed {
        purpose: Evidence::new("partition 1", "ext4"),
        modules: root.iter().map(|name| (*name).to_owned()).collect(),
        options: Vec::new(),
        program: None,
    };
    let (disk, kernels) = (device::tests::disk(), Fact::Known(vec![kernel]));
    let (tree, needs) = (tree.tree(), Fact::Known(vec![need]));
    find(&tree, &disk, &boot("ro"), &kernels, &files, listed(&tree), needs)
}

#[test]
fn a_driver_whose_dependency_was_left_out_of_the_initramfs_is_not_loaded() {
    let facts = with_dependencies(&["virtio", "virtio_ring"], &[]);
    let link = last(&facts, PlatformDevice::VirtioBlock);
    assert_eq!(modules(&link.early), (vec!["virtio_blk"], vec![]));

    let facts = with_dependencies(&["virtio"], &[]);
    let link = last(&facts, PlatformDevice::VirtioBlock);
    assert_eq!(modules(&link.early), (vec![], vec!["virtio_blk"]));
    assert_eq!(modules(&link.late), (vec!["virtio_blk"], vec![]));
    let blocked = link.early.known().unwrap()[0].blocked.clone().unwrap();
    assert_eq!(blocked.location, format!("/lib/modules/{RELEASE}/modules.dep:4"));
    let detail = "virtio_blk needs virtio_ring, which is not in /boot/initrd.img";
    assert_eq!(blocked.detail, detail);
    // What no line says anything of is taken as it is.
    assert_eq!(modules(&last(&facts, PlatformDevice::Ide).early).0, ["ata_piix"]);
}

#[test]
fn the_root_needs_what_its_modules_need_unless_it_is_built_in() {
    let facts = with_dependencies(&["ext4"], &["ext3", "ext4"]);
    let needs: Vec<_> = facts.root_needs.known().unwrap().iter().collect();
    let modules: Vec<_> = needs.iter().map(|need| need.modules.join(" ")).collect();
    assert_eq!(modules, ["ext3 ext4", "mbcache", "jbd2"]);
    assert_eq!(needs[2].purpose.detail, "ext4 needs jbd2");
    // A module that is not there itself is what the finding is about.
    let facts = with_dependencies(&[], &["ext4"]);
    assert_eq!(facts.root_needs.known().unwrap().len(), 1);
}

#[test]
fn a_list_of_dependencies_that_cannot_be_read_leaves_them_in_doubt() {
    let list = format!("/usr/lib/modules/{RELEASE}/modules.dep");
    dependencies_are_in_doubt(|tree| tree.file(&list, DEPENDENCIES).unreadable(&list));
    let endless = format!("{DEPENDENCIES}kernel/a.ko:{}\n", " kernel/b.ko".repeat(1000));
    dependencies_are_in_doubt(|tree| tree.file(&list, &endless));
    // More names than are kept of all kernels: no more are made of them here.
    let case = Case::good();
    let mut kernel = kernel(Fact::Known(Some(complete(&case).0)));
    kernel.modules = Fact::unknown("/lib/modules", "more than the bound");
    let tree = case.tree.file(&list, DEPENDENCIES).tree();
    let unread = Dependencies::read(&tree, &kernel).err().unwrap();
    assert_eq!(unread.reason, "more than the bound");
}

/// The initramfs of a case, listed to its end.
fn complete(case: &Case) -> (InitramfsFacts, Files) {
    let files: Vec<_> =
        case.files.iter().map(|(name, content)| (name.as_str(), *content)).collect();
    let (mut facts, files) = initramfs(&case.modules, &files);
    facts.listing = Fact::Known(ListingEnd::Complete);
    (facts, files)
}

fn dependencies_are_in_doubt(change: impl FnOnce(MemoryFs) -> MemoryFs) {
    let mut case = Case::good();
    case.tree = change(case.tree);
    let (facts, files) = complete(&case);
    let kernels = Fact::Known(vec![kernel(Fact::Known(Some(facts)))]);
    let disk = device::tests::disk();
    let needs = Fact::Known(Vec::new());
    let tree = case.tree.tree();
    let facts = find(&tree, &disk, &boot("ro"), &kernels, &files, listed(&tree), needs);
    assert!(facts.root_needs.unread().is_some());
    assert!(last(&facts, PlatformDevice::VirtioBlock).early.unread().is_some());
}

#[test]
fn more_aliases_than_the_bound_are_told_and_dependencies_are_looked_up_once() {
    let alias = |number: usize| format!("alias virtio:d00000002v* m{number}\n");
    let tree = |count: usize| {
        let aliases: String = (0..count).map(alias).collect();
        let dependencies: String =
            (0..100_000).map(|n| format!("kernel/m{n}.ko: k/n{n}.ko\n")).collect();
        MemoryFs::new()
            .file(&format!("/lib/modules/{RELEASE}/modules.alias"), aliases)
            .file(&format!("/lib/modules/{RELEASE}/modules.dep"), dependencies)
    };
    let devices = |count: usize| {
        let (facts, files) = initramfs(&["ext4"], &[]);
        let mut kernel = kernel(Fact::Known(Some(facts)));
        kernel.modules = Fact::Known(Some((0..count).map(|n| format!("m{n}")).collect()));
        let tree = tree(count).tree();
        let dependencies = Dependencies::read(&tree, &kernel);
        let listed = Listed::read(&tree, RELEASE);
        super::devices(&tree, &boot(""), &kernel, &files, listed, dependencies)
    };
    let late = |count: usize| {
        let found = devices(count);
        let disk = found.iter().find(|it| it.device == PlatformDevice::VirtioBlock).unwrap();
        disk.links.iter().find(|link| link.alias.starts_with("virtio:")).unwrap().late.clone()
    };
    assert!(late(1000).known().is_some_and(|candidates| candidates.len() >= 1000));
    assert!(late(1025).unread().unwrap().reason.contains("more than 1024 aliases"));
}
