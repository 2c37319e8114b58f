"""A strict reader of the Prometheus text format 0.0.4, and the naming rules that `promtool check metrics` looks for.

Written from the format's description (prometheus.io: exposition formats, metric and label naming) and not from what
VRep writes: what it does not know, it refuses. Stricter than Prometheus in what a file for a textfile collector must be:
no timestamps, no blank lines or comments, each family with HELP, TYPE and samples in one piece.
"""

import re

TYPES = ("counter", "gauge", "histogram", "summary", "untyped")
METRIC = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*")
LABEL = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")
FLOAT = re.compile(r"[+-]?(?:(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?|[iI]nf|NaN)")
SNAKE = re.compile(r"[a-z][a-z0-9]*(?:_[a-z0-9]+)*")
NOT_BASE_UNITS = {"ms", "milliseconds", "minutes", "hours", "days", "kb", "kib", "mb", "mib", "gb", "kilobytes", "megabytes",
                  "percent", "bits", "us", "s", "sec", "secs", "b"}


class Bad(Exception):
    """The text is not what it must be; says where."""


class Family:
    """A metric: its samples by their labels (a frozenset of pairs)."""

    def __init__(self, name, text):
        self.name, self.help, self.type, self.samples = name, text, None, {}


def escaped(text, at, allowed, line):
    """The character that the escape at text[at] stands for, and where it ends."""
    kind = text[at + 1:at + 2]
    if kind not in allowed:
        raise Bad(f"line {line}: the escape \\{kind} is not one of the format")
    return allowed[kind], at + 2


def read_help(text, line):
    result, at = "", 0
    while at < len(text):
        if text[at] == "\\":
            character, at = escaped(text, at, {"\\": "\\", "n": "\n"}, line)
        else:
            character, at = text[at], at + 1
        result += character
    if not result.strip():
        raise Bad(f"line {line}: HELP says nothing")
    return result


def read_labels(text, at, line):
    """What is behind the brace at text[at - 1]: the labels, and where they end."""
    labels = {}
    while True:
        name = LABEL.match(text, at)
        if not name:
            raise Bad(f"line {line}: a label's name is expected at {text[at:at + 20]!r}")
        at = name.end()
        if text[at:at + 2] != '="':
            raise Bad(f'line {line}: ="..." is expected behind the label {name.group()}')
        value, at = "", at + 2
        while text[at:at + 1] != '"':
            if at >= len(text):
                raise Bad(f"line {line}: the value of {name.group()} has no end")
            if text[at] == "\\":
                character, at = escaped(text, at, {"\\": "\\", "n": "\n", '"': '"'}, line)
            else:
                character, at = text[at], at + 1
            value += character
        if name.group() in labels or name.group().startswith("__"):
            raise Bad(f"line {line}: the label {name.group()} is there twice, or reserved")
        labels[name.group()] = value
        at += 1
        if text[at:at + 1] == "}":
            return labels, at + 1
        if text[at:at + 1] != ",":
            raise Bad(f"line {line}: , or }} is expected at {text[at:at + 20]!r}")
        at += 1


def read_sample(text, line):
    name = METRIC.match(text)
    if not name:
        raise Bad(f"line {line}: a metric's name is expected at {text[:20]!r}")
    labels, at = {}, name.end()
    if text[at:at + 1] == "{":
        labels, at = read_labels(text, at + 1, line)
    if text[at:at + 1] != " ":
        raise Bad(f"line {line}: a space and a value are expected at {text[at:at + 20]!r}")
    if not FLOAT.fullmatch(text[at + 1:]):
        raise Bad(f"line {line}: {text[at + 1:]!r} is not one number (a timestamp is not taken by textfile collectors)")
    return name.group(), labels, float(text[at + 1:])


def parse(data):
    """The families of a file's bytes, by name; raises Bad."""
    try:
        text = data.decode("utf-8", errors="strict")
    except UnicodeDecodeError as error:
        raise Bad(f"not UTF-8: {error}") from None
    if not text.endswith("\n"):
        raise Bad("the last line has no end: the file is cut")
    families, current = {}, None
    for line, content in enumerate(text[:-1].split("\n"), 1):
        if content.startswith("# HELP "):
            name, _, words = content[len("# HELP "):].partition(" ")
            if not METRIC.fullmatch(name) or name in families:
                raise Bad(f"line {line}: HELP of {name!r}, which is no name or has been there")
            finish(current)
            current = families[name] = Family(name, read_help(words, line))
        elif content.startswith("# TYPE "):
            name, _, kind = content[len("# TYPE "):].partition(" ")
            if current is None or name != current.name or current.type is not None or current.samples:
                raise Bad(f"line {line}: TYPE of {name!r} must come once, behind its HELP")
            if kind not in TYPES:
                raise Bad(f"line {line}: {kind!r} is no type")
            current.type = kind
        else:
            name, labels, value = read_sample(content, line)
            if current is None or name != current.name or current.type is None:
                raise Bad(f"line {line}: a sample of {name} outside its family")
            key = frozenset(labels.items())
            if key in current.samples:
                raise Bad(f"line {line}: the same sample twice: {name}{sorted(labels.items())}")
            current.samples[key] = value
    finish(current)
    return families


def finish(family):
    if family is not None and (family.type is None or not family.samples):
        raise Bad(f"{family.name} has no TYPE or no sample")


def lint(families):
    """The naming rules; a list of what breaks them."""
    problems = []
    for family in families.values():
        def problem(text, name=family.name):
            problems.append(f"{name}: {text}")
        parts = family.name.split("_")
        if not SNAKE.fullmatch(family.name):
            problem("is not in snake_case")
        if family.type in ("histogram", "summary", "untyped"):
            problem(f"is a {family.type}")
        if (family.type == "counter") != family.name.endswith("_total"):
            problem("a counter, and nothing else, ends in _total")
        if family.name.endswith(("_bucket", "_count", "_sum", "_created")):
            problem("has an ending of histograms")
        if NOT_BASE_UNITS & set(parts):
            problem("has a unit that is not a base unit")
        if {"counter", "gauge", "histogram", "summary", "metric"} & set(parts):
            problem("has its type in its name")
        if family.type != "counter" and family.name + "_total" in families:
            problem("is also the name of a counter")
        for labels, value in family.samples.items():
            if family.type == "counter" and not 0 <= value < float("inf"):
                problem(f"counts {value}")
            for name, _ in labels:
                if not SNAKE.fullmatch(name) or name in ("le", "quantile", "instance", "job"):
                    problem(f"has a label {name}, which is reserved or not in snake_case")
        names = {frozenset(name for name, _ in labels) for labels in family.samples}
        if len(names) != 1:
            problem("has samples with different labels")
    return problems
