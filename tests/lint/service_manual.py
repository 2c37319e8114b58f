#!/usr/bin/env python3
# vrep-test: timeout=60 presets=native
"""The manual pages of the service and of the client library have what Linux has of the command line and of the interface,
and nothing else; they are well-formed."""

import os
import re
import subprocess
import sys

import _manual

TOP = os.environ["VREP_SOURCE_DIR"]
WINDOWS_ONLY = {"start", "firewall"}
wrong = []


def page(name):
    path = os.path.join(TOP, "docs", name)
    wrong.extend(_manual.complaints(path))
    with open(path, encoding="utf-8") as file:
        return file.read()


def compare(what, one, other):
    wrong.extend(f"{what} {name} is in one of both only" for name in sorted(set(one) ^ set(other)))


told = subprocess.run([os.path.join(os.environ["VREP_BIN"], "vrepsvc"), "--help"], capture_output=True, text=True,
                      check=True).stdout
options = re.findall(r"(?m)^  (?:vrepsvc )?--([a-z-]+)", told) + re.findall(r"(?m)^  --version, --([a-z-]+)", told)
described = [word for line in re.findall(r"(?m)^\.It (Fl Fl .*)", page("vrepsvc.8")) for word in re.findall(r"Fl Fl ([a-z-]+)", line)]
compare("vrepsvc.8 and --help: the option", set(options) - WINDOWS_ONLY, described)
with open(os.path.join(TOP, "ps/client/vrep.def"), encoding="utf-8") as file:
    exports = re.findall(r"(?m)^\s+(vrep_\w+)", file.read())
compare("libvrep.3 and vrep.def: the function", exports, re.findall(r"(?m)^\.Fn (vrep_\w+) ", page("libvrep.3").split(".Sh DESCRIPTION")[0]))
print("\n".join(wrong))
sys.exit(1 if wrong else 0)
