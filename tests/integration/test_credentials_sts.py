"""Credentials from STS: a web identity's and roles', in chains too. What STS is asked is what botocore asks it for the same
files and variables; the requests to the queue are signed with what it answers."""

import json
import os
from collections import namedtuple

import botocore.session
import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from lib import logins
from lib.credential_services import NO_KEYS
from lib.processes import free_port, wait_until
from test_credentials_fetched import COUNT, environment, keys_seen
from test_errors import check

ARN = "arn:aws:iam::111111111111:role/"
BASE = {"AWS_ACCESS_KEY_ID": "BASEKEY", "AWS_SECRET_ACCESS_KEY": "base-secret"}
WORK = "[profile work]\naws_access_key_id = WORKKEY\naws_secret_access_key = work-secret\n"
SECRETS = {"BASEKEY": "base-secret", "WORKKEY": "work-secret"}

Nowhere = namedtuple("Nowhere", "url")


@pytest.fixture
def loaded(make_stub):
    return make_stub("--generate", str(COUNT), "--record", "4096")


@pytest.fixture
def token(tmp_path):
    path = tmp_path / "token"
    path.write_text("head.body-1_2.first")
    return path


def role(name, more):
    return f"[profile {name}]\nrole_arn = {ARN}{name}\n{more}\n"


def settings(folder, sts, config="", **more):
    """The environment for these files, without keys."""
    path = folder / "config"
    path.write_text(config)
    return {**NO_KEYS, "AWS_CONFIG_FILE": str(path), "AWS_ENDPOINT_URL_STS": sts.url, "AWS_REGION": None, "AWS_DEFAULT_REGION": "eu-west-1", **more}


def identity(folder, sts, token, **more):
    return settings(folder, sts, AWS_WEB_IDENTITY_TOKEN_FILE=str(token), AWS_ROLE_ARN=f"{ARN}pod", **more)


# ---- what is asked, held against botocore ----

ROLE = role("deploy", "source_profile = work\nrole_session_name = nightly@home\nexternal_id = a/b:c\nduration_seconds = 1800")
CHAIN = (
    role("deploy", "source_profile = middle\nexternal_id = outer") + role("middle", "source_profile = first")
    + role("first", "source_profile = work\nrole_session_name = one") + WORK
)
PROFILE_IDENTITY = f"[profile pod]\nrole_arn = {ARN}pod\nweb_identity_token_file = TOKEN\nrole_session_name = pod-1\n"

# name: (config, environment, arguments); TOKEN, KEYS and CONTAINER are put in
SAME = {
    "role": (ROLE + WORK, {"AWS_PROFILE": "deploy"}, []),
    "role-of-environment": (role("deploy", "credential_source = Environment"), {**BASE, "AWS_SESSION_TOKEN": "to/ken+="}, ["--profile", "deploy"]),
    "role-of-container": (
        role("deploy", "credential_source = EcsContainer"), {"AWS_PROFILE": "deploy", "AWS_CONTAINER_CREDENTIALS_FULL_URI": "CONTAINER"}, []),
    "role-of-process": (role("deploy", "source_profile = asks") + "[profile asks]\ncredential_process = cat KEYS\n", {"AWS_PROFILE": "deploy"}, []),
    "chain-of-three": (CHAIN, {"AWS_PROFILE": "deploy"}, []),
    "web-identity": ("", {"AWS_WEB_IDENTITY_TOKEN_FILE": "TOKEN", "AWS_ROLE_ARN": ARN + "pod", "AWS_ROLE_SESSION_NAME": "pod=1"}, []),
    "web-identity-without-name": ("", {"AWS_WEB_IDENTITY_TOKEN_FILE": "TOKEN", "AWS_ROLE_ARN": ARN + "pod"}, []),
    "web-identity-of-profile": (PROFILE_IDENTITY, {"AWS_PROFILE": "pod"}, []),
    "role-of-web-identity": (PROFILE_IDENTITY + role("deploy", "source_profile = pod"), {"AWS_PROFILE": "deploy"}, []),
}


def plain(asked):
    """A request without what differs from one to the next: a name that was made, a time, a signature."""
    form = dict(asked.form)
    if form["RoleSessionName"].startswith(("loginetl-", "botocore-session-")):
        form["RoleSessionName"] = "made"
    scope = asked.headers.get("authorization", "").partition("Credential=")[2].partition(",")[0].split("/")
    signer = (scope[0], *scope[2:])  # without the day
    names = ("content-type", "x-amz-security-token")
    return asked.path, form, signer, {name: asked.headers[name] for name in names if name in asked.headers}


def theirs(monkeypatch, env, arguments, sts):
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "LOGINETL_", "BOTO"))}
    with monkeypatch.context() as patch:
        patch.setattr(os, "environ", {**kept, **{name: value for name, value in env.items() if value is not None}})
        session = botocore.session.Session(profile=arguments[1] if arguments else None)
        key = session.get_credentials().get_frozen_credentials().access_key
    return key, [plain(asked) for asked in sts.asked]


def check_signature(asked):
    """botocore signs the same request in the same way."""
    authorization = asked.headers["authorization"]
    key = authorization.partition("Credential=")[2].partition("/")[0]
    names = authorization.partition("SignedHeaders=")[2].partition(",")[0].split(";")
    assert {"content-type", "host", "x-amz-date"} <= set(names)
    headers = {name: asked.headers[name] for name in names}
    request = AWSRequest("POST", f"http://{asked.headers['host']}{asked.path}", data=asked.body, headers=headers)
    request.context["timestamp"] = asked.headers["x-amz-date"]
    auth = SigV4Auth(Credentials(key, SECRETS.get(key, "fetched-secret")), "sts", "eu-west-1")
    signature = auth.signature(auth.string_to_sign(request, auth.canonical_request(request)), request)
    assert authorization.endswith(f"Signature={signature}")


@pytest.mark.parametrize("name", SAME)
def test_what_is_asked_is_what_botocore_asks(name, loaded, program, database, sts, metadata, token, tmp_path, monkeypatch):
    config, more, arguments = SAME[name]
    put = {"TOKEN": str(token), "CONTAINER": f"{metadata.url}/role"}
    more = {variable: put.get(value, value) for variable, value in more.items()}
    keys = tmp_path / "keys"
    keys.write_text(json.dumps({"Version": 1, "AccessKeyId": "WORKKEY", "SecretAccessKey": SECRETS["WORKKEY"]}))
    env = settings(tmp_path, sts, config.replace("TOKEN", str(token)).replace("KEYS", str(keys)), **more)
    wanted = theirs(monkeypatch, env, arguments, sts)
    sts.begin()
    metadata.given = 0
    result = program.run("check", *arguments, env=environment(loaded, database, env))
    assert "ok    credentials" in result.stdout, result
    assert (*keys_seen(loaded), [plain(asked) for asked in sts.asked]) == wanted
    for asked in sts.asked:
        if asked.form["Action"] == "AssumeRole":
            check_signature(asked)
    assert "fetched-" not in result.stdout + result.stderr


# ---- what comes of it ----


@pytest.mark.parametrize("name", ["role", "chain-of-three", "web-identity"])
def test_a_drain(name, loaded, program, database, sts, token, tmp_path):
    config, more, _ = SAME[name]
    more = {variable: str(token) if value == "TOKEN" else value for variable, value in more.items()}
    run = program.drain(env=environment(loaded, database, settings(tmp_path, sts, config, **more)), status=(0,))
    assert run.summary()["inserted"] == run.summary()["deleted"] == database.count() == COUNT
    assert keys_seen(loaded) == [f"KEY{sts.given}"]
    assert "fetched-" not in run.stderr() + run.stdout()


def test_credentials_that_have_expired_are_fetched_anew(loaded, program, database, sts, token, tmp_path):
    """With the token that is there then."""
    number = loaded.fault("ReceiveMessage", "error", status=400, code="ExpiredToken")
    run = program.start(env=environment(loaded, database, identity(tmp_path, sts, token)))
    wait_until(lambda: loaded.faults_used()[number] > 0, run.tail)
    token.write_text("head.body-1_2.second")
    wait_until(lambda: sts.given >= 2 and database.count() == COUNT, run.tail)
    assert run.terminate() == 0
    assert [asked.form["WebIdentityToken"][-6:] for asked in sts.asked[:2]] == [".first", "second"]


def test_a_base_is_fetched_anew_in_time(loaded, program, database, sts, metadata, tmp_path):
    """Both are those of a few seconds."""
    metadata.lasts_s = sts.lasts_s = 2
    config, more, _ = SAME["role-of-container"]
    more = {**more, "AWS_CONTAINER_CREDENTIALS_FULL_URI": f"{metadata.url}/role"}
    run = program.start(env=environment(loaded, database, settings(tmp_path, sts, config, **more)))
    wait_until(lambda: sts.given >= 3 and database.count() == COUNT, run.tail)
    assert run.terminate() == 0
    assert not run.events("credentials_failed")
    signers = [plain(asked)[2][0] for asked in sts.asked]
    assert signers == [f"KEY{number + 1}" for number in range(len(signers))]


def test_a_service_waits_for_its_role(loaded, program, database, sts, tmp_path):
    sts.refusals = ["AccessDenied"] * 2
    run = program.start(env=environment(loaded, database, settings(tmp_path, sts, ROLE + WORK, AWS_PROFILE="deploy")))
    said = run.wait_event("credentials_failed")
    assert said["setting"] == "role_arn" and "role of profile deploy: STS denies the role" in said["text"]
    wait_until(lambda: database.count() == COUNT, run.tail)
    assert run.terminate() == 0
    assert run.events("credentials_recovered") and "psst" not in run.stderr()


def test_a_service_waits_for_the_instance_that_takes_a_role_on(loaded, program, database, sts, metadata, tmp_path):
    """It was named: that there is none does not mean that nobody gave credentials."""
    metadata.has_role = False
    more = {**metadata.environment("instance"), "AWS_PROFILE": "deploy"}
    config = role("deploy", "credential_source = Ec2InstanceMetadata")
    run = program.start(env=environment(loaded, database, settings(tmp_path, sts, config, **more)))
    said = run.wait_event("credentials_failed")
    assert said["source"] == "role of profile deploy" and "this instance has no role" in said["text"]
    metadata.has_role = True
    wait_until(lambda: database.count() == COUNT, run.tail)
    assert run.terminate() == 0
    assert keys_seen(loaded) == ["KEY1"] and metadata.given == 1


def test_check_says_what_is_wrong(loaded, program, database, sts, token, tmp_path):
    env = environment(loaded, database, identity(tmp_path, sts, token))
    result = program.run("check", env=env)
    assert "ok    credentials  from the web identity, until 2" in result.stdout
    sts.refusals = ["InvalidIdentityToken"]
    result = program.run("check", env=env)
    assert result.status == 1 and "FAIL  credentials" in result.stdout and "AWS_WEB_IDENTITY_TOKEN_FILE" in result.stdout
    assert "psst" not in result.stdout + result.stderr


@pytest.mark.parametrize(
    "more, setting",
    [
        ({"AWS_WEB_IDENTITY_TOKEN_FILE": "/t", "AWS_ROLE_ARN": "pod"}, "AWS_ROLE_ARN"),
        ({"AWS_WEB_IDENTITY_TOKEN_FILE": "/t", "AWS_ROLE_ARN": ARN, "AWS_ROLE_SESSION_NAME": "two words"}, "AWS_ROLE_SESSION_NAME"),
        ({"AWS_PROFILE": "short"}, "external_id"),
        ({"AWS_PROFILE": "mfa"}, "mfa_serial"),
        ({"AWS_PROFILE": "deploy", "AWS_ENDPOINT_URL_STS": "localhost:4566"}, "AWS_ENDPOINT_URL_STS"),
    ],
)
def test_settings_that_are_refused(more, setting, loaded, program, database, sts, tmp_path):
    config = ROLE + WORK + role("short", "source_profile = work\nexternal_id = x") + role("mfa", "source_profile = work\nmfa_serial = m")
    result = program.run(env=environment(loaded, database, settings(tmp_path, sts, config, **more)))
    check(result, 2, setting)
    assert sts.asked == []


# ---- a true one, if not AWS's ----


@pytest.mark.parametrize("kind", ["role", "web-identity"])
def test_a_drain_with_an_emulator_s_sts(kind, make_world, ministack, token, tmp_path):
    """It speaks both on the same address, which AWS_ENDPOINT_URL names."""
    world = make_world(ministack)
    world.send(logins.make(50, seed=1))
    arn = "arn:aws:iam::000000000000:role/worker"
    config = tmp_path / "config"
    keys = {"AWS_ACCESS_KEY_ID": None, "AWS_SECRET_ACCESS_KEY": None, "AWS_ENDPOINT_URL": ministack.url}
    if kind == "role":
        config.write_text(f"[default]\nrole_arn = {arn}\nsource_profile = work\nduration_seconds = 900\n{WORK}")
        keys["AWS_CONFIG_FILE"] = str(config)
    else:
        keys.update(AWS_WEB_IDENTITY_TOKEN_FILE=str(token), AWS_ROLE_ARN=arn)
    world.program.env.update(keys)
    checked = world.program.run("check")
    assert ("from the role of profile default, until 2" if kind == "role" else "from the web identity, until 2") in checked.stdout
    run = world.program.drain()
    assert run.summary()["inserted"] == len(world.good)
    world.check()


@pytest.mark.parametrize(
    "line, words", [("role_arn = deploy", "role_arn is not the ARN of a role"), (f"role_arn = {ARN}r\nduration_seconds = 5", "duration_seconds is not")])
def test_whose_role_is_malformed_is_told(program, sts, tmp_path, line, words):
    env = settings(tmp_path, sts, f"[profile deploy]\n{line}\nsource_profile = work\n" + WORK, AWS_PROFILE="deploy")
    check(program.run("--drain", env=env), 2, f"profile deploy: {words}")


def test_an_sts_that_is_not_there_is_told_with_the_setting(program, database, tmp_path):
    nobody = f"http://127.0.0.1:{free_port()}"
    env = {**settings(tmp_path, Nowhere(nobody), ROLE + WORK, AWS_PROFILE="deploy"), "DATABASE_URL": database.url}
    run = program.start(env=env)
    text = run.wait_event("credentials_failed")["text"]
    assert text.endswith("STS cannot be asked: cannot connect: check AWS_ENDPOINT_URL_STS or the network"), text
    assert run.terminate() == 0


def test_an_sts_whose_name_does_not_resolve_may_be_of_another_region(program, tmp_path):
    env = settings(tmp_path, Nowhere("http://sts.eu-wset-1.invalid"), ROLE + WORK, AWS_PROFILE="deploy")
    text = program.start(env=env).wait_event("credentials_failed")["text"]
    assert text.endswith("does not resolve: check --region, AWS_ENDPOINT_URL_STS or the network"), text
