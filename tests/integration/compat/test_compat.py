"""Every server in every protocol that it speaks, one step after the other. What works is held against expected.json, of
which the README's table is made, and written to build/logs/compat.json."""

import fcntl
import inspect
import json
import signal
import traceback

import pytest
from lib.processes import TOOLS, TOP

import steps
from table import expected, version

LIVE = TOP / "build/logs/compat.json"

#: They are there for other tests too, and quick to start.
ALWAYS = {"ministack", "elasticmq", "fauxqs"}


def rows():
    for row in expected()["rows"]:
        target = row["target"]
        there = target in ALWAYS or (TOOLS / f"{target}.stamp").exists()
        marks = [pytest.mark.timeout(900)] + [] if there else [pytest.mark.long]
        yield pytest.param(row, id=f"{target}-{row['protocol']}", marks=marks)


def tried(step):
    """yes, no or -, and why."""
    try:
        step()
    except steps.NotPossible as why:
        return "-", str(why)
    except Exception as why:  # whatever a client library makes of an answer is this step's outcome
        where = traceback.extract_tb(why.__traceback__)[-1]
        return "no", f"{type(why).__name__} at {where.name}: {where.line}: {why}"
    return "yes", ""


def tried_all(row, program):
    """The outcome of each step by its name, and no program left from a step that failed."""
    found, halves = {}, {}
    for step in filter(inspect.isgeneratorfunction, steps.STEPS):
        halves[step.__name__] = step(row)
        found[step.__name__] = tried(lambda made=halves[step.__name__]: next(made))
    for step in (step for step in steps.STEPS if step.__name__ not in halves):
        before = len(program.runs)
        found[step.__name__] = tried(lambda step=step: step(row))
        for run in program.runs[before:]:
            run.stop(5, signal.SIGKILL)
    for name, made in halves.items():
        if found[name][0] == "yes":
            found[name] = tried(lambda made=made: next(made, None))
    return found


def write_down(target, protocol, found):
    """Beside those of the other rows; several processes may do so at once."""
    LIVE.parent.mkdir(parents=True, exist_ok=True)
    with open(LIVE, "a+", encoding="utf-8") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        file.seek(0)
        text = file.read()
        results = json.loads(text) if text else {}
        results[f"{target} {version(target)} {protocol}"] = found
        file.truncate(0)
        json.dump(results, file, indent=1, sort_keys=True)


@pytest.mark.parametrize("entry", list(rows()))
def test_row(make_world, program, request, entry):
    target, protocol = entry["target"], entry["protocol"]
    server = request.getfixturevalue(target.replace("-", "_"))
    row = steps.Row(make_world, server, protocol, entry.get("auto", False))
    found = tried_all(row, program)
    write_down(target, protocol, {name: list(outcome) for name, outcome in found.items()})
    differs = [
        f"{name}: expected {entry['cells'][name]!r}, found {outcome!r}: {why}"
        for name, (outcome, why) in found.items()
        if entry["cells"][name].partition(":")[0] != outcome
    ]
    assert not differs, "\n".join(["expected.json says something else of it:", *differs])
