#!/usr/bin/env python3
# vrep-test: timeout=1800 labels=e2e,slow presets=native,asan
"""Kill -9 of either side, spread over compare, verify, commit and merge: after a restart every run ends identical, and
until the merge the replica's file is what it was."""

import os
import time

from vrep_e2e import MIB, Disk, Skip, check, main, poll, sha256
from vrep_e2e.disk import children_of, vrepdisk
from vrep_e2e.lab import REPLICATING, SUSPENDED, WAITING
from vrep_e2e.service import has_fault_points

SIZE = 64 * MIB
MERGING = ("Merging", "Merged")
REPEATED = (1,) * 5
# Where a process may kill itself (service/replicate/fault_point.h), and at which passages.
POINTS = {
    "primary": {
        "compare-unit": (1, 40, 150, 300, 450),
        "before-committing-persist": REPEATED,
        "after-committing-persist": REPEATED,
    },
    "replica": {
        "child-create": REPEATED,
        "child-write": (1, 3, 6, 10, 15),
        "window-flush": REPEATED,
        "cursor-persist": REPEATED,
        "verified": REPEATED,
        "reserve": REPEATED,
        "before-merging-persist": REPEATED,
        "after-merging-persist": REPEATED,
        "rename": REPEATED,
        "merge-step": (1, 2, 3, 5, 8),
        "before-merged-persist": REPEATED,
        "before-child-delete": REPEATED,
    },
}


class Cycle:
    """One pair that drifts, is resynchronized with a kill in between, and ends identical, over and over."""

    def __init__(self, lab, image="vhdx"):
        self.lab = lab
        self.kills = 0
        self.primary = Disk.create(lab, f"primary.{image}", SIZE, image, block_size=MIB if image == "vhdx" else None)
        self.primary.fill(lab.rng, *((at * 8 * MIB, 4 * MIB) for at in range(8)))
        self.replica = self.primary.copy(lab, f"replica.{image}")
        lab.start()
        lab.relate("pair", [self.primary], [self.replica])

    def drift(self):
        """A new difference, spread over the disk, in blocks that the replica has and in some that it lacks."""
        rng = self.lab.rng
        self.primary.fill(rng, *((rng.randrange(SIZE // 65536) * 65536, 48 * 1024) for _ in range(12)))
        self.primary.drift(rng, 12)

    def begin(self, faults=None, side=None, pace=0):
        """Drifts and starts a run; `side` may carry a fault point. The replica's hash before it."""
        self.drift()
        for service in (self.lab.primary, self.lab.replica):
            if service is side:
                service.restart(faults)
        self.lab.primary.request("set", name="pair", bandwidth_limit=pace)
        before = sha256(self.replica.path)
        self.lab.resync_again("pair")
        return before

    def merging(self):
        """True when the replica is past the point of no return, as its own record says."""
        found = self.lab.replica.relationship("pair")
        return found["ResynchronizePhase"] in MERGING or found["ReplicationState"] == REPLICATING

    def kill(self, victims, before, what):
        for victim in victims:
            victim.kill()
        self.complete(victims, before, what)

    def complete(self, victims, before, what):
        """After the kill: the replica's bytes, the restart, the end."""
        self.kills += 1
        unchanged = sha256(self.replica.path) == before
        for victim in victims:
            victim.start()
        if not unchanged:
            check(self.merging(), f"{what}: the base was written before the merge")
        self.lab.primary.request("set", name="pair", bandwidth_limit=0)
        self.nudge()
        self.lab.finished("pair", [(self.primary, self.replica)])
        check(self.lab.replica.relationship("pair")["ReplicationState"] == REPLICATING, f"{what}: the replica's state")

    def nudge(self):
        """The next attempt at once instead of after a minute; a run that went back to waiting begins again."""
        def under_way():
            found = self.lab.primary.relationship("pair")
            if found["ReplicationState"] == REPLICATING:
                return True
            if found["ReplicationState"] in (WAITING, SUSPENDED):  # it had not begun yet
                self.lab.resync("pair")
            elif found["NextAttemptTime"]:
                self.lab.primary.request("resume", name="pair")
            return False
        poll(under_way, 60, "the run goes on after the kill")


def at_progress(lab):
    """Processes are killed from outside when so much is compared, or so long after the start."""
    cycle = Cycle(lab)
    sides = {"primary": (lab.primary,), "replica": (lab.replica,), "both": (lab.replica, lab.primary)}
    for name, victims in sides.items():
        for step in range(8):
            before = cycle.begin(pace=MIB // 2)
            lab.primary.wait("pair", lambda r, s=step: (r["ResynchronizeBytesCompared"] or 0) >= s * SIZE // 8 or
                             r["ReplicationState"] == REPLICATING, 60, "compares")
            cycle.kill(victims, before, f"{name} killed at {step}/8")
    for name, victims in sides.items():
        for step in range(8):
            before = cycle.begin()
            time.sleep(0.015 * step)
            cycle.kill(victims, before, f"{name} killed after {15 * step} ms")
    print(f"  {cycle.kills} kills")


def kill_at(cycle, victim, fault):
    """One kill at a named point; False when the run ended without coming there so often."""
    lab = cycle.lab
    before = cycle.begin(f"{fault}:kill", victim)

    def over():
        if not victim.running():
            return True
        try:
            return lab.primary.relationship("pair")["ReplicationState"] == REPLICATING
        except OSError:
            return False  # the primary dies just now

    poll(over, 60, f"{victim.role} comes to {fault}")
    if victim.running() and not victim.dies_within(0.5):
        lab.finished("pair", [(cycle.primary, cycle.replica)])
        return False
    check(victim.process.returncode == -9, f"{fault}: the {victim.role} ended with {victim.process.returncode}")
    cycle.complete((victim,), before, f"{victim.role} killed at {fault}")
    return True


def kill_at_each(cycle, points_of):
    """One kill at each of the passages of each side's points."""
    lab = cycle.lab
    missed = []
    for side, points in points_of.items():
        victim = getattr(lab, side)
        for point, passages in points.items():
            missed += [f"{side} {point}:{passage}" for passage in passages
                       if not kill_at(cycle, victim, f"{point}:{passage}")]
        victim.restart()
    print(f"  {cycle.kills} kills")
    check(not missed, f"never passed so often: {missed}")


def at_points(lab):
    """The process kills itself at a named point, at the first and at later passages of it."""
    if not has_fault_points():
        raise Skip("this build has no fault points (-DVREP_FAULT_POINTS)")
    kill_at_each(Cycle(lab), POINTS)


def at_points_of_a_vhd(lab):
    """The same with VHDs, whose children and bases are known by other means; on the replica, twice each."""
    if not has_fault_points():
        raise Skip("this build has no fault points (-DVREP_FAULT_POINTS)")
    kill_at_each(Cycle(lab, "vhd"), {"replica": {point: passages[:2] for point, passages in POINTS["replica"].items()}})


def finished_by_hand(lab):
    """`vrepdisk merge` refuses an incomplete child, and finishes a cut merge without the service, which then notices."""
    if not has_fault_points():
        raise Skip("this build has no fault points (-DVREP_FAULT_POINTS)")
    cycle = Cycle(lab)
    before = cycle.begin("verified:1:kill", lab.replica)
    poll(lambda: not lab.replica.running(), 60, "the replica dies before the commit")
    (child,) = children_of(cycle.replica.path)
    check(".part." in child, f"an incomplete child is called {child}")
    try:
        vrepdisk("merge", os.path.join(lab.disks, child))
    except AssertionError as refusal:
        check("--force" in str(refusal), f"the refusal does not name --force: {refusal}")
    check(sha256(cycle.replica.path) == before, "a refused merge changed the disk")
    cycle.complete((lab.replica,), before, "an incomplete child stays")

    cycle.begin("merge-step:1:kill", lab.replica)
    poll(lambda: not lab.replica.running(), 60, "the replica dies in the merge")
    (child,) = children_of(cycle.replica.path)
    check(".part." not in child, f"a complete child is called {child}")
    vrepdisk("merge", os.path.join(lab.disks, child))
    lab.check_identical(cycle.primary, cycle.replica)
    lab.replica.start()
    lab.replica.wait("pair", lambda r: r["ResynchronizePhase"] in (None, "", "None"), 30, "the replica sees that it is done")
    check(lab.replica.events(50023), "no event 50023 on the replica")
    lab.primary.request("resume", name="pair")
    lab.primary.wait_state("pair", WAITING, 60)
    lab.check_identical(cycle.primary, cycle.replica)
    lab.resync("pair", overwrite_replica=True)
    lab.finished("pair", [(cycle.primary, cycle.replica)])


main(at_progress, at_points, at_points_of_a_vhd, finished_by_hand)
