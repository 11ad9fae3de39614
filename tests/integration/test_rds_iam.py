"""Tokens instead of a password: each connection to the database brings one of its own, made with the credentials that sign the
requests to the queue, and a real PostgreSQL has it looked at as AWS would."""

import threading
import urllib.parse

import pytest

from lib import places
from lib.iam import Directory
from lib.pki import RDS_HOST
from lib.postgres import PASSWORD
from lib.processes import wait_until
from lib.queue_faults import stopped
from lib.queues import CREDENTIALS
from test_errors import check

COUNT = 100
REGION = "eu-west-1"  # the host's name says it, and the queue's is another
AUTH = {"LOGINETL_DATABASE_AUTH": "rds-iam"}
ADVICE = ("rds-db:connect", "region", "this machine's clock")


@pytest.fixture(scope="module")
def shared_directory():
    directory = Directory()
    yield directory
    directory.close()


@pytest.fixture
def directory(shared_directory, tls_postgres, tls_database):
    shared_directory.expect(CREDENTIALS, RDS_HOST, tls_postgres.port, REGION)
    tls_postgres.admit(shared_directory.hba(tls_database.name))
    yield shared_directory
    tls_postgres.admit()


def place(database, host=RDS_HOST, **more):
    return places.place(database, host, **more)


@pytest.fixture
def loaded(make_stub):
    return make_stub("--generate", str(COUNT))


@pytest.fixture
def environment(loaded, directory, tls_database):
    queue = {"AWS_ENDPOINT_URL_SQS": loaded.url, "LOGINETL_QUEUE": loaded.queue_name}
    return {**queue, **AUTH, "DATABASE_URL": place(tls_database)}


def check_outputs(program, directory):
    """No part of a token that is worth anything."""
    output = "".join(path.read_text() for path in program.output_paths())
    for token in directory.tokens:
        assert urllib.parse.parse_qs(token)["X-Amz-Signature"][0] not in output
    assert "X-Amz-" not in output


@pytest.mark.parametrize("session_token", [None, "FwoGZXIvYXdzE//" + "t0k+n/" * 200 + "=="], ids=["keys", "session"])
def test_a_drain_with_tokens(program, environment, directory, tls_postgres, tls_database, session_token):
    keys = {**CREDENTIALS, **({"AWS_SESSION_TOKEN": session_token} if session_token else {})}
    directory.expect(keys, RDS_HOST, tls_postgres.port, REGION)
    run = program.drain(env={**environment, "AWS_SESSION_TOKEN": session_token}, status=(0,))
    assert not run.events("settings"), "the queue's endpoint is no place of AWS's"
    assert run.summary()["inserted"] == tls_database.count() == COUNT
    assert len(directory.tokens) == len(run.events("database_connected", tls="true")) == 2 and not directory.faults
    check_outputs(program, directory)


def test_each_connection_has_a_token_of_its_own(program, environment, directory, tls_database):
    """And one that is made later has a later one."""
    run = program.start(env=environment)
    wait_until(lambda: tls_database.count() == COUNT, run.tail)
    before = len(directory.tokens)
    seconds = {urllib.parse.parse_qs(token)["X-Amz-Date"][0] for token in directory.tokens}

    def later():
        tls_database.execute("RESET ROLE")
        tls_database.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s AND pid <> pg_backend_pid()",
            tls_database.name,
        )
        return any(urllib.parse.parse_qs(token)["X-Amz-Date"][0] not in seconds for token in directory.tokens[before:])

    wait_until(later, run.tail, every=0.3)
    assert not directory.faults and run.terminate() == 0
    check_outputs(program, directory)


def test_check_names_it(program, environment, directory):
    result = program.run("check", "--database-auth", "rds-iam", env={**environment, "LOGINETL_DATABASE_AUTH": None})
    assert result.status == 0 and "over TLS, signed in by --database-auth rds-iam\n" in result.stdout, result
    assert len(directory.tokens) == 1


def test_a_refusal_says_what_to_look_at(program, environment, directory):
    directory.refusing = True
    runs = [program.start(*words, env=environment) for words in (["--drain"], ["check"])]
    assert [run.wait() for run in runs] == [1, 1]
    check(runs[0].result(), 1, "--database-auth rds-iam")
    for said in (runs[0].stderr(), runs[1].stdout()):
        assert all(word in said for word in (*ADVICE, "SQLSTATE 28000", RDS_HOST)), said
    check_outputs(program, directory)


def test_a_refusal_may_pass_once_a_token_was_taken(program, environment, directory, tls_database):
    """The service that looks at tokens has limits of its own: it is no reason to end."""
    run = program.start(env=environment)
    wait_until(lambda: tls_database.count() == COUNT, run.tail)
    directory.refusing = True
    tls_database.execute("RESET ROLE")
    tls_database.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = %s", tls_database.name)
    event = run.wait_event("database_unavailable", sqlstate="28000")
    assert all(word in event["text"] for word in ADVICE)
    count = len(run.events("database_connected"))
    directory.refusing = False
    wait_until(lambda: len(run.events("database_connected")) > count, run.tail)
    assert run.terminate() == 0


@pytest.mark.parametrize("hours", [1, -1], ids=["behind", "ahead"])
def test_a_wrong_clock_is_corrected_by_the_queue(program, environment, directory, loaded, tls_database, hours):
    """The first token is made before the queue has answered, and is refused; the next one by the service's time is not."""
    loaded.settings(skew_s=3600 * hours)
    directory.skew_s = 3600 * hours
    with stopped(loaded.process):
        run = program.start("--drain", env=environment)
        event = run.wait_event("database_unavailable", sqlstate="28000")
        assert "this machine's clock" in event["text"]
    assert run.wait() == 0 and tls_database.count() == COUNT
    assert run.events("clock_skew") and len(directory.tokens) == 2
    assert directory.faults and all(fault.startswith("its age is ") for fault in directory.faults)


@pytest.mark.parametrize("answer", [None, {"status": 403, "code": "AccessDenied"}], ids=["answered", "denied"])
def test_a_refusal_is_final_when_the_queue_has_seen_the_clock(program, environment, directory, loaded, answer):
    """Also where the queue's answer is one that the work can do without."""
    directory.refusing = True
    if answer:
        loaded.fault("GetQueueAttributes", "error", times=-1, **answer)
    with stopped(loaded.process):
        run = program.start("--queue-url", f"{loaded.url}/000000000000/{loaded.queue_name}", env={**environment, "LOGINETL_QUEUE": None})
        run.wait_event("database_unavailable", sqlstate="28000")
    assert run.wait() == 1
    refused = run.events("database_refused")
    assert len(refused) == 1 and "--database-auth rds-iam" in refused[0]["text"]


def test_the_connection_waits_for_the_first_credentials(program, environment, directory, tls_postgres, tls_database, metadata):
    may_answer = threading.Event()
    answer = metadata.answer
    metadata.answer = lambda handler: may_answer.wait(60) and answer(handler)
    keys = {"AWS_ACCESS_KEY_ID": "KEY1", "AWS_SECRET_ACCESS_KEY": "fetched-secret", "AWS_SESSION_TOKEN": "fetched-token"}
    directory.expect(keys, RDS_HOST, tls_postgres.port, REGION)
    run = program.start("--drain", env={**environment, **metadata.environment("container")})
    event = run.wait_event("database_unavailable", reason="credentials")
    assert event["level"] == "debug" and event["text"].endswith("waiting for AWS credentials to make its token with")
    may_answer.set()
    assert run.wait() == 0 and tls_database.count() == COUNT
    assert not directory.faults and "fetched-" not in run.stderr() + run.stdout()


def test_the_region_of_the_settings_for_a_name_that_has_none(program, environment, directory, tls_postgres, tls_database):
    """verify-full would want its name: it is somebody's own."""
    directory.expect(CREDENTIALS, "db.front.example", tls_postgres.port, CREDENTIALS["AWS_REGION"])
    url = place(tls_database, host="db.front.example", sslmode=None)
    run = program.drain(env={**environment, "DATABASE_URL": url}, status=(0,))
    assert tls_database.count() == COUNT and not directory.faults
    assert run.events("database_connected", tls="true")  # require is the default


def test_a_host_in_capitals(program, environment, directory, tls_postgres, tls_database):
    """The token holds the name as it was given, as botocore's does, and its region all the same."""
    host = RDS_HOST.upper()
    directory.expect(CREDENTIALS, host, tls_postgres.port, REGION)
    run = program.drain(env={**environment, "DATABASE_URL": place(tls_database, host=host)}, status=(0,))
    assert tls_database.count() == COUNT and not directory.faults
    check_outputs(program, directory)


def test_a_region_that_nobody_has_said_is_not_made_up(program, environment, tls_database):
    """A queue of an emulator's does without."""
    none = {"AWS_REGION": None, "AWS_DEFAULT_REGION": None}
    url = place(tls_database, host=f"{RDS_HOST},db.front.example", hostaddr="127.0.0.1,127.0.0.1")
    result = program.run("check", env={**environment, **none, "DATABASE_URL": url})
    check(result, 2, "--database-auth rds-iam")
    assert "give --region or AWS_REGION (from DATABASE_URL or the PG* variables)" in result.stderr, result
    program.drain(env={**environment, **none}, status=(0,))
    assert tls_database.count() == COUNT


def test_several_hosts_have_tokens_of_their_own(program, environment, directory, tls_database):
    """The first one's is no good here, as it would be for the second."""
    url = place(tls_database, host=f"other.abc.us-east-1.rds.amazonaws.com,{RDS_HOST}", hostaddr="127.0.0.1,127.0.0.1", sslmode="verify-ca")
    program.drain(env={**environment, "DATABASE_URL": url}, status=(0,))
    assert tls_database.count() == COUNT
    assert directory.faults and all(fault.startswith("other.abc.us-east-1") for fault in directory.faults)


def test_a_password_beside_it_is_not_used(program, environment, directory, tls_database):
    url = place(tls_database, password=PASSWORD)
    run = program.drain(env={**environment, "DATABASE_URL": url}, status=(0,))
    assert tls_database.count() == COUNT and not directory.faults
    warning = run.events("database_auth", level="warn")
    assert len(warning) == 1 and "PGPASSWORD" in warning[0]["text"]
    checked = program.run("check", env={**environment, "PGPASSWORD": PASSWORD})
    assert checked.status == 0 and "warn  database     a password is given" in checked.stdout, checked
    check_outputs(program, directory)


@pytest.mark.parametrize(
    "change, names",
    [
        ({"sslmode": "disable"}, ["sslmode"]),
        ({"sslmode": "allow"}, ["sslmode"]),
        ({"host": None}, ["no host is named"]),
        ({"host": "/run/db", "hostaddr": None}, ["socket"]),
    ],
    ids=["disable", "allow", "no name", "socket"],
)
def test_where_no_token_can_be_sent(program, environment, tls_database, change, names):
    result = program.run("--drain", env={**environment, "DATABASE_URL": place(tls_database, **change)})
    check(result, 2, "--database-auth rds-iam")
    assert all(name in result.stderr for name in [*names, "from DATABASE_URL or the PG* variables"]), result.stderr


def test_credentials_are_wanted_even_where_the_queue_needs_none(program, environment):
    none = {name: None for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")}
    check(program.run("--drain", env={**environment, **none}), 2, "AWS_ACCESS_KEY_ID")


def test_a_token_that_is_taken_for_a_password(program, environment, directory, tls_postgres):
    """As a server does that has not been told who brings tokens."""
    tls_postgres.admit()
    result = program.run("--drain", env=environment)
    check(result, 1, "--database-auth rds-iam")
    assert all(word in result.stderr for word in ("SQLSTATE 28P01", "password of the user's own", "GRANT rds_iam"))
    assert not directory.tokens and not directory.faults
    check_outputs(program, directory)


def test_a_server_without_tls_gets_no_token(program, environment, database):
    url = f"host=localhost hostaddr=127.0.0.1 port={database.cluster.port} user={database.name} dbname={database.name}"
    check_trouble(program, {**environment, "DATABASE_URL": url}, "the server does not offer TLS", "RDS always has", "--database-url")


@pytest.mark.parametrize(
    "change, names",
    [
        ({"sslrootcert": None}, ["sslrootcert names no file", "global-bundle.pem"]),
        ({"sslrootcert": "system"}, ["global-bundle.pem"]),
        ({"sslrootcert": "stranger"}, ["no authority in sslrootcert vouches", "global-bundle.pem", "this machine's clock"]),
        ({"host": "alias.example"}, ["for another host", "the database's own endpoint", "hostaddr="]),
    ],
    ids=["no authorities", "system", "stranger", "another host"],
)
def test_a_certificate_that_is_refused_gets_no_token(program, environment, directory, tls_database, pki, tmp_path, change, names):
    """And nobody is led to look at sslmode for it: with less than verify-full the token would go to a stranger."""
    if change.get("sslrootcert") == "stranger":
        change = {"sslrootcert": pki.stranger.cert}
    said = check_trouble(program, {**environment, "HOME": tmp_path, "DATABASE_URL": place(tls_database, **change)}, *names)
    assert "sslmode" not in said and "/etc/ssl" not in said
    assert not directory.tokens and not directory.faults


def check_trouble(program, environment, *names):
    """The line in which the database's trouble is told, which ends it."""
    result = program.run(env=environment)
    check(result, 1, *names)
    return result.stderr
