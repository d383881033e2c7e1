//! Running statements: variables, words, blocks, functions, files.

use std::collections::BTreeMap;
use std::rc::Rc;

use super::btrfs::{self, SubvolumeMount};
use super::menu::{Menu, MenuItem};
use super::spoil::Within;
use super::syntax::{Block, Parser, Statement};
use super::token::{Part, Word};
use super::{
    Budget, Doubt, Loaded, MAX_DEPTH, MAX_FILE_BYTES, STEP_BYTES, STEP_WORK, Site, Stop, Text,
    bound, shortened,
};
use crate::error::Result as ReadResult;
use crate::guest::linux::boot::grub_device::Device;
use crate::guest::linux::boot::volumes::{Place, Volumes};

/// The variables `feature_…` that GRUB 2.06 sets (`grub-core/normal/main.c`).
const FEATURES: [&str; 10] = [
    "feature_net_search_cfg",
    "feature_chainloader_bpb",
    "feature_ntldr",
    "feature_platform_search_hint",
    "feature_default_font_path",
    "feature_all_video_module",
    "feature_menuentry_id",
    "feature_menuentry_options",
    "feature_nativedisk_cmd",
    "feature_timeout_style",
];

/// What setting a variable costs of the bound on text: an entry is run in a copy of all of them.
const VARIABLE_COST: usize = 128;

/// What a part of a word costs of it, however short its text is: a loop may run over thousands of them.
const PART_COST: usize = 8;

/// Where GRUB runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) enum Platform {
    /// `i386-pc`.
    Bios,
    /// `x86_64-efi` (the platform's name is what configurations ask for).
    Efi,
}

#[derive(Debug, Clone)]
struct Variable {
    text: Text,
    exported: bool,
    site: Site,
}

/// What `return` means where it stands (`grub-core/script/execute.c`, `grub_script_return`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Scope {
    /// An error: outside of functions and entries.
    Outside,
    /// It leaves the function.
    Function,
    /// GRUB runs the lines one by one, and it leaves the rest of its own line alone: an entry, or what a
    /// function or an entry has read from elsewhere. That is not followed.
    Lines,
}

/// How a command ended.
#[derive(Debug, Clone, Default)]
pub(super) struct Status {
    /// Whether it failed.
    pub(super) failed: bool,
    /// Why it may have ended otherwise.
    pub(super) doubt: Option<Doubt>,
}

impl Status {
    pub(super) fn ok() -> Self {
        Self::default()
    }

    pub(super) fn of(ok: bool) -> Self {
        Self { failed: !ok, doubt: None }
    }

    pub(super) fn doubtful(ok: bool, why: impl Into<Doubt>) -> Self {
        Self { failed: !ok, doubt: Some(why.into()) }
    }
}

/// GRUB while it reads its configuration or runs an entry.
#[derive(Clone)]
pub(in super::super) struct Interpreter<'v, 'a> {
    pub(super) volumes: &'v Volumes<'a>,
    pub(super) budget: Rc<Budget>,
    pub(super) platform: Platform,
    variables: BTreeMap<String, Variable>,
    pub(super) functions: BTreeMap<String, Block>,
    parameters: Vec<Text>,
    /// The menu so far.
    pub(in super::super) menu: Menu,
    /// What is loaded so far.
    pub(in super::super) loaded: Loaded,
    /// Whether this GRUB knows `btrfs_relative_path` and `btrfs-mount-subvol`; none when that is not seen.
    pub(in super::super) btrfs_relative_path: Option<bool>,
    /// What `btrfs-mount-subvol` put where, the latest last.
    pub(super) subvolume_mounts: Vec<SubvolumeMount>,
    /// The file whose menu `configfile` showed.
    pub(in super::super) shown: Option<Place>,
    /// Why what is being run may not be run.
    doubts: Vec<Doubt>,
    /// Why variables that are not set might be (an environment block that could not be read).
    pub(super) unset_doubt: Option<Doubt>,
    pub(super) site: Site,
    /// Line of the third word of the command that is run: where a kernel's command line begins.
    pub(super) arguments_line: u32,
    depth: u32,
    /// How many loops of this function are run.
    pub(super) loops: u32,
    pub(super) scope: Scope,
    /// What is run is a condition.
    pub(super) in_condition: bool,
    pub(super) status: Status,
}

impl<'v, 'a> Interpreter<'v, 'a> {
    /// GRUB before it reads anything.
    pub(in super::super) fn new(volumes: &'v Volumes<'a>, platform: Platform) -> Self {
        let mut interpreter = Self {
            volumes,
            budget: Rc::clone(volumes.budget()),
            platform,
            variables: BTreeMap::new(),
            functions: BTreeMap::new(),
            parameters: Vec::new(),
            menu: Menu::default(),
            loaded: Loaded::default(),
            btrfs_relative_path: None,
            subvolume_mounts: Vec::new(),
            shown: None,
            doubts: Vec::new(),
            unset_doubt: None,
            site: Site { file: "core image".into(), line: 0 },
            arguments_line: 0,
            depth: 0,
            loops: 0,
            scope: Scope::Outside,
            in_condition: false,
            status: Status::ok(),
        };
        let (cpu, platform) = match platform {
            Platform::Bios => ("i386", "pc"),
            Platform::Efi => ("x86_64", "efi"),
        };
        interpreter.preset("grub_cpu", cpu);
        interpreter.preset("grub_platform", platform);
        interpreter.preset("feature_200_final", "y");
        for feature in FEATURES {
            interpreter.preset(feature, "y");
        }
        for variable in btrfs::VARIABLES {
            interpreter.preset(variable, "");
        }
        interpreter
    }

    /// The volumes that it reads from.
    pub(in super::super) fn volumes(&self) -> &'v Volumes<'a> {
        self.volumes
    }

    /// Sets an exported variable, as GRUB itself does.
    pub(in super::super) fn preset(&mut self, name: &str, value: &str) {
        let variable =
            Variable { text: Text::certain(value), exported: true, site: self.site.clone() };
        self.variables.insert(name.to_owned(), variable);
    }

    /// The value of a variable; empty when it is not set.
    pub(in super::super) fn variable(&self, name: &str) -> Text {
        let (value, doubt) = self.peek(name);
        Text { value: value.to_owned(), doubt: doubt.clone() }
    }

    /// The value of a variable, which may be long, and why it may be another one.
    pub(super) fn peek(&self, name: &str) -> (&str, &Option<Doubt>) {
        match self.variables.get(name) {
            Some(variable) => (variable.text.value.as_str(), &variable.text.doubt),
            None => ("", &self.unset_doubt),
        }
    }

    /// Whether a variable has a value, or may have one.
    pub(super) fn may_be_set(&self, name: &str) -> bool {
        let (value, doubt) = self.peek(name);
        !value.is_empty() || doubt.is_some()
    }

    /// The value of a variable with its place, if it is set.
    pub(in super::super) fn variable_site(&self, name: &str) -> Option<(Text, Site)> {
        self.variables.get(name).map(|variable| (variable.text.clone(), variable.site.clone()))
    }

    pub(super) fn set(&mut self, name: &str, mut text: Text) -> Result<(), Stop> {
        self.budget.text(name.len().saturating_add(VARIABLE_COST))?;
        if text.doubt.is_none() {
            text.doubt = self.doubt();
        }
        if let Some(other) = btrfs::displaced(name) {
            self.preset(other, "");
        }
        let exported = self.variables.get(name).is_some_and(|variable| variable.exported);
        let variable = Variable { text, exported, site: self.site.clone() };
        self.variables.insert(name.to_owned(), variable);
        Ok(())
    }

    pub(super) fn unset(&mut self, name: &str) -> Result<(), Stop> {
        if self.doubt().is_some() || btrfs::VARIABLES.contains(&name) {
            return self.set(name, Text::default());
        }
        self.variables.remove(name);
        Ok(())
    }

    pub(super) fn export(&mut self, name: &str) {
        if let Some(variable) = self.variables.get_mut(name) {
            variable.exported = true;
        }
    }

    /// Takes away the first positional parameters.
    pub(super) fn shift(&mut self, count: usize) {
        let count = count.min(self.parameters.len());
        self.parameters.drain(..count);
    }

    /// Replaces the positional parameters.
    pub(super) fn set_parameters(&mut self, parameters: Vec<Text>) {
        self.parameters = parameters;
    }

    /// Why what is being run may not be run.
    pub(super) fn doubt(&self) -> Option<Doubt> {
        self.doubts.last().cloned()
    }

    /// The place that a file name means: `(device)/path`, or `/path` on `$root`.
    pub(in super::super) fn place(&self, name: &str) -> Option<Place> {
        if let Some(rest) = name.strip_prefix('(') {
            let (device, path) = rest.split_once(')')?;
            let device = match path.chars().next() {
                // `(hd0,1)512+2`: sectors of the device (`grub-core/kern/file.c`, `grub_file_open`).
                Some(first) if first != '/' => {
                    let name = shortened(name);
                    Device::Unknown(format!("{name} is a list of blocks, which is not read"))
                }
                _ => self.volumes.resolve(device),
            };
            let slash = if path.starts_with('/') { "" } else { "/" };
            return Some(self.place_on(device, format!("{slash}{path}")));
        }
        if !name.starts_with('/') {
            return None;
        }
        Some(self.place_on(self.device_in("root"), name.to_owned()))
    }

    /// The device that a variable names.
    pub(super) fn device_in(&self, variable: &str) -> Device {
        let (value, doubt) = self.peek(variable);
        match doubt {
            Some(doubt) => Device::Unknown(shortened(doubt)),
            None if value.is_empty() => Device::Absent("root is not set".to_owned()),
            None => self.volumes.resolve(value),
        }
    }

    /// Runs a text as if it were the file `name`.
    pub(in super::super) fn run_text(&mut self, text: &str, name: &str) -> Result<(), Stop> {
        self.run_lines(text, Site { file: name.into(), line: 1 })
    }

    /// Runs a text that begins at that place.
    pub(super) fn run_lines(&mut self, text: &str, site: Site) -> Result<(), Stop> {
        let (name, line) = (Rc::clone(&site.file), site.line);
        let outer = std::mem::replace(&mut self.site, site);
        let in_condition = std::mem::take(&mut self.in_condition);
        let scope = self.scope;
        if scope == Scope::Function {
            self.scope = Scope::Lines;
        }
        let budget = Rc::clone(&self.budget);
        let mut parser = Parser::new(text, line, &budget.nodes);
        let mut ended = Ok(());
        while ended.is_ok()
            && let Some(statement) = parser.next_statement()
        {
            ended = match statement {
                Ok(statement) => self.deeper(|this| this.statement(&statement)),
                Err(error) => {
                    let why = format!("{name}:{}: {}", error.line, error.what);
                    self.menu.doubt_from_here(why.as_str().into());
                    self.status = Status::of(false);
                    bound(!error.fatal, || why)
                }
            };
        }
        // A loop around it goes on from here.
        self.site = outer;
        self.in_condition = in_condition;
        self.scope = scope;
        ended
    }

    /// Reads a file and runs it; the inner result is that of the reading.
    pub(in super::super) fn run_file(&mut self, place: &Place) -> Result<ReadResult<()>, Stop> {
        self.budget.file()?;
        let text = match self.volumes.text_at(place, MAX_FILE_BYTES) {
            Ok((text, _)) => text,
            Err(error) => return Ok(Err(error)),
        };
        self.budget.work(text.len().div_euclid(STEP_BYTES).saturating_mul(STEP_WORK));
        let names = ["config_file", "config_directory"];
        let outer = names.map(|name| self.variables.get(name).cloned());
        if let Ok(volume) = self.volumes.volume_of(place) {
            let path = format!("({}){}", self.volumes.grub_name(volume), place.path);
            let directory = path.rsplit_once('/').map_or("", |(directory, _)| directory).to_owned();
            self.preset("config_file", &path);
            self.preset("config_directory", &directory);
        }
        self.run_text(&text, &place.path)?;
        for (name, value) in names.into_iter().zip(outer) {
            match value {
                Some(value) => self.variables.insert(name.to_owned(), value),
                None => self.variables.remove(name),
            };
        }
        Ok(Ok(()))
    }

    /// Runs a file in a context of its own, to which only exported variables pass; when it makes a
    /// menu, that menu is shown and nothing behind the command is run ([`Stop::Menu`]).
    pub(super) fn run_configfile(&mut self, place: &Place) -> Result<ReadResult<()>, Stop> {
        self.budget.work(self.variables.len());
        let outer_variables = self.variables.clone();
        let outer_menu = std::mem::take(&mut self.menu);
        self.variables.retain(|_, variable| variable.exported);
        let read = self.run_file(place)?;
        if !self.menu.items.is_empty() || self.menu.gap().is_some() {
            self.shown.get_or_insert_with(|| place.clone());
            return Err(Stop::Menu);
        }
        self.variables = outer_variables;
        self.menu = outer_menu;
        Ok(read)
    }

    /// Runs an entry as if it had been chosen from the menu, with `rest` of `default` left for its
    /// submenu. What it loaded, or the submenu's entries, are in the interpreter that comes back.
    pub(in super::super) fn enter(
        &self,
        item: &MenuItem,
        rest: Option<String>,
    ) -> (Self, Result<(), Stop>) {
        let copied = self.variables.len().saturating_add(self.functions.len());
        self.budget.work(copied.saturating_add(self.menu.items.len()));
        let mut inner = self.clone();
        inner.menu = Menu::default();
        inner.loaded = Loaded::default();
        inner.site = item.site.clone();
        inner.parameters.clone_from(&item.parameters);
        inner.scope = Scope::Lines;
        inner.loops = 0;
        if item.submenu {
            inner.variables.retain(|_, variable| variable.exported);
        }
        match rest {
            Some(rest) => inner.preset("default", &rest),
            None if item.submenu => {
                inner.variables.remove("default");
            }
            None => {}
        }
        let ended = inner.block(&item.body);
        (inner, ended)
    }

    pub(super) fn deeper(
        &mut self,
        run: impl FnOnce(&mut Self) -> Result<(), Stop>,
    ) -> Result<(), Stop> {
        self.depth = self.depth.saturating_add(1);
        bound(self.depth <= MAX_DEPTH, || {
            format!("{}: blocks, calls and files nested deeper than {MAX_DEPTH}", self.site)
        })?;
        let result = run(self);
        self.depth = self.depth.saturating_sub(1);
        result
    }

    fn block(&mut self, block: &Block) -> Result<(), Stop> {
        self.deeper(|this| block.iter().try_for_each(|statement| this.statement(statement)))
    }

    fn statement(&mut self, statement: &Statement) -> Result<(), Stop> {
        self.budget.step()?;
        match statement {
            Statement::Command(words, block) => self.command(words, block.as_ref()),
            Statement::If { arms, otherwise } => self.if_statement(arms, otherwise),
            Statement::Loop { condition, until, body } => self.repeat(condition, *until, body),
            Statement::For { name, words, body } => {
                let words = self.expand(words)?;
                // They may be more, or none.
                if let Some(doubt) = words.iter().find_map(|text| text.doubt.clone()) {
                    self.spoil_variable(name, &doubt)?;
                    return self.spoil(body, &doubt, Within::Loop);
                }
                for text in words {
                    self.budget.step()?;
                    self.set(name, text)?;
                    if !self.round(|this| this.block(body))? {
                        break;
                    }
                }
                Ok(())
            }
            Statement::Function { name, body } => {
                self.functions.insert(name.clone(), Rc::clone(body));
                self.status = Status::ok();
                Ok(())
            }
        }
    }

    fn if_statement(&mut self, arms: &[(Block, Block)], otherwise: &Block) -> Result<(), Stop> {
        for (index, (condition, body)) in arms.iter().enumerate() {
            self.condition(condition)?;
            let Some(doubt) = self.status.doubt.clone() else {
                if self.status.failed {
                    continue;
                }
                return self.block(body);
            };
            // It is not certain which branch is taken: one is run, with all its effects in doubt,
            // and what the others might do is put in doubt as well.
            let later = arms.iter().skip(index.saturating_add(1));
            let others = later.flat_map(|(condition, body)| [condition, body]).chain([otherwise]);
            if self.status.failed {
                self.spoil(body, &doubt, Within::Nothing)?;
                let rest = arms.get(index.saturating_add(1)..).unwrap_or_default();
                return self.in_doubt(doubt, |this| this.if_statement(rest, otherwise));
            }
            for other in others {
                self.spoil(other, &doubt, Within::Nothing)?;
            }
            return self.in_doubt(doubt, |this| this.block(body));
        }
        self.block(otherwise)
    }

    /// Runs what may not be run. When it leaves what it stands in, or boots, it is open whether that goes on.
    fn in_doubt(
        &mut self,
        doubt: Doubt,
        run: impl FnOnce(&mut Self) -> Result<(), Stop>,
    ) -> Result<(), Stop> {
        self.doubts.push(Rc::clone(&doubt));
        let ended = run(self);
        self.doubts.pop();
        match ended {
            Err(Stop::Break(_) | Stop::Continue(_) | Stop::Return | Stop::Boot) => {
                Err(Stop::End(doubt.to_string()))
            }
            ended => ended,
        }
    }

    fn condition(&mut self, condition: &Block) -> Result<(), Stop> {
        let outer = std::mem::replace(&mut self.in_condition, true);
        let result = self.block(condition);
        self.in_condition = outer;
        result
    }

    fn repeat(&mut self, condition: &Block, until: bool, body: &Block) -> Result<(), Stop> {
        loop {
            self.budget.step()?;
            // It belongs to the loop (`grub_script_execute_cmdwhile`).
            if !self.round(|this| this.condition(condition))? {
                self.status = Status::ok();
                return Ok(());
            }
            if let Some(doubt) = self.status.doubt.clone() {
                return self.spoil(body, &doubt, Within::Loop);
            }
            if self.status.failed != until || !self.round(|this| this.block(body))? {
                self.status = Status::ok();
                return Ok(());
            }
        }
    }

    /// Runs a loop's body or condition once; whether the loop goes on.
    fn round(&mut self, run: impl FnOnce(&mut Self) -> Result<(), Stop>) -> Result<bool, Stop> {
        self.loops = self.loops.saturating_add(1);
        let ended = run(self);
        self.loops = self.loops.saturating_sub(1);
        match ended {
            Ok(()) => Ok(true),
            Err(Stop::Break(loops)) if loops > 1 => Err(Stop::Break(loops.saturating_sub(1))),
            Err(Stop::Break(_)) => Ok(false),
            Err(Stop::Continue(loops)) if loops > 1 => Err(Stop::Continue(loops.saturating_sub(1))),
            Err(Stop::Continue(_)) => Ok(true),
            Err(stop) => Err(stop),
        }
    }

    fn command(&mut self, words: &[Word], block: Option<&Block>) -> Result<(), Stop> {
        if let Some(first) = words.first() {
            self.site.line = first.line;
            self.arguments_line = words.get(2).map_or(first.line, |word| word.line);
        }
        let mut args = self.expand(words)?;
        let invert = args.first().is_some_and(|arg| arg.value == "!");
        if invert {
            args.remove(0);
        }
        let Some((name, args)) = args.split_first() else {
            self.status = Status::of(!invert);
            return Ok(());
        };
        let site = self.site.clone();
        self.status = match self.functions.get(&name.value).cloned() {
            Some(body) => self.call(&body, args)?,
            None => self.builtin(name, args, block)?,
        };
        self.site = site;
        self.status.failed ^= invert;
        Ok(())
    }

    fn call(&mut self, body: &Block, args: &[Text]) -> Result<Status, Stop> {
        let outer = std::mem::replace(&mut self.parameters, args.to_vec());
        let in_condition = std::mem::take(&mut self.in_condition);
        let loops = std::mem::take(&mut self.loops);
        let scope = std::mem::replace(&mut self.scope, Scope::Function);
        self.status = Status::ok();
        match self.block(body) {
            Ok(()) | Err(Stop::Return) => {}
            Err(stop) => return Err(stop),
        }
        self.parameters = outer;
        self.in_condition = in_condition;
        self.loops = loops;
        self.scope = scope;
        Ok(self.status.clone())
    }

    /// The words with their variables replaced; unquoted values are split at blanks, and vanish
    /// when they are empty. What may be a pattern is in doubt: once the module regexp is there, the
    /// files that match stand in its place (`grub-core/commands/wildcard.c`). The first pattern of a
    /// command is the reason for all, of which there may be thousands.
    pub(super) fn expand(&self, words: &[Word]) -> Result<Vec<Text>, Stop> {
        let mut out: Vec<Text> = Vec::new();
        let mut pattern: Option<Doubt> = None;
        for word in words {
            let before = out.len();
            let mut current: Option<Text> = None;
            let mut has_wildcard = false;
            for part in &word.parts {
                self.budget.text(PART_COST)?;
                match part {
                    Part::Text(text) | Part::Quoted(text) => {
                        has_wildcard |= matches!(part, Part::Text(text) if is_wildcard(text));
                        self.budget.text(text.len())?;
                        current.get_or_insert_default().value.push_str(text);
                    }
                    Part::QuotedVariable(name) => {
                        let text = self.value(name);
                        self.budget.text(text.value.len())?;
                        append(current.get_or_insert_default(), &text.value, &text.doubt);
                    }
                    Part::Variable(name) => {
                        let text = self.value(name);
                        self.budget.text(text.value.len())?;
                        if text.value.starts_with([' ', '\t', '\n']) {
                            out.extend(current.take());
                        }
                        has_wildcard |= is_wildcard(&text.value);
                        let mut pieces = text.value.split_ascii_whitespace().peekable();
                        // An empty value that is in doubt may be a word after all.
                        if pieces.peek().is_none() && text.doubt.is_some() {
                            append(current.get_or_insert_default(), "", &text.doubt);
                        }
                        while let Some(piece) = pieces.next() {
                            append(current.get_or_insert_default(), piece, &text.doubt);
                            if pieces.peek().is_some() || text.value.ends_with([' ', '\t', '\n']) {
                                out.extend(current.take());
                            }
                        }
                    }
                }
            }
            out.extend(current);
            let made = out.iter_mut().skip(before).filter(|_| has_wildcard);
            for text in made.filter(|text| is_pattern(&text.value)) {
                let doubt = pattern.get_or_insert_with(|| {
                    let site = Site { file: Rc::clone(&self.site.file), line: word.line };
                    let value = shortened(&text.value);
                    format!("{site}: which files {value} names is not read").into()
                });
                text.doubt.get_or_insert_with(|| Rc::clone(doubt));
            }
        }
        Ok(out)
    }

    /// The value behind a `$`.
    fn value(&self, name: &str) -> Text {
        match name {
            "?" => Text {
                value: if self.status.failed { "1" } else { "0" }.to_owned(),
                doubt: self.status.doubt.clone(),
            },
            "#" => Text::certain(self.parameters.len().to_string()),
            "*" | "@" => {
                let mut all = Text::default();
                for (index, parameter) in self.parameters.iter().enumerate() {
                    let blank = if index > 0 { " " } else { "" };
                    append(&mut all, blank, &None);
                    append(&mut all, &parameter.value, &parameter.doubt);
                }
                all
            }
            _ => match name.parse::<usize>() {
                Ok(0) => Text::default(),
                Ok(number) => {
                    self.parameters.get(number.saturating_sub(1)).cloned().unwrap_or_default()
                }
                Err(_) => self.variable(name),
            },
        }
    }
}

fn is_wildcard(text: &str) -> bool {
    text.contains(['*', '?'])
}

/// Whether a word with `*` or `?` is a pattern of files or devices.
fn is_pattern(text: &str) -> bool {
    is_wildcard(text) && text.starts_with(['/', '(', '*'])
}

fn append(to: &mut Text, value: &str, doubt: &Option<Doubt>) {
    to.value.push_str(value);
    if to.doubt.is_none() {
        to.doubt.clone_from(doubt);
    }
}
