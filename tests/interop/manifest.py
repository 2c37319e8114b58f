#!/usr/bin/env python3
# vrep-test: timeout=300 labels=interop presets=native,asan
"""What vrepmc makes of manifests, read back by a strict reader and compared with the XML as Python reads it.

Our own manifest and those in manifests/, which together use everything; each also in UTF-16 and compiled again, with
the same bytes; the resource that windres builds holds what vrepmc wrote.
"""

import glob
import os
import shutil
import struct
import subprocess
import sys
import tempfile

import _manifest
import _wevt

TOP = os.environ["VREP_SOURCE_DIR"]
VREPMC = os.path.join(os.environ["VREP_BIN"], "vrepmc")
HERE = os.path.dirname(os.path.abspath(__file__))
LANGUAGES = {"en-us": 0x409, "de-de": 0x407, "zh-cn": 0x804}
wrong = []


def expect(condition, text):
    if not condition:
        wrong.append(text)


def compile_manifest(manifest, folder, *options):
    subprocess.run([VREPMC, manifest, "-o", folder, *options], check=True)
    return {name: open(os.path.join(folder, name), "rb").read() for name in sorted(os.listdir(folder))}


def differences(path, found, wanted):
    """Places where two structures of dictionaries and lists differ."""
    if isinstance(found, dict) and isinstance(wanted, dict):
        for key in sorted(set(found) | set(wanted)):
            yield from differences(f"{path}.{key}", found.get(key), wanted.get(key))
    elif isinstance(found, list) and isinstance(wanted, list) and len(found) == len(wanted):
        for i, pair in enumerate(zip(found, wanted)):
            yield from differences(f"{path}[{i}]", *pair)
    elif found != wanted:
        yield f"{path} is {found!r} in the resource, {wanted!r} in the manifest"


def check_messages(name, files, stem, manifest):
    for i, culture in enumerate(manifest.cultures):
        table = _wevt.message_table(files[f"{stem}_MSG{i + 1:05}.bin"])
        texts = {number: text.replace("\r\n", "\n").replace("\n", "\r\n") + "\r\n"
                 for number, text in manifest.texts(culture).items()}
        for difference in differences(f"{name}, {culture}", table, texts):
            wrong.append(difference)
    tables = [file for file in files if "_MSG" in file]
    expect(len(tables) == len(manifest.cultures), f"{name}: there are tables of {len(tables)} languages")


def extract(library, kind, language):
    return subprocess.run(["wrestool", "-x", "--raw", f"--type={kind}", "--name=1", f"--language={language}", library],
                          capture_output=True, check=True).stdout


def check_resources(name, folder, files, stem, manifest):
    """A library of windres and gcc has the outputs as resources, under their languages."""
    library = os.path.join(folder, "x.dll")
    subprocess.run(["x86_64-w64-mingw32-windres", f"{stem}.rc", "resource.o"], check=True, cwd=folder)
    subprocess.run(["x86_64-w64-mingw32-gcc", "-shared", "-nostartfiles", "-nostdlib", "-Wl,--entry=0", "-o", "x.dll",
                    "resource.o"], check=True, cwd=folder)
    for i, culture in enumerate(manifest.cultures):
        table = files[f"{stem}_MSG{i + 1:05}.bin"]
        expect(extract(library, "11", LANGUAGES[culture]) == table, f"{name}: the table of {culture} is another in the DLL")
    first = LANGUAGES[next(iter(manifest.cultures))]
    expect(extract(library, "WEVT_TEMPLATE", first) == files[f"{stem}.bin"], f"{name}: the DLL has another template")


def check_manifest(path, folder):
    name = os.path.relpath(path, TOP)
    stem = os.path.splitext(os.path.basename(path))[0]
    with open(path, encoding="utf-8") as file:
        text = file.read()
    first, again, wide = (os.path.join(folder, part) for part in ("first", "again", "wide"))
    files = compile_manifest(path, first)
    expect(compile_manifest(path, again) == files, f"{name}: a second run gives other bytes")
    utf16 = os.path.join(folder, os.path.basename(path))
    with open(utf16, "w", encoding="utf-16") as file:
        file.write(text.replace('encoding="UTF-8"', 'encoding="UTF-16"'))
    expect(compile_manifest(utf16, wide) == files, f"{name}: in UTF-16 it gives other bytes")

    manifest = _manifest.Manifest(text)
    resource = _wevt.Wevt(files[f"{stem}.bin"])
    for difference in differences(name, resource.providers, manifest.providers):
        wrong.append(difference)
    check_messages(name, files, stem, manifest)
    check_resources(name, first, files, stem, manifest)
    events = sum(len(p["events"]) for p in resource.providers)
    print(f"{name}: {len(resource.providers)} providers, {events} events, {len(manifest.messages.ids)} messages")


def check_reader():
    """The reader notices any byte of a resource that is not what it should be."""
    path = os.path.join(HERE, "manifests", "languages.man")
    with open(path, encoding="utf-8") as file, tempfile.TemporaryDirectory() as folder:
        wanted = _manifest.Manifest(file.read()).providers
        good = compile_manifest(path, folder)["languages.bin"]
    unnoticed = []
    for at in range(len(good)):
        bad = bytearray(good)
        bad[at] ^= 0x41
        try:
            found = _wevt.Wevt(bytes(bad)).providers
            if not list(differences("", found, wanted)):
                unnoticed.append(hex(at))
        except (_wevt.Malformed, UnicodeDecodeError, StopIteration, struct.error, IndexError, KeyError):
            pass
    expect(not unnoticed, f"the reader does not notice a change of the bytes at {', '.join(unnoticed)}")


def main():
    for tool in ("wrestool", "x86_64-w64-mingw32-windres"):
        if not shutil.which(tool):
            print(f"{tool} is not here")
            sys.exit(77)
    for path in [os.path.join(TOP, "etw", "VRep.man"), *sorted(glob.glob(os.path.join(HERE, "manifests", "*.man")))]:
        with tempfile.TemporaryDirectory() as folder:
            check_manifest(path, folder)
    check_reader()
    for text in wrong:
        print(text)
    sys.exit(1 if wrong else 0)


main()
