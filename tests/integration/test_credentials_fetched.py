"""Credentials that a service gives out: they sign the requests, are fetched anew when they have expired, and what is wrong with
them is said."""

import datetime
import json

import pytest

from lib.processes import wait_until
from lib.service import Service
from test_errors import check

COUNT = 200
NO_KEYS = {"AWS_ACCESS_KEY_ID": None, "AWS_SECRET_ACCESS_KEY": None, "AWS_SESSION_TOKEN": None}


def ends_in(seconds):
    """As both kinds of answers say until when credentials last."""
    return (datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%SZ")


class Metadata(Service):
    """Of a container at /role, and of an instance. Each answer with credentials has another key: KEY1, KEY2, …"""

    def __init__(self):
        super().__init__()
        self.given, self.broken, self.has_role, self.lasts_s = 0, False, True, 3600

    def answer(self, handler):
        if handler.command == "PUT":
            handler.say(200, "instance-token")
            return
        instance = handler.headers.get("x-aws-ec2-metadata-token") == "instance-token"
        if self.broken:
            handler.say(500, "")
        elif instance and handler.path == "/latest/meta-data/iam/security-credentials/":
            handler.say(200 if self.has_role else 404, "the-role")
        elif handler.path == "/role" or (instance and handler.path.endswith("/the-role")):
            handler.say(200, self.credentials())
        else:
            handler.say(404, "")

    def credentials(self):
        self.given += 1
        names = {"AccessKeyId": f"KEY{self.given}", "SecretAccessKey": "fetched-secret", "Token": "fetched-token"}
        return json.dumps({"Code": "Success", **names, "Expiration": ends_in(self.lasts_s)})

    def environment(self, kind):
        if kind == "container":
            return {**NO_KEYS, "AWS_CONTAINER_CREDENTIALS_FULL_URI": f"{self.url}/role"}
        return {**NO_KEYS, "AWS_EC2_METADATA_SERVICE_ENDPOINT": self.url, "AWS_EC2_METADATA_DISABLED": None}


@pytest.fixture
def metadata():
    made = Metadata()
    yield made
    made.close()


@pytest.fixture
def loaded(make_stub):
    return make_stub("--generate", str(COUNT), "--record", "4096")


def environment(stub, database, more):
    return {"AWS_ENDPOINT_URL_SQS": stub.url, "LOGINETL_QUEUE": stub.queue_name, "DATABASE_URL": database.url, **more}


def keys_seen(stub):
    """The access key ids that requests were signed with, in order."""
    found = []
    for request in stub.requests():
        headers = {name.lower(): value for name, value in request["headers"]}
        key = headers["authorization"].partition("Credential=")[2].partition("/")[0]
        assert headers["x-amz-security-token"] == "fetched-token"
        if found[-1:] != [key]:
            found.append(key)
    return found


@pytest.mark.parametrize("kind", ["container", "instance"])
def test_a_drain_with_fetched_credentials(loaded, program, database, metadata, kind):
    run = program.drain(env=environment(loaded, database, metadata.environment(kind)), status=(0,))
    assert run.summary()["inserted"] == run.summary()["deleted"] == database.count() == COUNT
    assert keys_seen(loaded) == ["KEY1"]
    assert "fetched-" not in run.stderr() + run.stdout()


@pytest.mark.parametrize("operation", ["GetQueueUrl", "ReceiveMessage", "DeleteMessageBatch"])
def test_credentials_that_have_expired_are_fetched_anew(loaded, program, database, metadata, operation):
    number = loaded.fault(operation, "error", status=400, code="ExpiredToken", times=10000)
    run = program.start(env=environment(loaded, database, metadata.environment("container")))
    wait_until(lambda: metadata.given >= 2, run.tail)
    assert loaded.faults_used()[number] > 0
    loaded.clear_faults()
    wait_until(lambda: loaded.count("deleted") == COUNT, run.tail)
    assert run.terminate() == 0
    assert database.count() == COUNT and "KEY2" in keys_seen(loaded)


def test_credentials_are_fetched_before_they_expire(loaded, program, database, metadata):
    """Those of a few seconds when half of these are over."""
    metadata.lasts_s = 2
    run = program.start(env=environment(loaded, database, metadata.environment("container")))
    wait_until(lambda: metadata.given >= 3 and database.count() == COUNT, run.tail)
    assert run.terminate() == 0
    assert not run.events("credentials_failed")


def test_a_service_waits_for_its_credentials(loaded, program, database, metadata):
    metadata.broken = True
    run = program.start(env=environment(loaded, database, metadata.environment("container")))
    said = run.wait_event("credentials_failed")
    assert said["level"] == "warn" and "metadata service" in said["text"]
    metadata.broken = False
    wait_until(lambda: database.count() == COUNT, run.tail)
    assert run.terminate() == 0
    assert run.events("credentials_recovered")


def test_a_drain_gives_up_without_credentials(loaded, program, database, metadata):
    metadata.broken = True
    result = program.run("--drain", env=environment(loaded, database, metadata.environment("container")))
    check(result, 1, "container")
    assert loaded.requests() == []


def test_an_instance_without_a_role_has_no_credentials(loaded, program, database, metadata):
    """It is what is asked when nothing else is known: a service does not wait for it either."""
    metadata.has_role = False
    result = program.run(env=environment(loaded, database, metadata.environment("instance")))
    check(result, 1, "AWS_ACCESS_KEY_ID")
    assert loaded.requests() == []


def test_check_says_which_source_was_used(loaded, program, database, metadata):
    result = program.run("check", env=environment(loaded, database, metadata.environment("instance")))
    assert "ok    credentials  from the instance, until 2" in result.stdout
    metadata.broken = True
    result = program.run("check", env=environment(loaded, database, metadata.environment("instance")))
    assert result.status == 1 and "FAIL  credentials" in result.stdout and "metadata service" in result.stdout
    assert "queue " not in result.stdout  # nobody can be asked
