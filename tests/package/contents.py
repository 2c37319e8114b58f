#!/usr/bin/env python3
# vrep-test: timeout=60 presets=native
"""What the packages hold and say of themselves: files, modes, version, dependencies, names of the library, no debugging
rests, no search paths; the tar has the same files; maintainer scripts are scripts that sh accepts."""

import gzip
import os
import re
import shutil
import stat
import sys
import tarfile
import tempfile

import _package

FILES = """
etc/vrep/vrep.conf
usr/bin/vrepctl usr/bin/vrepdisk usr/sbin/vrepsvc
usr/include/vrep.h
usr/lib/x86_64-linux-gnu/libvrep.so usr/lib/x86_64-linux-gnu/libvrep.so.1 usr/lib/x86_64-linux-gnu/libvrep.so.1.0
usr/lib/systemd/system/vrep.service usr/lib/systemd/system/vrep@.service
usr/share/bash-completion/completions/vrepctl usr/share/bash-completion/completions/vrepdisk
usr/share/bash-completion/completions/vrepsvc
usr/share/doc/vrep/changelog.gz usr/share/doc/vrep/changelog.Debian.gz usr/share/doc/vrep/copyright
usr/share/lintian/overrides/vrep
usr/share/man/man1/vrepctl.1.gz usr/share/man/man1/vrepdisk.1.gz usr/share/man/man3/libvrep.3.gz
usr/share/man/man8/vrepsvc.8.gz
""".split()
wrong = []


def expect(condition, complaint):
    if not condition:
        wrong.append(complaint)


def files_of(root):
    return sorted(os.path.relpath(os.path.join(folder, name), root)
                  for folder, _, names in os.walk(root) for name in names)


def check_control(root, version):
    control = _package.run("dpkg-deb", "-I", _package.debian_package(), "control")
    fields = dict(re.findall(r"^([A-Z][\w-]+): (.*)$", control, re.MULTILINE))
    expect(fields["Version"] == version + "-1", f"Version {fields['Version']}, the program has {version}")
    needs = sorted(need.split()[0] for need in fields["Depends"].split(","))
    expect(needs == ["libc6", "libjansson4"], f"Depends: {fields['Depends']}")
    expect((fields["Package"], fields["Architecture"]) == ("vrep", "amd64"), f"{fields}")
    expect(_package.run("dpkg-deb", "-I", _package.debian_package(), "conffiles") == "/etc/vrep/vrep.conf\n", "conffiles")
    with gzip.open(os.path.join(root, "usr/share/doc/vrep/changelog.Debian.gz"), "rt") as file:
        expect(file.readline().startswith(f"vrep ({version}-1) "), "the changelog has another version")


def check_files(root):
    expect(files_of(root) == sorted(FILES), f"files: {set(files_of(root)) ^ set(FILES)}")
    listed = _package.run("dpkg-deb", "-c", _package.debian_package())
    expect(all(line.split()[1] == "root/root" for line in listed.splitlines()), "something is not root's")
    for name in FILES:
        path = os.path.join(root, name)
        mode = stat.S_IMODE(os.lstat(path).st_mode)
        wanted = 0o777 if os.path.islink(path) else 0o755 if "bin/" in name else 0o644
        expect(mode == wanted, f"{name} has mode {mode:o}")


def check_programs(root):
    for name in ("usr/bin/vrepctl", "usr/bin/vrepdisk", "usr/sbin/vrepsvc", "usr/lib/x86_64-linux-gnu/libvrep.so.1"):
        path = os.path.join(root, name)
        shown = _package.run("objdump", "-p", path)
        expect("RPATH" not in shown and "RUNPATH" not in shown, f"{name} has a search path")
        expect(".debug_" not in _package.run("objdump", "-h", path), f"{name} has debugging information")
    expect("SONAME               libvrep.so.1\n" in shown, "the library has another name")


def check_tar(version):
    with tarfile.open(_package.only(f"vrep-{version}-linux-*.tar.gz")) as tar:
        names = sorted(member.name.split("/", 1)[1] for member in tar if not member.isdir())
    expect(names == sorted(FILES), f"the tar has other files: {set(names) ^ set(FILES)}")


def check_scripts(folder):
    _package.run("dpkg-deb", "-e", _package.debian_package(), folder)
    for name in ("postinst", "prerm", "postrm"):
        _package.run("sh", "-n", os.path.join(folder, name))
    # A purge, below a folder of its own.
    root = os.path.join(folder, "root")
    for place in ("etc/vrep/vrep@lab.conf", "var/lib/vrep/lock", "var/lib/vrep/config.json", "var/lib/vrep/log/events.jsonl",
                  "var/lib/vrep/log/events.1.jsonl", "var/lib/vrep/relationships/1.json", "var/lib/vrep/relationships/1.json.new",
                  "var/lib/vrep$a/config.json", "var/lib/vrep$b/config.json", "var/lib/vrep$b/relationships/disk.vhdx",
                  "var/lib/vrep-other/config.json", "var/lib/vrepository/config.json"):
        os.makedirs(os.path.join(root, os.path.dirname(place)), exist_ok=True)
        with open(os.path.join(root, place), "w", encoding="utf-8"):
            pass
    _package.run("sh", os.path.join(folder, "postrm"), "purge", env=dict(os.environ, DPKG_ROOT=root, PATH="/usr/bin:/bin"))
    left = [name for name in files_of(root) if not name.startswith("var/lib/systemd")]
    expect(left == ["etc/vrep/vrep@lab.conf", "var/lib/vrep$b/relationships/disk.vhdx", "var/lib/vrep-other/config.json",
                    "var/lib/vrepository/config.json"], f"a purge leaves {left}")
    expect(not os.path.exists(os.path.join(root, "var/lib/vrep$a")), "a purge leaves an empty folder")


top = tempfile.mkdtemp(prefix="package-contents-")
try:
    unpacked = _package.unpack(os.path.join(top, "files"))
    own = _package.run(os.path.join(unpacked, "usr/sbin/vrepsvc"), "--version").split()[1]
    check_control(unpacked, own)
    check_files(unpacked)
    check_programs(unpacked)
    check_tar(own)
    check_scripts(os.path.join(top, "control"))
finally:
    shutil.rmtree(top)
print("\n".join(wrong))
sys.exit(1 if wrong else 0)
