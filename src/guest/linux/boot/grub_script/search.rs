//! `search`: from a UUID, a label or a file to the device that has it (GRUB manual, "search").

use super::interpreter::{Interpreter, Status};
use super::{Stop, Text, shortened};
use crate::guest::linux::boot::grub_device::Device;

/// How many looks through the volumes it takes to look for a file on each.
const LOOKS_FOR_A_FILE: usize = 4;

#[derive(Clone, Copy)]
enum By {
    Uuid,
    Label,
    File,
}

impl Interpreter<'_, '_> {
    /// `search [--fs-uuid|--label|--file] [--set [NAME]] [--hint HINT]… WHAT`. Hints only change
    /// the order of the search, and names that are sought are taken to be unique. What stands behind `--set` is
    /// its value where it is no option, and what is sought where nothing else is
    /// (`grub-core/lib/arg.c`, `grub_arg_parse`; `grub-core/commands/search_wrap.c`).
    pub(super) fn search(&mut self, args: &[Text]) -> Result<Status, Stop> {
        let mut by = By::File;
        let mut set = None;
        let mut what = None;
        let mut args = args.iter().peekable();
        while let Some(arg) = args.next() {
            match arg.value.as_str() {
                "-u" | "--fs-uuid" => by = By::Uuid,
                "-l" | "--label" => by = By::Label,
                "-f" | "--file" => by = By::File,
                "-s" | "--set" => {
                    set = Some(args.next_if(|value| !value.value.starts_with('-')).cloned());
                }
                "-h" | "--hint" | "--hint-ieee1275" | "--hint-bios" | "--hint-baremetal"
                | "--hint-efi" | "--hint-arc" => {
                    args.next();
                }
                value => match value.strip_prefix("--set=") {
                    Some(name) => {
                        set = Some(Some(Text { value: name.to_owned(), doubt: arg.doubt.clone() }));
                    }
                    None if value.starts_with('-') => {}
                    None => {
                        what.get_or_insert(arg);
                    }
                },
            }
        }
        let root = Some("root");
        match (what, &set) {
            (Some(what), None) => self.search_by(by, what, None),
            (Some(what), Some(None)) => self.search_by(by, what, root),
            (Some(what), Some(Some(variable))) => self.search_by(by, what, Some(&variable.value)),
            (None, Some(Some(what))) => self.search_by(by, what, root),
            (None, _) => Ok(Status::of(false)),
        }
    }

    /// `search.fs_uuid WHAT [NAME [HINT…]]` and its kin.
    pub(super) fn search_kind(&mut self, command: &str, args: &[Text]) -> Result<Status, Stop> {
        let by = match command {
            "search.fs_uuid" => By::Uuid,
            "search.fs_label" => By::Label,
            _ => By::File,
        };
        let Some(what) = args.first() else { return Ok(Status::of(false)) };
        let variable = args.get(1).map(|arg| arg.value.clone());
        self.search_by(by, what, variable.as_deref())
    }

    fn search_by(&mut self, by: By, what: &Text, variable: Option<&str>) -> Result<Status, Stop> {
        let found = match (&what.doubt, by) {
            (Some(doubt), _) => Err(shortened(doubt)),
            (None, By::Uuid) => self.volumes.by_uuid(&what.value),
            (None, By::Label) => self.volumes.by_label(&what.value),
            (None, By::File) => self.by_file(&what.value),
        };
        match found {
            Ok(Some(volume)) => {
                if let Some(variable) = variable {
                    let name = self.volumes.grub_name(volume);
                    self.set(variable, Text::certain(name))?;
                }
                Ok(Status::ok())
            }
            Ok(None) => Ok(Status::of(false)),
            Err(reason) => {
                let what = shortened(&what.value);
                let doubt = format!("{}: search for {what}: {reason}", self.site);
                if let Some(variable) = variable {
                    self.spoil_variable(variable, &doubt.as_str().into())?;
                }
                Ok(Status::doubtful(true, doubt))
            }
        }
    }

    fn by_file(&self, path: &str) -> Result<Option<usize>, String> {
        self.volumes.look_through(LOOKS_FOR_A_FILE)?;
        for volume in self.volumes.indices() {
            let place = self.place_on(Device::Volume(volume), path.to_owned());
            match self.volumes.find_at(&place) {
                Ok(_) => return Ok(Some(volume)),
                Err(error) if error.is_absent() => {}
                Err(error) => return Err(error.to_string()),
            }
        }
        Ok(None)
    }
}
