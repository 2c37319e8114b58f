#!/usr/bin/env python3
# vrep-test: timeout=300 labels=e2e presets=native
"""A bandwidth limit of a relationship or of the server holds, and a change of it acts within a second."""

import time

from vrep_e2e import MIB, Disk, check, main

SIZE = 64 * MIB


def prepared(lab):
    primary = Disk.create(lab, "primary.vhdx", SIZE).fill(lab.rng, (0, SIZE))
    replica = Disk.create(lab, "replica.vhdx", SIZE)
    lab.start()
    lab.relate("pair", [primary], [replica])
    return primary, replica


def measured(lab, seconds):
    """Bytes sent per second over the next seconds."""
    def sent():
        return lab.primary.relationship("pair")["ResynchronizeBytesSent"] or 0
    begin, at = sent(), time.monotonic()
    time.sleep(seconds)
    return (sent() - begin) / (time.monotonic() - at)


def near(rate, limit):
    return 0.6 * limit < rate < 1.3 * limit


def obeys(lab, change):
    """Runs with limits that `change` sets, slow and fast and slow again, and looks one second after each change."""
    pair = prepared(lab)
    change(2 * MIB)
    lab.resync("pair")
    time.sleep(1.5)
    for limit in (2 * MIB, 6 * MIB, MIB):
        change(limit)
        time.sleep(1)
        rate = measured(lab, 2)
        check(near(rate, limit), f"limit {limit}, measured {rate:.0f} bytes/s")
    change(0)
    started = time.monotonic()
    lab.finished("pair", [pair], 60)
    check(time.monotonic() - started < 20, "without a limit it is still slow")


def limit_of_a_relationship(lab):
    obeys(lab, lambda limit: lab.primary.ctl("set", "pair", "--bandwidth-limit", str(limit)))
    check(lab.primary.relationship("pair")["BandwidthLimit"] == 0, "the limit is shown")


def limit_of_the_server(lab):
    obeys(lab, lambda limit: lab.primary.ctl("server", "set", "--bandwidth-limit", str(limit)))
    check(lab.primary.request("status")["Server"]["BandwidthLimit"] == 0, "the server's limit is shown")


main(limit_of_a_relationship, limit_of_the_server)
