"""What a queue may do to a client and seldom does: each of these through the scripted server, and afterwards every login
is one row, and the queue is empty."""

import pytest

from lib import logins
from lib.processes import wait_until

COUNT = 300


@pytest.fixture
def loaded(world):
    world.send(logins.make(COUNT, seed=50, bad=0.02))
    return world


def drain_and_check(world, stub, *args, **how):
    run = world.program.drain("--concurrency", "4", *args, **how)
    stub.clear_faults()
    world.check()
    assert stub.counters()["bad_requests"] == 0, stub.counters()["violations"]
    return run


# ---------------------------------------------------------------------------------------------------------------------
# Delivered twice


def test_twice_in_one_answer(loaded, stub):
    stub.fault("ReceiveMessage", "duplicate", times=-1)
    summary = drain_and_check(loaded, stub).summary()
    assert summary["inserted"] == len(loaded.good)
    assert summary["received"] >= COUNT, "how copies in one answer are counted is the program's to say"


@pytest.mark.parametrize("stale", ["ignore", "delete", "refuse"])
def test_twice_in_two_answers(loaded, stub, stale):
    """Whatever a handle does that a later receive has replaced. The two answers may overtake each other on their way, so that
    the handle that came last is not the newest: a message can survive its delete until its lease ends."""
    stub.create(loaded.queue.name, stale=stale)
    stub.fault("ReceiveMessage", "again", times=40, probability=0.5)
    run = loaded.program.drain("--concurrency", "4", "--visibility-timeout", "5")
    stub.clear_faults()
    assert run.summary()["inserted"] == len(loaded.good)
    loaded.drain_until_empty()
    loaded.check(once=False)


@pytest.mark.parametrize("deleted", ["accept", "refuse"])
def test_deletes_whose_answer_is_lost_are_repeated(loaded, stub, deleted):
    stub.create(loaded.queue.name, deleted=deleted)
    stub.fault("DeleteMessageBatch", "lost", times=5)
    loaded.program.drain("--concurrency", "4")
    loaded.check()


# ---------------------------------------------------------------------------------------------------------------------
# Answers that do not come whole. A receive whose answer is lost has leased its messages: they come again when that ends.


NOT_WHOLE = [
    {"fault": "lost"},
    {"fault": "cut", "n": 0},
    {"fault": "cut", "n": 1},
    {"fault": "cut", "n": 700},
    {"fault": "malformed"},
    {"fault": "raw", "text": "HTTP/1.1 200 OK\r\nContent-Len", "processed": True},
    {"fault": "raw", "text": "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}", "processed": True},
    {"fault": "raw", "text": "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", "processed": True},
    {"fault": "raw", "text": "HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\n{}", "processed": True},
    {"fault": "raw", "text": "HTTP/1.1 200 OK\r\nX: " + "x" * 100_000, "processed": True},
    {"fault": "raw", "text": "SSH-2.0-OpenSSH_9.2\r\n", "processed": True},
    {"fault": "raw", "text": "", "processed": True},
]


def test_broken_receives(make_world, stub):
    world = make_world(stub.sqs)
    world.send(logins.make(300, seed=51, bad=0.05))
    rules = [stub.fault("ReceiveMessage", skip=number, **fault) for number, fault in enumerate(NOT_WHOLE)]
    run = world.program.start("--visibility-timeout", "5", "--concurrency", "4")
    wait_until(lambda: world.database.count() == len(world.good) and world.queue.is_empty(), run.tail)
    run.terminate()
    world.check()
    assert [stub.faults_used()[rule] for rule in rules] == [1] * len(rules)


@pytest.mark.parametrize("operation", ["GetQueueUrl", "GetQueueAttributes", "DeleteMessageBatch", "SendMessageBatch"])
@pytest.mark.parametrize(
    "fault",
    [
        {"fault": "lost"},
        {"fault": "cut", "n": 5},
        {"fault": "malformed"},
        {"fault": "error", "status": 500},
        {"fault": "error", "status": 503, "code": "SlowDown"},
        {"fault": "error", "status": 400, "code": "Throttling"},
        {"fault": "body", "status": 502, "content_type": "text/html", "text": "<html>Bad Gateway</html>"},
    ],
    ids=lambda fault: f"{fault['fault']} {fault.get('code', fault.get('status', ''))}".strip(),
)
def test_every_operation_is_tried_again(loaded, stub, operation, fault):
    stub.fault(operation, times=2, **fault)
    loaded.program.drain("--concurrency", "4")
    # A dead letter whose answer was lost has been sent, and is sent again.
    loaded.check(once=operation != "SendMessageBatch")


@pytest.mark.parametrize(
    "code, status",
    [
        ("InternalFailure", 500),
        ("ServiceUnavailable", 503),
        ("SlowDown", 503),
        ("ThrottlingException", 400),
        ("RequestThrottled", 403),
        ("OverLimit", 400),
    ],
)
def test_receives_that_are_refused_for_a_while(loaded, stub, code, status):
    stub.fault("ReceiveMessage", "error", status=status, code=code, times=3)
    drain_and_check(loaded, stub)


# ---------------------------------------------------------------------------------------------------------------------
# HTTP as the standard allows it


@pytest.mark.parametrize(
    "fault",
    [
        {"fault": "chunked", "n": 4096},
        {"fault": "chunked", "n": 1},
        {"fault": "close"},
        {"fault": "until-close"},
        {"fault": "drop"},
        {"fault": "informational", "n": 100},
        {"fault": "informational", "n": 103},
        {"fault": "pad", "n": 50_000},
        {"fault": "escaped"},
        {"fault": "stall-after", "n": 30},
    ],
    ids=lambda fault: f"{fault['fault']} {fault.get('n', '')}".strip(),
)
def test_unusual_answers_are_answers(loaded, stub, fault):
    stub.fault("*", times=-1, **fault)
    assert drain_and_check(loaded, stub).summary()["inserted"] == len(loaded.good)


def test_connections_that_the_server_closes_while_they_are_idle(make_world, make_stub):
    stub = make_stub("--idle-timeout", "1")
    world = make_world(stub.sqs)
    run = world.program.start("--wait-time", "3", "--concurrency", "4")
    for seed in range(3):
        before = stub.counters()["connections"]
        world.send(logins.make(40, seed=60 + seed, bad=0))
        wait_until(lambda: world.database.count() == len(world.good), run.tail)
        wait_until(lambda: world.queue.is_empty(), run.tail)
        wait_until(lambda: stub.counters()["connections"] > before, "time passes")
    assert run.terminate() == 0
    world.check()
    assert not run.events(level="error")


def test_connections_are_kept(loaded, stub):
    before = stub.counters()["connections"]
    drain_and_check(loaded, stub)
    assert stub.counters()["connections"] - before < 40, "for more than sixty requests"


# ---------------------------------------------------------------------------------------------------------------------
# What is in the answers


@pytest.mark.parametrize("every", [1, 2, 3])
@pytest.mark.parametrize("code", ["InternalError", "Throttled"])
def test_deletes_that_fail_in_part_are_tried_again(loaded, stub, every, code):
    stub.fault("DeleteMessageBatch", "partial", n=every, code=code, times=10)
    summary = drain_and_check(loaded, stub).summary()
    assert summary["deleted"] == COUNT


def test_a_handle_that_is_refused_is_not_tried_for_ever(loaded, stub):
    """The sender is at fault: the message comes back some day and the ledger knows it. Of a rejected one it knows nothing, so
    that one may be sent to the dead-letter queue once more."""
    stub.fault("DeleteMessageBatch", "partial", n=5, code="ReceiptHandleIsInvalid", sender_fault=True, times=3)
    loaded.program.drain("--concurrency", "4", "--visibility-timeout", "5")
    loaded.check_rows()
    loaded.drain_until_empty()
    loaded.check(once=False)


def test_entries_that_an_answer_does_not_mention(loaded, stub):
    stub.fault("DeleteMessageBatch", "omit", n=3, times=5)
    loaded.program.drain("--concurrency", "4")
    loaded.check()


def test_deletes_that_only_pretend(loaded, stub):
    """Success is answered and nothing is deleted: everything comes again, and is known."""
    stub.fault("DeleteMessageBatch", "pretend", times=10)
    run = loaded.program.start("--visibility-timeout", "5", "--concurrency", "4")
    wait_until(lambda: loaded.database.count() == len(loaded.good) and loaded.queue.is_empty(), run.tail)
    run.terminate()
    assert run.summary()["duplicate"] + run.summary()["rejected"] > 0
    loaded.check(once=False)


def test_leases_are_extended_while_rows_wait(world, stub):
    """The table is locked for longer than a lease: nobody else gets the messages in the meantime."""
    run = world.program.start("--visibility-timeout", "5")
    run.wait_event("ready")
    with world.database.locked():
        world.send(logins.make(50, seed=53, bad=0))
        wait_until(lambda: stub.count("extended", world.queue.name) >= 150, run.tail)
        assert stub.count("redelivered", world.queue.name) == 0, "no lease ended"
    wait_until(lambda: world.database.count() == 50 and world.queue.is_empty(), run.tail)
    assert run.terminate() == 0
    assert run.summary()["inserted"] == 50
    world.check()
