#!/usr/bin/env python3
# vrep-test: timeout=400 labels=e2e,wine presets=win64 serial
"""The service under Wine's Service Control Manager: registration, start, stop, two instances, a failed start, a kill."""

import json
import os
import re
import time

from vrep_e2e import check, main, poll
from vrep_e2e.prometheus import lint, parse
from vrep_e2e.service import program
from vrep_e2e.windows import WindowsService, windows_name, wine

SERVICE_SPECIFIC_ERROR = 1066


def registered(service):
    """The values of the service's key in the registry."""
    key = "HKLM\\System\\CurrentControlSet\\Services\\VRep$" + service.instance
    lines = wine("reg", "query", key).stdout.splitlines()
    return dict((words[0], words[2]) for words in (line.split(None, 2) for line in lines) if len(words) == 3)


def state(service):
    """What the manager says: state, exit code, the service's own exit code."""
    shown = wine("sc", "query", f"VRep${service.instance}").stdout
    return tuple(int(re.search(name + r"\s*:\s*(\d+)", shown).group(1))
                 for name in (r"STATE", r"WIN32_EXIT_CODE", r"SERVICE_EXIT_CODE"))


def stopped(service, seconds):
    poll(lambda: state(service)[0] == 1, seconds, f"the manager sees {service.instance} stopped")


def bare_start(_):
    """Without arguments it prints its help at once, instead of waiting for a manager."""
    began = time.monotonic()
    done = wine(program("vrepsvc"))
    check(done.returncode == 0 and "--console" in done.stdout, f"no help: {done.stdout}")
    check(time.monotonic() - began < 5, "it waited")


def registration(lab):
    """A quoted path, all options, the name that people see; a second registration is refused, removal is complete."""
    service = lab.primary
    service.data = os.path.join(lab.root, "data with spaces") + "/"
    service.install()
    found = registered(service)
    image = found["ImagePath"]
    check(image.startswith('"') and '.exe" --service ' in image, f"ImagePath: {image}")
    check('spaces\\\\"' in image, f"the backslash before the quote is not doubled: {image}")
    check(found["DisplayName"] == f"VRep Replication Service ({service.instance})", found["DisplayName"])
    check("VHDX" in found["Description"], found["Description"])
    check((found["Start"], found["PreshutdownTimeout"]) == ("0x3", "0xea60"), f"{found}")
    again = wine(program("vrepsvc"), "install", "--instance", service.instance)
    check(again.returncode == 1 and "exists already" in again.stderr, f"{again.returncode}: {again.stderr}")
    service.start().stop()
    check(os.path.exists(service.data + "log/events.jsonl"), "the data are not where --data says")
    done = wine(program("vrepsvc"), "uninstall", "--instance", service.instance)
    check(done.returncode == 0, f"uninstall: {done.stderr}")
    check(os.path.exists(service.data + "log/events.jsonl"), "uninstall removed the data")


def two_instances(lab):
    """Both serve beside each other; STOP ends one within 10 s and leaves the other."""
    for service in (lab.primary, lab.replica):
        service.install().start()
        check(state(service)[0] == 4, f"{service.instance} is not RUNNING: {state(service)}")
        shown = json.loads(service.ctl("version", "--json").stdout)
        check(shown["Instance"] == service.instance, f"{shown}")
    wine("sc", "stop", f"VRep${lab.primary.instance}")
    stopped(lab.primary, 10)
    check(state(lab.primary) == (1, 0, 0), f"an orderly stop gives {state(lab.primary)}")
    lab.primary.ctl("status", expect=3)
    lab.replica.ctl("status")
    check([event["Id"] for event in events_of(lab.primary)] == [50000, 50001], f"{events_of(lab.primary)}")


def events_of(service):
    with open(os.path.join(service.data, "log", "events.jsonl"), encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def failed_start(lab):
    """The manager gets an exit code, the event file the reason."""
    service = lab.primary
    done = wine(program("vrepsvc"), "install", "--instance", service.instance, "--data", windows_name(service.data),
                "--listen", "0.0.0.0:29242", "--start", "demand")
    check(done.returncode == 0, f"install: {done.stderr}")
    wine("sc", "start", f"VRep${service.instance}")
    stopped(service, 10)
    check(state(service)[1] == SERVICE_SPECIFIC_ERROR and state(service)[2] != 0, f"{state(service)}")
    last = events_of(service)[-1]
    check(last["Id"] == 50012 and "loopback" in last["ErrorMessage"], f"{last}")


def killed(lab):
    """After a kill the manager still says RUNNING; start brings it back, and uninstall works without a process too."""
    service = lab.primary.install().start()
    service.ctl("server", "set", "--bandwidth-limit", "4M")
    service.kill()
    service.ctl("status", expect=3)
    service.start()
    shown = json.loads(service.ctl("server", "--json").stdout)
    check(shown["BandwidthLimit"] == 4 << 20, f"{shown}")
    service.kill()
    done = wine(program("vrepsvc"), "uninstall", "--instance", service.instance)
    check(done.returncode == 0, f"uninstall: {done.stderr}")


def monitored(lab):
    """What monitoring systems get of the Windows programs: an exit code and a line, metrics, the file for a collector."""
    service = lab.primary.install()
    check(service.ctl("health", expect=3).stdout.startswith("VREP UNKNOWN - "), "of a service that does not run")
    service.start()
    os.mkdir(folder := os.path.join(lab.root, "metrics"))
    file = os.path.join(folder, f"vrep${service.instance}.prom")
    check(service.ctl("health", expect=3).stdout.count("\n") == 1, "without relationships")
    shown = service.ctl("metrics").stdout
    check("\r" not in shown and not lint(parse(shown.encode())), shown)
    service.ctl("server", "set", "--metrics-folder", windows_name(folder))
    poll(lambda: os.path.exists(file), 10, "the file is written")
    with open(file, "rb") as content:
        check("vrep_build_info" in parse(content.read()), "what is in it")
    local = time.strftime("%Y-%m-%d %H:%M", time.localtime(time.time() - 3600))
    found = json.loads(service.ctl("events", "--id", "50003", "--level", "information", "--since", local, "--json").stdout)["Events"]
    check([event["Settings"] for event in found] == [f"MetricsFolder {windows_name(folder)}"], f"{found}")
    service.stop()
    poll(lambda: not os.path.exists(file), 10, "the file goes with the service")


main(bare_start, registration, two_instances, failed_start, killed, monitored, kind=WindowsService)
