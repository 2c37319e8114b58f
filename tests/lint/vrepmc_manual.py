#!/usr/bin/env python3
# vrep-test: timeout=60 presets=native
"""The manual page has every option of vrepmc and every file that it makes, and nothing else; it is well-formed."""

import os
import re
import subprocess
import sys

import _manual

PAGE = os.path.join(os.environ["VREP_SOURCE_DIR"], "docs", "vrepmc.1")
TOOL = os.path.join(os.environ["VREP_BIN"], "vrepmc")

told = subprocess.run([TOOL, "--help"], capture_output=True, text=True, check=True).stdout
with open(PAGE, encoding="utf-8") as file:
    page = file.read()
wrong = _manual.complaints(PAGE)
options = set(re.findall(r"(?m)^  --?([a-z-]+)", told))
shown = set(re.findall(r"(?m)^\.It Fl (?:Fl )?([a-z-]+)", page))
wrong += [f"the option {option} is in one of --help and the manual only" for option in sorted(options ^ shown)]
files = set(re.findall(r"(?m)^  (NAME\S+)", told))
wrong += [f"{name} is in one of --help and the manual only"
          for name in sorted(files ^ set(re.findall(r"(?m)^\.It Pa (NAME\S+)", page)))]
print("\n".join(wrong))
sys.exit(1 if wrong else 0)
