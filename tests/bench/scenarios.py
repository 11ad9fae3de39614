"""What is measured: the only place that says so. A scenario is one point; a plan is a list of them."""

from dataclasses import dataclass, replace
from fnmatch import fnmatch
from itertools import product

SIZES = {170: "170B", 2000: "2kB", 64000: "64kB"}
LATENCIES = [0, 20]
CONCURRENCIES = [1, 8, 32, 128]

#: Where the programs are compared.
MAIN = {"body_bytes": 170, "concurrency": 32}

FLOORS = ["floor_sockets", "floor_curl"]  # how cheap it can be: no masks, no signature, no ledger
LARGE_PEERS = ["bento"]  # only when asked for
THREADED = ["go", "bento"]  # those that can use more than one processor

#: PostgreSQL, the same for every program. Without fsync a commit costs no time of the disk's, which is another one on each
#: machine, and with full_page_writes the WAL has the size it has elsewhere.
POSTGRES = {
    "fsync": "off",
    "synchronous_commit": "on",
    "full_page_writes": "on",
    "shared_buffers": "1GB",
    "max_wal_size": "8GB",
    "checkpoint_timeout": "30min",
    "autovacuum_naptime": "1min",
}

#: Messages a second that may be expected at most: how many make a run of some seconds.
RATES = {170: 60_000, 2000: 30_000, 64000: 2_500}
PEER_MESSAGES = {"python-single": 5_000, "python-threads": 10_000}
PEER_MESSAGES_ELSE = 20_000
FLOOR_MESSAGES = 200_000
START_MESSAGES = 10
CURVE_MESSAGES = 10_000_000


@dataclass(frozen=True)
class Scenario:
    """kind: drain, from a filled queue until it is empty · start, the same with a single answer: what a start costs ·
    idle, a service with nothing to do · age, a service with few messages a second · curve, a drain watched all along ·
    instructions, two drains under callgrind."""

    kind: str
    program: str = "loginetl"
    body_bytes: int = 170
    latency_ms: int = 0
    concurrency: int = 32
    ledger: bool = True
    tls: bool = False
    messages: int = 0
    seconds: int = 0  # idle, age
    per_second: int = 0  # age
    runs: int = 5

    @property
    def name(self):
        words = [self.kind, self.program, SIZES[self.body_bytes], f"{self.latency_ms}ms", f"c{self.concurrency}"]
        words += ["ledger" if self.ledger else "no-ledger", "https" if self.tls else "http"]
        return "/".join(words + [f"{self.per_second}-a-second"] * (self.per_second > 0))


#: What tells one drain from another.
POINT_KEYS = ["program", "body_bytes", "latency_ms", "concurrency", "ledger", "tls"]


def messages_for(seconds, body_bytes, latency_ms, concurrency):
    """For about so many seconds: no receiver brings more than ten messages in a round trip."""
    rate = RATES[body_bytes]
    if latency_ms > 0:
        rate = min(rate, concurrency * 10_000 // latency_ms)
    return max(1000, rate * seconds // 1000 * 1000)


def drain(seconds, **parameters):
    scenario = Scenario("drain", **parameters)
    messages = messages_for(seconds, scenario.body_bytes, scenario.latency_ms, scenario.concurrency)
    return replace(scenario, messages=messages)


def start(**parameters):
    return Scenario("start", messages=START_MESSAGES, **parameters)


def comparison(others, seconds, runs):
    """All programs at the main points, one after the other."""
    plan = [start(runs=runs)] + [start(program=name, ledger=False, runs=runs) for name in ["loginetl", *others]]
    for latency in LATENCIES:
        plan += [drain(seconds, latency_ms=latency, ledger=ledger, runs=runs, **MAIN) for ledger in (True, False)]
        for name in others:
            messages = FLOOR_MESSAGES if name in FLOORS else PEER_MESSAGES.get(name, PEER_MESSAGES_ELSE)
            plan.append(
                Scenario("drain", program=name, latency_ms=latency, ledger=False, messages=messages, runs=runs, **MAIN)
            )
    return plan


def quick(others, seconds=3, runs=3):
    """Minutes."""
    plan = comparison([name for name in others if name in FLOORS], seconds, runs)
    points = [{"concurrency": 1}, {"concurrency": 8}, {"tls": True}, {"body_bytes": 2000}, {"body_bytes": 64000}]
    plan += [start(tls=True, runs=runs)] + [drain(seconds, runs=runs, **{**MAIN, **point}) for point in points]
    plan.append(Scenario("idle", seconds=20, runs=1))
    plan += [Scenario("age", latency_ms=latency, seconds=20, per_second=20, runs=1) for latency in LATENCIES]
    plan.append(Scenario("curve", messages=500_000, runs=1))
    plan.append(Scenario("instructions", messages=5_000, runs=1))
    return plan


def full(others, seconds=4, runs=5):
    """Everything. A point that stands here twice runs once, see selected()."""
    plan = comparison(others, seconds, runs)
    plan += [start(tls=True, ledger=ledger, runs=runs) for ledger in (True, False)]
    for tls, ledger, size, latency, receivers in product((False, True), (True, False), SIZES, LATENCIES, CONCURRENCIES):
        point = {"body_bytes": size, "latency_ms": latency, "concurrency": receivers, "ledger": ledger, "tls": tls}
        plan.append(drain(seconds, runs=runs, **point))
    plan += [Scenario("idle", seconds=120, tls=tls, runs=3) for tls in (False, True)]
    for latency, rate in product(LATENCIES, (10, 100)):
        plan.append(Scenario("age", latency_ms=latency, seconds=60, per_second=rate, runs=3))
    plan.append(Scenario("instructions", messages=5_000, runs=3))
    plan.append(Scenario("curve", messages=CURVE_MESSAGES, runs=1))
    return plan


def selected(plan, only, messages, runs):
    """The plan as the command line wants it."""
    exact = any(scenario.name == only for scenario in plan)
    pattern = only if exact or any(char in only for char in "*?[") else f"*{only}*"
    wanted = [scenario for scenario in plan if fnmatch(scenario.name, pattern)]
    if messages:
        sized = ("drain", "curve", "instructions")
        wanted = [replace(scenario, messages=messages) if scenario.kind in sized else scenario for scenario in wanted]
    if runs:
        wanted = [replace(scenario, runs=runs) for scenario in wanted]
    return list(dict.fromkeys(wanted))


def interleaved(plan):
    """Each scenario once, then each once more: so whatever the machine does meanwhile meets them alike. Programs at the same
    point follow each other, and who begins takes turns. Yields (run's number, scenario)."""
    for number in range(max((scenario.runs for scenario in plan), default=0)):
        turn = [scenario for scenario in plan if scenario.runs > number]
        if number % 2:
            turn.reverse()
        for scenario in turn:
            yield number, scenario
