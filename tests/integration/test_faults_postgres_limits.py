"""A database at its limits: no space left, no connection left, no time for a statement. The program waits, says why, and
goes on when there is room again; nothing is lost and no message is delivered twice for it."""

import contextlib
import os
import pwd
import subprocess

import psycopg
import pytest

from lib.postgres import PASSWORD
from lib.processes import wait_until
from lib.store_world import (  # noqa: F401 (fixtures)
    FLOW,
    VISIBILITY,
    make_cluster,
    make_store_world,
    own_postgres,
    store_world,
)


def told(run, sqlstate):
    """Lines at the level of a warning or above that name the code."""
    return [event for event in run.events(sqlstate=sqlstate) if event["level"] != "debug"]


# ---------------------------------------------------------------------------------------------------------------------
# No space left


def make_wide_table(world):
    """One whose rows take a page each, nearly, so that space runs out soon."""
    world.program.drain()
    world.database.execute("ALTER TABLE user_logins SET (fillfactor = 10)")


def fill_up(world, run, sqlstate):
    """Sends more than there is space for, and waits until the program has seen that a few times."""
    world.load(1500, bad=0.005)
    run.wait_event("database_statement", sqlstate=sqlstate)
    wait_until(lambda: world.counted("extended") >= 2 * world.queue.counts()[1] > 0, run.tail)
    wait_until(lambda: len(run.events("database_statement", sqlstate=sqlstate)) >= 3, run.tail)
    assert len(told(run, sqlstate)) == 1, "once is enough"
    assert world.database.count() < len(world.good)
    assert world.counted("sent") and not run.events(level="error")


def put_on_tiny_disk(cluster):
    """Restarts the server with a file system of 2 MiB, for a tablespace. Answers how to make it larger."""
    space = cluster.home / "space"
    space.mkdir()
    cluster.halt()
    user = pwd.getpwnam("postgres")
    mount = f"mount -t tmpfs -o size=2m,uid={user.pw_uid},gid={user.pw_gid},mode=700 none {space}"
    cluster.under = ["unshare", "--mount", "sh", "-c", f'{mount} && exec "$@"', "sh"]
    cluster.start()
    with cluster.connect() as admin:
        admin.execute(f"CREATE TABLESPACE tiny LOCATION '{space}'")
        admin.execute("GRANT CREATE ON TABLESPACE tiny TO public")
    enter = ["nsenter", f"--target={cluster.process.pid}", "--mount"]
    return lambda: subprocess.run([*enter, "mount", "-o", "remount,size=64m", space], check=True)


def may_mount():
    command = ["unshare", "--mount", "mount", "-t", "tmpfs", "none", "/mnt"]
    return os.geteuid() == 0 and subprocess.run(command, capture_output=True).returncode == 0


@pytest.mark.skipif(not may_mount(), reason="a file system of a test's own takes a root who may mount")
def test_a_full_disk(make_store_world, make_cluster):
    cluster = make_cluster()
    enlarge = put_on_tiny_disk(cluster)
    world = make_store_world(cluster)
    make_wide_table(world)
    world.database.execute("ALTER TABLE user_logins SET TABLESPACE tiny")
    run = world.service()
    fill_up(world, run, "53100")
    assert "disk is full" in told(run, "53100")[0]["text"]
    enlarge()
    world.end(run)


def test_files_that_may_not_grow(make_store_world, make_cluster):
    """A limit on the size of the server's files: it has no code of its own for that, and calls it an internal error."""
    cluster = make_cluster(initdb=["--wal-segsize=1"], min_wal_size="2MB")
    world = make_store_world(cluster)
    make_wide_table(world)
    limit(cluster, 2 << 20)
    run = world.service()
    fill_up(world, run, "XX000")
    limit(cluster, "unlimited")
    with cluster.connect() as admin:  # sessions keep the limit that they began with
        admin.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'loginetl'")
    world.end(run)


def limit(cluster, size):
    """For sessions that begin from now on."""
    subprocess.run([*cluster.prefix, "prlimit", f"--pid={cluster.process.pid}", f"--fsize={size}:"], check=True)


# ---------------------------------------------------------------------------------------------------------------------
# No connection left


def limit_connections(admin, world, most):
    """As a server that has no more than these: it is the same error."""
    admin.execute(f'ALTER ROLE "{world.database.name}" CONNECTION LIMIT {most}')


def test_no_connection_left_at_the_start(store_world):
    store_world.load(50)
    with store_world.database.cluster.connect() as admin:
        limit_connections(admin, store_world, 0)
        run = store_world.program.start("--visibility-timeout", VISIBILITY)
        run.wait_event("database_unavailable", sqlstate="53300")
        wait_until(lambda: len(run.events("database_unavailable")) >= 3, run.tail)
        assert len(told(run, "53300")) == 1
        assert "too many connections" in told(run, "53300")[0]["text"]
        limit_connections(admin, store_world, -1)
    store_world.end(run)


def take_places(cluster, user, count):
    """So many connections. One that is refused is tried again: sessions that are ending, and the program's own attempts,
    hold a place for a moment."""
    connections = []

    def take_another():
        with contextlib.suppress(psycopg.OperationalError):
            connections.append(psycopg.connect(cluster.url("postgres", user)))
        return len(connections) == count

    wait_until(take_another, lambda: f"{len(connections)} of {count} connections")
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(cluster.url("postgres", user))
    return connections


def test_no_connection_left_after_an_outage(make_store_world, make_cluster):
    """The server itself is full: others take all its places before the program is back."""
    cluster = make_cluster(max_connections="10", superuser_reserved_connections="3")
    world = make_store_world(cluster)
    run = world.service()
    world.load(50)
    world.settle(run)
    with cluster.connect() as admin:  # which has a place of its own, all the time
        admin.execute(f"CREATE ROLE crowd LOGIN PASSWORD '{PASSWORD}'")
        limit_connections(admin, world, 0)
        admin.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'loginetl'")
        run.wait_event("database_unavailable", sqlstate="53300")
        ours = admin.execute(
            "SELECT count(*) FROM pg_stat_activity"
            " WHERE backend_type = 'client backend' AND application_name <> 'loginetl'"
        ).fetchone()[0]
        crowd = take_places(cluster, "crowd", 10 - 3 - ours)
        limit_connections(admin, world, -1)
        world.load(200)
        seen = len(run.events("database_unavailable", sqlstate="53300"))
        wait_until(lambda: len(run.events("database_unavailable", sqlstate="53300")) >= seen + 3, run.tail)
        assert world.database.count() < len(world.good)
        assert len(told(run, "53300")) == 1
    for connection in crowd:
        connection.close()
    world.end(run)


# ---------------------------------------------------------------------------------------------------------------------
# No time


SETTINGS = {
    "statement_timeout": ("57014", "300ms"),
    "idle_session_timeout": ("57P05", "100ms"),
    "lock_timeout": ("55P03", "300ms"),
    "idle_in_transaction_session_timeout": (None, "1ms"),
}


OTHERS = [pytest.param(setting, marks=pytest.mark.long) for setting in list(SETTINGS)[2:]]


@pytest.mark.parametrize("setting", list(SETTINGS)[:2] + OTHERS)
def test_a_timeout_of_the_server(store_world, setting):
    """Set for the role, as an administrator would. The statement is held up by a lock, or the session is idle, again and
    again; and then it is not."""
    world = store_world
    sqlstate, value = SETTINGS[setting]
    world.program.drain()
    with world.database.cluster.connect() as admin:
        admin.execute(f'ALTER ROLE "{world.database.name}" SET {setting} = \'{value}\'')
    run = world.service("--batch-rows", "2")  # so that a row would soon stand alone, were it taken for the culprit
    with world.database.locked():
        world.load(100)
        wait_until(lambda: world.counted("received") > len(world.bad), run.tail)
        if sqlstate and setting != "idle_session_timeout":
            wait_until(lambda: len(run.events(sqlstate=sqlstate)) >= 4, run.tail)
    world.settle(run)
    if setting == "idle_session_timeout":
        wait_until(lambda: len(run.events(sqlstate=sqlstate)) >= 4, run.tail)
        world.load(50)
    world.end(run)


#: What a table does whose own trigger is slow: two hundred rows take two seconds.
SLOW_ROWS = """
CREATE FUNCTION dawdle() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(0.01); RETURN NEW; END $$;
CREATE TRIGGER dawdle BEFORE INSERT ON user_logins FOR EACH ROW EXECUTE FUNCTION dawdle()
"""


@pytest.mark.parametrize("drains", [False, True])
def test_a_time_limit_that_only_small_batches_meet(store_world, drains):
    """Tried whole it would be tried for ever."""
    world = store_world
    world.program.drain()
    world.database.execute(SLOW_ROWS)
    with world.database.cluster.connect() as admin:
        admin.execute(f'ALTER ROLE "{world.database.name}" SET statement_timeout = \'500ms\'')
    world.load(700)
    flow = ("--batch-rows", "200", "--connections", "1")
    if drains:
        run = world.program.start("--drain", *FLOW, *flow)
        assert run.wait(120) == 3, run.tail()
        assert world.stored()
        world.check_books(run)
        world.check()
        world.check_unspent()
    else:
        run = world.service(*flow)
        world.end(run)
    assert run.events("database_statement", sqlstate="57014")
