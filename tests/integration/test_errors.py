"""What goes wrong at the start is said in one clear line that names the setting to change, with the right exit status."""

import re
import subprocess

import pytest

from lib import logins, namespaces
from lib.postgres import PASSWORD
from lib.processes import TOP, free_port, wait_until
from lib.program import binary


def complaints(result):
    """The lines that say what is wrong: errors of the log, or what a usage error prints."""
    lines = []
    for line, event in zip(result.stderr.splitlines(), result.events):
        if event.get("level") == "error" or line.startswith("loginetl: "):
            lines.append(line)
    return lines


def check(result, status, *names):
    """One line says it, and it names one of these settings."""
    assert result.status == status, result
    lines = complaints(result)
    assert len(lines) == 1, result.stderr
    assert any(name in lines[0] for name in names), lines[0]


def no_secret(result, *secrets):
    for secret in secrets:
        assert secret not in result.stderr and secret not in result.stdout


# ---------------------------------------------------------------------------------------------------------------------
# Usage: exit 2, before anything is touched


@pytest.mark.parametrize(
    "args, names",
    [
        (["--concurrency", "0"], ["--concurrency", "0", "256"]),
        (["--concurrency", "257"], ["--concurrency", "257", "256"]),
        (["--concurrency", "many"], ["--concurrency", "many"]),
        (["--concurrency", "8x"], ["--concurrency", "8x"]),
        (["--concurrency"], ["--concurrency"]),
        (["--wait-time", "21"], ["--wait-time", "21", "20"]),
        (["--visibility-timeout", "4"], ["--visibility-timeout", "4", "43200"]),
        (["--connections", "33"], ["--connections", "33", "32"]),
        (["--batch-rows", "10001"], ["--batch-rows", "10001", "10000"]),
        (["--dedupe-window", "16"], ["--dedupe-window", "16", "15"]),
        (["--schema", "drop"], ["--schema", "drop", "create", "require"]),
        (["--dedupe", "maybe"], ["--dedupe", "maybe", "ledger", "off"]),
        (["--mask", "rot13"], ["--mask", "rot13", "sha256"]),
        (["--on-reject", "ignore"], ["--on-reject", "ignore", "dlq", "leave", "discard"]),
        (["--envelope", "paper"], ["--envelope", "paper", "none", "sns", "eventbridge"]),
        (["--app-version", "roman"], ["--app-version", "roman", "digits"]),
        (["--memory-limit", "lots"], ["--memory-limit", "lots"]),
        (["--memory-limit", "64MB"], ["--memory-limit", "64MB", "such as 64MiB"]),
        (["--require", "user_id,nobody"], ["--require", "nobody"]),
        (["--no-such-option"], ["--no-such-option"]),
        (["--queue-url", "not a url"], ["--queue-url"]),
        (["--queue-url", "login-queue"], ["--queue-url", "is a name, which goes to --queue"]),
        (["--queue-url", "arn:aws:sqs:eu-west-1:123456789012:q"], ["--queue-url", "is an ARN, which goes to --queue"]),
        (["--region", "EU-WEST-1"], ["--region", "EU-WEST-1", "is not a region's name (lower-case letters, digits and -)"]),
        (["--queue", "https://sqs.eu-west-1.amazonaws.com/1/q"], ["--queue", "is a URL, which goes to --queue-url"]),
        (["--queue", "arn:aws:sns:eu-west-1:1:q"], ["--queue", "is not a queue's ARN (arn:aws:sqs:REGION:ACCOUNT:NAME, the account in twelve"]),
        (["--queue", "arn:aws:sqs:eu-west-1:12345678901:q"], ["--queue", "is not a queue's ARN", "the account in twelve digits"]),
        (["--queue", "q.dead"], ["--queue", "q.dead", "letters, digits, - and _, 80 at most, with .fifo at the end"]),
        (["--queue", "q" * 81], ["--queue", "80 at most"]),
        (["--queue-url", "https://sqs.eu-west-1.amazonaws.com"], ["--queue-url", "is not a queue's URL", "/ACCOUNT/NAME"]),
        (["--queue-url", "https://sqs.eu-west-1.amazonaws.com/12345678901/q"], ["--queue-url", "is not a queue's URL"]),
        (["--queue-url", "https://sqs.eu-west-1.amazonaws.com/queue/123456789012/q"], ["--queue-url", "is not a queue's URL"]),
        (["--dlq-url", "https://queue.amazonaws.com/123456789012/q q"], ["--dlq-url", "is not an http:// or https:// URL"]),
        (["--dlq-url", "http://localhost:4566/"], ["--dlq-url", "is not a queue's URL"]),
        (["--endpoint-url", "https://sqs.eu-west-1.amazonaws.com/123456789012/q"], ["--endpoint-url", "goes to --queue-url"]),
        (["--endpoint-url", "ftp://127.0.0.1"], ["--endpoint-url"]),
        (["nonsense"], ["nonsense"]),
        (["drain"], ["drain is not a command", "did you mean --drain?"]),
        (["version"], ["version is not a command", "did you mean --version?"]),
        (["--drain", "surplus"], ["surplus"]),
        (["--config", "/no/such/file"], ["--config", "/no/such/file"]),
    ],
)
def test_wrong_usage(world, args, names):
    result = world.program.run(*args)
    check(result, 2, names[0])
    assert all(name in result.stderr for name in names), result.stderr
    assert result.stdout == ""


USER = "has a user's name or a password in it, which is not taken there: leave it out"
URLS = ["http://ann:s3cret@host:1", "http://ann:1/s3cret@host/1/q", "ann:s3cret@host"]


@pytest.mark.parametrize("url", URLS)
@pytest.mark.parametrize("option", ["--endpoint-url", "--queue-url", "--dlq-url"])
def test_a_user_in_a_url(world, option, url):
    """Neither a refusal nor --print-config shows what may be a password."""
    result = world.program.run(option, url)
    check(result, 2, f"{option}: its value {USER} (from the command line)")
    printed = world.program.run("--print-config", option, url)
    assert printed.status == 2 and f"# {option[2:]} = ***  ; {option}\n" in printed.stdout, printed
    assert printed.stderr == result.stderr
    no_secret(result, "s3cret", "ann")
    no_secret(printed, "s3cret", "ann:")


def test_a_user_in_the_url_of_a_queue_by_name(world):
    result = world.program.run("--queue", URLS[0])
    check(result, 2, "--queue: its value is a URL, which goes to --queue-url")
    no_secret(result, "s3cret", "ann")


MISPLACED = {
    "URL": "http://ann:s3cret@host:1",
    "URL without a host": "http://ann:s3cret",
    "database": "postgres://ann:s3cret@host/db",
    "database with an @ too many": "postgres://ann:half@s3cret@host/db",
    "without a scheme": "ann:s3cret",
    "key=value": "host=host user=ann password=s3cret",
    "secret key": "s3cretUtnFEMI/K7MDENGbPxRfiCYEXAMPLEKEYa",
    "session token": "IQoJb3JpZ2luX2VjEs3cretaCXVzLWVhc3QtMSJHMEUCIQD==",
}
CHOSEN = ["concurrency", "memory-limit", "on-reject"]  # a number, a size, a choice: one code each
OPTIONS = ["queue", "queue-url", "endpoint-url", "dlq-url", "region", "profile", "table", "require", "config", *CHOSEN]
VARIABLES = [
    "LOGINETL_QUEUE", "LOGINETL_QUEUE_URL", "LOGINETL_DLQ_URL", "AWS_ENDPOINT_URL_SQS", "AWS_REGION", "AWS_PROFILE", "LOGINETL_CONCURRENCY",
    "LOGINETL_TABLE_FILE", "DATABASE_URL_FILE", "PGPASSWORD_FILE",
]


@pytest.mark.parametrize("text", MISPLACED.values(), ids=MISPLACED)
def test_a_secret_in_a_wrong_place(program, tmp_path, text):
    """Whatever it was given to, and whatever is wrong with it, what may be a password, a key or a token is not told."""
    config = tmp_path / "conf"
    words = [[text], ["--drain", text], ["check", text], ["send", text], ["mask", text], [f"--{text}"], [f"-{text}"], [f"-p{text}"]]
    for args in words + [["check", f"--{option}", text] for option in OPTIONS]:
        result = program.run(*args)
        assert result.status == 2 and result.stdout == "", result
        no_secret(result, "s3cret", "ann")
    for variable in VARIABLES:
        none = {"DATABASE_URL": None} if variable == "DATABASE_URL_FILE" else {}
        result = program.run("check", env={**none, variable: text})
        assert result.status == 2 and (variable in result.stderr), result
        no_secret(result, "s3cret", "ann")
    for line in (f"{text}\n", f"{text} = 1\n", f"[{text}]\n", f"concurrency = {text}\n"):
        config.write_text(line)
        result = program.run("check", "--config", config)
        assert result.status == 2 and "line 1" in result.stderr, result
        no_secret(result, "s3cret")


# What a profile names, and the file's other section that it is to be in.
NAMED = {
    "source_profile": "role_arn = arn:aws:iam::123456789012:role/r\n",
    "sso_session": "sso_account_id = 1\nsso_role_name = r\n",
    "services": "",
}


@pytest.mark.parametrize("key", NAMED)
def test_a_secret_that_a_profile_names(program, tmp_path, key):
    """Instead of another part of its file. A name is told."""
    env = {"AWS_CONFIG_FILE": tmp_path / "config", **NO_KEYS}
    for text, words in (*((text, "is none that exists") for text in MISPLACED.values()), ("none", "none does not exist")):
        (tmp_path / "config").write_text(f"[default]\n{NAMED[key]}{key} = {text}\n")
        result = program.run("--drain", env=env)
        check(result, 2, f"profile default: its {key}{' section' if key == 'services' else ''} {words}")
        no_secret(result, "s3cret", "ann")


def test_print_config_of_a_secret_instead_of_a_file(program, tmp_path):
    """Nobody has opened it by then."""
    for text in MISPLACED.values():
        (tmp_path / "config").write_text(f"[default]\nca_bundle = {text}\n")
        for env in ({"AWS_CA_BUNDLE": text}, {"AWS_CONFIG_FILE": tmp_path / "config"}):
            result = program.run("--print-config", env=env)
            assert "# AWS_CA_BUNDLE = ***  ; " in result.stdout, result
            no_secret(result, "s3cret", "ann")


def test_a_url_that_is_given_alone(program):
    """It says where it goes."""
    check(program.run("postgresql://ann@host/db"), 2, "a URL is not a command: give it to --database-url")
    check(program.run("https://sqs.eu-west-1.amazonaws.com/123456789012/q"), 2, "a URL is not a command: give it to --queue-url or --endpoint-url")


@pytest.mark.parametrize("option", ["queue", "queue-url", "endpoint-url", "dlq-url", "region", "profile", "table", "require"])
def test_print_config_of_a_secret_in_a_wrong_place(program, option):
    """What a start refuses is there for a password as little as in the error."""
    for text in MISPLACED.values():
        result = program.run("--print-config", f"--{option}", text)
        assert result.status == 2 and f"# {option} = ***  ; --{option}\n" in result.stdout, result
        no_secret(result, "s3cret", "ann")


NO_KEYS = {"AWS_ACCESS_KEY_ID": None, "AWS_SECRET_ACCESS_KEY": None, "AWS_ENDPOINT_URL_SQS": None, "AWS_REGION": "eu-west-1"}
ROLE = {"AWS_ROLE_ARN": "arn:aws:iam::123456789012:role/r", "AWS_WEB_IDENTITY_TOKEN_FILE": "/no/such/file"}
ANY = {"AWS_EC2_METADATA_DISABLED": None}
SSO = "sso_start_url = https://a.example\nsso_region = eu-west-1\nsso_account_id = 1\nsso_role_name = r\n"
SESSION = "sso_session = s\n[sso-session s]\nsso_start_url = https://a.example\nsso_region = eu-west-1\n"


@pytest.mark.parametrize("url", URLS[:2])
@pytest.mark.parametrize(
    "name, profile, env",
    [
        ("AWS_ENDPOINT_URL_SQS", "", {}),
        ("AWS_ENDPOINT_URL", "", {}),
        (None, "endpoint_url = {url}\n", {}),
        ("AWS_ENDPOINT_URL_STS", "", ROLE),
        ("AWS_ENDPOINT_URL_SSO", SSO, {}),
        ("AWS_ENDPOINT_URL_SSO_OIDC", SSO + SESSION, {"AWS_ENDPOINT_URL_SSO": "http://a.example"}),
        ("AWS_CONTAINER_CREDENTIALS_FULL_URI", "", ANY),
        ("AWS_EC2_METADATA_SERVICE_ENDPOINT", "", ANY),
    ],
)
def test_a_user_in_a_url_of_the_environment(world, tmp_path, url, name, profile, env):
    if env is ANY:
        url = url.replace("http:", "https:")  # without TLS a container may be no other host at all
    (tmp_path / "config").write_text("[default]\n" + profile.format(url=url))
    env = {**NO_KEYS, "AWS_CONFIG_FILE": tmp_path / "config", **({name: url} if name else {}), **env}
    result = world.program.run("--drain", env=env)
    assert result.status == 2 and USER in result.stderr and (name or "the profile's endpoint_url") in result.stderr, result
    no_secret(result, "s3cret", "ann")


GOOD_ROLE = "role_arn = arn:aws:iam::123456789012:role/r\n"
SOURCE = "source_profile = keys\n[profile keys]\naws_access_key_id = A\naws_secret_access_key = s3cret\n"


@pytest.mark.parametrize(
    "profile, env, words",
    [
        ("role_arn = deploy\n" + SOURCE, {}, "profile default: role_arn is not the ARN of a role"),
        (GOOD_ROLE + "role_session_name = a b\n" + SOURCE, {}, "profile default: role_session_name is not 2 to 64"),
        (GOOD_ROLE + "external_id = x\n" + SOURCE, {}, "profile default: external_id is not 2 to 1224"),
        (GOOD_ROLE + "duration_seconds = 5\n" + SOURCE, {}, "profile default: duration_seconds is not 900 to 43200"),
        (GOOD_ROLE + "mfa_serial = m\n" + SOURCE, {}, "profile default has mfa_serial"),
        ("credential_process = a 'b\n", {}, "credential_process has a quote that is not closed"),
        (SSO.replace("= r\n", f"= {'r' * 9000}\n"), {}, "sso_role_name is longer than any role's name"),
        (SSO.replace("eu-west-1", "EU"), {}, "the sso_region of the profile is not a region's name"),
        ("region = EU\n", {}, "the profile's region is not a region's name"),
        ("endpoint_url = nowhere\n", {}, "the profile's endpoint_url is not an http:// or https:// URL"),
        ("services = none\n", {}, "its services section none does not exist"),
        ("", {**ROLE, "AWS_ROLE_ARN": "pod"}, "AWS_ROLE_ARN or the profile's role_arn is not the ARN of a role"),
        ("", {**ROLE, "AWS_ROLE_SESSION_NAME": "a b"}, "AWS_ROLE_SESSION_NAME or the profile's role_session_name is not"),
        ("", {**ROLE, "AWS_ENDPOINT_URL_STS": "nowhere"}, "AWS_ENDPOINT_URL_STS"),
        ("", {"AWS_CONTAINER_CREDENTIALS_RELATIVE_URI": "x"}, "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI is not a path"),
        ("", {"AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://127.0.0.1:x/"}, "AWS_CONTAINER_CREDENTIALS_FULL_URI is not an http://"),
        ("", {"AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://10.0.0.1/"}, "AWS_CONTAINER_CREDENTIALS_FULL_URI: neither https:// nor"),
        (
            "",
            {"AWS_CONTAINER_CREDENTIALS_RELATIVE_URI": "/x", "AWS_CONTAINER_AUTHORIZATION_TOKEN": "s3cret\nb"},
            "AWS_CONTAINER_AUTHORIZATION_TOKEN is empty, or holds a line end",
        ),
        ("", {**ANY, "AWS_EC2_METADATA_SERVICE_ENDPOINT": "nowhere"}, "AWS_EC2_METADATA_SERVICE_ENDPOINT is not an http://"),
    ],
)
def test_wrong_credentials_that_are_known_before_anybody_is_asked(program, tmp_path, profile, env, words):
    """They are configuration, for every command, and for --print-config too."""
    (tmp_path / "config").write_text("[default]\n" + profile)
    env = {**NO_KEYS, "AWS_CONFIG_FILE": tmp_path / "config", **env}
    for args in (["--drain"], ["check"], ["send", "-"], ["--print-config"]):
        result = program.run(*args, env=env)
        check(result, 2, words)
        no_secret(result, "s3cret")
        assert result.stdout == "" or "--print-config" in args, result


def test_no_credentials_at_all(program):
    """Nothing is there that could be asked for some. check goes on with the rest of its table."""
    words = "no AWS credentials: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or give --profile"
    for args in (["--drain"], ["send", "-"], ["--print-config"]):
        check(program.run(*args, env=NO_KEYS), 2, words)


def test_a_group_for_a_queue_that_has_none(program):
    for queue in (["--queue", "q"], ["--queue-url", "http://127.0.0.1:1/1/q"], ["--queue", "arn:aws:sqs:eu-west-1:123456789012:q"]):
        result = program.run("send", "--group-id", "g", *queue, "-")
        check(result, 2, '--group-id: "g" is for FIFO queues, whose names end in .fifo (from the command line)')


@pytest.mark.parametrize(
    "variable, value, names",
    [
        ("LOGINETL_CONCURRENCY", "0", ["LOGINETL_CONCURRENCY", "256"]),
        ("LOGINETL_MASK", "md5", ["LOGINETL_MASK", "md5"]),
        ("LOGINETL_QUEUE", "no such/name", ["LOGINETL_QUEUE"]),
        ("LOGINETL_QUEUE_FILE", "/no/such/file", ["LOGINETL_QUEUE_FILE", "/no/such/file"]),
        ("AWS_SECRET_ACCESS_KEY", None, ["AWS_SECRET_ACCESS_KEY"]),
    ],
)
def test_wrong_environment(world, variable, value, names):
    env = {variable: value, **({"LOGINETL_QUEUE": None} if variable == "LOGINETL_QUEUE_FILE" else {})}
    result = world.program.run("--drain", env=env)
    assert result.status == 2, result
    assert all(name in result.stderr for name in names), result.stderr


def test_a_wrong_line_in_the_config_file(world, tmp_path):
    (tmp_path / "conf").write_text("# a comment\nconcurrency = 4\nconcurency = 5\n")
    result = world.program.run("--config", tmp_path / "conf")
    check(result, 2, "concurency")
    assert ":3" in result.stderr or "line 3" in result.stderr, result.stderr


def test_a_section_in_the_config_file(world, tmp_path):
    (tmp_path / "conf").write_text("[queue]\nconcurrency = 4\n")
    result = world.program.run("--config", tmp_path / "conf")
    check(result, 2, "line 1: [queue]: sections are not used")


def test_a_setting_twice_in_the_config_file(world, tmp_path):
    (tmp_path / "conf").write_text("concurrency = 4\nqueue = a\nconcurrency = 5\n")
    result = world.program.run("--config", tmp_path / "conf")
    check(result, 2, "line 3: concurrency is set already in line 1")


def test_two_values_for_one_setting(world, tmp_path):
    (tmp_path / "queue").write_text("another\n")
    result = world.program.run("--drain", env={"LOGINETL_QUEUE_FILE": tmp_path / "queue"})
    assert result.status == 2 and "LOGINETL_QUEUE" in result.stderr, result


def test_no_region_for_aws(world):
    result = world.program.run("--drain", env={"AWS_ENDPOINT_URL_SQS": None, "AWS_REGION": None})
    check(result, 2, "--region", "AWS_REGION")


# ---------------------------------------------------------------------------------------------------------------------
# The queue


def test_what_cannot_be_reached(world):
    """Queue and database, in two drains side by side: each tries for a while."""
    port = free_port()
    queue = world.program.start("--drain", env={"AWS_ENDPOINT_URL_SQS": f"http://127.0.0.1:{port}"})
    database = world.program.start("--drain", env={"DATABASE_URL": f"postgresql://u:{PASSWORD}@127.0.0.1:{port}/d"})
    queue.wait()
    database.wait()
    check(queue.result(), 1, "--endpoint-url", "AWS_ENDPOINT_URL", "--queue")
    check(database.result(), 1, "--database-url", "DATABASE_URL")
    assert f"127.0.0.1:{port}" in queue.stderr()
    no_secret(database.result(), PASSWORD)


def test_a_service_waits_for_its_queue(world, stub, make_stub):
    """What a drain gives up, a service keeps trying for: it may well be started before its queue."""
    port = free_port()
    world.send(logins.make(5, seed=40, bad=0))
    bodies = [login.body for login in world.sent]
    run = world.program.start(env={"AWS_ENDPOINT_URL_SQS": f"http://127.0.0.1:{port}"})
    run.wait_event("queue_away")
    late = make_stub("--port", str(port), queue=world.queue.name)
    late.add(bodies)
    wait_until(lambda: world.database.count() == 5, run.tail)
    wait_until(lambda: late.count("deleted") == 5, run.tail)
    assert run.terminate() == 0


def test_a_missing_queue(world):
    check(world.program.run("--drain", env={"LOGINETL_QUEUE": "nobodys-queue"}), 1, "nobodys-queue")


def test_a_missing_fifo_queue(world):
    """Its name may have been given without its end."""
    words = "check --queue and --region"
    check(world.program.run("--drain", "--queue", "nobodys"), 1, f"{words} (a FIFO queue's name ends in .fifo)")
    check(world.program.run("--drain", "--queue", "nobodys.fifo"), 1, f'{words}"')


def test_a_missing_queue_by_url(world, stub):
    check(
        world.program.run("--drain", "--queue-url", f"{stub.url}/000000000000/nobodys-queue"),
        1,
        "queue nobodys-queue does not exist at http://127.0.0.1:" + stub.url.rpartition(":")[2],
    )
    assert "check --queue-url" in world.program.runs[-1].stderr()


def test_the_setting_that_the_endpoint_comes_from(world):
    """Who is told to look at a setting that he has not used looks in vain. All at once: each tries for a while."""
    url = f"http://127.0.0.1:{free_port()}"
    none = {"AWS_ENDPOINT_URL_SQS": None}
    runs = {
        "--endpoint-url": world.program.start("check", env={"AWS_ENDPOINT_URL_SQS": url}),
        "--queue-url": world.program.start("check", "--queue-url", f"{url}/1/q", env=none),
    }
    if not namespaces.forbidden():  # no name resolves in a network that has nothing in it
        alone = ["unshare", "--user", "--map-root-user", "--net"]
        runs["--region"] = world.program.start("check", "--region", "eu-wst-1", env=none, under=alone)
    for setting, run in runs.items():
        assert run.wait() == 1
        line = next(line for line in run.stdout().splitlines() if line.startswith("FAIL  queue "))
        assert f"check {setting} or the network" in line


def test_a_queue_url_that_is_refused(world, stub):
    """It is the only setting there is to check."""
    stub.fault("ReceiveMessage", "error", status=400, code="UnsupportedOperation", times=-1)
    result = world.program.run("--drain", "--queue-url", world.queue.url, env={"AWS_ENDPOINT_URL_SQS": None})
    assert result.status == 1 and 'refused ReceiveMessage (UnsupportedOperation): check --queue-url"' in result.stderr, result


def test_an_endpoint_that_is_another_service(world, stub):
    stub.fault("*", "lost", times=-1)
    result = world.program.run("check")
    assert result.status == 1 and re.search(
        r"FAIL  queue  .* closed the connection .*: does --endpoint-url name an SQS", result.stdout
    )


@pytest.mark.parametrize("code", ["InvalidClientTokenId", "SignatureDoesNotMatch", "UnrecognizedClientException"])
def test_wrong_credentials(world, stub, code):
    stub.fault("*", "error", status=403, code=code, times=-1)
    result = world.program.run("--drain")
    check(result, 1, "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "credentials")
    no_secret(result, world.program.env["AWS_SECRET_ACCESS_KEY"])


def test_access_denied(world, stub):
    stub.fault("ReceiveMessage", "error", status=403, code="AccessDenied", times=-1)
    result = world.program.run("--drain")
    check(result, 1, "sqs:ReceiveMessage", "ReceiveMessage")


def test_access_denied_on_delete_is_fatal_and_loses_nothing(world, stub):
    world.send(logins.make(50, seed=41, bad=0))
    stub.fault("DeleteMessageBatch", "error", status=403, code="AccessDenied", times=-1)
    result = world.program.run("--drain", "--visibility-timeout", "5")
    check(result, 1, "DeleteMessage")
    stub.clear_faults()
    wait_until(lambda: world.queue.counts()[0] == 50, "everything is in the queue again")
    world.program.drain(status=(0,))
    world.check()


# ---------------------------------------------------------------------------------------------------------------------


def test_stdout_that_cannot_be_written(world):
    """A drain whose line for people is lost has still drained, but says that something went wrong."""
    world.send(logins.make(5, seed=43, bad=0))
    with open("/dev/full", "wb") as full:
        status = subprocess.run(
            [binary(), "--drain"], env=world.program.environment(), stdout=full, stderr=subprocess.DEVNULL, timeout=120
        ).returncode
    assert status == 1
    world.check()


@pytest.mark.parametrize("words", [["--version"], ["--help"], ["--print-config"], ["schema"], ["mask", "ip=192.0.2.1"]])
def test_stdout_that_is_closed(program, words):
    result = program.run(*words, under=["sh", "-c", 'exec "$@" >&-', "sh"])
    assert result.status == 1 and result.stderr == "loginetl: stdout cannot be written\n", result


# ---------------------------------------------------------------------------------------------------------------------
# The tests' own runner


@pytest.mark.parametrize(
    "args, words",
    [
        (["--only", "nosuch*"], "no step is called 'nosuch*'"),
        (["--only", "sim-long"], "needs --long"),
        (["--only"], "--only needs"),
        (["--qick"], "--qick is not an option"),
    ],
)
def test_wrong_usage_of_the_test_runner(args, words):
    """Before it installs or builds anything."""
    result = subprocess.run([TOP / "tests/run.sh", *args], capture_output=True, text=True, timeout=60)
    assert result.returncode == 2 and result.stdout == "" and words in result.stderr, result
    assert len(result.stderr.splitlines()) == 1, result.stderr


def test_a_name_that_no_mutant_has(tmp_path):
    """That nothing was tried is no success."""
    command = [TOP / "tests/sim/mutants.sh", tmp_path / "mutants", "nosuch"]
    result = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert result.returncode == 1 and "has nosuch in its name" in result.stdout, result
    assert result.stdout.splitlines()[-1] == "mutants: 0 passed, 1 failed"
