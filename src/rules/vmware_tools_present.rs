//! `vmware-tools-present`

use super::scope::{Decision, known, linux_only, settle};
use super::{Context, Doc, Fixed, Level, Outcome, Profile, Rule};
use crate::fact::Evidence;
use crate::guest::facts::Facts;
use crate::text;

/// Guest tools of another hypervisor.
pub(super) struct VmwareToolsPresent;

static DOC: Doc = Doc {
    title: Fixed::new(
        "No guest tools of another hypervisor are in the image",
        "镜像中没有其他虚拟化平台的工具",
    ),
    why: Fixed::new(
        "The platform's automatic configuration deletes the services of VMware Tools. Tools of another hypervisor find nothing to talk to in the cloud: at best they sleep, at worst they delay the start or reset the clock.",
        "平台的自动配置会删除VMware Tools服务。其他虚拟化平台的工具在云上无法与宿主机通信，轻则无用，重则拖慢启动或错误校时。",
    ),
    decided: Fixed::new(
        "Directories, programs and units of VMware Tools, XenServer guest tools, VirtualBox Guest Additions, Parallels Tools and the Hyper-V daemons.",
        "检查VMware Tools、XenServer工具、VirtualBox增强功能、Parallels Tools及Hyper-V守护进程的目录、程序和服务。",
    ),
    remedy: Fixed::new(
        "Remove the package: yum remove open-vm-tools, apt-get purge open-vm-tools, zypper remove open-vm-tools; VMware's own: vmware-uninstall-tools.pl; VirtualBox: /opt/VBoxGuestAdditions-*/uninstall.sh",
        "卸载软件包：yum remove open-vm-tools、apt-get purge open-vm-tools、zypper remove open-vm-tools；VMware自带安装：vmware-uninstall-tools.pl；VirtualBox：/opt/VBoxGuestAdditions-*/uninstall.sh",
    ),
    source: "What Will the System Do to an Image File When I Use the File to Register a Private Image? (OTC 0032307025)",
    predicts: &[],
    repaired_by_platform: true,
};

impl Rule for VmwareToolsPresent {
    fn id(&self) -> &'static str {
        "vmware-tools-present"
    }

    fn level(&self, _: Profile) -> Option<Level> {
        Some(Level::Informational)
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
    let tools = known(&linux.leftovers.hypervisor_tools)?;
    let Some(first) = tools.first() else {
        return Ok(Outcome::holds(
            text!(
                "There are no guest tools of another hypervisor.",
                "未发现其他虚拟化平台的工具。"
            ),
            vec![Evidence::new("/usr, /etc, /opt, units", "none of the tools that are known here")],
        ));
    };
    let (place, what) = (first.location.clone(), first.detail.clone());
    let (place_zh, what_zh) = first.in_chinese();
    Ok(Outcome::noted(
        text!(
            "There are guest tools of another hypervisor ({place}: {what}).",
            "存在其他虚拟化平台的工具（{place_zh}：{what_zh}）。"
        ),
        tools.clone(),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fact::Fact;
    use crate::rules::Status;
    use crate::rules::testing::*;

    #[test]
    fn tools_are_worth_knowing() {
        expect(&VmwareToolsPresent, &good_linux(), Status::Pass, "none of the tools");
        let mut facts = good_linux();
        let tools = vec![Evidence::new("/etc/vmware-tools", "VMware Tools")];
        linux_mut(&mut facts).leftovers.hypervisor_tools = Fact::Known(tools);
        expect(&VmwareToolsPresent, &facts, Status::Info, "/etc/vmware-tools");
    }

    #[test]
    fn what_could_not_be_read_is_unverified() {
        expect(&VmwareToolsPresent, &unread_inside(), Status::Unverified, "it was torn");
        assert_eq!(status(&VmwareToolsPresent, &windows()), Status::NotApplicable);
    }
}
