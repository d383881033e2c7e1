//! `kernel-min-version`

use super::kernel_release::{default_kernel, evidence, version};
use super::scope::{Decision, linux_only, settle, undecided};
use super::{Context, Doc, Fixed, Level, Outcome, Profile, Rule};
use crate::fact::Unread;
use crate::guest::facts::Facts;
use crate::text;

/// The kernel is new enough to have virtio and Xen drivers of its own.
pub(super) struct KernelMinVersion;

static DOC: Doc = Doc {
    title: Fixed::new("The kernel is newer than 2.6.24", "内核版本高于2.6.24"),
    why: Fixed::new(
        "The kernel's own virtio and Xen drivers came with 2.6.24; an older kernel finds neither disk nor network card on a server. Network cards with several queues need 2.6.35.",
        "内核自带的virtio和Xen驱动从2.6.24开始提供；更旧的内核在云服务器上找不到磁盘和网卡。网卡多队列需要2.6.35及以上版本。",
    ),
    decided: Fixed::new(
        "The release of the kernel that the default boot entry starts, from its header, its file name or /lib/modules.",
        "默认引导项所启动内核的版本号，取自内核文件头、文件名或/lib/modules。",
    ),
    remedy: Fixed::new(
        "Install a newer kernel of the distribution (yum update kernel; apt-get install linux-image-amd64; zypper update kernel-default) and start from it.",
        "安装发行版的新版内核（yum update kernel；apt-get install linux-image-amd64；zypper update kernel-default）并从该内核启动。",
    ),
    source: "安装原生的KVM驱动 (OTC 0000001120952155); 安装原生的XEN和KVM驱动; OTC 0085214115 (multi-queue)",
    predicts: &[],
    repaired_by_platform: false,
};

impl Rule for KernelMinVersion {
    fn id(&self) -> &'static str {
        "kernel-min-version"
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

/// The release that a kernel must be newer than.
const TOO_OLD: [u32; 3] = [2, 6, 24];

fn decide(facts: &Facts) -> Decision {
    let linux = linux_only(facts)?;
    let kernel = default_kernel(linux)?;
    let seen = evidence(linux, kernel);
    let release = &kernel.release;
    let Some(version) = version(release) else {
        let reason = format!("{release} does not begin with a version");
        return Err(Box::new(undecided(&Unread::new(seen.location, reason))));
    };
    Ok(if version > TOO_OLD {
        Outcome::holds(
            text!("The kernel {release} is newer than 2.6.24.", "内核{release}高于2.6.24。"),
            vec![seen],
        )
    } else {
        Outcome::broken(
            text!("The kernel {release} is not newer than 2.6.24.", "内核{release}不高于2.6.24。"),
            vec![seen],
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fact::Fact;
    use crate::rules::Status;
    use crate::rules::testing::*;

    fn of(release: &str) -> Facts {
        let mut facts = good_linux();
        kernel_mut(&mut facts).release = release.to_owned();
        facts
    }

    #[test]
    fn a_kernel_of_today_passes() {
        expect(&KernelMinVersion, &good_linux(), Status::Pass, "grub.cfg:100");
        expect(&KernelMinVersion, &of("2.6.25"), Status::Pass, "2.6.25");
    }

    #[test]
    fn an_old_kernel_fails_where_the_later_pages_hold() {
        for release in ["2.6.18-398.el5", "2.6.24-16-server", "2.4.37"] {
            expect(&KernelMinVersion, &of(release), Status::Warn, release);
            expect_in(Profile::Otc, &KernelMinVersion, &of(release), Status::Fail, release);
        }
    }

    #[test]
    fn a_kernel_whose_release_nobody_tells_is_unverified() {
        expect(&KernelMinVersion, &of("vmlinuz-linux"), Status::Unverified, "vmlinuz-linux");
        let mut facts = good_linux();
        kernel_mut(&mut facts).modules_dir = Fact::unknown("/boot/vmlinuz", "no header");
        expect(&KernelMinVersion, &facts, Status::Unverified, "no header");
        expect(&KernelMinVersion, &unread_inside(), Status::Unverified, "it was torn");
    }
}
