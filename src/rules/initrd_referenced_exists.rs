//! `initrd-referenced-exists`

use super::scope::{Decision, known, linux_only, settle, undecided};
use super::{Context, Doc, Fixed, Level, Outcome, Profile, Rule};
use crate::fact::{Evidence, Fact, Unread};
use crate::guest::facts::{BootEntry, BootFile, Facts};
use crate::text;

/// The files that the boot entries name are there.
pub(super) struct InitrdReferencedExists;

static DOC: Doc = Doc {
    title: Fixed::new(
        "The kernel and initramfs that the boot entries name exist",
        "引导项引用的内核和initramfs文件存在",
    ),
    why: Fixed::new(
        "A boot entry that names a file that is gone ends in “file not found”; without its initramfs the kernel panics because it cannot mount its root.",
        "引导项引用的文件不存在时，启动会提示“file not found”；缺少initramfs时，内核因无法挂载根文件系统而panic。",
    ),
    decided: Fixed::new(
        "The paths in the default entry are looked up on the file system that the loader would read them from. Other entries with missing files warn.",
        "在引导程序所读取的文件系统上查找默认引导项中的路径。其他引导项的文件缺失时仅告警。",
    ),
    remedy: Fixed::new(
        "Install the kernel package again or rebuild the initramfs (update-initramfs -c -k RELEASE; dracut -f --kver RELEASE), then update-grub or grub2-mkconfig.",
        "重新安装内核软件包或重建initramfs（update-initramfs -c -k 版本；dracut -f --kver 版本），然后执行update-grub或grub2-mkconfig。",
    ),
    source: "Engineering knowledge; 修改grub文件磁盘标识方式为UUID (OTC 0086020895) names the files",
    predicts: &[],
    repaired_by_platform: false,
};

impl Rule for InitrdReferencedExists {
    fn id(&self) -> &'static str {
        "initrd-referenced-exists"
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
    let linux = linux_only(facts)?;
    let Some(entry) = known(&linux.boot.default_entry)? else {
        return Err(Box::new(undecided(&Unread::new(
            "boot loader configuration",
            "there is no default boot entry (see boot-chain-complete)",
        ))));
    };
    let missing: Vec<_> = files(entry).filter(|file| is_missing(file)).collect();
    if let Some(first) = missing.first() {
        let (spec, place) = (&first.spec, &first.location);
        let outcome = Outcome::broken(
            text!(
                "The default boot entry names {spec} ({place}), which does not exist.",
                "默认引导项引用的{spec}（{place}）不存在。"
            ),
            missing.iter().map(|file| shown(file, "does not exist")).collect(),
        );
        return Ok(outcome);
    }
    for file in files(entry) {
        known(&file.resolved)?;
    }
    let others: Vec<_> =
        linux.boot.other_entries.iter().flat_map(files).filter(|file| is_missing(file)).collect();
    if let Some(first) = others.first() {
        let (spec, place) = (&first.spec, &first.location);
        return Ok(Outcome::doubtful(
            text!(
                "Another boot entry names {spec} ({place}), which does not exist.",
                "其他引导项引用的{spec}（{place}）不存在。"
            ),
            others.iter().map(|file| shown(file, "does not exist")).collect(),
        ));
    }
    if entry.kernel.is_none() {
        return Err(Box::new(undecided(&Unread::new(
            entry.location.clone(),
            "the default boot entry names no kernel",
        ))));
    }
    let title = &entry.title;
    Ok(Outcome::holds(
        text!(
            "All files that the default entry “{title}” names exist.",
            "默认引导项“{title}”引用的文件均存在。"
        ),
        files(entry).map(|file| shown(file, "exists")).collect(),
    ))
}

fn files(entry: &BootEntry) -> impl Iterator<Item = &BootFile> {
    entry.kernel.iter().chain(&entry.initrds)
}

fn is_missing(file: &BootFile) -> bool {
    matches!(file.resolved, Fact::Known(None))
}

fn shown(file: &BootFile, what: &str) -> Evidence {
    Evidence::new(file.location.clone(), format!("{} {what}", file.spec))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::Status;
    use crate::rules::testing::*;

    #[test]
    fn files_that_are_there_pass() {
        expect(&InitrdReferencedExists, &good_linux(), Status::Pass, "grub.cfg:101");
    }

    #[test]
    fn a_missing_initramfs_fails_with_its_line() {
        let mut facts = good_linux();
        entry_mut(&mut facts).initrds[0].resolved = Fact::Known(None);
        expect(&InitrdReferencedExists, &facts, Status::Fail, "/boot/grub2/grub.cfg:101");
    }

    #[test]
    fn a_missing_file_of_another_entry_warns() {
        let mut facts = good_linux();
        let mut other = boot_entry();
        other.kernel.as_mut().unwrap().resolved = Fact::Known(None);
        linux_mut(&mut facts).boot.other_entries = vec![other];
        expect(&InitrdReferencedExists, &facts, Status::Warn, "Another boot entry");
    }

    #[test]
    fn files_that_could_not_be_looked_up_are_unverified() {
        let mut facts = good_linux();
        entry_mut(&mut facts).initrds[0].resolved = Fact::unknown("/boot", "XFS is not read");
        expect(&InitrdReferencedExists, &facts, Status::Unverified, "XFS is not read");
        linux_mut(&mut facts).boot.default_entry = Fact::Known(None);
        expect(&InitrdReferencedExists, &facts, Status::Unverified, "no default boot entry");
        assert_eq!(status(&InitrdReferencedExists, &windows()), Status::NotApplicable);
    }
}
