//! Configuration as the installers and packages named in each test write it.

use super::*;
use crate::filesystem::FileType;
use crate::filesystem::memory::MemoryFs;
use crate::guest::facts::{Addressing, InterfaceKind, NetworkLack};

const SLOT_LINK: &str = "[Match]\nOriginalName=*\n\n[Link]\n\
    NamePolicy=keep kernel database onboard slot path\nMACAddressPolicy=persistent\n";

/// A system with systemd, on which `units` are started.
fn systemd(units: &[&str]) -> MemoryFs {
    let mut fs = MemoryFs::new()
        .file("/usr/lib/systemd/systemd", "ELF")
        .file("/usr/lib/systemd/system/multi-user.target", "[Unit]\n")
        .symlink("/etc/systemd/system/default.target", "/usr/lib/systemd/system/multi-user.target");
    for unit in units {
        let file = format!("/usr/lib/systemd/system/{unit}.service");
        let wants = format!("/etc/systemd/system/multi-user.target.wants/{unit}.service");
        fs = fs.file(&file, "[Service]\n").symlink(&wants, &file);
    }
    fs
}

fn by_place(fs: MemoryFs) -> MemoryFs {
    fs.file("/usr/lib/udev/rules.d/80-net-setup-link.rules", "IMPORT{builtin}=\"net_setup_link\"\n")
        .file("/usr/lib/systemd/network/99-default.link", SLOT_LINK)
}

fn read_with(tree: &Tree, boot: &Fact<Option<(String, String)>>) -> Configuration {
    Configuration::read(tree, boot, &BootUnits::walk(tree))
}

fn read(fs: MemoryFs) -> Configuration {
    read_with(&fs.tree(), &Fact::Known(None))
}

/// The only configuration.
#[track_caller]
fn one(fs: MemoryFs) -> InterfaceConfig {
    let configuration = read(fs);
    assert_eq!(configuration.unread, None);
    assert_eq!(configuration.interfaces.len(), 1, "{:#?}", configuration.interfaces);
    configuration.interfaces.into_iter().next().unwrap()
}

fn name(fs: MemoryFs, command_line: &str) -> NicName {
    let line = (command_line.to_owned(), "/boot/grub2/grub.cfg:100".to_owned());
    let configuration = read_with(&fs.tree(), &Fact::Known(Some(line)));
    configuration.nic_name.known().unwrap().0.clone()
}

fn eth0() -> NicName {
    NicName::Exactly("eth0".to_owned())
}

#[test]
fn an_ifcfg_file_says_what_the_network_scripts_do() {
    let path = "/etc/sysconfig/network-scripts/ifcfg-eth0";
    let config = |text: &str| one(systemd(&["NetworkManager"]).file(path, text));
    let dhcp = config(
        "TYPE=Ethernet\nDEVICE=eth0\nBOOTPROTO=\"dhcp\"\nONBOOT=yes\nPERSISTENT_DHCLIENT=1\n",
    );
    assert_eq!((dhcp.ipv4, dhcp.idle.clone()), (Addressing::Dhcp, Fact::Known(None)));
    let line = "BOOTPROTO=\"dhcp\"";
    assert_eq!(dhcp.ipv4_at, Evidence::new(format!("{path}:3"), line).marked(3, line, 10..16));
    assert!(dhcp.persistent_dhclient.as_ref().unwrap().is_yes());
    assert_eq!(dhcp.reach(&eth0()), Reach::Yes);
    let fixed = config("DEVICE=eth0\nBOOTPROTO=none\nIPADDR=10.0.0.5\nONBOOT=no\n");
    assert_eq!(fixed.ipv4, Addressing::Static);
    assert_eq!(fixed.ipv4_at.location, format!("{path}:3"));
    assert_eq!(fixed.idle.known().unwrap().as_ref().unwrap().detail, "ONBOOT=no");
    let bound = config("DEVICE=eth0\nBOOTPROTO=dhcp\nHWADDR=00:0c:29:1a:2b:3c\n");
    assert_eq!((bound.reach(&eth0()), bound.macs.len()), (Reach::No, 1));
    let scripts_only = config("DEVICE=eth0\nBOOTPROTO=dhcp\nNM_CONTROLLED=no\n");
    assert!(scripts_only.idle.known().unwrap().is_some());
    let port = config("DEVICE=eth0\nBRIDGE=br0\nIPADDR=10.0.0.5\n");
    assert_eq!(port.ipv4, Addressing::None);
}

/// initscripts' `source_config` and NetworkManager's `connection_from_file_full`.
#[test]
fn an_ifcfg_file_must_say_which_card_it_is_for() {
    let path = "/etc/sysconfig/network-scripts/ifcfg-eth0";
    let config = |units: &[&str], text: &str| {
        let text = format!("{text}BOOTPROTO=dhcp\nONBOOT=yes\n");
        one(systemd(units).file("/etc/sysconfig/network", "NETWORKING=yes\n").file(path, text))
    };
    let idle = |units: &[&str], text: &str| config(units, text).idle.known().cloned().unwrap();
    assert_eq!(config(&["network"], "").lacks, Some(NetworkLack::Device));
    assert_eq!(config(&["network"], "DEVICE=eth0\n").lacks, None);
    for (units, text, used) in [
        (&["network"][..], "DEVICE=eth0\n", true),
        (&["network"], "", false),
        (&["network"], "TYPE=Ethernet\n", false),
        (&["network"], "HWADDR=00:0c:29:1a:2b:3c\n", true),
        (&["NetworkManager"], "", false),
        (&["NetworkManager"], "HWADDR=00:0c:29:1a:2b:3c\n", false),
        (&["NetworkManager"], "TYPE=Ethernet\n", true),
        (&["network", "NetworkManager"], "TYPE=Ethernet\n", true),
        (&["network", "NetworkManager"], "HWADDR=00:0c:29:1a:2b:3c\n", true),
        (&["network", "NetworkManager"], "", false),
        (&["network", "NetworkManager"], "TYPE=Ethernet\nNM_CONTROLLED=no\n", false),
    ] {
        let idle = idle(units, text);
        assert_eq!(idle.is_none(), used, "{units:?} {text}");
        assert!(idle.is_none_or(|why| why.location == path));
    }
    // For every card.
    assert_eq!(config(&["NetworkManager"], "TYPE=Ethernet\n").reach(&eth0()), Reach::Yes);
}

/// The network scripts' shell keeps the carriage return, NetworkManager's `svUnescape` drops it.
#[test]
fn a_carriage_return_counts_for_the_network_scripts() {
    let path = "/etc/sysconfig/network-scripts/ifcfg-eth0";
    let text = "# eth0\r\nDEVICE=eth0\r\nBOOTPROTO=dhcp\r\nONBOOT=yes\r\n";
    let scripts = || systemd(&["network"]).file("/etc/sysconfig/network", "NETWORKING=yes\n");
    let idle = one(scripts().file(path, text)).idle;
    assert_eq!(idle.known().unwrap().as_ref().unwrap().location, format!("{path}:2"));
    let idle = one(systemd(&["NetworkManager"]).file(path, text)).idle;
    assert_eq!(idle, Fact::Known(None));
    let both = systemd(&["network", "NetworkManager"]).file(path, text);
    assert_eq!(read(both).unevaluated.unwrap().location, format!("{path}:2"));
    let comment = "# eth0\r\nDEVICE=eth0\nBOOTPROTO=dhcp\nONBOOT=yes\n";
    assert_eq!(one(scripts().file(path, comment)).idle, Fact::Known(None));
}

/// initscripts' `/etc/init.d/network`, which exits in both cases; NetworkManager asks neither.
#[test]
fn the_network_scripts_need_their_settings_and_networking() {
    let (path, settings) = ("/etc/sysconfig/network-scripts/ifcfg-eth0", "/etc/sysconfig/network");
    let text = "DEVICE=eth0\nBOOTPROTO=dhcp\nONBOOT=yes\n";
    let idle = |units: &[&str], networking: Option<&str>| {
        let fs = systemd(units).file(path, text);
        let fs = match networking {
            Some(networking) => fs.file(settings, networking),
            None => fs,
        };
        let config = one(fs);
        let lacks_settings = config.lacks == Some(NetworkLack::Settings);
        let why = config.idle.known().unwrap().as_ref().map(|why| why.location.clone());
        assert_eq!(lacks_settings, networking.is_none() && why.is_some());
        why
    };
    assert_eq!(idle(&["network"], Some("NETWORKING=yes\n")), None);
    assert_eq!(
        idle(&["network"], Some("HOSTNAME=a\nNETWORKING=no\n")),
        Some(format!("{settings}:2"))
    );
    assert_eq!(idle(&["network"], None), Some(settings.to_owned()));
    assert_eq!(idle(&["NetworkManager"], Some("NETWORKING=no\n")), None);
    assert_eq!(idle(&["network", "NetworkManager"], None), None);
}

/// The plugin is in the package up to RHEL 9 and Fedora 35, in one of its own up to Fedora 40, and
/// gone since (Fedora 36 and 41 release notes).
#[test]
fn network_manager_reads_ifcfg_files_by_its_plugin() {
    let path = "/etc/sysconfig/network-scripts/ifcfg-eth0";
    let text = "DEVICE=eth0\nBOOTPROTO=dhcp\nONBOOT=yes\n";
    let system = |id: &str, version: &str| {
        let release = format!("ID={id}\nVERSION_ID={version}\nPRETTY_NAME=\"{id} {version}\"\n");
        systemd(&["NetworkManager"]).file(path, text).file("/etc/os-release", release)
    };
    let plugin = "libnm-settings-plugin-ifcfg-rh.so";
    let is_used = |fs: MemoryFs| one(fs).idle == Fact::Known(None);
    assert!(is_used(system("rhel", "9.3")));
    assert!(is_used(system("openEuler", "22.03")));
    assert!(!is_used(system("rhel", "10.0")));
    assert!(!is_used(system("fedora", "41")));
    assert!(is_used(system("fedora", "35")));
    let between = read(system("fedora", "38")).unevaluated.unwrap();
    assert_eq!(between.location, path);
    // What is installed counts before the version.
    let wifi = "/usr/lib64/NetworkManager/1.46.0-1.fc40/libnm-device-plugin-wifi.so";
    let fs = system("fedora", "38").file(wifi, "ELF");
    let idle = one(fs).idle;
    assert_eq!(idle.known().unwrap().as_ref().unwrap().location, "/usr/lib64/NetworkManager");
    let there = format!("/usr/lib64/NetworkManager/1.46.0-1.fc40/{plugin}");
    assert!(is_used(system("fedora", "38").file(wifi, "ELF").file(&there, "ELF")));
    let old = format!("/usr/lib/NetworkManager/{plugin}");
    assert!(is_used(system("rhel", "10.0").file(&old, "ELF")));
    // Of more versions than are looked into the plugin may be in any.
    let versions = |count: usize| {
        let library = "libnm-device-plugin-wifi.so";
        let path = |n: usize| format!("/usr/lib64/NetworkManager/1.{n:02}/{library}");
        (0..count).fold(system("rhel", "9.3"), |fs, n| fs.file(&path(n), "ELF"))
    };
    assert!(!is_used(versions(16)));
    assert_eq!(read(versions(17)).unevaluated.unwrap().location, path);
    assert!(is_used(versions(17).file(&format!("/usr/lib64/NetworkManager/1.00/{plugin}"), "ELF")));
    let unreadable = system("rhel", "9.3").dir("/usr/lib64/NetworkManager");
    let unreadable = unreadable.unreadable("/usr/lib64/NetworkManager");
    assert_eq!(read(unreadable).unevaluated.unwrap().location, path);
    // A file that is not read is not in the way of the connection that NetworkManager makes by itself.
    assert!(automatic(system("rhel", "10.0")));
    assert!(!automatic(system("rhel", "9.3")));
}

#[test]
fn a_value_that_a_shell_must_expand_leaves_the_interfaces_unknown() {
    let path = "/etc/sysconfig/network-scripts/ifcfg-eth0";
    let configuration = read(systemd(&[]).file(path, "BOOTPROTO=$(cat /etc/proto)\n"));
    assert_eq!(configuration.unevaluated.unwrap().location, format!("{path}:1"));
    let configuration = read(systemd(&[]).file(path, "NAME=\"System $DEVICE\"\n"));
    assert_eq!(configuration.unevaluated, None);
}

#[test]
fn an_ifcfg_file_of_suse_is_for_the_interface_of_its_name() {
    let path = "/etc/sysconfig/network/ifcfg-eth0";
    let config = |text: &str| one(systemd(&["wicked"]).file(path, text));
    let dhcp = config("BOOTPROTO='dhcp'\nSTARTMODE='auto'\n");
    assert_eq!((dhcp.ipv4, dhcp.idle.clone()), (Addressing::Dhcp, Fact::Known(None)));
    assert_eq!(dhcp.reach(&eth0()), Reach::Yes);
    let fixed = config("BOOTPROTO='static'\nIPADDR='10.0.0.5/24'\nSTARTMODE='manual'\n");
    assert_eq!(fixed.ipv4, Addressing::Static);
    assert_eq!(fixed.idle.known().unwrap().as_ref().unwrap().detail, "STARTMODE='manual'");
    let bridge = config("BOOTPROTO='dhcp'\nSTARTMODE=auto\nBRIDGE='yes'\nBRIDGE_PORTS='eth0'\n");
    assert_eq!((bridge.kind, bridge.ports), (InterfaceKind::Master, vec!["eth0".to_owned()]));
}

#[test]
fn a_keyfile_says_method_auto_or_manual() {
    let path = "/etc/NetworkManager/system-connections/lan.nmconnection";
    let config = |text: &str| one(systemd(&["NetworkManager"]).file(path, text));
    let text = "[connection]\nid=lan\ntype=ethernet\n\n[ipv4]\naddress1=10.0.0.5/24,10.0.0.1\nmethod=manual\n";
    let fixed = config(text);
    assert_eq!(fixed.ipv4, Addressing::Static);
    let line = "method=manual";
    assert_eq!(fixed.ipv4_at, Evidence::new(format!("{path}:7"), line).marked(7, line, 7..13));
    assert_eq!(fixed.reach(&eth0()), Reach::Yes);
    let text = "[connection]\nid=x\ntype=ethernet\ninterface-name=ens33\nautoconnect=false\n";
    let off = config(text);
    assert_eq!((off.ipv4, off.reach(&eth0())), (Addressing::Dhcp, Reach::No));
    assert!(off.idle.known().unwrap().is_some());
}

/// NetworkManager's `nms_keyfile_utils_check_file_permissions_stat`.
#[test]
fn a_keyfile_that_is_not_for_root_alone_is_not_loaded() {
    let path = "/etc/NetworkManager/system-connections/lan.nmconnection";
    let text = "[connection]\nid=lan\ntype=ethernet\n[ipv4]\nmethod=auto\n";
    let fs = || systemd(&["NetworkManager"]).file(path, text);
    assert_eq!(one(fs().mode(0o600)).idle, Fact::Known(None));
    assert_eq!(one(fs().mode(0o400)).idle, Fact::Known(None));
    for (fs, what) in [
        (fs(), "mode 0644"),
        (fs().mode(0o640), "mode 0640"),
        (fs().mode(0o600).owner(1000, 1000), "owner 1000"),
    ] {
        let idle = one(fs).idle;
        let why = idle.known().unwrap().as_ref().unwrap();
        assert_eq!(why.location, path);
        assert!(why.detail.ends_with(what), "{why:?}");
    }
    // What is not loaded is not in the way of the connection that NetworkManager makes by itself.
    assert!(!automatic(fs().mode(0o600)));
    assert!(automatic(fs()));
}

fn automatic(fs: MemoryFs) -> bool {
    let tree = fs.tree();
    let found = read_with(&tree, &Fact::Known(None)).automatic(&tree);
    !found.known().unwrap().is_empty()
}

#[test]
fn network_manager_makes_a_connection_for_a_card_without_a_profile() {
    let fs = || systemd(&["NetworkManager"]);
    assert!(automatic(fs()));
    assert!(!automatic(systemd(&[])));
    let main = "/etc/NetworkManager/NetworkManager.conf";
    assert!(!automatic(fs().file(main, "[main]\nno-auto-default=*\n")));
    // As NetworkManager-config-server has it.
    let server = "/usr/lib/NetworkManager/conf.d/00-server.conf";
    assert!(!automatic(fs().file(server, "[main]\nno-auto-default=*\nignore-carrier=*\n")));
    // A device section (NetworkManager.conf(5)), and lists of devices.
    let wired = "[device-cloud]\nmatch-device=type:ethernet\nmanaged=0\n";
    assert!(!automatic(fs().file(main, wired)));
    assert!(automatic(fs().file(main, wired.replace("ethernet", "wifi"))));
    assert!(automatic(fs().file(main, wired.replace("managed=0", "managed=1"))));
    assert!(!automatic(fs().file(main, "[device]\nmanaged=false\n")));
    let keyfile = "/etc/NetworkManager/system-connections/lan.nmconnection";
    let text = "[connection]\nid=lan\ntype=ethernet\ninterface-name=eth0\n";
    let idle = read_with(
        &fs().file(main, wired).file(keyfile, text).mode(0o600).tree(),
        &Fact::Known(Some(("net.ifnames=0".to_owned(), "/boot/grub2/grub.cfg:1".to_owned()))),
    );
    let idle = idle.interfaces[0].idle.known().unwrap().clone().unwrap();
    assert_eq!(idle.location, format!("{main}:3"));
    assert!(!automatic(fs().file(main, "[main]\nno-auto-default=type:ethernet\n")));
    assert!(automatic(fs().file(main, "[main]\nno-auto-default=00:22:68:5c:5d:c4\n")));
    // As Ubuntu has it, and as an empty file in /etc takes it back.
    let globally = "/usr/lib/NetworkManager/conf.d/10-globally-managed-devices.conf";
    let text = "[keyfile]\nunmanaged-devices=*,except:type:wifi,except:type:gsm\n";
    assert!(!automatic(fs().file(globally, text)));
    let over = "/etc/NetworkManager/conf.d/10-globally-managed-devices.conf";
    assert!(automatic(fs().file(globally, text).file(over, "")));
    // A profile for the card, though it does not start, is in its way; one for another is not.
    let profile = "/etc/sysconfig/network-scripts/ifcfg-eth0";
    assert!(!automatic(fs().file(profile, "DEVICE=eth0\nONBOOT=no\n")));
    assert!(automatic(fs().file(profile, "DEVICE=ens33\nONBOOT=yes\n")));
}

#[test]
fn netplan_files_are_laid_over_one_another() {
    let generator = "/usr/lib/systemd/system-generators/netplan";
    let fs = || systemd(&["systemd-networkd"]).file(generator, "ELF");
    let first = "network:\n  version: 2\n  ethernets:\n    ens3:\n      addresses: [10.0.0.5/24]\n";
    let fixed = one(fs().file("/etc/netplan/01-a.yaml", first));
    assert_eq!(fixed.ipv4, Addressing::Static);
    assert_eq!(fixed.ipv4_at.location, "/etc/netplan/01-a.yaml:5");
    assert_eq!(fixed.reach(&NicName::ByPlace), Reach::Maybe);
    let second =
        "network:\n  ethernets:\n    ens3:\n      dhcp4: true\n      match: {name: 'e*'}\n";
    let both =
        one(fs().file("/etc/netplan/01-a.yaml", first).file("/etc/netplan/02-b.yaml", second));
    assert_eq!(both.ipv4_at, Evidence::new("/etc/netplan/02-b.yaml:4", "dhcp4: true"));
    assert_eq!((both.ipv4, both.reach(&NicName::ByPlace)), (Addressing::Dhcp, Reach::Yes));
    assert_eq!(both.idle, Fact::Known(None));
    // The generator starts systemd-networkd, but not NetworkManager.
    let renderer = "network:\n  renderer: NetworkManager\n  ethernets: {ens3: {dhcp4: yes}}\n";
    let config = one(fs().file("/etc/netplan/01-a.yaml", renderer));
    assert!(config.idle.known().unwrap().is_some());
    let without = one(systemd(&["systemd-networkd"]).file("/etc/netplan/01-a.yaml", second));
    assert!(without.idle.known().unwrap().is_some());
}

#[test]
fn an_address_that_yaml_takes_for_a_number_is_its_own_wherever_it_stands() {
    let twenty = format!("{}56", "10:00:".repeat(9) + "20:");
    let text = format!(
        "network: {{ethernets: {{a: {{macaddress: 52:54:00:12:34:56}}, b: {{match: {{macaddress: \
         98:54:00:00:00:07}}}}, c: {{macaddress: {twenty}}}, d: {{macaddress: 5}}}}}}\n"
    );
    let found = read(systemd(&["systemd-networkd"]).file("/etc/netplan/01-a.yaml", text));
    let macs = found.interfaces.iter().flat_map(|interface| &interface.macs);
    let macs: Vec<_> = macs.map(|evidence| evidence.detail.clone()).collect();
    assert_eq!(
        macs,
        [
            "a: macaddress: 52:54:00:12:34:56".to_owned(),
            "b: match: macaddress: 98:54:00:00:00:07".to_owned(),
            format!("c: macaddress: {twenty}"),
        ]
    );
}

/// As `netplan generate` 0.106 ends on the line between `{` and `}` of an ethernet.
#[test]
fn what_netplan_refuses_leaves_the_interfaces_unknown() {
    let generator = "/usr/lib/systemd/system-generators/netplan";
    let path = "/etc/netplan/01-a.yaml";
    let unknown = |text: &str| {
        let fs = systemd(&["systemd-networkd"]).file(generator, "ELF");
        read(fs.file(path, text)).unevaluated
    };
    let ethernet = |body: &str| {
        unknown(&format!("network:\n  version: 2\n  ethernets:\n    eth0: {{{body}}}\n"))
    };
    for body in [
        "dhcp4: ''",
        "dhcp4: ",
        "dhcp4: 1",
        "dhcp4: perhaps",
        "dhcpv6: false",
        "mtu: x",
        "addresses: [10.0.0.5]",
        "addresses: [10.0.0.5/33]",
        "addresses: [10.0.0.5/255.255.255.0]",
        "addresses: 10.0.0.5/24",
        "addresses: ",
        "addresses: [10.0.0.05/24]",
        "addresses: ['fe80::1%eth0/64']",
        "addresses: [10.0.0.5/24: {labels: x}]",
        "addresses: [10.0.0.5/]",
        "gateway4: fe80::1",
        "gateway4: 10.0.0.1/24",
        "routes: [{to: default, via: 10.0.0.300}]",
        "routes: [{to: default, via: 10.0.0.1, onlink: yes}]",
        "nameservers: {addresses: [8.8.8.8, x]}",
        "nameservers: {addresses: [8.8.8.8/32]}",
        "nameservers: {addresses: 8.8.8.8}",
        "nameservers: {search: lan}",
        "match: {names: e*}, dhcp4: true",
        "match: , dhcp4: true",
        "match: {macaddress: xx}, dhcp4: true",
        "match: {macaddress: 52-54-00-12-34-56}",
        "match: {path: x}, dhcp4: true",
        "renderer: nm",
        "dhcp4-overrides: {use-dns: maybe}",
        "dhcp4-overrides: {usedns: no}",
        "link-local: ipv4",
        "set-name: eth0, dhcp4: true",
        "accept-ra: 1",
        "neigh-suppress: x",
    ] {
        let refused = ethernet(body).unwrap_or_else(|| panic!("{body}"));
        assert_eq!(refused.location, format!("{path}:4"), "{body}");
        assert!(refused.reason.contains("netplan"), "{refused:?}");
    }
    for body in [
        "dhcp4: 'yes'",
        "dhcp4: Y",
        "dhcp4: true, mtu: ",
        "addresses: []",
        "addresses: [10.0.0.5/24: {label: x}]",
        "addresses: [10.0.0.5/024, 'fe80::5/64']",
        "gateway4: 10.0.0.1",
        "gateway6: 'fe80::1'",
        "routes: [{to: default, via: 10.0.0.1/24}]",
        "routes: [{to: 0.0.0.0/0, via: 10.0.0.1, metric: 100, on-link: yes}]",
        "routes: [{to: 10.0.0.0, via: 10.0.0.1}]",
        "nameservers: {search: [lan], addresses: [8.8.8.8, '2001:db8::1']}",
        "match: {name: e*}, set-name: eth0, dhcp4: true",
        "match: {driver: [a, b]}",
        "match: {macaddress: 52:54:00:12:34:56}, macaddress: 52:54:00:12:34:57",
        "renderer: NetworkManager",
        "dhcp-identifier: mac, optional-addresses: [ipv4-ll], link-local: []",
        "activation-mode: manual, optional: true, critical: true",
        "dhcp4: true, dhcp4-overrides: {use-dns: no, route-metric: 200, use-domains: route}",
        "",
    ] {
        assert_eq!(ethernet(body), None, "{body}");
    }
    for text in [
        "network:\n",
        "network:\n  ethernets:\n    eth0:\n",
        "network:\n  ethernets:\n",
        "network: {version: 1}\n",
        "network: {config: disabled}\n",
        "network: {version: 2}\nfoo: 1\n",
        "network: {version: 2, ethernets: {'e*': {dhcp4: true}}}\n",
    ] {
        assert!(unknown(text).is_some(), "{text}");
    }
    for text in [
        "",
        "network: {version: 2}\n",
        "network: {version: '2', renderer: networkd}\n",
        "network: {version: 2.0, ethernets: {renderer: networkd, eth0: {dhcp4: true}}}\n",
    ] {
        assert_eq!(unknown(text), None, "{text}");
    }
    // The line of the key, though its value begins on the next.
    let text = "network:\n  ethernets:\n    eth0:\n      dhcp4: true\n      dhcp:\n        a: b\n";
    assert_eq!(unknown(text).unwrap().location, format!("{path}:5"));
    // Where netplan does not run, nobody reads the file.
    assert_eq!(read(systemd(&[]).file(path, text)).unevaluated, None);
}

#[test]
fn a_network_file_of_a_stronger_directory_takes_the_place_of_another() {
    let fs = || systemd(&["systemd-networkd"]);
    let dhcp = "[Match]\nName=en*\n\n[Network]\nDHCP=yes\n";
    let vendor = "/usr/lib/systemd/network/20-wired.network";
    let own = "/etc/systemd/network/20-wired.network";
    let config = one(fs().file(vendor, dhcp));
    assert_eq!(
        (config.ipv4, config.ipv4_at.location.as_str()),
        (Addressing::Dhcp, "/usr/lib/systemd/network/20-wired.network:5")
    );
    assert_eq!(config.reach(&NicName::ByPlace), Reach::Yes);
    assert_eq!(config.reach(&eth0()), Reach::No);
    let masked = fs().file(vendor, dhcp).symlink(own, "/dev/null");
    assert_eq!(read(masked.special("/dev/null", FileType::CharDevice)).interfaces, []);
    let drop_in = "/etc/systemd/network/20-wired.network.d/10-static.conf";
    let over =
        one(fs().file(vendor, dhcp).file(drop_in, "[Network]\nDHCP=no\nAddress=10.0.0.5/24\n"));
    assert_eq!(over.ipv4, Addressing::Static);
    assert_eq!(over.ipv4_at.location, format!("{drop_in}:3"));
    // As systemd ships it.
    let container =
        "[Match]\nKind=veth\nName=ve-*\n\n[Network]\nAddress=0.0.0.0/28\nDHCPServer=yes\n";
    let config = one(fs().file("/usr/lib/systemd/network/80-container-ve.network", container));
    assert_eq!(config.kind, InterfaceKind::Other);
}

/// systemd.network(5): "the first (in alphanumeric order) of the network files that matches a given
/// interface is applied, all later files are ignored, even if they match as well".
#[test]
fn the_first_network_file_that_matches_is_the_only_one() {
    let dhcp = "[Match]\nName=en* eth*\n[Network]\nDHCP=yes\n";
    let configs = |first: &str, mode| {
        let fs = systemd(&["systemd-networkd"])
            .file("/etc/systemd/network/80-dhcp.network", dhcp)
            .file("/etc/systemd/network/10-x.network", first)
            .mode(mode);
        let idle = |config: InterfaceConfig| config.idle.known().unwrap().clone();
        read(fs).interfaces.into_iter().map(idle).collect::<Vec<_>>()
    };
    let unmanaged = "[Match]\nName=eth0\n[Link]\nUnmanaged=yes\n";
    let found = configs(unmanaged, 0o644);
    assert_eq!(found[0].as_ref().unwrap().detail, "Unmanaged=yes");
    assert_eq!(found[1].as_ref().unwrap().location, "/etc/systemd/network/10-x.network");
    let off = "[Match]\nName=eth0\n[Network]\nDHCP=no\n";
    let found = configs(off, 0o644);
    assert_eq!((&found[0], found[1].is_some()), (&None, true));
    let other = "[Match]\nName=eth1\n[Network]\nDHCP=no\n";
    assert_eq!(configs(other, 0o644), [None, None]);
    // A file that it cannot read takes nothing from those behind it.
    let found = configs(unmanaged, 0o600);
    assert_eq!(found[0].as_ref().unwrap().location, "/etc/systemd/network/10-x.network");
    assert_eq!(found[1], None);
}

/// netplan writes its files 0640 for the group of `systemd-network`.
#[test]
fn networkd_reads_only_what_its_user_may() {
    let dhcp = "[Match]\nName=eth*\n[Network]\nDHCP=yes\n";
    let path = "/etc/systemd/network/80-dhcp.network";
    let fs = || systemd(&["systemd-networkd"]).file(path, dhcp);
    assert_eq!(one(fs()).idle, Fact::Known(None));
    assert_eq!(one(fs().mode(0o640).owner(0, 102)).idle, Fact::Known(None));
    for mode in [0o600, 0o640] {
        let idle = one(fs().mode(mode)).idle;
        assert_eq!(idle.known().unwrap().as_ref().unwrap().location, path);
    }
}

#[test]
fn a_condition_on_the_kernels_command_line_is_decided_where_that_is_known() {
    let text = |condition: &str| {
        format!("[Match]\nName=eth*\nKernelCommandLine={condition}\n[Network]\nDHCP=yes\n")
    };
    let reach = |condition: &str, line: &Fact<Option<(String, String)>>| {
        let fs =
            systemd(&["systemd-networkd"]).file("/etc/systemd/network/a.network", text(condition));
        read_with(&fs.tree(), line).interfaces[0].reach(&eth0())
    };
    let line = Fact::Known(Some(("ro net=dhcp quiet".to_owned(), "grub.cfg:9".to_owned())));
    for (condition, reached) in [
        ("!nodhcp", Reach::Yes),
        ("quiet", Reach::Yes),
        ("net", Reach::Yes),
        ("net=dhcp", Reach::Yes),
        ("net=static", Reach::No),
        ("!quiet", Reach::No),
        ("nodhcp", Reach::No),
    ] {
        assert_eq!(reach(condition, &line), reached, "{condition}");
    }
    assert_eq!(reach("!nodhcp", &Fact::Known(None)), Reach::Maybe);
}

#[test]
fn a_negated_name_takes_all_others() {
    let text = "[Match]\nName=!docker0 lo\n[Network]\nDHCP=ipv4\n";
    let config = one(systemd(&[]).file("/etc/systemd/network/a.network", text));
    assert_eq!(config.reach(&eth0()), Reach::Yes);
    assert_eq!(config.reach(&NicName::Exactly("lo".to_owned())), Reach::No);
}

#[test]
fn ifupdown_starts_what_auto_names() {
    let interfaces = "/etc/network/interfaces";
    let fs = || systemd(&["networking"]);
    let text = "source /etc/network/interfaces.d/*\n\nauto lo\niface lo inet loopback\n\
        allow-hotplug eth0\niface eth0 inet static\n  address 10.0.0.5/24\niface eth0 inet6 auto\n";
    let configuration = read(fs().file(interfaces, text));
    let [lo, eth] = &configuration.interfaces[..] else {
        panic!("{:#?}", configuration.interfaces)
    };
    assert_eq!(lo.kind, InterfaceKind::Other);
    assert_eq!((eth.ipv4, eth.ipv6), (Addressing::Static, Addressing::RouterAdvertisement));
    let line = "iface eth0 inet static";
    assert_eq!(eth.ipv4_at, Evidence::new(format!("{interfaces}:6"), line).marked(6, line, 6..22));
    assert_eq!((eth.reach(&eth0()), eth.idle.clone()), (Reach::Yes, Fact::Known(None)));
    let config = one(fs().file(interfaces, "iface eth0 inet dhcp\n"));
    assert_eq!(
        config.idle.known().unwrap().as_ref().unwrap().detail,
        "no auto and no allow-hotplug names eth0"
    );
    // interfaces(5): "auto /eth*", and a logical name behind "=".
    let config = one(fs().file(interfaces, "auto /en*=lan\niface lan inet dhcp\n"));
    assert_eq!(
        (config.reach(&NicName::ByPlace), config.idle.clone()),
        (Reach::Yes, Fact::Known(None))
    );
    let bridge = "auto br0\niface br0 inet static\n  address 10.0.0.5/24\n  bridge_ports eth0\n";
    let config = one(fs().file(interfaces, bridge));
    assert_eq!((config.kind, config.ports), (InterfaceKind::Master, vec!["eth0".to_owned()]));
}

/// As `ifup -n` of ifupdown 0.8.41 has it.
#[test]
fn an_ifupdown_stanza_inherits_family_method_and_options() {
    let interfaces = "/etc/network/interfaces";
    let fs = |text: &str| systemd(&["networking"]).file(interfaces, text);
    let eth0 = |text: &str| {
        let configuration = read(fs(text));
        assert_eq!(configuration.unevaluated, None, "{text}");
        configuration.interfaces.into_iter().find(|config| config.name == "eth0").unwrap()
    };
    for text in [
        "iface lan inet dhcp\nauto eth0\niface eth0 inherits lan\n",
        "iface lan inet dhcp\nauto eth0\niface eth0 inet inherits lan\n",
        "iface lan inet static\n address 10.0.0.5/24\nauto eth0\niface eth0 inet dhcp inherits lan\n",
        "iface base inet dhcp\niface lan inherits base\nauto eth0\niface eth0 inherits lan\n",
    ] {
        let config = eth0(text);
        assert_eq!((config.ipv4, config.idle), (Addressing::Dhcp, Fact::Known(None)), "{text}");
    }
    let config = eth0("iface lan inet dhcp\nauto eth0\niface eth0 inet manual inherits lan\n");
    assert_eq!(config.ipv4, Addressing::None);
    let text = "iface lan inet static\n address 10.0.0.5/24\n hwaddress 00:0c:29:1a:2b:3c\nauto eth0\niface eth0 inherits lan\n";
    let config = eth0(text);
    assert_eq!((config.ipv4, config.macs.len()), (Addressing::Static, 1));
    assert_eq!(config.ipv4_at.location, format!("{interfaces}:1"));
    assert_eq!(config.location, format!("{interfaces}:5"));
    for text in [
        "auto eth0\niface eth0 inherits lan\niface lan inet dhcp\n",
        "auto eth0\niface eth0 inet inherits eth0\n",
    ] {
        assert!(read(fs(text)).unevaluated.is_some(), "{text}");
    }
}

/// As `ifup -a --read-environment` has it; udev's way through `allow-hotplug` does not read the file.
#[test]
fn networking_leaves_out_what_its_defaults_say() {
    let config = |interfaces: &str, defaults: &str| {
        one(systemd(&["networking"])
            .file("/etc/network/interfaces", interfaces)
            .file("/etc/default/networking", defaults))
    };
    let auto = "auto eth0\niface eth0 inet dhcp\n";
    for (interfaces, defaults, starts) in [
        (auto, "#EXCLUDE_INTERFACES=eth0\n", true),
        (auto, "EXCLUDE_INTERFACES=eth1\n", true),
        (auto, "EXCLUDE_INTERFACES=\"lo eth0\"\n", false),
        (auto, "EXCLUDE_INTERFACES=e*\n", false),
        (auto, "CONFIGURE_INTERFACES=no\n", false),
        (auto, "CONFIGURE_INTERFACES=yes\n", true),
        ("allow-hotplug eth0\niface eth0 inet dhcp\n", "CONFIGURE_INTERFACES=no\n", true),
    ] {
        let idle = config(interfaces, defaults).idle;
        assert_eq!(idle == Fact::Known(None), starts, "{interfaces} {defaults}");
    }
    let idle = config(auto, "CONFIGURE_INTERFACES=no\n").idle;
    let why = idle.known().unwrap().as_ref().unwrap();
    assert_eq!(why.location, "/etc/default/networking:1");
}

#[test]
fn ifupdown_follows_what_it_includes_and_nothing_else() {
    let part = "/etc/network/interfaces.d/eth0.cfg";
    let dhcp = "auto eth0\niface eth0 inet dhcp\n";
    let fs = |text: &str| {
        systemd(&["networking"]).file(part, dhcp).file("/etc/network/interfaces", text)
    };
    for (text, included) in [
        ("source /etc/network/interfaces.d/*\n", true),
        ("source interfaces.d/*.cfg\n", true),
        ("source /etc/network/interfaces.d/*.conf\n", false),
        // Names with a dot are passed over there.
        ("source-directory /etc/network/interfaces.d\n", false),
        ("# source /etc/network/interfaces.d/*\n", false),
        ("source /etc/network/interfaces\nsource interfaces.d/*\n", true),
    ] {
        let config = one(fs(text));
        assert_eq!(config.idle == Fact::Known(None), included, "{text}");
    }
    let configuration = read(fs("source $HOME/x\n"));
    assert_eq!(configuration.unevaluated.unwrap().location, "/etc/network/interfaces:1");
}

#[test]
fn networking_is_started_from_runlevel_s() {
    let config = |fs: MemoryFs| {
        let text = "auto eth0\niface eth0 inet dhcp\n";
        one(fs.file("/etc/init.d/networking", "#!/bin/sh\n").file("/etc/network/interfaces", text))
    };
    assert!(config(MemoryFs::new()).idle.known().unwrap().is_some());
    let link = "/etc/rcS.d/S10networking";
    let idle = config(MemoryFs::new().symlink(link, "../init.d/networking")).idle;
    assert_eq!(idle, Fact::Known(None));
    let idle = config(systemd(&[]).dir("/etc/rcS.d").unreadable("/etc/rcS.d")).idle;
    assert_eq!(idle.unread().unwrap().location, "/etc/rcS.d");
}

#[test]
fn the_name_of_the_card_follows_rules_links_and_command_line() {
    assert_eq!(name(MemoryFs::new(), ""), eth0());
    let fs = || by_place(MemoryFs::new());
    assert_eq!(name(fs(), "ro quiet"), NicName::ByPlace);
    assert_eq!(name(fs(), "net.ifnames=0 biosdevname=0"), eth0());
    let masked = "/etc/udev/rules.d/80-net-setup-link.rules";
    assert_eq!(name(fs().symlink(masked, "/dev/null"), ""), eth0());
    assert_eq!(name(fs().file(masked, ""), ""), eth0());
    let unread = fs().file(masked, "x").unreadable(masked);
    let network = read_with(&unread.tree(), &Fact::Known(None));
    assert_eq!(network.nic_name.unread().unwrap().location, masked);
    let default = "/etc/systemd/network/99-default.link";
    assert_eq!(name(fs().symlink(default, "/dev/null"), ""), eth0());
    let own = "/etc/systemd/network/10-lan.link";
    let text = "[Match]\nDriver=virtio_net\n[Link]\nName=lan0\n";
    assert_eq!(name(fs().file(own, text), ""), NicName::Exactly("lan0".to_owned()));
    let bound = "[Match]\nMACAddress=00:0c:29:1a:2b:3c\n[Link]\nName=lan0\n";
    assert_eq!(name(fs().file(own, bound), ""), NicName::ByPlace);
    // A rule of the machine's own comes first; one for another card does not count.
    let rule = |text: &str| {
        let path = "/etc/udev/rules.d/70-names.rules";
        let fs = by_place(MemoryFs::new()).file(path, text);
        read_with(&fs.tree(), &Fact::Known(None)).nic_name.known().map(|(name, _)| name.clone())
    };
    let lan0 = || Some(NicName::Exactly("lan0".to_owned()));
    for (text, expected) in [
        ("SUBSYSTEM==\"net\", DRIVERS==\"virtio_net\", NAME=\"lan0\"\n", lan0()),
        (
            "SUBSYSTEM==\"net\", ACTION==\"add\", DRIVERS==\"?*\", ATTR{address}==\"?*\", ATTR{type}==\"1\", KERNEL==\"eth*\", NAME=\"lan0\"\n",
            lan0(),
        ),
        (
            "SUBSYSTEM==\"net\", ATTR{address}==\"00:0c:29:1a:2b:3c\", NAME=\"lan0\"\n",
            Some(NicName::ByPlace),
        ),
        ("SUBSYSTEM==\"net\", DRIVERS==\"vmxnet3\", NAME=\"lan0\"\n", Some(NicName::ByPlace)),
        ("SUBSYSTEM==\"net\", KERNELS==\"0000:02:01.0\", NAME=\"lan0\"\n", Some(NicName::ByPlace)),
        ("SUBSYSTEM==\"net\", ATTR{address}==\"fa:16:3e:*\", NAME=\"lan0\"\n", None),
        ("SUBSYSTEM==\"net\", PROGRAM==\"/bin/name\", NAME=\"$result\"\n", None),
        ("KERNEL==\"vd*\", NAME=\"disk%n\"\n", Some(NicName::ByPlace)),
    ] {
        assert_eq!(rule(text), expected, "{text}");
    }
    // Debian 8: new names only when asked for.
    let debian_8 = "ENV{net.ifnames}!=\"1\", GOTO=\"net_setup_link_end\"\n";
    let fs = fs().file("/usr/lib/udev/rules.d/80-net-setup-link.rules", debian_8);
    assert_eq!(name(fs, ""), eth0());
    // RHEL 7: other rules, and the link that its cloud images put in their place.
    let slot = "/usr/lib/udev/rules.d/80-net-name-slot.rules";
    let rhel_7 = || MemoryFs::new().file(slot, "NAME==\"\", ENV{ID_NET_NAME_SLOT}!=\"\"\n");
    assert_eq!(name(rhel_7(), ""), NicName::ByPlace);
    let over = "/etc/udev/rules.d/80-net-name-slot.rules";
    assert_eq!(name(rhel_7().symlink(over, "/dev/null"), ""), eth0());
}

#[test]
fn a_name_that_the_kernel_refuses_leaves_that_of_the_card_unknown() {
    let rule = |name: &str| {
        let text = format!("SUBSYSTEM==\"net\", ACTION==\"add\", NAME=\"{name}\"\n");
        read(by_place(MemoryFs::new()).file("/etc/udev/rules.d/70-names.rules", text)).nic_name
    };
    let link = |name: &str| {
        let text = format!("[Match]\nDriver=virtio_net\n[Link]\nName={name}\n");
        read(by_place(MemoryFs::new()).file("/etc/systemd/network/10-lan.link", text)).nic_name
    };
    let longest = "a".repeat(15);
    for named in [rule, link] {
        let (name, _) = named(&longest).known().unwrap().clone();
        assert_eq!(name, NicName::Exactly(longest.clone()));
        let reason = named(&"a".repeat(16)).unread().unwrap().reason.clone();
        assert!(reason.contains("a name of 16 bytes, the kernel takes 15"), "{reason}");
    }
}

#[test]
fn a_pattern_longer_than_any_name_is_told_and_not_kept() {
    let text = |length| format!("[Match]\nName={}\n[Network]\nDHCP=yes\n", "*".repeat(length));
    let found = |length| {
        let fs = systemd(&["systemd-networkd"]);
        read(fs.file("/etc/systemd/network/1.network", text(length)))
    };
    assert_eq!(found(128).unread, None);
    let found = found(129);
    assert!(found.unread.unwrap().reason.contains("more than 128 bytes of a name"));
    assert_eq!(found.interfaces[0].matches.names, Vec::<String>::new());
}

#[test]
fn persistent_rules_are_told_from_what_does_no_harm() {
    let found = |path: &str, text: &str| {
        let fs = MemoryFs::new().file(&format!("/etc/udev/rules.d/{path}"), text);
        udev_rules::persistent(&fs.tree()).known().unwrap().clone()
    };
    let rule = "# PCI device 0x15ad:0x07b0 (vmxnet3)\nSUBSYSTEM==\"net\", ACTION==\"add\", \
        ATTR{address}==\"00:0c:29:1a:2b:3c\", ATTR{type}==\"1\", KERNEL==\"eth*\", NAME=\"eth0\"\n";
    let rules = found("70-persistent-net.rules", rule);
    assert_eq!(rules[0].macs[0].location, "/etc/udev/rules.d/70-persistent-net.rules:2");
    assert_eq!(rules[0].harmless, None);
    assert!(found("75-persistent-net-generator.rules", "")[0].harmless.is_some());
    assert!(found("70-persistent-net.rules", "# only this\n")[0].harmless.is_some());
    assert!(found("70-persistent-net.rules.bak", rule)[0].harmless.is_some());
    assert_eq!(found("60-persistent-storage.rules", rule), []);
    let bus = "SUBSYSTEM==\"net\", KERNELS==\"0000:02:01.0\", NAME=\"eth0\"\n";
    assert_eq!(found("70-persistent-net.rules", bus)[0].others.len(), 1);
    let fs = MemoryFs::new().file("/etc/udev/rules.d/a", "").unreadable("/etc/udev/rules.d");
    assert!(udev_rules::persistent(&fs.tree()).unread().is_some());
}

#[test]
fn what_cannot_be_read_leaves_the_network_unknown() {
    for path in [
        "/etc/network/interfaces",
        "/etc/netplan/a.yaml",
        "/etc/systemd/network/a.network",
        "/etc/sysconfig/network-scripts/ifcfg-eth0",
        "/etc/sysconfig/network/ifcfg-eth0",
        "/etc/NetworkManager/system-connections/a",
        "/etc/NetworkManager/NetworkManager.conf",
    ] {
        let configuration = read(MemoryFs::new().file(path, "x").unreadable(path));
        assert_eq!(configuration.unread.unwrap().location, path);
    }
}

#[test]
fn files_that_include_each_other_come_to_an_end() {
    let fs = systemd(&["networking"])
        .file("/etc/network/interfaces", "source /etc/network/a\nsource /etc/network/*\n")
        .file(
            "/etc/network/a",
            "source /etc/network/interfaces\nauto eth0\niface eth0 inet dhcp\n",
        );
    assert_eq!(one(fs).ipv4, Addressing::Dhcp);
}

proptest::proptest! {
    #[test]
    fn any_words_in_any_file_are_read_without_panic(
        words in proptest::collection::vec(
            "[:,={}\"'!*?$\\\\ \t\n#\\[\\]-]|auto|iface|eth0|inet|static|source|/etc/network/|dhcp|\
             BOOTPROTO=|IPADDR|\\[Match\\]|\\[Network\\]|Name=|Address=|DHCP=yes|network:|\
             ethernets:|match:|addresses|dhcp4: |unmanaged-devices=|\\[keyfile\\]|method=|é",
            0..60,
        )
    ) {
        let text = words.concat();
        let mut fs = by_place(systemd(&["networking", "NetworkManager", "systemd-networkd"]));
        for path in [
            "/etc/systemd/network/a.link",
            "/etc/systemd/network/a.network",
            "/etc/sysconfig/network/ifcfg-a",
            "/etc/sysconfig/network-scripts/ifcfg-a",
            "/etc/NetworkManager/system-connections/a",
            "/etc/NetworkManager/NetworkManager.conf",
            "/etc/netplan/a.yaml",
            "/etc/network/interfaces",
            "/etc/udev/rules.d/70-persistent-net.rules",
        ] {
            fs = fs.file(path, &text);
        }
        let tree = fs.tree();
        let configuration = read_with(&tree, &Fact::Known(None));
        let _ = configuration.automatic(&tree);
        let _ = udev_rules::persistent(&tree);
    }
}

/// As `init__set_default_interfaces` of Tiny Cloud's lib/tiny-cloud/init writes it, for ifupdown-ng.
#[test]
fn ifupdown_ng_uses_dhcp() {
    let text = "auto lo\niface lo inet loopback\n\nauto eth0\niface eth0\n\tuse dhcp\n\n";
    let fs = systemd(&["networking"]).file("/etc/network/interfaces", text);
    let configuration = read(fs);
    assert_eq!(configuration.unevaluated, None);
    let card = configuration.interfaces.iter().find(|config| config.name == "eth0").unwrap();
    assert_eq!((card.ipv4, card.idle.clone()), (Addressing::Dhcp, Fact::Known(None)));
    assert_eq!(card.ipv4_at.location, "/etc/network/interfaces:6");
}

#[test]
fn tiny_cloud_writes_the_interfaces_of_a_first_boot() {
    let alpine = |services: &[&str]| {
        let fs = MemoryFs::new().file("/sbin/openrc", "ELF");
        services.iter().fold(fs, |fs, service| {
            let script = format!("/etc/init.d/{service}");
            fs.file(&script, "#!/sbin/openrc-run\n")
                .symlink(&format!("/etc/runlevels/boot/{service}"), &script)
        })
    };
    let both = || alpine(&["networking", "tiny-cloud-boot"]);
    assert!(automatic(both()));
    assert!(!automatic(alpine(&["networking"])));
    assert!(!automatic(alpine(&["tiny-cloud-boot"])));
    assert!(!automatic(both().file("/var/lib/cloud/.bootstrap-complete", "")));
    assert!(!automatic(both().file("/etc/network/interfaces", "auto lo\n")));
}

#[test]
fn more_of_interfaces_than_the_bounds_is_told() {
    let unread = |interfaces: &str, defaults: &str| {
        let fs = systemd(&["networking"]).file("/etc/network/interfaces", interfaces);
        read(fs.file("/etc/default/networking", defaults)).unread.map(|unread| unread.reason)
    };
    let told = |interfaces: &str, defaults: &str, what: &str| {
        let reason = unread(interfaces, defaults).unwrap_or_default();
        assert!(reason.contains(what), "{what}: {reason}");
    };
    let stanza = "iface eth0 inet dhcp\n";
    let usual = format!("auto {}\n{stanza}", "lo ".repeat(1024));
    assert_eq!(unread(&usual, "EXCLUDE_INTERFACES=\"a b\"\n"), None);
    told(&format!("{}{stanza}", "auto lo\n".repeat(1025)), "", "1024 words after auto");
    told(&format!("auto {}\n{stanza}", "* ".repeat(500_000)), "", "1024 words after auto");
    told(&stanza.repeat(1025), "", "1024 stanzas");
    told(&format!("auto {}\n", "e".repeat(65)), "", "64 bytes of a name");
    for stanza in
        ["iface N inet dhcp\n", "iface a inet N\n", "iface a N dhcp\n", "iface a inherits N\n"]
    {
        told(&stanza.replace('N', &"e".repeat(65)), "", "64 bytes of a name");
    }
    for source in ["source", "source-directory"] {
        told(&format!("{source} {}etc/x\n", "/".repeat(300)), "", "255 bytes of a path");
    }
    let excluded = format!("EXCLUDE_INTERFACES=\"{}*\"\n", "b ".repeat(1024));
    told(stanza, &excluded, "1024 words");
    let product = format!("auto {}\n{}", "e* ".repeat(1000), stanza.repeat(1000));
    told(&product, "", "65536 comparisons");
}

#[test]
fn more_of_a_network_file_than_the_bounds_is_told() {
    for (text, what) in [
        (format!("[Match]\nName={}\n", "a ".repeat(1025)), "1024 words"),
        (format!("[Match]\n{}", "MACAddress=0:1:2:3:4:5\n".repeat(1025)), "1024 words"),
        ("a=\n".repeat(65_537), "65536 lines"),
    ] {
        for path in ["/etc/systemd/network/1.network", "/etc/systemd/network/1.link"] {
            let unread = read(systemd(&["systemd-networkd"]).file(path, &text)).unread;
            let unread = unread.unwrap();
            assert!(unread.reason.contains(what), "{path}: {unread:?}");
            assert_eq!(unread.location, path);
        }
    }
}

#[test]
fn more_names_and_addresses_than_are_kept_are_told() {
    let ports = "a ".repeat(20_000);
    let address = "0:1:2:3:4:5";
    for (path, text) in [
        ("/etc/network/interfaces", format!("iface br0 inet dhcp\nbridge_ports {ports}\n")),
        ("/etc/network/interfaces", format!("hwaddress {address}\n").repeat(20_000)),
        ("/etc/sysconfig/network/ifcfg-br0", format!("BRIDGE=yes\nBRIDGE_PORTS='{ports}'\n")),
        ("/etc/sysconfig/network/ifcfg-x", format!("LLADDR={address}\n").repeat(20_000)),
        (
            "/etc/NetworkManager/system-connections/a",
            format!("[connection]\ntype=ethernet\n[match]\ninterface-name={ports}\n"),
        ),
        ("/etc/netplan/a.yaml", {
            let ports = "a, ".repeat(20_000);
            format!("network: {{bridges: {{br0: {{interfaces: [{ports}a]}}}}}}\n")
        }),
    ] {
        let found = read(systemd(&[]).file(path, text));
        let unread = found.unread.unwrap_or_else(|| panic!("{path} is read"));
        assert!(unread.reason.contains("more than 16384 names and addresses"), "{unread:?}");
        let kept: usize = found.interfaces.iter().map(|it| it.macs.len() + it.ports.len()).sum();
        assert!(kept <= 16_384, "{path}: {kept}");
    }
}

#[test]
fn what_is_kept_of_a_network_file_counts_once() {
    let ports = |between: &str| vec!["a"; 9000].join(between);
    for (path, text) in [
        ("/etc/network/interfaces", format!("iface br0 inet dhcp\nbridge_ports {}\n", ports(" "))),
        (
            "/etc/sysconfig/network/ifcfg-br0",
            format!("BRIDGE=yes\nBRIDGE_PORTS='{}'\n", ports(" ")),
        ),
        (
            "/etc/netplan/a.yaml",
            format!("network: {{bridges: {{br0: {{interfaces: [{}]}}}}}}\n", ports(", ")),
        ),
    ] {
        let found = read(systemd(&[]).file(path, text));
        assert_eq!(found.unread, None, "{path}");
        assert_eq!(found.interfaces.iter().map(|it| it.ports.len()).sum::<usize>(), 9000, "{path}");
    }
}

#[test]
fn what_is_looked_up_for_each_line_is_looked_up_once() {
    // Each took the square of its lines: minutes, where this takes a second.
    let start = std::time::Instant::now();
    let lines = |one: &str, count: usize, other: &str, more: usize| {
        format!("{}{}", one.repeat(count), other.repeat(more))
    };
    let scripts = || systemd(&["network"]).file("/etc/sysconfig/network", "NETWORKING=yes\n");
    let ifcfg = lines("TEAM=a\n", 70_000, "#\r\n", 170_000);
    read(scripts().file("/etc/sysconfig/network-scripts/ifcfg-a", ifcfg));
    let conf = lines("[device]\nmanaged=1\n", 1, "managed=1\n", 100_000);
    let more = format!("[main]\n{}", "no-auto-default+=a\n".repeat(50_000));
    let fs = systemd(&["NetworkManager"]).file("/etc/NetworkManager/conf.d/a.conf", conf);
    read(fs.file("/etc/NetworkManager/conf.d/b.conf", more));
    let stanzas = lines("#\n", 400_000, "iface a inet dhcp\n", 1000);
    read(systemd(&["networking"]).file("/etc/network/interfaces", stanzas));
    assert!(start.elapsed().as_secs() < 60);
}

#[test]
fn a_pattern_that_is_named_again_and_again_includes_no_more_than_the_bound() {
    let interfaces = format!("source {}\n", "/etc/network/d/* ".repeat(1000));
    let fs = (0..300).fold(systemd(&["networking"]), |fs, index| {
        fs.file(&format!("/etc/network/d/{index}"), "#\n")
    });
    let found = read(fs.file("/etc/network/interfaces", interfaces));
    assert!(found.unevaluated.unwrap().reason.contains("more than 256 included files"));
}
