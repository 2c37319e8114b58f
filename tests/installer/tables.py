#!/usr/bin/env python3
# vrep-test: timeout=60 labels=lint presets=win64
"""What the package says in its tables, and what must be the same in the next version's."""

import os
import re
import subprocess
import sys

from _package import Package, package

this, following = Package(package()), Package(package("next"))
GUID = re.compile(r"\{[0-9A-F]{8}-[0-9A-F]{4}-[0-9A-F]{4}-[0-9A-F]{4}-[0-9A-F]{12}\}")
PUBLIC = {"INSTALLDIR", "DATADIR", "LISTEN_PORT", "LISTEN_ADDRESS", "SERVICESTART", "SERVICEACCOUNT", "REMOVEDATA", "FORCE"}
DETECTED = {"WIX_UPGRADE_DETECTED", "WIX_DOWNGRADE_DETECTED"}
problems = []


def check(condition, text):
    if not condition:
        problems.append(text)


def sequence(of, table="InstallExecuteSequence"):
    return {name: int(row["Sequence"]) for name, row in of.keyed(table).items()}


def identity():
    properties = {name: row["Value"] for name, row in this.keyed("Property").items()}
    others = {name: row["Value"] for name, row in following.keyed("Property").items()}
    expected = {"ProductName": "VRep", "Manufacturer": "VRep", "ProductVersion": this.version, "ALLUSERS": "1", "ARPNOMODIFY": "1",
                "ARPPRODUCTICON": "VRep.ico", "REBOOT": "ReallySuppress", "MSIRESTARTMANAGERCONTROL": "DisableShutdown"}
    for name, value in expected.items():
        check(properties.get(name) == value, f"Property {name} is {properties.get(name)}, not {value}")
    check(properties["UpgradeCode"] == others["UpgradeCode"] == "{A624131B-3781-45CD-9E85-01FED1F008B2}", "the UpgradeCode changes")
    check(properties["ProductCode"] != others["ProductCode"], "two versions have one ProductCode")
    for secure in (properties, others):
        check(set(secure["SecureCustomProperties"].split(";")) == PUBLIC | DETECTED, f"secure: {secure['SecureCustomProperties']}")
    check(not PUBLIC & set(properties), "a public property has a constant as its default, which hides what was remembered")
    check(re.search(r"^Template: x64;1033", this.summary(), re.M), "it is not a 64-bit package")
    check(re.search(r"^Source: 2 ", this.summary(), re.M), "Source: not a compressed package that asks for elevation")
    check("VRep.ico" in this.keyed("Icon"), "there is no icon")


def order():
    """The one of installing, of which custom actions that change the system are a part, and no other sequence searches."""
    at = sequence(this)
    for names in (("FindRelatedProducts", "AppSearch", "RecallDataDir", "LaunchConditions", "CostInitialize", "CostFinalize",
                   "RefuseFirewallRule", "MigrateFeatureStates", "InstallValidate", "InstallInitialize", "StopServices",
                   "DeleteServices", "RemoveFiles", "InstallFiles", "InstallServices", "StartServices",
                   "InstallFinalize", "RemoveExistingProducts"),
                  ("InstallInitialize", "RemoveEnvironmentStrings", "WriteEnvironmentStrings", "InstallFinalize"),
                  ("InstallInitialize", "RemoveRegistryValues", "WriteRegistryValues", "InstallFinalize"),
                  ("CostFinalize", "SetLocation", "SetReadme", "SetHelp", "InstallFinalize")):
        numbers = [at.get(name) for name in names]
        check(None not in numbers and numbers == sorted(numbers), f"the order of {list(zip(names, numbers))}")
    check(at["RemoveExistingProducts"] == 6700 and at["InstallFinalize"] == 6600, "an upgrade would re-create the service")
    check(len(set(at.values())) == len(at), "two actions have one number")
    for names in (("RememberService", "InstallInitialize", "StopServices", "AwaitStop", "ConfigureRetire", "DeleteServices",
                   "ConfigureRemove", "RemoveFiles"),
                  ("InstallServices", "ConfigureUndo", "ConfigureInstall", "StartServices"),
                  ("SetSuperseded", "SetForce", "SetRemoveData", "LaunchConditions"),
                  ("CostFinalize", "SetFirewall", "SetAwaitStop", "SetConfigureInstall", "SetConfigureUndo", "SetConfigureRetire",
                   "SetConfigureRemove", "InstallInitialize")):
        numbers = [at.get(name) for name in names]
        check(None not in numbers and numbers == sorted(numbers), f"the order of {list(zip(names, numbers))}")
    custom = this.keyed("CustomAction")
    for name, row in custom.items():
        check(name in at, f"the action {name} is never run")
        kind = int(row["Type"])
        deferred = bool(kind & 1024)
        place = at.get(name, 0)
        check(deferred == (at["InstallInitialize"] < place < at["InstallFinalize"]) or kind & 63 == 51,
              f"{name}: type {kind} at {place}")
        check(not deferred or kind & 2048, f"{name} would run as the person who installs")
        if kind & 63 == 51 and place < at["LaunchConditions"]:
            check(at["AppSearch"] < place, f"{name} comes before what is searched for")
    ui = sequence(this, "InstallUISequence")
    check(not {"AppSearch", "LaunchConditions", "FindRelatedProducts"} & set(ui) and "ExecuteAction" in ui, f"{ui}")


def actions():
    """What vrepsvc is asked to do: when, with which words, and what a failure means."""
    rows, runs = this.keyed("CustomAction"), this.keyed("InstallExecuteSequence")
    deferred, ignored = 1 + 1024 + 2048, "ConfigureIgnore"
    for name, kind, entry, condition in (
            ("RememberService", 1, "RememberService", ""),
            ("AwaitStop", deferred, "AwaitStop", "NOT Superseded"),
            ("ConfigureInstall", deferred, "Configure", 'NOT REMOVE ~= "ALL"'),
            ("ConfigureUndo", deferred + 256, ignored, "NOT Installed AND NOT WIX_UPGRADE_DETECTED"),
            ("ConfigureRetire", deferred, "Configure", 'REMOVE ~= "ALL" AND NOT UPGRADINGPRODUCTCODE AND NOT Superseded'),
            ("ConfigureRemove", deferred, ignored, 'REMOVE ~= "ALL" AND NOT UPGRADINGPRODUCTCODE AND NOT Superseded')):
        row = rows[name]
        check((int(row["Type"]) & ~(2048 if kind == 1 else 0), row["Source"], row["Target"]) == (kind, "Actions", entry), f"{row}")
        check(runs[name]["Condition"] == condition, f"{name} runs when {runs[name]['Condition']}")
    program, data = '"[INSTALLDIR]vrepsvc.exe" configure', '--data "[DATADIR]\\"'
    for name, line in (("Install", f"install {data} --listen [ListenOn] --start [SERVICESTART] [FirewallOption]"),
                       ("Undo", f"undo {data} [FirewallOption]"), ("Retire", f"retire {data} [ForceOption]"),
                       ("Remove", f"remove {data} [RemoveDataOption] [FirewallOption]")):
        row = rows["SetConfigure" + name]
        check((row["Source"], row["Target"]) == ("Configure" + name, f"{program} {line}"), f"{row}")
    for name, condition in (("SetForce", 'FORCE = "1"'), ("SetRemoveData", 'REMOVEDATA = "1"')):
        check(runs[name]["Condition"] == condition, f"{name} is set when {runs[name]['Condition']}")
    check("ServiceWasRunning" in runs["StartServices"]["Condition"] and "NOT WIX_UPGRADE_DETECTED" in runs["StartServices"]["Condition"],
          f"the service starts when {runs['StartServices']['Condition']}")
    check("Actions" in this.keyed("Binary"), "vrep-actions.dll is not in the package")


def upgrades():
    rows = this.keyed("Upgrade", "ActionProperty")
    check(set(rows) == DETECTED, f"{rows}")
    older, newer = rows["WIX_UPGRADE_DETECTED"], rows["WIX_DOWNGRADE_DETECTED"]
    check((older["VersionMin"], older["VersionMax"], older["Attributes"]) == ("", this.version, "1"), f"{older}")
    check((newer["VersionMin"], newer["VersionMax"], newer["Attributes"]) == (this.version, "", "2"), f"{newer}")


def conditions():
    texts = {row["Condition"]: row["Description"] for row in this.table("LaunchCondition")}
    for condition, text in (("NOT WIX_DOWNGRADE_DETECTED", "A newer version of VRep is installed"),
                            ("FOUND_BUILD >= 14393", "64-bit Windows 10 version 1607, Windows Server 2016, or later"),
                            ("VersionNT64", "64-bit Windows 10"),
                            ('LISTEN_ADDRESS << "127."', "Connections are not encrypted yet"),
                            ("LISTEN_PORT <= 65535", "1 to 65535"),
                            ('SERVICESTART = "demand"', "auto, demand or disabled"),
                            ('SERVICEACCOUNT >> "$"', "need a password"),
                            ("INSTALLDIR ~= FOUND_INSTALLDIR", "INSTALLDIR cannot move it")):
        check(any(condition in found and text in told for found, told in texts.items()), f"no condition '{condition}' says '{text}'")
    refusal = this.keyed("CustomAction")["RefuseFirewallRule"]
    check(refusal["Type"] == "19" and "connections are not encrypted" in refusal["Target"], f"{refusal}")
    check(this.keyed("InstallExecuteSequence")["RefuseFirewallRule"]["Condition"] == "&FirewallRule = 3", "the firewall feature")
    check(int(this.keyed("Feature")["FirewallRule"]["Level"]) > 1, "the firewall rule is installed by default")


def service():
    (row,) = this.table("ServiceInstall")
    expected = {"Name": "VRep", "DisplayName": "VRep Replication Service", "ServiceType": "16", "StartType": "2", "ErrorControl": "1",
                "StartName": "[SERVICEACCOUNT]", "Password": "", "Dependencies": "", "Component_": "Service",
                "Arguments": '--service --data "[DATADIR]\\" --listen [ListenOn]'}
    for name, value in expected.items():
        check(row[name] == value, f"ServiceInstall {name}: {row[name]}")
    check(row["Description"], "the service has no description")
    (control,) = this.table("ServiceControl")
    # Start 1 and stop 2 at installing, stop 32 and delete 128 at uninstalling; never delete 8 at installing.
    check((control["Name"], control["Event"], control["Wait"]) == ("VRep", "163", "1"), f"{control}")
    check(this.keyed("Component")["Service"]["KeyPath"] == "vrepsvc.exe", "the service's program is not the component's key")


def remembered():
    found = {row["Signature_"]: row["Property"] for row in this.table("AppSearch")}
    places = this.keyed("RegLocator")
    for signature, name in found.items():
        check(name not in PUBLIC, f"{name}: a search overwrites what the command line says")
        check((places[signature]["Root"], places[signature]["Type"]) == ("2", "18"), f"{signature} does not look into the 64-bit registry")
    written = {(row["Key"], row["Name"]): row["Value"] for row in this.table("Registry")}
    for name, value in (("InstallDir", "[INSTALLDIR]"), ("DataDir", "[DATADIR]"), ("ListenAddress", "[LISTEN_ADDRESS]"),
                        ("ListenPort", "[LISTEN_PORT]")):
        check(written.get(("SOFTWARE\\VRep", name)) == value, f"{name} is not remembered")
        check(any((row["Key"], row["Name"]) == ("SOFTWARE\\VRep", name) for row in places.values()), f"{name} is not searched for")


def components():
    mine, theirs = this.keyed("Component"), following.keyed("Component")
    folders = this.keyed("Directory")

    def in_module(component, of):
        folder = of.keyed("Component")[component]["Directory_"]
        parents = {name: row["Directory_Parent"] for name, row in of.keyed("Directory").items()}
        while folder and folder != "ModuleFolder":
            folder = parents[folder]
        return folder == "ModuleFolder"

    check(len({row["ComponentId"] for row in mine.values()}) == len(mine), "two components have one GUID")
    check(set(mine) == set(theirs), "the versions differ in their components")
    for name, row in mine.items():
        check(GUID.fullmatch(row["ComponentId"]), f"{name}: {row['ComponentId']}")
        check(int(row["Attributes"]) & 256, f"{name} is not 64-bit")
        check(row["KeyPath"], f"{name} has no key path")
        same = row["ComponentId"] == theirs[name]["ComponentId"]
        check(same != in_module(name, this), f"{name}: its GUID {'stays' if same else 'changes'} with the version")
    check(folders["ModuleFolder"]["DefaultDir"].split("|")[-1] == this.version, "the module's folder is not the version's")
    check(len([name for name in mine if in_module(name, this)]) > 30, "the module is incomplete")
    listed = [row["Component_"] for row in this.table("FeatureComponents")]
    check(sorted(listed) == sorted(mine), "a component belongs to no feature, or to two")


def files():
    hashed = {row["File_"] for row in this.table("MsiFileHash")}
    names = {}
    component = this.keyed("Component")
    for name, row in this.keyed("File").items():
        program = row["FileName"].lower().endswith((".exe", ".dll")) and "vrep-events.dll" not in row["FileName"]
        check(bool(row["Version"]) == program, f"{name}: version '{row['Version']}'")
        check(not program or row["Version"] == this.version + ".0" and row["Language"], f"{name}: {row['Version']} {row['Language']}")
        check((name in hashed) != program, f"{name}: a hash is for files without a version")
        check(int(row["FileSize"]) > 0, f"{name} is empty")
        short(row["FileName"], names.setdefault(component[row["Component_"]]["Directory_"], set()))
    for row in this.table("Directory"):
        if row["DefaultDir"] not in (".", "SourceDir"):
            short(row["DefaultDir"], names.setdefault(row["Directory_Parent"], set()))


def short(name, taken):
    first = name.split("|")[0]
    check(re.fullmatch(r"[A-Za-z0-9_~-]{1,8}(\.[A-Za-z0-9_~-]{1,3})?", first), f"'{name}' has no 8.3 name")
    check(first.upper() not in taken, f"'{first}' is there twice")
    taken.add(first.upper())


def path():
    (row,) = this.table("Environment")
    check((row["Name"], row["Value"], row["Component_"]) == ("=-*PATH", "[~];[INSTALLDIR]", "Tools"), f"{row}")


def wixl_is_watched():
    """A warning that nobody has allowed ends the build."""
    top = os.environ["VREP_SOURCE_DIR"]
    work = os.path.join(os.environ["VREP_BIN"], "..", "installer", "warned")
    os.makedirs(work, exist_ok=True)
    tool = os.path.join(work, "wixl")
    with open(tool, "w", encoding="utf-8") as file:
        file.write('#!/bin/sh\necho "(wixl:1): GLib-GObject-WARNING **: nobody has allowed this" >&2\nexec /usr/bin/wixl "$@"\n')
    os.chmod(tool, 0o755)
    done = subprocess.run([sys.executable, os.path.join(top, "installer", "make_msi.py"), "--version", "9.9.9",
                           "--bin", os.environ["VREP_BIN"], "--docs", os.path.join(top, "docs"), "--work", os.path.join(work, "work"),
                           "--output", os.path.join(work, "VRep.msi")], capture_output=True, text=True, check=False,
                          env={**os.environ, "PATH": work + ":" + os.environ["PATH"]})
    check(done.returncode != 0 and "nobody has allowed this" in done.stderr, f"exit {done.returncode}: {done.stderr}")
    check(not os.path.exists(os.path.join(work, "VRep.msi")), "and yet a package was made")


for part in (identity, order, actions, upgrades, conditions, service, remembered, components, files, path, wixl_is_watched):
    part()
print("\n".join(problems) or f"{os.path.basename(this.path)}: as it must be")
sys.exit(bool(problems))
