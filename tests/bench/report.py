"""The results for people: a page of tables."""

import brief
import goals
import summary
from scenarios import SIZES

LIMITS = """`limit` is what kept a run from being faster: the worker, the load server or PostgreSQL, when it had no more
processor to use (one for each of the first two, two for PostgreSQL's two connections); `processors (X)`, when all of them
were busy, X most (`others` is whatever else ran meanwhile); `latency`, when receivers times ten messages a round trip were
all that could come; `round trips`, when each of the three waited for another."""

STEPS = """An exponent of 1 is a rate that grows as the number of receivers does."""
STEPS_HEAD = "receivers: messages/s, then × the rate before, exponent (limit)"


def table(head, rows):
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    return "\n".join(lines + ["| " + " | ".join(str(cell) for cell in row) + " |" for row in rows])


def number(value, digits=1):
    return "–" if value is None else f"{value:,.{digits}f}"


GOALS = """The release build, 170-byte logins, 32 receivers, no latency, http, signed, with the ledger, all on one machine's
loopback, unless a goal says otherwise. CPU and rates are medians of runs (their range in brackets), memory is the most of any
run. The last column is what a figure was made of."""


def goal_lines(results):
    yield GOALS
    if (build := results.get("build", "Release")) != "Release":
        yield f"**This was a {build} build**, which the goals do not speak of."
    if share := summary.disturbed(results["runs"]):
        yield f"**The machine had other things to do**, {share:.2f} processors' worth: such figures say little."
    yield ""
    yield table(["goal", "wanted", "measured", "", "from"], goals.rows(results))


def machine_lines(results):
    machine = results["machine"]
    processor = machine["processor"]
    settings = ", ".join(f"{name} = {value}" for name, value in results.get("postgres_settings", {}).items())
    flags = ", ".join(processor["flags"]) or "none of note"
    return [
        f"- {processor['cores']} × {processor['model']} ({flags}), {machine['memory_mb']:,} MB, {machine['system']}, "
        f"Linux {machine['kernel']}; load before: {machine['load_before']:.2f}",
        f"- {machine['postgresql']}; " + ", ".join(f"{name} {version}" for name, version in machine["packages"].items()),
        *([f"- PostgreSQL's settings: {settings}"] if settings else []),
        "- " + ", ".join(f"{name}: {version}" for name, version in machine["toolchains"].items()),
        f"- commit {machine['commit'] or 'unknown: there is no git'}" + (" with changes" if machine["changed"] else ""),
    ]


def run_lines(results):
    """Whether all has run, in one go, and alone."""
    if shares := summary.others_by_scenario(results["runs"]):
        yield f"- others used {summary.median(shares):.2f} processors meanwhile, {max(shares):.2f} at the worst point"
    for part in results.get("resumed", []):
        yield f"- interrupted after {part['after_runs']} runs; gone on {part['date']}, load before: {part['load_before']:.2f}"
    if took := sum(run.get("took_s", 0) for run in results["runs"]):
        yield f"- {len(results['runs'])} runs, {took / 60:.1f} minutes"
    done, planned = len(results["runs"]), results.get("planned", 0)
    if done < planned:
        yield f"- **not complete**: {done} of {planned} runs"


def cpu(point):
    low, high = point["cpu_us_range"]
    start = "" if point["start_known"] else ", its start in it"
    return f"{number(point['cpu_us'])} ({number(low)}–{number(high)}{start})"


def cores(point):
    return " + ".join(f"{used:.2f}" for used in point["cores"].values())


def comparison(results, points):
    """All programs at the main points; the smallest figure of loginetl's with the ledger is 1."""
    begun = summary.starts(summary.grouped(results["runs"]))
    mains = [p for p in points if p["body_bytes"] == 170 and p["concurrency"] == 32 and not p["tls"]]
    ours = {p["latency_ms"]: p for p in mains if p["program"] == "loginetl" and p["ledger"]}
    rows = []
    for point in sorted(mains, key=lambda p: (p["latency_ms"], p["cpu_us"])):
        program = point["program"]
        own = ours.get(point["latency_ms"])
        start = begun.get(summary.start_key(point), {})
        size = results["sizes"].get(program)
        name = program + (", ledger" if point["ledger"] else "")
        rows.append(
            [
                name,
                f"{point['latency_ms']} ms",
                cpu(point),
                number(point["cpu_us"] / own["cpu_us"]) + " ×" if own and own["cpu_us"] else "–",
                number(point["rate"], 0),
                number(point["most_mb_greatest"]),
                number(start.get("first_receive_ms")),
                number(start["cpu_us"] / 1000) if start else "–",
                "–" if size is None else size,
                number(point["postgres_us"]),
                number(point["wal_bytes"], 0),
                number(point["more_rows"], 0),
                point["failed"],
                point["limit"],
            ]
        )
    head = ["program", "latency", "CPU µs/message (range)", "to loginetl", "messages/s", "max RSS MiB", "ms to first receive"]
    head += ["ms CPU of a start", "size MB", "PostgreSQL µs/message", "WAL B/message", "rows twice"]
    head += ["failed attempts", "limit"]
    return table(head, rows)


def matrix(points):
    rows = []
    own = [point for point in points if point["program"] == "loginetl"]
    for point in sorted(
        own, key=lambda p: (p["tls"], not p["ledger"], p["body_bytes"], p["latency_ms"], p["concurrency"])
    ):
        rows.append(
            [
                "https" if point["tls"] else "http",
                "yes" if point["ledger"] else "no",
                SIZES[point["body_bytes"]],
                point["latency_ms"],
                point["concurrency"],
                cpu(point),
                number(point["rate"], 0),
                number(point["most_mb_greatest"]),
                number(point["postgres_us"]),
                number(point["wal_bytes"], 0),
                number(point["requests"], 2),
                number(point["server_us"]),
                cores(point),
                point["limit"],
            ]
        )
    head = ["", "ledger", "body", "latency ms", "receivers", "CPU µs/message (range)", "messages/s", "max RSS MiB"]
    head += ["PostgreSQL µs/message", "WAL B/message", "requests/message", "server µs/message"]
    head += ["cores: worker + server + PostgreSQL + others", "limit"]
    return table(head, rows)


def receiver_rows(points):
    """What more receivers bring: a row for each of loginetl's points but for their number."""
    lines = {}
    for point in points:
        if point["program"] == "loginetl":
            key = point["tls"], not point["ledger"], point["body_bytes"], point["latency_ms"]
            lines.setdefault(key, []).append(point)
    rows = []
    for (tls, bare, size, latency), line in sorted(lines.items()):
        first = min(line, key=lambda point: point["concurrency"])
        cells = [f"{first['concurrency']}: {number(first['rate'], 0)} ({first['limit']})"]
        for _, many, ratio, exponent in goals.steps(line):
            cells.append(f"{many['concurrency']}: × {ratio:.2f}, {exponent:.2f} ({many['limit']})")
        rows.append(["https" if tls else "http", "no" if bare else "yes", SIZES[size], latency, "; ".join(cells)])
    return [row for row in rows if ";" in row[-1]]


def failure_table(failures):
    rows = []
    for name, (runs, lost, attempts, first) in failures.items():
        rows.append([name, runs, attempts, f"**{lost}**" if lost else 0, first[:200].replace("|", "/")])
    return table(["scenario", "runs", "failed attempts", "failed runs", "the first said"], rows)


def idle_lines(groups):
    for runs in groups:
        percent = summary.median([run["core_percent"] for run in runs])
        woken = summary.median([run["wakeups_a_second"] for run in runs])
        scenario = runs[0]["scenario"]
        yield (
            f"- Idle, {'https' if scenario['tls'] else 'http'}: {percent:.4f} % of a core, {woken:.1f} wake-ups a second, "
            f"{number(summary.median([run['most_kb'] / 1024 for run in runs]))} MiB ({scenario['seconds']} s)"
        )


def age_table(groups):
    rows = []
    for runs in groups:
        scenario = runs[0]["scenario"]
        ages = {key: summary.median([run["age_ms"][key] for run in runs]) for key in runs[0]["age_ms"]}
        over = ages["p99"] - scenario["latency_ms"]
        cells = [*(number(age) for age in ages.values()), number(over), number(summary.requests(runs), 2)]
        rows.append([scenario["latency_ms"], scenario["per_second"], *cells])
    head = ["latency ms", "messages/s", "p50 ms", "p90", "p99", "p99.9", "max", "p99 over the latency", "requests/message"]
    return table(head, rows)


WHO = """python-single is boto3 and psycopg2 in one thread, python-threads the same in eight threads, node is sqs-consumer and pg, go is
aws-sdk-go-v2 and pgx with 32 receivers, bento is Bento. floor_curl and floor_sockets receive, insert and delete, and do
nothing else."""

FILLED = """Before such a drain all free memory is filled with page cache: a virtual machine may have to ask its host for memory
that is free, and what a drain asks for takes longer than what it finds."""


def curve_lines(runs):
    """What there is of one run; of several each line says of which, and which one stands for all."""
    several, rows = len(runs) > 1, []
    for at, run in enumerate(runs, 1):
        told = f"- Run {at}: " if several else ""
        told += f"{run['messages']:,} messages in {run['seconds']:.1f} s; the ledger has {run['ledger_bytes'] / 1e6:,.0f} MB"
        if (filled := run.get("page_cache_filled_mb")) is not None:
            told += f"; the page cache had been filled with {filled:,} MiB more"
        yield f"{told}."
        for name, end in zip(("first tenth", "last tenth"), summary.ends(run) or ()):
            rows.append([f"run {at}, {name}" if several else name, number(end[1], 0), *(number(each) for each in end[2:])])
    if any("page_cache_filled_mb" in run for run in runs):
        yield ""
        yield FILLED
    if rows:
        yield ""
        yield table(["", "messages/s", "CPU µs/message", "PostgreSQL µs/message", "RSS MiB"], rows)
    median, kept = summary.backlog(runs)
    if len(kept) > 1:
        yield ""
        yield (
            f"The last tenth's rate to the first's is {summary.kept(median):.2f} in run {runs.index(median) + 1}, the median of "
            f"{', '.join(f'{each:.2f}' for each in kept)}: goal, ten lines and plot are of that run."
        )


def instruction_lines(runs):
    for run in runs[:1]:
        total = summary.median([one["instructions"] for one in runs])
        yield f"{number(total, 0)} instructions a message (callgrind, all libraries), of which:"
        yield ""
        yield table(["in", "instructions a message"], [[k, number(v, 0)] for k, v in run["by_object"].items() if v >= 10])


def page(results, stem, plots):
    points = summary.drains(results["runs"], results["machine"]["processor"]["cores"])
    groups = summary.grouped(results["runs"])
    kinds = {}
    for runs in groups.values():
        kinds.setdefault(runs[0]["scenario"]["kind"], []).append(runs)
    parts = [f"# What a message costs, {results['date']}", "", "## Goals", "", *goal_lines(results)]
    parts += ["", "## In short", "", *brief.lines(results), "", "## Where and how", "", f"`{results['command']}`", ""]
    parts += [*machine_lines(results), *run_lines(results)]
    if failed := summary.failures(results["runs"]):
        parts += ["", "## Failed attempts", "", "They count nowhere. A run is tried three times.", "", failure_table(failed)]
    if points:
        counts = " or ".join(sorted({str(point["runs"]) for point in points}))
        parts += ["", "## Programs side by side", "", "170-byte logins, 32 receivers, http, signed. CPU is the"]
        parts += [f"process's own (getrusage), without its start; medians of {counts} runs."]
        parts += ["", WHO, "", comparison(results, points), "", "## loginetl at every point", "", LIMITS, "", matrix(points)]
        if steps := receiver_rows(points):
            parts += ["", "## More receivers", "", STEPS, "", table(["", "ledger", "body", "latency ms", STEPS_HEAD], steps)]
    if "idle" in kinds or "age" in kinds:
        parts += ["", "## Little to do", ""]
        parts += [*idle_lines(kinds.get("idle", []))]
    if "age" in kinds:
        parts += ["", "From SentTimestamp to commit (it is cut to the millisecond, so up to 1 ms too much):", ""]
        parts += [age_table(kinds["age"])]
    if "curve" in kinds:
        parts += ["", "## A large backlog", "", *(line for runs in kinds["curve"] for line in curve_lines(runs))]
    if "instructions" in kinds:
        parts += ["", "## Instructions", "", *(line for runs in kinds["instructions"] for line in instruction_lines(runs))]
    if plots:
        parts += ["", "## Plots", "", *(f"![{name}]({stem}-{name}.svg)" for name in plots)]
    return "\n".join(parts) + "\n"
