//! `suse11-xen-unplug`

use super::kernel_release::numbers;
use super::scope::{Decision, known, linux_only, settle};
use super::{Context, Doc, Fixed, Level, Outcome, Profile, Rule, shell};
use crate::guest::facts::{Facts, OsIdentity};
use crate::text;

/// SUSE 11 gives up the emulated devices on Xen.
pub(super) struct Suse11XenUnplug;

static DOC: Doc = Doc {
    title: Fixed::new(
        "SUSE 11 starts with xen_platform_pci.dev_unplug=all",
        "SUSE 11的启动参数包含xen_platform_pci.dev_unplug=all",
    ),
    why: Fixed::new(
        "On Xen servers SUSE Linux Enterprise 11 SP1 to SP4 finds its disk twice, emulated and paravirtual, unless it is told to give up the emulated one.",
        "在Xen云服务器上，SUSE Linux Enterprise 11 SP1~SP4会同时看到模拟磁盘和半虚拟化磁盘，需通过该参数移除模拟设备。",
    ),
    decided: Fixed::new(
        "The command line of the default boot entry, for SUSE Linux Enterprise 11 SP1 to SP4.",
        "针对SUSE Linux Enterprise 11 SP1~SP4，检查默认引导项的内核命令行。",
    ),
    remedy: Fixed::new(
        "Append xen_platform_pci.dev_unplug=all to the kernel line of the default entry in /boot/grub/menu.lst.",
        "在/boot/grub/menu.lst默认引导项的kernel行末尾追加xen_platform_pci.dev_unplug=all。",
    ),
    source: "安装原生的XEN和KVM驱动",
    predicts: &[],
    repaired_by_platform: false,
};

impl Rule for Suse11XenUnplug {
    fn id(&self) -> &'static str {
        "suse11-xen-unplug"
    }

    fn level(&self, profile: Profile) -> Option<Level> {
        Some(match profile {
            // The source document does not ask for it.
            Profile::ImsClassic => Level::Recommended,
            Profile::Huaweicloud => Level::Required,
            // There are no Xen servers any more.
            Profile::Otc => Level::Informational,
        })
    }

    fn doc(&self) -> &'static Doc {
        &DOC
    }

    fn check(&self, facts: &Facts, _: &Context) -> Outcome {
        settle(decide(facts))
    }
}

const PARAMETER: &str = "xen_platform_pci.dev_unplug=all";

fn decide(facts: &Facts) -> Decision {
    let linux = linux_only(facts)?;
    let os = known(&linux.os)?.as_ref();
    if !os.is_some_and(is_concerned) {
        return Err(Box::new(Outcome::not_applicable(text!(
            "The system is not SUSE Linux Enterprise 11 SP1 to SP4.",
            "操作系统不是SUSE Linux Enterprise 11 SP1~SP4。"
        ))));
    }
    let Some(entry) = known(&linux.boot.default_entry)? else {
        return Err(Box::new(Outcome::not_applicable(text!(
            "There is no default boot entry (see boot-chain-complete).",
            "没有默认引导项（参见boot-chain-complete）。"
        ))));
    };
    let seen = vec![entry.command_line_evidence("xen_emul_unplug")];
    if entry.command_line.split_ascii_whitespace().any(|word| word == PARAMETER) {
        return Ok(Outcome::holds(
            text!("The kernel starts with {PARAMETER}.", "启动参数包含{PARAMETER}。"),
            seen,
        ));
    }
    let outcome = Outcome::broken(
        text!(
            "The kernel starts without {PARAMETER}, which SUSE 11 needs on Xen servers.",
            "启动参数缺少{PARAMETER}，SUSE 11在Xen云服务器上需要该参数。"
        ),
        seen,
    );
    Ok(match shell::file_and_line(&entry.command_line_location) {
        Some((file, line)) => {
            let file = shell::quote_path(file);
            outcome.remedy(text!(
                "sed -i '{line}s/$/ {PARAMETER}/' {file}",
                "sed -i '{line}s/$/ {PARAMETER}/' {file}"
            ))
        }
        None => outcome,
    })
}

fn is_concerned(os: &OsIdentity) -> bool {
    let enterprise = os.id.starts_with("sle") || os.id == "suse";
    let version = os.version.as_deref().and_then(numbers);
    enterprise && version.is_some_and(|[major, pack, _]| major == 11 && (1..=4).contains(&pack))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::Status;
    use crate::rules::testing::*;

    fn sles(version: &str, command_line: &str) -> Facts {
        let mut facts = good_linux();
        os_mut(&mut facts).id = "sles".to_owned();
        os_mut(&mut facts).version = Some(version.to_owned());
        entry_mut(&mut facts).command_line = command_line.to_owned();
        facts
    }

    #[test]
    fn the_parameter_passes() {
        let facts = sles("11.4", &format!("root=UUID=1 {PARAMETER} quiet"));
        expect(&Suse11XenUnplug, &facts, Status::Pass, PARAMETER);
    }

    #[test]
    fn its_absence_is_broken_with_the_line_to_change() {
        let facts = sles("11.3", "root=UUID=1 xen_platform_pci.dev_unplug=ide");
        let finding = expect_in(
            Profile::Huaweicloud,
            &Suse11XenUnplug,
            &facts,
            Status::Fail,
            "starts without",
        );
        assert!(remedy(&finding).starts_with("sed -i '100s/$/ xen_platform_pci.dev_unplug=all/'"));
        expect(&Suse11XenUnplug, &facts, Status::Warn, "starts without");
    }

    #[test]
    fn other_systems_are_not_concerned() {
        for version in ["11", "12.1", "15.3"] {
            assert_eq!(status(&Suse11XenUnplug, &sles(version, "ro")), Status::NotApplicable);
        }
        assert_eq!(status(&Suse11XenUnplug, &good_linux()), Status::NotApplicable);
    }

    #[test]
    fn an_unknown_system_is_unverified() {
        expect(&Suse11XenUnplug, &unread_inside(), Status::Unverified, "it was torn");
    }
}
