//! From where the system would resume, by the settings beside the default entry's `resume=`.

use super::source::{self, Folder, Source};
use crate::disk::facts::DiskFacts;
use crate::error::Error;
use crate::fact::{Evidence, Fact, Unread};
use crate::filesystem::tree::Tree;
use crate::guest::facts::ResumeSetting;
use crate::guest::linux::device::device_ref;
use crate::guest::linux::initramfs::Files;

/// Most settings that are kept; a system has one or two.
const MAX_SETTINGS: usize = 32;

/// The settings of initramfs-tools in the guest (initramfs.conf(5), `RESUME`) and in the initramfs,
/// and the command line that dracut put into the initramfs (dracut.cmdline(7), `resume=`).
pub(super) fn find(
    tree: &Tree,
    initramfs: Option<(&Files, &str)>,
    disk: &DiskFacts,
) -> Fact<Vec<ResumeSetting>> {
    let mut finder = Finder { disk, found: Vec::new(), unread: None };
    finder.shell(source::file(tree, "/etc/initramfs-tools/conf.d/resume"));
    if let Some((files, image)) = initramfs {
        finder.shell(source::single(files, image, "conf/conf.d/resume"));
        finder.shell(source::single(files, image, "conf/param.conf"));
        let cmdline = Folder { name: "cmdline.d", conf_only: true };
        for source in source::in_initramfs(files, image, cmdline) {
            finder.command_line(&source);
        }
    }
    finder.unread.map_or(Fact::Known(finder.found), Fact::Unknown)
}

struct Finder<'a> {
    disk: &'a DiskFacts,
    found: Vec<ResumeSetting>,
    unread: Option<Unread>,
}

impl Finder<'_> {
    /// `RESUME=…` in a file that the shell reads; of several the last counts.
    fn shell(&mut self, source: Option<Source>) {
        let Some(source) = source else { return };
        let text = match source.text.as_result() {
            Ok(text) => text,
            Err(unread) => return self.not_read(unread),
        };
        let lines = text.lines().enumerate();
        let assigned = lines.filter_map(|(index, line)| {
            let line = line.trim().strip_prefix("export ").unwrap_or(line.trim());
            let value = line.strip_prefix("RESUME=").or_else(|| line.strip_prefix("resume="))?;
            Some((index.saturating_add(1), value.split('#').next()?.trim()))
        });
        let Some((number, value)) = assigned.last() else { return };
        let location = format!("{}:{number}", source.location);
        if value.contains(['$', '`']) {
            let reason = format!("`{value}` is for the shell to say");
            return self.not_read(&Unread::new(location, reason));
        }
        self.add(location, value.trim_matches(['"', '\'']));
    }

    /// `resume=…` on a command line.
    fn command_line(&mut self, source: &Source) {
        let text = match source.text.as_result() {
            Ok(text) => text,
            Err(unread) => return self.not_read(unread),
        };
        for (index, line) in text.lines().enumerate() {
            for word in line.split_ascii_whitespace() {
                if let Some(value) = word.trim_matches('"').strip_prefix("resume=") {
                    self.add(format!("{}:{}", source.location, index.saturating_add(1)), value);
                }
            }
        }
    }

    fn add(&mut self, location: String, value: &str) {
        if self.found.len() >= MAX_SETTINGS {
            // The last of them may be the one that counts.
            let error = Error::too_much("resume", MAX_SETTINGS, "settings");
            return self.not_read(&Unread::from((location.as_str(), &error)));
        }
        let names_none = matches!(value, "" | "none" | "auto");
        let device = (!names_none).then(|| device_ref(value, self.disk));
        let evidence = Evidence::new(location, format!("resume {value}"));
        self.found.push(ResumeSetting { evidence, device });
    }

    fn not_read(&mut self, unread: &Unread) {
        self.unread.get_or_insert_with(|| unread.clone());
    }
}
