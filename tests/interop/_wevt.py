"""A strict reader of WEVT_TEMPLATE resources (CRIM 5.1) and message tables, written from their description alone.

Every byte is read exactly once and none is left; every size, offset, order and padding is what it must be. Anything
else raises Malformed.
"""

import struct
import uuid

TYPES = {0: b"LEVL", 1: b"TASK", 2: b"OPCO", 3: b"KEYW", 4: b"EVNT", 5: b"CHAN", 6: b"MAPS", 7: b"TTBL", 13: b"PRVA"}
ORDER = [5, 6, 7, 13, 2, 0, 1, 3, 4]
ALWAYS = {13, 2, 0, 1, 3}
NO_MESSAGE = 0xFFFFFFFF


class Malformed(Exception):
    pass


def check(condition, text):
    if not condition:
        raise Malformed(text)


class Bytes:
    """The file; remembers what was read."""

    def __init__(self, data):
        self.data = data
        self.seen = bytearray(len(data))

    def take(self, at, size):
        check(0 <= at and at + size <= len(self.data), f"{size} bytes at {at:#x} are beyond the end")
        check(not any(self.seen[at:at + size]), f"{size} bytes at {at:#x} belong to two things")
        self.seen[at:at + size] = b"\1" * size
        return self.data[at:at + size]

    def unpack(self, form, at):
        return struct.unpack("<" + form, self.take(at, struct.calcsize("<" + form)))

    def all_seen(self):
        check(all(self.seen), f"the byte at {self.seen.find(0):#x} belongs to nothing")


def text16(raw):
    check(raw[-2:] == b"\0\0", "a text has no terminator")
    text = raw[:-2].decode("utf-16-le")
    check("\0" not in text, "a text has a zero inside")
    return text


class Wevt:
    """providers: a list of dictionaries, as _manifest.py makes them from the XML."""

    def __init__(self, data):
        self.bytes = Bytes(data)
        self.providers = []
        magic, length, major, minor, count = self.bytes.unpack("4sIHHI", 0)
        check(magic == b"CRIM" and (major, minor) == (5, 1), "not CRIM 5.1")
        check(length == len(data) - 2 and self.bytes.take(length, 2) == b"\0\0", "the length is wrong")
        places = [self.bytes.unpack("16sI", 16 + 20 * i) for i in range(count)]
        at = 16 + 20 * count
        for guid, place in places:
            check(place == at, "a provider is not where the one before ends")
            at = self.provider(uuid.UUID(bytes_le=guid), place)
        check(at == length, "something follows the last provider")
        self.bytes.all_seen()

    def provider(self, guid, start):
        magic, length, message, count = self.bytes.unpack("4sIII", start)
        check(magic == b"WEVT", "no WEVT")
        blocks = [self.bytes.unpack("II", start + 16 + 8 * i) for i in range(count)]
        types = [kind for kind, _ in blocks]
        check(types == [t for t in ORDER if t in types] and ALWAYS <= set(types), "the blocks' order is wrong")
        self.names = {}  # offset of an entry -> what it is
        out = {"guid": guid, "message": message, "channels": [], "maps": [], "templates": [], "events": []}
        at = start + 16 + 8 * count
        for kind, place in blocks:
            if kind == 4:
                while at % 8:
                    check(self.bytes.take(at, 1) == b"\0", "padding is not zero")
                    at += 1
            check(place == at, f"{TYPES[kind]} is not where the block before ends")
            at = self.block(kind, place, out)
        check(at == start + length, "a provider's length is wrong")
        self.providers.append(out)
        return at

    def block(self, kind, at, out):
        magic, length, count = self.bytes.unpack("4sII", at)
        check(magic == TYPES[kind], "a block has another's signature")
        reader = {0: self.levels, 1: self.tasks, 2: self.opcodes, 3: self.keywords, 4: self.events, 5: self.channels,
                  6: self.maps, 7: self.templates, 13: self.traits}[kind]
        end = reader(at + 12, count, out)
        if kind < 4 and count == 0:
            check(length == 0, "an empty table has a length")
        else:
            check(length == end - at and (count > 0 or kind >= 13), f"the length of {magic} is wrong")
        return end

    def name(self, at):
        size, = self.bytes.unpack("I", at)
        check(size % 4 == 0 and size >= 8, "a name's size is wrong")
        raw = self.bytes.take(at + 4, size - 4)
        end = next(i for i in range(0, len(raw), 2) if raw[i:i + 2] == b"\0\0")
        check(not any(raw[end:]) and len(raw) - end <= 4, "a name's padding is wrong")
        return text16(raw[:end + 2]), at + size

    def table(self, at, count, form, out):
        """Entries, then their names in the same order; the name's offset is the entry's field "N"."""
        size = struct.calcsize("<" + form.replace("N", "I"))
        position = form.index("N")
        next_name = at + size * count
        for i in range(count):
            fields = list(self.bytes.unpack(form.replace("N", "I"), at + size * i))
            index = len(struct.unpack("<" + form[:position], bytes(struct.calcsize("<" + form[:position]))))
            check(fields[index] == next_name, "a name is not behind the one before")
            fields[index], next_name = self.name(next_name)
            out.append((at + size * i, fields))
        return next_name

    def channels(self, at, count, out):
        rows = []
        end = self.table(at, count, "INII", rows)
        for offset, (flags, name, value, message) in rows:
            check(flags in (0, 1), "a channel's flags are unknown")
            self.names[offset] = ("channel", name)
            out["channels"].append({"name": name, "imported": bool(flags), "value": value, "message": message})
        return end

    def levels(self, at, count, out):
        rows = []
        end = self.table(at, count, "IIN", rows)
        check([r[1][0] for r in rows] == sorted({r[1][0] for r in rows}), "levels are not in order")
        out["levels"] = [{"name": name, "value": value, "message": message} for _, (value, message, name) in rows]
        self.names.update((offset, ("level", fields[2])) for offset, fields in rows)
        return end

    def opcodes(self, at, count, out):
        rows = []
        end = self.table(at, count, "HHIN", rows)
        order = [fields[1] << 16 | fields[0] for _, fields in rows]
        check(order == sorted(set(order)), "opcodes are not in order")
        out["opcodes"] = [{"name": name, "task": task, "value": value, "message": message}
                          for _, (task, value, message, name) in rows]
        self.names.update((offset, ("opcode", fields[3])) for offset, fields in rows)
        return end

    def tasks(self, at, count, out):
        rows = []
        end = self.table(at, count, "II16sN", rows)
        out["tasks"] = [{"name": name, "value": value, "message": message, "guid": uuid.UUID(bytes_le=guid)}
                        for _, (value, message, guid, name) in rows]
        self.names.update((offset, ("task", fields[3])) for offset, fields in rows)
        return end

    def keywords(self, at, count, out):
        rows = []
        end = self.table(at, count, "QIN", rows)
        check([r[1][0] for r in rows] == sorted({r[1][0] for r in rows}), "keywords are not in order")
        out["keywords"] = [{"name": name, "mask": mask, "message": message} for _, (mask, message, name) in rows]
        self.names.update((offset, ("keyword", fields[2])) for offset, fields in rows)
        return end

    def maps(self, at, count, out):
        offsets = self.bytes.unpack(f"{count}I", at)
        at += 4 * count
        bodies = {}
        for _ in range(count):
            magic, length, name, flags, items = self.bytes.unpack("4sIIII", at)
            check(magic in (b"VMAP", b"BMAP") and flags == (magic == b"BMAP"), "a map's kind is unknown")
            check(length == 20 + 8 * items, "a map's length is wrong")
            rows = [self.bytes.unpack("II", at + 20 + 8 * i) for i in range(items)]
            check([r[0] for r in rows] == sorted({r[0] for r in rows}), "a map's values are not in order")
            bodies[at] = (name, {"bits": bool(flags), "items": rows})
            at += length
        names = []
        check(sorted(offsets) == sorted(bodies), "an offset is no map's")
        for offset in offsets:
            check(bodies[offset][0] == at, "a map's name is not behind the one before")
            name, at = self.name(at)
            names.append(name)
            self.names[offset] = ("map", name)
            bodies[offset][1]["name"] = name
        check(names == sorted(names), "maps are not in order of their names")
        out["maps"] = [body for _, body in bodies.values()]
        return at

    def templates(self, at, count, out):
        for _ in range(count):
            at = self.template(at, out)
        return at

    def template(self, start, out):
        magic, length, fields, items, place, flags, guid = self.bytes.unpack("4sIIIII16s", start)
        check(magic == b"TEMP" and flags == 1, "not a template of EventData")
        check(start < place <= start + length, "a template's items are elsewhere")
        xml = BinaryXml(self.bytes.take(start + 40, place - start - 40))
        rows, end = [], place + 20 * items
        for i in range(items):
            row = dict(zip(("flags", "a", "b", "map", "count", "length"), self.bytes.unpack("IHHIHH", place + 20 * i)))
            name_at, = self.bytes.unpack("I", place + 20 * i + 16)
            check(name_at == end, "a field's name is not behind the one before")
            row["name"], end = self.name(end)
            rows.append(row)
        check(end == start + length, "a template's length is wrong")
        tree = [self.item(rows, i, 0) for i in range(fields)]
        check(sum(1 + len(f.get("members", ())) for f in tree) == items, "items belong to no field")
        member = fields
        for field in tree:
            if "members" in field:
                check(field.pop("first") == member, "a struct's members are elsewhere")
                member += len(field["members"])
        check(xml.fields == [(f["name"], "members" in f, f["xml_type"]) for f in tree], "the XML has other fields")
        for field in tree:
            for part in [field] + field.get("members", []):
                del part["xml_type"]
        self.names[start] = ("template", len(out["templates"]))
        out["templates"].append({"guid": guid, "name": xml.name, "fields": tree})
        return end

    def item(self, rows, index, base):
        row = rows[index]
        flags = row["flags"]
        check(flags in range(0x20) and flags & 6 != 6 and flags & 0x18 != 0x18, "an item's flags are unknown")
        field = {"name": row["name"], "count": self.extent(rows, row["count"], flags & 8, flags & 0x10, index, base),
                 "length": self.extent(rows, row["length"], flags & 2, flags & 4, index, base)}
        array = 0x80 if flags & 0x18 else 0
        if flags & 1:
            check(base == 0 and row["map"] == 0 and not flags & 6, "a struct within a struct, or with a length")
            field["first"] = row["a"]
            check(row["a"] + row["b"] <= len(rows), "a struct's members are beyond the end")
            field["members"] = [self.item(rows, i, row["a"]) for i in range(row["a"], row["a"] + row["b"])]
            field["xml_type"] = 0x0E | array
        else:
            field["in"], field["out"] = row["a"] & 0xFF, row["a"] >> 8
            check(row["b"] == 0, "an item's reserved field is not zero")
            field["map"] = self.names[row["map"]][1] if row["map"] else None
            check(not row["map"] or self.names[row["map"]][0] == "map", "an item's map is none")
            field["xml_type"] = field["in"] | array
        return field

    @staticmethod
    def extent(rows, value, fixed, from_field, index, base):
        if from_field:
            check(base <= value < index, "a length or count is taken from a field that is not before")
            return rows[value]["name"]
        return value  # a SID's length has no flag

    def traits(self, at, count, out):
        entries = [self.bytes.unpack("II", at + 8 * i) for i in range(count)]
        kinds = [kind for kind, _ in entries]
        check(kinds in ([0x10000001], [0x10000001, 0x20000001], [0x10000001, 0x20000002],
                        [0x10000001, 0x20000001, 0x20000002]), "the traits are unknown")
        at += 8 * count
        out["control"] = out["group"] = None
        for kind, place in entries:
            check(place == at, "a trait is not behind the one before")
            if kind == 0x10000001:
                end = place
                while self.bytes.data[end:end + 2] != b"\0\0":
                    end += 2
                out["name"] = text16(self.bytes.take(place, end + 2 - place))
                at = end + 2
            else:
                out["control" if kind == 0x20000001 else "group"] = uuid.UUID(bytes_le=self.bytes.take(place, 16))
                at += 16
        while at % 4:
            check(self.bytes.take(at, 1) == b"\0", "padding is not zero")
            at += 1
        return at

    def events(self, at, count, out):
        check(self.bytes.unpack("I", at) == (0,), "a reserved field is not zero")
        at += 4
        check((at - 16) % 8 == 0, "events are not aligned")
        end = at + 48 * count
        for i in range(count):
            (number, version, channel_value, level_value, opcode_value, task_value, mask, message, template, opcode,
             level, task, keyword_count, keyword_place, channel) = self.bytes.unpack("HBBBBHQ8I", at + 48 * i)
            check(keyword_place == (end if keyword_count else 0), "an event's keywords are elsewhere")
            keywords = [self.names[k] for k in self.bytes.unpack(f"{keyword_count}I", end)]
            end += 4 * keyword_count
            check(all(kind == "keyword" for kind, _ in keywords), "an event's keyword is none")
            event = {"id": number, "version": version, "message": message, "mask": mask,
                     "values": (channel_value, level_value, opcode_value, task_value),
                     "keywords": [name for _, name in keywords]}
            for kind, place in (("template", template), ("opcode", opcode), ("level", level), ("task", task),
                                ("channel", channel)):
                check(place == 0 or self.names.get(place, ("",))[0] == kind, f"an event's {kind} is none")
                event[kind] = self.names[place][1] if place else None
            out["events"].append(event)
        check([e["id"] for e in out["events"]] == sorted(e["id"] for e in out["events"]), "events are not in order")
        return end


class BinaryXml:
    """A template's fragment: name (attribute of EventData, or None) and fields (name, is a struct, type)."""

    def __init__(self, data):
        self.bytes = Bytes(data)
        check(self.bytes.take(0, 4) == b"\x0f\x01\x01\0", "no fragment header")
        self.fields = []
        element, self.name, at, end = self.open(4)
        check(element == "EventData", "the root is no EventData")
        while self.bytes.data[at] != 4:
            element, name, at, inner = self.open(at)
            token, index, kind = self.bytes.unpack("BHB", at)
            check(token == 0x0D and index == len(self.fields), "no substitution")
            check(self.bytes.take(at + 4, 1) == b"\4" and at + 5 == inner, "an element does not end")
            check(element in ("Data", "ComplexData"), "an element is unknown")
            self.fields.append((name, element == "ComplexData", kind))
            at = inner
        check(self.bytes.take(at, 1) == b"\4" and at + 1 == end, "the root does not end")
        check(self.bytes.take(end, 1) == b"\0", "the fragment does not end")
        padding = self.bytes.take(end + 1, len(data) - end - 1)
        check(not any(padding) and len(padding) < 4 and len(data) % 4 == 0, "the padding is wrong")
        self.bytes.all_seen()

    def open(self, at):
        token, dependency, size = self.bytes.unpack("BHI", at)
        check(token in (0x01, 0x41) and dependency == 0xFFFF, "no element")
        end = at + 7 + size
        element, at = self.text(at + 7)
        name = None
        if token == 0x41:
            attributes, = self.bytes.unpack("I", at)
            attributes_end = at + 4 + attributes
            check(self.bytes.take(at + 4, 1) == b"\6", "no last attribute")
            attribute, at = self.text(at + 5)
            check(attribute == "Name" and self.bytes.take(at, 2) == b"\5\1", "no attribute Name")
            units, = self.bytes.unpack("H", at + 2)
            name = self.bytes.take(at + 4, 2 * units).decode("utf-16-le")
            at += 4 + 2 * units
            check(at == attributes_end, "the attributes' size is wrong")
        check(self.bytes.take(at, 1) == b"\2", "a start tag does not end")
        return element, name, at + 1, end

    def text(self, at):
        hashed, units = self.bytes.unpack("HH", at)
        raw = self.bytes.take(at + 4, 2 * units + 2)
        value = 0
        for unit in struct.unpack(f"<{units}H", raw[:-2]):
            value = (value * 65599 + unit) & 0xFFFFFFFF
        check(value & 0xFFFF == hashed, "a name's hash is wrong")
        return text16(raw), at + 6 + 2 * units


def message_table(data):
    """Message id -> text, CR LF and all."""
    reader = Bytes(data)
    count, = reader.unpack("I", 0)
    blocks = [reader.unpack("III", 4 + 12 * i) for i in range(count)]
    at = 4 + 12 * count
    messages = {}
    last = -2
    for low, high, place in blocks:
        check(last + 1 < low <= high, "blocks are not in order, or two could be one")
        check(place == at, "a block's entries are not behind the one's before")
        last = high
        for number in range(low, high + 1):
            length, flags = reader.unpack("HH", at)
            check(length % 4 == 0 and flags == 1, "an entry is wrong")
            raw = reader.take(at + 4, length - 4)
            end = next(i for i in range(0, len(raw), 2) if raw[i:i + 2] == b"\0\0")
            check(not any(raw[end:]) and len(raw) - end <= 4, "an entry's padding is wrong")
            messages[number] = text16(raw[:end + 2])
            at += length
    reader.all_seen()
    return messages
