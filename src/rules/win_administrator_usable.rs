//! `win-administrator-usable`

use super::scope::{Decision, known, settle, undecided, windows_only};
use super::win_accounts::not_in_the_directory;
use super::win_cloudbase::sets_password_of;
use super::{Context, Doc, Fixed, Level, Outcome, Profile, Rule, day, shell};
use crate::fact::{Evidence, Fact};
#[cfg(test)]
use crate::guest::facts::WindowsPassword;
use crate::guest::facts::{Facts, Hindrance, WindowsAccount, WindowsFacts};
use crate::text;

/// Administrator can log in.
pub(super) struct WinAdministratorUsable;

static DOC: Doc = Doc {
    title: Fixed::new(
        "Windows has a usable Administrator account with a password",
        "Windows包含可用的Administrator账户和密码",
    ),
    why: Fixed::new(
        "The account is needed to log in and set the server up while the image is made.",
        "在创建镜像过程中，需要使用该账户登录云服务器进行配置。",
    ),
    decided: Fixed::new(
        "The SAM hive: the built-in administrator (RID 500, whatever it is called) is disabled, locked (also by its count of wrong passwords, where the machine's policy unlocks nobody by itself: an endless LockoutDuration), expired or has no password hash: broken. That it needs no password, or must change it at the next log-on (Remote Desktop then refuses it), warns; so does a password that the policy of the machine (MaxPasswordAge) has let expire, unless Cloudbase-Init sets another. On a domain controller the accounts lie in the directory (NTDS.dit), which is not read.",
        "读取SAM注册表配置单元中的内置管理员账户（RID为500，与名称无关）：被禁用、被锁定（包括密码错误次数达到本机策略的阈值，且LockoutDuration为永不自动解锁）、已过期或没有密码哈希时判为不满足；允许空密码或下次登录须修改密码（此时远程桌面会拒绝登录）时告警；密码已按本机策略（MaxPasswordAge）过期且Cloudbase-Init不会重新设置时同样告警。域控制器的账户保存在目录数据库（NTDS.dit）中，不读取。",
    ),
    remedy: Fixed::new(
        "net user Administrator /active:yes
net user Administrator *",
        "net user Administrator /active:yes
net user Administrator *",
    ),
    source: "制作镜像 (ims_03_0603), Windows list item 5; 准备镜像文件（Windows） (ims_01_0204); MS-SAMR 2.2.1.12",
    predicts: &[],
    repaired_by_platform: false,
};

impl Rule for WinAdministratorUsable {
    fn id(&self) -> &'static str {
        "win-administrator-usable"
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
    not_in_the_directory(windows)?;
    let accounts = known(&windows.accounts)?;
    let Some(account) = accounts.administrator() else {
        if let Some(unread) = accounts.unread.first() {
            return Err(Box::new(undecided(unread)));
        }
        return Ok(Outcome::broken(
            text!(
                "There is no built-in administrator (RID 500).",
                "没有内置管理员账户（RID 500）。"
            ),
            vec![Evidence::new(r"HKLM\SAM\SAM\Domains\Account\Users", "no 000001F4")],
        ));
    };
    let name = &account.name;
    let user = shell::quote_cmd(name).unwrap_or_else(|| "NAME".to_owned());
    let evidence = vec![account.evidence.clone()];
    let (message, command) = match account.hindrance(today) {
        Some(Hindrance::Disabled) => (
            text!("The account {name} is disabled.", "账户{name}已被禁用。"),
            format!("net user {user} /active:yes"),
        ),
        Some(Hindrance::Locked) => (
            text!("The account {name} is locked.", "账户{name}已被锁定。"),
            format!("net user {user} /active:yes"),
        ),
        Some(Hindrance::Expired) => (
            text!("The account {name} has expired.", "账户{name}已过期。"),
            format!("net user {user} /expires:never"),
        ),
        Some(Hindrance::NoPassword) => (
            text!("The account {name} has no password.", "账户{name}没有密码。"),
            format!("net user {user} *"),
        ),
        None => {
            known(&account.password)?;
            return usable(windows, account, &user, evidence, today);
        }
    };
    let others = accounts.accounts.iter().filter(|other| {
        other.rid != account.rid
            && other.administrator == Fact::Known(true)
            && other.hindrance(today).is_none()
    });
    let others = others.map(|other| {
        let Evidence { location, detail, .. } = &other.evidence;
        Evidence::new(location.clone(), format!("{detail}, another administrator"))
    });
    let evidence = evidence.into_iter().chain(others).collect();
    Ok(Outcome::broken(message, evidence).remedy(text!("{command}", "{command}")))
}

/// Nothing keeps the account from being used; what is still worth a warning.
fn usable(
    windows: &WindowsFacts,
    account: &WindowsAccount,
    user: &str,
    evidence: Vec<Evidence>,
    today: i64,
) -> Decision {
    let name = &account.name;
    if account.password_not_required {
        return Ok(Outcome::doubtful(
            text!(
                "The account {name} is allowed to have no password.",
                "账户{name}允许使用空密码。"
            ),
            evidence,
        )
        .remedy(text!("net user {user} /passwordreq:yes", "net user {user} /passwordreq:yes")));
    }
    if account.must_change {
        return Ok(Outcome::doubtful(
            text!(
                "The password of {name} must be changed at the next log-on, and Remote Desktop refuses such a log-on.",
                "账户{name}下次登录须修改密码，远程桌面会拒绝此类登录。"
            ),
            evidence,
        )
        .remedy(text!("net user {user} /logonpasswordchg:no", "net user {user} /logonpasswordchg:no")));
    }
    if !sets_password_of(windows, account, today)
        && let Some(expired) = known(&account.password_expires)?.filter(|day| *day < today)
    {
        let date = day::date(expired);
        let Evidence { location, detail, .. } = &account.evidence;
        let seen = Evidence::new(location.clone(), format!("{detail}, MaxPasswordAge"));
        return Ok(Outcome::doubtful(
            text!(
                "The password of {name} expired on {date} by the policy of the machine, and Remote Desktop refuses such a log-on.",
                "账户{name}的密码已按本机策略于{date}过期，远程桌面会拒绝此类登录。"
            ),
            vec![seen],
        )
        .remedy(text!(
            "net user {user} *\nnet accounts /maxpwage:unlimited",
            "net user {user} *\nnet accounts /maxpwage:unlimited"
        )));
    }
    Ok(Outcome::holds(
        text!(
            "The built-in administrator ({name}) is enabled and has a password.",
            "内置管理员账户（{name}）已启用且设置了密码。"
        ),
        evidence,
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    use crate::rules::Status;
    use crate::rules::testing::windows::*;
    use crate::rules::testing::*;

    const RULE: WinAdministratorUsable = WinAdministratorUsable;

    #[test]
    fn an_enabled_administrator_with_a_password_passes_whatever_it_is_called() {
        expect(&RULE, &good_windows(), Status::Pass, "000001F4");
        let mut facts = good_windows();
        administrator_mut(&mut facts).name = "Administrateur".to_owned();
        expect(&RULE, &facts, Status::Pass, "Administrateur");
    }

    #[test]
    fn an_administrator_that_cannot_log_in_fails_with_the_command() {
        let case = |change: &dyn Fn(&mut WindowsAccount), says: &str, command: &str| {
            let mut facts = good_windows();
            change(administrator_mut(&mut facts));
            let finding = expect(&RULE, &facts, Status::Fail, says);
            assert_eq!(remedy(&finding), command);
        };
        case(&|it| it.disabled = true, "disabled", "net user Administrator /active:yes");
        case(&|it| it.locked = true, "locked", "net user Administrator /active:yes");
        case(&|it| it.expires = Some(TODAY), "expired", "net user Administrator /expires:never");
        let empty = Fact::Known(WindowsPassword::Empty);
        case(&|it| it.password = empty.clone(), "no password", "net user Administrator *");
    }

    #[test]
    fn another_administrator_is_named_but_does_not_stand_in() {
        let mut facts = good_windows();
        administrator_mut(&mut facts).disabled = true;
        let Fact::Known(accounts) = &mut windows_mut(&mut facts).accounts else { panic!() };
        accounts.accounts.push(account("huang", 1001));
        expect(&RULE, &facts, Status::Fail, "another administrator");
    }

    #[test]
    fn an_administrator_that_needs_no_password_or_must_change_it_warns() {
        let mut facts = good_windows();
        administrator_mut(&mut facts).password_not_required = true;
        expect(&RULE, &facts, Status::Warn, "allowed to have no password");
        let mut facts = good_windows();
        administrator_mut(&mut facts).must_change = true;
        expect(&RULE, &facts, Status::Warn, "must be changed");
    }

    #[test]
    fn a_password_that_has_expired_warns_unless_cloudbase_init_sets_another() {
        let mut facts = good_windows();
        administrator_mut(&mut facts).password_expires = Fact::Known(Some(TODAY - 1));
        expect(&RULE, &facts, Status::Pass, "has a password");
        windows_mut(&mut facts).cloudbase_init.service = Fact::Known(None);
        expect(&RULE, &facts, Status::Warn, "expired on");
        administrator_mut(&mut facts).password_expires = Fact::Known(Some(TODAY));
        expect(&RULE, &facts, Status::Pass, "has a password");
        administrator_mut(&mut facts).password_expires = Fact::unknown("F", "too short");
        expect(&RULE, &facts, Status::Unverified, "too short");
    }

    #[test]
    fn a_name_that_is_no_word_of_a_command_is_left_out_of_it() {
        let mut facts = good_windows();
        administrator_mut(&mut facts).name = "x\" & del C:\\".to_owned();
        administrator_mut(&mut facts).disabled = true;
        let finding = expect(&RULE, &facts, Status::Fail, "disabled");
        assert_eq!(remedy(&finding), "net user NAME /active:yes");
    }

    #[test]
    fn what_cannot_be_read_is_unverified_and_other_guests_are_not_concerned() {
        expect(&RULE, &windows_unread(), Status::Unverified, "it was torn");
        let mut facts = good_windows();
        administrator_mut(&mut facts).password = Fact::unknown("V", "too short");
        expect(&RULE, &facts, Status::Unverified, "too short");
        let database = Evidence::new("NTDS", "DSA Database file");
        windows_mut(&mut facts).directory = Fact::Known(Some(database));
        expect(&RULE, &facts, Status::Unverified, "directory");
        expect(&RULE, &good_linux(), Status::NotApplicable, "Linux");
        expect(&RULE, &no_guest(), Status::NotApplicable, "single-disk-image");
        expect(&RULE, &unread(), Status::Unverified, "it was torn");
    }
}
