#!/usr/bin/env python3
# vrep-test: timeout=300 labels=e2e presets=native,asan
"""vrepctl as people and scripts use it: the progress bar, Ctrl-C, lines without a terminal, exit codes."""

import json
import os
import pty
import select
import signal
import subprocess

from vrep_e2e import MIB, Disk, Skip, check, main, poll
from vrep_e2e.runner import PATIENCE
from vrep_e2e.service import program

DONE, FAILED, USAGE, UNREACHABLE, REFUSED = 0, 1, 2, 3, 5
SLOW = 4 * MIB  # bytes per second: the drift below takes some seconds


def prepared(lab, limit=SLOW):
    primary = Disk.create(lab, "primary.vhdx", 64 * MIB).fill(lab.rng, (0, 32 * MIB))
    replica = primary.copy(lab, "replica.vhdx")
    replica.fill(lab.rng, *((at * 2 * MIB, MIB) for at in range(16)))
    lab.start().relate("pair", [primary], [replica])
    lab.primary.request("set", name="pair", bandwidth_limit=limit)
    return primary, replica


def begin(lab, *arguments):
    return subprocess.Popen([program("vrepctl"), "--instance", lab.primary.instance, *arguments],
                            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def ended(process, code):
    out, err = process.communicate(timeout=60 * PATIENCE)
    check(process.returncode == code, f"exit {process.returncode}, not {code}: {out}{err}")
    return out, err


def compared(lab):
    return lab.primary.relationship("pair")["ResynchronizeBytesCompared"] or 0


def on_a_terminal(lab, *arguments, until):
    """Runs vrepctl on a terminal of its own and types Ctrl-C when until(text so far); all text, and the exit code."""
    try:
        pid, terminal = pty.fork()
    except OSError as missing:  # a chroot without /dev/pts
        raise Skip(f"no terminal can be had here: {missing}") from None
    if pid == 0:
        os.execv(program("vrepctl"), ["vrepctl", "--instance", lab.primary.instance, *arguments])
    text, interrupted = "", False
    while True:
        if select.select([terminal], [], [], 30 * PATIENCE)[0]:
            try:
                text += os.read(terminal, 65536).decode(errors="replace")
            except OSError:  # the other end is closed
                break
        else:
            os.kill(pid, signal.SIGKILL)
        if until(text) and not interrupted:
            os.write(terminal, b"\x03")
            interrupted = True
    os.close(terminal)
    return text, os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def progress_bar(lab):
    """A terminal gets a bar that fills up on one line; Ctrl-C leaves the resynchronization running and says so."""
    pair = prepared(lab)
    text, code = on_a_terminal(lab, "resume", "pair", "--resynchronize", until=lambda text: "MiB/s" in text)
    check(code == DONE, f"Ctrl-C ended with {code}: {text}")
    check("\r[" in text and "Comparing" in text, f"no bar: {text!r}")
    check("goes on" in text, f"nobody said that it goes on: {text!r}")
    check(lab.primary.relationship("pair")["ReplicationState"] == 11, "it does not go on")
    lab.primary.ctl("set", "pair", "--bandwidth-limit", "none")
    text, code = on_a_terminal(lab, "resume", "pair", until=lambda _: False)
    check(code == DONE and "resynchronized" in text, f"exit {code}: {text!r}")
    lab.finished("pair", [pair])


def lines(lab):
    """Without a terminal: lines, no carriage returns, and Ctrl-C means the same."""
    pair = prepared(lab)
    waiting = begin(lab, "resume", "pair", "--resynchronize")
    poll(lambda: compared(lab) > 0, 20, "the comparison begins")
    waiting.send_signal(signal.SIGINT)
    out, err = ended(waiting, DONE)
    check("\r" not in out and "goes on" in err, f"{out!r} {err!r}")
    lab.primary.ctl("set", "pair", "--bandwidth-limit", "0")
    shown = json.loads(lab.primary.ctl("resume", "pair", "--json").stdout)
    check(shown["ReplicationState"] == 4, f"--json gives no relationship in step: {shown}")
    lab.finished("pair", [pair])


def stopped_by_another(lab):
    """A wait that somebody else ends exits with 1 and says what happened."""
    prepared(lab)
    for start, verb, word in (("--resynchronize", "suspend", "suspended"), ("--continue", "stop", "cancelled")):
        waiting = begin(lab, "resume", "pair", start)
        lab.primary.wait_state("pair", 11)
        shown = lab.primary.ctl(verb, "pair").stdout
        check(word in shown.lower(), f"{verb} says: {shown}")
        out, _ = ended(waiting, FAILED)
        check(word in out, f"the one that waited says: {out}")


def exit_codes(lab):
    """Each kind of failure has its own."""
    prepared(lab)
    ctl = lab.primary.ctl
    ctl("status", "nobody", expect=FAILED)
    ctl("frobnicate", expect=USAGE)
    ctl("set", "pair", expect=USAGE)
    ctl("set", "pair", "--replica", "host:0", expect=USAGE)
    ctl("resume", "pair", "--continue", "--resynchronize", expect=USAGE)
    ctl("enable", "other", "--disk", "x.vhdx", expect=USAGE)
    ctl("server", "set", "--maximum-active-transfers", "0", expect=USAGE)
    ctl("resume", "pair", "--continue", expect=REFUSED)
    ctl("stop", "pair", expect=REFUSED)
    lab.replica.ctl("resume", "pair", "--resynchronize", expect=REFUSED)
    lab.replica.stop()
    lab.replica.ctl("status", expect=UNREACHABLE)
    text = lab.primary.ctl("stop", "pair", expect=REFUSED).stderr
    check("event 32546" in text, f"the event is not named: {text}")


main(progress_bar, lines, stopped_by_another, exit_codes)
