"""What goes wrong with the database at the start is said in one clear line that names the setting to change."""

import re

import pytest

from lib import logins
from lib.postgres import PASSWORD
from lib.processes import free_port, wait_until
from test_errors import check, no_secret

TABLE = (
    "CREATE TABLE user_logins (user_id varchar(128), device_type varchar(32), masked_ip varchar(256), "
    "masked_device_id varchar(256), locale varchar(32), app_version integer, create_date date)"
)


@pytest.mark.parametrize(
    "change",
    [
        lambda url: url.replace(PASSWORD, "wrong-password"),
        lambda url: url.replace(f":{PASSWORD}@", "@"),
        lambda url: url.replace("://test", "://nobody"),
        lambda url: url + "-that-is-not-there",
    ],
    ids=["wrong password", "no password", "no such user", "no such database"],
)
def test_a_database_that_refuses_us(world, change):
    result = world.program.run("--drain", env={"DATABASE_URL": change(world.database.url)})
    check(result, 1, "--database-url", "DATABASE_URL")
    no_secret(result, "wrong-password", PASSWORD)


def test_a_malformed_database_url(world):
    result = world.program.run("--drain", env={"DATABASE_URL": "postgresql://u:secret-word@[half"})
    check(result, 2, "--database-url", "DATABASE_URL")
    no_secret(result, "secret-word")


@pytest.mark.parametrize("url", ["postgresql://u:half@REST@127.0.0.1:1/x", "postgresql://u:12/REST@h/x", "postgresql://u:half@RE!ST/x"])
@pytest.mark.parametrize("command", ["check", "--drain"])
def test_a_database_password_that_is_not_encoded(world, command, url):
    """What libpq would take for the host is a piece of it: it is neither shown nor looked up."""
    result = world.program.run(command, "--log-level", "debug", "--database-url", url)
    check(result, 2, "write @ as %40 and / as %2F")
    assert "--database-url" in result.stderr and "(from the command line)" in result.stderr
    no_secret(result, "half", "REST", "RE!ST")


@pytest.mark.parametrize(
    "url, words",
    [
        ("postgresql://u:s3cret@h/d?sslmod=disable", "it has a parameter sslmod, which libpq does not know (did you mean sslmode?)"),
        ("postgresql://u:s3cret@h/d?sslmode=disable&schema=public", "it has a parameter schema, which libpq does not know"),
        ("host=h password=s3cret prot=1", "it has a parameter prot, which libpq does not know (did you mean port?)"),
        ("host=h password=my s3cret=x", "or it has a parameter that libpq does not know"),
        ("postgresql://u:12/34?s3cret=x@h/d", "or it has a parameter that libpq does not know"),
        ("postgresql://h/d?password=12&s3cret=@h/d", "or it has a parameter that libpq does not know"),
    ],
)
def test_a_parameter_that_libpq_does_not_know(program, url, words):
    """It is named, unless it may be a piece of a password."""
    result = program.run("--drain", env={"DATABASE_URL": url})
    check(result, 2, f"--database-url: {words} (from DATABASE_URL)", words)
    no_secret(result, "s3cret")


@pytest.mark.parametrize(
    "url, words",
    [
        ("postgresql+psycopg2://u:s3cret@h/d", "a URL begins with postgresql:// or postgres:// here"),
        ("postgresql://u:%s3cret@h/d", "write % as %25"),
        ("postgresql://u:s3cret@h/d?sslmode=verify_full", "its sslmode (or PGSSLMODE) has a value that libpq does not know"),
    ],
)
def test_a_database_url_as_others_write_it(program, url, words):
    result = program.run("--drain", env={"DATABASE_URL": url})
    check(result, 2, words)
    no_secret(result, "s3cret", "verify_full")


def test_a_database_that_is_not_there_as_meant(world):
    """Nothing said where it is; TLS asked of a server that has none. At once: each tries for a while."""
    port = free_port()
    nothing = world.program.start("check", env={"DATABASE_URL": None, "PGPORT": port})
    no_tls = world.program.start("check", env={"DATABASE_URL": f"{world.database.url}?sslmode=require"})
    assert nothing.wait() == 1 and no_tls.wait() == 1
    assert (
        "FAIL  database     none of --database-url, DATABASE_URL and PGHOST is set, and no server answers at the local "
        f"socket of port {port}\n"
    ) in nothing.stdout()
    assert "the server does not offer TLS" in no_tls.stdout() and "sslmode" in no_tls.stdout()


def test_a_missing_table_when_it_is_required(world):
    """The DDL that is missing is there to be copied."""
    result = world.program.run("--drain", "--schema", "require")
    assert result.status == 1 and "user_logins" in result.stderr and "--schema" in result.stderr
    assert "CREATE TABLE" in result.stderr + result.stdout
    assert not world.database.has_table()


def test_a_missing_ledger_when_it_is_required(world):
    world.database.execute(TABLE)
    result = world.program.run("--drain", "--schema", "require")
    assert result.status == 1 and "loginetl_ledger" in result.stderr
    assert not world.database.has_table("loginetl_ledger")


def test_a_missing_column(world):
    world.database.execute(TABLE.replace("locale varchar(32), ", ""))
    result = world.program.run("--drain")
    assert result.status == 1 and re.search("locale", result.stderr), result
    checked = world.program.run("check")
    advice = "the table lacks locale: ALTER TABLE user_logins ADD COLUMN …, each as `loginetl schema` prints it"
    assert checked.status == 1 and f"FAIL  columns      {advice}\n" in checked.stdout, checked


def test_several_missing_columns(world):
    """What it says mends all of them."""
    world.database.execute(TABLE.replace("locale varchar(32), ", "").replace("user_id varchar(128), ", ""))
    result = world.program.run("--drain")
    said = re.search(r"lacks columns: user_id,locale; run: (ALTER TABLE [^;]*;)", result.stderr)
    assert result.status == 1 and said, result
    world.database.execute(said[1])
    world.send(logins.make(5, seed=44, bad=0))
    world.program.drain(status=(0,))
    world.check()


def test_a_schema_that_is_not_there(world):
    run = world.program.run("--drain", "--table", "nowhere.logins")
    check(run, 1, "no such schema: create it, or check --table")
    checked = world.program.run("check", "--table", "nowhere.logins")
    assert checked.status == 1, checked
    for thing in ("table", "ledger"):
        assert f"FAIL  {thing:12} no such schema: create it, or check --table" in checked.stdout


def test_a_column_that_cannot_take_its_values(world):
    world.database.execute(TABLE.replace("user_id varchar(128)", "user_id integer"))
    result = world.program.run("--drain")
    assert result.status == 1 and "user_id" in result.stderr, result


def test_another_column_that_must_have_a_value(world):
    world.database.execute(TABLE.replace("create_date date", "create_date date, reviewed_by text NOT NULL"))
    result = world.program.run("--drain")
    assert result.status == 1 and "reviewed_by" in result.stderr, result


def test_no_permission_to_insert(world, postgres):
    world.database.execute(TABLE)
    with postgres.connect(world.database.name) as admin:
        admin.execute("ALTER TABLE user_logins OWNER TO postgres")
    world.send(logins.make(5, seed=42, bad=0))
    result = world.program.run("--drain")
    assert result.status == 1 and "user_logins" in result.stderr, result
    wait_until(lambda: world.queue.counts()[0] == 5, "everything is in the queue again")
