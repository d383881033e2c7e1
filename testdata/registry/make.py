#!/usr/bin/python3
"""Makes the hives of this directory, with hivexregedit, zstd and list.pl.

`kinds` and `version-3` are written here, byte for byte after "Windows registry file format
specification" (regf), because hivex makes no index leaf, fast leaf, index root, big data or class; hivex
reads them, and what it reads is NAME.list. `before` is written here, too, and hivexregedit makes
`after` of it; the dirty hives are `before`, of which some pages are `after`'s, with transaction logs
that have the others.
"""

import os
import struct
import subprocess
import tempfile

NIL = 0xFFFFFFFF
TIME = 0x01D9_0000_0000_0000


def up(text):
    return "".join(c.upper() if len(c.upper()) == 1 else c for c in text)


class Writer:
    """The hive bins of one hive."""

    def __init__(self, minor):
        self.minor = minor
        self.bins = bytearray()
        self.free = 0  # where the next cell begins
        self.end = 0  # where the bin ends

    def close(self):
        if self.free < self.end:
            struct.pack_into("<i", self.bins, self.free, self.end - self.free)

    def cell(self, content):
        size = -(-(len(content) + 4) // 8) * 8
        if self.free + size > self.end:
            self.close()
            length = -(-(size + 32) // 4096) * 4096
            start = len(self.bins)
            header = b"hbin" + struct.pack("<IIQQI", start, length, 0, TIME, 0)
            self.bins += header + bytes(length - 32)
            self.free, self.end = start + 32, start + length
        at = self.free
        struct.pack_into("<i", self.bins, at, -size)
        self.bins[at + 4 : at + 4 + len(content)] = content
        self.free += size
        return at

    def name(self, text):
        try:
            return text.encode("latin-1"), 1
        except UnicodeEncodeError:
            return text.encode("utf-16-le"), 0

    def value(self, name, kind, data):
        raw, compressed = self.name(name)
        if len(data) <= 4:
            size, place = len(data) | 1 << 31, struct.unpack("<I", data.ljust(4, b"\0"))[0]
        elif len(data) > 16344 and self.minor > 3:
            parts = [self.cell(data[i : i + 16344]) for i in range(0, len(data), 16344)]
            table = self.cell(struct.pack(f"<{len(parts)}I", *parts))
            size, place = len(data), self.cell(b"db" + struct.pack("<HII", len(parts), table, 0))
        else:
            size, place = len(data), self.cell(data)
        return self.cell(b"vk" + struct.pack("<HIIIHH", len(raw), size, place, kind, compressed, 0) + raw)

    def list(self, kind, keys):
        """A list of subkeys, given as name and offset."""
        if kind == "ri":
            parts = [keys[i : i + 100] for i in range(0, len(keys), 100)]
            kinds = ["lf", "lh", "li"]
            cells = [self.list(kinds[i % 3], part) for i, part in enumerate(parts)]
            return self.cell(b"ri" + struct.pack(f"<H{len(cells)}I", len(cells), *cells))
        out = kind.encode() + struct.pack("<H", len(keys))
        for name, offset in keys:
            out += struct.pack("<I", offset)
            if kind == "lf":
                hint = name[:4].encode("ascii", "replace") if name.isascii() else b""
                out += hint.ljust(4, b"\0")
            elif kind == "lh":
                value = 0
                for (unit,) in struct.iter_unpack("<H", up(name).encode("utf-16-le")):
                    value = (value * 37 + unit) & 0xFFFFFFFF
                out += struct.pack("<I", value)
        return self.cell(out)

    def key(self, key, parent, security, flags=0):
        raw, compressed = self.name(key["name"])
        node = self.cell(bytes(76 + len(raw)))
        if security is None:
            # Owner and group: Everyone; no lists of access.
            sid = b"\x01\x01" + bytes(5) + b"\x01" + bytes(4)
            descriptor = struct.pack("<BBHIIII", 1, 0, 0x8000, 20, 32, 0, 0) + sid + sid
            security = self.cell(b"sk" + struct.pack("<HIIII", 0, 0, 0, 1, len(descriptor)) + descriptor)
            struct.pack_into("<III", self.bins, security + 8, security, security, 0)
        users = security + 16
        struct.pack_into("<I", self.bins, users, 1 + struct.unpack_from("<I", self.bins, users)[0])
        children = sorted(key.get("subkeys", []), key=lambda child: up(child["name"]))
        offsets = [(child["name"], self.key(child, node, security)) for child in children]
        subkeys = self.list(key.get("list", "lh"), offsets) if offsets else NIL
        values = [self.value(*value) for value in key.get("values", [])]
        table = self.cell(struct.pack(f"<{len(values)}I", *values)) if values else NIL
        class_name = key.get("class", "").encode("utf-16-le")
        class_cell = self.cell(class_name) if class_name else NIL
        content = b"nk" + struct.pack(
            "<HQIIIIIIIIIIIIIIIHH",
            flags | key.get("flags", 0) | (0x20 if compressed else 0),
            TIME + node,
            0,
            parent,
            len(offsets),
            0,
            subkeys,
            NIL,
            len(values),
            table,
            security,
            class_cell,
            max([2 * len(name) for name, _ in offsets], default=0),
            0,
            max([2 * len(name) for name, _, _ in key.get("values", [])], default=0),
            max([len(data) for _, _, data in key.get("values", [])], default=0),
            0,
            len(raw),
            len(class_name),
        )
        self.bins[node + 4 : node + 4 + len(content) + len(raw)] = content + raw
        return node


def checksum(block):
    total = 0
    for (word,) in struct.iter_unpack("<I", block[:508]):
        total ^= word
    return {0: 1, NIL: NIL - 1}.get(total, total)


def sealed(block):
    return block[:508] + struct.pack("<I", checksum(block)) + block[512:]


def base_block(minor, root, length, sequences=(7, 7), kind=0):
    block = b"regf" + struct.pack("<IIQIIIIIII", *sequences, TIME, 1, minor, kind, 1, root, length, 1)
    return sealed(block.ljust(4096, b"\0"))


def hive(root, minor=5):
    writer = Writer(minor)
    node = writer.key(root, NIL, None, flags=0x2C)
    writer.close()
    return base_block(minor, node, len(writer.bins)) + bytes(writer.bins)


def keys(count, prefix):
    return [{"name": f"{prefix} {i:04}"} for i in range(count)]


def text(string):
    return (string + "\0").encode("utf-16-le")


LONG = bytes(i // 3 % 251 for i in range(40_000))

KINDS = {
    "name": "ROOT",
    "list": "lf",
    "subkeys": [
        {"name": "index leaf", "list": "li", "subkeys": keys(5, "leaf")},
        {"name": "fast leaf", "list": "lf", "subkeys": keys(5, "fast") + [{"name": "öl"}, {"name": "ab"}]},
        {"name": "hash leaf", "list": "lh", "subkeys": keys(5, "hash") + [{"name": "Größe"}]},
        {"name": "index root", "list": "ri", "subkeys": keys(730, "below")},
        {
            "name": "names",
            "subkeys": [
                {"name": "Ärger"},
                {"name": "漢字"},
                {"name": "emoji 😀"},
                {"name": "Ελληνικά"},
                {"name": "a/b.c d%"},
                {"name": "x" * 255},
            ],
            "values": [
                ("", 1, text("default")),
                ("Müller", 1, text("Grüße")),
                ("значение", 1, text("данные")),
                ("v" * 500, 4, struct.pack("<I", 1)),
            ],
        },
        {
            "name": "types",
            "class": "class öf 類",
            "values": [
                ("none", 0, b""),
                ("none with data", 0, b"\1\2\3\4\5\6"),
                ("sz", 1, text("text")),
                ("expand", 2, text(r"%SystemRoot%\system32")),
                ("empty binary", 3, b""),
                ("byte", 3, b"\xff"),
                ("three", 3, b"\1\2\3"),
                ("four", 3, b"\1\2\3\4"),
                ("five", 3, b"\1\2\3\4\5"),
                ("dword", 4, struct.pack("<I", 0xDEADBEEF)),
                ("big endian", 5, struct.pack(">I", 0x01020304)),
                ("link", 6, r"\Registry\Machine\System".encode("utf-16-le")),
                ("multi", 7, (text("one") + text("two") + text(""))),
                ("multi with empty", 7, (text("one") + text("") + text("two") + text("") + text(""))),
                ("multi without end", 7, "one\0two".encode("utf-16-le")),
                ("resource list", 8, bytes(12)),
                ("qword", 11, struct.pack("<Q", 0x1122334455667788)),
                ("number 500", 500, b""),
                ("property", 0xFFFF0012, text("p")),
            ],
        },
        {
            # Not 16345: hivex loses up to four bytes of the last segment where the cell has no more room.
            "name": "data",
            "values": [(f"{n}", 3, LONG[:n]) for n in (16343, 16344, 16349, 32688, 32693, 40000)],
        },
        {
            "name": "Link",
            "flags": 0x10,
            "values": [("SymbolicLinkValue", 6, r"\Registry\Machine\Software\names".encode("utf-16-le"))],
        },
    ],
}

VERSION_3 = {
    "name": "ROOT",
    "list": "lf",
    "values": [("long", 3, LONG)],
    "subkeys": [{"name": "Select", "values": [("Current", 4, struct.pack("<I", 2))]}]
    + [{"name": f"ControlSet00{n}", "values": [("number", 4, struct.pack("<I", n))]} for n in (1, 2)],
}

BEFORE = {
    "name": "ROOT",
    "subkeys": [
        {"name": "old", "values": [("a", 1, text("before")), ("b", 4, struct.pack("<I", 1))]},
        {"name": "kept", "subkeys": keys(40, "kept"), "values": [("data", 3, LONG[:3000])]},
        {"name": "services", "subkeys": keys(60, "service"), "values": [("data", 3, LONG[:3000])]},
    ],
}

CHANGES = (
    "Windows Registry Editor Version 5.00\n\n"
    '[\\old]\n"a"="after"\n"b"=dword:00000002\n\n'
    "[-\\services\\service 0007]\n\n"
    + "[\\new]\n\n"
    + "".join(f'[\\new\\{i}]\n"n"=dword:{i:08x}\n"text"="a text {i}"\n\n' for i in range(60))
)


def rotated(word, by):
    return (word << by | word >> 32 - by) & NIL


def marvin32(data):
    low, high = 0x7A4E55C5, 0x82EF4D88
    data += b"\x80"
    data += bytes(-len(data) % 4 + 4)
    for (word,) in struct.iter_unpack("<I", data):
        low = low + word & NIL
        high ^= low
        low = rotated(low, 20) + high & NIL
        high = rotated(high, 9) ^ low
        low = rotated(low, 27) + high & NIL
        high = rotated(high, 19)
    return struct.pack("<II", low, high)


def entry(sequence, length, pages):
    """A log entry of pages, each an offset and its bytes."""
    rest = b"".join(struct.pack("<II", offset, len(data)) for offset, data in pages)
    rest += b"".join(data for _, data in pages)
    size = -(-(40 + len(rest)) // 512) * 512
    rest = rest.ljust(size - 40, b"\0")
    head = b"HvLE" + struct.pack("<IIIII", size, 0, sequence, length, len(pages)) + marvin32(rest)
    return head + marvin32(head) + rest


def difference(before, after):
    """The pages of 512 bytes of the hive bins that differ."""
    before = before.ljust(len(after), b"\0")
    return [i for i in range(0, len(after), 512) if before[i : i + 512] != after[i : i + 512]]


def root_of(hive):
    return struct.unpack_from("<I", hive, 36)[0]


def write(name, data):
    subprocess.run(["zstd", "-19", "-q", "-f", "-o", f"{name}.zst"], input=data, check=True)


def write_list(name, data):
    with tempfile.NamedTemporaryFile() as file:
        file.write(data)
        file.flush()
        write(f"{name}.list", subprocess.run(["./list.pl", file.name], stdout=subprocess.PIPE, check=True).stdout)


def changed(before):
    """What hivexregedit makes of it."""
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "hive")
        with open(path, "wb") as file:
            file.write(before)
        with open(path + ".reg", "w") as file:
            file.write(CHANGES)
        subprocess.run(["hivexregedit", "--merge", path, path + ".reg"], check=True)
        with open(path, "rb") as file:
            return file.read()


def main():
    os.chdir(os.path.dirname(os.path.abspath(__file__)))
    for name, data in [("kinds", hive(KINDS)), ("version-3", hive(VERSION_3, 3))]:
        write(name, data)
        write_list(name, data)
    before = hive(BEFORE)
    after = changed(before)
    write("before", before)
    write_list("before", before)
    write_list("after", after)
    old_bins, bins = before[4096:], after[4096:]
    root, length = root_of(after), len(bins)
    assert root == root_of(before)
    dirty = difference(old_bins, bins)
    # Some pages were written already, and the file was made longer, when it stopped.
    torn = bytearray(old_bins.ljust(length, b"\0"))
    for page in dirty[::3]:
        torn[page : page + 512] = bins[page : page + 512]

    # Windows 8 and older: the base block names the new length and the time of the log.
    write("dirty-old", base_block(5, root, length, (8, 7)) + torn)
    bitmap = bytearray(length // 4096)
    for page in dirty:
        bitmap[page // 4096] |= 1 << page // 512 % 8
    log = base_block(5, root, length, (8, 8), 1)[:512] + b"DIRT" + bitmap
    log = log.ljust(-(-len(log) // 512) * 512, b"\0")
    log += b"".join(bins[page : page + 512] for page in dirty)
    write("dirty-old.LOG1", log)

    # Windows 8.1 and newer: entries 8 and 9 in the one log, 10 and 11 in the other; before them an
    # entry that is in the hive already, behind them the rest of an older log. What 8 has of the first
    # pages is not what 9 and 10 have, and the hive grows with 10.
    write("dirty-new", base_block(5, root, len(old_bins), (9, 8)) + old_bins)
    page = lambda at: (at, bins[at : at + 512])
    inside = [at for at in dirty if at < len(old_bins)]
    wrong = [(at, b"\xee" * 512) for at in inside]
    first = base_block(5, root, len(old_bins), (7, 7), 6)[:512]
    first += entry(7, len(old_bins), [(inside[0], b"\xdd" * 512)])
    first += entry(8, len(old_bins), wrong)
    first += entry(9, len(old_bins), [page(at) for at in inside[::2]])
    first += entry(5, len(old_bins), [(inside[0], b"\xcc" * 512)])
    beyond = [(len(old_bins), bins[len(old_bins) :])]
    second = base_block(5, root, length, (10, 10), 6)[:512]
    second += entry(10, length, [page(at) for at in inside[1::2]] + beyond)
    second += entry(11, length, [page(at) for at in inside[:2]])
    write("dirty-new.LOG1", second)
    write("dirty-new.LOG2", first)


main()
