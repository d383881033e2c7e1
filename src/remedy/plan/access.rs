//! Ways in: sshd, the firewall, accounts; and the state in which the machine was left.

use super::cloud_init::install;
use super::{Case, Plan, boot, comment_out, set};
use crate::fact::Fact;
use crate::filesystem::Shutdown;
use crate::guest::facts::{FileSystemFacts, UnitFacts, UnitState};
use crate::remedy::step::{Edit, Step};
use crate::rules::Profile;
use crate::rules::shell::file_and_line;
use crate::rules::start::without_systemd;
use crate::text;

const SSHD_CONFIG: &str = "/etc/ssh/sshd_config";

pub(super) fn of(case: &Case<'_>) -> Option<Plan> {
    Some(match case.rule() {
        "sshd-enabled" => sshd(case),
        "sshd-password-auth" => password_auth(case),
        "firewall-allows-ssh" => firewall(case),
        // A command for each account; the file that names them has no names of several lines.
        "password-aging" => Plan::steps(case.remedy().lines().map(Step::run).collect()),
        "root-account-usable" => root(case),
        "login-credential-or-cloudinit" => Plan::ByHand(text!(
            "A password or key is yours to choose. Where cloud-init is in order, it sets up the first login: its repairs are in the script.",
            "密码或密钥须由您决定。cloud-init可用时会设置首次登录：其修复步骤已包含在脚本中。"
        )),
        "graceful-shutdown" => shutdown(case),
        "filesystem-sound" => check(case, |found| {
            found.health.known().is_some_and(|health| !health.errors.is_empty())
        }),
        _ => return None,
    })
}

fn sshd(case: &Case<'_>) -> Plan {
    let sshd = &case.linux.sshd;
    if let Fact::Known(None) = sshd.program {
        let step = install(case, "openssh-server");
        let note = text!(
            "It needs the network and the guest's own package sources.",
            "需要网络以及系统自身的软件源。"
        );
        return Plan::Steps(step.into_iter().collect(), Some(note));
    }
    if let Some(invalid) = sshd.invalid.first() {
        return comment_out(invalid).map_or_else(|| Plan::ByHand(super::no_step()), Plan::one);
    }
    if let Some(word) = sshd.units.iter().find_map(UnitFacts::mask_word) {
        return Plan::steps(boot::remove_word(case.linux, word));
    }
    let state = |wanted| {
        sshd.units.iter().find(move |unit| unit.state == Fact::Known(wanted)).map(|unit| &unit.name)
    };
    // It is started, but listens elsewhere.
    if state(UnitState::Enabled).is_some() {
        return Plan::ByHand(super::no_step());
    }
    let skipped = sshd.units.iter().find(|unit| unit.state == Fact::Known(UnitState::Skipped));
    if let Some(skipped) = skipped {
        return match skipped.evidence.detail.split_once("PathExists=!") {
            Some((_, path)) => Plan::one(Step::Delete(path.trim().to_owned())),
            None => Plan::ByHand(super::no_step()),
        };
    }
    // Links that systemd would follow start nothing under another init.
    let other = sshd.units.iter().any(|unit| {
        unit.state == Fact::Known(UnitState::Disabled)
            && without_systemd(case.linux, &unit.name, &unit.evidence).is_some()
    });
    if other {
        return Plan::one(Step::run(case.remedy()));
    }
    match state(UnitState::Masked).or(state(UnitState::Disabled)) {
        // Both services and sockets are among them, without their suffixes.
        Some(name) if name.contains('.') => Plan::one(Step::Enable(name.clone())),
        Some(name) => Plan::one(Step::Enable(format!("{name}.service"))),
        None => Plan::ByHand(super::no_step()),
    }
}

fn password_auth(case: &Case<'_>) -> Plan {
    let Some(seen) = case.evidence().first() else { return Plan::ByHand(super::no_step()) };
    if seen.detail.to_ascii_lowercase().starts_with("authenticationmethods") {
        return comment_out(seen).map_or_else(|| Plan::ByHand(super::no_step()), Plan::one);
    }
    let wanted = if case.context.profile == Profile::Otc { "no" } else { "yes" };
    let new = format!("PasswordAuthentication {wanted}");
    if file_and_line(&seen.location).is_some() {
        return Plan::one(set(seen, SSHD_CONFIG, "PasswordAuthentication", &new));
    }
    // What is said first holds, and nothing in front of it is in a Match block.
    Plan::one(Step::edit(SSHD_CONFIG, Edit::Script(format!("1s/^/{new}\\n/"))))
}

fn firewall(case: &Case<'_>) -> Plan {
    let Some(by) = case.evidence().first() else { return Plan::ByHand(super::no_step()) };
    let name = case.finding.message.en.split(' ').next().unwrap_or_default();
    match (name, file_and_line(&by.location)) {
        ("firewalld", _) => Plan::one(Step::run("firewall-offline-cmd --add-service=ssh")),
        ("ufw", _) => Plan::one(Step::run("ufw allow ssh")),
        ("SuSEfirewall2", _) => Plan::one(Step::run("SuSEfirewall2 open EXT TCP ssh")),
        // The saved rules are what iptables-restore reads: -I puts the rule in front of all others.
        ("iptables" | "netfilter-persistent" | "iptables-persistent", Some((file, _))) => {
            Plan::one(Step::edit(
                file,
                Edit::Script(
                    "/^\\*filter/,/^COMMIT/s/^COMMIT/-I INPUT -p tcp --dport 22 -j ACCEPT\\n&/"
                        .to_owned(),
                ),
            ))
        }
        _ => Plan::ByHand(super::no_step()),
    }
}

fn root(case: &Case<'_>) -> Plan {
    // The repairs that choose no password are commands alone.
    let remedy = case.remedy();
    if remedy.starts_with("chage ") || remedy.starts_with("usermod ") {
        return Plan::one(Step::run(remedy));
    }
    Plan::ByHand(text!(
        "Which password root has is yours to choose: a script that others read is no place for it.",
        "root的密码须由您决定，不应写入他人可读的脚本。"
    ))
}

/// A file system whose log the copy replays, as the next start of the machine would.
fn shutdown(case: &Case<'_>) -> Plan {
    if case.evidence().iter().any(|seen| seen.detail == "S1SUSPEND") {
        return Plan::ByHand(text!(
            "To give up the memory that was saved is a decision: what had not been written to the disk is lost.",
            "放弃所保存的内存需要人工决定：未写入磁盘的数据会丢失。"
        ));
    }
    let unclean = |found: &FileSystemFacts| {
        let shutdown = found.health.known().and_then(|health| health.shutdown.known());
        matches!(shutdown, Some((Shutdown::Unclean, _)))
    };
    match check(case, unclean) {
        Plan::Steps(steps, None) => Plan::Steps(
            steps,
            Some(text!(
                "The file systems are as after a power cut and a next start: what programs had not written yet stays lost.",
                "文件系统的状态等同于断电后再次启动：程序尚未写入的数据无法恢复。"
            )),
        ),
        plan => plan,
    }
}

fn check(case: &Case<'_>, which: impl Fn(&FileSystemFacts) -> bool) -> Plan {
    let used = case.facts.used_filesystems().filter(|found| which(found));
    // `btrfs check` repairs nothing by itself; its log is replayed by the mount.
    Plan::steps(used.map(|found| Step::CheckFileSystem(found.volume)).collect())
}
