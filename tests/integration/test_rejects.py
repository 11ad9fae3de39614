"""One bad message harms only itself: every way to be bad, each on its own, and what can be done with it."""

import json
import random
from collections import Counter

from lib import logins
from lib.logins import login, reject
from lib.processes import wait_until
from lib.queues import attribute

EVENT = {
    "user_id": "5e1f3f3c-1b6b-4a2e-9a4b-3d1f6f0c9a11",
    "app_version": "2.3.0",
    "device_type": "ios",
    "ip": "93.184.216.34",
    "locale": "RU",
    "device_id": "593-47-5928",
    "create_date": "2023-05-17",
}

WAYS = {
    name: reject(body, reason, key, (EVENT["ip"], EVENT["device_id"]))
    for name, body, reason, key in logins.bad_ways(EVENT)
}


def neighbours(seed):
    return logins.make(5, seed=seed, bad=0)


def named(event):
    return event["reason"], event.get("key")


def test_each_way_to_be_bad(world):
    """One after the other, each alone: the right reason and key, in the log and on the dead letter."""
    run = world.program.start()
    seen = {}
    for name, bad in WAYS.items():
        id = world.send([bad])[0]
        seen[name] = named(run.wait_event("rejected", message_id=id))
    assert seen == {name: (bad.reason, bad.key) for name, bad in WAYS.items()}
    wait_until(world.queue.is_empty, run.tail)
    assert run.terminate() == 0
    assert run.summary()["rejected"] == run.summary()["dead_lettered"] == len(WAYS)
    assert world.database.count() == 0
    world.check_dead_letters()


def test_bad_ones_harm_only_themselves(world):
    """All of them at once, each between good neighbours."""
    for seed, bad in enumerate(WAYS.values()):
        world.send([*neighbours(1000 + seed), bad])
    run = world.program.drain(status=(3,))
    assert Counter(map(named, run.events("rejected"))) == Counter((bad.reason, bad.key) for bad in WAYS.values())
    world.check()


def test_bytes_that_are_not_utf8(world, stub):
    """No client library sends these; a queue can hold them all the same."""
    world.send(neighbours(3))
    for body in (b'{"user_id": "\xff\xfe"}', b'{"user_id": "caf\xe9"}', b'{"user_id": "\xed\xa0\x80"}', b"\xc0\x80"):
        stub.add_bytes(body, queue=world.queue.name)
    run = world.program.drain("--on-reject", "discard", status=(3,))
    assert run.summary()["rejected"] == 4
    assert {event["reason"] for event in run.events("rejected")} <= {"bad_text", "not_json"}
    world.check_rows()


def test_a_body_of_one_mebibyte(world, stub):
    """As large as SQS allows, of either kind; how large a row's message may be is the program's to say, not to crash on."""
    good = login(dict(EVENT, user_id="large", note="x" * 1_000_000))
    world.send(neighbours(4))
    stub.add_bytes(good.body.encode(), queue=world.queue.name)
    stub.add_bytes(b'{"user_id": "' + b"x" * 1_048_000 + b'"}', queue=world.queue.name)
    stub.add_bytes(b"[" * 1_048_576, queue=world.queue.name)
    stub.add_bytes(b'{"a":' * 200_000, queue=world.queue.name)
    run = world.program.drain("--on-reject", "discard")
    assert run.summary()["received"] == 9 and run.summary()["rejected"] in (3, 4)
    reasons = [event["reason"] for event in run.events("rejected")]
    assert set(reasons) <= {"too_large", "too_long", "not_json"}
    assert world.database.count() + len(reasons) == 9


def test_good_messages_that_look_bad(world):
    """Keys in another case, unknown keys, repeated keys, escapes, a byte order of their own: rows all the same."""
    text = json.dumps(EVENT)
    made = [
        login(dict(EVENT, user_id="a", User_Id="ignored", nested={"user_id": "ignored"})),
        login(dict(EVENT, user_id="b"), '{"user_id": 7, "ip": [], ' + json.dumps(dict(EVENT, user_id="b"))[1:]),
        login(dict(EVENT, user_id="c"), text.replace(EVENT["user_id"], "\\u0063").replace("user_id", "user\\u005fid")),
        login({"user_id": "d"}),
        login({"user_id": "e", "ip": None, "device_id": "", "app_version": "", "create_date": ""}),
        login({"user_id": "f" * 128}),
        login({"user_id": "\U0001f600" * 128}),
        login({"user_id": "g", "app_version": 7}),
        login({"user_id": "h", "app_version": "2147483.647"}),
        login({"user_id": "i", "app_version": "0007.010"}),
        login({"user_id": "j", "ip": "not an address at all"}),
        login({"user_id": "k", "ip": "2001:DB8:0:0:0:0:0:1"}),
        login({"user_id": "l", "ip": "::ffff:93.184.216.34"}),
        login({"user_id": "m", "create_date": "2023-12-31T23:59:59.999-00:30"}),
        login({"user_id": "n", "create_date": "2024-02-29"}),
        login({"user_id": 'o"\\/\b\f\n\r\té'}),
        login({"user_id": "p", "app_version": 2.5}, '{"user_id": "p", "app_version": 2.5}'),
        login({"user_id": "q", "ip": "093.184.216.034"}),
        login({"user_id": "r", "ip": "fe80::1:2:3%eth0"}),
    ]
    world.send(made)
    assert world.program.drain().summary()["rejected"] == 0
    world.check()


def test_reasons_of_the_database(world):
    """What only the server can know: found among its neighbours, named by SQLSTATE class, never by its text."""
    world.database.execute(
        "CREATE TABLE user_logins (user_id varchar(128), device_type varchar(32), masked_ip varchar(256), "
        "masked_device_id varchar(256), locale varchar(32) CHECK (locale <> 'XX'), app_version integer, create_date date)"
    )
    good = logins.make(200, seed=5, bad=0)
    bad = [
        reject(dict(EVENT, user_id=f"bad {i}", locale="XX"), "constraint", None, (EVENT["ip"], EVENT["device_id"]))
        for i in range(3)
    ]
    everything = good + bad
    random.Random(5).shuffle(everything)
    world.send(everything)
    run = world.program.drain(status=(3,))
    assert run.summary()["rejected"] == 3
    assert {event["reason"] for event in run.events("rejected")} == {"constraint"}
    assert {event["sqlstate"] for event in run.events("rejected")} == {"23514"}
    world.check_rows()
    reasons = [attribute(message, "loginetl_reason") for message in world.queue.dlq.take_all(3)]
    assert len(reasons) == 3 and all(reason.startswith("constraint") for reason in reasons)


# ---------------------------------------------------------------------------------------------------------------------
# What to do with them


def test_leave(world):
    """Not deleted and not sent: the queue's own redrive has the last word."""
    world.send([*neighbours(6), WAYS["text"]])
    run = world.program.drain("--on-reject", "leave", status=(3,))
    assert run.summary()["rejected"] == 1 and run.summary()["dead_lettered"] == 0
    assert world.queue.dlq.counts() == (0, 0)
    wait_until(lambda: sum(world.queue.counts()) == 1, "it is still in the queue")
    world.check_rows()


def test_leave_until_the_queue_gives_up(make_world, stub):
    world = make_world(stub.sqs, receives=2, visibility=5)
    world.send([*neighbours(7), WAYS["no user"]])
    run = world.program.start("--on-reject", "leave", "--visibility-timeout", "5")
    wait_until(lambda: world.queue.dlq.counts() == (1, 0), run.tail)
    run.terminate()
    world.check_rows()
    assert world.queue.is_empty()


def test_discard(world):
    world.send([*neighbours(8), WAYS["text"], WAYS["no user"]])
    summary = world.program.drain("--on-reject", "discard", status=(3,)).summary()
    assert summary["rejected"] == 2 and summary["dead_lettered"] == 0
    assert world.queue.is_empty() and world.queue.dlq.counts() == (0, 0)


def test_without_a_dead_letter_queue_they_are_left_with_a_warning(make_world, stub):
    world = make_world(stub.sqs, dlq=False)
    world.send([*neighbours(9), WAYS["text"]])
    run = world.program.drain(status=(3,))
    assert [
        event for event in run.events() if event.get("level") == "warn" and event["event"] != "rejected"
    ], run.tail()
    wait_until(lambda: sum(world.queue.counts()) == 1, "it is still in the queue")
    world.check_rows()


def test_a_dead_letter_queue_of_ones_own(make_world, stub):
    world = make_world(stub.sqs, dlq=False)
    other = stub.sqs.create("elsewhere", dlq=False)
    world.send([*neighbours(10), WAYS["text"]])
    world.program.drain("--dlq-url", other.url, status=(3,))
    assert [message["Body"] for message in other.take_all(1)] == [WAYS["text"].body]
    assert world.queue.is_empty()


def test_dlq_is_refused_when_there_is_none(make_world, stub):
    world = make_world(stub.sqs, dlq=False)
    result = world.program.run("--drain", "--on-reject", "dlq")
    assert result.status in (1, 2)
    assert "dlq-url" in result.stderr or "LOGINETL_DLQ_URL" in result.stderr


def test_the_queue_is_not_its_own_dead_letter_queue(make_world, stub):
    world = make_world(stub.sqs, dlq=False)
    world.send([*neighbours(13), WAYS["text"]])
    result = world.program.run("--drain", "--dlq-url", world.queue.url)
    assert result.status == 1
    assert "--dlq-url" in result.stderr


def test_a_dead_letter_that_cannot_be_sent_is_tried_again(world, stub):
    world.send([WAYS["text"], WAYS["no user"], *neighbours(11)])
    stub.fault("SendMessageBatch", "error", status=503, code="ServiceUnavailable", times=2)
    stub.fault("SendMessageBatch", "partial", n=2, code="InternalError")
    world.program.drain(status=(3,))
    world.check()


def test_required_keys(world):
    complete = login(EVENT)
    incomplete = reject({"user_id": "x", "ip": "93.184.216.34"}, "missing", "device_id", ("93.184.216.34",))
    world.send([complete, incomplete])
    world.program.drain("--require", "user_id,device_id", status=(3,))
    world.check()
