#!/usr/bin/env python3
# vrep-test: timeout=60 presets=native
"""The manual page has every verb and option of vrepdisk and every name in its JSON, and nothing else; it is well-formed."""

import os
import re
import subprocess
import sys

import _manual

TOP = os.environ["VREP_SOURCE_DIR"]
PAGE = os.path.join(TOP, "docs", "vrepdisk.1")
TOOL = os.path.join(os.environ["VREP_BIN"], "vrepdisk")
GENERAL = {"backend", "quiet", "help"}
wrong = []


def text(*words):
    return subprocess.run([TOOL, *words], capture_output=True, text=True, check=True).stdout


def manual():
    """The text of each verb's subsection, and of the rest."""
    with open(PAGE, encoding="utf-8") as file:
        page = file.read()
    verbs = {}
    section = page[page.index(".Sh VERBS"):page.index(".Sh FILES IN USE")]
    for part in section.split("\n.Ss ")[1:]:
        verbs[part[:part.index(" Ar ")]] = part
    return verbs, page


def options(pattern, part):
    return set(re.findall(pattern, part))


def compare_options(verbs, page):
    table = re.findall(r"^  vrepdisk ((?:[a-z]+ )+)", text("--help"), re.MULTILINE)
    for name in (words.strip() for words in table):
        if name not in verbs:
            wrong.append(f"the verb {name} is not in the manual")
            continue
        # The explanations begin at the line after the synopsis, each option there begins a line.
        shown = text(*name.split(), "--help")
        told = options(r"--([a-z-]+)", shown.splitlines()[0]) | options(r"(?m)^  --([a-z-]+)", shown)
        for option in told ^ options(r"(?m)^\.It Fl Fl ([a-z-]+)", verbs[name]):
            wrong.append(f"{name} --{option} is in one of --help and the manual only")
    for name in set(verbs) - {words.strip() for words in table}:
        wrong.append(f"the manual has a verb {name} that there is not")
    for option in GENERAL ^ options(r"(?m)^\.It Fl Fl ([a-z-]+)", page[:page.index(".Sh VERBS")]):
        wrong.append(f"--{option} for all verbs")


def compare_names(page):
    """What the sources put into JSON objects."""
    folder = os.path.join(TOP, "vhd", "tool")
    for name in sorted(os.listdir(folder)):
        with open(os.path.join(folder, name), encoding="utf-8") as file:
            source = file.read()
        names = set(re.findall(r'put_\w+\(\w+,\s*"(\w+)"', source)) | set(re.findall(r'\\"(\w+)\\": ', source))
        wrong.extend(f"{name}: {word} is not in the manual" for word in sorted(names) if not re.search(rf"\bVa {word}\b", page))


verb_parts, whole = manual()
compare_options(verb_parts, whole)
compare_names(whole)
wrong += _manual.complaints(PAGE)
print("\n".join(wrong))
sys.exit(1 if wrong else 0)
