"""What loginetl needs of a server, step by step: each is a function of a Row. It returns when the server can do it, and
fails with what is missing when not; NotPossible says that the server leaves nothing to try. A step that takes its time is
a generator: what comes before its yield is done first of all steps, the rest last, so that nobody stands and waits."""

import json
import signal
import time

from lib import logins
from lib.groups import Groups
from lib.processes import wait_until

#: The shortest lease that the program asks for.
LEASE_S = 5


class NotPossible(Exception):
    """The server is made so that there is nothing to try."""


class Row:
    """One server in one protocol, with the program in between its queues and one database."""

    def __init__(self, make_world, sqs, protocol, found_out):
        self.make_world, self.sqs, self.protocol, self.found_out = make_world, sqs, protocol, found_out
        self.table = "user_logins"

    def world(self, table="user_logins", **how):
        """On a queue of its own. The table is the step's own."""
        world = self.make_world(self.sqs, **how)
        world.program.env.update(LOGINETL_SQS_PROTOCOL=self.protocol, LOGINETL_TABLE=table)
        world.database.execute(f"DROP TABLE IF EXISTS {table}")
        return world


def drained(world, *args):
    """All of them are rows, masked as they must be, none is left, and nothing went wrong on the way."""
    run = world.program.drain(*args, status=(0,))
    world.check_rows()
    world.check_ledger()
    assert world.queue.is_empty(), f"the queue still holds {world.queue.counts()}"
    assert not run.events("queue_failed"), run.tail()
    return run


def check(row):
    world = row.world()
    result = world.program.run("check")
    assert result.status == 0, result.stdout
    assert "about 0 messages and 0 in flight, redriven after 1000 receives" in result.stdout, result.stdout
    said = {words[1]: words[0] for line in result.stdout.splitlines() if len(words := line.split()) > 1}
    assert said["delete"] == said["visibility"] == said["dead"] == "ok", result.stdout
    assert f"ok    protocol     {row.protocol}: --sqs-protocol says so\n" in result.stdout, result.stdout


def send(row):
    """`loginetl send`, and the bodies are in the queue as they were."""
    world = row.world()
    made = logins.make(30, seed=1, bad=0, unusual=0)
    path = world.program.folder / "logins"
    path.write_text("".join(login.body + "\n" for login in made), encoding="utf-8")
    world.sent += made
    result = world.program.run("send", path)
    assert result.status == 0, result.stderr
    taken = world.queue.take_all(len(made))
    assert sorted(message["Body"] for message in taken) == sorted(login.body for login in made)


def drain(row):
    """A hundred, and whoever speaks the older protocol only is found out."""
    world = row.world()
    world.send(logins.make(100, seed=2, bad=0, unusual=0))
    run = drained(world, "--sqs-protocol", "auto" if row.found_out else row.protocol)
    assert run.summary()["inserted"] == 100
    assert [event["protocol"] for event in run.events("protocol")] == [row.protocol]


TEXTS = [" \t\r\n{} ", "\n{}\r", "{}\r\n\r\n", "{}"]


def text(row):
    """What XML or a form could change on its way: white space around, markup, other planes of Unicode."""
    world = row.world()
    names = ["<&>\"' ]]>", "&amp;&#13;%41+ %", "\u00e9\u0432\u4e16\U0001f600", "plain"]
    events = [{"user_id": name, "device_type": "ios", "ip": "93.184.216.34"} for name in names]
    world.send(
        [
            logins.login(event, form.format(json.dumps(event, ensure_ascii=False)))
            for event, form in zip(events, TEXTS, strict=True)
        ]
    )
    run = world.program.start()
    wait_until(lambda: run.events("body_damaged") or world.database.count() == len(events), run.tail)
    assert not run.events("body_damaged"), "a body is not as it was sent"
    wait_until(world.queue.is_empty, run.tail)
    assert run.terminate() == 0, run.tail()
    world.check_rows()


def by_url(row):
    """The queue's URL as the server gives it, where it need not name a host that can be reached."""
    world = row.world()
    world.send(logins.make(10, seed=3, bad=0, unusual=0))
    world.program.env["LOGINETL_QUEUE"] = "a-name-that-is-not-looked-up"
    drained(world, "--queue-url", world.queue.url)


def wrong_name(row):
    world = row.world()
    result = world.program.run("--drain", "--queue", "no-such-queue")
    assert result.status == 1, result.stderr
    assert "queue no-such-queue does not exist at" in result.stderr, result.stderr


def reject(row):
    """To the dead-letter queue that the server's redrive policy names, with the reason in attributes."""
    world = row.world()
    world.send(
        [
            *logins.make(5, seed=4, bad=0, unusual=0),
            logins.reject("no JSON", "not_json"),
            logins.reject({"ip": "93.184.216.34"}, "missing", "user_id", ("93.184.216.34",)),
        ]
    )
    assert world.program.drain(status=(3,)).summary()["dead_lettered"] == 2
    world.check()


def extend(row):
    """While the database is slow, nobody else gets the messages."""
    world = row.world(table="slow_logins")
    run = world.program.start("--visibility-timeout", str(LEASE_S))
    run.wait_event("ready")
    with world.database.locked("slow_logins"):
        world.send(logins.make(10, seed=5, bad=0, unusual=0))
        wait_until(lambda: world.queue.counts() == (0, 10), run.tail)
        first_end = time.monotonic() + LEASE_S
        yield
        wait_until(lambda: time.monotonic() > first_end, "the first leases are over")
        assert not world.queue.receive(), "somebody else gets a message"
        assert world.queue.counts() == (0, 10)
    wait_until(world.queue.is_empty, run.tail)
    assert run.terminate() == 0, run.tail()
    assert run.summary()["received"] == 10
    world.check_rows("slow_logins")


def release(row):
    """Told to end, it gives back what it cannot store, long before the leases end. Its polls are short: most servers do
    not notice that a longer one is closed, and hand to it what is given back."""
    world = row.world(table="kept_logins")
    run = world.program.start("--visibility-timeout", "600", "--shutdown-timeout", "6", "--wait-time", "1")
    run.wait_event("ready")
    with world.database.locked("kept_logins"):
        world.send(logins.make(10, seed=6, bad=0, unusual=0))
        wait_until(lambda: world.queue.counts() == (0, 10), run.tail)
        run.send_signal(signal.SIGTERM)
        yield
        assert run.wait() in (0, 1), run.tail()
    assert run.summary()["released"] == 10
    assert world.queue.counts() == (10, 0)


def redrive(row):
    """A message that was received too often: the server moves it instead of handing it out."""
    world = row.world(receives=1)
    world.send(logins.make(1, seed=7, bad=0, unusual=0))
    assert world.queue.receive(visibility=0), "it is there"
    run = world.program.drain(status=(0,))
    assert run.summary()["received"] == 0
    assert len(world.queue.dlq.take_all(1)) == 1 and world.queue.is_empty()


def gone(row):
    """Half of a batch is not there any more when it is deleted: the rest is, and the program goes on."""
    world = row.world()
    run = world.program.start()
    run.wait_event("ready")
    with world.database.locked():
        world.send(logins.make(5, seed=8, bad=0, unusual=0))
        wait_until(lambda: world.queue.counts() == (0, 5), run.tail)
        world.queue.client.purge_queue(QueueUrl=world.queue.url)
        world.send(logins.make(5, seed=9, bad=0, unusual=0))
        wait_until(lambda: len(run.events("message", to="waiting")) == 10, run.tail)
    wait_until(lambda: world.database.count() == 10 and world.queue.is_empty(), run.tail)
    assert run.terminate() == 0, run.tail()
    world.check_rows()
    failed = len(run.events("delete_failed"))
    if failed == 0:
        raise NotPossible("it says of messages that are gone that they were deleted")
    assert failed == 5 and run.summary()["deleted"] == 5


def fifo(row):
    """A drain empties a queue with an order, and commits each of its four groups in it."""
    world = row.world(fifo=True)
    groups = Groups(world, logins.make(40, seed=10, bad=0, unusual=0))
    run = drained(world, "--batch-rows", "3", "--connections", "2")
    assert groups.check_order() >= 40 // 3, run.tail()


#: In the table's order.
STEPS = [check, send, drain, text, by_url, wrong_name, reject, redrive, extend, release, gone, fifo]
