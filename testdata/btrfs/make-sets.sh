#!/bin/bash
# Makes the disks of this folder with a file system over several partitions (set-*.img.zst), and
# beside each the listing that the kernel's own mount of all devices gives. Needs root, loop devices,
# btrfs-progs 6.2, sfdisk, zstd and Python. The results are committed.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
mnt=$work/mnt
mkdir "$mnt"
loops=()
cleanup() {
    umount "$mnt" 2>/dev/null || true
    for loop in "${loops[@]}"; do losetup -d "$loop" 2>/dev/null || true; done
    loops=()
    btrfs device scan --forget 2>/dev/null || true
}
trap 'cleanup; rm -rf "$work"' EXIT

size=126 # MiB of each partition: copies are near enough for zstd to find them
text() { seq -s ' ' "$1" "$2"; }

# A disk with so many partitions, and a loop device for each.
disk() { # NAME COUNT
    truncate -s "$((1 + $2 * size))M" "$work/$1.img"
    { echo 'label: gpt'; for n in $(seq "$2"); do echo "start=$((1 + (n - 1) * size))MiB, size=$((size - (n == $2)))MiB"; done; } |
        sfdisk -q "$work/$1.img"
    attach "$1" "$2"
}

attach() { # NAME COUNT
    loops=()
    for n in $(seq "$2"); do
        loops+=("$(losetup -f --show -o "$((1 + (n - 1) * size))MiB" --sizelimit "$((size - (n == $2)))MiB" "$work/$1.img")")
    done
}

fill() {
    mkdir -p etc usr/lib many
    echo hello >etc/hello
    text 1 9000 >usr/lib/large
    text 1 60000 >usr/lib/striped          # several stripes of 64 KiB
    python3 -c '
import random; r = random.Random(1); open("usr/lib/random", "wb").write(r.randbytes(20000))'
    ln -s hello etc/link
    seq 300 | sed 's/.*/many\/a-name-&/' | xargs touch
    : >usr/lib/unsummed; chattr +C usr/lib/unsummed; text 1 20000 >usr/lib/unsummed
    find . -exec touch -h -d '2024-02-29 12:00:00 UTC' {} +
}

list() { # NAME: what is mounted
    { btrfs subvolume get-default "$mnt" | sed 's/^ID \([0-9]*\).*/#default \1/'; python3 "$here/list.py" "$mnt"; } |
        zstd -q -19 -f -o "$here/$1.list.zst"
}

keep() { zstd -q -19 --long=27 -f "$work/$1.img" -o "$here/$1.img.zst"; }

make() { # NAME COUNT DATA METADATA [mkfs-options]
    local name=$1 count=$2 data=$3 metadata=$4; shift 4
    disk "$name" "$count"
    mkfs.btrfs -q -f -d "$data" -m "$metadata" "$@" "${loops[@]}"
    btrfs device scan "${loops[@]}" >/dev/null
    mount -o noatime,compress=no "${loops[0]}" "$mnt"
    (cd "$mnt" && fill); sync -f "$mnt"
    list "$name"
    cleanup
    keep "$name"
}

make set-raid1 2 raid1 raid1
make set-raid0 3 raid0 raid0 -n 4096
make set-raid10 4 raid10 raid10
make set-raid1c3 3 raid1c3 raid1c3 --csum xxhash
make set-single 2 single dup

# The second device was away while files were changed. All that it has is old.
cp --sparse=always "$work/set-raid1.img" "$work/set-behind.img"
attach set-behind 2
btrfs device scan --forget
mount -o noatime,degraded "${loops[0]}" "$mnt"
(cd "$mnt" && text 20000 40000 >usr/lib/large
    python3 -c '
import os
f = os.open("usr/lib/unsummed", os.O_RDWR); os.pwrite(f, b"CHANGED " * 5000, 0); os.fsync(f)'
    rm many/a-name-7; echo new >etc/new
    find . -exec touch -h -d '2024-03-01 12:00:00 UTC' {} +)
sync -f "$mnt"; touch -d '2024-03-02 UTC' "$mnt/etc/new"; sync -f "$mnt"; list set-behind
cleanup
keep set-behind
ls -l "$here"/set-*
