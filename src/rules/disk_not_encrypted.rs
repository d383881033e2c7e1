//! `disk-not-encrypted`

use super::scope::{Decision, disk, settle, undecided};
use super::system_mounts::is_boot;
use super::{Context, Doc, Fixed, Level, Outcome, Profile, Rule, volumes};
use crate::disk::facts::{DiskFacts, Signature, SignatureKind, VolumeFacts};
use crate::fact::{Evidence, Fact, Unread};
use crate::guest::facts::{CrypttabEntry, Facts, Guest, LinuxFacts};
use crate::text;

/// Nothing on the disk is encrypted.
pub(super) struct DiskNotEncrypted;

static DOC: Doc = Doc {
    title: Fixed::new("The disk is not encrypted", "磁盘未使用加密机制"),
    why: Fixed::new(
        "Nobody is there to type the passphrase, and a key bound to the old machine's TPM is lost: the server waits for ever before it mounts its root, and the platform cannot set the system up.",
        "启动时无人输入口令，绑定在原机器TPM上的密钥也会丢失：云服务器将一直停在挂载根文件系统之前，平台也无法对系统进行配置。",
    ),
    decided: Fixed::new(
        "Every volume is searched for the signatures of LUKS and BitLocker; /etc/crypttab must not name the root file system. eCryptfs and VeraCrypt leave no signature and cannot be seen.",
        "在每个卷上查找LUKS和BitLocker特征；/etc/crypttab不得包含根文件系统。eCryptfs和VeraCrypt没有特征，无法检测。",
    ),
    remedy: Fixed::new(
        "Decrypt before the export. LUKS2: cryptsetup reencrypt --decrypt --header header.img DEVICE (keep a backup), then take its line out of /etc/crypttab and rebuild the initramfs. BitLocker: manage-bde -off C: and wait until manage-bde -status says fully decrypted.",
        "请在导出前解密。LUKS2：cryptsetup reencrypt --decrypt --header header.img 设备（注意备份），然后删除/etc/crypttab中的对应行并重建initramfs。BitLocker：执行manage-bde -off C:，等待manage-bde -status显示已完全解密。",
    ),
    source: "制作镜像 (ims_03_0603), Windows list item 11, Linux list item 11",
    predicts: &[],
    repaired_by_platform: false,
};

impl Rule for DiskNotEncrypted {
    fn id(&self) -> &'static str {
        "disk-not-encrypted"
    }

    fn level(&self, _: Profile) -> Option<Level> {
        Some(Level::Required)
    }

    fn doc(&self) -> &'static Doc {
        &DOC
    }

    fn check(&self, facts: &Facts, _: &Context) -> Outcome {
        settle(decide(facts))
    }
}

fn decide(facts: &Facts) -> Decision {
    let disk = disk(facts)?;
    let (mut encrypted, mut others, mut unknown, mut seen) = (vec![], vec![], vec![], vec![]);
    unknown.extend(disk.table_read.unread().cloned());
    for volume in &disk.volumes {
        match volume.signatures.as_result() {
            Ok(signatures) => {
                seen.push(Evidence::new("volume", volumes::describe(volume)));
                let found = signatures.iter().filter(|signature| signature.kind.is_encryption());
                encrypted.extend(found.map(|signature| place(volume, signature)));
            }
            Err(unread) => unknown.push(unread.clone()),
        }
    }
    match &facts.guest {
        Fact::Known(Guest::Linux(linux)) => match linux.crypttab.as_result() {
            Ok(entries) => {
                for entry in entries.iter().filter(|entry| is_opened(linux, entry)) {
                    let evidence =
                        Evidence::new(format!("/etc/crypttab:{}", entry.line), entry.text.clone());
                    let list = if is_needed(linux, entry) { &mut encrypted } else { &mut others };
                    list.push(evidence);
                }
            }
            Err(unread) => unknown.push(unread.clone()),
        },
        Fact::Known(_) => {}
        Fact::Unknown(unread) => unknown.push(unread.clone()),
    }
    if let Some(first) = encrypted.first() {
        let (place, what) = (first.location.clone(), first.detail.clone());
        let (place_zh, what_zh) = first.in_chinese();
        return Ok(Outcome::broken(
            text!("The disk is encrypted: {place}: {what}.", "磁盘已加密：{place_zh}：{what_zh}。"),
            encrypted,
        ));
    }
    unknown.extend(unopened(disk));
    if let Some(unread) = unknown.first() {
        return Err(Box::new(undecided(unread)));
    }
    if let Some(first) = others.first() {
        let (place, what) = (first.location.clone(), first.detail.clone());
        let (place_zh, what_zh) = first.in_chinese();
        return Ok(Outcome::doubtful(
            text!(
                "An encrypted volume beside the system is set up at boot: {place}: {what}.",
                "启动时会打开系统之外的加密卷：{place_zh}：{what_zh}。"
            ),
            others,
        ));
    }
    let count = disk.volumes.len();
    Ok(Outcome::holds(
        text!(
            "None of the {count} volumes bears a signature of encryption.",
            "{count}个卷均没有加密特征。"
        ),
        seen,
    ))
}

fn place(volume: &VolumeFacts, signature: &Signature) -> Evidence {
    let place = match volume.start.and_then(|start| start.checked_add(signature.offset)) {
        Some(byte) => format!("{}, byte {byte} of the disk", volume.name),
        None => format!("{}, byte {}", volume.name, signature.offset),
    };
    Evidence::new(place, signature.kind.name())
}

/// Whether boot opens the volume: not with `noauto`, unless something is mounted from it
/// (crypttab(5)).
fn is_opened(linux: &LinuxFacts, entry: &CrypttabEntry) -> bool {
    let options = entry.text.split_ascii_whitespace().nth(3).unwrap_or_default();
    let mapper = format!("/dev/mapper/{}", entry.target);
    let mounts = linux.fstab.known().into_iter().flat_map(|fstab| &fstab.entries);
    !options.split(',').any(|option| option == "noauto")
        || is_needed(linux, entry)
        || linux.fstab.known().is_none()
        || mounts.filter(|mount| !mount.is_noauto()).any(|mount| mount.source.spec == mapper)
}

/// Whether the guest mounts a part of itself from the volume that the entry opens.
fn is_needed(linux: &LinuxFacts, entry: &CrypttabEntry) -> bool {
    let mapper = format!("/dev/mapper/{}", entry.target);
    let boot = linux.boot.default_entry.known().and_then(Option::as_ref);
    let root = boot.and_then(|boot| boot.root.as_ref()).map(|root| root.spec.as_str());
    let mounts = linux.fstab.known().into_iter().flat_map(|fstab| &fstab.entries);
    mounts
        .filter(|mount| is_boot(&mount.mount_point))
        .map(|mount| mount.source.spec.as_str())
        .chain(root)
        .any(|spec| spec == mapper)
}

/// A physical volume or member of an array whose own volumes were not all seen.
fn unopened(disk: &DiskFacts) -> Option<Unread> {
    disk.volumes.iter().enumerate().find_map(|(index, volume)| {
        let kind = volume.signature()?.kind;
        let is_opened_elsewhere = matches!(kind, SignatureKind::LvmPv | SignatureKind::MdRaid);
        is_opened_elsewhere.then(|| disk.unopened(index)).flatten()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::guest::facts::{Resolution, SourceKind};
    use crate::rules::Status;
    use crate::rules::testing::*;

    #[test]
    fn a_disk_without_signatures_of_encryption_passes() {
        expect(&DiskNotEncrypted, &good_linux(), Status::Pass, "partition 2 (ext4)");
        assert_eq!(status(&DiskNotEncrypted, &windows()), Status::Pass);
    }

    #[test]
    fn a_luks_volume_fails_with_its_place() {
        let mut facts = good_linux();
        let volume = &mut disk_mut(&mut facts).volumes[1];
        let Fact::Known(signatures) = &mut volume.signatures else { panic!() };
        signatures[0].kind = SignatureKind::Luks2;
        signatures[0].offset = 0;
        expect(&DiskNotEncrypted, &facts, Status::Fail, "partition 2, byte 2147483648");
        facts.guest = Fact::unknown("/", "it is encrypted");
        expect(&DiskNotEncrypted, &facts, Status::Fail, "crypto_LUKS");
    }

    #[test]
    fn a_crypttab_line_for_the_root_fails_and_another_warns() {
        let mut facts = good_linux();
        linux_mut(&mut facts).crypttab = Fact::Known(vec![CrypttabEntry {
            line: 3,
            target: "luks-root".to_owned(),
            source: absent_disk(),
            text: "luks-root UUID=dead none".to_owned(),
        }]);
        expect(&DiskNotEncrypted, &facts, Status::Warn, "/etc/crypttab:3");
        // Nobody opens it unless something is mounted from it.
        let Fact::Known(crypttab) = &mut linux_mut(&mut facts).crypttab else { panic!() };
        crypttab[0].text = "luks-root UUID=dead none luks,noauto".to_owned();
        assert_eq!(status(&DiskNotEncrypted, &facts), Status::Pass);
        let spec = "/dev/mapper/luks-root";
        fstab_mut(&mut facts).entries[0].source =
            device(spec, SourceKind::DeviceMapper, Resolution::Missing);
        expect(&DiskNotEncrypted, &facts, Status::Fail, "/etc/crypttab:3");
    }

    #[test]
    fn what_was_not_looked_into_is_unverified() {
        let mut facts = good_linux();
        let volume = &mut disk_mut(&mut facts).volumes[1];
        let Fact::Known(signatures) = &mut volume.signatures else { panic!() };
        signatures[0].kind = SignatureKind::LvmPv;
        expect(&DiskNotEncrypted, &facts, Status::Unverified, "LVM2_member");
        expect(&DiskNotEncrypted, &unread_inside(), Status::Unverified, "it was torn");
        expect(&DiskNotEncrypted, &foreign(), Status::Unverified, "content of vmdk is not read");
    }
}
