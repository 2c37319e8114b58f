"""Runs the scenarios of a file one after the other, each in a laboratory of its own."""

import os
import sys
import time
import traceback

PRESET = os.environ.get("VREP_PRESET", "native")
PATIENCE = {"native": 1, "asan": 3, "win64": 3}.get(PRESET, 1)  # how much slower than native everything may be


class Skip(Exception):
    """Raised by a scenario that cannot run here; says why."""


def check(condition, message):
    """An assertion that says what was expected."""
    if not condition:
        raise AssertionError(message)


def poll(condition, seconds, what):
    """Waits until condition() is true and returns its value; a deadline that passes is a failure."""
    deadline = time.monotonic() + seconds * PATIENCE
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() >= deadline:
            raise AssertionError(f"not within {seconds * PATIENCE} s: {what}")
        time.sleep(0.02)


def need_root(what):
    if os.geteuid() != 0:
        raise Skip(f"{what} needs root")


def main(*scenarios, **lab_options):
    """Runs each scenario(lab); arguments of the script choose some by name. Exits 0, 1, or 77 when all were skipped."""
    from .lab import Lab

    chosen = [s for s in scenarios if not sys.argv[1:] or s.__name__ in sys.argv[1:]]
    failed, skipped = [], []
    for scenario in chosen:
        start = time.monotonic()
        verdict = "ok"
        with Lab(scenario.__name__, **lab_options) as lab:
            try:
                scenario(lab)
                lab.finish()
            except Skip as reason:
                skipped.append(f"{scenario.__name__}: {reason}")
                verdict = f"skipped: {reason}"
            except BaseException as problem:  # pylint: disable=broad-except # KeyboardInterrupt is reported too
                traceback.print_exc()
                lab.report()
                failed.append(scenario.__name__)
                verdict = "FAILED"
                if isinstance(problem, KeyboardInterrupt):
                    raise
        print(f"{scenario.__name__}: {verdict} ({time.monotonic() - start:.1f} s)", flush=True)
    if failed:
        print(f"FAILED: {' '.join(failed)}")
        sys.exit(1)
    if chosen and len(skipped) == len(chosen):
        print("; ".join(skipped))
        sys.exit(77)
