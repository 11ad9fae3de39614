"""The machine's clock is changed while the program runs. Leases are counted by a clock that nobody sets, and signatures
follow the service's time."""

import signal
from pathlib import Path

import pytest

from lib import logins
from lib.credential_services import Metadata
from lib.processes import wait_until
from lib.program import is_sanitized
from test_credentials_fetched import COUNT, environment

FLOW = ("--visibility-timeout", "5", "--concurrency", "4")

OURS = "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"


class Clock:
    """The program's wall clock, off by what stands in a file that is read each time it looks."""

    def __init__(self, folder):
        found = sorted(Path("/usr/lib").glob("*/faketime/libfaketime.so.1"))
        if not found:
            pytest.fail("libfaketime is not installed: deps/install.sh all")
        if is_sanitized():
            pytest.skip("a sanitizer's runtime must be the first library")
        self.file = folder / "clock"
        self.set(0)
        self.env = {
            "LD_PRELOAD": found[0],
            "FAKETIME_TIMESTAMP_FILE": self.file,
            "FAKETIME_NO_CACHE": "1",
            # Named differently by different releases of it.
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            "DONT_FAKE_MONOTONIC": "1",
        }

    def set(self, seconds):
        new = self.file.with_suffix(".new")
        new.write_text(f"{seconds:+d}s")
        new.rename(self.file)  # it is read at any moment


@pytest.fixture
def clock(tmp_path):
    return Clock(tmp_path)


def stored(world):
    return world.database.count() == len(world.good) and world.queue.is_empty()


@pytest.mark.parametrize("off", [86400, pytest.param(-86400, marks=pytest.mark.long)])
def test_a_clock_that_jumps_and_jumps_back(world, stub, clock, off):
    """By a day: over the border of a ledger's partition too, which is why it must not be dropped or missed."""
    stub.settings(latency_ms=5)
    run = world.program.start(*FLOW, env=clock.env)
    run.wait_event("ready")
    for seconds in [0, off, 0]:
        clock.set(seconds)
        world.send(logins.make(300, seed=400 + len(world.sent), bad=0.02))
        wait_until(lambda: stored(world), run.tail)
    skews = [round(float(event["skew"])) for event in run.events("clock_skew")]
    assert any(abs(skew + off) < 10 for skew in skews) and abs(skews[-1]) < 10, skews
    assert run.terminate() == 0
    world.check()
    assert stub.count("redelivered", world.queue.name) == 0, "no lease ended early"


def test_a_machine_that_was_suspended_for_an_hour(world, stub, clock):
    """Its own count of time stands still in the meantime, as Linux has it: it takes its leases for valid. Its connections are
    dead, another worker has done its work."""
    sleeper = world.program.start(*FLOW, env=clock.env)
    sleeper.wait_event("ready")
    sleepers = [pid for (pid,) in world.database.fetch(OURS)]
    with world.database.locked():
        world.send(logins.make(200, seed=410, bad=0.02))
        wait_until(lambda: world.queue.counts()[1] >= 100, sleeper.tail)
        sleeper.send_signal(signal.SIGSTOP)
        clock.set(3600)
        stub.fault("*", "drop", times=4)
        stub.expire(world.queue.name)
        for pid in sleepers:
            world.database.execute("SELECT pg_terminate_backend(%s)", pid)
    other = world.program.start(*FLOW)
    hurry = stub.hurry(world.queue.name)
    # Its long polls are still open on the wire: what they are answered waits for nobody.
    wait_until(lambda: hurry() or stored(world), other.tail, every=0.05)
    sleeper.send_signal(signal.SIGCONT)
    world.send(logins.make(200, seed=411, bad=0.02))
    wait_until(lambda: hurry() or stored(world), other.tail, every=0.05)
    for run in (other, sleeper):
        assert run.terminate() == 0, run.tail()
        assert run.summary()["in_flight"] == 0
    world.check(once=False)


def test_a_clock_that_runs_ahead_does_not_spoil_credentials(make_stub, program, database, clock):
    """By it they have expired when they come; whoever gives them out, and then the queue, says what time it is."""
    stub = make_stub("--generate", str(COUNT), "--record", "4096")
    metadata = Metadata()
    clock.set(7200)
    run = program.start("--wait-time", "1", env={**environment(stub, database, metadata.environment("container")), **clock.env})
    wait_until(lambda: database.count() == COUNT and metadata.given >= 2, run.tail)
    assert run.events("clock_skew") and not run.events("credentials_failed")
    metadata.broken = True
    stub.fault("ReceiveMessage", "error", status=400, code="ExpiredToken")
    assert run.wait_event("credentials_failed")["have"] == "true"  # those of before have not expired
    assert run.terminate() == 0
    metadata.close()
