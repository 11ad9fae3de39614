"""One run of one scenario: what was measured, as a dict."""

import re
import statistics
import subprocess
import time
from collections import namedtuple
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from pathlib import Path

from lib.postgres import Cluster, Database
from lib.processes import wait_until

import estimate
import page_cache
import scenarios
from processes import Child, Server, cpu_ns, family_cpu_us, machine_cpu_us, resident_kb, wakeups

Certificate = namedtuple("Certificate", "cert key")

CURVE_SAMPLES = 600  # about; never more than two a second


class RunFailed(Exception):
    """A program did not do what it should have: its figures would mean nothing."""


def make_certificate(folder):
    """A certificate that signs itself, as a file that clients can trust."""
    made = Certificate(folder / "cert.pem", folder / "key.pem")
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "30", "-subj", "/CN=bench"]
    command += ["-addext", "subjectAltName=IP:127.0.0.1", "-keyout", made.key, "-out", made.cert]
    subprocess.run(command, check=True, capture_output=True)
    return made


class World:
    """PostgreSQL, and what every run needs."""

    def __init__(self, folder, programs):
        self.folder = Path(folder)
        self.programs = programs
        self.cluster = Cluster(folder, **scenarios.POSTGRES)
        self.certificate = make_certificate(self.folder)
        self.schema = subprocess.run(
            [programs.path("loginetl"), "schema"], check=True, capture_output=True, text=True
        ).stdout
        self.number = 0
        self._dated = None

    def dated(self):
        """Another PostgreSQL, which remembers when each transaction was committed."""
        self._dated = self._dated or Cluster(self.folder, **scenarios.POSTGRES, track_commit_timestamp="on")
        return self._dated

    def stop(self):
        for cluster in (self.cluster, self._dated):
            if cluster:
                cluster.stop()

    @contextmanager
    def place(self, scenario, cluster=None):
        """A fresh database with the schema in it, and a fresh server; gone afterwards."""
        cluster = cluster or self.cluster
        self.number += 1
        database = Database(cluster, f"bench-{self.number}")
        server = None
        try:
            database.execute(self.schema)
            server = Server(
                self.programs.path("server"),
                self.folder,
                scenario,
                self.number,
                self.certificate if scenario.tls else None,
            )
            with cluster.connect() as connection:
                connection.execute("CHECKPOINT")  # not in the middle of the run, if it is short
            yield database, server
        finally:
            if server:
                server.stop()
            database.drop()

    def start(self, scenario, database, server, drain=True, under=()):
        trust = self.certificate if scenario.tls else None
        command, env = self.programs.start(scenario, server, database, self.folder, drain, trust)
        return Child([*under, *command], env, self.folder)


def wal_bytes(database):
    return int(database.value("SELECT pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '0/0')"))


class Surroundings:
    """What PostgreSQL and the load server have used since this was made."""

    def __init__(self, database, server):
        self.database, self.server = database, server
        self.postmaster = database.cluster.process.pid
        self.before, self.begun = self._now(), (time.monotonic(), machine_cpu_us())

    def _now(self):
        return family_cpu_us(self.postmaster), self.server.stats()["cpu_us"], wal_bytes(self.database)

    def used(self):
        now = self._now()
        return dict(zip(("postgres_cpu_us", "server_cpu_us", "wal_bytes"), (b - a for a, b in zip(self.before, now))))

    def others(self, worker_us):
        """What everything else on the machine has used meanwhile, of which a bench wants nothing, and in how long."""
        seconds, machine_us = time.monotonic() - self.begun[0], machine_cpu_us() - self.begun[1]
        used = self.used()
        known_us = worker_us + used["postgres_cpu_us"] + used["server_cpu_us"]
        return {"others_cpu_us": max(0, machine_us - known_us), "watched_s": round(seconds, 3)}


def patience(scenario):
    """Seconds after which an attempt has failed: what it should take many times over, for the machine may be a slow one."""
    return 60 + 20 * estimate.of_run(scenario)


def check_drained(world, scenario, database, stats, child):
    """Everything is in the table and out of the queue; loginetl stores nothing twice."""
    rows = database.count()
    said = f"{scenario.name}: status {child.status}, {rows} rows, {stats}\n{child.process.tail()}"
    if child.status != 0 or stats["deleted"] != scenario.messages or rows < scenario.messages:
        raise RunFailed(f"not everything was drained: {said}")
    if scenario.program == "loginetl" and rows != scenario.messages:
        raise RunFailed(f"something was stored twice: {said}")
    return rows


def drain(world, scenario, under=()):
    """From the start of the program until it has found the queue empty."""
    with world.place(scenario) as (database, server):
        around = Surroundings(database, server)
        child = world.start(scenario, database, server, under=under)
        try:
            child.wait(patience(scenario))
        finally:
            child.stop()
        wait_until(lambda: database.connections() == 0, "the end of the worker's connections")
        stats = server.stats()
        rows = check_drained(world, scenario, database, stats, child)
        result = {
            "messages": scenario.messages,
            "rows": rows,
            "seconds": (stats["last_delete_ns"] - stats["first_receive_ns"]) / 1e9,
            "first_receive_ms": round((stats["first_receive_ns"] - child.begun_ns) / 1e6, 2),
            "cpu_us": child.cpu_us,
            "system_us": child.system_us,
            "most_kb": child.most_kb,
            "requests": stats["requests"],
            "redelivered": stats["redelivered"],
            **around.used(),
            **around.others(child.cpu_us),
        }
    return result


@contextmanager
def service(world, scenario, cluster=None):
    """A running service that has done what there was: a few messages, so that nobody waits for the end of a long poll."""
    with world.place(replace(scenario, messages=scenarios.START_MESSAGES), cluster) as (database, server):
        child = world.start(scenario, database, server, drain=False)
        try:
            first = scenarios.START_MESSAGES
            wait_until(lambda: server.stats()["deleted"] == first or child.poll(), child.process.tail, 60)
            if child.poll():
                raise RunFailed(f"{scenario.name}: it has ended\n{child.process.tail()}")
            yield database, server, child
            child.process.send_signal(15)
            child.wait(60)
        finally:
            child.stop()


def idle(world, scenario):
    """A service beside an empty queue, some seconds after its start."""
    with service(world, scenario) as (_, server, child):
        time.sleep(5)  # what a start leaves to do is done: this measures, it tests nothing
        receives, cpu, slept = server.stats()["receives"], cpu_ns(child.pid), wakeups(child.pid)
        begun = time.monotonic()
        time.sleep(scenario.seconds)
        used, woken, seconds = cpu_ns(child.pid) - cpu, wakeups(child.pid) - slept, time.monotonic() - begun
        return {
            "seconds": seconds,
            "cpu_us": used / 1000,
            "core_percent": 100 * used / 1e9 / seconds,
            "wakeups_a_second": woken / seconds,
            "receives": server.stats()["receives"] - receives,
            "most_kb": resident_kb(child.pid),
        }


AGES = """SELECT extract(epoch FROM pg_xact_commit_timestamp(xmin) - sent_at)::float8 * 1000 FROM loginetl_ledger
    WHERE sent_at >= %s"""
NOW = "SELECT date_trunc('milliseconds', clock_timestamp())"  # as SentTimestamp


def age(world, scenario):
    """From a message's SentTimestamp to the commit of its row, as PostgreSQL dates it. SentTimestamp leaves out what is
    below a millisecond, so that an age is up to one too long."""
    with service(world, scenario, world.dated()) as (database, server, _):
        begun, requests = database.value(NOW), server.stats()["requests"]
        server.rate(scenario.per_second)
        time.sleep(scenario.seconds)
        server.rate(0)

        def settled():
            stats = server.stats()
            return stats["deleted"] == stats["messages"] and stats

        stats = wait_until(settled, lambda: f"all messages' end: {server.stats()}", 60)
        ages = sorted(row[0] for row in database.fetch(AGES, begun))
        if len(ages) != stats["deleted"] - scenarios.START_MESSAGES or len(ages) < 20:
            raise RunFailed(f"{scenario.name}: {len(ages)} in the ledger, {stats}")
        cuts = statistics.quantiles(ages, n=1000, method="inclusive")
        return {
            "messages": len(ages),
            "requests": stats["requests"] - requests,
            "age_ms": {"p50": cuts[499], "p90": cuts[899], "p99": cuts[989], "p99.9": cuts[998], "max": ages[-1]},
        }


LEDGER_SIZE = "SELECT sum(pg_total_relation_size(relid)) FROM pg_partition_tree('loginetl_ledger')"


def memory_used_before(world, scenario):
    """Gives how many MiB of page cache were filled; None when the scenario takes so little that none were."""
    return page_cache.filled(world.folder, page_cache.size_wanted()) if scenario.fills_memory else nullcontext()


def curve(world, scenario):
    """A drain, and where it was each second or so: seconds, messages deleted, CPU of worker, server and PostgreSQL so far,
    resident kB, WAL so far."""
    pause = max(0.5, scenario.messages / 30_000 / CURVE_SAMPLES)
    samples = []
    with world.place(scenario) as (database, server), memory_used_before(world, scenario) as filled_mb:
        around = Surroundings(database, server)
        child = world.start(scenario, database, server)

        def sample():
            """False when the program has ended meanwhile."""
            try:
                cpu, memory = cpu_ns(child.pid) // 1000, resident_kb(child.pid, "VmRSS")
            except OSError:
                return False
            stats, used = server.stats(), around.used()
            if memory and stats["first_receive_ns"]:
                seconds = (time.monotonic_ns() - stats["first_receive_ns"]) / 1e9
                samples.append([round(seconds, 2), stats["deleted"], cpu, memory, *used.values()])
            return True

        try:
            deadline = time.monotonic() + patience(scenario)
            while not child.poll() and sample():
                if time.monotonic() > deadline:
                    raise RunFailed(f"{scenario.name}: too slow\n{child.process.tail()}")
                time.sleep(pause)
            child.wait(60)
        finally:
            child.stop()
        stats = server.stats()
        check_drained(world, scenario, database, stats, child)
        return {
            "messages": scenario.messages,
            "seconds": (stats["last_delete_ns"] - stats["first_receive_ns"]) / 1e9,
            "cpu_us": child.cpu_us,
            "most_kb": child.most_kb,
            "ledger_bytes": int(database.value(LEDGER_SIZE)),
            **({} if filled_mb is None else {"page_cache_filled_mb": filled_mb}),
            **around.used(),
            **around.others(child.cpu_us),
            "columns": ["seconds", "deleted", "cpu_us", "resident_kb", "postgres_cpu_us", "server_cpu_us", "wal_bytes"],
            "samples": samples,
        }


def self_costs(path):
    """Instructions by shared object out of callgrind's file: `ob=` names the object of the functions that follow, by a
    number after the first time; a cost line begins with a place; the one behind `calls=` is another function's."""
    names, costs, current, called = {}, {}, None, False
    with open(path, encoding="utf-8", errors="replace") as file:
        for line in file:
            if line.startswith("ob="):
                number, name = re.match(r"ob=(\(\d+\))(?: (.*))?", line).groups()
                current = names.setdefault(number, Path(name).name if name else number)
            elif line.startswith("calls="):
                called = True
            elif line[0] in "0123456789+-*":
                if not called:
                    costs[current] = costs.get(current, 0) + int(line.split()[-1])
                called = False
            elif line.startswith("cob="):
                number, name = re.match(r"cob=(\(\d+\))(?: (.*))?", line).groups()
                names.setdefault(number, Path(name).name if name else number)
    return costs


def count_instructions(world, scenario, messages):
    """By shared object, of one drain under callgrind."""
    counts = world.folder / "callgrind.out"
    under = ["valgrind", "--tool=callgrind", "--quiet", f"--callgrind-out-file={counts}"]
    drain(world, replace(scenario, messages=messages), under)
    return self_costs(counts)


def instructions(world, scenario):
    """What a message more takes: the difference between a drain and another three times as long, which leaves the start
    out. How often the program polls depends on time, so that this is not the same each time; budget.py's counts are."""
    low, high = scenario.messages, 3 * scenario.messages
    few, many = count_instructions(world, scenario, low), count_instructions(world, scenario, high)
    objects = {name: (count - few.get(name, 0)) / (high - low) for name, count in many.items()}
    return {
        "messages": high - low,
        "instructions": sum(objects.values()),
        "by_object": {name: round(count, 1) for name, count in sorted(objects.items(), key=lambda item: -item[1])},
    }


def measure(world, scenario):
    how = {"drain": drain, "start": drain, "idle": idle, "age": age, "curve": curve, "instructions": instructions}
    return how[scenario.kind](world, scenario)
