//! `leftover-ssh-keys`

use super::scope::{Decision, known, linux_only, settle, undecided};
use super::{Context, Doc, Fixed, Level, Outcome, Profile, Rule, shell};
use crate::fact::Evidence;
use crate::guest::facts::Facts;
use crate::text;

/// Keys that open every server made from the image.
pub(super) struct LeftoverSshKeys;

static DOC: Doc = Doc {
    title: Fixed::new("No SSH keys are left behind", "没有遗留的SSH密钥"),
    why: Fixed::new(
        "A key in the image opens every server made from it, to whoever holds the other half. Where it is the only way in, it is meant; a forgotten one is a back door.",
        "镜像中的公钥可登录由其创建的所有云服务器。若密钥是唯一的登录方式则属有意为之，否则遗忘的密钥就是后门。",
    ),
    decided: Fixed::new(
        "authorized_keys files with a key (as sshd_config names them) of root and of the accounts with an id of 1000 or more. Only their number is told.",
        "检查root及uid不小于1000的账户的authorized_keys文件（以sshd_config的设置为准）中是否有密钥。仅显示数量。",
    ),
    remedy: Fixed::new(
        "truncate -s 0 of each file that is named, unless the key is meant",
        "对所列的每个文件执行truncate -s 0（有意保留的密钥除外）",
    ),
    source: "清除日志文件, 安装Cloud-Init工具 (OTC 0030730603)",
    predicts: &[],
    repaired_by_platform: false,
};

impl Rule for LeftoverSshKeys {
    fn id(&self) -> &'static str {
        "leftover-ssh-keys"
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

fn decide(facts: &Facts) -> Decision {
    let linux = linux_only(facts)?;
    let accounts = known(&linux.accounts)?;
    let (mut found, mut unread) = (Vec::new(), None);
    let keys = accounts.accounts.iter().map(|account| &account.authorized_keys);
    for keys in keys.chain([&accounts.other_keys]) {
        match keys.as_result() {
            Ok(keys) => found.extend(keys.iter().cloned()),
            Err(reason) => {
                unread.get_or_insert(reason);
            }
        }
    }
    // Accounts may share a file.
    found.sort();
    found.dedup();
    if !found.is_empty() {
        let count = found.len();
        let paths: Vec<_> = found.iter().map(|seen| shell::quote_path(&seen.location)).collect();
        let command = format!("truncate -s 0 {}", paths.join(" "));
        return Ok(Outcome::noted(
            text!(
                "Files with SSH keys that let their owners into every server made from the image: {count}.",
                "存在包含SSH公钥的文件，其持有者可登录由该镜像创建的所有云服务器：{count}个。"
            ),
            found,
        )
        .remedy(text!("{command}", "{command}")));
    }
    if let Some(unread) = unread.or(accounts.unread.first()) {
        return Err(Box::new(undecided(unread)));
    }
    Ok(Outcome::holds(
        text!("No account has an SSH key.", "没有账户遗留SSH密钥。"),
        vec![Evidence::new("authorized_keys", "no keys")],
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fact::Fact;
    use crate::rules::Status;
    use crate::rules::testing::*;

    #[test]
    fn keys_are_told_by_their_number() {
        expect(&LeftoverSshKeys, &good_linux(), Status::Pass, "no keys");
        let mut facts = good_linux();
        let key = Evidence::new("/root/.ssh/authorized_keys", "1 key");
        root_mut(&mut facts).authorized_keys = Fact::Known(vec![key]);
        let finding = expect(&LeftoverSshKeys, &facts, Status::Info, "1 key");
        assert_eq!(remedy(&finding), "truncate -s 0 /root/.ssh/authorized_keys");
    }

    #[test]
    fn what_could_not_be_read_is_unverified() {
        expect(&LeftoverSshKeys, &unread_inside(), Status::Unverified, "it was torn");
        let mut facts = good_linux();
        root_mut(&mut facts).authorized_keys = Fact::unknown("/root/.ssh", "torn");
        expect(&LeftoverSshKeys, &facts, Status::Unverified, "/root/.ssh");
        assert_eq!(status(&LeftoverSshKeys, &windows()), Status::NotApplicable);
    }
}
