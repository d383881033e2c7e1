//! `initramfs-virtio-net`

use super::boot_drivers::{DefaultKernel, Driver, Presence};
use super::scope::{Decision, linux_only, settle, undecided};
use super::{Context, Doc, Fixed, Level, Outcome, Profile, Rule};
use crate::fact::Evidence;
use crate::guest::facts::Facts;
use crate::text;

/// The kernel has the virtio network driver.
pub(super) struct InitramfsVirtioNet;

static DOC: Doc = Doc {
    title: Fixed::new("The virtio network driver is there", "系统包含virtio网卡驱动"),
    why: Fixed::new(
        "On KVM servers the network card is a virtio device. Without its driver the card is not detected: the server cannot be reached and gets no password from the metadata service.",
        "KVM云服务器的网卡为virtio设备。缺少驱动时无法识别网卡，云服务器无法访问，也无法从元数据服务获取密码。",
    ),
    decided: Fixed::new(
        "virtio_net is in the initramfs of the default kernel, built into it, or under /lib/modules, from where it is loaded once the root is mounted.",
        "virtio_net位于默认内核的initramfs、内核自身或/lib/modules（挂载根文件系统后加载）。",
    ),
    remedy: Fixed::new(
        "dracut: add_drivers+=\" virtio_blk virtio_scsi virtio_net virtio_pci virtio_ring virtio \" in /etc/dracut.conf, then dracut -f; initramfs-tools: add the six to /etc/initramfs-tools/modules, then update-initramfs -u; old SUSE: INITRD_MODULES in /etc/sysconfig/kernel, then mkinitrd",
        "dracut：在/etc/dracut.conf中添加add_drivers+=\" virtio_blk virtio_scsi virtio_net virtio_pci virtio_ring virtio \"后执行dracut -f；initramfs-tools：在/etc/initramfs-tools/modules中添加这六个模块后执行update-initramfs -u；旧版SUSE：修改/etc/sysconfig/kernel中的INITRD_MODULES后执行mkinitrd",
    ),
    source: "安装原生的KVM驱动 (OTC 0000001120952155)",
    predicts: &[],
    repaired_by_platform: true,
};

impl Rule for InitramfsVirtioNet {
    fn id(&self) -> &'static str {
        "initramfs-virtio-net"
    }

    fn level(&self, profile: Profile) -> Option<Level> {
        Some(match profile {
            // The source document does not ask for it.
            Profile::ImsClassic => Level::Recommended,
            Profile::Huaweicloud | Profile::Otc => Level::Required,
        })
    }

    fn doc(&self) -> &'static Doc {
        &DOC
    }

    fn check(&self, facts: &Facts, _: &Context) -> Outcome {
        settle(decide(facts))
    }
}

const DRIVER: Driver = Driver::new("virtio_net", "VIRTIO_NET");

fn decide(facts: &Facts) -> Decision {
    let linux = linux_only(facts)?;
    let default = DefaultKernel::of(linux)?;
    let place = default.place();
    Ok(match default.presence_anywhere(DRIVER) {
        Presence::Early(evidence) => Outcome::holds(
            text!(
                "virtio_net is in {place} or built in.",
                "virtio_net已包含在{place}中或编译进内核。"
            ),
            vec![evidence],
        ),
        Presence::Late(evidence) => {
            let list = &evidence.location;
            Outcome::holds(
                text!(
                    "virtio_net is not in {place} but on the root file system ({list}): it is loaded once the root is mounted.",
                    "virtio_net不在{place}中，但位于根文件系统（{list}），挂载根文件系统后会加载。"
                ),
                vec![evidence],
            )
        }
        Presence::Absent => {
            let release = &default.kernel.release;
            Outcome::broken(
                text!(
                    "The kernel {release} has no virtio_net: not in {place}, not built in, not under /lib/modules.",
                    "内核{release}没有virtio_net：{place}、内核自身和/lib/modules中均不存在。"
                ),
                vec![Evidence::new(place.clone(), "without virtio_net")],
            )
            .remedy(default.rebuild(linux, &[DRIVER.module]))
        }
        Presence::Unknown(unread) => return Err(Box::new(undecided(&unread))),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fact::Fact;
    use crate::rules::Status;
    use crate::rules::testing::*;

    #[test]
    fn a_driver_in_the_initramfs_passes() {
        expect(&InitramfsVirtioNet, &good_linux(), Status::Pass, "virtio_net.ko");
    }

    #[test]
    fn a_driver_on_the_root_file_system_passes_with_a_word() {
        let mut facts = good_linux();
        initramfs_mut(&mut facts).modules.clear();
        expect(&InitramfsVirtioNet, &facts, Status::Pass, "once the root is mounted");
        initramfs_mut(&mut facts).listing = Fact::unknown(INITRAMFS, "truncated");
        expect(&InitramfsVirtioNet, &facts, Status::Pass, "modules.dep");
    }

    #[test]
    fn a_driver_that_is_nowhere_fails() {
        let mut facts = good_linux();
        initramfs_mut(&mut facts).modules.clear();
        kernel_mut(&mut facts).modules = Fact::Known(Some(names(&["e1000"])));
        expect_in(Profile::Huaweicloud, &InitramfsVirtioNet, &facts, Status::Fail, "no virtio_net");
        expect(&InitramfsVirtioNet, &facts, Status::Warn, INITRAMFS);
    }

    #[test]
    fn unreadable_lists_are_unverified() {
        let mut facts = good_linux();
        initramfs_mut(&mut facts).modules.clear();
        kernel_mut(&mut facts).modules = Fact::unknown("/lib/modules/x/modules.dep", "torn");
        expect(&InitramfsVirtioNet, &facts, Status::Unverified, "torn");
        expect(&InitramfsVirtioNet, &unread_inside(), Status::Unverified, "it was torn");
    }
}
