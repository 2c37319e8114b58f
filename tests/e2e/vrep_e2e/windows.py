"""The same service as a Windows service under Wine: the Service Control Manager starts it, vrepctl.exe speaks to its pipe."""

import json
import os
import subprocess

from .runner import check, poll
from .service import ControlError, Service, program

CODES = {5: "Refused", 4: "AccessDenied", 3: "Unavailable"}


def windows_name(path):
    return "Z:" + path.replace("/", "\\")


def wine(*command, timeout=60):
    return subprocess.run(["wine", *command], capture_output=True, text=True, errors="replace", timeout=timeout,
                          stdin=subprocess.DEVNULL, check=False)


class WindowsService(Service):
    """An instance of the service VRep in the prefix of the tests."""

    def install(self):
        done = wine(program("vrepsvc"), "install", "--instance", self.instance, "--data", windows_name(self.data),
                    "--listen", f"127.0.0.1:{self.port}", "--start", "demand")
        check(done.returncode == 0, f"install: exit {done.returncode}: {done.stdout}{done.stderr}")
        return self

    def start(self, faults=None, environment=None):
        check(not faults and not environment, "a Windows service has the environment of its manager")
        done = wine("sc", "start", f"VRep${self.instance}")
        check(done.returncode == 0, f"sc start: exit {done.returncode}: {done.stdout}{done.stderr}")
        poll(lambda: self.ctl("status", expect=None).returncode == 0, 20, f"{self.role} serves")
        return self

    def running(self):
        return self.ctl("status", expect=None).returncode == 0

    def stop(self):
        wine("sc", "stop", f"VRep${self.instance}")
        poll(lambda: not self.running(), 20, f"the {self.role} stops")

    def kill(self):
        """As taskkill does: the manager does not notice."""
        for pid in self.processes():
            os.kill(pid, 9)
        poll(lambda: not self.processes(), 10, f"the {self.role} is gone")

    def processes(self):
        """The Linux processes of this service, told by their command lines."""
        found = []
        for entry in filter(str.isdigit, os.listdir("/proc")):
            try:
                with open(f"/proc/{entry}/cmdline", "rb") as file:
                    words = file.read().decode(errors="replace")
            except OSError:
                continue  # ended meanwhile
            if "--service" in words and self.instance in words and "vrepsvc" in words:
                found.append(int(entry))
        return found

    def clean(self):
        wine(program("vrepsvc"), "uninstall", "--instance", self.instance)
        self.kill()

    def ctl(self, *arguments, expect=0, timeout=60):
        done = wine(program("vrepctl"), "--instance", self.instance, *arguments, timeout=timeout)
        check(expect is None or done.returncode == expect,
              f"vrepctl {' '.join(arguments)}: exit {done.returncode}, not {expect}: {done.stdout}{done.stderr}")
        return done

    def request(self, verb, timeout=10, **members):
        """The verbs that the scenarios use, as vrepctl has them."""
        words = [verb] + ([members.pop("name")] if "name" in members else [])
        for disk in members.pop("disks", []):
            words += ["--disk", windows_name(disk)]
        if "replica_server" in members:
            words += ["--replica", f"{members.pop('replica_server')}:{members.pop('replica_port')}"]
        for member, value in members.items():
            option = "--" + member.replace("_", "-")
            words += [option] if value is True else [option, str(value)]
        if verb == "resume":
            words.append("--no-wait")
        done = self.ctl(*words, "--json", expect=None, timeout=timeout)
        if done.returncode != 0:
            raise ControlError({"code": CODES.get(done.returncode), "message": done.stderr})
        return json.loads(done.stdout)

    def events(self, identifier=None):
        found = json.loads(self.ctl("events", "--limit", "1000", "--json").stdout)["Events"]
        return [event for event in found if identifier is None or event["Id"] == identifier]
