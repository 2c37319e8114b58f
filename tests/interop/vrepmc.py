#!/usr/bin/env python3
# vrep-test: timeout=300 labels=interop presets=native,asan
"""vrepmc as a program: options, exit codes, errors; its reference; its headers, which three compilers take without a warning."""

import glob
import html
import os
import re
import resource
import shutil
import signal
import subprocess
import sys
import tempfile

import _manifest

TOP = os.environ["VREP_SOURCE_DIR"]
VREPMC = os.path.join(os.environ["VREP_BIN"], "vrepmc")
MANIFESTS = os.path.join(TOP, "tests", "interop", "manifests")
MINIMAL = os.path.join(MANIFESTS, "minimal.man")
COMPILERS = ["gcc", "clang", "x86_64-w64-mingw32-gcc-posix"]
FLAGS = ["-std=c17", "-Wall", "-Wextra", "-Wconversion", "-Wpedantic", "-Wshadow", "-Wmissing-prototypes", "-Werror"]
wrong = []


def expect(condition, text):
    if not condition:
        wrong.append(text)


def vrepmc(*words, code=0):
    done = subprocess.run([VREPMC, *words], capture_output=True, text=True, check=False)
    expect(done.returncode == code, f"{words} exits {done.returncode} instead of {code}: {done.stderr}")
    return done


def read(folder, name):
    with open(os.path.join(folder, name), encoding="utf-8") as file:
        return file.read()


def check_options(folder):
    expect(vrepmc("--version").stdout.startswith("vrepmc "), "--version does not show it")
    for words in ((), (MINIMAL,), ("-o", folder), (MINIMAL, MINIMAL, "-o", folder), (MINIMAL, "-o"), (MINIMAL, "-x"),
                  (MINIMAL, "-o", folder, "-o", folder), (MINIMAL, "-o", folder, "--name", "a/b"),
                  (MINIMAL, "-o", folder, "--name", 'a"b'), (MINIMAL, "-o", folder, "--include", 'a"b')):
        done = vrepmc(*words, code=2)
        expect(done.stderr.startswith("vrepmc: ") and done.stderr.count("\n") == 1, f"{words}: {done.stderr!r}")
    expect(os.listdir(folder) == [], "wrong usage leaves files")

    preamble = os.path.join(folder, "preamble")
    with open(preamble, "w", encoding="utf-8") as file:
        file.write("# Ours\n\nSome words.\n")
    out = os.path.join(folder, "a", "b")
    vrepmc(MINIMAL, "-o", out, "--name", "Other", "--include", "types.h", "--preamble", preamble)
    expect(sorted(os.listdir(out)) == ["Other.bin", "Other.h", "Other.md", "Other.rc", "Other_MSG00001.bin"],
           f"the files are {os.listdir(out)}")
    expect('#include "types.h"\n' in read(out, "Other.h"), "--include is not followed")
    expect(read(out, "Other.md").startswith("# Ours\n\nSome words.\n\n## Provider Test-Minimal\n"), "--preamble is not followed")
    expect('"Other.bin"' in read(out, "Other.rc") and '"Other_MSG00001.bin"' in read(out, "Other.rc"),
           "the resource script names other files")


def check_errors(folder):
    out = os.path.join(folder, "out")
    bad = os.path.join(folder, "bad.man")
    vrepmc(MINIMAL, "-o", out, "--name", "bad")
    before = {name: os.stat(os.path.join(out, name)).st_ino for name in os.listdir(out)}
    with open(bad, "w", encoding="utf-8") as file:
        file.write(read(MANIFESTS, "minimal.man").replace('symbol="MINIMAL"', 'symbol="MINIMAL"\ncolour="red"'))
    done = vrepmc(bad, "-o", out, code=1)
    expect(done.stderr.startswith(f"{bad}:4: ") and "colour" in done.stderr and done.stderr.count("\n") == 1,
           f"the error is {done.stderr!r}")
    expect(before == {name: os.stat(os.path.join(out, name)).st_ino for name in os.listdir(out)},
           "an error changes the files that are there")
    done = vrepmc(os.path.join(folder, "none.man"), "-o", out, code=1)
    expect(done.stderr.startswith("vrepmc: ") and "none.man" in done.stderr, f"a missing manifest: {done.stderr!r}")
    expect("bad.man" in vrepmc(MINIMAL, "-o", bad, code=1).stderr, "a file for a folder")
    os.mkdir(os.path.join(out, "minimal.h"))
    done = vrepmc(MINIMAL, "-o", out, code=1)
    expect("minimal.h" in done.stderr and not glob.glob(os.path.join(out, "*.new")), "a folder for a file")


def full_volume():
    """For a child process: files end at 20000 bytes, as on a volume without room. The header is longer."""
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20000, 20000))


def check_full_volume(folder):
    manifest = os.path.join(MANIFESTS, "everything.man")
    vrepmc(manifest, "-o", folder)
    before = {name: os.stat(os.path.join(folder, name)).st_ino for name in os.listdir(folder)}
    done = subprocess.run([VREPMC, manifest, "-o", folder], capture_output=True, text=True, check=False,
                          preexec_fn=full_volume)
    expect(done.returncode == 1 and "everything.h" in done.stderr, f"a full volume: {done.returncode} {done.stderr!r}")
    expect(before == {name: os.stat(os.path.join(folder, name)).st_ino for name in os.listdir(folder)},
           "a full volume changes the files that are there")


def check_reference(folder):
    """The reference has a section for each event with all of its fields, and its links lead to sections."""
    path = os.path.join(MANIFESTS, "everything.man")
    vrepmc(path, "-o", folder)
    text = read(folder, "everything.md")
    plain = lambda words: re.sub(r"[^a-z0-9_ -]", "", words.lower()).replace(" ", "-")
    sections = {}
    for section in text.split("\n### ")[1:]:
        title, _, body = section.partition("\n")
        sections[title.replace("\\", "")] = body.split("\n## ")[0]
    for provider in _manifest.Manifest(read(MANIFESTS, "everything.man")).providers:
        for event in provider["events"]:
            start = f"{event['id']} version {event['version']}" if event["version"] else str(event["id"])
            found = [body for title, body in sections.items()
                     if title == start or re.fullmatch(re.escape(start) + r" [A-Z_]+", title)]
            fields = [] if event["template"] is None else provider["templates"][event["template"]]["fields"]
            wanted = [field["name"] for field in fields]
            shown = [[html.unescape(re.sub(r"\\(.)", r"\1", name)) for name in re.findall(r"(?m)^\d+\. (.*?): ", body)]
                     for body in found]
            expect(wanted in shown, f"the reference has {shown} as fields of {start}")
    anchors = {plain(title) for title in sections}
    links = re.findall(r"\]\(#(.*?)\)", text)
    expect(links and set(links) <= anchors, f"links lead nowhere: {set(links) - anchors}")


def check_headers(folder):
    compilers = [c for c in COMPILERS if shutil.which(c)]
    for path in [os.path.join(TOP, "etw", "VRep.man"), *sorted(glob.glob(os.path.join(MANIFESTS, "*.man")))]:
        stem = os.path.splitext(os.path.basename(path))[0]
        vrepmc(path, "-o", folder)
        source = os.path.join(folder, f"{stem}.c")
        with open(source, "w", encoding="utf-8") as file:
            file.write(f'#include "{stem}.h"\n#include "{stem}.h"\nint main(void)\n{{\n    return 0;\n}}\n')
        for compiler in compilers:
            for level in ("-O0", "-O2"):
                done = subprocess.run([compiler, *FLAGS, level, "-I", TOP, "-I", folder, "-c", source, "-o", source + ".o"],
                                      capture_output=True, text=True, check=False)
                expect(done.returncode == 0, f"{compiler} {level} has something against {stem}.h:\n{done.stderr[:1000]}")
    print(f"compilers: {', '.join(compilers)}")


for check in (check_options, check_errors, check_full_volume, check_reference, check_headers):
    with tempfile.TemporaryDirectory() as temporary:
        check(temporary)
print("\n".join(wrong))
sys.exit(1 if wrong else 0)
