#!/usr/bin/env python3
# vrep-test: timeout=600 labels=e2e presets=native,asan
"""Drifted pairs of every kind come out identical, as programs that are not ours see it."""

import os

from vrep_e2e import KIB, MIB, Disk, check, main, poll
from vrep_e2e.disk import make_log_live


def related(lab, *pairs, name="pair"):
    lab.start()
    return lab.relate(name, [p for p, _ in pairs], [r for _, r in pairs])


def run(lab, *pairs, name="pair", **members):
    """Enable, resynchronize, compare."""
    related(lab, *pairs, name=name)
    lab.resync(name, **members)
    lab.finished(name, pairs)
    return lab.primary.relationship(name)


def drifted_pair(lab):
    """Only what differs is sent, and the figures and events say so."""
    primary, replica = lab.drifted(units=0)
    for block in lab.rng.sample(range(MIB // (4 * KIB)), 100):  # where both have data
        replica.fill(lab.rng, (32 * MIB + block * 4 * KIB, 4 * KIB))
    with open(primary.model, "rb") as one, open(replica.model, "rb") as two:
        different = sum(one.read(4 * KIB) != two.read(4 * KIB) for _ in range(primary.size // (4 * KIB))) * 4 * KIB
    started = run(lab, (primary, replica))
    check(started["ResynchronizeBytesTotal"] in (0, primary.size), "the total is the disk's size")
    finished = lab.primary.events(29244)
    check(len(finished) == 1, f"one event 29244, seen {len(finished)}")
    check(finished[0]["BytesDifferent"] == different == finished[0]["BlocksSent"] * 4 * KIB,
          f"{different} bytes differ, 29244 says {finished[0]}")
    check(finished[0]["BytesSent"] <= different * 11 // 10, f"too much was sent: {finished[0]}")
    begun = lab.primary.events(29242)[0]["Message"]
    vm_id = lab.primary.relationship("pair")["VMId"]
    wanted = (f"Starting resynchronization operation on VHD '{primary.path}' of VM 'pair'. Starting Block = '0'. "
              f"Total blocks = '{primary.size // (4 * KIB)}'. (Virtual machine ID {vm_id})")
    check(begun.lower() == wanted.lower(), f"29242 says {begun!r}, not {wanted!r}")
    for service, events in ((lab.primary, (29266, 29268, 32325, 32328)), (lab.replica, ())):
        for event in events:
            check(service.events(event), f"no event {event} on the {service.role}")


def again_after_drift(lab):
    """A finished pair drifts and is resynchronized a second and a third time."""
    primary, replica = lab.drifted(units=10)
    run(lab, (primary, replica))
    for _ in range(2):
        primary.drift(lab.rng, 25)
        lab.primary.restart()  # looks at the disk at once
        lab.primary.wait_state("pair", 10)
        lab.resync("pair")
        lab.finished("pair", [(primary, replica)])


def equal_empty_and_strangers(lab):
    """Nothing differs; everything is zero on one side or both; nothing is alike."""
    same = Disk.create(lab, "same.vhdx", 16 * MIB).fill(lab.rng, (3 * MIB, 2 * MIB))
    empty = Disk.create(lab, "empty.vhdx", 16 * MIB)
    other = Disk.create(lab, "other.vhdx", 16 * MIB).fill(lab.rng, (0, 16 * MIB))
    lab.start()
    cases = {"equal": (same, same.copy(lab, "same-replica.vhdx")),
             "both-empty": (empty, empty.copy(lab, "empty-replica.vhdx")),
             "strangers": (other, Disk.create(lab, "s.vhdx", 16 * MIB).fill(lab.rng, (0, 16 * MIB))),
             "zero-over-data": (Disk.create(lab, "z.vhdx", 16 * MIB), other.copy(lab, "zd.vhdx")),
             "data-over-zero": (other.copy(lab, "dz.vhdx"), Disk.create(lab, "dzr.vhdx", 16 * MIB))}
    for name, (primary, replica) in cases.items():
        lab.relate(name, [primary], [replica])
        lab.resync(name)
        lab.finished(name, [(primary, replica)])
    sent = {name: lab.primary.events(29244)[number]["BlocksSent"] for number, name in enumerate(cases)}
    check(sent["equal"] == sent["both-empty"] == 0, f"equal disks need no block: {sent}")


def several_disks(lab):
    """All disks of a relationship become one point in time; one of them is equal already, one is empty."""
    pairs = [lab.drifted(f"disk{number}", 24 * MIB, units=20 * number) for number in (1, 2)]
    empty = Disk.create(lab, "none.vhdx", 8 * MIB)
    pairs.append((empty, empty.copy(lab, "none-replica.vhdx")))
    run(lab, *pairs)
    check(len(lab.primary.events(29242)) == 3, "29242 for each disk")


def fixed_vhdx(lab):
    """Fixed VHDX on either side, and block sizes that differ."""
    lab.start()
    for number, (mine, yours) in enumerate(((("fixed", None), ("dynamic", MIB)), (("dynamic", MIB), ("fixed", None)),
                                            (("dynamic", 256 * MIB), ("dynamic", 2 * MIB)))):
        primary = Disk.create(lab, f"p{number}.vhdx", 20 * MIB, image_type=mine[0], block_size=mine[1])
        primary.fill(lab.rng, (MIB, 6 * MIB))
        replica = primary.convert(lab, f"r{number}.vhdx", "vhdx", *yours).drift(lab.rng, 40)
        lab.relate(f"pair{number}", [primary], [replica])
        lab.resync(f"pair{number}")
        lab.finished(f"pair{number}", [(primary, replica)])


def live_logs(lab):
    """The primary's log is replayed in memory only; the replica's is replayed before its child is made."""
    primary, replica = lab.drifted(units=30)
    make_log_live(primary, lab.rng)
    make_log_live(replica, lab.rng)
    before = primary.sha256()
    related(lab, (primary, replica))
    lab.resync("pair")
    lab.primary.wait_state("pair", 4, 120)
    check(primary.sha256() == before, "the primary's file was written")
    check(not replica.info()["LogLive"], "the replica's log is still live")
    lab.finished("pair", [(primary, replica)])


def odd_sizes(lab):
    """Sizes that are no multiple of 64 KiB, of 4 KiB or of the block size."""
    lab.start()
    for number, size in enumerate((512, 4 * KIB + 512, 64 * KIB - 512, 3 * MIB + 512, 33 * MIB + 12 * KIB,
                                   32 * MIB + 64 * KIB + 1536)):
        primary = Disk.create(lab, f"odd{number}.vhdx", size)
        tail = min(size, 70 * KIB + 512)
        primary.fill(lab.rng, (size - tail, tail))
        replica = primary.copy(lab, f"odd{number}-replica.vhdx")
        replica.fill(lab.rng, (size - 512, 512))
        if size > MIB:
            replica.fill(lab.rng, (64 * KIB - 512, 1024), (MIB, 4 * KIB))
        lab.relate(f"odd{number}", [primary], [replica])
        lab.resync(f"odd{number}")
        lab.finished(f"odd{number}", [(primary, replica)])


def sectors_of_4096(lab):
    """Logical sectors of 4096 bytes, with a size that is no multiple of 64 KiB."""
    size = 24 * MIB + 3 * 4 * KIB
    primary = Disk.create(lab, "big-sectors.vhdx", size, sector=4096)
    primary.fill(lab.rng, (MIB, 3 * MIB), (size - 4 * KIB, 4 * KIB))
    replica = primary.copy(lab, "big-sectors-replica.vhdx")
    replica.drift(lab.rng, 30)
    replica.fill(lab.rng, (size - 8 * KIB, 8 * KIB))
    run(lab, (primary, replica))


def paths(lab):
    """400 characters, Cyrillic, emoji, blanks and quotes."""
    lab.start()
    long_folder = lab.disks
    while len(long_folder) < 400:
        long_folder = os.path.join(long_folder, "папка" if len(long_folder) % 2 else "a folder with a long name")
    for number, folder in enumerate((long_folder, os.path.join(lab.disks, "диски и 'кавычки'"),
                                     os.path.join(lab.disks, "💾 disks 🚀"))):
        os.makedirs(folder, exist_ok=True)
        name = f"диск 💿 {number}.vhdx"
        primary = Disk.create(lab, name, 8 * MIB, folder=folder).fill(lab.rng, (0, 2 * MIB))
        replica = primary.copy(lab, "replica " + name, folder=folder).drift(lab.rng, 10)
        relationship = f"Сервер 💿 {number}"
        lab.relate(relationship, [primary], [replica])
        lab.resync(relationship)
        lab.finished(relationship, [(primary, replica)])
        shown = lab.primary.ctl("status", relationship, "--json").stdout
        check("💿" in shown or "\\ud83d" in shown.lower(), f"vrepctl does not show the name: {shown}")
    check(any(len(d["Path"]) > 400 for r in lab.primary.request("status")["Relationships"] for d in r["Disks"]),
          "no path was longer than 400 characters")


def holes_in_the_raw_disk(lab):
    """Runs of zeros inside data: written as zeros on one side, absent on the other."""
    primary = Disk.create(lab, "z-primary.vhdx", 32 * MIB).fill(lab.rng, (0, 8 * MIB))
    replica = primary.copy(lab, "z-replica.vhdx")
    primary.write(2 * MIB, bytes(3 * MIB))     # zeros that are stored
    replica.write(20 * MIB, bytes(2 * MIB))    # zeros where the primary stores nothing
    replica.fill(lab.rng, (24 * MIB, 2 * MIB))  # data where the primary stores nothing
    run(lab, (primary, replica))


def vrepctl_speaks(lab):
    """The whole way with vrepctl alone, as an administrator goes it."""
    primary, replica = lab.drifted(size=16 * MIB, spans=[(0, 4 * MIB)], units=20)
    lab.start()
    lab.replica.ctl("enable", "vm 1", "--as-replica", "--disk", replica.path)
    lab.primary.ctl("enable", "vm 1", "--disk", primary.path, "--replica", f"127.0.0.1:{lab.replica.port}")
    lab.primary.ctl("resume", "vm 1", "--resynchronize")
    poll(lambda: lab.primary.relationship("vm 1")["ReplicationState"] == 4, 5, "vrepctl returned before the end")
    lab.finished("vm 1", [(primary, replica)])
    shown = lab.primary.ctl("status", "vm 1").stdout
    check("Replicating" in shown and "vm 1" in shown, f"status shows {shown}")
    check("29242" in lab.primary.ctl("events").stdout, "events shows no 29242")
    lab.primary.ctl("resume", "vm 1", "--continue", expect=5)
    lab.primary.ctl("stop", "vm 1", expect=5)
    lab.primary.ctl("frobnicate", expect=2)
    lab.primary.ctl("remove", "vm 1")
    lab.replica.ctl("remove", "vm 1")
    lab.primary.stop()
    lab.primary.ctl("status", expect=3)


main(drifted_pair, again_after_drift, equal_empty_and_strangers, several_disks, fixed_vhdx, live_logs,
     odd_sizes, sectors_of_4096, paths, holes_in_the_raw_disk, vrepctl_speaks)
