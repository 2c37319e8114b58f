"""Says in one line what a CTest run (its JUnit report) came to, with every skipped test by name and reason."""

import sys
import xml.etree.ElementTree as ElementTree


def reason(case):
    lines = (case.findtext("system-out") or "").strip().splitlines()
    return lines[-1].strip() if lines else "no reason given"


def main(path):
    passed, failed, skipped = [], [], []
    for case in ElementTree.parse(path).getroot().iter("testcase"):
        status = case.get("status")
        {"run": passed, "notrun": skipped}.get(status, failed).append(case)
    parts = [f"{len(passed)} passed"]
    if failed:
        parts.append(f"{len(failed)} FAILED: " + " ".join(case.get("name") for case in failed))
    if skipped:
        parts.append(f"{len(skipped)} skipped:")
    print(", ".join(parts))
    for case in skipped:
        print(f"             {case.get('name')}: {reason(case)}")


main(sys.argv[1])
