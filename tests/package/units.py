#!/usr/bin/env python3
# vrep-test: timeout=60 presets=native
"""systemd accepts the units, finds them well confined, and they say what they must."""

import glob
import os
import re
import shutil
import subprocess
import sys
import tempfile

import _package

EXPOSURE = 3.0  # systemd's own figure, 0 to 10; it must reach disks anywhere
if not shutil.which("systemd-analyze"):
    _package.skip("systemd-analyze is not installed")
wrong = []
root = _package.unpack(tempfile.mkdtemp(prefix="package-units-"))
try:
    for target in glob.glob("/usr/lib/systemd/system/*.target"):  # what units refer to by themselves
        shutil.copy(target, os.path.join(root, "usr/lib/systemd/system"), follow_symlinks=False)
    for name, instance, folder in (("vrep.service", "", "vrep"), ("vrep@.service", "lab", "vrep$lab")):
        path = os.path.join(root, "usr/lib/systemd/system", name)
        concrete = os.path.join(root, "usr/lib/systemd/system", name.replace("@", "@" + instance))
        done = subprocess.run(["systemd-analyze", "verify", "--man=no", f"--root={root}", concrete], capture_output=True,
                              text=True, check=False)
        if done.returncode != 0 or done.stderr.strip():
            wrong.append(f"verify {name}: {done.returncode} {done.stdout}{done.stderr}")
        shown = _package.run("systemd-analyze", "security", "--no-pager", "--offline=true", f"--root={root}", concrete)
        exposure = float(re.search(r"exposure level[^:]*: ([\d.]+)", shown)[1])
        print(f"{name}: exposure {exposure}")
        if exposure > EXPOSURE:
            wrong.append(f"{name}: exposure {exposure} is more than {EXPOSURE}")
        unit = _package.Unit(root, name, instance)
        for key, value in {"Type": "notify", "Restart": "on-failure", "RestartSec": "1min", "TimeoutStopSec": "15s",
                           "RuntimeDirectory": folder, "StateDirectory": folder, "RuntimeDirectoryMode": "0700",
                           "StateDirectoryMode": "0700", "ProtectSystem": "full"}.items():
            if unit.one(key) != value:
                wrong.append(f"{name}: {key} is {unit.one(key)}")
finally:
    shutil.rmtree(root)
print("\n".join(wrong))
sys.exit(1 if wrong else 0)
