#!/bin/bash
# Makes the images of this folder, and beside each the listing that the kernel's own mount of the
# top-level subvolume gives. Needs root, loop devices, btrfs-progs 6.2, zstd and Python. The results
# are committed; nothing runs this but people.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
mnt=$work/mnt
mkdir "$mnt"
trap 'umount "$mnt" 2>/dev/null || true; rm -rf "$work"' EXIT

# A loop device that somebody still holds would be used again, with what it remembers.
detach() {
    umount "$mnt"
    while losetup --list --noheadings --output BACK-FILE | grep -q "^$work/"; do sleep 0.1; done
    btrfs device scan --forget 2>/dev/null || true
}

new() { # NAME SIZE mkfs-options
    local name=$1 size=$2; shift 2
    truncate -s "$size" "$work/$name.img"
    mkfs.btrfs -q -f "$@" "$work/$name.img"
}

mounted() { # NAME [mount options]
    mount -o "loop,noatime${2:+,$2}" "$work/$1.img" "$mnt"
}

keep() { # NAME [mount options]: compresses $work/NAME.img, lists what the kernel mounts of a copy
    local name=$1 options=${2:-subvolid=5}
    rm -f "$work/copy.img"
    cp --sparse=always "$work/$name.img" "$work/copy.img"
    mount -o "loop,ro,$options" "$work/copy.img" "$mnt"
    {
        btrfs subvolume list "$mnt" | sed 's/^ID \([0-9]*\) gen [0-9]* top level \([0-9]*\) path /#subvolume \1 \2 /'
        btrfs subvolume get-default "$mnt" | sed 's/^ID \([0-9]*\).*/#default \1/'
        python3 "$here/list.py" "$mnt"
    } | zstd -q -19 -f -o "$here/$name.list.zst"
    detach
    zstd -q -19 -f "$work/$name.img" -o "$here/$name.img.zst"
}

text() { seq -s ' ' "$1" "$2"; } # text that compresses

fill() { # the common tree, in the current directory
    mkdir -p etc/deep/er/still empty usr/lib
    echo 'hello' >etc/hello
    : >etc/nothing
    text 1 300 >etc/kilobyte
    text 1 9000 >usr/lib/large
    text 1 90000 >usr/lib/larger          # several compressed extents
    python3 -c '
import random; r = random.Random(1); open("usr/lib/random", "wb").write(r.randbytes(20000))'
    head -c 2048 usr/lib/large >etc/inline-2048
    head -c 2049 usr/lib/large >etc/not-inline
    ln -s hello etc/short
    ln -s "$(printf 's/%.0s' {1..1500})" etc/long
    ln etc/hello etc/hard
    mkdir links; for i in $(seq 40); do ln etc/kilobyte "links/$(printf 'l%.0s' {1..150})-$i"; done
    mkfifo usr/fifo
    mknod usr/null c 1 3
    mknod usr/disk b 8 0
    python3 -c 'import socket; socket.socket(socket.AF_UNIX).bind("usr/socket")'
    echo long >"$(printf 'n%.0s' {1..255})"
    echo 'non-ascii' >etc/ümläut
    printf 'raw' >"etc/$(printf '\xff\xfe')"
    chmod 4755 etc/hello; chmod 1777 empty
    chown 1000:1001 etc/kilobyte; chown 70000:80000 etc/ümläut
    python3 - <<'PY'
import os
os.setxattr("etc/hello", "user.note", b"x" * 100)
os.setxattr("etc", "user.note", b"y" * 1000)
with open("usr/sparse", "wb") as f:
    for at in (5_000, 400_000, 30_000_000, 80_000_000):
        f.seek(at)
        f.write(b"at %d" % at)
    f.truncate(90_000_000)
PY
    fallocate -l 100K usr/preallocated
    echo kept >usr/kept-size; fallocate -n -l 64K usr/kept-size
    head -c 40000 usr/lib/large >usr/punched; sync -f .; fallocate -p -o 8192 -l 12288 usr/punched
    # Parts of compressed extents: the middle is written anew, the end belongs to two files.
    cp usr/lib/larger usr/rewritten; sync -f .
    python3 -c '
import os
f = os.open("usr/rewritten", os.O_RDWR); os.pwrite(f, b"in the middle" * 700, 70_000)'
    cp --reflink=always usr/rewritten usr/shared
    truncate -s 200001 usr/shared
    head -c 1000 usr/lib/large >usr/inline-then-more; sync -f .
    python3 -c '
import os
f = os.open("usr/inline-then-more", os.O_RDWR); os.pwrite(f, b"more", 20_000)'
    find . -exec touch -h -d '2024-02-29 12:00:00 UTC' {} +
    touch -d '1969-12-31 23:00:00.5 UTC' etc/nothing
    touch -d '2100-01-01 UTC' etc/kilobyte
}

simple() { # NAME SIZE mount-options mkfs-options
    local name=$1 size=$2 options=$3; shift 3
    new "$name" "$size" "$@"
    mounted "$name" "$options"; (cd "$mnt" && fill); detach
    keep "$name"
}

simple zstd 120M compress-force=zstd
simple lzo 120M compress-force=lzo -n 4096
simple zlib 120M compress-force=zlib --csum xxhash
simple plain 120M compress=no --csum sha256 -m single
simple blake2-64k-nodes 120M compress=no --csum blake2 -n 65536 -m single
# As mkfs.btrfs made them ten years ago: holes are written down, free space in files.
simple old 120M compress=zlib -O ^no-holes,^skinny-metadata,^extref -R ^free-space-tree
simple mixed 16M compress=lzo --mixed -n 4096 -s 4096
simple small 16M compress=zstd --mixed -n 4096 --csum xxhash -O ^no-holes
simple raid0-one-device 120M compress=no -d raid0 -m single

new metadata-uuid 120M -n 4096
mounted metadata-uuid; (cd "$mnt" && fill); detach
btrfstune -f -m "$work/metadata-uuid.img" >/dev/null
keep metadata-uuid

# 2,000 names: a tree of two levels, and two pairs of names whose hashes are equal.
new many 120M -n 4096 -m single
mounted many
(cd "$mnt" && mkdir many && cd many && seq 2000 | sed 's/.*/a-rather-long-name-to-fill-nodes-&/' | xargs touch -d '2024-01-01 UTC'
    seq 7 7 1900 | sed 's/.*/a-rather-long-name-to-fill-nodes-&/' | xargs rm
    touch -d '2024-01-01 UTC' collision-{1371838,2000402,1371839,2000403})
detach; keep many

new subvolumes 120M -m single
mounted subvolumes compress=zstd
(cd "$mnt"
    btrfs -q subvolume create @; btrfs -q subvolume create @home; btrfs -q subvolume create @/var
    mkdir -p @/usr/some/where @/etc
    btrfs -q subvolume create @/usr/some/where/nested; btrfs -q subvolume create @/var/lib
    echo root >@/etc/hostname; echo user >@home/user; echo var >@/var/log; echo deep >@/usr/some/where/nested/file
    echo lib >@/var/lib/file
    mkdir @home/.snapshots
    btrfs -q subvolume snapshot -r @ @home/.snapshots/1; btrfs -q subvolume snapshot @ @home/.snapshots/2
    echo changed >@home/.snapshots/2/etc/hostname
    btrfs -q subvolume create gone; echo x >gone/x
    btrfs -q subvolume create old-name; mv old-name new-name
    sync -f .; btrfs -q subvolume delete -c gone
    btrfs subvolume set-default "$(btrfs inspect-internal rootid @)" .
    find . -mindepth 1 -xdev -exec touch -h -d '2024-02-29 12:00:00 UTC' {} +)
detach; keep subvolumes
mount -o loop,ro "$work/copy.img" "$mnt"
python3 "$here/list.py" "$mnt" | zstd -q -19 -f -o "$here/subvolumes-default.list.zst"
detach

# Copied while mounted, after changes that fsync made sure of behind the last commit: they are in the
# log tree alone. Two listings: of a mount that replays it, and of one that does not. What the replay
# takes from a directory sets its time to that of the mount: "-".
log() { # NAME: fills, commits, calls changes_NAME, and keeps the copy
    local name=$1
    new "$name" 120M -n 4096 -m single
    mounted "$name" commit=300
    (cd "$mnt" && fill && mkdir kept moved thinned removed && touch removed/{1..9} && seq 400 | sed 's/^/thinned\/n-/' | xargs touch
        echo one >kept/one; echo two >kept/two; text 1 90000 >kept/cut; text 1 90000 >kept/grown
        find . -exec touch -h -d '2024-02-29 12:00:00 UTC' {} +; sync -f .)
    (cd "$mnt" && python3 "$here/changes.py" "$name")
    cp --sparse=always "$work/$name.img" "$work/taken.img"
    detach; mv "$work/taken.img" "$work/$name.img"
    LIST_SINCE=$(date +%s) keep_replayed "$name"
    mv "$here/$name.list.zst" "$here/$name-replayed.list.zst"
    keep "$name" subvolid=5,rescue=nologreplay
}

keep_replayed() { # NAME: lists what a mount shows that replays the log
    cp --sparse=always "$work/$1.img" "$work/copy.img"
    sleep 2
    mount -o loop,noatime,subvolid=5 "$work/copy.img" "$mnt"
    python3 "$here/list.py" "$mnt" | zstd -q -19 -f -o "$here/$1.list.zst"
    detach
}
log dirty-files
log dirty-names

# Two devices; the first is kept. $1: NAME, $2: profile of data, $3: of metadata.
two() {
    local name=$1 data=$2 metadata=$3 first second
    truncate -s 130M "$work/$name.img" "$work/$name-second.img"
    mkfs.btrfs -q -f -d "$data" -m "$metadata" "$work/$name.img" "$work/$name-second.img"
    first=$(losetup -f --show "$work/$name.img"); second=$(losetup -f --show "$work/$name-second.img")
    btrfs device scan "$first" "$second" >/dev/null
    mount -o noatime "$first" "$mnt"
    (cd "$mnt" && head -c 9M /dev/zero >filler && sync -f . && fill; text 1 60000 >striped); sync -f "$mnt"
    { btrfs subvolume get-default "$mnt" | sed 's/^ID \([0-9]*\).*/#default \1/'; python3 "$here/list.py" "$mnt"; } |
        zstd -q -19 -f -o "$here/$name.list.zst"
    umount "$mnt"; losetup -d "$first" "$second"
    btrfs device scan --forget 2>/dev/null || true
    zstd -q -19 -f "$work/$name.img" -o "$here/$name.img.zst"
}
two raid1 raid1 raid1
two raid0 raid0 raid1
two spread single raid1
two raid0-metadata raid0 raid0

# Sectors that the kernel does not mount on this machine: mkfs.btrfs fills it, the source is the
# listing, without directories, whose lengths and links are others.
mkdir "$work/source"; (cd "$work/source" && mkdir d && text 1 40000 >d/large && echo small >d/small &&
    seq 300 | sed 's/.*/d\/name-&/' | xargs touch && ln -s large d/link && find . -exec touch -h -d '2024-01-01 UTC' {} +)
truncate -s 130M "$work/sectors-64k.img"
mkfs.btrfs -q -f -s 65536 -n 65536 -m single --rootdir "$work/source" "$work/sectors-64k.img" >/dev/null
python3 "$here/list.py" "$work/source" | grep -v directory | zstd -q -19 -f -o "$here/sectors-64k.list.zst"
zstd -q -19 -f "$work/sectors-64k.img" -o "$here/sectors-64k.img.zst"

du -cb "$here"/*.zst | tail -1
