"""A package's tables, as `msiinfo export` shows them; shares nothing with installer/make_msi.py."""

import glob
import os
import re
import subprocess
import tempfile

TOP = os.path.dirname(os.environ["VREP_BIN"])


def package(folder=""):
    found = glob.glob(os.path.join(TOP, folder, "VRep-*-x64.msi"))
    assert len(found) == 1, f"one package is expected in {os.path.join(TOP, folder)}: {found}"
    return found[0]


class Package:
    """table(NAME): the rows as dictionaries by column."""

    def __init__(self, path):
        self.path = path
        self.version = re.search(r"VRep-([0-9.]+)-x64", path).group(1)

    def tables(self):
        return self.msiinfo("tables").split()

    def table(self, name):
        lines = self.msiinfo("export", name).replace("\r", "").split("\n")
        columns = lines[0].split("\t")
        return [dict(zip(columns, line.split("\t"))) for line in lines[3:] if line]

    def keyed(self, name, key=None):
        """The rows by their first column, or by `key`."""
        rows = self.table(name)
        key = key or next(iter(rows[0]))
        assert len({row[key] for row in rows}) == len(rows), f"{name}: {key} is not unique"
        return {row[key]: row for row in rows}

    def summary(self):
        return self.msiinfo("suminfo")

    def msiinfo(self, verb, *words):
        with tempfile.TemporaryDirectory() as folder:  # an export puts a table's streams into the current one
            return subprocess.run(["msiinfo", verb, self.path, *words], capture_output=True, text=True, check=True, cwd=folder).stdout
