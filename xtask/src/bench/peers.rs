//! The tools that the check is compared with, installed below target/xtask when they are not there.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use super::measure::Measure;
use crate::guest::debian::{self, SUITE};
use crate::tool::Tool;
use crate::workspace;

/// The version of dissect.target that is compared with.
pub const DISSECT: &str = "3.25.1";

/// What virt-inspector takes in a tree of its own: the machine's QEMU may be of another release, which
/// Debian's libguestfs does not go with.
const VIRT_INSPECTOR: &str = "libguestfs-tools,linux-image-amd64,qemu-system-x86";

/// Runs of virt-inspector at most: it starts a virtual machine, which takes long without KVM.
const VIRT_INSPECTOR_RUNS: u32 = 3;

const VIRT_INSPECT: &str = "env LIBGUESTFS_BACKEND=direct virt-inspector --format=raw -a";

/// `target-query` of dissect.target, asked for what it says of a machine at a glance.
pub fn dissect(name: &str, image: &Path) -> Result<Measure> {
    let venv = workspace::cache()?.join(format!("dissect-{DISSECT}"));
    let done = venv.join("done");
    if !done.exists() {
        Tool::new("python3").words("-m venv --clear").arg(&venv).run()?;
        let pip = venv.join("bin/pip");
        Tool::new(&pip.to_string_lossy())
            .words("install --quiet --disable-pip-version-check")
            .arg(format!("dissect.target[full]=={DISSECT}"))
            .run()?;
        fs::write(&done, "")?;
    }
    let query = venv.join("bin/target-query");
    let what = format!("target-query -f os,version,hostname, {name}");
    let measure = Measure::new(what, &query, "-q -f os,version,hostname").arg(image);
    measure.prints(&["linux", "Debian", "guest"])?;
    Ok(measure)
}

/// `virt-inspector` of libguestfs, without libvirt between.
pub fn virt_inspector(name: &str, image: &Path) -> Result<Measure> {
    let tree = libguestfs_tree()?;
    // By its own name in the tree: a hard link, which costs nothing.
    let file = image.file_name().context("an image without a name")?;
    let inside = tree.join(file);
    if inside.exists() {
        fs::remove_file(&inside)?;
    }
    fs::hard_link(image, &inside).context("a link to the image in libguestfs's tree")?;
    let line = format!("{VIRT_INSPECT} /{}", file.to_string_lossy());
    let what = format!("virt-inspector, {name}");
    let measure = Measure::new(what, Path::new("unshare"), debian::UNSHARE)
        .arg(debian::ENTER)
        .arg("enter")
        .arg(&tree)
        .arg(format!("export PATH=/usr/sbin:/usr/bin:/sbin:/bin; exec {line}"))
        .typed(line)
        .most_runs(VIRT_INSPECTOR_RUNS);
    // The first run puts the virtual machine's own disk together, too, and keeps it.
    measure.prints(&["<distro>debian</distro>", "<hostname>guest</hostname>"])?;
    Ok(measure)
}

/// Its version, and how it runs.
pub fn libguestfs() -> Result<String> {
    let version = debian::chroot(&libguestfs_tree()?, "virt-inspector --version", &[])?;
    let accelerator = if kvm()? { "KVM" } else { "TCG, no KVM" };
    Ok(format!("{} ({SUITE}'s, direct backend, {accelerator})", version.trim()))
}

/// The tree that libguestfs is installed in.
fn libguestfs_tree() -> Result<PathBuf> {
    let cache = workspace::cache()?;
    let tree = cache.join("libguestfs");
    let done = cache.join("libguestfs.packages");
    if fs::read_to_string(&done).ok().as_deref() != Some(VIRT_INSPECTOR) {
        if tree.exists() {
            fs::remove_dir_all(&tree)?;
        }
        debian::bootstrap(VIRT_INSPECTOR, &tree)?;
        fs::write(&done, VIRT_INSPECTOR)?;
    }
    let inside = tree.join("dev/kvm");
    match (kvm()?, inside.exists()) {
        (true, false) => drop(Tool::new("cp").words("--archive /dev/kvm").arg(inside).run()?),
        (false, true) => fs::remove_file(inside)?,
        _ => {}
    }
    Ok(tree)
}

/// Whether this machine runs any guest with KVM. Where the processor shows no virtualisation of its
/// own, the kernel may offer `/dev/kvm` all the same (`kvm_pvm`), but only for kernels made for it:
/// any other hangs at its start.
fn kvm() -> Result<bool> {
    let processor = fs::read_to_string("/proc/cpuinfo")?;
    let mut flags = processor.split_whitespace();
    Ok(flags.any(|flag| matches!(flag, "vmx" | "svm")) && Path::new("/dev/kvm").exists())
}
