"""The main job, on real servers: logins leave the queue, become masked rows, and are gone from the queue."""

import json
import random
import uuid

from conftest import scaled
from lib import logins
from lib.processes import wait_until
from lib.program import is_release


def report(record_property, run, messages):
    """Figures for whoever reads the test's output; none of them is asserted here."""
    figures = {
        "messages": messages,
        "memory_kb": run.memory_kb,
        "cpu_us_per_message": round(run.cpu_s * 1e6 / messages, 1),
        "seconds": run.summary()["seconds"],
    }
    for name, value in figures.items():
        record_property(name, value)
    print(figures)


def test_a_hundred_logins_on_ministack(make_world, ministack):
    world = make_world(ministack)
    world.send(logins.make(100, seed=1, bad=0.1))
    run = world.program.drain()
    summary = run.summary()
    assert summary["received"] == 100 and summary["inserted"] == len(world.good)
    assert summary["rejected"] == summary["dead_lettered"] == len(world.bad)
    assert run.child.returncode == 3
    world.check()


def sample(number):
    """Of the shape that the field's well-known sample queue has: no create_date, versions of two or three parts, and one
    message of another kind."""
    rng = random.Random(number)
    if number == 37:
        return logins.reject({"foo": "oops", "bar": "another kind"}, "missing", "user_id")
    return logins.login(
        {
            "user_id": str(uuid.UUID(int=rng.getrandbits(128), version=4)),
            "app_version": rng.choice(["0.16", "2.00", "6.4.8", "0.1.6"]),
            "device_type": rng.choice(["ios", "android"]),
            "ip": f"{rng.randint(11, 126)}." + ".".join(str(rng.randint(10, 255)) for _ in range(3)),
            "locale": rng.choice(["RU", None]),
            "device_id": logins.random_device_id(rng),
        }
    )


def test_the_sample_queue(make_world, ministack):
    world = make_world(ministack)
    world.send([sample(number) for number in range(100)])
    run = world.program.drain()
    assert "100 received = 99 inserted + 0 duplicate + 1 rejected + 0 released" in run.stdout()
    world.check()
    collided = {login.row[5] for login in world.good if json.loads(login.body)["app_version"] in ("0.16", "0.1.6")}
    assert collided == {16}, "joined digits collide, as the tradition has it"


def test_draining_again_adds_to_the_table(make_world, ministack):
    world = make_world(ministack)
    for seed in (1, 2):
        world.send(logins.make(30, seed=seed, bad=0))
        assert world.program.drain(status=(0,)).summary()["inserted"] == 30
    world.check()


def test_an_empty_queue_is_drained_at_once(make_world, ministack):
    world = make_world(ministack)
    run = world.program.drain(status=(0,))
    assert run.summary()["received"] == 0 and "0 received" in run.stdout()
    assert world.database.count() == 0


def test_max_messages(make_world, ministack):
    world = make_world(ministack)
    world.send(logins.make(100, seed=3, bad=0))
    run = world.program.start("--max-messages", "30", "--drain")
    assert run.wait() == 0, run.tail()
    summary = run.summary()
    assert 0 < summary["received"] <= 30 and summary["inserted"] + summary["released"] == summary["received"]
    assert world.database.count() == summary["inserted"]
    said = run.stdout()
    assert said.startswith(f"stopped {world.queue.name} in ") and "; --max-messages is reached" in said
    wait_until(lambda: world.queue.counts() == (100 - summary["inserted"], 0), "the rest stays in the queue, visible")
    assert "max-messages" not in world.program.drain("--max-messages", "1000", status=(0,)).stdout()
    world.check()


def test_a_queue_url_needs_no_look_up(world, stub):
    world.send(logins.make(20, seed=4, bad=0))
    stub.settings(recorded=1000)
    world.program.drain("--queue-url", world.queue.url, env={"AWS_ENDPOINT_URL_SQS": None, "LOGINETL_QUEUE": None})
    assert not [
        request for request in stub.requests() if json.loads(request["body"]).get("QueueName") == world.queue.name
    ]
    world.check()


def test_the_service_takes_what_comes(make_world, ministack):
    world = make_world(ministack)
    run = world.program.start()
    for seed in range(3):
        world.send(logins.make(20, seed=100 + seed, bad=0.1))
        wait_until(lambda: world.database.count() == len(world.good), run.tail)
    wait_until(world.queue.is_empty, run.tail)
    assert run.terminate() in (0, 3), run.tail()
    world.check()


def test_elasticmq(make_world, elasticmq, record_property):
    world = make_world(elasticmq)
    world.send(logins.make(scaled(10_000, 1000), seed=5))
    run = world.program.drain("--concurrency", "32", watch=True)
    report(record_property, run, len(world.sent))
    assert run.summary()["inserted"] == len(world.good)
    world.check()


def test_fauxqs(make_world, fauxqs, record_property):
    """The load test: 100,000 at LOGINETL_SCALE=1, in bounded memory, and no value of them in the log at debug level."""
    world = make_world(fauxqs)
    world.send(logins.make(scaled(100_000, 1000), seed=6))
    run = world.program.drain("--concurrency", "32", watch=True)
    report(record_property, run, len(world.sent))
    summary = run.summary()
    assert summary["inserted"] == len(world.good) and summary["rejected"] == len(world.bad)
    world.check()
    if is_release():
        assert 0 < run.memory_kb < 16 * 1024, f"{run.memory_kb} kB resident"


def test_every_request_is_one_that_sqs_takes(world, stub):
    """The stub checks headers, signatures' presence, entry ids, batch sizes and handles as SQS does, and counts."""
    world.send(logins.make(300, seed=7, bad=0.1))
    world.program.drain("--concurrency", "16")
    world.check()
    counters = stub.counters()
    assert counters["bad_requests"] == 0, counters["violations"]
    assert stub.count("deleted", world.queue.name) == 300
    assert counters["requests"]["DeleteMessageBatch"] < 150, "deletes leave in batches"


def test_two_rows_of_one_person_are_two_rows(world):
    """Only the message id tells a redelivery: the same text sent twice is two logins."""
    login = logins.make(1, seed=8, bad=0)[0]
    world.queue.send([login.body, login.body])
    assert world.program.drain().summary()["inserted"] == 2
    assert world.database.count() == 2 and world.queue.is_empty()
