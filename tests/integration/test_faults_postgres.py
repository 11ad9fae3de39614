"""A database that goes away under load, in every way in which one does: stopped without warning and started again, sessions
ended, tables locked for longer than a lease. Every good login is one row, and no message was delivered twice for it."""

import signal
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest

from conftest import scaled
from lib import logins
from lib.processes import wait_until
from lib.store_world import (  # noqa: F401 (fixtures)
    DURABLE,
    VISIBILITY,
    LastingDatabase,
    make_cluster,
    make_store_world,
    own_postgres,
    rng,
    store_world,
)

IMMEDIATE, FAST = signal.SIGQUIT, signal.SIGINT  # as pg_ctl's -m has them
CHUNK = scaled(4000, 600)


def long(*values):
    return pytest.param(*values, marks=pytest.mark.long)


@pytest.fixture
def world(store_world):
    store_world.stub.settings(latency_ms=5)  # or all would be stored between two looks at it
    return store_world


def restart(world, how):
    world.database.cluster.halt(how)
    world.database.cluster.start()


# ---------------------------------------------------------------------------------------------------------------------
# Stopped, and started again


@pytest.mark.parametrize("how", [IMMEDIATE, FAST], ids=["immediate", "fast"])
def test_restarts_under_load(world, rng, how):
    run = world.service()
    for _ in range(3):
        world.load_until_somewhere(rng, CHUNK)
        before = len(run.events("database_connected"))
        restart(world, how)
        wait_until(lambda: len(run.events("database_connected")) > before, run.tail)
    world.end(run)
    assert len(run.events("database_unavailable", level="warn")) >= 3
    assert not run.events(level="error")


@pytest.mark.long
def test_restarts_under_load_with_two_workers(world, rng):
    runs = [world.service("--connections", "4") for _ in range(2)]
    for turn in range(30):
        world.load_until_somewhere(rng, CHUNK)
        restart(world, IMMEDIATE if turn % 3 else FAST)
    world.end(*runs)


def drain_until_somewhere(world, rng, *args):
    run = world.program.start("--drain", "--batch-rows", "20", "--concurrency", "4", *args)
    goal = rng.randint(1, CHUNK // 2)
    wait_until(lambda: world.database.count() >= goal, run.tail, every=0.002)
    return run


def test_a_drain_survives_a_restart(world, rng):
    """It is patient for a while: a restart is shorter than that."""
    world.load(CHUNK)
    run = drain_until_somewhere(world, rng)
    restart(world, IMMEDIATE)
    assert run.wait() == (3 if world.bad else 0), run.tail()
    world.check_books(run)
    world.check()
    world.check_unspent()


@pytest.mark.long
def test_a_drain_gives_up_a_database_that_stays_away(world, rng):
    """What it held is back in the queue at once, and is another's to store."""
    world.load(CHUNK)
    run = drain_until_somewhere(world, rng, "--visibility-timeout", "600")
    world.database.cluster.halt(IMMEDIATE)
    try:
        assert run.wait() == 1, run.tail()
        assert "without the database" in run.events(level="error")[0]["text"]
        assert world.queue.counts()[1] == 0, "nothing is held any more"
        assert world.counted("dead_lettered") == 0 and world.counted("expired") == 0
    finally:
        world.database.cluster.start()
    world.program.drain()
    world.check()


def whereabouts(world):
    """Of what was sent: how much is stored, and what has become of the rest."""
    unstored = {id for id, login in world.ids.items() if login.good} - world.database.ledger()
    taken_away = {message["MessageId"] for message in world.queue.dlq.take_all()} & world.ids.keys()
    return (
        f"{world.database.count()} rows of {len(world.good)}, (visible, in flight) {world.queue.counts()}; "
        f"{len(unstored)} have no row: {sorted(unstored)[:5]}; "
        f"{len(taken_away)} the queue's redrive has taken away: {sorted(taken_away)[:5]}\n"
    )


def test_a_real_queue_counts_no_delivery_twice(make_world, fauxqs, program, own_postgres, rng):
    """A second delivery would be one too many: the queue's own redrive takes the message away then."""
    database = LastingDatabase(own_postgres, f"real-{rng.getrandbits(40):x}")
    world = make_world(fauxqs, receives=1)
    world.database = database
    program.env["DATABASE_URL"] = database.url
    run = program.start("--batch-rows", "20", "--concurrency", "4", "--visibility-timeout", VISIBILITY)
    run.wait_event("ready")
    for turn in range(2):
        # Chosen before anything is sent: while that goes on, most of it may become rows, and few be left to wait for.
        goal = database.count() + rng.randint(1, CHUNK // 2)
        with ThreadPoolExecutor(1) as pool:
            sending = pool.submit(world.send, logins.make(CHUNK, seed=540 + turn, bad=0.02))
            wait_until(lambda: database.count() >= goal, lambda: f"{goal} rows: " + run.tail(), every=0.002)
            restart(world, IMMEDIATE)
            sending.result()

    def stored():
        return database.count() >= len(world.good) and world.queue.is_empty()

    wait_until(stored, lambda: whereabouts(world) + run.tail(), every=0.1)
    assert run.terminate() == 0
    assert len(run.events("database_unavailable", level="warn")) >= 2
    world.check()
    database.drop()


# ---------------------------------------------------------------------------------------------------------------------
# Sessions ended


@contextmanager
def repeatedly(act, pause):
    """As long as the body lasts. Says how often something came of it."""
    stop, met = threading.Event(), []

    def loop():
        while not stop.wait(pause()):
            met.append(act())

    thread = threading.Thread(target=loop)
    thread.start()
    try:
        yield met
    finally:
        stop.set()
        thread.join()


ENDED = 20
OURS = "FROM pg_stat_activity WHERE application_name = 'loginetl' AND datname = %s"


@pytest.mark.parametrize("how", ["pg_terminate_backend", "pg_cancel_backend"])
def test_sessions_are_ended_again_and_again(world, rng, how):
    runs = [world.service() for _ in range(2)]
    with world.database.cluster.connect() as admin:

        def end_them():
            return admin.execute(f"SELECT count({how}(pid)) {OURS}", [world.database.name]).fetchone()[0]

        with repeatedly(end_them, lambda: rng.uniform(0.01, 0.3)) as ended:
            while sum(ended) < ENDED:
                world.load_until_somewhere(rng, CHUNK)
    world.end(*runs)


# ---------------------------------------------------------------------------------------------------------------------
# Locked for longer than the lease


@pytest.mark.parametrize(
    "table, workers", [("user_logins", 2), long("user_logins", 1), ("loginetl_ledger", 1), long("loginetl_ledger", 2)]
)
def test_a_lock_that_outlasts_the_lease(world, table, workers):
    """Leases of five seconds are renewed for as long as it takes: nobody gets the messages a second time."""
    runs = [world.service() for _ in range(workers)]
    with world.database.cluster.connect(world.database.name) as other, other.transaction():
        other.execute(f"LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE")
        world.load(100)
        # Half a lease each: twice its whole length, and to spare.
        wait_until(lambda: world.counted("extended") >= 5 * world.queue.counts()[1] > 0, runs[0].tail)
    world.end(*runs)


@pytest.mark.long
def test_a_lock_for_a_minute_under_load(world):
    """More than a worker takes in at once waits in the queue, unspent."""
    runs = [world.service("--memory-limit", "1MiB") for _ in range(2)]
    with world.database.locked():
        world.load(5000)
        wait_until(lambda: world.counted("extended") >= 20 * world.queue.counts()[1] > 0, runs[0].tail, 120)
        assert world.queue.counts()[0] > 0
    world.end(*runs)


def test_a_lock_that_is_there_at_the_start(world):
    """Looking at the table's columns and preparing the statement wait for it: the program says nothing and starts when it is
    gone."""
    world.program.drain()
    world.load(50)
    with world.database.cluster.connect(world.database.name) as other, other.transaction():
        other.execute("LOCK TABLE user_logins IN ACCESS EXCLUSIVE MODE")
        run = world.program.start("--visibility-timeout", VISIBILITY)
        run.wait_event("database_connected")
        wait_until(
            lambda: world.database.value(
                "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
            ),
            run.tail,
        )
        assert world.counted("received") == 0, "what cannot be stored is not received"
    world.end(run)
