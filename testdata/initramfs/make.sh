#!/bin/sh
# Makes the archives here with GNU cpio, zstd, gzip, xz, bzip2 and lz4.
# usage: ./make.sh DIRECTORY-FOR-INTERMEDIATE-FILES
#
# The main archive unpacks to more than one buffer of the reader (128 KiB), and has what is no module
# beside what is one: a directory, an empty file, a symbolic link, a hard link, a text with a name.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
mkdir -p "$1" && cd "$1"

mkdir -p early/kernel/x86/microcode main/conf main/etc main/bin
head -c 2000 /dev/zero | tr '\0' M > early/kernel/x86/microcode/GenuineIntel.bin

drivers=usr/lib/modules/6.1.0-56-amd64/kernel/drivers
for module in virtio/virtio.ko virtio/virtio_ring.ko virtio/virtio_pci.ko block/virtio_blk.ko \
    net/virtio_net.ko.xz scsi/virtio_scsi.ko.zst block/xen-blkfront.ko.gz net/xen-netfront.ko \
    ata/ata_piix.ko; do
    mkdir -p "main/$drivers/$(dirname $module)"
    seq 1 900 | sed "s|^|$module |" > "main/$drivers/$module"
done
echo '#!/bin/sh' > main/init && chmod +x main/init
ln -s usr/lib main/lib
: > "main/$drivers/virtio/empty"
ln "main/$drivers/virtio/virtio.ko" main/bin/hardlink
ln -s virtio.ko "main/$drivers/virtio/only_a_link.ko"
printf 'virtio_blk.ko is only named here' > main/conf/modules

(cd early && find . -mindepth 1 | sort | cpio --reproducible -o -H newc) > early.cpio
for format in newc crc odc; do
    (cd main && find . | sort | cpio --reproducible -o -H $format) > main-$format.cpio
done
mv main-newc.cpio main.cpio

for archive in early main main-crc main-odc; do
    zstd -q -f -19 $archive.cpio -o "$here/$archive.cpio.zst"
done
gzip -9nc main.cpio > "$here/main.cpio.gz"
xz --check=crc32 -c main.cpio > "$here/main.cpio.xz"
xz --format=lzma -c main.cpio > "$here/main.cpio.lzma"
bzip2 -c main.cpio > "$here/main.cpio.bz2"
lz4 -l -9 -c main.cpio > "$here/main.cpio.lz4"
lz4 -9 -c main.cpio > "$here/main.cpio.lz4-modern"
