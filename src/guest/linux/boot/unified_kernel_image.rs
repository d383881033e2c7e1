//! Unified kernel images (UAPI.5): EFI executables whose sections are kernel, initramfs and command
//! line.

use super::portable_executable::sections;
use crate::bytes::{Bytes, BytesExt};
use crate::error::{Error, Result};

/// Longest text of a section: the kernel's own bound on command lines is 2 to 4 KiB.
const MAX_TEXT: u32 = 64 << 10;

/// What a unified kernel image says of itself.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct UnifiedKernelImage {
    /// `.cmdline`.
    pub(super) command_line: String,
    /// `PRETTY_NAME` of `.osrel`.
    pub(super) title: Option<String>,
}

/// Reads an image; `None` when it has no section `.linux` and is some other program.
///
/// # Errors
/// [`Error::Corrupt`] for what is no PE file; when its bytes cannot be read.
pub(super) fn read(bytes: &dyn Bytes) -> Result<Option<UnifiedKernelImage>> {
    let mut image = UnifiedKernelImage::default();
    let mut has_kernel = false;
    for section in sections(bytes)? {
        let text = || -> Result<String> {
            if section.len > MAX_TEXT {
                let limit = MAX_TEXT.into();
                return Err(Error::Limit { structure: "PE section", limit, unit: "bytes of text" });
            }
            let len = usize::try_from(section.len).unwrap_or(0);
            let text = bytes.vec(section.start, len)?;
            Ok(String::from_utf8_lossy(&text).trim_end_matches(['\0', '\n']).to_owned())
        };
        match &section.name {
            b".linux\0\0" => has_kernel = true,
            b".cmdline" => image.command_line = text()?.replace('\n', " "),
            b".osrel\0\0" => {
                let text = text()?;
                let name = text.lines().find_map(|line| line.strip_prefix("PRETTY_NAME="));
                image.title = name.map(|name| name.trim_matches(['"', '\'']).to_owned());
            }
            _ => {}
        }
    }
    Ok(has_kernel.then_some(image))
}

#[cfg(test)]
pub(super) mod tests {
    #![allow(clippy::arithmetic_side_effects)]

    use super::*;

    /// An image of the given sections, laid out as the PE format says.
    pub(in super::super) fn image(sections: &[(&[u8; 8], &str)]) -> Vec<u8> {
        let mut image = vec![0_u8; 0x400];
        image[..2].copy_from_slice(b"MZ");
        image[0x3c] = 0x80;
        image[0x80..0x84].copy_from_slice(b"PE\0\0");
        image[0x86] = u8::try_from(sections.len()).unwrap();
        image[0x94] = 16;
        for (index, (name, text)) in sections.iter().enumerate() {
            let header = 0x80 + 24 + 16 + index * 40;
            let (len, at) = (u32::try_from(text.len()).unwrap(), image.len());
            image[header..header + 8].copy_from_slice(*name);
            image[header + 8..header + 12].copy_from_slice(&len.to_le_bytes());
            image[header + 16..header + 20].copy_from_slice(&len.to_le_bytes());
            let at = u32::try_from(at).unwrap();
            image[header + 20..header + 24].copy_from_slice(&at.to_le_bytes());
            image.extend_from_slice(text.as_bytes());
        }
        image
    }

    #[test]
    fn the_sections_tell_command_line_and_name() {
        let uki = image(&[
            (b".osrel\0\0", "ID=fedora\nPRETTY_NAME=\"Fedora Linux 39\"\n"),
            (b".cmdline", "root=UUID=1 ro\n"),
            (b".linux\0\0", "MZ"),
        ]);
        let expected = UnifiedKernelImage {
            command_line: "root=UUID=1 ro".to_owned(),
            title: Some("Fedora Linux 39".to_owned()),
        };
        assert_eq!(read(&uki).unwrap(), Some(expected));
        assert_eq!(read(&image(&[(b".text\0\0\0", "x")])).unwrap(), None);
    }

    #[test]
    fn what_is_no_pe_file_or_is_cut_off_is_an_error() {
        assert!(read(&vec![0_u8; 512]).is_err());
        let mut cut = image(&[(b".cmdline", "root=UUID=1"), (b".linux\0\0", "MZ")]);
        cut.truncate(0x400);
        assert!(read(&cut).is_err());
        cut.truncate(0xa0);
        assert!(read(&cut).is_err());
        let long = image(&[(b".cmdline", &"x".repeat((64 << 10) + 1)), (b".linux\0\0", "MZ")]);
        assert!(matches!(read(&long), Err(Error::Limit { .. })));
        let mut many = image(&[]);
        many[0x86] = 97;
        assert!(matches!(read(&many), Err(Error::Limit { .. })));
        let mut far = image(&[]);
        far[0x3c..0x40].copy_from_slice(&[0xff; 4]);
        assert!(read(&far).is_err());
    }
}
