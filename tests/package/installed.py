#!/usr/bin/env python3
# vrep-test: timeout=120 presets=native
"""The installed programs, unpacked into a folder, do their work: two instances, started as the unit vrep@ starts them
and within the bounds that it sets, resynchronize a pair; the library and the header serve a program."""

import os
import shutil
import socket
import subprocess
import sys
import tempfile

import _package

ROOT = _package.unpack(tempfile.mkdtemp(prefix="package-installed-"))
PROGRAMS = os.path.join(ROOT, "programs")
os.mkdir(PROGRAMS)
for program in ("usr/sbin/vrepsvc", "usr/bin/vrepctl", "usr/bin/vrepdisk"):
    os.symlink(os.path.join(ROOT, program), os.path.join(PROGRAMS, os.path.basename(program)))
LIBRARIES = os.path.dirname(_package.glob.glob(os.path.join(ROOT, "usr/lib/*/libvrep.so"))[0])
os.environ["LD_LIBRARY_PATH"] = LIBRARIES
os.environ["VREP_BIN"] = PROGRAMS

from vrep_e2e import Service, check, main, poll  # noqa: E402 # they take VREP_BIN as it is now
from vrep_e2e.runner import PATIENCE  # noqa: E402

CONFINED = os.path.join(os.path.dirname(__file__), "_confined.py")


class Unit(Service):
    """An instance that is started by its unit's ExecStart, with the laboratory's folder as its state."""

    def start(self, faults=None, environment=None):
        settings = os.path.join(ROOT, "etc/vrep", f"vrep@{self.instance}.conf")
        with open(settings, "w", encoding="utf-8") as file:
            file.write(f"VREP_LISTEN=127.0.0.1:{self.port}\n")
        unit = _package.Unit(ROOT, "vrep@.service", self.instance)
        command = unit.command(unit.environment())
        path = self.data + ".notify"
        with open(self.log, "ab") as log, socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notify:
            notify.bind(path)
            notify.settimeout(10 * PATIENCE)
            self.process = subprocess.Popen(
                [sys.executable, CONFINED, ROOT, "vrep@.service", ROOT + command[0], *command[1:], "--data", self.data],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=dict(os.environ, NOTIFY_SOCKET=path))
            check(notify.recv(100) == b"READY=1", f"the {self.role} does not say that it serves")
        os.unlink(path)
        return self


def bounds(lab):
    """The service runs with no capability but those of the unit, and within a filter of system calls."""
    lab.primary.start()
    with open(f"/proc/{lab.primary.process.pid}/status", encoding="utf-8") as file:
        status = dict(line.rstrip("\n").split(":\t", 1) for line in file)
    check((status["Seccomp"], status["NoNewPrivs"]) == ("2", "1"), f"it is not confined: {status}")
    if os.geteuid() == 0:
        check(int(status["CapEff"], 16) == 1 << 1 | 1 << 19, f"capabilities: {status['CapEff']}")


def begun(lab):
    """Starts the pair's resynchronization and waits until something is sent."""
    lab.resync("pair")
    poll(lambda: lab.primary.relationship("pair")["ResynchronizeBytesSent"], 20, "something is sent")


def resynchronized(lab):
    """Compared, cancelled, resynchronized with both services stopped in its midst."""
    lab.start()
    primary, replica = lab.drifted(units=400)
    lab.relate("pair", [primary], [replica])
    lab.primary.ctl("compare", "pair")
    before = replica.sha256()
    lab.primary.ctl("set", "pair", "--bandwidth-limit", "512K")
    begun(lab)
    check(lab.cancel("pair") and replica.sha256() == before, "the cancel has not left the replica's disk as it was")
    begun(lab)
    lab.primary.restart()
    lab.replica.restart()
    lab.primary.ctl("set", "pair", "--bandwidth-limit", "none")
    lab.primary.ctl("resume", "pair", expect=0)
    lab.finished("pair", [(primary, replica)])


def a_program(lab):
    """A C program is built with the installed header and library, and needs the library by its versioned name."""
    lab.primary.start()
    source = os.path.join(_package.TOP, "docs/examples/resync.c")
    program = os.path.join(lab.root, "example")
    _package.run("cc", "-I", os.path.join(ROOT, "usr/include"), source, "-L", LIBRARIES, "-lvrep", "-o", program)
    check("NEEDED               libvrep.so.1\n" in _package.run("objdump", "-p", program), "it needs another name")
    done = subprocess.run([program, "nobody", lab.primary.instance], capture_output=True, text=True, check=False)
    check(done.returncode == 1 and "nobody" in done.stdout + done.stderr, f"{done}")


try:
    main(bounds, resynchronized, a_program, kind=Unit)
finally:
    shutil.rmtree(ROOT)
