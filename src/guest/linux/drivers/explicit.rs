//! Modules that are loaded by name, whatever devices there are.
//!
//! Source: modules-load.d(5), dracut.cmdline(7) (`rd.driver.pre`, `rd.driver.post`), initramfs-tools(7)
//! (`conf/modules`), modules(5) of Debian (`/etc/modules`).

use std::collections::BTreeMap;

use super::alias::normalise;
use super::source::{self, Folder, Source};
use crate::fact::{Evidence, Unread, shortened};
use crate::filesystem::tree::Tree;
use crate::guest::linux::initramfs::Files;

/// Most modules that are kept; a few are usual.
const MAX_MODULES: usize = 1024;

/// The modules, each with what names it.
#[derive(Default)]
pub(super) struct Explicit {
    modules: BTreeMap<String, (Evidence, bool)>,
    /// The first that is not known.
    pub(super) unread: Option<Unread>,
}

const MODULES_LOAD: Folder = Folder { name: "modules-load.d", conf_only: true };

impl Explicit {
    /// What an initramfs loads.
    pub(super) fn early(files: &Files, image: &str, place: &str, command_line: &str) -> Self {
        let mut explicit = Self::default();
        explicit.add_list(source::single(files, image, "conf/modules"), false);
        for source in source::in_initramfs(files, image, MODULES_LOAD) {
            explicit.add_list(Some(source), true);
        }
        explicit.add_command_line(place, command_line, true);
        let cmdline = Folder { name: "cmdline.d", conf_only: true };
        let own = source::single(files, image, "etc/cmdline");
        for source in source::in_initramfs(files, image, cmdline).into_iter().chain(own) {
            match source.text.as_result() {
                Ok(text) => explicit.add_command_line(&source.location, text, true),
                Err(unread) => explicit.not_read(unread),
            }
        }
        explicit
    }

    /// What the system loads once its root is mounted.
    pub(super) fn late(tree: &Tree, place: &str, command_line: &str) -> Self {
        let mut explicit = Self::default();
        explicit.add_list(source::file(tree, "/etc/modules"), true);
        for source in source::in_tree(tree, MODULES_LOAD) {
            explicit.add_list(Some(source), true);
        }
        explicit.add_command_line(place, command_line, false);
        explicit
    }

    /// What names this module, and whether a blacklist keeps it from being loaded all the same
    /// (`modprobe` without `-b` asks no blacklist).
    pub(super) fn get(&self, module: &str) -> Option<(&Evidence, bool)> {
        self.modules.get(module).map(|(evidence, blacklist)| (evidence, *blacklist))
    }

    fn not_read(&mut self, unread: &Unread) {
        self.unread.get_or_insert_with(|| unread.clone());
    }

    fn add_list(&mut self, source: Option<Source>, blacklist: bool) {
        let Some(source) = source else { return };
        let text = match source.text.as_result() {
            Ok(text) => text,
            Err(unread) => return self.not_read(unread),
        };
        for (index, line) in text.lines().enumerate() {
            if line.trim_start().starts_with(['#', ';']) {
                continue;
            }
            // Behind the name parameters may stand.
            if let Some(name) = line.split_ascii_whitespace().next() {
                let place = format!("{}:{}", source.location, index.saturating_add(1));
                self.insert(name, Evidence::new(place, shortened(name)), blacklist);
            }
        }
    }

    fn add_command_line(&mut self, place: &str, command_line: &str, early: bool) {
        for word in command_line.split_ascii_whitespace() {
            let Some((key, value)) = word.split_once('=') else { continue };
            let blacklist = match normalise(key).as_str() {
                "modules_load" => true,
                "rd.modules_load" if early => true,
                "rd.driver.pre" | "rdloaddriver" | "rd.driver.post" | "rdinsmodpost" if early => {
                    false
                }
                _ => continue,
            };
            let shown = shortened(word);
            for name in value.trim_matches('"').split(',').filter(|name| !name.is_empty()) {
                self.insert(name, Evidence::new(place, shown.clone()), blacklist);
            }
        }
    }

    fn insert(&mut self, name: &str, evidence: Evidence, blacklist: bool) {
        if self.modules.len() >= MAX_MODULES {
            let reason =
                format!("more than {MAX_MODULES} modules are named, the rest was not read");
            return self.not_read(&Unread::new(evidence.location, reason));
        }
        self.modules.entry(normalise(name)).or_insert((evidence, blacklist));
    }
}
