//! Linux guests: from the boot loader's view of the disk to the facts of the system that it starts.

pub mod accounts;
pub mod arch;
pub mod bindings;
pub mod boot;
pub mod cloud_init;
pub mod crypttab;
pub mod device;
pub mod drivers;
pub mod firewall;
pub mod fstab;
pub mod initramfs;
pub mod kernel;
pub mod leftovers;
mod lvm_system_id;
mod mount_unit;
pub mod mounts;
pub mod network;
pub mod os_release;
pub mod package;
mod pattern;
mod root;
mod rooted;
mod selinux;
pub mod sshd;
pub mod systemd_unit;

use self::boot::StoredFileSystems;
use self::root::{NoRoot, Root};
use self::systemd_unit::BootUnits;
use super::facts::{
    Accounts, BootEntry, BootFacts, BootFile, ChainLink, CloudInitFacts, Fstab, Guest,
    InitramfsFacts, KernelFacts, LinkKind, LinkState, LinuxFacts, ListingEnd, MountFacts,
    ONLY_IN_JOURNAL, PackageFacts, ResolvedFile, SshdFacts,
};
use super::password::InitialPassword;
use super::{Machine, traced};
use crate::error::Error;
use crate::fact::{Evidence, Fact};
use crate::filesystem::NodeId;
use crate::filesystem::tree::Tree;

/// What initramfs-tools was configured with, in each initramfs of its making (mkinitramfs(8)).
const INITRAMFS_TOOLS: &str = "conf/initramfs.conf";

/// Looks for a Linux system: the one that the default boot entry starts, or the only one there is.
pub fn find(
    machine: &Machine<'_>,
    password: Option<&InitialPassword>,
) -> (Fact<Guest>, Option<Tree>) {
    let stored = StoredFileSystems::of(machine);
    let boot = traced("boot", || boot::follow_stored(machine, &stored));
    trace(&boot);
    let root = match root::find(machine, &boot) {
        Ok(root) => root,
        Err(NoRoot::Absent(looked_at)) => return (Fact::Known(Guest::Absent(looked_at)), None),
        Err(NoRoot::Unknown(unread)) => return (Fact::Unknown(unread), None),
    };
    let (facts, tree) = inspect(machine, &stored, boot, root, password);
    (Fact::Known(Guest::Linux(Box::new(facts))), Some(tree))
}

/// Traces the links of the boot chain.
fn trace(boot: &BootFacts) {
    for link in &boot.chain {
        let (kind, state) = (link.kind, &link.state);
        let Evidence { location, detail, .. } = &link.evidence;
        tracing::debug!(?kind, ?state, at = location, found = detail, "link of the boot chain");
    }
}

/// The tree of the system that the default boot entry starts, without what its files mean;
/// `Known(None)` when no volume holds one.
pub fn tree(machine: &Machine<'_>) -> Fact<Option<Tree>> {
    match root::find(machine, &boot::follow(machine)) {
        Ok(root) => Fact::Known(Some(joined(machine, &root, None).1)),
        Err(NoRoot::Absent(_)) => Fact::Known(None),
        Err(NoRoot::Unknown(unread)) => Fact::Unknown(unread),
    }
}

/// What is mounted where, and the tree that comes of it.
fn joined(
    machine: &Machine<'_>,
    root: &Root,
    entry: Option<&BootEntry>,
) -> (Fact<Fstab>, Tree, Vec<MountFacts>) {
    let mut fstab = fstab::find(&root.tree(), machine.disk);
    if let Fact::Known(fstab) = &mut fstab {
        fstab::resolve_root(fstab, root.volume);
    }
    let (mut tree, mut mounts) = mounts::join(machine, root, &fstab);
    if let Fact::Known(fstab) = &mut fstab {
        // Units may lie on a `/usr` of its own, and mount more in their turn.
        mount_unit::add(&tree, machine.disk, entry, fstab);
        fstab::look_for_files(fstab, &tree);
    }
    if fstab.known().is_some_and(|fstab| fstab.entries.iter().any(|e| e.unit.is_some())) {
        // Anew, and not what is there added to: a line of fstab may show what a unit mounts.
        (tree, mounts) = mounts::join(machine, root, &fstab);
    }
    (fstab, tree, mounts)
}

fn inspect(
    machine: &Machine<'_>,
    stored: &StoredFileSystems,
    mut boot: BootFacts,
    root: Root,
    password: Option<&InitialPassword>,
) -> (LinuxFacts, Tree) {
    let entry = boot.default_entry.known().and_then(Option::as_ref);
    let (fstab, tree, mounts) = traced("mounts", || joined(machine, &root, entry));
    for mount in &mounts {
        let reason = mount.readable.unread().map(|unread| unread.reason.as_str());
        tracing::debug!(path = mount.path, at = mount.evidence.location, reason, "mount");
    }
    name_in_tree(machine, &mut boot, &tree);
    let entry = boot.default_entry.known().and_then(Option::as_ref).cloned();
    let command_line = entry.as_ref().map(|entry| entry.command_line.as_str());

    let open = |file: &ResolvedFile| stored.open(machine, file);
    let root_needs = drivers::root_needs(machine.disk, &boot, &mounts);
    let listed = |release: &str| traced("aliases", || drivers::Listed::read(&tree, release));
    let opened = machine.filesystems.iter().filter_map(|opened| opened.known()?.as_ref());
    let kept = opened.map(|filesystem| filesystem.kept()).max().unwrap_or(0);
    let ((mut kernels, settings, listed), files) = rayon::join(
        || traced("kernels", || kernel::find(&tree, &boot, &open, kept, listed)),
        || Files::read(&tree, &boot, entry.as_ref(), password),
    );
    if let Some(entry) = &entry
        && let Some(reason) = damage(&mut kernels)
        && is_whole_in_journal(machine, &tree, entry, kept)
    {
        reason.push_str(ONLY_IN_JOURNAL);
    }
    boot::break_at_damaged_initramfs(&mut boot, &kernels);
    let falls_back = settings.get(INITRAMFS_TOOLS).is_some();
    let init = boot::init_link(&tree, command_line.unwrap_or_default(), falls_back);
    let Files { units, accounts, packages, cloud_init, mut sshd, network } = files;
    sshd.port_refused = selinux::refused_port(&tree, command_line.unwrap_or_default(), &sshd);
    boot::settle_spelling(&mut boot, falls_back || units.is_systemd(), machine.disk);
    boot.stop = entry.as_ref().and_then(|entry| {
        let initramfs = default_initramfs(&kernels);
        boot::stop(entry, initramfs, &settings, &init, machine.disk)
            .or_else(|| units.stop().filter(|stop| boot::is_taken(entry, &stop.word)))
    });
    let array = entry.as_ref().zip(default_initramfs(&kernels));
    let is_stopped = boot.stop.is_some();
    if let Some(reason) = array.and_then(|(entry, initramfs)| {
        boot::unlisted_array(entry, initramfs, &settings, machine.disk)
            .or_else(|| boot::unseen(entry, initramfs, &settings).filter(|_| !is_stopped))
    }) && let Some(link) = root_link(&mut boot)
    {
        link.state = LinkState::Unknown(reason);
    }
    boot.chain.push(init);
    boot.chain.extend(selinux::missing_policy(&tree, command_line.unwrap_or_default()));
    let bindings = traced("bindings", || {
        match (bindings::find(&tree, &network), bindings::of_lvm(&tree, machine.disk)) {
            (Fact::Known(mut found), Ok(of_lvm)) => {
                found.extend(bindings::of_devices(&fstab, &boot));
                found.extend(of_lvm);
                Fact::Known(found)
            }
            (Fact::Known(_), Err(unread)) => Fact::Unknown(unread),
            (unknown, _) => unknown,
        }
    });
    let network = traced("network", || network.facts(&tree, &cloud_init, &boot));
    let drivers = traced("drivers", || {
        drivers::find(&tree, machine.disk, &boot, &kernels, &settings, listed, root_needs)
    });
    let mut facts = LinuxFacts {
        os: os_release::find(&tree),
        arch: arch::find(&tree),
        usr_merged: usr_merged(&tree),
        mounts,
        other_roots: root.others,
        lvm_system_ids: lvm_system_id::find(&tree, machine.disk),
        crypttab: crypttab::find(&tree, machine.disk),
        fstab,
        boot,
        kernels,
        initramfs_makers: boot::initramfs_makers(&tree),
        accounts,
        cloud_init,
        bindings,
        network,
        packages,
        drivers,
        leftovers: traced("leftovers", || leftovers::find(&tree, &units)),
        firewall: traced("firewall", || firewall::find(&tree, &sshd, &units)),
        sshd,
    };
    break_at_refused_root(machine, root.volume, &mut facts);
    (facts, tree)
}

/// The reason why the rest of the default initramfs is not read, where that is damage.
fn damage(kernels: &mut Fact<Vec<KernelFacts>>) -> Option<&mut String> {
    let Fact::Known(kernels) = kernels else { return None };
    let default = kernels.iter_mut().find(|kernel| kernel.is_default)?;
    match &mut default.initramfs {
        Fact::Known(Some(InitramfsFacts {
            listing: Fact::Unknown(unread), damaged: true, ..
        })) => Some(&mut unread.reason),
        _ => None,
    }
}

/// Whether the entry's initramfs is whole where the journals of the file systems it lies on were
/// replayed, which no boot loader does. One that is damaged is unpacked once more for it, within a shorter time.
fn is_whole_in_journal(machine: &Machine<'_>, tree: &Tree, entry: &BootEntry, kept: u64) -> bool {
    let replayed = |file: &ResolvedFile| match machine.filesystems.get(file.volume) {
        Some(Fact::Known(Some(filesystem))) if filesystem.unreplayed().is_some() => {
            Some(filesystem)
        }
        _ => None,
    };
    let mut files = entry.initrds.iter().filter_map(|file| file.resolved.known()?.as_ref());
    if !files.any(|file| replayed(file).is_some()) {
        return false;
    }
    let open = |file: &ResolvedFile| match (&file.guest_path, replayed(file)) {
        (Some(path), _) => tree.open(path),
        (None, Some(filesystem)) => {
            // Of Btrfs, the loader may begin at the top level.
            let top = filesystem.subvolume(boot::TOP_LEVEL).ok();
            let trees = [Some(filesystem.clone()), top].into_iter().flatten();
            let mut found =
                trees.map(|it| Tree::counted(it, file.volume, tree.counts()).open(&file.path));
            let absent = || Err(Error::NotFound { path: file.path.clone() });
            found.find(|found| found.is_ok()).unwrap_or_else(absent)
        }
        (None, None) => Err(Error::NotFound { path: file.path.clone() }),
    };
    let listing = kernel::initramfs(entry, &open, kept);
    let listing = listing.known().and_then(Option::as_ref).map(|found| &found.listing);
    listing == Some(&Fact::Known(ListingEnd::Complete))
}

/// Breaks the boot chain at a root that LVM does not activate, or the kernel does not mount; it is open where
/// that is.
fn break_at_refused_root(machine: &Machine<'_>, root: usize, facts: &mut LinuxFacts) {
    let Some(Fact::Known(Some(filesystem))) = machine.filesystems.get(root) else { return };
    let entry = facts.boot.default_entry.known().and_then(Option::as_ref);
    let flags = entry.map(boot::root_flags).unwrap_or_default();
    let group = machine.disk.logical_volume(root).map(|(group, _)| group);
    let exported = group.filter(|group| group.exported).map(|group| {
        Evidence::new(
            format!("volume group {}", group.name),
            "exported, so that nothing activates it",
        )
    });
    let foreign = facts.of_other_host(machine.disk, root);
    let refusal = exported
        .or(foreign.as_ref().and_then(|it| it.known().cloned()))
        .or_else(|| facts.refusal(&filesystem.health(), machine.disk, flags.split(',')));
    let Some(link) = root_link(&mut facts.boot) else { return };
    if let Some(Evidence { location, detail, .. }) = refusal {
        let named = &link.evidence.detail;
        link.evidence.detail = format!("{named}: {location}: {detail}");
        link.state = LinkState::Missing;
    } else if let Some(Fact::Unknown(unread)) = foreign {
        link.state = LinkState::Unknown(unread.reason);
    }
}

/// The link of the root device, where it holds so far.
fn root_link(boot: &mut BootFacts) -> Option<&mut ChainLink> {
    let mut links = boot.chain.iter_mut().filter(|link| link.state == LinkState::Found);
    links.find(|link| link.kind == LinkKind::RootDevice)
}

/// The initramfs that the default entry loads.
fn default_initramfs(kernels: &Fact<Vec<KernelFacts>>) -> Option<&InitramfsFacts> {
    let default = kernels.known()?.iter().find(|kernel| kernel.is_default)?;
    default.initramfs.known()?.as_ref()
}

/// What is read of the guest's files while its initramfs is listed.
struct Files<'t> {
    units: BootUnits<'t>,
    accounts: Fact<Accounts>,
    packages: PackageFacts,
    cloud_init: CloudInitFacts,
    sshd: SshdFacts,
    network: network::Configuration,
}

impl<'t> Files<'t> {
    fn read(
        tree: &'t Tree,
        boot: &BootFacts,
        entry: Option<&'t BootEntry>,
        password: Option<&InitialPassword>,
    ) -> Self {
        let units = traced("units", || BootUnits::of_entry(tree, entry));
        let packages = traced("packages", || package::find(tree));
        let sshd = traced("sshd", || sshd::find(tree, &packages, &units));
        let read_network =
            || network::Configuration::read(tree, &network::command_line(boot), &units);
        Self {
            accounts: traced("accounts", || accounts::find(tree, &sshd, password)),
            cloud_init: traced("cloud-init", || {
                let words = entry.map(|entry| entry.command_line.as_str());
                cloud_init::find(tree, words, &packages, &units)
            }),
            network: traced("network configuration", read_network),
            packages,
            sshd,
            units,
        }
    }
}

/// Whether `/bin` is a link into `/usr`.
fn usr_merged(tree: &Tree) -> Fact<bool> {
    match tree.read_link("/bin") {
        Ok(target) => Fact::Known(target.trim_start_matches('/').starts_with("usr/")),
        Err(_) => Fact::from_result(
            "/bin",
            tree.symlink_metadata("/bin")
                .map(|_| false)
                .or_else(|error| if error.is_absent() { Ok(false) } else { Err(error) }),
        ),
    }
}

/// Gives the boot files their place in the guest's tree, and to what was seen the paths that a
/// person in the guest would use: a loader's `/grub2/grub.cfg` is `/boot/grub2/grub.cfg` there.
fn name_in_tree(machine: &Machine<'_>, boot: &mut BootFacts, tree: &Tree) {
    let home = boot.configuration.as_ref().map(|file| file.volume);
    let rename = |location: &mut String| {
        if let Some(there) = in_tree(machine, tree, home, location) {
            *location = there;
        }
    };
    match &mut boot.loader {
        Fact::Known(Some((_, evidence))) => rename(&mut evidence.location),
        Fact::Unknown(unread) => rename(&mut unread.location),
        Fact::Known(None) => {}
    }
    for link in &mut boot.chain {
        rename(&mut link.evidence.location);
    }
    if let Some((_, evidence)) = &mut boot.timeout {
        rename(&mut evidence.location);
    }
    let entries = match &mut boot.default_entry {
        Fact::Known(Some(entry)) => Some(entry),
        Fact::Known(None) => None,
        Fact::Unknown(unread) => {
            rename(&mut unread.location);
            None
        }
    };
    for entry in entries.into_iter().chain(&mut boot.other_entries) {
        rename(&mut entry.location);
        rename(&mut entry.command_line_location);
        for BootFile { resolved, location, .. } in entry.kernel.iter_mut().chain(&mut entry.initrds)
        {
            rename(location);
            let Fact::Known(Some(file)) = resolved else { continue };
            let Some(node) = file.node else { continue };
            file.guest_path = guest_path(machine, tree, file.volume, &file.path, node);
        }
    }
}

/// Most subvolumes in one another that [`guest_path`] looks through.
const MAX_SUBVOLUME_DEPTH: usize = 4;

/// The path at which the tree has a file of a volume: below a mount of the volume, and on Btrfs
/// without the subvolumes that the loader's path begins with.
fn guest_path(
    machine: &Machine<'_>,
    tree: &Tree,
    volume: usize,
    path: &str,
    node: NodeId,
) -> Option<String> {
    let Some(Fact::Known(Some(filesystem))) = machine.filesystems.get(volume) else {
        return None;
    };
    let depth = if filesystem.kind() == "btrfs" { MAX_SUBVOLUME_DEPTH } else { 0 };
    let starts = path.match_indices('/').map(|(start, _)| start).take(depth.saturating_add(1));
    starts.filter_map(|start| path.get(start..)).find_map(|rest| {
        tree.mounts()
            .iter()
            .map(|(mount, _)| format!("{}{rest}", mount.trim_end_matches('/')))
            .find(|path| {
                let place = tree.resolve(path).ok();
                place.is_some_and(|place| place.node == node && tree.volume(place) == Some(volume))
            })
    })
}

/// The place of `/path` or `/path:line`, as a loader whose configuration lies on the volume `home`
/// names it, in the tree; `None` when it is the same, or is not there.
fn in_tree(
    machine: &Machine<'_>,
    tree: &Tree,
    home: Option<usize>,
    location: &str,
) -> Option<String> {
    if !location.starts_with('/') {
        return None;
    }
    let (path, line) = match location.rsplit_once(':') {
        Some((path, line)) if line.bytes().all(|byte| byte.is_ascii_digit()) => {
            (path, location.get(path.len()..)?)
        }
        _ => (location, ""),
    };
    let volumes = (0..machine.filesystems.len()).filter(|volume| Some(*volume) != home);
    let found = home.into_iter().chain(volumes).find_map(|volume| {
        let Some(Fact::Known(Some(filesystem))) = machine.filesystems.get(volume) else {
            return None;
        };
        // Of Btrfs, the loader may begin at the top level.
        let top = filesystem.subvolume(boot::TOP_LEVEL).ok();
        [Some(filesystem.clone()), top].into_iter().flatten().find_map(|filesystem| {
            let node = Tree::counted(filesystem, volume, tree.counts()).resolve(path).ok()?.node;
            guest_path(machine, tree, volume, path, node)
        })
    })?;
    (found != path).then(|| format!("{found}{line}"))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::disk::facts::{ArrayFacts, DiskFacts, SignatureKind, VolumeGroupFacts};
    use crate::fact::Unread;
    use crate::filesystem::FileSystem;
    use crate::filesystem::memory::MemoryFs;
    use crate::guest::facts::Resolution;

    /// Partition 1 (`/boot`) and partition 5.
    type Volumes = [Fact<Option<Arc<dyn FileSystem>>>; 2];

    fn inspected(disk: &DiskFacts, filesystems: &Volumes) -> Fact<Guest> {
        find(&Machine { disk, filesystems }, None).0
    }

    fn linux(guest: &Fact<Guest>) -> &LinuxFacts {
        match guest {
            Fact::Known(Guest::Linux(linux)) => linux,
            other => panic!("{other:?}"),
        }
    }

    fn volume(fs: MemoryFs) -> Fact<Option<Arc<dyn FileSystem>>> {
        Fact::Known(Some(fs.shared()))
    }

    fn boot_partition(root: &str) -> MemoryFs {
        MemoryFs::new().file("/vmlinuz-3.10", "x").file(
            "/grub2/grub.cfg",
            format!("set timeout=5\nmenuentry 'x' {{\nlinux /vmlinuz-3.10 root={root}\n}}\n"),
        )
    }

    const FSTAB: &str = "UUID=ABCD-1234 /boot ext4 defaults 0 0\n";

    #[test]
    fn what_a_loader_names_on_its_own_partition_is_shown_where_the_guest_has_it() {
        let disk = device::tests::disk();
        let root = MemoryFs::new().file("/etc/fstab", FSTAB).dir("/boot");
        let guest = inspected(&disk, &[volume(boot_partition("/dev/sda5")), volume(root)]);
        let boot = &linux(&guest).boot;
        let entry = boot.default_entry.known().unwrap().as_ref().unwrap();
        assert_eq!(entry.location, "/boot/grub2/grub.cfg:2");
        assert_eq!(entry.command_line_location, "/boot/grub2/grub.cfg:3");
        let kernel = entry.kernel.as_ref().unwrap();
        assert_eq!(kernel.location, "/boot/grub2/grub.cfg:3");
        let file = kernel.resolved.known().unwrap().as_ref().unwrap();
        assert_eq!(file.guest_path.as_deref(), Some("/boot/vmlinuz-3.10"));
        assert_eq!(boot.timeout.as_ref().unwrap().1.location, "/boot/grub2/grub.cfg:1");
        assert!(boot.chain.iter().any(|link| link.evidence.location == "/boot/vmlinuz-3.10"));
    }

    /// `/etc` leads through thousands of directories, and so does every look below it.
    #[test]
    fn what_is_hidden_by_the_bound_on_all_paths_is_unknown_and_never_absent() {
        let disk = device::tests::disk();
        let shadow = "root:!:19000:0:99999:7:::\n";
        let mut root = MemoryFs::new()
            .dir("/x")
            .dir("/boot")
            .symlink("/etc", &format!("{}real", "x/../".repeat(800)))
            .file("/real/fstab", FSTAB)
            .file("/real/passwd", "root:x:0:0::/root:/bin/bash\n")
            .file("/real/shadow", shadow)
            .file("/real/ssh/sshd_config", "PermitRootLogin yes\n")
            .file("/usr/sbin/sshd", "ELF")
            .file("/usr/lib/systemd/systemd", "ELF")
            .file("/usr/lib/systemd/system/default.target", "[Unit]\nWants=multi-user.target\n")
            .file("/usr/lib/systemd/system/multi-user.target", "[Unit]\n")
            .file("/usr/lib/systemd/system/ssh.service", "[Service]\nExecStart=/usr/sbin/sshd\n");
        for number in 0..4000 {
            let name = format!("/real/systemd/system/multi-user.target.wants/{number}.service");
            root = root.symlink(&name, "/usr/lib/systemd/system/ssh.service");
        }
        let guest = inspected(&disk, &[volume(boot_partition("/dev/sda5")), volume(root)]);
        let facts = linux(&guest);
        let bound = "all paths that were followed: more than 2097152 components";
        let is_hidden = |unread: Option<&Unread>| {
            assert!(unread.is_some_and(|unread| unread.reason.starts_with(bound)), "{unread:?}");
        };
        let fstab = facts.fstab.known().unwrap();
        assert_eq!(fstab.entries.len(), 1);
        is_hidden(facts.os.unread());
        is_hidden(facts.usr_merged.unread());
        is_hidden(facts.crypttab.unread());
        is_hidden(facts.accounts.unread());
        is_hidden(facts.bindings.unread());
        is_hidden(facts.cloud_init.installed.unread());
        is_hidden(facts.network.interfaces.unread());
        is_hidden(facts.network.nic_name.unread());
        is_hidden(facts.network.persistent_rules.unread());
        is_hidden(facts.packages.unread.first());
        is_hidden(facts.sshd.program.unread());
        is_hidden(facts.leftovers.machine_id.unread());
        is_hidden(facts.firewall.unread.first());
        let programs = facts.network.programs.iter().map(|program| &program.state);
        programs.chain(facts.sshd.units.iter().map(|unit| &unit.state)).for_each(|state| {
            is_hidden(state.unread());
        });
        let init = facts.boot.chain.iter().find(|link| link.kind == LinkKind::Init).unwrap();
        assert!(matches!(&init.state, LinkState::Unknown(why) if why.starts_with(bound)));
    }

    #[test]
    fn the_case_of_the_roots_uuid_counts_where_the_initramfs_goes_by_its_letters() {
        let disk = device::tests::disk();
        let with = |init: &str, initrd: &str| {
            let upper = device::tests::ROOT.to_uppercase();
            let boot = MemoryFs::new().file("/vmlinuz-3.10", "x").file("/initrd", "x").file(
                "/grub2/grub.cfg",
                format!(
                    "menuentry 'x' {{\nlinux /vmlinuz-3.10 root=UUID={upper} single\n{initrd}\n}}\n"
                ),
            );
            let root = MemoryFs::new().file("/etc/fstab", FSTAB).dir("/boot").file(init, "ELF");
            inspected(&disk, &[volume(boot), volume(root)])
        };
        let seen = |guest: &Fact<Guest>| {
            let facts = linux(guest);
            // The system is found all the same.
            assert_eq!(facts.mounts[0].volume, Some(1));
            assert_eq!(facts.boot.stop.as_ref().unwrap().word, "single");
            let link = facts.boot.chain.iter().find(|link| link.kind == LinkKind::RootDevice);
            let entry = facts.boot.default_entry.known().unwrap().as_ref().unwrap();
            (entry.root.clone().unwrap().resolution, link.unwrap().state.clone())
        };
        let systemd = with("/usr/lib/systemd/systemd", "initrd /initrd");
        assert_eq!(seen(&systemd), (Resolution::Missing, LinkState::Missing));
        let older = with("/sbin/init", "initrd /initrd");
        assert_eq!(seen(&older), (Resolution::Volume(1), LinkState::Found));
    }

    #[test]
    fn a_root_on_an_array_that_dracut_is_not_told_of_leaves_its_link_open() {
        let mut disk = device::tests::disk();
        disk.arrays.push(ArrayFacts { volume: Some(1), ..device::tests::array() });
        let root_link = |word: &str| {
            let initrd: Vec<u8> = [
                ("usr/sbin/mdadm", "ELF"),
                ("usr/lib/dracut/build-parameter.txt", "--force\n"),
                ("TRAILER!!!", ""),
            ]
            .iter()
            .flat_map(|(path, content)| kernel::tests::entry(path, content.as_bytes()))
            .collect();
            let boot = MemoryFs::new().file("/vmlinuz-3.10", "x").file("/initrd", initrd).file(
                "/grub2/grub.cfg",
                format!(
                    "menuentry 'x' {{\nlinux /vmlinuz-3.10 root=/dev/sda5 {word}\ninitrd /initrd\n}}\n"
                ),
            );
            let root = MemoryFs::new().file("/etc/fstab", FSTAB).dir("/boot");
            let guest = inspected(&disk, &[volume(boot), volume(root)]);
            let mut links = linux(&guest).boot.chain.iter();
            links.find(|link| link.kind == LinkKind::RootDevice).unwrap().state.clone()
        };
        let open = root_link("ro");
        assert!(
            matches!(&open, LinkState::Unknown(reason) if reason.contains("rd.auto")),
            "{open:?}"
        );
        assert_eq!(root_link("rd.auto"), LinkState::Found);
    }

    #[test]
    fn an_initramfs_that_is_whole_in_the_journal_alone_is_told_from_a_damaged_one() {
        let disk = device::tests::disk();
        let whole: Vec<u8> = ["init", "TRAILER!!!"]
            .iter()
            .flat_map(|path| kernel::tests::entry(path, &[b'x'; 512]))
            .collect();
        let half = whole[..400].to_vec();
        let link = |replayed: &[u8], stored: &[u8]| {
            let boot = |initrd: &[u8]| {
                MemoryFs::new().file("/vmlinuz-3.10", "x").file("/initrd", initrd).file(
                    "/grub2/grub.cfg",
                    "menuentry 'x' {\nlinux /vmlinuz-3.10 root=/dev/sda5\ninitrd /initrd\n}\n",
                )
            };
            let root = MemoryFs::new().file("/etc/fstab", FSTAB).dir("/boot");
            let boot = boot(replayed).replayed_from(boot(stored));
            let guest = inspected(&disk, &[volume(boot), volume(root)]);
            let mut links = linux(&guest).boot.chain.iter();
            let link = links.find(|link| link.kind == LinkKind::Initramfs).unwrap();
            let damage = default_initramfs(&linux(&guest).kernels)
                .and_then(|initramfs| initramfs.listing.unread())
                .is_some_and(|unread| unread.reason.ends_with(ONLY_IN_JOURNAL));
            (link.state.clone(), link.evidence.detail.clone(), damage)
        };
        let (state, detail, damage) = link(&whole, &half);
        assert_eq!((state, damage), (LinkState::Missing, true));
        assert!(detail.starts_with("damaged: ") && detail.ends_with(ONLY_IN_JOURNAL), "{detail}");
        assert!(crate::chinese::chinese(&detail).contains("引导程序不会回放日志"), "{detail}");
        let (state, detail, damage) = link(&half, &half);
        assert_eq!((state, damage), (LinkState::Missing, false));
        assert!(!detail.contains("journal"), "{detail}");
        // Empty so far, as is told without a look into it, and only once.
        let (_, detail, _) = link(&whole, b"");
        assert_eq!(detail.matches(ONLY_IN_JOURNAL).count(), 1, "{detail}");
        assert_eq!(link(&whole, &whole).0, LinkState::Found);
    }

    #[test]
    fn a_root_in_the_group_of_another_host_breaks_the_chain() {
        let mut disk = device::tests::disk();
        let group = device::tests::group();
        let id = Some("otherhost".to_owned());
        disk.volume_groups.push(VolumeGroupFacts { system_id: id, ..group });
        let root_link = |settings: &str| {
            let root = MemoryFs::new().file("/etc/fstab", FSTAB).dir("/boot");
            let root = root.file("/etc/lvm/lvm.conf", settings);
            let guest = inspected(&disk, &[volume(boot_partition("/dev/sda5")), volume(root)]);
            let mut links = linux(&guest).boot.chain.iter();
            links.find(|link| link.kind == LinkKind::RootDevice).unwrap().state.clone()
        };
        assert_eq!(root_link(""), LinkState::Missing);
        assert_eq!(root_link("extra_system_ids = [\n\"otherhost\"\n]"), LinkState::Found);
        let open = root_link("system_id_source = \"uname\"");
        assert!(matches!(&open, LinkState::Unknown(why) if why.contains("otherhost")), "{open:?}");
    }

    #[test]
    fn the_root_that_the_entry_names_counts_though_another_volume_looks_like_a_system() {
        let disk = device::tests::disk();
        let other = boot_partition("/dev/sda5").file("/etc/os-release", "ID=old\n");
        let empty = MemoryFs::new().dir("/lost+found");
        let guest = inspected(&disk, &[volume(other), volume(empty)]);
        assert_eq!(linux(&guest).mounts[0].volume, Some(1));
        assert_eq!(linux(&guest).other_roots.len(), 1);
    }

    /// Partition 1 as a boot partition, partition 5 as a root, and a volume more.
    fn beside_an_encrypted_volume(boot: MemoryFs) -> Fact<Guest> {
        let mut disk = device::tests::disk();
        let mut third = disk.volumes[1].clone();
        third.name = "partition 6".to_owned();
        if let Fact::Known(signatures) = &mut third.signatures {
            signatures[0].kind = SignatureKind::Luks2;
            signatures[0].uuid = None;
            signatures[0].label = None;
        }
        disk.volumes.push(third);
        let root = MemoryFs::new().file("/etc/passwd", "x").dir("/boot");
        let filesystems = [volume(boot), volume(root), Fact::Known(None)];
        find(&Machine { disk: &disk, filesystems: &filesystems }, None).0
    }

    #[test]
    fn a_root_beside_a_volume_that_is_not_read_needs_an_entry_that_names_it() {
        let guest = beside_an_encrypted_volume(MemoryFs::new());
        let unread = guest.unread().unwrap();
        assert_eq!(unread.location, "partition 6");
        assert!(unread.reason.contains("partition 5: /etc/passwd"), "{unread:?}");
        let guest = beside_an_encrypted_volume(boot_partition("/dev/sda5"));
        assert_eq!(linux(&guest).mounts[0].volume, Some(1));
    }

    #[test]
    fn an_ostree_deployment_is_the_root_that_its_entry_starts() {
        let disk = device::tests::disk();
        let boot = MemoryFs::new().file("/ostree/vmlinuz-6.5", "x").file(
            "/grub2/grub.cfg",
            "menuentry 'x' {\nlinux /ostree/vmlinuz-6.5 root=/dev/sda5 \
             ostree=/ostree/boot.1/fedora/abc/0 rw\n}\n",
        );
        let deployment = "/ostree/deploy/fedora/deploy/def.0";
        let sysroot = || {
            MemoryFs::new()
                .dir("/ostree/repo")
                .dir("/boot")
                .symlink("/ostree/boot.1", "boot.1.1")
                .symlink(
                    "/ostree/boot.1.1/fedora/abc/0",
                    "../../../../ostree/deploy/fedora/deploy/def.0",
                )
                .file(&format!("{deployment}/usr/lib/os-release"), "ID=fedora\nVERSION_ID=39\n")
                .file(&format!("{deployment}/etc/fstab"), FSTAB)
                .dir(&format!("{deployment}/var"))
                .dir(&format!("{deployment}/boot"))
                .dir(&format!("{deployment}/sysroot"))
                .file("/ostree/deploy/fedora/var/lib/x", "x")
        };
        let filesystems = [volume(boot), volume(sysroot())];
        let (guest, tree) = find(&Machine { disk: &disk, filesystems: &filesystems }, None);
        let facts = linux(&guest);
        assert_eq!(facts.os.known().unwrap().as_ref().unwrap().id, "fedora");
        let root = &facts.mounts[0];
        assert_eq!(root.volume, Some(1));
        assert!(root.evidence.detail.ends_with(&format!("deployment {deployment}")), "{root:?}");
        let tree = tree.unwrap();
        assert!(tree.exists("/var/lib/x").unwrap());
        assert!(tree.exists("/sysroot/ostree/repo").unwrap());
        assert!(tree.exists("/boot/grub2/grub.cfg").unwrap());
        // What the boot mounts there and cannot be followed is not the deployment's own.
        for path in ["/ostree/deploy/fedora/var", "/boot"] {
            let ring = sysroot().without(path).symlink(path, path);
            let again = [filesystems[0].clone(), volume(ring)];
            let guest = inspected(&disk, &again);
            let unread = guest.unread().unwrap();
            // A boot loader may begin at the latter, too.
            assert!(path == "/boot" || unread.location.contains("ostree="), "{guest:?}");
        }
        // Without an entry nobody says which deployment starts.
        let guest = inspected(&disk, &[volume(MemoryFs::new()), volume(sysroot())]);
        assert!(guest.unread().unwrap().reason.contains("OSTree"), "{guest:?}");
    }

    /// Flatcar's: the root has no system in it, and the kernel has the initramfs in itself.
    #[test]
    fn a_usr_that_the_initramfs_mounts_leaves_the_system_unknown() {
        let disk = device::tests::disk();
        let boot = || boot_partition("/dev/sda5 mount.usr=/dev/sda3");
        let guest = inspected(&disk, &[volume(boot()), volume(MemoryFs::new().dir("/usr"))]);
        let unread = guest.unread().unwrap();
        assert!(unread.location.ends_with("mount.usr=/dev/sda3"), "{unread:?}");
        let table = "/dev/sda3 /usr ext4 ro 0 0\n";
        for root in [
            MemoryFs::new().dir("/usr/bin").file("/etc/passwd", "x"),
            MemoryFs::new().dir("/usr").file("/etc/fstab", table),
        ] {
            let guest = inspected(&disk, &[volume(boot()), volume(root)]);
            assert_eq!(linux(&guest).mounts[0].volume, Some(1));
        }
    }

    #[test]
    fn a_named_root_whose_directories_are_damaged_is_unknown() {
        let disk = device::tests::disk();
        let torn = MemoryFs::new().dir("/etc").unreadable("/etc");
        let guest = inspected(&disk, &[volume(boot_partition("/dev/sda5")), volume(torn)]);
        assert!(guest.unread().is_some_and(|unread| unread.location == "partition 5"), "{guest:?}");
        // The system may be in a subvolume.
        let torn = MemoryFs::new().kind("btrfs").dir("/@").unreadable("/@");
        let guest = inspected(&disk, &[volume(MemoryFs::new()), volume(torn)]);
        assert!(guest.unread().is_some_and(|unread| unread.location == "partition 5"), "{guest:?}");
    }

    #[test]
    fn what_lies_in_a_subvolume_is_not_looked_for_in_the_default_one() {
        let disk = device::tests::disk();
        let root = || MemoryFs::new().kind("btrfs").file("/etc/passwd", "x").file("/lib/x", "x");
        let boot = |flags: &str| volume(boot_partition(&format!("/dev/sda5 {flags}")));
        let fstab = format!("UUID={} /var btrfs subvol=/@/var 0 0\n", device::tests::ROOT);
        let guest = inspected(&disk, &[boot("ro"), volume(root().file("/etc/fstab", fstab))]);
        let var = linux(&guest).mounts.iter().find(|mount| mount.path == "/var").unwrap();
        assert!(var.fails.as_ref().unwrap().contains("subvol=/@/var"), "{var:?}");
        let guest = inspected(&disk, &[boot("rootflags=subvol=@"), volume(root())]);
        let chain = &linux(&guest).boot.chain;
        let root = chain.iter().find(|link| link.kind == LinkKind::RootDevice).unwrap();
        assert_eq!(root.state, LinkState::Missing);
        assert!(root.evidence.detail.ends_with("has no subvol=@"), "{root:?}");
    }

    #[test]
    fn an_encrypted_volume_is_not_a_disk_without_a_system() {
        let mut disk = device::tests::disk();
        if let Fact::Known(signatures) = &mut disk.volumes[1].signatures {
            signatures[0].kind = SignatureKind::Luks2;
        }
        let empty = || volume(MemoryFs::new().dir("/EFI"));
        let guest = inspected(&disk, &[empty(), Fact::Known(None)]);
        assert!(guest.unread().is_some_and(|unread| unread.location == "partition 5"), "{guest:?}");
        let plain = device::tests::disk();
        let guest = inspected(&plain, &[empty(), Fact::Known(None)]);
        assert!(matches!(guest, Fact::Known(Guest::Absent(_))));
    }
}
