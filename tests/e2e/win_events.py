#!/usr/bin/env python3
# vrep-test: timeout=600 labels=e2e,wine presets=win64 serial
"""What EventWrite gets while a pair of Windows services resynchronizes, by a double of it (tests/virtdisk/service).

Each descriptor and each field's bytes are what etw/VRep.man says of the event, and events.jsonl has the same
events with the same values under the fields' names.
"""

import json
import os
import re
import struct
import uuid
import xml.etree.ElementTree as ElementTree

os.environ["VREP_BIN"] = os.path.normpath(os.path.join(os.environ["VREP_BIN"], "..", "bin-virtdisk"))

# pylint: disable=wrong-import-position # the folder of the programs is taken at the import
from vrep_e2e import MIB, Disk, check, main, poll  # noqa: E402
from vrep_e2e.windows import WindowsService  # noqa: E402

SIZE = 16 * MIB
NAMESPACE = "{http://schemas.microsoft.com/win/2004/08/events}"
LEVELS = {"win:Critical": 1, "win:Error": 2, "win:Warning": 3, "win:Informational": 4}
OPCODES = {None: 0, "win:Info": 0, "win:Start": 1, "win:Stop": 2, "win:Resume": 7, "win:Suspend": 8}


class Manifest:
    """The manifest, read without the help of anything that compiles it."""

    def __init__(self):
        self.root = ElementTree.parse(os.path.join(os.environ["VREP_SOURCE_DIR"], "etw", "VRep.man")).getroot()
        provider = next(self.root.iter(NAMESPACE + "provider"))
        self.guid = uuid.UUID(provider.get("guid")).bytes_le
        self.channels = [channel.get("chid") for channel in self.all("channel")]
        self.tasks = {task.get("name"): int(task.get("value")) for task in self.all("task")}
        self.keywords = {keyword.get("name"): int(keyword.get("mask"), 16) for keyword in self.all("keyword")}
        self.fields = {template.get("tid"): [(data.get("name"), data.get("inType")) for data in template.iter(NAMESPACE + "data")]
                       for template in self.all("template")}
        self.events = {(int(event.get("value")), int(event.get("version") or 0)): event for event in self.all("event")}

    def all(self, tag):
        return self.root.iter(NAMESPACE + tag)

    def descriptor(self, identifier, version):
        event = self.events[identifier, version]
        place = self.channels.index(event.get("channel"))
        keywords = 1 << (63 - place)
        for name in (event.get("keywords") or "").split():
            keywords |= self.keywords[name]
        return struct.pack("<HBBBBHQ", identifier, version, 16 + place, LEVELS[event.get("level")],
                           OPCODES[event.get("opcode")], self.tasks[event.get("task")], keywords)


def value_of(kind, data):
    """A field's bytes as events.jsonl shows them."""
    if kind == "win:UnicodeString":
        check(len(data) % 2 == 0 and data[-2:] == b"\0\0", f"{data} is no string with its zero")
        text = data[:-2].decode("utf-16-le")
        check("\0" not in text, f"{text!r} has a zero inside")
        return text
    if kind == "win:GUID":
        return str(uuid.UUID(bytes_le=data))
    sizes = {"win:UInt32": 4, "win:HexInt32": 4, "win:UInt64": 8}
    check(len(data) == sizes[kind], f"{len(data)} bytes of {kind}")
    number = int.from_bytes(data, "little")
    return f"0x{number:08x}" if kind == "win:HexInt32" else number


def lines_of(service, name):
    with open(os.path.join(service.data, *name.split("/")), encoding="utf-8") as file:
        return [json.loads(line) for line in file]


def compare(service, manifest):
    """Every event of events.jsonl was written, in order, and nothing else was. Gives their ids."""
    told = lines_of(service, "log/events.jsonl")
    written = lines_of(service, "etw.jsonl")
    check(bytes.fromhex(written[0]["Provider"]) == manifest.guid, "the provider's GUID")
    reported = [line for line in written if "Reported" in line]
    written = [line for line in written if "Descriptor" in line]
    check(len(written) == len(told), f"{len(written)} events were written, events.jsonl has {len(told)}")
    numbers = []
    for event, write in zip(told, written):
        identifier = event["Id"]
        version = bytes.fromhex(write["Descriptor"])[2]
        expected = manifest.descriptor(identifier, version)
        numbers.append(0xB0000000 | version << 16 | identifier)
        check(bytes.fromhex(write["Descriptor"]) == expected,
              f"the descriptor of {identifier} is {write['Descriptor']}, the manifest's {expected.hex()}")
        fields = manifest.fields[manifest.events[identifier, version].get("template")]
        check(len(write["Data"]) == len(fields), f"{identifier} has {len(write['Data'])} fields")
        for (name, kind), data in zip(fields, write["Data"]):
            value = value_of(kind, bytes.fromhex(data))
            shown = event[name]
            shown = shown.lower() if kind in ("win:HexInt32", "win:GUID") else shown
            check(shown == value, f"{name} of {identifier} is {value!r}, events.jsonl has {event[name]!r}")
        check(not re.search(r"%\d", event["Message"]), f"{identifier}: {event['Message']}")
    # Wine registers no provider, so that the Application log has all of it as well.
    check([line["Reported"] for line in reported] == numbers, "the Application log")
    return [event["Id"] for event in told]


def resynchronization(lab):
    manifest = Manifest()
    primary = Disk.create(lab, "основной Ω.vhdx", SIZE, image_format="vhdx", block_size=MIB)
    primary.fill(lab.rng, (0, 6 * MIB))
    replica = primary.copy(lab, "replica.vhdx")
    replica.fill(lab.rng, (0, MIB), (4 * MIB, MIB))
    for service in (lab.primary, lab.replica):
        service.install().start()
    lab.relate("web \"1\" ü", [primary], [replica])
    lab.resync("web \"1\" ü")
    lab.primary.wait_state("web \"1\" ü", 4, 60)
    lab.check_identical(primary, replica)
    for service in (lab.primary, lab.replica):
        service.stop()
        poll(lambda at=service: lines_of(at, "log/events.jsonl")[-1]["Id"] == 50001, 10, "the stop is told")
    ids = compare(lab.primary, manifest)
    for identifier in (32325, 29266, 29242, 29244, 29268, 32328):
        check(ids.count(identifier) == 1, f"{identifier} {ids.count(identifier)} times in {ids}")
    check([i for i in ids if i in (29266, 29242, 29244, 32328)] == [29266, 29242, 29244, 32328], f"the order of {ids}")
    ids = compare(lab.replica, manifest)
    check(50020 in ids and 50021 in ids, f"the merge is not in {ids}")
    finished = next(event for event in lines_of(lab.primary, "log/events.jsonl") if event["Id"] == 29244)
    check(finished["Stage"] == "compared and sent, not yet merged" and finished["BlockSize"] == 4096, f"{finished}")


main(resynchronization, kind=WindowsService)
