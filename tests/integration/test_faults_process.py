"""What happens to processes: killed again and again, stopped for longer than their leases, told to end under load, with two
of them on one queue. Afterwards every good login is one row."""

import random
import signal
import time

import pytest

from conftest import scaled
from lib import logins
from lib.processes import wait_until

VISIBILITY = 5  # the shortest there is: what a killed worker had in hand comes back after so many seconds
FLOW = ("--concurrency", "4", "--visibility-timeout", VISIBILITY, "--batch-rows", "100")


def done(world):
    return world.database.count() == len(world.good) and world.queue.is_empty()


def end(world, stub, *runs):
    """All of it arrives, without waiting for the leases of the dead; the workers end, and what they have to say balances."""
    hurry = stub.hurry(world.queue.name)
    wait_until(lambda: hurry() or done(world), lambda: "".join(run.tail() for run in runs), every=0.05)
    for run in runs:
        assert run.terminate() == 0, run.tail()
        assert run.summary()["in_flight"] == 0
    world.check(once=False)


# ---------------------------------------------------------------------------------------------------------------------
# kill -9


def somewhere(world, stub, rng, chunk):
    """A moment in the middle of the work on what is sent after this was called: soon after so many of the messages have been
    received, or stored, or deleted. What a killed worker holds comes back in time to be among them."""
    name = world.queue.name
    ways = [lambda: stub.count("received", name), lambda: stub.count("deleted", name), world.database.count]
    look = rng.choice(ways)
    goal = look() + rng.randint(1, chunk // 2)
    return lambda: look() >= goal


def kill_again_and_again(world, stub, seconds):
    """Two workers, one of them killed and replaced after the other, with work for both all the time: for so long, and until
    a second has had its kill, on average, and something came again that a killed one had."""
    rng, chunk = random.Random(100), 100
    world.program.env["LOGINETL_LOG_LEVEL"] = "info"  # of hundreds of runs
    workers = [world.program.start(*FLOW) for _ in range(2)]
    until, kills = time.monotonic() + seconds, 0
    while time.monotonic() < until or kills < seconds or not redelivered(world, stub):
        there = somewhere(world, stub, rng, chunk)
        world.send(logins.make(chunk, seed=1000 + kills, bad=0.02))
        wait_until(there, "the workers work", every=0.005)
        for place in rng.choice([[0], [1], [0, 1]]):
            assert workers[place].running(), workers[place].tail()
            workers[place].kill9()
            workers[place] = world.program.start(*FLOW)
            kills += 1
    end(world, stub, *workers)


def redelivered(world, stub):
    return stub.count("redelivered", world.queue.name)


@pytest.mark.parametrize("seconds", [8, pytest.param(300, marks=[pytest.mark.long, pytest.mark.timeout(900)])])
def test_two_workers_are_killed_all_the_time(world, stub, seconds):
    stub.settings(latency_ms=10)
    kill_again_and_again(world, stub, seconds)


# ---------------------------------------------------------------------------------------------------------------------
# Told to end


@pytest.mark.parametrize("server", ["stub", "fauxqs", "elasticmq", pytest.param("ministack", marks=pytest.mark.long)])
def test_two_workers_are_told_to_end_under_load(make_world, request, server):
    """What they have not stored is visible at once, by the queue's own count, though their leases are of ten minutes."""
    fixture = request.getfixturevalue(server)
    if server == "stub":
        fixture.settings(latency_ms=20)
    world = make_world(getattr(fixture, "sqs", fixture))
    runs = []
    for turn in range(1, 8):
        world.send(logins.make(turn * scaled(5000, 1000), seed=1100 + turn, bad=0.01))
        runs += tell_two_to_end(world)
        visible, in_flight = world.queue.counts()
        settled = sum(run.summary()["inserted"] + run.summary()["rejected"] for run in runs)
        assert (visible, in_flight) == (len(world.sent) - settled, 0), "".join(run.tail() for run in runs)
        assert world.database.count() == sum(run.summary()["inserted"] for run in runs)
        if visible > 0:
            break
    else:
        pytest.fail("they were never told in the middle of it")
    world.program.drain("--concurrency", "16")
    world.check()


def tell_two_to_end(world):
    flow = ("--concurrency", "4", "--visibility-timeout", "600", "--batch-rows", "20")
    goal = world.database.count() + 100
    runs = [world.program.start(*flow) for _ in range(2)]
    for run in runs:
        run.wait_event("ready")
    wait_until(lambda: world.database.count() > goal, runs[0].tail, every=0.005)
    for run in runs:
        run.send_signal(signal.SIGTERM)
    for run in runs:
        assert run.wait() == 0, run.tail()
    return runs


# ---------------------------------------------------------------------------------------------------------------------
# Stopped, and other workers go on


def test_a_worker_that_sleeps_longer_than_its_leases(world, stub):
    """The other one takes its messages over. When it wakes up it finishes what it had begun, and nothing is stored twice."""
    sleeper = world.program.start(*FLOW)
    sleeper.wait_event("ready")
    with world.database.locked():  # so that it has rows in hand when it falls asleep
        world.send(logins.make(300, seed=120, bad=0.03))
        wait_until(lambda: world.queue.counts()[1] >= 100, sleeper.tail)
        sleeper.send_signal(signal.SIGSTOP)
        wait_until(lambda: world.queue.counts()[1] == 0, "its leases end")
    other = world.program.start(*FLOW)
    wait_until(lambda: done(world), other.tail)
    sleeper.send_signal(signal.SIGCONT)
    end(world, stub, other, sleeper)


def test_workers_that_sleep_again_and_again(world, stub):
    """At any moment, and for longer than any lease: the queue ends them all when somebody falls asleep."""
    stub.settings(latency_ms=5)
    world.send(logins.make(scaled(10_000, 2000), seed=121, bad=0.01))
    flow = ("--concurrency", "4", "--visibility-timeout", "600", "--batch-rows", "50")
    workers = [world.program.start(*flow) for _ in range(2)]
    for worker in workers:
        worker.wait_event("ready")
    naps, rng = 0, random.Random(121)
    while naps < 5 or not redelivered(world, stub) or not world.queue.is_empty():
        if world.queue.is_empty():
            world.send(logins.make(500, seed=1210 + naps, bad=0.01))
        asleep = workers[naps % 2]
        asleep.send_signal(signal.SIGSTOP)
        stub.expire(world.queue.name)
        goal = world.database.count() + rng.randint(1, 200)
        awake = workers[1 - naps % 2]
        wait_until(lambda: world.database.count() >= goal or world.queue.counts()[0] == 0, awake.tail, every=0.005)
        asleep.send_signal(signal.SIGCONT)
        naps += 1
    end(world, stub, *workers)
