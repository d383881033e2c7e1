//! What an earlier life left behind.

use super::{Case, Plan};
use crate::fact::Fact;
use crate::remedy::step::Step;
use crate::rules::nic::{Family, family_of};
use crate::text;

const MACHINE_ID: &str = "/etc/machine-id";

pub(super) fn of(case: &Case<'_>) -> Option<Plan> {
    let paths = |step: fn(String) -> Step| -> Plan {
        Plan::steps(case.evidence().iter().map(|seen| step(seen.location.clone())).collect())
    };
    Some(match case.rule() {
        "leftover-ssh-keys" => paths(Step::Empty),
        "leftover-logs-history" => logs(case),
        "machine-id-hostkeys" => identity(case),
        "xorg-conf-present" => Plan::one(Step::Rename {
            from: "/etc/X11/xorg.conf".to_owned(),
            to: "/etc/X11/xorg.conf.old".to_owned(),
        }),
        "vmware-tools-present" => tools(case),
        _ => return None,
    })
}

fn logs(case: &Case<'_>) -> Plan {
    let mut steps = Vec::new();
    let histories = case.linux.leftovers.histories.known().into_iter().flatten();
    for file in histories {
        if case.evidence().iter().any(|seen| seen.location == file.path) {
            steps.push(Step::Delete(file.path.clone()));
        }
    }
    if case.evidence().iter().any(|seen| seen.location == "/var/log") {
        steps.push(Step::EmptyAll("/var/log".to_owned()));
    }
    Plan::steps(steps)
}

fn identity(case: &Case<'_>) -> Plan {
    let mut steps = Vec::new();
    match case.evidence().first().map(|seen| seen.location.as_str()) {
        Some(MACHINE_ID) => {
            steps.push(Step::Empty(MACHINE_ID.to_owned()));
            steps.push(Step::Delete("/var/lib/dbus/machine-id".to_owned()));
        }
        Some("/var/lib/dbus/machine-id") => {
            steps.push(Step::Delete("/var/lib/dbus/machine-id".to_owned()));
        }
        _ => {}
    }
    let keys = case.linux.leftovers.host_keys.known().map_or(&[][..], Vec::as_slice);
    let cloud_init = &case.linux.cloud_init;
    let kept = cloud_init.config.get("ssh_deletekeys").and_then(serde_json::Value::as_bool);
    let replaces = cloud_init.installed.known().is_some_and(Option::is_some) && kept != Some(false);
    if keys.is_empty() && steps.is_empty() {
        return Plan::ByHand(super::no_step());
    }
    if keys.is_empty() || replaces && !steps.is_empty() {
        return Plan::steps(steps);
    }
    if replaces {
        return Plan::ByHand(text!(
            "cloud-init makes new host keys at the first start, once it is in order: its repairs stand in this script.",
            "cloud-init可用后会在首次启动时重新生成主机密钥：其修复步骤已包含在本脚本中。"
        ));
    }
    // Red Hat's and SUSE's sshd makes keys that are not there when it starts; Debian's does not
    // start without.
    if matches!(family_of(case.linux), Some(Family::RedHat | Family::Suse)) {
        for key in keys {
            steps.push(Step::Delete(key.clone()));
            steps.push(Step::Delete(format!("{key}.pub")));
        }
        return Plan::steps(steps);
    }
    Plan::Steps(
        steps,
        Some(text!(
            "The host keys stay: nothing would make new ones at the first start, and sshd does not start without. Install cloud-init, or let a unit run ssh-keygen -A.",
            "主机密钥保留：首次启动时没有程序会生成新密钥，而sshd缺少密钥无法启动。请安装cloud-init，或通过启动单元执行ssh-keygen -A。"
        )),
    )
}

fn tools(case: &Case<'_>) -> Plan {
    let packages =
        ["open-vm-tools", "virtualbox-guest-utils", "hyperv-daemons", "xe-guest-utilities"];
    let found: Vec<&str> = packages
        .into_iter()
        .filter(|name| matches!(case.linux.packages.find(name), Fact::Known(Some(_))))
        .collect();
    if found.is_empty() {
        return Plan::ByHand(text!(
            "It is no package of the distribution that is known here: its own program removes it, inside the machine.",
            "不是已知的发行版软件包：须在虚拟机内用其自带的卸载程序移除。"
        ));
    }
    let names = found.join(" ");
    let command = match family_of(case.linux) {
        Some(Family::Debian) => {
            format!("DEBIAN_FRONTEND=noninteractive apt-get purge -y {names}")
        }
        Some(Family::RedHat) => format!("yum -y remove {names}"),
        Some(Family::Suse) => format!("zypper --non-interactive remove {names}"),
        None => return Plan::ByHand(super::no_step()),
    };
    Plan::one(Step::run(command))
}
