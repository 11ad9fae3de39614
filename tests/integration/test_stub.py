"""The scripted server is what it claims to be: a client that is known to be good (boto3) finds SQS behind it, and what SQS
refuses is refused. What the other tests conclude from it rests on this file and test_stub_scripts.py."""

import hashlib
import http.client
import json
import re
import ssl
import subprocess
import time
from datetime import datetime, timedelta, timezone
from email.utils import parsedate_to_datetime

import pytest
from botocore.exceptions import ClientError

from lib.processes import wait_until
from lib.queues import Queue, attribute, bodies_of
from lib.stub import generated
from lib.wire import GET_URL, Wire

# ---------------------------------------------------------------------------------------------------------------------
# As a queue


def test_send_receive_delete(stub, queue):
    sent = [f'{{"n": {i}, "text": "Grüße, \\"quoted\\"\t\U0001f600"}}' for i in range(25)]
    ids = queue.send(sent)
    assert len(set(ids)) == 25
    taken = queue.take_all(25)
    assert bodies_of(taken) == sorted(sent)
    assert {message["MessageId"] for message in taken} == set(ids)
    for message in taken:
        assert message["MD5OfBody"] == hashlib.md5(message["Body"].encode()).hexdigest()
        assert abs(int(message["Attributes"]["SentTimestamp"]) / 1000 - time.time()) < 60
        assert message["Attributes"]["ApproximateReceiveCount"] == "1"
    assert queue.counts() == (0, 0)
    assert stub.counters()["bad_requests"] == 0


def test_handles_are_unique_and_as_long_as_real_ones(stub, queue):
    stub.add(["x"] * 200)
    handles = set()
    while messages := queue.receive():
        handles |= {message["ReceiptHandle"] for message in messages}
    assert len(handles) == 200
    assert all(re.fullmatch(r"AQEB[A-Za-z0-9+/]{176,372}={0,2}", handle) for handle in handles)
    assert all(180 <= len(handle) <= 380 for handle in handles) and len({len(handle) for handle in handles}) > 10


def test_a_lease_ends_and_the_message_comes_again(queue):
    queue.send(["once more"])
    first = queue.receive(visibility=60)
    assert len(first) == 1 and queue.counts() == (0, 1) and not queue.receive()
    change = {"Id": "0", "ReceiptHandle": first[0]["ReceiptHandle"], "VisibilityTimeout": 1}
    queue.client.change_message_visibility_batch(QueueUrl=queue.url, Entries=[change])
    wait_until(lambda: queue.counts() == (1, 0), "the lease ends without anybody receiving")
    second = queue.receive(wait=5)
    assert second[0]["MessageId"] == first[0]["MessageId"]
    assert second[0]["ReceiptHandle"] != first[0]["ReceiptHandle"]
    assert second[0]["Attributes"]["ApproximateReceiveCount"] == "2"


def test_visibility_is_extended_and_ended(stub, queue):
    queue.send(["a"])
    handle = queue.receive(visibility=3)[0]["ReceiptHandle"]
    queue.client.change_message_visibility_batch(
        QueueUrl=queue.url, Entries=[{"Id": "0", "ReceiptHandle": handle, "VisibilityTimeout": 60}]
    )
    assert not queue.receive(wait=4)
    queue.client.change_message_visibility_batch(
        QueueUrl=queue.url, Entries=[{"Id": "0", "ReceiptHandle": handle, "VisibilityTimeout": 0}]
    )
    assert len(queue.receive()) == 1
    assert (stub.count("extended"), stub.count("released")) == (1, 1)


def test_a_long_poll_ends_when_a_message_comes(stub, queue):
    started = time.monotonic()
    assert not queue.receive(wait=1)
    assert time.monotonic() - started >= 0.9
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(queue.receive, wait=20)
        wait_until(lambda: stub.counters()["waiting"] == 1, "the long poll arrives")
        queue.send(["now"])
        assert len(answer.result(60)) == 1


def test_a_long_poll_whose_client_is_gone_takes_nothing(stub, queue):
    client = Wire(stub)
    client.send("ReceiveMessage", {"QueueUrl": queue.url, "WaitTimeSeconds": 20})
    wait_until(lambda: stub.counters()["waiting"] == 1, "the long poll arrives")
    client.close()
    queue.send(["for the living"])
    wait_until(lambda: stub.counters()["waiting"] == 0, "the long poll is dropped")
    assert len(queue.receive()) == 1


@pytest.mark.parametrize("stale, left", [("ignore", 1), ("delete", 0), ("refuse", 1)])
def test_a_stale_handle(stub, queue, stale, left):
    stub.create("login-queue", stale=stale)
    queue.send(["a"])
    old = queue.receive(visibility=0)[0]
    queue.receive()
    answer = queue.client.delete_message_batch(
        QueueUrl=queue.url, Entries=[{"Id": "0", "ReceiptHandle": old["ReceiptHandle"]}]
    )
    failed = answer.get("Failed", [])
    assert [entry["Code"] for entry in failed] == (["ReceiptHandleIsInvalid"] if stale == "refuse" else [])
    assert queue.counts() == (0, left)
    assert stub.count("stale_deletes") == 1


@pytest.mark.parametrize("deleted", ["accept", "refuse"])
def test_a_deleted_messages_handle(stub, queue, deleted):
    stub.create("login-queue", deleted=deleted)
    queue.send(["a"])
    messages = queue.receive()
    entries = [{"Id": "0", "ReceiptHandle": messages[0]["ReceiptHandle"]}]
    queue.client.delete_message_batch(QueueUrl=queue.url, Entries=entries)
    answer = queue.client.delete_message_batch(QueueUrl=queue.url, Entries=entries)
    assert bool(answer.get("Failed")) == (deleted == "refuse")
    change = [dict(entries[0], VisibilityTimeout=10)]
    answer = queue.client.change_message_visibility_batch(QueueUrl=queue.url, Entries=change)
    assert answer["Failed"][0]["Code"] == "InvalidParameterValue"


def test_redrive_after_too_many_receives(stub):
    queue = stub.sqs.create("short", visibility=30, receives=2)
    queue.send(["poison"])
    assert len(queue.receive(visibility=0)) == len(queue.receive(visibility=0)) == 1
    assert not queue.receive()
    assert json.loads(queue.attributes("RedrivePolicy")["RedrivePolicy"])["maxReceiveCount"] in (2, "2")
    assert bodies_of(queue.dlq.receive()) == ["poison"]
    assert stub.count("dead_lettered", "short") == 1


def test_message_attributes_are_kept(queue):
    queue.client.send_message(
        QueueUrl=queue.url,
        MessageBody="a",
        MessageAttributes={"loginetl_reason": {"DataType": "String", "StringValue": "not_json"}},
    )
    assert attribute(queue.receive()[0], "loginetl_reason") == "not_json"


def test_over_limit(stub, queue):
    stub.create("login-queue", in_flight_max=5)
    stub.add(["x"] * 20)
    assert len(queue.receive(most=5)) == 5
    with pytest.raises(ClientError, match="OverLimit"):
        queue.receive()


def test_generated_messages(make_stub):
    stub = make_stub("--generate", "1000", "--seed", "7", "--bad-percent", "10", "--body-size", "300")
    queue = Queue(stub.sqs, stub.url + "/000000000000/login-queue")
    assert queue.counts() == (1000, 0)
    taken = queue.take_all(1000)
    assert bodies_of(taken) == sorted(generated(1000, 7, 10, 300))
    assert len({message["MessageId"] for message in taken}) == 1000
    good = [message["Body"] for message in taken if '"ip"' in message["Body"]]
    assert 850 < len(good) < 950 and all(len(body) == 300 for body in good)


# ---------------------------------------------------------------------------------------------------------------------
# What a client must not do


def expect_code(code, call, **arguments):
    with pytest.raises(ClientError) as error:
        call(**arguments)
    assert error.value.response["Error"]["Code"].rpartition(".")[2] == code


def test_bad_batches_are_refused_and_counted(stub, queue):
    call = queue.client.delete_message_batch
    entry = {"Id": "a", "ReceiptHandle": "x"}
    expect_code("BatchEntryIdsNotDistinct", call, QueueUrl=queue.url, Entries=[entry, entry])
    expect_code("EmptyBatchRequest", call, QueueUrl=queue.url, Entries=[])
    expect_code("InvalidBatchEntryId", call, QueueUrl=queue.url, Entries=[dict(entry, Id="a b")])
    many = [dict(entry, Id=str(i)) for i in range(11)]
    expect_code("TooManyEntriesInBatchRequest", call, QueueUrl=queue.url, Entries=many)
    large = [{"Id": str(i), "MessageBody": "x" * 600_000} for i in range(2)]
    expect_code("BatchRequestTooLong", queue.client.send_message_batch, QueueUrl=queue.url, Entries=large)
    assert call(QueueUrl=queue.url, Entries=[entry])["Failed"][0]["Code"] == "ReceiptHandleIsInvalid"
    expect_code("QueueDoesNotExist", call, QueueUrl=queue.url + "x", Entries=[entry])
    expect_code("QueueDoesNotExist", queue.client.get_queue_url, QueueName="nobody")
    counted = stub.counters()["violations"]
    assert (counted["entry_ids"], counted["entry_count"], counted["empty_batch"]) == (2, 1, 1)
    assert (counted["too_large"], counted["handle"]) == (1, 1)


@pytest.mark.parametrize(
    "headers, status, kind",
    [
        ({"Content_Type": "application/json"}, 404, "content_type"),
        ({"X_Amz_Target": "AmazonSQS.Nothing"}, 400, "target"),
        ({"X_Amz_Target": None}, 400, "target"),
        ({"Authorization": None}, 403, "authorization"),
        ({"X_Amz_Date": None}, 403, "date"),
        ({"X_Amz_Date": "20200101T000000Z"}, 403, "date"),
    ],
)
def test_bad_headers_are_refused_and_counted(stub, wire, headers, status, kind):
    answer, body = wire.ask("GetQueueUrl", GET_URL, **headers)
    assert answer.status == status and "__type" in json.loads(body)
    assert stub.counters()["violations"][kind] == 1


def test_a_broken_request_is_refused(stub, wire):
    answer, body = wire.ask("GetQueueUrl", b'{"QueueName": ')
    assert answer.status == 400 and json.loads(body)["__type"].endswith("SerializationException")
    assert answer.headers["x-amzn-query-error"] == "SerializationException;Sender"


def test_a_server_whose_clock_is_off(stub, wire):
    stub.settings(skew_s=3600)
    answer, body = wire.ask("GetQueueUrl", GET_URL)
    assert answer.status == 403 and b"InvalidSignatureException" in body
    date = parsedate_to_datetime(answer.headers["Date"])
    assert abs((date - datetime.now(timezone.utc)).total_seconds() - 3600) < 60
    later = datetime.now(timezone.utc) + timedelta(hours=1)
    assert wire.ask("GetQueueUrl", GET_URL, X_Amz_Date=later.strftime("%Y%m%dT%H%M%SZ"))[0].status == 200
    assert stub.counters()["bad_requests"] == 0


# ---------------------------------------------------------------------------------------------------------------------
# The rest


def test_requests_are_recorded(make_stub):
    stub = make_stub("--record", "2")
    for name in ("one", "two", "three"):
        with pytest.raises(ClientError):
            stub.sqs.client.get_queue_url(QueueName=name)
    kept = stub.requests()
    assert [json.loads(request["body"])["QueueName"] for request in kept] == ["two", "three"]
    headers = {name.lower(): value for name, value in kept[0]["headers"]}
    assert headers["x-amz-target"] == "AmazonSQS.GetQueueUrl" and "SignedHeaders=" in headers["authorization"]


def test_https(make_stub, tmp_path):
    subprocess.run(
        [
            "openssl",
            "req",
            "-x509",
            "-newkey",
            "rsa:2048",
            "-nodes",
            "-days",
            "1",
            "-subj",
            "/CN=localhost",
            "-addext",
            "subjectAltName=IP:127.0.0.1",
            "-keyout",
            tmp_path / "key",
            "-out",
            tmp_path / "cert",
        ],
        check=True,
        capture_output=True,
    )
    stub = make_stub("--cert", tmp_path / "cert", "--key", tmp_path / "key", scheme="https")
    context = ssl.create_default_context(cafile=tmp_path / "cert")
    connection = http.client.HTTPSConnection("127.0.0.1", stub.port, context=context, timeout=60)
    connection.request("GET", "/control/counters")
    assert json.loads(connection.getresponse().read())["bad_requests"] == 0


def test_a_wrong_rule_is_refused(stub):
    import urllib.error

    for rule in ({"fault": "nonsense"}, {"fault": "error", "status": 7}, {"fault": "partial", "n": 0}):
        with pytest.raises(urllib.error.HTTPError):
            stub.control("POST", "faults", json.dumps(rule).encode())


def test_it_ends_cleanly_with_requests_in_hand(stub, queue):
    wires = [Wire(stub) for _ in range(3)]
    stub.fault("GetQueueUrl", "blackhole")
    wires[0].send("GetQueueUrl", GET_URL)
    wires[1].send("ReceiveMessage", {"QueueUrl": queue.url, "WaitTimeSeconds": 20})
    wires[2].socket.sendall(b"POST / HTTP/1.1\r\nContent-Le")
    wait_until(lambda: stub.counters()["waiting"] == 1, "the long poll arrives")
    stub.process.stop()
    assert stub.process.child.returncode == 0 and stub.process.stderr() == ""
