#!/usr/bin/env python3
# vrep-test: timeout=300 labels=interop presets=native,asan,win64
"""Images that Windows, Hyper-V and QEMU wrote have the content that other readers see in them, and nothing to complain of."""

import csv
import gzip
import json
import os
import shutil

import _images as images


def unpack(folder):
    for name in os.listdir(images.corpus()):
        if name.endswith(".gz"):
            with gzip.open(os.path.join(images.corpus(), name)) as packed, \
                    open(os.path.join(folder, name[:-3]), "wb") as file:
                shutil.copyfileobj(packed, file)


def clean(path, name):
    """`check` finds no problem, and looks without a trace."""
    before = images.hash_raw(path)
    found = json.loads(images.vrepdisk("check", "--json", path))
    images.check(found["Problems"] == 0, f"{name}: {found}")
    images.check(images.hash_raw(path) == before, f"{name}: check changed the file")


def test(folder):
    unpack(folder)
    with open(os.path.join(images.corpus(), "MANIFEST.tsv"), encoding="utf-8") as file:
        rows = list(csv.DictReader(file, delimiter="\t"))
    images.check(len(rows) > 0, "the manifest is empty")
    for row in rows:
        path = os.path.join(folder, row["file"])
        known = images.info(path)
        images.check(known["VirtualSize"] == int(row["virtual_size"]), f"{row['file']}: {known}")
        digest, length = images.hash_ours(path)
        images.check(length == int(row["virtual_size"]), f"{row['file']}: {length} bytes")
        images.check(digest == row["content_sha256"], f"{row['file']}: {digest}, not {row['content_sha256']}")
        clean(path, row["file"])
        print(f"{row['file']}: {row['what']}")


images.main(test)
