#!/usr/bin/env python3
# vrep-test: timeout=60 presets=native
"""Every place that raises an event gives the fields that etw/catalogue.c has for it, in number and type.

The service asserts the same when it raises one; this finds the event that no test happens to raise.
"""

import os
import re
import sys

TOP = os.environ.get("VREP_SOURCE_DIR", ".")
GROUPS = {"VM": "SG", "ERROR_FIELDS": "SX", "RESYNC": "G", "WHO": "SS"}  # macros of the catalogue
VALUES = {"EVENT_STRING": "S", "EVENT_GUID": "G", "EVENT_NUMBER": "N", "EVENT_HEX32": "X", "EVENT_ERROR_FIELDS": "SX", "EVENT_ADVICE": "S"}
RAISES = {"EVENT_RAISE": ("", 1), "VM_EVENT": ("SG", 3), "VM_EVENT_PLAIN": ("SG", 3)}  # fields given, first of the rest
REFUSALS = {29168, 32504, 32546}  # raised with the id that a refusal carries (service/vm_events.c)


def sources(*folders):
    for folder in folders:
        for at, _, names in os.walk(os.path.join(TOP, folder)):
            for name in sorted(names):
                if name.endswith((".c", ".h")):
                    path = os.path.join(at, name)
                    with open(path, encoding="utf-8") as file:
                        yield os.path.relpath(path, TOP), file.read()


def arguments(text, at):
    """The arguments of the call whose opening parenthesis is text[at - 1]."""
    found, depth, begin = [], 0, at
    for position in range(at, len(text)):
        character = text[position]
        if character in "([{":
            depth += 1
        elif character in ")]}" and depth:
            depth -= 1
        elif character in ",)" and not depth:
            found.append(text[begin:position].strip())
            begin = position + 1
            if character == ")":
                return found
    return found


def catalogue():
    """Id -> types of its fields, as letters."""
    with open(os.path.join(TOP, "etw/catalogue.c"), encoding="utf-8") as file:
        text = file.read()
    events = {}
    for entry in re.finditer(r"\{(\d+), EVENT_", text):
        fields = re.compile(r"\bFIELDS\(").search(text, entry.end())
        types = ""
        for field in arguments(text, fields.end()):
            types += GROUPS.get(field) or field[0]
        events[int(entry.group(1))] = types
    return events


def types_of(values):
    types = ""
    for value in values:
        name = value.split("(")[0].strip()
        types += VALUES.get(name, "?")
    return types


def main():
    events = catalogue()
    texts = list(sources("service", "etw"))
    names = {name: int(number) for _, text in texts
             for name, number in re.findall(r"\b(EVENT\w*|EVENTS_LOST)\s*(?:=\s*|\s)(\d{5})\b", text)}
    raised, broken = set(REFUSALS), 0
    for path, text in texts:
        if not path.endswith(".c"):
            continue
        for call in re.finditer(r"\b(" + "|".join(RAISES) + r")\(", text):
            given = arguments(text, call.end())
            first, rest = RAISES[call.group(1)]
            line = text[:call.start()].count("\n") + 1
            number = names.get(given[1])
            if given[1] == "why.event_id":
                continue  # one of REFUSALS
            if number is None:
                print(f"{path}:{line}: {given[1]} is no name of an event")
                broken += 1
                continue
            raised.add(number)
            types = first + types_of(given[max(rest, 2):])
            if types != events.get(number):
                print(f"{path}:{line}: {given[1]} is raised with {types}, the catalogue has {events.get(number)}")
                broken += 1
    raised.update(number for name, number in names.items() if name == "EVENTS_LOST")
    for number in sorted(set(events) - raised):
        print(f"etw/catalogue.c: nobody raises {number}")
        broken += 1
    for number in sorted(REFUSALS):
        if events.get(number) != "SGSSS":
            print(f"etw/catalogue.c: {number} is raised with SGSSS, the catalogue has {events.get(number)}")
            broken += 1
    sys.exit(1 if broken else 0)


main()
