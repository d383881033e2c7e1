//! Headers and version of a PE image: a driver, a kernel, a boot loader.
//!
//! In: the file's bytes, of which only the headers and the version resource are read. Out: the
//! machine that it runs on, what it is for, and the number of its version.
//!
//! Sources: Microsoft, "PE Format" (headers, section table, `.rsrc`); "VS_VERSIONINFO" and
//! "VS_FIXEDFILEINFO" for the version resource.

mod resource;
#[cfg(test)]
mod tests;

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::bytes::{Bytes, BytesExt};
use crate::error::{Error, Result};
use crate::guest::facts::Architecture;

/// Most sections of an image that Windows loads ("PE Format", COFF file header).
const MAX_SECTIONS: u16 = 96;

/// Offset of `e_lfanew` in the MS-DOS header.
const PE_OFFSET: u64 = 0x3c;

/// Bytes of the signature and the COFF file header.
const FILE_HEADER: u64 = 24;

/// Bytes of one entry of the section table.
const SECTION: u64 = 40;

/// Indexes among the data directories.
const RESOURCE_TABLE: u32 = 2;
const CERTIFICATE_TABLE: u32 = 4;

/// A version: four numbers, the most significant first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct FileVersion(pub [u16; 4]);

impl fmt::Display for FileVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self([major, minor, build, revision]) = self;
        write!(f, "{major}.{minor}.{build}.{revision}")
    }
}

/// What an image is for ("PE Format", Windows subsystem).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Subsystem {
    /// Drivers and native processes (1).
    Native,
    /// Programs with windows (2).
    WindowsGui,
    /// Programs with a console (3).
    WindowsConsole,
    /// EFI applications (10).
    EfiApplication,
    /// EFI drivers (11, 12), ROM images (13).
    EfiDriver,
    /// Applications of the Windows boot environment (16): `winload`.
    WindowsBootApplication,
    /// Anything else.
    Other,
}

impl Subsystem {
    fn from_number(number: u16) -> Self {
        match number {
            1 => Self::Native,
            2 => Self::WindowsGui,
            3 => Self::WindowsConsole,
            10 => Self::EfiApplication,
            11..=13 => Self::EfiDriver,
            16 => Self::WindowsBootApplication,
            _ => Self::Other,
        }
    }
}

/// What a PE image says of itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct PeFacts {
    /// `Machine` of the file header as it stands: 0x14c, 0x8664, ….
    pub machine: u16,
    /// Whether it is PE32+, the form of 64-bit images.
    pub is_64_bit: bool,
    /// What it is for.
    pub subsystem: Subsystem,
    /// The file version of its version resource; none when it has no such resource.
    pub version: Option<FileVersion>,
    /// Whether it has a certificate table, in which an embedded signature stands. Its content is not
    /// looked at.
    pub has_certificates: bool,
}

impl PeFacts {
    /// The processor that it is made for.
    pub fn architecture(&self) -> Architecture {
        architecture(self.machine)
    }
}

/// Names of the structures that are read here.
const DOS_HEADER: &str = "MS-DOS header";
const SIGNATURE: &str = "PE signature";
const FILE_HEADER_NAME: &str = "COFF file header";
const OPTIONAL_HEADER: &str = "optional header";
const SECTION_TABLE: &str = "section table";

/// Reads the headers and the version of a PE image.
///
/// # Errors
/// [`Error::Corrupt`] when the bytes are no PE image or contradict the format; [`Error::Unsupported`]
/// for a ROM image.
pub fn read(bytes: &dyn Bytes) -> Result<PeFacts> {
    let headers = Headers::read(bytes)?;
    let (address, _) = headers.directory(bytes, RESOURCE_TABLE, "resource table")?;
    let mut version = None;
    if address != 0 {
        version = resource::file_version(bytes, &headers.sections(bytes)?, address)?;
    }
    // Alone among the tables it lies at an offset in the file, and behind all sections.
    let (certificates, len) = headers.directory(bytes, CERTIFICATE_TABLE, "certificate table")?;
    let end = u64::from(certificates).saturating_add(u64::from(len));
    let has_certificates = certificates != 0 && len != 0 && end <= bytes.len();
    let Headers { machine, is_64_bit, subsystem, .. } = headers;
    Ok(PeFacts { machine, is_64_bit, subsystem, version, has_certificates })
}

/// Whether the bytes are an image that can be loaded, as far as its headers tell: the processor that
/// it is made for, or what is wrong with it. Its headers must be whole, and its sections lie within
/// the file.
///
/// # Errors
/// When the bytes cannot be read.
pub fn loadable(bytes: &dyn Bytes) -> Result<Result<Architecture, String>> {
    if bytes.is_empty() {
        return Ok(Err("it is empty".to_owned()));
    }
    let read = || {
        let headers = Headers::read(bytes)?;
        let end = headers.sections(bytes)?.end();
        if end > bytes.len() {
            let (expected, found) = (format!("{end} bytes"), format!("its end at {}", bytes.len()));
            return Err(Error::corrupt(SECTION_TABLE, headers.at, expected, found));
        }
        Ok(architecture(headers.machine))
    };
    match read() {
        Ok(found) => Ok(Ok(found)),
        // Other structures are those of the file system.
        Err(error @ Error::Corrupt { structure, .. })
            if [DOS_HEADER, SIGNATURE, FILE_HEADER_NAME, OPTIONAL_HEADER, SECTION_TABLE]
                .contains(&structure) =>
        {
            Ok(Err(error.to_string()))
        }
        Err(error) => Err(error),
    }
}

/// Why no loader takes a file for an image (`damaged: …`); `None` for one that is whole.
///
/// # Errors
/// As [`loadable`].
pub fn flaw(bytes: &dyn Bytes) -> Result<Option<String>> {
    Ok(loadable(bytes)?.err().map(|reason| format!("damaged: {reason}")))
}

/// The processor of a `Machine`.
fn architecture(machine: u16) -> Architecture {
    match machine {
        0x014c => Architecture::I386,
        0x8664 => Architecture::X86_64,
        0xaa64 => Architecture::Aarch64,
        0x01c0 | 0x01c2 | 0x01c4 => Architecture::Arm,
        0x5064 => Architecture::Riscv64,
        _ => Architecture::Other,
    }
}

/// The headers before the section table.
struct Headers {
    /// Offset of the PE signature.
    at: u64,
    machine: u16,
    section_count: u16,
    optional_size: u64,
    is_64_bit: bool,
    subsystem: Subsystem,
}

impl Headers {
    fn read(bytes: &dyn Bytes) -> Result<Self> {
        let dos: [u8; 2] = within(bytes, 0, DOS_HEADER)?;
        if &dos != b"MZ" {
            return Err(Error::corrupt(DOS_HEADER, 0, "MZ", hex(&dos)));
        }
        let at = u64::from(u32::from_le_bytes(within(bytes, PE_OFFSET, DOS_HEADER)?));
        let signature: [u8; 4] = within(bytes, at, SIGNATURE)?;
        if &signature != b"PE\0\0" {
            return Err(Error::corrupt(SIGNATURE, at, "PE\\0\\0", hex(&signature)));
        }
        let u16_at = |offset: u64, structure| {
            let array = within(bytes, at.saturating_add(offset), structure)?;
            Ok::<u16, Error>(u16::from_le_bytes(array))
        };
        let machine = u16_at(4, FILE_HEADER_NAME)?;
        let section_count = u16_at(6, FILE_HEADER_NAME)?;
        let optional_size = u64::from(u16_at(20, FILE_HEADER_NAME)?);
        if section_count > MAX_SECTIONS {
            return Err(Error::corrupt(
                FILE_HEADER_NAME,
                at.saturating_add(6),
                format!("at most {MAX_SECTIONS} sections"),
                section_count.to_string(),
            ));
        }
        let magic_at = at.saturating_add(FILE_HEADER);
        let is_64_bit = match u16_at(FILE_HEADER, OPTIONAL_HEADER)? {
            0x010b => false,
            0x020b => true,
            0x0107 => return Err(Error::unsupported(OPTIONAL_HEADER, magic_at, "a ROM image")),
            magic => {
                let found = format!("{magic:#x}");
                return Err(Error::corrupt(OPTIONAL_HEADER, magic_at, "0x10b or 0x20b", found));
            }
        };
        let subsystem = Subsystem::from_number(u16_at(FILE_HEADER + 68, OPTIONAL_HEADER)?);
        Ok(Self { at, machine, section_count, optional_size, is_64_bit, subsystem })
    }

    /// Where a table of the data directories lies, and how long it is; zeros for one that is not
    /// there.
    fn directory(
        &self,
        bytes: &dyn Bytes,
        index: u32,
        structure: &'static str,
    ) -> Result<(u32, u32)> {
        let optional = self.at.saturating_add(FILE_HEADER);
        let u32_at = |offset: u64, structure| {
            let array = within(bytes, optional.saturating_add(offset), structure)?;
            Ok::<u32, Error>(u32::from_le_bytes(array))
        };
        // The number of data directories, and the directories behind it.
        let count_at: u64 = if self.is_64_bit { 108 } else { 92 };
        let place = count_at.saturating_add(4).saturating_add(u64::from(index).saturating_mul(8));
        if place.saturating_add(8) > self.optional_size
            || u32_at(count_at, OPTIONAL_HEADER)? <= index
        {
            return Ok((0, 0));
        }
        Ok((u32_at(place, structure)?, u32_at(place.saturating_add(4), structure)?))
    }

    fn sections(&self, bytes: &dyn Bytes) -> Result<SectionTable> {
        let table = self.at.saturating_add(FILE_HEADER).saturating_add(self.optional_size);
        SectionTable::read(bytes, table, self.section_count)
    }
}

/// Where in the file an image's sections lie.
struct SectionTable(Vec<Section>);

struct Section {
    address: u32,
    /// Bytes that it takes in memory.
    memory_size: u32,
    size: u32,
    file_offset: u32,
}

impl SectionTable {
    fn read(bytes: &dyn Bytes, at: u64, count: u16) -> Result<Self> {
        let entry = |index: u16| {
            let at = at.saturating_add(u64::from(index).saturating_mul(SECTION));
            let field = |offset: u64| {
                let array = within(bytes, at.saturating_add(offset), SECTION_TABLE)?;
                Ok::<u32, Error>(u32::from_le_bytes(array))
            };
            // What is in memory beyond the raw data reads as zero, and is not in the file.
            Ok(Section {
                memory_size: field(8)?,
                address: field(12)?,
                size: field(16)?,
                file_offset: field(20)?,
            })
        };
        (0..count).map(entry).collect::<Result<_>>().map(Self)
    }

    /// End of what is loaded of the file, in bytes. The raw data of a section is rounded up to what
    /// the linker aligns by; only what it takes in memory must be there.
    fn end(&self) -> u64 {
        let end = |section: &Section| {
            let len = match section.memory_size {
                0 => section.size,
                memory => section.size.min(memory),
            };
            match len {
                0 => 0,
                len => u64::from(section.file_offset).saturating_add(u64::from(len)),
            }
        };
        self.0.iter().map(end).max().unwrap_or_default()
    }

    /// The place in the file of `len` bytes at a relative virtual address.
    fn offset(&self, address: u32, len: u32, structure: &'static str) -> Result<u64> {
        self.0
            .iter()
            .find_map(|section| {
                let within = address.checked_sub(section.address)?;
                (within.checked_add(len)? <= section.size)
                    .then(|| u64::from(section.file_offset).saturating_add(u64::from(within)))
            })
            .ok_or_else(|| {
                let found = format!("{len} bytes at {address:#x}");
                Error::corrupt(structure, u64::from(address), "an address in a section", found)
            })
    }
}

/// `N` bytes of a structure; one that lies beyond the end of the file is damage.
fn within<const N: usize>(
    bytes: &dyn Bytes,
    offset: u64,
    structure: &'static str,
) -> Result<[u8; N]> {
    match bytes.array(offset) {
        Err(Error::OutOfBounds { len, .. }) => {
            Err(Error::corrupt(structure, offset, "bytes of the file", format!("its end at {len}")))
        }
        other => other,
    }
}

fn hex(bytes: &[u8]) -> String {
    let digits: Vec<String> = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    digits.join(" ")
}
