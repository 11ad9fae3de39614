"""What loginetl should reach, and whether a file of results shows that it does: the release build with 170-byte logins, 32
receivers, signed requests and the ledger, on loopback, unless the goal says otherwise."""

import math
from collections import namedtuple
from collections.abc import Callable
from dataclasses import dataclass

import summary
from scenarios import CONCURRENCIES, CURVE_MESSAGES, LATENCIES, MAIN, MEMORY_LIMIT_MIB, POINT_KEYS, SIZES

LINEAR = 0.9  # of the exponent of throughput over receivers: twice as many bring at least 1.87 times as much
LEVEL = 0.95  # of the first tenth's rate: as fast as at the beginning

Found = namedtuple("Found", "value raw")  # None: not measured; what the figure comes from, or why there is none

NAMES = {"server": "load server"}  # as summary.limit() says it


class Figures:
    """What the goals ask of a file of results. A drain so small that nothing is left without its start is as good as none:
    it would meet any goal."""

    def __init__(self, results):
        self.runs = results["runs"]
        self.groups = summary.grouped(self.runs)
        points = summary.drains(self.runs, results["machine"]["processor"]["cores"])
        self.points = [point for point in points if point["cpu_us"] > 0]
        self.starts = summary.starts(self.groups)
        self._by_key = {tuple(point[key] for key in POINT_KEYS): point for point in self.points}

    def point(self, program="loginetl", **other):
        """None when it was not measured. Nobody but loginetl has a ledger."""
        wanted = {"program": program, "latency_ms": 0, "tls": False, "ledger": program == "loginetl", **MAIN, **other}
        return self._by_key.get(tuple(wanted[key] for key in POINT_KEYS))

    def kind(self, kind, **wanted):
        """Groups of runs of a kind, whose scenario has these parameters."""
        for runs in self.groups.values():
            scenario = runs[0]["scenario"]
            if scenario["kind"] == kind and all(scenario[key] == value for key, value in wanted.items()):
                yield runs


def cost(point):
    low, high = point["cpu_us_range"]
    start = "" if point["start_known"] else ", its start in it"
    return f"{point['cpu_us']:.2f} µs ({low:.2f}–{high:.2f}{start})"


def at(point):
    """Where a drain was measured, in words."""
    words = [SIZES[point["body_bytes"]], f"{point['latency_ms']} ms", f"{point['concurrency']} receivers"]
    return ", ".join(words + ["https" if point["tls"] else "http"] + ["no ledger"] * (not point["ledger"]))


# ---------------------------------------------------------------------------------------------------------------------
# Measures: each makes a function of Figures that gives Found


def cpu():
    def of(figures):
        point = figures.point()
        return Found(point["cpu_us"], f"{cost(point)}, runs: {point['runs']}") if point else Found(None, "no such drain")

    return of


def share_of(other):
    """Our CPU to another's."""

    def of(figures):
        ours, theirs = figures.point(), figures.point(other)
        if not ours or not theirs:
            return Found(None, f"no drain of {'loginetl' if theirs else other}")
        return Found(ours["cpu_us"] / theirs["cpu_us"], f"{cost(ours)} to {cost(theirs)}")

    return of


def times_less_than(other):
    """Another's CPU to ours, and what that is with latency."""

    def of(figures):
        found = share_of(other)(figures)
        if not found.value:
            return found
        raw = f"{cost(figures.point(other))} to {cost(figures.point())}"
        for latency in LATENCIES[1:]:
            ours, theirs = figures.point(latency_ms=latency), figures.point(other, latency_ms=latency)
            if ours and theirs:
                raw += f"; at {latency} ms {theirs['cpu_us'] / ours['cpu_us']:.1f} ×"
        return Found(1 / found.value, raw)

    return of


def more_with_tls():
    def of(figures):
        plain, secured = figures.point(), figures.point(tls=True)
        if not plain or not secured:
            return Found(None, "no drain over https" if plain else "no drain over http")
        return Found(secured["cpu_us"] - plain["cpu_us"], f"{cost(secured)} less {cost(plain)}")

    return of


def rate(**where):
    def of(figures):
        point = figures.point(**where)
        if not point:
            return Found(None, "no such drain")
        return Found(point["rate"], f"limit: {limit_of(point)}; cores: {cores_of(point)}")

    return of


def limit_of(point):
    return NAMES.get(point["limit"], point["limit"])


def cores_of(point):
    return ", ".join(f"{NAMES.get(who, who)} {used:.2f}" for who, used in point["cores"].items())


def steps(points):
    """From each number of receivers to the next: (fewer, more, ratio of the rates, exponent)."""
    ordered = sorted(points, key=lambda point: point["concurrency"])
    for few, many in zip(ordered, ordered[1:]):
        ratio = many["rate"] / few["rate"]
        yield few, many, ratio, math.log(ratio) / math.log(many["concurrency"] / few["concurrency"])


def is_at_a_limit(point):
    """Is a processor what it lacks? Latency and round trips are what more receivers are for."""
    return point["limit"] not in ("latency", "round trips")


def least_exponent(latency_ms):
    """Of the steps before the first that ends at a limit."""

    def of(figures):
        points = [figures.point(latency_ms=latency_ms, concurrency=receivers) for receivers in CONCURRENCIES]
        points = [point for point in points if point]
        if len(points) < 2:
            return Found(None, "no drains with different numbers of receivers")
        least, words = None, [f"{points[0]['concurrency']}: {points[0]['rate']:,.0f}/s ({limit_of(points[0])})"]
        limited = is_at_a_limit(points[0])
        for _, many, ratio, exponent in steps(points):
            limited = limited or is_at_a_limit(many)
            if not limited:
                least = exponent if least is None else min(least, exponent)
            words.append(
                f"{many['concurrency']}: {many['rate']:,.0f}/s, × {ratio:.2f}, exponent {exponent:.2f} ({limit_of(many)})"
            )
        if least is None:
            words.append("at a limit from the first step on")
        return Found(least, "; ".join(words))

    return of


def memory(**where):
    """At the main point, whatever the latency: the most of any run."""

    def of(figures):
        points = [figures.point(latency_ms=latency, **where) for latency in LATENCIES]
        points = [point for point in points if point]
        if not points:
            return Found(None, "no such drain")
        raw = ", ".join(f"{point['most_mb_greatest']:.1f} at {point['latency_ms']} ms" for point in points)
        return Found(max(point["most_mb_greatest"] for point in points), raw)

    return of


def memory_anywhere():
    """At any size and any point, and while there is a backlog."""

    def of(figures):
        points = [point for point in figures.points if point["program"] == "loginetl"]
        if missing := sorted(set(SIZES) - {point["body_bytes"] for point in points}):
            return Found(None, "no drain of " + ", ".join(SIZES[size] for size in missing))
        found = [(point["most_mb_greatest"], f"at {at(point)}") for point in points]
        found += [(run["most_kb"] / 1024, "in the backlog") for runs in figures.kind("curve") for run in runs]
        return Found(*max(found))

    return of


def first_receive():
    def of(figures):
        found = {tls: figures.starts.get(("loginetl", True, tls)) for tls in (False, True)}
        if not found[False]:
            return Found(None, "no start")
        raw = f"{found[False]['cpu_us'] / 1000:.1f} ms of CPU"
        if found[True]:
            raw += f"; https: {found[True]['first_receive_ms']:.1f} ms"
        return Found(found[False]["first_receive_ms"], raw)

    return of


def idle():
    """The busier of http and https."""

    def of(figures):
        found = []
        for runs in figures.kind("idle"):
            scenario = runs[0]["scenario"]
            percent = summary.median([run["core_percent"] for run in runs])
            found.append((percent, f"{'https' if scenario['tls'] else 'http'} {percent:.4f} %"))
        if not found:
            return Found(None, "no idle service")
        return Found(max(percent for percent, _ in found), ", ".join(raw for _, raw in found))

    return of


def age(latency_ms):
    """p99 over the latency, at the rate at which it is greatest."""

    def of(figures):
        found = []
        for runs in figures.kind("age", latency_ms=latency_ms):
            p99 = summary.median([run["age_ms"]["p99"] for run in runs])
            found.append((p99 - latency_ms, f"{p99:.1f} ms at {runs[0]['scenario']['per_second']} messages a second"))
        if not found:
            return Found(None, "no ages")
        return Found(max(over for over, _ in found), "p99 " + ", ".join(raw for _, raw in found))

    return of


def last_tenth():
    """Its rate to the first one's, the median of runs."""

    def of(figures):
        run, kept = summary.backlog(figures.runs)
        if not run:
            return Found(None, "no backlog")
        (_, first, *_, first_mb), (_, last, *_, last_mb) = summary.ends(run)
        raw = (
            f"{run['messages']:,} messages: {first:,.0f}/s and {first_mb:.1f} MiB, then {last:,.0f}/s and {last_mb:.1f} MiB"
        )
        if len(kept) > 1:
            raw += f" ({kept[0]:.2f}–{kept[-1]:.2f} ×, runs: {len(kept)})"
        return Found(last / first if run["messages"] >= CURVE_MESSAGES else None, raw)

    return of


# ---------------------------------------------------------------------------------------------------------------------
# The goals


@dataclass(frozen=True)
class Goal:
    text: str
    measure: Callable
    limit: float
    unit: str
    digits: int = 1
    least: bool = False  # the limit is the least it must be, else the most it may be


GOALS = [
    Goal("CPU of a message", cpu(), 9, "µs", 2),
    Goal("CPU to that of floor_curl (no mask, signature, ledger)", share_of("floor_curl"), 0.85, "×", 2),
    Goal("CPU to that of floor_sockets (the same without libcurl)", share_of("floor_sockets"), 2, "×", 2),
    Goal("https more than http", more_with_tls(), 3, "µs", 2),
    Goal("CPU less than go's (no ledger)", times_less_than("go"), 9, "×", least=True),
    Goal("CPU less than bento's (no ledger)", times_less_than("bento"), 18, "×", least=True),
    Goal("CPU less than node's (no ledger)", times_less_than("node"), 60, "×", least=True),
    Goal("CPU less than python-single's (no ledger)", times_less_than("python-single"), 60, "×", least=True),
    Goal("20 ms, 128 receivers", rate(latency_ms=20, concurrency=128), 30_000, "messages/s", 0, least=True),
    Goal("20 ms, more receivers: exponent until a limit", least_exponent(20), LINEAR, "", 2, least=True),
    Goal("resident memory", memory(), 16, "MiB"),
    Goal("resident memory, https", memory(tls=True), 24, "MiB"),
    Goal("resident memory anywhere: the memory limit and 16", memory_anywhere(), MEMORY_LIMIT_MIB + 16, "MiB"),
    Goal("start to first receive, tables there", first_receive(), 40, "ms"),
    Goal("idle", idle(), 0.05, "% of a core", 4),
    Goal("age, p99, no latency", age(0), 10, "ms"),
    Goal("age, p99, 20 ms latency taken off once", age(20), 10, "ms"),
    Goal("ten million messages: last tenth's rate to the first's", last_tenth(), LEVEL, "×", 2, least=True),
]


def judge(goal, figures):
    """As it stands in the file of results. `met` is None when the run did not measure it; `by` is the share of the limit that
    there was to spare, or that it was missed by."""
    found = goal.measure(figures)
    verdict = {"goal": goal.text, "limit": goal.limit, "least": goal.least, "unit": goal.unit}
    verdict |= {"measured": None, "met": None, "by": None, "raw": found.raw}
    if found.value is not None:
        spare = (found.value - goal.limit if goal.least else goal.limit - found.value) / goal.limit
        verdict |= {"measured": round(found.value, 4), "met": spare >= 0, "by": round(abs(spare), 4)}
    return verdict


def verdicts(results):
    figures = Figures(results)
    return [judge(goal, figures) for goal in GOALS]


def rows(results):
    """Of a table for people: goal, what is wanted, what was measured, the verdict, what it comes from."""
    for goal, verdict in zip(GOALS, verdicts(results)):
        wanted = f"{'≥' if goal.least else '≤'} {goal.limit:,} {goal.unit}".rstrip()
        if verdict["met"] is None:
            yield goal.text, wanted, "–", "not measured", verdict["raw"]
            continue
        measured = f"{verdict['measured']:,.{goal.digits}f} {goal.unit}".rstrip()
        by = f"{100 * verdict['by']:.0f} %"
        yield goal.text, wanted, measured, f"met, by {by}" if verdict["met"] else f"**missed** by {by}", verdict["raw"]
