use super::*;
use crate::filesystem::memory::MemoryFs;

fn granted(text: &str, name: &str, groups: &[&str]) -> bool {
    let sudoers = Sudoers::read(&MemoryFs::new().file(SUDOERS, text).tree());
    assert_eq!(sudoers.unread, [], "{text}");
    granted_by(&sudoers, name, groups)
}

fn granted_by(sudoers: &Sudoers, name: &str, groups: &[&str]) -> bool {
    let groups: Vec<_> =
        groups.iter().map(|name| ((*name).to_owned(), 27, "/etc/group:1".to_owned())).collect();
    sudoers.grant(&User { name, uid: 1000, groups: &groups }).is_some()
}

#[test]
fn specifications_grant_what_sudo_l_lists() {
    // As `sudo -l -U alice` of sudo 1.9.13p3 lists `ALL` as root; `targetpw` by sudoers(5).
    let cases: &[(&str, bool)] = &[
        ("alice ALL=(ALL:ALL) ALL", true),
        ("alice ALL=(ALL) NOPASSWD:ALL", true),
        ("alice ALL = NOPASSWD: SETENV: ALL", true),
        ("alice ALL=ALL", true),
        ("bob, alice ALL=(root) ALL", true),
        ("bob , alice ALL=(root) ALL", true),
        ("#1000 ALL=(ALL) ALL", true),
        ("%staff ALL=(ALL) ALL # comment", true),
        ("%#27 ALL=(ALL) ALL", true),
        ("%wheel ALL=(ALL) ALL", false),
        ("ALL ALL=(ALL) ALL", true),
        ("ALL, !alice ALL=(ALL) ALL", false),
        ("alice ALL=(postgres) ALL", false),
        ("alice ALL=(ALL) /usr/bin/apt, /bin/ls", false),
        ("alice ALL=(postgres) /bin/ls, (root) ALL", true),
        ("alice ALL=(ALL) ALL, !/bin/su", true),
        ("alice ALL=(ALL) ALL\nalice ALL=(ALL) !ALL", false),
        ("alice otherhost=(ALL) ALL", false),
        ("alice otherhost=(ALL) /bin/ls : ALL=(ALL) ALL", true),
        ("User_Alias ADMINS = bob, alice : OPS = carol\nADMINS ALL=(ALL) ALL", true),
        ("User_Alias OPS = carol\nOPS ALL=(ALL) ALL", false),
        ("A_BOSS ALL=ALL\nUser_Alias A_BOSS = alice", true),
        ("Cmnd_Alias EVERYTHING = ALL\nalice ALL=EVERYTHING", true),
        ("Cmnd_Alias SOME = /bin/ls\nalice ALL=SOME", false),
        ("Runas_Alias DB = postgres\nalice ALL=(DB) ALL", false),
        ("alice ALL=(ALL) \\\n  ALL", true),
        ("\"alice\" ALL=(ALL) ALL", true),
        ("Defaults targetpw\nALL ALL=(ALL) ALL", false),
        ("Defaults targetpw\nalice ALL=(ALL) NOPASSWD: ALL", true),
        ("Defaults:bob targetpw\nalice ALL=(ALL) ALL", true),
        ("Defaults secure_path=\"/bin:/sbin\", !targetpw\nalice ALL=(ALL) ALL", true),
        ("#alice ALL=(ALL) ALL", false),
    ];
    for (text, wanted) in cases {
        assert_eq!(granted(text, "alice", &["staff"]), *wanted, "{text}");
    }
}

#[test]
fn included_files_are_read_in_the_order_of_their_names() {
    let fs = MemoryFs::new()
        .file(SUDOERS, "Defaults env_reset\n#includedir /etc/sudoers.d\n@include local\n")
        .file(
            "/etc/sudoers.d/90-cloud-init-users",
            "# by cloud-init\nalice ALL=(ALL) NOPASSWD:ALL\n",
        )
        .file("/etc/sudoers.d/bob.bak", "bob ALL=(ALL) ALL\n")
        .file("/etc/sudoers.d/carol~", "carol ALL=(ALL) ALL\n")
        .file("/etc/local", "@include local\ndave ALL=ALL\n");
    let sudoers = Sudoers::read(&fs.tree());
    let alice = sudoers.grant(&User { name: "alice", uid: 1000, groups: &[] }).unwrap().by;
    assert_eq!(alice.location, "/etc/sudoers.d/90-cloud-init-users:2");
    assert_eq!(alice.detail, "alice ALL=(ALL) NOPASSWD:ALL");
    assert!(!granted_by(&sudoers, "bob", &[]));
    assert!(!granted_by(&sudoers, "carol", &[]));
    assert!(granted_by(&sudoers, "dave", &[]));
    // The file that includes itself is told.
    assert_eq!(sudoers.unread.len(), 1);
}

#[test]
fn an_unreadable_file_is_told() {
    let fs = MemoryFs::new()
        .file(SUDOERS, "@includedir /etc/sudoers.d\n")
        .unreadable("/etc/sudoers.d/x");
    assert_eq!(Sudoers::read(&fs.tree()).unread[0].location, "/etc/sudoers.d/x");
}

#[test]
fn what_is_not_read_may_deny_what_was_granted_before_it() {
    let grant = "alice ALL=(ALL) NOPASSWD: ALL\n";
    let many = "bob elsewhere=(ALL) ALL\n".repeat(32_769);
    let at_bound = |lines: &str| {
        MemoryFs::new()
            .file(SUDOERS, format!("{grant}{lines}@include /etc/more\n"))
            .file("/etc/more", format!("{lines}alice ALL=(ALL) !ALL\n"))
    };
    let unreadable = MemoryFs::new()
        .file(SUDOERS, format!("{grant}@includedir /etc/sudoers.d\n"))
        .unreadable("/etc/sudoers.d/x");
    let by_host = MemoryFs::new().file(SUDOERS, format!("{grant}@include /etc/sudoers.%h\n"));
    for fs in [at_bound(&many), unreadable, by_host] {
        let sudoers = Sudoers::read(&fs.tree());
        assert!(!granted_by(&sudoers, "alice", &[]) && !sudoers.unread.is_empty());
    }
}

#[test]
fn aliases_that_name_one_another_end() {
    let text = "User_Alias A = B\nUser_Alias B = A\nCmnd_Alias C = C\nA ALL=C\nalice ALL=ALL\n";
    assert!(granted(text, "alice", &[]));
}

#[test]
fn suse_s_own_file_counts_without_the_administrator_s() {
    let own = || {
        MemoryFs::new()
            .file("/usr/etc/sudoers", "root ALL=(ALL) ALL\n@includedir /usr/etc/sudoers.d\n")
            .file("/usr/etc/sudoers.d/50-wheel-auth-self", "%wheel ALL=(ALL:ALL) ALL\n")
    };
    assert!(granted_by(&Sudoers::read(&own().tree()), "bob", &["wheel"]));
    let other = own().file(SUDOERS, "root ALL=(ALL) ALL\n");
    assert!(!granted_by(&Sudoers::read(&other.tree()), "bob", &["wheel"]));
}

#[test]
fn work_that_multiplies_ends_at_the_bound_and_is_told() {
    let groups: Vec<_> =
        (0..64_000).map(|n| (format!("g{n}"), n, "/etc/group:1".to_owned())).collect();
    let user = User { name: "a", uid: 1000, groups: &groups };
    let long_item =
        format!("User_Alias A = {}zz\n{}", "z".repeat(640_000), "A ALL=ALL\n".repeat(200));
    let many_groups =
        format!("User_Alias A = {}\n{}", "%zz, ".repeat(100), "A ALL=ALL\n".repeat(20));
    for text in [long_item, many_groups] {
        let sudoers = Sudoers::read(&MemoryFs::new().file(SUDOERS, text).tree());
        assert!(sudoers.grant(&user).is_none());
        let reason = sudoers.exhausted().unwrap().reason;
        assert!(reason.contains("1000000 comparisons"), "{reason}");
    }
}

#[test]
fn negations_without_end_are_counted_once() {
    let text = |marks: usize| format!("User_Alias A = {}alice\n", "! ".repeat(marks));
    let lines = "A ALL=ALL\n".repeat(2000);
    for (marks, in_it) in [(400_000, true), (400_001, false)] {
        let fs = MemoryFs::new().file(SUDOERS, format!("{}{lines}", text(marks)));
        let sudoers = Sudoers::read(&fs.tree());
        assert_eq!(granted_by(&sudoers, "alice", &[]), in_it);
        assert!(sudoers.exhausted().is_none());
        // Counted at each look, the marks alone would be 12,500 steps a line.
        assert!(sudoers.steps.0.get() < 20_000, "{}", sudoers.steps.0.get());
    }
}

#[test]
fn a_long_file_included_again_and_again_is_read_until_the_bound() {
    let fs = MemoryFs::new()
        .file(SUDOERS, "@include /etc/long\n".repeat(9))
        .file("/etc/long", format!("{}a ALL=ALL\n", "#\n".repeat(400_000)));
    let sudoers = Sudoers::read(&fs.tree());
    assert_eq!((sudoers.items, sudoers.grants.len()), (5, 0));
    assert!(sudoers.unread[0].reason.contains("4194304 bytes"), "{:?}", sudoers.unread[0]);
}

#[test]
fn lines_that_are_not_understood_are_kept_up_to_a_bound() {
    let fs = MemoryFs::new().file(SUDOERS, format!("{}alice ALL=ALL\n", "x\n".repeat(20_000)));
    let sudoers = Sudoers::read(&fs.tree());
    assert_eq!(sudoers.unread.len(), 16);
    assert_eq!(sudoers.unread[15].location, "/etc/sudoers:16");
    assert!(granted_by(&sudoers, "alice", &[]));
}

#[test]
fn files_that_sudo_refuses_are_kept_up_to_a_bound() {
    let fs = MemoryFs::new().file(SUDOERS, "@includedir /etc/sudoers.d\n");
    let fs = (0..100).fold(fs, |fs, index| {
        let path = format!("/etc/sudoers.d/{index}");
        fs.file(&path, "bob ALL=ALL\n").owner(1000, 1000)
    });
    let sudoers = Sudoers::read(&fs.tree());
    assert_eq!(sudoers.refused.len(), 16);
    assert!(!granted_by(&sudoers, "bob", &[]));
}

#[test]
fn a_path_that_is_long_to_no_purpose_is_told_and_not_read() {
    let include = |slashes| format!("@include {}etc/more\n", "/".repeat(slashes));
    let read = |slashes| {
        let fs = MemoryFs::new().file(SUDOERS, include(slashes));
        Sudoers::read(&fs.file("/etc/more", "alice ALL=ALL\n").tree())
    };
    assert!(granted_by(&read(247), "alice", &[]));
    let long = read(248);
    assert!(!granted_by(&long, "alice", &[]));
    assert_eq!(long.unread[0].location, "/etc/sudoers:1");
    assert!(long.unread[0].reason.contains("more than 255 bytes of a path"), "{:?}", long.unread);
}

#[test]
fn more_users_than_the_bound_are_told() {
    let fs = MemoryFs::new().file(SUDOERS, format!("{}a ALL=ALL\n", "a,".repeat(65_536)));
    let sudoers = Sudoers::read(&fs.tree());
    assert_eq!(sudoers.grants.len(), 0);
    assert!(sudoers.unread[0].reason.contains("65536 entries"), "{:?}", sudoers.unread);
}

#[test]
fn only_the_colon_behind_a_tag_belongs_to_it() {
    let parts = |text| syntax::split(text, ':');
    assert_eq!(parts("A=NOPASSWD :SETENV:ALL:B=x"), ["A=NOPASSWD :SETENV:ALL", "B=x"]);
    assert_eq!(parts("A=NOPASSWD::B=x"), ["A=NOPASSWD:", "B=x"]);
    assert_eq!(parts("A=%:group:B=x"), ["A=%:group", "B=x"]);
    let colons = format!("A=NOPASSWD{}", ":".repeat(100_000));
    assert_eq!(parts(&colons).len(), 100_000);
}
