//! `win-sysprep-state`

use super::scope::{Decision, known, settle, windows_only};
use super::{Context, Doc, Fixed, Level, Outcome, Profile, Rule};
use crate::fact::Evidence;
use crate::guest::facts::{Facts, IMAGE_STATE_COMPLETE, IMAGE_STATE_UNDEPLOYABLE};
use crate::text;

/// What Sysprep left.
pub(super) struct WinSysprepState;

static DOC: Doc = Doc {
    title: Fixed::new("What Sysprep and setup left is worth knowing", "Sysprep及安装状态"),
    why: Fixed::new(
        "Sysprep is only needed where servers made from the image join a domain or need their own SID. Commands of the specialize pass (RunSynchronous) in an answer file that does not fit end the first start with “could not parse or process the unattend answer file for pass [specialize]”; on Windows Server 2012 and 2012 R2 Sysprep clears the administrator's password.",
        "仅当云服务器需要加入域或需要独立SID时才需执行Sysprep。应答文件specialize阶段的RunSynchronous命令不匹配时，首次启动会报错“无法分析或处理pass [specialize]的unattend应答文件”；在Windows Server 2012/2012 R2上，Sysprep会清空管理员密码。",
    ),
    decided: Fixed::new(
        "ImageState of SOFTWARE\\Microsoft\\Windows\\CurrentVersion\\Setup\\State, what SYSTEM\\Setup says of setup under way, the answer files that setup looks for (SYSTEM\\Setup\\UnattendFile, \\Windows\\Panther, \\Windows\\System32\\Sysprep, the root of the drive), and the RunSynchronous commands in them, but for the one of Cloudbase-Init's own Unattend.xml. How often Sysprep may still be run cannot be seen.",
        "读取SOFTWARE\\Microsoft\\Windows\\CurrentVersion\\Setup\\State中的ImageState、SYSTEM\\Setup中记录的安装进度、安装程序会查找的应答文件（SYSTEM\\Setup\\UnattendFile、\\Windows\\Panther、\\Windows\\System32\\Sysprep、系统盘根目录）及其中的RunSynchronous命令（不含Cloudbase-Init自带Unattend.xml中的命令）。Sysprep剩余可执行次数无法检测。",
    ),
    remedy: Fixed::new(
        "Take RunSynchronous out of the answer file, or run Sysprep with Cloudbase-Init's Unattend.xml: sysprep /generalize /oobe /unattend:Unattend.xml",
        "请删除应答文件中的RunSynchronous，或使用Cloudbase-Init的Unattend.xml执行Sysprep：sysprep /generalize /oobe /unattend:Unattend.xml",
    ),
    source: "执行Sysprep (OTC 0093887081); OTC 0030713206",
    predicts: &[],
    repaired_by_platform: false,
};

impl Rule for WinSysprepState {
    fn id(&self) -> &'static str {
        "win-sysprep-state"
    }

    fn level(&self, _: Profile) -> Option<Level> {
        Some(Level::Informational)
    }

    fn doc(&self) -> &'static Doc {
        &DOC
    }

    fn check(&self, facts: &Facts, _: &Context) -> Outcome {
        settle(decide(facts))
    }
}

fn decide(facts: &Facts) -> Decision {
    let windows = windows_only(facts)?;
    let sysprep = &windows.sysprep;
    let Some(state) = known(&sysprep.image_state)? else {
        return Ok(Outcome::noted(
            text!(
                "The registry does not say whether setup has ended.",
                "注册表中没有安装状态信息。"
            ),
            vec![Evidence::new(
                r"HKLM\SOFTWARE\Microsoft\Windows\CurrentVersion\Setup\State",
                "no ImageState",
            )],
        ));
    };
    let value = &state.value;
    let domain = windows.domain.known().and_then(Option::as_ref);
    let mut evidence = vec![state.evidence.clone()];
    evidence.extend(domain.map(|domain| domain.evidence.clone()));
    if value == IMAGE_STATE_UNDEPLOYABLE {
        return Ok(Outcome::broken(
            text!(
                "A phase of setup was begun and did not end ({value}): such an image never gets deployable.",
                "系统安装的某个阶段未完成（{value}），此类镜像无法部署。"
            ),
            evidence,
        )
        .remedy(text!(
            "Install it anew, or make the image of a machine whose setup has ended.",
            "请重新安装系统，或使用安装流程已完成的系统制作镜像。"
        )));
    }
    if value == IMAGE_STATE_COMPLETE {
        if let Some(progress) = known(&sysprep.in_progress)? {
            evidence.push(progress.clone());
            return Ok(Outcome::doubtful(
                text!(
                    "ImageState says that setup has ended, but the next start goes on with it.",
                    "ImageState显示系统安装已完成，但下次启动会继续执行安装流程。"
                ),
                evidence,
            )
            .remedy(text!(
                "Start the machine once more and let setup end.",
                "请重新启动该系统使安装流程完成。"
            )));
        }
        return Ok(match domain {
            Some(domain) => {
                let domain = &domain.value;
                Outcome::noted(
                    text!(
                        "It is a member of the domain {domain}: run Sysprep where several servers are to be made from it.",
                        "该系统已加入域{domain}：如需创建多台云服务器，请先执行Sysprep。"
                    ),
                    evidence,
                )
            }
            None => Outcome::holds(
                text!("Setup has ended; Sysprep was not run.", "系统安装已完成，未执行Sysprep。"),
                evidence,
            ),
        });
    }
    let commands = known(&sysprep.run_synchronous)?;
    let files = known(&sysprep.answer_files)?;
    if let Some(first) = commands.first() {
        let place = first.location.clone();
        evidence.extend(commands.iter().cloned());
        return Ok(Outcome::doubtful(
            text!(
                "The next start goes through setup ({value}), and its answer file runs commands ({place}); where they do not fit, the start fails.",
                "下次启动将执行系统安装流程（{value}），且应答文件中包含命令（{place}）；命令不匹配时启动会失败。"
            ),
            evidence,
        ));
    }
    evidence.extend(files.iter().cloned());
    evidence.extend(known(&sysprep.run_cloudbase_init)?.iter().cloned());
    Ok(Outcome::noted(
        text!(
            "The next start goes through setup ({value}).",
            "下次启动将执行系统安装流程（{value}）。"
        ),
        evidence,
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    use crate::fact::Fact;
    use crate::guest::facts::Seen;
    use crate::rules::Status;
    use crate::rules::testing::windows::*;
    use crate::rules::testing::*;

    const RULE: WinSysprepState = WinSysprepState;

    fn generalized() -> Facts {
        let mut facts = good_windows();
        let value = "IMAGE_STATE_GENERALIZE_RESEAL_TO_OOBE".to_owned();
        let state = Seen::new(value, Evidence::new("State", "ImageState"));
        windows_mut(&mut facts).sysprep.image_state = Fact::Known(Some(state));
        facts
    }

    #[test]
    fn a_system_whose_setup_has_ended_passes() {
        expect(&RULE, &good_windows(), Status::Pass, "IMAGE_STATE_COMPLETE");
    }

    #[test]
    fn what_the_next_start_does_is_worth_knowing() {
        expect(&RULE, &generalized(), Status::Info, "RESEAL_TO_OOBE");
        let mut facts = generalized();
        let own = Evidence::new(r"\Windows\Panther\unattend.xml:4", "starts Cloudbase-Init");
        windows_mut(&mut facts).sysprep.run_cloudbase_init = Fact::Known(vec![own]);
        let finding = expect(&RULE, &facts, Status::Info, "unattend.xml:4");
        assert!(!finding.message.get(crate::rules::Lang::En).contains("where they do not fit"));
        let mut facts = generalized();
        let command = Evidence::new(r"\Windows\Panther\unattend.xml:12", "RunSynchronousCommand");
        windows_mut(&mut facts).sysprep.run_synchronous = Fact::Known(vec![command]);
        let finding = expect(&RULE, &facts, Status::Info, "unattend.xml:12");
        assert!(remedy(&finding).contains("RunSynchronous"));
        let mut facts = good_windows();
        let domain = Seen::new("corp.example".to_owned(), Evidence::new("Tcpip", "Domain"));
        windows_mut(&mut facts).domain = Fact::Known(Some(domain));
        expect(&RULE, &facts, Status::Info, "corp.example");
        windows_mut(&mut facts).sysprep.image_state = Fact::Known(None);
        expect(&RULE, &facts, Status::Info, "no ImageState");
    }

    #[test]
    fn setup_that_did_not_end_is_told() {
        let mut facts = generalized();
        let value = "IMAGE_STATE_UNDEPLOYABLE".to_owned();
        let state = Seen::new(value, Evidence::new("State", "ImageState"));
        windows_mut(&mut facts).sysprep.image_state = Fact::Known(Some(state));
        expect(&RULE, &facts, Status::Info, "never gets deployable");
        let mut facts = good_windows();
        let progress = Evidence::new(r"HKLM\SYSTEM\Setup", "SetupType=2");
        windows_mut(&mut facts).sysprep.in_progress = Fact::Known(Some(progress));
        expect(&RULE, &facts, Status::Info, "goes on with it");
        windows_mut(&mut facts).sysprep.in_progress = Fact::unknown("Setup", "torn");
        expect(&RULE, &facts, Status::Unverified, "torn");
    }

    #[test]
    fn what_cannot_be_read_is_unverified() {
        expect(&RULE, &windows_unread(), Status::Unverified, "it was torn");
        let mut facts = generalized();
        windows_mut(&mut facts).sysprep.run_synchronous = Fact::unknown("unattend.xml", "torn");
        expect(&RULE, &facts, Status::Unverified, "torn");
        expect(&RULE, &good_linux(), Status::NotApplicable, "Linux");
    }
}
