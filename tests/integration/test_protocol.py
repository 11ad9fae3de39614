"""Both protocols of the queue service, on servers that speak both and on one that speaks the older one only."""

import urllib.error
import urllib.request

import pytest
from lib import logins
from lib.service import Service

REFUSAL = b"""<?xml version="1.0"?>
<ErrorResponse><Error><Type>Sender</Type><Code>InternalError</Code><Message>no such operation</Message></Error></ErrorResponse>
"""


class QueryOnly(Service):
    """In front of a server: what names its operation in a header is refused as a server refuses it that knows forms only."""

    def __init__(self, behind):
        super().__init__()
        self.behind, self.asked = behind, []

    def answer(self, handler):
        form = handler.headers["X-Amz-Target"] is None
        self.asked.append("query" if form else "json")
        status, answer = self.forward(handler) if form else (500, REFUSAL)
        handler.say(status, answer, {"Content-Type": "text/xml"})

    def forward(self, handler):
        names = ("Content-Type", "Authorization", "X-Amz-Date")
        headers = {name: handler.headers[name] for name in names}
        request = urllib.request.Request(self.behind + handler.path, handler.body.encode(), headers)
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return answer.status, answer.read()
        except urllib.error.HTTPError as error:
            return error.code, error.read()


@pytest.fixture
def query_only(ministack):
    made = QueryOnly(ministack.url)
    yield made
    made.close()


@pytest.mark.parametrize("server", ["ministack", "elasticmq"])
def test_a_drain(make_world, request, server):
    """All that such servers need is in compat; this is for the builds that compat does not run with."""
    world = make_world(request.getfixturevalue(server))
    world.send(logins.make(60, seed=7, bad=0.1))
    summary = world.program.drain("--sqs-protocol", "query").summary()
    assert summary["inserted"] == len(world.good) and summary["dead_lettered"] == len(world.bad)
    world.check()


def test_sending_and_checking(make_world, ministack, tmp_path):
    world = make_world(ministack)
    world.program.env["LOGINETL_SQS_PROTOCOL"] = "query"
    made = logins.make(30, seed=8, bad=0)
    (tmp_path / "logins").write_text("".join(login.body + "\n" for login in made))
    assert world.program.run("send", tmp_path / "logins").status == 0
    result = world.program.run("check")
    assert result.status == 0 and "about 30 messages" in result.stdout, result.stdout
    assert "ok    protocol     query: --sqs-protocol says so\n" in result.stdout
    assert world.program.drain(status=(0,)).summary()["inserted"] == 30


def test_found_out(make_world, ministack, query_only):
    world = make_world(ministack)
    world.send(logins.make(60, seed=9, bad=0.1))
    run = world.program.drain(env={"AWS_ENDPOINT_URL_SQS": query_only.url})
    assert run.summary()["inserted"] == len(world.good)
    assert [event["protocol"] for event in run.events("protocol")] == ["query"]
    assert not run.events("queue_failed"), "finding out is no failure"
    assert query_only.asked[:2] == ["json", "query"] and query_only.asked.count("json") == 1
    world.check()


def test_a_queue_that_is_not_there(make_world, ministack):
    world = make_world(ministack)
    result = world.program.run("--drain", "--sqs-protocol", "query", "--queue", "no-such-queue")
    assert result.status not in (0, 3) and "no-such-queue does not exist" in result.stderr
