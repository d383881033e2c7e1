//! The good machine: sshd.

use std::collections::BTreeMap;

use super::why;
use crate::fact::{Evidence, Fact};
use crate::guest::facts::{SshdFacts, SshdOption, UnitFacts, UnitState};

const FILE: &str = "/etc/ssh/sshd_config";

/// A setting at a line of the configuration.
pub(in crate::rules) fn option(line: u32, keyword: &str, value: &str) -> SshdOption {
    let evidence = Evidence::new(format!("{FILE}:{line}"), format!("{keyword} {value}"));
    SshdOption { value: value.to_owned(), evidence, in_match: false }
}

/// As the good machine has it.
pub(super) fn good() -> SshdFacts {
    let set = [
        ("passwordauthentication", option(65, "PasswordAuthentication", "yes")),
        ("kbdinteractiveauthentication", option(69, "ChallengeResponseAuthentication", "no")),
        ("usepam", option(96, "UsePAM", "yes")),
    ];
    SshdFacts {
        program: Fact::Known(Some(Evidence::new("/usr/sbin/sshd", "852888 bytes"))),
        version: Some("7.4p1-16.el7".to_owned()),
        units: vec![UnitFacts {
            name: "sshd.service".to_owned(),
            state: Fact::Known(UnitState::Enabled),
            evidence: Evidence::new(
                "/etc/systemd/system/multi-user.target.wants/sshd.service",
                "link to /usr/lib/systemd/system/sshd.service",
            ),
        }],
        files: vec![FILE.to_owned()],
        drop_ins: None,
        unread: Vec::new(),
        options: set.map(|(name, option)| (name.to_owned(), option)).into(),
        conditional: Vec::new(),
        invalid: Vec::new(),
        host_key_maker: Fact::Known(Some(Evidence::new(
            "/usr/lib/systemd/system/sshd.service:4",
            "Wants=sshd-keygen.service",
        ))),
        port_refused: Fact::Known(None),
        permit_root_login: Fact::Known(option(38, "PermitRootLogin", "yes")),
    }
}

/// Nothing of it could be read.
pub(super) fn unread() -> SshdFacts {
    SshdFacts {
        program: Fact::Unknown(why()),
        version: None,
        units: Vec::new(),
        files: Vec::new(),
        drop_ins: None,
        unread: vec![why()],
        options: BTreeMap::new(),
        conditional: Vec::new(),
        invalid: Vec::new(),
        host_key_maker: Fact::Unknown(why()),
        port_refused: Fact::Unknown(why()),
        permit_root_login: Fact::Unknown(why()),
    }
}
