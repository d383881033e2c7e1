//! `cloud-init-linux-user-removed`

use super::scope::{Decision, known, linux_only, settle};
use super::{Context, Doc, Fixed, Level, Outcome, Profile, Rule};
use crate::fact::Evidence;
use crate::guest::facts::Facts;
use crate::text;

/// No account named linux is left.
pub(super) struct CloudInitLinuxUserRemoved;

static DOC: Doc = Doc {
    title: Fixed::new("There is no account named linux", "没有名为linux的用户"),
    why: Fixed::new(
        "Older configurations make this account; left in the image, it is on every server made from it.",
        "旧的配置会创建该账户；保留在镜像中时，使用该镜像创建的每台云服务器都会有此账户。",
    ),
    decided: Fixed::new("/etc/passwd has no line for linux.", "/etc/passwd中没有linux用户。"),
    remedy: Fixed::new("userdel linux; rm -fr /home/linux", "userdel linux; rm -fr /home/linux"),
    source: "配置Cloud-Init工具 (OTC 0122876047)",
    predicts: &[],
    repaired_by_platform: false,
};

impl Rule for CloudInitLinuxUserRemoved {
    fn id(&self) -> &'static str {
        "cloud-init-linux-user-removed"
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
    Ok(match known(&linux.cloud_init.linux_user)? {
        None => Outcome::holds(
            text!("There is no account named linux.", "没有名为linux的用户。"),
            vec![Evidence::new("/etc/passwd", "no linux")],
        ),
        Some(found) => {
            let place = &found.location;
            Outcome::broken(
                text!(
                    "There is an account named linux ({place}).",
                    "存在名为linux的用户（{place}）。"
                ),
                vec![found.clone()],
            )
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fact::Fact;
    use crate::rules::Status;
    use crate::rules::testing::*;

    #[test]
    fn without_the_account_it_passes_and_with_it_warns() {
        expect(&CloudInitLinuxUserRemoved, &good_linux(), Status::Pass, "/etc/passwd");
        let mut facts = good_linux();
        let line = Evidence::new("/etc/passwd:23", "linux, uid 1000");
        linux_mut(&mut facts).cloud_init.linux_user = Fact::Known(Some(line));
        expect(&CloudInitLinuxUserRemoved, &facts, Status::Warn, "/etc/passwd:23");
    }

    #[test]
    fn an_unreadable_file_is_unverified() {
        let mut facts = good_linux();
        linux_mut(&mut facts).cloud_init.linux_user = Fact::unknown("/etc/passwd", "torn");
        expect(&CloudInitLinuxUserRemoved, &facts, Status::Unverified, "torn");
    }
}
