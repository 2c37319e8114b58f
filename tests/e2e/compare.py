#!/usr/bin/env python3
# vrep-test: timeout=600 labels=e2e presets=native,asan
"""The comparison that changes nothing: finds what differs exactly, leaves both files and the record, ends in every way."""

import contextlib
import fcntl
import json
import os
import struct

from vrep_e2e import KIB, MIB, Disk, Skip, check, main, sha256
from vrep_e2e.disk import make_log_live
from vrep_e2e.lab import REPLICATING, RESYNC_SUSPENDED, RESYNCHRONIZING, SUSPENDED, WAITING
from vrep_e2e.service import has_fault_points

SIZE = 64 * MIB + 8 * KIB
BLOCK = 4 * KIB
FAILED, REFUSED = 1, 5
STARTED, NOTHING, DIFFERENCES, ENDED = 50050, 50051, 50052, 50053
NOT_COMPARED = ("LastComparison", "MeasuredBytesPerSecond", "ComparingSince", "NotStartedToldTime")
QEMU_WRITES = 101


def prepared(lab, units=40, **how):
    pair = lab.drifted("pair", SIZE, units=units, block_size=MIB, **how)
    lab.start().relate("pair", [pair[0]], [pair[1]])
    return pair


def differing(primary, replica):
    """Blocks that differ, told by the models: total bytes, and the runs that they form."""
    runs, total = [], 0
    with open(primary.model, "rb") as one, open(replica.model, "rb") as other:
        offset = 0
        while ours := one.read(BLOCK):
            if ours != other.read(BLOCK):
                total += len(ours)
                if runs and sum(runs[-1]) == offset:
                    runs[-1][1] += len(ours)
                else:
                    runs.append([offset, len(ours)])
            offset += len(ours)
    return total, runs


def record(service):
    """The state file, without what a comparison may change."""
    folder = os.path.join(service.data, "relationships")
    name, = (name for name in os.listdir(folder) if name.endswith(".json"))
    with open(os.path.join(folder, name), encoding="utf-8") as file:
        kept = json.load(file)
    return {key: value for key, value in kept.items() if key not in NOT_COMPARED and "Look" not in key}


def everything(lab, pair):
    return [disk.sha256() for disk in pair] + [record(service) for service in (lab.primary, lab.replica)]


def compared(lab, name="pair", seconds=60):
    lab.primary.request("compare", name=name)
    return ended(lab, name, seconds)


def ended(lab, name="pair", seconds=60):
    shown = lab.primary.wait(name, lambda r: r["Comparison"] is None, seconds, "the comparison ends")
    return shown["LastComparison"]


def check_result(last, pair, what):
    total, runs = differing(*pair)
    disk, = last["Disks"]
    check(last["Outcome"] == "Finished" and last["Error"] is None, f"{what}: {last}")
    check(last["BytesTotal"] == last["BytesCompared"] == SIZE, f"{what}: {last}")
    check(last["BytesDifferent"] == total, f"{what}: {total} bytes differ, seen {last['BytesDifferent']}")
    check(disk["RangesDifferent"] == len(runs), f"{what}: {len(runs)} ranges, seen {disk['RangesDifferent']}")
    listed = [[r["Offset"], r["Length"]] for r in disk["FirstRangesDifferent"]]
    check(listed == runs[:32], f"{what}: {runs[:32]}\nseen {listed}")
    check(last["ResynchronizeNeeded"] is (total > 0), f"{what}: {last}")


def found_exactly(lab):
    """Rewritten, zeroed here, zeroed there, the last short block; then in step: nothing."""
    primary, replica = pair = prepared(lab)
    primary.write(20 * MIB + 512, b"x" * 512)  # where the replica has nothing
    primary.write(5 * MIB, bytes(MIB))
    replica.write(SIZE // 2 + 64 * KIB, bytes(100 * KIB))
    replica.write(30 * MIB, lab.rng.randbytes(MIB))
    replica.write(SIZE - 512, b"y" * 512)
    before = everything(lab, pair)
    check_result(compared(lab), pair, "drifted")
    check(everything(lab, pair) == before, "the comparison changed something")
    event = lab.primary.events(DIFFERENCES)[-1]
    total, runs = differing(*pair)
    check((event["BytesDifferent"], event["RangesDifferent"]) == (total, len(runs)), f"{event}")
    check([e["Account"] != "" for e in lab.primary.events(STARTED)] == [True], "who asked is said")
    check(lab.primary.relationship("pair")["ResynchronizeBytesCompared"] is None, "it counts as a resynchronization")
    check(lab.replica.relationship("pair")["VMId"] is None, "the replica was adopted")

    lab.resync("pair")
    lab.finished("pair", [pair])
    counters = lab.primary.relationship("pair")
    before = everything(lab, pair)
    check_result(compared(lab), pair, "in step")
    check(everything(lab, pair) == before, "the comparison changed something")
    check(len(lab.primary.events(NOTHING)) == 1 and not lab.primary.events(ENDED), "events of the second")
    shown = lab.primary.relationship("pair")
    for key in ("ReplicationState", "LastReplicationTime", "ResynchronizeBytesSent", "ResynchronizeLastOutcome"):
        check(shown[key] == counters[key], f"{key} was {counters[key]}, is {shown[key]}")
    lab.primary.stop()
    lab.primary.start()
    check(lab.primary.relationship("pair")["LastComparison"]["ResynchronizeNeeded"] is False, "it is not kept")
    check(lab.primary.ctl("compare", "pair").stdout.rstrip().endswith("No resynchronization is needed."), "vrepctl")


def formats_and_logs(lab):
    """Another format on the other side, and logs that are live on both: read, and left as they are."""
    primary = Disk.create(lab, "primary.vhdx", SIZE, block_size=MIB).fill(lab.rng, (0, 8 * MIB))
    replica = primary.convert(lab, "replica.vhd", "vhd")
    replica.drift(lab.rng, 30)
    second = primary.copy(lab, "second.vhdx")
    other = second.copy(lab, "other.vhdx").drift(lab.rng, 10)
    for disk in (second, other):
        make_log_live(disk, lab.rng)
    lab.start().relate("pair", [primary, second], [replica, other])
    before = everything(lab, (primary, replica, second, other))
    last = compared(lab)
    check(everything(lab, (primary, replica, second, other)) == before, "the comparison changed something")
    for disk, pair in zip(last["Disks"], ((primary, replica), (second, other))):
        total, runs = differing(*pair)
        check((disk["BytesDifferent"], disk["RangesDifferent"]) == (total, len(runs)), f"{disk}: {total} {len(runs)}")


def states(lab):
    """In 8, 10, 4 and 12 it runs and the state stays; while something runs it is refused, and so is all but stop."""
    pair = primary, replica = prepared(lab)
    replica.fill(lab.rng, (0, 16 * MIB))
    primary.fill(lab.rng, (0, 16 * MIB))
    lab.replica.request("set", name="pair", allowed_primary="")
    error = lab.replica.refused("compare", "Refused", name="pair")
    check(error.event == 32546 and "primary" in error.message, f"{error}")
    lab.primary.request("set", name="pair", bandwidth_limit=2 * MIB)
    lab.resync("pair")
    lab.primary.wait("pair", lambda r: (r["ResynchronizeBytesCompared"] or 0) > 4 * MIB, 30, "it compares")
    check(lab.primary.refused("compare", "Refused", name="pair").event == 32546, "in 11")
    lab.primary.request("suspend", name="pair")
    lab.primary.wait_state("pair", RESYNC_SUSPENDED)
    kept = record(lab.primary), record(lab.replica), replica.sha256()
    check_result(compared(lab), pair, "in 12")
    check(kept == (record(lab.primary), record(lab.replica), replica.sha256()), "in 12 something changed")
    lab.primary.request("set", name="pair", bandwidth_limit=0)
    lab.primary.request("resume", name="pair")
    lab.finished("pair", [pair])
    for state in (REPLICATING, SUSPENDED):
        if state == SUSPENDED:
            lab.primary.request("suspend", name="pair")
        check_result(compared(lab), pair, f"in {state}")
        check(lab.primary.relationship("pair")["ReplicationState"] == state, f"the state was {state}")


@contextlib.contextmanager
def slow(lab):
    """Digests come at 1 KiB a second."""
    lab.replica.request("server-set", bandwidth_limit=KIB)
    yield
    lab.replica.request("server-set", bandwidth_limit=0)


def begun(lab, name="pair"):
    lab.primary.request("compare", name=name)
    return lab.primary.wait(name, lambda r: (r["Comparison"] or {}).get("Activity") == "Comparing", 20, "it compares")


def stopped(lab):
    """stop ends it at once; everything else is refused meanwhile; a second one waits for its turn."""
    primary, replica = pair = prepared(lab)
    primary.fill(lab.rng, (0, 48 * MIB))
    before = everything(lab, pair)
    with slow(lab):
        shown = begun(lab)
        check(shown["ReplicationState"] == WAITING and shown["ResynchronizeActivity"] is None, f"it shows as {shown}")
        for verb, members in (("resume", {"resynchronize": True}), ("suspend", {}), ("compare", {}), ("resume", {})):
            error = lab.primary.refused(verb, "Refused", name="pair", **members)
            check(error.event == 32546 and "vrepctl stop" in error.action, f"{verb}: {error} {error.action}")
        lab.primary.request("stop", name="pair")
        last = ended(lab, seconds=5)
        check(last["Outcome"] == "Stopped" and last["BytesCompared"] < SIZE, f"{last}")
        begun(lab)
        check("stopped" in lab.primary.ctl("stop", "pair").stdout, "vrepctl stop")
    check(everything(lab, pair) == before, "a stopped comparison changed something")
    lab.primary.request("server-set", maximum_active_transfers=1)
    third, fourth = lab.drifted("other", SIZE)
    lab.relate("other", [third], [fourth])
    with slow(lab):
        begun(lab)
        lab.primary.request("compare", name="other")
        check(lab.primary.relationship("other")["Comparison"]["QueuePosition"] == 1, "the second one queues")
        lab.primary.request("stop", name="other")
        check(ended(lab, "other", 5)["Outcome"] == "Stopped", "out of the queue")
        lab.primary.request("remove", name="pair")
        lab.primary.wait_removed("pair", 10)
    lab.replica.request("remove", name="pair")
    check(sha256(replica.path) == before[1], "a removal changed the replica")


def kills(lab):
    """Either service dies: the comparison ends as failed or interrupted, nothing is tried again, the next one works."""
    pair = prepared(lab)
    pair[0].fill(lab.rng, (0, 48 * MIB))
    with slow(lab):
        begun(lab)
        lab.primary.stop()
        lab.primary.start()
        check(ended(lab)["Outcome"] == "Interrupted", "a stop of the service")
        begun(lab)
        lab.primary.kill()
        lab.primary.start()
        last = ended(lab)
        check(last["Outcome"] == "Interrupted" and last["ResynchronizeNeeded"] is None, f"a kill: {last}")
        begun(lab)
        lab.replica.kill()
        last = ended(lab)
        lab.replica.start()
    lab.replica.stop()
    check(last["Outcome"] == "Failed" and last["Error"]["code"] == "Connection", f"the replica died: {last}")
    check(compared(lab)["Error"]["code"] == "Connection", "nobody listens")
    lab.primary.ctl("compare", "pair", expect=FAILED)
    check(lab.primary.relationship("pair")["ReplicationState"] == WAITING, "the state stays")
    lab.replica.start()
    lab.replica.request("server-set", bandwidth_limit=0)
    check_result(compared(lab), pair, "after all that")
    check(len(lab.primary.events(STARTED)) == len(lab.primary.events(ENDED)) + 1, "each beginning has an end")


@contextlib.contextmanager
def written_by_another(path):
    with open(path, "r+b") as file:
        fcntl.fcntl(file, 37, struct.pack("hhqqi4x", fcntl.F_RDLCK, os.SEEK_SET, QEMU_WRITES, 1, 0))  # F_OFD_SETLK
        yield


def refused(lab):
    """A disk in use on either side, sizes that differ, a replica that does not know us: each one clear error."""
    primary, replica = prepared(lab)
    for disk in (primary, replica):
        with written_by_another(disk.path):
            error = compared(lab)["Error"]
            check(error["code"] == "InUse" and disk.path in error["message"] and error["action"], f"{error}")
    other = Disk.create(lab, "other.vhdx", SIZE + MIB)
    lab.relate("sizes", [Disk.create(lab, "less.vhdx", SIZE)], [other])
    error = compared(lab, "sizes")["Error"]
    check(error["code"] == "Mismatch" and error["eventId"] == 29260, f"{error}")
    lab.replica.request("remove", name="pair")
    error = compared(lab)["Error"]
    check(error["code"] == "NotFound" and "vrepctl enable" in error["action"], f"{error}")
    check(lab.primary.ctl("compare", "nobody", expect=FAILED).stderr, "vrepctl")


def killed_by_faults(lab):
    """Cut in the middle of the work itself, on each side."""
    if not has_fault_points():
        raise Skip("this build has no fault points (-DVREP_FAULT_POINTS)")
    pair = prepared(lab)
    before = everything(lab, pair)
    for service, point in ((lab.primary, "compare-unit"), (lab.replica, "leaf")):
        service.restart(faults=f"{point}:5:kill")
        lab.primary.request("compare", name="pair")
        check(service.dies_within(30), f"{point} kills")
        service.start()
        check(ended(lab)["Outcome"] in ("Failed", "Interrupted"), point)
    check(everything(lab, pair) == before, "a cut comparison changed something")
    check_result(compared(lab), pair, "after the cuts")
    check(lab.primary.relationship("pair")["ReplicationState"] != RESYNCHRONIZING, "it became a resynchronization")


main(found_exactly, formats_and_logs, states, stopped, kills, refused, killed_by_faults)
