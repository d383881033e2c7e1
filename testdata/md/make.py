#!/usr/bin/env python3
"""Makes the disks of this folder. No kernel with the md driver is needed: superblocks are written by
Linux' include/uapi/linux/raid/md_p.h, data is laid out by md(4), and `mdadm --examine` must take
every member. Formats as in ../lvm/make.py.
"""
import os, struct, subprocess, sys, tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, f"{HERE}/../lvm")
from make import Group, filesystem, pack, sums, table, run  # noqa: E402

MIB, DATA = 1 << 20, 64 * 1024
UUID = bytes(range(0x10, 0x20))


def fold(total):
    return (total & 0xffffffff) + (total >> 32) & 0xffffffff


def version_1(metadata, size, data, *, level, disks, slot, events=20, layout=0, chunk=0, used=0,
              name="debian:root", features=0, roles=None, uuid=UUID):
    """A member of `size` bytes that holds `data`."""
    place = {"1.1": 0, "1.2": 4096, "1.0": ((size // 512 - 16) & ~7) * 512}[metadata]
    first = 0 if metadata == "1.0" else DATA
    room = (place if metadata == "1.0" else size - first) // 512
    roles = list(range(disks)) if roles is None else roles
    sb = bytearray(256 + 2 * len(roles))
    struct.pack_into("<IIII16s32sQiIQII", sb, 0, 0xa92b4efc, 1, features, 0, uuid, name.encode(),
                     1700000000, level, layout, used // 512, chunk // 512, disks)
    struct.pack_into("<QQQQII16s", sb, 128, first // 512, room, place // 512,
                     0, slot, 0, bytes([slot + 1] * 16))
    struct.pack_into("<QQQII", sb, 192, 1700000001, events, 2**64 - 1, 0, len(roles))
    for number, role in enumerate(roles):
        struct.pack_into("<H", sb, 256 + 2 * number, role)
    padded = bytes(sb) + bytes(-len(sb) % 4)
    total = sum(struct.unpack(f"<{len(padded) // 4}I", padded))
    struct.pack_into("<I", sb, 216, fold(total))
    member = bytearray(size)
    member[first:first + len(data)] = data
    member[place:place + len(sb)] = sb
    return bytes(member)


def version_0(size, data, *, order, level, disks, slot, minor, events=20, used=0, chunk=0):
    place = (size & ~0xffff) - 0x10000
    words = [0] * 1024
    words[0:16] = [0xa92b4efc, 0, 90, 0, 0, 0x01234567, 1700000000, level & 0xffffffff, used // 1024,
                   disks, disks, minor, 0, 0x89abcdef, 0xfedcba98, 0x76543210]
    words[32:39] = [1700000001, 1, disks, disks, 0, 0, 0]
    low, high = (39, 40) if order == "<" else (40, 39)
    words[low], words[high] = events, 0
    words[65] = chunk
    for number in range(disks):
        at = 128 + 32 * number
        words[at:at + 5] = [number, 8, 1 + number, number, 6]
    words[992:997] = [slot, 8, 1 + slot, slot, 6]
    words[38] = fold(sum(words))
    member = bytearray(size)
    member[:len(data)] = data
    member[place:place + 4096] = struct.pack(f"{order}1024I", *words)
    return bytes(member)


def disk(name, members, contents, examine=True):
    """The members as partitions of one disk; None for one that is not on it."""
    if sys.argv[1:] and name not in sys.argv[1:]:
        return
    parts, entries, at = [], [], MIB
    for member in members:
        if member is None:
            continue
        if examine:
            with tempfile.NamedTemporaryFile() as file:
                file.write(member)
                file.flush()
                shown = run("mdadm", "--examine", file.name)
                if "- correct" not in shown:
                    sys.exit(f"{name}: {shown}")
        entries.append((0xfd, at, len(member)))
        parts.append((at, member))
        at += (len(member) + MIB - 1) // MIB * MIB
    pack(name, [(0, table(*entries))] + parts, at, HERE)
    if contents:
        sums(name, contents, HERE)


def content(label, size, digit):
    return filesystem(label, size, f"22222222-3333-4444-8555-{digit * 12}")


def striped(data, chunk, count, copies=1):
    """What each of `count` members holds of `data` (md(4), RAID0; RAID10 near)."""
    members = [bytearray() for _ in range(count)]
    position = 0
    for at in range(0, len(data), chunk):
        for _ in range(copies):
            members[position % count] += data[at:at + chunk]
            position += 1
    return members


def in_rows(data, chunk, count, copies, is_offset):
    """What each of `count` members holds of `data` in the layouts `far` and `offset`: rows of chunks
    over all members, and for each further copy the same rows with every chunk one member on; behind
    all rows, or each behind its own (md(4))."""
    rows = [[data[at + n * chunk:at + (n + 1) * chunk] for n in range(count)]
            for at in range(0, len(data), chunk * count)]
    shifted = [[row[-copy:] + row[:-copy] if copy else row for row in rows] for copy in range(copies)]
    order = zip(*shifted) if is_offset else shifted
    order = [row for part in order for row in part]
    return [b"".join(row[n] for row in order) for n in range(count)]


def main():
    size = MIB
    # RAID 1, 1.2: the first member is behind, the second is what counts.
    data = content("mirror", 512 * 1024, "1")
    sb = dict(level=1, disks=2, used=len(data))
    old = version_1("1.2", size, b"behind".ljust(4096, b".") * 128, slot=0, events=7, **sb)
    new = version_1("1.2", size, data, slot=1, roles=[0xfffe, 1], **sb)
    disk("raid1", [old, new], {"md/root": data})
    # One of two members, with a volume group inside.
    group = Group("system", [512 * 1024 * 5])
    group.create("-n", "root", "-l", "6", "system")
    root = content("lvonmd", 6 * 65536, "2")
    group.write("root", root)
    group.close()
    inside = open(group.files[0], "rb").read()
    member = version_1("1.2", 3 * MIB, inside, level=1, disks=2, slot=0, used=len(inside),
                       name="any:0")
    disk("raid1-lvm", [member, None], {"md/0": inside, "system/root": root})
    # 1.0 at the end, linear over two members of other sizes.
    sizes = [MIB, 2 * MIB]
    room = [((n // 512 - 16) & ~7) * 512 // 4096 * 4096 for n in sizes]
    data = content("linear", sum(room), "3")
    sb = dict(level=-1, disks=2, chunk=4096)
    disk("linear", [version_1("1.0", sizes[0], data[:room[0]], slot=0, **sb),
                    version_1("1.0", sizes[1], data[room[0]:], slot=1, **sb)], {"md/root": data})
    # RAID 0 over members of two sizes: a zone over three, another over the two that are longer.
    chunk = 8192
    sizes = [MIB + chunk, 2 * MIB, 2 * MIB]
    for layout, name in ((2, "raid0"), (1, "raid0-original")):
        room = [(n - DATA) // chunk * chunk for n in sizes]
        total = sum(room)
        data = content(name, total, "4")
        zone = room[0] * 3
        parts = striped(data[:zone], chunk, 3)
        turn = zone // chunk % 2 if layout == 1 else 0
        tail = striped(data[zone:], chunk, 2)
        for number in (0, 1):
            parts[1 + (number + turn) % 2] += tail[number]
        sb = dict(level=0, disks=3, chunk=chunk, layout=layout, features=4096)
        members = [version_1("1.2", n, p, slot=i, **sb) for i, (n, p) in enumerate(zip(sizes, parts))]
        disk(name, members, {"md/root": data})
        if layout == 2:
            disk("raid0-part", [members[0], None, members[2]], None)
    # RAID 10, near 2 over three members, one of which is missing.
    used = 512 * 1024
    data = content("ten", used * 3 // 2, "5")
    parts = striped(data, chunk, 3, 2)
    sb = dict(level=10, disks=3, chunk=chunk, layout=0x102, used=used)
    members = [version_1("1.1", size, p, slot=i, **sb) for i, p in enumerate(parts)]
    disk("raid10", [members[0], None, members[2]], {"md/root": data})
    disk("raid10-part", [members[0], None, None], None)
    # Copies in other sections and in other rows; the last chunk of each member is not used.
    for name, layout, count, copies, missing in (("raid10-far", 0x201, 3, 2, [0]),
                                                 ("raid10-offset", 0x10301, 4, 3, [1, 2])):
        rows = 21
        data = content(name, rows * count * chunk, "7")
        parts = in_rows(data, chunk, count, copies, layout > 0xffff)
        used = (rows * copies + 1) * chunk
        sb = dict(level=10, disks=count, chunk=chunk, layout=layout, used=used)
        members = [version_1("1.2", size, p, slot=i, **sb) for i, p in enumerate(parts)]
        disk(name, [None if i in missing else m for i, m in enumerate(members)], {"md/root": data})
        if name == "raid10-far":
            disk("raid10-far-part", [None, members[1], None], None)
    # 0.90 in both byte orders. mdadm itself only reads its own.
    data = content("old", 512 * 1024, "6")
    sb = dict(level=1, disks=2, slot=0, minor=3, used=len(data))
    disk("raid1-0.90", [version_0(size, data, order="<", **sb)], {"md3": data})
    disk("raid1-0.90-big-endian", [version_0(size, data, order=">", **sb)], {"md3": data}, False)
    sb = dict(level=5, disks=3, chunk=65536, layout=2, used=512 * 1024)
    disk("raid5", [version_1("1.2", size, b"", slot=i, **sb) for i in range(3)], None)


main()
