"""Answers that are lost although what they answer was done: of a commit, of a delete, of a message sent to the dead-letter
queue. And answers that take long to arrive, which are not given up while they come."""

import random

import pytest

from conftest import scaled
from lib import logins
from lib.fault_proxy import CLOSE, RESET
from lib.fault_world import faults, make_faults, some_bytes  # noqa: F401 (fixtures)
from lib.processes import wait_until

ROWS = 5


def cut_commits(faults, rounds, seed):
    rng = random.Random(seed)
    run = faults.service("--connections", "1")
    for number in range(rounds):
        faults.database.answers.cut(lambda: rng.randint(0, 40), rng.choice([CLOSE, RESET]))
        faults.load(ROWS, seed=seed + number, bad=0)
        wait_until(lambda: faults.database.answers.cuts == 0, run.tail)
        faults.wait_stored(run)
    faults.end(run)
    faults.check()
    return run.summary()


def test_commits_whose_answer_is_cut(faults):
    """The rows were stored, and nobody was told: they are sent once more, and the ledger knows them."""
    rounds = scaled(60, 12)
    summary = cut_commits(faults, rounds, seed=3400)
    assert summary["duplicate"] > 0, "an answer was cut whose rows were stored"
    assert summary["received"] == summary["inserted"] + summary["duplicate"] == ROWS * rounds


@pytest.mark.long
def test_hundreds_of_commits_whose_answer_is_cut(faults):
    assert cut_commits(faults, 400, seed=3600)["duplicate"] > 0


@pytest.mark.parametrize(
    "server", ["fauxqs", *(pytest.param(server, marks=pytest.mark.long) for server in ("elasticmq", "ministack"))]
)
@pytest.mark.parametrize("operation", ["DeleteMessageBatch", "SendMessageBatch", "ReceiveMessage"])
def test_the_queue_has_done_it_and_its_answer_is_cut(make_faults, server, operation, request):
    faults = make_faults(request.getfixturevalue(server))
    run = faults.service()
    faults.queue.answers.cut(some_bytes(342), RESET, times=4, only=b"AmazonSQS." + operation.encode())
    for seed in range(3420, 3440):  # a connection may carry little before its answer is cut
        faults.load(60, seed, bad=0.4)
        faults.wait_stored(run)
        if faults.queue.answers.cuts == 0:
            break
    else:
        pytest.fail("the answers were not cut")
    faults.end(run)
    faults.check()


# ---------------------------------------------------------------------------------------------------------------------
# Slow, but on its way


def large(count, size):
    return [
        logins.login({"user_id": f"large {number}", "ip": f"203.0.113.{100 + number}", "padding": "x" * size})
        for number in range(count)
    ]


def test_an_answer_that_takes_longer_than_a_silence_may(faults):
    """A drain waits eleven seconds for an answer that does not come; this one takes longer, and comes all the time."""
    faults.world.send(large(10, 13_000))
    faults.queue.answers.set(rate=10_000)
    faults.program.drain("--visibility-timeout", "60", status=(0,))
    assert faults.queue.count["throttled"] > 0
    faults.check()


@pytest.mark.long
def test_an_answer_that_takes_longer_than_its_leases(faults):
    """The messages can be received again while their first answer is still on its way, and are, each time before their
    deletes have arrived. It ends when answers come in time."""
    faults.world.send(large(10, 40_000))
    faults.queue.answers.set(rate=10_000)
    run = faults.service("--visibility-timeout", "15")
    wait_until(lambda: faults.world.database.count() == 10, run.tail)
    assert faults.queue.count["throttled"] > 0
    faults.heal()
    faults.wait_stored(run)
    faults.end(run)
    faults.check()


@pytest.mark.long
def test_a_large_dead_letter_through_a_narrow_network(make_faults, stub):
    """The kernel takes all of the request at once; on the wire it takes longer than an answer is waited for."""
    faults = make_faults(stub.sqs, buffer=16_384)
    padding = "x" * 230_000
    faults.world.send([logins.reject({"padding": padding}, "missing", "user_id")])
    faults.queue.questions.set(rate=10_000)
    summary = faults.program.drain("--visibility-timeout", "120", status=(3,)).summary()
    assert (summary["received"], summary["dead_lettered"]) == (1, 1)
    faults.world.check(once=True)
