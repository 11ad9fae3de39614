"""Finds clear-text values in files, also encoded: a hundred thousand values in many megabytes, in seconds."""

import base64
import json
import urllib.parse

GRAM = 7  # a value shorter than this would be found in any log by chance


def base64_cores(data):
    """What stays the same of a value's base64 wherever it stands in a longer text."""
    for offset in range(3):
        text = base64.b64encode(b"\0" * offset + data).decode().rstrip("=")
        start, end = (0, 2, 3)[offset], len(text) - (1 if (offset + len(data)) % 3 else 0)
        yield text[start:end]


def spellings(value):
    data = value.encode()
    yield value
    yield data.hex()
    yield data.hex().upper()
    yield "\\x" + "\\x".join(f"{byte:02x}" for byte in data)
    yield urllib.parse.quote(value, safe="")
    yield json.dumps(value)[1:-1]
    yield value[::-1]
    yield from base64_cores(data)
    yield from (core.replace("+", "-").replace("/", "_") for core in base64_cores(data))


def index(values):
    """First characters → spellings that begin with them."""
    found = {}
    for value in set(values):
        for spelling in set(spellings(value)):
            if len(spelling) >= GRAM:
                found.setdefault(spelling[:GRAM], set()).add(spelling)
    return found


def find(paths, values):
    """(path, what stands around it) of the first hit in each file."""
    beginnings = index(values)
    hits = []
    for path in paths:
        with open(path, encoding="utf-8", errors="replace") as file:
            text = file.read()
        for at in range(len(text) - GRAM + 1):
            candidates = beginnings.get(text[at : at + GRAM])
            if candidates and any(text.startswith(spelling, at) for spelling in candidates):
                hits.append((str(path), text[max(0, at - 80) : at + 80]))
                break
    return hits
