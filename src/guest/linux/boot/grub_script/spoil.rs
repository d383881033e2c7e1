//! What a branch that may be run, or may not, puts in doubt.

use std::collections::BTreeSet;
use std::rc::Rc;

use super::commands::{OTHER_MENUS, OTHER_SYSTEMS};
use super::interpreter::Interpreter;
use super::syntax::{Block, Statement};
use super::token::Part;
use super::{Doubt, Stop};

impl Interpreter<'_, '_> {
    /// Puts everything in doubt that running `block` might change.
    pub(super) fn spoil(&mut self, block: &Block, doubt: &Doubt) -> Result<(), Stop> {
        let mut called = BTreeSet::new();
        let mut blocks = vec![Rc::clone(block)];
        while let Some(block) = blocks.pop() {
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
                            "set" | "unset" | "increment" | "decrement" => {
                                if let Some(Some(Part::Text(text))) = bare.next() {
                                    let name = text.split('=').next().unwrap_or_default();
                                    self.spoil_variable(name, doubt)?;
                                }
                            }
                            "search" | "search.fs_uuid" | "search.fs_label" | "search.file" => {
                                let name = bare
                                    .filter_map(|part| match part {
                                        Some(Part::Text(text)) => text.strip_prefix("--set="),
                                        _ => None,
                                    })
                                    .next();
                                self.spoil_variable(name.unwrap_or("root"), doubt)?;
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
                            | "initrdefi" | "multiboot" | "multiboot2" | "module" | "module2" => {
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
                                    blocks.push(Rc::clone(body));
                                }
                            }
                        }
                    }
                    Statement::If { arms, otherwise } => {
                        for (condition, body) in arms {
                            blocks.extend([Rc::clone(condition), Rc::clone(body)]);
                        }
                        blocks.push(Rc::clone(otherwise));
                    }
                    Statement::Loop { condition, body, .. } => {
                        blocks.extend([Rc::clone(condition), Rc::clone(body)]);
                    }
                    Statement::For { name, body, .. } => {
                        self.spoil_variable(name, doubt)?;
                        blocks.push(Rc::clone(body));
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
