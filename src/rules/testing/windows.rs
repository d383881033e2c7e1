//! The good Windows machine: Server 2012 R2 under BIOS, with the platform's drivers and tools.

use std::collections::BTreeMap;

use super::*;

const SERVICES: &str = r"HKLM\SYSTEM\ControlSet001\Services";
const CONF: &str = r"\Program Files\Cloudbase Solutions\Cloudbase-Init\conf\cloudbase-init.conf";

/// A driver that the boot loader loads.
pub(in crate::rules) fn driver(name: &str, kind: SoftwareKind) -> ServiceFacts {
    ServiceFacts {
        name: name.to_owned(),
        kind,
        start: Some(StartType::Boot),
        start_override: None,
        service_type: Some(1),
        group: Some("SCSI miniport".to_owned()),
        image_path: Some(format!(r"system32\drivers\{name}.sys")),
        account: None,
        file: Fact::Known(Some(format!(r"\Windows\System32\drivers\{name}.sys"))),
        image: Fact::Known(Some(DriverImage::Whole(Architecture::X86_64))),
        file_version: None,
        signature: None,
        evidence: Evidence::new(format!(r"{SERVICES}\{name}"), "Start=0"),
    }
}

/// A service that runs at each start.
pub(in crate::rules) fn service(name: &str, kind: SoftwareKind) -> ServiceFacts {
    ServiceFacts {
        start: Some(StartType::Automatic),
        service_type: Some(16),
        group: None,
        image_path: Some(format!(r"C:\Program Files\{name}\{name}.exe")),
        file: Fact::Known(Some(format!(r"\Program Files\{name}\{name}.exe"))),
        image: Fact::Known(None),
        evidence: Evidence::new(format!(r"{SERVICES}\{name}"), "Start=2"),
        ..driver(name, kind)
    }
}

fn services() -> Vec<ServiceFacts> {
    use SoftwareKind::*;
    let manual = ServiceFacts { start: Some(StartType::Manual), ..driver("netkvm", VirtioNet) };
    vec![
        driver("atapi", Ide),
        driver("intelide", Ide),
        driver("pciide", Ide),
        driver("viostor", VirtioStorage),
        manual,
        service("TermService", Windows),
    ]
}

/// The upper filters of a class: the partition manager, which is there, and another.
pub(in crate::rules) fn filters(class: &str, other: &str) -> ClassFilters {
    let filter = |name: &str, service| ClassFilter { name: name.to_owned(), service };
    let there = || Some(driver("partmgr", SoftwareKind::Filter));
    let of_other = (other == "partmgr").then(there).flatten();
    ClassFilters {
        class: class.to_owned(),
        value: "UpperFilters".to_owned(),
        filters: vec![filter("partmgr", there()), filter(other, of_other)],
        evidence: Evidence::new(
            r"HKLM\SYSTEM\ControlSet001\Control\Class\{4D36E967-E325-11CE-BFC1-08002BE10318}",
            format!("UpperFilters=partmgr,{other}"),
        ),
    }
}

fn binding(device: &str, driver: &str, service: &str) -> DeviceBinding {
    let key = format!(r"HKLM\SYSTEM\DriverDatabase\DeviceIds\{device}");
    DeviceBinding {
        device: device.to_owned(),
        driver: driver.to_owned(),
        source: BindingSource::DriverDatabase,
        services: Some(vec![service.to_owned()]),
        evidence: Evidence::new(key, driver),
    }
}

pub(in crate::rules) fn bindings() -> Vec<DeviceBinding> {
    vec![
        binding(r"PCI\VEN_8086&DEV_7010", "mshdc.inf", "intelide"),
        binding(r"PCI\VEN_1AF4&DEV_1001", "oem2.inf", "viostor"),
        binding(r"PCI\VEN_1AF4&DEV_1000", "oem3.inf", "netkvm"),
    ]
}

/// An account with a password, a member of the Administrators.
pub(in crate::rules) fn account(name: &str, rid: u32) -> WindowsAccount {
    let key = format!(r"HKLM\SAM\SAM\Domains\Account\Users\{rid:08X}");
    WindowsAccount {
        name: name.to_owned(),
        rid,
        disabled: false,
        locked: false,
        password_not_required: false,
        password: Fact::Known(WindowsPassword::Set),
        password_matches: None,
        must_change: false,
        password_expires: Fact::Known(None),
        expires: None,
        administrator: Fact::Known(true),
        evidence: Evidence::new(key, format!("{name}: ACB 0x0210")),
    }
}

pub(in crate::rules) fn account_mut<'a>(
    facts: &'a mut Facts,
    name: &str,
) -> &'a mut WindowsAccount {
    let Fact::Known(accounts) = &mut windows_mut(facts).accounts else { panic!("no accounts") };
    accounts.accounts.iter_mut().find(|account| account.name == name).expect("no such account")
}

pub(in crate::rules) fn interface() -> WindowsInterface {
    let guid = "{5B7E1A0C-0000-4000-8000-000000000001}";
    WindowsInterface {
        guid: guid.to_owned(),
        name: Some("Ethernet".to_owned()),
        device: Some(r"PCI\VEN_1AF4&DEV_1000&SUBSYS_00011AF4&REV_00\3&13C0B0C5&0&18".to_owned()),
        leftover: false,
        dhcp: Some(true),
        addresses: Vec::new(),
        name_servers: Vec::new(),
        evidence: Evidence::new(
            format!(r"{SERVICES}\Tcpip\Parameters\Interfaces\{guid}"),
            "EnableDHCP=1",
        ),
    }
}

pub(in crate::rules) fn identity() -> WindowsIdentity {
    WindowsIdentity {
        name: "Windows Server 2012 R2 Datacenter".to_owned(),
        edition: Some("ServerDatacenter".to_owned()),
        installation: Some("Server".to_owned()),
        version: (6, 3),
        build: 9600,
        revision: None,
        service_pack: None,
        product: Fact::Known(ProductType::Server),
        evidence: Evidence::new(
            r"HKLM\SOFTWARE\Microsoft\Windows NT\CurrentVersion",
            "ProductName=Windows Server 2012 R2 Datacenter",
        ),
    }
}

fn cloudbase_init() -> CloudbaseInit {
    let option = |line: u32, value: &str| ConfValue { value: value.to_owned(), line };
    let options = BTreeMap::from([
        ("default.username".to_owned(), option(2, "Administrator")),
        ("default.netbios_host_name_compatibility".to_owned(), option(3, "false")),
        (
            "default.metadata_services".to_owned(),
            option(4, "cloudbaseinit.metadata.services.httpservice.HttpService"),
        ),
    ]);
    let account = Some(r".\cloudbase-init".to_owned());
    let service =
        ServiceFacts { account, ..service("cloudbase-init", SoftwareKind::CloudbaseInit) };
    CloudbaseInit {
        service: Fact::Known(Some(service)),
        conf: Fact::Known(Some(CloudbaseInitConf { path: CONF.to_owned(), options })),
    }
}

fn seen<T>(value: T, location: &str, detail: &str) -> Seen<T> {
    Seen::new(value, Evidence::new(location, detail))
}

fn facts() -> WindowsFacts {
    let system = Evidence::new("partition 2", r"Windows\System32\config\SYSTEM");
    let server = r"HKLM\SYSTEM\ControlSet001\Control\Terminal Server";
    WindowsFacts {
        evidence: vec![system],
        volume: Some(1),
        boot: boot(),
        hives: ["SYSTEM", "SOFTWARE", "SAM"]
            .map(|name| HiveFacts {
                name: name.to_owned(),
                path: format!(r"\Windows\System32\config\{name}"),
                sync: Fact::Known(HiveSync::Clean),
            })
            .to_vec(),
        os: Fact::Known(identity()),
        arch: Fact::Known((
            Architecture::X86_64,
            Evidence::new(
                r"HKLM\SYSTEM\ControlSet001\Control\Session Manager\Environment",
                "PROCESSOR_ARCHITECTURE=AMD64",
            ),
        )),
        oem: Fact::Known(Vec::new()),
        accounts: Fact::Known(WindowsAccounts {
            // Cloudbase-Init's installer makes the second, with a password that nobody knows.
            accounts: vec![
                account("Administrator", ADMINISTRATOR_RID),
                account("cloudbase-init", 1000),
            ],
            unread: Vec::new(),
        }),
        services: Fact::Known(services()),
        bindings: Fact::Known(bindings()),
        interfaces: Fact::Known(vec![interface()]),
        class_filters: Fact::Known(Vec::new()),
        fixed_macs: Fact::Known(Vec::new()),
        remote_desktop: RemoteDesktop {
            deny: Fact::Known(Some(seen(0, server, "fDenyTSConnections=0"))),
            port: Fact::Known(seen(3389, server, "PortNumber=3389")),
            listener_off: Fact::Known(None),
            firewall: Fact::Known(FirewallVerdict::Open(Evidence::new(
                format!(r"{SERVICES}\SharedAccess\Parameters\FirewallPolicy\FirewallRules"),
                "RemoteDesktop-UserMode-In-TCP",
            ))),
        },
        san_policy: Fact::Known(Some(seen(
            1,
            &format!(r"{SERVICES}\partmgr\Parameters"),
            "SanPolicy=1",
        ))),
        display_off: Fact::Known(Some(seen(0, r"HKLM\SYSTEM\…\PowerSchemes", "ACSettingIndex=0"))),
        sysprep: SysprepFacts {
            image_state: Fact::Known(Some(seen(
                "IMAGE_STATE_COMPLETE".to_owned(),
                r"HKLM\SOFTWARE\Microsoft\Windows\CurrentVersion\Setup\State",
                "ImageState=IMAGE_STATE_COMPLETE",
            ))),
            in_progress: Fact::Known(None),
            answer_files: Fact::Known(Vec::new()),
            run_synchronous: Fact::Known(Vec::new()),
            run_cloudbase_init: Fact::Known(Vec::new()),
            starts_cloudbase_init: Fact::Known(None),
        },
        hibernated: Fact::Known(None),
        pending: PendingFacts {
            updates: Fact::Known(Vec::new()),
            renames: Fact::Known(Vec::new()),
            servicing: Fact::Known(None),
        },
        driver_policies: Fact::Known(Vec::new()),
        uvp_vmtools: Fact::Known(Some(seen(
            "2.5.0.156".to_owned(),
            r"\Program Files (x86)\virtio\bin\version",
            "2.5.0.156",
        ))),
        uvp_pv_driver: Fact::Known(None),
        cloudbase_init: cloudbase_init(),
        domain: Fact::Known(None),
        directory: Fact::Known(None),
        foreign_drives: Fact::Known(Vec::new()),
        paging_files: Fact::Known(Vec::new()),
    }
}

/// The boot files on partition 1, Windows on partition 2, by either firmware.
fn boot() -> WindowsBootFacts {
    use WindowsLinkKind::*;
    let path = |store: &str, start: &[(WindowsLinkKind, &str)]| {
        let loader = format!(r"{store}: Objects\{{6e1f0001-0a1b-11ee-8c5d-7e8a4b6c9d0e}}");
        let element = |number: &str| format!(r"{loader}\Elements\{number}");
        let device = |what: &str, number: &str| WindowsBootDevice {
            what: what.to_owned(),
            spec: "the partition at byte 2147483648 of the disk with signature 0009a3b1".to_owned(),
            resolution: Resolution::Volume(1),
            evidence: Evidence::new(element(number), "partition 2"),
        };
        let rest = [
            (BootConfiguration, store.to_owned()),
            (DefaultEntry, loader.clone()),
            (WindowsPartition, element("11000001")),
            (OsLoader, r"\Windows\System32\winload.exe".to_owned()),
            (Kernel, r"\Windows\System32\ntoskrnl.exe".to_owned()),
            (SystemHive, r"\Windows\System32\config\SYSTEM".to_owned()),
        ];
        let start = start.iter().map(|(kind, place)| (*kind, (*place).to_owned()));
        let link = |(kind, place): (WindowsLinkKind, String)| WindowsBootLink {
            kind,
            state: LinkState::Found,
            evidence: Evidence::new(place, "there"),
        };
        WindowsBootPath {
            chain: start.chain(rest).map(link).collect(),
            configuration: None,
            devices: vec![device("loader", "11000001"), device("system", "21000001")],
            ..WindowsBootPath::default()
        }
    };
    let bios = [
        (BootCode, "sector 0"),
        (ActivePartition, "MBR, byte 446"),
        (BootSector, "partition 1, boot sector"),
        (BootManager, r"\bootmgr"),
    ];
    let uefi =
        [(EfiSystemPartition, "GPT entry 1"), (BootManager, r"\EFI\Microsoft\Boot\bootmgfw.efi")];
    WindowsBootFacts {
        bios: path(r"\Boot\BCD", &bios),
        uefi: Some(path(r"\EFI\Microsoft\Boot\BCD", &uefi)),
        dynamic_disk: Vec::new(),
    }
}

/// What an NTFS of the machine says of itself.
fn ntfs(volume: usize, total: u64, free: u64) -> FileSystemFacts {
    let place =
        |byte: u32| format!("partition {}: NTFS volume information, byte {byte}", volume + 1);
    let Fact::Known(health) = filesystem(volume, total, free).health else { unreachable!() };
    FileSystemFacts {
        volume,
        kind: "ntfs".to_owned(),
        health: Fact::Known(Health {
            shutdown: Fact::Known((Shutdown::Clean, Evidence::new(place(10), "not dirty"))),
            ..health
        }),
    }
}

/// The good Windows machine.
pub(crate) fn good_windows() -> Facts {
    let mut facts_of_all = good_linux();
    let disk = disk_mut(&mut facts_of_all);
    disk.partitions.truncate(2);
    disk.volumes.truncate(2);
    for partition in &mut disk.partitions {
        partition.role = PartitionRole::WindowsData;
        partition.type_id = "0x07".to_owned();
    }
    for volume in &mut disk.volumes {
        let Fact::Known(signatures) = &mut volume.signatures else { unreachable!() };
        signatures[0].kind = SignatureKind::Ntfs;
    }
    disk.boot_code = Fact::Known(BootCodeFacts {
        kind: BootCodeKind::Windows,
        signature: true,
        evidence: Evidence::new("sector 0", "Windows boot record"),
        grub_core: None,
        grub_legacy: None,
    });
    facts_of_all.filesystems = vec![ntfs(0, GIB, 800 << 20), ntfs(1, 39 * GIB, 20 * GIB)];
    facts_of_all.guest = Fact::Known(Guest::Windows(Box::new(facts())));
    facts_of_all
}

pub(in crate::rules) fn windows_mut(facts: &mut Facts) -> &mut WindowsFacts {
    match &mut facts.guest {
        Fact::Known(Guest::Windows(windows)) => windows,
        _ => panic!("not a Windows guest"),
    }
}

/// The built-in administrator of the machine.
pub(in crate::rules) fn administrator_mut(facts: &mut Facts) -> &mut WindowsAccount {
    match &mut windows_mut(facts).accounts {
        Fact::Known(accounts) => &mut accounts.accounts[0],
        Fact::Unknown(_) => panic!("no accounts"),
    }
}

/// The service of that name.
pub(in crate::rules) fn service_mut<'a>(facts: &'a mut Facts, name: &str) -> &'a mut ServiceFacts {
    match &mut windows_mut(facts).services {
        Fact::Known(services) => services.iter_mut().find(|s| s.name == name).expect("there"),
        Fact::Unknown(_) => panic!("no services"),
    }
}

/// Takes the services away that do not fit.
pub(in crate::rules) fn keep_services(facts: &mut Facts, fits: impl Fn(&ServiceFacts) -> bool) {
    match &mut windows_mut(facts).services {
        Fact::Known(services) => services.retain(|service| fits(service)),
        Fact::Unknown(_) => panic!("no services"),
    }
}

/// Adds a service.
pub(in crate::rules) fn add_service(facts: &mut Facts, service: ServiceFacts) {
    match &mut windows_mut(facts).services {
        Fact::Known(services) => services.push(service),
        Fact::Unknown(_) => panic!("no services"),
    }
}

pub(in crate::rules) fn identity_mut(facts: &mut Facts) -> &mut WindowsIdentity {
    match &mut windows_mut(facts).os {
        Fact::Known(os) => os,
        Fact::Unknown(_) => panic!("no system"),
    }
}

/// The good Windows machine, recognised, but with every fact of the guest unknown.
pub(in crate::rules) fn windows_unread() -> Facts {
    let mut facts = good_windows();
    let evidence = windows_mut(&mut facts).evidence.clone();
    *windows_mut(&mut facts) = WindowsFacts::unread(evidence, &why());
    facts
}

/// As [`good_windows`], booting by UEFI only.
pub(in crate::rules) fn windows_uefi() -> Facts {
    let mut facts = good_windows();
    facts.firmware = uefi_only().firmware;
    facts
}
