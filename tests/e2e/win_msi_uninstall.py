#!/usr/bin/env python3
# vrep-test: timeout=900 labels=e2e,wine presets=win64 serial
"""Uninstalling the package in the middle of things: what becomes of resynchronizations, disks and the data folder."""

import os
import signal
import subprocess
from contextlib import contextmanager

from vrep_e2e import MIB, check, poll, sha256
from vrep_e2e.disk import children_of, vrepdisk
from vrep_e2e.installation import FAILED, SERVICE, files_of, installed_versions, registry, scenarios, uninstall
from vrep_e2e.lab import REPLICATING, WAITING
from vrep_e2e.saved import events, record
from vrep_e2e.service import program
from vrep_e2e.windows import windows_name

SIZE = 64 * MIB
DIFFERENT = (0, 48 * MIB)


def related(lab):
    """The installed service is the replica of a pair of which a part differs; the other is an instance beside it."""
    lab.replica.install().serves()
    lab.primary.install().start()
    primary, replica = lab.drifted("pair", SIZE, [DIFFERENT], units=10)
    primary.fill(lab.rng, DIFFERENT)
    lab.relate("pair", [primary], [replica])
    return primary, replica


@contextmanager
def held(disk):
    """Another program reads the disk and lets nobody write it."""
    with subprocess.Popen(["wine", program("vrepdisk"), "cat", windows_name(disk.path)], stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as reader:
        check(reader.stdout.read(1), "it reads the disk")
        try:
            yield
        finally:
            reader.stdout.close()  # it ends at its next write
            reader.wait(timeout=60)


@contextmanager
def merge_held_up(lab, replica):
    """The service was killed in its merge and cannot go on with it: somebody holds the disk. Gives the child's path."""
    service = lab.replica
    lab.resync("pair")
    poll(lambda: any(".part." not in name for name in children_of(replica.path)), 120, "the merge begins")
    for pid in service.processes():
        os.kill(pid, signal.SIGSTOP)  # at once: the end of a merge is near
    (name,) = children_of(replica.path)
    service.kill()
    with held(replica):
        service.start()
        service.wait("pair", lambda r: r["ResynchronizePhase"] == "Merging" and r["LastError"], 60, "the merge stalls")
        yield os.path.join(lab.disks, name)


def gone(_):
    """No word of the package is left but its data."""
    check(not registry(SERVICE) and not installed_versions() and not files_of("Program Files", "VRep"), "it is not gone")


def unmerged_children(lab):
    """They go, the disk is what it was, state 10; the data stays, and the next installation serves it."""
    primary, replica = related(lab)
    lab.primary.request("set", name="pair", bandwidth_limit=MIB)
    before = sha256(replica.path)
    lab.resync("pair")
    poll(lambda: children_of(replica.path), 60, "the child exists")
    log = uninstall(lab.replica.package)
    gone(lab)
    check("'pair' were deleted" in log, f"the log has no word of it: {log[-1500:]}")
    check(not children_of(replica.path) and sha256(replica.path) == before, "the child or other bytes are left")
    check(record(lab.replica)["ReplicationState"] == WAITING, f"{record(lab.replica)}")
    check(len(events(lab.replica, 50070)) == 1, "one event")
    lab.replica.install().serves()
    check(lab.replica.relationship("pair")["ReplicationState"] == WAITING, "the state is found")
    lab.primary.request("stop", name="pair")
    lab.primary.wait_state("pair", WAITING, 120)
    lab.primary.request("set", name="pair", bandwidth_limit=0)
    lab.resync("pair")
    lab.primary.wait_state("pair", REPLICATING, 120)
    lab.replica.wait("pair", lambda r: r["ResynchronizePhase"] in (None, "None", ""), 60, "the replica is done")
    lab.check_identical(primary, replica)


def in_the_merge(lab):
    """A merge that is not finished, and has just become possible again, is finished before anything goes."""
    primary, replica = related(lab)
    with merge_held_up(lab, replica):
        pass
    log = uninstall(lab.replica.package)
    gone(lab)
    check("The merge of 'pair' is finished." in log, f"the log has no word of it: {log[-1500:]}")
    check(record(lab.replica)["ReplicationState"] == REPLICATING, f"{record(lab.replica)}")
    lab.check_identical(primary, replica)


def without_data(lab):
    """REMOVEDATA=1: no data folder, and every disk; a disk that lies in it stays there, and is named."""
    primary, replica = related(lab)
    lab.resync("pair")
    lab.primary.wait_state("pair", REPLICATING, 120)
    lab.replica.wait("pair", lambda r: r["ResynchronizePhase"] in (None, "None", ""), 60, "the replica is done")
    before = [sha256(disk.path) for disk in (primary, replica)]
    uninstall(lab.replica.package, REMOVEDATA=1)
    gone(lab)
    check(not os.path.exists(lab.replica.data), f"left: {files_of('ProgramData', 'VRep')}")
    check([sha256(disk.path) for disk in (primary, replica)] == before, "a disk was touched")
    lab.replica.install().serves()
    check(lab.replica.request("status")["Relationships"] == [], "state is left")
    inside = os.path.join(lab.replica.data, "web1.vhdx")
    os.link(replica.path, inside)
    log = uninstall(lab.replica.package, REMOVEDATA=1)
    gone(lab)
    check("web1.vhdx" in log and files_of("ProgramData", "VRep") == ["web1.vhdx"], f"{files_of('ProgramData', 'VRep')}")
    check(sha256(inside) == before[1], "the disk was touched")


def forced(lab):
    """FORCE=1 leaves the child of a merge that cannot end, and names it; it can be merged without the service."""
    primary, replica = related(lab)
    with merge_held_up(lab, replica) as child:
        log = uninstall(lab.replica.package, FORCE=1)
        check(f"Left unfinished: \"{windows_name(child)}\"" in log, f"the child is not named: {log[-2500:]}")
    gone(lab)
    (left,) = events(lab.replica, 50071)
    check(left["ChildPath"] == windows_name(child), f"{left}")
    vrepdisk("merge", child)
    lab.check_identical(primary, replica)


def merge_that_cannot_end(lab):
    """The uninstallation fails, names the disk and leaves all as it was. (Wine's rollback forgets the entry in the list of
    programs, so that this package cannot be uninstalled there any more: the last scenario.)"""
    _, replica = related(lab)
    with merge_held_up(lab, replica) as child:
        log = uninstall(lab.replica.package, expect=FAILED)
        for word in (windows_name(replica.path), "'pair'", "FORCE=1"):
            check(word in log, f"{word} is not in the log: {log[-2500:]}")
        check(registry(SERVICE) and files_of("Program Files", "VRep"), "something is gone")
        check(os.path.exists(child) and record(lab.replica)["ResynchronizePhase"] == "Merging", "the merge is lost")


scenarios(unmerged_children, in_the_merge, without_data, forced, merge_that_cannot_end, installed="replica")
