"""pgbouncer in between. In transaction mode every transaction may get another session, in which a prepared statement is not
there or is another's: the program notices, says so once, and does without. It is restarted under load, too."""

import signal

import pytest

from conftest import scaled
from lib.pgbouncer import PgBouncer
from lib.processes import wait_until
from lib.store_world import (  # noqa: F401 (fixtures)
    make_cluster,
    make_store_world,
    own_postgres,
    rng,
    store_world,
)

CHUNK = scaled(4000, 600)
LOST = ("26000", "42P05")  # the statement is not there, or there is one of that name


def long(value):
    return pytest.param(value, marks=pytest.mark.long)


@pytest.fixture
def make_pooler(store_world, tmp_path):
    poolers = []

    def make(mode, **settings):
        poolers.append(PgBouncer(tmp_path, store_world.database, mode, **settings))
        store_world.program.env["DATABASE_URL"] = poolers[-1].url
        return poolers[-1]

    yield make
    store_world.program.finish()
    for pooler in poolers:
        pooler.stop()


@pytest.fixture
def world(store_world):
    store_world.stub.settings(latency_ms=5)
    return store_world


def without_prepared_statements(run):
    return len(run.events("database_pooler", level="warn"))


@pytest.mark.parametrize("mode", ["session", "transaction", long("statement")])
def test_two_workers(world, make_pooler, mode):
    """With fewer sessions than they have connections, unless each keeps its own."""
    make_pooler(mode, default_pool_size=8 if mode == "session" else 3)
    runs = [world.service("--connections", "3") for _ in range(2)]
    world.load(CHUNK)
    world.settle(*runs)
    while mode != "session" and not any(map(without_prepared_statements, runs)):
        world.load(CHUNK)
        world.settle(*runs)
    world.end(*runs)
    for run in runs:
        assert not run.events(level="error")
        assert without_prepared_statements(run) <= (mode != "session")
        assert sum(len(run.events(sqlstate=code)) for code in LOST) <= 6, "it learns"


@pytest.mark.parametrize("mode", ["transaction", *map(long, ["session", "statement"])])
def test_check(world, make_pooler, mode):
    make_pooler(mode)
    world.program.drain()
    checked = world.program.run("check")
    assert checked.status == 0, checked


@pytest.mark.parametrize("how", [long(signal.SIGTERM), signal.SIGKILL], ids=["told", "killed"])
@pytest.mark.parametrize("mode", ["session", "transaction"])
def test_restarts_under_load(world, make_pooler, rng, mode, how):
    pooler = make_pooler(mode)
    run = world.service()
    for _ in range(3):
        world.load_until_somewhere(rng, CHUNK)
        pooler.halt(how)
        pooler.start()
    world.end(run)
    assert not run.events(level="error")


@pytest.mark.parametrize("mode", [long("session"), "transaction"])
def test_the_server_behind_it_restarts(world, make_pooler, rng, mode):
    """The pooler stays, and answers in its own words as long as there is no server: to a connection at once, to a
    statement that waits for a server after its own time."""

    def troubles():
        return len(run.events("database_unavailable")) + len(run.events(sqlstate="08P01"))

    make_pooler(mode, query_wait_timeout=2)
    run = world.service()
    for _ in range(2):
        world.load_until_somewhere(rng, CHUNK)
        seen = troubles()
        world.database.cluster.halt(signal.SIGQUIT)
        world.load(20)  # all the rest may have been stored already
        wait_until(lambda: troubles() > seen, run.tail)
        world.database.cluster.start()
        world.settle(run)
    world.end(run)
    assert not run.events(level="error")


def test_a_pool_that_is_too_small(world, make_pooler):
    """Waiting for a session ends by the pooler's own timeout, again and again."""
    make_pooler("transaction", default_pool_size=1, query_wait_timeout=1)
    run = world.service("--connections", "2")
    with world.database.locked():
        world.load(200)
        wait_until(lambda: len(run.events(sqlstate="08P01")) >= 3, run.tail)
    world.end(run)
    assert not run.events(level="error")


def test_a_table_of_another_worker(world, make_pooler):
    """Two workers with two tables share sessions: each stores its own rows in its own table."""
    make_pooler("transaction", default_pool_size=1)
    other = world.stub.sqs.create("others")
    runs = [world.service(), world.service(env={"LOGINETL_QUEUE": other.name, "LOGINETL_TABLE": "other_logins"})]
    world.load(CHUNK)
    other.send(['{"user_id": "other-%d"}' % number for number in range(300)])
    wait_until(lambda: world.database.count("other_logins") >= 300 and other.is_empty(), runs[1].tail)
    assert world.database.count("other_logins") == 300
    world.settle(*runs)
    for run in runs:
        assert run.terminate() == 0
    world.check_rows()
