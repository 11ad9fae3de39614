"""How long a scenario's run will take: plain numbers, seconds on two processors that have nothing else to do."""

import page_cache
from scenarios import FLOORS, rate_for

#: Of a drain, what is before its first message and behind its last: database and server anew, the program's start, and that
#: it finds the queue empty, which loginetl does with a long poll of a second and the peers in two.
AROUND = {"loginetl": 1.3, "go": 2.4, "bento": 2.4, "node": 2.9, "python-single": 2.9, "python-threads": 2.9}
AROUND_FLOORS = 0.4
AROUND_ELSE = 3.0

IDLE_AROUND = 6.5  # five of them are waited before
AGE_AROUND = 1.5
CURVE_RATE = 100_000
CURVE_AROUND = 6.0  # ten million rows are counted and dropped
FILL_S_PER_GB = 2.0  # of page cache, in memory that a host has to give, on the slowest machine seen
INSTRUCTIONS = 13.0  # two drains under callgrind
BEFORE = 5.0  # a PostgreSQL, and another one
AFTER = 2.0  # page and plots


def of_run(scenario):
    if scenario.kind == "idle":
        return scenario.seconds + IDLE_AROUND
    if scenario.kind == "age":
        return scenario.seconds + AGE_AROUND
    if scenario.kind == "curve":
        filling = FILL_S_PER_GB * page_cache.size_wanted() / 1e9 if scenario.fills_memory else 0.0
        return scenario.messages / CURVE_RATE + CURVE_AROUND + filling
    if scenario.kind == "instructions":
        return INSTRUCTIONS * scenario.messages / 5_000
    around = AROUND_FLOORS if scenario.program in FLOORS else AROUND.get(scenario.program, AROUND_ELSE)
    if scenario.kind == "start":
        return around
    point = (scenario.program, scenario.body_bytes, scenario.latency_ms, scenario.concurrency, scenario.tls)
    return scenario.messages / rate_for(*point) + around


def lines(plan):
    """Of each scenario: how often it runs, its name, its messages, and seconds."""
    for scenario in plan:
        each = of_run(scenario)
        messages = f"{scenario.messages:,}" if scenario.messages else f"{scenario.seconds} s"
        yield f"{scenario.runs} × {scenario.name:51} {messages:>11} {each:7.1f} s each {scenario.runs * each:7.0f} s"
    yield f"{sum(scenario.runs for scenario in plan)} runs, about {total(plan):.0f} s: {total(plan) / 60:.0f} minutes"


def total(plan):
    return BEFORE + AFTER + sum(scenario.runs * of_run(scenario) for scenario in plan)
