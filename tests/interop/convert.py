#!/usr/bin/env python3
# vrep-test: timeout=300 labels=interop presets=native,asan,win64
"""Converting round the formats keeps every byte, and what is zero takes no room."""

import os

import _images as images

MIB = images.MIB
STEPS = [
    ("a.vhdx", []),
    ("b.vhd", []),
    ("c.vhdx", ["--type", "fixed"]),
    ("d.vhd", ["--type", "fixed"]),
    ("e.disk", ["--format", "vhd", "--block-size", "512K"]),
    ("f.disk", ["--format", "vhdx", "--block-size", "1M"]),
]


def test(folder):
    images.need("qemu-img", "7z")
    first = os.path.join(folder, "first.vhdx")
    mirror = images.Mirror(first + ".raw", 90 * MIB + 1024, seed=3)
    images.vrepdisk("create", first, "--size", mirror.size)
    mirror.scribble([first], 10)
    mirror.write([first], 60 * MIB, bytes(8 * MIB))
    before = first
    for name, options in STEPS:
        print(name, *options)
        disk = os.path.join(folder, name)
        images.vrepdisk("convert", before, disk, *options)
        mirror.same_as(disk)
        images.check(b"same" in images.vrepdisk("compare", first, disk), "compare says so")
        images.check(images.hash_7zip(disk) == images.hash_raw(mirror.path), f"7-Zip reads something else in {disk}")
        before = disk
    images.refused(1, "convert", first, before, says=("exist",))
    mirror.same_as(before)
    images.check(images.info(before)["Allocated"] <= images.info(first)["Allocated"], "zeros take room")

    images.vrepdisk("write", before, "--offset", 12345678, data=b"\xa5" * 9000)
    try:
        images.vrepdisk("compare", first, before)
        raise AssertionError("different disks compare equal")
    except images.Failed as failure:
        images.check(failure.code == 1, f"compare of different disks: {failure}")
    images.refused(2, "compare", first, os.path.join(folder, "nothing.vhdx"), says=("nothing.vhdx",))

    sectors = os.path.join(folder, "sectors4k.vhdx")
    images.vrepdisk("create", sectors, "--size", "20M", "--logical-sector", "4096")
    images.refused(1, "convert", sectors, os.path.join(folder, "no.vhd"), says=("512",))
    images.check(not os.path.exists(os.path.join(folder, "no.vhd")), "a refused conversion leaves a file")


images.main(test)
