"""A table that changes under the running program, and rows that it refuses in unusual ways. What concerns every row ends the
program with a clear word, and loses nothing; what concerns one row harms that one alone."""

import json

import pytest

from conftest import scaled
from lib import logins
from lib.fault_proxy import CLOSE, FaultProxy
from lib.fault_world import some_bytes, through
from lib.processes import wait_until
from lib.store_world import (  # noqa: F401 (fixtures)
    make_cluster,
    make_store_world,
    own_postgres,
    rng,
    store_world,
)

TABLE = (
    "CREATE TABLE user_logins (user_id varchar(128), device_type varchar(32), masked_ip varchar(256), "
    "masked_device_id varchar(256), locale varchar(32), app_version integer, create_date date"
)


def long(value):
    return pytest.param(value, marks=pytest.mark.long)


@pytest.fixture
def world(store_world):
    return store_world


# ---------------------------------------------------------------------------------------------------------------------
# What concerns every row


def partitions_of_the_ledger(database):
    parts = "SELECT inhrelid::regclass FROM pg_inherits WHERE inhparent = 'loginetl_ledger'::regclass ORDER BY 1"
    return [row[0] for row in database.fetch(parts)]


def drop_partitions(database):
    database.execute(f"DROP TABLE {', '.join(partitions_of_the_ledger(database))}")


#: What happens to the tables; what is said about it; what mends it, when starting the program again does not.
CHANGES = {
    "a column is dropped": (
        "ALTER TABLE user_logins DROP COLUMN locale",
        "a column is missing",
        "ALTER TABLE user_logins ADD COLUMN locale varchar(32)",
    ),
    "a column is renamed": (
        "ALTER TABLE user_logins RENAME COLUMN locale TO place",
        "a column is missing",
        "ALTER TABLE user_logins RENAME COLUMN place TO locale",
    ),
    "a column changes its type": (
        "ALTER TABLE user_logins ALTER COLUMN device_type TYPE integer USING NULL",
        "a column has changed its type",
        "ALTER TABLE user_logins ALTER COLUMN device_type TYPE varchar(32)",
    ),
    "a column comes that must have a value": (
        "ALTER TABLE user_logins ADD COLUMN reviewed_by text NOT NULL",
        "a column that nothing fills",
        "ALTER TABLE user_logins DROP COLUMN reviewed_by",
    ),
    "the table is dropped": ("DROP TABLE user_logins", "a table is missing", None),
    "the privilege is revoked": (
        "REVOKE INSERT ON user_logins FROM CURRENT_USER",
        "permission denied",
        "GRANT INSERT ON user_logins TO CURRENT_USER",
    ),
    "the ledger is dropped": ("DROP TABLE loginetl_ledger", "a table is missing", None),
    "the ledger's partitions are dropped": (drop_partitions, "the ledger refuses", None),
    "the ledger gets another column": (
        "ALTER TABLE loginetl_ledger ADD COLUMN told text NOT NULL",
        "the ledger refuses",
        "ALTER TABLE loginetl_ledger DROP COLUMN told",
    ),
    "the ledger loses its key": (
        "ALTER TABLE loginetl_ledger DROP CONSTRAINT loginetl_ledger_pkey",
        "the ledger has lost its primary key",
        "ALTER TABLE loginetl_ledger ADD PRIMARY KEY (sent_at, message_id)",
    ),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_that_ends_the_program(world, change):
    """One clear line, nothing lost, no good message in the dead-letter queue. Mended and started again, it goes on."""
    what, words, mend = CHANGES[change]
    run = world.service()
    if callable(what):
        what(world.database)
    else:
        world.database.execute(what)
    world.load(200, bad=0.05)
    assert run.wait() == 1, run.tail()
    complaints = run.events(level="error")
    assert len(complaints) == 1 and words in complaints[0]["text"], complaints
    assert world.queue.counts()[1] == 0, "all of it is back"
    if mend:
        world.database.execute(mend)
    run = world.service()
    world.settle(run)
    assert run.terminate() == 0
    world.check()


#: What the program need not notice.
HARMLESS = {
    "the table is replaced": f"BEGIN; ALTER TABLE user_logins RENAME TO old_logins; {TABLE}); INSERT INTO user_logins "
    "SELECT * FROM old_logins; DROP TABLE old_logins; COMMIT",
    "a wider type": "ALTER TABLE user_logins ALTER COLUMN app_version TYPE bigint",
    "an index": "CREATE UNIQUE INDEX ON user_logins (user_id)",
    "a privilege is revoked and granted at once": "BEGIN; REVOKE INSERT ON user_logins FROM CURRENT_USER; "
    "GRANT INSERT ON user_logins TO CURRENT_USER; COMMIT",
}


@pytest.mark.parametrize("change", HARMLESS)
def test_a_change_that_does_not_matter(world, rng, change):
    world.stub.settings(latency_ms=5)
    run = world.service()
    world.load_until_somewhere(rng, scaled(4000, 600))
    world.database.execute(HARMLESS[change])
    world.load(100)
    world.end(run)
    assert not run.events(level="error")


def test_the_ledger_loses_its_days(world):
    """The default partition takes what has no other."""
    run = world.service()
    for name in partitions_of_the_ledger(world.database):
        if not name.endswith("default"):
            world.database.execute(f"DROP TABLE {name}")
    world.load(200)
    world.end(run)
    assert world.database.count("loginetl_ledger_default") >= len(world.good)


# ---------------------------------------------------------------------------------------------------------------------
# What concerns one row, in a code that does not say so


REFUSE = """
CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    IF NEW.user_id LIKE 'refused-%%' THEN RAISE EXCEPTION 'no % today', NEW.user_id USING ERRCODE = '{}'; END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER refuse BEFORE INSERT ON user_logins FOR EACH ROW EXECUTE FUNCTION refuse()
"""


def refuse_some(world, sqlstate):
    world.program.drain()
    world.database.execute(REFUSE.format(sqlstate).replace("%%", "%"))


def refused(number):
    body = json.dumps({"user_id": f"refused-{number}-0123456789", "ip": f"77.66.55.{number + 10}"})
    return logins.reject(body, "constraint", personal=(f"77.66.55.{number + 10}",))


def keep_it_company(world, run):
    """Loads others until it is gone: how many tries it is given meanwhile is a matter of time."""

    def it_is_gone():
        world.load(20)
        wait_until(lambda: world.database.count() >= len(world.good), run.tail)
        return world.queue.is_empty()

    wait_until(it_is_gone, run.tail, every=0.1)


@pytest.mark.parametrize("sqlstate", ["38000", "54000", long("21000"), long("P0001"), long("23514")])
def test_one_row_is_refused(world, sqlstate):
    """Others are stored meanwhile, and those after it: so it is the row."""
    refuse_some(world, sqlstate)
    run = world.service()
    world.load(100)
    world.send([refused(0)])
    keep_it_company(world, run)
    world.end(run)


@pytest.mark.parametrize("sqlstate", ["38000", "54000"])
def test_a_drain_with_rows_that_are_refused(world, sqlstate):
    """A drain has no more company for them than the queue holds."""
    refuse_some(world, sqlstate)
    world.load(scaled(4000, 800))
    world.send([refused(number) for number in range(3)])
    world.load(scaled(4000, 800))
    run = world.program.start("--drain", "--batch-rows", "50")
    assert run.wait() == 3, run.tail()
    world.check_books(run)
    world.check()


# ---------------------------------------------------------------------------------------------------------------------
# A key of the table's own instead of the ledger


@pytest.fixture
def proxied(world):
    proxy = FaultProxy(world.database.cluster.port)
    world.program.env["DATABASE_URL"] = through(world.database.url, proxy)
    yield proxy
    world.program.finish()
    proxy.stop()


def check_without_ledger(world, *runs):
    world.check_rows()
    world.check_books(*runs)
    world.check_dead_letters()
    assert world.queue.is_empty()


def test_an_answer_that_gets_lost(world, proxied):
    """The rows are stored, and nobody hears of it: sent again, they are recognised by the table's key, not rejected."""
    world.database.execute(f"{TABLE}, UNIQUE (user_id))")
    run = world.service("--dedupe", "off")
    while proxied.count[CLOSE] < 5:
        world.load(100)
        proxied.answers.cut(lambda: 0, CLOSE, times=1)
        world.load(100)
        world.settle(run)
    assert run.terminate() == 0
    check_without_ledger(world, run)
    assert run.summary()["duplicate"] > 0, "the test met what it is for"


def test_connections_cut_anywhere(world, proxied, rng):
    world.database.execute(f"{TABLE}, UNIQUE (user_id))")
    world.stub.settings(latency_ms=5)
    run = world.service("--dedupe", "off")
    proxied.answers.cut(some_bytes(1000), CLOSE, times=10)
    proxied.questions.cut(some_bytes(100_000), CLOSE, times=5)
    world.load(scaled(10_000, 2000))
    world.settle(run)
    assert proxied.count[CLOSE] >= 5
    proxied.heal()
    assert run.terminate() == 0
    check_without_ledger(world, run)


def test_messages_that_come_again(world):
    world.database.execute(f"{TABLE}, PRIMARY KEY (user_id))")
    world.stub.fault("ReceiveMessage", "again", times=-1, probability=0.3)
    runs = [world.service("--dedupe", "off", "--batch-rows", "10") for _ in range(2)]
    world.load(1000)
    wait_until(lambda: world.database.count() >= len(world.good), runs[0].tail)
    world.stub.clear_faults()
    wait_until(world.queue.is_empty, runs[0].tail)
    for run in runs:
        assert run.terminate() == 0
    assert sum(run.summary()["duplicate"] for run in runs) > 0, "the test met what it is for"
    world.check_rows()
    world.check_dead_letters(once=False)


@pytest.mark.parametrize(
    "make",
    [
        f"{TABLE}, UNIQUE (user_id) DEFERRABLE)",
        f"{TABLE}, UNIQUE (user_id)); CREATE RULE audit AS ON INSERT TO user_logins DO ALSO NOTIFY logins",
        f"{TABLE}, create_time timestamptz DEFAULT now(), EXCLUDE (user_id WITH =))",
        f"{TABLE}, PRIMARY KEY (user_id, create_date)) PARTITION BY RANGE (create_date);"
        "CREATE TABLE all_logins PARTITION OF user_logins DEFAULT",
    ],
    ids=["deferrable", "rule", "exclusion", "partitioned"],
)
def test_keys_of_every_kind(world, make):
    """Where the server takes no ON CONFLICT the rows are stored all the same."""
    world.database.execute(make)
    world.load(100)
    run = world.program.drain("--dedupe", "off")
    check_without_ledger(world, run)
    checked = world.program.run("check", "--dedupe", "off")
    assert checked.status == 0 and "--dedupe off" in checked.stdout


def test_a_key_that_the_table_makes_itself(world):
    """It is another one each time, and recognises nothing."""
    world.database.execute(f"{TABLE}, id bigserial PRIMARY KEY)")
    checked = world.program.run("check", "--dedupe", "off")
    assert checked.status == 0 and "becomes a second row" in checked.stdout
    world.load(100)
    check_without_ledger(world, world.program.drain("--dedupe", "off"))


# ---------------------------------------------------------------------------------------------------------------------
# A table in parts


PARTS = f"{TABLE}) PARTITION BY RANGE (create_date)"
NULLS = "ALTER TABLE user_logins ADD COLUMN reviewed_by text NOT NULL"

#: The table; what happens to it; what is said about it; what mends it.
FORGOTTEN = {
    "this month's partition": (
        f"{PARTS}; CREATE TABLE the_past PARTITION OF user_logins FOR VALUES FROM ('2000-01-01') TO ('2001-01-01')",
        None,
        "no partition for a row",
        "CREATE TABLE the_rest PARTITION OF user_logins DEFAULT",
    ),
    "a column's default": (
        f"{PARTS}; CREATE TABLE all_logins PARTITION OF user_logins DEFAULT",
        NULLS,
        "a column that nothing fills",
        "ALTER TABLE user_logins DROP COLUMN reviewed_by",
    ),
}


def of_today(number):
    return logins.login({"user_id": f"today-{number}", "ip": f"77.66.54.{number % 250}"})


@pytest.mark.parametrize("what", FORGOTTEN)
def test_something_is_forgotten(world, what):
    """Good messages wait for it, in the queue and with us."""
    make, change, words, mend = FORGOTTEN[what]
    world.database.execute(make)
    run = world.service("--log-level", "debug")
    if change:
        world.database.execute(change)
    world.send([of_today(number) for number in range(300)])
    wait_until(lambda: len(run.events("database_statement")) >= 20, run.tail)
    told = run.events("database_statement", level="warn")
    assert told and all(words in event["text"] for event in told), told
    assert world.queue.dlq.is_empty() and world.database.count() == 0
    world.database.execute(mend)
    world.end(run)


def test_dates_for_which_nobody_made_a_partition(world):
    """They harm nobody else, and a drain does not wait for them."""
    world.database.execute(PARTS)
    for year in range(-1, 2):
        days = "SELECT current_date + %s, current_date + %s"
        begin, end = world.database.fetch(days, year * 365, (year + 1) * 365)[0]
        part = f"CREATE TABLE year{year + 1} PARTITION OF user_logins"
        world.database.execute(f"{part} FOR VALUES FROM ('{begin}') TO ('{end}')")
    world.send([of_today(number) for number in range(500)])
    for number in range(20):
        body = json.dumps({"user_id": f"absurd-{number}", "ip": f"77.66.55.{number}", "create_date": "1970-01-01"})
        world.send([logins.reject(body, "constraint", personal=(f"77.66.55.{number}",))])
    world.send([of_today(number) for number in range(500, 1000)])
    run = world.program.start("--drain", "--batch-rows", "50")
    assert run.wait() == 3, run.tail()
    world.check_books(run)
    world.check()


@pytest.mark.parametrize("sqlstate", ["42P01", long("0A000"), long("55000"), long("XX000")])
def test_one_row_is_refused_as_if_it_were_the_table(world, sqlstate):
    """A trigger that does not find where the row belongs. The program does not end because of it, again and again."""
    test_one_row_is_refused(world, sqlstate)


def test_one_row_is_refused_by_a_policy(world):
    """With the code of a privilege that is missing."""
    world.program.drain()
    world.database.execute(
        "ALTER TABLE user_logins ENABLE ROW LEVEL SECURITY; ALTER TABLE user_logins FORCE ROW LEVEL SECURITY; "
        "CREATE POLICY all_of_it ON user_logins FOR SELECT USING (true); "
        "CREATE POLICY not_these ON user_logins FOR INSERT WITH CHECK (user_id NOT LIKE 'refused-%')"
    )
    run = world.service()
    world.load(100)
    world.send([refused(0)])
    keep_it_company(world, run)
    world.end(run)


def test_the_ledger_gets_a_day_under_a_statement(world):
    """The statement had chosen the default partition, which is no longer the right one."""
    world.program.drain()
    database = world.database
    ledger = "ALTER TABLE loginetl_ledger"
    days = "SELECT relname, pg_get_expr(relpartbound, oid) FROM pg_class WHERE relkind = 'r' AND relname ~ '_2'"
    run = world.service()
    bounds = database.fetch(days)
    for name, _ in bounds:
        database.execute(f"{ledger} DETACH PARTITION {name}")
    waiting = "SELECT count(*) FROM pg_stat_activity WHERE datname = %s AND wait_event_type = 'Lock'"
    with database.cluster.connect() as other, database.connection.transaction():
        for name, bound in bounds:
            database.execute(f"{ledger} ATTACH PARTITION {name} {bound}")
        world.load(200)
        wait_until(lambda: other.execute(waiting, [database.name]).fetchone()[0] > 0, run.tail)
    world.end(run)
    told = run.events("database_statement", level="warn")
    assert told and "getting a day's partition" in told[0]["text"], "the test met what it is for"
