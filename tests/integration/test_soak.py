"""Constant load for a long time: memory and descriptors stay where they were, nothing is lost, nothing stored twice."""

import os
import threading
import time
from dataclasses import dataclass
from pathlib import Path

import pytest

from conftest import unique
from lib.postgres import Cluster, Database
from lib.processes import wait_until
from lib.program import PATIENCE, is_release
from lib.world import World

# LOGINETL_SOAK_MINUTES  of the long run (30)
# LOGINETL_SOAK_RATE     messages a second (1000)
MINUTES = float(os.environ.get("LOGINETL_SOAK_MINUTES", "30"))
RATE = float(os.environ.get("LOGINETL_SOAK_RATE", "1000"))

BURST = 8000  # at the beginning, so that every buffer has once been as large as it gets
CONCURRENCY = 32
SLACK_KB = 1024
WAL_MB = 128

#: Beside the messages: what a queue and a network do now and then.
FAULTS = [
    {"operation": "ReceiveMessage", "fault": "escaped", "probability": 0.05},
    {"operation": "ReceiveMessage", "fault": "duplicate", "probability": 0.05},
    {"operation": "ReceiveMessage", "fault": "again", "probability": 0.02},
    {"operation": "ReceiveMessage", "fault": "chunked", "n": 1000, "probability": 0.02},
    {"operation": "ReceiveMessage", "fault": "drop", "probability": 0.005},
    {"operation": "DeleteMessageBatch", "fault": "lost", "probability": 0.005},
    {"operation": "DeleteMessageBatch", "fault": "partial", "n": 3, "code": "InternalError", "probability": 0.02},
    {"operation": "SendMessageBatch", "fault": "error", "status": 500, "code": "InternalFailure", "probability": 0.02},
]

BAD = ['{{"foo": {0}}}', "login {0}", '{{"user_id": "soak-{0}", "app_version": "2.x"}}', '{{"user_id": "\\u0000{0}"}}']
ESCAPED = '{{"user_id": "soak-{0}", "locale": "\\u0072u", "device_id": "d\\/{0}", "ip": "203.0.113.{1}"}}'
PLAIN = '{{"user_id": "soak-{0}", "locale": "ru", "app_version": "2.3.0", "device_id": "d/{0}", "ip": "203.0.113.{1}"}}'


def is_bad(number):
    return number % 100 == 99


def body(number):
    if is_bad(number):
        return BAD[number // 100 % len(BAD)].format(number)
    return (ESCAPED if number % 20 == 7 else PLAIN).format(number, 10 + number % 240)


class Sender:
    """So many messages a second, whatever becomes of them; what was missed is made up for."""

    def __init__(self, stub, queue, rate, burst):
        self.stub, self.queue, self.rate = stub, queue, rate
        self.sent = 0
        self._send(burst)
        self.began = time.monotonic()
        self.base = self.sent
        self.over = threading.Event()
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def _send(self, count):
        for start in range(self.sent, self.sent + count, 2000):
            end = min(start + 2000, self.sent + count)
            self.stub.add([body(number) for number in range(start, end)], self.queue)
        self.sent += count

    def _run(self):
        while not self.over.wait(0.1):
            owed = int((time.monotonic() - self.began) * self.rate) - (self.sent - self.base)
            if owed > 0:
                self._send(owed)

    def finish(self):
        self.over.set()
        self.thread.join(PATIENCE)
        assert not self.thread.is_alive()


@dataclass
class Sample:
    seconds: float
    memory_kb: int
    files: int


def look(run, began):
    status = Path(f"/proc/{run.pid}/status").read_text()
    memory = int(status.partition("VmRSS:")[2].split()[0])
    return Sample(time.monotonic() - began, memory, len(os.listdir(f"/proc/{run.pid}/fd")))


def slope(points):
    """Of the straight line that fits best."""
    count = len(points)
    middle = sum(x for x, _ in points) / count
    height = sum(y for _, y in points) / count
    spread = sum((x - middle) ** 2 for x, _ in points)
    return sum((x - middle) * (y - height) for x, y in points) / spread


def check_flat(samples, warm_up):
    """What was reached while warming up is not exceeded; nor does it rise slowly below that. The sanitizers keep what was
    freed, so with them only the descriptors count."""
    before = [sample for sample in samples if sample.seconds <= warm_up]
    after = [sample for sample in samples if sample.seconds > warm_up]
    assert len(before) >= 5 and len(after) >= 5, "too few samples"
    memory = [(sample.seconds, sample.memory_kb) for sample in after]
    rise = slope(memory) * (after[-1].seconds - after[0].seconds)
    figures = {
        "memory_kb_warm_up": max(sample.memory_kb for sample in before),
        "memory_kb_after": max(sample.memory_kb for sample in after),
        "memory_kb_rise": round(rise),
        "files_warm_up": max(sample.files for sample in before),
        "files_after": max(sample.files for sample in after),
        "files_last_least": min(sample.files for sample in after[-len(after) // 3 :]),
    }
    print(figures)
    if is_release():
        assert figures["memory_kb_after"] <= figures["memory_kb_warm_up"] + SLACK_KB, figures
        assert rise <= SLACK_KB, figures
    # Connections come and go with the load: what leaks would raise the least.
    assert figures["files_after"] <= 3 * CONCURRENCY, figures
    assert figures["files_last_least"] <= figures["files_warm_up"], figures
    return figures


def check_database(database, sent):
    good = sum(not is_bad(number) for number in range(sent))
    assert database.value("SELECT count(*) FROM user_logins") == good
    assert database.value("SELECT count(DISTINCT user_id) FROM user_logins") == good
    assert database.value("SELECT count(*) FROM user_logins WHERE user_id !~ '^soak-[0-9]+$'") == 0


def wal_mb(cluster):
    return sum(path.stat().st_size for path in (cluster.data / "pg_wal").iterdir() if path.is_file()) >> 20


def soak(stub, cluster, database, program, seconds, rate, record):
    queue = stub.sqs.create(unique("soak"), visibility=5)
    World(queue, database, program)
    for rule in FAULTS:
        stub.fault(times=-1, **rule)
    sender = Sender(stub, queue.name, rate, BURST)
    args = ["--concurrency", CONCURRENCY, "--visibility-timeout", "5"]
    run = program.start(*args, env={"LOGINETL_LOG_LEVEL": "info"})
    run.wait_event("ready")
    every, warm_up = max(0.2, min(2, seconds / 100)), max(seconds / 15, min(120, seconds / 3))
    began, samples = time.monotonic(), []

    def look_again():
        time.sleep(every)
        assert run.running(), run.tail()
        samples.append(look(run, began))
        return samples[-1].seconds

    # Until every buffer has been as large as it gets.
    while look_again() < warm_up or stub.count("deleted", queue.name) < BURST:
        pass
    warm_up = samples[-1].seconds
    while look_again() - warm_up < seconds * 2 / 3:
        pass
    sender.finish()
    stub.clear_faults()
    wait_until(queue.is_empty, lambda: f"{queue.counts()} {run.tail()}", PATIENCE, 0.2)
    assert run.terminate() == 0, run.tail()
    figures = check_flat(samples, warm_up)
    check_database(database, sender.sent)
    bad = sum(is_bad(number) for number in range(sender.sent))
    dead = stub.count("visible", queue.dlq.name)
    summary = run.summary()
    assert dead == summary["dead_lettered"] >= bad
    assert summary["inserted"] == sender.sent - bad and summary["in_flight"] == 0
    assert "203.0.113." not in run.stderr() + run.stdout()
    figures.update(messages=sender.sent, rate=round(sender.sent / samples[-1].seconds), dead_letters=dead, wal_mb=wal_mb(cluster))
    figures.update({key: summary[key] for key in ("received", "inserted", "duplicate", "rejected", "released")})
    figures["bytes_a_row"] = database.value("SELECT pg_database_size(current_database())") // sender.sent
    assert figures["wal_mb"] <= 2 * WAL_MB, figures
    for name, value in figures.items():
        record(name, value)
    print(figures)


@pytest.fixture
def cluster(tmp_path):
    """One of its own, with little room for its log, whose growth is looked at too."""
    cluster = Cluster(tmp_path, max_wal_size=f"{WAL_MB}MB")
    yield cluster
    cluster.stop()


@pytest.fixture
def soak_database(cluster):
    database = Database(cluster, unique("soak"))
    yield database
    database.drop()


def test_a_short_soak(make_stub, cluster, soak_database, program, record_property):
    soak(make_stub(), cluster, soak_database, program, 15, min(RATE, 500), record_property)


@pytest.mark.long
@pytest.mark.timeout(MINUTES * 60 + 600)
def test_a_soak(make_stub, cluster, soak_database, program, record_property):
    soak(make_stub(), cluster, soak_database, program, MINUTES * 60, RATE, record_property)
