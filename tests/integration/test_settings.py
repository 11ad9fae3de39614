"""How settings are found: arguments, variables, files, profiles, and what --print-config says of them."""

import re

import pytest

from lib import logins

SECRETS = ("not-a-secret", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY")


def config_line(result, name):
    assert result.status == 0, result
    found = [line for line in result.stdout.splitlines() if re.match(rf"\W*{name}\b(?!-)", line)]
    assert len(found) == 1, result.stdout
    return found[0]


def test_print_config_tells_values_and_where_they_come_from(program, tmp_path):
    (tmp_path / "conf").write_text("batch-rows = 77\nconcurrency = 5\nqueue = from-file\n")
    env = {"LOGINETL_CONCURRENCY": "6", "LOGINETL_QUEUE": "from-environment"}
    result = program.run("--print-config", "--config", tmp_path / "conf", "--queue", "from-flag", env=env)
    assert "77" in config_line(result, "batch-rows") and "conf" in config_line(result, "batch-rows")
    assert "6" in config_line(result, "concurrency") and "LOGINETL_CONCURRENCY" in config_line(result, "concurrency")
    assert "from-flag" in config_line(result, "queue") and "--queue" in config_line(result, "queue")
    assert "20" in config_line(result, "wait-time") and "default" in config_line(result, "wait-time")


def test_print_config_shows_no_secret(program):
    env = {"DATABASE_URL": "postgresql://u:not-a-secret@h/d", "PGPASSWORD": "not-a-secret"}
    result = program.run("--print-config", env=env)
    assert "***" in config_line(result, "database-url")
    assert not any(secret in result.stdout + result.stderr for secret in SECRETS)


def test_print_config_is_a_config_file(program, tmp_path):
    """Also with a secret in force: its stars are not read back as a value."""
    env = {"DATABASE_URL": "postgresql://u:not-a-secret@h/d", "LOGINETL_CONCURRENCY": "6"}
    printed = program.run("--print-config", env=env)
    (tmp_path / "conf").write_text(printed.stdout)
    again = program.run("--print-config", "--config", tmp_path / "conf")
    assert "6" in config_line(again, "concurrency") and "conf" in config_line(again, "concurrency")
    assert "not set" in config_line(again, "database-url")


PROFILES = """
[default]
region = eu-west-3
[profile work]
region = eu-south-1
endpoint_url = http://127.0.0.1:4566
ca_bundle = /a/bundle.pem
aws_access_key_id = AKIAWORK
aws_secret_access_key = not-a-secret
[profile half]
region = eu-south-2
role_arn = arn:aws:iam::111111111111:role/r
"""
UNSET = dict.fromkeys(("AWS_REGION", "AWS_ENDPOINT_URL_SQS", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"))


@pytest.fixture
def profiles(tmp_path):
    path = tmp_path / "aws"
    path.write_text(PROFILES)
    return {**UNSET, "AWS_CONFIG_FILE": path}


def test_print_config_tells_what_a_profile_gives(program, profiles):
    result = program.run("--print-config", env={**profiles, "AWS_PROFILE": "work"})
    assert config_line(result, "region") == "region = eu-south-1  ; profile work"
    assert config_line(result, "endpoint-url") == "endpoint-url = http://127.0.0.1:4566  ; profile work"
    assert config_line(result, "AWS_CA_BUNDLE") == "# AWS_CA_BUNDLE = /a/bundle.pem  ; profile work"
    assert config_line(result, "AWS_SECRET_ACCESS_KEY") == "# AWS_SECRET_ACCESS_KEY = ***  ; profile work"
    assert config_line(result, "AWS_SESSION_TOKEN") == "# AWS_SESSION_TOKEN: not set"
    assert not any(secret in result.stdout for secret in (*SECRETS, "AKIAWORK"))
    default = program.run("--print-config", env={**profiles, "AWS_EC2_METADATA_DISABLED": None})
    assert config_line(default, "region") == "region = eu-west-3  ; profile default"


def test_print_config_tells_what_is_stronger_than_a_profile(program, profiles):
    keys = {"AWS_ACCESS_KEY_ID": "AKIA", "AWS_SECRET_ACCESS_KEY": "not-a-secret"}
    env = {**profiles, **keys, "AWS_REGION": "eu-west-1", "AWS_ENDPOINT_URL": "http://127.0.0.1:1", "AWS_CA_BUNDLE": "/b"}
    result = program.run("--print-config", env={**env, "AWS_PROFILE": "work"})
    for name, source in (("region", "AWS_REGION"), ("endpoint-url", "AWS_ENDPOINT_URL"), ("AWS_CA_BUNDLE", "AWS_CA_BUNDLE")):
        assert config_line(result, name).endswith(f"; {source}"), result
    assert config_line(result, "AWS_ACCESS_KEY_ID") == "# AWS_ACCESS_KEY_ID = ***  ; AWS_ACCESS_KEY_ID"
    named = program.run("--print-config", "--profile", "work", env=env)
    assert config_line(named, "AWS_ACCESS_KEY_ID") == "# AWS_ACCESS_KEY_ID = ***  ; profile work"
    ignored = program.run("--print-config", env={**env, "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "true"})
    assert config_line(ignored, "endpoint-url").startswith("# endpoint-url: not set"), ignored


def test_print_config_of_a_profile_is_a_config_file(program, profiles, tmp_path):
    """It means the same without the profile."""
    env = {**profiles, "AWS_PROFILE": "work"}
    lines = program.run("--print-config", env=env).stdout.replace("profile = work", "# profile = work")
    (tmp_path / "conf").write_text(lines)
    again = program.run("--print-config", "--config", tmp_path / "conf", env=UNSET)
    assert config_line(again, "region").startswith("region = eu-south-1  ; ") and "conf line" in config_line(again, "region")
    assert config_line(again, "endpoint-url").startswith("endpoint-url = http://127.0.0.1:4566  ; ")


@pytest.mark.parametrize(
    "env, line, words",
    [
        ({"AWS_PROFILE": "nosuch"}, "profile = nosuch  ; AWS_PROFILE", '--profile: "nosuch" is in neither of the AWS configuration files'),
        ({"AWS_PROFILE": "half"}, "region = eu-south-2  ; profile half", "profile half: role_arn needs source_profile"),
        ({"DATABASE_URL": "host=h port=x"}, "# database-url = ***  ; DATABASE_URL", "--database-url: a port is not a number"),
    ],
    ids=["no profile", "half a role", "no port"],
)
def test_print_config_says_what_a_start_would(program, profiles, env, line, words):
    """Behind all that it can show."""
    printed = program.run("--print-config", env={**profiles, **env})
    started = program.run("--drain", env={**profiles, **env})
    assert printed.status == started.status == 2 and printed.stderr == started.stderr
    assert printed.stderr.startswith(f"loginetl: {words}") and f"\n{line}\n" in printed.stdout, printed


def test_equals_and_space_are_the_same(program):
    for args in (["--batch-rows=9"], ["--batch-rows", "9"]):
        assert "9" in config_line(program.run("--print-config", *args), "batch-rows")


def test_values_from_files(world, tmp_path):
    """As orchestrators hand out secrets: with a line end, and not in the environment."""
    (tmp_path / "url").write_text(world.database.url + "\n")
    (tmp_path / "queue").write_text(world.queue.name + "\n")
    world.send(logins.make(10, seed=91, bad=0))
    world.program.drain(
        status=(0,),
        env={
            "DATABASE_URL": None,
            "DATABASE_URL_FILE": tmp_path / "url",
            "LOGINETL_QUEUE": None,
            "LOGINETL_QUEUE_FILE": tmp_path / "queue",
        },
    )
    world.check()


def test_the_pg_variables(world, tmp_path):
    user, password, host, port, name = re.fullmatch(
        r"postgresql://(.+):(.+)@(.+):(\d+)/(.+)", world.database.url
    ).groups()
    (tmp_path / "password").write_text(password + "\n")
    world.send(logins.make(10, seed=92, bad=0))
    common = {"DATABASE_URL": None, "PGHOST": host, "PGPORT": port, "PGUSER": user, "PGDATABASE": name}
    world.program.drain(status=(0,), env={**common, "PGPASSWORD": password})
    world.send(logins.make(10, seed=93, bad=0))
    world.program.drain(status=(0,), env={**common, "PGPASSWORD_FILE": tmp_path / "password"})
    world.check()


def test_a_key_value_string_for_the_database(world):
    user, password, host, port, name = re.fullmatch(
        r"postgresql://(.+):(.+)@(.+):(\d+)/(.+)", world.database.url
    ).groups()
    world.send(logins.make(10, seed=94, bad=0))
    world.program.drain(
        "--database-url",
        f"host={host} port={port} user={user} password='{password}' dbname={name}",
        status=(0,),
        env={"DATABASE_URL": None},
    )
    world.check()


def test_a_host_name_for_the_database(world):
    world.send(logins.make(10, seed=95, bad=0))
    world.program.drain(status=(0,), env={"DATABASE_URL": world.database.url.replace("127.0.0.1", "localhost")})
    world.check()
