#!/bin/sh
# Makes the images here with QEMU's own tools (qemu-img, qemu-io; 7.2 or newer) and zstd.
# usage: ./make.sh DIRECTORY-FOR-INTERMEDIATE-FILES
#
# Every disk is 3 MiB + 1536 bytes and holds the pattern that `pattern` in
# src/image/qcow2/fixture_tests.rs computes as well.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
mkdir -p "$1" && cd "$1"

python3 - <<'P'
SIZE = 3147264
def mix(x):
    M = (1 << 64) - 1
    x = (x + 0x9E3779B97F4A7C15) & M
    x = ((x ^ (x >> 30)) * 0xBF58476D1CE4E5B9) & M
    x = ((x ^ (x >> 27)) * 0x94D049BB133111EB) & M
    return x ^ (x >> 31)
disk = bytearray(SIZE)
for start, end in [(0, 1024), (70000, 200000), (1048576, 1052672), (SIZE - 700, SIZE)]:
    for o in range(start, end):
        disk[o] = ((o >> 9) * 31 + ((o & 511) >> 3)) & 255
for o in range(2097152, 2105344):
    disk[o] = (mix(o >> 3) >> (8 * (o & 7))) & 255
open('disk.raw', 'wb').write(disk)
P
SIZE=3147264

pack() { zstd -q -f -19 --long=27 "$1" -o "$here/$1.zst"; }

# convert NAME OPTIONS...: a copy of the disk.
convert() {
    name=$1.qcow2; shift
    qemu-img convert -f raw -O qcow2 "$@" disk.raw "$name"
    qemu-img compare -q -f raw -F qcow2 disk.raw "$name"
    qemu-img check -q "$name"
    pack "$name"
}
convert v2 -o compat=0.10
convert v3 -o compat=1.1
convert cluster-512 -o cluster_size=512
convert cluster-4k -o cluster_size=4k
convert cluster-2m -o cluster_size=2M
convert zlib-512 -c -o cluster_size=512
convert zlib-4k -c -o cluster_size=4k
convert zlib-64k -c
convert zlib-2m -c -o cluster_size=2M
convert zstd-4k -c -o cluster_size=4k,compression_type=zstd
convert zstd-64k -c -o compression_type=zstd
convert zstd-2m -c -o cluster_size=2M,compression_type=zstd
convert extended-l2-16k -o extended_l2=on,cluster_size=16k
convert extended-l2-64k -o extended_l2=on
convert extended-l2-zstd -c -o extended_l2=on,cluster_size=16k,compression_type=zstd
convert extended-l2-preallocated -o extended_l2=on,preallocation=metadata
convert preallocated-metadata -o preallocation=metadata
convert preallocated-falloc -o preallocation=falloc
for bits in 1 2 4 8 32 64; do
    convert refcount-$bits -o cluster_size=4k,refcount_bits=$bits
done

# Subclusters written one by one, some of them zeroed, and the end of the file in mid cluster.
qemu-img create -q -f qcow2 -o extended_l2=on,cluster_size=64k subclusters.qcow2 $SIZE
qemu-io -f qcow2 -c 'write -P 0x11 0 2k' -c 'write -P 0x22 6k 4k' -c 'write -z 8k 2k' \
    -c 'write -z 128k 64k' -c 'write -P 0x33 1M 64k' -c 'write -z 1026k 4k' \
    -c 'write -P 0x44 3000000 600' subclusters.qcow2 >subclusters.log
qemu-img check -q subclusters.qcow2
pack subclusters.qcow2

# Zero clusters, plain and preallocated, in version 3.
cp v3.qcow2 zeroed.qcow2
qemu-io -f qcow2 -c 'write -z 64k 64k' -c 'write -z -u 128k 64k' zeroed.qcow2 >zeroed.log
qemu-img check -q zeroed.qcow2
pack zeroed.qcow2

cp v3.qcow2 snapshots.qcow2
qemu-img snapshot -c first snapshots.qcow2
qemu-io -f qcow2 -c 'write -P 0x77 0 512' snapshots.qcow2 >snapshots.log
qemu-img snapshot -c 'the second' snapshots.qcow2
pack snapshots.qcow2

cp v3.qcow2 bitmap.qcow2
qemu-img bitmap --add bitmap.qcow2 backup
pack bitmap.qcow2

qemu-img create -q -f qcow2 empty.qcow2 10G
pack empty.qcow2

qemu-img create -q -f qcow2 -F raw -b disk.raw backing.qcow2
pack backing.qcow2
qemu-img create -q -f qcow2 -o data_file=disk.data data-file.qcow2 $SIZE
pack data-file.qcow2
for format in aes luks; do
    options=encrypt.format=$format,encrypt.key-secret=key
    [ $format = aes ] || options=$options,encrypt.iter-time=10
    qemu-img create -q -f qcow2 --object secret,id=key,data=secret \
        -o $options encrypted-$format.qcow2 $SIZE
done
# The key slots' material is random: as zeros it packs, and nothing here reads it.
python3 - <<'P'
import struct
with open('encrypted-luks.qcow2', 'r+b') as f:
    head = f.read(4096)
    at = head.index(bytes.fromhex('0537be77'))
    offset, length = struct.unpack('>QQ', head[at + 8:at + 24])
    f.seek(offset + 4096)
    f.write(bytes(length - 4096))
P
pack encrypted-aes.qcow2
pack encrypted-luks.qcow2

# Foreign formats.
foreign() { # NAME FORMAT [OPTIONS]
    qemu-img create -q -f "$2" ${3:+-o "$3"} "$1" 4M
    pack "$1"
}
foreign monolithic-sparse.vmdk vmdk subformat=monolithicSparse
foreign monolithic-flat.vmdk vmdk subformat=monolithicFlat
foreign stream-optimized.vmdk vmdk subformat=streamOptimized
foreign split-sparse.vmdk vmdk subformat=twoGbMaxExtentSparse
pack split-sparse-s001.vmdk
foreign dynamic.vhd vpc subformat=dynamic
foreign fixed.vhd vpc subformat=fixed
foreign dynamic.vhdx vhdx subformat=dynamic
foreign fixed.vhdx vhdx subformat=fixed
foreign dynamic.vdi vdi
foreign disk.qed qed
foreign disk.qcow qcow
