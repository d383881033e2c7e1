//! `driver-autoload`

use super::boot_drivers::DefaultKernel;
use super::scope::{Decision, linux_only, settle, undecided};
use super::{Context, Doc, Fixed, Level, Outcome, Profile, Rule};
use crate::fact::{Evidence, Fact, Unread};
use crate::guest::facts::{Candidate, DeviceFacts, Facts, KernelFacts, PlatformDevice};
use crate::text;

/// The kernel loads the drivers for the platform's devices by itself.
pub(super) struct DriverAutoload;

static DOC: Doc = Doc {
    title: Fixed::new(
        "The kernel loads the drivers of the platform's devices by itself",
        "内核会自动加载平台设备的驱动",
    ),
    why: Fixed::new(
        "A driver that is there but that nothing loads is of no use: without the alias of its device, or with a blacklist against it, the kernel finds no disk or network card.",
        "驱动仅仅存在还不够：缺少设备别名或被列入黑名单时不会被加载，内核找不到磁盘或网卡。",
    ),
    decided: Fixed::new(
        "The aliases of the platform's devices (PIIX IDE 8086:7010, virtio-blk 1af4:1001/1042, virtio-net 1000/1041, virtio-scsi 1004/1048, and behind them virtio:d00000002v…; Xen 5853:0001, xen:vbd, xen:vif) are looked up in modules.alias, the initramfs' own first, and must lead to a module that is there and not blacklisted (modprobe.d, modprobe.blacklist=, module_blacklist=, rd.driver.blacklist=, install lines); or the driver is built in, or loaded by name (modules-load.d, conf/modules, rd.driver.pre=). Network cards may wait for the root file system. IDE and Xen count under ims-classic only.",
        "在modules.alias（优先使用initramfs自带的）中查找平台设备的别名（PIIX IDE 8086:7010、virtio-blk 1af4:1001/1042、virtio-net 1000/1041、virtio-scsi 1004/1048及其后的virtio:d00000002v…；Xen 5853:0001、xen:vbd、xen:vif），必须对应到存在且未被列入黑名单的模块（modprobe.d、modprobe.blacklist=、module_blacklist=、rd.driver.blacklist=、install行），或驱动已编译进内核，或按名称加载（modules-load.d、conf/modules、rd.driver.pre=）。网卡驱动可在挂载根文件系统后加载。IDE和Xen仅在ims-classic下检查。",
    ),
    remedy: Fixed::new(
        "Remove the blacklist or install line from /etc/modprobe.d (or the parameter from the kernel line), run depmod -a, and rebuild the initramfs: dracut -f --add-drivers \"virtio_blk virtio_net virtio_scsi virtio_pci\", or update-initramfs -u.",
        "从/etc/modprobe.d中删除blacklist或install行（或从启动参数中删除相应参数），执行depmod -a，然后重建initramfs：dracut -f --add-drivers \"virtio_blk virtio_net virtio_scsi virtio_pci\"或update-initramfs -u。",
    ),
    source: "安装原生的KVM驱动 (OTC 0000001120952155); modprobe.d(5); 制作镜像 (ims_03_0603), Linux list item 8",
    predicts: &[],
    repaired_by_platform: false,
};

impl Rule for DriverAutoload {
    fn id(&self) -> &'static str {
        "driver-autoload"
    }

    fn level(&self, _: Profile) -> Option<Level> {
        Some(Level::Recommended)
    }

    fn doc(&self) -> &'static Doc {
        &DOC
    }

    fn check(&self, facts: &Facts, context: &Context) -> Outcome {
        settle(decide(facts, context.profile))
    }
}

/// The devices that a profile's servers have, and the modules that usually drive them.
fn devices(profile: Profile) -> &'static [(PlatformDevice, &'static [&'static str])] {
    use PlatformDevice::*;
    match profile {
        Profile::ImsClassic => &[
            (VirtioBlock, &["virtio_pci", "virtio_blk"]),
            (VirtioNet, &["virtio_pci", "virtio_net"]),
            (VirtioScsi, &["virtio_pci", "virtio_scsi"]),
            (Ide, &["ata_piix"]),
            (XenBlock, &["xen_blkfront"]),
            (XenNet, &["xen_netfront"]),
        ],
        Profile::Huaweicloud | Profile::Otc => &[
            (VirtioBlock, &["virtio_pci", "virtio_blk"]),
            (VirtioNet, &["virtio_pci", "virtio_net"]),
            (VirtioScsi, &["virtio_pci", "virtio_scsi"]),
        ],
    }
}

/// What is found for a device.
enum State {
    /// A driver is loaded at each link.
    Loaded(Vec<Evidence>),
    /// At a link none is: what keeps those that are there, or nothing when there is none.
    NotLoaded(Vec<Evidence>),
    Unknown(Unread),
}

fn decide(facts: &Facts, profile: Profile) -> Decision {
    let linux = linux_only(facts)?;
    let default = DefaultKernel::of(linux)?;
    let place = default.place();
    let (mut seen, mut names, mut evidence, mut modules) = (vec![], vec![], vec![], vec![]);
    let mut unread = None;
    for (device, usual) in devices(profile) {
        let found = linux.drivers.devices.iter().find(|found| found.device == *device);
        let Some(found) = found else {
            let reason = "what drives it was not looked for";
            unread.get_or_insert_with(|| Unread::new(device.name(), reason));
            continue;
        };
        match state(found) {
            State::Loaded(by) => seen.extend(by),
            State::Unknown(reason) => {
                unread.get_or_insert(reason);
            }
            State::NotLoaded(by) => {
                names.push(device.name());
                if by.is_empty() {
                    evidence.push(Evidence::new(
                        place.clone(),
                        format!("no driver for {}", device.name()),
                    ));
                }
                evidence.extend(by);
                modules.extend(usual.iter().copied());
            }
        }
    }
    if !names.is_empty() {
        // What is built in needs no alias; that nothing is must be known.
        built_in_known(default.kernel)?;
        let list = names.join(", ");
        modules.sort_unstable();
        modules.dedup();
        evidence.sort_unstable();
        evidence.dedup();
        evidence.extend(linux.drivers.host_only.iter().cloned());
        let rebuild = default.rebuild(linux, &modules);
        let keeps = |first: &Evidence| format!("{}: {}", first.location, first.detail);
        let keeps_zh = |(place, what): (String, String)| format!("{place}：{what}");
        let keeps_zh =
            evidence.first().map(|first| keeps_zh(first.in_chinese())).unwrap_or_default();
        let keeps = evidence.first().map(keeps).unwrap_or_default();
        let (en, zh) = (rebuild.en, rebuild.zh);
        return Ok(Outcome::broken(
            text!(
                "With {place} the kernel would load no driver for {list}.",
                "使用{place}时内核不会为{list}加载驱动。"
            ),
            evidence,
        )
        .remedy(text!(
            "Take out what keeps the driver from being loaded ({keeps}), run depmod -a, then:\n{en}",
            "删除阻止驱动加载的配置（{keeps_zh}），执行depmod -a，然后执行：\n{zh}"
        )));
    }
    if let Some(reason) = &unread {
        return Err(Box::new(undecided(reason)));
    }
    seen.sort_unstable();
    seen.dedup();
    Ok(Outcome::holds(
        text!(
            "The kernel loads the drivers of the platform's devices by itself.",
            "内核会自动加载平台设备的驱动。"
        ),
        seen,
    ))
}

fn state(device: &DeviceFacts) -> State {
    let waits = matches!(device.device, PlatformDevice::VirtioNet | PlatformDevice::XenNet);
    let mut seen = Vec::new();
    for link in &device.links {
        let loads = |stage: &Fact<Vec<Candidate>>| {
            let candidates = stage.known()?;
            candidates.iter().find(|candidate| candidate.blocked.is_none()).cloned()
        };
        let loaded = loads(&link.early).or_else(|| waits.then(|| loads(&link.late)).flatten());
        if let Some(candidate) = loaded {
            seen.push(candidate.evidence);
            continue;
        }
        let stages = [Some(&link.early), waits.then_some(&link.late)];
        let mut blocked = Vec::new();
        for stage in stages.into_iter().flatten() {
            match stage {
                Fact::Unknown(unread) => return State::Unknown(unread.clone()),
                Fact::Known(candidates) => {
                    blocked.extend(candidates.iter().filter_map(|candidate| {
                        let mut by = candidate.blocked.clone()?;
                        by.detail = format!("{} ({})", by.detail, candidate.module);
                        Some(by)
                    }));
                }
            }
        }
        return State::NotLoaded(blocked);
    }
    State::Loaded(seen)
}

/// Undecided, when it is not known what the kernel has built in.
fn built_in_known(kernel: &KernelFacts) -> Decision<()> {
    let known = |names: &Fact<Option<_>>| matches!(names, Fact::Known(Some(_)));
    if known(&kernel.builtin) || known(&kernel.config) {
        return Ok(());
    }
    let unread = kernel.builtin.unread().or(kernel.config.unread()).cloned();
    let unread = unread.unwrap_or_else(|| {
        Unread::new(
            format!("/lib/modules/{}/modules.builtin", kernel.release),
            "it is not there, so what the kernel has built in is not known",
        )
    });
    Err(Box::new(undecided(&unread)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::Status;
    use crate::rules::testing::*;

    fn link(
        facts: &mut Facts,
        device: PlatformDevice,
        link: usize,
    ) -> &mut crate::guest::facts::DriverLink {
        let devices = &mut linux_mut(facts).drivers.devices;
        let found = devices.iter_mut().find(|found| found.device == device).unwrap();
        &mut found.links[link]
    }

    fn block(candidates: &mut Fact<Vec<Candidate>>, by: &str) {
        if let Fact::Known(candidates) = candidates {
            candidates[0].blocked = Some(Evidence::new("/etc/modprobe.d/x.conf:3", by));
        }
    }

    #[test]
    fn aliases_that_lead_to_a_driver_pass() {
        expect(&DriverAutoload, &good_linux(), Status::Pass, "alias virtio:d00000002v* virtio_blk");
    }

    #[test]
    fn a_blacklisted_driver_warns_with_the_line() {
        let mut facts = good_linux();
        block(&mut link(&mut facts, PlatformDevice::VirtioBlock, 1).early, "blacklist virtio_blk");
        let finding = expect(&DriverAutoload, &facts, Status::Warn, "blacklist virtio_blk");
        assert!(remedy(&finding).contains("/etc/modprobe.d/x.conf:3"));
        expect(&DriverAutoload, &facts, Status::Warn, "no driver for virtio-blk.");
    }

    #[test]
    fn a_network_card_may_wait_for_the_root() {
        let mut facts = good_linux();
        link(&mut facts, PlatformDevice::VirtioNet, 1).early = Fact::Known(Vec::new());
        expect(&DriverAutoload, &facts, Status::Pass, "virtio_net");
        block(&mut link(&mut facts, PlatformDevice::VirtioNet, 1).late, "install x /bin/false");
        expect(&DriverAutoload, &facts, Status::Warn, "install x /bin/false");
    }

    #[test]
    fn a_device_without_any_driver_warns_in_the_profiles_that_have_it() {
        let mut facts = good_linux();
        link(&mut facts, PlatformDevice::XenBlock, 0).early = Fact::Known(Vec::new());
        expect(&DriverAutoload, &facts, Status::Warn, "no driver for xen:vbd");
        expect_in(Profile::Otc, &DriverAutoload, &facts, Status::Pass, "virtio_blk");
    }

    #[test]
    fn what_was_not_read_is_unverified() {
        let mut facts = good_linux();
        link(&mut facts, PlatformDevice::VirtioBlock, 0).early = Fact::unknown("alias", "too long");
        expect(&DriverAutoload, &facts, Status::Unverified, "too long");
        link(&mut facts, PlatformDevice::VirtioBlock, 0).early = Fact::Known(Vec::new());
        kernel_mut(&mut facts).builtin = Fact::Known(None);
        kernel_mut(&mut facts).config = Fact::Known(None);
        expect(&DriverAutoload, &facts, Status::Unverified, "modules.builtin");
        expect(&DriverAutoload, &unread_inside(), Status::Unverified, "it was torn");
    }
}
