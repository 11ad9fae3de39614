"""Files that credentials are got with, and that are none any more, or whose file system does not answer: the program goes on
with the credentials of before, says so, and ends when it is told to."""

import os

import pytest

from lib.credential_services import NO_KEYS, Sts
from lib.processes import built_tool, wait_until
from lib.program import is_sanitized
from lib.stub import generated
from test_credentials_fetched import COUNT, environment, keys_seen

WHICH = "the file of AWS_WEB_IDENTITY_TOKEN_FILE or web_identity_token_file "
HANGS = WHICH + "is not read in time: its file system does not answer"
needs_preload = pytest.mark.skipif(is_sanitized(), reason="a sanitizer's runtime must be the first library")


@pytest.fixture
def sts():
    made = Sts()
    yield made
    made.close()


class Token:
    """A file with a token, which may become a pipe that nobody ever writes into, or hang."""

    def __init__(self, path):
        self.path = path
        self.path.write_text("head.body-1_2.first")

    def become_pipe(self):
        pipe = self.path.with_suffix(".pipe")
        os.mkfifo(pipe)
        pipe.replace(self.path)

    def hang(self):
        self.path.with_name(self.path.name + ".hangs").touch()

    def environment(self, sts):
        preload = {} if is_sanitized() else {"LD_PRELOAD": built_tool("hanging_open.so"), "HANGING_FILE": self.path}
        role = {"AWS_WEB_IDENTITY_TOKEN_FILE": self.path, "AWS_ROLE_ARN": "arn:aws:iam::111111111111:role/pod"}
        return {**NO_KEYS, **role, **preload, "AWS_ENDPOINT_URL_STS": sts.url, "AWS_REGION": "eu-west-1"}


@pytest.fixture
def token(tmp_path):
    return Token(tmp_path / "token")


@pytest.fixture
def loaded(make_stub):
    return make_stub("--generate", str(COUNT), "--record", "4096")


@pytest.mark.parametrize(
    "spoil, text", [(Token.become_pipe, WHICH + "is not a regular file"), pytest.param(Token.hang, HANGS, marks=needs_preload)], ids=["pipe", "hangs"])
def test_a_service_goes_on(spoil, text, loaded, program, database, sts, token):
    sts.lasts_s = 2
    run = program.start("--wait-time", "1", env=environment(loaded, database, token.environment(sts)))
    wait_until(lambda: database.count() == COUNT, run.tail)
    spoil(token)
    said = run.wait_event("credentials_failed")
    assert said["text"] == text and said["setting"] == "AWS_WEB_IDENTITY_TOKEN_FILE"
    loaded.add(generated(COUNT, seed=2))
    wait_until(lambda: database.count() == 2 * COUNT, run.tail)
    assert run.terminate() == 0
    assert keys_seen(loaded)[-1] == f"KEY{sts.given}"
    assert "fetched-" not in run.stderr() + run.stdout()


@needs_preload
def test_check_says_that_it_hangs(loaded, program, database, sts, token):
    token.hang()
    result = program.run("check", env=environment(loaded, database, token.environment(sts)))
    assert result.status == 1 and f"FAIL  credentials  {HANGS}\n" in result.stdout
    assert loaded.requests() == []
