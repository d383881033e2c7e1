#!/bin/bash
# Makes the images of this folder, and beside each the listing that the kernel's own mount gives.
# Needs root, loop devices, e2fsprogs 1.47, zstd and Python. The results are committed; nothing
# runs this but people.
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
}

keep() { # NAME [list.py options]: compresses $work/NAME.img, lists what the kernel mounts of a copy
    local name=$1; shift
    rm -f "$work/copy.img"
    cp --sparse=always "$work/$name.img" "$work/copy.img"
    mount -o "loop,noatime,${how:-rw}" "$work/copy.img" "$mnt"
    { stat -f -c '#free %f blocks %d inodes' "$mnt"; python3 "$here/list.py" "$mnt" "$@"; } |
        zstd -q -19 -f -o "$here/$name.list.zst"
    detach
    zstd -q -19 -f "$work/$name.img" -o "$here/$name.img.zst"
}

new() { # NAME SIZE mke2fs-options
    local name=$1 size=$2; shift 2
    truncate -s "$size" "$work/$name.img"
    mke2fs -q -F -E lazy_itable_init=0,lazy_journal_init=0 -U 6e7a0d5e-57a1-4b9c-8f5e-2f6f1d3c9a10 "$@" "$work/$name.img"
}

text() { seq -s ' ' "$1" "$2"; } # text that compresses

fill() { # the common tree, in the current directory
    mkdir -p etc/deep/er/still empty usr/lib
    echo 'hello' >etc/hello
    : >etc/nothing
    text 1 300 >etc/kilobyte
    text 1 9000 >usr/lib/large
    printf 'x%.0s' {1..59} >etc/fifty-nine
    printf 'x%.0s' {1..60} >etc/sixty
    printf 'x%.0s' {1..61} >etc/sixty-one
    ln -s hello etc/fast
    ln -s "$(printf 'f%.0s' {1..59})" etc/fast-59
    ln -s "$(printf 's%.0s' {1..60})" etc/slow-60
    ln -s "$(printf 's/%.0s' {1..400})" etc/slow-800
    ln etc/hello etc/hard
    mkfifo usr/fifo
    mknod usr/null c 1 3
    mknod usr/disk b 8 0
    python3 -c 'import socket; socket.socket(socket.AF_UNIX).bind("usr/socket")'
    echo long >"$(printf 'n%.0s' {1..255})"
    echo 'non-ascii' >etc/ümläut
    printf 'raw' >"etc/$(printf '\xff\xfe')"
    chmod 4755 etc/hello; chmod 1777 empty
    chown 1000:1001 etc/kilobyte; chown 70000:80000 etc/sixty
    for i in $(seq 40); do echo "$i" >"etc/deep/er/still/file-$i"; done
    rm etc/deep/er/still/file-{1,2,3,17,18,40}
    # Scattered over many places, with holes between; the mapped end of one lies far away.
    python3 - <<'PY'
with open("usr/scattered", "wb") as f:
    for i in range(0, 900, 2):
        f.seek(i * 1024)
        f.write(b"%d\n" % i)
with open("usr/sparse", "wb") as f:
    for at in (5_000, 400_000, 30_000_000, 80_000_000):
        f.seek(at)
        f.write(b"at %d" % at)
    f.truncate(90_000_000)
PY
    find . -exec touch -h -d '2024-02-29 12:00:00 UTC' {} +
    touch -d '1969-12-31 23:00:00 UTC' etc/sixty-one
}

late() { touch -d '2100-01-01 UTC' "$mnt/etc/kilobyte"; }   # needs wide timestamps

mounted() { # NAME [mount options]
    mount -o "loop,noatime${2:+,$2}" "$work/$1.img" "$mnt"
}

simple() { # NAME SIZE mke2fs-options
    new "$@"
    mounted "$1"; (cd "$mnt" && fill); detach
    keep "$1"
}

many() { # 3000 long names: a hashed directory of two levels in blocks of 1 KiB
    mkdir "$mnt/many"
    (cd "$mnt/many" && seq 3000 | sed "s/.*/$(printf 'm%.0s' {1..60})-&/" | xargs touch -d '2024-01-01 UTC')
    (cd "$mnt/many" && seq 7 7 2900 | sed "s/.*/$(printf 'm%.0s' {1..60})-&/" | xargs rm)
}

dirty() { # NAME: what lies on the volume while it is mounted, the journal not yet written back
    cp --sparse=always "$work/$1.img" "$work/taken.img"
    detach
    mv "$work/taken.img" "$work/$1.img"
}

changes() { # names, contents and sizes that only the journal knows; freed and reused blocks
    (cd "$mnt"
        text 1 2000 >new-file
        mkdir d; for i in $(seq 60); do mkdir "d/dir-$i"; echo "$i" >"d/dir-$i/file"; done
        mv etc/hello etc/renamed
        ln -s "$(printf 'j%.0s' {1..100})" etc/journal-link
        python3 -c 'import os; f = os.open("new-file", os.O_RDWR); os.fsync(f)'
        for i in $(seq 1 2 60); do rm -r "d/dir-$i"; done
        python3 -c 'import os; f = os.open("new-file", os.O_RDWR); os.write(f, b"second"); os.fsync(f)'
        for i in $(seq 40); do text "$i" 500 >"reused-$i"; done
        python3 -c '
import os
for i in range(1, 41):
    os.fsync(os.open(f"reused-{i}", os.O_RDWR))'
        # Starts with the magic of the journal, so that data in the log must be escaped.
        python3 -c '
import os
f = os.open("escaped", os.O_RDWR | os.O_CREAT)
os.write(f, bytes.fromhex("c03b3998") * 1024)
os.fsync(f)'
        touch -d '2024-03-01 UTC' etc/fast-commit
        python3 -c 'import os; f = os.open("etc/fast-commit", os.O_RDWR); os.write(f, b"last"); os.fsync(f)'
    )
}

journaled() { # NAME SIZE mount-options mke2fs-options
    local name=$1 size=$2 options=$3; shift 3
    new "$name" "$size" "$@"
    mounted "$name"; (cd "$mnt" && fill); detach
    mounted "$name" "commit=600,$options"; changes; dirty "$name"
    keep "$name"
}

simple ext2-rev0 4M -t ext2 -r 0 -b 1024 -O none
simple ext2-1k 4M -t ext2 -b 1024
simple ext3-1k 6M -t ext3 -b 1024 -J size=1
simple ext4-noextent-4k 8M -t ext4 -b 4096 -O ^extent,^64bit,^has_journal
simple ext4-128-byte-inodes 4M -t ext4 -b 1024 -I 128 -O ^has_journal
simple ext4-bigalloc 8M -t ext4 -b 1024 -C 16384 -O bigalloc,^has_journal,^resize_inode
simple ext4-sparse-super2 16M -t ext4 -b 1024 -g 1024 -O sparse_super2,^has_journal,^resize_inode
simple ext4-uninit-bg 4M -t ext4 -b 2048 -O uninit_bg,^metadata_csum,^has_journal

new ext4-default 20M -t ext4 -b 4096 -J size=4
mounted ext4-default; (cd "$mnt" && fill); late
fallocate -l 100K "$mnt/unwritten"; echo kept >"$mnt/kept-size"; fallocate -n -l 64K "$mnt/kept-size"
head -c 40000 /dev/zero | tr '\0' 'p' >"$mnt/punched"; fallocate -p -o 8192 -l 12288 "$mnt/punched"
detach; keep ext4-default

new ext4-htree 8M -t ext4 -b 1024 -N 4000 -O ^has_journal
mounted ext4-htree; many; detach; keep ext4-htree

inline() { # NAME mke2fs-options
    local name=$1; shift
    new "$name" 4M -t ext4 -b 1024 -I 256 "$@"
    mounted "$name"; (cd "$mnt" && fill
    for n in 1 80 100 130 150 160 170; do head -c $n /dev/zero | tr '\0' 'i' >inline-$n; done
    ln -s "$(printf 'i%.0s' {1..110})" inline-link
    mkdir inline-dir; for i in 1 2 3 4 5 6 7; do echo $i >inline-dir/$i; done; rm inline-dir/2
    truncate -s 20 inline-80); detach
    keep "$name"
}
inline ext4-inline-data -O inline_data,^has_journal
inline ext4-inline-data-plain -O inline_data,^has_journal,^metadata_csum

new ext4-csum-seed 4M -t ext4 -b 1024 -O metadata_csum_seed,^has_journal
mounted ext4-csum-seed; (cd "$mnt" && fill); detach
tune2fs -U 11111111-2222-3333-4444-555555555555 "$work/ext4-csum-seed.img" >/dev/null
keep ext4-csum-seed

new ext4-meta-bg 16M -t ext4 -b 1024 -g 512 -N 4096 -O meta_bg,^resize_inode,^has_journal,64bit
mounted ext4-meta-bg; (cd "$mnt" && fill; for i in $(seq 40); do mkdir spread-$i; echo $i >spread-$i/f; done); detach
keep ext4-meta-bg

# Features that do not change how files are read. This machine's kernel mounts some only to read.
new ext4-features 8M -t ext4 -b 1024 -J size=1 -O ea_inode,large_dir,huge_file,orphan_file
mounted ext4-features; (cd "$mnt" && fill); detach
tune2fs -O project "$work/ext4-features.img" >/dev/null
tune2fs -Q usrquota,grpquota "$work/ext4-features.img" >/dev/null
debugfs -w -R 'feature verity' "$work/ext4-features.img" >/dev/null 2>&1
tune2fs -O mmp "$work/ext4-features.img" >/dev/null
how=ro keep ext4-features

# Blocks that the kernel does not mount on this machine: mke2fs fills it, the source is the listing.
mkdir "$work/source"; (cd "$work/source" && fill && mkdir many && cd many && seq 2500 | sed 's/.*/a-rather-long-name-to-fill-blocks-&/' | xargs touch -d '2024-01-01 UTC')
find "$work/source" -type s -delete
truncate -s 96M "$work/ext4-64k.img"
mke2fs -q -F -t ext4 -b 65536 -N 4096 -O ^has_journal -d "$work/source" "$work/ext4-64k.img" 2>/dev/null
e2fsck -fyD "$work/ext4-64k.img" >/dev/null || true
python3 "$here/list.py" "$work/source" -d | zstd -q -19 -f -o "$here/ext4-64k.list.zst"
zstd -q -19 -f "$work/ext4-64k.img" -o "$here/ext4-64k.img.zst"

# Flags without the keys and tables behind them.
new ext4-encrypt-casefold 2M -t ext4 -b 1024 -O encrypt,casefold,^has_journal
echo name >"$work/name"
debugfs -w "$work/ext4-encrypt-casefold.img" >/dev/null 2>&1 <<CMD
mkdir secret
write $work/name secret/name
mkdir folded
write $work/name folded/Name
set_inode_field secret flags 0x80800
set_inode_field secret/name flags 0x80800
set_inode_field folded flags 0x40080000
CMD
zstd -q -19 -f "$work/ext4-encrypt-casefold.img" -o "$here/ext4-encrypt-casefold.img.zst"

# An error that the kernel noted.
new ext4-error 1M -t ext4 -b 1024 -O ^has_journal
mounted ext4-error errors=continue
echo 'a test' >"/sys/fs/ext4/$(basename "$(findmnt -no SOURCE "$mnt")")/trigger_fs_error"
detach
tune2fs -M /srv/boot "$work/ext4-error.img" >/dev/null
zstd -q -19 -f "$work/ext4-error.img" -o "$here/ext4-error.img.zst"

journaled dirty-ext3 8M data=ordered -t ext3 -b 1024 -J size=2
journaled dirty-ext3-data 8M data=journal -t ext3 -b 1024 -J size=3
journaled dirty-ext4-csum-v1 8M journal_checksum -t ext4 -b 1024 -J size=2 -O ^metadata_csum,^64bit
journaled dirty-ext4-64bit 8M data=ordered -t ext4 -b 1024 -J size=2 -O ^metadata_csum,64bit
journaled dirty-ext4-csum-v3 8M data=ordered -t ext4 -b 1024 -J size=2
journaled dirty-ext4-csum-v3-data 20M data=journal -t ext4 -b 4096 -J size=4 -O 64bit
journaled dirty-ext4-orphan-file 8M data=ordered -t ext4 -b 1024 -J size=2 -O orphan_file
journaled dirty-ext4-fast-commit 8M data=ordered -t ext4 -b 1024 -J size=2 -O fast_commit

# Fast commits alone: each change is made sure of with fsync, and none needs a full commit.
fast() { # NAME SIZE mke2fs-options
    local name=$1; shift
    new "$name" "$@"
    mounted "$name" commit=600
    (cd "$mnt" && fill && mkdir a b thinned
        echo one >a/one; echo two >a/two; echo three >a/three; ln a/one b/link
        text 1 60000 >a/cut; text 1 60000 >a/grown; text 1 60000 >a/punched
        # An extent tree of two levels.
        python3 -c '
with open("a/deep", "wb") as f:
    for i in range(0, 1200, 2):
        f.seek(i * 1024); f.write(b"%d" % i)'
        seq 200 | sed 's/^/thinned\/n-/' | xargs touch
        find . -exec touch -h -d '2024-02-29 12:00:00 UTC' {} +; sync -f .
        python3 "$here/fast-commits.py" "$name")
    dirty "$name"
    sleep 2
    LIST_SINCE=$(date +%s) keep "$name"
}
fast dirty-ext4-fast-names 16M -t ext4 -b 1024 -J size=4,fast_commit_size=256 -O fast_commit
fast dirty-ext4-fast-blocks 20M -t ext4 -b 4096 -J size=8,fast_commit_size=1024 -O fast_commit,64bit

# Checksums of version 2, which the kernel no longer writes: debugfs logs a block of a file.
new dirty-ext4-csum-v2 6M -t ext4 -b 1024 -J size=1
mounted dirty-ext4-csum-v2; (cd "$mnt" && fill); detach
block=$(debugfs -R 'blocks etc/kilobyte' "$work/dirty-ext4-csum-v2.img" 2>/dev/null | awk '{print $1}')
other=$(debugfs -R 'blocks etc/deep/er/still/file-5' "$work/dirty-ext4-csum-v2.img" 2>/dev/null | awk '{print $1}')
head -c 1024 /dev/zero | tr '\0' 'j' >"$work/logged"
debugfs -w "$work/dirty-ext4-csum-v2.img" >/dev/null 2>&1 <<CMD
jo -c -v 2
jw -b $block $work/logged
jc
CMD
debugfs -w "$work/dirty-ext4-csum-v2.img" >/dev/null 2>&1 <<CMD
jo
jw -b $other $work/logged
jw -r $other
jc
CMD
keep dirty-ext4-csum-v2
du -cb "$here"/*.zst | tail -1

# What lies on the volume when the journal is left aside.
for name in dirty-ext4-csum-v3 dirty-ext4-fast-names; do
    zstd -q -d -f "$here/$name.img.zst" -o "$work/copy.img"
    mount -o loop,ro,noload "$work/copy.img" "$mnt"
    python3 "$here/list.py" "$mnt" | zstd -q -19 -f -o "$here/$name-unreplayed.list.zst"
    detach
done
