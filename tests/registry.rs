//! `image-preflight registry` on a disk with a Windows tree (`testdata/registry/make-image.sh`).

#![cfg(feature = "cli")]
#![allow(clippy::unwrap_used, reason = "for tests")]

use std::path::{Path, PathBuf};

use assert_cmd::Command;

fn image() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/registry/windows.qcow2")
}

/// The code, standard output, and standard error.
fn registry(args: &[&str]) -> (i32, String, String) {
    registry_of(&image(), args)
}

fn registry_of(image: &Path, args: &[&str]) -> (i32, String, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_image-preflight"))
        .env_clear()
        .arg("registry")
        .arg(image)
        .args(args)
        .timeout(std::time::Duration::from_secs(60))
        .output()
        .unwrap();
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    let (out, error) = (text(&output.stdout), text(&output.stderr));
    assert!(!error.contains("panicked"), "{error}");
    (output.status.code().unwrap(), out, error)
}

fn shown(key: &str) -> String {
    let (code, out, error) = registry(&[key]);
    assert_eq!((code, error.as_str()), (0, ""), "{key}");
    out
}

#[test]
fn a_key_is_shown_with_its_values_and_subkeys() {
    let out = shown(r"HKLM\SYSTEM\Select");
    assert!(out.starts_with("hive           /Windows/System32/config/SYSTEM, written in full\n"));
    assert!(out.contains("\nHKEY_LOCAL_MACHINE\\SYSTEM\\Select\n"), "{out}");
    assert!(out.contains("\n    Current    REG_DWORD    0x2\n"), "{out}");
    let out = shown(r"hkey_local_machine\system");
    assert!(out.contains("\nHKEY_LOCAL_MACHINE\\SYSTEM\\ControlSet001\n"), "{out}");
    assert!(out.contains("last written   2022-11-"), "{out}");
}

#[test]
fn the_current_control_set_is_followed() {
    let out = shown(r"HKLM\SYSTEM\currentcontrolset");
    assert!(out.contains("control set    ControlSet002\n"), "{out}");
    assert!(out.contains("\n    number    REG_DWORD    0x2\n"), "{out}");
}

#[test]
fn values_are_shown_as_their_types_say() {
    let out = shown(r"HKLM\SOFTWARE\types");
    assert!(out.contains("class          class öf 類\n"), "{out}");
    for line in [
        "    none    REG_NONE",
        "    none with data    REG_NONE    010203040506",
        "    sz    REG_SZ    text",
        r"    expand    REG_EXPAND_SZ    %SystemRoot%\system32",
        "    five    REG_BINARY    0102030405",
        "    dword    REG_DWORD    0xdeadbeef",
        "    big endian    REG_DWORD_BIG_ENDIAN    0x1020304",
        "    multi    REG_MULTI_SZ    one",
        "                             two",
        "    qword    REG_QWORD    0x1122334455667788",
        "    number 500    0x1f4",
        "    property    0xffff0012    70000000",
    ] {
        assert!(out.lines().any(|found| found == line), "{line}\n{out}");
    }
    let out = shown(r"HKLM\Software\NAMES");
    assert!(out.contains("\n    (Default)    REG_SZ    default\n"), "{out}");
    assert!(out.contains("\n    значение    REG_SZ    данные\n"), "{out}");
    assert!(out.contains("\nHKEY_LOCAL_MACHINE\\SOFTWARE\\NAMES\\漢字\n"), "{out}");
}

#[test]
fn logs_are_applied_and_it_is_said() {
    let out = shown(r"HKLM\SAM\old");
    assert!(out.contains("not written in full, 4 log entries applied\n"), "{out}");
    assert!(out.contains("    a    REG_SZ    after\n"), "{out}");
    let out = shown(r"HKLM\DRIVERS\old");
    assert!(out.contains("not written in full, and no log could be applied\n"), "{out}");
    assert!(out.contains("sequence numbers 9 and 8 of its base block differ\n"), "{out}");
}

#[test]
fn the_boot_configuration_and_the_default_user_are_found() {
    let out = shown(r"HKLM\BCD00000000\old");
    assert!(out.starts_with("hive           partition 1: /Boot/BCD, written in full\n"), "{out}");
    let out = shown(r"HKU\.DEFAULT\old");
    assert!(out.contains("\nHKEY_USERS\\.DEFAULT\\old\n"), "{out}");
    let (code, out, _) = registry(&["--volume", "1", r"HKLM\BCD00000000"]);
    assert_eq!(code, 0);
    assert!(out.contains("HKEY_LOCAL_MACHINE\\BCD00000000\\kept\n"), "{out}");
}

#[test]
fn what_could_not_be_read_is_not_said_to_be_missing() {
    for (image, args, words) in [
        ("luks-root.qcow2", &[r"HKLM\BCD00000000"][..], "crypto_LUKS is not read by"),
        ("qcow2-backing-file.qcow2", &[r"HKLM\BCD00000000"], "depends on the backing file"),
        ("qcow2-backing-file.qcow2", &["--volume", "1", r"HKLM\SYSTEM"], "depends on the backing"),
    ] {
        let image = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/guests").join(image);
        let (code, _, error) = registry_of(&image, args);
        assert_eq!(code, 2);
        assert!(error.contains(words), "{error}");
    }
}

#[test]
fn the_registry_speaks_chinese() {
    let (code, out, _) = registry(&["--lang", "zh-CN", r"HKLM\DRIVERS\old"]);
    assert_eq!(code, 0);
    assert!(
        out.starts_with("注册表文件     /Windows/System32/config/DRIVERS，未完整写入"),
        "{out}"
    );
    assert!(out.contains("\n最后写入       20") && !out.contains("differ"), "{out}");
    for (key, words) in [
        (r"HKCU\Software", r"HKCU\Software：注册表项应以HKLM\或HKU\开头"),
        (r"HKLM\SYSTEM\Absent", r"HKEY_LOCAL_MACHINE\SYSTEM\Absent：没有该注册表项"),
        (r"HKLM\COMPONENTS", "/Windows/System32/config/COMPONENTS：文件或目录不存在"),
    ] {
        let (code, _, error) = registry(&["--lang", "zh-CN", key]);
        assert_eq!(code, 2);
        assert!(error.contains(words), "{error}");
    }
}

#[test]
fn what_cannot_be_shown_ends_with_one_sentence_and_exit_code_2() {
    for (args, said) in [
        (&[r"HKLM\SYSTEM\Absent"][..], r"HKEY_LOCAL_MACHINE\SYSTEM\Absent: no such key"),
        (&[r"HKLM\SYSTEM\CurrentControlSet\Absent"], "no such key"),
        (&[r"HKLM\SECURITY"], "registry base block"),
        (&[r"HKLM\COMPONENTS"], "no such file"),
        (&[r"HKLM\HARDWARE"], "the hives below HKEY_LOCAL_MACHINE are SYSTEM, SOFTWARE"),
        (&[r"HKCU\Software"], "a key begins with"),
        (&[r"HKLM\SOFTWARE\Link\x"], "the link Link"),
        (&["--volume", "1", r"HKLM\SYSTEM"], "no such file"),
        (&["--volume", "9", r"HKLM\BCD00000000"], "no partition 9"),
        (&["HKLM\\SYSTEM\\\u{1b}[31m"], "\\u{1b}[31m: no such key"),
    ] {
        let (code, out, error) = registry(args);
        assert_eq!((code, out.as_str()), (2, ""), "{args:?}");
        assert_eq!(error.lines().count(), 1, "{error}");
        assert!(error.contains(said), "{args:?}: {error}");
    }
}
