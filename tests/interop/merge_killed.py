#!/usr/bin/env python3
# vrep-test: timeout=300 labels=interop presets=native,win64 serial
"""vrepdisk merge, killed at any time and run again, ends right; what is left is read by others."""

import os
import subprocess
import time

import _images as images

MIB = images.MIB
KILLS = 12


def test(folder):
    images.need("qemu-img", "7z")
    parent, child = os.path.join(folder, "parent.vhdx"), os.path.join(folder, "child.avhdx")
    mirror = images.Mirror(os.path.join(folder, "raw"), 96 * MIB, seed=9)
    images.vrepdisk("create", parent, "--size", mirror.size, "--block-size", "1M")
    mirror.scribble([parent], 6)
    images.vrepdisk("child", child, "--parent", parent)
    mirror.write([child], 5 * MIB + 512, mirror.random.randbytes(60 * MIB))
    mirror.scribble([child], 6)

    started = time.monotonic()
    images.vrepdisk("map", child)
    start_up = time.monotonic() - started
    killed = 0
    for number in range(KILLS):
        with subprocess.Popen(images.command("merge", child), stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as merge:
            time.sleep(start_up * 0.5 + number * 0.01)
            merge.kill()
        if not os.path.exists(child):
            break
        killed += 1
        mirror.same_as(child)
    if os.path.exists(child):
        images.vrepdisk("merge", child)
    print(f"killed {killed} times before the child was gone")
    images.check(killed > 0, "no merge was killed in time")
    images.check(not os.path.exists(child), "a merged child is deleted")
    mirror.same_as(parent)
    images.check(images.info(parent)["LogLive"] is False, "the parent is closed clean")
    images.check(images.hash_7zip(parent) == images.hash_raw(mirror.path), "7-Zip reads something else")
    images.qemu_reads(parent, "vhdx", mirror.path)


images.main(test)
