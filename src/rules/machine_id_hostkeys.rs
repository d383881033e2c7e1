//! `machine-id-hostkeys`

use super::cloud_init_ready::{Readiness, readiness};
use super::host_keys::{HostKeys, host_keys};
use super::scope::{Decision, known, linux_only, settle, undecided};
use super::{Context, Doc, Fixed, Level, Outcome, Profile, Rule};
use crate::chinese::chinese;
use crate::fact::{Evidence, Fact};
use crate::guest::facts::{Facts, LinuxFacts, MachineId};
use crate::text;

/// An identity for each server.
pub(super) struct MachineIdHostkeys;

static DOC: Doc = Doc {
    title: Fixed::new(
        "Each server gets a machine id and SSH host keys of its own",
        "每台云服务器拥有各自的machine-id和SSH主机密钥",
    ),
    why: Fixed::new(
        "Servers with one machine id look like one machine to DHCP servers (systemd-networkd derives its client id from it), to logs and to licences. Servers with one host key can be impersonated by whoever has the image.",
        "machine-id相同的云服务器在DHCP服务器（systemd-networkd由其派生客户端标识）、日志和许可证看来是同一台机器；主机密钥相同的云服务器可被任何持有该镜像的人冒充。",
    ),
    decided: Fixed::new(
        "/etc/machine-id (and D-Bus's copy, which the next boot takes over) holds no id. There are no /etc/ssh/ssh_host_*_key, or cloud-init is in order and makes new ones for each instance (ssh_deletekeys). Where there are none, cloud-init or a unit or script that the image starts makes them: OpenSSH's sshd does not start without.",
        "检查/etc/machine-id（及启动时会沿用的D-Bus副本）未设置；/etc/ssh/ssh_host_*_key不存在，或cloud-init可用并会为每个实例重新生成主机密钥（ssh_deletekeys）。没有主机密钥时，须由cloud-init或镜像启动时运行的单元或脚本生成，否则OpenSSH的sshd无法启动。",
    ),
    remedy: Fixed::new(
        "Last of all before the export: truncate -s 0 /etc/machine-id; rm -f /var/lib/dbus/machine-id; rm -f /etc/ssh/ssh_host_*_key* (on Debian and Ubuntu without cloud-init keep them, or have ssh-keygen -A run at boot: sshd does not make new ones itself)",
        "导出前最后执行：truncate -s 0 /etc/machine-id; rm -f /var/lib/dbus/machine-id; rm -f /etc/ssh/ssh_host_*_key*（没有cloud-init的Debian和Ubuntu请保留主机密钥，或设置开机执行ssh-keygen -A，因为sshd不会自行生成）",
    ),
    source: "machine-id(5), sshd(8)",
    predicts: &[],
    repaired_by_platform: false,
};

impl Rule for MachineIdHostkeys {
    fn id(&self) -> &'static str {
        "machine-id-hostkeys"
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

/// The command that has host keys made at each start where there are none: for upstart by a job that ends
/// before the server's begins (init(5), `task`), otherwise by a unit.
pub(super) fn keys_at_boot(linux: &LinuxFacts) -> String {
    let mut units = linux.sshd.units.iter();
    // `ssh.conf:8`, `ssh.override`
    let job = units.find_map(|unit| {
        let file = unit.evidence.location.strip_prefix("/etc/init/")?;
        file.split('.').next()
    });
    match job {
        Some(job) => format!(
            "printf 'start on starting {job}\\ntask\\nexec ssh-keygen -A\\n' > /etc/init/ssh-host-keys.conf"
        ),
        None => UNIT.to_owned(),
    }
}

const UNIT: &str = "printf '[Unit]\\nBefore=ssh.service sshd.service\\n[Service]\\nType=oneshot\\nExecStart=/usr/bin/ssh-keygen -A\\n[Install]\\nWantedBy=multi-user.target\\n' > /etc/systemd/system/ssh-host-keys.service; systemctl enable ssh-host-keys.service";

fn decide(facts: &Facts) -> Decision {
    let linux = linux_only(facts)?;
    let leftovers = &linux.leftovers;
    let keys = leftovers.host_keys.as_result();
    let id = leftovers.machine_id.as_result();
    let key_evidence = |keys: &[String]| -> Vec<Evidence> {
        keys.iter().map(|path| Evidence::new(path.clone(), "a host key")).collect()
    };
    let found = keys.map(|keys| key_evidence(keys)).unwrap_or_default();
    if let Ok(MachineId::Set(seen)) = id {
        let place = seen.location.clone();
        let command = match place.as_str() {
            "/etc/machine-id" => "truncate -s 0 /etc/machine-id && rm -f /var/lib/dbus/machine-id",
            _ => "rm -f /var/lib/dbus/machine-id",
        };
        let mut evidence = vec![seen.clone()];
        evidence.extend(found);
        return Ok(Outcome::broken(
            text!(
                "Every server made from the image gets the same machine id ({place}).",
                "由该镜像创建的所有云服务器的machine-id相同（{place}）。"
            ),
            evidence,
        )
        .remedy(text!("{command}", "{command}")));
    }
    let keys = known(&leftovers.host_keys)?;
    known(&leftovers.machine_id)?;
    let seen = match id {
        Ok(MachineId::Unset(seen)) => seen.clone(),
        _ => Evidence::new("/etc/machine-id", "not there"),
    };
    if keys.is_empty() {
        let absent = Evidence::new("/etc/ssh/ssh_host_*_key", "not there");
        let made = |by: Option<Evidence>| {
            let mut evidence = vec![seen.clone(), absent.clone()];
            evidence.extend(by);
            Outcome::holds(
                text!(
                    "Machine id and host keys are made at the first start.",
                    "machine-id和主机密钥会在首次启动时生成。"
                ),
                evidence,
            )
        };
        let command = keys_at_boot(linux);
        return Ok(match host_keys(linux) {
            _ if linux.sshd.program == Fact::Known(None) => made(None),
            HostKeys::There => made(None),
            HostKeys::Made(by) => made(Some(by)),
            HostKeys::Nobody => Outcome::broken(
                text!(
                    "There are no SSH host keys, and nothing makes them: sshd does not start without.",
                    "没有SSH主机密钥，也没有程序会生成：sshd缺少主机密钥无法启动。"
                ),
                vec![absent],
            )
            .remedy(text!("{command}", "{command}")),
            HostKeys::Unclear(unread) => {
                let (place, reason) = (unread.location.clone(), unread.reason.clone());
                let (place_zh, reason_zh) = (chinese(&place), chinese(&reason));
                Outcome::noted(
                    text!(
                        "There are no SSH host keys, and it is not known whether something makes them at the first start ({place}: {reason}).",
                        "没有SSH主机密钥，首次启动时是否会生成无法确定（{place_zh}：{reason_zh}）。"
                    ),
                    vec![absent, unread.evidence()],
                )
            }
        });
    }
    // cloud-init's cc_ssh: for each new instance, unless it is told not to.
    let kept = linux.cloud_init.config.get("ssh_deletekeys").and_then(serde_json::Value::as_bool);
    if kept != Some(false) {
        match readiness(&linux.cloud_init) {
            Readiness::Ready(_) => {
                return Ok(Outcome::noted(
                    text!(
                        "There are SSH host keys; cloud-init replaces them at the first start of each server.",
                        "存在SSH主机密钥；cloud-init会在每台云服务器首次启动时重新生成。"
                    ),
                    found,
                ));
            }
            Readiness::Undecided(unread) => return Err(Box::new(undecided(&unread))),
            Readiness::NotReady(_) => {}
        }
    }
    Ok(Outcome::broken(
        text!(
            "Every server made from the image has the same SSH host keys, and cloud-init does not replace them.",
            "由该镜像创建的所有云服务器的SSH主机密钥相同，且cloud-init不会重新生成。"
        ),
        found,
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fact::Unread;
    use crate::rules::Status;
    use crate::rules::testing::*;

    fn with_key() -> Facts {
        let mut facts = good_linux();
        let key = "/etc/ssh/ssh_host_rsa_key".to_owned();
        linux_mut(&mut facts).leftovers.host_keys = Fact::Known(vec![key]);
        facts
    }

    #[test]
    fn a_sealed_image_passes() {
        expect(&MachineIdHostkeys, &good_linux(), Status::Pass, "/etc/machine-id");
    }

    #[test]
    fn a_set_machine_id_warns_with_the_file_that_sets_it() {
        let mut facts = good_linux();
        let seen = Evidence::new("/var/lib/dbus/machine-id", "an id is set");
        linux_mut(&mut facts).leftovers.machine_id = Fact::Known(MachineId::Set(seen));
        let finding = expect(&MachineIdHostkeys, &facts, Status::Warn, "/var/lib/dbus/machine-id");
        assert_eq!(remedy(&finding), "rm -f /var/lib/dbus/machine-id");
    }

    #[test]
    fn host_keys_are_worth_knowing_where_cloud_init_replaces_them_and_warn_elsewhere() {
        let mut facts = with_key();
        expect(&MachineIdHostkeys, &facts, Status::Info, "ssh_host_rsa_key");
        linux_mut(&mut facts).cloud_init.config = serde_json::json!({ "ssh_deletekeys": false });
        expect(&MachineIdHostkeys, &facts, Status::Warn, "ssh_host_rsa_key");
        let mut facts = with_key();
        linux_mut(&mut facts).cloud_init.installed = Fact::Known(None);
        expect(&MachineIdHostkeys, &facts, Status::Warn, "ssh_host_rsa_key");
    }

    #[test]
    fn host_keys_that_nothing_makes_warn() {
        let rule = &MachineIdHostkeys;
        let mut facts = good_linux();
        linux_mut(&mut facts).cloud_init.installed = Fact::Known(None);
        expect(rule, &facts, Status::Pass, "sshd-keygen.service");
        linux_mut(&mut facts).sshd.host_key_maker = Fact::Known(None);
        let finding = expect(rule, &facts, Status::Warn, "not there");
        assert!(remedy(&finding).contains("ssh-keygen -A"));
        let job = Evidence::new("/etc/init/ssh.conf:8", "start on runlevel [2345]");
        linux_mut(&mut facts).sshd.units[0].evidence = job;
        let finding = expect(rule, &facts, Status::Warn, "not there");
        assert!(remedy(&finding).ends_with("> /etc/init/ssh-host-keys.conf"), "{finding:#?}");
        assert!(
            remedy(&finding).starts_with("printf 'start on starting ssh\\ntask"),
            "{finding:#?}"
        );
        let job = Evidence::new("/etc/init/sshd.conf", "start on runlevel [2345]");
        linux_mut(&mut facts).sshd.units[0].evidence = job;
        let finding = expect(rule, &facts, Status::Warn, "not there");
        let begin = "printf 'start on starting sshd\\ntask\\nexec ssh-keygen -A\\n' > /etc/init/";
        assert!(remedy(&finding).starts_with(begin), "{finding:#?}");
        let ready = linux_mut(&mut good_linux()).cloud_init.clone();
        linux_mut(&mut facts).cloud_init.installed = ready.installed.clone();
        expect(rule, &facts, Status::Pass, "cloud-init");
        // It runs, whatever it looks for.
        let other = Evidence::new("/etc/cloud/cloud.cfg:3", "datasource_list: [Ec2]");
        linux_mut(&mut facts).cloud_init.datasource_list =
            Fact::Known(Some((vec!["Ec2".to_owned()], other)));
        expect(rule, &facts, Status::Info, "cloud.cfg:3");
        linux_mut(&mut facts).cloud_init.installed = Fact::Known(None);
        let unread = Unread::new("/usr/sbin/sshd", "whether it is OpenSSH is not known");
        linux_mut(&mut facts).sshd.host_key_maker = Fact::Unknown(unread);
        expect(rule, &facts, Status::Info, "/usr/sbin/sshd");
        linux_mut(&mut facts).sshd.program = Fact::Known(None);
        assert_eq!(status(rule, &facts), Status::Pass);
    }

    #[test]
    fn what_could_not_be_read_is_unverified() {
        expect(&MachineIdHostkeys, &unread_inside(), Status::Unverified, "it was torn");
        let mut facts = with_key();
        linux_mut(&mut facts).leftovers.machine_id = Fact::unknown("/etc/machine-id", "torn");
        expect(&MachineIdHostkeys, &facts, Status::Unverified, "torn");
        assert_eq!(status(&MachineIdHostkeys, &windows()), Status::NotApplicable);
    }
}
