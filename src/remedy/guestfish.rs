//! A shell script that changes a copy with `guestfish`, which works in a virtual machine of its own.

use std::fmt::Write;

use super::comment::{Form, for_appliance, functions, rest, steps};
use super::layout::{Layout, Mounted, Place};
use super::step::Step;
use super::{Remedy, sh};
use crate::rules::{Fixed, Lang};

/// Has the labels set at the first start, where SELinux is on (selinux(8)).
const RELABEL: &str = "if grep -Eq '^[[:space:]]*SELINUX=(enforcing|permissive)' /etc/selinux/config 2>/dev/null; then : > /.autorelabel; fi";

/// Ends what `guestfish` reads: no command of it begins so.
const END: &str = "GUESTFISH";

pub(super) fn script(remedy: &Remedy, lang: Lang) -> String {
    let Some(layout) = &remedy.layout else { return sh::script(remedy, lang) };
    let needs = Fixed::new(
        "Needs guestfish (libguestfs) and qemu-img, and no root. The image's file systems are mounted and its programs run in libguestfs's own virtual machine.",
        "需要guestfish（libguestfs）和qemu-img，不需要root权限。镜像的文件系统在libguestfs自己的虚拟机中挂载，其程序也在其中运行。",
    );
    let mut out = for_appliance(remedy, lang, needs, "guestfish");
    let _ = write!(out, "guestfish --rw --format=qcow2 -a \"$WORK/done\" <<'{END}'\nrun\n");
    mounts(&mut out, remedy, layout);
    steps(&mut out, remedy, lang, &Guestfish);
    out.push('\n');
    out.push_str(&functions("# @relabel@", lang));
    // `-`: where the guest has no shell that runs here, the rest is done all the same.
    let _ = writeln!(out, "-sh {}", quote(RELABEL));
    let _ = write!(out, "\numount-all\n{END}\n");
    rest(&mut out, remedy, lang);
    out.push_str("\ndeliver \"$WORK/done\"\n");
    out
}

/// libguestfs starts logical volumes by itself, and counts partitions as Linux does.
fn device(mount: &Mounted) -> String {
    match &mount.place {
        Place::Part(_, Some(number)) => format!("/dev/sda{number}"),
        Place::Part(_, None) => "/dev/sda".to_owned(),
        Place::Logical(group, logical) => format!("/dev/{group}/{logical}"),
    }
}

fn mounts(out: &mut String, remedy: &Remedy, layout: &Layout) {
    for mount in layout.needed(remedy.steps()) {
        let (device, path) = (quote(&device(mount)), quote(&mount.path));
        if remedy.steps().any(|step| *step == Step::CheckFileSystem(mount.volume)) {
            match mount.kind.as_str() {
                "ext2" | "ext3" | "ext4" => {
                    let _ = writeln!(out, "e2fsck {device} correct:true");
                }
                "xfs" => {
                    // The mount replays the log.
                    let _ = write!(out, "mount {device} /\numount /\nxfs-repair {device}\n");
                }
                _ => {}
            }
        }
        let options = mount.options.as_deref().unwrap_or_default();
        let _ = writeln!(out, "mount-options {} {device} {path}", quote(options));
    }
}

/// Commands of guestfish.
struct Guestfish;

impl Form for Guestfish {
    fn step(&self, step: &Step) -> Option<String> {
        Some(match step {
            Step::Convert | Step::CheckContainer | Step::CheckFileSystem(_) | Step::Rebuild(_) => {
                return None;
            }
            Step::Delete(path) => format!("rm-rf {}", quote(path)),
            step => format!("sh {}", quote(&step.inside()?)),
        })
    }

    fn rebuild(&self, command: &str) -> String {
        format!("sh {}", quote(command))
    }
}

/// `text` as one word of guestfish, between double quotes with escapes (guestfish(1), "Using escape
/// sequences in double quoted arguments").
pub(super) fn quote(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => {
                out.push('\\');
                out.push(c);
            }
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}
