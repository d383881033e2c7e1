//! cloud-init: its settings, its services, what an earlier run left.

use serde_json::Value as Json;

use super::drivers::file_of;
use super::{Case, Plan, boot, comment_out, network};
use crate::fact::{Evidence, Fact};
use crate::guest::facts::UnitState;
use crate::remedy::step::Step;
use crate::rules::Profile;
use crate::rules::nic::{Family, family_of};
use crate::rules::shell::file_and_line;
use crate::rules::start::without_systemd;
use crate::text;

const DIRECTORY: &str = "/etc/cloud/cloud.cfg.d";

pub(super) fn of(case: &Case<'_>) -> Option<Plan> {
    Some(match case.rule() {
        "cloud-init-installed" => installed(case),
        "cloud-init-enabled" => enabled(case),
        "cloud-init-datasource-openstack" => openstack(case),
        "cloud-init-huawei-dmi" => dmi(case),
        "cloud-init-network-disabled" => no_network(case),
        "cloud-init-manage-etc-hosts" => {
            drop_in(case, "99-manage-etc-hosts.cfg", &["manage_etc_hosts: localhost"])
        }
        "cloud-init-root-login" => root_login(case),
        "cloud-init-modules-order" => modules(case),
        "cloud-init-cache-clean" => Plan::steps(clean(case.evidence())),
        "cloud-init-linux-user-removed" => {
            Plan::steps(vec![Step::run("userdel linux"), Step::Delete("/home/linux".to_owned())])
        }
        _ => return None,
    })
}

/// A new file among cloud-init's that has the last word: they are merged in the order of their names.
/// Left to the user where the image has one with a name behind all of these.
fn drop_in(case: &Case<'_>, name: &str, lines: &[&str]) -> Plan {
    let files = case.linux.cloud_init.files.iter();
    let last = files.filter_map(|file| file.strip_prefix(DIRECTORY)?.strip_prefix('/')).max();
    let names = ["", "zzz-", "zzzz-", "zzzzz-"].map(|before| format!("{before}{name}"));
    match names.into_iter().find(|name| last.is_none_or(|last| name.as_str() > last)) {
        Some(name) => Plan::one(Step::write(&format!("{DIRECTORY}/{name}"), lines)),
        None => Plan::ByHand(text!(
            "The last of cloud-init's files has the last word, and no name comes behind it: set it there.",
            "cloud-init以最后一个配置文件为准，且没有排在其后的文件名可用：请直接修改该文件。"
        )),
    }
}

/// The steps that take a switch away: a line, a file, or a word of the kernel command line.
fn take_away(case: &Case<'_>, switch: &Evidence) -> Option<Vec<Step>> {
    if file_and_line(&switch.location).is_some() {
        return comment_out(switch).map(|step| vec![step]);
    }
    Some(if switch.location.starts_with('/') {
        vec![Step::Delete(switch.location.clone())]
    } else {
        boot::remove_word(case.linux, &switch.detail)
    })
}

fn openstack(case: &Case<'_>) -> Plan {
    if let Fact::Known(Some(bound)) = &case.linux.cloud_init.bound_elsewhere {
        return take_away(case, bound).map_or_else(|| Plan::ByHand(super::no_step()), Plan::steps);
    }
    let lines = [
        "datasource_list: [ OpenStack ]",
        "datasource:",
        "  OpenStack:",
        "    metadata_urls: [ \"http://169.254.169.254\" ]",
        "    max_wait: 120",
        "    timeout: 5",
    ];
    drop_in(case, "zz-openstack.cfg", &lines)
}

fn root_login(case: &Case<'_>) -> Plan {
    if case.context.profile == Profile::Otc {
        let lines = ["disable_root: true", "ssh_pwauth: false"];
        return drop_in(case, "99-no-root-login.cfg", &lines);
    }
    let mut lines: Vec<String> = [
        "users:",
        "- name: root",
        "  lock_passwd: false",
        "disable_root: false",
        "ssh_pwauth: true",
    ]
    .map(str::to_owned)
    .to_vec();
    if case.finding.message.en.contains("set-passwords") {
        let Some(entries) = entries_of(case, "cloud_config_modules") else {
            return Plan::ByHand(super::no_step());
        };
        lines.push("cloud_config_modules:".to_owned());
        lines.extend(entries.into_iter().map(|(_, line)| line));
        lines.push("- set-passwords".to_owned());
    }
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    drop_in(case, "99-root-login.cfg", &lines)
}

fn installed(case: &Case<'_>) -> Plan {
    let local = case.evidence().first().filter(|seen| seen.location.starts_with("/usr/local/"));
    if let Some(local) = local {
        return Plan::one(Step::Link {
            path: "/usr/bin/cloud-init".to_owned(),
            target: local.location.clone(),
        });
    }
    match install(case, "cloud-init") {
        Some(step) => Plan::Steps(
            vec![step],
            Some(text!(
                "It needs the network and the guest's own package sources; its settings are to be checked afterwards.",
                "需要网络以及系统自身的软件源；完成后请再检查其配置。"
            )),
        ),
        None => Plan::ByHand(super::no_step()),
    }
}

/// The command that installs a package.
pub(super) fn install(case: &Case<'_>, package: &str) -> Option<Step> {
    let command = match family_of(case.linux)? {
        Family::Debian => format!(
            "apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends {package}"
        ),
        Family::RedHat => format!("yum -y install {package}"),
        Family::Suse => format!("zypper --non-interactive install {package}"),
    };
    Some(Step::Run { command, network: true })
}

fn enabled(case: &Case<'_>) -> Plan {
    let cloud_init = &case.linux.cloud_init;
    let mut steps = Vec::new();
    for switch in cloud_init.disabled_by.known().into_iter().flatten() {
        match take_away(case, switch) {
            Some(taken) => steps.extend(taken),
            None => return Plan::ByHand(super::no_step()),
        }
    }
    let mut absent = Vec::new();
    for unit in &cloud_init.units {
        if let Some(word) = unit.mask_word() {
            steps.extend(boot::remove_word(case.linux, word));
            continue;
        }
        match unit.state {
            Fact::Known(UnitState::Disabled | UnitState::Masked) => {
                steps.push(match without_systemd(case.linux, &unit.name, &unit.evidence) {
                    Some(command) => Step::run(command),
                    None => Step::Enable(format!("{}.service", unit.name)),
                });
            }
            // Taking away what switches it off lets the condition hold again.
            Fact::Known(UnitState::Skipped) if steps.is_empty() => {
                return Plan::ByHand(super::no_step());
            }
            Fact::Known(UnitState::Absent) => absent.push(unit.name.clone()),
            Fact::Known(UnitState::Enabled | UnitState::Skipped) | Fact::Unknown(_) => {}
        }
    }
    let names = absent.join(", ");
    let note = (!absent.is_empty()).then(|| {
        text!(
            "Install cloud-init again: there is no {names}.",
            "请重新安装cloud-init：缺少{names}。"
        )
    });
    Plan::Steps(steps, note)
}

fn dmi(case: &Case<'_>) -> Plan {
    let tag = match case.context.profile {
        Profile::Otc => "OpenTelekomCloud",
        Profile::ImsClassic | Profile::Huaweicloud => "HUAWEICLOUD",
    };
    let Some(path) = case.evidence().first().map(|seen| &seen.location) else {
        return Plan::ByHand(super::no_step());
    };
    if !path.ends_with(".py") {
        return openstack(case);
    }
    let directory = path.rsplit_once('/').map_or("", |(directory, _)| directory);
    Plan::Steps(
        vec![
            // Read when the module is loaded, after whatever the list was made of.
            Step::append(
                path,
                &format!("VALID_DMI_ASSET_TAGS = list(VALID_DMI_ASSET_TAGS) + [\"{tag}\"]"),
            ),
            Step::Delete(format!("{directory}/__pycache__")),
        ],
        Some(text!(
            "An update of the package undoes it; the lasting repair is cloud-init 22.4 or later.",
            "软件包更新后会失效；彻底的修复是升级到cloud-init 22.4或更高版本。"
        )),
    )
}

fn no_network(case: &Case<'_>) -> Plan {
    if !network::has_own_dhcp(case.linux) {
        return Plan::ByHand(text!(
            "cloud-init alone sets up the network here: without it the server would come up without one. First give the card a DHCP configuration of the image's own.",
            "此处网络仅由cloud-init配置：关闭后云服务器将没有网络。请先为网卡写入镜像自身的DHCP配置。"
        ));
    }
    let lines = ["network: {config: disabled}"];
    drop_in(case, "99-disable-network-config.cfg", &lines)
}

fn modules(case: &Case<'_>) -> Plan {
    let Some(entries) = entries_of(case, "cloud_init_modules") else {
        return Plan::ByHand(super::no_step());
    };
    let mut lines = vec!["cloud_init_modules:".to_owned(), "- ssh".to_owned()];
    let has_update = entries.iter().any(|(name, _)| name == "update_hostname");
    lines.extend(entries.into_iter().filter(|(name, _)| name != "ssh").map(|(_, line)| line));
    if !has_update {
        lines.push("- update_hostname".to_owned());
    }
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    drop_in(case, "99-modules-order.cfg", &lines)
}

/// The entries of a list of modules, each with its module's own name; none when there is no such list,
/// or one of them is not a name, or a name and how often it runs.
fn entries_of(case: &Case<'_>, list: &str) -> Option<Vec<(String, String)>> {
    /// Every name of a module is a Python identifier, `-` for `_` apart.
    fn is_name(name: &str) -> bool {
        !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || "-_".contains(c))
    }
    let list = case.linux.cloud_init.config.get(list).and_then(Json::as_array)?;
    let mut entries = Vec::new();
    for entry in list {
        let words: Vec<&str> = match entry {
            Json::String(name) => vec![name],
            Json::Array(words) => words.iter().map(Json::as_str).collect::<Option<_>>()?,
            _ => return None,
        };
        if !words.iter().all(|word| is_name(word)) {
            return None;
        }
        let line = match words.as_slice() {
            [] => continue,
            [only] => format!("- {only}"),
            several => format!("- [{}]", several.join(", ")),
        };
        let name = words.first().map(|name| name.replace('-', "_"));
        entries.extend(name.map(|name| (name, line)));
    }
    Some(entries)
}

/// What a run leaves behind; the directories that the package brings stay.
fn clean(evidence: &[Evidence]) -> Vec<Step> {
    let mut steps: Vec<Step> = ["instances", "sem", "data"]
        .iter()
        .map(|name| Step::Clear(format!("/var/lib/cloud/{name}")))
        .collect();
    steps.insert(0, Step::Delete("/var/lib/cloud/instance".to_owned()));
    let logs = evidence.iter().map(|seen| file_of(&seen.location));
    steps.extend(
        logs.filter(|path| path.starts_with("/var/log/")).map(|path| Step::Delete(path.to_owned())),
    );
    steps
}
