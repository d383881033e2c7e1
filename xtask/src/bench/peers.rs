//! The tools that the check is compared with, installed below target/xtask when they are not there.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

use super::measure::Measure;
use crate::guest::debian::{self, SUITE};
use crate::tool::Tool;
use crate::workspace;

/// The version of dissect.target that is compared with.
const DISSECT: &str = "3.25.1";

/// What virt-inspector takes in a tree of its own: the machine's QEMU may be of another release, which
/// Debian's libguestfs does not go with.
const VIRT_INSPECTOR: &str = "libguestfs-tools,linux-image-amd64,qemu-system-x86";

/// Runs of virt-inspector at most: it starts a virtual machine, which takes minutes without KVM.
const VIRT_INSPECTOR_RUNS: u32 = 3;

const VIRT_INSPECT: &str =
    "env LIBGUESTFS_BACKEND=direct virt-inspector --format=raw -a /image.raw";

/// A tool to compare with.
pub struct Peer {
    pub version: String,
    pub measure: Measure,
}

/// `target-query` of dissect.target, asked for what it says of a machine at a glance.
pub fn dissect(image: &Path) -> Result<Peer> {
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
    let what = "target-query -f os,version,hostname, raw, 40 GiB";
    let measure = Measure::new(what, &query, "-q -f os,version,hostname").arg(image);
    measure.prints(&["linux", "Debian", "guest"])?;
    Ok(Peer { version: format!("dissect.target {DISSECT}"), measure })
}

/// `virt-inspector` of libguestfs, without libvirt between.
pub fn virt_inspector(image: &Path) -> Result<Peer> {
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
    // By its own name in the tree: a hard link, which costs nothing.
    let inside = tree.join("image.raw");
    if inside.exists() {
        fs::remove_file(&inside)?;
    }
    fs::hard_link(image, &inside).context("a link to the image in libguestfs's tree")?;
    let kvm = Path::new("/dev/kvm");
    if kvm.exists() && !tree.join("dev/kvm").exists() {
        Tool::new("cp").arg("--archive").arg(kvm).arg(tree.join("dev/kvm")).run()?;
    }
    let version = debian::chroot(&tree, "virt-inspector --version", &[])?.trim().to_owned();
    let accelerator = if kvm.exists() { "KVM" } else { "TCG, no KVM" };
    let measure =
        Measure::new("virt-inspector, raw, 40 GiB", Path::new("unshare"), debian::UNSHARE)
            .arg(debian::ENTER)
            .arg("enter")
            .arg(&tree)
            .arg(format!("export PATH=/usr/sbin:/usr/bin:/sbin:/bin; exec {VIRT_INSPECT}"))
            .typed(VIRT_INSPECT)
            .most_runs(VIRT_INSPECTOR_RUNS);
    // The first run puts the virtual machine's own disk together, too, and keeps it.
    measure.prints(&["<distro>debian</distro>", "<hostname>guest</hostname>"])?;
    Ok(Peer { version: format!("{version} ({SUITE}'s, direct backend, {accelerator})"), measure })
}
