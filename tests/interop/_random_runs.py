"""Runs interop_random_operations and lets other programs read the disk each time that it shows it."""

import concurrent.futures
import functools
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile

import _images as images

WORKERS = 2
IN_MEMORY = "/dev/shm"
LIBVHDI = """
import hashlib, pyvhdi, sys
disk = pyvhdi.file()
disk.open(sys.argv[1])
size, digest = disk.get_media_size(), hashlib.sha256()
for offset in range(0, size, 1 << 20):
    digest.update(disk.read_buffer_at_offset(min(1 << 20, size - offset), offset))
print(digest.hexdigest(), size)
"""


def program():
    return os.path.join(os.path.dirname(os.environ["VREP_BIN"]), "tests", "interop_random_operations")


def kinds():
    return subprocess.run([program(), "--list"], capture_output=True, text=True, check=True).stdout.split()


def work_folder():
    """A file system in memory where there is one with room: most of a run is flushes, and what they wait for is not looked at
    here. None: the system's folder for temporary files."""
    if os.path.isdir(IN_MEMORY) and os.access(IN_MEMORY, os.W_OK) and shutil.disk_usage(IN_MEMORY).free > images.GIB:
        return IN_MEMORY
    return None


def seed():
    return int(os.environ.get("VREP_TEST_SEED", "1"))


@functools.cache
def python_with_libvhdi():
    """A Python that has libvhdi's module (Debian: python3-libvhdi), None without."""
    for python in (sys.executable, "/usr/bin/python3"):
        if shutil.which(python) and subprocess.run([python, "-c", "import pyvhdi"], capture_output=True,
                                                   check=False).returncode == 0:
            return python
    print("libvhdi's module for Python is not installed (python3-libvhdi): it is not asked")
    return None


def hash_libvhdi(path):
    done = subprocess.run([python_with_libvhdi(), "-c", LIBVHDI, path], capture_output=True, text=True, check=False)
    images.check(done.returncode == 0, f"libvhdi: {path}: {done.stderr}")
    digest, size = done.stdout.split()
    return digest, int(size)


def hash_file(path):
    with open(path, "rb") as file:
        data = file.read()
    return hashlib.sha256(data).hexdigest(), len(data)


def was_resized(vhd):
    """OriginalSize and CurrentSize of the footer differ."""
    with open(vhd, "rb") as file:
        file.seek(-512, os.SEEK_END)
        footer = file.read()
    return footer[40:48] != footer[48:56]


def ask_others(kind, leaf, raw, depth):
    """All that can read such a disk must see the raw file in it; says who was asked. QEMU knows neither VHDX with
    sectors of 4096 bytes nor children, 7-Zip no VHDX of an odd number of sectors; libvhdi reads children wrong (VHD: bits of
    the bitmap; VHDX: blocks of zeros) and gives a VHD the size that it once had."""
    want = hash_file(raw)
    vhdx, sector = kind.startswith("vhdx"), 4096 if kind.endswith("4k") else 512
    asked = ["vrepdisk"]
    images.check(images.hash_ours(leaf) == want, f"vrepdisk reads something else in {leaf}")
    if depth == 1 and sector == 512:
        images.qemu_reads(leaf, "vhdx" if vhdx else "vpc", raw)
        asked.append("QEMU")
    if not vhdx or want[1] // sector % 2 == 0:
        images.check(images.hash_7zip(leaf) == want, f"7-Zip reads something else in {leaf}")
        asked.append("7-Zip")
    if depth == 1 and (vhdx or not was_resized(leaf)) and python_with_libvhdi():
        images.check(hash_libvhdi(leaf) == want, f"libvhdi reads something else in {leaf}")
        asked.append("libvhdi")
    return asked


def run(kind, number, operations, show):
    """One run; what goes wrong names the seed. The files stay where they are when it does."""
    folder = tempfile.mkdtemp(prefix=f"vrep-random-{kind}-", dir=work_folder())
    words = [program(), "--kind", kind, "--seed", number, "--operations", operations, "--show", show, "--folder", folder]
    asked, shown = set(), 0
    with subprocess.Popen(list(map(str, words)), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        for line in process.stdout:
            leaf, raw, depth = line.split()[1:]
            shown += 1
            try:
                asked.update(ask_others(kind, leaf, raw, int(depth)))
            except Exception:
                print(f"{kind}, seed {number}, look {shown} of a run with --show {show}: the files are in {folder}")
                process.kill()
                raise
            process.stdin.write("on\n")
            process.stdin.flush()
    images.check(process.returncode == 0, f"{kind}, seed {number}: the files are in {folder}")
    images.check(shown >= operations // show, f"{kind}: {shown} looks")
    shutil.rmtree(folder)
    return f"{kind}: seed {number}, {operations} operations, looked at {shown} times by {', '.join(sorted(asked))}"


def run_all(seeds, operations, show):
    images.need("qemu-img", "7z")
    with concurrent.futures.ThreadPoolExecutor(WORKERS) as pool:
        runs = [pool.submit(run, kind, number, operations, show) for number in seeds for kind in kinds()]
        for done in concurrent.futures.as_completed(runs):
            print(done.result(), flush=True)
