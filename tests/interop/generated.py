#!/usr/bin/env python3
# vrep-test: timeout=300 labels=interop presets=native,asan
"""The forged disks (tests/support/forge) as files: vrepdisk reads what their makers say, and so do 7-Zip and QEMU, where they can."""

import os
import subprocess

import _images as images

# What other readers cannot, measured with 7-Zip 26.02 and QEMU 7.2; everything else they must agree on.
NOT_7ZIP = {
    "vhdx-dynamic-4k": "an odd number of sectors",
    "vhdx-child-states": "an odd number of sectors",
    "vhdx-smallest": "an odd number of sectors",
    "vhdx-chain-of-five": "takes more than four generations for a circle",
    "vhdx-child-larger": "a parent of another size",
    "vhdx-merge-begun": "looks at the first linkage only",
    "log-in-a-parent": "replays no log of a parent",
    "vhd-fixed-legacy": "a footer of 511 bytes",
    "vhd-dynamic-legacy": "a footer of 511 bytes",
    "vhd-dynamic-cut": "a last block that is cut",
    "vhd-dynamic-any-layout": "a header behind its table",
}
NOT_QEMU = {
    "vhdx-dynamic-4k": "sectors of 4096 bytes",
    "vhdx-random-dynamic": "sectors of 4096 bytes",
    "vhdx-no-log": "a header without a log",
    "vhd-dynamic-cut": "a last block that is cut",
    "vhd-dynamic-legacy": "believes the geometry of this creator",
    "vhd-dynamic-disk2vhd": "believes the geometry of this creator",
}


def forge(folder):
    """Name, leaf, size and sector size of each disk that was written to `folder`."""
    tool = os.path.join(os.environ["VREP_BIN"], "..", "tests", "tool_forge")
    done = subprocess.run([tool, folder], capture_output=True, text=True, check=False)
    images.check(done.returncode == 0, done.stderr)
    return [line.split("\t") for line in done.stdout.splitlines()]


def same(digest, wanted, name, reader):
    images.check(digest == wanted, f"{name}: {reader} sees something else")


def read_by_others(name, path, raw):
    if name not in NOT_7ZIP:
        same(images.hash_7zip(path), images.hash_raw(raw), name, "7-Zip")
    is_child = len(os.listdir(os.path.dirname(path))) > 1
    if not is_child and name not in NOT_QEMU:
        images.qemu("compare", "-f", "vpc" if path.endswith("vhd") else "vhdx", "-F", "raw", path, raw)


def test(folder):
    disks = forge(folder)
    images.check(len(disks) >= 50, f"only {len(disks)} disks")
    for name, leaf, _, _ in disks:
        path, raw = os.path.join(folder, name, leaf), os.path.join(folder, name + ".raw")
        if not os.path.exists(raw):
            continue  # too large to be read whole
        wanted = images.hash_raw(raw)
        same(images.hash_ours(path), wanted, name, "vrepdisk")
        # Others do not replay a log, or only with write access.
        images.vrepdisk("check", "--repair", path)
        same(images.hash_ours(path), wanted, name, "vrepdisk after a repair")
        read_by_others(name, path, raw)


images.need("qemu-img", "7z")
images.main(test)
