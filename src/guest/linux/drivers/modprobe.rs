//! What keeps modules from being loaded: `modprobe.d` and the kernel's command line.
//!
//! Source: modprobe.d(5), kernel-command-line(7), the kernel's `kernel-parameters.txt`
//! (`module_blacklist`), dracut.cmdline(7) (`rd.driver.blacklist`), initramfs-tools(7) (`blacklist`).

use super::alias::{MAX_COMPARED, fits, normalise, too_much};
use super::source::Source;
use crate::fact::{Evidence, Unread, shortened};

/// Most lines that are kept; a distribution has some 100.
const MAX_LINES: usize = 4096;

/// Most bytes of all its files; a distribution's have some 20 KiB.
const MAX_TEXT: usize = 4 << 20;

/// How far a block reaches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reach {
    /// It is not loaded by an alias (`blacklist`).
    Alias,
    /// It is not loaded at all (`install … /bin/false`, `module_blacklist=`).
    All,
}

struct Block {
    module: String,
    reach: Reach,
    evidence: Evidence,
}

/// An alias that the configuration sets; it goes before those of the modules.
struct Alias {
    pattern: String,
    module: String,
    evidence: Evidence,
}

/// The configuration of modprobe.
#[derive(Default)]
pub(super) struct Modprobe {
    blocks: Vec<Block>,
    aliases: Vec<Alias>,
    /// Bytes of their patterns.
    compared: usize,
    /// Modules with an `install` line that is not understood.
    doubts: Vec<(String, Unread)>,
    /// The first file that could not be read.
    unread: Option<Unread>,
}

impl Modprobe {
    /// The configuration in these files.
    pub(super) fn of(sources: Vec<Source>) -> Self {
        let mut modprobe = Self::default();
        let mut read = 0_usize;
        for source in sources {
            match source.text.as_result() {
                Ok(text) if read.saturating_add(text.len()) > MAX_TEXT => {
                    let reason = format!("more than {MAX_TEXT} bytes of all files, not read");
                    modprobe.unread.get_or_insert_with(|| Unread::new(&source.location, reason));
                }
                Ok(text) => {
                    read = read.saturating_add(text.len());
                    modprobe.read(&source.location, text);
                }
                Err(unread) => {
                    modprobe.unread.get_or_insert(unread.clone());
                }
            }
        }
        modprobe
    }

    fn read(&mut self, location: &str, text: &str) {
        for (number, line) in logical_lines(text) {
            let words: Vec<&str> = line.split_ascii_whitespace().collect();
            let evidence =
                || Evidence::new(format!("{location}:{number}"), shortened(&words.join(" ")));
            let kept = [self.blocks.len(), self.aliases.len(), self.doubts.len()];
            if kept.into_iter().fold(0, usize::saturating_add) >= MAX_LINES {
                self.unread.get_or_insert_with(|| {
                    Unread::new(location, format!("more than {MAX_LINES} lines"))
                });
                return;
            }
            match words.as_slice() {
                ["blacklist", module, ..] => {
                    let (module, reach) = (normalise(module), Reach::Alias);
                    self.blocks.push(Block { module, reach, evidence: evidence() });
                }
                ["install", module, command @ ..] => match loads(command) {
                    Some(true) => {}
                    Some(false) => {
                        let (module, reach) = (normalise(module), Reach::All);
                        self.blocks.push(Block { module, reach, evidence: evidence() });
                    }
                    None => {
                        let seen = evidence();
                        let reason = format!("whether `{}` loads it is not known", seen.detail);
                        self.doubts.push((normalise(module), Unread::new(seen.location, reason)));
                    }
                },
                ["alias", pattern, module, ..] => {
                    self.compared = self.compared.saturating_add(pattern.len());
                    if self.compared > MAX_COMPARED {
                        self.unread.get_or_insert_with(|| too_much(location));
                        return;
                    }
                    let (pattern, module) = ((*pattern).to_owned(), normalise(module));
                    self.aliases.push(Alias { pattern, module, evidence: evidence() });
                }
                _ => {}
            }
        }
    }

    /// Adds what the kernel's command line blocks. `early`: in the initramfs.
    pub(super) fn add_command_line(&mut self, location: &str, command_line: &str, early: bool) {
        for word in command_line.split_ascii_whitespace() {
            let Some((key, value)) = word.split_once('=') else { continue };
            let reach = match normalise(key).as_str() {
                "modprobe.blacklist" => Reach::Alias,
                "rd.driver.blacklist" | "rdblacklist" | "blacklist" if early => Reach::Alias,
                "module_blacklist" => Reach::All,
                _ => continue,
            };
            let shown = shortened(word);
            for module in value.trim_matches('"').split(',').filter(|module| !module.is_empty()) {
                if self.blocks.len() >= MAX_LINES {
                    let reason = format!("more than {MAX_LINES} modules are blocked");
                    self.unread.get_or_insert_with(|| Unread::new(location, reason));
                    return;
                }
                let evidence = Evidence::new(location, shown.clone());
                self.blocks.push(Block { module: normalise(module), reach, evidence });
            }
        }
    }

    /// What keeps a module from being loaded by an alias.
    pub(super) fn by_alias(&self, module: &str) -> Option<&Evidence> {
        self.blocks.iter().find(|block| block.module == module).map(|block| &block.evidence)
    }

    /// What keeps a module from being loaded by its name.
    pub(super) fn by_name(&self, module: &str) -> Option<&Evidence> {
        self.blocks
            .iter()
            .find(|block| block.module == module && block.reach == Reach::All)
            .map(|block| &block.evidence)
    }

    /// Why it is not known whether a module is loaded.
    pub(super) fn doubt(&self, module: &str) -> Option<&Unread> {
        let own = self.doubts.iter().find(|(name, _)| name == module);
        self.unread.as_ref().or(own.map(|(_, unread)| unread))
    }

    /// The modules that the configuration itself sets for one of these aliases.
    pub(super) fn aliases_for(&self, aliases: &[&str]) -> Vec<(String, Evidence)> {
        self.aliases
            .iter()
            .filter(|own| aliases.iter().any(|alias| fits(&own.pattern, alias)))
            .map(|own| (own.module.clone(), own.evidence.clone()))
            .collect()
    }
}

/// Whether the command of an `install` line loads the module after all; `None` when that is not
/// decided.
fn loads(command: &[&str]) -> Option<bool> {
    let name = |word: &str| word.rsplit('/').next().unwrap_or(word).to_owned();
    if command.iter().any(|word| matches!(name(word).as_str(), "modprobe" | "insmod")) {
        return Some(true);
    }
    match command.first().map(|word| name(word)).as_deref() {
        None | Some("true" | "false" | "nologin" | ":" | "exit" | "echo" | "logger") => Some(false),
        Some(_) => None,
    }
}

/// Lines with their number from 1; one that ends in `\` goes on in the next. Comments and empty ones
/// are left out.
fn logical_lines(text: &str) -> Vec<(usize, String)> {
    let mut lines = Vec::new();
    let mut open: Option<(usize, String)> = None;
    for (index, line) in text.lines().enumerate() {
        let (number, mut whole) =
            open.take().unwrap_or_else(|| (index.saturating_add(1), String::new()));
        match line.strip_suffix('\\') {
            Some(line) => {
                whole.push_str(line);
                whole.push(' ');
                open = Some((number, whole));
            }
            None => {
                whole.push_str(line);
                lines.push((number, whole));
            }
        }
    }
    lines.extend(open);
    lines.retain(|(_, line)| !line.trim_start().starts_with('#') && !line.trim().is_empty());
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fact::Fact;

    fn of(text: &str) -> Modprobe {
        let text = Fact::Known(text.to_owned());
        Modprobe::of(vec![Source { location: "/etc/modprobe.d/x.conf".to_owned(), text }])
    }

    #[test]
    fn a_blacklist_stops_aliases_and_an_install_line_stops_all() {
        let modprobe = of("# no\nblacklist virtio-blk\ninstall xen_netfront /bin/true\n\
                           install \\\n  ata_piix /usr/bin/false\n");
        let seen = modprobe.by_alias("virtio_blk").unwrap();
        assert_eq!(seen.location, "/etc/modprobe.d/x.conf:2");
        assert!(modprobe.by_name("virtio_blk").is_none());
        assert!(modprobe.by_name("xen_netfront").is_some());
        assert_eq!(modprobe.by_name("ata_piix").unwrap().location, "/etc/modprobe.d/x.conf:4");
        assert!(modprobe.by_alias("virtio_net").is_none());
    }

    #[test]
    fn an_install_line_that_loads_the_module_stops_nothing() {
        let modprobe =
            of("install virtio_net /sbin/modprobe --ignore-install virtio_net; /bin/x\n");
        assert!(modprobe.by_alias("virtio_net").is_none());
        let modprobe = of("install virtio_net /opt/own-script\n");
        assert!(modprobe.doubt("virtio_net").unwrap().reason.contains("own-script"));
    }

    #[test]
    fn the_command_line_blocks_early_late_or_both() {
        let line =
            "ro modprobe.blacklist=virtio-net,x rd.driver.blacklist=ata_piix module-blacklist=y";
        let mut early = Modprobe::default();
        early.add_command_line("/boot/grub/grub.cfg:9", line, true);
        let mut late = Modprobe::default();
        late.add_command_line("/boot/grub/grub.cfg:9", line, false);
        for (modprobe, ata) in [(&early, true), (&late, false)] {
            assert!(modprobe.by_alias("virtio_net").is_some());
            assert!(modprobe.by_name("virtio_net").is_none());
            assert_eq!(modprobe.by_alias("ata_piix").is_some(), ata);
            assert!(modprobe.by_name("y").is_some());
        }
    }

    #[test]
    fn a_command_line_that_blocks_without_end_is_told_and_its_words_are_shown_once() {
        let mut modprobe = Modprobe::default();
        modprobe.add_command_line(
            "grub.cfg:1",
            &format!("module_blacklist={}", "a,".repeat(100_000)),
            true,
        );
        assert_eq!(modprobe.blocks.len(), MAX_LINES);
        assert!(modprobe.by_name("a").unwrap().detail.len() <= 200);
        assert!(modprobe.doubt("b").unwrap().reason.contains("more than 4096 modules"));
    }

    #[test]
    fn an_alias_of_the_configuration_is_found() {
        let modprobe = of("alias virtio:d00000002v* off\n");
        let found = modprobe.aliases_for(&["virtio:d00000002v00001AF4"]);
        assert_eq!(found[0].0, "off");
    }

    #[test]
    fn patterns_of_the_configuration_are_kept_up_to_a_bound() {
        let lines = |count: usize| format!("alias *[{}] m\n", "b".repeat(997)).repeat(count);
        assert!(of(&lines(65)).doubt("m").is_none());
        assert!(of(&lines(66)).doubt("m").unwrap().reason.contains("bytes of patterns"));
    }
}
