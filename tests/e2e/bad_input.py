#!/usr/bin/env python3
# vrep-test: timeout=600 labels=e2e presets=native,asan
"""Whatever is wrong with a disk, a host or a request: one clear error, nothing changes, the services stay up."""

import json
import os
import socket
import struct
import subprocess
import time

from vrep_e2e import KIB, MIB, ControlError, Disk, check, main, poll
from vrep_e2e.disk import children_of, vrepdisk
from vrep_e2e.gate import Gate
from vrep_e2e.lab import ERROR, REPLICATING, RESYNC_SUSPENDED, WAITING
from vrep_e2e.service import free_port, program, receive_frame, send_frame

SIZE = 16 * MIB


def refusal(lab, name, primaries, replicas, seconds=60):
    """Enables and starts; the first error that any of it gives, as {"message", "action", "eventId", ...}."""
    try:
        lab.relate(name, primaries, replicas)
        lab.resync(name)
    except ControlError as error:
        return {"code": error.code, "message": error.message, "action": error.action, "eventId": error.event}
    ended = lab.primary.wait(name, lambda r: r["LastError"] or r["ReplicationState"] == REPLICATING, seconds,
                             f"{name} is refused")
    check(ended["ReplicationState"] != REPLICATING, f"{name} was not refused, it finished")
    return ended["LastError"]


def clear(error, *words):
    """One error that says what failed, on which object."""
    text = f"{error['message']} {error['action']}"
    check(error["message"].endswith("."), f"not a sentence: {error}")
    check(error["action"], f"no word about what to do: {error}")
    for word in words:
        check(word.lower() in text.lower(), f"'{word}' is missing in: {text}")


def untouched(lab, name, disks, primaries, replicas, *words):
    """The refusal, and the proof that no byte changed and nothing is left."""
    before = [disk.sha256() for disk in disks]
    error = refusal(lab, name, primaries, replicas)
    clear(error, *words)
    check([disk.sha256() for disk in disks] == before, f"{name} changed a disk")
    for disk in disks:
        check(not children_of(disk.path), f"{name} left {children_of(disk.path)}")
    for service in (lab.primary, lab.replica):
        service.request("version")
    forget(lab, name)
    return error


def forget(lab, name):
    """Takes the relationship away on both sides, whatever came of it."""
    for service in (lab.primary, lab.replica):
        try:
            service.request("remove", name=name)
        except ControlError as error:
            check(error.code == "NotFound", f"remove: {error}")
        service.wait_removed(name, 30)


def still_works(lab):
    """After all that a good pair is resynchronized."""
    primary, replica = lab.drifted("good", SIZE, [(0, 4 * MIB)], units=10)
    lab.relate("good", [primary], [replica])
    lab.resync("good")
    lab.finished("good", [(primary, replica)])


def pairs_that_do_not_fit(lab):
    lab.start()
    good = Disk.create(lab, "good-16.vhdx", SIZE).fill(lab.rng, (0, MIB))
    other = Disk.create(lab, "other.vhdx", SIZE)
    larger = Disk.create(lab, "larger.vhdx", SIZE + 64 * KIB)
    sectors = Disk.create(lab, "sectors.vhdx", SIZE, sector=4096)
    error = untouched(lab, "sizes", [good, larger], [good], [larger], str(SIZE), str(SIZE + 64 * KIB))
    check(error["eventId"] == 29260, f"event {error['eventId']}")
    error = untouched(lab, "sectors", [good, sectors], [good], [sectors], "512", "4096")
    check(error["eventId"] == 29260, f"event {error['eventId']}")
    untouched(lab, "counts", [good, other, larger], [good, larger], [other], "2", "1")
    still_works(lab)


def disks_that_are_none(lab):
    lab.start()
    good = Disk.create(lab, "good-16.vhdx", SIZE).fill(lab.rng, (0, MIB))
    missing = Disk(os.path.join(lab.disks, "missing.vhdx"), None)
    text = Disk(os.path.join(lab.disks, "letter.vhdx"), None)
    with open(text.path, "w", encoding="utf-8") as file:
        file.write("Dear disk, " * 10000)
    damaged = good.copy(lab, "damaged.vhdx")
    with open(damaged.path, "r+b") as file:
        for offset in (64 * KIB, 128 * KIB):  # both headers
            file.seek(offset + 100)
            file.write(b"\xff" * 64)
    truncated = good.copy(lab, "truncated.vhdx")
    os.truncate(truncated.path, 2 * MIB)
    for number, bad in enumerate((missing, text, damaged, truncated)):
        name = os.path.basename(bad.path)
        known = [good] + ([bad] if os.path.exists(bad.path) else [])
        untouched(lab, f"primary{number}", known, [bad], [good], name)
        untouched(lab, f"replica{number}", known, [good], [bad], name)
        check(missing is not bad or not os.path.exists(bad.path), "a missing disk was made")
    folder = Disk(os.path.join(lab.disks, "folder.vhdx"), None)
    os.mkdir(folder.path)
    fifo = Disk(os.path.join(lab.disks, "pipe.vhdx"), None)
    os.mkfifo(fifo.path)
    for number, bad in enumerate((folder, fifo, Disk("/dev/zero", None), Disk("/dev/loop0", None),
                                  Disk("\\\\.\\PhysicalDrive0", None), Disk("relative.vhdx", None))):
        for side, (primary, replica) in (("p", (bad, good)), ("r", (good, bad))):
            clear(refusal(lab, f"{side}{number}", [primary], [replica]), bad.path.rsplit("/", 1)[-1])
            forget(lab, f"{side}{number}")
    still_works(lab)


def disks_in_use(lab):
    """A running QEMU holds the primary or the replica: named, retried briefly, nothing changed; later it works."""
    lab.start()
    primary, replica = lab.drifted("held", SIZE, [(0, 4 * MIB)], units=10)
    for side, held in (("primary", primary), ("replica", replica)):
        with subprocess.Popen(["qemu-io", "-f", "vhdx", held.path], stdin=subprocess.PIPE,
                              stdout=subprocess.PIPE) as qemu:
            qemu.stdin.write(b"read 0 512\n")
            qemu.stdin.flush()
            qemu.stdout.read(1)
            before = [primary.sha256(), replica.sha256()]
            error = refusal(lab, f"held-{side}", [primary], [replica], 30)
            clear(error, os.path.basename(held.path))
            check([primary.sha256(), replica.sha256()] == before, "a held disk was changed")
            qemu.kill()
        forget(lab, f"held-{side}")
    lab.relate("held", [primary], [replica])
    lab.resync("held")
    lab.finished("held", [(primary, replica)])


def same_file_on_both_sides(lab):
    lab.start()
    disk = Disk.create(lab, "one.vhdx", SIZE).fill(lab.rng, (0, MIB))
    link = Disk(os.path.join(lab.disks, "link.vhdx"), disk.model)
    os.symlink(disk.path, link.path)
    untouched(lab, "same", [disk], [disk], [disk], "one.vhdx")
    untouched(lab, "linked", [disk], [disk], [link], ".vhdx")
    still_works(lab)


def disk_with_children(lab):
    lab.start()
    primary, replica = lab.drifted("parent", SIZE, [(0, MIB)], units=5)
    child = os.path.join(lab.disks, "checkpoint.avhdx")
    vrepdisk("child", child, "--parent", replica.path)
    untouched(lab, "children", [primary, replica], [primary], [replica], "checkpoint.avhdx")
    os.unlink(child)
    lab.relate("children", [primary], [replica])
    lab.resync("children")
    lab.finished("children", [(primary, replica)])


def child_cannot_be_made(lab):
    """The replica's name leaves no room for the differencing disk's, its folder or file may not be written."""
    lab.start()
    primary = Disk.create(lab, "primary.vhdx", SIZE).fill(lab.rng, (0, MIB))
    long_name = primary.copy(lab, "n" * 240 + ".vhdx")
    long_name.drift(lab.rng, 5)
    untouched(lab, "long", [primary, long_name], [primary], [long_name], "shorter")
    if os.geteuid() == 0:
        return  # nothing is forbidden to root
    closed = os.path.join(lab.root, "closed")
    os.mkdir(closed)
    replica = primary.copy(lab, "replica.vhdx", folder=closed)
    replica.drift(lab.rng, 5)
    os.chmod(closed, 0o555)
    untouched(lab, "folder", [primary, replica], [primary], [replica], "permission")
    os.chmod(closed, 0o755)
    os.chmod(replica.path, 0o444)
    untouched(lab, "file", [primary, replica], [primary], [replica], "permission", "allowed to write")


def replica_unreachable(lab):
    lab.start()
    primary, _ = lab.drifted("alone", SIZE, [(0, MIB)], units=5)
    port = free_port()
    lab.primary.request("enable", name="alone", disks=[primary.path], replica_server="127.0.0.1", replica_port=port)
    lab.resync("alone")
    error = lab.primary.wait("alone", lambda r: r["LastError"], 30, "unreachable is reported")["LastError"]
    clear(error, "127.0.0.1", str(port))
    check(error["eventId"] == 29292 and lab.primary.events(29292), f"event {error['eventId']}")
    forget(lab, "alone")
    with socket.socket() as silent:  # takes connections and never says a word
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        lab.primary.request("enable", name="silent", disks=[primary.path], replica_server="127.0.0.1",
                            replica_port=silent.getsockname()[1])
        lab.resync("silent")
        lab.primary.wait("silent", lambda r: r["LastError"], 60, "a silent host is reported")
        forget(lab, "silent")
    with socket.socket() as stranger:  # another service on that port
        stranger.bind(("127.0.0.1", 0))
        stranger.listen()
        lab.primary.request("enable", name="stranger", disks=[primary.path], replica_server="127.0.0.1",
                            replica_port=stranger.getsockname()[1])
        lab.resync("stranger")
        connection, _ = stranger.accept()
        connection.sendall(b"220 mail.example.com ESMTP\r\n" * 100)
        clear(lab.primary.wait("stranger", lambda r: r["LastError"], 60, "a stranger is reported")["LastError"])
        connection.close()
        forget(lab, "stranger")


def garbage_on_the_control_socket(lab):
    lab.start()
    service = lab.primary
    # Another major version, not JSON, not an object, no verb, an unknown verb, wrong types: an error reply each.
    for payload, code in ((json.dumps({"version": {"major": 2, "minor": 0}, "client": "x", "verb": "status"}), "Version"),
                          ("{", None), ("[]", None), ("{}", None), ('"status"', None), ("\0" * 100, None),
                          (json.dumps({"version": {"major": 1, "minor": 0}, "client": "x", "verb": "fly"}), None),
                          (json.dumps({"version": {"major": 1, "minor": 0}, "client": "x", "verb": "enable",
                                       "name": 5, "disks": {"a": 1}}), None),
                          (json.dumps({"version": {"major": 1, "minor": 0}, "client": "x", "verb": "resume",
                                       "name": "a" * 5000}), None),
                          ("[" * 100000, None), ('{"version": {"major": 1, "minor": 0}, "verb": "\\ud800"}', None)):
        with service.connect() as connection:
            send_frame(connection, payload.encode())
            try:
                reply = json.loads(receive_frame(connection))
            except (ConnectionError, OSError):
                continue  # cut off is an answer too, to what is no request
            check(reply["ok"] is False and reply["error"]["message"], f"{payload[:60]} gets {reply}")
            check(code is None or reply["error"]["code"] == code, f"{payload[:60]} gets {reply}")
    # Frames that are too long, empty or never end.
    for header in (struct.pack("<I", 0), struct.pack("<I", 0xFFFFFFFF), struct.pack("<I", MIB + 1),
                   struct.pack("<I", 1000) + b"{", lab.rng.randbytes(64 * KIB), b"GET / HTTP/1.1\r\n\r\n"):
        with service.connect() as connection:
            connection.sendall(header)
            service.request("version")
    # Many clients that connect and say nothing do not lock others out for ever.
    crowd = [service.connect() for _ in range(30)]
    service.request("version")
    for connection in crowd:
        connection.close()
    still_works(lab)


def garbage_on_the_wire(lab):
    lab.start()
    for payload in (b"", b"\0" * 1000, b"\xff" * 100000, lab.rng.randbytes(MIB), b"GET / HTTP/1.1\r\n\r\n",
                    struct.pack("<I", 0xFFFFFFFF) * 10, struct.pack("<I", 100) + b"x"):
        with socket.create_connection(("127.0.0.1", lab.replica.port), 10) as connection:
            try:
                connection.sendall(payload)
                connection.shutdown(socket.SHUT_WR)
                connection.settimeout(20)
                while connection.recv(65536):
                    pass
            except (ConnectionError, BrokenPipeError):
                pass  # cut off
        lab.replica.request("version")
    crowd = [socket.create_connection(("127.0.0.1", lab.replica.port), 10) for _ in range(40)]
    time.sleep(0.5)
    lab.replica.request("version")
    for connection in crowd:
        connection.close()
    still_works(lab)


def listening_beyond_the_host_is_refused(lab):
    """Until connections are encrypted, only a loopback address is listened on."""
    done = subprocess.run([program("vrepsvc"), "--console", "--instance", lab.primary.instance, "--data",
                           lab.primary.data, "--listen", "0.0.0.0:0"], capture_output=True, text=True, timeout=30,
                          check=False)
    check(done.returncode != 0 and "loopback" in (done.stdout + done.stderr).lower(),
          f"exit {done.returncode}: {done.stdout}{done.stderr}")


def answers_while_a_disk_blocks(lab):
    """A read of the primary's disk that never returns: every request is answered within 2 s, and the service ends."""
    backing = os.path.join(lab.root, "backing")
    os.mkdir(backing)
    behind = Disk.create(lab, "blocked.vhdx", SIZE, folder=backing).fill(lab.rng, (0, 12 * MIB))
    replica = behind.copy(lab, "replica.vhdx")
    replica.drift(lab.rng, 30)
    good_primary, good_replica = lab.drifted("good", SIZE, [(0, 4 * MIB)], units=10)
    gate = Gate(backing, os.path.join(lab.root, "mounted"))
    lab.cleanups.append(gate.unmount)
    primary = Disk(os.path.join(gate.mountpoint, "blocked.vhdx"), behind.model)
    lab.start()
    lab.relate("pair", [primary], [replica])
    lab.relate("good", [good_primary], [good_replica])
    gate.shut()
    lab.resync("pair")
    poll(gate.blocked, 20, "a read blocks")
    deadline = time.monotonic() + 4
    while time.monotonic() < deadline:
        started = time.monotonic()
        lab.primary.request("status")
        check(time.monotonic() - started < 2, "status took longer than 2 s")
    lab.resync("good")  # another pair does not wait for the blocked one
    lab.finished("good", [(good_primary, good_replica)])
    for verb in ("suspend", "stop", "remove"):
        started = time.monotonic()
        try:
            lab.primary.request(verb, name="pair")
        except ControlError:
            pass  # refused or granted, but answered
        check(time.monotonic() - started < 2, f"{verb} took longer than 2 s")
    started = time.monotonic()
    lab.primary.stop()
    check(time.monotonic() - started < 11, "the end waits for the blocked disk")
    gate.open()
    lab.primary.start()
    state = [r for r in lab.primary.request("status")["Relationships"] if r["VMName"] == "pair"]
    if state:  # the remove may not have come through: whatever it is now, it can be brought to an end
        settled = lab.primary.wait(
            "pair", lambda r: r["ReplicationState"] in (WAITING, RESYNC_SUSPENDED, REPLICATING, ERROR), 60, "settles")
        if settled["ReplicationState"] == WAITING:
            lab.resync("pair")
        elif settled["ReplicationState"] != REPLICATING:
            lab.primary.request("resume", name="pair")
        lab.finished("pair", [(behind, replica)])


main(pairs_that_do_not_fit, disks_that_are_none, disks_in_use, same_file_on_both_sides, disk_with_children,
     child_cannot_be_made, replica_unreachable, garbage_on_the_control_socket, garbage_on_the_wire,
     listening_beyond_the_host_is_refused, answers_while_a_disk_blocks)
