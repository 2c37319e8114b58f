"""The package VRep-<version>-x64.msi, installed by Wine's msiexec in a prefix of its own."""

import glob
import os
import re
import shutil
import subprocess

from .runner import check, main, poll
from .service import BIN, free_port
from .windows import WindowsService, windows_name, wine

TOP = os.path.dirname(BIN)
PREFIX = os.path.join(TOP, "wineprefix-msi")
SETUP = os.path.join(os.path.dirname(__file__), "../../../scripts/lib/wine.sh")
SERVICE = "HKLM\\System\\CurrentControlSet\\Services\\VRep"
SETTINGS = "HKLM\\Software\\VRep"
UNINSTALL = "HKLM\\Software\\Microsoft\\Windows\\CurrentVersion\\Uninstall"
WINDOWS_10 = "win10"
# What Linux sees of an exit code is its low byte.
DONE, REBOOT, FAILED = 0, 3010 & 255, 1603 & 255


def package(folder=""):
    """The .msi of this build; of the next version in "next"."""
    found = glob.glob(os.path.join(TOP, folder, "VRep-*-x64.msi"))
    check(len(found) == 1, f"one package is expected in {os.path.join(TOP, folder)}, found {found}")
    return found[0]


def version_of(path):
    return re.search(r"VRep-([0-9.]+)-x64", path).group(1)


def tell_wine(function):
    """One of the functions of scripts/lib/wine.sh, on the prefix of the packages."""
    subprocess.run(["bash", "-c", f'. "$1"; wine_environment "$2"; {function}', "bash", SETUP, PREFIX],
                   stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True)


def msiexec(*words, timeout=180, **properties):
    """Silently; (exit code as Linux sees it, the log's text). A word that is a file's path is given by its Windows name."""
    log = os.path.join(PREFIX, "msiexec.log")
    if os.path.exists(log):
        os.remove(log)
    words = [windows_name(word) if word.startswith("/") and os.path.exists(word) else word for word in words]
    done = wine("msiexec", *words, "/qn", "/l*v", windows_name(log), *(f"{name}={value}" for name, value in properties.items()),
                timeout=timeout)
    text = ""
    if os.path.exists(log):
        with open(log, "rb") as file:
            content = file.read()
        text = content.decode("utf-16" if content[:2] == b"\xff\xfe" else "utf-8", errors="replace")
    return done.returncode, text


def install(path, expect=DONE, **properties):
    code, log = msiexec("/i", path, **properties)
    check(code == expect, f"msiexec /i {os.path.basename(path)} {properties}: exit {code}, not {expect}\n{log[-1500:]}")
    return log


def uninstall(path, expect=DONE, **properties):
    code, log = msiexec("/x", path, **properties)
    check(code == expect, f"msiexec /x {os.path.basename(path)} {properties}: exit {code}, not {expect}\n{log[-1500:]}")
    return log


def registry(key):
    """The values of a key, as text by name; empty when there is none."""
    found = {}
    for line in wine("reg", "query", key).stdout.splitlines():
        words = re.match(r"\s+(\S.*?)\s{4}(REG_\w+)(?:\s{4}(.*))?$", line)
        if words:
            found[words.group(1)] = (words.group(3) or "").strip()
    return found


def installed_versions():
    """Versions in the list of installed programs."""
    keys = re.findall(r"Uninstall\\(\{[^}]+\})", wine("reg", "query", UNINSTALL).stdout)
    entries = (registry(UNINSTALL + "\\" + key) for key in keys)
    return sorted(entry["DisplayVersion"] for entry in entries if entry.get("DisplayName") == "VRep")


def inside(*parts):
    """A path on the prefix's drive C, as Linux has it."""
    return os.path.join(PREFIX, "drive_c", *parts)


def files_of(*parts):
    """All files below a folder of drive C, relative to it."""
    top = inside(*parts)
    return sorted(os.path.relpath(os.path.join(root, name), top) for root, _, names in os.walk(top) for name in names)


class InstalledService(WindowsService):
    """The service VRep of the package, spoken to by the vrepctl that lies beside it. Other instances are those of the build."""

    program_folder = "C:\\Program Files\\VRep"

    def __init__(self, folder, role, instance):
        super().__init__(folder, role, instance)
        self.data = inside("ProgramData", "VRep")
        self.port = free_port()
        self.package = package()

    def install(self, path=None, expect=DONE, **properties):
        self.package = path or self.package
        install(self.package, expect, **{"LISTEN_PORT": self.port, **properties})
        return self

    def start(self, faults=None, environment=None):
        wine("net", "start", "VRep")
        return self.serves()

    def serves(self):
        poll(self.running, 20, "the installed service serves")
        return self

    def stop(self):
        if registry(SERVICE):
            wine("sc", "stop", "VRep")
            poll(lambda: not self.processes(), 20, "the installed service stops")

    def processes(self):
        return [pid for pid in processes_of(self.program_folder + "\\vrepsvc.exe") if pid]

    def clean(self):
        """Leaves no VRep on the prefix's drive; what a failed scenario left, too."""
        for version in installed_versions():
            path = next(found for found in (package(), package("next")) if version_of(found) == version)
            msiexec("/x", path, FORCE=1, REMOVEDATA=1)
        self.kill()
        for left in (self.data, inside("Program Files", "VRep"), inside("Program Files", "WindowsPowerShell", "Modules", "VRep")):
            shutil.rmtree(left, ignore_errors=True)

    def ctl(self, *arguments, expect=0, timeout=60):
        done = wine(self.program_folder + "\\vrepctl.exe", *arguments, timeout=timeout)
        check(expect is None or done.returncode == expect,
              f"vrepctl {' '.join(arguments)}: exit {done.returncode}, not {expect}: {done.stdout}{done.stderr}")
        return done


def processes_of(program):
    """Linux processes of the packages' prefix that run a Windows program."""
    found = []
    for entry in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{entry}/cmdline", "rb") as file:
                words = file.read().decode(errors="replace")
            with open(f"/proc/{entry}/environ", "rb") as file:
                ours = f"WINEPREFIX={PREFIX}".encode() in file.read().split(b"\0")
        except OSError:
            continue  # ended meanwhile
        if ours and words.startswith(program):
            found.append(int(entry))
    return found


def scenarios(*functions, installed="primary"):
    """Runs them in the prefix of the packages, which is made on the first run; a failure throws it away. `installed`: the
    role of the installed service; its peer is another instance in the same prefix."""
    def service_of(folder, role, instance):
        return (InstalledService if role == installed else WindowsService)(folder, role, instance)

    os.environ["WINEPREFIX"] = PREFIX
    tell_wine("wine_up")
    passed = False
    try:
        wine("winecfg", "-v", WINDOWS_10)
        main(*functions, kind=service_of)
        passed = True
    except SystemExit as ended:
        passed = ended.code in (0, None, 77)
        raise
    finally:
        tell_wine("wine_down")
        if not passed:
            shutil.rmtree(PREFIX, ignore_errors=True)
