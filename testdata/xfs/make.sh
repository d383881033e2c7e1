#!/bin/bash
# Makes the images of this folder, and beside each the listing that the kernel's own mount gives.
# Needs root, loop devices, xfsprogs 6.1 or later, zstd and Python. The results are committed;
# nothing runs this but people.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
list="$here/../ext/list.py"
work=$(mktemp -d)
mnt=$work/mnt
mkdir "$mnt"
trap 'umount "$mnt" 2>/dev/null || true; rm -rf "$work"' EXIT

# A loop device that somebody still holds would be used again, with what it remembers.
detach() {
    umount "$mnt"
    while losetup --list --noheadings --output BACK-FILE | grep -q "^$work/"; do sleep 0.1; done
}

mounted() { mount -o "loop,noatime,nouuid${2:+,$2}" "$work/$1.img" "$mnt"; }

pack() { zstd -q -19 --long=26 -f "$work/$1.img" -o "$here/$1.img.zst"; }

keep() { # NAME: compresses $work/NAME.img, lists what the kernel mounts of a copy
    rm -f "$work/copy.img"
    cp --sparse=always "$work/$1.img" "$work/copy.img"
    mounted copy
    python3 "$list" "$mnt" | zstd -q -19 -f -o "$here/$1.list.zst"
    detach
    pack "$1"
}

# What the kernel leaves of its counts, once it has replayed the log. Not for an image with inodes
# that were unlinked and still open: it frees them.
counts() { # NAME
    { zstd -q -d -c "$here/$1.list.zst"
      xfs_db -r -c 'sb 0' -c 'p fdblocks icount ifree' "$work/copy.img" | sed 's/^/#/'; } >"$work/counted"
    zstd -q -19 -f "$work/counted" -o "$here/$1.list.zst"
}

new() { # NAME SIZE mkfs.xfs-options
    local name=$1 size=$2; shift 2
    rm -f "$work/$name.img"; truncate -s "$size" "$work/$name.img"
    mkfs.xfs --unsupported -q -f "$@" "$work/$name.img" 2> >(grep -v -e unsupported -e deprecated >&2)
}

text() { seq -s ' ' "$1" "$2"; } # text that compresses

fill() { # the common tree, in the current directory
    mkdir -p etc/deep/er/still empty usr/lib
    echo 'hello' >etc/hello
    : >etc/nothing
    text 1 300 >etc/kilobyte
    text 1 9000 >usr/lib/large
    ln -s hello etc/fast
    ln -s "$(printf 'f%.0s' {1..300})" etc/link-300
    ln -s "$(printf 'f%.0s' {1..336})" etc/link-336
    ln -s "$(printf 'f%.0s' {1..337})" etc/link-337
    ln -s "$(printf 's/%.0s' {1..500})" etc/link-1000
    ln etc/hello etc/hard
    mkfifo usr/fifo
    mknod usr/null c 1 3
    mknod usr/disk b 8 0
    python3 -c 'import socket; socket.socket(socket.AF_UNIX).bind("usr/socket")'
    echo long >"$(printf 'n%.0s' {1..255})"
    echo 'non-ascii' >etc/ümläut
    printf 'raw' >"etc/$(printf '\xff\xfe')"
    chmod 4755 etc/hello; chmod 1777 empty
    chown 1000:1001 etc/kilobyte; chown 70000:80000 etc/nothing
    python3 -c 'import os; os.setxattr("etc/kilobyte", "user.note", b"n" * 150)'
    for i in $(seq 40); do echo "$i" >"etc/deep/er/still/file-$i"; done
    rm etc/deep/er/still/file-{1,2,3,17,18,40}
    # Scattered over many places, with holes between; the mapped end of one lies far away.
    python3 - <<'PY'
import os
with open("usr/sparse", "wb") as f:
    for at in (5_000, 400_000, 30_000_000, 80_000_000):
        f.seek(at)
        f.write(b"at %d" % at)
    f.truncate(90_000_000)
with open("usr/scattered", "wb", buffering=0) as f:
    size = os.statvfs(".").f_bsize
    for i in range(0, 80, 2):
        f.seek(i * size)
        f.write(b"%d\n" % i)
PY
    sync .
    find . -exec touch -h -d '2024-02-29 12:00:00 UTC' {} +
    touch -d '1969-12-31 23:00:00 UTC' etc/hello
}

many() { # two directories that grow in turn, so that both are scattered; then holes in one
    python3 - <<'PY'
import os
os.mkdir("many"); os.mkdir("more")
for i in range(3000):
    for directory in ("many", "more"):
        if directory == "many" or i % 4 == 0:
            os.close(os.open(f"{directory}/{'m' * 60}-{i}", os.O_CREAT | os.O_WRONLY))
for i in range(2960):
    if 300 < i < 2700 or i % 3 == 0:
        os.unlink(f"many/{'m' * 60}-{i}")
PY
}

scattered() { # a tree of extents with two levels below the root
    python3 - <<'PY'
import os
size = os.statvfs(".").f_bsize
with open("tree", "wb", buffering=0) as f:
    for i in range(0, 4000, 2):
        f.seek(i * size)
        f.write(b"%d\n" % i)
        if i % 500 == 0:
            os.fsync(f.fileno())
PY
}

simple() { # NAME SIZE mkfs.xfs-options
    new "$@"
    mounted "$1"; (cd "$mnt" && fill); detach
    keep "$1"
}

uuid=6e7a0d5e-57a1-4b9c-8f5e-2f6f1d3c9a10

new v5-default 16M -m uuid=$uuid -L default
mounted v5-default; (cd "$mnt" && fill
touch -d '2100-01-01 UTC' etc/kilobyte
fallocate -l 100K unwritten; echo kept >kept-size; fallocate -n -l 64K kept-size
head -c 40000 /dev/zero | tr '\0' 'p' >punched; fallocate -p -o 8192 -l 12288 punched
cp --reflink=always usr/lib/large shared; printf 'changed' | dd of=shared bs=1 seek=9000 conv=notrunc status=none
cp --reflink=always usr/lib/large shared-too
# Entries that leave 8 bytes of the first block, in which there is no room for one.
mkdir eight; touch eight/aa eight/bb; touch eight/name-{1001..1400}); detach
keep v5-default

simple v5-old 16M -m uuid=$uuid,finobt=0,rmapbt=0,reflink=0,bigtime=0,inobtcount=0 -i sparse=0,nrext64=0
simple v5-2048-byte-inodes 16M -m uuid=$uuid,rmapbt=1 -i size=2048,nrext64=1
simple v5-4k-sectors 16M -m uuid=$uuid -s size=4096
simple v5-8k-blocks 32M -m uuid=$uuid -b size=8192

new v5-1k 72M -m uuid=$uuid,rmapbt=1 -b size=1024 -d agcount=4 -i nrext64=1
mounted v5-1k; (cd "$mnt" && fill && many && scattered); detach
keep v5-1k

new v5-1k-8k-directories 24M -m uuid=$uuid -b size=1024 -n size=8192
mounted v5-1k-8k-directories; (cd "$mnt" && fill && many); detach
keep v5-1k-8k-directories

new v5-64k 300M -m uuid=$uuid -b size=65536
mounted v5-64k && { (cd "$mnt" && fill && many); detach; keep v5-64k; }

new v5-metauuid 16M -m uuid=$uuid
mounted v5-metauuid; (cd "$mnt" && fill); detach
xfs_admin -U 11111111-2222-3333-4444-555555555555 "$work/v5-metauuid.img" >/dev/null
keep v5-metauuid

rm -f "$work/external.log"; truncate -s 8M "$work/external.log"
new v5-external-log 16M -m uuid=$uuid -l logdev="$work/external.log"
pack v5-external-log

# Logs that a mount would replay: what lies on the volume after a stop without an unmount.
changes() {
    (cd "$mnt"
        text 1 2000 >new-file
        mkdir d; for i in $(seq 200); do mkdir "d/dir-$i"; echo "$i" >"d/dir-$i/file"; done
        mv etc/hello etc/renamed
        ln -s "$(printf 'j%.0s' {1..100})" etc/log-link
        ln -s "$(printf 'j%.0s' {1..1000})" etc/log-link-1000
        sync .
        for i in $(seq 1 2 200); do rm -r "d/dir-$i"; done
        rm usr/sparse
        sync .
        for i in $(seq 60); do text "$i" 300 >"reused-$i"; done
        truncate -s 100 usr/lib/large
        chown 5:6 etc/kilobyte; chmod 600 etc/kilobyte
        mkdir big; for i in $(seq 300); do echo $i >"big/a-rather-long-name-to-fill-blocks-$i"; done
        rm big/a-rather-long-name-to-fill-blocks-1??
        rm -r etc/deep
        touch -d '2024-03-01 UTC' etc/nothing
        sync .)
}

dirty() { # NAME SIZE mkfs.xfs-options
    new "$@"
    mounted "$1"; (cd "$mnt" && fill); detach
    mounted "$1" "${how:-}"; changes
    xfs_io -x -c 'shutdown -f' "$mnt"
    detach
    keep "$1"
    counts "$1"
}

dirty dirty-v5 16M -m uuid=$uuid
dirty dirty-v5-1k-rmapbt 24M -m uuid=$uuid,rmapbt=1 -b size=1024 -i nrext64=1
dirty dirty-v5-old 16M -m uuid=$uuid,finobt=0,rmapbt=0,reflink=0,bigtime=0,inobtcount=0 -i sparse=0,nrext64=0
dirty dirty-v5-log-stripe 24M -m uuid=$uuid -l su=32768
dirty dirty-v5-4k-sectors 24M -m uuid=$uuid -s size=4096
how=logbsize=256k dirty dirty-v5-long-records 24M -m uuid=$uuid

# Copied while it was mounted, when what counts of the log went over its end.
new dirty-v5-wrapped 20M -m uuid=$uuid -b size=1024 -l size=4m
mounted dirty-v5-wrapped logbsize=32k; (cd "$mnt" && fill)
for round in $(seq 100); do
    (cd "$mnt"; mkdir "round-$round"
    for i in $(seq 60); do echo "$round" >"round-$round/$(printf 'r%.0s' {1..80})-$i"; done
    [ "$round" -lt 3 ] || rm -r "round-$((round - 2))"; sync .)
    cp --sparse=always "$work/dirty-v5-wrapped.img" "$work/taken.img"
    read -r tail head < <(xfs_logprint -t "$work/taken.img" 2>/dev/null |
        sed -n 's/.*log tail: \([0-9]*\) head: \([0-9]*\) .*/\1 \2/p' || true)
    [ "$tail" -le "$head" ] || break
done
detach
mv "$work/taken.img" "$work/dirty-v5-wrapped.img"
keep dirty-v5-wrapped

# Version 4, which kernels no longer mount: mkfs.xfs fills it, the source is the listing. It makes
# all files now; so the listing has no times.
source=$work/source
mkdir "$source"; (cd "$source"
mkdir -p etc/deep/er/still empty usr/lib many
echo hello >etc/hello; : >etc/nothing; text 1 300 >etc/kilobyte; text 1 9000 >usr/lib/large
ln -s hello etc/fast; ln -s "$(printf 'f%.0s' {1..200})" etc/link-200
ln -s "$(printf 's/%.0s' {1..500})" etc/link-1000
mkfifo usr/fifo; mknod usr/null c 1 3; mknod usr/disk b 8 0
chmod 4755 etc/hello; chown 1000:1001 etc/kilobyte; chown 70000:80000 etc/nothing
for i in $(seq 40); do echo "$i" >"etc/deep/er/still/file-$i"; done
cd many; seq 1200 | sed 's/.*/a-rather-long-name-to-fill-blocks-&/' | xargs touch)

v4() { # NAME SIZE mkfs.xfs-options
    python3 "$here/prototype.py" "$source" >"$work/prototype"
    new "$@" -p "$work/prototype"
    python3 "$list" "$source" -d | awk -F'\t' -v OFS='\t' '{$8 = "-"; print}' |
        zstd -q -19 -f -o "$here/$1.list.zst"
    pack "$1"
}

v4 v4-default 16M -m crc=0,uuid=$uuid
v4 v4-no-ftype 16M -m crc=0,uuid=$uuid -n ftype=0 -i attr=1,projid32bit=0 -l version=1,lazy-count=0
v4 v4-512 16M -m crc=0,uuid=$uuid -b size=512 -i size=256 -n size=4096
v4 v4-ci 16M -m crc=0,uuid=$uuid -n version=ci
du -cb "$here"/*.zst | tail -1

# What lies on the volume when the log is left aside.
zstd -q -d -f "$here/dirty-v5.img.zst" -o "$work/copy.img"
mounted copy ro,norecovery
python3 "$list" "$mnt" | zstd -q -19 -f -o "$here/dirty-v5-unreplayed.list.zst"
detach
