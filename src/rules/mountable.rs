//! Whether a line of the mount table can be carried out on the volume that it leads to.

use super::system_mounts::{is_required, is_swap};
use super::{Outcome, Text};
use crate::disk::facts::{DiskFacts, SignatureKind, VolumeFacts};
use crate::fact::{Evidence, Unread};
use crate::guest::facts::{DeviceRef, Facts, FstabEntry, LinuxFacts, Resolution, SourceKind};
use crate::text;

/// Why a mount fails although its volume is in this image.
pub(super) struct Failure {
    /// What stands between `mounts X at Y` and the end of the sentence.
    why: Text,
    /// How the line is put right.
    remedy: Text,
}

impl Failure {
    /// The finding about the line, which `evidence` shows; a warning where boot goes on without it.
    pub(super) fn outcome(self, entry: &FstabEntry, evidence: Vec<Evidence>) -> Outcome {
        let (line, file, spec, point) =
            (entry.line, entry.file(), &entry.source.spec, &entry.mount_point);
        let Text { en, zh } = self.why;
        let message = if is_required(entry) {
            text!(
                "Line {line} of {file} mounts {spec} at {point} {en}: the mount fails, and the start stops in emergency mode.",
                "{file}第{line}行将{spec}挂载到{point}，{zh}：挂载失败，启动会进入紧急模式。"
            )
        } else {
            text!(
                "Line {line} of {file} mounts {spec} at {point} {en}: the mount fails, and the start goes on without it.",
                "{file}第{line}行将{spec}挂载到{point}，{zh}：挂载失败，启动会跳过该挂载。"
            )
        };
        let outcome = match is_required(entry) {
            true => Outcome::broken(message, evidence),
            false => Outcome::doubtful(message, evidence),
        };
        outcome.remedy(self.remedy)
    }
}

/// What makes the mount of an entry fail; none when nothing that is known does.
///
/// # Errors
/// Why it cannot be told.
pub(super) fn failure(
    entry: &FstabEntry,
    facts: &Facts,
    linux: &LinuxFacts,
    disk: &DiskFacts,
) -> Result<Option<Failure>, Unread> {
    let required = without_required(entry);
    if let Ok(Some(_)) = required {
        return required;
    }
    match of_volume(entry, facts, linux, disk)? {
        Some(failure) => Ok(Some(failure)),
        None => required,
    }
}

/// As [`failure`], for what the volume holds.
fn of_volume(
    entry: &FstabEntry,
    facts: &Facts,
    linux: &LinuxFacts,
    disk: &DiskFacts,
) -> Result<Option<Failure>, Unread> {
    let Resolution::Volume(index) = &entry.source.resolution else { return Ok(None) };
    let Some(volume) = disk.volumes.get(*index) else { return Ok(None) };
    // The root is mounted already, by what the kernel's command line says.
    if is_swap(entry) || entry.mount_point == "/" {
        return Ok(None);
    }
    if let Some(failure) = other_type(entry, volume)? {
        return Ok(Some(failure));
    }
    let (line, file) = (entry.line, entry.file());
    let mount = linux.mounts.iter().find(|mount| mount.path == entry.mount_point);
    if let Some(why) = mount.and_then(|mount| mount.fails.as_ref()) {
        return Ok(Some(Failure {
            why: text!(
                "from a subvolume that cannot be mounted ({why})",
                "但所指定的子卷无法挂载（{why}）"
            ),
            remedy: text!(
                "Correct subvol= and subvolid= in line {line} of {file} to a subvolume that btrfs subvolume list shows.",
                "将{file}第{line}行的subvol=和subvolid=修改为btrfs subvolume list显示的子卷。"
            ),
        }));
    }
    let found = facts.filesystems.iter().find(|found| found.volume == *index);
    let options = entry.options.iter().map(String::as_str);
    let refusal = found
        .and_then(|found| linux.refusal(found.health.known()?, disk, options))
        .map(|Evidence { location, detail, .. }| format!("{location}: {detail}"));
    if let Some(why) = refusal {
        return Ok(Some(Failure {
            why: text!("in vain ({why})", "但无法挂载（{why}）"),
            remedy: text!(
                "Make the file system anew with blocks of 4096 bytes and its log inside, or take line {line} of {file} out.",
                "以4096字节的块和内部日志重新创建该文件系统，或删除{file}第{line}行。"
            ),
        }));
    }
    let is_plain = volume.signature().is_some_and(|found| family(found.kind.name()).is_some());
    let word = entry.options.iter().find(|option| is_misspelled(option)).filter(|_| is_plain);
    Ok(word.map(|word| Failure {
        why: text!("with the option {word}, which is none", "但选项{word}不存在"),
        remedy: text!(
            "Correct {word} in line {line} of {file} to defaults.",
            "将{file}第{line}行的{word}修改为defaults。"
        ),
    }))
}

/// Whether a device that the mount requires is not in this image.
fn without_required(entry: &FstabEntry) -> Result<Option<Failure>, Unread> {
    if is_swap(entry) || entry.mount_point == "/" || entry.has_option("_netdev") {
        return Ok(None);
    }
    // A device of another kind may be none of a disk.
    let of_disk = |kind| !matches!(kind, SourceKind::Virtual | SourceKind::Other);
    let missing = |it: &&DeviceRef| it.resolution == Resolution::Missing && of_disk(it.kind);
    let Some(DeviceRef { spec, .. }) = entry.requires.iter().find(missing) else {
        let unknown = entry.requires.iter().find_map(|it| match &it.resolution {
            Resolution::Unknown(unread) => Some(unread.clone()),
            _ => None,
        });
        return unknown.map_or(Ok(None), Err);
    };
    let (line, file) = (entry.line, entry.file());
    Ok(Some(Failure {
        why: text!(
            "and requires {spec} (x-systemd.requires=), which is not in this image",
            "且要求{spec}（x-systemd.requires=），但本镜像中没有该设备"
        ),
        remedy: text!(
            "Take x-systemd.requires={spec} out of line {line} of {file}.",
            "从{file}第{line}行删除x-systemd.requires={spec}。"
        ),
    }))
}

/// Whether the volume holds something else than what the line mounts.
fn other_type(entry: &FstabEntry, volume: &VolumeFacts) -> Result<Option<Failure>, Unread> {
    let (line, file, wanted) = (entry.line, entry.file(), &entry.fs_type);
    let types: Option<Vec<&str>> = match wanted.as_str() {
        "auto" => Some(Vec::new()),
        // mount(8): several types may be given in a comma-separated list.
        list => list.split(',').map(family).collect(),
    };
    let Some(types) = types else { return Ok(None) };
    let signatures = match volume.signatures.as_result() {
        Ok(signatures) => signatures,
        Err(unread) => return Err(unread.clone()),
    };
    let Some(found) = signatures.first().map(|found| found.kind) else {
        // systemd.mount(5): it is made at the first start.
        if entry.has_option("x-systemd.makefs") {
            return Ok(None);
        }
        let certain = |family: &&str| matches!(*family, "ext" | "xfs" | "btrfs");
        if types.is_empty() || !types.iter().all(certain) {
            return Err(Unread::new(&volume.name, "it holds no file system that is known"));
        }
        return Ok(Some(Failure {
            why: text!(
                "as {wanted}, but it holds no file system",
                "类型为{wanted}，但其中没有文件系统"
            ),
            remedy: text!(
                "Correct the first field of line {line} of {file}, or take the line out.",
                "修改{file}第{line}行的第一个字段，或删除该行。"
            ),
        }));
    };
    let is_wanted = |name: &str| family(name).is_some_and(|family| types.contains(&family));
    let fits = match types.is_empty() {
        true => !is_never_mounted(found),
        false if family(found.name()).is_some() || is_never_mounted(found) => {
            signatures.iter().any(|found| is_wanted(found.kind.name()))
        }
        false => true,
    };
    let name = found.name();
    let remedy = if found.is_filesystem() {
        text!(
            "Correct the third field of line {line} of {file} to {name}.",
            "将{file}第{line}行的第三个字段修改为{name}。"
        )
    } else {
        text!(
            "Correct the first field of line {line} of {file}, or take the line out.",
            "修改{file}第{line}行的第一个字段，或删除该行。"
        )
    };
    Ok((!fits).then(|| Failure {
        why: text!("as {wanted}, but it is {name}", "类型为{wanted}，但其实际类型为{name}"),
        remedy,
    }))
}

/// The driver of a type; none for those that are not told apart here (FUSE, `iso9660` and `udf`,
/// which one volume may hold both, …). One driver serves ext2, ext3 and ext4, and one msdos and vfat.
fn family(name: &str) -> Option<&str> {
    Some(match name {
        "ext2" | "ext3" | "ext4" => "ext",
        "vfat" | "msdos" => "fat",
        "ntfs" | "ntfs3" | "ntfs-3g" => "ntfs",
        "xfs" | "btrfs" | "exfat" | "f2fs" | "squashfs" => name,
        _ => return None,
    })
}

/// Whether what is there is never mounted by itself, whatever the type. Members of arrays may be.
fn is_never_mounted(kind: SignatureKind) -> bool {
    matches!(kind, SignatureKind::Swap | SignatureKind::SwapSuspended | SignatureKind::LvmPv)
        || kind.is_encryption()
}

/// Whether an option is `defaults` with its letters in another order, or but for one of them. mount(8)
/// hands what it does not know to the file system, which then refuses the mount.
fn is_misspelled(option: &str) -> bool {
    let mut rest: Vec<char> = "defaults".chars().collect();
    let is_made_of_it = option.chars().all(|letter| {
        let at = rest.iter().position(|own| *own == letter);
        at.map(|at| rest.remove(at)).is_some()
    });
    option != "defaults" && is_made_of_it && rest.len() <= 1
}
