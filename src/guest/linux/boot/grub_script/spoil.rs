//! What a branch that may be run, or may not, puts in doubt.

use std::collections::BTreeSet;
use std::rc::Rc;

use super::commands::{OTHER_MENUS, OTHER_SYSTEMS};
use super::interpreter::{Interpreter, Scope};
use super::syntax::{Block, Statement};
use super::token::Part;
use super::{Doubt, Stop};

/// The innermost of what a block stands in that may not be run: what `break` and `return` leave of that alone puts
/// nothing else in doubt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Within {
    Nothing,
    Loop,
    Function,
}

/// The variables that `search` may set, told from its words, of which those that are made of variables are empty:
/// that behind `--set`, which may be what is sought; then it is `root`.
fn set_by_search<'t>(words: impl Iterator<Item = &'t str>) -> Vec<&'t str> {
    let mut names = vec!["root"];
    let mut words = words.peekable();
    let mut has_what = false;
    while let Some(word) = words.next() {
        if let Some(name) = word.strip_prefix("--set=") {
            names.push(name);
        } else if matches!(word, "-s" | "--set") {
            names.extend(words.next_if(|value| !value.starts_with('-')));
        } else if word.starts_with("--hint") && !word.contains('=') || word == "-h" {
            words.next();
        } else {
            has_what |= !word.starts_with('-');
        }
    }
    if has_what && names.get(1).is_some_and(|name| !name.is_empty()) {
        names.remove(0);
    }
    names
}

impl Interpreter<'_, '_> {
    /// Puts everything in doubt that running `block` might change.
    ///
    /// # Errors
    /// The doubt itself, where `block` may leave a loop or a function that is run, or boot.
    pub(super) fn spoil(
        &mut self,
        block: &Block,
        doubt: &Doubt,
        within: Within,
    ) -> Result<(), Stop> {
        let mut called = BTreeSet::new();
        let mut blocks = vec![(Rc::clone(block), within)];
        while let Some((block, within)) = blocks.pop() {
            let inner = if within == Within::Nothing { Within::Loop } else { within };
            for statement in block.iter() {
                self.budget.step()?;
                match statement {
                    // The block behind a command is an entry's, run only when that is chosen.
                    Statement::Command(words, _) => {
                        let mut bare = words.iter().map(|word| word.parts.first());
                        let command = match bare.next().flatten() {
                            Some(Part::Text(text) | Part::Quoted(text)) => text.as_str(),
                            _ => "",
                        };
                        match command {
                            "break" | "continue" => {
                                let is_inner = match within {
                                    Within::Nothing => false,
                                    Within::Loop => words.len() < 2,
                                    Within::Function => true,
                                };
                                if self.loops > 0 && !is_inner {
                                    return Err(Stop::End(doubt.to_string()));
                                }
                            }
                            "return" => {
                                if self.scope != Scope::Outside && within != Within::Function {
                                    return Err(Stop::End(doubt.to_string()));
                                }
                            }
                            "boot" => return Err(Stop::End(doubt.to_string())),
                            "setparams" => self.may_do_anything(doubt)?,
                            "set" | "unset" | "export" | "increment" | "decrement" => {
                                if let Some(Some(Part::Text(text))) = bare.next() {
                                    let name = text.split('=').next().unwrap_or_default();
                                    self.spoil_variable(name, doubt)?;
                                }
                            }
                            "search.fs_uuid" | "search.fs_label" | "search.file"
                            | "search.fs_file" => {
                                let name = match bare.nth(1) {
                                    Some(Some(Part::Text(name) | Part::Quoted(name))) => name,
                                    _ => "root",
                                };
                                self.spoil_variable(name, doubt)?;
                            }
                            "search" => {
                                let texts = bare.map(|part| match part {
                                    Some(Part::Text(text)) => text.as_str(),
                                    _ => "",
                                });
                                for name in set_by_search(texts) {
                                    self.spoil_variable(name, doubt)?;
                                }
                            }
                            "btrfs-mount-subvol" => self.doubt_subvolume_mounts(doubt)?,
                            "load_env" => self.unset_doubt = Some(Rc::clone(doubt)),
                            "source" | "." => {
                                self.unset_doubt = Some(Rc::clone(doubt));
                                self.spoil_variable("default", doubt)?;
                                self.menu.doubt_from_here(Rc::clone(doubt));
                            }
                            "eval" => self.may_do_anything(doubt)?,
                            name if OTHER_MENUS.contains(&name) => self.may_do_anything(doubt)?,
                            "menuentry" | "submenu" | "hiddenentry" | "blscfg" | "bls_import"
                            | "configfile" | "normal" | "exit" | "normal_exit" | "halt"
                            | "reboot" => {
                                self.menu.doubt_from_here(Rc::clone(doubt));
                            }
                            "linux" | "linux16" | "linuxefi" | "initrd" | "initrd16"
                            | "initrdefi" | "multiboot" | "multiboot2" | "module" | "module2"
                            | "xen_hypervisor" | "xen_module" | "xen_linux" | "xen_initrd" => {
                                self.loaded.doubt = Some(Rc::clone(doubt));
                            }
                            name if OTHER_SYSTEMS.contains(&name) => {
                                self.loaded.doubt = Some(Rc::clone(doubt));
                            }
                            name => {
                                if let Some((name, _)) = name.split_once('=') {
                                    self.spoil_variable(name, doubt)?;
                                } else if let Some(body) = self.functions.get(name)
                                    && called.insert(name.to_owned())
                                {
                                    blocks.push((Rc::clone(body), Within::Function));
                                }
                            }
                        }
                    }
                    Statement::If { arms, otherwise } => {
                        for (condition, body) in arms {
                            blocks.extend([condition, body].map(|it| (Rc::clone(it), within)));
                        }
                        blocks.push((Rc::clone(otherwise), within));
                    }
                    Statement::Loop { condition, body, .. } => {
                        blocks.extend([condition, body].map(|it| (Rc::clone(it), inner)));
                    }
                    Statement::For { name, body, .. } => {
                        self.spoil_variable(name, doubt)?;
                        blocks.push((Rc::clone(body), inner));
                    }
                    Statement::Function { .. } => {}
                }
            }
        }
        Ok(())
    }

    /// Puts the value of a variable in doubt.
    pub(super) fn spoil_variable(&mut self, name: &str, doubt: &Doubt) -> Result<(), Stop> {
        let mut text = self.variable(name);
        text.doubt = Some(Rc::clone(doubt));
        self.set(name, text)
    }
}
