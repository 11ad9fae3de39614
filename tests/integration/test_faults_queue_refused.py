"""What lasts until somebody mends it: permissions, credentials, clocks, a queue that is out of reach, emptied or gone. It is said,
and afterwards every good login is one row, and the dead-letter queue holds the bad ones."""

import pytest

from conftest import scaled
from lib import logins
from lib.fault_proxy import FaultProxy
from lib.processes import wait_until
from lib.queue_faults import FLOW, end, start, stopped, stored, stored_in_a_hurry  # noqa: F401 (a fixture)

LONG = pytest.mark.long


# ---------------------------------------------------------------------------------------------------------------------
# Refused for good, until somebody allows it

DENIED = {"fault": "error", "status": 400, "code": "AccessDeniedException"}
#: As the Query protocol's servers have it, and entry by entry.
DENIED_ELSE = [
    {"fault": "error", "status": 403, "code": "AccessDenied"},
    {"fault": "partial", "n": 1, "code": "AccessDenied", "sender_fault": True},
]
every_denial = pytest.mark.parametrize(
    "fault",
    [DENIED, *(pytest.param(fault, marks=LONG) for fault in DENIED_ELSE)],
    ids=lambda fault: f"{fault['fault']} {fault['code']}",
)


def complaint(run, *words):
    """One line says it, and names what is to be allowed."""
    errors = run.events("queue_failed", level="error") + run.events("failed")
    assert len(errors) == 1, run.tail()
    for word in words:
        assert word in errors[0]["text"], errors
    return errors[0]


@every_denial
def test_deleting_is_denied(world, stub, fault):
    """It ends and says so. What it had stored is in the ledger, so that the next run only deletes."""
    world.send(logins.make(400, seed=520, bad=0.02))
    stub.fault("DeleteMessageBatch", times=-1, **fault)
    run = world.program.start("--drain", *FLOW)
    assert run.wait() == 1, run.tail()
    complaint(run, "sqs:DeleteMessage", world.queue.name)
    first = run.summary()
    assert (first["deleted"], first["in_flight"]) == (0, 0) and first["inserted"] == world.database.count() > 0
    assert sum(world.queue.counts()) == 400, "nothing is lost"
    stub.clear_faults()
    stub.expire(world.queue.name)
    second = world.program.drain("--concurrency", "4").summary()
    assert second["duplicate"] >= first["inserted"]
    assert first["inserted"] + second["inserted"] == len(world.good)
    world.check(once=False)


def test_deleting_is_denied_while_two_workers_are_at_work(world, stub, start):
    world.send(logins.make(scaled(5000, 1000), seed=521, bad=0.02))
    runs = [start(), start()]
    wait_until(lambda: world.database.count() > 100, runs[0].tail, every=0.005)
    stub.fault("DeleteMessageBatch", times=-1, **DENIED)
    world.send(logins.make(500, seed=1521, bad=0.02))  # all the rest may have been deleted already
    for run in runs:
        assert run.wait() == 1, run.tail()
        complaint(run, "sqs:DeleteMessage")
        assert run.summary()["in_flight"] == 0
    assert sum(run.summary()["inserted"] for run in runs) == world.database.count()
    stub.clear_faults()
    stub.expire(world.queue.name)
    world.program.drain("--concurrency", "4")
    world.check(once=False)


@every_denial
def test_changing_the_visibility_is_denied(world, stub, start, fault):
    """Found out at the first extension. Whether it ends then or goes on, it says what to allow, and nothing is lost."""
    stub.fault("ChangeMessageVisibilityBatch", times=-1, **fault)
    run = start()
    run.wait_event("ready")
    with world.database.locked():
        world.send(logins.make(60, seed=522, bad=0))
        said = run.wait_event("queue_failed")
    assert "sqs:ChangeMessageVisibility" in said["text"]
    if fault["fault"] == "error":
        assert run.wait() == 1, run.tail()
        complaint(run, "sqs:ChangeMessageVisibility")
    else:
        wait_until(lambda: stored(world), run.tail)
        run.terminate()
    assert run.summary()["in_flight"] == 0
    stub.clear_faults()
    stub.expire(world.queue.name)
    world.drain_until_empty()
    world.check()


@every_denial
def test_sending_dead_letters_is_denied(world, stub, fault):
    """The dead-letter queue's own policy: the bad ones stay in the queue, the good ones are stored."""
    world.send(logins.make(300, seed=523, bad=0.05))
    stub.fault("SendMessageBatch", times=-1, **fault)
    run = world.program.start("--drain", *FLOW)
    assert run.wait() == 1, run.tail()
    complaint(run, "sqs:SendMessage", world.queue.dlq.name)
    assert run.summary()["dead_lettered"] == 0 and run.summary()["in_flight"] == 0
    assert world.database.count() == run.summary()["inserted"]
    assert sum(world.queue.counts()) == 300 - run.summary()["deleted"], "nothing is lost"
    stub.clear_faults()
    stub.expire(world.queue.name)
    world.drain_until_empty("--concurrency", "4")
    world.check()


def test_receiving_is_denied_in_the_middle(world, stub, start):
    world.send(logins.make(500, seed=524, bad=0.02))
    run = start()
    wait_until(lambda: world.database.count() > 50, run.tail, every=0.005)
    stub.fault("ReceiveMessage", times=-1, **DENIED)
    assert run.wait() == 1
    complaint(run, "sqs:ReceiveMessage", world.queue.name)
    stub.clear_faults()
    assert world.queue.counts()[1] == 0, "what it held is stored or given back"
    world.program.drain("--concurrency", "4")
    world.check()


# ---------------------------------------------------------------------------------------------------------------------
# Not there


def test_connections_are_refused_for_a_while(world, stub):
    """As while a local server is restarted. What it holds meanwhile it keeps, and what it cannot delete it deletes later."""
    proxy = FaultProxy(stub.port)
    world.send(logins.make(1000, seed=529, bad=0.02))
    stub.settings(latency_ms=2)
    try:
        run = world.program.start(*FLOW, env={"AWS_ENDPOINT_URL_SQS": f"http://127.0.0.1:{proxy.port}"})
        wait_until(lambda: world.database.count() > 50, run.tail, every=0.005)
        for _ in range(2):
            proxy.refuse()
            proxy.cut_all()
            seen = len(run.events("queue_failed", error="connect"))
            wait_until(lambda: len(run.events("connect_failed")) > seen + 3, run.tail)
            proxy.accept()
            wait_until(lambda: run.events("queue_recovered"), run.tail)
        wait_until(stored_in_a_hurry(world, stub), run.tail, every=0.05)
        end(world, run)
    finally:
        proxy.stop()


# ---------------------------------------------------------------------------------------------------------------------
# Credentials and clocks


@pytest.mark.parametrize(
    "code, status",
    [("ExpiredToken", 403)]
    + [pytest.param(*other, marks=LONG) for other in [("ExpiredTokenException", 400), ("InvalidClientTokenId", 403)]],
)
def test_credentials_that_expire_while_it_runs(world, stub, start, code, status):
    """They were right once, so it waits for better ones, and holds on to what it has."""
    world.send(logins.make(500, seed=530, bad=0.02))
    run = start()
    wait_until(lambda: world.database.count() > 50, run.tail, every=0.005)
    with stopped(run):
        world.send(logins.make(200, seed=1530, bad=0.02))
        rule = stub.fault("*", "error", status=status, code=code, times=-1)
    wait_until(lambda: stub.faults_used()[rule] > 6, run.tail)
    said = run.wait_event("queue_failed", code=code)
    assert said["level"] == "warn" and "AWS_ACCESS_KEY_ID" in said["text"]
    assert ("expired" in said["text"]) == code.startswith("Expired")
    assert run.running()
    stub.clear_faults()
    wait_until(lambda: stored(world), run.tail)
    end(world, run)


@pytest.mark.parametrize(
    "skew_s", [300, -300, *(pytest.param(skew_s, marks=LONG) for skew_s in [301, -301, 86400, -86400])]
)
def test_a_service_whose_clock_is_off_refuses_signatures(world, stub, skew_s):
    """From the first request, by as little as makes it refuse."""
    world.send(logins.make(100, seed=531, bad=0.02))
    stub.settings(skew_s=skew_s)
    run = world.program.drain("--concurrency", "4")
    stub.settings(skew_s=0)
    assert run.events("clock_skew"), run.tail()
    world.check()


def test_clocks_that_drift_apart_and_together_while_it_runs(world, stub):
    stub.settings(latency_ms=2)
    runs = [world.program.start(*FLOW, "--wait-time", "1") for _ in range(2)]
    for run in runs:
        run.wait_event("ready")
    skews = [400, -400, 310]
    for number, skew_s in enumerate(skews):
        with stopped(*runs):  # what follows is not to be over before the clock is off
            world.send(logins.make(200, seed=1532 + number, bad=0.02))
            stub.settings(skew_s=skew_s)
        wait_until(lambda: gone(world, stub), runs[0].tail)
        wait_until(lambda: noticed(runs) > 2 * number, runs[0].tail)
        stub.settings(skew_s=0)
        wait_until(lambda: noticed(runs) > 2 * number + 1, runs[0].tail)
    most = max(len(run.events("clock_skew")) for run in runs)
    assert most <= 3 * len(skews), f"each change is said once: {most}"
    end(world, *runs)


def noticed(runs):
    """How many changes of the service's clock each of them has."""
    return min(len(run.events("clock_skew")) for run in runs)


def gone(world, stub):
    """All is stored and deleted, by the stub's own count: it would refuse the test's signature too."""
    counts = stub.counters()["queues"][world.queue.name]
    return world.database.count() == len(world.good) and counts["visible"] + counts["in_flight"] == 0


def test_a_date_that_is_off_where_nothing_is_refused(world, stub):
    """Nobody's clock is followed for no reason: then a refusal would follow."""
    world.send(logins.make(100, seed=533, bad=0.02))
    stub.fault("*", "skew", n=-4000, times=-1)
    run = world.program.drain("--concurrency", "4")
    assert not run.events("clock_skew")
    world.check()


# ---------------------------------------------------------------------------------------------------------------------
# The queue itself


def test_a_queue_that_is_purged_while_it_works(world, stub, start):
    """What was received is stored, what was not is gone: no row is wrong, and no handle is asked about for ever."""
    stub.create(world.queue.name, deleted="refuse")
    run = start()
    for number in range(3):
        goal = world.database.count() + 30
        world.send(logins.make(300, seed=540 + number, bad=0.02))
        wait_until(lambda: world.database.count() >= goal, run.tail, every=0.002)
        world.queue.client.purge_queue(QueueUrl=world.queue.url)
    wait_until(lambda: world.queue.is_empty(), run.tail)
    assert run.terminate() == 0, run.tail()
    expected = {login.row[0]: login.row for login in world.good}
    rows = {row[0]: row for row in world.database.rows()}
    assert len(rows) == world.database.count() and rows.keys() <= expected.keys()
    assert all(rows[user][:6] == expected[user][:6] for user in rows)
    assert run.summary()["inserted"] == len(rows)
    assert world.queue.is_empty()


def test_a_queue_that_is_deleted_and_made_again(world, stub, start):
    """It ends and says which queue is missing; started again, it finds the new one."""
    world.send(logins.make(500, seed=545, bad=0))
    run = start()
    wait_until(lambda: world.database.count() > 50, run.tail, every=0.005)
    stub.fault("*", "error", status=400, code="QueueDoesNotExist", times=-1)
    assert run.wait() == 1, run.tail()
    said = {event["text"] for event in run.events("queue_failed", level="error")}
    assert len(said) == 1 and "does not exist" in (text := said.pop()) and world.queue.name in text and "--queue" in text
    assert run.summary()["in_flight"] == 0
    assert run.summary()["inserted"] == world.database.count()
    early = world.program.start(*FLOW)
    assert early.wait() == 1, "and while it is not there"
    complaint(early, world.queue.name, "does not exist")
    stub.clear_faults()
    stub.expire(world.queue.name)
    world.drain_until_empty()
    world.check()
