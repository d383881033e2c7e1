//! The initramfs: drivers that it lacks, files that are gone.

use super::{Case, Plan};
use crate::fact::{Evidence, Fact};
use crate::guest::facts::{
    Candidate, DeviceFacts, DriverLink, InitramfsMaker, KernelFacts, LinuxFacts, PlatformDevice,
};
use crate::remedy::step::{Edit, Maker, Rebuild, Step};
use crate::rules::Text;
use crate::rules::boot_drivers::initramfs_maker;
use crate::rules::shell::{file_and_line, quote};
use crate::text;

/// What dracut is to put into every initramfs.
const DRACUT: &str = "/etc/dracut.conf.d/cloud-drivers.conf";
const INITRAMFS_TOOLS: &str = "/etc/initramfs-tools/modules";

pub(super) fn of(case: &Case<'_>) -> Option<Plan> {
    let modules: &[&str] = match case.rule() {
        "initrd-referenced-exists" => return Some(rebuilt(case)),
        "udev-persistent-net-initrd" => return Some(without_rules(case)),
        "driver-autoload" => return Some(autoload(case)),
        "initramfs-root-reachable" => return Some(root(case)),
        "initramfs-other-kernels" => return Some(others(case)),
        "initramfs-virtio-storage" => {
            &["virtio", "virtio_ring", "virtio_pci", "virtio_blk", "virtio_scsi"]
        }
        "initramfs-virtio-net" => &["virtio_net"],
        "initramfs-ide" => &["ata_piix", "ata_generic"],
        "initramfs-xen-pv" => {
            &["xen_blkfront", "xen_netfront", "xen_vbd", "xen_vnif", "xen_platform_pci"]
        }
        _ => return None,
    };
    Some(with_modules(case, modules.iter().map(|module| (*module).to_owned()).collect()))
}

fn default(linux: &LinuxFacts) -> Option<&KernelFacts> {
    linux.kernels.known()?.iter().find(|kernel| kernel.is_default)
}

/// The default kernel's initramfs, made anew where the boot entry looks for it.
pub(super) fn rebuild_default(linux: &LinuxFacts) -> Option<Step> {
    let kernel = default(linux)?;
    let entry = linux.boot.default_entry.known().and_then(Option::as_ref);
    let file = entry.and_then(|entry| entry.initrds.last());
    let image = file.and_then(|file| match &file.resolved {
        Fact::Known(Some(found)) => found.guest_path.clone(),
        // Where it should be: the loader's path begins at its own file system.
        Fact::Known(None) => Some(match file.spec.strip_prefix("/boot/") {
            Some(_) => file.spec.clone(),
            None => format!("/boot{}", file.spec),
        }),
        Fact::Unknown(_) => None,
    });
    rebuild(linux, &kernel.release, image)
}

fn rebuild(linux: &LinuxFacts, release: &str, image: Option<String>) -> Option<Step> {
    let maker = match initramfs_maker(linux)? {
        InitramfsMaker::Dracut => Maker::Dracut,
        InitramfsMaker::InitramfsTools => Maker::InitramfsTools,
        InitramfsMaker::Mkinitrd => Maker::Mkinitrd,
        InitramfsMaker::Mkinitfs | InitramfsMaker::Mkinitcpio => return None,
    };
    Some(Step::Rebuild(Rebuild { maker, release: release.to_owned(), image }))
}

/// An initramfs that is not there, or cannot be unpacked.
pub(super) fn rebuilt(case: &Case<'_>) -> Plan {
    let linux = case.linux;
    let entry = linux.boot.default_entry.known().and_then(Option::as_ref);
    let gone = |file: &crate::guest::facts::BootFile| file.resolved == Fact::Known(None);
    if entry.is_some_and(|entry| entry.kernel.as_ref().is_some_and(gone)) {
        return Plan::ByHand(text!(
            "The kernel itself is not there: its package must be installed again, or another kernel started.",
            "内核文件本身不存在：须重新安装内核软件包，或改为启动其他内核。"
        ));
    }
    let is_default = entry.is_some_and(|entry| entry.initrds.iter().any(gone));
    let is_damaged = default(linux).is_some_and(|kernel| {
        let initramfs = kernel.initramfs.known().and_then(Option::as_ref);
        initramfs.is_some_and(|initramfs| initramfs.damaged) || kernel.initramfs.unread().is_some()
    });
    if !is_default && !is_damaged {
        return Plan::ByHand(text!(
            "An entry that does not start by default names it: take the entry out by update-grub or grub2-mkconfig in the machine.",
            "仅非默认引导项引用了它：在虚拟机内执行update-grub或grub2-mkconfig即可去除。"
        ));
    }
    match rebuild_default(linux) {
        Some(step) => Plan::Steps(vec![step], rebuilt_here(linux)),
        None => {
            let command = match (initramfs_maker(linux), default(linux)) {
                (Some(InitramfsMaker::Mkinitfs), Some(kernel)) => {
                    format!("mkinitfs {}", quote(&kernel.release))
                }
                (Some(InitramfsMaker::Mkinitcpio), _) => "mkinitcpio -P".to_owned(),
                _ => {
                    return Plan::ByHand(text!(
                        "What makes this distribution's initramfs is not known, or which kernel starts.",
                        "未知该发行版如何生成initramfs，或无法确定启动的内核。"
                    ));
                }
            };
            Plan::ByHand(text!(
                "It is made in the machine itself, by {command}.",
                "须在原机器中执行{command}重新生成。"
            ))
        }
    }
}

/// What is to be known of an initramfs that is made outside of its machine.
fn rebuilt_here(linux: &LinuxFacts) -> Option<Text> {
    matches!(initramfs_maker(linux), Some(InitramfsMaker::Mkinitrd)).then(|| {
        text!(
            "mkinitrd looks at the machine that it runs on; look at the result.",
            "mkinitrd会参考所在机器的硬件，请检查结果。"
        )
    })
}

/// The modules that the kernel comes with go into its initramfs.
fn with_modules(case: &Case<'_>, wanted: Vec<String>) -> Plan {
    let linux = case.linux;
    let Some(kernel) = default(linux) else { return Plan::ByHand(super::no_step()) };
    let shipped = kernel.modules.known().and_then(Option::as_ref);
    let modules: Vec<String> = wanted
        .into_iter()
        .filter(|module| shipped.is_some_and(|shipped| shipped.contains(module)))
        .collect();
    if modules.is_empty() {
        let release = &kernel.release;
        return Plan::ByHand(text!(
            "The kernel {release} does not come with the drivers: install its extra modules package, or another kernel.",
            "内核{release}不包含所需驱动：请安装其附加模块包或更换内核。"
        ));
    }
    let Some(rebuild) = rebuild_default(linux) else { return Plan::ByHand(super::no_step()) };
    let mut steps = configure(linux, &modules);
    steps.push(rebuild);
    Plan::Steps(steps, rebuilt_here(linux))
}

/// The configuration that asks for modules.
fn configure(linux: &LinuxFacts, modules: &[String]) -> Vec<Step> {
    match initramfs_maker(linux) {
        Some(InitramfsMaker::InitramfsTools) => {
            modules.iter().map(|module| Step::append(INITRAMFS_TOOLS, module)).collect()
        }
        Some(InitramfsMaker::Dracut) => modules
            .iter()
            .map(|module| Step::append(DRACUT, &format!("add_drivers+=\" {module} \"")))
            .collect(),
        Some(InitramfsMaker::Mkinitrd) => {
            let names = modules.join(" ");
            let script = format!("s/^INITRD_MODULES=\"/&{names} /");
            vec![Step::edit("/etc/sysconfig/kernel", Edit::Script(script))]
        }
        Some(InitramfsMaker::Mkinitfs | InitramfsMaker::Mkinitcpio) | None => Vec::new(),
    }
}

/// Modules that would drive the devices which nothing drives, and what keeps them from it.
fn autoload(case: &Case<'_>) -> Plan {
    let linux = case.linux;
    let late = |device: PlatformDevice| {
        matches!(device, PlatformDevice::VirtioNet | PlatformDevice::XenNet)
    };
    let free = |stage: &Fact<Vec<Candidate>>| -> Vec<String> {
        let candidates = stage.known().into_iter().flatten();
        candidates.filter(|c| c.blocked.is_none()).map(|c| c.module.clone()).collect()
    };
    let driven = |device: &DeviceFacts, link: &DriverLink| {
        !free(&link.early).is_empty() || late(device.device) && !free(&link.late).is_empty()
    };
    let (mut modules, mut steps, mut odd) = (Vec::new(), Vec::new(), Vec::new());
    for device in &linux.drivers.devices {
        for link in device.links.iter().filter(|link| !driven(device, link)) {
            let candidates =
                |stage: &Fact<Vec<Candidate>>| stage.known().cloned().unwrap_or_default();
            let found = candidates(&link.early).into_iter().chain(candidates(&link.late));
            for candidate in found {
                modules.push(candidate.module.clone());
                let by = candidate.blocked.filter(|by| is_shown(case.evidence(), by));
                if let Some(by) = by {
                    match super::comment_out(&by) {
                        Some(step) if by.location.starts_with("/etc/") => steps.push(step),
                        _ => odd.push(by.location),
                    }
                }
            }
        }
    }
    modules.sort_unstable();
    modules.dedup();
    steps.dedup();
    if !odd.is_empty() {
        let places = odd.join(", ");
        return Plan::ByHand(text!(
            "What keeps a driver from being loaded must go first: {places}.",
            "须先去除阻止驱动加载的配置：{places}。"
        ));
    }
    match with_modules(case, modules) {
        Plan::Steps(more, note) => {
            steps.extend(more);
            Plan::Steps(steps, note)
        }
        other => other,
    }
}

fn is_shown(evidence: &[Evidence], by: &Evidence) -> bool {
    evidence.iter().any(|seen| seen.location == by.location)
}

/// What the root file system needs of the initramfs.
fn root(case: &Case<'_>) -> Plan {
    let linux = case.linux;
    let needs = linux.drivers.root_needs.known().map_or(&[][..], Vec::as_slice);
    let needs: Vec<_> =
        needs.iter().filter(|need| case.evidence().contains(&need.purpose)).collect();
    let modules: Vec<String> = needs.iter().flat_map(|need| need.modules.clone()).collect();
    let programs: Vec<&str> = needs.iter().filter_map(|need| need.program.as_deref()).collect();
    if programs.is_empty() {
        // None is named where the modules are those of another kernel: to make it anew is enough.
        return match rebuild_default(linux).filter(|_| modules.is_empty()) {
            Some(rebuild) => Plan::Steps(vec![rebuild], rebuilt_here(linux)),
            None => with_modules(case, modules),
        };
    }
    let Some(rebuild) = rebuild_default(linux) else { return Plan::ByHand(super::no_step()) };
    let mut steps = Vec::new();
    if let Some(InitramfsMaker::Dracut) = initramfs_maker(linux) {
        for program in programs {
            let module = if program == "mdadm" { "mdraid" } else { program };
            let line = format!("add_dracutmodules+=\" {module} \"");
            steps.push(Step::append(DRACUT, &line));
        }
    }
    let shipped = default(linux).and_then(|kernel| kernel.modules.known()?.as_ref());
    let known = |module: &String| shipped.is_some_and(|shipped| shipped.contains(module));
    let modules: Vec<String> = modules.into_iter().filter(known).collect();
    steps.extend(configure(linux, &modules));
    steps.push(rebuild);
    Plan::Steps(steps, rebuilt_here(linux))
}

fn others(case: &Case<'_>) -> Plan {
    let linux = case.linux;
    let kernels = linux.kernels.known().map_or(&[][..], Vec::as_slice);
    let lacking = kernels
        .iter()
        .filter(|kernel| !kernel.is_default && kernel.image.known().is_some_and(Option::is_some));
    let mut steps =
        configure(linux, &["virtio", "virtio_ring", "virtio_pci", "virtio_blk"].map(str::to_owned));
    let before = steps.len();
    for kernel in lacking {
        let image = kernel.initramfs.known().and_then(Option::as_ref).map(|i| i.path.clone());
        steps.extend(rebuild(linux, &kernel.release, image));
    }
    if steps.len() == before {
        return Plan::ByHand(super::no_step());
    }
    Plan::Steps(steps, rebuilt_here(linux))
}

/// Rules for the names of cards go from the root, and with them from the initramfs.
fn without_rules(case: &Case<'_>) -> Plan {
    let Some(rebuild) = rebuild_default(case.linux) else { return Plan::ByHand(super::no_step()) };
    let files = case.linux.network.persistent_rules.known().map_or(&[][..], Vec::as_slice);
    let harmful = files.iter().filter(|file| file.harmless.is_none());
    let mut steps: Vec<Step> = harmful.map(|file| Step::Delete(file.path.clone())).collect();
    steps.push(rebuild);
    Plan::Steps(steps, rebuilt_here(case.linux))
}

/// The file of a location with a line.
pub(super) fn file_of(location: &str) -> &str {
    file_and_line(location).map_or(location, |(file, _)| file)
}
