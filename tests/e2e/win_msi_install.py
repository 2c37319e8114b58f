#!/usr/bin/env python3
# vrep-test: timeout=400 labels=e2e,wine presets=win64 serial
"""The package under Wine's msiexec: what a silent installation leaves, its properties, what it refuses, and a
resynchronization through what is installed."""

from vrep_e2e import MIB, Disk, check
from vrep_e2e.installation import (FAILED, SERVICE, SETTINGS, UNINSTALL, files_of, install, installed_versions, package,
                                   registry, scenarios, version_of)
from vrep_e2e.windows import wine

PATH = "HKLM\\System\\CurrentControlSet\\Control\\Session Manager\\Environment"
MODULES = ("Program Files", "WindowsPowerShell", "Modules", "VRep")


def image_path(folder, data, listen):
    """Every argument in quotes; the backslash at a folder's end is doubled, or it would take the quote along."""
    return f'"{folder}\\vrepsvc.exe" --service --data "{data}\\\\" --listen "{listen}"'


def silent(lab):
    """The service runs, everything is where it belongs, and uninstalling takes it away again."""
    service, version = lab.primary, version_of(package())
    service.install().serves()
    found = registry(SERVICE)
    check(found["ImagePath"] == image_path("C:\\Program Files\\VRep", "C:\\ProgramData\\VRep", f"127.0.0.1:{service.port}"), f"{found}")
    check((found["Start"], found["ObjectName"], found["DisplayName"]) == ("0x2", "LocalSystem", "VRep Replication Service"),
          f"{found}")
    check(files_of("Program Files", "VRep") == sorted([
        "VRep.man", "README.txt", "THIRD-PARTY.txt", "vrep-events.dll", "vrep.dll", "vrepctl.exe", "vrepdisk.exe", "vrepsvc.exe",
        *(f"docs/{name}.md" for name in ("deployment", "events", "monitoring", "operations", "powershell"))]),
        f"{files_of('Program Files', 'VRep')}")
    module = files_of(*MODULES)
    check(len(module) > 30 and all(name.startswith(version + "/") for name in module), f"{module}")
    check({f"{version}/{name}" for name in ("VRep.psd1", "VRep.Interop.dll", "vrep.dll")} <= set(module), f"{module}")
    check(len([name for name in files_of("ProgramData", "Microsoft", "Event Viewer", "Views") if "vrep" in name]) == 2, "the views")
    check(registry(PATH)["PATH"].endswith(";C:\\Program Files\\VRep\\"), f"{registry(PATH)}")
    shown = wine("vrepctl", "version", "--json")
    check(f'"Version": "{version}"' in shown.stdout, f"{shown}")
    entry = next(registry(UNINSTALL + "\\" + key) for key in keys())
    check((entry["DisplayName"], entry["DisplayVersion"], entry["Publisher"], entry["NoModify"], entry["HelpLink"]) ==
          ("VRep", version, "VRep", "0x1", "C:\\Program Files\\VRep\\docs\\operations.md"), f"{entry}")
    service.clean()
    check(not registry(SERVICE) and not registry(SETTINGS) and not installed_versions(), "it is not gone")
    check("VRep" not in registry(PATH)["PATH"] and not files_of(*MODULES), "something is left")


def keys():
    lines = wine("reg", "query", UNINSTALL).stdout.splitlines()
    return [line.rsplit("\\", 1)[1].strip() for line in lines if "{" in line]


def properties(lab):
    """Each of them, with spaces where they can be, and none; a service that is to be started by hand is not started."""
    service = lab.primary
    install(package(), SERVICESTART="demand")
    check((registry(SETTINGS)["ListenAddress"], registry(SETTINGS)["ListenPort"]) == ("127.0.0.1", "29242"), "not the defaults")
    service.clean()
    install(package(), SERVICESTART="disabled", LISTEN_ADDRESS="::1")
    found = registry(SERVICE)
    check(found["Start"] == "0x4" and found["ImagePath"].endswith('--listen "[::1]:29242"'), f"{found}")
    service.clean()
    folder, data = "C:\\Tools\\V Rep", "C:\\Tools\\its data"
    install(package(), INSTALLDIR=folder, DATADIR=data, LISTEN_ADDRESS="localhost", LISTEN_PORT=service.port,
            SERVICESTART="demand", SERVICEACCOUNT="LocalSystem")
    found = registry(SERVICE)
    check(found["ImagePath"] == image_path(folder, data, f"localhost:{service.port}"), f"{found}")
    check((found["Start"], found["ObjectName"]) == ("0x3", "LocalSystem"), f"{found}")
    check(registry(SETTINGS)["DataDir"] == data + "\\", f"{registry(SETTINGS)}")
    check(not service.running(), "it was started")


def refused(lab):
    """Each bad choice fails and leaves nothing (the reasons that Windows tells are looked at in the package's tables)."""
    for action, choice in (
            ("LaunchConditions", {"LISTEN_ADDRESS": "0.0.0.0"}),
            ("LaunchConditions", {"LISTEN_ADDRESS": "127.0.0.1 --console"}),
            ("LaunchConditions", {"LISTEN_PORT": "65536"}),
            ("LaunchConditions", {"LISTEN_PORT": "http"}),
            ("LaunchConditions", {"SERVICESTART": "later"}),
            ("LaunchConditions", {"SERVICEACCOUNT": "EXAMPLE\\somebody"}),
            ("RefuseFirewallRule", {"ADDLOCAL": "ALL"}),
            ("RefuseFirewallRule", {"ADDLOCAL": "VRep,FirewallRule"})):
        log = install(package(), expect=FAILED, **choice)
        check(f"{action}. Return value 0" in log, f"{choice} is not refused by {action}")
        check(not registry(SERVICE) and not files_of("Program Files", "VRep"), f"{choice}: something is left")
    check(not lab.primary.processes(), "it runs")


def old_windows(_):
    """Windows 7 is refused."""
    wine("winecfg", "-v", "win7")
    try:
        check("LaunchConditions. Return value 0" in install(package(), expect=FAILED), "it is not refused by its version")
    finally:
        wine("winecfg", "-v", "win10")


def resynchronization(lab):
    """From a silent installation to identical disks, by the installed vrepctl."""
    lab.primary.install().serves()
    lab.replica.install().start()
    primary = Disk.create(lab, "primary.vhdx", 16 * MIB)
    primary.fill(lab.rng, (0, 4 * MIB))
    replica = primary.copy(lab, "replica.vhdx").drift(lab.rng, 20)
    lab.relate("pair", [primary], [replica])
    lab.resync("pair")
    lab.primary.wait_state("pair", 4, 60)
    lab.check_identical(primary, replica)


scenarios(silent, properties, refused, old_windows, resynchronization)
