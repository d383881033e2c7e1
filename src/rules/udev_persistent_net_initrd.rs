//! `udev-persistent-net-initrd`

use super::boot_drivers::initramfs_maker;
use super::scope::{Decision, known, linux_only, settle, undecided};
use super::{Context, Doc, Fixed, Level, Outcome, Profile, Rule, Text, shell};
use crate::fact::{Evidence, Unread};
use crate::guest::facts::{Facts, InitramfsMaker, KernelFacts, LinuxFacts, ListingEnd};
use crate::text;

/// No such rule in the initramfs either.
pub(super) struct UdevPersistentNetInitrd;

static DOC: Doc = Doc {
    title: Fixed::new(
        "No udev rules in the initramfs keep the names of the old network cards",
        "initramfs中没有保留原机器网卡名的udev规则",
    ),
    why: Fixed::new(
        "A copy of the rules in the initramfs renames the cards before the root file system with its clean rules is mounted.",
        "initramfs中的规则副本会在挂载根文件系统之前重命名网卡，即使根文件系统中的规则已清理。",
    ),
    decided: Fixed::new(
        "The initramfs of the default boot entry is listed to its end. A file in its udev rule directories whose name contains both persistent and net and that is not empty is broken; a generator of such rules warns.",
        "完整列出默认引导项的initramfs内容。其udev规则目录中文件名同时包含persistent和net且非空的文件判为不满足；仅有规则生成器时告警。",
    ),
    remedy: Fixed::new(
        "Delete the rules from /etc/udev/rules.d, then rebuild: dracut -f (CentOS, RHEL, EulerOS, SUSE 12 and later), update-initramfs -u (Debian, Ubuntu), mkinitrd (SUSE 11).",
        "删除/etc/udev/rules.d中的规则后重新生成initramfs：dracut -f（CentOS、RHEL、EulerOS、SUSE 12及以上）、update-initramfs -u（Debian、Ubuntu）、mkinitrd（SUSE 11）。",
    ),
    source: "清理网络规则文件 (ims_01_0209)",
    predicts: &[],
    repaired_by_platform: false,
};

impl Rule for UdevPersistentNetInitrd {
    fn id(&self) -> &'static str {
        "udev-persistent-net-initrd"
    }

    fn level(&self, profile: Profile) -> Option<Level> {
        Some(match profile {
            // The source document does not ask for it.
            Profile::ImsClassic => Level::Recommended,
            Profile::Huaweicloud | Profile::Otc => Level::Required,
        })
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
    let default = known(&linux.kernels)?.iter().find(|kernel| kernel.is_default);
    let Some(kernel) = default else {
        let reason = "which kernel the default boot entry starts is not known";
        return Err(Box::new(undecided(&Unread::new("/lib/modules", reason))));
    };
    let Some(initramfs) = known(&kernel.initramfs)? else {
        return Ok(Outcome::not_applicable(text!(
            "The default boot entry loads no initramfs.",
            "默认引导项不加载initramfs。"
        )));
    };
    let path = &initramfs.path;
    let (generators, rules): (Vec<&String>, Vec<&String>) =
        initramfs.persistent_net_rules.iter().partition(|rules| rules.contains("generator"));
    let evidence = |found: &[&String]| -> Vec<Evidence> {
        let listed = found.iter().map(|rules| Evidence::new(path.clone(), (*rules).clone()));
        let left_out = initramfs.listing.unread().into_iter();
        listed
            .chain(left_out.map(|unread| Evidence::new(&unread.location, &unread.reason)))
            .collect()
    };
    if let Some(first) = rules.first() {
        return Ok(Outcome::broken(
            text!(
                "The initramfs {path} holds {first}, which keeps the names of cards.",
                "initramfs（{path}）中包含保留网卡名的{first}。"
            ),
            evidence(&rules),
        )
        .remedy(rebuild(linux, kernel)));
    }
    if let Some(first) = generators.first() {
        return Ok(Outcome::doubtful(
            text!(
                "The initramfs {path} holds {first}, which makes rules for the cards' names.",
                "initramfs（{path}）中包含网卡命名规则的生成器{first}。"
            ),
            evidence(&generators),
        )
        .remedy(rebuild(linux, kernel)));
    }
    match known(&initramfs.listing)? {
        ListingEnd::Complete => Ok(Outcome::holds(
            text!("No such rule in {path}.", "{path}中没有此类规则。"),
            vec![Evidence::new(path.clone(), "listed to its end")],
        )),
        ListingEnd::Satisfied => {
            let reason = "it was not listed to its end";
            Err(Box::new(undecided(&Unread::new(path.clone(), reason))))
        }
    }
}

fn rebuild(linux: &LinuxFacts, kernel: &KernelFacts) -> Text {
    let release = shell::quote(&kernel.release);
    let clean = "rm -f /etc/udev/rules.d/*persistent*net*.rules";
    let build = match initramfs_maker(linux) {
        Some(InitramfsMaker::InitramfsTools) => format!("update-initramfs -u -k {release}"),
        Some(InitramfsMaker::Mkinitrd) => "mkinitrd".to_owned(),
        Some(InitramfsMaker::Dracut) => format!("dracut -f --kver {release}"),
        Some(InitramfsMaker::Mkinitfs) => format!("mkinitfs {release}"),
        Some(InitramfsMaker::Mkinitcpio) => "mkinitcpio -P".to_owned(),
        None => return DOC.remedy.text(),
    };
    text!("{clean} && {build}", "{clean} && {build}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fact::Fact;
    use crate::rules::Status;
    use crate::rules::testing::*;

    fn with(rules: &str) -> Facts {
        let mut facts = good_linux();
        initramfs_mut(&mut facts).persistent_net_rules = vec![rules.to_owned()];
        facts
    }

    #[test]
    fn a_complete_listing_without_the_rule_passes() {
        expect(&UdevPersistentNetInitrd, &good_linux(), Status::Pass, INITRAMFS);
    }

    #[test]
    fn a_copy_of_the_rules_fails_and_a_generator_warns() {
        let facts = with("etc/udev/rules.d/70-persistent-net.rules");
        let profile = Profile::Huaweicloud;
        let finding =
            expect_in(profile, &UdevPersistentNetInitrd, &facts, Status::Fail, "70-persistent");
        assert!(remedy(&finding).ends_with("dracut -f --kver 3.10.0-957.el7.x86_64"));
        assert_eq!(status(&UdevPersistentNetInitrd, &facts), Status::Warn);
        let facts = with("lib/udev/rules.d/75-persistent-net-generator.rules");
        expect_in(profile, &UdevPersistentNetInitrd, &facts, Status::Warn, "75-persistent");
    }

    #[test]
    fn a_list_that_is_cut_says_so() {
        let mut facts = with("etc/udev/rules.d/70-persistent-net.rules");
        initramfs_mut(&mut facts).listing = Fact::unknown(INITRAMFS, "more than are kept");
        let finding = expect(&UdevPersistentNetInitrd, &facts, Status::Warn, "70-persistent");
        assert!(finding.evidence.iter().any(|seen| seen.detail == "more than are kept"));
    }

    #[test]
    fn a_listing_that_stopped_early_or_failed_is_unverified() {
        let mut facts = good_linux();
        initramfs_mut(&mut facts).listing = Fact::Known(ListingEnd::Satisfied);
        expect(&UdevPersistentNetInitrd, &facts, Status::Unverified, "not listed to its end");
        initramfs_mut(&mut facts).listing = Fact::unknown(INITRAMFS, "torn");
        expect(&UdevPersistentNetInitrd, &facts, Status::Unverified, "torn");
        kernel_mut(&mut facts).initramfs = Fact::Known(None);
        assert_eq!(status(&UdevPersistentNetInitrd, &facts), Status::NotApplicable);
    }
}
