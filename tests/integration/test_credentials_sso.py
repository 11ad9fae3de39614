"""Credentials of IAM Identity Center: a role's, for the token that `aws sso login` leaves in a file."""

import datetime
import hashlib
import json
import os
import shutil
import tempfile
from urllib.parse import parse_qs, urlsplit

import botocore.credentials
import botocore.session
import botocore.tokens
import pytest

from lib.credential_services import NO_KEYS
from lib.processes import wait_until
from lib.program import binary, is_sanitized
from lib.service import Service
from test_credentials_fetched import COUNT, environment, keys_seen

START_URL = "https://x.example/start"
ROLE = "Read+Only=,.@-_ &%/é"
OLDER = f"[profile work]\nsso_start_url = {START_URL}\nsso_region = eu-west-1\nsso_account_id = 111111111111\nsso_role_name = {ROLE}\n"
NEWER = (
    f"[profile work]\nsso_session = corp\nsso_account_id = 111111111111\nsso_role_name = {ROLE}\n"
    f"[sso-session corp]\nsso_start_url = {START_URL}\nsso_region = eu-west-1\nsso_registration_scopes = sso:account:access\n"
)
LOGIN = "run aws sso login --profile work (or --sso-session corp)"


def after(seconds):
    return datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=seconds)


class Portal(Service):
    """Each answer with credentials has another key: KEY1, KEY2, …; it knows one login's token at a time."""

    def __init__(self, home):
        super().__init__()
        self.cache = home / ".aws/sso/cache"
        self.cache.mkdir(parents=True)
        self.config = home / ".aws/config"
        self.token, self.status, self.asked = "fetched-login-token", 200, []

    def answer(self, handler):
        status, told = self.told(handler)
        handler.say(status, json.dumps(told), {"Content-Type": "application/json"})

    def told(self, handler):
        url = urlsplit(handler.path)
        token = handler.headers["x-amz-sso_bearer_token"]
        self.asked.append((url.path, parse_qs(url.query, strict_parsing=True), token))
        if token != self.token:
            return 401, {"__type": "UnauthorizedException", "message": "fetched-words"}
        if self.status != 200:
            return self.status, {"__type": "ForbiddenException", "message": "fetched-words"}
        ends = int(after(3600).timestamp() * 1000)
        names = {"accessKeyId": f"KEY{len(self.asked)}", "secretAccessKey": "fetched-secret", "sessionToken": "fetched-token"}
        return 200, {"roleCredentials": {**names, "expiration": ends}}

    def log_in(self, lasts_s=3600, token="fetched-login-token", name="corp"):
        """As `aws sso login` does."""
        told = {"startUrl": START_URL, "region": "eu-west-1", "accessToken": token, "expiresAt": after(lasts_s).strftime("%Y-%m-%dT%H:%M:%SZ")}
        path = self.cache / (hashlib.sha1(name.encode()).hexdigest() + ".json")
        path.with_suffix(".new").write_text(json.dumps(told))
        path.with_suffix(".new").replace(path)

    def environment(self, config=NEWER):
        self.config.write_text(config)
        return {**NO_KEYS, "AWS_PROFILE": "work", "AWS_ENDPOINT_URL_SSO": self.url}


@pytest.fixture
def portal(program):
    made = Portal(program.folder / "home")
    yield made
    made.close()


@pytest.fixture
def loaded(make_stub):
    return make_stub("--generate", str(COUNT), "--record", "4096")


def test_a_drain(loaded, program, database, portal):
    portal.log_in()
    run = program.drain(env=environment(loaded, database, portal.environment()), status=(0,))
    assert run.summary()["inserted"] == run.summary()["deleted"] == database.count() == COUNT
    assert keys_seen(loaded) == ["KEY1"] and len(portal.asked) == 1
    assert "fetched-" not in run.stderr() + run.stdout()


@pytest.mark.parametrize("config, name", [(OLDER, START_URL), (NEWER, "corp")], ids=["older", "newer"])
def test_the_portal_is_asked_as_botocore_asks_it(loaded, program, database, portal, monkeypatch, config, name):
    portal.log_in(name=name)
    settings = environment(loaded, database, portal.environment(config))
    with monkeypatch.context() as patch:
        patch.setattr(os, "environ", program.environment(**settings))
        for provider in (botocore.credentials.SSOProvider, botocore.tokens.SSOTokenProvider):
            patch.setattr(provider, "_SSO_TOKEN_CACHE_DIR", str(portal.cache))
        assert botocore.session.Session().get_credentials().access_key == "KEY1"
    result = program.run("check", env=settings)
    assert "ok    credentials  from the SSO login, until 2" in result.stdout, result
    assert keys_seen(loaded) == ["KEY2"]
    theirs, ours = portal.asked
    assert ours == theirs and ours[1] == {"role_name": [ROLE], "account_id": ["111111111111"]}


def test_a_service_waits_for_a_login(loaded, program, database, portal):
    portal.log_in(lasts_s=-1)
    run = program.start(env=environment(loaded, database, portal.environment()))
    said = run.wait_event("credentials_failed")
    assert said["text"] == f"the SSO login has expired: {LOGIN}"
    assert said["setting"] == "sso_session" and said["source"] == "SSO login"
    portal.log_in()
    wait_until(lambda: database.count() == COUNT, run.tail)
    assert run.terminate() == 0
    assert run.events("credentials_recovered")
    assert "fetched-" not in run.stderr() + run.stdout()


def test_check_says_what_is_wrong(loaded, program, database, portal):
    settings = environment(loaded, database, portal.environment())

    def failure():
        result = program.run("check", env=settings)
        assert result.status == 1 and "fetched-" not in result.stdout + result.stderr, result
        return result.stdout.partition("FAIL  credentials  ")[2].partition("\n")[0]

    assert failure() == f"the file of the SSO login's token does not exist: {LOGIN}"
    portal.log_in(token="fetched-revoked")
    assert failure() == f"the SSO login is not valid any more: {LOGIN}"
    portal.log_in()
    portal.status = 403
    assert failure().endswith("(status 403): check sso_account_id and sso_role_name of profile work")


@pytest.fixture
def public():
    """A folder that every user may read."""
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)
        yield folder


@pytest.mark.skipif(os.geteuid() != 0 or is_sanitized(), reason="a user of its own is needed, and a sanitizer has threads too")
def test_few_threads(loaded, program, database, portal, public):
    """Files are read in threads, and names looked up: there are enough of them at the start, or it is said."""
    portal.log_in()
    settings = environment(loaded, database, portal.environment())
    settings.update({name: value.replace("127.0.0.1", "localhost") for name, value in settings.items() if value and "://" in value})
    shutil.copytree(portal.config.parent, f"{public}/.aws")
    shutil.copy(binary(), public)
    works = []
    for most in range(1, 8):
        limited = ["setpriv", "--reuid=54321", "--clear-groups", "prlimit", f"--nproc={most}"]
        copy = ["sh", "-c", 'shift; exec "$0" "$@"', f"{public}/{os.path.basename(binary())}"]
        run = program.start("check", env={**settings, "HOME": public, "UV_THREADPOOL_SIZE": "9"}, under=[*limited, *copy])
        works.append(run.wait() == 0)
        assert works[-1] or "(ulimit -u" in run.stderr(), run.tail()
    assert works == sorted(works) and works[-1] and not works[0]
