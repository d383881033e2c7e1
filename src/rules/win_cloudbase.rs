//! What the rules about Cloudbase-Init share: whether its service runs, and for whom it sets a password.
//!
//! Source: Cloudbase-Init, `plugins/common/createuser.py`, `plugins/common/setuserpassword.py`,
//! `osutils/windows.py` (a password is set, a disabled account stays disabled).

use super::Text;
use super::scope::{Decision, known, undecided};
use super::win_accounts::not_in_the_directory;
use crate::fact::{Evidence, Unread};
use crate::guest::facts::{
    CloudbaseInitConf, Hindrance, ServiceFacts, StartType, WindowsAccount, WindowsAccounts,
    WindowsFacts,
};
use crate::text;

/// The account that its installer makes for the service, with a password that nobody knows.
pub(super) const OWN_ACCOUNT: &str = "cloudbase-init";

/// What shows that the service starts: by itself, or by what setup does at the next start. `None` when
/// it does not.
pub(super) fn starts(
    windows: &WindowsFacts,
    service: &ServiceFacts,
) -> Decision<Option<Vec<Evidence>>> {
    if service.start == Some(StartType::Automatic) {
        return Ok(Some(vec![service.evidence.clone()]));
    }
    let sysprep = &windows.sysprep;
    let runs_setup = sysprep.runs_setup().map_err(|unread| Box::new(undecided(unread)))?;
    if !runs_setup {
        return Ok(None);
    }
    let starts = known(&sysprep.starts_cloudbase_init)?;
    let starts = starts.as_ref().filter(|starts| {
        // What is disabled is not started by `net start`.
        starts.value == StartType::Automatic || service.start == Some(StartType::Manual)
    });
    Ok(starts.map(|starts| vec![service.evidence.clone(), starts.evidence.clone()]))
}

/// What keeps the service from running when it is started: its program, or the account that it runs as.
pub(super) fn obstacle(
    windows: &WindowsFacts,
    service: &ServiceFacts,
    today: i64,
) -> Decision<Option<(Text, Evidence)>> {
    let place = &service.evidence.location;
    if known(&service.file)?.is_none() {
        let path = service.image_path.as_deref().unwrap_or_default();
        let seen = Evidence::new(place.clone(), format!("ImagePath={path}"));
        let says = text!(
            "The program of the service cloudbase-init is not there.",
            "cloudbase-init服务的程序文件不存在。"
        );
        return Ok(Some((says, seen)));
    }
    // Accounts of a domain are not in the image; others are Windows' own.
    let Some(name) = service.account.as_deref().and_then(|it| it.strip_prefix(r".\")) else {
        return Ok(None);
    };
    let Some(account) = account(windows, name)? else {
        let seen = Evidence::new(place.clone(), format!(r"ObjectName=.\{name}"));
        let says = text!(
            "The service cloudbase-init runs as {name}, an account that is not there.",
            "cloudbase-init服务以账户{name}运行，但该账户不存在。"
        );
        return Ok(Some((says, seen)));
    };
    let says = match lasting(windows, account, today)? {
        None => return Ok(None),
        Some(Hindrance::Expired) => text!(
            "The service cloudbase-init runs as {name}, an account that has expired.",
            "cloudbase-init服务以账户{name}运行，但该账户已过期。"
        ),
        Some(_) => text!(
            "The service cloudbase-init runs as {name}, an account that is disabled.",
            "cloudbase-init服务以账户{name}运行，但该账户已被禁用。"
        ),
    };
    Ok(Some((says, account.evidence.clone())))
}

/// The local account of that name.
fn account<'a>(windows: &'a WindowsFacts, name: &str) -> Decision<Option<&'a WindowsAccount>> {
    not_in_the_directory(windows)?;
    let accounts = known(&windows.accounts)?;
    found(accounts, accounts.named(name))
}

/// An account, or that there is none: which is not known where some could not be read.
fn found<'a>(
    accounts: &WindowsAccounts,
    account: Option<&'a WindowsAccount>,
) -> Decision<Option<&'a WindowsAccount>> {
    match (account, accounts.unread.first()) {
        (None, Some(unread)) => Err(Box::new(undecided(unread))),
        (account, _) => Ok(account),
    }
}

/// What keeps an account from being used for as long as nobody changes it, whatever its password. Setup
/// that is still to come may change it.
fn lasting(
    windows: &WindowsFacts,
    account: &WindowsAccount,
    today: i64,
) -> Decision<Option<Hindrance>> {
    let hindrance = account.hindrance(today);
    let runs_setup = || windows.sysprep.runs_setup().map_err(|it| Box::new(undecided(it)));
    let reason = match hindrance {
        Some(Hindrance::NoPassword) | None => return Ok(None),
        Some(Hindrance::Locked) => "the account is locked, and for how long is not read",
        _ if runs_setup()? => {
            "the account cannot be used now, and what setup makes of it is not read"
        }
        _ => return Ok(hindrance),
    };
    let place = account.evidence.location.clone();
    Err(Box::new(undecided(&Unread::new(place, reason))))
}

/// For whom Cloudbase-Init sets the password.
pub(super) enum Target<'a> {
    /// For an account that is there.
    Account(&'a WindowsAccount),
    /// For one that it makes first, by name.
    New,
    /// For none that could log in, as that shows.
    Nobody(Evidence),
}

/// For whom Cloudbase-Init sets the password.
pub(super) fn target<'a>(
    windows: &'a WindowsFacts,
    conf: &CloudbaseInitConf,
    today: i64,
) -> Decision<Target<'a>> {
    not_in_the_directory(windows)?;
    let accounts = known(&windows.accounts)?;
    let option = |name: &str| conf.option("default", name);
    let (name, seen) = option("username").unwrap_or_else(|| {
        ("Admin", Evidence::new(conf.path.clone(), "no username: it is Admin then"))
    });
    let renames = option("rename_admin_user").is_some_and(|(value, _)| is_true(value));
    let account = match renames {
        true => accounts.named(name).or(accounts.administrator()),
        false => accounts.named(name),
    };
    let Some(account) = found(accounts, account)? else {
        let makes = option("plugins")
            .is_none_or(|(value, _)| value.to_ascii_lowercase().contains(USER_PLUGIN));
        return Ok(if makes { Target::New } else { Target::Nobody(seen) });
    };
    Ok(match lasting(windows, account, today)? {
        None => Target::Account(account),
        Some(_) => Target::Nobody(account.evidence.clone()),
    })
}

/// Whether Cloudbase-Init is sure to set the password of an account when a server first starts.
pub(super) fn sets_password_of(
    windows: &WindowsFacts,
    account: &WindowsAccount,
    today: i64,
) -> bool {
    let cloudbase = &windows.cloudbase_init;
    let (Some(Some(service)), Some(Some(conf))) =
        (cloudbase.service.known(), cloudbase.conf.known())
    else {
        return false;
    };
    matches!(starts(windows, service), Ok(Some(_)))
        && matches!(obstacle(windows, service, today), Ok(None))
        && deviations(conf).iter().all(|it| it.effect == Effect::None)
        && matches!(target(windows, conf, today), Ok(Target::Account(it)) if it.rid == account.rid)
}

/// The metadata service that answers on the platform.
const HTTP_SERVICE: &str = "httpservice.httpservice";

/// The plugin that sets the password, and the one that makes the account.
const PASSWORD_PLUGIN: &str = "setuserpassword";
const USER_PLUGIN: &str = "createuser";

/// What a deviation does to the password.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Effect {
    /// Nothing.
    None,
    /// It is not the one that is given when a server is created, but one that only its key pair shows.
    Random,
    /// None is set that anybody would learn.
    Unset,
}

/// A setting that should be another.
pub(super) struct Deviation {
    /// The line that should stand in the configuration.
    pub(super) line: &'static str,
    /// What stands there instead.
    pub(super) seen: Evidence,
    pub(super) effect: Effect,
}

/// Where a configuration is not as the platform needs it.
pub(super) fn deviations(conf: &CloudbaseInitConf) -> Vec<Deviation> {
    let mut wrong = Vec::new();
    let mut look = |name: &str, line, effect, fits: &dyn Fn(Option<&str>) -> bool| {
        let found = conf.option("default", name);
        if !fits(found.as_ref().map(|(value, _)| *value)) {
            let absent = || Evidence::new(conf.path.clone(), format!("no {name}"));
            let seen = found.map_or_else(absent, |(_, seen)| seen);
            wrong.push(Deviation { line, seen, effect });
        }
    };
    // What is not set has Cloudbase-Init's own default: the user is "Admin", names are cut to 15
    // characters, the HTTP service is among the services, the password is set.
    look("username", "username=Administrator", Effect::None, &|value| {
        value.is_some_and(|name| name.eq_ignore_ascii_case("Administrator"))
    });
    let names = "netbios_host_name_compatibility=false";
    look("netbios_host_name_compatibility", names, Effect::None, &|value| {
        value.is_some_and(|value| !is_true(value))
    });
    let service = "metadata_services=cloudbaseinit.metadata.services.httpservice.HttpService";
    look("metadata_services", service, Effect::Unset, &|value| {
        value.is_none_or(|value| value.to_ascii_lowercase().contains(HTTP_SERVICE))
    });
    look("inject_user_password", "inject_user_password=true", Effect::Random, &|value| {
        value.is_none_or(is_true)
    });
    let plugin = "plugins=…,cloudbaseinit.plugins.common.setuserpassword.SetUserPasswordPlugin";
    look("plugins", plugin, Effect::Unset, &|value| {
        value.is_none_or(|value| value.to_ascii_lowercase().contains(PASSWORD_PLUGIN))
    });
    wrong
}

/// What oslo.config takes for true.
fn is_true(value: &str) -> bool {
    ["true", "1", "on", "yes"].iter().any(|word| value.eq_ignore_ascii_case(word))
}
