#!/usr/bin/env python3
# vrep-test: timeout=300 labels=e2e presets=native,asan
"""The service as a process: starts, stops, second instances, crashes, signals, systemd, and clients that misbehave."""

import json
import os
import signal
import socket
import stat
import subprocess
import time

from vrep_e2e import check, main, poll
from vrep_e2e.runner import PATIENCE
from vrep_e2e.service import program


def run(*arguments, environment=None):
    """vrepsvc until it ends by itself."""
    return subprocess.run([program("vrepsvc"), *arguments], capture_output=True, text=True, check=False,
                          stdin=subprocess.DEVNULL, timeout=30 * PATIENCE, env=dict(os.environ, **(environment or {})))


def refused(code, text, *arguments):
    done = run(*arguments)
    check(done.returncode == code, f"vrepsvc {arguments}: exit {done.returncode}: {done.stderr}")
    check(text in done.stderr, f"vrepsvc {arguments}: '{text}' is not in: {done.stderr}")


def events_of(service):
    with open(os.path.join(service.data, "log", "events.jsonl"), encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def command_line(lab):
    """Help without arguments, one clear error for each mistake."""
    for arguments in ([], ["--help"]):
        done = run(*arguments)
        check(done.returncode == 0 and "--console" in done.stdout, f"no help for {arguments}: {done.stdout}")
    check("0." in run("--version").stdout, "no version")
    instance = lab.primary.instance
    refused(2, "--frob", "--frob")
    refused(2, "needs a value", "--console", "--instance")
    refused(2, "a/b", "--console", "--instance", "a/b")
    refused(2, "Say what to do", "--instance", instance)
    refused(2, "does not go", "--console", "--service")
    refused(2, "host with an optional port", "--console", "--listen", "127.0.0.1:99999")
    refused(1, "systemd", "install", "--instance", instance)
    refused(1, "loopback", "--console", "--instance", instance, "--data", lab.primary.data, "--listen", "0.0.0.0:0")
    last = events_of(lab.primary)[-1]
    check(last["Id"] == 50012 and "loopback" in last["ErrorMessage"], f"the reason is not kept: {last}")


def start_and_stop(lab):
    """SIGTERM, SIGINT and SIGHUP end it in order, with events for both ends."""
    service = lab.primary
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        service.start()
        mode = stat.S_IMODE(os.stat(service.socket_path).st_mode)
        folder = stat.S_IMODE(os.stat(os.path.dirname(service.socket_path)).st_mode)
        check((mode, folder) == (0o600, 0o700), f"the socket has mode {mode:o} in a folder of {folder:o}")
        began = time.monotonic()
        service.process.send_signal(number)
        code = service.process.wait(timeout=10 * PATIENCE)
        check(code == 0, f"exit {code} after signal {number}")
        check(time.monotonic() - began < 10 * PATIENCE, "the stop took too long")
        check(not os.path.exists(service.socket_path), "the socket is left")
    seen = [event["Id"] for event in events_of(service)]
    check(seen == [50000, 50001] * 3, f"events: {seen}")
    numbers = [event["RecordId"] for event in events_of(service)]
    check(numbers == list(range(1, 7)), f"RecordIds: {numbers}")


def second_of_the_same(lab):
    """Neither a second service of the instance nor a second one on the data folder harms the first."""
    service = lab.primary.start()
    listen = ("--listen", "127.0.0.1:0")
    refused(1, "Another service", "--console", "--instance", service.instance, "--data", lab.replica.data, *listen)
    refused(1, service.data, "--console", "--instance", lab.replica.instance, "--data", service.data, *listen)
    check(service.request("version")["Instance"] == service.instance, "the first one does not answer")
    lab.replica.start()


def killed(lab):
    """A service that was killed leaves a socket behind and starts again; its state is what it was."""
    service = lab.primary.start()
    service.ctl("server", "set", "--bandwidth-limit", "4M", "--maximum-active-transfers", "2")
    for _ in range(3):
        service.kill()
        check(os.path.exists(service.socket_path), "no socket was left: nothing is tested")
        service.ctl("status", expect=3)
        service.start()
        shown = json.loads(service.ctl("server", "--json").stdout)
        check((shown["BandwidthLimit"], shown["MaximumActiveTransfers"]) == (4 << 20, 2), f"settings: {shown}")


def killed_after_events(lab):
    """What was raised before a kill is in the file, whole and once."""
    service = lab.primary.start()
    for turn in range(5):
        for limit in range(20):
            service.request("server-set", bandwidth_limit=(turn * 20 + limit + 1) * 1000)
        service.kill()
        service.start()
        # It answers a moment before it says that it has started.
        poll(lambda: events_of(service)[-1]["Id"] == 50000, 5, "the start is in the file")
    numbers = [event["RecordId"] for event in events_of(service)]
    check(numbers == list(range(1, len(numbers) + 1)), "a RecordId is missing or doubled")
    newest = json.loads(service.ctl("events", "--limit", "3", "--json").stdout)["Events"]
    check([event["RecordId"] for event in newest] == numbers[-3:], "events --limit shows others")


def systemd(lab):
    """READY=1 when it serves, not before; STOPPING=1 when it is told to end."""
    path = os.path.join(lab.root, "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notify:
        notify.bind(path)
        notify.settimeout(10 * PATIENCE)
        lab.primary.start(environment={"NOTIFY_SOCKET": path})
        check(notify.recv(100) == b"READY=1", "no READY=1")
        lab.primary.stop()
        check(notify.recv(100) == b"STOPPING=1", "no STOPPING=1")


def clients_that_misbehave(lab):
    """Garbage, silence and half requests from many clients at once; the others are served meanwhile."""
    service = lab.primary.start()
    waste = []
    for number in range(50):
        client = service.connect()
        client.sendall([b"", b"\x05", b"\xff\xff\xff\xff", b"GET / HTTP/1.1\r\n\r\n", b"\x20\0\0\0{"][number % 5])
        waste.append(client)
    began = time.monotonic()
    service.request("status")
    check(time.monotonic() - began < 2 * PATIENCE, "status took too long beside clients that misbehave")
    for client in waste:
        client.close()
    for _ in range(100):
        service.request("version")
    began = time.monotonic()
    service.stop()
    check(time.monotonic() - began < 5 * PATIENCE, "the stop waits for clients")


def events_are_followed(lab):
    """events --follow shows what comes, until Ctrl-C ends it with 0."""
    service = lab.primary.start()
    with subprocess.Popen([program("vrepctl"), "--instance", service.instance, "events", "--follow", "--json"],
                          stdout=subprocess.PIPE, text=True, stdin=subprocess.DEVNULL) as follower:
        check(json.loads(follower.stdout.readline())["Id"] == 50000, "the start is not shown")
        service.request("server-set", bandwidth_limit=1000)
        check(json.loads(follower.stdout.readline())["Id"] == 50003, "the present is not shown")
        follower.send_signal(signal.SIGINT)
        check(follower.wait(timeout=5 * PATIENCE) == 0, "Ctrl-C is no success")
    poll(lambda: service.request("version"), 5, "the service goes on")


main(command_line, start_and_stop, second_of_the_same, killed, killed_after_events, systemd,
     clients_that_misbehave, events_are_followed)
