#!/usr/bin/env python3
"""Lists a mounted tree, one line a name: path, type, mode, uid, gid, links, length, mtime, and the
CRC-32 of a file's content or the target of a symbolic link. Paths are percent-encoded. The directory
that stands for a subvolume that is not there (inode 2) has the time at which it was looked at: "-".
So has what was changed since LIST_SINCE."""
import os, stat, sys, zlib
from urllib.parse import quote_from_bytes

KINDS = {stat.S_IFREG: "regular", stat.S_IFDIR: "directory", stat.S_IFLNK: "symlink",
         stat.S_IFCHR: "char", stat.S_IFBLK: "block", stat.S_IFIFO: "fifo", stat.S_IFSOCK: "socket"}

SINCE = int(os.environ.get("LIST_SINCE", 1 << 60))

def crc(path):
    value = 0
    with open(path, "rb") as file:
        while chunk := file.read(1 << 20):
            value = zlib.crc32(chunk, value)
    return f"{value:08x}"

def walk(directory, shown):
    for name in os.listdir(directory):
        path, path_shown = directory + b"/" + name, shown + b"/" + name
        info = os.lstat(path)
        kind = KINDS[stat.S_IFMT(info.st_mode)]
        content = "-"
        if kind == "regular":
            content = crc(path)
        elif kind == "symlink":
            content = quote_from_bytes(os.readlink(path))
        yield "\t".join([quote_from_bytes(path_shown), kind, f"{info.st_mode & 0o7777:o}",
                         str(info.st_uid), str(info.st_gid), str(info.st_nlink),
                         str(info.st_size),
                         "-" if info.st_ino == 2 or info.st_mtime >= SINCE else str(info.st_mtime_ns // 10**9), content])
        if kind == "directory":
            yield from walk(path, path_shown)

print("\n".join(sorted(walk(sys.argv[1].encode(), b""))))
