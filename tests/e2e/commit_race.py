#!/usr/bin/env python3
# vrep-test: timeout=900 labels=e2e,slow presets=native,asan
"""Two hundred cancels around COMMIT: both sides agree on "cancelled, bytes unchanged" or on "too late, merged"."""

import os
import time

from vrep_e2e import MIB, ControlError, Disk, check, main, sha256
from vrep_e2e.disk import children_of
from vrep_e2e.lab import REPLICATING, WAITING

SIZE = 8 * MIB
CANCELS = int(os.environ.get("VREP_CANCELS", "200"))
STEP = 1.15  # how much later after a cancel that came in time, how much earlier after one that came too late


def outcome(lab, identifier):
    """What both sides say of this resynchronization once both are at rest."""
    lab.primary.wait_state("pair", (WAITING, REPLICATING), 60)
    mine = lab.primary.wait("pair", lambda r: not r["ResynchronizeCancelPending"], 60, "the cancel is answered")
    yours = lab.replica.wait("pair", lambda r: r["ResynchronizePhase"] in (None, "", "None"), 60, "the replica rests")
    check(mine["ResynchronizeLastOutcome"] == yours["ResynchronizeLastOutcome"],
          f"{identifier}: the primary says {mine['ResynchronizeLastOutcome']}, "
          f"the replica {yours['ResynchronizeLastOutcome']}")
    merged = mine["ReplicationState"] == REPLICATING
    check(mine["ResynchronizeLastOutcome"] == ("Merged" if merged else "Cancelled"),
          f"{identifier}: state {mine['ReplicationStateText']}, outcome {mine['ResynchronizeLastOutcome']}")
    return merged


def race(lab):
    primary = Disk.create(lab, "primary.vhdx", SIZE, block_size=MIB).fill(lab.rng, (0, 4 * MIB))
    replica = primary.copy(lab, "replica.vhdx")
    lab.start()
    lab.relate("pair", [primary], [replica])
    counts = {True: 0, False: 0}
    delay = 0.05
    for number in range(CANCELS):
        if number == 0 or merged:
            primary.drift(lab.rng, 8)
        before = sha256(replica.path)
        lab.resync_again("pair")
        time.sleep(delay * lab.rng.uniform(0.8, 1.2))
        try:
            lab.primary.request("stop", name="pair")
        except ControlError as error:
            check(error.code == "Refused", f"cancel {number}: {error}")
        merged = outcome(lab, f"cancel {number}")
        counts[merged] += 1
        delay = delay / STEP if merged else delay * STEP
        check(not children_of(replica.path), f"cancel {number} left {children_of(replica.path)}")
        if merged:
            lab.check_identical(primary, replica)
        else:
            check(sha256(replica.path) == before, f"cancel {number} left other bytes")
    print(f"  {counts[False]} cancelled, {counts[True]} too late; the last delay was {delay * 1000:.1f} ms")
    check(min(counts.values()) >= CANCELS // 10, f"the race never got close: {counts}")


main(race)
