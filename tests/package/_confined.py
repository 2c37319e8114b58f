"""Runs a program within the bounds of a unit that need no systemd: its system calls, capabilities, no new privileges, and
the mask of new files. Usage: _confined.py ROOT UNIT PROGRAM ARGUMENT..."""

import ctypes
import os
import re
import struct
import subprocess
import sys

from _package import Unit

PR_CAPBSET_DROP, PR_SET_SECCOMP, PR_SET_NO_NEW_PRIVS = 24, 22, 38
SECCOMP_MODE_FILTER = 2
AUDIT_ARCH_X86_64 = 0xC000003E
LOAD, EQUAL, RETURN = 0x20, 0x15, 0x06
NUMBER_AT, ARCHITECTURE_AT = 0, 4
ALLOW, ERRNO_EPERM, KILL = 0x7FFF0000, 0x00050001, 0x80000000


def numbers(header, pattern):
    with open(header, encoding="utf-8") as file:
        return {name: int(number) for name, number in re.findall(pattern, file.read(), re.MULTILINE)}


def calls(name):
    """The system calls of a set such as @system-service, as systemd has them."""
    if not name.startswith("@"):
        return {name}
    shown = subprocess.run(["systemd-analyze", "syscall-filter", name], capture_output=True, text=True, check=True).stdout
    members = [line.strip() for line in shown.splitlines()[1:] if line.startswith("    ") and not line.strip().startswith("#")]
    return set().union(*(calls(member) for member in members))


def allowed_calls(unit):
    allowed = set()
    for value in unit.settings["SystemCallFilter"]:
        named = set().union(*(calls(name) for name in value.lstrip("~").split()))
        allowed = allowed - named if value.startswith("~") else allowed | named
    return allowed


def filter_calls(prctl, allowed):
    known = numbers("/usr/include/x86_64-linux-gnu/asm/unistd_64.h", r"^#define __NR_(\w+) (\d+)")
    program = [(LOAD, 0, 0, ARCHITECTURE_AT), (EQUAL, 1, 0, AUDIT_ARCH_X86_64), (RETURN, 0, 0, KILL), (LOAD, 0, 0, NUMBER_AT)]
    for name in sorted(allowed & set(known)):
        program += [(EQUAL, 0, 1, known[name]), (RETURN, 0, 0, ALLOW)]
    program.append((RETURN, 0, 0, ERRNO_EPERM))
    code = ctypes.create_string_buffer(b"".join(struct.pack("<HBBI", *step) for step in program))
    header = struct.pack("<H6xQ", len(program), ctypes.addressof(code))
    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, ctypes.c_char_p(header))


def drop_capabilities(prctl, kept):
    known = numbers("/usr/include/linux/capability.h", r"^#define (CAP_\w+)\s+(\d+)$")
    for name in set(known) - set(kept):
        prctl(PR_CAPBSET_DROP, known[name])


def main(root, name, *command):
    unit = Unit(root, name)
    libc = ctypes.CDLL(None, use_errno=True)

    def prctl(option, first, second=0):
        if libc.prctl(option, first, second, 0, 0) != 0:
            raise OSError(ctypes.get_errno(), f"prctl {option}")

    os.umask(int(unit.one("UMask"), 8))
    allowed = allowed_calls(unit)
    if os.geteuid() == 0:
        drop_capabilities(prctl, unit.one("CapabilityBoundingSet").split())
    prctl(PR_SET_NO_NEW_PRIVS, 1)
    filter_calls(prctl, allowed)
    os.execv(command[0], command)


main(*sys.argv[1:])
