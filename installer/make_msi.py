#!/usr/bin/env python3
"""Makes VRep-<version>-x64.msi: stages the files, runs wixl over VRep.wxs and a fragment for the PowerShell module, then says
by SQL what wixl cannot (fixups.sql) and what is read from the files: versions, languages, short names.

    make_msi.py --version V --bin FOLDER --docs FOLDER --work FOLDER --output FILE.msi [--strip PROGRAM] [--sign PROGRAM]

--sign PROGRAM is run as PROGRAM FILE for each program, library, script and last for the package, and signs it in place."""

import argparse
import os
import re
import shutil
import subprocess
import sys
import uuid
from xml.sax.saxutils import quoteattr

from _pe import version_of

HERE = os.path.dirname(os.path.abspath(__file__))
NAMESPACE = uuid.UUID("0b7a8e52-7f0f-4f4e-8d7e-5c6c1f5d3a90")  # of every id that is derived; never changes
PROGRAMS = ("vrepsvc.exe", "vrepctl.exe", "vrepdisk.exe", "vrep.dll", "vrep-actions.dll")
FROM_BIN = ("vrep-events.dll", "VRep.man", "views/vrep-replication.xml", "views/vrep-resynchronizations.xml")
FROM_DOCS = ("operations.md", "deployment.md", "powershell.md", "monitoring.md", "events.md")
SIGNED = (".exe", ".dll", ".ps1", ".psm1", ".psd1", ".ps1xml")


def fail(text):
    sys.exit(f"make_msi.py: {text}")


def guid(*words):
    """The same for the same words, for ever."""
    return "{" + str(uuid.uuid5(NAMESPACE, "/".join(words))).upper() + "}"


def run(*command, **options):
    done = subprocess.run(command, capture_output=True, text=True, check=False, **options)
    if done.returncode != 0:
        fail(f"{' '.join(command)[:300]}: exit {done.returncode}\n{done.stdout}{done.stderr}")
    return done


# ---- files ----

def copy(source, stage, name):
    target = os.path.join(stage, name)
    os.makedirs(os.path.dirname(target), exist_ok=True)
    shutil.copyfile(source, target)
    os.chmod(target, 0o644)


def files_below(folder):
    for root, _, names in sorted(os.walk(folder)):
        for name in sorted(names):
            yield os.path.relpath(os.path.join(root, name), folder)


def stage_files(options, stage):
    """Everything that is installed, under the names that the package's sources have."""
    shutil.rmtree(stage, ignore_errors=True)
    for name in PROGRAMS + FROM_BIN:
        copy(os.path.join(options.bin, name), stage, name)
    for name in FROM_DOCS:
        copy(os.path.join(options.docs, name), stage, "docs/" + name)
    for name in ("README.txt", "THIRD-PARTY.txt"):
        with open(os.path.join(HERE, name), encoding="utf-8") as file:
            text = file.read()
        with open(os.path.join(stage, name), "w", encoding="utf-8", newline="\r\n") as file:
            file.write(text)  # it is opened by Notepad
    module = os.path.join(options.bin, "modules", "VRep")
    for name in files_below(module):
        copy(os.path.join(module, name), stage, "module/" + name)
    run(sys.executable, os.path.join(HERE, "make_icon.py"), os.path.join(stage, "vrep.ico"))
    for name in list(files_below(stage)):
        path = os.path.join(stage, name)
        if options.strip and os.path.basename(name) in PROGRAMS:
            run(options.strip, path)
        if options.sign and name.endswith(SIGNED):
            run(options.sign, path)


# ---- the module's folder ----

def module_fragment(stage, version):
    """One component a file; its id contains the version, so that two versions of the module lie side by side."""
    tree = {}
    for name in files_below(os.path.join(stage, "module")):
        folder = tree
        *folders, file = name.split("/")
        for part in folders:
            folder = folder.setdefault(part, {})
        folder[file] = name
    components = []

    def identifier(kind, path):
        return kind + "_" + re.sub(r"[^A-Za-z0-9_.]", "_", path)

    def lines(folder, path, indent):
        for name, found in sorted(folder.items()):
            inner = f"{path}{name}"
            if isinstance(found, dict):
                yield f"{indent}<Directory Id={quoteattr(identifier('Module', inner))} Name={quoteattr(name)}>"
                yield from lines(found, inner + "/", indent + "  ")
                yield f"{indent}</Directory>"
            else:
                component = identifier("Module", inner)
                components.append(component)
                yield (f"{indent}<Component Id={quoteattr(component)} Guid=\"{guid('module', version, inner)}\" Win64=\"yes\">"
                       f"<File Id={quoteattr(identifier('ModuleFile', inner))} Source={quoteattr('module/' + inner)} "
                       "KeyPath=\"yes\"/></Component>")

    content = "\n".join(lines(tree, "", "      "))
    references = "\n".join(f"      <ComponentRef Id={quoteattr(component)}/>" for component in components)
    return f"""<?xml version="1.0" encoding="UTF-8"?>
<Wix xmlns="http://schemas.microsoft.com/wix/2006/wi">
  <Fragment>
    <DirectoryRef Id="ModuleFolder">
{content}
    </DirectoryRef>
  </Fragment>
  <Fragment>
    <ComponentGroup Id="Module">
{references}
    </ComponentGroup>
  </Fragment>
</Wix>
"""


# ---- wixl ----

def run_wixl(options, stage, package):
    fragment = os.path.join(options.work, "Module.wxs")
    with open(fragment, "w", encoding="utf-8") as file:
        file.write(module_fragment(stage, options.version))
    done = run("wixl", "-a", "x64", "-D", f"Version={options.version}", "-D", f"ProductCode={guid('product', options.version)}",
               "-o", package, os.path.join(HERE, "VRep.wxs"), fragment, cwd=stage)
    with open(os.path.join(HERE, "wixl-warnings.txt"), encoding="utf-8") as file:
        allowed = [line.strip() for line in file if line.strip() and not line.startswith("#")]
    for line in (done.stdout + done.stderr).splitlines():
        if line.strip() and not any(re.search(pattern, line) for pattern in allowed):
            fail(f"wixl says what wixl-warnings.txt does not allow: {line}")


# ---- the database ----

def table(package, name):
    """The rows of a table, as lists."""
    text = run("msiinfo", "export", package, name).stdout
    return [line.split("\t") for line in text.replace("\r", "").split("\n")[3:] if line]


def quoted(text):
    if "'" in text:
        fail(f"a name with a quote cannot be written by SQL: {text}")
    return f"'{text}'"


def file_statements(package, stage, sources):
    """Version and language of each file that has them; such a file needs no hash."""
    for name, *_ in table(package, "File"):
        found = version_of(os.path.join(stage, sources[name]))
        if found:
            yield f"UPDATE File SET Version = '{found[0]}', Language = '{found[1]}' WHERE File = {quoted(name)}"
            yield f"DELETE FROM MsiFileHash WHERE File_ = {quoted(name)}"


def short_name(name, taken):
    """`name` itself where it is an 8.3 name, else 'SHORT|name', as nothing in `taken` is called."""
    base, dot, end = name.rpartition(".") if "." in name else (name, "", "")
    if re.fullmatch(r"[A-Za-z0-9_-]{1,8}", base) and re.fullmatch(r"[A-Za-z0-9_-]{0,3}", end) and name.upper() not in taken:
        taken.add(name.upper())
        return name
    stem = re.sub(r"[^A-Za-z0-9_-]", "", base).upper()
    for number in range(1, 1000):
        tail = f"~{number}"
        short = stem[:8 - len(tail)] + tail + dot + re.sub(r"[^A-Za-z0-9_-]", "", end).upper()[:3]
        if short not in taken:
            taken.add(short)
            return f"{short}|{name}"
    return fail(f"no short name is left for {name}")


def name_statements(package):
    """Windows wants an 8.3 name beside every longer one; they differ within a folder."""
    taken = {}
    for name, parent, default in sorted(table(package, "Directory")):
        if default not in (".", "SourceDir"):
            short = short_name(default, taken.setdefault(parent, set()))
            if short != default:
                yield f"UPDATE Directory SET DefaultDir = {quoted(short)} WHERE Directory = {quoted(name)}"
    folder = {row[0]: row[2] for row in table(package, "Component")}
    for name, component, file_name, *_ in sorted(table(package, "File")):
        short = short_name(file_name, taken.setdefault(folder[component], set()))
        if short != file_name:
            yield f"UPDATE File SET FileName = {quoted(short)} WHERE File = {quoted(name)}"


def fixups(version):
    with open(os.path.join(HERE, "fixups.sql"), encoding="utf-8") as file:
        text = re.sub(r"^--.*\n", "", file.read(), flags=re.M)
    for paragraph in re.split(r"\n\s*\n", text):
        statement = " ".join(paragraph.split())
        if statement:
            yield statement.replace("{version}", version)


def sources_of(options):
    """The source of each File row, as the two .wxs files name it."""
    found = {}
    for path in (os.path.join(HERE, "VRep.wxs"), os.path.join(options.work, "Module.wxs")):
        with open(path, encoding="utf-8") as file:
            found.update(re.findall(r'<File Id="([^"]+)" Source="([^"]+)"', file.read()))
    return found


def fix(options, stage, package):
    """One statement a call: msibuild ends at the first that fails, and then it is known which."""
    statements = list(fixups(options.version))
    statements += file_statements(package, stage, sources_of(options))
    statements += name_statements(package)
    for statement in statements:
        done = run("msibuild", package, "-q", statement)
        if done.stdout.strip() or done.stderr.strip():
            fail(f"{statement}\n{done.stdout}{done.stderr}")


def main():
    parser = argparse.ArgumentParser()
    for name in ("version", "bin", "docs", "work", "output"):
        parser.add_argument("--" + name, required=True)
    parser.add_argument("--strip")
    parser.add_argument("--sign")
    options = parser.parse_args()
    options.work = os.path.abspath(options.work)
    stage = os.path.join(options.work, "stage")
    package = os.path.join(options.work, "VRep.msi")
    os.makedirs(options.work, exist_ok=True)
    stage_files(options, stage)
    run_wixl(options, stage, package)
    fix(options, stage, package)
    if options.sign:
        run(options.sign, package)
    os.replace(package, options.output)


main()
