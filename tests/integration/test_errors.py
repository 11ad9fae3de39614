"""What goes wrong at the start is said in one clear line that names the setting to change, with the right exit status."""

import re
import subprocess

import pytest

from lib import logins
from lib.postgres import PASSWORD
from lib.processes import free_port, wait_until
from lib.program import binary

TABLE = (
    "CREATE TABLE user_logins (user_id varchar(128), device_type varchar(32), masked_ip varchar(256), "
    "masked_device_id varchar(256), locale varchar(32), app_version integer, create_date date)"
)


def complaints(result):
    """The lines that say what is wrong: errors of the log, or what a usage error prints."""
    lines = []
    for line, event in zip(result.stderr.splitlines(), result.events):
        if event.get("level") == "error" or line.startswith("loginetl: "):
            lines.append(line)
    return lines


def check(result, status, *names):
    """One line says it, and it names one of these settings."""
    assert result.status == status, result
    lines = complaints(result)
    assert len(lines) == 1, result.stderr
    assert any(name in lines[0] for name in names), lines[0]


def no_secret(result, *secrets):
    for secret in secrets:
        assert secret not in result.stderr and secret not in result.stdout


# ---------------------------------------------------------------------------------------------------------------------
# Usage: exit 2, before anything is touched


@pytest.mark.parametrize(
    "args, names",
    [
        (["--concurrency", "0"], ["--concurrency", "0", "256"]),
        (["--concurrency", "257"], ["--concurrency", "257", "256"]),
        (["--concurrency", "many"], ["--concurrency", "many"]),
        (["--concurrency", "8x"], ["--concurrency", "8x"]),
        (["--concurrency"], ["--concurrency"]),
        (["--wait-time", "21"], ["--wait-time", "21", "20"]),
        (["--visibility-timeout", "4"], ["--visibility-timeout", "4", "43200"]),
        (["--connections", "33"], ["--connections", "33", "32"]),
        (["--batch-rows", "10001"], ["--batch-rows", "10001", "10000"]),
        (["--dedupe-window", "16"], ["--dedupe-window", "16", "15"]),
        (["--schema", "drop"], ["--schema", "drop", "create", "require"]),
        (["--dedupe", "maybe"], ["--dedupe", "maybe", "ledger", "off"]),
        (["--mask", "rot13"], ["--mask", "rot13", "sha256"]),
        (["--on-reject", "ignore"], ["--on-reject", "ignore", "dlq", "leave", "discard"]),
        (["--app-version", "roman"], ["--app-version", "roman", "digits"]),
        (["--memory-limit", "lots"], ["--memory-limit", "lots"]),
        (["--require", "user_id,nobody"], ["--require", "nobody"]),
        (["--no-such-option"], ["--no-such-option"]),
        (["--queue-url", "not a url"], ["--queue-url"]),
        (["--endpoint-url", "ftp://127.0.0.1"], ["--endpoint-url"]),
        (["nonsense"], ["nonsense"]),
        (["--drain", "surplus"], ["surplus"]),
        (["--config", "/no/such/file"], ["--config", "/no/such/file"]),
    ],
)
def test_wrong_usage(world, args, names):
    result = world.program.run(*args)
    check(result, 2, names[0])
    assert all(name in result.stderr for name in names), result.stderr
    assert result.stdout == ""


@pytest.mark.parametrize(
    "variable, value, names",
    [
        ("LOGINETL_CONCURRENCY", "0", ["LOGINETL_CONCURRENCY", "256"]),
        ("LOGINETL_MASK", "md5", ["LOGINETL_MASK", "md5"]),
        ("LOGINETL_QUEUE", "no such/name", ["LOGINETL_QUEUE"]),
        ("LOGINETL_QUEUE_FILE", "/no/such/file", ["LOGINETL_QUEUE_FILE", "/no/such/file"]),
        ("AWS_SECRET_ACCESS_KEY", None, ["AWS_SECRET_ACCESS_KEY"]),
    ],
)
def test_wrong_environment(world, variable, value, names):
    env = {variable: value, **({"LOGINETL_QUEUE": None} if variable == "LOGINETL_QUEUE_FILE" else {})}
    result = world.program.run("--drain", env=env)
    assert result.status == 2, result
    assert all(name in result.stderr for name in names), result.stderr


def test_a_wrong_line_in_the_config_file(world, tmp_path):
    (tmp_path / "conf").write_text("# a comment\nconcurrency = 4\nconcurency = 5\n")
    result = world.program.run("--config", tmp_path / "conf")
    check(result, 2, "concurency")
    assert ":3" in result.stderr or "line 3" in result.stderr, result.stderr


def test_two_values_for_one_setting(world, tmp_path):
    (tmp_path / "queue").write_text("another\n")
    result = world.program.run("--drain", env={"LOGINETL_QUEUE_FILE": tmp_path / "queue"})
    assert result.status == 2 and "LOGINETL_QUEUE" in result.stderr, result


def test_no_region_for_aws(world):
    result = world.program.run("--drain", env={"AWS_ENDPOINT_URL_SQS": None, "AWS_REGION": None})
    check(result, 2, "--region", "AWS_REGION")


# ---------------------------------------------------------------------------------------------------------------------
# The queue


def test_what_cannot_be_reached(world):
    """Queue and database, in two drains side by side: each tries for a while."""
    port = free_port()
    queue = world.program.start("--drain", env={"AWS_ENDPOINT_URL_SQS": f"http://127.0.0.1:{port}"})
    database = world.program.start("--drain", env={"DATABASE_URL": f"postgresql://u:{PASSWORD}@127.0.0.1:{port}/d"})
    queue.wait()
    database.wait()
    check(queue.result(), 1, "--endpoint-url", "AWS_ENDPOINT_URL", "--queue")
    check(database.result(), 1, "--database-url", "DATABASE_URL")
    assert f"127.0.0.1:{port}" in queue.stderr()
    no_secret(database.result(), PASSWORD)


def test_a_service_waits_for_its_queue(world, stub, make_stub):
    """What a drain gives up, a service keeps trying for: it may well be started before its queue."""
    port = free_port()
    world.send(logins.make(5, seed=40, bad=0))
    bodies = [login.body for login in world.sent]
    run = world.program.start(env={"AWS_ENDPOINT_URL_SQS": f"http://127.0.0.1:{port}"})
    run.wait_event("queue_away")
    late = make_stub("--port", str(port), queue=world.queue.name)
    late.add(bodies)
    wait_until(lambda: world.database.count() == 5, run.tail)
    wait_until(lambda: late.count("deleted") == 5, run.tail)
    assert run.terminate() == 0


def test_a_missing_queue(world):
    check(world.program.run("--drain", env={"LOGINETL_QUEUE": "nobodys-queue"}), 1, "nobodys-queue")


def test_a_missing_queue_by_url(world, stub):
    check(
        world.program.run("--drain", "--queue-url", f"{stub.url}/000000000000/nobodys-queue"),
        1,
        "--queue",
        "nobodys-queue",
    )


@pytest.mark.parametrize("code", ["InvalidClientTokenId", "SignatureDoesNotMatch", "UnrecognizedClientException"])
def test_wrong_credentials(world, stub, code):
    stub.fault("*", "error", status=403, code=code, times=-1)
    result = world.program.run("--drain")
    check(result, 1, "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "credentials")
    no_secret(result, world.program.env["AWS_SECRET_ACCESS_KEY"])


def test_access_denied(world, stub):
    stub.fault("ReceiveMessage", "error", status=403, code="AccessDenied", times=-1)
    result = world.program.run("--drain")
    check(result, 1, "sqs:ReceiveMessage", "ReceiveMessage")


def test_access_denied_on_delete_is_fatal_and_loses_nothing(world, stub):
    world.send(logins.make(50, seed=41, bad=0))
    stub.fault("DeleteMessageBatch", "error", status=403, code="AccessDenied", times=-1)
    result = world.program.run("--drain", "--visibility-timeout", "5")
    check(result, 1, "DeleteMessage")
    stub.clear_faults()
    wait_until(lambda: world.queue.counts()[0] == 50, "everything is in the queue again")
    world.program.drain(status=(0,))
    world.check()


# ---------------------------------------------------------------------------------------------------------------------
# The database


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
    assert result.status in (1, 2)
    assert "--database-url" in result.stderr or "DATABASE_URL" in result.stderr
    no_secret(result, "secret-word")


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


# ---------------------------------------------------------------------------------------------------------------------


def test_stdout_that_cannot_be_written(world):
    """A drain whose line for people is lost has still drained, but says that something went wrong."""
    world.send(logins.make(5, seed=43, bad=0))
    with open("/dev/full", "wb") as full:
        status = subprocess.run(
            [binary(), "--drain"], env=world.program.environment(), stdout=full, stderr=subprocess.DEVNULL, timeout=120
        ).returncode
    assert status == 1
    world.check()
