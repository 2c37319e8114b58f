#!/usr/bin/env python3
# vrep-test: timeout=300 labels=e2e,wine presets=win64 serial
"""vrep.dll as a stranger's C program uses it: docs/examples/resync.c resynchronizes through the pipe."""

import json
import os
import subprocess

from vrep_e2e import MIB, Disk, check, main
from vrep_e2e.service import BIN
from vrep_e2e.windows import WindowsService, windows_name

EXAMPLE = os.path.join(BIN, "../tests/example_resync.exe")


def run(*arguments):
    return subprocess.run(["wine", EXAMPLE, *arguments], capture_output=True, text=True, timeout=120, check=False,
                          stdin=subprocess.DEVNULL, env=dict(os.environ, WINEPATH=windows_name(os.path.abspath(BIN))))


def c_example(lab):
    primary = Disk.create(lab, "primary.vhdx", 32 * MIB, block_size=MIB).fill(lab.rng, (0, 8 * MIB))
    replica = primary.copy(lab, "replica.vhdx").drift(lab.rng, 20)
    for service in (lab.primary, lab.replica):
        service.install().start()
    lab.relate("pair", [primary], [replica])
    done = run("pair", lab.primary.instance)
    check(done.returncode == 0 and "In step." in done.stdout, f"{done}")
    lab.check_identical(primary, replica)
    again = run("pair", lab.primary.instance)
    check(again.returncode == 1 and json.loads(again.stderr)["eventId"] == 32546, f"{again}")
    check(json.loads(run("pair", "nobody").stderr)["code"] == "Unavailable", "no service")


main(c_example, kind=WindowsService)
