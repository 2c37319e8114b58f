#!/usr/bin/env python3
# vrep-test: timeout=400 labels=e2e presets=native
"""Troubles are told once, and so is their end; long work tells its progress."""

import socket
import time

from vrep_e2e import MIB, Disk, check, main, poll

SESSIONS = 256  # that a replica serves at once


def lost_replica(lab):
    """29292 and 32315 while the replica is away, 50029 when the resynchronization runs again."""
    primary, replica = lab.drifted(units=400)
    lab.start()
    lab.relate("pair", [primary], [replica])
    lab.primary.request("set", name="pair", bandwidth_limit=256 * 1024)
    lab.resync("pair")
    lab.primary.wait("pair", lambda r: (r["ResynchronizeBytesSent"] or 0) > 0, 30, "it sends")
    lab.replica.kill()
    poll(lambda: lab.primary.events(32315), 60, "32315")
    lab.primary.request("resume", name="pair")
    poll(lambda: lab.primary.events(29292), 60, "29292")
    check(not lab.primary.events(50029), "50029 came too soon")
    lab.replica.start()
    lab.primary.request("set", name="pair", bandwidth_limit=0)
    lab.primary.request("resume", name="pair")
    lab.finished("pair", [(primary, replica)])
    again = lab.primary.events(50029)
    check(len(again) == 1 and again[0]["FailedAttempts"] >= 1, f"50029: {again}")


def flood_of_connections(lab):
    """One event when the first is refused, one when connections are served again."""
    lab.start()
    held = []
    for _ in range(SESSIONS + 20):
        held.append(socket.create_connection(("127.0.0.1", lab.replica.port), timeout=10))
    refused = poll(lambda: lab.replica.events(29238), 20, "29238")
    check(refused[0]["Sessions"] == SESSIONS, f"29238: {refused}")
    for connection in held:
        connection.close()
    def served():
        with socket.create_connection(("127.0.0.1", lab.replica.port), timeout=10):
            return lab.replica.events(50046)
    again = poll(served, 30, "50046")
    check(again[0]["Refused"] >= 1, f"50046: {again}")
    check(len(lab.replica.events(29238)) == len(lab.replica.events(50046)) == 1, "each is told once")


def progress(lab):
    """Nothing within half a minute, then where the work is; the last tenth is told by 29244."""
    primary = Disk.create(lab, "primary.vhdx", 8 * MIB).fill(lab.rng, (0, 8 * MIB))
    replica = Disk.create(lab, "replica.vhdx", 8 * MIB)
    lab.start()
    lab.relate("pair", [primary], [replica])
    lab.primary.request("set", name="pair", bandwidth_limit=192 * 1024)
    started = time.monotonic()
    lab.resync("pair")
    told = poll(lambda: lab.primary.events(50026), 45, "50026")
    check(time.monotonic() - started >= 29, "progress was told within half a minute")
    lab.primary.request("set", name="pair", bandwidth_limit=0)
    lab.finished("pair", [(primary, replica)])
    check(len(told) == 1 and told[0]["Channel"] == "VRep/Operational" and 10 <= told[0]["Percent"] < 100 and
          told[0]["BytesTotal"] == 8 * MIB and told[0]["Percent"] == told[0]["BytesCompared"] * 100 // (8 * MIB), f"{told}")
    check(len(lab.primary.events(50026)) == 1, "progress was told again within half a minute")


main(lost_replica, flood_of_connections, progress)
