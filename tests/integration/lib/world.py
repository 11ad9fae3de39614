"""A queue, a database and the program between them; what was sent, and whether all of it became what it must."""

import time
from collections import Counter
from datetime import datetime, timezone
from pathlib import Path

from . import leaks
from .logins import canonical_ip
from .program import PATIENCE
from .queues import attribute


class World:
    def __init__(self, queue, database, program):
        self.queue, self.database, self.program = queue, database, program
        self.sent = []
        self.ids = {}  # message id → Login
        self.started = datetime.now(timezone.utc)
        program.env.update(
            AWS_ENDPOINT_URL_SQS=queue.sqs.url,
            LOGINETL_QUEUE=queue.name,
            DATABASE_URL=database.url,
            LOGINETL_TABLE="user_logins",
        )

    def send(self, logins, **how):
        ids = self.queue.send([login.body for login in logins], **how)
        self.ids.update(zip(ids, logins))
        self.sent += logins
        return ids

    @property
    def good(self):
        return [login for login in self.sent if login.good]

    @property
    def bad(self):
        return [login for login in self.sent if not login.good]

    def days(self):
        """The days on which the queue can have seen a message first."""
        return {self.started.date(), datetime.now(timezone.utc).date()}

    def drain_until_empty(self, *args):
        """Again and again, for a drain ends when a poll finds nothing, and then leases of an earlier run may still hold
        messages. Not by waiting for the queue's count of those: some servers end a lease only when they are asked."""
        deadline = time.monotonic() + PATIENCE
        while not self.queue.is_empty():
            assert time.monotonic() < deadline, f"the queue still holds {self.queue.counts()}"
            self.program.drain(*args)

    # Every good message is one row

    def check_rows(self, table="user_logins"):
        days = self.days()
        rows = {}
        for row in self.database.rows(table):
            assert row[0] not in rows, "a row is there twice"
            rows[row[0]] = row
        expected = {login.row[0]: login.row for login in self.good}
        assert len(expected) == len(self.good), "the test's own logins are not distinct"
        assert (
            rows.keys() == expected.keys()
        ), f"{len(expected.keys() - rows.keys())} rows are missing, {len(rows.keys() - expected.keys())} are too many"
        for user, row in rows.items():
            assert row[:6] == expected[user][:6]
            assert row[6] == expected[user][6] if expected[user][6] else row[6] in days

    # Every bad one stands in the dead-letter queue, with its reason

    def check_dead_letters(self, once=True):
        messages = self.queue.dlq.take_all(len(self.bad))
        found = Counter(self._dead_letter(message) for message in messages)
        wanted = Counter((login.body, login.reason, login.key) for login in self.bad)
        assert not wanted - found, f"not in the dead-letter queue: {list((wanted - found).items())[:3]}"
        assert not found.keys() - wanted.keys(), "there is what was not bad"
        if once and found - wanted:
            assert self._some_went_unanswered(), "there is more than what was bad"
        return messages

    def _some_went_unanswered(self):
        """A server that was too busy to answer in time may have taken dead letters all the same: they were sent once more."""
        return any(
            run.events("queue_failed", operation="SendMessageBatch", error="timeout") for run in self.program.runs
        )

    def _dead_letter(self, message):
        original = attribute(message, "loginetl_message_id")
        body, reason, key = message["Body"], attribute(message, "loginetl_reason"), attribute(message, "loginetl_key")
        assert original in self.ids and self.ids[original].body == body, "loginetl_message_id is not the original's"
        return body, reason, key

    def check_ledger(self):
        """It knows every message that has a row."""
        missing = {id for id, login in self.ids.items() if login.good} - self.database.ledger()
        assert not missing, f"{len(missing)} messages are not in the ledger"

    def check(self, once=True):
        self.check_rows()
        self.check_ledger()
        if self.queue.dlq:
            self.check_dead_letters(once)
        assert self.queue.is_empty(), f"the queue still holds {self.queue.counts()}"

    # Nothing personal in any output

    def check_privacy(self, *more_paths):
        values = {value for login in self.sent for value in login.personal}
        values |= {canonical_ip(value) for value in values}
        hits = leaks.find([*self.program.output_paths(), *map(Path, more_paths)], values)
        assert not hits, f"personal data in the log: {hits}"

    def finish(self):
        self.program.finish()
        self.check_privacy()
