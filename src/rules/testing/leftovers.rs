//! The good machine: leftovers.

use super::why;
use crate::fact::{Evidence, Fact};
use crate::guest::facts::{FileSize, LeftoverFacts, LogFacts, MachineId};

/// As the good machine has it: sealed, with the logs of its installation.
pub(super) fn good() -> LeftoverFacts {
    let log = FileSize { path: "/var/log/anaconda/journal.log".to_owned(), size: 1_800_000 };
    LeftoverFacts {
        machine_id: Fact::Known(MachineId::Unset(Evidence::new("/etc/machine-id", "empty"))),
        host_keys: Fact::Known(Vec::new()),
        logs: Fact::Known(LogFacts {
            files: 34,
            bytes: 3_500_000,
            largest: vec![log],
            unread: None,
        }),
        histories: Fact::Known(Vec::new()),
        hypervisor_tools: Fact::Known(Vec::new()),
        xorg_conf: Fact::Known(None),
        rainbow_log: Fact::Known(None),
        reset_plugin: Fact::Known(Vec::new()),
    }
}

/// Nothing of it could be read.
pub(super) fn unread() -> LeftoverFacts {
    LeftoverFacts {
        machine_id: Fact::Unknown(why()),
        host_keys: Fact::Unknown(why()),
        logs: Fact::Unknown(why()),
        histories: Fact::Unknown(why()),
        hypervisor_tools: Fact::Unknown(why()),
        xorg_conf: Fact::Unknown(why()),
        rainbow_log: Fact::Unknown(why()),
        reset_plugin: Fact::Unknown(why()),
    }
}
