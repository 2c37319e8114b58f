#!/usr/bin/env python3
"""Resynchronizes a relationship and shows how far it is: resync.py NAME [INSTANCE [LIBRARY]]

Exit code 0: the disks are in step. Ctrl-C ends the wait, not the resynchronization."""

import ctypes
import json
import sys

PROGRESS = ctypes.CFUNCTYPE(ctypes.c_int32, ctypes.c_void_p, ctypes.c_char_p)


class VRepError(Exception):
    """A failure as the library tells it: code, message, action, osCode, eventId."""

    def __init__(self, details):
        super().__init__(" ".join(filter(None, (details.get("message"), details.get("action")))))
        self.code = details.get("code")


class Client:
    """A connection with the service of this machine."""

    def __init__(self, instance=None, library=None):
        default = "vrep.dll" if sys.platform == "win32" else "libvrep.so"
        self.library = ctypes.CDLL(library or default)
        self.library.vrep_error.restype = ctypes.c_char_p
        self.client = ctypes.c_void_p()
        name = instance.encode() if instance else None
        if self.library.vrep_open(name, b"resync.py", ctypes.byref(self.client)):
            raise VRepError(json.loads(self.library.vrep_error(None)))

    def close(self):
        self.library.vrep_close(self.client)

    def take(self, result, text):
        """What a call gave, or its failure."""
        if result:
            raise VRepError(json.loads(self.library.vrep_error(self.client)))
        value = json.loads(ctypes.string_at(text))
        self.library.vrep_free(text)
        return value

    def request(self, verb, **members):
        reply = ctypes.c_void_p()
        text = json.dumps({"verb": verb, **members}).encode()
        return self.take(self.library.vrep_request(self.client, text, 0, ctypes.byref(reply)), reply)

    def wait(self, name, progress):
        """Calls progress(relationship) until nothing of it runs; the relationship at its end."""
        end = ctypes.c_void_p()
        interrupted = []

        def on_progress(_, text):
            try:
                progress(json.loads(text))
                return 1
            except KeyboardInterrupt as interrupt:  # an exception must not pass through C
                interrupted.append(interrupt)
                return 0

        result = self.library.vrep_wait(self.client, name.encode(), 200, PROGRESS(on_progress), None,
                                        ctypes.byref(end))
        if interrupted:
            raise interrupted[0]
        return self.take(result, end)


def show(relationship):
    done, total = (relationship[f"ResynchronizeBytes{what}"] for what in ("Compared", "Total"))
    print(relationship["ResynchronizeActivity"], done, "of", total, "bytes", flush=True)


def main(name, instance=None, library=None):
    client = Client(instance, library)
    try:
        client.request("resume", name=name, resynchronize=True)
        end = client.wait(name, show)
    finally:
        client.close()
    print("The state is", end["ReplicationStateText"])
    return 0 if end["ReplicationStateText"] == "Replicating" else 1


if __name__ == "__main__":
    if not 2 <= len(sys.argv) <= 4:
        sys.exit(__doc__)
    try:
        sys.exit(main(*sys.argv[1:]))
    except VRepError as failure:
        sys.exit(str(failure))
    except KeyboardInterrupt:
        sys.exit("It goes on in the service.")
