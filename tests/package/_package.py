"""What the tests of the Linux packages share: the packages, which the test package.build has made, and their units."""

import glob
import os
import shlex
import subprocess
import sys

TOP = os.environ["VREP_SOURCE_DIR"]
FOLDER = os.path.join(os.path.dirname(os.environ["VREP_BIN"]), "packages")
sys.path.insert(0, os.path.join(TOP, "tests", "e2e"))


def skip(why):
    print(f"skipped: {why}")
    sys.exit(77)


def run(*command, expect=0, **how):
    """Runs a program; its standard output."""
    done = subprocess.run(command, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL, **how)
    if done.returncode != expect:
        raise AssertionError(f"{shlex.join(command)}: exit {done.returncode}\n{done.stdout}{done.stderr}")
    return done.stdout


def only(pattern):
    """The one file in the packages' folder that has this name."""
    found = glob.glob(os.path.join(FOLDER, pattern))
    if len(found) != 1:
        raise AssertionError(f"{pattern} in {FOLDER}: {found}")
    return found[0]


def debian_package():
    return only("vrep_*.deb")


def unpack(root):
    """The Debian package's files below `root`; the same."""
    run("dpkg-deb", "-x", debian_package(), root)
    return root


class Unit:
    """A unit's file below `root`: every setting with its values in order."""

    def __init__(self, root, name, instance=""):
        self.settings = {}
        self.root = root
        with open(os.path.join(root, "usr/lib/systemd/system", name), encoding="utf-8") as file:
            for line in file:
                key, equals, value = line.strip().partition("=")
                if equals and not key.startswith("#"):
                    self.settings.setdefault(key, []).append(value.replace("%i", instance))

    def one(self, key):
        (value,) = self.settings[key]
        return value

    def environment(self):
        """Environment=, then what the files of EnvironmentFile= say."""
        variables = dict(value.split("=", 1) for value in self.settings.get("Environment", []))
        for path in self.settings.get("EnvironmentFile", []):
            with open(self.root + path.removeprefix("-"), encoding="utf-8") as file:
                variables.update(line.strip().split("=", 1) for line in file if "=" in line and line[0] != "#")
        return variables

    def command(self, variables):
        """ExecStart= as a list of words."""
        words = []
        for word in self.one("ExecStart").split():
            for name, value in variables.items():
                word = word.replace("${" + name + "}", value)
            words.append(word)
        return words
