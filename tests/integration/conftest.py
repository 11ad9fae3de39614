"""The servers that tests use: started when the first test asks for them, ended by their own pid at the end."""

import itertools
import os
import shutil
import sys
from contextlib import closing
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

import pytest

from lib import servers
from lib.credential_services import Metadata, Sts
from lib.pki import Pki
from lib.postgres import Cluster, Database, TlsCluster
from lib.program import Program, binary
from lib.queues import Queue
from lib.scripted import Scripted
from lib.stub import Stub
from lib.wire import Wire
from lib.world import World

_numbers = itertools.count()


def memory():
    """A folder in memory, where there is plenty of it. A database is three hundred files, and to make them on a disk takes
    longer than most tests."""
    folder = Path("/dev/shm")
    return folder if os.access(folder, os.W_OK) and shutil.disk_usage(folder).free >= 6 << 30 else None


Cluster.homes = memory()


def unique(prefix):
    """A name that no other test and no other run on this machine has."""
    return f"{prefix}-{os.getpid()}-{next(_numbers)}"


def scaled(full, least=1):
    """A test's size: LOGINETL_SCALE=1 is the whole of it, the default a share that suits every commit."""
    return max(least, int(full * float(os.environ.get("LOGINETL_SCALE", "0.2"))))


def pytest_collection_modifyitems(items):
    """What takes longest, programs under valgrind, comes in the middle: at the end one worker would be left with it alone, and
    at the beginning all have their servers to start."""
    slow = [item for item in items if item.path.stem == "test_valgrind"]
    others = [item for item in items if item not in slow]
    half = len(others) // 2
    items[:] = others[:half] + slow + others[half:]


@pytest.fixture(scope="session")
def server_folder(tmp_path_factory):
    return tmp_path_factory.mktemp("servers")


@pytest.fixture(scope="session")
def postgres(server_folder):
    cluster = Cluster(server_folder)
    yield cluster
    cluster.stop()


@pytest.fixture(scope="session")
def pki(tmp_path_factory):
    return Pki(tmp_path_factory.mktemp("pki"))


@pytest.fixture(scope="session")
def tls_postgres(tmp_path_factory, pki):
    """Over TLS with a certificate of a private authority; what a test changes of it, it changes back."""
    cluster = TlsCluster(tmp_path_factory.mktemp("tls-postgres"), pki)
    yield cluster
    cluster.stop()


@pytest.fixture
def tls_database(tls_postgres):
    database = Database(tls_postgres, unique("test"))
    yield database
    database.drop()


def sqs_server(start):
    def fixture(server_folder):
        server = start(server_folder)
        yield server.sqs
        server.stop()

    return pytest.fixture(fixture, scope="session", name=start.__name__)


ministack = sqs_server(servers.ministack)
elasticmq = sqs_server(servers.elasticmq)
fauxqs = sqs_server(servers.fauxqs)
localstack = sqs_server(servers.localstack)
localstack_2 = sqs_server(servers.localstack_2)
elasticmq_0 = sqs_server(servers.elasticmq_0)
moto = sqs_server(servers.moto)
moto_4 = sqs_server(servers.moto_4)


@pytest.fixture
def stub(tmp_path):
    stub = Stub(tmp_path)
    yield stub
    stub.finish()


@pytest.fixture
def queue(stub):
    """The stub's own."""
    return Queue(stub.sqs, f"{stub.url}/000000000000/{stub.queue_name}")


@pytest.fixture
def wire(stub):
    wire = Wire(stub)
    yield wire
    wire.close()


@pytest.fixture
def make_stub(tmp_path):
    """A stub with other options, as many as a test likes."""
    stubs = []

    def make(*args, **more):
        folder = tmp_path / f"stub{len(stubs)}"
        folder.mkdir()
        stubs.append(Stub(folder, *args, **more))
        return stubs[-1]

    yield make
    for stub in stubs:
        stub.finish()


@pytest.fixture
def metadata():
    with closing(Metadata()) as metadata:
        yield metadata


@pytest.fixture
def sts():
    with closing(Sts()) as sts:
        yield sts


@pytest.fixture
def scripted():
    with closing(Scripted()) as scripted:
        yield scripted


@pytest.fixture
def database(postgres):
    database = Database(postgres, unique("test"))
    yield database
    database.drop()


@pytest.fixture
def program(tmp_path):
    """The program without a queue or a database set."""
    if not os.access(binary(), os.X_OK):
        pytest.fail(f"{binary()} is not built: cmake --preset release && cmake --build --preset release")
    program = Program(tmp_path)
    yield program
    program.finish()


@pytest.fixture
def make_world(database, program):
    """The program between a queue of its own on the given server and a database of its own. At the end of every test its
    books must balance, no sanitizer may have spoken, and nothing personal that was sent may stand in any output."""
    worlds = []

    def make(sqs, **queue):
        worlds.append(World(sqs.create(unique("logins"), **queue), database, program))
        return worlds[-1]

    yield make
    for world in worlds:
        world.finish()


@pytest.fixture
def world(make_world, stub):
    """On the scripted stub: the quickest, and with a view of what the program really asked for."""
    return make_world(stub.sqs)
