#!/usr/bin/env python3
# vrep-test: timeout=300 presets=native
"""The Debian package in a minimal Debian 12: apt installs it with its dependencies, the installed services resynchronize
the demo's disks and go on over an upgrade, settings survive it, a removal ends what was not merged, and a purge takes the
state and no disk."""

import glob
import json
import os
import re
import shutil
import socket
import subprocess
import tempfile
import time

import _package
from _package import TOP, run
from vrep_e2e.disk import sha256
from vrep_e2e.service import free_port

# The chroot's own programs, with its own mounts, which end with them.
ENTER = 'mount -t proc proc "$0/proc" && exec chroot "$0" "$@"'


class Chroot:
    def __init__(self, root):
        self.root = root
        self.services = []

    def path(self, path):
        return self.root + path

    def command(self, *words):
        return ["unshare", "--mount", "sh", "-c", ENTER, self.root, *words]

    def run(self, *words, expect=0, **variables):
        environment = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8", "DEBIAN_FRONTEND": "noninteractive"}
        return run(*self.command(*words), expect=expect, env=environment | variables)

    def write(self, path, text):
        with open(self.path(path), "w", encoding="utf-8") as file:
            file.write(text)

    def start(self, name, instance=""):
        """What systemd does with a unit: its folders, its settings, ExecStart; returns when it says READY=1."""
        unit = _package.Unit(self.root, name, instance)
        for folder in ("/run/" + unit.one("RuntimeDirectory"), "/var/lib/" + unit.one("StateDirectory")):
            os.makedirs(self.path(folder), 0o700, exist_ok=True)
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notify:
            notify.bind(self.path("/run/notify"))
            notify.settimeout(20)
            process = subprocess.Popen(self.command(*unit.command(unit.environment())), stdin=subprocess.DEVNULL,
                                       env={"NOTIFY_SOCKET": "/run/notify", "PATH": "/usr/sbin:/usr/bin"})
            self.services.append(process)
            expect(notify.recv(100) == b"READY=1", f"{name} does not say that it serves")
        os.unlink(self.path("/run/notify"))

    def stop(self):
        for process in self.services:
            process.terminate()
        codes = [process.wait(timeout=15) for process in self.services]
        expect(codes == [0] * len(codes), f"the services ended with {codes}")
        self.services = []


def expect(condition, complaint):
    if not condition:
        raise AssertionError(complaint)


def sources():
    """Where this machine's packages of Debian 12 come from, as the chroot can use it."""
    uris = run("apt-get", "indextargets", "--format", "$(REPO_URI)", "Codename: bookworm", "Identifier: Packages").split()
    if not uris:
        _package.skip("apt knows no source of Debian 12 (apt-get update makes it known)")
    options = re.findall(r"(?m)^Acquire::(?:Check-.*|.*::Proxy.*) .*;$", run("apt-config", "dump"))
    return uris[0], "\n".join(options) + "\n"


def make(root):
    source, options = sources()
    done = subprocess.run(["debootstrap", "--variant=minbase", "bookworm", root, source], capture_output=True, text=True,
                          check=False, stdin=subprocess.DEVNULL)
    if done.returncode != 0:
        _package.skip(f"debootstrap cannot make a Debian 12 here: {(done.stdout + done.stderr)[-300:]}")
    chroot = Chroot(root)
    chroot.write("/etc/apt/apt.conf.d/50source", options)
    return chroot


def newer(folder):
    """The same package with a higher version."""
    tree = os.path.join(folder, "newer")
    run("dpkg-deb", "-R", _package.debian_package(), tree)
    control = os.path.join(tree, "DEBIAN/control")
    with open(control, encoding="utf-8") as file:
        text = re.sub(r"(?m)^Version: .*$", "Version: 99.0-1", file.read())
    with open(control, "w", encoding="utf-8") as file:
        file.write(text)
    run("dpkg-deb", "--root-owner-group", "-b", tree, os.path.join(folder, "newer.deb"))
    return os.path.join(folder, "newer.deb")


def installed(chroot):
    """With nothing but what it says it needs; enabled, and with what belongs to it."""
    shutil.copy(_package.debian_package(), chroot.path("/tmp/vrep.deb"))
    before = set(chroot.run("dpkg-query", "-W", "-f", "${Package}\n").split())
    chroot.run("apt-get", "install", "-q", "-y", "--no-install-recommends", "/tmp/vrep.deb")
    after = set(chroot.run("dpkg-query", "-W", "-f", "${Package}\n").split())
    expect(after - before == {"vrep", "libjansson4"}, f"installed: {after - before}")
    expect(os.path.islink(chroot.path("/etc/systemd/system/multi-user.target.wants/vrep.service")), "it is not enabled")
    expect("vrepsvc" in chroot.run("vrepsvc", "--version"), "no version")
    chroot.run("vrepctl", "status", expect=3)


def prepared(chroot):
    """The demo's two disks, in /srv, and both services, of which one is an instance."""
    run("bash", "-c", '. scripts/lib/setup.sh && . scripts/lib/demo_disks.sh && demo_disks_make "$0"', chroot.path("/srv"), cwd=TOP)
    for path, port in (("/etc/vrep/vrep.conf", free_port()), ("/etc/vrep/vrep@replica.conf", free_port())):
        chroot.write(path, f"# ours\nVREP_LISTEN=127.0.0.1:{port}\n")
    start(chroot)
    chroot.run("vrepctl", "--instance", "replica", "enable", "demo vm", "--as-replica", "--disk", "/srv/replica.vhdx")
    chroot.run("vrepctl", "enable", "demo vm", "--disk", "/srv/primary.vhdx", "--replica", f"127.0.0.1:{port}")


def start(chroot):
    chroot.start("vrep.service")
    chroot.start("vrep@.service", "replica")


def status(chroot):
    return json.loads(chroot.run("vrepctl", "status", "demo vm", "--json"))


def begin(chroot):
    """A resynchronization that takes long; returns when something is in the child."""
    chroot.run("vrepctl", "set", "demo vm", "--bandwidth-limit", "4M")
    chroot.run("vrepctl", "resume", "demo vm", "--resynchronize", "--no-wait")
    deadline = time.monotonic() + 30
    while '"ResynchronizeBytesSent": 0' in (shown := json.dumps(status(chroot))) or '"ResynchronizeBytesSent": null' in shown:
        expect(time.monotonic() < deadline, f"nothing is sent: {shown}")
        time.sleep(0.2)


def upgraded(chroot, folder):
    """In the midst of a resynchronization, which goes on; the administrator's settings stay."""
    shutil.copy(newer(folder), chroot.path("/tmp/newer.deb"))
    begin(chroot)
    chroot.run("dpkg", "-i", "/tmp/newer.deb")
    with open(chroot.path("/etc/vrep/vrep.conf"), encoding="utf-8") as file:
        expect(file.read().startswith("# ours\n"), "the settings are gone")
    chroot.stop()  # what postinst does where there is systemd
    start(chroot)
    chroot.run("vrepctl", "set", "demo vm", "--bandwidth-limit", "none")
    chroot.run("vrepctl", "resume", "demo vm")
    run("qemu-img", "compare", chroot.path("/srv/primary.vhdx"), chroot.path("/srv/replica.vhdx"))


def removed(chroot):
    """In the midst of a resynchronization: the child goes, the replica's disk is what it was. Where that is not certain the
    removal fails, unless it is forced."""
    chroot.stop()
    chroot.run("sh", "-c", "head -c 16M /dev/urandom | vrepdisk write /srv/primary.vhdx --offset 32M")
    start(chroot)
    before = sha256(chroot.path("/srv/replica.vhdx"))
    begin(chroot)
    chroot.stop()
    expect(len(glob.glob(chroot.path("/srv/replica.*.part.avhdx"))) == 1, "there is no child: nothing is tested")
    unreadable = "/var/lib/vrep$replica/relationships/12345678-1234-1234-1234-123456789abc.json"
    chroot.write(unreadable, "{")
    failure = chroot.run("sh", "-c", "exec apt-get remove -q -y vrep 2>&1", expect=100)
    expect(unreadable in failure, f"what is in the way is not named: {failure}")
    expect("install ok" in chroot.run("dpkg-query", "-W", "-f", "${Status}", "vrep"), "it is not installed any more")
    chroot.run("apt-get", "remove", "-q", "-y", "vrep", VREP_FORCE="1")
    expect(not glob.glob(chroot.path("/srv/*.avhdx")), "the child is left")
    expect(sha256(chroot.path("/srv/replica.vhdx")) == before, "the replica's disk was changed")
    expect(len(glob.glob(chroot.path("/var/lib/vrep*/relationships/*.json"))) == 3, "a removal took the state")


def purged(chroot):
    """The state is gone, and every disk is there, also one that lies among the state."""
    os.link(chroot.path("/srv/primary.vhdx"), chroot.path("/var/lib/vrep$replica/relationships/disk.vhdx"))
    disks = ["/srv/primary.vhdx", "/srv/replica.vhdx", "/var/lib/vrep$replica/relationships/disk.vhdx"]
    before = [sha256(chroot.path(disk)) for disk in disks]
    chroot.run("apt-get", "purge", "-q", "-y", "vrep")
    expect([sha256(chroot.path(disk)) for disk in disks] == before, "a disk was changed")
    left = [os.path.relpath(path, chroot.root) for pattern in ("etc/vrep/*", "var/lib/vrep*/**/*", "usr/**/*vrep*", "etc/systemd/**/*vrep*")
            for path in glob.glob(chroot.path("/" + pattern), recursive=True) if not os.path.isdir(path)]
    expect(left == ["etc/vrep/vrep@replica.conf", "var/lib/vrep$replica/relationships/disk.vhdx"], f"a purge leaves {left}")


def main():
    if os.geteuid() != 0:
        _package.skip("a chroot needs root")
    if not shutil.which("debootstrap"):
        _package.skip("debootstrap is not installed")
    if subprocess.run(["unshare", "--mount", "mount", "--bind", "/proc", "/proc"], capture_output=True, check=False).returncode:
        _package.skip("mounts of one's own are not allowed here")
    folder = tempfile.mkdtemp(prefix="package-chroot-")
    chroot = None
    try:
        began = time.monotonic()
        chroot = make(os.path.join(folder, "root"))
        print(f"made in {time.monotonic() - began:.0f} s")
        installed(chroot)
        prepared(chroot)
        upgraded(chroot, folder)
        removed(chroot)
        purged(chroot)
        print(f"all in {time.monotonic() - began:.0f} s")
    finally:
        for process in chroot.services if chroot else []:
            process.kill()
            process.wait()
        shutil.rmtree(folder)


main()
