"""Prints 40,000 bytes of words, `call` instructions and noise; or, given a WIM archive that holds
them, the resource as it is stored there."""

import struct
import sys

LEN = 40000
WORDS = [b"cluster ", b"inode ", b"hive ", b"cell ", b"extent ", b"L2 table "]


def content():
    out, x = bytearray(), 1
    while len(out) < LEN:
        x = (x * 1103515245 + 12345) & 0x7FFFFFFF
        k = (x >> 16) % 8
        if k < 6:
            out += WORDS[k]
        elif k == 6:
            out += b"\xe8" + struct.pack("<i", (x >> 8) % 20000 - (x >> 20) % 9000)
        else:
            out += struct.pack("<I", x)
    return bytes(out[:LEN])


def stored(wim):
    table = wim[0x30:0x48]
    size, offset = int.from_bytes(table[:7], "little"), int.from_bytes(table[8:16], "little")
    for at in range(offset, offset + size, 50):
        length = int.from_bytes(wim[at : at + 7], "little")
        place, original = struct.unpack("<QQ", wim[at + 8 : at + 24])
        if original == LEN:
            return wim[place : place + length]
    raise SystemExit("no such resource")


if len(sys.argv) > 1:
    sys.stdout.buffer.write(stored(open(sys.argv[1], "rb").read()))
else:
    sys.stdout.buffer.write(content())
