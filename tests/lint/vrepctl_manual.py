#!/usr/bin/env python3
# vrep-test: timeout=60 presets=native
"""The manual page has every verb and option of vrepctl, and nothing else; it is well-formed."""

import os
import re
import subprocess
import sys

import _manual

PAGE = os.path.join(os.environ["VREP_SOURCE_DIR"], "docs", "vrepctl.1")
TOOL = os.path.join(os.environ["VREP_BIN"], "vrepctl")


def told(*words):
    return subprocess.run([TOOL, *words, "--help"], capture_output=True, text=True, check=True).stdout


with open(PAGE, encoding="utf-8") as file:
    page = file.read()
wrong = _manual.complaints(PAGE)
general = set(re.findall(r"(?m)^  --([a-z-]+)", told()))
described = set(re.findall(r"(?m)^\.It Fl Fl ([a-z-]+)", page[:page.index(".Sh VERBS")]))
wrong += [f"--{option} for all verbs is in one of --help and the manual only" for option in sorted(general ^ described)]
verbs = {re.sub(r" (Op|Ar) .*", "", part.split("\n")[0]): part
         for part in page[page.index(".Sh VERBS"):page.index(".Sh FILES")].split("\n.Ss ")[1:]}
listed = {match.strip() for match in re.findall(r"(?m)^  vrepctl ([a-z-]+(?: [a-z]+)?)", told())}
wrong += [f"the verb {verb} is in one of --help and the manual only" for verb in sorted(listed ^ set(verbs))]
for verb in sorted(listed & set(verbs)):
    synopsis, _, explanations = told(*verb.split()).partition("\n\n")
    shown = set(re.findall(r"--([a-z-]+)", synopsis)) | set(re.findall(r"(?m)^  --([a-z-]+)", explanations))
    told_of = set(re.findall(r"(?m)^\.It Fl Fl ([a-z-]+)", verbs[verb]))
    wrong += [f"{verb} --{option} is in one of --help and the manual only" for option in sorted((shown - general) ^ told_of)]
print("\n".join(wrong))
sys.exit(1 if wrong else 0)
