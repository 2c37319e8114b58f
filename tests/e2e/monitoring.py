#!/usr/bin/env python3
# vrep-test: timeout=600 labels=e2e presets=native,asan
"""What monitoring systems get: 'vrepctl health' as a plug-in, 'vrepctl metrics' as Prometheus reads it."""

import os
import re
import stat
import subprocess
import threading
import time

from vrep_e2e import MIB, Disk, Skip, check, main, poll
from vrep_e2e.prometheus import Bad, lint, parse
from vrep_e2e.runner import need_root
from vrep_e2e.service import program

OK, WARNING, CRITICAL, UNKNOWN = 0, 1, 2, 3
NOT_WRITTEN, WRITTEN_AGAIN = 50060, 50061
REPLACED = 1000
NAME = 'web "1\\" \\n ä|='  # all that escaping is for, but a line break, which no name may have
HEAD = b"# HELP a_x x\n# TYPE a_x gauge\n"

# One rule of the format broken in each.
BROKEN = (
    b"", b"a 1\n", HEAD, HEAD + b"a_x 1", HEAD + b"a_x 1\r\n", HEAD + b"a_x 1\n\n", HEAD + b"a_x 1 1795369749\n", HEAD + b"a_x one\n",
    HEAD + b"a_x 1\na_x 2\n", HEAD + b"a_x  1\n", HEAD + b"a_x\n", HEAD + b"other 1\n", HEAD + b'a_x{c="1"} 0x10\n',
    HEAD + b'a_x{c="1} 1\n', HEAD + b'a_x{c="1""} 1\n', HEAD + b'a_x{c="\\t"} 1\n', HEAD + b'a_x{c="1",c="2"} 1\n',
    HEAD + b'a_x{c="1" } 1\n', HEAD + b'a_x{c="1"}1\n', HEAD + b'a_x{c=1} 1\n', HEAD + b'a_x{__c="1"} 1\n', HEAD + b'a_x{c="\xff"} 1\n',
    HEAD + b'a_x{c="1"} 1\na_x{c="1"} 1\n', HEAD + HEAD + b"a_x 1\n", HEAD + b"# TYPE a_x gauge\na_x 1\n",
    HEAD + b"a_x 1\n# TYPE a_x gauge\n", b"# TYPE a_x gauge\n# HELP a_x x\na_x 1\n", b"# HELP a_x\n# TYPE a_x gauge\na_x 1\n",
    b"# HELP a_x \\x\n# TYPE a_x gauge\na_x 1\n", b"# HELP a_x x\n# TYPE a_x meter\na_x 1\n", b"# a comment\n" + HEAD + b"a_x 1\n",
    HEAD + b"a_x 1\n# HELP c x\n# TYPE c gauge\nc 1\na_x{d=\"1\"} 2\n", b"# HELP 1a x\n# TYPE 1a gauge\n1a 1\n",
)
BADLY_NAMED = (
    b"# HELP a_x x\n# TYPE a_x counter\na_x 1\n", b"# HELP a_total x\n# TYPE a_total gauge\na_total 1\n",
    b"# HELP aB x\n# TYPE aB gauge\naB 1\n", b"# HELP a_ms x\n# TYPE a_ms gauge\na_ms 1\n", b"# HELP a_count x\n# TYPE a_count gauge\na_count 1\n",
    b"# HELP a_total x\n# TYPE a_total counter\na_total -1\n", HEAD + b'a_x{cD="1"} 1\n', HEAD + b'a_x{job="1"} 1\n',
    HEAD + b'a_x{c="1"} 1\na_x{d="1"} 1\n', b"# HELP a_gauge x\n# TYPE a_gauge gauge\na_gauge 1\n",
)


def reader(_):
    """The reader of this test refuses what breaks any rule, and reads what is right."""
    for text in BROKEN:
        try:
            parse(text)
        except Bad:
            continue
        raise AssertionError(f"accepted: {text!r}")
    for text in BADLY_NAMED:
        check(lint(parse(text)), f"well named: {text!r}")
    families = parse(HEAD + b'a_x{c="\\\\n\\n\\"}",d=""} -1.5e3\n')
    check(families["a_x"].samples == {frozenset({("c", '\\n\n"}'), ("d", "")}): -1500.0}, "escapes are read wrongly")
    check(not lint(families), "named badly")


def metrics(service):
    families = parse(service.ctl("metrics").stdout.encode())
    problems = lint(families)
    check(not problems, "\n".join(problems))
    return families


def value(families, metric, **labels):
    found = [number for key, number in families[metric].samples.items() if set(labels.items()) <= key]
    check(len(found) == 1, f"{metric}{labels} has {len(found)} samples")
    return found[0]


def health(service, *arguments, expect):
    """Checks the line as a monitoring system takes it apart; its text and figures."""
    done = service.ctl("health", *arguments, expect=expect)
    check(done.stderr == "" and done.stdout.count("\n") == 1, f"not one line: {done.stdout}{done.stderr}")
    line = re.fullmatch(r"VREP (OK|WARNING|CRITICAL|UNKNOWN) - ([^|\n]+?)(?: \|((?: [^ ]+)+))?\n", done.stdout)
    check(line and ("OK", "WARNING", "CRITICAL", "UNKNOWN").index(line[1]) == expect, f"exit {expect} with {done.stdout}")
    figures = {}
    for figure in (line[3] or "").split():
        parts = re.fullmatch(r"([a-z_]{1,19})=(\d+)(s|B|)(;\d*){0,4}", figure)
        check(parts and parts[1] not in figures, f"not a figure: {figure}")
        figures[parts[1]] = int(parts[2])
    return line[2], figures


def plug_in(lab):
    """Each exit code, with the text that explains it."""
    primary = lab.primary.start()
    lab.replica.start()
    text, figures = health(primary, expect=UNKNOWN)
    check("no relationships" in text and figures["relationships"] == 0, text)
    disks = lab.drifted()
    lab.relate(NAME, [disks[0]], [disks[1]])
    text, figures = health(primary, NAME, expect=CRITICAL)
    check("Resynchronization is required" in text and figures["health"] == 3, text)
    lab.resync(NAME)
    lab.finished(NAME, [disks])
    text, figures = health(primary, NAME, expect=OK)
    check("Replicating" in text and figures["in_step_age"] < 60 and figures["compared"] == 64 * MIB, f"{text} {figures}")
    check(health(primary, expect=OK)[1]["normal"] == 1, "all")
    primary.request("suspend", name=NAME)
    health(primary, NAME, expect=WARNING)
    other = Disk.create(lab, "other.vhdx", 8 * MIB)
    primary.request("enable", name="other", disks=[other.path], replica_server="127.0.0.1", replica_port=1)
    text, figures = health(primary, expect=CRITICAL)
    check(figures["critical"] == 1 and figures["warning"] == 1 and text.index("'other'") < text.index("Suspended"), text)
    health(primary, "nobody", expect=UNKNOWN)
    health(primary, "a", "b", expect=UNKNOWN)
    health(primary, "--limit", "1", expect=UNKNOWN)
    primary.stop()
    check("not running" in health(primary, expect=UNKNOWN)[0], "it does not say that the service is not running")
    check(subprocess.run([program("vrepctl"), "health", "--help"], capture_output=True, check=False).returncode == 0, "--help")


def figures(lab):
    """What Prometheus gets through a whole life: valid at each moment, with the values of status."""
    primary = Disk.create(lab, "primary.vhdx", 64 * MIB).fill(lab.rng, (0, 32 * MIB))
    replica = primary.copy(lab, "replica.vhdx")
    replica.fill(lab.rng, *((at * 2 * MIB, MIB) for at in range(16)))
    pair = (primary, replica)
    lab.start().relate(NAME, [pair[0]], [pair[1]])
    before = metrics(lab.primary)
    vm = {"service": "VRep$" + lab.primary.instance, "vm_name": NAME, "vm_id": lab.primary.relationship(NAME)["VMId"]}
    check(value(before, "vrep_replication_state", **vm) == 10 and value(before, "vrep_resynchronize_required", **vm) == 1, "10")
    check("vrep_in_step_age_seconds" not in before and "vrep_resynchronize_total_bytes" not in before, "nothing is known yet")
    check(value(metrics(lab.replica), "vrep_replication_mode", vm_name=NAME, vm_id="") == 2, "the replica")
    lab.primary.request("set", name=NAME, bandwidth_limit=2 * MIB)
    lab.resync(NAME)
    lab.primary.wait(NAME, lambda r: (r["ResynchronizeBytesSent"] or 0) > MIB, 60, "something is sent")
    during = metrics(lab.primary)
    check(value(during, "vrep_active_transfers") == 1 and value(during, "vrep_replication_state", **vm) == 11, "it runs")
    check(0 < value(during, "vrep_resynchronize_compared_bytes", **vm) <= value(during, "vrep_resynchronize_total_bytes", **vm), "bytes")
    lab.replica.kill()
    lab.primary.wait(NAME, lambda r: r["FailedAttempts"] == 1, 60, "an attempt fails")
    failed = metrics(lab.primary)
    check(value(failed, "vrep_failed_attempts_total", **vm) == 1 and value(failed, "vrep_replication_health", **vm) == 2, "a failure")
    lab.replica.start()
    lab.primary.request("set", name=NAME, bandwidth_limit=0)
    lab.primary.request("resume", name=NAME)
    lab.finished(NAME, [pair])
    after = metrics(lab.primary)
    check(value(after, "vrep_replication_state", **vm) == 4 and value(after, "vrep_resynchronize_last_outcome", **vm) == 2, "merged")
    check(value(after, "vrep_in_step_age_seconds", **vm) < 60 and value(after, "vrep_merge_pending", **vm) == 0, "in step")
    check(value(after, "vrep_failed_attempts_total", **vm) == 1 and value(after, "vrep_consecutive_failed_attempts", **vm) == 0, "counted")
    shown = lab.primary.relationship(NAME)
    for metric, member in (("different", "Different"), ("sent", "Sent"), ("to_merge", "ToMerge"), ("merged", "Merged")):
        check(value(after, f"vrep_resynchronize_{metric}_bytes", **vm) == shown[f"ResynchronizeBytes{member}"], metric)


def textfile(lab):
    return os.path.join(lab.root, "textfile"), os.path.join(lab.root, "textfile", f"vrep${lab.primary.instance}.prom")


def server(service):
    return service.request("status")["Server"]


def folder(lab):
    """The setting and what is written: readable by an exporter, kept over a restart, gone with the setting or the service."""
    path, file = textfile(lab)
    os.mkdir(path)
    disk = Disk.create(lab, "disk.vhdx", 8 * MIB)
    primary = lab.primary.start()
    primary.request("enable", name=NAME, disks=[disk.path], replica_server="127.0.0.1", replica_port=1)
    check(path in primary.ctl("server", "set", "--metrics-folder", path).stdout, "the folder is not shown")
    poll(lambda: os.path.exists(file), 10, "the file is written")
    with open(file, "rb") as content:
        families = parse(content.read())
    check(not lint(families) and value(families, "vrep_replication_state", vm_name=NAME) == 10, "what is in the file")
    check(stat.S_IMODE(os.stat(file).st_mode) == 0o644, "an exporter could not read it")
    check(os.listdir(path) == [os.path.basename(file)], f"left: {os.listdir(path)}")
    primary.restart()
    poll(lambda: os.path.exists(file), 10, "it is written after a restart")
    check(server(primary)["MetricsFolder"] == path and server(primary)["MetricsIntervalSec"] == 15, "status")
    primary.ctl("server", "set", "--metrics-folder", "none")
    poll(lambda: not os.path.exists(file), 10, "it leaves with the setting")
    primary.ctl("server", "set", "--metrics-folder", path)
    poll(lambda: os.path.exists(file), 10, "it is back")
    primary.stop()
    check(not os.path.exists(file), "a stopped service leaves figures that nobody renews")


def identity(file):
    about = os.stat(file)
    return about.st_ino, about.st_mtime_ns


def replaced_while_read(lab):
    """The file is replaced 1,000 times while others read it all the time: it is whole at each moment."""
    path, file = textfile(lab)
    os.mkdir(path)
    primary = lab.primary.start()
    disk = Disk.create(lab, "disk.vhdx", 8 * MIB)
    primary.request("enable", name=NAME, disks=[disk.path], replica_server="127.0.0.1", replica_port=1)
    primary.request("server-set", metrics_folder=path)
    poll(lambda: os.path.exists(file), 10, "the file is written")
    done, seen, problems = threading.Event(), [0, 0], []

    def read_on(reads):
        while not done.is_set():
            try:
                with open(file, "rb") as content:
                    parse(content.read())
                seen[reads] += 1
                time.sleep(0.001)  # leaves the machine to those who write
            except (Bad, OSError) as problem:
                problems.append(problem)
                return

    readers = [threading.Thread(target=read_on, args=(n,)) for n in (0, 1)]
    for thread in readers:
        thread.start()
    files = 0
    try:
        while (files < REPLACED or min(seen) < REPLACED) and not problems:
            before, deadline = identity(file), time.monotonic() + 0.5
            primary.request("server-set", metrics_folder=path)
            while identity(file) == before and time.monotonic() < deadline:
                time.sleep(0.001)
            files += identity(file) != before  # two that came within one tick of the clock may look like none
    finally:
        done.set()
        for thread in readers:
            thread.join()
    check(not problems, f"after {seen} reads of {files} files: {problems}")
    print(f"{files} files, {seen[0]} and {seen[1]} reads")


def missing_folder(lab):
    """A folder that is not there is told once, shown, and told once when it is there; nothing waits for it."""
    path, file = textfile(lab)
    primary = lab.primary.start()
    primary.request("server-set", metrics_folder=path)
    poll(lambda: primary.events(NOT_WRITTEN), 10, "the event")
    check(server(primary)["MetricsError"]["message"] and server(primary)["MetricsLastWriteTime"] is None, "status")
    check("not written" in primary.ctl("server").stdout, "vrepctl server")
    for _ in range(3):
        primary.request("server-set", metrics_folder=path)
    os.mkdir(path)
    primary.request("server-set", metrics_folder=path)
    poll(lambda: primary.events(WRITTEN_AGAIN), 10, "the end of it")
    check(os.path.exists(file) and server(primary)["MetricsError"] is None, "it is written")
    check(len(primary.events(NOT_WRITTEN)) == 1, "told more than once")


def full_folder(lab):
    """The same with a volume that is full; the file that was there stays whole."""
    need_root("a volume of its own")
    path, file = textfile(lab)
    os.mkdir(path)
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "vrep-e2e", path], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise Skip(f"nothing can be mounted here: {done.stderr.strip()}")
    lab.cleanups.append(lambda: subprocess.run(["umount", "-l", path], check=False))
    primary = lab.primary.start()
    primary.request("server-set", metrics_folder=path)
    poll(lambda: os.path.exists(file), 10, "the file is written")
    with open(os.path.join(path, "filler"), "wb", buffering=0) as filler:
        try:
            while True:
                filler.write(b"x" * 4096)
        except OSError:
            pass
    primary.request("server-set", metrics_folder=path)
    poll(lambda: primary.events(NOT_WRITTEN), 10, "the event")
    with open(file, "rb") as content:
        check(parse(content.read()), "the old file is no longer whole")
    os.remove(os.path.join(path, "filler"))
    primary.request("server-set", metrics_folder=path)
    poll(lambda: primary.events(WRITTEN_AGAIN), 10, "the end of it")


def links(lab):
    """Somebody who may write the folder cannot make the service write elsewhere."""
    path, file = textfile(lab)
    os.mkdir(path)
    victim = os.path.join(lab.root, "victim")
    with open(victim, "w", encoding="utf-8") as content:
        content.write("mine")
    os.symlink(victim, file + ".new")
    primary = lab.primary.start()
    primary.request("server-set", metrics_folder=path)
    poll(lambda: os.path.exists(file), 10, "the file is written")
    with open(victim, encoding="utf-8") as content:
        check(content.read() == "mine" and not os.path.islink(file), "it was written through the link")


if __name__ == "__main__":
    main(reader, plug_in, figures, folder, replaced_while_read, missing_folder, full_folder, links)
