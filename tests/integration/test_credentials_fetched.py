"""Credentials that a service gives out: they sign the requests, are fetched anew when they have expired, and what is wrong with
them is said."""

import pytest

from lib.credential_services import NO_KEYS, Metadata
from lib.processes import free_port, wait_until
from test_errors import check

COUNT = 200


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


def test_an_instance_asked_by_ipv6_as_the_profile_says(loaded, program, database, tmp_path):
    try:
        metadata = Metadata("::1")
    except OSError as none:
        pytest.skip(f"no IPv6 here: {none}")
    (tmp_path / "config").write_text(f"[default]\nec2_metadata_service_endpoint = {metadata.url}\nec2_metadata_service_endpoint_mode = ipv6\n")
    more = {**NO_KEYS, "AWS_CONFIG_FILE": tmp_path / "config", "AWS_EC2_METADATA_DISABLED": None}
    program.drain(env=environment(loaded, database, more), status=(0,))
    assert database.count() == COUNT and keys_seen(loaded) == ["KEY1"]
    metadata.close()


def test_an_instance_that_nobody_answers_for_is_named_by_its_setting(loaded, program, database, tmp_path):
    """Whoever says where it is means it, an emulator's user too."""
    nobody = f"http://127.0.0.1:{free_port()}"
    (tmp_path / "config").write_text(f"[default]\nec2_metadata_service_endpoint = {nobody}\n")
    more = {**NO_KEYS, "AWS_CONFIG_FILE": tmp_path / "config", "AWS_EC2_METADATA_DISABLED": None}
    result = program.run("check", env=environment(loaded, database, more))
    assert result.status == 1 and "check the profile's ec2_metadata_service_endpoint or the network" in result.stdout, result


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


def test_those_that_come_expired_are_not_used(loaded, program, database, metadata):
    """A service goes on with those of before, and asks again."""
    run = program.start(env=environment(loaded, database, metadata.environment("container")))
    wait_until(lambda: metadata.given == 1, run.tail)
    metadata.lasts_s = -3600
    loaded.fault("ReceiveMessage", "error", status=400, code="ExpiredToken")
    said = run.wait_event("credentials_failed")
    assert said["text"].startswith("the container's metadata service gives credentials that expired at 2")
    assert said["setting"] == "AWS_CONTAINER_CREDENTIALS_FULL_URI" and said["have"] == "true"
    wait_until(lambda: database.count() == COUNT, run.tail)
    metadata.lasts_s = 3600
    run.wait_event("credentials_recovered")
    assert run.terminate() == 0
    assert "KEY2" not in keys_seen(loaded) and "fetched-" not in run.stderr() + run.stdout()


def test_an_instance_gives_those_that_have_expired_on_purpose(loaded, program, database, metadata):
    metadata.lasts_s = -3600
    run = program.drain(env=environment(loaded, database, metadata.environment("instance")), status=(0,))
    assert database.count() == COUNT and keys_seen(loaded) == ["KEY1"]
    (said,) = run.events("credentials_extended")
    assert said["level"] == "warn" and said["source"] == "instance"
    result = program.run("check", env=environment(loaded, database, metadata.environment("instance")))
    assert f"\nwarn  credentials  {said['text']}\n" in result.stdout and result.status == 0, result


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
    """Those that come are no use; with none it is the same."""
    metadata.lasts_s = -3600
    result = program.run("--drain", env=environment(loaded, database, metadata.environment("container")))
    check(result, 1, "the container's metadata service gives credentials that expired at 2")
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
