"""The queue over https: with the right certificate authority it is like any other, with a wrong one nothing is sent."""

import subprocess

import pytest

from lib.program import is_sanitized
from test_errors import check

COUNT = 500
MiB = 1 << 10  # in kB


@pytest.fixture
def https(tmp_path, make_stub):
    """A stub over https with some logins in its queue, and the certificate to trust it by."""

    def make(names, count=COUNT, *more):
        command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", "-subj", "/CN=queue"]
        command += ["-addext", f"subjectAltName={names}", "-keyout", tmp_path / "key", "-out", tmp_path / "cert"]
        subprocess.run(command, check=True, capture_output=True)
        options = ["--generate", str(count), "--cert", tmp_path / "cert", "--key", tmp_path / "key", *more]
        return make_stub(*options, scheme="https"), {"AWS_CA_BUNDLE": tmp_path / "cert"}

    return make


def environment(stub, database, more):
    queue = {"AWS_ENDPOINT_URL_SQS": stub.url, "LOGINETL_QUEUE": stub.queue_name}
    return {**queue, "DATABASE_URL": database.url, **more}


@pytest.mark.parametrize("concurrency", [1, 32])
def test_a_drain_over_https(https, program, database, concurrency):
    stub, trust = https("IP:127.0.0.1")
    run = program.drain("--concurrency", str(concurrency), env=environment(stub, database, trust), status=(0,))
    assert run.summary()["inserted"] == run.summary()["deleted"] == COUNT
    assert database.count() == COUNT


def test_connections_count_in_the_memory_limit(https, program, database):
    """Each keeps some dozens of kilobytes over TLS, and there are hundreds."""
    stub, trust = https("IP:127.0.0.1", 5000, "--body-size", "64000", "--latency-ms", "20")
    words = ["--concurrency", "128", "--memory-limit", "64MiB"]
    run = program.drain(*words, env=environment(stub, database, trust), status=(0,), watch=True)
    assert database.count() == 5000
    assert is_sanitized() or run.memory_kb < 80 * MiB


def test_a_certificate_that_nobody_vouches_for(https, program, database):
    stub, _ = https("IP:127.0.0.1")
    check(program.run("--drain", env=environment(stub, database, {})), 1, "AWS_CA_BUNDLE")


def test_a_certificate_of_another_host(https, program, database):
    stub, trust = https("DNS:elsewhere.example")
    check(program.run("--drain", env=environment(stub, database, trust)), 1, "AWS_CA_BUNDLE", "--endpoint-url")
