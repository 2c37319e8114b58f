#!/usr/bin/env python3
# vrep-test: timeout=300 labels=interop presets=native,asan,win64
"""vrepdisk hrl info, cat, check and apply on logs that this script wrote by [MS-HRL], sharing no code with vrepdisk."""

import json
import os
import random
import struct
import subprocess
import uuid

import _images as images

HEADER = struct.Struct("<8sII4sIQQIQiI16s16sIQIH16s")
CHECKSUM_OF_HEADER = 40
DISK_SIZE = 16 * images.MIB


def checksum(data, at):
    return ~(sum(data[:at]) + sum(data[at + 4:])) & 0xFFFFFFFF


def with_checksum(data, at):
    return data[:at] + struct.pack("<I", checksum(data, at)) + data[at + 4:]


def entry(offset, data, time, recorded):
    data_checksum = ~sum(data) & 0xFFFFFFFF if recorded else 0
    raw = struct.pack("<QIIIBIB6x", offset, 0, len(data), time, 1, data_checksum, 0)
    return with_checksum(raw, 8)


def block(previous, entries, size):
    raw = with_checksum(struct.pack("<QII16x", previous, len(entries), 0), 12)
    return (raw + b"".join(entries)).ljust(size, b"\0")


def header(end, total, size, identity, version=0x20000):
    raw = HEADER.pack(b"msctlog ", version, 800000000, b"ct  ", 0xA0000, 0, end, 0, end, 0, size,
                      identity.bytes_le, bytes(16), 800000060, total, 0, 0, bytes(16))
    return with_checksum(raw.ljust(4096, b"\0"), CHECKSUM_OF_HEADER)


def make_log(groups, size, identity, closed=True, recorded=True, version=0x20000):
    """groups: lists of (offset, data). The first block is empty, as in Hyper-V's logs."""
    body = bytearray(block(0, [], size))
    last = 4096
    for group in groups:
        for _, data in group:
            body += data
        at = 4096 + len(body)
        body += block(at - last, [entry(o, d, 800000001 + i, recorded) for i, (o, d) in
                                  enumerate(group)], size)
        last = at
    total = sum(len(group) for group in groups)
    return header(4096 + len(body) if closed else 0, total, size, identity, version) + bytes(body)


def findings(path, code):
    """The names that `hrl check` finds; it must end with this exit code."""
    done = subprocess.run(images.command("hrl", "check", path, "--json"), capture_output=True, check=False)
    images.check(done.returncode == code, f"hrl check: exit code {done.returncode}: {done.stderr.decode()}")
    return [finding["Name"] for finding in json.loads(done.stdout)["Findings"]] if code != 1 else []


def random_groups(source):
    groups = []
    for _ in range(source.randrange(1, 12)):
        group = []
        for _ in range(source.randrange(1, 16)):
            length = 512 * source.randrange(1, 64)
            offset = 512 * source.randrange((DISK_SIZE - length) // 512)
            group.append((offset, source.randbytes(length)))
        groups.append(group)
    return groups


def content(groups):
    disk = bytearray(DISK_SIZE)
    for group in groups:
        for offset, data in group:
            disk[offset:offset + len(data)] = data
    return bytes(disk)


def check_listing(path, groups):
    listed = json.loads(images.vrepdisk("hrl", "cat", path, "--json"))
    expected = [(n, offset, len(data)) for n, group in enumerate(groups, 1) for offset, data in group]
    images.check([(e["group"], e["offset"], e["length"]) for e in listed] == expected, f"{listed}")
    images.check([e["number"] for e in listed] == list(range(len(expected))), f"{listed}")
    images.check(len(images.vrepdisk("hrl", "cat", path).splitlines()) == len(expected) + 1, "lines of text")


def apply_twice(path, disk, groups):
    images.vrepdisk("create", disk, "--size", DISK_SIZE)
    for _ in range(2):
        images.vrepdisk("hrl", "apply", path, disk)
        images.check(images.vrepdisk("cat", disk) == content(groups), f"contents of {disk}")


def closed_logs(folder, source):
    kinds = [(4096, True, 0x20000), (512, True, 0x20000), (8192, False, 0x20000), (4096, True, 0x10000)]
    for number, (size, recorded, version) in enumerate(kinds):
        groups = random_groups(source)
        identity = uuid.UUID(int=source.getrandbits(128))
        path = os.path.join(folder, f"{number}.hrl")
        with open(path, "wb") as file:
            file.write(make_log(groups, size, identity, recorded=recorded, version=version))
        known = json.loads(images.vrepdisk("hrl", "info", path, "--json"))
        images.check(known["UniqueId"] == str(identity) and known["Closed"] is True, f"{known}")
        images.check(known["Writes"] == known["TotalMetadataEntries"] == sum(map(len, groups)), f"{known}")
        images.check(known["Version"] == f"{version >> 16}.0" and known["MetadataSize"] == size, f"{known}")
        images.check(known["End"] == os.path.getsize(path) and known["PreviousUniqueId"] is None, f"{known}")
        images.check(findings(path, 0) == ([] if recorded else ["data-unverified"]), "findings of a good log")
        check_listing(path, groups)
        for name in ("disk.vhdx", "disk.vhd"):
            apply_twice(path, os.path.join(folder, f"{number}.{name}"), groups)


def write(path, data):
    with open(path, "wb") as file:
        file.write(data)


def unclosed_log(folder, source):
    groups = random_groups(source)
    path, disk = os.path.join(folder, "open.hrl"), os.path.join(folder, "open.vhdx")
    images.vrepdisk("create", disk, "--size", DISK_SIZE)
    write(path, make_log(groups, 4096, uuid.uuid4(), closed=False))
    images.check(findings(path, 2) == ["not-closed"], "findings of a log that was not closed")
    check_listing(path, groups)
    images.refused(1, "hrl", "apply", path, disk, says=("not closed",))
    images.check(images.vrepdisk("cat", disk) == bytes(DISK_SIZE), "a refused log changes nothing")
    images.vrepdisk("hrl", "apply", path, disk, "--force")
    images.check(images.vrepdisk("cat", disk) == content(groups), "contents after --force")
    write(path, make_log(groups, 4096, uuid.uuid4(), closed=False)[:-1])
    check_listing(path, groups[:-1])


def damaged_logs(folder, source):
    good = make_log(random_groups(source), 4096, uuid.uuid4())
    path, disk = os.path.join(folder, "bad.hrl"), os.path.join(folder, "bad.vhdx")
    images.vrepdisk("create", disk, "--size", DISK_SIZE)
    flipped = bytearray(good)
    flipped[4096 + 4096] ^= 1
    write(path, flipped)
    images.check(findings(path, 2) == ["data-checksum"], "findings of changed data")
    images.refused(1, "hrl", "apply", path, disk, says=("checksum",))
    write(path, good[:-512])
    images.refused(1, "hrl", "info", path, says=("EOLLocation",))
    images.check(findings(path, 2) == ["end-of-log"], "findings of a short log")
    images.refused(1, "hrl", "info", disk, says=("no Hyper-V Replica log",))
    findings(disk, 1)
    write(path, make_log([[(DISK_SIZE - 512, bytes(1024))]], 4096, uuid.uuid4()))
    images.refused(1, "hrl", "apply", path, disk, says=("write 0",))


def test(folder):
    seed = int(os.environ.get("VREP_TEST_SEED", "1"))
    print(f"interop.hrl: VREP_TEST_SEED={seed}")
    source = random.Random(seed)
    closed_logs(folder, source)
    unclosed_log(folder, source)
    damaged_logs(folder, source)


images.main(test)
