#!/usr/bin/env python3
"""Writes the manifests with which winget installs a package that is published at a URL: version, installer, default locale.

    make_winget.py --msi FILE.msi --url URL --license TEXT [--id PUBLISHER.NAME] --output FOLDER

Everything else is read from the package. `winget validate --manifest FOLDER` checks them on Windows."""

import argparse
import hashlib
import os
import subprocess
import sys
import tempfile

SCHEMA = "1.6.0"


def properties(path):
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run(["msiinfo", "export", os.path.abspath(path), "Property"], capture_output=True, text=True, check=True,
                              cwd=folder)
    return dict(line.split("\t", 1) for line in done.stdout.replace("\r", "").split("\n")[3:] if line)


def text(value):
    """As YAML has it in single quotes."""
    return "'" + value.replace("'", "''") + "'"


def manifests(options):
    package = properties(options.msi)
    with open(options.msi, "rb") as file:
        digest = hashlib.sha256(file.read()).hexdigest().upper()
    head = f"PackageIdentifier: {options.id}\nPackageVersion: {package['ProductVersion']}\n"
    yield "", f"{head}DefaultLocale: en-US\nManifestType: version\nManifestVersion: {SCHEMA}\n"
    yield ".installer", f"""{head}Platform:
- Windows.Desktop
MinimumOSVersion: 10.0.14393.0
InstallerType: wix
Scope: machine
InstallModes:
- interactive
- silent
- silentWithProgress
UpgradeBehavior: install
ElevationRequirement: elevationRequired
Commands:
- vrepctl
- vrepdisk
ProductCode: {text(package['ProductCode'])}
AppsAndFeaturesEntries:
- DisplayName: {package['ProductName']}
  Publisher: {package['Manufacturer']}
  ProductCode: {text(package['ProductCode'])}
  UpgradeCode: {text(package['UpgradeCode'])}
Installers:
- Architecture: x64
  InstallerUrl: {options.url}
  InstallerSha256: {digest}
ManifestType: installer
ManifestVersion: {SCHEMA}
"""
    yield ".locale.en-US", f"""{head}PackageLocale: en-US
Publisher: {package['Manufacturer']}
PackageName: {package['ProductName']}
License: {text(options.license)}
ShortDescription: {text(package['ARPCOMMENTS'])}
Moniker: vrep
Tags:
- hyper-v
- replication
- vhd
- vhdx
ManifestType: defaultLocale
ManifestVersion: {SCHEMA}
"""


def main():
    parser = argparse.ArgumentParser()
    for name in ("msi", "url", "license", "output"):
        parser.add_argument("--" + name, required=True)
    parser.add_argument("--id", default="VRep.VRep")
    options = parser.parse_args()
    if not options.url.startswith("https://"):
        sys.exit("make_winget.py: winget downloads by https only")
    os.makedirs(options.output, exist_ok=True)
    for end, content in manifests(options):
        with open(os.path.join(options.output, f"{options.id}{end}.yaml"), "w", encoding="utf-8", newline="\n") as file:
            file.write(content)


main()
