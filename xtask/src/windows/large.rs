//! A Windows guest as large as real ones are: its volume fills a disk of 40 GiB, and its master file
//! table has 200,000 files.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Result;

use super::guest::{DISK, Firmware, Guest, WINDOWS_START};
use super::pe::Programs;
use super::release::SERVER_2019;
use crate::guest::disk::MIB;
use crate::workspace;

/// Files of the component store, by directory; and of one directory like System32.
const DIRECTORIES: u32 = 1_000;
const EACH: u32 = 190;
const SYSTEM32: u32 = 10_000;

/// The guest as a raw image, from the cache when it is there.
pub fn image() -> Result<PathBuf> {
    let path = workspace::cache()?.join("windows-40.raw");
    if path.exists() {
        return Ok(path);
    }
    workspace::ensure_root()?;
    let programs = Programs::new()?;
    let mut guest = Guest::new(&programs, &SERVER_2019, Firmware::Bios)?;
    guest.layout.windows_size = DISK - WINDOWS_START - MIB;
    guest.layout.cluster_size = 4096;
    guest.layout.more = Some(fill);
    let unfinished = path.with_extension("part");
    guest.lay_out(&unfinished)?;
    fs::rename(unfinished, &path)?;
    Ok(path)
}

fn fill(mount: &Path) -> Result<()> {
    let write = |dir: &Path, count: u32| -> Result<()> {
        fs::create_dir_all(dir)?;
        for number in 0..count {
            let name = format!("microsoft-windows-component-{number:05}.manifest");
            fs::write(dir.join(name), format!("<assembly number=\"{number}\"/>"))?;
        }
        Ok(())
    };
    let store = mount.join("Windows/WinSxS");
    for number in 0..DIRECTORIES {
        write(&store.join(format!("amd64_component_31bf3856ad364e35_{number:04}")), EACH)?;
    }
    write(&mount.join("Windows/System32"), SYSTEM32)
}
