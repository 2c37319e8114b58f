#!/usr/bin/env python3
# vrep-test: timeout=900 labels=e2e presets=native,asan
"""Until the merge, a cancel leaves the replica's file byte for byte what it was; and who else may end a resynchronization."""

import os

from vrep_e2e import KIB, MIB, ControlError, Disk, check, main, poll, sha256
from vrep_e2e.disk import children_of, make_log_live
from vrep_e2e.lab import REPLICATING, RESYNC_SUSPENDED, RESYNCHRONIZING, WAITING

SIZE = 48 * MIB
PACE = 12 * MIB  # bytes per second: the 24 MiB that differ take two seconds


def prepared(lab, name="pair"):
    """Two services, and a pair of which half differs, spread over the disk."""
    primary, replica = lab.drifted(name, SIZE, [(at * 4 * MIB, 2 * MIB) for at in range(12)], units=200)
    primary.fill(lab.rng, *((at * 4 * MIB, 2 * MIB) for at in range(12)))
    lab.start()
    lab.relate(name, [primary], [replica])
    lab.primary.request("set", name=name, bandwidth_limit=PACE)
    return primary, replica


def until_compared(lab, fraction, name="pair"):
    """Waits until this part of the disk is compared, or the resynchronization is over."""
    return lab.primary.wait(
        name, lambda r: r["ReplicationState"] == REPLICATING or
        (r["ResynchronizeBytesCompared"] or 0) >= fraction * SIZE, 60, f"{fraction:.2f} of {name} is compared")


def cancels_everywhere(lab):
    """Cancels spread over the run: the file's hash stays, the child goes; the last run finishes."""
    primary, replica = prepared(lab)
    before = replica.sha256()
    blocks = os.stat(replica.path).st_blocks
    cancelled = 0
    for step in range(24):
        lab.resync("pair")
        until_compared(lab, 0.8 * step / 24)
        check(sha256(replica.path) == before, f"changed while it ran, {step}")
        check(lab.cancel("pair"), f"cancel {step} came too late")
        cancelled += 1
        check(sha256(replica.path) == before, f"cancel {step} left other bytes")
        check(os.stat(replica.path).st_blocks <= blocks, f"cancel {step} kept reserved room")
        check(not children_of(replica.path), f"cancel {step} left {children_of(replica.path)}")
        check(lab.primary.relationship("pair")["ResynchronizeRequiredReason"] == "Cancelled", "the reason is shown")
    check(lab.primary.events(32082) or lab.primary.events(29168) is not None, "a cancel is an event")
    lab.primary.request("set", name="pair", bandwidth_limit=0)
    lab.resync("pair")
    lab.finished("pair", [(primary, replica)])
    print(f"  {cancelled} cancels")


def cancel_with_live_log(lab):
    """A base whose log was live is closed clean first; from the child's creation on its bytes stay."""
    primary, replica = lab.drifted("pair", SIZE, [(0, 24 * MIB)], units=50)
    primary.fill(lab.rng, (0, 24 * MIB))
    make_log_live(replica, lab.rng)
    lab.start()
    lab.relate("pair", [primary], [replica])
    lab.primary.request("set", name="pair", bandwidth_limit=PACE)
    lab.resync("pair")
    lab.primary.wait("pair", lambda r: children_of(replica.path), 30, "the child exists")
    clean = sha256(replica.path)
    until_compared(lab, 0.4)
    check(lab.cancel("pair"), "the cancel came too late")
    check(sha256(replica.path) == clean, "the cancel left other bytes than the child's creation")
    check(replica.reads_as(replica.model), "the replica's content changed")


def slow_and_long(lab):
    """A pair of which everything differs, slow enough that the replica verifies and keeps a cursor on the way."""
    primary = Disk.create(lab, "primary.vhdx", SIZE).fill(lab.rng, (0, SIZE))
    replica = primary.copy(lab, "replica.vhdx").fill(lab.rng, (0, SIZE))
    lab.start()
    lab.relate("pair", [primary], [replica])
    lab.primary.request("set", name="pair", bandwidth_limit=PACE // 3)
    return primary, replica


def until_cursor(lab):
    """Waits for the first cursor; it is what the replica shows as compared."""
    lab.replica.wait("pair", lambda r: (r["ResynchronizeBytesCompared"] or 0) > 0, 30, "the replica has a cursor")
    check(lab.primary.relationship("pair")["ReplicationState"] == RESYNCHRONIZING, "it still runs")


def starting_blocks(lab):
    return [event["StartingBlock"] for event in lab.primary.events(29242)]


def suspend_and_continue(lab):
    """A suspended run goes on where it was, over restarts of either service."""
    primary, replica = slow_and_long(lab)
    before = replica.sha256()
    lab.resync("pair")
    for action in (lambda: None, lab.primary.restart, lab.replica.restart):
        until_cursor(lab)
        lab.primary.request("suspend", name="pair")
        lab.primary.wait_state("pair", RESYNC_SUSPENDED, 15)
        check(children_of(replica.path), "suspending keeps the child")
        action()
        check(lab.primary.relationship("pair")["ReplicationState"] == RESYNC_SUSPENDED, "stays suspended")
        check(sha256(replica.path) == before, "the replica changed while suspended")
        lab.primary.request("resume", name="pair", **{"continue": True})
        lab.primary.wait("pair", lambda r: len(starting_blocks(lab)) > 1, 20, "it goes on")
    lab.primary.request("set", name="pair", bandwidth_limit=0)
    lab.finished("pair", [(primary, replica)])
    starts = starting_blocks(lab)
    check(starts[0] == 0 and starts == sorted(starts) and starts[1] > 0, f"starting blocks {starts}")


def primary_changed_behind_the_cursor(lab):
    """A primary that was written while suspended is compared again from block 0."""
    primary, replica = slow_and_long(lab)
    lab.resync("pair")
    until_cursor(lab)
    lab.primary.request("suspend", name="pair")
    lab.primary.wait_state("pair", RESYNC_SUSPENDED, 15)
    primary.fill(lab.rng, (64 * KIB, 8 * KIB), (3 * MIB, 4 * KIB))
    lab.primary.request("set", name="pair", bandwidth_limit=0)
    lab.primary.request("resume", name="pair", **{"continue": True})
    lab.finished("pair", [(primary, replica)])
    check(starting_blocks(lab)[-1] == 0, f"not from block 0: {starting_blocks(lab)}")
    check(lab.primary.events(50027), "the restart has an event with its reason")


def holds(service, path):
    """True when the service's process has the file open and locks on it."""
    folder = f"/proc/{service.process.pid}"
    for name in os.listdir(f"{folder}/fd"):
        try:
            if os.path.realpath(f"{folder}/fd/{name}") != os.path.realpath(path):
                continue
            with open(f"{folder}/fdinfo/{name}", encoding="ascii") as info:
                if "lock:" in info.read():
                    return True
        except FileNotFoundError:
            pass  # closed meanwhile
    return False


def replica_changed_while_suspended(lab):
    """A replica's disk that somebody else wrote meanwhile ends the run: the guard, and no byte of it is changed."""
    _, replica = prepared(lab)
    lab.resync("pair")
    until_compared(lab, 0.5)
    lab.primary.request("suspend", name="pair")
    lab.primary.wait_state("pair", RESYNC_SUSPENDED, 15)
    check(holds(lab.replica, replica.path), "the disk below a child is not held")
    lab.replica.restart()
    poll(lambda: holds(lab.replica, replica.path), 10, "a restarted service holds it again")
    lab.replica.stop()
    replica.fill(lab.rng, (MIB, 4 * KIB))
    lab.replica.start()
    written = replica.sha256()
    try:
        lab.primary.request("resume", name="pair", **{"continue": True})
    except ControlError as refusal:
        check(refusal.event == 32390, f"refused, but by {refusal}")
    ended = lab.primary.wait_state("pair", WAITING)
    check(ended["LastError"]["eventId"] == 32390, f"the last error is {ended['LastError']}")
    check(not children_of(replica.path), "the child of the changed base is deleted")
    check(replica.sha256() == written, "the guard did not keep the replica's bytes")


def guard_after_the_merge(lab):
    """A replica that was written after the merge is not overwritten, unless the administrator says so."""
    primary, replica = prepared(lab)
    lab.primary.request("set", name="pair", bandwidth_limit=0)
    lab.resync("pair")
    lab.finished("pair", [(primary, replica)])
    primary.drift(lab.rng, 10)
    replica.drift(lab.rng, 3)
    written = replica.sha256()
    lab.primary.restart()
    lab.primary.wait_state("pair", WAITING)
    for _ in range(2):
        try:
            lab.resync("pair")
        except ControlError as refusal:
            check(refusal.event == 32390, f"refused, but by {refusal}")
        ended = lab.primary.wait("pair", lambda r: r["ReplicationState"] == WAITING and r["LastError"], 30,
                                 "the guard refuses")
        check(ended["LastError"]["eventId"] == 32390, f"the last error is {ended['LastError']}")
        check("overwrite-replica" in ended["LastError"]["action"], "the action names --overwrite-replica")
        check(replica.sha256() == written, "a refused start changed the replica")
        check(not children_of(replica.path), "a refused start left a child")
    lab.resync("pair", overwrite_replica=True)
    lab.finished("pair", [(primary, replica)])


def cancel_while_unreachable(lab):
    """Only the replica grants a cancel: without it the cancel is pending, over a restart too."""
    _, replica = prepared(lab)
    before = replica.sha256()
    lab.resync("pair")
    until_compared(lab, 0.3)
    lab.replica.kill()
    lab.primary.request("stop", name="pair")
    pending = lab.primary.wait("pair", lambda r: r["ResynchronizeCancelPending"], 20, "the cancel is pending")
    check(pending["ReplicationState"] != WAITING, "a pending cancel is not called cancelled")
    lab.primary.restart()
    check(lab.primary.relationship("pair")["ResynchronizeCancelPending"], "a restart forgot the cancel")
    lab.replica.start()
    lab.primary.wait("pair", lambda r: r["ReplicationState"] == WAITING and not r["ResynchronizeCancelPending"], 60,
                     "the replica grants the cancel")
    check(sha256(replica.path) == before and not children_of(replica.path), "cancelled, and yet changed")


def cancel_while_not_allowed(lab):
    """A replica that does not let the primary in has granted nothing."""
    _, replica = prepared(lab)
    before = replica.sha256()
    lab.resync("pair")
    until_compared(lab, 0.3)
    lab.replica.request("set", name="pair", allowed_primary="somebody.else")
    lab.primary.request("stop", name="pair")
    poll(lambda: lab.primary.events(32320), 20, "the failure of the cancel is told")
    found = lab.primary.relationship("pair")
    check(found["ResynchronizeCancelPending"] and found["ReplicationState"] != WAITING, f"not granted, and yet {found}")
    lab.replica.request("set", name="pair", allowed_primary="")
    lab.primary.wait_state("pair", WAITING, 30)
    check(sha256(replica.path) == before and not children_of(replica.path), "cancelled, and yet changed")


def stop_a_suspended_one(lab):
    """Stop in state 12, and remove while one runs: the replica's bytes stay, the child goes."""
    _, replica = prepared(lab)
    before = replica.sha256()
    lab.resync("pair")
    until_compared(lab, 0.4)
    lab.primary.request("suspend", name="pair")
    lab.primary.wait_state("pair", RESYNC_SUSPENDED, 15)
    check(lab.cancel("pair"), "the cancel came too late")
    check(sha256(replica.path) == before and not children_of(replica.path), "stopping a suspended one")
    lab.resync("pair")
    until_compared(lab, 0.4)
    lab.primary.request("remove", name="pair")
    lab.primary.wait_removed("pair", 20)
    check(sha256(replica.path) == before and not children_of(replica.path), "removing a running one")


def lost_connection(lab):
    """A replica that dies and comes back: state 11 stays, health says it, the run goes on from its cursor."""
    primary, replica = slow_and_long(lab)
    before = replica.sha256()
    lab.resync("pair")
    for _ in range(2):
        until_cursor(lab)
        lab.replica.kill()
        lost = lab.primary.wait("pair", lambda r: r["FailedAttempts"] > 0, 30, "the loss is noticed")
        check(lost["ReplicationState"] == RESYNCHRONIZING and lost["ReplicationHealthText"] == "Warning", f"{lost}")
        check(sha256(replica.path) == before, "the replica changed")
        lab.replica.start()
        lab.primary.request("resume", name="pair")  # at once, without waiting for the next attempt
    lab.primary.request("set", name="pair", bandwidth_limit=0)
    lab.finished("pair", [(primary, replica)])
    starts = starting_blocks(lab)
    check(starts == sorted(starts) and starts[1] > 0, f"the cursor went back: {starts}")


main(cancels_everywhere, cancel_with_live_log, suspend_and_continue, primary_changed_behind_the_cursor,
     replica_changed_while_suspended, guard_after_the_merge, cancel_while_unreachable, cancel_while_not_allowed,
     stop_a_suspended_one, lost_connection)
