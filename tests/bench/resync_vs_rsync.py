#!/usr/bin/env python3
"""A resynchronization beside rsync, on the same two disk contents, in one run.

    VREP_BIN=build/native/bin tests/bench/resync_vs_rsync.py [--runs N] [--folder DIR]

The pair: 2 GiB with 1.2 GiB of incompressible data in extents; the replica is a copy with 5,243 random 4 KiB blocks
rewritten. VRep: two services and a VHDX pair, from the request to "merged" (which implies flushed). rsync: a daemon and
`rsync --inplace --no-whole-file -B 4096 --fsync` between the raw contents. Bytes are those of the loopback device, both
directions, headers included. Prints one JSON object; the medians of N runs, VRep and rsync in turn.
"""

import argparse
import json
import os
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../e2e"))

from vrep_e2e.service import Service, free_port, program  # noqa: E402

MIB = 1024 * 1024
SIZE = 2048 * MIB
EXTENTS = 152
DATA = 1229 * MIB
CHANGED_BLOCKS = 5243
BLOCK = 4096


def make_contents(folder):
    """Raw contents of both sides; the same in every run (fixed seed)."""
    rng = random.Random(29242)
    primary, replica = os.path.join(folder, "primary.raw"), os.path.join(folder, "replica.raw")
    length = DATA // EXTENTS // BLOCK * BLOCK
    stride = SIZE // EXTENTS // BLOCK * BLOCK
    with open(primary, "wb") as file:
        file.truncate(SIZE)
        for extent in range(EXTENTS):
            file.seek(extent * stride)
            file.write(rng.randbytes(length))
    subprocess.run(["cp", "--sparse=always", primary, replica], check=True)
    per_extent = length // BLOCK
    with open(replica, "r+b") as file:
        for number in rng.sample(range(EXTENTS * per_extent), CHANGED_BLOCKS):
            file.seek(number // per_extent * stride + number % per_extent * BLOCK)
            file.write(rng.randbytes(BLOCK))
    return primary, replica


def to_vhdx(raw, vhdx):
    subprocess.run(["qemu-img", "convert", "-f", "raw", "-O", "vhdx", "-o", "block_size=2097152", raw, vhdx],
                   check=True)


def loopback_bytes():
    with open("/proc/net/dev", encoding="ascii") as table:
        for line in table:
            name, _, counters = line.partition(":")
            if name.strip() == "lo":
                return int(counters.split()[0])
    raise RuntimeError("no loopback device")


def fresh(source, target):
    """A new copy of a file, stable and in the page cache, as each run finds it."""
    subprocess.run(["cp", "--sparse=always", source, target], check=True)
    os.sync()  # of the sources, too: writing them back is no part of what is measured
    with open(target, "rb") as file:
        while file.read(16 * MIB):
            pass


class Measured:
    def __init__(self):
        self.bytes = loopback_bytes()
        self.time = time.monotonic()

    def end(self):
        return {"seconds": time.monotonic() - self.time, "bytes": loopback_bytes() - self.bytes}


def run_vrep(folder, primary, replica, number):
    """One resynchronization by two services; its figures."""
    name = f"bench{number}"
    sides = {role: Service(os.path.join(folder, f"{role}{number}"), role, f"bench-{role}-{os.getpid()}")
             for role in ("primary", "replica")}
    try:
        for side in sides.values():
            side.start()
        sides["replica"].request("enable", name=name, as_replica=True, disks=[replica])
        sides["primary"].request("enable", name=name, disks=[primary], replica_server="127.0.0.1",
                                 replica_port=sides["replica"].port)
        measured = Measured()
        sides["primary"].request("resume", name=name, resynchronize=True)
        while (relationship := sides["primary"].relationship(name))["ReplicationState"] != 4:
            if relationship["ReplicationState"] != 11:
                raise RuntimeError(f"ended otherwise: {relationship}")
            time.sleep(0.02)
        figures = measured.end()
        for side in sides.values():
            side.stop()
        return figures
    finally:
        for side in sides.values():
            side.clean()


def run_rsync(folder, primary, replica):
    """The same content by rsync against its daemon; its figures."""
    port = free_port()
    configuration = os.path.join(folder, "rsyncd.conf")
    with open(configuration, "w", encoding="ascii") as file:
        file.write(f"use chroot = no\nuid = {os.getuid()}\ngid = {os.getgid()}\n"
                   f"[replica]\npath = {os.path.dirname(replica)}\nread only = no\n")
    daemon = subprocess.Popen(["rsync", "--daemon", "--no-detach", "--address=127.0.0.1", f"--port={port}",
                               f"--config={configuration}"], stdin=subprocess.DEVNULL)
    try:
        time.sleep(0.5)
        measured = Measured()
        subprocess.run(["rsync", "--inplace", "--no-whole-file", "-B", str(BLOCK), "--fsync", "--ignore-times",
                        primary, f"rsync://127.0.0.1:{port}/replica/{os.path.basename(replica)}"], check=True)
        return measured.end()
    finally:
        daemon.terminate()
        daemon.wait()


def equal(vhdx, raw):
    return subprocess.run(["qemu-img", "compare", "-f", "vhdx", "-F", "raw", vhdx, raw],
                          stdout=subprocess.DEVNULL, check=False).returncode == 0


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--folder", help="where the disks go (about 9 GiB); default: a temporary folder")
    options = parser.parse_args()
    for needed in ("rsync", "qemu-img"):
        if not shutil.which(needed):
            sys.exit(f"{needed} is not installed")

    with tempfile.TemporaryDirectory(dir=options.folder, prefix="vrep-bench-") as folder:
        primary, replica = make_contents(folder)
        vhdx = {side: os.path.join(folder, side + ".vhdx") for side in ("primary", "replica", "target")}
        raw_target = os.path.join(folder, "target.raw")
        to_vhdx(primary, vhdx["primary"])
        to_vhdx(replica, vhdx["replica"])
        ours, theirs = [], []
        for number in range(options.runs):
            fresh(vhdx["replica"], vhdx["target"])
            ours.append(run_vrep(folder, vhdx["primary"], vhdx["target"], number))
            if not equal(vhdx["target"], primary):
                sys.exit("the replica differs from the primary after the resynchronization")
            fresh(replica, raw_target)
            theirs.append(run_rsync(folder, primary, raw_target))

    def median(runs, figure):
        return statistics.median(run[figure] for run in runs)

    differing = CHANGED_BLOCKS * BLOCK
    print(json.dumps({
        "program": os.path.realpath(program("vrepsvc")),
        "runs": options.runs,
        "differing_bytes": differing,
        "vrep": {"seconds": median(ours, "seconds"), "bytes": median(ours, "bytes"), "each": ours},
        "rsync": {"seconds": median(theirs, "seconds"), "bytes": median(theirs, "bytes"), "each": theirs},
        "times_faster": median(theirs, "seconds") / median(ours, "seconds"),
        "bytes_per_differing_byte": median(ours, "bytes") / differing,
    }, indent=2))


if __name__ == "__main__":
    main()
