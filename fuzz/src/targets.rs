//! The targets: for each parser a function that takes any bytes, and inputs to begin with.
//!
//! Formats that point from one place to another (disks, file systems, hives, images) take mutants of
//! the fixtures: two bytes choose the fixture, the others are edits (`tests/mutant`), so that inputs
//! stay small however large the disk is. Texts and streams take the input as it is.

use std::fs::File;
use std::io::{BufReader, Read};
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, LazyLock};

use image_preflight::bytes::{Bytes, BytesExt};
use image_preflight::disk::Disk;
use image_preflight::disk::facts::SignatureKind;
use image_preflight::fact::Fact;
use image_preflight::filesystem::memory::MemoryFs;
use image_preflight::filesystem::mutants::visit_all;
use image_preflight::filesystem::tree::Tree;
use image_preflight::filesystem::{self, Budget, FileSystem};
use image_preflight::fuzzing;
use image_preflight::guest::linux::boot::kernel_image;
use image_preflight::guest::linux::cloud_init::yaml;
use image_preflight::guest::linux::initramfs::{self, Wanted};
use image_preflight::guest::password::InitialPassword;
use image_preflight::guest::windows::registry::{Hive, Key};
use image_preflight::guest::windows::{bcd, pe};
use image_preflight::guest::{Inspection, Machine, linux};
use image_preflight::image::Image;
use image_preflight::report::{Detail, Format, ImageReport, Settings, escape};
use image_preflight::request;
use image_preflight::rules::{Context, Lang, Profile};

use crate::map;
use crate::mutant::{self, GUESTS, Subject, testdata};
use crate::mutations::pick;

/// A fuzz target.
pub struct Target {
    /// Its name.
    pub name: &'static str,
    /// Lets the parser read an input.
    pub run: fn(&[u8]),
    /// Inputs to begin with.
    pub seeds: fn() -> Vec<Vec<u8>>,
}

/// All targets.
pub const TARGETS: &[Target] = &[
    Target { name: "image", run: image, seeds: || numbers(IMAGES.len()) },
    Target { name: "map", run: map::run, seeds: map_seeds },
    Target { name: "qcow2", run: qcow2, seeds: || numbers(CONTAINERS.len()) },
    Target { name: "partitions", run: partitions, seeds: || numbers(TABLES.len()) },
    Target { name: "lvm", run: lvm, seeds: || numbers(LVM.len()) },
    Target { name: "md", run: md, seeds: || numbers(MD.len()) },
    Target { name: "ext", run: ext, seeds: || numbers(EXT.len()) },
    Target { name: "fat", run: fat, seeds: || numbers(FAT.len()) },
    Target { name: "xfs", run: xfs, seeds: || numbers(XFS.len()) },
    Target { name: "btrfs", run: btrfs, seeds: || numbers(BTRFS.len()) },
    Target { name: "ntfs", run: ntfs, seeds: || numbers(NTFS.len()) },
    Target { name: "hive", run: hive, seeds: || numbers(HIVES.len()) },
    Target { name: "bcd", run: boot_configuration, seeds: || numbers(STORES.len()) },
    Target {
        name: "pe",
        run: |data| drop((pe::read(&data.to_vec()), pe::loadable(&data.to_vec()))),
        seeds: pe_seeds,
    },
    Target { name: "kernel", run: kernel, seeds: kernel_seeds },
    Target { name: "cpio", run: |data| list(b"0707", data), seeds: || packed("cpio.zst", 4) },
    Target { name: "gzip", run: |data| list(b"\x1f\x8b", data), seeds: || streams("cpio.gz", 2) },
    Target { name: "bzip2", run: |data| list(b"BZ", data), seeds: || streams("cpio.bz2", 2) },
    Target { name: "lzma", run: |data| list(b"\x5d\0", data), seeds: || streams("cpio.lzma", 2) },
    Target { name: "xz", run: |data| list(b"\xfd7", data), seeds: || streams("cpio.xz", 2) },
    Target { name: "lz4", run: |data| list(b"\x02\x21", data), seeds: || streams("cpio.lz4", 2) },
    Target { name: "zstd", run: |data| list(b"\x28\xb5", data), seeds: || streams("cpio.zst", 2) },
    Target { name: "lzo", run: |data| chunk(fuzzing::lzo, data), seeds: no_seeds },
    Target { name: "lznt1", run: |data| chunk(fuzzing::lznt1, data), seeds: no_seeds },
    Target { name: "lzx", run: |data| chunk(fuzzing::lzx, data), seeds: || chunks("lzx") },
    Target { name: "xpress", run: |data| chunk(fuzzing::xpress, data), seeds: || chunks("xpress") },
    Target { name: "grub_cfg", run: grub_cfg, seeds: || files(&["boot"], "cfg") },
    Target { name: "fstab", run: fstab, seeds: || text(FSTAB) },
    Target { name: "yaml", run: yaml, seeds: yaml_seeds },
    Target { name: "shadow", run: shadow, seeds: || text(SHADOW) },
    Target { name: "netplan", run: |data| server(NETPLAN, data), seeds: || texts(NETPLANS) },
    Target { name: "interfaces", run: |data| server(INTERFACES, data), seeds: || texts(IFUPDOWN) },
    Target { name: "unit", run: |data| server(UNIT, data), seeds: || texts(UNITS) },
    Target { name: "sshd_config", run: |data| server(SSHD, data), seeds: || texts(SSHD_CONFIGS) },
    Target { name: "hosts", run: hosts, seeds: || texts(HOSTS) },
    Target { name: "nftables", run: |data| server(NFTABLES, data), seeds: || texts(RULESETS) },
    Target { name: "iptables", run: |data| server(IPTABLES, data), seeds: || texts(TABLES_SAVED) },
    Target { name: "configuration", run: configuration, seeds: configuration_seeds },
    Target { name: "packages", run: packages, seeds: package_seeds },
    Target { name: "request", run: request, seeds: || files(&["requests"], "json") },
    Target { name: "escape", run: escape, seeds: || text("a\u{1b}[2J\u{202e}|`<&\r\n\u{0}é") },
];

const FSTAB: &str = "UUID=0b0c / ext4 defaults,errors=remount-ro 0 1\n\
    LABEL=x\\040y /data xfs nofail,x-systemd.device-timeout=1s 0 2\n/dev/vdb1 none swap sw 0 0\n";

const SHADOW: &str = "root:$6$salt$hash:19000:0:99999:7:::\nubuntu:!:19000::::::\n\
    a:$y$j9T$F5Jx5fExrKuPp53xLKQ..1$X3DX6M94c7o.9agCG9G317fhZg9SqC.5i5rd.RhAtQ7:1:0:99999:7:::\n\
    b:$2b$04$abcdefghijklmnopqrstuu1234567890123456789012345678901:1::::::\nc:ab0123456789.:1::::::\n\
    d:$1$abcdefgh$0123456789012345678901:1::::::\ne:$5$rounds=1000$abc$def:1::::::\n";

const NETPLAN: &str = "/etc/netplan/a.yaml";

const NETPLANS: &[&str] = &[
    "network:\n  version: 2\n  renderer: networkd\n  ethernets:\n    all:\n      match: {name: \"e*\", \
     macaddress: \"52:54:00:12:34:56\", driver: [virtio_net]}\n      set-name: eth0\n      dhcp4: yes\n      \
     dhcp6: off\n      accept-ra: true\n      dhcp4-overrides: {use-dns: true, route-metric: 100}\n      \
     addresses:\n      - 10.0.0.5/24\n      - \"2001:db8::5/64\": {label: a, lifetime: 0}\n      gateway4: \
     10.0.0.1\n      nameservers: {addresses: [1.1.1.1], search: [a.b]}\n      routes:\n      - {to: \
     default, via: 10.0.0.1, on-link: yes, metric: 3}\n      routing-policy: [{from: 10.0.0.0/8, table: 5}]\n",
    "network:\n  ethernets:\n    eth0: {activation-mode: manual, optional: y, mtu: 1500}\n    eth1: {}\n  \
     bonds:\n    renderer: NetworkManager\n    bond0: {interfaces: [eth0, eth1], parameters: {mode: x}, \
     dhcp4: 1}\n  bridges:\n    br0: {interfaces: [bond0]}\n  vlans:\n    v1: {id: 7, link: br0}\n  \
     wifis: {}\n  tunnels: {t: {}}\n",
];

const INTERFACES: &str = "/etc/network/interfaces";

const IFUPDOWN: &[&str] = &[
    "source /etc/network/interfaces.d/*\nauto lo eth0 /eth*=x\nno-auto-down a\niface lo inet loopback\n\
     allow-hotplug eth0\niface eth0 inet dhcp\n    hwaddress ether 52:54:00:12:34:56\n    metric 5\n\
     iface eth0 inet6 auto\nmapping eth*\n  script /x\n  map a b\ntemplate t\n",
    "auto br0\niface br0 inet static inherits t\n  address 10.0.0.5/24\n  gateway 10.0.0.1\n  bridge_ports \
     eth0 eth1\n  bond-slaves none\n  vlan-raw-device eth0\niface t inet manual\n  pre-up a \\\n  b\n",
];

const UNIT: &str = "/etc/systemd/system/ssh.service";

const UNITS: &[&str] = &[
    "[Unit]\nDescription=x\nAfter=network.target\nConditionPathExists=!/etc/ssh/sshd_not_to_be_run\n\
     ConditionPathExists=|/a\nConditionPathIsDirectory=|!/b\nConditionFileNotEmpty=/etc/passwd\n\
     AssertPathExistsGlob=/etc/*\nConditionVirtualization=container\n\n[Service]\nEnvironmentFile=-/e\n\
     ExecStart=/usr/sbin/sshd -D $OPTS \\\n  -p 22\nType=notify\n\n[Install]\nWantedBy=multi-user.target\n\
     Alias=sshd.service\n",
    "; c\n[Unit]\nRequires=a.service b@%i.service\nConflicts=x.target\nDefaultDependencies=no\n[Install]\n\
     Also=ssh.socket\n",
];

const SSHD: &str = "/etc/ssh/sshd_config";

const SSHD_CONFIGS: &[&str] = &[
    "Include /etc/ssh/sshd_config.d/*.conf\nPort 22\nListenAddress 0.0.0.0\nPermitRootLogin=yes\n\
     PasswordAuthentication \"yes\" # c\nUsePAM yes\nAuthorizedKeysFile .ssh/authorized_keys %h/k /k/%u\n\
     AllowUsers root a*@10.0.0.0/8 !b\nDenyGroups x\nAuthenticationMethods publickey,password any\n\
     StrictModes no\nMatch User a,!b Group \"x y\" Address 10.0.0.0/8\n  ForceCommand internal-sftp\n  \
     PermitRootLogin no\nMatch all\n  ChrootDirectory /x\nMatch LocalPort 22\nSubsystem sftp x\n",
];

/// Two files, with a zero between.
const HOSTS: &[&str] = &[
    "sshd: 10. .example [fe80::]/10 : allow\nALL: LOCAL EXCEPT a.b: spawn (x %h) & : deny\n\0sshd,in.* \\\n: \
     ALL EXCEPT 10.0.0.0/255.0.0.0\nALL: /etc/hosts.x: twist /bin/echo\nsshd@10.0.0.1: PARANOID\n",
];

const NFTABLES: &str = "/etc/nftables.conf";

const RULESETS: &[&str] = &[
    "#!/usr/sbin/nft -f\nflush ruleset\ndefine P = { 22, 80-90 }\ninclude \"/etc/nftables.d/*\"\ntable inet \
     f {\n  set s { type inet_service; flags interval; elements = { 22, 443 } }\n  map m { type ipv4_addr : \
     verdict; }\n  chain input {\n    type filter hook input priority filter; policy drop;\n    iif lo \
     accept\n    ct state vmap { established : accept, invalid : drop }\n    tcp dport $P ip saddr != \
     10.0.0.0/8 accept comment \"a;b\"\n    tcp dport @s jump c\n    meta l4proto { tcp, udp } th dport 22 \
     counter limit rate 3/minute accept\n  }\n  chain c { return; }\n}\nadd rule inet f input reject\n",
];

const IPTABLES: &str = "/etc/iptables/rules.v4";

const TABLES_SAVED: &[&str] = &[
    "*filter\n:INPUT DROP [0:0]\n:FORWARD ACCEPT [0:0]\n:c - [0:0]\n-A INPUT -i lo -j ACCEPT\n-A INPUT -m \
     conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT\n-A INPUT -p tcp -m tcp --dport 22 -j c\n-A INPUT -p \
     tcp -m multiport --dports 20:25,80 ! -s 10.0.0.0/8 -j REJECT --reject-with tcp-reset\n-A c -g INPUT\n\
     -A c -m comment --comment \"a \\\"b\" -j RETURN\nCOMMIT\n*nat\nCOMMIT\n",
];

fn no_seeds() -> Vec<Vec<u8>> {
    vec![vec![0; 64]]
}

/// Each fixture as it is.
fn numbers(count: usize) -> Vec<Vec<u8>> {
    (0..count).map(|number| (number as u16).to_le_bytes().to_vec()).collect()
}

/// Steps of each kind, on a file of several pages and on an empty one.
fn map_seeds() -> Vec<Vec<u8>> {
    let steps: Vec<u8> = (0..24).flat_map(|step| [step, step * 7, step * 5, step]).collect();
    [[0x40, 0x9c], [0x01, 0x10], [0, 0]].map(|len| [&len[..], &steps].concat()).into()
}

fn text(text: &str) -> Vec<Vec<u8>> {
    texts(&[text])
}

fn texts(texts: &[&str]) -> Vec<Vec<u8>> {
    texts.iter().map(|text| text.as_bytes().to_vec()).collect()
}

fn read(path: &Path) -> Vec<u8> {
    std::fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The fixtures in a folder whose names end so, by name.
fn fixtures(folder: &str, ending: &str) -> Vec<std::path::PathBuf> {
    let dir = testdata(folder);
    let entries = std::fs::read_dir(&dir).unwrap_or_else(|e| panic!("{}: {e}", dir.display()));
    let paths = entries.filter_map(|entry| Some(entry.ok()?.path()));
    let mut paths: Vec<_> = paths
        .filter(|path| {
            let name = path.to_string_lossy();
            name.ends_with(ending) && !name.ends_with(".list.zst")
        })
        .collect();
    paths.sort();
    assert!(!paths.is_empty(), "{}: nothing ends with {ending}", dir.display());
    paths
}

/// What a fixture unpacks to; runs of zeros take no memory.
fn unpack(path: &Path) -> Vec<u8> {
    const PIECE: usize = 64 << 10;
    let decoder = || {
        let file = BufReader::new(File::open(path).expect("a fixture"));
        zstd::Decoder::with_buffer(file).expect("zstd")
    };
    let len = std::io::copy(&mut decoder(), &mut std::io::sink()).expect("zstd") as usize;
    let (mut whole, mut stream, mut piece) = (vec![0; len], decoder(), vec![0; PIECE]);
    for to in whole.chunks_mut(PIECE) {
        let piece = &mut piece[..to.len()];
        stream.read_exact(piece).expect("as before");
        if piece.iter().any(|byte| *byte != 0) {
            to.copy_from_slice(piece);
        }
    }
    whole
}

/// A fixture of `src/disk/fixture.rs`: the size, then offset and bytes of each sector.
fn disk_of_sectors(path: &Path) -> Arc<dyn Bytes> {
    let packed = unpack(path);
    let (size, rest) = packed.split_first_chunk::<8>().expect("a size");
    let mut disk = vec![0; u64::from_le_bytes(*size) as usize];
    for record in rest.as_chunks::<520>().0 {
        let (at, sector) = record.split_first_chunk::<8>().expect("an offset");
        let at = u64::from_le_bytes(*at) as usize;
        disk[at..at + 512].copy_from_slice(sector);
    }
    Arc::new(disk)
}

type Subjects = LazyLock<Vec<Subject>>;

fn subjects(all: Vec<Arc<dyn Bytes>>, read: fn(Arc<dyn Bytes>)) -> Vec<Subject> {
    let all: Vec<_> = all.into_iter().map(|bytes| Subject::new(bytes, read)).collect();
    // What nothing is read of is a fixture that shows how something is refused.
    all.into_iter().filter(|subject| subject.pages() > 0).collect()
}

fn unpacked(folder: &str, ending: &str) -> Vec<Arc<dyn Bytes>> {
    let unpack = |path: &std::path::PathBuf| -> Arc<dyn Bytes> { Arc::new(unpack(path)) };
    fixtures(folder, ending).iter().map(unpack).collect()
}

fn run(subjects: &Subjects, data: &[u8], read: fn(Arc<dyn Bytes>)) {
    if let Some((subject, edits)) = pick(subjects, data) {
        read(Arc::new(subject.mutant(edits)));
    }
}

// Whole images.

static IMAGES: Subjects =
    LazyLock::new(|| subjects(GUESTS.iter().map(|path| mutant::disk(path)).collect(), whole));

/// A mutant of the disk in a guest, through all rooms and in each format.
pub fn image(data: &[u8]) {
    run(&IMAGES, data, whole);
}

static CONTAINERS: Subjects = LazyLock::new(|| {
    let guests = GUESTS.iter().map(|path| Arc::new(read(&testdata(path))) as Arc<dyn Bytes>);
    subjects(guests.chain(unpacked("image", ".zst")).collect(), whole)
});

/// A mutant of a container, through all rooms and in each format; its disk's first bytes.
pub fn qcow2(data: &[u8]) {
    if let Some((subject, edits)) = pick(&CONTAINERS, data) {
        let bytes: Arc<dyn Bytes> = Arc::new(subject.mutant(edits).to_vec());
        if let Ok(disk) = Image::of_bytes("mutant".to_owned(), bytes.clone()).disk() {
            let mut buf = vec![0; 4096];
            for offset in (0..disk.len().min(64 << 20)).step_by(60 << 10) {
                let _ = disk.read_at(offset, &mut buf);
                let _ = (disk.slice(offset, 512), disk.zeroes_at(offset));
            }
        }
        whole(bytes);
    }
}

/// Checks it against all profiles and prints one of the reports, now this one and now that one: to lay
/// out a report takes longer than to make it.
fn whole(bytes: Arc<dyn Bytes>) {
    static TURN: AtomicUsize = AtomicUsize::new(0);
    let reports = mutant::check(bytes);
    let turn = TURN.fetch_add(1, Relaxed);
    if let Some((profile, report)) = reports.get(turn % reports.len()) {
        print(*profile, report, if turn % 2 == 0 { Lang::En } else { Lang::ZhCn }, turn);
    }
}

/// One of the output formats, each in its turn.
fn print(profile: Profile, report: &ImageReport, lang: Lang, turn: usize) {
    let (format, _) = Format::ALL[turn % Format::ALL.len()];
    let context = Context::new(profile, 20_000);
    let detail = Detail::Full;
    let mut settings = Settings::new(context);
    (settings.lang, settings.detail, settings.width) = (lang, detail, 80);
    let mut out = Vec::new();
    format.write(settings, [report], &mut out).expect("memory");
    harmless(&String::from_utf8(out).expect("UTF-8"));
}

/// Nothing in it steers a terminal, but for the colours that the report itself has.
fn harmless(text: &str) {
    let mut rest = text;
    while let Some(at) = rest.find(mutant::steers) {
        let behind = &rest[at..];
        let ours = behind.strip_prefix("\u{1b}[").and_then(|code| {
            code.trim_start_matches(|c: char| c.is_ascii_digit() || c == ';').strip_prefix('m')
        });
        let newline = behind.strip_prefix('\n');
        rest = ours.or(newline).unwrap_or_else(|| panic!("{:?}", behind.chars().next()));
    }
}

/// A body of the request; what is corrected is JSON.
fn request(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    for profile in Profile::ALL {
        let body = request::validate(&text, "body", &Context::new(profile, 20_000), None);
        if let Some(corrected) = body.corrected {
            serde_json::from_str::<request::Node>(&corrected.body.to_string()).expect("JSON");
        }
    }
}

fn escape(data: &[u8]) {
    let shown = String::from_utf8_lossy(data);
    assert!(!escape::for_terminal(&shown).contains(mutant::steers));
}

// Disks and file systems.

static TABLES: Subjects = LazyLock::new(|| {
    let folders = ["disk/table", "disk/boot", "disk/signature"];
    let all = folders.iter().flat_map(|folder| fixtures(folder, ".zst"));
    subjects(all.map(|path| disk_of_sectors(&path)).collect(), volumes)
});

fn partitions(data: &[u8]) {
    run(&TABLES, data, volumes);
}

static LVM: Subjects = LazyLock::new(|| {
    subjects(fixtures("lvm", ".zst").iter().map(|path| disk_of_sectors(path)).collect(), volumes)
});

fn lvm(data: &[u8]) {
    run(&LVM, data, volumes);
}

static MD: Subjects = LazyLock::new(|| {
    subjects(fixtures("md", ".zst").iter().map(|path| disk_of_sectors(path)).collect(), volumes)
});

fn md(data: &[u8]) {
    run(&MD, data, volumes);
}

/// What is in a disk, and the first and last bytes of each volume.
fn volumes(bytes: Arc<dyn Bytes>) {
    let disk = Disk::read(bytes);
    let mut buf = [0; 512];
    for volume in disk.volumes.iter().take(64) {
        for offset in [0, volume.len() / 2, volume.len().saturating_sub(512)] {
            let _ = volume.read_at(offset, &mut buf);
            let _ = (volume.slice(offset, 512), volume.zeroes_at(offset));
        }
    }
}

macro_rules! file_systems {
    ($($name:ident $subjects:ident $kind:ident $folder:literal;)*) => {$(
        static $subjects: Subjects =
            LazyLock::new(|| subjects(unpacked($folder, ".img.zst"), |bytes| {
                walk(SignatureKind::$kind, bytes);
            }));

        fn $name(data: &[u8]) {
            run(&$subjects, data, |bytes| walk(SignatureKind::$kind, bytes));
        }
    )*};
}

file_systems! {
    ext EXT Ext4 "ext";
    fat FAT Fat32 "fat";
    xfs XFS Xfs "xfs";
    btrfs BTRFS Btrfs "btrfs";
    ntfs NTFS Ntfs "ntfs";
}

/// All that a file system holds, as a check bounds it.
fn walk(kind: SignatureKind, bytes: Arc<dyn Bytes>) {
    let budget = Arc::new(Budget::default());
    if let Ok(filesystem) = filesystem::open_within(kind, bytes, &budget) {
        visit_all(&*filesystem, 200);
        let _ = (filesystem.health(), filesystem.subvolume("subvolid=5").is_ok());
    }
}

// The registry.

static HIVES: Subjects =
    LazyLock::new(|| subjects(unpacked("registry", ".zst"), |bytes| keys(bytes)));

fn hive(data: &[u8]) {
    run(&HIVES, data, keys);
}

/// All keys and values of a hive; it is its own log as well.
fn keys(bytes: Arc<dyn Bytes>) {
    fn below(key: &Key<'_>, depth: u32, left: &mut u32) {
        let _ = (key.values().is_ok(), key.class().is_ok(), key.value("Start").is_ok());
        for subkey in key.subkeys().unwrap_or_default() {
            *left = left.saturating_sub(1);
            if depth < 32 && *left > 0 {
                below(&subkey, depth + 1, left);
            }
        }
    }
    if let Ok(hive) = Hive::open(bytes.clone(), &[bytes])
        && let Ok(root) = hive.root()
    {
        let _ = hive.key(r"ControlSet001\Services\Tcpip").is_ok();
        below(&root, 0, &mut 2000);
    }
}

static STORES: Subjects = LazyLock::new(|| {
    let guests = GUESTS.iter().filter(|path| path.starts_with("windows"));
    let stores = guests.flat_map(|path| {
        let image = Image::open(&testdata(path)).expect("a fixture");
        let opened = Inspection::of(&image).filesystems;
        let opened = opened.into_iter().filter_map(|found| found.known().cloned().flatten());
        let find = |filesystem: Arc<dyn FileSystem>| {
            ["Boot/BCD", "EFI/Microsoft/Boot/BCD"].iter().find_map(|path| {
                let mut node = filesystem.root();
                for name in path.split('/') {
                    node = filesystem.lookup(node, name.as_bytes()).ok()??;
                }
                let file = filesystem.open(node).ok()?;
                let whole = file.vec(0, file.len() as usize).ok()?;
                Some(Arc::new(whole) as Arc<dyn Bytes>)
            })
        };
        opened.filter_map(find).collect::<Vec<_>>()
    });
    subjects(stores.collect(), store)
});

fn boot_configuration(data: &[u8]) {
    run(&STORES, data, store);
}

fn store(bytes: Arc<dyn Bytes>) {
    if let Ok(hive) = Hive::open(bytes, &[]) {
        let _ = bcd::read(&hive, "/Boot/BCD");
    }
}

// Programs and streams.

fn pe_seeds() -> Vec<Vec<u8>> {
    ["driver-x64.sys", "driver-x86.sys", "loader-x64.efi", "no-version.exe"]
        .iter()
        .map(|name| read(&testdata("windows/pe").join(name)))
        .map(|mut bytes| {
            bytes.truncate(16 << 10);
            bytes
        })
        .collect()
}

/// Executables of EFI, and a gzip stream.
fn kernel_seeds() -> Vec<Vec<u8>> {
    [pe_seeds(), streams("cpio.gz", 0)].concat()
}

fn kernel(data: &[u8]) {
    let bytes = data.to_vec();
    let _ = (kernel_image::is_kernel(&bytes).is_ok(), kernel_image::defect(&bytes).is_ok());
    let _ = kernel_image::kernel_release(&bytes);
}

/// The streams of an initramfs, without their first bytes.
fn streams(ending: &str, magic: usize) -> Vec<Vec<u8>> {
    fixtures("initramfs", ending).iter().map(|path| read(path)[magic..].to_vec()).collect()
}

/// As [`streams`], unpacked.
fn packed(ending: &str, magic: usize) -> Vec<Vec<u8>> {
    fixtures("initramfs", ending).iter().map(|path| unpack(path)[magic..].to_vec()).collect()
}

/// Lists an initramfs that begins with `magic`, alone and behind an archive of microcode.
fn list(magic: &[u8], data: &[u8]) {
    let whole = [magic, data].concat();
    let mut budget = initramfs::Budget::modest(8 << 20, None, &std::sync::Arc::default());
    let _ = initramfs::list("initrd", &whole, &Wanted::Everything, &mut budget);
}

fn chunks(beginning: &str) -> Vec<Vec<u8>> {
    let all = fixtures("ntfs", ".bin");
    let named = all.iter().filter(|path| path.to_string_lossy().contains(beginning));
    // In front of the chunks stand where they begin.
    named.flat_map(|path| [0, 4, 8, 12, 36].map(|skip| read(path)[skip..].to_vec())).collect()
}

fn chunk(decompress: fn(&[u8], &mut [u8]) -> bool, data: &[u8]) {
    let mut out = vec![0; 32 << 10];
    decompress(data, &mut out);
    decompress(data, &mut out[..4096]);
}

// Texts in a guest.

/// A disk with a boot loader, whose file systems are taken for one that is in memory.
static HOST: LazyLock<Inspection> = LazyLock::new(|| {
    let path = testdata("guests/root-password-without-cloud-init.qcow2");
    Inspection::of(&Image::open(&path).expect("a fixture"))
});

fn with_machine(filesystem: &Arc<dyn FileSystem>, work: impl FnOnce(&Machine<'_>)) {
    let disk = HOST.facts.disk.known().expect("a sound disk");
    let replaced = |found: &Fact<Option<Arc<dyn FileSystem>>>| match found {
        Fact::Known(Some(_)) => Fact::Known(Some(filesystem.clone())),
        other => other.clone(),
    };
    let filesystems: Vec<_> = HOST.filesystems.iter().map(replaced).collect();
    work(&Machine { disk, filesystems: &filesystems });
}

/// What a guest has besides.
fn plain_guest() -> MemoryFs {
    let mut kernel = vec![0; 0x600];
    kernel[0x1fe..0x200].copy_from_slice(&[0x55, 0xaa]);
    kernel[0x202..0x208].copy_from_slice(b"HdrS\x0f\x02");
    MemoryFs::new()
        .file("/boot/grub/i386-pc/normal.mod", "\x7fELF")
        .file(
            "/boot/grub/grub.cfg",
            "linux /boot/vmlinuz-6.1 root=/dev/vda1\ninitrd /boot/initrd\nboot",
        )
        .file("/boot/vmlinuz-6.1", kernel)
        .file("/boot/initrd", "")
        .file("/etc/os-release", "ID=debian\nVERSION_ID=12\n")
        .file("/etc/passwd", "root:x:0:0::/root:/bin/sh\nubuntu:x:1000:1000::/home/a:/bin/sh\n")
        .file("/usr/sbin/sshd", "\x7fELF")
        .file("/usr/bin/sudo", "\x7fELF")
        .file("/usr/bin/cloud-init", "#!/usr/bin/python3")
        .file("/sbin/init", "\x7fELF")
        .file("/lib/modules/6.1/modules.dep", "")
}

/// All that is read of such a guest; with a password that is none of its accounts'.
fn guest(files: &[(&str, &[u8])]) {
    let all = files.iter().fold(plain_guest(), |fs, (path, content)| fs.file(path, content));
    let password = InitialPassword::new(zeroize::Zeroizing::new(b"Preflight-2024".to_vec()));
    with_machine(&all.shared(), |machine| {
        let _ = linux::find(machine, password.ok().as_ref());
    });
}

fn fstab(data: &[u8]) {
    let filesystem = MemoryFs::new().file("/etc/fstab", data).shared();
    with_machine(&filesystem.clone(), |machine| {
        let _ = linux::fstab::find(&Tree::new(filesystem, 0), machine.disk);
    });
}

fn files(folders: &[&str], ending: &str) -> Vec<Vec<u8>> {
    folders.iter().flat_map(|folder| fixtures(folder, ending)).map(|path| read(&path)).collect()
}

fn grub_cfg(data: &[u8]) {
    let filesystem = plain_guest().file("/boot/grub/grub.cfg", data).shared();
    with_machine(&filesystem, |machine| {
        let _ = linux::boot::follow(machine);
    });
}

fn shadow(data: &[u8]) {
    guest(&[("/etc/shadow", data)]);
}

/// A guest whose services start, with one file of any content.
fn server(path: &str, data: &[u8]) {
    guest(&[SERVICES, &[(path, data)]].concat());
}

const SERVICES: &[(&str, &[u8])] = &[
    ("/usr/lib/systemd/systemd", b"\x7fELF"),
    (
        "/usr/lib/systemd/system/default.target",
        b"[Unit]\nWants=ssh.service nftables.service netfilter-persistent.service networking.service\n",
    ),
    ("/usr/lib/systemd/system/ssh.service", b"[Unit]\n"),
    ("/usr/lib/systemd/system/nftables.service", b"[Unit]\n"),
    ("/usr/lib/systemd/system/netfilter-persistent.service", b"[Unit]\n"),
    ("/usr/lib/systemd/system/networking.service", b"[Unit]\n"),
    ("/usr/lib/systemd/system-generators/netplan", b"\x7fELF"),
    ("/root/.ssh/authorized_keys", b"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIExample a\n"),
    ("/home/a/.ssh/authorized_keys", b"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIExample a\n"),
];

/// `hosts.allow` and `hosts.deny`.
fn hosts(data: &[u8]) {
    let mut files = data.splitn(2, |byte| *byte == 0);
    let mut next = || files.next().unwrap_or_default();
    guest(&[("/etc/hosts.allow", next()), ("/etc/hosts.deny", next())]);
}

fn yaml(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    if let Ok(Some(node)) = yaml::load(&text, 0) {
        let _ = (node.count(), node.json());
    }
}

fn yaml_seeds() -> Vec<Vec<u8>> {
    vec![
        read(&testdata("guest/cloud_init/documents.json")),
        b"a: &x [1, 2, {b: *y}]\nc: *x\nd: |\n  t\n!!str e: ? f\n".to_vec(),
        b"network:\n  version: 2\n  ethernets:\n    eth0: {dhcp4: true, match: {macaddress: 'a'}}\n".to_vec(),
    ]
}

/// Where a guest keeps what is read of it.
const PATHS: &[&str] = &[
    "/etc/fstab",
    "/etc/crypttab",
    "/etc/group",
    "/etc/sudoers",
    "/etc/ssh/sshd_config",
    "/etc/ssh/sshd_config.d/a.conf",
    "/root/.ssh/authorized_keys",
    "/etc/cloud/cloud.cfg",
    "/etc/cloud/cloud.cfg.d/90.cfg",
    "/etc/netplan/a.yaml",
    "/etc/network/interfaces",
    "/etc/sysconfig/network-scripts/ifcfg-eth0",
    "/etc/systemd/network/a.network",
    "/etc/NetworkManager/system-connections/a.nmconnection",
    "/etc/udev/rules.d/70-persistent-net.rules",
    "/etc/systemd/system/data.mount",
    "/etc/systemd/system/ssh.service",
    "/etc/systemd/system-preset/a.preset",
    "/etc/modprobe.d/a.conf",
    "/etc/dracut.conf.d/a.conf",
    "/etc/initramfs-tools/modules",
    "/lib/modules/6.1/modules.alias",
    "/lib/modules/6.1/modules.dep",
    "/lib/modules/6.1/modules.builtin",
    "/boot/config-6.1",
    "/boot/grub/grubenv",
    "/boot/loader/entries/a.conf",
    "/boot/extlinux/extlinux.conf",
    "/etc/os-release",
    "/var/lib/dpkg/status",
    "/etc/iptables/rules.v4",
    "/etc/hosts.allow",
    "/etc/hosts.deny",
    "/etc/ufw/ufw.conf",
    "/etc/firewalld/zones/public.xml",
    "/etc/nftables.conf",
    "/boot/initrd",
    "/boot/vmlinuz-6.1",
    "/boot/grub/grub.cfg",
    "/sbin/init",
];

/// Files of a guest: for each the number of its path, its length in 16 bits, its content.
fn configuration(data: &[u8]) {
    let mut files: Vec<(&str, &[u8])> = Vec::new();
    let mut rest = data;
    while let Some(([path, low, high], behind)) = rest.split_first_chunk::<3>() {
        let len = usize::from(u16::from_le_bytes([*low, *high])).min(behind.len());
        let (content, behind) = behind.split_at(len);
        files.push((PATHS[usize::from(*path) % PATHS.len()], content));
        rest = behind;
    }
    guest(&files);
}

/// The files of the committed guests.
fn configuration_seeds() -> Vec<Vec<u8>> {
    let mut seeds = Vec::new();
    for path in GUESTS.iter().filter(|path| path.starts_with("guests")) {
        let image = Image::open(&testdata(path)).expect("a fixture");
        let Some(tree) = Inspection::of(&image).tree else { continue };
        let mut seed = Vec::new();
        for (number, path) in PATHS.iter().enumerate() {
            if let Ok(mut content) = tree.read(path, 1 << 20) {
                content.truncate(4096);
                seed.push(number as u8);
                seed.extend((content.len() as u16).to_le_bytes());
                seed.extend(content);
            }
        }
        seeds.push(seed);
    }
    seeds
}

/// A package database: of which kind says the first byte.
fn packages(data: &[u8]) {
    let Some((kind, data)) = data.split_first() else { return };
    let path = [
        "/var/lib/rpm/Packages",
        "/var/lib/rpm/Packages.db",
        "/var/lib/rpm/rpmdb.sqlite",
        "/var/lib/rpm/rpmdb.sqlite-wal",
        "/var/lib/dpkg/status",
    ][usize::from(*kind) % 5];
    let _ = linux::package::find(&MemoryFs::new().file(path, data).tree());
}

fn package_seeds() -> Vec<Vec<u8>> {
    let named = [(0, "Packages.le"), (0, "Packages.be"), (1, "Packages.db"), (2, "rpmdb.sqlite")];
    let seed = |(kind, name): (u8, &str)| {
        let mut bytes = vec![kind];
        bytes.extend(unpack(&testdata("packages").join(format!("{name}.zst"))));
        bytes.truncate(256 << 10);
        bytes
    };
    named.map(seed).into()
}
