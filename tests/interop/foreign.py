#!/usr/bin/env python3
# vrep-test: timeout=300 labels=interop presets=native,asan,win64
"""Images that QEMU made and wrote are read by us, and written by us read by QEMU."""

import os
import subprocess

import _images as images

MIB = images.MIB
FORMATS = [  # extension, QEMU's driver, its options
    ("vhdx", "vhdx", "subformat=dynamic"),
    ("vhdx", "vhdx", "subformat=dynamic,block_size=1048576"),
    ("vhdx", "vhdx", "subformat=dynamic,block_state_zero=off"),
    ("vhdx", "vhdx", "subformat=fixed"),
    ("vhd", "vpc", "subformat=dynamic,force_size=on"),
    ("vhd", "vpc", "subformat=fixed,force_size=on"),
]


def write_by_qemu(disk, driver, mirror):
    """Writes patterns with qemu-io, into the raw mirror too."""
    words = []
    for _ in range(8):
        length = mirror.random.choice((512, 4096, 65536, MIB))
        offset = mirror.random.randrange(0, (mirror.size - length) // 512) * 512
        words += ["-c", f"write -P {mirror.random.randrange(1, 256)} {offset} {length}"]
    for path, name in ((disk, driver), (mirror.path, "raw")):
        subprocess.run(["qemu-io", "-f", name, *words, path], check=True, capture_output=True)


def made_by_qemu(folder, number, extension, driver, options):
    print(f"{driver} {options}")
    disk = os.path.join(folder, f"{number}.{extension}")
    mirror = images.Mirror(disk + ".raw", 50 * MIB, seed=number)
    mirror.scribble([], 8)
    images.qemu("convert", "-f", "raw", "-O", driver, "-o", options, mirror.path, disk)
    images.check(images.info(disk)["VirtualSize"] == mirror.size, f"{disk}: wrong size")
    mirror.same_as(disk)
    write_by_qemu(disk, driver, mirror)
    mirror.same_as(disk)
    mirror.scribble([disk], 6)
    mirror.same_as(disk)
    images.qemu_reads(disk, driver, mirror.path)
    # Not a dynamic VHD: where Windows, and so we, put the footer behind seven empty sectors, QEMU 7.2 leaves the old footer
    # in the middle of the block that it allocates there.
    if (driver, options.startswith("subformat=dynamic")) != ("vpc", True):
        write_by_qemu(disk, driver, mirror)
        mirror.same_as(disk)
    if extension == "vhdx":
        child = os.path.join(folder, f"{number}.avhdx")
        images.vrepdisk("child", child, "--parent", disk)
        mirror.scribble([child], 6)
        images.vrepdisk("merge", child)
        images.qemu_reads(disk, driver, mirror.path)


def test(folder):
    images.need("qemu-img", "qemu-io")
    for number, (extension, driver, options) in enumerate(FORMATS):
        made_by_qemu(folder, number, extension, driver, options)


images.main(test)
