//! A shell script that changes a copy with `virt-customize`, which works in a virtual machine of its
//! own and finds the guest's file systems itself.

use std::fmt::Write;

use super::comment::{Form, comment, for_appliance, rest, steps};
use super::step::Step;
use super::{Remedy, sh};
use crate::rules::shell::quote_in_script;
use crate::rules::{Fixed, Lang};

pub(super) fn script(remedy: &Remedy, lang: Lang) -> String {
    if remedy.layout.is_none() {
        return sh::script(remedy, lang);
    }
    let needs = Fixed::new(
        "Needs virt-customize (libguestfs, guestfs-tools) and qemu-img, and no root. The image's file systems are mounted and its programs run in libguestfs's own virtual machine.",
        "需要virt-customize（libguestfs、guestfs-tools）和qemu-img，不需要root权限。镜像的文件系统在libguestfs自己的虚拟机中挂载，其程序也在其中运行。",
    );
    let mut out = for_appliance(remedy, lang, needs, "virt-customize");
    if remedy.steps().any(|step| matches!(step, Step::CheckFileSystem(_))) {
        let words = Fixed::new(
            "virt-customize mounts the file systems, which replays their logs; it checks none.",
            "virt-customize会挂载文件系统并重放日志，但不做检查。",
        );
        comment(&mut out, "", words.get(lang));
    }
    // Each group by itself, so that its comment can stand above it: a command of several lines has
    // no room for comments.
    out.push_str("\nset --\n");
    steps(&mut out, remedy, lang, &Options);
    if remedy.without_machine_id {
        let words = Fixed::new(
            "virt-customize gives the guest a machine id, which every server would have.",
            "virt-customize会写入machine-id，否则所有云服务器的machine-id都相同。",
        );
        out.push('\n');
        comment(&mut out, "", words.get(lang));
        out.push_str("set -- \"$@\" --run-command 'if [ -e /etc/machine-id ]; then : > /etc/machine-id; fi'\n",
        );
    }
    let network = remedy.steps().any(|step| matches!(step, Step::Run { network: true, .. }));
    let network = if network { "--network" } else { "--no-network" };
    let _ = write!(
        out,
        "\nvirt-customize --format qcow2 -a \"$WORK/done\" {network} \"$@\" --selinux-relabel\n"
    );
    rest(&mut out, remedy, lang);
    out.push_str("\ndeliver \"$WORK/done\"\n");
    out
}

/// Options of virt-customize, gathered one by one.
struct Options;

impl Form for Options {
    fn step(&self, step: &Step) -> Option<String> {
        option(step).map(|option| format!("set -- \"$@\" {option}"))
    }

    fn rebuild(&self, command: &str) -> String {
        format!("set -- \"$@\" --run-command {}", quote_in_script(command))
    }
}

/// The option with its argument. All but what goes is for a shell in the guest: `--move` and `--write`
/// overwrite, `--append-line` and `--link` make no directories, and `--delete` takes wildcards.
pub(super) fn option(step: &Step) -> Option<String> {
    let plain = |path: &str| !path.contains(['*', '?', '[', ']', '{', '}', '~', '\\']);
    Some(match step {
        Step::Delete(path) if plain(path) => format!("--delete {}", quote_in_script(path)),
        // The initramfs comes last.
        Step::Rebuild(_) => return None,
        step => format!("--run-command {}", quote_in_script(&step.inside()?)),
    })
}
