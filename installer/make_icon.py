#!/usr/bin/env python3
"""Draws VRep's icon: two disks, the replica's behind the primary's, and writes it as an .ico file.

    make_icon.py FILE.ico"""

import struct
import sys
import zlib

SIZES = (16, 32, 48, 256)
BEHIND, FRONT, RIM = (143, 182, 217), (31, 91, 150), (255, 255, 255)
SAMPLES = 4  # a pixel's edge is that many times finer


def inside(x, y, left, top):
    """Whether a point (0 to 1) lies in a drum, as disks are drawn; 'rim' for the edge of its lid."""
    width, height, bow = 0.58, 0.56, 0.10
    across = (x - left - width / 2) / (width / 2)
    if abs(across) > 1:
        return None
    arc = bow * (1 - across * across) ** 0.5
    lid, bottom = top + bow, top + height - bow
    if not lid - arc <= y <= bottom + arc:
        return None
    for line in (lid, lid + height * 0.25):
        if abs(y - (line + arc)) < 0.022:
            return "rim"
    return "body"


def color_at(x, y):
    front = inside(x, y, 0.37, 0.38)
    if front:
        return RIM if front == "rim" else FRONT
    if inside(x, y, 0.34, 0.35):  # a seam between the two
        return None
    behind = inside(x, y, 0.05, 0.06)
    if behind:
        return RIM if behind == "rim" else BEHIND
    return None


def pixel(column, row, size):
    """Its (blue, green, red, alpha), averaged."""
    found = [color_at((column + (i + 0.5) / SAMPLES) / size, (row + (j + 0.5) / SAMPLES) / size)
             for i in range(SAMPLES) for j in range(SAMPLES)]
    solid = [color for color in found if color]
    if not solid:
        return 0, 0, 0, 0
    red, green, blue = (sum(color[part] for color in solid) // len(solid) for part in range(3))
    return blue, green, red, 255 * len(solid) // len(found)


def bitmap(size, rows):
    """As icons have it: bottom-up, with an empty mask."""
    mask = bytes((size + 31) // 32 * 4 * size)
    head = struct.pack("<IiiHHIIiiII", 40, size, size * 2, 1, 32, 0, size * size * 4 + len(mask), 0, 0, 0, 0)
    return head + b"".join(bytes(part for dot in row for part in dot) for row in reversed(rows)) + mask


def png(size, rows):
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
    lines = b"".join(b"\0" + bytes(part for b, g, r, a in row for part in (r, g, b, a)) for row in rows)
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", size, size, 8, 6, 0, 0, 0)) +
            chunk(b"IDAT", zlib.compress(lines, 9)) + chunk(b"IEND", b""))


def icon():
    entries, images = b"", b""
    for size in SIZES:
        rows = [[pixel(column, row, size) for column in range(size)] for row in range(size)]
        image = (png if size == 256 else bitmap)(size, rows)  # the way Windows wants them
        at = 6 + 16 * len(SIZES) + len(images)
        entries += struct.pack("<BBBBHHII", size % 256, size % 256, 0, 0, 1, 32, len(image), at)
        images += image
    return struct.pack("<HHH", 0, 1, len(SIZES)) + entries + images


with open(sys.argv[1], "wb") as file:
    file.write(icon())
