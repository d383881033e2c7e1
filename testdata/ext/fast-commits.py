#!/usr/bin/env python3
"""Changes the tree in the current directory, each made sure of with fsync: what make.sh finds in the
fast commits of the journal afterwards."""
import os, sys

def fsync(path):
    fd = os.open(path, os.O_RDONLY)
    os.fsync(fd)
    os.close(fd)

def write(path, data, at=0):
    fd = os.open(path, os.O_RDWR | os.O_CREAT, 0o640)
    os.pwrite(fd, data, at)
    os.fsync(fd)
    os.close(fd)

def names():
    write("a/new", b"new" * 3000)
    os.rename("a/two", "b/two"); fsync("b/two")
    os.link("a/three", "b/three"); fsync("a/three")
    os.rename("a/three", "a/four"); write("a/t", b"t"); os.rename("a/t", "a/cut"); fsync("a/cut")
    os.unlink("b/link"); fsync("a/one")
    for number in range(1, 200, 3):
        os.unlink(f"thinned/n-{number}")
    for number in range(40):
        write(f"thinned/new-{number}", b"y" * number)
    os.mkdir("d"); write("d/file", b"in d"); os.mkdir("d/e"); write("d/e/file", b"in e")
    os.chmod("a/grown", 0o600); os.chown("a/grown", 5, 6); os.utime("a/grown", (1, 2)); fsync("a/grown")
    write("a/one", b"again", 7)

def blocks():
    write("a/one", b"ONE")
    write("a/grown", b"end", 900_000)
    os.truncate("a/cut", 5000); fsync("a/cut")
    for at in range(1, 200, 7):
        write("a/deep", b"between", at * 1024)
    os.truncate("a/deep", 700_000); fsync("a/deep")
    write("a/deep", b"behind", 1_000_000)
    fd = os.open("a/punched", os.O_RDWR)
    os.posix_fallocate(fd, 400_000, 100_000); os.pwrite(fd, b"z", 450_000); os.fsync(fd)
    os.close(fd)
    os.truncate("usr/scattered", 0); fsync("usr/scattered")
    write("usr/scattered", b"anew" * 5000)

{"dirty-ext4-fast-names": names, "dirty-ext4-fast-blocks": blocks}[sys.argv[1]]()
