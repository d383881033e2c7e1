//! `leftover-logs-history`

use super::scope::{Decision, linux_only, settle, undecided};
use super::{Context, Doc, Fixed, Level, Outcome, Profile, Rule, shell};
use crate::fact::Evidence;
use crate::guest::facts::{Facts, FileSize};
use crate::text;

/// What happened before.
pub(super) struct LeftoverLogsHistory;

static DOC: Doc = Doc {
    title: Fixed::new(
        "No logs and command histories of an earlier life are left behind",
        "没有遗留的日志和命令历史",
    ),
    why: Fixed::new(
        "Logs and histories show every server made from the image what happened before: names, addresses, now and then passwords; and they make the image larger.",
        "日志和命令历史会让由该镜像创建的云服务器看到以往的信息：用户名、地址，有时甚至是密码；同时也增大了镜像。",
    ),
    decided: Fixed::new(
        "Histories of shells and database clients of root and in /home that are not empty, and /var/log with more than 64 MiB: an installation alone leaves less. Only names and lengths are looked at.",
        "检查root及/home中非空的shell和数据库客户端命令历史，以及/var/log是否超过64MiB（仅安装系统产生的日志小于该值）。仅查看文件名和大小。",
    ),
    remedy: Fixed::new(
        "Last of all: journalctl --rotate && journalctl --vacuum-time=1s; find /var/log -type f -exec truncate -s 0 {} +; for the histories: rm -f of each file that is named, then history -c",
        "最后执行：journalctl --rotate && journalctl --vacuum-time=1s; find /var/log -type f -exec truncate -s 0 {} +；对所列的历史文件执行rm -f，然后执行history -c",
    ),
    source: "清除日志文件",
    predicts: &[],
    repaired_by_platform: false,
};

/// Most bytes of logs that a new installation leaves: some MiB of text, and a journal that systemd
/// lays out in files of 8 MiB for the machine and for each user.
const MOST_LOGS: u64 = 64 << 20;

impl Rule for LeftoverLogsHistory {
    fn id(&self) -> &'static str {
        "leftover-logs-history"
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
    let leftovers = &linux.leftovers;
    let told = |file: &FileSize| Evidence::new(file.path.clone(), format!("{} bytes", file.size));
    let mut unread = None;
    let (mut seen, mut broken, mut repairs) = (Vec::new(), Vec::new(), Vec::new());
    match leftovers.histories.as_result() {
        Ok(histories) if histories.is_empty() => {
            seen.push(Evidence::new("/root, /home/*", "no command history"));
        }
        Ok(histories) => {
            broken.extend(histories.iter().map(told));
            let paths: Vec<_> =
                histories.iter().map(|file| shell::quote_path(&file.path)).collect();
            repairs.push(format!("rm -f {}", paths.join(" ")));
        }
        Err(reason) => unread = Some(reason),
    }
    match leftovers.logs.as_result() {
        Ok(logs) => {
            let all = Evidence::new(
                "/var/log",
                format!("{} files, {} bytes in all", logs.files, logs.bytes),
            );
            if logs.bytes > MOST_LOGS {
                broken.push(all);
                broken.extend(logs.largest.iter().map(told));
                repairs.push("find /var/log -type f -exec truncate -s 0 {} +".to_owned());
            } else {
                unread = unread.or(logs.unread.as_ref());
                seen.push(all);
                seen.extend(logs.largest.iter().map(told));
            }
        }
        Err(reason) => unread = unread.or(Some(reason)),
    }
    if let Some(first) = broken.first() {
        let (place, what) = (first.location.clone(), first.detail.clone());
        let (place_zh, what_zh) = first.in_chinese();
        let repairs = repairs.join("\n");
        return Ok(Outcome::broken(
            text!(
                "Logs or command histories are left behind ({place}: {what}).",
                "遗留了日志或命令历史（{place_zh}：{what_zh}）。"
            ),
            broken,
        )
        .remedy(text!("{repairs}", "{repairs}")));
    }
    if let Some(unread) = unread {
        return Err(Box::new(undecided(unread)));
    }
    Ok(Outcome::holds(
        text!(
            "There are no command histories, and the logs are no more than an installation leaves.",
            "没有命令历史，日志大小与新安装的系统相当。"
        ),
        seen,
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fact::{Fact, Unread};
    use crate::guest::facts::LogFacts;
    use crate::rules::Status;
    use crate::rules::testing::*;

    fn with(logs: u64, histories: &[&str]) -> Facts {
        let mut facts = good_linux();
        let leftovers = &mut linux_mut(&mut facts).leftovers;
        let file = |path: &str, size| FileSize { path: path.to_owned(), size };
        leftovers.histories = Fact::Known(histories.iter().map(|path| file(path, 9)).collect());
        let largest = vec![file("/var/log/messages", logs)];
        leftovers.logs = Fact::Known(LogFacts { files: 1, bytes: logs, largest, unread: None });
        facts
    }

    #[test]
    fn the_logs_of_an_installation_pass() {
        expect(&LeftoverLogsHistory, &good_linux(), Status::Pass, "/var/log");
        expect(&LeftoverLogsHistory, &with(MOST_LOGS, &[]), Status::Pass, "/var/log/messages");
    }

    #[test]
    fn a_history_or_the_logs_of_years_warn() {
        let facts = with(1, &["/root/.bash_history"]);
        let finding = expect(&LeftoverLogsHistory, &facts, Status::Warn, "/root/.bash_history");
        assert_eq!(remedy(&finding), "rm -f /root/.bash_history");
        let finding = with(MOST_LOGS + 1, &[]);
        expect(&LeftoverLogsHistory, &finding, Status::Warn, "/var/log/messages");
    }

    #[test]
    fn what_could_not_be_read_is_unverified() {
        expect(&LeftoverLogsHistory, &unread_inside(), Status::Unverified, "it was torn");
        let mut facts = with(1, &[]);
        let Fact::Known(logs) = &mut linux_mut(&mut facts).leftovers.logs else { panic!() };
        logs.unread = Some(Unread::new("/var/log/x", "torn"));
        expect(&LeftoverLogsHistory, &facts, Status::Unverified, "/var/log/x");
        assert_eq!(status(&LeftoverLogsHistory, &windows()), Status::NotApplicable);
    }
}
