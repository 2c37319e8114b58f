#!/usr/bin/env python3
# vrep-test: timeout=60 presets=native
"""Every event of etw/VRep.man is raised somewhere, and only those; Event Viewer's views and docs/operations.md know them.

That values fit their fields in number and type is the compiler's: each event has a function of its own.
"""

import os
import re
import sys
import xml.etree.ElementTree as ElementTree

TOP = os.environ.get("VREP_SOURCE_DIR", ".")
NAMESPACE = "{http://schemas.microsoft.com/win/2004/08/events}"
PROBLEMS = ("win:Warning", "win:Error")
RESYNCHRONIZATIONS = {29242, 29244, 29266, 29268, 32328}

broken = 0


def complain(text):
    global broken
    print(text)
    broken += 1


def read(*path):
    with open(os.path.join(TOP, *path), encoding="utf-8") as file:
        return file.read()


def manifest():
    """Id, symbol, level and channel of all events, several of which may be versions of one id, and the channels' names."""
    root = ElementTree.parse(os.path.join(TOP, "etw", "VRep.man")).getroot()
    names = {channel.get("chid"): channel.get("name") for channel in root.iter(NAMESPACE + "channel")}
    events = [(int(event.get("value")), event.get("symbol"), event.get("level"), names[event.get("channel")])
              for event in root.iter(NAMESPACE + "event")]
    return events, set(names.values())


def ids_of(events):
    return {number for number, _, _, _ in events}


def check_raised(events):
    raised = set()
    for folder in ("service", "etw"):
        for at, _, files in os.walk(os.path.join(TOP, folder)):
            for name in files:
                if name.endswith(".c"):
                    raised.update(re.findall(r"\bEventWrite(\w+)\(", read(at, name)))
    raised -= {""}
    symbols = {symbol for _, symbol, _, _ in events}
    for symbol in sorted(symbols - raised):
        complain(f"etw/VRep.man: nobody raises {symbol}")
    for symbol in sorted(raised - symbols):
        complain(f"EventWrite{symbol} is called, and not in etw/VRep.man")


def check_view(file, events, channels, wanted):
    """The view shows the events `wanted` (None: all) and names channels that exist."""
    shown = set()
    root = ElementTree.parse(os.path.join(TOP, "etw", "views", file)).getroot()
    if root.tag != "ViewerConfig" or root.find("QueryConfig/QueryNode/Name") is None:
        complain(f"etw/views/{file}: not a view")
    for select in root.iter("Select"):
        ids = {int(number) for number in re.findall(r"EventID=(\d+)", select.text)}
        if not ids and select.text != "*":
            complain(f"etw/views/{file}: {select.text} is not understood")
        shown |= {number for number, _, _, channel in events
                  if channel == select.get("Path") and (not ids or number in ids)}
        if select.get("Path") not in channels:
            complain(f"etw/views/{file}: no channel {select.get('Path')}")
        for number in ids - ids_of(events):
            complain(f"etw/views/{file}: no event {number}")
    if shown != (ids_of(events) if wanted is None else wanted):
        complain(f"etw/views/{file} shows {sorted(shown)}")


def check_ends(events):
    """docs/operations.md says of every problem which events end it."""
    rows = re.findall(r"^\| ([0-9, ]+) \|.*\|([^|]*)\|$", read("docs", "operations.md"), re.M)
    ended = {}
    for problems, ends in rows:
        for number in re.findall(r"\d{5}", problems):
            ended[int(number)] = {int(end) for end in re.findall(r"\b\d{5}\b", ends)}
    for number, symbol, level, _ in sorted(events):
        if level in PROBLEMS and number not in ended:
            complain(f"docs/operations.md: what is to be done about {number} {symbol}, and what ends it?")
    for number, ends in sorted(ended.items()):
        for unknown in ({number} | ends) - ids_of(events):
            complain(f"docs/operations.md: there is no event {unknown}")


def main():
    events, channels = manifest()
    check_raised(events)
    check_view("vrep-replication.xml", events, channels, None)
    check_view("vrep-resynchronizations.xml", events, channels, RESYNCHRONIZATIONS)
    check_ends(events)
    sys.exit(1 if broken else 0)


main()
