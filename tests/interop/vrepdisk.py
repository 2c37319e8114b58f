#!/usr/bin/env python3
# vrep-test: timeout=300 labels=interop presets=native,asan,win64
"""vrepdisk as scripts use it: names in JSON, exit codes, any bytes, refusals before anything is written, locks."""

import json
import os
import shutil
import subprocess
import time

import _images as images

MIB = images.MIB
INFO_NAMES = ["Path", "Format", "Type", "VirtualSize", "LogicalSectorSize", "PhysicalSectorSize", "BlockSize",
              "VirtualDiskId", "DataWriteGuid", "SequenceNumber", "FileSize", "Allocated", "LogLive",
              "ChangeTracking", "ParentPath", "ParentLinkage", "ParentProblem", "Creator", "Depth"]


def contents(*paths):
    return [images.hash_raw(path) for path in paths]


def names_and_sizes(folder):
    disk = os.path.join(folder, "named.vhdx")
    images.vrepdisk("create", "--block-size=4m", disk, "--size", "64M", "--logical-sector", "4K")
    known = images.info(disk)
    images.check(list(known) == INFO_NAMES, f"names of info: {list(known)}")
    images.check((known["Format"], known["Type"]) == ("VHDX", "Dynamic"), f"{known}")
    images.check((known["VirtualSize"], known["BlockSize"]) == (64 * MIB, 4 * MIB), f"{known}")
    images.check((known["LogicalSectorSize"], known["Depth"]) == (4096, 1), f"{known}")
    images.check(known["ParentPath"] is None and known["LogLive"] is False, f"{known}")
    images.check(known["FileSize"] == os.path.getsize(disk), f"{known}")
    images.vrepdisk("write", disk, "--offset", "8M", data=b"\x11" * MIB)
    extents = json.loads(images.vrepdisk("map", disk, "--json"))
    images.check(sum(e["length"] for e in extents) == 64 * MIB, f"{extents}")
    images.check([e["kind"] for e in extents][:2] == ["zero", "data"], f"{extents}")
    images.check(extents[1]["offset"] == 8 * MIB, f"{extents}")
    child = os.path.join(folder, "named.avhdx")
    images.vrepdisk("child", child, "--parent", disk)
    images.vrepdisk("write", child, "--offset", 0, data=b"\x22" * 4096)
    leaf = json.loads(images.vrepdisk("map", "--leaf", "--json", child))
    images.check([e["kind"] for e in leaf] == ["data", "parent"], f"{leaf}")
    known = images.info(child)
    images.check(known["Depth"] == 2 and known["ParentLinkage"] == images.info(disk)["DataWriteGuid"], f"{known}")
    os.rename(disk, disk + ".away")
    known = images.info(child)
    images.check(known["Depth"] is None and "not found" in known["ParentProblem"], f"{known}")
    images.refused(1, "cat", child, says=("not found", "named.vhdx"))


def any_bytes(folder, *options):
    disk = os.path.join(folder, f"bytes{len(options)}.vhdx")
    mirror = images.Mirror(disk + ".raw", 9 * MIB, seed=5)
    images.vrepdisk("create", disk, "--size", mirror.size, *options)
    for offset, length in ((0, 1), (1, 1), (511, 2), (4095, 4098), (mirror.size - 1, 1), (3 * MIB - 7, 5 * MIB + 13)):
        mirror.write([disk], offset, mirror.random.randbytes(length))
    mirror.same_as(disk)
    with open(mirror.path, "rb") as file:
        raw = file.read()
    for offset, length in ((0, 1), (511, 2), (4095, 4098), (mirror.size - 1, 1), (1234567, 4 * MIB + 1)):
        part = images.vrepdisk("cat", disk, "--offset", offset, "--length", length)
        images.check(part == raw[offset:offset + length], f"cat of {length} bytes at {offset}")
    images.check(images.vrepdisk("cat", disk, "--offset", mirror.size) == b"", "cat at the end")


def refusals(folder):
    disk = os.path.join(folder, "kept.vhdx")
    images.vrepdisk("create", disk, "--size", "8M")
    images.vrepdisk("write", disk, "--offset", 100, data=b"kept")
    before = contents(disk)
    images.refused(1, "write", disk, "--offset", 8 * MIB - 3, data=b"four", says=("beyond the disk's end",))
    images.refused(1, "write", disk, "--offset", "9M", data=b"", says=("beyond",))
    images.refused(1, "write", disk, "--offset", 0, "--length", "9M", data=b"x", says=("beyond",))
    images.refused(1, "cat", disk, "--offset", "8M", "--length", 1, says=("beyond",))
    images.refused(1, "create", disk, "--size", "8M", says=("exists",))
    images.refused(1, "merge", disk, says=("no parent",))
    images.refused(1, "child", disk, "--parent", disk)
    images.check(contents(disk) == before, "a refusal changed the file")
    for words in (["nonsense"], ["info"], ["info", disk, disk], ["info", "--size", "1", disk], ["create", disk],
                  ["write", disk], ["child", disk], ["create", disk, "--size", "8M", "--size", "8M"], ["cat", "--json", disk]):
        images.refused(2, *words)
    for words in (["create", disk + "2", "--size", "8X"], ["create", disk + "2", "--size", "99999999999T"],
                  ["create", disk + "2", "--size", "8M", "--type", "thick"],
                  ["create", disk + "2", "--size", "8M", "--format", "qcow2"], ["create", disk + "2", "--size", "70000G"],
                  ["create", disk + "2", "--size", "8M", "--block-size", "3M"],
                  ["create", disk + "2.vhd", "--size", "2041G"], ["cat", os.path.join(folder, "missing.vhdx")]):
        images.refused(1, *words)
    images.check(not os.path.exists(disk + "2"), "a refused creation leaves a file")
    noise = os.path.join(folder, "noise.vhdx")
    with open(noise, "wb") as file:
        file.write(b"no disk" * 1000)
    images.refused(1, "info", noise, says=("neither a VHD nor a VHDX",))
    images.refused(2, "compare", disk, noise, says=("neither",))
    for words in (["--help"], ["help"], ["--version"], ["merge", "--help"]):
        images.check(images.vrepdisk(*words), f"{words} say nothing")


def parts(folder):
    """The child of an unfinished resynchronization is merged only by force."""
    disk = os.path.join(folder, "base.vhdx")
    child = os.path.join(folder, "base.4711.part.avhdx")
    images.vrepdisk("create", disk, "--size", "8M")
    images.vrepdisk("child", child, "--parent", disk)
    images.vrepdisk("write", child, "--offset", 0, data=b"new")
    before = contents(disk, child)
    images.refused(1, "merge", child, says=("resynchronization", "--force"))
    images.check(contents(disk, child) == before, "a refused merge changed something")
    images.vrepdisk("merge", child, "--force")
    images.check(images.vrepdisk("cat", disk, "--length", 3) == b"new", "merged by force")
    images.check(not os.path.exists(child), "a merged child is deleted")


def names(folder):
    """Long and foreign names."""
    deep = os.path.join(folder, *["n" * 100] * 4, "Диск 💾")
    os.makedirs(deep)
    disk, child = os.path.join(deep, "база.vhdx"), os.path.join(deep, "дитя.avhdx")
    images.vrepdisk("create", disk, "--size", "8M")
    images.vrepdisk("child", child, "--parent", disk)
    images.vrepdisk("write", child, "--offset", 5, data=b"deep")
    images.check(images.vrepdisk("cat", child, "--offset", 5, "--length", 4) == b"deep", "read through the chain")
    images.refused(1, "write", disk, "--offset", 0, data=b"x", says=("is the parent of", "дитя.avhdx"))
    images.vrepdisk("merge", child)
    images.check(images.vrepdisk("cat", disk, "--offset", 5, "--length", 4) == b"deep", "merged")


def pipes(folder):
    """More than is held in memory, from a pipe and from a file."""
    disk = os.path.join(folder, "large.vhdx")
    raw = os.path.join(folder, "large.raw")
    with open(raw, "wb") as file:
        file.write(os.urandom(70 * MIB))
    with open(raw, "rb") as file:
        data = file.read()
    images.vrepdisk("create", disk, "--size", 70 * MIB)
    before = contents(disk)
    images.refused(1, "write", disk, "--offset", 0, data=data, says=("--length",))
    images.check(contents(disk) == before, "refused input changed the file")
    images.vrepdisk("write", disk, "--offset", 0, "--length", "70M", data=data)
    images.check(images.hash_ours(disk) == images.hash_raw(raw), "from a pipe")
    other = os.path.join(folder, "other.vhdx")
    images.vrepdisk("create", other, "--size", 70 * MIB)
    with open(raw, "rb") as file:
        subprocess.run(images.command("write", other, "--offset", 0), stdin=file, check=True)
    images.vrepdisk("compare", disk, other)


def locks(folder):
    """A disk that a QEMU writes is left alone, and one that it reads is not written."""
    if images.native("/") != "/" or not shutil.which("qemu-io"):
        return
    disk = os.path.join(folder, "held.vhdx")
    images.vrepdisk("create", disk, "--size", "8M")
    with subprocess.Popen(["qemu-io", "-f", "vhdx", disk], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        holder.stdin.write(b"read 0 512\n")
        holder.stdin.flush()
        holder.stdout.readline()
        started = time.monotonic()
        images.refused(1, "cat", disk, says=("held.vhdx",))
        images.check(time.monotonic() - started > 4, "a holder is waited for")
        images.refused(1, "write", disk, "--offset", 0, data=b"x", says=("held.vhdx",))
        holder.communicate(b"quit\n")
    images.vrepdisk("write", disk, "--offset", 0, data=b"x")


def test(folder):
    names_and_sizes(folder)
    any_bytes(folder)
    any_bytes(folder, "--logical-sector", 4096)
    refusals(folder)
    parts(folder)
    names(folder)
    pipes(folder)
    locks(folder)


images.main(test)
