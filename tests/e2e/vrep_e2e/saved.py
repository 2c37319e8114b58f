"""What a service has saved, read from its files: it need not run."""

import json
import os


def record(service):
    """Its only relationship."""
    folder = os.path.join(service.data, "relationships")
    (name,) = os.listdir(folder)
    with open(os.path.join(folder, name), encoding="utf-8") as file:
        return json.load(file)


def events(service, identifier):
    """Its events of that number, oldest first."""
    with open(os.path.join(service.data, "log", "events.jsonl"), encoding="utf-8") as lines:
        return [event for event in map(json.loads, lines) if event["Id"] == identifier]
