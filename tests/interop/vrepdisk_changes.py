#!/usr/bin/env python3
# vrep-test: timeout=300 labels=interop presets=native,asan,win64
"""The verbs that change a disk as a whole: check, resize, compact, set, merges of several levels, and Ctrl-C."""

import json
import os
import pty
import signal
import subprocess

import _images as images

MIB = images.MIB
FORMATS = (("vhdx", "avhdx", ["--block-size", "1M"]), ("vhd", "avhd", ["--block-size", "512K"]))


def exit_code(*words):
    """vrepdisk's exit code, and what it says."""
    done = subprocess.run(images.command(*words), stdin=subprocess.DEVNULL, capture_output=True, check=False)
    return done.returncode, done.stdout.decode(), done.stderr.decode()


def checks(folder):
    disk = os.path.join(folder, "checked.vhdx")
    images.vrepdisk("create", disk, "--size", "20M", "--block-size", "1M")
    images.vrepdisk("write", disk, "--offset", "3M", data=b"kept" * 1000)
    content = images.hash_ours(disk)
    images.check(exit_code("check", disk)[0] == 0, "a good disk is not clean")
    with open(disk, "r+b") as file:  # the second copy of the region table
        file.seek(256 * 1024 + 20)
        file.write(b"\xff" * 8)
    code, text, advice = exit_code("check", disk)
    images.check(code == 2 and "Repairable" in text and "--repair" in advice, f"{code} {text} {advice}")
    found = json.loads(exit_code("check", "--json", disk)[1])
    images.check(list(found) == ["Path", "Notes", "Problems", "Repaired", "Findings"], f"{found}")
    images.check(found["Problems"] > 0 and found["Repaired"] == 0, f"{found}")
    images.check(set(found["Findings"][0]) == {"Kind", "Name", "Message", "Repaired"}, f"{found}")
    code, text, _ = exit_code("check", "--repair", disk)
    images.check(code == 0 and "Repaired." in text, f"{code} {text}")
    images.check(exit_code("check", disk)[0] == 0, "a repaired disk is not clean")
    images.check(images.hash_ours(disk) == content, "a repair changed the content")
    images.check(exit_code("check", os.path.join(folder, "missing.vhdx"))[0] == 1, "what is not there was checked")
    images.check(exit_code("check")[0] == 1, "no file was checked")


def sizes(folder, extension, _, options):
    disk = os.path.join(folder, f"sizes.{extension}")
    mirror = images.Mirror(disk + ".raw", 24 * MIB, seed=11)
    images.vrepdisk("create", disk, "--size", mirror.size, *options)
    mirror.write([disk], 10 * MIB, b"in the middle")
    images.refused(1, "resize", disk, "--size", "8M", says=("holds data", "--unsafe"))
    images.refused(1, "resize", disk, "--size", "8000001", says=("8000001",))
    mirror.same_as(disk)
    for size, unsafe in ((40 * MIB, []), (11 * MIB, []), (8 * MIB, ["--unsafe"]), (24 * MIB, [])):
        images.vrepdisk("resize", disk, "--size", size, *unsafe)
        os.truncate(mirror.path, size)
        mirror.same_as(disk)
        images.check(exit_code("check", disk)[0] == 0, f"{disk} of {size} bytes is not clean")
    images.refused(2, "resize", disk, says=("--size",))


def compacted(folder, extension, _, options):
    disk = os.path.join(folder, f"compacted.{extension}")
    mirror = images.Mirror(disk + ".raw", 24 * MIB, seed=12)
    images.vrepdisk("create", disk, "--size", mirror.size, *options)
    mirror.write([disk], 0, mirror.random.randbytes(20 * MIB))
    mirror.write([disk], 2 * MIB, bytes(16 * MIB))
    before = os.path.getsize(disk)
    told = images.vrepdisk("compact", disk).decode()
    after = os.path.getsize(disk)
    images.check(after < before - 15 * MIB, f"compacting took {before} bytes to {after}")
    images.check(str(before) in told and str(after) in told, told)
    mirror.same_as(disk)
    images.check(exit_code("check", disk)[0] == 0, "a compacted disk is not clean")
    fixed = os.path.join(folder, f"fixed.{extension}")
    images.vrepdisk("create", fixed, "--size", "8M", "--type", "fixed")
    images.refused(1, "compact", fixed, says=("fixed",))


def identities(folder, extension, child_extension, options):
    disk = os.path.join(folder, f"named.{extension}")
    images.vrepdisk("create", disk, "--size", "8M", *options)
    wanted = "0f1e2d3c-4b5a-6978-8796-a5b4c3d2e1f0"
    images.vrepdisk("set", disk, "--virtual-disk-id", wanted.upper())
    images.check(images.info(disk)["VirtualDiskId"] == wanted, f"{images.info(disk)}")
    images.vrepdisk("set", disk, "--virtual-disk-id", "new")
    images.check(images.info(disk)["VirtualDiskId"] != wanted, "the id is not new")
    images.refused(1, "set", disk, "--virtual-disk-id", "somebody", says=("GUID",))
    images.refused(1, "set", disk, says=("--virtual-disk-id",))
    if extension == "vhdx":
        images.vrepdisk("set", disk, "--physical-sector", 512)
        images.check(images.info(disk)["PhysicalSectorSize"] == 512, "physical sector size")
    child = os.path.join(folder, f"named.{child_extension}")
    images.vrepdisk("child", child, "--parent", disk)
    images.refused(1, "set", disk, "--virtual-disk-id", "new", says=(os.path.basename(child),))
    images.refused(1, "resize", disk, "--size", "16M", says=(os.path.basename(child),))


def levels(folder, extension, child_extension, options):
    """Four generations become one; a child that stands beside them keeps it from happening."""
    disks = [os.path.join(folder, f"level0.{extension}")]
    mirror = images.Mirror(disks[0] + ".raw", 16 * MIB, seed=13)
    images.vrepdisk("create", disks[0], "--size", mirror.size, *options)
    mirror.scribble(disks, 3, lengths=(512, 70000))
    for number in (1, 2, 3):
        disks.append(os.path.join(folder, f"level{number}.{child_extension}"))
        images.vrepdisk("child", disks[-1], "--parent", disks[-2])
        mirror.scribble(disks[-1:], 3, lengths=(512, 70000))
    images.refused(1, "merge", disks[3], "--levels", 4, says=("3 parents",))
    images.refused(1, "merge", disks[3], "--levels", 0, says=("--levels",))
    aside = os.path.join(folder, f"aside.{child_extension}")
    images.vrepdisk("child", aside, "--parent", disks[1])
    images.refused(1, "merge", disks[3], "--levels", 2, says=(os.path.basename(aside), "--force"))
    os.remove(aside)
    mirror.same_as(disks[3])
    images.vrepdisk("merge", disks[3], "--levels", 2)
    images.check([os.path.exists(disk) for disk in disks] == [True, True, False, False], "what a merge leaves")
    mirror.same_as(disks[1])
    images.vrepdisk("merge", disks[1], "--levels=1")
    mirror.same_as(disks[0])
    images.check(exit_code("check", disks[0])[0] == 0, "a merged disk is not clean")


def hyperv(folder):
    """Files that Hyper-V knows are changed, and that is said; its tracking is left alone. A set is no disk."""
    disk, set_file = os.path.join(folder, "vm.vhdx"), os.path.join(folder, "vm.vhds")
    checkpoint = os.path.join(folder, "vm_0F1E2D3C-4B5A-6978-8796-A5B4C3D2E1F0.avhdx")
    images.vrepdisk("create", disk, "--size", "8M")
    images.vrepdisk("child", checkpoint, "--parent", disk)
    with open(disk + ".rct", "wb") as file:
        file.write(b"tracking")
    images.check(images.info(disk)["ChangeTracking"] and not images.info(checkpoint)["ChangeTracking"], "tracking is not seen")
    code, _, told = exit_code("merge", checkpoint)
    images.check(code == 0 and "checkpoint" in told and "Remove-VMCheckpoint" in told and ".rct" in told, f"{code} {told}")
    code, _, told = exit_code("resize", disk, "--size", "16M")
    images.check(code == 0 and ".rct" in told, f"{code} {told}")
    with open(disk + ".rct", "rb") as file:
        images.check(file.read() == b"tracking", "the tracking file was changed")
    with open(set_file, "wb") as file:
        file.write(bytes(4096))
    images.refused(1, "info", set_file, says=("VHD Set",))


def stop_when_shown(words):
    """Runs vrepdisk on a terminal and presses Ctrl-C as soon as there is a bar: exit code, and all that was shown."""
    terminal, other_end = pty.openpty()
    with subprocess.Popen(images.command(*words), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                          stderr=other_end) as process:
        os.close(other_end)
        shown = os.read(terminal, 4096).decode()
        process.send_signal(signal.SIGINT)
        while True:
            try:
                shown += os.read(terminal, 4096).decode()
            except OSError:  # the other end is closed
                break
    os.close(terminal)
    return process.returncode, shown


def interrupted(folder):
    """Ctrl-C stops a merge where it can be gone on with, and a conversion without a trace. A terminal shows a bar."""
    if images.native("/") != "/":
        return
    parent, child = os.path.join(folder, "slow.vhdx"), os.path.join(folder, "slow.avhdx")
    mirror = images.Mirror(parent + ".raw", 240 * MIB, seed=14)
    images.vrepdisk("create", parent, "--size", mirror.size)
    images.vrepdisk("child", child, "--parent", parent)
    data = mirror.random.randbytes(60 * MIB)
    for offset in range(0, mirror.size, len(data)):
        mirror.write([child], offset, data)
    copy = os.path.join(folder, "copy.vhdx")
    for words, says in ((("convert", child, copy), "stopped"), (("merge", child), "finishes it")):
        code, shown = stop_when_shown(words)
        images.check("[" in shown and "MiB/s" in shown, f"the bar: {shown!r}")
        if code == 0:
            print(f"{words[0]} ended before it could be stopped")
            if os.path.exists(copy):
                os.remove(copy)
            continue
        images.check(code == 1 and says in shown, f"{words}: {code} {shown!r}")
        images.check(not os.path.exists(copy), "a conversion that was stopped leaves a file")
        mirror.same_as(child)
    if os.path.exists(child):
        images.vrepdisk("merge", child, "--quiet")
    mirror.same_as(parent)


def backends(folder):
    disk = os.path.join(folder, "backend.vhdx")
    images.vrepdisk("create", disk, "--size", "8M", "--backend", "native")
    images.vrepdisk("info", disk, "--backend=native", "--quiet")
    images.refused(1, "info", disk, "--backend", "qemu", says=("virtdisk",))
    images.refused(1, "info", disk, "--backend", "virtdisk", says=("virtdisk",))  # nowhere here, Wine's is a stub


def test(folder):
    checks(folder)
    for extension, child_extension, options in FORMATS:
        for part in (sizes, compacted, identities, levels):
            print(extension, part.__name__, flush=True)
            own = os.path.join(folder, f"{extension}-{part.__name__}")
            os.mkdir(own)
            part(own, extension, child_extension, options)
    hyperv(folder)
    interrupted(folder)
    backends(folder)


images.main(test)
