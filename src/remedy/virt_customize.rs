//! A shell script that changes a copy with `virt-customize`, which works in a virtual machine of its
//! own and finds the guest's file systems itself.

use std::fmt::Write;

use super::comment::{COPY, comment, functions, head, repair, rest, source, variables};
use super::step::Step;
use super::{Remedy, sh};
use crate::rules::shell::quote;
use crate::rules::{Fixed, Lang};

pub(super) fn script(remedy: &Remedy, lang: Lang) -> String {
    if remedy.layout.is_none() {
        return sh::script(remedy, lang);
    }
    let needs = Fixed::new(
        "Needs virt-customize (libguestfs, guestfs-tools) and qemu-img, and no root. The image's file systems are mounted and its programs run in libguestfs's own virtual machine.",
        "需要virt-customize（libguestfs、guestfs-tools）和qemu-img，不需要root权限。镜像的文件系统在libguestfs自己的虚拟机中挂载，其程序也在其中运行。",
    );
    let mut out = head(remedy, lang, needs);
    variables(&mut out, remedy);
    out.push_str(&functions(COPY, lang));
    out.push_str("\nrelease() { :; }\n\nstart virt-customize\n");
    source(&mut out, remedy);
    let format = remedy.format;
    let _ = write!(
        out,
        "\nqemu-img convert -f {format} -O qcow2 -o compat=1.1 \"$SOURCE\" \"$WORK/done\"\n"
    );
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
    for found in &remedy.repairs {
        repair(&mut out, found, lang);
        for step in &found.steps {
            if let Some(option) = option(step) {
                let _ = writeln!(out, "set -- \"$@\" {option}");
            }
        }
    }
    if !remedy.rebuilds.is_empty() {
        out.push('\n');
        let words = Fixed::new(
            "The initramfs, once for all that goes into it.",
            "initramfs，统一重新生成一次。",
        );
        comment(&mut out, "", words.get(lang));
        for rebuild in &remedy.rebuilds {
            let _ = writeln!(out, "set -- \"$@\" --run-command {}", quote(&rebuild.command()));
        }
    }
    if remedy.without_machine_id {
        let words = Fixed::new(
            "virt-customize gives the guest a machine id, which every server would have.",
            "virt-customize会写入machine-id，否则所有云服务器的machine-id都相同。",
        );
        out.push('\n');
        comment(&mut out, "", words.get(lang));
        out.push_str("set -- \"$@\" --truncate /etc/machine-id\n");
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

/// The option with its argument. Paths with characters that virt-customize itself acts on (`:` parts
/// two paths, wildcards match) go through a shell in the guest instead.
fn option(step: &Step) -> Option<String> {
    let plain = |path: &str| !path.contains([':', '*', '?', '[', ']', '\\']);
    Some(match step {
        Step::Delete(path) if plain(path) => format!("--delete {}", quote(path)),
        Step::Rename { from, to } if plain(from) && plain(to) => {
            format!("--move {}", quote(&format!("{from}:{to}")))
        }
        Step::Link { path, target } if plain(path) && plain(target) => {
            format!("--link {}", quote(&format!("{target}:{path}")))
        }
        Step::Empty(path) if plain(path) => format!("--write {}", quote(&format!("{path}:"))),
        Step::Write { file, lines } if plain(file) => {
            let mut text = lines.join("\n");
            text.push('\n');
            format!("--write {}", quote(&format!("{file}:{text}")))
        }
        Step::Append { file, line } if plain(file) => {
            format!("--append-line {}", quote(&format!("{file}:{line}")))
        }
        // The initramfs comes last.
        Step::Rebuild(_) => return None,
        step => format!("--run-command {}", quote(&step.inside()?)),
    })
}
