//! Configuration as the installers and packages named in each test write it.

use super::*;
use crate::filesystem::FileType;
use crate::filesystem::memory::MemoryFs;
use crate::guest::facts::{Addressing, InterfaceKind};

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
    let default = "/etc/systemd/network/99-default.link";
    assert_eq!(name(fs().symlink(default, "/dev/null"), ""), eth0());
    let own = "/etc/systemd/network/10-lan.link";
    let text = "[Match]\nDriver=virtio_net\n[Link]\nName=lan0\n";
    assert_eq!(name(fs().file(own, text), ""), NicName::Exactly("lan0".to_owned()));
    let bound = "[Match]\nMACAddress=00:0c:29:1a:2b:3c\n[Link]\nName=lan0\n";
    assert_eq!(name(fs().file(own, bound), ""), NicName::ByPlace);
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
