"""Names that stop resolving, come back, or stand for another address; name servers that say nothing; packets that vanish.
In a network of the program's own, with a name server of ours."""

import threading

import pytest

from lib.fault_proxy import RESET, FaultProxy
from lib.fault_world import FaultWorld, through
from lib.namespaces import ADDRESSES, Network, forbidden
from lib.places import place
from lib.postgres import PASSWORD
from lib.processes import wait_until
from lib.program import PATIENCE

NAMES = {"queue": "queue.example", "database": "database.example"}
SOON = "tcp_user_timeout=2000&keepalives_idle=1&keepalives_interval=1&keepalives_count=2"


@pytest.fixture
def network(tmp_path):
    if why := forbidden():
        pytest.skip(f"no network namespace for a user here: {why}")
    network = Network(tmp_path)
    yield network
    network.close()


class NamedWorld(FaultWorld):
    """Queue and database have names; the program looks for them in its own network."""

    def __init__(self, world, network):
        self.network, self.names = network, network.names
        super().__init__(world, [listeners[0] for listeners in network.listeners])
        for name in NAMES.values():
            self.names.addresses[name] = ADDRESSES[0]
        queue_url, database_url = world.queue.sqs.url, f"{world.database.url}?{SOON}"
        self.program.env.update(
            AWS_ENDPOINT_URL_SQS=through(queue_url, self.queue, NAMES["queue"]),
            DATABASE_URL=through(database_url, self.database, NAMES["database"]),
        )

    def start(self, *args):
        return self.program.start("--wait-time", "1", *args, under=self.network.inside())

    def service(self, *args):
        run = self.start(*args)
        run.wait_event("ready")
        return run

    def cut_until(self, side, condition, what):
        """What is connected needs no name, and neither does who connects again at once: libcurl remembers it for a second."""

        def cut():
            self.sides[side].cut_all(RESET)
            return condition()

        return wait_until(cut, what, PATIENCE, 0.2)

    def move(self, side):
        """The server is at another address from now on, and nobody at the old one."""
        old = self.sides[side]
        port = {"queue": self.queue, "database": self.database}[side].target
        self.sides[side] = FaultProxy(port, self.network.listeners[list(self.sides).index(side)][1])
        self.names.addresses[NAMES[side]] = ADDRESSES[1]
        old.cut_all(RESET)
        old.stop()
        return self.sides[side]


@pytest.fixture
def named(make_world, stub, network):
    named = NamedWorld(make_world(stub.sqs), network)
    yield named
    named.heal()
    named.program.finish()
    named.stop()


@pytest.mark.parametrize("side", NAMES)
def test_a_name_is_gone_for_a_while(named, side):
    run = named.service()
    address = named.names.addresses.pop(NAMES[side])
    asked = named.names.asked
    named.cut_until(side, lambda: named.names.asked > asked, "it asks")
    # Cut again and again: what was about to connect while it asked is connected now, and needs no name.
    named.cut_until(side, lambda: named.names.asked > asked + 2, "it asks again")
    named.load(50, seed=310)
    asked = named.names.asked
    wait_until(lambda: named.names.asked > asked + 4, "it goes on asking", PATIENCE)
    assert named.world.database.count() == 0
    named.names.addresses[NAMES[side]] = address
    named.wait_stored(run)
    named.end(run)
    named.check()


@pytest.mark.parametrize("side", NAMES)
def test_a_server_moves(named, side):
    named.load(50, seed=311)
    run = named.service()
    named.wait_stored(run)
    new = named.move(side)
    named.load(50, seed=312)
    named.wait_stored(run)
    assert new.count["connections"] > 0
    named.end(run)
    named.check()


@pytest.mark.parametrize("side", NAMES)
def test_the_end_does_not_wait_for_a_name_server(named, side):
    """Asked again, it would answer nothing for minutes; the program ends as soon as it would otherwise."""
    run = named.service("--shutdown-timeout", "2")
    named.names.silent = True
    asked = named.names.asked
    named.cut_until(side, lambda: named.names.asked > asked, "it asks")
    assert run.terminate(60) == 0, run.tail()


def test_nothing_is_found_at_all(named):
    named.names.silent = True
    run = named.start("--shutdown-timeout", "2")
    wait_until(lambda: named.names.asked > 0, "it asks")
    assert run.terminate(60) == 0, run.tail()


@pytest.mark.long
def test_a_drain_gives_up(named):
    named.names.silent = True
    run = named.start("--drain")
    assert run.wait() == 1, run.tail()
    assert "giving up" in run.stderr()


def test_an_address_of_a_name_is_refused_for_its_tls(network, program, make_stub, tls_postgres, tls_database):
    """What it is says nothing of the name's other address, at which the right server is."""
    bare, served = network.listeners[1]
    refusals = []

    def refuse():
        while True:
            with bare.accept()[0] as client:
                client.recv(8)
                client.sendall(b"N")
                refusals.append(client.recv(1))

    bare.setblocking(True)
    threading.Thread(target=refuse, daemon=True).start()
    stub = make_stub("--generate", "10")
    proxies = FaultProxy(stub.port, network.listeners[0][0]), FaultProxy(tls_postgres.port, served)
    network.names.addresses["database.example"] = ADDRESSES
    url = place(tls_database, "database.example", hostaddr=None, port=proxies[1].port, sslmode="require", password=PASSWORD)
    queue = {"AWS_ENDPOINT_URL_SQS": f"http://127.0.0.1:{proxies[0].port}", "LOGINETL_QUEUE": stub.queue_name}
    run = program.start("--drain", env={**queue, "DATABASE_URL": url}, under=network.inside())
    assert run.wait() == 0 and tls_database.count() == 10, run.tail()
    assert refusals and not any(refusals)
    for proxy in proxies:
        proxy.stop()


def test_packets_vanish_from_idle_connections(named):
    run = named.service()
    named.network.vanish()
    run.wait_event("database_unavailable")
    named.network.reappear()
    named.load(50, seed=313)
    named.wait_stored(run)
    named.end(run)
    named.check()


@pytest.mark.parametrize("when", ["while an answer is waited for", "before a statement arrives"])
def test_packets_vanish_around_a_statement(named, when):
    run = named.service()
    with named.world.database.locked():
        if when == "before a statement arrives":
            named.database.hold()
        named.load(50, seed=314)
        wait_until(lambda: named.world.queue.counts() == (0, 50), run.tail)
        named.network.vanish()
        run.wait_event("database_unavailable")
    named.network.reappear()
    named.database.resume()
    named.wait_stored(run)
    named.end(run)
    named.check()
