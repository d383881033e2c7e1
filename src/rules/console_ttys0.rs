//! `console-ttyS0`

use super::kernel_release;
use super::scope::{Decision, known, linux_only, settle};
use super::{Context, Doc, Fixed, Level, Outcome, Profile, Rule};
use crate::guest::facts::{Architecture, Facts, LinuxFacts};
use crate::text;

/// The kernel writes to the serial console.
pub(super) struct ConsoleTtys0;

static DOC: Doc = Doc {
    title: Fixed::new("The kernel writes to the serial console", "内核向串口控制台输出"),
    why: Fixed::new(
        "The platform shows a server's log from its first serial port. A kernel that does not write there leaves nothing to look at when it does not start.",
        "平台从第一个串口获取云服务器的日志。内核不向串口输出时，启动失败后无日志可查。",
    ),
    decided: Fixed::new(
        "console= on the command line of the default boot entry names ttyS0 (on ARM: ttyAMA0). On CentOS and RHEL 6 and 7 rhgb and quiet beside it are noted.",
        "默认引导项的内核命令行通过console=指定ttyS0（ARM为ttyAMA0）。对CentOS、RHEL 6和7，若同时存在rhgb或quiet则给出提示。",
    ),
    remedy: Fixed::new(
        "grubby --update-kernel=ALL --args=console=ttyS0; or add it to GRUB_CMDLINE_LINUX in /etc/default/grub, then update-grub or grub2-mkconfig -o /boot/grub2/grub.cfg",
        "grubby --update-kernel=ALL --args=console=ttyS0；或将其加入/etc/default/grub的GRUB_CMDLINE_LINUX后执行update-grub或grub2-mkconfig -o /boot/grub2/grub.cfg",
    ),
    source: "OTC 0057450886",
    predicts: &[],
    repaired_by_platform: false,
};

impl Rule for ConsoleTtys0 {
    fn id(&self) -> &'static str {
        "console-ttyS0"
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
    let Some(entry) = known(&linux.boot.default_entry)? else {
        return Err(Box::new(Outcome::not_applicable(text!(
            "There is no default boot entry (see boot-chain-complete).",
            "没有默认引导项（参见boot-chain-complete）。"
        ))));
    };
    let seen = vec![entry.command_line_evidence("console=")];
    let words: Vec<_> = entry.command_line.split_ascii_whitespace().collect();
    let arm = matches!(linux.arch.known(), Some((Architecture::Aarch64 | Architecture::Arm, _)));
    let wanted: &[&str] = if arm { &["ttyAMA0", "ttyS0"] } else { &["ttyS0"] };
    let is_wanted = |word: &&&str| {
        let device = word.strip_prefix("console=").and_then(|value| value.split(',').next());
        device.is_some_and(|device| wanted.contains(&device))
    };
    let Some(console) = words.iter().find(is_wanted) else {
        let first = wanted.first().copied().unwrap_or_default();
        return Ok(Outcome::broken(
            text!(
                "The kernel starts without console={first}: the console log will be empty.",
                "启动参数中没有console={first}：控制台日志将为空。"
            ),
            seen,
        ));
    };
    let hiding: Vec<_> =
        words.iter().filter(|word| matches!(**word, "rhgb" | "quiet")).copied().collect();
    if !hiding.is_empty() && is_el_6_or_7(linux) {
        let list = hiding.join(" ");
        return Ok(Outcome::noted(
            text!(
                "The kernel writes to {console}, but {list} keeps most of it back.",
                "内核向{console}输出，但{list}会隐藏大部分内容。"
            ),
            seen,
        )
        .remedy(text!(
            "grubby --update-kernel=ALL --remove-args='{list}'",
            "grubby --update-kernel=ALL --remove-args='{list}'"
        )));
    }
    Ok(Outcome::holds(text!("The kernel writes to {console}.", "内核向{console}输出。"), seen))
}

fn is_el_6_or_7(linux: &LinuxFacts) -> bool {
    let Some(os) = linux.os.known().and_then(Option::as_ref) else { return false };
    let family = ["centos", "rhel", "ol"].contains(&os.id.as_str());
    let version = os.version.as_deref().and_then(kernel_release::numbers);
    family && version.is_some_and(|[major, ..]| matches!(major, 6 | 7))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::Status;
    use crate::rules::testing::*;

    fn of(command_line: &str) -> Facts {
        let mut facts = good_linux();
        entry_mut(&mut facts).command_line = command_line.to_owned();
        facts
    }

    #[test]
    fn a_serial_console_passes_with_and_without_its_speed() {
        for line in ["ro console=ttyS0", "console=tty0 console=ttyS0,115200n8 ro"] {
            expect(&ConsoleTtys0, &of(line), Status::Pass, "ttyS0");
        }
    }

    #[test]
    fn a_screen_alone_or_another_port_warns() {
        for line in ["ro", "console=tty0", "console=ttyS1", "xconsole=ttyS0", "console=ttyS01"] {
            expect(&ConsoleTtys0, &of(line), Status::Warn, "console=ttyS0");
        }
    }

    #[test]
    fn a_graphical_start_of_centos_7_is_noted() {
        let mut facts = of("console=ttyS0 rhgb quiet");
        let finding = expect(&ConsoleTtys0, &facts, Status::Info, "rhgb quiet");
        assert!(remedy(&finding).contains("--remove-args='rhgb quiet'"));
        os_mut(&mut facts).version = Some("9.2".to_owned());
        expect(&ConsoleTtys0, &facts, Status::Pass, "ttyS0");
    }

    #[test]
    fn an_unreadable_configuration_is_unverified() {
        expect(&ConsoleTtys0, &unread_inside(), Status::Unverified, "it was torn");
    }
}
