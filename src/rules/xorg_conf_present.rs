//! `xorg-conf-present`

use super::scope::{Decision, known, linux_only, settle};
use super::{Context, Doc, Fixed, Level, Outcome, Profile, Rule};
use crate::fact::Evidence;
use crate::guest::facts::Facts;
use crate::text;

/// An X server configuration of the old machine.
pub(super) struct XorgConfPresent;

static DOC: Doc = Doc {
    title: Fixed::new(
        "There is no X server configuration for a graphics card",
        "没有针对显卡的X服务器配置",
    ),
    why: Fixed::new(
        "/etc/X11/xorg.conf is usually written for the graphics card of the machine that the image comes from; the platform's automatic configuration edits it so that the display does not fail.",
        "/etc/X11/xorg.conf通常针对源机器的显卡生成；平台的自动配置会修改它，以免显示异常。",
    ),
    decided: Fixed::new("Whether /etc/X11/xorg.conf is there.", "检查/etc/X11/xorg.conf是否存在。"),
    remedy: Fixed::new(
        "mv /etc/X11/xorg.conf /etc/X11/xorg.conf.old (the X server then configures itself), or leave it to the platform",
        "mv /etc/X11/xorg.conf /etc/X11/xorg.conf.old（X服务器会自动配置），或由平台自动修改",
    ),
    source: "What Will the System Do to an Image File When I Use the File to Register a Private Image? (OTC 0032307025)",
    predicts: &[],
    repaired_by_platform: true,
};

impl Rule for XorgConfPresent {
    fn id(&self) -> &'static str {
        "xorg-conf-present"
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
    Ok(match known(&linux.leftovers.xorg_conf)? {
        None => Outcome::holds(
            text!("There is no /etc/X11/xorg.conf.", "没有/etc/X11/xorg.conf。"),
            vec![Evidence::new("/etc/X11/xorg.conf", "not there")],
        ),
        Some(seen) => Outcome::noted(
            text!("/etc/X11/xorg.conf is there: it may name a graphics card that the cloud does not have.", "存在/etc/X11/xorg.conf：可能指定了云平台没有的显卡。"),
            vec![seen.clone()],
        )
        .remedy(DOC.remedy.text()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fact::Fact;
    use crate::rules::Status;
    use crate::rules::testing::*;

    #[test]
    fn the_file_is_worth_knowing() {
        expect(&XorgConfPresent, &good_linux(), Status::Pass, "not there");
        let mut facts = good_linux();
        let seen = Evidence::new("/etc/X11/xorg.conf", "12 bytes");
        linux_mut(&mut facts).leftovers.xorg_conf = Fact::Known(Some(seen));
        expect(&XorgConfPresent, &facts, Status::Info, "12 bytes");
    }

    #[test]
    fn what_could_not_be_read_is_unverified() {
        expect(&XorgConfPresent, &unread_inside(), Status::Unverified, "it was torn");
        assert_eq!(status(&XorgConfPresent, &windows()), Status::NotApplicable);
    }
}
