"""A primary and its hot standby: the program finds whichever takes writes, goes on there, and waits while neither does. A
server that takes no writes is not a row's fault."""

import signal

import pytest

from conftest import scaled
from lib.processes import wait_until
from lib.standby import Standby, url_of
from lib.store_world import (  # noqa: F401 (fixtures)
    make_cluster,
    make_store_world,
    own_postgres,
    rng,
    store_world,
)

CHUNK = scaled(4000, 600)
READ_ONLY = "25006"


@pytest.fixture
def pair(make_cluster, make_store_world):
    """A world on the primary, the primary, its standby."""
    primary = make_cluster()
    world = make_store_world(primary)
    world.stub.settings(latency_ms=5)
    standby = make_cluster(Standby, primary=primary)  # has the world's database from the beginning
    standby.keep_up()
    return world, primary, standby


def set_read_only(cluster, value):
    """Of every statement from now on: the server tells its sessions before it lets a new one in."""
    with cluster.connect() as admin:
        admin.execute("SET default_transaction_read_only = off")
        admin.execute(f"ALTER SYSTEM SET default_transaction_read_only = {value}")
        admin.execute("SELECT pg_reload_conf()")
    wait_until(lambda: read_only(cluster) == value, cluster.process.tail)


def read_only(cluster):
    with cluster.connect() as other:
        return other.execute("SHOW default_transaction_read_only").fetchone()[0]


def fenced(primary):
    """Stays up, and takes no writes any more."""
    set_read_only(primary, "on")


def crashed(primary):
    primary.halt(signal.SIGQUIT)


READ_WRITE, ANY = "?target_session_attrs=read-write", ""  # with several hosts it is what the program wants anyway


@pytest.mark.parametrize(
    "fate, attributes",
    [
        (crashed, READ_WRITE),
        (fenced, ANY),
        pytest.param(crashed, ANY, marks=pytest.mark.long),
        pytest.param(fenced, READ_WRITE, marks=pytest.mark.long),
    ],
)
def test_a_failover_under_load(pair, rng, fate, attributes):
    world, primary, standby = pair
    world.program.env["DATABASE_URL"] = url_of(world.database, standby, primary) + attributes
    run = world.service()
    world.load_until_somewhere(rng, CHUNK)
    fate(primary)
    world.load(20)  # all the rest may have been stored already
    run.wait_event("database_unavailable")
    standby.promote()
    world.database.move(standby)
    world.end(run)
    assert not run.events(level="error")


def test_a_server_that_turns_read_only_under_load(store_world, rng):
    """The only one there is: the program waits until it takes writes again."""
    store_world.stub.settings(latency_ms=5)
    cluster = store_world.database.cluster
    run = store_world.service()
    for _ in range(2):
        store_world.load_until_somewhere(rng, CHUNK)
        seen = len(run.events("database_unavailable", sqlstate=READ_ONLY))
        set_read_only(cluster, "on")
        try:
            store_world.load(20)  # all the rest may have been stored already
            wait_until(lambda: len(run.events("database_unavailable", sqlstate=READ_ONLY)) >= seen + 3, run.tail)
        finally:
            set_read_only(cluster, "off")
        store_world.settle(run)
    store_world.end(run)
    assert not run.events(level="error")


def test_a_standby_alone_is_waited_for(pair):
    """Given the address of a standby, a program that is started too early says what is wrong, and begins when it is promoted."""
    world, primary, standby = pair
    world.program.drain()
    world.load(50)
    standby_url = url_of(world.database, standby)
    run = world.program.start("--visibility-timeout", "5", env={"DATABASE_URL": standby_url})
    assert "read-only" in run.wait_event("database_unavailable")["text"]
    refused = world.program.run("check", env={"DATABASE_URL": standby_url})
    assert refused.status == 1 and "read-only" in refused.stdout
    crashed(primary)
    standby.promote()
    world.database.move(standby)
    world.end(run)


# ---------------------------------------------------------------------------------------------------------------------
# A host that does not let us in: a standby that lags behind and does not know a new user yet, or another cluster


def test_a_host_that_refuses_is_passed_over(make_store_world, make_cluster, own_postgres):
    """As long as the other one is away, too, it is not final: that one may be the right one."""
    right, wrong = make_cluster(), own_postgres
    world = make_store_world(right)
    world.program.env["DATABASE_URL"] = url_of(world.database, wrong, right)
    run = world.service()
    world.load(50)
    world.settle(run)
    right.halt(signal.SIGQUIT)
    wait_until(lambda: len(run.events("database_unavailable", sqlstate="28P01")) >= 3, run.tail)
    right.start()
    world.load(50)
    world.end(run)
    assert not run.events(level="error")


def test_all_hosts_refuse(store_world):
    world = store_world
    cluster = world.database.cluster
    run = world.program.run(env={"DATABASE_URL": url_of(world.database, cluster, cluster).replace("://", "://nobody-")})
    assert run.status == 1
    assert len([event for event in run.events if event.get("level") == "error"]) == 1
