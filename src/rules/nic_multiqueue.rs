//! `nic-multiqueue`

use super::scope::{Decision, known, linux_only, settle, undecided};
use super::{Context, Doc, Fixed, Level, Outcome, Profile, Rule};
use crate::fact::{Evidence, Unread};
use crate::guest::facts::Facts;
use crate::text;

/// The kernel can spread a card's work over several queues.
pub(super) struct NicMultiqueue;

static DOC: Doc = Doc {
    title: Fixed::new("The kernel supports several queues of a network card", "内核支持网卡多队列"),
    why: Fixed::new(
        "With several queues a network card's interrupts are spread over the processors. It is an option: the image must declare it after its import.",
        "网卡多队列可将网卡中断分散给不同的CPU处理。该特性可选：导入后需为镜像添加相应属性。",
    ),
    decided: Fixed::new(
        "The release of the default kernel is 2.6.35 or later.",
        "默认内核版本为2.6.35或更高。",
    ),
    remedy: Fixed::new(
        "Install a newer kernel; after the import set hw_vif_multiqueue_enabled to true for the image.",
        "请安装更高版本的内核；导入后将镜像属性hw_vif_multiqueue_enabled设置为true。",
    ),
    source: "设置镜像的网卡多队列属性 (ims_01_0332)",
    predicts: &[],
    repaired_by_platform: false,
};

impl Rule for NicMultiqueue {
    fn id(&self) -> &'static str {
        "nic-multiqueue"
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

/// The first kernel with it.
const FIRST: [u32; 3] = [2, 6, 35];

fn decide(facts: &Facts) -> Decision {
    let default = known(&linux_only(facts)?.kernels)?.iter().find(|kernel| kernel.is_default);
    let version = default.and_then(|kernel| Some((kernel, version(&kernel.release)?)));
    let Some((kernel, version)) = version else {
        let reason = "the release of the default kernel is not known";
        return Err(Box::new(undecided(&Unread::new("/lib/modules", reason))));
    };
    let release = &kernel.release;
    let evidence = vec![Evidence::new(format!("/lib/modules/{release}"), "default kernel")];
    Ok(if version >= FIRST {
        Outcome::holds(
            text!(
                "The kernel {release} supports it; after the import hw_vif_multiqueue_enabled may be set.",
                "内核{release}支持网卡多队列，导入后可设置hw_vif_multiqueue_enabled。"
            ),
            evidence,
        )
    } else {
        Outcome::noted(
            text!(
                "The kernel {release} is older than 2.6.35 and has no several queues.",
                "内核{release}低于2.6.35，不支持网卡多队列。"
            ),
            evidence,
        )
    })
}

/// The three numbers of a release; a missing third is 0.
fn version(release: &str) -> Option<[u32; 3]> {
    let mut parts = release.split(|c: char| !c.is_ascii_digit());
    let (first, second) = (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
    let third = release
        .split('.')
        .nth(2)
        .map_or("", |part| part.split(|c: char| !c.is_ascii_digit()).next().unwrap_or_default());
    Some([first, second, third.parse().unwrap_or(0)])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::Status;
    use crate::rules::testing::*;

    #[test]
    fn a_kernel_with_several_queues_passes() {
        expect(&NicMultiqueue, &good_linux(), Status::Pass, "3.10.0-957");
    }

    #[test]
    fn an_old_kernel_is_worth_knowing() {
        let mut facts = good_linux();
        kernel_mut(&mut facts).release = "2.6.32-754.el6.x86_64".to_owned();
        expect(&NicMultiqueue, &facts, Status::Info, "2.6.32");
        assert_eq!(version("6.1.0-56-amd64"), Some([6, 1, 0]));
        assert_eq!(version("5.14-rc1"), Some([5, 14, 0]));
    }

    #[test]
    fn an_unknown_kernel_is_unverified() {
        expect(&NicMultiqueue, &unread_inside(), Status::Unverified, "it was torn");
        let mut facts = good_linux();
        kernel_mut(&mut facts).release = "vmlinuz".to_owned();
        assert_eq!(status(&NicMultiqueue, &facts), Status::Unverified);
    }
}
