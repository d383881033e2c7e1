//! Guests of other distributions, written after the format of their files: the layout of
//! CentOS 7 and of RHEL 9. No file of theirs is copied; kernel and modules are the beginnings of
//! Debian's under the names that theirs have.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use anyhow::Result;

use super::small::{self, PROGRAM_CUT, Tree, archive};
use crate::guest::debian::Debian;
use crate::guest::grub;
use crate::guest::identity::{ROOT_HASH, ROOT_UUID};

/// What differs between the distributions here.
struct Distribution {
    os_release: &'static str,
    release_file: (&'static str, &'static str),
    kernel: &'static str,
    suffix: &'static str,
    /// cloud-init's version, and the directory of its modules.
    cloud_init: (&'static str, &'static str),
    /// The configuration of the network card.
    network: (&'static str, &'static str),
}

const CENTOS_7: Distribution = Distribution {
    os_release: "NAME=\"CentOS Linux\"\nVERSION=\"7 (Core)\"\nID=\"centos\"\nID_LIKE=\"rhel fedora\"\n\
        VERSION_ID=\"7\"\nPRETTY_NAME=\"CentOS Linux 7 (Core)\"\n",
    release_file: ("etc/centos-release", "CentOS Linux release 7.6.1810 (Core)\n"),
    kernel: "3.10.0-957.el7.x86_64",
    suffix: "ko.xz",
    cloud_init: ("18.2", "usr/lib/python2.7/site-packages"),
    network: (
        "etc/sysconfig/network-scripts/ifcfg-eth0",
        "DEVICE=eth0\nBOOTPROTO=dhcp\nONBOOT=yes\nTYPE=Ethernet\nPERSISTENT_DHCLIENT=1\n",
    ),
};

const RHEL_9: Distribution = Distribution {
    os_release: "NAME=\"Red Hat Enterprise Linux\"\nVERSION=\"9.3 (Plow)\"\nID=\"rhel\"\n\
        ID_LIKE=\"fedora\"\nVERSION_ID=\"9.3\"\nPLATFORM_ID=\"platform:el9\"\n\
        PRETTY_NAME=\"Red Hat Enterprise Linux 9.3 (Plow)\"\n",
    release_file: ("etc/redhat-release", "Red Hat Enterprise Linux release 9.3 (Plow)\n"),
    kernel: "5.14.0-362.8.1.el9_3.x86_64",
    suffix: "ko.xz",
    cloud_init: ("23.1.1", "usr/lib/python3.9/site-packages"),
    network: (
        "etc/NetworkManager/system-connections/eth0.nmconnection",
        "[connection]\nid=eth0\ntype=ethernet\ninterface-name=eth0\n\n[ipv4]\nmethod=auto\n",
    ),
};

/// The modules and their directories below `kernel/`.
const MODULES: &[&str] = &[
    "drivers/ata/ata_generic",
    "drivers/ata/ata_piix",
    "drivers/block/virtio_blk",
    "drivers/block/xen-blkfront",
    "drivers/net/virtio_net",
    "drivers/net/xen-netfront",
    "drivers/scsi/virtio_scsi",
    "drivers/virtio/virtio",
    "drivers/virtio/virtio_pci",
    "drivers/virtio/virtio_ring",
];

impl Distribution {
    fn tree(&self, debian: &Debian) -> Result<Tree> {
        let tree = Tree::empty()?;
        for (link, target) in
            [("bin", "usr/bin"), ("sbin", "usr/sbin"), ("lib", "usr/lib"), ("lib64", "usr/lib64")]
        {
            tree.link(target, link)?;
            fs::create_dir_all(tree.path(target))?;
        }
        for dir in ["dev", "proc", "sys", "run", "tmp", "root", "home"] {
            fs::create_dir_all(tree.path(dir))?;
        }
        let program = fs::read(debian.tree.join("usr/bin/dash"))?;
        let program = program.get(..PROGRAM_CUT).unwrap_or(&program);
        let programs = [
            "usr/bin/bash",
            "usr/lib64/ld-linux-x86-64.so.2",
            "usr/lib/systemd/systemd",
            "usr/sbin/NetworkManager",
            "usr/sbin/sshd",
        ];
        for path in programs {
            tree.write_bytes(path, program)?;
            fs::set_permissions(tree.path(path), fs::Permissions::from_mode(0o755))?;
        }
        tree.link("bash", "usr/bin/sh")?;
        tree.link("../lib/systemd/systemd", "usr/sbin/init")?;
        tree.write("usr/lib/os-release", self.os_release)?;
        tree.link("../usr/lib/os-release", "etc/os-release")?;
        tree.write(self.release_file.0, self.release_file.1)?;
        tree.write(
            "etc/fstab",
            &format!("\n# /etc/fstab\nUUID={ROOT_UUID} / ext4 defaults 1 1\n"),
        )?;
        tree.write("etc/passwd", "root:x:0:0:root:/root:/bin/bash\n")?;
        tree.write("etc/group", "root:x:0:\nwheel:x:10:\n")?;
        tree.write("etc/shadow", &format!("root:{ROOT_HASH}:19700:0:99999:7:::\n"))?;
        tree.write("usr/bin/cloud-init", "#!/usr/bin/python3\n")?;
        tree.write(
            "etc/cloud/cloud.cfg",
            "users:\n- name: root\n  lock_passwd: false\ndisable_root: 0\nssh_pwauth: 1\n\
             network: {config: disabled}\ncloud_init_modules:\n - ssh\n - migrator\n - bootcmd\n \
             - write-files\n - growpart\n - resizefs\n - set_hostname\n - update_hostname\n \
             - update_etc_hosts\n - rsyslog\n - users-groups\n\
             datasource_list: [ OpenStack ]\ndatasource:\n  \
             OpenStack:\n    metadata_urls: ['http://169.254.169.254']\n    max_wait: 120\n    \
             timeout: 5\n",
        )?;
        let (version, modules) = self.cloud_init;
        tree.write(
            &format!("{modules}/cloudinit/version.py"),
            &format!("__VERSION__ = \"{version}\"\n"),
        )?;
        let (path, text) = self.network;
        tree.write(path, text)?;
        if path.ends_with(".nmconnection") {
            // NetworkManager loads no keyfile that others may read.
            fs::set_permissions(tree.path(path), fs::Permissions::from_mode(0o600))?;
        }
        tree.write("etc/sysconfig/network", "NOZEROCONF=yes\n")?;
        tree.write(
            "usr/lib/systemd/system/cloud-init.target",
            "[Unit]\nDescription=Cloud-init target\nAfter=multi-user.target\n",
        )?;
        tree.write(
            "usr/lib/systemd/system/multi-user.target",
            "[Unit]\nDescription=Multi-User System\nAllowIsolate=yes\n",
        )?;
        tree.link("multi-user.target", "usr/lib/systemd/system/default.target")?;
        for unit in ["cloud-init-local", "cloud-init", "cloud-config", "cloud-final"] {
            let path = format!("usr/lib/systemd/system/{unit}.service");
            tree.write(
                &path,
                "[Service]\nType=oneshot\nExecStart=/usr/bin/cloud-init\n\
                 [Install]\nWantedBy=cloud-init.target\n",
            )?;
            for target in ["cloud-init", "multi-user"] {
                tree.link(
                    &format!("/{path}"),
                    &format!("etc/systemd/system/{target}.target.wants/{unit}.service"),
                )?;
            }
        }
        for unit in ["sshd", "NetworkManager"] {
            let path = format!("usr/lib/systemd/system/{unit}.service");
            tree.write(
                &path,
                &format!(
                    "[Service]\nExecStart=/usr/sbin/{unit}\n[Install]\nWantedBy=multi-user.target\n"
                ),
            )?;
            let wants = format!("etc/systemd/system/multi-user.target.wants/{unit}.service");
            tree.link(&format!("/{path}"), &wants)?;
        }
        self.kernel(debian, &tree)?;
        Ok(tree)
    }

    fn kernel(&self, debian: &Debian, tree: &Tree) -> Result<()> {
        let kernel = self.kernel;
        let modules = format!("usr/lib/modules/{kernel}");
        let content = fs::read(debian.tree.join(format!(
            "usr/lib/modules/{}/kernel/drivers/block/virtio_blk.ko",
            debian.kernel
        )))?;
        let content = content.get(..PROGRAM_CUT).unwrap_or(&content);
        let staging = Tree::empty()?;
        let mut dep = String::new();
        for module in MODULES {
            let place = format!("kernel/{module}.{}", self.suffix);
            staging.write_bytes(&format!("{modules}/{place}"), content)?;
            dep.push_str(&format!("{place}:\n"));
        }
        staging.link("usr/lib", "lib")?;
        let names: Vec<&str> = MODULES.iter().filter_map(|path| path.rsplit('/').next()).collect();
        let aliases = small::aliases(debian, &names)?;
        for tree in [&staging, tree] {
            tree.write(&format!("{modules}/modules.dep"), &dep)?;
            tree.write(&format!("{modules}/modules.alias"), &aliases)?;
        }
        tree.write(
            &format!("{modules}/modules.builtin"),
            "kernel/fs/ext4/ext4.ko\nkernel/drivers/ata/libata.ko\n",
        )?;
        tree.write(
            &format!("boot/config-{kernel}"),
            "CONFIG_PCI=y\nCONFIG_ATA=y\nCONFIG_ATA_PIIX=m\nCONFIG_VIRTIO=m\nCONFIG_VIRTIO_BLK=m\n\
             CONFIG_XEN_BLKDEV_FRONTEND=m\n",
        )?;
        tree.write_bytes(&format!("boot/initramfs-{kernel}.img"), &archive(staging.root())?)?;
        tree.write_bytes(&format!("boot/vmlinuz-{kernel}"), &small::kernel(debian, Some(kernel))?)
    }
}

/// CentOS 7: `/boot/grub2`, `linux16` and `initrd16`, a saved default that names the entry by its
/// title.
pub fn centos_7(debian: &Debian) -> Result<Tree> {
    let tree = CENTOS_7.tree(debian)?;
    let kernel = CENTOS_7.kernel;
    let title = format!("CentOS Linux ({kernel}) 7 (Core)");
    tree.grub_files("boot/grub2")?;
    tree.write("boot/grub2/grubenv", &grub::grubenv(&format!("saved_entry={title}\n")))?;
    tree.write(
        "boot/grub2/grub.cfg",
        &format!(
            r#"set pager=1

if [ -s $prefix/grubenv ]; then
  load_env
fi
if [ "${{next_entry}}" ] ; then
   set default="${{next_entry}}"
   set next_entry=
   save_env next_entry
   set boot_once=true
else
   set default="${{saved_entry}}"
fi

set timeout=5

menuentry '{title}' --class centos --class gnu-linux --class gnu --class os --unrestricted $menuentry_id_option 'gnulinux-{kernel}-advanced-{ROOT_UUID}' {{
	load_video
	set gfxpayload=keep
	insmod gzio
	insmod part_msdos
	insmod ext2
	set root='hd0,msdos1'
	if [ x$feature_platform_search_hint = xy ]; then
	  search --no-floppy --fs-uuid --set=root --hint-bios=hd0,msdos1 --hint-efi=hd0,msdos1 --hint-baremetal=ahci0,msdos1 --hint='hd0,msdos1'  {ROOT_UUID}
	else
	  search --no-floppy --fs-uuid --set=root {ROOT_UUID}
	fi
	linux16 /boot/vmlinuz-{kernel} root=UUID={ROOT_UUID} ro console=tty0 crashkernel=auto net.ifnames=0 console=ttyS0
	initrd16 /boot/initramfs-{kernel}.img
}}
"#
        ),
    )?;
    Ok(tree)
}

/// RHEL 9: entries after the Boot Loader Specification, `kernelopts` of older ones in grubenv.
pub fn rhel_9(debian: &Debian) -> Result<Tree> {
    const MACHINE: &str = "0123456789abcdef0123456789abcdef";
    let tree = RHEL_9.tree(debian)?;
    let kernel = RHEL_9.kernel;
    tree.grub_files("boot/grub2")?;
    tree.write(
        "boot/grub2/grubenv",
        &grub::grubenv(&format!("saved_entry={MACHINE}-{kernel}\nboot_success=0\n")),
    )?;
    tree.write(
        "boot/grub2/grub.cfg",
        &format!(
            r#"set pager=1

if [ -f ${{config_directory}}/grubenv ]; then
  load_env -f ${{config_directory}}/grubenv
elif [ -s $prefix/grubenv ]; then
  load_env
fi
if [ "${{next_entry}}" ] ; then
   set default="${{next_entry}}"
   set next_entry=
   save_env next_entry
   set boot_once=true
else
   set default="${{saved_entry}}"
fi

set timeout=5

insmod part_msdos
insmod ext2
search --no-floppy --fs-uuid --set=root {ROOT_UUID}
set boot={ROOT_UUID}

# This section was generated by a script. Do not modify the generated file - all changes
# will be lost the next time file is regenerated. Instead edit the BootLoaderSpec files.
insmod blscfg
blscfg
"#
        ),
    )?;
    tree.write(
        &format!("boot/loader/entries/{MACHINE}-{kernel}.conf"),
        &format!(
            "title Red Hat Enterprise Linux ({kernel}) 9.3 (Plow)\nversion {kernel}\n\
             linux /boot/vmlinuz-{kernel}\ninitrd /boot/initramfs-{kernel}.img $tuned_initrd\n\
             options root=UUID={ROOT_UUID} ro console=tty0 console=ttyS0 net.ifnames=0 \
             crashkernel=1G-4G:192M $tuned_params\n\
             grub_users $grub_users\ngrub_arg --unrestricted\ngrub_class rhel\n"
        ),
    )?;
    Ok(tree)
}
