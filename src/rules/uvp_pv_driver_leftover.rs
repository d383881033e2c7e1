//! `uvp-pv-driver-leftover`

use super::scope::{Decision, known, linux_only, settle};
use super::{Context, Doc, Fixed, Level, Outcome, Profile, Rule};
use crate::fact::Evidence;
use crate::guest::facts::{Facts, LinuxFacts, ListingEnd};
use crate::text;

/// Huawei's old Xen drivers are gone.
pub(super) struct UvpPvDriverLeftover;

static DOC: Doc = Doc {
    title: Fixed::new(
        "Huawei's old Xen drivers (UVP) are not installed",
        "没有残留旧的华为PV driver（UVP）",
    ),
    why: Fixed::new(
        "The old drivers take the place of the kernel's own ones and do not work on KVM servers. They must go before the kernel's own are set up.",
        "旧的PV driver会替代内核自带驱动，且在KVM云服务器上无法工作，必须先卸载再安装内核自带驱动。",
    ),
    decided: Fixed::new(
        "/etc/.uvp-monitor, /usr/bin/uvp-monitor and updates/pvdriver below /lib/modules/<release> or in the default kernel's initramfs must not be there.",
        "/etc/.uvp-monitor、/usr/bin/uvp-monitor以及/lib/modules/<版本>或默认内核initramfs中的updates/pvdriver均不得存在。",
    ),
    remedy: Fixed::new(
        "/etc/.uvp-monitor/uninstall; rpm -e kmod-uvpmod uvp-monitor; rpm -qa | grep libxenstore_uvp | xargs rpm -e; then rebuild the initramfs",
        "执行/etc/.uvp-monitor/uninstall；rpm -e kmod-uvpmod uvp-monitor；rpm -qa | grep libxenstore_uvp | xargs rpm -e；然后重建initramfs",
    ),
    source: "在Linux系统中卸载PV-driver; OTC 0032307025 (What Will the System Do to an Image File)",
    predicts: &[],
    repaired_by_platform: true,
};

impl Rule for UvpPvDriverLeftover {
    fn id(&self) -> &'static str {
        "uvp-pv-driver-leftover"
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
    let mut found = known(&linux.drivers.uvp)?.clone();
    found.extend(packages(linux));
    let listing = listing_is_whole(linux);
    if let Some(first) = found.first() {
        let place = &first.location;
        let text = text!(
            "Huawei's old Xen drivers are there ({place}).",
            "残留旧的华为PV driver（{place}）。"
        );
        // Where the initramfs may hold more of them.
        found.extend(listing.err().into_iter().flat_map(|undecided| undecided.evidence));
        return Ok(Outcome::broken(text, found));
    }
    listing?;
    Ok(Outcome::holds(
        text!("There is no trace of Huawei's old Xen drivers.", "没有残留旧的华为PV driver。"),
        vec![Evidence::new("/etc/.uvp-monitor, /usr/bin/uvp-monitor", "not there")],
    ))
}

/// The packages of the old drivers (`kmod-uvpmod`, `uvp-monitor`, `libxenstore_uvp…`), once the
/// package facts name what is installed.
fn packages(_: &LinuxFacts) -> Vec<Evidence> {
    Vec::new()
}

/// Undecided, when the part of the initramfs where the drivers would lie could not be read. (A search
/// that ended early has passed the modules.)
fn listing_is_whole(linux: &LinuxFacts) -> Decision<()> {
    let kernels = known(&linux.kernels)?;
    let Some(kernel) = kernels.iter().find(|kernel| kernel.is_default) else { return Ok(()) };
    let Some(initramfs) = known(&kernel.initramfs)? else { return Ok(()) };
    match known::<ListingEnd>(&initramfs.listing)? {
        ListingEnd::Complete | ListingEnd::Satisfied => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fact::Fact;
    use crate::rules::Status;
    use crate::rules::testing::*;

    #[test]
    fn no_trace_passes() {
        expect(&UvpPvDriverLeftover, &good_linux(), Status::Pass, "not there");
    }

    #[test]
    fn each_trace_fails_where_the_later_pages_hold() {
        let mut facts = good_linux();
        linux_mut(&mut facts).drivers.uvp =
            Fact::Known(vec![Evidence::new("/etc/.uvp-monitor", "UVP")]);
        expect(&UvpPvDriverLeftover, &facts, Status::Warn, "/etc/.uvp-monitor");
        let finding = expect_in(
            Profile::Huaweicloud,
            &UvpPvDriverLeftover,
            &facts,
            Status::Fail,
            "/etc/.uvp-monitor",
        );
        assert!(remedy(&finding).contains("rpm -e kmod-uvpmod"));
    }

    #[test]
    fn a_list_that_is_cut_says_so() {
        let mut facts = good_linux();
        let found = vec![Evidence::new(INITRAMFS, "lib/modules/3.0/updates/pvdriver/x.ko")];
        linux_mut(&mut facts).drivers.uvp = Fact::Known(found);
        initramfs_mut(&mut facts).listing = Fact::unknown(INITRAMFS, "more than are kept");
        let finding = expect(&UvpPvDriverLeftover, &facts, Status::Warn, "old Xen drivers");
        assert!(finding.evidence.iter().any(|seen| seen.detail == "more than are kept"));
    }

    #[test]
    fn what_could_not_be_read_is_unverified() {
        let mut facts = good_linux();
        initramfs_mut(&mut facts).listing = Fact::unknown(INITRAMFS, "cut off");
        expect(&UvpPvDriverLeftover, &facts, Status::Unverified, "cut off");
        expect(&UvpPvDriverLeftover, &unread_inside(), Status::Unverified, "it was torn");
    }
}
