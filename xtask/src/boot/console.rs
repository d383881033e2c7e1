//! How far a machine came, from what it wrote on its serial console.

/// How far a machine came. Later values are later in a boot, as far as they have an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stage {
    /// Nothing was written.
    Nothing,
    /// The firmware ran, and handed over to the disk's boot code at most.
    Firmware,
    /// The firmware found nothing to boot from.
    NoBootableDevice,
    /// The boot loader's first stages ran.
    Loader,
    /// The loader has no configuration or no kernel, and waits at its prompt.
    LoaderPrompt,
    /// GRUB's core did not find its modules.
    GrubRescue,
    /// The kernel runs.
    Kernel,
    /// The kernel gave up.
    KernelPanic,
    /// A shell of the initramfs: the root file system was not found or not mounted.
    InitramfsShell,
    /// The root file system's init runs.
    Root,
    /// The root file system has no init that could be run; a bare shell stands for it.
    BareShell,
    /// systemd stopped for good.
    Frozen,
    /// The shell for repairs: a mount or another condition of the local system failed.
    Emergency,
    /// A login prompt.
    Login,
    /// cloud-init ended its last stage.
    CloudInit,
}

impl Stage {
    /// The stage in words.
    pub fn words(self) -> &'static str {
        match self {
            Self::Nothing => "nothing was written",
            Self::Firmware => "firmware only",
            Self::NoBootableDevice => "firmware: no bootable device",
            Self::Loader => "boot loader",
            Self::LoaderPrompt => "boot loader's prompt",
            Self::GrubRescue => "GRUB rescue shell",
            Self::Kernel => "kernel",
            Self::KernelPanic => "kernel panic",
            Self::InitramfsShell => "initramfs shell",
            Self::Root => "root mounted, init runs",
            Self::BareShell => "bare shell instead of init",
            Self::Frozen => "systemd frozen",
            Self::Emergency => "emergency shell",
            Self::Login => "login prompt",
            Self::CloudInit => "cloud-init done",
        }
    }

    /// Whether nothing more comes after this stage unless somebody types.
    pub fn is_final(self) -> bool {
        matches!(
            self,
            Self::NoBootableDevice
                | Self::LoaderPrompt
                | Self::GrubRescue
                | Self::KernelPanic
                | Self::InitramfsShell
                | Self::BareShell
                | Self::Frozen
                | Self::Emergency
        )
    }
}

/// What stands on the console at a stage: the messages of SeaBIOS, GRUB 2, SYSLINUX, Linux,
/// initramfs-tools, dracut, systemd and cloud-init.
const MARKS: &[(&str, Stage)] = &[
    ("SeaBIOS (version", Stage::Firmware),
    ("No bootable device", Stage::NoBootableDevice),
    ("Missing operating system", Stage::NoBootableDevice),
    ("Operating system load error", Stage::NoBootableDevice),
    ("GRUB loading", Stage::Loader),
    ("Welcome to GRUB!", Stage::Loader),
    ("SYSLINUX 6.", Stage::Loader),
    ("EXTLINUX 6.", Stage::Loader),
    ("you need to load the kernel first", Stage::LoaderPrompt),
    ("grub>", Stage::LoaderPrompt),
    ("No DEFAULT or UI configuration directive found", Stage::LoaderPrompt),
    ("Could not find kernel image", Stage::LoaderPrompt),
    ("grub rescue>", Stage::GrubRescue),
    ("Linux version ", Stage::Kernel),
    ("Kernel panic - not syncing", Stage::KernelPanic),
    ("(initramfs)", Stage::InitramfsShell),
    ("dracut:/#", Stage::InitramfsShell),
    ("Entering emergency mode. Exit the shell to continue", Stage::InitramfsShell),
    ("systemd[1]: systemd ", Stage::Root),
    ("Welcome to ", Stage::Root),
    ("can't access tty; job control turned off\n# ", Stage::BareShell),
    ("Freezing execution", Stage::Frozen),
    ("You are in emergency mode", Stage::Emergency),
    ("You are in rescue mode", Stage::Emergency),
    ("Give root password for maintenance", Stage::Emergency),
    ("Cannot open access to console", Stage::Emergency),
];

/// The furthest stage that `console` shows.
pub fn stage(console: &[u8]) -> Stage {
    let text = plain(console);
    let mut reached = Stage::Nothing;
    for &(mark, stage) in MARKS {
        // GRUB greets, too.
        let text = if stage == Stage::Root { &text.replace("Welcome to GRUB!", "") } else { &text };
        if text.contains(mark) {
            reached = reached.max(stage);
        }
    }
    if text.trim_end().lines().next_back().is_some_and(|line| line.trim() == "boot:") {
        reached = reached.max(Stage::LoaderPrompt);
    }
    if text.lines().any(is_login_prompt) {
        reached = reached.max(Stage::Login);
    }
    if text.lines().any(|line| line.contains("Cloud-init v.") && line.contains(" finished at ")) {
        reached = reached.max(Stage::CloudInit);
    }
    reached
}

/// agetty's prompt: the host's name, `login:`.
fn is_login_prompt(line: &str) -> bool {
    let mut words = line.split_whitespace();
    let (name, prompt) = (words.next(), words.next());
    prompt == Some("login:")
        && words.next().is_none()
        && name.is_some_and(|name| !name.ends_with(':') && !name.starts_with('['))
}

/// The lines of `console` without the terminal's control sequences (ECMA-48) and carriage returns.
pub fn plain(console: &[u8]) -> String {
    let mut text = Vec::with_capacity(console.len());
    let mut bytes = console.iter().copied().peekable();
    while let Some(byte) = bytes.next() {
        match byte {
            0x1b => match bytes.next() {
                Some(b'[') => {
                    // Parameters and intermediates up to the final byte.
                    let last = bytes.find(|byte| (0x40..=0x7e).contains(byte));
                    // A cleared screen ends a line. A moved cursor does not: SeaBIOS, which watches
                    // the screen of loaders, writes such moves within words.
                    if last == Some(b'J') {
                        text.push(b'\n');
                    }
                }
                Some(b']') => while bytes.next_if(|byte| *byte != 0x07).is_some() {},
                _ => {}
            },
            b'\n' | b'\t' | 0x20..=0x7e | 0x80.. => text.push(byte),
            _ => {}
        }
    }
    String::from_utf8_lossy(&text).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIRMWARE: &str = "\x1bc\x1b[?7l\x1b[2J\x1b[0mSeaBIOS (version 1.16.3-debian-1.16.3-2)\r\n\
                            Booting from Hard Disk...\r\n";

    fn after_firmware(rest: &str) -> Stage {
        stage(format!("{FIRMWARE}{rest}").as_bytes())
    }

    #[test]
    fn firmware_with_nothing_to_boot_is_told_from_boot_code_that_hangs() {
        assert_eq!(stage(b""), Stage::Nothing);
        assert_eq!(after_firmware(""), Stage::Firmware);
        assert_eq!(
            after_firmware("Boot failed: not a bootable disk\r\n\r\nNo bootable device.\r\n"),
            Stage::NoBootableDevice
        );
        assert_eq!(after_firmware("Missing operating system.\r\n"), Stage::NoBootableDevice);
    }

    #[test]
    fn a_loader_that_greets_is_no_mounted_root() {
        let grub = "GRUB loading.\r\n\x1b[0;30;47mWelcome to GRUB!\r\n\r\n";
        assert_eq!(after_firmware(grub), Stage::Loader);
        assert_eq!(
            after_firmware(&format!("{grub}error: unknown filesystem.\r\ngrub rescue> ")),
            Stage::GrubRescue
        );
        assert_eq!(after_firmware(&format!("{grub}\x1b[2J\x1b[01;01Hgrub> ")), Stage::LoaderPrompt);
        let split = "GRUB loading.\r\nWelcome to GRU\x1b[04;14H\x1b[04;15HB!\r\n\r\n";
        assert_eq!(after_firmware(split), Stage::Loader);
        assert_eq!(after_firmware("\r\nboot: "), Stage::LoaderPrompt);
    }

    #[test]
    fn a_kernel_that_mounts_no_root_is_told_by_how_it_ends() {
        let kernel = "[    0.000000] Linux version 6.1.0-39-amd64\r\n";
        assert_eq!(after_firmware(kernel), Stage::Kernel);
        assert_eq!(
            after_firmware(&format!("{kernel}[    2.1] Kernel panic - not syncing: VFS: Unable")),
            Stage::KernelPanic
        );
        assert_eq!(after_firmware(&format!("{kernel}\r\n(initramfs) ")), Stage::InitramfsShell);
        assert_eq!(after_firmware(&format!("{kernel}\r\ndracut:/# ")), Stage::InitramfsShell);
    }

    #[test]
    fn the_emergency_shell_is_no_login() {
        let root = "\r\nWelcome to \x1b[1mDebian GNU/Linux 12 (bookworm)\x1b[0m!\r\n\r\n";
        assert_eq!(after_firmware(root), Stage::Root);
        assert_eq!(
            after_firmware(&format!(
                "{root}You are in emergency mode. After logging in, type \"journalctl -xb\"\r\n"
            )),
            Stage::Emergency
        );
        assert_eq!(
            after_firmware(&format!("{root}Debian GNU/Linux 12 guest ttyS0\r\n\r\nguest login: ")),
            Stage::Login
        );
        assert_eq!(
            after_firmware(&format!("{root}[  1.0] systemd[1]: Started login: a thing\r\n")),
            Stage::Root
        );
    }

    #[test]
    fn the_end_of_cloud_init_comes_after_the_login_prompt() {
        assert_eq!(
            after_firmware(
                "guest login: \r\n[   80.1] cloud-init[499]: Cloud-init v. 22.4.2 finished at Mon, \
                 01 Jan 2024. Datasource DataSourceNone.\r\n"
            ),
            Stage::CloudInit
        );
    }
}
