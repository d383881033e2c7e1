//! Which programs that make an initramfs the guest has, of those of which a distribution has a choice.

use crate::filesystem::tree::Tree;
use crate::guest::facts::InitramfsMaker;

/// Where the programs are.
const DRACUT: [&str; 3] = ["/usr/bin/dracut", "/usr/sbin/dracut", "/sbin/dracut"];
const MKINITCPIO: [&str; 2] = ["/usr/bin/mkinitcpio", "/usr/sbin/mkinitcpio"];
const MKINITFS: [&str; 2] = ["/sbin/mkinitfs", "/usr/sbin/mkinitfs"];
const UPDATE_INITRAMFS: &str = "/usr/sbin/update-initramfs";

/// A word of the script by that name which starts dracut (Ubuntu's since 25.10, "adapted for
/// dracut"); that of initramfs-tools has it nowhere.
const WRAPPER: &str = "dracut";

/// Longest of these scripts in bytes; that of initramfs-tools 0.142 has 6908.
const MAX_SCRIPT: u64 = 64 << 10;

/// The programs that are there. What cannot be read counts as there, so that it is no program alone
/// that is seen.
pub fn initramfs_makers(tree: &Tree) -> Vec<InitramfsMaker> {
    let any = |paths: &[&str]| paths.iter().any(|path| tree.exists(path).unwrap_or(true));
    let is_tools = match tree.read_text(UPDATE_INITRAMFS, MAX_SCRIPT) {
        Ok(script) => !script.contains(WRAPPER),
        Err(error) => !error.is_absent(),
    };
    let found = [
        (any(&DRACUT), InitramfsMaker::Dracut),
        (any(&MKINITCPIO), InitramfsMaker::Mkinitcpio),
        (any(&MKINITFS), InitramfsMaker::Mkinitfs),
        (is_tools, InitramfsMaker::InitramfsTools),
    ];
    found.into_iter().filter_map(|(is_there, maker)| is_there.then_some(maker)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::filesystem::memory::MemoryFs;

    #[test]
    fn the_makers_are_told_by_their_programs() {
        let makers = |fs: MemoryFs| initramfs_makers(&fs.tree());
        assert_eq!(makers(MemoryFs::new().file("/etc/fstab", "")), []);
        // As initramfs-tools 0.142 of Debian 12 has it, and dracut 059 beside it (dracut-core).
        let script = "if mkinitramfs ${OPTS} \"${initramfs}.new\" \"${version}\"; then\n";
        let tools = || MemoryFs::new().file("/usr/sbin/update-initramfs", script);
        assert_eq!(makers(tools()), [InitramfsMaker::InitramfsTools]);
        let both = tools().file("/usr/bin/dracut", "#!/bin/bash --norc\n");
        assert_eq!(makers(both), [InitramfsMaker::Dracut, InitramfsMaker::InitramfsTools]);
        // One that is not read may be either, and the distribution's usual one counts.
        let unread = MemoryFs::new().file("/usr/bin/dracut", "").unreadable(UPDATE_INITRAMFS);
        assert_eq!(makers(unread), [InitramfsMaker::Dracut, InitramfsMaker::InitramfsTools]);
        // A script of that name that starts dracut is none of initramfs-tools.
        let wrapper = MemoryFs::new()
            .file("/usr/bin/dracut", "#!/bin/bash --norc\n")
            .file("/usr/sbin/update-initramfs", "# adapted for dracut\ndracut --force\n");
        assert_eq!(makers(wrapper), [InitramfsMaker::Dracut]);
        // CentOS 6; Alpine; Arch.
        assert_eq!(makers(MemoryFs::new().file("/sbin/dracut", "")), [InitramfsMaker::Dracut]);
        let alpine = MemoryFs::new().file("/sbin/mkinitfs", "");
        assert_eq!(makers(alpine), [InitramfsMaker::Mkinitfs]);
        let arch = MemoryFs::new().file("/usr/bin/mkinitcpio", "");
        assert_eq!(makers(arch), [InitramfsMaker::Mkinitcpio]);
    }
}
