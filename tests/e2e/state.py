#!/usr/bin/env python3
# vrep-test: timeout=600 labels=e2e presets=native,asan
"""What survives a restart, who may remove what, and the watch over a disk that nobody tracks."""

import json
import os

from vrep_e2e import MIB, Disk, check, main, sha256
from vrep_e2e.disk import children_of
from vrep_e2e.lab import REPLICATING, RESYNC_SUSPENDED, SUSPENDED, WAITING

SIZE = 32 * MIB
PACE = 6 * MIB
MESSAGE = ("Resynchronization is required for the virtual machine pair. "
           "Resume replication to start resynchronization.")


def prepared(lab, pace=PACE):
    primary, replica = lab.drifted("pair", SIZE, [(0, 20 * MIB)], units=20)
    primary.fill(lab.rng, (0, 20 * MIB))
    lab.start()
    lab.relate("pair", [primary], [replica])
    if pace:
        lab.primary.request("set", name="pair", bandwidth_limit=pace)
    return primary, replica


def facts(relationship):
    keys = ("VMName", "VMId", "ReplicationMode", "ReplicationState", "ReplicaServerName", "ReplicaServerPort",
            "BandwidthLimit", "ResynchronizeRequiredReason", "LastReplicationTime", "ResynchronizeLastOutcome")
    return {key: relationship[key] for key in keys} | {"disks": [disk["Path"] for disk in relationship["Disks"]]}


def restarted(lab, how):
    """Both services end and start again; what they say of the relationship must not change."""
    before = [facts(service.relationship("pair")) for service in (lab.primary, lab.replica)]
    for service in (lab.primary, lab.replica):
        getattr(service, how)()
    for service in (lab.replica, lab.primary):
        service.start()
    after = [facts(service.relationship("pair")) for service in (lab.primary, lab.replica)]
    check(before == after, f"{how} in {before[0]['ReplicationState']}:\n{before}\n{after}")


def restart_in_every_state(lab):
    primary, replica = prepared(lab)
    for how in ("stop", "kill"):
        restarted(lab, how)  # 10
    lab.resync("pair")
    lab.replica.wait("pair", lambda r: r["ResynchronizePhase"] == "Comparing", 10, "both sides know each other")
    for how in ("stop", "kill"):
        restarted(lab, how)  # 11
    lab.primary.wait("pair", lambda r: (r["ResynchronizeBytesCompared"] or 0) > 2 * MIB, 30, "it goes on by itself")
    lab.primary.request("suspend", name="pair")
    lab.primary.wait_state("pair", RESYNC_SUSPENDED, 15)
    for how in ("stop", "kill"):
        restarted(lab, how)  # 12
    lab.primary.request("suspend", name="pair")  # is so already
    lab.primary.request("set", name="pair", bandwidth_limit=0)
    lab.primary.request("resume", name="pair")
    lab.finished("pair", [(primary, replica)])
    for how in ("stop", "kill"):
        restarted(lab, how)  # 4
    lab.primary.request("suspend", name="pair")
    lab.primary.wait_state("pair", SUSPENDED, 5)
    for how in ("stop", "kill"):
        restarted(lab, how)  # 8
    lab.primary.request("resume", name="pair")
    lab.primary.wait_state("pair", REPLICATING, 5)


def verbs_that_do_not_fit(lab):
    """Each is refused with 32546 and a text that names the state and the verb that fits."""
    primary, replica = prepared(lab, 0)
    for verb, members in (("resume", {}), ("resume", {"continue": True}), ("suspend", {}), ("stop", {})):
        error = lab.primary.refused(verb, "Refused", name="pair", **members)
        check(error.event == 32546 and error.action, f"{verb} in 10: {error} ({error.event})")
    check("--resynchronize" in lab.primary.refused("resume", name="pair").action, "resume in 10 prints the command")
    for verb in ("resume", "suspend", "stop"):
        error = lab.replica.refused(verb, "Refused", name="pair", **({"resynchronize": True} if verb == "resume" else {}))
        check("primary" in f"{error}".lower(), f"{verb} on the replica names the primary: {error}")
    lab.resync("pair")
    lab.finished("pair", [(primary, replica)])
    error = lab.primary.refused("resume", "Refused", name="pair", resynchronize=True)
    check(error.event == 32546 and "suspend" in f"{error}", f"resynchronize in 4: {error}")
    error = lab.primary.refused("status", "NotFound", name="nobody")
    check("nobody" in error.message, f"{error}")


def one_side_only(lab):
    """A start fails with 32098 and prints the command that is missing on the other host, until both have enabled."""
    primary, replica = lab.drifted("pair", SIZE, units=10)
    lab.start()
    lab.primary.request("enable", name="pair", disks=[primary.path], replica_server="127.0.0.1",
                        replica_port=lab.replica.port)
    lab.resync("pair")
    failed = lab.primary.wait("pair", lambda r: r["ReplicationState"] == WAITING and r["LastError"], 30, "the start fails")
    check(failed["LastError"]["eventId"] == 32098 and "enable" in failed["LastError"]["action"], f"{failed['LastError']}")
    lab.replica.request("enable", name="pair", disks=[replica.path], as_replica=True)
    lab.resync("pair")
    lab.finished("pair", [(primary, replica)])
    check(lab.replica.relationship("pair")["VMId"] == lab.primary.relationship("pair")["VMId"], "one id for both")


def removal(lab):
    """Remove keeps the disks; a reachable replica cancels first, an unreachable one is named."""
    primary, replica = prepared(lab)
    before = [disk.sha256() for disk in (primary, replica)]
    lab.resync("pair")
    lab.primary.wait("pair", lambda r: children_of(replica.path), 20, "the child exists")
    lab.primary.request("remove", name="pair")
    lab.primary.wait_removed("pair", 20)
    lab.replica.request("remove", name="pair")
    lab.replica.wait_removed("pair", 20)
    check(not children_of(replica.path), "the child is still there")
    check([disk.sha256() for disk in (primary, replica)] == before, "removing changed a disk")
    lab.relate("pair", [primary], [replica])  # the same disks are free again
    lab.primary.request("set", name="pair", bandwidth_limit=PACE)
    lab.resync("pair")
    lab.primary.wait("pair", lambda r: children_of(replica.path), 20, "the child exists")
    lab.replica.kill()
    said = lab.primary.request("remove", name="pair")
    lab.primary.wait_removed("pair", 30)
    check("127.0.0.1" in json.dumps(said) or lab.primary.events(32080), f"what stays on the replica is named: {said}")
    lab.replica.start()
    lab.replica.request("remove", name="pair")
    lab.replica.wait_removed("pair", 20)
    check(not children_of(replica.path) and sha256(replica.path) == before[1], "the replica's remove cleans up")


def watch(lab):
    """A disk that was changed while idle: state 10, Critical, reason, event 32544, the message word for word."""
    primary, replica = prepared(lab, 0)
    lab.resync("pair")
    lab.finished("pair", [(primary, replica)])
    check(lab.primary.relationship("pair")["ReplicationHealthText"] == "Normal", "healthy after the merge")
    primary.drift(lab.rng, 1)
    changed = lab.primary.wait_state("pair", WAITING, 45)
    check(changed["ResynchronizeRequiredReason"] == "DiskChangedWhileNotTracked", f"{changed}")
    check(changed["ReplicationHealthText"] == "Critical", f"health {changed['ReplicationHealthText']}")
    check(changed["ResynchronizeRequiredMessage"] == MESSAGE, f"{changed['ResynchronizeRequiredMessage']}")
    check(MESSAGE in changed["ReplicationHealthDetails"], f"{changed['ReplicationHealthDetails']}")
    check(any(MESSAGE in event["Message"] for event in lab.primary.events()), "no event carries the message")
    check(lab.primary.events(32544), "no event 32544")
    check(MESSAGE in lab.primary.ctl("status", "pair").stdout, "vrepctl status does not show the message")
    lab.resync("pair")
    lab.finished("pair", [(primary, replica)])


def held_disk_is_not_a_changed_one(lab):
    """A disk that somebody holds leaves the state as it is, with a warning; reading it changes nothing."""
    primary, replica = prepared(lab, 0)
    lab.resync("pair")
    lab.finished("pair", [(primary, replica)])
    primary.reads_as(primary.model)
    os.utime(primary.path)  # VHDX: its own header tells, not the file's times
    lab.primary.restart()
    looked = lab.primary.wait("pair", lambda r: r["LastLookTime"], 20, "a look at service start")
    check(looked["ReplicationState"] == REPLICATING, "reading a disk is not changing it")


def one_disk_one_relationship(lab):
    """Two spellings are one disk, and one disk belongs to one relationship."""
    primary, _ = prepared(lab, 0)
    link = os.path.join(lab.disks, "link.vhdx")
    os.symlink(primary.path, link)
    for path in (primary.path, link, os.path.join(lab.disks, "..", "disks", os.path.basename(primary.path))):
        lab.primary.refused("enable", name="second", disks=[path], replica_server="127.0.0.1",
                            replica_port=lab.replica.port)
    other = Disk.create(lab, "other.vhdx", MIB)
    lab.primary.refused("enable", "AlreadyExists|Refused|InvalidArgument", name="pair", disks=[other.path],
                        replica_server="127.0.0.1", replica_port=lab.replica.port)


def newer_state_is_refused_untouched(lab):
    """A record of a newer major version is left as it is; unknown members of a newer minor are kept."""
    prepared(lab, 0)
    lab.primary.stop()
    folder = os.path.join(lab.primary.data, "relationships")
    (name,) = os.listdir(folder)
    path = os.path.join(folder, name)
    with open(path, encoding="utf-8") as file:
        record = json.load(file)
    record["minor"] += 1
    record["FromTheFuture"] = {"kept": 9007199254740993}
    write(path, record)
    lab.primary.start()
    lab.primary.request("set", name="pair", bandwidth_limit=12345)
    lab.primary.stop()
    with open(path, encoding="utf-8") as file:
        kept = json.load(file)
    check(kept["FromTheFuture"] == record["FromTheFuture"], f"the unknown member is gone: {kept}")
    record["major"] += 1
    write(path, record)
    before = sha256(path)
    lab.primary.start()
    check(lab.primary.request("status")["Relationships"] == [], "a newer major must not be loaded")
    lab.primary.stop()
    check(sha256(path) == before, "a newer major must not be touched")


def write(path, record):
    with open(path, "w", encoding="utf-8") as file:
        json.dump(record, file)


main(restart_in_every_state, verbs_that_do_not_fit, one_side_only, removal, watch, held_disk_is_not_a_changed_one,
     one_disk_one_relationship, newer_state_is_refused_untouched)
