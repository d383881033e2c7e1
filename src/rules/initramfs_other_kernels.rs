//! `initramfs-other-kernels`

use super::boot_drivers::{DefaultKernel, Survey};
use super::initramfs_virtio_storage::NEEDED;
use super::scope::{Decision, known, linux_only, settle, undecided};
use super::{Context, Doc, Fixed, Level, Outcome, Profile, Rule};
use crate::fact::{Evidence, Fact};
use crate::guest::facts::{Facts, KernelFacts};
use crate::text;

/// The kernels that do not start by default have the virtio drivers, too.
pub(super) struct InitramfsOtherKernels;

static DOC: Doc = Doc {
    title: Fixed::new(
        "The other kernels have the virtio disk drivers, too",
        "其他内核也包含virtio磁盘驱动",
    ),
    why: Fixed::new(
        "Whoever has to fall back on an older kernel, or removes the newest, needs a server that starts with it.",
        "需要回退到旧内核或卸载最新内核时，旧内核也必须能在云服务器上启动。",
    ),
    decided: Fixed::new(
        "As initramfs-virtio-storage, for each kernel in /lib/modules that is not the default and has a file or an initramfs in /boot: virtio, virtio_ring, virtio_pci and virtio_blk.",
        "与initramfs-virtio-storage相同，检查/lib/modules中每个非默认且在/boot中有内核或initramfs文件的内核：virtio、virtio_ring、virtio_pci和virtio_blk。",
    ),
    remedy: Fixed::new(
        "dracut -f --regenerate-all, or update-initramfs -u -k all",
        "执行dracut -f --regenerate-all或update-initramfs -u -k all",
    ),
    source: "安装原生的KVM驱动 (OTC 0000001120952155), for the default kernel",
    predicts: &[],
    repaired_by_platform: false,
};

impl Rule for InitramfsOtherKernels {
    fn id(&self) -> &'static str {
        "initramfs-other-kernels"
    }

    fn level(&self, _: Profile) -> Option<Level> {
        Some(Level::Recommended)
    }

    fn doc(&self) -> &'static Doc {
        &DOC
    }

    fn check(&self, facts: &Facts, _: &Context) -> Outcome {
        settle(decide(facts))
    }
}

fn decide(facts: &Facts) -> Decision {
    let linux = linux_only(facts)?;
    let kernels = known(&linux.kernels)?;
    let others: Vec<_> = kernels.iter().filter(|kernel| is_installed(kernel)).collect();
    let (mut lacking, mut seen, mut unread) = (Vec::new(), Vec::new(), None);
    for &kernel in &others {
        let other = DefaultKernel::other(kernel);
        let survey = Survey::of(NEEDED, |driver| other.presence(driver));
        if !survey.missing.is_empty() {
            let list = survey.missing.join(", ");
            let place = format!("kernel {}", kernel.release);
            let place = if other.has_initramfs() { other.place() } else { place };
            lacking.push((kernel.release.clone(), Evidence::new(place, format!("without {list}"))));
        } else if let Some(reason) = survey.unknown {
            unread.get_or_insert(reason);
        } else {
            seen.push(Evidence::new(other.place(), "virtio, virtio_ring, virtio_pci, virtio_blk"));
        }
    }
    if !lacking.is_empty() {
        let (names, evidence): (Vec<String>, Vec<Evidence>) = lacking.into_iter().unzip();
        let list = names.join(", ");
        return Ok(Outcome::noted(
            text!(
                "Kernels that do not start by default lack the virtio disk drivers: {list}.",
                "以下非默认内核缺少virtio磁盘驱动：{list}。"
            ),
            evidence,
        )
        .remedy(DOC.remedy.text()));
    }
    if let Some(reason) = &unread {
        return Err(Box::new(undecided(reason)));
    }
    let count = others.len();
    if count == 0 {
        return Ok(Outcome::holds(
            text!("No other kernel is installed.", "没有安装其他内核。"),
            vec![Evidence::new("/lib/modules", "no other kernel")],
        ));
    }
    Ok(Outcome::holds(
        text!(
            "The other kernels ({count}) have the virtio disk drivers, too.",
            "其他内核（{count}个）也包含virtio磁盘驱动。"
        ),
        seen,
    ))
}

/// Whether it is another kernel that can be started: modules alone may be left behind.
fn is_installed(kernel: &KernelFacts) -> bool {
    !kernel.is_default
        && !matches!((&kernel.image, &kernel.initramfs), (Fact::Known(None), Fact::Known(None)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::Status;
    use crate::rules::testing::*;

    fn with_another(change: impl FnOnce(&mut KernelFacts)) -> Facts {
        let mut facts = good_linux();
        let mut other = kernel_mut(&mut facts).clone();
        other.is_default = false;
        other.release = "3.10.0-862.el7.x86_64".to_owned();
        if let Fact::Known(Some(initramfs)) = &mut other.initramfs {
            initramfs.path = "/boot/initramfs-3.10.0-862.el7.x86_64.img".to_owned();
        }
        change(&mut other);
        if let Fact::Known(kernels) = &mut linux_mut(&mut facts).kernels {
            kernels.push(other);
        }
        facts
    }

    #[test]
    fn one_kernel_alone_and_a_good_second_one_pass() {
        expect(&InitramfsOtherKernels, &good_linux(), Status::Pass, "no other kernel");
        let facts = with_another(|_| ());
        expect(&InitramfsOtherKernels, &facts, Status::Pass, "initramfs-3.10.0-862");
    }

    #[test]
    fn a_second_kernel_without_virtio_is_noted() {
        let facts = with_another(|kernel| {
            if let Fact::Known(Some(initramfs)) = &mut kernel.initramfs {
                initramfs.modules.clear();
            }
        });
        let finding = expect(&InitramfsOtherKernels, &facts, Status::Info, "3.10.0-862");
        assert!(remedy(&finding).contains("regenerate-all"));
        let facts = with_another(|kernel| kernel.initramfs = Fact::Known(None));
        expect(&InitramfsOtherKernels, &facts, Status::Info, "3.10.0-862");
    }

    #[test]
    fn modules_that_were_left_behind_are_no_kernel() {
        let facts = with_another(|kernel| {
            kernel.image = Fact::Known(None);
            kernel.initramfs = Fact::Known(None);
        });
        expect(&InitramfsOtherKernels, &facts, Status::Pass, "no other kernel");
    }

    #[test]
    fn an_initramfs_that_was_not_read_is_unverified() {
        let facts = with_another(|kernel| kernel.initramfs = Fact::unknown("/boot/x", "no time"));
        expect(&InitramfsOtherKernels, &facts, Status::Unverified, "no time");
        expect(&InitramfsOtherKernels, &unread_inside(), Status::Unverified, "it was torn");
    }
}
