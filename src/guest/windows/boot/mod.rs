//! How Windows boots: followed link by link from the firmware, as its own loaders go.
//!
//! In: the disk, and the file systems that can be read. Out: [`WindowsBootFacts`]. Under BIOS: code
//! in sector 0 → active partition → its boot sector → `bootmgr` → `\Boot\BCD` → default entry → the
//! partition that it names by disk signature and first byte → `winload.exe` → kernel; before Windows
//! Vista `ntldr` → `boot.ini` → kernel. Under UEFI: EFI system partition → `bootmgfw.efi` →
//! `\EFI\Microsoft\Boot\BCD` → the same with `winload.efi`.
//!
//! Sources: Microsoft, "Boot and UEFI", "BCD System Store Settings for UEFI", "BCDEdit"; for `ntldr`
//! and `boot.ini` "Boot.ini options" and Q102873 ("BOOT.INI and ARC path naming conventions").

mod bios;
mod boot_ini;
mod entry;
mod ntldr;
#[cfg(test)]
mod tests;
mod uefi;
mod volumes;

use self::volumes::Volumes;
use crate::disk::facts::PartitionRole;
use crate::error::Result;
use crate::fact::Evidence;
use crate::filesystem::tree::Tree;
use crate::guest::Machine;
use crate::guest::facts::{
    LinkState, WindowsBootFacts, WindowsBootLink, WindowsBootPath, WindowsLinkKind,
};
use crate::guest::windows::pe;

/// Follows the boot chain of a Windows guest. Never fails: a link that could not be looked for is
/// unknown.
pub fn follow(machine: &Machine<'_>) -> WindowsBootFacts {
    let volumes = Volumes { machine };
    WindowsBootFacts {
        bios: bios::follow(&volumes),
        uefi: uefi::follow(&volumes),
        dynamic_disk: machine
            .disk
            .partitions
            .iter()
            .filter(|partition| partition.role == PartitionRole::Ldm)
            .map(|partition| {
                let number = partition.number;
                let detail = format!("partition {number}, type {}", partition.type_id);
                Evidence::new(partition.location.clone(), detail)
            })
            .collect(),
    }
}

/// The tree of one volume, as the loaders look at it.
///
/// # Errors
/// As [`Volumes::tree`].
pub(super) fn tree(machine: &Machine<'_>, volume: usize) -> Result<Tree> {
    Volumes { machine }.tree(volume)
}

/// The way so far.
#[derive(Default)]
struct Path(WindowsBootPath);

impl Path {
    fn push(&mut self, kind: WindowsLinkKind, state: LinkState, evidence: Evidence) {
        self.0.chain.push(WindowsBootLink { kind, state, evidence });
    }

    fn found(&mut self, kind: WindowsLinkKind, evidence: Evidence) {
        self.push(kind, LinkState::Found, evidence);
    }

    fn missing(&mut self, kind: WindowsLinkKind, evidence: Evidence) {
        self.push(kind, LinkState::Missing, evidence);
    }

    fn unknown(&mut self, kind: WindowsLinkKind, location: &str, reason: impl ToString) {
        let evidence = Evidence::new(location, "not read");
        self.push(kind, LinkState::Unknown(reason.to_string()), evidence);
    }

    /// The boot manager, a file that the code in the boot sector reads: that code stops at one that is
    /// compressed (its message is `BOOTMGR is compressed`, `NTLDR is compressed`), and has no key to one
    /// that EFS encrypted.
    fn boot_manager(&mut self, volumes: &Volumes<'_>, volume: usize, file: &str) {
        const KIND: WindowsLinkKind = WindowsLinkKind::BootManager;
        let place = volumes.name(volume);
        match volumes.tree(volume).and_then(|tree| tree.stored_as(file)) {
            Ok(Some(how)) => {
                let detail = format!("{how} on {place}, and the boot sector reads no such file");
                self.missing(KIND, Evidence::new(file.replace('/', r"\"), detail));
            }
            Ok(None) => {
                self.looked(KIND, place, volumes.file(volume, file));
            }
            Err(error) => {
                self.looked::<()>(KIND, place, Err(error));
            }
        }
    }

    /// A program, which must be a whole image.
    fn program(&mut self, kind: WindowsLinkKind, volumes: &Volumes<'_>, volume: usize, file: &str) {
        let place = format!("{file} on {}", volumes.name(volume));
        let found = volumes.file(volume, file);
        let image = volumes.tree(volume).and_then(|tree| tree.open(&file.replace('\\', "/")));
        match (found, image.and_then(|image| pe::flaw(image.as_ref()))) {
            (Ok((_, evidence)), Ok(Some(flaw))) => {
                self.missing(kind, Evidence::new(evidence.location, flaw));
            }
            (Ok(_), Err(error)) => self.unknown(kind, &place, error),
            (found, _) => {
                self.looked(kind, &place, found);
            }
        }
    }

    /// A link that was looked for with that result; the value when it was found.
    fn looked<T>(
        &mut self,
        kind: WindowsLinkKind,
        location: &str,
        result: Result<(T, Evidence)>,
    ) -> Option<T> {
        match result {
            Ok((value, evidence)) => {
                self.found(kind, evidence);
                Some(value)
            }
            Err(error) if error.is_absent() => {
                self.missing(kind, Evidence::new(location, error.to_string()));
                None
            }
            Err(error) => {
                self.unknown(kind, location, error);
                None
            }
        }
    }
}
