#!/usr/bin/env python3
# vrep-test: timeout=600 labels=e2e presets=native,asan
"""Twenty relationships at once: three run, seventeen queue, all end; and what a cancel does in the queue."""

import time

from vrep_e2e import MIB, Disk, check, main
from vrep_e2e.lab import REPLICATING, WAITING

SIZE = 8 * MIB


def crowd(lab, count, pace):
    """That many small drifted pairs, related, each with a bandwidth limit."""
    first = Disk.create(lab, "p0.vhdx", SIZE, block_size=MIB).fill(lab.rng, (0, 6 * MIB))
    lab.start()
    pairs = {}
    for number in range(count):
        primary = first if number == 0 else first.copy(lab, f"p{number}.vhdx")
        replica = first.copy(lab, f"r{number}.vhdx").fill(lab.rng, (MIB, 2 * MIB))
        name = f"vm{number:02}"
        lab.relate(name, [primary], [replica])
        lab.primary.request("set", name=name, bandwidth_limit=pace)
        pairs[name] = (primary, replica)
    return pairs


def census(lab):
    """(running, queue positions, finished)."""
    all_of_them = lab.primary.request("status")["Relationships"]
    queued = sorted(r["ResynchronizeQueuePosition"] for r in all_of_them if r["ResynchronizeQueuePosition"])
    running = [r["VMName"] for r in all_of_them
               if r["ReplicationState"] == 11 and not r["ResynchronizeQueuePosition"]]
    return running, queued, [r["VMName"] for r in all_of_them if r["ReplicationState"] == REPLICATING]


def twenty_at_once(lab):
    pairs = crowd(lab, 20, 2 * MIB)
    for name in pairs:
        lab.resync(name)
    running, queued, finished = census(lab)
    check(len(running) + len(queued) + len(finished) == 20, f"{running} run, {queued} queue, {finished} done")
    seen = []
    deadline = time.monotonic() + 240
    while len(finished) < 20:
        check(time.monotonic() < deadline, f"not all end: {running} run, {queued} queue, {len(finished)} done")
        running, queued, finished = census(lab)
        check(len(running) <= 3, f"{running} run at once")
        check(queued == list(range(1, len(queued) + 1)), f"queue positions {queued}")
        seen.append((len(running), len(queued)))
        time.sleep(0.02)
    check((3, 17) in seen or (3, 16) in seen, f"never three running and the rest queued: {sorted(set(seen))}")
    for name, pair in pairs.items():
        lab.finished(name, [pair])


def queued_ones_can_leave(lab):
    """Stop in the queue gives back the state that was before; a higher maximum starts more of them."""
    pairs = crowd(lab, 6, MIB // 2)
    for name in pairs:
        lab.resync(name)
    shown = lab.primary.ctl("status").stdout
    check("queued" in shown.lower(), f"status does not say queued: {shown}")
    lab.primary.request("stop", name="vm05")
    left = lab.primary.wait_state("vm05", WAITING, 5)
    check(not left["ResynchronizeQueuePosition"], "left the queue and still has a place in it")
    lab.primary.request("server-set", maximum_active_transfers=5)
    lab.primary.wait("vm04", lambda r: not r["ResynchronizeQueuePosition"], 5, "a fifth may run")
    lab.primary.request("server-set", maximum_active_transfers=3)
    for name in pairs:
        lab.primary.request("set", name=name, bandwidth_limit=0)
    for name in list(pairs)[:5]:
        lab.finished(name, [pairs[name]])


def queue_survives_a_restart(lab):
    pairs = crowd(lab, 6, MIB)
    for name in pairs:
        lab.resync(name)
    lab.primary.kill()
    lab.primary.start()
    for name, pair in pairs.items():
        lab.primary.request("set", name=name, bandwidth_limit=0)
    for name, pair in pairs.items():
        lab.finished(name, [pair])


main(twenty_at_once, queued_ones_can_leave, queue_survives_a_restart)
