"""Who can look into the process, and what he would find there."""

import os
import subprocess
from pathlib import Path

import pytest

from lib import logins
from lib.credential_services import NO_KEYS
from lib.processes import wait_until
from lib.program import is_sanitized

NOBODY = 65534
AS_NOBODY = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"]

# Sanitizers look into the process themselves, and keep copies of what is freed.
pytestmark = pytest.mark.skipif(is_sanitized(), reason="a build with sanitizers can be looked into")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root becomes another user")
def test_nobody_else_looks_into_it(world):
    """Not even the same user: the files that would show it are root's. The program itself works as ever."""
    world.send(logins.make(20, seed=61, bad=0.1))
    run = world.program.start(under=AS_NOBODY)
    wait_until(lambda: world.database.has_table() and world.database.count() == len(world.good), run.tail)
    assert f"Uid:\t{NOBODY}\t" in Path(f"/proc/{run.pid}/status").read_text()
    for name in ("mem", "environ", "maps"):
        assert os.stat(f"/proc/{run.pid}/{name}").st_uid == 0
    other = subprocess.run([*AS_NOBODY, "cat", f"/proc/{run.pid}/environ"], capture_output=True, text=True, check=False)
    assert other.returncode != 0 and "Permission denied" in other.stderr
    assert run.terminate() == 0
    world.check()


def test_no_core_is_dumped(world):
    run = world.program.start()
    run.wait_event("ready")
    limits = Path(f"/proc/{run.pid}/limits").read_text().splitlines()
    assert [line.split()[4:6] for line in limits if line.startswith("Max core")] == [["0", "0"]]
    assert run.terminate() == 0


# ---------------------------------------------------------------------------------------------------------------------
# What memory holds

KEY = "KeyOfAProfileOrTheEnvironment0123456789/"
TOKEN = "TokenOfTheEnvironmentForASession0123456789"
OTHER = "KeyOfAnotherProfileThatIsNotChosen012345"


def places(run, *secrets):
    """secret → what of the process's writable memory it stands in, once for each place."""
    found = {secret: [] for secret in secrets}
    try:
        with open(f"/proc/{run.pid}/maps", encoding="ascii") as maps, open(f"/proc/{run.pid}/mem", "rb", 0) as memory:
            for line in maps:
                addresses, rights, *more = line.split(None, 5)
                if not rights.startswith("rw"):
                    continue
                first, end = (int(address, 16) for address in addresses.split("-"))
                memory.seek(first)
                content = memory.read(end - first)
                for secret in secrets:
                    found[secret] += [more[-1].strip()] * content.count(secret.encode())
    except PermissionError:
        pytest.skip("the memory of a process of ours cannot be read")
    return found


def secrets_of(world, *args, **env):
    """A service's that has received and stored, as it is when it waits."""
    world.send(logins.make(5, seed=62, bad=0))
    run = world.program.start(*args, env=env)
    wait_until(lambda: world.database.has_table() and world.database.count() == 5, run.tail)
    wait_until(world.queue.is_empty, run.tail)
    return run


def test_keys_of_the_environment(world):
    """They stay with the source and the signer, which needs the key for each day, and requests hold the token."""
    run = secrets_of(world, AWS_SECRET_ACCESS_KEY=KEY, AWS_SESSION_TOKEN=TOKEN)
    found = places(run, KEY, TOKEN)
    assert found[KEY] == ["[heap]"] * 2, found
    assert set(found[TOKEN]) == {"[heap]"}, found


def test_keys_of_a_profile(world, tmp_path):
    """Another profile's leave nothing."""
    (tmp_path / "credentials").write_text(
        f"[other]\naws_access_key_id = B\naws_secret_access_key = {OTHER}\naws_session_token = {OTHER}\n"
        f"[default]\naws_access_key_id = A\naws_secret_access_key = {KEY}\n"
    )
    none = dict.fromkeys(("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"))
    run = secrets_of(world, AWS_SHARED_CREDENTIALS_FILE=tmp_path / "credentials", **none)
    assert places(run, KEY, OTHER) == {KEY: ["[heap]"] * 2, OTHER: []}


ROLE = "[profile deploy]\nrole_arn = arn:aws:iam::111111111111:role/deploy\n"


@pytest.mark.parametrize("how", ["environment", "profile"])
def test_keys_that_a_role_is_taken_on_with(world, sts, tmp_path, how):
    """They stay with their source and with the signer of the requests to STS."""
    named = how == "environment"
    (tmp_path / "config").write_text(ROLE + ("credential_source = Environment\n" if named else "source_profile = work\n"))
    (tmp_path / "credentials").write_text(f"[work]\naws_access_key_id = A\naws_secret_access_key = {OTHER if named else KEY}\n")
    keys = {**NO_KEYS, "AWS_ACCESS_KEY_ID": "A", "AWS_SECRET_ACCESS_KEY": KEY} if named else NO_KEYS
    files = {"AWS_CONFIG_FILE": tmp_path / "config", "AWS_SHARED_CREDENTIALS_FILE": tmp_path / "credentials"}
    run = secrets_of(world, "--profile", "deploy", AWS_ENDPOINT_URL_STS=sts.url, **files, **keys)
    assert sts.given == 1
    assert places(run, KEY, OTHER) == {KEY: ["[heap]"] * 2, OTHER: []}


@pytest.mark.parametrize("asked", [True, False])
def test_the_token_for_a_container_s_service(world, metadata, asked):
    """Its source keeps it, and nobody where other credentials come first; of what it brings the signer has a copy too."""
    env = metadata.environment("container") if asked else {}
    run = secrets_of(world, **{**env, "AWS_CONTAINER_AUTHORIZATION_TOKEN": TOKEN})
    assert (metadata.given > 0) == asked
    assert places(run, TOKEN, "fetched-secret") == {TOKEN: ["[heap]"] * asked, "fetched-secret": ["[heap]"] * 2 * asked}


@pytest.mark.parametrize("how", ["variable", "file", "argument", "config"])
def test_the_database_url(world, tmp_path, how):
    """One copy stays, for the connections to come."""
    url = world.database.url
    (tmp_path / "url").write_text(url)
    (tmp_path / "conf").write_text(f"database-url = {url}\n")
    env = {"DATABASE_URL": url if how == "variable" else None, "DATABASE_URL_FILE": tmp_path / "url" if how == "file" else None}
    args = {"argument": ["--database-url", url], "config": ["--config", tmp_path / "conf"]}.get(how, [])
    run = secrets_of(world, *args, **env)
    assert places(run, url) == {url: ["[heap]"]}
    assert url not in Path(f"/proc/{run.pid}/cmdline").read_text()


def test_the_database_password(world):
    """libpq has copies of its own; the environment that came from outside has none any more."""
    host = world.database.url.partition("@")[2]
    user, password = world.database.url.removeprefix("postgresql://").partition("@")[0].split(":")
    run = secrets_of(world, DATABASE_URL=f"postgresql://{user}@{host}", PGPASSWORD=password)
    found = places(run, password, f"PGPASSWORD={password}")
    assert found[f"PGPASSWORD={password}"] == ["[heap]"] and set(found[password]) == {"[heap]"}, found
