"""Disks whose content is known: every write goes into the disk and into a raw file beside it, the model."""

import hashlib
import json
import os
import shutil
import subprocess

from .runner import check
from .service import program
from .vhdx import Vhdx, leave_log_live

KIB = 1024
MIB = 1024 * KIB


def run(*command, data=None, expect=0):
    """Runs a program; its standard output."""
    done = subprocess.run(command, input=data, capture_output=True, check=False)
    check(expect is None or done.returncode == expect,
          f"{' '.join(map(str, command))}: exit {done.returncode}: {done.stderr.decode(errors='replace')}")
    return done.stdout


def sha256(path):
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while part := file.read(4 * MIB):
            digest.update(part)
    return digest.hexdigest()


def vrepdisk(*words, data=None):
    """Runs the product's tool; under Wine with files by their Windows names. Its standard output."""
    if os.environ.get("VREP_RUN") != "wine":
        return run(program("vrepdisk"), *words, data=data)
    return run("wine", program("vrepdisk"), *("Z:" + word if word.startswith("/") else word for word in words), data=data)


class Disk:
    """A VHD or VHDX made by vrepdisk, and its model."""

    models = 0

    def __init__(self, path, model, sector=512, image_format="vhdx"):
        self.path = path
        self.model = model
        self.sector = sector
        self.format = image_format

    @classmethod
    def create(cls, lab, name, size, image_format="vhdx", image_type="dynamic", block_size=None, sector=512,
               folder=None):
        """A disk that reads as zeros, in the laboratory's folder or in `folder`."""
        path = os.path.join(folder or lab.disks, name)
        command = ["create", path, "--size", str(size), "--format", image_format,
                   "--type", image_type]
        if block_size:
            command += ["--block-size", str(block_size)]
        if sector != 512:
            command += ["--logical-sector", str(sector)]
        vrepdisk(*command)
        disk = cls(path, cls.new_model(lab), sector, image_format)
        with open(disk.model, "wb") as model:
            model.truncate(size)
        return disk

    @classmethod
    def new_model(cls, lab):
        cls.models += 1
        return os.path.join(lab.models, f"{cls.models}.raw")

    @property
    def size(self):
        return os.path.getsize(self.model)

    def write(self, offset, data):
        """Also while a child exists: what somebody does who does not know of it."""
        vrepdisk("write", self.path, "--force", "--offset", str(offset), data=data)
        self.model_write(offset, data)

    def model_write(self, offset, data):
        with open(self.model, "r+b") as model:
            model.seek(offset)
            model.write(data)

    def fill(self, rng, *spans):
        """Random bytes over each (offset, length)."""
        for offset, length in spans:
            self.write(offset, rng.randbytes(length))
        return self

    def drift(self, rng, count, unit=4 * KIB):
        """Rewrites `count` random units."""
        for number in rng.sample(range(self.size // unit), count):
            self.write(number * unit, rng.randbytes(unit))
        return self

    def copy(self, lab, name, folder=None):
        """The same file again under another name, with a model of its own."""
        twin = Disk(os.path.join(folder or lab.disks, name), self.new_model(lab), self.sector, self.format)
        shutil.copyfile(self.path, twin.path)
        run("cp", "--sparse=always", self.model, twin.model)
        return twin

    def convert(self, lab, name, image_format, image_type="dynamic", block_size=None):
        """The same content in another format."""
        twin = Disk.create(lab, name, self.size, image_format, image_type, block_size, self.sector)
        with open(self.model, "rb") as model:
            position = 0
            while part := model.read(MIB):
                if any(part):
                    twin.write(position, part)
                position += len(part)
        return twin

    def info(self):
        return json.loads(vrepdisk("info", "--json", self.path))

    def sha256(self):
        """Of the file itself."""
        return sha256(self.path)

    def reads_as(self, model):
        """True when programs that are not ours see exactly the bytes of `model` in the disk."""
        if self.sector != 512:  # QEMU does not read those, and 7-Zip not those of every size
            return self.read_as(model)
        driver = {"vhdx": "vhdx", "vhd": "vpc"}[self.format]
        shown = json.loads(run("qemu-img", "info", "-f", driver, "--output=json", self.path))
        done = subprocess.run(["qemu-img", "compare", "-f", driver, "-F", "raw", self.path, model],
                              capture_output=True, text=True, check=False)
        check(done.returncode in (0, 1), f"qemu-img compare {self.path}: {done.stdout}{done.stderr}")
        return done.returncode == 0 and shown["virtual-size"] == os.path.getsize(model)

    def read_as(self, model):
        """The same with a reader of our own that shares nothing with vhd/."""
        with open(self.path, "rb") as file, open(model, "rb") as expected:
            same = all(block == expected.read(len(block)) for block in Vhdx(file).blocks())
            return same and not expected.read(1)


def children_of(path):
    """Names in the disk's folder that belong to a resynchronization of it."""
    stem = os.path.splitext(os.path.basename(path))[0]
    return sorted(name for name in os.listdir(os.path.dirname(path))
                  if name.startswith(stem + ".") and name.endswith((".avhdx", ".avhd")))


def make_log_live(disk, rng):
    """Leaves the disk as a power cut leaves it: a change of its first page is in its log only. The model follows."""
    page = rng.randbytes(4 * KIB)
    leave_log_live(disk.path, 0, page)
    disk.model_write(0, page)
    check(disk.info()["LogLive"], "the log is not live")
