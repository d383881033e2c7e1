#!/usr/bin/env python3
"""Changes the tree in the current directory, each made sure of with fsync and none by a commit of
the whole file system: what make.sh finds in the log tree afterwards."""
import os, sys

def fsync(path):
    fd = os.open(path, os.O_RDONLY)
    os.fsync(fd)
    os.close(fd)

def write(path, data, at=0, flags=os.O_CREAT):
    fd = os.open(path, os.O_RDWR | flags, 0o640)
    os.pwrite(fd, data, at)
    os.fsync(fd)
    os.close(fd)

def files():
    write("etc/hello", b"HELLO")
    write("kept/new", b"new")
    write("kept/large", bytes(range(256)) * 4000)
    write("usr/lib/larger", b"in the middle of an extent" * 300, 100_000)
    write("kept/sparse", b"far", 50_000_000)
    os.truncate("kept/cut", 5000); fsync("kept/cut")
    write("kept/grown", b"at the end", 900_000)
    write("usr/rewritten", b"part of a compressed extent" * 400, 70_001)
    write("etc/kilobyte", b"inline no more" * 1000)
    os.truncate("usr/shared", 0); fsync("usr/shared")
    fd = os.open("usr/punched", os.O_RDWR)
    os.posix_fallocate(fd, 200_000, 50_000)
    os.pwrite(fd, b"behind", 240_000)
    os.fsync(fd); os.close(fd)
    os.chmod("kept/two", 0o600); os.chown("kept/two", 5, 6); fsync("kept/two")
    os.symlink("t" * 300, "kept/link")
    os.mkfifo("kept/fifo")
    fsync("kept")

def names():
    write("kept/three", b"three")
    os.rename("kept/one", "kept/renamed"); fsync("kept/renamed")
    os.rename("kept/two", "moved/two"); fsync("moved/two")
    os.link("etc/hello", "moved/hello"); fsync("etc/hello")
    for number in range(1, 400, 3):
        os.unlink(f"thinned/n-{number}")
    fsync("thinned")
    for number in range(50):
        write(f"thinned/new-{number}", b"x" * number)
    for number in range(1, 10):
        os.unlink(f"removed/{number}")
    fsync("removed")
    os.rmdir("removed"); fsync(".")
    os.mkdir("moved/a"); os.mkdir("moved/a/b"); write("moved/a/b/deep", b"deep")
    fsync("moved/a/b"); fsync("moved/a"); fsync("moved"); fsync(".")
    os.unlink("kept/cut"); os.rename("kept/grown", "kept/cut"); fsync("kept/cut")
    os.unlink("links/" + "l" * 150 + "-7"); fsync("links")
    os.rename("moved/a/b/deep", "moved/deep"); fsync("moved/deep")

{"dirty-files": files, "dirty-names": names}[sys.argv[1]]()
