"""Many processes on one queue and one table: the ledger makes any overlap harmless."""

from conftest import scaled
from lib import logins
from lib.processes import wait_until

WORKERS = 8


def test_eight_workers(make_world, fauxqs):
    world = make_world(fauxqs)
    world.send(logins.make(scaled(40_000, 4000), seed=30))
    runs = [world.program.start("--concurrency", "32", "--connections", "4") for _ in range(WORKERS)]
    wait_until(lambda: world.database.count() >= len(world.good) and world.queue.is_empty(), lambda: runs[0].tail())
    for run in runs:
        assert run.terminate() in (0, 3), run.tail()
    summaries = [run.summary() for run in runs]
    assert sum(summary["inserted"] for summary in summaries) == len(world.good)
    assert sum(summary["rejected"] for summary in summaries) == len(world.bad)
    world.check()
    no_deadlock(world, runs)


def test_eight_workers_that_meet_each_others_messages(make_world, stub):
    """Every message is delivered to several workers at once: the same keys in many transactions, in any order."""
    world = make_world(stub.sqs)
    world.send(logins.make(scaled(20_000, 2000), seed=31, bad=0))
    stub.fault("ReceiveMessage", "again", times=-1, probability=0.5)
    runs = [
        world.program.start("--concurrency", "32", "--connections", "4", "--batch-rows", "200") for _ in range(WORKERS)
    ]
    wait_until(lambda: world.database.count() >= len(world.good), lambda: runs[0].tail())
    stub.clear_faults()
    wait_until(world.queue.is_empty, lambda: runs[0].tail())
    for run in runs:
        assert run.terminate() == 0, run.tail()
    summaries = [run.summary() for run in runs]
    assert sum(summary["inserted"] for summary in summaries) == len(world.good)
    assert sum(summary["duplicate"] for summary in summaries) > 0, "the test met what it is for"
    world.check()
    no_deadlock(world, runs)


def no_deadlock(world, runs):
    assert not world.database.value("SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()")
    assert not [run for run in runs if run.events(sqlstate="40P01")]


def test_workers_that_start_together_make_the_tables_together(make_world, ministack):
    """CREATE TABLE IF NOT EXISTS is not safe against itself; the program has to be."""
    world = make_world(ministack)
    world.send(logins.make(100, seed=32, bad=0))
    runs = [world.program.start("--drain") for _ in range(WORKERS)]
    for run in runs:
        assert run.wait() == 0, run.tail()
    world.check()
