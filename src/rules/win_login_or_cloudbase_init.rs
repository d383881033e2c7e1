//! `win-login-or-cloudbase-init`

use super::scope::windows_only;
use super::{Context, Doc, Fixed, Level, Outcome, Profile, Rule};
use crate::guest::facts::Facts;

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
        "A usable Administrator account, or the service cloudbase-init with its configuration. This version does not read Windows guests and leaves it undecided.",
        "存在可用的Administrator账户，或已配置cloudbase-init服务。当前版本不读取Windows操作系统，结果为无法判定。",
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
        expect(&WinLoginOrCloudbaseInit, &windows(), Status::Unverified, "recognised but not read");
        expect(&WinLoginOrCloudbaseInit, &good_linux(), Status::NotApplicable, "Linux");
        expect(&WinLoginOrCloudbaseInit, &no_guest(), Status::NotApplicable, "single-disk-image");
    }

    #[test]
    fn an_image_that_could_not_be_read_is_unverified() {
        expect(&WinLoginOrCloudbaseInit, &unread(), Status::Unverified, "it was torn");
    }
}
