"""A reader of VHDX that shares nothing with vhd/ and knows every sector size, and a way to leave a log live.

Dynamic and fixed disks without parents; numbers in brackets are sections of [MS-VHDX].
"""

import struct
import uuid

KIB = 1024
MIB = 1024 * KIB
HEADERS = (64 * KIB, 128 * KIB)
REGION_TABLE = 192 * KIB
BAT = uuid.UUID("2DC27766-F623-4200-9D64-115E9BFD4A08").bytes_le
METADATA = uuid.UUID("8B7CA206-4790-4B9A-B8FE-575F050F886E").bytes_le
FILE_PARAMETERS = uuid.UUID("CAA16737-FA36-4D43-B3B6-33F0AA44E76B").bytes_le
VIRTUAL_SIZE = uuid.UUID("2FA54224-CD1B-4876-B211-5DBED83BF4B8").bytes_le
SECTOR_SIZE = uuid.UUID("8141BF1D-A96F-4709-BA47-F233A8FAAB5F").bytes_le
PRESENT = 6
LOG_SECTOR = 4 * KIB


def crc32c(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc = TABLE[(crc ^ byte) & 0xFF] ^ (crc >> 8)
    return crc ^ 0xFFFFFFFF


def table():
    entries = []
    for number in range(256):
        for _ in range(8):
            number = (number >> 1) ^ (0x82F63B78 if number & 1 else 0)
        entries.append(number)
    return entries


TABLE = table()


def summed(structure):
    """With its checksum (bytes 4 to 8) put in."""
    blank = structure[:4] + bytes(4) + structure[8:]
    return blank[:4] + struct.pack("<I", crc32c(blank)) + blank[8:]


class Vhdx:
    """An open VHDX; `file` is opened by the caller."""

    def __init__(self, file):
        self.file = file
        regions = self.entries(REGION_TABLE, b"regi", 8, "<16sQII", 16)
        self.bat, metadata = regions[BAT][0], regions[METADATA][0]
        items = self.entries(metadata, b"metadata", 10, "<16sIIII", 32)  # [2.6.1]
        (self.block_size,) = struct.unpack("<I", self.at(metadata + items[FILE_PARAMETERS][0], 4))
        (self.size,) = struct.unpack("<Q", self.at(metadata + items[VIRTUAL_SIZE][0], 8))
        (self.sector,) = struct.unpack("<I", self.at(metadata + items[SECTOR_SIZE][0], 4))
        self.chunk_ratio = 2 ** 23 * self.sector // self.block_size  # [2.5.1]

    def at(self, offset, length):
        self.file.seek(offset)
        return self.file.read(length)

    def entries(self, offset, signature, count_at, layout, first):
        """A table that is ordered by GUID: of regions [2.2.3] or of metadata."""
        raw = self.at(offset, 64 * KIB)
        assert raw.startswith(signature), f"no {signature} at {offset}"
        count = struct.unpack_from("<I" if count_at == 8 else "<H", raw, count_at)[0]
        found = (struct.unpack_from(layout, raw, first + 32 * number) for number in range(count))
        return {entry[0]: entry[1:] for entry in found}

    def block(self, number):
        """Where a payload block lies in the file; None when it reads as zeros."""
        (entry,) = struct.unpack("<Q", self.at(self.bat + 8 * (number + number // self.chunk_ratio), 8))
        return entry >> 20 << 20 if entry & 7 == PRESENT else None

    def blocks(self):
        """The disk's content, block by block."""
        for number in range(-(-self.size // self.block_size)):
            length = min(self.block_size, self.size - number * self.block_size)
            place = self.block(number)
            yield bytes(length) if place is None else self.at(place, length)

    def current_header(self):
        """(offset, bytes) of the header that counts [2.2.2]."""
        found = [(offset, self.at(offset, 4 * KIB)) for offset in HEADERS]
        valid = [(offset, raw) for offset, raw in found if raw[:4] == b"head" and summed(raw) == raw]
        return max(valid, key=lambda pair: struct.unpack_from("<Q", pair[1], 8))


def leave_log_live(path, offset, page):
    """What a writer leaves that lost its power after it logged a change and before it wrote it: the log [2.3] says that
    4 KiB of the disk at `offset`, in a block that is there, are `page`."""
    with open(path, "r+b") as file:
        disk = Vhdx(file)
        place = disk.block(offset // disk.block_size) + offset % disk.block_size
        header_at, header = disk.current_header()
        (sequence,) = struct.unpack_from("<Q", header, 8)
        _, log_offset = struct.unpack_from("<IQ", header, 68)
        file.seek(0, 2)
        end = file.tell()
        log = uuid.uuid4().bytes_le
        entry = struct.pack("<4sIIIQII16sQQ", b"loge", 0, 2 * LOG_SECTOR, 0, 1, 1, 0, log, end, end)
        entry += struct.pack("<4s4s8sQQ", b"desc", page[-4:], page[:8], place, 1)
        entry += bytes(LOG_SECTOR - len(entry))
        entry += struct.pack("<4sI4084sI", b"data", 0, page[8:-4], 1)
        file.seek(log_offset)
        file.write(summed(entry))
        header = header[:8] + struct.pack("<Q", sequence + 1) + header[16:48] + log + header[64:]
        file.seek(HEADERS[0] if header_at == HEADERS[1] else HEADERS[1])
        file.write(summed(header))
