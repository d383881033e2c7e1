//! `os-full-virtualization`

use super::scope::{Decision, guest, known, settle, undecided, without_guest};
use super::{Context, Doc, Fixed, Level, Outcome, Profile, Rule};
use crate::fact::{Evidence, Fact, Unread};
use crate::guest::facts::{Facts, Guest};
use crate::text;

/// The kernel runs under full virtualisation.
pub(super) struct OsFullVirtualization;

static DOC: Doc = Doc {
    title: Fixed::new("The operating system supports full virtualisation", "操作系统支持全虚拟化"),
    why: Fixed::new(
        "Servers are fully virtualised machines with a PCI bus and BIOS or UEFI. A kernel that only runs as a Xen paravirtual guest finds no hardware that it knows.",
        "云服务器是具有PCI总线和BIOS/UEFI的全虚拟化机器。仅支持Xen半虚拟化的内核无法识别这些硬件。",
    ),
    decided: Fixed::new(
        "Windows always supports it. Linux: the release of the default kernel does not end in xen or xenU, and its configuration, where there is one, has CONFIG_PCI.",
        "Windows始终支持。Linux：默认内核的版本号不以xen或xenU结尾，且内核配置（如存在）包含CONFIG_PCI。",
    ),
    remedy: Fixed::new(
        "Install the distribution's normal kernel (RHEL family: yum install kernel; SUSE: zypper install kernel-default) and make it the default boot entry.",
        "请安装发行版的普通内核（RHEL系：yum install kernel；SUSE：zypper install kernel-default），并设为默认引导项。",
    ),
    source: "制作镜像 (ims_03_0603), Windows list item 14, Linux list item 14",
    predicts: &[],
    repaired_by_platform: false,
};

impl Rule for OsFullVirtualization {
    fn id(&self) -> &'static str {
        "os-full-virtualization"
    }

    fn level(&self, _: Profile) -> Option<Level> {
        Some(Level::Required)
    }

    fn doc(&self) -> &'static Doc {
        &DOC
    }

    fn check(&self, facts: &Facts, _: &Context) -> Outcome {
        settle(decide(facts))
    }
}

fn decide(facts: &Facts) -> Decision {
    let linux = match guest(facts)? {
        Guest::Linux(linux) => linux,
        Guest::Windows(windows) => {
            return Ok(Outcome::holds(
                text!("Windows runs fully virtualised.", "Windows支持全虚拟化。"),
                windows.evidence.clone(),
            ));
        }
        Guest::Absent(_) => return Err(Box::new(without_guest())),
    };
    let default = known(&linux.kernels)?.iter().find(|kernel| kernel.is_default);
    let Some(kernel) = default else {
        let unread =
            Unread::new("/lib/modules", "which kernel the default boot entry starts is not known");
        return Err(Box::new(undecided(&unread)));
    };
    let release = &kernel.release;
    if release.ends_with("xen") || release.ends_with("xenU") {
        return Ok(Outcome::broken(
            text!(
                "The default kernel {release} only runs as a Xen paravirtual guest.",
                "默认内核{release}仅支持Xen半虚拟化。"
            ),
            vec![Evidence::new(format!("/lib/modules/{release}"), "default kernel")],
        ));
    }
    // s390x and its like have no PCI and no platform here; arch-match names them.
    if let Fact::Known(Some(config)) = &kernel.config
        && !config.contains("PCI")
    {
        return Ok(Outcome::broken(
            text!(
                "The default kernel {release} is built without PCI, so it finds none of a server's devices.",
                "默认内核{release}未启用PCI，无法识别云服务器的设备。"
            ),
            vec![Evidence::new(format!("/boot/config-{release}"), "no CONFIG_PCI=y")],
        ));
    }
    Ok(Outcome::holds(
        text!("The default kernel {release} is a normal one.", "默认内核{release}为普通内核。"),
        vec![Evidence::new(format!("/lib/modules/{release}"), "default kernel")],
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::Status;
    use crate::rules::testing::*;

    #[test]
    fn a_normal_kernel_and_windows_pass() {
        expect(&OsFullVirtualization, &good_linux(), Status::Pass, "3.10.0-957.el7.x86_64");
        expect(&OsFullVirtualization, &windows(), Status::Pass, "Windows");
    }

    #[test]
    fn a_paravirtual_kernel_fails() {
        let mut facts = good_linux();
        kernel_mut(&mut facts).release = "2.6.18-398.el5xen".to_owned();
        expect(&OsFullVirtualization, &facts, Status::Fail, "2.6.18-398.el5xen");
    }

    #[test]
    fn a_kernel_without_pci_fails() {
        let mut facts = good_linux();
        kernel_mut(&mut facts).config = Fact::Known(Some(names(&["XEN"])));
        expect(&OsFullVirtualization, &facts, Status::Fail, "CONFIG_PCI");
    }

    #[test]
    fn an_unknown_default_kernel_is_unverified() {
        let mut facts = good_linux();
        kernel_mut(&mut facts).is_default = false;
        expect(&OsFullVirtualization, &facts, Status::Unverified, "/lib/modules");
        expect(&OsFullVirtualization, &unread_inside(), Status::Unverified, "it was torn");
    }
}
