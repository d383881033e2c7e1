//! Repairs: from findings and facts to a script that a user reads and runs, on a copy of the image.
//!
//! In: an image's facts and its findings. Out: text. Nothing is run here, and the image is never
//! opened. One list of typed steps (`step`) is made from the findings (`plan`); each form of the
//! script is one file that says each step in its own words.

mod comment;
mod guestfish;
mod layout;
mod plan;
mod sh;
mod step;
#[cfg(test)]
mod tests;
mod virt_customize;

use self::layout::Layout;
use self::plan::Plan;
use self::step::{Edit, Rebuild, Step};
use crate::fact::Fact;
use crate::guest::facts::{Facts, Guest, MachineId};
use crate::rules::{Context, Finding, Lang, Status, Text};
use crate::text;

/// A form of the script.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ScriptFormat {
    /// A shell script for a Linux machine: mounts a copy.
    #[default]
    Sh,
    /// A shell script that calls `guestfish`.
    Guestfish,
    /// A shell script that calls `virt-customize`.
    VirtCustomize,
}

/// What can be repaired in an image, and what cannot.
#[derive(Debug)]
pub struct Remedy {
    path: String,
    file_size: u64,
    /// As `qemu-img` calls the format.
    format: &'static str,
    /// Files besides the image that its conversion reads, as the image names them.
    companions: Vec<String>,
    profile: String,
    /// Rules whose findings are set aside.
    waived: Vec<String>,
    repairs: Vec<Repair>,
    by_hand: Vec<ByHand>,
    /// What could not be decided.
    unverified: Vec<Finding>,
    /// What is no fault, but has a repair for whoever asks for it by its rule.
    on_request: Vec<String>,
    /// The copies of the initramfs that are made anew, each for all steps together.
    rebuilds: Vec<Rebuild>,
    /// Where the guest's file systems lie; none when nothing in them is changed.
    layout: Option<Layout>,
    /// Whether the guest has no machine id, which its first start makes.
    without_machine_id: bool,
}

/// The steps for one finding.
#[derive(Debug)]
struct Repair {
    finding: Finding,
    steps: Vec<Step>,
    /// What is to be known besides.
    note: Option<Text>,
}

/// A finding that no step is for.
#[derive(Debug)]
struct ByHand {
    finding: Finding,
    why: Text,
}

impl Remedy {
    /// Plans the repair of what fails or warns among `findings`; with `rules` of just those, and
    /// then also of what is only told.
    pub fn new(facts: &Facts, findings: &[Finding], context: &Context, rules: &[String]) -> Self {
        let image = &facts.image;
        let qcow2 = image.qcow2.as_ref().and_then(|qcow2| qcow2.known());
        let backing = qcow2.and_then(|qcow2| qcow2.backing_file.clone());
        let data = qcow2.and_then(|qcow2| qcow2.data_file_name.clone());
        let mut remedy = Self {
            path: image.path.clone(),
            file_size: image.file_size,
            format: image.format.name(),
            companions: backing.into_iter().chain(data).collect(),
            profile: context.profile_name().to_owned(),
            waived: Vec::new(),
            repairs: Vec::new(),
            by_hand: Vec::new(),
            unverified: Vec::new(),
            on_request: Vec::new(),
            rebuilds: Vec::new(),
            layout: None,
            without_machine_id: match &facts.guest {
                Fact::Known(Guest::Linux(linux)) => matches!(
                    linux.leftovers.machine_id,
                    Fact::Known(MachineId::Absent | MachineId::Unset(_))
                ),
                _ => false,
            },
        };
        let asked = |finding: &&Finding| rules.is_empty() || rules.contains(&finding.rule);
        for finding in findings.iter().filter(asked) {
            match finding.status {
                Status::Fail | Status::Warn => remedy.add(facts, finding, findings, context),
                Status::Info if !rules.is_empty() && finding.remedy.is_some() => {
                    remedy.add(facts, finding, findings, context);
                }
                Status::Info => {
                    let plan = plan::of(facts, finding, findings, context);
                    if matches!(&plan, Plan::Steps(steps, _) if !steps.is_empty()) {
                        remedy.on_request.push(finding.rule.clone());
                    }
                }
                Status::Unverified => remedy.unverified.push(finding.clone()),
                Status::Waived => remedy.waived.push(finding.rule.clone()),
                Status::Pass | Status::NotApplicable | Status::Manual => {}
            }
        }
        if let Some(why) = obstacle(facts, findings, context, &remedy) {
            remedy.leave_all(&why);
        }
        remedy.settle(facts);
        remedy
    }

    fn add(&mut self, facts: &Facts, finding: &Finding, all: &[Finding], context: &Context) {
        let finding = finding.clone();
        match plan::of(facts, &finding, all, context) {
            Plan::Steps(steps, note) if !steps.is_empty() => {
                if steps.iter().all(Step::is_plain) {
                    self.repairs.push(Repair { finding, steps, note });
                } else {
                    let why = text!(
                        "A name in the image that the steps would need holds control characters or ones that hide text; no script is written with it.",
                        "步骤所需的镜像内名称含有控制字符或会隐藏文本的字符，不写入脚本。"
                    );
                    self.by_hand.push(ByHand { finding, why });
                }
            }
            Plan::Steps(_, note) => {
                let why = note.unwrap_or_else(plan::no_step);
                self.by_hand.push(ByHand { finding, why });
            }
            Plan::ByHand(why) => self.by_hand.push(ByHand { finding, why }),
        }
    }

    /// No copy is made: every repair is left to the user.
    fn leave_all(&mut self, why: &Text) {
        let repairs = self.repairs.drain(..);
        self.by_hand
            .extend(repairs.map(|repair| ByHand { finding: repair.finding, why: why.clone() }));
    }

    /// Makes one script of the repairs: nothing twice, an initramfs once and last, nothing on a line
    /// that another step has replaced or moved.
    fn settle(&mut self, facts: &Facts) {
        self.repairs.sort_by_key(|repair| repair.steps.iter().map(Step::turn).max());
        if self.repairs.iter().any(|repair| repair.steps.iter().any(Step::is_in_guest)) {
            match Layout::of(facts) {
                Ok(layout) => self.layout = Some(layout),
                Err(why) => self.leave_the_guest_alone(&why),
            }
        }
        let mut done: Vec<(Step, String)> = Vec::new();
        for repair in &mut self.repairs {
            let rule = &repair.finding.rule;
            let mut along: Option<String> = None;
            let rebuilds = &mut self.rebuilds;
            repair.steps.retain(|step| {
                if let Step::Rebuild(rebuild) = step {
                    if !rebuilds.iter().any(|other| other.release == rebuild.release) {
                        rebuilds.push(rebuild.clone());
                    }
                    return true;
                }
                if let Some((_, other)) = done.iter().find(|(other, _)| covers(other, step)) {
                    along.get_or_insert_with(|| other.clone());
                    return false;
                }
                done.push((step.clone(), rule.clone()));
                true
            });
            if let Some(other) = along {
                let note = if repair.steps.is_empty() {
                    text!("Done above, for {other}.", "已包含在上面的{other}中。")
                } else {
                    text!(
                        "The rest is done above, for {other}.",
                        "其余步骤已包含在上面的{other}中。"
                    )
                };
                repair.note = Some(match repair.note.take() {
                    Some(Text { en, zh }) => {
                        Text { en: format!("{en} {}", note.en), zh: format!("{zh}{}", note.zh) }
                    }
                    None => note,
                });
            }
        }
    }

    fn leave_the_guest_alone(&mut self, why: &Text) {
        let (inside, outside): (Vec<_>, Vec<_>) =
            self.repairs.drain(..).partition(|repair| repair.steps.iter().any(Step::is_in_guest));
        self.repairs = outside;
        self.by_hand
            .extend(inside.into_iter().map(|r| ByHand { finding: r.finding, why: why.clone() }));
    }

    /// Whether any step is for a file of the guest.
    fn is_in_guest(&self) -> bool {
        self.layout.is_some()
    }

    fn steps(&self) -> impl Iterator<Item = &Step> + Clone {
        self.repairs.iter().flat_map(|repair| &repair.steps)
    }

    /// The script.
    pub fn script(&self, format: ScriptFormat, lang: Lang) -> String {
        if self.repairs.is_empty() {
            return sh::nothing(self, lang);
        }
        match format {
            ScriptFormat::Sh => sh::script(self, lang),
            ScriptFormat::Guestfish => guestfish::script(self, lang),
            ScriptFormat::VirtCustomize => virt_customize::script(self, lang),
        }
    }
}

/// Why no copy can be made at all, whichever rules are asked for and whatever is waived: the conversion
/// would make a disk that looks whole of one that is not, or open what nobody has looked at.
fn obstacle(
    facts: &Facts,
    findings: &[Finding],
    context: &Context,
    remedy: &Remedy,
) -> Option<Text> {
    let image = &facts.image;
    let is_left = |finding: &&Finding| {
        let is_broken = match finding.rule.as_str() {
            // Only told as doubtful, it is untidy and no more.
            "partition-layout-sound" => finding.status == Status::Fail,
            "qcow2-structure-consistent" | "qcow2-features-conservative" | "format-supported" => {
                matches!(finding.status, Status::Fail | Status::Warn)
            }
            _ => false,
        };
        is_broken
            && !matches!(plan::of(facts, finding, findings, context), Plan::Steps(steps, _) if !steps.is_empty())
    };
    if findings.iter().any(|finding| is_left(&finding))
        || image.content.unread().is_some_and(|_| remedy.companions.is_empty())
    {
        return Some(text!(
            "Only once the file itself is whole and can be read.",
            "须先使镜像文件本身完整且可读取。"
        ));
    }
    let qcow2 = image.qcow2.as_ref().and_then(|qcow2| qcow2.known())?;
    let opened = [
        (qcow2.backing_file.is_some(), "qcow2-no-backing-file"),
        (qcow2.external_data_file || qcow2.data_file_name.is_some(), "qcow2-no-external-data-file"),
    ];
    let settled = |rule: &str| remedy.repairs.iter().any(|repair| repair.finding.rule == rule);
    let (_, rule) = opened.into_iter().find(|(names, rule)| *names && !settled(rule))?;
    Some(text!(
        "Any conversion opens the other file that the image names; only once {rule} is repaired.",
        "任何转换都会打开镜像所引用的另一文件：须先处理{rule}。"
    ))
}

/// Whether a step that is done makes another one needless, or impossible: the same one, or one that
/// has replaced the line.
fn covers(done: &Step, step: &Step) -> bool {
    if done == step {
        return true;
    }
    match (done, step) {
        (Step::Edit { file, edit }, Step::Edit { file: other, edit: next }) => {
            let taken = edit.takes_the_line() || matches!(next, Edit::CommentOut { .. });
            file == other && taken && edit.line().is_some() && edit.line() == next.line()
        }
        (Step::Delete(path), Step::Edit { file, .. }) => path == file,
        _ => false,
    }
}
