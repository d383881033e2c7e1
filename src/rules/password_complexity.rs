//! `password-complexity`

use super::scope::{Decision, guest, known, linux_only, settle, undecided, without_guest};
use super::win_accounts::not_in_the_directory;
use super::{Context, Doc, Fixed, Level, Outcome, Profile, Rule};
use crate::fact::{Evidence, Fact, Unread};
use crate::guest::facts::{
    ADMINISTRATOR_RID, Account, Accounts, CharacterClass, Facts, Guest, PasswordState,
    SuppliedPassword, WindowsAccount, WindowsFacts, WindowsPassword,
};
use crate::text;

/// The initial password is a strong one.
pub(super) struct PasswordComplexity;

static DOC: Doc = Doc {
    title: Fixed::new(
        "The initial password has all four kinds of characters",
        "初始密码包含4种字符",
    ),
    why: Fixed::new(
        "A server with a weak password on the Internet is broken into within hours; with a password that opens no account nobody can log in.",
        "公网上使用弱密码的云服务器很快就会被攻破；若密码不能登录任何账户，则无人能够登录云服务器。",
    ),
    decided: Fixed::new(
        "A hash does not tell which characters the password has: a checklist line, until the password is supplied by --password-file (FILE, or - for standard input; its first line). Then it must have all four kinds and match the hash of root or of an account that may become root (Windows: the NT hash of an enabled member of the Administrators); it is never shown, logged or kept. An empty password fails; a hash of an obsolete scheme (DES, MD5) warns.",
        "密码哈希无法反映字符种类，因此列为人工确认项；若通过--password-file（文件，或用-表示标准输入，取第一行）提供初始密码，则检查其是否包含4种字符，并与root或可提权账户（Windows：已启用的管理员账户的NT哈希）的哈希匹配；密码不会显示、记录或保存。空密码判为失败；过时的哈希算法（DES、MD5）告警。",
    ),
    remedy: Fixed::new(
        "passwd root, with a password that has upper-case and lower-case letters, digits and special characters (!@$%^-_=+[{}]:,./?)",
        "执行passwd root，设置包含大写字母、小写字母、数字和特殊字符（!@$%^-_=+[{}]:,./?）的密码",
    ),
    source: "制作镜像 (ims_03_0603), Windows list item 10, Linux list item 7",
    predicts: &[],
    repaired_by_platform: false,
};

impl Rule for PasswordComplexity {
    fn id(&self) -> &'static str {
        "password-complexity"
    }

    fn level(&self, _: Profile) -> Option<Level> {
        Some(Level::Required)
    }

    fn doc(&self) -> &'static Doc {
        &DOC
    }

    fn check(&self, facts: &Facts, _: &Context) -> Outcome {
        settle(decide(facts))
    }
}

fn decide(facts: &Facts) -> Decision {
    match &facts.supplied_password {
        Some(password) => supplied(facts, password),
        None => not_supplied(facts),
    }
}

/// What the hashes alone tell.
struct Hashes {
    empty: Vec<Evidence>,
    obsolete: Vec<Evidence>,
    set: Vec<Evidence>,
}

fn open(accounts: &Accounts) -> impl Iterator<Item = &Account> {
    accounts.accounts.iter().filter(|account| account.shell_usable != Fact::Known(false))
}

fn at(account: &Account, what: &str) -> Evidence {
    let place = account.password_location.as_ref().unwrap_or(&account.location);
    Evidence::new(place.clone(), format!("{}: {what}", account.name))
}

fn hashes(accounts: &Accounts) -> Hashes {
    let mut hashes = Hashes { empty: Vec::new(), obsolete: Vec::new(), set: Vec::new() };
    for account in open(accounts) {
        match account.password.known() {
            Some(PasswordState::Empty) => hashes.empty.push(at(account, "empty password")),
            Some(PasswordState::Set(scheme)) if is_obsolete(scheme) => {
                hashes.obsolete.push(at(account, scheme));
            }
            Some(PasswordState::Set(scheme)) => hashes.set.push(at(account, scheme)),
            _ => {}
        }
    }
    hashes
}

fn empty(seen: Vec<Evidence>) -> Option<Outcome> {
    let place = seen.first()?.location.clone();
    Some(Outcome::broken(
        text!("An account has an empty password ({place}).", "存在空密码账户（{place}）。"),
        seen,
    ))
}

fn not_supplied(facts: &Facts) -> Decision {
    let manual = Outcome::manual(text!(
        "Make sure that the initial password has upper-case and lower-case letters, digits and special characters; the image does not tell.",
        "请确认初始密码包含大写字母、小写字母、数字和特殊字符；无法从镜像内容判断。"
    ));
    let linux = match guest(facts) {
        Ok(Guest::Linux(linux)) => linux,
        Ok(Guest::Windows(windows)) => return Ok(windows_empty(windows).unwrap_or(manual)),
        Ok(Guest::Absent(_)) => return Err(Box::new(without_guest())),
        Err(_) => return Ok(manual),
    };
    let Fact::Known(accounts) = &linux.accounts else { return Ok(manual) };
    let Hashes { empty: none, obsolete, set } = hashes(accounts);
    if let Some(outcome) = empty(none) {
        return Ok(outcome);
    }
    if let Some(first) = obsolete.first() {
        let (place, what) = (first.location.clone(), first.detail.clone());
        let (place_zh, what_zh) = first.in_chinese();
        return Ok(Outcome::doubtful(
            text!(
                "A password is hashed by an obsolete scheme ({place}: {what}); whether it has all four kinds of characters the image does not tell.",
                "存在使用过时算法的密码哈希（{place_zh}：{what_zh}）；无法判断密码是否包含4种字符。"
            ),
            obsolete,
        ));
    }
    Ok(Outcome { evidence: set, ..manual })
}

/// Enabled accounts of Windows that have no password.
fn windows_empty(windows: &WindowsFacts) -> Option<Outcome> {
    let accounts = &windows.accounts.known()?.accounts;
    let without = |account: &&WindowsAccount| {
        !account.disabled && account.password == Fact::Known(WindowsPassword::Empty)
    };
    let seen = accounts.iter().filter(without).map(|account| account.evidence.clone());
    let outcome = empty(seen.collect())?;
    Some(outcome.remedy(text!("net user Administrator *", "net user Administrator *")))
}

fn class_name(class: CharacterClass) -> Fixed {
    match class {
        CharacterClass::Upper => Fixed::new("upper-case letter", "大写字母"),
        CharacterClass::Lower => Fixed::new("lower-case letter", "小写字母"),
        CharacterClass::Digit => Fixed::new("digit", "数字"),
        CharacterClass::Special => Fixed::new("special character", "特殊字符"),
    }
}

fn supplied(facts: &Facts, password: &SuppliedPassword) -> Decision {
    if matches!(guest(facts), Ok(Guest::Absent(_))) {
        return Err(Box::new(without_guest()));
    }
    if !password.missing.is_empty() {
        let names = password.missing.iter().map(|class| class_name(*class));
        let (en, zh): (Vec<_>, Vec<_>) = names.map(|name| (name.en, name.zh)).unzip();
        let (en, zh) = (en.join(", no "), zh.join("、"));
        return Ok(Outcome::broken(
            text!("The supplied password has no {en}.", "所提供的密码缺少：{zh}。"),
            vec![Evidence::new("--password-file", format!("no {en}"))],
        ));
    }
    if let Ok(Guest::Windows(windows)) = guest(facts) {
        return windows_supplied(windows);
    }
    let linux = linux_only(facts)?;
    let accounts = known(&linux.accounts)?;
    let Hashes { empty: none, .. } = hashes(accounts);
    if let Some(outcome) = empty(none) {
        return Ok(outcome);
    }
    let (mut opened, mut obsolete, mut others) = (Vec::new(), Vec::new(), Vec::new());
    let mut unread = None;
    for account in open(accounts) {
        match (&account.password_matches, account.password.known()) {
            (Some(Fact::Known(true)), Some(PasswordState::Set(scheme))) => {
                opened.push(at(account, &format!("the supplied password ({scheme})")));
                if is_obsolete(scheme) {
                    obsolete.push(at(account, scheme));
                }
            }
            (Some(Fact::Known(_)), _) => others.push(at(account, "another password")),
            (Some(Fact::Unknown(reason)), _) => {
                unread.get_or_insert_with(|| reason.clone());
            }
            (None, _) => {
                if let Fact::Unknown(reason) = &account.password {
                    unread.get_or_insert_with(|| reason.clone());
                }
            }
        }
    }
    if let Some(first) = obsolete.first() {
        let (place, what) = (first.location.clone(), first.detail.clone());
        let (place_zh, what_zh) = first.in_chinese();
        return Ok(Outcome::doubtful(
            text!(
                "The supplied password has all four kinds of characters, but is hashed by an obsolete scheme ({place}: {what}).",
                "所提供的密码包含4种字符，但其哈希使用过时的算法（{place_zh}：{what_zh}）。"
            ),
            obsolete,
        ));
    }
    let unread = unread.as_ref().or_else(|| accounts.unread.first());
    decide_by(opened, others, unread, "/etc/shadow")
}

/// Decides by the accounts that the password opens and those that it does not; `place` is where they
/// stand.
fn decide_by(
    mut opened: Vec<Evidence>,
    others: Vec<Evidence>,
    unread: Option<&Unread>,
    place: &str,
) -> Decision {
    if let Some(first) = opened.first() {
        let place = first.location.clone();
        opened.extend(others);
        return Ok(Outcome::holds(
            text!(
                "The supplied password has all four kinds of characters and opens an account ({place}).",
                "所提供的密码包含4种字符，且可登录账户（{place}）。"
            ),
            opened,
        ));
    }
    if let Some(unread) = unread {
        return Err(Box::new(undecided(unread)));
    }
    if others.is_empty() {
        return Ok(Outcome::broken(
            text!(
                "No account that may log in has a password: the supplied one opens none.",
                "没有可登录的账户设置了密码：所提供的密码无法登录任何账户。"
            ),
            vec![Evidence::new(place, "no password set")],
        ));
    }
    Ok(Outcome::broken(
        text!(
            "The supplied password opens no account of the image.",
            "所提供的密码无法登录镜像中的任何账户。"
        ),
        others,
    ))
}

/// The administrators of Windows that the password opens.
fn windows_supplied(windows: &WindowsFacts) -> Decision {
    if let Some(outcome) = windows_empty(windows) {
        return Ok(outcome);
    }
    not_in_the_directory(windows)?;
    let accounts = known(&windows.accounts)?;
    let (mut opened, mut others) = (Vec::new(), Vec::new());
    let mut unread = None;
    let enabled = accounts.accounts.iter().filter(|account| !account.disabled);
    for account in enabled {
        let is_administrator = match account.rid {
            ADMINISTRATOR_RID => Fact::Known(true),
            _ => account.administrator.clone(),
        };
        let doubt = match (&account.password_matches, is_administrator) {
            (_, Fact::Known(false)) => continue,
            (None, _) => match &account.password {
                Fact::Known(_) => continue,
                Fact::Unknown(reason) => reason.clone(),
            },
            (Some(Fact::Known(false)), _) => {
                let Evidence { location, detail, .. } = &account.evidence;
                let detail = format!("{detail}, another password");
                others.push(Evidence::new(location.clone(), detail));
                continue;
            }
            (Some(Fact::Known(true)), Fact::Known(true)) => {
                let Evidence { location, detail, .. } = &account.evidence;
                let detail = format!("{detail}, the supplied password");
                opened.push(Evidence::new(location.clone(), detail));
                continue;
            }
            (Some(Fact::Known(true)), Fact::Unknown(reason)) => reason,
            (Some(Fact::Unknown(reason)), _) => reason.clone(),
        };
        unread.get_or_insert(doubt);
    }
    let unread = unread.as_ref().or_else(|| accounts.unread.first());
    decide_by(opened, others, unread, r"HKLM\SAM\SAM\Domains\Account\Users")
}

/// Schemes that a stolen hash does not withstand (crypt(5): `descrypt`, `md5crypt` and older).
fn is_obsolete(scheme: &str) -> bool {
    let scheme = scheme.to_ascii_lowercase();
    ["des", "md5", "bsdi", "bigcrypt", "nthash"].iter().any(|old| scheme.starts_with(old))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::Status;
    use crate::rules::testing::windows::*;
    use crate::rules::testing::*;

    fn with(password: PasswordState) -> Facts {
        let mut facts = good_linux();
        root_mut(&mut facts).password = Fact::Known(password);
        facts
    }

    #[test]
    fn a_set_password_is_left_to_a_person() {
        expect(&PasswordComplexity, &good_linux(), Status::Manual, "/etc/shadow:1");
        assert_eq!(status(&PasswordComplexity, &windows()), Status::Manual);
        assert_eq!(status(&PasswordComplexity, &good_windows()), Status::Manual);
    }

    #[test]
    fn an_empty_password_fails() {
        expect(&PasswordComplexity, &with(PasswordState::Empty), Status::Fail, "/etc/shadow:1");
        let mut facts = good_windows();
        administrator_mut(&mut facts).password = Fact::Known(WindowsPassword::Empty);
        expect(&PasswordComplexity, &facts, Status::Fail, "000001F4");
    }

    #[test]
    fn an_obsolete_hash_warns() {
        let facts = with(PasswordState::Set("md5-crypt".to_owned()));
        expect(&PasswordComplexity, &facts, Status::Warn, "md5-crypt");
    }

    fn supplied(missing: Vec<CharacterClass>, matches: Option<Fact<bool>>) -> Facts {
        let mut facts = good_linux();
        facts.supplied_password = Some(SuppliedPassword { missing });
        root_mut(&mut facts).password_matches = matches;
        facts
    }

    #[test]
    fn a_supplied_password_of_four_kinds_that_opens_root_passes() {
        let facts = supplied(vec![], Some(Fact::Known(true)));
        expect(&PasswordComplexity, &facts, Status::Pass, "root: the supplied password");
    }

    #[test]
    fn a_supplied_password_that_lacks_a_kind_or_opens_nothing_fails() {
        use CharacterClass::*;
        let facts = supplied(vec![Digit, Special], Some(Fact::Known(true)));
        expect(&PasswordComplexity, &facts, Status::Fail, "no digit, no special character");
        let facts = supplied(vec![], Some(Fact::Known(false)));
        expect(&PasswordComplexity, &facts, Status::Fail, "root: another password");
        let mut facts = supplied(vec![], None);
        root_mut(&mut facts).password = Fact::Known(PasswordState::Locked);
        expect(&PasswordComplexity, &facts, Status::Fail, "no password set");
    }

    fn windows_supplied(matches: Option<Fact<bool>>) -> Facts {
        let mut facts = good_windows();
        facts.supplied_password = Some(SuppliedPassword { missing: vec![] });
        administrator_mut(&mut facts).password_matches = matches;
        facts
    }

    #[test]
    fn a_supplied_password_opens_an_administrator_of_windows_or_fails() {
        let facts = windows_supplied(Some(Fact::Known(true)));
        expect(&PasswordComplexity, &facts, Status::Pass, "the supplied password");
        let facts = windows_supplied(Some(Fact::Known(false)));
        expect(&PasswordComplexity, &facts, Status::Fail, "another password");
        // Another member of the Administrators does; one who is none does not count.
        for (administrator, status) in [(true, Status::Pass), (false, Status::Fail)] {
            let mut facts = windows_supplied(Some(Fact::Known(false)));
            let Fact::Known(accounts) = &mut windows_mut(&mut facts).accounts else { panic!() };
            let mut other = account("huang", 1001);
            other.administrator = Fact::Known(administrator);
            other.password_matches = Some(Fact::Known(true));
            accounts.accounts.push(other);
            expect(&PasswordComplexity, &facts, status, "Administrator");
        }
        let mut facts = windows_supplied(Some(Fact::Known(true)));
        administrator_mut(&mut facts).disabled = true;
        expect(&PasswordComplexity, &facts, Status::Fail, "no password set");
    }

    #[test]
    fn a_hash_of_windows_that_cannot_be_compared_is_unverified() {
        let unknown = Fact::unknown("F", "the boot key of another one");
        let facts = windows_supplied(Some(unknown));
        expect(&PasswordComplexity, &facts, Status::Unverified, "boot key");
        let mut facts = windows_supplied(Some(Fact::Known(true)));
        let database = Evidence::new("NTDS", "ntds.dit");
        windows_mut(&mut facts).directory = Fact::Known(Some(database));
        expect(&PasswordComplexity, &facts, Status::Unverified, "ntds.dit");
        let mut facts = windows_supplied(None);
        administrator_mut(&mut facts).password = Fact::Known(WindowsPassword::Empty);
        expect(&PasswordComplexity, &facts, Status::Fail, "empty password");
    }

    #[test]
    fn a_hash_that_was_not_computed_is_unverified() {
        let facts = supplied(vec![], Some(Fact::unknown("/etc/shadow:1", "costs too much")));
        expect(&PasswordComplexity, &facts, Status::Unverified, "costs too much");
        let mut facts = unread_inside();
        facts.supplied_password = Some(SuppliedPassword { missing: vec![] });
        expect(&PasswordComplexity, &facts, Status::Unverified, "it was torn");
        let mut facts = windows();
        facts.supplied_password = Some(SuppliedPassword { missing: vec![] });
        assert_eq!(status(&PasswordComplexity, &facts), Status::Unverified);
    }

    #[test]
    fn a_supplied_password_in_an_obsolete_hash_warns_and_an_empty_one_fails() {
        let mut facts = supplied(vec![], Some(Fact::Known(true)));
        root_mut(&mut facts).password = Fact::Known(PasswordState::Set("des".to_owned()));
        expect(&PasswordComplexity, &facts, Status::Warn, "root: des");
        root_mut(&mut facts).password = Fact::Known(PasswordState::Empty);
        expect(&PasswordComplexity, &facts, Status::Fail, "empty password");
    }

    #[test]
    fn unread_accounts_are_never_a_pass() {
        assert_eq!(status(&PasswordComplexity, &unread()), Status::Manual);
        assert_eq!(status(&PasswordComplexity, &unread_inside()), Status::Manual);
        assert_eq!(status(&PasswordComplexity, &no_guest()), Status::NotApplicable);
    }
}
