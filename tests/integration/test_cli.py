"""The commands beside the main job, and what is said of it."""

import json
import os
import pty
import re
import subprocess

import pytest

from lib import logins
from lib.logins import canonical_ip, mask
from lib.processes import free_port
from lib.program import DRAINED, binary
from test_settings import SECRETS


def test_help(program):
    result = program.run("--help")
    assert result.status == 0 and result.stderr == ""
    for option in (
        "--queue",
        "--queue-url",
        "--endpoint-url",
        "--sqs-protocol",
        "--concurrency",
        "--wait-time",
        "--visibility-timeout",
        "--database-url",
        "--database-auth",
        "--connections",
        "--table",
        "--schema",
        "--dedupe",
        "--batch-rows",
        "--envelope",
        "--require",
        "--app-version",
        "--mask",
        "--on-reject",
        "--dlq-url",
        "--memory-limit",
        "--max-messages",
        "--shutdown-timeout",
        "--log-level",
        "--log-format",
        "--progress",
        "--config",
        "--print-config",
    ):
        assert option in result.stdout
    for variable in ("LOGINETL_QUEUE", "DATABASE_URL", "AWS_ENDPOINT_URL_SQS"):
        assert variable in result.stdout
    words = " ".join(result.stdout.split())
    for told in (
        "each brings up to ten messages a round trip",
        "bytes (or K, M, G: 64M is 64MiB) of messages and connections held",
        "resident memory is up to 16MiB more",
        "us-east-1 when that is not AWS's",
    ):
        assert told in words
    assert all(len(line) <= 100 for line in result.stdout.splitlines()), "it fits a terminal"
    above = result.stdout.splitlines()
    headings = [line for line, before in zip(above[1:], above) if before == "" and re.fullmatch(r"\w[\w ]+", line)]
    assert "Queue" in headings and len(headings) == len(set(headings)), "each stands once"


@pytest.mark.parametrize("command", ["check", "schema", "send", "mask"])
def test_help_of_a_command(program, command):
    result = program.run(command, "--help")
    assert result.status == 0 and command in result.stdout and result.stderr == ""


def test_version(program):
    result = program.run("--version")
    assert result.status == 0 and re.fullmatch(r"loginetl \d+\.\d+\.\d+\S*\n", result.stdout)


# ---------------------------------------------------------------------------------------------------------------------
# mask


@pytest.mark.parametrize("method", ["sha256", "sha512"])
@pytest.mark.parametrize(
    "field, value",
    [
        ("ip", "93.184.216.34"),
        ("ip", "2001:DB8::0:1"),
        ("device_id", "593-47-5928"),
        ("device_id", "ümläut=and=equals"),
    ],
)
def test_mask_tells_what_the_table_holds(program, method, field, value):
    result = program.run("mask", "--mask", method, f"{field}={value}")
    assert result.status == 0, result
    assert mask(canonical_ip(value) if field == "ip" else value, method) in result.stdout
    assert value not in result.stdout + result.stderr
    assert result.stderr == "", result


@pytest.mark.parametrize("value", ["1.2.3.400", "somewhere"])
def test_mask_of_an_ip_that_is_none(program, value):
    """The table would hold just that; but who mistyped it would look for the wrong mask."""
    result = program.run("mask", f"ip={value}", "device_id=1.2.3.400")
    assert result.status == 0 and mask(value) in result.stdout, result
    assert result.stderr == (
        "loginetl: warning: what is given for ip is not an IP address; it is masked as it stands, as it is in the table\n"
    )
    assert value not in result.stdout + result.stderr


def test_mask_of_several(program):
    result = program.run("mask", "ip=93.184.216.34", "device_id=593-47-5928")
    assert [line.split()[-1] for line in result.stdout.splitlines()] == [mask("93.184.216.34"), mask("593-47-5928")]


@pytest.mark.parametrize("args", [[], ["nonsense"], ["user_id=x"], ["nobody=x"]])
def test_mask_of_nothing_that_is_masked(program, args):
    result = program.run("mask", *args)
    assert result.status == 2 and "ip" in result.stderr


# ---------------------------------------------------------------------------------------------------------------------
# send


def bodies(queue, count):
    return sorted(message["Body"] for message in queue.take_all(count))


def test_send_lines(world, stub, tmp_path):
    made = [login.body for login in logins.make(25, seed=96, bad=0, unusual=0)]
    (tmp_path / "logins").write_text("\n".join(made) + "\n\n")
    result = world.program.run("send", tmp_path / "logins")
    assert result.status == 0, result
    assert stub.requests_made("SendMessageBatch") == 3, "ten a batch"
    assert bodies(world.queue, 25) == sorted(made)


def test_send_an_array_and_several_files(world, tmp_path):
    events = [json.loads(login.body) for login in logins.make(12, seed=97, bad=0)]
    (tmp_path / "array").write_text(json.dumps(events[:11], indent=2))
    (tmp_path / "line").write_text(json.dumps(events[11]))
    assert world.program.run("send", tmp_path / "array", tmp_path / "line").status == 0
    sent = [json.loads(body) for body in bodies(world.queue, 12)]
    assert sorted(sent, key=lambda event: event["user_id"]) == sorted(events, key=lambda event: event["user_id"])


def test_send_from_stdin_and_drain(world, tmp_path):
    made = logins.make(30, seed=98, bad=0)
    source = tmp_path / "stdin"
    source.write_text("\n".join(json.dumps(json.loads(login.body)) for login in made))
    with open(source, "rb") as stdin:
        done = subprocess.run([binary(), "send", "-"], stdin=stdin, env=world.program.environment(), timeout=60)
    assert done.returncode == 0
    world.sent += made
    world.program.drain(status=(0,))
    world.check_rows()


def test_send_retries_entries_that_failed(world, stub, tmp_path):
    (tmp_path / "logins").write_text("\n".join(f'{{"user_id": "{i}"}}' for i in range(30)))
    stub.fault("SendMessageBatch", "partial", n=4, code="InternalError", times=2)
    assert world.program.run("send", tmp_path / "logins").status == 0
    assert len(bodies(world.queue, 30)) == 30


def test_send_says_what_it_sent_and_no_more(world, tmp_path):
    (tmp_path / "logins").write_text('{"user_id": "u"}\n')
    result = world.program.run("send", tmp_path / "logins", env={"LOGINETL_LOG_LEVEL": "info"})
    assert (result.status, result.stdout, result.stderr) == (0, f"sent 1 message to {world.queue.name}\n", ""), result
    result = world.program.run("send", tmp_path / "logins")
    assert [event["level"] for event in result.events if event["event"] == "protocol"] == ["debug"], result


def test_send_of_a_file_that_is_not_there(world):
    result = world.program.run("send", "/no/such/file")
    assert result.status in (1, 2) and "/no/such/file" in result.stderr


# ---------------------------------------------------------------------------------------------------------------------
# check


def test_check_of_a_world_that_is_well(world):
    world.program.drain(status=(0,))
    result = world.program.run("check")
    assert result.status == 0, result
    for thing in ("queue", "table", "ledger"):
        assert thing in result.stdout.lower()
    assert "\nskip  receive      not tried: " in result.stdout
    assert "\nok    ledger       loginetl_ledger\n" in result.stdout
    assert "visibility timeout" not in result.stdout, "each receive asks for its own"
    assert not any(secret in result.stdout + result.stderr for secret in SECRETS)


def test_check_sees_that_the_dead_letter_queue_is_missing(world):
    nobody = world.queue.dlq.url + "-of-nobody"
    result = world.program.run("check", "--dlq-url", nobody)
    assert result.status == 1
    line = next(line for line in result.stdout.splitlines() if "dead letters" in line)
    assert line.startswith("FAIL") and "--dlq-url" in line and nobody in line


def test_check_changes_nothing(world):
    world.queue.send(['{"user_id": "x"}'])
    world.program.run("check")
    assert world.queue.counts() == (1, 0) and not world.database.has_table()


@pytest.mark.parametrize(
    "env, name",
    [
        ({"LOGINETL_QUEUE": "nobodys-queue"}, "nobodys-queue"),
        ({"DATABASE_URL": "postgresql://nobody:x@127.0.0.1:9/d"}, "database"),
    ],
)
def test_check_says_what_is_wrong(world, env, name):
    result = world.program.run("check", env=env)
    assert result.status == 1 and name in result.stdout.lower() + result.stderr.lower(), result


def test_check_goes_on_after_a_failure(world):
    """All that can be found out is found out in one go."""
    world.program.drain(status=(0,))
    result = world.program.run("check", env={"LOGINETL_QUEUE": "nobodys-queue"})
    assert result.status == 1 and "user_logins" in result.stdout


def test_check_and_print_config_tell_of_variables_that_nobody_reads(world):
    env = {"LOGINETL_CONCURENCY": "3", "LOGINETL_COLOUR": "red", "LOGINETL_QUEUE": world.queue.name}
    result = world.program.run("check", env=env)
    warnings = [line.split(None, 2)[2] for line in result.stdout.splitlines() if line.startswith("warn  environment")]
    assert result.status == 0 and sorted(warnings) == [
        "LOGINETL_COLOUR is not a variable that loginetl reads",
        "LOGINETL_CONCURENCY is not a variable that loginetl reads (did you mean LOGINETL_CONCURRENCY?)",
    ]
    printed = world.program.run("--print-config", env=env)
    comments = [line for line in printed.stdout.splitlines() if line.endswith(tuple(warnings))]
    assert printed.status == 0 and sorted(comments) == [f"# {warning}" for warning in sorted(warnings)]


def test_variables_that_were_meant_are_told_at_the_start(world):
    """Once, by name. What Kubernetes makes for a service called loginetl is none of them."""
    address = "tcp://10.0.0.1:80"
    injected = {
        **{f"LOGINETL_{name}": "10.0.0.1" for name in ("SERVICE_HOST", "SERVICE_PORT", "SERVICE_PORT_HTTP", "PORT")},
        **{f"LOGINETL_PORT_80_TCP{name}": address for name in ("", "_PROTO", "_PORT", "_ADDR")},
    }
    meant = {"LOGINETL_CONCURENCY": "3", "LOGINETL_DATABASE_URL": "postgresql://u:not-a-secret@h/d"}
    run = world.program.drain(env={**injected, **meant}, status=(0,))
    assert sorted(event["text"] for event in run.events("environment", level="warn")) == [
        "LOGINETL_CONCURENCY is not a variable that loginetl reads (did you mean LOGINETL_CONCURRENCY?)",
        "LOGINETL_DATABASE_URL is not a variable that loginetl reads (did you mean DATABASE_URL?)",
    ]
    assert "not-a-secret" not in run.stderr() + run.stdout()


def test_check_is_a_table_without_the_log(world, tmp_path):
    """A level in the file or the environment is the service's; who gives it here wants to see it."""
    (tmp_path / "conf").write_text("log-level = debug\n")
    for env in ({"LOGINETL_LOG_LEVEL": None}, {"LOGINETL_LOG_LEVEL": "debug"}):
        for more in ([], ["--sqs-protocol", "json"]):
            assert world.program.run("check", "--config", tmp_path / "conf", *more, env=env).stderr == ""
    assert world.program.run("check", "--log-level", "debug").events


def test_check_tells_a_person_what_it_waits_for(world):
    reader, writer = pty.openpty()
    run = world.program.start("check", env={"AWS_ENDPOINT_URL_SQS": f"http://127.0.0.1:{free_port()}"}, stderr=writer)
    os.close(writer)
    with open(reader, "rb", buffering=0) as terminal:
        line = terminal.read(200).decode()
    assert "no answer from the queue yet: trying for 10 s" in line
    assert run.wait() == 1


# ---------------------------------------------------------------------------------------------------------------------
# Messages that a drain cannot see


def test_a_drain_tells_of_hidden_messages(world):
    """As a worker leaves them that was killed, or whose last poll was answered after it had closed it."""
    world.send(logins.make(5, seed=103, bad=0))
    assert len(world.queue.receive()) == 5
    run = world.program.start("--drain")
    assert run.wait() == 0
    assert run.events("ready")[0]["hidden"] == "5" and run.events("hidden")[0]["messages"] == "5"
    said = run.stdout()
    assert DRAINED.match(said)[3] == "0" and "; about 5 more may be in flight elsewhere, or hidden until" in said


def test_hidden_messages_that_came_back_in_time(world, stub):
    world.send(logins.make(5, seed=104, bad=0))
    assert len(world.queue.receive()) == 5
    stub.fault("ReceiveMessage", "error", status=500, code="InternalFailure", times=-1)
    run = world.program.start("--drain")
    assert run.wait_event("ready")["hidden"] == "5"
    stub.expire(world.queue.name)
    stub.clear_faults()
    assert run.wait() == 0
    assert DRAINED.match(run.stdout())[3] == "5" and "more" not in run.stdout() and not run.events("hidden")
    world.check(once=False)


# ---------------------------------------------------------------------------------------------------------------------
# The log


def test_json_log(world):
    world.send(logins.make(10, seed=99, bad=0.2))
    result = world.program.run("--drain", env={"LOGINETL_LOG_FORMAT": "json"})
    events = [json.loads(line) for line in result.stderr.splitlines()]
    assert {"start", "ready", "summary"} <= {event["event"] for event in events}
    assert all({"ts", "level", "event"} <= event.keys() for event in events)
    assert [event["received"] for event in events if event["event"] == "summary"] == [10]


def test_logfmt_log(world):
    world.send(logins.make(10, seed=100, bad=0.2))
    run = world.program.drain()
    assert all({"ts", "level", "event"} <= event.keys() for event in run.events()), "every line is an event"
    start = run.events("start")[0]
    assert start["queue"] == world.queue.name and start["table"] == "user_logins" and start["mask"] == "sha256"
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z", start["ts"])


def test_log_level(world):
    world.send(logins.make(10, seed=101, bad=0))
    result = world.program.run("--drain", "--log-level", "error")
    assert result.status == 0 and result.stderr == ""


def test_no_receipt_handle_in_the_log(world):
    world.send(logins.make(50, seed=102, bad=0.1))
    run = world.program.drain()
    assert "AQEB" not in run.stderr(), "the stub's handles begin with it"


def test_a_warning_that_plain_hashes_can_be_reversed(world):
    run = world.program.drain()
    assert [event for event in run.events(level="warn") if "mask" in event["event"]]


def test_progress_is_quiet_unless_it_is_a_terminal(world):
    assert "\r" not in world.program.drain().stderr()
