//! When the display is turned off.
//!
//! Sources: Microsoft, "Display settings" of power policies; for Windows before Vista `USER_POWER_POLICY`
//! (powrprof.h), which each user's hive keeps as it is.

use super::hklm::{Hklm, Place, fact};
use super::registry::{self, Hive};
use super::system_root::SystemRoot;
use crate::error::{Error, Result};
use crate::fact::{Evidence, Fact};
use crate::filesystem::tree::Tree;
use crate::guest::facts::Seen;

/// The subgroup “display” and its setting “turn off display after”.
const DISPLAY: &str = r"7516b95f-f776-4464-8c53-06167f40cc99\3c0bc021-c8a8-4e07-a973-6b14cbcb2b7e";

/// Where the schemes of Windows before Vista lie in a user's hive.
const POWER_CFG: &str = r"Control Panel\PowerCfg";

/// `VideoTimeoutAc` in `USER_POWER_POLICY`, in bytes; in seconds, 0 for never.
const VIDEO_TIMEOUT_AC: usize = 56;

/// What the relative id of the built-in administrator makes of a SID's end.
const ADMINISTRATOR: &str = "-500";

/// When the active power scheme turns the display off on mains power: by policy, by the scheme, or by
/// the scheme's default; before Vista by the scheme of the built-in administrator.
pub(super) fn off_after(
    tree: &Tree,
    root: &SystemRoot,
    hklm: &Hklm<'_>,
) -> Fact<Option<Seen<u32>>> {
    let read = || match of_machine(hklm)? {
        Some(found) => Ok(Some(found)),
        None => of_administrator(tree, root, hklm),
    };
    fact(r"Control\Power", read())
}

fn of_machine(hklm: &Hklm<'_>) -> Result<Option<Seen<u32>>> {
    const POLICY: &str =
        r"Policies\Microsoft\Power\PowerSettings\3C0BC021-C8A8-4E07-A973-6B14CBCB2B7E";
    if let Some(policy) = hklm.software(POLICY)?.dword("ACSettingIndex")? {
        return Ok(Some(policy));
    }
    let power = hklm.control_set(r"Control\Power")?;
    let schemes = power.at(r"User\PowerSchemes")?;
    let Some(active) = schemes.text("ActivePowerScheme")? else { return Ok(None) };
    let scheme = active.value;
    let own = schemes.at(&format!(r"{scheme}\{DISPLAY}"))?.dword("ACSettingIndex")?;
    if own.is_some() {
        return Ok(own);
    }
    let defaults = format!(r"PowerSettings\{DISPLAY}\DefaultPowerSchemeValues\{scheme}");
    power.at(&defaults)?.dword("AcSettingIndex")
}

/// The setting in the administrator's own hive; `None` where there is no such account's profile, or no
/// schemes in its hive (Windows Vista and later).
fn of_administrator(tree: &Tree, root: &SystemRoot, hklm: &Hklm<'_>) -> Result<Option<Seen<u32>>> {
    let profiles = hklm.software(r"Microsoft\Windows NT\CurrentVersion\ProfileList")?.below()?;
    let of_administrator = |place: &&Place<'_>| {
        place.name().starts_with("S-1-5-21-") && place.name().ends_with(ADMINISTRATOR)
    };
    let Some(profile) = profiles.iter().find(of_administrator) else { return Ok(None) };
    let Some(directory) = profile.text("ProfileImagePath")? else { return Ok(None) };
    let Ok(directory) = root.resolve(&directory.value) else {
        let reason = "where this profile lies is not understood".to_owned();
        return Err(Error::Unreadable { path: directory.value, reason });
    };
    let path = format!("{directory}/NTUSER.DAT");
    let hive = match registry::open(tree, &path) {
        Err(error) if error.is_absent() => return Ok(None),
        opened => opened?,
    };
    of_hive(&hive, &path)
}

fn of_hive(hive: &Hive, path: &str) -> Result<Option<Seen<u32>>> {
    let Some(schemes) = hive.key(POWER_CFG)? else { return Ok(None) };
    let current = schemes.value("CurrentPowerPolicy")?.and_then(|value| value.text());
    let Some(current) = current else { return Ok(None) };
    let key = format!(r"PowerPolicies\{current}");
    let Some(scheme) = schemes.subkey(&key)? else { return Ok(None) };
    let Some(value) = scheme.value("Policies")? else { return Ok(None) };
    let place = format!(r"{}: {POWER_CFG}\{key}\Policies", super::system_root::shown(path));
    let number = value.data.get(VIDEO_TIMEOUT_AC..).and_then(<[u8]>::first_chunk);
    let number = number.ok_or_else(|| Error::Unreadable {
        path: place.clone(),
        reason: format!("a USER_POWER_POLICY was expected, not {} bytes", value.data.len()),
    })?;
    let seconds = u32::from_le_bytes(*number);
    Ok(Some(Seen::new(seconds, Evidence::new(place, format!("VideoTimeoutAc={seconds}")))))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::guest::windows::fixture::{Guest, guest};

    const SCHEMES: &str = r"ControlSet001\Control\Power\User\PowerSchemes";
    const BALANCED: &str = "381b4222-f694-41f0-9685-ff5bb260df2e";

    fn seconds(guest: Guest) -> Option<u32> {
        guest.look(off_after).known().unwrap().as_ref().map(|seen| seen.value)
    }

    #[test]
    fn the_scheme_that_is_active_counts_below_the_policy_and_above_its_default() {
        assert_eq!(seconds(guest()), None);
        let active = || {
            let defaults = format!(
                r"ControlSet001\Control\Power\PowerSettings\{DISPLAY}\DefaultPowerSchemeValues\{BALANCED}"
            );
            guest().system(|hive| {
                let hive = hive.key(SCHEMES).text("ActivePowerScheme", BALANCED);
                hive.key(&defaults).dword("AcSettingIndex", 600)
            })
        };
        assert_eq!(seconds(active()), Some(600));
        let own = || {
            active().system(|hive| {
                hive.key(&format!(r"{SCHEMES}\{BALANCED}\{DISPLAY}")).dword("ACSettingIndex", 0)
            })
        };
        assert_eq!(seconds(own()), Some(0));
        let policy = own().software(|hive| {
            let key =
                r"Policies\Microsoft\Power\PowerSettings\3C0BC021-C8A8-4E07-A973-6B14CBCB2B7E";
            hive.key(key).dword("ACSettingIndex", 60)
        });
        assert_eq!(seconds(policy), Some(60));
    }

    /// The scheme "Home/Office Desk" as Windows XP sets it up: 20 minutes.
    const DESK: [u8; 80] = [
        1, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
        0, 0, 0x2c, 1, 0, 0, 0x32, 0x32, 0, 3, 4, 0, 0, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
        0xb0, 4, 0, 0, 0x2c, 1, 0, 0, 0, 0, 0, 0, 0x58, 2, 0, 0, 1, 1, 0x64, 0x50, 0x64, 0x64, 0,
        0,
    ];

    #[test]
    fn before_vista_it_stands_in_the_hive_of_the_administrator() {
        let with = |policies: &[u8]| {
            let hive = crate::guest::windows::fixture::Hive::new()
                .key(POWER_CFG)
                .text("CurrentPowerPolicy", "0")
                .key(&format!(r"{POWER_CFG}\PowerPolicies\0"))
                .binary("Policies", policies)
                .bytes();
            let list = r"Microsoft\Windows NT\CurrentVersion\ProfileList\S-1-5-21-1-2-3-500";
            let directory = r"%SystemDrive%\Documents and Settings\Administrator";
            guest()
                .software(|hive| hive.key(list).text("ProfileImagePath", directory))
                .files(|files| files.file("/Documents and Settings/Administrator/NTUSER.DAT", hive))
        };
        let found = with(&DESK).look(off_after);
        let seen = found.known().unwrap().as_ref().unwrap();
        assert_eq!(seen.value, 1200);
        assert_eq!(
            seen.evidence.location,
            r"\Documents and Settings\Administrator\NTUSER.DAT: Control Panel\PowerCfg\PowerPolicies\0\Policies"
        );
        assert!(with(&DESK[..58]).look(off_after).unread().is_some());
    }
}
