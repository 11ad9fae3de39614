"""Networks on a bad day, between the program and its queue, its database, or both: slow, narrow, cut, silent. After each,
every good login is exactly one row, the bad ones are in the dead-letter queue, and the queue is empty."""

import random

import pytest

from conftest import scaled
from lib.fault_proxy import RESET
from lib.fault_world import (  # noqa: F401 (fixtures)
    FAULTS,
    OUTAGES,
    faults,
    make_faults,
    switch_faults,
    tls_faults,
)
from lib.processes import wait_until

SIDES = ["queue", "database"]
COUNT = 30


def every(table, *quick):
    """A table's names; those that are not among the quick ones are for long runs."""
    return [name if name in quick else pytest.param(name, marks=pytest.mark.long) for name in table]


def get_through(faults, sides, fault):
    begin, counter = FAULTS[fault]
    run = faults.service()
    for side in sides:
        begin(faults.sides[side])
    for seed in range(300, 400):
        faults.load(COUNT, seed, bad=0.05)
        faults.wait_stored(run)
        if all(faults.sides[side].count[counter] for side in sides):
            break
    else:
        pytest.fail("the fault did not happen")
    faults.heal()
    faults.end(run)
    faults.check()


@pytest.mark.parametrize("fault", every(FAULTS, "latency", "one byte a packet", "answers reset", "questions reset"))
def test_a_queue_through_a_bad_network(faults, fault):
    get_through(faults, ["queue"], fault)


@pytest.mark.parametrize("fault", FAULTS)
def test_a_database_through_a_bad_network(faults, fault):
    get_through(faults, ["database"], fault)


@pytest.mark.parametrize("fault", every(FAULTS, "one byte a packet", "answers reset", "questions reset"))
def test_over_tls_and_on_both_sides(tls_faults, fault):
    get_through(tls_faults, SIDES, fault)


@pytest.mark.parametrize("side,fault", [("queue", "half closed"), ("database", "answers cut")])
def test_a_drain_gets_through(faults, side, fault):
    """Leases of answers that got lost end after the drain has: so another one follows, as cron would have it."""
    faults.load(200, seed=301, bad=0.03)
    FAULTS[fault][0](faults.sides[side])
    faults.program.drain()
    assert faults.sides[side].count[FAULTS[fault][1]] > 0
    faults.heal()
    faults.world.drain_until_empty()
    faults.check()


@pytest.mark.parametrize("outage", OUTAGES)
def test_the_database_is_out_of_reach_for_a_while(faults, outage):
    nothing_gets_through(faults, "database", outage)


@pytest.mark.parametrize("outage", every(OUTAGES, "silence", "refusal"))
def test_the_queue_is_out_of_reach_for_a_while(faults, outage):
    nothing_gets_through(faults, "queue", outage)


def nothing_gets_through(faults, side, outage):
    faults.load(100, seed=302, bad=0.03)
    run = faults.service()
    faults.wait_stored(run)
    proxy = faults.sides[side]
    OUTAGES[outage](proxy)
    faults.load(100, seed=303, bad=0.03)
    noticed = {"queue": "queue_failed", "database": "database_unavailable"}[side]
    if outage == "silence":
        wait_until(lambda: proxy.count["held"] > 0, run.tail)
    else:
        run.wait_event(noticed)
    assert faults.world.database.count() < len(faults.world.good)
    proxy.heal()
    faults.wait_stored(run)
    faults.end(run)
    faults.check()


def test_the_server_closes_with_a_reset(faults, stub):
    """Each answer is the last of its connection, and the connection ends with RST instead of FIN."""
    stub.fault("*", "close", times=-1)
    faults.queue.reset_on_close = faults.database.reset_on_close = True
    run = faults.service()
    faults.load(COUNT, seed=304, bad=0.05)
    faults.wait_stored(run)
    faults.world.database.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
    )
    run.wait_event("database_unavailable")
    wait_until(lambda: faults.queue.count[RESET] > 0 and faults.database.count[RESET] > 0, run.tail)
    faults.load(COUNT, seed=305, bad=0.05)
    faults.wait_stored(run)
    faults.end(run)
    faults.check()


@pytest.mark.parametrize("server", ["stub", "fauxqs"])
def test_one_fault_after_another(make_faults, server, request):
    sqs = request.getfixturevalue(server)
    worsen(make_faults(getattr(sqs, "sqs", sqs)), seed=306, seconds=4)


@pytest.mark.long
@pytest.mark.parametrize("seed", range(320, 326))
@pytest.mark.parametrize("server", ["elasticmq", "ministack", "fauxqs"])
def test_one_fault_after_another_for_a_minute(make_faults, server, seed, request):
    worsen(make_faults(request.getfixturevalue(server)), seed, seconds=60)


@pytest.mark.long
@pytest.mark.parametrize("seed", range(330, 336))
def test_one_fault_after_another_over_tls(tls_faults, seed):
    worsen(tls_faults, seed, seconds=60)


def worsen(faults, seed, seconds):
    faults.load(scaled(15_000, 500), seed, bad=0.01)
    run = faults.service("--batch-rows", "20")
    switch_faults(faults, run, random.Random(seed), seconds)
    assert sum(faults.queue.count.values()) and sum(faults.database.count.values())
    faults.wait_stored(run)
    faults.end(run)
    faults.check()
