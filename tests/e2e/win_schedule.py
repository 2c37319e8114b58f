#!/usr/bin/env python3
# vrep-test: timeout=300 labels=e2e,wine presets=win64 serial
"""A Windows service by the clock: outside its window it says when, inside it starts; a start at a time survives a restart.

Once as it is, and once on virtdisk's double (VREP_BACKEND, VREP_BIN; tests/virtdisk)."""

import datetime

from vrep_e2e import MIB, Disk, check, main, poll
from vrep_e2e.runner import PATIENCE
from vrep_e2e.windows import WindowsService

REPLICATING, SUSPENDED, WAITING = 4, 8, 10


def from_now(form, **ahead):
    return (datetime.datetime.now() + datetime.timedelta(**ahead)).strftime(form)


def window(lab, start, end):
    """In hours from now."""
    lab.primary.ctl("set", "pair", "--auto-resynchronize", "on", "--auto-resynchronize-start", from_now("%H:%M:%S", hours=start),
                    "--auto-resynchronize-end", from_now("%H:%M:%S", hours=end))


def state(lab):
    return lab.primary.relationship("pair")["ReplicationState"]


def by_the_clock(lab):
    primary = Disk.create(lab, "primary.vhdx", 8 * MIB, block_size=MIB)
    primary.fill(lab.rng, (0, 2 * MIB))
    replica = primary.copy(lab, "replica.vhdx")
    replica.fill(lab.rng, (MIB, MIB))
    for service in (lab.primary, lab.replica):
        service.install().start()
    lab.relate("pair", [primary], [replica])
    poll(lambda: lab.primary.events(32394), 20, "32394 says that it is not enabled")
    window(lab, 2, 3)
    told = poll(lambda: lab.primary.events(32396), 20, "32396 says that it is outside")
    check(told[0]["NextStart"] == lab.primary.relationship("pair")["AutoResynchronizeNextStart"], f"{told}")
    check(state(lab) == WAITING, "it started outside its window")
    window(lab, -1, 1)
    lab.primary.wait_state("pair", REPLICATING, 60)
    lab.check_identical(primary, replica)

    lab.primary.request("suspend", name="pair")
    replica_before = replica.sha256()
    typed = from_now("%Y-%m-%d %H:%M:%S", seconds=5 * PATIENCE)
    lab.primary.ctl("resume", "pair", "--resynchronize", "--start-time", typed)
    lab.primary.stop()
    lab.primary.start()
    check(state(lab) == SUSPENDED and lab.primary.relationship("pair")["ResynchronizeStartTime"], "the restart has lost the start time")
    check(replica.sha256() == replica_before, "it started too early")
    lab.primary.wait_state("pair", REPLICATING, 60)
    triggers = [event["Trigger"] for event in lab.primary.events(32325)]
    check(triggers == ["AutoResynchronizeInterval", "ResynchronizeStartTime"], f"{triggers}")


main(by_the_clock, kind=WindowsService)
