//! `win-keypair-unsupported`

use super::scope::{Decision, settle, windows_only};
use super::{Context, Doc, Fixed, Level, Outcome, Profile, Rule};
use crate::guest::facts::Facts;
use crate::text;

/// Key pairs do not open Windows from an external file.
pub(super) struct WinKeypairUnsupported;

static DOC: Doc = Doc {
    title: Fixed::new(
        "Windows images from external files cannot be opened with a key pair",
        "外部镜像文件制作的Windows镜像不支持密钥对登录",
    ),
    why: Fixed::new(
        "A server that is created with a key pair alone would have no password that anybody knows.",
        "仅选择密钥对创建的云服务器将没有已知的登录密码。",
    ),
    decided: Fixed::new("Said of every Windows guest.", "对所有Windows镜像提示。"),
    remedy: Fixed::new(
        "Choose “password” as login mode when a server is created from the image.",
        "使用该镜像创建云服务器时，登录方式请选择“密码”。",
    ),
    source: "准备镜像文件（Windows） (ims_01_0204)",
    predicts: &[],
    repaired_by_platform: false,
};

impl Rule for WinKeypairUnsupported {
    fn id(&self) -> &'static str {
        "win-keypair-unsupported"
    }

    fn level(&self, _: Profile) -> Option<Level> {
        Some(Level::Informational)
    }

    fn doc(&self) -> &'static Doc {
        &DOC
    }

    fn check(&self, facts: &Facts, _: &Context) -> Outcome {
        settle(decide(facts))
    }
}

fn decide(facts: &Facts) -> Decision {
    let windows = windows_only(facts)?;
    Ok(Outcome::noted(
        text!(
            "Servers made from this image cannot be opened with a key pair; choose a password when they are created.",
            "使用该镜像创建的云服务器不支持密钥对登录，创建时请选择密码方式。"
        ),
        windows.evidence.clone(),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    use crate::rules::Status;
    use crate::rules::testing::windows::*;
    use crate::rules::testing::*;

    #[test]
    fn it_is_said_of_each_windows_and_of_nothing_else() {
        let ends =
            |facts: &Facts| judged(&WinKeypairUnsupported, facts, Profile::Huaweicloud).status;
        assert_eq!(ends(&good_windows()), Status::Info);
        assert_eq!(ends(&windows_unread()), Status::Info);
        assert_eq!(ends(&good_linux()), Status::NotApplicable);
        assert_eq!(ends(&unread()), Status::Unverified);
    }
}
