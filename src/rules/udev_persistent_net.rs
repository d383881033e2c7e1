//! `udev-persistent-net`

use super::scope::{Decision, known, linux_only, settle};
use super::{Context, Doc, Fixed, Level, Outcome, Profile, Rule, shell};
use crate::fact::Evidence;
use crate::guest::facts::Facts;
use crate::text;

/// No udev rule keeps the names of the old machine's cards.
pub(super) struct UdevPersistentNet;

static DOC: Doc = Doc {
    title: Fixed::new(
        "No udev rules keep the names of the old network cards",
        "udev规则中没有保留原机器网卡名的规则",
    ),
    why: Fixed::new(
        "Such a rule keeps eth0 for the old card's MAC address. The new card becomes eth1, for which nothing is configured: no network, no metadata, no password.",
        "此类规则会把eth0保留给原网卡的MAC地址，新网卡将变为没有配置的eth1：没有网络，无法获取元数据和密码。",
    ),
    decided: Fixed::new(
        "Files in /etc/udev/rules.d whose names contain both persistent and net. An empty one, one that is linked to /dev/null, holds only comments or is not read by udev is harmless. A rule that names a card by its MAC address is broken; other rules in such a file warn.",
        "检查/etc/udev/rules.d中文件名同时包含persistent和net的文件。空文件、链接到/dev/null、只有注释或不被udev读取的文件无害。按MAC地址命名网卡的规则判为不满足；此类文件中的其他规则仅告警。",
    ),
    remedy: Fixed::new(
        "rm -f /etc/udev/rules.d/*persistent*net*.rules",
        "rm -f /etc/udev/rules.d/*persistent*net*.rules",
    ),
    source: "清理网络规则文件 (ims_01_0209); 不清理网络规则文件的影响",
    predicts: &[],
    repaired_by_platform: false,
};

impl Rule for UdevPersistentNet {
    fn id(&self) -> &'static str {
        "udev-persistent-net"
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
    let files = known(&linux_only(facts)?.network.persistent_rules)?;
    let remedy = |bad: Vec<&String>| {
        let paths = bad.into_iter().map(|path| shell::quote_path(path)).collect::<Vec<_>>();
        let paths = paths.join(" ");
        text!("rm -f {paths}", "rm -f {paths}")
    };
    let bad = |has: fn(&crate::guest::facts::PersistentRules) -> &Vec<Evidence>| {
        let bad = files.iter().filter(move |file| file.harmless.is_none() && !has(file).is_empty());
        let lines: Vec<Evidence> = bad.clone().flat_map(has).cloned().collect();
        (bad.map(|file| &file.path).collect::<Vec<_>>(), lines)
    };
    let (paths, lines) = bad(|file| &file.macs);
    if let Some(first) = lines.first() {
        let place = &first.location;
        return Ok(Outcome::broken(
            text!(
                "A udev rule keeps a card's name by its MAC address: {place}.",
                "udev规则按MAC地址保留网卡名：{place}。"
            ),
            lines,
        )
        .remedy(remedy(paths)));
    }
    let (paths, lines) = bad(|file| &file.others);
    if let Some(first) = lines.first() {
        let place = &first.location;
        return Ok(Outcome::doubtful(
            text!(
                "A file for persistent card names has rules, though none with a MAC address: {place}.",
                "网卡命名规则文件中存在规则，但不含MAC地址：{place}。"
            ),
            lines,
        )
        .remedy(remedy(paths)));
    }
    let mut seen: Vec<Evidence> = files
        .iter()
        .map(|file| Evidence::new(file.path.clone(), file.harmless.clone().unwrap_or_default()))
        .collect();
    if seen.is_empty() {
        seen.push(Evidence::new("/etc/udev/rules.d", "no file named by persistent and net"));
    }
    Ok(Outcome::holds(
        text!("No udev rule keeps the name of a card.", "没有保留网卡名的udev规则。"),
        seen,
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fact::Fact;
    use crate::guest::facts::PersistentRules;
    use crate::rules::Status;
    use crate::rules::testing::*;

    const FILE: &str = "/etc/udev/rules.d/70-persistent-net.rules";

    fn with(harmless: Option<&str>, macs: Vec<Evidence>, others: Vec<Evidence>) -> Facts {
        let mut facts = good_linux();
        let harmless = harmless.map(str::to_owned);
        let rules = PersistentRules { path: FILE.to_owned(), harmless, macs, others };
        linux_mut(&mut facts).network.persistent_rules = Fact::Known(vec![rules]);
        facts
    }

    #[test]
    fn no_file_and_a_harmless_file_pass() {
        expect(&UdevPersistentNet, &good_linux(), Status::Pass, "/etc/udev/rules.d");
        let facts = with(Some("empty"), Vec::new(), Vec::new());
        expect(&UdevPersistentNet, &facts, Status::Pass, "empty");
    }

    #[test]
    fn a_rule_with_a_mac_address_fails() {
        let rule = Evidence::new(format!("{FILE}:4"), "ATTR{address}==\"00:0c:29:1a:2b:3c\"");
        let facts = with(None, vec![rule], Vec::new());
        let finding = expect_in(Profile::Otc, &UdevPersistentNet, &facts, Status::Fail, "00:0c:29");
        assert_eq!(remedy(&finding), format!("rm -f {FILE}"));
        assert_eq!(status(&UdevPersistentNet, &facts), Status::Warn);
    }

    #[test]
    fn other_rules_warn_at_most() {
        let rule = Evidence::new(format!("{FILE}:4"), "KERNELS==\"0000:02:01.0\", NAME=\"eth0\"");
        let facts = with(None, Vec::new(), vec![rule]);
        expect_in(Profile::Otc, &UdevPersistentNet, &facts, Status::Warn, "0000:02:01.0");
    }

    #[test]
    fn unreadable_rules_are_unverified() {
        expect(&UdevPersistentNet, &unread_inside(), Status::Unverified, "it was torn");
        assert_eq!(status(&UdevPersistentNet, &windows()), Status::NotApplicable);
    }
}
