"""What a Windows program says about its version: the fixed part of its version resource, and its language."""

import struct

FIXED = struct.pack("<I", 0xFEEF04BD)
TRANSLATION = "Translation\0".encode("utf-16-le")


def version_of(path):
    """("0.1.0.0", "1033"), or None for a file without a version resource."""
    with open(path, "rb") as file:
        content = file.read()
    fixed = content.find(FIXED)
    if content[:2] != b"MZ" or fixed < 0:
        return None
    high, low = struct.unpack_from("<II", content, fixed + 8)
    version = ".".join(str(part) for part in (high >> 16, high & 0xFFFF, low >> 16, low & 0xFFFF))
    # The value follows its key at the next multiple of four, counted like the fixed part, which lies on one.
    value = content.find(TRANSLATION, fixed)
    if value < 0:
        return version, "0"
    value += len(TRANSLATION)
    value += -(value - fixed) % 4
    return version, str(struct.unpack_from("<H", content, value)[0])
