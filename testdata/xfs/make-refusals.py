#!/usr/bin/env python3
"""Makes refusals.img.zst, a small file system of two allocation groups, and refusals.txt: for each
byte of its superblock, and of the headers of its second group (AGF, AGI), changed in three ways and
with the sector's checksum set right, whether the kernel mounts it. A line is the byte of the volume,
the value it gets and `mounts` or `refused`; the first line names the kernel. Needs root, loop
devices, xfsprogs and zstd; the results are committed."""
import os, platform, struct, subprocess, sys, tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
TABLE = []
for byte in range(256):
    for _ in range(8):
        byte = byte >> 1 ^ (0x82F63B78 if byte & 1 else 0)
    TABLE.append(byte)


def crc32c(data):
    crc = 0xffffffff
    for byte in data:
        crc = TABLE[(crc ^ byte) & 255] ^ crc >> 8
    return crc ^ 0xffffffff


def run(*words):
    return subprocess.run(words, capture_output=True, text=True)


work = tempfile.mkdtemp(dir="/dev/shm")
image, mount, loop = f"{work}/image", f"{work}/mnt", None
os.mkdir(mount)
with open(image, "wb") as file:
    file.truncate(32 << 20)
made = run("mkfs.xfs", "--unsupported", "-q", "-f", "-d", "agcount=2", "-m", "rmapbt=1", image)
if made.returncode:
    sys.exit(made.stderr)
if run("mount", "-o", "loop", image, mount).returncode:
    sys.exit("the file system cannot be mounted")
os.makedirs(f"{mount}/etc")
open(f"{mount}/etc/hello", "w").write("hello\n")
run("umount", mount)
whole = open(image, "rb").read()
run("zstd", "-q", "-19", "-f", image, "-o", f"{HERE}/refusals.img.zst")
block, group = struct.unpack(">I", whole[4:8])[0], struct.unpack(">I", whole[84:88])[0]
second = block * group
written = [at for at in range(0, len(whole), 4096) if any(whole[at:at + 4096])]


def mounts(data):
    with open(image, "wb") as file:
        file.truncate(len(data))
        for at in written:
            file.seek(at)
            file.write(data[at:at + 4096])
    # A mount that is refused may leave the loop device for a moment.
    done = run("mount", "-o", "loop,nouuid", image, mount).returncode == 0
    if done:
        run("umount", mount)
    return done


lines = [f"# Linux {platform.release()}"]
assert mounts(whole)
for start, fields, checksum in ((0, 272, 224), (second + 512, 224, 216), (second + 1024, 344, 312)):
    for at in range(fields):
        if checksum <= at < checksum + 4:
            continue
        for mask in (0x01, 0x80, 0xff):
            data = bytearray(whole)
            data[start + at] ^= mask
            sector = data[start:start + 512]
            sector[checksum:checksum + 4] = bytes(4)
            data[start + checksum:start + checksum + 4] = struct.pack("<I", crc32c(sector))
            verdict = "mounts" if mounts(data) else "refused"
            lines.append(f"{start + at} {data[start + at]} {verdict}")
open(f"{HERE}/refusals.txt", "w").write("\n".join(lines) + "\n")
os.unlink(image)
