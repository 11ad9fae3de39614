"""The bench's load server is a queue like any other: what it counts can be believed."""

import hashlib
import http.client
import json
import os
import socket
import ssl
import subprocess
import time
import urllib.request
from concurrent.futures import ThreadPoolExecutor

import pytest

from lib.processes import Process, tied, wait_until
from lib.program import binary
from lib.queues import Queue, Sqs
from lib.stub import stub_binary

TEMPLATE = {"user_id", "app_version", "device_type", "ip", "locale", "device_id"}


def built(name):
    """Beside the program under test, or where the other test servers are."""
    for folder in (os.path.dirname(binary()), os.path.dirname(stub_binary())):
        if os.access(os.path.join(folder, name), os.X_OK):
            return os.path.join(folder, name)
    raise FileNotFoundError(f"{name} is not built: cmake --build --preset release")


class BenchServer:
    def __init__(self, folder, *args, trust=None):
        command = [built("loginetl_bench_server"), *(str(word) for word in args)]
        self.process = Process("bench_server", tied(command), folder)
        line = wait_until(
            lambda: self.process.running() and self.process.stdout().partition("\n")[0] or None, self.process.tail, 20
        )
        self.port = int(line.split()[1])
        self.context = ssl.create_default_context(cafile=trust) if trust else None
        self.url = f"{'https' if trust else 'http'}://127.0.0.1:{self.port}"
        self.queue_url = f"{self.url}/000000000000/bench"

    def control(self, method, path):
        request = urllib.request.Request(self.url + path, method=method, data=b"" if method == "POST" else None)
        with urllib.request.urlopen(request, timeout=60, context=self.context) as answer:
            return json.loads(answer.read())

    def stats(self):
        return self.control("GET", "/stats")

    def finish(self):
        self.process.stop()
        assert self.process.child.returncode == 0 and not self.process.stderr(), self.process.tail()


@pytest.fixture
def serve(tmp_path):
    servers = []

    def make(*args, **more):
        folder = tmp_path / f"bench_server{len(servers)}"
        folder.mkdir()
        servers.append(BenchServer(folder, *args, **more))
        return servers[-1]

    yield make
    for server in servers:
        server.finish()


def queue_of(server):
    return Queue(Sqs(server.url), server.queue_url)


def take(server, count):
    """All messages, deleted, by several threads. Each MD5 is checked."""
    messages = queue_of(server).take_all(expected=count)
    for message in messages:
        assert hashlib.md5(message["Body"].encode(), usedforsecurity=False).hexdigest() == message["MD5OfBody"]
    return messages


def test_the_messages_are_different_logins(serve):
    count = 3000
    server = serve("--messages", count, "--seed", 7)
    messages = take(server, count)
    logins = [json.loads(message["Body"]) for message in messages]
    assert len(messages) == count
    assert all(set(login) == TEMPLATE for login in logins)
    for values in (
        [message["MessageId"] for message in messages],
        [message["ReceiptHandle"] for message in messages],
        *([login[key] for login in logins] for key in ("user_id", "ip", "device_id")),
    ):
        assert len(set(values)) == count
    stats = server.stats()
    assert stats["messages"] == stats["received"] == stats["deleted"] == count
    assert (stats["redelivered"], stats["stale_deletes"], stats["in_flight"]) == (0, 0, 0)
    assert 0 < stats["first_request_ns"] <= stats["first_receive_ns"] <= stats["last_delete_ns"]
    assert sum(server.control("GET", "/curve")["deleted_per_second"]) == count


def test_a_seed_makes_the_same_messages(serve):
    first, again, other = (
        {message["Body"] for message in take(serve("--messages", 50, "--seed", seed), 50)} for seed in (1, 1, 2)
    )
    assert first == again
    assert not first & other


@pytest.mark.parametrize("size", [2048, 65536])
def test_bodies_are_padded(serve, size):
    for message in take(serve("--messages", 30, "--body-bytes", size), 30):
        assert abs(len(message["Body"]) - size) < 32
        assert set(json.loads(message["Body"])) == {*TEMPLATE, "note"}


def test_every_nth_message_is_bad(serve, program, database):
    """loginetl's own opinion: it puts them into the dead-letter queue that the server says there is."""
    server = serve("--messages", 1000, "--bad-every", 10)
    environment = {"AWS_ENDPOINT_URL_SQS": server.url, "LOGINETL_QUEUE": "bench", "DATABASE_URL": database.url}
    summary = program.drain(env=environment, status=(3,)).summary()
    assert (summary["inserted"], summary["rejected"], summary["dead_lettered"]) == (900, 100, 100)
    stats = server.stats()
    assert (stats["deleted"], stats["dead_lettered"], stats["refused"]) == (1000, 100, 0)


def test_deletes_count_once(serve):
    server = serve("--messages", 10)
    queue = queue_of(server)
    messages = queue.receive()
    queue.delete(messages)
    queue.delete(messages)
    queue.client.delete_message(QueueUrl=queue.url, ReceiptHandle=messages[0]["ReceiptHandle"])
    stats = server.stats()
    assert (stats["deleted"], stats["stale_deletes"], stats["delete_requests"]) == (10, 11, 3)


def test_a_lease_ends_and_the_old_handle_is_stale(serve):
    server = serve("--messages", 1)
    queue = queue_of(server)
    [old] = queue.receive(visibility=1)
    assert queue.counts() == (0, 1)
    [new] = queue.receive(wait=20)
    assert (new["MessageId"], new["Body"]) == (old["MessageId"], old["Body"])
    assert [message["Attributes"]["ApproximateReceiveCount"] for message in (old, new)] == ["1", "2"]
    assert old["Attributes"]["SentTimestamp"] == new["Attributes"]["SentTimestamp"]
    queue.delete([old])
    stats = server.stats()
    assert (stats["deleted"], stats["stale_deletes"], stats["redelivered"], stats["in_flight"]) == (0, 1, 1, 1)
    queue.delete([new])
    assert server.stats()["deleted"] == 1
    assert queue.is_empty()


def test_a_lease_is_changed(serve):
    server = serve("--messages", 2)
    queue = queue_of(server)
    messages = queue.receive(visibility=1)
    entries = [{"Id": "a", "ReceiptHandle": messages[0]["ReceiptHandle"], "VisibilityTimeout": 43200}]
    entries += [{"Id": "b", "ReceiptHandle": messages[1]["ReceiptHandle"], "VisibilityTimeout": 0}]
    answer = queue.client.change_message_visibility_batch(QueueUrl=queue.url, Entries=entries)
    assert {done["Id"] for done in answer["Successful"]} == {"a", "b"}
    [again] = queue.receive()
    assert again["MessageId"] == messages[1]["MessageId"]
    queue.client.change_message_visibility(
        QueueUrl=queue.url, ReceiptHandle=again["ReceiptHandle"], VisibilityTimeout=1
    )
    [again] = queue.receive(wait=20)
    assert again["MessageId"] == messages[1]["MessageId"]
    assert queue.counts() == (0, 2)


def test_what_is_wrong_in_a_batch(serve):
    queue = queue_of(serve("--messages", 2))
    [message] = queue.receive(most=1)
    entries = [{"Id": "good", "ReceiptHandle": message["ReceiptHandle"]}, {"Id": "bad", "ReceiptHandle": "not-one"}]
    answer = queue.client.delete_message_batch(QueueUrl=queue.url, Entries=entries)
    assert [done["Id"] for done in answer["Successful"]] == ["good"]
    [failed] = answer["Failed"]
    assert (failed["Id"], failed["Code"], failed["SenderFault"]) == ("bad", "ReceiptHandleIsInvalid", True)
    with pytest.raises(queue.client.exceptions.BatchEntryIdsNotDistinct):
        queue.client.delete_message_batch(QueueUrl=queue.url, Entries=[entries[0], entries[0]])
    with pytest.raises(queue.client.exceptions.ReceiptHandleIsInvalid):
        queue.client.delete_message(QueueUrl=queue.url, ReceiptHandle=message["ReceiptHandle"][:-1])


def test_messages_that_are_sent_come_back(serve):
    server = serve("--messages", 5)
    queue = queue_of(server)
    bodies = ['{"quoted": "\\"\n\t€"}', "x" * 200_000, "é" * 1000]
    ids = queue.send(bodies)
    messages = take(server, 8)
    found = {message["MessageId"]: message["Body"] for message in messages}
    assert [found[name] for name in ids] == bodies
    dead = Queue(queue.sqs, f"{server.url}/000000000000/bench-dlq")
    dead.send(["one", "two"])
    assert dead.receive() == []
    stats = server.stats()
    assert (stats["messages"], stats["deleted"], stats["dead_lettered"]) == (8, 8, 2)


def test_messages_that_are_added(serve):
    server = serve()
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(lambda: queue_of(server).receive(wait=20))
        wait_until(lambda: server.stats()["requests"] == 1, "the long poll")
        server.control("POST", "/add?messages=12")
        assert len(waiting.result()) == 10
    assert queue_of(server).counts() == (2, 10)


def test_messages_that_come_at_a_rate(serve):
    server = serve("--messages", 3)
    queue = queue_of(server)
    assert len(queue.receive()) == 3
    before_ms = time.time() * 1000
    server.control("POST", "/rate?per_second=200")
    messages = [message for _ in range(50) for message in queue.receive(most=1, wait=20)]
    after_ms = time.time() * 1000
    server.control("POST", "/rate?per_second=0")
    sent_ms = [int(message["Attributes"]["SentTimestamp"]) for message in messages]
    assert len({message["MessageId"] for message in messages}) == 50
    assert sent_ms == sorted(sent_ms)
    assert sent_ms == [sent_ms[0] + 5 * number for number in range(50)]
    assert before_ms - 1000 < sent_ms[0] and sent_ms[-1] < after_ms + 1000
    queue.take_all()
    assert queue.receive(wait=1) == []


def test_answers_are_held_back(serve):
    """For no less than they should; how much more is the machine's affair."""
    server = serve("--messages", 10, "--latency-ms", 200)
    queue = queue_of(server)
    begun = time.monotonic()
    messages = queue.receive()
    queue.delete(messages)
    assert time.monotonic() - begun >= 0.4
    assert server.stats()["deleted"] == 10


def test_https(serve, tmp_path, program, database):
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", "-subj", "/CN=queue"]
    command += ["-addext", "subjectAltName=IP:127.0.0.1", "-keyout", tmp_path / "key", "-out", tmp_path / "cert"]
    subprocess.run(command, check=True, capture_output=True)
    options = ("--messages", 2000, "--body-bytes", 2048, "--cert", tmp_path / "cert", "--key", tmp_path / "key")
    server = serve(*options, trust=tmp_path / "cert")
    environment = {"AWS_ENDPOINT_URL_SQS": server.url, "LOGINETL_QUEUE": "bench", "DATABASE_URL": database.url}
    run = program.drain(env={**environment, "AWS_CA_BUNDLE": tmp_path / "cert"}, status=(0,))
    assert run.summary()["inserted"] == server.stats()["deleted"] == 2000


HEADERS = {"Content-Type": "application/x-amz-json-1.0", "X-Amz-Target": "AmazonSQS.ReceiveMessage"}
RECEIVE = b'{"QueueUrl": "http://localhost/000000000000/bench", "MaxNumberOfMessages": 10}'


def test_requests_in_chunks(serve):
    server = serve("--messages", 20)
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
    for pieces in ([RECEIVE], [RECEIVE[i : i + 7] for i in range(0, len(RECEIVE), 7)]):
        connection.request("POST", "/", iter(pieces), HEADERS, encode_chunked=True)
        assert len(json.loads(connection.getresponse().read())["Messages"]) == 10
    connection.close()


def read_until(peer, end):
    got = b""
    while not got.endswith(end):
        more = peer.recv(65536)
        assert more, got
        got += more
    return got


def test_a_client_that_waits_before_it_sends_the_body(serve):
    server = serve("--messages", 10)
    with socket.create_connection(("127.0.0.1", server.port), timeout=60) as peer:
        lines = [f"{name}: {value}" for name, value in {**HEADERS, "Content-Length": len(RECEIVE)}.items()]
        peer.sendall("\r\n".join(["POST / HTTP/1.1", *lines, "Expect: 100-continue", "", ""]).encode())
        assert read_until(peer, b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
        peer.sendall(RECEIVE)
        assert read_until(peer, b"]}").startswith(b"HTTP/1.1 200 OK\r\n")


@pytest.mark.parametrize(
    "request_bytes",
    [
        b"nonsense\r\n\r\n",
        b"POST / HTTP/1.1\r\nno colon\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: 99999999999999999999\r\n\r\n",
        b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabcdef",
        b"POST / HTTP/1.1\r\nX: " + b"x" * 20000,
    ],
)
def test_a_broken_request_ends_its_connection_alone(serve, request_bytes):
    server = serve("--messages", 1)
    with socket.create_connection(("127.0.0.1", server.port), timeout=60) as peer:
        peer.sendall(request_bytes)
        peer.shutdown(socket.SHUT_WR)
        while peer.recv(65536):
            pass
    assert server.stats()["messages"] == 1


@pytest.mark.parametrize("name", ["loginetl_floor_curl", "loginetl_floor_sockets"])
def test_a_floor_drains(serve, name, program, database):
    """They do the bench's work and not less: a row for each message, deleted once it is committed."""
    count = 2345
    server = serve("--messages", count)
    database.connection.execute(program.run("schema").stdout)
    command = [built(name), server.queue_url, database.url, "--concurrency", "8", "--batch-rows", "50"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, f"{count} rows\n", "")
    assert database.value("SELECT count(DISTINCT user_id) FROM user_logins") == database.count() == count
    stats = server.stats()
    assert (stats["received"], stats["deleted"], stats["stale_deletes"]) == (count, count, 0)
