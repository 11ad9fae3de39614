"""A world whose database is at a test's mercy: servers of its own, a connection for the test's own questions that outlives
their restarts, and what must hold after every fault of the database."""

import os
import random
import signal
import threading
from itertools import count

import psycopg
import pytest

from .logins import make
from .postgres import Cluster, Database
from .processes import wait_until
from .world import World

VISIBILITY = 5  # the shortest lease there is
FLOW = ("--concurrency", "4", "--visibility-timeout", VISIBILITY, "--batch-rows", "50", "--wait-time", "1")

#: A server that is stopped without warning has kept what it confirmed.
DURABLE = {"synchronous_commit": "on"}

_numbers = count()


class LastingDatabase(Database):
    """Asked through a connection that is made anew when the server has been away."""

    def move(self, cluster):
        """It is there now."""
        self.cluster = cluster
        self.connection.close()
        self.connect()

    def execute(self, statement, *values):
        try:
            return super().execute(statement, *values)
        except (psycopg.OperationalError, psycopg.InterfaceError):
            if not self.connection.broken and not self.connection.closed:
                raise
        self.connect()
        return super().execute(statement, *values)


class StoreWorld(World):
    """On the scripted stub, whose counts tell what happened to the messages meanwhile."""

    def __init__(self, stub, queue, database, program):
        super().__init__(queue, database, program)
        self.stub = stub
        self.seeds = count(500)
        self.senders = []

    def load(self, number, bad=0.02):
        self.send(make(number, next(self.seeds), bad=bad))

    def load_until_somewhere(self, rng, number, bad=0.02):
        """Begins to send so many, and comes back in the middle of the work: soon after a number of them was received, or
        stored, or deleted. The rest goes on being sent."""
        look = rng.choice([lambda: self.counted("received"), lambda: self.counted("deleted"), self.database.count])
        goal = look() + rng.randint(1, number // 2)
        self.senders.append(threading.Thread(target=self.load, args=(number, bad)))
        self.senders[-1].start()
        wait_until(lambda: look() >= goal, "the work goes on", every=0.002)

    def all_sent(self):
        while self.senders:
            self.senders.pop().join()

    def service(self, *args, **how):
        run = self.program.start(*FLOW, *args, **how)
        run.wait_event("ready")
        return run

    def counted(self, what):
        return self.stub.count(what, self.queue.name)

    def stored(self):
        return self.queue.is_empty() and self.database.count() >= len(self.good)

    def settle(self, *runs):
        """All of it has arrived, with the same processes."""

        def done():
            assert all(run.running() for run in runs), "".join(run.tail() for run in runs)
            return self.stored()

        self.all_sent()
        wait_until(done, lambda: f"{self.database.count()} rows: " + "".join(run.tail() for run in runs), every=0.05)

    def finish(self):
        self.all_sent()
        super().finish()

    def end(self, *runs):
        """All of it has arrived; the workers end, and everything is as if nothing had happened: one row for each good
        message, the bad ones alone in the dead-letter queue, no message delivered a second time."""
        self.settle(*runs)
        for run in runs:
            assert run.terminate() == 0, run.tail()
        self.check_books(*runs)
        self.check()
        self.check_unspent()

    def check_books(self, *runs):
        books = [run.summary() for run in runs]
        total = {key: sum(book[key] for book in books) for key in books[0] if isinstance(books[0][key], int)}
        assert total["in_flight"] == 0 and total["rejected"] == total["dead_lettered"] == len(self.bad), books
        assert total["inserted"] + total["duplicate"] == len(self.good), books

    def check_unspent(self):
        """A receive count is what the queue's own redrive goes by: an outage must not use it up."""
        assert self.counted("redelivered") == self.counted("expired") == 0


def remove(cluster):
    cluster.halt(signal.SIGQUIT)  # nobody needs its data any more
    cluster.stop()


@pytest.fixture(scope="module")
def own_postgres(tmp_path_factory):
    """A server that may be stopped, without disturbing the tests of other modules."""
    cluster = Cluster(tmp_path_factory.mktemp("own-postgres"), **DURABLE)
    yield cluster
    remove(cluster)


@pytest.fixture
def make_cluster(tmp_path):
    """A server of a test's own, with settings of its own."""
    clusters = []

    def make_one(kind=Cluster, **how):
        folder = tmp_path / f"cluster{len(clusters)}"
        folder.mkdir()
        clusters.append(kind(folder, **{**DURABLE, **how}))
        return clusters[-1]

    yield make_one
    for cluster in clusters:
        remove(cluster)


@pytest.fixture
def make_store_world(stub, program, make_cluster):
    """On a given server, with a queue of its own on the stub."""
    worlds = []

    def make_one(cluster):
        name = f"store-{os.getpid()}-{next(_numbers)}"
        database = LastingDatabase(cluster, name)
        worlds.append(StoreWorld(stub, stub.sqs.create(name), database, program))
        return worlds[-1]

    yield make_one
    for world in worlds:
        world.finish()
        world.database.drop()


@pytest.fixture
def store_world(make_store_world, own_postgres):
    return make_store_world(own_postgres)


@pytest.fixture
def rng(request):
    return random.Random(request.node.name)
