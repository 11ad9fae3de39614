"""The table as it is found: real types and lengths, more columns, other schemas, with and without the ledger."""

import pytest

from lib import logins
from lib.logins import login, reject
from lib.processes import wait_until

COLUMNS = [
    "user_id varchar(128)",
    "device_type varchar(32)",
    "masked_ip varchar(256)",
    "masked_device_id varchar(256)",
    "locale varchar(32)",
    "app_version integer",
    "create_date date",
]


def make_table(database, name="user_logins", **changes):
    """changes: column=definition, None to leave it out."""
    wanted = [definition for column in COLUMNS if (definition := changes.pop(column.split()[0], column)) is not None]
    database.execute(f"CREATE TABLE {name} ({', '.join([*wanted, *changes.values()])})")


def columns(database, table):
    return database.fetch(
        "SELECT column_name, data_type, character_maximum_length FROM information_schema.columns "
        "WHERE table_name = %s AND table_schema = 'public' ORDER BY ordinal_position",
        table,
    )


def test_the_tables_that_it_makes(world):
    world.program.drain(status=(0,))
    assert columns(world.database, "user_logins") == [
        ("user_id", "character varying", 128),
        ("device_type", "character varying", 32),
        ("masked_ip", "character varying", 256),
        ("masked_device_id", "character varying", 256),
        ("locale", "character varying", 32),
        ("app_version", "integer", None),
        ("create_date", "date", None),
    ]
    assert columns(world.database, "loginetl_ledger") == [
        ("sent_at", "timestamp with time zone", None),
        ("message_id", "uuid", None),
    ]
    partitions = world.database.value("SELECT count(*) FROM pg_inherits WHERE inhparent = 'loginetl_ledger'::regclass")
    assert partitions >= 3, "today's, tomorrow's and the default one"


def test_the_ledger_keeps_the_time_that_sqs_gave(world):
    world.send(logins.make(10, seed=80, bad=0))
    world.program.drain(status=(0,))
    world.check()
    oldest, newest = world.database.fetch("SELECT min(sent_at), max(sent_at) FROM loginetl_ledger")[0]
    assert abs((oldest - world.started).total_seconds()) < 300 and newest >= oldest
    in_default = world.database.value(
        "SELECT count(*) FROM loginetl_ledger l JOIN pg_class c ON c.oid = l.tableoid "
        "WHERE pg_get_expr(c.relpartbound, c.oid) = 'DEFAULT'"
    )
    assert in_default == 0, "today has a partition of its own"


def test_a_version_column_of_text(world):
    make_table(world.database, app_version="app_version varchar(8)")
    world.send(
        [
            login({"user_id": "a", "app_version": "0.16"}),
            login({"user_id": "b", "app_version": "0.1.6"}),
            login({"user_id": "c", "app_version": 7}),
            reject({"user_id": "d", "app_version": "1.2.3.4.5"}, "too_long", "app_version"),
            reject({"user_id": "e", "app_version": "2.x"}, "malformed_version", "app_version"),
        ]
    )
    world.program.drain(status=(3,))
    assert dict(world.database.fetch("SELECT user_id, app_version FROM user_logins")) == {
        "a": "0.16",
        "b": "0.1.6",
        "c": "7",
    }
    world.check_dead_letters()


@pytest.mark.parametrize("kind, largest", [("smallint", 32767), ("bigint", 2**63 - 1)])
def test_a_version_column_of_another_integer(world, kind, largest):
    make_table(world.database, app_version=f"app_version {kind}")
    world.send(
        [
            login({"user_id": "a", "app_version": str(largest)}),
            reject({"user_id": "b", "app_version": str(largest + 1)}, "out_of_range", "app_version"),
        ]
    )
    world.program.drain(status=(3,))
    world.check()


@pytest.mark.parametrize("how, expected", [("digits", 1203), ("packed", 1_020_003), ("major", 1)])
def test_how_a_version_becomes_a_number(world, how, expected):
    made = login({"user_id": "a", "app_version": "1.20.3" if how == "digits" else "1.20.3"}, version=how)
    world.send([made, login({"user_id": "b", "app_version": "0.16"}, version=how)])
    world.program.drain("--app-version", how, status=(0,))
    world.check()


def test_packed_versions_have_their_limits(world):
    world.send(
        [
            login({"user_id": "a", "app_version": "2147.483.647"}, version="packed"),
            reject({"user_id": "b", "app_version": "1.1000"}, "out_of_range", "app_version"),
            reject({"user_id": "c", "app_version": "2147.483.648"}, "out_of_range", "app_version"),
            reject({"user_id": "d", "app_version": "1.2.3.4"}, "malformed_version", "app_version"),
        ]
    )
    world.program.drain("--app-version", "packed", status=(3,))
    world.check()


def test_without_create_date(world):
    make_table(world.database, create_date=None)
    world.send(
        logins.make(50, seed=81, bad=0)
        + [reject({"user_id": "x", "create_date": "2023-02-30"}, "malformed_date", "create_date")]
    )
    world.program.drain(status=(3,))
    stored = dict(world.database.fetch("SELECT user_id, masked_ip FROM user_logins"))
    assert stored == {made.row[0]: made.row[2] for made in world.good}
    world.check_dead_letters()


def test_more_columns_with_defaults_and_another_order(world):
    world.database.execute(
        "CREATE TABLE user_logins (id bigserial PRIMARY KEY, create_date date, locale text, loaded_at timestamptz "
        "NOT NULL DEFAULT now(), app_version integer, masked_device_id text, note text, masked_ip text, "
        "device_type text, user_id text NOT NULL, doubled integer GENERATED ALWAYS AS (app_version * 2) STORED)"
    )
    world.send(logins.make(100, seed=82, bad=0))
    world.program.drain(status=(0,))
    world.check()
    assert world.database.value("SELECT count(*) FROM user_logins WHERE loaded_at IS NULL OR note IS NOT NULL") == 0


def test_lengths_are_read_from_the_table(world):
    make_table(world.database, user_id="user_id varchar(5)", locale="locale text")
    world.send(
        [
            login({"user_id": "ab\U0001f600de", "locale": "l" * 1000}),
            reject({"user_id": "abcdef"}, "too_long", "user_id"),
        ]
    )
    world.program.drain(status=(3,))
    world.check()


def test_columns_that_may_not_be_null(world):
    """Only the server knows: a message without a locale is rejected by its constraint."""
    make_table(world.database, locale="locale varchar(32) NOT NULL")
    world.send([login({"user_id": "a", "locale": "RU"})])
    world.queue.send(['{"user_id": "b"}'])
    run = world.program.drain("--on-reject", "discard", status=(3,))
    assert {event["reason"] for event in run.events("rejected")} <= {"constraint", "missing"}
    world.check_rows()


@pytest.mark.parametrize("table", ["accounts.user_logins", '"Quoted Schema"."User Logins"', '"a""b"'])
def test_a_qualified_and_quoted_table(world, table):
    schema = table.rpartition(".")[0]
    if schema:
        world.database.execute(f"CREATE SCHEMA {schema}")
    world.send(logins.make(30, seed=83, bad=0))
    world.program.drain("--table", table, status=(0,))
    world.check_rows(table)
    assert len(world.database.ledger(f"{schema}.loginetl_ledger" if schema else "loginetl_ledger")) == 30
    world.send(logins.make(30, seed=84, bad=0))
    world.program.drain("--table", table, "--schema", "require", status=(0,))
    world.check_rows(table)


def test_a_table_of_another_name_is_not_a_statement(world):
    result = world.program.run("--drain", "--table", "user_logins; DROP TABLE x")
    assert result.status in (1, 2) and "--table" in result.stderr, result


def test_the_printed_ddl_is_what_is_needed(world):
    """loginetl schema | psql, then --schema require, by a role that may only read and insert."""
    ddl = world.program.run("schema")
    assert ddl.status == 0
    world.database.execute(ddl.stdout)
    world.send(logins.make(50, seed=85, bad=0.1))
    world.program.drain("--schema", "require")
    world.check()


def test_the_printed_ddl_may_be_run_again(world):
    ddl = world.program.run("schema").stdout
    world.database.execute(ddl)
    world.database.execute(ddl)


def test_a_ledger_that_is_its_owners_to_keep(world, postgres):
    """Check and the start say so, and how to clean it; what they say to run does it."""
    ddl = world.program.run("schema").stdout
    with postgres.connect(world.database.name) as owner:
        owner.execute(ddl)
        owner.execute(f'GRANT INSERT ON user_logins TO "{world.database.name}"')
        owner.execute(f'GRANT SELECT, INSERT ON loginetl_ledger TO "{world.database.name}"')
        owner.execute(
            "INSERT INTO loginetl_ledger VALUES (now() - interval '16 days', gen_random_uuid()), "
            "(now() - interval '14 days', gen_random_uuid()), (to_timestamp(0), gen_random_uuid())"
        )
    checked = world.program.run("check")
    assert checked.status == 0, checked
    line = next(line for line in checked.stdout.splitlines() if " ledger " in line)
    assert line.startswith("warn  ledger       the ledger is another user's, ") and "ALTER TABLE … OWNER TO" in line
    run = world.program.drain(status=(0,))
    assert [event["text"] for event in run.events("ledger_upkeep", level="warn")] == [line.split(None, 2)[2]]
    with postgres.connect(world.database.name) as owner:
        owner.execute(line[line.index("DELETE FROM") :])
        days = owner.execute("SELECT extract(day FROM now() - sent_at) FROM loginetl_ledger ORDER BY 1").fetchall()
    assert len(days) == 2 and days[0][0] == 14, days


def test_without_the_ledger(world, stub):
    """At least once: a message that comes twice is two rows, unless the table has a key of its own."""
    world.send(logins.make(50, seed=86, bad=0))
    world.program.drain("--dedupe", "off", status=(0,))
    world.check_rows()
    assert not world.database.has_table("loginetl_ledger")
    assert world.queue.is_empty()


def test_without_the_ledger_and_with_a_key(world, stub):
    make_table(world.database, key="PRIMARY KEY (user_id)")
    world.send(logins.make(50, seed=87, bad=0))
    stub.fault("ReceiveMessage", "again", times=3)
    run = world.program.drain("--dedupe", "off", "--on-reject", "discard")
    world.check_rows()
    assert run.summary()["inserted"] == 50 and world.queue.is_empty()


def test_the_same_mask_as_hashlib_for_sha512(world):
    world.send(logins.make(50, seed=88, bad=0, mask_method="sha512"))
    world.program.drain("--mask", "sha512", status=(0,))
    world.check()


def test_a_mask_that_does_not_fit_its_column(world):
    make_table(world.database, masked_ip="masked_ip varchar(64)")
    result = world.program.run("--drain", "--mask", "sha512")
    if result.status == 1:
        assert "masked_ip" in result.stderr
    else:
        assert result.status == 0, "nothing was there to be rejected"


def test_the_table_is_dropped_and_made_again_while_it_runs(world):
    run = world.program.start()
    world.send(logins.make(10, seed=89, bad=0))
    wait_until(lambda: world.database.count() == 10, run.tail)
    world.database.execute("ALTER TABLE user_logins ADD COLUMN later text DEFAULT 'x'")
    world.send(logins.make(10, seed=90, bad=0))
    wait_until(lambda: world.database.count() == 20, run.tail)
    assert run.terminate() == 0
    world.check()
