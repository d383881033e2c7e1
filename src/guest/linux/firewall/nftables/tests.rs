//! Rules as people and packages write them, and what Linux 6.18 did with a connection to port 22 once
//! nft 1.0.6 had loaded them.

use super::*;
use crate::filesystem::memory::MemoryFs;
use crate::filesystem::tree::Tree;

/// The service on a machine whose unit gives no command.
fn on(tree: &Tree) -> Service<'_> {
    Service { tree, commands: Vec::new(), by_openrc: false }
}

/// What they are about, whether the connection came about, and the rules.
const CASES: &[(&str, bool, &str)] = &[
    (
        "workstation.nft of the package",
        false,
        r##"#!/usr/sbin/nft -f

flush ruleset

table inet filter {
	chain input {
		type filter hook input priority 0;

		# accept any localhost traffic
		iif lo accept

		# accept traffic originated from us
		ct state established,related accept

		# activate the following line to accept common local services
		#tcp dport { 22, 80, 443 } ct state new accept

		# count and drop any other traffic
		counter drop
	}
}
"##,
    ),
    (
        "the same with its line",
        true,
        r##"#!/usr/sbin/nft -f

flush ruleset

table inet filter {
	chain input {
		type filter hook input priority 0;
		iif lo accept
		ct state established,related accept
		tcp dport { 22, 80, 443 } ct state new accept
		counter drop
	}
}
"##,
    ),
    (
        "a drop by policy alone",
        false,
        r##"#!/usr/sbin/nft -f

flush ruleset

table inet filter {
	chain input {
		type filter hook input priority filter; policy drop;
		ct state established,related accept
	}
}
"##,
    ),
    (
        "a port",
        true,
        r##"#!/usr/sbin/nft -f

flush ruleset

table inet filter {
	chain input {
		type filter hook input priority filter; policy drop;
		ct state vmap { established : accept, related : accept, invalid : drop }
		iifname "lo" accept
		ip protocol icmp accept
		tcp dport ssh accept
	}
}
"##,
    ),
    (
        "another port",
        false,
        r##"#!/usr/sbin/nft -f

flush ruleset

table inet filter {
	chain input {
		type filter hook input priority filter; policy drop;
		tcp dport 80 accept
		udp dport 22 accept
		udp dport != 53 accept
		ip6 saddr ::/0 accept
	}
}
"##,
    ),
    (
        "a range and a negation",
        true,
        r##"#!/usr/sbin/nft -f

flush ruleset

table inet filter {
	chain input {
		type filter hook input priority filter; policy drop;
		tcp dport != 20-25 drop
		meta l4proto tcp th dport 20-25 counter packets 0 bytes 0 accept
	}
}
"##,
    ),
    (
        "a named set",
        true,
        r##"#!/usr/sbin/nft -f

flush ruleset

table inet filter {
	set open {
		type inet_service
		flags interval
		elements = { 22, 80-90,
			443 }
	}
	chain input {
		type filter hook input priority filter; policy drop;
		tcp dport @open accept
	}
}
"##,
    ),
    (
        "a named set without it",
        false,
        r##"#!/usr/sbin/nft -f

flush ruleset

table inet filter {
	set open {
		type inet_service
		elements = { 80 }
	}
	chain input {
		type filter hook input priority filter; policy drop;
		tcp dport @open accept
	}
}
"##,
    ),
    (
        "a list of addresses",
        false,
        r##"#!/usr/sbin/nft -f

flush ruleset

table inet filter {
	set admins {
		type ipv4_addr
		flags interval
		elements = { 192.0.2.0/24 }
	}
	chain input {
		type filter hook input priority filter; policy drop;
		ip saddr @admins tcp dport 22 accept
	}
}
"##,
    ),
    (
        "a list of bad addresses",
        true,
        r##"#!/usr/sbin/nft -f

flush ruleset

table inet filter {
	set bad {
		type ipv4_addr
		flags dynamic,timeout
		timeout 5m
	}
	chain input {
		type filter hook input priority filter; policy drop;
		ip saddr @bad drop
		tcp dport 22 accept
	}
}
"##,
    ),
    (
        "chains",
        true,
        r##"#!/usr/sbin/nft -f

flush ruleset

table inet filter {
	chain services {
		tcp dport 80 accept
		tcp dport 22 tcp flags & (fin | syn | rst | ack) == syn limit rate 10/minute burst 5 packets accept
	}
	chain input {
		type filter hook input priority filter; policy accept;
		ct state established accept
		ct state new jump services
		reject with icmpx type admin-prohibited
	}
}
"##,
    ),
    (
        "a chain that returns",
        false,
        r##"#!/usr/sbin/nft -f

flush ruleset

table inet filter {
	chain services {
		tcp dport 22 return
		accept
	}
	chain input {
		type filter hook input priority filter; policy accept;
		jump services
		drop
	}
}
"##,
    ),
    (
        "goto comes back to the policy",
        false,
        r##"#!/usr/sbin/nft -f

flush ruleset

table inet filter {
	chain services {
		tcp dport 80 accept
	}
	chain input {
		type filter hook input priority filter; policy drop;
		goto services
		accept
	}
}
"##,
    ),
    (
        "a map of verdicts",
        true,
        r##"#!/usr/sbin/nft -f

flush ruleset

table inet filter {
	chain ok {
		accept
	}
	chain input {
		type filter hook input priority filter; policy drop;
		tcp dport vmap { 80 : drop, 22 : jump ok }
	}
}
"##,
    ),
    (
        "a named map of verdicts",
        false,
        r##"#!/usr/sbin/nft -f

flush ruleset

table inet filter {
	map services {
		type inet_service : verdict
		elements = { 22 : drop, 80 : accept }
	}
	chain input {
		type filter hook input priority filter; policy drop;
		tcp dport vmap @services
		accept
	}
}
"##,
    ),
    (
        "variables",
        true,
        r##"define ports = { 22, 443 }
define lan = 192.0.2.0/24
#!/usr/sbin/nft -f

flush ruleset

table inet filter {
	chain input {
		type filter hook input priority filter; policy drop;
		ip saddr $lan accept
		tcp dport $ports accept
	}
}
"##,
    ),
    (
        "no SYN",
        true,
        r##"#!/usr/sbin/nft -f

flush ruleset

table inet filter {
	chain input {
		type filter hook input priority filter; policy drop;
		tcp flags & (fin|syn|rst|ack) != syn ct state new drop
		tcp flags syn / fin,syn,rst,ack tcp dport 22 log prefix "ssh drop " accept
	}
}
"##,
    ),
    (
        "another interface than lo",
        true,
        r##"#!/usr/sbin/nft -f

flush ruleset

table inet filter {
	chain input {
		type filter hook input priority filter; policy drop;
		iifname != "lo" tcp dport 22 accept comment "drop it"
	}
}
"##,
    ),
    (
        "two tables",
        false,
        r##"#!/usr/sbin/nft -f

flush ruleset

table inet filter {
	chain input {
		type filter hook input priority filter; policy drop;
		tcp dport 22 accept
	}
}
table ip raw {
	chain pre {
		type filter hook prerouting priority raw; policy accept;
		ip daddr != 192.0.2.1 fib daddr type local tcp dport 22 drop
	}
}
"##,
    ),
    (
        "tables of others",
        true,
        r##"#!/usr/sbin/nft -f

flush ruleset

table inet filter {
	chain input {
		type filter hook input priority filter; policy drop;
		tcp dport 22 accept
	}
}
table ip6 x {
	chain in {
		type filter hook input priority 0; policy drop;
	}
}
table bridge b {
	chain in {
		type filter hook input priority 0; policy drop;
	}
}
table inet o {
	chain out {
		type filter hook forward priority 0; policy drop;
	}
}
"##,
    ),
    (
        "commands",
        true,
        r##"flush ruleset
add table inet f
add chain inet f in { type filter hook input priority 0; policy drop; }
add rule inet f in ct state established accept
add rule inet f in tcp dport 22 accept
"##,
    ),
    (
        "commands of the family ip",
        false,
        r##"add table f
add chain f in { type filter hook input priority 0; policy drop; }
add rule f in tcp dport 80 accept
"##,
    ),
    (
        "a table that was there before",
        true,
        r##"table inet f {
	chain in {
		type filter hook input priority 0; policy drop;
	}
}
delete table inet f
table inet f {
	chain in {
		type filter hook input priority 0; policy drop;
		meta nfproto ipv4 tcp dport 22 accept
	}
}
"##,
    ),
    (
        "a limit that is over",
        true,
        r##"#!/usr/sbin/nft -f

flush ruleset

table inet filter {
	chain input {
		type filter hook input priority filter; policy drop;
		tcp dport 22 limit rate over 100/second drop
		tcp dport 22 meta mark set 0x1 accept
	}
}
"##,
    ),
    (
        "a rule on two lines",
        true,
        r##"#!/usr/sbin/nft -f

flush ruleset

table inet filter {
	chain input {
		type filter hook input priority filter; policy drop;
		tcp dport { 80, \
			22 } accept
	}
}
"##,
    ),
];

const FILE: &str = "/etc/nftables.conf";

fn found(rules: &str) -> Result<Option<SshAccess>, Unread> {
    ssh(&on(&MemoryFs::new().file(FILE, rules).tree()), 22)
}

#[test]
fn a_connection_ends_as_the_kernel_ends_it() {
    for (name, is_open, rules) in CASES {
        match found(rules) {
            Ok(Some(SshAccess::Open(_))) => assert!(is_open, "{name} is said to be open"),
            Ok(Some(SshAccess::Closed(_))) => assert!(!is_open, "{name} is said to be closed"),
            other => panic!("{name}: {other:?}"),
        }
    }
}

#[test]
fn the_rule_that_decides_is_told_with_its_line() {
    let at = |rules: &str| match found(rules).unwrap().unwrap() {
        SshAccess::Open(by) | SshAccess::Closed(by) => (by.location, by.detail),
    };
    let [_, services, policy, ..] = CASES else { panic!() };
    let place = |line: u32, text: &str| (format!("{FILE}:{line}"), text.to_owned());
    let line = "tcp dport { 22, 80, 443 } ct state new accept";
    assert_eq!(at(services.2), place(10, line));
    let line = "type filter hook input priority filter; policy drop;";
    assert_eq!(at(policy.2), place(7, line));
}

#[test]
fn what_is_not_understood_is_no_answer() {
    let head =
        "table inet f {\n\tchain in {\n\t\ttype filter hook input priority 0; policy drop;\n";
    for rule in [
        "iifname eth0 tcp dport 22 accept",
        "tcp dport 22 jump nowhere",
        "tcp dport 22 queue num 0",
        "tcp dport 22 @th,16,16 22 accept",
        "ip saddr . tcp dport { 192.0.2.1 . 22 } accept",
        "tcp dport @unknown accept",
        "tcp dport $unknown accept",
        "hour \"08:00\"-\"18:00\" tcp dport 22 accept",
    ] {
        let found = found(&format!("{head}\t\t{rule}\n\t}}\n}}\n"));
        assert!(found.is_err(), "{rule}: {found:?}");
    }
    assert!(found("table inet f {\n").is_err());
    assert!(found("insert rule inet f in tcp dport 22 accept\n").is_err());
}

#[test]
fn files_that_are_included_count_and_a_missing_one_is_no_answer() {
    let main = "include \"/etc/nftables.d/*.nft\"\n";
    let part = CASES[0].2;
    let fs = || MemoryFs::new().file(FILE, main).file("/etc/nftables.d/a.nft", part);
    let found = ssh(&on(&fs().tree()), 22).unwrap().unwrap();
    assert!(matches!(found, SshAccess::Closed(by) if by.location == "/etc/nftables.d/a.nft:19"));
    let missing = MemoryFs::new().file(FILE, "include \"other.nft\"\n").tree();
    assert!(ssh(&on(&missing), 22).is_err());
    let ring = MemoryFs::new().file(FILE, "include \"/etc/nftables.conf\"\n").tree();
    assert!(ssh(&on(&ring), 22).is_err());
}

#[test]
fn variables_that_multiply_end_soon() {
    let mut rules = String::from("define v0 = 22\n");
    for level in 1..60 {
        let before = level - 1;
        rules.push_str(&format!("define v{level} = $v{before} , $v{before}\n"));
    }
    assert!(found(&rules).is_err());
    assert!(found(&"table inet f { ".repeat(100_000)).is_err());
    // Each is short enough.
    let mut rules = format!("define a = {}\n", "x ".repeat(20_000));
    rules.extend((0..100).map(|index| format!("define b{index} = $a\n")));
    assert_eq!(found(&rules).unwrap_err().reason, "too many words of rules");
}

#[test]
fn sets_and_blocks_that_many_rules_ask_end_at_the_bound() {
    let rules = |elements: usize, chain: &str, count: usize| {
        let elements = "1, ".repeat(elements);
        let set = format!("set s {{ elements = {{ {elements}1 }} }}\n");
        let block = format!("chain c {{\ntcp dport {{ {elements}1 }} drop\n}}\n");
        let base = "chain i {\ntype filter hook input priority 0\npolicy accept\n";
        found(&format!("table inet f {{\n{set}{block}{base}{}}}\n}}\n", chain.repeat(count)))
    };
    for rule in ["tcp dport @s drop\n", "jump c\n"] {
        assert!(!matches!(rules(10, rule, 2000), Err(unread) if unread.reason.contains("many")));
        assert_eq!(rules(20_000, rule, 2000).unwrap_err().reason, "too many rules to follow");
    }
}

#[test]
fn more_files_and_bytes_of_rules_than_the_bounds_are_not_read() {
    let fs = || MemoryFs::new().file("/n", CASES[0].2);
    let with = |fs: MemoryFs, files: usize| {
        let command = format!("nft {}", "-f /n ".repeat(files));
        let tree = fs.tree();
        let commands = vec![("nftables.service".to_owned(), command)];
        ssh(&Service { tree: &tree, commands, by_openrc: false }, 22)
    };
    assert!(matches!(with(fs(), 16), Ok(Some(SshAccess::Closed(_)))));
    assert!(with(fs(), 17).unwrap_err().reason.contains("more than 16 files"));
    let lines = |files: usize| {
        let include = "include \"/etc/nf/*\"\n";
        let fs = MemoryFs::new().file("/n", include);
        (0..files)
            .fold(fs, |fs, index| fs.file(&format!("/etc/nf/{index}"), "\\\n".repeat(500_000)))
    };
    assert!(with(lines(4), 1).is_ok());
    assert!(with(lines(5), 1).unwrap_err().reason.contains("more than 4194304 bytes"));
}
