#!/usr/bin/env python3
# vrep-test: timeout=300 labels=e2e presets=native,asan
"""The client library as strangers use it: the examples in docs/examples, many at once, one that dies, too large a reply."""

import importlib.util
import json
import os
import shutil
import socket
import struct
import subprocess
import sys
import tempfile
import threading

from vrep_e2e import MIB, Skip, check, main, poll
from vrep_e2e.runner import PATIENCE, PRESET
from vrep_e2e.service import BIN, REPLY_MAX, program, receive_frame, send_frame

EXAMPLES = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../docs/examples")
LIBRARY = os.path.join(BIN, "libvrep.so")
C_EXAMPLE = os.path.join(BIN, "../tests/example_resync")
CLIENTS = 50


def python_client():
    """docs/examples/resync.py as a module."""
    if PRESET == "asan":
        raise Skip("Python cannot load a library that has a sanitizer")
    spec = importlib.util.spec_from_file_location("resync", os.path.join(EXAMPLES, "resync.py"))
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def prepared(lab):
    pair = lab.drifted("pair", 64 * MIB)
    lab.start().relate("pair", [pair[0]], [pair[1]])
    return pair


def run(*command, environment=None):
    return subprocess.run(command, capture_output=True, text=True, timeout=60 * PATIENCE, stdin=subprocess.DEVNULL,
                          env=environment, check=False)


def c_example(lab):
    """A C program that has nothing but vrep.h resynchronizes, and shows errors as they are."""
    pair = prepared(lab)
    lab.primary.request("set", name="pair", bandwidth_limit=2 * MIB)
    done = run(C_EXAMPLE, "pair", lab.primary.instance)
    check(done.returncode == 0 and done.stdout.endswith("In step.\n"), f"{done}")
    check("ResynchronizeActivity" in done.stdout, f"no progress: {done.stdout}")
    lab.finished("pair", [pair])
    again = run(C_EXAMPLE, "pair", lab.primary.instance)
    error = json.loads(again.stderr)
    check(again.returncode == 1 and error["code"] == "Refused" and error["eventId"] == 32546 and error["action"],
          f"{again}")
    check(json.loads(run(C_EXAMPLE, "pair", "nobody").stderr)["code"] == "Unavailable", "no service")
    check(run(C_EXAMPLE).returncode == 2, "usage")


def python_example(lab):
    """The same by ctypes; a cancel from another thread ends a wait and nothing else."""
    resync = python_client()
    pair = lab.drifted("pair", 64 * MIB, units=400)
    pair[0].fill(lab.rng, (0, 16 * MIB))
    lab.start().relate("pair", [pair[0]], [pair[1]])
    script = os.path.join(EXAMPLES, "resync.py")
    lab.primary.request("set", name="pair", bandwidth_limit=MIB)
    client = resync.Client(lab.primary.instance, LIBRARY)
    client.request("resume", name="pair", resynchronize=True)
    threading.Timer(0.3, client.library.vrep_cancel, (client.client,)).start()
    try:
        client.wait("pair", resync.show)
        raise AssertionError("the wait was not cancelled")
    except resync.VRepError as error:
        check(error.code == "Cancelled", f"{error}")
    check(client.request("status", name="pair")["Relationships"][0]["ReplicationState"] == 11, "it does not go on")
    client.request("stop", name="pair")
    client.close()
    lab.primary.wait_state("pair", 10)
    lab.primary.request("set", name="pair", bandwidth_limit=8 * MIB)
    done = run(sys.executable, script, "pair", lab.primary.instance, LIBRARY)
    check(done.returncode == 0 and "Comparing" in done.stdout, f"{done}")
    lab.finished("pair", [pair])
    done = run(sys.executable, script, "nobody", lab.primary.instance, LIBRARY)
    check(done.returncode == 1 and "nobody" in done.stderr, f"{done}")


def csharp_example(lab):
    """The same from C#, with UTF-8 texts and a callback."""
    if PRESET == "asan":
        raise Skip("mono cannot load a library that has a sanitizer")
    if not shutil.which("mcs") or not shutil.which("mono"):
        raise Skip("there is no mcs, or no mono")
    pair = prepared(lab)
    lab.primary.request("set", name="pair", bandwidth_limit=2 * MIB)
    environment = {**os.environ, "LD_LIBRARY_PATH": BIN}
    with tempfile.TemporaryDirectory() as folder:
        example = os.path.join(folder, "Resync.exe")
        built = run("mcs", "-warnaserror", "-out:" + example, os.path.join(EXAMPLES, "Resync.cs"))
        check(built.returncode == 0, f"{built}")
        done = run("mono", example, "pair", lab.primary.instance, environment=environment)
        check(done.returncode == 0, f"{done}")
        shown = [json.loads(line) for line in done.stdout.splitlines()]
        check(len(shown) > 1 and shown[0]["ReplicationState"] == 11 and shown[-1]["ReplicationState"] == 4, f"{done}")
        lab.finished("pair", [pair])
        failed = run("mono", example, "ab\u00e4nder\"\\ung", lab.primary.instance, environment=environment)
        error = json.loads(failed.stderr)
        check(failed.returncode == 1 and "ab\u00e4nder\"\\ung" in error["message"], f"{failed}")


def many_at_once(lab):
    """Fifty clients, each with its own connection and several requests: each gets its own answers."""
    lab.start()
    wrong = []

    def ask(number):
        try:
            with lab.primary.connect(30) as connection:
                for turn in range(10):
                    verb = "version" if (number + turn) % 2 else "status"
                    request = {"version": {"major": 1, "minor": 0}, "client": f"c{number}", "verb": verb}
                    send_frame(connection, json.dumps(request).encode())
                    reply = json.loads(receive_frame(connection))
                    member = "Version" if verb == "version" else "Relationships"
                    if not reply["ok"] or member not in reply["result"]:
                        wrong.append((number, verb, reply))
        except (OSError, AssertionError) as problem:
            wrong.append((number, problem))

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(CLIENTS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    check(not wrong, f"of {CLIENTS}: {wrong[:3]}")
    processes = [subprocess.Popen([program("vrepctl"), "--instance", lab.primary.instance, "status", "--json"],
                                  stdout=subprocess.PIPE, stderr=subprocess.PIPE) for _ in range(CLIENTS)]
    for process in processes:
        out, err = process.communicate(timeout=60 * PATIENCE)
        check(process.returncode == 0 and json.loads(out)["Relationships"] == [], f"{out} {err}")


def dies_in_a_request(lab):
    """Killed while it sends, while it waits, while its answer comes: the service goes on and loses nothing."""
    lab.start()
    descriptors = f"/proc/{lab.primary.process.pid}/fd"
    before = len(os.listdir(descriptors))
    whole = json.dumps({"version": {"major": 1, "minor": 0}, "client": "dies", "verb": "status"}).encode()
    frame = struct.pack("<I", len(whole)) + whole
    for cut in (0, 2, 4, 20, len(frame)):
        for _ in range(10):
            connection = lab.primary.connect()
            connection.sendall(frame[:cut])
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            connection.close()
    waits = [subprocess.Popen([program("vrepctl"), "--instance", lab.primary.instance, "events", "--follow"],
                              stdout=subprocess.DEVNULL) for _ in range(5)]
    for process in waits:
        process.kill()
        process.wait()
    check(lab.primary.request("version")["Version"], "it does not answer")
    poll(lambda: len(os.listdir(descriptors)) <= before, 20, "its connections are closed")


def too_large_a_reply(lab):
    """More events than a reply can carry: one clear error, and the same connection goes on."""
    lab.primary.start()
    lab.primary.stop()
    path = os.path.join(lab.primary.data, "log", "events.jsonl")
    with open(path, encoding="utf-8") as log:
        last = json.loads(log.readlines()[-1])
    with open(path, "a", encoding="utf-8") as log:
        for number in range(1, 1001):
            record = {**last, "RecordId": last["RecordId"] + number, "Message": "x" * 20000}
            log.write(json.dumps(record, separators=(",", ":")) + "\n")
    lab.primary.start()
    with lab.primary.connect() as connection:
        for limit, fits in ((1000, False), (500, True)):
            request = {"version": {"major": 1, "minor": 0}, "client": "e2e", "verb": "events",
                       "after": last["RecordId"], "limit": limit}
            send_frame(connection, json.dumps(request).encode())
            reply = json.loads(receive_frame(connection))
            check(reply["ok"] is fits, f"{limit} events: {str(reply)[:300]}")
            check(fits or (reply["error"]["code"] == "Unsupported" and "less" in reply["error"]["action"]),
                  f"the error is: {str(reply)[:300]}")


def too_large_a_reply_of_a_liar(lab):
    """A service that announces more than 16 MiB: the library refuses it without waiting for it."""
    resync = python_client()
    lab.primary.start()
    lab.primary.stop()
    with socket.socket(socket.AF_UNIX) as liar:
        os.makedirs(os.path.dirname(lab.primary.socket_path), exist_ok=True)
        if os.path.exists(lab.primary.socket_path):
            os.unlink(lab.primary.socket_path)
        liar.bind(lab.primary.socket_path)
        liar.listen()
        served = []

        def answer():
            served.append(liar.accept()[0])
            receive_frame(served[0])
            served[0].sendall(struct.pack("<I", REPLY_MAX + 1))

        thread = threading.Thread(target=answer)
        thread.start()
        client = resync.Client(lab.primary.instance, LIBRARY)
        try:
            client.request("version")
            raise AssertionError("it was believed")
        except resync.VRepError as error:
            check(error.code == "Protocol", f"{error.code}: {error}")
        thread.join()
        client.close()
        served[0].close()


main(c_example, python_example, csharp_example, many_at_once, dies_in_a_request, too_large_a_reply,
     too_large_a_reply_of_a_liar)
