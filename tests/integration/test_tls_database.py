"""TLS to the database: libpq looks at the certificate as sslmode has it, and what is wrong is told with the setting that mends it,
in words that quote nothing of what libpq or the server say."""

import shutil

import pytest

from lib.pki import HOST
from lib.places import place
from lib.postgres import PASSWORD
from lib.processes import free_port, wait_until

COUNT = 100


@pytest.fixture
def stub(make_stub):
    return make_stub("--generate", str(COUNT))


@pytest.fixture
def start(program, stub, tls_database):
    """A service, for which something may be wrong with the database."""

    def begin(*words, **changes):
        queue = {"AWS_ENDPOINT_URL_SQS": stub.url, "LOGINETL_QUEUE": stub.queue_name}
        where = place(tls_database, password=PASSWORD, **changes)
        return program.start(*words, env={**queue, "DATABASE_URL": where})

    return begin


def check_refused(run, stub, *words, quotes=()):
    """It ends with one line, as for a wrong password, and has received nothing."""
    assert run.wait() == 1
    events = run.events("database_refused")
    assert len(events) == 1 and all(word in events[0]["text"] for word in words), run.tail()
    assert not run.events("database_unavailable")
    check_quiet(run, stub, *quotes)


def check_quiet(run, stub, *quotes):
    assert not any(quote in run.stderr() for quote in (PASSWORD, *quotes))
    assert stub.requests_made("ReceiveMessage") == 0


@pytest.fixture
def showing(tls_postgres, pki):
    """Another certificate for as long as the test."""

    def show(name):
        tls_postgres.present(getattr(pki, name))

    yield show
    tls_postgres.present(pki.database)


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"sslmode": "verify-ca", "host": "elsewhere.example"},
        {"sslmode": "require", "host": "elsewhere.example", "sslrootcert": None},
        {"sslmode": None, "sslrootcert": None},
    ],
    ids=["verify-full", "verify-ca", "require", "nothing"],
)
def test_a_drain(start, tls_database, changes):
    """The server's authority is one below that of sslrootcert, and sent by it."""
    run = start("--drain", **changes)
    assert run.wait() == 0 and tls_database.count() == COUNT
    assert run.events("database_connected", tls="true")


@pytest.mark.parametrize("name", ["expired", "not_yet", "stranger", "own"])
def test_a_certificate_that_is_refused(start, stub, showing, name):
    showing(name)
    check_refused(start(), stub, "no authority in sslrootcert", "not valid at this time", "this machine's clock")


def test_a_certificate_that_is_refused_later(start, tls_database, showing, stub):
    """A service goes on when it is mended."""
    run = start()
    wait_until(lambda: tls_database.count() == COUNT, run.tail)
    showing("expired")
    tls_database.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = %s", tls_database.name)
    assert "not valid at this time" in run.wait_event("database_unavailable", reason="tls")["text"]
    count = len(run.events("database_connected"))
    showing("database")
    wait_until(lambda: len(run.events("database_connected")) > count, run.tail)
    assert run.terminate() == 0


def test_check_does_not_wait_for_a_certificate(program, stub, tls_database):
    """Nor for anything else that only somebody can mend."""
    queue = {"AWS_ENDPOINT_URL_SQS": stub.url, "LOGINETL_QUEUE": stub.queue_name}
    where = place(tls_database, password=PASSWORD, host="elsewhere.example")
    result = program.run("check", env={**queue, "DATABASE_URL": where})
    assert result.status == 1 and "certificate is for another host" in result.stdout
    assert result.stdout.count("FAIL  ") == 1


@pytest.mark.parametrize("other", ["well", "away"])
def test_one_of_two_hosts_has_another_certificate(start, tls_postgres, tls_database, other):
    """It says nothing of the other one, which is tried, and waited for."""
    ports = f"{tls_postgres.port},{tls_postgres.port if other == 'well' else free_port()}"
    run = start("--drain", host=f"elsewhere.example,{HOST}", hostaddr="127.0.0.1,127.0.0.1", port=ports)
    if other == "well":
        assert run.wait() == 0 and tls_database.count() == COUNT
    else:
        assert "for another host" in run.wait_event("database_unavailable", reason="tls")["text"]
        assert run.terminate() == 0


def test_require_takes_any_certificate(start, tls_database, showing):
    """What it is for is against those who only listen."""
    showing("own")
    assert start("--drain", sslmode="require", sslrootcert=None).wait() == 0 and tls_database.count() == COUNT


def test_another_host(start, stub):
    check_refused(start(host="elsewhere.example"), stub, "for another host", "--database-url", "sslmode=verify-ca", quotes=(HOST,))


def test_a_hostaddr_alone(start, stub):
    """There is no name that the certificate could be for."""
    check_refused(start(host=None, hostaddr="127.0.0.1"), stub, "no host is named", "give host= beside hostaddr=")


@pytest.mark.parametrize("text", [None, "no certificate\n"], ids=["missing", "no PEM"])
def test_authorities_that_are_none(start, stub, tmp_path, text):
    path = tmp_path / "authorities"
    if text:
        path.write_text(text)
    check_refused(start(sslrootcert=path), stub, "sslrootcert names no file of certificates in PEM")


def test_the_systems_authorities(start, stub):
    """A libpq before 16 takes the word for a file; ours would vouch for nobody here either way."""
    check_refused(start(sslrootcert="system"), stub, "sslrootcert")


def test_a_server_without_tls(program, stub, database):
    queue = {"AWS_ENDPOINT_URL_SQS": stub.url, "LOGINETL_QUEUE": stub.queue_name}
    run = program.start(env={**queue, "DATABASE_URL": f"{database.url}?sslmode=require"})
    check_refused(run, stub, "does not offer TLS", "sslmode")


# ---------------------------------------------------------------------------------------------------------------------
# Client certificates


@pytest.fixture
def client(tls_postgres, tls_database, pki, tmp_path):
    """The settings of one that the server wants of this user."""
    tls_postgres.admit(f'hostssl all "{tls_database.name}" all scram-sha-256 clientcert=verify-ca')
    key = tmp_path / "client.key"
    shutil.copy(pki.client.key, key)
    key.chmod(0o600)
    yield {"sslcert": pki.client.chain, "sslkey": key}
    tls_postgres.admit()


def test_a_client_certificate(start, tls_database, client):
    assert start("--drain", **client).wait() == 0 and tls_database.count() == COUNT


def test_no_client_certificate(start, stub, client):
    run = start("--drain")
    assert run.wait() == 1 and "sslcert and sslkey if the server wants a client certificate" in run.stderr()


def test_a_client_certificate_of_a_stranger(start, stub, client, pki, tmp_path):
    shutil.copy(pki.stranger.key, client["sslkey"])
    run = start(**{**client, "sslcert": pki.stranger.cert})
    assert "refused the handshake: check sslcert and sslkey" in run.wait_event("database_unavailable")["text"]
    assert run.terminate() == 0
    check_quiet(run, stub)


@pytest.mark.parametrize("what, words", [("sslcert", "sslcert names no certificate"), ("sslkey", "sslkey names no private key")])
def test_client_files_that_are_none(start, stub, client, tmp_path, what, words):
    (tmp_path / "none").write_text("nothing of the kind\n")
    (tmp_path / "none").chmod(0o600)
    check_refused(start(**{**client, what: tmp_path / "none"}), stub, words)


def test_a_key_that_all_may_read(start, stub, client):
    client["sslkey"].chmod(0o644)
    check_refused(start(**client), stub, "sslkey", "chmod 600")


# ---------------------------------------------------------------------------------------------------------------------


def test_a_drain_through_tls_on_both_sides(make_stub, program, tls_database, pki):
    """Of one private authority for both."""
    stub = make_stub("--generate", str(COUNT), "--cert", pki.queue.chain, "--key", pki.queue.key, scheme="https")
    queue = {"AWS_ENDPOINT_URL_SQS": stub.url, "LOGINETL_QUEUE": stub.queue_name, "AWS_CA_BUNDLE": pki.root.cert}
    run = program.drain(env={**queue, "DATABASE_URL": place(tls_database, password=PASSWORD)}, status=(0,))
    assert run.summary()["inserted"] == run.summary()["deleted"] == tls_database.count() == COUNT
    assert run.events("database_connected", tls="true")
