"""Credentials that a profile's credential_process writes: they sign the requests, and what is wrong with the process is said."""

import os
import sys

import botocore.session
import pytest

from lib.credential_services import NO_KEYS
from lib.processes import wait_until
from test_credentials_fetched import COUNT, environment, keys_seen
from test_errors import check

HELPER = """\
import datetime, json, os, pathlib, sys
folder = pathlib.Path(sys.argv[1])
print("fetched-by-hand", file=sys.stderr)
if (folder / "broken").exists():
    print("fetched-half")
    sys.exit(3)
runs = folder / "runs"
number = int(runs.read_text()) + 1 if runs.exists() else 1
runs.write_text(str(number))
ends = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=int(sys.argv[2]))
print(json.dumps({"Version": 1, "AccessKeyId": f"KEY{number}", "SecretAccessKey": "fetched-secret",
    "SessionToken": "fetched-token", "Expiration": ends.isoformat()}))
"""


class Helper:
    """In a folder whose name has to be quoted. Each run gives another key: KEY1, KEY2, …"""

    def __init__(self, folder):
        self.folder = folder / "the helper's"
        self.folder.mkdir()
        self.script = self.folder / "helper.py"
        self.script.write_text(HELPER)
        self.lasts_s = 3600

    def command(self):
        return f'{sys.executable} "{self.script}" "{self.folder}" {self.lasts_s}'

    def environment(self, command=None):
        config = self.folder / "config"
        config.write_text(f"[default]\n[profile work]\ncredential_process = {command or self.command()}\n")
        return {**NO_KEYS, "AWS_CONFIG_FILE": config, "AWS_PROFILE": "work"}

    def runs(self):
        path = self.folder / "runs"
        return int(path.read_text() or 0) if path.exists() else 0

    def break_it(self, broken):
        path = self.folder / "broken"
        path.touch() if broken else path.unlink()


@pytest.fixture
def loaded(make_stub):
    return make_stub("--generate", str(COUNT), "--record", "4096")


@pytest.fixture
def helper(tmp_path):
    return Helper(tmp_path)


def no_secret(run):
    assert "fetched-" not in run.stderr() + run.stdout()


def test_a_drain(loaded, program, database, helper):
    run = program.drain(env=environment(loaded, database, helper.environment()), status=(0,))
    assert run.summary()["inserted"] == run.summary()["deleted"] == database.count() == COUNT
    assert keys_seen(loaded) == ["KEY1"] and helper.runs() == 1
    no_secret(run)


def test_it_is_run_again_before_they_expire(loaded, program, database, helper):
    helper.lasts_s = 2
    run = program.start("--wait-time", "1", env=environment(loaded, database, helper.environment()))
    wait_until(lambda: len(keys_seen(loaded)) >= 2 and database.count() == COUNT, run.tail)
    assert run.terminate() == 0
    assert not run.events("credentials_failed")
    no_secret(run)


def test_those_that_come_expired_are_told(loaded, program, database, helper):
    """Before the queue is asked anything."""
    helper.lasts_s = -3600
    settings = environment(loaded, database, helper.environment())
    words = "credential_process of profile work gives credentials that expired at 2"
    result = program.run("check", env=settings)
    assert result.status == 1 and f"FAIL  credentials  {words}" in result.stdout
    assert "fetched-" not in result.stdout + result.stderr and loaded.requests() == []


def test_a_service_waits_for_it(loaded, program, database, helper):
    helper.break_it(True)
    run = program.start(env=environment(loaded, database, helper.environment()))
    said = run.wait_event("credentials_failed")
    assert said["text"] == "credential_process of profile work failed with exit status 3: run it by hand to see why"
    assert said["setting"] == "credential_process" and said["source"] == "process"
    helper.break_it(False)
    wait_until(lambda: database.count() == COUNT, run.tail)
    assert run.terminate() == 0
    no_secret(run)


def is_alive(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_it_ends_with_the_program(loaded, program, database, helper):
    pid = helper.folder / "pid"
    command = f"sh -c 'echo $$ >\"$0\"; exec sleep 1000' \"{pid}\""
    run = program.start(env=environment(loaded, database, helper.environment(command)))
    wait_until(lambda: pid.exists() and pid.read_text().endswith("\n"), run.tail)
    child = int(pid.read_text())
    assert is_alive(child)
    assert run.terminate() == 0
    assert not is_alive(child)


ANSWER = r"""{\"Version\":1,\"AccessKeyId\":\"$1\",\"SecretAccessKey\":\"s\",\"SessionToken\":\"fetched-token\"}"""


@pytest.mark.parametrize("word", ["PLAIN", "'QUOTED'TWICE", r'"A$B"', r"A\$B", '""EMPTY'])
def test_the_key_is_botocores(loaded, program, database, helper, monkeypatch, word):
    settings = environment(loaded, database, helper.environment(f"sh -c 'echo \"{ANSWER}\"' sh {word}"))
    with monkeypatch.context() as patch:
        patch.setattr(os, "environ", program.environment(**settings))
        wanted = botocore.session.Session().get_credentials().access_key
    result = program.run("check", env=settings)
    assert "ok    credentials  from the process\n" in result.stdout
    assert keys_seen(loaded) == [wanted]


def test_check_says_what_came_of_it(loaded, program, database, helper):
    settings = environment(loaded, database, helper.environment())
    result = program.run("check", env=settings)
    assert "ok    credentials  from the process, until 2" in result.stdout, result
    helper.break_it(True)
    result = program.run("check", env=settings)
    assert result.status == 1 and "FAIL  credentials  credential_process of profile work failed" in result.stdout
    missing = environment(loaded, database, helper.environment("/nowhere/helper"))
    result = program.run("check", env=missing)
    assert "FAIL  credentials  the program of credential_process of profile work does not exist" in result.stdout
    assert "fetched-" not in result.stdout + result.stderr


def test_a_malformed_command(loaded, program, database, helper):
    result = program.run("--drain", env=environment(loaded, database, helper.environment("helper 'fetched-")))
    check(result, 2, "credential_process has a quote that is not closed")
    assert "fetched-" not in result.stderr
