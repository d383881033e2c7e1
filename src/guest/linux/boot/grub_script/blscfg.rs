//! `blscfg`: entries from the files of the Boot Loader Specification, as the GRUB of Fedora and
//! RHEL 8 and later makes them.

use std::rc::Rc;

use super::interpreter::{Interpreter, Platform, Status};
use super::menu::MenuItem;
use super::syntax::{self, Statement};
use super::token::{Part, Word};
use super::{Site, Stop, Text};
use crate::error::Result as ReadResult;
use crate::guest::linux::boot::bls::{self, BlsFile};
use crate::guest::linux::boot::grub_device::Device;

/// Where the entries lie on the boot volume.
const DIRECTORY: &str = "/loader/entries";

/// Where they lie when `/boot` is no volume of its own.
const FALLBACK_DIRECTORY: &str = "/boot/loader/entries";

impl Interpreter<'_, '_> {
    /// `blscfg [(device)DIRECTORY|default|non-default|ID]`.
    pub(super) fn blscfg(&mut self, args: &[Text]) -> Result<Status, Stop> {
        let argument = args.first().map_or("", |arg| arg.value.as_str());
        let device = self.bls_device();
        let (device, directory) = match argument.split_once(')') {
            Some((device, directory)) if device.starts_with('(') => {
                let device = self.volumes.resolve(device);
                (device, Some(directory.to_owned()))
            }
            _ => (device, None),
        };
        let volume = match device {
            Device::Volume(volume) | Device::Subvolume(volume, _) => volume,
            Device::Absent(_) => return Ok(Status::of(false)),
            Device::Unknown(reason) => {
                self.menu.doubt_from_here(reason.clone().into());
                return Ok(Status::doubtful(true, reason));
            }
        };
        let files = match self.bls_files(volume, directory.as_deref())? {
            Ok(files) => files,
            Err(error) if error.is_absent() => return Ok(Status::of(false)),
            Err(error) => {
                let doubt = format!("{}: {error}", self.site);
                self.menu.doubt_from_here(doubt.clone().into());
                return Ok(Status::doubtful(true, doubt));
            }
        };
        let default = self.variable("default").value;
        self.budget.text(default.len())?;
        for (index, file) in files.iter().enumerate() {
            let is_default = file.id == default
                || file.first("title") == Some(&default)
                || default.parse() == Ok(index);
            let shown = match argument {
                "default" => is_default,
                "non-default" => !is_default,
                id => id.is_empty() || id.starts_with('(') || id == file.id,
            };
            if shown {
                self.bls_entry(file)?;
            }
        }
        Ok(Status::ok())
    }

    fn bls_device(&self) -> Device {
        let by_boot = self.platform == Platform::Bios && self.may_be_set("boot");
        self.device_in(if by_boot { "boot" } else { "root" })
    }

    /// The entries of a directory, newest first.
    fn bls_files(
        &self,
        volume: usize,
        directory: Option<&str>,
    ) -> Result<ReadResult<Vec<BlsFile>>, Stop> {
        let (variable, _) = self.peek("blsdir");
        self.budget.text(variable.len())?;
        let directories = match directory {
            Some(directory) => vec![directory],
            None if variable.is_empty() => vec![DIRECTORY, FALLBACK_DIRECTORY],
            None => vec![variable, FALLBACK_DIRECTORY],
        };
        let mut read = Ok(Vec::new());
        for directory in directories {
            let place = self.place_on(Device::Volume(volume), directory.to_owned());
            read = bls::read_directory(self.volumes, &place, &mut || self.budget.file().is_ok());
            match &read {
                Err(error) if error.is_absent() => {}
                _ => break,
            }
        }
        Ok(read.map(|mut files| {
            files.sort_by(|a, b| bls::compare_names(&b.id, &a.id));
            files
        }))
    }

    fn bls_entry(&mut self, file: &BlsFile) -> Result<(), Stop> {
        let Some(linux) = file.field("linux") else { return Ok(()) };
        let mut doubt = self.doubt();
        let mut body = Vec::new();
        let mut command = vec![Word::plain("linux", linux.line), on_root(&linux.value, linux.line)];
        let mut append =
            |words: Result<Vec<Word>, syntax::SyntaxError>, to: &mut Vec<Word>| match words {
                Ok(words) => to.extend(words),
                Err(error) => doubt = Some(format!("{}: {}", file.path, error.what).into()),
            };
        // Variables in the options are replaced when the entry is made, not when it is run.
        let options = match file.field("options") {
            Some(options) => (options.value.clone(), options.line),
            None => (self.variable("default_kernelopts").value, linux.line),
        };
        let expanded = self.replace_variables(&options.0)?;
        append(syntax::words(&expanded.value, options.1, &self.budget.nodes), &mut command);
        // All of it becomes one `linux` command; its place is the line that says what to boot.
        body.push(Statement::Command(command, None));
        let mut initrds = Vec::new();
        for initrd in file.fields("initrd") {
            let words = syntax::words(&initrd.value, initrd.line, &self.budget.nodes);
            let at = initrds.len();
            append(words, &mut initrds);
            if let Some(first) = initrds.get_mut(at) {
                let line = first.line;
                first.parts.splice(0..0, on_root("", line).parts);
            }
        }
        if let Some(line) = initrds.first().map(|word: &Word| word.line) {
            initrds.insert(0, Word::plain("initrd", line));
            body.push(Statement::Command(initrds, None));
        }
        let title = file.first("title").unwrap_or(&linux.value).to_owned();
        // `grub_users $grub_users`, as grubby writes it, restricts nothing until the variable is set.
        let users = self.replace_variables(file.first("grub_users").unwrap_or_default())?;
        self.budget.text(title.len().saturating_add(expanded.value.len()))?;
        self.menu.push(MenuItem {
            title,
            id: file.id.clone(),
            parameters: Vec::new(),
            site: Site { file: file.path.as_str().into(), line: 1 },
            submenu: false,
            restricted: !users.value.is_empty(),
            bls: true,
            body: Rc::from(body),
            doubt: doubt.or(expanded.doubt),
        });
        Ok(())
    }

    /// `$name` replaced by its value, quotes left as they are.
    fn replace_variables(&self, text: &str) -> Result<Text, Stop> {
        let mut out = Text::default();
        let mut pieces = text.split('$');
        out.value.push_str(pieces.next().unwrap_or_default());
        for piece in pieces {
            let end =
                piece.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(piece.len());
            let (name, rest) = piece.split_at_checked(end).unwrap_or((piece, ""));
            let value = self.variable(name);
            self.budget.text(value.value.len())?;
            out.value.push_str(&value.value);
            out.value.push_str(rest);
            out.doubt = out.doubt.or(value.doubt);
        }
        Ok(out)
    }
}

/// `($root)` and a path.
fn on_root(path: &str, line: u32) -> Word {
    let mut word = Word::plain("(", line);
    word.parts.push(Part::QuotedVariable("root".to_owned()));
    word.parts.push(Part::Text(format!("){path}")));
    word
}
