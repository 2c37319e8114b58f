#!/usr/bin/env python3
# vrep-test: timeout=60 labels=lint presets=win64
"""The winget manifests: what they say is the package's, and what winget requires is there."""

import hashlib
import os
import re
import subprocess
import sys
import tempfile

from _package import Package, package

TOOL = os.path.join(os.environ["VREP_SOURCE_DIR"], "installer", "make_winget.py")
URL = "https://downloads.example/VRep-x64.msi"
# Of winget's schema 1.6.0: each file's required members, and patterns of those that have one.
REQUIRED = {
    "VRep.VRep.yaml": ["DefaultLocale"],
    "VRep.VRep.installer.yaml": ["Installers"],
    "VRep.VRep.locale.en-US.yaml": ["PackageLocale", "Publisher", "PackageName", "License", "ShortDescription"],
}
PATTERNS = {
    "PackageIdentifier": r"[^.\s\\/:*?\"<>|]{1,32}(\.[^.\s\\/:*?\"<>|]{1,32}){1,7}",
    "PackageVersion": r"[^\\/:*?\"<>|]{1,128}",
    "InstallerSha256": r"[A-Fa-f0-9]{64}",
    "MinimumOSVersion": r"\d{1,5}(\.\d{1,5}){0,3}",
    "InstallerType": r"msix|msi|appx|exe|zip|inno|nullsoft|wix|burn|pwa|portable",
    "Scope": r"user|machine",
    "UpgradeBehavior": r"install|uninstallPrevious|deny",
    "Architecture": r"x86|x64|arm|arm64|neutral",
    "ManifestType": r"version|installer|defaultLocale",
    "ManifestVersion": r"1\.6\.0",
    "Moniker": r".{1,40}",
}


def members(content):
    """Every 'Name: value' of a file, at any depth; the files have no other scalars but list items."""
    found = {}
    for line in content.splitlines():
        match = re.fullmatch(r"(?:- |  )?([A-Za-z0-9]+):(?: (.+))?", line)
        assert match or re.fullmatch(r"- [\w.-]+", line), f"not understood: {line}"
        if match and match.group(2):
            found.setdefault(match.group(1), set()).add(match.group(2).strip("'"))
        elif match:
            found.setdefault(match.group(1), set())
    return found


def make(folder, url=URL):
    return subprocess.run([sys.executable, TOOL, "--msi", package(), "--url", url, "--license", "It's a test", "--output", folder],
                          capture_output=True, text=True, check=False)


this = Package(package())
properties = {name: row["Value"] for name, row in this.keyed("Property").items()}
with tempfile.TemporaryDirectory() as folder:
    assert make(folder, "http://downloads.example/x.msi").returncode != 0, "a URL without https is taken"
    done = make(folder)
    assert done.returncode == 0, done.stderr
    assert sorted(os.listdir(folder)) == sorted(REQUIRED), os.listdir(folder)
    for name, required in REQUIRED.items():
        with open(os.path.join(folder, name), encoding="utf-8") as file:
            content = file.read()
        found = members(content)
        for member in required + ["PackageIdentifier", "PackageVersion", "ManifestType", "ManifestVersion"]:
            assert member in found, f"{name} has no {member}"
        for member, pattern in PATTERNS.items():
            for value in found.get(member, ()):
                assert re.fullmatch(pattern, value), f"{name}: {member} is {value}"
        assert found["PackageVersion"] == {this.version}
        if "Installers" in found:
            with open(package(), "rb") as file:
                assert found["InstallerSha256"] == {hashlib.sha256(file.read()).hexdigest().upper()}
            assert found["ProductCode"] == {properties["ProductCode"]} and found["UpgradeCode"] == {properties["UpgradeCode"]}
            assert found["InstallerUrl"] == {URL}
        if "License" in found:
            assert found["License"] == {"It''s a test"}, found["License"]
print("winget's manifests are as they must be")
