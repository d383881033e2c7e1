#!/bin/bash
# Makes windows.qcow2 of this folder's hives: an MBR disk with a FAT partition that has the boot
# configuration, and an NTFS partition (mkntfs, ntfs-3g with FUSE) with the hives where Windows has them.
# Needs root, ntfs-3g, dosfstools, mtools, fdisk, qemu-utils, zstd.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'umount "$work/mount" 2>/dev/null || true; rm -rf "$work"' EXIT
mkdir "$work/mount"

unpack() { zstd -dqc "$here/$1.zst"; }

truncate -s 1M "$work/boot"
mkfs.vfat -i 00c0ffee "$work/boot" >/dev/null
unpack before >"$work/BCD"
mmd -i "$work/boot" ::Boot
mcopy -i "$work/boot" "$work/BCD" ::Boot/BCD

truncate -s 6M "$work/windows"
mkntfs --quiet --fast --force --label Windows "$work/windows" 2>/dev/null
ntfs-3g "$work/windows" "$work/mount"
config=$work/mount/Windows/System32/config
mkdir -p "$config"
unpack version-3 >"$config/SYSTEM"
unpack kinds >"$config/SOFTWARE"
unpack dirty-new >"$config/SAM"
unpack dirty-new.LOG1 >"$config/SAM.LOG1"
unpack dirty-new.LOG2 >"$config/SAM.LOG2"
unpack dirty-new >"$config/DRIVERS"
unpack before >"$config/DEFAULT"
: >"$config/SYSTEM.LOG1"
echo 'no hive' >"$config/SECURITY"
umount "$work/mount"

truncate -s 8M "$work/disk"
sfdisk -q "$work/disk" <<'TABLE'
label: dos
label-id: 0x57494e31
start=1MiB, size=1MiB, type=6, bootable
start=2MiB, size=6MiB, type=7
TABLE
dd if="$work/boot" of="$work/disk" bs=1M seek=1 conv=notrunc,sparse status=none
dd if="$work/windows" of="$work/disk" bs=1M seek=2 conv=notrunc,sparse status=none
qemu-img convert -c -O qcow2 -o compression_type=zstd,cluster_size=8k "$work/disk" "$here/windows.qcow2"
