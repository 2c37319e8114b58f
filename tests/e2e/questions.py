#!/usr/bin/env python3
# vrep-test: timeout=300 labels=e2e presets=native,asan
"""What asks a replica and changes nothing: the plan of a resynchronization, the test of a connection."""

import contextlib
import datetime
import fcntl
import json
import os
import socket
import struct

from vrep_e2e import MIB, check, main, poll, sha256
from vrep_e2e.service import free_port

SIZE = 64 * MIB
F_OFD_SETLK = 37
QEMU_WRITES = 101  # the byte of the file on which whoever writes it has a read lock
FAILED, USAGE, REFUSED = 1, 2, 5
EVENTS = (29260, 29292, 32098, 32390, 50034, 50040, 50044)  # of what a start would find


def prepared(lab):
    pair = lab.drifted("pair", SIZE, block_size=MIB)
    lab.start().relate("pair", [pair[0]], [pair[1]])
    return pair


@contextlib.contextmanager
def written_by_another(path):
    """Holds a disk as QEMU does that writes it."""
    with open(path, "r+b") as file:
        fcntl.fcntl(file, F_OFD_SETLK, struct.pack("hhqqi4x", fcntl.F_RDLCK, os.SEEK_SET, QEMU_WRITES, 1, 0))
        yield


def ask(service, verb, **members):
    """The same request until the answer is there."""
    def look():
        answer = service.request(verb, **members)
        return answer if answer["Ready"] else None
    return poll(look, 30, f"{verb} {members} is answered")


def everything(lab, pair):
    """All that a question must leave as it is."""
    found = {disk.path: sha256(disk.path) for disk in pair}
    for service in (lab.primary, lab.replica):
        folder = os.path.join(service.data, "relationships")
        name, = (name for name in os.listdir(folder) if name.endswith(".json"))
        with open(os.path.join(folder, name), encoding="utf-8") as file:
            found[service.role + "'s record"] = {key: value for key, value in json.load(file).items()
                                                 if "Look" not in key and key != "NotStartedToldTime"}
    for service in (lab.primary, lab.replica):
        found[service.role] = [event["RecordId"] for event in service.events() if event["Id"] in EVENTS]
    return found


def codes(plan):
    return [refusal["code"] for refusal in plan["Refusals"]]


def plan(lab):
    """Sizes are those of the disks, room that of the volume, the time as measured, and nothing is changed."""
    pair = prepared(lab)
    before = everything(lab, pair)
    first = ask(lab.primary, "plan", name="pair")
    check(everything(lab, pair) == before, "a plan changed something")
    check(first["Refusals"] == [] and first["Warnings"] == [], f"nothing is in the way: {first}")
    check(first["EstimateBasis"] == "Unknown" and first["EstimatedTime"] is None, f"no rate is known: {first}")
    disk, = first["Disks"]
    info = pair[0].info()
    check(disk["VirtualSize"] == first["VirtualSize"] == SIZE, f"sizes: {first}")
    check(disk["Path"] == pair[0].path and disk["PeerName"] == "pair-replica.vhdx", f"names: {disk}")
    check(disk["AllocatedBytes"] == first["AllocatedBytes"] and 8 * MIB <= disk["AllocatedBytes"] < SIZE,
          f"allocated: {disk} {info}")
    volume, = first["Volumes"]
    space = os.statvfs(lab.disks)
    check(os.path.ismount(volume["Name"]) and pair[1].path.startswith(volume["Name"]), f"volume: {volume}")
    check(volume["BytesNeeded"] == first["AllocatedBytes"], f"needed: {volume}")
    check(abs(volume["BytesFree"] - space.f_bavail * space.f_frsize) < 1024 * MIB, f"free: {volume}")

    lab.primary.request("set", name="pair", bandwidth_limit=MIB)
    limited = ask(lab.primary, "plan", name="pair")
    check(limited["EstimateBasis"] == "BandwidthLimit", f"a limit is a basis: {limited}")
    check(limited["EstimatedTime"] == -(-first["AllocatedBytes"] // MIB), f"bytes by the limit: {limited}")
    lab.primary.request("set", name="pair", bandwidth_limit=0)
    lab.resync("pair")
    lab.finished("pair", [pair])
    lab.primary.request("suspend", name="pair")
    measured = ask(lab.primary, "plan", name="pair")
    check(measured["EstimateBasis"] == "MeasuredRate" and measured["EstimatedBytesPerSecond"] > 0, f"{measured}")
    check(measured["EstimatedTime"] == -(-measured["AllocatedBytes"] // measured["EstimatedBytesPerSecond"]),
          f"bytes by the rate: {measured}")


def plan_refusals(lab):
    """What the start would be refused for is in the plan, and is what the start says then."""
    primary, replica = pair = prepared(lab)
    with written_by_another(primary.path):
        used = ask(lab.primary, "plan", name="pair")
    check(codes(used) == ["InUse"] and primary.path in used["Refusals"][0]["message"], f"{used}")
    check(used["VirtualSize"] == SIZE and used["Volumes"], f"the rest is known: {used}")
    lab.resync("pair")
    lab.finished("pair", [pair])
    check([r["eventId"] for r in ask(lab.primary, "plan", name="pair")["Refusals"]] == [32546], "state 4")
    lab.primary.request("suspend", name="pair")
    replica.drift(lab.rng, 1)
    before = everything(lab, pair)
    guarded = ask(lab.primary, "plan", name="pair")
    check(codes(guarded) == ["ReplicaChanged"] and guarded["Volumes"] == [], f"{guarded}")
    check(ask(lab.primary, "plan", name="pair", overwrite_replica=True)["Refusals"] == [], "the guard is overridden")
    check(everything(lab, pair) == before, "a plan changed something")
    shown = lab.primary.ctl("resume", "pair", "--resynchronize", "--what-if", expect=REFUSED).stdout
    check("would not start" in shown and "--overwrite-replica" in shown, shown)
    shown = lab.primary.ctl("resume", "pair", "--resynchronize", "--overwrite-replica", "--what-if").stdout
    check(shown.startswith('What if: Resynchronize "pair" to 127.0.0.1: 1 disk, 64.0 MiB, '), shown)
    check("needs up to" in shown and "about" in shown, shown)
    soon, past = ((datetime.datetime.now() + datetime.timedelta(hours=hours)).strftime("%Y-%m-%d %H:%M") for hours in (5, -5))
    starts = ("resume", "pair", "--resynchronize", "--overwrite-replica", "--what-if", "--start-time")
    shown = lab.primary.ctl(*starts, soon).stdout
    check(shown.startswith(f'What if: Resynchronize "pair" to 127.0.0.1 at {soon}: 1 disk'), shown)
    shown = lab.primary.ctl(*starts, past, expect=FAILED).stdout
    check("would not start" in shown and past in shown and "has passed" in shown, shown)
    lab.primary.ctl(*starts, "tomorrow", expect=USAGE)
    lab.primary.ctl("resume", "pair", "--resynchronize", "--start-time", soon)
    shown = lab.primary.ctl(*starts, soon, expect=REFUSED).stdout
    check("would not start" in shown and "scheduled" in shown, shown)
    lab.primary.ctl("stop", "pair")
    check(lab.primary.relationship("pair")["ReplicationState"] == 8, "a plan or a start that was taken back changed the state")
    lab.primary.ctl("resume", "pair", "--what-if", expect=USAGE)
    lab.replica.refused("plan", "Refused", name="pair")
    lab.replica.stop()
    lab.primary.refused("plan", "Connection", name="pair")


def connection(lab):
    """A server and port answer for themselves; a relationship is accepted or refused with the reason."""
    pair = prepared(lab)
    before = everything(lab, pair)
    version = lab.replica.request("version")
    there = ask(lab.primary, "test-connection", server="127.0.0.1", port=lab.replica.port)
    check((there["ReplicaHost"], there["ReplicaVersion"]) == (version["Host"], version["Version"]), f"{there}")
    check(there["Accepted"] is None and there["Refusal"] is None and there["VMName"] is None, f"{there}")
    known = ask(lab.primary, "test-connection", name="pair")
    check(known["Accepted"] is True and known["VMName"] == "pair", f"{known}")
    lab.replica.request("set", name="pair", allowed_primary="another-host")
    refused = ask(lab.primary, "test-connection", name="pair")
    check(refused["Accepted"] is False and refused["Refusal"]["code"] == "AccessDenied", f"{refused}")
    lab.replica.request("remove", name="pair")
    refused = ask(lab.primary, "test-connection", name="pair")
    check(refused["Refusal"]["eventId"] == 32098 and "enable" in refused["Refusal"]["action"], f"{refused}")
    shown = lab.primary.ctl("test-connection", "--relationship", "pair", expect=FAILED).stdout
    check("would not accept" in shown and "vrepctl enable" in shown, shown)
    shown = lab.primary.ctl("test-connection", f"127.0.0.1:{lab.replica.port}").stdout
    check("answers" in shown and version["Version"] in shown, shown)
    lab.primary.ctl("test-connection", expect=USAGE)
    check(before[pair[0].path] == sha256(pair[0].path), "a question changed a disk")
    check([e for e in lab.primary.events() if e["Id"] in EVENTS] == [], "a question raised an event")


def nobody_there(lab):
    """Nobody, a stranger, and one that says nothing: each a failure that names it, within the time of a request."""
    lab.primary.start()
    error = lab.primary.refused("test-connection", "Connection", server="127.0.0.1", port=free_port())
    check("127.0.0.1" in error.message, f"{error}")
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        pending = lab.primary.request("test-connection", timeout=2, server="127.0.0.1", port=port)
        check(pending == {"Ready": False}, f"{pending}")
        client, _ = silent.accept()
        client.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n" + bytes(64))
        shown = lab.primary.ctl("test-connection", f"127.0.0.1:{port}", "--json", expect=REFUSED).stderr
        check("VRep service" in shown, shown)
        client.close()
    json.loads(lab.primary.ctl("version", "--json").stdout)


main(plan, plan_refusals, connection, nobody_there)
