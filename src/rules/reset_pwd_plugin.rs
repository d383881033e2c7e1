//! `reset-pwd-plugin`

use super::scope::{Decision, known, linux_only, settle};
use super::{Context, Doc, Fixed, Level, Outcome, Profile, Rule};
use crate::fact::Evidence;
use crate::guest::facts::Facts;
use crate::text;

/// The platform's own plug-in.
pub(super) struct ResetPwdPlugin;

static DOC: Doc = Doc {
    title: Fixed::new(
        "Whether the platform's password-reset plug-in is installed",
        "是否安装一键式重置密码插件",
    ),
    why: Fixed::new(
        "With the plug-in the password of a server can be reset in the console. It is optional.",
        "安装该插件后，可在控制台一键重置云服务器密码。该插件为可选项。",
    ),
    decided: Fixed::new(
        "Directories /Cloud*Reset* in the root directory.",
        "检查根目录下是否存在/Cloud*Reset*目录。",
    ),
    remedy: Fixed::new(
        "Optional: install CloudResetPwdAgent before the image is exported.",
        "可选：导出镜像前安装CloudResetPwdAgent。",
    ),
    source: "安装一键式重置密码插件 (ims_01_0209)",
    predicts: &[],
    repaired_by_platform: false,
};

impl Rule for ResetPwdPlugin {
    fn id(&self) -> &'static str {
        "reset-pwd-plugin"
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
    let linux = linux_only(facts)?;
    let directories = known(&linux.leftovers.reset_plugin)?;
    if directories.is_empty() {
        return Ok(Outcome::holds(
            text!(
                "The password-reset plug-in is not installed; it is optional.",
                "未安装一键式重置密码插件（可选）。"
            ),
            vec![Evidence::new("/Cloud*Reset*", "not there")],
        ));
    }
    let seen = directories.iter().map(|path| Evidence::new(path.clone(), "there"));
    Ok(Outcome::noted(
        text!("The password-reset plug-in is installed.", "已安装一键式重置密码插件。"),
        seen.collect(),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fact::Fact;
    use crate::rules::Status;
    use crate::rules::testing::*;

    #[test]
    fn the_plugin_is_worth_knowing() {
        expect(&ResetPwdPlugin, &good_linux(), Status::Pass, "not there");
        let mut facts = good_linux();
        let found = vec!["/CloudrResetPwdAgent".to_owned()];
        linux_mut(&mut facts).leftovers.reset_plugin = Fact::Known(found);
        expect(&ResetPwdPlugin, &facts, Status::Info, "/CloudrResetPwdAgent");
    }

    #[test]
    fn what_could_not_be_read_is_unverified() {
        expect(&ResetPwdPlugin, &unread_inside(), Status::Unverified, "it was torn");
        assert_eq!(status(&ResetPwdPlugin, &windows()), Status::NotApplicable);
    }
}
