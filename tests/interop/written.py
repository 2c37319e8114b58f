#!/usr/bin/env python3
# vrep-test: timeout=600 labels=interop presets=native,asan,win64
"""QEMU and 7-Zip read what we write: each format and type after random writes, children, and merged parents.

7-Zip 26.02 opens no VHDX whose size is an odd number of sectors, QEMU's own included: QEMU alone reads that one."""

import os

import _images as images

MIB = images.MIB


def read_by_others(disk, driver, mirror):
    """`driver`: QEMU's name of the format; None where QEMU cannot read it."""
    mirror.same_as(disk)
    if driver != "vhdx" or mirror.size % 1024 == 0:
        images.check(images.hash_7zip(disk) == images.hash_raw(mirror.path), f"7-Zip reads something else in {disk}")
    if driver:
        images.qemu_reads(disk, driver, mirror.path)


def written(folder, name, driver, size, *options):
    print(f"{name}: {' '.join(map(str, options))}")
    disk = os.path.join(folder, name)
    mirror = images.Mirror(disk + ".raw", size, seed=size)
    images.vrepdisk("create", disk, "--size", size, *options)
    read_by_others(disk, driver, mirror)
    mirror.scribble([disk], 12)
    read_by_others(disk, driver, mirror)
    mirror.scribble([disk], 6)
    mirror.write([disk], size - 4096, b"the end" * 512)
    read_by_others(disk, driver, mirror)
    return disk, mirror


def merged(folder, sector):
    """A child is read through its parent by 7-Zip; merged, the parent is what the child was."""
    parent, mirror = written(folder, f"parent{sector}.vhdx", "vhdx" if sector == 512 else None, 75 * MIB,
                             "--block-size", "4M", "--logical-sector", sector)
    child = os.path.join(folder, f"child{sector}.avhdx")
    images.vrepdisk("child", child, "--parent", parent)
    images.refused(1, "write", parent, "--offset", 0, data=b"x", says=("is the parent of", "--force"))
    mirror.scribble([child], 16)
    read_by_others(child, None, mirror)
    os.link(child, child + ".kept")
    images.vrepdisk("merge", child)
    images.check(not os.path.exists(child), "a merged child is deleted")
    read_by_others(parent, "vhdx" if sector == 512 else None, mirror)
    # The child's blocks do not go away by merging: what somebody kept can be merged again.
    os.rename(child + ".kept", child)
    images.vrepdisk("merge", child)
    read_by_others(parent, "vhdx" if sector == 512 else None, mirror)


def generations(folder):
    """A child of a child: merged one after the other."""
    disks = [os.path.join(folder, name) for name in ("g0.vhdx", "g1.avhdx", "g2.avhdx")]
    mirror = images.Mirror(os.path.join(folder, "g.raw"), 20 * MIB, seed=7)
    images.vrepdisk("create", disks[0], "--size", mirror.size, "--block-size", "1M")
    mirror.scribble(disks[:1], 5)
    for i in (1, 2):
        images.vrepdisk("child", disks[i], "--parent", disks[i - 1])
        mirror.scribble([disks[i]], 5)
    read_by_others(disks[2], None, mirror)
    images.check(images.info(disks[2])["Depth"] == 3, "three generations")
    images.refused(1, "merge", disks[1], says=("is the parent of",))
    images.vrepdisk("merge", disks[2])
    read_by_others(disks[1], None, mirror)
    images.vrepdisk("merge", disks[1])
    read_by_others(disks[0], "vhdx", mirror)


def test(folder):
    images.need("qemu-img", "7z")
    written(folder, "dynamic.vhdx", "vhdx", 100 * MIB)
    written(folder, "small-blocks.vhdx", "vhdx", 100 * MIB + 1024, "--block-size", "1M")
    written(folder, "odd.vhdx", "vhdx", 50 * MIB + 512)
    written(folder, "fixed.vhdx", "vhdx", 40 * MIB, "--type", "fixed")
    written(folder, "sectors4k.vhdx", None, 40 * MIB, "--logical-sector", 4096)
    written(folder, "dynamic.vhd", "vpc", 100 * MIB)
    written(folder, "odd.vhd", "vpc", 33 * MIB + 512 * 3)
    written(folder, "small-blocks.vhd", "vpc", 64 * MIB, "--block-size", "512K")
    written(folder, "fixed.vhd", "vpc", 40 * MIB, "--type", "fixed")
    merged(folder, 512)
    merged(folder, 4096)
    generations(folder)


images.main(test)
