#!/bin/bash
# Makes the images here with mkfs.vfat (dosfstools), mtools and zstd.
# usage: ./make.sh DIRECTORY-FOR-INTERMEDIATE-FILES
#
# files.list is what `mcopy -s -m` gets out of an image again; it is the same for all three.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
export TZ=UTC LC_ALL=C.UTF-8 MTOOLS_SKIP_CHECK=1
mkdir -p "$1" && cd "$1"

mkdir -p files/EFI/BOOT files/efi.d "files/Long directory name" files/many files/holes
(
    cd files
    seq 1 200 > EFI/BOOT/BOOTX64.EFI
    seq 1 50 > lower.txt
    seq 1 51 > UPPER.TXT
    seq 1 52 > lower.EXT
    seq 1 53 > MiXeD.Txt
    : > empty
    echo x > "Long directory name/a file with a name of more than thirteen characters.conf"
    echo long > "$(printf 'n%.0s' $(seq 1 250)).txt"
    echo t > ttttttttttttt
    echo u > "Grüße äöü.txt"
    echo e > "emoji 😀.txt"
    echo k > "漢字.txt"
    echo d > "two..dots...name"
    for i in $(seq 1 70); do echo "$i" > "many/file number $i.txt"; done
    for i in $(seq 1 30); do seq "$i" 180 | head -c 400 > "holes/h$i"; done
    seq 1 2500 > fragmented.bin
    find . -mindepth 1 -exec touch -d '2025-06-07 08:09:10 UTC' {} +
    touch -d '2024-02-29 12:34:56 UTC' lower.txt
    touch -d '1980-01-01 00:00:00 UTC' lower.EXT
    touch -d '2099-12-31 23:59:58 UTC' UPPER.TXT
    touch -d '2000-03-01 UTC' MiXeD.Txt
)
echo again > again
touch -d '2025-06-07 08:09:10 UTC' again

for width in 12 16 32; do
    case $width in
        12) size=1440k per_cluster=2 ;;
        16) size=4200k per_cluster=1 ;;
        32) size=34000k per_cluster=1 ;;
    esac
    image=fat$width.img
    rm -f "$image" && truncate -s "$size" "$image"
    mkfs.vfat -F $width -s $per_cluster -n LABEL -i 1234abcd --invariant "$image"
    for file in files/*; do
        [ "$file" = files/fragmented.bin ] || mcopy -i "$image" -s -m "$file" ::/
    done
    for i in $(seq 1 3 70); do mdel -i "$image" "::/many/file number $i.txt"; done
    for i in $(seq 1 2 30); do mdel -i "$image" "::/holes/h$i"; done
    # FSInfo: let the search for free clusters begin where the holes are.
    [ $width != 32 ] || printf '\2\0\0\0' | dd of="$image" bs=1 seek=1004 conv=notrunc status=none
    mcopy -i "$image" -m files/fragmented.bin ::/
    mcopy -i "$image" -m again "::/many/reused name, quite long.txt"
    mattrib -i "$image" +r ::/UPPER.TXT
    fsck.vfat -n "$image"

    rm -rf out && mkdir out && mcopy -i "$image" -s -m -n '::/*' out/
    python3 - > files.list <<'PY'
import os, zlib
rows = []
for directory, directories, files in os.walk('out'):
    for name in directories + files:
        path = os.path.join(directory, name)
        if os.path.isdir(path):
            rows.append(path[3:] + '\td')
        else:
            status, crc = os.stat(path), zlib.crc32(open(path, 'rb').read())
            rows.append(f'{path[3:]}\tf\t{status.st_size}\t{int(status.st_mtime)}\t{crc:08x}')
print('\n'.join(sorted(rows)))
PY
    [ $width = 12 ] || cmp files.list "$here/files.list"
    cp files.list "$here/files.list"
    zstd -q -f -19 --long=26 "$image" -o "$here/$image.zst"
done
