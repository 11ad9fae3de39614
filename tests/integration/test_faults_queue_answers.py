"""What comes in an answer: bodies that were damaged, more than memory may hold, twice, too late and out of order."""

import json
import random

import pytest

from conftest import scaled
from lib import logins
from lib.processes import wait_until
from lib.program import is_sanitized
from lib.queue_faults import FLOW, stored_in_a_hurry

# ---------------------------------------------------------------------------------------------------------------------
# Damaged


def test_bodies_that_were_damaged_are_left_alone(world, stub):
    """Whether they would have been good or bad: nobody can tell. Each is named once, and comes again."""
    ids = world.send(logins.make(60, seed=600, bad=0.2))
    rule = stub.fault("ReceiveMessage", "wrong-md5", times=-1)
    run = world.program.start("--drain", "--visibility-timeout", "600", "--concurrency", "4")
    wait_until(lambda: len(run.events("body_damaged")) == len(ids), run.tail)
    assert run.terminate() == 0, run.tail()  # a drain would wait for them
    summary = run.summary()
    assert (summary["received"], summary["released"]) == (60, 60)
    assert (summary["inserted"], summary["rejected"], summary["deleted"]) == (0, 0, 0)
    assert sorted(event["message_id"] for event in run.events("body_damaged", level="warn")) == sorted(ids)
    assert world.queue.counts() == (0, 60) and world.queue.dlq.is_empty()
    assert stub.faults_used()[rule] >= 6
    stub.clear_faults()
    stub.expire(world.queue.name)
    world.drain_until_empty()
    world.check()


def test_a_drain_waits_for_bodies_that_were_damaged(world, stub):
    world.send(logins.make(60, seed=602, bad=0))
    stub.fault("ReceiveMessage", "wrong-md5", times=6)
    run = world.program.drain("--visibility-timeout", "5", "--concurrency", "1", status=(0,))
    assert len(run.events("body_damaged")) >= 6
    world.check(once=False)


def test_some_bodies_are_damaged_under_load(world, stub):
    world.send(logins.make(scaled(5000, 800), seed=601, bad=0.02))
    stub.fault("ReceiveMessage", "wrong-md5", times=-1, probability=0.2)
    runs = [world.program.start(*FLOW) for _ in range(2)]
    wait_until(stored_in_a_hurry(world, stub), runs[0].tail, every=0.05)
    for run in runs:
        assert run.terminate() == 0
    assert sum(len(run.events("body_damaged")) for run in runs) > 0
    world.check(once=False)


# ---------------------------------------------------------------------------------------------------------------------
# Twice, late, and in another order


@pytest.mark.parametrize(
    "stale", ["ignore", *(pytest.param(stale, marks=pytest.mark.long) for stale in ["delete", "refuse"])]
)
def test_answers_overtake_each_other(world, stub, stale):
    """Messages come again while they are in hand, and half of the answers are held back: the newest handle is not the one
    that came last, and deletes are answered after the message was received once more."""
    stub.create(world.queue.name, stale=stale)
    world.send(logins.make(scaled(3000, 400), seed=610, bad=0.02))
    stub.fault("ReceiveMessage", "again", times=-1, probability=0.3)
    stub.fault("ReceiveMessage", "duplicate", times=-1, probability=0.2)
    for operation, delay_ms in [("ReceiveMessage", 60), ("ReceiveMessage", 20), ("DeleteMessageBatch", 50)]:
        stub.fault(operation, "stall-after", n=delay_ms, times=-1, probability=0.3)
    runs = [world.program.start(*FLOW) for _ in range(2)]
    wait_until(stored_in_a_hurry(world, stub), runs[0].tail, every=0.05)
    stub.clear_faults()
    for run in runs:
        assert run.terminate() == 0
    assert stub.count("doubled", world.queue.name) > 10
    world.check(once=False)


# ---------------------------------------------------------------------------------------------------------------------
# More than memory may hold


def padded(count, seed, sizes, character):
    """Logins with so much in them that nobody asked for."""
    rng = random.Random(seed)
    made = []
    for login in logins.make(count, seed=seed, bad=0, unusual=0):
        room = rng.choice(sizes) - len(login.body.encode()) - 20
        padding = json.dumps(character * (room // len(json.dumps(character)[1:-1])))
        login.body = f'{login.body[:-1]}, "more": {padding}}}'
        made.append(login)
    return made


@pytest.mark.parametrize("size", [1 << 20, pytest.param(256 << 10, marks=pytest.mark.long)])
def test_answers_larger_than_the_memory_limit(world, size):
    """One at a time always goes, however small the limit is; and memory follows the limit, not --concurrency."""
    world.send(padded(40, 620, [size, size // 2, 300], "x"))
    run = world.program.drain("--memory-limit", "1MiB", "--concurrency", "32", watch=True)
    world.check()
    assert is_sanitized() or run.memory_kb < 60_000, "an answer is of ten MiB at most, and there is one"


def test_answers_larger_than_any_buffer(world, stub):
    """Each quote is four bytes in an answer, so that ten of these are more than an answer may be. It asks for fewer."""
    world.send(padded(24, 621, [1 << 20], '"'))
    run = world.program.start("--memory-limit", "1MiB", *FLOW, watch=True)
    run.wait_event("queue_failed", error="too_large")
    wait_until(stored_in_a_hurry(world, stub), run.tail, every=0.05)
    assert run.terminate() == 0
    world.check()
    assert is_sanitized() or run.memory_kb < 90_000


def test_dead_letters_as_large_as_may_be(world):
    """Written with its escapes each is twice its size, and two of them are more than a batch may be."""
    bad = padded(6, 622, [(1 << 20) - 600, 600_000], '"')
    world.send([logins.reject(f"{login.body[:-1]},}}", "not_json") for login in bad])
    world.program.drain("--memory-limit", "1MiB", "--concurrency", "4")
    world.check()


def test_a_dead_letter_that_is_larger_with_its_reason_than_a_message_may_be(world):
    """It stays in the queue, for the queue's own redrive, and that is said. The others are no worse for it."""
    (login,) = padded(1, 623, [(1 << 20) - 1], "x")
    (large,) = world.send([logins.reject(f"{login.body[:-1]},}}", "not_json")])
    world.send(logins.make(50, seed=624, bad=0.1))
    run = world.program.drain("--visibility-timeout", "600", "--concurrency", "4")
    assert [event["message_id"] for event in run.events("dead_letter_refused", level="error")] == [large]
    assert world.queue.counts() == (0, 1)
    world.check_rows()
    del world.sent[0]
    world.check_dead_letters()
