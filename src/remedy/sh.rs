//! A shell script for a Linux machine: it mounts a copy, changes files, and converts it back.

use std::fmt::Write;

use super::Remedy;
use super::comment::{COPY, Form, MOUNT, comment, functions, head, rest, source, steps, variables};
use super::layout::{Bind, Layout, Place, Range};
use super::step::Step;
use crate::rules::shell::{quote_in_script, quote_path_in_script};
use crate::rules::{Fixed, Lang};

/// A script that has nothing to do.
pub(super) fn nothing(remedy: &Remedy, lang: Lang) -> String {
    let mut out = head(
        remedy,
        lang,
        Fixed::new(
            "There is nothing that a script could repair: it only says so.",
            "没有可由脚本修复的内容，本脚本仅作说明。",
        ),
    );
    rest(&mut out, remedy, lang);
    let word = Fixed::new("nothing that a script could repair", "没有可由脚本修复的内容");
    let _ = write!(out, "\necho '{}' >&2\nexit 4\n", word.get(lang));
    out
}

pub(super) fn script(remedy: &Remedy, lang: Lang) -> String {
    let needs = if remedy.is_in_guest() {
        Fixed::new(
            "Needs root on Linux, qemu-img, and room beside the output for the disk's content. It mounts the image's file systems with this machine's kernel.",
            "需要Linux的root权限、qemu-img，以及输出位置有容纳磁盘内容的空间。会用本机内核挂载镜像的文件系统。",
        )
    } else {
        Fixed::new("Needs qemu-img, and no root.", "需要qemu-img，不需要root权限。")
    };
    let mut out = head(remedy, lang, needs);
    if programs(remedy) {
        let warned = Fixed::new(
            "It runs the image's own programs as root of this machine, in a chroot, in namespaces of their own and with few capabilities. That is no virtual machine: for an image that you do not trust, take --format guestfish or virt-customize.",
            "会以本机root身份运行镜像自带的程序，运行于chroot和独立的命名空间中，只保留少量权能。这不等同于虚拟机：不信任该镜像时，请使用--format guestfish或virt-customize。",
        );
        comment(&mut out, "", warned.get(lang));
    }
    variables(&mut out, remedy, lang);
    out.push_str(&functions(COPY, lang));
    let format = remedy.format;
    if let Some(layout) = &remedy.layout {
        out.push('\n');
        out.push_str(&functions(MOUNT, lang));
        inside(&mut out, remedy, layout, lang);
    } else {
        out.push_str("\nrelease() { :; }\n\nstart\n");
        source(&mut out, remedy);
        // The conversion is all of them.
        steps(&mut out, remedy, lang, &Sh);
        let _ = write!(
            out,
            "\nqemu-img convert -f {format} -O qcow2 -o compat=1.1 \"$SOURCE\" \"$WORK/done\"\n"
        );
    }
    rest(&mut out, remedy, lang);
    out.push_str("\ndeliver \"$WORK/done\"\n");
    out
}

fn inside(out: &mut String, remedy: &Remedy, layout: &Layout, lang: Lang) {
    let mounts = layout.needed(remedy.steps());
    let lvm = if layout.physical_volumes.is_empty() { "" } else { " vgs vgchange vgmknodes lsblk" };
    let chroot = if programs(remedy) { " unshare mknod setsid setpriv capsh" } else { "" };
    let format = remedy.format;
    let root = Fixed::new("to mount the copy takes root", "挂载副本需要root权限").get(lang);
    let _ = write!(
        out,
        "\n[ \"$(id -u)\" = 0 ] || die '{root}'\nstart losetup mount umount mountpoint sed cmp find{lvm}{chroot}\n"
    );
    source(out, remedy);
    let _ = write!(
        out,
        "\nDISK=$WORK/disk\nROOT=$WORK/root\nmkdir \"$ROOT\"\n\
         qemu-img convert -f {format} -O raw \"$SOURCE\" \"$DISK\"\n\n"
    );
    let part = |out: &mut String, range: &Range| {
        let _ = writeln!(out, "part {} {}", range.start, range.size);
    };
    for range in &layout.physical_volumes {
        part(out, range);
    }
    let mut active: Vec<&str> = Vec::new();
    for mount in mounts {
        match &mount.place {
            Place::Part(range, _) => part(out, range),
            Place::Logical(group, logical) => {
                if !active.contains(&group.as_str()) {
                    let _ = writeln!(out, "activate {}", quote_in_script(group));
                    active.push(group);
                }
                // As the device mapper names it (lvm(8), "VALID NAMES").
                let node = [group, logical].map(|name| name.replace('-', "--")).join("-");
                let _ =
                    writeln!(out, "logical {}", quote_in_script(&format!("/dev/mapper/{node}")));
            }
        }
        if remedy.steps().any(|step| *step == Step::CheckFileSystem(mount.volume)) {
            let _ = writeln!(out, "check {}", mount.kind);
        }
        let options = match (&mount.options, mount.kind.as_str()) {
            (Some(options), _) => format!(",{options}"),
            (None, "xfs") => ",nouuid".to_owned(),
            (None, _) => String::new(),
        };
        let (path, kind) = (quote_path_in_script(&mount.path), &mount.kind);
        let _ = writeln!(out, "mount_on {path} {kind} {}", quote_in_script(&options));
    }
    for Bind { source, path } in layout.binds_needed(remedy.steps()) {
        let _ =
            writeln!(out, "bind {} {}", quote_path_in_script(source), quote_path_in_script(path));
    }
    steps(out, remedy, lang, &Sh);
    out.push_str("\nRULE=''\nrelabel\nsync\nrelease\n");
    let _ =
        writeln!(out, "qemu-img convert -f raw -O qcow2 -o compat=1.1 \"$DISK\" \"$WORK/done\"");
}

fn programs(remedy: &Remedy) -> bool {
    remedy.steps().any(Step::runs_guest_programs)
}

/// The functions of `mount.sh`.
struct Sh;

impl Form for Sh {
    fn begin(&self, what: &str) -> Option<String> {
        Some(format!("begin {what}"))
    }

    fn step(&self, step: &Step) -> Option<String> {
        step_line(step)
    }

    fn rebuild(&self, command: &str) -> String {
        format!("in_guest no {}", quote_in_script(command))
    }
}

pub(super) fn step_line(step: &Step) -> Option<String> {
    Some(match step {
        Step::Convert | Step::CheckContainer | Step::CheckFileSystem(_) | Step::Rebuild(_) => {
            return None;
        }
        Step::Edit { file, edit } => {
            format!("edit {} {}", quote_path_in_script(file), quote_in_script(&edit.sed()))
        }
        Step::Append { file, line } => {
            format!("append {} {}", quote_path_in_script(file), quote_in_script(line))
        }
        Step::Write { file, lines } => {
            let words: Vec<_> = lines.iter().map(|line| quote_in_script(line)).collect();
            format!("put {} \\\n    {}", quote_path_in_script(file), words.join(" \\\n    "))
        }
        Step::Delete(path) => format!("delete {}", quote_path_in_script(path)),
        Step::Clear(path) => format!("clear_directory {}", quote_path_in_script(path)),
        Step::Empty(path) => format!("empty {}", quote_path_in_script(path)),
        Step::EmptyAll(path) => format!("empty_all {}", quote_path_in_script(path)),
        Step::Rename { from, to } => {
            format!("rename {} {}", quote_path_in_script(from), quote_path_in_script(to))
        }
        Step::Link { path, target } => {
            format!("link {} {}", quote_path_in_script(path), quote_in_script(target))
        }
        Step::Enable(unit) => format!("enable {}", quote_in_script(unit)),
        Step::Run { command, network } => {
            let network = if *network { "yes" } else { "no" };
            format!("in_guest {network} {}", quote_in_script(command))
        }
    })
}
