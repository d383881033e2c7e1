#!/bin/bash
# Makes the images and lists of this folder: NTFS by mkntfs, filled and listed by ntfs-3g (with FUSE),
# and content.py's bytes compressed by wimlib in the chunks that CompactOS uses, too.
# Needs root, ntfs-3g, attr, wimtools, python3, zstd.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'umount "$work/mount" 2>/dev/null || true; rm -rf "$work"' EXIT
mkdir "$work/mount"

fill() {
    mkdir many deep compressed
    local path=deep
    for i in $(seq 400); do echo "$i" >"many/a file with a long name $i.txt"; done
    for i in $(seq 12); do path=$path/d$i; done
    mkdir -p "$path"
    echo leaf >"$path/leaf"
    seq 100 >small
    : >empty
    seq 20000 >large
    truncate -s 3000000 sparse
    printf 'the end' >>sparse
    for i in $(seq 150); do seq "$i" "$((i + 1000))" >>one; seq "$i" "$((i + 1000))" >>two; done
    rm two
    ln small 'another name'
    setfattr -h -v 0x00080000 -n system.ntfs_attrib compressed
    seq 30000 >compressed/numbers
    head -c 300000 /dev/zero | tr '\0' y >compressed/same
    python3 -c 'import random,sys; random.seed(1); sys.stdout.buffer.write(random.randbytes(70000))' >compressed/random
    truncate -s 200000 compressed/zeros
    printf umlaut >'ümläut 漢字 😀'
    printf a >"$(printf 'n%.0s' $(seq 255))"
    touch -d 1970-01-02T00:00:00Z old
    touch -d 2100-01-01T00:00:00Z new
}

list() {
    python3 - "$1" <<'PY'
import os, sys, urllib.parse, zlib
root = sys.argv[1].encode()
for top, dirs, files in os.walk(root):
    for name in dirs + files:
        path = os.path.join(top, name)
        st = os.lstat(path)
        shown = urllib.parse.quote(path[len(root):])
        if name in dirs:
            print(shown, "directory", "-", "-", int(st.st_mtime), "-", sep="\t")
        else:
            crc = zlib.crc32(open(path, "rb").read())
            print(shown, "regular", st.st_nlink, st.st_size, int(st.st_mtime), f"{crc:08x}", sep="\t")
PY
}

image() {
    local name=$1
    shift
    truncate -s 12M "$work/image"
    mkntfs --quiet --fast --force "$@" "$work/image" 2>/dev/null
    ntfs-3g -o compression,streams_interface=none "$work/image" "$work/mount"
    (cd "$work/mount" && fill)
    umount "$work/mount"
    ntfs-3g -o ro,streams_interface=none "$work/image" "$work/mount"
    list "$work/mount" >"$work/list"
    umount "$work/mount"
    zstd -q -19 -f "$work/image" -o "$here/$name.img.zst"
    zstd -q -19 -f "$work/list" -o "$here/$name.list.zst"
    rm "$work/image"
}

image default
image clusters-512 -c 512
image sectors-4096 -s 4096 -c 4096

mkdir "$work/in"
python3 "$here/content.py" >"$work/in/file"
for kind in XPRESS:4096 XPRESS:8192 XPRESS:16384 LZX:32768; do
    wimcapture --quiet "$work/in" "$work/out.wim" --compress="${kind%:*}" --chunk-size="${kind#*:}"
    name=$(tr 'A-Z:' 'a-z-' <<<"$kind")
    python3 "$here/content.py" "$work/out.wim" >"$here/$name.bin"
    rm "$work/out.wim"
done
