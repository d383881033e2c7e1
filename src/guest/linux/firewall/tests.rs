//! Rules as the systems' own packages and tools write them.

use proptest::prelude::*;

use super::*;
use crate::filesystem::memory::MemoryFs;
use crate::guest::facts::PackageFacts;
use crate::guest::linux::sshd;

/// A machine whose boot starts one service.
fn machine(service: &str) -> MemoryFs {
    MemoryFs::new()
        .file("/usr/lib/systemd/systemd", "ELF")
        .file("/usr/lib/systemd/system/default.target", format!("[Unit]\nWants={service}\n"))
        .file(&format!("/usr/lib/systemd/system/{service}"), "[Service]\n")
}

fn found(tree: &Tree) -> FirewallFacts {
    let units = BootUnits::walk(tree);
    find(tree, &sshd::find(tree, &PackageFacts::default(), &units), &units)
}

fn ssh(fs: MemoryFs) -> Fact<SshAccess> {
    let tree = fs.tree();
    let facts = found(&tree);
    assert_eq!(facts.enabled.len(), 1, "{facts:?}");
    facts.enabled.into_iter().next().unwrap().ssh
}

#[track_caller]
fn open(fs: MemoryFs, place: &str) {
    let found = ssh(fs);
    assert!(
        matches!(&found, Fact::Known(SshAccess::Open(by)) if by.location == place),
        "{found:?}"
    );
}

#[track_caller]
fn closed(fs: MemoryFs, place: &str) {
    let found = ssh(fs);
    assert!(
        matches!(&found, Fact::Known(SshAccess::Closed(by)) if by.location == place),
        "{found:?}"
    );
}

#[track_caller]
fn unknown(fs: MemoryFs, place: &str) {
    let found = ssh(fs);
    assert_eq!(found.unread().map(|unread| unread.location.as_str()), Some(place), "{found:?}");
}

const IPTABLES: &str = "/etc/sysconfig/iptables";

fn iptables(rules: &str) -> MemoryFs {
    machine("iptables.service").file(IPTABLES, rules)
}

/// `/etc/sysconfig/iptables` of iptables-services on CentOS 7, as the package has it.
const CENTOS_7: &str = "\
# sample configuration for iptables service
# you can edit this manually or use system-config-firewall
# please do not ask us to add additional ports/services to this default configuration
*filter
:INPUT ACCEPT [0:0]
:FORWARD ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -m state --state RELATED,ESTABLISHED -j ACCEPT
-A INPUT -p icmp -j ACCEPT
-A INPUT -i lo -j ACCEPT
-A INPUT -p tcp -m state --state NEW -m tcp --dport 22 -j ACCEPT
-A INPUT -j REJECT --reject-with icmp-host-prohibited
-A FORWARD -j REJECT --reject-with icmp-host-prohibited
COMMIT
";

/// Arch's `iptables.service`, Alpine's services of OpenRC and Red Hat's `nftables.service`, as their
/// packages have them.
#[test]
fn rules_are_read_where_the_service_reads_them() {
    let unit = |service: &str, command: &str| {
        machine(service).file(
            &format!("/usr/lib/systemd/system/{service}"),
            format!("[Service]\nExecStart={command}\n"),
        )
    };
    let drops = CENTOS_7.replace("--dport 22", "--dport 80");
    let arch = "/etc/iptables/iptables.rules";
    let restore = format!("/usr/bin/iptables-restore {arch}");
    closed(unit("iptables.service", &restore).file(arch, drops.as_str()), &format!("{arch}:12"));
    let long = format!("{}{arch}", "/".repeat(300));
    let restore = format!("/usr/bin/iptables-restore {long}");
    unknown(unit("iptables.service", &restore).file(arch, drops.as_str()), &long);
    let bare = unit("iptables.service", "/usr/bin/iptables-restore");
    unknown(bare, "/usr/lib/systemd/system/iptables.service:2");

    let openrc = |name: &str| {
        MemoryFs::new()
            .file("/sbin/openrc", "ELF")
            .file(&format!("/etc/init.d/{name}"), "#!/sbin/openrc-run\n")
            .symlink(&format!("/etc/runlevels/default/{name}"), &format!("/etc/init.d/{name}"))
    };
    let save = "/etc/iptables/rules-save";
    let conf = "IPTABLES_SAVE=\"/etc/iptables/rules-save\"\n";
    let fs = openrc("iptables").file("/etc/conf.d/iptables", conf).file(save, drops.as_str());
    closed(fs, &format!("{save}:12"));

    let nft = "table inet filter {\n chain input {\n  type filter hook input priority 0; policy drop;\n }\n}\n";
    let alpine = openrc("nftables").file("/etc/nftables.nft", nft);
    closed(alpine, "/etc/nftables.nft:3");
    let named = openrc("nftables")
        .file("/etc/conf.d/nftables", "rules_file=\"/etc/my.nft\"\n")
        .file("/etc/my.nft", nft);
    closed(named, "/etc/my.nft:3");
    // What lies where another distribution's service would look does not count.
    let red_hat = unit("nftables.service", "/sbin/nft -f /etc/sysconfig/nftables.conf")
        .file("/etc/sysconfig/nftables.conf", "#include \"/etc/nftables/main.nft\"\n")
        .file("/etc/nftables.conf", nft);
    open(red_hat, "/etc/sysconfig/nftables.conf");
    let script = unit("nftables.service", "/usr/local/sbin/firewall");
    unknown(script, "/usr/lib/systemd/system/nftables.service:2");
}

/// Debian 12's and Ubuntu 24.04's `netfilter-persistent.service` and the link that its `Alias=` makes.
#[test]
fn the_alias_iptables_of_netfilter_persistent_reads_the_same_rules() {
    let lib = "/usr/lib/systemd/system/netfilter-persistent.service";
    let rules = "/etc/iptables/rules.v4";
    let fs = || {
        machine("netfilter-persistent.service")
            .file(lib, "[Service]\nExecStart=/usr/sbin/netfilter-persistent start\n")
            .symlink("/etc/systemd/system/iptables.service", lib)
    };
    let places = |fs: MemoryFs| -> Vec<String> {
        let enabled = found(&fs.tree()).enabled;
        let places = enabled.iter().map(|firewall| match &firewall.ssh {
            Fact::Known(SshAccess::Open(by)) => format!("open {}", by.location),
            Fact::Known(SshAccess::Closed(by)) => format!("closed {}", by.location),
            Fact::Unknown(unread) => format!("unknown {}", unread.location),
        });
        places.collect()
    };
    let open = format!("open {rules}:11");
    assert_eq!(places(fs().file(rules, CENTOS_7)), [open.clone(), open]);
    let closed = format!("closed {rules}:12");
    let drops = CENTOS_7.replace("--dport 22", "--dport 80");
    assert_eq!(places(fs().file(rules, drops)), [closed.clone(), closed]);
    let none = ["open iptables.service", "open netfilter-persistent.service"];
    assert_eq!(places(fs()), none);
}

#[test]
fn the_rules_of_centos_7_let_ssh_in_and_without_their_line_do_not() {
    open(iptables(CENTOS_7), "/etc/sysconfig/iptables:11");
    let without = CENTOS_7.replace("--dport 22", "--dport 80");
    closed(iptables(&without), "/etc/sysconfig/iptables:12");
    // The port that sshd listens on counts.
    let moved = iptables(CENTOS_7).file("/etc/ssh/sshd_config", "#Port 22\nPort 2222\n");
    closed(moved, "/etc/sysconfig/iptables:12");
    let both = iptables(CENTOS_7).file("/etc/ssh/sshd_config", "Port 2222\nport 22\n");
    open(both, "/etc/sysconfig/iptables:11");
    open(machine("iptables.service"), "iptables.service");
    unknown(iptables(CENTOS_7).unreadable(IPTABLES), IPTABLES);
}

fn input(policy: &str, rules: &str) -> MemoryFs {
    iptables(&format!(
        "*nat\n:PREROUTING DROP\nCOMMIT\n*filter\n:INPUT {policy} [3:4]\n{rules}COMMIT\n"
    ))
}

#[test]
fn a_rule_counts_only_for_a_new_connection_from_anywhere() {
    let at = "/etc/sysconfig/iptables:6";
    for accepts in [
        "-A INPUT -p tcp -m multiport --dports 80,20:25 -j ACCEPT\n",
        "[9:9] -A INPUT -p tcp --dport ssh --syn -j ACCEPT\n",
        "-A INPUT -p tcp -m tcp --tcp-flags FIN,SYN,RST,ACK SYN -m limit --limit 5/sec -j ACCEPT\n",
        "-A INPUT ! -i lo -p tcp -m comment --comment \"a -j DROP b\" -j ACCEPT\n",
        "-A INPUT -s 0.0.0.0/0 -p tcp ! --dport 80 -j ACCEPT\n",
    ] {
        open(input("DROP", accepts), at);
    }
    let policy = "/etc/sysconfig/iptables:5";
    for other in [
        "-A INPUT -s 10.0.0.0/8 -p tcp --dport 22 -j ACCEPT\n",
        "-A INPUT -p udp --dport 22 -j ACCEPT\n",
        "-A INPUT -i lo -j ACCEPT\n",
        "-A INPUT -p tcp --dport 22 -m conntrack --ctstate ESTABLISHED -j ACCEPT\n",
        "-A INPUT -j LOG --log-prefix \"x -j ACCEPT\"\n",
        "-A INPUT -p tcp ! --syn -j ACCEPT\n",
    ] {
        closed(input("DROP", other), policy);
        open(input("ACCEPT", &other.replace("ACCEPT", "DROP")), policy);
    }
}

#[test]
fn chains_are_followed_and_what_is_not_understood_stays_unknown() {
    let chain = ":ssh - [0:0]\n-A INPUT -p tcp -j ssh\n-A ssh -p tcp --dport 80 -j RETURN\n\
                 -A ssh -p tcp --dport 22 -j ACCEPT\n";
    open(input("DROP", chain), "/etc/sysconfig/iptables:9");
    let rule = "/etc/sysconfig/iptables:6";
    unknown(input("DROP", "-A INPUT -i eth0 -p tcp --dport 22 -j ACCEPT\n"), rule);
    unknown(input("DROP", "-A INPUT -m set --match-set good src -j ACCEPT\n"), rule);
    unknown(input("ACCEPT", "-A INPUT -m geoip --src-cc A1 -j DROP\n"), rule);
    unknown(input("ACCEPT", "-A INPUT -j elsewhere\n"), rule);
    unknown(input("ACCEPT", "-Z INPUT\n"), rule);
    // It does not matter whether a rule matches that does what would be done anyway.
    open(
        input("DROP", "-A INPUT -i eth0 -j ACCEPT\n-A INPUT -p tcp -j ACCEPT\n"),
        "/etc/sysconfig/iptables:7",
    );
    // A ring of chains, which the kernel would refuse.
    let ring = ":a -\n-A INPUT -j a\n-A a -j a\n-A a -j a\n";
    let found = ssh(input("DROP", ring));
    assert!(found.unread().is_some(), "{found:?}");
}

const PUBLIC: &str = "<?xml version=\"1.0\" encoding=\"utf-8\"?>
<zone>
  <short>Public</short>
  <description>For use in public areas.</description>
  <service name=\"ssh\"/>
  <service name=\"dhcpv6-client\"/>
</zone>
";
const SSH_SERVICE: &str = "<?xml version=\"1.0\" encoding=\"utf-8\"?>
<service>
  <short>SSH</short>
  <port protocol=\"tcp\" port=\"22\"/>
</service>
";

fn firewalld(zone: &str) -> MemoryFs {
    machine("firewalld.service")
        .file("/etc/firewalld/firewalld.conf", "# x\nDefaultZone=public\n")
        .file("/usr/lib/firewalld/zones/public.xml", zone)
        .file("/usr/lib/firewalld/services/ssh.xml", SSH_SERVICE)
}

#[test]
fn the_default_zone_of_firewalld_decides() {
    let packaged = "/usr/lib/firewalld/zones/public.xml";
    open(firewalld(PUBLIC), packaged);
    let without = PUBLIC.replace("name=\"ssh\"", "name=\"http\"");
    closed(firewalld(&without), packaged);
    // The file in /etc counts.
    let own = "/etc/firewalld/zones/public.xml";
    closed(firewalld(PUBLIC).file(own, &without), own);
    let port = without.replace("</zone>", "<port port=\"20-25\" protocol=\"tcp\"/></zone>");
    open(firewalld(&port), packaged);
    closed(firewalld(&port.replace("tcp", "udp")), packaged);
    let trusted = without.replace("<zone>", "<zone target=\"ACCEPT\">");
    open(firewalld(&trusted), packaged);
    closed(firewalld(PUBLIC).file("/etc/ssh/sshd_config", "Port 2222\n"), packaged);
}

#[test]
fn what_is_behind_a_bound_is_unknown_and_not_closed() {
    let many = format!("{}<port port=\"22\" protocol=\"tcp\"/></zone>", "<short/>".repeat(256));
    let zone = PUBLIC.replace("name=\"ssh\"", "name=\"http\"").replace("</zone>", &many);
    unknown(firewalld(&zone), "/usr/lib/firewalld/zones/public.xml");
    let ports: String = (0..5).map(|number| format!("Port {}\n", 2222 + number)).collect();
    let fs = iptables(CENTOS_7).file("/etc/ssh/sshd_config", &ports);
    unknown(fs, "/etc/ssh/sshd_config:1");
}

/// firewalld.zones(5): a connection's zone comes before the default one; which connection the cloud's
/// card will have is not asked here.
#[test]
fn a_zone_of_a_connection_that_answers_otherwise_leaves_the_answer_unknown() {
    let drop = "<zone target=\"DROP\"></zone>";
    let ifcfg = "/etc/sysconfig/network-scripts/ifcfg-eth0";
    let keyfile = "/etc/NetworkManager/system-connections/lan.nmconnection";
    let fs = || firewalld(PUBLIC).file("/usr/lib/firewalld/zones/drop.xml", drop);
    unknown(fs().file(ifcfg, "DEVICE=eth0\nZONE=drop\n"), &format!("{ifcfg}:2"));
    let text = "[connection]\nid=lan\ntype=ethernet\nzone=drop\n";
    unknown(fs().file(keyfile, text), &format!("{keyfile}:4"));
    unknown(fs().file(ifcfg, "ZONE=mine\n"), &format!("{ifcfg}:1"));
    for zone in ["", "public"] {
        let packaged = "/usr/lib/firewalld/zones/public.xml";
        open(fs().file(ifcfg, format!("ZONE={zone}\n")), packaged);
    }
    let by_default = "# x\nDefaultZone=drop\n";
    let fs = fs().file("/etc/firewalld/firewalld.conf", by_default);
    unknown(fs.file(ifcfg, "DEVICE=eth0\nZONE=public\n"), &format!("{ifcfg}:2"));
}

#[test]
fn what_firewalld_is_told_beyond_that_is_unknown() {
    let packaged = "/usr/lib/firewalld/zones/public.xml";
    let rich = "<rule family=\"ipv4\"><source address=\"10.0.0.0/8\"/><service name=\"ssh\"/>\
                <accept/></rule></zone>";
    let without = PUBLIC.replace("name=\"ssh\"", "name=\"http\"");
    unknown(firewalld(&without.replace("</zone>", rich)), packaged);
    open(firewalld(&PUBLIC.replace("</zone>", rich)), packaged);
    unknown(firewalld("<zone><service"), packaged);
    let bound = "<zone target=\"DROP\"><interface name=\"eth0\"/></zone>";
    let fs = firewalld(PUBLIC).file("/etc/firewalld/zones/drop.xml", bound);
    unknown(fs, "/etc/firewalld/zones/drop.xml");
    // As firewalld 1.3 says: Default zone 'gone' is not valid. Using 'public'.
    let gone = |fs: MemoryFs| fs.file("/etc/firewalld/firewalld.conf", "DefaultZone=gone\n");
    assert_eq!(ssh(gone(firewalld(PUBLIC))), ssh(firewalld(PUBLIC)));
    unknown(gone(machine("firewalld.service")), "firewalld zone gone");
}

/// As `ufw enable` and `ufw limit ssh` write them (ufw 0.36, Ubuntu 22.04), without comments.
const BEFORE: &str = "\
*filter
:ufw-before-input - [0:0]
:ufw-not-local - [0:0]
-A ufw-before-input -i lo -j ACCEPT
-A ufw-before-input -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A ufw-before-input -m conntrack --ctstate INVALID -j DROP
-A ufw-before-input -p icmp --icmp-type echo-request -j ACCEPT
-A ufw-before-input -p udp --sport 67 --dport 68 -j ACCEPT
-A ufw-before-input -j ufw-not-local
-A ufw-not-local -m addrtype --dst-type LOCAL -j RETURN
-A ufw-not-local -m addrtype --dst-type MULTICAST -j RETURN
-A ufw-not-local -m limit --limit 3/min --limit-burst 10 -j ufw-logging-deny
-A ufw-not-local -j DROP
-A ufw-before-input -p udp -d 224.0.0.251 --dport 5353 -j ACCEPT
COMMIT
";
const LIMIT: &str = "\
*filter
:ufw-user-input - [0:0]
:ufw-user-limit - [0:0]
:ufw-user-limit-accept - [0:0]
### tuple ### limit tcp 22 0.0.0.0/0 any 0.0.0.0/0 in
-A ufw-user-input -p tcp --dport 22 -m conntrack --ctstate NEW -m recent --set
-A ufw-user-input -p tcp --dport 22 -m conntrack --ctstate NEW -m recent --update --seconds 30 --hitcount 6 -j ufw-user-limit
-A ufw-user-input -p tcp --dport 22 -j ufw-user-limit-accept
-A ufw-user-limit -j REJECT
-A ufw-user-limit-accept -j ACCEPT
COMMIT
";

fn ufw(enabled: &str, user: &str) -> MemoryFs {
    machine("ufw.service")
        .file("/etc/ufw/ufw.conf", format!("ENABLED={enabled}\nLOGLEVEL=low\n"))
        .file("/etc/default/ufw", "IPV6=yes\nDEFAULT_INPUT_POLICY=\"DROP\"\n")
        .file("/etc/ufw/before.rules", BEFORE)
        .file("/etc/ufw/user.rules", user)
}

#[test]
fn ufw_counts_when_it_is_enabled() {
    open(ufw("yes", LIMIT), "/etc/ufw/user.rules:10");
    let none = "*filter\n:ufw-user-input - [0:0]\nCOMMIT\n";
    closed(ufw("yes", none), "/etc/default/ufw:2");
    open(ufw("no", none), "/etc/ufw/ufw.conf:1");
    let policy = ufw("yes", none).file("/etc/default/ufw", "DEFAULT_INPUT_POLICY=$X\n");
    unknown(policy, "/etc/default/ufw:1");
}

#[test]
fn nftables_is_open_without_a_drop_and_closed_by_a_policy() {
    // Debian's own /etc/nftables.conf.
    let debian = "#!/usr/sbin/nft -f\n\nflush ruleset\n\ntable inet filter {\n\tchain input {\n\
                  \t\ttype filter hook input priority filter;\n\t}\n}\n";
    let fs = || machine("nftables.service");
    open(fs().file("/etc/nftables.conf", debian), "/etc/nftables.conf:7");
    let drop = debian.replace("filter;\n", "filter; policy drop;\n");
    closed(fs().file("/etc/nftables.conf", drop), "/etc/nftables.conf:7");
    let text = debian.replace("filter;\n", "filter; policy drop;\n\t\tosf name \"Linux\" accept\n");
    unknown(fs().file("/etc/nftables.conf", text), "/etc/nftables.conf:8");
}

#[test]
fn susefirewall_lets_in_what_its_external_zone_names() {
    let fs =
        |text: &str| machine("SuSEfirewall2.service").file("/etc/sysconfig/SuSEfirewall2", text);
    open(fs("FW_SERVICES_EXT_TCP=\"80 ssh\"\n"), "/etc/sysconfig/SuSEfirewall2:1");
    open(fs("FW_CONFIGURATIONS_EXT=\"sshd\"\n"), "/etc/sysconfig/SuSEfirewall2:1");
    let none = "FW_SERVICES_EXT_TCP=\"\"\nFW_CONFIGURATIONS_EXT=\"apache2\"\n";
    closed(fs(none), "/etc/sysconfig/SuSEfirewall2");
    unknown(fs("FW_SERVICES_EXT_TCP=\"$PORTS\"\n"), "/etc/sysconfig/SuSEfirewall2:1");
    let internal = "FW_DEV_INT=\"eth0\"\nFW_PROTECT_FROM_INT=\"no\"\n";
    unknown(fs(internal), "/etc/sysconfig/SuSEfirewall2:1");
    let guarded = "FW_DEV_INT=\"eth0\"\nFW_PROTECT_FROM_INT=\"yes\"\n";
    closed(fs(guarded), "/etc/sysconfig/SuSEfirewall2");
}

#[test]
fn without_a_firewall_what_was_looked_at_is_told() {
    let tree = MemoryFs::new().file("/usr/lib/systemd/systemd", "ELF").tree();
    let facts = found(&tree);
    assert_eq!((facts.enabled.len(), facts.looked_at.len()), (0, FIREWALLS.len()));
}

#[test]
fn chains_that_branch_without_end_end_soon() {
    let mut rules = String::from("-A INPUT -j c0\n");
    for level in 0..31 {
        let next = level + 1;
        rules.push_str(&format!("-A c{level} -j c{next}\n").repeat(8));
    }
    let start = std::time::Instant::now();
    assert!(ssh(input("ACCEPT", &format!("{rules}-A c31 -p udp -j DROP\n"))).unread().is_some());
    assert!(start.elapsed().as_secs() < 60);
}

#[test]
fn a_long_rule_that_many_jumps_lead_to_ends_at_the_bound() {
    let jumps = "-A INPUT -j c\n".repeat(1000);
    let rules = |words: usize| format!("{jumps}-A c {}-p udp -j DROP\n", "-f ".repeat(words));
    assert!(ssh(input("ACCEPT", &rules(1000))).known().is_some());
    let found = ssh(input("ACCEPT", &rules(20_000)));
    assert_eq!(found.unread().unwrap().reason, "too many rules to follow");
}

/// Why it is not known.
#[track_caller]
fn reason(fs: MemoryFs) -> String {
    ssh(fs).unread().expect("unknown").reason.clone()
}

#[test]
fn zones_and_services_that_multiply_end_at_the_bounds() {
    let long = format!(
        "<zone><interface name=\"x\"/>{}</zone><!--{}-->",
        "<service name=\"ssh\"/>",
        "x".repeat(900_000)
    );
    let zones = |count: usize| {
        (0..count).fold(firewalld(PUBLIC), |fs, index| {
            fs.file(&format!("/etc/firewalld/zones/z{index}.xml"), &long)
        })
    };
    open(zones(10), "/usr/lib/firewalld/zones/public.xml");
    assert!(reason(zones(30)).contains("more than 16777216 bytes of zones"));
    // A service that is named again is read again.
    let zone = format!("<zone>{}</zone>", "<service name=\"big\"/>".repeat(100));
    let big = format!("<service/><!--{}-->", "x".repeat(900_000));
    let named = firewalld(&zone).file("/usr/lib/firewalld/services/big.xml", big);
    assert!(reason(named).contains("more than 16777216 bytes of zones"));
    let attributes: String = (0..100_000).map(|index| format!(" a{index}=\"\"")).collect();
    assert!(reason(firewalld(&format!("<zone{attributes}/>"))).contains("more than 64 attributes"));
}

proptest! {
    #[test]
    fn any_words_in_any_file_are_read_without_panic(
        words in proptest::collection::vec(
            "[:,=!#%$\"\\\\ \t\n<>/0-9a-zé-]|-A INPUT |-j |ACCEPT|--dport |-p tcp|\\*filter\n|:INPUT DROP|\
             COMMIT\n|<zone>|<service name=\"|</rule>|policy drop|ENABLED=yes\n|! ",
            0..60,
        )
    ) {
        let text = words.concat();
        for (service, path) in [
            ("iptables.service", IPTABLES),
            ("firewalld.service", "/etc/firewalld/zones/public.xml"),
            ("ufw.service", "/etc/ufw/ufw.conf"),
            ("ufw.service", "/etc/ufw/user.rules"),
            ("nftables.service", "/etc/nftables.conf"),
            ("SuSEfirewall2.service", "/etc/sysconfig/SuSEfirewall2"),
            ("iptables.service", "/etc/ssh/sshd_config"),
        ] {
            let tree = machine(service).file(path, &text).tree();
            let _ = found(&tree);
        }
    }
}

/// `nftables.service` of Debian 12 and what `systemctl edit` makes of it (systemd.service(5), `ExecStart=`).
#[test]
fn drop_ins_of_the_service_say_which_rules_it_reads() {
    const DROP_INS: &str = "/etc/systemd/system/nftables.service.d";
    const MINE: &str = "/etc/nftables/mine.nft";
    let unit = "[Unit]\nDescription=nftables\n[Service]\nType=oneshot\n\
                ExecStart=/usr/sbin/nft -f /etc/nftables.conf\nExecStop=/usr/sbin/nft flush ruleset\n";
    let rules = "table inet filter {\n chain input {\n  type filter hook input priority 0; \
                 policy drop;\n }\n}\n";
    let debian = || {
        machine("nftables.service")
            .file("/usr/lib/systemd/system/nftables.service", unit)
            .file("/etc/nftables.conf", "flush ruleset\n")
            .file(MINE, rules)
    };
    let drop_in = |text: &str| debian().file(&format!("{DROP_INS}/override.conf"), text);
    let (mine, conf) = (&format!("{MINE}:3"), "/etc/nftables.conf");
    open(debian(), conf);
    let replaced = "[Service]\nExecStart=\nExecStart=/usr/sbin/nft -f /etc/nftables/mine.nft\n";
    closed(drop_in(replaced), mine);
    closed(drop_in(&replaced.replace("ExecStart=\n", "")), mine);
    closed(drop_in(&replaced.replace("-f", "\\\n -f")), mine);
    open(drop_in(&replaced.replace("[Service]", "[Unit]")), conf);
    // The last in the order of the names counts, wherever it is.
    let back = "[Service]\nExecStart=\nExecStart=/usr/sbin/nft -f /etc/nftables.conf\n";
    let last = "/usr/lib/systemd/system/nftables.service.d/z.conf";
    open(drop_in(replaced).file(last, back), conf);
    closed(drop_in(replaced).file(&last.replace("z.conf", "a.conf"), back), mine);
    closed(drop_in(replaced).file(&last.replace("z.conf", "override.conf"), back), mine);
    unknown(drop_in("[Service]\nExecStart=\n"), &format!("{DROP_INS}/override.conf:2"));
    let torn = drop_in(replaced).unreadable(&format!("{DROP_INS}/override.conf"));
    assert!(found(&torn.tree()).enabled.is_empty());
}

#[test]
fn a_service_of_somebody_s_own_for_iptables_is_not_understood() {
    let unit = "/etc/systemd/system/iptables.service";
    let own =
        |command: &str| iptables(CENTOS_7).file(unit, format!("[Service]\nExecStart={command}\n"));
    open(own("/usr/libexec/iptables/iptables.init start"), &format!("{IPTABLES}:11"));
    unknown(own("/usr/local/sbin/rules.sh"), &format!("{unit}:2"));
}
