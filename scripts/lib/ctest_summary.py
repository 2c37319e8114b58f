"""Says in one line what a CTest run (its JUnit report) came to, then every skipped test with its reason.

A cmocka program may also skip some of its tests and pass; those are named too.
"""

import re
import sys
import xml.etree.ElementTree as ElementTree


def output(case):
    return case.findtext("system-out") or ""


def main(path):
    passed, failed, skipped = [], [], []
    for case in ElementTree.parse(path).getroot().iter("testcase"):
        name = case.get("name")
        if case.get("status") == "run":
            passed.append(name)
            inner = re.findall(r"^\[  SKIPPED \] (\w+)$", output(case), re.MULTILINE)
            skipped += [f"{name}, in part: {test}" for test in dict.fromkeys(inner)]
        elif case.get("status") == "notrun":
            lines = output(case).strip().splitlines() or ["no reason given"]
            skipped.append(f"{name}: {lines[-1].strip()}")
        else:
            failed.append(name)
    parts = [f"{len(passed)} passed"]
    if failed:
        parts.append(f"{len(failed)} FAILED: " + " ".join(failed))
    if skipped:
        parts.append(f"{len(skipped)} skipped:")
    print("\n             ".join([", ".join(parts)] + skipped))


main(sys.argv[1])
