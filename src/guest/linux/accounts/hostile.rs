//! Damaged and hostile files: nothing panics, and all ends soon.

use std::time::Instant;

use proptest::prelude::*;

use super::found;
use crate::filesystem::memory::MemoryFs;

fn machine() -> MemoryFs {
    MemoryFs::new()
        .file("/etc/passwd", "root:x:0:0::/root:/bin/sh\na:x:1:1::/a:/bin/sh\n")
        .file("/usr/bin/sudo", "ELF")
}

proptest! {
    #[test]
    fn any_words_in_any_file_are_read_without_panic(
        words in proptest::collection::vec(
            "[:,=!#%$\"\\\\ \t\n()@+*x0-9~é-]|ALL|root|a|NOPASSWD:|User_Alias |Cmnd_Alias |Defaults |\
             @include |#includedir /etc|/etc/sudoers|targetpw|ssh-rsa |AAAA|command=|Include |Match ",
            0..60,
        )
    ) {
        let text = words.concat();
        for path in ["/etc/passwd", "/etc/shadow", "/etc/group", "/etc/sudoers",
                     "/etc/ssh/sshd_config", "/root/.ssh/authorized_keys"] {
            let _ = found(&machine().file(path, &text).tree(), None);
        }
    }
}

#[test]
fn large_and_self_similar_files_end_soon() {
    let many = |line: &str, times: usize| line.repeat(times);
    let mut doubling = String::new();
    for level in 0..16 {
        let next = level + 1;
        doubling.push_str(&format!("User_Alias A{level} = A{next}, A{next}, A{next}, A{next}\n"));
        doubling.push_str(&format!("Cmnd_Alias C{level} = C{next}, C{next}, C{next}, C{next}\n"));
    }
    doubling.push_str("User_Alias A16 = b\nA0 ALL=ALL\na ALL=C0\n");
    let passwd: String = (0..150_000).map(|n| format!("u{n}:x:9:9::/:\n")).collect();
    let uid_0: String = (0..150_000).map(|n| format!("u{n}:x:0:0::/u{n}:\n")).collect();
    let cases = [
        vec![("/etc/sudoers", doubling)],
        vec![("/etc/sudoers", many("a, b ALL=ALL\n", 60_000)), ("/etc/passwd", passwd.clone())],
        vec![("/etc/sudoers", format!("a,{}b c", many(" ", 1_000_000)))],
        vec![("/etc/sudoers", many("\\", 1_000_000))],
        vec![("/etc/sudoers", many("(", 1_000_000)), ("/etc/shadow", many("x\n", 2_000_000))],
        vec![("/etc/sudoers", format!("a ALL={}", many("NOPASSWD:", 110_000)))],
        vec![("/etc/sudoers", format!("a ALL={}", many("ALL,", 250_000)))],
        vec![("/etc/sudoers", format!("a {}", many("h=ALL:", 160_000)))],
        vec![("/etc/sudoers", format!("a ALL={}ALL", many("!", 1_000_000)))],
        vec![("/etc/sudoers", format!("{}a ALL=ALL", many("! ", 500_000)))],
        vec![
            ("/etc/sudoers", "%g ALL=ALL\n".to_owned()),
            ("/etc/passwd", passwd),
            ("/etc/group", format!("g:x:1:{}", many("a,", 2_000_000))),
        ],
        vec![("/etc/passwd", uid_0)],
        vec![("/root/.ssh/authorized_keys", many("\"", 1_000_000))],
        vec![("/etc/ssh/sshd_config", format!("AuthorizedKeysFile {}", many("%h ", 300_000)))],
        vec![("/etc/passwd", many("root:x:0:0::/:\n", 280_000))],
    ];
    for (case, files) in cases.into_iter().enumerate() {
        let fs = files.into_iter().fold(machine(), |fs, (path, text)| fs.file(path, text));
        let tree = fs.tree();
        let begun = Instant::now();
        let _ = found(&tree, None);
        assert!(begun.elapsed().as_secs() < 60, "case {case} took {:?}", begun.elapsed());
    }
}
