#!/usr/bin/env python3
# vrep-test: timeout=300 labels=interop presets=native,asan,win64
"""Differencing VHDs: one that Windows made is written and merged, and others read it; so are generations of our own, which
are resized and compacted in the end.

7-Zip reads children through their parents; QEMU takes a child for a whole disk, so it reads what was merged."""

import gzip
import os
import shutil

import _images as images

MIB = images.MIB


def unpack(folder, name):
    path = os.path.join(folder, name)
    with gzip.open(os.path.join(images.corpus(), name + ".gz")) as packed, open(path, "wb") as file:
        shutil.copyfileobj(packed, file)
    return path


def mirror_of(disk, size, seed):
    mirror = images.Mirror(disk + ".raw", size, seed)
    with open(mirror.path, "wb") as file:
        file.write(images.vrepdisk("cat", disk))
    return mirror


def read_by_7zip(disk, mirror):
    mirror.same_as(disk)
    # Without the type, 7-Zip goes on to the file system within the disk.
    seen = images.hash_of(["7z", "e", "-so", "-tVHD", disk])
    images.check(seen == images.hash_raw(mirror.path), f"7-Zip reads something else in {disk}")


def child_of_windows(folder):
    parent = unpack(folder, "ntfs-parent.vhd")
    child = unpack(folder, "ntfs-differential.vhd")
    mirror = mirror_of(child, 4 * MIB, seed=1)
    read_by_7zip(child, mirror)
    for _ in range(3):
        mirror.scribble([child], 8, lengths=(512, 4096, 70000, MIB))
        read_by_7zip(child, mirror)
    images.vrepdisk("check", child)
    images.vrepdisk("merge", child)
    mirror.same_as(parent)
    images.qemu_reads(parent, "vpc", mirror.path)


def generations(folder):
    disks = [os.path.join(folder, name) for name in ("g0.vhd", "g1.avhd", "g2.avhd", "g3.avhd")]
    mirror = images.Mirror(os.path.join(folder, "g.raw"), 21 * MIB + 512, seed=2)
    images.vrepdisk("create", disks[0], "--size", mirror.size, "--format", "vhd", "--block-size", "512K")
    mirror.scribble(disks[:1], 8)
    for parent, child in zip(disks, disks[1:]):
        images.vrepdisk("child", child, "--parent", parent)
        mirror.scribble([child], 8)
        mirror.write([child], 6 * MIB, bytes(3 * MIB))
        read_by_7zip(child, mirror)
    for parent, child in reversed(list(zip(disks, disks[1:]))):
        images.vrepdisk("merge", child)
        read_by_7zip(parent, mirror)
    images.vrepdisk("check", disks[0])
    images.qemu_reads(disks[0], "vpc", mirror.path)
    return disks[0], mirror


def changed(disk, mirror):
    """Larger, with the table where the first blocks were; smaller; without the blocks that became zero."""
    for size in (1600 * MIB, 24 * MIB):
        images.vrepdisk("resize", disk, "--size", size)
        os.truncate(mirror.path, size)
        mirror.size = size
        read_by_7zip(disk, mirror)
        images.qemu_reads(disk, "vpc", mirror.path)
    mirror.scribble([disk], 12)
    mirror.write([disk], 2 * MIB, bytes(9 * MIB))
    before = os.path.getsize(disk)
    images.vrepdisk("compact", disk)
    images.check(os.path.getsize(disk) < before, "compacting did not make the file smaller")
    images.vrepdisk("check", disk)
    read_by_7zip(disk, mirror)
    images.qemu_reads(disk, "vpc", mirror.path)


def test(folder):
    images.need("qemu-img", "7z")
    changed(*generations(folder))
    child_of_windows(folder)


images.main(test)
