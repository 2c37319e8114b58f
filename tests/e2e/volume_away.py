#!/usr/bin/env python3
# vrep-test: timeout=300 labels=e2e presets=asan
"""The replica's volume is not mounted when its service starts in the middle of a merge: nothing is given up, and the
merge is finished when the volume is back."""

import os

from vrep_e2e import MIB, Disk, Skip, check, main
from vrep_e2e.service import has_fault_points


def away_while_merging(lab):
    if not has_fault_points():
        raise Skip("this build has no fault points (-DVREP_FAULT_POINTS)")
    volume, elsewhere = (os.path.join(lab.root, name) for name in ("volume", "elsewhere"))
    os.mkdir(volume)
    primary = Disk.create(lab, "primary.vhdx", 64 * MIB).fill(lab.rng, (0, 32 * MIB))
    replica = primary.copy(lab, "replica.vhdx", folder=volume)
    replica.drift(lab.rng, 400)
    lab.start()
    lab.relate("pair", [primary], [replica])
    lab.replica.restart(faults="merge-step:2:kill")
    lab.resync("pair")
    check(lab.replica.dies_within(60), "the replica dies in its merge")

    os.rename(volume, elsewhere)
    lab.replica.start()
    seen = lab.replica.wait("pair", lambda r: r["LastError"] is not None, 30, "the merge cannot go on")
    check(seen["ResynchronizePhase"] == "Merging", f"without its volume: {seen['ResynchronizePhase']}")
    check(replica.path in seen["LastError"]["message"], f"the error names the disk: {seen['LastError']}")

    lab.replica.stop()
    os.rename(elsewhere, volume)
    lab.replica.start()
    lab.primary.request("resume", name="pair")
    lab.finished("pair", [(primary, replica)])


main(away_while_merging)
