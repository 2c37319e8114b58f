"""PowerShell's engine for the tests: the host program, built once, and how it is run here."""

import os
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "e2e"))

# pylint: disable=wrong-import-position
from vrep_e2e import Skip, check  # noqa: E402

WINDOWS = os.environ.get("VREP_RUN") == "wine"
BIN = os.environ["VREP_BIN"]


def module():
    path = os.path.join(BIN, "modules", "VRep")
    if not os.path.exists(path):
        raise Skip("the PowerShell module was not built: there is no mcs")
    return path


def build_host():
    """The host as a program of this platform, below the build folder."""
    done = subprocess.run(
        [os.path.join(HERE, "..", "..", "scripts", "lib", "powershell_host.sh"), "win64" if WINDOWS else "native",
         os.path.join(os.path.dirname(BIN), "pshost")],
        capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False)
    if done.returncode == 77:
        raise Skip(done.stderr.strip())
    check(done.returncode == 0, f"the host does not build: {done.stderr}")
    return done.stdout.strip()


def host_name(path):
    """A path as the engine knows it."""
    return "Z:" + path.replace("/", "\\") if WINDOWS else path


def run(program, script, *arguments, timeout=600, **variables):
    """Runs a script in the engine, its output on ours; the exit code."""
    environment = dict(os.environ, PSExecutionPolicyPreference="Bypass", **variables)
    command = [program, host_name(script), *arguments]
    if WINDOWS:
        environment["WINEDLLOVERRIDES"] = "mshtml,winedbg.exe="  # a .NET program looks for mscoree
        environment["DOTNET_EnableWriteXorExecute"] = "0"  # else the runtime dies under Wine
        command.insert(0, "wine")
        # PowerShell needs Windows 10; Wine says that it is 7.
        subprocess.run(["wine", "reg", "add", "HKCU\\Software\\Wine\\AppDefaults\\pshost.exe", "/v", "Version", "/d", "win10", "/f"],
                       stdin=subprocess.DEVNULL, capture_output=True, check=True)
    sys.stdout.flush()
    return subprocess.run(command, env=environment, stdin=subprocess.DEVNULL, timeout=timeout, check=False).returncode
