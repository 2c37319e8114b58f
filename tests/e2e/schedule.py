#!/usr/bin/env python3
# vrep-test: timeout=300 labels=e2e presets=native,asan
"""Resynchronizations that start, pause and go on by themselves: windows around the present time, and starts at a time."""

import datetime
import os
import time

from vrep_e2e import MIB, check, main, poll
from vrep_e2e.lab import REPLICATING, RESYNC_SUSPENDED, RESYNCHRONIZING, WAITING
from vrep_e2e.runner import PATIENCE

FAILED, REFUSED = 1, 5
QUIET = 1.5  # seconds in which something would have started
EAST = {"TZ": "<+0230>-2:30"}  # two and a half hours ahead of UTC

os.environ["TZ"] = "UTC0"  # of the services and of vrepctl
time.tzset()


def clock(seconds=0):
    """The time of the day so far from now."""
    return (datetime.datetime.now() + datetime.timedelta(seconds=seconds)).strftime("%H:%M:%S")


def hours(number):
    return number * 3600


def related(lab, pace=0):
    """A drifted pair; with a pace (bytes per second) one that has 16 MiB to send at it."""
    pair = lab.drifted(spans=[(0, 20 * MIB)])
    if pace:
        pair[1].fill(lab.rng, (2 * MIB, 16 * MIB))
    lab.start().relate("pair", [pair[0]], [pair[1]])
    lab.primary.request("set", name="pair", bandwidth_limit=pace)
    return pair


def window(lab, start, end, **members):
    return lab.primary.request("set", name="pair", auto_resynchronize_enabled=True,
                               auto_resynchronize_interval_start=start, auto_resynchronize_interval_end=end, **members)


def stays(lab, state, seconds=QUIET):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        seen = lab.primary.relationship("pair")["ReplicationState"]
        check(seen == state, f"the state is {seen}, not {state}")
        time.sleep(0.1)


def schedule(lab, seconds, expect=0):
    """vrepctl resume --start-time, so far from now; what it printed, and the time that was typed."""
    moment = datetime.datetime.now() + datetime.timedelta(seconds=seconds)
    typed = moment.strftime("%Y-%m-%d %H:%M:%S")
    done = lab.primary.ctl("resume", "pair", "--resynchronize", "--start-time", typed, expect=expect)
    return done.stdout + done.stderr, typed


def scheduled(lab, seconds):
    said, typed = schedule(lab, seconds)
    check(typed in said, f"the time is not in: {said}")
    check(lab.primary.relationship("pair")["ResynchronizeStartTime"], "no start time is shown")


def triggers(lab):
    """What started each resynchronization."""
    return [event["Trigger"] for event in lab.primary.events(32325)]


def inside_its_window(lab):
    """It starts by itself; enabling without a window warns."""
    pair = related(lab)
    shown = lab.primary.ctl("set", "pair", "--suspend-at-window-end", "off", "--auto-resynchronize", "on").stdout
    for name in ("AutoResynchronizeIntervalStart", "AutoResynchronizeIntervalEnd"):
        check(name in shown, f"the warning does not name {name}: {shown}")
    lab.primary.ctl("set", "pair", "--auto-resynchronize-start", clock(-hours(1)), "--auto-resynchronize-end",
                    clock(hours(1)))
    lab.finished("pair", [pair])
    check(triggers(lab) == ["AutoResynchronizeInterval"], f"initiated by {triggers(lab)}")


def outside_its_window(lab):
    """It does not start and says when it will, once; the same window is the present one two hours further east."""
    pair = related(lab)
    told = poll(lambda: lab.primary.events(32394), 10, "32394 says that it is not enabled")
    check(told[0]["LevelText"] == "Information", f"nothing is wrong with a new relationship: {told[0]['LevelText']}")
    start, end = clock(hours(2)), clock(hours(3))
    window(lab, start, end)
    told = poll(lambda: lab.primary.events(32396), 10, "32396 says that it is outside")
    check(start in told[0]["Message"] and end in told[0]["Message"], f"no window in: {told[0]['Message']}")
    stays(lab, WAITING)
    relationship = lab.primary.relationship("pair")
    check(relationship["AutoResynchronizeNextStart"][11:19] == start, f"next start: {relationship}")
    check(told[0]["NextStart"] == relationship["AutoResynchronizeNextStart"], f"32396 says {told[0]['NextStart']}")
    shown = lab.primary.ctl("status", "pair").stdout
    check(f"from {start} to {end}" in shown and "Next window" in shown, f"status says: {shown}")
    lab.primary.stop()
    lab.primary.start()
    stays(lab, WAITING)
    check(len(lab.primary.events(32396)) == 1, "32396 was told again after a restart")
    lab.primary.stop()
    lab.primary.start(environment=EAST)
    lab.finished("pair", [pair])


def stopped_inside(lab):
    """Stopped in its window, it does not start again in it, over a restart too; by hand it does."""
    pair = related(lab, MIB)
    window(lab, clock(-hours(1)), clock(hours(1)))
    lab.primary.wait(
        "pair", lambda r: r["ReplicationState"] == RESYNCHRONIZING and r["ResynchronizeBytesSent"], 30, "it sends")
    check(lab.cancel("pair"), "the cancel came too late")
    stays(lab, WAITING)
    lab.primary.stop()
    lab.primary.start()
    stays(lab, WAITING)
    lab.primary.request("set", name="pair", bandwidth_limit=0)
    lab.resync("pair")
    lab.finished("pair", [pair])


def guard_refuses(lab):
    """The guard of the replica's disk holds for a start that nobody asked for, once in a window."""
    pair = related(lab)
    lab.resync("pair")
    lab.finished("pair", [pair])
    lab.primary.request("suspend", name="pair")
    lab.replica.stop()
    pair[1].drift(lab.rng, 3)
    lab.replica.start()
    lab.resync("pair")
    lab.primary.wait_state("pair", WAITING)
    check(len(lab.primary.events(32390)) == 1, "the guard did not refuse")
    window(lab, clock(-hours(1)), clock(hours(1)))
    poll(lambda: len(lab.primary.events(32390)) == 2, 20, "the guard refuses what starts by itself")
    lab.primary.wait_state("pair", WAITING)
    stays(lab, WAITING)
    check(len(lab.primary.events(32390)) == 2, "it was tried again in the same window")


def window_ends(lab):
    """What still runs at the end suspends itself when that is wanted, and goes on in the next window."""
    pair = related(lab, MIB // 4)
    seconds = 6 * PATIENCE
    window(lab, clock(-hours(1)), clock(seconds), auto_resynchronize_suspend_at_interval_end=True)
    paused = lab.primary.wait_state("pair", RESYNC_SUSPENDED, 30 + seconds)
    check("window" in paused["ResynchronizeSuspendCause"], f"the cause: {paused['ResynchronizeSuspendCause']}")
    check(len(lab.primary.events(33603)) == 1, "33603 was not raised once")
    check(paused["AutoResynchronizeNextStart"], "nobody says when it goes on")
    stays(lab, RESYNC_SUSPENDED)
    lab.primary.request("set", name="pair", bandwidth_limit=0)
    window(lab, clock(-hours(1)), clock(hours(1)))
    lab.finished("pair", [pair])
    check(len(lab.primary.events(33604)) == 1 and len(lab.primary.events(32325)) == 1, "it did not go on with the old one")


def at_a_time(lab):
    """A start that was asked for comes at its time, after a restart, and when it was missed."""
    pair = related(lab)
    scheduled(lab, 2)
    stays(lab, WAITING, 0.5)
    lab.finished("pair", [pair])
    lab.primary.request("suspend", name="pair")
    scheduled(lab, 4 * PATIENCE)
    lab.primary.kill()
    lab.primary.start()
    check(lab.primary.relationship("pair")["ResynchronizeStartTime"], "the restart has lost the start time")
    lab.finished("pair", [pair])
    lab.primary.request("suspend", name="pair")
    scheduled(lab, 2 * PATIENCE)
    lab.primary.stop()
    time.sleep(2 * PATIENCE + 0.5)
    lab.primary.start()
    lab.primary.wait(
        "pair", lambda r: r["ReplicationState"] in (RESYNCHRONIZING, REPLICATING), 10, "the missed one starts")
    lab.finished("pair", [pair])
    check(triggers(lab) == 3 * ["ResynchronizeStartTime"], f"initiated by {triggers(lab)}")


def taken_back(lab):
    """stop takes a scheduled start back and leaves the state; nothing else starts meanwhile."""
    related(lab)
    scheduled(lab, hours(1))
    check("scheduled for" in lab.primary.ctl("status").stdout, "the table does not say that it is scheduled")
    check(lab.primary.refused("resume", "Refused", name="pair", resynchronize=True).event == 29186, "not 29186")
    window(lab, clock(-hours(1)), clock(hours(1)))
    stays(lab, WAITING)
    shown = lab.primary.ctl("stop", "pair").stdout
    check("WaitingForStartResynchronize" in shown, f"stop says: {shown}")
    check(lab.primary.relationship("pair")["ResynchronizeStartTime"] is None, "a start time is left")
    stays(lab, WAITING)
    lab.primary.ctl("stop", "pair", expect=REFUSED)


def impossible_times(lab):
    """The past, and more than seven days ahead: refused with the date as it was understood."""
    related(lab)
    for seconds in (-60, hours(24 * 7 + 1)):
        said, typed = schedule(lab, seconds, FAILED)
        check(typed in said and "29178" in said, f"the time or the event is not in: {said}")
    check(len(lab.primary.events(29178)) == 2, "29178 was not raised for each")
    check(lab.primary.relationship("pair")["ResynchronizeStartTime"] is None, "it was scheduled nevertheless")
    lab.primary.ctl("resume", "pair", "--resynchronize", "--start-time", "tomorrow", expect=2)


main(inside_its_window, outside_its_window, stopped_inside, guard_refuses, window_ends, at_a_time, taken_back,
     impossible_times)
