#!/usr/bin/env python3
# vrep-test: timeout=120 presets=native
"""What the shell offers: every verb and option of --help, names of relationships from the service, files for paths."""

import os
import re
import subprocess

import _package
from vrep_e2e import Disk, check, main
from vrep_e2e.service import BIN, program

SCRIPT = os.path.join(_package.TOP, "installer/linux/vrep.bash")
ASK = """
PATH=$VREP_BIN:$PATH
. "$1"
shift
COMP_WORDS=("$@")
COMP_CWORD=$(($# - 1))
compopt() { :; }
_vrep "$1" "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD - 1]}"
[ ${#COMPREPLY[@]} -eq 0 ] || printf '%s\\n' "${COMPREPLY[@]}"
"""


def offered(*words, folder=None):
    """What is offered for the last of these words."""
    done = subprocess.run(["bash", "-c", ASK, "bash", SCRIPT, *words], capture_output=True, text=True, check=True,
                          cwd=folder, env=dict(os.environ, VREP_BIN=BIN))
    check(not done.stderr, f"{words}: {done.stderr}")
    return done.stdout.splitlines()


def help_of(name, *verb):
    return subprocess.run([program(name), *verb, "--help"], capture_output=True, text=True, check=True).stdout


def verbs_and_options(_):
    """Each verb of each program, and of each verb all of its options."""
    for name in ("vrepctl", "vrepdisk", "vrepsvc"):
        verbs = re.findall(rf"(?m)^  {name} ((?:[a-z-]+ ?)+)(?=$| |\[|[A-Z]|\.)", help_of(name))
        verbs = [verb.strip().split() for verb in verbs]
        check(len(verbs) > 5, f"{name} has verbs {verbs}")
        first = offered(name, "")
        check(set(first) == {verb[0] for verb in verbs}, f"{name}: {first}, not {verbs}")
        for verb in verbs:
            for number, word in enumerate(verb):
                check(word in offered(name, *verb[:number], word[:2]), f"{name} {verb}: {word} is not offered")
            if name == "vrepsvc":
                continue
            told = set(re.findall(r"(?m)^  (--[a-z-]+)|\[(--[a-z-]+)", help_of(name, *verb)))
            options = {option for pair in told for option in pair if option}
            shown = offered(name, *verb, "--")
            check(options <= set(shown), f"{name} {verb}: {options - set(shown)} is not offered")
    check({"--instance", "--data", "--listen"} <= set(offered("vrepsvc", "--console", "--")), "vrepsvc --console")


def values(lab):
    """Words that an option may have, and files."""
    check(offered("vrepctl", "set", "x", "--auto-resynchronize", "o") == ["on", "off"], "on and off")
    check(offered("vrepdisk", "create", "x", "--type", "") == ["fixed", "dynamic"], "types")
    for name in ("one.vhdx", "two.vhdx"):
        with open(os.path.join(lab.disks, name), "w", encoding="utf-8"):
            pass
    check(sorted(offered("vrepdisk", "info", "", folder=lab.disks)) == ["one.vhdx", "two.vhdx"], "files")
    check(offered("vrepctl", "enable", "x", "--disk", "tw", folder=lab.disks) == ["two.vhdx"], "a disk")


def names(lab):
    """Of the service that is meant, whatever they are made of; none where no name is asked for."""
    wanted = ["web 1", "web-2", "w\"x\\y", "\u00e4nder"]
    service = lab.primary.start()
    for number, name in enumerate(wanted):
        disk = Disk.create(lab, f"{number}.vhdx", 1 << 20)
        service.request("enable", name=name, disks=[disk.path], replica_server="127.0.0.1", replica_port=1)
    before = ("vrepctl", "--instance", service.instance)
    check(sorted(offered(*before, "status", "")) == sorted(wanted), "all names")
    check(sorted(offered(*before, "suspend", "web")) == ["web 1", "web-2"], "some names")
    check(offered(*before, "suspend", "web\\ ") == ["web 1"] == offered(*before, "suspend", '"web '), "a quoted name")
    check(offered("vrepctl", "test-connection", "--instance", service.instance, "--relationship", "\u00e4") == ["\u00e4nder"],
          "--relationship")
    for words in (("metrics", ""), ("server", "s"), ("suspend", "web-2", "")):
        check(not set(offered(*before, *words)) & set(wanted), f"{words}: a name is offered")
    check(not offered("vrepctl", "--instance", "nobody", "status", ""), "names without a service")


main(verbs_and_options, values, names)
