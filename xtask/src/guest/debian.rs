//! The guest's tree: Debian 12 from packages, set up as a good image for the cloud.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use super::identity::{ROOT_HASH, ROOT_UUID};
use crate::tool::Tool;
use crate::workspace;

/// Raised when the recipe below changes, so that a cached guest of the older recipe is not used.
const RECIPE: &str = "4";

pub const SUITE: &str = "bookworm";

/// All but the kernel.
const PACKAGES: &str = "systemd-sysv,initramfs-tools,zstd,grub-pc,\
    grub-efi-amd64-bin,cloud-init,openssh-server,ifupdown,isc-dhcp-client,iproute2,netplan.io,\
    e2fsprogs,kmod,udev,login,passwd";

/// Which of Debian's kernels the guest has.
#[derive(Clone, Copy)]
pub enum Kernel {
    /// The one for any machine.
    Generic,
    /// The one of Debian's images for clouds, which has no drivers of real hardware.
    Cloud,
}

impl Kernel {
    fn package(self) -> &'static str {
        match self {
            Self::Generic => "linux-image-amd64",
            Self::Cloud => "linux-image-cloud-amd64",
        }
    }

    /// What the guest's tree in the cache is called.
    fn tree(self) -> &'static str {
        match self {
            Self::Generic => "debian",
            Self::Cloud => "debian-cloud",
        }
    }
}

/// A tree of a whole guest in a directory of the cache.
pub struct Debian {
    pub tree: PathBuf,
    /// The kernel's release: `6.1.0-…-amd64`.
    pub kernel: String,
}

impl Debian {
    /// Builds the guest, or takes it from the cache.
    pub fn build() -> Result<Self> {
        Self::with(Kernel::Generic)
    }

    /// As [`Self::build`], with this kernel.
    pub fn with(kernel: Kernel) -> Result<Self> {
        workspace::ensure_root()?;
        let tree = workspace::cache()?.join(kernel.tree());
        let done = tree.with_extension("recipe");
        if fs::read_to_string(&done).is_ok_and(|recipe| recipe == RECIPE) {
            return Self::at(tree);
        }
        let tar = packages(kernel)?;
        if tree.exists() {
            fs::remove_dir_all(&tree).context("the tree of an older recipe")?;
        }
        fs::create_dir(&tree)?;
        Tool::new("tar")
            .words("--numeric-owner --xattrs -xf")
            .arg(&tar)
            .arg("-C")
            .arg(&tree)
            .run()?;
        let debian = Self::at(tree)?;
        debian.set_up()?;
        fs::write(done, RECIPE)?;
        Ok(debian)
    }

    fn at(tree: PathBuf) -> Result<Self> {
        let mut kernels = fs::read_dir(tree.join("lib/modules"))?;
        let kernel = kernels.next().context("no kernel in the guest")??.file_name();
        Ok(Self { tree, kernel: kernel.to_string_lossy().into_owned() })
    }

    fn set_up(&self) -> Result<()> {
        let write = |path: &str, text: &str| {
            let path = self.tree.join(path);
            if let Some(parent) = path.parent() {
                fs::create_dir_all(parent)?;
            }
            fs::write(&path, text).with_context(|| path.display().to_string())
        };
        write("etc/fstab", &format!("UUID={ROOT_UUID} / ext4 errors=remount-ro 0 1\n"))?;
        write("etc/hostname", "guest\n")?;
        write("etc/hosts", "127.0.0.1 localhost\n127.0.1.1 guest\n")?;
        write("etc/machine-id", "")?;
        write(
            "etc/network/interfaces",
            "source /etc/network/interfaces.d/*\n\nauto lo\niface lo inet loopback\n\n\
             allow-hotplug eth0\niface eth0 inet dhcp\n",
        )?;
        write(
            "etc/cloud/cloud.cfg.d/90-openstack.cfg",
            "datasource_list: [ OpenStack ]\n\
             datasource:\n  OpenStack:\n    metadata_urls: ['http://169.254.169.254']\n    \
             max_wait: 120\n    timeout: 5\n\
             manage_etc_hosts: localhost\ndisable_root: false\nssh_pwauth: true\n\
             users:\n- name: root\n  lock_passwd: false\n\
             network: {config: disabled}\n",
        )?;
        self.ssh_first()?;
        write(
            "etc/default/grub",
            "GRUB_DEFAULT=0\nGRUB_TIMEOUT=1\n\
             GRUB_DISTRIBUTOR=`lsb_release -i -s 2> /dev/null || echo Debian`\n\
             GRUB_CMDLINE_LINUX_DEFAULT=\"\"\n\
             GRUB_CMDLINE_LINUX=\"net.ifnames=0 console=tty0 console=ttyS0,115200\"\n\
             GRUB_TERMINAL=console\n",
        )?;
        let shadow = self.tree.join("etc/shadow");
        let text =
            fs::read_to_string(&shadow)?.replacen("root:*:", &format!("root:{ROOT_HASH}:"), 1);
        fs::write(&shadow, text)?;
        self.chroot("update-initramfs -u", &[])?;
        Ok(())
    }

    /// The default initramfs, in the tree.
    pub fn initramfs_path(&self) -> PathBuf {
        self.tree.join(format!("boot/initrd.img-{}", self.kernel))
    }

    /// Moves `ssh` to the head of the modules that cloud-init runs first.
    fn ssh_first(&self) -> Result<()> {
        let path = self.tree.join("etc/cloud/cloud.cfg");
        let text = fs::read_to_string(&path)?;
        let moved = text.replacen("\n - ssh\n", "\n", 1).replacen(
            "cloud_init_modules:\n",
            "cloud_init_modules:\n - ssh\n",
            1,
        );
        anyhow::ensure!(moved.len() == text.len(), "cloud.cfg is not as it was");
        Ok(fs::write(path, moved)?)
    }

    /// As [`chroot`], in the guest's tree.
    pub fn chroot(&self, script: &str, args: &[&str]) -> Result<String> {
        chroot(&self.tree, script, args)
    }

    /// An initramfs by the guest's own `mkinitramfs`, with just these modules (and what they need)
    /// in it.
    pub fn initramfs(&self, modules: &[&str]) -> Result<Vec<u8>> {
        // A configuration directory of its own keeps the guest's tree as it is.
        const MAKE: &str = r#"
            mkdir /tmp/out
            cp -a /etc/initramfs-tools /tmp/configuration
            sed -i -e 's/^MODULES=.*/MODULES=list/' -e 's/^COMPRESS=.*/COMPRESS=zstd/' \
                /tmp/configuration/initramfs.conf
            printf 'COMPRESSLEVEL=19\n' >> /tmp/configuration/initramfs.conf
            kernel=$1; shift
            printf '%s\n' "$@" > /tmp/configuration/modules
            mkinitramfs -d /tmp/configuration -o /tmp/out/initrd.img "$kernel" >&2
            cp /tmp/out/initrd.img /var/tmp/initrd.img
        "#;
        let args: Vec<&str> =
            std::iter::once(self.kernel.as_str()).chain(modules.iter().copied()).collect();
        self.chroot(MAKE, &args)?;
        let made = self.tree.join("var/tmp/initrd.img");
        let bytes = fs::read(&made)?;
        fs::remove_file(&made)?;
        Ok(bytes)
    }
}

/// Arguments of `unshare` before [`ENTER`].
pub const UNSHARE: &str = "--mount --pid --fork -- sh -c";

/// What [`chroot`] does: its arguments are a tree and a shell script with its arguments.
pub const ENTER: &str = r#"
    set -e
    tree=$1; shift
    mount --make-rprivate /
    mount --bind "$tree" "$tree"
    mount -t proc proc "$tree/proc"
    mount -t tmpfs tmpfs "$tree/tmp"
    mount -t tmpfs tmpfs "$tree/run"
    exec chroot "$tree" /bin/sh -e -c "$@"
"#;

/// Runs a shell script in a guest's tree, with a `/proc`, `/tmp` and `/run` of its own, which are
/// gone when it ends.
pub fn chroot(tree: &Path, script: &str, args: &[&str]) -> Result<String> {
    let mut tool = Tool::new("unshare")
        .words(UNSHARE)
        .arg(ENTER)
        .arg("enter")
        .arg(tree)
        .arg(script)
        .arg("sh")
        .env("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin")
        .env("DEBIAN_FRONTEND", "noninteractive");
    for arg in args {
        tool = tool.arg(arg);
    }
    tool.run()
}

/// The tar archive of the installed packages, from the machine's own package sources.
fn packages(kernel: Kernel) -> Result<PathBuf> {
    let cache = workspace::cache()?;
    let tar = cache.join(format!("{}-{RECIPE}.tar", kernel.tree()));
    if tar.exists() {
        return Ok(tar);
    }
    let partial = cache.join("partial.tar");
    bootstrap(&format!("{PACKAGES},{}", kernel.package()), &partial)?;
    fs::set_permissions(&partial, fs::Permissions::from_mode(0o644))?;
    fs::rename(&partial, &tar)?;
    Ok(tar)
}

/// Installs these packages and what they need into `target`, an archive or a directory, from the
/// machine's own package sources.
pub fn bootstrap(packages: &str, target: &Path) -> Result<()> {
    let mut tool = Tool::new("mmdebstrap")
        .words("--variant=minbase --mode=root --quiet")
        // A mirror may be a snapshot, whose index has run out.
        .arg("--aptopt=Acquire::Check-Valid-Until \"false\"")
        .arg(format!("--include={packages}"))
        .arg(SUITE)
        .arg(target);
    for source in package_sources()? {
        tool = tool.arg(source);
    }
    tool.run()?;
    Ok(())
}

/// The files of the machine's apt configuration that name the suite.
pub fn package_sources() -> Result<Vec<PathBuf>> {
    let mut candidates = vec![PathBuf::from("/etc/apt/sources.list")];
    if let Ok(entries) = fs::read_dir("/etc/apt/sources.list.d") {
        candidates.extend(entries.filter_map(|entry| Some(entry.ok()?.path())));
    }
    candidates.sort();
    candidates.retain(|path| {
        path.extension().is_some_and(|extension| extension == "list" || extension == "sources")
            && fs::read_to_string(path)
                .is_ok_and(|text| text.split_whitespace().any(|word| word == SUITE))
    });
    anyhow::ensure!(
        !candidates.is_empty(),
        "no file of /etc/apt/sources.list* names {SUITE}: the guest is built from this machine's \
         package sources"
    );
    Ok(candidates)
}
