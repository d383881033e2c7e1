//! `win-login-or-cloudbase-init`

use super::scope::{Decision, known, settle, undecided, windows_only};
use super::win_accounts::not_in_the_directory;
use super::win_cloudbase::{Effect, OWN_ACCOUNT, Target, deviations, obstacle, starts, target};
use super::{Context, Doc, Fixed, Level, Outcome, Profile, Rule};
use crate::fact::{Evidence, Fact, Unread};
use crate::guest::facts::{ADMINISTRATOR_RID, Facts, WindowsFacts};
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
        "An enabled member of the Administrators with a password (SAM hive; the accounts of a domain controller lie in the directory, which is not read), other than the account that Cloudbase-Init makes for itself with a password that nobody knows; or Cloudbase-Init: its service starts by itself or is started by setup, its program and its account are there, and its configuration has it ask the HTTP metadata service and set the password of an account that can be used. A certificate that an agent brings is not looked for.",
        "SAM中存在已启用且设置了密码的管理员账户（域控制器的账户保存在目录数据库中，不读取；不含Cloudbase-Init为自身创建、密码无人知晓的账户）；或可由Cloudbase-Init设置密码：其服务自动启动或由系统安装流程启动，服务程序和运行账户存在，配置文件使用HTTP元数据服务并为可用账户设置密码。不检查由其他代理程序提供的证书。",
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
                if account.name.eq_ignore_ascii_case(OWN_ACCOUNT) {
                    let Evidence { location, detail, .. } = &account.evidence;
                    let detail = format!("{detail}: nobody knows its password");
                    looked_at.push(Evidence::new(location.clone(), detail));
                    continue;
                }
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
    let cloudbase = by_cloudbase_init(windows, today);
    if let Ok(Way::Open(outcome)) = cloudbase {
        return Ok(*outcome);
    }
    directory?;
    if let Some(unread) = unread {
        return Err(Box::new(undecided(unread)));
    }
    if let Way::Closed(seen) = cloudbase? {
        let is_new = |it: &Evidence| !looked_at.contains(it);
        let seen: Vec<_> = seen.into_iter().filter(is_new).collect();
        looked_at.extend(seen);
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

/// Whether Cloudbase-Init gives a password to somebody who can log in with it.
enum Way {
    /// It does.
    Open(Box<Outcome>),
    /// It does not, as that shows.
    Closed(Vec<Evidence>),
}

fn by_cloudbase_init(windows: &WindowsFacts, today: i64) -> Decision<Way> {
    let cloudbase = &windows.cloudbase_init;
    let Some(service) = known(&cloudbase.service)? else {
        return Ok(Way::Closed(Vec::new()));
    };
    let closed = |seen: Evidence| Ok(Way::Closed(vec![service.evidence.clone(), seen]));
    let Some(mut evidence) = starts(windows, service)? else {
        return Ok(Way::Closed(vec![service.evidence.clone()]));
    };
    if let Some((_, seen)) = obstacle(windows, service, today)? {
        return closed(seen);
    }
    let Some(conf) = known(&cloudbase.conf)? else {
        return Ok(Way::Closed(vec![service.evidence.clone()]));
    };
    let wrong = deviations(conf);
    if let Some(unset) = wrong.iter().find(|it| it.effect == Effect::Unset) {
        return closed(unset.seen.clone());
    }
    if let Target::Nobody(seen) = target(windows, conf, today)? {
        return closed(seen);
    }
    let outcome = match wrong.iter().find(|it| it.effect == Effect::Random) {
        Some(random) => {
            evidence.push(random.seen.clone());
            Outcome::doubtful(
                text!(
                    "Only Cloudbase-Init gives a way in, and it does not set the password that is given when a server is created: what it sets is shown to the owner of the server's key pair alone.",
                    "只能通过Cloudbase-Init登录，但其不会设置创建云服务器时指定的密码：所设置的随机密码只有使用密钥对才能获取。"
                ),
                evidence,
            )
        }
        None => {
            evidence.push(Evidence::new(conf.path.clone(), "there"));
            let says = text!(
                "Cloudbase-Init is installed and configured.",
                "已安装并配置Cloudbase-Init。"
            );
            Outcome::holds(says, evidence)
        }
    };
    Ok(Way::Open(Box::new(outcome)))
}

#[cfg(test)]
mod tests {
    use super::*;

    use crate::guest::facts::{ConfValue, Seen, ServiceFacts, StartType, WindowsPassword};
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

    fn service(facts: &mut Facts) -> &mut ServiceFacts {
        match &mut windows_mut(facts).cloudbase_init.service {
            Fact::Known(Some(service)) => service,
            _ => panic!(),
        }
    }

    fn set(facts: &mut Facts, name: &str, value: &str) {
        let Fact::Known(Some(conf)) = &mut windows_mut(facts).cloudbase_init.conf else { panic!() };
        let value = ConfValue { value: value.to_owned(), line: 9 };
        conf.options.insert(format!("default.{name}"), value);
    }

    #[test]
    fn the_account_of_cloudbase_init_itself_is_no_way_in() {
        let mut facts = without_password();
        service(&mut facts).start = Some(StartType::Disabled);
        expect(&RULE, &facts, Status::Fail, "nobody knows its password");
    }

    #[test]
    fn cloudbase_init_that_cannot_run_gives_no_way_in() {
        let mut facts = without_password();
        service(&mut facts).file = Fact::Known(None);
        expect(&RULE, &facts, Status::Fail, "ImagePath=");
        service(&mut facts).file = Fact::unknown("ImagePath", "drive D: is not looked into");
        expect(&RULE, &facts, Status::Unverified, "drive D:");
        let mut facts = without_password();
        service(&mut facts).account = Some(r".\agent".to_owned());
        expect(&RULE, &facts, Status::Fail, r"ObjectName=.\agent");
        service(&mut facts).account = Some("LocalSystem".to_owned());
        expect(&RULE, &facts, Status::Pass, "Cloudbase-Init");
    }

    #[test]
    fn cloudbase_init_that_sets_no_password_gives_no_way_in() {
        for (name, value) in [
            ("plugins", "cloudbaseinit.plugins.windows.extendvolumes.ExtendVolumesPlugin"),
            ("metadata_services", "a.configdrive.ConfigDriveService"),
        ] {
            let mut facts = without_password();
            set(&mut facts, name, value);
            expect(&RULE, &facts, Status::Fail, "cloudbase-init.conf:9");
        }
        // With a key pair its owner learns the password that is set instead.
        let mut facts = without_password();
        set(&mut facts, "inject_user_password", "false");
        expect(&RULE, &facts, Status::Warn, "cloudbase-init.conf:9");
    }

    /// `set_user_password` leaves the flags of the account as they are.
    #[test]
    fn a_disabled_account_stays_disabled_whatever_its_password() {
        let mut facts = good_windows();
        administrator_mut(&mut facts).disabled = true;
        expect(&RULE, &facts, Status::Fail, "000001F4");
        // One that is not there is made.
        set(&mut facts, "username", "Admin");
        expect(&RULE, &facts, Status::Pass, "Cloudbase-Init");
        set(&mut facts, "plugins", "a.b.setuserpassword.SetUserPasswordPlugin");
        expect(&RULE, &facts, Status::Fail, "username=Admin");
    }

    /// `IMAGE_STATE_GENERALIZE_RESEAL_TO_OOBE` with the line that `bin\SetSetupComplete.cmd` writes.
    #[test]
    fn setup_may_start_cloudbase_init() {
        let mut facts = without_password();
        service(&mut facts).start = Some(StartType::Manual);
        let script = Evidence::new(r"\Windows\Setup\Scripts\SetupComplete.cmd:1", "a command");
        let starts = Seen::new(StartType::Automatic, script);
        let state = "IMAGE_STATE_GENERALIZE_RESEAL_TO_OOBE".to_owned();
        let state = Seen::new(state, Evidence::new("State", "ImageState"));
        let sysprep = &mut windows_mut(&mut facts).sysprep;
        sysprep.starts_cloudbase_init = Fact::Known(Some(starts));
        sysprep.image_state = Fact::Known(Some(state));
        expect(&RULE, &facts, Status::Pass, "SetupComplete.cmd:1");
        // Setup may enable the account.
        administrator_mut(&mut facts).disabled = true;
        expect(&RULE, &facts, Status::Unverified, "what setup makes of it");
        let sysprep = &mut windows_mut(&mut facts).sysprep;
        sysprep.starts_cloudbase_init = Fact::Known(None);
        expect(&RULE, &facts, Status::Fail, "cloudbase-init");
    }

    #[test]
    fn the_sam_of_a_domain_controller_does_not_say_who_may_log_in() {
        let mut facts = good_windows();
        let database = Evidence::new("NTDS", "DSA Database file");
        windows_mut(&mut facts).directory = Fact::Known(Some(database));
        // Whose password Cloudbase-Init would set is not known either.
        expect(&RULE, &facts, Status::Unverified, "directory");
        windows_mut(&mut facts).cloudbase_init.service = Fact::Known(None);
        expect(&RULE, &facts, Status::Unverified, "directory");
    }

    #[test]
    fn what_cannot_be_read_is_unverified() {
        expect(&RULE, &windows_unread(), Status::Unverified, "it was torn");
        let mut facts = good_windows();
        windows_mut(&mut facts).accounts = Fact::unknown("SAM", "torn hive");
        expect(&RULE, &facts, Status::Unverified, "torn hive");
        windows_mut(&mut facts).cloudbase_init.service = Fact::Known(None);
        expect(&RULE, &facts, Status::Unverified, "torn hive");
        expect(&RULE, &good_linux(), Status::NotApplicable, "Linux");
        expect(&RULE, &no_guest(), Status::NotApplicable, "single-disk-image");
    }
}
