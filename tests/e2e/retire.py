#!/usr/bin/env python3
# vrep-test: timeout=900 labels=e2e presets=native,asan
"""`vrepsvc configure`: what an uninstallation leaves of resynchronizations, and what of the data folder."""

import fcntl
import os
import subprocess

from vrep_e2e import MIB, Skip, check, main, poll, sha256
from vrep_e2e.disk import children_of, vrepdisk
from vrep_e2e.lab import REPLICATING, WAITING
from vrep_e2e.runner import PATIENCE
from vrep_e2e.saved import events, record
from vrep_e2e.service import has_fault_points, program

SIZE = 64 * MIB
DENIES_WRITES = 201  # the byte that QEMU and VRep lock for that


def configure(service, *words, expect=0, faults=None):
    """The verb on the instance of a service that does not run; what it printed."""
    variables = dict(os.environ)
    if faults:
        variables["VREP_FAULT"] = faults
    done = subprocess.run([program("vrepsvc"), "configure", *words, "--instance", service.instance, "--data", service.data],
                          capture_output=True, text=True, timeout=60 * PATIENCE, stdin=subprocess.DEVNULL, env=variables, check=False)
    check(done.returncode == expect, f"configure {words}: exit {done.returncode}, not {expect}: {done.stdout}{done.stderr}")
    return done.stdout + done.stderr


def half_way(lab):
    """A resynchronization that has a child, whose replica was killed; the pair and the replica's hash before it."""
    primary, replica = lab.drifted("pair", SIZE, [(0, 32 * MIB)], units=400)
    primary.fill(lab.rng, (0, 32 * MIB))
    lab.start()
    lab.relate("pair", [primary], [replica])
    lab.primary.request("set", name="pair", bandwidth_limit=MIB)
    before = sha256(replica.path)
    lab.resync("pair")
    poll(lambda: children_of(replica.path), 30, "the child exists")
    return primary, replica, before


def in_the_merge(lab, point="merge-step:2:kill"):
    """The same behind the commit: the replica died in the merge."""
    if not has_fault_points():
        raise Skip("this build has no fault points (-DVREP_FAULT_POINTS)")
    primary, replica = lab.drifted("pair", SIZE, [(0, 32 * MIB)], units=400)
    lab.start()
    lab.relate("pair", [primary], [replica])
    lab.replica.restart(point)
    lab.resync("pair")
    poll(lambda: not lab.replica.running(), 60, "the replica dies in the merge")
    (child,) = children_of(replica.path)
    return primary, replica, os.path.join(lab.disks, child)


def unmerged_child(lab):
    """The child goes, the disk is what it was, state 10; a service that runs is not touched; later it is resynchronized."""
    primary, replica, before = half_way(lab)
    told = configure(lab.replica, "retire", expect=1)
    check("Stop the service" in told, f"of a service that runs: {told}")
    lab.replica.stop()
    told = configure(lab.replica, "retire")
    check("'pair' were deleted" in told, told)
    check(not children_of(replica.path) and sha256(replica.path) == before, "the child or other bytes are left")
    check(record(lab.replica)["ReplicationState"] == WAITING, f"{record(lab.replica)}")
    check(len(events(lab.replica, 50070)) == 1, "one event")
    check(configure(lab.replica, "retire") == "", "nothing is left to do")
    lab.replica.start()
    lab.primary.request("set", name="pair", bandwidth_limit=0)
    lab.primary.request("resume", name="pair")
    lab.primary.wait_state("pair", WAITING, 60)
    lab.resync("pair")
    lab.finished("pair", [(primary, replica)])


def primary_with_its_replica(lab):
    """The primary's resynchronization is cancelled on its replica, which deletes the child."""
    _, replica, before = half_way(lab)
    lab.primary.stop()
    check("'pair' was stopped" in configure(lab.primary, "retire"), "it is told")
    check(record(lab.primary)["ReplicationState"] == WAITING, f"{record(lab.primary)}")
    check(not children_of(replica.path) and sha256(replica.path) == before, "the child or other bytes are left")
    check(lab.replica.relationship("pair")["ReplicationState"] == WAITING, "the replica knows")


def primary_without_its_replica(lab):
    """A replica that is away keeps nothing from being uninstalled; the cancel stays asked for."""
    _, replica, before = half_way(lab)
    lab.primary.stop()
    lab.replica.stop()
    told = configure(lab.primary, "retire")
    check("127.0.0.1" in told and "does not answer" in told, told)
    lab.replica.start()
    lab.primary.start()
    lab.primary.wait_state("pair", WAITING, 60)
    check(not children_of(replica.path) and sha256(replica.path) == before, "the child or other bytes are left")


def half_merged(lab):
    """A merge is finished; killed in that, it is finished by the next."""
    primary, replica, _ = in_the_merge(lab)
    for point in ("merge-step:1:kill", "merge-step:3:kill", "before-merged-persist:1:kill", "before-child-delete:1:kill"):
        configure(lab.replica, "retire", expect=-9, faults=point)
        check(children_of(replica.path), f"{point}: the child is gone")
    check("The merge of 'pair' is finished." in configure(lab.replica, "retire"), "it is told")
    check(record(lab.replica)["ReplicationState"] == REPLICATING, f"{record(lab.replica)}")
    check(len(events(lab.replica, 50021)) == 1, "one event")
    lab.check_identical(primary, replica)


def discard_killed(lab):
    """Killed before the child is deleted, the record still says that it is there."""
    if not has_fault_points():
        raise Skip("this build has no fault points (-DVREP_FAULT_POINTS)")
    _, replica, before = half_way(lab)
    lab.replica.stop()
    configure(lab.replica, "retire", expect=-9, faults="child-remove:1:kill")
    check(children_of(replica.path), "the child is gone already")
    configure(lab.replica, "retire")
    check(not children_of(replica.path) and sha256(replica.path) == before, "the child or other bytes are left")


def merge_that_cannot_end(lab):
    """Somebody holds the disk: exit code 1 and the disk's name; forced, the child is left and named, and can be merged by hand."""
    primary, replica, child = in_the_merge(lab)
    with open(replica.path, "rb") as held:
        fcntl.lockf(held, fcntl.LOCK_SH, 1, DENIES_WRITES)
        told = configure(lab.replica, "retire", expect=1)
        check(replica.path in told and "'pair'" in told and "FORCE=1" in told and child in told, told)
        check(record(lab.replica)["ResynchronizePhase"] == "Merging", f"{record(lab.replica)}")
        told = configure(lab.replica, "retire", "--force")
        check(child in told and replica.path in told, told)
    (left,) = events(lab.replica, 50071)
    check(left["ChildPath"] == child and left["VhdPath"] == replica.path, f"{left}")
    configure(lab.replica, "remove", "--remove-data")
    check(not os.path.exists(lab.replica.data), "the data folder is left")
    vrepdisk("merge", child)
    lab.check_identical(primary, replica)


def unreadable_state(lab):
    """A record that cannot be read may know of a child: only a forced retirement passes over it."""
    _, replica, _ = half_way(lab)
    lab.replica.stop()
    folder = os.path.join(lab.replica.data, "relationships")
    (name,) = os.listdir(folder)
    with open(os.path.join(folder, name), "w", encoding="utf-8") as file:
        file.write("{")
    told = configure(lab.replica, "retire", expect=1)
    check(name in told and "FORCE=1" in told, told)
    check(name in configure(lab.replica, "retire", "--force"), "it is named")
    check(children_of(replica.path), "nobody could know of the child")


def data_folder(lab):
    """Made, taken back, and removed without what is not the service's."""
    service = lab.replica
    configure(service, "install")
    check(sorted(os.listdir(service.data)) == ["log", "relationships"], f"{os.listdir(service.data)}")
    check(os.stat(service.data).st_mode & 0o777 == 0o700, "others may look into it")
    configure(service, "install")
    configure(service, "undo")
    check(not os.path.exists(service.data), "undo has left the folder")
    configure(service, "retire")
    check(not os.path.exists(service.data), "retire has made the folder")
    check("loopback" in configure(service, "install", "--listen", "0.0.0.0:29242", expect=1), "the reason is told")
    check(not os.path.exists(service.data), "a refused install has made the folder")
    lab.start()
    primary, replica = lab.drifted("pair", SIZE)
    lab.relate("pair", [primary], [replica])
    service.stop()
    configure(service, "undo")
    check(record(service), "undo has removed state")
    disk = os.path.join(service.data, "web1.vhdx")
    os.link(replica.path, disk)
    told = configure(service, "remove", "--remove-data")
    check(disk in told and os.listdir(service.data) == ["web1.vhdx"], f"{told} {os.listdir(service.data)}")
    check(sha256(replica.path) == replica.sha256(), "the disk was touched")
    os.remove(disk)
    configure(service, "remove", "--remove-data")
    check(not os.path.exists(service.data), "the empty folder stays")
    configure(service, "remove", "--force", expect=2)
    configure(service, "retire", "--remove-data", expect=2)


main(unmerged_child, primary_with_its_replica, primary_without_its_replica, half_merged, discard_killed, merge_that_cannot_end,
     unreadable_state, data_folder)
