#!/usr/bin/env python3
# vrep-test: timeout=600 labels=powershell presets=native,win64 serial
"""The module in PowerShell's own engine, against two services: natively, and as a Windows program through the pipe."""

import json
import os
import socket
import struct
import sys
import threading

import _lab
from vrep_e2e import KIB, MIB, check, main
from vrep_e2e.runner import PATIENCE
from vrep_e2e.service import Service, runtime_folder
from vrep_e2e.windows import WindowsService

SIZE = 8 * MIB
FAILURES = {
    "denied": {"code": "AccessDenied", "message": "Only administrators may use the service.", "action": ""},
    "version": {"code": "Version", "message": "The client speaks version 1, the service version 9.", "action": "Upgrade."},
}


def make_disks(lab):
    """NAME-primary.vhdx and NAME-replica.vhdx of each; a slow one has much to send."""
    for name, different in (("MyVM", 64 * KIB), ("VM1", 64 * KIB), ("VM2", 64 * KIB), ("NewVM", 64 * KIB), ("Slow VM", 2 * MIB)):
        _, replica = lab.drifted(name, SIZE, [(0, 4 * MIB)], 0)
        replica.fill(lab.rng, (MIB, different))


class FakeService(threading.Thread):
    """Answers every request with a failure that a real service has no reason for here."""

    def __init__(self, instance, error):
        super().__init__(daemon=True)
        self.reply = json.dumps({"ok": False, "error": {**error, "osCode": 0, "eventId": 0}}).encode()
        folder = runtime_folder(instance)
        os.makedirs(folder, exist_ok=True)
        self.path = os.path.join(folder, "control.sock")
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.bind(self.path)
        self.socket.listen()
        self.start()

    def run(self):
        while True:
            try:
                connection, _ = self.socket.accept()
            except OSError:
                return
            with connection:
                if connection.recv(64 * KIB):
                    connection.sendall(struct.pack("<I", len(self.reply)) + self.reply)

    def end(self):
        self.socket.close()
        os.unlink(self.path)
        os.rmdir(os.path.dirname(self.path))


def module(lab):
    """All cases, in one engine."""
    folder = _lab.module()
    program = _lab.build_host()
    make_disks(lab)
    for service in (lab.primary, lab.replica):
        if _lab.WINDOWS:
            service.install()
        service.start()
    variables = {"VREP_PS_MODULE": _lab.host_name(folder), "VREP_PS_PRIMARY": lab.primary.instance,
                 "VREP_PS_REPLICA": lab.replica.instance, "VREP_PS_PORT": str(lab.replica.port),
                 "VREP_PS_DISKS": _lab.host_name(lab.disks), "VREP_PS_SOURCE": _lab.host_name(_lab.HERE),
                 "VREP_PS_PATIENCE": str(PATIENCE)}
    fakes = []
    if not _lab.WINDOWS:
        variables["VREP_PS_FAKE"] = f"fake-{os.getpid()}"
        fakes = [FakeService(f"fake-{os.getpid()}-{name}", error) for name, error in FAILURES.items()]
    try:
        code = _lab.run(program, os.path.join(_lab.HERE, "run.ps1"), *filter(None, [os.environ.get("VREP_PS_CASE")]), **variables)
    finally:
        for fake in fakes:
            fake.end()
    check(code == 0, "tests have failed")


sys.stdout.reconfigure(line_buffering=True)
main(module, kind=WindowsService if _lab.WINDOWS else Service)
