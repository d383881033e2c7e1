//! What Sysprep and setup left: the state of the image, the answer files of the next start, and what
//! they and `SetupComplete.cmd` do with Cloudbase-Init.
//!
//! Sources: Microsoft, "Windows Setup states" (ImageState); "Methods for running Windows Setup",
//! implicit answer file search order; "Add a custom script to Windows Setup" (SetupComplete.cmd);
//! Cloudbase-Init's installer, `bin\SetSetupComplete.cmd` and `conf\Unattend.xml`.

use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};

use super::hklm::{Hklm, fact};
use super::system_root::{SystemRoot, shown};
use crate::error::{Error, Result};
use crate::fact::{Evidence, Fact};
use crate::filesystem::tree::Tree;
use crate::guest::facts::{Seen, StartType, SysprepFacts};

/// Longest answer file in bytes. Real ones have some KiB; product keys and drivers' lists make them
/// longer.
const MAX_ANSWER_FILE: u64 = 1 << 20;

/// Most elements of one answer file.
const MAX_ELEMENTS: usize = 20_000;

/// Most commands of one answer file; installers' have one to five.
const MAX_COMMANDS: usize = 256;

/// Longest `SetupComplete.cmd` in bytes; the installer's is one line.
const MAX_SCRIPT: u64 = 1 << 20;

/// Where setup looks, below `%SystemRoot%`, in its order.
const PLACES: [&str; 5] = [
    "Panther/Unattend/Unattend.xml",
    "Panther/Unattend/Autounattend.xml",
    "Panther/Unattend.xml",
    "System32/Sysprep/Panther/Unattend.xml",
    "System32/Sysprep/Unattend.xml",
];

/// Where it looks at last, on `%SystemDrive%`.
const LAST_PLACES: [&str; 2] = ["/Unattend.xml", "/Autounattend.xml"];

/// What setup runs when it has ended, below `%SystemRoot%`.
const SETUP_COMPLETE: &str = "Setup/Scripts/SetupComplete.cmd";

/// What Sysprep and setup left.
pub(super) fn find(tree: &Tree, root: &SystemRoot, hklm: &Hklm<'_>) -> SysprepFacts {
    const STATE: &str = r"Microsoft\Windows\CurrentVersion\Setup\State";
    let image_state = hklm.software(STATE).and_then(|place| place.text("ImageState"));
    let files = answer_files(tree, root, hklm);
    let commands = match &files {
        Ok(files) => commands(tree, root, files),
        Err(error) => Err(error.clone()),
    };
    let commands = fact("answer file", commands);
    let evidence = |path: &String| Evidence::new(shown(path), "answer file");
    SysprepFacts {
        image_state: fact(STATE, image_state),
        in_progress: fact(r"HKLM\SYSTEM\Setup", in_progress(hklm)),
        answer_files: fact("Setup", files.map(|files| files.iter().map(evidence).collect())),
        starts_cloudbase_init: starts_cloudbase_init(tree, root, &commands),
        run_cloudbase_init: commands.clone().map(|found| found.cloudbase_init),
        run_synchronous: commands.map(|found| found.others),
    }
}

/// What says that the next start goes on with setup: numbers that are not 0.
fn in_progress(hklm: &Hklm<'_>) -> Result<Option<Evidence>> {
    let setup = hklm.system("Setup")?;
    let mut set = Vec::new();
    for name in ["SetupType", "SystemSetupInProgress", "OOBEInProgress"] {
        if let Some(found) = setup.dword(name)?.filter(|found| found.value != 0) {
            set.push(found.evidence.detail);
        }
    }
    Ok((!set.is_empty()).then(|| Evidence::new(setup.path, set.join(", "))))
}

/// The answer files that are there, as paths of the tree.
fn answer_files(tree: &Tree, root: &SystemRoot, hklm: &Hklm<'_>) -> Result<Vec<String>> {
    let named = hklm.system("Setup")?.text("UnattendFile")?;
    // One on another drive is on no disk of this image.
    let named = named.and_then(|named| root.resolve(&named.value).ok());
    let mut found: Vec<String> = Vec::new();
    let places = PLACES.map(|place| root.path(place)).into_iter();
    let places = places.chain(LAST_PLACES.map(str::to_owned));
    for path in named.into_iter().chain(places) {
        let is_new = !found.iter().any(|known| known.eq_ignore_ascii_case(&path));
        if is_new && tree.exists(&path)? {
            found.push(path);
        }
    }
    Ok(found)
}

/// The commands of the specialize pass.
#[derive(Clone, Default)]
struct Commands {
    /// Those that start Cloudbase-Init as its own answer file does.
    cloudbase_init: Vec<Evidence>,
    others: Vec<Evidence>,
    /// How one of the others has its service started.
    starts: Option<Seen<StartType>>,
}

/// The commands of the specialize pass. What they are is not told: they often hold passwords.
fn commands(tree: &Tree, root: &SystemRoot, files: &[String]) -> Result<Commands> {
    let mut found = Commands::default();
    for path in files {
        let bytes = tree.read(path, MAX_ANSWER_FILE)?;
        let text = decode(&bytes);
        let commands = run_synchronous(&text)
            .map_err(|reason| Error::Unreadable { path: shown(path), reason })?;
        for (line, command) in commands {
            let place = format!("{}:{line}", shown(path));
            let seen = |what: &str| Evidence::new(place.clone(), what);
            if runs_cloudbase_init(tree, root, &command)? {
                let what =
                    "RunSynchronousCommand in the pass specialize that starts Cloudbase-Init";
                found.cloudbase_init.push(seen(what));
                continue;
            }
            found.others.push(seen("RunSynchronousCommand in the pass specialize"));
            if found.starts.is_none() {
                let starts = started(&command);
                found.starts = starts.map(|start| Seen::new(start, seen(STARTS_SERVICE)));
            }
        }
    }
    Ok(found)
}

const STARTS_SERVICE: &str =
    "RunSynchronousCommand in the pass specialize that starts the service cloudbase-init";

/// Whether a command is the one of Cloudbase-Init's own answer file, its program and its configuration
/// there: `cmd.exe /c ""C:\…\cloudbase-init.exe" --config-file "C:\…\cloudbase-init-unattend.conf" …"`.
fn runs_cloudbase_init(tree: &Tree, root: &SystemRoot, command: &str) -> Result<bool> {
    let mut has_program = false;
    for word in command.split('"') {
        let lower = word.to_ascii_lowercase();
        let is_program = lower.ends_with(r"\cloudbase-init.exe");
        if !is_program && !lower.ends_with(".conf") {
            continue;
        }
        let Ok(path) = root.resolve(word) else { return Ok(false) };
        if !tree.exists(&path)? {
            return Ok(false);
        }
        has_program |= is_program;
    }
    Ok(has_program)
}

/// How setup would have the service cloudbase-init started. A script that does not say it may call
/// another that does, which is not followed.
fn starts_cloudbase_init(
    tree: &Tree,
    root: &SystemRoot,
    commands: &Fact<Commands>,
) -> Fact<Option<Seen<StartType>>> {
    if let Fact::Known(Commands { starts: Some(starts), .. }) = commands {
        return Fact::Known(Some(starts.clone()));
    }
    let path = root.path(SETUP_COMPLETE);
    let text = match Fact::from_lookup(shown(&path), tree.read_text(&path, MAX_SCRIPT)) {
        Fact::Known(None) => return commands.clone().map(|_| None),
        Fact::Known(Some(text)) => text,
        Fact::Unknown(unread) => return Fact::Unknown(unread),
    };
    let found =
        (1_u32..).zip(text.lines()).find_map(|(number, line)| Some((number, started(line)?)));
    match found {
        Some((number, start)) => {
            let place = format!("{}:{number}", shown(&path));
            let seen = Evidence::new(place, "a command that starts the service cloudbase-init");
            Fact::Known(Some(Seen::new(start, seen)))
        }
        None => Fact::unknown(
            shown(&path),
            "it does not start the service cloudbase-init itself, and what it calls is not followed",
        ),
    }
}

/// How a command line has the service cloudbase-init started: `sc config cloudbase-init start= auto`,
/// `net start cloudbase-init`, or the same by PowerShell.
fn started(line: &str) -> Option<StartType> {
    let line = line.trim().trim_start_matches('@').to_ascii_lowercase();
    let is_remark = line.starts_with("::") || line.split_whitespace().next() == Some("rem");
    if is_remark || !line.contains("cloudbase-init") {
        return None;
    }
    let has = |words: &str| line.contains(words);
    // `start= auto`, `start= delayed-auto`, `start=auto`.
    let sc = ["start= auto", "start=auto", "start= delayed-auto", "start=delayed-auto"];
    let by_sc = has("config") && sc.into_iter().any(has);
    if by_sc || (has("set-service") && has("automatic")) {
        return Some(StartType::Automatic);
    }
    let starts = ["net start", "net.exe start", "sc start", "sc.exe start", "start-service"];
    starts.into_iter().any(has).then_some(StartType::Manual)
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

/// The commands of the specialize pass, with the lines, from 1, in which they stand.
fn run_synchronous(text: &str) -> Result<Vec<(usize, String)>, String> {
    let mut reader = Reader::from_str(text);
    let mut in_pass = false;
    let mut in_command = false;
    let mut in_path = false;
    let mut lines: Vec<(usize, String)> = Vec::new();
    // How far line feeds were counted, and how many.
    let (mut counted, mut feeds) = (0_usize, 0_usize);
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
                let passed = text.get(counted..position).unwrap_or_default();
                (counted, feeds) = (position, feeds.saturating_add(passed.matches('\n').count()));
                if lines.len() >= MAX_COMMANDS {
                    return Err(format!("more than {MAX_COMMANDS} commands"));
                }
                lines.push((feeds.saturating_add(1), String::new()));
                in_command = true;
            }
            Event::Start(element) => {
                in_path = in_command && element.local_name().as_ref() == "Path";
            }
            Event::End(element) => {
                in_path = false;
                in_command &= element.local_name().as_ref() != "RunSynchronousCommand";
            }
            // What stands between are characters such as `&`, which the paths of programs do not need.
            Event::Text(part) if in_path => {
                if let Some((_, command)) = lines.last_mut() {
                    command.push_str(&part.xml10_content());
                }
            }
            _ => {}
        }
    }
    Err(format!("more than {MAX_ELEMENTS} elements, the rest was not read"))
}

fn is_specialize(element: &BytesStart<'_>) -> bool {
    element
        .attributes()
        // Each would be compared with all before it.
        .with_checks(false)
        .flatten()
        .any(|attribute| attribute.key.as_ref() == "pass" && attribute.value == "specialize")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::filesystem::memory::MemoryFs;
    use crate::guest::windows::fixture::{Guest, guest};

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
        let command = "net user Administrator Secret1!".to_owned();
        assert_eq!(run_synchronous(ANSWER), Ok(vec![(7, command)]));
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
    fn each_command_has_its_line_and_more_than_any_real_file_has_are_refused() {
        let file = |count: usize| {
            let command = "<RunSynchronousCommand><Path>x</Path></RunSynchronousCommand>\n\n";
            format!("<settings pass=\"specialize\">\n{}</settings>", command.repeat(count))
        };
        let lines = run_synchronous(&file(3)).unwrap();
        assert_eq!(lines.iter().map(|(line, _)| *line).collect::<Vec<_>>(), [2, 4, 6]);
        assert_eq!(run_synchronous(&file(MAX_COMMANDS)).unwrap().len(), MAX_COMMANDS);
        assert_eq!(run_synchronous(&file(MAX_COMMANDS + 1)), Err("more than 256 commands".into()));
    }

    #[test]
    fn one_that_is_no_xml_is_not_understood() {
        assert!(run_synchronous("<settings></other>").is_err());
    }

    /// As Cloudbase-Init 1.1.2 ships it, with the directory put in.
    const OWN: &str = r#"<unattend xmlns="urn:schemas-microsoft-com:unattend">
  <settings pass="specialize"><component name="Microsoft-Windows-Deployment"><RunSynchronous>
        <RunSynchronousCommand wcm:action="add">
          <Order>1</Order>
          <Path>cmd.exe /c ""C:\Program Files\Cloudbase Solutions\Cloudbase-Init\Python\Scripts\cloudbase-init.exe" --config-file "C:\Program Files\Cloudbase Solutions\Cloudbase-Init\conf\cloudbase-init-unattend.conf" &amp;&amp; exit 1 || exit 2"</Path>
          <Description>Run Cloudbase-Init to set the hostname</Description>
        </RunSynchronousCommand>
  </RunSynchronous></component></settings>
</unattend>
"#;
    const DIRECTORY: &str = "/Program Files/Cloudbase Solutions/Cloudbase-Init";

    fn found(guest: Guest) -> SysprepFacts {
        guest.look(find)
    }

    fn with_files(files: &[(&str, &str)]) -> Guest {
        let add =
            |guest: MemoryFs| files.iter().fold(guest, |fs, (path, text)| fs.file(path, *text));
        guest().files(add)
    }

    #[test]
    fn the_command_of_cloudbase_inits_own_answer_file_is_told_from_others() {
        let program = format!("{DIRECTORY}/Python/Scripts/cloudbase-init.exe");
        let conf = format!("{DIRECTORY}/conf/cloudbase-init-unattend.conf");
        let answer = ("/Windows/Panther/Unattend.xml", OWN);
        let counts = |files: &[(&str, &str)]| {
            let found = found(with_files(files));
            let count = |fact: Fact<Vec<Evidence>>| fact.known().unwrap().len();
            (count(found.run_cloudbase_init), count(found.run_synchronous))
        };
        assert_eq!(counts(&[answer, (&program, "MZ"), (&conf, "")]), (1, 0));
        // Without what it starts it ends the pass like any other that does not fit.
        assert_eq!(counts(&[answer, (&program, "MZ")]), (0, 1));
        assert_eq!(counts(&[answer]), (0, 1));
    }

    #[test]
    fn an_answer_file_in_the_root_is_looked_at_too() {
        let found = found(with_files(&[("/Unattend.xml", ANSWER)]));
        let files = found.answer_files.known().unwrap();
        assert_eq!(files[0].location, r"\Unattend.xml");
        assert_eq!(found.run_synchronous.known().unwrap()[0].location, r"\Unattend.xml:7");
    }

    #[test]
    fn what_setup_does_with_the_service_is_read_from_its_script_and_its_commands() {
        let script = "/Windows/Setup/Scripts/SetupComplete.cmd";
        let starts = |files: &[(&str, &str)]| {
            found(with_files(files)).starts_cloudbase_init.map(|it| it.map(|it| it.value))
        };
        let of = |text: &str| starts(&[(script, text)]);
        // bin\SetSetupComplete.cmd of Cloudbase-Init writes this line.
        let line = "sc config cloudbase-init start= auto && net start cloudbase-init\r\n";
        assert_eq!(of(line), Fact::Known(Some(StartType::Automatic)));
        assert_eq!(
            of("@echo off\r\nsc.exe config cloudbase-init start=delayed-auto"),
            Fact::Known(Some(StartType::Automatic))
        );
        assert_eq!(of("net start cloudbase-init"), Fact::Known(Some(StartType::Manual)));
        assert_eq!(
            of("powershell Set-Service cloudbase-init -StartupType Automatic"),
            Fact::Known(Some(StartType::Automatic))
        );
        for other in ["rem sc config cloudbase-init start= auto", "powershell -File C:\\x.ps1"] {
            assert!(of(other).unread().unwrap().reason.contains("not followed"), "{other}");
        }
        assert_eq!(starts(&[]), Fact::Known(None));
        let answer = ANSWER
            .replace("net user Administrator Secret1!", "sc config cloudbase-init start= auto");
        let answer = ("/Windows/Panther/Unattend.xml", answer.as_str());
        assert_eq!(starts(&[answer]), Fact::Known(Some(StartType::Automatic)));
    }

    #[test]
    fn setup_that_is_under_way_is_told_by_its_key() {
        let progress = |names: &[&str]| {
            let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
            let guest = guest().system(|hive| {
                let hive = hive.key("Setup").dword("OOBEInProgress", 0);
                names.iter().fold(hive, |hive, name| hive.dword(name, 1))
            });
            found(guest).in_progress.map(|seen| seen.map(|seen| seen.detail))
        };
        assert_eq!(progress(&[]), Fact::Known(None));
        assert_eq!(
            progress(&["SystemSetupInProgress", "SetupType"]),
            Fact::Known(Some("SetupType=1, SystemSetupInProgress=1".to_owned()))
        );
    }
}
