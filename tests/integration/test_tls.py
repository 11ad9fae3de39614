"""The queue over https, directly or through a proxy: with the right certificate authority it is like any other, with a wrong
one nothing is sent."""

import ssl

import pytest

from lib import namespaces
from lib.http_proxy import HttpProxy
from lib.processes import free_port
from lib.program import is_sanitized
from test_errors import check, no_secret

COUNT = 500
MiB = 1 << 10  # in kB


@pytest.fixture
def serve(make_stub):
    """A stub over https that shows one of the run's certificates, with some logins in its queue."""

    def make(certificate, count=5, *more):
        chain = certificate.chain if certificate.chain.read_text() else certificate.cert
        options = ["--generate", str(count), "--cert", chain, "--key", certificate.key, *more]
        return make_stub(*options, scheme="https")

    return make


@pytest.fixture
def https(serve, pki):
    """The same with the right certificate, and what to trust it by."""
    return lambda count=COUNT, *more: (serve(pki.queue, count, *more), {"AWS_CA_BUNDLE": pki.root.cert})


def environment(stub, database, more):
    queue = {"AWS_ENDPOINT_URL_SQS": stub.url, "LOGINETL_QUEUE": stub.queue_name}
    return {**queue, "DATABASE_URL": database.url, **more}


@pytest.mark.parametrize("concurrency", [1, 32])
def test_a_drain_over_https(https, program, database, concurrency):
    """The bundle has the root only, and the server sends the authority between."""
    stub, trust = https()
    run = program.drain("--concurrency", str(concurrency), env=environment(stub, database, trust), status=(0,))
    assert run.summary()["inserted"] == run.summary()["deleted"] == COUNT
    assert database.count() == COUNT


def test_connections_count_in_the_memory_limit(https, program, database):
    """Each keeps some dozens of kilobytes over TLS, and there are hundreds."""
    stub, trust = https(5000, "--body-size", "64000", "--latency-ms", "20")
    words = ["--concurrency", "128", "--memory-limit", "64MiB"]
    run = program.drain(*words, env=environment(stub, database, trust), status=(0,), watch=True)
    assert database.count() == 5000
    assert is_sanitized() or run.memory_kb < 80 * MiB


def test_a_certificate_that_nobody_vouches_for(https, program, database):
    stub, _ = https()
    check(program.run("--drain", env=environment(stub, database, {})), 1, "AWS_CA_BUNDLE")


# ---------------------------------------------------------------------------------------------------------------------
# What may be wrong with a certificate


@pytest.mark.parametrize(
    "name, words",
    [
        ("elsewhere", ["--endpoint-url", "for another host"]),
        ("expired", ["has expired", "this machine's clock"]),
        ("not_yet", ["is not yet valid", "this machine's clock"]),
        ("stranger", ["AWS_CA_BUNDLE"]),
        ("own", ["self-signed", "AWS_CA_BUNDLE"]),
    ],
)
def test_a_certificate_that_is_refused(serve, program, database, pki, name, words):
    stub = serve(getattr(pki, name))
    stub.context = ssl._create_unverified_context()
    result = program.run("--drain", env=environment(stub, database, {"AWS_CA_BUNDLE": pki.root.cert}))
    check(result, 1, *words)
    assert all(word in result.stderr for word in words), result.stderr
    assert not any(stub.counters()["requests"].values()) and not database.count()


@pytest.mark.parametrize("text", [None, "no certificate\n"], ids=["missing", "no PEM"])
def test_a_bundle_that_is_none(serve, program, database, pki, tmp_path, text):
    path = tmp_path / "bundle"
    if text:
        path.write_text(text)
    check(program.run("--drain", env=environment(serve(pki.queue), database, {"AWS_CA_BUNDLE": path})), 1, "check AWS_CA_BUNDLE")


def test_the_profiles_bundle(serve, program, database, pki, tmp_path):
    """The variable is stronger than it."""
    stub = serve(pki.queue)
    (tmp_path / "config").write_text(f"[profile private]\nca_bundle = {pki.root.cert}\n")
    files = {"AWS_CONFIG_FILE": tmp_path / "config", "AWS_PROFILE": "private"}
    other = environment(stub, database, {**files, "AWS_CA_BUNDLE": pki.other_root.cert})
    check(program.run("--drain", env=other), 1, "AWS_CA_BUNDLE")
    program.drain(env=environment(stub, database, files), status=(0,))
    assert database.count() == 5


def test_the_systems_authorities_are_the_default(serve, program, database, pki):
    """Ours stands where the system has its own, for the program alone."""
    if namespaces.forbidden():
        pytest.skip(namespaces.forbidden())
    script = 'mount --bind "$1" /etc/ssl/certs/ca-certificates.crt && shift && exec "$@"'
    under = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", script, "sh", pki.root.cert]
    run = program.start("--drain", env=environment(serve(pki.queue), database, {}), under=under)
    assert run.wait() == 0 and database.count() == 5, run.tail()


# ---------------------------------------------------------------------------------------------------------------------
# Proxies

LOGIN = "worker:open%20sesame"  # as it stands in a URL


@pytest.fixture
def proxy():
    made = []

    def make(*args, **more):
        made.append(HttpProxy(*args, **more))
        return made[-1]

    yield make
    for one in made:
        one.close()


@pytest.mark.parametrize("variable", ["HTTPS_PROXY", "https_proxy", "ALL_PROXY"])
def test_https_through_a_proxy(serve, program, database, pki, proxy, variable):
    """It is asked for a tunnel and sees nothing of what goes through."""
    stub, between = serve(pki.queue), proxy(login="worker:open sesame")
    more = {"AWS_CA_BUNDLE": pki.root.cert, variable: between.url(LOGIN), "NO_PROXY": "elsewhere.example"}
    run = program.drain(env=environment(stub, database, more), status=(0,))
    assert database.count() == 5 and set(between.asked) == {f"CONNECT 127.0.0.1:{stub.port}"}
    no_secret(run.result(), "sesame", "d29ya2Vy")


@pytest.mark.parametrize("variable", ["HTTP_PROXY", "http_proxy"])
def test_http_through_a_proxy(make_stub, program, database, proxy, variable):
    """A name that only the proxy knows."""
    stub, between = make_stub("--generate", "5"), proxy(**{"queue.example": "127.0.0.1"})
    more = {variable: between.url(), "AWS_ENDPOINT_URL_SQS": f"http://queue.example:{stub.port}"}
    program.drain(env=environment(stub, database, more), status=(0,))
    assert database.count() == 5 and set(between.asked) == {f"CONNECT queue.example:{stub.port}"}


@pytest.mark.parametrize(
    "host, no_proxy",
    [
        ("127.0.0.1", "a.example,127.0.0.1"),
        ("127.0.0.1", "127.0.0.0/8"),
        ("127.0.0.1", "*"),
        ("localhost", "localhost"),
        ("queue.localhost", ".localhost"),
        ("queue.localhost", "localhost"),
    ],
)
def test_hosts_that_need_no_proxy(make_stub, program, database, proxy, host, no_proxy):
    stub, between = make_stub("--generate", "5"), proxy()
    more = {"HTTP_PROXY": between.url(), "NO_PROXY": no_proxy, "AWS_ENDPOINT_URL_SQS": f"http://{host}:{stub.port}"}
    program.drain(env=environment(stub, database, more), status=(0,))
    assert database.count() == 5 and not between.asked


def test_what_may_be_wrong_with_a_proxy(serve, program, database, pki, proxy):
    """A service says it once, and goes on trying; its password stays out of what it says."""
    stub, strict = serve(pki.queue), proxy(login="worker:another")
    cases = {
        strict.url(LOGIN): ["wants another user or password", "check those in HTTPS_PROXY"],
        strict.url(): ["wants another user or password"],
        f"http://{LOGIN}@127.0.0.1:{free_port()}": ["HTTPS_PROXY", "NO_PROXY"],
        f"ftp://{LOGIN}@127.0.0.1:21": ["the proxy's URL is malformed", "HTTPS_PROXY"],
        f"http://{LOGIN}@127.0.0.1:port": ["the proxy's URL is malformed", "HTTPS_PROXY"],
    }
    trust = {"AWS_CA_BUNDLE": pki.root.cert}
    runs = {url: program.start(env=environment(stub, database, {**trust, "HTTPS_PROXY": url})) for url in cases}
    for url, run in runs.items():
        event = run.wait_event("queue_away")
        assert all(word in event["text"] for word in cases[url]), event
        assert run.terminate() == 0 and len(run.events("queue_away")) == 1
        no_secret(run.result(), "sesame", "d29ya2Vy")
    assert strict.refused >= 2
