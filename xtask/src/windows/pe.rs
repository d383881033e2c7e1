//! Programs: PE images that mingw-w64 makes, with nothing in them but a version resource.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result};

use crate::tool::Tool;

/// What a program is for, as its PE header says it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Subsystem {
    Native,
    EfiApplication,
    BootApplication,
}

impl Subsystem {
    fn number(self) -> u32 {
        match self {
            Self::Native => 1,
            Self::EfiApplication => 10,
            Self::BootApplication => 16,
        }
    }
}

/// Makes programs, each once.
pub struct Programs {
    dir: tempfile::TempDir,
    made: std::cell::RefCell<BTreeMap<String, PathBuf>>,
}

impl Programs {
    pub fn new() -> Result<Self> {
        Ok(Self { dir: tempfile::tempdir()?, made: std::cell::RefCell::default() })
    }

    /// The program of that name and version.
    pub fn get(
        &self,
        name: &str,
        version: [u16; 4],
        subsystem: Subsystem,
        is_64_bit: bool,
    ) -> Result<PathBuf> {
        let [major, minor, build, revision] = version;
        let id = format!("{name}-{major}.{minor}.{build}.{revision}-{is_64_bit}");
        if let Some(path) = self.made.borrow().get(&id) {
            return Ok(path.clone());
        }
        let path = self.make(&id, name, version, subsystem, is_64_bit).context(id.clone())?;
        self.made.borrow_mut().insert(id, path.clone());
        Ok(path)
    }

    fn make(
        &self,
        id: &str,
        name: &str,
        version: [u16; 4],
        subsystem: Subsystem,
        is_64_bit: bool,
    ) -> Result<PathBuf> {
        let (triple, prefix) = match is_64_bit {
            true => ("x86_64-w64-mingw32", ""),
            // Symbols of 32-bit programs begin with an underscore.
            false => ("i686-w64-mingw32", "_"),
        };
        let at = |suffix: &str| self.dir.path().join(format!("{id}.{suffix}"));
        let [major, minor, build, revision] = version;
        fs::write(at("s"), format!(".globl {prefix}entry\n.text\n{prefix}entry: ret\n"))?;
        fs::write(
            at("rc"),
            format!(
                "1 VERSIONINFO\nFILEVERSION {major},{minor},{build},{revision}\n\
                 PRODUCTVERSION {major},{minor},{build},{revision}\nFILEOS 0x40004\nFILETYPE 0x3\n\
                 BEGIN\nBLOCK \"StringFileInfo\"\nBEGIN\nBLOCK \"040904b0\"\nBEGIN\n\
                 VALUE \"FileDescription\", \"Stand-in of {name} for tests\"\n\
                 VALUE \"FileVersion\", \"{major}.{minor}.{build}.{revision}\"\nEND\nEND\n\
                 BLOCK \"VarFileInfo\"\nBEGIN\nVALUE \"Translation\", 0x409, 1200\nEND\nEND\n"
            ),
        )?;
        Tool::new(&format!("{triple}-windres"))
            .arg(at("rc"))
            .words("-O coff -o")
            .arg(at("res"))
            .run()?;
        let path = at("exe");
        Tool::new(&format!("{triple}-gcc"))
            .words("-nostdlib -s -Wl,--no-insert-timestamp -Wl,--subsystem")
            .arg(format!("-Wl,{}", subsystem.number()))
            .arg(format!("-Wl,--entry,{prefix}entry"))
            .arg(at("s"))
            .arg(at("res"))
            .arg("-o")
            .arg(&path)
            .run()?;
        Ok(path)
    }
}
