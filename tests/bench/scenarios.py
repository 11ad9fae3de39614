"""What is measured: the only place that says so. A scenario is one point; a plan is a list of them."""

from dataclasses import dataclass, replace
from fnmatch import fnmatch
from itertools import product

SIZES = {170: "170B", 2000: "2kB", 64000: "64kB"}
LATENCIES = [0, 20]
CONCURRENCIES = [1, 8, 32, 128]

#: Where the programs are compared.
MAIN = {"body_bytes": 170, "concurrency": 32}

MEMORY_LIMIT_MIB = 64  # loginetl's --memory-limit

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

#: Messages a second that are expected of loginetl and the floors, without latency, by (bytes of a body, https).
RATES = {
    (170, False): 60_000,
    (170, True): 30_000,
    (2000, False): 40_000,
    (2000, True): 15_000,
    (64000, False): 3_500,
    (64000, True): 2_000,
}

#: Seconds that a drain should take: where programs are compared or a goal is measured, and at the other points.
SECONDS_MAIN = 4
SECONDS_ELSE = 2
SECONDS_HTTPS = 2  # times as many with small bodies: the handshakes are in it
MESSAGES_LEAST = 1000
MESSAGES_LEAST_MAIN = 2000  # a start is taken off, and is not the same each time

#: By latency: messages of a peer's drain, and how many a second are expected.
PEERS = {
    "go": {0: (20_000, 20_000), 20: (20_000, 10_000)},
    "bento": {0: (20_000, 5_000), 20: (20_000, 5_000)},
    "node": {0: (10_000, 2_500), 20: (10_000, 2_000)},
    "python-threads": {0: (5_000, 3_000), 20: (5_000, 1_500)},
    "python-single": {0: (5_000, 1_800), 20: (1_500, 210)},
}
PEERS_ELSE = PEERS["node"]

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

    @property
    def fills_memory(self):
        """Does it take so much memory that it counts where that comes from? Then the page cache is filled before it."""
        return self.kind == "curve" and self.messages >= CURVE_MESSAGES


#: What tells one drain from another.
POINT_KEYS = ["program", "body_bytes", "latency_ms", "concurrency", "ledger", "tls"]


def rate_for(program, body_bytes, latency_ms, concurrency, tls):
    """Messages a second that are expected: no receiver brings more than ten messages in a round trip."""
    if program != "loginetl" and program not in FLOORS:
        return PEERS.get(program, PEERS_ELSE)[latency_ms][1]
    rate = RATES[body_bytes, tls]
    return min(rate, concurrency * 10_000 // latency_ms) if latency_ms else rate


def messages_for(seconds, least, program, latency_ms, **point):
    if program != "loginetl" and program not in FLOORS:
        return PEERS.get(program, PEERS_ELSE)[latency_ms][0]
    return max(least, rate_for(program=program, latency_ms=latency_ms, **point) * seconds // 500 * 500)


def is_main(point):
    """Is this one of the points that programs are compared at, or that there are goals for?"""
    special = [point["concurrency"] != MAIN["concurrency"], not point["ledger"], point["tls"]]
    return point["body_bytes"] == MAIN["body_bytes"] and sum(special) <= 1


def drain(**parameters):
    scenario = Scenario("drain", **parameters)
    point = {key: getattr(scenario, key) for key in POINT_KEYS}
    seconds, least = (SECONDS_MAIN, MESSAGES_LEAST_MAIN) if is_main(point) else (SECONDS_ELSE, MESSAGES_LEAST)
    if scenario.tls and scenario.body_bytes == MAIN["body_bytes"]:
        seconds *= SECONDS_HTTPS
    del point["ledger"]
    return replace(scenario, messages=messages_for(seconds, least, **point))


def start(**parameters):
    return Scenario("start", messages=START_MESSAGES, **parameters)


def comparison(others, runs):
    """All programs at the main points, one after the other."""
    plan = [start(runs=runs)] + [start(program=name, ledger=False, runs=runs) for name in ["loginetl", *others]]
    for latency in LATENCIES:
        plan += [drain(latency_ms=latency, ledger=ledger, runs=runs, **MAIN) for ledger in (True, False)]
        plan += [drain(program=name, latency_ms=latency, ledger=False, runs=runs, **MAIN) for name in others]
    return plan


def quick(others, runs=3):
    """Minutes."""
    plan = comparison([name for name in others if name in FLOORS], runs)
    points = [{"concurrency": 1}, {"concurrency": 8}, {"tls": True}, {"body_bytes": 2000}, {"body_bytes": 64000}]
    points += [{"latency_ms": 20, "concurrency": receivers} for receivers in (1, 8, 128)]
    plan += [start(tls=True, runs=runs)] + [drain(runs=runs, **{**MAIN, **point}) for point in points]
    plan.append(Scenario("idle", seconds=20, runs=1))
    plan += [Scenario("age", latency_ms=latency, seconds=20, per_second=20, runs=1) for latency in LATENCIES]
    plan.append(Scenario("curve", messages=500_000, runs=1))
    plan.append(Scenario("instructions", messages=5_000, runs=1))
    return plan


def full(others, runs=5):
    """Everything. A point that stands here twice runs once, see selected()."""
    plan = comparison(others, runs)
    plan += [start(tls=True, ledger=ledger, runs=runs) for ledger in (True, False)]
    for tls, ledger, size, latency, receivers in product((False, True), (True, False), SIZES, LATENCIES, CONCURRENCIES):
        point = {"body_bytes": size, "latency_ms": latency, "concurrency": receivers, "ledger": ledger, "tls": tls}
        plan.append(drain(runs=runs, **point))
    plan += [Scenario("idle", seconds=40, tls=tls, runs=3) for tls in (False, True)]  # two long polls
    for latency, (rate, seconds) in product(LATENCIES, ((10, 40), (100, 20))):
        plan.append(Scenario("age", latency_ms=latency, seconds=seconds, per_second=rate, runs=3))
    plan.append(Scenario("instructions", messages=5_000, runs=3))
    plan.append(Scenario("curve", messages=CURVE_MESSAGES, runs=3))
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
    return list({scenario.name: scenario for scenario in wanted}.values())


def interleaved(plan):
    """Each scenario once, then each once more: so whatever the machine does meanwhile meets them alike. Programs at the same
    point follow each other, and who begins takes turns. Yields (run's number, scenario)."""
    for number in range(max((scenario.runs for scenario in plan), default=0)):
        turn = [scenario for scenario in plan if scenario.runs > number]
        if number % 2:
            turn.reverse()
        for scenario in turn:
            yield number, scenario
