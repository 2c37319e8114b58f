"""The laboratory of one scenario: a folder, a primary and a replica service, disks, and what must be true of them."""

import os
import random
import shutil
import tempfile

from .disk import Disk, children_of
from .runner import check
from .service import ControlError, Service

REPLICATING, SUSPENDED, ERROR, WAITING, RESYNCHRONIZING, RESYNC_SUSPENDED = 4, 8, 9, 10, 11, 12
FINISHED = (REPLICATING,)
LOG_TAIL = 12  # lines of each console shown after a failure


class Lab:
    """Use as a context manager; everything in it is gone afterwards (VREP_KEEP=1 keeps the folder)."""

    made = 0

    def __init__(self, name, kind=Service):
        Lab.made += 1
        self.name = name
        self.root = tempfile.mkdtemp(prefix=f"e2e-{name}-")
        self.disks = os.path.join(self.root, "disks")
        self.models = os.path.join(self.root, "models")
        os.mkdir(self.disks)
        os.mkdir(self.models)
        self.seed = int(os.environ.get("VREP_SEED", "20261122"))
        self.rng = random.Random(f"{name} {self.seed}")
        self.kind = kind
        self.services = []
        self.cleanups = []
        self.primary = self.service("primary")
        self.replica = self.service("replica")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for service in self.services:
            service.clean()
        for undo in reversed(self.cleanups):
            undo()
        if os.environ.get("VREP_KEEP"):
            print(f"kept: {self.root}")
        else:
            shutil.rmtree(self.root, ignore_errors=True)
        return False

    def service(self, role):
        number = len(self.services)
        instance = f"e2e-{os.getpid()}-{Lab.made}-{number}"
        service = self.kind(os.path.join(self.root, f"{role}{number or ''}"), role, instance)
        self.services.append(service)
        return service

    def start(self):
        for service in (self.primary, self.replica):
            service.start()
        return self

    def finish(self):
        """Every service that still runs must end in order."""
        for service in self.services:
            service.stop()
            service.check_sanitizers()

    def report(self):
        """After a failure: what the services said."""
        print(f"-- seed: VREP_SEED={self.seed}")
        for service in self.services:
            lines = service.console().splitlines()[-LOG_TAIL:]
            print(f"-- {service.role}, end of its console:")
            print("\n".join("   " + line for line in lines))

    # Relationships.

    def relate(self, name, primary_disks, replica_disks):
        """The agreement of both sides."""
        self.replica.request("enable", name=name, disks=[disk.path for disk in replica_disks], as_replica=True)
        self.primary.request("enable", name=name, disks=[disk.path for disk in primary_disks],
                             replica_server="127.0.0.1", replica_port=self.replica.port)
        return name

    def drifted(self, name="pair", size=64 * 1024 * 1024, spans=None, units=40, **how):
        """A primary disk with content and a replica that is a copy of it with some of it rewritten; not yet related."""
        primary = Disk.create(self, f"{name}-primary.vhdx", size, **how)
        spans = spans or [(0, 4 * 1024 * 1024), (size // 2, 4 * 1024 * 1024)]
        primary.fill(self.rng, *spans)
        replica = primary.copy(self, f"{name}-replica.vhdx")
        replica.drift(self.rng, units)
        return primary, replica

    def resync(self, name, **members):
        self.primary.request("resume", name=name, resynchronize=True, **members)

    def resync_again(self, name, **members):
        """The same where a finished pair may be replicating: Hyper-V wants it suspended first. Its watch may be faster."""
        if self.primary.relationship(name)["ReplicationState"] == REPLICATING:
            try:
                self.primary.request("suspend", name=name)
            except ControlError as error:
                check(error.event == 32546, f"suspend: {error}")
        self.resync(name, **members)

    def finished(self, name, pairs, seconds=120):
        """Waits for the end and checks that each replica (a Disk) has its primary's content, told by other programs."""
        self.primary.wait_state(name, FINISHED, seconds)
        self.replica.wait(name, lambda r: r["ResynchronizePhase"] in (None, "None", ""), seconds,
                          "the replica is done with the merge")
        for primary, replica in pairs:
            self.check_identical(primary, replica)

    def check_identical(self, primary, replica):
        check(not children_of(replica.path), f"children are left: {children_of(replica.path)}")
        check(replica.reads_as(primary.model), f"{replica.path} does not have the content of {primary.path}")
        shutil.copyfile(primary.model, replica.model)

    def cancel(self, name, seconds=30):
        """Stops and waits until the cancel is granted; False when it came too late and the merge finished instead."""
        try:
            self.primary.request("stop", name=name)
        except ControlError as error:
            check(error.code == "Refused", f"stop: {error}")
        ended = self.primary.wait(
            name, lambda r: r["ReplicationState"] in (WAITING, REPLICATING) and not r["ResynchronizeCancelPending"],
            seconds, "the cancel or the merge ends")
        return ended["ReplicationState"] == WAITING
