#!/usr/bin/env python3
# vrep-test: timeout=600 labels=interop presets=native,win64 serial
"""vrepdisk merge, killed at any time and run again without any other state, ends right; what is left is read by others.

VHDX and VHD, one level and several, sectors of 512 and 4096 bytes. Between the kills the leaf reads as it did. Only the
files of the disks exist: whoever finds them can finish the merge.
"""

import os
import subprocess
import time

import _images as images

MIB = images.MIB
KILLS = 12

CASES = (
    {"name": "vhdx", "size": 96 * MIB, "data": 60 * MIB, "create": ("--block-size", "1M"), "hash_7zip": True},
    {"name": "vhdx-levels", "size": 64 * MIB, "data": 40 * MIB, "levels": 3},
    {"name": "vhdx-4k", "size": 64 * MIB, "data": 40 * MIB, "create": ("--logical-sector", "4096"), "qemu": None},
    {"name": "vhd", "size": 64 * MIB, "data": 40 * MIB, "create": ("--format", "vhd"), "qemu": "vpc"},
    {"name": "vhd-levels", "size": 64 * MIB, "data": 30 * MIB, "create": ("--format", "vhd"), "levels": 2, "qemu": "vpc"},
)


def make_chain(folder, case):
    """The disks from the base to the leaf, and a raw file that equals the leaf."""
    levels = case.get("levels", 1)
    vhd = "vhd" in case.get("create", ())
    disks = [os.path.join(folder, "base.vhd" if vhd else "base.vhdx")]
    disks += [os.path.join(folder, f"child{level}.avhd{'' if vhd else 'x'}") for level in range(1, levels + 1)]
    mirror = images.Mirror(os.path.join(folder, "raw"), case["size"], seed=9)
    images.vrepdisk("create", disks[0], "--size", mirror.size, *case.get("create", ()))
    mirror.scribble(disks[:1], 4)
    for parent, child in zip(disks, disks[1:]):
        images.vrepdisk("child", child, "--parent", parent)
        mirror.scribble([child], 4)
        mirror.write([child], 5 * MIB + 512, mirror.random.randbytes(case["data"]))
    return disks, mirror


def merge_killed(words, delay):
    with subprocess.Popen(images.command(*words), stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as merge:
        time.sleep(delay)
        merge.kill()


def merge_and_kill(disks, mirror, levels):
    """Kills the merge at later and later points, looks at the leaf, and finishes it; returns how often it was killed."""
    leaf = disks[-1]
    words = ("merge", leaf, "--levels", levels) if levels > 1 else ("merge", leaf)
    started = time.monotonic()
    images.vrepdisk("map", leaf)
    start_up = time.monotonic() - started
    killed = 0
    for number in range(KILLS):
        merge_killed(words, start_up * 0.5 + 0.008 * 1.3**number)
        if not os.path.exists(leaf):
            break
        killed += 1
        mirror.same_as(leaf)
    finish(disks, mirror)
    return killed


def finish(disks, mirror):
    """Merges what is left of the chain, one by one from its leaf, as somebody would who only finds the files."""
    for disk in reversed(disks[1:]):
        if os.path.exists(disk):
            mirror.same_as(disk)
            images.vrepdisk("merge", disk)
            images.check(not os.path.exists(disk), "a merged child is deleted")


def check_base(case, base, mirror):
    mirror.same_as(base)
    images.check(images.info(base)["LogLive"] is False, "the base is closed clean")
    images.vrepdisk("check", base)
    if case.get("hash_7zip"):
        images.check(images.hash_7zip(base) == images.hash_raw(mirror.path), "7-Zip reads something else")
    driver = case.get("qemu", "vhdx")
    if driver:
        images.qemu_reads(base, driver, mirror.path)


def test(folder):
    images.need("qemu-img", "7z")
    killed = 0
    for case in CASES:
        place = os.path.join(folder, case["name"])
        os.mkdir(place)
        disks, mirror = make_chain(place, case)
        kills = merge_and_kill(disks, mirror, case.get("levels", 1))
        check_base(case, disks[0], mirror)
        print(f"{case['name']}: killed {kills} times before the leaf was gone")
        killed += kills
    images.check(killed > 0, "no merge was killed in time")


images.main(test)
