"""Queues on whatever speaks SQS, through boto3."""

import json
import threading
import uuid
from concurrent.futures import ThreadPoolExecutor

import boto3
from botocore.config import Config

from .query import QueryClient

CREDENTIALS = {
    "AWS_ACCESS_KEY_ID": "AKIDEXAMPLE",
    "AWS_SECRET_ACCESS_KEY": "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
    "AWS_REGION": "us-east-1",
}

_session_lock = threading.Lock()
_session = None


def session():
    """One for all: reading the service model takes longer than most tests."""
    global _session
    with _session_lock:
        _session = _session or boto3.session.Session(
            CREDENTIALS["AWS_ACCESS_KEY_ID"],
            CREDENTIALS["AWS_SECRET_ACCESS_KEY"],
            region_name=CREDENTIALS["AWS_REGION"],
        )
        return _session


class Sqs:
    """A server, reached by boto3. The client may be used from several threads."""

    def __init__(self, url, query_only=False):
        self.url = url
        if query_only:
            self.client = QueryClient(
                url, CREDENTIALS["AWS_ACCESS_KEY_ID"], CREDENTIALS["AWS_SECRET_ACCESS_KEY"], CREDENTIALS["AWS_REGION"]
            )
            return
        config = Config(retries={"max_attempts": 4}, max_pool_connections=64, read_timeout=60)
        self.client = session().client("sqs", endpoint_url=url, config=config)

    def create(self, name, dlq=True, visibility=30, receives=1000, fifo=False):
        """A queue, with a dead-letter queue unless dlq is false; both FIFO if it is. Few receives before a redrive would
        hide what the program does itself, so the limit is high unless a test wants it low."""
        kind, end = ({"FifoQueue": "true"}, ".fifo") if fifo else ({}, "")
        attributes = {"VisibilityTimeout": str(visibility), **kind}
        dead = None
        if dlq:
            dead = Queue(self, self.client.create_queue(QueueName=f"{name}-dlq{end}", Attributes=kind)["QueueUrl"])
            attributes["RedrivePolicy"] = json.dumps(
                {"deadLetterTargetArn": dead.arn(), "maxReceiveCount": str(receives)}
            )
        url = self.client.create_queue(QueueName=f"{name}{end}", Attributes=attributes)["QueueUrl"]
        return Queue(self, url, dead)


class Queue:
    def __init__(self, sqs, url, dlq=None):
        self.sqs, self.url, self.dlq = sqs, url, dlq
        self.name = url.rsplit("/", 1)[1]

    @property
    def client(self):
        return self.sqs.client

    def attributes(self, *names):
        return self.client.get_queue_attributes(QueueUrl=self.url, AttributeNames=list(names) or ["All"])["Attributes"]

    def arn(self):
        return self.attributes("QueueArn")["QueueArn"]

    def counts(self):
        """(visible, in flight)"""
        found = self.attributes("ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible")
        return tuple(int(found[f"ApproximateNumberOfMessages{what}"]) for what in ("", "NotVisible"))

    def is_empty(self):
        return self.counts() == (0, 0)

    # Sending

    def _send_batch(self, bodies, group=None):
        entries = [{"Id": str(i), "MessageBody": body} for i, body in enumerate(bodies)]
        for entry in entries if group else []:
            entry.update(MessageGroupId=group, MessageDeduplicationId=str(uuid.uuid4()))
        answer = self.client.send_message_batch(QueueUrl=self.url, Entries=entries)
        assert not answer.get("Failed"), answer["Failed"]
        ids = {int(done["Id"]): done["MessageId"] for done in answer["Successful"]}
        return [ids[i] for i in range(len(bodies))]

    def send(self, bodies, threads=8):
        """Sends them all, in batches as large as SQS takes, and returns their message ids in the same order."""
        batches = list(batched(bodies))
        if len(batches) == 1:
            return self._send_batch(batches[0])
        with ThreadPoolExecutor(threads) as pool:
            return [one for ids in pool.map(self._send_batch, batches) for one in ids]

    def send_group(self, group, bodies):
        """Into a FIFO queue, one batch after the other."""
        return [one for batch in batched(bodies) for one in self._send_batch(batch, group)]

    # Receiving

    def receive(self, most=10, wait=0, visibility=None):
        more = {} if visibility is None else {"VisibilityTimeout": visibility}
        return self.client.receive_message(
            QueueUrl=self.url,
            MaxNumberOfMessages=most,
            WaitTimeSeconds=wait,
            MessageSystemAttributeNames=["All"],
            MessageAttributeNames=["All"],
            **more,
        ).get("Messages", [])

    def delete(self, messages):
        entries = [{"Id": str(i), "ReceiptHandle": message["ReceiptHandle"]} for i, message in enumerate(messages)]
        self.client.delete_message_batch(QueueUrl=self.url, Entries=entries)

    def take_all(self, expected=0, threads=8):
        """Every message there is, deleted as it is read. Ends when a receive finds nothing and at least `expected` came;
        until then it is patient, for a queue may be slow to show what was sent."""
        taken, lock = [], threading.Lock()

        def drain():
            tries = 0
            while tries < (30 if len(taken) < expected else 1):
                messages = self.receive(wait=int(len(taken) < expected), visibility=120)
                tries = 0 if messages else tries + 1
                if messages:
                    self.delete(messages)
                    with lock:
                        taken.extend(messages)

        workers = threads if expected > 200 else 1
        with ThreadPoolExecutor(workers) as pool:
            for worker in [pool.submit(drain) for _ in range(workers)]:
                worker.result()
        return taken


def batched(bodies, entries=10, size=200_000):
    """Groups of at most ten, and small enough for the servers that still have the old limit of 256 KiB."""
    group, total = [], 0
    for body in bodies:
        length = len(body.encode())
        if group and (len(group) == entries or total + length > size):
            yield group
            group, total = [], 0
        group.append(body)
        total += length
    if group:
        yield group


def attribute(message, name):
    """A message attribute's text; None without it."""
    return message.get("MessageAttributes", {}).get(name, {}).get("StringValue")


def bodies_of(messages):
    return sorted(message["Body"] for message in messages)
