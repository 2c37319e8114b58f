"""What a manifest says, read by Python's own XML parser: the same dictionaries that _wevt.py reads from the resource.

Messages are numbered here as well, from the description of the numbers alone.
"""

import hashlib
import struct
import uuid
import xml.etree.ElementTree as ElementTree

NO_MESSAGE = 0xFFFFFFFF
NIL = uuid.UUID(int=0)

IN_TYPES = {name: i + 1 for i, name in enumerate(
    "UnicodeString AnsiString Int8 UInt8 Int16 UInt16 Int32 UInt32 Int64 UInt64 Float Double Boolean Binary GUID Pointer "
    "FILETIME SYSTEMTIME SID HexInt32 HexInt64 CountedUnicodeString CountedAnsiString".split())}
IN_TYPES["CountedBinary"] = 25
OUT_TYPES = {name: i + 1 for i, name in enumerate(
    "xs:string xs:dateTime xs:byte xs:unsignedByte xs:short xs:unsignedShort xs:int xs:unsignedInt xs:long "
    "xs:unsignedLong xs:float xs:double xs:boolean xs:GUID xs:hexBinary win:HexInt8 win:HexInt16 win:HexInt32 "
    "win:HexInt64 win:PID win:TID win:Port win:IPv4 win:IPv6 win:SocketAddress win:CIMDateTime win:ETWTIME win:Xml "
    "win:ErrorCode win:Win32Error win:NTSTATUS win:HResult win:DateTimeCultureInsensitive win:Json win:Utf8 win:Pkcs7 "
    "win:CodePointer win:DateTimeUtc".split())}
DEFAULT_OUT = {"UnicodeString": 1, "AnsiString": 1, "Int8": 3, "UInt8": 4, "Int16": 5, "UInt16": 6, "Int32": 7,
               "UInt32": 8, "Int64": 9, "UInt64": 10, "Float": 11, "Double": 12, "Boolean": 13, "Binary": 15, "GUID": 14,
               "Pointer": 19, "FILETIME": 2, "SYSTEMTIME": 2, "SID": 1, "HexInt32": 18, "HexInt64": 19,
               "CountedUnicodeString": 1, "CountedAnsiString": 1, "CountedBinary": 15}
LEVELS = {"LogAlways": 0, "Critical": 1, "Error": 2, "Warning": 3, "Informational": 4, "Verbose": 5}
OPCODES = {"Info": (0, "Info"), "Start": (1, "Start"), "Stop": (2, "Stop"), "DC_Start": (3, "DCStart"),
           "DC_Stop": (4, "DCStop"), "Extension": (5, "Extension"), "Reply": (6, "Reply"), "Resume": (7, "Resume"),
           "Suspend": (8, "Suspend"), "Send": (9, "Send"), "Receive": (240, "Receive")}
KEYWORDS = {"ResponseTime": (48, "ResponseTime", "Response Time"), "WDIContext": (49, "WDIContext", "WDI Context"),
            "WDIDiagnostic": (50, "WDIDiag", "WDI Diag"), "SQM": (51, "SQM", "SQM"),
            "AuditFailure": (52, "AuditFailure", "Audit Failure"), "AuditSuccess": (53, "AuditSuccess", "Audit Success"),
            "CorrelationHint": (54, "CorrelationHint", "Correlation Hint"), "EventlogClassic": (55, "Classic", "Classic")}
CHANNELS = {"TraceClassic": 0, "System": 8, "Application": 9, "Security": 10, "TraceLogging": 11, "ProviderMetadata": 12}
BUILT_IN = {f"level.{name}": {"LogAlways": "Log Always", "Informational": "Information"}.get(name, name) for name in LEVELS}
BUILT_IN.update({f"opcode.{name}": name for _, name in OPCODES.values()})
BUILT_IN.update({f"keyword.{key}": text for _, key, text in KEYWORDS.values()})
BUILT_IN.update({f"channel.{name}": name for name in CHANNELS})
BUILT_IN["task.None"] = "None"


def number(text):
    return int(text, 0)


def template_guid(name, fields):
    """As mc.exe of Windows 10 makes it: of the template's XML on one line and the types of its fields."""
    attribute = lambda text: ' Name="%s"' % text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace(
        '"', "&quot;")
    xml, types = "<EventData" + (attribute(name) if name else "") + (">" if fields else "/>"), b""
    for i, field in enumerate(fields):
        tag = "ComplexData" if "members" in field else "Data"
        xml += f"<{tag}{attribute(field['name'])}>%{i + 1}</{tag}>"
        types += struct.pack("<I", field.get("in", 0x0E) | (0x80 if field["count"] else 0))
    xml += "</EventData>" if fields else ""
    digest = bytearray(hashlib.sha256(b"MS-WEVT\0" + xml.encode("utf-16-le") + types).digest()[:16])
    digest[7] = digest[7] & 0x0F | 0x50
    return bytes(digest)


def children(element, name):
    return [child for section in element if section.tag == name for child in section]


class Messages:
    """Numbers of strings: each has that of its first use in the document."""

    def __init__(self):
        self.ids = {}

    def use(self, reference, make):
        if reference is None:
            return NO_MESSAGE
        key = reference[len("$(string."):-1]
        if key not in self.ids:
            self.ids[key] = make()
        return self.ids[key]


class Manifest:
    def __init__(self, text):
        root = ElementTree.fromstring(text)
        for element in root.iter():
            element.tag = element.tag.rsplit("}", 1)[-1]
        self.cultures = {}
        for resources in children_of(root, "localization", "resources"):
            table = {s.get("id"): s.get("value") for t in resources for s in t}
            self.cultures[resources.get("culture").lower()] = {**BUILT_IN, **table}
        if not self.cultures:
            self.cultures["en-us"] = BUILT_IN
        self.messages = Messages()
        self.well_known = []  # strings of Windows' own, used after all of the document's
        self.elements = children_of(root, "instrumentation", "events", "provider")
        numbered = [self.number_messages(i, e) for i, e in enumerate(self.elements)]
        self.providers = [Provider(self, i, e, ids).out for (i, e), ids in zip(enumerate(self.elements), numbered)]

    def number_messages(self, index, provider):
        """Numbers what has a message, in the document's order; element -> number."""
        running = {9: 0, 0xD: 0, 0xF: 0}
        ids = {}

        def make(kind, value):
            return kind << 28 | index << 24 | value

        def run(kind):
            running[kind] += 1
            return make(kind, running[kind])

        ids[provider] = self.messages.use(provider.get("message"), lambda: run(9))
        imported = {c.get("chid") or c.get("name") for c in children(provider, "channels") if c.tag == "importChannel" and
                    c.get("name") in ("System", "Application", "Security")}
        imported |= {c.get("name") for c in children(provider, "channels")
                     if c.tag == "importChannel" and c.get("name") in ("System", "Application", "Security")}
        for element in provider.iter():
            tag, message = element.tag, element.get("message")
            if tag == "importChannel" and element.get("name") in CHANNELS:
                ids[element] = self.messages.use(f"$(string.channel.{element.get('name')})", lambda: run(9))
            elif tag == "channel":
                ids[element] = self.messages.use(message, lambda: run(9))
            elif tag == "level":
                ids[element] = message and self.messages.use(message, lambda: make(5, number(element.get("value"))))
            elif tag == "task":
                ids[element] = self.messages.use(message, lambda: make(7, number(element.get("value"))))
                for opcode in children(element, "opcodes"):
                    value = (number(element.get("value")) & 0xFF) << 16 | number(opcode.get("value"))
                    ids[opcode] = self.messages.use(opcode.get("message"), lambda: make(3, value))
            elif tag == "opcode" and element not in ids:
                ids[element] = self.messages.use(message, lambda: make(3, number(element.get("value"))))
            elif tag == "keyword":
                ids[element] = self.messages.use(message, lambda: make(1, number(element.get("mask")).bit_length()))
            elif tag == "valueMap" or tag == "bitMap":
                for item in element:
                    ids[item] = self.messages.use(item.get("message"), lambda: run(0xD if tag == "valueMap" else 0xF))
            elif tag == "event":
                value = number(element.get("value"))
                if element.get("channel") in imported:
                    ids[element] = self.messages.use(message, lambda: make(0, value))
                else:
                    version = number(element.get("version", "0"))
                    ids[element] = self.messages.use(message, lambda: make(0xB, version << 16 | value))
        return ids

    def texts(self, culture):
        """Message id -> text of a culture."""
        return {number: self.cultures[culture][key] for key, number in self.messages.ids.items()}


def children_of(root, *path):
    found = [root]
    for name in path:
        found = [child for element in found for child in element if child.tag == name]
    return found


class Provider:
    def __init__(self, manifest, index, element, ids):
        self.manifest, self.element, self.ids = manifest, element, ids
        guid = lambda name: uuid.UUID(element.get(name)) if element.get(name) else None
        self.channels = self.read_channels()
        self.levels = [self.entry(e, value=number(e.get("value"))) for e in children(element, "levels")]
        self.opcodes = [self.entry(e, task=0, value=number(e.get("value"))) for e in children(element, "opcodes")]
        self.tasks = [self.entry(e, value=number(e.get("value")), guid=uuid.UUID(e.get("eventGUID") or str(NIL)))
                      for e in children(element, "tasks")]
        for task in children(element, "tasks"):
            self.opcodes += [self.entry(e, task=number(task.get("value")), value=number(e.get("value")))
                             for e in children(task, "opcodes")]
        self.keywords = [self.entry(e, mask=number(e.get("mask"))) for e in children(element, "keywords")]
        self.templates = [e.get("tid") for e in children(element, "templates")]
        events = [self.event(e) for e in children(element, "events")]
        self.out = {
            "guid": guid("guid"), "control": guid("controlGuid"), "group": guid("groupGuid"), "name": element.get("name"),
            "message": ids[element], "channels": [c for _, c in self.channels],
            "levels": sorted(self.levels, key=lambda x: x["value"]),
            "opcodes": sorted(self.opcodes, key=lambda x: (x["value"], x["task"])), "tasks": self.tasks,
            "keywords": sorted(self.keywords, key=lambda x: x["mask"]),
            "maps": [{"name": e.get("name"), "bits": e.tag == "bitMap",
                      "items": sorted((number(i.get("value")), ids[i]) for i in e)} for e in children(element, "maps")],
            "templates": [self.template(e) for e in children(element, "templates")],
            "events": sorted(events, key=lambda x: x["id"])}

    def entry(self, element, **more):
        message = self.ids.get(element)
        return {"name": element.get("name"), "message": NO_MESSAGE if message is None else message, **more}

    def read_channels(self):
        found = []
        elements = children(self.element, "channels")
        taken = {number(e.get("value")) for e in elements if e.get("value")}
        for element in elements:
            imported = element.tag == "importChannel"
            known = CHANNELS.get(element.get("name")) if imported else None
            if known is not None:
                value = known
            elif element.get("value"):
                value = number(element.get("value"))
            else:
                value = next(v for v in range(16, 256) if v not in taken)
                taken.add(value)
            found.append((element.get("chid"), self.entry(element, imported=imported, value=value)))
        return found

    def template(self, element):
        fields = [self.field(e) for e in element]
        return {"name": element.get("name"), "fields": fields, "guid": template_guid(element.get("name"), fields)}

    def field(self, element):
        extent = lambda name: element.get(name, "0") if element.get(name, "0")[0].isalpha() else number(element.get(name, "0"))
        field = {"name": element.get("name"), "count": extent("count"), "length": extent("length")}
        if element.tag == "struct":
            return {**field, "members": [self.field(e) for e in element]}
        kind = element.get("inType")[len("win:"):]
        out = element.get("outType")
        return {**field, "in": IN_TYPES[kind], "out": OUT_TYPES[out] if out else DEFAULT_OUT[kind],
                "map": element.get("map")}

    def find(self, entries, name, prefixed, make):
        """An own entry, or Windows' own, which is added when it is used first."""
        for entry in entries:
            if entry["name"] == name:
                return entry
        value, key, more = make(prefixed[len("win:"):])
        message = self.manifest.messages.use(f"$(string.{key})", lambda: value)
        entries.append({"name": name, "message": message, **more})
        return entries[-1]

    def event(self, element):
        channel = level = task = opcode = None
        mask, name = 0, element.get
        if name("channel"):
            at = next(i for i, (chid, c) in enumerate(self.channels) if name("channel") in (chid, c["name"]))
            channel = self.channels[at][1]
            mask = 1 << 63 - at
        if name("level"):
            level = self.find(self.levels, name("level"), name("level"), lambda n: (
                0x50000000 | LEVELS[n], f"level.{n}", {"value": LEVELS[n]}))
        if name("task"):
            task = self.find(self.tasks, name("task"), name("task"), lambda n: (
                0x70000000, "task.None", {"value": 0, "guid": NIL}))
        if name("opcode"):
            local = [o for o in self.opcodes if task and o["task"] == task["value"] != 0 and o["name"] == name("opcode")]
            common = [o for o in self.opcodes if o["task"] == 0]
            opcode = local[0] if local else next((o for o in common if o["name"] == name("opcode")), None)
            if not opcode:
                opcode = self.find(self.opcodes, name("opcode"), name("opcode"), lambda n: (
                    0x30000000 | OPCODES[n][0] << 16, f"opcode.{OPCODES[n][1]}", {"task": 0, "value": OPCODES[n][0]}))
        keywords = {}
        for word in (name("keywords") or "").split():
            entry = self.find(self.keywords, word, word, lambda n: (
                0x10000000 | KEYWORDS[n][0] + 1, f"keyword.{KEYWORDS[n][1]}", {"mask": 1 << KEYWORDS[n][0]}))
            keywords[entry["mask"]] = entry["name"]
            mask |= entry["mask"]
        part = lambda entry, key="value": entry[key] if entry else 0
        return {"id": number(name("value")), "version": number(name("version", "0")), "message": self.ids[element],
                "mask": mask, "values": (part(channel), part(level), part(opcode), part(task)),
                "keywords": [keywords[m] for m in sorted(keywords)],
                "template": self.templates.index(name("template")) if name("template") else None,
                "channel": channel and channel["name"], "level": level and level["name"],
                "task": task and task["name"], "opcode": opcode and opcode["name"]}
