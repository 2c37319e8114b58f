#!/usr/bin/env python3
# vrep-test: timeout=600 labels=e2e presets=native,asan
"""Replicas that are VHDs, pairs of two formats and types, and what a guest sees of a disk's identity."""

import os

from vrep_e2e import KIB, MIB, ControlError, Disk, check, main, poll, sha256
from vrep_e2e.disk import children_of, vrepdisk
from vrep_e2e.lab import REPLICATING, WAITING

SIZE = 20 * MIB
PACE = 8 * MIB


def pair(lab, name, mine, yours):
    """(format, type) of both: a primary with content, a replica that has drifted."""
    primary = Disk.create(lab, f"{name}-p.{mine[0]}", SIZE, *mine)
    primary.fill(lab.rng, (0, 3 * MIB), (11 * MIB + 512, 2 * MIB), (SIZE - 512, 512))
    replica = primary.convert(lab, f"{name}-r.{yours[0]}", *yours).drift(lab.rng, 40)
    lab.relate(name, [primary], [replica])
    return primary, replica


def every_mixture(lab):
    """VHD and VHDX, fixed and dynamic, on either side; each a second time after another drift."""
    lab.start()
    kinds = [(image, kind) for image in ("vhd", "vhdx") for kind in ("fixed", "dynamic")]
    for mine in kinds:
        for yours in kinds:
            name = "-".join(mine + yours)
            primary, replica = pair(lab, name, mine, yours)
            before = replica.info()
            lab.resync(name)
            lab.finished(name, [(primary, replica)])
            after = replica.info()
            check((before["Format"], before["Type"]) == (after["Format"], after["Type"]), f"{name}: {before} {after}")
            primary.drift(lab.rng, 10)
            lab.resync_again(name)
            lab.finished(name, [(primary, replica)])


def other_sizes(lab):
    """A VHD of a size that is no multiple of its block, of 64 KiB, or of 4 KiB."""
    lab.start()
    for number, size in enumerate((5 * MIB + 512, 3 * MIB + 68 * KIB, 33 * MIB + 12 * KIB + 1536)):
        primary = Disk.create(lab, f"odd{number}.vhd", size, "vhd").fill(lab.rng, (size - 70 * KIB, 70 * KIB))
        replica = primary.copy(lab, f"odd{number}-replica.vhd").fill(lab.rng, (size - 512, 512), (MIB, 4 * KIB))
        lab.relate(f"odd{number}", [primary], [replica])
        lab.resync(f"odd{number}")
        lab.finished(f"odd{number}", [(primary, replica)])


def cancels_leave_a_vhd_alone(lab):
    """Cancels spread over the comparison of a VHD: its bytes stay, and the guard does not mistake us for others."""
    primary = Disk.create(lab, "p.vhd", SIZE, "vhd").fill(lab.rng, (0, SIZE))
    replica = primary.copy(lab, "r.vhd").fill(lab.rng, *((at * 2 * MIB, MIB) for at in range(10)))
    lab.start()
    lab.relate("pair", [primary], [replica])
    lab.primary.request("set", name="pair", bandwidth_limit=PACE)
    before = replica.sha256()
    for step in range(5):
        lab.resync("pair")
        lab.primary.wait("pair", lambda r, s=step: r["ReplicationState"] == REPLICATING or
                         (r["ResynchronizeBytesCompared"] or 0) >= 0.15 * s * SIZE, 60, "it is under way")
        check(lab.cancel("pair"), f"cancel {step} came too late")
        check(sha256(replica.path) == before, f"cancel {step} left other bytes")
        check(not children_of(replica.path), f"cancel {step} left {children_of(replica.path)}")
    lab.primary.request("set", name="pair", bandwidth_limit=0)
    lab.resync("pair")
    lab.finished("pair", [(primary, replica)])


def again_after_a_restart(lab):
    """A VHD that we have merged into is still ours after a restart, although its identity is the time of its last write."""
    primary = Disk.create(lab, "p.vhd", SIZE, "vhd").fill(lab.rng, (0, 8 * MIB))
    replica = Disk.create(lab, "r.vhd", SIZE, "vhd").fill(lab.rng, (SIZE - MIB, MIB))
    lab.start()
    lab.relate("pair", [primary], [replica])
    lab.resync("pair")
    lab.finished("pair", [(primary, replica)])
    lab.replica.restart()
    primary.drift(lab.rng, 20)
    lab.resync_again("pair")
    lab.finished("pair", [(primary, replica)])


def a_strangers_write_is_refused(lab):
    """The guard of a VHD: whoever writes it after a merge is noticed."""
    lab.start()
    primary, replica = pair(lab, "pair", ("vhdx", "dynamic"), ("vhd", "dynamic"))
    lab.resync("pair")
    lab.finished("pair", [(primary, replica)])
    replica.write(MIB, lab.rng.randbytes(4 * KIB))
    changed = sha256(replica.path)
    lab.resync_again("pair")
    ended = lab.primary.wait("pair", lambda r: r["ReplicationState"] in (9, WAITING, 8), 30, "it is refused")
    check(sha256(replica.path) == changed, "the stranger's bytes are gone")
    check("overwrite-replica" in ended["LastError"]["action"], f"what to do is told: {ended['LastError']}")
    lab.resync("pair", overwrite_replica=True)
    lab.finished("pair", [(primary, replica)])


def identity(lab):
    """A difference is a warning; --adopt-identity takes it over when merged, not before."""
    lab.start()
    for yours in (("vhdx", "dynamic"), ("vhd", "dynamic"), ("vhd", "fixed")):
        name = "-".join(yours)
        primary, replica = pair(lab, name, ("vhdx", "dynamic"), yours)
        theirs, mine = primary.info(), replica.info()
        check(theirs["VirtualDiskId"] != mine["VirtualDiskId"], "the identities are equal from the start")
        lab.resync(name)
        lab.finished(name, [(primary, replica)])
        warned = [e for e in lab.primary.events(50036) if e["VmName"] == name]
        check(len(warned) == 1 and warned[0]["VirtualDiskId"].strip("{}").lower() ==
              theirs["VirtualDiskId"].strip("{}").lower(), f"50036: {warned}")
        check(replica.info()["VirtualDiskId"] == mine["VirtualDiskId"], "it was adopted without being asked for")
        lab.resync_again(name, adopt_identity=True)
        lab.finished(name, [(primary, replica)])
        now = replica.info()
        check(now["VirtualDiskId"] == theirs["VirtualDiskId"], f"not adopted: {now}")
        if yours[0] == "vhdx":
            check(now["PhysicalSectorSize"] == theirs["PhysicalSectorSize"], f"physical sectors: {now}")
        poll(lambda n=name: lab.replica.relationship(n)["ResynchronizePhase"] in (None, "None", ""), 10, "it is over")
        adopted = [e for e in lab.replica.events(50038) if e["VmName"] == name]
        check(len(adopted) == 1 and adopted[0]["VirtualDiskId"].strip("{}").lower() ==
              theirs["VirtualDiskId"].strip("{}").lower(), f"50038: {adopted}")
        primary.drift(lab.rng, 5)  # and the guard knows the new identity
        lab.resync_again(name)
        lab.finished(name, [(primary, replica)])


def identity_goes_with_resynchronize(lab):
    """Asked for without a resynchronization it is refused."""
    lab.start()
    pair(lab, "pair", ("vhdx", "dynamic"), ("vhdx", "dynamic"))
    try:
        lab.primary.request("resume", name="pair", adopt_identity=True)
        check(False, "it was taken")
    except ControlError as error:
        check(error.code == "InvalidArgument", f"{error}")


main(every_mixture, other_sizes, cancels_leave_a_vhd_alone, again_after_a_restart,
     a_strangers_write_is_refused, identity, identity_goes_with_resynchronize)
