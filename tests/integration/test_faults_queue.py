"""What the queue service may answer, on each operation and under load: errors of every kind, batches that fail in part, all of
it at once. Afterwards every good login is one row, and the dead-letter queue holds the bad ones."""

import itertools

import pytest

from conftest import scaled
from lib import logins
from lib.processes import wait_until
from lib.queue_faults import FLOW, end, start, stopped, stored, stored_in_a_hurry  # noqa: F401 (a fixture)

LONG = pytest.mark.long

#: Answers that are none, or that say no for the moment.
PASSING = [
    {"fault": "error", "status": 500, "code": "InternalFailure"},
    {"fault": "error", "status": 503, "code": "SlowDown"},
    {"fault": "error", "status": 503, "code": "ServiceUnavailable"},
    {"fault": "error", "status": 400, "code": "ThrottlingException"},
    {"fault": "error", "status": 403, "code": "RequestThrottled"},
    {"fault": "error", "status": 400, "code": "OverLimit"},
    {"fault": "body", "status": 429, "content_type": "text/plain", "text": "Too Many Requests"},
    {"fault": "body", "status": 502, "content_type": "text/html", "text": "<html><h1>Bad Gateway</h1></html>"},
    {"fault": "body", "status": 301, "content_type": "text/html", "text": "<html>moved</html>"},
    {"fault": "body", "status": 307, "content_type": "text/html", "text": ""},
    {"fault": "body", "status": 404, "content_type": "text/html", "text": "<html>no such page</html>"},
    {"fault": "body", "status": 200, "content_type": "text/html", "text": "<html>please log in</html>"},
    {"fault": "body", "status": 200, "text": ""},
    {"fault": "body", "status": 204, "text": ""},
    {"fault": "body", "status": 200, "text": "null"},
    {"fault": "body", "status": 200, "text": "[]"},
    {"fault": "body", "status": 200, "text": '{"Messages": 7, "Successful": 7, "Failed": {}}'},
    {"fault": "malformed"},
    {"fault": "cut", "n": 20},
    {"fault": "lost"},
    # One answer too many: it must not be taken for the next request's.
    {
        "fault": "raw",
        "text": "HTTP/1.1 503 Busy\r\nContent-Length: 2\r\n\r\n{}HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}",
    },
]


# ---------------------------------------------------------------------------------------------------------------------
# Every fault on every operation


@pytest.mark.parametrize(
    "operation", ["DeleteMessageBatch", "SendMessageBatch", pytest.param("ReceiveMessage", marks=LONG)]
)
def test_every_passing_fault_under_load(world, stub, start, operation):
    run, happened = start(), set()
    run.wait_event("ready")
    for seed in range(5000, 5020):
        with stopped(run):
            world.send(logins.make(scaled(4000, 600), seed, bad=0.2 if operation == "SendMessageBatch" else 0.02))
            rules = [stub.fault(operation, probability=0.01, times=-1, **fault) for fault in PASSING]
        wait_until(stored_in_a_hurry(world, stub), run.tail, every=0.05)
        used = stub.faults_used()
        happened |= {number for number, rule in enumerate(rules) if used[rule] > 0}
        stub.clear_faults()
        if len(happened) > 4:
            break
    else:
        pytest.fail(f"few of the faults happened: {happened}")
    end(world, run)
    assert stub.counters()["bad_requests"] == 0, stub.counters()["violations"]


def test_every_passing_fault_on_extensions(world, stub, start):
    """Leases end while the rows wait for a lock; whatever becomes of the messages, each is one row."""
    run = start()
    run.wait_event("ready")
    rules = [stub.fault("ChangeMessageVisibilityBatch", skip=i, **fault) for i, fault in enumerate(PASSING)]
    with world.database.locked():
        world.send(logins.make(400, seed=501, bad=0.02))
        wait_until(lambda: sum(stub.faults_used()[rule] for rule in rules) > 5, run.tail)
    wait_until(lambda: stored(world), run.tail)
    stub.clear_faults()
    end(world, run)


def test_a_queue_that_is_throttled_for_everything_for_a_while(world, stub, start):
    world.send(logins.make(500, seed=502, bad=0.02))
    run = start()
    wait_until(lambda: world.database.count() > 50, run.tail, every=0.005)
    with stopped(run):  # what follows is not to be over before the fault begins
        world.send(logins.make(200, seed=1502, bad=0.02))
        rule = stub.fault("*", "error", status=400, code="RequestThrottled", times=-1)
    wait_until(lambda: stub.faults_used()[rule] > 4, run.tail)
    stub.clear_faults()
    wait_until(lambda: stored(world), run.tail)
    end(world, run)


def test_messages_in_flight_reach_their_limit(world, stub):
    """OverLimit, from a queue that means it: until what is held elsewhere comes back."""
    world.send(logins.make(200, seed=503, bad=0.02))
    stub.create(world.queue.name, in_flight_max=100)
    held = [message for _ in range(10) for message in world.queue.receive(visibility=600)]
    assert len(held) == 100
    run = world.program.start(*FLOW)
    run.wait_event("queue_failed", code="OverLimit", error="throttled")
    stub.expire(world.queue.name)
    wait_until(lambda: stored(world), run.tail)
    end(world, run)


# ---------------------------------------------------------------------------------------------------------------------
# Batches that fail in part


@pytest.mark.parametrize("every, code", [(1, "InternalError"), (3, "Throttled")])
def test_dead_letters_that_fail_in_part_are_sent_again(world, stub, every, code):
    world.send(logins.make(200, seed=510, bad=0.2))
    stub.fault("SendMessageBatch", "partial", n=every, code=code, times=3)
    world.program.drain("--concurrency", "4")
    world.check()


def test_a_dead_letter_that_is_refused_stays_in_the_queue(world, stub):
    """The sender is at fault, so it is not sent again and again; and as it stands nowhere else it is not deleted."""
    world.send(logins.make(200, seed=511, bad=0.2))
    refusal = {"code": "InvalidMessageContents", "sender_fault": True}
    stub.fault("SendMessageBatch", "partial", n=2, times=2, **refusal)
    stub.fault("SendMessageBatch", "partial", n=1, **refusal)  # all of the first batch, which may be of one
    run = world.program.drain("--concurrency", "4", "--visibility-timeout", "600")
    visible, in_flight = world.queue.counts()
    assert visible + in_flight > 0
    assert run.summary()["dead_lettered"] == len(world.bad) - visible - in_flight
    stub.clear_faults()
    stub.expire(world.queue.name)
    world.drain_until_empty()
    world.check()


@pytest.mark.parametrize("every", [3, pytest.param(1, marks=LONG)])
def test_extensions_that_fail_in_part_are_tried_again(world, stub, start, every):
    run = start()
    run.wait_event("ready")
    rule = stub.fault("ChangeMessageVisibilityBatch", "partial", n=every, code="InternalError", times=3)
    with world.database.locked():
        world.send(logins.make(60, seed=512, bad=0))
        wait_until(lambda: stub.count("extended", world.queue.name) >= 60, run.tail)
        wait_until(lambda: stub.faults_used()[rule] == 3, run.tail)
        assert stub.count("redelivered", world.queue.name) == 0, "no lease ended"
    wait_until(lambda: stored(world), run.tail)
    end(world, run, once=True)


@pytest.mark.long
def test_extensions_that_are_refused(world, stub, start):
    """The lease is lost, and may be another's: the row is stored once all the same."""
    run = start()
    run.wait_event("ready")
    stub.fault(
        "ChangeMessageVisibilityBatch", "partial", n=2, code="InvalidParameterValue", sender_fault=True, times=2
    )
    with world.database.locked():
        world.send(logins.make(60, seed=513, bad=0))
        wait_until(lambda: stub.count("extended", world.queue.name) >= 20, run.tail)
    wait_until(lambda: stored(world), run.tail)
    end(world, run)


@pytest.mark.parametrize(
    "fault",
    [{"fault": "partial", "n": 2, "code": "InternalError"}]
    + [pytest.param(PASSING[0], marks=LONG), pytest.param(PASSING[3], marks=LONG)],
    ids=str,
)
def test_what_is_given_back_is_given_back_in_spite_of_failures(world, stub, fault):
    run = world.program.start("--shutdown-timeout", "8", "--visibility-timeout", "600")  # half of it to give back in
    run.wait_event("ready")
    with world.database.locked():
        world.send(logins.make(50, seed=514, bad=0))
        wait_until(lambda: world.queue.counts() == (0, 50), run.tail)
        stub.fault("ChangeMessageVisibilityBatch", times=4, **fault)
        assert run.terminate() == 0
        assert world.queue.counts() == (50, 0)
        assert run.summary()["released"] == 50
    wait_until(lambda: world.database.connections() == 0, "the server has noticed")
    world.program.drain(status=(0,))
    world.check()


# ---------------------------------------------------------------------------------------------------------------------
# All at once


MIXTURE = [
    *({"operation": operation, **fault} for operation, fault in itertools.product(
        ["ReceiveMessage", "DeleteMessageBatch", "SendMessageBatch", "ChangeMessageVisibilityBatch"], PASSING
    )),
    {"operation": "ReceiveMessage", "fault": "duplicate"},
    {"operation": "ReceiveMessage", "fault": "again"},
    {"operation": "ReceiveMessage", "fault": "wrong-md5"},
    {"operation": "ReceiveMessage", "fault": "escaped"},
    {"operation": "DeleteMessageBatch", "fault": "pretend"},
    {"operation": "DeleteMessageBatch", "fault": "partial", "n": 3, "code": "InternalError"},
    {"operation": "DeleteMessageBatch", "fault": "partial", "n": 4, "code": "ReceiptHandleIsInvalid", "sender_fault": True},
    {"operation": "SendMessageBatch", "fault": "partial", "n": 2, "code": "InternalError"},
    {"operation": "DeleteMessageBatch", "fault": "omit", "n": 3},
    {"operation": "*", "fault": "stall-after", "n": 100},
    {"operation": "*", "fault": "stall", "n": 50},
    {"operation": "*", "fault": "chunked", "n": 7},
    {"operation": "*", "fault": "close"},
    {"operation": "*", "fault": "until-close"},
    {"operation": "*", "fault": "drop"},
    {"operation": "*", "fault": "informational", "n": 103},
    {"operation": "*", "fault": "pad", "n": 9000},
    {"operation": "*", "fault": "skew", "n": 4000},
]


@pytest.mark.parametrize(
    "stale, count",
    [("ignore", scaled(10_000, 1500))]
    + [pytest.param(stale, 50_000, marks=[LONG, pytest.mark.timeout(900)]) for stale in ("ignore", "refuse")],
)
def test_everything_at_once(world, stub, count, stale):
    """Each fault for itself is rare; together they meet every second request. Two workers, one of them with an old queue's
    habits: a handle that was replaced is refused, or answers success and deletes nothing."""
    stub.settings(latency_ms=2)
    stub.create(world.queue.name, stale=stale)
    world.send(logins.make(count, seed=550, bad=0.02))
    for rule in MIXTURE:
        stub.fault(times=-1, probability=0.004 if rule["operation"] != "*" else 0.02, **rule)
    runs = [world.program.start(*FLOW) for _ in range(2)]
    wait_until(stored_in_a_hurry(world, stub), lambda: "".join(run.tail() for run in runs), timeout=600, every=0.2)
    stub.clear_faults()
    end(world, *runs)
    used = stub.counters()["requests"]
    assert used["DeleteMessageBatch"] > count / 10
