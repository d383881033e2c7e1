//! `win-administrator-usable`

use super::scope::windows_only;
use super::{Context, Doc, Fixed, Level, Outcome, Profile, Rule};
use crate::guest::facts::Facts;

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
        "The SAM hive says whether the account with RID 500 is disabled, locked or without a password. This version does not read Windows guests and leaves it undecided.",
        "根据SAM注册表中RID为500的账户是否被禁用、锁定或没有密码判断。当前版本不读取Windows操作系统，结果为无法判定。",
    ),
    remedy: Fixed::new(
        "net user Administrator /active:yes and net user Administrator *",
        "net user Administrator /active:yes，并执行net user Administrator *设置密码",
    ),
    source: "制作镜像 (ims_03_0603), Windows list item 5",
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

    fn check(&self, facts: &Facts, _: &Context) -> Outcome {
        windows_only(facts)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::Status;
    use crate::rules::testing::*;

    #[test]
    fn a_windows_guest_is_unverified_and_a_linux_guest_not_concerned() {
        expect(&WinAdministratorUsable, &windows(), Status::Unverified, "recognised but not read");
        expect(&WinAdministratorUsable, &good_linux(), Status::NotApplicable, "Linux");
        expect(&WinAdministratorUsable, &no_guest(), Status::NotApplicable, "single-disk-image");
    }

    #[test]
    fn an_image_that_could_not_be_read_is_unverified() {
        expect(&WinAdministratorUsable, &unread(), Status::Unverified, "it was torn");
    }
}
