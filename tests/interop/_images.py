"""What the interoperability scripts share: vrepdisk of this preset, the other programs, and a raw mirror of a disk."""

import hashlib
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile

KIB, MIB, GIB = 1 << 10, 1 << 20, 1 << 30
CHUNK = 4 * MIB
SKIPPED = 77


def need(*programs):
    """Ends the test as skipped when one of these programs is not installed."""
    for program in programs:
        if not shutil.which(program):
            print(f"skipped: {program} is not installed")
            sys.exit(SKIPPED)


def corpus():
    """The folder of images that other programs wrote; skips without."""
    folder = os.environ.get("VREP_CORPUS")
    if not folder:
        print("skipped: VREP_CORPUS is not set, so there are no images of other programs")
        sys.exit(SKIPPED)
    return folder


def native(path):
    """A path as the tested program names it."""
    return "Z:" + str(path) if os.environ.get("VREP_EXE") else str(path)


def command(*words):
    program = os.path.join(os.environ["VREP_BIN"], "vrepdisk" + os.environ.get("VREP_EXE", ""))
    run = os.environ.get("VREP_RUN", "")
    return ([run] if run else []) + [program] + [native(w) if str(w).startswith("/") else str(w) for w in words]


class Failed(Exception):
    def __init__(self, code, text):
        super().__init__(f"exit code {code}: {text}")
        self.code = code
        self.text = text


def vrepdisk(*words, data=None):
    """Runs vrepdisk and returns its output."""
    done = subprocess.run(command(*words), input=data if data is not None else b"", capture_output=True, check=False)
    if done.returncode != 0:
        raise Failed(done.returncode, done.stderr.decode(errors="replace"))
    return done.stdout


def info(path):
    return json.loads(vrepdisk("info", "--json", path))


def refused(code, *words, data=None, says=()):
    """vrepdisk must fail with this exit code and name these words."""
    try:
        vrepdisk(*words, data=data)
    except Failed as failure:
        check(failure.code == code, f"vrepdisk {' '.join(map(str, words))}: {failure}, wanted {code}")
        check(failure.text.startswith("vrepdisk: "), f"no message: {failure.text}")
        for word in says:
            check(word in failure.text, f"'{word}' is missing in: {failure.text}")
        return
    raise AssertionError(f"vrepdisk {' '.join(map(str, words))} succeeded")


def check(condition, text):
    if not condition:
        raise AssertionError(text)


def hash_of(words):
    """SHA-256 and length of what a command writes to standard output."""
    digest, length = hashlib.sha256(), 0
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
        while data := process.stdout.read(CHUNK):
            digest.update(data)
            length += len(data)
    check(process.returncode == 0, f"{' '.join(map(str, words))}: exit code {process.returncode}")
    return digest.hexdigest(), length


def hash_ours(path):
    return hash_of(command("cat", path))


def hash_7zip(path):
    return hash_of(["7z", "e", "-so", str(path)])


def hash_raw(path):
    return hash_of(["cat", str(path)])


def qemu(*words):
    done = subprocess.run(["qemu-img", *map(str, words)], capture_output=True, text=True, check=False)
    check(done.returncode == 0, f"qemu-img {' '.join(map(str, words))}: {done.stdout}{done.stderr}")
    return done.stdout


def qemu_reads(path, driver, raw):
    """qemu-img must see the disk with the raw file's length and content."""
    seen = json.loads(qemu("info", "-f", driver, "--output=json", path))
    check(seen["virtual-size"] == os.path.getsize(raw), f"{path}: QEMU sees {seen['virtual-size']} bytes")
    qemu("compare", "-f", driver, "-F", "raw", path, raw)
    if driver == "vhdx":
        qemu("check", "-f", driver, path)


class Mirror:
    """A raw file that is written as a disk is."""

    def __init__(self, path, size, seed):
        self.path = path
        self.size = size
        self.random = random.Random(seed)
        with open(path, "wb") as file:
            file.truncate(size)

    def scribble(self, disks, count, lengths=(1, 511, 512, 4096, 70000, 3 * MIB)):
        """The same `count` random writes to the raw file and to each of `disks`."""
        for _ in range(count):
            length = min(self.random.choice(lengths), self.size)
            offset = self.random.randrange(0, self.size - length + 1)
            self.write(disks, offset, self.random.randbytes(length))

    def write(self, disks, offset, data):
        with open(self.path, "r+b") as file:
            file.seek(offset)
            file.write(data)
        for disk in disks:
            vrepdisk("write", disk, "--offset", offset, data=data)

    def same_as(self, disk):
        check(hash_ours(disk) == hash_raw(self.path), f"{disk} does not read as it was written")


def main(test):
    """Runs test(folder) in a temporary folder of its own."""
    with tempfile.TemporaryDirectory(prefix="vrep-interop-") as folder:
        test(folder)
