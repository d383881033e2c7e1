//! `arch-match`

use super::scope::{Decision, firmware, known, settle, some_guest, without_guest};
use super::{Context, Doc, Fixed, Level, Outcome, Profile, Rule};
use crate::guest::facts::{Architecture, Facts, Guest};
use crate::text;

/// The programs are for a processor that the platform has.
pub(super) struct ArchMatch;

static DOC: Doc = Doc {
    title: Fixed::new(
        "The system is built for x86, or for ARM with UEFI",
        "操作系统架构为x86，或使用UEFI引导的ARM",
    ),
    why: Fixed::new(
        "Servers are x86 or ARM. The platform looks for the architecture itself and lets it override the declared one; ARM images are always booted by UEFI. A system for another processor cannot run.",
        "云服务器为x86或ARM架构。平台会自行检测镜像架构并以检测结果为准，ARM镜像只能使用UEFI引导。其他架构的操作系统无法运行。",
    ),
    decided: Fixed::new(
        "The machine in the ELF header of /bin/sh or init, of Windows that of its kernel or PROCESSOR_ARCHITECTURE in its registry: x86 passes; ARM passes when UEFI can boot the disk and the profile has ARM servers; everything else is broken.",
        "读取/bin/sh或init的ELF文件头中的架构，Windows则读取内核文件或注册表PROCESSOR_ARCHITECTURE：x86通过；ARM在磁盘支持UEFI引导且规则集包含ARM云服务器时通过；其他架构不满足。",
    ),
    remedy: Fixed::new(
        "Use an image of the system for x86_64, or declare \"architecture\": \"arm\" for an ARM image.",
        "请使用x86_64版本的系统镜像；ARM镜像请声明\"architecture\": \"arm\"。",
    ),
    source: "注册镜像（Linux） (OTC 0030713193); 错误码, IMG.0212",
    predicts: &["IMG.0212"],
    repaired_by_platform: false,
};

impl Rule for ArchMatch {
    fn id(&self) -> &'static str {
        "arch-match"
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

    fn check(&self, facts: &Facts, context: &Context) -> Outcome {
        settle(decide(facts, context.profile))
    }
}

fn decide(facts: &Facts, profile: Profile) -> Decision {
    let (arch, evidence) = match some_guest(facts)? {
        Guest::Linux(linux) => known(&linux.arch)?,
        Guest::Windows(windows) => known(&windows.arch)?,
        Guest::Absent(_) => return Err(Box::new(without_guest())),
    };
    let evidence = vec![evidence.clone()];
    let name = arch.name();
    Ok(match arch {
        Architecture::X86_64 | Architecture::I386 => Outcome::holds(
            text!("The system is built for {name}.", "操作系统架构为{name}。"),
            evidence,
        ),
        Architecture::Aarch64 if profile != Profile::ImsClassic => {
            if firmware(facts)?.uefi.is_empty() {
                Outcome::broken(
                    text!(
                        "The system is built for {name}, but UEFI cannot boot the disk.",
                        "操作系统架构为{name}，但磁盘不支持UEFI引导。"
                    ),
                    evidence,
                )
                .remedy(text!(
                    "In the guest, with the EFI system partition mounted: grub-install --target=arm64-efi --efi-directory=/boot/efi --removable",
                    "在系统内挂载EFI系统分区后执行：grub-install --target=arm64-efi --efi-directory=/boot/efi --removable"
                ))
            } else {
                Outcome::holds(
                    text!(
                        "The system is built for {name} and boots by UEFI; declare \"architecture\": \"arm\".",
                        "操作系统架构为{name}，使用UEFI引导；请声明\"architecture\": \"arm\"。"
                    ),
                    evidence,
                )
            }
        }
        _ => Outcome::broken(
            text!(
                "The system is built for {name}, which the platform's servers cannot run.",
                "操作系统架构为{name}，平台的云服务器无法运行。"
            ),
            evidence,
        ),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fact::{Evidence, Fact};
    use crate::rules::Status;
    use crate::rules::testing::windows::good_windows;
    use crate::rules::testing::*;

    fn of(arch: Architecture) -> Facts {
        let mut facts = uefi_only();
        linux_mut(&mut facts).arch = Fact::Known((arch, Evidence::new("/bin/sh, byte 18", "elf")));
        facts
    }

    #[test]
    fn an_x86_system_passes() {
        expect(&ArchMatch, &good_linux(), Status::Pass, "x86_64");
    }

    #[test]
    fn an_arm_system_passes_where_there_are_such_servers() {
        let facts = of(Architecture::Aarch64);
        expect_in(Profile::Huaweicloud, &ArchMatch, &facts, Status::Pass, "aarch64");
        expect(&ArchMatch, &facts, Status::Warn, "aarch64");
        let mut facts = facts;
        firmware_mut(&mut facts).uefi.clear();
        expect_in(Profile::Huaweicloud, &ArchMatch, &facts, Status::Fail, "UEFI cannot boot");
    }

    #[test]
    fn another_processor_fails() {
        let facts = of(Architecture::Riscv64);
        expect_in(Profile::Otc, &ArchMatch, &facts, Status::Fail, "riscv64");
    }

    #[test]
    fn an_unknown_architecture_is_unverified() {
        expect(&ArchMatch, &unread_inside(), Status::Unverified, "it was torn");
        expect(&ArchMatch, &windows(), Status::Unverified, "it is not read");
        expect(&ArchMatch, &good_windows(), Status::Pass, "AMD64");
    }
}
