//! Facts for the rules' tests: a good machine, of which each test changes only what is wrong.

pub(super) mod drivers;
mod firewall;
mod leftovers;
pub(super) mod network;
mod packages;
pub(super) mod sshd;
pub(crate) mod windows;

use std::collections::{BTreeMap, BTreeSet};

use super::{Context, Finding, Lang, Profile, Rule, Status, judge};
use crate::disk::facts::*;
use crate::fact::{Evidence, Fact, Unread};
use crate::filesystem::{Health, Shutdown, Space};
use crate::guest::facts::*;
use crate::image::facts::*;

/// 2026-01-01 in days since 1970-01-01.
pub(super) const TODAY: i64 = 20_454;

pub(super) const BOOT_UUID: &str = "11111111-2222-3333-4444-555555555555";
pub(super) const ROOT_UUID: &str = "66666666-7777-8888-9999-aaaaaaaaaaaa";
pub(super) const SWAP_UUID: &str = "bbbbbbbb-cccc-dddd-eeee-ffffffffffff";
pub(super) const INITRAMFS: &str = "/boot/initramfs-3.10.0-957.el7.x86_64.img";

const RELEASE: &str = "3.10.0-957.el7.x86_64";
const GIB: u64 = 1 << 30;

pub(crate) fn context(profile: Profile) -> Context {
    Context::new(profile, TODAY)
}

/// The finding under a profile that has the rule.
pub(super) fn judged(rule: &dyn Rule, facts: &Facts, profile: Profile) -> Finding {
    judge(rule, facts, &context(profile)).expect("the profile has the rule")
}

/// The status under `ims-classic`.
pub(super) fn status(rule: &dyn Rule, facts: &Facts) -> Status {
    judged(rule, facts, Profile::ImsClassic).status
}

/// Asserts that under `ims-classic` the rule ends so, and that message or evidence names `needle`.
#[track_caller]
pub(super) fn expect(rule: &dyn Rule, facts: &Facts, status: Status, needle: &str) -> Finding {
    expect_in(Profile::ImsClassic, rule, facts, status, needle)
}

/// As [`expect`] under another profile.
#[track_caller]
pub(super) fn expect_in(
    profile: Profile,
    rule: &dyn Rule,
    facts: &Facts,
    status: Status,
    needle: &str,
) -> Finding {
    let finding = judged(rule, facts, profile);
    assert_eq!(finding.status, status, "{finding:#?}");
    let shown = finding
        .evidence
        .iter()
        .flat_map(|evidence| [evidence.location.as_str(), evidence.detail.as_str()])
        .chain([finding.message.get(Lang::En)]);
    assert!(shown.into_iter().any(|text| text.contains(needle)), "no {needle:?} in {finding:#?}");
    finding
}

/// The remedy in English.
pub(super) fn remedy(finding: &Finding) -> &str {
    finding.remedy.as_ref().map_or("", |remedy| remedy.get(Lang::En))
}

pub(crate) fn linux_mut(facts: &mut Facts) -> &mut LinuxFacts {
    match &mut facts.guest {
        Fact::Known(Guest::Linux(linux)) => linux,
        _ => panic!("not a Linux guest"),
    }
}

pub(super) fn disk_mut(facts: &mut Facts) -> &mut DiskFacts {
    match &mut facts.disk {
        Fact::Known(disk) => disk,
        Fact::Unknown(_) => panic!("no disk"),
    }
}

pub(crate) fn qcow2_mut(facts: &mut Facts) -> &mut Qcow2Facts {
    match &mut facts.image.qcow2 {
        Some(Fact::Known(qcow2)) => qcow2,
        _ => panic!("not a qcow2 file"),
    }
}

pub(super) fn os_mut(facts: &mut Facts) -> &mut OsIdentity {
    match &mut linux_mut(facts).os {
        Fact::Known(Some(os)) => os,
        _ => panic!("no system"),
    }
}

pub(crate) fn fstab_mut(facts: &mut Facts) -> &mut Fstab {
    match &mut linux_mut(facts).fstab {
        Fact::Known(fstab) => fstab,
        Fact::Unknown(_) => panic!("no fstab"),
    }
}

pub(crate) fn entry_mut(facts: &mut Facts) -> &mut BootEntry {
    match &mut linux_mut(facts).boot.default_entry {
        Fact::Known(Some(entry)) => entry,
        _ => panic!("no entry"),
    }
}

pub(super) fn kernel_mut(facts: &mut Facts) -> &mut KernelFacts {
    match &mut linux_mut(facts).kernels {
        Fact::Known(kernels) => &mut kernels[0],
        Fact::Unknown(_) => panic!("no kernels"),
    }
}

pub(super) fn initramfs_mut(facts: &mut Facts) -> &mut InitramfsFacts {
    match &mut kernel_mut(facts).initramfs {
        Fact::Known(Some(initramfs)) => initramfs,
        _ => panic!("no initramfs"),
    }
}

pub(super) fn root_mut(facts: &mut Facts) -> &mut Account {
    match &mut linux_mut(facts).accounts {
        Fact::Known(accounts) => &mut accounts.accounts[0],
        Fact::Unknown(_) => panic!("no accounts"),
    }
}

pub(super) fn firmware_mut(facts: &mut Facts) -> &mut FirmwareFacts {
    match &mut facts.firmware {
        Fact::Known(firmware) => firmware,
        Fact::Unknown(_) => panic!("no firmware"),
    }
}

/// The good machine booting by UEFI only.
pub(crate) fn uefi_only() -> Facts {
    let mut facts = good_linux();
    let loader = Evidence::new("partition 1", "EFI/BOOT/BOOTX64.EFI");
    *firmware_mut(&mut facts) =
        FirmwareFacts { bios: Vec::new(), uefi: vec![loader.clone()], uefi_fallback: vec![loader] };
    facts
}

/// A Windows guest on the same disk.
pub(crate) fn windows() -> Facts {
    let evidence = vec![Evidence::new("partition 2", "/Windows/System32/config/SYSTEM")];
    let mut facts = good_linux();
    let reason = Unread::new("registry", "it is not read");
    facts.guest = Fact::Known(Guest::Windows(Box::new(WindowsFacts::unread(evidence, &reason))));
    facts
}

/// No operating system on the same disk.
pub(super) fn no_guest() -> Facts {
    let evidence = vec![Evidence::new("partition 2 (ext4)", "no /etc, no /Windows")];
    Facts { guest: Fact::Known(Guest::Absent(evidence)), ..good_linux() }
}

/// A vmdk, whose content is not read.
pub(super) fn foreign() -> Facts {
    let mut facts = unread();
    facts.image.format = Format::Vmdk;
    facts.image.path = "disk.vmdk".to_owned();
    facts.image.format_evidence = Evidence::new("byte 0", "KDMV");
    facts.image.variant = Some("monolithicSparse".to_owned());
    facts.image.virtual_size = Some(40 * GIB);
    facts.image.qcow2 = None;
    facts.image.content = Fact::unknown("disk.vmdk", "the content of vmdk is not read");
    facts
}

fn why() -> Unread {
    Unread::new("somewhere", "it was torn")
}

/// A qcow2 file of which nothing inside could be read.
pub(super) fn unread() -> Facts {
    let mut facts = good_linux();
    facts.image.virtual_size = None;
    facts.image.qcow2 = Some(Fact::Unknown(why()));
    facts.image.content = Fact::Unknown(why());
    facts.disk = Fact::Unknown(why());
    facts.filesystems = Vec::new();
    facts.firmware = Fact::Unknown(why());
    facts.guest = Fact::Unknown(why());
    facts
}

/// The good machine, recognised, but with every fact below it unknown.
pub(super) fn unread_inside() -> Facts {
    let mut facts = good_linux();
    let qcow2 = qcow2_mut(&mut facts);
    qcow2.snapshots = Fact::Unknown(why());
    qcow2.checked = Fact::Unknown(why());
    let disk = disk_mut(&mut facts);
    disk.table_read = Fact::Unknown(why());
    disk.boot_code = Fact::Unknown(why());
    for volume in &mut disk.volumes {
        volume.signatures = Fact::Unknown(why());
    }
    for found in &mut facts.filesystems {
        found.health = Fact::Unknown(why());
    }
    facts.firmware = Fact::Unknown(why());
    let linux = linux_mut(&mut facts);
    linux.os = Fact::Unknown(why());
    linux.arch = Fact::Unknown(why());
    linux.usr_merged = Fact::Unknown(why());
    linux.fstab = Fact::Unknown(why());
    linux.crypttab = Fact::Unknown(why());
    linux.boot = BootFacts {
        loader: Fact::Unknown(why()),
        configuration: None,
        chain: Vec::new(),
        default_entry: Fact::Unknown(why()),
        other_entries: Vec::new(),
        timeout: None,
        stop: None,
    };
    linux.kernels = Fact::Unknown(why());
    linux.accounts = Fact::Unknown(why());
    linux.cloud_init = CloudInitFacts {
        installed: Fact::Unknown(why()),
        units: Vec::new(),
        disabled_by: Fact::Unknown(why()),
        files: Vec::new(),
        unread: vec![why()],
        config: serde_json::Value::Null,
        datasource_list: Fact::Unknown(why()),
        places: BTreeMap::new(),
        lines: BTreeMap::new(),
        openstack_source: Fact::Unknown(why()),
        ds_identify: Fact::Unknown(why()),
        bound_elsewhere: Fact::Unknown(why()),
        instance_data: Fact::Unknown(why()),
        linux_user: Fact::Unknown(why()),
    };
    linux.bindings = Fact::Unknown(why());
    linux.network = network::unread();
    linux.packages = packages::unread();
    linux.sshd = sshd::unread();
    linux.drivers = drivers::unread();
    linux.leftovers = leftovers::unread();
    linux.firewall = firewall::unread();
    facts
}

pub(super) fn names(modules: &[&str]) -> BTreeSet<String> {
    modules.iter().map(|&module| module.to_owned()).collect()
}

/// A device reference that leads to a volume.
pub(super) fn device(spec: &str, kind: SourceKind, resolution: Resolution) -> DeviceRef {
    DeviceRef { spec: spec.to_owned(), kind, resolution, other_disk: false }
}

/// An fstab line with `defaults`, its first field as given.
pub(crate) fn mount(line: u32, source: DeviceRef, mount_point: &str, fs_type: &str) -> FstabEntry {
    FstabEntry {
        line,
        text: format!("{} {mount_point} {fs_type} defaults 0 0", source.spec),
        source,
        mount_point: mount_point.to_owned(),
        fs_type: fs_type.to_owned(),
        options: vec!["defaults".to_owned()],
        pass: 0,
        requires: Vec::new(),
        unit: None,
    }
}

/// The same mount as a unit of its own, in `/etc/systemd/system/data.mount`.
pub(super) fn as_unit(mut entry: FstabEntry, required: bool) -> FstabEntry {
    let directory = if required { "requires" } else { "wants" };
    entry.unit = Some(MountUnit {
        name: "data.mount".to_owned(),
        path: "/etc/systemd/system/data.mount".to_owned(),
        started_by: Evidence::new(
            format!("/etc/systemd/system/local-fs.target.{directory}/data.mount"),
            "link to ../data.mount",
        ),
        required,
    });
    entry.text = format!("What={}", entry.source.spec);
    entry
}

/// The same line with other options.
pub(super) fn with_options(mut entry: FstabEntry, options: &str) -> FstabEntry {
    entry.options = options.split(',').map(str::to_owned).collect();
    entry
}

/// A data disk that is not in the image.
pub(crate) fn absent_disk() -> DeviceRef {
    device("UUID=dead", SourceKind::Uuid, Resolution::Missing)
}

/// The group `vg` whose logical volume `root` is the volume with that index, with what it misses.
pub(super) fn volume_group(volume: usize, missing: Option<&str>) -> VolumeGroupFacts {
    let pv = |uuid: &str, volume| PhysicalVolumeFacts {
        uuid: uuid.to_owned(),
        volume,
        device: Some("/dev/sdb1".to_owned()),
        size: GIB,
    };
    VolumeGroupFacts {
        name: "vg".to_owned(),
        uuid: "groupU-UID".to_owned(),
        seqno: 3,
        exported: false,
        system_id: None,
        physical_volumes: std::iter::once(pv("presen-t", Some(2)))
            .chain(missing.map(|uuid| pv(uuid, None)))
            .collect(),
        logical_volumes: vec![LogicalVolumeFacts {
            name: "root".to_owned(),
            uuid: "volume-UUID".to_owned(),
            visible: true,
            size: GIB,
            segment_types: vec!["linear".to_owned()],
            missing_pvs: missing.map(str::to_owned).into_iter().collect(),
            volume: Some(volume),
        }],
        notes: vec![],
    }
}

fn volume(number: u32, kind: SignatureKind, uuid: &str) -> VolumeFacts {
    VolumeFacts {
        name: format!("partition {number}"),
        partition: Some(number),
        start: Some(u64::from(number) * GIB),
        size: GIB,
        signatures: Fact::Known(vec![Signature {
            kind,
            offset: 1080,
            uuid: Some(uuid.to_owned()),
            label: None,
            size: Some(GIB),
            version: None,
            block_size: None,
        }]),
    }
}

fn partition(number: u32, role: PartitionRole) -> PartitionFacts {
    PartitionFacts {
        number,
        start: u64::from(number) * GIB,
        size: GIB,
        type_id: "0x83".to_owned(),
        role,
        name: None,
        uuid: Some(format!("0009a3b1-0{number}")),
        active: number == 1,
        location: format!("MBR, byte {}", 446 + 16 * (number - 1)),
        volume: Some(number as usize - 1),
    }
}

fn disk() -> DiskFacts {
    DiskFacts {
        size: 40 * GIB,
        sector_size: 512,
        table: TableKind::Mbr,
        table_read: Fact::Known(()),
        mbr_signature: Some("0009a3b1".to_owned()),
        gpt: None,
        partitions: vec![
            partition(1, PartitionRole::LinuxFilesystem),
            partition(2, PartitionRole::LinuxFilesystem),
            partition(3, PartitionRole::Swap),
        ],
        volumes: vec![
            volume(1, SignatureKind::Ext4, BOOT_UUID),
            volume(2, SignatureKind::Ext4, ROOT_UUID),
            volume(3, SignatureKind::Swap, SWAP_UUID),
        ],
        volume_groups: vec![],
        arrays: vec![],
        containers: vec![],
        boot_code: Fact::Known(BootCodeFacts {
            kind: BootCodeKind::Grub2,
            signature: true,
            evidence: Evidence::new("sector 0, byte 384", "GRUB"),
            grub_core: None,
            grub_legacy: None,
        }),
        volume_boot_code: Vec::new(),
        problems: Vec::new(),
    }
}

/// A sound ext4 that was unmounted.
fn filesystem(volume: usize, total: u64, free: u64) -> FileSystemFacts {
    let place = |byte: u32| format!("partition {}: ext superblock, byte {byte}", volume + 1);
    FileSystemFacts {
        volume,
        kind: "ext4".to_owned(),
        health: Fact::Known(Health {
            shutdown: Fact::Known((Shutdown::Clean, Evidence::new(place(1082), "s_state valid"))),
            stale: None,
            unchecked: None,
            errors: Vec::new(),
            needs: Vec::new(),
            space: Fact::Known(Space {
                total,
                free,
                inodes: Some((65_536, 60_000)),
                evidence: Evidence::new(place(1036), format!("{free} of {total} bytes")),
            }),
        }),
    }
}

/// What the file system on a volume says of itself.
pub(super) fn health_mut(facts: &mut Facts, volume: usize) -> &mut Health {
    match &mut facts.filesystems[volume].health {
        Fact::Known(health) => health,
        Fact::Unknown(_) => panic!("not opened"),
    }
}

fn image() -> ImageFacts {
    ImageFacts {
        path: "centos.qcow2".to_owned(),
        file_size: 2 * GIB,
        format: Format::Qcow2,
        format_evidence: Evidence::new("byte 0", "51 46 49 fb"),
        variant: Some("version 3".to_owned()),
        virtual_size: Some(40 * GIB),
        qcow2: Some(Fact::Known(Qcow2Facts {
            version: 3,
            cluster_size: 65_536,
            refcount_bits: 16,
            crypt_method: 0,
            encryption_extension_at: None,
            backing_file: None,
            backing_format: None,
            external_data_file: false,
            data_file_name: None,
            dirty: false,
            corrupt: false,
            compression: Qcow2Compression::Zlib,
            extended_l2: false,
            unknown_incompatible_bits: Vec::new(),
            unknown_feature_names: Vec::new(),
            snapshot_count: 0,
            snapshots: Fact::Known(Vec::new()),
            problems: Vec::new(),
            problem_count: 0,
            leaks: Vec::new(),
            leaked_clusters: 0,
            checked: Fact::Known(()),
            highest_host_byte: 2 * GIB,
        })),
        header_damage: None,
        split: None,
        block_device: false,
        content: Fact::Known(()),
    }
}

fn boot_file(name: &str, line: u32) -> BootFile {
    BootFile {
        spec: format!("/{name}"),
        location: format!("/boot/grub2/grub.cfg:{line}"),
        resolved: Fact::Known(Some(ResolvedFile {
            volume: 0,
            path: format!("/{name}"),
            guest_path: Some(format!("/boot/{name}")),
            size: 6_000_000,
            node: None,
        })),
    }
}

fn by_uuid(uuid: &str, volume: usize) -> DeviceRef {
    device(&format!("UUID={uuid}"), SourceKind::Uuid, Resolution::Volume(volume))
}

/// A boot entry of the good machine.
pub(super) fn boot_entry() -> BootEntry {
    BootEntry {
        title: "CentOS Linux (3.10.0-957.el7.x86_64) 7 (Core)".to_owned(),
        location: "/boot/grub2/grub.cfg:90".to_owned(),
        kernel: Some(boot_file(&format!("vmlinuz-{RELEASE}"), 100)),
        initrds: vec![boot_file(&format!("initramfs-{RELEASE}.img"), 101)],
        command_line: format!("root=UUID={ROOT_UUID} ro console=ttyS0"),
        command_line_location: "/boot/grub2/grub.cfg:100".to_owned(),
        root: Some(by_uuid(ROOT_UUID, 1)),
        resume: None,
    }
}

fn chain() -> Vec<ChainLink> {
    use LinkKind::*;
    [
        (BootCode, "sector 0"),
        (LoaderImage, "gap before partition 1"),
        (LoaderFiles, "/boot/grub2/i386-pc"),
        (Configuration, "/boot/grub2/grub.cfg"),
        (DefaultEntry, "/boot/grub2/grub.cfg:90"),
        (Kernel, "/boot/vmlinuz-3.10.0-957.el7.x86_64"),
        (Initramfs, INITRAMFS),
        (RootDevice, "partition 2 (ext4)"),
        (Init, "/usr/lib/systemd/systemd"),
    ]
    .map(|(kind, place)| ChainLink {
        kind,
        state: LinkState::Found,
        evidence: Evidence::new(place, "there"),
    })
    .to_vec()
}

const DRIVERS: &[&str] = &[
    "virtio",
    "virtio_ring",
    "virtio_pci",
    "virtio_blk",
    "virtio_scsi",
    "virtio_net",
    "xen_blkfront",
    "xen_netfront",
    "ata_piix",
];

fn cloud_init() -> CloudInitFacts {
    let config = Evidence::new("/etc/cloud/cloud.cfg.d/90_dpkg.cfg:1", "[ OpenStack, None ]");
    let unit = |name: &str| UnitFacts {
        name: name.to_owned(),
        state: Fact::Known(UnitState::Enabled),
        evidence: Evidence::new(
            format!("/etc/systemd/system/multi-user.target.wants/{name}.service"),
            format!("-> /usr/lib/systemd/system/{name}.service"),
        ),
    };
    CloudInitFacts {
        installed: Fact::Known(Some(CloudInitInstalled {
            path: "/usr/bin/cloud-init".to_owned(),
            version: Some("22.4".to_owned()),
            evidence: Evidence::new("/usr/bin/cloud-init", "22.4"),
        })),
        units: ["cloud-init-local", "cloud-init", "cloud-config", "cloud-final"].map(unit).to_vec(),
        disabled_by: Fact::Known(Vec::new()),
        files: vec!["/etc/cloud/cloud.cfg".to_owned()],
        unread: Vec::new(),
        config: serde_json::json!({
            "cloud_init_modules": ["ssh", "migrator", "update_hostname"],
            "cloud_config_modules": ["set-passwords"],
            "datasource_list": ["OpenStack", "None"],
            "disable_root": false,
            "manage_etc_hosts": "localhost",
            "network": { "config": "disabled" },
            "ssh_pwauth": true,
            "users": [{ "name": "root", "lock_passwd": false }],
        }),
        datasource_list: Fact::Known(Some((
            vec!["OpenStack".to_owned(), "None".to_owned()],
            config,
        ))),
        lines: BTreeMap::new(),
        places: [
            ("users", 2),
            ("disable_root", 4),
            ("ssh_pwauth", 5),
            ("manage_etc_hosts", 6),
            ("network", 7),
            ("network.config", 7),
            ("cloud_init_modules", 10),
        ]
        .map(|(key, line)| (key.to_owned(), format!("/etc/cloud/cloud.cfg:{line}")))
        .into(),
        openstack_source: Fact::Known(Some(PlatformTags {
            path: "/usr/lib/python2.7/site-packages/cloudinit/sources/DataSourceOpenStack.py"
                .to_owned(),
            tags: vec!["HUAWEICLOUD".to_owned(), "OpenTelekomCloud".to_owned()],
        })),
        ds_identify: Fact::Known(None),
        bound_elsewhere: Fact::Known(None),
        instance_data: Fact::Known(Vec::new()),
        linux_user: Fact::Known(None),
    }
}

fn root() -> Account {
    Account {
        name: "root".to_owned(),
        uid: 0,
        location: "/etc/passwd:1".to_owned(),
        password_location: Some("/etc/shadow:1".to_owned()),
        password: Fact::Known(PasswordState::Set("sha512-crypt".to_owned())),
        shell: "/bin/bash".to_owned(),
        shell_usable: Fact::Known(true),
        expires: None,
        changed: Some(19_000),
        max_days: Some(99_999),
        inactive_days: None,
        password_matches: None,
        home: "/root".to_owned(),
        admin_by: Some(Evidence::new("/etc/passwd:1", "uid 0")),
        authorized_keys: Fact::Known(Vec::new()),
        accepted_keys: Fact::Known(Vec::new()),
        refused_keys: Vec::new(),
        sudo_asks: Fact::Known(false),
    }
}

/// The good machine as a profile wants it: Open Telekom Cloud asks for the opposite of the other two
/// where root and passwords over SSH are concerned.
pub(super) fn good_linux_for(profile: Profile) -> Facts {
    let mut facts = good_linux();
    if profile == Profile::Otc {
        let linux = linux_mut(&mut facts);
        let cloud_init = &mut linux.cloud_init;
        for key in ["disable_root", "ssh_pwauth", "users"] {
            cloud_init.places.remove(key);
            cloud_init.config.as_object_mut().map(|config| config.remove(key));
        }
        let no = sshd::option(65, "PasswordAuthentication", "no");
        linux.sshd.options.insert("passwordauthentication".to_owned(), no);
        linux.sshd.permit_root_login = Fact::Known(sshd::option(38, "PermitRootLogin", "no"));
    }
    facts
}

/// A qcow2 image of CentOS 7.6 that every required rule of every profile finds in order.
pub(crate) fn good_linux() -> Facts {
    let fstab = Fstab {
        exists: true,
        entries: vec![
            mount(1, by_uuid(ROOT_UUID, 1), "/", "ext4"),
            mount(2, by_uuid(BOOT_UUID, 0), "/boot", "ext4"),
            mount(3, by_uuid(SWAP_UUID, 2), "none", "swap"),
        ],
        units_unread: None,
        malformed: Vec::new(),
        ignored: Vec::new(),
    };
    let mount_facts = |path: &str, volume: usize, line: u32| MountFacts {
        path: path.to_owned(),
        volume: Some(volume),
        kind: Some("ext4".to_owned()),
        readable: Fact::Known(()),
        fails: None,
        evidence: Evidence::new(format!("/etc/fstab:{line}"), path),
    };
    let kernel = KernelFacts {
        release: RELEASE.to_owned(),
        is_default: true,
        modules_dir: Fact::Known(Some(format!("/lib/modules/{RELEASE}"))),
        builtin: Fact::Known(Some(names(&["ext4"]))),
        modules: Fact::Known(Some(names(DRIVERS))),
        image: Fact::Known(Some(format!("/boot/vmlinuz-{RELEASE}"))),
        config: Fact::Known(Some(names(&["PCI", "EXT4_FS"]))),
        initramfs: Fact::Known(Some(InitramfsFacts {
            path: INITRAMFS.to_owned(),
            modules: names(DRIVERS),
            releases: names(&[RELEASE]),
            programs: BTreeSet::new(),
            noted: Vec::new(),
            segments: vec!["offset 0: cpio, gzip".to_owned()],
            persistent_net_rules: Vec::new(),
            listing: Fact::Known(ListingEnd::Complete),
            damaged: false,
        })),
    };
    let linux = LinuxFacts {
        os: Fact::Known(Some(OsIdentity {
            id: "centos".to_owned(),
            id_like: vec!["rhel".to_owned(), "fedora".to_owned()],
            version: Some("7.6".to_owned()),
            name: "CentOS Linux 7 (Core)".to_owned(),
            evidence: Evidence::new("/etc/os-release", "CentOS Linux 7 (Core)"),
        })),
        arch: Fact::Known((
            Architecture::X86_64,
            Evidence::new("/usr/bin/bash, byte 18", "e_machine 62"),
        )),
        usr_merged: Fact::Known(true),
        mounts: vec![mount_facts("/", 1, 1), mount_facts("/boot", 0, 2)],
        other_roots: Vec::new(),
        lvm_system_ids: Fact::Known(Vec::new()),
        fstab: Fact::Known(fstab),
        crypttab: Fact::Known(Vec::new()),
        boot: BootFacts {
            loader: Fact::Known(Some((
                LoaderKind::Grub2,
                Evidence::new("/boot/grub2/grub.cfg", "4280 bytes"),
            ))),
            configuration: Some(ConfigurationFile {
                volume: 0,
                path: "/grub2/grub.cfg".to_owned(),
            }),
            chain: chain(),
            default_entry: Fact::Known(Some(boot_entry())),
            other_entries: Vec::new(),
            timeout: Some((5, Evidence::new("/boot/grub2/grub.cfg:60", "set timeout=5"))),
            stop: None,
        },
        kernels: Fact::Known(vec![kernel]),
        initramfs_makers: Vec::new(),
        accounts: Fact::Known(Accounts {
            accounts: vec![root()],
            unread: Vec::new(),
            other_keys: Fact::Known(Vec::new()),
            nologin: Fact::Known(None),
            refused_sudoers: Vec::new(),
        }),
        cloud_init: cloud_init(),
        bindings: Fact::Known(Vec::new()),
        network: network::good(),
        packages: packages::good(),
        sshd: sshd::good(),
        drivers: drivers::good(),
        leftovers: leftovers::good(),
        firewall: firewall::good(),
    };
    Facts {
        image: image(),
        disk: Fact::Known(disk()),
        filesystems: vec![filesystem(0, GIB, 800 << 20), filesystem(1, 36 * GIB, 34 * GIB)],
        firmware: Fact::Known(FirmwareFacts {
            bios: vec![Evidence::new("sector 0", "GRUB 2, core image in the gap")],
            uefi: Vec::new(),
            uefi_fallback: Vec::new(),
        }),
        guest: Fact::Known(Guest::Linux(Box::new(linux))),
        supplied_password: None,
    }
}
