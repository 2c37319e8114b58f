#!/usr/bin/env python3
# vrep-test: timeout=400 labels=e2e,wine presets=win64 serial
"""The package under Wine's msiexec: repair, a second installation that finds the data, and one that fails and leaves nothing."""

import os
import shutil

from vrep_e2e import MIB, Disk, check, sha256
from vrep_e2e.installation import (FAILED, SERVICE, SETTINGS, files_of, inside, install, installed_versions, package,
                                   registry, scenarios, uninstall)

PATH = "HKLM\\System\\CurrentControlSet\\Control\\Session Manager\\Environment"
PROGRAMS = ("Program Files", "VRep")


def enabled(lab):
    disk = Disk.create(lab, "web.vhdx", 4 * MIB)
    lab.primary.request("enable", name="web", disks=[disk.path], as_replica=True)
    return disk


def repair(lab):
    """Files that are missing or damaged come back, the service runs again, and its data are what they were."""
    lab.primary.install().serves()
    enabled(lab)
    control, module = inside(*PROGRAMS, "vrepctl.exe"), inside("Program Files", "WindowsPowerShell", "Modules", "VRep")
    whole = sha256(control)
    before, settings = registry(SERVICE), registry(SETTINGS)
    os.remove(control)
    os.remove(inside(*PROGRAMS, "VRep.man"))
    shutil.rmtree(module)
    install(package(), REINSTALL="ALL", REINSTALLMODE="vamus")
    check(sha256(control) == whole and os.path.exists(inside(*PROGRAMS, "VRep.man")), "the files are not back")
    check(len(files_of("Program Files", "WindowsPowerShell", "Modules", "VRep")) > 30, "the module is not back")
    check((registry(SERVICE), registry(SETTINGS)) == (before, settings), f"{registry(SERVICE)} {registry(SETTINGS)}")
    lab.primary.serves()
    check([found["VMName"] for found in lab.primary.request("status")["Relationships"]] == ["web"], "the data are lost")


def data_is_found_again(lab):
    """Uninstalling keeps the data; the next installation goes on with them."""
    lab.primary.install().serves()
    disk = enabled(lab)
    before = disk.sha256()
    uninstall(package())
    check(not registry(SERVICE) and not files_of(*PROGRAMS), "it is not gone")
    check([name for name in files_of("ProgramData", "VRep") if name.startswith("relationships/")], "the data are gone")
    check(disk.sha256() == before, "the disk was touched")
    lab.primary.install().serves()
    check([found["VMName"] for found in lab.primary.request("status")["Relationships"]] == ["web"], "the data are not found")


def rolled_back(lab):
    """A data folder that cannot be made is noticed by a custom action, after the files and the service are there: nothing stays."""
    path = registry(PATH)["PATH"].rstrip(";")
    with open(inside("taken"), "wb") as file:
        file.write(b"a file")
    log = install(package(), expect=FAILED, DATADIR="C:\\taken\\data", LISTEN_PORT=lab.primary.port)
    check("vrepsvc: " in log and "taken" in log.split("vrepsvc: ", 1)[1], "the log does not say what failed, and where")
    os.remove(inside("taken"))
    check(not registry(SERVICE) and not registry(SETTINGS) and not installed_versions(), "something is registered")
    check(not files_of(*PROGRAMS) and not files_of("Program Files", "WindowsPowerShell", "Modules", "VRep"), f"{files_of(*PROGRAMS)}")
    check(not os.path.exists(inside("ProgramData", "VRep")), "the data folder stays")
    check(registry(PATH)["PATH"].rstrip(";") == path, f"PATH is {registry(PATH)['PATH']}")
    lab.primary.install().serves()


scenarios(repair, data_is_found_again, rolled_back)
