#!/usr/bin/env python3
"""vrepdisk beside qemu-img, on the same contents, in one run.

    VREP_BIN=build/native/bin tests/bench/disk_vs_qemu.py [--runs N] [--folder DIR] [--only NAME]

Contents: 2 GiB with 1.2 GiB of incompressible data in extents; the overlay is 1 GiB of other data in 128 extents.

    compare   two equal VHDX disks, by both programs
    convert   that VHDX into a new one, by both programs, with qemu-img's block size
    merge     `vrepdisk merge` of a child with the overlay into that VHDX, which deletes the child;
              `qemu-img commit` of a qcow2 overlay into the raw base, which empties the overlay

Each time is that of the command and of `sync` on the folder's file system after it; before it, everything is stable and
the sources are in the page cache. The programs take turns, and which goes first changes from run to run. After each run
both results are compared with the wanted content. Prints one JSON object: for each measure the medians, CPU seconds and
`ratio`, qemu-img's time over vrepdisk's (more than 1: vrepdisk is faster).
"""

import argparse
import json
import os
import random
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

MIB = 1024 * 1024
SIZE = 2048 * MIB
BASE = {"seed": 29242, "extents": 152, "length": 1229 * MIB // 152 // 4096 * 4096}
OVERLAY = {"seed": 29244, "extents": 128, "length": 8 * MIB}
VREPDISK = os.path.join(os.environ["VREP_BIN"], "vrepdisk")


def run(*words):
    subprocess.run([str(word) for word in words], check=True, stdout=subprocess.DEVNULL, stdin=subprocess.DEVNULL)


def extents(what):
    rng = random.Random(what["seed"])
    stride = SIZE // what["extents"] // 4096 * 4096
    for number in range(what["extents"]):
        yield number * stride, rng.randbytes(what["length"])


class Files:
    """What all measures start from; made once."""

    def __init__(self, folder):
        self.folder = folder
        self.base_raw, self.base = self.path("base.raw"), self.path("base.vhdx")
        self.qcow2, self.child = self.path("overlay.qcow2"), self.path("child.avhdx")
        self.merged_raw = self.path("merged.raw")
        self.fill(self.base_raw, BASE)
        run("qemu-img", "convert", "-f", "raw", "-O", "vhdx", self.base_raw, self.base)
        overlay_raw = self.path("overlay.raw")
        self.fill(overlay_raw, OVERLAY)
        run("qemu-img", "convert", "-f", "raw", "-O", "qcow2", overlay_raw, self.qcow2)
        run("cp", "--sparse=always", self.base_raw, self.merged_raw)
        self.fill(self.merged_raw, OVERLAY)
        os.remove(overlay_raw)
        # What the commands write to, at the path that the overlay and the child know; copies are kept under `saved`.
        self.qemu_base = self.path("target.raw")
        self.our_base = self.path("target.vhdx")
        shutil.copyfile(self.base, self.our_base)
        run("qemu-img", "rebase", "-u", "-f", "qcow2", "-b", self.qemu_base, "-F", "raw", self.qcow2)
        run(VREPDISK, "child", self.child, "--parent", self.our_base)
        for offset, data in extents(OVERLAY):
            subprocess.run([VREPDISK, "write", self.child, "--offset", str(offset)], input=data, check=True)
        self.saved = {name: self.save(name) for name in (self.qcow2, self.child)}

    def path(self, name):
        return os.path.join(self.folder, name)

    @staticmethod
    def fill(path, what):
        with open(path, "r+b" if os.path.exists(path) else "w+b") as file:
            file.truncate(SIZE)
            for offset, data in extents(what):
                file.seek(offset)
                file.write(data)

    @staticmethod
    def save(path):
        os.rename(path, path + ".saved")
        return path + ".saved"

    def restore(self):
        for name, saved in self.saved.items():
            run("cp", "--sparse=always", saved, name)


def settle(folder, sources):
    """Everything stable, the sources in the page cache."""
    run("sync", "-f", folder)
    for source in sources:
        run("dd", f"if={source}", "of=/dev/null", "bs=4M", "status=none")


def timed(folder, sources, *words):
    """Wall time until stable, and CPU time of the command."""
    settle(folder, sources)
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    started = time.monotonic()
    run(*words)
    run("sync", "-f", folder)
    wall = time.monotonic() - started
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def same(path, driver, raw):
    run("qemu-img", "compare", "-f", driver, "-F", "raw", path, raw)


def remove(*paths):
    for path in paths:
        if os.path.exists(path):
            os.remove(path)


def compare(files, ours):
    twin = files.path("twin.vhdx")
    if not os.path.exists(twin):
        run("cp", "--sparse=always", files.base, twin)
    words = (VREPDISK, "compare") if ours else ("qemu-img", "compare", "-f", "vhdx", "-F", "vhdx")
    return timed(files.folder, (files.base, twin), *words, files.base, twin)


def convert(files, ours):
    target = files.path("converted.vhdx")
    remove(target)
    block = json.loads(subprocess.check_output([VREPDISK, "info", "--json", files.base]))["BlockSize"]
    words = ((VREPDISK, "convert", files.base, target, "--format", "vhdx", "--block-size", block) if ours else
             ("qemu-img", "convert", "-f", "vhdx", "-O", "vhdx", files.base, target))
    times = timed(files.folder, (files.base,), *words)
    same(target, "vhdx", files.base_raw)
    remove(target)
    return times


def merge(files, ours):
    remove(files.qemu_base, files.our_base)
    files.restore()
    if ours:
        run("cp", "--sparse=always", files.base, files.our_base)
        times = timed(files.folder, (files.child,), VREPDISK, "merge", files.child)
        same(files.our_base, "vhdx", files.merged_raw)
    else:
        run("cp", "--sparse=always", files.base_raw, files.qemu_base)
        times = timed(files.folder, (files.qcow2,), "qemu-img", "commit", "-q", files.qcow2)
        same(files.qemu_base, "raw", files.merged_raw)
    remove(files.qemu_base, files.our_base, files.qcow2, files.child)
    return times


def measure(files, what, runs):
    times = {True: [], False: []}
    for number in range(runs):
        for ours in (True, False) if number % 2 else (False, True):
            times[ours].append(what(files, ours))
    median = {ours: [statistics.median(part) for part in zip(*taken)] for ours, taken in times.items()}
    best = {ours: min(wall for wall, _ in taken) for ours, taken in times.items()}
    return {
        "vrepdisk_seconds": round(median[True][0], 3),
        "qemu_seconds": round(median[False][0], 3),
        "vrepdisk_best_seconds": round(best[True], 3),
        "qemu_best_seconds": round(best[False], 3),
        "vrepdisk_cpu_seconds": round(median[True][1], 3),
        "qemu_cpu_seconds": round(median[False][1], 3),
        "ratio": round(median[False][0] / median[True][0], 2),
        "best_ratio": round(best[False] / best[True], 2),
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--folder", help="where the 12 GiB of files go; the system's temporary folder by default")
    parser.add_argument("--only", choices=("compare", "convert", "merge"))
    options = parser.parse_args()
    measures = {"compare": compare, "convert": convert, "merge": merge}
    with tempfile.TemporaryDirectory(prefix="vrep-bench-", dir=options.folder) as folder:
        files = Files(folder)
        results = {"runs": options.runs, "bytes": SIZE, "overlay_bytes": OVERLAY["extents"] * OVERLAY["length"]}
        for name, what in measures.items():
            if options.only in (None, name):
                results[name] = measure(files, what, options.runs)
                print(f"{name}: {results[name]}", file=sys.stderr)
    json.dump(results, sys.stdout, indent=2)
    print()


main()
