"""Reads `vrepctl status NAME --json` and prints what the demo needs of it.

    demo_status.py progress      a line about the running resynchronization
    demo_status.py NAME          one member, as it is
"""

import json
import sys

MIB = 1024 * 1024


def progress(found):
    total = found["ResynchronizeBytesTotal"] or 0
    compared = found["ResynchronizeBytesCompared"] or 0
    line = f"{found['ReplicationStateText']}"
    if found["ReplicationState"] == 11:
        line = f"{(found['ResynchronizeActivity'] or 'Starting').lower()}: "
        line += f"{100 * compared // total if total else 0} % compared"
        for text, key in (("different", "Different"), ("sent", "Sent"), ("merged", "Merged")):
            line += f", {(found['ResynchronizeBytes' + key] or 0) / MIB:.1f} MiB {text}"
        if found["ResynchronizeTimeRemaining"] is not None:
            line += f", {found['ResynchronizeTimeRemaining']} s remain"
    return line


def percent(found):
    total = found["ResynchronizeBytesTotal"] or 0
    if found["ReplicationState"] != 11:
        return 100
    return 100 * (found["ResynchronizeBytesCompared"] or 0) // total if total else 0


def main(what):
    (found,) = json.load(sys.stdin)["Relationships"]
    print({"progress": progress, "percent": percent}.get(what, lambda f: f[what])(found))


main(sys.argv[1])
