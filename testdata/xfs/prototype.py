#!/usr/bin/env python3
"""Writes what mkfs.xfs -p fills a file system with: a prototype of the given directory."""
import os, stat, sys

def line(name, path):
    info = os.lstat(path)
    kind = stat.S_IFMT(info.st_mode)
    letter = {stat.S_IFREG: "-", stat.S_IFDIR: "d", stat.S_IFLNK: "l", stat.S_IFCHR: "c",
              stat.S_IFBLK: "b", stat.S_IFIFO: "p"}[kind]
    mode = (letter + ("u" if info.st_mode & 0o4000 else "-") + ("g" if info.st_mode & 0o2000 else "-")
            + f"{info.st_mode & 0o777:03o}")
    words = [name, mode, str(info.st_uid), str(info.st_gid)]
    if kind == stat.S_IFREG:
        words.append(path)
    elif kind == stat.S_IFLNK:
        words.append(os.readlink(path))
    elif kind in (stat.S_IFCHR, stat.S_IFBLK):
        words += [str(os.major(info.st_rdev)), str(os.minor(info.st_rdev))]
    print(" ".join(word for word in words if word))
    if kind == stat.S_IFDIR:
        for entry in sorted(os.listdir(path)):
            line(entry, os.path.join(path, entry))
        print("$")

print("/dev/null\n0 0")
line("", sys.argv[1])
