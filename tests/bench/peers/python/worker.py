"""Drains an SQS queue of logins into PostgreSQL: receive, mask, insert, commit, delete, in THREADS threads.

A thread gathers answers until it has BATCH_ROWS rows, until the queue gives less than ten or until the oldest row has
waited a tenth of a second. What is not deleted comes back by itself when its visibility timeout is over.
"""

import logging
import os
import signal
import threading
import time

import boto3
import psycopg2
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from login import BadLogin, row_of
from psycopg2.extras import execute_values

INSERT = """INSERT INTO user_logins
    (user_id, device_type, masked_ip, masked_device_id, locale, app_version, create_date) VALUES %s"""

QUEUE_URL = os.environ["QUEUE_URL"]
DATABASE_URL = os.environ["DATABASE_URL"]
THREADS = int(os.environ.get("THREADS", "8"))
BATCH_ROWS = int(os.environ.get("BATCH_ROWS", "1000"))
DRAIN = os.environ.get("BENCH_DRAIN") == "1"

GATHER_S = 0.1
EMPTY_FOR_S = 2
DELETE_TRIES = 3

log = logging.getLogger("worker")
stopping = threading.Event()


class Queue:
    """The client is shared by all threads; boto3 allows that."""

    def __init__(self):
        config = Config(
            max_pool_connections=THREADS, tcp_keepalive=True, retries={"mode": "standard", "total_max_attempts": 5}
        )
        self.client = boto3.client("sqs", region_name=os.environ["AWS_REGION"], config=config)
        self.last_message = time.monotonic()

    def receive(self, wait):
        messages = self.client.receive_message(
            QueueUrl=QUEUE_URL,
            MaxNumberOfMessages=10,
            WaitTimeSeconds=wait,
            MessageSystemAttributeNames=["SentTimestamp"],
        ).get("Messages", [])
        if messages:
            self.last_message = time.monotonic()
        return messages

    def is_drained(self):
        return DRAIN and time.monotonic() - self.last_message >= EMPTY_FOR_S

    def delete(self, handles):
        for start in range(0, len(handles), 10):
            self._delete_ten(handles[start : start + 10])

    def _delete_ten(self, handles):
        for _ in range(DELETE_TRIES):
            entries = [{"Id": str(i), "ReceiptHandle": handle} for i, handle in enumerate(handles)]
            failed = self.client.delete_message_batch(QueueUrl=QUEUE_URL, Entries=entries).get("Failed", [])
            handles = [handles[int(entry["Id"])] for entry in failed if not entry["SenderFault"]]
            if not handles:
                return
        log.error("%d messages could not be deleted and will come again", len(handles))


class Worker(threading.Thread):
    def __init__(self, queue):
        super().__init__(daemon=True)
        self.queue = queue
        self.holds_messages = False
        self.connection = None

    def run(self):
        while not (stopping.is_set() or self.queue.is_drained()):
            try:
                rows, handles = self.gather()
                if rows:
                    self.store(rows)
                    self.queue.delete(handles)
            except (BotoCoreError, ClientError) as error:
                log.error("queue: %s", type(error).__name__)
                stopping.wait(1)
            except psycopg2.Error as error:
                log.error("database: %s %s", type(error).__name__, error.pgcode)
                self.disconnect()
                stopping.wait(1)
            finally:
                self.holds_messages = False

    def gather(self):
        rows, handles, wait, until = [], [], 1 if DRAIN else 20, None
        while len(rows) < BATCH_ROWS:
            messages = self.queue.receive(wait)
            self.holds_messages = bool(rows or messages)
            for message in messages:
                try:
                    rows.append(row_of(message))
                    handles.append(message["ReceiptHandle"])
                except BadLogin as reason:  # it is left to the queue's redrive policy
                    log.warning("message %s: %s", message["MessageId"], reason)
            until = until or time.monotonic() + GATHER_S
            if len(messages) < 10 or time.monotonic() >= until or stopping.is_set():
                break
            wait = 0
        return rows, handles

    def store(self, rows):
        if self.connection is None:
            self.connection = psycopg2.connect(DATABASE_URL)
        with self.connection, self.connection.cursor() as cursor:  # commits, or rolls back
            execute_values(cursor, INSERT, rows, page_size=len(rows))

    def disconnect(self):
        if self.connection is not None:
            self.connection.close()
            self.connection = None


def main():
    logging.basicConfig(format="%(asctime)s %(levelname)s %(message)s")
    signal.signal(signal.SIGTERM, lambda *_: stopping.set())
    queue = Queue()
    workers = [Worker(queue) for _ in range(THREADS)]
    for worker in workers:
        worker.start()
    # A thread in a long poll would take up to twenty seconds to see that it should stop; it holds nothing: it is left.
    while any(worker.is_alive() and not (stopping.is_set() and not worker.holds_messages) for worker in workers):
        time.sleep(0.1)


if __name__ == "__main__":
    main()
