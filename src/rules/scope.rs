//! Whether a rule concerns an image at all, and what it says when a fact that it needs is not known.

use super::{Outcome, Text, shell};
use crate::chinese::chinese;
use crate::disk::facts::DiskFacts;
use crate::fact::{Fact, Unread};
use crate::guest::facts::{Facts, FirmwareFacts, Guest, LinuxFacts, WindowsFacts};
use crate::image::facts::{Format, Qcow2Facts};
use crate::text;

/// A value needed for the decision, or the outcome that stands without it.
pub(super) type Decision<T = Outcome> = Result<T, Box<Outcome>>;

/// The outcome, whichever way it was reached.
pub(super) fn settle(decision: Decision) -> Outcome {
    decision.unwrap_or_else(|outcome| *outcome)
}

/// Not decided, because of `unread`.
pub(super) fn undecided(unread: &Unread) -> Outcome {
    let (location, reason) = (&unread.location, &unread.reason);
    let (location_zh, reason_zh) = (chinese(location), chinese(reason));
    Outcome::unverified(
        text!("Not decided: {location}: {reason}.", "无法判定：{location_zh}：{reason_zh}。"),
        unread,
    )
}

/// The fact's value; without it the rule ends undecided.
pub(super) fn known<T>(fact: &Fact<T>) -> Decision<&T> {
    fact.as_result().map_err(|unread| Box::new(undecided(unread)))
}

/// The disk; when it is not known because the container's content is not read, that is the reason.
pub(super) fn disk(facts: &Facts) -> Decision<&DiskFacts> {
    in_content(facts, &facts.disk)
}

/// How the disk can be booted.
pub(super) fn firmware(facts: &Facts) -> Decision<&FirmwareFacts> {
    in_content(facts, &facts.firmware)
}

/// What the qcow2 file says of itself; other formats are not concerned.
pub(super) fn qcow2(facts: &Facts) -> Decision<&Qcow2Facts> {
    let image = &facts.image;
    if image.format != Format::Qcow2 {
        let name = image.format.name();
        return Err(Box::new(Outcome::not_applicable(text!(
            "The file is {name}, not qcow2.",
            "该文件的格式为{name}，不是qcow2。"
        ))));
    }
    match &image.qcow2 {
        Some(fact) => known(fact),
        None => Err(Box::new(undecided(&Unread::new("qcow2 header", "it was not looked at")))),
    }
}

/// The Linux guest, for a rule that only concerns Linux.
pub(super) fn linux_only(facts: &Facts) -> Decision<&LinuxFacts> {
    match guest(facts)? {
        Guest::Linux(linux) => Ok(linux),
        Guest::Windows(_) => Err(Box::new(Outcome::not_applicable(text!(
            "The guest is Windows; this rule concerns Linux.",
            "镜像中的操作系统为Windows，本规则仅适用于Linux。"
        )))),
        Guest::Absent(_) => Err(Box::new(without_guest())),
    }
}

/// The Linux guest, for a rule that concerns any guest.
pub(super) fn any_guest(facts: &Facts) -> Decision<&LinuxFacts> {
    match guest(facts)? {
        Guest::Linux(linux) => Ok(linux),
        Guest::Windows(windows) => Err(Box::new(windows_unread(windows))),
        Guest::Absent(_) => Err(Box::new(without_guest())),
    }
}

/// The Windows guest, for a rule that only concerns Windows.
pub(super) fn windows_only(facts: &Facts) -> Decision<&WindowsFacts> {
    match guest(facts)? {
        Guest::Windows(windows) => Ok(windows),
        Guest::Linux(_) => Err(Box::new(Outcome::not_applicable(text!(
            "The guest is Linux; this rule concerns Windows.",
            "镜像中的操作系统为Linux，本规则仅适用于Windows。"
        )))),
        Guest::Absent(_) => Err(Box::new(without_guest())),
    }
}

/// Whether there is an operating system, for a rule that is the same for each of them.
pub(super) fn some_guest(facts: &Facts) -> Decision<&Guest> {
    match guest(facts)? {
        Guest::Absent(_) => Err(Box::new(without_guest())),
        found => Ok(found),
    }
}

/// The operating system, whichever it is.
pub(super) fn guest(facts: &Facts) -> Decision<&Guest> {
    in_content(facts, &facts.guest)
}

/// A rule that needs an operating system where there is none.
pub(super) fn without_guest() -> Outcome {
    Outcome::not_applicable(text!(
        "The image holds no operating system (see single-disk-image).",
        "镜像中没有操作系统（参见single-disk-image）。"
    ))
}

/// A Windows guest where the rule would have to look into it.
pub(super) fn windows_unread(windows: &WindowsFacts) -> Outcome {
    let place = windows.evidence.first().map_or("guest", |seen| seen.location.as_str());
    Outcome::unverified(
        text!(
            "Not decided: Windows guests are recognised but not read by this version.",
            "无法判定：当前版本能识别但不读取Windows操作系统。"
        ),
        &Unread::new(place, "Windows guests are recognised but not read by this version"),
    )
}

/// How a container that is not read becomes one that is, where `qemu-img` reads it.
fn to_qcow2(facts: &Facts) -> Option<Text> {
    let is_read_by_qemu_img = matches!(
        facts.image.format,
        Format::Vmdk | Format::Vhd | Format::Vhdx | Format::Vdi | Format::Qed | Format::Qcow
    );
    let path = shell::quote_path(&facts.image.path);
    is_read_by_qemu_img.then(|| {
        text!(
            "qemu-img convert -p -O qcow2 {path} disk.qcow2    # then check disk.qcow2",
            "qemu-img convert -p -O qcow2 {path} disk.qcow2    # 然后检查disk.qcow2"
        )
    })
}

/// The nearest cause of a missing fact is the container's, where its content is not read.
fn in_content<'a, T>(facts: &'a Facts, fact: &'a Fact<T>) -> Decision<&'a T> {
    match (fact, &facts.image.content) {
        (Fact::Known(value), _) => Ok(value),
        (Fact::Unknown(unread), Fact::Known(())) => Err(Box::new(undecided(unread))),
        (Fact::Unknown(_), Fact::Unknown(unread)) => {
            let outcome = undecided(unread);
            Err(Box::new(match to_qcow2(facts) {
                Some(remedy) => outcome.remedy(remedy),
                None => outcome,
            }))
        }
    }
}
