//! Whether the kernel that boots has a driver when it needs it: in its initramfs or built in.

use std::collections::BTreeSet;

use super::scope::{Decision, known, undecided};
use super::{Outcome, Text, shell};
use crate::fact::{Evidence, Fact, Unread};
use crate::guest::facts::{InitramfsFacts, InitramfsMaker, KernelFacts, LinuxFacts, ListingEnd};
use crate::text;

/// A driver by the name of its module (`-` as `_`) and of its kernel option without `CONFIG_`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Driver {
    /// Module.
    pub(super) module: &'static str,
    /// Kernel option.
    pub(super) option: &'static str,
    /// A wider option that builds the driver in as well.
    wider: Option<&'static str>,
}

impl Driver {
    /// A driver.
    pub(super) const fn new(module: &'static str, option: &'static str) -> Self {
        Self { module, option, wider: None }
    }

    /// The same driver, which a wider option builds in as well.
    pub(super) const fn or_with(self, option: &'static str) -> Self {
        Self { wider: Some(option), ..self }
    }
}

/// Where a driver is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Presence {
    /// In the initramfs or the kernel itself: there before the root file system is mounted.
    Early(Evidence),
    /// Only under `/lib/modules`: there once the root file system is mounted.
    Late(Evidence),
    /// Nowhere.
    Absent,
    /// Not known.
    Unknown(Unread),
}

/// The kernel that the default boot entry starts.
pub(super) struct DefaultKernel<'a> {
    /// The kernel.
    pub(super) kernel: &'a KernelFacts,
    initramfs: Option<Result<&'a InitramfsFacts, &'a Unread>>,
    /// Path in the guest of the file that a rebuild must replace: the last that the boot entry
    /// loads (microcode comes before it).
    image: Option<&'a str>,
}

impl<'a> DefaultKernel<'a> {
    /// The default kernel and its initramfs; without one the rule ends undecided.
    pub(super) fn of(linux: &'a LinuxFacts) -> Decision<Self> {
        let entry = known(&linux.boot.default_entry)?;
        if let Some(missing) = entry
            .iter()
            .flat_map(|entry| &entry.initrds)
            .find(|initrd| matches!(initrd.resolved, Fact::Known(None)))
        {
            return Err(Box::new(undecided(&Unread::new(
                missing.location.clone(),
                format!(
                    "the initramfs {} is not there (see initrd-referenced-exists)",
                    missing.spec
                ),
            ))));
        }
        let kernels = known(&linux.kernels)?;
        let Some(kernel) = kernels.iter().find(|kernel| kernel.is_default) else {
            return Err(Box::new(undecided(&Unread::new(
                "/lib/modules",
                "none of the installed kernels is the one that the default boot entry starts",
            ))));
        };
        let initramfs = match &kernel.initramfs {
            Fact::Known(initramfs) => initramfs.as_ref().map(Ok),
            Fact::Unknown(unread) => Some(Err(unread)),
        };
        let last = entry.as_ref().and_then(|entry| entry.initrds.last());
        let image = last
            .and_then(|initrd| initrd.resolved.known()?.as_ref())
            .and_then(|file| file.guest_path.as_deref());
        Ok(Self { kernel, initramfs, image })
    }

    /// Another installed kernel with its initramfs.
    pub(super) fn other(kernel: &'a KernelFacts) -> Self {
        let initramfs = match &kernel.initramfs {
            Fact::Known(initramfs) => initramfs.as_ref().map(Ok),
            Fact::Unknown(unread) => Some(Err(unread)),
        };
        Self { kernel, initramfs, image: None }
    }

    /// Whether there is an initramfs, readable or not.
    pub(super) fn has_initramfs(&self) -> bool {
        self.initramfs.is_some()
    }

    /// The initramfs, where it could be read at all.
    pub(super) fn read_initramfs(&self) -> Option<&'a InitramfsFacts> {
        self.initramfs.and_then(Result::ok)
    }

    /// The initramfs' path, or that there is none.
    pub(super) fn place(&self) -> String {
        match self.read_initramfs() {
            Some(initramfs) => initramfs.path.clone(),
            None => format!("kernel {}", self.kernel.release),
        }
    }

    /// Where a driver is.
    pub(super) fn presence(&self, driver: Driver) -> Presence {
        match driver.wider {
            Some(wider) => self.presence_of(driver.module, &[driver.option, wider]),
            None => self.presence_of(driver.module, &[driver.option]),
        }
    }

    /// Whether a program is in the initramfs; it is no part of a kernel.
    pub(super) fn program(&self, name: &str) -> Presence {
        match self.initramfs {
            None => Presence::Absent,
            Some(Err(unread)) => Presence::Unknown(unread.clone()),
            Some(Ok(initramfs)) if initramfs.programs.contains(name) => {
                Presence::Early(Evidence::new(initramfs.path.clone(), name))
            }
            Some(Ok(initramfs)) => match &initramfs.listing {
                Fact::Unknown(unread) => Presence::Unknown(unread.clone()),
                Fact::Known(_) => Presence::Absent,
            },
        }
    }

    /// Where a module is that any of `options` builds in.
    pub(super) fn presence_of(&self, module: &str, options: &[&str]) -> Presence {
        let release = &self.kernel.release;
        let listed = |names: &Fact<Option<BTreeSet<String>>>, name: &str| {
            names.known().and_then(Option::as_ref).map(|names| names.contains(name))
        };
        if let Some(initramfs) = self.read_initramfs()
            && initramfs.modules.contains(module)
        {
            return Presence::Early(Evidence::new(initramfs.path.clone(), format!("{module}.ko")));
        }
        let builtin = listed(&self.kernel.builtin, module);
        if builtin == Some(true) {
            let list = format!("/lib/modules/{release}/modules.builtin");
            return Presence::Early(Evidence::new(list, module));
        }
        let configured = options.first().and_then(|option| listed(&self.kernel.config, option));
        let is_set = |option: &&str| listed(&self.kernel.config, option) == Some(true);
        if let Some(option) = options.iter().copied().find(is_set) {
            let file = format!("/boot/config-{release}");
            return Presence::Early(Evidence::new(file, format!("CONFIG_{option}=y")));
        }
        match self.initramfs {
            Some(Err(unread)) => return Presence::Unknown(unread.clone()),
            Some(Ok(initramfs)) => match &initramfs.listing {
                Fact::Unknown(unread) => return Presence::Unknown(unread.clone()),
                // The search ends early only when nothing is left to be sought: a driver that is
                // not in the list by then is built in, or its group has another.
                Fact::Known(ListingEnd::Satisfied) => {
                    return Presence::Early(Evidence::new(
                        initramfs.path.clone(),
                        format!("all drivers that were sought, {module} or its alternative"),
                    ));
                }
                Fact::Known(ListingEnd::Complete) => {}
            },
            None => {}
        }
        if listed(&self.kernel.modules, module) == Some(true) {
            let list = format!("/lib/modules/{release}/modules.dep");
            return Presence::Late(Evidence::new(list, module));
        }
        if builtin.is_none() && configured.is_none() {
            let unread = self.kernel.builtin.unread().or(self.kernel.config.unread()).cloned();
            return Presence::Unknown(unread.unwrap_or_else(|| {
                Unread::new(
                    format!("/lib/modules/{release}/modules.builtin"),
                    format!("neither it nor /boot/config-{release} is there, so what the kernel has built in is not known"),
                )
            }));
        }
        Presence::Absent
    }

    /// The first driver of a family that is there before the root file system is mounted.
    pub(super) fn any_early(
        &self,
        is_module: impl Fn(&str) -> bool,
        is_option: impl Fn(&str) -> bool,
    ) -> Option<Evidence> {
        let release = &self.kernel.release;
        let first = |names: Option<&BTreeSet<String>>, fits: &dyn Fn(&str) -> bool| {
            names.and_then(|names| names.iter().find(|name| fits(name)).cloned())
        };
        let known =
            |names: &'a Fact<Option<BTreeSet<String>>>| names.known().and_then(Option::as_ref);
        if let Some(initramfs) = self.read_initramfs()
            && let Some(module) = first(Some(&initramfs.modules), &is_module)
        {
            return Some(Evidence::new(initramfs.path.clone(), format!("{module}.ko")));
        }
        if let Some(module) = first(known(&self.kernel.builtin), &is_module) {
            return Some(Evidence::new(format!("/lib/modules/{release}/modules.builtin"), module));
        }
        let option = first(known(&self.kernel.config), &is_option)?;
        Some(Evidence::new(format!("/boot/config-{release}"), format!("CONFIG_{option}=y")))
    }

    /// As [`DefaultKernel::presence`], where being under `/lib/modules` is enough (a network card
    /// is looked for again once the root file system is mounted).
    pub(super) fn presence_anywhere(&self, driver: Driver) -> Presence {
        let late = || match &self.kernel.modules {
            Fact::Known(Some(modules)) if modules.contains(driver.module) => {
                let list = format!("/lib/modules/{}/modules.dep", self.kernel.release);
                Some(Presence::Late(Evidence::new(list, driver.module)))
            }
            Fact::Unknown(unread) => Some(Presence::Unknown(unread.clone())),
            Fact::Known(_) => None,
        };
        match self.presence(driver) {
            early @ Presence::Early(_) => early,
            other => late().unwrap_or(other),
        }
    }

    /// The commands that put `modules` into this kernel's initramfs.
    pub(super) fn rebuild(&self, linux: &LinuxFacts, modules: &[&str]) -> Text {
        let mut commands = self.rebuild_commands(linux, modules);
        if self.initramfs.is_none() {
            // The boot entry must load what is built now.
            commands.push_str(match initramfs_maker(linux) {
                Some(InitramfsMaker::Mkinitfs | InitramfsMaker::Mkinitcpio) => {
                    "\ngrub-mkconfig -o /boot/grub/grub.cfg"
                }
                _ => "\nupdate-grub || grub2-mkconfig -o /boot/grub2/grub.cfg",
            });
        }
        let not_shipped: Vec<_> = match &self.kernel.modules {
            Fact::Known(Some(shipped)) => {
                modules.iter().filter(|&&module| !shipped.contains(module)).copied().collect()
            }
            _ => Vec::new(),
        };
        if not_shipped.is_empty() {
            return Text { en: commands.clone(), zh: commands };
        }
        let release = &self.kernel.release;
        let names = not_shipped.join(" ");
        text!(
            "The kernel {release} does not come with {names}: install its extra modules package, or another kernel, first; then\n{commands}",
            "内核{release}不包含{names}：请先安装该内核的附加模块包或更换内核，然后执行：\n{commands}"
        )
    }

    fn rebuild_commands(&self, linux: &LinuxFacts, modules: &[&str]) -> String {
        let release = shell::quote(&self.kernel.release);
        let names = modules.join(" ");
        let dracut = match self.image {
            Some(image) => format!("dracut -f {} {release}", shell::quote_path(image)),
            None => format!("dracut -f --kver {release}"),
        };
        // Appended: the commands of several rules must add up.
        let dracut = format!(
            "echo 'add_drivers+=\" {names} \"' >> /etc/dracut.conf.d/cloud-drivers.conf && {dracut}"
        );
        let initramfs_tools = format!(
            "printf '%s\\n' {names} >> /etc/initramfs-tools/modules && update-initramfs -u -k {release}"
        );
        match initramfs_maker(linux) {
            Some(InitramfsMaker::InitramfsTools) => initramfs_tools,
            Some(InitramfsMaker::Dracut) => dracut,
            Some(InitramfsMaker::Mkinitrd) => format!(
                "sed -i 's/^INITRD_MODULES=\"/&{names} /' /etc/sysconfig/kernel && mkinitrd"
            ),
            // A feature of its own with the modules' paths as `modules.dep` has them, which the kernel's
            // name for a module does not tell (mkinitfs(1)).
            Some(InitramfsMaker::Mkinitfs) => {
                let pattern = modules.join("|").replace('_', "[-_]");
                format!(
                    "grep -oE '^kernel/[^:]*/({pattern})\\.ko[^:]*' /lib/modules/{release}/modules.dep >> /etc/mkinitfs/features.d/cloud.modules && sed -i '/[\" ]cloud[\" ]/!s/^features=\"/&cloud /' /etc/mkinitfs/mkinitfs.conf && mkinitfs {release}"
                )
            }
            // An array, and once a string (mkinitcpio.conf(5)).
            Some(InitramfsMaker::Mkinitcpio) => {
                format!(
                    "sed -i 's/^MODULES=[(\"]/&{names} /' /etc/mkinitcpio.conf && mkinitcpio -P"
                )
            }
            None => format!("{dracut}    # dracut\n{initramfs_tools}    # initramfs-tools"),
        }
    }
}

/// What makes the guest's initramfs, where it is known: what its distribution has, unless the guest
/// has another program for it alone.
pub(crate) fn initramfs_maker(linux: &LinuxFacts) -> Option<InitramfsMaker> {
    let usual = usual_maker(linux);
    let seen = &linux.initramfs_makers;
    let is_there =
        |maker: &InitramfsMaker| seen.contains(maker) || *maker == InitramfsMaker::Mkinitrd;
    match seen.as_slice() {
        [only] if !usual.as_ref().is_some_and(is_there) => Some(*only),
        _ => usual,
    }
}

/// The one of the distribution.
fn usual_maker(linux: &LinuxFacts) -> Option<InitramfsMaker> {
    let os = linux.os.known()?.as_ref()?;
    let is = |name: &str| os.id == name || os.id_like.iter().any(|like| like == name);
    if is("debian") || is("ubuntu") {
        return Some(InitramfsMaker::InitramfsTools);
    }
    match os.id.as_str() {
        "alpine" => return Some(InitramfsMaker::Mkinitfs),
        // Others of its family have dracut.
        "arch" | "archarm" | "manjaro" => return Some(InitramfsMaker::Mkinitcpio),
        _ => {}
    }
    if is("suse") || os.id.starts_with("sles") || os.id.starts_with("opensuse") {
        // SUSE went over to dracut with 12, openSUSE with 13.2.
        let major: Option<u32> = os.version.as_deref()?.split('.').next()?.parse().ok();
        return match major {
            Some(..12) => Some(InitramfsMaker::Mkinitrd),
            _ => Some(InitramfsMaker::Dracut),
        };
    }
    const DRACUT: &[&str] =
        &["rhel", "fedora", "centos", "ol", "euleros", "openeuler", "hce", "rocky"];
    DRACUT.iter().any(|name| is(name)).then_some(InitramfsMaker::Dracut)
}

/// Splits drivers by where they are: those seen, those missing, those not known.
pub(super) struct Survey {
    /// What was seen.
    pub(super) seen: Vec<Evidence>,
    /// Modules that are not there in time.
    pub(super) missing: Vec<&'static str>,
    /// Where a missing one lies although that is too late.
    pub(super) late: Vec<Evidence>,
    /// The first that is not known, and why.
    pub(super) unknown: Option<Unread>,
}

impl Survey {
    /// Looks for `drivers`, each by its own presence.
    pub(super) fn of(drivers: &[Driver], presence: impl Fn(Driver) -> Presence) -> Self {
        let mut survey =
            Self { seen: Vec::new(), missing: Vec::new(), late: Vec::new(), unknown: None };
        for &driver in drivers {
            match presence(driver) {
                Presence::Early(evidence) => survey.seen.push(evidence),
                Presence::Late(evidence) => {
                    survey.missing.push(driver.module);
                    survey.late.push(evidence);
                }
                Presence::Absent => survey.missing.push(driver.module),
                Presence::Unknown(unread) => {
                    survey.unknown.get_or_insert(unread);
                }
            }
        }
        survey
    }

    /// What shows that drivers are missing at `place`.
    pub(super) fn gap(&self, place: &str) -> Vec<Evidence> {
        let mut evidence =
            vec![Evidence::new(place, format!("without {}", self.missing.join(", ")))];
        evidence.extend(self.late.iter().cloned());
        evidence
    }

    /// Undecided, when something is not known.
    pub(super) fn settled(&self) -> Decision<()> {
        match &self.unknown {
            Some(unread) => Err(Box::new(undecided(unread))),
            None => Ok(()),
        }
    }
}

/// Nothing is missing.
pub(super) fn all_present(survey: Survey, place: &str) -> Outcome {
    let count = survey.seen.len();
    Outcome::holds(
        text!(
            "All {count} drivers are in {place} or built into its kernel.",
            "所需的{count}个驱动均已包含在{place}中或编译进内核。"
        ),
        survey.seen,
    )
}
