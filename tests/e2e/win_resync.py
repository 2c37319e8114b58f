#!/usr/bin/env python3
# vrep-test: timeout=600 labels=e2e,wine presets=win64 serial
"""Two Windows services under Wine's Service Control Manager: resynchronize, cancel, die and go on.

Once as they are, and once on virtdisk's double (VREP_BACKEND, VREP_BIN; tests/virtdisk)."""

import os

from vrep_e2e import MIB, Disk, check, main, poll, sha256
from vrep_e2e.disk import children_of
from vrep_e2e.windows import WindowsService, wine

SIZE = 32 * MIB


def prepared(lab, folder=None, image_format="vhdx"):
    primary = Disk.create(lab, f"primary.{image_format}", SIZE, image_format=image_format, folder=folder,
                          block_size=MIB if image_format == "vhdx" else None)
    primary.fill(lab.rng, (0, 12 * MIB))
    replica = primary.copy(lab, f"replica.{image_format}", folder=folder)
    replica.fill(lab.rng, *((at * 2 * MIB, MIB) for at in range(6)))
    for service in (lab.primary, lab.replica):
        service.install().start()
        backend = service.events(50000)[-1]["DiskBackend"]
        check(backend == os.environ.get("VREP_BACKEND", "native"), f"the {service.role} works by {backend}")
    lab.relate("pair", [primary], [replica])
    return primary, replica


def drifted_pair(lab):
    """Long, Cyrillic and emoji names included."""
    folder = os.path.join(lab.disks, *["очень длинная папка"] * 12, "💾")
    os.makedirs(folder)
    primary, replica = prepared(lab, folder)
    check(len(primary.path) > 260, "no long path")
    lab.resync("pair")
    lab.primary.wait_state("pair", 4, 60)
    lab.check_identical(primary, replica)
    check([event["VhdPath"] for event in lab.primary.events(29242)] == ["Z:" + primary.path.replace("/", "\\")],
          f"29242 names {lab.primary.events(29242)}")
    check("Replicating" in lab.primary.ctl("status", "pair").stdout, "status shows the state")
    for service in (lab.primary, lab.replica):
        service.ctl("remove", "pair")


def drifted_vhds(lab):
    primary, replica = prepared(lab, image_format="vhd")
    lab.resync("pair")
    lab.primary.wait_state("pair", 4, 60)
    lab.check_identical(primary, replica)


def cancelled_then_killed_then_finished(lab):
    """The file's bytes stay through a cancel; kill -9 of either service is survived."""
    primary, replica = prepared(lab)
    before = replica.sha256()
    lab.primary.request("set", name="pair", bandwidth_limit=2 * MIB)
    lab.resync("pair")
    lab.primary.wait("pair", lambda r: (r["ResynchronizeBytesCompared"] or 0) >= SIZE // 8, 30, "a part is compared")
    check(lab.cancel("pair"), "the cancel came too late")
    check(sha256(replica.path) == before and not children_of(replica.path), "cancelled, and yet changed")
    lab.resync("pair")
    for victim in (lab.primary, lab.replica):
        lab.primary.wait("pair", lambda r: (r["ResynchronizeBytesCompared"] or 0) > 0, 60, "it runs")
        check(victim.processes(), f"no process of the {victim.role}")
        victim.kill()
        check(sha256(replica.path) == before, f"the death of the {victim.role} changed the replica")
        victim.start()
    lab.primary.request("set", name="pair", bandwidth_limit=0)
    lab.primary.request("resume", name="pair")
    lab.primary.wait_state("pair", 4, 90)
    lab.check_identical(primary, replica)


def stops_in_order(lab):
    """A stop of the service in mid-run ends it within 10 s, and the next start goes on by itself."""
    primary, replica = prepared(lab)
    lab.primary.request("set", name="pair", bandwidth_limit=MIB)
    lab.resync("pair")
    lab.primary.wait("pair", lambda r: (r["ResynchronizeBytesSent"] or 0) > 0, 30, "it sends")
    for service in (lab.primary, lab.replica):
        service.stop()
        # The pipe is closed a little before the process has ended and the manager knows.
        poll(lambda: "STOPPED" in wine("sc", "query", f"VRep${service.instance}").stdout, 10, "the manager says STOPPED")
        service.start()
    lab.primary.request("set", name="pair", bandwidth_limit=0)
    lab.primary.request("resume", name="pair")
    lab.primary.wait_state("pair", 4, 90)
    lab.check_identical(primary, replica)


main(drifted_pair, drifted_vhds, cancelled_then_killed_then_finished, stops_in_order, kind=WindowsService)
