//! `bits-memory-cap`

use super::scope::{Decision, known, settle, some_guest, undecided, without_guest};
use super::{Context, Doc, Fixed, Level, Outcome, Profile, Rule};
use crate::fact::Unread;
use crate::guest::facts::{Architecture, Facts, Guest};
use crate::text;

/// A 32-bit system is limited in memory.
pub(super) struct BitsMemoryCap;

static DOC: Doc = Doc {
    title: Fixed::new("The system is 64-bit", "操作系统为64位"),
    why: Fixed::new(
        "A server of more than 4 GB of memory cannot be used by a 32-bit system.",
        "32位操作系统无法使用超过4GB内存的弹性云服务器。",
    ),
    decided: Fixed::new(
        "The class in the ELF header of /bin/sh or init; of Windows its kernel's machine or PROCESSOR_ARCHITECTURE in its registry.",
        "根据/bin/sh或init的ELF文件头中的位数判断；Windows根据内核文件或注册表PROCESSOR_ARCHITECTURE判断。",
    ),
    remedy: Fixed::new(
        "Set \"max_ram\": 4096 in the request, or use the 64-bit edition of the system.",
        "在请求中设置\"max_ram\": 4096，或使用64位操作系统。",
    ),
    source: "Constraints (OTC 0192505040)",
    predicts: &[],
    repaired_by_platform: false,
};

impl Rule for BitsMemoryCap {
    fn id(&self) -> &'static str {
        "bits-memory-cap"
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
    let (arch, evidence) = match some_guest(facts)? {
        Guest::Linux(linux) => known(&linux.arch)?,
        Guest::Windows(windows) => known(&windows.arch)?,
        Guest::Absent(_) => return Err(Box::new(without_guest())),
    };
    let name = arch.name();
    let evidence = vec![evidence.clone()];
    Ok(match arch {
        Architecture::I386 | Architecture::Arm => Outcome::noted(
            text!(
                "The system is 32-bit ({name}): it cannot use more than 4 GB of memory.",
                "操作系统为32位（{name}）：无法使用超过4GB的内存。"
            ),
            evidence,
        )
        .remedy(text!("\"max_ram\": 4096", "\"max_ram\": 4096")),
        Architecture::Other => {
            let place = evidence.first().map_or("guest", |seen| seen.location.as_str());
            let unread = Unread::new(place, "its architecture is not one that is known here");
            return Err(Box::new(undecided(&unread)));
        }
        _ => Outcome::holds(
            text!("The system is 64-bit ({name}).", "操作系统为64位（{name}）。"),
            evidence,
        ),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fact::{Evidence, Fact};
    use crate::rules::Status;
    use crate::rules::testing::windows::*;
    use crate::rules::testing::*;

    #[test]
    fn a_64_bit_system_passes() {
        expect(&BitsMemoryCap, &good_linux(), Status::Pass, "x86_64");
    }

    #[test]
    fn a_32_bit_system_is_worth_knowing() {
        let mut facts = good_linux();
        let evidence = Evidence::new("/bin/bash, byte 4", "ELFCLASS32");
        linux_mut(&mut facts).arch = Fact::Known((Architecture::I386, evidence));
        let finding = expect(&BitsMemoryCap, &facts, Status::Info, "ELFCLASS32");
        assert_eq!(remedy(&finding), "\"max_ram\": 4096");
    }

    #[test]
    fn of_windows_the_registry_tells() {
        let mut facts = good_windows();
        expect(&BitsMemoryCap, &facts, Status::Pass, "AMD64");
        let evidence = Evidence::new("Environment", "PROCESSOR_ARCHITECTURE=x86");
        windows_mut(&mut facts).arch = Fact::Known((Architecture::I386, evidence));
        expect(&BitsMemoryCap, &facts, Status::Info, "PROCESSOR_ARCHITECTURE=x86");
    }

    #[test]
    fn an_unknown_architecture_is_unverified() {
        expect(&BitsMemoryCap, &unread_inside(), Status::Unverified, "it was torn");
        expect(&BitsMemoryCap, &windows_unread(), Status::Unverified, "it was torn");
    }
}
