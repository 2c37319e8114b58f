#!/usr/bin/env python3
# vrep-test: timeout=400 labels=e2e,wine presets=win64 serial
"""Upgrades under Wine's msiexec: in mid-resynchronization and with a library in use, of a stopped service; a downgrade."""

import os
import subprocess

from vrep_e2e import MIB, Disk, check
from vrep_e2e.installation import (DONE, FAILED, REBOOT, SERVICE, SETTINGS, files_of, install, installed_versions, msiexec, package,
                                   registry, scenarios, version_of)
from vrep_e2e.service import BIN
from vrep_e2e.windows import wine

OLD, NEW = version_of(package()), version_of(package("next"))
MODULES = "C:\\Program Files\\WindowsPowerShell\\Modules\\VRep\\"


def service_version(service):
    return service.events(50000)[-1]["ProductVersion"]


def mark(service):
    """Whoever deletes and re-creates the service loses this value of its key."""
    wine("reg", "add", SERVICE, "/v", "Marker", "/d", service.instance, "/f")


def check_same(service, before):
    after = registry(SERVICE)
    for name in ("Marker", "ImagePath", "Start", "ObjectName", "DisplayName"):
        check(after.get(name) == before.get(name), f"{name} was {before.get(name)} and is {after.get(name)}")
    check(before["Marker"] == service.instance, f"{before}")


def in_mid_resynchronization(lab):
    """It goes on by itself, though a PowerShell window has the old library loaded; the disks end identical."""
    lab.primary.install(SERVICESTART="demand").start()
    lab.replica.install().start()
    primary = Disk.create(lab, "primary.vhdx", 32 * MIB)
    primary.fill(lab.rng, (0, 12 * MIB))
    replica = primary.copy(lab, "replica.vhdx")
    replica.fill(lab.rng, *((at * 2 * MIB, MIB) for at in range(6)))
    lab.relate("pair", [primary], [replica])
    lab.primary.request("set", name="pair", bandwidth_limit=MIB)
    mark(lab.primary)
    before, settings = registry(SERVICE), registry(SETTINGS)
    lab.resync("pair")
    lab.primary.wait("pair", lambda r: (r["ResynchronizeBytesSent"] or 0) > MIB, 30, "it sends")
    with subprocess.Popen(["wine", os.path.join(BIN, "..", "tests", "tool_hold_win32.exe"), f"{MODULES}{OLD}\\vrep.dll"],
                          stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as window:
        check(window.stdout.readline().strip() == b"loaded", "the library is not loaded")
        code, log = msiexec("/i", package("next"))
        check(code in (DONE, REBOOT), f"the upgrade ended with {code}\n{log[-1500:]}")
        check(window.poll() is None, "the upgrade has closed a program")
    lab.primary.serves()
    check(installed_versions() == [NEW], f"installed: {installed_versions()}")
    check_same(lab.primary, before)
    check({**registry(SETTINGS), "Version": OLD} == settings, f"settings were {settings} and are {registry(SETTINGS)}")
    check(service_version(lab.primary) == NEW, f"the service is {service_version(lab.primary)}")
    module = files_of("Program Files", "WindowsPowerShell", "Modules", "VRep")
    check(f"{NEW}/VRep.psd1" in module and f"{NEW}/vrep.dll" in module, f"{module}")
    check(not [name for name in module if name.startswith(OLD) and not name.endswith("vrep.dll")], f"the old module stays: {module}")
    check(lab.primary.relationship("pair")["ReplicationState"] in (4, 11), "it does not go on")
    lab.primary.request("set", name="pair", bandwidth_limit=0)
    lab.primary.wait_state("pair", 4, 90)
    lab.check_identical(primary, replica)


def of_a_stopped_service(lab):
    """A service that is started by hand and does not run stays so; what is given for the upgrade replaces what was remembered."""
    lab.primary.install(SERVICESTART="demand")
    mark(lab.primary)
    before = registry(SERVICE)
    install(package("next"))
    check_same(lab.primary, before)
    check(not lab.primary.running() and not lab.primary.processes(), "it was started")
    port = lab.replica.port
    install(package("next"), LISTEN_PORT=port, SERVICESTART="auto", REINSTALL="ALL", REINSTALLMODE="vomus")
    after = registry(SERVICE)
    check(f":{port}" in after["ImagePath"] and after["Start"] == "0x2", f"{after}")
    check(registry(SETTINGS)["ListenPort"] == str(port), f"{registry(SETTINGS)}")


def moved(lab):
    """The folder of an installed version is not changed by an upgrade."""
    lab.primary.install(SERVICESTART="demand")
    install(package("next"), expect=FAILED, INSTALLDIR="C:\\Elsewhere")
    check(installed_versions() == [OLD] and not files_of("Elsewhere"), "it has moved")
    install(package("next"), INSTALLDIR="C:\\Program Files\\VRep")
    check(installed_versions() == [NEW], f"{installed_versions()}")


def downgrade(lab):
    lab.primary.install(package("next")).serves()
    install(package(), expect=FAILED)
    check(installed_versions() == [NEW], f"{installed_versions()}")
    check(lab.primary.running(), "the newer service does not run on")
    check(service_version(lab.primary) == NEW, f"{lab.primary.events(50000)}")


scenarios(in_mid_resynchronization, of_a_stopped_service, moved, downgrade)
