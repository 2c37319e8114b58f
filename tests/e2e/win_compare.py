#!/usr/bin/env python3
# vrep-test: timeout=300 labels=e2e,wine presets=win64 serial
"""Two Windows services compare a pair: what differs and where, and both files stay as they are.

Once as they are, and once on virtdisk's double (VREP_BACKEND, VREP_BIN; tests/virtdisk)."""

import os

from vrep_e2e import MIB, Disk, check, main
from vrep_e2e.disk import children_of
from vrep_e2e.windows import WindowsService

SIZE = 16 * MIB
STARTED, NOTHING, DIFFERENCES = 50050, 50051, 50052


def compared(lab):
    """vrepctl waits for its end; what is kept of it."""
    lab.primary.ctl("compare", "pair")
    return lab.primary.relationship("pair")["LastComparison"]


def two_services(lab):
    primary = Disk.create(lab, "primary.vhdx", SIZE, block_size=MIB)
    primary.fill(lab.rng, (0, 8 * MIB))
    replica = primary.copy(lab, "replica.vhdx")
    places = [MIB // 2, 3 * MIB, 12 * MIB]  # the last where the primary has nothing
    replica.fill(lab.rng, *((place, MIB) for place in places))
    for service in (lab.primary, lab.replica):
        service.install().start()
        backend = service.events(50000)[-1]["DiskBackend"]
        check(backend == os.environ.get("VREP_BACKEND", "native"), f"the {service.role} works by {backend}")
    lab.relate("pair", [primary], [replica])
    before = [primary.sha256(), replica.sha256()]

    found = compared(lab)
    check(found["Outcome"] == "Finished" and found["ResynchronizeNeeded"] is True, f"{found}")
    check(found["BytesCompared"] == SIZE and found["BytesDifferent"] == 3 * MIB, f"{found}")
    ranges = [(one["Offset"], one["Length"]) for one in found["Disks"][0]["FirstRangesDifferent"]]
    check(ranges == [(place, MIB) for place in places], f"{ranges}")
    check([primary.sha256(), replica.sha256()] == before and not children_of(replica.path), "the comparison changed a file")
    check(lab.primary.relationship("pair")["ReplicationState"] == 10, "the comparison changed the state")
    check(len(lab.primary.events(STARTED)) == 1 and len(lab.primary.events(DIFFERENCES)) == 1, "it was not told")

    lab.resync("pair")
    lab.primary.wait_state("pair", 4, 60)
    lab.check_identical(primary, replica)
    found = compared(lab)
    check(found["BytesDifferent"] == 0 and found["ResynchronizeNeeded"] is False, f"in step: {found}")
    check(len(lab.primary.events(NOTHING)) == 1, "nobody says that nothing differs")


main(two_services, kind=WindowsService)
