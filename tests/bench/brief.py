"""The handful of figures that somebody wants who has ten lines for them."""

import textwrap

import summary
from goals import Figures, limit_of
from scenarios import PEERS

WIDTH = 118


def joined(*parts):
    return "; ".join(part for part in parts if part)


def cpu_line(figures):
    point, secured = figures.point(), figures.point(tls=True)
    if not point:
        return ""
    floors = [(text, figures.point(name)) for text, name in (("libcurl", "floor_curl"), ("sockets", "floor_sockets"))]
    known = [f"{floor['cpu_us']:.1f} with bare {text}" for text, floor in floors if floor]
    line = f"{point['cpu_us']:.1f} µs of CPU a message" + ("" if point["start_known"] else ", its start in it")
    return joined(
        line + (f", {secured['cpu_us']:.1f} over https" if secured else ""),
        "floors without mask, signature, ledger: " + ", ".join(known) if known else "",
    )


def peers_line(figures):
    ours = figures.point()
    known = sorted((point["cpu_us"], name) for name in PEERS if (point := figures.point(name)))
    if not ours or not known:
        return ""
    told = (f"{name} {cost:,.0f} µs ({cost / ours['cpu_us']:.0f} ×)" for cost, name in known)
    return "others, without a ledger: " + ", ".join(told)


def rate_line(figures):
    near, far = figures.point(), figures.point(latency_ms=20, concurrency=128)
    return joined(
        near and f"{near['rate']:,.0f} messages a second (limit: {limit_of(near)})",
        far and f"{far['rate']:,.0f} at 20 ms a request and 128 receivers (limit: {limit_of(far)})",
    )


def far_line(figures):
    """As a queue of AWS's is: over https, and not near."""
    points = [figures.point(latency_ms=20, concurrency=receivers, tls=True) for receivers in (8, 32, 128)]
    known = [point for point in points if point]
    if not known:
        return ""
    told = (f"{point['concurrency']} receivers {point['rate']:,.0f} a second at {point['cpu_us']:.0f} µs" for point in known)
    return "over https at 20 ms a request: " + ", ".join(told)


def postgres_line(figures):
    points = [(figures.point(), "with the ledger"), (figures.point(ledger=False), "without")]
    known = [
        f"{point['postgres_us']:.1f} µs of CPU and {point['wal_bytes']:.0f} B of WAL {text}" for point, text in points if point
    ]
    return "PostgreSQL's share of a message: " + ", ".join(known) if known else ""


def requests_line(figures):
    point = figures.point()
    ages = {runs[0]["scenario"]["per_second"]: summary.requests(runs) for runs in figures.kind("age", latency_ms=20)}
    slow = [f"{each:.1f} at {rate} messages a second" for rate, each in sorted(ages.items()) if each is not None]
    return joined(point and f"{point['requests']:.2f} requests a message in a backlog", ", ".join(slow))


def memory_line(figures):
    point, secured = figures.point(), figures.point(tls=True)
    if not point:
        return ""
    large = [one for one in figures.points if one["program"] == "loginetl" and one["body_bytes"] == 64000]
    line = f"{point['most_mb_greatest']:.1f} MiB resident"
    line += f", {secured['most_mb_greatest']:.1f} over https" if secured else ""
    return line + (f", {max(one['most_mb_greatest'] for one in large):.1f} at most with 64 kB messages" if large else "")


def service_line(figures):
    start = figures.starts.get(("loginetl", True, False))
    idle = [summary.median([run["core_percent"] for run in runs]) for runs in figures.kind("idle")]
    ages = [summary.median([run["age_ms"]["p99"] for run in runs]) for runs in figures.kind("age", latency_ms=0)]
    return joined(
        start and f"first messages {start['first_receive_ms']:.0f} ms after the start",
        f"idle {max(idle):.3f} % of a core" if idle else "",
        f"99 of 100 logins committed within {max(ages):.1f} ms of arrival" if ages else "",
    )


def backlog_line(figures):
    run, kept = summary.backlog(figures.runs)
    if not run:
        return ""
    (_, first, *_), (_, last, *_, resident) = summary.ends(run)
    told = f"{run['messages']:,} messages in {run['seconds']:.0f} s, the first tenth at {first:,.0f} a second"
    told += f", the last at {last:,.0f} and with {resident:.0f} MiB"
    return told + (f" (the median of {len(kept)} runs)" if len(kept) > 1 else "")


LINES = (cpu_line, peers_line, rate_line, far_line, postgres_line, requests_line, memory_line, service_line, backlog_line)


def head(results, figures):
    machine = results["machine"]
    version = machine["postgresql"].replace("postgres (PostgreSQL)", "PostgreSQL").partition(" (")[0]
    where = f"{machine['processor']['cores']} × {machine['processor']['model']}, {version}, {results['date']}"
    return f"170-byte logins, 32 receivers, signed, with the ledger; {where}:"


def caveat(results, figures):
    cores, share = results["machine"]["processor"]["cores"], summary.disturbed(results["runs"])
    busy = f"The machine had other things to do, {share:.2f} processors' worth: the figures say little. " if share else ""
    point, without_fsync = figures.point(), results.get("postgres_settings", {}).get("fsync") == "off"
    return busy + (
        (f"CPU and rates are medians (of {point['runs']}), memory is the most of any run. " if point else "")
        + f"CPU is the worker's own. Rates are what worker, load server and PostgreSQL{' (without fsync)' * without_fsync} "
        f"reach together on these {cores} processors, over loopback: AWS's latency is in none of them."
    )


def lines(results):
    """As Markdown, without what was not measured."""
    figures = Figures(results)
    items = [f"- {item}" for item in (make(figures) for make in LINES) if item]
    wrapped = [textwrap.fill(item, WIDTH, subsequent_indent="  ", break_on_hyphens=False) for item in items]
    return [textwrap.fill(head(results, figures), WIDTH), "", *wrapped, "", textwrap.fill(caveat(results, figures), WIDTH)]
