"""Each fault of the scripted server, seen from a plain socket or from boto3: it happens when it is asked for and no longer."""

import hashlib
import json
import re
from datetime import datetime, timezone
from email.utils import parsedate_to_datetime

import pytest

from lib.processes import wait_until
from lib.queues import bodies_of
from lib.wire import GET_URL, Wire

# ---------------------------------------------------------------------------------------------------------------------
# Faults of the answer


def test_errors_come_in_their_order_and_end(stub, wire):
    stub.fault("GetQueueUrl", "error", status=503, code="SlowDown", times=2)
    stub.fault("GetQueueUrl", "error", status=400, code="AccessDenied", text="no")
    seen = [wire.ask("GetQueueUrl", GET_URL) for _ in range(4)]
    assert [answer.status for answer, _ in seen] == [503, 503, 400, 200]
    assert json.loads(seen[2][1]) == {"__type": "com.amazonaws.sqs#AccessDenied", "message": "no"}
    assert seen[0][0].headers["x-amzn-query-error"] == "SlowDown;Receiver"


def test_other_operations_are_left_alone_and_skip_counts(stub, wire):
    rule = stub.fault("GetQueueUrl", "error", skip=1)
    stub.fault("ReceiveMessage", "error")
    assert [wire.ask("GetQueueUrl", GET_URL)[0].status for _ in range(3)] == [200, 500, 200]
    assert stub.faults_used()[rule] == 1


def test_probability(stub, wire):
    stub.fault("*", "error", probability=0.5, times=-1)
    statuses = [wire.ask("GetQueueUrl", GET_URL)[0].status for _ in range(200)]
    assert 50 < statuses.count(500) < 150


def test_any_body(stub, wire):
    stub.fault("GetQueueUrl", "body", status=500, content_type="text/xml", text="<ErrorResponse/>")
    answer, body = wire.ask("GetQueueUrl", GET_URL)
    assert (answer.status, answer.headers["Content-Type"], body) == (500, "text/xml", b"<ErrorResponse/>")


def test_any_bytes(stub, wire):
    stub.fault("GetQueueUrl", "raw", text="HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabc")
    wire.send("GetQueueUrl", GET_URL)
    assert wire.everything().count(b"Content-Length") == 2


def test_an_informational_answer_first(stub, wire):
    stub.fault("GetQueueUrl", "informational", n=103)
    wire.send("GetQueueUrl", GET_URL)
    data = b""
    while b"QueueUrl" not in data:
        data += wire.socket.recv(65536)
    assert data.startswith(b"HTTP/1.1 103 ") and b"\r\n\r\nHTTP/1.1 200 OK\r\n" in data


def test_chunked(stub, wire):
    stub.fault("GetQueueUrl", "chunked", n=7)
    answer, body = wire.ask("GetQueueUrl", GET_URL)
    assert answer.headers["Transfer-Encoding"] == "chunked" and "QueueUrl" in json.loads(body)
    assert wire.ask("GetQueueUrl", GET_URL)[0].status == 200, "the connection is kept"


def test_close_is_announced(stub, wire):
    stub.fault("GetQueueUrl", "close")
    answer, body = wire.ask("GetQueueUrl", GET_URL)
    assert answer.headers["Connection"].lower() == "close" and "QueueUrl" in json.loads(body)
    assert wire.is_closed()


def test_no_length_until_close(stub, wire):
    stub.fault("GetQueueUrl", "until-close")
    answer, body = wire.ask("GetQueueUrl", GET_URL)
    assert answer.headers["Content-Length"] is None and answer.headers["Transfer-Encoding"] is None
    assert "QueueUrl" in json.loads(body) and wire.is_closed()


def test_drop_is_not_announced(stub, wire):
    stub.fault("GetQueueUrl", "drop")
    answer, body = wire.ask("GetQueueUrl", GET_URL)
    assert (answer.headers["Connection"] or "").lower() != "close" and "QueueUrl" in json.loads(body)
    assert wire.is_closed()


def test_an_idle_connection_is_closed(make_stub):
    wire = Wire(make_stub("--idle-timeout", "1"))
    assert wire.ask("GetQueueUrl", GET_URL)[0].status == 200
    assert wire.is_closed()


@pytest.mark.parametrize("bytes_sent", [0, 1, 20])
@pytest.mark.parametrize("fresh", [False, True])
def test_cut(stub, wire, bytes_sent, fresh):
    stub.fault("GetQueueUrl", "cut", n=bytes_sent)
    wire = Wire(stub) if fresh else wire
    wire.send("GetQueueUrl", GET_URL)
    head, _, body = wire.everything().partition(b"\r\n\r\n")
    assert int(re.search(rb"Content-Length: (\d+)", head)[1]) > 20 and len(body) == bytes_sent


def test_malformed(stub, wire):
    stub.fault("GetQueueUrl", "malformed")
    answer, body = wire.ask("GetQueueUrl", GET_URL)
    assert answer.status == 200
    with pytest.raises(ValueError):
        json.loads(body)


def test_pad(stub, wire):
    stub.fault("*", "pad", n=300_000, times=2)
    _, body = wire.ask("GetQueueUrl", GET_URL)
    assert len(body) == 300_000 and "QueueUrl" in json.loads(body)
    _, body = wire.ask("ReceiveMessage", {"QueueUrl": "/login-queue"})
    assert len(body) == 300_000 and "Messages" not in json.loads(body)


def test_a_skewed_date(stub, wire):
    stub.fault("GetQueueUrl", "skew", n=-600)
    answer, _ = wire.ask("GetQueueUrl", GET_URL)
    off = parsedate_to_datetime(answer.headers["Date"]) - datetime.now(timezone.utc)
    assert abs(off.total_seconds() + 600) < 60


def test_a_stall_before_the_request_is_processed(stub, queue, wire):
    stub.fault("ReceiveMessage", "stall", n=4000)
    stub.add(["a"])
    wire.send("ReceiveMessage", {"QueueUrl": queue.url})
    assert stub.count("received") == 0
    assert len(json.loads(wire.answer().read())["Messages"]) == 1


def test_a_stall_between_processing_and_answer(stub, queue, wire):
    stub.fault("ReceiveMessage", "stall-after", n=4000)
    stub.add(["a"])
    wire.send("ReceiveMessage", {"QueueUrl": queue.url})
    wait_until(lambda: stub.count("received") == 1, "the message is received")
    assert not wire.arrives(0)
    assert len(json.loads(wire.answer().read())["Messages"]) == 1


@pytest.mark.parametrize("processed", [False, True])
def test_blackhole(stub, queue, wire, processed):
    stub.fault("ReceiveMessage", "blackhole", processed=processed)
    stub.add(["a"])
    wire.send("ReceiveMessage", {"QueueUrl": queue.url})
    assert not wire.arrives(2), "neither an answer nor the end"
    wait_until(lambda: stub.count("received") == processed, "it is as processed as it should be")


def test_lost_answer(stub, queue, wire):
    stub.fault("DeleteMessageBatch", "lost")
    stub.add(["a"])
    handle = queue.receive()[0]["ReceiptHandle"]
    wire.send("DeleteMessageBatch", {"QueueUrl": queue.url, "Entries": [{"Id": "0", "ReceiptHandle": handle}]})
    assert wire.everything() == b""
    assert stub.count("deleted") == 1


# ---------------------------------------------------------------------------------------------------------------------
# Faults of the queue


def test_duplicate_in_one_answer(stub, queue):
    stub.fault("ReceiveMessage", "duplicate")
    queue.send(["a", "b", "c"])
    messages = queue.receive()
    assert bodies_of(messages) == ["a", "a", "b", "b", "c", "c"]
    assert len({message["ReceiptHandle"] for message in messages}) == 6
    assert len({message["MessageId"] for message in messages}) == 3
    assert queue.counts() == (0, 3) and stub.count("doubled") == 3


def test_duplicate_in_two_answers(stub, queue):
    stub.fault("ReceiveMessage", "again")
    queue.send(["a"])
    first, second = queue.receive(), queue.receive()
    assert first[0]["MessageId"] == second[0]["MessageId"] and not queue.receive()
    assert queue.counts() == (0, 1)


def test_wrong_md5(stub, queue):
    stub.fault("ReceiveMessage", "wrong-md5")
    queue.send(["a"])
    message = queue.receive()[0]
    assert message["MD5OfBody"] != hashlib.md5(message["Body"].encode()).hexdigest()


def test_escaped_bodies(stub, queue, wire):
    body = 'ä"\\\n\U0001f600/'
    stub.fault("ReceiveMessage", "escaped")
    queue.send([body])
    _, answer = wire.ask("ReceiveMessage", {"QueueUrl": queue.url})
    assert rb"\u00e4\u0022\u005c\u000a\ud83d\uDE00\u002f" in answer
    assert json.loads(answer)["Messages"][0]["Body"] == body


def test_any_bytes_as_a_body(stub, queue, wire):
    stub.add_bytes(b"\xff\xfe", copies=2)
    _, answer = wire.ask("ReceiveMessage", {"QueueUrl": queue.url, "MaxNumberOfMessages": 10})
    assert answer.count(b'"Body":"\xff\xfe"') == 2


@pytest.mark.parametrize("sender_fault", [False, True])
def test_partial_failure(stub, queue, sender_fault):
    stub.fault("DeleteMessageBatch", "partial", n=3, code="Throttled", sender_fault=sender_fault)
    stub.add(["x"] * 9)
    messages = queue.receive()
    entries = [{"Id": str(i), "ReceiptHandle": message["ReceiptHandle"]} for i, message in enumerate(messages)]
    answer = queue.client.delete_message_batch(QueueUrl=queue.url, Entries=entries)
    assert [entry["Id"] for entry in answer["Failed"]] == ["2", "5", "8"] and len(answer["Successful"]) == 6
    assert {(entry["Code"], entry["SenderFault"]) for entry in answer["Failed"]} == {("Throttled", sender_fault)}
    assert queue.counts() == (0, 3)


def test_pretended_success(stub, queue):
    stub.fault("DeleteMessageBatch", "pretend")
    stub.add(["x"])
    queue.delete(queue.receive())
    assert queue.counts() == (0, 1)


def test_entries_that_are_not_mentioned(stub, queue):
    stub.fault("DeleteMessageBatch", "omit", n=2)
    stub.add(["x"] * 4)
    entries = [{"Id": str(i), "ReceiptHandle": m["ReceiptHandle"]} for i, m in enumerate(queue.receive())]
    answer = queue.client.delete_message_batch(QueueUrl=queue.url, Entries=entries)
    assert [entry["Id"] for entry in answer["Successful"]] == ["0", "2"] and "Failed" not in answer
    assert queue.counts() == (0, 0)
