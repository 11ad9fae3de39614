"""A world whose program reaches its queue and its database through a fault proxy each, and the fixtures that make one."""

import random
import time
from urllib.parse import urlsplit, urlunsplit

import pytest

from . import logins
from .fault_proxy import CLOSE, HALF, RESET, FaultProxy
from .processes import wait_until
from .program import PATIENCE
from .world import World

VISIBILITY = 5  # what was leased by an answer that got lost comes back after so many seconds


def through(url, proxy, host=None):
    """The same URL by way of a proxy."""
    parts = urlsplit(url)
    user = f"{parts.netloc.rpartition('@')[0]}@" if "@" in parts.netloc else ""
    return urlunsplit(parts._replace(netloc=f"{user}{host or proxy.host}:{proxy.port}"))


class FaultWorld:
    def __init__(self, world, listeners=(None, None), **proxy):
        self.world, self.program = world, world.program
        self.queue = FaultProxy(urlsplit(world.queue.sqs.url).port, listeners[0], **proxy)
        self.database = FaultProxy(world.database.cluster.port, listeners[1], **proxy)
        self.sides = {"queue": self.queue, "database": self.database}
        self.program.env.update(
            AWS_ENDPOINT_URL_SQS=through(world.queue.sqs.url, self.queue),
            DATABASE_URL=through(world.database.url, self.database),
            LOGINETL_VISIBILITY_TIMEOUT=str(VISIBILITY),
            LOGINETL_WAIT_TIME="1",
            LOGINETL_CONCURRENCY="4",
        )

    def load(self, count, seed, **how):
        self.world.send(logins.make(count, seed, **how))

    def service(self, *args):
        run = self.program.start(*args)
        run.wait_event("ready")
        return run

    def stored(self, run):
        """Is every good login a row, and the queue empty? The program has to live through it."""
        assert run.running(), run.tail()
        return self.world.database.count() >= len(self.world.good) and self.world.queue.is_empty()

    def wait_stored(self, run):
        wait_until(lambda: self.stored(run), lambda: f"{self.progress()}: {run.tail()}", PATIENCE, 0.05)

    def progress(self):
        rows = self.world.database.count()
        return f"{rows} of {len(self.world.good)} rows, queue {self.world.queue.counts()}"

    def end(self, run):
        """SIGTERM to a service that has nothing left to do and nothing in its way."""
        assert run.terminate() == 0, run.tail()
        assert run.summary()["in_flight"] == 0

    def check(self):
        """Exactly one row for each good login; a bad one may be in the dead-letter queue more than once, when the answer to
        sending it there got lost."""
        self.world.check(once=False)

    def heal(self):
        for proxy in self.sides.values():
            proxy.heal()

    def stop(self):
        for proxy in self.sides.values():
            proxy.stop()


# ---------------------------------------------------------------------------------------------------------------------
# Faults by name: how each begins on a proxy, and what the proxy then counts


def some_bytes(seed, most=4000):
    """For cuts: a number of bytes, another one each time; few as often as many, for a commit's answer is short."""
    rng = random.Random(seed)
    return lambda: int(most ** rng.random()) - 1


def cutting(way, how, times=3):
    return lambda proxy: getattr(proxy, way).cut(some_bytes(times), how, times)


FAULTS = {
    "latency": (lambda proxy: proxy.set(latency=0.2), "delayed"),
    "latency of two seconds": (lambda proxy: proxy.set(latency=1), "delayed"),
    "narrow": (lambda proxy: proxy.set(rate=10_000), "throttled"),
    "one byte a packet": (lambda proxy: proxy.set(slice=1), "sliced"),
    "answers cut": (cutting("answers", CLOSE), CLOSE),
    "answers reset": (cutting("answers", RESET), RESET),
    "questions reset": (cutting("questions", RESET), RESET),
    "half closed": (cutting("answers", HALF, 2), HALF),
}


def refusing(proxy):
    proxy.refuse()
    proxy.cut_all(RESET)


def ignoring(proxy):
    proxy.ignore()
    proxy.cut_all(CLOSE)


#: While one of these lasts nothing gets through at all.
OUTAGES = {"silence": FaultProxy.hold, "refusal": refusing, "connecting hangs": ignoring}


def switch_faults(faults, run, rng, seconds):
    """For so long, now this goes wrong and now that, on either side or on both."""
    begins = [begin for begin, _ in FAULTS.values()] + list(OUTAGES.values()) + [FaultProxy.heal] * 3
    over = time.monotonic() + seconds
    while time.monotonic() < over and not faults.stored(run):
        faults.heal()
        for proxy in faults.sides.values():
            rng.choice(begins)(proxy)
        time.sleep(rng.uniform(0.05, 0.8))  # how long these last
    faults.heal()


# ---------------------------------------------------------------------------------------------------------------------
# Fixtures, for the modules that import them


@pytest.fixture
def make_faults(make_world):
    made = []

    def make(sqs, **how):
        made.append(FaultWorld(make_world(sqs), **how))
        return made[-1]

    yield make
    for one in made:
        one.program.finish()
        one.stop()


@pytest.fixture
def faults(make_faults, stub):
    return make_faults(stub.sqs)


@pytest.fixture
def tls_faults(make_stub, tls_database, pki, program, monkeypatch):
    """https to the queue, and to the database TLS with a certificate that is looked at."""
    cert = str(pki.root.cert)
    for name in ("AWS_CA_BUNDLE", "SSL_CERT_FILE"):  # ours, for boto3 and for the stub's control
        monkeypatch.setenv(name, cert)
    stub = make_stub("--cert", pki.queue.chain, "--key", pki.queue.key, scheme="https")
    world = World(stub.sqs.create("logins"), tls_database, program)
    faults = FaultWorld(world)
    program.env.update(
        AWS_CA_BUNDLE=cert,
        DATABASE_URL=f"{program.env['DATABASE_URL']}?sslmode=verify-full&sslrootcert={cert}&connect_timeout=60",
    )
    yield faults
    world.finish()
    faults.stop()
