//! `initramfs-xen-pv`

use super::boot_drivers::{DefaultKernel, Driver, Presence, Survey};
use super::kernel_release::numbers;
use super::scope::{Decision, linux_only, settle};
use super::{Context, Doc, Fixed, Level, Outcome, Profile, Rule};
use crate::fact::Evidence;
use crate::guest::facts::{Facts, LinuxFacts};
use crate::text;

/// The kernel has the Xen paravirtual drivers.
pub(super) struct InitramfsXenPv;

static DOC: Doc = Doc {
    title: Fixed::new(
        "The Xen paravirtual (PVOPS) drivers are loaded at boot",
        "系统启动时自动加载Xen半虚拟化（PVOPS）驱动",
    ),
    why: Fixed::new(
        "The source document demands PVOPS drivers. On Xen servers a system without them has a very slow network to which security groups and firewall do not apply. The later platforms are KVM; there this is for information.",
        "源文档要求支持PVOPS驱动。在Xen云服务器上，缺少该驱动会导致网络性能很差，且安全组和防火墙不生效。后续平台为KVM，仅作提示。",
    ),
    decided: Fixed::new(
        "xen_blkfront (SUSE's old kernels: xen_vbd) is in the initramfs of the default kernel or built in; xen_netfront (xen_vnif) is there, built in, or under /lib/modules, from where it is loaded once the root is mounted.",
        "默认内核的initramfs或内核自身包含xen_blkfront（旧版SUSE为xen_vbd）；xen_netfront（xen_vnif）位于initramfs、内核自身或/lib/modules（挂载根文件系统后加载）。",
    ),
    remedy: Fixed::new(
        "dracut: add_drivers+=\" xen-blkfront xen-netfront \" in /etc/dracut.conf, then dracut -f; initramfs-tools: add both to /etc/initramfs-tools/modules, then update-initramfs -u",
        "dracut：在/etc/dracut.conf中添加add_drivers+=\" xen-blkfront xen-netfront \"后执行dracut -f；initramfs-tools：在/etc/initramfs-tools/modules中添加这两个模块后执行update-initramfs -u",
    ),
    source: "制作镜像 (ims_03_0603), Linux list item 8; 安装原生的XEN和KVM驱动",
    predicts: &[],
    repaired_by_platform: false,
};

impl Rule for InitramfsXenPv {
    fn id(&self) -> &'static str {
        "initramfs-xen-pv"
    }

    fn level(&self, profile: Profile) -> Option<Level> {
        Some(match profile {
            Profile::ImsClassic => Level::Required,
            Profile::Huaweicloud | Profile::Otc => Level::Informational,
        })
    }

    fn doc(&self) -> &'static Doc {
        &DOC
    }

    fn check(&self, facts: &Facts, _: &Context) -> Outcome {
        settle(decide(facts))
    }
}

const BLOCK: &[Driver] =
    &[Driver::new("xen_blkfront", "XEN_BLKDEV_FRONTEND"), Driver::new("xen_vbd", "XEN_VBD")];
const NET: &[Driver] =
    &[Driver::new("xen_netfront", "XEN_NETDEV_FRONTEND"), Driver::new("xen_vnif", "XEN_VNIF")];

const BUS: Driver = Driver::new("xen_platform_pci", "XEN_PLATFORM_PCI");

/// Whether the system has SUSE's own Xen drivers, of the package xen-kmp: SUSE Linux Enterprise up to
/// 12 SP1, openSUSE up to 13.
fn is_old_suse(linux: &LinuxFacts) -> bool {
    let Some(os) = linux.os.known().and_then(Option::as_ref) else { return false };
    let Some([major, minor, _]) = os.version.as_deref().and_then(numbers) else { return false };
    if os.id.starts_with("opensuse") {
        return major <= 13;
    }
    (os.id.starts_with("sle") || os.id == "suse") && (major, minor) <= (12, 1)
}

fn decide(facts: &Facts) -> Decision {
    let linux = linux_only(facts)?;
    let default = DefaultKernel::of(linux)?;
    let place = default.place();
    let block = Survey::of(BLOCK, |driver| default.presence(driver));
    let net = Survey::of(NET, |driver| default.presence_anywhere(driver));
    // Each pair is one driver under two names.
    let is_gone = |survey: &Survey| survey.seen.is_empty() && survey.unknown.is_none();
    let net_gone = is_gone(&net) && net.late.is_empty();
    let old = is_old_suse(linux);
    let mut gone = Vec::new();
    if is_gone(&block) {
        gone.push(if old { "xen_vbd" } else { "xen_blkfront" });
    }
    if net_gone {
        gone.push(if old { "xen_vnif" } else { "xen_netfront" });
    }
    // SUSE's own drivers find their devices only with their own bus driver.
    let own = block.seen.iter().any(|seen| seen.detail == "xen_vbd.ko");
    if own && matches!(default.presence(BUS), Presence::Late(_) | Presence::Absent) {
        gone.push(BUS.module);
    }
    if !gone.is_empty() {
        let list = gone.join(", ");
        let mut evidence = vec![Evidence::new(place.clone(), format!("without {list}"))];
        evidence.extend(block.late);
        return Ok(Outcome::broken(
            text!("{place} and its kernel are without {list}.", "{place}及其内核缺少{list}。"),
            evidence,
        )
        .remedy(default.rebuild(linux, &gone)));
    }
    if block.seen.is_empty() {
        block.settled()?;
    }
    if net.seen.is_empty() && net.late.is_empty() {
        net.settled()?;
    }
    let evidence = [block.seen, net.seen, net.late].concat();
    Ok(Outcome::holds(
        text!("The Xen block and network drivers are there.", "已包含Xen块设备和网络驱动。"),
        evidence,
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fact::Fact;
    use crate::rules::Status;
    use crate::rules::testing::*;

    #[test]
    fn both_drivers_pass_and_so_do_suses_old_names() {
        let mut facts = good_linux();
        expect(&InitramfsXenPv, &facts, Status::Pass, "xen_blkfront");
        initramfs_mut(&mut facts).modules = names(&["xen_vbd", "xen_vnif", "xen_platform_pci"]);
        expect(&InitramfsXenPv, &facts, Status::Pass, "xen_vbd");
        initramfs_mut(&mut facts).modules.remove("xen_platform_pci");
        expect(&InitramfsXenPv, &facts, Status::Fail, "without xen_platform_pci");
    }

    #[test]
    fn a_network_driver_that_comes_with_the_root_is_early_enough() {
        let mut facts = good_linux();
        initramfs_mut(&mut facts).modules = names(&["xen_blkfront"]);
        expect(&InitramfsXenPv, &facts, Status::Pass, "modules.dep");
    }

    #[test]
    fn a_missing_block_driver_fails_and_informs_later() {
        let mut facts = good_linux();
        initramfs_mut(&mut facts).modules = names(&["virtio_blk"]);
        let finding = expect(&InitramfsXenPv, &facts, Status::Fail, "xen_blkfront");
        assert!(remedy(&finding).contains("xen_blkfront"));
        assert_eq!(judged(&InitramfsXenPv, &facts, Profile::Huaweicloud).status, Status::Info);
    }

    #[test]
    fn what_is_missing_goes_by_the_name_that_the_distribution_has_for_it() {
        for (id, version, name) in [
            ("sles", "11.4", "xen_vbd"),
            ("sles", "12.1", "xen_vbd"),
            ("sles", "12.2", "xen_blkfront"),
            ("opensuse", "13.2", "xen_vbd"),
            ("opensuse-leap", "42.3", "xen_blkfront"),
            ("debian", "11", "xen_blkfront"),
        ] {
            let mut facts = good_linux();
            initramfs_mut(&mut facts).modules = names(&["virtio_blk"]);
            os_mut(&mut facts).id = id.to_owned();
            os_mut(&mut facts).version = Some(version.to_owned());
            let finding = expect(&InitramfsXenPv, &facts, Status::Fail, name);
            assert!(remedy(&finding).contains(name), "{id} {version}");
        }
    }

    #[test]
    fn an_unreadable_initramfs_is_unverified() {
        let mut facts = good_linux();
        initramfs_mut(&mut facts).modules.clear();
        initramfs_mut(&mut facts).listing = Fact::unknown(INITRAMFS, "truncated");
        expect(&InitramfsXenPv, &facts, Status::Unverified, "truncated");
        expect(&InitramfsXenPv, &unread_inside(), Status::Unverified, "it was torn");
    }
}
