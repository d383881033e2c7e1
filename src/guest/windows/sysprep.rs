//! What Sysprep and setup left: the state of the image, and the answer files of the next start.
//!
//! Sources: Microsoft, "Windows Setup states" (ImageState); "Methods for running Windows Setup",
//! implicit answer file search order.

use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};

use super::hklm::{Hklm, fact};
use super::system_root::{SystemRoot, shown};
use crate::error::{Error, Result};
use crate::fact::Evidence;
use crate::filesystem::tree::Tree;
use crate::guest::facts::SysprepFacts;

/// Longest answer file in bytes. Real ones have some KiB; product keys and drivers' lists make them
/// longer.
const MAX_ANSWER_FILE: u64 = 1 << 20;

/// Most elements of one answer file.
const MAX_ELEMENTS: usize = 20_000;

/// Where setup looks, below `%SystemRoot%`, in its order.
const PLACES: [&str; 4] = [
    "Panther/Unattend/Unattend.xml",
    "Panther/Unattend.xml",
    "System32/Sysprep/Panther/Unattend.xml",
    "System32/Sysprep/Unattend.xml",
];

/// What Sysprep and setup left.
pub(super) fn find(tree: &Tree, root: &SystemRoot, hklm: &Hklm<'_>) -> SysprepFacts {
    const STATE: &str = r"Microsoft\Windows\CurrentVersion\Setup\State";
    let image_state = hklm.software(STATE).and_then(|place| place.text("ImageState"));
    let files = answer_files(tree, root, hklm);
    let commands = match &files {
        Ok(files) => commands(tree, files),
        Err(error) => Err(error.clone()),
    };
    let evidence = |path: &String| Evidence::new(shown(path), "answer file");
    SysprepFacts {
        image_state: fact(STATE, image_state),
        answer_files: fact("Setup", files.map(|files| files.iter().map(evidence).collect())),
        run_synchronous: fact("answer file", commands),
    }
}

/// The answer files that are there, as paths of the tree.
fn answer_files(tree: &Tree, root: &SystemRoot, hklm: &Hklm<'_>) -> Result<Vec<String>> {
    let named = hklm.system("Setup")?.text("UnattendFile")?;
    // One on another drive is on no disk of this image.
    let named = named.and_then(|named| root.resolve(&named.value).ok());
    let mut found: Vec<String> = Vec::new();
    for path in named.into_iter().chain(PLACES.map(|place| root.path(place))) {
        let is_new = !found.iter().any(|known| known.eq_ignore_ascii_case(&path));
        if is_new && tree.exists(&path)? {
            found.push(path);
        }
    }
    Ok(found)
}

/// The commands of the specialize pass. What they are is not told: they often hold passwords.
fn commands(tree: &Tree, files: &[String]) -> Result<Vec<Evidence>> {
    let mut found = Vec::new();
    for path in files {
        let bytes = tree.read(path, MAX_ANSWER_FILE)?;
        let text = decode(&bytes);
        let lines = run_synchronous(&text)
            .map_err(|reason| Error::Unreadable { path: shown(path), reason })?;
        found.extend(lines.into_iter().map(|line| {
            Evidence::new(
                format!("{}:{line}", shown(path)),
                "RunSynchronousCommand in the pass specialize",
            )
        }));
    }
    Ok(found)
}

/// Text as UTF-16 where its mark says so, otherwise as UTF-8.
fn decode(bytes: &[u8]) -> String {
    match bytes {
        [0xff, 0xfe, rest @ ..] => {
            let (units, _) = rest.as_chunks::<2>();
            let units = units.iter().map(|unit| u16::from_le_bytes(*unit));
            char::decode_utf16(units).map(|char| char.unwrap_or('\u{fffd}')).collect()
        }
        [0xef, 0xbb, 0xbf, rest @ ..] => String::from_utf8_lossy(rest).into_owned(),
        _ => String::from_utf8_lossy(bytes).into_owned(),
    }
}

/// The lines, from 1, in which commands of the specialize pass stand.
fn run_synchronous(text: &str) -> Result<Vec<usize>, String> {
    let mut reader = Reader::from_str(text);
    let mut in_pass = false;
    let mut lines = Vec::new();
    for _ in 0..MAX_ELEMENTS {
        let event = reader.read_event().map_err(|error| error.to_string())?;
        match event {
            Event::Eof => return Ok(lines),
            Event::Start(element) | Event::Empty(element)
                if element.local_name().as_ref() == "settings" =>
            {
                in_pass = is_specialize(&element);
            }
            Event::Start(element)
                if in_pass && element.local_name().as_ref() == "RunSynchronousCommand" =>
            {
                let position = usize::try_from(reader.buffer_position()).unwrap_or(usize::MAX);
                let before = text.get(..position).unwrap_or(text);
                lines.push(before.matches('\n').count().saturating_add(1));
            }
            _ => {}
        }
    }
    Err(format!("more than {MAX_ELEMENTS} elements, the rest was not read"))
}

fn is_specialize(element: &BytesStart<'_>) -> bool {
    element
        .attributes()
        .flatten()
        .any(|attribute| attribute.key.as_ref() == "pass" && attribute.value == "specialize")
}

#[cfg(test)]
mod tests {
    use super::*;

    const ANSWER: &str = r#"<?xml version="1.0" encoding="utf-8"?>
<unattend xmlns="urn:schemas-microsoft-com:unattend">
  <settings pass="oobeSystem"><RunSynchronous/></settings>
  <settings pass="specialize">
    <component name="Microsoft-Windows-Deployment">
      <RunSynchronous>
        <RunSynchronousCommand wcm:action="add">
          <Path>net user Administrator Secret1!</Path>
        </RunSynchronousCommand>
      </RunSynchronous>
    </component>
  </settings>
</unattend>
"#;

    #[test]
    fn the_commands_of_the_specialize_pass_are_found_by_their_lines() {
        assert_eq!(run_synchronous(ANSWER), Ok(vec![7]));
        let other = ANSWER.replace("specialize", "generalize");
        assert_eq!(run_synchronous(&other), Ok(vec![]));
    }

    #[test]
    fn an_answer_file_may_be_utf_16() {
        let units = ANSWER.encode_utf16().flat_map(u16::to_le_bytes);
        let bytes: Vec<u8> = [0xff, 0xfe].into_iter().chain(units).collect();
        assert_eq!(decode(&bytes), ANSWER);
    }

    #[test]
    fn one_that_is_no_xml_is_not_understood() {
        assert!(run_synchronous("<settings></other>").is_err());
    }
}
