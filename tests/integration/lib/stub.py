"""The scripted SQS server, sqs_stub, and its control interface."""

import json
import os
import subprocess
import time
import urllib.parse
import urllib.request

from .processes import TOP, Process, tied, wait_until
from .queues import Sqs


def stub_binary():
    """Beside the program under test, else in any build folder."""
    if "SQS_STUB" in os.environ:
        return os.environ["SQS_STUB"]
    beside = os.path.join(os.path.dirname(os.environ.get("LOGINETL_BIN", "")) or TOP / "build/release", "sqs_stub")
    found = [beside] + sorted(str(path) for path in TOP.glob("build/*/sqs_stub"))
    for path in found:
        if os.access(path, os.X_OK):
            return path
    raise FileNotFoundError("sqs_stub is not built: cmake --build --preset release")


class Stub:
    def __init__(self, folder, *args, queue="login-queue", scheme="http"):
        self.process = Process("sqs_stub", tied([stub_binary(), "--queue", queue, *args]), folder)
        line = wait_until(
            lambda: self.process.running() and self.process.stdout().partition("\n")[0] or None, self.process.tail
        )
        self.port = int(line.rsplit(":", 1)[1])
        self.url = f"{scheme}://127.0.0.1:{self.port}"
        self.queue_name = queue
        self.context = None  # for an https stub whose certificate the tests do not believe either
        self._sqs = None

    @property
    def sqs(self):
        self._sqs = self._sqs or Sqs(self.url)
        return self._sqs

    def control(self, method, path, body=None, **arguments):
        query = "?" + urllib.parse.urlencode(arguments) if arguments else ""
        request = urllib.request.Request(f"{self.url}/control/{path}{query}", method=method, data=body)
        with urllib.request.urlopen(request, timeout=60, context=self.context) as answer:
            return json.loads(answer.read())

    # What the stub holds

    def counters(self):
        return self.control("GET", "counters")

    def count(self, name, queue=None):
        return self.counters()["queues"][queue or self.queue_name][name]

    def requests_made(self, operation):
        return self.counters()["requests"][operation]

    def contents(self, queue=None):
        return self.control("GET", "queue", name=queue or self.queue_name)

    def requests(self):
        """The last requests as they came, after settings(recorded=N) or --record N."""
        return self.control("GET", "requests")

    # What it shall do

    def create(self, name, **settings):
        return self.control("POST", "queue", b"", name=name, **settings)["url"]

    def add(self, lines, queue=None):
        """Messages without a newline in them, as text."""
        self.control("POST", "messages", "\n".join(lines).encode(), queue=queue or self.queue_name)

    def add_bytes(self, body, queue=None, copies=1):
        self.control("POST", "message", body, queue=queue or self.queue_name, copies=copies)

    def fault(self, operation, fault, **more):
        rule = {"operation": operation, "fault": fault, **more}
        return self.control("POST", "faults", json.dumps(rule).encode())["numbers"][0]

    def faults_used(self):
        """Rule number → how often it was used."""
        return {rule["number"]: rule["used"] for rule in self.control("GET", "faults")}

    def clear_faults(self):
        self.control("DELETE", "faults")

    def expire(self, queue=None):
        """Every lease ends now, however long it was asked for."""
        return self.control("POST", "expire", b"", queue=queue or self.queue_name)["expired"]

    def hurry(self, queue):
        """To be called again and again instead of waiting for leases: what an answer that was lost has leased comes back
        soon. That others come twice then is no harm."""
        return Hurry(self, queue)

    def settings(self, **settings):
        self.control("POST", "settings", b"", **settings)

    def stop(self):
        self.process.stop()

    def finish(self):
        """Ends it, and it must have ended well: a test may have been about something that broke it."""
        self.stop()
        assert self.process.child.returncode == 0 and not self.process.stderr(), self.process.tail()


class Hurry:
    """Ends all leases, after a longer pause each time that nothing was deleted since: who is slow must get to delete what he
    holds before it is another's."""

    def __init__(self, stub, queue):
        self.stub, self.queue = stub, queue
        self.pause, self.due, self.deleted = 0.2, time.monotonic(), None

    def __call__(self):
        if time.monotonic() < self.due:
            return
        deleted = self.stub.count("deleted", self.queue)
        if deleted == self.deleted:
            self.pause = min(2 * self.pause, 5)
        self.deleted = deleted
        self.stub.expire(self.queue)
        self.due = time.monotonic() + self.pause


def generated(count, seed=1, bad_percent=0, body_size=0):
    """The bodies that a stub started with these figures makes."""
    command = [stub_binary(), "--print", "--generate", str(count), "--seed", str(seed)]
    command += ["--bad-percent", str(bad_percent), "--body-size", str(body_size)]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()
