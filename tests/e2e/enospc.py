#!/usr/bin/env python3
# vrep-test: timeout=600 labels=e2e presets=native
"""The replica's volume fills up while its child grows and while its base grows: suspended or finished later, never lost."""

import errno
import os
import subprocess

from vrep_e2e import KIB, MIB, Disk, Skip, check, main, need_root, sha256
from vrep_e2e.disk import run
from vrep_e2e.lab import REPLICATING, RESYNC_SUSPENDED, WAITING

SIZE = 48 * MIB


def mount(lab, folder, *arguments):
    """Mounts a volume until the end of the scenario; skips where that is not allowed (a container, no loop device)."""
    done = subprocess.run(["mount", *arguments, folder], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise Skip(f"nothing can be mounted here: {done.stderr.strip()}")
    lab.cleanups.append(lambda: run("umount", "-l", folder, expect=None))


def volume(lab, size, kind):
    """A small volume of its own: tmpfs, or ext4 in a file."""
    need_root("a volume of one's own")
    folder = os.path.join(lab.root, f"volume-{kind}")
    os.mkdir(folder)
    if kind == "tmpfs":
        mount(lab, folder, "-t", "tmpfs", "-o", f"size={size}", "vrep-e2e")
    else:
        image = folder + ".img"
        run("truncate", "-s", str(size), image)
        run("mkfs.ext4", "-q", "-m", "0", "-J", "size=4", image)
        mount(lab, folder, "-o", "loop", image)
    return folder


def fill_up(folder, leave):
    """A file that leaves this much room."""
    ballast = os.path.join(folder, "ballast")
    with open(ballast, "ab") as file:
        while True:
            stat = os.statvfs(folder)
            take = stat.f_bavail * stat.f_frsize - leave
            if take <= 0:
                return ballast
            try:
                os.posix_fallocate(file.fileno(), os.fstat(file.fileno()).st_size, take)
            except OSError as full:  # somebody else took some of it meanwhile
                if full.errno != errno.ENOSPC:
                    raise


def prepared(lab, kind, room, image="vhdx"):
    """The primary holds 16 MiB that a sparse replica lacks; the replica's volume has `room` left."""
    folder = volume(lab, 96 * MIB, kind)
    primary = Disk.create(lab, "primary.vhdx", SIZE, block_size=MIB).fill(lab.rng, (0, 16 * MIB))
    replica = Disk.create(lab, f"replica.{image}", SIZE, image, block_size=MIB if image == "vhdx" else None,
                          folder=folder).fill(lab.rng, (20 * MIB, MIB))
    lab.start()
    lab.relate("pair", [primary], [replica])
    ballast = fill_up(folder, room)
    return primary, replica, ballast


def short_of_room(lab, kind, image="vhdx"):
    """At each amount of room: a refusal, a pause or an end; room later always brings the end."""
    outcomes = []
    primary, replica, ballast = prepared(lab, kind, 64 * KIB, image)
    before = replica.sha256()
    for room in (64 * KIB, MIB, 3 * MIB, 6 * MIB, 10 * MIB, 15 * MIB, 17 * MIB, 20 * MIB, 24 * MIB, 30 * MIB):
        os.unlink(ballast)
        fill_up(os.path.dirname(replica.path), room)
        state = lab.primary.relationship("pair")["ReplicationState"]
        if state == WAITING:
            lab.resync("pair")
        elif state == RESYNC_SUSPENDED:
            lab.primary.request("resume", name="pair")
        ended = lab.primary.wait(
            "pair", lambda r: r["ReplicationState"] in (REPLICATING, RESYNC_SUSPENDED) or
            r["ReplicationState"] == WAITING and r["LastError"] or r["ResynchronizePhase"] == "Merging", 60,
            f"{room} bytes of room lead somewhere")
        outcomes.append(f"{room // KIB} KiB: {ended['ReplicationStateText']}")
        if ended["ReplicationState"] == RESYNC_SUSPENDED:
            check("room" in (ended["ResynchronizeSuspendCause"] or "").lower() or
                  "space" in (ended["ResynchronizeSuspendCause"] or "").lower(), f"the cause: {ended}")
            check(lab.primary.events(32346) or lab.replica.events(32346), "no event 32346")
        if ended["ReplicationState"] in (RESYNC_SUSPENDED, WAITING):
            check(sha256(replica.path) == before, f"the base changed before COMMIT, {outcomes}")
        if ended["ReplicationState"] == REPLICATING:
            break
    print("  " + ", ".join(outcomes))
    os.unlink(ballast)
    state = lab.primary.relationship("pair")["ReplicationState"]
    if state == RESYNC_SUSPENDED:
        lab.primary.request("resume", name="pair")
    elif state == WAITING:
        lab.resync("pair")
    lab.finished("pair", [(primary, replica)])


def tmpfs(lab):
    short_of_room(lab, "tmpfs")


def ext4(lab):
    short_of_room(lab, "ext4")


def ext4_with_a_vhd(lab):
    """Also: room that was reserved in vain does not make us a stranger to a disk that is known by its times."""
    short_of_room(lab, "ext4", "vhd")


def full_in_mid_run(lab):
    """Somebody else eats the room while it runs."""
    primary, replica, ballast = prepared(lab, "tmpfs", 60 * MIB)
    lab.primary.request("set", name="pair", bandwidth_limit=8 * MIB)
    before = replica.sha256()
    lab.resync("pair")
    lab.primary.wait("pair", lambda r: (r["ResynchronizeBytesSent"] or 0) > 4 * MIB, 30, "a part is sent")
    fill_up(os.path.dirname(replica.path), 0)
    paused = lab.primary.wait_state("pair", RESYNC_SUSPENDED, 60)
    check(paused["ResynchronizeSuspendCause"], "the cause is shown")
    check(sha256(replica.path) == before, "the base changed before COMMIT")
    os.unlink(ballast)
    lab.primary.request("set", name="pair", bandwidth_limit=0)
    lab.primary.request("resume", name="pair")
    lab.finished("pair", [(primary, replica)])


main(tmpfs, ext4, ext4_with_a_vhd, full_in_mid_run)
