//! GRUB's commands, as far as they decide what is booted (GRUB manual, "Commands").

use std::rc::Rc;

use super::interpreter::{Interpreter, Scope, Status};
use super::menu::{MenuItem, leading_number};
use super::syntax::Block;
use super::{Doubt, LoadedFile, MAX_FILE_BYTES, Stop, Text, shortened};
use crate::guest::linux::boot::grubenv;
use crate::guest::linux::boot::volumes::Place;

/// What one entry of the menu costs of the bound on text.
const MENU_ITEM_COST: usize = 256;

/// Commands that make entries of files in another loader's words (GRUB manual, "Commands";
/// grub-core/commands/legacycfg.c, syslinuxcfg.c, configfile.c), or load what such a file names.
pub(super) const OTHER_MENUS: [&str; 12] = [
    "legacy_source",
    "legacy_configfile",
    "extract_legacy_entries_source",
    "extract_legacy_entries_configfile",
    "syslinux_source",
    "syslinux_configfile",
    "extract_syslinux_entries_source",
    "extract_syslinux_entries_configfile",
    "extract_entries_source",
    "extract_entries_configfile",
    "legacy_kernel",
    "legacy_initrd",
];

/// Commands that load what is no Linux kernel (GRUB manual, "Commands"; command.lst of i386-pc).
pub(super) const OTHER_SYSTEMS: [&str; 15] = [
    "chainloader",
    "ntldr",
    "knetbsd",
    "kfreebsd",
    "kopenbsd",
    "xnu_kernel",
    "xnu_kernel64",
    "xnu_resume",
    "freedos",
    "plan9",
    "truecrypt",
    "pxechainloader",
    "appleloader",
    "efiemu_loadcore",
    "testload",
];

/// Commands that are not run here and may not succeed, but add no entry, load nothing that is started
/// and set no variable but the one that an option names: those of command.lst of i386-pc and
/// x86_64-efi, and of Fedora's and SUSE's GRUB.
const HARMLESS: &[&str] = &[
    "915resolution",
    "acpi",
    "authenticate",
    "backtrace",
    "badram",
    "blocklist",
    "bls_bumpcounter",
    "btrfs-get-default-subvol",
    "btrfs-info",
    "btrfs-list-snapshots",
    "btrfs-list-subvols",
    "cat",
    "cbmemc",
    "cmosclean",
    "cmosdump",
    "cmosset",
    "cmostest",
    "cmp",
    "connectefi",
    "coreboot_boottime",
    "crc",
    "cryptomount",
    "cutmem",
    "date",
    "devicetree",
    "distrust",
    "drivemap",
    "dump",
    "efi-export-env",
    "efi-load-env",
    "efiemu_prepare",
    "efiemu_unload",
    "efitextmode",
    "fakebios",
    "file",
    "fixvideo",
    "fwconfig",
    "gdbstub",
    "gdbstub_break",
    "gdbstub_stop",
    "get_efivar",
    "getenv",
    "gettext",
    "gptsync",
    "hashsum",
    "hdparm",
    "hello",
    "help",
    "hexdump",
    "hexdump_random",
    "inb",
    "inl",
    "inw",
    "kfreebsd_loadenv",
    "kfreebsd_module",
    "kfreebsd_module_elf",
    "knetbsd_module",
    "knetbsd_module_elf",
    "kopenbsd_ramdisk",
    "keymap",
    "legacy_check_password",
    "legacy_password",
    "list_env",
    "list_trusted",
    "loadbios",
    "loopback",
    "ls",
    "lsacpi",
    "lsapm",
    "lscoreboot",
    "lsefi",
    "lsefimmap",
    "lsefisystab",
    "lsfonts",
    "lsmmap",
    "lsmod",
    "lspci",
    "lssal",
    "macppcbless",
    "mactelbless",
    "md5sum",
    "net_add_addr",
    "net_add_dns",
    "net_add_route",
    "net_bootp",
    "net_bootp6",
    "net_del_addr",
    "net_del_dns",
    "net_del_route",
    "net_dhcp",
    "net_ipv6_autoconf",
    "net_ls_addr",
    "net_ls_cards",
    "net_ls_dns",
    "net_ls_routes",
    "net_nslookup",
    "outb",
    "outl",
    "outw",
    "parttool",
    "pcidump",
    "probe",
    "rdmsr",
    "read_byte",
    "read_dword",
    "read_word",
    "regexp",
    "sendkey",
    "setpci",
    "sha1sum",
    "sha256sum",
    "sha512sum",
    "smbios",
    "terminfo",
    "testspeed",
    "tpm2_key_protector_clear",
    "tpm2_key_protector_init",
    "tpm_record_pcrs",
    "tr",
    "trust",
    "vbeinfo",
    "vbetest",
    "verify_detached",
    "version",
    "videotest",
    "write_byte",
    "write_dword",
    "write_word",
    "wrmsr",
    "xnu_uuid",
    "zfskey",
];

/// Options that name a variable which a command sets.
const SETS: [&str; 6] = ["--set", "-s", "--varname", "-v", "--output", "-o"];

impl Interpreter<'_, '_> {
    /// Runs a command that is no function.
    pub(super) fn builtin(
        &mut self,
        name: &Text,
        args: &[Text],
        block: Option<&Block>,
    ) -> Result<Status, Stop> {
        let first = args.first().cloned().unwrap_or_default();
        match name.value.as_str() {
            "true" => Ok(Status::ok()),
            "false" => Ok(Status::of(false)),
            "set" => self.assign(&first),
            "unset" => self.unset(&first.value).map(|()| Status::ok()),
            "export" => {
                for arg in args {
                    if arg.value.contains('=') {
                        self.assign(arg)?;
                    }
                    self.export(arg.value.split('=').next().unwrap_or_default());
                }
                Ok(Status::ok())
            }
            "shift" => {
                self.shift(count(&first, 1));
                Ok(Status::ok())
            }
            "setparams" => {
                self.set_parameters(args.to_vec());
                Ok(Status::ok())
            }
            "increment" => self.add(&first, 1),
            "decrement" => self.add(&first, -1),
            "[" | "test" => Ok(self.test(args)),
            "break" => self.leave_loops(args, Stop::Break),
            "continue" => self.leave_loops(args, Stop::Continue),
            "return" => self.leave_function(args),
            "boot" if self.loaded.kernel.is_some() || self.loaded.other.is_some() => {
                Err(Stop::Boot)
            }
            // "you need to load the kernel first"
            "boot" if self.loaded.doubt.is_none() => Ok(Status::of(false)),
            "fwsetup" if first.value == "--is-supported" => {
                let why = format!("{}: the firmware decides whether it has a set-up", self.site);
                Ok(Status::doubtful(true, why))
            }
            "exit" | "normal_exit" | "halt" | "reboot" | "fwsetup" => {
                Err(Stop::End(format!("{}: the command {:?}", self.site, name.value)))
            }
            "menuentry" | "hiddenentry" => self.menu_entry(args, block, false),
            "submenu" => self.menu_entry(args, block, true),
            "eval" => self.eval(args),
            "source" | "." => self.on_file(&first, Self::run_file),
            "configfile" => self.on_file(&first, Self::run_configfile),
            "normal" => {
                let file = match args.is_empty() {
                    true => {
                        let prefix = self.variable("prefix");
                        Text { value: format!("{}/grub.cfg", prefix.value), doubt: prefix.doubt }
                    }
                    false => first,
                };
                self.on_file(&file, Self::run_configfile)
            }
            "load_env" => self.load_env(args),
            "search" => self.search(args),
            "search.fs_uuid" | "search.fs_label" | "search.file" | "search.fs_file" => {
                self.search_kind(&name.value, args)
            }
            "btrfs-mount-subvol" => self.btrfs_mount_subvol(args),
            "blscfg" | "bls_import" => self.blscfg(args),
            "linux" | "linux16" | "linuxefi" => self.linux(args),
            "initrd" | "initrd16" | "initrdefi" => {
                self.loaded.initrds.clear();
                args.iter().try_for_each(|arg| self.initrd(arg))?;
                Ok(Status::ok())
            }
            "multiboot" | "multiboot2" | "xen_hypervisor" => {
                self.loaded.other = Some(join(&name.value, args));
                self.loaded.kernel = None;
                Ok(Status::ok())
            }
            "module" | "module2" | "xen_module" | "xen_linux" | "xen_initrd" => self.module(args),
            name if OTHER_SYSTEMS.contains(&name) => {
                self.loaded.other = Some(join(name, args));
                Ok(Status::ok())
            }
            // Nobody presses a key, and there is no font or picture that decides what is booted.
            "keystatus" | "loadfont" | "background_image" => Ok(Status::of(false)),
            // Ubuntu's: whether the graphics card is on a list of those that need text mode. No more than the video
            // mode hangs on it, and `vt.handoff=`, which follows that.
            "hwmatch" => {
                self.set("match", Text::certain("0"))?;
                Ok(Status::ok())
            }
            // A 64-bit virtual machine has long mode and PAE.
            "cpuid" | "insmod" | "echo" | "sleep" | "terminal_input" | "terminal_output"
            | "terminal" | "serial" | "save_env" | "play" | "password" | "password_pbkdf2"
            | "clear" | "rmmod" | "background_color" | "videoinfo" | "nativedisk" => {
                Ok(Status::ok())
            }
            _ => self.unknown(name, args),
        }
    }

    /// `break [NUMBER]`, `continue [NUMBER]`: of no more loops than are run, and of none outside of them
    /// (`grub-core/script/execute.c`, `grub_script_break`).
    fn leave_loops(&self, args: &[Text], stop: fn(u32) -> Stop) -> Result<Status, Stop> {
        let count = match args {
            [] => 1,
            [count] => count.value.parse().unwrap_or(0_u32),
            _ => 0,
        };
        match count.min(self.loops) {
            0 => Ok(Status::of(count > 0)),
            count => Err(stop(count)),
        }
    }

    /// `return [NUMBER]` ([`Scope`]).
    fn leave_function(&mut self, args: &[Text]) -> Result<Status, Stop> {
        let status = match args {
            [] => self.status.clone(),
            [number] if number.value.parse::<u64>().is_ok() => {
                Status { failed: number.value != "0", doubt: number.doubt.clone() }
            }
            _ => return Ok(Status::of(false)),
        };
        match self.scope {
            Scope::Outside => Ok(Status::of(false)),
            Scope::Function => {
                self.status = status;
                Err(Stop::Return)
            }
            Scope::Lines => Err(Stop::End(format!("{}: the command \"return\"", self.site))),
        }
    }

    /// Runs its arguments, parted by blanks, as a command.
    fn eval(&mut self, args: &[Text]) -> Result<Status, Stop> {
        if let Some(doubt) = args.iter().find_map(|arg| arg.doubt.clone()) {
            self.may_do_anything(&doubt)?;
            return Ok(Status { failed: false, doubt: Some(doubt) });
        }
        let words: Vec<&str> = args.iter().map(|arg| arg.value.as_str()).collect();
        let text = words.join(" ");
        self.budget.text(text.len())?;
        let site = self.site.clone();
        self.deeper(|this| this.run_lines(&text, site))?;
        Ok(self.status.clone())
    }

    /// Entries may come here, the default may change, and something may be loaded.
    pub(super) fn may_do_anything(&mut self, doubt: &Doubt) -> Result<(), Stop> {
        self.menu.doubt_from_here(Rc::clone(doubt));
        self.loaded.doubt.get_or_insert_with(|| Rc::clone(doubt));
        self.spoil_variable("default", doubt)
    }

    fn unknown(&mut self, name: &Text, args: &[Text]) -> Result<Status, Stop> {
        if name.value.contains('=') {
            return self.assign(name);
        }
        let is_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
        if name.doubt.is_none() && !name.value.chars().all(is_name) {
            // No version of GRUB has such a command.
            return Ok(Status::of(false));
        }
        let why = format!("{}: what {:?} does is not known", self.site, name.value);
        let doubt = name.doubt.clone().unwrap_or_else(|| why.into());
        if name.doubt.is_some() || OTHER_MENUS.contains(&name.value.as_str()) {
            self.may_do_anything(&doubt)?;
        } else if !self.in_condition && !HARMLESS.contains(&name.value.as_str()) {
            self.menu.doubt_from_here(Rc::clone(&doubt));
        }
        // `probe --set name`, `regexp --set=1:name`, `smbios --set name`, `rdmsr -v name`.
        for (index, arg) in args.iter().enumerate() {
            let set = match arg.value.split_once('=') {
                Some((option, variable)) if SETS.contains(&option) => Some(variable),
                None if SETS.contains(&arg.value.as_str()) => {
                    args.get(index.saturating_add(1)).map(|arg| arg.value.as_str())
                }
                _ => None,
            };
            if let Some(variable) = set {
                let variable = variable.rsplit(':').next().unwrap_or_default();
                self.spoil_variable(variable, &doubt)?;
            }
        }
        Ok(Status { failed: false, doubt: Some(doubt) })
    }

    fn assign(&mut self, arg: &Text) -> Result<Status, Stop> {
        let Some((name, value)) = arg.value.split_once('=') else {
            return Ok(Status::of(arg.value.is_empty()));
        };
        self.set(name, Text { value: value.to_owned(), doubt: arg.doubt.clone() })?;
        Ok(Status::ok())
    }

    /// `increment name`, `decrement name` (Fedora's boot counting).
    fn add(&mut self, name: &Text, step: i64) -> Result<Status, Stop> {
        let old = self.variable(&name.value);
        let number = old.value.parse::<i64>().unwrap_or(0).saturating_add(step);
        self.set(&name.value, Text { value: number.to_string(), doubt: old.doubt })?;
        Ok(Status::ok())
    }

    fn on_file(
        &mut self,
        name: &Text,
        run: fn(&mut Self, &Place) -> Result<crate::error::Result<()>, Stop>,
    ) -> Result<Status, Stop> {
        if let Some(doubt) = &name.doubt {
            self.menu.doubt_from_here(Rc::clone(doubt));
            return Ok(Status { failed: false, doubt: Some(Rc::clone(doubt)) });
        }
        let Some(place) = self.place(&name.value) else { return Ok(Status::of(false)) };
        match run(self, &place)? {
            Ok(()) => Ok(Status::ok()),
            Err(error) if error.is_absent() => Ok(Status::of(false)),
            Err(error) => {
                let doubt = format!("{}: {}: {error}", self.site, name.value);
                self.menu.doubt_from_here(doubt.clone().into());
                Ok(Status::doubtful(true, doubt))
            }
        }
    }

    /// `load_env [--file FILE] [--skip-sig] [NAME…]`.
    fn load_env(&mut self, args: &[Text]) -> Result<Status, Stop> {
        let mut file = None;
        let mut names = Vec::new();
        let mut args = args.iter();
        while let Some(arg) = args.next() {
            match arg.value.as_str() {
                "-f" | "--file" => file = args.next().cloned(),
                "-s" | "--skip-sig" => {}
                value => match value.strip_prefix("--file=") {
                    Some(value) => file = Some(Text::certain(value)),
                    None => names.push(value),
                },
            }
        }
        let file = file.unwrap_or_else(|| {
            let prefix = self.variable("prefix");
            Text { value: format!("{}/grubenv", prefix.value), doubt: prefix.doubt }
        });
        self.budget.file()?;
        let read = match (&file.doubt, self.place(&file.value)) {
            (Some(doubt), _) => Err(shortened(doubt)),
            (None, None) => return Ok(Status::of(false)),
            (None, Some(place)) => match self.volumes.text_at(&place, MAX_FILE_BYTES) {
                Ok((text, path)) => Ok((text, path)),
                Err(error) if error.is_absent() => return Ok(Status::of(false)),
                Err(error) => Err(error.to_string()),
            },
        };
        match read {
            Ok((text, path)) => {
                let Some(variables) = grubenv::parse(&text) else { return Ok(Status::of(false)) };
                let outer = std::mem::replace(&mut self.site.file, path.as_str().into());
                let line = self.site.line;
                for (line, name, value) in variables {
                    if names.is_empty() || names.contains(&name.as_str()) {
                        self.budget.text(value.len())?;
                        self.site.line = line;
                        self.set(&name, Text::certain(value))?;
                    }
                }
                self.site.file = outer;
                self.site.line = line;
                Ok(Status::ok())
            }
            Err(reason) => {
                let doubt = format!("{}: {reason}", shortened(&file.value));
                self.unset_doubt = Some(doubt.clone().into());
                Ok(Status::doubtful(true, doubt))
            }
        }
    }

    fn menu_entry(
        &mut self,
        args: &[Text],
        block: Option<&Block>,
        submenu: bool,
    ) -> Result<Status, Stop> {
        let mut id = None;
        let mut restricted = true;
        let mut rest = Vec::new();
        let mut iter = args.iter();
        let mut doubt = self.doubt();
        while let Some(arg) = iter.next() {
            match arg.value.as_str() {
                "--id" => id = iter.next().map(|arg| arg.value.clone()),
                "--class" | "-c" | "--users" | "--hotkey" | "--source" | "-s" => {
                    iter.next();
                }
                "--unrestricted" => restricted = false,
                value => match value.strip_prefix("--id=") {
                    Some(value) => id = Some(value.to_owned()),
                    None if value.starts_with("--") => {}
                    None => {
                        doubt = doubt.or_else(|| arg.doubt.clone());
                        rest.push(arg.clone());
                    }
                },
            }
        }
        let (Some(title), Some(body)) = (rest.first().cloned(), block) else {
            return Ok(Status::of(false));
        };
        self.budget.text(title.value.len().saturating_add(MENU_ITEM_COST))?;
        self.menu.push(MenuItem {
            id: id.unwrap_or_else(|| title.value.clone()),
            title: title.value,
            parameters: rest.split_off(1),
            site: self.site.clone(),
            submenu,
            restricted,
            bls: false,
            body: Rc::clone(body),
            doubt,
        });
        Ok(Status::ok())
    }

    fn linux(&mut self, args: &[Text]) -> Result<Status, Stop> {
        let Some((file, args)) = args.split_first() else { return Ok(Status::of(false)) };
        self.loaded.other = None;
        self.loaded.initrds.clear();
        self.loaded.doubt = None;
        self.loaded.kernel = self.file(file);
        self.loaded.command_line_line = self.arguments_line;
        self.loaded.command_line = self.command_line(args)?;
        Ok(Status::of(self.loaded.kernel.is_some()))
    }

    /// The words as the loader hands them to the kernel: those with blanks are quoted.
    fn command_line(&mut self, args: &[Text]) -> Result<String, Stop> {
        let mut line = String::new();
        for arg in args {
            self.doubt_loaded(arg);
            self.budget.text(arg.value.len())?;
            if !line.is_empty() {
                line.push(' ');
            }
            if arg.value.contains(' ') {
                line.push('"');
                line.push_str(&arg.value);
                line.push('"');
            } else {
                line.push_str(&arg.value);
            }
        }
        Ok(line)
    }

    fn doubt_loaded(&mut self, arg: &Text) {
        if self.loaded.doubt.is_none() {
            self.loaded.doubt = arg.doubt.clone().or_else(|| self.doubt());
        }
    }

    fn file(&mut self, arg: &Text) -> Option<LoadedFile> {
        self.doubt_loaded(arg);
        let place = self.place(&arg.value)?;
        Some(LoadedFile { spec: arg.value.clone(), place, site: self.site.clone() })
    }

    fn initrd(&mut self, arg: &Text) -> Result<(), Stop> {
        self.budget.text(MENU_ITEM_COST)?;
        // `newc:name:/file` puts a file into an archive on the way.
        let arg = match arg.value.strip_prefix("newc:").and_then(|rest| rest.split_once(':')) {
            Some((_, file)) => Text { value: file.to_owned(), doubt: arg.doubt.clone() },
            None => arg.clone(),
        };
        let file = self.file(&arg);
        self.loaded.initrds.extend(file);
        Ok(())
    }

    /// Behind a hypervisor the first module is the kernel, those after it are its initramfs.
    fn module(&mut self, args: &[Text]) -> Result<Status, Stop> {
        let mut args = args.iter().skip_while(|arg| arg.value.starts_with("--"));
        let Some(file) = args.next() else { return Ok(Status::of(false)) };
        if self.loaded.kernel.is_some() {
            self.initrd(file)?;
        } else {
            let words: Vec<Text> = args.filter(|arg| arg.value != "placeholder").cloned().collect();
            self.loaded.kernel = self.file(file);
            self.loaded.command_line_line = self.arguments_line;
            self.loaded.command_line = self.command_line(&words)?;
        }
        Ok(Status::ok())
    }
}

fn count(arg: &Text, default: usize) -> usize {
    leading_number(&arg.value).and_then(|number| number.try_into().ok()).unwrap_or(default)
}

fn join(name: &str, args: &[Text]) -> String {
    args.iter().fold(name.to_owned(), |line, arg| line + " " + &arg.value)
}
