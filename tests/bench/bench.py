"""What a message costs: runs the scenarios, and makes of them a JSON file, a page of tables, and plots.

Called by run.sh, which installs and builds what this needs."""

import argparse
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

import brief
import estimate
import goals
import machine
import measure
import plots
import report
import scenarios
from programs import Programs
from results import Results


#: What makes an attempt a failed one. The others go on: a bench takes long.
FAILURES = (measure.RunFailed, AssertionError, OSError, psycopg.Error, subprocess.SubprocessError)
ATTEMPTS = 3  # at each run; a peer that now and then leaves messages behind would else leave a hole

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Ending:
    """A signal ends the bench at once, and what it has started is cleaned up. Whoever pressed Ctrl-C has told PostgreSQL and
    the programs as well; that they fail then is no run that failed."""

    def __init__(self):
        self.by = None
        for number in SIGNALS:
            if signal.getsignal(number) != signal.SIG_IGN:  # nohup
                signal.signal(number, self._told)

    def _told(self, number, _):
        for each in SIGNALS:
            signal.signal(each, signal.SIG_IGN)
        self.by = number
        raise KeyboardInterrupt


def options(words=None):
    parser = argparse.ArgumentParser(prog="tests/bench/run.sh", description=__doc__.partition("\n")[0])
    how = parser.add_mutually_exclusive_group()
    how.add_argument("--quick", action="store_true", help="the main points, three runs, no peers: minutes (default)")
    how.add_argument("--full", action="store_true", help="everything, medians of five, with the peers: an hour")
    parser.add_argument("--with-bento", action="store_true", help="also the largest peer")
    parser.add_argument("--only", default="*", metavar="PATTERN", help="scenarios whose name has this in it (see --list)")
    parser.add_argument("--messages", type=int, help="in each drain")
    parser.add_argument("--runs", type=int, help="of each scenario")
    where = "build/bench/results, with --full tests/bench/results"
    parser.add_argument("--results", type=Path, metavar="FOLDER", help=where)
    parser.add_argument("--build", type=Path, default=TOP / "build/release", help=argparse.SUPPRESS)
    parser.add_argument("--list", action="store_true", help="name the scenarios and how often each runs, and end")
    parser.add_argument("--resume", type=Path, metavar="JSON", help="run what is missing in a file of results")
    parser.add_argument("--render", type=Path, metavar="JSON", help="page and plots of a file of results, and end")
    parser.add_argument("--summary", type=Path, metavar="JSON", help="print ten lines about a file of results, and end")
    args = parser.parse_args(words)
    if args.render and args.results:
        parser.error("--render writes beside the file: no --results")
    if args.resume and (command_line(args) != command_line(parser.parse_args([])) or args.results):
        parser.error("--resume goes on with what the file was begun with: no other options")
    return args


def read(path):
    try:
        return Results.read(path)
    except (OSError, ValueError, KeyError) as error:
        sys.exit(f"bench: {path} is no file of results: {type(error).__name__}: {error}")


def render(results):
    """A page and plots beside the file of results, and in it how it stands with the goals."""
    content, path = results.content(), results.path
    results.head["goals"] = goals.verdicts(content)
    results.write()
    drawn = plots.draw(content, path.parent, path.stem)
    page = path.with_suffix(".md")
    page.write_text(report.page(content, path.stem, drawn), encoding="utf-8")
    return page


def tell(run):
    """A line for who waits."""
    if "error" in run:
        return f"FAILED {ATTEMPTS} times"
    if run["scenario"]["kind"] in ("drain", "curve"):
        messages = run["messages"]
        return (
            f"{messages / run['seconds']:9,.0f} messages/s, {run['cpu_us'] / messages:7.1f} µs each with the start, "
            f"{run['most_kb'] / 1024:6.1f} MiB"
        )
    keys = {"start": "first_receive_ms", "idle": "core_percent", "age": "age_ms", "instructions": "instructions"}
    key = keys[run["scenario"]["kind"]]
    return f"{key} {run[key]}"


def said(error, folder):
    """Without the places of this machine: it goes into the file of results."""
    text = f"{type(error).__name__}: {error}"[:2000]
    return text.replace(str(folder), "…").replace(str(TOP), "…")


def attempted(world, scenario, ending):
    """What a run has found, and why its attempts failed before. With an error when all of them failed."""
    failed, begun = [], time.monotonic()
    while len(failed) < ATTEMPTS:
        try:
            found = measure.measure(world, scenario)
            return {**found, "failed": failed, "took_s": round(time.monotonic() - begun, 2)}
        except FAILURES as error:
            if ending.by:
                raise KeyboardInterrupt from error
            failed.append(said(error, world.folder))
            print(f"bench: {scenario.name}: attempt {len(failed)} of {ATTEMPTS}: {failed[-1].splitlines()[0]}", flush=True)
    return {"error": failed[-1], "failed": failed, "took_s": round(time.monotonic() - begun, 2)}


def run_all(turns, programs, results, ending):
    with tempfile.TemporaryDirectory(prefix="loginetl-bench-") as folder:
        world = measure.World(folder, programs)
        try:
            for number, scenario in turns:
                run = {"name": scenario.name, "run": number, "scenario": asdict(scenario)}
                run |= attempted(world, scenario, ending)
                results.add(run)
                print(f"{len(results.runs)}/{results.head['planned']} {scenario.name}: {tell(run)}", flush=True)
        finally:
            world.stop()


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


def describe(args, plan, programs, sizes):
    """What a file of results says before its runs."""
    names = {"loginetl", "server", *sizes}
    return {
        "date": time.strftime("%Y-%m-%d"),
        "command": command_line(args),
        "build": programs.build_type(),
        "machine": machine.describe(),
        "postgres_settings": scenarios.POSTGRES,
        "sizes": sizes,
        "programs": programs.fingerprints(names),
        "planned": sum(scenario.runs for scenario in plan),
    }


def gone_on(path, head, plan):
    """The results that are in a file, to be gone on with; ends when they would not fit to what would be added."""
    results = read(path)
    if other := results.differences(head):
        sys.exit(f"bench: {path} cannot be gone on with; since it was begun these have changed: {', '.join(other)}")
    if strangers := results.strangers(plan):
        sys.exit(f"bench: {path} cannot be gone on with; it has runs of another plan: {', '.join(strangers[:3])} …")
    if results.missing(plan):
        part = {"date": head["date"], "load_before": head["machine"]["load_before"], "after_runs": len(results.runs)}
        results.head.setdefault("resumed", []).append(part)
    return results


def run(args):
    """The exit status."""
    programs = Programs(args.build)
    begun = options(shlex.split(read(args.resume).head["command"])[1:]) if args.resume else args
    plan = make_plan(begun, programs)
    if args.list:
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # head has seen enough: no reason to complain
        print("\n".join(estimate.lines(read(args.resume).left_of(plan) if args.resume else plan)))
        return 0
    if not plan:
        sys.exit("bench: no scenario has such a name; --list names them")
    found = sizes(plan, programs)
    plan = [scenario for scenario in plan if scenario.program in found]
    head = describe(begun, plan, programs, found)
    if args.resume:
        results = gone_on(args.resume, head, plan)
    else:
        results = Results.fresh(args.results or TOP / ("tests/bench/results" if args.full else "build/bench/results"), head)
    results.write()
    ending = Ending()
    try:
        run_all(results.missing(plan), programs, results, ending)
    except KeyboardInterrupt:
        results.write()  # it may have come in the middle of that
        done = f"{len(results.runs)} of {results.head['planned']} runs"
        print(f"bench: ended after {done}; to go on: tests/bench/run.sh --resume {results.path}", flush=True)
        return 128 + ending.by
    print(f"bench: {render(results)}")
    return 1 if results.failed else 0


def main():
    args = options()
    if args.render:
        print(f"bench: {render(read(args.render))}")
        return 0
    if args.summary:
        print("\n".join(brief.lines(read(args.summary).content())))
        return 0
    return run(args)


if __name__ == "__main__":
    sys.exit(main())
