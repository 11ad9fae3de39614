#!/usr/bin/env python3
"""The README's table of SQS servers, made of expected.json.

    table.py [--check] [FOLDER]     writes it into FOLDER's README.md; --check: only says whether it stands there
"""

import json
import re
import sys
from pathlib import Path

TOP = Path(__file__).resolve().parents[3]

BEGIN = "<!-- made by tests/integration/compat/table.py -->"
END = "<!-- end -->"

SIGNS = {"yes": "✓", "no": "✗", "-": "–"}
PROTOCOLS = {"json": "JSON", "query": "Query"}


def expected(top=TOP):
    return json.loads((top / "tests/integration/compat/expected.json").read_text(encoding="utf-8"))


def version(target, top=TOP):
    """As the installer has it: in a list of packages the first one is the server, else a variable names it."""
    servers = top / "tests/integration/servers"
    packages = servers / f"{target}.txt"
    if packages.exists():
        pattern, text = r"^[\w.-]+==(\S+)$", packages.read_text(encoding="utf-8")
    else:
        pattern = rf"^{target.replace('-', '_')}_version=(\S+)"
        text = (servers / "install.sh").read_text(encoding="utf-8")
    return re.search(pattern, text, re.MULTILINE)[1]


def lines_of(top):
    steps, rows = (expected(top)[part] for part in ("steps", "rows"))
    notes = []  # each reason once, in the order in which the table speaks of them

    def cell(text):
        outcome, _, why = text.partition(": ")
        if not why:
            return SIGNS[outcome]
        if why not in notes:
            notes.append(why)
        return f"{SIGNS[outcome]} {notes.index(why) + 1}"

    yield "| server | | protocol | " + " | ".join(steps.values()) + " |"
    yield "|---|---|---|" + "---|" * len(steps)
    for row in rows:
        protocol = PROTOCOLS[row["protocol"]] + (" (found out)" if row["auto"] and row["protocol"] == "query" else "")
        cells = [cell(row["cells"][step]) for step in steps]
        yield f"| {row['server']} | {version(row['target'], top)} | {protocol} | " + " | ".join(cells) + " |"
    if notes:
        yield ""
        yield from (f"{number}. {note}" for number, note in enumerate(notes, 1))


def main():
    words = [word for word in sys.argv[1:] if word != "--check"]
    top = Path(words[0]) if words else TOP
    readme = top / "README.md"
    old = readme.read_text(encoding="utf-8")
    before, begin, rest = old.partition(BEGIN + "\n")
    _, end, after = rest.partition(END)
    if not begin or not end:
        print(f"README.md:1: no place for the table of SQS servers: {BEGIN} … {END}")
        return 1
    new = "\n".join([before + BEGIN, "", *lines_of(top), "", END + after])
    if old == new:
        return 0
    if "--check" in sys.argv:
        line = before.count("\n") + 1
        print(f"README.md:{line}: not the table that tests/integration/compat/table.py makes: run it")
        return 1
    readme.write_text(new, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
