"""What tests of a faulty queue have in common: workers with short leases, and what a test waits for."""

import signal
from contextlib import contextmanager

import pytest

FLOW = ("--visibility-timeout", "5", "--concurrency", "4", "--batch-rows", "50")


@pytest.fixture
def start(world, stub):
    """A service at work. The seed of what goes wrong is the stub's own."""
    stub.settings(latency_ms=2)
    return lambda *args: world.program.start(*FLOW, *args)


def stored(world):
    return world.database.count() == len(world.good) and world.queue.is_empty()


def stored_in_a_hurry(world, stub):
    """To wait for; nobody waits for leases."""
    hurry = stub.hurry(world.queue.name)
    return lambda: hurry() or stored(world)


@contextmanager
def stopped(*runs):
    """Nothing goes on meanwhile."""
    for run in runs:
        run.send_signal(signal.SIGSTOP)
    try:
        yield
    finally:  # what is stopped could not be ended either
        for run in runs:
            run.send_signal(signal.SIGCONT)


def end(world, *runs, once=False):
    for run in runs:
        assert run.terminate() == 0, run.tail()
    world.check(once)
