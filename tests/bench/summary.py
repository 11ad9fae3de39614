"""Runs into points: medians of what one message took, and what set the limit."""

import statistics

from scenarios import POINT_KEYS, THREADED

OTHERS = "others"  # everything on the machine that has nothing to do with the run
OTHERS_ALLOWED = 0.1  # of a processor
CONNECTIONS = 2  # of loginetl and the peers to PostgreSQL: a statement has one processor at most


def median(values):
    known = [value for value in values if value is not None]
    return statistics.median(known) if known else None


def grouped(runs):
    """Runs that went well by scenario, in the order of their first appearance."""
    groups = {}
    for run in runs:
        if "error" not in run:
            groups.setdefault(run["name"], []).append(run)
    return groups


def failures(runs):
    """By scenario, in the order of first appearance, those with attempts that failed: (runs, runs that failed altogether,
    failed attempts, what was said first)."""
    found = {}
    for run in runs:
        was = found.get(run["name"], (0, 0, 0, None))
        failed = run.get("failed") or ([run["error"]] if "error" in run else [])
        first = was[3] or (failed[0].partition("\n")[0] if failed else None)
        found[run["name"]] = (was[0] + 1, was[1] + ("error" in run), was[2] + len(failed), first)
    return {name: each for name, each in found.items() if each[2]}


def start_key(scenario):
    """Of a scenario or a point."""
    return scenario["program"], scenario["ledger"], scenario["tls"]


def starts(groups):
    """Medians of what a start and a queue found empty take, by (program, ledger, tls). That is not a message's."""
    keys = ("cpu_us", "postgres_cpu_us", "server_cpu_us", "wal_bytes", "first_receive_ms", "most_kb")
    found = {}
    for runs in groups.values():
        scenario = runs[0]["scenario"]
        if scenario["kind"] == "start":
            found[start_key(scenario)] = {name: median([run[name] for run in runs]) for name in keys}
    return found


def per_message(run, start):
    """Figures of one drain, with the start taken off where it was measured."""
    count, seconds = run["messages"], run["seconds"]

    def each(name):
        return max(0.0, run[name] - start.get(name, 0)) / count

    return {
        "rate": count / seconds,
        "cpu_us": each("cpu_us"),
        "postgres_us": each("postgres_cpu_us"),
        "server_us": each("server_cpu_us"),
        "wal_bytes": each("wal_bytes"),
        "most_mb": run["most_kb"] / 1024,
        "first_receive_ms": run["first_receive_ms"],
        "requests": run["requests"] / count,
        "more_rows": run["rows"] - count,
    }


def requests(runs):
    """For each message, to the queue. None: the file is from before they were counted."""
    return median([run["requests"] / run["messages"] for run in runs if "requests" in run])


def others(runs):
    """Processors that something else used during runs. Files from before this was watched say nothing of it: none."""
    return median([run["others_cpu_us"] / 1e6 / run["watched_s"] for run in runs if "watched_s" in run]) or 0.0


def others_by_scenario(runs):
    return [others(group) for group in grouped(runs).values() if "watched_s" in group[0]]


def disturbed(runs):
    """Processors that something else used, as a rule; None when that was little enough, or nobody watched."""
    share = median(others_by_scenario(runs))
    return share if share and share > OTHERS_ALLOWED else None


def limit(point, cores):
    """What kept it from being faster: of the three, the one that had no more processor to use; else the queue's latency, when
    nearly all came that could; else the processors all together, and who had most of them, be it somebody else; else the
    latency, or the round trips one after the other."""
    use = {who: used for who, used in point["cores"].items() if who != OTHERS}
    full = {"worker": cores if point["program"] in THREADED else 1, "server": 1, "PostgreSQL": min(CONNECTIONS, cores)}
    for name in sorted(use, key=use.get, reverse=True):
        if use[name] >= 0.9 * full[name]:
            return name
    latency, receivers = point["latency_ms"], point["concurrency"]
    share = point["rate"] * latency / (receivers * 10_000)  # of what can come
    if share >= 0.9:
        return "latency"
    everybody = point["cores"]
    if sum(everybody.values()) >= 0.9 * cores:
        return f"processors ({max(everybody, key=everybody.get)})"
    return "latency" if share >= 0.75 else "round trips"


def drains(runs, cores):
    """The points of all drains."""
    groups = grouped(runs)
    begun = starts(groups)
    points = []
    for name, group in groups.items():
        scenario = group[0]["scenario"]
        if scenario["kind"] != "drain":
            continue
        start = begun.get(start_key(scenario), {})
        figures = [per_message(run, start) for run in group]
        point = {"name": name, "runs": len(group), **{key: scenario[key] for key in POINT_KEYS}}
        point |= {key: median([one[key] for one in figures]) for key in figures[0]}
        point["start_known"] = bool(start)
        point["most_mb_greatest"] = max(one["most_mb"] for one in figures)
        point["failed"] = sum(len(run.get("failed", [])) for run in runs if run["name"] == name)
        point["cpu_us_range"] = [min(one["cpu_us"] for one in figures), max(one["cpu_us"] for one in figures)]
        shares = {"worker": "cpu_us", "server": "server_us", "PostgreSQL": "postgres_us"}
        point["cores"] = {who: point[key] * point["rate"] / 1e6 for who, key in shares.items()}
        point["cores"][OTHERS] = others(group)
        point["limit"] = limit(point, cores)
        points.append(point)
    return points


def stretch(before, after):
    """What lies between two of a curve's samples: million messages at the middle, messages a second, CPU µs a message of
    worker and PostgreSQL, resident MiB at its end. None when nothing does."""
    done, seconds = after[1] - before[1], after[0] - before[0]
    if done <= 0 or seconds <= 0:
        return None
    worker, postgres = (after[2] - before[2]) / done, (after[4] - before[4]) / done
    return [(after[1] + before[1]) / 2e6, done / seconds, worker, postgres, after[3] / 1024]


def under_way(curve):
    """The samples before the last message."""
    return [sample for sample in curve["samples"] if sample[1] < curve["messages"]]


def windows(curve, count=100):
    """A curve's samples as stretches."""
    samples = under_way(curve)
    step = max(1, len(samples) // count)
    found = (stretch(before, after) for before, after in zip(samples[::step], samples[step::step]))
    return [row for row in found if row]


def ends(curve):
    """The first and the last tenth as stretches: all the time that their messages took, with whatever held them up. The first
    hundredth, in which receivers are added, is left out. None when there are too few samples."""
    samples, total = under_way(curve), curve["messages"]
    first = [sample for sample in samples if sample[1] < 0.1 * total]
    rest = samples[len(first) :]
    earlier = [sample for sample in samples if sample[1] < 0.9 * total]
    if not first or not rest:
        return None
    begin = next((sample for sample in first if sample[1] >= 0.01 * total), first[-1])
    found = [stretch(begin, rest[0]), stretch(earlier[-1], samples[-1])]
    return found if all(found) else None


def kept(curve):
    """The last tenth's rate to the first one's. None when there are too few samples."""
    found = ends(curve)
    return found and found[1][1] / found[0][1]


def backlog(runs):
    """Of the curves of the most messages the one that is their median by what it kept of its rate, of an even number the
    worse of the two in the middle; and what each of them kept, from the least on. (None, []) without such a curve."""
    curves = [run for run in runs if run["scenario"]["kind"] == "curve" and "error" not in run and ends(run)]
    most = max((run["messages"] for run in curves), default=0)
    ordered = sorted((run for run in curves if run["messages"] == most), key=kept)
    return ordered[(len(ordered) - 1) // 2] if ordered else None, [kept(run) for run in ordered]
