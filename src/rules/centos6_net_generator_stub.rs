//! `centos6-net-generator-stub`

use super::nic::{Family, major, of_family};
use super::scope::{Decision, known, linux_only, settle};
use super::{Context, Doc, Fixed, Level, Outcome, Profile, Rule};
use crate::fact::Evidence;
use crate::guest::facts::Facts;
use crate::text;

/// An empty file keeps udev of CentOS 6 from writing persistent rules anew.
pub(super) struct Centos6NetGeneratorStub;

static DOC: Doc = Doc {
    title: Fixed::new(
        "CentOS 6: an empty file stands in for the generator of card-name rules",
        "CentOS 6：用空文件屏蔽网卡命名规则的生成器",
    ),
    why: Fixed::new(
        "udev of CentOS 6 writes a rule for each card that it meets. When the server gets another card, or becomes an image again, eth0 stays with the first one.",
        "CentOS 6的udev会为每块网卡写入命名规则。更换网卡或再次制作镜像后，eth0仍属于最初的网卡。",
    ),
    decided: Fixed::new(
        "CentOS, RHEL and their kin in version 6 whose udev has 75-persistent-net-generator.rules: /etc/udev/rules.d/75-persistent-net-generator.rules is there and empty, or a link to /dev/null.",
        "CentOS、RHEL等6.x版本且udev带有75-persistent-net-generator.rules时：/etc/udev/rules.d/75-persistent-net-generator.rules存在且为空，或链接到/dev/null。",
    ),
    remedy: Fixed::new(
        "> /etc/udev/rules.d/75-persistent-net-generator.rules",
        "> /etc/udev/rules.d/75-persistent-net-generator.rules",
    ),
    source: "清理网络规则文件 (ims_01_0209)",
    predicts: &[],
    repaired_by_platform: false,
};

impl Rule for Centos6NetGeneratorStub {
    fn id(&self) -> &'static str {
        "centos6-net-generator-stub"
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
    let os = of_family(linux, Family::RedHat)?;
    if major(os) != Some(6) || os.id == "fedora" {
        let name = &os.name;
        return Ok(Outcome::not_applicable(text!(
            "The guest is {name}; this rule concerns version 6 of CentOS and RHEL.",
            "镜像中的操作系统为{name}，本规则仅适用于CentOS/RHEL 6。"
        )));
    }
    let rules = known(&linux.network.rule_generator)?;
    match (&rules.stub, &rules.generator) {
        (Some(stub), _) if rules.stub_is_empty => Ok(Outcome::holds(
            text!("{stub} is empty.", "{stub}为空文件。"),
            vec![Evidence::new(stub.clone(), "empty")],
        )),
        (Some(stub), _) => Ok(Outcome::broken(
            text!("{stub} is not empty.", "{stub}不是空文件。"),
            vec![Evidence::new(stub.clone(), "not empty")],
        )),
        (None, Some(generator)) => Ok(Outcome::broken(
            text!(
                "udev will write rules for the names of cards: nothing stands in for {generator}.",
                "udev会生成网卡命名规则：没有文件屏蔽{generator}。"
            ),
            vec![
                Evidence::new(generator.clone(), "there"),
                Evidence::new("/etc/udev/rules.d/75-persistent-net-generator.rules", "not there"),
            ],
        )),
        (None, None) => Ok(Outcome::holds(
            text!(
                "udev has no generator of rules for the names of cards.",
                "udev中没有网卡命名规则的生成器。"
            ),
            vec![Evidence::new("/lib/udev/rules.d", "no 75-persistent-net-generator.rules")],
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fact::Fact;
    use crate::guest::facts::RuleGenerator;
    use crate::rules::Status;
    use crate::rules::testing::*;

    fn centos_6(generator: Option<&str>, stub: Option<bool>) -> Facts {
        let mut facts = good_linux();
        let linux = linux_mut(&mut facts);
        if let Fact::Known(Some(os)) = &mut linux.os {
            os.version = Some("6.10".to_owned());
        }
        linux.network.rule_generator = Fact::Known(RuleGenerator {
            generator: generator.map(str::to_owned),
            stub: stub.map(|_| "/etc/udev/rules.d/75-persistent-net-generator.rules".to_owned()),
            stub_is_empty: stub == Some(true),
        });
        facts
    }

    const GENERATOR: Option<&str> = Some("/lib/udev/rules.d/75-persistent-net-generator.rules");

    #[test]
    fn an_empty_file_in_its_place_passes() {
        let facts = centos_6(GENERATOR, Some(true));
        expect(&Centos6NetGeneratorStub, &facts, Status::Pass, "is empty");
        let facts = centos_6(None, None);
        assert_eq!(status(&Centos6NetGeneratorStub, &facts), Status::Pass);
    }

    #[test]
    fn a_generator_without_it_fails() {
        for stub in [None, Some(false)] {
            let facts = centos_6(GENERATOR, stub);
            let rule = &Centos6NetGeneratorStub;
            expect_in(Profile::Otc, rule, &facts, Status::Fail, "75-persistent-net-generator");
            assert_eq!(status(rule, &facts), Status::Warn);
        }
    }

    #[test]
    fn other_systems_are_not_concerned_and_the_unknown_is_unverified() {
        assert_eq!(status(&Centos6NetGeneratorStub, &good_linux()), Status::NotApplicable);
        let mut facts = centos_6(GENERATOR, None);
        linux_mut(&mut facts).network.rule_generator = Fact::unknown("/etc/udev", "torn");
        expect(&Centos6NetGeneratorStub, &facts, Status::Unverified, "torn");
        expect(&Centos6NetGeneratorStub, &unread_inside(), Status::Unverified, "it was torn");
    }
}
