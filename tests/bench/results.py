"""The file of results: one JSON object, in which each run has a line."""

import json
import os
from collections import Counter
from dataclasses import asdict, replace
from pathlib import Path

import scenarios

#: What must be as it was for a file to be gone on with: else its figures would be of two things.
SAME = ("programs", "postgres_settings", "sizes")
MAY_DIFFER = ("load_before", "commit", "changed", "toolchains")  # of the machine; the programs are compared themselves


class Results:
    """Written anew after each run, under another name first, so that whatever interrupts the bench leaves all of it."""

    def __init__(self, path, head, runs=()):
        self.path, self.head = Path(path), head
        self.runs, self._lines = [], []
        for run in runs:
            self._take(run)

    @classmethod
    def fresh(cls, folder, head):
        folder.mkdir(parents=True, exist_ok=True)
        stem, more = head["date"], 1
        while (folder / f"{stem}.json").exists():
            more += 1
            stem = f"{head['date']}-{more}"
        return cls(folder / f"{stem}.json", head)

    @classmethod
    def read(cls, path):
        head = json.loads(path.read_text(encoding="utf-8"))
        runs = head.pop("runs")
        return cls(path, head, runs)

    def content(self):
        """As a reader of the file has it."""
        return {**self.head, "runs": self.runs}

    def _take(self, run):
        self.runs.append(run)
        self._lines.append("  " + json.dumps(run))

    def add(self, run):
        self._take(run)
        self.write()

    def write(self):
        head = json.dumps(self.head, indent=1, ensure_ascii=False).removesuffix("\n}")
        new = self.path.with_name(self.path.name + ".new")
        lines = "\n" + ",\n".join(self._lines) if self._lines else ""
        new.write_text(f'{head},\n "runs": [{lines}\n ]\n}}\n', encoding="utf-8")
        os.replace(new, self.path)

    @property
    def failed(self):
        return [run for run in self.runs if "error" in run]

    def missing(self, plan):
        """What is still to run: (run's number, scenario), in the order of a bench that nothing interrupts. A run that failed
        has been there."""
        there = {(run["name"], run["run"]) for run in self.runs}
        return [turn for turn in scenarios.interleaved(plan) if (turn[1].name, turn[0]) not in there]

    def left_of(self, plan):
        """The plan of what is missing."""
        runs = Counter(scenario.name for _, scenario in self.missing(plan))
        return [replace(scenario, runs=runs[scenario.name]) for scenario in plan if runs[scenario.name]]

    def strangers(self, plan):
        """Names of the runs that the plan would not make, or not so."""
        planned = {scenario.name: asdict(scenario) for scenario in plan}
        return sorted({run["name"] for run in self.runs if planned.get(run["name"]) != run["scenario"]})

    def differences(self, head):
        """What is not as it was when the file was begun."""
        was, now = ({k: v for k, v in one["machine"].items() if k not in MAY_DIFFER} for one in (self.head, head))
        found = [name for name in sorted({*was, *now}) if was.get(name) != now.get(name)]
        return found + [name for name in SAME if self.head.get(name) != head.get(name)]
