"""Killed without warning, again and again, the program loses nothing and stores nothing twice."""

import random

import pytest

from conftest import scaled
from lib import logins
from lib.processes import wait_until

VISIBILITY = 5  # what a killed run had in hand comes back after so many seconds


def kill_at_some_point(world, rng, size):
    """Starts a service, lets it store a random number of further rows, kills it. Was it in the middle of its work?"""
    before = world.database.count()
    run = world.program.start("--concurrency", "8", "--visibility-timeout", VISIBILITY, "--batch-rows", "100")
    goal = min(before + rng.randint(0, size), len(world.good))
    wait_until(lambda: world.database.count() >= goal or not run.running(), run.tail)
    assert run.running(), run.tail()
    run.kill9()
    return not world.queue.is_empty()


@pytest.mark.parametrize("server", ["fauxqs", "stub"])
def test_ten_kills_and_more(make_world, server, request):
    sqs = request.getfixturevalue(server)
    if server == "stub":
        sqs.settings(latency_ms=10)  # or everything would be stored between two looks at the table
    world = make_world(getattr(sqs, "sqs", sqs), visibility=VISIBILITY)
    count = scaled(20_000, 6000)
    world.send(logins.make(count, seed=20))
    rng, kills, met = random.Random(20), 0, 0
    while kills < 10 or met < 5:  # it may be done before it is killed
        if world.queue.is_empty():
            world.send(logins.make(count // 4, seed=2000 + kills))
        met += kill_at_some_point(world, rng, count // 12)
        kills += 1
    if server == "stub":
        sqs.settings(latency_ms=0)
    world.drain_until_empty("--concurrency", "32")
    # A rejected message is sent before it is deleted: a kill between the two leaves it there twice, which is at least once.
    world.check(once=False)


def test_a_kill_between_commit_and_delete(world, stub):
    """Every message of the first run is committed and none is deleted: all of them are duplicates for the second."""
    world.send(logins.make(100, seed=21, bad=0))
    stub.fault("DeleteMessageBatch", "blackhole", times=-1)
    run = world.program.start("--visibility-timeout", "5")
    wait_until(lambda: world.database.count() == 100, run.tail)
    run.kill9()
    stub.clear_faults()
    wait_until(lambda: world.queue.counts() == (100, 0), "the leases end")
    summary = world.program.drain(status=(0,)).summary()
    assert (summary["duplicate"], summary["inserted"]) == (100, 0)
    world.check()


def test_a_kill_before_the_commit(world):
    """The rows are held up by a lock; what was never committed is in the queue again."""
    run = world.program.start("--visibility-timeout", "5")
    run.wait_event("ready")
    with world.database.locked():
        world.send(logins.make(100, seed=22, bad=0))
        wait_until(lambda: world.queue.counts() == (0, 100), run.tail)
        run.kill9()
    wait_until(lambda: world.database.connections() == 0, "the server has noticed")
    wait_until(lambda: world.queue.counts() == (100, 0), "the leases end")
    world.program.drain(status=(0,))
    world.check()
