//! `resume-device-exists`

use super::scope::{Decision, known, linux_only, settle, undecided};
use super::{Context, Doc, Fixed, Level, Outcome, Profile, Rule};
use crate::fact::Evidence;
use crate::guest::facts::{DeviceRef, Facts, Resolution};
use crate::text;

/// Nothing waits for a device to resume from that is not there.
pub(super) struct ResumeDeviceExists;

static DOC: Doc = Doc {
    title: Fixed::new("The device to resume from exists", "休眠恢复设备存在"),
    why: Fixed::new(
        "A start whose resume= names a device that is not there waits for it, half a minute or more, each time.",
        "resume=指定的设备不存在时，每次启动都会等待该设备半分钟以上。",
    ),
    decided: Fixed::new(
        "resume= of the default boot entry, RESUME= in /etc/initramfs-tools/conf.d/resume and in the initramfs, and the command line that dracut put into the initramfs; each device must be in the image. noresume on the command line switches them off, resume= there goes before initramfs-tools' own setting.",
        "检查默认引导项的resume=、/etc/initramfs-tools/conf.d/resume及initramfs中的RESUME=、dracut写入initramfs的命令行；所指设备必须存在于镜像中。命令行含noresume时不生效，命令行的resume=优先于initramfs-tools的设置。",
    ),
    remedy: Fixed::new(
        "initramfs-tools: echo RESUME=none > /etc/initramfs-tools/conf.d/resume && update-initramfs -u; GRUB: grubby --update-kernel=ALL --remove-args=resume, or take resume= out of /etc/default/grub and run update-grub or grub2-mkconfig; then rebuild the initramfs (dracut -f)",
        "initramfs-tools：执行echo RESUME=none > /etc/initramfs-tools/conf.d/resume && update-initramfs -u；GRUB：执行grubby --update-kernel=ALL --remove-args=resume，或从/etc/default/grub中删除resume=后执行update-grub或grub2-mkconfig；然后重建initramfs（dracut -f）",
    ),
    source: "initramfs-tools(7), dracut.cmdline(7), kernel-parameters.txt",
    predicts: &[],
    repaired_by_platform: false,
};

impl Rule for ResumeDeviceExists {
    fn id(&self) -> &'static str {
        "resume-device-exists"
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
    let entry = known(&linux.boot.default_entry)?.as_ref();
    if let Some(entry) = entry
        && entry.command_line.split_ascii_whitespace().any(|word| word == "noresume")
    {
        let seen = Evidence::new(entry.command_line_location.clone(), "noresume");
        return Ok(Outcome::holds(
            text!("The kernel is told not to resume.", "启动参数禁用了休眠恢复。"),
            vec![seen],
        ));
    }
    let on_line = entry.and_then(|entry| {
        let device = entry.resume.as_ref()?;
        let detail = format!("resume={}", device.spec);
        Some((Evidence::new(entry.command_line_location.clone(), detail), device))
    });
    let settings = linux.drivers.resume.as_result();
    let overridden = |place: &str| on_line.is_some() && !place.contains("cmdline.d/");
    let devices = settings.into_iter().flatten().filter_map(|setting| {
        let device = setting.device.as_ref()?;
        (!overridden(&setting.evidence.location)).then(|| (setting.evidence.clone(), device))
    });
    let devices: Vec<(Evidence, &DeviceRef)> = on_line.clone().into_iter().chain(devices).collect();
    let (mut gone, mut unknown, mut seen) = (Vec::new(), None, Vec::new());
    for (evidence, device) in devices {
        match &device.resolution {
            Resolution::Missing => gone.push((evidence, device)),
            Resolution::Unknown(unread) => unknown = unknown.or(Some(unread)),
            Resolution::Volume(_) | Resolution::NoDevice => seen.push(evidence),
        }
    }
    if let Some((first, device)) = gone.first() {
        let (place, spec) = (&first.location, &device.spec);
        let message = text!(
            "{place} names {spec} to resume from, which no volume of the image is: each start waits for it.",
            "{place}指定从{spec}恢复，但镜像中没有该设备：每次启动都会等待。"
        );
        return Ok(Outcome::broken(message, gone.into_iter().map(|(seen, _)| seen).collect()));
    }
    if let Some(unread) = unknown {
        return Err(Box::new(undecided(unread)));
    }
    known(&linux.drivers.resume)?;
    let message = if seen.is_empty() {
        seen.push(match entry {
            Some(entry) => Evidence::new(entry.command_line_location.clone(), "no resume="),
            None => Evidence::new("initramfs", "no resume="),
        });
        text!("Nothing names a device to resume from.", "没有指定休眠恢复设备。")
    } else {
        text!("The device to resume from is in the image.", "休眠恢复设备存在于镜像中。")
    };
    Ok(Outcome::holds(message, seen))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fact::Fact;
    use crate::guest::facts::{ResumeSetting, SourceKind};
    use crate::rules::Status;
    use crate::rules::testing::*;

    fn set(facts: &mut Facts, place: &str, device: Option<DeviceRef>) {
        let evidence = Evidence::new(place, "resume");
        linux_mut(facts).drivers.resume = Fact::Known(vec![ResumeSetting { evidence, device }]);
    }

    #[test]
    fn no_setting_and_a_device_that_is_there_pass() {
        let mut facts = good_linux();
        expect(&ResumeDeviceExists, &facts, Status::Pass, "no resume=");
        let swap = device("/dev/sda3", SourceKind::KernelName, Resolution::Volume(2));
        entry_mut(&mut facts).resume = Some(swap);
        expect(&ResumeDeviceExists, &facts, Status::Pass, "resume=/dev/sda3");
        set(&mut facts, "/etc/initramfs-tools/conf.d/resume:1", None);
        expect(&ResumeDeviceExists, &facts, Status::Pass, "/dev/sda3");
    }

    #[test]
    fn a_device_that_is_not_there_warns_wherever_it_is_named() {
        let mut facts = good_linux();
        entry_mut(&mut facts).resume = Some(absent_disk());
        expect(&ResumeDeviceExists, &facts, Status::Warn, "resume=UUID=dead");
        let mut facts = good_linux();
        set(&mut facts, "/etc/initramfs-tools/conf.d/resume:1", Some(absent_disk()));
        expect(&ResumeDeviceExists, &facts, Status::Warn, "conf.d/resume:1");
    }

    #[test]
    fn what_is_switched_off_or_overridden_does_not_count() {
        let mut facts = good_linux();
        set(&mut facts, "/etc/initramfs-tools/conf.d/resume:1", Some(absent_disk()));
        let swap = device("/dev/sda3", SourceKind::KernelName, Resolution::Volume(2));
        entry_mut(&mut facts).resume = Some(swap);
        expect(&ResumeDeviceExists, &facts, Status::Pass, "/dev/sda3");
        set(&mut facts, "/boot/x.img: etc/cmdline.d/95resume.conf:1", Some(absent_disk()));
        expect(&ResumeDeviceExists, &facts, Status::Warn, "95resume.conf");
        entry_mut(&mut facts).command_line.push_str(" noresume");
        expect(&ResumeDeviceExists, &facts, Status::Pass, "noresume");
    }

    #[test]
    fn what_could_not_be_read_is_unverified() {
        let mut facts = good_linux();
        linux_mut(&mut facts).drivers.resume = Fact::unknown("conf.d/resume", "for the shell");
        expect(&ResumeDeviceExists, &facts, Status::Unverified, "for the shell");
        expect(&ResumeDeviceExists, &unread_inside(), Status::Unverified, "it was torn");
    }
}
