#!/usr/bin/env python3
"""Makes the disks of this folder with the real tools (root, loop devices, no device mapper).

Each NAME.zst is zstd of: size (u64), then offset (u64) and 512 bytes of each sector that is not
zero. Each NAME.crc has a line `lv size crc32` for every logical volume that has content.
"""
import atexit, json, os, re, struct, subprocess, sys, tempfile, zlib

HERE = os.path.dirname(os.path.abspath(__file__))
KIB, EXTENT = 1024, 64 * 1024


def run(*words, **more):
    done = subprocess.run(words, capture_output=True, text=True, **more)
    if done.returncode:
        sys.exit(f"{words}: {done.stdout}{done.stderr}")
    return done.stdout


class Group:
    def __init__(self, name, sizes, area="64k"):
        self.name, self.dir = name, tempfile.mkdtemp()
        self.files, self.loops = [], []
        atexit.register(self.close)
        for number, size in enumerate(sizes):
            path = f"{self.dir}/pv{number}"
            with open(path, "wb") as file:
                file.truncate(size)
            self.files.append(path)
            self.loops.append(run("losetup", "-f", "--show", path).strip())
        self.lvm("pvcreate", "--metadatasize", area, "--dataalignment", "64k", *self.loops)
        self.lvm("vgcreate", "-s", "64k", name, *self.loops)

    def lvm(self, command, *words):
        devices = ["--devices", ",".join(self.loops), "--driverloaded", "n", "-y"]
        return run(command, *devices, *words, pass_fds=())

    def create(self, *words):
        self.lvm("lvcreate", "-an", "-Zn", "-Wn", *words)

    def restore(self, logical):
        """Adds logical volumes in the text format, which LVM checks before it takes them."""
        path = f"{self.dir}/text"
        self.lvm("vgcfgbackup", "-f", path, self.name)
        text = open(path).read()
        if "logical_volumes {" in text:
            text = re.sub(r"logical_volumes \{", lambda m: m.group() + logical, text, count=1)
        else:
            # Behind the physical volumes, before the group's closing brace.
            end = text.rindex("}")
            text = text[:end] + "logical_volumes {" + logical + "}\n" + text[end:]
        open(path, "w").write(text)
        self.lvm("vgcfgrestore", "--force", "-f", path, self.name)

    def segments(self):
        """name -> [(start extent, stripe size, [(loop, first extent)], extents)] as `lvs` tells."""
        columns = "lv_name,seg_start_pe,seg_size_pe,stripes,stripe_size,seg_pe_ranges,segtype"
        out = self.lvm("lvs", "-a", "--segments", "--units", "b", "--nosuffix", "-o", columns,
                       "--reportformat", "json", self.name)
        out = out[out.index("{"):]
        found = {}
        for row in json.loads(out)["report"][0]["seg"]:
            if row["segtype"] not in ("linear", "striped"):
                continue
            areas = [re.fullmatch(r"(.*):(\d+)-(\d+)", part).groups()
                     for part in row["seg_pe_ranges"].split()]
            found.setdefault(row["lv_name"].strip("[]"), []).append(
                (int(row["seg_start_pe"]), int(row["stripe_size"]),
                 [(self.loops.index(loop), int(first)) for loop, first, _ in areas],
                 int(row["seg_size_pe"])))
        return found

    def write(self, name, content):
        start = {int(n): int(s) for n, s in enumerate(
            self.lvm("pvs", "--noheadings", "--units", "b", "--nosuffix", "-o", "pe_start",
                     *self.loops).split())}
        files = [open(path, "r+b") for path in self.files]
        for first, stripe, areas, extents in self.segments()[name]:
            base, size = first * EXTENT, extents * EXTENT
            step = stripe if len(areas) > 1 else size
            for at in range(0, size, step):
                pv, extent = areas[at // step % len(areas)]
                files[pv].seek(start[pv] + extent * EXTENT + at // step // len(areas) * step)
                files[pv].write(content[base + at:base + at + step])
        for file in files:
            file.close()

    def close(self):
        for loop in self.loops:
            run("losetup", "-d", loop)
        self.loops = []


def pattern(name, size):
    """Every sector tells where it belongs."""
    return b"".join(f"{name} {at // 512}".encode().ljust(512, b".") for at in range(0, size, 512))


def filesystem(name, size, uuid):
    path = tempfile.mktemp()
    open(path, "wb").write(pattern(name, size))
    run("mke2fs", "-q", "-F", "-t", "ext4", "-b", "1024", "-O", "^has_journal,^resize_inode",
        "-N", "16", "-U", uuid, "-L", name, "-E", "nodiscard,lazy_itable_init=0", path)
    content = open(path, "rb").read()
    os.unlink(path)
    return content


def pack(name, parts, size, folder=HERE):
    """A disk of parts (offset, file)."""
    out = [struct.pack("<Q", size)]
    for offset, data in sorted(parts):
        for at in range(0, len(data), 512):
            sector = data[at:at + 512].ljust(512, b"\0")
            if sector.strip(b"\0"):
                out.append(struct.pack("<Q", offset + at) + sector)
    target = f"{folder}/{name}.zst"
    subprocess.run(["zstd", "-q", "-19", "-f", "-o", target], input=b"".join(out), check=True)


def table(*partitions):
    """An MBR: (type, first byte, size) of each partition."""
    mbr = bytearray(512)
    for number, (kind, start, size) in enumerate(partitions):
        at = 446 + 16 * number
        mbr[at + 4] = kind
        mbr[at + 8:at + 16] = struct.pack("<II", start // 512, size // 512)
    mbr[510:] = b"\x55\xaa"
    return bytes(mbr)


def sums(name, contents, folder=HERE):
    with open(f"{folder}/{name}.crc", "w") as file:
        for lv, content in sorted(contents.items()):
            file.write(f"{lv} {len(content)} {zlib.crc32(content):08x}\n")


def two():
    """A group over two partitions: linear in two segments over both, striped, raid0, zero; a
    snapshot; and on the second partition alone."""
    size = 4 << 20
    group = Group("vg-x", [size, size])
    first, second = group.loops
    group.create("-n", "root", "-l", "5", "vg-x", first)
    group.create("-n", "swap", "-l", "3", "vg-x", first)
    group.lvm("lvextend", "-l", "+4", "vg-x/root", second)
    group.lvm("lvextend", "-l", "+2", "vg-x/root", first)
    group.create("-n", "data-1", "-l", "4", "vg-x", second)
    group.create("-n", "stripes", "-i", "2", "-I", "8k", "-l", "6", "vg-x")
    group.create("-n", "raid", "--type", "raid0", "-i", "2", "-I", "4k", "-l", "4", "vg-x")
    group.create("-n", "nothing", "--type", "zero", "-l", "2", "vg-x")
    contents = {
        "root": filesystem("root", 11 * EXTENT, "11111111-2222-4333-8444-555555555555"),
        "data-1": filesystem("data", 4 * EXTENT, "11111111-2222-4333-8444-666666666666"),
        "stripes": filesystem("stripes", 6 * EXTENT, "11111111-2222-4333-8444-777777777777"),
        "raid": filesystem("raid", 4 * EXTENT, "11111111-2222-4333-8444-888888888888"),
        "nothing": bytes(2 * EXTENT),
    }
    swap = tempfile.mktemp()
    open(swap, "wb").write(bytes(3 * EXTENT))
    run("mkswap", "-U", "11111111-2222-4333-8444-999999999999", swap)
    contents["swap"] = open(swap, "rb").read()
    for lv in ("root", "data-1", "stripes", "swap"):
        group.write(lv, contents[lv])
    # The stripes of raid0 go round its images.
    images = [bytearray(), bytearray()]
    for at in range(0, 4 * EXTENT, 4096):
        images[at // 4096 % 2] += contents["raid"][at:at + 4096]
    for number, image in enumerate(images):
        group.write(f"raid_rimage_{number}", bytes(image))
    group.close()
    parts = [open(path, "rb").read() for path in group.files]
    places = [1 << 20, 8 << 20]
    mbr = table((0x8e, places[0], size), (0x8e, places[1], size))
    pack("two-partitions", [(0, mbr), (places[0], parts[0]), (places[1], parts[1])], 16 << 20)
    sums("two-partitions", contents)
    # The first partition alone, and the second as a whole disk.
    pack("first-of-two", [(0, table((0x8e, places[0], size))), (places[0], parts[0])], 16 << 20)
    pack("whole-disk", [(0, parts[1])], size)


def ring():
    """The text lies over the end of the ring."""
    group = Group("ring", [2 << 20], area="8k")
    group.create("-n", "lv", "-l", "2", "ring")
    for turn in range(200):
        with open(group.files[0], "rb") as file:
            file.seek(4096 + 32)
            area = struct.unpack("<QQQ", file.read(24))
        if area[1] + area[2] > area[0]:
            break
        group.lvm("vgchange", "--addtag", f"tag{turn}", "ring")
        group.lvm("vgchange", "--deltag", f"tag{turn}", "ring")
        if turn % 7 == 3:
            group.lvm("vgchange", "--addtag", f"kept{turn}", "ring")
    else:
        sys.exit("the text never wrapped")
    content = filesystem("ring", 2 * EXTENT, "11111111-2222-4333-8444-aaaaaaaaaaaa")
    group.write("lv", content)
    group.close()
    pack("ring", [(0, open(group.files[0], "rb").read())], 2 << 20)
    sums("ring", {"lv": content})


def volume(name, body, status='"READ", "WRITE"'):
    volume.count += 1
    uuid = f"{volume.count:06d}-abcd-efgh-ijkl-mnop-qrst-uvwxyz"
    return (f'{name} {{ id = "{uuid}" status = [{status}] flags = [] segment_count = 1 '
            f'segment1 {{ start_extent = 0 {body} }} }}\n')


volume.count = 0
VISIBLE = '"READ", "WRITE", "VISIBLE"'


def linear(name, pv, first, extents, status='"READ", "WRITE"'):
    return volume(name, f'extent_count = {extents} type = "striped" stripe_count = 1 '
                        f'stripes = ["pv{pv}", {first}]', status)


def superblock(position, events, failed=0, recovery=2**64 - 1, resync=2**64 - 1):
    """`struct dm_raid_superblock` (Linux, drivers/md/dm-raid.c)."""
    return struct.pack("<4sIIIQQQQIII", b"DmRd", 0, 2, position, events, failed, recovery,
                       resync, 1, 0, 0)


def types():
    """Types whose volumes need the device mapper to be made: their text is written by hand and
    checked by vgcfgrestore."""
    group = Group("types", [6 << 20, 6 << 20])
    raid = lambda n: (f'extent_count = 2 type = "raid1" device_count = 2 region_size = 64 '
                      f'raids = ["{n}_rmeta_0", "{n}_rimage_0", "{n}_rmeta_1", "{n}_rimage_1"]')
    text = ""
    for number, name in enumerate(("mirrored", "stale")):
        text += volume(name, raid(name), VISIBLE)
        for leg in (0, 1):
            text += linear(f"{name}_rmeta_{leg}", leg, number * 3, 1)
            text += linear(f"{name}_rimage_{leg}", leg, number * 3 + 1, 2)
    text += volume("old", 'extent_count = 2 type = "mirror" mirror_count = 2 region_size = 64 '
                          'mirrors = ["old_mimage_0", 0, "old_mimage_1", 0]', VISIBLE)
    text += linear("old_mimage_0", 1, 6, 2) + linear("old_mimage_1", 0, 6, 2)
    text += linear("origin", 0, 8, 2, VISIBLE) + linear("snap", 0, 10, 2, VISIBLE)
    text += volume("snapshot0", 'extent_count = 2 type = "snapshot" chunk_size = 8 '
                                'origin = "origin" cow_store = "snap"')
    text += volume("pool", 'extent_count = 4 type = "thin-pool" metadata = "pool_tmeta" '
                           'pool = "pool_tdata" transaction_id = 1 chunk_size = 128 '
                           'discards = "passdown" zero_new_blocks = 1', VISIBLE)
    text += linear("pool_tmeta", 0, 12, 1) + linear("pool_tdata", 0, 13, 4)
    text += volume("thin", 'extent_count = 16 type = "thin" thin_pool = "pool" '
                           'transaction_id = 0 device_id = 1', VISIBLE)
    text += volume("five", 'extent_count = 2 type = "raid5" device_count = 3 stripe_size = 128 '
                           'region_size = 64 raids = ["five_rmeta_0", "five_rimage_0", '
                           '"five_rmeta_1", "five_rimage_1", "five_rmeta_2", "five_rimage_2"]',
                   VISIBLE)
    for leg in range(3):
        text += linear(f"five_rmeta_{leg}", leg % 2, 20 + leg * 2, 1)
        text += linear(f"five_rimage_{leg}", leg % 2, 21 + leg * 2, 1)
    group.restore(text)
    contents = {}
    # Both legs in sync; leg 0 left behind; leg 0 of a plain mirror is the source.
    for name, uuid in (("mirrored", "b" * 12), ("stale", "c" * 12), ("old", "d" * 12),
                       ("origin", "e" * 12)):
        contents[name] = filesystem(name, 2 * EXTENT, f"11111111-2222-4333-8444-{uuid}")
    for leg in (0, 1):
        group.write(f"mirrored_rmeta_{leg}", superblock(leg, 7))
        group.write(f"mirrored_rimage_{leg}", contents["mirrored"])
    group.write("stale_rmeta_0", superblock(0, 5))
    group.write("stale_rimage_0", pattern("left behind", 2 * EXTENT))
    group.write("stale_rmeta_1", superblock(1, 9, failed=1))
    group.write("stale_rimage_1", contents["stale"])
    group.write("old_mimage_0", contents["old"])
    group.write("old_mimage_1", pattern("perhaps not in sync", 2 * EXTENT))
    group.write("origin", contents["origin"])
    print(group.lvm("lvs", "-a", "types"))
    group.close()
    parts = [open(path, "rb").read() for path in group.files]
    mbr = table((0x8e, 1 << 20, 6 << 20), (0x8e, 8 << 20, 6 << 20))
    pack("types", [(0, mbr), (1 << 20, parts[0]), (8 << 20, parts[1])], 16 << 20)
    pack("types-second", [(0, parts[1])], 6 << 20)
    sums("types", contents)


def mirror_log(regions, clean):
    """`struct log_header_disk` and the bits of regions that are in sync (Linux,
    drivers/md/dm-log.c)."""
    bits = bytearray((regions + 31) // 32 * 4)
    for region in clean:
        bits[region // 8] |= 1 << region % 8
    return struct.pack("<IIQ", 0x4d695272, 2, regions).ljust(1024, b"\0") + bits


def mirrors():
    """Mirrors whose first leg is on the second physical volume, as they are when only the first one
    is in the image."""
    group = Group("legs", [6 << 20, 6 << 20])
    text, contents, first = "", {}, 0
    # Regions of 8 KiB, so 16 of them. The log, when there is one, is on the first.
    logs = {"logged": range(16), "behind": [n for n in range(16) if n != 13], "unlogged": None}
    for name, clean in logs.items():
        log = "" if clean is None else f'mirror_log = "{name}_mlog" '
        text += volume(name, f'extent_count = 2 type = "mirror" mirror_count = 2 {log}'
                             f'region_size = 16 mirrors = ["{name}_mimage_0", 0, '
                             f'"{name}_mimage_1", 0]', VISIBLE)
        text += linear(f"{name}_mimage_0", 1, first, 2) + linear(f"{name}_mimage_1", 0, first, 2)
        if log:
            text += linear(f"{name}_mlog", 0, first + 2, 1)
        first += 3
    # What each leg of a raid1 says: complete; still being copied to for the first time; to be
    # rebuilt by the next activation; failed after leg 0 did not.
    raids = {"complete": {}, "copied": {"resync": 4096}, "rebuilt": {}, "left": {"recovery": 512}}
    for name in raids:
        text += volume(name, f'extent_count = 2 type = "raid1" device_count = 2 region_size = 64 '
                             f'raids = ["{name}_rmeta_0", "{name}_rimage_0", "{name}_rmeta_1", '
                             f'"{name}_rimage_1"]', VISIBLE)
        for leg in (0, 1):
            flag = ', "REBUILD"' if name == "rebuilt" and leg == 1 else ""
            text += linear(f"{name}_rmeta_{leg}", 1 - leg, first, 1)
            text += linear(f"{name}_rimage_{leg}", 1 - leg, first + 1, 2, f'"READ", "WRITE"{flag}')
        first += 3
    group.restore(text)
    for number, (name, clean) in enumerate(logs.items()):
        contents[name] = filesystem(name, 2 * EXTENT,
                                    f"11111111-2222-4333-8444-{number + 1:012d}")
        group.write(f"{name}_mimage_0", contents[name])
        other = contents[name] if name == "logged" else pattern("not in sync", 2 * EXTENT)
        group.write(f"{name}_mimage_1", other)
        if clean is not None:
            group.write(f"{name}_mlog", mirror_log(16, clean).ljust(EXTENT, b"\0"))
    for number, (name, state) in enumerate(raids.items()):
        contents[name] = filesystem(name, 2 * EXTENT,
                                    f"11111111-2222-4333-8444-{number + 11:012d}")
        group.write(f"{name}_rmeta_0", superblock(0, 7))
        group.write(f"{name}_rimage_0", contents[name])
        group.write(f"{name}_rmeta_1", superblock(1, 7, **state))
        other = contents[name] if name == "complete" else pattern("not in sync", 2 * EXTENT)
        group.write(f"{name}_rimage_1", other)
    print(group.lvm("lvs", "-a", "-o", "name,segtype,attr,devices", "legs"))
    group.close()
    parts = [open(path, "rb").read() for path in group.files]
    mbr = table((0x8e, 1 << 20, 6 << 20), (0x8e, 8 << 20, 6 << 20))
    pack("mirrors", [(0, mbr), (1 << 20, parts[0]), (8 << 20, parts[1])], 16 << 20)
    pack("mirrors-first", [(0, parts[0])], 6 << 20)
    sums("mirrors", contents)


MAKERS = {"two": two, "ring": ring, "types": types, "mirrors": mirrors}

if __name__ == "__main__":
    for maker in sys.argv[1:] or MAKERS:
        MAKERS[maker]()
