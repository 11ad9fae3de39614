"""Logins that SNS or EventBridge passed on to the queue: rows like those of plain ones, dead letters as they came."""

import json
from dataclasses import replace

import pytest

from conftest import unique
from lib import logins
from lib.queues import batched, session

TOPIC = "arn:aws:sns:us-east-1:000000000000:logins"


def notification(text):
    """As SNS puts it into a queue, unless the subscription says RawMessageDelivery."""
    return json.dumps(
        {
            "Type": "Notification",
            "MessageId": "22b80b92-fdea-4c2c-8f9d-bdfb0c7bf324",
            "TopicArn": TOPIC,
            "Subject": "a \"login\"",
            "Message": text,
            "Timestamp": "2023-05-17T12:00:00.000Z",
            "SignatureVersion": "1",
            "Signature": "EXAMPLEpH+DcEwjAPg8O9mY8dReBSwksfg2S7WKQcikcNKWLQjwu6A4VbeS0QHVCkhRS7fUQvi2egU3N858fiTDN6bkkOx==",
            "SigningCertURL": "https://sns.us-east-1.amazonaws.com/SimpleNotificationService-0.pem",
            "UnsubscribeURL": f"https://sns.us-east-1.amazonaws.com/?Action=Unsubscribe&SubscriptionArn={TOPIC}:1",
            "MessageAttributes": {"kind": {"Type": "String", "Value": "login"}},
        },
        indent=2,
    )


def event(text):
    """As EventBridge puts it there. The text stands in it as it is, so that repeated keys and the like remain."""
    head = {
        "version": "0",
        "id": "6a7e8feb-b491-4cf7-a9f1-bf3703467718",
        "detail-type": "login",
        "source": "app.logins",
        "account": "000000000000",
        "time": "2023-05-17T12:00:00Z",
        "region": "us-east-1",
        "resources": [],
    }
    return f'{json.dumps(head)[:-1]}, "detail": {text}}}'


def plain(text):
    return text


def event_in_a_notification(text):
    return notification(event(text))


def notification_in_an_event(text):
    return event(notification(text))


def wrapped(made, how):
    return [replace(login, body=how(login.body)) for login in made]


def is_object(login):
    """In an event there is nothing but an object."""
    return login.good or login.reason not in ("not_json", "not_an_object")


def made(how, count, seed, bad=0.3):
    keep = is_object if how in (event, event_in_a_notification) else bool
    return wrapped(filter(keep, logins.make(count, seed=seed, bad=bad, unusual=0.2)), how)


def drain(world, *args):
    run = world.program.drain(*args, status=(0, 3))
    assert run.summary()["inserted"] == len(world.good) and run.summary()["rejected"] == len(world.bad), run.tail()
    world.check()


# ---------------------------------------------------------------------------------------------------------------------
# Wrapped here: every way to be bad, all escapes, and the dead letter is the whole body


@pytest.mark.parametrize("how", [notification, event, event_in_a_notification, notification_in_an_event])
def test_a_hundred_wrapped_logins(world, how):
    """Each of them as it would be without an envelope, among plain ones."""
    world.send([*made(how, 100, seed=20), *logins.make(20, seed=21, bad=0.1)])
    drain(world)


#: What each choice makes of each body: (reason, key), or None for a row.
CHOICES = {
    "none": (
        None,
        ("missing", "user_id"),
        ("missing", "user_id"),
        ("missing", "user_id"),
        ("missing", "user_id"),
    ),
    "sns": (
        ("missing", "TopicArn"),
        None,
        ("missing", "TopicArn"),
        ("missing", "user_id"),
        ("missing", "TopicArn"),
    ),
    "eventbridge": (
        ("missing", "detail-type"),
        ("missing", "detail-type"),
        None,
        ("missing", "detail-type"),
        ("missing", "user_id"),
    ),
    "auto": (None, None, None, None, None),
}


@pytest.mark.parametrize("choice", CHOICES)
def test_what_each_choice_takes(world, choice):
    ways = (plain, notification, event, event_in_a_notification, notification_in_an_event)
    for seed, (how, refused) in enumerate(zip(ways, CHOICES[choice])):
        for login in made(how, 4, seed=30 + seed, bad=0):
            world.send([replace(login, row=None, reason=refused[0], key=refused[1]) if refused else login])
    drain(world, "--envelope", choice)


def test_messages_about_a_subscription(world):
    """SNS sends these, too, and nobody makes a row of them."""
    confirmation = json.loads(notification("You have chosen to subscribe")) | {
        "Type": "SubscriptionConfirmation",
        "Token": "2336412f37",
        "SubscribeURL": "https://sns.us-east-1.amazonaws.com/?Action=ConfirmSubscription",
    }
    world.send([logins.reject(confirmation, "missing", "user_id"), *made(notification, 5, seed=40)])
    drain(world)


# ---------------------------------------------------------------------------------------------------------------------
# Wrapped by a server


def client(world, service):
    return session().client(service, endpoint_url=world.queue.sqs.url)


def subscribe(world, **attributes):
    """A topic that the world's queue is subscribed to."""
    sns = client(world, "sns")
    topic = sns.create_topic(Name=unique("topic"))["TopicArn"]
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=world.queue.arn(), Attributes=attributes)
    return topic


def publish(world, topic, made):
    for bodies in batched([login.body for login in made]):
        entries = [{"Id": str(i), "Message": body} for i, body in enumerate(bodies)]
        assert not client(world, "sns").publish_batch(TopicArn=topic, PublishBatchRequestEntries=entries).get("Failed")
    world.sent += made


def drain_passed_on(world):
    """Their message ids are not known here."""
    assert world.program.drain(status=(0,)).summary()["inserted"] == len(world.sent)
    world.check_rows()
    assert world.queue.is_empty() and world.queue.dlq.counts() == (0, 0)


def test_through_a_topic(make_world, ministack):
    world = make_world(ministack)
    publish(world, subscribe(world), logins.make(100, seed=50, bad=0, unusual=0.2))
    publish(world, subscribe(world, RawMessageDelivery="true"), logins.make(10, seed=51, bad=0))
    drain_passed_on(world)


@pytest.mark.parametrize("through", ["queue", "topic"])
def test_through_a_rule(make_world, ministack, through):
    world = make_world(ministack)
    target = world.queue.arn() if through == "queue" else subscribe(world)
    events, rule, source = client(world, "events"), unique("rule"), unique("app")
    events.put_rule(Name=rule, EventPattern=json.dumps({"source": [source]}))
    events.put_targets(Rule=rule, Targets=[{"Id": "1", "Arn": target}])
    made = logins.make(100, seed=60, bad=0)
    for bodies in batched([login.body for login in made]):
        entries = [{"Source": source, "DetailType": "login", "Detail": body} for body in bodies]
        assert events.put_events(Entries=entries)["FailedEntryCount"] == 0
    world.sent += made
    drain_passed_on(world)
