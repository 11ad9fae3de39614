"""Credentials of IAM Identity Center: a role's, for the token that `aws sso login` leaves in a file."""

import datetime
import hashlib
import json
import os
import shutil
import tempfile
from pathlib import Path
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
FORM = "%Y-%m-%dT%H:%M:%SZ"
LOGIN = "run aws sso login --profile work (or --sso-session corp)"


def after(seconds):
    return datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=seconds)


def moment(seconds):
    return after(seconds).strftime(FORM)


class Portal(Service):
    """Each answer with credentials has another key: KEY1, KEY2, …; it knows one login's token at a time, and the refresh
    token that it is renewed with. A renewal makes another of both."""

    def __init__(self, home):
        super().__init__()
        self.cache = home / ".aws/sso/cache"
        self.cache.mkdir(parents=True)
        self.config = home / ".aws/config"
        self.token, self.status, self.asked = "fetched-login-token", 200, []
        self.refresh, self.rotates, self.renewals = "fetched-refresh-0", True, []

    def answer(self, handler):
        status, told = self.renewed(handler) if handler.command == "POST" else self.told(handler)
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

    def renewed(self, handler):
        asked = json.loads(handler.body)
        self.renewals.append((handler.path, handler.headers["Content-Type"], handler.headers["Authorization"], asked))
        if asked["refreshToken"] != self.refresh:
            return 400, {"error": "invalid_grant", "error_description": "fetched-words"}
        self.token = f"fetched-token-{len(self.renewals)}"
        given = {"accessToken": self.token, "tokenType": "Bearer", "expiresIn": 3600}
        if self.rotates:
            self.refresh = given["refreshToken"] = f"fetched-refresh-{len(self.renewals)}"
        return 200, given

    def file(self, name="corp"):
        return self.cache / (hashlib.sha1(name.encode()).hexdigest() + ".json")

    def log_in(self, lasts_s=3600, token="fetched-login-token", name="corp", more=None):
        """As `aws sso login` does."""
        told = {"startUrl": START_URL, "region": "eu-west-1", "accessToken": token, "expiresAt": moment(lasts_s), **(more or {})}
        path = self.file(name)
        path.with_suffix(".new").write_text(json.dumps(told))
        path.with_suffix(".new").replace(path)

    def log_in_for_long(self, lasts_s=-1, refresh="fetched-refresh-0"):
        """With a token that can be renewed."""
        client = {"clientId": "client", "clientSecret": "fetched-client", "registrationExpiresAt": "2100-01-01T00:00:00Z"}
        self.refresh = "fetched-refresh-0"
        self.log_in(lasts_s, more={**client, "refreshToken": refresh})

    def environment(self, config=NEWER):
        self.config.write_text(config)
        return {**NO_KEYS, "AWS_PROFILE": "work", "AWS_ENDPOINT_URL_SSO": self.url, "AWS_ENDPOINT_URL_SSO_OIDC": self.url}


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


def ask_with_botocore(program, portal, monkeypatch, settings):
    with monkeypatch.context() as patch:
        patch.setattr(os, "environ", program.environment(**settings))
        for provider in (botocore.credentials.SSOProvider, botocore.tokens.SSOTokenProvider):
            patch.setattr(provider, "_SSO_TOKEN_CACHE_DIR", str(portal.cache))
        return botocore.session.Session().get_credentials().access_key


@pytest.mark.parametrize("config, name", [(OLDER, START_URL), (NEWER, "corp")], ids=["older", "newer"])
def test_the_portal_is_asked_as_botocore_asks_it(loaded, program, database, portal, monkeypatch, config, name):
    portal.log_in(name=name)
    settings = environment(loaded, database, portal.environment(config))
    assert ask_with_botocore(program, portal, monkeypatch, settings) == "KEY1"
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


# ---- renewing ----


def written(portal, since):
    """What lies in the cache, but for the time, which is an hour from when it was written."""
    told = json.loads(portal.file().read_text())
    assert (since + datetime.timedelta(seconds=3599)).strftime(FORM) <= told.pop("expiresAt") <= moment(3601)
    assert portal.file().stat().st_mode & 0o777 == 0o600
    assert [path.name for path in portal.cache.iterdir()] == [portal.file().name]
    return told


@pytest.mark.parametrize("rotates", [True, False], ids=["rotated", "no refresh token comes"])
@pytest.mark.parametrize("lasts_s", [-60, 600], ids=["expired", "near its end"])
def test_a_token_is_renewed_as_botocore_renews_it(loaded, program, database, portal, monkeypatch, lasts_s, rotates):
    settings = environment(loaded, database, portal.environment())
    portal.rotates = rotates
    files = []
    for ask in (lambda: ask_with_botocore(program, portal, monkeypatch, settings), lambda: program.run("check", env=settings).stdout):
        portal.renewals.clear()
        portal.log_in_for_long(lasts_s)
        since = after(0)
        assert ask()
        files.append((written(portal, since), portal.renewals[0], portal.asked[-1]))
        assert len(portal.renewals) == 1 and portal.asked[-1][2] == "fetched-token-1"
    theirs, ours = files
    assert ours == theirs and ("refreshToken" in ours[0]) == rotates
    assert keys_seen(loaded) == ["KEY2"]


def test_what_lies_in_the_cache_besides_stays(loaded, program, database, portal):
    """As others than botocore have it: a later SDK may need it."""
    portal.log_in_for_long()
    told = json.loads(portal.file().read_text())
    portal.file().write_text(json.dumps({**told, "later": {"é": [1, None]}}))
    since = after(0)
    assert program.run("check", env=environment(loaded, database, portal.environment())).status == 0
    assert written(portal, since)["later"] == {"é": [1, None]}


def test_a_drain_with_a_renewed_token(loaded, program, database, portal):
    portal.log_in_for_long()
    run = program.drain(env=environment(loaded, database, portal.environment()), status=(0,))
    assert run.summary()["inserted"] == run.summary()["deleted"] == database.count() == COUNT
    assert len(portal.renewals) == len(portal.asked) == 1
    assert "fetched-" not in run.stderr() + run.stdout()


def test_a_renewal_is_refused(loaded, program, database, portal):
    """A service waits for a login, and says nothing of what the server said."""
    portal.log_in_for_long(refresh="fetched-used")
    run = program.start(env=environment(loaded, database, portal.environment()))
    said = run.wait_event("credentials_failed")
    assert said["text"] == f"the SSO login has expired: {LOGIN}" and said["setting"] == "sso_session"
    portal.log_in()
    wait_until(lambda: database.count() == COUNT, run.tail)
    assert run.terminate() == 0
    assert len(portal.renewals) == 1
    assert "fetched-" not in run.stderr() + run.stdout()


def test_nobody_renews(loaded, program, database, portal):
    settings = environment(loaded, database, {**portal.environment(), "AWS_ENDPOINT_URL_SSO_OIDC": "http://127.0.0.1:9"})
    portal.log_in_for_long(lasts_s=600)
    assert program.run("check", env=settings).status == 0
    portal.log_in_for_long()
    result = program.run("check", env=settings)
    assert result.status == 1 and "fetched-" not in result.stdout + result.stderr, result
    assert "FAIL  credentials  the token service of IAM Identity Center cannot be asked: " in result.stdout, result


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


@pytest.mark.skipif(os.geteuid() != 0, reason="a user of its own is needed")
def test_the_cache_stays_its_owners(loaded, program, database, portal):
    """Root in a container renews the login of the user whose home is mounted there."""
    portal.log_in_for_long()
    os.chown(portal.file(), 54321, 54322)
    since = after(0)
    assert program.run("check", env=environment(loaded, database, portal.environment())).status == 0
    written(portal, since)
    assert (portal.file().stat().st_uid, portal.file().stat().st_gid) == (54321, 54322)


@pytest.mark.skipif(os.geteuid() != 0, reason="a user of its own is needed")
def test_the_cache_may_not_be_written(loaded, program, database, portal, public):
    """It goes on with what it has, and says so once."""
    portal.log_in_for_long()
    before = portal.file().read_text()
    settings = {**environment(loaded, database, portal.environment()), "HOME": public}
    shutil.copytree(portal.config.parent, f"{public}/.aws")
    shutil.copy(binary(), public)
    other_user = ["setpriv", "--reuid=54321", "--clear-groups", "sh", "-c", 'shift; exec "$0" "$@"', f"{public}/{os.path.basename(binary())}"]
    run = program.start("--drain", env=settings, under=other_user)
    assert run.wait() == 0, run.tail()
    assert database.count() == COUNT and len(portal.renewals) == 1
    (said,) = run.events("sso_token_not_saved")
    assert "the file of its token may not be written" in said["text"] and said["setting"] == "sso_session"
    assert "fetched-" not in run.stderr() + run.stdout()
    assert [path.read_text() for path in Path(public, ".aws/sso/cache").iterdir()] == [before]
    portal.log_in_for_long()
    checked = program.start("check", env=settings, under=other_user)
    assert checked.wait() == 0 and f"\nwarn  credentials  {said['text']}\n" in checked.stdout(), checked.tail()
