//! `qcow2-not-encrypted`

use super::scope::{Decision, qcow2, settle};
use super::{Context, Doc, Fixed, Level, Outcome, Profile, Rule, shell};
use crate::fact::Evidence;
use crate::guest::facts::Facts;
use crate::text;

/// The qcow2 file is not encrypted.
pub(super) struct Qcow2NotEncrypted;

static DOC: Doc = Doc {
    title: Fixed::new("A qcow2 file is not encrypted", "QCOW2镜像文件没有加密属性"),
    why: Fixed::new(
        "The platform has no key for an encrypted qcow2 file, so it can read nothing of the disk inside and refuses the file.",
        "平台没有加密QCOW2文件的密钥，无法读取其中的磁盘内容，因此会拒绝该文件。",
    ),
    decided: Fixed::new(
        "The header field crypt_method (byte 32) is 0, and there is no full-disk-encryption header extension (0x0537be77).",
        "文件头的crypt_method字段（偏移32字节）为0，且不存在全盘加密头扩展（0x0537be77）。",
    ),
    remedy: Fixed::new(
        "qemu-img convert -p --object secret,id=sec0,file=PASSPHRASE.txt --image-opts driver=qcow2,file.filename=IMAGE,encrypt.key-secret=sec0 -O qcow2 plain.qcow2",
        "qemu-img convert -p --object secret,id=sec0,file=口令文件 --image-opts driver=qcow2,file.filename=镜像文件,encrypt.key-secret=sec0 -O qcow2 plain.qcow2",
    ),
    source: "制作镜像 (ims_03_0603), Windows list item 1, Linux list item 1",
    predicts: &[],
    repaired_by_platform: false,
};

impl Rule for Qcow2NotEncrypted {
    fn id(&self) -> &'static str {
        "qcow2-not-encrypted"
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
    let qcow2 = qcow2(facts)?;
    let method = qcow2.crypt_method;
    let name = match method {
        0 => "none",
        1 => "AES",
        2 => "LUKS",
        _ => "unknown",
    };
    let mut evidence =
        vec![Evidence::new("qcow2 header, byte 32", format!("crypt_method {method} ({name})"))];
    if let Some(offset) = qcow2.encryption_extension_at {
        let place = format!("qcow2 header extension, byte {offset}");
        evidence.push(Evidence::new(place, "0x0537be77 (full disk encryption)"));
    }
    if method == 0 && qcow2.encryption_extension_at.is_none() {
        return Ok(Outcome::holds(
            text!("crypt_method is 0: not encrypted.", "crypt_method为0，未加密。"),
            evidence,
        ));
    }
    let path = shell::quote(&format!(
        "driver=qcow2,file.filename={},encrypt.key-secret=sec0",
        facts.image.path.replace(',', ",,")
    ));
    Ok(Outcome::broken(
        text!(
            "The qcow2 file is encrypted (crypt_method {method}, {name}).",
            "该QCOW2文件已加密（crypt_method为{method}，{name}）。"
        ),
        evidence,
    )
    .remedy(text!(
        "qemu-img convert -p --object secret,id=sec0,file=PASSPHRASE.txt --image-opts {path} -O qcow2 plain.qcow2",
        "qemu-img convert -p --object secret,id=sec0,file=口令文件 --image-opts {path} -O qcow2 plain.qcow2"
    )))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::Status;
    use crate::rules::testing::*;

    #[test]
    fn a_plain_file_passes() {
        expect(&Qcow2NotEncrypted, &good_linux(), Status::Pass, "crypt_method 0");
    }

    #[test]
    fn an_encrypted_file_fails() {
        let mut facts = good_linux();
        qcow2_mut(&mut facts).crypt_method = 2;
        let finding = expect(&Qcow2NotEncrypted, &facts, Status::Fail, "LUKS");
        assert!(remedy(&finding).contains("file.filename=centos.qcow2"));
    }

    #[test]
    fn the_header_extension_alone_fails_too() {
        let mut facts = good_linux();
        qcow2_mut(&mut facts).encryption_extension_at = Some(112);
        expect(&Qcow2NotEncrypted, &facts, Status::Fail, "0x0537be77");
    }

    #[test]
    fn an_unreadable_header_is_unverified_and_another_format_not_concerned() {
        expect(&Qcow2NotEncrypted, &unread(), Status::Unverified, "it was torn");
        expect(&Qcow2NotEncrypted, &foreign(), Status::NotApplicable, "vmdk");
    }
}
