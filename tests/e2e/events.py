#!/usr/bin/env python3
# vrep-test: timeout=300 labels=e2e presets=native,asan
"""'vrepctl events' asks for some of the events: by number, level, machine, time; the newest of them; those to come."""

import datetime
import json
import os
import signal
import subprocess
import time

from vrep_e2e import MIB, Disk, check, main
from vrep_e2e.runner import PATIENCE
from vrep_e2e.service import program

USAGE = 2
NAME = 'web "1" \\ x'
RECORDS = 150000  # with the text below some 65 MiB, as much as the log keeps
ANSWER_S = 2  # docs/control.md: every request is answered within 2 s


def shown(service, *arguments):
    return json.loads(service.ctl("events", *arguments, "--json").stdout)["Events"]


def ids(events):
    return [event["Id"] for event in events]


def prepared(lab):
    primary = lab.primary.start()
    for name, size in ((NAME, 16), ("db", 8)):
        disk = Disk.create(lab, f"disk{size}.vhdx", size * MIB)
        primary.request("enable", name=name, disks=[disk.path], replica_server="127.0.0.1", replica_port=1)
    primary.refused("stop", name="db")
    for limit in range(1, 6):
        primary.request("server-set", bandwidth_limit=limit * MIB)
    return primary


def compare(service, condition, *arguments):
    """What vrepctl shows is what is left of all events."""
    wanted = [event for event in service.events() if condition(event)]
    check(wanted, f"{arguments}: nothing to compare with")
    found = shown(service, *arguments)
    check(found == wanted, f"{arguments}: {ids(found)}, not {ids(wanted)}")


def filters(lab):
    """Each filter, and all of them together."""
    primary = prepared(lab)
    vm_id = primary.relationship("db")["VMId"]
    compare(primary, lambda _: True)
    compare(primary, lambda e: e["Id"] in (32074, 32546), "--id", "32074,32500-32599")
    compare(primary, lambda e: e.get("VmName") == "db", "db")
    compare(primary, lambda e: e.get("VmName") == NAME, NAME)  # quotes and a backslash
    compare(primary, lambda e: e.get("VmId") == vm_id, vm_id.upper())
    compare(primary, lambda e: e["LevelText"] == "Warning", "--level", "warning")
    compare(primary, lambda e: e["Level"] <= 3, "--level", "warning+")
    compare(primary, lambda e: e["Level"] == 4, "--level", "error,information")
    compare(primary, lambda e: e.get("VmName") == "db" and e["Id"] == 32546 and e["Level"] == 3,
            "db", "--level", "warning,error", "--since", "1h", "--id", "32500-60000")
    check(shown(primary, "--level", "critical") == [] and shown(primary, "nobody") == [], "what matches nothing")
    newest = shown(primary, "--id", "50003", "--limit", "2")
    check([event["Settings"] for event in newest] == [f"BandwidthLimit {n * MIB}" for n in (4, 5)], "the newest two, oldest first")
    check("32546" in primary.ctl("events", "db", "--level", "warning+").stdout, "for people")


def times(lab):
    """Local times, ISO 8601 and durations mean what they say."""
    primary = prepared(lab)
    time.sleep(1.1)
    border = datetime.datetime.now(datetime.timezone.utc)
    time.sleep(0.1)
    before = len(primary.events())
    primary.request("server-set", maximum_active_transfers=5)
    utc = border.strftime("%Y-%m-%dT%H:%M:%S.") + f"{border.microsecond // 1000:03}Z"
    check(ids(shown(primary, "--since", utc)) == [50003], "--since with Z")
    check(len(shown(primary, "--until", utc)) == before, "--until with Z")
    local = border.astimezone().strftime("%Y-%m-%d %H:%M:%S")  # of the second that began before
    check(50003 in ids(shown(primary, "--since", local)), "--since in local time")
    zone = border.astimezone(datetime.timezone(datetime.timedelta(hours=5, minutes=30))).isoformat(timespec="milliseconds")
    check(ids(shown(primary, "--since", zone)) == [50003], f"--since {zone}")
    check(len(shown(primary, "--since", "1d")) == before + 1 and shown(primary, "--until", "1h") == [], "durations")
    for wrong in ("yesterday", "2026-02-30", "5", ""):
        primary.ctl("events", "--since", wrong, expect=USAGE)
    primary.ctl("events", "--follow", "--until", "1h", expect=USAGE)
    primary.ctl("events", "--id", "4-3", expect=USAGE)
    primary.ctl("events", "--level", "loud", expect=USAGE)


def followed(lab):
    """--follow shows the newest that match, then only those to come that match, a line each."""
    primary = prepared(lab)
    process = subprocess.Popen([program("vrepctl"), "--instance", primary.instance, "events", "--json", "--follow",
                                "--id", "50003", "--limit", "1"], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
    try:
        check(json.loads(process.stdout.readline())["Settings"] == f"BandwidthLimit {5 * MIB}", "the newest first")
        primary.refused("stop", name="db")
        primary.request("server-set", bandwidth_limit=7)
        check(json.loads(process.stdout.readline())["Settings"] == "BandwidthLimit 7", "then what comes")
        process.send_signal(signal.SIGINT)
        check(process.wait(timeout=20 * PATIENCE) == 0, "Ctrl-C ends it in order")
        check(process.stdout.read() == "", "nothing else matched")
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def large_log(lab):
    """A search that has the whole log to go through is answered in pages of less than two seconds."""
    folder = os.path.join(lab.primary.data, "log")
    os.makedirs(folder)
    with open(os.path.join(folder, "events.jsonl"), "w", encoding="utf-8") as file:
        for record in range(1, RECORDS + 1):
            name = "needle" if record in (7, RECORDS // 2) else "hay"
            file.write(json.dumps({"RecordId": record, "TimeCreated": "2026-11-22T17:49:09.000Z", "Id": 29242, "Level": 4,
                                   "Message": "x" * 300, "VmName": name}, separators=(",", ":")) + "\n")
    primary = lab.primary.start()
    for way in ({}, {"newest": True}):
        found, pages, bound = [], 0, {}
        while True:
            begun = time.monotonic()
            page = primary.request("events", limit=1000, name="needle", **way, **bound)
            spent = time.monotonic() - begun
            check(spent < ANSWER_S * PATIENCE, f"a page took {spent:.1f} s")
            found += [event["RecordId"] for event in page["Events"]]
            pages += 1
            bound = {"before": page["First"]} if way else {"after": page["Last"]}
            if not page["More"]:
                break
        check(sorted(found) == [7, RECORDS // 2], f"found {found}")
        print(f"{'newest' if way else 'oldest'} first: {pages} pages")
    check(len(shown(primary, "needle")) == 2, "vrepctl goes through all pages")


if __name__ == "__main__":
    main(filters, times, followed, large_log)
