//! `win-login-or-cloudbase-init`

use super::scope::{Decision, settle, undecided, windows_only};
use super::win_accounts::not_in_the_directory;
use super::{Context, Doc, Fixed, Level, Outcome, Profile, Rule};
use crate::fact::{Evidence, Fact, Unread};
use crate::guest::facts::{ADMINISTRATOR_RID, Facts, StartType};
use crate::text;

/// There is some way in.
pub(super) struct WinLoginOrCloudbaseInit;

static DOC: Doc = Doc {
    title: Fixed::new(
        "Windows has a password or certificate, or Cloudbase-Init is installed and configured",
        "Windows已设置登录密码或证书，或已安装并配置Cloudbase-Init",
    ),
    why: Fixed::new(
        "Without one of these nobody can ever log in to a server made from the image.",
        "两者都没有时，使用该镜像创建的云服务器将无法登录。",
    ),
    decided: Fixed::new(
        "An enabled member of the Administrators with a password (SAM hive; the accounts of a domain controller lie in the directory, which is not read), or the service cloudbase-init that starts by itself, with its configuration file. A certificate that an agent brings is not looked for.",
        "SAM中存在已启用且设置了密码的管理员账户（域控制器的账户保存在目录数据库中，不读取）；或cloudbase-init服务自动启动且存在配置文件。不检查由其他代理程序提供的证书。",
    ),
    remedy: Fixed::new(
        "net user Administrator *, or install Cloudbase-Init 1.1.2 with metadata_services=cloudbaseinit.metadata.services.httpservice.HttpService",
        "执行net user Administrator *设置密码，或安装Cloudbase-Init 1.1.2并配置metadata_services=cloudbaseinit.metadata.services.httpservice.HttpService",
    ),
    source: "制作镜像 (ims_03_0603), Windows list item 9",
    predicts: &[],
    repaired_by_platform: false,
};

impl Rule for WinLoginOrCloudbaseInit {
    fn id(&self) -> &'static str {
        "win-login-or-cloudbase-init"
    }

    fn level(&self, _: Profile) -> Option<Level> {
        Some(Level::Required)
    }

    fn doc(&self) -> &'static Doc {
        &DOC
    }

    fn check(&self, facts: &Facts, context: &Context) -> Outcome {
        settle(decide(facts, context.today))
    }
}

fn decide(facts: &Facts, today: i64) -> Decision {
    let windows = windows_only(facts)?;
    let mut unread: Option<&Unread> = None;
    let mut directory = Ok(());
    let mut looked_at = Vec::new();
    match &windows.accounts {
        // The SAM of a domain controller does not say who may log in.
        Fact::Known(_) if windows.directory.known().is_none_or(Option::is_some) => {
            directory = not_in_the_directory(windows);
        }
        Fact::Known(accounts) => {
            for account in &accounts.accounts {
                let member =
                    account.rid == ADMINISTRATOR_RID || account.administrator == Fact::Known(true);
                let doubt = account.password.unread().or(account.administrator.unread());
                match (account.hindrance(today), doubt) {
                    (Some(_), _) => looked_at.extend(member.then(|| account.evidence.clone())),
                    (None, Some(reason)) => unread = unread.or(Some(reason)),
                    (None, None) if member => {
                        let name = &account.name;
                        return Ok(Outcome::holds(
                            text!("{name} can log in with a password.", "{name}可使用密码登录。"),
                            vec![account.evidence.clone()],
                        ));
                    }
                    (None, None) => {}
                }
            }
            unread = unread.or(accounts.unread.first());
        }
        Fact::Unknown(reason) => unread = Some(reason),
    }
    let cloudbase = &windows.cloudbase_init;
    match (&cloudbase.service, &cloudbase.conf) {
        (Fact::Known(Some(service)), Fact::Known(Some(conf)))
            if service.start == Some(StartType::Automatic) =>
        {
            return Ok(Outcome::holds(
                text!(
                    "Cloudbase-Init is installed and configured.",
                    "已安装并配置Cloudbase-Init。"
                ),
                vec![service.evidence.clone(), Evidence::new(conf.path.clone(), "there")],
            ));
        }
        (service, conf) => {
            if let Fact::Known(Some(service)) = service {
                looked_at.push(service.evidence.clone());
            }
            let reason = service.unread().or(match service {
                Fact::Known(Some(_)) => conf.unread(),
                _ => None,
            });
            unread = unread.or(reason);
        }
    }
    directory?;
    if let Some(unread) = unread {
        return Err(Box::new(undecided(unread)));
    }
    if let Some(Some(domain)) = windows.domain.known() {
        let Evidence { location, detail, .. } = &domain.evidence;
        let detail = format!("{detail}: accounts of the domain are not in the image");
        looked_at.push(Evidence::new(location.clone(), detail));
    }
    Ok(Outcome::broken(
        text!(
            "No local administrator can log in with a password, and Cloudbase-Init is not set up to give one.",
            "没有可使用密码登录的本地管理员账户，也未配置可设置密码的Cloudbase-Init。"
        ),
        looked_at,
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    use crate::guest::facts::{Seen, WindowsPassword};
    use crate::rules::Status;
    use crate::rules::testing::windows::*;
    use crate::rules::testing::*;

    const RULE: WinLoginOrCloudbaseInit = WinLoginOrCloudbaseInit;

    fn without_password() -> Facts {
        let mut facts = good_windows();
        administrator_mut(&mut facts).password = Fact::Known(WindowsPassword::Empty);
        facts
    }

    #[test]
    fn a_password_is_enough_and_so_is_cloudbase_init() {
        expect(&RULE, &good_windows(), Status::Pass, "Administrator");
        expect(&RULE, &without_password(), Status::Pass, "Cloudbase-Init");
        let mut facts = without_password();
        windows_mut(&mut facts).cloudbase_init.service = Fact::Known(None);
        let Fact::Known(accounts) = &mut windows_mut(&mut facts).accounts else { panic!() };
        accounts.accounts.push(account("huang", 1001));
        expect(&RULE, &facts, Status::Pass, "huang");
    }

    #[test]
    fn without_both_nobody_gets_in() {
        let mut facts = without_password();
        windows_mut(&mut facts).cloudbase_init.service = Fact::Known(None);
        expect(&RULE, &facts, Status::Fail, "No local administrator");
        // A domain's administrator may, where the domain is there to ask.
        let seen =
            Seen::new("corp.example".to_owned(), Evidence::new("Tcpip", "Domain=corp.example"));
        windows_mut(&mut facts).domain = Fact::Known(Some(seen));
        expect(&RULE, &facts, Status::Fail, "accounts of the domain are not in the image");
        let mut facts = without_password();
        let Fact::Known(Some(service)) = &mut windows_mut(&mut facts).cloudbase_init.service else {
            panic!()
        };
        service.start = Some(StartType::Disabled);
        expect(&RULE, &facts, Status::Fail, "cloudbase-init");
    }

    #[test]
    fn the_sam_of_a_domain_controller_does_not_say_who_may_log_in() {
        let mut facts = good_windows();
        let database = Evidence::new("NTDS", "DSA Database file");
        windows_mut(&mut facts).directory = Fact::Known(Some(database));
        expect(&RULE, &facts, Status::Pass, "Cloudbase-Init");
        windows_mut(&mut facts).cloudbase_init.service = Fact::Known(None);
        expect(&RULE, &facts, Status::Unverified, "directory");
    }

    #[test]
    fn what_cannot_be_read_is_unverified() {
        expect(&RULE, &windows_unread(), Status::Unverified, "it was torn");
        let mut facts = good_windows();
        windows_mut(&mut facts).accounts = Fact::unknown("SAM", "torn hive");
        expect(&RULE, &facts, Status::Pass, "Cloudbase-Init");
        windows_mut(&mut facts).cloudbase_init.service = Fact::Known(None);
        expect(&RULE, &facts, Status::Unverified, "torn hive");
        expect(&RULE, &good_linux(), Status::NotApplicable, "Linux");
        expect(&RULE, &no_guest(), Status::NotApplicable, "single-disk-image");
    }
}
