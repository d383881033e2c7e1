//! `initramfs-virtio-storage`

use super::boot_drivers::{DefaultKernel, Driver, Survey, all_present};
use super::scope::{Decision, linux_only, settle};
use super::{Context, Doc, Fixed, Level, Outcome, Profile, Rule};
use crate::guest::facts::Facts;
use crate::text;

/// The kernel has the virtio disk drivers when it looks for its root.
pub(super) struct InitramfsVirtioStorage;

static DOC: Doc = Doc {
    title: Fixed::new(
        "The virtio disk drivers are in the initramfs or built in",
        "initramfs或内核中包含virtio磁盘驱动",
    ),
    why: Fixed::new(
        "On KVM servers the system disk is a virtio disk (/dev/vda). An initramfs that was built for the old machine alone lacks its drivers: the kernel finds no root, and the server stays in the dracut or initramfs shell.",
        "KVM云服务器的系统盘为virtio磁盘（/dev/vda）。仅针对原机器构建的initramfs缺少相应驱动，内核找不到根设备，云服务器会停在dracut或initramfs命令行。",
    ),
    decided: Fixed::new(
        "The default kernel's initramfs (all its cpio segments), modules.builtin and CONFIG_*=y together must have virtio, virtio_ring, virtio_pci and virtio_blk; without virtio_scsi it warns.",
        "默认内核的initramfs（所有cpio段）、modules.builtin和CONFIG_*=y合起来必须包含virtio、virtio_ring、virtio_pci和virtio_blk；缺少virtio_scsi时告警。",
    ),
    remedy: Fixed::new(
        "dracut: add_drivers+=\" virtio_blk virtio_scsi virtio_net virtio_pci virtio_ring virtio \" in /etc/dracut.conf, then dracut -f; initramfs-tools: add the six to /etc/initramfs-tools/modules, then update-initramfs -u; old SUSE: INITRD_MODULES in /etc/sysconfig/kernel, then mkinitrd",
        "dracut：在/etc/dracut.conf中添加add_drivers+=\" virtio_blk virtio_scsi virtio_net virtio_pci virtio_ring virtio \"后执行dracut -f；initramfs-tools：在/etc/initramfs-tools/modules中添加这六个模块后执行update-initramfs -u；旧版SUSE：修改/etc/sysconfig/kernel中的INITRD_MODULES后执行mkinitrd",
    ),
    source: "安装原生的KVM驱动 (OTC 0000001120952155); 准备镜像文件（Linux） (ims_01_0209); OTC 0030713211",
    predicts: &[],
    repaired_by_platform: true,
};

impl Rule for InitramfsVirtioStorage {
    fn id(&self) -> &'static str {
        "initramfs-virtio-storage"
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

/// The drivers without which no virtio disk is found.
pub(super) const NEEDED: &[Driver] = &[
    Driver::new("virtio", "VIRTIO"),
    // Later kernels have no option of its own for the ring: it comes with CONFIG_VIRTIO.
    Driver::new("virtio_ring", "VIRTIO_RING").or_with("VIRTIO"),
    Driver::new("virtio_pci", "VIRTIO_PCI"),
    Driver::new("virtio_blk", "VIRTIO_BLK"),
];
const WISHED: &[Driver] = &[Driver::new("virtio_scsi", "SCSI_VIRTIO")];

fn decide(facts: &Facts) -> Decision {
    let linux = linux_only(facts)?;
    let default = DefaultKernel::of(linux)?;
    let place = default.place();
    let needed = Survey::of(NEEDED, |driver| default.presence(driver));
    if !needed.missing.is_empty() {
        let list = needed.missing.join(", ");
        return Ok(Outcome::broken(
            text!(
                "{place} is without {list}, and the kernel does not have it built in.",
                "{place}缺少{list}，且未编译进内核。"
            ),
            needed.gap(&place),
        )
        .remedy(default.rebuild(linux, &needed.missing)));
    }
    needed.settled()?;
    let wished = Survey::of(WISHED, |driver| default.presence(driver));
    if !wished.missing.is_empty() {
        return Ok(Outcome::doubtful(
            text!(
                "{place} has the virtio disk drivers, but not virtio_scsi.",
                "{place}包含virtio磁盘驱动，但缺少virtio_scsi。"
            ),
            wished.gap(&place),
        )
        .remedy(default.rebuild(linux, &wished.missing)));
    }
    wished.settled()?;
    Ok(all_present(Survey { seen: [needed.seen, wished.seen].concat(), ..needed }, &place))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fact::Fact;
    use crate::guest::facts::{BootFile, InitramfsMaker, ListingEnd};
    use crate::rules::Status;
    use crate::rules::testing::*;

    fn without(driver: &str) -> Facts {
        let mut facts = good_linux();
        initramfs_mut(&mut facts).modules.remove(driver);
        facts
    }

    #[test]
    fn drivers_in_the_initramfs_pass() {
        expect(&InitramfsVirtioStorage, &good_linux(), Status::Pass, "virtio_blk.ko");
    }

    #[test]
    fn drivers_that_are_built_in_pass_though_the_initramfs_does_not_list_them() {
        let mut facts = good_linux();
        initramfs_mut(&mut facts).modules = names(&["virtio_scsi"]);
        let kernel = kernel_mut(&mut facts);
        kernel.builtin = Fact::Known(Some(names(&["virtio", "virtio_ring", "virtio_pci"])));
        kernel.config = Fact::Known(Some(names(&["VIRTIO_BLK", "PCI"])));
        let finding = expect(&InitramfsVirtioStorage, &facts, Status::Pass, "CONFIG_VIRTIO_BLK=y");
        assert!(finding.evidence.iter().any(|seen| seen.location.ends_with("modules.builtin")));
    }

    #[test]
    fn a_missing_driver_fails_with_the_command_of_the_distribution() {
        let facts = without("virtio_blk");
        let finding = expect_in(
            Profile::Huaweicloud,
            &InitramfsVirtioStorage,
            &facts,
            Status::Fail,
            INITRAMFS,
        );
        assert_eq!(
            remedy(&finding),
            "echo 'add_drivers+=\" virtio_blk \"' >> /etc/dracut.conf.d/cloud-drivers.conf && \
             dracut -f /boot/initramfs-3.10.0-957.el7.x86_64.img 3.10.0-957.el7.x86_64"
        );
        expect(&InitramfsVirtioStorage, &facts, Status::Warn, "modules.dep");
    }

    #[test]
    fn alpine_and_arch_have_their_own_commands() {
        for (id, command) in [
            (
                "alpine",
                "grep -oE '^kernel/[^:]*/(virtio[-_]blk)\\.ko[^:]*' /lib/modules/3.10.0-957.el7.x86_64/modules.dep >> /etc/mkinitfs/features.d/cloud.modules && sed -i '/[\" ]cloud[\" ]/!s/^features=\"/&cloud /' /etc/mkinitfs/mkinitfs.conf && mkinitfs 3.10.0-957.el7.x86_64",
            ),
            (
                "arch",
                "sed -i 's/^MODULES=[(\"]/&virtio_blk /' /etc/mkinitcpio.conf && mkinitcpio -P",
            ),
        ] {
            let mut facts = without("virtio_blk");
            os_mut(&mut facts).id = id.to_owned();
            os_mut(&mut facts).id_like.clear();
            let finding = expect(&InitramfsVirtioStorage, &facts, Status::Warn, "virtio_blk");
            assert_eq!(remedy(&finding), command);
        }
    }

    /// A guest of Debian has `update-initramfs` no more once dracut is installed, which conflicts with
    /// initramfs-tools.
    #[test]
    fn the_command_is_of_the_program_that_the_guest_has() {
        use InitramfsMaker::{Dracut, InitramfsTools, Mkinitcpio};
        let command = |id: &str, makers: &[InitramfsMaker]| {
            let mut facts = without("virtio_blk");
            linux_mut(&mut facts).initramfs_makers = makers.to_vec();
            os_mut(&mut facts).id = id.to_owned();
            os_mut(&mut facts).id_like.clear();
            remedy(&expect(&InitramfsVirtioStorage, &facts, Status::Warn, "virtio_blk")).to_owned()
        };
        for makers in [&[][..], &[InitramfsTools], &[Dracut, InitramfsTools]] {
            assert!(command("debian", makers).contains("update-initramfs -u"), "{makers:?}");
        }
        let dracut = command("debian", &[Dracut]);
        assert!(dracut.contains("dracut -f") && !dracut.contains("initramfs-tools"), "{dracut}");
        assert!(command("arch", &[Dracut]).contains("dracut -f"));
        assert!(command("endeavouros", &[Dracut]).contains("dracut -f"));
        assert!(command("endeavouros", &[Dracut, Mkinitcpio]).contains("# initramfs-tools"));
    }

    #[test]
    fn a_rebuild_replaces_the_last_file_of_several_and_names_the_kernel_when_its_place_is_unknown()
    {
        let mut facts = without("virtio_blk");
        initramfs_mut(&mut facts).path = format!("/boot/ucode.img, {INITRAMFS}");
        let entry = entry_mut(&mut facts);
        entry.initrds.insert(0, BootFile { spec: "/ucode.img".into(), ..entry.initrds[0].clone() });
        let finding = expect(&InitramfsVirtioStorage, &facts, Status::Warn, "virtio_blk");
        assert!(remedy(&finding).contains(&format!("dracut -f {INITRAMFS} 3.10")), "{finding:#?}");
        if let Fact::Known(Some(file)) = &mut entry_mut(&mut facts).initrds[1].resolved {
            file.guest_path = None;
        }
        let finding = expect(&InitramfsVirtioStorage, &facts, Status::Warn, "virtio_blk");
        assert!(remedy(&finding).ends_with("dracut -f --kver 3.10.0-957.el7.x86_64"));
    }

    #[test]
    fn where_the_entry_loads_no_initramfs_the_remedy_makes_it_load_one() {
        let mut facts = good_linux();
        entry_mut(&mut facts).initrds.clear();
        kernel_mut(&mut facts).initramfs = Fact::Known(None);
        let finding = expect(&InitramfsVirtioStorage, &facts, Status::Warn, "modules.dep");
        assert!(remedy(&finding).contains("grub2-mkconfig"), "{finding:#?}");
    }

    #[test]
    fn the_ring_comes_with_config_virtio_where_modules_builtin_is_not_there() {
        let mut facts = without("virtio_ring");
        initramfs_mut(&mut facts).modules.remove("virtio");
        let kernel = kernel_mut(&mut facts);
        kernel.modules = Fact::Known(None);
        kernel.builtin = Fact::Known(None);
        kernel.config = Fact::Known(Some(names(&["VIRTIO", "PCI"])));
        expect(&InitramfsVirtioStorage, &facts, Status::Pass, "CONFIG_VIRTIO=y");
    }

    #[test]
    fn a_kernel_that_does_not_ship_the_driver_needs_another_first() {
        let mut facts = without("virtio_blk");
        kernel_mut(&mut facts).modules = Fact::Known(Some(names(&["virtio_net"])));
        let finding = expect(&InitramfsVirtioStorage, &facts, Status::Warn, "virtio_blk");
        assert!(remedy(&finding).contains("does not come with virtio_blk"));
    }

    #[test]
    fn without_virtio_scsi_it_warns() {
        let facts = without("virtio_scsi");
        let profile = Profile::Otc;
        expect_in(profile, &InitramfsVirtioStorage, &facts, Status::Warn, "virtio_scsi");
    }

    #[test]
    fn a_listing_that_ended_because_all_was_seen_passes() {
        let mut facts = without("virtio_ring");
        initramfs_mut(&mut facts).listing = Fact::Known(ListingEnd::Satisfied);
        assert_eq!(status(&InitramfsVirtioStorage, &facts), Status::Pass);
    }

    #[test]
    fn a_kernel_without_an_initramfs_needs_all_built_in() {
        let mut facts = good_linux();
        kernel_mut(&mut facts).initramfs = Fact::Known(None);
        let profile = Profile::Huaweicloud;
        expect_in(profile, &InitramfsVirtioStorage, &facts, Status::Fail, "kernel 3.10.0");
    }

    #[test]
    fn what_could_not_be_read_is_unverified() {
        let mut facts = without("virtio_blk");
        initramfs_mut(&mut facts).listing = Fact::unknown(INITRAMFS, "truncated");
        expect(&InitramfsVirtioStorage, &facts, Status::Unverified, "truncated");
        let mut facts = without("virtio_blk");
        let kernel = kernel_mut(&mut facts);
        kernel.modules = Fact::Known(None);
        kernel.builtin = Fact::Known(None);
        kernel.config = Fact::Known(None);
        expect(&InitramfsVirtioStorage, &facts, Status::Unverified, "modules.builtin");
        let mut facts = good_linux();
        entry_mut(&mut facts).initrds[0].resolved = Fact::Known(None);
        expect(&InitramfsVirtioStorage, &facts, Status::Unverified, "initrd-referenced-exists");
        expect(&InitramfsVirtioStorage, &unread_inside(), Status::Unverified, "it was torn");
    }
}
