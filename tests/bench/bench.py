"""What a message costs: runs the scenarios, and makes of them a JSON file, a page of tables, and plots.

Called by run.sh, which installs and builds what this needs."""

import argparse
import json
import shlex
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict
from pathlib import Path

TOP = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(TOP / "tests/integration"))  # for lib: PostgreSQL and processes, as the tests have them

import psycopg

import machine
import measure
import plots
import report
import scenarios
from programs import Programs


#: What makes a run a failed one. The others go on: a bench takes hours.
FAILURES = (measure.RunFailed, AssertionError, OSError, psycopg.Error, subprocess.SubprocessError)


def options():
    parser = argparse.ArgumentParser(prog="tests/bench/run.sh", description=__doc__.partition("\n")[0])
    how = parser.add_mutually_exclusive_group()
    how.add_argument("--quick", action="store_true", help="the main points, three runs, no peers: minutes (default)")
    how.add_argument("--full", action="store_true", help="everything, medians of five, with the peers: an evening")
    parser.add_argument("--with-bento", action="store_true", help="also the largest peer")
    parser.add_argument("--only", default="*", metavar="PATTERN", help="scenarios whose name has this in it (see --list)")
    parser.add_argument("--messages", type=int, help="in each drain")
    parser.add_argument("--runs", type=int, help="of each scenario")
    where = "build/bench/results, with --full tests/bench/results"
    parser.add_argument("--results", type=Path, metavar="FOLDER", help=where)
    parser.add_argument("--build", type=Path, default=TOP / "build/release", help=argparse.SUPPRESS)
    parser.add_argument("--list", action="store_true", help="name the scenarios and how often each runs, and end")
    parser.add_argument("--render", type=Path, metavar="JSON", help="page and plots of a file of results, and end")
    return parser.parse_args()


class Results:
    """The file of results: one JSON object, in which each run has a line. Written again after each run, so that a bench
    that is interrupted has measured something."""

    def __init__(self, folder, head):
        folder.mkdir(parents=True, exist_ok=True)
        self.folder, self.head, self.runs = folder, head, []
        self.stem, more = head["date"], 1
        while (folder / f"{self.stem}.json").exists():
            more += 1
            self.stem = f"{head['date']}-{more}"

    @property
    def path(self):
        return self.folder / f"{self.stem}.json"

    def add(self, run):
        self.runs.append(run)
        lines = ",\n".join("  " + json.dumps(one) for one in self.runs)
        head = json.dumps(self.head, indent=1, ensure_ascii=False).removesuffix("\n}")
        self.path.write_text(f'{head},\n "runs": [\n{lines}\n ]\n}}\n', encoding="utf-8")


def render(path):
    results = json.loads(path.read_text(encoding="utf-8"))
    drawn = plots.draw(results, path.parent, path.stem)
    page = path.with_suffix(".md")
    page.write_text(report.page(results, path.stem, drawn), encoding="utf-8")
    return page


def tell(run):
    """A line for who waits."""
    if "error" in run:
        return f"FAILED: {run['error']}"
    if run["scenario"]["kind"] in ("drain", "curve"):
        messages = run["messages"]
        return (
            f"{messages / run['seconds']:9,.0f} messages/s, {run['cpu_us'] / messages:7.1f} µs each with the start, "
            f"{run['most_kb'] / 1024:6.1f} MB"
        )
    keys = {"start": "first_receive_ms", "idle": "core_percent", "age": "age_ms", "instructions": "instructions"}
    key = keys[run["scenario"]["kind"]]
    return f"{key} {run[key]}"


def run_all(plan, programs, results):
    """How many failed."""
    failed, turns = 0, list(scenarios.interleaved(plan))
    with tempfile.TemporaryDirectory(prefix="loginetl-bench-") as folder:
        world = measure.World(folder, programs)
        try:
            for at, (number, scenario) in enumerate(turns, 1):
                run = {"name": scenario.name, "run": number, "scenario": asdict(scenario)}
                try:
                    run |= measure.measure(world, scenario)
                except FAILURES as error:
                    run["error"] = f"{type(error).__name__}: {error}"[:2000]
                    failed += 1
                results.add(run)
                print(f"{at}/{len(turns)} {scenario.name}: {tell(run)}", flush=True)
        finally:
            world.stop()
    return failed


def make_plan(args, programs):
    others = programs.floors()
    if args.full:
        others += programs.peers(args.with_bento)
    plan = (scenarios.full if args.full else scenarios.quick)(others)
    return scenarios.selected(plan, args.only, args.messages, args.runs)


def sizes(plan, programs):
    """Of each program in the plan, as text; peers are installed if they are not. Those that cannot be are not among them."""
    found = {}
    for name in dict.fromkeys(scenario.program for scenario in plan):
        if name == "loginetl" or name in scenarios.FLOORS:
            own, together = programs.size(name)
            found[name] = f"{own} (with libraries {together})"
        elif megabytes := programs.install(name):
            found[name] = f"{megabytes:g}"
    return found


def command_line(args):
    """What makes such results again; where they went, and where the programs were, is nobody's business."""
    words = [f"--{name.replace('_', '-')}" for name in ("quick", "full", "with_bento") if getattr(args, name)]
    for name in ("only", "messages", "runs"):
        if (value := getattr(args, name)) not in (None, "*"):
            words += [f"--{name}", str(value)]
    return shlex.join(["tests/bench/run.sh", *words])


def main():
    args = options()
    if args.render:
        print(f"bench: {render(args.render)}")
        return 0
    programs = Programs(args.build)
    plan = make_plan(args, programs)
    if args.list:
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # head has seen enough: no reason to complain
        print("\n".join(f"{scenario.runs} × {scenario.name}" for scenario in plan))
        return 0
    if not plan:
        sys.exit("bench: no scenario has such a name; --list names them")
    found = sizes(plan, programs)
    plan = [scenario for scenario in plan if scenario.program in found]
    head = {
        "date": time.strftime("%Y-%m-%d"),
        "command": command_line(args),
        "machine": machine.describe(),
        "postgres_settings": scenarios.POSTGRES,
        "sizes": found,
    }
    results = Results(args.results or TOP / ("tests/bench/results" if args.full else "build/bench/results"), head)
    failed = run_all(plan, programs, results)
    print(f"bench: {render(results.path)}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
