"""One service as a process, and its control socket spoken from scratch (docs/control.md), beside vrepctl."""

import json
import os
import shutil
import signal
import socket
import struct
import subprocess

from .runner import PATIENCE, check, poll

BIN = os.environ.get("VREP_BIN", os.path.join(os.path.dirname(__file__), "../../../build/native/bin"))
REPLY_MAX = 16 * 1024 * 1024


def program(name):
    return os.path.join(BIN, name + os.environ.get("VREP_EXE", ""))


def has_fault_points():
    """True when this build has the places of service/replicate/fault_point.h."""
    with open(program("vrepsvc"), "rb") as file:
        return b"VREP_FAULT" in file.read()


class ControlError(Exception):
    """A request that the service refused."""

    def __init__(self, error):
        super().__init__(f"{error.get('code')}: {error.get('message')} {error.get('action', '')}".strip())
        self.code = error.get("code")
        self.message = error.get("message", "")
        self.action = error.get("action", "")
        self.event = error.get("eventId", 0)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def runtime_folder(instance):
    """As base/control_name_posix.c has it."""
    runtime = os.environ.get("XDG_RUNTIME_DIR", "")
    if os.geteuid() == 0:
        default = "/run/vrep"
    elif runtime.startswith("/"):
        default = runtime + "/vrep"
    else:
        default = f"/tmp/vrep-{os.geteuid()}"
    return default + "$" + instance


class Service:
    """An instance of vrepsvc with a data folder and a port that outlive its process."""

    def __init__(self, folder, role, instance):
        self.role = role
        self.instance = instance
        self.data = os.path.join(folder, "data")
        self.log = os.path.join(folder, "console.log")
        self.port = free_port()
        self.process = None
        self.socket_path = os.path.join(runtime_folder(instance), "control.sock")
        os.makedirs(folder, exist_ok=True)

    def start(self, faults=None, environment=None):
        """Starts the process and waits until its control socket answers. `faults`: VREP_FAULT."""
        variables = dict(os.environ, **(environment or {}))
        variables.pop("VREP_FAULT", None)
        if faults:
            variables["VREP_FAULT"] = faults
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(
                [program("vrepsvc"), "--console", "--instance", self.instance, "--data", self.data,
                 "--listen", f"127.0.0.1:{self.port}"],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=variables)
        poll(self.serving, 20, f"{self.role} serves")
        return self

    def serving(self):
        check(self.process.poll() is None, f"the {self.role} ended with {self.process.returncode} at its start")
        try:
            return self.request("version")
        except (OSError, ConnectionError):
            return None

    def running(self):
        return self.process is not None and self.process.poll() is None

    def kill(self):
        """What a power cut does to the process."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()

    def stop(self):
        """Ends it in order: exit code 0 within 10 s, and no word from a sanitizer."""
        if not self.running():
            return
        self.process.send_signal(signal.SIGTERM)
        try:
            code = self.process.wait(timeout=10 * PATIENCE)
        except subprocess.TimeoutExpired:
            self.process.send_signal(signal.SIGABRT)
            self.process.wait()
            raise AssertionError(f"the {self.role} did not end within {10 * PATIENCE} s of SIGTERM") from None
        check(code == 0, f"the {self.role} ended with {code} after SIGTERM")
        self.check_sanitizers()

    def restart(self, faults=None):
        self.stop()
        return self.start(faults)

    def dies_within(self, seconds):
        """For a process that a fault point kills."""
        try:
            self.process.wait(timeout=seconds * PATIENCE)
            return True
        except subprocess.TimeoutExpired:
            return False

    def check_sanitizers(self):
        text = self.console()
        for word in ("ERROR: AddressSanitizer", "ERROR: LeakSanitizer", "runtime error:", "Assertion"):
            check(word not in text, f"the {self.role} printed '{word}', see its log")

    def console(self):
        try:
            with open(self.log, encoding="utf-8", errors="replace") as log:
                return log.read()
        except FileNotFoundError:
            return ""

    def clean(self):
        self.kill()
        shutil.rmtree(runtime_folder(self.instance), ignore_errors=True)

    # The control socket.

    def connect(self, timeout=10):
        connection = socket.socket(socket.AF_UNIX)
        connection.settimeout(timeout * PATIENCE)
        try:
            connection.connect(self.socket_path)
        except OSError:
            connection.close()
            raise
        return connection

    def request(self, verb, timeout=10, **members):
        """One request; its result, or ControlError."""
        message = {"version": {"major": 1, "minor": 0}, "client": "e2e", "verb": verb, **members}
        with self.connect(timeout) as connection:
            send_frame(connection, json.dumps(message).encode())
            reply = json.loads(receive_frame(connection))
        if not reply["ok"]:
            raise ControlError(reply["error"])
        return reply.get("result", {})

    def refused(self, verb, code=None, **members):
        """A request that must be refused; its ControlError."""
        try:
            result = self.request(verb, **members)
        except ControlError as error:
            check(code is None or error.code in code.split("|"), f"{verb}: {code} expected, seen {error}")
            check(error.message.strip(), f"{verb}: an error without a message")
            return error
        raise AssertionError(f"{verb} {members} was to be refused, seen {result}")

    def relationship(self, name):
        found = self.request("status", name=name)["Relationships"]
        check(len(found) == 1, f"status of {name} has {len(found)} relationships")
        return found[0]

    def wait(self, name, condition, seconds, what):
        """Waits until condition(relationship) is true; returns the relationship."""
        last = {}

        def look():
            last.update(self.relationship(name))
            return dict(last) if condition(last) else None

        try:
            return poll(look, seconds, what)
        except AssertionError as late:
            keys = ("ReplicationStateText", "ResynchronizePhase", "ResynchronizeActivity", "ReplicationHealthDetails",
                    "ResynchronizeBytesCompared", "ResynchronizeBytesTotal", "LastError")
            seen = ", ".join(f"{key}={last.get(key)}" for key in keys)
            raise AssertionError(f"{late}; {name} on the {self.role}: {seen}") from None

    def wait_state(self, name, states, seconds=60):
        wanted = {states} if isinstance(states, int) else set(states)
        return self.wait(name, lambda r: r["ReplicationState"] in wanted, seconds,
                         f"{name} comes to state {sorted(wanted)}")

    def wait_removed(self, name, seconds):
        def gone():
            return all(r["VMName"] != name for r in self.request("status")["Relationships"])
        poll(gone, seconds, f"{name} is removed from the {self.role}")

    def events(self, identifier=None):
        """All events so far, or those with this id."""
        found, last = [], 0
        while True:
            page = self.request("events", after=last, limit=1000)
            found += page["Events"]
            if not page["More"]:
                break
            last = page["Last"]
        return [event for event in found if identifier is None or event["Id"] == identifier]

    # vrepctl.

    def ctl(self, *arguments, expect=0, timeout=60):
        """Runs vrepctl against this instance; the completed process, whose exit code must be `expect`."""
        done = subprocess.run([program("vrepctl"), "--instance", self.instance, *arguments], capture_output=True,
                              text=True, timeout=timeout * PATIENCE, stdin=subprocess.DEVNULL, check=False)
        check(done.returncode == expect,
              f"vrepctl {' '.join(arguments)}: exit {done.returncode}, not {expect}: {done.stdout}{done.stderr}")
        return done


def send_frame(connection, payload):
    connection.sendall(struct.pack("<I", len(payload)) + payload)


def receive_exactly(connection, size):
    data = b""
    while len(data) < size:
        part = connection.recv(size - len(data))
        if not part:
            raise ConnectionError("the service closed the connection")
        data += part
    return data


def receive_frame(connection):
    (size,) = struct.unpack("<I", receive_exactly(connection, 4))
    check(0 < size <= REPLY_MAX, f"a reply of {size} bytes")
    return receive_exactly(connection, size)
