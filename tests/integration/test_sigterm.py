"""Told to end, the program finishes what is decoded, gives the rest back at once, and says so."""

import signal

import pytest

from lib import logins
from lib.processes import wait_until


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_an_idle_service_ends(world, number):
    run = world.program.start()
    run.wait_event("ready")
    run.send_signal(number)
    assert run.wait() == 0
    assert run.summary()["received"] == 0


def test_before_there_is_anything(world):
    """Neither queue nor database has been found yet."""
    world.program.env.update(AWS_ENDPOINT_URL_SQS="http://127.0.0.1:9", DATABASE_URL="postgresql://u:p@127.0.0.1:9/d")
    run = world.program.start()
    run.wait_event("start")
    assert run.terminate() == 0
    assert run.summary()["received"] == 0


def test_what_cannot_be_stored_is_given_back_at_once(world):
    run = world.program.start("--shutdown-timeout", "6", "--visibility-timeout", "600")  # half of it to give back in
    run.wait_event("ready")
    with world.database.locked():
        world.send(logins.make(100, seed=71, bad=0))
        wait_until(lambda: world.queue.counts() == (0, 100), run.tail)
        assert run.terminate() in (0, 1), run.tail()
        assert world.queue.counts() == (100, 0), "visible again, long before their leases end"
        assert run.summary()["released"] == 100
    wait_until(lambda: world.database.connections() == 0, "the server has noticed")
    world.program.drain(status=(0,))
    world.check()


def test_a_second_signal_ends_it_at_once(world):
    run = world.program.start("--shutdown-timeout", "600", "--visibility-timeout", "5")
    run.wait_event("ready")
    with world.database.locked():
        world.send(logins.make(100, seed=72, bad=0))
        wait_until(lambda: world.queue.counts() == (0, 100), run.tail)
        run.send_signal(signal.SIGTERM)
        run.wait_event("stopping")
        run.send_signal(signal.SIGTERM)
        assert run.wait() == 128 + signal.SIGTERM
    wait_until(lambda: world.database.connections() == 0, "the server has noticed")
    wait_until(lambda: world.queue.counts() == (100, 0), "the leases end")
    world.program.drain(status=(0,))
    world.check()


def test_a_drain_that_is_told_to_end(world, stub):
    world.send(logins.make(3000, seed=73, bad=0))
    stub.settings(latency_ms=50)
    run = world.program.start("--drain", "--concurrency", "2")
    wait_until(lambda: world.database.count() > 0, run.tail)
    assert run.terminate() == 0, run.tail()
    stub.settings(latency_ms=0)
    assert world.queue.counts() == (3000 - run.summary()["inserted"], 0)
    world.program.drain("--concurrency", "16", status=(0,))
    world.check()


def test_a_long_poll_does_not_hold_up_the_end(world, stub):
    run = world.program.start("--wait-time", "20")
    wait_until(lambda: stub.counters()["waiting"] > 0, run.tail)
    run.send_signal(signal.SIGTERM)
    assert run.wait(15) == 0, "well before the poll would have ended by itself"


def test_messages_that_arrive_in_the_last_answer_are_not_hidden(world, stub):
    """The answer is on its way when the signal comes: its messages are leased, so they must be stored or given back."""
    world.send(logins.make(10, seed=74, bad=0))
    stub.fault("ReceiveMessage", "stall-after", n=1500)
    run = world.program.start("--visibility-timeout", "600", "--concurrency", "1")
    wait_until(lambda: world.queue.counts() == (0, 10), run.tail)
    assert run.terminate() in (0, 1), run.tail()
    wait_until(lambda: world.queue.counts()[1] == 0 or run.summary()["received"] == 0, "nothing is hidden")
    if run.summary()["received"]:
        assert world.database.count() + world.queue.counts()[0] == 10
